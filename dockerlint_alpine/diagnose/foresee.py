"""What will be missing next, by the rules: the rest of the build's tools and libraries, then what must be there to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.apk import ApkError, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dockerlint_alpine.diagnose.lookup import Lookup
    from dockerlint_alpine.diagnose.model import Cause
    from dockerlint_alpine.diagnose.releases import Releases
    from dockerlint_alpine.diagnose.scan import Scan
    from dockerlint_alpine.knowledge import Build, Distribution, Knowledge, Library
    from dockerlint_alpine.knowledge.model import Language, Link

_TOOLS = {
    "cmd:gcc": ("musl-dev",),
    "cmd:g++": ("musl-dev",),
    "cmd:cargo": ("cmd:gcc", "musl-dev"),
    "cmd:cmake": ("cmd:make",),
}
"""What a compile needs beside a tool, whatever is compiled."""

_COMPILERS = frozenset({"gcc", "g++", "gfortran", "rust", "cargo", "cmake", "make", "musl-dev"})
"""These bring run-time libraries too, but only to the stage that compiles."""


class Foresight:
    """Foresees for the causes of one log; what the log shows as installed is left out."""

    def __init__(self, knowledge: Knowledge, lookup: Lookup, releases: Releases, found: Scan) -> None:
        self._knowledge = knowledge
        self._lookup = lookup
        self._found = found
        self._releases = releases
        self._world = _world(releases, found.asked_for)

    def complete(self, causes: Iterable[Cause]) -> tuple[Cause, ...]:
        """Return the causes with what is foreseen for each; a package is foreseen once."""
        causes = tuple(causes)
        taken = dict.fromkeys(package for cause in causes for package in cause.packages)
        completed = []
        for cause in causes:
            names: dict[str, bool] = {}
            for need, runs in self._after(cause):
                for package in self._lookup.packages_for(need)[:1]:
                    if not self._comes_along(need, package, taken):
                        names[package] = runs
                        taken[package] = None
            to_run = frozenset(name for name, runs in names.items() if runs)
            completed.append(replace(cause, foreseen=tuple(names), foreseen_to_run=to_run))
        return tuple(completed)

    def _comes_along(self, need: str, package: str, taken: Mapping[str, None]) -> bool:
        """Whether the log shows the package as installed, or one that is named already is it or brings it.

        A -dev package brings its library where it compiles, but not to the run-time stage; so that does not count.
        """
        if package in taken or package in self._found.installed:
            return True
        if self._world is not None and self._world.has(package):
            return True
        others = [name for name in taken if need.startswith("so:") and not name.endswith("-dev")]
        named = _world(self._releases, [name for name in others if name not in _COMPILERS])
        return named is not None and named.has(need)

    def _after(self, cause: Cause) -> Iterator[tuple[str, bool]]:
        """The needs that come next, each with whether it is one of what runs."""
        if cause.outcome == "none" or cause.moment == "apk":
            return
        builds = cause.moment == "build" and not cause.lasting
        if builds:
            yield from ((need, False) for need in _TOOLS.get(cause.need or "", ()))
        entry = self._knowledge.distribution(cause.distribution) if cause.distribution else None
        if entry is None:
            return
        version = self._found.version_of(entry.name)
        if builds:
            yield from ((need, False) for need in self._build_needs(entry, version))
        yield from ((need, True) for need in self._runtime_needs(entry, version))

    def _build_needs(self, entry: Distribution, version: str | None) -> Iterator[str]:
        build = entry.build(version)
        if build is None:
            return
        for language in self._languages(build):
            yield from language.needs
        yield from build.needs
        for _, library in self._linked(build):
            yield from library.build_needs(self._releases.release)[:1]

    def _runtime_needs(self, entry: Distribution, version: str | None) -> Iterator[str]:
        build = entry.build(version)
        if build is not None:
            for link, library in self._linked(build):
                yield from link.runtime_needs(library, self._releases.release)
            for language in self._languages(build):
                yield from language.runtime
        for need in entry.runtime_needs(version):
            if need.severity == "error" and not need.feature and not need.extra:
                yield from need.any[:1]

    def _languages(self, build: Build) -> list[Language]:
        return [found for name in build.language if (found := self._knowledge.language(name)) is not None]

    def _linked(self, build: Build) -> Iterator[tuple[Link, Library]]:
        """The libraries that the build can't do without."""
        for link in build.libraries:
            library = self._knowledge.library(link.library)
            if link.required and link.linkage == "always" and library is not None:
                yield link, library


def _world(releases: Releases, asked_for: Iterable[str]) -> World | None:
    """What an ``apk add`` of the names that the release has amounts to, dependencies included."""
    names = [name for name in asked_for if releases.index.providers(name)]
    if not names:
        return None
    try:
        return World.of(releases.index, names)
    except ApkError:
        return None
