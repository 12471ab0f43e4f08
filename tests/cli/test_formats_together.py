"""The formats as other programs meet them: several in one run, hostile names, fixes applied by somebody else."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from junitparser import JUnitXml
from markdown_it import MarkdownIt

from dockerlint_alpine import DOCS_URL
from dockerlint_alpine.checks import CHECKS
from dockerlint_alpine.cli import app
from dockerlint_alpine.report import FORMATS
from tests.checks.pages import example
from tests.cli.test_check_and_fix import DOCKERFILE

Json = Any
Applier = Callable[[Json, bytes], Iterator[tuple[int, int, bytes]]]


def run(*arguments: str, cwd: Path, expected: int) -> bytes:
    """What the program writes to standard output when started in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == expected, done.output
    return done.stdout_bytes


def offset(source: bytes, line: int, column: int, *, characters: bool) -> int:
    """Where a 1-based line and column of a report is: columns of Unicode characters, or of bytes."""
    lines = source.split(b"\n")
    before = lines[line - 1]
    if characters:
        text = before.decode("utf-8", "surrogateescape")
        mark = "\ufeff" if line == 1 and text.startswith("\ufeff") else ""
        width = len((mark + text.removeprefix(mark)[: column - 1]).encode("utf-8", "surrogateescape"))
    else:
        width = column - 1
    return sum(len(one) + 1 for one in lines[: line - 1]) + width


