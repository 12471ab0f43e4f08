"""Applies fixes until none is left: each round applies those that don't conflict, then checks again.

So a fix is never applied to text that it was not made for, and two fixes that want the same list become one edit. A fix
whose finding is still there afterwards is taken back: it settles nothing, and the next run would make it again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.fixer import new_run
from dockerlint_alpine.model.findings import Evidence, Finding, Fix, Key, TextEdit, key_of, united
from dockerlint_alpine.model.grouping import grouped
from dockerlint_alpine.model.lining_up import lined_up
from dockerlint_alpine.syntax import Edit, apply_edits, parse
from dockerlint_alpine.syntax.ordering import package_name
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.model.reports import FileReport

MAX_ROUNDS = 100
_MAX_TRIES = 3
"""A fix whose finding comes back so many times does not help: it is left alone, like all after ``MAX_ROUNDS``."""

_ONE_MEMBER = lazy_pattern(r"""[\s\\`"',]*([^\s\\`"',]+)[\s\\`"',]*""")
"""One name and what separates it from its neighbours."""

_DELETION = lazy_pattern(r"\bapk\b[^;&|]*\bdel\b")
_OPERANDS = lazy_pattern(rb"\bapk\b(?:[^;&|\n\\]|\\[\s\S])*?\bdel\b((?:[^;&|\n\\]|\\[\s\S])*)")
"""What is deleted, in the bytes of the file: the places of edits are bytes."""
_VIRTUAL = lazy_pattern(rb"\s(?:-t|--virtual)\b")

Texts: TypeAlias = Mapping[str, bytes]
"""Other files than the Dockerfile, by path as findings name them."""

Judge: TypeAlias = Callable[[bytes, Texts], "FileReport"]
"""Judges the bytes of a Dockerfile, with these files in place of those on disk."""


Preference: TypeAlias = Literal["", "wheel", "packages"]
"""Which way out of a compile to take: one that leads to a wheel, or packages for compiling. Without any, packages, and with
unsafe fixes a wheel where packages don't help."""


class Proposal(Struct, frozen=True):
    """What is on offer for the findings of one cause: each with the fix that mends it, and the file (``None``: the
    Dockerfile) with its bytes before and after.

    ``others`` are the other ways out that can be written, the best first.
    """

    pairs: tuple[tuple[Finding, Fix], ...]
    changes: tuple[tuple[str | None, bytes, bytes], ...]
    others: tuple[Proposal, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that would be fixed."""
        return tuple(finding for finding, _ in self.pairs)

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """The fixes that would be applied, each once."""
        return tuple(dict.fromkeys(fix for _, fix in self.pairs))


Accept: TypeAlias = Callable[[Proposal], "bool | Proposal"]
"""Says whether fixes are made, or which of the other ways is taken instead."""


class Mended(Struct, frozen=True):
    """The end of all rounds: the new bytes, of other files too, what was applied, and what each judge says now.

    ``unsettled`` are the keys of findings whose fixes were tried and did not help.
    """

    new: bytes
    others: Texts
    applied: tuple[Finding, ...]
    left: tuple[FileReport, ...]
    unsettled: frozenset[Key] = frozenset()


def apply_fixes(
    judges: Sequence[Judge],
    data: bytes,
    *,
    unsafe: bool,
    read: Callable[[str], bytes | None],
    others: Texts | None = None,
    accept: Accept | None = None,
    prefer: Preference = "",
) -> Mended:
    """Fix ``data`` for all ``judges`` at once (builds of one Dockerfile with different arguments).

    ``read`` gives the bytes of another file, ``None`` where it may not be changed; ``others`` are those that earlier
    fixes have changed. ``accept`` is asked about each cause; without it all are taken, as ``prefer`` says. A way that does
    not help is given up for the next one.
    """
    texts = dict(others or {})
    applied: dict[Key, Finding] = {}
    tries: Counter[Key] = Counter()
    declined: set[Key] = set()
    unsettled: set[Key] = set()
    given_up: set[tuple[TextEdit, ...]] = set()
    reports = tuple(judge(data, texts) for judge in judges)
    for _ in range(MAX_ROUNDS):
        found = merged(reports).findings
        wanted = [one for one in found if key_of(one) not in declined | unsettled and tries[key_of(one)] < _MAX_TRIES]
        chosen = compatible(wanted, unsafe=unsafe, prefer=prefer, given_up=given_up)
        chosen = [(one, fix) for one, fix in chosen if _load(fix, texts, read)]
        if not chosen:
            break
        if accept is not None:
            chosen = _accepted(chosen, found, data, texts, accept, declined, partial(_load, texts=texts, read=read))
            if not chosen:
                continue
        known = Counter(map(key_of, found))
        while chosen:
            changed = _applied([fix for _, fix in chosen], data, texts)
            after = tuple(judge(*changed) for judge in judges)
            left = Counter(map(key_of, merged(after).findings))
            useless = {key for finding, _ in chosen if left[key := key_of(finding)] >= known[key]}
            blind = _unchecked(after) > _unchecked(reports)
            refuted = _refuted(chosen, useless, all_of_them=blind)
            if not useless and not refuted:
                data, texts = changed
                reports = after
                unsettled.clear()  # on another text they may help
                break
            given_up |= refuted
            unsettled |= useless
            kept = [(one, fix) for one, fix in chosen if key_of(one) not in useless and fix.edits not in refuted]
            gone = _packages(finding for finding, _ in chosen) - _packages(finding for finding, _ in kept)
            chosen = [(finding, new_run.without(fix, gone)) for finding, fix in kept]
        for finding, fix in chosen:
            applied.setdefault(key_of(finding), replace(finding, fix=fix))
            tries[key_of(finding)] += 1
    return Mended(data, texts, tuple(applied.values()), reports, frozenset(unsettled))


def _unchecked(reports: Sequence[FileReport]) -> int:
    """How much could not be checked: what no longer resolves has no findings, and is no better for that."""
    return sum(one.could_not_judge for one in merged(reports).findings)


def _refuted(
    chosen: Sequence[tuple[Finding, Fix]], useless: set[Key], *, all_of_them: bool = False
) -> set[tuple[TextEdit, ...]]:
    """The edits of the ways out that rid none of their findings, or of ``all_of_them``. What a way leaves over is mended in
    the next round: it is taken out of ``useless``."""
    ways: dict[tuple[TextEdit, ...], set[Key]] = {}
    for finding, fix in chosen:
        if fix in _ways(finding):
            ways.setdefault(fix.edits, set()).add(key_of(finding))
    refuted = {edits for edits, keys in ways.items() if all_of_them or keys <= useless}
    for keys in ways.values():
        useless -= keys
    return refuted


def without_useless(report: FileReport, unsettled: frozenset[Key]) -> FileReport:
    """A report in which the fixes of ``unsettled`` findings are not offered: each says why, and what to do by hand."""
    if not unsettled:
        return report
    useless = [one.fix is not None and bool(one.fix.edits) and key_of(one) in unsettled for one in report.findings]
    kept = [one for one, is_useless in zip(report.findings, useless, strict=True) if not is_useless]
    others = iter(new_run.of_kept(report.findings, kept))
    findings = (
        _by_hand(one, report.source) if is_useless else next(others)
        for one, is_useless in zip(report.findings, useless, strict=True)
    )
    return replace(report, findings=tuple(findings))


def _packages(findings: Iterable[Finding]) -> set[str]:
    return {package for finding in findings for package in finding.packages}


def _by_hand(finding: Finding, source: bytes) -> Finding:
    names = " and ".join(finding.packages) or "what is missing"
    line = _deleted_in(source, finding)
    if line is not None:
        why = f"adding {names} to a list does not help: `apk del` in line {line} removes it before it is needed"
        advice = f"install {names} again after the `apk del` in line {line}, or delete it later"
    else:
        why = f"adding {names} to a list does not help: it would still be missing"
        advice = f"make sure that {names} is installed in line {finding.location.line}"
    evidence = (*finding.evidence, Evidence("dockerfile", why))
    return replace(finding, evidence=evidence, fix=Fix(advice, "display", ()))


def _deleted_in(source: bytes, finding: Finding) -> int | None:
    """The line of the ``apk del`` that takes the packages of a finding away, as far as the text tells."""
    names = "|".join(map(re.escape, finding.packages))
    named = re.compile(rf"\bapk\b[^;&|]*\bdel\b[^;&|]*(?<![\w.+-])(?:{names})(?![\w.+-])")
    found = [one for one in parse(source).instructions if one.line <= finding.location.end_line]
    for pattern in (named, _DELETION):
        for one in reversed(found):
            if pattern.search(one.value):
                return one.line
    return None


def may_be_undone(finding: Finding, source: bytes) -> bool:
    """Whether anything may take away again what the safe fix of a finding adds, before it has served.

    What serves a build has served at the end of the finding's place; what serves at run time must stay. An ``apk del``
    takes away what it names, and the virtual package that the fix adds to.
    """
    fix = finding.fix
    if fix is None or fix.applicability != "safe" or b"del" not in source:
        return False
    own = [edit.start for edit in fix.edits if edit.path is None]
    if len(own) != len(fix.edits) or not own or finding.traits.purpose is None or finding.traits.phase > 0:
        return True
    start, end = min(own), len(source)
    if finding.traits.purpose == "build":
        lines = source.split(b"\n", finding.location.end_line)[: finding.location.end_line - 1]
        end = sum(len(line) + 1 for line in lines) + finding.location.end_column - 1
    if start >= end:
        return True
    deleted = [match[1].replace(b"\\\n", b" ").split() for match in _OPERANDS.finditer(source, start, end)]
    if not deleted:
        return False
    list_before = source[max(source.rfind(b"apk", 0, start), 0) : start]
    named = {word for words in deleted for word in words}
    unclear = any(not words for words in deleted) or any(set(word) & set(b"$*`\"'") for word in named)
    return (
        unclear or _VIRTUAL.search(list_before) is not None or not named.isdisjoint(map(str.encode, finding.packages))
    )


def merged(reports: Sequence[FileReport]) -> FileReport:
    """One report on one Dockerfile from those on its builds: each thing is said once."""
    first, *rest = reports
    if not rest:
        return first
    findings = united(new_run.joined([finding for report in reports for finding in report.findings]))
    return replace(
        first,
        findings=tuple(sorted(findings, key=lambda one: (one.location.line, one.location.column, one.code))),
        unknown=max(report.unknown for report in reports),
        notes=tuple(dict.fromkeys(note for report in reports for note in report.notes)),
    )


def compatible(
    findings: Sequence[Finding],
    *,
    unsafe: bool,
    prefer: Preference = "",
    given_up: Collection[tuple[TextEdit, ...]] = (),
) -> list[tuple[Finding, Fix]]:
    """Fixes that may be applied together: no two of them touch the same place, but several may add to one list.

    What lacks comes before what is superfluous. Findings that one way out mends are mended by it together; those in
    ``given_up`` are no longer tried.
    """
    chosen: list[tuple[Finding, Fix]] = []
    taken: list[TextEdit] = []
    ways: set[tuple[TextEdit, ...]] = set()
    for finding in findings:
        stuck = unsafe and not prefer and finding.traits.topic == "compile" and not _applicable(finding, unsafe=True)
        open_ways = (way.edits for way in _ways(finding) if way.edits not in given_up)
        if prefer == "wheel" or stuck:
            ways.update([edits] if (edits := next(open_ways, None)) is not None else [])
    wanted: list[tuple[Finding, Fix]] = []
    for finding in findings:
        fix = next((way for way in _ways(finding) if way.edits in ways), None) or _applicable(finding, unsafe=unsafe)
        wanted += [(finding, fix)] if fix is not None else []
    if ways:  # what a wheel brings about is seen first: it may need nothing where it runs
        wanted = [(finding, fix) for finding, fix in wanted if fix.edits in ways]
    wanted.sort(key=lambda one: one[0].traits.purpose == "runtime")  # a build comes first, and is asked about first
    first = min((finding.traits.phase for finding, _ in wanted), default=0)
    for finding, fix in wanted:
        if finding.traits.phase == first and all(_agree(edit, other) for edit in fix.edits for other in taken):
            taken.extend(fix.edits)
            chosen.append((finding, fix))
    return chosen


def _ways(finding: Finding) -> tuple[Fix, ...]:
    """The ways out besides its fix that can be written, the best first."""
    return tuple(remedy.fix for remedy in finding.remedies if remedy.fix is not None and remedy.fix.edits)


def _applicable(finding: Finding, *, unsafe: bool) -> Fix | None:
    fix = finding.fix
    if fix is None or not fix.edits:
        return None
    return fix if fix.applicability == "safe" or (unsafe and fix.applicability == "unsafe") else None


def _agree(edit: TextEdit, other: TextEdit) -> bool:
    """True for edits of different places, for the same edit twice, and for two names that join one list."""
    if edit.path != other.path or edit.end < other.start or other.end < edit.start or edit == other:
        return True
    if not edit.start == edit.end == other.start == other.end:
        return False
    if all(_ONE_MEMBER.fullmatch(one.text) for one in (edit, other)):
        return True
    framed = new_run.frame(edit.text)
    return framed is not None and framed == new_run.frame(other.text)


def _load(fix: Fix, texts: dict[str, bytes], read: Callable[[str], bytes | None]) -> bool:
    """Bring the other files that a fix edits into ``texts``; false where one may not be changed."""
    for path in {edit.path for edit in fix.edits} - {None, *texts}:
        assert path is not None
        data = read(path)
        if data is None:
            return False
        texts[path] = data
    return True


def _accepted(
    chosen: Sequence[tuple[Finding, Fix]],
    found: Sequence[Finding],
    data: bytes,
    texts: Texts,
    accept: Accept,
    declined: set[Key],
    at_hand: Callable[[Fix], bool],
) -> list[tuple[Finding, Fix]]:
    """Those that the user takes of ``chosen``, by cause; ``found`` is all that was found, ``at_hand`` makes
    sure that the files of a fix can be changed. The same edits are asked about
    once, and a new instruction that serves several causes has of each what is taken."""
    taken: list[tuple[Finding, Fix]] = []
    answers: dict[tuple[TextEdit, ...], bool] = {}
    ways: set[Fix] = set()
    for numbers in grouped([finding for finding, _ in chosen]):
        asked: list[tuple[Finding, Fix]] = []
        for one in _parted(found, [chosen[number] for number in numbers]):
            answer = answers.get(one[1].edits)
            if answer or any(way in ways for way in _ways(one[0])):
                taken.append(one)
            elif answer is None:
                asked.append(one)
            else:
                declined.add(key_of(one[0]))
        if not asked:
            continue
        reply = accept(_proposal(asked, found, data, texts, at_hand))
        if isinstance(reply, Proposal):
            taken += reply.pairs
            ways.update(fix for finding, fix in reply.pairs if fix in _ways(finding))
            if ways:  # what is left then is asked about anew
                break
        elif reply:
            taken += asked
        else:
            declined.update(key_of(finding) for finding, _ in asked)
        if isinstance(reply, bool):
            answers |= {fix.edits: reply for _, fix in asked}
    # Who is mended by a way that was chosen only now needs no other fix.
    return [(one, next((way for way in _ways(one) if way in ways), fix)) for one, fix in taken]


def _parted(found: Sequence[Finding], pairs: Sequence[tuple[Finding, Fix]]) -> list[tuple[Finding, Fix]]:
    """The same without what their fixes add for others of ``found`` alone."""
    kept = new_run.of_kept(found, [replace(finding, fix=fix) for finding, fix in pairs if fix == finding.fix])
    own = {key_of(one): one.fix for one in kept}
    return [(finding, own.get(key_of(finding)) or fix if fix == finding.fix else fix) for finding, fix in pairs]


def _proposal(
    pairs: Sequence[tuple[Finding, Fix]],
    found: Sequence[Finding],
    data: bytes,
    texts: Texts,
    at_hand: Callable[[Fix], bool],
) -> Proposal:
    """The proposal to mend findings of one cause, with the other ways to do it."""
    findings = [finding for finding, _ in pairs]
    ways = dict.fromkeys(way for finding in findings for way in _ways(finding))
    packages = [(one, one.fix) for one in findings if one.fix is not None and one.fix.edits and at_hand(one.fix)]
    offers = [[(one, way) for one in findings if way in _ways(one)] for way in ways if at_hand(way)]
    offers += [_parted(found, packages)] if packages else []
    others = tuple(_offer(offer, data, texts) for offer in offers if not set(offer) & set(pairs))
    return replace(_offer(pairs, data, texts), others=others)


def _offer(pairs: Sequence[tuple[Finding, Fix]], data: bytes, texts: Texts) -> Proposal:
    new, files = _applied([fix for _, fix in pairs], data, texts)
    changes = [(None, data, new), *((path, texts[path], files[path]) for path in texts)]
    return Proposal(tuple(pairs), tuple(change for change in changes if change[1] != change[2]))


def _applied(fixes: Sequence[Fix], data: bytes, texts: Texts) -> tuple[bytes, dict[str, bytes]]:
    """The Dockerfile and the other files after these fixes. Names that join a list at one place come in order."""
    by_path: dict[str | None, set[TextEdit]] = {}
    for fix in fixes:
        for edit in fix.edits:
            by_path.setdefault(edit.path, set()).add(edit)
    new = {path: _edited(data if path is None else texts[path], edits) for path, edits in by_path.items()}
    return new.get(None, data), {path: new.get(path, text) for path, text in texts.items()}


def _edited(data: bytes, edits: set[TextEdit]) -> bytes:
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end, _name_in(edit.text), edit.text))
    joined: list[Edit] = []
    for edit in lined_up(data, ordered):
        before = joined[-1] if joined else None
        same = before is not None and before.start == before.end == edit.start == edit.end
        if before is not None and same and new_run.frame(edit.text) is not None:
            joined[-1] = Edit(before.start, before.end, new_run.as_one((before.text, edit.text)))
        else:
            joined.append(Edit(edit.start, edit.end, edit.text))
    return apply_edits(data, joined)


def _name_in(text: str) -> str:
    """The package that an insertion adds, without its pin: ``libpq`` goes before ``libpq-dev`` whatever their pins."""
    match = _ONE_MEMBER.fullmatch(text)
    names = (match[1],) if match is not None else new_run.packages_in(text)
    return package_name(names[0]) if names else ""
