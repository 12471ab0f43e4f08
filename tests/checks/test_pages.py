"""Every check is its own documentation and test: its example is found, what it tells to use instead is not."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

from dockerlint_alpine import DOCS_URL, __version__
from dockerlint_alpine.checks import CHECKS, Check
from dockerlint_alpine.checks.base import HEADINGS, SILENT
from tests.checks.pages import examples, judge, sections
from tests.conftest import CHECKOUT

every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)

FIXES = {
    "safe": {"safe"},
    "safe or shown": {"safe", "display"},
    "unsafe": {"unsafe"},
    "unsafe or shown": {"unsafe", "display"},
    "shown": {"display"},
    "none": {None},
}
"""What a page says of its fix, and the applicabilities that it may have (None: no fix)."""


def test_codes_are_unique_and_sorted() -> None:
    codes = [check.code for check in CHECKS]
    assert codes == sorted(set(codes))
    assert len({check.name for check in CHECKS}) == len(CHECKS)


@every_check
def test_the_page_has_every_heading_with_something_below_it(check: Check) -> None:
    assert tuple(heading for heading in sections(check) if heading != SILENT) == HEADINGS
    assert all(text.strip() for text in sections(check).values())
    assert check.page.startswith("## ")
    assert len(check.description) > len("Reports nothing.")


def test_no_two_checks_share_a_page() -> None:
    assert len({check.page for check in CHECKS}) == len(CHECKS)


@every_check
def test_the_example_is_found_and_its_remedy_is_not(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert examples(check, "Example")
    assert examples(check, "Use instead")
    for heading, expected in (("Example", True), ("Use instead", False), (SILENT, False)):
        for number, project in enumerate(examples(check, heading)):
            root = tmp_path / f"{heading} {number}"
            root.mkdir()
            monkeypatch.chdir(root)
            found = judge(project, check.code, root)
            assert bool(found) == expected, (heading, number)
            agrees_with_the_page(check, found)


def agrees_with_the_page(check: Check, found: list[dict[str, object]]) -> None:
    for finding in found:
        fix = finding["fix"]
        assert (fix["applicability"] if isinstance(fix, dict) else None) in FIXES[check.fix]
        assert finding["severity"] == check.severity


@pytest.mark.parametrize("check", [c for c in CHECKS if c.fix.startswith("safe")], ids=lambda check: check.code)
def test_fixing_the_examples_leaves_nothing_to_fix(check: Check, mend) -> None:
    for project in examples(check, "Example"):
        if "Dockerfile" not in project.arguments:
            continue  # what a compose file starts: tests/checks/test_service_starts.py
        result = mend(project.files["Dockerfile"], project.files)
        left = [f for f in result.left.findings if f.code == check.code]
        assert result.changed or left
        assert not [f for f in result.left.findings if f.fix is not None and f.fix.applicability == "safe"]
        assert not left or check.fix == "safe or shown"
        assert all(f.fix is not None and f.fix.applicability == "display" for f in left)


@every_check
def test_links_lead_somewhere_wherever_the_page_is_read(check: Check) -> None:
    links = re.findall(r"\]\(([^)]+)\)", check.published)
    assert all(link.startswith("https://") for link in links)
    pages = {path.stem for path in (CHECKOUT / "docs").glob("*.md")} | {"configuration"}
    ours = (link.removeprefix(DOCS_URL).partition("#")[0] for link in links if link.startswith(DOCS_URL))
    assert {page.rstrip("/") for page in ours} <= pages


def test_since_is_a_version_up_to_this_one() -> None:
    assert all(Version(check.since) <= Version(__version__) for check in CHECKS)


def test_the_address_of_the_documentation_is_one() -> None:
    config = re.search(r"^site_url: (.+)$", (CHECKOUT / "mkdocs.yml").read_text(), re.MULTILINE)
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert config is not None
    assert yaml.safe_load(config[1]) == project["urls"]["Documentation"] == DOCS_URL
