"""Worlds: what apk add and apk del leave behind, and why a package is there."""

from __future__ import annotations

import pytest

from dockerlint_alpine.apk import ConstraintError, Index, IndexStore, World, solve


def test_the_case_that_explains_the_product(store: IndexStore) -> None:
    for release, there in (("3.16", False), ("3.17", True), ("3.19", True), ("3.21", True)):
        index = store.open(release, "x86_64", ("main",))
        world = World.of(index, ["gcc", "musl-dev", "libffi-dev", "postgresql-dev"])
        assert not world.problems
        assert world.has("pc:liblz4") is there, release
        assert world.has("so:liblz4.so.*") is there or release == "3.16"
    world = World.of(store.open("3.19"), ["postgresql-dev"])
    assert world.why("lz4-dev") == ("postgresql-dev", "postgresql16-dev", "lz4-dev")
    assert world.why("curl") == ()


def test_the_lz4_program_is_not_its_library(alpine319: Index) -> None:
    assert not World.of(alpine319, ["lz4"]).has("so:liblz4.so.1")


def test_virtual_packages_come_and_go(alpine319: Index) -> None:
    base = World.of(alpine319, ["libpq", "tini"])
    built = base.add("gcc", "musl-dev", "lz4-dev", virtual=".build-deps")
    assert built.explicit == {"libpq", "tini", ".build-deps", "gcc", "musl-dev", "lz4-dev"}
    assert built.why("lz4-libs") == (".build-deps", "lz4-dev", "lz4-libs")
    assert built.has("pc:liblz4")
    cleaned = built.remove(".build-deps")
    assert cleaned.packages == base.packages
    assert not cleaned.has("so:liblz4.so.1")
    kept = base.add("so:liblz4.so.1").add("lz4-dev", virtual=".build-deps").remove(".build-deps")
    assert kept.has("so:liblz4.so.1")
    assert kept.why("lz4-libs") == ("so:liblz4.so.1", "lz4-libs")


def test_a_virtual_package_made_twice_is_replaced(alpine319: Index) -> None:
    world = World(alpine319).add("lz4-dev", virtual=".deps").add("zstd-dev", virtual=".deps")
    assert world.has("pc:libzstd")
    assert not world.has("pc:liblz4")


def test_del_keeps_what_others_need(alpine319: Index) -> None:
    world = World.of(alpine319, ["curl", "libcurl", "zlib"]).remove("zlib", "libcurl", "nothing")
    assert world.has("libcurl")
    assert world.explicit == {"curl"}
    assert World.of(alpine319, ["lz4-dev", "zstd-dev", "tini"]).remove("*-dev").explicit == {"tini"}


def test_what_is_installed_is_kept(alpine319: Index) -> None:
    first = solve(alpine319, ["so:libudev.so.1"])
    assert "eudev-libs" in first.packages
    second = solve(alpine319, ["so:libudev.so.1"], installed=["libudev-zero"])
    assert "eudev-libs" not in second.packages
    assert not second.changes


def test_an_installed_version_that_the_index_does_not_have(alpine319: Index) -> None:
    now = solve(alpine319, ["docs"], installed=["busybox"])
    assert "busybox-doc" in now.packages
    for spec in ("busybox=1.36.1-r15", "busybox-1.36.1-r15"):
        then = solve(alpine319, ["docs"], installed=[spec])
        assert then.packages["busybox"].version == "1.36.1-r15"
        assert "busybox-doc" not in then.packages  # install_if asks for busybox=1.36.1-r21


def test_problems_in_the_words_of_apk(alpine319: Index) -> None:
    solution = solve(alpine319, ["libpq", "nosuch", "zlib<1.0"])
    assert not solution.ok
    texts = {problem.subject: problem.text for problem in solution.problems}
    assert texts["nosuch (no such package)"] == "nosuch (no such package): required by: world[nosuch]"
    assert texts["zlib-1.3.1-r0"].startswith("zlib-1.3.1-r0: breaks: world[zlib<1.0]")
    assert {str(constraint) for constraint in solution.dropped} == {"nosuch", "zlib<1.0"}
    assert "libpq" in solution.packages  # what can be had is still told


def test_one_bad_name_does_not_take_a_virtual_package_with_it(alpine319: Index) -> None:
    world = World(alpine319).add("gcc", "nosuch", "zlib@edge", virtual=".deps")
    assert world.has("cmd:gcc")
    assert {str(constraint) for constraint in world.solution.dropped} == {"nosuch", "zlib@edge"}
    assert any("missing repository tag" in problem.text for problem in world.problems)


def test_needs(alpine319: Index) -> None:
    world = World.of(alpine319, ["openblas", "libpq-dev"])
    assert world.has("so:libopenblas.so.3")  # provided as so:openblas:libopenblas.so.3
    for (
        name,
        package,
    ) in world.packages.items():  # however names are filed, each stands for its package and what that provides
        assert name in world.holders(name)
        assert all(name in world.holders(provide.name) for provide in package.provides)
    assert world.provider("cmd:pg_config") is world.packages["libpq-dev"]
    assert world.has("pc:libpq>=9.0")
    assert not world.has("pc:libpq>=99")
    assert not world.has("so:libmagic.so.*")
    assert not world.has("not a need")


def test_a_world_does_not_change(alpine319: Index) -> None:
    world = World.of(alpine319, ["tini"])
    before = dict(world.packages)
    world.add("curl")
    world.remove("tini")
    assert dict(world.packages) == before
    with pytest.raises(TypeError):
        world.packages["x"] = None  # type: ignore[index]


@pytest.mark.parametrize("spec", ["", "curl=1.0-4", "cu rl"])
def test_arguments_that_apk_refuses(alpine319: Index, spec: str) -> None:
    with pytest.raises(ConstraintError):
        World(alpine319).add(spec)
    with pytest.raises(ConstraintError):
        World(alpine319).add("curl", virtual="!deps")


def test_few_questions_find_the_bad_names_of_a_long_list(alpine319: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    good = [
        f"{name}-dev" for name in "zlib bzip2 xz lz4 zstd libffi openssl ncurses readline sqlite libpq curl".split()
    ]
    good += "gcc g++ make cmake git bash tini jq tar patch file gawk sed grep findutils coreutils rsync vim".split()
    wanted = [*good[:9], "openssl<1.0", *good[9:], "nosuch"]
    questions = []
    run = World._run

    def counted(self: World, *args: object, **options: object) -> object:
        questions.append(args)
        return run(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(World, "_run", counted)
    world = World(alpine319).add(*wanted)
    assert {str(one) for one in world.solution.dropped} == {"openssl<1.0", "nosuch"}
    assert all(world.has(name) for name in good)
    assert len(questions) <= 24
