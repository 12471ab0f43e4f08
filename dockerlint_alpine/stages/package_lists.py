"""Lists of packages that are kept in files or handed over by other commands: ``apk add < FILE``, ``xargs``, ``$(cat F)``.

Only what certainly hands on the list is followed: ``cat``, what drops comments and empty lines, and ``grep`` with a plain
expression.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.stages.apk_commands import Operand
from dockerlint_alpine.stages.text_filters import GREP, grep
from dockerlint_alpine.syntax import SourceText, parse_script
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.syntax import Arg, Command

_KEEP_ALL = frozenset({"cat", "paste", "sort", "tac", "tr", "uniq", "xargs"})
_FILTERS = frozenset({"awk", "cut", "sed"})
_COMMENTS = lazy_pattern(r"#|\^\$|\^\\?s\*?\$|\^\[\[:space:\]\]")
"""An expression of a filter that is about comments or empty lines."""

_MAX_DEPTH = 16
_MAX_FOUND = 4000
"""How far, and among how many files and folders, what ``find`` finds is looked for."""

_SONAMES = lazy_pattern(r"[\"'\\n]so:")


class Line(Struct, frozen=True):
    """A line of a list: its text, where it stands (the file in the stage, and as the user names it, the line counted from 1
    and its offset there)."""

    text: str
    place: str
    shown: str
    number: int
    offset: int

    @property
    def words(self) -> Iterator[Operand]:
        """The words in it, up to a comment."""
        data = self.text.encode("utf-8", "surrogateescape").partition(b"#")[0]
        for match in re.finditer(rb"\S+", data):
            span = (self.offset + match.start(), self.offset + match.end())
            yield Operand(match[0].decode("utf-8", "replace"), span, self.shown)


class PackageLists:
    """Reads lists as one command sees the stage: its ``files``, the ``folder`` it runs in, its ``variables``."""

    def __init__(self, files: StageFiles, folder: str, variables: Mapping[str, SourceText]) -> None:
        self._files = files
        self._folder = folder
        self._variables = variables

    # -- operands ------------------------------------------------------------------------------------------------------

    def handed_over(self, command: Command, options: Sequence[Arg]) -> list[Operand] | None:
        """What ``xargs`` with these options reads: of ``-a FILE``, ``< FILE`` or the commands before the pipe."""
        found = self._operands(self.read_lines(command, options))
        return found or self._output(before_pipe(command))

    def redirected(self, command: Command) -> list[Operand] | None:
        """What ``< FILE`` brings; ``None`` without such a redirection, or when the file can't be read."""
        return self._operands(self._redirected(command))

    def substituted(self, arg: Arg) -> list[Operand] | None:
        """What an argument that is one ``$(cat FILE)`` stands for; ``None`` where that can't be told."""
        if arg.known or len(arg.substitutions) != 1:
            return None
        commands = _pipeline(arg.substitutions[0])
        return self._output(commands) if commands is not None else None

    def scanned(self, arg: Arg) -> list[str] | None:
        """The folders that ``$(scanelf --needed ... FOLDER)`` looks through, which stands for the libraries that the files
        there link (``so:libz.so.1``); ``None`` for anything else."""
        if arg.known or len(arg.substitutions) != 1:
            return None
        return self._scanned(_pipeline(arg.substitutions[0]) or ())

    def scanned_before(self, command: Command) -> list[str] | None:
        """The same of the commands before a pipe: ``find FOLDER -exec scanelf ... | xargs apk add``."""
        return self._scanned(before_pipe(command))

    # -- lines ---------------------------------------------------------------------------------------------------------

    def lines(self, path: str) -> list[Line] | None:
        """The lines of a file of the stage; ``None`` where it can't be read."""
        place = absolute(path, self._folder)
        data = self._files.content(place)
        if data is None:
            return None
        shown = self._files.display(place)
        found: list[Line] = []
        offset = 0
        for number, line in enumerate(data.splitlines(keepends=True), start=1):
            text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
            found.append(Line(text, place, shown, number, offset))
            offset += len(line)
        return found

    def read_lines(self, command: Command, options: Sequence[Arg]) -> list[Line] | None:
        """The lines of files that ``xargs`` with these options reads; ``None`` where that can't be told."""
        for position, arg in enumerate(options):
            if arg.text in {"-a", "--arg-file"} and position + 1 < len(options):
                return self.lines(options[position + 1].text)
            if arg.text.startswith("--arg-file="):
                return self.lines(arg.text.partition("=")[2])
        return self._redirected(command) or self._lines(before_pipe(command))

    def whole(self, lines: Sequence[Line]) -> str | None:
        """The file that all of these lines are, comments left out; ``None`` where they are a part of it, or of several."""
        if len({line.place for line in lines}) != 1:
            return None
        said = [line.number for line in lines if any(True for _ in line.words)]
        every = self.lines(lines[0].place) or ()
        return lines[0].place if said == [line.number for line in every if any(True for _ in line.words)] else None

    def printed_by(self, script: SourceText) -> list[Line] | None:
        """What a pipeline prints of files; ``None`` where that can't be told."""
        commands = _pipeline(script)
        return self._lines(commands) if commands else None

    def paths_printed_by(self, script: SourceText) -> list[str]:
        """The patterns of paths that ``ls PATTERN...`` and ``find FOLDER -name PATTERN`` print; none for other commands."""
        commands = _pipeline(script)
        words = self._words(commands[0]) if commands is not None and len(commands) == 1 else []
        if not words or not all(word.known for word in words):
            return []
        texts = [word.text for word in words[1:]]
        if words[0].text == "ls":
            return [text for text in texts if not text.startswith("-")]
        if words[0].text == "find" and {"-name", "-iname"} & {*texts}:
            folders = texts[: next((at for at, text in enumerate(texts) if text.startswith("-")), 0)]
            name = texts[next(at for at, text in enumerate(texts) if text in {"-name", "-iname"}) + 1 :][:1]
            return [f"{folder.rstrip('/')}/{one}" for folder in folders or ["."] for one in name]
        return []

    # -- pipelines -----------------------------------------------------------------------------------------------------

    def _redirected(self, command: Command) -> list[Line] | None:
        targets = [arg for one in command.redirects if one.op == "<" for arg in one.target.expand(self._variables)]
        return self.lines(targets[-1].text) if targets else None

    @staticmethod
    def _operands(lines: Sequence[Line] | None) -> list[Operand] | None:
        return None if lines is None else [word for line in lines for word in line.words]

    def _output(self, pipeline: Sequence[Command]) -> list[Operand] | None:
        """What a pipeline prints, taken for a list of names."""
        words = self._words(pipeline[0]) if pipeline else []
        if not words or words[0].text not in {"echo", "printf"}:
            return self._operands(self._lines(pipeline)) or None
        if not all(word.known for word in words) or any(self._kept(one, 0) is not _all for one in pipeline[1:]):
            return None
        return [Operand(word.text, word.span, None, word) for word in words[1:] if not word.text.startswith(("-", "%"))]

    def _lines(self, pipeline: Sequence[Command]) -> list[Line] | None:
        """The lines of files that a pipeline prints; ``None`` where that can't be told, or there are none."""
        found: list[Line] = []
        for position, command in enumerate(pipeline):
            words = self._words(command)
            operands = _operands_of(words)
            kept = self._kept(command, len(operands))
            if kept is None and (words or position):
                return None
            if position == 0:
                found = self._redirected(command) or []
                for word in operands:
                    places = self._files.glob(absolute(word.text, self._folder)) if word.glob else ()
                    for place in places or (word.text,):
                        found.extend(self.lines(place) or ())
            found = [line for line in found if kept is None or kept(line.text)]
        return found or None

    def _kept(self, command: Command, files: int) -> Callable[[str], bool] | None:
        """Which lines a command hands on; ``None`` where that can't be told. It reads ``files`` by their names."""
        words = self._words(command)
        name = words[0].text if words else ""
        if name in _KEEP_ALL:
            return _all
        if (found := grep(name, words[1:], files, self._files.context.steps)) is not None:
            return found
        about_comments = any(_COMMENTS.search(word.text) for word in words[1:])
        return _all if name in _FILTERS | GREP and about_comments else None

    def _scanned(self, pipeline: Sequence[Command]) -> list[str] | None:
        if not any("scanelf" in one.source.text for one in pipeline[:2]) or not pipeline:
            return None
        if not any(_SONAMES.search(one.source.text) for one in pipeline):
            return None
        words = [word.text for one in pipeline[:2] for word in self._words(one)]
        return [word.partition("*")[0] for word in words if word.startswith("/")]

    def _words(self, command: Command) -> list[Arg]:
        return [arg for word in command.words for arg in word.expand(self._variables)]


