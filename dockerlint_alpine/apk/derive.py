"""Indexes for releases without an embedded one, derived from their APKBUILDs and the last real index before them.

A recipe (APKBUILD) tells a package's name, version, explicit dependencies and provides, priority and ``install_if``:
those are the release's own. What abuild adds when it builds (``so:``, ``pc:``, ``cmd:`` and the dependencies that come
with them) no recipe tells. It is carried over from the package of the same name in the real index, with the versions moved
along; a package of a new series (``postgresql18-client``) takes what its predecessor (``postgresql17-client``) needs.

How far a carried name can be trusted is a number: the chance that the package still has exactly this soname (given with the
recipes, estimated from the change of its version), and that it still has the library in whatever version (from how often it
kept it through all real indexes). tests/apk/test_derive.py holds the method where the truth is known.
"""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.apk.apkindex import ApkIndex, Record
from dockerlint_alpine.apk.constraint import Constraint
from dockerlint_alpine.apk.errors import ConstraintError, IndexFormatError
from dockerlint_alpine.apk.snapshot import TRUSTED, Derived, Hold, Snapshot
from dockerlint_alpine.apk.version import GREATER, compare
from dockerlint_alpine.system.patterns import lazy_pattern

_HEADER = lazy_pattern(r"# recipes of (\d+\.\d+|edge) ([a-z0-9_]+): aports ([0-9a-f]{12}) (\d{4}-\d\d-\d\d)")
_COLUMNS = "name version origin repository noarch depends provides priority install_if".split()
_NUMBER = lazy_pattern(r"\d+")
_FOUND_BY_NAME = frozenset({"pkgconfig"})
"""What abuild adds by name: -dev packages with a ``.pc`` file depend on it."""
_RELEASE_OF_PACKAGE = lazy_pattern(r"-r\d+\Z")
_PYTHON = lazy_pattern(r"py3\.\d+:")
_NOTHING_LINKED = lazy_pattern(
    r"-(?:doc|lang|pyc|openrc|dev|static|dbg|systemd|udev|elogind|dinit|s6|(?:bash|fish|zsh|nushell)-completion)\Z"
)
"""Sub-packages that hold no program and no library of their own."""
_SHIPPED_LATER = 0.985
"""How often a soname held that Debian ships at that version of upstream or later, where the version changed (minor or
major): 3,142 of 3,191 in the real indexes from 3.12 to 3.22; most others had moved to another package."""
_STEADY = 0.975
"""How often a soname with a version (``so:libmariadb.so.3``) held a change of the minor version, where the same package had
kept it without a break through three minor or major ones or more, or through six of any kind: 783 of 803 packages in the
real indexes from 3.9 to 3.22. The bound of six was chosen on the same pairs: of the 26 that it adds 25 held."""
_STEADY_CHANGES = (3, 6)
_VERSIONED = lazy_pattern(r"so:[^:]+\.so\.\d+")
_KEPT = {"same": 0.994, "patch": 0.963, "minor": 0.904, "major": 0.816}
"""Share of libraries (a soname without its version) that a package of the same name still had after such a change of its
version: 40,388 in 16 pairs of neighbouring real indexes, 3.14 to 3.22."""
_PRIOR = 2.0
"""How many observed changes the share above counts for, beside a package's own history."""


class Recipe(Struct, frozen=True):
    """What one recipe says of one package; token lists as text, as in an index."""

    name: str
    version: str
    origin: str
    repository: str
    noarch: bool
    depends: str
    provides: str
    priority: int
    install_if: str


class Recipes(Struct, frozen=True):
    """The recipes of one release, evaluated for one architecture, with the commit and its day (``YYYY-MM-DD``)."""

    release: str
    arch: str
    commit: str
    day: str
    packages: tuple[Recipe, ...]


