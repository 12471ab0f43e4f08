"""What lock files have in common: packages with exact versions, files and edges, and their traversal.

A lock lists more than one installation needs (other groups, extras, platforms). The walk starts at the project's own
requirements and follows edges whose markers hold, so that every package gets the chain that brought it.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.python.formats.toml_source import SourceError, TomlSource
from dockerlint_alpine.python.markers import InvalidMarkerError, applies
from dockerlint_alpine.python.model import Origin, Problem, Requested, RequirementSet
from dockerlint_alpine.python.versions import InvalidSpecifierError, sort_versions, specifiers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dockerlint_alpine.python.model import FileReader


class Edge(Struct, frozen=True):
    """One dependency: normalised ``name``, PEP 440 ``specifier``, and the extra of the parent that switches it on."""

    name: str
    specifier: str = ""
    extras: tuple[str, ...] = ()
    marker: str | None = None
    extra: str | None = None


class LockedPackage(Struct, frozen=True):
    """One entry of a lock.

    ``artefacts`` are file names (``None``: the lock has none); ``url`` and ``path`` a direct source, ``index`` where it was
    found. ``present_for``
    are the extras for which the entry exists at all (PDM writes ``uvicorn[standard]`` as its own entry).
    """

    name: str
    version: str
    origin: Origin
    artefacts: tuple[str, ...] | None = None
    edges: tuple[Edge, ...] = ()
    marker: str | None = None
    url: str | None = None
    path: str | None = None
    editable: bool = False
    hashes: tuple[str, ...] = ()
    present_for: tuple[str, ...] = ()
    index: str | None = None


class Root(Struct, frozen=True):
    """A requirement of the project itself: an edge and the chain to the line that states it."""

    edge: Edge
    chain: tuple[str, ...]


def walk(
    packages: Sequence[LockedPackage],
    roots: Iterable[Root],
    values: Mapping[str, str],
    *,
    lock: str,
    skip: frozenset[str] = frozenset(),
) -> RequirementSet:
    """Return the packages that ``roots`` reach in the marker environment ``values``.

    ``lock`` is the lock's displayed path; ``skip`` are names that are the project itself. What the lock lacks becomes a
    problem. Of several versions that a lock has for different environments, without a marker that tells them apart, the
    newest is taken that all fits, as Poetry does, which resolves within the lock.
    """
    starts = tuple(roots)
    by_name: dict[str, list[LockedPackage]] = {}
    for package in packages:
        by_name.setdefault(package.name, []).append(package)
    problems: list[Problem] = []
    found: dict[tuple[str, str], Requested] = {}
    seen: set[tuple[int, str | None]] = set()
    queue: deque[tuple[Edge, tuple[str, ...], bool, frozenset[str]]] = deque(
        (root.edge, root.chain, True, frozenset()) for root in starts
    )
    missing: set[str] = set()
    agreed: dict[str, set[str]] = {}
    while queue:
        edge, chain, direct, active = queue.popleft()
        if not _holds(edge.marker, values, active, problems, lock):
            continue
        matching = [one for one in by_name.get(edge.name, ()) if _fits(one, edge, values, problems, lock)]
        if not matching:
            if edge.name not in skip and edge.name not in missing:
                missing.add(edge.name)
                problems.append(Problem(lock, None, f"{edge.name} is needed by {chain[-1]} and not in the lock file"))
            continue
        agreed.setdefault(edge.name, {one.version for one in matching}).intersection_update(
            one.version for one in matching
        )
        own = chain if direct else (*chain, edge.name)
        below = (*chain, edge.name) if direct else own
        for package in matching:
            if package.name not in skip:
                found.setdefault((package.name, package.version), _requested(package, own))
            for extra in (None, *edge.extras):
                if (id(package), extra) in seen:
                    continue
                seen.add((id(package), extra))
                wanted = frozenset(edge.extras)
                queue.extend((one, below, False, wanted) for one in package.edges if one.extra == extra)
    several = {name for name, count in Counter(name for name, _ in found).items() if count > 1}
    taken = {name: sort_versions(agreed[name])[-1] for name in several if agreed.get(name)}
    if taken:
        kept = [one for one in packages if taken.get(one.name, one.version) == one.version]
        return walk(kept, starts, values, lock=lock, skip=skip)
    return RequirementSet(requested=tuple(found.values()), problems=tuple(problems), locked=True)


def _fits(package: LockedPackage, edge: Edge, values: Mapping[str, str], problems: list[Problem], lock: str) -> bool:
    if package.present_for and not set(package.present_for) <= set(edge.extras):
        return False
    try:
        if edge.specifier and not specifiers(edge.specifier).contains(package.version):
            return False
    except InvalidSpecifierError:
        pass
    return _holds(package.marker, values, frozenset(), problems, lock)


def _holds(
    marker: str | None, values: Mapping[str, str], extras: frozenset[str], problems: list[Problem], lock: str
) -> bool:
    if not marker:
        return True
    try:
        return applies(marker, values, sorted(extras))
    except InvalidMarkerError as error:
        problems.append(Problem(lock, None, f"the marker can't be evaluated: {error}"))
        return False


def _requested(package: LockedPackage, chain: tuple[str, ...]) -> Requested:
    return Requested(
        text=f"{package.name}=={package.version}",
        name=package.name,
        origin=package.origin,
        specifier=f"=={package.version}" if package.version else "",
        url=package.url,
        path=package.path,
        editable=package.editable,
        hashes=package.hashes,
        chain=chain,
        artefacts=package.artefacts,
        index=package.index,
    )


def everything(packages: Iterable[LockedPackage], values: Mapping[str, str], lock: str) -> RequirementSet:
    """Return all packages whose own marker holds, each asked for by its line: for locks without edges."""
    problems: list[Problem] = []
    kept = [one for one in packages if _holds(one.marker, values, frozenset(), problems, lock)]
    requested = tuple(_requested(one, (str(one.origin),)) for one in kept)
    return RequirementSet(requested=requested, problems=tuple(problems), locked=True)


def root_of(requested: Requested) -> Root | None:
    """Return the start of a walk for a project's requirement; ``None`` for one without a name."""
    if requested.name is None:
        return None
    return Root(Edge(requested.name, "", requested.extras, requested.marker), requested.chain)


def settled(
    declared: RequirementSet,
    lock_path: str,
    files: FileReader,
    values: Mapping[str, str],
    read: Callable[[TomlSource], Iterable[LockedPackage]],
    *,
    skip: Iterable[str | None],
) -> RequirementSet:
    """What a project asks for (``declared``), in the versions of its lock file, which ``read`` reads.

    Without a readable lock it is as ``declared``, and a lock that can't be read is a problem. ``skip`` as in :func:`walk`.
    """
    try:
        lock = TomlSource(lock_path, files)
    except SourceError as error:
        problem = Problem(files.display(lock_path), None, str(error))
        return replace(declared, problems=(*declared.problems, problem))
    roots = [root for one in declared.requested if (root := root_of(one)) is not None]
    found = walk(list(read(lock)), roots, values, lock=lock.path, skip=frozenset(filter(None, skip)))
    return replace(
        found,
        options=declared.options,
        problems=(*declared.problems, *found.problems),
        external=declared.external,
        files=(*declared.files[:1], lock_path),
    )
