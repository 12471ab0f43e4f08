"""uv: ``uv pip``, ``sync``, ``add``, ``tool install``, ``export`` and ``venv``."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dockerlint_alpine.installers.base import (
    InstallCommand,
    Surroundings,
    first_operand,
    is_set,
    mentions,
    new_environment,
    split_verb,
    user_folder,
)
from dockerlint_alpine.installers.pip import BEFORE_VERB, pip_destination, read_pip, read_words
from dockerlint_alpine.installers.project import Declared, PyprojectInstaller, Role, Selection
from dockerlint_alpine.installers.uv_python import INSTALLED, PINNED, python_for, version_of
from dockerlint_alpine.installers.venv import read_venv
from dockerlint_alpine.python.formats.pyproject import Pyproject, read_pyproject
from dockerlint_alpine.python.formats.toml_source import texts
from dockerlint_alpine.python.formats.uv_lock import locked_packages
from dockerlint_alpine.python.model import IndexOptions, RequirementSet, normalise
from dockerlint_alpine.python.options import OptionState
from dockerlint_alpine.python.requirement import git_url
from dockerlint_alpine.system.options import OptionTable
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.installers.base import Arguments, Command, Invocation, Options, PythonHome, Words
    from dockerlint_alpine.python.model import Requested, Target
    from dockerlint_alpine.syntax import Arg

SYNC_OPTIONS = OptionTable.build(
    """
    --extra, --no-extra, --group, --no-group, --only-group, --package, --python -p, --index-url -i --default-index,
    --extra-index-url --index, --find-links -f, --no-build-package, --no-binary-package, --config-setting -C,
    --cache-dir, --directory, --project, --config-file, --link-mode, --index-strategy, --keyring-provider, --resolution,
    --prerelease, --exclude-newer, --upgrade-package -P, --refresh-package, --reinstall-package, --allow-insecure-host,
    --color, --python-platform, --no-install-package, --no-build-isolation-package, --no-editable-package, --with -w,
    --with-editable, --with-requirements, --env-file
    """,
    """
    --all-extras, --no-dev, --dev, --only-dev, --no-default-groups, --all-groups, --all-packages, --frozen,
    --locked --check, --no-install-project, --no-install-workspace, --no-install-local, --no-editable, --no-build,
    --no-binary, --no-index, --no-sources, --inexact, --exact, --active, --no-cache -n, --offline,
    --compile-bytecode --compile, --no-build-isolation, --reinstall --force-reinstall, --refresh, --upgrade -U,
    --quiet -q, --verbose -v, --no-progress, --no-python-downloads, --managed-python, --no-managed-python,
    --system-certs --native-tls, --isolated, --dry-run, --script, --gui-script, --module -m, --no-sync, --no-project,
    --no-env-file, --no-config, --system
    """,
)
"""``uv sync``, and what ``uv export`` and ``uv run`` share with it."""


_WITHOUT_PROJECT = frozenset("--no-project --script --isolated".split())
"""Options with which ``uv run`` takes another environment than the project's."""


