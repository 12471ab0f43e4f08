"""Derived indexes: the parts one by one, and the whole where the truth is known (3.22 from 3.21 and its recipes)."""

from __future__ import annotations

import gzip
import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from dockerlint_alpine.apk import Index, IndexFormatError, IndexStore, World
from dockerlint_alpine.apk.apkindex import ApkIndex, Record
from dockerlint_alpine.apk.build import one_each, write_database
from dockerlint_alpine.apk.catalog import Layer
from dockerlint_alpine.apk.database import Database
from dockerlint_alpine.apk.derive import Recipe, Recipes, derive, library_of, read_holds, read_recipes
from dockerlint_alpine.apk.preference import ranked
from dockerlint_alpine.apk.snapshot import TRUSTED, Derived, Hold, Snapshot, read_snapshot

ALPINE = Path(__file__).resolve().parents[2] / "rules" / "alpine"


def record(name: str, version: str, depends: str = "", provides: str = "", origin: str = "") -> Record:
    return Record(name, version, "x86_64", depends, provides, "", 0, origin or name, 0)


def recipe(name: str, version: str, depends: str = "", provides: str = "", origin: str = "", **more: object) -> Recipe:
    return Recipe(name, version, origin or name, "main", bool(more.get("noarch")), depends, provides, 0, "")


def derived(
    old: list[Record], new: list[Recipe], **known: Mapping[str, tuple[tuple[int, ...], ...]]
) -> tuple[dict[str, Record], Derived]:
    base = Snapshot("3.22", "main", "x86_64", ApkIndex("", tuple(old)))
    (snapshot,) = derive(
        Recipes("3.23", "x86_64", "0123456789ab", "2025-12-03", tuple(new)), [base], {}, [base], **known
    )
    assert snapshot.derived is not None
    return {one.name: one for one in snapshot.index.records}, snapshot.derived


def test_versions_move_along() -> None:
    old = [
        record("lz4", "1.9.4-r5", "so:liblz4.so.1", "cmd:lz4=1.9.4-r5"),
        record("lz4-libs", "1.9.4-r5", "", "so:liblz4.so.1=1.9.4", "lz4"),
        record("lz4-dev", "1.9.4-r5", "lz4-libs=1.9.4-r5 pkgconfig", "pc:liblz4=1.9.4", "lz4"),
        record("pkgconf", "2.0-r0", "", "pkgconfig=1"),
    ]
    new = [
        recipe("lz4", "1.10.0-r0"),
        recipe("lz4-libs", "1.10.0-r0", origin="lz4"),
        recipe("lz4-dev", "1.10.0-r0", origin="lz4"),
        recipe("pkgconf", "2.0-r1", provides="pkgconfig=1"),
    ]
    found, facts = derived(old, new)
    assert found["lz4"].provides == "cmd:lz4=1.10.0-r0"
    assert found["lz4"].depends == "so:liblz4.so.1"
    assert found["lz4-libs"].provides == "so:liblz4.so.1=1.10.0"
    assert found["lz4-dev"].depends == "lz4-libs=1.10.0-r0 pkgconfig"
    assert found["lz4-dev"].provides == "pc:liblz4=1.10.0"
    assert not facts.unread


def test_the_recipe_has_the_word() -> None:
    """What was explicit is the recipe's to say: a dependency that it dropped is not carried over."""
    old = [record("a", "1-r0", "b so:c.so.1 d>=1", "e=1 cmd:a=1-r0"), record("c", "1-r0", "", "so:c.so.1=1")]
    found, _ = derived(old, [recipe("a", "2-r0", "f", "g=2"), recipe("c", "1-r0"), recipe("f", "1-r0")])
    assert found["a"].depends == "f so:c.so.1"
    assert found["a"].provides == "g=2 cmd:a=2-r0"


@pytest.mark.parametrize(
    ("versions", "new", "trusted"),
    [
        (["3.0-r0", "3.1-r0", "3.2-r0", "3.3-r0"], "3.4-r0", True),
        (["3.1-r0", "3.2-r0", "3.3-r0"], "3.4-r0", False),
        (["3.0-r0", "3.0.1-r0", "3.0.2-r0", "3.3-r0"], "3.4-r0", False),
        (["3.0-r0", "3.1-r0", "", "3.2-r0", "3.3-r0"], "3.4-r0", False),
        ([f"3.0.{patch}-r0" for patch in range(7)], "3.1.0-r0", True),
        ([f"3.0.{patch}-r0" for patch in range(6)], "3.1.0-r0", False),
        (["3.0-r0", "3.1-r0", "3.2-r0", "3.3-r0"], "4.0-r0", False),
    ],
)
def test_a_soname_that_was_kept_through_many_changes_is_kept_by_the_next(
    versions: list[str], new: str, trusted: bool
) -> None:
    """An empty version: that release had another soname."""
    past = [
        record("m", version or "3.15-r0", "", f"so:libm.so.{3 if version else 4}={version or '3.15-r0'}")
        for version in versions
    ]
    history = [
        Snapshot(f"3.{number}", "main", "x86_64", ApkIndex("", (one,)))
        for number, one in enumerate(past, 23 - len(past))
    ]
    recipes = Recipes("3.23", "x86_64", "0123456789ab", "2025-12-03", (recipe("m", new),))
    (snapshot,) = derive(recipes, history[-1:], {}, history)
    assert snapshot.derived is not None
    assert (("so:libm.so.3", "m") not in snapshot.derived.holds) is trusted