def read_recipes(path: Path) -> Recipes:
    """The recipes in ``path`` (``vX.Y-recipes.tsv.gz``).

    Raises:
        IndexFormatError: when the file is malformed.

    """
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
    header = _HEADER.fullmatch(lines[0]) if lines else None
    if header is None or len(lines) < 2 or lines[1].split("\t") != _COLUMNS:
        raise IndexFormatError(f"{path.name}: not a list of recipes")
    release, arch, commit, day = header.groups()
    return Recipes(release, arch, commit, day, tuple(_recipe(line, path) for line in lines[2:]))


def _recipe(line: str, path: Path) -> Recipe:
    cells = line.split("\t")
    if len(cells) != len(_COLUMNS):
        raise IndexFormatError(f"{path.name}: a line with {len(cells)} columns: {line[:80]}")
    name, version, origin, repository, noarch, depends, provides, priority, install_if = cells
    order = int(priority) if priority else 0
    lists = (_sound(depends), _sound(provides))
    return Recipe(name, version, origin or name, repository, noarch == "y", *lists, order, _sound(install_if))


def _sound(tokens: str) -> str:
    """The tokens that apk can read. A version that a recipe gets from a program's output is not in it: the name is kept."""
    found: list[str] = []
    for token in tokens.split():
        for text in (token, token.rstrip("<=>~")):
            try:
                Constraint.parse(text)
            except ConstraintError:
                continue
            found.append(text)
            break
    return " ".join(found)


def read_holds(path: Path) -> dict[tuple[str, str], float]:
    """The chances in ``path`` (``vX.Y-sonames.tsv.gz``) by soname and package; nothing where there is no such file."""
    if not path.exists():
        return {}
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
    cells = (line.split("\t") for line in lines[2:])
    return {(soname, package): float(hold) for soname, package, hold in cells}


def read_debian(path: Path) -> dict[str, tuple[tuple[int, ...], ...]]:
    """The versions of upstream at which Debian ships a soname, from ``debian-sonames.tsv.gz``; nothing without that file."""
    found: dict[str, tuple[tuple[int, ...], ...]] = {}
    if path.exists():
        for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()[2:]:
            soname, version, _ = line.split("\t")
            found[soname] = (*found.get(soname, ()), _numbers(version))
    return found


def library_of(soname: str) -> str:
    """A soname without its version: ``so:liblz4.so.1`` -> ``so:liblz4``."""
    return soname.partition(".so")[0]


def derive(
    recipes: Recipes,
    base: Sequence[Snapshot],
    holds: Mapping[tuple[str, str], float],
    history: Sequence[Snapshot] = (),
    debian: Mapping[str, Sequence[tuple[int, ...]]] = MappingProxyType({}),
) -> tuple[Snapshot, ...]:
    """One snapshot for each repository of ``recipes``.

    Args:
        recipes: the release's own facts.
        base: the real index to carry over from, one snapshot for each repository, all of one release.
        holds: the chances that a soname holds, by soname and package; what is not in it goes by the change of the version.
        history: real indexes of several releases, which tell how constant a package is.
        debian: the versions at which Debian ships a soname (:func:`read_debian`).

    """
    return _Derivation(recipes, base, holds, history, debian).snapshots()


