"""Poetry projects: ``pyproject.toml``, Poetry's own or PEP 621, with ``poetry.lock`` (lock versions 1.0 to 2.1)."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dockerlint_alpine.python.formats.locked import Edge, LockedPackage, root_of, walk
from dockerlint_alpine.python.formats.pylock import file_name
from dockerlint_alpine.python.formats.pyproject import Pyproject
from dockerlint_alpine.python.formats.toml_source import SourceError, TomlSource, texts
from dockerlint_alpine.python.model import Origin, Problem, Requested, RequirementSet, normalise
from dockerlint_alpine.python.options import OptionTable, scan
from dockerlint_alpine.python.requirement import InvalidRequirementError, parse_pep508

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.python.model import FileReader

INSTALL_OPTIONS = OptionTable.build(
    "--without\n--with\n--only\n--extras -E\n--directory -C\n--project -P\n--format -f\n--output -o\n",
    """
--no-dev
--dev
--no-root
--only-root
--no-directory
--all-extras
--all-groups
--sync --remove-untracked
--dry-run
--compile
--without-hashes
--with-credentials
--no-interaction -n
--no-cache
--no-ansi
--no-plugins
--ansi
--quiet -q
--verbose -v
""",
)
"""``poetry install``/``sync`` and ``poetry export`` of Poetry 1.0 to 2."""

_CARET = re.compile(r"\^\s*(\d+(?:\.\d+)*)(.*)")
_TILDE = re.compile(r"~\s*(\d+(?:\.\d+)*)(.*)")
_BARE = re.compile(r"\d[\w.*+!-]*")
_SPLIT = re.compile(r"\s*,\s*|(?<=[\w*])\s+(?=[<>=!~^])")


def pep440(constraint: str) -> str | None:
    """Return Poetry's version constraint as PEP 440 text; ``None`` for a union (``||``), which PEP 440 can't say."""
    if "|" in constraint:
        return None
    clauses: list[str] = []
    for clause in _SPLIT.split(constraint.strip()):
        if clause in {"", "*"}:
            continue
        if (match := _CARET.fullmatch(clause)) is not None:
            clauses += _range(match[1], match[2], _caret_end)
        elif not clause.startswith("~=") and (match := _TILDE.fullmatch(clause)) is not None:
            clauses += _range(match[1], match[2], _tilde_end)
        elif _BARE.fullmatch(clause):
            clauses.append(f"=={clause}")
        else:
            clauses.append(re.sub(r"^=\s*(?!=)", "==", clause))
    return ",".join(clauses)


def _range(numbers: str, suffix: str, end: Any) -> list[str]:
    parts = [int(part) for part in numbers.split(".")]
    return [f">={numbers}{suffix}", f"<{'.'.join(map(str, end(parts)))}"]


def _caret_end(parts: list[int]) -> list[int]:
    """``^1.2.3`` allows below 2.0, ``^0.2.3`` below 0.3, ``^0.0.3`` below 0.0.4 (Poetry: caret requirements)."""
    for index, part in enumerate(parts):
        if part:
            return [*parts[:index], part + 1]
    return [*parts[:-1], 1]


def _tilde_end(parts: list[int]) -> list[int]:
    return [parts[0] + 1] if len(parts) == 1 else [parts[0], parts[1] + 1]


class _Wish:
    """Which groups and extras ``poetry install ARGS`` selects."""

    def __init__(self, args: Sequence[str], project: _Project) -> None:
        words, self.problems = scan(args, INSTALL_OPTIONS)
        given: dict[str, list[str]] = {}
        for word in words:
            if word.option is not None:
                given.setdefault(word.option, []).extend(
                    normalise(one) for one in re.split(r"[ ,]+", word.value) if one
                )
        groups = project.groups()
        chosen = (
            list(groups) if "--all-groups" in given else [name for name, optional in groups.items() if not optional]
        )
        chosen += given.get("--with", [])
        if "--only" in given:
            chosen = given["--only"]
        if "--only-root" in given:
            chosen = []
        dropped = set(given.get("--without", [])) | ({"dev"} if "--no-dev" in given else set())
        self.groups = [one for one in dict.fromkeys(chosen) if one not in dropped]
        self.problems += [f"there is no group {one!r}" for one in self.groups if one not in groups]
        extras = project.extras()
        self.extras = list(extras) if "--all-extras" in given else given.get("--extras", [])
        self.problems += [f"the project has no extra {one!r}" for one in self.extras if one not in extras]


class _Project:
    """The Poetry side of a ``pyproject.toml``."""

    def __init__(self, pyproject: Pyproject, folder: str) -> None:
        self.pyproject = pyproject
        self.source = pyproject.source
        self.folder = folder
        self.poetry = self.source.table("tool", "poetry")

    def groups(self) -> dict[str, bool]:
        """Return every group with whether it is optional."""
        found = {"main": False}
        if isinstance(self.poetry.get("dev-dependencies"), dict):
            found["dev"] = False
        for name in self.pyproject.groups():
            found[name] = False
        for name, table in self.source.table("tool", "poetry", "group").items():
            optional = isinstance(table, dict) and table.get("optional") is True
            found[normalise(name)] = optional
        return found

    def extras(self) -> dict[str, list[str]]:
        """Return the extras with the names or requirements they switch on."""
        listed = dict(self.source.table("tool", "poetry", "extras"))
        listed.update(self.source.table("project", "optional-dependencies"))
        return {normalise(name): texts(value) for name, value in listed.items()}

    def requirements(self, groups: Sequence[str], extras: Sequence[str]) -> Iterator[Requested]:
        """Yield the requirements of the groups, and for ``main`` those that the extras switch on."""
        if "main" in groups:
            yield from self.main(extras)
        tables = self.source.table("tool", "poetry", "group")
        for group in groups:
            for name, table in tables.items():
                if normalise(name) == group and isinstance(table, dict) and isinstance(table.get("dependencies"), dict):
                    yield from self.table(table["dependencies"], f"tool.poetry.group.{name}.dependencies", None)
            legacy = self.poetry.get("dev-dependencies")
            if group == "dev" and isinstance(legacy, dict):
                yield from self.table(legacy, "tool.poetry.dev-dependencies", None)
            if group in self.pyproject.groups():
                yield from self.pyproject.group(group)

    def main(self, extras: Sequence[str]) -> Iterator[Requested]:
        project = self.source.table("project")
        if "dependencies" in project or "optional-dependencies" in project:
            yield from self.pyproject.requirements(extras)
            if not self.pyproject.is_dynamic("dependencies") and "dependencies" in project:
                return
        switched = {normalise(re.split(r"[^\w.-]", one)[0]) for name in extras for one in self.extras().get(name, [])}
        dependencies = self.poetry.get("dependencies")
        if isinstance(dependencies, dict):
            yield from self.table(dependencies, "tool.poetry.dependencies", switched)

    def table(self, table: Mapping[str, Any], header: str, switched: set[str] | None) -> Iterator[Requested]:
        for name, value in table.items():
            if normalise(name) == "python":
                continue
            origin = self.source.key(name, header)
            for one in value if isinstance(value, list) else [value]:
                optional = isinstance(one, dict) and one.get("optional") is True
                if optional and switched is not None and normalise(name) not in switched:
                    continue
                if (requested := self.dependency(name, one, origin)) is not None:
                    yield requested

    def dependency(self, name: str, value: object, origin: Origin) -> Requested | None:
        entry: Mapping[str, Any] = value if isinstance(value, dict) else {"version": value}
        version = entry.get("version", "*")
        specifier = pep440(version) if isinstance(version, str) else None
        if specifier is None:
            self.pyproject.problem(
                f"{name}: the constraint {version!r} can't be read; any version is assumed", origin.line
            )
        marker = _marker(entry)
        text = f"{name}[{','.join(texts(entry.get('extras')))}]{specifier or ''}{f' ; {marker}' if marker else ''}"
        try:
            found = parse_pep508(text.replace("[]", ""), origin, chain=(str(origin),))
        except InvalidRequirementError as error:
            self.pyproject.problem(str(error), origin.line)
            return None
        url, local = entry.get("git") or entry.get("url"), entry.get("path")
        if not url and not local:
            return found
        names = file_name({"url": str(entry["url"])}) if entry.get("url") else None
        path = posixpath.normpath(posixpath.join(self.folder, str(local))) if local else None
        return replace(found, url=str(url) if url else None, path=path, artefacts=(names,) if names else None)


def _marker(entry: Mapping[str, Any]) -> str | None:
    parts = [f"({entry['markers']})"] if isinstance(entry.get("markers"), str) else []
    python = entry.get("python")
    specifier = pep440(python) if isinstance(python, str) else None
    for clause in specifier.split(",") if specifier else ():
        match = re.fullmatch(r"(~=|==|!=|<=|>=|<|>)\s*(.+)", clause)
        if match is not None:
            variable = (
                "python_full_version" if match[2].count(".") > 1 and not match[2].endswith("*") else "python_version"
            )
            parts.append(f"{variable} {match[1]} '{match[2]}'")
    platform = entry.get("platform")
    if isinstance(platform, str):
        parts.append(f"sys_platform == '{platform}'")
    return " and ".join(parts) or None


def read_poetry(
    folder: str,
    files: FileReader,
    values: Mapping[str, str],
    *,
    args: Sequence[str] = (),
    origin: Origin | None = None,
    lock: bool = True,
) -> RequirementSet:
    """Read the Poetry project in ``folder`` for ``poetry install ARGS`` in the marker environment ``values``.

    Without ``lock`` or a readable ``poetry.lock`` the requirements of ``pyproject.toml`` are returned unlocked. Never
    raises.
    """
    path = posixpath.join(folder, "pyproject.toml")
    try:
        pyproject = Pyproject(path, files)
    except SourceError as error:
        place = origin or Origin(files.display(path))
        return RequirementSet(problems=(Problem(place.path, place.line, str(error)),))
    project = _Project(pyproject, folder)
    wish = _Wish(args, project)
    requested = tuple(project.requirements(wish.groups, wish.extras))
    place = origin or Origin(pyproject.source.path)
    complaints = tuple(Problem(place.path, place.line, text) for text in wish.problems)
    external = tuple(pyproject.external())
    problems = (*complaints, *pyproject.problems)
    lock_path = posixpath.join(folder, "poetry.lock")
    unlocked = RequirementSet(requested=requested, problems=problems, external=external, files=(path,))
    if not lock or not files.exists(lock_path):
        return unlocked
    try:
        locked = TomlSource(lock_path, files)
    except SourceError as error:
        return replace(unlocked, problems=(*problems, Problem(files.display(lock_path), None, str(error))))
    roots = [root for one in requested if (root := root_of(one)) is not None]
    own = frozenset({pyproject.name} if pyproject.name else ())
    packages = list(_packages(locked, folder, wish.groups))
    found = walk(packages, roots, values, lock=locked.path, skip=own)
    return replace(found, problems=(*problems, *found.problems), external=external, files=(path, lock_path))


def _packages(lock: TomlSource, folder: str, groups: Sequence[str]) -> Iterator[LockedPackage]:
    old_files = lock.table("metadata", "files")
    for index, package in enumerate(lock.tables("package")):
        name = str(package.get("name", ""))
        listed = package.get("files", old_files.get(name))
        entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        source = package.get("source")
        source = source if isinstance(source, dict) else {}
        kind, url = str(source.get("type")), source.get("url")
        local = kind in {"directory", "file"} and isinstance(url, str)
        names: tuple[str, ...] | None = tuple(file for one in entries if (file := file_name(one)) is not None)
        if kind in {"git", "directory"} or not names:
            names = None
        yield LockedPackage(
            name=normalise(name),
            version=str(package.get("version", "")),
            origin=Origin(lock.path, lock.header("package", index)),
            artefacts=names,
            edges=tuple(_edges(package)),
            marker=_package_marker(package.get("markers"), groups),
            url=url if kind in {"git", "url"} and isinstance(url, str) else None,
            path=posixpath.normpath(posixpath.join(folder, str(url))) if local else None,
            editable=package.get("develop") is True,
        )


def _package_marker(markers: object, groups: Sequence[str]) -> str | None:
    """Return the marker of an entry; lock version 2.1 may have one per group, of which any may hold."""
    if isinstance(markers, str):
        return markers
    if isinstance(markers, dict):
        own = [value for key, value in markers.items() if normalise(key) in groups and isinstance(value, str)]
        if own and all(normalise(group) in {normalise(key) for key in markers} for group in groups):
            return " or ".join(f"({one})" for one in own)
    return None


def _edges(package: Mapping[str, Any]) -> Iterator[Edge]:
    dependencies = package.get("dependencies")
    extras = package.get("extras")
    switched: dict[str, list[str]] = {}
    for extra, listed in extras.items() if isinstance(extras, dict) else ():
        for text in texts(listed):
            switched.setdefault(normalise(re.split(r"[^\w.-]", text.strip())[0]), []).append(normalise(extra))
    for name, value in dependencies.items() if isinstance(dependencies, dict) else ():
        for one in value if isinstance(value, list) else [value]:
            entry = one if isinstance(one, dict) else {"version": one}
            constraint = entry.get("version")
            specifier = pep440(constraint) if isinstance(constraint, str) else None
            edge = Edge(
                name=normalise(name),
                specifier=specifier or "",
                extras=tuple(normalise(each) for each in texts(entry.get("extras"))),
                marker=_without_extra(entry.get("markers")),
            )
            if entry.get("optional") is True:
                yield from (replace(edge, extra=extra) for extra in switched.get(edge.name, ()))
            else:
                yield edge


def _without_extra(marker: object) -> str | None:
    """Return a marker without its ``extra == "x"`` parts: the table ``extras`` says which extra switches an edge on."""
    if not isinstance(marker, str):
        return None
    kept = re.sub(r"""\s*(?:and|or)?\s*extra\s*==\s*(?:"[^"]*"|'[^']*')""", "", marker).strip()
    kept = re.sub(r"\(\s*\)", "", kept).strip()
    kept = re.sub(r"^(?:and|or)\s+|\s+(?:and|or)$", "", kept).strip()
    return kept or None