def test_python_moves_along() -> None:
    old = [record("python3", "3.12.1-r0"), record("py3-a", "1-r0", "python3~3.12", "py3.12:a=1-r0")]
    found, _ = derived(old, [recipe("python3", "3.14.5-r0"), recipe("py3-a", "1-r1", noarch=True)])
    assert found["py3-a"].depends == "python3~3.14"
    assert found["py3-a"].provides == "py3.14:a=1-r1"


def test_what_is_gone_is_needed_by_nobody() -> None:
    """A library that went away with its package was left by what linked it; one in another version took its place."""
    old = [
        record("a", "1-r0", "so:libgone.so.1 so:libmoved.so.1"),
        record("gone", "1-r0", "", "so:libgone.so.1=1"),
        record("old-libs", "1-r0", "", "so:libmoved.so.1=1"),
        record("new-libs", "2-r0", "", "so:libmoved.so.2=2"),
    ]
    found, _ = derived(old, [recipe("a", "1-r1"), recipe("new-libs", "2-r0")])
    assert found["a"].depends == "so:libmoved.so.2"


def test_a_new_series_takes_what_the_one_before_it_needs() -> None:
    old = [
        record("pg17", "17.5-r0", "so:libpq.so.5 so:libpg17.so.1", "cmd:pg17=17.5-r0 so:plug.so=0"),
        record("pg17-common", "17.5-r0", "", "so:libpg17.so.1=1", "pg17"),
        record("libpq", "17.5-r0", "", "so:libpq.so.5=5.17"),
    ]
    new = [recipe("pg18", "18.1-r0"), recipe("pg18-common", "18.1-r0", origin="pg18"), recipe("libpq", "18.1-r0")]
    found, facts = derived(old, new)
    assert found["pg18"].depends == "so:libpq.so.5 pg18-common"
    assert found["pg18"].provides == "cmd:pg18=18.1-r0"
    assert not facts.unread


def test_what_only_the_recipe_tells_is_marked() -> None:
    new = [recipe("fresh", "1-r0"), recipe("fresh-doc", "1-r0"), recipe("py3-fresh", "1-r0", noarch=True)]
    _, facts = derived([record("a", "1-r0")], new)
    assert facts.unread == {"fresh"}


def test_a_soname_that_spells_what_changed_hardly_holds() -> None:
    old = [record("icu-libs", "76.1-r0", "", "so:libicuuc.so.76=76.1"), record("z", "1.3-r0", "", "so:libz.so.1=1.3")]
    _, facts = derived(old, [recipe("icu-libs", "78.1-r0"), recipe("z", "1.3-r1")])
    hold = facts.holds["so:libicuuc.so.76", "icu-libs"]
    assert hold.exact < 0.1 < 0.8 < hold.library
    assert ("so:libz.so.1", "z") not in facts.holds


@pytest.mark.parametrize(
    ("later", "holds"),
    [("18.6", True), ("18.4", True), ("19.1", True), ("18.3", False), ("17.9", False), ("180.1", False)],
)
def test_what_debian_ships_later_was_there_between(later: str, holds: bool) -> None:
    old = [record("libpq", "17.7-r0", "", "so:libpq.so.5=5.17")]
    debian = {"so:libpq.so.5": (tuple(map(int, later.split("."))),)}
    _, facts = derived(old, [recipe("libpq", "18.4-r0")], debian=debian)
    assert (("so:libpq.so.5", "libpq") not in facts.holds) == holds


