"""Variable expansion as a Dockerfile does it (not as a shell does it).

The rules are those of BuildKit's frontend/dockerfile/shell/lex.go: ``$V``, ``${V}``, ``${V:-d}``, ``${V-d}``,
``${V:+x}``, ``${V+x}``, ``${V:?e}``, ``${V?e}``, ``${V%p}``, ``${V%%p}``, ``${V#p}``, ``${V##p}``, ``${V/p/r}``,
``${V//p/r}``, both kinds of quotes, and the escape token. The result keeps the byte map: the text that comes from a
variable still points to where that variable was given its value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from dockerlint_alpine.syntax.globs import pattern_piece, replace_pattern, trimmed
from dockerlint_alpine.syntax.gotext import SPACE
from dockerlint_alpine.syntax.source import EMPTY, MAX_EXPANDED, SourceText
from dockerlint_alpine.system.patterns import lazy_pattern

Scope = Mapping[str, SourceText]

_MAX_DEPTH = 100
_MAX_PATTERN_VALUE = 4096
_SPECIAL_PARAMETERS = frozenset("@*#?-$!0")
_NAME = lazy_pattern(r"[0-9]+|[@*#?$!-]|\w+")
_NO_SCOPE: Scope = {}


class Expanded(Struct, frozen=True):
    """An expanded text.

    ``unknown`` names the variables that had no value (they expand to nothing, as BuildKit does it); ``problems`` are
    the reasons for which BuildKit would refuse the text, in which case ``source`` is the text as written.
    """

    source: SourceText
    unknown: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The expanded text as a plain string."""
        return self.source.text


class LexError(ValueError):
    """BuildKit's lexer would refuse this text; caught within the package and recorded as a problem."""


class LexOptions(Struct, frozen=True):
    """The switches of BuildKit's ``Lex`` that tell its callers apart."""

    escape: str = "\\"
    raw_quotes: bool = False
    raw_escapes: bool = False
    skip_unset: bool = False


