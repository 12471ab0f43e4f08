"""What a subject's objects need, where each need is met, and which apk package meets it otherwise.

The judgement is musl's: every object is loaded as its loader would load it (see
:mod:`dockerlint_alpine.elf.loader`); what is not found is looked up in an Alpine index that the caller hands in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.elf.errors import MalformedElfError
from dockerlint_alpine.elf.identity import identity_of
from dockerlint_alpine.elf.installed import (
    InstalledDistribution,
    InstalledPackage,
    alpine_release,
    distributions_of,
    packages_of,
    world_of,
)
from dockerlint_alpine.elf.libc import (
    Libc,
    Remedy,
    comes_with_interpreter,
    is_python_symbol,
    libc_of,
    musl_symbols,
    newest_glibc,
    remedy_for,
)
from dockerlint_alpine.elf.loader import Load, LoadedObject, Loader, Need, NeedStatus
from dockerlint_alpine.elf.targets import Progress, Subject, no_progress
from dockerlint_alpine.elf.trees import Found, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dockerlint_alpine.elf.objects import ElfFacts
    from dockerlint_alpine.system.opens import RuntimeOpen


OpenStatus: TypeAlias = Literal["found", "missing", "external", "unknown"]

MAX_UNRESOLVED = 50
"""Unresolved symbols told per object; the count is told in full."""


class PackageRef(Protocol):
    """An apk package as an index knows it."""

    @property
    def name(self) -> str:
        """Its name."""


class ProviderRef(Protocol):
    """An answer of :class:`PackageLookup`: a package, the capability it has, and why it is the one, in one line."""

    @property
    def package(self) -> PackageRef:
        """The package."""

    @property
    def capability(self) -> str:
        """What it provides, e.g. ``so:liblz4.so.1``."""

    @property
    def reason(self) -> str:
        """Why this one, in one line."""


class PackageLookup(Protocol):
    """Finds apk packages; ``dockerlint_alpine.apk``'s index is one."""

    def find(self, need: str, /) -> Sequence[ProviderRef]:
        """Give the packages with this capability (``so:liblz4.so.1``; ``*`` is a wildcard), preferred first."""


class Provider(Struct, frozen=True):
    """The apk package that brings a library: its name, the capability, and why it is the one."""

    package: str
    capability: str
    reason: str


class NeedReport(Struct, frozen=True):
    """One DT_NEEDED name of one object.

    ``status`` as in :class:`~dockerlint_alpine.elf.loader.Need`, or ``interpreter`` for Python's own library.
    ``bundled``: found by a search path from the object itself (auditwheel's ``.libs``). ``path`` is as the loader
    names it, ``real`` with links resolved, both shown as the user would name them. ``providers`` are the apk packages
    for what is not found; ``()`` with ``looked_up`` means that no package has it.
    """

    name: str
    status: NeedStatus | Literal["interpreter"]
    path: str | None
    how: str
    bundled: bool = False
    real: str | None = None
    providers: tuple[Provider, ...] = ()
    looked_up: bool = False
    advice: str = ""

    @property
    def lacking(self) -> bool:
        """Whether an apk package (or another remedy) is needed for it."""
        return self.status in ("missing", "external", "unloadable")


class UnresolvedSymbol(Struct, frozen=True):
    """A symbol that nothing in the load defines: what musl reports as ``Error relocating ...: symbol not found``.

    ``version`` is the symbol version that the object wants (``GLIBC_2.3.4``), where its bytes could be looked at again.
    """

    name: str
    wanted_by: str
    remedy: Remedy
    version: str | None = None
    providers: tuple[Provider, ...] = ()

    @property
    def shown(self) -> str:
        """``name@version``, as binutils write it."""
        return f"{self.name}@{self.version}" if self.version else self.name


