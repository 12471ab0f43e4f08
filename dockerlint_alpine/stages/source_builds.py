"""From what a source tree says of its build to a rule like those of the database: libraries and tools by their names in
this release's index.

A name that neither the rules nor the index know stays unknown and is said. Nothing is guessed from a header's name.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec import Struct, field

from dockerlint_alpine.knowledge import Build, Knowledge, Library, Link, RuntimeNeed
from dockerlint_alpine.stages.linkage import SourceRule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockerlint_alpine.apk import Index, Package
    from dockerlint_alpine.python.sources.source_facts import SourceFacts, SourceNeed

_KERNEL = ("linux/", "asm/", "asm-generic/", "mtd/", "rdma/", "drm/")
"""Folders of the kernel's headers: linux-headers has them."""
_COMPILERS = frozenset(f"cmd:{name}" for name in "cc c++ gcc g++ cargo rustc cmake meson ninja make".split())
"""Programs that follow from the languages and build requirements, whoever else runs them."""


_COMPILER = {
    "virtual/compiler/c": "c",
    "virtual/compiler/cxx": "c++",
    "virtual/compiler/cpp": "c++",
    "virtual/compiler/c++": "c++",
    "virtual/compiler/fortran": "fortran",
    "virtual/compiler/rust": "rust",
}
_INTERFACE = {"openmp": "libgomp", "blas": "openblas", "lapack": "openblas"}
"""PEP 725's virtual names -> languages, and libraries that implement an interface."""


class _Found(Struct):
    """One library as the sources name it; a firm name (not only a header) means that it is linked."""

    library: Library
    needs: list[SourceNeed] = field(default_factory=list)

    def link(self, source: str) -> Link:
        required = any(need.required for need in self.needs)
        linked = any(need.kind != "header" for need in self.needs)
        return Link(
            library=self.library.name,
            linkage="always" if required else "system-if-present",
            must=required,
            optional="" if required else "what needs it",
            runtime=linked and not self.library.static,
            evidence=tuple(f"{need.shown} ({source})" for need in sorted(self.needs, key=lambda one: not one.required)),
        )


def rule_from_source(
    facts: SourceFacts,
    source: str,
    knowledge: Knowledge,
    index: Index,
) -> SourceRule | None:
    """The rule that the sources called ``source`` amount to, ``None`` where they compile nothing and name nothing."""
    if facts.pure and not any(need.kind.startswith("external") for need in facts.needs):
        return None
    reading = _Reading(source, knowledge, index, {}, dict.fromkeys(_languages(facts)))
    for need in facts.needs:
        reading.take(need)
    rule = Build(
        language=tuple(reading.languages),
        needs=tuple(reading.tools),
        libraries=tuple(one.link(source) for one in reading.found.values()),
        optional_extension=facts.optional_extension,
        evidence=tuple(f"{where}: {language} ({source})" for language, where in _seen(facts)),
    )
    return SourceRule(
        rule,
        {one.library.name: one.library for one in reading.found.values()},
        source,
        tuple(dict.fromkeys((*reading.unread, *facts.gaps))),
        tuple(reading.tools.items()),
        tuple(reading.runtime),
    )


class _Reading(Struct):
    """The needs of one source tree, sorted into what a rule is made of. ``tools`` are needs with what they are for."""

    source: str
    knowledge: Knowledge
    index: Index
    tools: dict[str, str]
    languages: dict[str, None]
    found: dict[str, _Found] = field(default_factory=dict)
    runtime: list[RuntimeNeed] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def take(self, need: SourceNeed) -> None:
        """Find a place for ``need``; what is required and unknown is kept in words."""
        known = {"external-build": self._build, "external-run": self._run, "tool": self._tool}.get(
            need.kind, self._link
        )(need)
        if not known and need.required and not need.name.startswith("pypi/"):
            self.unread.append(need.shown)

    def _build(self, need: SourceNeed) -> bool:
        language, tool = _COMPILER.get(need.name), _program(need.name, self.index)
        if language is not None:
            self.languages[language] = None
        elif tool is not None:
            self.tools.setdefault(tool, f"{need.shown} ({self.source})")
        return language is not None or tool is not None

    def _run(self, need: SourceNeed) -> bool:
        wanted = _at_run_time(need, self.source, self.knowledge, self.index)
        self.runtime.extend([wanted] if wanted is not None else [])
        return wanted is not None

    def _tool(self, need: SourceNeed) -> bool:
        """A config program such as ``pg_config`` stands for its library; compilers follow from the languages."""
        library = self.knowledge.library_for(need.name)
        if library is not None:
            self.found.setdefault(library.name, _Found(library)).needs.append(need)
        elif need.name not in _COMPILERS and need.required:
            self.tools.setdefault(need.name, f"{need.shown} ({self.source})")
        return True

    def _link(self, need: SourceNeed) -> bool:
        library = _library(need, self.knowledge, self.index)
        if library is not None:
            self.found.setdefault(library.name, _Found(library)).needs.append(need)
        return library is not None


