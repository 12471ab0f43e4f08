"""Causes: findings of one instruction with a common cause, as the formats for people show them.

A run that compiles eight distributions without a compiler is one cause with one remedy, however many findings it is. The
findings themselves stay as they are; JSON has both.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.model.findings import CONFIDENCES, SEVERITIES
from dockerlint_alpine.model.grouping import about, grouped
from dockerlint_alpine.report.display import printable
from dockerlint_alpine.report.wording import chain, details
from dockerlint_alpine.system.plural import listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.model.findings import (
        Confidence,
        DistributionRef,
        Finding,
        Fix,
        Location,
        Remedy,
        Severity,
        StageRef,
    )
    from dockerlint_alpine.model.reports import FileReport

_NAMED = 6
"""Distributions that are named in one line; the rest is counted."""

_MANY = 5
"""So many of the distributions are counted beside a package, and not named."""

_GISTS = 4
"""Reasons that are told; all of them are in the proof."""


class Row(Struct, frozen=True):
    """Packages, for whom they are, and what there is to say beside it."""

    packages: tuple[str, ...]
    whom: str
    note: str = ""


class Cause(Struct, frozen=True):
    """Findings that belong together, in the order of the report; mostly it is one. ``numbers`` are their places there."""

    findings: tuple[Finding, ...]
    numbers: tuple[int, ...]

    @property
    def lead(self) -> Finding:
        """The first of the gravest; where something is compiled, one that is about that."""
        return min(self.findings, key=lambda one: (one.traits.topic != "compile", SEVERITIES.index(one.severity)))

    @property
    def severity(self) -> Severity:
        """The severity of the most severe finding."""
        return min((one.severity for one in self.findings), key=SEVERITIES.index)

    @property
    def confidence(self) -> Confidence:
        """How sure the surest finding is."""
        return min((one.confidence for one in self.findings), key=CONFIDENCES.index)

    @property
    def location(self) -> Location:
        """The place of the findings, or where what they are about is compiled."""
        return self.lead.location

    @property
    def stage(self) -> StageRef | None:
        """The stage of all of them."""
        return self.lead.stage

    @property
    def platforms(self) -> tuple[str, ...]:
        """Every platform that one of them is about."""
        return tuple(dict.fromkeys(platform for one in self.findings for platform in one.platforms))

    @property
    def codes(self) -> tuple[str, ...]:
        """Their codes, the gravest first, each once."""
        ordered = sorted(self.findings, key=lambda one: (SEVERITIES.index(one.severity), one.code))
        return tuple(dict.fromkeys(one.code for one in ordered))

    @property
    def distributions(self) -> tuple[DistributionRef, ...]:
        """The distributions that the findings are about, each once."""
        found: dict[str, DistributionRef] = {}
        for one in self.findings:
            for distribution in (*about(one), *(each for also in one.brought for each in also.distributions)):
                found.setdefault(distribution.shown, distribution)
        return tuple(found.values())

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that are asked for, each once, in order."""
        return tuple(sorted({package for one in self.findings for package in one.packages}))

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """Their fixes, each once: several may have the same."""
        return tuple(dict.fromkeys(one.fix for one in self.findings if one.fix is not None))

    def fixes_of(self, applicability: str) -> tuple[Fix, ...]:
        """The fixes of this applicability (``safe``, ``unsafe`` or ``display``)."""
        return tuple(fix for fix in self.fixes if fix.applicability == applicability)

    @property
    def offers(self) -> tuple[Fix, ...]:
        """What can be written, for who takes one at a time: all that is safe as one fix, and what is not as another."""
        from dockerlint_alpine.report.preview import joined

        sets = ([fix for fix in self.fixes_of(safety) if fix.edits] for safety in ("safe", "unsafe"))
        return tuple(replace(joined(fixes), title="; ".join(titles(fixes))) for fixes in sets if fixes)

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """The ways out, the best first."""
        return tuple(dict.fromkeys(remedy for one in self.findings for remedy in one.remedies))

    @property
    def better(self) -> tuple[Remedy, ...]:
        """The ways out that avoid the compile, and so come before packages for it."""
        return tuple(one for one in self.remedies if one.kind != "stage")

    @property
    def besides(self) -> tuple[Remedy, ...]:
        """The ways out that need the same packages in another stage."""
        return tuple(one for one in self.remedies if one.kind == "stage")

    @property
    def headline(self) -> str:
        """What is wrong, in one sentence."""
        said_once = len({one.message for one in self.findings}) == 1
        return self.lead.message if said_once else _HEADLINES[self.lead.traits.topic](self)

    def as_one(self) -> Finding:
        """One finding that stands for all of them, for who can show only one at a place; with one fix that does what their
        safe ones do."""
        if len(self.findings) == 1:
            return self.lead
        fix = next(iter((*self.offers, *self.fixes)), None)
        evidence = tuple(dict.fromkeys(one for finding in self.findings for one in finding.evidence))
        return replace(
            self.lead,
            severity=self.severity,
            confidence=self.confidence,
            message=self.headline,
            evidence=evidence,
            platforms=self.platforms,
            packages=self.packages,
            distributions=self.distributions,
            remedies=self.remedies,
            fix=fix,
        )

    @property
    def why(self) -> tuple[str, ...]:
        """What brings it about, in as few lines as will do."""
        return tuple(_why(self))

    @property
    def rows(self) -> tuple[Row, ...]:
        """Which package is for whom; nothing where the headline says it already."""
        said_once = len({one.message for one in self.findings}) == 1
        return () if said_once and not self.lead.brought else tuple(_rows(self))

    @property
    def stuck(self) -> tuple[str, ...]:
        """What no package helps, in a sentence each, where the headline does not say it."""
        if len(self.findings) == 1:
            return ()
        helpless = (one for one in self.findings if not one.packages and one.severity != "info")
        return tuple(dict.fromkeys(_helpless(one) for one in helpless))


