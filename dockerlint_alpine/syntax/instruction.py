"""One instruction of a Dockerfile, its flags, its words and its key-value pairs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.syntax.gotext import SPACE, WHITESPACE_RUN
from dockerlint_alpine.syntax.source import EMPTY, SourceText, Span
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.syntax.heredoc import Heredoc
    from dockerlint_alpine.syntax.pieces import Pieces

KEYWORDS = frozenset({
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD",
    "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
})  # fmt: skip
"""Every instruction that BuildKit knows."""

MAYBE_JSON = frozenset({"ADD", "CMD", "COPY", "ENTRYPOINT", "RUN", "SHELL", "VOLUME"})
SPLIT_AT_SPACE = frozenset({"ADD", "COPY", "EXPOSE", "FROM", "VOLUME"})
KEY_VALUE = frozenset({"ARG", "ENV", "LABEL"})


class Flag(str):
    """A flag as BuildKit reads it, quotes and escapes removed: ``--from=builder``.

    It compares with a plain string. ``source`` is the text as written, with its place in the file.
    """

    __slots__ = ("source",)

    source: SourceText

    def __new__(cls, text: str, source: SourceText) -> Flag:
        """Make a flag from its text without quotes and its source as written."""
        flag = super().__new__(cls, text)
        flag.source = source
        return flag

    @property
    def name(self) -> str:
        """The part between ``--`` and ``=``: ``from``."""
        return self[2:].partition("=")[0]

    @property
    def value(self) -> str | None:
        """The part behind ``=``, or ``None`` when there is no ``=``."""
        _, equals, value = self.partition("=")
        return value if equals else None

    @property
    def span(self) -> Span | None:
        """Where the flag is written."""
        return self.source.span()


class Mount(Struct, frozen=True):
    """The value of ``RUN --mount``; variables in it are not expanded.

    ``type`` is ``bind`` unless given. ``options`` holds every key in lower case; a key without ``=`` has the value
    ``"true"`` (https://docs.docker.com/reference/dockerfile/#run---mount).
    """

    type: str
    target: str | None
    source: str | None
    from_: str | None
    options: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, flag: str) -> Mount:
        """Read ``--mount=type=cache,target=/x`` (or only its value); fields may be in double quotes as in CSV."""
        text = flag.partition("=")[2] if flag.startswith("--") else flag
        pairs: list[tuple[str, str]] = []
        for quoted, bare in _CSV_FIELD.findall(text):
            field = quoted.replace('""', '"') if quoted else bare
            key, equals, value = field.partition("=")
            if field:
                pairs.append((key.strip().lower(), value if equals else "true"))
        options = dict(pairs)
        return cls(
            type=options.get("type", "bind"),
            target=options.get("target") or options.get("dst") or options.get("destination"),
            source=options.get("source") or options.get("src"),
            from_=options.get("from"),
            options=tuple(pairs),
        )


_CSV_FIELD = lazy_pattern(r'(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))')


class KeyValue(Struct, frozen=True):
    """One pair of ENV, LABEL or ARG.

    ``value`` is as written, quotes included (see :func:`~dockerlint_alpine.syntax.expand.expand`), and ``None`` where
    ARG gives no default. ``separator`` is ``"="``, or ``""`` for the old form ``ENV KEY the rest of the line``, and for
    an ARG without a default.
    """

    key: str
    value: SourceText | None
    separator: str
    key_source: SourceText


class Instruction(Struct, frozen=True):
    """One instruction.

    ``keyword`` is in upper case. ``start`` and ``end`` are byte offsets: from the first byte that is no white space to
    the end of the last line, its line end left out, here-documents included. Lines are 1-based. ``value`` is what
    follows keyword and flags, continuations joined as BuildKit joins them; ``source`` is the same text with its place
    in the file. ``json`` holds the decoded strings of the exec form (of a HEALTHCHECK: of its CMD) and is ``None`` for
    the shell form; ``json_written`` the same with their quotes. ``comments`` are the comment lines within.
    """

    keyword: str
    start: int
    end: int
    line: int
    end_line: int
    flags: tuple[Flag, ...]
    source: SourceText
    json: tuple[SourceText, ...] | None
    json_written: tuple[SourceText, ...]
    heredocs: tuple[Heredoc, ...]
    onbuild: Instruction | None
    comments: tuple[Span, ...]
    escape: str
    joined: Pieces

    @property
    def logical_line(self) -> SourceText:
        """The whole joined line, keyword and flags included, which BuildKit calls the original."""
        return self.joined.text(0, len(self.joined.joined))

    @property
    def value(self) -> str:
        """The text behind keyword and flags."""
        return self.source.text

    def flag(self, name: str) -> Flag | None:
        """The first flag of this name (without dashes), or ``None``."""
        return next((flag for flag in self.flags if flag.name == name), None)

    def at(self, place: Instruction) -> Instruction:
        """The same where another one stands, as an instruction of another file: nothing in it has a place of its own."""
        return replace(
            self,
            start=place.start,
            end=place.end,
            line=place.line,
            end_line=place.end_line,
            source=SourceText.literal(self.value),
            json=None if self.json is None else tuple(SourceText.literal(one.text) for one in self.json),
            heredocs=tuple(replace(one, source=SourceText.literal(one.source.text)) for one in self.heredocs),
        )

    def words(self) -> tuple[SourceText, ...]:
        """The arguments as BuildKit's parser hands them on, nothing expanded, quotes left as written.

        JSON strings; the words of ADD, COPY, EXPOSE, FROM and VOLUME; keys and values in turn of ENV, LABEL and ARG
        (an ARG stays ``NAME=value``); the type and command of a HEALTHCHECK; the whole value of everything else.
        """
        if self.keyword == "HEALTHCHECK":
            kind, command = split_healthcheck(self.source)
            rest = self.json if self.json is not None else (command,)
            return tuple(word for word in (kind, *rest) if word)
        if self.json is not None:
            return self.json
        if self.keyword in KEY_VALUE:
            return self._pair_words()
        if not self.source:
            return ()
        if self.keyword in SPLIT_AT_SPACE:
            return split_at_space(self.source)
        return (self.source,)

    def _pair_words(self) -> tuple[SourceText, ...]:
        if self.keyword == "ARG":
            return assignment_words(self.source, self.escape)
        pairs = key_values(self)
        return tuple(part for pair in pairs for part in (pair.key_source, pair.value or EMPTY))


def split_at_space(source: SourceText) -> tuple[SourceText, ...]:
    """Split at runs of BuildKit's white space (not the newline)."""
    words: list[SourceText] = []
    position = 0
    for match in WHITESPACE_RUN.finditer(source.text):
        words.append(source.slice(position, match.start()))
        position = match.end()
    words.append(source.slice(position, len(source)))
    return tuple(words)


_LATIN_SPACE = lazy_pattern("[\t-\r \x85\xa0]+")


def split_healthcheck(source: SourceText) -> tuple[SourceText, SourceText]:
    """The type (``CMD``, ``NONE``) and the rest of a HEALTHCHECK."""
    match = _LATIN_SPACE.search(source.text)
    if match is None:
        return source, EMPTY
    return source.slice(0, match.start()), source.slice(match.end(), len(source))


@lru_cache(maxsize=2)
def _assignment_word(escape: str) -> re.Pattern[str]:
    token = re.escape(escape)
    return re.compile(
        rf"(?:{token}[\s\S]|'[^']*+(?:'|\Z)|\"(?:{token}[\s\S]|[^\"{token}])*+(?:\"|{token}?\Z)"
        rf"|[^{re.escape(SPACE)}'\"{token}]|{token}\Z)++"
    )


def assignment_words(source: SourceText, escape: str) -> tuple[SourceText, ...]:
    """Split ``A=b C="d e"`` into words, quotes and escapes left as written (line_parsers.go: ``parseWords``)."""
    words: list[SourceText] = []
    for match in _assignment_word(escape).finditer(source.text):
        end = match.end()
        if end == len(source) and match[0].endswith(escape) and _ends_with_lone_escape(match[0], escape):
            end -= 1
        if end > match.start():
            words.append(source.slice(match.start(), end))
    return tuple(words)


def _ends_with_lone_escape(word: str, escape: str) -> bool:
    """Whether the last escape token of a text that ends here escapes nothing (and is dropped)."""
    return (len(word) - len(word.rstrip(escape))) % 2 == 1 and not _inside_single_quotes(word, escape)


def _inside_single_quotes(word: str, escape: str) -> bool:
    quote = ""
    index = 0
    while index < len(word):
        character = word[index]
        if character == escape and quote != "'":
            index += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        index += 1
    return quote == "'"


def key_values(instruction: Instruction) -> tuple[KeyValue, ...]:
    """The pairs of an ENV (both forms), LABEL or ARG instruction; nothing for any other instruction."""
    if instruction.keyword not in KEY_VALUE:
        return ()
    words = assignment_words(instruction.source, instruction.escape)
    if not words:
        return ()
    if instruction.keyword != "ARG" and "=" not in words[0].text:
        match = WHITESPACE_RUN.search(instruction.value)
        if match is None:
            return ()
        key = instruction.source.slice(0, match.start())
        return (KeyValue(key.text, instruction.source.slice(match.end(), len(instruction.source)), "", key),)
    return tuple(_pair(word) for word in words)


def _pair(word: SourceText) -> KeyValue:
    equals = word.text.find("=")
    if equals < 0:
        return KeyValue(word.text, None, "", word)
    key = word.slice(0, equals)
    return KeyValue(key.text, word.slice(equals + 1, len(word)), "=", key)
