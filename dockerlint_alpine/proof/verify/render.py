"""The report for people: text for a terminal, Markdown for a file, a pull request or a job's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.proof.verify.document import metrics
from dockerlint_alpine.proof.verify.model import WORDS, Check, Status, VerifyReport
from dockerlint_alpine.report.display import printable
from dockerlint_alpine.report.formats.markdown import code_span, escape, fenced
from dockerlint_alpine.report.paint import BOLD, DIM, GREEN, RED, YELLOW, Paint
from dockerlint_alpine.system.plural import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.proof.verify.claims import Claim
    from dockerlint_alpine.proof.verify.image_proof import ImageProof

_COLORS: dict[Status, str] = {
    "pass": GREEN,
    "fail": RED,
    "expected-fail": YELLOW,
    "unexpected-pass": RED,
    "blocked": YELLOW,
    "not-verified": YELLOW,
}
_SIGNS: dict[Status, str] = {
    "pass": "✅", "fail": "❌", "expected-fail": "⚠️", "unexpected-pass": "❌", "blocked": "⚠️", "not-verified": "❔",
}  # fmt: skip
_SHOWN_LOG = 15
MAX_MARKDOWN = 900_000
"""Bytes: a job's summary on GitHub takes one MiB."""


def headline(report: VerifyReport) -> str:
    """One sentence: the verdict, and what it rests on."""
    counts = dict[str, int]()
    for check in report.checks:
        counts[WORDS[check.status]] = counts.get(WORDS[check.status], 0) + 1
    told = ", ".join(f"{number} {word}" for word, number in counts.items()) or "nothing was checked"
    return f"{report.verdict.upper()}: {told}, in {report.seconds:.0f} s"


def to_text(report: VerifyReport, paint: Paint) -> str:
    """Return the report as lines."""
    color = {"green": GREEN, "red": RED, "not verified": YELLOW}[report.verdict]
    lines = [paint(f"{printable(report.target)}: {headline(report)}", BOLD, color)]
    for check in report.checks:
        word = WORDS[check.status]
        took = f" ({check.seconds:.1f} s)" if check.seconds is not None else ""
        lines.append(f"  {paint(f'{word:<15}', _COLORS[check.status])} {printable(_named(check))}{took}")
        lines += [f"  {'':<15} {paint(printable(text), DIM)}" for text in _why(check)]
    for proof in report.before or report.images:
        lines += _text_claims(proof, paint, "before the fix: " if report.before else "")
    for cause in report.causes:
        packages = f": add {' '.join(cause.packages)}" if cause.packages else ""
        lines.append(f"{paint('cause', BOLD)}: {printable(cause.where)}: {printable(cause.cause)}{printable(packages)}")
        lines += [f"  {printable(text)}" for text in (cause.edit, cause.quote) if text]
    for service in report.services:
        if service.reason and service.log:
            lines.append(paint(f"last lines of {printable(service.name)}", BOLD))
            lines += [f"  | {printable(line)}" for line in service.log[-_SHOWN_LOG:]]
    if report.fix is not None:
        lines += [
            f"{'fixed' if report.fix.kept else 'not kept'} {printable(report.fix.path)}: {printable(one)}"
            for one in report.fix.titles
        ]
        if not report.fix.kept:
            lines.append(f"The old file was restored: {printable(report.fix.reason)}")
    lines += [f"{paint('not verified', YELLOW, BOLD)}: {printable(one)}" for one in report.not_verified]
    lines += [f"note: {printable(one)}" for one in (*report.notes, *_image_notes(report))]
    if report.kept:
        lines.append(f"Left up: {report.kept}")
    return "\n".join(lines) + "\n"


def _named(check: Check) -> str:
    return f"{check.service}: {check.name}" if check.service and check.service not in check.name else check.name


def _why(check: Check) -> Iterator[str]:
    if check.detail and (check.status != "pass" or check.level in ("build", "loader", "import")):
        yield check.detail
    if check.reason:
        yield f"expected to fail: {check.reason}"


