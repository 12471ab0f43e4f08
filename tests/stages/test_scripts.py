"""Scripts of the build context that a RUN starts are read as the RUN itself is."""

from __future__ import annotations

import pytest

from dockerlint_alpine.stages import ApkStep, InstallStep
from tests.stages.support import end, last, places, said

HEAD = "FROM python:3.11-alpine3.19\nWORKDIR /app\nCOPY . .\n"
INSTALL = "#!/bin/sh -e\nx=1\napk add gcc musl-dev\npip install lz4==4.4.5\n"


def apk_steps(timeline) -> list[ApkStep]:
    return [step for step in last(timeline).steps if isinstance(step, ApkStep)]


@pytest.mark.parametrize(
    "command",
    [
        "/app/install.sh",
        "./install.sh --now",
        "sh install.sh",
        ". ./install.sh",
        "bash -ex ./install.sh",
        'sh -c ./install.sh && echo "done"',
        'bash -c "$(cat install.sh)"',
        'eval "$(cat install.sh)"',
        "sh < install.sh",
        "cat install.sh | sh -s",
        "cd / && sh app/install.sh",
        "cp install.sh /usr/local/bin/setup-all && setup-all",
        "chmod +x install.sh; ./install.sh",
    ],
)
def test_ways_to_start_one(run, command: str) -> None:
    timeline = run(f"{HEAD}RUN {command}\n", {"install.sh": INSTALL})
    assert end(timeline).world.has("cmd:gcc")
    assert places(timeline) == {"lz4": "/usr/local/lib/python3.11/site-packages"}
    assert not said(timeline)


@pytest.mark.parametrize(
    "command", ["sh other.sh", "./data", "sh /etc/install.sh", "sh -c '$X/install.sh'", "install.sh"]
)
def test_what_is_no_script_of_the_context(run, command: str) -> None:
    files = {"install.sh": INSTALL, "data": b"\x7fELF\0\0 apk add gcc"}
    assert not apk_steps(run(f"{HEAD}RUN {command}\n", files))


def test_steps_tell_where_they_are_written_and_where_they_are_started(run) -> None:
    timeline = run(f"{HEAD}RUN true && sh sub/install.sh\n", {"sub/install.sh": INSTALL})
    apk, pip = last(timeline).steps
    assert isinstance(apk, ApkStep)
    assert isinstance(pip, InstallStep)
    assert (apk.written.path, apk.written.line, apk.written.text) == ("sub/install.sh", 3, "apk add gcc musl-dev")
    assert (pip.written.path, pip.written.line) == ("sub/install.sh", 4)
    assert (
        timeline.dockerfile.data[slice(*apk.span)] == timeline.dockerfile.data[slice(*pip.span)] == b"sh sub/install.sh"
    )
    assert [(one.path, INSTALL[slice(*one.span)]) for one in apk.command.operands] == [
        ("sub/install.sh", "gcc"),
        ("sub/install.sh", "musl-dev"),
    ]
    assert str(pip.installed[0].resolved.origin) == "sub/install.sh:4"


def test_it_sees_arguments_variables_and_its_own_folder(run) -> None:
    script = (
        'here="$(cd "$(dirname "$0")" && pwd)"\ncd "$here"\napk add $1 ${2:-zlib-dev} $EXTRA ${NOTHING:-}\n'
        'pip install -r "$here/r.txt"\n'
    )
    timeline = run(
        f"{HEAD}ENV EXTRA=lz4-dev\nRUN cd / && A=1 sh /app/b/x.sh gcc\n", {"b/x.sh": script, "b/r.txt": "lz4==4.4.5\n"}
    )
    (step,) = apk_steps(timeline)
    assert [(one.text, one.path) for one in step.command.operands] == [
        ("gcc", None),
        ("zlib-dev", "b/x.sh"),
        ("lz4-dev", None),
    ]
    assert "lz4" in places(timeline)


def test_a_sourced_script_changes_the_shell_that_reads_it(run) -> None:
    files = {"to.sh": "cd /srv\npython -m venv /v\n. /v/bin/activate\n", "r.txt": "six==1.16.0\n"}
    timeline = run(f"{HEAD}COPY r.txt /srv/\nRUN . ./to.sh && pip install -r r.txt\n", files)
    assert places(timeline) == {"six": "/v/lib/python3.11/site-packages"}
    timeline = run(f"{HEAD}COPY r.txt /srv/\nRUN sh ./to.sh && pip install -r r.txt\n", files)
    assert places(timeline) == {"six": "/usr/local/lib/python3.11/site-packages"}


