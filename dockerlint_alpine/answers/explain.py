"""What is known about one topic: a finding code, a distribution, a native library, or an apk package.

The answer is a plain dictionary (the JSON of ``alpine-doctor explain --output-format json``) that
:func:`dockerlint_alpine.answers.explain_text.render` turns into text, so both always say the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dockerlint_alpine.checks import CHECKS, check_by_topic
from dockerlint_alpine.checks.toolchain import toolchains
from dockerlint_alpine.knowledge.model import Switches, switch_values
from dockerlint_alpine.knowledge.validate import brings
from dockerlint_alpine.system.records import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.apk import Index, IndexStore, Package
    from dockerlint_alpine.knowledge import Build, Distribution, Knowledge, Library, Link, RuntimeNeed
    from dockerlint_alpine.python.model import Release

_LINKED = ("always", "system-if-present")
_WHEEL_ARCH = {"x86": "i686", "armv7": "armv7l"}
"""apk's name of an architecture -> the one in wheel tags, where they differ."""


def explain(
    topic: str, knowledge: Knowledge, store: IndexStore, *, arch: str = "x86_64", alpine: str | None = None
) -> dict[str, Any] | None:
    """Everything known about ``topic``; ``None`` when nothing has that name.

    A code or check name comes first, then a distribution (by name, or else by a module that it installs), then what a
    library provides (soname, header, pkg-config name, config tool, its own name), then a distribution without a rule that
    is known to be pure Python, then an apk package of any release.
    ``arch`` is apk's name; ``alpine`` the release that the Dockerfile lines are for (default: the newest at hand).
    Raises ``ApkError`` for a release or architecture that there is no index of.
    """
    check = check_by_topic(topic)
    if check is not None:
        return {
            "version": 1,
            "topic": topic,
            "kind": "code",
            **fields_of(check, "code name severity summary"),
            "page": check.published,
        }
    world = World(knowledge, store, arch, alpine)
    found: dict[str, Any] = {}
    library = _library_named(topic, knowledge)
    distribution = knowledge.distribution(topic) or (None if library else knowledge.distribution_for_import(topic))
    if distribution is not None:
        found["distribution"] = distribution_facts(distribution, world)
    if library is not None:
        found["library"] = library_facts(library, world)
    pure = _pure_facts(knowledge.normalise(topic), world) if not found else None
    if pure is not None:
        found["pure"] = pure
    package = _package_facts(topic, world)
    if package is not None:
        found["package"] = package
    if not found:
        return None
    return {"version": 1, "topic": topic, "kind": next(iter(found)), **found}


def known_topics(topic: str, knowledge: Knowledge, store: IndexStore, *, arch: str = "x86_64") -> list[str]:
    """Every topic there is, of the apk packages those that begin like ``topic``."""
    names = {name for check in CHECKS for name in (check.code, check.name)}
    names.update(knowledge.names("distribution"), knowledge.names("library"))
    index = store.open(store.releases()[-1], arch)
    plain = topic.lower()
    names.update(name for name in index.names(plain[:2]) if ":" not in name and not name.startswith("/"))
    return sorted(names, reverse=True)


class World:
    """The rules and every release's index of one architecture, opened as they are asked for."""

    def __init__(
        self, knowledge: Knowledge, store: IndexStore, arch: str = "x86_64", alpine: str | None = None
    ) -> None:
        self.knowledge = knowledge
        self.store = store
        self.arch = arch
        self.releases = store.releases()
        self.index = store.open(alpine or self.releases[-1], arch)

    def indexes(self) -> Iterator[Index]:
        """One index per release, oldest first; where a release has none for this architecture, its stand-in, and for those
        that have none at all the one made of their recipes."""
        for release in (*self.releases, *self.store.derived_releases()):
            yield self.store.open(release, self.arch)

    def package(self, needs: Iterable[str], index: Index | None = None) -> str | None:
        """The name of the first package that meets one of ``needs``."""
        return (index or self.index).best_name(*needs)

    def objects(self, needs: Iterable[str], library: Library, index: Index | None = None) -> list[str]:
        """The packages of a library's shared objects: of several providers the one that its -dev package brings.

        Alpine 3.12 has ``so:libssl.so.48`` of LibreSSL beside ``so:libssl.so.1.1``; what openssl-dev links is the latter.
        """
        index = index or self.index
        dev = self.package(library.build_needs(index.release), index)
        package = index.package(dev) if dev is not None else None
        found = []
        for need in needs:
            names = [str(provider.package.name) for provider in index.find(need)]
            if len(names) > 1 and package is not None:
                names = [name for name in names if brings(package, {name}, index)] or names
            found += names[:1]
        return list(dict.fromkeys(found))

    def packages(self, needs: Iterable[str], index: Index | None = None) -> list[str]:
        """One package for each need that has a provider, each name once."""
        names = [self.package((need,), index) for need in needs]
        return list(dict.fromkeys(name for name in names if name is not None))


