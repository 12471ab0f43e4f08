"""``alpine-doctor index``: what Alpine's package indexes say."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from msgspec import to_builtins
from msgspec.structs import replace

from dockerlint_alpine.apk.behaviour import BEHAVIOURS
from dockerlint_alpine.cli.progress import Progress
from dockerlint_alpine.cli.spelling import alpine_option, completed, format_option, platform_option
from dockerlint_alpine.cli.terminal import warn
from dockerlint_alpine.run.folders import cache_folder
from dockerlint_alpine.system.records import fields_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.apk import Index, IndexStore, Provider, Solution

_RELEASE = alpine_option("The Alpine release (default: the newest available).", "release")
_ARCH = platform_option("The platform that the index is for.")
_REPOSITORY = click.option(
    "--repository",
    default="main,community",
    show_default=True,
    metavar="NAME,...",
    help="The repositories, in apk's order.",
)
_FORMAT = format_option("text", "json", aliases={"--json": "json"})


@click.group("index")
def index_group() -> None:
    """Ask Alpine's package indexes: which there are, who provides what, what `apk add` installs."""


@index_group.command("list")
@_FORMAT
def list_indexes(output_format: str) -> None:
    """Print every available index: release, repository, architecture, date, packages, source."""
    sources = open_store().sources()
    if output_format == "json":
        click.echo(json.dumps(to_builtins(sources), indent=2))
        return
    rows = [("release", "repository", "arch", "date", "packages", "source")]
    rows += [(one.release, one.repository, one.arch, one.date, str(one.packages), one.kind) for one in sources]
    _table(rows)


@index_group.command("search")
@click.argument("need", metavar="NEED|NAME", shell_complete=completed("packages"))
@_RELEASE
@_ARCH
@_REPOSITORY
@_FORMAT
def search(need: str, release: str | None, arch: str, repository: str, output_format: str) -> None:
    """Print the packages that provide NEED (so:liblz4.so.1, pc:libpq, cmd:pg_config, lz4.h) or are named like NAME."""
    index = _open(release, arch, repository)
    found = index.search(need) or _with_header(need, index)
    if output_format == "json":
        rows = [
            {
                "package": one.package.name,
                **fields_of(one.package, "version repository"),
                **fields_of(one, "capability reason"),
            }
            for one in found
        ]
        click.echo(json.dumps(rows, indent=2))
    else:
        _table([(one.package.name, one.package.version, one.package.repository, one.reason) for one in found])
    if not found:
        click.echo(f"nothing in Alpine {index.release} provides {need}", err=True)
        sys.exit(1)


@index_group.command("simulate")
@click.argument("packages", nargs=-1, required=True, metavar="PKG...", shell_complete=completed("packages"))
@_RELEASE
@_ARCH
@_REPOSITORY
@click.option(
    "--installed",
    multiple=True,
    metavar="PKG",
    shell_complete=completed("packages"),
    help="Packages that are already installed; repeatable, or PKG,PKG.",
)
@click.option(
    "--apk-tools", "tools", metavar="X.Y.Z", help=f"Resolve as this version of apk-tools does: {', '.join(BEHAVIOURS)}."
)
@_FORMAT
def simulate(
    packages: tuple[str, ...],
    release: str | None,
    arch: str,
    repository: str,
    installed: tuple[str, ...],
    tools: str | None,
    output_format: str,
) -> None:
    """Print what `apk add PKG...` would install, one `name version` a line, sorted.

    A set that cannot be satisfied ends with exit code 1 and apk's own reasons. Where a repository's index is not available,
    that of a neighbouring release stands in only if the others are not enough.
    """
    before = [name for text in installed for name in text.replace(",", " ").split()]
    index, solution = _solved(release, arch, _repositories(repository), tools, packages, before)
    if output_format == "json":
        click.echo(json.dumps(_as_json(solution, index), indent=2))
    elif solution.ok:
        for line in sorted(f"{change.new.name} {change.new.version}" for change in solution.changes if change.new):
            click.echo(line)
    if not solution.ok:
        if output_format == "text":
            click.echo("unable to select packages:", err=True)
            for problem in solution.problems:
                click.echo(problem.block(), err=True)
        sys.exit(1)


@index_group.command("update")
@alpine_option("Repeatable (default: the newest available).", "releases", multiple=True)
@platform_option("Repeatable.", "arches", multiple=True, default=("linux/amd64",))
@_REPOSITORY
@click.option("--mirror", metavar="URL", help="Where to fetch from (default: Alpine's own mirror).")
@click.option(
    "--keys", type=click.Path(exists=True, file_okay=False), help="A folder with additional trusted *.rsa.pub keys."
)
def update(
    releases: tuple[str, ...], arches: tuple[str, ...], repository: str, mirror: str | None, keys: str | None
) -> None:
    """Fetch the indexes that Alpine publishes now, verify their signatures, and keep them in the cache."""
    store = open_store()
    chosen = releases or (_newest(store),)
    wanted = [(release, one, arch) for release in chosen for arch in arches for one in _repositories(repository)]
    failed = [str(error) for one in wanted if (error := _update(store, one, mirror, keys)) is not None]
    for line in failed:
        warn(line)
    if failed:
        click.echo("alpine-doctor: the previous indexes stay in use", err=True)
        sys.exit(2)


