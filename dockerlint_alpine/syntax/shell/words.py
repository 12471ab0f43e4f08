"""Words of a shell command, and what they become: quote removal, parameter expansion, field splitting.

The rules are those of the POSIX shell (XCU 2.6) with what busybox ash and bash add and Dockerfiles use. What only a
run of the build can know (command substitution, a variable nobody set) stays in the text as written and makes the
argument unknown; it is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from dockerlint_alpine.syntax.globs import pattern_piece, trimmed
from dockerlint_alpine.syntax.shell.scan import dollar_end, nested_end, word_end
from dockerlint_alpine.syntax.source import EMPTY, MAX_EXPANDED, SourceText, Span
from dockerlint_alpine.system.patterns import lazy_pattern

Variables = Mapping[str, SourceText]

_SIMPLE = lazy_pattern(r"[\w.,/+@:=%^~-]*", re.ASCII)
_PLAIN = lazy_pattern(r"[^'\"\\$`]+")
_PLAIN_QUOTED = lazy_pattern(r"[^\"\\$`]+")
_GLOB = lazy_pattern(r"[*?\[]")
_ESCAPE_OR_QUOTE = lazy_pattern(r"\\(?:(\r?\n)|[\s\S])|[\"']")
_ANSI_ESCAPE = lazy_pattern(r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|([0-7]{1,3})|([\s\S]))")
_ANSI_SIMPLE = {"a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BRACED = lazy_pattern(
    r"\$\{(?P<length>#(?=[\w@*]))?(?P<name>[A-Za-z_]\w*|[0-9]+|[@*#?$!-])(?P<array>\[[@*]\])?"
    r"(?P<operator>:?[-+=?]|%%?|##?|:(?=[0-9])|\})?",
    re.ASCII,
)
_SUBSTRING = lazy_pattern(r"([0-9]+)(?::([0-9]+))?")
_NAMED = lazy_pattern(r"\$\{?([A-Za-z_]\w*)", re.ASCII)
_MAX_TURNS = 4096
"""Arguments that one word may become in the rounds of a loop."""

_NAMES = lazy_pattern(r"\$\{?[!#]?([A-Za-z_]\w*|[0-9]+|[@*#?$!-])", re.ASCII)
_SHORT = 40
"""Characters of a command whose output may be known."""
_BLANK_OR_COMMENT = lazy_pattern(r"\s*(?:#.*)?")
_MAX_DEPTH = 40


class Arg(Struct, frozen=True):
    """One argument as the program would get it.

    ``text`` is the argument; where a part of it is unknown, that part stands as written. ``span`` is where the text is
    written: in the command, or in the ENV, ARG or assignment that holds it; ``None`` when it is put together from
    several places or stands nowhere. ``word`` is the word of the command it came from. ``value`` is the whole value of
    the variable when the argument is one field of it (never for a quoted ``"$V"``). ``unknown`` names the variables
    without a value, and holds command substitutions as written. ``glob`` is true when an unquoted ``*``, ``?`` or
    ``[`` may still match files.
    """

    text: str
    source: SourceText
    span: Span | None
    word: Word
    value: SourceText | None = None
    unknown: tuple[str, ...] = ()
    glob: bool = False

    @property
    def known(self) -> bool:
        """True when every part of the text is known."""
        return not self.unknown

    @property
    def substitutions(self) -> tuple[SourceText, ...]:
        """The scripts in ``$(...)`` or backquotes that the argument depends on, for ``parse_script``."""
        found: list[SourceText] = []
        for start, end in self.source.opaque_runs():
            run = self.source.slice(start, end)
            found.extend(_scripts_in(run))
        return tuple(found)


class Word(Struct, frozen=True):
    """A word as written. A ``literal`` word (of an exec form) is taken as it is, without any expansion.

    ``span`` covers the word with its quotes.
    """

    source: SourceText
    span: Span | None
    literal: bool = False

    @property
    def text(self) -> str:
        """The word as written (of an exec form: decoded)."""
        return self.source.text

    def expand(self, variables: Variables) -> tuple[Arg, ...]:
        """The arguments this word becomes: none, one, or the fields of a variable."""
        text = self.source.text
        if self.literal or (text and _SIMPLE.fullmatch(text)):
            span = self.source.span() if self.literal else self.span
            return (Arg(text, self.source, span, self),)
        for match in _NAMED.finditer(text):
            turns = variables.get(match[1])
            if isinstance(turns, Turns):
                return self._in_turn(match[1], turns, variables)
        expander = _Expander(variables, split=True)
        expander.walk(_without_continuations(self.source), quoted=False)
        return tuple(_arg(field_, self) for field_ in expander.finished())

    def _in_turn(self, name: str, turns: Turns, variables: Variables) -> tuple[Arg, ...]:
        """The arguments of all rounds of a loop: quotes around its variable do not join what it takes in turn."""
        found: list[Arg] = []
        for value in turns.split_fields():
            args = self.expand({**variables, name: value})
            found.extend(replace(arg, value=turns) if arg.source == value else arg for arg in args)
            if len(found) > _MAX_TURNS:
                break
        return tuple(found)

    def value(self, variables: Variables) -> SourceText:
        """The word as the value of an assignment: expanded, quotes removed, not split; an array becomes one list."""
        if self.literal:
            return self.source
        if self.source.text.startswith("("):
            return _array_value(self.source, variables)
        expander = _Expander(variables, split=False)
        expander.walk(_without_continuations(self.source), quoted=False)
        return SourceText.concat(part for field_ in expander.finished() for part in field_.parts)


def _without_continuations(source: SourceText) -> SourceText:
    """Line continuations go before anything else is looked at (XCU 2.2.1), but in single quotes: they may even split a
    variable's name."""
    text = source.text
    nested = "'" in text and any(one in text for one in ("$'", "$(", "${", "`"))  # with quotes of their own
    if "\\" not in text or "\n" not in text or nested:
        return source
    parts: list[SourceText] = []
    behind = position = 0
    quoted = False
    while (match := _ESCAPE_OR_QUOTE.search(text, position)) is not None:
        position = match.end()
        if match[0] == '"':
            quoted = not quoted
        elif match[0] == "'" and not quoted:
            position = text.find("'", position) + 1 or len(text)
        elif match[1]:
            parts.append(source.slice(behind, match.start()))
            behind = position
    return SourceText.concat((*parts, source.slice(behind, len(source)))) if parts else source


class Turns(SourceText):
    """What the variable of a ``for`` loop takes in turn, with blanks between."""

    __slots__ = ()

    @classmethod
    def of(cls, words: tuple[Word, ...], variables: Variables) -> Turns:
        """The values that the ``words`` of the loop become."""
        joined = join_words(words, variables)
        return cls(joined.text, joined._segments)  # noqa: SLF001  its base class


def names_in(text: str) -> set[str] | None:
    """The variables that a word expands, or the command that it is, as ``$(uname -m)``; ``None`` where it runs others."""
    command = _as_command(text.strip('"'))
    if command:
        return {command}
    if "$(" in text or "`" in text:
        return None
    return {match[1] for match in _NAMES.finditer(text)} if "$" in text else set()


def _as_command(text: str) -> str:
    """A short command of plain words in the place of its output, as ``$(uname -m)``; empty for anything else."""
    inner = text[2:-1] if text.startswith("$(") else text[1:-1] if text.startswith("`") else ""
    plain = inner and len(inner) < _SHORT and not any(char in inner for char in "$`()|;&<>'\"\\")
    return f"$({' '.join(inner.split())})" if plain else ""


def join_words(words: tuple[Word, ...], variables: Variables) -> SourceText:
    """The arguments of several words as one value, e.g. the list of a ``for`` loop; blanks are kept where written."""
    parts: list[SourceText] = []
    for word in words:
        parts.extend((SourceText.literal(" "), *_spaced(word.expand(variables))))
    return SourceText.concat(parts[1:])


def _spaced(args: tuple[Arg, ...]) -> list[SourceText]:
    parts: list[SourceText] = []
    for arg in args:
        parts += (SourceText.literal(" "), arg.source)
    return parts[1:]


class _Field(Struct):
    parts: list[SourceText] = field(default_factory=list)
    origins: set[int] = field(default_factory=set)
    value: SourceText | None = None
    glob: bool = False


def _arg(field_: _Field, word: Word) -> Arg:
    source = SourceText.concat(field_.parts)
    single = len(field_.origins) == 1
    return Arg(
        text=source.text,
        source=source,
        span=source.span() if single else None,
        word=word,
        value=field_.value if single else None,
        unknown=() if source.known else _unknown(source),
        glob=field_.glob,
    )


def _unknown(source: SourceText) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for start, end in source.opaque_runs():
        for piece in _expansions(source.text[start:end]):
            match = None if piece.startswith(("$(", "`")) else _NAMES.match(piece)
            names[match[1] if match else piece] = None
    return tuple(names)


def _expansions(text: str) -> list[str]:
    """The ``$...`` and backquoted pieces of an opaque run."""
    found: list[str] = []
    position = 0
    while position < len(text):
        end = dollar_end(text, position) if text[position] == "$" else -1
        if text[position] == "`":
            end = nested_end(text, position)
        end = len(text) if end < 0 else end
        found.append(text[position:end])
        position = end
    return found


def _scripts_in(run: SourceText) -> list[SourceText]:
    found: list[SourceText] = []
    position = 0
    for piece in _expansions(run.text):
        end = position + len(piece)
        if piece.startswith("$(") and not piece.startswith("$(("):
            found.append(run.slice(position + 2, end - 1 if piece.endswith(")") else end))
        elif piece.startswith("`"):
            found.append(run.slice(position + 1, end - 1 if len(piece) > 1 and piece.endswith("`") else end))
        position = end
    return found


def _array_value(source: SourceText, variables: Variables) -> SourceText:
    text = source.text
    position, words = 1, []
    while position < len(text):
        end, _ = word_end(text, position)
        if end == position:
            position += 1
            continue
        piece = source.slice(position, end)
        words.append(Word(piece, piece.span()))
        position = end
    return join_words(tuple(words), variables)


class _Expander:
    """Builds the fields of one word."""

    def __init__(self, variables: Variables, *, split: bool) -> None:
        self.variables = variables
        self.split = split
        self.fields: list[_Field] = []
        self.current: _Field | None = None
        self.depth = 0
        self.left = MAX_EXPANDED

    def finished(self) -> list[_Field]:
        self._finish()
        return self.fields

    def _finish(self) -> None:
        if self.current is not None:
            self.fields.append(self.current)
            self.current = None

    def _emit(self, part: SourceText, *, origin: SourceText | None = None, glob: bool = False) -> None:
        if self.current is None:
            self.current = _Field(value=origin)
        self.current.parts.append(part)
        if part:
            self.current.origins.add(id(origin) if origin is not None else 0)
        self.current.glob |= glob and _GLOB.search(part.text) is not None

    def walk(self, source: SourceText, *, quoted: bool) -> None:
        """Expand the raw text of a word or of a part of one."""
        text, position = source.text, 0
        plain = _PLAIN_QUOTED if quoted else _PLAIN
        while position < len(text):
            match = plain.match(text, position)
            if match is not None:
                self._plain(source.slice(position, match.end()), quoted=quoted)
                position = match.end()
            elif text[position] == "\\":
                position = self._escape(source, position, quoted=quoted)
            elif text[position] == "'":
                end = text.find("'", position + 1)
                end = len(text) if end < 0 else end
                self._emit(source.slice(position + 1, end))
                position = end + 1
            elif text[position] == '"':
                position = self._double_quoted(source, position)
            elif text[position] == "`":
                position = self._opaque(source, position, nested_end(text, position))
            else:
                position = self._dollar(source, position, quoted=quoted)

    def _plain(self, part: SourceText, *, quoted: bool) -> None:
        """Text without anything special; within an unquoted ``${V:-a b}`` it is split into fields."""
        if quoted or not self.split or self.depth == 0:
            self._emit(part, glob=not quoted)
        else:
            self._fields(part, None)

    def _fields(self, part: SourceText, origin: SourceText | None) -> None:
        behind = 0
        for start, end in part.field_ranges():
            if start > behind:
                self._finish()
            self._emit(part.slice(start, end), origin=origin, glob=True)
            behind = end
        if behind < len(part):
            self._finish()

    def _double_quoted(self, source: SourceText, position: int) -> int:
        end = nested_end(source.text, position)
        inner_end = len(source) if end < 0 else end - 1
        self._emit(EMPTY)
        self.walk(source.slice(position + 1, inner_end), quoted=True)
        return len(source) if end < 0 else end

    def _escape(self, source: SourceText, position: int, *, quoted: bool) -> int:
        text = source.text
        following = text[position + 1 : position + 2]
        if following == "\n":
            return position + 2
        if text.startswith("\r\n", position + 1):
            return position + 3
        if not following or (quoted and following not in '$`"\\'):
            self._emit(source.slice(position, position + 1))
            return position + 1
        self._emit(source.slice(position + 1, position + 2))
        return position + 2

    def _opaque(self, source: SourceText, position: int, end: int) -> int:
        end = len(source) if end < 0 else end
        written = source.text[position:end]
        known = self.variables.get(_as_command(written))
        if known is not None:
            self._emit(known)
        elif not _is_comment(written):
            self._emit(source.slice(position, end).opaque())
        return end

    def _dollar(self, source: SourceText, position: int, *, quoted: bool) -> int:
        text = source.text
        end = dollar_end(text, position, quoted=quoted)
        following = text[position + 1 : position + 2]
        if end < 0 or following == "(":
            return self._opaque(source, position, end)
        if following == "'" and not quoted:
            self._emit(_ansi(source.slice(position + 2, max(position + 2, end - 1))))
        elif following == "{":
            self._braced(source.slice(position, end), quoted=quoted)
        elif end == position + 1:
            self._emit(source.slice(position, end))
        else:
            raw = source.slice(position, end)
            name = raw.text[1:]
            self._value(self.variables.get(name), raw, quoted=quoted and name != "@")
        return end

    def _value(self, value: SourceText | None, raw: SourceText, *, quoted: bool) -> None:
        """Put in the value of a variable, or the expansion as written when it has none."""
        self.left -= len(value) if value is not None else 0
        if value is None or self.left < 0:
            self._emit(raw.opaque())
            return
        if quoted or not self.split:
            self._emit(value, origin=value)
        else:
            self._fields(value, value)

    def _braced(self, raw: SourceText, *, quoted: bool) -> None:
        """``${name}`` and its operators."""
        match = _BRACED.match(raw.text)
        operator = match["operator"] if match else None
        if match is None or operator is None or self.depth >= _MAX_DEPTH:
            self._emit(raw.opaque())
            return
        value = self.variables.get(match["name"])
        word = raw.slice(match.end(), len(raw) - 1)
        if match["length"]:
            known = value is not None and value.known and operator == "}" and not match["array"]
            self._emit(SourceText.literal(str(len(value))) if known and value is not None else raw.opaque())
        elif operator == "}":
            self._value(value, raw, quoted=quoted and not match["array"] and match["name"] != "@")
        elif operator[-1] in "-=+?":
            self._conditional(value, operator, word, raw, quoted=quoted)
        else:
            cut = _cut(value, operator, word, self.variables) if value is not None else None
            self._value(cut, raw, quoted=quoted)

    def _conditional(
        self, value: SourceText | None, operator: str, word: SourceText, raw: SourceText, *, quoted: bool
    ) -> None:
        """``${V:-w}``, ``${V:=w}``, ``${V:+w}``, ``${V:?w}`` and the forms without the colon."""
        missing = value is None or (operator[0] == ":" and not value)
        kind = operator[-1]
        if kind == "?" or (kind in "-=" and not missing):
            self._value(None if missing else value, raw, quoted=quoted)
        elif missing != (kind == "+"):
            self.depth += 1
            self.walk(word, quoted=quoted)
            self.depth -= 1
        elif quoted:
            self._emit(EMPTY)


def _is_comment(written: str) -> bool:
    """Whether a command substitution holds nothing but a comment: `` `# why` `` becomes nothing."""
    inner = written[1:-1] if written.startswith("`") else written[2:-1]
    return not written.startswith("$((") and _BLANK_OR_COMMENT.fullmatch(inner) is not None


def _ansi(source: SourceText) -> SourceText:
    """The inside of ``$'...'`` with its escapes decoded."""
    parts: list[SourceText] = []
    position = 0
    for match in _ANSI_ESCAPE.finditer(source.text):
        parts.append(source.slice(position, match.start()))
        hexadecimal, unicode, octal, simple = match.groups()
        code = hexadecimal or unicode
        number = int(code, 16) if code else int(octal, 8) % 256 if octal else 0
        character = _ANSI_SIMPLE.get(simple, simple) if simple else chr(number)
        decoded = SourceText.literal("\ufffd" if "\ud800" <= character <= "\udfff" else character)
        span = source.char_span(*match.span())
        parts.append(decoded.located_as(*span) if span else decoded)
        position = match.end()
    parts.append(source.slice(position, len(source)))
    return SourceText.concat(parts)


def _cut(value: SourceText, operator: str, word: SourceText, variables: Variables) -> SourceText | None:
    """``${V%p}``, ``${V%%p}``, ``${V#p}``, ``${V##p}`` and ``${V:offset:length}``; ``None`` when it can't be known."""
    if not value.known:
        return None
    if operator == ":":
        match = _SUBSTRING.fullmatch(word.text)
        if match is None:
            return None
        start = min(int(match[1]), len(value))
        return value.slice(start, min(start + int(match[2]), len(value)) if match[2] else len(value))
    pieces = _glob_pieces(word, variables)
    return None if pieces is None else trimmed(value, operator[0], pieces, longest=len(operator) == 2)


def _glob_pieces(word: SourceText, variables: Variables) -> tuple[str, ...] | None:
    """A pattern of a shell as the pieces of ``globs``; ``None`` for bracket expressions and unknown variables."""
    expander = _Expander(variables, split=False)
    expander.walk(word, quoted=False)
    text = "".join(part.text for field_ in expander.finished() for part in field_.parts)
    known = all(part.known for field_ in expander.fields for part in field_.parts)
    wild = "*" in text or "?" in text
    if not known or "[" in text or (wild and any(quote in word.text for quote in "'\"\\")):
        return None
    return tuple(map(pattern_piece, text))
