"""Here-documents of RUN, COPY and ADD, found as BuildKit finds them (parser.go: ``heredocsFromLine``)."""

from __future__ import annotations

from msgspec import Struct

from dockerlint_alpine.syntax.expand import Lex, LexError, LexOptions, raw_words, split_words
from dockerlint_alpine.syntax.source import SourceText, Span
from dockerlint_alpine.system.patterns import lazy_pattern

_HEREDOC = lazy_pattern(r"([0-9]*)<<(-?)[\t\n\f\r ]*([^<]*)\Z")
_LEADING_TABS = lazy_pattern(rb"\t*([^\n]*(?:\n|\Z))")


class Heredoc(Struct, frozen=True):
    """One here-document of an instruction.

    ``content`` is the body as BuildKit's parser reports it: every byte between the lines, leading tabs included even
    for ``<<-``. ``source`` is the text that is used: without those tabs, with its place in the file. ``expand`` is
    false when the word was quoted. ``span`` covers the body, ``terminator`` the line that ends it without its line end
    (``None`` when the file ends first).
    """

    name: str
    content: str
    expand: bool
    strip_tabs: bool
    fd: int
    span: Span
    terminator: Span | None
    source: SourceText


class HeredocWord(Struct, frozen=True):
    """The ``<<NAME`` that announces a here-document."""

    name: str
    expand: bool
    strip_tabs: bool
    fd: int


def _words(source: SourceText, *, raw_quotes: bool) -> list[SourceText]:
    return split_words(Lex(source, {}, LexOptions(raw_quotes=raw_quotes, skip_unset=True)).run())


def heredoc_word(source: SourceText) -> HeredocWord | None:
    """Read one word as ``[fd]<<[-]NAME``; ``None`` when it is none. Raises :class:`LexError` for a broken name."""
    match = _HEREDOC.match(source.text)
    if match is None or not match[3]:
        return None
    rest = source.slice(match.start(3), match.end(3))
    words = _words(rest, raw_quotes=False)
    if len(words) != 1:
        return None
    raw = _words(rest, raw_quotes=True)
    if len(raw) != 1:
        raise LexError(f"the name of the heredoc is ambiguous: {rest}")
    name, written = words[0].text, raw[0].text
    expand = name.count("'") + name.count('"') == written.count("'") + written.count('"')
    descriptor = int(match[1]) if match[1] and len(match[1]) < 20 else 0
    return HeredocWord(name, expand=expand, strip_tabs=match[2] == "-", fd=descriptor)


def heredocs_of_line(line: SourceText) -> tuple[HeredocWord, ...]:
    """The here-documents that a joined instruction announces, in order. Raises :class:`LexError`."""
    found = (heredoc_word(word) for word in raw_words(line) if "<<" in word.text)
    return tuple(heredoc for heredoc in found if heredoc is not None)


def body_source(data: bytes, start: int, end: int, *, strip_tabs: bool) -> SourceText:
    """The text of a body, the leading tabs of each line left out for ``<<-``."""
    if not strip_tabs:
        return SourceText.from_bytes(data, start, end)
    lines = _LEADING_TABS.finditer(data, start, end)
    return SourceText.from_pieces(data, (match.span(1) for match in lines))
