"""What is made of the commands: man pages and the reference; and the links of README, which stands on other hosts, too."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click

from dockerlint_alpine.cli import app
from tests.conftest import CHECKOUT

SITE = "https://alpine-doctor.github.io/alpine-doctor/"
RAW = "https://raw.githubusercontent.com/alpine-doctor/alpine-doctor/main/"


def loaded(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, CHECKOUT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def paths(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from paths(inner, click.Context(inner, info_name=name, parent=context))


ALL = dict(paths(app, click.Context(app, info_name="alpine-doctor")))


def test_every_command_has_a_man_page(tmp_path: Path) -> None:
    assert loaded("tools/man_pages.py").write(tmp_path) == len(ALL)
    names = {path.stem for path in tmp_path.iterdir()}
    assert names == {path.replace(" ", "-") for path in ALL}
    page = (tmp_path / "alpine-doctor-check.1").read_text()
    assert "baseline" in page
    assert "--arch" not in page


def test_the_reference_has_every_command_and_option() -> None:
    text = "\n".join(loaded("docs/schema_pages.py").commands())
    headings = set(re.findall(r"^##+ (alpine-doctor.*)$", text, re.MULTILINE))
    assert headings == ALL.keys() - {"alpine-doctor"}
    for path, command in ALL.items():
        section = text.partition(f"# {path}\n")[2].partition("\n## ")[0]
        for parameter in command.params:
            if isinstance(parameter, click.Option) and path != "alpine-doctor":
                assert parameter.opts[0] in section, (path, parameter.opts)
    assert "\b" not in text


def test_the_links_of_readme_lead_to_pages_and_work_anywhere() -> None:
    readme = (CHECKOUT / "README.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert len(links) > 10
    for link in links:
        page, _, anchor = link.partition("#")
        if page.startswith(RAW):
            assert (CHECKOUT / page.removeprefix(RAW)).is_file(), link
            continue
        assert page.startswith(SITE), link
        source = (CHECKOUT / "docs" / f"{page.removeprefix(SITE).strip('/')}.md").read_text()
        headings = [line.lstrip("# ") for line in source.splitlines() if line.startswith("#")]
        slugs = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
        assert not anchor or anchor in slugs, link
