"""The words of the Python side: what is asked for, where, for which interpreter, and what pip makes of it.

All types are frozen. Paths are POSIX paths of the stage's own view of files, as text. Lines are 1-based. Names of
distributions are normalised as PEP 503 says (``Foo.Bar`` is ``foo-bar``). URLs may carry credentials: they are kept out
of ``repr`` and only :func:`redact` makes them fit for a message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, overload

from msgspec import Struct
from msgspec.structs import force_setattr, replace
from packaging.utils import canonicalize_name

from dockerlint_alpine.system.addresses import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

ArtefactKind: TypeAlias = Literal["wheel", "sdist", "pure", "glibc-wheel", "installed", "unknown", "none"]
UnresolvedKind: TypeAlias = Literal["unknown", "conflict", "no-release", "dependencies", "company"]


class PythonError(Exception):
    """Base of every error of ``dockerlint_alpine.python``; its text is one line for a user."""


class FileReader(Protocol):
    """The files as one stage sees them at one moment. Paths are POSIX text, absolute or relative to its root."""

    def read(self, path: str) -> bytes:
        """Return the bytes of the file ``path``; raise ``FileNotFoundError`` or another ``OSError``."""

    def exists(self, path: str) -> bool:
        """Tell whether ``path`` is a file or a folder."""

    def names(self, folder: str) -> Sequence[str]:
        """Return the names of what lies directly in ``folder``; raise ``OSError`` if it is not a folder."""

    def display(self, path: str) -> str:
        """Return ``path`` as the user would name it (``requirements.txt`` for ``/app/requirements.txt``)."""


class Origin(Struct, frozen=True):
    """Where something was written: a path as the user names it and a 1-based line, ``None`` where no line is known."""

    path: str
    line: int | None = None

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"


class Problem(Struct, frozen=True):
    """Something of a source that could not be read or understood, in one line of text without credentials."""

    path: str
    line: int | None
    message: str
    url: str = ""
    """Where it would have been fetched from."""


def _shown(record: Struct, *hidden: str) -> str:
    """The record as ``repr`` has it, without fields that may hold credentials."""
    fields = (f"{name}={getattr(record, name)!r}" for name in record.__struct_fields__ if name not in hidden)
    return f"{type(record).__name__}({', '.join(fields)})"


class Requested(Struct, frozen=True):
    """One requirement as a source states it.

    ``name`` is ``None`` where only running the project would tell it (a VCS URL without ``#egg=``). ``specifier`` and
    ``marker`` are PEP 440 / PEP 508 text (``""`` and ``None`` when absent). ``chain`` leads from the file that asks
    first to this requirement. ``path`` is a local folder or archive in the reader's terms. ``artefacts`` are the file
    names that a lock file allows (``None``: the index decides), ``index`` is the index that a lock file names for it.
    """

    text: str
    name: str | None
    origin: Origin
    extras: tuple[str, ...] = ()
    specifier: str = ""
    marker: str | None = None
    url: str | None = None
    path: str | None = None
    editable: bool = False
    hashes: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    artefacts: tuple[str, ...] | None = None
    index: str | None = None

    def __repr__(self) -> str:
        return _shown(self, "text", "url", "index")

    def __post_init__(self) -> None:
        if not self.chain:
            force_setattr(self, "chain", (str(self.origin),))

    @property
    def shown(self) -> str:
        """The requirement as it may be printed: without credentials."""
        return redact(self.text)


class IndexOptions(Struct, frozen=True):
    """What pip was told about indexes and formats; names are normalised, ``:all:`` stands for every distribution.

    ``no_binary`` and ``only_binary`` are disjoint, as pip keeps them. ``pre_for`` are the distributions that
    ``--all-releases`` names. ``locked_at`` is the index that a lock file names for the one distribution that is asked for:
    no other one may hear its name. ``exclusive``: a name that an extra index has is not asked for at the main one, as uv
    does it; pip asks all of them. ``find_links`` are paths in the reader's terms or URLs.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    no_binary: frozenset[str] = frozenset()
    only_binary: frozenset[str] = frozenset()
    prefer_binary: bool = False
    pre: bool = False
    pre_for: frozenset[str] = frozenset()
    require_hashes: bool = False
    locked_at: str | None = None
    exclusive: bool = False

    def __repr__(self) -> str:
        return _shown(self, "locked_at", "index_url", "extra_index_urls", "find_links")

    @property
    def link_pages(self) -> tuple[str, ...]:
        """Those of ``find_links`` that are URLs."""
        return tuple(link for link in self.find_links if "://" in link)

    @property
    def asks_nobody(self) -> bool:
        """Whether an installer neither asks an index nor looks at a page of links."""
        return self.no_index and not self.link_pages

    def allows(self, name: str) -> tuple[bool, bool]:
        """Return whether pip may use (wheels, sdists) of the distribution ``name``.

        pip: ``FormatControl.get_allowed_formats``; a name beats ``:all:``.
        """
        if name in self.only_binary:
            return True, False
        if name in self.no_binary:
            return False, True
        if ":all:" in self.only_binary:
            return True, False
        return ":all:" not in self.no_binary, True

    def allows_pre(self, name: str) -> bool:
        """Tell whether pre-releases of ``name`` are wanted outright."""
        return self.pre or name in self.pre_for


class External(Struct, frozen=True):
    """A PEP 725 need: a ``dep:`` URL or table text, with its key (``build-requires``, ``host-requires``, ...)."""

    key: str
    need: str
    origin: Origin
    extra: str | None = None


class RequirementSet(Struct, frozen=True):
    """What one installation asks for, from however many files.

    ``locked`` says that the set is complete: nothing but what it lists is installed. ``wheelhouse`` are the archive
    names found in local ``--find-links`` folders. ``files`` are all files read, in the reader's terms.
    """

    requested: tuple[Requested, ...] = ()
    constraints: tuple[Requested, ...] = ()
    options: IndexOptions = IndexOptions()
    problems: tuple[Problem, ...] = ()
    locked: bool = False
    wheelhouse: tuple[str, ...] = ()
    external: tuple[External, ...] = ()
    build_requires: tuple[Requested, ...] = ()
    files: tuple[str, ...] = ()

    def joined(self, other: RequirementSet) -> RequirementSet:
        """Return what both ask for together; the options of ``other`` are the later ones and win."""
        return replace(
            other,
            requested=self.requested + other.requested,
            constraints=self.constraints + other.constraints,
            problems=self.problems + other.problems,
            locked=self.locked and other.locked,
            wheelhouse=tuple(dict.fromkeys(self.wheelhouse + other.wheelhouse)),
            external=self.external + other.external,
            build_requires=self.build_requires + other.build_requires,
            files=tuple(dict.fromkeys(self.files + other.files)),
        )


class Target(Struct, frozen=True):
    """The interpreter and platform that install.

    ``python`` is ``X.Y`` or ``X.Y.Z``; ``platform`` is Docker's (``linux/amd64``, ``linux/arm/v7``). Exactly one of
    ``musl`` and ``glibc`` is the C library's (major, minor); both ``None``: the library is unknown. ``pip_version`` is
    that of the pip which runs there (``None``: one that knows every tag, as uv and today's pip do).
    """

    python: str
    platform: str = "linux/amd64"
    musl: tuple[int, int] | None = None
    glibc: tuple[int, int] | None = None
    pip_version: str | None = None
    implementation: str = "cp"
    free_threaded: bool = False
    forced_platforms: tuple[str, ...] = ()
    """Values of pip's ``--platform``: tags that are used whatever the stage is."""

    no_musllinux: str = ""
    """Why another installer than pip takes no musllinux wheels; empty where it does."""

    @property
    def python_version(self) -> tuple[int, int]:
        """``(X, Y)``; raises ``PythonError`` if ``python`` is not a version."""
        match = re.match(r"(\d+)\.(\d+)", self.python)
        if match is None:
            raise PythonError(f"not a Python version: {self.python!r} (expected X.Y)")
        return int(match[1]), int(match[2])


class Release(Struct, frozen=True):
    """One version on an index: ``wheels`` are compressed tag sets (``cp311-cp311-musllinux_1_2_x86_64``).

    ``upload_date`` is ``YYYY-MM-DD`` of its first file. ``requires_python`` is PEP 440 text. A ``partial`` release may have
    more wheels than are listed, and admit fewer Pythons; without ``wheels_known`` nothing is said of its wheels at all.
    ``source`` tells where it was recorded, where that is not the index.
    """

    version: str
    upload_date: str | None = None
    yanked: bool = False
    requires_python: str | None = None
    wheels: tuple[str, ...] = ()
    sdist: bool = True
    partial: bool = False
    wheels_known: bool = True
    source: str | None = None

    @property
    def pure(self) -> bool:
        """True where a wheel of pure Python is among its files."""
        return any(tag.endswith("-none-any") for tag in self.wheels)


class Releases(Sequence[Release]):
    """The releases of one distribution, newest first, each made when it is asked for: a check looks at a few of thousands.

    ``make`` gives the one at a place of ``versions``, and is asked once for each.
    """

    def __init__(self, versions: Sequence[str], make: Callable[[int], Release]) -> None:
        self.versions = versions
        self._make = make
        self._made: list[Release | None] = [None] * len(versions)

    def __len__(self) -> int:
        return len(self.versions)

    @overload
    def __getitem__(self, place: int) -> Release: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Release]: ...
    def __getitem__(self, place: int | slice) -> Release | Sequence[Release]:
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        found = self._made[place]
        if found is None:
            found = self._made[place] = self._make(range(len(self))[place])
        return found

    def __iter__(self) -> Iterator[Release]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment] # as a list's

    @cached_property
    def by_version(self) -> Mapping[str, Release]:
        """The same by version, made when asked for, too."""
        return _ByVersion(self)


