"""The site as it is built: generated pages are complete, and nothing in it asks another host."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from dockerlint_alpine.checks import CHECKS
from dockerlint_alpine.checks.base import HEADINGS, SILENT
from dockerlint_alpine.report import FORMATS
from dockerlint_alpine.run.config import Settings, as_dict
from tests.conftest import CHECKOUT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    command = [Path(sys.executable).parent / "mkdocs", "build", "--strict", "--quiet", "--site-dir", target]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def text(path: Path) -> str:
    """What a reader sees of a page."""
    article = re.search(r"<article.*?</article>", path.read_text(encoding="utf-8"), re.DOTALL)
    assert article is not None
    return unescape(re.sub(r"<[^>]+>", "", article[0]))


def test_every_code_has_a_page_with_all_headings_and_its_facts(site: Path) -> None:
    index = text(site / "codes" / "index.html")
    for check in CHECKS:
        html = (site / "codes" / check.code / "index.html").read_text(encoding="utf-8")
        headings = [unescape(h) for h in re.findall(r"<h2[^>]*>(.*?)<a class", html)]
        assert [heading for heading in headings if heading != SILENT] == list(HEADINGS)
        page = text(site / "codes" / check.code / "index.html")
        facts = re.search(r"severity\s+fix\s+works offline\s+since\s+(\w+)\s+(\w+).*?\s+yes\s+(\S+)", page)
        assert facts is not None
        assert facts.groups() == (check.severity, check.fix.partition(" ")[0], check.since)
        assert "```" not in page, "a fence that was not understood"
        assert check.code in index


def test_every_setting_is_explained(site: Path) -> None:
    page = text(site / "configuration" / "index.html")
    html = (site / "configuration" / "index.html").read_text(encoding="utf-8")
    for name, default in as_dict(Settings()).items():
        assert f'id="{name}"' in html
        assert ("Default: none" if default is None else f"Default: {json.dumps(default)}") in page


def test_every_object_of_the_report_is_explained(site: Path) -> None:
    html = (site / "json" / "index.html").read_text(encoding="utf-8")
    schema = json.loads((site / "schemas" / "report.json").read_text())
    for name, described in schema["$defs"].items():
        if "properties" in described:
            assert f'<h3 id="{name}">' in html
            assert all(f"<code>{key}</code>" in html for key in described["properties"])


def test_files_to_include_from_elsewhere_are_published_as_they_are(site: Path) -> None:
    package = CHECKOUT / "dockerlint_alpine"
    assert (site / "schemas" / "config.json").read_bytes() == (package / "run" / "config.schema.json").read_bytes()
    assert (site / "schemas" / "report.json").read_bytes() == (package / "report" / "schema.json").read_bytes()
    assert (site / "ci" / "gitlab.yml").read_bytes() == (CHECKOUT / "docs" / "ci" / "gitlab.yml").read_bytes()


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 500
    loaded = re.compile(
        r'<(?:script|img|iframe)[^>]+src="https?://|<link[^>]+rel="(?:stylesheet|preconnect)"[^>]+https?://'
    )
    assert [page for page in pages if loaded.search(page.read_text(encoding="utf-8"))] == []
    assert not any('class="mermaid"' in page.read_text(encoding="utf-8") for page in pages), (
        "mermaid comes from elsewhere"
    )


def test_the_diagrams_are_in_the_page_and_say_what_they_show(site: Path) -> None:
    html = (site / "why" / "index.html").read_text(encoding="utf-8")
    labels = re.findall(r'<svg class="diagram"[^>]+aria-label="([^"]+)"', html)
    assert len(labels) == len(list((CHECKOUT / "docs" / "diagrams").glob("*.svg")))


def test_the_formats_are_named_where_hooks_are_told(site: Path) -> None:
    page = text(site / "ci-recipes" / "index.html")
    assert {"sarif", "github", "gitlab", "junit", "checkstyle", "rdjson", "markdown"} <= set(FORMATS)
    assert all(name in page for name in ("sarif-file", "gitlab:", "junit:", "checkstyle:", "rdjson", "markdown:"))
