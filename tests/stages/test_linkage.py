"""What a compile finds, links and leaves needed, by the rules and Alpine's own indexes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from dockerlint_alpine.apk import IndexStore, World
from dockerlint_alpine.knowledge import Knowledge, Library
from dockerlint_alpine.python.model import Origin, Resolved, Verdict
from dockerlint_alpine.stages.linkage import BuildFacts, build_facts, pulled_in_by

Compiled = Callable[..., BuildFacts]


@pytest.fixture
def compiled(knowledge: Knowledge, store: IndexStore) -> Compiled:
    def run(
        pinned: str,
        there: Sequence[str] = (),
        perhaps: Sequence[str] = (),
        *,
        release: str = "3.19",
        env: Mapping[str, str] | None = None,
        own: Callable[[Library], bool] | None = None,
    ) -> BuildFacts:
        name, _, version = pinned.partition("==")
        sdist = Verdict("sdist", "no wheel", "index")
        resolved = Resolved(name, version, (), ("r.txt:1", name), Origin("r.txt", 1), sdist)
        index = store.open(release)
        world, possible = World.of(index, there), World.of(index, [*there, *perhaps])
        return build_facts(resolved, 0, knowledge, world, possible, env or {}, own=own)

    return run


@pytest.mark.parametrize(
    ("there", "perhaps", "env", "presence", "package", "objects"),
    [
        ([], [], {}, "absent", "lz4-dev", []),
        (["lz4-dev"], [], {}, "present", "lz4-dev", ["so:liblz4.so.1"]),
        (["postgresql-dev"], [], {}, "present", "lz4-dev", ["so:liblz4.so.1"]),
        ([], ["lz4-dev"], {}, "possible", "lz4-dev", ["so:liblz4.so.1"]),
        (["lz4-dev"], [], {"PYLZ4_USE_SYSTEM_LZ4": "0"}, "off", None, []),
    ],
)
def test_a_library_that_is_linked_where_it_is_found(
    compiled: Compiled,
    there: list[str],
    perhaps: list[str],
    env: dict[str, str],
    presence: str,
    package: str | None,
    objects: list[str],
) -> None:
    facts = compiled("lz4==4.4.5", there, perhaps, env=env)
    (use,) = facts.uses
    assert (use.presence, use.need, use.package, use.objects) == (presence, "pc:liblz4", package, ("so:liblz4.so.1",))
    assert use.linked is bool(objects)
    assert [name for name, _ in facts.objects] == objects
    assert facts.tools == ("cmd:gcc", "musl-dev")


@pytest.mark.parametrize(
    ("pinned", "release", "there", "needs", "objects"),
    [
        # required: missing until it is added, and linked then; the tool is looked for before the library
        ("psycopg2==2.9.9", "3.19", [], [("absent", "cmd:pg_config", "libpq-dev")], ["so:libpq.so.5"]),
        ("psycopg2==2.9.9", "3.12", [], [("absent", "cmd:pg_config", "postgresql-dev")], ["so:libpq.so.5"]),
        # a soname that moves with the release
        ("pyicu==2.11", "3.19", ["icu-dev"], [("present", "pc:icu-uc", "icu-dev")], ["so:libicuuc.so.74", "c++"]),
        ("pyicu==2.11", "3.12", [], [("absent", "pc:icu-uc", "icu-dev")], ["so:libicuuc.so.67", "c++"]),
        # two libraries of one name: the one whose headers are there, also beside the other, else OpenSSL's
        ("m2crypto==0.40.1", "3.12", [], [("absent", "openssl-dev", "openssl-dev")], ["so:libssl.so.1.1"]),
        (
            "m2crypto==0.40.1",
            "3.12",
            ["libressl-dev", "libssl1.1"],
            [("present", "pc:libressl:openssl", "libressl-dev")],
            ["so:libssl.so.48"],
        ),
        # matplotlib took the system's FreeType and libpng until it brought its own
        (
            "matplotlib==3.1.3",
            "3.12",
            [],
            [("absent", "pc:freetype2", "freetype-dev"), ("absent", "pc:libpng", "libpng-dev")],
            ["so:libfreetype.so.6", "so:libpng16.so.16", "c++"],
        ),
        ("matplotlib==3.6.2", "3.15", [], [], ["c++"]),
        ("greenlet==3.0.3", "3.19", [], [], ["c++"]),
        ("python-magic==0.4.27", "3.19", [], [], []),
    ],
)
def test_what_linking_leaves_behind(
    compiled: Compiled, pinned: str, release: str, there: list[str], needs: list[object], objects: list[str]
) -> None:
    facts = compiled(pinned, there, release=release)
    assert [(use.presence, use.need, use.package) for use in facts.uses] == needs
    expected = [
        one for name in objects for one in (["so:libstdc++.so.6", "so:libgcc_s.so.1"] if name == "c++" else [name])
    ]
    assert [name for name, _ in facts.objects] == expected


def test_libraries_that_are_switched_off_are_not_linked(compiled: Compiled) -> None:
    facts = compiled("gevent==23.9.1", ["libev-dev", "c-ares-dev", "libuv-dev"])
    assert {use.presence for use in facts.uses} == {"off"}
    assert not any(use.linked for use in facts.uses)
    assert facts.objects == ()
    assert facts.tools == ("cmd:gcc", "musl-dev", "cmd:make")


def test_how_a_package_came_in_leaves_virtual_lists_out(store: IndexStore) -> None:
    world = World.of(store.open("3.19")).add("postgresql-dev", virtual=".deps").add("curl")
    assert pulled_in_by(world, "lz4-dev")[-2:] == ("postgresql16-dev", "lz4-dev")
    assert pulled_in_by(world, "lz4-dev")[0].startswith("postgresql")
    assert pulled_in_by(world, "curl") == ("curl",)
    assert pulled_in_by(world, "gdal") == ()
    listed = World.of(store.open("3.19")).add("lz4-dev", virtual=".deps")
    assert pulled_in_by(listed, "lz4-dev") == ("lz4-dev",)
    assert pulled_in_by(listed, ".deps") == (".deps",)


def test_an_environment_chooses_among_the_ways_of_building_a_version(compiled: Compiled) -> None:
    env = {"CRYPTOGRAPHY_DONT_BUILD_RUST": "1"}
    rust = [
        "cmd:cargo" in compiled(f"cryptography=={version}", [], release="3.12", env=given).tools
        for version, given in (("3.4.7", {}), ("3.4.7", env), ("35.0.0", env))
    ]
    assert rust == [True, False, True]


def test_a_library_that_the_dockerfile_builds_itself_is_nobody_s_business(compiled: Compiled) -> None:
    """Only where no package brings it, and only that library."""
    for there, own, presences in (([], "lz4", []), (["lz4-dev"], "lz4", ["present"]), ([], "zstd", ["absent"])):
        facts = compiled("lz4==4.4.5", there, own=lambda library, name=own: library.name == name)
        assert [use.presence for use in facts.uses] == presences


@pytest.mark.parametrize(
    ("there", "perhaps", "left_out"),
    [([], [], True), (["gcc"], [], True), (["gcc", "musl-dev"], [], False), ([], ["gcc", "musl-dev"], False)],
)
def test_an_optional_extension_is_left_out_where_a_tool_is_missing(
    compiled: Compiled, there: list[str], perhaps: list[str], left_out: bool
) -> None:
    assert compiled("markupsafe==2.1.5", there, perhaps).left_out is left_out
    assert not compiled("lz4==4.4.5", there, perhaps).left_out