def found_by(files: StageFiles, words: Sequence[str], folder: str) -> list[str] | None:
    """The files of the stage that ``find`` with these ``words`` finds from ``folder``; ``None`` where that can't be told.
    Only names, depths and the kind of a file are understood."""
    first = next((at for at, word in enumerate(words) if word.startswith(("-", "(", "!"))), len(words))
    names: list[tuple[str, bool]] = []
    depths = {"-mindepth": 0, "-maxdepth": _MAX_DEPTH}
    rest, wanted = iter(words[first:]), True
    for word in rest:
        value = next(rest, "") if word not in {"!", "-not", "-print"} else ""
        if word in {"-name", "-iname"}:
            names.append((value, wanted))
        elif word in depths and value.isdecimal():
            depths[word] = min(int(value), _MAX_DEPTH)
        elif word not in {"!", "-not", "-print"} and (word, value) != ("-type", "f"):
            return None
        wanted = word not in {"!", "-not"}
    found: list[str] = []
    todo = [(absolute(start, folder), 0) for start in words[:first] or ["."]][::-1]
    for _ in range(_MAX_FOUND):
        if not todo:
            return found
        place, depth = todo.pop()
        try:
            inner = files.names(place)
        except NotADirectoryError:
            name = place.rpartition("/")[2]
            if depth >= depths["-mindepth"] and all(fnmatchcase(name, one) is is_so for one, is_so in names):
                found.append(place)
            continue
        if depth < depths["-maxdepth"]:
            todo.extend((f"{place.rstrip('/')}/{name}", depth + 1) for name in reversed(inner))
    return None


def _all(_: str) -> bool:
    return True


def _pipeline(script: SourceText) -> Sequence[Command] | None:
    """The commands of a script that is one pipeline. That its output is not known says nothing of its words."""
    commands = parse_script(SourceText.literal(script.text)).commands
    return commands if all(one.piped_to is not None for one in commands[:-1]) else None


def before_pipe(command: Command) -> list[Command]:
    """The commands whose output is piped to this one, the first one first."""
    found: list[Command] = []
    while (before := command.piped_from) is not None:
        found.append(before)
        command = before
    return found[::-1]


def _operands_of(words: Sequence[Arg]) -> Sequence[Arg]:
    """The words of a filter that name files: not its options, nor the expression or program that comes first."""
    operands = [word for word in words[1:] if not word.text.startswith("-")]
    if not words or words[0].text not in _FILTERS | GREP:
        return operands
    given = {"-e", "-f"} & {word.text[:2] for word in words[1:]}
    return operands if words[0].text == "cut" else operands[1:] if not given or len(operands) > 1 else []