class ObjectReport(Struct, frozen=True):
    """Everything about one object; ``path`` is shown as the user would name it, ``facts`` is ``None`` if unreadable.

    ``unresolved`` holds at most :data:`MAX_UNRESOLVED` of ``unresolved_count``. ``problems`` are one line each.
    """

    path: str
    facts: ElfFacts | None
    libc: Libc
    needs: tuple[NeedReport, ...]
    unresolved: tuple[UnresolvedSymbol, ...] = ()
    unresolved_count: int = 0
    distribution: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing that the set itself should have is missing: it can be read, loaded and relocated on musl."""
        if self.facts is None or self.libc.kind == "glibc" or self.unresolved_count:
            return False
        return not any(
            need.status in ("missing", "unloadable") or (need.lacking and need.looked_up and not need.providers)
            for need in self.needs
        )


SourceScan: TypeAlias = "Callable[[Sequence[tuple[str, bytes]]], tuple[Sequence[RuntimeOpen], Sequence[str]]]"
"""Reads sources, given as ``(path, bytes)``: what they open, and one line for each that can't be parsed."""


class OpenReport(Struct, frozen=True):
    """A library that sources open at run time, whether one of its candidates is there, and the packages for it.

    ``()`` as ``providers`` with ``looked_up``: no package has any of the candidates.
    """

    opens: RuntimeOpen
    status: OpenStatus
    path: str | None = None
    providers: tuple[Provider, ...] = ()
    looked_up: bool = False


class RootFacts(Struct, frozen=True):
    """What is installed in a root file system, an image or a folder."""

    alpine: str | None
    packages: tuple[InstalledPackage, ...]
    world: tuple[str, ...]
    distributions: tuple[InstalledDistribution, ...]
    pythons: tuple[str, ...]
    environment: Mapping[str, str]


