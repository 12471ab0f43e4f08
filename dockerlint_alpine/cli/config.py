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
    r"""Show the effective settings and where each comes from: a default, a file, a variable or the command line.

    \b
    Examples:
      alpine-doctor config
      alpine-doctor config --isolated
      ALPINE_DOCTOR_STRICT=1 alpine-doctor config --output-format json
    """
    from dockerlint_alpine.run.config import as_dict

    asked = given.pop("output_format")
    if len(asked) > 1 or not {*asked} <= {"text", "json"}:
        raise click.UsageError("config has the formats text and json")
    configured = common.configuration({**given, "output_format": ()})
    origins = {name.replace("_", "-"): origin for name, origin in configured.origins.items()}
    settings = as_dict(configured.settings)
    if asked == ("json",):
        shown = {name: {"value": value, "origin": origins[name]} for name, value in settings.items()}
        document = {
            "version": 1,
            "path": str(configured.path) if configured.path is not None else None,
            "root": str(configured.root),
            "settings": shown,
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"# {configured.path or 'no configuration file'}; patterns are relative to {configured.root}")
    for name, value in settings.items():
        line = f"{name} = {_toml(value)}" if value is not None else f"# {name} is not set"
        click.echo(f"{line:<44}  # {origins[name]}")


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
    return str(value).lower() if isinstance(value, bool) else _text(str(value))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
