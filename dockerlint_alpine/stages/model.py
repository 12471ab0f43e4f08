"""What is known of each stage: the packages, files and distributions there, moment by moment.

Everything here is a fact of one Dockerfile for one platform; checks read it and change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:
    from dockerlint_alpine.apk import Index, World
    from dockerlint_alpine.installers.base import InstallCommand, PythonHome
    from dockerlint_alpine.knowledge import BaseImage, Language
    from dockerlint_alpine.python.model import Resolved, Target
    from dockerlint_alpine.stages.apk_commands import ApkCommand
    from dockerlint_alpine.stages.environment import Scope
    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.stages.linkage import BuildFacts, LibraryUse
    from dockerlint_alpine.stages.wheels import WheelFacts, WheelLink
    from dockerlint_alpine.syntax import Dockerfile, ExpandedCommand, Instruction, Span


class Moment(Struct, frozen=True):
    """A stage at one point: its packages, those that only a branch may have brought, names, files.

    ``world`` holds what is certainly there, ``possible`` also what commands in branches may have added;
    ``lasting`` leaves out what commands in branches may have deleted.
    """

    world: World
    possible: World
    lasting: World
    scope: Scope
    files: StageFiles
    workdir: str
    user: str = "root"
    """Who runs commands; empty where it is known only at build time."""

    foreign: tuple[str, ...] = ()
    """Packages asked for that the index of the release doesn't know (by name), and ``.apk`` files."""

    repositories: tuple[str, ...] = ()
    """Where packages may come from besides main and community of the release: URLs, tags, edited files."""

    unknown: tuple[str, ...] = ()
    """Variables that hide packages of an ``apk add`` from us."""


class Written(Struct, frozen=True):
    """Where a command stands that a script of the build context runs: file, line (1-based) and text."""

    path: str
    line: int
    text: str


class ScriptCommand(Struct, frozen=True):
    """A command of a script that an instruction runs: where it is ``written`` in the script with these bytes ``data``, and
    the stage at that moment, behind its first ``steps`` steps.

    ``plain``: its words mean what they say, as nothing defines functions elsewhere or changes PATH. ``exits``: the script
    ends where it fails. ``certain``: it runs whatever the script is told. ``span`` is that of the command of the Dockerfile
    that starts the script.
    """

    instruction: Instruction
    span: Span
    written: Written
    data: bytes
    expanded: ExpandedCommand
    moment: Moment
    steps: int
    plain: bool
    exits: bool
    certain: bool = True


class ApkStep(Struct, frozen=True):
    """An ``apk`` command, with the stage before and after it. ``span`` covers the command alone; of one that a script
    runs (``written`` tells where) it covers the command of the Dockerfile that starts the script."""

    stage: int
    instruction: Instruction
    span: Span
    command: ApkCommand
    conditional: bool
    before: Moment
    after: Moment
    written: Written | None = None


class InstallStep(Struct, frozen=True):
    """An installer's command and the moment it runs at; ``span`` and ``written`` as those of an ApkStep.

    ``built_for`` is what is compiled for the environments of its builds, and gone after them. ``found`` is what it leaves
    alone as Alpine's packages have brought it, each with the package. ``urls`` are those that it fetches distributions
    from, ``git+https://…`` among them. ``at_start`` as that of what it installs.
    """

    stage: int
    instruction: Instruction
    span: Span
    command: InstallCommand
    conditional: bool
    moment: Moment
    home: PythonHome
    target: Target
    installed: tuple[Installed, ...]
    written: Written | None = None
    built_for: tuple[Installed, ...] = ()
    found: tuple[tuple[Resolved, str], ...] = ()
    urls: tuple[str, ...] = ()
    at_start: str = ""


class PythonStep(Struct, frozen=True):
    """A RUN that starts Python, that of ``home``, and imports ``modules`` while the image is built; ``span`` and ``written``
    as those of an ApkStep."""

    stage: int
    instruction: Instruction
    span: Span
    modules: tuple[str, ...]
    home: PythonHome | None
    conditional: bool
    moment: Moment
    installed: tuple[Installed, ...]
    written: Written | None = None


class GlibcMade(Struct, frozen=True):
    """That a distribution was installed in a stage with glibc, FROM ``base``.

    ``kind``: ``wheel`` (one for glibc), ``compiled`` there, ``pure`` (it runs anywhere), or ``unknown``.
    """

    base: str
    stage: int
    kind: Literal["wheel", "compiled", "pure", "unknown"]


