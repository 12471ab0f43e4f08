from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.model.findings import Evidence, Finding, Location
from dockerlint_alpine.run.suppress import apply


def finding(code: str, line: int) -> Finding:
    return Finding(
        code, "name", "error", "certain", "message", Location(line, 1, line, 2), (Evidence("rule", "detail"),)
    )


def outcome(
    source: str, *findings: Finding, spans: list[tuple[int, int]], require_reason: bool = False
) -> tuple[str, str, str]:
    """The codes kept, those suppressed, and what is said about the comments."""
    kept, suppressed, about = apply(findings, source.encode(), spans, require_reason=require_reason)
    return (
        " ".join(one.code for one in kept),
        " ".join(one.code for one in suppressed),
        "; ".join(f"{one.code}@{one.location.line} {one.message}" for one in about),
    )


TWO = "FROM a\n# alpine-doctor: ignore[{}]{}\nRUN b \\\n  c\nRUN d\n"
SPANS = [(1, 1), (3, 4), (5, 5)]


@pytest.mark.parametrize("line", [3, 4])
def test_the_next_instruction_is_meant(line: int) -> None:
    source = TWO.format("AD201", " known")
    assert outcome(source, finding("AD201", line), finding("AD201", 5), spans=SPANS) == ("AD201", "AD201", "")
    assert outcome(source, finding("AD201", 1), spans=SPANS)[1] == ""


@pytest.mark.parametrize(
    ("codes", "suppressed"),
    [("AD2", "AD201"), ("AD", "AD201 AD103"), ("AD103 , AD201", "AD201 AD103"), ("AD20", "AD201")],
)
def test_several_codes_and_prefixes(codes: str, suppressed: str) -> None:
    source = TWO.format(codes, "")
    assert outcome(source, finding("AD201", 3), finding("AD103", 4), spans=SPANS)[1:] == (suppressed, "")


def test_stacked_comments_and_blank_lines() -> None:
    source = "FROM a\n# alpine-doctor: ignore[AD1]\n\n# why\n# alpine-doctor: ignore[AD2]\nRUN b\n"
    findings = (finding("AD101", 6), finding("AD201", 6))
    assert outcome(source, *findings, spans=[(1, 1), (6, 6)]) == ("", "AD101 AD201", "")


def test_among_the_lines_of_an_instruction() -> None:
    source = "FROM a\nRUN apk add \\\n  # alpine-doctor: ignore[AD103] kept on purpose\n  b\n"
    assert outcome(source, finding("AD103", 2), spans=[(1, 1), (2, 4)]) == ("", "AD103", "")


def test_a_script_in_a_heredoc_may_hold_one() -> None:
    source = "FROM a\nRUN <<EOF\n# alpine-doctor: ignore[AD103]\napk add b\nEOF\n"
    assert outcome(source, finding("AD103", 4), spans=[(1, 1), (2, 5)]) == ("", "AD103", "")


@pytest.mark.parametrize("keyword", ["COPY", "add", "ONBUILD copy"])
def test_a_file_in_a_heredoc_holds_text_only(keyword: str) -> None:
    source = f"FROM a\n{keyword} <<EOF /x\n# alpine-doctor: ignore[AD103]\nEOF\n"
    assert outcome(source, finding("AD103", 2), spans=[(1, 1), (2, 4)]) == ("AD103", "", "")


def test_for_the_whole_file() -> None:
    source = "FROM a\nRUN b\nRUN c\n# alpine-doctor: ignore-file[AD502] slow but fine\n"
    findings = (finding("AD502", 2), finding("AD502", 3), finding("AD201", 3))
    assert outcome(source, *findings, spans=[(1, 1), (2, 2), (3, 3)]) == ("AD201", "AD502 AD502", "")


def test_unused_ones_are_reported() -> None:
    source = TWO.format("AD201, AD103", " known")
    kept, suppressed, [about] = apply((finding("AD103", 3),), source.encode(), SPANS)
    assert (kept, [one.code for one in suppressed]) == ((), ["AD103"])
    assert (about.code, about.message) == ("AD001", "nothing to suppress for AD201")
    assert (about.location.line, about.location.column, about.location.end_column) == (2, 1, 44)
    assert fixed(source, about) == TWO.format("AD103", " known")


