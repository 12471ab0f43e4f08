"""The embedded data, stand-ins, and a cache on top."""

from __future__ import annotations

import csv
import hashlib
import zlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from dockerlint_alpine.apk import Index, IndexFormatError, IndexStore, UnknownReleaseError, World
from dockerlint_alpine.apk.apkindex import split_streams
from dockerlint_alpine.apk.build import write_database
from dockerlint_alpine.apk.signature import read_keys, verify
from dockerlint_alpine.apk.snapshot import read_snapshot
from dockerlint_alpine.apk.store import EMBEDDED_DATA

SNAPSHOTS = Path(__file__).resolve().parents[2] / "rules" / "alpine"


def test_every_snapshot_is_signed_by_alpine_and_listed() -> None:
    keys = read_keys(SNAPSHOTS / "keys")
    with (SNAPSHOTS / "MANIFEST.tsv").open(encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}
    files = sorted(SNAPSHOTS.glob("*.APKINDEX.tar.gz"))
    assert {path.name for path in files} == set(rows)
    for path in files:
        data = path.read_bytes()
        assert verify(split_streams(data), keys) == rows[path.name]["signed_by"]
        assert hashlib.sha256(data).hexdigest() == rows[path.name]["sha256"]


def test_what_is_embedded(store: IndexStore) -> None:
    assert store.releases() == tuple(f"3.{minor}" for minor in range(9, 23) if minor != 13)
    assert store.derived_releases() == ("3.23", "3.24", "edge")
    sources = [source for source in store.sources() if source.derived is None]
    assert len(sources) == len(list(SNAPSHOTS.glob("*.APKINDEX.tar.gz")))
    assert all(source.kind == "embedded" and source.packages > 4000 and source.date for source in sources)
    assert store.open("3.19").exact
    assert store.open("3.19") is store.open("3.19")


def test_the_embedded_data_packs_well() -> None:
    packed = sum(len(zlib.compress(path.read_bytes(), 6)) for path in EMBEDDED_DATA.rglob("*") if path.is_file())
    assert packed < 9_500_000


@pytest.mark.parametrize(
    ("release", "arch", "note"),
    [
        ("3.22", "x86_64", "Alpine 3.22 community aarch64 stands in for 3.22 community x86_64"),
        ("3.20", "x86_64", "3.21 community x86_64 stands in for 3.20 community x86_64, names checked"),
        ("3.13", "x86_64", "Alpine 3.12 main x86_64 stands in for 3.13 main x86_64"),
        (
            "3.23",
            "aarch64",
            "3.23 main x86_64 stands in for 3.23 main aarch64, derived from its recipes (aports 319b82182d15",
        ),
        ("3.19", "armv7", "Alpine 3.19 main x86_64 stands in for 3.19 main armv7"),
    ],
)
def test_stand_ins(store: IndexStore, release: str, arch: str, note: str) -> None:
    index = store.open(release, arch)
    assert not index.exact
    assert any(note in source.note for source in index.sources if source.kind == "stand-in")
    world = World.of(index, ["gcc", "musl-dev", "postgresql-dev", "py3-numpy"])
    assert not world.problems
    assert world.has(f"so:libc.musl-{arch}.so.1")
    assert all(package.arch in (arch, "noarch") for package in world.packages.values())


@pytest.mark.parametrize("release", ["3.17", "3.18", "3.19", "3.21"])
def test_a_stand_in_of_the_same_release_has_all_that_it_lists(store: IndexStore, release: str) -> None:
    """The table of names lacks what came into a release later (liblastlog2 in 3.21, which util-linux-dev needs)."""
    own, stand_in = store.open(release), store.open(release, "armv7")
    assert [name for name in own.names("lib") if own.package(name) and not stand_in.package(name)] == []
    assert World.of(stand_in, ["openldap-dev", "glib-dev"]).problems == ()


def test_a_stand_in_has_only_names_of_the_release(store: IndexStore) -> None:
    own, stand_in = store.open("3.21"), store.open("3.20")
    gone = [name for name in own.names("py3-") if ":" not in name and not stand_in.providers(name)]
    assert gone
    assert "py3-numpy" not in gone


