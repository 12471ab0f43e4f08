"""A stage while it is being walked through: what each instruction and command changes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.installers.base import PythonHome
from dockerlint_alpine.stages.files import StageFiles
from dockerlint_alpine.stages.model import (
    Container,
    Installed,
    Moment,
    ScriptCommand,
    Stage,
    Step,
    Unjudged,
    UnjudgedKind,
)
from dockerlint_alpine.syntax import SourceText, expand
from dockerlint_alpine.syntax.script import DEFAULT_SHELL
from dockerlint_alpine.system.paths import absolute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from dockerlint_alpine.apk import Index, IndexStore, Package
    from dockerlint_alpine.knowledge import BaseImage, Knowledge
    from dockerlint_alpine.knowledge.image_contents import ImageContents
    from dockerlint_alpine.python.forges import Remote
    from dockerlint_alpine.stages.context import BuildContext
    from dockerlint_alpine.stages.environment import Scope
    from dockerlint_alpine.stages.files import Placement
    from dockerlint_alpine.stages.graph import StageGraph, StageNode
    from dockerlint_alpine.stages.packages import Packages
    from dockerlint_alpine.stages.world_cache import WorldCache
    from dockerlint_alpine.syntax import Dockerfile, ExpandedCommand, Instruction, Span

_WITH_PYTHON2 = frozenset(f"3.{minor}" for minor in range(12))
_BEFORE_PYTHON36 = frozenset(f"3.{minor}" for minor in range(6))
"""Releases whose python3 is 3.5 or older (aports 3.5: main/python3 3.5.2), of which the index that stands in for them tells
nothing, and whose pip asks for no Requires-Python."""
_BUNDLED_PIP = {"3.6.9": "18.1", "3.7.3": "19.0.3", "3.8.10": "21.1.1", "3.9.5": "21.1.1"}
"""The pip that a Python brings (CPython: ``_PIP_VERSION`` of Lib/ensurepip/__init__.py at those tags)."""
_PIP2 = frozenset({"py-pip", "py2-pip"})
_PYTHON2 = frozenset({"python", "python-dev", "python2", "python2-dev", *_PIP2})


ENSUREPIP = "ensurepip"
"""The setting of a stage in which ``python3 -m ensurepip`` ran."""


def _bundled_pip(python: Package, *, unpacked: bool) -> str:
    """The pip of a ``python3`` that has it in its own package, as up to Alpine 3.11, or of which ensurepip has ``unpacked``
    it; empty for others."""
    own = unpacked or any(provide.name == "py3-pip" for provide in python.provides)
    return _BUNDLED_PIP.get(python.version.partition("-r")[0], "") if own else ""


class Image(Struct, frozen=True):
    """A named context that is an image."""

    reference: str


class Folder(Struct, frozen=True):
    """A named context that is a folder of the project."""

    path: str


class Unclear(Struct, frozen=True):
    """That it is not known what another build makes, and why."""

    reason: str


class Archive(Struct, frozen=True):
    """An archive of a repository that was downloaded; ``files`` is what is in it below its top folder, or why that is not
    known."""

    remote: Remote
    files: StageFiles | str


class Trigger(Struct, frozen=True):
    """An ONBUILD instruction of another Dockerfile, called ``shown`` in messages and made of the bytes ``data``."""

    instruction: Instruction
    shown: str
    data: bytes


class Elsewhere(Protocol):
    """Knows what other builds of the project make."""

    def context(self, name: str) -> StageWalk | Image | Folder | Unclear | None:
        """What a named context of the build puts in the place of an image or a stage."""
        ...

    def image(self, reference: str) -> StageWalk | Unclear | None:
        """The end of the build that makes an image; ``None`` where no other build is known to."""
        ...

    def is_of_its_day(self, reference: str) -> bool:
        """Whether the image is what its build makes now."""
        ...


class BuildWalk(Struct, eq=False):
    """What the stages of one build have in common: what they are judged by, and what is found out on the way."""

    dockerfile: Dockerfile
    graph: StageGraph
    platform: str
    context: BuildContext
    knowledge: Knowledge
    store: IndexStore
    world_cache: WorldCache
    alpine: str | None
    python: str | None
    shown_as: str
    elsewhere: Elsewhere
    as_of: str | None = None
    """The day (``YYYY-MM-DD``) that is asked about, where it is not today."""

    stages: dict[int, StageWalk] = {}
    """The stages, by index, walked to their end where they are ``whole``."""

    walk_whole: Callable[[StageNode], StageWalk] | None = None
    """Walks a stage to its end."""

    repository: Callable[[Remote], Path] | None = None
    """Gives the folder with the files of another repository; raises ResolverError where they can't be had."""

    contents: Callable[[str, str], ImageContents] | None = None
    """Gives what an image holds on a platform; raises ResolverError where it can't be read."""

    unjudged: dict[Unjudged, None] = {}
    notes: list[str] = []

    def stage(self, index: int) -> StageWalk | None:
        """A stage at its end; one with glibc is walked there when that is asked for."""
        found = self.stages.get(index)
        if found is not None and not found.whole and self.walk_whole is not None:
            found = self.stages[index] = self.walk_whole(found.node)
        return found


