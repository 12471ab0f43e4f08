"""AD204: commands that a program starts because a file says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dockerlint_alpine.model.findings import FileReport

    Judge = Callable[..., FileReport]

PY = "FROM python:3.12-alpine3.20\nRUN apk add --no-cache supervisor make\nWORKDIR /srv\nCOPY . .\n"
CODE = {"main.py": "import os\nos.system('pdfinfo x')\n"}
SUPERVISOR = (
    "[supervisord]\nnodaemon=true\n[program:web]\ncommand=python main.py ; the web\ndirectory = /srv\n"
    "[program:db]\ncommand=bash -c 'psql \"%(ENV_URL)s\"'\n[unix_http_server]\ncommand=jq\n[include]\nfiles = more/*.ini\n"
)
MORE = {"more/a.ini": "[program:a]\ncommand =\n  git\n  gc\n[include]\nfiles = *.ini\n"}
ALL = ["bash", "git", "pdfinfo", "psql"]


@pytest.mark.parametrize(
    ("start", "files", "programs"),
    [
        ("CMD supervisord -n -c supervisord.conf", {"supervisord.conf": SUPERVISOR, **MORE}, ALL),
        ("CMD supervisord", {"supervisord.conf": SUPERVISOR, **MORE}, ALL),
        ("COPY x.ini /etc/supervisor.d/\nCMD supervisord", {"x.ini": "[program:a]\ncommand=git gc\n"}, ["git"]),
        ("CMD supervisord -c other.conf", {"supervisord.conf": SUPERVISOR}, []),
        ("CMD supervisord -c a.conf", {"a.conf": "[program:a]\ncommand='open\n"}, []),
        ("CMD circusd --daemon c.ini", {"c.ini": "[watcher:a]\ncmd = git\nargs = gc $(circus.wid)\n"}, ["git"]),
        ("COPY tab /etc/crontabs/root\nCMD crond -f", {"tab": "# 0 1 * * * jq\nA=b\n*/5 * * * * git gc\n"}, ["git"]),
        ("RUN echo '@daily cd /srv && python main.py' >> /etc/crontabs/root\nCMD crond -f", {}, ["pdfinfo"]),
        ("COPY job /etc/periodic/daily/job\nCMD crond -f", {"job": "#!/bin/sh\ngit gc\n"}, ["git"]),
        ("COPY job /etc/periodic/daily/job.sh\nCMD crond -f", {"job": "#!/bin/sh\ngit gc\n"}, []),
        ("CMD crontab tab && crond -f", {"tab": "0 1 * * 1-5 git gc\n"}, ["git"]),
        ("COPY job /etc/services.d/web/run", {"job": "#!/usr/bin/with-contenv bashio\ngit gc\n"}, ["git"]),
        ("COPY job /etc/cont-init.d/10-x", {"job": "#!/bin/sh\ngit gc\n"}, ["git"]),
        ("COPY job /etc/s6-overlay/s6-rc.d/web/up", {"job": "#!/usr/bin/env ruby\ngit gc\n"}, []),
        ("COPY job /etc/services.d/web/finish", {"job": "#!/bin/sh\ngit gc\n"}, []),
        ("CMD python main.py", {"tab": "0 1 * * 1-5 git gc\n"}, ["pdfinfo"]),
        (
            "CMD make run",
            {"Makefile": "P=python\nrun: db\n\t$(P) main.py\ndb:\n\t@psql x\nother:\n\tjq\n"},
            ["pdfinfo", "psql"],
        ),
        ("CMD make other", {"Makefile": "run:\n\tjq\n"}, []),
        ("CMD honcho start web", {"Procfile": "web: python main.py\nworker: git gc\n"}, ["pdfinfo"]),
        ("CMD honcho -f P start", {"P": "web: python main.py\nworker: git gc\n"}, ["git", "pdfinfo"]),
        ("CMD honcho check", {"Procfile": "web: git gc\n"}, []),
    ],
)
def test_commands_of_a_file(judge: Judge, start: str, files: Mapping[str, str], programs: list[str]) -> None:
    report = judge(f"{PY}{start}\n", {**CODE, **files}, select=["AD204"])
    assert sorted({one.need.removeprefix("cmd:") for one in report.findings if one.need}) == programs
    assert {one.severity for one in report.findings} <= {"warning"}


def test_where_it_stands(judge: Judge) -> None:
    report = judge(f"{PY}CMD supervisord\n", {"supervisord.conf": SUPERVISOR}, select=["AD204"])
    (said,) = (one for one in report.findings if one.need == "cmd:psql")
    assert said.message.startswith("CMD starts psql in ")
    assert said.message.endswith("supervisord.conf:7, which is not in this stage: add postgresql16-client")
    assert said.location.line == 5


def test_files_that_lead_to_one_another_end(judge: Judge) -> None:
    files = {
        "supervisord.conf": "[program:a]\ncommand=sh a.sh\n[include]\nfiles = *.conf\n",
        "a.sh": "supervisord -c supervisord.conf\nsh b.sh\nmake run\n",
        "b.sh": "sh a.sh\nexec git gc\n",
        "Makefile": "run:\n\tmake run\n\tsh b.sh\n",
    }
    report = judge(f"{PY}CMD supervisord\n", files, select=["AD204"])
    assert [one.need for one in report.findings] == ["cmd:git"]
