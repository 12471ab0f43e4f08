"""What compiling a distribution links, given the packages that are there at that moment.

Rules, or the distribution's own sources, say how a build looks for a library; the world says whether it finds it. The
result is what the extension will need where it runs, and what the build lacks.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.apk.package import VIRTUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dockerlint_alpine.apk import World
    from dockerlint_alpine.knowledge import Build, Knowledge, Language, Library, Link, RuntimeNeed
    from dockerlint_alpine.python.model import Resolved

Presence = Literal["present", "possible", "absent", "off"]


class LibraryUse(Struct, frozen=True):
    """One library and one build of a distribution.

    ``presence`` is what the build finds (``off``: an environment switch keeps it from looking). ``package`` is the
    package that has it (where present) or would (where absent), ``need`` what was looked for in apk's words.
    ``objects`` are the exact ``so:`` needs that linking it leaves behind.
    """

    link: Link
    library: Library
    presence: Presence
    need: str
    package: str | None
    objects: tuple[str, ...]

    @property
    def linked(self) -> bool:
        """True when the extension ends up linked against the system's library: it is found, or the build insists on
        it and so fails until it is there."""
        if self.link.linkage == "bundled" or self.presence == "off":
            return False
        return self.presence in {"present", "possible"} or self.link.required


class BuildFacts(Struct, frozen=True):
    """How one distribution is compiled at one moment of one stage.

    ``rule`` is ``None`` where no rule knows it and its sources were not read. ``source`` names the sources that ``rule``
    was read from (``foo 1.2``, or a folder of the context); ``None`` for a rule of the database. ``unread`` is what those
    sources name and nobody knows, ``reasons`` what a tool is for beside the rule's own words,
    ``runtime`` what they say that the result opens or starts.
    """

    resolved: Resolved
    stage: int
    rule: Build | None
    languages: tuple[Language, ...] = ()
    uses: tuple[LibraryUse, ...] = ()
    tools: tuple[str, ...] = ()
    """Needs of the compile itself, compilers first: ``cmd:gcc``, ``cmd:cmake``, ``musl-dev``."""

    source: str | None = None
    unread: tuple[str, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    runtime: tuple[RuntimeNeed, ...] = ()
    left_out: bool = False
    """True where the build goes on without its extension, as a tool or library that this takes is not there."""

    @property
    def objects(self) -> tuple[tuple[str, LibraryUse | Language], ...]:
        """Every ``so:`` need that the compiled files carry along, with the reason."""
        if self.left_out:
            return ()
        found: dict[str, LibraryUse | Language] = {}
        for use in self.uses:
            if use.linked and use.link.runtime:
                found.update(dict.fromkeys(use.objects, use))
        for language in self.languages:
            found.update(dict.fromkeys(language.runtime, language))
        return tuple(found.items())


class SourceRule(Struct, frozen=True):
    """A rule read from a source tree called ``source``, with the libraries it speaks of by name.

    ``unread``, ``reasons`` and ``runtime`` as in :class:`BuildFacts`.
    """

    rule: Build
    libraries: Mapping[str, Library]
    source: str
    unread: tuple[str, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    runtime: tuple[RuntimeNeed, ...] = ()


def build_facts(
    resolved: Resolved,
    stage: int,
    knowledge: Knowledge,
    world: World,
    possible: World,
    env: Mapping[str, str],
    *,
    read: SourceRule | None = None,
    own: Callable[[Library], bool] | None = None,
) -> BuildFacts:
    """What compiling ``resolved`` in ``world`` with the environment ``env`` needs and links.

    ``possible`` holds ``world`` and what branches may have added. ``read`` stands in where the rules know nothing. Of a
    library that no package brings and that the Dockerfile builds by its ``own`` nothing is said.
    """
    rule = read.rule if read is not None else known_build(resolved, knowledge, env)
    if rule is None or not rule.switched_on(env):
        return BuildFacts(resolved, stage, rule)
    named = (knowledge.language(name) for name in rule.language)
    languages = tuple(language for language in named if language is not None)
    uses: list[LibraryUse] = []
    for link in rule.libraries:
        library = (read.libraries.get(link.library) if read is not None else None) or knowledge.library(link.library)
        use = _use(link, library, world, possible, env) if library is not None else None
        if library is not None and use is not None and not (use.presence == "absent" and own and own(library)):
            uses.append(use)
    tools = dict.fromkeys(need for language in languages for need in language.needs)
    tools.update(dict.fromkeys(rule.needs))
    lacks = not all(map(possible.has, tools)) or any(one.link.required and one.presence == "absent" for one in uses)
    left_out = rule.optional_extension and lacks
    found = BuildFacts(resolved, stage, rule, languages, tuple(uses), tuple(tools), left_out=left_out)
    return (
        found
        if read is None
        else replace(found, source=read.source, unread=read.unread, reasons=read.reasons, runtime=read.runtime)
    )


def known_build(resolved: Resolved, knowledge: Knowledge, env: Mapping[str, str] | None = None) -> Build | None:
    """How the rules say that ``resolved`` is compiled, in the environment ``env``."""
    distribution = knowledge.distribution(resolved.name)
    return distribution.build(resolved.version, env) if distribution is not None else None


def pulled_in_by(world: World, package: str) -> tuple[str, ...]:
    """How ``package`` came into ``world``: from a name that the Dockerfile gives down to the package.

    Virtual lists are left out: what stands in one is asked for by name. Empty when it is not there.
    """
    chain = world.why(package)
    while len(chain) > 1 and (first := world.packages.get(chain[0])) is not None and first.repository == VIRTUAL:
        chain = chain[1:]
        names = [one.name for one in first.depends if chain[0] in world.holders(one.name)]
        if chain[0] not in names:
            chain = (*names[:1], *chain)  # libc-dev, which musl-dev provides
    return chain


def _use(link: Link, library: Library, world: World, possible: World, env: Mapping[str, str]) -> LibraryUse | None:
    index = world.index
    if link.linkage == "dlopen" or not library.available(index.release, index.arch):
        return None
    needs = (f"cmd:{link.tool}",) if link.tool else library.build_needs(index.release)
    need = needs[0] if needs else library.name
    if not link.switched_on(env):
        return LibraryUse(link, library, "off", need if needs else "", None, _objects(link, library, world, None))
    for place, presence in ((world, "present"), (possible, "possible")):
        found = _found(link, needs, place)
        if found is not None:
            objects = _objects(link, library, place, found[1])
            return LibraryUse(link, library, presence, *found, objects)  # type: ignore[arg-type]
    package = index.best_name(*needs)
    return LibraryUse(link, library, "absent", need, package, _objects(link, library, world, package))


def _found(link: Link, needs: tuple[str, ...], world: World) -> tuple[str, str] | None:
    """The first of ``needs`` that ``world`` meets, with its package; detection's own needs must be met too."""
    if not all(world.has(need) for need in link.needs):
        return None
    for need in needs:
        provider = world.provider(need)
        if provider is not None:
            return need, provider.name
    return None


