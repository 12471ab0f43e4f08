from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from pip._internal.index.package_finder import CandidateEvaluator
from pip._internal.models.candidate import InstallationCandidate
from pip._internal.models.link import Link
from pip._internal.models.release_control import ReleaseControl
from pip._internal.models.target_python import TargetPython
from pip._vendor.packaging.specifiers import SpecifierSet
from pip._vendor.packaging.tags import Tag

from dockerlint_alpine.python.model import IndexOptions, Release, Releases, Target
from dockerlint_alpine.python.tags import supported_tags
from dockerlint_alpine.python.verdict import (
    choose,
    final_versions,
    judge_file,
    merge_releases,
    merged,
    newest_first,
    releases_of_files,
)

MUSL = "cp311-cp311-musllinux_1_2_x86_64"
OLD_MUSL = "cp311-cp311-musllinux_1_1_x86_64"
GLIBC = "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"
LZ4 = [
    Release("4.4.5", "2025-11-03", wheels=(GLIBC,)),
    Release("4.4.4", "2025-04-01", wheels=(GLIBC,)),
    Release("4.3.3", "2024-01-01", wheels=(GLIBC, OLD_MUSL, "cp38-cp38-musllinux_1_1_x86_64")),
    Release("4.0.0", "2022-02-18", wheels=(GLIBC,)),
]


def test_the_newest_version_wins_even_as_an_sdist(alpine: Target) -> None:
    found = choose("lz4", "", LZ4, alpine)
    assert (found.version, found.verdict.kind) == ("4.4.5", "sdist")
    assert found.verdict.nearest_with_wheel == "4.3.3"
    assert found.verdict.reason == "no wheel of lz4 4.4.5 fits Python 3.11 on musl 1.2 x86_64"


def test_prefer_binary_takes_the_older_wheel(alpine: Target) -> None:
    found = choose("lz4", "", LZ4, alpine, IndexOptions(prefer_binary=True))
    assert (found.version, found.verdict.kind, found.verdict.wheel_tag) == ("4.3.3", "wheel", OLD_MUSL)


def test_a_pin_older_than_the_first_musllinux_wheel_compiles(alpine: Target) -> None:
    found = choose("lz4", "==4.0.0", LZ4, alpine)
    assert (found.version, found.verdict.kind, found.verdict.nearest_with_wheel) == ("4.0.0", "sdist", "4.3.3")


def test_pythons_and_architectures_differ_as_the_wheels_do() -> None:
    def kind(python: str, platform: str) -> str:
        return choose("lz4", "==4.3.3", LZ4, Target(python, platform, musl=(1, 2))).verdict.kind

    assert [kind("3.8", "linux/amd64"), kind("3.11", "linux/amd64"), kind("3.13", "linux/amd64")] == [
        "wheel",
        "wheel",
        "sdist",
    ]
    assert kind("3.11", "linux/arm/v7") == "sdist"


def test_no_binary_and_only_binary(alpine: Target) -> None:
    named = choose("lz4", "==4.3.3", LZ4, alpine, IndexOptions(no_binary=frozenset({"lz4"})))
    assert (named.verdict.kind, named.verdict.reason) == ("sdist", "--no-binary asks for the source of lz4")
    assert named.verdict.nearest_with_wheel is None
    every = choose(
        "lz4", "==4.3.3", LZ4, alpine, IndexOptions(no_binary=frozenset({":all:"}), only_binary=frozenset({"lz4"}))
    )
    assert every.verdict.kind == "wheel"
    only = choose("lz4", "", LZ4, alpine, IndexOptions(only_binary=frozenset({":all:"})))
    assert only.version == "4.3.3"
    none = choose("lz4", ">4.4", LZ4, alpine, IndexOptions(only_binary=frozenset({":all:"})))
    assert (none.verdict.kind, none.verdict.reason) == (
        "none",
        "only wheels are allowed (--only-binary), and none of lz4>4.4 fits Python 3.11 on musl 1.2 x86_64",
    )


def test_an_old_pip_compiles_what_has_a_wheel() -> None:
    found = choose("lz4", "==4.3.3", LZ4, Target("3.11", musl=(1, 2), pip_version="20.3.4"))
    assert found.verdict.kind == "sdist"
    assert found.verdict.reason == f"pip 20.3.4 does not support musllinux wheels (21.2 does); {OLD_MUSL} would fit"


