"""Determines from a project's own files how it is built, if no rule says so."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.python.model import versions_of
from dockerlint_alpine.python.resolve import ResolverError
from dockerlint_alpine.python.sources.native import is_native
from dockerlint_alpine.python.versions import place_among, same_version, sort_versions
from dockerlint_alpine.stages.linkage import SourceRule, known_build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.knowledge import Build, Knowledge
    from dockerlint_alpine.python.model import Facts, IndexOptions, Resolved
    from dockerlint_alpine.python.resolve import Resolver
    from dockerlint_alpine.python.sources.source_facts import SourceFacts
    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.stages.install_request import InstallRequest
    from dockerlint_alpine.stages.walk import StageWalk


class SourceBuilds:
    """Reads sources of distributions that no rule covers: folders of the context, and sdists of the index."""

    def __init__(self, knowledge: Knowledge, facts: Facts, resolver: Resolver | None) -> None:
        self._knowledge = knowledge
        self._facts = facts
        self._resolver = resolver
        self._read: dict[tuple[str, str, tuple[tuple[str, str], ...]], SourceFacts | None] = {}
        self.failures: dict[str, str] = {}
        """Why the sources of a distribution could not be read, in one line."""

    def rule(
        self, walk: StageWalk, resolved: Resolved, request: InstallRequest, env: Mapping[str, str]
    ) -> SourceRule | None:
        """How ``resolved`` is built in an environment, by its own sources; ``None`` where a rule tells, or nothing does."""
        assert walk.index is not None
        found = self._sources(walk.files, resolved, request, env)
        if found is None:
            return None
        from dockerlint_alpine.stages.source_builds import rule_from_source

        sources, label = found
        known = known_build(resolved, self._knowledge)
        if known is not None:
            return _with_new_languages(known, sources, label)
        return rule_from_source(sources, label, self._knowledge, walk.index)

    def asks(self, files: StageFiles, resolved: Resolved, request: InstallRequest) -> tuple[str, ...]:
        """What the build of ``resolved`` asks for before it starts, as far as that is known or may be asked."""
        folder = request.projects.get(resolved.name)
        if folder is not None:
            from dockerlint_alpine.stages.build_requirements import project_asks

            return project_asks(folder, files)
        rule = known_build(resolved, self._knowledge)
        by_rule = rule.requires if rule is not None else ()
        if self._resolver is None or resolved.version is None or resolved.url is not None:
            return by_rule
        wanted = _options(request, resolved.name)
        try:
            kept = self._resolver.fills_gaps  # nobody asked for it: it is worth no question
            return self._resolver.source_facts(resolved.name, resolved.version, wanted, only_kept=kept).build_requires
        except ResolverError:
            return by_rule

    def is_pure(self, walk: StageWalk, resolved: Resolved, request: InstallRequest) -> bool:
        """True for a distribution that is known to be pure Python: by a rule without a build, by a package of it, because
        nothing in its sources is about a compiler, or, where nobody reads these, by a wheel of any of its versions that
        fits everywhere."""
        if self._known_pure(resolved):
            return True
        folder = request.projects.get(resolved.name)
        if folder is not None:
            return not is_native(walk.files, folder)
        found = self._sources(walk.files, resolved, request, {})
        if found is not None:
            return found[0].pure
        return self._knowledge.distribution(resolved.name) is None and any(
            release.pure for release in self._facts.releases(resolved.name)
        )

    def compiles(self, walk: StageWalk, resolved: Resolved, request: InstallRequest) -> bool:
        """True for a distribution without a rule whose sources say that something is compiled."""
        found = self._sources(walk.files, resolved, request, {})
        return found is not None and not found[0].pure

    @property
    def advice(self) -> str:
        """What the user can do about distributions that nothing tells of."""
        return "--online reads the sources" if self._resolver is None else "look into the instructions for building"

    def _known_pure(self, resolved: Resolved) -> bool:
        """Whether a rule, a package, or the newest wheels of no later release say so: what is pure now was not always."""
        distribution = self._knowledge.distribution(resolved.name)
        if distribution is not None:
            return not distribution.builds
        releases, first = self._facts.releases(resolved.name), 0
        if resolved.version is not None:
            versions = versions_of(releases)
            first = place_among(resolved.version, versions)
            first -= first > 0 and same_version(versions[first - 1], resolved.version)
        last = next((one for one in itertools.islice(releases, first, None) if one.wheels), None)
        return (last is not None and last.pure) or self._facts.packaged(resolved.name) is not None

    def _is_newer(self, resolved: Resolved) -> bool:
        """True for a release that came out after the rule was written: it is younger than all recorded ones."""
        recorded = [release.version for release in self._facts.releases(resolved.name)]
        if not recorded or resolved.version is None:
            return False
        return resolved.version not in recorded and sort_versions([*recorded, resolved.version])[-1] == resolved.version

    def _sources(
        self, files: StageFiles, resolved: Resolved, request: InstallRequest, env: Mapping[str, str]
    ) -> tuple[SourceFacts, str] | None:
        """What the sources say in an environment, and what to call them."""
        name = resolved.name
        folder = request.projects.get(name)
        if folder is not None:
            if self._known_pure(resolved) or known_build(resolved, self._knowledge) or not is_native(files, folder):
                return None
            from dockerlint_alpine.python.sources.sdist import read_tree

            return read_tree(folder, files, env), f"the project in {files.display(folder)}"
        if self._resolver is None or resolved.version is None or resolved.url is not None or self._known_pure(resolved):
            return None
        if known_build(resolved, self._knowledge) is not None and not self._is_newer(resolved):
            return None
        options = _options(request, name)
        sources = self._asked(name, resolved.version, options, ())
        given = tuple((one, env[one]) for one in (sources.variables if sources is not None else ()) if one in env)
        if given:
            sources = self._asked(name, resolved.version, options, given)
        return (sources, f"{name} {resolved.version}") if sources is not None else None

    def _asked(
        self, name: str, version: str, options: IndexOptions, variables: tuple[tuple[str, str], ...]
    ) -> SourceFacts | None:
        assert self._resolver is not None
        key = (name, version, variables)
        if key not in self._read:
            try:
                self._read[key] = self._resolver.source_facts(name, version, options, variables)
            except ResolverError as error:
                self._read[key] = None
                self.failures[name] = str(error)
        return self._read[key]


def _options(request: InstallRequest, name: str) -> IndexOptions:
    """What is said of indexes for one distribution: no other one hears its name where a lock file names its index."""
    wanted = request.requirements
    locked_at = next((one.index for one in wanted.requested if one.name == name and one.index), None)
    return replace(wanted.options, locked_at=locked_at) if locked_at is not None else wanted.options


def _with_new_languages(known: Build, sources: SourceFacts, label: str) -> SourceRule | None:
    """The rule, with languages that a release younger than the rule has come to need (C became Rust)."""
    new = tuple(language for language in sources.languages if language not in {*known.language, "c", "c++", "cython"})
    if not new:
        return None
    seen = dict(zip(sources.languages, sources.language_from, strict=False))
    evidence = tuple(f"{seen[language]}: {language} ({label})" for language in new)
    rule = replace(known, language=(*known.language, *new), evidence=(*evidence, *known.evidence))
    return SourceRule(rule, {}, label)
