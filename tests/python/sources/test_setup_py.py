# ruff: noqa: E501 - the lines are test data
from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.python.sources.setup_py import read_setup_py
from dockerlint_alpine.python.sources.setup_script import Asked, SetupScript


def script(text: str, files: dict[str, str] | None = None) -> SetupScript:
    return read_setup_py(text.encode(), lambda path: (files or {})[path].encode() if path in (files or {}) else None)


def required(text: str, files: dict[str, str] | None = None) -> list[str]:
    found = script(f"from setuptools import setup\n{text}", files)
    return [name for name, _ in found.install_requires or ()]


@pytest.mark.parametrize(
    "text",
    [
        "setup(install_requires=['a', 'b>=1'])",
        "REQ = ['a']\nREQ += ['b>=1']\nsetup(install_requires=REQ)",
        "REQ = ['a']\nREQ.append('b>=1')\nsetup(install_requires=REQ)",
        "V = '1'\nsetup(install_requires=['a', 'b>=' + V])",
        "V = '1'\nsetup(install_requires=['a', f'b>={V}'])",
        "setup(install_requires=['a', 'b>=%s' % '1'])",
        "setup(install_requires=['a', 'b>={}'.format('1')])",
        "setup(install_requires=('a',) + ('b>=1',))",
        "setup(install_requires='''a\nb>=1\n''')",
        "setup(install_requires=open('req.txt').read().splitlines())",
        "with open('req.txt') as f:\n    R = f.read().splitlines()\nsetup(install_requires=R)",
        "with open('req.txt') as f:\n    R = [l.strip() for l in f if l.strip() and not l.startswith('#')]\nsetup(install_requires=R)",
        "import os\nhere = os.path.abspath(os.path.dirname(__file__))\ndef read(n):\n    with open(os.path.join(here, n), encoding='utf-8') as f:\n        return f.read()\nsetup(install_requires=read('req.txt').split('\\n'))",
        "from pathlib import Path\nsetup(install_requires=Path('req.txt').read_text().splitlines())",
        "from pathlib import Path\nH = Path(__file__).parent\nsetup(install_requires=(H / 'req.txt').read_text().splitlines())",
        "from pip.req import parse_requirements\nsetup(install_requires=[str(r) for r in parse_requirements('req.txt', session=1)])",
        "def f(*names):\n    return list(names)\nsetup(install_requires=f('a', 'b>=1'))",
        "K = dict()\nK['install_requires'] = ['a', 'b>=1']\nsetup(name='x', **K)",
        "R = []\nfor n in ('a', 'b>=1'):\n    R.append(n)\nsetup(install_requires=R)",
        "import sys\nif sys.platform == 'win32':\n    R = ['w']\nelse:\n    R = ['a', 'b>=1']\nsetup(install_requires=R)",
        "E = {'x': ['a'], 'y': ['b>=1']}\nsetup(install_requires=[n for l in [] for n in l] or E['x'] + E['y'])",
        "S = dict(name='x')\ndef f():\n    return {'install_requires': ['a', 'b>=1']}\nP = dict(S, **f())\nsetup(**P)",
        "import os\nB = os.environ.get('B', '').strip() or None\nR = ['a', 'b>=1']\nif B is not None:\n    R.append(B)\nsetup(install_requires=R)",
        "def main():\n    setup(install_requires=['a', 'b>=1'])\nif __name__ == '__main__':\n    main()",
    ],
)  # fmt: skip
def test_idioms(text: str) -> None:
    assert required(text, {"req.txt": "# comment\na\nb>=1\n"}) == ["a", "b>=1"]


