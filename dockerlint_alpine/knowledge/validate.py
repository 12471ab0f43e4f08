"""Checks ``rules/`` against itself and against Alpine's indexes: ``alpine-doctor rules validate``, run by CI.

What the schema can say is said by ``schema.py``; here are the questions that need all rules, or an index: does every
need have a provider in every release, does a ``-dev`` package bring the library that it is for, and does a rule agree
with what Alpine's own package of a distribution links.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.knowledge import schema, toolchains
from dockerlint_alpine.knowledge.bases import BaseImages
from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.knowledge.facts import WheelRecord
from dockerlint_alpine.knowledge.folder import KINDS, RuleFolder, capabilities, libraries_of
from dockerlint_alpine.knowledge.model import Build, Distribution, Library, Link, switch_values, within
from dockerlint_alpine.knowledge.proofs import Proof, contradiction
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dockerlint_alpine.apk import Index, IndexStore, Package
    from dockerlint_alpine.knowledge.store import Knowledge

_RUNTIMES = lazy_pattern(r"so:(?:libc\.musl-|libpython|libstdc\+\+\.|libgcc_s\.|libgomp\.|libgfortran\.|libquadmath\.)")
_CXX = "so:libstdc++.so.6"


class RuleProblem(Struct, frozen=True):
    """One thing that is wrong with the rules: the file as it is shown, the place in it, and what."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.message}" if self.key else f"{self.file}: {self.message}"


class Disagreement(Struct, frozen=True):
    """Alpine's own package links something that the rule does not, or the other way round; ``reason`` explains it."""

    distribution: str
    apk: str
    release: str
    sonames: tuple[str, ...]
    reason: str


class _World(Struct, frozen=True):
    """One release as one architecture has it."""

    release: str
    arch: str
    index: Index


class _Rules(Struct, frozen=True):
    """The rules of one folder; ``known`` are its libraries over those of the built-in rules, where it adds to them."""

    libraries: Mapping[str, Library]
    known: Mapping[str, Library]
    distributions: Sequence[Distribution]
    languages: frozenset[str]
    bases: BaseImages | None
    tools: toolchains.Toolchains


OLDEST = "3.12"
"""The release from which on every package that a rule asks for has to be there; older ones lack many."""


def judged(indexes: IndexStore) -> dict[str, str]:
    """Return the releases whose main and community are both at hand, oldest first, each with the architecture to ask.

    Where only a stand-in or a derived index could answer, a missing package would prove nothing; rules are not held
    against what is older than :data:`OLDEST`. x86_64 is asked where it is there.
    """
    held: dict[str, dict[str, set[str]]] = {}
    for source in indexes.sources():
        if source.derived is not None or release_key(source.release) < release_key(OLDEST):
            continue
        held.setdefault(source.release, {}).setdefault(source.arch, set()).add(source.repository)
    found = {}
    for release in sorted(held, key=release_key):
        whole = [arch for arch, repositories in held[release].items() if repositories >= {"main", "community"}]
        if whole:
            found[release] = "x86_64" if "x86_64" in whole else min(whole)
    return found


def validate(rules: Path, indexes: IndexStore, base: Knowledge | None = None) -> tuple[RuleProblem, ...]:
    """Return everything that is wrong with the folder ``rules``, file by file; it is named ``rules`` in the results.

    Packages are looked up in every release of :func:`judged`. A user's own folder may speak of libraries and languages
    of ``base``, the built-in rules.
    """
    folder = RuleFolder(rules, "rules")
    problems: list[RuleProblem] = []
    loaded = _load(folder, problems, base)
    problems += _own(loaded)
    for release, arch in judged(indexes).items():
        problems += _against(loaded, _World(release, arch, indexes.open(release, arch)))
    return tuple(dict.fromkeys(problems))


def disagreements(rules: Path, indexes: IndexStore) -> tuple[Disagreement, ...]:
    """Return where a rule and Alpine's own package of the distribution differ, with the reason given in the rule.

    Judged in the newest release that has the package. An empty reason is a problem, which :func:`validate` reports too.
    """
    loaded = _load(RuleFolder(rules, "rules"), [])
    found = []
    for entry in loaded.distributions:
        for release, arch in reversed(judged(indexes).items()):
            index = indexes.open(release, arch)
            if not entry.apk or index.package(entry.apk) is None:
                continue
            sonames = _unexplained(entry, loaded.libraries, index)
            if sonames:
                found.append(Disagreement(entry.name, entry.apk, release, sonames, entry.apk_differs))
            for reason, others in _by_choice(entry, loaded.libraries, index).items():
                found.append(Disagreement(entry.name, entry.apk, release, others, entry.apk_differs or reason))
            break
    return tuple(found)


