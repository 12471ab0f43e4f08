from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.model.findings import Evidence, Finding, Fix, Location, TextEdit
from dockerlint_alpine.report.positions import Lines
from dockerlint_alpine.report.preview import Change, Preview, changes


def preview(source: bytes, *edits: TextEdit) -> tuple[Change, ...]:
    return changes(Lines(source), Fix("title", "safe", edits))


def test_a_whole_line_comes() -> None:
    source = b"RUN apk add \\\r\n    gcc \\\r\n    curl\r\n"
    [change] = preview(
        source, TextEdit(source.index(b" \\\r\n    curl"), source.index(b" \\\r\n    curl"), " \\\r\n    g++")
    )
    assert change == Change(3, (), (b"    g++ \\",))


def test_edits_on_one_line_are_one_change() -> None:
    [change] = preview(b"FROM a\nRUN b c\n", TextEdit(11, 12, "x"), TextEdit(13, 14, "y"))
    assert change == Change(2, (b"RUN b c",), (b"RUN x y",))
    assert change.column == 5


def test_edits_on_other_lines_and_in_other_files_are_apart() -> None:
    found = preview(b"a\nb\nc\n", TextEdit(4, 5, "z"), TextEdit(0, 1, ""), TextEdit(0, 0, "q", "packages.txt"))
    assert found == (Change(1, (b"a",), (b"",)), Change(3, (b"c",), (b"z",)))


def test_an_edit_that_changes_nothing_is_no_change() -> None:
    assert preview(b"a\n", TextEdit(0, 1, "a")) == ()


@given(st.text("ab\n", max_size=30), st.data())
def test_the_changes_make_the_new_file(text: str, data: st.DataObject) -> None:
    old = text.encode()
    points = sorted(data.draw(st.lists(st.integers(0, len(old)), min_size=2, max_size=6)))
    edits = [
        TextEdit(start, end, data.draw(st.text("ax\n", max_size=4)))
        for start, end in zip(points[::2], points[1::2], strict=False)
    ]
    new = old
    for edit in reversed(sorted(edits, key=lambda edit: (edit.start, edit.end))):  # noqa: C413 - keeps the order of equals
        new = new[: edit.start] + edit.text.encode() + new[edit.end :]
    lines = old.split(b"\n")
    for change in reversed(preview(old, *edits)):
        index = change.line - 1
        assert tuple(lines[index : index + len(change.old)]) == change.old
        lines[index : index + len(change.old)] = change.new
    assert b"\n".join(lines) == new


LIST = b"RUN apk add curl\nRUN pip install x\n"


def adding(text: str, at: int = 16) -> Fix:
    return Fix(f"add{text}", "safe", (TextEdit(at, at, text),))


def finding(fix: Fix) -> Finding:
    return Finding("AD101", "n", "error", "certain", "m", Location(1, 1, 1, 2), (Evidence("rule", "r"),), fix=fix)


def test_what_several_fixes_make_of_one_line_is_shown_once_and_as_it_is_in_the_end() -> None:
    fixes = [adding(" gcc"), adding(" musl-dev"), adding(" g++")]
    preview = Preview(Lines(LIST), map(finding, fixes))
    ([change], before) = preview.of(fixes[:1])
    assert (change.new, before) == ((b"RUN apk add curl g++ gcc musl-dev",), False)
    assert preview.of(fixes[1:]) == ((), True)


def test_fixes_of_other_lines_are_shown_by_themselves() -> None:
    other, line = adding(" y", len(LIST) - 1), adding("RUN apk add gcc\n", 0)
    preview = Preview(Lines(LIST), map(finding, [adding(" gcc"), other, line, line]))
    ([change], _) = preview.of([other])
    assert change.new == (b"RUN pip install x y",)
    ([change], _) = preview.of([line])
    assert (change.old, change.new) == ((b"RUN apk add curl",), (b"RUN apk add gcc", b"RUN apk add curl gcc"))


def test_a_fix_that_is_not_safe_is_shown_alone() -> None:
    rewrite = Fix("other", "unsafe", (TextEdit(12, 16, "wget"),))
    preview = Preview(Lines(LIST), map(finding, [rewrite, Fix("inner", "safe", (TextEdit(13, 14, "x"),))]))
    ([change], _) = preview.of([rewrite])
    assert change.new == (b"RUN apk add wget",)
