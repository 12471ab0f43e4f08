"""What a script consists of: commands with their words, redirections and circumstances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from dockerlint_alpine.syntax.problems import SyntaxProblem
    from dockerlint_alpine.syntax.shell.words import Word
    from dockerlint_alpine.syntax.source import SourceText, Span


class Assignment(Struct, frozen=True):
    """``NAME=value``; ``append`` for ``NAME+=value``."""

    name: str
    value: Word
    append: bool = False


class Redirect(Struct, frozen=True):
    """A redirection. ``op`` is ``<``, ``>``, ``>>``, ``<<``, ``<<-``, ``<<<``, ``>&``, ``&>``...; ``fd`` as written.

    ``target`` is the word behind it (of a here-document: its name). ``body`` is the text of a here-document, ``None``
    when the script ends before it; ``expand`` is false when its name is quoted.
    """

    op: str
    fd: int | None
    target: Word
    body: SourceText | None = None
    expand: bool = True


class Loop(Struct, frozen=True):
    """A loop around a command: the variable of a ``for`` and the words it takes in turn (``None``: the arguments); of
    ``while`` and ``until`` there is no name."""

    name: str
    words: tuple[Word, ...] | None


class Tested(Struct, frozen=True):
    """That a branch runs where ``test`` succeeds, or where it fails (``wanted`` is false)."""

    test: Command
    wanted: bool


class Matched(Struct, frozen=True):
    """That a branch of ``case`` runs where one of ``patterns`` matches ``subject``, and none of ``earlier``."""

    subject: Word
    patterns: tuple[Word, ...]
    earlier: tuple[Word, ...]


class Scope(Struct, frozen=True):
    """Something around a command that limits how long its assignments are certain.

    ``branch``: what is assigned in it may or may not have happened behind it. ``subshell``: it is forgotten behind it.
    ``conditions`` are what decides whether the branch runs, all of them together; none: nobody knows.
    """

    number: int
    kind: Literal["branch", "subshell"]
    conditions: tuple[Tested | Matched, ...] = ()


class Command(Struct, frozen=True, eq=False):
    r"""A simple command.

    ``words[0]`` is the program; a command without words only assigns. ``span`` covers it with its assignments and
    redirections. ``conditional``: it may not run even if everything before it succeeded; ``guard`` is the test that
    decides, where there is one. ``joined_by`` is the operator before it (``""`` for the first, ``"\n"`` for a line
    end). ``subshell`` counts the ``( )`` around it, ``function`` names the function whose
    body it is in, and ``outside`` counts the scopes around that body, its own included. ``loops`` are the loops
    around it, outermost first. ``negated``: a ``!`` stands before its pipeline.
    """

    words: tuple[Word, ...]
    assignments: tuple[Assignment, ...]
    redirects: tuple[Redirect, ...]
    source: SourceText
    span: Span | None
    conditional: bool
    guard: Command | None
    joined_by: str
    subshell: int
    scopes: tuple[Scope, ...]
    loops: tuple[Loop, ...]
    function: str | None
    outside: int = 0
    negated: bool = False
    background: bool = False
    piped_from: Command | None = None
    piped_to: Command | None = None

    @property
    def name(self) -> str:
        """The program as written, ``""`` when the command only assigns."""
        return self.words[0].text if self.words else ""


class Script(Struct, frozen=True):
    """A script: its simple commands in the order of the text, and what is wrong with it.

    ``interpreter`` is the program that runs it; when it is no Bourne shell (``python3``, ``powershell``) the script is
    not parsed and has no commands. The lines of ``problems`` count within the script, from 1.
    """

    source: SourceText
    commands: tuple[Command, ...]
    problems: tuple[SyntaxProblem, ...] = ()
    interpreter: str = "sh"

    @property
    def opaque(self) -> bool:
        """True when the script is in a language that is not parsed."""
        return self.interpreter not in SHELLS


SHELLS = frozenset({"ash", "bash", "busybox", "dash", "ksh", "mksh", "sh", "zsh"})
"""Programs whose scripts are parsed."""

DECLARE = frozenset({"declare", "export", "local", "readonly", "typeset"})
"""Built-ins whose operands are assignments."""
