"""The variables of a script while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from dockerlint_alpine.syntax.shell.conditions import TESTS, fact, facts_in, holds, outcome, runs, usual
from dockerlint_alpine.syntax.shell.model import DECLARE, Command, Scope
from dockerlint_alpine.syntax.shell.words import Turns, Variables, Word, join_words
from dockerlint_alpine.syntax.source import EMPTY, MAX_EXPANDED, SourceText
from dockerlint_alpine.system.patterns import lazy_pattern

_MAX_VARIABLES = 4096
_MAX_ARGUMENTS = 99
_DECLARED = lazy_pattern(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
_SPECIAL = frozenset(": . break continue eval exec exit export readonly return set shift times trap unset".split())
"""Built-ins before which an assignment lasts (POSIX, "Special Built-In Utilities"), as it does in BusyBox's shell."""
_QUIET = lazy_pattern(r"[\w./+-]+|\"[^\"]*\"")
"""A word that is one argument."""
_NAME = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*")


def unknown_value(name: str) -> SourceText:
    """A value that only the build knows."""
    return SourceText.literal("${" + name + "}").opaque()


def _either(name: str, before: SourceText | None, after: SourceText | None) -> SourceText:
    """The value of a variable that a branch may have changed: what it had is there where words were put behind it."""
    if before is None or after is None or not before.text or not after.text.startswith(f"{before.text} "):
        return unknown_value(name)
    return SourceText.concat((before, SourceText.literal(" "), unknown_value(name)))


def _is_printed(value: SourceText) -> bool:
    """Whether a value is what a command prints: a variable that may have it is better known by its name."""
    return not value.known and ("$(" in value.text or "`" in value.text)


class Outcomes:
    """What became of tests so far, by their ``id``: for sure, and in a build that gives no values of its own."""

    __slots__ = ("sure", "usual")

    def __init__(self) -> None:
        self.sure: dict[int, bool | None] = {}
        self.usual: dict[int, bool | None] = {}

    def note(self, command: Command, environment: Environment) -> None:
        """Note what becomes of a command, if it is a test."""
        if command.name not in TESTS:
            return
        self.sure[id(command)] = outcome(command, partial(fact, facts=environment.facts))
        if not command.loops:
            self.usual[id(command)] = outcome(command, partial(usual, variables=environment.variables))


