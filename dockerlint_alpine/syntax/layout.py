"""Package lists as their authors lay them out, and edits that keep that layout.

A list is the operands of an ``apk add``, or the fields of a variable that holds them. It may be inline or one name a
line, sorted or not, in groups, with aligned continuations; it may be in a here-document, in a quoted value or in the
exec form. :class:`PackageList` reads the style off the bytes and writes in it.
"""

from __future__ import annotations

import re
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.syntax.edit import Edit, EditError, apply_edits, difference
from dockerlint_alpine.syntax.ordering import package_name, slot, sort_key
from dockerlint_alpine.syntax.source import SourceText, Span, decode, encode
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.syntax.dockerfile import Dockerfile
    from dockerlint_alpine.syntax.shell.words import Arg

Place: TypeAlias = Literal["words", "quoted", "bare", "json"]

_SAFE_NAME = lazy_pattern(r"[A-Za-z0-9._+@:=~/-]+")
_TAB = 8


class LayoutError(EditError):
    """The list can't be edited in place; the message says why."""


class _Item(Struct, frozen=True):
    """A member of the list: its text as written and its bytes (in the exec form with the quotes)."""

    text: str
    start: int
    end: int


class _Row(Struct, frozen=True):
    """A line of the file that holds members of the list.

    ``end`` leaves the line end out, ``next`` is where the following line starts. ``content_end`` is where what belongs
    to the members ends; ``tail`` is the continuation behind it (blanks and escape token), ``None`` when the list does
    not simply go on in the next line. ``own``: nothing but blanks stands before the first member.
    """

    items: tuple[_Item, ...]
    start: int
    end: int
    next: int
    own: bool
    content_end: int
    tail: bytes | None


def list_layout(dockerfile: Dockerfile, args: Sequence[Arg]) -> PackageList:
    """The list that these operands of one command form.

    When all of them are fields of one variable, the list is the variable's value; else it is the words of the command
    (a variable among them is one member). Raises :class:`LayoutError` when nothing of it stands in the file.
    """
    data = dockerfile.data
    value = args[0].value if args else None
    if value is not None and all(arg.value == value for arg in args):
        items = [_Item(arg.text, *arg.span) for arg in args if arg.span]
        place = _place_of_value(data, items)
    else:
        spans = dict.fromkeys(arg.word.span for arg in args if arg.word.span)
        items = [_Item(decode(data[start:end]), start, end) for start, end in spans]
        literal = any(arg.word.literal for arg in args)
        place = "json" if literal else "words"
    if not items:
        raise LayoutError("the list is not written in this file")
    if any(before.end > after.start for before, after in pairwise(items)):
        raise LayoutError("the list is put together from several places")
    return PackageList(dockerfile, tuple(items), place, _last_offset(value, items))


def _last_offset(value: SourceText | None, items: list[_Item]) -> int:
    """Where a value ends that goes on behind its last field (white space before the closing quote)."""
    size = len(value) if value is not None else 0
    end = value.end_offset(size - 1) if value is not None and size else None
    return max(end or 0, items[-1].end)


def _place_of_value(data: bytes, items: list[_Item]) -> Place:
    """How a variable's value is written, judged by the byte before its first field."""
    if not items:
        return "words"
    before = data[: items[0].start].rstrip(b" \t\r\n\\`")[-1:]
    adjacent = data[items[0].start - 1 : items[0].start]
    if before in (b'"', b"'"):
        return "quoted"
    if adjacent == b"=":
        return "bare"
    return "words"


