"""The script that imports extension modules, run by a real Python, and its answers read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dockerlint_alpine.elf.trees import MemoryTree, Node
from dockerlint_alpine.proof.verify.errors import NotVerifiedError
from dockerlint_alpine.proof.verify.import_level import SCRIPT, Module, modules_of, read_answers

SITE = "/usr/local/lib/python3.11/site-packages"


def test_each_kind_of_end(tmp_path: Path) -> None:
    for name, text in {
        "good": "import sys; print('noise')",
        "library": "raise ImportError('Error loading shared library libz.so.1: No such file or directory (needed by x)')",
        "symbol": "raise ImportError('Error relocating /x.so: foo: symbol not found')",
        "dependency": "import not_installed_anywhere",
        "own": "raise RuntimeError('no')",
        "crash": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "hang": "import time; time.sleep(60)",
        "leaves": "import os; os._exit(0)",
    }.items():
        (tmp_path / f"adv_{name}.py").write_text(text + "\n")
    names = ["good", "library", "symbol", "dependency", "own", "crash", "hang", "leaves"]
    done = subprocess.run(
        [sys.executable, "-B", "-c", SCRIPT, "nonce", "1", *(f"adv_{name}" for name in names)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(tmp_path)},
        cwd="/",
    )
    modules = [Module(f"/{name}.so", f"adv_{name}", "python") for name in names]
    found = read_answers(modules, done.stdout, "nonce", "here", done.returncode)
    assert [one.kind for one in found] == [
        "imported", "library", "symbol", "dependency", "error", "crash", "timeout", "error",
    ]  # fmt: skip
    assert [one.what for one in found[1:4]] == ["libz.so.1", "foo", "not_installed_anywhere"]
    assert [one.red for one in found] == [False, True, True, False, False, True, False, False]


def test_a_script_that_did_not_end_is_no_verdict() -> None:
    with pytest.raises(NotVerifiedError, match="could not import anything"):
        read_answers([], '@@nonce {"module": "x", "kind": "imported", "signal": 0}\n', "nonce", "image", 139)


def test_which_objects_are_modules() -> None:
    paths = [
        f"{SITE}/lz4/_version.cpython-311-x86_64-linux-musl.so",
        f"{SITE}/cryptography/hazmat/_rust.abi3.so",
        f"{SITE}/greenlet/tests/_test_extension.cpython-311-x86_64-linux-musl.so",
        f"{SITE}/odd-name/x.so",
        f"{SITE}/plain.so",
        "/opt/venv/lib/python3.11/site-packages/_cffi_backend.cpython-311-x86_64-linux-musl.so",
        "/usr/lib/libfoo.so",
    ]
    pythons = ["/usr/local/bin/python3.11", "/opt/venv/bin/python"]
    tree = MemoryTree({path: Node("file") for path in (*paths, *pythons)}, system=True)
    assert [(one.name, one.python) for one in modules_of(tree, paths)] == [
        ("lz4._version", "/usr/local/bin/python3.11"),
        ("cryptography.hazmat._rust", "/usr/local/bin/python3.11"),
        ("plain", "/usr/local/bin/python3.11"),
        ("_cffi_backend", "/opt/venv/bin/python"),
    ]
