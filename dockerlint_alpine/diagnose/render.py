"""A diagnosis as JSON (the schema of ``diagnose``) and as text for people."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from dockerlint_alpine.system.records import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.diagnose.model import Cause, Diagnosis
    from dockerlint_alpine.diagnose.repair import Repair
    from dockerlint_alpine.report.paint import Paint

VERSION = 1
"""Of the JSON schema."""

_MOMENTS = {"build": "while building", "run": "at run time", "apk": "in apk add"}


def to_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the JSON document: version, verdict, and the causes in order of their lines."""
    return {
        "version": VERSION,
        "verdict": diagnosis.verdict,
        "causes": [_cause(c, diagnosis) for c in diagnosis.causes],
    }


def _cause(cause: Cause, diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        **fields_of(cause, "cause moment distribution need packages foreseen line quote stage confidence"),
        "advice": _advice(cause, diagnosis),
    }


def _advice(cause: Cause, diagnosis: Diagnosis) -> str:
    """What to do, in sentences; where packages are named, for which release."""
    parts = [f"Follows from the cause in line {cause.follows}: fix that first."] if cause.follows else []
    parts += [f"Add {' '.join(cause.packages)}{_where(cause)}."] if cause.packages and not cause.replaces else []
    parts.append(cause.advice)
    if cause.packages or cause.foreseen:
        parts.append(diagnosis.release_note)
    return " ".join(part for part in parts if part)


def _where(cause: Cause) -> str:
    if cause.stage is not None:
        return f" to stage {cause.stage}"
    return {"run": " to the run-time stage", "build": " before the step that compiles"}.get(cause.moment, "")


def to_text(
    diagnosis: Diagnosis, repair: Repair | None, log: str, paint: Paint, width: int, *, written: bool = False
) -> str:
    """Return the answer for people; ``log`` is what the log is called, ``repair`` what ``--fix`` would write or has."""
    from dockerlint_alpine.report.paint import BOLD

    if not diagnosis.causes:
        return f"{paint('No failure: the build in this log succeeded', BOLD)}\n"
    blocks = ["\n".join(_block(cause, log, paint, width)) for cause in diagnosis.causes]
    closing = [paint(_verdict(diagnosis), BOLD)]
    if any(cause.packages or cause.foreseen for cause in diagnosis.causes):
        closing += textwrap.wrap(diagnosis.release_note, width)
    if repair is not None:
        done = ("fixed", "foreseen") if written else ("with --fix", "with --fix, foreseen")
        closing += [f"{done[item.foreseen]}: {item.title}" for item in repair.applied]
        closing += [f"not {'written' if written else 'placed'}: {note}" for note in repair.notes]
    return "\n\n".join([*blocks, "\n".join(closing)]) + "\n"


def _verdict(diagnosis: Diagnosis) -> str:
    if diagnosis.verdict == "packages":
        return f"Add {' '.join(diagnosis.packages)}"
    if diagnosis.verdict == "no-package-helps":
        return "No package helps"
    return "This log does not say enough"


def _block(cause: Cause, log: str, paint: Paint, width: int) -> Iterator[str]:
    from dockerlint_alpine.report.display import printable
    from dockerlint_alpine.report.paint import BLUE, BOLD, DIM, GREEN, RED, YELLOW

    color = {"package": RED, "none": YELLOW, "unknown": YELLOW}[cause.outcome]
    yield f"{paint(_MOMENTS[cause.moment], color, BOLD)}: {paint(printable(cause.cause), BOLD)}"
    about = [part for part in (cause.distribution, f"stage {cause.stage}" if cause.stage else None) if part]
    sure = "" if cause.confidence == "certain" else f" ({cause.confidence})"
    where = paint(f"  {printable(', '.join(about))}{sure}".rstrip(), DIM)
    yield f"  {paint('-->', BLUE, BOLD)} {printable(log)}:{cause.line}{where}"
    if cause.quote:
        bar = paint("|", BLUE, BOLD)
        yield f"   {bar}"
        yield from (
            f"   {bar} {part}" for part in textwrap.wrap(printable(cause.quote), width - 6, break_on_hyphens=False)
        )
        yield f"   {bar}"
    if cause.follows:
        yield f"   {paint('=', BLUE, BOLD)} {paint('follows', BOLD)}: from the cause in line {cause.follows}"
    if cause.need:
        yield f"   {paint('=', BLUE, BOLD)} {paint('need', BOLD)}: {printable(cause.need)}"
    sign = paint("=", BLUE, BOLD)
    if cause.packages:
        verb = "instead" if cause.replaces else "add"
        yield f"   {sign} {paint(verb, BOLD, GREEN)}: {' '.join(cause.packages)}{printable(_where(cause))}"
    if cause.foreseen:
        yield f"   {sign} {paint('foreseen', BOLD)}: {' '.join(cause.foreseen)} (by the rules, not by this log)"
    if cause.advice:
        first, *others = textwrap.wrap(printable(cause.advice), width - 13)
        yield f"   {sign} {paint('advice', BOLD)}: {first}"
        yield from (f"             {other}" for other in others)
