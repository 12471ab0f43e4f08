"""uv projects: ``pyproject.toml`` with ``uv.lock`` as ``uv sync`` installs them."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dockerlint_alpine.python.formats.locked import Edge, LockedPackage, root_of, walk
from dockerlint_alpine.python.formats.pylock import archives, file_name
from dockerlint_alpine.python.formats.pyproject import Pyproject, read_pyproject
from dockerlint_alpine.python.formats.toml_source import SourceError, TomlSource, texts
from dockerlint_alpine.python.model import IndexOptions, Origin, Problem, RequirementSet, normalise
from dockerlint_alpine.python.options import OptionState, OptionTable, scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.python.model import FileReader

SYNC_OPTIONS = OptionTable.build(
    """
--extra
--no-extra
--group
--no-group
--only-group
--package
--python -p
--index-url -i --default-index
--extra-index-url --index
--find-links -f
--no-build-package
--no-binary-package
--config-setting -C
--cache-dir
--directory
--project
--config-file
--link-mode
--index-strategy
--keyring-provider
--resolution
--prerelease
--exclude-newer
--upgrade-package -P
--refresh-package
--reinstall-package
--allow-insecure-host
--color
--python-platform
--no-install-package
--no-build-isolation-package
--no-editable-package
""",
    """
--all-extras
--no-dev
--dev
--only-dev
--no-default-groups
--all-groups
--all-packages
--frozen
--locked --check
--no-install-project
--no-install-workspace
--no-install-local
--no-editable
--no-build
--no-binary
--no-index
--no-sources
--inexact
--exact
--active
--no-cache -n
--offline
--compile-bytecode --compile
--no-build-isolation
--reinstall --force-reinstall
--refresh
--upgrade -U
--quiet -q
--verbose -v
--no-progress
--no-python-downloads
--managed-python
--no-managed-python
--system-certs --native-tls
--isolated
--dry-run
--script
--no-config
--system
""",
)
"""``uv sync``, and what ``uv export`` and ``uv run`` share with it."""


class _Wish:
    """What the arguments of ``uv sync`` select."""

    def __init__(self, args: Sequence[str], pyproject: Pyproject) -> None:
        words, self.problems = scan(args, SYNC_OPTIONS)
        given: dict[str, list[str]] = {}
        for word in words:
            if word.option is not None:
                given.setdefault(word.option, []).append(normalise(word.value))
        tool = pyproject.source.table("tool", "uv")
        self.all_extras = "--all-extras" in given
        self.extras = given.get("--extra", [])
        self.no_extras = set(given.get("--no-extra", []))
        groups = list(pyproject.groups())
        dev = "dev" in groups or bool(texts(tool.get("dev-dependencies")))
        default = tool.get("default-groups", ["dev"])
        chosen = (groups + (["dev"] if dev else [])) if default == "all" else [normalise(one) for one in texts(default)]
        self.only = given.get("--only-group", []) + (["dev"] if "--only-dev" in given else [])
        if self.only:
            chosen = self.only
        elif "--no-default-groups" in given:
            chosen = []
        if "--all-groups" in given:
            chosen = [*groups, "dev"]
        chosen = [*chosen, *given.get("--group", []), *(["dev"] if "--dev" in given else [])]
        dropped = set(given.get("--no-group", [])) | ({"dev"} if "--no-dev" in given else set())
        known = {*groups, *(["dev"] if dev else []), *given.get("--group", []), *self.only}
        self.groups = [one for one in dict.fromkeys(chosen) if one not in dropped and one in known]
        self.without = {normalise(one) for one in given.get("--no-install-package", [])}
        self.options = _options(given, tool)
        self.frozen = not {"--frozen", "--locked"}.isdisjoint(given)


def _options(given: Mapping[str, Sequence[str]], tool: Mapping[str, Any]) -> IndexOptions:
    state = OptionState()
    if "--no-build" in given or tool.get("no-build") is True:
        state.apply("--only-binary", ":all:")
    if "--no-binary" in given or tool.get("no-binary") is True:
        state.apply("--no-binary", ":all:")
    for name in (*texts(tool.get("no-build-package")), *given.get("--no-build-package", ())):
        state.apply("--only-binary", name)
    for name in (*texts(tool.get("no-binary-package")), *given.get("--no-binary-package", ())):
        state.apply("--no-binary", name)
    return state.finish()


def read_uv(
    folder: str, files: FileReader, values: Mapping[str, str], *, args: Sequence[str] = (), origin: Origin | None = None
) -> RequirementSet:
    """Read the uv project in ``folder`` for ``uv sync ARGS`` in the marker environment ``values``.

    Without a readable ``uv.lock`` the requirements of ``pyproject.toml`` are returned unlocked. Never raises.
    """
    path = posixpath.join(folder, "pyproject.toml")
    try:
        pyproject = Pyproject(path, files)
    except SourceError as error:
        place = origin or Origin(files.display(path))
        return RequirementSet(problems=(Problem(place.path, place.line, str(error)),))
    wish = _Wish(args, pyproject)
    place = origin or Origin(pyproject.source.path)
    complaints = tuple(Problem(place.path, place.line, text) for text in wish.problems)
    declared = _declared(pyproject, wish, path, files)
    lock_path = posixpath.join(folder, "uv.lock")
    if not wish.frozen and not files.exists(lock_path):
        return replace(declared, options=wish.options, problems=(*complaints, *declared.problems))
    try:
        lock = TomlSource(lock_path, files)
    except SourceError as error:
        problem = Problem(files.display(lock_path), None, str(error))
        return replace(declared, options=wish.options, problems=(*complaints, problem, *declared.problems))
    packages = list(_packages(lock, folder))
    roots = [root for one in declared.requested if (root := root_of(one)) is not None]
    own = frozenset({pyproject.name} if pyproject.name else ()) | wish.without
    found = walk(packages, roots, values, lock=lock.path, skip=own)
    return replace(
        found,
        options=wish.options,
        problems=(*complaints, *declared.problems, *found.problems),
        external=declared.external,
        files=(path, lock_path),
    )


def _declared(pyproject: Pyproject, wish: _Wish, path: str, files: FileReader) -> RequirementSet:
    """Return the project's own requirements as selected, ``[tool.uv] dev-dependencies`` as part of ``dev``."""
    groups = [one for one in wish.groups if one in pyproject.groups()]
    table = pyproject.source.table("project", "optional-dependencies")
    extras = [normalise(one) for one in table] if wish.all_extras else wish.extras
    extras = [one for one in extras if one not in wish.no_extras]
    found = read_pyproject(path, files, extras=[] if wish.only else extras, groups=groups, project=not wish.only)
    if "dev" in wish.groups:
        legacy = texts(pyproject.source.table("tool", "uv").get("dev-dependencies"))
        added = tuple(one for text in legacy if (one := pyproject.parse(text, "tool.uv")))
        found = replace(found, requested=found.requested + added)
    return found


