"""What a build asks for before it starts: requirements of ``[build-system]`` that pip must compile first.

A wheel of cmake or ninja does for a build that wants the program, so the program's package is needed only where no wheel
fits. What a build requirement links stays in its throw-away environment: only its compile counts here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.python import Origin, RequirementSet, parse_pep508, requirement_name
from dockerlint_alpine.python.requirement import InvalidRequirementError
from dockerlint_alpine.python.resolve import ResolverError, resolve
from dockerlint_alpine.stages.linkage import known_build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.python import Facts, IndexOptions, Requested, Resolved, Resolver, Target

_IMPLIED = {
    "scikit-build-core": ("cmake", "ninja"),
    "py-build-cmake": ("cmake", "ninja"),
    "meson-python": ("ninja",),
}
"""What backends add themselves where the program is not on PATH (their ``get_requires_for_build_wheel``)."""
_PROGRAMS = {"cmake": "cmd:cmake", "ninja": "cmd:ninja"}
"""Distributions that are nothing but a program which Alpine has too."""


def compiled_first(
    requires: tuple[str, ...],
    target: Target,
    options: IndexOptions,
    release: str,
    *,
    knowledge: Knowledge,
    facts: Facts,
    resolver: Resolver | None,
) -> Iterator[tuple[str, str]]:
    """Needs of the build requirements that no wheel fits, each with what it is for.

    ``requires`` are PEP 508 texts, ``release`` is Alpine's. Requirements whose files nobody knows are passed over.
    """
    parsed = map(_parsed, (*requires, *_implied(requires)))
    wanted = tuple(request for request in parsed if request is not None and _is_native(request, knowledge))
    if not wanted:
        return
    for one in _resolved(RequirementSet(requested=wanted, options=options), target, facts, resolver):
        if one.artefact.kind != "sdist":
            continue
        why = f"the build asks for {one.name}, which is compiled too: {one.artefact.reason}"
        if one.name in _PROGRAMS:
            yield _PROGRAMS[one.name], why
            continue
        rule = known_build(one, knowledge)
        if rule is None or rule.optional_extension:
            continue
        for name in rule.language:
            language = knowledge.language(name)
            yield from ((need, why) for need in (language.needs if language is not None else ()))
        yield from ((need, why) for need in rule.needs)
        for link in rule.libraries:
            library = knowledge.library(link.library)
            needs = (f"cmd:{link.tool}",) if link.tool else library.build_needs(release) if library is not None else ()
            if link.required and link.linkage == "always" and needs:
                yield needs[0], why


def _is_native(one: Requested, knowledge: Knowledge) -> bool:
    if one.name in _PROGRAMS:
        return True
    distribution = knowledge.distribution(one.name) if one.name is not None else None
    return distribution is not None and bool(distribution.builds)


def _resolved(wanted: RequirementSet, target: Target, facts: Facts, resolver: Resolver | None) -> tuple[Resolved, ...]:
    """What the index says of them if it is to be asked, else what is recorded; the rest is asked for."""
    found = resolve(wanted, target, facts, no_deps=True).distributions
    if resolver is None or (resolver.sparing and all(one.artefact.kind != "unknown" for one in found)):
        return found
    try:
        return resolver.resolve(wanted, target).distributions
    except ResolverError:
        return found


def _implied(requires: tuple[str, ...]) -> tuple[str, ...]:
    named = {requirement_name(text) for text in requires}
    return tuple(name for backend in sorted(named) for name in _IMPLIED.get(backend, ()) if name not in named)


def _parsed(text: str) -> Requested | None:
    try:
        return parse_pep508(text, Origin("pyproject.toml"))
    except InvalidRequirementError:
        return None
