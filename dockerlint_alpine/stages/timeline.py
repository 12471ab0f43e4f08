"""Simulates a Dockerfile: stage by stage, instruction by instruction, with the packages and files at each moment."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.stages import bases, copying, shell_commands
from dockerlint_alpine.stages.container_start import install_at_start
from dockerlint_alpine.stages.context import guess_root, open_context
from dockerlint_alpine.stages.elsewhere import OtherBuilds
from dockerlint_alpine.stages.errors import StageGraphError, StagesError
from dockerlint_alpine.stages.graph import build_graph
from dockerlint_alpine.stages.model import Timeline
from dockerlint_alpine.stages.mounts import BindMounts
from dockerlint_alpine.stages.walk import BuildWalk, StageWalk, Trigger, Unclear
from dockerlint_alpine.stages.world_cache import WorldCache
from dockerlint_alpine.syntax import parse, run_scripts
from dockerlint_alpine.system.builds import OtherBuild, Others
from dockerlint_alpine.system.files import project_root, read_file
from dockerlint_alpine.system.pulse import pulse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.stages.context import BuildContext
    from dockerlint_alpine.stages.graph import StageNode
    from dockerlint_alpine.stages.installing import Installer
    from dockerlint_alpine.stages.model import Unjudged
    from dockerlint_alpine.stages.walk import Elsewhere
    from dockerlint_alpine.syntax import Dockerfile, Instruction
    from dockerlint_alpine.system.services import ServiceStart


_ALONE = Others()
_MAX_DOCKERFILE = 8 * 1024 * 1024
"""Bytes of another Dockerfile."""


class _TimelineBuilder:
    """Walks the stages of one build in order; ``build_timeline`` is the way in."""

    def __init__(self, state: BuildWalk, installer: Installer) -> None:
        self.state = state
        self.installer = installer
        state.as_of = installer.as_of
        state.walk_whole = partial(self._walk, whole=True)
        if installer.resolver is not None:
            state.repository, state.contents = installer.resolver.repository, installer.resolver.image

    def build(self, target: str | None, services: Sequence[ServiceStart]) -> Timeline:
        """Walk all stages, or the ones that ``target`` needs; ``services`` start from the last one."""
        state, graph = self.state, self.state.graph
        chosen = self._target(target)
        for index in graph.order(chosen):
            state.stages[index] = self._walk(graph.nodes[index])
        running = frozenset({chosen}) if chosen is not None else graph.leaves()
        for index in sorted(running):
            walk = state.stages[index]
            if walk.kind == "alpine" and walk.packages is not None:
                lineage = [one.instructions for one in graph.lineage(index)]
                install_at_start(walk, lineage, services if index == max(running) else (), self.installer)
        stages = {index: walk.finished(runs=index in running) for index, walk in state.stages.items()}
        notes = tuple(dict.fromkeys(state.notes))
        state.walk_whole = None
        state.stages.clear()  # no circle is left, so that all of a walk goes at once and is not looked for later
        timeline = Timeline(state.dockerfile, state.platform, stages, tuple(state.unjudged), notes, as_of=state.as_of)
        return replace(timeline, unjudged=tuple(one for one in timeline.unjudged if _matters(timeline, one)))

    def end(self, target: str | None) -> StageWalk:
        """The stage that a build ends with, once it and what it needs were walked through. Raises StageGraphError."""
        state, graph = self.state, self.state.graph
        chosen = self._target(target)
        if chosen is None:
            chosen = len(graph.nodes) - 1
        for index in graph.order(chosen):
            state.stages[index] = self._walk(graph.nodes[index])
        return state.stages[chosen]

    def _target(self, target: str | None) -> int | None:
        if target is None:
            return None
        found = self.state.graph.find(target)
        if found is None:
            names = ", ".join(node.name for node in self.state.graph.nodes if node.name) or "none has a name"
            raise StageGraphError(f"no stage is called {target!r} (stages: {names})")
        return found

    def _walk(self, node: StageNode, *, whole: bool = False) -> StageWalk:
        """Walk a stage to its end. One with glibc matters to who copies from it alone, and is left at its FROM until then
        unless it is to be ``whole``."""
        walk = StageWalk(node, self.state, whole=whole)
        bases.enter(walk)
        if walk.glibc is not None and not whole:
            return walk
        walk.whole = True
        walk.scope = walk.scope.on(walk.platform)
        if walk.packages is not None:
            walk.start = walk.moment
        for trigger in walk.triggers:
            self._step(walk, trigger.instruction.at(node.from_instruction), trigger)
        for instruction in (*node.triggers, *node.instructions):
            self._step(walk, instruction)
        return walk

    def _step(self, walk: StageWalk, instruction: Instruction, trigger: Trigger | None = None) -> None:
        pulse()
        escape = instruction.escape
        match instruction.keyword:
            case "ARG":
                walk.scope = walk.scope.arg(instruction, escape)
            case "ENV":
                walk.scope = walk.scope.environment(instruction, escape)
            case "WORKDIR":
                walk.workdir = walk.place(walk.text(instruction.source))
                walk.files = walk.files.with_directory(walk.workdir)
            case "USER":
                walk.become(walk.text(instruction.source).partition(":")[0])
            case "SHELL" if instruction.json:
                walk.shell = tuple(word.text for word in instruction.json)
            case "COPY" | "ADD":
                copying.copy(walk, instruction)
            case "RUN" if walk.kind == "alpine" or walk.glibc is not None:
                with BindMounts(walk, instruction):
                    for script in run_scripts(trigger.instruction if trigger else instruction, walk.shell):
                        shell_commands.walk_script(walk, instruction, script, self.installer, trigger)
            case _:
                pass


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
    world_cache: WorldCache | None = None,
    others: Others = _ALONE,
    services: Sequence[ServiceStart] = (),
) -> Timeline:
    """Walk ``dockerfile``, called ``shown_as`` in messages, for one ``platform`` (``linux/amd64``).

    ``alpine`` and ``python`` (``X.Y``) overrule what base images tell. ``world_cache`` keeps what several files have in
    common; give the same one for all files that share ``knowledge`` and ``store``. ``others`` are builds of the same project
    that this one may start from, and ``services`` what compose files start in place of what the image does. Raises
    StagesError: StageGraphError for stages in a circle or an unknown ``target``, IncludeCycleError for requirement files in
    a circle.
    """
    cache = world_cache if world_cache is not None else WorldCache()

    def walked(
        parsed: Dockerfile,
        args: Mapping[str, str],
        where: BuildContext,
        shown: str,
        platform: str,
        elsewhere: Elsewhere,
    ) -> _TimelineBuilder:
        state = BuildWalk(
            parsed,
            build_graph(parsed, platform, args),
            platform,
            context=where,
            knowledge=knowledge,
            store=store,
            world_cache=cache,
            alpine=alpine,
            python=python,
            shown_as=shown,
            elsewhere=elsewhere,
        )
        return _TimelineBuilder(state, installer)

    def other(build: OtherBuild, platform: str, elsewhere: Elsewhere) -> StageWalk | Unclear:
        try:
            parsed, where = _open(build, context.looked_at)
            return walked(parsed, dict(build.build_args), where, build.shown, platform, elsewhere).end(build.target)
        except (StagesError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            return Unclear(f"{build.shown} can't be checked: {reason or error}")

    elsewhere = OtherBuilds(others, platform, other)
    found = walked(dockerfile, build_args or {}, context, shown_as, platform, elsewhere).build(target, services)
    return replace(found, is_base=True) if others.rest_on_it else found


def _open(build: OtherBuild, looked_at: set[str]) -> tuple[Dockerfile, BuildContext]:
    """The Dockerfile of another build, and its context. Raises OSError, and StageGraphError where it has no stage."""
    path = Path(build.path)
    looked_at.add(build.path)
    data = build.text
    if data is None:
        data = read_file(path, limit=_MAX_DOCKERFILE, within=project_root(path.parent))
    parsed = parse(data)
    if not any(instruction.keyword == "FROM" for instruction in parsed.instructions):
        raise StageGraphError("it has no FROM instruction")
    root = (
        Path(build.context) if build.context is not None else guess_root(path, copying.copy_sources(parsed), looked_at)
    )
    return parsed, open_context(root, path, shown_as=str(root), looked_at=looked_at)


def _matters(timeline: Timeline, notice: Unjudged) -> bool:
    """Whether a verdict hangs on it: what ``apk del`` takes away is missed by Python alone."""
    stage = timeline.stages.get(notice.stage)
    if stage is None or notice.evidence != "apk del":
        return True
    heirs = (one for one in timeline.stages.values() if stage in timeline.lineage(one))
    return any(one.home is not None or one.installed for one in heirs)
