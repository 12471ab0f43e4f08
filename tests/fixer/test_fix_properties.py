"""What holds for every fix of every shape: idempotence, a clean check afterwards, and no byte touched but packages."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.fixer.fix_loop import compatible
from dockerlint_alpine.run.analysis import Doctor, FixResult, configure, fix_bytes
from dockerlint_alpine.syntax import Edit, apply_edits, parse
from tests.fixer.shapes import Shape, shapes

DOCTOR = Doctor(configure())
UNSAFE = DOCTOR.configured(configure(unsafe_fixes=True).settings)
CASES = sorted((Path(__file__).parent / "cases").glob("*/before.Dockerfile"))
PACKAGE = re.compile(rb"[a-z0-9][a-z0-9.+_-]*(?:[=~<>]+[0-9][\w.-]*)?")


def fixed(shape: Shape, doctor: Doctor, folder: Path) -> FixResult:
    """Fix a shape that lies in ``folder`` with its build context."""
    path = folder / "Dockerfile"
    path.write_bytes(shape.data)
    for name, data in shape.files.items():
        (folder / name).write_bytes(data)
    return fix_bytes(doctor, shape.data, path)


def write_back(result: FixResult) -> None:
    result.path.write_bytes(result.new)
    for change in result.others:
        Path(change.path).write_bytes(change.new)


def inserted(old: bytes, new: bytes) -> list[bytes]:
    """The pieces that ``new`` has on top of ``old``; fails if anything but quotes around a word was taken away."""
    pieces = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            assert i1 == i2, f"{old[i1:i2]!r} is gone"
            pieces.append(new[j1:j2])
    return pieces


def others_than_packages(data: bytes) -> list[tuple[str, str]]:
    """Every instruction with the names of packages taken out, those that only add packages left out."""
    found = []
    for instruction in parse(data).instructions:
        value = instruction.value + "".join(heredoc.content for heredoc in instruction.heredocs)
        if instruction.keyword == "RUN" and re.fullmatch(r"apk add --no-cache(\s+[a-z0-9.+-]+)+", value):
            continue
        found.append((instruction.keyword, " ".join(re.sub(r"[\s\"',]+", " ", value).split())))
    return found


def parses_as_before(old_text: bytes, new_text: bytes) -> None:
    """The same instructions with the same words, in order, but for names of packages between them."""
    before, after = others_than_packages(old_text), others_than_packages(new_text)
    assert not parse(new_text).problems
    assert [keyword for keyword, _ in before] == [keyword for keyword, _ in after]
    for (_, old), (_, new) in zip(before, after, strict=True):
        only_adds_packages(old.encode().split(), new.encode().split())


def only_adds_packages(old: list[bytes], new: list[bytes]) -> None:
    """All words of ``old`` are in ``new``, in order, with names of packages between them."""
    words = list(new)
    for word in old:
        while words and words[0] != word:
            assert PACKAGE.fullmatch(words.pop(0))
        assert words.pop(0) == word
    assert all(PACKAGE.fullmatch(word) for word in words)


@given(shapes())
def test_a_fix_only_adds_packages_and_is_complete(shape: Shape) -> None:
    with TemporaryDirectory() as name:
        first = fixed(shape, DOCTOR, Path(name))
        for change in first.others:
            only_adds_packages(change.old.split(), change.new.split())
        text = b" ".join(inserted(shape.data, first.new))
        assert not re.search(rb"(?i)\b(from|copy|env|arg|workdir|cmd|pip)\b", text)
        assert not compatible(first.left.findings, unsafe=False)
        assert (b"\r\n" in shape.data) == (b"\r\n" in first.new)
        if b"\r\n" in shape.data:
            assert first.new.count(b"\n") == first.new.count(b"\r\n")
        assert first.new.startswith(b"\xef\xbb\xbf") == shape.data.startswith(b"\xef\xbb\xbf")
        if not first.new.startswith(shape.data):
            assert first.new.endswith(b"\n") == shape.data.endswith(b"\n")
        parses_as_before(shape.data, first.new)
        write_back(first)
        second = fix_bytes(DOCTOR, first.new, first.path)
        assert not second.changed


@given(shapes())
def test_unsafe_fixes_come_to_an_end_too(shape: Shape) -> None:
    with TemporaryDirectory() as name:
        first = fixed(shape, UNSAFE, Path(name))
        assert not compatible(first.left.findings, unsafe=True)
        assert not parse(first.new).problems
        write_back(first)
        assert not fix_bytes(UNSAFE, first.new, first.path).changed


@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_each_fix_alone_applies_and_parses(path: Path, unsafe: bool) -> None:
    """As an editor's quick fix or a SARIF consumer applies it: one fix, on the text it was made for."""
    data = path.read_bytes()
    findings = (UNSAFE if unsafe else DOCTOR).check_bytes(data, path).findings
    for finding in findings:
        edits = [edit for edit in finding.fix.edits if edit.path is None] if finding.fix is not None else []
        ordered = sorted(edits, key=lambda edit: edit.start)
        assert all(one.end <= two.start for one, two in pairwise(ordered))
        new = apply_edits(data, [Edit(edit.start, edit.end, edit.text) for edit in edits])
        assert not parse(new).problems


@given(shapes(), st.data())
def test_any_part_of_the_fixes_can_be_taken(shape: Shape, data: st.DataObject) -> None:
    """Interactive fixing: whatever is declined, the rest goes in and nothing is asked twice."""
    from dockerlint_alpine.fixer.fix_loop import Proposal, key_of
    from dockerlint_alpine.run.analysis import fix_builds

    asked: list[object] = []
    accepted: set[object] = set()

    def accept(proposal: Proposal) -> bool:
        assert proposal.changes
        asked.extend(map(key_of, proposal.findings))
        answer = data.draw(st.booleans())
        accepted.update(fix.edits for fix in proposal.fixes if answer)
        return answer

    with TemporaryDirectory() as name:
        path = Path(name) / "Dockerfile"
        for other, text in shape.files.items():
            (path.parent / other).write_bytes(text)
        result = fix_builds([DOCTOR], shape.data, path, accept=accept)
    assert len(asked) == len(set(asked))
    assert {finding.fix.edits for finding in result.applied if finding.fix is not None} <= accepted