class Uv(PyprojectInstaller):
    """uv, with its own ways to an environment."""

    name = "uv"
    programs = lazy_pattern("uv")
    mention = mentions("uv", "sync|run|pip|add|tool")
    verbs: ClassVar[Mapping[str, Role]] = {"sync": "project", "add": "add", "export": "export"}
    before_verb = frozenset("--directory --project --config-file --cache-dir --color -p --python".split())
    table = SYNC_OPTIONS
    without_itself = frozenset(
        "--no-install-project --no-install-local --only-group --only-dev --no-install-workspace".split()
    )

    def recognise(self, invocation: Invocation) -> Command | None:
        """Read ``uv VERB`` and ``uv pip VERB``."""
        verb, words = split_verb(invocation.args, self.before_verb)
        match verb:
            case "pip":
                return self._pip(invocation.program, words)
            case "venv":
                made = read_venv(invocation.program, words, default=".venv")
                return replace(made, by_uv=tuple(arg.text for arg in words))
            case "tool":
                inner, rest = split_verb(words, self.before_verb)
                return InstallCommand(self, "tool", invocation.program, inner, rest) if inner == "install" else None
            case "run":
                found = self.inside(invocation)
                apart = found is None or any(arg.text == "--no-sync" for arg in found[0].args)
                return None if found is None or apart else found[0]
            case _:
                return super().recognise(invocation)

    def inside(self, invocation: Invocation) -> tuple[InstallCommand, tuple[Arg, ...]] | None:
        """Not with options that ask for another environment."""
        found = super().inside(invocation)
        return None if found is None or any(arg.text in _WITHOUT_PROJECT for arg in found[0].args) else found

    def _pip(self, program: str, args: Sequence[Arg]) -> InstallCommand | None:
        verb, words = split_verb(args, BEFORE_VERB)
        if verb == "sync":
            return InstallCommand(self, "sync-files", program, verb, words)
        return read_pip(self, program, args)

    def setting(self, invocation: Invocation) -> tuple[str, str] | None:
        """``uv python install`` and ``uv python pin``: which Python later commands find."""
        verb, words = split_verb(invocation.args, self.before_verb)
        if verb != "python":
            return None
        inner, rest = split_verb(words, self.before_verb)
        versions = [version_of(arg.text) for arg in rest if arg.known and not arg.text.startswith("-")]
        if inner not in {"install", "pin"} or not versions or versions[0] is None:
            return None
        return (INSTALLED if inner == "install" else PINNED), versions[0]

    def home(self, command: InstallCommand, options: Options, place: Surroundings) -> PythonHome | None:
        """``--python`` and UV_PYTHON with a path, ``--system``, an active venv, ``.venv``; a project has its own."""
        base = place.interpreter("python3")
        if command.action == "tool":
            folder = place.variables.get("UV_TOOL_DIR") or f"{user_folder(place.variables)}/.local/share/uv/tools"
            return new_environment(place, posixpath.join(folder, first_operand(command)), base)
        named = (options.get("--python") or (place.variables.get("UV_PYTHON", ""),))[-1]
        if named.startswith("/"):
            return place.environment(named) or place.interpreter(named) or base
        if command.in_project:
            asked = options.get("--python", (None,))[-1]
            own = python_for(place, asked, options, of_project=True)
            return self.project_home(command, options, own, place)
        if named and "/" not in named:
            return python_for(place, named, options, of_project=False)
        if "--system" in options or is_set(place.variables, "UV_SYSTEM_PYTHON"):
            return place.interpreter("python3", activated=False)
        active = place.environment(place.variables.get("VIRTUAL_ENV", "")) or place.active
        return active or place.environment(absolute(".venv", place.folder)) or base

    def project_home(
        self, command: InstallCommand, options: Options, base: PythonHome | None, place: Surroundings
    ) -> PythonHome | None:
        """The active environment with ``--active``, else UV_PROJECT_ENVIRONMENT or ``.venv``."""
        del command
        if "--active" in options and place.active is not None:
            return place.active
        own = place.variables.get("UV_PROJECT_ENVIRONMENT") or ".venv"
        return new_environment(place, absolute(own, place.folder), base)

    def destination(self, command: InstallCommand, options: Options, home: PythonHome, place: Surroundings) -> str:
        """``uv pip`` has pip's options for it."""
        if command.in_project or command.action == "tool":
            return home.site_packages
        return pip_destination(command, options, home, place)

    def request(self, command: InstallCommand, words: Words, place: Surroundings, target: Target | None) -> Arguments:
        """See the protocol."""
        if command.action == "sync-files":
            found = read_words(_as_files(words), place, target)
        else:
            found = super().request(command, words, place, target)
        strategy = found.options.get("--index-strategy", (place.variables.get("UV_INDEX_STRATEGY", ""),))[-1]
        asked = found.requirements
        options = replace(asked.options, exclusive=not strategy.startswith("unsafe"))
        return replace(found, requirements=replace(asked, options=options))

    def read(self, selection: Selection) -> RequirementSet:
        """See the protocol."""
        alone = selection.verb == "run" and not selection.files.exists(
            posixpath.join(selection.folder, "pyproject.toml")
        )
        if alone or (selection.verb == "run" and is_set(selection.variables, "UV_NO_SYNC")):
            return RequirementSet()
        return super().read(selection)

    def declared(self, pyproject: Pyproject, folder: str, given: Mapping[str, Sequence[str]]) -> Declared:
        """See the protocol."""
        wish = _Wish(given, pyproject)
        requirements = replace(_declared(pyproject, wish, folder), options=wish.options)
        skip, frozen = tuple(wish.without), wish.frozen
        return Declared(requirements, "uv.lock", lambda lock: locked_packages(lock, folder), skip=skip, frozen=frozen)


