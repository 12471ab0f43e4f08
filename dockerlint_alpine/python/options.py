"""Command-line options as pip, its requirements files and the project installers write them.

One scanner for all: long options with ``=`` or a following value, unambiguous prefixes (optparse allows ``--req``),
short options with attached values and clusters (``-Ur file``). The table here is that of pip 26's requirements files,
with the options of older pips; the tables of commands stand with their tools in ``installers``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.python.model import IndexOptions, PythonError, normalise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class OptionError(PythonError):
    """An option that the installer does not know or that lacks its value."""


class OptionTable:
    """The options a command knows: every spelling -> its canonical long name, and which of those take a value."""

    __slots__ = ("spellings", "with_value")

    def __init__(self, spellings: Mapping[str, str], with_value: frozenset[str]) -> None:
        """Take the spellings and the canonical names of the options with a value."""
        self.spellings = spellings
        self.with_value = with_value

    @classmethod
    def build(cls, values: str, flags: str) -> OptionTable:
        """Build a table from lines of spellings; the first of each line is the canonical name."""
        spellings: dict[str, str] = {}
        with_value = set()
        for lines, takes in ((values, True), (flags, False)):
            for line in lines.split("\n"):
                names = line.split()
                spellings.update(dict.fromkeys(names, names[0]) if names else {})
                if takes and names:
                    with_value.add(names[0])
        return cls(spellings, frozenset(with_value))

    @property
    def taking_a_value(self) -> frozenset[str]:
        """Every spelling of the options that take a value."""
        return frozenset(text for text, name in self.spellings.items() if name in self.with_value)

    def long(self, written: str) -> str:
        """Return the canonical name of a long option or of its unambiguous prefix; raises ``OptionError``."""
        if (exact := self.spellings.get(written)) is not None:
            return exact
        found = {name for spelling, name in self.spellings.items() if len(written) > 2 and spelling.startswith(written)}
        if len(found) != 1:
            raise OptionError(f"{'ambiguous' if found else 'no such'} option: {written}")
        return found.pop()


class Word:
    """One scanned word: an option with its value, or an operand (``option`` is ``None``).

    ``index`` is the 0-based place of the argument that holds the option or operand.
    """

    __slots__ = ("index", "option", "value")

    def __init__(self, option: str | None, value: str, index: int) -> None:
        """Take the canonical name of the option or ``None``, the value or operand, and its place."""
        self.option = option
        self.value = value
        self.index = index


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
    if text.startswith("--"):
        written, equals, value = text.partition("=")
        name = table.long(written)
        if name not in table.with_value:
            if equals:
                raise OptionError(f"{written} takes no value")
            return [(name, "")], 0
        if equals:
            return [(name, value)], 0
        if following is None:
            raise OptionError(f"{written} needs a value")
        return [(name, following)], 1
    return _cluster(text, following, table)


def _cluster(text: str, following: str | None, table: OptionTable) -> tuple[list[tuple[str, str]], int]:
    found: list[tuple[str, str]] = []
    for place, letter in enumerate(text[1:], start=2):
        name = table.spellings.get(f"-{letter}")
        if name is None:
            raise OptionError(f"no such option: -{letter}")
        if name not in table.with_value:
            found.append((name, ""))
            continue
        if place < len(text):
            return [*found, (name, text[place:])], 0
        if following is None:
            raise OptionError(f"-{letter} needs a value")
        return [*found, (name, following)], 1
    return found, 0


SHARED_VALUES = """
--index-url -i --pypi-url --default-index
--extra-index-url --index
--constraint -c --constraints
--requirement -r --requirements
--editable -e
--find-links -f
--no-binary
--only-binary
--all-releases
--only-final
--trusted-host --allow-insecure-host
--use-feature
--config-settings -C --config-setting
--global-option
--install-option
--build-option
"""
SHARED_FLAGS = """
--no-index
--prefer-binary
--require-hashes
--no-require-hashes --no-verify-hashes
--pre
"""

FORMER_FLAGS = """
--process-dependency-links
--always-unzip -Z
--use-wheel
--no-use-wheel
"""
"""What older pips understood: ``--process-dependency-links`` until 19.0 (its NEWS)."""

FILE_OPTIONS = OptionTable.build(
    SHARED_VALUES + "--hash\n",
    SHARED_FLAGS + FORMER_FLAGS,
)
"""What may stand in a requirements file: pip's ``SUPPORTED_OPTIONS`` and what older pips accepted."""


