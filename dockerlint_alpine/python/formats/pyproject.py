"""``pyproject.toml``: PEP 621 metadata, PEP 735 groups, PEP 725 needs and PEP 518 build requirements."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dockerlint_alpine.python.formats.requirements_file import read_requirements
from dockerlint_alpine.python.formats.toml_source import SourceError, TomlSource, texts
from dockerlint_alpine.python.markers import InvalidMarkerError, check_marker
from dockerlint_alpine.python.model import External, Origin, Problem, Requested, RequirementSet, normalise
from dockerlint_alpine.python.requirement import InvalidRequirementError, parse_pep508

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.python.model import FileReader

_EXTERNAL_KEYS = ("build-requires", "host-requires", "dependencies")
_OPTIONAL_EXTERNAL_KEYS = {f"optional-{key}": key for key in _EXTERNAL_KEYS}


class Pyproject:
    """One ``pyproject.toml`` and the problems found while reading it."""

    def __init__(self, path: str, files: FileReader) -> None:
        """Read the file; raises ``SourceError``."""
        self.location = path
        self.files = files
        self.source = TomlSource(path, files)
        self.problems: list[Problem] = []
        self.read = [path]

    @property
    def name(self) -> str | None:
        """The project's normalised name, from PEP 621 or Poetry."""
        for table in (self.source.table("project"), self.source.table("tool", "poetry")):
            if isinstance(name := table.get("name"), str):
                return normalise(name)
        return None

    def problem(self, message: str, line: int | None = None) -> None:
        """Note something that can't be understood."""
        self.problems.append(Problem(self.source.path, line, message))

    def parse(self, text: str, header: str, chain: tuple[str, ...] = ()) -> Requested | None:
        """Read one PEP 508 string of a table; an invalid one becomes a problem."""
        origin = self.source.value(text, header)
        try:
            return parse_pep508(text, origin, chain=(*chain, str(origin)))
        except InvalidRequirementError as error:
            self.problem(str(error), origin.line)
            return None

    # -- PEP 621 ----------------------------------------------------------------------------------------------------

    def requirements(self, extras: Sequence[str] = (), *, all_extras: bool = False) -> list[Requested]:
        """Return ``[project]`` dependencies with those of ``extras`` (normalised names)."""
        project = self.source.table("project")
        found = [one for text in texts(project.get("dependencies")) if (one := self.parse(text, "project"))]
        optional = project.get("optional-dependencies")
        table = {normalise(key): value for key, value in optional.items()} if isinstance(optional, dict) else {}
        wanted = list(table) if all_extras else [normalise(extra) for extra in extras]
        seen: set[str] = set()
        while wanted:
            extra = wanted.pop(0)
            if extra in seen:
                continue
            seen.add(extra)
            if extra not in table:
                # Without a [project] table they are those of setup.py or setup.cfg, if there are any.
                if project and not self.is_dynamic("optional-dependencies"):
                    self.problem(f"the project has no extra {extra!r}")
                continue
            header = "project.optional-dependencies"
            for one in (self.parse(text, header) for text in texts(table[extra])):
                if one is not None and one.name == self.name:
                    wanted.extend(one.extras)
                elif one is not None:
                    found.append(one)
        return found

    def is_dynamic(self, key: str) -> bool:
        """Tell whether ``[project]`` leaves ``key`` to the build backend."""
        return key in texts(self.source.table("project").get("dynamic"))

    def requirement_files(self, extras: Sequence[str]) -> RequirementSet | None:
        """Return what ``[tool.setuptools.dynamic]``, or hatch-requirements-txt's hook for metadata (its README), names files
        for; ``None`` if they do not."""
        dynamic = self.source.table("tool", "setuptools", "dynamic")
        hook = self.source.table("tool", "hatch", "metadata", "hooks", "requirements_txt")
        # Of setuptools each is a table with the files, of hatch-requirements-txt the files themselves.
        named = [
            (name, header)
            for header, table, whole in (
                ("tool.setuptools.dynamic", dynamic, dynamic.get("dependencies")),
                ("tool.hatch.metadata.hooks.requirements_txt", hook, hook.get("files") or hook.get("filename")),
            )
            for value in (whole, *_chosen(table.get("optional-dependencies"), extras))
            for name in texts(value.get("file") if isinstance(value, dict) else value)
        ]
        if not named:
            return None
        found = RequirementSet()
        folder = posixpath.dirname(self.location)
        for name, header in named:
            origin = self.source.value(name, header)
            path = posixpath.normpath(posixpath.join(folder, name))
            added = read_requirements(path, self.files, origin=origin)
            chained = tuple(replace(one, chain=(str(origin), *one.chain)) for one in added.requested)
            found = found.joined(replace(added, requested=chained))
        return found

    # -- PEP 735: packaging.dependency_groups refuses a whole group for one entry, and tells no lines --------------------

    def groups(self) -> Mapping[str, Any]:
        """Return ``[dependency-groups]`` by normalised name."""
        return {normalise(name): value for name, value in self.source.table("dependency-groups").items()}

    def group(self, name: str, stack: tuple[str, ...] = ()) -> Iterator[Requested]:
        """Yield the requirements of a group and of those it includes."""
        groups, wanted = self.groups(), normalise(name)
        if wanted in stack:
            self.problem(f"dependency group {name!r} includes itself")
            return
        if wanted not in groups or not isinstance(groups[wanted], list):
            self.problem(f"there is no dependency group {name!r}")
            return
        for one in groups[wanted]:
            if isinstance(one, str):
                if (parsed := self.parse(one, "dependency-groups")) is not None:
                    yield parsed
            elif isinstance(one, dict) and isinstance(included := one.get("include-group"), str):
                yield from self.group(included, (*stack, wanted))
            else:
                self.problem(f"dependency group {name!r} has an entry of an unknown kind")

    # -- PEP 518 and 725 --------------------------------------------------------------------------------------------

    def build_requires(self) -> tuple[Requested, ...]:
        """Return ``[build-system] requires``; what PEP 518 sets without it is left to the installer."""
        listed = texts(self.source.table("build-system").get("requires"))
        return tuple(one for text in listed if (one := self.parse(text, "build-system")))

    def external(self) -> Iterator[External]:
        """Yield the needs of ``[external]``: ``dep:`` URLs with optional markers behind ``;``."""
        table = self.source.table("external")
        for key in _EXTERNAL_KEYS:
            yield from self._external(key, texts(table.get(key)), None)
        for key, plain in _OPTIONAL_EXTERNAL_KEYS.items():
            optional = table.get(key)
            if isinstance(optional, dict):
                for extra, listed in optional.items():
                    yield from self._external(plain, texts(listed), normalise(extra))

    def _external(self, key: str, listed: Sequence[str], extra: str | None) -> Iterator[External]:
        for text in listed:
            origin = self.source.value(text, "external")
            need, _, marker = text.partition(";")
            if marker.strip():
                try:
                    check_marker(marker.strip())
                except InvalidMarkerError as error:
                    self.problem(str(error), origin.line)
                    continue
            if not need.strip().startswith(("dep:", "pkg:")):
                self.problem(f"{text!r} is not a dep: URL", origin.line)
                continue
            yield External(key, text.strip(), origin, extra)