def test_a_forced_platform_brings_a_glibc_wheel() -> None:
    target = Target("3.11", musl=(1, 2), forced_platforms=("manylinux2014_x86_64",))
    found = choose("lz4", "==4.4.5", LZ4, target, IndexOptions(only_binary=frozenset({":all:"})))
    assert (found.verdict.kind, found.verdict.wheel_tag) == ("glibc-wheel", GLIBC)


def test_glibc_stages_take_manylinux_wheels() -> None:
    assert choose("lz4", "", LZ4, Target("3.11", glibc=(2, 36))).verdict.kind == "wheel"


def test_yanked_requires_python_and_dates(alpine: Target) -> None:
    releases = [
        Release("3.0", "2026-05-01", requires_python=">=3.12", wheels=(MUSL,)),
        Release("2.0", "2025-05-01", yanked=True, wheels=(MUSL,)),
        Release("1.0", "2024-05-01", wheels=(MUSL,), requires_python="not a specifier"),
    ]
    assert choose("foo", "", releases, alpine).version == "1.0"
    assert choose("foo", "==2.0", releases, alpine).version == "2.0"
    assert choose("foo", ">=2,<3", releases, alpine).verdict.kind == "none"
    assert "needs Python >=3.12" in choose("foo", "==3.0", releases, alpine).verdict.reason
    assert choose("foo", "", releases, Target("3.12", musl=(1, 2)), as_of="2024-12-31").version == "1.0"


def test_what_matches_nothing_is_unknown_to_facts_and_none_to_an_index(alpine: Target) -> None:
    assert choose("lz4", ">=99", LZ4, alpine, source="facts as of 2026-11-01").verdict.kind == "unknown"
    assert choose("lz4", ">=99", LZ4, alpine, source="index").verdict.kind == "none"


def test_given_files(alpine: Target) -> None:
    assert judge_file("foo-1.0.tar.gz", alpine).kind == "sdist"
    assert judge_file(f"foo-1.0-{MUSL}.whl", alpine).kind == "wheel"
    assert judge_file(f"foo-1.0-{GLIBC}.whl", alpine).kind == "glibc-wheel"
    assert judge_file("foo-1.0-cp311-cp311-win_amd64.whl", alpine).kind == "none"


def test_files_become_releases() -> None:
    names = [
        f"lz4-4.3.3-{MUSL}.whl",
        "lz4-4.3.3.tar.gz",
        "LZ4-4.4.0.zip",
        "other-1.0.tar.gz",
        "lz4.txt",
        f"lz4-4.3.3-1-{OLD_MUSL}.whl",
    ]
    assert releases_of_files(names, "lz4") == [
        Release("4.3.3", wheels=(MUSL, OLD_MUSL), sdist=True),
        Release("4.4.0", wheels=(), sdist=True),
    ]
    merged = merge_releases([Release("1.0", sdist=False)], [Release("1.0", wheels=(MUSL,)), Release("2.0")])
    assert merged == [Release("1.0", wheels=(MUSL,), sdist=True), Release("2.0")]


# -- against pip's own choice ---------------------------------------------------------------------------------------

TARGET = Target("3.11", musl=(1, 2))
TAGS = [MUSL, OLD_MUSL, GLIBC, "cp38-abi3-musllinux_1_1_x86_64", "py3-none-any", "cp312-cp312-musllinux_1_2_x86_64"]
release = st.builds(
    Release,
    st.sampled_from(["1.0", "1.1", "1.10", "2.0", "2.0.post1", "2.1rc1", "3.0a1", "3.0.dev1"]),
    yanked=st.sampled_from([False, False, False, True]),
    wheels=st.lists(st.sampled_from(TAGS), max_size=3, unique=True).map(tuple),
    sdist=st.booleans(),
)
releases = st.lists(release, max_size=6, unique_by=lambda one: one.version)
specifier = st.sampled_from(
    ["", ">=1.1", "==2.0", "<2", ">=2.1rc1", "==1.*", "!=2.0", "==3.0a1", ">=9", "~=1.0", ">1.0,<3"]
)