def _image_notes(report: VerifyReport) -> list[str]:
    return list(dict.fromkeys(note for proof in report.images for note in proof.notes))


def _text_claims(proof: ImageProof, paint: Paint, when: str) -> Iterator[str]:
    colors = {"confirmed": GREEN, "refuted": RED, "not-reached": DIM}
    for claim in proof.claims:
        if claim.verdict == "not-reached" and claim.level is None and claim.finding.severity != "error":
            continue
        verdict = claim.verdict.replace("-", " ")
        yield f"{when}{claim.finding.code} {paint(verdict, colors[claim.verdict])}: {printable(claim.finding.message)}"
        yield f"  {printable(claim.reason)}"
    for miss in proof.missed:
        packages = f": add {' '.join(miss.packages)}" if miss.packages else ""
        who, what = printable(miss.distribution or miss.path), printable(f"{miss.kind} {miss.what}{packages}")
        yield f"{when}{paint('missed', RED, BOLD)}: {who} {what}"
        yield f"  {printable(miss.line)}"
        if miss.edit:
            yield f"  {printable(miss.edit)}"


# Markdown.


def to_markdown(report: VerifyReport) -> str:
    """Return the report with its tables; what is too long for a job's summary is cut, and says so."""
    sections = [
        f"# Verification of {escape(report.target)}",
        f"**{escape(headline(report))}**",
        _summary(report),
        _services(report),
        _root_cause(report),
        _fix(report),
        _connectivity(report),
        _logs(report),
        _not_verified(report),
        _metrics(report),
        _closing(report),
    ]
    text = "\n\n".join(section for section in sections if section) + "\n"
    if len(data := text.encode()) <= MAX_MARKDOWN:
        return text
    return data[:MAX_MARKDOWN].decode("utf-8", "ignore") + "\n\nThe rest is left out here: see report.json.\n"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def _summary(report: VerifyReport) -> str:
    red = [check for check in report.checks if check.bad]
    parts = [f"Requested level: {report.level}."]
    if report.fix is not None and report.fix.kept:
        parts.append(
            "The predicted error was reproduced in the old state and the fix was written; "
            "everything below is of the new state."
        )
    elif report.fix is not None:
        parts.append(f"The fix was not kept: {escape(report.fix.reason)}. The file is unchanged.")
    if red:
        parts.append(
            f"{plural(len(red), 'check')} failed; the first: {escape(_named(red[0]))}: {escape(red[0].detail)}."
        )
    if report.not_verified:
        parts.append("Something that was requested did not run: see *Not verified*. This is not a success.")
    return "## Summary\n\n" + " ".join(parts)


def _services(report: VerifyReport) -> str:
    if not report.services:
        return ""
    rows = [
        (
            escape(f"{one.title} ({one.name})" if one.title else one.name),
            code_span(one.image),
            escape(one.port or ""),
            escape(one.state + (f" ({one.exit_code})" if one.exit_code is not None and one.state == "exited" else "")),
            escape((one.health or "").upper()),
            f"{one.seconds:.1f}" if one.seconds is not None else "",
        )
        for one in report.services
    ]
    return "## Services\n\n" + _table(("service", "image", "port", "state", "health", "seconds"), rows)


def _root_cause(report: VerifyReport) -> str:
    lines: list[str] = []
    after = {proof.services or proof.dockerfile: proof for proof in report.images}
    for proof in report.before or report.images:
        for claim in proof.claims:
            if claim.verdict == "not-reached" and claim.finding.severity != "error":
                continue
            new = after.get(proof.services or proof.dockerfile) if report.before else None
            lines.append(_claim_lines(claim, proof, new))
        for miss in proof.missed:
            add = f" Add {' '.join(map(code_span, miss.packages))}." if miss.packages else ""
            where = f" {escape(miss.edit)}." if miss.edit else ""
            lines.append(f"- **missed**: {escape(miss.distribution or miss.path)}: {code_span(miss.line)}.{add}{where}")
    for cause in report.causes:
        add = f" Add {' '.join(map(code_span, cause.packages))}." if cause.packages else ""
        where = f" {escape(cause.edit)}." if cause.edit else ""
        advice = f" {escape(cause.advice)}" if cause.advice else ""
        lines.append(
            f"- **{escape(cause.where)}**: {escape(cause.cause)}: {code_span(cause.quote)}.{add}{where}{advice}"
        )
    lines = list(dict.fromkeys(lines))
    return "## Root cause\n\n" + "\n".join(lines) if lines else ""


