"""Scripts that a RUN starts: which file of the build context a command runs, and what of its circumstances it sees.

Only what was copied into the stage is looked at, through :class:`StageFiles`: nothing outside the build context is read,
and nothing is executed.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.syntax import parse_script
from dockerlint_alpine.syntax.shell.environment import Environment
from dockerlint_alpine.syntax.shell.model import SHELLS
from dockerlint_alpine.syntax.source import SourceText
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.syntax import Arg, Command, ExpandedCommand, Script, Span

MAX_SIZE = 256 * 1024
"""Bytes of a script that is looked into."""

MAX_DEPTH = 8
MAX_SCRIPTS = 64
"""Scripts that start one another, and those that one RUN starts in all."""

_SHEBANG = lazy_pattern(rb"#![ \t]*(\S+)(?:[ \t]+(?:-\S+[ \t]+)*(\S+))?")
_EXITS = lazy_pattern(rb"#![^\n]*[ \t]-[A-Za-z]*e")
_OWN_FOLDER = lazy_pattern(
    r"""\$\(\s*dirname\s+(?:--\s+)?(?P<q>["']?)\$(?:\{(?:0|BASH_SOURCE(?:\[0\])?)\}|0|BASH_SOURCE)(?P=q)\s*\)"""
    r"""|\$\{(?:0|BASH_SOURCE(?:\[0\])?)%/\*\}"""
)
"""How a script says which folder it lies in: ``$(dirname "$0")``, ``${0%/*}``."""
_GO_THERE = lazy_pattern(
    r"""\$\(\s*cd\s+(?:--\s+)?(["']?)(?P<folder>/[\w./-]*)\1\s*(?:>\s*/dev/null\s*)?(?:2>&1\s*)?&&\s*pwd(?:\s+-P)?\s*\)"""
)


class ScriptFile(Struct, frozen=True, dict=True):
    """A script of the context: ``place`` in the stage, ``shown`` as the user names it, and its bytes."""

    place: str
    shown: str
    data: bytes

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer(rb"\n", self.data))]

    def line_of(self, offset: int) -> int:
        """The line (1-based) that holds the byte at ``offset``."""
        return bisect_right(self._line_starts, offset)

    @property
    def exits(self) -> bool:
        """True where its first line asks the shell to end at the first failure."""
        return _EXITS.match(self.data) is not None


class Started(Struct, frozen=True):
    """That a command runs the script at ``place`` with these arguments.

    ``shell`` is the interpreter where the command names one, ``exits`` true where it tells it to end at the first failure,
    and ``same_shell`` where the script is read into the shell that runs the command.
    """

    place: str
    args: tuple[SourceText, ...] = ()
    shell: str | None = None
    same_shell: bool = False
    exits: bool = False


def started(expanded: ExpandedCommand, args: Sequence[Arg], folder: str, files: StageFiles) -> Started | None:
    """Which script a command runs, ``None`` where it runs none that its words tell."""
    first = args[0]
    if not first.known:
        return _substituted(first, folder)
    name = first.text.rpartition("/")[2]
    if name in {".", "source"}:
        return _at(args[1:], folder, same_shell=True)
    if name in SHELLS:
        operands = [position for position, arg in enumerate(args[1:], 1) if not arg.text.startswith(("-", "+"))]
        if any(arg.text.startswith("-") and "c" in arg.text for arg in args[1 : operands[0] if operands else None]):
            return None
        if not operands:
            return _fed(expanded, folder, name)
        script = _at(args[operands[0] :], folder, shell=name)
        return replace(script, exits=changes_exit(args[1 : operands[0]]) is True) if script is not None else None
    if "/" in first.text:
        return _at(args, folder)
    path = expanded.variables.get("PATH")
    for place in path.text.split(":") if path is not None else ():
        if place.startswith("/") and files.exists(found := posixpath.join(place, name)):
            return Started(found, _rest(args))
    return None


def changes_exit(options: Iterable[Arg]) -> bool | None:
    """Whether options of a shell or of ``set`` let it end at the first failure (``-e``, ``-eux``, ``-o errexit``), or go on
    (``+e``); ``None`` where they tell nothing of it (POSIX: set)."""
    found = None
    for arg in options:
        if arg.text == "errexit" or re.match(r"[-+][A-Za-z]*e", arg.text):
            found = not arg.text.startswith("+")
    return found