class _Derivation:
    """One release on the way from its recipes to its snapshots."""

    def __init__(
        self,
        recipes: Recipes,
        base: Sequence[Snapshot],
        holds: Mapping[tuple[str, str], float],
        history: Sequence[Snapshot],
        debian: Mapping[str, Sequence[tuple[int, ...]]],
    ) -> None:
        self._recipes = recipes
        self._base_release = base[0].release
        self._old = _newest(record for snapshot in base for record in _as_on(snapshot, recipes.arch))
        self._new = {recipe.name: recipe for recipe in recipes.packages}
        self._given = holds
        self._debian = debian
        self._past = _past(history)
        self._python = _python(self._new["python3"].version) if "python3" in self._new else ""
        self._series = self._by_series()
        self._holds: dict[tuple[str, str], Hold] = {}
        self._unread: set[str] = set()

    def snapshots(self) -> tuple[Snapshot, ...]:
        built = int(datetime.fromisoformat(self._recipes.day).replace(tzinfo=UTC).timestamp())
        records = {recipe: self._record(recipe, built) for recipe in self._recipes.packages}
        provided = _provided(records.values())
        libraries = {library_of(name): name for name in provided if name.startswith("so:")}
        repositories = dict.fromkeys(recipe.repository for recipe in records)
        facts = Derived(
            self._recipes.commit, self._recipes.day, self._base_release, self._holds, frozenset(self._unread)
        )
        return tuple(
            Snapshot(
                self._recipes.release,
                repository,
                self._recipes.arch,
                ApkIndex(
                    f"recipes of {self._recipes.day} (aports {self._recipes.commit}) and {self._base_release}",
                    tuple(
                        replace(record, depends=self._settled(recipe, record.depends, provided, libraries))
                        for recipe, record in records.items()
                        if recipe.repository == repository
                    ),
                ),
                facts,
            )
            for repository in sorted(repositories, key=lambda name: (name != "main", name))
        )

    def _record(self, recipe: Recipe, built: int) -> Record:
        """The package with all that is carried over; dependencies are not held against what is provided yet."""
        old = self._old.get(recipe.name)
        if old is not None:
            provides, depends = self._carried(recipe, old)
        elif (old := self._predecessor(recipe)) is not None:
            provides, depends = self._continued(recipe, old)
        else:
            provides, depends = [], []
            if not recipe.noarch and not _NOTHING_LINKED.search(recipe.name):
                self._unread.add(recipe.name)
        return Record(
            recipe.name,
            recipe.version,
            self._recipes.arch,
            _joined(recipe.depends, depends),
            _joined(recipe.provides, provides),
            recipe.install_if,
            recipe.priority,
            recipe.origin,
            built,
        )

    def _carried(self, recipe: Recipe, old: Record) -> tuple[list[str], list[str]]:
        """Automatic provides and dependencies of the package of the same name."""
        provides = [_moved(token, old, recipe) for token in old.provides.split() if _automatic(token)]
        for token in provides:
            soname = token.partition("=")[0]
            if soname.startswith("so:"):
                self._judge(soname, old, recipe)
        return [_PYTHON.sub(f"py{self._python}:", token) for token in provides], list(self._needs(old, recipe))

    def _continued(self, recipe: Recipe, old: Record) -> tuple[list[str], list[str]]:
        """The same of a predecessor: what it links of its own series becomes the new series' package of that name, and
        its libraries, whose names have changed for certain, are left out."""
        numbers = dict(zip(_NUMBER.findall(old.name), _NUMBER.findall(recipe.name), strict=True))
        numbers.update(zip(_NUMBER.findall(old.origin), _NUMBER.findall(recipe.origin), strict=True))

        def renumbered(text: str) -> str:
            return _NUMBER.sub(lambda match: numbers.get(match[0], match[0]), text)

        kinds = ("cmd:", "pc:")
        provides = [
            renumbered(name) + ("=" + version if version else "")
            for token in old.provides.split()
            if token.startswith(kinds)
            for name, _, version in [_moved(token, old, recipe).partition("=")]
        ]
        own = {
            token.partition("=")[0]: record.name
            for record in self._old.values()
            if record.origin == old.origin
            for token in record.provides.split()
        }
        depends = [
            renumbered(own[name]) if (name := token.partition("=")[0]) in own else token
            for token in self._needs(old, recipe)
        ]
        return provides, [token for token in depends if token != recipe.name]

    def _needs(self, old: Record, recipe: Recipe) -> Iterator[str]:
        """The dependencies of ``old`` that abuild found, with versions moved along."""
        for token in old.depends.split():
            if _automatic(token) or token in _FOUND_BY_NAME:
                yield token
            elif token.startswith("python3~"):
                yield f"python3~{self._python}"
            else:
                wanted = Constraint.parse(token)
                other, new = self._old.get(wanted.name), self._new.get(wanted.name)
                linked = other is not None and other.origin == old.origin and wanted.version == other.version
                if linked and new is not None and new.origin == recipe.origin:
                    yield f"{wanted.name}={new.version}"

    @staticmethod
    def _settled(
        recipe: Recipe, depends: str, provided: Mapping[str, Sequence[str | None]], libraries: Mapping[str, str]
    ) -> str:
        """The dependencies without those carried ones that nothing meets any more: a library in another version takes the
        place of the one that is gone; where there is none, the package was changed and does without."""
        explicit = recipe.depends.split()
        kept: dict[str, None] = dict.fromkeys(explicit)
        for token in depends.split()[len(explicit) :]:
            wanted = Constraint.parse(token)
            versions = provided.get(wanted.name, ())
            if any(wanted.matches(version) for version in versions):
                kept[token] = None
            elif versions:
                kept[wanted.name] = None
            elif wanted.name.startswith("so:") and (same := libraries.get(library_of(wanted.name))) is not None:
                kept[same] = None
        return " ".join(kept)

    def _judge(self, soname: str, old: Record, recipe: Recipe) -> None:
        changed = _change(old.version, recipe.version)
        exact = self._given.get((soname, recipe.name))
        if exact is None:
            exact = _exact_by_change(soname, old.version, recipe.version)
        if self._is_shipped_later(soname, recipe.version):
            exact = max(exact, _SHIPPED_LATER)
        if changed == "minor" and self._is_steady(soname, old):
            exact = max(exact, _STEADY)
        kept, seen = self._constancy(soname, recipe.name)
        library = max(exact, (kept + _PRIOR * _KEPT[changed]) / (seen + _PRIOR))
        if exact < TRUSTED:
            self._holds[soname, recipe.name] = Hold(round(exact, 3), round(library, 3))

    def _is_shipped_later(self, soname: str, version: str) -> bool:
        """True where Debian ships the soname at ``version`` or later: upstream's sonames do not come back, so what was there
        before and is there after was there between. A major version or two ahead is the same project still."""
        new = _numbers(re.split("[-_]", version)[0])
        return any(new <= later and later[0] <= new[0] + 2 for later in self._debian.get(soname, ()) if new)

    def _is_steady(self, soname: str, old: Record) -> bool:
        """Whether the package has kept a soname with a version through many changes of its version, up to now."""
        changes, version = [], _upstream(old.version)
        for before, sonames in reversed(self._past.get(old.name, ()) if _VERSIONED.fullmatch(soname) else ()):
            if soname not in sonames:
                break
            changes.append(_change(before, version))
            version = before
        few, many = _STEADY_CHANGES
        return sum(one in {"minor", "major"} for one in changes) >= few or len(changes) - changes.count("same") >= many

    def _constancy(self, soname: str, package: str) -> tuple[int, int]:
        """In how many of its changes of version the package kept the library, and how many there were."""
        library = library_of(soname)
        kept = seen = 0
        past = self._past.get(package, ())
        for (version, before), (later, after) in pairwise(past):
            if version != later and any(library_of(one) == library for one in before):
                seen += 1
                kept += any(library_of(one) == library for one in after)
        return kept, seen

    def _by_series(self) -> dict[tuple[str, str], list[Record]]:
        found = defaultdict(list)
        for record in self._old.values():
            if _NUMBER.search(record.name):
                found[_NUMBER.sub("#", record.name), _NUMBER.sub("#", record.origin)].append(record)
        return found

    def _predecessor(self, recipe: Recipe) -> Record | None:
        """The package of the series before: the highest numbers below those of ``recipe``."""
        own = _numbers(recipe.name)
        series = self._series.get((_NUMBER.sub("#", recipe.name), _NUMBER.sub("#", recipe.origin)), ())
        older = [record for record in series if _numbers(record.name) < own]
        return max(older, key=lambda record: _numbers(record.name), default=None)


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(number) for number in _NUMBER.findall(name))


