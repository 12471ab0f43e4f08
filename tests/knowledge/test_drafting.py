"""Drafts of rules from evidence: what is taken from an index's files, a wheel, an sdist and Alpine's own package."""

from __future__ import annotations

import tomllib

import pytest

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.knowledge import Knowledge, schema
from dockerlint_alpine.knowledge.drafting import DraftError, draft, newest_files, plain_soname
from dockerlint_alpine.python.index.client import IndexFile
from dockerlint_alpine.python.sources.source_facts import SourceFacts, SourceNeed


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return Knowledge.open()


def files(*names: str) -> list[IndexFile]:
    return [IndexFile(name, f"https://files.example/{name}") for name in names]


def test_the_newest_files_are_final_ones_for_musl() -> None:
    sdist, wheel = newest_files(
        files(
            "acme-1.9.tar.gz",
            "acme-1.10.tar.gz",
            "acme-2.0rc1.tar.gz",
            "acme-1.9-cp311-cp311-musllinux_1_2_x86_64.whl",
            "acme-1.10-cp311-cp311-musllinux_1_2_aarch64.whl",
            "acme-1.10-cp311-cp311-manylinux_2_17_x86_64.whl",
            "nonsense",
        )
    )
    assert sdist is not None
    assert wheel is not None
    assert (sdist.name, wheel.name) == ("acme-1.10.tar.gz", "acme-1.9-cp311-cp311-musllinux_1_2_x86_64.whl")
    assert newest_files([]) == (None, None)
    assert newest_files([IndexFile("acme-1.0.tar.gz", "u", yanked=True)]) == (None, None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("libpq-9f2b8c1d.so.5.15", "libpq.so.5.15"),
        ("libstdc++-5d72f927.so.6.0.33", "libstdc++.so.6.0.33"),
        ("libldap-2.5.so.0", "libldap-2.5.so.0"),
        ("libz.so.1", "libz.so.1"),
    ],
)
def test_a_copy_in_a_wheel_has_upstream_s_name(name: str, expected: str) -> None:
    assert plain_soname(name) == expected


def test_everything_seen_is_in_the_draft_with_where_it_was_seen(knowledge: Knowledge) -> None:
    source = SourceFacts(
        name="acme",
        version="1.0",
        build_backend="mesonpy",
        languages=("cython", "rust"),
        needs=tuple(
            SourceNeed(kind, name, "setup.py:1", required=True)
            for kind, name in (
                ("tool", "cmd:swig"),
                ("tool", "cmd:pg_config"),
                ("pkg-config", "liblz4"),
                ("pkg-config", "nosuch"),
                ("header", "zlib.h"),
                ("header", "unheard_of.h"),
            )
        ),
        doubts=("setup.py:3: libraries come from a call",),
    )
    wheel = ("acme-1.0-cp312-cp312-musllinux_1_2_x86_64.whl", ("libstdc++.so.6", "libz.so.1", "libwhatever.so.2"))
    text = draft("acme", source, wheel, knowledge, IndexStore())
    entry = schema.distribution(tomllib.loads(text), "draft")
    (build,) = entry.builds
    assert build.language == ("c++", "rust")
    assert build.needs == ("cmd:swig", "cmd:pg_config")
    links = {link.library: link for link in build.libraries}
    assert links.keys() == {"libpq", "lz4", "zlib"}
    assert links["lz4"].detect == ("pkg-config",)
    assert links["zlib"].evidence == ("acme 1.0 includes zlib.h", f"{wheel[0]} links libz.so.1")
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert "# No library of the rules is known for: acme 1.0 asks pkg-config for nosuch" in comments
    assert f"# No library of the rules is known for: {wheel[0]} links libwhatever.so.2" in comments
    assert "# Not readable: setup.py:3: libraries come from a call" in comments


def test_pure_python_is_nothing_to_draft_from(knowledge: Knowledge) -> None:
    source = SourceFacts(name="acme", version="1.0", pure=True)
    with pytest.raises(DraftError, match="acme: nothing native was found in the sdist"):
        draft("acme", source, None, knowledge, IndexStore())