class _ByVersion(Mapping[str, Release]):
    def __init__(self, releases: Releases) -> None:
        self._releases = releases
        self._places = {version: place for place, version in enumerate(releases.versions)}

    def __getitem__(self, version: str) -> Release:
        return self._releases[self._places[version]]

    def __contains__(self, version: object) -> bool:
        return version in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def by_version(releases: Sequence[Release]) -> Mapping[str, Release]:
    """``releases`` by version."""
    return releases.by_version if isinstance(releases, Releases) else {one.version: one for one in releases}


def versions_of(releases: Sequence[Release]) -> Sequence[str]:
    """The versions of ``releases`` in their order; no release is made for that."""
    return releases.versions if isinstance(releases, Releases) else [one.version for one in releases]


def without(releases: Sequence[Release], out: Container[str]) -> Releases:
    """``releases`` without the versions ``out``."""
    known = versions_of(releases)
    kept = [at for at, version in enumerate(known) if version not in out]
    return Releases([known[at] for at in kept], lambda at: releases[kept[at]])


class Packaged(Struct, frozen=True):
    """A distribution that is pure Python by the ``package`` that Alpine or Debian (``system``) has of it, last seen as
    ``version`` in ``release`` (Alpine's number, or Debian's suite and day).

    ``brings`` are the distributions (normalised) with native code that the package brings along, directly or not. That
    is the packager's choice: pip may install them or not.
    """

    package: str
    version: str
    release: str
    brings: tuple[str, ...] = ()
    system: Literal["Alpine", "Debian"] = "Alpine"