@pytest.mark.parametrize(
    "text", [b"", b"# recipes of 3.23 x86_64: aports 319b82182d15 2025-12-03\n", b"name\tversion\n\n"]
)
def test_no_list_of_recipes(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "v3.23-recipes.tsv.gz"
    path.write_bytes(gzip.compress(text))
    with pytest.raises(IndexFormatError):
        read_recipes(path)


def test_the_chances_come_with_the_recipes() -> None:
    holds = read_holds(ALPINE / "v3.24-sonames.tsv.gz")
    assert holds["so:libicuuc.so.76", "icu-libs"] < 0.1
    assert holds["so:liblz4.so.1", "lz4-libs"] > TRUSTED
    assert read_holds(ALPINE / "v3.19-sonames.tsv.gz") == {}


# -- the embedded ones ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", ["3.23", "3.24", "edge"])
def test_common_sets_can_be_had(store: IndexStore, release: str) -> None:
    index = store.open(release)
    assert index.names_known
    assert not index.exact
    assert index.derived is not None
    assert index.derived.source.startswith("aports ")
    for names in (
        ["build-base", "postgresql-dev", "cargo"],
        ["nginx", "nodejs", "npm"],
        ["py3-numpy", "py3-lxml", "ffmpeg"],
    ):
        world = World.of(index, names)
        assert not world.problems, names
        assert not index.unread(world.packages.values())
    assert World.of(index, ["postgresql-dev"]).has("so:liblz4.so.1")


def test_trust(store: IndexStore) -> None:
    index = store.open("3.24")
    assert index.trust("so:liblz4.so.1", "lz4-libs") == 1
    assert index.trust("pc:icu-uc", "icu-dev") == 1
    assert index.trust("so:libicuuc.so.76", "icu-libs") < 0.1
    assert index.trust("so:libicuuc.so.*", "icu-libs") > 0.95
    assert index.trust("so:libicuuc.so.76", "nosuch") == 1
    assert store.open("3.22").trust("so:libicuuc.so.76", "icu-libs") == 1


# -- held against the truth ----------------------------------------------------------------------------------------------


def opened(path: Path, snapshots: list[Snapshot]) -> Index:
    write_database(path, snapshots)
    database = Database(path)
    return Index(
        "3.22",
        "x86_64",
        [],
        [Layer(database, i.number, i.repository, i.arch, i.triggers) for i in database.snapshots()],
        rank=ranked,
    )


@pytest.fixture(scope="module")
def truth() -> list[Snapshot]:
    main = read_snapshot(ALPINE / "v3.22-main-x86_64.APKINDEX.tar.gz")
    return [main]


@pytest.fixture(scope="module")
def made(truth: list[Snapshot]) -> list[Snapshot]:
    """3.22 main made of 3.21 main and the recipes of 3.22.0."""
    recipes = read_recipes(ALPINE / "v3.22-recipes.tsv.gz")
    recipes = replace(recipes, packages=tuple(one for one in recipes.packages if one.repository == "main"))
    history = one_each(
        read_snapshot(ALPINE / f"v3.{minor}-main-x86_64.APKINDEX.tar.gz") for minor in (16, 17, 18, 19, 20, 21)
    )
    return list(derive(recipes, history[-1:], {}, history))


def test_names_and_providers_of_a_known_release(made: list[Snapshot], truth: list[Snapshot]) -> None:
    ours = {one.name: one for one in made[0].index.records}
    theirs = {one.name: one for one in truth[0].index.records}
    assert len(theirs.keys() - ours.keys()) == 0
    for kind, share in (("so:", 0.88), ("pc:", 0.95), ("cmd:", 0.95)):
        found, real = _providers(ours, kind), _providers(theirs, kind)
        assert sum(found[token] == real.get(token) for token in found) / len(found) > share, kind


def _providers(records: dict[str, Record], kind: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in records.values():
        for token in one.provides.split():
            if token.startswith(kind):
                found.setdefault(token.partition("=")[0], set()).add(one.name)
    return found


def test_the_chances_are_calibrated(made: list[Snapshot], truth: list[Snapshot]) -> None:
    """What is taken for likely holds in 95 %, what is taken for possible in 80 %, of the libraries of a known release."""
    facts = made[0].derived
    assert facts is not None
    theirs = {one.name: {token.partition("=")[0] for token in one.provides.split()} for one in truth[0].index.records}
    held: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for one in made[0].index.records:
        libraries = {library_of(token) for token in theirs.get(one.name, ()) if token.startswith("so:")}
        for token in one.provides.split():
            soname = token.partition("=")[0]
            if soname.startswith("so:") and one.name in theirs:
                chance = facts.holds.get((soname, one.name), Hold(1, 1)).library
                band = "likely" if chance >= 0.95 else "possible" if chance >= 0.8 else "less"
                count[band] += 1
                held[band] += library_of(soname) in libraries
    assert count["likely"] > 1000
    assert held["likely"] / count["likely"] > 0.97
    assert held["possible"] / count["possible"] > 0.8


def test_closures_of_a_known_release(made: list[Snapshot], truth: list[Snapshot], tmp_path: Path) -> None:
    ours, theirs = opened(tmp_path / "made.sqlite", made), opened(tmp_path / "real.sqlite", truth)
    names = sorted(one.name for one in truth[0].index.records if one.name.endswith(("-dev", "-libs")))
    sets = random.Random(7)
    missing = extra = total = 0
    for _ in range(15):
        asked = sets.sample(names, 3)
        found, real = World.of(ours, asked).packages.keys(), World.of(theirs, asked).packages.keys()
        total, missing, extra = total + len(real), missing + len(real - found), extra + len(found - real)
    assert missing / total < 0.05
    assert extra / total < 0.03