def _as_on(snapshot: Snapshot, arch: str) -> Iterator[Record]:
    """The records of a snapshot with the name of musl's library as it is on ``arch``."""
    theirs, ours = f"musl-{snapshot.arch}.", f"musl-{arch}."
    for record in snapshot.index.records:
        if theirs == ours or (theirs not in record.depends and theirs not in record.provides):
            yield record
        else:
            depends, provides = record.depends.replace(theirs, ours), record.provides.replace(theirs, ours)
            yield replace(record, depends=depends, provides=provides)


def _newest(records: Iterable[Record]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for record in records:
        other = found.get(record.name)
        if other is None or compare(record.version, other.version) == GREATER:
            found[record.name] = record
    return found


def _past(history: Sequence[Snapshot]) -> dict[str, list[tuple[str, frozenset[str]]]]:
    """By package, oldest release first: its upstream version and its sonames in each release that has it."""
    found: defaultdict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)
    releases: defaultdict[int, list[Snapshot]] = defaultdict(list)
    for snapshot in history:
        releases[int(snapshot.release.partition(".")[2])].append(snapshot)
    for _, snapshots in sorted(releases.items()):
        for record in _newest(record for snapshot in snapshots for record in snapshot.index.records).values():
            sonames = [token.partition("=")[0] for token in record.provides.split() if token.startswith("so:")]
            if sonames:
                found[record.name].append((_upstream(record.version), frozenset(sonames)))
    return found


