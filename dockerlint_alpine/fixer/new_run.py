"""A new ``RUN apk add --no-cache``, where the author would have put it.

It goes behind the FROM and the ARG, ENV, LABEL and WORKDIR that open a stage, before the first step that does work, so
that a change of the sources does not install it anew. Comments above that step stay with it, blank lines between
paragraphs are kept, and the step runs as root.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.fixer.lists import apk_steps, listings
from dockerlint_alpine.model.findings import Finding, Fix, TextEdit
from dockerlint_alpine.syntax.ordering import package_name
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from dockerlint_alpine.stages.model import Stage, Timeline
    from dockerlint_alpine.syntax import Dockerfile, Instruction

_OPENS = frozenset({"ARG", "ENV", "LABEL", "MAINTAINER", "WORKDIR"})
"""What may stand between FROM and the new RUN."""

NEW_RUN = "add RUN apk add --no-cache"
"""What the titles of such fixes begin with."""

_WRITTEN = lazy_pattern(
    r"(?P<head>[\s\S]*\bapk add --no-cache)(?P<names>(?:[ \t]+(?:[\\`]\r?\n[ \t]*)?[^\s\\`]+)+)(?P<tail>[\s\S]*)"
)
"""A text that :func:`new_run` makes; of the names all are behind the same blanks."""

_ROOT = frozenset({"", "root", "0"})
_ALIGNED = 16
"""Columns of an indent from which on names stand under the first one, which a new list has elsewhere."""
_WRAP_FROM = 2
"""New lists go one name a line when so many lists of the file do, or all of them."""


def new_run(
    timeline: Timeline, stage: Stage, package: str, before: Instruction | None
) -> tuple[TextEdit, Instruction] | None:
    """The edit that adds the instruction, and the instruction it goes before (or behind, at the end of a stage).

    ``before`` is the one that needs the package. ``None`` where there is no place for it.
    """
    dockerfile = timeline.dockerfile
    anchor, user = _place(timeline, stage, before)
    text = f"{_keyword(dockerfile, stage, 'RUN')} apk add --no-cache{_operand(timeline, package)}"
    eol = dockerfile.eol
    if user not in _ROOT:
        keyword = _keyword(dockerfile, stage, "USER")
        text = eol.join((f"{keyword} root", text, f"{keyword} {user}"))
    if anchor is None:
        last = stage.instructions[-1] if stage.instructions else stage.from_instruction
        return _behind(dockerfile, last, text), last
    return _above(dockerfile, anchor, text, _previous(stage, anchor)), anchor


def _place(timeline: Timeline, stage: Stage, before: Instruction | None) -> tuple[Instruction | None, str]:
    """The instruction that the new one goes above, ``None`` for the end of the stage; and who runs it there."""
    user = user_at_start(timeline, stage)
    start = _behind_repositories(stage.instructions, before)
    fallback: tuple[Instruction | None, str] | None = None
    for index, instruction in enumerate(stage.instructions):
        names = instruction.value.partition(":")[0].strip() if instruction.keyword == "USER" else None
        if index >= start:
            opens = instruction.keyword in _OPENS or (names is not None and user not in _ROOT)
            if not opens and user in _ROOT:
                return instruction, user
            if not opens and fallback is None:
                fallback = instruction, user
            if before is not None and instruction.start >= before.start:
                break
        user = names if names is not None else user
    if fallback is not None:
        return fallback
    return None, user


def user_at_start(timeline: Timeline, stage: Stage) -> str:
    """Who runs the first RUN of a stage: what the stages it is built from say, else the image that those start from."""
    lineage = timeline.lineage(stage)
    for place in lineage[1:]:
        for instruction in reversed(place.instructions):
            if instruction.keyword == "USER":
                return instruction.value.partition(":")[0].strip()
    return lineage[-1].start.user if lineage[-1].start is not None else "root"


def _behind_repositories(instructions: Sequence[Instruction], before: Instruction | None) -> int:
    """The index behind the last instruction that says where packages come from."""
    found = 0
    for index, instruction in enumerate(instructions):
        if before is not None and instruction.start >= before.start:
            break
        if "/etc/apk" in instruction.value and not ("apk add" in instruction.value or "apk del" in instruction.value):
            found = index + 1
    return found


def _previous(stage: Stage, anchor: Instruction) -> Instruction:
    index = stage.instructions.index(anchor)
    return stage.instructions[index - 1] if index else stage.from_instruction


def _above(dockerfile: Dockerfile, anchor: Instruction, text: str, previous: Instruction) -> TextEdit:
    """Above an instruction and the comments that belong to it."""
    data, eol = dockerfile.data, dockerfile.eol
    start = data.rfind(b"\n", 0, anchor.start) + 1
    indent = data[start : anchor.start].decode("utf-8", "surrogateescape")
    while start > previous.end + 1:
        line = data.rfind(b"\n", 0, start - 1) + 1
        if line <= previous.end or not data[line:start].lstrip(b" \t").startswith(b"#"):
            break
        start = line
    above = data[data.rfind(b"\n", 0, max(start - 1, 0)) + 1 : start]
    apart = start > previous.end + 1 and not above.strip()
    lines = eol.join(indent + line for line in text.split(eol))
    return TextEdit(start, start, f"{lines}{eol}{eol if apart else ''}")


def _behind(dockerfile: Dockerfile, last: Instruction, text: str) -> TextEdit:
    """On a line of its own behind an instruction."""
    end = dockerfile.data.find(b"\n", last.end)
    if end < 0:
        return TextEdit(len(dockerfile.data), len(dockerfile.data), f"{dockerfile.eol}{text}")
    return TextEdit(end + 1, end + 1, f"{text}{dockerfile.eol}")


def _keyword(dockerfile: Dockerfile, stage: Stage, keyword: str) -> str:
    """In the case that the author writes FROM in."""
    start = stage.from_instruction.start
    return keyword.lower() if dockerfile.data[start : start + 4] == b"from" else keyword


def _operand(timeline: Timeline, package: str) -> str:
    """The package behind a blank, or on a line of its own when that is how the lists of the file are written."""
    dockerfile = timeline.dockerfile
    long = [
        listing
        for stage in timeline.stages.values()
        for step in apk_steps(stage)
        if step.command.verb == "add" and len(step.command.operands) >= _WRAP_FROM
        for listing in listings(timeline, step)[-1:]
        if listing.path is None
    ]
    wrapped = [listing for listing in long if listing.layout.one_per_line]
    indent = _indent(dockerfile, wrapped[0].step.span) if wrapped else ""
    if len(wrapped) * 2 <= len(long) or len(indent) > _ALIGNED:
        return f" {package}"
    return f" {dockerfile.escape}{dockerfile.eol}{indent}{package}"


def _indent(dockerfile: Dockerfile, span: tuple[int, int]) -> str:
    """How the second line of an instruction's command is indented."""
    lines = dockerfile.data[span[0] : span[1]].split(b"\n")
    second = lines[1] if len(lines) > 1 else b""
    return second[: len(second) - len(second.lstrip(b" \t"))].decode() or "    "


