"""What the commands of a container lead to: scripts of the build context, commands that a file has a program start, and the
project's Python code."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.checks.starts.commands import started_by
from dockerlint_alpine.checks.starts.configured import configured
from dockerlint_alpine.checks.starts.entry_points import Projects, entry_point
from dockerlint_alpine.checks.starts.python_code import Budget, programs_of_python
from dockerlint_alpine.stages.model import ScriptCommand, Written
from dockerlint_alpine.stages.scripts import (
    MAX_DEPTH,
    MAX_SIZE,
    ScriptFile,
    changes_exit,
    one_line,
    parsed,
    started,
)
from dockerlint_alpine.stages.shell_commands import REDEFINES
from dockerlint_alpine.syntax import SourceText, expanded_commands, parse_script, unwrap
from dockerlint_alpine.syntax.shell.failure import goes_on
from dockerlint_alpine.syntax.shell.model import SHELLS
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.checks.starts.configured import Line
    from dockerlint_alpine.checks.starts.entry_points import EntryPoint
    from dockerlint_alpine.checks.starts.model import Start
    from dockerlint_alpine.checks.starts.python_code import Called
    from dockerlint_alpine.stages import Moment, Stage
    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.stages.scripts import Started
    from dockerlint_alpine.syntax import Arg, ExpandedCommand, Script

HANDS_OVER = lazy_pattern(r"""\bexec\b[^\n#]*["']?\$[@*]""")
"""A script that becomes what its arguments say: ``exec "$@"``."""
_MAX_ENTERED = 300
"""Scripts, and commands of configuration files, that are followed for one stage."""


class Follower:
    """Follows the commands of the containers of one stage; code that several of them run is read once for each stage."""

    def __init__(self, subject: Subject, stage: Stage) -> None:
        self._projects = Projects(tuple(subject.timeline.stages.values()))
        self._steps = len(stage.steps)
        self._entered = 0
        self._budget = Budget()
        self._code: dict[tuple[tuple[str, ...], bool, tuple[str, ...], StageFiles], tuple[Called, ...]] = {}

    def follow(self, start: Start, scripts: Iterable[Script]) -> Iterator[Start]:
        """What commands lead to that run for certain; ``start`` tells where they stand."""
        for expanded in (one for script in scripts for one in expanded_commands(script, start.moment.scope.names)):
            if expanded.conditional or not expanded.args:
                continue
            span = start.span if start.service is not None else expanded.command.span or start.span
            yield from self._from(replace(start, span=span), expanded, ())
            start = _moved(start, expanded)

    def _from(
        self, start: Start, expanded: ExpandedCommand, chain: tuple[str, ...], *, certain: bool = True
    ) -> Iterator[Start]:
        """What one command leads to; ``chain`` are the places of the scripts and files that it is in."""
        moment = start.moment
        given = started(expanded, expanded.args, moment.workdir, moment.files)
        file = _file(moment, given.place) if given is not None and self._may_enter(given.place, chain) else None
        if given is not None and file is not None:
            script = parsed(file, given.shell)
            yield from self._of_script(start, file, script, (*chain, given.place), exits=given.exits, certain=certain)
            yield from self._handed_over(start, expanded, given, script, chain, certain=certain)
        for line in configured(expanded.args, moment):
            if self._may_enter(line.place, chain):
                yield from self._of_line(start, line, (*chain, line.place), certain=certain)
        entry = entry_point([arg.text for arg in _known(expanded.args)], moment, self._projects)
        if entry is not None:
            yield from self._of_code(start, entry, expanded)

    def _may_enter(self, place: str, chain: tuple[str, ...]) -> bool:
        self._entered += 1
        return place not in chain and len(chain) < MAX_DEPTH and self._entered <= _MAX_ENTERED

    def _of_script(
        self, start: Start, file: ScriptFile, script: Script, chain: tuple[str, ...], *, exits: bool, certain: bool
    ) -> Iterator[Start]:
        """What a shell script of the context starts that the container runs, up to where it ends or becomes something
        else."""
        if script.opaque or script.problems or _changes_path(script):
            return
        exits, reached, data = file.exits or exits, certain, file.data
        for expanded in expanded_commands(script, start.moment.scope.names):
            span = expanded.command.span or (0, 0)
            if expanded.name == "set" and not expanded.conditional:
                said = changes_exit(expanded.args[1:])
                exits = exits if said is None else said
            runs = reached and not (expanded.conditional or expanded.substitution)
            called = _is_called(expanded, script)
            written = Written(file.shown, file.line_of(span[0]), one_line(expanded.command))
            ran = self._ran(start, expanded, written, data, exits=exits, certain=runs)
            if not goes_on(data, span[1]) and (runs or (called and not _is_looked_for(expanded.name, data))):
                yield from (replace(start, program=one, ran=ran) for one in started_by(expanded))
            yield from self._from(replace(start, ran=ran), expanded, chain, certain=runs)
            start = _moved(start, expanded)
            if expanded.name in REDEFINES:
                return
            if expanded.name in {"exit", "return"} or "exec" in expanded.wrappers:
                if not expanded.conditional and expanded.command.function is None:
                    return
                # The rest runs where nothing fails: || exit 1
                reached = reached and (not called or expanded.command.joined_by == "||")

    def _handed_over(
        self,
        start: Start,
        expanded: ExpandedCommand,
        given: Started,
        script: Script,
        chain: tuple[str, ...],
        *,
        certain: bool,
    ) -> Iterator[Start]:
        """What the arguments of a script say that becomes what they say: ``wait-for.sh db:5432 -- python app.py``."""
        handing = [one for one in script.commands if HANDS_OVER.search(one.source.text) is not None]
        if not handing:
            return
        words = [arg.text for arg in expanded.args]
        shifts = any("shift" in one.source.text for one in script.commands)
        behind = words.index("--") if "--" in words else None if shifts else len(words) - 1 - len(given.args)
        rest = unwrap(expanded.args[behind + 1 :]).args if behind is not None else ()
        if rest and rest[0].known:
            if start.ran is None and not all(one.conditional for one in handing):
                yield replace(start, program=rest[0].text)
            yield from self._from(start, replace(expanded, args=rest), chain, certain=certain)

    def _of_line(self, start: Start, line: Line, chain: tuple[str, ...], *, certain: bool) -> Iterator[Start]:
        """What a command starts that a file says is to be started."""
        script = parse_script(SourceText.literal(line.text))
        if script.problems:
            return
        start = replace(start, moment=replace(start.moment, workdir=line.folder))
        written = Written(start.moment.files.display(line.place), line.number, line.text)
        first = (word.text for command in script.commands for word in command.words[:1])
        shells = [one for one in first if one in SHELLS]  # bash -c '...'
        for expanded in expanded_commands(script, start.moment.scope.names):
            if expanded.conditional or not expanded.args:
                continue
            ran = self._ran(start, expanded, written, certain=certain)
            programs = (*(shells if expanded.nesting else ()), *started_by(expanded))
            yield from (replace(start, program=one, ran=ran) for one in programs)
            yield from self._from(replace(start, ran=ran), expanded, chain, certain=certain)
            start = _moved(start, expanded)

    def _of_code(self, start: Start, entry: EntryPoint, expanded: ExpandedCommand) -> Iterator[Start]:
        """What Python code of the context may start that a command runs."""
        key = (entry.files, entry.is_main, entry.roots, entry.moment.files)
        if key not in self._code:
            self._code[key] = tuple(programs_of_python(entry, self._budget))
        for called in self._code[key]:
            yield replace(start, program=called.program, ran=self._ran(start, expanded, called.written))

    def _ran(
        self,
        start: Start,
        expanded: ExpandedCommand,
        written: Written,
        data: bytes = b"",
        *,
        exits: bool = False,
        certain: bool = True,
    ) -> ScriptCommand:
        return ScriptCommand(
            start.instruction,
            start.span,
            written,
            data,
            expanded,
            start.moment,
            self._steps,
            plain=True,
            exits=exits,
            certain=certain,
        )


def _known(args: Sequence[Arg]) -> Iterable[Arg]:
    return itertools.takewhile(lambda one: one.known, args)


def _file(moment: Moment, place: str) -> ScriptFile | None:
    """A script of the context; ``None`` for what is none, and for more of them than are followed."""
    data = moment.files.content(place) or b""
    if len(data) > MAX_SIZE or b"\0" in data[:1024] or place.endswith(".py"):
        return None
    if not moment.files.context.scripts.spend(len(data)):
        return None
    return ScriptFile(place, moment.files.display(place), data)


def _changes_path(script: Script) -> bool:
    return any(one.name == "PATH" for command in script.commands for one in command.assignments)


def _moved(start: Start, expanded: ExpandedCommand) -> Start:
    """``start`` in the folder that the commands behind ``cd FOLDER`` run in."""
    if expanded.name != "cd" or expanded.conditional or len(expanded.args) != 2 or not expanded.args[1].known:
        return start
    moment = start.moment
    return replace(start, moment=replace(moment, workdir=absolute(expanded.args[1].text, moment.workdir)))


def _is_called(expanded: ExpandedCommand, script: Script) -> bool:
    """Whether a command is in no function that nothing calls."""
    function = expanded.command.function
    return function is None or any(one.name == function for one in script.commands)


def _is_looked_for(program: str, data: bytes) -> bool:
    """Whether a script asks if it has a program."""
    name = re.escape(program.encode("utf-8", "surrogateescape"))
    return re.search(rb"\b(?:command\s+-[vV]|which|type|hash)\b[^\n;&|]{0,200}\b" + name + rb"\b", data) is not None