def _provided(records: Iterable[Record]) -> dict[str, list[str | None]]:
    found: defaultdict[str, list[str | None]] = defaultdict(list)
    for record in records:
        found[record.name].append(record.version)
        for token in record.provides.split():
            name, _, version = token.partition("=")
            found[name].append(version or None)
    return found


def _automatic(token: str) -> bool:
    """True for what abuild finds in the built files: ``so:``, ``pc:``, ``cmd:``, ``py3.12:`` and their kind."""
    return ":" in token and not token.startswith(("/", "!"))


def _moved(token: str, old: Record, recipe: Recipe) -> str:
    """A provided name whose version is the package's own, with the package's new version."""
    name, equals, version = token.partition("=")
    if equals and version == old.version:
        return f"{name}={recipe.version}"
    if equals and version == _upstream(old.version):
        return f"{name}={_upstream(recipe.version)}"
    return token


def _joined(explicit: str, carried: Iterable[str]) -> str:
    """Both lists; what the recipe says of a name counts, not what was carried."""
    own = explicit.split()
    names = {Constraint.parse(token).name for token in own}
    return " ".join((*own, *(token for token in dict.fromkeys(carried) if Constraint.parse(token).name not in names)))


def _upstream(version: str) -> str:
    return _RELEASE_OF_PACKAGE.sub("", version)


def _python(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _change(old: str, new: str) -> str:
    """Which part of the upstream version changed: ``same``, ``patch``, ``minor``, ``major``."""
    at = _changed_part(old, new)
    return "same" if at is None else ("major", "minor", "patch")[min(at, 2)]


def _changed_part(old: str, new: str) -> int | None:
    before, after = (re.split(r"[._]", _upstream(version)) for version in (old, new))
    if before == after:
        return None
    return next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 2)


_EXACT = {"same": 0.997, "patch": 0.980, "minor": 0.875, "major": 0.640}
_EXACT_WHERE_SPELLED = {"same": 0.997, "patch": 0.046, "minor": 0.020, "major": 0.067}
"""Share of sonames that were still the same, and of those that spell the part of the version that changed (rules/README)."""


def _exact_by_change(soname: str, old: str, new: str) -> float:
    at = _changed_part(old, new)
    parts = re.split(r"[._]", _upstream(old))
    spelled = at is not None and at < len(parts) and parts[at] in re.split(r"[.:-]|(?<=\D)(?=\d)", soname)
    return (_EXACT_WHERE_SPELLED if spelled else _EXACT)[_change(old, new)]