def told(cause: Cause) -> tuple[str, ...]:
    """A cause in full as plain text, one fact a line: what, why, the ways out, what is for whom, what is written."""
    if len(cause.findings) == 1:
        first, *others = details(cause.lead)
        lines = [first, *map(_way, cause.remedies), *others]
    else:
        lines = [cause.headline, *cause.why, *map(_way, cause.remedies)]
        lines += (
            f"add {' '.join(row.packages)}: {row.whom}{f' ({row.note})' if row.note else ''}" for row in cause.rows
        )
        lines += cause.stuck
        for safety in ("safe", "unsafe", "display"):
            lines += (f"fix ({safety}): {title}" for title in titles(cause.fixes_of(safety)))
    return tuple(map(printable, lines))


def titles(fixes: Iterable[Fix]) -> list[str]:
    """What fixes do, in one sentence where they add to one list."""
    lists: dict[str, list[Fix]] = {}
    for fix in fixes:
        lists.setdefault(fix.where if fix.adds and fix.where.startswith("the ") else fix.title, []).append(fix)
    told: list[str] = []
    for where, same in lists.items():
        adds = sorted({package for fix in same for package in fix.adds})
        told.append(f"add {' '.join(adds)} to {where}" if len(same) > 1 and adds else same[0].title)
    return told


def _way(remedy: Remedy) -> str:
    return f"{'or' if remedy.kind == 'stage' else 'better'}: {remedy.told}"


def causes(findings: Sequence[Finding]) -> tuple[Cause, ...]:
    """The findings of one file by cause, in the order of the first of each."""
    return tuple(Cause(tuple(findings[number] for number in sorted(numbers)), numbers) for numbers in grouped(findings))


def identified(file: FileReport, path: str = "") -> tuple[tuple[Cause, str], ...]:
    """The causes of a file, each with an identity that survives edits elsewhere: that of its finding, or of all of them.

    ``path`` names the file where its host has another name for it.
    """
    from dockerlint_alpine.report.fingerprint import digest, fingerprints

    identities = fingerprints(file, path)
    return tuple(
        (
            one,
            identities[one.numbers[0]]
            if len(one.numbers) == 1
            else digest(*sorted(identities[n] for n in one.numbers)),
        )
        for one in causes(file.findings)
    )


