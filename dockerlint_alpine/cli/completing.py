"""What a shell is told about the values of options. Imported only while something is being completed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.checks import CHECKS
from dockerlint_alpine.report import FORMATS
from dockerlint_alpine.run.reading import UnreadableError, read_dockerfile
from dockerlint_alpine.syntax import parse
from dockerlint_alpine.system.platforms import APK_ARCH

if TYPE_CHECKING:
    import click


def complete(kind: str, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
    """The ``kind`` of values (a function of this module) that begin so; in a list with commas, the last of them."""
    before, comma, last = incomplete.rpartition(",")
    values = stages(ctx) if kind == "stages" else _VALUES[kind]()
    return [
        CompletionItem(f"{before}{comma}{value}", help=meaning)
        for value, meaning in values
        if value.lower().startswith(last.lower())
    ]


def codes() -> list[tuple[str, str]]:
    """All codes with their names, and ALL."""
    return [*sorted({(check.code, check.name) for check in CHECKS}), ("ALL", "every code, information too")]


def formats() -> list[tuple[str, str]]:
    """The output formats."""
    return [(name, "") for name in FORMATS]


def platforms() -> list[tuple[str, str]]:
    """The platforms that Alpine is built for."""
    return [(name, arch) for name, arch in APK_ARCH.items()]


def releases() -> list[tuple[str, str]]:
    """The Alpine releases that something is known of here."""
    store = IndexStore()
    return [(release, "") for release in (*store.releases(), *store.derived_releases())]


def stages(ctx: click.Context) -> list[tuple[str, str]]:
    """The named stages, with their bases, of the Dockerfiles that stand on the command line already."""
    found: dict[str, str] = {}
    for path in ctx.params.get("paths") or ("Dockerfile",):
        try:
            instructions = parse(read_dockerfile(Path(path))).instructions
        except UnreadableError:
            continue
        for one in instructions:
            words = one.value.split()
            if one.keyword == "FROM" and len(words) == 3 and words[1].upper() == "AS":
                found[words[2]] = words[0]
    return list(found.items())


_VALUES = {"codes": codes, "formats": formats, "platforms": platforms, "releases": releases}
