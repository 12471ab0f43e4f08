"""From a need to a package, and why this one."""

from __future__ import annotations

import pytest

from dockerlint_alpine.apk import Index, IndexStore


@pytest.mark.parametrize(
    ("need", "package"),
    [
        ("so:liblz4.so.1", "lz4-libs"),
        ("so:liblz4.so.*", "lz4-libs"),
        ("pc:liblz4", "lz4-dev"),
        ("pc:libpq", "libpq-dev"),
        ("cmd:pg_config", "libpq-dev"),
        ("cmd:mariadb_config", "mariadb-connector-c-dev"),
        ("cmd:mysql_config", "mariadb-connector-c-dev"),
        ("so:libopenblas.so.3", "openblas"),
        ("so:libudev.so.1", "eudev-libs"),
        ("pc:openssl", "openssl-dev"),
        ("postgresql-dev", "postgresql16-dev"),
        ("mysql-dev", "mariadb-dev"),
        ("pc:libpq>=9", "libpq-dev"),
    ],
)
def test_preferred(alpine319: Index, need: str, package: str) -> None:
    found = alpine319.find(need)
    assert found[0].package.name == package
    assert all(one.reason and "\n" not in one.reason for one in found)


def test_reasons(alpine319: Index) -> None:
    assert "the only package" in alpine319.find("so:liblz4.so.1")[0].reason
    assert "main comes before community" in alpine319.find("pc:libpq")[0].reason
    assert "priority (16)" in alpine319.find("postgresql-dev")[0].reason
    assert alpine319.find("so:libopenblas.so.3")[0].capability == "so:openblas:libopenblas.so.3"


@pytest.mark.parametrize("need", ["so:libnosuch.so.1", "nosuch", "pc:libpq>=99", "", "so:*nosuch*", "a b"])
def test_nothing_provides_it(alpine319: Index, need: str) -> None:
    assert alpine319.find(need) == ()


def test_a_wildcard_prefers_the_newest(store: IndexStore) -> None:
    found = store.open("3.19").find("so:libLLVM-*.so")
    numbers = [int(one.capability.removeprefix("so:libLLVM-").removesuffix(".so")) for one in found]
    assert numbers == sorted(numbers, reverse=True)


def test_what_a_package_has(alpine319: Index) -> None:
    def capabilities(name: str) -> list[str]:
        return [provide.name for provide in alpine319.package(name).provides]

    assert "so:liblz4.so.1" in capabilities("lz4-libs")
    assert "pc:liblz4" in capabilities("lz4-dev")
    assert any(one.endswith(":libopenblas.so.3") for one in capabilities("openblas"))
    assert alpine319.package("nosuch") is None


def test_search_by_name(alpine319: Index) -> None:
    names = [one.package.name for one in alpine319.search("lz4")]
    assert names[0] == "lz4"
    assert {"lz4-dev", "lz4-libs", "py3-lz4"} <= set(names)
    assert all(one.package.name.startswith("lz4") for one in alpine319.search("lz4*"))
    assert alpine319.names("liblz4x") == ()
    assert "lz4-dev" in alpine319.names("lz4-")


def test_the_best_of_several_needs_is_that_of_the_first_which_the_release_has(alpine319: Index) -> None:
    assert alpine319.best_name("pc:no-such-module", "pc:liblz4", "pc:libpq") == "lz4-dev"
    assert alpine319.best_name("pc:no-such-module") is alpine319.best() is None


def test_a_name_stands_for_its_own_package_or_for_the_provider_that_apk_prefers(alpine319: Index) -> None:
    named = {name: alpine319.standing_for(name) for name in ("lz4", "postgresql-dev", "no-such-package")}
    assert [found and found.name for found in named.values()] == ["lz4", "postgresql16-dev", None]


@pytest.mark.parametrize(
    ("library", "development"), [("lz4-libs", "lz4-dev"), ("libpq", "libpq-dev"), ("curl", None), ("musl", "musl-dev")]
)
def test_the_dev_package_beside_a_library_depends_on_it(
    alpine319: Index, library: str, development: str | None
) -> None:
    package = alpine319.package(library)
    assert package is not None
    found = alpine319.development_of(package)
    assert (found and found.name) == development
