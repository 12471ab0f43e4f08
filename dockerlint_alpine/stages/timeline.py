"""Runs a Dockerfile on paper: stage by stage, instruction by instruction, with the packages and files at each moment."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dockerlint_alpine.apk import UnknownReleaseError, World
from dockerlint_alpine.stages import shell_commands
from dockerlint_alpine.stages.files import (
    FromContext,
    FromStage,
    FromText,
    StageFiles,
    absolute,
    copy_targets,
)
from dockerlint_alpine.stages.graph import StageGraph, StageNode, build_graph
from dockerlint_alpine.stages.model import Installed, Moment, PythonHome, Stage, Step, Timeline, Unjudged
from dockerlint_alpine.stages.travel import travelling, travelling_homes
from dockerlint_alpine.syntax import Mount, SourceText, expand, run_scripts

if TYPE_CHECKING:
    from dockerlint_alpine.apk import Index, IndexStore
    from dockerlint_alpine.knowledge import BaseImage, Knowledge
    from dockerlint_alpine.stages.context import BuildContext
    from dockerlint_alpine.stages.environment import Scope
    from dockerlint_alpine.stages.installing import Installer
    from dockerlint_alpine.syntax import Dockerfile, Flag, Instruction

APK_ARCH = {
    "linux/amd64": "x86_64",
    "linux/arm64": "aarch64",
    "linux/arm64/v8": "aarch64",
    "linux/arm/v7": "armv7",
    "linux/arm/v6": "armhf",
    "linux/386": "x86",
    "linux/ppc64le": "ppc64le",
    "linux/s390x": "s390x",
    "linux/riscv64": "riscv64",
}
"""Docker's platforms and apk's architectures (apk-tools: APK_DEFAULT_ARCH; Docker: platforms of the official images)."""

_DEFAULT_SHELL = ("/bin/sh", "-c")
_ALPINE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class World3:
    """The packages of a stage in three readings; see :class:`Moment`."""

    world: World
    possible: World
    lasting: World

    def add(self, names: Sequence[str], virtual: str | None, *, conditional: bool) -> World3:
        """After ``apk add``; in a branch the packages are only possible."""
        possible = self.possible.add(*names, virtual=virtual)
        if conditional:
            return World3(self.world, possible, self.lasting)
        same = self.world is self.possible
        world = possible if same else self.world.add(*names, virtual=virtual)
        lasting = world if self.lasting is self.world else self.lasting.add(*names, virtual=virtual)
        return World3(world, possible, lasting)

    def delete(self, names: Sequence[str], *, conditional: bool) -> World3:
        """After ``apk del``; in a branch the packages may or may not be gone."""
        lasting = self.lasting.remove(*names)
        if conditional:
            return World3(self.world, self.possible, lasting)
        world = lasting if self.lasting is self.world else self.world.remove(*names)
        possible = world if self.possible is self.world else self.possible.remove(*names)
        return World3(world, possible, lasting)


class StageWalk:
    """A stage while it is being walked through; frozen into a :class:`Stage` at the end."""

    def __init__(self, node: StageNode, builder: TimelineBuilder) -> None:
        self.node = node
        self.builder = builder
        self.scope: Scope = builder.graph.scope
        self.files = StageFiles(builder.context)
        self.workdir = "/"
        self.user = "root"
        self.shell: tuple[str, ...] = _DEFAULT_SHELL
        self.image: BaseImage | None = None
        self.index: Index | None = None
        self.packages: World3 | None = None
        self.home: PythonHome | None = None
        self.homes: dict[str, PythonHome] = {}
        self.settings: dict[str, str] = {}
        self.installed: list[Installed] = []
        self.steps: list[Step] = []
        self.foreign: tuple[str, ...] = ()
        self.unknown: tuple[str, ...] = ()
        self.start: Moment | None = None
        self.kind: str = "alpine"

    @property
    def moment(self) -> Moment:
        """The stage as it is now. Only a stage with packages has one."""
        assert self.packages is not None
        return Moment(
            self.packages.world,
            self.packages.possible,
            self.packages.lasting,
            self.scope,
            self.files,
            self.workdir,
            self.foreign,
            self.unknown,
        )

    def unjudged(self, code: str, instruction: Instruction, message: str, evidence: str, things: int = 1) -> None:
        """Note something that could not be judged."""
        span = (instruction.start, instruction.end)
        self.builder.unjudged.append(Unjudged(code, self.node.index, span, message, evidence, things))


class TimelineBuilder:
    """Everything a walk needs; ``build_timeline`` is the way in."""

    def __init__(
        self,
        dockerfile: Dockerfile,
        platform: str,
        *,
        context: BuildContext,
        knowledge: Knowledge,
        store: IndexStore,
        installer: Installer,
        build_args: Mapping[str, str],
        alpine: str | None,
        python: str | None,
        shown_as: str,
    ) -> None:
        self.dockerfile = dockerfile
        self.platform = platform
        self.context = context
        self.knowledge = knowledge
        self.store = store
        self.installer = installer
        self.alpine = alpine
        self.python = python
        self.shown_as = shown_as
        self.graph: StageGraph = build_graph(dockerfile, platform, build_args)
        self.runs: dict[int, StageWalk] = {}
        self.unjudged: list[Unjudged] = []
        self.notes: list[str] = []

    def build(self, target: str | None) -> Timeline:
        """Walk all stages, or the ones that ``target`` needs."""
        wanted = self._target(target)
        for index in self.graph.order(wanted):
            self.runs[index] = self._walk(self.graph.nodes[index])
        running = frozenset({wanted}) if wanted is not None else self.graph.leaves()
        stages = {index: _frozen(run, runs=index in running) for index, run in self.runs.items()}
        return Timeline(self.dockerfile, self.platform, stages, tuple(self.unjudged), tuple(dict.fromkeys(self.notes)))

    def _target(self, target: str | None) -> int | None:
        if target is None:
            return None
        found = self.graph.find(target)
        if found is None:
            from dockerlint_alpine.stages.graph import StageGraphError  # noqa: PLC0415 - the rare way out

            names = ", ".join(node.name for node in self.graph.nodes if node.name) or "none has a name"
            raise StageGraphError(f"no stage is called {target!r} (stages: {names})")
        return found

    def _walk(self, node: StageNode) -> StageWalk:
        run = StageWalk(node, self)
        self._enter(run)
        if run.packages is not None:
            run.start = run.moment
        for instruction in node.instructions:
            self._step(run, instruction)
        return run

    # -- where a stage starts ----------------------------------------------------------------------------------

    def _enter(self, run: StageWalk) -> None:
        node = run.node
        if node.parent is not None:
            self._inherit(run, self.runs[node.parent])
            return
        image = self.knowledge.base_image(node.base) if node.base and not node.unknown else None
        run.image = image
        release = self.alpine or (image.alpine if image else None)
        if image is not None and image.not_alpine:
            run.kind = "other"
        elif release is None:
            run.kind = "unknown" if node.base.lower() != "scratch" else "other"
            self._unknown_base(run)
        else:
            self._open_release(run, release)
        if image is not None and run.kind == "alpine":
            self.notes.extend(image.assumed)
        self._base_environment(run, image)

    def _inherit(self, run: StageWalk, parent: StageWalk) -> None:
        run.scope = run.scope.stage(parent.scope, {})
        run.files, run.workdir, run.user, run.shell = parent.files, parent.workdir, parent.user, parent.shell
        run.image, run.index, run.packages, run.home = parent.image, parent.index, parent.packages, parent.home
        run.homes, run.settings, run.installed = dict(parent.homes), dict(parent.settings), list(parent.installed)
        run.foreign, run.unknown, run.kind = parent.foreign, parent.unknown, parent.kind

    def _unknown_base(self, run: StageWalk) -> None:
        """Say so only where it matters: a stage that installs nothing needs no verdict."""
        node = run.node
        if not any(shell_commands.mentions_packages(instruction) for instruction in node.instructions):
            return
        if node.unknown:
            names = ", ".join(f"${name}" for name in node.unknown)
            message = f"the base image depends on {names}, which has no value: give it with --build-arg"
        else:
            message = f"unknown base image {node.base}: say which Alpine it is with --alpine X.Y"
        run.unjudged("AD902", node.from_instruction, message, f"FROM {node.base or '(nothing)'}")

    def _open_release(self, run: StageWalk, release: str) -> None:
        arch = APK_ARCH.get(self.platform, "")
        try:
            run.index = self.store.open(release, arch)
        except UnknownReleaseError as error:
            run.kind = "unknown"
            run.unjudged("AD902", run.node.from_instruction, str(error), f"FROM {run.node.base}")
            return
        wanted = run.image.world if run.image is not None else ()
        world = World.of(run.index, [need for need in wanted if run.index.providers(need)])
        run.packages = World3(world, world, world)

    def _base_environment(self, run: StageWalk, image: BaseImage | None) -> None:
        python = self.python or (image.python if image else None)
        prefix = image.python_prefix if image else None
        env = {"PATH": _ALPINE_PATH, "HOME": "/root"}
        if image is not None:
            env.update(image.environment)
        if python is not None and prefix and prefix != "/usr":
            run.home = PythonHome(prefix, python, pip_version=image.pip_version if image else None)
            env["PATH"] = f"{prefix}/bin:{_ALPINE_PATH}"
        run.scope = run.scope.stage(None, env)

    # -- instructions ------------------------------------------------------------------------------------------

    def _step(self, run: StageWalk, instruction: Instruction) -> None:
        escape = self.dockerfile.escape
        match instruction.keyword:
            case "ARG":
                run.scope = run.scope.arg(instruction, escape)
            case "ENV":
                run.scope = run.scope.environment(instruction, escape)
            case "WORKDIR":
                run.workdir = absolute(self.expanded(run, instruction.source), run.workdir)
                run.files = run.files.with_directory(run.workdir)
            case "USER":
                run.user = self.expanded(run, instruction.source).partition(":")[0]
                run.scope = _with_home(run.scope, run.user)
            case "SHELL" if instruction.json:
                run.shell = tuple(word.text for word in instruction.json)
            case "COPY" | "ADD":
                self._copy(run, instruction)
            case "RUN" if run.kind == "alpine":
                self._run(run, instruction)
            case _:
                pass

    def expanded(self, run: StageWalk, source: SourceText) -> str:
        """``source`` with the names of the stage put in."""
        return expand(source, run.scope.names, escape=self.dockerfile.escape).source.text.strip()

    def _run(self, run: StageWalk, instruction: Instruction) -> None:
        with _Mounts(self, run, instruction):
            for script in run_scripts(instruction, run.shell):
                shell_commands.walk_script(run, instruction, script)

    def _copy(self, run: StageWalk, instruction: Instruction) -> None:
        words = instruction.json if instruction.json is not None else instruction.words()
        texts = [self.expanded(run, word) for word in words]
        if len(texts) < 1 or (len(texts) < 2 and not instruction.heredocs):
            return
        *sources, destination = texts
        heredocs = {document.name: document for document in instruction.heredocs}
        reference = next((flag.value for flag in instruction.flags if flag.name == "from" and flag.value), None)
        plain = [source for source in sources if source.lstrip("<-").strip("\"'") not in heredocs]
        if reference is not None:
            self._copy_from(run, instruction, reference, plain, destination)
            return
        listed: list[tuple[str, bool]] = []
        for source in plain:
            if "://" not in source and not source.startswith("git@"):
                listed.extend((path, self.context.is_dir(path)) for path in self.context.glob(source.lstrip("/")))
                if source.strip("./") == "":
                    listed.append(("", True))
        named = [(document.name, False) for document in instruction.heredocs]
        targets = copy_targets([*listed, *named], destination, run.files, run.workdir)
        for (source, is_dir), target in zip(listed, targets, strict=False):
            run.files = run.files.place(FromContext(source, target, is_dir))
        for document, target in zip(instruction.heredocs, targets[len(listed) :], strict=True):
            content = document.content.encode("utf-8", "surrogateescape")
            run.files = run.files.place(FromText(content, target))

    def _copy_from(
        self, run: StageWalk, instruction: Instruction, reference: str, sources: Iterable[str], destination: str
    ) -> None:
        listed = list(sources)
        target = absolute(destination, run.workdir)
        for source in listed:
            self.bring(run, instruction, reference, absolute(source, "/"), target, slash=destination.endswith("/"))

    def bring(
        self, run: StageWalk, instruction: Instruction, reference: str, source: str, target: str, *, slash: bool = False
    ) -> None:
        """Put ``source`` of another stage or image at ``target``; distributions and venvs travel along."""
        index = self.graph.find(expand(SourceText.literal(reference), run.scope.from_names()).source.text)
        other = self.runs.get(index) if index is not None else None
        placement = FromStage(source, target, other.files if other else None, index, None if other else reference)
        run.files = run.files.place(placement)
        if other is None:
            return
        into_folder = f"{target}/" if slash and not target.endswith("/") else target
        moved = travelling(other.installed, source, into_folder, instruction, copied_from=index)
        run.installed = _merged(run.installed, moved)
        for home in travelling_homes(other.homes.values(), source, target):
            run.homes[home.prefix] = home


class _Mounts:
    """``RUN --mount=type=bind``: files and wheels that are there for one instruction only."""

    def __init__(self, builder: TimelineBuilder, run: StageWalk, instruction: Instruction) -> None:
        self.builder, self.run, self.instruction = builder, run, instruction
        self._files = run.files
        self._before: list[Installed] = []

    def __enter__(self) -> None:
        for flag in self.instruction.flags:
            if flag.name == "mount" and flag.value:
                self._mount(flag)
        self._before = [item for item in self.run.installed if item.arrived is self.instruction]

    def _mount(self, flag: Flag) -> None:
        mount = Mount.parse(flag)
        if mount.type != "bind":
            return
        run = self.run
        place = absolute(self.builder.expanded(run, SourceText.literal(mount.target or "")), run.workdir)
        source = self.builder.expanded(run, SourceText.literal(mount.source or ""))
        if mount.from_ is not None:
            self.builder.bring(run, self.instruction, mount.from_, absolute(source or "/", "/"), place)
        else:
            inside = posixpath.normpath(source.lstrip("/")) if source.strip("./") else ""
            run.files = run.files.place(FromContext(inside, place, self.builder.context.is_dir(inside)))

    def __exit__(self, *_: object) -> None:
        run, mounted = self.run, {id(item) for item in self._before}
        run.installed = [item for item in run.installed if id(item) not in mounted]
        run.files = replace(self._files, directories=run.files.directories)


def _merged(old: Iterable[Installed], new: Iterable[Installed]) -> list[Installed]:
    """``new`` on top of ``old``: one distribution of a name per place."""
    table = {(item.resolved.name, item.location): item for item in old}
    table.update({(item.resolved.name, item.location): item for item in new})
    return list(table.values())


def _with_home(scope: Scope, user: str) -> Scope:
    home = "/root" if user in {"root", "0"} else f"/home/{user}"
    return replace(scope, env={**scope.env, "HOME": SourceText.literal(home)})


def _frozen(run: StageWalk, *, runs: bool) -> Stage:
    node = run.node
    release = run.index.release if run.index is not None else None
    return Stage(
        index=node.index,
        name=node.name,
        base=node.base,
        parent=node.parent,
        from_instruction=node.from_instruction,
        instructions=node.instructions,
        image=run.image,
        alpine=release,
        packages=run.index,
        home=run.home or run.builder.installer.apk_home(run),
        start=run.start,
        end=run.moment if run.packages is not None else None,
        steps=tuple(run.steps),
        installed=tuple(run.installed),
        runs=runs,
        kind=run.kind,  # type: ignore[arg-type]
    )


def copy_sources(dockerfile: Dockerfile) -> tuple[str, ...]:
    """The context paths that COPY and ADD name, as written: they tell which folder the context is."""
    found: list[str] = []
    for instruction in dockerfile.instructions:
        if instruction.keyword in {"COPY", "ADD"} and not any(flag.name == "from" for flag in instruction.flags):
            words = instruction.json if instruction.json is not None else instruction.words()
            found.extend(word.text for word in words[:-1] if "$" not in word.text and "://" not in word.text)
    return tuple(source.lstrip("/") for source in found if not source.startswith("<<"))


def build_timeline(
    dockerfile: Dockerfile,
    platform: str,
    *,
    context: BuildContext,
    knowledge: Knowledge,
    store: IndexStore,
    installer: Installer,
    build_args: Mapping[str, str] | None = None,
    target: str | None = None,
    alpine: str | None = None,
    python: str | None = None,
    shown_as: str = "Dockerfile",
) -> Timeline:
    """Walk ``dockerfile``, called ``shown_as`` in messages, for one ``platform`` (``linux/amd64``).

    ``alpine`` and ``python`` (``X.Y``) overrule what base images tell. Raises StageGraphError for stages in a circle
    or an unknown ``target``.
    """
    builder = TimelineBuilder(
        dockerfile,
        platform,
        context=context,
        knowledge=knowledge,
        store=store,
        installer=installer,
        build_args=build_args or {},
        alpine=alpine,
        python=python,
        shown_as=shown_as,
    )
    return builder.build(target)
