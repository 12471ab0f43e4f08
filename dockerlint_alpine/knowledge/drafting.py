"""Drafts the rule of a distribution from evidence: its sdist, its wheel for musl, and Alpine's own package of it.

A draft is a start for a person who then reads the sdist: what could be seen is in it with where it was seen, what could
not be named is in comments, and its ``confidence`` is ``packaging`` until somebody has read the source.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from dockerlint_alpine.knowledge.errors import KnowledgeError
from dockerlint_alpine.knowledge.toml import dumps
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.knowledge import Knowledge, Library
    from dockerlint_alpine.python.index.client import IndexFile
    from dockerlint_alpine.python.sources.source_facts import SourceFacts

_COMPILERS = frozenset(f"cmd:{name}" for name in "cc c++ gcc g++ cargo rustc cmake meson ninja".split())
"""Programs that a language brings, or that come as wheels from the Python index."""
_LIBC = lazy_pattern(r"libc\.(?:so|musl-)|ld-musl-")
_OBJECT = lazy_pattern(r"so:libc\.musl-")
_RUNTIMES = lazy_pattern(r"lib(?:stdc\+\+|gcc_s|gomp|gfortran|quadmath|python3)\b")
_HASH = lazy_pattern(r"-[0-9a-f]{8}(?=\.so|\.)")
_CARRIED = lazy_pattern(r"(?:\.libs|\.dylibs)/")


class DraftError(KnowledgeError):
    """There is nothing to draft from."""


def linked_by(needed: Iterable[tuple[str, Sequence[str]]]) -> tuple[str, ...]:
    """Return the libraries that the extensions of a wheel link, but for the C library, sorted.

    ``needed`` are the objects of the wheel: their paths, and the libraries that each of them needs. A copy that
    auditwheel has put into the wheel is named as upstream names it: ``libpq-9f2b8c1d.so.5.15`` is ``libpq.so.5.15``.
    """
    found: set[str] = set()
    for path, names in needed:
        if not _CARRIED.search(path):
            found.update(plain_soname(name) for name in names if not _LIBC.match(name))
    return tuple(sorted(found))


def plain_soname(name: str) -> str:
    """Return a library's own name for one that auditwheel has renamed."""
    return _HASH.sub("", name)


def newest_files(files: Iterable[IndexFile]) -> tuple[IndexFile | None, IndexFile | None]:
    """Return the newest sdist and the newest wheel for musl on x86_64 among an index's files; no pre-releases."""
    from packaging.version import InvalidVersion, Version

    from dockerlint_alpine.python.requirement import archive_version

    best: dict[bool, tuple[Version, IndexFile]] = {}
    for file in files:
        known = archive_version(file.name)
        wheel = file.name.endswith(".whl")
        if known is None or file.yanked or (wheel and not re.search(r"musllinux_\d+_\d+_x86_64\.whl\Z", file.name)):
            continue
        try:
            version = Version(known[1])
        except InvalidVersion:
            continue
        if not version.is_prerelease and (wheel not in best or version > best[wheel][0]):
            best[wheel] = (version, file)
    return tuple(best[wheel][1] if wheel in best else None for wheel in (False, True))  # type: ignore[return-value]