def _library_named(topic: str, knowledge: Knowledge) -> Library | None:
    found = knowledge.library_for(topic) or knowledge.library(topic)
    return found or next((lib for kind in ("pc", "cmd") if (lib := knowledge.library_for(f"{kind}:{topic}"))), None)


def _pure_facts(name: str, world: World) -> dict[str, Any] | None:
    """The part of the answer on a distribution without a rule: recorded pure wheels, or a package of it."""
    wheels, packaged = wheel_facts(name, world.knowledge, world.arch), world.knowledge.facts.packaged(name)
    if packaged is None and wheels["verdict"] != "any":
        return None
    found: dict[str, Any] = {"name": name, "wheels": wheels, "apk": None, "deb": None, "brings": []}
    if packaged is not None:
        own = "apk" if packaged.system == "Alpine" else "deb"
        shown = {"name": packaged.package, "version": packaged.version, packaged.system.lower(): packaged.release}
        found |= {own: shown, "brings": list(packaged.brings)}
    return found


# -- a distribution ---------------------------------------------------------------------------------------------------


def distribution_facts(entry: Distribution, world: World) -> dict[str, Any]:
    """The part of the answer on one distribution."""
    newest = entry.builds[0] if entry.builds else None
    return {
        **fields_of(entry, "name summary url imports confidence"),
        "source": world.knowledge.source("distribution", entry.name),
        "alpine": world.index.release,
        "impossible": [
            {
                "versions": item.versions or "all",
                **fields_of(item, "reason advice evidence"),
            }
            for item in entry.impossible
        ],
        "wheels": wheel_facts(entry.name, world.knowledge, world.arch),
        "builds": [_build(build, world) for build in entry.builds],
        "limits": [
            {"versions": one.versions, "takes": one.sentence, "evidence": list(one.evidence)}
            for one in toolchains(world.knowledge).demands(entry.name)
        ],
        "runtime": [runtime_facts(need, world) for need in entry.runtime],
        "dockerfile": _dockerfile(entry, newest, world),
        "releases": _distribution_releases(entry, newest, world),
        "apk": {"name": entry.apk, "differs": entry.apk_differs} if entry.apk else None,
        **fields_of(entry, "note evidence proof"),
    }


def _build(build: Build, world: World) -> dict[str, Any]:
    return {
        "versions": build.versions or "all",
        "language": list(build.language),
        "needs": _tools(build, world.knowledge),
        "minimum": dict(build.minimums),
        "optional-extension": build.optional_extension,
        **fields_of(build, "fetches requires"),
        "switches": _switches(build.unless_env, build.only_env),
        "libraries": [_link(link, world) for link in build.libraries],
        **fields_of(build, "note evidence"),
    }


def _tools(build: Build, knowledge: Knowledge) -> list[str]:
    languages = [knowledge.language(name) for name in build.language]
    needs = [need for language in languages if language is not None for need in language.needs]
    return list(dict.fromkeys([*needs, *build.needs]))


def _link(link: Link, world: World) -> dict[str, Any]:
    library = world.knowledge.library(link.library)
    release = world.index.release
    return {
        **fields_of(link, "library linkage required optional detect minimum"),
        "switches": _switches(link.unless_env, link.only_env, link.env_if_set),
        "build-package": world.package(library.build_needs(release)) if library else None,
        "runtime-packages": world.objects(link.runtime_needs(library, release), library) if library else [],
        **fields_of(link, "note evidence"),
    }


def _switches(unless: Switches, only: Switches, when_set: Switches | None = None) -> list[str]:
    """Environment switches as sentences."""
    return [
        *(f"off with {_assigned(name, values)}" for name, values in unless.items()),
        *(f"only with {_assigned(name, values)}" for name, values in only.items()),
        *(f"when {name} is set, only with {_assigned(name, values)}" for name, values in (when_set or {}).items()),
    ]


def _assigned(name: str, values: str | tuple[str, ...]) -> str:
    return " or ".join(f"{name} not empty" if one == "*" else f"{name}={one}" for one in switch_values(values))


def runtime_facts(need: RuntimeNeed, world: World) -> dict[str, Any]:
    """The part of the answer on one thing that Python code opens or starts."""
    library = world.knowledge.library(need.library) if need.library else None
    return {
        **fields_of(need, "kind any"),
        "package": world.package(need.any),
        **fields_of(need, "severity feature extra"),
        "versions": need.versions or "all",
        "also": world.packages(need.lookup_needs(library, world.index.release)),
        **fields_of(need, "note evidence"),
    }