def _claim_lines(claim: Claim, old: ImageProof, new: ImageProof | None) -> str:
    finding = claim.finding
    place = code_span(f"{old.dockerfile}:{finding.location.line}")
    text = f"- **{finding.code} {claim.verdict.replace('-', ' ')}** at {place}: {escape(finding.message)}"
    if claim.level is None:
        return f"{text} ({escape(claim.reason)})"
    text += f"\n    - {'before' if new is not None else claim.level}: {code_span(claim.reason)}"
    if new is not None and "loader" in new.levels:
        library = (finding.need or "").removeprefix("so:")
        left = [fault.line for one in new.loaded for fault in one.faults if fault.what == library]
        said = left[0] if left else f"musl's loader loads all {len(new.loaded)} extension modules"
        text += f"\n    - after: {code_span(said)}"
    return text


def _fix(report: VerifyReport) -> str:
    if report.fix is None or not report.fix.diff:
        return ""
    done = "Written and kept" if report.fix.kept else "Tried and reverted"
    listed = "\n".join(f"- {escape(title)}" for title in report.fix.titles)
    return f"## Fix\n\n{done}: {code_span(report.fix.path)}\n\n{listed}\n\n{fenced(report.fix.diff, 'diff')}"


def _connectivity(report: VerifyReport) -> str:
    if not report.checks:
        return ""
    fixed = bool(report.before)
    head = ("check", "level", *(("before",) if fixed else ()), "result", "detail")
    rows = []
    for check in report.checks:
        before = (WORDS[check.before] if check.before else "",) if fixed else ()
        detail = check.detail + (f" ({check.reason})" if check.reason else "")
        rows.append(
            (
                escape(_named(check)),
                check.level,
                *before,
                f"{_SIGNS[check.status]} {WORDS[check.status]}",
                escape(detail),
            )
        )
    return "## Checks\n\n" + _table(head, rows)


def _logs(report: VerifyReport) -> str:
    parts = [
        f"### {escape(one.name)}: {escape(one.reason)}\n\n{fenced(chr(10).join((*one.log[-40:], *one.health_log[-10:])))}"
        for one in report.services
        if one.reason and (one.log or one.health_log)
    ]
    return "## Last log lines\n\n" + "\n\n".join(parts) if parts else ""


def _not_verified(report: VerifyReport) -> str:
    lines = [f"- {escape(one)}" for one in report.not_verified]
    lines += [
        f"- {escape(_named(check))}: blocked by {escape(check.blocked_by or '')}"
        for check in report.checks
        if check.status == "blocked"
    ]
    return "## Not verified\n\n" + "\n".join(lines) if lines else ""


def _metrics(report: VerifyReport) -> str:
    rows = [
        (escape(name), target, actual, "✅ met" if met else "❌ not met")
        for name, target, actual, met in metrics(report)
    ]
    return "## Metrics\n\n" + _table(("metric", "target", "actual", "status"), rows) if rows else ""


def _closing(report: VerifyReport) -> str:
    engine = " ".join(f"{report.engine.get(key, '')}" for key in ("name", "version", "platform")).strip()
    lines = [f"run {report.run}, {report.started}", f"engine {engine or 'none'}"]
    lines += [f"image {proof.name} {proof.id[:19]}" for proof in report.images if proof.id]
    lines += [f"{name} {value}" for name, value in report.inputs.items()]
    notes = [f"- {escape(one)}" for one in (*report.notes, *_image_notes(report))]
    return "## Environment\n\n" + "\n".join([*(f"- {escape(line)}" for line in lines), *notes])