# -- several of them as one -----------------------------------------------------------------------------------------


def frame(text: str) -> tuple[str, str, str] | None:
    """The text of a new ``RUN apk add`` before, between and behind its packages; ``None`` for other text."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    gap = re.match(r"[ \t]+(?:[\\`]\r?\n[ \t]*)?", match["names"])
    assert gap is not None
    return match["head"], gap[0], match["tail"]


def packages_in(text: str) -> tuple[str, ...]:
    """The packages of a new ``RUN apk add``, with their pins."""
    match = _WRITTEN.fullmatch(text)
    return tuple(re.findall(r"[^\s\\`]+", match["names"])) if match is not None else ()


def as_one(texts: Iterable[str]) -> str:
    """Several texts with the same frame as one instruction that adds all of their packages, in order."""
    listed = list(texts)
    framed = frame(listed[0])
    assert framed is not None
    head, gap, tail = framed
    names = {name for text in listed for name in packages_in(text)}
    ordered = sorted(names, key=lambda name: (package_name(name), name))
    return f"{head}{''.join(f'{gap}{name}' for name in ordered)}{tail}"


def joined(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, with one new ``RUN apk add`` for all that are mended by one at the same place.

    Each of them has the whole edit then: whoever takes one, takes all, and what is shown is what ``fix`` writes.
    """
    places: dict[tuple[object, ...], list[Fix]] = {}
    for finding in findings:
        if finding.fix is not None and (key := _place_of(finding.fix)) is not None:
            places.setdefault(key, []).append(finding.fix)
    shared = {key: _joined(fixes) for key, fixes in places.items() if len(fixes) > 1}
    if not shared:
        return list(findings)
    return [
        replace(one, fix=shared[key])
        if one.fix is not None and (key := _place_of(one.fix)) is not None and key in shared
        else one
        for one in findings
    ]


def _place_of(fix: Fix) -> tuple[object, ...] | None:
    """Where a fix puts a new instruction, and how it is framed there; ``None`` for any other fix."""
    if len(fix.edits) != 1 or not fix.adds:
        return None
    (edit,) = fix.edits
    framed = frame(edit.text) if edit.start == edit.end and edit.path is None else None
    return (edit.start, fix.applicability, fix.where, *framed) if framed is not None else None


def without(fix: Fix, packages: Collection[str]) -> Fix:
    """A fix that adds a new instruction, without some of its packages; any other fix, and one that has no more, as it is."""
    if not set(fix.adds) & set(packages) or _place_of(fix) is None:
        return fix
    kept = [name for name in packages_in(fix.edits[0].text) if package_name(name) not in packages]
    return _with_packages(fix, kept) if kept else fix


def of_kept(findings: Iterable[Finding], kept: Iterable[Finding]) -> list[Finding]:
    """``kept`` of the ``findings``: what they have one new ``RUN apk add`` for asks for no package that is for the others
    alone."""
    listed = list(kept)
    asked, wanted = _asked(findings), _asked(listed)
    return [
        one if one.fix is None else replace(one, fix=without(one.fix, asked[one.fix.edits] - wanted[one.fix.edits]))
        for one in listed
    ]


def _asked(findings: Iterable[Finding]) -> dict[tuple[TextEdit, ...], set[str]]:
    """The packages that the findings of each fix ask for."""
    found: dict[tuple[TextEdit, ...], set[str]] = {}
    for one in findings:
        if one.fix is not None:
            found.setdefault(one.fix.edits, set()).update(one.packages)
    return found


def _joined(fixes: Sequence[Fix]) -> Fix:
    return _with_packages(fixes[0], packages_in(as_one(one.edits[0].text for one in fixes)))


def _with_packages(fix: Fix, names: Sequence[str]) -> Fix:
    """The same with these packages (with their pins) in place of its own."""
    (edit,) = fix.edits
    framed = frame(edit.text)
    assert framed is not None
    head, gap, tail = framed
    text = f"{head}{''.join(f'{gap}{name}' for name in names)}{tail}"
    adds = tuple(package_name(name) for name in names)
    title = f"{NEW_RUN} {' '.join(adds)} {fix.where}"
    return replace(fix, title=title, edits=(replace(edit, text=text),), adds=adds)