def _dockerfile(entry: Distribution, build: Build | None, world: World) -> dict[str, Any]:
    """The lines for the newest version on ``world.index``: what must be there, then what may be."""
    to_build, to_run = _packages_for(entry, build, world, world.index)
    lines = {}
    if to_build:
        lines["build"] = f"RUN apk add --no-cache {' '.join(to_build)}"
    if to_run:
        lines["run"] = f"RUN apk add --no-cache {' '.join(to_run)}"
    options = []
    for link in build.libraries if build is not None else ():
        library = world.knowledge.library(link.library)
        if library is None or link.required or link.linkage not in _LINKED:
            continue
        release = world.index.release
        if library.available(release, world.arch) and not link.only_env:
            options.append(
                {
                    "library": link.library,
                    "for": link.optional,
                    "build": world.packages(library.build_needs(release)[:1]),
                    "run": world.objects(link.runtime_needs(library, release), library),
                }
            )
    return {**lines, "options": options}


def _packages_for(entry: Distribution, build: Build | None, world: World, index: Index) -> tuple[list[str], list[str]]:
    """Return what the newest version must have in ``index``: to be compiled, and to run."""
    needs: list[str] = []
    runs: list[str] = []
    if build is not None:
        needs += _tools(build, world.knowledge)
        for name in build.language:
            language = world.knowledge.language(name)
            runs += language.runtime if language is not None else ()
        for link in build.libraries:
            library = world.knowledge.library(link.library)
            if library is None or not library.available(index.release, world.arch):
                continue
            if link.required and link.linkage in _LINKED and link.switched_on({}):
                package = world.package(library.build_needs(index.release), index)
                needs += [package] if package is not None else []
                needs += link.needs
                runs += world.objects(link.runtime_needs(library, index.release), library, index)
    for need in _wanted(entry):
        library = world.knowledge.library(need.library) if need.library else None
        runs += [_first(need, index), *need.lookup_needs(library, index.release)]
    return world.packages(needs, index), world.packages(runs, index)


def _wanted(entry: Distribution) -> Iterator[RuntimeNeed]:
    """Yield what the newest version opens or starts whatever is done with it."""
    for need in entry.runtime:
        if not (need.feature or need.extra) and (not need.versions or not need.versions.startswith("<")):
            yield need


def _first(need: RuntimeNeed, index: Index) -> str:
    return next((option for option in need.any if index.find(option)), need.any[0])


def _distribution_releases(entry: Distribution, build: Build | None, world: World) -> list[dict[str, Any]]:
    rows = []
    for index in world.indexes():
        to_build, to_run = _packages_for(entry, build, world, index)
        rows.append({"alpine": index.release, "exact": index.exact, "build": to_build, "run": to_run})
    return rows


# -- wheels -----------------------------------------------------------------------------------------------------------


def wheel_facts(name: str, knowledge: Knowledge, arch: str) -> dict[str, Any]:
    """What the recorded facts say of wheels that fit musl on ``arch`` (apk's name).

    ``verdict`` is ``unknown`` (nothing recorded), ``musl``, ``any`` (pure Python), ``glibc`` (Linux wheels, but none for
    musl) or ``none`` of the newest release; ``since`` the release from which on all newer ones have a fitting wheel.
    """
    releases = [release for release in knowledge.facts.releases(name) if not release.yanked]
    facts: dict[str, Any] = {"as-of": knowledge.facts.as_of_name(name), "releases": len(releases), "verdict": "unknown"}
    if not releases:
        return facts
    newest = releases[0]
    facts |= {"newest": newest.version, "verdict": _verdict(newest, arch)}
    fitting = [_verdict(release, arch) in {"musl", "any"} for release in releases]
    if fitting[0]:
        last = releases[(fitting.index(False) if False in fitting else len(releases)) - 1]
        facts |= {"since": last.version, "since-date": last.upload_date}
        facts |= {"pythons": _pythons(newest, arch), "arches": _arches(newest)}
    elif True in fitting:
        facts["last-with"] = releases[fitting.index(True)].version
    return facts


def _verdict(release: Release, arch: str) -> str:
    tag_arch = _WHEEL_ARCH.get(arch, arch)
    if any("musllinux" in tag and tag.endswith(f"_{tag_arch}") for tag in release.wheels):
        return "musl"
    if any(tag.endswith("-any") for tag in release.wheels):
        return "any"
    return "glibc" if any("linux" in tag and tag.endswith(f"_{tag_arch}") for tag in release.wheels) else "none"


