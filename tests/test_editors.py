"""The VS Code extension: what it says of this program is true, and its client library and our server get on."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dockerlint_alpine import __version__
from dockerlint_alpine.cli import COMMANDS
from dockerlint_alpine.server.actions import FIX_ALL
from tests.conftest import CHECKOUT

FOLDER = CHECKOUT / "editors" / "vscode"
SCRIPTS = sorted((FOLDER / "src").glob("*.js"))
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


def test_it_starts_our_server_and_has_our_version() -> None:
    package = json.loads((FOLDER / "package.json").read_text())
    assert package["version"] == __version__
    assert package["contributes"]["configuration"]["properties"]["alpine-doctor.command"]["default"] == []
    (command,) = re.findall(r'const args = \["(\w+)"\];', (FOLDER / "src" / "command.js").read_text())
    assert command in COMMANDS
    assert FIX_ALL in (FOLDER / "README.md").read_text()
    assert (FOLDER / package["icon"]).read_bytes().startswith(b"\x89PNG")


def test_every_setting_and_command_of_the_scripts_is_declared() -> None:
    package = json.loads((FOLDER / "package.json").read_text())
    text = "".join(script.read_text() for script in SCRIPTS)
    declared = {name.removeprefix("alpine-doctor.") for name in package["contributes"]["configuration"]["properties"]}
    assert set(re.findall(r'\.get\("(\w+)"\)', text)) == declared
    commands = {one["command"].removeprefix("alpine-doctor.") for one in package["contributes"]["commands"]}
    assert set(re.findall(r"registerCommand\(`\$\{SECTION\}\.(\w+)`", text)) == commands


@needs_node
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_script_is_one(script: Path) -> None:
    subprocess.run(["node", "--check", script], check=True)


@needs_node
def test_which_program_is_started() -> None:
    test = FOLDER / "test" / "command.test.js"
    done = subprocess.run(["node", "--test", test], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_the_bundle_the_package_and_the_protocol(tmp_path: Path) -> None:
    """Built as a release builds it; the server is asked through the library that the bundle has in it."""
    folder = tmp_path / "editors" / "vscode"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("node_modules", "dist", "*.vsix"))
    shutil.copyfile(CHECKOUT / "LICENSE", tmp_path / "LICENSE")
    program = {"ALPINE_DOCTOR": str(Path(sys.executable).with_name("alpine-doctor"))}
    for words in (["install", "--no-audit", "--no-fund"], ["test"], ["run", "package"]):
        done = subprocess.run(
            ["npm", *words],
            cwd=folder,
            env={**os.environ, **program},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(folder / "alpine-doctor.vsix") as package:
        names = set(package.namelist())
    assert {
        "extension/dist/extension.js",
        "extension/icon.png",
        "extension/package.json",
        "extension/LICENSE.txt",
    } <= names
    assert not [name for name in names if "node_modules" in name or "/src/" in name or "/test/" in name]
