"""Comments that are added silence exactly what was found, and change nothing else."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.checks import check_by_topic
from dockerlint_alpine.model.findings import Evidence, Finding, Location
from dockerlint_alpine.run import suppress
from dockerlint_alpine.run.add_ignores import Added, AddIgnoreError, add_ignores, clean_reason, silenced
from dockerlint_alpine.run.analysis import Doctor, configure
from dockerlint_alpine.syntax import parse
from tests.fixer.shapes import Shape, shapes
from tests.syntax.fragments import dockerfiles

DOCTOR = Doctor(configure(require_reason=True))


def finding(line: int, code: str = "AD201") -> Finding:
    check = check_by_topic(code)
    assert check is not None
    return check.finding("m", at=Location(line, 1, line, 2), evidence=(Evidence("rule", "d"),))


def spans(data: bytes) -> list[tuple[int, int]]:
    return [(one.line, one.end_line) for one in parse(data).instructions]


def left(data: bytes, findings: list[Finding]) -> tuple[int, list[str]]:
    """How many are not silenced, and what is said about the comments."""
    kept, _, about = suppress.apply(findings, data, spans(data), require_reason=False)
    return len(kept), [one.message for one in about]


C = b"# alpine-doctor: ignore[AD201]"


@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        (b"FROM a\n", 1, C + b"\nFROM a\n"),
        (b"FROM a", 1, C + b"\nFROM a"),
        (b"\xef\xbb\xbfFROM a\r\nRUN b\r\n", 1, b"\xef\xbb\xbf" + C + b"\r\nFROM a\r\nRUN b\r\n"),
        (b"# syntax=docker/dockerfile:1\nFROM a\n", 2, b"# syntax=docker/dockerfile:1\n" + C + b"\nFROM a\n"),
        (b"# escape=`\nFROM a\nRUN b `\n  c\n", 4, b"# escape=`\nFROM a\n" + C + b"\nRUN b `\n  c\n"),
        (b"FROM a\n\t ONBUILD RUN b\n", 2, b"FROM a\n\t " + C + b"\n\t ONBUILD RUN b\n"),
        (b"FROM a\nRUN <<E\nx\nE\nRUN b", 3, b"FROM a\n" + C + b"\nRUN <<E\nx\nE\nRUN b"),
        (b"FROM a\nRUN <<E\nx\nE\nRUN b", 5, b"FROM a\nRUN <<E\nx\nE\n" + C + b"\nRUN b"),
        (
            C + b"\n# alpine-doctor: ignore[AD1] x\n\nRUN b\n",
            4,
            C + b"\n# alpine-doctor: ignore[AD1, AD201] x\n\nRUN b\n",
        ),
        (b"# alpine-doctor: ignore[?]\nRUN b\n", 2, b"# alpine-doctor: ignore[?]\n" + C + b"\nRUN b\n"),
        (b"COPY <<E x\n" + C + b"\nE\n", 1, C + b"\nCOPY <<E x\n" + C + b"\nE\n"),
        (b"FROM a\nRUN b \\\n\n  c\n", 4, b"FROM a\n" + C + b"\nRUN b \\\n\n  c\n"),
    ],
)
def test_where_a_comment_goes(before: bytes, line: int, after: bytes) -> None:
    new, added = add_ignores(before, [finding(line)])
    assert new == after
    assert [one.codes for one in added] == [("AD201",)]
    assert b"AD201" in new.split(b"\n")[added[0].line - 1]


def test_several_findings_of_an_instruction_share_a_comment_with_the_reason() -> None:
    source = b"FROM a\nRUN b \\\n  c\n# alpine-doctor: ignore[AD1]\nRUN d\n"
    findings = [finding(3, "AD202"), finding(2), finding(2), finding(5, "AD301")]
    new, added = add_ignores(source, findings, reason="see above")
    assert new == (
        b"FROM a\n# alpine-doctor: ignore[AD201, AD202] see above\nRUN b \\\n  c\n"
        b"# alpine-doctor: ignore[AD1, AD301] see above\nRUN d\n"
    )
    assert added == (Added(2, ("AD201", "AD202")), Added(5, ("AD301",)))


def test_what_is_said_of_comments_or_could_not_be_judged_gets_none() -> None:
    source = b"FROM a\n"
    assert add_ignores(source, [finding(1, "AD001"), finding(1, "AD002"), finding(1, "AD903"), finding(7)]) == (
        source,
        (),
    )


@pytest.mark.parametrize("reason", ["a\nb", "a\x1b[31m", "a\u2028b", "\x00"])
def test_a_reason_is_one_line(reason: str) -> None:
    with pytest.raises(AddIgnoreError, match="one line"):
        clean_reason(reason)
    assert clean_reason(" it is so ") == "it is so"


def test_an_instruction_that_a_comment_would_change_is_left_to_the_author() -> None:
    """A blank that git and shells know, but the comment's pattern does not, stays in front of the instruction only."""
    new, _ = add_ignores(b"FROM a\n\x0bRUN b\n", [finding(2)])
    assert new == b"FROM a\n# alpine-doctor: ignore[AD201]\n\x0bRUN b\n"


