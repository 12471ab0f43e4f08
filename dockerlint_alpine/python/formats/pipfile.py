"""``Pipfile`` and ``Pipfile.lock``."""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from packaging.markers import Environment

from dockerlint_alpine.python.formats.toml_source import SourceError, TomlSource, texts
from dockerlint_alpine.python.model import IndexOptions, Origin, Problem, Requested, RequirementSet, normalise
from dockerlint_alpine.python.requirement import InvalidRequirementError, git_url, parse_pep508

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.python.model import FileReader

_MARKERS = tuple(Environment.__annotations__)
"""Keys of a Pipfile entry that are markers of their own (Pipfile specification)."""


def read_pipfile_lock(path: str, files: FileReader, categories: Sequence[str], folder: str) -> RequirementSet:
    """Return the packages of a lock in these categories; paths in it are relative to ``folder``. Never raises."""
    shown = files.display(path)
    try:
        text = files.read(path).decode("utf-8-sig")
        data = json.loads(text)
    except OSError as error:
        return RequirementSet(problems=(Problem(shown, None, f"{shown} can't be read: {error.strerror}"),), locked=True)
    except (ValueError, RecursionError) as error:
        return RequirementSet(problems=(Problem(shown, None, f"{shown} is not valid JSON: {error}"),), locked=True)
    if not isinstance(data, dict):
        return RequirementSet(problems=(Problem(shown, None, f"{shown} is not a Pipfile.lock"),), locked=True)
    meta = data.get("_meta")
    listed = meta.get("sources") if isinstance(meta, dict) else None
    sources = listed if isinstance(listed, list) else []
    requested: list[Requested] = []
    problems: list[Problem] = []
    lines = _key_lines(text)
    for category in categories:
        section = {"packages": "default", "dev-packages": "develop"}.get(category, category)
        table = data.get(section)
        for name, entry in table.items() if isinstance(table, dict) else ():
            origin = Origin(shown, lines.get((section, name)))
            _collect(name, entry, origin, folder, sources, (requested, problems))
    return RequirementSet(
        requested=tuple({one.name: one for one in reversed(requested)}.values())[::-1],
        options=_sources(sources),
        problems=tuple(problems),
        locked=True,
        files=(path,),
    )


def _key_lines(text: str) -> dict[tuple[str, str], int]:
    """Return the line of each package key: Pipenv writes its lock with four blanks per level."""
    found: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.split("\n"), start=1):
        match = re.match(r'( {4,8}|\t{1,2})"([^"]+)": \{', line)
        if match is None:
            continue
        if len(match[1].replace("\t", "    ")) == 4:
            section = match[2]
        else:
            found.setdefault((section, match[2]), number)
    return found


def read_pipfile(path: str, files: FileReader, categories: Sequence[str], folder: str) -> RequirementSet:
    """Return the requirements of a ``Pipfile`` in these categories; paths in it are relative to ``folder``. Never raises."""
    try:
        source = TomlSource(path, files)
    except SourceError as error:
        return RequirementSet(problems=(Problem(files.display(path), None, str(error)),))
    requested: list[Requested] = []
    problems: list[Problem] = []
    sources = source.tables("source")
    for category in categories:
        for name, entry in source.table(category).items():
            _collect(name, entry, source.key(name, category), folder, sources, (requested, problems))
    return RequirementSet(
        requested=tuple(requested),
        options=_sources(sources),
        problems=tuple(problems),
        files=(path,),
    )


def _sources(listed: Sequence[Any]) -> IndexOptions:
    """Return the indexes; a name in ``${...}`` stays as it is, Pipenv fills it from its environment."""
    urls = [one["url"] for one in listed if isinstance(one, dict) and isinstance(one.get("url"), str)]
    return IndexOptions(index_url=urls[0] if urls else None, extra_index_urls=tuple(urls[1:]), exclusive=True)


def _collect(
    name: str,
    entry: object,
    origin: Origin,
    folder: str,
    sources: Sequence[Any],
    into: tuple[list[Requested], list[Problem]],
) -> None:
    """Read one entry and put it, or the problem with it, into its list; its ``index`` names one of ``sources``."""
    requested, problems = into
    table: Mapping[str, Any] = entry if isinstance(entry, dict) else {"version": entry}
    version = table.get("version", "*")
    specifier = "" if not isinstance(version, str) or version.strip() in {"*", ""} else version
    marker = " and ".join(_marker_parts(table))
    extras = ",".join(texts(table.get("extras")))
    text = f"{name}{f'[{extras}]' if extras else ''}{specifier}{f' ; {marker}' if marker else ''}"
    try:
        found = parse_pep508(text, origin, chain=(str(origin),))
    except InvalidRequirementError as error:
        problems.append(Problem(origin.path, origin.line, str(error)))
        return
    other = (table[key] for key in ("hg", "svn", "bzr", "file") if isinstance(table.get(key), str))
    url = git_url(table) or next(other, None)
    local = table.get("path")
    named = table.get("index")
    urls = (one.get("url") for one in sources if isinstance(one, dict) and one.get("name") == named)
    index = next(urls, None) if isinstance(named, str) else None
    requested.append(
        replace(
            found,
            name=normalise(name),
            url=url,
            index=index if isinstance(index, str) else None,
            path=posixpath.normpath(posixpath.join(folder, local)) if isinstance(local, str) else None,
            editable=table.get("editable") is True,
            hashes=tuple(texts(table.get("hashes"))),
            artefacts=(posixpath.basename(url),) if isinstance(table.get("file"), str) and url else None,
        )
    )


def _marker_parts(table: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(table.get("markers"), str) and table["markers"].strip():
        yield f"({table['markers']})"
    for key in _MARKERS:
        if isinstance(table.get(key), str):
            yield f"{key} {table[key]}"
