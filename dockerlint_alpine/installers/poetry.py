"""Poetry: ``poetry install``, ``sync``, ``add``, ``export`` and ``config``."""

from __future__ import annotations

import posixpath
import re
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from dockerlint_alpine.installers.base import (
    TRUE,
    InstallCommand,
    Surroundings,
    mentions,
    new_environment,
    read_config,
    user_folder,
)
from dockerlint_alpine.installers.project import Declared, PyprojectInstaller, Role
from dockerlint_alpine.python.formats.poetry import PoetryProject
from dockerlint_alpine.python.formats.poetry_lock import locked_packages
from dockerlint_alpine.python.model import RequirementSet, normalise
from dockerlint_alpine.system.options import OptionTable, scan
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.installers.base import Invocation, Options, PythonHome
    from dockerlint_alpine.python.formats.pyproject import Pyproject

INSTALL_OPTIONS = OptionTable.build(
    "--without\n--with\n--only\n--extras -E\n--directory -C\n--project -P\n--format -f\n--output -o\n--python\n",
    """
    --no-dev, --dev, --no-root, --only-root, --no-directory, --all-extras, --all-groups, --sync --remove-untracked,
    --dry-run, --compile, --without-hashes, --with-credentials, --no-interaction -n, --no-cache, --no-ansi,
    --no-plugins, --ansi, --quiet -q, --verbose -v, --clear
    """,
)
"""``poetry install``/``sync`` and ``poetry export`` of Poetry 1.0 to 2."""


_VERSION = lazy_pattern(r"(\d+)\.(\d+)")


class Poetry(PyprojectInstaller):
    """Poetry, with the export plugin."""

    name = "poetry"
    programs = lazy_pattern("poetry")
    mention = mentions("poetry", "install|sync|add|bundle")
    verbs: ClassVar[Mapping[str, Role]] = {
        "install": "project",
        "sync": "project",
        "bundle": "project",
        "add": "add",
        "export": "export",
    }
    before_verb = frozenset("-C --directory -P --project".split())
    table = INSTALL_OPTIONS
    without_itself = frozenset({"--no-root"})

    def setting(self, invocation: Invocation) -> tuple[str, str] | None:
        """Read ``poetry config KEY VALUE``."""
        return read_config(self, invocation)

    def home(self, command: InstallCommand, options: Options, place: Surroundings) -> PythonHome | None:
        """The venv that ``poetry bundle venv PATH`` makes, else that of the project."""
        words = [word.value for word in scan([one.text for one in command.args], self.table)[0] if word.option is None]
        if words[:1] != ["venv"] or len(words) < 2:
            return super().home(command, options, place)
        python = (options.get("--python") or ("python3",))[-1]
        return new_environment(place, absolute(words[1], place.folder), place.interpreter(python))

    def project_home(
        self, command: InstallCommand, options: Options, base: PythonHome | None, place: Surroundings
    ) -> PythonHome | None:
        """An active venv, else ``virtualenvs.create`` and ``virtualenvs.in-project`` decide."""
        del command, options
        variables, settings = place.variables, place.settings
        named = place.environment(variables.get("VIRTUAL_ENV", ""))
        if named is not None:
            return named
        if base is not None and base.is_venv:
            return base
        create = variables.get("POETRY_VIRTUALENVS_CREATE") or settings.get("poetry.virtualenvs.create", "true")
        if create.lower() not in TRUE:
            return base
        inside = variables.get("POETRY_VIRTUALENVS_IN_PROJECT") or settings.get(
            "poetry.virtualenvs.in-project", "false"
        )
        own = absolute(".venv", place.folder)
        if inside.lower() in TRUE or place.environment(own) is not None:
            return new_environment(place, own, base)
        path = variables.get("POETRY_VIRTUALENVS_PATH") or settings.get("poetry.virtualenvs.path", "")
        cache = variables.get("POETRY_CACHE_DIR") or f"{user_folder(variables)}/.cache/pypoetry"
        return new_environment(place, posixpath.join(path or f"{cache}/virtualenvs", "project"), base)

    def no_musllinux(self, place: Surroundings) -> str:
        """Poetry chooses wheels by packaging: until 1.1 by one before 21 (its requirements), the first that knows musl."""
        own = place.settings.get("poetry.version") or place.variables.get("POETRY_VERSION", "")
        match = _VERSION.match(own)
        old = match is not None and (int(match[1]), int(match[2])) < (1, 2)
        return f"Poetry {own} does not support musllinux wheels (1.2 does)" if old else ""

    def declared(self, pyproject: Pyproject, folder: str, given: Mapping[str, Sequence[str]]) -> Declared:
        """See the protocol."""
        project = PoetryProject(pyproject, folder)
        wish = _Wish(given, project)
        requirements = RequirementSet(
            requested=tuple(project.requirements(wish.groups, wish.extras)),
            external=tuple(pyproject.external()),
            problems=tuple(pyproject.problems),  # with those of the two before
            files=(pyproject.location,),
        )
        read = partial(locked_packages, folder=folder, groups=wish.groups)
        return Declared(requirements, "poetry.lock", read, wish.problems)


class _Wish:
    """Which groups and extras ``poetry install ARGS`` selects."""

    def __init__(self, values: Mapping[str, Sequence[str]], project: PoetryProject) -> None:
        given = {
            option: [normalise(one) for text in texts for one in re.split(r"[ ,]+", text) if one]
            for option, texts in values.items()
        }
        groups = project.groups()
        chosen = (
            list(groups) if "--all-groups" in given else [name for name, optional in groups.items() if not optional]
        )
        chosen += given.get("--with", [])
        if "--only" in given:
            chosen = given["--only"]
        if "--only-root" in given:
            chosen = []
        dropped = set(given.get("--without", [])) | ({"dev"} if "--no-dev" in given else set())
        self.groups = [one for one in dict.fromkeys(chosen) if one not in dropped]
        self.problems = [f"there is no group {one!r}" for one in self.groups if one not in groups]
        extras = project.extras()
        self.extras = list(extras) if "--all-extras" in given else given.get("--extras", [])
        self.problems += [f"the project has no extra {one!r}" for one in self.extras if one not in extras]


TOOL = Poetry()
