"""Every check is its own documentation and test: its example is found, what it tells to use instead is not."""

from __future__ import annotations

import re

import pytest

from dockerlint_alpine.checks import CHECKS, Check
from tests.conftest import Judge

HEADINGS = ("What it does", "Why is this bad?", "Example", "Use instead", "Fix safety")
BLOCK = re.compile(r"## (Example|Use instead)\n```dockerfile\n(.*?)```", re.DOTALL)
WITHOUT_A_PAIR = {"AD901", "AD902", "AD903", "AD904", "AD905"}
"""What could not be judged: one page for all, no Dockerfile to mend."""


def test_codes_are_unique_and_sorted() -> None:
    codes = [check.code for check in CHECKS]
    assert codes == sorted(set(codes))
    assert len({check.name for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_the_page_has_every_heading(check: Check) -> None:
    assert tuple(h for h in re.findall(r"^## (.+)$", check.page, re.MULTILINE) if h != "References") == HEADINGS


@pytest.mark.parametrize(
    "check", [c for c in CHECKS if c.code not in WITHOUT_A_PAIR | {"AD002"}], ids=lambda check: check.code
)
def test_the_example_is_found_and_its_remedy_is_not(check: Check, judge: Judge) -> None:
    blocks = dict(BLOCK.findall(check.page))
    found = {f.code for f in judge(blocks["Example"], select=[check.code]).findings}
    assert check.code in found
    assert check.code not in {f.code for f in judge(blocks["Use instead"], select=[check.code]).findings}


@pytest.mark.parametrize(
    "check",
    [c for c in CHECKS if c.code in {"AD101", "AD102", "AD103", "AD201", "AD202", "AD203"}],
    ids=lambda check: check.code,
)
def test_fixing_the_example_leaves_nothing_to_fix(check: Check, mend) -> None:
    result = mend(dict(BLOCK.findall(check.page))["Example"])
    assert result.changed
    assert not [f for f in result.left.findings if f.fix is not None and f.fix.applicability == "safe"]
    assert check.code not in {f.code for f in result.left.findings}
