"""A code is one file: found by its name, and known by its letters and digits to nobody else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import dockerlint_alpine
from dockerlint_alpine.checks import CHECKS, Check, check_of
from dockerlint_alpine.model.comparison import MissKind
from dockerlint_alpine.model.findings import Evidence, Fix, Location
from dockerlint_alpine.stages import UnjudgedKind
from tests.conftest import CHECKOUT

PACKAGE = Path(dockerlint_alpine.__file__).parent
CODE = re.compile(r"""["']AD[0-9]""")
PLACE = Location(1, 1, 1, 2)
WHY = (Evidence("rule", "detail"),)


def test_nothing_outside_the_checks_and_reports_knows_a_code() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{number}"
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in {"checks", "report"}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if CODE.search(line)
    ]
    assert not found


def test_every_module_that_is_called_by_a_code_is_a_check_of_that_code_and_name() -> None:
    named = {path.stem for path in (PACKAGE / "checks").glob("ad[0-9]*.py")}
    assert named == {f"{check.code.lower()}_{check.name.replace('-', '_')}" for check in CHECKS}


def test_whatever_a_walk_could_not_see_is_a_finding_of_one_check() -> None:
    assert sorted(check.kind for check in CHECKS if check.kind is not None) == sorted(get_args(UnjudgedKind))
    assert all(check.could_not_judge for check in CHECKS if check.kind is not None)


def test_what_an_image_lacks_is_a_finding_of_one_check_unless_it_is_only_likely() -> None:
    reported = [kind for check in CHECKS for kind in check.misses]
    assert sorted([*reported, "open"]) == sorted(get_args(MissKind))


def test_a_purpose_is_given_wherever_a_safe_fix_adds_a_package_and_nowhere_else() -> None:
    renames = {"AD301"}  # writes another name for a package that is asked for
    assert {check.code for check in CHECKS if check.purpose is not None} == {
        check.code for check in CHECKS if check.fix.startswith("safe")
    } - renames


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_a_finding_takes_what_is_its_code_s_from_the_check(check: Check) -> None:
    sure = check.finding("message", at=PLACE, evidence=(*WHY, None, *WHY), packages=("lz4-libs", None))
    assert (sure.code, sure.name, sure.severity, sure.evidence) == (check.code, check.name, check.severity, WHY)
    assert sure.packages == ("lz4-libs",)
    assert sure.could_not_judge == check.could_not_judge
    assert check_of(sure) is check
    safe = Fix("title", "safe", ())
    guess = check.finding("message", at=PLACE, evidence=WHY, confidence="possible", fix=safe)
    assert guess.severity == {"error": "warning"}.get(check.severity, check.severity)
    assert guess.fix is not None
    assert guess.fix.applicability == "unsafe"


def test_all_that_lacks_is_mended_at_once_and_removals_come_last() -> None:
    phases = {check.code: check.finding("message", at=PLACE, evidence=WHY).traits.phase for check in CHECKS}
    assert phases["AD101"] == phases["AD201"] < phases["AD401"]
    assert {phases[check.code] for check in CHECKS if check.removes} == {phases["AD402"]}


def test_a_new_file_is_a_new_code(tmp_path: Path) -> None:
    module = (PACKAGE / "checks" / "ad904_syntax_error.py").read_text(encoding="utf-8")
    (tmp_path / "ad999_test_only.py").write_text(
        module.replace('"AD904"', '"AD999"').replace('"syntax-error"', '"test-only"'), encoding="utf-8"
    )
    program = (
        "import sys, importlib.util as u\n"
        "spec = u.find_spec('dockerlint_alpine.checks')\n"
        f"spec.submodule_search_locations.append({str(tmp_path)!r})\n"
        "module = u.module_from_spec(spec)\n"
        "sys.modules['dockerlint_alpine.checks'] = module\n"
        "spec.loader.exec_module(module)\n"
        "print(module.CHECKS[-1].code, module.check_by_topic('test-only').name)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=CHECKOUT)
    assert (done.stdout, done.stderr) == ("AD999 test-only\n", "")
