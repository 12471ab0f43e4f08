from __future__ import annotations

import json

import pytest

from dockerlint_alpine.knowledge import Knowledge, RuleError
from dockerlint_alpine.knowledge.facts import WheelFacts, WheelRecord


def release_of(knowledge: Knowledge, name: str, version: str) -> object:
    return next(item for item in knowledge.facts.releases(name) if item.version == version)


def test_lz4_4_4_5_has_no_musl_wheel_but_glibc_ones(knowledge: Knowledge) -> None:
    release = release_of(knowledge, "lz4", "4.4.5")
    assert release.sdist
    assert release.upload_date == "2025-11-03"
    assert not any("musllinux" in tag for tag in release.wheels)
    assert any("manylinux" in tag for tag in release.wheels)


@pytest.mark.parametrize("name", ["psycopg2-binary", "cryptography", "numpy"])
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_the_newest_versions_have_musl_wheels(knowledge: Knowledge, name: str, arch: str) -> None:
    newest = next(item for item in knowledge.facts.releases(name) if not item.yanked)
    assert any("musllinux" in tag and arch in tag for tag in newest.wheels)


def test_lz4_is_reached_through_clickhouse_connect(knowledge: Knowledge) -> None:
    assert any(line.startswith("lz4") for line in knowledge.facts.requires("clickhouse-connect", "0.10.0"))
    assert any(
        line.startswith("lz4") and "extra" in line for line in knowledge.facts.requires("clickhouse-driver", "0.2.9")
    )


def test_every_pin_of_the_fixture_is_known(knowledge: Knowledge, netra: object) -> None:
    for line in (netra / "requirements.txt").read_text().splitlines():
        requirement = line.split("#")[0].strip()
        if requirement:
            name, version = requirement.split("==")
            name = name.split("[")[0]
            assert release_of(knowledge, name, version)
            assert knowledge.facts.requires(name, version) is not None, requirement


def record(**requires: list[str]) -> WheelFacts:
    raw = {
        "name": "x",
        "as-of": "2026-01-01",
        "release": {version: {} for version in ("4", "3", "2", "1")},
        "requires": [{"versions": [key[1:]], "lines": value} for key, value in requires.items()],
    }
    parsed = WheelRecord.parse(raw, "f")
    return WheelFacts("2026-01-01", lambda name: parsed if name == "x" else None)


def test_a_version_between_two_that_agree_requires_the_same() -> None:
    facts = record(v4=["a"], v2=["a"], v1=[])
    assert facts.requires("x", "3") == ("a",)
    assert facts.requires("x", "1") == ()


def test_no_guess_where_the_neighbours_differ_or_are_missing() -> None:
    assert record(v4=["a"], v1=[]).requires("x", "3") is None
    assert record(v3=["a"]).requires("x", "4") is None
    assert record(v3=["a"]).requires("x", "2") is None
    assert record(v4=["a"], v3=["a"]).requires("x", "9") is None
    assert record().requires("y", "1") is None


def test_a_record_that_contradicts_itself_is_refused() -> None:
    raw = {"name": "x", "as-of": "d", "release": {"1": {}}, "wheels": [{"versions": ["2"], "tags": ["py3-none-any"]}]}
    with pytest.raises(RuleError, match="'2' has wheels or requirements but no entry"):
        WheelRecord.parse(raw, "f")
    raw["wheels"] = [{"versions": ["1"], "tags": ["a"]}, {"versions": ["1"], "tags": ["b"]}]
    with pytest.raises(RuleError, match="'1' is in two groups"):
        WheelRecord.parse(raw, "f")


def test_packed_records_are_read_as_they_were_validated(knowledge: Knowledge) -> None:
    names = knowledge.names("wheels")
    assert len(names) > 50
    for name in names:
        raw = knowledge.raw("wheels", name)
        assert raw is not None
        assert WheelRecord.packed(json.dumps(raw)) == WheelRecord.parse(raw, name)


def test_the_nearest_recorded_release_tells_what_others_may_require() -> None:
    facts = record(v4=["a"], v1=[])
    assert facts.requires("x", "3") is None
    assert facts.nearest_requires("x", "3") == ("a",)
    assert facts.nearest_requires("x", "2") == ()
    assert facts.nearest_requires("x", "9") == ("a",)
    assert facts.nearest_requires("x", "no version") is None
    assert facts.nearest_requires("y", "1") is None
    assert record().nearest_requires("x", "1") is None
