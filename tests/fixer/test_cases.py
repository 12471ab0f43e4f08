"""Whole files as their authors write them: ``cases/NAME/before.Dockerfile`` becomes ``after.Dockerfile``, byte by byte.

Other files of a folder are its build context; one that a fix rewrites stands beside it as ``NAME.after``. Cases called
``unsafe-...`` take unsafe fixes too. To write the expectations anew: ``FIXER_CASES=write pytest tests/fixer/test_cases.py``
and read the diff.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from dockerlint_alpine.fixer.fix_loop import compatible
from dockerlint_alpine.fixer.verify import confirm
from dockerlint_alpine.run.analysis import Doctor, FixResult, configure, fix_bytes
from dockerlint_alpine.syntax import parse

CASES = Path(__file__).parent / "cases"
NAMES = sorted(folder.name for folder in CASES.iterdir())


@pytest.fixture(scope="module")
def doctors() -> dict[bool, Doctor]:
    """One with safe fixes alone, one with all; they share what they know."""
    safe = Doctor(configure())
    return {False: safe, True: safe.configured(configure(unsafe_fixes=True).settings)}


def fixed(name: str, tmp_path: Path, doctors: dict[bool, Doctor]) -> tuple[FixResult, Path]:
    """Fix a copy of a case in a folder of its own."""
    folder = Path(shutil.copytree(CASES / name, tmp_path / "case"))
    path = folder / "before.Dockerfile"
    (folder / "after.Dockerfile").unlink(missing_ok=True)
    return fix_bytes(doctors[name.startswith("unsafe-")], path.read_bytes(), path), folder


@pytest.mark.parametrize("name", NAMES)
def test_it_is_fixed_as_its_author_would(name: str, tmp_path: Path, doctors: dict[bool, Doctor]) -> None:
    result, folder = fixed(name, tmp_path, doctors)
    changed = {Path(change.path).relative_to(folder): change.new for change in result.others}
    if os.environ.get("FIXER_CASES") == "write":
        (CASES / name / "after.Dockerfile").write_bytes(result.new)
        for place, new in changed.items():
            (CASES / name / f"{place}.after").write_bytes(new)
    assert result.new == (CASES / name / "after.Dockerfile").read_bytes()
    expected = {path.relative_to(CASES / name) for path in (CASES / name).rglob("*.after")}
    assert {place.with_name(f"{place.name}.after") for place in changed} == expected
    if not name.startswith("unsafe-"):
        confirm(parse(result.old), parse(result.new))
    for place, new in changed.items():
        assert new == (CASES / name / f"{place}.after").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_fixable_is_left_and_a_second_run_changes_nothing(
    name: str, tmp_path: Path, doctors: dict[bool, Doctor]
) -> None:
    unsafe = name.startswith("unsafe-")
    result, folder = fixed(name, tmp_path, doctors)
    assert not compatible(result.left.findings, unsafe=unsafe)
    for change in result.others:
        Path(change.path).write_bytes(change.new)
    path = folder / "before.Dockerfile"
    path.write_bytes(result.new)
    again = fix_bytes(doctors[unsafe], result.new, path)
    assert not again.changed
    assert not parse(result.new).problems


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) >= 40
