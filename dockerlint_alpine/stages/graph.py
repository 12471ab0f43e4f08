"""The stages of a Dockerfile and which of them another one is built from or copies from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.stages.environment import Scope
from dockerlint_alpine.stages.errors import StageGraphError
from dockerlint_alpine.syntax import Instruction, Mount, SourceText, expand
from dockerlint_alpine.system.platforms import platform_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dockerlint_alpine.syntax import Dockerfile


MAX_STAGES = 500
"""In one Dockerfile: what a stage rests on is looked at from each stage that is built from it."""


class StageNode(Struct, frozen=True):
    """One stage before anything is run: where it starts from and its instructions after FROM.

    ``base`` is the image reference or stage name as expanded, ``parent`` the index of the stage it is built from.
    ``unknown`` names the variables in the FROM line that have no value. ``triggers`` are the ONBUILD instructions of
    the parent, which run before its own. ``needs`` are all stages it depends on.
    """

    index: int
    name: str | None
    from_instruction: Instruction
    base: str
    parent: int | None
    platform: str | None
    unknown: tuple[str, ...]
    instructions: tuple[Instruction, ...]
    triggers: tuple[Instruction, ...]
    needs: frozenset[int]


class StageGraph(Struct, frozen=True):
    """All stages in file order and the scope that their ARGs start from."""

    nodes: tuple[StageNode, ...]
    scope: Scope
    named: Mapping[str, int]
    """The last stage of each name, in lower case."""

    def find(self, reference: str) -> int | None:
        """The stage that ``--from=REFERENCE`` or a target means: by number, or by name (case does not count).

        BuildKit: ``findStateByIndex``, ``findStateByName``; of two stages of one name the later one counts.
        """
        if reference.isascii() and reference.isdigit():
            return int(reference) if len(reference) < 10 and int(reference) < len(self.nodes) else None
        return self.named.get(reference.lower())

    def order(self, target: int | None = None) -> tuple[int, ...]:
        """Stages to visit, dependencies first; all of them, or what ``target`` needs. Raises StageGraphError."""
        done: dict[int, None] = {}
        for root in range(len(self.nodes)) if target is None else (target,):
            path: dict[int, Iterator[int]] = {}
            following: int | None = root
            while following is not None or path:
                if following is not None and following not in done:
                    if following in path:
                        raise self._circle([*path, following])
                    path[following] = iter(sorted(self.nodes[following].needs))
                current = next(reversed(path), None)
                if current is None:
                    break
                following = next(path[current], None)
                if following is None:
                    path.popitem()
                    done[current] = None
        return tuple(done)

    def leaves(self) -> frozenset[int]:
        """Stages that no other stage uses: the ones that run as images."""
        used = {needed for node in self.nodes for needed in node.needs}
        last = {len(self.nodes) - 1} if self.nodes else set()
        return frozenset(index for index in range(len(self.nodes)) if index not in used) | last

    def lineage(self, index: int) -> tuple[StageNode, ...]:
        """The stages that one is built from, the first one first, and itself."""
        found = [self.nodes[index]]
        while (parent := found[-1].parent) is not None:
            found.append(self.nodes[parent])
        return tuple(reversed(found))

    def _circle(self, path: list[int]) -> StageGraphError:
        circle = path[path.index(path[-1]) :]
        names = " -> ".join(self.nodes[index].name or str(index) for index in circle)
        line = self.nodes[circle[0]].from_instruction.line
        return StageGraphError(f"line {line}: the stages depend on each other in a circle: {names}")


def build_graph(dockerfile: Dockerfile, platform: str, build_args: Mapping[str, str]) -> StageGraph:
    """Cut the instructions into stages for one platform (``linux/amd64``) and the given ``--build-arg`` values.

    Raises StageGraphError where there are more than ``MAX_STAGES``.
    """
    scope = Scope.at_start(platform, build_args)
    heads: list[tuple[Instruction, list[Instruction]]] = []
    for instruction in dockerfile.instructions:
        if instruction.keyword == "FROM":
            if len(heads) == MAX_STAGES:
                raise StageGraphError(f"line {instruction.line}: more than {MAX_STAGES} stages, which are not checked")
            heads.append((instruction, []))
        elif heads:
            heads[-1][1].append(instruction)
        elif instruction.keyword == "ARG":
            scope = scope.global_arg(instruction, dockerfile.escape)
    nodes: list[StageNode] = []
    named: dict[str, int] = {}
    for index, (head, body) in enumerate(heads):
        node = _node(index, head, body, scope, named, dockerfile.escape)
        if node.parent is not None:
            node = replace(node, triggers=triggers(nodes[node.parent]))
        nodes.append(node)
        if node.name is not None:
            named[node.name.lower()] = index
    graph = StageGraph(tuple(nodes), scope, named)
    # Copies may name later stages: only now are all names known.
    return replace(graph, nodes=tuple(_with_needs(node, graph) for node in nodes))


def _node(
    index: int, head: Instruction, body: list[Instruction], scope: Scope, named: Mapping[str, int], escape: str
) -> StageNode:
    names = scope.global_args
    words = [expand(word, names, escape=escape) for word in head.words()]
    base = words[0].source.text if words else ""
    has_name = len(words) >= 3 and words[1].source.text.lower() == "as"
    flag = head.flag("platform")
    platform = expand(SourceText.literal(flag.value), names, escape=escape).source.text if flag and flag.value else ""
    return StageNode(
        index=index,
        name=words[2].source.text if has_name else None,
        from_instruction=head,
        base=base,
        parent=named.get(base.lower()),
        platform=platform_of(platform) or None,
        unknown=words[0].unknown if words else (),
        instructions=tuple(body),
        triggers=(),
        needs=frozenset(),
    )


def triggers(parent: StageNode) -> tuple[Instruction, ...]:
    """The ONBUILD instructions of a stage, which run first in whatever is built from it."""
    return tuple(one.onbuild for one in parent.instructions if one.keyword == "ONBUILD" and one.onbuild is not None)


def _with_needs(node: StageNode, graph: StageGraph) -> StageNode:
    own = (one for one in node.instructions if one.keyword != "ONBUILD")
    found = {graph.find(reference) for reference in from_references((*node.triggers, *own))}
    return replace(node, needs=frozenset(index for index in (*found, node.parent) if index is not None))


def from_references(instructions: Iterable[Instruction]) -> Iterator[str]:
    """Every ``--from=`` of COPY and every ``from=`` of a RUN mount, as written: BuildKit expands no variable there."""
    for instruction in instructions:
        for flag in instruction.flags:
            if flag.name == "from" and flag.value:
                yield flag.value
            elif flag.name == "mount" and flag.value and (source := Mount.parse(flag).from_):
                yield source
