"""The scripts of a RUN instruction, and the commands that they run in the end.

:func:`run_scripts` finds the scripts as BuildKit starts them (shell form, exec form, here-document with and without a
shebang). :func:`expanded_commands` walks through one: variables evolve, wrappers such as ``env`` are taken off, and
nested scripts (``sh -c``, ``eval``, ``sh <<EOF``, ``$(...)``) are entered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.syntax.expand import LexError
from dockerlint_alpine.syntax.heredoc import heredoc_word
from dockerlint_alpine.syntax.shell.environment import Environment, Outcomes
from dockerlint_alpine.syntax.shell.model import DECLARE, Command, Script
from dockerlint_alpine.syntax.shell.parser import parse_script
from dockerlint_alpine.syntax.shell.words import Arg, Variables, Word
from dockerlint_alpine.syntax.shell.wrappers import unwrap
from dockerlint_alpine.syntax.source import SourceText
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.syntax.instruction import Instruction

DEFAULT_SHELL = ("/bin/sh", "-c")
"""What runs the shell form unless a SHELL instruction says otherwise (Linux)."""

_MAX_NESTING = 8
_MAX_COMMANDS = 2000
"""Commands beyond which no more functions are entered: ten that call each other twice make a thousand of one."""
_ASSIGNMENT = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_SHEBANG = lazy_pattern(r"#![ \t]*(\S+)[ \t]*(\S*)")


class ExpandedCommand(Struct, frozen=True):
    """A command as it runs.

    ``args[0]`` is the program, wrappers taken off; ``wrappers`` names them, outermost first. ``environment`` is what
    the command gets on top (``A=b cmd``, ``env A=b cmd``). ``variables`` are the variables before the command.
    ``conditional``: it, or the script around it, may not run. ``nesting`` counts the scripts around the command's own;
    ``substitution``: one of them is a ``$(...)``, so the output is not shown but used.
    """

    command: Command
    args: tuple[Arg, ...]
    variables: Variables
    conditional: bool
    wrappers: tuple[str, ...] = ()
    environment: tuple[tuple[str, SourceText], ...] = ()
    nesting: int = 0
    substitution: bool = False

    @property
    def name(self) -> str:
        """The program without its folder, ``""`` when there is none or it is not known."""
        if not self.args or not self.args[0].known:
            return ""
        return self.args[0].text.rpartition("/")[2]


def run_scripts(instruction: Instruction, shell: Sequence[str] | None = None) -> tuple[Script, ...]:
    """The scripts that a RUN (or CMD, ENTRYPOINT, HEALTHCHECK CMD) instruction starts.

    ``shell`` is the value of the SHELL instruction in force, ``None`` for the default. The exec form gives a script of
    one command, whose words are literal. Nothing is expanded. A script in another language is there, but unparsed.
    """
    key = (id(instruction), tuple(shell) if shell else DEFAULT_SHELL)
    known = _parsed.get(key)
    if known is None:
        if len(_parsed) >= _MAX_PARSED:
            _parsed.clear()
        known = _parsed[key] = (instruction, _scripts(instruction, key[1]))
    return known[1]


_MAX_PARSED = 256
_parsed: dict[tuple[int, tuple[str, ...]], tuple[Instruction, tuple[Script, ...]]] = {}
"""The scripts of the instructions that were asked for last: each check asks anew. An entry holds its instruction, so that
its id is nobody else's."""


def _scripts(instruction: Instruction, shell: tuple[str, ...]) -> tuple[Script, ...]:
    if instruction.json is not None:
        return (_exec_form(instruction),) if instruction.json else ()
    interpreter = _interpreter(shell)
    if instruction.heredocs:
        return (_heredoc_script(instruction, interpreter),)
    succeeds = instruction.keyword == "RUN"
    return (parse_script(instruction.source, shell=interpreter, succeeds=succeeds),) if instruction.source else ()