def _at(args: Sequence[Arg], folder: str, *, shell: str | None = None, same_shell: bool = False) -> Started | None:
    if not args or not args[0].known or args[0].text.endswith("/"):
        return None
    return Started(absolute(args[0].text, folder), _rest(args), shell, same_shell)


def _rest(args: Sequence[Arg]) -> tuple[SourceText, ...]:
    return tuple(detached(arg.source) for arg in args[1:])


def _fed(expanded: ExpandedCommand, folder: str, shell: str) -> Started | None:
    """``sh < FILE`` and ``cat FILE | sh``."""
    command = expanded.command
    targets = [arg for one in command.redirects if one.op == "<" for arg in one.target.expand(expanded.variables)]
    if targets:
        return _at(targets[-1:], folder, shell=shell)
    before = command.piped_from
    if before is None or before.piped_from is not None:
        return None
    return _printed(before, expanded.variables, folder, shell)


def _substituted(arg: Arg, folder: str) -> Started | None:
    """``sh -c "$(cat FILE)"`` and ``eval "$(cat FILE)"``: what is left of them is a command that is a substitution."""
    if len(arg.substitutions) != 1 or not re.fullmatch(r"(?:\$\(.*\)|`.*`)", arg.text, re.DOTALL):
        return None
    commands = parse_script(arg.substitutions[0]).commands
    return _printed(commands[0], {}, folder, "sh") if len(commands) == 1 else None


def _printed(command: Command, variables: Mapping[str, SourceText], folder: str, shell: str) -> Started | None:
    words = [arg for word in command.words for arg in word.expand(variables)]
    if len(words) != 2 or words[0].text != "cat":
        return None
    return _at(words[1:], folder, shell=shell)


def parsed(file: ScriptFile, shell: str | None) -> Script:
    """The script; ``shell`` is the interpreter that the command names, else its first line names one: s6-overlay's
    ``with-contenv`` starts another, Home Assistant's ``bashio`` is bash with functions of its own."""
    shebang = _SHEBANG.match(file.data)
    if shell is None and shebang is not None:
        words = [word.decode("utf-8", "replace").rpartition("/")[2] for word in shebang.groups() if word]
        shell = words[1] if words[0] in {"env", "with-contenv"} and len(words) > 1 else words[0]
        shell = "bash" if shell == "bashio" else shell
    source = SourceText.from_bytes(file.data, 0, len(file.data))
    source = _filled(source, _OWN_FOLDER, lambda _: posixpath.dirname(file.place))
    source = _filled(source, _GO_THERE, lambda match: match["folder"])
    return parse_script(source, shell=shell or "sh")


def _filled(source: SourceText, pattern: re.Pattern[str], value: object) -> SourceText:
    """``source`` with plain text in place of what a pattern finds."""
    assert callable(value)
    parts: list[SourceText] = []
    behind = 0
    for match in pattern.finditer(source.text):
        parts += (source.slice(behind, match.start()), SourceText.literal(value(match)))
        behind = match.end()
    return SourceText.concat((*parts, source.slice(behind, len(source)))) if parts else source


def variables_of(expanded: ExpandedCommand, given: Started) -> Mapping[str, SourceText]:
    """The variables that a script sees: those of the command, by their values alone, and its own arguments.

    Where they are written is forgotten: it is another file. A variable that the shell does not export counts, too.
    """
    outer = {**expanded.variables, **dict(expanded.environment)}
    inner = Environment({name: detached(value) for name, value in outer.items()})
    if given.same_shell and not given.args:
        return inner.variables
    return {**inner.with_arguments(given.args), "0": SourceText.literal(given.place)}


def one_line(command: Command) -> str:
    """A command of a script as it is written, on one line."""
    return " ".join(command.source.text.replace("\\\n", " ").split())


def detached(value: SourceText) -> SourceText:
    """The same text without where it is written."""
    plain = SourceText.literal(value.text)
    return plain if value.known else plain.opaque()


class Within(Struct, frozen=True):
    """That commands stand in a script: the file, the command of the Dockerfile that started it, and how certain that is.

    ``chain`` are the places of the scripts around them, outermost first.
    """

    file: ScriptFile
    span: Span
    conditional: bool
    chain: tuple[str, ...]