def pips_choice(found: list[Release], text: str, *, prefer_binary: bool, pre: bool) -> tuple[str, bool] | None:
    """(version, is it a wheel) that pip would download."""
    ranks = supported_tags(TARGET)
    target = TargetPython(platforms=["linux_x86_64"], py_version_info=(3, 11))
    target._valid_tags = [Tag(*tag.split("-")) for tag in ranks]
    candidates = []
    for one in found:
        yanked = "yes" if one.yanked else None
        names = [f"foo-{one.version}-{tag}.whl" for tag in one.wheels if any(t in ranks for t in _plain(tag))]
        names += [f"foo-{one.version}.tar.gz"] if one.sdist else []
        for name in names:
            link = Link(f"https://h.example/{name}", yanked_reason=yanked)
            candidates.append(InstallationCandidate("foo", one.version, link))
    control = ReleaseControl({":all:"} if pre else set(), set())
    maker = CandidateEvaluator.create(
        "foo", target_python=target, prefer_binary=prefer_binary, release_control=control, specifier=SpecifierSet(text)
    )
    maker._supported_tags = target._valid_tags
    maker._wheel_tag_preferences = {tag: index for index, tag in enumerate(target._valid_tags)}
    usable = maker.get_applicable_candidates(candidates)
    # pip/_internal/resolution/resolvelib/factory.py: yanked files only for a pin that nothing else satisfies
    pinned = any(one.operator == "==" and not one.version.endswith(".*") for one in SpecifierSet(text))
    all_yanked = all(one.link.is_yanked for one in usable)
    kept = [one for one in reversed(usable) if (all_yanked and pinned) or not one.link.is_yanked]
    return (str(kept[0].version), kept[0].link.is_wheel) if kept else None


def _plain(tag: str) -> list[str]:
    python, abi, platforms = tag.split("-")
    return [f"{python}-{abi}-{platform}" for platform in platforms.split(".")]


@given(releases, specifier, st.booleans(), st.booleans())
def test_the_choice_is_pips(found: list[Release], text: str, prefer_binary: bool, pre: bool) -> None:
    expected = pips_choice(found, text, prefer_binary=prefer_binary, pre=pre)
    options = IndexOptions(prefer_binary=prefer_binary, pre=pre)
    mine = choose("foo", text, found, TARGET, options)
    assert choose("foo", text, newest_first(found), TARGET, options, ordered=True) == mine
    if expected is None:
        assert mine.verdict.kind == "none"
        return
    assert mine.version is not None
    assert Version(mine.version) == Version(expected[0])
    assert mine.verdict.kind == ("wheel" if expected[1] else "sdist")


@given(releases, specifier, st.booleans(), st.booleans(), st.sampled_from([None, "2024-06-01"]))
def test_the_versions_of_a_search_are_the_choices_one_after_the_other(
    found: list[Release], text: str, prefer_binary: bool, pre: bool, as_of: str | None
) -> None:
    options = IndexOptions(prefer_binary=prefer_binary, pre=pre)
    left = newest_first(found)
    for version in final_versions("foo", text, left, TARGET, options, as_of):
        assert choose("foo", text, left, TARGET, options, as_of=as_of, ordered=True).version == version
        left = [one for one in left if one.version != version]
    following = choose("foo", text, left, TARGET, options, ordered=True)
    known = {one.version: one for one in left}.get(following.version or "")
    plain = known is not None and not known.yanked and not Version(known.version).is_prerelease
    assert pre or as_of or not plain or following.verdict.kind == "none" or SpecifierSet(text).prereleases


@given(
    st.lists(st.sampled_from("1.0 1.1 1.2a1 2.0 2.0.post1 2.1rc1 3.0 10.0 legacy 0-0-x".split()), unique=True),
    st.data(),
)
def test_releases_of_two_sources_are_merged_in_order(versions: list[str], data: st.DataObject) -> None:
    found = [Release(version) for version in versions]
    first = [one for one in found if data.draw(st.booleans())]
    other = [one for one in found if one not in first]
    own = newest_first(first)
    found = merged(Releases([one.version for one in own], own.__getitem__), newest_first(other))
    assert found == newest_first([*first, *other])
    assert found.versions == [one.version for one in found]
    assert found[-1:] == list(found)[-1:]


@pytest.mark.parametrize("platform", ["linux/arm/v6", "linux/386", "linux/ppc64le", "linux/s390x", "linux/riscv64"])
def test_other_architectures_are_judged(platform: str) -> None:
    assert choose("lz4", "==4.3.3", LZ4, Target("3.11", platform, musl=(1, 2))).verdict.kind == "sdist"