def _chosen(table: object, extras: Sequence[str]) -> list[object]:
    """The values of the extras (normalised) in a table of all of them."""
    return [value for key, value in table.items() if normalise(key) in extras] if isinstance(table, dict) else []


def open_pyproject(path: str, files: FileReader, origin: Origin | None) -> Pyproject | RequirementSet:
    """Open a ``pyproject.toml``; where it can't be read, the set has the reason, at ``origin`` if a command asked for it."""
    try:
        return Pyproject(path, files)
    except SourceError as error:
        place = origin or Origin(files.display(path))
        return RequirementSet(problems=(Problem(place.path, place.line, str(error)),))


def read_pyproject(
    path: str,
    files: FileReader,
    *,
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
    project: bool = True,
    all_extras: bool = False,
    origin: Origin | None = None,
) -> RequirementSet:
    """Read a ``pyproject.toml``: with ``project`` its PEP 621 dependencies and ``extras``, and PEP 735 ``groups``.

    What the metadata leaves to setuptools (``dynamic``) is read from the files it names, ``setup.cfg`` and
    ``setup.py``; what only another build backend knows is a problem. Never raises for bad input.
    """
    found = open_pyproject(path, files, origin)
    if isinstance(found, RequirementSet):
        return found
    requested = found.requirements(extras, all_extras=all_extras) if project else []
    for group in groups:
        requested.extend(found.group(group))
    result = RequirementSet(
        requested=tuple(requested),
        external=tuple(found.external()),
        build_requires=found.build_requires() if project else (),
        files=tuple(found.read),
    )
    result = replace(result, problems=tuple(found.problems))  # with those of the lines above
    if project and (found.is_dynamic("dependencies") or "project" not in found.source.data):
        result = _with_dynamic(found, result, [normalise(extra) for extra in extras])
    return result


def read_metadata(
    path: str, files: FileReader, *, extras: Sequence[str] = (), all_extras: bool = False
) -> RequirementSet:
    """Read the dependencies in a ``pyproject.toml``, ``setup.py`` or ``setup.cfg``, with ``extras`` of theirs. Never
    raises for bad input."""
    if posixpath.basename(path) == "pyproject.toml":
        return read_pyproject(path, files, extras=extras, all_extras=all_extras)
    from dockerlint_alpine.python.formats.setup_files import read_setup

    found = read_setup(posixpath.dirname(path), files, extras=extras)
    if found is not None:
        return found
    shown = files.display(path)
    return RequirementSet(problems=(Problem(shown, None, f"{shown} can't be read: no such file"),))


def _with_dynamic(found: Pyproject, result: RequirementSet, extras: Sequence[str]) -> RequirementSet:
    """Add what the build backend would fill in, as far as it is written down."""
    named = found.requirement_files(extras)
    if named is not None:
        return result.joined(named)
    from dockerlint_alpine.python.formats.setup_files import read_setup

    folder = posixpath.dirname(found.location)
    setup = read_setup(folder, found.files, extras=extras)
    if setup is not None:
        return result.joined(setup)
    if found.is_dynamic("dependencies"):
        origin = found.source.key("dynamic", "project")
        backend = found.source.table("build-system").get("build-backend")
        message = f"the dependencies are dynamic: only the build backend {backend or 'of the project'} determines them"
        return replace(result, problems=(*result.problems, Problem(origin.path, origin.line, message)))
    return result