class _Draft(Struct):
    """What was found so far: library -> how it is detected and what shows it."""

    detect: dict[str, list[str]] = field(default_factory=dict)
    evidence: dict[str, list[str]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def add(self, library: Library | None, how: str, fact: str) -> None:
        if library is None:
            self.unknown.append(fact)
            return
        if how:
            self.detect.setdefault(library.name, [])
            if how not in self.detect[library.name]:
                self.detect[library.name].append(how)
        self.evidence.setdefault(library.name, []).append(fact)


def draft(
    name: str,
    source: SourceFacts | None,
    wheel: tuple[str, Sequence[str]] | None,
    knowledge: Knowledge,
    store: IndexStore,
) -> str:
    """Return the text of ``rules/distributions/NAME.toml`` for a person to check; ``name`` is normalised.

    ``wheel`` is a wheel's file name with what :func:`linked_by` says of it. Raises ``DraftError`` when nothing native
    was found.
    """
    found = _Draft()
    if source is not None:
        _from_source(found, source, knowledge)
    if wheel is not None:
        for soname in wheel[1]:
            if not _RUNTIMES.match(soname):
                found.add(knowledge.library_for(f"so:{soname}"), "", f"{wheel[0]} links {soname}")
    languages = _languages(source, wheel)
    package = _from_alpine(found, name, knowledge, store, compiled=bool(languages))
    if not (languages or found.evidence or found.unknown):
        raise DraftError(f"{name}: nothing native was found in {_seen(source, wheel, package)}")
    entry: dict[str, Any] = {"name": name, "summary": "", "url": "", "imports": [name.replace("-", "_")]}
    if package:
        entry["apk"] = package
    entry["confidence"] = "packaging"
    build: dict[str, Any] = {"language": languages}
    needs = [tool for tool in (source.named("tool") if source is not None else ()) if tool not in _COMPILERS]
    if needs:
        build["needs"] = needs
    build["evidence"] = _build_evidence(source, wheel) or [f"Alpine has {package}"]
    links = [_link(library, found) for library in sorted(found.evidence)]
    if links:
        build["library"] = links
    entry["build"] = [build]
    return _comments(found, source) + dumps(entry)


def _seen(source: SourceFacts | None, wheel: tuple[str, Sequence[str]] | None, package: str) -> str:
    seen = ["the sdist"] if source is not None else []
    seen += [wheel[0]] if wheel is not None else []
    seen += [f"Alpine's {package}"] if package else []
    return " and ".join(seen) or "anything: no file was given, and Alpine has no package of it"


def _from_source(found: _Draft, source: SourceFacts, knowledge: Knowledge) -> None:
    of = f"{source.name or 'the sdist'} {source.version or ''}".strip()
    for module in source.named("pkg-config"):
        found.add(knowledge.library_for(f"pc:{module}"), "pkg-config", f"{of} asks pkg-config for {module}")
    for library in source.named("library"):
        found.add(knowledge.library_for(f"so:lib{library}.so"), "linker", f"{of} links -l{library}")
    for package in source.named("cmake"):
        library_found = knowledge.library(package.lower())
        if library_found is not None:
            found.add(library_found, "pkg-config", f"{of}: find_package({package})")
    for header in source.named("header"):
        library_found = knowledge.library_for(header)
        if library_found is not None:
            found.add(library_found, "header", f"{of} includes {header}")
    for tool in source.named("tool"):
        library_found = knowledge.library_for(tool)
        if library_found is not None:
            found.add(library_found, "tool", f"{of} runs {tool.removeprefix('cmd:')}")


def _from_alpine(found: _Draft, name: str, knowledge: Knowledge, store: IndexStore, *, compiled: bool) -> str:
    """Add what Alpine's own package links; return its name. Where the distribution is ``compiled``, a package without an
    object is another one."""
    plain = name.removeprefix("python-").removeprefix("py-")
    for release in reversed(store.releases()):
        index = store.open(release)
        for candidate in (f"py3-{name}", f"py3-{plain}"):
            package = index.package(candidate)
            if package is None or (compiled and not any(_OBJECT.match(one.name) for one in package.depends)):
                continue
            for constraint in package.depends:
                soname = constraint.name.removeprefix("so:")
                if constraint.name.startswith("so:") and not _LIBC.match(soname) and not _RUNTIMES.match(soname):
                    fact = f"APKINDEX {release} {package.repository}: {candidate} links {constraint.name}"
                    found.add(knowledge.library_for(constraint.name), "", fact)
            return candidate
    return ""


def _languages(source: SourceFacts | None, wheel: tuple[str, Sequence[str]] | None) -> list[str]:
    seen = set(source.languages if source is not None else ())
    if wheel is not None and any(soname.startswith("libstdc++") for soname in wheel[1]):
        seen.add("c++")
    if "cython" in seen and "c++" not in seen:
        seen.add("c")
    return [language for language in ("c", "c++", "fortran", "rust") if language in seen]


def _build_evidence(source: SourceFacts | None, wheel: tuple[str, Sequence[str]] | None) -> list[str]:
    facts = []
    if source is not None:
        of = f"{source.name} {source.version}"
        backend = f" with {source.build_backend}" if source.build_backend else ""
        facts.append(f"sdist of {of}: {', '.join(source.languages) or 'nothing to compile'}{backend}")
    if wheel is not None:
        facts.append(f"{wheel[0]} links {', '.join(wheel[1]) or 'nothing but libc'}")
    return facts


def _link(library: str, found: _Draft) -> dict[str, Any]:
    """One library: linked if it is installed, unless the sdist itself asks for it; whether it must be is for a reader."""
    detect = found.detect.get(library, [])
    link: dict[str, Any] = {"use": library, "linkage": "always" if detect else "system-if-present"}
    if detect:
        link["detect"] = detect
    link["evidence"] = list(dict.fromkeys(found.evidence[library]))[:6]
    return link


def _comments(found: _Draft, source: SourceFacts | None) -> str:
    lines = ["A draft: read the sdist, then correct linkage (does it carry a copy?), versions, imports and evidence."]
    lines += [f"No library of the rules is known for: {fact}" for fact in dict.fromkeys(found.unknown)]
    lines += [f"Not readable: {doubt}" for doubt in (source.doubts if source is not None else ())]
    return "".join(f"# {line}\n" for line in lines) + "\n"
