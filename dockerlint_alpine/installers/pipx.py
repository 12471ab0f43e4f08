"""pipx: every program gets an environment of its own."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from dockerlint_alpine.installers.base import (
    InstallCommand,
    Installer,
    first_operand,
    given_options,
    new_environment,
    split_verb,
    user_folder,
)
from dockerlint_alpine.installers.pip import BEFORE_VERB, OPTIONS, read_words
from dockerlint_alpine.python.model import RequirementSet
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.installers.base import (
        Arguments,
        Command,
        ExportCommand,
        Invocation,
        Options,
        PythonHome,
        Surroundings,
        Words,
    )
    from dockerlint_alpine.python.model import Target


class Pipx(Installer):
    """pipx, which runs pip."""

    name = "pipx"
    programs = lazy_pattern("pipx")
    mention = r"\bpipx\s+install"
    runs_pip = True

    def recognise(self, invocation: Invocation) -> Command | None:
        """Read ``pipx install``."""
        verb, words = split_verb(invocation.args, BEFORE_VERB)
        return InstallCommand(self, "tool", invocation.program, verb, words) if verb == "install" else None

    def setting(self, invocation: Invocation) -> tuple[str, str] | None:
        """Pipx is configured by variables."""
        del invocation
        return None

    def options(self, command: InstallCommand, words: Sequence[str]) -> Options:
        """Pipx hands pip's options on."""
        del command
        return given_options(words, OPTIONS)

    def home(self, command: InstallCommand, options: Options, place: Surroundings) -> PythonHome | None:
        """A new environment below PIPX_HOME."""
        del options
        folder = place.variables.get("PIPX_HOME") or f"{user_folder(place.variables)}/.local/share/pipx"
        prefix = posixpath.join(folder, "venvs", first_operand(command))
        return new_environment(place, prefix, place.interpreter("python3"))

    def destination(self, command: InstallCommand, options: Options, home: PythonHome, place: Surroundings) -> str:
        """See the protocol."""
        del command, options, place
        return home.site_packages

    def request(self, command: InstallCommand, words: Words, place: Surroundings, target: Target | None) -> Arguments:
        """See the protocol."""
        del command
        return read_words(words, place, target)

    def export(
        self, command: ExportCommand, words: Words, place: Surroundings, target: Target | None
    ) -> RequirementSet:
        """Pipx exports nothing."""
        del command, words, place, target
        return RequirementSet()


TOOL = Pipx()
