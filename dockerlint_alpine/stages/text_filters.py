"""What ``grep`` and ``sed`` make of a text, where their expressions are plain (POSIX: grep, sed, regular expressions)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.system.patterns import Steps, lazy_pattern, repetitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dockerlint_alpine.syntax import Arg

GREP = frozenset({"egrep", "fgrep", "grep"})
_CLASSES = {"[[:space:]]": r"\s", "[[:blank:]]": r"[ \t]", "[[:alnum:]]": "[A-Za-z0-9]", "[[:digit:]]": "[0-9]"}
_MAX_LINE = 8192
_MAX_REPLACEMENT = 200
_MAX_REPEATS = 2
_MAX_COMMANDS = 50

_ADDRESS = lazy_pattern(r"(?P<number>\d{1,6})|(?P<last>\$)|/(?P<pattern>(?:[^/\\\n]|\\.)*)/")
_SUBSTITUTION = lazy_pattern(r"s(?P<mark>[^\w\s\\])(?P<body>[^\n]*)")
_FLAGS = lazy_pattern(r"([gI]*)[ \t]*(?=[;\n}]|\Z)")
_UNLIKE = lazy_pattern(r"\\[<>`'dDAZBnt]|[*+}]\?|\|")
"""What these expressions mean otherwise in Python, or what is found of them: the longest alternative, not the first."""
_SPECIAL = lazy_pattern(r"\\[A-Za-z\n]")
_REFERENCE = lazy_pattern(r"\\(.)|(&)")


def grep(name: str, words: Sequence[Arg], files: int, steps: Steps) -> Callable[[str], bool] | None:
    """Which lines ``grep`` prints, for plain expressions (POSIX: grep, basic and extended regular expressions). A line for
    which too few ``steps`` are left counts as not printed. ``None`` for other programs, and where that can't be told."""
    flags, expressions = "", []
    rest = iter([word.text for word in words])
    operands: list[str] = []
    for text in rest:
        if text in {"-e", "--regexp"}:
            expressions.append(next(rest, ""))
        elif text.startswith("--"):
            return None
        elif text.startswith("-") and len(text) > 1:
            flags += text[1:]
        else:
            operands.append(text)
    if not expressions:
        expressions = operands[:1]
    understood = name in GREP and {*flags} <= {*"vEFiwxhs"} and all(word.known for word in words)
    if not understood or (files > 1 and "h" not in flags):
        return None
    if name == "fgrep" or "F" in flags:
        patterns = [re.escape(one) for one in expressions]
    else:
        extended = name == "egrep" or "E" in flags
        patterns = [one if extended else _extended(one) for one in expressions]
    source = "|".join(f"(?:{one})" for one in map(_named_classes, patterns))
    if not expressions or repetitions(source) > _MAX_REPEATS:
        return None
    if "w" in flags:
        source = rf"(?<!\w)(?:{source})(?!\w)"
    try:
        pattern = re.compile(rf"\A(?:{source})\Z" if "x" in flags else source, re.IGNORECASE if "i" in flags else 0)
    except (re.error, RecursionError, OverflowError):
        return None
    wanted = "v" not in flags

    def kept(text: str) -> bool:
        return steps.takes(source, len(text)) and (pattern.search(text) is not None) is wanted

    return kept


def _extended(expression: str) -> str:
    """A basic regular expression as an extended one: there a backslash makes ``( ) { } | + ?`` special, here it does not."""

    def swapped(match: re.Match[str]) -> str:
        text = match[0]
        return text[1:] if len(text) > 1 and text[1] in "(){}|+?" else f"\\{text}" if text in "(){}|+?" else text

    return re.sub(r"\\?[\s\S]", swapped, expression)


def _named_classes(expression: str) -> str:
    for name, value in _CLASSES.items():
        expression = expression.replace(name, value)
    return expression


class Edit(Struct, frozen=True):
    """A call of ``sed``: the ``files`` it reads, whether it writes them (``-i``), and what it does to each line."""

    files: tuple[str, ...]
    in_place: bool
    commands: tuple[_Command, ...]

    def lines(self, text: str, steps: Steps) -> str | None:
        """The text with each line changed, and an empty one for each that is deleted, so that numbers stay; ``None`` where
        that would take too many steps."""
        *lines, rest = text.split("\n")
        if rest:
            lines.append(rest)
        if any(len(line) > _MAX_LINE for line in lines):
            return None
        inside: set[int] = set()
        try:
            made = [
                self._line(_Place(line, number, number == len(lines)), inside, steps)
                for number, line in enumerate(lines, 1)
            ]
        except _TooMuchError:
            return None
        return "\n".join([*made, *([] if rest else [""])])

    def _line(self, place: _Place, inside: set[int], steps: Steps) -> str:
        """The line; ``inside`` are the numbers of the commands whose range has begun."""
        for number, command in enumerate(self.commands):
            if not all(steps.takes(one, len(place.line)) for one in command.patterns):
                raise _TooMuchError
            if not command.takes(place, number, inside):
                continue
            if command.pattern is None:
                return ""
            changed = command.pattern.sub(command.replaced, place.line, count=0 if command.everywhere else 1)
            if len(changed) > _MAX_LINE:
                raise _TooMuchError
            place = replace(place, line=changed)
        return place.line


class _TooMuchError(Exception):
    """A text that grows, or takes too many steps."""


class _Place(Struct, frozen=True):
    line: str
    number: int
    is_last: bool


class _Address(Struct, frozen=True):
    """The line with a number, the last one, or those that an expression is found in; all lines where it is none of these."""

    number: int | None = None
    last: bool = False
    where: re.Pattern[str] | None = None

    def takes(self, place: _Place) -> bool:
        if self.number is not None:
            return place.number == self.number
        return place.is_last if self.last else self.where is None or self.where.search(place.line) is not None


