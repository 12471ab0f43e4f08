"""What Poetry writes into ``pyproject.toml``: its own tables of dependencies, groups and extras, and its constraints."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dockerlint_alpine.python.formats.pylock import file_name
from dockerlint_alpine.python.formats.toml_source import texts
from dockerlint_alpine.python.model import Origin, Requested, normalise
from dockerlint_alpine.python.requirement import InvalidRequirementError, git_url, parse_pep508
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.python.formats.pyproject import Pyproject

_CARET = lazy_pattern(r"\^\s*(\d+(?:\.\d+)*)(.*)")
_TILDE = lazy_pattern(r"~\s*(\d+(?:\.\d+)*)(.*)")
_BARE = lazy_pattern(r"\d[\w.*+!-]*")
_SPLIT = lazy_pattern(r"\s*,\s*|(?<=[\w*])\s+(?=[<>=!~^])")


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


class PoetryProject:
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
        """Yield the requirements of the group ``main``."""
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
        """Yield the requirements of one table; of optional ones those in ``switched`` (``None``: all)."""
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
        """Read one entry; an invalid one becomes a problem."""
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
        url, local = git_url(entry) or entry.get("url"), entry.get("path")
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