@pytest.mark.parametrize(
    ("text", "required"),
    [
        ("R = []\nfor x in ['a', '# b', 'c', 'd']:\n  if x[0] == '#': continue\n  if x == 'd': break\n  R.append(x)", ["a", "c"]),
        ("R = [x[:-1] for x in ['aX', 'bX']] + ['-c'[1:]]", ["a", "b", "c"]),
        ("E = {'x': ['a'], 'y': ['b', 'c']}\nR = list({d for l in E.values() for d in l})", ["a", "b", "c"]),
        ("import sys\nR = ['a']\nif sys.argv[1:2] == ['py2exe'] or sys.argv[-1] == 'publish':\n  R += ['b']", ["a"]),
        ("import sys\nR = ['a']\nif sys.argv[1] != 'py2exe':\n  R += ['b']", ["a", "b"]),
        ("import sys\nR = ['a']\nif {'test', 'ptr'}.intersection(sys.argv) or 'sdist' in sys.argv:\n  R += ['b']", ["a"]),
        (
            "if pip.new:\n  from pip._internal.req import parse_requirements\nelse:\n  from pip.req import parse_requirements\n"
            "R = [str(one.req) for one in parse_requirements('r.txt', session=None)]",
            ["a", "b"],
        ),
        ("R = list(filter(None, [one.strip() for one in open('r.txt').readlines()]))", ["a", "b"]),
        ("R = list(set(open('r.txt').read().split('\\n')) - set(['', 'b']))", ["a"]),
        ("from pathlib import Path\nR = Path(__file__).with_name('r.txt').read_text().splitlines()", ["a", "b"]),
        ("import os\nR = open('r.txt').read() if os.path.exists('r.txt') else ''", ["a", "b"]),
        ("from sys import platform\nR = ['a'] if platform == 'linux' else ['b']", ["a"]),
        ("import platform\nR = ['a']\nif platform.system() == 'Windows':\n  R += ['b']", ["a"]),
        ("import sys\nR = ['b'] if hasattr(sys, 'pypy_version_info') or '__pypy__' in sys.builtin_module_names else ['a']", ["a"]),
        ("try:\n  import x\nexcept ImportError:\n  x = None\nR = ['a']\nif x is None:\n  R += ['b']", ["a"]),
        ("R = ['a'] if 1 < 2 <= 2 and not 3 > 4 else ['b']", ["a"]),
        ("def f():\n  if input():\n    return ['a']\n  return ['a']\nR = f()", ["a"]),
        ("def f():\n  class X:\n    def g(self):\n      return 1\n  return ['a']\nR = f()", ["a"]),
    ],
)  # fmt: skip
def test_what_a_script_computes(text: str, required: list[str]) -> None:
    found = script(f"from setuptools import setup\n{text}\nsetup(install_requires=R)", {"r.txt": "a\nb\n"})
    assert [one for one, _ in found.install_requires or ()] == required
    assert not found.unclear


def test_what_is_said_of_lists_that_nobody_asked_for() -> None:
    """Of extras who asks for them is told, of other lists nobody."""
    text = "T = []\nR = ['a']\nif input():\n  T.append('x')\n  R.append('b')\n"
    found = script(f"{text}setup(tests_require=T, extras_require={{'x': magic(), 'y': R}})")
    assert [(one.line, one.extra) for one in found.unclear] == [(None, "x"), (5, "y")]


def test_lines() -> None:
    found = script("from setuptools import setup\nsetup(\n  install_requires=[\n    'a',\n    'b',\n  ],\n)\n")
    assert found.install_requires == (("a", 4), ("b", 5))


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("import os\nsetup(install_requires=os.environ['R'].split())", "install_requires is computed at run time"),
        (
            "R = ['a']\nif input():\n    R.append('b')\nsetup(install_requires=R)",
            "whether R.append('b') is executed is decided at run time",
        ),
        (
            "def f():\n    if input():\n        return ['b']\n    return ['a']\nsetup(install_requires=f())",
            "install_requires is computed at run time",
        ),
        (
            "import os\nR = ['b'] if os.path.exists('more.txt') else ['a']\nsetup(install_requires=R)",
            "install_requires is computed at run time",
        ),
        ("setup(install_requires=['a', magic()])", "a part of install_requires is computed at run time"),
        ("setup(**magic())", "setup() gets arguments that are computed at run time"),
        (
            "import os\nsetup(install_requires=open('/etc/' + os.uname()[1]).read())",
            "install_requires is computed at run time",
        ),
    ],
)
def test_what_cannot_be_told_is_said(text: str, doubt: str) -> None:
    found = script(f"from setuptools import setup\n{text}")
    assert doubt in [message for _, message in found.doubts]
    assert not {"b", "magic"} & {name for name, _ in found.install_requires or ()}


def test_files_outside_the_project_are_not_read() -> None:
    seen: list[str] = []

    def read(path: str) -> bytes | None:
        seen.append(path)
        return None

    read_setup_py(b"from setuptools import setup\nsetup(install_requires=open('../../etc/passwd').read())", read)
    assert seen == []


ENVIRONMENT = """
import os
from os import environ, getenv
from setuptools import setup, Extension
libraries = ['base']
if int(os.environ.get('STATIC', '0')):
    libraries.append('static')
else:
    libraries.append('shared')
if 'WITH_SSL' in environ:
    libraries.append('ssl')
if getenv('NO_Z') is None:
    libraries.append('never compared')
if not getenv('NO_Z'):
    libraries.append('z')
if os.environ['ROOT'] == '/x':
    libraries.append('root')
if os.environ.get('HOME'):
    libraries.append('home')
setup(ext_modules=[Extension('a', ['a.c'], libraries=libraries)])
"""


