"""The VS Code extension: what it says of this program is true, and its script is one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from dockerlint_alpine import __version__
from dockerlint_alpine.cli import COMMANDS
from dockerlint_alpine.server.actions import FIX_ALL
from tests.conftest import CHECKOUT

FOLDER = CHECKOUT / "editors" / "vscode"


def test_it_starts_our_server_and_has_our_version() -> None:
    package = json.loads((FOLDER / "package.json").read_text())
    assert package["version"] == __version__
    program, command = package["contributes"]["configuration"]["properties"]["alpine-doctor.command"]["default"]
    assert program == "alpine-doctor"
    assert command in COMMANDS
    assert FIX_ALL in (FOLDER / "README.md").read_text()


def test_every_setting_that_the_script_reads_is_declared() -> None:
    package = json.loads((FOLDER / "package.json").read_text())
    declared = {name.removeprefix("alpine-doctor.") for name in package["contributes"]["configuration"]["properties"]}
    assert set(re.findall(r'\.get\("(\w+)"\)', (FOLDER / "extension.js").read_text())) == declared


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_is_one() -> None:
    subprocess.run(["node", "--check", FOLDER / "extension.js"], check=True)
