from __future__ import annotations

import io
import json
import tomllib
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.knowledge.facts import WheelRecord
from dockerlint_alpine.knowledge.refresh import RefreshError, refresh, refresh_rules
from dockerlint_alpine.python.index.client import Answered, IndexAnswerError, SimpleIndex
from tests.archives import packed

INDEX = "https://index.example/simple/"


def wheel(requires: list[str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
        archive.writestr(
            "lz4-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: lz4\n{lines}\nRequires-Dist: not-a-header\n"
        )
    return held.getvalue()


def sdist(header: str) -> bytes:
    return packed({"lz4-1/setup.py": "raise SystemExit", "lz4-1/PKG-INFO": header})


class Index:
    """An index in memory that counts what it was asked."""

    def __init__(self, files: dict[str, bytes], **extra: dict[str, object]) -> None:
        self.files = files
        self.extra = extra
        self.asked: list[str] = []

    def client(self) -> SimpleIndex:
        return SimpleIndex([INDEX], fetch=self)

    def __call__(self, url: str, accept: str, limit: int, etag: str) -> Answered:
        self.asked.append(url)
        if url == f"{INDEX}lz4/":
            entries = [
                {
                    "filename": name,
                    "url": f"https://files.example/{name}",
                    **self.extra.get(name, {}),
                }
                for name, body in self.files.items()
            ]
            body = json.dumps({"meta": {"api-version": "1.1"}, "name": "lz4", "files": entries}).encode()
            return Answered("application/vnd.pypi.simple.v1+json", body)
        return Answered("", self.files[url.removeprefix("https://files.example/")])


def taken(index: Index, **options: object) -> WheelRecord:
    text = refresh("lz4", index.client(), day="2026-11-23", **options)
    assert "example" not in text
    return WheelRecord.parse(tomllib.loads(text), "f")


def test_tags_days_and_flags_are_kept_and_foreign_systems_left_out() -> None:
    index = Index(
        {
            "lz4-4.4.5.tar.gz": b"",
            "lz4-4.4.5-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": b"",
            "lz4-4.4.5-cp311-cp311-win_amd64.whl": b"",
            "lz4-4.4.5-cp311-cp311-macosx_11_0_arm64.whl": b"",
            "lz4-4.4.4-1-py3-none-any.whl": b"",
            "lz4-5.0rc1.tar.gz": b"",
            "nonsense": b"",
        },
        **{
            "lz4-4.4.5.tar.gz": {"upload-time": "2025-11-03T13:02:36Z", "requires-python": ">=3.9"},
            "lz4-4.4.5-cp311-cp311-win_amd64.whl": {"upload-time": "2025-11-02T01:00:00Z"},
            "lz4-4.4.4-1-py3-none-any.whl": {"yanked": "broken"},
        },
    )  # fmt: skip
    found = taken(index, recent=0)
    newest, older = found.releases
    assert (newest.version, newest.upload_date, newest.requires_python, newest.sdist, newest.yanked) == (
        "4.4.5", "2025-11-02", ">=3.9", True, False,
    )  # fmt: skip
    assert newest.wheels == ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",)
    assert (older.wheels, older.sdist, older.yanked) == (("py3-none-any",), False, True)
    assert index.asked == [f"{INDEX}lz4/"]


def test_requirements_come_from_the_metadata_file_where_there_is_one() -> None:
    name = "lz4-1-py3-none-any.whl"
    index = Index(
        {name: b"", f"{name}.metadata": b"Metadata-Version: 2.1\r\nRequires-Dist: a>=1; extra == 'x'\r\n\r\nbody"},
        **{name: {"core-metadata": {"sha256": "0"}}},
    )
    assert taken(index).requires == {"1": ("a>=1; extra == 'x'",)}


def test_requirements_come_from_the_smallest_archive_that_tells_them() -> None:
    static = "Metadata-Version: 2.4\nRequires-Dist: b\n\n"
    dynamic = "Metadata-Version: 2.4\nDynamic: requires-dist\nRequires-Dist: wrong\n\n"
    old = "Metadata-Version: 1.1\n\n"
    assert taken(Index({"lz4-1.tar.gz": sdist(static)})).requires == {"1": ("b",)}
    assert taken(Index({"lz4-1.tar.gz": sdist(dynamic)})).requires == {}
    assert taken(Index({"lz4-1.tar.gz": sdist(old)})).requires == {}
    both = {"lz4-1.tar.gz": sdist(dynamic), "lz4-1-py3-none-any.whl": wheel(["c; python_version < '4'"])}
    assert taken(Index(both)).requires == {"1": ("c; python_version < '4'",)}


def test_what_is_known_is_not_asked_again_and_older_versions_only_when_named() -> None:
    files = {f"lz4-{version}-py3-none-any.whl": wheel([f"r{version}"]) for version in (1, 2, 3)}
    first = taken(Index(files), recent=1)
    assert first.requires == {"3": ("r3",)}
    index = Index(files)
    second = taken(index, recent=1, versions=["1"], known=first)
    assert second.requires == {"3": ("r3",), "1": ("r1",)}
    assert len(index.asked) == 2


def test_a_file_keeps_its_day_while_nothing_changes(tmp_path: Path) -> None:
    files = {"lz4-1-py3-none-any.whl": wheel(["a"])}
    (first,) = refresh_rules(tmp_path, ["lz4"], Index(files).client(), day="2026-01-01")
    assert first.changed
    text = first.path.read_text()
    (second,) = refresh_rules(tmp_path, ["lz4"], Index(files).client(), day="2026-02-02")
    assert not second.changed
    assert second.path.read_text() == text
    files["lz4-2-py3-none-any.whl"] = wheel(["b"])
    (third,) = refresh_rules(tmp_path, ["lz4"], Index(files).client(), day="2026-03-03")
    assert third.changed
    record = WheelRecord.parse(tomllib.loads(third.path.read_text()), "f")
    assert (record.as_of, record.requires) == ("2026-03-03", {"2": ("b",), "1": ("a",)})


def test_an_index_that_does_not_answer_is_its_own_error() -> None:
    with pytest.raises(IndexAnswerError, match="not a PEP 691 answer"):
        refresh("lz4", SimpleIndex([INDEX], fetch=lambda *_: Answered("application/json", b"[]")), day="2026-11-23")


@given(st.binary(max_size=200))
def test_a_broken_archive_never_surprises(body: bytes) -> None:
    for name in ("lz4-1-py3-none-any.whl", "lz4-1.tar.gz"):
        assert outcome(Index({name: body})) in ({}, "refused")


def outcome(index: Index) -> object:
    try:
        return taken(index).requires
    except RefreshError:
        return "refused"
