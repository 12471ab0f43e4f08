r"""Documents whose commands are executed: every ```` ```console ```` block is a session, output included.

All sessions of a document are one: they run in one shell, in a folder that holds a copy of ``fixtures``, with the program
on the path. A line of ``...`` stands for any lines. ``UPDATE_DOCS=1 pytest tests/docs`` writes what is printed now into the
blocks, for review; an output with ``...`` in it that no longer agrees is replaced as a whole.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import CHECKOUT

BLOCK = re.compile(r"^( *)```console\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
END = "\x1e"
SCRIPTS = Path(sys.executable).parent


@dataclass(frozen=True)
class Command:
    """One command of a block and what the document says that it prints."""

    text: str
    output: str

    def agrees(self, printed: str) -> bool:
        """Whether the output is what was printed, ``...`` being anything."""
        pattern = "".join(
            r"(?:.*\n)*?" if line == "...\n" else re.escape(line) for line in self.output.splitlines(keepends=True)
        )
        return re.fullmatch(pattern, printed) is not None

    def written(self, printed: str) -> str:
        """The command with its output, kept where it agrees with what was printed."""
        return f"$ {self.text}\n{self.output if self.agrees(printed) else printed}"


def commands(text: str) -> Iterator[Command]:
    """The commands of all blocks; one may go on over lines that end in a backslash."""
    for match in BLOCK.finditer(text):
        yield from in_block(match)


def in_block(match: re.Match[str]) -> Iterator[Command]:
    indent = match[1]
    lines = [line.removeprefix(indent) for line in match[2].splitlines(keepends=True)]
    assert lines[0].startswith("$ "), lines[0]
    while lines:
        typed = [lines.pop(0)[2:]]
        while typed[-1].endswith("\\\n"):
            typed.append(lines.pop(0))
        output = []
        while lines and not lines[0].startswith("$ "):
            output.append(lines.pop(0))
        yield Command("".join(typed).rstrip("\n"), "".join(output))


def run(session: list[Command], folder: Path) -> list[str]:
    """What each command prints."""
    shutil.copytree(CHECKOUT / "fixtures", folder / "fixtures")
    script = "".join(f"{command.text}\nprintf '{END}'\n" for command in session)
    environment = {
        **{name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "COLUMNS"}},
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        timeout=600,
    )
    return done.stdout.decode().split(END)[:-1]


def updated(text: str, session: list[Command], printed: list[str]) -> str:
    """The document with what was printed."""
    results = iter(zip(session, printed, strict=True))

    def block(match: re.Match[str]) -> str:
        body = "".join(command.written(shown) for command, shown in (next(results) for _ in in_block(match)))
        lines = "".join(match[1] + line if line.strip() else line for line in body.splitlines(keepends=True))
        return f"{match[1]}```console\n{lines}{match[1]}```"

    return BLOCK.sub(block, text)
