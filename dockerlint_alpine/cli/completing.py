"""Shell completion of option and argument values. Imported only during completion."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from click.shell_completion import CompletionItem, split_arg_string

from dockerlint_alpine.report import FORMATS
from dockerlint_alpine.run.codes import EVERY, names_by_code
from dockerlint_alpine.run.discovery import find_jobs, names_builds
from dockerlint_alpine.run.reading import UnreadableError, read_dockerfile
from dockerlint_alpine.syntax import parse
from dockerlint_alpine.system.platforms import APK_ARCH

if TYPE_CHECKING:
    import click

    from dockerlint_alpine.run.jobs import Job

Value: TypeAlias = tuple[str, str]
"""A value, and what it means."""

_MOST = 500
"""Packages offered at most; who sees so many types on."""


def complete(kind: str, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
    """The ``kind`` of values (a function of this module) that begin so; in a list with commas, the last of them."""
    if kind == "verified":
        if not _jobs(usual=()):  # the first word is a file; services of it follow
            return [CompletionItem(incomplete, type="file")]
        kind = "services"
    before, comma, last = incomplete.rpartition(",")
    beginning = last.lower()
    return [
        CompletionItem(f"{before}{comma}{value}", help=meaning)
        for value, meaning in _VALUES[kind](ctx, last)
        if value.lower().startswith(beginning)
    ]


def codes(_: click.Context, __: str) -> Iterable[Value]:
    """All codes with their names, and ALL."""
    return [*sorted(names_by_code().items()), (EVERY, "every code, including information")]


def formats(_: click.Context, __: str) -> Iterable[Value]:
    """The output formats."""
    return [(name, "") for name in FORMATS]


def platforms(_: click.Context, __: str) -> Iterable[Value]:
    """The platforms that Alpine is built for."""
    return APK_ARCH.items()


def releases(_: click.Context, __: str) -> Iterable[Value]:
    """The Alpine releases that something is known of here."""
    from dockerlint_alpine.apk import IndexStore

    store = IndexStore()
    return [(release, "") for release in (*store.releases(), *store.derived_releases())]


def pythons(_: click.Context, __: str) -> Iterable[Value]:
    """The Pythons that Alpine's releases and the official images have."""
    return [(f"3.{minor}", "") for minor in range(8, 15)]


def moves(ctx: click.Context, _: str) -> Iterable[Value]:
    """Releases to move to."""
    found = (("alpine", releases(ctx, "")), ("python", pythons(ctx, "")))
    return [(f"{name}={value}", "") for name, values in found for value, _ in values]


def stages(_: click.Context, __: str) -> Iterable[Value]:
    """The named stages, with their bases, of the Dockerfiles that stand on the command line already."""
    found: dict[str, str] = {}
    for path in dict.fromkeys(job.path for job in _jobs()):
        try:
            instructions = parse(read_dockerfile(path)).instructions
        except UnreadableError:
            continue
        for one in instructions:
            words = one.value.split()
            if one.keyword == "FROM" and len(words) == 3 and words[1].upper() == "AS":
                found[words[2]] = words[0]
    return found.items()


def services(_: click.Context, __: str) -> Iterable[Value]:
    """The services, with their Dockerfiles, of the compose files that stand on the command line already."""
    return [(service, job.shown_as) for job in _jobs() for service in job.services]


def topics(ctx: click.Context, beginning: str) -> Iterable[Value]:
    """What ``explain`` knows: codes, distributions, libraries and apk packages."""
    yield from sorted(names_by_code().items())
    yield from entries(ctx, beginning)
    if len(beginning) > 1:
        yield from packages(ctx, beginning)
        yield from ((name.removeprefix("so:"), "shared library") for name, _ in packages(ctx, f"so:{beginning}"))


def entries(_: click.Context, __: str) -> Iterable[Value]:
    """What the rules have: distributions and libraries."""
    from dockerlint_alpine.knowledge import Knowledge

    knowledge = Knowledge.open()
    names = dict.fromkeys(knowledge.names("library"), "library")
    for name in knowledge.names("distribution"):
        names[name] = "distribution, library" if name in names else "distribution"
    return sorted(names.items())


def packages(ctx: click.Context, beginning: str) -> Iterator[Value]:
    """The apk packages of the release that the command line names, else of the newest; with ``so:`` and the like before
    them what packages provide."""
    from dockerlint_alpine.apk import ApkError, IndexStore

    store = IndexStore()
    release = _said("--alpine") or ctx.params.get("alpine") or store.releases()[-1]
    try:
        index = store.open(str(release).removeprefix("v"))
    except ApkError:
        return
    marked = ":" in beginning
    names = (name for name in index.names(beginning) if marked or not (":" in name or name.startswith("/")))
    for name in islice(names, _MOST):
        package = index.package(name)
        yield name, package.version if package is not None else ""


def levels(_: click.Context, __: str) -> Iterable[Value]:
    """How far ``verify`` may go."""
    from dockerlint_alpine.proof.verify.model import LEVELS

    return [(level, "") for level in LEVELS]


def allowances(_: click.Context, __: str) -> Iterable[Value]:
    """What ``verify`` refuses unless it is named."""
    from dockerlint_alpine.proof.verify.planning import ALLOWED

    return ALLOWED.items()


def _words() -> list[str]:
    """The words on the command line so far: click gives them up where the last one is an option without its value."""
    return split_arg_string(os.environ.get("COMP_WORDS", ""))


def _said(option: str) -> str | None:
    words = _words()
    return next((after for before, after in pairwise(words) if before == option), None)


def _jobs(usual: Sequence[str] = ("Dockerfile", "compose.yaml", "docker-compose.yml")) -> list[Job]:
    """The builds of what stands on the command line, else of the folder's own Dockerfile or compose file."""
    named = [
        word for word in _words() if Path(word).is_file() and (names_builds(word) or word.endswith((".yml", ".yaml")))
    ]
    paths = named or [name for name in usual if Path(name).is_file()]
    return find_jobs(paths)[0] if paths else []


_VALUES: dict[str, Callable[[click.Context, str], Iterable[Value]]] = {
    "codes": codes,
    "formats": formats,
    "platforms": platforms,
    "releases": releases,
    "pythons": pythons,
    "moves": moves,
    "stages": stages,
    "services": services,
    "topics": topics,
    "entries": entries,
    "packages": packages,
    "levels": levels,
    "allowances": allowances,
}