def _load(folder: RuleFolder, problems: list[RuleProblem], base: Knowledge | None = None) -> _Rules:
    """Read every file; one that breaks the schema becomes a problem and is left out."""
    libraries: dict[str, Library] = {}
    distributions = []
    for kind in KINDS:
        for name in folder.names(kind):
            shown = folder.shown(kind, name)
            with _noted(problems):
                raw = folder.raw(kind, name)
                assert raw is not None
                if kind == "library":
                    libraries[name] = schema.library(raw, shown)
                elif kind == "distribution":
                    entry = schema.distribution(raw, shown)
                    schema.check_specifiers(entry, shown)
                    distributions.append(entry)
                else:
                    WheelRecord.parse(raw, shown)
    languages: frozenset[str] = frozenset()
    bases = None
    with _noted(problems):
        raw_languages = folder.document("languages") or {}
        languages = frozenset(item.name for item in schema.languages(raw_languages, "rules/languages.toml"))
        raw_bases = folder.document("base-images")
        if raw_bases is not None:
            bases = BaseImages(raw_bases, beyond=base.base_images if base is not None else None)
            bases.check("rules/base-images.toml")
    raw_tools = folder.document("toolchains") or {}
    tools = toolchains.Toolchains({})
    with _noted(problems):
        toolchains.check(raw_tools)
        tools = toolchains.Toolchains(raw_tools)
    known = dict(libraries)
    if base is not None:
        languages |= {item["name"] for item in base.document("languages")["language"]}
        wanted = {name for entry in distributions for name in libraries_of(entry)} - libraries.keys()
        known |= {name: library for name in sorted(wanted) if (library := base.library(name)) is not None}
    return _Rules(libraries, known, distributions, languages, bases, tools)


@contextmanager
def _noted(problems: list[RuleProblem]) -> Iterator[None]:
    """Let a ``RuleError`` become one of the ``problems``."""
    try:
        yield
    except RuleError as error:
        problems.append(RuleProblem(error.file, error.key, error.message))


def _own(rules: _Rules) -> Iterator[RuleProblem]:
    """Yield contradictions between rules."""
    owners: dict[str, str] = {}
    for library in rules.libraries.values():
        for key in dict.fromkeys(capabilities(library)):
            owner = owners.setdefault(key, library.name)
            if owner != library.name:
                yield RuleProblem(_library_file(library.name), "", f"{key} is also claimed by the library {owner}")
    importers: dict[str, str] = {}
    for entry in rules.distributions:
        file = _distribution_file(entry.name)
        for name in sorted(libraries_of(entry) - rules.known.keys()):
            yield RuleProblem(file, "", f"uses the library {name!r}, which has no {_library_file(name)}")
        for module in entry.imports:
            importer = importers.setdefault(module, entry.name)
            if importer != entry.name:
                yield RuleProblem(file, "imports", f"{module!r} is also claimed by {importer}")
        for number, build in enumerate(entry.builds):
            yield from _own_build(file, f"build[{number}]", build, rules)
        for number, text in enumerate(entry.proof):
            proof = Proof.parse(text)
            said = "not a proof" if proof is None else contradiction(proof, entry, rules.known)
            if said is not None:
                yield RuleProblem(file, f"proof[{number}]", said)


def _own_build(file: str, key: str, build: Build, rules: _Rules) -> Iterator[RuleProblem]:
    for language in build.language:
        if language not in rules.languages:
            yield RuleProblem(file, f"{key}.language", f"{language!r} is not in rules/languages.toml")
    for number, link in enumerate(build.libraries):
        library = rules.known.get(link.library)
        if library is None:
            continue
        place = f"{key}.library[{number}]"
        if not link.evidence and not build.evidence:
            yield RuleProblem(file, f"{place}.evidence", "missing")
        if link.detect == ("pkg-config",) and not library.pkg_config:
            yield RuleProblem(file, f"{place}.detect", f"the library {library.name} has no pkg-config name")
        if "tool" in link.detect and not (link.tool or library.tools):
            yield RuleProblem(file, f"{place}.tool", f"missing, and the library {library.name} has no tools")


