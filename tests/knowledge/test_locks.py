"""The facts out of lock files: how they are packed, and that what the index told wins."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.knowledge.facts import WheelFacts, WheelRecord
from dockerlint_alpine.knowledge.locks import LockRecord, dictionary, packed, read_locks, unpacked
from dockerlint_alpine.python.model import Release, Releases

HEAD = {
    "collected": "2026-11",
    "tags": [["py3-none-any"], ["cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-musllinux_1_2_x86_64"]],
    "pythons": [">=3.9"],
    "sources": ["uv.lock of a/b", "poetry.lock of c/d"],
    "pins": ["x core"],
}
LINES = [["x", [["core", "y>1"]], [[1, 1, None, 0, 0, 1, "2.0 1.9", [9500, 0]], [None, 2, 0, None, 1, 0, "1.0", []]]]]


def written(folder: Path, head: object = None, lines: object = None) -> Path:
    path = folder / "locks.jsonl.gz"
    text = "\n".join(json.dumps(one) for one in (head or HEAD, *(lines or LINES)))
    path.write_bytes(gzip.compress(text.encode()))
    return path


def test_a_row_is_read_as_it_was_packed(tmp_path: Path) -> None:
    tags, rows = read_locks(written(tmp_path), lambda name, version: False)
    listed = list(rows)
    shared = dictionary(listed)
    record = unpacked(packed(listed[0][1], shared), shared, lambda number: tuple(tags[number].split()))
    wheels, uv, poetry = tuple(HEAD["tags"][1]), "uv.lock of a/b, 2026-11", "poetry.lock of c/d, 2026-11"  # type: ignore[index]
    releases = (
        Release("2.0", upload_date="2026-01-04", requires_python=">=3.9", wheels=wheels, partial=True, source=uv),
        Release("1.9", requires_python=">=3.9", wheels=wheels, partial=True, source=uv),
        Release("1.0", requires_python=">=3.9", wheels_known=False, source=poetry),
    )
    assert record.releases == releases
    assert record.requires == {"2.0": ("core", "y>1"), "1.9": ("core", "y>1")}
    assert record.pins == ("core",)


def test_what_the_index_told_in_full_is_left_out(tmp_path: Path) -> None:
    _, rows = read_locks(written(tmp_path), lambda name, version: version != "1.0")
    ((_, row),) = rows
    assert json.loads(row)[2] == "1.0"
    _, rows = read_locks(written(tmp_path), lambda name, version: True)
    assert list(rows) == []


def test_requirements_that_no_release_can_have_are_none(tmp_path: Path) -> None:
    """Two exact versions of one distribution, put together from two locks: what the release requires is not known."""
    lines = [["x", [["core==1", "core==2", "y>1"]], LINES[0][2]]]
    tags, rows = read_locks(written(tmp_path, lines=lines), lambda name, version: False)
    listed = list(rows)
    shared = dictionary(listed)
    record = unpacked(packed(listed[0][1], shared), shared, lambda number: tuple(tags[number].split()))
    assert len(record.releases) == 3
    assert record.requires == {}


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"no json"])
def test_no_file_of_locks(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "locks.jsonl.gz"
    path.write_bytes(gzip.compress(text))
    with pytest.raises(RuleError):
        read_locks(path, lambda name, version: False)


def test_a_refreshed_record_wins_and_a_lock_fills_its_gaps() -> None:
    own = Releases(("2", "1"), [Release("2"), Release("1")].__getitem__)
    record = WheelRecord("x", "2026-11-23", own, {"2": ("a",)})
    listed = Releases(("3", "2"), [Release(version, partial=True, source="s") for version in ("3", "2")].__getitem__)
    locked = LockRecord(listed, {"2": ("b",), "1": ("c",)}, ("d",))
    facts = WheelFacts("2026-11-23", lambda _: record, locked=lambda _: locked)
    assert [(one.version, one.source) for one in facts.releases("x")] == [("3", "s"), ("2", None), ("1", None)]
    assert facts.requires("x", "2") == ("a",)
    assert facts.requires("x", "1") == ("c",)
    assert facts.nearest_requires("x", "0.5") == ("c",)
    assert facts.pins("x") == ("d",)


def test_the_embedded_facts(knowledge: Knowledge) -> None:
    facts = knowledge.facts
    for name in ("requests", "flask", "boto3", "celery", "django"):
        assert any(release.pure for release in facts.releases(name)), name
    assert any("of " in (release.source or "") for release in facts.releases("flask"))
    assert "pydantic-core==2.33.2" in [text.replace(" ", "") for text in facts.requires("pydantic", "2.11.7") or ()]
    assert facts.releases("no-such-distribution-anywhere") == ()
    assert facts.compiled("lz4", None)
    assert [facts.compiled("python-levenshtein", one) for one in ("0.12.2", "0.27.1")] == [True, False]
    assert not facts.compiled("requests", None)


def test_a_release_does_not_admit_pythons_again_that_one_before_it_dropped(knowledge: Knowledge) -> None:
    """uv's locks say nothing of Python: pip 26.2.1 is known from one."""
    by_version = {release.version: release.requires_python for release in knowledge.facts.releases("pip")}
    assert by_version["26.2.1"] == ">=3.10"
    assert by_version["25.0"] == ">=3.8"


def test_wheels_of_another_index_tell_nothing_of_pypi(tmp_path: Path) -> None:
    head = {**HEAD, "tags": [["cp312-cp312-linux_x86_64"], ["cp312-cp312-linux_armv7l"]]}
    lines = [["x", [], [[0, 1, None, None, 0, 1, "2.0", [9500]], [1, 1, None, None, 0, 1, "1.0", [9400]]]]]
    _, rows = read_locks(written(tmp_path, head, lines), lambda name, version: False)
    ((_, row),) = rows
    assert {group[0] for group in json.loads(row)[1]} == {None, 1}