def place_name(stage: StageRef | None) -> str:
    """The stage in a sentence: ``stage 'builder'`` or ``stage 2``; the first without a name is ``this stage``."""
    if stage is None or not (stage.name or stage.index):
        return "this stage"
    return f"stage {stage.name!r}" if stage.name else f"stage {stage.index}"


def _who(distributions: Sequence[DistributionRef]) -> str:
    """``lz4 4.4.5 and redis``, or how many they are, with what all of them come from where that is one distribution."""
    if len(distributions) < 3:
        return listed((one.shown for one in distributions), _NAMED)
    roots = {one.origin[:2] for one in distributions if len(one.origin) > 1}
    (root,) = roots if len(roots) == 1 else ((),)
    from_one = len(root) == 2 and not any(char in root[1] for char in ":/")
    return f"{root[1]}: {len(distributions)} distributions" if from_one else f"{len(distributions)} distributions"


def _compiled(cause: Cause) -> str:
    everyone = cause.distributions
    said = f"{_who(everyone)} {'is' if len(everyone) == 1 else 'are'} compiled"
    build = [one for one in cause.findings if one.stops_compile]
    if not build:
        made = [one.need for one in cause.findings if one.need]
        return f"{said}; {listed(made, _NAMED)} {'has a wheel' if len(made) == 1 else 'have wheels'}" if made else said
    asked = {package for one in build for package in one.packages}
    kept = {package for one in cause.findings if one not in build for package in one.packages}
    parts = [f"{plural(len(asked), 'package')} for that {'is' if len(asked) == 1 else 'are'} missing"] if asked else []
    parts += [f"{plural(len(kept), 'package')} where {'it runs' if len(everyone) == 1 else 'they run'}"] if kept else []
    hopeless = {one.distribution for one in build if not one.packages} - {None}
    if hopeless:
        parts.append(
            f"no package helps {len(hopeless)} of them" if len(hopeless) < len(everyone) else "no package helps"
        )
    return f"{said} here and {parts[0]}" if len(parts) == 1 else f"{said} here, {listed(parts)}"


def _implicit(cause: Cause) -> str:
    links = f"link{'s' if len(cause.distributions) == 1 else ''} {plural(len(cause.findings), 'library')}"
    return (
        f"{_who(cause.distributions)} {links} in {place_name(cause.stage)} only because other packages pull them in:"
        f" add {' '.join(cause.packages)}"
    )


def _loaded(cause: Cause) -> str:
    needs = {one.need for one in cause.findings}
    what = "library" if all((need or "").startswith("so:") for need in needs) else "thing"
    verb = "needs" if len(cause.distributions) == 1 else "need"
    gone = {one.code for one in cause.findings} == {"AD202"}
    where = "that `apk del` removes" if gone else f"that {place_name(cause.stage)} does not have"
    add = f": add {' '.join(cause.packages)}" if cause.packages else ""
    return f"{_who(cause.distributions)} {verb} {plural(len(needs), what)} {where}{add}"


def _started(cause: Cause) -> str:
    add = f": add {' '.join(cause.packages)}" if cause.packages else ""
    return f"{len(cause.findings)} programs that are started here are not in {place_name(cause.stage)}{add}"


_HEADLINES = {"compile": _compiled, "implicit": _implicit, "load": _loaded, "start": _started}


def _helpless(finding: Finding) -> str:
    """Why no package helps one of several distributions."""
    gists = [one.gist for one in finding.evidence if one.gist and one.kind != "wheel"]
    if finding.distribution is None or not gists:
        return finding.message
    return f"{finding.distribution.shown}: {' and '.join(gists)}"