def _seen(facts: SourceFacts) -> Iterable[tuple[str, str]]:
    return zip(facts.languages, facts.language_from, strict=False)


def _languages(facts: SourceFacts) -> tuple[str, ...]:
    """The languages as the rules name them: Cython is translated to C, or to C++ where something says so."""
    named = dict.fromkeys("c" if one == "cython" else one for one in facts.languages)
    if {"c++", "static-c++"} & named.keys():
        named.pop("c", None)
    return tuple(named)


def _program(name: str, index: Index) -> str | None:
    """What a PEP 725 name of a program is in this release: ``generic/cmake`` is ``cmd:cmake``."""
    plain = name.rpartition("/")[2]
    if set(plain) & set("*?[]"):
        return None
    return f"cmd:{plain}" if index.find(f"cmd:{plain}") else plain if index.package(plain) else None


def _at_run_time(need: SourceNeed, source: str, knowledge: Knowledge, index: Index) -> RuntimeNeed | None:
    """A PEP 725 dependency: the program of that name, else the library, else the package."""
    found = _program(need.name, index)
    library = _library(need, knowledge, index) if found is None or not found.startswith("cmd:") else None
    names = library.runtime_needs(index.release) if library is not None else ()
    if not names and found is None:
        return None
    return RuntimeNeed(
        kind="dlopen" if names else "program",
        any=names or (found or "",),
        library=library.name if library is not None and names else "",
        evidence=(f"{need.shown} ({source})",),
    )


def _library(need: SourceNeed, knowledge: Knowledge, index: Index) -> Library | None:
    match need.kind:
        case "library":
            return knowledge.library_for(f"so:lib{need.name}.so") or _by_object(need.name, knowledge, index)
        case "pkg-config":
            return knowledge.library_for(f"pc:{need.name}") or _by_module(need.name, index)
        case "cmake":
            return _by_cmake_name(need.name, knowledge, index)
        case "external-host" | "external-run":
            name = need.name.rpartition("/")[2]
            return knowledge.library(_INTERFACE.get(name, name)) or _by_cmake_name(name, knowledge, index)
        case _:
            if need.name.startswith(_KERNEL):
                return knowledge.library("linux-headers")
            folder = need.name.rpartition("/")[0]
            return knowledge.library_for(need.name) or (knowledge.library_for_folder(folder) if folder else None)


def _by_cmake_name(name: str, knowledge: Knowledge, index: Index) -> Library | None:
    """Packages of ``find_package`` under the library's own name or that of its module, whatever their case."""
    plain = name.lower()
    for candidate in dict.fromkeys((name, plain, f"lib{plain}", plain.removeprefix("lib"))):
        library = knowledge.library(candidate) or knowledge.library_for(f"pc:{candidate}")
        library = library or _by_module(candidate, index)
        if library is not None:
            return library
    return None


def _by_module(module: str, index: Index) -> Library | None:
    """A library that only this release's index knows, by its pkg-config module."""
    best = index.best(f"pc:{module}") if not set(module) & set("*?[]") else None
    if best is None:
        return None
    package = best.package
    plain = module.removeprefix("lib")
    return _made_up(module, package.name, _objects_behind(package, index, plain), index, pkg_config=(module,))


def _by_object(name: str, knowledge: Knowledge, index: Index) -> Library | None:
    """A library by the name that the linker takes, where its object has a version in its name (``libyaml-0.so.2``) or only
    this release's index knows it."""
    if set(name) & set("*?[]"):
        return None
    versioned = re.compile(rf"so:lib{re.escape(name)}-?[\d.]*\.so\.[\d.]+")
    for pattern in (f"so:lib{name}.so.*", f"so:lib{name}-*.so.*"):
        for provider in index.find(pattern):
            if not versioned.fullmatch(provider.capability):
                continue
            known = knowledge.library_for(provider.capability)
            if known is not None:
                return known
            dev = index.development_of(provider.package)
            if dev is not None:
                soname = provider.capability.removeprefix("so:").rpartition(".so")[0]
                return _made_up(name, dev.name, (f"{soname}.so.*",), index)
    return None


def _objects_behind(dev: Package, index: Index, plain: str) -> tuple[str, ...]:
    """The pattern of the shared object that a -dev package links by name: of those that it depends on, the one called so."""
    for depended in dev.depends:
        for package in index.providers(depended.name)[:1]:
            for provide in package.provides:
                stem = provide.name.removeprefix("so:lib").partition(".so")[0]
                if provide.name.startswith("so:lib") and fnmatchcase(stem.lower(), plain.lower()):
                    return (f"lib{stem}.so.*",)
    return ()


def _made_up(
    name: str, dev: str, sonames: tuple[str, ...], index: Index, *, pkg_config: tuple[str, ...] = ()
) -> Library:
    return Library(
        name=name,
        sonames=sonames,
        pkg_config=pkg_config,
        dev=None if pkg_config else dev,
        static="" if sonames else "which shared object it has is not known",
        confidence="packaging",
        evidence=(f"Alpine {index.release}: {dev}",),
    )
