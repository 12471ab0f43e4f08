from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.checks.starts.python_code import programs_of_shell
from dockerlint_alpine.python.sources.started import StartedProgram, imported_modules, started_programs


def started(source: bytes, *, is_main: bool = True) -> tuple[StartedProgram, ...]:
    return started_programs(source, programs_of_shell, is_main=is_main)


def names(text: str, *, is_main: bool = False) -> list[str]:
    return [one.program for one in started(textwrap.dedent(text).encode(), is_main=is_main)]


HEAD = """\
import os, asyncio, contextlib, shlex, shutil, subprocess, sys
import subprocess as sp
from subprocess import Popen, run
"""


@pytest.mark.parametrize(
    ("code", "programs"),
    [
        ("subprocess.run(['a', x])", ["a"]),
        ("subprocess.Popen(('a', *more), stdout=1)", ["a"]),
        ("subprocess.check_output('a')", ["a"]),
        ("subprocess.call('a b')", []),  # no program has this name
        ("subprocess.call('a -x | b; c && d || e', shell=True)", ["a", "b", "c", "d"]),
        ("subprocess.run(f'a {x} | {y} -c', shell=True)", ["a"]),
        ("subprocess.run('a %s' % x, shell=True)", ["a"]),
        ("subprocess.getoutput('a {}'.format(x))", ["a"]),
        ("subprocess.run(shlex.split('a -b'))", ["a"]),
        ("subprocess.run(['a'] + more)", ["a"]),
        ("subprocess.run(['/opt/a'])\nsubprocess.run([x, 'a'])\nsubprocess.run(x)", ["/opt/a"]),
        ("if x:\n    c = ['a']\n    run(c)\nelse:\n    c = ['b', 1]\n    c += x\n    run(c)", ["a", "b"]),
        ("c = ['a']\nif x:\n    c = ['b']\nrun(c)\nc = ['d']\nrun(c)", ["d"]),
        ("c = ['a']\nrun(c)\nfor c in x:\n    run(c)\nc: list = ['b']\nrun(c)", ["a", "b"]),
        ("c = ['a']\ndef f(c):\n    run(c)\n    c = ['b']\n    try:\n        run(c)\n    finally:\n        pass", ["b"]),
        ("os.execv('/sbin/a', ['a', 'b'])", ["/sbin/a"]),
        ("sp.run(['a'])\nrun(['b'])\nPopen(['c'])", ["a", "b", "c"]),
        ("os.system('a')\nos.popen('b c')\nos.execvp('d', [])", ["a", "b", "d"]),
        ("asyncio.create_subprocess_exec('a', 'b')\nasyncio.create_subprocess_shell('c')", ["a", "c"]),
        ("other.run(['a'])", []),
        ("cmd = ['a']\nsubprocess.run(cmd)", ["a"]),
        ("cmd = ['a']\ncmd += ['b']\nsubprocess.run(cmd)", ["a"]),
        ("cmd = ['a']\ncmd = ['b']\nsubprocess.run(cmd)", ["b"]),
        ("def f(cmd=['a']):\n    subprocess.run(cmd)", []),
        ("def f():\n    cmd = ['a']\n    def g():\n        subprocess.run(cmd)\ndef h():\n    subprocess.run(cmd)", ["a"]),
        ("try:\n    subprocess.run(['a'])\nexcept OSError:\n    subprocess.run(['b'])", ["b"]),
        ("try:\n    subprocess.run(['a'])\nexcept (KeyError, subprocess.CalledProcessError):\n    pass", ["a"]),
        ("with contextlib.suppress(FileNotFoundError):\n    subprocess.run(['a'])", []),
        ("if sys.platform == 'win32':\n    subprocess.run(['a'])\nelse:\n    subprocess.run(['b'])", []),
        ("if shutil.which('a'):\n    subprocess.run(['a'])\nsubprocess.run(['a'])", []),
        ("if debug:\n    subprocess.run(['a'])", ["a"]),
        ("# subprocess.run(['a'])", []),
        ("subprocess.run(['xdg-open', url])", []),
        ("if config.OS == 'Darwin':\n    subprocess.run(['a'])\nelif x:\n    subprocess.run(['b'])", []),
    ],
)  # fmt: skip
def test_what_is_started(code: str, programs: list[str]) -> None:
    assert names(f"{HEAD}{code}") == programs


def test_what_only_the_main_module_does() -> None:
    text = "import subprocess\nif __name__ == '__main__':\n    subprocess.run(['a'])\n"
    assert (names(text), names(text, is_main=True)) == ([], ["a"])


def test_where_it_stands() -> None:
    (found,) = started(b"import subprocess\n\n  \nsubprocess.run(\n  ['a'])\n")
    assert (found.line, found.text) == (4, "subprocess.run(")


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("import a, b.c as d\n", [(0, "a"), (0, "b.c")]),
        ("from a import b, c as d\n", [(0, "a"), (0, "a.b"), (0, "a.c")]),
        ("from a import (\n  b,\n  c,\n)\n", [(0, "a"), (0, "a.b"), (0, "a.c")]),
        ("from . import b\nfrom ..c import d\n", [(1, ""), (1, "b"), (2, "c"), (2, "c.d")]),
        ("def f():\n    import a\n# import b\n", [(0, "a")]),
        ("from a import *\n", [(0, "a")]),
        ("import importlib\nimportlib.import_module('a.b')\n", [(0, "a.b"), (0, "importlib")]),
    ],
)
def test_what_is_imported(text: str, modules: list[tuple[int, str]]) -> None:
    assert list(imported_modules(text.encode())) == modules


@pytest.mark.parametrize(
    "source",
    [b"subprocess (", b"import subprocess\n" + b"(" * 5000, b"\0subprocess", b"import subprocess\n" + b"-" * 100_000 + b"1",
     b"import subprocess\nsubprocess.run('" + b"a|" * 50_000 + b"', shell=True)", b"\xff\xfe subprocess",
     b"from a import (\n" * 20_000, b"os " * 100_000 + b"(", b"os." + b" " * 100_000, b"import " + b"a," * 100_000],
)  # fmt: skip
def test_what_is_no_source_tells_nothing(source: bytes) -> None:
    assert started(source) == ()
    assert isinstance(imported_modules(source), tuple)


@pytest.mark.property
@given(st.text("import subprocess.run(['a'], shell=True)\n\t :fx=+try:except*\"", max_size=200))
def test_no_text_is_a_traceback(text: str) -> None:
    source = f"import subprocess\n{text}".encode()
    started(source)
    imported_modules(source)