@pytest.mark.parametrize(
    ("script", "certain", "possible"),
    [
        ("f() { apk add $1; }\nf gcc\n", True, True),
        ("if [ $1 = y ]; then apk add gcc; fi\n", False, True),
        ("[ -e /x ] && exit 0\napk add gcc\n", False, True),
        ("[ -e /x ] || exit 1\napk add gcc\n", True, True),
        ("exit 0\napk add gcc\n", False, False),
        ("f() { if q; then apk add gcc; fi; }; f\n", False, True),
        ("f() { apk add gcc; }\n", False, True),
        ("./b.sh\n", True, True),
        ("for p in gcc make; do apk add $p; done\n", True, True),
    ],
)
def test_what_may_not_run(run, script: str, certain: bool, possible: bool) -> None:
    moment = end(run(f"{HEAD}RUN ./a.sh y\n", {"a.sh": script, "b.sh": "apk add gcc\n"}))
    assert (moment.world.has("cmd:gcc"), moment.possible.has("cmd:gcc")) == (certain, possible)
    inside = end(run(f"{HEAD}ARG X\nRUN if [ $X ]; then ./a.sh y; fi\n", {"a.sh": script, "b.sh": "apk add gcc\n"}))
    assert (inside.world.has("cmd:gcc"), inside.possible.has("cmd:gcc")) == (False, possible)


def test_it_is_followed_to_where_it_was_copied(run) -> None:
    text = (
        f"FROM alpine:3.19 AS tools\nCOPY scripts /s\n{HEAD}COPY --from=tools /s/install.sh /opt/\nRUN /opt/install.sh\n"
        "COPY <<EOF /inline.sh\napk add make\nEOF\nRUN sh /inline.sh\n"
    )
    moment = end(run(text, {"scripts/install.sh": INSTALL}))
    assert moment.world.has("cmd:gcc")
    assert moment.world.has("cmd:make")
    bound = "FROM alpine:3.19\nRUN --mount=type=bind,source=scripts,target=/m /m/install.sh\n"
    assert end(run(bound)).world.has("cmd:gcc")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.sh": "#!/usr/bin/env python3\nimport os; os.system('pip install lz4')\n"}, "a.sh installs packages"),
        ({"a.sh": "./a.sh\napk add gcc\n"}, "a.sh:1: a.sh installs packages"),
        ({"a.sh": "apk add gcc\n" + "#" * 300_000}, "a.sh installs packages"),
        ({"a.sh": "apk add $(./list)\n"}, "a.sh:1: apk add takes packages from $(./list)"),
        ({"a.sh": "x\npip install -r nowhere.txt\n"}, "a.sh:2: requirements file nowhere.txt"),
        ({"a.sh": "apk add gcc\nif true; then x\n"}, "a.sh:3: part of this script can't be read"),
    ],
)
def test_what_is_not_read_is_said(run, files: dict[str, str], message: str) -> None:
    found = said(run(f"{HEAD}RUN ./a.sh\n", files))
    assert any(text.startswith(message) for _, text in found), found


@pytest.mark.parametrize(
    "text", ["subprocess.run(['pip', 'install', name])", "os.system(f'{python} -m pip install lz4')"]
)
def test_a_python_script_that_runs_pip_is_said(run, text: str) -> None:
    started = said(run(f"{HEAD}RUN python3 -u a.py --x\n", {"a.py": f"# pip install gcc\n{text}\n"}))
    assert ("unknown-value", "a.py installs packages but can't be analysed: move its commands into a RUN") in started
    assert not said(run(f"{HEAD}RUN python3 a.py\n", {"a.py": "# pip install gcc\n"}))


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("python a.py", "subprocess.run([sys.executable, '-m', 'pip', 'install', 'lz4 >= 4', '-q'])"),
        ("python a.py", 'os.system("python3 -m pip install -r r.txt")'),
        ("paver setup", "sh('pip install -r r.txt')"),
        ("inv setup", 'c.run("pip install -r r.txt", pty=True)'),
        ("nox", "session.run('pip', 'install', 'lz4', external=True)"),
    ],
)
def test_what_a_python_script_has_pip_install_may_be_there(run, command: str, text: str) -> None:
    code = f"# os.system('pip install x')\nprint('pip install y')\n{text}\n"
    files = dict.fromkeys(("a.py", "pavement.py", "tasks.py", "noxfile.py"), code)
    timeline = run(f"{HEAD}RUN {command}\n", {**files, "r.txt": "lz4\n"})
    (item,) = timeline.stages[0].installed
    assert (item.resolved.name, item.conditional) == ("lz4", True)
    assert [one for one in said(timeline) if "analysed" in one[1]] == []


def test_scripts_that_start_each_other_come_to_an_end(run) -> None:
    files = {f"s{n}.sh": f"./s{n + 1}.sh; ./s{n + 1}.sh\napk add gcc\n" for n in range(30)}
    timeline = run(f"{HEAD}RUN ./s0.sh\n", files)
    assert len(apk_steps(timeline)) <= 64
    assert any("can't be analysed" in message for _, message in said(timeline))


def test_repositories_that_a_script_changes(run) -> None:
    moment = end(run(f"{HEAD}RUN ./a.sh\n", {"a.sh": "echo http://x/edge >> /etc/apk/repositories\n"}))
    assert moment.repositories == ("/etc/apk/repositories by a.sh",)


def test_what_a_script_allows_pip_is_heard(judge) -> None:
    text = "FROM alpine:3.22\nCOPY . /s\nRUN apk add python3 py3-pip && sh /s/a.sh && pip install six\n"
    plain = judge(text, {"a.sh": "true\n"}, select=["AD304"])
    assert [one.code for one in plain.findings] == ["AD304"]
    assert not judge(text, {"a.sh": "rm /usr/lib/python3*/EXTERNALLY-MANAGED\n"}, select=["AD304"]).findings