class StageWalk:
    """The state of one stage; frozen into a :class:`Stage` at the end. It is ``whole`` once all of its instructions count,
    and not only its FROM."""

    def __init__(self, node: StageNode, build: BuildWalk, *, whole: bool = False) -> None:
        self.node = node
        self.whole = whole
        self.build = build
        self.platform = node.platform or build.platform
        self.scope: Scope = build.graph.scope
        self.files = StageFiles(build.context)
        self.workdir = "/"
        self.user = "root"
        self.shell: tuple[str, ...] = DEFAULT_SHELL
        self.image: BaseImage | None = None
        self.kind: Literal["alpine", "other", "unknown"] = "alpine"
        self.index: Index | None = None
        self.packages: Packages | None = None
        self.roots: dict[str, Packages] = {}
        """Root file systems that ``apk add --root`` fills, by folder."""

        self.home: PythonHome | None = None
        self.homes: dict[str, PythonHome] = {}
        """Virtual environments and copied interpreters, by prefix."""

        self.settings: dict[str, str] = {}
        """What ``poetry config`` and the like were told: ``poetry.virtualenvs.create``."""

        self.users: dict[str, str] = {}
        """Home folders of users that the stage makes, by name and number."""

        self.edited: dict[str, int] = {}
        """Files of the context that a RUN changes, with its line."""

        self.clones: dict[str, tuple[Remote, Placement]] = {}
        """Repositories that git cloned, by folder."""

        self.unfetched: dict[str, str] = {}
        """URLs of requirements that were not fetched, each with the reason, in words that follow a message."""

        self.archives: dict[str, Archive] = {}
        """Archives of repositories that were downloaded, by place."""

        self.doubts: list[Unjudged] = []
        """What could not be checked in a stage that is not Alpine: it matters only if something is copied from there."""

        self.installed: list[Installed] = []
        self.steps: list[Step] = []
        self.foreign: tuple[str, ...] = ()
        self.repositories: tuple[str, ...] = ()
        self.unknown: tuple[str, ...] = ()
        self.start: Moment | None = None
        self.scripts: list[str] = []
        """Texts of other files that are run in the stage."""

        self.ran: list[ScriptCommand] = []
        """What these run, as far as they are shell scripts."""

        self.recipes: dict[Span, tuple[ExpandedCommand, ...]] = {}
        """The commands that calls of make run, by the place of the call, where its Makefile plainly says."""

        self.containers: list[Container] = []
        """Those that are started from the stage at its end."""

        self.unclear = ""
        """Why nothing is known about the image that the stage starts from."""

        self.triggers: tuple[Trigger, ...] = ()
        """What runs before its own instructions, because the build that makes its base says ``ONBUILD``."""

    def inherit(self, parent: StageWalk) -> None:
        """Go on from the end of the stage that this one is built from."""
        self.platform, self.scope = parent.platform, self.scope.stage(parent.scope, {})
        self.files, self.workdir, self.user, self.shell = parent.files, parent.workdir, parent.user, parent.shell
        self.image, self.kind, self.index, self.packages = parent.image, parent.kind, parent.index, parent.packages
        self.roots, self.home, self.homes = dict(parent.roots), parent.home, dict(parent.homes)
        self.settings, self.users, self.installed = dict(parent.settings), dict(parent.users), list(parent.installed)
        self.edited, self.doubts = dict(parent.edited), list(parent.doubts)
        self.clones, self.archives = dict(parent.clones), dict(parent.archives)
        self.foreign, self.repositories, self.unknown = parent.foreign, parent.repositories, parent.unknown
        self.unclear, self.scripts = parent.unclear, list(parent.scripts)

    @property
    def glibc(self) -> tuple[int, int] | None:
        """The C library of a stage that is not Alpine, where it and its Python are known."""
        known = self.kind == "other" and self.image is not None and self.home is not None
        return self.image.glibc if known and self.image is not None else None

    @property
    def moment(self) -> Moment:
        """The stage as it is now. Only a stage with packages has one."""
        assert self.packages is not None
        return Moment(
            world=self.packages.world,
            possible=self.packages.possible,
            lasting=self.packages.lasting,
            scope=self.scope,
            files=self.files,
            workdir=self.workdir,
            user=self.user,
            foreign=self.foreign,
            repositories=self.repositories,
            unknown=self.unknown,
        )

    def image_python(self, prefix: str | None, version: str | None, pip: str | None) -> PythonHome | None:
        """The Python that an image brings by itself; ``--python`` has the last word on its version."""
        if prefix is None or prefix == "/usr":
            return None
        version = self.build.python or version
        return PythonHome(prefix, version, pip_version=pip) if version is not None else None

    def apk_python(self, program: str = "") -> PythonHome | None:
        """Alpine's own Python in this stage, if ``python3`` is installed, or ``python`` where that is Python 2; the one that
        ``program`` is of. Where there is only one of them, it is that, unless ``program`` says its number."""
        if self.packages is None:
            return None
        major = "2" if self._means_python2(program) else "3"
        package = self._python_package(major)
        if package is None and major == "3" and not program.startswith(("python3", "pip3")):
            major, package = "2", self._python_package("2")
        if package is None:
            return None
        version = re.match(r"\d+\.\d+", package.version)
        if major == "3" and self.index is not None and self.index.release in _BEFORE_PYTHON36:
            version = None
        pip = self.packages.possible.packages.get(f"py{major}-pip")
        bundled = _bundled_pip(package, unpacked=ENSUREPIP in self.settings)
        pip_version = re.match(r"[\d.]+", pip.version if pip is not None else bundled)
        upgraded = self.settings.get("pip./usr")
        return PythonHome(
            "/usr",
            version[0] if version else None,
            from_apk=True,
            pip_version=upgraded or (pip_version[0] if pip_version else None),
        )

    def _python_package(self, major: str) -> Package | None:
        assert self.packages is not None
        command = f"cmd:python{major}"
        return self.packages.world.provider(command) or self.packages.possible.provider(command)

    def _means_python2(self, program: str) -> bool:
        """Whether the Python that was asked for is Python 2: up to Alpine 3.11 that is what ``python``, ``python-dev`` and
        ``py-pip`` are (aports 3.11: main/python2; 3.12 dropped the names), and ``pip`` of ``py-pip`` even beside python3,
        whose own is ``pip3``."""
        if program.startswith(("python2", "pip2", "python3", "pip3")):
            return program.startswith(("python2", "pip2"))
        if self.packages is None or self.index is None or self.index.release not in _WITH_PYTHON2:
            return False
        asked = {re.split("[=<>~@]", name)[0] for name in (*self.packages.possible.explicit, *self.foreign)}
        own = "python3" in asked and not (program == "pip" and not asked.isdisjoint(_PIP2))
        return not asked.isdisjoint(_PYTHON2) and not own

    def become(self, user: str) -> None:
        """``USER``: HOME is what the stage's own list of users says, unless ENV sets it."""
        self.user = user
        given = self.scope.env.get("HOME")
        if given is not None and given.span() is not None:
            return
        home = "/root" if user in {"root", "0", ""} else self.users.get(user, f"/home/{user}")
        self.scope = replace(self.scope, env={**self.scope.env, "HOME": SourceText.literal(home)})

    def text(self, source: SourceText) -> str:
        """``source`` of an instruction with the names of the stage put in."""
        return expand(source, self.scope.names, escape=self.build.dockerfile.escape).source.text.strip()

    def place(self, path: str) -> str:
        """``path`` of an instruction, made absolute."""
        return absolute(path, self.workdir)

    def remember_repositories(self, names: Iterable[str]) -> None:
        """Packages may come from there from now on."""
        self.repositories = tuple(dict.fromkeys((*self.repositories, *names)))

    def install(self, items: Iterable[Installed]) -> None:
        """Put distributions in; one of a name per place."""
        table = {(item.resolved.name, item.location, item.as_wheel): item for item in self.installed}
        table.update({(item.resolved.name, item.location, item.as_wheel): item for item in items})
        self.installed = list(table.values())

    def how_to_give(self, names: Iterable[str]) -> str:
        """How to tell values that only the build knows, behind what is said of them; empty where none is of an ARG."""
        declared = {
            word.partition("=")[0]
            for one in self.node.instructions
            if one.keyword == "ARG"
            for word in one.value.split()
        }
        asked = dict.fromkeys(name.strip("${}") for name in names)
        given = " ".join(f"--build-arg {name}=..." for name in asked if name in declared)
        return f": give it with {given}" if given else ""

    def unjudged(
        self, kind: UnjudgedKind, instruction: Instruction, message: str, evidence: str, things: int = 1
    ) -> None:
        """Note something that could not be checked; the same thing about the same instruction counts once."""
        span = (instruction.start, instruction.end)
        notice = Unjudged(kind, self.node.index, span, message, evidence, things)
        if self.glibc is not None:
            self.doubts.append(notice)
        else:
            self.build.unjudged[notice] = None

    def finished(self, *, runs: bool) -> Stage:
        """The stage at its end."""
        node = self.node
        return Stage(
            index=node.index,
            name=node.name,
            base=node.base,
            parent=node.parent,
            from_instruction=node.from_instruction,
            instructions=node.instructions,
            image=self.image,
            alpine=self.index.release if self.index is not None else None,
            packages=self.index,
            home=self.home or self.apk_python(),
            start=self.start,
            end=self.moment if self.packages is not None else None,
            steps=tuple(self.steps),
            installed=tuple(self.installed),
            runs=runs,
            platform=self.platform,
            kind=self.kind,
            scripts=tuple(self.scripts),
            ran=tuple(self.ran),
            recipes=self.recipes,
            containers=tuple(self.containers),
        )
