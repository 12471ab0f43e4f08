"""An installer's command in its place."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.stages.interpreters import CommandPlace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.installers.base import PythonHome
    from dockerlint_alpine.stages.model import UnjudgedKind, Written
    from dockerlint_alpine.stages.scripts import ScriptFile
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Command, Instruction, SourceText, Span


class Call(Struct, frozen=True, dict=True):
    """One installer's command in its place: where it stands, its variables, the folder and venv it runs in.

    ``file`` is the script that it stands in, where that is not the Dockerfile, and ``written`` says where in it. ``command``
    is how the shell reads it.
    """

    walk: StageWalk
    instruction: Instruction
    span: Span
    variables: Mapping[str, SourceText]
    folder: str
    active: PythonHome | None
    conditional: bool
    file: ScriptFile | None = None
    written: Written | None = None
    command: Command | None = None

    @cached_property
    def env(self) -> dict[str, str]:
        """The environment as text."""
        return {name: value.text for name, value in self.variables.items()}

    def place(self, folder: str | None = None) -> CommandPlace:
        """The stage as the command finds it, in ``folder`` (default: where it runs)."""
        return CommandPlace(self.walk, self.env, self.folder if folder is None else folder, self.active)

    def unjudged(self, kind: UnjudgedKind, message: str, evidence: str, things: int = 1) -> None:
        """Note something that could not be checked."""
        where = f"{self.written.path}:{self.written.line}: " if self.written is not None else ""
        where = "" if self.written is not None and message.startswith(f"{self.written.path}:") else where
        self.walk.unjudged(kind, self.instruction, where + message, evidence, things)
