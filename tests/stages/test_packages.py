from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine.stages import WorldCache
from dockerlint_alpine.stages.packages import Packages, sort_operands

if TYPE_CHECKING:
    from dockerlint_alpine.apk import Index, IndexStore


@pytest.fixture
def index(store: IndexStore) -> Index:
    return store.open("3.19", "x86_64")


@pytest.fixture
def empty(index: Index) -> Packages:
    return Packages.of(WorldCache(), index, ["musl", "no-such-need"])


def test_needs_of_an_image_that_the_index_lacks_are_skipped(empty: Packages) -> None:
    assert set(empty.world.packages) == {"musl"}


def test_a_branch_makes_packages_possible_and_their_removal_uncertain(empty: Packages) -> None:
    maybe = empty.add(["lz4-libs"], None, conditional=True)
    assert not maybe.world.has("so:liblz4.so.1")
    assert maybe.possible.has("so:liblz4.so.1")
    there = empty.add(["lz4-libs"], None, conditional=False).delete(["lz4-libs"], conditional=True)
    assert there.world.has("so:liblz4.so.1")
    assert not there.lasting.has("so:liblz4.so.1")


def test_what_follows_a_branch_reaches_all_readings(empty: Packages) -> None:
    mixed = empty.add(["curl"], None, conditional=True).add(["lz4-libs"], None, conditional=False)
    assert all(world.has("so:liblz4.so.1") for world in (mixed.world, mixed.possible, mixed.lasting))
    gone = mixed.delete(["lz4-libs"], conditional=False)
    assert not any(world.has("so:liblz4.so.1") for world in (gone.world, gone.possible, gone.lasting))


def test_a_virtual_list_goes_as_one(empty: Packages) -> None:
    built = empty.add(["gcc", "lz4-dev"], ".build-deps", conditional=False)
    assert built.world.has("pc:liblz4")
    assert built.delete(["lz4-dev"], conditional=False).world.has("pc:liblz4")
    assert not built.delete([".build-deps"], conditional=False).world.has("pc:liblz4")


@pytest.mark.parametrize("virtual", [None, ".deps"])
def test_one_package_that_does_not_fit_takes_no_other_along(empty: Packages, virtual: str | None) -> None:
    found = empty.add(["lz4-libs", "!zstd-libs", "zstd-dev"], virtual, conditional=False)
    assert found.world.has("so:liblz4.so.1")


def test_the_same_commands_are_solved_once(index: Index) -> None:
    cache = WorldCache()
    worlds = [Packages.of(cache, index, ["musl"]).add(["gcc"], None, conditional=False).world for _ in range(3)]
    assert worlds[0] is worlds[1] is worlds[2]


def test_operands_are_told_apart(index: Index) -> None:
    found = sort_operands(
        index,
        [
            "lz4-libs",
            "so:liblz4.so.1",
            "cmd:pg_config",
            "pc:liblz4",
            "gcc=1.0-r0",
            "gcc>1",
            "curl@edge",
            "curl@edge=9.9-r0",
            "!zlib",
            "nosuch",
            "nosuch=1.2",
            "/tmp/local.apk",
            "a b",
        ],
    )
    assert found.known == (
        "lz4-libs", "so:liblz4.so.1", "cmd:pg_config", "pc:liblz4", "gcc", "gcc>1", "curl", "curl", "!zlib",
    )  # fmt: skip
    assert found.foreign == ("curl", "curl", "nosuch", "nosuch", "/tmp/local.apk")
    assert found.refused == ("a b",)