class Facts(Protocol):
    """What is known without a network. ``as_of`` is the day of the facts, ``YYYY-MM-DD``."""

    @property
    def as_of(self) -> str:
        """The day on which the facts were taken."""

    def releases(self, name: str) -> Sequence[Release]:
        """Return the known releases of ``name`` (normalised), newest first; empty: the distribution is unknown."""

    def requires(self, name: str, version: str) -> Sequence[str] | None:
        """Return the PEP 508 requirements of that release, ``None`` if they are not known."""

    def nearest_requires(self, name: str, version: str) -> Sequence[str] | None:
        """Return the requirements of the recorded release nearest to ``version``, ``None`` where none is recorded."""

    def pins(self, name: str) -> Sequence[str]:
        """Return the distributions (normalised) of which each release of ``name`` asks for one exact version."""

    def compiled(self, name: str, version: str | None) -> bool:
        """Tell whether a rule says how that release of ``name`` (normalised) is compiled; ``None``: the newest."""

    def packaged(self, name: str) -> Packaged | None:
        """Return what makes ``name`` (normalised) pure Python whatever its version; ``None``: nothing says so."""


NO_FILE = "has no sdist, and no wheel fits"
"""What a verdict says where an installer has nothing to take."""


class Verdict(Struct, frozen=True):
    """What pip would take: a wheel, an sdist to compile, a glibc wheel, nothing, or not known; and why, in one line.

    ``pure`` is either a wheel or an sdist: the distribution is pure Python, so it makes no difference which.
    ``wheel_tag`` is the compressed tag set of the chosen wheel. ``nearest_with_wheel`` is, for an sdist, the nearest
    version that has a fitting wheel, ``allowed_with_wheel`` the newest older one with a fitting wheel that the requirement
    allows as it is. ``shared`` is the reason without the distribution, where others may share it; ``newer_pip`` is the wheel
    tag that pip 21.2 or later would take instead. ``confidence`` is less than ``certain`` where the release itself, or all
    of its wheels, are not recorded and its neighbours, or a rule alone, decided. ``source`` is ``facts as of DATE``, ``lock
    file``, ``index``, ``wheelhouse``, ``requirement``, ``rules``, where a lock recorded it, or, for ``pure``, a
    release of Alpine or Debian.
    """

    kind: ArtefactKind
    reason: str
    source: str
    wheel_tag: str | None = None
    nearest_with_wheel: str | None = None
    confidence: Literal["certain", "likely", "possible"] = "certain"
    shared: str = ""
    newer_pip: str | None = None
    allowed_with_wheel: str | None = None

    @property
    def refused(self) -> bool:
        """True where the index, a lock file, or facts that have all files of the release tell that there is nothing which an
        installer could take."""
        told = self.confidence == "certain" or self.source.startswith(("index", "lock file"))
        return self.kind == "none" and NO_FILE in self.reason and told


