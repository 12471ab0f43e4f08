"""Fills the pages about settings and JSON from the schemas and commands themselves, and publishes the schemas.

A page says ``<!-- settings -->`` or ``<!-- report -->`` where its tables belong.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from mkdocs.structure.files import File, Files

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))  # the pages are about this checkout, installed or not

from dockerlint_alpine.cli import app  # noqa: E402
from dockerlint_alpine.cli.check import check  # noqa: E402
from dockerlint_alpine.cli.fix import fix  # noqa: E402
from dockerlint_alpine.run.config import Settings, as_dict  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

PACKAGE = CHECKOUT / "dockerlint_alpine"
SCHEMAS = {
    "schemas/config.json": PACKAGE / "run" / "config.schema.json",
    "schemas/report.json": PACKAGE / "report" / "schema.json",
    "schemas/verify.json": PACKAGE / "proof" / "verify" / "schema.json",
}
Schema = Mapping[str, Any]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Publish the schemas."""
    for path, source in SCHEMAS.items():
        files.append(File.generated(config, path, content=source.read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs
    """Put the tables where the page wants them."""
    for marker, lines in (
        ("<!-- settings -->", settings),
        ("<!-- report -->", report),
        ("<!-- commands -->", commands),
    ):
        if marker in markdown:
            markdown = markdown.replace(marker, "\n".join(lines()))
    return markdown


def settings() -> Iterator[str]:
    """A section for each setting: what it does, its default, and the option of the command line that says the same."""
    schema = json.loads(SCHEMAS["schemas/config.json"].read_text(encoding="utf-8"))
    options = {
        parameter.name: max(parameter.opts, key=len)
        for command in (fix, check)
        for parameter in command.params
        if parameter.param_type_name == "option"
    }
    defaults = as_dict(Settings())
    for name, described in schema["properties"].items():
        default = defaults[name]
        option = options.get(name.replace("-", "_"))
        yield f"### `{name}`"
        yield ""
        yield described["description"]
        yield ""
        yield f"- Type: {_type(described, schema)}"
        yield f"- Default: {'none' if default is None else f'`{json.dumps(default)}`'}"
        yield f"- Command line: {f'`{option}`' if option else 'no option'}"
        yield ""


def commands() -> Iterator[str]:
    """A section for each command: what it does, how it is called, its options by section, its examples."""
    root = click.Context(app, info_name="alpine-doctor")
    for name in app.list_commands(root):
        command = app.get_command(root, name)
        assert command is not None
        yield from _command(click.Context(command, info_name=name, parent=root), 2)


def _command(context: click.Context, level: int) -> Iterator[str]:
    command = context.command
    text, _, examples = inspect.cleandoc(command.help or "").partition("\b\nExamples:\n")
    yield f"{'#' * level} {context.command_path}"
    yield ""
    yield re.sub(r"\n\n\n+", "\n\n", text.replace("\b\n", "")).strip()
    yield ""
    yield f"    {' '.join([context.command_path, *command.collect_usage_pieces(context)])}"
    yield ""
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None and parameter.name != "help":
            sections.setdefault(getattr(parameter, "section", "Options"), []).append(record)
    for title, rows in sections.items():
        yield f"| {title} | |"
        yield "|---|---|"
        for option, says in rows:
            cells = (f"`{option}`", says.replace("<", "&lt;"))
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        yield ""
    if examples:
        yield "```sh"
        yield inspect.cleandoc(examples.partition("\n\n")[0])
        yield "```"
        yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _command(click.Context(inner, info_name=name, parent=context), level + 1)


def report() -> Iterator[str]:
    """A table for each object of the report."""
    schema = json.loads(SCHEMAS["schemas/report.json"].read_text(encoding="utf-8"))
    yield from _fields("The document", schema, schema)
    for name, described in schema["$defs"].items():
        if "properties" in described:
            yield from _fields(f"`{name}`", described, schema)


def _fields(title: str, described: Schema, schema: Schema) -> Iterator[str]:
    yield f"### {title}"
    yield ""
    yield "| key | type | |"
    yield "|---|---|---|"
    required = described["required"]
    for name, field in described["properties"].items():
        says = field.get("description", "") + ("" if name in required else " May be absent.")
        yield f"| `{name}` | {_type(field, schema)} | {says.strip()} |".replace("  ", " ")
    yield ""


def _type(field: Schema, schema: Schema) -> str:
    """The type of a field in words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        target = schema["$defs"][name]
        return f"[`{name}`](#{name})" if "properties" in target else _type(target, schema)
    if "oneOf" in field:
        return " or ".join(_type(one, schema) for one in field["oneOf"])
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kind = field.get("type", "any")
    if kind == "array":
        return f"list of {_type(field['items'], schema)}"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"table of {_type(field['additionalProperties'], schema)}"
    if kind == "object":
        return "object with " + ", ".join(f"`{name}`" for name in field["properties"])
    return (
        " or ".join(kind) if isinstance(kind, list) else {"string": "text", "boolean": "true or false"}.get(kind, kind)
    )