def split_names(value: str, target: set[str], other: set[str]) -> None:
    """Apply one ``--no-binary``/``--only-binary`` value to its set and to the opposite one.

    pip: ``FormatControl.handle_mutual_excludes``.
    """
    names = [name.strip() for name in value.split(",")]
    while ":all:" in names:
        other.clear()
        target.clear()
        target.add(":all:")
        del names[: names.index(":all:") + 1]
        if ":none:" not in names:
            return
    for name in names:
        if name == ":none:":
            target.clear()
        elif name:
            other.discard(normalise(name))
            target.add(normalise(name))


class OptionState:
    """The index options while files and arguments are read; later ones win as in pip's finder."""

    def __init__(self) -> None:
        """Start without any option."""
        self.index_urls: list[str] | None = None
        self.extra_index_urls: list[str] = []
        self.find_links: list[str] = []
        self.no_index = False
        self.no_binary: set[str] = set()
        self.only_binary: set[str] = set()
        self.prefer_binary = False
        self.all_releases: set[str] = set()
        self.only_final: set[str] = set()
        self.require_hashes = False

    def apply(self, option: str, value: str) -> None:
        """Take one option by its canonical name; options that don't concern indexes or formats change nothing."""
        match option:
            case "--index-url":
                self.index_urls, self.extra_index_urls = [value], []
            case "--extra-index-url":
                self.extra_index_urls.append(value)
            case "--find-links":
                self.find_links.append(value)
            case "--no-index":
                self.no_index = True
            case "--no-binary":
                split_names(value, self.no_binary, self.only_binary)
            case "--only-binary":
                split_names(value, self.only_binary, self.no_binary)
            case "--install-option":  # "disabling all use of wheels", while pip had it (before 23.1)
                split_names(":all:", self.no_binary, self.only_binary)
            case "--no-build":
                split_names(":all:", self.only_binary, self.no_binary)
            case "--all-releases":
                split_names(value, self.all_releases, self.only_final)
            case "--only-final":
                split_names(value, self.only_final, self.all_releases)
            case _:
                self._flag(option, value)

    def _flag(self, option: str, value: str) -> None:
        match option:
            case "--prefer-binary":
                self.prefer_binary = True
            case "--pre":
                self.all_releases.add(":all:")
            case "--prerelease" if value == "allow":
                self.all_releases.add(":all:")
            case "--require-hashes":
                self.require_hashes = True
            case "--no-require-hashes":
                self.require_hashes = False

    @classmethod
    def start(cls, options: IndexOptions) -> OptionState:
        """Return a state that continues from ``options``."""
        state = cls()
        state.index_urls = [options.index_url] if options.index_url else None
        state.extra_index_urls = list(options.extra_index_urls)
        state.find_links = list(options.find_links)
        state.no_index = options.no_index
        state.no_binary = set(options.no_binary)
        state.only_binary = set(options.only_binary)
        state.prefer_binary = options.prefer_binary
        state.all_releases = ({":all:"} if options.pre else set()) | options.pre_for
        state.require_hashes = options.require_hashes
        return state

    def finish(self) -> IndexOptions:
        """Return what the options amount to."""
        base = IndexOptions(
            find_links=tuple(dict.fromkeys(self.find_links)),
            no_index=self.no_index,
            no_binary=frozenset(self.no_binary),
            only_binary=frozenset(self.only_binary),
            prefer_binary=self.prefer_binary,
            pre=":all:" in self.all_releases,
            pre_for=frozenset(self.all_releases - {":all:"}),
            require_hashes=self.require_hashes,
        )
        if self.no_index:
            return base
        return replace(
            base,
            index_url=self.index_urls[0] if self.index_urls else None,
            extra_index_urls=tuple(dict.fromkeys(self.extra_index_urls)),
        )