class Lex:
    """One pass over one text. ``parts`` collects ``(text, splits)``: whether white space in it separates words."""

    def __init__(self, source: SourceText, scope: Scope, options: LexOptions) -> None:
        self.source = source
        self.text = source.text
        self.scope = scope
        self.options = options
        self.escape = options.escape
        self.position = 0
        self.grown = 0
        self.unknown: dict[str, None] = {}
        self._plain = re.compile(r"[^$<'\"" + re.escape(self.escape) + "]+")
        self._quoted = re.compile(r"[^$\"" + re.escape(self.escape) + "]+")

    def run(self) -> list[tuple[SourceText, bool]]:
        """The parts of the whole text; raises :class:`LexError`."""
        return self._until("", raw_escapes=self.options.raw_escapes, depth=0)

    def _take(self, count: int = 1) -> SourceText:
        start = self.position
        self.position = min(len(self.text), start + count)
        return self.source.slice(start, self.position)

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def _until(self, stop: str, *, raw_escapes: bool, depth: int) -> list[tuple[SourceText, bool]]:
        if depth > _MAX_DEPTH:
            raise LexError("variables are nested too deeply")
        parts: list[tuple[SourceText, bool]] = []
        while self.position < len(self.text):
            character = self._peek()
            if character == stop:
                self.position += 1
                return parts
            if character == "$":
                parts.append((self._dollar(depth), True))
            elif character == "'":
                parts.append((self._single_quoted(), False))
            elif character == '"':
                parts.append((self._double_quoted(raw_escapes=raw_escapes, depth=depth), False))
            elif character == "<":
                parts.append((self._angle(), False))
            elif character == self.escape:
                parts.append((self._escaped(raw_escapes=raw_escapes), False))
            else:
                parts.append((self._run_of_plain(stop), True))
        if stop:
            raise LexError(f"unexpected end of statement while looking for matching {stop}")
        return parts

    def _run_of_plain(self, stop: str) -> SourceText:
        match = self._plain.match(self.text, self.position)
        end = match.end() if match else self.position + 1
        if stop:
            found = self.text.find(stop, self.position, end)
            end = end if found < 0 else found
        return self._take(end - self.position)

    def _escaped(self, *, raw_escapes: bool) -> SourceText:
        escape = self._take()
        following = self._take()
        return escape + following if raw_escapes else following

    def _angle(self) -> SourceText:
        if not self.text.startswith("<<", self.position):
            return self._take()
        end = self.position + 2
        while end < len(self.text) and self.text[end] in "\t\r ":
            end += 1
        return self._take(end - self.position)

    def _single_quoted(self) -> SourceText:
        end = self.text.find("'", self.position + 1)
        if end < 0:
            raise LexError("unexpected end of statement while looking for matching single-quote")
        quoted = self._take(end + 1 - self.position)
        return quoted if self.options.raw_quotes else quoted.slice(1, len(quoted) - 1)

    def _double_quoted(self, *, raw_escapes: bool, depth: int) -> SourceText:
        opening = self._take()
        parts = [opening] if self.options.raw_quotes else []
        while self.position < len(self.text):
            character = self._peek()
            if character == '"':
                closing = self._take()
                if self.options.raw_quotes:
                    parts.append(closing)
                return SourceText.concat(parts)
            if character == "$":
                parts.append(self._dollar(depth))
            elif character == self.escape:
                parts.append(self._escape_in_quotes(raw_escapes=raw_escapes))
            else:
                match = self._quoted.match(self.text, self.position)
                parts.append(self._take(match.end() - self.position if match else 1))
        raise LexError("unexpected end of statement while looking for matching double-quote")

    def _escape_in_quotes(self, *, raw_escapes: bool) -> SourceText:
        escape = self._take()
        following = self._peek()
        if following and following in ('"', "$", self.escape):
            escaped = self._take()
            return escape + escaped if raw_escapes else escaped
        return escape + escape if raw_escapes and following else escape if following or raw_escapes else EMPTY

    def _name(self) -> str:
        character = self._peek()
        if not (character.isalnum() or character == "_" or character in _SPECIAL_PARAMETERS):
            return ""
        match = _NAME.match(self.text, self.position)
        if match is None:
            return ""
        self.position = match.end()
        return match[0]

    def _lookup(self, name: str) -> SourceText | None:
        value = self.scope.get(name)
        self.grown += len(value) if value is not None else 0
        if self.grown > MAX_EXPANDED:
            raise LexError(f"its variables bring in more than {MAX_EXPANDED} characters")
        if value is None and not self.options.skip_unset:
            self.unknown[name] = None
        return value

    def _dollar(self, depth: int) -> SourceText:
        start = self.position
        self.position += 1
        if self._peek() != "{":
            name = self._name()
            value = self._lookup(name) if name else self.source.slice(start, start + 1)
            return self._or_written(value, start)
        self.position += 1
        following = self._peek()
        if not following:
            raise LexError("syntax error: missing '}'")
        if following in "{}:":
            raise LexError("syntax error: bad substitution")
        name = self._name()
        operator = self._operator()
        if operator == "}":
            return self._or_written(self._lookup(name), start)
        if operator in ("/", "//"):
            return self._replaced(name, operator, start, depth)
        words = self._until("}", raw_escapes=operator in ("#", "%"), depth=depth + 1)
        word = SourceText.concat(part for part, _ in words)
        return self._modified(name, operator, word, start)

    def _or_written(self, value: SourceText | None, start: int) -> SourceText:
        """The value; for an unset name nothing, or the text as written when the caller asked to leave it."""
        if value is not None:
            return value
        return self.source.slice(start, self.position) if self.options.skip_unset else EMPTY

    def _operator(self) -> str:
        operator = self._take().text
        if operator == "":
            raise LexError("unsupported modifier () in substitution")
        if operator == ":" or (operator == "/" and self._peek() == "/"):
            operator += self._take().text
        if operator not in ("}", "/", "//", ":-", ":+", ":?", "-", "+", "?", "#", "%"):
            raise LexError(f"unsupported modifier ({operator}) in substitution")
        return operator

    def _modified(self, name: str, operator: str, word: SourceText, start: int) -> SourceText:
        value = self._lookup(name) if name in self.scope else None
        if value is None and self.options.skip_unset:
            return self.source.slice(start, self.position)
        missing = value is None or (operator[0] == ":" and not value.text)
        kind = operator[-1]
        if kind == "-":
            return word if missing or value is None else value
        if kind == "+":
            return EMPTY if missing else word
        if kind == "?":
            if missing or value is None:
                reason = word.text or f"is not allowed to be {'unset' if value is None else 'empty'}"
                raise LexError(f"{name}: {reason}")
            return value
        greedy = word.text.startswith(kind)  # a doubled operator takes the longest match
        pieces = _pattern(word.text[1:] if greedy else word.text)
        return trimmed(self._lookup(name) or EMPTY, kind, pieces, longest=greedy)

    def _replaced(self, name: str, operator: str, start: int, depth: int) -> SourceText:
        pattern = SourceText.concat(part for part, _ in self._until("/", raw_escapes=True, depth=depth + 1))
        replacement = SourceText.concat(part for part, _ in self._until("}", raw_escapes=True, depth=depth + 1))
        value = self._lookup(name)
        if value is None:
            return self._or_written(None, start)
        if len(value) > _MAX_PATTERN_VALUE:
            raise LexError(f"the value of {name} is too long for a pattern")
        return replace_pattern(value, _pattern(pattern.text), replacement, everywhere=operator == "//")


