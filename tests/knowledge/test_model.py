from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.knowledge import Knowledge, schema
from dockerlint_alpine.knowledge.model import covers, within


def link(**switches: dict[str, object]) -> object:
    raw = {"use": "x", "linkage": "always", **{key.replace("_", "-"): value for key, value in switches.items()}}
    raw = {"name": "x", "build": [{"evidence": ["e"], "library": [raw]}]}
    return schema.distribution(raw, "f").builds[0].libraries[0]


@pytest.mark.parametrize(
    ("switches", "env", "on"),
    [
        ({}, {"A": "1"}, True),
        ({"unless_env": {"A": "0"}}, {"A": "0"}, False),
        ({"unless_env": {"A": "0"}}, {"A": "1"}, True),
        ({"unless_env": {"A": "*"}}, {"A": "anything"}, False),
        ({"unless_env": {"A": "*"}}, {"A": ""}, True),
        ({"unless_env": {"A": "*"}}, {}, True),
        ({"only_env": {"A": ["1", "true"]}}, {}, False),
        ({"only_env": {"A": ["1", "true"]}}, {"A": "TRUE"}, True),
        ({"env_if_set": {"A": ["1", "true"]}}, {}, True),
        ({"env_if_set": {"A": ["1", "true"]}}, {"A": "True"}, True),
        ({"env_if_set": {"A": ["1", "true"]}}, {"A": "off"}, False),
        ({"env_if_set": {"A": ["1", "true"]}}, {"A": ""}, False),
    ],
)
def test_environment_switches(switches: dict[str, object], env: dict[str, str], on: bool) -> None:
    assert link(**switches).switched_on(env) is on


@pytest.mark.parametrize(
    ("specifier", "version", "expected"),
    [
        ("", "whatever", True),
        (">=3.4,<43", "42.0.8", True),
        (">=3.4,<43", "43.0.0", False),
        (">=2", "3.0rc1", True),
        (">=2", "x", False),
    ],
)
def test_version_ranges(specifier: str, version: str, expected: bool) -> None:
    assert covers(specifier, version) is expected


@given(st.integers(0, 40), st.integers(0, 40))
def test_releases_sort_by_number(a: int, b: int) -> None:
    assert (release_key(f"3.{a}") < release_key(f"3.{b}")) == (a < b)
    assert release_key(f"3.{a}") < release_key("edge")
    assert within(f"3.{a}", f"3.{b}", None) == (a >= b)


def test_cryptography_needs_rust_since_3_4(knowledge: Knowledge) -> None:
    entry = knowledge.distribution("cryptography")
    assert entry is not None
    languages = {version: entry.build(version).language for version in ("3.3.2", "3.4.8", "42.0.8", "46.0.3", "50.0.2")}
    assert languages.pop("3.3.2") == ("c",)
    assert set(languages.values()) == {("c", "rust")}
    assert dict(entry.build("50.0.2").minimums) == {"cmd:rustc": "1.83"}


def test_psycopg_opens_libpq_only_without_its_c_forms(knowledge: Knowledge) -> None:
    (need,) = knowledge.distribution("psycopg").runtime_needs("3.2.1")
    assert need.any == ("so:libpq.so.5",)
    assert need.lookup == "find_library"
    assert need.unless_installed == ("psycopg-c", "psycopg-binary")


def test_find_library_asks_the_linker_on_musl(knowledge: Knowledge) -> None:
    (zbar,) = knowledge.distribution("pyzbar").runtime
    (magic,) = knowledge.distribution("python-magic").runtime
    assert zbar.lookup_needs(knowledge.library(zbar.library), "3.19") == ("cmd:objdump", "cmd:ld", "pc:zbar")
    assert magic.lookup_needs(knowledge.library(magic.library), "3.19") == ()


def test_weasyprint_s_needs_differ_by_version(knowledge: Knowledge) -> None:
    entry = knowledge.distribution("WeasyPrint")
    now = {need.any[0] for need in entry.runtime_needs("62.3")}
    before = {need.any[0] for need in entry.runtime_needs("52.5")}
    assert "so:libcairo.so.2" in before - now
    assert "so:libpango-1.0.so.0" in before & now


def test_what_no_package_helps_is_said(knowledge: Knowledge) -> None:
    for name in ("tensorflow", "ibm-db", "cx-oracle", "mediapipe"):
        verdict = knowledge.distribution(name).verdict_impossible(None)
        assert verdict is not None, name
        assert "glibc" in verdict.advice or "oracledb" in verdict.advice
