"""``python -m venv`` and virtualenv: environments without an installer of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.installers.base import Program, VenvCommand
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.installers.base import Command, Invocation, Surroundings
    from dockerlint_alpine.syntax import Arg

_WITH_VALUE = frozenset("--prompt -p --python --app-data --seeder --pip --setuptools --wheel --cache-dir".split())


class Venv(Program):
    """``python -m venv``, ``virtualenv`` and the old ``pyvenv``."""

    name = "venv"
    programs = lazy_pattern(r"venv|virtualenv|pyvenv")
    mention = ""

    def recognise(self, invocation: Invocation) -> Command | None:
        """Every call makes an environment."""
        return read_venv(invocation.program, invocation.args)

    def setting(self, invocation: Invocation) -> tuple[str, str] | None:
        """There are none."""
        del invocation
        return None


def read_venv(program: str, args: Sequence[Arg], *, default: str | None = None) -> VenvCommand:
    """Read the words behind ``venv``; ``default`` is the folder where none is named."""
    directory, python, option = default, None, ""
    for arg in args:
        if option:
            python = arg.text if option in {"-p", "--python"} else python
            option = ""
        elif arg.text.startswith("-"):
            name, equals, value = arg.text.partition("=")
            option = name if name in _WITH_VALUE and not equals else ""
            python = value if name == "--python" and equals else python
        elif arg.known:
            directory = arg.text
    return VenvCommand(program, directory, python, any(arg.text == "--system-site-packages" for arg in args))


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