def sarif_edits(log: Json, source: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The replacements of the first result that has a safe fix, as SARIF 2.1.0 section 3.57 reads them."""
    for result in log["runs"][0]["results"]:
        if "fix (safe)" not in result["message"]["text"]:
            continue
        (fix,) = result["fixes"]
        (change,) = fix["artifactChanges"]
        for one in change["replacements"]:
            region, content = one["deletedRegion"], one["insertedContent"]
            if "byteOffset" in region:
                start = region["byteOffset"]
                yield start, start + region["byteLength"], base64.b64decode(content["binary"])
            else:
                start = offset(source, region["startLine"], region["startColumn"], characters=True)
                end = offset(source, region["endLine"], region["endColumn"], characters=True)
                yield start, end, content["text"].encode()
        return


def rdjson_edits(document: Json, source: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The suggestion of the first diagnostic that has a safe one."""
    for diagnostic in document["diagnostics"]:
        if "fix (safe)" in diagnostic["message"]:
            (suggestion,) = diagnostic["suggestions"]
            ends = (suggestion["range"][end] for end in ("start", "end"))
            start, end = (offset(source, place["line"], place["column"], characters=False) for place in ends)
            yield start, end, suggestion["text"].encode()
            return


def mended(root: Path, name: str, format_: str, edits: Applier, *options: str) -> bytes:
    """Apply one fix after the other as an editor's user would, until no safe one is left."""
    place = root / name
    for _ in range(10):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(root)
            command = ["check", "--output-format", format_, *options, name]
            document = json.loads(CliRunner().invoke(app, command, catch_exceptions=False).stdout)
        source = place.read_bytes()
        found = sorted(edits(document, source), reverse=True)
        if not found:
            return source
        for start, end, text in found:
            source = source[:start] + text + source[end:]
        place.write_bytes(source)
    raise AssertionError("fixes without an end")


SAFE = [check.code for check in CHECKS if check.fix == "safe"]


@pytest.mark.parametrize(("format_", "edits"), [("sarif", sarif_edits), ("rdjson", rdjson_edits)])
@pytest.mark.parametrize("code", SAFE)
@pytest.mark.parametrize("dress", ["plain", "odd"])
def test_fixes_applied_elsewhere_give_what_fix_writes(
    code: str, dress: str, format_: str, edits: Applier, tmp_path: Path
) -> None:
    (check,) = (check for check in CHECKS if check.code == code)
    text = example(check, "Example").files["Dockerfile"].encode()
    if dress == "odd":  # a byte order mark, CRLF, and before each edit characters of several bytes and a byte of none
        text = text.replace(b"RUN apk add", "RUN echo 'é😀".encode() + b"\xff' && apk add")
        text = b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n")
    place = tmp_path / "Dockerfile"
    place.write_bytes(text)
    theirs = mended(tmp_path, "Dockerfile", format_, edits, "--select", code)
    place.write_bytes(text)
    run("fix", "--select", code, "Dockerfile", cwd=tmp_path, expected=0)
    assert place.read_bytes() == theirs != text


@pytest.mark.parametrize(("format_", "edits"), [("sarif", sarif_edits), ("rdjson", rdjson_edits)])
def test_the_fixture_mended_elsewhere(format_: str, edits: Applier, backend: Path) -> None:
    original = (backend / DOCKERFILE).read_bytes()
    theirs = mended(backend, DOCKERFILE, format_, edits)
    (backend / DOCKERFILE).write_bytes(original)
    run("fix", DOCKERFILE, cwd=backend, expected=0)
    assert (backend / DOCKERFILE).read_bytes() == theirs


def test_fingerprints_stay_when_lines_move(backend: Path) -> None:
    def identities(format_: str) -> list[str]:
        document = json.loads(run("check", "--output-format", format_, DOCKERFILE, cwd=backend, expected=1))
        if format_ == "gitlab":
            return [entry["fingerprint"] for entry in document]
        return [result["partialFingerprints"]["alpineDoctor/v1"] for result in document["runs"][0]["results"]]

    before = {format_: identities(format_) for format_ in ("sarif", "gitlab")}
    place = backend / DOCKERFILE
    place.write_text(
        "# one more line\n\n" + place.read_text().replace("COPY requirements", "# and here\nCOPY requirements")
    )
    (backend / "requirements.txt").write_text("# here as well\n" + (backend / "requirements.txt").read_text())
    assert {format_: identities(format_) for format_ in before} == before
    assert all(len(set(found)) == len(found) == 2 for found in before.values())


def test_all_formats_in_one_run_say_what_each_says_alone(backend: Path) -> None:
    wanted = [f"{name}:out/{name}" for name in FORMATS] + ["text"]
    (backend / "out").mkdir()
    options = [word for one in wanted for word in ("--output-format", one)]
    together = run("check", *options, DOCKERFILE, cwd=backend, expected=1)
    for name in FORMATS:
        alone = run("check", "--output-format", name, DOCKERFILE, cwd=backend, expected=1)
        assert (backend / "out" / name).read_bytes() == alone
    assert together == (backend / "out" / "text").read_bytes()


def test_output_file_holds_what_would_be_printed(backend: Path) -> None:
    printed = run("check", "--output-format", "json", DOCKERFILE, cwd=backend, expected=1)
    options = ("--output-format", "json", "--output-file", "o.json")
    assert run("check", *options, DOCKERFILE, cwd=backend, expected=1) == b""
    assert (backend / "o.json").read_bytes() == printed


def test_a_file_that_cannot_be_written_is_one_clear_line(backend: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(backend)
    done = CliRunner().invoke(app, ["check", "--output-file", "no/such/folder/o.json", DOCKERFILE])
    assert done.exit_code == 2
    assert "no/such/folder/o.json: No such file or directory" in done.stderr


def test_every_rule_comes_with_its_page_and_address(backend: Path) -> None:
    log = json.loads(run("check", "--output-format", "sarif", DOCKERFILE, cwd=backend, expected=1))
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["helpUri"] for rule in rules] == [f"{DOCS_URL}codes/{code}/" for code in ("AD103", "AD201")]
    assert all(rule["help"]["markdown"].startswith("## What it does") for rule in rules)
    assert all(rule["fullDescription"]["text"] != rule["shortDescription"]["text"] for rule in rules)


NAMES = [
    b"a|b.Dockerfile",
    b"x]]>y.Dockerfile",
    b"new\nline.Dockerfile",
    b"%0A::error::x.Dockerfile",
    b"\x1b[31mred.Dockerfile",
    b"\xff\xe9.Dockerfile",
    b"back`tick.Dockerfile",
    b'quote".Dockerfile',
    b"<b>&amp;.Dockerfile",
    "bidi\u202e.Dockerfile".encode(),
]
HOSTILE = b'FROM python:3.11-alpine3.19\nRUN echo "]]>%0A::error::|\xff\x1b[2J" && pip install psycopg2==2.9.11\n'


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Dockerfiles whose names are markup, control sequences and bytes that are no text."""
    for name in NAMES:
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_bytes(HOSTILE)  # noqa: PTH118 - bytes
    return tmp_path


def rendered(format_: str, root: Path) -> bytes:
    return run("check", "--output-format", format_, *map(os.fsdecode, NAMES), cwd=root, expected=1)


def test_hostile_names_reach_every_reader(hostile: Path) -> None:
    sarif = json.loads(rendered("sarif", hostile))
    uris = {
        unquote_to_bytes(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        for result in sarif["runs"][0]["results"]
    }
    assert uris == set(NAMES)
    per_file = len(sarif["runs"][0]["results"]) // len(NAMES)
    assert {os.fsencode(file["path"]) for file in json.loads(rendered("json", hostile))["files"]} == set(NAMES)
    assert len({entry["fingerprint"] for entry in json.loads(rendered("gitlab", hostile))}) == per_file * len(NAMES)
    findings = sum(len(file["findings"]) for file in json.loads(rendered("json", hostile))["files"])
    assert JUnitXml.fromstring(rendered("junit", hostile)).tests == findings
    assert len(ET.fromstring(rendered("checkstyle", hostile))) == len(NAMES)
    annotations = rendered("github", hostile).split(b"\n")[:-1]
    assert len(annotations) == per_file * len(NAMES)
    assert all(line.startswith((b"::error file=", b"::warning file=", b"::notice file=")) for line in annotations)


@pytest.mark.parametrize("format_", ["text", "concise", "markdown"])
def test_no_name_is_obeyed_by_a_terminal(format_: str, hostile: Path) -> None:
    shown = rendered(format_, hostile).decode()
    assert not set(shown) & {"\x1b", "\u202e", "\r", "\x07"}


def test_hostile_names_are_no_markup(hostile: Path) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(rendered("markdown", hostile).decode())
    assert all(token.content.startswith(("<details>", "</details>")) for token in tokens if token.type == "html_block")
    rows = [token.content for token in tokens if token.type == "inline" and token.content.startswith(("`", "``"))]
    assert sum("Dockerfile:" in row for row in rows) >= len(NAMES)