def test_an_unused_comment_goes_as_a_whole() -> None:
    for source in (TWO.format("AD201", ""), "\ufeff" + TWO.format("AD201", "").replace("\n", "\r\n")):
        _, _, [about] = apply((), source.encode(), SPANS)
        assert about.fix is not None
        assert about.fix.applicability == "unsafe"
        lines = source.splitlines(keepends=True)
        assert fixed(source, about) == "".join([lines[0], *lines[2:]])


def fixed(source: str, about: Finding) -> str:
    assert about.fix is not None
    [edit] = about.fix.edits
    data = source.encode()
    return (data[: edit.start] + edit.text.encode() + data[edit.end :]).decode()


def test_first_line_with_a_bom() -> None:
    source = "\ufeff# alpine-doctor: ignore[AD201]\nFROM a\n"
    assert outcome(source, finding("AD201", 2), spans=[(2, 2)]) == ("", "AD201", "")
    _, _, [about] = apply((), source.encode(), [(2, 2)])
    assert fixed(source, about) == "\ufeffFROM a\n"


def test_after_the_last_instruction_there_is_nothing() -> None:
    source = "FROM a\n# alpine-doctor: ignore[AD201]"
    said = "AD001@2 nothing to suppress for AD201"
    assert outcome(source, finding("AD201", 1), spans=[(1, 1)]) == ("AD201", "", said)
    _, _, [about] = apply((), source.encode(), [(1, 1)])
    assert fixed(source, about) == "FROM a\n"


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("ignore", "names no code; write `ignore[AD201]`"),
        ("ignore[]", "names no code; write `ignore[AD201]`"),
        ("ignore AD201", "names no code; write `ignore[AD201]`"),
        ("ignore[DL3018]", "`DL3018` is not a code or a prefix of one, such as AD201"),
        ("ingore[AD201]", "`ingore` is not an alpine-doctor directive; write `ignore[AD201]`"),
    ],
)
def test_a_comment_that_cannot_be_read_is_said(comment: str, message: str) -> None:
    source = f"# alpine-doctor: {comment}\nFROM a\n"
    said = f"AD002@1 this suppression {message}"
    assert outcome(source, finding("AD201", 2), spans=[(2, 2)]) == ("AD201", "", said)


def test_prose_is_left_alone() -> None:
    source = "# alpine-doctor: added by hand\n# see alpine-doctor: ignore[AD201]\nFROM a\n"
    assert outcome(source, finding("AD201", 3), spans=[(3, 3)]) == ("AD201", "", "")


def test_reasons_can_be_required() -> None:
    findings = (finding("AD201", 3),)
    with_reason, without = TWO.format("AD201", " upstream bug"), TWO.format("AD201", "  ")
    assert outcome(with_reason, *findings, spans=SPANS, require_reason=True) == ("", "AD201", "")
    said = "AD002@2 this suppression gives no reason"
    assert outcome(without, *findings, spans=SPANS, require_reason=True) == ("", "AD201", said)
    assert outcome(without, *findings, spans=SPANS) == ("", "AD201", "")


def test_crlf_does_not_become_part_of_the_reason() -> None:
    source = TWO.format("AD201", "").replace("\n", "\r\n")
    assert outcome(source, finding("AD201", 3), spans=SPANS, require_reason=True)[2].startswith("AD002")


@given(
    st.lists(
        st.sampled_from(
            ["# alpine-doctor: ignore[AD1]", "# alpine-doctor: ignore-file[AD2", "RUN x", "", "\ufeff#", "COPY a b"]
        )
    ),
    st.lists(st.tuples(st.sampled_from(["AD101", "AD201"]), st.integers(1, 12))),
)
def test_no_finding_is_lost_or_doubled(lines: list[str], places: list[tuple[str, int]]) -> None:
    findings = [finding(code, line) for code, line in places]
    spans = [(number, number) for number, line in enumerate(lines, 1) if line.startswith(("RUN", "COPY"))]
    kept, suppressed, _ = apply(findings, "\n".join(lines).encode(), spans)
    assert sorted(map(repr, kept + suppressed)) == sorted(map(repr, findings))
