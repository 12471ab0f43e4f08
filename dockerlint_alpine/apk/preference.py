"""Which package to install for a need that several provide.

In order: a soname as it is rather than under a namespace; the newest of several sonames; a package that the others pull
in anyway (``libpq-dev`` is in ``postgresql16-dev``, ``mariadb-connector-c-dev`` in ``mariadb-dev``); the repository
that comes first; Alpine's own ``provider_priority``; what more of Alpine's packages depend on; the smaller closure.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from dockerlint_alpine.apk.constraint import Constraint
from dockerlint_alpine.apk.errors import ConstraintError
from dockerlint_alpine.apk.index import Index, Provider
from dockerlint_alpine.apk.world import World

if TYPE_CHECKING:
    from dockerlint_alpine.apk.package import Package

_Key: TypeAlias = tuple[bool | int | tuple[int, ...], ...]
_FEW = 8
"""Closures are solved for so many candidates at most."""
_PLAIN, _NEWEST, _PULLED_IN, _REPOSITORY, _PRIORITY, _USED, _CLOSURE = range(7)


def ranked(index: Index, need: str) -> tuple[Provider, ...]:
    """See :meth:`Index.find`."""
    try:
        constraint = Constraint.parse(need)
    except ConstraintError:
        return ()
    found: dict[str, tuple[Package, str]] = {}
    for capability in _capabilities(index, constraint.name):
        for package, version in index.catalog.entry(capability).providers:
            if constraint.matches(version, dialect=index.behaviour.dialect):
                best = found.get(package.name)
                if best is None or package == index.package(package.name):
                    found[package.name] = (package, best[1] if best else capability)
    if len(found) < 2:
        only = f"the only package of Alpine {index.release} that provides it"
        return tuple(Provider(package, capability, only) for package, capability in found.values())
    keys = {name: _key(index, package, capability, found, need) for name, (package, capability) in found.items()}
    tied = [name for name in found if list(keys.values()).count(keys[name]) > 1]
    if len(tied) <= _FEW:
        keys.update({name: (*keys[name][:_CLOSURE], _closure(index, name)) for name in tied})
    order = sorted(found, key=lambda name: (keys[name], name))
    return tuple(Provider(*found[name], _reason(index, at, order, keys, found)) for at, name in enumerate(order))


def _capabilities(index: Index, name: str) -> list[str]:
    found = index.catalog.matching(name) if "*" in name else [name] if index.catalog.entry(name).providers else []
    if not found and name.startswith("so:") and name.count(":") == 1:
        found = index.catalog.matching(f"so:*:{name[3:]}")
    return found


def _key(index: Index, package: Package, capability: str, found: dict[str, tuple[Package, str]], need: str) -> _Key:
    """What decides, but for the closure, which is only looked at where all else is equal."""
    namespaced = capability.startswith("so:") and capability.count(":") > 1 and need.count(":") == 1
    newest = tuple(-int(number) for number in re.findall(r"\d+", capability)) if "*" in need else ()
    pulled_in = sum(_pulls_in(other, package) for other, _ in found.values() if other is not package)
    repository = index.repositories.index(package.repository)
    return (namespaced, newest, -pulled_in, repository, -package.priority, -package.dependants, 0)


def _pulls_in(package: Package, other: Package) -> bool:
    return any(constraint.name == other.name for constraint in package.depends)


@lru_cache(maxsize=512)
def _closure(index: Index, name: str) -> int:
    """How many packages an empty root has after ``apk add name``."""
    return len(World.of(index, (name,)).packages)


def _reason(
    index: Index, at: int, order: list[str], keys: dict[str, _Key], found: dict[str, tuple[Package, str]]
) -> str:
    """What set this package apart from its neighbour in the order."""
    name = order[at]
    if at:
        return f"after {order[0]}: {_difference(index, order[0], name, keys, found)}"
    return f"before {order[1]}: {_difference(index, name, order[1], keys, found)}"


def _difference(
    index: Index, first: str, second: str, keys: dict[str, _Key], found: dict[str, tuple[Package, str]]
) -> str:
    decisive = next((at for at in range(7) if keys[first][at] != keys[second][at]), None)
    first_package, second_package = found[first][0], found[second][0]
    if decisive == _PLAIN:
        return f"{second} has it as {found[second][1]} only"
    if decisive == _NEWEST:
        return f"{found[first][1]} is newer than {found[second][1]}"
    if decisive == _PULLED_IN:
        return f"{second} depends on {first}" if _pulls_in(second_package, first_package) else f"others need {first}"
    if decisive == _REPOSITORY:
        return f"{first_package.repository} comes before {second_package.repository}"
    if decisive == _PRIORITY:
        return f"Alpine gives {first} the higher priority ({first_package.priority})"
    if decisive == _USED:
        return f"more of Alpine's packages depend on {first}"
    if decisive == _CLOSURE:
        return f"{first} brings {keys[first][_CLOSURE]} packages, {second} {keys[second][_CLOSURE]}"
    return f"otherwise equal in Alpine {index.release}; by name"