sources = dockerfiles().map(lambda text: text.encode("utf-8", "surrogateescape"))


@given(source=sources, data=st.data(), reason=st.sampled_from(["", "because"]), bom=st.booleans())
def test_whatever_the_dockerfile_all_is_silenced_and_nothing_else_changes(
    source: bytes, data: st.DataObject, reason: str, bom: bool
) -> None:
    if bom and not source.startswith(b"\xef\xbb\xbf"):
        source = b"\xef\xbb\xbf" + source
    lines = spans(source)
    chosen = data.draw(st.lists(st.sampled_from(lines), max_size=4)) if lines else []
    places = [(data.draw(st.integers(first, last)), first) for first, last in chosen]
    codes = st.sampled_from(["AD101", "AD201", "AD402"])
    findings = [finding(line, data.draw(codes)) for line, _ in places]
    new, added = add_ignores(source, findings, reason=reason)
    before, after = parse(source), parse(new)
    assert [(one.keyword, one.value, one.flags) for one in before.instructions] == [
        (one.keyword, one.value, one.flags) for one in after.instructions
    ]
    moved = [finding(_now(one, before.instructions, after.instructions), one.code) for one in findings]
    assert left(new, moved) == (0, [message for message in left(source, [])[1]])  # noqa: C416 - what was wrong before stays
    assert {code for one in added for code in one.codes} == {one.code for one in findings}
    mark = b"\xef\xbb\xbf"
    assert new.startswith(mark) == source.startswith(mark)
    old, kept = (
        [line for line in text.removeprefix(mark).split(b"\n") if b"alpine-doctor" not in line]
        for text in (source, new)
    )
    assert old == kept


def _now(one: Finding, before: tuple, after: tuple) -> int:  # type: ignore[type-arg]
    """The first line of a finding's instruction in the new text."""
    number = next(number for number, old in enumerate(before) if old.line <= one.location.line <= old.end_line)
    return int(after[number].line)


@given(shape=shapes())
def test_a_check_of_what_was_written_is_clean(shape: Shape) -> None:
    """With real findings, in every shape of list that authors use."""
    with TemporaryDirectory() as folder:
        place = Path(folder, "Dockerfile")
        for name, data in shape.files.items():
            Path(folder, name).write_bytes(data)
        found = DOCTOR.check_bytes(shape.data, place)
        new, added = add_ignores(shape.data, found.findings, reason="for now")
        left = [one for one in DOCTOR.check_bytes(new, place).findings if not one.could_not_judge]
        assert not left
        assert sum(len(one.codes) for one in added) > 0 or not silenced(found.findings)
        assert add_ignores(new, left) == (new, ())
