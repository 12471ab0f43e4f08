"""The stages of a Dockerfile and which of them another one is built from or copies from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dockerlint_alpine.stages.environment import Scope, platform_args
from dockerlint_alpine.syntax import SourceText, expand

if TYPE_CHECKING:
    from dockerlint_alpine.syntax import Dockerfile, Instruction


class StageGraphError(ValueError):
    """The stages make no sense: a cycle, an unknown target. The text is one line for the user."""


@dataclass(frozen=True)
class StageNode:
    """One stage before anything is run: where it starts from and its instructions after FROM.

    ``base`` is the image reference or stage name as expanded, ``parent`` the index of the stage it is built from.
    ``unknown`` names the variables in the FROM line that have no value. ``needs`` are all stages it depends on.
    """

    index: int
    name: str | None
    from_instruction: Instruction
    base: str
    parent: int | None
    platform: str | None
    unknown: tuple[str, ...]
    instructions: tuple[Instruction, ...]
    needs: frozenset[int]


@dataclass(frozen=True)
class StageGraph:
    """All stages in file order and the scope that their ARGs start from."""

    nodes: tuple[StageNode, ...]
    scope: Scope

    def find(self, reference: str) -> int | None:
        """The stage that ``--from=REFERENCE`` or a target means: by name (case does not count) or number."""
        for node in reversed(self.nodes):
            if node.name is not None and node.name.lower() == reference.lower():
                return node.index
        if reference.isdigit() and int(reference) < len(self.nodes):
            return int(reference)
        return None

    def order(self, target: int | None = None) -> tuple[int, ...]:
        """Stages to visit, dependencies first; all of them, or what ``target`` needs. Raises StageGraphError."""
        visited: list[int] = []
        under_way: list[int] = []

        def visit(index: int) -> None:
            if index in visited:
                return
            if index in under_way:
                raise StageGraphError(
                    f"line {self.nodes[index].from_instruction.line}: the stages depend on each other in a circle: "
                    + " -> ".join(self._label(i) for i in (*under_way[under_way.index(index) :], index))
                )
            under_way.append(index)
            for needed in sorted(self.nodes[index].needs):
                visit(needed)
            under_way.pop()
            visited.append(index)

        for index in [target] if target is not None else range(len(self.nodes)):
            visit(index)
        return tuple(visited)

    def leaves(self) -> frozenset[int]:
        """Stages that no other stage uses: the ones that run as images."""
        used = {needed for node in self.nodes for needed in node.needs}
        last = {len(self.nodes) - 1} if self.nodes else set()
        return frozenset(index for index in range(len(self.nodes)) if index not in used) | last

    def _label(self, index: int) -> str:
        return self.nodes[index].name or str(index)


def build_graph(dockerfile: Dockerfile, platform: str, build_args: Mapping[str, str]) -> StageGraph:
    """Cut the instructions into stages for one platform (``linux/amd64``) and the given ``--build-arg`` values."""
    given = platform_args(platform) | {name: SourceText.literal(value) for name, value in build_args.items()}
    scope = Scope(given=given)
    heads: list[tuple[Instruction, list[Instruction]]] = []
    for instruction in dockerfile.instructions:
        if instruction.keyword == "FROM":
            heads.append((instruction, []))
        elif heads:
            heads[-1][1].append(instruction)
        elif instruction.keyword == "ARG":
            scope = scope.global_arg(instruction, dockerfile.escape)
    nodes: list[StageNode] = []
    for index, (head, body) in enumerate(heads):
        nodes.append(_node(index, head, body, scope, nodes, dockerfile.escape))
    graph = StageGraph(tuple(nodes), scope)
    # Copies may name later stages: only now are all names known.
    return StageGraph(tuple(_with_needs(node, graph) for node in nodes), scope)


def _node(
    index: int, head: Instruction, body: list[Instruction], scope: Scope, earlier: list[StageNode], escape: str
) -> StageNode:
    names = scope.from_names()
    words = [expand(word, names, escape=escape) for word in head.words()]
    unknown = tuple(name for word in words[:1] for name in word.unknown)
    base = words[0].source.text if words else ""
    named = len(words) >= 3 and words[1].source.text.lower() == "as"
    platform = None
    for flag in head.flags:
        if flag.name == "platform" and flag.value is not None:
            platform = expand(SourceText.literal(flag.value), names, escape=escape).source.text
    parent = next((node.index for node in reversed(earlier) if node.name and node.name.lower() == base.lower()), None)
    return StageNode(
        index=index,
        name=words[2].source.text if named else None,
        from_instruction=head,
        base=base,
        parent=parent,
        platform=platform,
        unknown=unknown,
        instructions=tuple(body),
        needs=frozenset() if parent is None else frozenset({parent}),
    )


def _with_needs(node: StageNode, graph: StageGraph) -> StageNode:
    copied = {graph.find(reference) for reference in from_references(node.instructions)} - {None}
    needs = node.needs | {index for index in copied if index is not None}
    return replace(node, needs=needs)


def from_references(instructions: Iterable[Instruction]) -> Iterable[str]:
    """Every ``--from=`` of COPY and ADD and every ``from=`` of a RUN mount, as written."""
    for instruction in instructions:
        inner = instruction.onbuild or instruction
        for flag in inner.flags:
            if flag.value is None:
                continue
            if flag.name == "from":
                yield flag.value
            elif flag.name == "mount":
                yield from (part[5:] for part in flag.value.split(",") if part.startswith("from="))