@pytest.mark.parametrize(
    ("release", "arch", "repositories"),
    [
        ("2.7", "x86_64", ("main",)),
        ("three", "x86_64", ("main",)),
        ("3.", "x86_64", ("main",)),
        ("3.99", "x86_64", ("main",)),
        ("3.19", "vax", ("main",)),
        ("3.19", "x86_64", ("nosuch",)),
    ],
)
def test_unknown(store: IndexStore, release: str, arch: str, repositories: tuple[str, ...]) -> None:
    with pytest.raises(UnknownReleaseError):
        store.open(release, arch, repositories)


def test_a_cached_index_takes_precedence(tmp_path: Path) -> None:
    snapshot = read_snapshot(SNAPSHOTS / "v3.12-main-x86_64.APKINDEX.tar.gz")
    write_database(tmp_path / "v3.12-main-x86_64.sqlite", [snapshot])
    store = IndexStore(cache=tmp_path)
    kinds = {(one.repository, one.arch): one.kind for one in store.sources() if one.release == "3.12"}
    assert kinds == {("main", "x86_64"): "cached", ("community", "x86_64"): "embedded"}
    cached, embedded = store.open("3.12"), IndexStore().open("3.12")
    assert World.of(cached, ["curl", "gcc"]).packages == World.of(embedded, ["curl", "gcc"]).packages


def test_a_real_index_wins_over_a_derived_one(tmp_path: Path) -> None:
    real = read_snapshot(SNAPSHOTS / "v3.22-main-x86_64.APKINDEX.tar.gz")
    write_database(tmp_path / "v3.23-main-x86_64.sqlite", [replace(real, release="3.23")])
    index = IndexStore(cache=tmp_path).open("3.23")
    assert [(one.repository, one.kind) for one in index.sources] == [("main", "cached"), ("community", "derived")]
    assert index.package("musl").version == "1.2.5-r10"  # type: ignore[union-attr]
    assert not index.exact
    assert index.names_known


def test_another_architectures_own_index_is_better_than_a_derived_one(tmp_path: Path) -> None:
    real = read_snapshot(SNAPSHOTS / "v3.22-main-aarch64.APKINDEX.tar.gz")
    write_database(tmp_path / "v3.23-main-aarch64.sqlite", [replace(real, release="3.23")])
    index = IndexStore(cache=tmp_path).open("3.23")
    assert [(one.repository, one.kind) for one in index.sources] == [("main", "stand-in"), ("community", "derived")]


def test_a_damaged_cache_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "v3.19-main-x86_64.sqlite").write_bytes(b"no database")
    (tmp_path / "v3.18-main-x86_64.sqlite").write_bytes(b"")
    store = IndexStore(cache=tmp_path)
    index = store.open("3.19")
    assert index.sources[0].kind == "embedded"
    assert len(store.unreadable) == 2


def test_missing_embedded_data(tmp_path: Path) -> None:
    with pytest.raises(IndexFormatError):
        IndexStore(tmp_path).open("3.19")


def test_records(alpine319: Index) -> None:
    package = alpine319.package("lz4-dev")
    assert package is not None
    assert (package.version, package.repository, package.arch, package.origin) == ("1.9.4-r5", "main", "x86_64", "lz4")
    assert [str(constraint) for constraint in package.depends] == ["lz4-libs=1.9.4-r5", "pkgconfig"]
    assert alpine319.package("postgresql16-dev").priority == 16  # type: ignore[union-attr]


def test_a_stand_in_does_not_take_a_name_that_the_release_itself_provides(store: IndexStore) -> None:
    """openssl1.1-compat-dev is openssl-dev in 3.16, and a package of its own in the community of 3.17, which stands in."""
    world = World.of(store.open("3.16"), ["curl-dev"])
    assert world.has("openssl-dev")
    assert "openssl1.1-compat-dev" not in world.packages
