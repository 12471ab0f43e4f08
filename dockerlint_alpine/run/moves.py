"""``--as``: a Dockerfile on another Alpine release or Python than the one it names.

The text is rewritten where it names them, in the tags of ``FROM`` and in the defaults of the arguments that these hold, and
judged as any other. So every answer is that of the new text, and its fixes are edits of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.model.findings import Evidence, Finding, key_of
from dockerlint_alpine.syntax import Instruction, parse
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.model.reports import FileReport

When: TypeAlias = Literal["today", "then", "both"]
"""Whether a finding stands on the releases that a Dockerfile names, on the ones that it is moved to, or on both."""

_FROM = lazy_pattern(rb"(?i)FROM(?:[ \t]+--[^\s]+)*[ \t]+(?P<image>[^\s]+)")
_ARG = lazy_pattern(rb"(?i)ARG[ \t]+(?P<name>[A-Za-z_]\w*)=(?P<quote>[\"']?)(?P<value>[^\s\"']*)(?P=quote)")
_VARIABLE = lazy_pattern(rb"\$(?:\{(?P<braced>[A-Za-z_]\w*)\}|(?P<plain>[A-Za-z_]\w*))")
_RELEASE = rb"\d+\.\d+(?:\.\d+)?(?:_(?:alpha|beta|rc)\d+)?"
_IN_TAG = lazy_pattern(rb"(?<![a-z])alpine(?:-?" + _RELEASE + rb")?(?![a-z0-9.])", re.IGNORECASE)
_PLAIN = lazy_pattern(rb"(?:v?" + _RELEASE + rb"|latest|edge|3)(?![\w.])")
_PYTHON = lazy_pattern(rb"3(?:\.\d+)?(?:\.\d+)?(?:(?:a|b|rc)\d+)?(?![\w.])")


class Moves(Struct, frozen=True):
    """The releases to move to: ``alpine`` and ``python`` as ``X.Y``, ``None`` for one that stays as it is."""

    alpine: str | None = None
    python: str | None = None

    def __str__(self) -> str:
        named = (("alpine", self.alpine), ("python", self.python))
        return " ".join(f"{name}={value}" for name, value in named if value is not None)


def moved(data: bytes, moves: Moves) -> bytes:
    """``data`` with every base image that names an Alpine release or a Python on those of ``moves``.

    A tag that floats (``alpine``, ``python:3.11-alpine``) is named; a digest, which would hold it where it is, goes. An
    image that names neither stays as it is, and so does a stage that is built on another.
    """
    if moves.alpine is not None and moves.python is not None:  # each may stand in an argument of its own
        return moved(moved(data, Moves(alpine=moves.alpine)), Moves(python=moves.python))
    dockerfile = parse(data)
    edits: list[tuple[int, int, bytes]] = []
    arguments: dict[bytes, tuple[int, int, bytes]] = {}
    stages = set[bytes]()
    before_first_stage = True
    for instruction in dockerfile.instructions:
        text = data[instruction.start : instruction.end]
        if instruction.keyword == "ARG" and before_first_stage:
            found = _ARG.match(text)
            if found is not None:
                start, end = (instruction.start + at for at in found.span("value"))
                arguments[found["name"]] = (start, end, found["value"])
        elif instruction.keyword == "FROM":
            before_first_stage = False
            found = _FROM.match(text)
            if found is None:
                continue
            if found["image"].lower() not in stages:
                start, end = (instruction.start + at for at in found.span("image"))
                edits += _edits(found["image"], start, end, arguments, moves)
            stages.add(_stage_name(instruction))
    for start, end, new in sorted(set(edits), reverse=True):
        data = data[:start] + new + data[end:]
    return data


def _stage_name(instruction: Instruction) -> bytes:
    words = instruction.value.split()
    named = len(words) >= 3 and words[-2].lower() == "as"
    return words[-1].lower().encode("utf-8", "surrogateescape") if named else b""


def _edits(
    image: bytes, start: int, end: int, arguments: dict[bytes, tuple[int, int, bytes]], moves: Moves
) -> Iterable[tuple[int, int, bytes]]:
    """The edits that move one image, of its own text and of the arguments in it."""
    parts: list[tuple[int, int, bytes]] = []
    at = 0
    for found in _VARIABLE.finditer(image):
        name = found["braced"] or found["plain"]
        if name not in arguments:
            return
        parts.append((start + at, start + found.start(), image[at : found.start()]))
        parts.append(arguments[name])
        at = found.end()
    parts.append((start + at, end, image[at:]))
    whole = b"".join(text for _, _, text in parts)
    new = _image(whole, moves)
    if new == whole:
        return
    # The new text goes where the old stood: into what is written in FROM, or else into the arguments.
    inside = [any((low, high) == one[:2] for one in arguments.values()) for low, high, _ in parts]
    for changes_arguments in (False, True):
        pattern = b"".join(
            b"(.*)" if argument is changes_arguments else b"(" + re.escape(text) + b")"
            for argument, (_, _, text) in zip(inside, parts, strict=True)
        )
        fitted = re.fullmatch(pattern, new, re.DOTALL)
        if fitted is not None:
            pieces = zip(parts, fitted.groups(), strict=True)
            yield from ((low, high, piece) for (low, high, text), piece in pieces if piece != text)
            return
    yield start, end, new  # it takes both: the image is written out


def _image(image: bytes, moves: Moves) -> bytes:
    """An image reference without variables, moved."""
    name = image.partition(b"@")[0]
    slash = name.rfind(b"/")
    path, colon, tag = name[slash + 1 :].partition(b":")
    head = name[: slash + 1] + path
    new = tag
    if moves.alpine is not None:
        if path.lower() == b"alpine":
            new = _PLAIN.sub(moves.alpine.encode(), tag, count=1) if tag else moves.alpine.encode()
        else:
            new = _IN_TAG.sub(b"alpine" + moves.alpine.encode(), tag, count=1)
    if moves.python is not None and path.lower() == b"python" and new and _IN_TAG.search(new):
        new = (
            _PYTHON.sub(moves.python.encode(), new, count=1)
            if _PYTHON.match(new)
            else moves.python.encode() + b"-" + new
        )
    if new == tag:
        return image
    return head + (colon or b":") + new


def compared(today: FileReport, then: FileReport) -> list[tuple[Finding, When]]:
    """The findings of both, each once, with when they stand; those of ``then`` in its place, then what is gone."""
    before = {key_of(finding) for finding in today.findings}
    after = {key_of(finding) for finding in then.findings}
    told: list[tuple[Finding, When]] = [(one, "both" if key_of(one) in before else "then") for one in then.findings]
    return told + [(one, "today") for one in today.findings if key_of(one) not in after]


def told(today: FileReport, then: FileReport, moves: Moves) -> FileReport:
    """The report of ``then``, each finding that the move brings with a line of evidence that says so."""
    note = Evidence("dockerfile", f"with {moves}; not with the current FROM")
    both = compared(today, then)
    findings = [
        replace(finding, evidence=(*finding.evidence, note)) if when == "then" else finding
        for finding, when in both
        if when != "today"
    ]
    gone = len(both) - len(findings)
    what = "one of today's findings is" if gone == 1 else f"{gone} of today's findings are"
    notes = (f"{what} gone with {moves}",) if gone else ()
    return replace(then, findings=tuple(findings), notes=(*then.notes, *notes))
