"""Sentences and small pieces of text that several formats share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerlint_alpine.report.display import printable
from dockerlint_alpine.report.options import PROGRAM
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.plural import listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.model.findings import Evidence, Finding
    from dockerlint_alpine.model.reports import FileReport, Report

_ORIGIN = lazy_pattern(r"(.+):([1-9]\d*)")


def chain(finding: Finding) -> str:
    """How the distribution got here, ``requirements.txt:9 -> clickhouse-connect -> lz4 4.4.5``; empty without one."""
    distribution = finding.distribution
    if distribution is None:
        return ""
    steps = list(distribution.origin)
    name = f"{distribution.name} {distribution.version}" if distribution.version else distribution.name
    if steps and steps[-1] == distribution.name:
        steps[-1] = name
    else:
        steps.append(name)
    return " -> ".join(steps)


def place_in(origin: Sequence[str]) -> tuple[str, int] | None:
    """Return the file and line (1-based) where a chain of origins leaves files: of several that include each other
    (``-r base.txt``), the last."""
    places = [match for step in origin if (match := _ORIGIN.fullmatch(step))]
    return (places[-1][1], int(places[-1][2])) if places else None


def facts(finding: Finding) -> tuple[Evidence, ...]:
    """Return the evidence that ``chain`` does not already tell: who asks for the distribution is shown there."""
    first, *others = finding.evidence
    return tuple(others) if first.kind == "requirement" and chain(finding) else finding.evidence


def stage(finding: Finding, platforms: Sequence[str] | None = None) -> str:
    """Describe the stage: ``stage 1 (runtime), python:3.11-alpine3.19, linux/amd64``; empty without one.

    The Python is named where the base image's own name does not tell it; ``platforms`` stand for the finding's own.
    """
    named = finding.platforms if platforms is None else platforms
    about = finding.stage
    if about is None:
        return ", ".join(named)
    name = f" ({about.name})" if about.name else ""
    python = (f"Python {about.python}",) if about.python and about.python not in about.base else ()
    return ", ".join((f"stage {about.index}{name}", about.base, *python, *named))


def message(finding: Finding) -> str:
    """Return the message as one line that is safe to show."""
    return printable(finding.message)


def details(finding: Finding) -> tuple[str, ...]:
    """Return the finding in full as plain text, one fact a line: message, chain, evidence, fix."""
    lines = [finding.message]
    if path := chain(finding):
        lines.append(path)
    lines += (f"-> {evidence.detail} [{evidence.kind}]" for evidence in facts(finding))
    if finding.fix:
        lines.append(f"fix ({finding.fix.applicability}): {finding.fix.title}")
    return tuple(map(printable, lines))


def found(report: Report) -> str:
    """Return what was found: ``Found 1 error and 2 warnings in 1 Dockerfile with 2 Alpine stages``.

    It never says that there are no problems where something that may hide one could not be checked.
    """
    counted = ((report.count("error"), "error"), (report.count("warning"), "warning"), (report.count("info"), "note"))
    what = listed(plural(number, word) for number, word in counted if number)
    number = sum(file.stages for file in report.files)
    where = f"in {plural(len(report.files), 'Dockerfile')}"
    if not what and not number and not report.unknown:
        return f"Nothing to check: no Alpine stage {where}" if report.files else "Nothing to check"
    said = f"Found {what}" if what else f"No {'new ' if report.left_out else ''}problems found"
    if not what and report.unknown:
        said, where = f"{said} in what could be checked", f"of {where.removeprefix('in ')}"
    return f"{said} {where} with {plural(number, 'Alpine stage')}"


def unchecked(report: Report) -> list[tuple[str, list[str]]]:
    """Return what could not be checked, and the remarks: title and entries, each thing once with its places."""
    unknown = _by_text(
        (f"{finding.code} {said}", f"{file.path}:{finding.location.line}")
        for (file, finding), said in _of_one_kind(
            (file, finding) for file in report.files for finding in file.findings if finding.could_not_judge
        )
    )
    notes = [(note, file.path) for file in report.files for note in file.notes]
    remarks = [(remark.message, remark.path) for remark in report.remarks]
    sections = (("Could not be checked", unknown), ("Good to know", _by_text((*notes, *remarks))))
    return [(title, entries) for title, entries in sections if entries]


_LIST = r"(?P<names>\S+(?:, \S+)*(?: and (?:\d+ more|\S+))?)"
_ONLY_WHEELS = "only wheels are allowed (--only-binary), and none of "
_ALIKE = tuple(
    (lazy_pattern(pattern), of_several)
    for pattern, of_several in (
        (rf"(?!what ){_LIST} (?:is|are) (?P<said>not known offline.*)", "{names} are {said}"),
        (rf"(?!what ){_LIST} (?:is|are) (?P<said>compiled, and what the build needs .*)", "{names} are {said}"),
        (rf"what {_LIST} requires (?P<said>is not known .*)", "what {names} require {said}"),
        (rf"what {_LIST} adds (?P<said>is not known .*)", "what {names} add {said}"),
        (rf"base image {_LIST} is (?P<said>not known: .*)", "base image {names} are {said}"),
        (rf"the Alpine release of {_LIST} is (?P<said>not known: .*)", "the Alpine release of {names} is {said}"),
        (rf"requirements file {_LIST} (?P<said>can't be read: no COPY or ADD .*)", "requirements file {names} {said}"),
        (r"unknown instruction: (?P<names>\S+)(?P<said>)", "unknown instruction: {names}"),
        (
            rf"(?P<names>\S+): {re.escape(_ONLY_WHEELS)}\S+ fits (?P<said>.*)",
            f"{_ONLY_WHEELS}{{names}} fits {{said}}",
        ),
        (
            r"(?P<names>\S+): (?P<who>\S+) asks for one exact version of \S+, which (?P<said>is not recorded.*)",
            "{who} asks for exact versions of {names}, which {said}",
        ),
        (r"(?P<names>\S+): \S.* needs Python [^ ]+, this is (?P<said>.*)", "{names} need another Python than {said}"),
    )
)
"""Messages in which only names differ, and how they are told in one sentence."""

_NAMES = 8


def _of_one_kind(found: Iterable[tuple[FileReport, Finding]]) -> list[tuple[tuple[FileReport, Finding], str]]:
    """Return each with its message; where only the names differ, that is the one message about all of them."""
    listed = [(one, _alike(one[1].message)) for one in found]
    names: dict[tuple[str, str, str], dict[str, None]] = {}
    for _, alike in listed:
        if alike is not None:
            names.setdefault(alike[1:], {}).update(dict.fromkeys(alike[0]))
    return [
        (one, one[1].message if alike is None else _of_all(one[1].message, list(names[alike[1:]]), *alike[1:]))
        for one, alike in listed
    ]


def _alike(message: str) -> tuple[list[str], str, str, str] | None:
    """The names in a message, how several are told of, and what is the same in all that are like it: who asks for them
    (else empty) and what is said."""
    for pattern, of_several in _ALIKE:
        if match := pattern.fullmatch(message):
            found = match.groupdict("")
            return re.split(", | and ", found["names"]), of_several, found.get("who", ""), found["said"]
    return None


def _of_all(message: str, names: Sequence[str], of_several: str, who: str, said: str) -> str:
    return of_several.format(names=listed(names, _NAMES), who=who, said=said) if len(names) > 1 else message


_PLACES = 2
"""Places of one entry that are named; the rest is counted."""


def _by_text(said: Iterable[tuple[str, str]]) -> list[str]:
    """``PLACE: TEXT`` for one place, ``TEXT (PLACE, PLACE and 16 more)`` for several."""
    places: dict[str, dict[str, None]] = {}
    for text, place in said:
        places.setdefault(text, {})[place] = None
    return [
        f"{text} ({listed(found_at, _PLACES + 1)})" if len(found_at) > 1 else f"{next(iter(found_at))}: {text}"
        for text, found_at in places.items()
    ]


def summary(report: Report, *, show_fix_hint: bool) -> tuple[str, ...]:
    """Sum up: found, fixable, left out, not checked, skipped, not read. Never claims to have checked what was not."""
    # Of files that were not read nothing was found: saying so would sound like all is well.
    lines = [f"{found(report)}."] if report.files or not report.errors else []
    unsafe = sum(1 for finding in report.findings if finding.fix and finding.fix.applicability == "unsafe")
    if report.fixable:
        with_command = f" with `{PROGRAM} fix`" if show_fix_hint else ""
        lines.append(f"{report.fixable} fixable{with_command}.")
    if unsafe:
        how = f"`{PROGRAM} fix --unsafe-fixes`" if show_fix_hint else "--unsafe-fixes"
        lines.append(f"{unsafe} {'more ' if report.fixable else ''}fixable with {how}.")
    lines += (f"{one}." for one in report.left_out)
    if report.unknown:
        lines.append(f"{plural(report.unknown, 'item')} could not be checked.")
    if skipped := sum(file.not_alpine for file in report.files):
        lines.append(f"{plural(skipped, 'stage')} skipped: not Alpine.")
    for writing, what in ((False, "read"), (True, "written")):
        if count := sum(error.writing == writing for error in report.errors):
            lines.append(f"{plural(count, 'file')} could not be {what}.")
    return tuple(lines)