def _pattern(pattern: str) -> tuple[str, ...]:
    r"""A pattern of ``*``, ``?`` and ``\\`` escapes as the pieces of ``globs``."""
    pieces: list[str] = []
    index = 0
    while index < len(pattern):
        character = pattern[index]
        index += 1
        if character == "\\":
            character = pattern[index : index + 1]
            index += 1
            if character not in ("}", "/", "*", "?", "\\"):
                raise LexError(f"invalid pattern ({pattern}) in substitution: invalid escape '\\{character}'")
            pieces.append(re.escape(character))
        else:
            pieces.append(pattern_piece(character))
    return tuple(pieces)


def _is_plain(text: str, escape: str) -> bool:
    return "$" not in text and '"' not in text and "'" not in text and escape not in text


def expand(source: SourceText, scope: Scope, *, escape: str = "\\") -> Expanded:
    """Expand variables and remove quotes in one Dockerfile word; white space in it is kept."""
    if _is_plain(source.text, escape):
        return Expanded(source)
    lex = Lex(source, scope, LexOptions(escape))
    try:
        parts = lex.run()
    except LexError as error:
        return Expanded(source, tuple(lex.unknown), (str(error),))
    return Expanded(SourceText.concat(part for part, _ in parts), tuple(lex.unknown))


def raw_words(source: SourceText) -> tuple[SourceText, ...]:
    """The words of a whole instruction with quotes, escapes and variables left as written (to look for here-documents).

    Always with the backslash as escape token, as BuildKit does it; nothing when the quotes do not match.
    """
    options = LexOptions(raw_quotes=True, raw_escapes=True, skip_unset=True)
    try:
        return tuple(split_words(Lex(source, _NO_SCOPE, options).run()))
    except LexError:
        return ()


def split_words(parts: list[tuple[SourceText, bool]]) -> list[SourceText]:
    """Join the parts of :class:`Lex` and split them at the white space of those that may split."""
    words: list[SourceText] = []
    current: list[SourceText] = []

    def finish() -> None:
        word = SourceText.concat(current)
        if word:
            words.append(word)
        current.clear()

    for part, splits in parts:
        if not splits:
            current.append(part)
            continue
        behind = 0
        for start, end in part.field_ranges(SPACE):
            if start > behind:
                finish()
            current.append(part.slice(start, end))
            behind = end
        if behind < len(part):
            finish()
    finish()
    return words
