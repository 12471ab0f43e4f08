"""``alpine-doctor rules``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge import Knowledge


@click.group("rules")
def rules_group() -> None:
    """List, show and validate the rules database."""


@rules_group.command("list")
@click.option("--kind", type=click.Choice(["distribution", "library", "wheels"]), default="distribution")
def list_rules(kind: str) -> None:
    """Print the names of all entries of one kind, one a line."""
    for name in _knowledge().names(kind):
        click.echo(name)


@rules_group.command("show")
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(["distribution", "library", "wheels"]), help="Default: whatever has the name."
)
def show_rule(name: str, kind: str | None) -> None:
    """Print one entry as JSON, exactly as it is written in the rules."""
    knowledge = _knowledge()
    kinds = [kind] if kind else ["distribution", "library", "wheels"]
    found = {one: entry for one in kinds if (entry := knowledge.raw(one, name)) is not None}
    if not found:
        raise click.ClickException(f"no rule is called {name!r}; see `alpine-doctor rules list`")
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@rules_group.command("validate")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path("rules"))
def validate_rules(folder: Path) -> None:
    """Check every rule of FOLDER (default: ./rules) against the schema and against all embedded indexes."""
    from dockerlint_alpine.apk import IndexStore  # noqa: PLC0415 - only here
    from dockerlint_alpine.knowledge.validate import validate  # noqa: PLC0415 - only here

    problems = validate(folder, IndexStore())
    for problem in problems:
        click.echo(str(problem))
    if problems:
        click.echo(f"{len(problems)} problems", err=True)
        sys.exit(1)
    click.echo("all rules are valid")


def _knowledge() -> Knowledge:
    from dockerlint_alpine.knowledge import Knowledge, KnowledgeError  # noqa: PLC0415 - after --help

    try:
        return Knowledge.open()
    except KnowledgeError as error:
        raise click.ClickException(str(error)) from None
