"""Pipenv: ``pipenv install``, ``sync`` and ``requirements``."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dockerlint_alpine.installers.base import (
    InstallCommand,
    Surroundings,
    mentions,
    new_environment,
    read_export,
    split_verb,
    user_folder,
)
from dockerlint_alpine.installers.pip import environment_options
from dockerlint_alpine.installers.project import ProjectInstaller, Role, Selection
from dockerlint_alpine.python.formats.pipfile import read_pipfile, read_pipfile_lock
from dockerlint_alpine.python.model import Origin, Problem, Requested, RequirementSet
from dockerlint_alpine.python.requirement import InvalidRequirementError, parse_pep508
from dockerlint_alpine.system.options import OptionTable, scan
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.installers.base import Command, Invocation, Options, PythonHome
    from dockerlint_alpine.python.model import FileReader

INSTALL_OPTIONS = OptionTable.build(
    """
    --categories, --python, --pypi-mirror, --index -i, --extra-pip-args, --requirements -r, --editable -e
    """,
    """
    --system, --deploy, --dev -d, --ignore-pipfile, --skip-lock, --site-packages, --pre, --sequential, --keep-outdated,
    --selective-upgrade, --clear, --bare, --quiet -q, --verbose -v
    """,
)
"""``pipenv install`` and ``pipenv sync``."""

_KEEPS_LOCK = frozenset({"--deploy", "--ignore-pipfile"})


class Pipenv(ProjectInstaller):
    """Pipenv. Its ``install`` adds what it names to the project, which is installed as well."""

    name = "pipenv"
    programs = lazy_pattern("pipenv")
    mention = mentions("pipenv", "install|sync")
    verbs: ClassVar[Mapping[str, Role]] = {"install": "project", "sync": "project", "requirements": "export"}
    before_verb = frozenset({"--python"})
    table = INSTALL_OPTIONS
    without_itself = None
    runs_pip = True

    def recognise(self, invocation: Invocation) -> Command | None:
        """Read ``pipenv VERB``; ``pipenv lock -r`` is how older ones export."""
        verb, words = split_verb(invocation.args, self.before_verb)
        old = {"-r", "--requirements"}
        if verb == "lock" and any(arg.text in old for arg in words):
            return read_export(self, tuple(arg for arg in words if arg.text not in old))
        return super().recognise(invocation)

    def project_home(
        self, command: InstallCommand, options: Options, base: PythonHome | None, place: Surroundings
    ) -> PythonHome | None:
        """``--system``, an active venv, else one of its own, in the project if it is told so."""
        del command
        variables = place.variables
        if "--system" in options or "PIPENV_SYSTEM" in variables:
            return base
        if base is not None and base.is_venv and variables.get("PIPENV_IGNORE_VIRTUALENVS") != "1":
            return base
        # Any text but a "no" is a "yes" (its environments.py: env_to_bool, and what it can't read stays a string).
        if variables.get("PIPENV_VENV_IN_PROJECT", "").lower() not in {"", "0", "false", "no", "off"}:
            return new_environment(place, absolute(".venv", place.folder), base)
        folder = variables.get("WORKON_HOME") or f"{user_folder(variables)}/.local/share/virtualenvs"
        return new_environment(place, posixpath.join(folder, "project"), base)

    def read(self, selection: Selection) -> RequirementSet:
        """PIPENV_PIPFILE names another project; Pipenv runs pip, so ``PIP_NO_BINARY`` and the like hold."""
        variables = selection.variables
        named = variables.get("PIPENV_PIPFILE")
        folder = posixpath.dirname(absolute(named, selection.folder)) if named else selection.folder
        found = read_pipenv(
            folder, selection.files, args=selection.args, command=selection.verb, origin=selection.origin
        )
        state = environment_options(variables)
        formats = replace(
            found.options,
            no_binary=state.no_binary,
            only_binary=state.only_binary,
            prefer_binary=state.prefer_binary,
            pre=state.pre,
        )
        return replace(found, options=formats)


def read_pipenv(
    folder: str, files: FileReader, *, args: Sequence[str] = (), command: str = "install", origin: Origin | None = None
) -> RequirementSet:
    """Read the Pipenv project in ``folder`` for ``pipenv COMMAND ARGS``; never raises.

    ``Pipfile.lock`` answers unless ``--skip-lock`` is given, it is missing, or ``pipenv install`` makes it anew; then
    ``Pipfile`` does, unlocked.
    """
    words, complaints = scan(args, INSTALL_OPTIONS)
    given = {word.option: word.value for word in words if word.option is not None}
    place = origin or Origin(files.display(posixpath.join(folder, "Pipfile")))
    problems = tuple(Problem(place.path, place.line, text) for text in complaints)
    categories = [one for one in re.split(r"[ ,]+", given.get("--categories", "")) if one]
    if not categories:
        categories = ["packages", *(["dev-packages"] if "--dev" in given else [])]
    lock_path, path = posixpath.join(folder, "Pipfile.lock"), posixpath.join(folder, "Pipfile")
    if files.exists(lock_path) and ("--skip-lock" not in given or command == "sync"):
        found = read_pipfile_lock(lock_path, files, categories, folder)
        if command == "install" and not _KEEPS_LOCK & given.keys():
            found = _locked_again(found, read_pipfile(path, files, categories, folder))
    else:
        found = read_pipfile(path, files, categories, folder)
    added = [word for word in words if word.option is None]
    requested, more = _operands(added, place)
    return replace(found, requested=found.requested + requested, problems=(*problems, *more, *found.problems))


def _locked_again(locked: RequirementSet, written: RequirementSet) -> RequirementSet:
    """What ``pipenv install`` takes: a lock that lacks what the Pipfile asks for is out of date and made anew (pipenv:
    ``routines/install.py``, ``do_init``)."""
    known = {one.name for one in locked.requested}
    return locked if all(one.name is None or one.name in known for one in written.requested) else written


def _operands(words: Sequence[Any], origin: Origin) -> tuple[tuple[Requested, ...], tuple[Problem, ...]]:
    requested: list[Requested] = []
    problems: list[Problem] = []
    for word in words:
        try:
            requested.append(parse_pep508(word.value, origin))
        except InvalidRequirementError as error:
            problems.append(Problem(origin.path, origin.line, str(error)))
    return tuple(requested), tuple(problems)


TOOL = Pipenv()
