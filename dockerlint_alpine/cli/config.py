"""``alpine-doctor config``."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from dockerlint_alpine.cli import common
from dockerlint_alpine.cli.sections import SectionedCommand


@click.command("config", cls=SectionedCommand)
@common.analysis_options
@common.output_options
def config(**given: Any) -> None:
    r"""Show the effective settings, where each comes from (a default, a file, a variable or the command line), and what a
    project's file may not decide.

    \b
    Examples:
      alpine-doctor config
      alpine-doctor config --isolated
      ALPINE_DOCTOR_STRICT=1 alpine-doctor config --output-format json
    """
    from dockerlint_alpine.report.display import printable
    from dockerlint_alpine.run.config import OPTIONS, as_dict
    from dockerlint_alpine.run.trust import project_may

    asked = given.pop("output_format")
    if len(asked) > 1 or not {*asked} <= {"text", "json"}:
        raise click.UsageError("config supports the formats text and json")
    configured = common.configuration({**given, "output_format": ()})
    origins = {name.replace("_", "-"): origin for name, origin in configured.origins.items()}
    settings = as_dict(configured.settings)
    if asked == ("json",):
        shown = {
            name: {"value": value, "origin": origins[name], "project": project_may(OPTIONS[name.replace("-", "_")])}
            for name, value in settings.items()
        }
        document = {
            "version": 1,
            "path": str(configured.path) if configured.path is not None else None,
            "root": str(configured.root),
            "user_path": str(configured.user_path) if configured.user_path is not None else None,
            "refused": list(configured.refused),
            "settings": shown,
        }
        click.echo(json.dumps(document, indent=2))
        return
    file = configured.path or "no configuration file of the project"
    click.echo(printable(f"# {file}; patterns are relative to {configured.root}"))
    click.echo(printable(f"# {configured.user_path or 'no configuration file of your own'}"))
    for name, value in settings.items():
        line = f"{name} = {_toml(value)}" if value is not None else f"# {name} is not set"
        may = project_may(OPTIONS[name.replace("-", "_")])
        says = "" if may == "yes" else f"; the project may decide: {may}"
        click.echo(f"{line:<44}  # {printable(origins[name])}{says}")


def _toml(value: object) -> str:
    """A value of an option as TOML has it; its texts are JSON's texts."""
    if isinstance(value, dict):
        pairs = (
            f"{key if re.fullmatch(r'[A-Za-z0-9_-]+', key) else _text(key)} = {_toml(one)}"
            for key, one in value.items()
        )
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, int):
        return str(value).lower()
    return _text(str(value))


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=not value.isprintable()).replace("\x7f", "\\u007f")