def _against(rules: _Rules, world: _World) -> Iterator[RuleProblem]:
    for library in rules.libraries.values():
        if library.available(world.release, world.arch):
            yield from _library_in(library, world)
    for entry in rules.distributions:
        yield from _distribution_in(entry, rules.known, world)
    if rules.bases is not None:
        for need, since, until in rules.bases.world_needs:
            if within(world.release, since, until) and not world.index.find(need):
                yield RuleProblem("rules/base-images.toml", "", f"Alpine {world.release} has no {need}")
    for tool, recorded in rules.tools.releases.get(world.release, {}).items():
        package = world.index.package(toolchains.PACKAGES[tool])
        if package is not None and toolchains.disagrees(recorded, package):
            key = f"releases.{world.release}.{tool}"
            yield RuleProblem(toolchains.FILE, key, f"{recorded}, but its index has {package.name} {package.version}")


def _library_in(library: Library, world: _World) -> Iterator[RuleProblem]:
    file = _library_file(library.name)
    release, index = world.release, world.index
    build = library.build_needs(release)
    dev = next((found[0].package for need in build if (found := index.find(need))), None)
    if build and dev is None:
        yield RuleProblem(file, "", f"Alpine {release} has none of {', '.join(build)}")
    for need in library.runtime_needs(release):
        found = index.find(need)
        if not found:
            yield RuleProblem(file, "", f"Alpine {release} has no {need}")
        elif dev is not None and not brings(dev, {item.package.name for item in found}, index):
            names = " or ".join(sorted({item.package.name for item in found}))
            yield RuleProblem(file, "", f"in Alpine {release} {dev.name} does not depend on {names}")


def brings(dev: Package, runtime: set[str], index: Index, depth: int = 4) -> bool:
    """Tell whether ``dev`` is, or depends within ``depth`` steps on, one of the packages named ``runtime``."""
    if dev.name in runtime:
        return True
    if depth == 0:
        return False
    for constraint in dev.depends:
        for item in index.find(constraint.name):
            if brings(item.package, runtime, index, depth - 1 if item.package.name != dev.name else 0):
                return True
    return False


def _distribution_in(entry: Distribution, libraries: Mapping[str, Library], world: _World) -> Iterator[RuleProblem]:
    file = _distribution_file(entry.name)
    release, index = world.release, world.index
    for number, build in enumerate(entry.builds):
        for need in build.needs:
            if not index.find(need):
                yield RuleProblem(file, f"build[{number}].needs", f"Alpine {release} has no {need}")
        for place, link in enumerate(build.libraries):
            library = libraries.get(link.library)
            if library is not None and library.available(release, world.arch):
                for need in _link_needs(link, library):
                    if not index.find(need):
                        yield RuleProblem(file, f"build[{number}].library[{place}]", f"Alpine {release} has no {need}")
    for number, runtime in enumerate(entry.runtime):
        if runtime.available(release, world.arch) and not any(index.find(need) for need in runtime.any):
            yield RuleProblem(file, f"runtime[{number}].any", f"Alpine {release} has none of {', '.join(runtime.any)}")
    if entry.apk and not entry.apk_differs:
        links = (
            f"{entry.apk} links {one}, of which no build says anything" for one in _unexplained(entry, libraries, index)
        )
        said = (*links, *_of_cxx(entry, libraries, index), *_not_linked(entry, libraries, index))
        yield from (RuleProblem(file, "apk", f"Alpine {release}'s {one}") for one in said)


def _link_needs(link: Link, library: Library) -> Iterator[str]:
    """Yield what a link asks for beyond its library's own needs."""
    if link.tool:
        yield f"cmd:{link.tool}"
    yield from link.needs
    if not library.runtime:
        yield from (f"so:{name}" for name in link.sonames)


def _unexplained(entry: Distribution, libraries: Mapping[str, Library], index: Index) -> tuple[str, ...]:
    """Return the ``so:`` needs of Alpine's own package of ``entry`` that no build of the rule can link."""
    package = index.package(entry.apk)
    if package is None:
        return ()
    stems = {_stem(f"so:{soname}") for _, _, soname in _sonames(entry, libraries)}
    needs = (constraint.name for constraint in package.depends)
    return tuple(
        need for need in needs if need.startswith("so:") and not _RUNTIMES.match(need) and _stem(need) not in stems
    )