def _objects(link: Link, library: Library, world: World, package: str | None) -> tuple[str, ...]:
    """Exact ``so:`` names of what is linked: as the -dev ``package`` brings them, else as the world has them."""
    exact: list[str] = []
    for pattern in link.runtime_needs(library, world.index.release):
        if "*" not in pattern:
            exact.append(pattern)
            continue
        provided = _brought(world, package, pattern) or _provided(world, pattern)
        provided = provided or next((provider.capability for provider in world.index.find(pattern)), None)
        exact.extend([provided] if provided is not None else [])
    return tuple(dict.fromkeys(exact))


def _brought(world: World, package: str | None, pattern: str) -> str | None:
    """The object that comes along with the -dev ``package``; where several libraries have such a name (LibreSSL's and
    OpenSSL's ``libssl.so.*``), only that tells them apart."""
    if package is None:
        return None
    if package not in world.packages:
        if len({provider.capability for provider in world.index.find(pattern)}) < 2:
            return None
        world = world.add(package)
    brought = world.packages.get(package)
    for dependency in brought.depends if brought is not None else ():
        for name in world.holders(dependency.name):
            for provide in world.packages[name].provides:
                if fnmatchcase(provide.name, pattern):
                    return provide.name
    return None


def _provided(world: World, pattern: str) -> str | None:
    """The capability of an installed package that fits ``pattern``, by its exact name."""
    package = world.provider(pattern)
    if package is None:
        return None
    return next((provide.name for provide in package.provides if fnmatchcase(provide.name, pattern)), None)