class Inspection(Struct, frozen=True):
    """The result for one subject. ``arch`` is apk's name of its objects' architecture where they agree."""

    name: str
    kind: str
    arch: str | None
    libc: tuple[str, ...]
    objects: tuple[ObjectReport, ...]
    opens: tuple[OpenReport, ...]
    root: RootFacts
    notes: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether no object lacks anything (libraries that the future system brings aside) and no open surely fails."""
        return all(report.sound for report in self.objects) and not any(
            report.status == "missing" and not report.opens.optional for report in self.opens
        )

    @property
    def externals(self) -> tuple[str, ...]:
        """Sorted names of the libraries that no object of the set itself is and that musl does not bring."""
        return tuple(sorted({n.name for o in self.objects for n in o.needs if n.status in ("missing", "external")}))

    @property
    def packages(self) -> tuple[str, ...]:
        """Sorted names of the apk packages that bring what is missing or external (the preferred one for each)."""
        needs = (need.providers for report in self.objects for need in report.needs)
        symbols = (symbol.providers for report in self.objects for symbol in report.unresolved)
        return tuple(sorted({found[0].package for found in (*needs, *symbols) if found}))


def inspect(
    subject: Subject,
    lookup: PackageLookup | None = None,
    *,
    scan: SourceScan | None = None,
    progress: Progress = no_progress,
) -> Inspection:
    """Inspect a subject; ``lookup`` (an Alpine index) names the packages for what is missing.

    ``scan`` reads the subject's Python sources; without it nobody looks into them.
    """
    return _Inspector(subject, lookup).run(scan, progress)


class _Inspector:
    """The state of one inspection: loaders by host program, and answers of the index by need."""

    def __init__(self, subject: Subject, lookup: PackageLookup | None) -> None:
        self._subject = subject
        self._tree = subject.tree
        self._lookup = lookup
        self._providers: dict[str, tuple[Provider, ...]] = {}
        self._facts = {path: self._node_facts(path) for path in subject.objects}
        self._names: dict[str, list[str]] = {}
        for path in subject.objects:
            self._names.setdefault(path.rpartition("/")[2], []).append(path)
        self._distributions = distributions_of(self._tree)
        self._owners = {path: d.name for d in self._distributions for path in d.objects}
        self._pythons = self._find_pythons()
        self._identity = identity_of(self._tree, subject.user)
        self._loaders: dict[tuple[str, str | None], Loader] = {}
        self._loads: dict[str, Load] = {}
        self._needs: dict[str, tuple[Need, ...]] = {}
        self._libc_symbols = self._find_libc_symbols()
        self._host_symbols: dict[str, frozenset[str]] = {}
        self._wanted: dict[tuple[str, bool], frozenset[str]] = {}

    def run(self, scan: SourceScan | None, progress: Progress) -> Inspection:
        self._load_all(progress)
        reports = [self._report(path) for path in self._subject.objects]
        sources = [(self._subject.shown(source.path), source.content) for source in self._subject.sources]
        opens, problems = scan(sources) if scan is not None and sources else ((), ())
        kinds = dict.fromkeys(report.libc.kind for report in reports if report.libc.kind != "unknown")
        return Inspection(
            name=self._subject.name,
            kind=self._subject.kind,
            arch=self._subject.apk_arch,
            libc=tuple(kinds),
            objects=tuple(reports),
            opens=tuple(map(self._open_report, opens)),
            root=RootFacts(
                alpine_release(self._tree) if self._tree.system else None,
                packages_of(self._tree) if self._tree.system else (),
                world_of(self._tree) if self._tree.system else (),
                self._distributions,
                tuple(sorted(self._pythons)),
                self._subject.environment,
            ),
            notes=(*self._subject.notes, *(f"dlopen scan: {problem}" for problem in problems)),
        )

    def _node_facts(self, path: str) -> ElfFacts | None:
        node = self._tree.lookup(path)
        return None if node is None else node.facts

    # Programs and libc of a root file system.

    def _find_pythons(self) -> dict[str, Found]:
        """Python programs of a root file system by their ``X.Y``; the one in /usr/local wins."""
        found: dict[str, Found] = {}
        for path in self._subject.objects if self._tree.system else ():
            match = re.fullmatch(r"/(?:usr/local|usr|opt/[\w.-]+)/bin/python(3\.\d+)t?", path)
            facts = self._facts[path]
            if match and facts is not None and (match[1] not in found or path.startswith("/usr/local/")):
                node = self._tree.lookup(path)
                if node is not None:
                    found[match[1]] = Found(path, node)
        return found

    def _find_libc_symbols(self) -> frozenset[str]:
        own = [
            facts
            for path, facts in self._facts.items()
            if re.match(r"/(?:usr/)?lib/ld-musl-\w+\.so\.1$", path) and facts
        ]
        if self._tree.system and own and own[0].symbols.defined:
            # LFS64 names resolve by rule since 1.2.4, without being exported (get_lfs64); the embedded list has them.
            return own[0].symbols.defined | {name for name in musl_symbols() if "64" in name}
        return musl_symbols()

    def _host_of(self, path: str) -> Found | None:
        """Give the Python that loads this extension, told by the folder it lies in."""
        match = re.search(r"/python(3\.\d+)t?/", path)
        return self._pythons.get(match[1]) if match else None

    def _loader(self, arch: str, host: Found | None) -> Loader:
        key = (arch, host.path if host else None)
        if key not in self._loaders:
            library_path = self._subject.environment.get("LD_LIBRARY_PATH", "")
            self._loaders[key] = Loader(
                self._tree,
                arch,
                library_path=library_path,
                host=host,
                identity=self._identity,
                workdir=self._subject.workdir,
            )
        return self._loaders[key]

    # Loads.

    def _load_all(self, progress: Progress) -> None:
        """Load what programs and Python load, then what none of these reached.

        A library may find its own needs by the search path of whoever loads it; so it is judged by the loads that
        reach it, the one that lacks most, and by itself only where there is none.
        """
        wanted = {name for facts in self._facts.values() if facts is not None for name in facts.needed}
        paths = sorted(self._facts, key=lambda path: self._is_library(path, wanted))
        for done, path in enumerate(paths):
            progress(done, len(paths))
            facts = self._facts[path]
            if facts is None or facts.kind in ("relocatable", "other") or path in self._needs:
                continue
            load = self._loader(facts.arch, self._host_of(path)).load(path)
            if load is not None:
                self._loads[path] = load
                for loaded in load.objects:
                    known = self._needs.get(loaded.real)
                    if known is None or _lacking(loaded.needs) > _lacking(known):
                        self._needs[loaded.real] = loaded.needs
        progress(len(paths), len(paths))

    def _is_library(self, path: str, wanted: set[str]) -> bool:
        facts = self._facts[path]
        if facts is None or facts.kind == "program" or facts.is_extension:
            return False
        return path.rpartition("/")[2] in wanted or facts.soname in wanted

    # One object.

    def _report(self, path: str) -> ObjectReport:
        facts = self._facts[path]
        shown = self._subject.shown(path)
        if facts is None:
            node = self._tree.lookup(path)
            problem = (node.problem if node else None) or "can't be read"
            return ObjectReport(shown, None, Libc("unknown"), (), problems=(problem,))
        load = self._loads.get(path)
        needs = tuple(self._need_report(need, facts) for need in self._needs.get(path, ()))
        libc = libc_of(facts, path)
        unresolved = self._unresolved(load, libc, self._host_of(path)) if load is not None else ()
        return ObjectReport(
            shown,
            facts,
            libc,
            needs,
            unresolved[:MAX_UNRESOLVED],
            len(unresolved),
            self._owners.get(path),
            facts.problems,
        )

    def _need_report(self, need: Need, facts: ElfFacts) -> NeedReport:
        shown = None if need.path is None else self._subject.shown(need.path)
        real = None if need.real is None else self._subject.shown(need.real)
        if need.status in ("found", "libc"):
            bundled = need.status == "found" and (not self._tree.system or need.how.startswith(("RUNPATH", "RPATH")))
            return NeedReport(need.name, need.status, shown, need.how, bundled, real)
        if comes_with_interpreter(need.name) and need.status == "external":
            return NeedReport(need.name, "interpreter", None, "part of the Python that loads it")
        looked_up = self._lookup is not None and need.status != "unloadable" and not need.denied
        providers = self._find(f"so:{need.name}") if looked_up else ()
        advice = self._advice(need, facts, found=bool(providers), looked_up=looked_up)
        return NeedReport(
            need.name, need.status, shown, need.how, real=real, providers=providers, looked_up=looked_up, advice=advice
        )

    def _advice(self, need: Need, facts: ElfFacts, *, found: bool, looked_up: bool) -> str:
        if need.status == "unloadable" or need.denied:
            return need.how
        if re.match(r"ld-linux|ld64\.so", need.name):
            version = newest_glibc(facts)
            return f"built for glibc{f' ({version})' if version else ''}: use a musllinux wheel or compile it on Alpine"
        elsewhere = self._names.get(need.name)
        if elsewhere:
            return f"{self._subject.shown(elsewhere[0])} exists, but is on no search path"
        if looked_up and not found:
            return "no package of this Alpine release has it"
        return ""

    # Symbols.

    def _unresolved(self, load: Load, libc: Libc, host: Found | None) -> tuple[UnresolvedSymbol, ...]:
        """Undefined symbols of the object and its libraries that the whole load does not define.

        Where a library was not found, it may define anything: then only what no library of Alpine can define is told.
        A plain library may count on its program for symbols; only programs and Python extensions are judged in full.
        """
        facts = load.root.facts
        extension = facts.is_extension
        full = load.complete and (facts.kind == "program" or extension)
        if not (full or load.complete or libc.kind == "glibc"):
            return ()
        wanted = [self._undefined(loaded, extension=extension) for loaded in load.objects]
        nowhere = frozenset[str]().union(*wanted)
        for loaded in load.objects:
            nowhere = nowhere - loaded.facts.symbols.defined
        if extension:
            nowhere = nowhere - self._symbols_of_host(host)
        found: list[UnresolvedSymbol] = []
        for loaded, names in zip(load.objects, wanted, strict=True):
            if names & nowhere:
                found.extend(
                    u for u in self._without_definition(loaded, names & nowhere) if full or u.remedy.glibc_only
                )
        return tuple(found)

    def _undefined(self, loaded: LoadedObject, *, extension: bool) -> frozenset[str]:
        """Symbols that an object wants from others than libc and, for what Python loads, Python."""
        key = (loaded.real, extension)
        if key not in self._wanted:
            names = loaded.facts.symbols.undefined - self._libc_symbols
            self._wanted[key] = frozenset(n for n in names if not is_python_symbol(n)) if extension else names
        return self._wanted[key]

    def _without_definition(self, loaded: LoadedObject, names: frozenset[str]) -> Iterator[UnresolvedSymbol]:
        versions = self._versions(loaded.real, names)
        shown = self._subject.shown(loaded.path)
        for name in sorted(names):
            remedy = remedy_for(name, version=versions.get(name))
            providers = self._find(remedy.need) if remedy.need else ()
            if remedy.need and self._lookup is not None and not providers:
                remedy = replace(remedy, advice=f"{remedy.advice}; no package of this Alpine release has it")
            yield UnresolvedSymbol(name, shown, remedy, versions.get(name), providers)

    def _versions(self, path: str, names: frozenset[str]) -> dict[str, str]:
        """Symbol versions by name: a second look at the few objects that have something unresolved."""
        from dockerlint_alpine.elf.details import undefined_symbols

        data = self._subject.reread(path)
        try:
            details = () if data is None else undefined_symbols(data, names)
        except MalformedElfError:
            return {}
        return {detail.name: detail.version for detail in details if detail.version is not None}

    def _symbols_of_host(self, host: Found | None) -> frozenset[str]:
        if host is None or host.node.facts is None:
            return frozenset()
        if host.path not in self._host_symbols:
            load = self._loader(host.node.facts.arch, None).load(host.path)
            names: set[str] = set()
            for loaded in load.objects if load is not None else ():
                names |= loaded.facts.symbols.defined
            self._host_symbols[host.path] = frozenset(names)
        return self._host_symbols[host.path]

    # Libraries opened at run time.

    def _open_report(self, call: RuntimeOpen) -> OpenReport:
        wanted = [need.removeprefix("so:") for need in call.needs]
        for name in wanted:
            path = self._present(name)
            if path is not None:
                return OpenReport(call, "found", self._subject.shown(path))
        if not wanted:
            return OpenReport(call, "unknown")
        providers = next((found for need in call.needs if (found := self._find_open(need))), ())
        status: OpenStatus = "missing" if self._tree.system else "external"
        return OpenReport(call, status, None, providers, looked_up=self._lookup is not None)

    def _present(self, name: str) -> str | None:
        """Where a library of this name lies in the set: anywhere in an archive, on the system path in a root."""
        if self._tree.system:
            for folder in ("/lib", "/usr/local/lib", "/usr/lib"):
                if not name.endswith("*") and opened(self._tree, f"{folder}/{name}") is not None:
                    return f"{folder}/{name}"
        pattern = re.compile(re.escape(name).replace(r"\*", ".*"))
        return next((paths[0] for known, paths in self._names.items() if pattern.fullmatch(known)), None)

    # Packages.

    def _find(self, need: str) -> tuple[Provider, ...]:
        if self._lookup is None:
            return ()
        if need not in self._providers:
            self._providers[need] = tuple(
                Provider(p.package.name, p.capability, p.reason) for p in self._lookup.find(need)
            )
        return self._providers[need]

    def _find_open(self, need: str) -> tuple[Provider, ...]:
        """Give a plain ``libfoo.so`` is a link of the -dev package: the library itself has a version behind."""
        return self._find(need) or (self._find(f"{need}.*") if need.endswith(".so") else ())


def _lacking(needs: tuple[Need, ...]) -> int:
    return sum(1 for need in needs if need.status not in ("found", "libc"))
