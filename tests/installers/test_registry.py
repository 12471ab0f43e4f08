"""One more tool is one more file; what is no tool, or half of one, does not load."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine import installers
from dockerlint_alpine.installers.base import InstallCommand, VenvCommand
from dockerlint_alpine.installers.registry import (
    RegistryError,
    load_tools,
    mention_of_any,
    read_command,
    read_setting,
    tool_of,
    tools,
)
from dockerlint_alpine.python.model import Origin

from .support import TARGET, Place, args, words

RYE = """
import re

from dockerlint_alpine.installers.base import Arguments, InstallCommand, Installer, mentions, new_environment, read_config
from dockerlint_alpine.python.model import Requested, RequirementSet


class Rye(Installer):
    name = "rye"
    programs = re.compile("rye")
    mention = mentions("rye", "sync")

    def recognise(self, invocation):
        verb, *words = invocation.args
        return InstallCommand(self, "project", invocation.program, verb.text, tuple(words))

    def setting(self, invocation):
        return read_config(self, invocation)

    def options(self, command, words):
        return {word: ("",) for word in words}

    def home(self, command, options, place):
        return new_environment(place, "/rye", place.interpreter("python3"))

    def destination(self, command, options, home, place):
        return home.site_packages

    def request(self, command, words, place, target):
        origin = words.places[0]
        return Arguments(RequirementSet(requested=(Requested("lz4", "lz4", origin),)), {})

    def export(self, command, words, place, target):
        return RequirementSet()


TOOL = Rye()
"""

Add = Callable[[str, str], None]


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """Puts one more file into the folder of the tools."""
    monkeypatch.setattr(installers, "__path__", [*installers.__path__, str(tmp_path)])
    known = set(sys.modules)

    def write(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)

    yield write
    for name in set(sys.modules) - known:
        if name.startswith("dockerlint_alpine.installers."):
            del sys.modules[name]
            vars(installers).pop(name.rpartition(".")[2], None)


def test_every_module_is_a_tool() -> None:
    assert [tool.name for tool in tools()] == ["pdm", "pip", "pipenv", "pipx", "poetry", "uv", "venv"]


@given(st.data())
def test_a_tool_is_found_by_each_of_its_names(data: st.DataObject) -> None:
    """A program is looked for in the modules whose names are in its own: so no other need be loaded."""
    tool = data.draw(st.sampled_from(tools()))
    name = data.draw(st.from_regex(tool.programs.pattern, fullmatch=True))
    assert tool_of(name) is tool
    assert tool_of(f"{name}-") is tool_of("ls") is None


def test_a_new_file_is_a_new_tool(add: Add) -> None:
    assert read_command(args("rye sync")) is None
    add("rye", RYE)
    known = load_tools()
    found = read_command(args("/opt/rye sync --all"), known)
    assert isinstance(found, InstallCommand)
    place = Place()
    options = found.tool.options(found, [arg.text for arg in found.args])
    home = found.tool.home(found, options, place)
    assert home is not None
    assert (found.verb, options, place.homes) == ("sync", {"--all": ("",)}, {"/rye": home})
    assert found.tool.destination(found, options, home, place) == "/rye/lib/python3.11/site-packages"
    asked = found.tool.request(found, words(["--all"], [Origin("Dockerfile", 2)]), place, TARGET)
    assert [str(one.origin) for one in asked.requirements.requested] == ["Dockerfile:2"]
    assert read_setting(args("rye config use-uv true"), known) == ("rye.use-uv", "true")
    assert r"\brye\s" in mention_of_any(known)
    assert isinstance(read_command(args("uv venv"), known), VenvCommand)


@pytest.mark.parametrize("part", ["recognise", "options", "home", "destination", "request"])
def test_a_tool_without_a_part_does_not_load(add: Add, part: str) -> None:
    add("rye", RYE.replace(f"def {part}(", "def other("))
    with pytest.raises(TypeError, match=rf"abstract method '?{part}'?"):
        load_tools()


@pytest.mark.parametrize("part", ["name", "programs", "mention"])
def test_a_tool_without_a_name_does_not_load(add: Add, part: str) -> None:
    add("rye", RYE.replace(f"    {part} = ", "    other = "))
    with pytest.raises(TypeError, match=f"Rye lacks {part}"):
        load_tools()


@pytest.mark.parametrize("part", ["verbs", "before_verb", "table", "without_itself", "declared", "project_home"])
def test_a_project_tool_without_a_part_does_not_load(add: Add, part: str) -> None:
    text = (Path(installers.__path__[0]) / "pdm.py").read_text("utf-8").replace('name = "pdm"', 'name = "pdn"')
    changed = text.replace(f"    {part}: ", "    other: ").replace(f"    {part} = ", "    other = ")
    add("pdn", changed.replace(f"    def {part}(", "    def other("))
    with pytest.raises(TypeError, match=part):
        load_tools()


@pytest.mark.parametrize("text", ["", "TOOL = 1\n"])
def test_a_file_that_is_no_tool_is_refused(add: Add, text: str) -> None:
    add("rye", text)
    with pytest.raises(RegistryError, match=r"rye\.py has no TOOL"):
        load_tools()


def test_two_tools_of_one_name_are_refused(add: Add) -> None:
    add("rye", RYE.replace('name = "rye"', 'name = "pip"'))
    with pytest.raises(RegistryError, match="another tool called pip"):
        load_tools()