class Installed(Struct, frozen=True):
    """A distribution in a stage. ``location`` is its site-packages folder, or the folder its wheel file lies in.

    ``built`` says how it was compiled (``None``: it came as a wheel from the index), ``arrived`` is the instruction
    that brought it into this stage, ``copied_from`` the stage it was copied from.
    """

    resolved: Resolved
    location: str
    built: BuildFacts | None
    conditional: bool
    arrived: Instruction
    wheel_file: str | None = None
    """The name of the wheel file, when it lies there as one and is not installed."""

    ready: bool = False
    """True when it was installed from a wheel file that an earlier step had compiled."""

    copied_from: int | None = None
    imports: tuple[str, ...] = ()
    """Names that Python code imports it by."""

    pinned: bool = False
    """True when the version is fixed: by ``==``, a lock file, or because the wheel is the one that was handed in."""

    wheel: WheelFacts | None = None
    """What the bytes of the wheel say, where they could be read."""

    at_start: str = ""
    """That a container installs it when it starts, in words: which one, and where that is said."""

    @property
    def objects(self) -> tuple[tuple[str, LibraryUse | Language | WheelLink], ...]:
        """Every ``so:`` need that its files have where they run, with the reason: bytes first, then what rules say."""
        if self.wheel is not None:
            return self.wheel.objects
        return self.built.objects if self.built is not None else ()

    glibc: GlibcMade | None = None
    """Where it comes from a stage that is not Alpine."""

    from_base: bool = False
    """True where it came with the image that the stage is built from, which another Dockerfile of the project builds."""

    @property
    def as_wheel(self) -> bool:
        """True when it only lies there as a wheel file."""
        return self.wheel_file is not None


UnjudgedKind: TypeAlias = Literal[
    "unreadable-requirements", "unknown-base-image", "unresolved-requirement", "unknown-value"
]
"""What a walk could not see: a file, an image, a distribution, or a value that only the build knows."""


class Unjudged(Struct, frozen=True):
    """Something that could not be checked: its kind, where, and why. ``things`` counts what it stands for."""

    kind: UnjudgedKind
    stage: int
    span: Span
    message: str
    evidence: str
    things: int = 1
    platform: str = ""


Step = ApkStep | InstallStep | PythonStep


class Container(Struct, frozen=True):
    """What a container does when it starts: the commands that ``ran``, its own and those of shell scripts, whether it
    ``installs`` Python packages in some case, and whether it is ``opaque``, as it adds packages that only it knows."""

    ran: tuple[ExpandedCommand, ...]
    installs: bool
    opaque: bool


class Stage(Struct, frozen=True):
    """One stage run to its end. ``packages`` is the index of its release, ``None`` for a stage that is not Alpine.

    ``platform`` is the build's, or what ``FROM --platform`` says.
    """

    index: int
    name: str | None
    base: str
    parent: int | None
    from_instruction: Instruction
    instructions: tuple[Instruction, ...]
    image: BaseImage | None
    alpine: str | None
    packages: Index | None
    home: PythonHome | None
    start: Moment | None
    end: Moment | None
    steps: tuple[Step, ...]
    installed: tuple[Installed, ...]
    runs: bool
    platform: str
    kind: Literal["alpine", "other", "unknown"] = "alpine"
    scripts: tuple[str, ...] = ()
    """The texts that its RUN instructions run besides their own: scripts, and the Dockerfile that builds its base."""

    ran: tuple[ScriptCommand, ...] = ()
    """What shell scripts that its instructions start run in turn, in order, without the calls of other such scripts."""

    recipes: dict[Span, tuple[ExpandedCommand, ...]] = field(default_factory=dict)
    """The commands that calls of make in its own instructions run, by their places, where their Makefiles plainly say."""

    containers: tuple[Container, ...] = ()
    """Those that are started from it: of the image itself, and of services."""

    @property
    def installs_at_start(self) -> bool:
        """Whether a container may install Python packages when it starts; ``steps`` has what they do in any case."""
        return any(one.installs for one in self.containers)

    @property
    def apk(self) -> Index:
        """``packages`` of a stage that is known to be Alpine."""
        assert self.packages is not None
        return self.packages

    @property
    def final(self) -> Moment:
        """``end`` of a stage that was walked to its end, as every Alpine stage is."""
        assert self.end is not None
        return self.end


class Timeline(Struct, frozen=True):
    """All stages of one Dockerfile on one platform that were visited, by index, and what could not be checked."""

    dockerfile: Dockerfile
    platform: str
    stages: dict[int, Stage]
    unjudged: tuple[Unjudged, ...]
    notes: tuple[str, ...] = field(default=())
    is_base: bool = False
    """True where other builds of the project may start from its image, and bring what it lacks to run."""
    as_of: str | None = None
    """The day that it was run for, ``YYYY-MM-DD``; ``None`` for today."""

    def lineage(self, stage: Stage) -> tuple[Stage, ...]:
        """The stage and the stages it is built from, nearest first."""
        found = [stage]
        while found[-1].parent is not None and found[-1].parent in self.stages:
            found.append(self.stages[found[-1].parent])
        return tuple(found)
