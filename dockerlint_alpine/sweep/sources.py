"""What may be swept: folders, repositories with and without a work tree, bundles, archives, git URLs, and lists of these."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.tarread import is_tar

Kind: TypeAlias = Literal["folder", "git", "bundle", "archive", "url"]

_URL = lazy_pattern(r"(?:[a-z][a-z0-9+.-]*://|[\w.-]+@[\w.-]+:)(?!$)", re.IGNORECASE)
_BUNDLE = (b"# v2 git bundle\n", b"# v3 git bundle\n")
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_MAX_LIST = 64 * 1024 * 1024


class SourceError(Exception):
    """A source that leads to no repository; the text is one line."""


class Source(Struct, frozen=True):
    """One repository to be judged: ``name`` as the user has it, ``place`` where it is (a path or a URL)."""

    name: str
    kind: Kind
    place: str


def read_sources(arguments: Sequence[str], standard_input: Iterable[str]) -> list[Source]:
    """The repositories that ``arguments`` stand for, without repeats, in their order.

    ``-`` is a list on standard input, and so is a file that is neither a bundle nor an archive: one source a line, empty
    lines and lines that begin with ``#`` left out. A folder that holds repositories stands for these. What does not exist
    is a source as well: it costs a row, not the run.

    Raises:
        SourceError: a list can't be read, or names a list.

    """
    found: dict[str, Source] = {}
    for argument in arguments:
        listed = _lines(argument, standard_input)
        for name in (argument,) if listed is None else listed:
            for source in _sources(name):
                if listed is not None and source.kind == "folder" and Path(source.place).is_file():
                    raise SourceError(f"{argument}: {name} is a file, and neither a bundle nor a tar archive")
                found.setdefault(source.place, source)
    return list(found.values())


def is_bare(folder: Path) -> bool:
    """Whether ``folder`` is a repository without a work tree, or the ``.git`` of one."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def is_repository(folder: Path) -> bool:
    """Whether a repository begins at ``folder``."""
    return (folder / ".git").exists() or is_bare(folder)


def _lines(argument: str, standard_input: Iterable[str]) -> list[str] | None:
    """The lines of a list; ``None`` where ``argument`` is not a list."""
    if argument == "-":
        return _wanted(standard_input)
    path = Path(argument)
    if not path.is_file() or _file_kind(path) is not None:
        return None
    try:
        if path.stat().st_size > _MAX_LIST:
            raise SourceError(f"{argument}: too large for a list of sources")
        return _wanted(path.read_text("utf-8", "surrogateescape").splitlines())
    except OSError as error:
        raise SourceError(f"{argument}: {error.strerror or error}") from None


def _wanted(lines: Iterable[str]) -> list[str]:
    return [text for line in lines if (text := line.strip()) and not text.startswith("#")]


def _sources(name: str) -> Iterator[Source]:
    if _URL.match(name) and not Path(name).exists():
        yield Source(name, "url", name)
        return
    path = Path(name)
    place = os.path.abspath(path)  # noqa: PTH100 - keeps symlinks, which are part of the name
    if path.is_file():
        yield Source(name, _file_kind(path) or "folder", place)
    elif is_bare(path):
        yield Source(name, "git", place)
    elif is_repository(path) or not (inner := _repositories_in(path)):
        yield Source(name, "folder", place)
    else:
        for child in inner:
            shown = str(child) if path != Path() else child.name
            yield Source(shown, "git" if is_bare(child) else "folder", os.path.abspath(child))  # noqa: PTH100


def _repositories_in(folder: Path) -> list[Path]:
    try:
        return sorted(child for child in folder.iterdir() if child.is_dir() and is_repository(child))
    except OSError:
        return []


def _file_kind(path: Path) -> Kind | None:
    try:
        with path.open("rb") as file:
            start = file.read(len(_BUNDLE[0]))
    except OSError:
        return None
    if start in _BUNDLE:
        return "bundle"
    return "archive" if path.name.lower().endswith(_ARCHIVES) and is_tar(path) else None