def _why(cause: Cause) -> Iterator[str]:
    everyone = cause.distributions
    if len(everyone) == 1 and (path := chain(cause.lead)).count(" -> ") > (1 if _asked_here(cause) else 0):
        yield path
    reasons: dict[str, list[str]] = {}
    for one in everyone:
        if one.compiled:
            reasons.setdefault(one.compiled, []).append(one.shown)
    for reason, names in reasons.items():
        yield f"{reason}: {listed(names, _NAMED)}"
    gists = [
        evidence.gist
        for one in cause.findings
        if one.traits.topic == cause.lead.traits.topic != "start" and (one.packages or len(cause.findings) == 1)
        for evidence in one.evidence
        if evidence.gist and not (evidence.kind == "wheel" and reasons)
    ]
    told = list(dict.fromkeys(gists))
    yield from told[:_GISTS]
    if len(told) > _GISTS:
        yield f"and {len(told) - _GISTS} more reasons"


def _asked_here(cause: Cause) -> bool:
    """Whether the first step of the chain is the very line that is shown."""
    origin = cause.lead.distribution.origin if cause.lead.distribution is not None else ()
    return bool(origin) and origin[0].rpartition(":")[2] == str(cause.location.line)


def _rows(cause: Cause) -> Iterator[Row]:
    """A row for all packages that are for the same distributions, the one for most of them first."""
    everyone = cause.distributions
    users: dict[tuple[tuple[str, ...], str, str], list[DistributionRef]] = {}
    for one in sorted(cause.findings, key=lambda one: one.traits.topic != cause.lead.traits.topic):
        if one.packages:
            purpose = _purpose(one) if len(everyone) == 1 or one.traits.topic == "start" else ""
            users.setdefault((one.packages, _note(one, cause, everyone), purpose), []).extend(about(one))
    rows: dict[tuple[str, str], list[str]] = {}
    sizes: dict[tuple[str, str], int] = {}
    for (packages, note, purpose), some in users.items():
        whom = list(dict.fromkeys(some))
        key = (purpose or _whom(whom, everyone), note)
        rows.setdefault(key, []).extend(packages)
        sizes[key] = len(whom)
    for key in sorted(rows, key=lambda key: -sizes[key]):
        yield Row(tuple(sorted(set(rows[key]))), *key)


def _whom(some: Sequence[DistributionRef], everyone: Sequence[DistributionRef]) -> str:
    names = {one.shown: one.name for one in some}  # one distribution may have come in several ways
    if len(names) == len(everyone) > 1:
        return "both" if len(everyone) == 2 else f"all {len(everyone)}"
    return listed(dict.fromkeys(names.values())) if len(names) < _MANY else f"{len(names)} of {len(everyone)}"


def _purpose(finding: Finding) -> str:
    """What its packages are for, where there is one distribution: a compiler, or what is looked for by name; or the program
    that is started and where, unless the line says that."""
    if finding.traits.topic == "start":
        return next((one.gist for one in finding.evidence if one.gist), "")
    kind, _, name = (finding.need or "").rpartition(":")
    if finding.code == "AD102":
        return "to compile it"
    if finding.traits.topic == "load":
        return f"{name} where it runs"
    return name if kind else next((one.name for one in about(finding)), name)


def _note(finding: Finding, cause: Cause, everyone: Sequence[DistributionRef]) -> str:
    """What comes along, and how sure it is where that is less than the rest."""
    notes: list[str] = []
    if finding.traits.topic == "load" and cause.lead.traits.topic == "compile" and len(everyone) > 1:
        notes.append("where it runs")
    # What runs finds what the build brings: nobody asks about that.
    brought = [also.packages for also in finding.brought if also.code[:3] == finding.code[:3]]
    if brought:
        notes.append(f"brings {listed(dict.fromkeys(itertools.chain(*brought)), _NAMED)}")
    if finding.confidence != cause.confidence:
        notes.append(finding.confidence)
    if set(finding.platforms) != set(cause.platforms):
        notes.append(f"only {listed(finding.platforms)}")
    return ", ".join(notes)
