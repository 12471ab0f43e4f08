"""Command-line options as programs write them: pip and the other installers, apk, git, curl, tar, make, docker.

One scanner for all: long options with ``=`` or a following value, short options with attached values and clusters
(``-Ur file``). The tables of the programs stand where their commands are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Others: TypeAlias = Literal["error", "flag", "value"]


class OptionError(Exception):
    """An option that the program does not know or that lacks its value."""


class OptionTable(Struct, eq=False):
    """The options a command knows: every spelling -> its canonical name, and which of those take a value.

    ``others`` is what an option that is not among them is taken for. With ``"error"`` it is one, as is a value that lacks,
    and long options may be cut short (optparse allows ``--req``).
    """

    spellings: Mapping[str, str]
    with_value: frozenset[str]
    others: Others = "error"

    @classmethod
    def build(cls, values: str, flags: str = "", *, others: Others = "error") -> OptionTable:
        """Build a table from lines, or parts between commas, of spellings; the first of each is the canonical name."""
        spellings: dict[str, str] = {}
        with_value = set()
        for lines, takes in ((values, True), (flags, False)):
            for line in lines.replace(",", "\n").split("\n"):
                names = line.split()
                spellings.update(dict.fromkeys(names, names[0]) if names else {})
                if takes and names:
                    with_value.add(names[0])
        return cls(spellings, frozenset(with_value), others)

    @property
    def taking_a_value(self) -> frozenset[str]:
        """Every spelling of the options that take a value."""
        return frozenset(text for text, name in self.spellings.items() if name in self.with_value)

    def name(self, written: str) -> str:
        """Return the canonical name of an option or of its unambiguous prefix; raises ``OptionError``."""
        if (exact := self.spellings.get(written)) is not None or self.others != "error":
            return exact or written
        long = len(written) > 2
        found = {name for spelling, name in self.spellings.items() if long and spelling.startswith(written)}
        if len(found) != 1:
            raise OptionError(f"{'ambiguous' if found else 'no such'} option: {written}")
        return found.pop()

    def takes_value(self, name: str) -> bool:
        """Whether the option with this canonical name has a value."""
        return name in self.with_value or (self.others == "value" and name not in self.spellings.values())


class Word(Struct):
    """One scanned word: an option with its value, or an operand (``option`` is ``None``).

    ``index`` is the 0-based place of the argument that holds the option or operand.
    """

    option: str | None
    value: str
    index: int


def scan(args: Sequence[str], table: OptionTable) -> tuple[list[Word], list[str]]:
    """Split arguments into options and operands, in order; also return one message for each that makes no sense."""
    words: list[Word] = []
    problems: list[str] = []
    at = 0
    while at < len(args):
        text, index = args[at], at
        at += 1
        if text == "--":
            words.extend(Word(None, args[rest], rest) for rest in range(at, len(args)))
            break
        if text == "-" or not text.startswith("-"):
            words.append(Word(None, text, index))
            continue
        try:
            found, used = _option(text, args[at] if at < len(args) else None, table)
        except OptionError as error:
            problems.append(str(error))
            continue
        at += used
        words.extend(Word(name, value, index) for name, value in found)
    return words, problems


def _option(text: str, following: str | None, table: OptionTable) -> tuple[list[tuple[str, str]], int]:
    if not text.startswith("--"):
        return _cluster(text, following, table)
    written, equals, value = text.partition("=")
    name = table.name(written)
    if equals and not table.takes_value(name) and table.others == "error":
        raise OptionError(f"{written} takes no value")
    if equals or not table.takes_value(name):
        return [(name, value)], 0
    return [(name, _needed(written, following, table))], 1


def _cluster(text: str, following: str | None, table: OptionTable) -> tuple[list[tuple[str, str]], int]:
    found: list[tuple[str, str]] = []
    for place, letter in enumerate(text[1:], start=2):
        name = table.name(f"-{letter}")
        if not table.takes_value(name):
            found.append((name, ""))
        elif place < len(text):
            return [*found, (name, text[place:])], 0
        else:
            return [*found, (name, _needed(f"-{letter}", following, table))], 1
    return found, 0


def _needed(written: str, following: str | None, table: OptionTable) -> str:
    if following is None and table.others == "error":
        raise OptionError(f"{written} needs a value")
    return following or ""
