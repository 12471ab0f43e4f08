"""pipx: every program gets an environment of its own, which ``inject`` and ``runpip`` add to.

Options as in pipx 1.18 (``pipx/main.py``: ``_add_install``, ``_add_inject``, ``_add_runpip``).
"""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.installers.base import (
    InstallCommand,
    Words,
    given_options,
    new_environment,
    split_verb,
    user_folder,
)
from dockerlint_alpine.installers.pip import BEFORE_VERB, OPTIONS, Pip, read_words
from dockerlint_alpine.python.model import Origin, normalise
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.installers.base import (
        Arguments,
        Command,
        Invocation,
        Options,
        PythonHome,
        Surroundings,
    )
    from dockerlint_alpine.python.model import Target

_VALUES = frozenset(
    "--app --backend --cooldown --fetch-python --include-resources-from --lock --output --suffix --upgrade-strategy".split()
)
_FLAGS = frozenset(
    "--fetch-missing-python --force -f --global --include-apps --include-deps --skip-maintenance --system-site-packages"
    " --with-suffix".split()
)
"""Options of its own, which pip does not get."""


class Pipx(Pip):
    """pipx, which runs pip."""

    name = "pipx"
    programs = lazy_pattern("pipx")
    mention = r"\bpipx\s+(?:-\S+\s+)*(?:install|inject|runpip\s+\S+\s+install)"

    def recognise(self, invocation: Invocation) -> Command | None:
        """Read ``pipx install``, ``pipx inject`` and ``pipx runpip ENVIRONMENT install``."""
        verb, words = split_verb(invocation.args, BEFORE_VERB)
        named = 1 + next(
            (at for at, word in enumerate(words[1:]) if word.known), len(words)
        )  # of a loop's names, all stand
        if verb == "runpip" and [word.text for word in words[named : named + 1]] == ["install"]:
            # Which environment it is tells nothing of what goes in.
            words = (replace(words[0], unknown=()), *words[named + 1 :])
        elif verb not in {"install", "inject"}:
            return None
        return InstallCommand(self, "tool", invocation.program, verb, words)

    def options(self, command: InstallCommand, words: Sequence[str]) -> Options:
        """Pipx hands pip's options on."""
        return given_options(_for_pip(command, Words(list(words), [Origin("")] * len(words)))[1].texts, OPTIONS)

    def home(self, command: InstallCommand, options: Options, place: Surroundings) -> PythonHome | None:
        """A new environment below PIPX_HOME, or the one that is named."""
        folder = place.variables.get("PIPX_HOME") or f"{user_folder(place.variables)}/.local/share/pipx"
        texts = [arg.text for arg in command.args]
        name = _for_pip(command, Words(texts, [Origin("")] * len(texts)))[0]
        prefix = posixpath.join(folder, "venvs", name)
        python = (options.get("--python") or ("python3",))[-1]
        base = place.interpreter(python if not python[:1].isdigit() else f"python{python}")
        return new_environment(place, prefix, base, sees_system="--system-site-packages" in texts)

    def destination(self, command: InstallCommand, options: Options, home: PythonHome, place: Surroundings) -> str:
        """See the protocol."""
        del command, options, place
        return home.site_packages

    def request(self, command: InstallCommand, words: Words, place: Surroundings, target: Target | None) -> Arguments:
        """See the protocol."""
        return read_words(_for_pip(command, words)[1], place, target)


def _for_pip(command: InstallCommand, words: Words) -> tuple[str, Words]:
    """The environment that a command is about, and what its pip gets."""
    found = Words(wheelhouses=words.wheelhouses)
    name, suffix = "", ""
    editable = False
    rest = iter(zip(words.texts, words.places, strict=True))
    for text, place in rest:
        option, equals, value = text.partition("=")
        if option in _FLAGS:
            continue
        if option in {*_VALUES, "--pip-args", "--preinstall"}:
            value = value if equals else next(rest, ("", place))[0]
            suffix = value if option == "--suffix" else suffix
            for word in {"--pip-args": _split(value), "--preinstall": [value]}.get(option, []):
                found.add(word, place)
        elif text in {"-e", "--editable"} and command.verb == "install":
            editable = True
        elif text.startswith("-"):
            found.add(text, place)
            if OPTIONS.spellings.get(option) in OPTIONS.with_value and not equals:
                found.add(next(rest, ("", place))[0], place)
        elif command.verb != "install" and not name:
            name = text
        else:
            name = name or normalise(re.split(r"[\[=<>~!@ ]", text)[0])
            if editable:
                found.add("--editable", place)
            found.add(text, place)
    return (name or "tool") + suffix, found


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


TOOL = Pipx()
