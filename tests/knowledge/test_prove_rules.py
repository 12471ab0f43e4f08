"""The maintainers' script that proves rules by building: its plan, and what it makes of a build's environment."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge import Knowledge

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "prove_rules.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prove_rules", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["prove_rules"] = module
    spec.loader.exec_module(module)
    return module


def test_every_plan_speaks_of_rules_that_exist(script: ModuleType, knowledge: Knowledge) -> None:
    plans = script.plans()
    assert len({plan.name for plan in plans}) >= 25
    for plan in plans:
        entry = knowledge.distribution(plan.name)
        assert entry is not None, plan.name
        assert entry.builds, plan.name
        assert [name for name in plan.libraries if knowledge.library(name) is None] == [], plan.name
        assert bool(plan.libraries) == bool(plan.debian), plan.name


def test_the_compiler_sees_the_proof_s_own_headers_only(script: ModuleType, tmp_path: Path) -> None:
    plan = script.Plan("lz4", env={"JPEG_ROOT": "{root}/usr"})
    root = tmp_path / "root"
    root.mkdir()
    variables = script.environment(plan, root, tmp_path)
    assert variables["JPEG_ROOT"] == f"{root}/usr"
    compiler = Path(variables["CC"])
    compiler.write_text(compiler.read_text().replace("exec musl-gcc", "exec echo"))
    words = ["-I/usr/include/postgresql", "-L/usr/lib/x86_64-linux-gnu", "-D_FORTIFY_SOURCE=2", "a b.c", "-lpq"]
    said = subprocess.run([compiler, *words], capture_output=True, text=True, check=True).stdout.split()
    assert f"-I{root}/usr/include/postgresql" in said
    assert not {"-L/usr/lib/x86_64-linux-gnu", "-D_FORTIFY_SOURCE=2"} & set(said)
    assert said[0] == "-Wl,--as-needed"
    assert said[-1] == f"-L{root}/usr/lib"


def test_a_folder_by_architecture_is_shown_where_builds_look(script: ModuleType, tmp_path: Path) -> None:
    for name in ("include/openssl/ssl.h", "include/x86_64-linux-gnu/openssl/conf.h", "include/x86_64-linux-gnu/curl.h"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    script.flatten(tmp_path / "include", [tmp_path / "include" / "x86_64-linux-gnu", tmp_path / "nosuch"])
    assert (tmp_path / "include/openssl/ssl.h").is_file()
    assert (tmp_path / "include/openssl/conf.h").is_file()
    assert (tmp_path / "include/curl.h").is_file()