def _own_build_of(entry: Distribution, index: Index) -> tuple[Package, Build] | None:
    """Alpine's own package of ``entry`` with the build that the rule has for its version."""
    package = index.package(entry.apk)
    build = entry.build(package.version.rpartition("-r")[0]) if package is not None else None
    return (package, build) if package is not None and build is not None else None


def _not_linked(entry: Distribution, libraries: Mapping[str, Library], index: Index) -> Iterator[str]:
    """Say which libraries Alpine's own package of ``entry`` does without, though by the rule they are always linked."""
    own = _own_build_of(entry, index)
    if own is None:
        return
    package, build = own
    needs = {constraint.name for constraint in package.depends}
    stems = set(map(_stem, needs))
    for link in build.libraries:
        sonames = _sonames_of(link, libraries)
        if link.linkage != "always" or not link.runtime or not link.switched_on({}) or not sonames:
            continue
        providers = {found.package.name for soname in sonames for found in index.find(f"so:{soname}")}
        if stems.isdisjoint(_stem(f"so:{soname}") for soname in sonames) and needs.isdisjoint(providers):
            yield f"{entry.apk} {package.version} does not link {link.library}, which its build always does"


def _of_cxx(entry: Distribution, libraries: Mapping[str, Library], index: Index) -> Iterator[str]:
    """Say what Alpine's own package of ``entry`` tells against the rule's ``language``, where pip compiles the same sources:
    not where Alpine links a library that the sdist has a copy of."""
    own = _own_build_of(entry, index)
    if own is None:
        return
    package, build = own
    needs = {constraint.name for constraint in package.depends}
    linked, named = _CXX in needs, "c++" in build.language
    if linked and not named:
        yield f"{entry.apk} {package.version} links {_CXX}, and its build names no C++"
    copied = {
        _stem(f"so:{soname}")
        for of, link, soname in _sonames(entry, libraries)
        if of is build and (link.linkage != "always" or not link.switched_on({}))
    }
    if named and not linked and copied.isdisjoint(map(_stem, needs)):
        yield (
            f"{entry.apk} {package.version} does not link {_CXX}, and its build names C++"
            " (cmd:g++ in needs where C++ is compiled and not linked)"
        )


def _by_choice(entry: Distribution, libraries: Mapping[str, Library], index: Index) -> dict[str, tuple[str, ...]]:
    """Return what Alpine's package links and pip would not, by what the rule says of it: a copy, or a switch."""
    package = index.package(entry.apk)
    needed = {_stem(item.name): item.name for item in package.depends} if package is not None else {}
    reasons: dict[str, str] = {}
    for build, link, soname in _sonames(entry, libraries):
        stem = _stem(f"so:{soname}")
        if link.linkage == "bundled":
            reasons.setdefault(stem, "pip compiles the copy in the sdist")
        elif link.switched_on({}) and build.switched_on({}):
            reasons[stem] = ""
        else:
            switches = ", ".join(
                f"{name} set" if value == "*" else f"{name}={value}"
                for name, (value, *_) in ((name, switch_values(given)) for name, given in link.only_env.items())
            )
            reasons.setdefault(stem, f"pip links it only with {switches}")
    found: dict[str, tuple[str, ...]] = {}
    for stem, reason in reasons.items():
        if reason and stem in needed:
            found[reason] = (*found.get(reason, ()), needed[stem])
    return found


def _sonames(entry: Distribution, libraries: Mapping[str, Library]) -> Iterator[tuple[Build, Link, str]]:
    """Yield every library's name that a build may link, with the build and the link."""
    for build in entry.builds:
        for link in build.libraries:
            for soname in _sonames_of(link, libraries):
                yield build, link, soname


def _sonames_of(link: Link, libraries: Mapping[str, Library]) -> tuple[str, ...]:
    library = libraries.get(link.library)
    return (*link.sonames, *(library.sonames if library is not None else ()))


def _stem(need: str) -> str:
    """``so:liblz4.so.1`` -> ``so:liblz4``."""
    return need[: need.find(".so")]


def _library_file(name: str) -> str:
    return f"rules/libraries/{name}.toml"


def _distribution_file(name: str) -> str:
    return f"rules/distributions/{name}.toml"
