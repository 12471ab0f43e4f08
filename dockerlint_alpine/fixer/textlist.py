"""Package lists in separate files: ``apk add $(cat packages.txt)``, ``xargs apk add < packages.txt``.

The file is one of the build context, or a here-document that a COPY of the Dockerfile itself writes.
"""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.syntax import Edit, LayoutError, Span, apply_edits
from dockerlint_alpine.syntax.edit import difference
from dockerlint_alpine.syntax.ordering import package_name, slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.stages.apk_commands import Operand
    from dockerlint_alpine.stages.context import BuildContext
    from dockerlint_alpine.stages.model import ApkStep, Timeline

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-@:=~<>!")


class TextList(Struct, frozen=True):
    """Names in a text, separated by blanks or line ends. ``path`` is the file, ``None`` for the Dockerfile.

    ``spans`` are the bytes of each name within ``data``.
    """

    data: bytes
    spans: tuple[Span, ...]
    path: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The members as written."""
        return tuple(self.data[start:end].decode("utf-8", "surrogateescape") for start, end in self.spans)

    @property
    def one_per_line(self) -> bool:
        """True when (nearly) every name has a line of its own."""
        lines = {self.data.count(b"\n", 0, start) for start, _ in self.spans}
        return len(lines) * 2 > len(self.spans)

    def insert(self, name: str) -> Edit:
        """Put one more name in, in the order that the others are in. Raises LayoutError for an odd name."""
        if not name or not set(name) <= _PLAIN:
            raise LayoutError(f"{name!r} can't be put into a list")
        position = slot([package_name(member) for member in self.names], package_name(name))
        if not self.one_per_line:
            return self._inline(position, name)
        start = self.spans[max(position - 1, 0)][0]
        line = self.data.rfind(b"\n", 0, start) + 1
        indent = self.data[line:start].decode() if not self.data[line:start].strip(b" \t") else ""
        if position == 0:
            return Edit(line, line, f"{indent}{name}{self._line_end(start)}")
        end = self.data.find(b"\n", start)
        if end < 0:
            return Edit(len(self.data), len(self.data), f"{self._line_end(0)}{indent}{name}")
        return Edit(end + 1, end + 1, f"{indent}{name}{self._line_end(start)}")

    def remove(self, name: str) -> Edit:
        """Take a name out, with its line when nothing else stands there. Raises LayoutError when it is not in."""
        for member, (start, end) in zip(self.names, self.spans, strict=True):
            if name in (member, package_name(member)):
                line = self.data.rfind(b"\n", 0, start) + 1
                newline = self.data.find(b"\n", end)
                stop = len(self.data) if newline < 0 else newline + 1
                if not self.data[line:start].strip() and not self.data[end:stop].partition(b"#")[0].strip():
                    return Edit(line, stop, "")
                behind = end + len(self.data[end:stop]) - len(self.data[end:stop].lstrip(b" \t"))
                return Edit(start, behind, "") if behind > end else Edit(len(self.data[:start].rstrip(b" \t")), end, "")
        raise LayoutError(f"{name} is not in the list")

    def remove_all(self, names: Iterable[str]) -> Edit:
        """Take several names out, with one edit. Raises LayoutError when one is not in, or none is left."""
        rest = self
        for name in names:
            if len(rest.spans) == 1:
                raise LayoutError("nothing of the list would be left")
            rest = rest._without(name)
        return difference(self.data, rest.data)

    def _without(self, name: str) -> TextList:
        edit = self.remove(name)
        gone = edit.end - edit.start
        kept = [span for span in self.spans if not edit.start <= span[0] < edit.end]
        moved = tuple((start - gone, end - gone) if start >= edit.end else (start, end) for start, end in kept)
        return TextList(apply_edits(self.data, [edit]), moved, self.path)

    def _inline(self, position: int, name: str) -> Edit:
        if position == 0:
            return Edit(self.spans[0][0], self.spans[0][0], f"{name} ")
        return Edit(self.spans[position - 1][1], self.spans[position - 1][1], f" {name}")

    def _line_end(self, offset: int) -> str:
        end = self.data.find(b"\n", offset)
        return "\r\n" if end > 0 and self.data[end - 1 : end] == b"\r" else "\n"


def file_list(timeline: Timeline, step: ApkStep, path: str, operands: Sequence[Operand]) -> TextList | None:
    """The list that these operands are in; ``None`` where ``path`` is not a file that we could write."""
    spans = [operand.span for operand in operands if operand.span is not None]
    texts = [operand.text for operand in operands]
    if len(spans) != len(texts):
        return None
    return _in_context(step, path, spans, texts) or _in_heredoc(timeline, spans, texts)


def _in_context(step: ApkStep, path: str, spans: list[Span], texts: list[str]) -> TextList | None:
    data = context_bytes(step.before.files.context, path)
    return TextList(data, tuple(spans), path) if data is not None and _holds(data, spans, texts) else None


def context_bytes(context: BuildContext, path: str) -> bytes | None:
    """The bytes of a file of the build context that is called ``path`` in messages; ``None`` where it is none."""
    root = context.shown_as
    inside = os.path.relpath(path, root) if root not in {"", "."} else posixpath.normpath(path)
    if inside.startswith(("..", "/")):
        return None
    try:
        return context.read(inside.replace(os.sep, "/"))
    except OSError:
        return None


def _in_heredoc(timeline: Timeline, spans: list[Span], texts: list[str]) -> TextList | None:
    """The here-document of a COPY that has just these words at these places."""
    for instruction in timeline.dockerfile.instructions:
        if instruction.keyword not in {"COPY", "ADD"}:
            continue
        for heredoc in instruction.heredocs:
            content = heredoc.content.encode("utf-8", "surrogateescape")
            if not content.isascii() or not _holds(content, spans, texts):
                continue
            placed = [heredoc.source.char_span(*span) for span in spans]
            known = tuple(span for span in placed if span is not None)
            if len(known) == len(spans):
                return TextList(timeline.dockerfile.data, known, None)
    return None


def _holds(data: bytes, spans: list[Span], texts: list[str]) -> bool:
    return all(
        data[start:end].decode("utf-8", "replace") == text for (start, end), text in zip(spans, texts, strict=True)
    )
