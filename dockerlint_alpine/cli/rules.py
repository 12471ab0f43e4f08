"""``alpine-doctor rules``: the database, its upkeep, and its export."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockerlint_alpine.cli.spelling import CONFIG, ISOLATED, alpine_option, completed, format_option, platform_option
from dockerlint_alpine.cli.terminal import Refusing

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.python.index.client import SimpleIndex
    from dockerlint_alpine.python.sources.source_facts import SourceFacts

KINDS = ("distribution", "library", "wheels")


def open_knowledge(config: str | None = None, *, isolated: bool = False) -> Knowledge:
    """The built-in rules under the folders that the configuration names. Raises click.UsageError."""
    from dockerlint_alpine.knowledge import Knowledge, KnowledgeError
    from dockerlint_alpine.run.config import ConfigError, load

    with Refusing(ConfigError, KnowledgeError):
        settings = load(Path.cwd(), config=Path(config) if config else None, isolated=isolated).settings
        return Knowledge.open(extra=[Path(folder) for folder in settings.rules])


@click.group("rules")
def rules_group() -> None:
    """List, show, validate, draft, renew and export the rules.

    \b
    Exit codes: 0 fine, 1 `validate` found problems, 2 the command was wrong or something could not be read.
    """  # noqa: D301 - click's mark for a paragraph that keeps its line breaks


@rules_group.command("list")
@click.option("--kind", type=click.Choice(KINDS), default="distribution", show_default=True)
@format_option("text", "json")
@CONFIG
@ISOLATED
def list_rules(kind: str, output_format: str, config: str | None, *, isolated: bool) -> None:
    """Print the names of all entries of one kind, one a line; JSON says where each is from, too."""
    knowledge = open_knowledge(config, isolated=isolated)
    names = knowledge.names(kind)
    if output_format == "json":
        rows = [{"name": name, "source": knowledge.source(kind, name)} for name in names]
        click.echo(json.dumps({"version": 1, "kind": kind, "rules": rows}, indent=2, ensure_ascii=False))
        return
    for name in names:
        click.echo(name)


@rules_group.command("show")
@click.argument("name", shell_complete=completed("entries"))
@click.option("--kind", type=click.Choice(KINDS), help="Default: every kind that has the name.")
@format_option("toml", "json")
@CONFIG
@ISOLATED
def show_rule(name: str, kind: str | None, output_format: str, config: str | None, *, isolated: bool) -> None:
    """Print what the rules say of NAME as it is written there, and the file that it is from."""
    from dockerlint_alpine.knowledge import KnowledgeError
    from dockerlint_alpine.knowledge.toml import dumps

    knowledge = open_knowledge(config, isolated=isolated)
    with Refusing(KnowledgeError):
        found: list[dict[str, Any]] = [
            {"kind": one, "source": knowledge.source(one, key), "entry": entry}
            for one in ([kind] if kind else KINDS[:2])
            for key in [name if one == "library" else knowledge.normalise(name)]
            if (entry := knowledge.raw(one, key)) is not None
        ]
    if not found:
        raise click.UsageError(f"no rule is called {name!r}{_near(name, knowledge)}")
    if output_format == "json":
        click.echo(json.dumps({"version": 1, "rules": found}, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(f"# {one['source']}\n{dumps(one['entry'])}" for one in found), nl=False)


def _near(name: str, knowledge: Knowledge) -> str:
    from dockerlint_alpine.run.suggest import did_you_mean

    known = sorted({*knowledge.names("distribution"), *knowledge.names("library")})
    return did_you_mean(name, known, otherwise="; `alpine-doctor rules list` lists them")


@rules_group.command("validate")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path("rules"))
@format_option("text", "json")
def validate_rules(folder: Path, output_format: str) -> None:
    """Check every rule of FOLDER (default: ./rules) against the schema, the others, and all embedded indexes."""
    from dockerlint_alpine.apk import ApkError, IndexStore
    from dockerlint_alpine.knowledge.folder import RuleFolder
    from dockerlint_alpine.knowledge.validate import judged, validate

    store, rules = IndexStore(), RuleFolder(folder)
    counts = {kind: len(rules.names(kind)) for kind in KINDS}
    if not any(counts.values()) and not (folder / "base-images.toml").is_file():
        raise click.UsageError(
            f"{folder}: no rules: neither distributions/, libraries/ nor wheels/ has a .toml file,"
            " and there is no base-images.toml"
        )
    with Refusing(ApkError):
        base = open_knowledge(isolated=True) if not (folder / "languages.toml").is_file() else None
        problems = validate(folder, store, base)
        releases = judged(store)
    if output_format == "json":
        rows = [{"file": one.file, "key": one.key, "message": one.message} for one in problems]
        judged_rows = [{"alpine": release, "arch": arch} for release, arch in releases.items()]
        answer = {"version": 1, "rules": counts, "releases": judged_rows, "problems": rows}
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        for problem in problems:
            click.echo(str(problem))
        said = f"{len(problems)} problems" if problems else "all rules are valid"
        what = f"{counts['distribution']} distributions, {counts['library']} libraries, {counts['wheels']} wheel facts"
        where = ", ".join(f"{release} {arch}" for release, arch in releases.items())
        click.echo(f"{said}: {what}, against Alpine {where}", err=bool(problems))
    if problems:
        sys.exit(1)


@rules_group.command("new")
@click.argument("name")
@click.option("--sdist", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read this source archive.")
@click.option(
    "--wheel", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read this musllinux wheel."
)
@click.option(
    "--online/--offline",
    default=True,
    help="Query the Python package index (default), or use only the files and Alpine's indexes.",
)
@click.option("--rules", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write into this folder.")
def new_rule(name: str, sdist: Path | None, wheel: Path | None, folder: Path | None, *, online: bool) -> None:
    """Draft the entry of the distribution NAME from what its files and Alpine's package of it show, for you to review.

    Printed, or with --rules written to distributions/NAME.toml there (an existing file is never replaced).
    """
    from dockerlint_alpine.apk import ApkError, IndexStore
    from dockerlint_alpine.knowledge import KnowledgeError
    from dockerlint_alpine.knowledge.drafting import draft
    from dockerlint_alpine.python.model import PythonError
    from dockerlint_alpine.system.unreadable import UnreadableError

    knowledge = open_knowledge(isolated=True)
    key = knowledge.normalise(name)
    path = folder / "distributions" / f"{key}.toml" if folder is not None else None
    if path is not None and path.exists():
        raise click.UsageError(f"{path} already exists")
    with Refusing(ApkError, UnreadableError, KnowledgeError, PythonError):
        source, linked = _read_files(sdist, wheel)
        if online and (source is None or linked is None):
            source, linked = _ask_index(key, source, linked)
        store = IndexStore()
        text = draft(key, source, linked, knowledge, store)
    if path is None:
        click.echo(text, nl=False)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    click.echo(
        f"{path}: drafted; read the sdist, correct it, then run `alpine-doctor rules validate {folder}`", err=True
    )


Linked = tuple[str, tuple[str, ...]]
"""A wheel's file name and the libraries that its extensions link."""


