"""``python -m venv`` and virtualenv: environments without an installer of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.installers.base import Program, VenvCommand
from dockerlint_alpine.system.options import OptionTable, scan
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.installers.base import Command, Invocation, Surroundings
    from dockerlint_alpine.syntax import Arg

_OPTIONS = OptionTable.build(
    "--python -p, --prompt, --app-data, --seeder, --pip, --setuptools, --wheel, --cache-dir", others="flag"
)


class Venv(Program):
    """``python -m venv``, ``virtualenv`` and the old ``pyvenv``."""

    name = "venv"
    programs = lazy_pattern(r"venv|virtualenv|pyvenv")
    mention = ""

    def recognise(self, invocation: Invocation) -> Command | None:
        """Every call makes an environment."""
        return read_venv(invocation.program, invocation.args)


def read_venv(program: str, args: Sequence[Arg], *, default: str | None = None) -> VenvCommand:
    """Read the words behind ``venv``; ``default`` is the folder where none is named."""
    words = scan([arg.text for arg in args], _OPTIONS)[0]
    given = {word.option: word.value for word in words}
    folders = [word.value for word in words if word.option is None and args[word.index].known]
    directory = folders[-1] if folders else default
    return VenvCommand(program, directory, given.get("--python"), "--system-site-packages" in given)


def make_environment(command: VenvCommand, place: Surroundings) -> None:
    """From now on the stage has the environment that ``command`` makes."""
    if command.by_uv is not None:
        from dockerlint_alpine.installers.uv_python import python_for

        base = python_for(place, command.python, command.by_uv, of_project=True)
    else:
        program = command.python or command.program
        base = place.interpreter(program if program.rsplit("/", 1)[-1].startswith("python") else "python3")
    if command.directory is not None and base is not None:
        prefix = absolute(command.directory, place.folder)
        place.remember(replace(base, prefix=prefix, is_venv=True, sees_system=command.system_packages))


TOOL = Venv()
