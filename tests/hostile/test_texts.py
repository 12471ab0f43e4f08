"""Dockerfiles and requirements of a stranger: values that grow, texts without end, words that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile import arena

_BASE = "FROM python:3.12-alpine3.20\n"


def doubling(keyword: str, count: int = 60) -> str:
    """Two to the power of ``count`` characters, if anybody wrote them out."""
    return f"{keyword} A0=xxxxxxxx\n" + "".join(f"{keyword} A{i}=${{A{i - 1}}}${{A{i - 1}}}\n" for i in range(1, count))


DOCKERFILES: dict[str, str] = {
    "stages of stages": _BASE.strip()
    + " AS s0\n"
    + "".join(f"FROM s{i - 1} AS s{i}\nRUN apk add tini\n" for i in range(1, 5000)),
    "ARG doubles": _BASE + doubling("ARG") + "RUN apk add $A59\n",
    "ENV doubles": _BASE + doubling("ENV") + "RUN apk add $A59\n",
    "global ARG doubles": doubling("ARG") + "FROM $A59\nRUN apk add x\n",
    "a shell doubles": _BASE
    + "RUN A0=xxxxxxxx; "
    + "".join(f"A{i}=$A{i - 1}$A{i - 1}; " for i in range(1, 60))
    + "apk add $A59\n",
    "defaults in defaults": _BASE + "ARG X=" + "${A:-" * 3000 + "}" * 3000 + "\n",
    "a value many times": _BASE + "ENV A=" + "x" * 10_000 + "\nRUN apk add " + "$A" * 50_000 + "\n",
    "a loop in a loop": _BASE
    + "RUN for a in "
    + "x " * 1000
    + "; do for b in "
    + "y " * 1000
    + "; do apk add $a$b; done; done\n",
    "braces": _BASE + "RUN apk add {1..100000000} " + "{a,b}" * 40 + "\n",
    "many names": _BASE + "ENV " + " ".join(f"A{i}=x" for i in range(20_000)) + "\n",
    "nesting": _BASE + "RUN " + "$(" * 5000 + "\nRUN " + "(" * 5000 + "\nRUN " + "if true; then " * 3000 + "\n",
    "quotes": _BASE + "RUN " + "'\"`" * 5000 + "\nRUN " + "\\\n" * 20_000 + "x\n",
    "heredocs": _BASE + "RUN " + " ".join(f"<<E{i}" for i in range(2000)) + "\nx\n" * 100,
    "a heredoc by name of a variable": _BASE + "RUN cat <<EOF${X:-y}\nRUN apk add lz4-devv\n",
    "sed": _BASE
    + "COPY <<E /f\n"
    + ("a" * 300 + "\n") * 200
    + "E\n"
    + ("RUN sed -i '" + "s/.*.*b/x/;" * 20 + "' /f\n") * 9
    + "COPY <<E /g\n"
    + ("a" * 4000 + "\n") * 50
    + "E\n"
    + "RUN apk add $(grep -v '.*.*b' /g)\n" * 9,
    "patterns": _BASE + "ENV A=" + "a" * 4000 + "\nENV B=${A##" + "*a" * 500 + "b}\nENV C=${A//" + "?*" * 500 + "/x}\n",
    "a long line": _BASE + "RUN apk add " + "x" * 2_000_000 + "\n",
    "long numbers": _BASE
    + "RUN pip install lz4=="
    + "1" * 8000
    + " && apk add lz4="
    + "1" * 8000
    + "-r0 a="
    + "1." * 4000
    + "1\n",
    "no UTF-8": _BASE + "RUN apk add lz4-\udc85ev \udcff \u202e\x1b[31m\n",
    "JSON": _BASE + "CMD " + "[" * 100_000 + "\nENTRYPOINT " + '["' + "\\u" * 1000 + '"]\n',
    "options": _BASE + "RUN --mount=" + "type=bind," * 5000 + " true\nCOPY --from=" + "x" * 100_000 + " a b\n",
    "stages in a circle": "".join(f"FROM s{(i + 1) % 300} AS s{i}\n" for i in range(300)),
    "stages in a row": "FROM alpine:3.20 AS s0\n" + "".join(f"FROM s{i - 1} AS s{i}\n" for i in range(1, 600)),
    "NUL behind the head": _BASE + "#" * 9000 + "\0\nRUN apk add x\n",
    "a date": _BASE + "# syntax=" + "x" * 100_000 + "\n# escape=`\nRUN apk add x\n",
}

REQUIREMENTS: dict[str, str] = {
    "parentheses": "lz4; " + "(" * 500 + "python_version>'3'" + ")" * 500,
    "many parentheses": "lz4; " + "(" * 50_000,
    "and": "lz4; " + " and ".join(["python_version>'3'"] * 5000),
    "digits": "lz4==" + "1" * 8000,
    "dots": "lz4==" + "1." * 8000 + "1",
    "specifiers": "lz4" + ",".join([">=1"] * 20_000),
    "extras": "lz4[" + ",".join(f"a{i}" for i in range(20_000)) + "]",
    "an address": "lz4 @ http://[bad/x.whl",
    "another address": "--index-url http://[bad\nlz4",
    "hashes": "lz4==4.4.5 " + "--hash=sha256:0 " * 10_000,
    "continuations": "lz4 \\\n" * 20_000,
    "many": "\n".join(f"p{i}==1.0" for i in range(5000)),
    "control": "lz4\x1b[31m\u202e\u2028==\x85\x07",
    "no UTF-8": "lz4\udcff\udc80==1",
    "everything": "-r .\n-c /etc\n-e /\n-r \0\n-r " + "a/" * 5000 + "\n-r ../../../../etc/passwd",
    "a long name": "x" * 1_000_000,
    "an environment": "${HOME}==1\nlz4==${X}",
}


def _lay_out(root: Path, dockerfile: str, files: dict[str, str]) -> None:
    root.mkdir(parents=True)
    for name, text in {"Dockerfile": dockerfile, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode("utf-8", "surrogateescape"))


def test_dockerfiles(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """All in one run, twice: what is said, and what would be written."""
    for number, text in enumerate([*DOCKERFILES.values(), "FROM alpine:3.19\nRUN apk add lz4-devv\n"]):
        _lay_out(tmp_path / f"p{number}", text, {})
    done = arena.doctor("check", "-j", "2", "--output-format", "json", ".", cwd=tmp_path, seconds=90).sound()
    report = json.loads(done.out)
    last = next(one for one in report["files"] if one["path"] == f"p{len(DOCKERFILES)}/Dockerfile")
    assert [found["code"] for found in last["findings"]] == ["AD301"]
    arena.doctor("fix", "--diff", ".", cwd=tmp_path, seconds=90).sound()
    tried(len(DOCKERFILES))


def test_requirements(tmp_path: Path, tried: Callable[[int], None]) -> None:
    install = _BASE + "COPY . .\nRUN pip install -r requirements.txt\n"
    for number, text in enumerate(REQUIREMENTS.values()):
        _lay_out(tmp_path / f"p{number}", install, {"requirements.txt": text})
    chain = {f"r{i}.txt": f"-r r{i + 1}.txt\n" for i in range(500)} | {
        "requirements.txt": "-r r0.txt\n",
        "r500.txt": "lz4\n",
    }
    _lay_out(tmp_path / "chain", install, chain)
    tree = {f"r{i}.txt": f"-r r{i + 1}.txt\n" * 2 for i in range(40)} | {
        "requirements.txt": "-r r0.txt\n",
        "r40.txt": "lz4\n",
    }
    _lay_out(tmp_path / "tree", install, tree)
    done = arena.doctor("check", "--output-format", "json", ".", cwd=tmp_path, seconds=90).sound()
    assert len(json.loads(done.out)["files"]) == len(REQUIREMENTS) + 2
    _lay_out(tmp_path / "itself", install, {"requirements.txt": "-r requirements.txt\nlz4\n"})
    arena.doctor("check", "itself", cwd=tmp_path).sound().says("in a circle")
    tried(len(REQUIREMENTS) + 3)


SCRIPTS: dict[str, str] = {
    "itself": "./x.sh; sh x.sh; . ./x.sh\napk add gcc\n" * 100,
    "functions": "".join(f"f{n}() {{ f{n + 1}; f{n + 1}; f{n + 1}; apk add a{n}; }}\n" for n in range(60)) + "f0\n",
    "names of functions": "f() { apk add $1; }\n" + "f x\n" * 20_000,
    "nesting": "apk add a\n" + "if true; then " * 5000 + "$(" * 5000,
    "its own folder": "apk add a\n" + '$(dirname "$0")' * 10_000 + "$(cd " * 20_000,
    "doubles": "A0=xxxxxxxx\n" + "".join(f"A{n}=$A{n - 1}$A{n - 1}\n" for n in range(1, 60)) + "apk add $A59\n",
    "large": "apk add a\n" + "x" * 2_000_000,
    "blanks": "apk add a\n" + " " * 250_000 + "\n" + "\\\n" * 100_000,
    "no UTF-8": "apk add \udc85\udcff\u202e\x1b[31m\n",
    "NUL": "apk add a\0\n",
}

MAKEFILES: dict[str, str] = {
    "doubles": "".join(f"A{n}=$(A{n + 1})$(A{n + 1})\n" for n in range(60)) + "x:\n\tapk add $(A0)\n",
    "circles": "A=$(B)\nB=$(A)\nx: y\n\tapk add $(A)\ny: x\n\tapk add b\n",
    "many targets": "".join(f"t{n}: t{n + 1} t{n + 2}\n\tapk add p{n}\n" for n in range(5000)) + "x: t0\n",
    "continuations": "x:\n\tapk add \\\n" + "\ta \\\n" * 4000 + "\n",
    "blanks": "x" + " " * 250_000 + "\ny" + " " * 250_000,
    "one line": "x: " + "a " * 120_000 + "\n\tapk add a\n",
    "itself": "x:\n\t$(MAKE) x; make x; sh Makefile; apk add a\n",
    "nothing": "\tapk add a\n:::\n=\nx\n" + "$(" * 50_000,
}


def test_scripts_and_makefiles(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """What a RUN starts and the context holds, and what only looks as if it did."""
    start = "FROM python:3.12-alpine3.20\nWORKDIR /a\nCOPY . .\nRUN {}\n"
    for number, text in enumerate(SCRIPTS.values()):
        _lay_out(tmp_path / f"s{number}", start.format("./x.sh a; sh x.sh; . ./x.sh"), {"x.sh": text})
    for number, text in enumerate(MAKEFILES.values()):
        _lay_out(tmp_path / f"m{number}", start.format("make x; make -f Makefile -C . x"), {"Makefile": text})
    chain = {f"s{n}.sh": f"./s{n + 1}.sh; ./s{n + 1}.sh; apk add gcc\n" for n in range(200)}
    _lay_out(tmp_path / "chain", start.format("./s0.sh"), chain)
    done = arena.doctor("check", "-j", "2", "--output-format", "json", ".", cwd=tmp_path, seconds=90).sound()
    assert len(json.loads(done.out)["files"]) == len(SCRIPTS) + len(MAKEFILES) + 1
    assert not json.loads(done.out)["errors"]
    arena.doctor("fix", "--diff", ".", cwd=tmp_path, seconds=90).sound()
    tried(len(SCRIPTS) + len(MAKEFILES) + 1)


STARTED: dict[str, tuple[str, dict[str, str]]] = {
    "a value of many lines": ("supervisord -c a", {"a": "[program:a]\ncommand=a\n" + " b\n" * 120_000}),
    "many programs": (
        "supervisord -c a",
        {"a": "".join(f"[program:p{n}]\ncommand=sh b\n" for n in range(9000)), "b": "psql"},
    ),
    "blanks": ("supervisord -c a", {"a": "[program:a]\ncommand=a" + " " * 250_000 + "\n" + "[" * 9000}),
    "files of files": (
        "supervisord -c a",
        {f"a{n}": "[include]\nfiles=a*\n" for n in range(900)} | {"a": "[include]\nfiles=a*"},
    ),
    "lines of cron": ("crontab a; crond", {"a": "* * * * * " * 20_000 + "\n" + "* * * * * make -f a\n" * 9000}),
    "makes of makes": ("make -f a0", {f"a{n}": "x:\n" + f"\tmake -f a{n + 1}\n" * 200 for n in range(9)}),
    "processes": ("honcho -f a start", {"a": "x: honcho -f a start\n" * 9000 + "y" * 200_000 + ": z\n"}),
    "names of modules": (
        "python manage.py",
        {
            "manage.py": "environ['DJANGO_SETTINGS_MODULE'] = 'manage'\n"
            + "".join(f"'manage.a{n}.b.c'\n" for n in range(9000))
        },
    ),
    "many commands": (
        "./a",
        {"a": "#!/bin/sh\n" + "".join(f"p{n} x\npython b{n}.py\n" for n in range(4000)), "setup.py": "'x/x" * 60_000}
        | {f"b{n}.py": "import subprocess\n" + "[[a, b], c]\n" * 20_000 for n in range(40)},
    ),
    "arguments of arguments": ("./a -- ./a -- ./a", {"a": '#!/bin/sh\n./a -- ./a -- "$@"\nexec "$@"\n'}),
    "services": (
        "a",
        {
            f"etc/services.d/s{n}/run": "pip install a\n" + "x y\n" * 60_000 + f". /etc/services.d/s{n + 1}/run"
            for n in range(90)
        },
    ),
    "installs": ("./a", {"a": "pip install -r b\n" * 9000 + "./a\n", "b": "c\n"}),
    "pipelines": (
        "./a",
        {"a": "cat * | grep -v a | sed s/a/b/ > b; cat b b b > a; cat a a > b; pip install -r b\n" * 900}
        | {f"c{n}": "a\n" * 20_000 for n in range(90)},
    ),
    "names in turn": (
        "./a",
        {"a": 'pip install $(for f in $(ls *); do echo "-r $f $f $f"; done | xargs)\n' * 200, "b": "b"},
    ),
    "calls": (
        "python c0.py",
        {f"c{n}.py": "from PIL import ImageFont\n" + "[[a, b], c]\n" * 20_000 + "truetype()\n" for n in range(90)},
    ),
    "code of code": ("a", {"setup.py": "t = open('setup.py').read()\n" + "exec(t, {})\nx = [[1], 2]\n" * 5000}),
    "many Pythons": (
        "a",
        {f"m{n}.py": "requires = ['a']\n" + "x = [1, 2, 3]\n" * 4000 for n in range(6)}
        | {
            "setup.py": "import sys\nfrom setuptools import setup\nr = []\n"
            + "".join(f"from m{n} import requires as r{n}\n" for n in range(6))
            + "if f(): r.append('x')\nif sys.version_info < (3,): r.append('y')\nsetup(install_requires=r + r0)\n"
        },
    ),
    "uwsgi": ("uwsgi --ini a", {"a": "module" + " " * 250_000 + "=\n" + "ini = a\n" * 9000}),
}


def test_what_containers_start(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """Scripts, and files that have a program start commands."""
    start = (
        "FROM python:3.12-alpine3.20\nWORKDIR /a\nCOPY . .\nCOPY etc /etc\n"
        "RUN pip install --no-binary :all: . pillow==10.0.0\nCMD {}\n"
    )
    scripts = {name: ("./x.sh a", {"x.sh": text}) for name, text in SCRIPTS.items()}
    makefiles = {name: ("make x", {"Makefile": text}) for name, text in MAKEFILES.items()}
    every = [*STARTED.values(), *scripts.values(), *makefiles.values()]
    for number, (command, files) in enumerate(every):
        _lay_out(tmp_path / f"p{number}", start.format(command), files)
    done = arena.doctor("check", "-j", "2", "--output-format", "json", ".", cwd=tmp_path, seconds=90).sound()
    assert len(json.loads(done.out)["files"]) == len(every)
    assert not json.loads(done.out)["errors"]
    tried(len(every))


_TARGET = 'target "a" {\n  args = { A = A0 }\n}\n'
BAKE: dict[str, str] = {
    "doubles": "".join(f'A{n} = "${{A{n + 1}}}${{A{n + 1}}}"\n' for n in range(60)) + 'A60 = "xxxxxxxx"\n' + _TARGET,
    "circles": 'A0 = "${A1}"\nA1 = A0\n' + _TARGET,
    "functions": "".join(
        f'function "f{n}" {{\n params = [a]\n result = [f{n + 1}(a), f{n + 1}(a)]\n}}\n' for n in range(60)
    )
    + "A0 = f0(1)\n"
    + _TARGET,
    "itself": 'function "f" {\n params = [a]\n result = f(a)\n}\nA0 = f(1)\n' + _TARGET,
    "loops": "A0 = [for a in L : [for b in L : [for c in L : 1]]]\nL = [" + "1," * 4000 + "1]\n" + _TARGET,
    "matrix": 'target "a" {\n matrix = {' + ", ".join(f"m{n} = [1, 2, 3, 4]" for n in range(40)) + "}\n}\n",
    "inherits": "".join(f'target "t{n}" {{\n inherits = ["t{n + 1}", "t{n + 1}"]\n}}\n' for n in range(40)),
    "many": "".join(f'target "t{n}" {{\n}}\n' for n in range(3000)),
    "deep": "A0 = " + "[" * 5000 + "\n" + _TARGET,
    "deep values": "A0 = " + "[" * 150 + "]" * 150 + "\n" + _TARGET,
    "operators": "A0 = " + "1 + " * 5000 + "1\n" + _TARGET,
    "not": "A0 = " + "!" * 5000 + "true\n" + _TARGET,
    "conditions": "A0 = " + "true ? 1 : " * 3000 + "1\n" + _TARGET,
    "numbers": "A0 = 1" + "0" * 100_000 + "\nA1 = 9 * 9\n" + _TARGET,
    "a heredoc without end": 'target "a" {\n dockerfile-inline = <<E\n' + "x\n" * 50_000,
    "blanks": _TARGET + "\n" * 100_000,
    "a comment without end": _TARGET + "/*" + "x " * 50_000,
    "interpolations": 'A0 = "' + "${" * 1000 + '"\n' + _TARGET,
    "escapes": 'A0 = "' + "$${" * 20_000 + '}"\n' + _TARGET,
    "a template": "A0 = <<E\n" + "${A0}" * 10_000 + "\nE\n" + _TARGET,
    "an outer place": 'target "a" {\n context = "/etc"\n}\ntarget "b" {\n dockerfile = "/etc/passwd"\n}\n',
    "control": 'target "\x1b[31m\u202e" {\n dockerfile-inline = "FROM alpine:3.19\\nRUN apk add \x1b[31mx"\n}\n',
    "no UTF-8": 'target "a" {\n tags = ["\udcff"]\n}\n',
    "NUL": 'target "a" {\n context = "\0"\n dockerfile = "a\\u0000b"\n}\n',
    "wrong kinds": 'target "a" {\n args = 5\n contexts = []\n tags = {}\n matrix = "x"\n inherits = 1\n platforms = {}\n}\n',
}


def test_bake_files(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """HCL and its JSON form: one line for each that is no bake file, and the other files are judged all the same."""
    for number, text in enumerate(BAKE.values()):
        _lay_out(tmp_path / f"p{number}", "FROM alpine:3.19\nRUN apk add lz4-devv\n", {"docker-bake.hcl": text})
    json_forms = [
        "[" * 100_000,
        '{"target": ' * 2000,
        '{"target": {"a": {"args": {"A": "' + "${" * 5000 + '"}}}}',
        "1" * 9000,
    ]
    for number, text in enumerate(json_forms):
        _lay_out(tmp_path / f"j{number}", "FROM alpine:3.19\nRUN apk add lz4-devv\n", {"docker-bake.json": text})
    done = arena.doctor("check", "--output-format", "json", ".", cwd=tmp_path, seconds=90).sound()
    paths = {one["path"] for one in json.loads(done.out)["files"]}
    assert {f"p{number}/Dockerfile" for number in range(len(BAKE))} <= paths
    files = [place.relative_to(tmp_path) for place in sorted(tmp_path.glob("*/docker-bake.*"))]
    arena.doctor("check", *files, cwd=tmp_path, seconds=90).sound(2).says(
        "not a readable bake file", "p20/docker-bake.hcl:1:"
    )
    arena.doctor("fix", "--diff", ".", cwd=tmp_path, seconds=90).sound()
    tried(3 * (len(BAKE) + len(json_forms)))


_TOML = {
    "nothing": "",
    "deep": "x = " + "[" * 100_000,
    "deep tables": "[" + ".".join(["a"] * 20_000) + "]\n",
    "a number": "x = 1" + "0" * 10_000,
    "a date": "x = 99999-01-01\ny = 9999-12-31T23:59:60Z\n",
    "wrong kinds": '[project]\nname = 5\ndependencies = {a = 1}\n[tool]\npoetry = 3\nuv = []\npdm = ""\n',
    "lists of nothing": "[[package]]\n" * 20_000,
}


@pytest.mark.parametrize("tool", ["poetry install", "uv sync --frozen", "pdm sync", "pip install .", "pipenv sync"])
def test_projects_and_locks(tmp_path: Path, tool: str, tried: Callable[[int], None]) -> None:
    """Every project and lock file with every text: one answer each."""
    names = (
        "pyproject.toml",
        "poetry.lock",
        "uv.lock",
        "pdm.lock",
        "pylock.toml",
        "Pipfile",
        "Pipfile.lock",
        "setup.cfg",
    )
    sound = {
        "pyproject.toml": '[project]\nname = "p"\nversion = "1"\ndependencies = ["lz4"]\n',
        "Pipfile": "[packages]\nlz4 = '*'\n",
    }
    json_shapes = ["[" * 50_000, "null", '{"default": {"a": 5, "b": null}}', '{"default": []}']
    count = 0
    for name in names:
        for text in [*_TOML.values(), *(json_shapes if name == "Pipfile.lock" else ())]:
            _lay_out(
                tmp_path / f"p{count}",
                f"{_BASE}RUN pip install {tool.split(maxsplit=1)[0]}\nCOPY . .\nRUN {tool}\n",
                sound | {name: text},
            )
            count += 1
    done = arena.doctor("check", "-j", "2", "--output-format", "json", ".", cwd=tmp_path, seconds=90).sound()
    assert len(json.loads(done.out)["files"]) == count
    tried(count)