class PackageList:
    """A list of names in a file. Every method returns an edit and changes nothing."""

    def __init__(self, dockerfile: Dockerfile, items: tuple[_Item, ...], place: Place, value_end: int) -> None:
        self._data = dockerfile.data
        self._items = items
        self._place = place
        self._value_end = value_end
        self._eol = dockerfile.eol.encode()
        self._escape = _continuation_token(dockerfile, items[0].start)
        self._rows = self._find_rows()

    @property
    def names(self) -> tuple[str, ...]:
        """The members as written (in the exec form without quotes)."""
        return tuple(item.text.strip("\"'") for item in self._items)

    @property
    def span(self) -> Span:
        """From the first member to the last."""
        return self._items[0].start, self._items[-1].end

    @property
    def one_per_line(self) -> bool:
        """True when the author gives (nearly) every name a line of its own."""
        single = sum(row.own and len(row.items) == 1 for row in self._rows)
        shared = sum(len(row.items) > 1 for row in self._rows)
        return single > shared

    def insert(self, name: str) -> Edit:
        """Put one more name into the list, where and as its author would.

        A pure insertion, but for a value of a single bare word (``DEPS=gcc``), which has to be quoted. Raises
        :class:`LayoutError` for a name that would need quotes.
        """
        if not _SAFE_NAME.fullmatch(name):
            raise LayoutError(f"{name!r} can't be put into a list without quotes")
        position = self._slot(name)
        text = name.encode()
        if self._place == "json":
            return self._insert_beside(position, b'"' + text + b'"', self._json_separator())
        if self.one_per_line:
            return self._insert_line(position, text)
        return self._insert_inline(position, text)

    def replace(self, name: str, new: str) -> Edit:
        """Write ``new`` for the member ``name``: for the whole operand, or only its name when just that was given."""
        item = self._find(name)
        whole = item.text.strip("\"'")
        offset = item.start + item.text.index(whole)
        return Edit(offset, offset + len(encode(whole if whole == name else name)), new)

    def remove(self, name: str) -> Edit:
        """Take a member out, with its line when it has one of its own."""
        item = self._find(name)
        row = next(row for row in self._rows if item in row.items)
        if self._place == "json":
            return self._remove_json(item)
        if self._place == "bare":
            return self._remove_bare(item)
        if len(row.items) == 1:
            return self._remove_line(row) if row.own else self._remove_first(row)
        return self._remove_inline(item, row)

    def remove_all(self, names: Iterable[str]) -> Edit:
        """Take several members out, with one edit. Raises :class:`LayoutError` when one is not in, or none is left."""
        rest = copy(self)
        for name in names:
            if len(rest.names) == 1:
                raise LayoutError("nothing of the list would be left")
            rest._drop(name)  # noqa: SLF001 - a copy of this very list
        return difference(self._data, rest._data)  # noqa: SLF001

    def _drop(self, name: str) -> None:
        """Become the list as it is after :meth:`remove`."""
        item, edit = self._find(name), self.remove(name)
        shift = len(encode(edit.text)) - (edit.end - edit.start)

        def moved(offset: int) -> int:
            return offset + shift if offset >= edit.end else offset

        self._data = apply_edits(self._data, [edit])
        self._items = tuple(_Item(one.text, moved(one.start), moved(one.end)) for one in self._items if one is not item)
        self._value_end = moved(self._value_end)
        self._rows = self._find_rows()

    # -- reading the layout ---------------------------------------------------------------------------------------

    def _find(self, name: str) -> _Item:
        for item in self._items:
            if item.text.strip("\"'") == name:
                return item
        for item in self._items:
            if package_name(item.text) == name:
                return item
        raise LayoutError(f"{name} is not in the list")

    def _find_rows(self) -> tuple[_Row, ...]:
        rows: list[list[_Item]] = []
        line_end = -1
        for item in self._items:
            if item.start > line_end:
                rows.append([])
                line_end = self._line_end(item.end)
            rows[-1].append(item)
        return tuple(self._row(tuple(items)) for items in rows)

    def _line_end(self, offset: int) -> int:
        """The offset of the newline that ends a line, or the end of the file."""
        end = self._data.find(b"\n", offset)
        return len(self._data) if end < 0 else end

    def _row(self, items: tuple[_Item, ...]) -> _Row:
        start = self._data.rfind(b"\n", 0, items[0].start) + 1
        newline = self._line_end(items[-1].end)
        end = start + len(self._data[start:newline].rstrip(b"\r"))
        behind = self._data[items[-1].end : end]
        # comments in backquotes, then a continuation
        match = re.match(rb"((?:[ \t]*`#[^`\n]*`)*)([ \t]*" + re.escape(self._escape) + rb")[ \t]*\Z", behind)
        content_end, tail = items[-1].end, None
        if match is not None:
            content_end, tail = items[-1].end + match.end(1), match[2]
        elif self._place == "quoted" and not behind.strip() and newline < self._value_end:
            tail = b""
        own = not self._data[start : items[0].start].strip(b" \t")
        return _Row(items, start, end, min(newline + 1, len(self._data)), own, content_end, tail)

    def _groups(self) -> list[tuple[int, int]]:
        """Runs of members (as index ranges) that comment lines or empty lines keep apart."""
        groups: list[tuple[int, int]] = []
        first = 0
        for index in range(1, len(self._items)):
            between = self._data[self._items[index - 1].end : self._items[index].start].split(b"\n")[1:-1]
            if between:
                groups.append((first, index))
                first = index
        groups.append((first, len(self._items)))
        return groups

    def _slot(self, name: str) -> int:
        """The index of the member before which the name goes (the number of members: behind the last)."""
        names = [package_name(item.text) for item in self._items]
        groups = self._groups()
        wanted = package_name(name)
        plain = [member for member in names if "$" not in member and "`" not in member]
        if len(groups) == 1 or sort_key(plain) is not None:
            return self._slot_within(0, len(names), names, wanted)
        kind = wanted.endswith("-dev")
        alike = [group for group in groups if all(member.endswith("-dev") == kind for member in names[slice(*group)])]
        first, last = (alike or groups)[-1]
        return self._slot_within(first, last, names, wanted)

    @staticmethod
    def _slot_within(first: int, last: int, names: list[str], name: str) -> int:
        """The slot among the members ``first:last``; variables and substitutions take no part in the order."""
        places = [index for index in range(first, last) if "$" not in names[index] and "`" not in names[index]]
        position = slot([names[index] for index in places], name)
        return places[position] if position < len(places) else last

    # -- inline ---------------------------------------------------------------------------------------------------

    def _insert_inline(self, position: int, name: bytes) -> Edit:
        if self._place == "bare" and len(self._items) == 1:
            return self._quote_bare(decode(name))
        return self._insert_beside(position, name, self._separator())

    def _insert_beside(self, position: int, text: bytes, separator: bytes) -> Edit:
        if position == 0:
            first = self._items[0]
            return Edit(first.start, first.start, decode(text + separator))
        before = self._items[position - 1]
        return Edit(before.end, before.end, decode(separator + text))

    def _separator(self) -> bytes:
        """What stands between two members of a line: a blank, or an escaped one in a bare value."""
        if self._place != "bare" or len(self._items) < 2:
            return b" "
        return self._data[self._items[0].end : self._items[1].start]

    def _quote_bare(self, name: str) -> Edit:
        item = self._items[0]
        words = [item.text]
        words.insert(slot([package_name(item.text)], package_name(name)), name)
        return Edit(item.start, item.end, f'"{" ".join(words)}"')

    def _remove_inline(self, item: _Item, row: _Row) -> Edit:
        """With the blanks before it, or with those behind it where it is the first of its line."""
        before = self._data[row.start : item.start]
        blanks = len(before) - len(before.rstrip(b" \t"))
        if blanks and not (row.own and item is row.items[0]):
            return Edit(item.start - blanks, item.end, "")
        rest = self._data[item.end : row.end]
        return Edit(item.start, item.end + len(rest) - len(rest.lstrip(b" \t")), "")

    def _remove_bare(self, item: _Item) -> Edit:
        index = self._items.index(item)
        if index:
            return Edit(self._items[index - 1].end, item.end, "")
        return Edit(item.start, self._items[1].start if len(self._items) > 1 else item.end, "")

    # -- one name a line ------------------------------------------------------------------------------------------

    def _insert_line(self, position: int, name: bytes) -> Edit:
        if position == 0:
            return self._insert_first_line(name)
        before = self._items[position - 1]
        row = next(row for row in self._rows if before in row.items)
        if row.items[-1] is before and row.tail is not None:
            indent = self._indent(row)
            return self._new_line(row.next, indent, name, self._tail(indent + name, row.tail, row), row)
        if row.items[-1] is not before:
            return Edit(before.end, before.end, " " + decode(name))
        if row.own and self._data[row.content_end : row.end].lstrip(b" \t").startswith((b"#", b"`#")):
            text = name + self._break(row, self._indent(row) + name) + self._indent(row)
            return Edit(before.start, before.start, decode(text))
        written = self._data[row.start : before.end]
        return Edit(before.end, before.end, decode(self._break(row, written) + self._indent(row) + name))

    def _insert_first_line(self, name: bytes) -> Edit:
        row = self._rows[0]
        indent = self._indent(row)
        if not row.own:
            first = row.items[0]
            written = self._data[row.start : first.start] + name
            return Edit(first.start, first.start, decode(name + self._break(row, written) + indent))
        tail = row.tail if row.tail is not None else self._break_before(row)[0]
        return self._new_line(row.start, indent, name, self._tail(indent + name, tail, row), row)

    def _new_line(self, offset: int, indent: bytes, name: bytes, tail: bytes, row: _Row) -> Edit:
        return Edit(offset, offset, decode(indent + name + tail + (self._data[row.end : row.next] or self._eol)))

    def _indent(self, row: _Row) -> bytes:
        """The indentation of the row, or of the first row that is not the command's own line."""
        rows = [row, *self._rows]
        found = next((candidate for candidate in rows if candidate.own), row)
        return self._data[found.start : found.items[0].start] if found.own else b"    "

    def _break(self, row: _Row, written: bytes) -> bytes:
        """The end of a line that read ``written`` so far, so that the list goes on in the next line."""
        tail, ending = self._break_before(row)
        return self._tail(written, tail, row) + ending

    def _break_before(self, row: _Row) -> tuple[bytes, bytes]:
        """The continuation and line end that led to this row, comment lines and empty lines skipped."""
        end = row.start
        while end > 0:
            start = self._data.rfind(b"\n", 0, end - 1) + 1
            line = self._data[start:end]
            content = line.rstrip(b"\r\n")
            stripped = content.strip(b" \t")
            if stripped and not stripped.startswith(b"#"):
                match = re.search(rb"([ \t]*" + re.escape(self._escape) + rb")[ \t]*\Z", content)
                ending = line[len(content) :]
                return (match[1] if match else b""), ending
            end = start
        return b" " + self._escape, self._eol

    def _tail(self, written: bytes, like: bytes, row: _Row) -> bytes:
        """A continuation behind ``written``: in the column that those around ``row`` share, else as in ``like``."""
        column = self._aligned_column(row)
        return padding(written, column, tabs=b"\t" in like) + self._escape if column is not None and like else like

    def _aligned_column(self, row: _Row) -> int | None:
        """The column of the continuations around ``row`` when the author aligns them; longer names that came later may have
        moved it."""
        place = self._rows.index(row)
        near = sorted(enumerate(self._rows), key=lambda one: abs(one[0] - place))
        tails = [(one, one.tail[:-1]) for _, one in near if one.tail]
        if len(tails) < 2:
            return None
        columns = [width(self._data[one.start : one.content_end] + blanks) for one, blanks in tails]
        alike = [blanks for column, (_, blanks) in zip(columns, tails, strict=True) if column == columns[0]]
        aligned = columns[0] == columns[1] or tails[0][1] != tails[1][1]
        return columns[0] if aligned and any(blanks not in (b"", b" ") for blanks in alike) else None

    def _remove_first(self, row: _Row) -> Edit:
        """Take the only member off the command's own line; the next one moves up to it."""
        item = row.items[0]
        following = self._rows[1] if len(self._rows) > 1 else None
        if row.tail is None or following is None or b"#" in self._data[item.end : following.items[0].start]:
            return self._remove_inline(item, row)
        return Edit(item.start, following.items[0].start, "")

    def _remove_line(self, row: _Row) -> Edit:
        if row.tail is not None:
            return Edit(row.start, row.next, "")
        index = self._rows.index(row)
        if index:
            return Edit(self._rows[index - 1].content_end, row.items[0].end, "")
        start = row.start
        tail, ending = self._break_before(row)
        joined = self._data[:start]
        start = len(joined) - len(tail + ending) if joined.endswith(tail + ending) else row.items[0].start
        return Edit(start, row.items[0].end, "")

    # -- exec form ------------------------------------------------------------------------------------------------

    def _json_separator(self) -> bytes:
        """What stands between two strings of the array: the comma with its blanks and line breaks."""
        if len(self._items) > 1:
            between = self._data[self._items[-2].end : self._items[-1].start]
        else:
            start = self._items[0].start
            between = self._data[self._data.rfind(b'"', 0, start) + 1 : start]
        return between if b"," in between and b"#" not in between else b", "

    def _remove_json(self, item: _Item) -> Edit:
        comma = self._data.rfind(b",", 0, item.start)
        between = self._data[comma + 1 : item.start]
        if comma >= 0 and not between.strip(b" \t\r\n" + self._escape):
            return Edit(comma, item.end, "")
        raise LayoutError(f"{item.text} can't be taken out of the array")


def padding(written: bytes, column: int, *, tabs: bool) -> bytes:
    """What leads from the end of ``written`` to the column."""
    gap = column - width(written)
    return b"\t" * max(1, -(-gap // _TAB)) if tabs else b" " * max(1, gap)


def width(text: bytes) -> int:
    """The width on a screen, tabs to every eighth column."""
    return len(decode(text).expandtabs(_TAB))


def _continuation_token(dockerfile: Dockerfile, offset: int) -> bytes:
    """What continues a line there: the escape token, or the shell's backslash within a here-document."""
    instruction = dockerfile.instruction_at(offset)
    if instruction is None or any(start <= offset < end for start, end in (doc.span for doc in instruction.heredocs)):
        return b"\\"
    return instruction.escape.encode()
