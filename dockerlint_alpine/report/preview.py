"""What a fix would change, line by line, without writing anything."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.model.lining_up import lined_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.model.findings import Finding, Fix, TextEdit
    from dockerlint_alpine.report.positions import Lines


class Change(Struct, frozen=True):
    """Lines that go and lines that come, without their line ends, at ``line`` (1-based) of the old file."""

    line: int
    old: tuple[bytes, ...]
    new: tuple[bytes, ...]

    def touches(self, other: Change) -> bool:
        """Whether both have a line in common, or come at the same place."""
        if self.line == other.line:
            return True
        first, second = sorted((self, other), key=lambda one: one.line)
        return second.line < first.line + len(first.old)

    @property
    def column(self) -> int:
        """The byte column (1-based) where the first line that goes begins to differ from the first that comes."""
        if not (self.old and self.new):
            return 1
        pairs = enumerate(zip(self.old[0], self.new[0], strict=False), 1)
        return next((column for column, (old, new) in pairs if old != new), min(len(self.old[0]), len(self.new[0])) + 1)


def changes(lines: Lines, fix: Fix) -> tuple[Change, ...]:
    """Return the changes of a fix in this file, in order; nothing where edits overlap (then only the fixer can say)."""
    edits = sorted((edit for edit in fix.edits if edit.path is None), key=lambda edit: (edit.start, edit.end))
    if any(after.start < before.end for before, after in pairwise(edits)):
        return ()
    found = (_change(lines, *place) for place in _by_line(lines, lined_up(lines.data, edits)))
    return tuple(change for change in found if change.old or change.new)


class Preview:
    """What ``fix`` makes of the lines of one file, piece by piece: what is shown is what is written.

    ``findings`` are all of the file. Where several fixes change one line, whoever asks about one of them is shown the line
    as it is in the end, and only once.
    """

    def __init__(self, lines: Lines, findings: Iterable[Finding]) -> None:
        self._lines = lines
        safe = dict.fromkeys(one.fix for one in findings if one.fix is not None and one.fix.applicability == "safe")
        self._all = changes(lines, joined(list(safe))) if safe else ()
        self._shown: set[Change] = set()

    def of(self, fixes: Sequence[Fix]) -> tuple[tuple[Change, ...], bool]:
        """Return the changes that these fixes have a part in, without those that were shown before, and whether there
        are such."""
        own = changes(self._lines, joined(fixes))
        if all(fix.applicability == "safe" for fix in fixes):
            own = tuple(one for one in self._all if any(one.touches(other) for other in own)) or own
        new = tuple(one for one in own if one not in self._shown)
        self._shown.update(new)
        return new, len(new) < len(own)


def joined(fixes: Sequence[Fix]) -> Fix:
    """One fix that does what all of ``fixes`` do; what they add to the same place is sorted, as the fixer does it, and the
    same edit is made once."""
    edits = dict.fromkeys(edit for fix in fixes for edit in fix.edits)
    return replace(fixes[0], edits=tuple(sorted(edits, key=lambda edit: (edit.start, edit.end, edit.text.strip()))))


def _by_line(lines: Lines, edits: Iterable[TextEdit]) -> list[tuple[int, int, list[TextEdit]]]:
    """Return the edits gathered by the lines that they touch: first line, last line, edits."""
    groups: list[tuple[int, int, list[TextEdit]]] = []
    for edit in edits:
        first, last = lines.position(edit.start)[0], lines.position(edit.end)[0]
        if groups and first <= groups[-1][1]:
            start, end, group = groups.pop()
            groups.append((start, max(end, last), [*group, edit]))
        else:
            groups.append((first, last, [edit]))
    return groups


def _change(lines: Lines, first: int, last: int, edits: list[TextEdit]) -> Change:
    begin, end = lines.start(first), lines.start(last + 1)
    pieces: list[bytes] = []
    cursor = begin
    for edit in edits:
        pieces += (lines.data[cursor : edit.start], edit.text.encode("utf-8", "surrogateescape"))
        cursor = edit.end
    # The last line keeps its line end: an edit that reaches past it touches the next line and has it in the block.
    whole = lines.data[lines.start(last) : end].endswith(b"\n")
    old = lines.data[begin : end - whole].split(b"\n")
    new = b"".join((*pieces, lines.data[cursor : end - whole])).split(b"\n")
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    while len(old) > same and len(new) > same and old[-1] == new[-1]:
        old.pop()
        new.pop()
    return Change(first + same, _without_cr(old[same:]), _without_cr(new[same:]))


def _without_cr(lines: list[bytes]) -> tuple[bytes, ...]:
    return tuple(line.removesuffix(b"\r") for line in lines)