def _interpreter(shell: tuple[str, ...]) -> str:
    name = shell[0].replace("\\", "/").rpartition("/")[2]
    if name == "env" and len(shell) > 1:
        name = shell[1]
    return name.removesuffix(".exe").lower()


def _exec_form(instruction: Instruction) -> Script:
    decoded = instruction.json or ()
    pairs = zip(decoded, instruction.json_written, strict=True)
    words = tuple(Word(value, written.span(), literal=True) for value, written in pairs)
    command = Command(
        words=words,
        assignments=(),
        redirects=(),
        source=instruction.source,
        span=instruction.source.span(),
        conditional=False,
        guard=None,
        joined_by="",
        subshell=0,
        scopes=(),
        loops=(),
        function=None,
    )
    return Script(instruction.source, (command,))


def _heredoc_script(instruction: Instruction, interpreter: str) -> Script:
    """The script of ``RUN <<EOF`` is the body; anything else is handed to the shell with the bodies behind it.

    The rule is BuildKit's (dockerfile2llb/convert.go: ``dispatchRun``).
    """
    first = instruction.heredocs[0]
    if _is_heredoc(instruction.source):
        shebang = _SHEBANG.match(first.source.text)
        name = _interpreter((shebang[1], shebang[2])) if shebang else interpreter
        return parse_script(first.source, shell=name)
    parts = [instruction.source]
    for heredoc in instruction.heredocs:
        parts += (SourceText.literal("\n"), heredoc.source, SourceText.literal(heredoc.name))
    return parse_script(SourceText.concat(parts), shell=interpreter)


def _is_heredoc(source: SourceText) -> bool:
    try:
        return heredoc_word(source) is not None
    except LexError:
        return False


def expand_command(command: Command, variables: Variables) -> tuple[Arg, ...]:
    """The arguments of a command, wrappers still on. Operands of ``export`` and its kin are not split."""
    words = command.words
    if words and words[0].text in DECLARE:
        return tuple(arg for word in words for arg in _declared(word, variables))
    return tuple(arg for word in words for arg in word.expand(variables))


def _declared(word: Word, variables: Variables) -> tuple[Arg, ...]:
    if _ASSIGNMENT.match(word.text) is None:
        return word.expand(variables)
    source = word.value(variables)
    return (Arg(source.text, source, source.span(), word, unknown=() if source.known else (word.text,)),)


def expanded_commands(script: Script, variables: Variables) -> tuple[ExpandedCommand, ...]:
    """All commands that a script runs, in order, with what the variables hold at that moment.

    Assignments, ``export``, ``unset``, ``read``, ``set --`` and ``for`` are followed. What a branch that may not run
    assigns is unknown behind it. A ``for`` body comes once, its variable holding all words of the list. A command
    that is a wrapper or starts a nested script is replaced by what it runs; a command that only assigns is left out.
    The body of a function comes where it is called, with its arguments; where nobody calls it, it may not run.
    The answer is kept for the next who asks with the same two objects: ``variables`` must not change afterwards.
    """
    key = (id(script), id(variables))
    known = _expanded.get(key)
    if known is not None:
        return known[2]
    walk = _Walk()
    walk.script(script, Environment(variables), _Level())
    found = tuple(walk.found)
    if len(found) <= _MAX_KEPT and (not found or len(found[-1].variables) <= _MAX_KEPT):
        if len(_expanded) >= _MAX_PARSED:
            _expanded.clear()
        _expanded[key] = (script, variables, found)
    return found


_MAX_KEPT = 200
"""Commands, and variables, of a script whose expansion is kept."""
_expanded: dict[tuple[int, int], tuple[Script, Variables, tuple[ExpandedCommand, ...]]] = {}
"""As :data:`_parsed`, of what scripts come to."""