class Resolved(Struct, frozen=True):
    """One distribution that is going to be installed.

    ``chain`` leads from the file that asks to the distribution: ``("requirements.txt:7", "clickhouse-connect",
    "lz4")``, and only the file's line for a direct requirement. ``version`` is ``None`` where nothing tells it.
    """

    name: str
    version: str | None
    extras: tuple[str, ...]
    chain: tuple[str, ...]
    origin: Origin
    artefact: Verdict
    url: str | None = None

    def __repr__(self) -> str:
        return _shown(self, "url")


class Unresolved(Struct, frozen=True):
    """A requirement that could not be checked, and why in one line: unknown, or in conflict.

    ``dependencies``: what the distribution itself requires is not recorded. ``company``: it is judged, but what may come
    along with it is not.
    """

    name: str
    chain: tuple[str, ...]
    reason: str
    kind: UnresolvedKind = "unknown"


class Resolution(Struct, frozen=True):
    """The answer: what is installed (sorted by name), what could not be told, and remarks for the summary.

    ``assumed`` are distributions that bring nothing along as far as is known, which only their own metadata would tell.
    ``everywhere``: no index or page of links that is named was left out, or did not answer.
    """

    distributions: tuple[Resolved, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    notes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    everywhere: bool = True


def normalise(name: str) -> str:
    """Return ``name`` as PEP 503 normalises it."""
    return canonicalize_name(name)