@pytest.mark.parametrize(
    ("variables", "decided"),
    [
        ({}, {"shared", "z"}),
        ({"STATIC": "1"}, {"static", "z"}),
        ({"WITH_SSL": "", "NO_Z": "1"}, {"shared", "ssl"}),
        ({"ROOT": "/x"}, {"shared", "z", "root"}),
    ],
)
def test_branches_that_ask_for_variables_are_the_stages(variables: dict[str, str], decided: set[str]) -> None:
    found = read_setup_py(ENVIRONMENT.encode(), lambda _: None, variables)
    assert found.variables == ("STATIC", "WITH_SSL", "NO_Z", "ROOT")
    (extension,) = found.extensions
    assert set(extension.libraries) & {"static", "shared", "ssl", "z", "root"} >= decided - {"root"}
    assert "static" not in extension.libraries or "static" in decided
    assert "ssl" not in extension.libraries or "ssl" in decided
    assert "z" not in extension.libraries or "z" in decided


def test_extensions_and_what_is_asked_for() -> None:
    found = script(
        """
import os, subprocess, pkgconfig
from setuptools import setup, Extension
from setuptools.command.build_ext import build_ext
LIBS = ['ssl', 'crypto']
ext = Extension('fast', sources=['fast.c'], libraries=LIBS + ['z'], define_macros=[('A', '1')])
class Build(build_ext):
    def run(self):
        subprocess.check_output(['pg_config', '--includedir'])
        subprocess.call(['pkg-config', '--libs', 'libpq'])
if os.environ.get('CPP'):
    more = Extension('cpp', ['x.cpp'], language='c++')
if pkgconfig.installed('liblz4', '>= 1.7.5'):
    LIBS.append('lz4')
setup(ext_modules=[ext], setup_requires=['cffi'])
"""
    )
    assert [(one.name, one.libraries, one.language, one.conditional, one.complete) for one in found.extensions] == [
        ("fast", ("ssl", "crypto", "z"), None, False, True),
    ]
    assert found.extensions[0].line == 6
    assert found.pkg_config == (Asked("libpq", 10, required=False), Asked("liblz4", 13, required=False))
    assert found.programs == (Asked("pg_config", 9, required=False),)
    assert found.setup_requires == (("cffi", 15),)


@pytest.mark.parametrize(
    "text",
    [
        "x = ['a']\nwhile True:\n    x += x",
        "x = 'a'\nfor i in [1] * 9:\n    x += x",
        "def f(n):\n    return f(n)\nf(1)",
        "x = ['a'] + ['b']\n" + "x = x + x\n" * 60,
        "x = 'a'\n" + "x = x.replace('a', 'aaaaaaaaaaaaaaaa')\n" * 30,
        "x = '%999999999d' % 1",
        "x = '{:>999999999}'.format('')",
        "x = '{0.__class__.__mro__}'.format('')",
        "x = []\nfor a in [1,2,3,4,5,6,7,8,9]:\n"
        + "".join(f"{'  ' * depth}for b{depth} in [1,2,3,4,5,6,7,8,9]:\n" for depth in range(1, 12))
        + f"{'  ' * 12}x.append('a')",
    ],
)
def test_bombs_end(text: str) -> None:
    found = script(f"from setuptools import setup\n{text}\nsetup(install_requires=['a'])\n")
    assert found.install_requires in {(("a", found.install_requires[0][1]),) if found.install_requires else None, None}


def test_nothing_is_executed(tmp_path: Path) -> None:
    target = tmp_path / "made"
    before = set(sys.modules)
    script(
        f"import os, antigravity\nos.system('touch {target}')\nopen({str(target)!r}, 'w').write('x')\n__import__('this')\nexec('1/0')\n"
    )
    assert not target.exists()
    assert not {"antigravity", "this"} & (set(sys.modules) - before)


def test_python_2_is_said() -> None:
    assert "not readable as Python 3" in script("print 'x'\n").doubts[0][1]


@given(st.text(alphabet="()[]{}'\",=+-*/%:. \n\tabfordefsetupinf0123_#", max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    script(text)


@pytest.mark.parametrize("operator", ["in", "not in"])
def test_a_list_is_looked_up_in_a_dict(operator: str) -> None:
    """Python stops there; a project's branch that it never takes must not stop us."""
    found = script(
        f"d = {{'a': 1}}\nif ['a'] {operator} d:\n    n = 'x'\nelse:\n    n = 'y'\nsetup(install_requires=[n])\n"
    )
    assert [name for name, _ in found.install_requires or ()] == ["y" if operator == "in" else "x"]


def test_what_is_read_is_plain_text() -> None:
    """It is kept as JSON, which knows no strings with a memory of their line."""
    script = (
        b"import os\nfrom setuptools import setup\nos.environ.get('A' + 'B')\nsetup(name='x', install_requires=['a'])\n"
    )
    assert msgspec.json.encode(read_setup_py(script, lambda _: None))
