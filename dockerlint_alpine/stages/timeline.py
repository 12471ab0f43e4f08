"""Runs a Dockerfile on paper: stage by stage, instruction by instruction, with the packages and files at each moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.stages import bases, copying, shell_commands
from dockerlint_alpine.stages.errors import StageGraphError
from dockerlint_alpine.stages.graph import build_graph
from dockerlint_alpine.stages.model import Timeline
from dockerlint_alpine.stages.mounts import BindMounts
from dockerlint_alpine.stages.walk import BuildWalk, StageWalk
from dockerlint_alpine.stages.world_cache import WorldCache
from dockerlint_alpine.syntax import SourceText, run_scripts
from dockerlint_alpine.system.pulse import pulse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.stages.context import BuildContext
    from dockerlint_alpine.stages.graph import StageNode
    from dockerlint_alpine.stages.installing import Installer
    from dockerlint_alpine.syntax import Dockerfile, Instruction


class _TimelineBuilder:
    """Walks the stages of one build in order; ``build_timeline`` is the way in."""

    def __init__(self, state: BuildWalk, installer: Installer) -> None:
        self.state = state
        self.installer = installer
        state.as_of = installer.as_of

    def build(self, target: str | None) -> Timeline:
        """Walk all stages, or the ones that ``target`` needs."""
        state, graph = self.state, self.state.graph
        chosen = self._target(target)
        for index in graph.order(chosen):
            state.stages[index] = self._walk(graph.nodes[index])
        running = frozenset({chosen}) if chosen is not None else graph.leaves()
        stages = {index: walk.finished(runs=index in running) for index, walk in state.stages.items()}
        notes = tuple(dict.fromkeys(state.notes))
        return Timeline(state.dockerfile, state.platform, stages, tuple(state.unjudged), notes)

    def _target(self, target: str | None) -> int | None:
        if target is None:
            return None
        found = self.state.graph.find(target)
        if found is None:
            names = ", ".join(node.name for node in self.state.graph.nodes if node.name) or "none has a name"
            raise StageGraphError(f"no stage is called {target!r} (stages: {names})")
        return found

    def _walk(self, node: StageNode) -> StageWalk:
        walk = StageWalk(node, self.state)
        bases.enter(walk)
        if walk.packages is not None:
            walk.start = walk.moment
        for instruction in (*node.triggers, *node.instructions):
            self._step(walk, instruction)
        return walk

    def _step(self, walk: StageWalk, instruction: Instruction) -> None:
        pulse()
        escape = self.state.dockerfile.escape
        match instruction.keyword:
            case "ARG":
                walk.scope = walk.scope.arg(instruction, escape)
            case "ENV":
                walk.scope = walk.scope.environment(instruction, escape)
            case "WORKDIR":
                walk.workdir = walk.place(walk.text(instruction.source))
                walk.files = walk.files.with_directory(walk.workdir)
            case "USER":
                _become(walk, walk.text(instruction.source).partition(":")[0])
            case "SHELL" if instruction.json:
                walk.shell = tuple(word.text for word in instruction.json)
            case "COPY" | "ADD":
                copying.copy(walk, instruction)
            case "RUN" if walk.kind == "alpine" or walk.glibc is not None:
                with BindMounts(walk, instruction):
                    for script in run_scripts(instruction, walk.shell):
                        shell_commands.walk_script(walk, instruction, script, self.installer)
            case _:
                pass


def _become(walk: StageWalk, user: str) -> None:
    """``USER``: HOME is what the stage's own list of users says, unless ENV sets it."""
    given = walk.scope.env.get("HOME")
    if given is not None and given.span() is not None:
        return
    home = "/root" if user in {"root", "0", ""} else walk.users.get(user, f"/home/{user}")
    walk.scope = replace(walk.scope, env={**walk.scope.env, "HOME": SourceText.literal(home)})


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
) -> Timeline:
    """Walk ``dockerfile``, called ``shown_as`` in messages, for one ``platform`` (``linux/amd64``).

    ``alpine`` and ``python`` (``X.Y``) overrule what base images tell. ``world_cache`` keeps what several files have in
    common; give the same one for all files that share ``knowledge`` and ``store``. Raises StagesError: StageGraphError
    for stages in a circle or an unknown ``target``, IncludeCycleError for requirement files in a circle.
    """
    state = BuildWalk(
        dockerfile,
        build_graph(dockerfile, platform, build_args or {}),
        platform,
        context=context,
        knowledge=knowledge,
        store=store,
        world_cache=world_cache if world_cache is not None else WorldCache(),
        alpine=alpine,
        python=python,
        shown_as=shown_as,
    )
    return _TimelineBuilder(state, installer).build(target)
