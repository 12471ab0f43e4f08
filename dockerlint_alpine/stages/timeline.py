"""Runs a Dockerfile on paper: stage by stage, instruction by instruction, with the packages and files at each moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from dockerlint_alpine.stages import bases, copying, shell_commands
from dockerlint_alpine.stages.errors import StageGraphError
from dockerlint_alpine.stages.graph import StageGraph, StageNode, build_graph
from dockerlint_alpine.stages.model import Timeline, Unjudged
from dockerlint_alpine.stages.mounts import BindMounts
from dockerlint_alpine.stages.walk import StageWalk
from dockerlint_alpine.stages.world_cache import Memory
from dockerlint_alpine.syntax import SourceText, run_scripts

if TYPE_CHECKING:
    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.stages.context import BuildContext
    from dockerlint_alpine.stages.installing import Installer
    from dockerlint_alpine.syntax import Dockerfile, Instruction


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
        memory: Memory,
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
        self.memory = memory
        self.graph: StageGraph = build_graph(dockerfile, platform, build_args)
        self.runs: dict[int, StageWalk] = {}
        self.unjudged: dict[Unjudged, None] = {}
        self.notes: list[str] = []

    def build(self, target: str | None) -> Timeline:
        """Walk all stages, or the ones that ``target`` needs."""
        wanted = self._target(target)
        for index in self.graph.order(wanted):
            self.runs[index] = self._walk(self.graph.nodes[index])
        running = frozenset({wanted}) if wanted is not None else self.graph.leaves()
        stages = {index: walk.finished(runs=index in running) for index, walk in self.runs.items()}
        return Timeline(self.dockerfile, self.platform, stages, tuple(self.unjudged), tuple(dict.fromkeys(self.notes)))

    def _target(self, target: str | None) -> int | None:
        if target is None:
            return None
        found = self.graph.find(target)
        if found is None:
            names = ", ".join(node.name for node in self.graph.nodes if node.name) or "none has a name"
            raise StageGraphError(f"no stage is called {target!r} (stages: {names})")
        return found

    def _walk(self, node: StageNode) -> StageWalk:
        walk = StageWalk(node, self)
        bases.enter(walk)
        if walk.packages is not None:
            walk.start = walk.moment
        for instruction in (*node.triggers, *node.instructions):
            self._step(walk, instruction)
        return walk

    def _step(self, walk: StageWalk, instruction: Instruction) -> None:
        escape = self.dockerfile.escape
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
                        shell_commands.walk_script(walk, instruction, script)
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
    memory: Memory | None = None,
) -> Timeline:
    """Walk ``dockerfile``, called ``shown_as`` in messages, for one ``platform`` (``linux/amd64``).

    ``alpine`` and ``python`` (``X.Y``) overrule what base images tell. ``memory`` keeps what several files have in
    common; give the same one for all files that share ``knowledge`` and ``store``. Raises StagesError: StageGraphError
    for stages in a circle or an unknown ``target``, IncludeCycleError for requirement files in a circle.
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
        memory=memory if memory is not None else Memory(),
    )
    return builder.build(target)
