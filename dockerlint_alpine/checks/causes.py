"""Reports each cause once: what the packages of another finding's fix bring along is not a separate finding.

The packages that are left are a smallest set under the dependencies of the release: each is asked for by something that
none of the others brings. A library that a build links is named although another one's package brings it, as AD103 wants
it named, unless both are links of one build. Where nothing can be compiled at all (AD504), what the result would need is
no matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.checks.ad101_missing_build_library import CHECK as LIBRARY
from dockerlint_alpine.checks.ad103_implicit_build_library import CHECK as IMPLICIT
from dockerlint_alpine.checks.ad504_toolchain_mismatch import CHECK as MISMATCH
from dockerlint_alpine.checks.base import locate
from dockerlint_alpine.model.findings import Brought
from dockerlint_alpine.stages import InstallStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.apk import World
    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.stages import Stage

_LINKED = frozenset({LIBRARY.code, IMPLICIT.code})
_RANKS = {"safe": 2, "unsafe": 1, "display": 0}


class _Wish(Struct, frozen=True):
    """A finding that lacks one package in a stage, by its place in the list of findings.

    ``step`` is the install that needs it while it runs, ``None`` for what is needed at the end of the stage.
    """

    number: int
    finding: Finding
    package: str
    need: str
    step: InstallStep | None
    end: World
    has_end: bool

    @property
    def world(self) -> World:
        """The packages that are there when it is needed."""
        return self.step.moment.world if self.step is not None else self.end

    @property
    def rank(self) -> int:
        """How sure the package gets in."""
        return _RANKS[self.finding.fix.applicability] if self.finding.fix is not None else 0


def told_once(subject: Subject, found: Iterable[Finding]) -> Iterator[Finding]:
    """The findings without those that come along with the packages of others, which say so; with their ways out."""
    listed = list(found)
    told = listed
    if len(listed) > 1:
        hopeless = {about.shown for one in listed if one.code == MISMATCH.code for about in one.distributions}
        told = [one for one in listed if not _is_of(hopeless, one)] if hopeless else listed
        told = _smallest(subject, told)
    if any(one.stops_compile for one in told):
        from dockerlint_alpine.checks.remedies import with_remedies

        yield from with_remedies(subject, told)
    else:
        yield from told


def _is_of(hopeless: set[str], finding: Finding) -> bool:
    """Whether it is about what one of these would load, if only it could be compiled."""
    named = finding.distribution
    return finding.traits.topic == "load" and named is not None and named.shown in hopeless


def _smallest(subject: Subject, listed: Sequence[Finding]) -> list[Finding]:
    by_stage: dict[int, list[int]] = {}
    for number, finding in enumerate(listed):
        lacks = finding.traits.topic and finding.traits.purpose is not None
        if lacks and len(finding.packages) == 1 and finding.need is not None and finding.stage is not None:
            by_stage.setdefault(finding.stage.index, []).append(number)
    gone: set[int] = set()
    brought: dict[int, list[Brought]] = {}
    shared: dict[int, Finding] = {}
    for index, numbers in by_stage.items():
        stage = subject.timeline.stages.get(index)
        if stage is None or stage.end is None or len({listed[number].packages for number in numbers}) < 2:
            continue
        wishes = list(_wishes(subject, stage, [(number, listed[number]) for number in numbers]))
        closures: dict[tuple[int, str], World] = {}
        for wish in wishes:
            others = (one for one in wishes if one.number not in gone)
            cause = next((one for one in others if _brings(one, wish, closures)), None)
            if cause is not None:
                gone.add(wish.number)
                also = brought.pop(wish.number, [])
                brought.setdefault(cause.number, []).extend((_as_brought(wish.finding), *also))
        for wish in wishes:
            named = next((one for one in wishes if wish.number not in gone and _is_named_by(one, wish, closures)), None)
            if named is not None:
                shared[wish.number] = _mended_by(wish.finding, named)
    told = [shared.get(number, one) for number, one in enumerate(listed)]
    return [
        replace(one, brought=tuple(brought[number])) if number in brought else one
        for number, one in enumerate(told)
        if number not in gone
    ]


def _is_named_by(cause: _Wish, wish: _Wish, closures: dict[tuple[int, str], World]) -> bool:
    """True where naming the -dev package that a build links (a warning) keeps the library for where it runs (an error):
    both are told, and one package mends both."""
    if cause.finding.code != IMPLICIT.code or wish.finding.traits.topic != "load" or cause.rank < wish.rank:
        return False
    if not _lasts_until(cause, wish):
        return False
    key = (id(wish.world), cause.package)
    if key not in closures:
        closures[key] = wish.world.add(cause.package)
    return closures[key].has(wish.need)


def _mended_by(finding: Finding, cause: _Wish) -> Finding:
    fix = cause.finding.fix
    if fix is None:
        return finding
    return replace(finding, fix=replace(fix, title=f"{fix.title}, which brings {' '.join(finding.packages)}"))


def _wishes(subject: Subject, stage: Stage, findings: Sequence[tuple[int, Finding]]) -> Iterator[_Wish]:
    steps = {locate(subject.dockerfile, one.span): one for one in stage.steps if isinstance(one, InstallStep)}
    end = stage.final.world
    for number, one in findings:
        builds = one.traits.topic in {"compile", "implicit"}
        step = steps.get(one.location) if builds else None
        if builds and step is None:
            continue
        assert one.need is not None
        yield _Wish(number, one, one.packages[0], one.need, step, end, end.has(one.need))


def _brings(cause: _Wish, wish: _Wish, closures: dict[tuple[int, str], World]) -> bool:
    """True where the package of ``cause`` is there in time for ``wish``, and stays, and meets its need."""
    if cause is wish or cause.package == wish.package or cause.rank < wish.rank:
        return False
    if cause.step is None and wish.step is not None:
        return False
    if cause.step is not wish.step and not _lasts_until(cause, wish):
        return False
    if cause.finding.code == IMPLICIT.code or (wish.finding.code in _LINKED and not _same_build(cause, wish)):
        return False
    key = (id(wish.world), cause.package)
    if key not in closures:
        closures[key] = wish.world.add(cause.package)
    if wish.finding.code == IMPLICIT.code:
        return _depends(closures[key], cause.package, wish.package)
    return closures[key].has(wish.need)


def _depends(world: World, first: str, second: str) -> bool:
    """Whether the one package asks for the other: whoever asks for the first means the second, too."""
    asking, asked = world.packages.get(first), world.packages.get(second)
    if asking is None or asked is None:
        return False
    names = {asked.name, *(provide.name for provide in asked.provides)}
    return any(depends.name in names for depends in asking.depends)


def _lasts_until(cause: _Wish, wish: _Wish) -> bool:
    if cause.finding.fix is None or not cause.finding.fix.lasts:
        return False
    if wish.step is None:
        return not wish.has_end  # else it is missing at an earlier moment only, of which nothing is known here
    return cause.step is not None and cause.step.span <= wish.step.span


def _same_build(cause: _Wish, wish: _Wish) -> bool:
    return (
        cause.finding.code == LIBRARY.code
        and cause.finding.distribution == wish.finding.distribution
        and cause.step is wish.step
    )


def _as_brought(finding: Finding) -> Brought:
    return Brought(finding.code, finding.need, finding.packages, finding.distributions)
