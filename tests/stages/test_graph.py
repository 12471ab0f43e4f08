from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.stages.errors import StageGraphError
from dockerlint_alpine.stages.graph import MAX_STAGES, build_graph, from_references
from dockerlint_alpine.syntax import parse


def graph(text: str, **build_args: str):
    return build_graph(parse(text.encode()), "linux/arm/v7", build_args)


def needs(text: str) -> list[set[int]]:
    return [set(node.needs) for node in graph(text).nodes]


def test_copies_by_name_number_and_mount_are_dependencies() -> None:
    text = (
        "FROM a AS One\nFROM b\nFROM c\nCOPY --from=one /x /x\nCOPY --from=1 /y /y\n"
        "FROM one\nRUN --mount=type=bind,from=2,target=/z true\n"
    )
    assert needs(text) == [set(), set(), {0, 1}, {0, 2}]


def test_a_copy_may_name_a_later_stage_a_from_may_not() -> None:
    assert needs("FROM a\nCOPY --from=late /x /x\nFROM b AS late\n") == [{1}, set()]
    found = graph("FROM late\nFROM b AS late\n")
    assert found.nodes[0].parent is None
    assert found.order() == (0, 1)


def test_images_and_numbers_out_of_range_are_no_stages() -> None:
    assert needs("FROM a\nCOPY --from=nginx:alpine /x /x\nCOPY --from=7 /x /x\nCOPY --from=99999999999999 / /\n") == [
        set()
    ]


def test_of_two_stages_of_one_name_the_later_counts() -> None:
    found = graph("FROM a AS x\nFROM b AS X\nFROM x\n")
    assert found.find("x") == 1
    assert found.nodes[2].parent == 1


def test_more_stages_than_anybody_writes_are_refused() -> None:
    assert len(graph("FROM a\n" * MAX_STAGES).nodes) == MAX_STAGES
    with pytest.raises(StageGraphError, match=f"line {MAX_STAGES + 1}: more than {MAX_STAGES} stages"):
        graph("FROM a\n" * (MAX_STAGES + 2))


def test_dependencies_come_first_and_a_target_takes_only_its_own() -> None:
    found = graph("FROM a\nCOPY --from=b / /\nFROM x AS unused\nFROM y AS b\n")
    assert found.order() == (2, 0, 1)
    assert found.order(0) == (2, 0)
    assert found.leaves() == {0, 1, 2} - {2} | {2}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("FROM a AS x\nCOPY --from=x / /\n", "x -> x"),
        ("FROM a AS x\nCOPY --from=y / /\nFROM b AS y\nCOPY --from=x / /\n", "x -> y -> x"),
        ("FROM a AS x\nCOPY --from=1 / /\nFROM x\n", "x -> 1 -> x"),
    ],
)
def test_a_circle_is_one_clear_line(text: str, names: str) -> None:
    with pytest.raises(StageGraphError, match=f"in a circle: {names}$") as raised:
        graph(text).order()
    assert str(raised.value).startswith("line 1: ")


def test_global_arguments_and_platform_in_from() -> None:
    text = "ARG V=3.19\nARG I=alpine:$V\nFROM --platform=$TARGETPLATFORM $I AS a\nFROM ${X} AS b\nFROM ${X:-alpine}\n"
    first, second, third = graph(text).nodes
    assert (first.base, first.platform) == ("alpine:3.19", "linux/arm/v7")
    assert (second.base, second.unknown) == ("", ("X",))
    assert (third.base, third.unknown) == ("alpine", ())
    assert graph(text, V="3.20").nodes[0].base == "alpine:3.20"


def test_a_default_in_the_file_is_the_platform_that_from_names() -> None:
    text = "ARG BUILDPLATFORM=linux/amd64\nFROM --platform=$BUILDPLATFORM a\n"
    assert graph(text).nodes[0].platform == "linux/amd64"
    assert graph(text, BUILDPLATFORM="linux/386").nodes[0].platform == "linux/386"
    assert graph("FROM --platform=$BUILDPLATFORM a\n", BUILDPLATFORM="linux/386").nodes[0].platform == "linux/386"


def test_triggers_run_in_the_child_and_not_at_home() -> None:
    found = graph("FROM a AS base\nONBUILD COPY --from=tools /x /x\nFROM b AS tools\nFROM base\nFROM 2\n")
    assert [set(node.needs) for node in found.nodes] == [set(), set(), {0, 1}, set()]
    assert [len(node.triggers) for node in found.nodes] == [0, 0, 1, 0]


def test_references_are_read_as_written() -> None:
    text = "FROM a\nCOPY --from=$X / /\nRUN --mount=from=b,target=/b --mount=type=cache,target=/c true\n"
    assert list(from_references(parse(text.encode()).instructions)) == ["$X", "b"]


@given(st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=1, max_size=10))
def test_every_order_is_topological_or_refused(copies: list[list[int]]) -> None:
    text = "".join(
        f"FROM scratch AS s{i}\n" + "".join(f"COPY --from=s{j} / /\n" for j in wanted)
        for i, wanted in enumerate(copies)
    )
    found = graph(text)
    edges = {i: {j for j in wanted if j < len(copies)} for i, wanted in enumerate(copies)}
    try:
        order = found.order()
    except StageGraphError:
        reached = {i: set(targets) for i, targets in edges.items()}
        for _ in edges:
            for targets in reached.values():
                targets.update(*(edges[j] for j in set(targets)))
        assert any(i in targets for i, targets in reached.items())
        return
    assert sorted(order) == list(range(len(copies)))
    assert all(order.index(j) < order.index(i) for i, wanted in edges.items() for j in wanted)
