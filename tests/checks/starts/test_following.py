"""AD204: scripts that start scripts, and what they hand over to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dockerlint_alpine.model.findings import FileReport

    Judge = Callable[..., FileReport]

PY = "FROM python:3.12-alpine3.20\nWORKDIR /srv\nCOPY . .\n"
CODE = {"main.py": "import os\nos.system('pdfinfo x')\n"}
WAITS = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n'


@pytest.mark.parametrize(
    ("start", "files", "programs"),
    [
        (
            "CMD ./a.sh",
            {"a.sh": "./b.sh\ngit x\n", "b.sh": "psql\nexit 0\njq\n"},
            [("git", "warning"), ("psql", "warning")],
        ),
        ("CMD ./a.sh", {"a.sh": "if [ $A ]; then ./b.sh; fi\n", "b.sh": "psql\n"}, [("psql", "info")]),
        ("CMD ./a.sh", {"a.sh": "set -e\ncd app || exit 1\n. ./b.sh\n", "app/b.sh": "psql\n"}, [("psql", "warning")]),
        ("CMD sh a.sh db:5 -- python main.py", {"a.sh": WAITS}, [("pdfinfo", "warning")]),
        ("CMD sh a.sh git x", {"a.sh": 'sleep 1\nexec "$@"\n'}, [("git", "error")]),
        ("CMD sh a.sh git x", {"a.sh": "sleep 1\n"}, []),
        ("CMD sh a.sh git x", {"a.sh": 'case $1 in git) sleep 1 ;; *) exec "$@" ;; esac\n'}, []),
        ("CMD sh a.sh x git y", {"a.sh": 'shift\nexec "$@"\n'}, []),
        ('ENTRYPOINT ["sh", "a.sh"]\nCMD ["python", "main.py"]', {"a.sh": 'exec "$@"\n'}, [("pdfinfo", "warning")]),
        ('ENTRYPOINT ["sh", "a.sh"]\nCMD ["python", "main.py"]', {"a.sh": "sleep 9\n"}, []),
        ("CMD ./a.sh", {"a.sh": "sh wait.sh db -- python main.py\n", "wait.sh": WAITS}, [("pdfinfo", "warning")]),
        ("CMD ./a.sh", {"a.sh": "./a.sh\ngit x\n"}, [("git", "warning")]),
    ],
)
def test_where_scripts_lead(
    judge: Judge, start: str, files: Mapping[str, str], programs: list[tuple[str, str]]
) -> None:
    scripts = {name: text if text.startswith("#!") else f"#!/bin/sh\n{text}" for name, text in files.items()}
    report = judge(f"{PY}{start}\n", {**CODE, **scripts}, select=["AD204"])
    assert sorted((one.need.removeprefix("cmd:"), one.severity) for one in report.findings if one.need) == programs


def test_many_scripts_are_not_all_read(judge: Judge) -> None:
    """Each starts the two that follow: a walk without a bound would take some 2 ** 30 steps."""
    files = {f"s{n}.sh": f"#!/bin/sh\n./s{n + 1}.sh\n./s{n + 2}.sh\n" for n in range(45)}
    assert not judge(f"{PY}CMD ./s0.sh\n", {**files, **CODE}, select=["AD204"]).findings
