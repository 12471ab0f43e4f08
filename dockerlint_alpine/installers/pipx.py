"""pipx: every program gets an environment of its own."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from dockerlint_alpine.installers.base import InstallCommand, first_operand, new_environment, split_verb, user_folder
from dockerlint_alpine.installers.pip import BEFORE_VERB, Pip
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.installers.base import Command, Invocation, Options, PythonHome, Surroundings


class Pipx(Pip):
    """pipx, which runs pip and hands pip's options on."""

    name = "pipx"
    programs = lazy_pattern("pipx")
    mention = r"\bpipx\s+install"

    def recognise(self, invocation: Invocation) -> Command | None:
        """Read ``pipx install``."""
        verb, words = split_verb(invocation.args, BEFORE_VERB)
        return InstallCommand(self, "tool", invocation.program, verb, words) if verb == "install" else None

    def home(self, command: InstallCommand, options: Options, place: Surroundings) -> PythonHome | None:
        """A new environment below PIPX_HOME."""
        del options
        folder = place.variables.get("PIPX_HOME") or f"{user_folder(place.variables)}/.local/share/pipx"
        prefix = posixpath.join(folder, "venvs", first_operand(command))
        return new_environment(place, prefix, place.interpreter("python3"))

    def destination(self, command: InstallCommand, options: Options, home: PythonHome, place: Surroundings) -> str:
        """The environment, wherever pip would install."""
        del command, options, place
        return home.site_packages


TOOL = Pipx()