class _Command(Struct, frozen=True):
    """``s`` with its ``pattern``, or ``d``, for the lines of an address, or from ``address`` to ``end``."""

    address: _Address
    end: _Address | None
    inverted: bool
    pattern: re.Pattern[str] | None = None
    replacement: str = ""
    everywhere: bool = False

    @property
    def patterns(self) -> Iterator[str]:
        """The expressions that it looks for; an empty one for ``d``."""
        yield self.pattern.pattern if self.pattern is not None else ""
        for one in (self.address, self.end):
            if one is not None and one.where is not None:
                yield one.where.pattern

    def takes(self, place: _Place, number: int, inside: set[int]) -> bool:
        """Whether it is for a line. POSIX sed: the end of a range is looked for from the next line on, a number that is
        not behind its first line ends it there."""
        if self.end is None:
            return self.address.takes(place) is not self.inverted
        found = number in inside
        if found:
            if self.end.takes(place) or (self.end.number is not None and place.number >= self.end.number):
                inside.discard(number)
                found = self.end.number is None or place.number <= self.end.number
        elif self.address.takes(place):
            found = True
            if not (self.end.last and place.is_last) and (self.end.number is None or self.end.number > place.number):
                inside.add(number)
        return found is not self.inverted

    def replaced(self, match: re.Match[str]) -> str:
        def value(reference: re.Match[str]) -> str:
            if reference[2]:
                return match[0]
            return (match[int(reference[1])] or "") if reference[1].isdecimal() else reference[1]

        return _REFERENCE.sub(value, self.replacement)


def sed(words: Sequence[Arg]) -> Edit | None:
    """Read the words behind ``sed``; ``None`` for what is not plain: other commands than ``s`` and ``d``, blocks."""
    scripts: list[str] = []
    operands: list[str] = []
    in_place = extended = False
    rest = iter([word.text for word in words])
    for text in rest:
        if text in {"-e", "--expression"}:
            scripts.append(next(rest, ""))
        elif text == "--in-place" or text.startswith("--in-place="):
            in_place = True
        elif text in {"--regexp-extended"}:
            extended = True
        elif text.startswith("-") and len(text) > 1:
            flags, found, _ = text[1:].partition("i")  # what is behind i is a suffix
            if not {*flags} <= {*"Ers"}:
                return None
            in_place, extended = in_place or bool(found), extended or bool({*"Er"} & {*flags})
        else:
            operands.append(text)
    if not scripts:
        scripts, operands = operands[:1], operands[1:]
    if not all(word.known for word in words) or not scripts:
        return None
    try:
        commands = tuple(_commands("\n".join(scripts), extended=extended))
    except (ValueError, IndexError, re.error, RecursionError, OverflowError):
        return None
    return Edit(tuple(operands), in_place, commands) if len(commands) <= _MAX_COMMANDS else None


def _commands(script: str, *, extended: bool) -> Iterator[_Command]:
    """Raises ValueError for what is not plain."""
    at = 0
    while at < len(script):
        if script[at] in " \t;\n":
            at += 1
            continue
        address, at = _address(script, at, extended=extended)
        end: _Address | None = None
        if script[at : at + 1] == ",":
            end, behind = _address(script, at + 1, extended=extended)
            if behind == at + 1:
                raise ValueError
            at = behind
        inverted = script[at : at + 1] == "!"
        at += inverted
        substitution = _SUBSTITUTION.match(script, at)
        if substitution is None:
            ended = _FLAGS.match(script, at + 1)
            if script[at : at + 1] != "d" or ended is None or ended[1]:
                raise ValueError
            yield _Command(address, end, inverted)
        else:
            expression, replacement, behind = _parts(substitution["body"], substitution["mark"])
            ended = _FLAGS.match(script, substitution.start("body") + behind)
            if ended is None or len(replacement) > _MAX_REPLACEMENT:
                raise ValueError
            pattern = _pattern(expression, extended=extended, ignoring_case="I" in ended[1])
            groups = max(map(int, re.findall(r"\\(\d)", replacement)), default=0)
            if _UNLIKE.search(pattern.pattern) or _SPECIAL.search(replacement) or groups > pattern.groups:
                raise ValueError
            yield _Command(address, end, inverted, pattern, replacement, "g" in ended[1])
        at = ended.end()


def _address(script: str, at: int, *, extended: bool) -> tuple[_Address, int]:
    """The address at a place, and where it ends; at the place itself where there is none."""
    found = _ADDRESS.match(script, at)
    if found is None:
        return _Address(), at
    where = _pattern(found["pattern"], extended=extended) if found["pattern"] is not None else None
    number = int(found["number"]) if found["number"] is not None else None
    return _Address(number, found["last"] is not None, where), found.end()


def _parts(body: str, mark: str) -> tuple[str, str, int]:
    """The expression and the replacement of ``s`` between its marks, and where the flags begin."""
    parts: list[str] = [""]
    at = 0
    while len(parts) < 3:
        character = body[at]
        if character == "\\":
            parts[-1] += body[at + 1] if body[at + 1] == mark else body[at : at + 2]
            at += 1
        elif character == mark:
            parts.append("")
        else:
            parts[-1] += character
        at += 1
    return parts[0], parts[1], at


def _pattern(expression: str, *, extended: bool, ignoring_case: bool = False) -> re.Pattern[str]:
    source = _named_classes(expression if extended else _extended(expression))
    if not expression or repetitions(source) > _MAX_REPEATS:
        raise ValueError
    return re.compile(source, re.IGNORECASE if ignoring_case else 0)