def open_store() -> IndexStore:
    """The indexes built in, with those in the cache on top."""
    from dockerlint_alpine.apk import IndexStore

    return IndexStore(cache=cache_folder() / "alpine")


def _open(release: str | None, arch: str, repository: str) -> Index:
    from dockerlint_alpine.apk import ApkError

    store = open_store()
    try:
        index = store.open(release or _newest(store), arch, _repositories(repository))
    except ApkError as error:
        _fail(str(error))
    _notes(store, index)
    return index


def _with_header(name: str, index: Index) -> tuple[Provider, ...]:
    """The packages with a header: indexes list none, the rules say which library it belongs to."""
    if not name.endswith((".h", ".hpp")):
        return ()
    from dockerlint_alpine.cli.rules import open_knowledge

    library = open_knowledge(isolated=True).library_for(name)
    if library is None:
        return ()
    found = (provider for need in library.build_needs(index.release) for provider in index.find(need)[:1])
    best = next(found, None)
    return (replace(best, reason=f"has the headers of {library.name}"),) if best is not None else ()


def _solved(
    release: str | None,
    arch: str,
    repositories: tuple[str, ...],
    tools: str | None,
    packages: Sequence[str],
    before: Sequence[str],
) -> tuple[Index, Solution]:
    """Solve with the indexes at hand; with stand-ins only where there are none or they lead further."""
    from dockerlint_alpine.apk import ApkError, ConstraintError, solve

    store = open_store()
    try:
        chosen = release or _newest(store)
        answers: list[tuple[Index, Solution]] = []
        for names in dict.fromkeys((store.at_hand(chosen, arch, repositories), repositories)):
            if names and not (answers and answers[0][1].ok):
                index = store.open(chosen, arch, names, tools=tools)
                answers.append((index, solve(index, packages, installed=before)))
    except ConstraintError as error:
        raise click.UsageError(str(error)) from None
    except ApkError as error:
        _fail(str(error))
    index, solution = answers[-1] if answers[-1][1].ok else answers[0]
    _notes(store, index)
    for name in set(repositories) - set(index.repositories):
        warn(f"without {name}: no index of Alpine {chosen} {name} {arch} available")
    return index, solution


def _notes(store: IndexStore, index: Index) -> None:
    for line in (*store.unreadable, *(source.note for source in index.sources if source.note)):
        warn(line)


def _newest(store: IndexStore) -> str:
    from dockerlint_alpine.apk import ApkError

    try:
        return [release for release in store.releases() if release != "edge"][-1]
    except ApkError as error:
        _fail(str(error))


def _repositories(text: str) -> tuple[str, ...]:
    names = tuple(name for name in text.replace(",", " ").split() if name)
    if not names or any(not name.isascii() or not name.replace("-", "").isalnum() for name in names):
        raise click.UsageError(f"'{text}' is not a list of repositories (main,community)")
    return names


def _update(store: IndexStore, wanted: tuple[str, str, str], mirror: str | None, keys: str | None) -> Exception | None:
    """Fetch one index, say so, and return what went wrong."""
    from dockerlint_alpine.apk import ApkError
    from dockerlint_alpine.apk.releases import is_release
    from dockerlint_alpine.apk.signature import read_keys
    from dockerlint_alpine.apk.update import MIRROR
    from dockerlint_alpine.apk.update import update as fetch

    release, repository, arch = wanted
    if not is_release(release):
        raise click.UsageError(f"'{release}' is not an Alpine release (3.19, edge)")
    label = f"{release} {repository} {arch}"
    indexes = (one for one in store.sources() if one.derived is None)
    at_hand = [one for one in indexes if (one.release, one.repository, one.arch) == wanted]
    try:
        with Progress(label) as bar:
            done = fetch(
                cache_folder() / "alpine",
                release,
                repository,
                arch,
                keys=store.keys() | (read_keys(Path(keys)) if keys else {}),
                mirror=mirror or MIRROR,
                newest=max((one.date for one in at_hand), default=""),
                progress=bar.update,
            )
    except (ApkError, OSError) as error:
        return error
    click.echo(f"{label}: {done.status}, {done.packages} packages, newest of {done.date}")
    return None


def _as_json(solution: Solution, index: Index) -> dict[str, object]:
    return {
        "alpine": index.release,
        "arch": index.arch,
        "ok": solution.ok,
        "install": [
            {"name": new.name, "version": new.version, "repository": new.repository, "replaces": old and old.version}
            for old, new in sorted(
                ((change.old, change.new) for change in solution.changes if change.new), key=lambda pair: pair[1].name
            )
        ]
        if solution.ok
        else [],
        "remove": sorted(change.old.name for change in solution.changes if change.old and not change.new),
        "problems": [{"text": problem.text, "names": problem.names} for problem in solution.problems],
        "sources": to_builtins(index.sources),
    }


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    """Columns as wide as they must be; the last one is not padded."""
    if not rows:
        return
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _fail(message: str) -> NoReturn:
    warn(message)
    sys.exit(2)