class Environment:
    """Variables that change from command to command; ``variables`` is a snapshot that never changes afterwards.

    ``outside`` is the number of scopes around all its commands that do not count: those of a function's definition.
    """

    __slots__ = ("_expected", "_frames", "_loops", "_outside", "decided", "facts", "variables")

    def __init__(self, variables: Variables, outside: int = 0) -> None:
        self.variables: dict[str, SourceText] = dict(variables)
        self.facts = facts_in(variables)
        """The variables whose values follow from the platform alone."""
        self.decided: dict[int, bool | None] = {}
        """Whether a branch runs, by its number, as it was where it began."""
        self._expected: dict[int, bool | None] = {}
        """Whether it does in a build that gives no values of its own."""
        self._outside = outside
        self._frames: list[tuple[Scope, dict[str, SourceText]]] = []
        self._loops: set[int] = set()

    def arrive(self, command: Command, outcomes: Outcomes) -> bool | None:
        """Leave the branches and subshells that do not hold this command, and enter its own if it runs; return whether it
        does, by the ``outcomes`` of tests. ``None``: it may."""
        scopes = command.scopes[self._outside :]
        kept = 0
        for (scope, _), wanted in zip(self._frames, scopes, strict=False):
            if scope != wanted:
                break
            kept += 1
        while len(self._frames) > kept:
            self._leave(*self._frames.pop())
        will: bool | None = True
        if scopes:
            by_platform = partial(fact, facts=self.facts)
            will = runs(scopes, self.decided, lambda scope: holds(scope, by_platform, outcomes.sure))
        if will is None:
            by_value = partial(usual, variables=self.variables)
            runs(
                scopes, self._expected, lambda scope: None if command.loops else holds(scope, by_value, outcomes.usual)
            )
        if will is not False:
            self._frames.extend((scope, self.variables) for scope in scopes[kept:])
            self._begin_loops(command)
        return will

    def _begin_loops(self, command: Command) -> None:
        for loop in command.loops:
            if id(loop) not in self._loops:
                self._loops.add(id(loop))
                self.facts = facts_in(self.facts)  # what the loop assigns at its end is there at its next beginning
                if not loop.name:
                    continue
                value = unknown_value(loop.name) if loop.words is None else Turns.of(loop.words, self.variables)
                self.set(loop.name, value)

    def _leave(self, scope: Scope, before: dict[str, SourceText]) -> None:
        after = self.variables
        if after is before or self.decided.get(scope.number):
            return
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        for name in changed:
            self.facts.pop(name, None)
        expected = self._expected.get(scope.number)
        if expected:
            printed = (name for name in changed if name in after and _is_printed(after[name]))
            self.variables = {**after, **{name: unknown_value(name) for name in printed}}
            return
        self.variables = before
        if scope.kind == "branch" and expected is None:
            values = {name: _either(name, before.get(name), after.get(name)) for name in changed}
            self.variables = {**before, **values}

    def leave_all(self) -> None:
        """Leave every branch and subshell: the script is over."""
        while self._frames:
            self._leave(*self._frames.pop())

    def take(self, other: Environment, *, written: bool) -> None:
        """Go on with the variables of a script that ran in the same shell; ``written``: as it is, not made of values (as
        with ``eval``)."""
        other.leave_all()
        before, self.variables = self.variables, other.variables
        kept = {name: value for name, value in self.facts.items() if before.get(name) == other.variables.get(name)}
        new = {name: value for name, value in other.facts.items() if written and not _is_argument(name)}
        self.facts = {**kept, **new}

    def call(self, caller: Environment, words: Sequence[Word]) -> None:
        """Know in a function what the platform decides for its caller, of the arguments, too."""
        self.facts = dict(caller.facts)
        for number, word in enumerate(words[:_MAX_ARGUMENTS], start=1):
            value = fact(word, caller.facts) if len(words) == 1 or _QUIET.fullmatch(word.text) else None
            if value is not None:
                self.facts[str(number)] = value
            else:
                self.facts.pop(str(number), None)

    def with_arguments(self, args: Sequence[SourceText]) -> dict[str, SourceText]:
        """The variables inside a function or script that is called with these arguments."""
        joined = SourceText.concat(part for arg in args for part in (SourceText.literal(" "), arg))
        given = [*args[:_MAX_ARGUMENTS], *(EMPTY for _ in range(len(args), 9))]
        numbered = {str(number): arg for number, arg in enumerate(given, start=1)}
        others = {name: value for name, value in self.variables.items() if not _is_argument(name)}
        return {**others, **numbered, "@": joined.slice(1, len(joined)) if args else EMPTY}

    def hide_arguments(self) -> None:
        """Let the arguments be unknown: those of a function that is called by a name that nobody can read."""
        others = {name: value for name, value in self.variables.items() if not _is_argument(name)}
        names = (*map(str, range(1, 10)), "@")
        self.variables = {**others, **{name: unknown_value(name) for name in names}}

    def restore_arguments(self, before: Mapping[str, SourceText]) -> None:
        """Put the arguments back that were there before a function was called."""
        others = {name: value for name, value in self.variables.items() if not _is_argument(name)}
        self.variables = {**others, **{name: value for name, value in before.items() if _is_argument(name)}}

    def set(self, name: str, value: SourceText) -> None:
        """Give a variable a value. Beyond a few thousand names nothing is kept, so that they count as unknown."""
        self.facts.pop(name, None)
        if name in self.variables or len(self.variables) < _MAX_VARIABLES:
            kept = value if isinstance(value, Turns) and len(value) <= MAX_EXPANDED else value.kept(name)
            self.variables = {**self.variables, name: kept}

    def run(self, command: Command) -> None:
        """Change the variables as a command does: assignments, ``export``, ``unset``, ``read``, ``set --``."""
        builtin = command.words[0].text if command.words else ""
        if not builtin or builtin in _SPECIAL:
            for assignment in command.assignments:
                self._assign(assignment.name, assignment.value, append=assignment.append)
        if builtin in DECLARE:
            for word in command.words[1:]:
                self._declare(word)
        elif builtin == "unset":
            self._unset(command)
        elif builtin == "read":
            for word in command.words[1:]:
                if _NAME.fullmatch(word.text):
                    self.set(word.text, unknown_value(word.text))
        elif builtin == "set":
            self._set_arguments(command.words[1:])

    def _assign(self, name: str, value: Word, *, append: bool) -> None:
        result = value.value(self.variables)
        known = None if append else fact(value, self.facts)
        if append:
            separator = SourceText.literal(" ") if value.text.startswith("(") else EMPTY
            result = SourceText.concat((self.variables.get(name, unknown_value(name)), separator, result))
        self.set(name, result)
        if known is not None:
            self.facts[name] = known

    def _declare(self, word: Word) -> None:
        match = _DECLARED.match(word.text)
        if match is not None:
            source = word.source.slice(match.end(), len(word.source))
            self._assign(match[1], Word(source, source.span()), append=bool(match[2]))

    def _unset(self, command: Command) -> None:
        names = {word.text for word in command.words[1:]}
        self.facts = {name: value for name, value in self.facts.items() if name not in names}
        self.variables = {name: EMPTY if name in names else value for name, value in self.variables.items()}

    def _set_arguments(self, words: tuple[Word, ...]) -> None:
        texts = [word.text for word in words]
        if "--" in texts:
            self.set("@", join_words(words[texts.index("--") + 1 :], self.variables))


def _is_argument(name: str) -> bool:
    return name == "@" or name.isdigit()
