"""Who can reach an engine: the verb, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache

import pytest

from tests.test_architecture import _modules, graph_of


@cache
def graph() -> Mapping[str, Iterable[str]]:
    return graph_of({module: path.read_text("utf-8") for module, path in _modules().items()})


def users_of(part: str) -> set[str]:
    """The modules outside of ``part`` that import it, anywhere in their text."""

    def inside(name: str) -> bool:
        return name == part or name.startswith(f"{part}.")

    return {module for module, names in graph().items() if not inside(module) and any(map(inside, names))}


def test_only_the_verb_leads_to_what_runs_a_project() -> None:
    assert users_of("proof.verify") - {"cli.completing"} == {"cli.verify", "cli.proving"}
    harmless = {"proof.verify.model", "proof.verify.planning"}  # what completion offers: words
    assert {name for name in graph()["cli.completing"] if name.startswith("proof.verify")} <= harmless
    assert not any(name.startswith(("docker", "elf.engine")) for one in harmless for name in graph()[one])


def test_fix_takes_only_the_options_of_verify() -> None:
    assert users_of("cli.proving") == {"cli.fix"}
    assert users_of("cli.verify") == {"cli.fix", "cli.proving"}


@pytest.mark.parametrize("command", ["check", "fix", "server", "diagnose", "verify"])
def test_help_imports_neither_docker_nor_websockets(command: str) -> None:
    code = (
        "import sys\nfrom dockerlint_alpine.cli import app\n"
        f"try:\n    app(['{command}', '--help'], prog_name='x')\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('docker', 'websockets', 'requests', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
