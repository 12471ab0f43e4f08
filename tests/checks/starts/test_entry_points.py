"""AD204: which Python code of the build context a command runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dockerlint_alpine.model.findings import FileReport

    Judge = Callable[..., FileReport]

PY = "FROM python:3.12-alpine3.20\nWORKDIR /srv\nCOPY . .\n"
FILES = {
    "main.py": "import app.web\nimport os\nif __name__ == '__main__':\n    os.system('jq')\n",
    "app/__init__.py": "",
    "app/__main__.py": "import os\nos.system('ffmpeg')\n",
    "app/web.py": "import os\ndef f():\n    os.system('git gc')\n",
    "app/celery.py": "import importlib\nimportlib.import_module('app.web')\n",
    "src/tool/cli.py": "from tool import work\n",
    "src/tool/work.py": "import os\nos.system('pdfinfo x')\n",
    "bin/start": "#!/usr/bin/env python3\nimport os\nos.system('psql')\n",
    "pyproject.toml": "[project]\nname = 'x'\nversion = '1'\n[project.scripts]\nx-tool = 'tool.cli:main'\n",
    "uwsgi.ini": "[uwsgi]\nhttp = :80\nmodule = app.web:application\n",
    "files.ini": "[uwsgi]\nchdir = /srv/app\nwsgi-file = web.py\n",
}


@pytest.mark.parametrize(
    ("start", "programs"),
    [
        ('CMD ["python", "-W", "ignore", "-u", "main.py"]', ["git", "jq"]),
        ('CMD ["python", "app"]', ["ffmpeg"]),
        ('CMD ["python", "-m", "app"]', ["ffmpeg"]),
        ('CMD ["python", "-c", "import main"]', []),
        ('CMD ["python", "-"]', []),
        ('CMD ["python"]', []),
        ('CMD ["python", "-m"]', []),
        ('CMD ["python", "bin/start"]', ["psql"]),
        ('CMD ["bin/start"]', ["psql"]),
        ('CMD ["./app/web.py"]', ["git"]),
        ("CMD cd app && python web.py", ["git"]),
        ("ENV PATH=/srv/bin:$PATH\nCMD start", ["psql"]),
        ("ENV PYTHONPATH=/srv/src\nCMD python -m tool.cli", ["pdfinfo"]),
        ("RUN pip install .\nCMD x-tool --port 80", ["pdfinfo"]),
        ("RUN pip install .\nWORKDIR /elsewhere\nCMD python -m tool.cli", ["pdfinfo"]),
        ("WORKDIR /elsewhere\nCMD python -m tool.cli", []),
        ('RUN pip install .\nENTRYPOINT ["x-tool"]\nCMD ["main.py"]', ["pdfinfo"]),
        ("RUN pip install -r requirements.txt\nCMD y-tool", []),
        ('CMD ["uvicorn", "--port", "80", "main:app"]', ["git"]),
        ('CMD ["gunicorn", "-k", "gevent", "app.web"]', ["git"]),
        ('CMD ["gunicorn", "--chdir", "app", "web:create(a=1)"]', ["git"]),
        ('CMD ["python", "-m", "gunicorn", "app.web:x"]', ["git"]),
        ('CMD ["poetry", "run", "gunicorn", "app.web:x"]', ["git"]),
        ('CMD ["uv", "run", "--extra", "web", "python", "-m", "app"]', ["ffmpeg"]),
        ('CMD ["uv", "run"]', []),
        ('CMD ["celery", "-A", "app", "worker"]', ["git"]),
        ('CMD ["celery", "--app=app.web:queue", "worker"]', ["git"]),
        ('CMD ["flask", "--app", "app.web:create", "run"]', ["git"]),
        ('ENV FLASK_APP=app/web.py\nCMD ["flask", "run"]', ["git"]),
        ('CMD ["flask", "run"]', []),
        ('CMD ["streamlit", "run", "app/web.py", "--server.port", "80"]', ["git"]),
        ('CMD ["uwsgi", "--ini", "uwsgi.ini"]', ["git"]),
        ('CMD ["uwsgi", "files.ini"]', ["git"]),
        ('CMD ["uwsgi", "--http", ":80", "-w", "app.web:application"]', ["git"]),
        ('CMD ["uwsgi", "--ini", "missing.ini"]', []),
        ('ENTRYPOINT ["python"]\nCMD ["main.py"]', ["git", "jq"]),
        ('ENTRYPOINT ["/sbin/tini", "--", "python", "-u"]\nCMD ["main.py"]', ["git", "jq", "tini"]),
        ("ENTRYPOINT python\nCMD main.py", []),
    ],
)
def test_what_a_command_runs(judge: Judge, start: str, programs: list[str]) -> None:
    report = judge(f"{PY}{start}\n", FILES, select=["AD204"])
    assert sorted({one.need.removeprefix("cmd:") for one in report.findings if one.need}) == programs


@pytest.mark.parametrize(
    "stated",
    [
        {"setup.py": "setup(entry_points={'console_scripts': ['x-tool = tool.cli:main']})\n"},
        {"setup.cfg": "[options.entry_points]\nconsole_scripts =\n    x-tool = tool.cli:main\n"},
        {"pyproject.toml": '[tool.poetry.scripts]\nx-tool = "tool.cli:main"\n'},
        {"setup.py": "setup(scripts=['bin/x-tool'])\n", "bin/x-tool": "#!/usr/bin/python\nfrom tool import cli\n"},
    ],
)
@pytest.mark.parametrize("start", ["x-tool", "/srv/venv/bin/x-tool"])
def test_a_program_of_the_project(judge: Judge, stated: Mapping[str, str], start: str) -> None:
    files = {name: text for name, text in FILES.items() if name != "pyproject.toml"} | stated
    report = judge(f'{PY}RUN pip install .\nCMD ["{start}"]\n', files, select=["AD204"])
    assert [one.need for one in report.findings if one.code == "AD204"] == ["cmd:pdfinfo"]
