"""What packages of Python distributions tell about those that nobody wrote a rule or recorded wheels for: Alpine's own, and
where there is none, Debian's.

abuild gives every package that holds an ELF file a ``so:`` dependency, on musl's own library if on nothing else. So a
``py3-django`` without one, in every release that has it, says that Django is pure Python: there is nothing to compile,
whichever version and file pip takes. What the package depends on is Alpine's choice (optional accelerators are often
among it) and no statement of the distribution, so it is never taken for a requirement; it only tells which
distributions with native code may come along.

Debian ships a package that holds no compiled file as ``Architecture: all`` (Debian Policy 5.6.8); which distributions
those hold is in ``rules/debian.tsv.gz``, made by ``tools/debian_pure.py``. Of 2,250 of them of which locks list wheels, 13
have wheels for single platforms only, most of them an optional speed-up. So that is ``likely``.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from msgspec import Struct, field

from dockerlint_alpine.apk.constraint import Constraint
from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.python.model import Packaged, normalise
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping
    from pathlib import Path

    from dockerlint_alpine.apk.database import PackageRow, SnapshotInfo

DEBIAN = "debian.tsv.gz"
"""The file in ``rules/``: distribution, package, version, suite and day, distributions with native code below it."""
_MODULE = lazy_pattern(r"py3\.\d+:(\w+)(?=[=<>~]|\Z)")
"""A top-level module; what else lies in site-packages (``.pth`` and ``.egg-info`` files) is named there too."""
_PARTS = ("-pyc", "-doc", "-dev")
"""Endings of subpackages: byte code, manuals, headers."""
_HARMLESS = frozenset({"python3", "/bin/sh", "tzdata", "ca-certificates", "ca-certificates-bundle"})
"""What a package of pure Python may depend on and bring nothing that a distribution could need elsewhere."""


class _Package(Struct):
    """One package name over all snapshots; ``depends`` and ``version`` are those of the newest release."""

    name: str
    version: str = ""
    release: str = ""
    modules: set[str] = field(default_factory=set)
    depends: tuple[str, ...] = ()
    compiled: bool = False


def packaged(
    records: Iterable[tuple[PackageRow, SnapshotInfo]], rules: Container[str], debian: Mapping[str, Packaged]
) -> dict[str, Packaged]:
    """Distributions (normalised name) that are packaged as pure Python, from all records of all snapshots of Alpine, and
    from ``debian`` where Alpine has no package that may stand for the name.

    ``rules`` are the distributions that have a rule: of the names that a package may stand for, such a one is preferred.
    """
    packages = _python_packages(records)
    closures = _Closures(packages, rules)
    compiled = {name for one in packages.values() if one.compiled for name in distribution_names(one.name, one.modules)}
    found = {name: entry for name, entry in debian.items() if name not in compiled}
    alpine: dict[str, Packaged] = {}
    for one in filter(closures.is_pure, packages.values()):
        entry = Packaged(one.name, one.version, one.release, closures.brings(one))
        for name in distribution_names(one.name, one.modules):
            # One that is called exactly so has the word: py3-jwt stands for pyjwt only where there is no py3-pyjwt.
            if packages.get(f"py3-{name}", one) is one:
                alpine.setdefault(name, entry)
    return dict(sorted((found | alpine).items()))


def read_debian(path: Path) -> dict[str, Packaged]:
    """The distributions of ``rules/debian.tsv.gz``. Raises ``RuleError`` for a malformed line."""
    found = {}
    for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
        try:
            name, package, version, release, brings = line.split("\t")
        except ValueError as error:
            raise RuleError(f"rules/{DEBIAN}", "", f"not five columns: {line!r}") from error
        found[name] = Packaged(package, version, release, tuple(brings.split()), "Debian")
    return found


def python_modules(provides: Iterable[str]) -> set[str]:
    """The top-level modules among what a package provides (``py3.12:yaml=6.0.1-r0``). abuild lists what lies in
    site-packages by its file name, so these are no names of distributions: py3-yaml provides ``yaml`` and ``_yaml``."""
    return {match[1] for token in provides if (match := _MODULE.match(token)) is not None}


def distribution_names(package: str, modules: Iterable[str]) -> Iterator[str]:
    """The names on the Python index that an Alpine package may stand for, most likely first.

    Alpine's policy is ``py3-`` and the distribution's name; ``python-`` and ``py`` are often dropped from it, and programs
    (``celery``, ``black``) keep their own name. ``modules`` are the top-level modules that the package provides.
    """
    known = {normalise(module) for module in modules}
    stem = normalise(package.removeprefix("py3-"))
    names = [stem] if package.startswith("py3-") or stem in known else []
    if package.startswith("py3-"):
        names += [prefix + stem for prefix in ("python-", "py") if known & {stem, prefix + stem}]
    if len(known) == 1 and stem not in known:
        # jose is the module of python-jose, jwt that of pyjwt: the distributions of these names are others
        names += [name for name in known if stem not in {f"python-{name}", f"py{name}"}]
    yield from dict.fromkeys(sorted(names, key=lambda name: not (name in known and name.endswith(stem))))


def _python_packages(records: Iterable[tuple[PackageRow, SnapshotInfo]]) -> dict[str, _Package]:
    found: dict[str, _Package] = {}
    for row, snapshot in records:
        if row.name.endswith(_PARTS):
            continue
        provides, depends = (row.provides or "").split(), (row.depends or "").split()
        modules = python_modules(provides)
        if not modules and not (row.name.startswith("py3-") and "python3" in map(_name, depends)):
            continue
        one = found.setdefault(row.name, _Package(row.name))
        one.modules |= modules
        one.compiled |= any(token.startswith("so:") for token in depends)
        if _age(snapshot.release) >= _age(one.release):
            one.release, one.version = snapshot.release, row.version
            one.depends = tuple(dict.fromkeys(map(_name, depends)))
    return found


def _name(token: str) -> str:
    return Constraint.parse(token).name if not token.startswith("!") else ""


def _age(release: str) -> tuple[int, ...]:
    """A key that sorts releases, ``edge`` last and none at all first."""
    return tuple(int(part) if part.isdecimal() else 10**6 for part in release.split(".") if part)


class _Closures:
    """What each package is, and what with native code it may bring."""

    def __init__(self, packages: Mapping[str, _Package], rules: Container[str]) -> None:
        self._packages = packages
        self._rules = rules

    def is_pure(self, one: _Package) -> bool:
        """True when nothing of it is compiled, in any release, and it depends on Python packages alone."""
        return not one.compiled and all(name in self._packages or _is_harmless(name) for name in one.depends)

    def brings(self, one: _Package) -> tuple[str, ...]:
        """The distributions below ``one`` that are not pure, sorted; what those bring is theirs to tell."""
        found: set[str] = set()
        seen, queue = {one.name}, [one]
        while queue:
            for name in queue.pop().depends:
                other = self._packages.get(name)
                if other is None or name in seen:
                    continue
                seen.add(name)
                if self.is_pure(other):
                    queue.append(other)
                else:
                    found.add(self._distribution(other))
        return tuple(sorted(found))

    def _distribution(self, package: _Package) -> str:
        names = list(distribution_names(package.name, package.modules)) or [package.name]
        return next((name for name in names if name in self._rules), names[0])


def _is_harmless(name: str) -> bool:
    return not name or name in _HARMLESS or name.startswith("py3.")
