"""PDM: ``pdm install``, ``sync``, ``add``, ``export`` and ``config``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace

from dockerlint_alpine.installers.base import TRUE, InstallCommand, Surroundings, mentions, new_environment, read_config
from dockerlint_alpine.installers.project import Declared, PyprojectInstaller, Role
from dockerlint_alpine.python.formats.pdm_lock import locked_packages
from dockerlint_alpine.python.formats.pyproject import Pyproject, read_pyproject
from dockerlint_alpine.python.formats.toml_source import texts
from dockerlint_alpine.python.model import Requested, RequirementSet, normalise
from dockerlint_alpine.system.options import OptionTable
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.installers.base import Invocation, Options, PythonHome

INSTALL_OPTIONS = OptionTable.build(
    """
    --group -G --with, --without, --lockfile -L, --project -p, --config-setting -C, --skip -k, --override, --venv
    """,
    """
    --production --prod, --dev -d, --no-dev, --no-default, --no-self, --no-editable, --no-isolation, --no-lock,
    --frozen-lockfile, --check, --clean, --only-keep, --reinstall, --fail-fast -x, --dry-run, --global -g, --quiet -q,
    --verbose -v, --non-interactive -n
    """,
)
"""``pdm install`` and ``pdm sync`` of PDM 2."""


class Pdm(PyprojectInstaller):
    """PDM."""

    name = "pdm"
    programs = lazy_pattern("pdm")
    mention = mentions("pdm", "install|sync|add")
    verbs: ClassVar[Mapping[str, Role]] = {"install": "project", "sync": "project", "add": "add", "export": "export"}
    before_verb = frozenset("-p --project -c --config".split())
    table = INSTALL_OPTIONS
    without_itself = frozenset({"--no-self"})

    def setting(self, invocation: Invocation) -> tuple[str, str] | None:
        """Read ``pdm config KEY VALUE``."""
        return read_config(self, invocation)

    def project_home(
        self, command: InstallCommand, options: Options, base: PythonHome | None, place: Surroundings
    ) -> PythonHome | None:
        """Its own venv unless it is told to use none, or one is active."""
        del command
        wants_none = "--global" in options or place.settings.get("pdm.python.use_venv", "true").lower() not in TRUE
        if wants_none or (base is not None and base.is_venv):
            return base
        return new_environment(place, absolute(".venv", place.folder), base)

    def declared(self, pyproject: Pyproject, folder: str, given: Mapping[str, Sequence[str]]) -> Declared:
        """See the protocol."""
        wish = _Wish(given, pyproject)
        lock = given.get("--lockfile", ["pdm.lock"])[-1]
        return Declared(_declared(pyproject, wish), lock, lambda read: locked_packages(read, folder), wish.problems)


class _Wish:
    """Which groups ``pdm install ARGS`` selects: ``default``, extras and dev groups share one name space."""

    def __init__(self, values: Mapping[str, Sequence[str]], pyproject: Pyproject) -> None:
        given = {option: [one for text in texts for one in text.split(",") if one] for option, texts in values.items()}
        self.legacy = pyproject.source.table("tool", "pdm", "dev-dependencies")
        dev = [*pyproject.groups(), *(normalise(name) for name in self.legacy)]
        self.known_extras = [normalise(name) for name in pyproject.source.table("project", "optional-dependencies")]
        named = [normalise(one) if one != ":all" else one for one in given.get("--group", [])]
        explicit_dev = [one for one in named if one in dev]
        production = "--production" in given or "--no-dev" in given
        self.dev = [] if production else (explicit_dev if explicit_dev and "--dev" not in given else dev)
        self.extras = self.known_extras if ":all" in named else [one for one in named if one in self.known_extras]
        without = {normalise(one) for one in given.get("--without", [])}
        self.dev = [one for one in dict.fromkeys(self.dev) if one not in without]
        self.extras = [one for one in self.extras if one not in without]
        self.default = "--no-default" not in given and "default" not in without
        unknown = [
            one for one in named if one not in dev and one not in self.known_extras and one not in {":all", "default"}
        ]
        self.problems = [f"there is no group {one!r}" for one in unknown]


def _declared(pyproject: Pyproject, wish: _Wish) -> RequirementSet:
    groups = [one for one in wish.dev if one in pyproject.groups()]
    path, files = pyproject.location, pyproject.files
    found = read_pyproject(path, files, extras=wish.extras if wish.default else (), groups=groups, project=wish.default)
    added: list[Requested] = []
    for name, listed in wish.legacy.items():
        if normalise(name) in wish.dev:
            editable = re.compile(r"^-e\s+")
            plain = [text for text in texts(listed) if not editable.match(text)]
            added.extend(one for text in plain if (one := pyproject.parse(text, "tool.pdm.dev-dependencies")))
    return replace(found, requested=found.requested + tuple(added))


TOOL = Pdm()
