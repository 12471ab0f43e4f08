"""The Alpine mapping that PEP 804 asks for: identifiers of PEP 725 -> apk packages to build with and to run with.

The form is that of the proposal's mapping schema (name, package managers, a list of ``id`` with ``specs`` for build, host
and run). Package names are those of one release; the identifiers are the central registry's where it has one for a library
of ours, else ``dep:generic/NAME`` with the library's name.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dockerlint_alpine.knowledge.errors import KnowledgeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockerlint_alpine.apk import Index
    from dockerlint_alpine.knowledge.model import Library
    from dockerlint_alpine.knowledge.store import Knowledge

_REGISTERED = {
    "apache-arrow": "arrow",
    "libjpeg-turbo": "libjpeg",
    "tiff": "libtiff",
    "yaml": "libyaml",
    "python3": "python",
}
"""Our name of a library -> the registry's, where they differ."""
_TOOLS = {
    "generic/clang": ("Front end of LLVM for C and its relatives", "cmd:clang"),
    "generic/cmake": ("Cross-platform build system generator", "cmd:cmake"),
    "generic/make": ("GNU make", "cmd:make"),
    "generic/ninja": ("Small build system with a focus on speed", "cmd:ninja"),
    "generic/pkg-config": ("Finds libraries by their .pc files", "cmd:pkg-config"),
}
_COMPILERS = {"c": "c", "c++": "cxx", "fortran": "fortran", "rust": "rust"}
"""Our name of a language -> the registry's."""
_INTERFACES = {
    "virtual/interface/blas": ("BLAS; OpenBLAS is one", "openblas"),
    "virtual/interface/lapack": ("LAPACK; OpenBLAS is one", "openblas"),
    "virtual/interface/mpi": ("Message Passing Interface; Open MPI is one", "openmpi"),
}


class ExportError(KnowledgeError):
    """A registry that can't be read."""


def registered(data: bytes) -> frozenset[str]:
    """Return the identifiers of a central registry's JSON file; raises ``ExportError``."""
    try:
        return frozenset(str(entry["id"]) for entry in json.loads(data)["definitions"])
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError("the registry is no JSON object with a list of definitions that have an id") from error


def to_pep804(knowledge: Knowledge, index: Index, *, only: frozenset[str] | None = None) -> dict[str, Any]:
    """Return the mapping for the release and architecture of ``index``; ``only`` leaves out all other identifiers."""
    entries = sorted(_entries(knowledge, index), key=lambda entry: str(entry["id"]))
    return {
        "schema_version": 1,
        "name": "Alpine Linux",
        "description": f"apk packages of Alpine {index.release} ({index.arch}), from the rules of alpine-doctor",
        "mappings": [entry for entry in entries if only is None or entry["id"] in only],
        "package_managers": [_APK],
    }


_APK: dict[str, Any] = {
    "name": "apk",
    "commands": {
        "install": {"command": ["apk", "add", "--no-cache", "{}"], "requires_elevation": True},
        "query": {"command": ["apk", "info", "--exists", "{}"], "multiple_specifiers": "never"},
    },
    "specifier_syntax": {
        "name_only": ["{name}"],
        "exact_version": ["{name}=~{version}"],
        "version_ranges": {
            "syntax": ["{name}{ranges}"],
            "and": None,
            "equal": "=~{version}",
            "greater_than": ">{version}",
            "greater_than_equal": ">={version}",
            "less_than": "<{version}",
            "less_than_equal": "<={version}",
        },
    },
}


def _entries(knowledge: Knowledge, index: Index) -> Iterator[dict[str, Any]]:
    for name in knowledge.names("library"):
        library = knowledge.library(name)
        if library is not None and library.available(index.release, index.arch):
            identifier = f"dep:generic/{_REGISTERED.get(name, name)}"
            yield from _library(identifier, library.summary, library, index)
    for path, (summary, need) in _TOOLS.items():
        packages = _found((need,), index)
        if packages:
            yield _entry(f"dep:{path}", summary, build=packages, host=[], run=[])
    for language, virtual in _COMPILERS.items():
        known = knowledge.language(language)
        if known is not None:
            summary = f"What compiling {language} needs, and what its objects need where they run"
            build, run = _found(known.needs, index), _found(known.runtime, index)
            yield _entry(f"dep:virtual/compiler/{virtual}", summary, build=build, host=[], run=run)
    for path, (summary, name) in _INTERFACES.items():
        library = knowledge.library(name)
        if library is not None:
            yield from _library(f"dep:{path}", summary, library, index)
    openmp = _found(("so:libgomp.so.1",), index)
    yield _entry("dep:virtual/interface/openmp", "OpenMP; gcc has libgomp", build=[], host=openmp, run=openmp)


def _library(identifier: str, summary: str, library: Library, index: Index) -> Iterator[dict[str, Any]]:
    host = next((names for need in library.build_needs(index.release) if (names := _found((need,), index))), [])
    run = _found(library.runtime_needs(index.release), index)
    if host or run:
        yield _entry(identifier, summary, build=[], host=[*host, *run], run=run, url=library.url)


def _found(needs: Iterable[str], index: Index) -> list[str]:
    """The preferred package of each need that has one."""
    found = (index.best_name(need) for need in needs)
    return list(dict.fromkeys(name for name in found if name is not None))


def _entry(
    identifier: str, summary: str, *, build: list[str], host: list[str], run: list[str], url: str = ""
) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": identifier}
    if summary:
        entry["description"] = summary
    entry["specs"] = {"build": build, "host": list(dict.fromkeys(host)), "run": run}
    if url:
        entry["urls"] = {"project": url}
    return entry