def _as_files(words: Words) -> Words:
    """``uv pip sync FILE...``: every operand is a requirements file."""
    found = replace(words, texts=[], places=[])
    for text, place in zip(words.texts, words.places, strict=True):
        for part in (text,) if text.startswith("-") else ("-r", text):
            found.add(part, place)
    return found


class _Wish:
    """What the arguments of ``uv sync`` select."""

    def __init__(self, values: Mapping[str, Sequence[str]], pyproject: Pyproject) -> None:
        given = {option: [*map(normalise, listed)] for option, listed in values.items()}
        tool = pyproject.source.table("tool", "uv")
        self.all_extras = "--all-extras" in given
        self.extras = given.get("--extra", [])
        self.no_extras = set(given.get("--no-extra", []))
        groups = list(pyproject.groups())
        dev = "dev" in groups or bool(texts(tool.get("dev-dependencies")))
        default = tool.get("default-groups", ["dev"])
        chosen = (groups + (["dev"] if dev else [])) if default == "all" else [normalise(one) for one in texts(default)]
        self.only = given.get("--only-group", []) + (["dev"] if "--only-dev" in given else [])
        if self.only:
            chosen = self.only
        elif "--no-default-groups" in given:
            chosen = []
        if "--all-groups" in given:
            chosen = [*groups, "dev"]
        chosen = [*chosen, *given.get("--group", []), *(["dev"] if "--dev" in given else [])]
        dropped = set(given.get("--no-group", [])) | ({"dev"} if "--no-dev" in given else set())
        known = {*groups, *(["dev"] if dev else []), *given.get("--group", []), *self.only}
        self.groups = [one for one in dict.fromkeys(chosen) if one not in dropped and one in known]
        self.without = {normalise(one) for one in given.get("--no-install-package", [])}
        self.options = _options(given, tool)
        self.frozen = not {"--frozen", "--locked"}.isdisjoint(given)


def _options(given: Mapping[str, Sequence[str]], tool: Mapping[str, Any]) -> IndexOptions:
    state = OptionState()
    if "--no-build" in given or tool.get("no-build") is True:
        state.apply("--only-binary", ":all:")
    if "--no-binary" in given or tool.get("no-binary") is True:
        state.apply("--no-binary", ":all:")
    for name in (*texts(tool.get("no-build-package")), *given.get("--no-build-package", ())):
        state.apply("--only-binary", name)
    for name in (*texts(tool.get("no-binary-package")), *given.get("--no-binary-package", ())):
        state.apply("--no-binary", name)
    return state.finish()


def _declared(pyproject: Pyproject, wish: _Wish, folder: str) -> RequirementSet:
    """Return the project's own requirements as selected, ``[tool.uv] dev-dependencies`` as part of ``dev``."""
    groups = [one for one in wish.groups if one in pyproject.groups()]
    table = pyproject.source.table("project", "optional-dependencies")
    extras = [normalise(one) for one in table] if wish.all_extras else wish.extras
    extras = [one for one in extras if one not in wish.no_extras]
    path, files = pyproject.location, pyproject.files
    found = read_pyproject(path, files, extras=[] if wish.only else extras, groups=groups, project=not wish.only)
    if "dev" in wish.groups:
        legacy = texts(pyproject.source.table("tool", "uv").get("dev-dependencies"))
        added = tuple(one for text in legacy if (one := pyproject.parse(text, "tool.uv")))
        found = replace(found, requested=found.requested + added)
    sources = pyproject.source.table("tool", "uv", "sources")
    entries = {normalise(name): entry for name, entry in sources.items() if isinstance(entry, dict)}
    return replace(
        found, requested=tuple(_from_source(one, entries.get(one.name or "", {}), folder) for one in found.requested)
    )


def _from_source(one: Requested, entry: Mapping[str, object], folder: str) -> Requested:
    """The requirement with where ``[tool.uv.sources]`` has it from: a repository, a URL or a folder (uv: "Dependency
    sources"); indexes and members of a workspace are the lock's."""
    url, local = git_url(entry) or entry.get("url"), entry.get("path")
    if isinstance(url, str):
        return replace(one, url=url)
    return replace(one, path=posixpath.normpath(posixpath.join(folder, local))) if isinstance(local, str) else one


TOOL = Uv()
