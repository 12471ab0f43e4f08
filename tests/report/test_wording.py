from __future__ import annotations

import pytest

from dockerlint_alpine.model.findings import Evidence, Finding, Location, Traits
from dockerlint_alpine.model.reports import FileError, FileReport, Report
from dockerlint_alpine.report.wording import place_in, unchecked


@pytest.mark.parametrize(
    ("origin", "place"),
    [
        ((), None),
        (("requirements.txt:7",), ("requirements.txt", 7)),
        (("requirements.txt:7", "clickhouse-connect", "lz4"), ("requirements.txt", 7)),
        (("requirements.txt:1", "base.txt:3", "lz4"), ("base.txt", 3)),
        (("C:/a/requirements.txt:7",), ("C:/a/requirements.txt", 7)),
        (("requirements.txt", "lz4"), None),
        (("requirements.txt:0",), None),
    ],
)
def test_the_place_is_the_last_line_before_names(origin: tuple[str, ...], place: tuple[str, int] | None) -> None:
    assert place_in(origin) == place


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (["a is not known offline: ask", "b and c are not known offline: ask"], "a, b and c are not known offline: ask"),
        (
            ["a is compiled, and what the build needs is not known"] * 2,
            "a is compiled, and what the build needs is not known",
        ),
        (["what a requires is not known offline", "what b requires is not known offline"],
         "what a and b require is not known offline"),
        (["base image a:1 is not known: give", "base image b is not known: give"],
         "base image a:1 and b are not known: give"),
        (["a: a==1 needs Python >=3.8, this is 3.7", "b: b==2,>1 needs Python !=3.9.0,>=3.8, this is 3.7"],
         "a and b need another Python than 3.7"),
        ([f"{n}: only wheels are allowed (--only-binary), and none of {n}==1 fits Python 3.13 on musl" for n in "ab"],
         "only wheels are allowed (--only-binary), and none of a and b fits Python 3.13 on musl"),
        ([f"{n}: x asks for one exact version of {n}, which is not recorded, and i is not queried" for n in "ab"],
         "x asks for exact versions of a and b, which is not recorded, and i is not queried"),
        ([f"{n}: {{x}} asks for one exact version of {n}, which is not recorded: {{y}} {{" for n in "ab"],
         "{x} asks for exact versions of a and b, which is not recorded: {y} {"),
        (["unknown instruction: {{", "unknown instruction: }}"], "unknown instruction: {{ and }}"),
        ([f"requirements file /{n} can't be read: no COPY or ADD creates it" for n in range(20)],
         "requirements file /0, /1, /2, /3, /4, /5, /6 and 13 more can't be read: no COPY or ADD creates it"),
    ],
)  # fmt: skip
def test_what_differs_in_names_alone_is_told_once(messages: list[str], said: str) -> None:
    traits = Traits(could_not_judge=True)
    found = tuple(
        Finding(
            "AD9", "x", "info", "certain", message, Location(line, 1, line, 1), (Evidence("rule", ""),), traits=traits
        )
        for line, message in enumerate(messages, 1)
    )
    last = f"{len(found) - 2} more" if len(found) > 3 else "D:3"
    where = "D:1 and D:2" if len(found) == 2 else f"D:1, D:2 and {last}"
    assert unchecked(Report((FileReport("D", found),))) == [("Could not be checked", [f"AD9 {said} ({where})"])]


def test_files_that_turned_out_to_be_none_are_told_together() -> None:
    remarks = [FileError(name, "not a Dockerfile", remark=True) for name in "abcd"]
    report = Report.of((), [*remarks, FileError("e", "not a Dockerfile")])
    assert unchecked(report) == [("Good to know", ["not a Dockerfile (a, b and 2 more)"])]
    assert report.notes == tuple(f"{name}: not a Dockerfile" for name in "abcd")
