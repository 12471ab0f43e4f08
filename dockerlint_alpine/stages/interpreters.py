"""The stage as an installer's command finds it: its files, variables, settings and interpreters."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.installers.base import PythonHome
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.stages.walk import StageWalk


_ARCHITECTURES = ("amd64", "aarch64", "armv7", "armhf", "i386")
_ADD_ONS = (
    *("hassioaddons/base", "ghcr.io/hassio-addons/base", "ghcr.io/home-assistant/base"),
    *(f"{base}{one}" for base in ("hassioaddons/base-", "ghcr.io/hassio-addons/base/") for one in _ARCHITECTURES),
    *(f"{owner}/{one}-base" for owner in ("homeassistant", "ghcr.io/home-assistant") for one in _ARCHITECTURES),
)
WITHOUT_PYTHON = frozenset(
    """docker eclipse-temurin frolvlad/alpine-glibc ghcr.io/linuxserver/baseimage-alpine golang linuxserver/baseimage-alpine
    lscr.io/linuxserver/baseimage-alpine lsiobase/alpine nginx node openjdk php ruby rust""".split()
) | frozenset(_ADD_ONS)
"""Images that add programs of their own to Alpine, and no Python (their Dockerfiles in docker-library, nodejs, nginx,
frolvlad, linuxserver/docker-baseimage-alpine, hassio-addons/addon-base and home-assistant/docker-base)."""

BRINGS_A_PYTHON = lazy_pattern(
    r"\bmake (?:\S+ )*(?:alt)?install\b|\btar -|\b(?:uv|pyenv|rye|mise|asdf|\w*conda|\w*mamba)\b"
)
"""What may bring a Python of its own: the end of a build, an archive, or a program whose task that is."""

_OTHER_WAYS = lazy_pattern(r"\b(?:\w*sh|curl|git|make|python|source|tar|unzip|wget)\b|(?:^|[\s;&|])\.{0,2}/\S*\w|[.] ")
"""What may bring a pip that no package has: scripts, programs by their path, and what is downloaded or compiled."""


class CommandPlace(Struct, frozen=True):
    """A :class:`~dockerlint_alpine.installers.base.Surroundings` of one command in ``folder``.

    ``active`` is the environment that its script has activated.
    """

    walk: StageWalk
    variables: Mapping[str, str]
    folder: str
    active: PythonHome | None

    @property
    def files(self) -> StageFiles:
        """The files of the stage at this moment."""
        return self.walk.files

    @property
    def settings(self) -> Mapping[str, str]:
        """What ``poetry config`` and the like were told."""
        return self.walk.settings

    @property
    def platform(self) -> str:
        """Docker's name of the platform."""
        return self.walk.platform

    @property
    def on_musl(self) -> bool:
        """Whether the stage is Alpine's."""
        return self.walk.glibc is None

    @property
    def newest_python(self) -> str | None:
        """That of the official image whose tag names no version."""
        image = self.walk.build.knowledge.base_image("python:3-alpine", self.walk.build.as_of)
        return image.python if image is not None else None

    def environment(self, prefix: str) -> PythonHome | None:
        """The environment or copied interpreter at ``prefix``."""
        return self.walk.homes.get(prefix)

    def remember(self, home: PythonHome) -> None:
        """From now on the stage has this environment."""
        self.walk.homes[home.prefix] = home

    def interpreter(self, program: str, *, activated: bool = True) -> PythonHome | None:
        """The interpreter that ``program`` (a name to look up in PATH, or a path) belongs to."""
        walk = self.walk
        if "/" in program:
            prefix = posixpath.dirname(posixpath.dirname(absolute(program, walk.workdir)))
            return self._home_at(prefix) or self._unseen_environment(prefix)
        if activated and self.active is not None:
            return self.active
        for folder in self.variables.get("PATH", "").split(":"):
            place = absolute(folder, walk.workdir) if folder else ""
            found = self._home_at(posixpath.dirname(place), program) if place.endswith("/bin") else None
            if found is not None:
                return found
        found = walk.home or walk.apk_python(program) or walk.image_python("/usr/local", None, None)
        return found or self._of_missing_pip(program)

    def _of_missing_pip(self, program: str) -> PythonHome | None:
        """Alpine's own Python where an image has none, and a pip is called: it comes with the py3-pip that is missing."""
        walk, index = self.walk, self.walk.index
        if index is None or walk.image is None or walk.image.image not in WITHOUT_PYTHON | {"alpine"}:
            return None
        runs = (one.value for one in walk.node.instructions if one.keyword == "RUN")
        hidden = walk.unknown or walk.foreign or walk.repositories or walk.node.parent is not None
        if hidden or not program.startswith("pip") or any(map(_OTHER_WAYS.search, runs)):
            return None
        if any(any(walk.files.sources(f"{folder}/{program}")) for folder in ("/usr/bin", "/usr/local/bin")):
            return None
        python, pip = index.best("cmd:python3"), index.best("cmd:pip3")
        if python is None or pip is None or pip.package.name != "py3-pip":
            return None
        upgraded = walk.settings.get("pip./usr")
        version = ".".join(python.package.version.split(".")[:2])
        return PythonHome(
            "/usr", version, from_apk=True, pip_version=upgraded or pip.package.version.partition("-r")[0]
        )

    def _home_at(self, prefix: str, program: str = "") -> PythonHome | None:
        walk = self.walk
        if prefix in walk.homes:
            return walk.homes[prefix]
        if walk.home is not None and walk.home.prefix == prefix:
            return walk.home
        return walk.apk_python(program) if prefix == "/usr" else None

    def _unseen_environment(self, prefix: str) -> PythonHome | None:
        """A path into an environment that nobody was seen to make is taken for a venv of the stage's own Python."""
        base = self.walk.home or self.walk.apk_python()
        if base is None or prefix in {"/", "/usr", "/usr/local"}:
            return None
        return replace(base, prefix=prefix, is_venv=True)