def _packages(lock: TomlSource, folder: str) -> Iterator[LockedPackage]:
    for index, package in enumerate(lock.tables("package")):
        name, version = normalise(str(package.get("name", ""))), str(package.get("version", ""))
        source = package.get("source")
        source = source if isinstance(source, dict) else {}
        local = next((source[key] for key in ("editable", "virtual", "directory", "path") if key in source), None)
        url = source.get("git") or source.get("url")
        names: tuple[str, ...] | None = archives(package)
        if isinstance(url, str) and "url" in source and (direct := file_name({"url": url})):
            names = (direct,)
        elif local is not None or "git" in source:
            names = (posixpath.basename(str(local)),) if "path" in source else None
        markers = texts(package.get("resolution-markers"))
        yield LockedPackage(
            name=name,
            version=version,
            origin=Origin(lock.path, lock.header("package", index)),
            artefacts=names,
            edges=tuple(_edges(package)),
            marker=" or ".join(f"({marker})" for marker in markers) or None,
            url=url if isinstance(url, str) else None,
            path=posixpath.normpath(posixpath.join(folder, str(local))) if local is not None else None,
            editable="editable" in source,
        )


def _edges(package: Mapping[str, Any]) -> Iterator[Edge]:
    optional = package.get("optional-dependencies")
    listed: list[tuple[str | None, Any]] = [(None, package.get("dependencies"))]
    if isinstance(optional, dict):
        listed += [(normalise(extra), value) for extra, value in optional.items()]
    for extra, entries in listed:
        for one in entries if isinstance(entries, list) else ():
            if isinstance(one, dict) and isinstance(one.get("name"), str):
                version = one.get("version")
                yield Edge(
                    name=normalise(one["name"]),
                    specifier=f"=={version}" if isinstance(version, str) else "",
                    extras=tuple(normalise(each) for each in texts(one.get("extra"))),
                    marker=one.get("marker") if isinstance(one.get("marker"), str) else None,
                    extra=extra,
                )