def _pythons(release: Release, arch: str) -> list[str]:
    """The Pythons of the fitting wheels, as ``3.12``, ``3.8+`` for a stable ABI, or ``3`` for any."""
    tag_arch = _WHEEL_ARCH.get(arch, arch)
    found = set()
    for tag in release.wheels:
        python, abi, platform = tag.rsplit("-", 2)
        if not (platform == "any" or ("musllinux" in platform and platform.endswith(f"_{tag_arch}"))):
            continue
        for part in python.split("."):
            if part.startswith("cp3") and len(part) > 3:
                found.add((int(part[3:]), "+" if abi == "abi3" else "t" if abi.endswith("t") else ""))
            elif part == "py3":
                found.add((0, ""))
    return [f"3.{minor}{mark}" if minor else "3" for minor, mark in sorted(found)]


def _arches(release: Release) -> list[str]:
    found = {
        tag.rsplit("_", 1)[1] if not tag.endswith("x86_64") else "x86_64" for tag in release.wheels if "musl" in tag
    }
    return sorted(found)


# -- a library, a package ---------------------------------------------------------------------------------------------


def library_facts(library: Library, world: World) -> dict[str, Any]:
    """The part of the answer on one native library."""
    rows = []
    for index in world.indexes():
        there = library.available(index.release, world.arch)
        objects = world.objects(library.runtime_needs(index.release), library, index) if there else []
        rows.append(
            {
                "alpine": index.release,
                "exact": index.exact,
                "build": world.package(library.build_needs(index.release), index) if there else None,
                "run": objects[0] if objects else None,
            }
        )
    here = next((row for row in rows if row["alpine"] == world.index.release), rows[-1])
    moments = {moment: f"RUN apk add --no-cache {here[moment]}" for moment in ("build", "run") if here[moment]}
    return {
        **fields_of(library, "name summary url"),
        "source": world.knowledge.source("library", library.name),
        "sonames": list(library.sonames),
        "pkg-config": list(library.pkg_config),
        **fields_of(library, "tools headers static"),
        "alpine": here["alpine"],
        "dockerfile": moments,
        "releases": rows,
        "users": users_of(library.name, world.knowledge),
        **fields_of(library, "note evidence"),
    }


def users_of(library: str, knowledge: Knowledge) -> list[dict[str, Any]]:
    """Who has to do with a library, and how: each linkage of the newest build, or ``dlopen``."""
    users = []
    for name in knowledge.users_of(library):
        entry = knowledge.distribution(name)
        if entry is None:
            continue
        build = next((item for item in entry.builds if any(link.library == library for link in item.libraries)), None)
        links = [link for link in build.libraries if link.library == library] if build is not None else []
        opens = any(need.library == library for need in entry.runtime)
        users.append(
            {
                "name": name,
                "linkage": links[0].linkage if links else "dlopen" if opens else "",
                "required": any(link.required for link in links) or (opens and not links),
                "optional": next((link.optional for link in links if link.optional), ""),
            }
        )
    return users


def _package_facts(name: str, world: World) -> dict[str, Any] | None:
    rows = []
    newest: tuple[Index, Package] | None = None
    last = world.releases[-1]
    for index in world.indexes():
        package, last = index.package(name), index.release
        if package is not None:
            if newest is None or index.derived is None:
                newest = (index, package)
            rows.append(
                {
                    "alpine": index.release,
                    "exact": _is_own(package, index),
                    **fields_of(package, "version repository"),
                }
            )
    if newest is None:
        return None
    index, package = newest
    return {
        "name": name,
        "origin": package.origin,
        "releases": rows,
        "newest": rows[-1]["alpine"],
        "gone": rows[-1]["alpine"] != last,
        "libraries": libraries_of_package(package, index, world.knowledge),
        "provides": [str(provide) for provide in package.provides],
        "depends": [str(constraint) for constraint in package.depends],
    }


def _is_own(package: Package, index: Index) -> bool:
    """Whether the release's own index has the package, or its recipes do, and no stand-in's index."""
    return not any(item.kind == "stand-in" and item.repository == package.repository for item in index.sources)


def libraries_of_package(package: Package, index: Index, knowledge: Knowledge) -> list[dict[str, Any]]:
    """The libraries that a package is the headers (``build``) or the objects (``run``) of."""
    needs = [provide.name for provide in package.provides if provide.name.startswith(("so:", "pc:", "cmd:"))]
    known = {library.name: library for need in needs if (library := knowledge.library_for(need)) is not None}
    found = []
    for library in known.values():
        roles = (("build", library.build_needs(index.release)), ("run", library.runtime_needs(index.release)))
        for role, wanted in roles:
            if _is_provider(package, wanted, index):
                users = [user["name"] for user in users_of(library.name, knowledge)]
                found.append({"library": library.name, "role": role, "summary": library.summary, "users": users})
    return found


def _is_provider(package: Package, needs: Sequence[str], index: Index) -> bool:
    return any(item.package.name == package.name for need in needs for item in index.find(need))