class _Level(Struct, frozen=True):
    """Where a script stands: whether it may not run at all, how deep it is nested, whether its output is what counts, and
    the functions that it may call."""

    conditional: bool = False
    nesting: int = 0
    substitution: bool = False
    functions: Mapping[str, Sequence[Command]] = {}

    def below(self, *, substitution: bool) -> _Level:
        """The level of a script that is started here."""
        return _Level(self.conditional, self.nesting + 1, substitution)


class _Walk:
    def __init__(self) -> None:
        self.found: list[ExpandedCommand] = []
        self.called: list[str] = []
        """The functions that are being called, outermost first."""
        self.outcomes = Outcomes()

    def script(self, script: Script, environment: Environment, level: _Level) -> None:
        functions: dict[str, list[Command]] = {}
        for command in script.commands:
            if command.function is not None:
                functions.setdefault(command.function, []).append(command)
        if functions:
            called = {command.name for command in script.commands}
            functions = {name: body for name, body in functions.items() if name in called}
        plain = [command for command in script.commands if command.function not in functions]
        self._commands(plain, environment, replace(level, functions=functions) if functions else level)

    def _commands(self, commands: Sequence[Command], environment: Environment, level: _Level) -> None:
        maybe = level if level.conditional else replace(level, conditional=True)
        for command in commands:
            will = environment.arrive(command, self.outcomes)
            if will is False:
                continue
            self.outcomes.note(command, environment)
            outer = environment.variables
            apart = command.function is not None and not self.called
            if apart:
                environment.hide_arguments()
            here = level if will else maybe
            if level.nesting < _MAX_NESTING:
                for inner in _substitutions(command):
                    self.script(inner, Environment(environment.variables), here.below(substitution=True))
            body = level.functions.get(command.name)
            if body is not None and self._may_call(command.name):
                self._call(command, body, environment, here)
            elif command.words:
                self._command(command, environment, here)
            environment.run(command)
            if apart:
                environment.restore_arguments(outer)

    def _may_call(self, name: str) -> bool:
        """False for a function that calls itself, and where calls of calls have made very many commands."""
        return name not in self.called and len(self.called) < _MAX_NESTING and len(self.found) < _MAX_COMMANDS

    def _call(self, command: Command, body: Sequence[Command], environment: Environment, level: _Level) -> None:
        """Run the body of a function where it is called: it sees and sets the variables of its caller."""
        before = environment.variables
        given = environment.with_arguments([arg.source for arg in expand_command(command, before)[1:]])
        inner = Environment(given, body[0].outside)
        inner.call(environment, command.words[1:])
        self.called.append(command.name)
        self._commands(body, inner, level)
        self.called.pop()
        environment.take(inner, written=True)
        environment.restore_arguments(before)

    def _command(self, command: Command, environment: Environment, level: _Level) -> None:
        variables = environment.variables
        args = expand_command(command, variables)
        if not args:
            return
        prefix = tuple((assignment.name, assignment.value.value(variables)) for assignment in command.assignments)
        unwrapped = unwrap(args, command.redirects)
        if unwrapped.script is not None and level.nesting < _MAX_NESTING:
            nested = Environment({**variables, **dict(prefix), **dict(unwrapped.environment)})
            inner = parse_script(unwrapped.script)
            self.script(inner, nested, level.below(substitution=level.substitution))
            if unwrapped.same_shell:
                environment.take(nested, written=False)
            return
        self.found.append(
            ExpandedCommand(
                command=command,
                args=unwrapped.args,
                variables=variables,
                conditional=level.conditional,
                wrappers=unwrapped.wrappers,
                environment=prefix + unwrapped.environment,
                nesting=level.nesting,
                substitution=level.substitution,
            )
        )


def _substitutions(command: Command) -> list[Script]:
    """The scripts in the ``$(...)`` of a command's own words and assignments."""
    words = [*command.words, *(assignment.value for assignment in command.assignments)]
    return [
        parse_script(source)
        for word in words
        if not word.literal and ("$(" in word.text or "`" in word.text)
        for arg in word.expand({})
        for source in arg.substitutions
    ]