def _read_files(sdist: Path | None, wheel: Path | None) -> tuple[SourceFacts | None, Linked | None]:
    from dockerlint_alpine.elf.wheels import open_wheel
    from dockerlint_alpine.knowledge.drafting import linked_by
    from dockerlint_alpine.python.sources.sdist import read_sdist

    source = read_sdist(sdist.read_bytes(), sdist.name) if sdist is not None else None
    linked = (wheel.name, linked_by(open_wheel(wheel, sources=False).needed)) if wheel is not None else None
    return source, linked


def _ask_index(
    name: str, source: SourceFacts | None, linked: Linked | None
) -> tuple[SourceFacts | None, Linked | None]:
    """Read the newest sdist and musllinux wheel of the index in memory, where no file was given."""
    from dockerlint_alpine.elf.wheels import read_wheel
    from dockerlint_alpine.knowledge.drafting import linked_by, newest_files
    from dockerlint_alpine.python.sources.sdist import read_sdist

    index = _index()
    sdist, wheel = newest_files([one for files in index.files(name).values() for one in files])
    if source is None and sdist is not None:
        source = read_sdist(index.download(sdist), sdist.name)
    if linked is None and wheel is not None:
        linked = (wheel.name, linked_by(read_wheel(index.download(wheel), wheel.name, sources=False).needed))
    return source, linked


def index_urls() -> list[str]:
    """The Python indexes that pip or uv would ask, by their configuration. Raises click.UsageError."""
    import os

    from dockerlint_alpine.python.index.settings import index_urls as configured
    from dockerlint_alpine.python.index.uv_program import find_uv
    from dockerlint_alpine.python.model import IndexOptions

    urls = configured(IndexOptions(), os.environ, find_uv() or "uv")
    if not urls:
        raise click.UsageError("no Python index is configured: set PIP_INDEX_URL, pip's index-url, or install uv")
    return urls


def _index() -> SimpleIndex:
    import os

    from dockerlint_alpine.python.index.client import SimpleIndex
    from dockerlint_alpine.python.index.settings import Credentials

    urls = index_urls()
    return SimpleIndex(urls, timeout=30, credentials=Credentials(os.environ, urls))


@rules_group.command("refresh")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completed("entries"))
@click.option("--rules", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path("rules"))
@click.option(
    "--recent", default=3, show_default=True, help="Read the requirements of this many of the newest versions."
)
def refresh(names: Sequence[str], folder: Path, recent: int) -> None:
    """Renew the wheel facts of NAMEs in FOLDER/wheels/ from your Python index, one after the other."""
    from dockerlint_alpine.knowledge import KnowledgeError
    from dockerlint_alpine.knowledge.refresh import refresh_rules
    from dockerlint_alpine.python.index.client import IndexAnswerError
    from dockerlint_alpine.python.model import normalise

    day = datetime.now(UTC).date().isoformat()
    wanted = [normalise(name) for name in names]
    with Refusing(KnowledgeError, IndexAnswerError, OSError):
        for done in refresh_rules(folder, wanted, _index(), day=day, recent=recent):
            click.echo(f"{done.path}: {'renewed' if done.changed else 'nothing new'}")


@rules_group.command("export")
@format_option("pep804", aliases={"--format": None}, name="form")
@alpine_option("The release whose names are exported (default: the newest).")
@platform_option("The platform whose names are exported.")
@click.option(
    "--registry", type=click.File("rb"), help="Export only the identifiers of this central registry (its JSON file)."
)
@CONFIG
@ISOLATED
def export(
    form: str, alpine: str | None, arch: str, registry: Any | None, config: str | None, *, isolated: bool
) -> None:
    """Print the Alpine mapping of PEP 725 identifiers in the form of PEP 804."""
    from dockerlint_alpine.apk import ApkError, IndexStore
    from dockerlint_alpine.knowledge.export import ExportError, registered, to_pep804

    assert form == "pep804"
    knowledge, store = open_knowledge(config, isolated=isolated), IndexStore()
    with Refusing(ApkError, ExportError):
        index = store.open((alpine or store.releases()[-1]).removeprefix("v"), arch)
        only = registered(registry.read()) if registry is not None else None
        mapping = to_pep804(knowledge, index, only=only)
    click.echo(json.dumps(mapping, indent=2, ensure_ascii=False))
