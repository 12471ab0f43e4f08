"""Lists of packages that are kept in files or handed over by other commands: ``apk add < FILE``, ``xargs``, ``$(cat F)``.

Only what certainly hands on the whole list is followed: ``cat``, and filters that drop comments and empty lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerlint_alpine.stages.apk_commands import Operand
from dockerlint_alpine.syntax import parse_script
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.syntax import Arg, Command, SourceText

_KEEP_ALL = frozenset({"cat", "paste", "sort", "tac", "tr", "uniq", "xargs"})
_FILTERS = frozenset({"awk", "cut", "egrep", "grep", "sed"})
_COMMENTS = lazy_pattern(r"#|\^\$|\^\\?s\*?\$|\^\[\[:space:\]\]")
"""An expression of a filter that is about comments or empty lines."""


class PackageLists:
    """Reads lists as one command sees the stage: its ``files``, the ``folder`` it runs in, its ``variables``."""

    def __init__(self, files: StageFiles, folder: str, variables: Mapping[str, SourceText]) -> None:
        self._files = files
        self._folder = folder
        self._variables = variables

    def redirected(self, command: Command) -> list[Operand] | None:
        """What ``< FILE`` brings; ``None`` without such a redirection, or when the file can't be read."""
        targets = [arg for one in command.redirects if one.op == "<" for arg in one.target.expand(self._variables)]
        return self.listed(targets[-1].text) if targets else None

    def piped(self, command: Command) -> list[Operand] | None:
        """What the commands before the pipe hand over; ``None`` where that can't be told."""
        pipeline: list[Command] = []
        while (before := command.piped_from) is not None:
            pipeline.append(before)
            command = before
        return self._output(pipeline[::-1])

    def substituted(self, arg: Arg) -> list[Operand] | None:
        """What an argument that is one ``$(cat FILE)`` stands for; ``None`` where that can't be told."""
        if arg.known or len(arg.substitutions) != 1:
            return None
        commands = parse_script(arg.substitutions[0]).commands
        return self._output(commands) if all(one.piped_to is not None for one in commands[:-1]) else None

    def listed(self, path: str) -> list[Operand] | None:
        """The package names listed in a file of the stage, comments left out; ``None`` where it can't be read."""
        place = absolute(path, self._folder)
        try:
            data = self._files.read(place)
        except OSError:
            return None
        shown = self._files.display(place)
        found: list[Operand] = []
        offset = 0
        for line in data.splitlines(keepends=True):
            for match in re.finditer(rb"\S+", line.partition(b"#")[0]):
                span = (offset + match.start(), offset + match.end())
                found.append(Operand(match[0].decode("utf-8", "replace"), span, shown))
            offset += len(line)
        return found

    def _output(self, pipeline: Sequence[Command]) -> list[Operand] | None:
        """What a pipeline prints, taken for a list of names."""
        if not pipeline:
            return None
        first, *rest = pipeline
        if not all(self._keeps_all(one) for one in rest):
            return None
        words = self._words(first)
        name = words[0].text if words else ""
        if name in {"echo", "printf"} and all(word.known for word in words):
            return [
                Operand(word.text, word.span, None, word) for word in words[1:] if not word.text.startswith(("-", "%"))
            ]
        if name and not self._keeps_all(first):
            return None
        found = self.redirected(first) or []
        for word in words[1:]:
            places = self._files.glob(absolute(word.text, self._folder)) if word.glob and "#" not in word.text else ()
            for place in places or (word.text,):
                found.extend(self.listed(place) or ())
        return found or None

    def _keeps_all(self, command: Command) -> bool:
        words = self._words(command)
        if not words or words[0].text in _KEEP_ALL:
            return bool(words)
        return words[0].text in _FILTERS and any(_COMMENTS.search(word.text) for word in words[1:])

    def _words(self, command: Command) -> list[Arg]:
        return [arg for word in command.words for arg in word.expand(self._variables)]
