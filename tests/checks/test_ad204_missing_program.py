"""AD204: programs that are started and are not there; and everything that may have brought them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine.report.causes import causes

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import FileReport, Finding
    from dockerlint_alpine.run.analysis import FixResult
    from tests.conftest import Judge

A = "FROM alpine:3.20\n"
PY = "FROM python:3.12-alpine3.20\n"
NO_PIP = "FROM alpine:3.21\nRUN apk add --no-cache python3 && "
VENV = "FROM python:3.12-alpine3.20\nCOPY --from=0 /v /v\nENV PATH=/v/bin:$PATH\nHEALTHCHECK CMD curl -f localhost\n"
CURL = "HEALTHCHECK CMD curl -f http://localhost || exit 1\n"
PIP_GIT = "apk add python3 py3-pip && pip install --break-system-packages git+https://example.org/x"
PIP_GONE = "apk add -t .b py3-pip python3-dev && pip install --break-system-packages six && apk del .b"
FETCH = "wget -O - https://h.example/x.tgz"
BUILT = (
    "git clone https://h.example/x && cd x && ./autogen.sh && ./configure && make && make install && find /usr -name x"
)
NO_PIP_RUN = "RUN apk add python3 && pip3 install six\n"
START = 'ENTRYPOINT ["python3", "app.py"]\n'
GIT = f"{PY}RUN apk add --no-cache git && git clone "
BASH = "#!/bin/bash\necho hello\n"
ENV_BASH = '#!/usr/bin/env bash\nset -e\nexec "$@"\n'


def missing(report: FileReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == "AD204"]


def names(report: FileReport) -> list[str]:
    return sorted(str(finding.need).removeprefix("cmd:") for finding in missing(report))


@pytest.mark.parametrize(
    ("text", "programs"),
    [
        (PY + CURL, ["curl"]),
        (f"{PY}RUN useradd -m app\n", ["useradd"]),
        (f"{PY}RUN apt-get update && apt-get install -y gcc\n", ["apt-get"]),
        (f'{PY}HEALTHCHECK CMD ["curl", "-f", "http://localhost"]\n', ["curl"]),
        (f"{PY}HEALTHCHECK --interval=5s CMD curl -f http://localhost\n", ["curl"]),
        (f'{PY}ENTRYPOINT ["/sbin/tini", "--"]\nCMD ["bash", "-c", "python -m http.server"]\n', ["bash", "tini"]),
        (f'{PY}ENTRYPOINT ["tini", "--", "bash", "run"]\n', ["bash", "tini"]),
        (f'{PY}CMD ["su-exec", "nobody", "python", "app.py"]\n', ["su-exec"]),
        (f"{PY}CMD exec su-exec nobody python app.py\n", ["su-exec"]),
        (f"{PY}CMD env A=b dumb-init -- python app.py\n", ["dumb-init"]),
        (f"{PY}CMD bash run\n", ["bash"]),
        (f"{PY}CMD cat /x | jq . && git log\n", ["git", "jq"]),
        (f"{PY}RUN git clone https://example.org/x\n", ["git"]),
        (f"{PY}RUN echo 1 | bc && git clone https://example.org/x\n", ["git"]),
        (f"{PY}RUN curl x | sh && . ~/.cargo/env && rustup show && jq .\n", ["curl"]),
        (f"{PY}RUN curl x && pip install lxml pycurl\n", ["curl"]),
        (f"{PY}RUN pip install lxml pycurl && curl x\n", ["curl"]),
        (f"{A}RUN apk add python3 && pipx install lxml\n", ["pipx"]),
        (f"{A}RUN apk add python3 py3-pip && pip install x && pipx install lxml\n", []),
        (f"{PY}RUN pipx install lxml\n", []),
        (f"{GIT}https://example.org/x && cd x && cmake . && make\n", ["cmake"]),
        (f"{GIT}https://example.org/x\nRUN cd x && make && pip install .\nRUN gcc -v\n", ["make"]),
        (f"{GIT}https://example.org/cmake && cmake .\n", []),
        (f"{GIT}https://example.org/x /usr/local && cmake .\n", []),
        (f'{GIT}https://example.org/x && cd x && pip install .\nCMD ["jq"]\n', []),
        (f"{GIT}https://example.org/x && x/install.sh && cmake .\n", []),
        (f"{PY}ENV PATH=/opt/x/bin:$PATH\nRUN apk add git && git clone https://example.org/x /opt/x && cmake .\n", []),
        (f'{PY}SHELL ["/bin/bash", "-c"]\nRUN echo hello\n', ["bash"]),
        (f"{A}RUN apk add --no-cache curl && curl -O x && apk del curl\n{CURL}", ["curl"]),
        (f'{A}CMD ["python3", "-m", "http.server"]\n', ["python3"]),
        (f"{NO_PIP}pip install lxml\n", ["pip"]),
        (f"{NO_PIP}true\nRUN pip3 install lxml\n", ["pip3"]),
        ("FROM alpine:3.24\nRUN apk add --no-cache python3 && pip3 install requests\n", ["pip3"]),
        ("FROM alpine:3.24\nRUN apk add --no-cache python3 py3-pip && pip3 install requests\n", []),
        (f"{NO_PIP}python3 -m pip install lxml\n", ["pip3"]),
        (f"{NO_PIP}python3 -m ensurepip && python3 -m pip install lxml\n", []),
        ("FROM python:3.9-alpine3.13\nRUN apt install gcc\n", ["apt"]),
        (
            "FROM node:22-alpine3.21\nRUN apk add python3 gettext && pip3 install lxml\nHEALTHCHECK CMD curl x\n",
            ["pip3"],
        ),
        ("FROM alpine:3.21\nRUN python3 --version\n", ["python3"]),
        (f"{NO_PIP}python3 get-pip.py && pip install lxml\n", []),
        (f"{NO_PIP}python3 -m ensurepip && pip3 install lxml\n", []),
        (f"{NO_PIP}python3 -m venv /v\nENV PATH=/v/bin:$PATH\nRUN pip install lxml\n", []),
        ("FROM alpine:3.21\nRUN apk add --no-cache py3-pip && pip install lxml\n", []),
        ("FROM alpine:3.5\nRUN apk add --no-cache python3 && pip3 install lxml\n", []),
        ("FROM alpine:3.8\nRUN apk add --no-cache python2 && pip2 install lxml\n", ["pip2"]),
        (f'{A}COPY ./webhook /usr/local/bin/\nENTRYPOINT ["webhook"]\n', []),
        (f"{A}COPY bin /usr/local/bin\nENTRYPOINT webhook\n", []),
        (f"{A}COPY ./hooks /etc/\nENTRYPOINT webhook\n", ["webhook"]),
        (f"{PY}FROM scratch\n{CURL}", []),
        (f"{PY}FROM gcr.io/distroless/python3-debian12\n{CURL}", []),
        (f"{PY}HEALTHCHECK CMD wget -q --spider http://localhost || exit 1\n", []),
        (f"{PY}HEALTHCHECK CMD nc -z localhost 80 || exit 1\n", []),
        (f"{PY}RUN apk add curl\n{CURL}", []),
        (f"{PY}{CURL}HEALTHCHECK NONE\n", []),
        (f'{PY}{CURL}HEALTHCHECK CMD ["python", "health.py"]\n', []),
        (f"{PY}CMD curl x || wget x\n", []),
        (f"{PY}CMD if [ -x /usr/bin/curl ]; then curl x; fi\n", []),
        (f"{PY}CMD command -v curl && echo yes\n", []),
        (f"{PY}RUN curl() {{ wget $1; }}; curl x\n", []),
        (f"{PY}RUN ln -s /bin/busybox /usr/bin/curl\n{CURL}", []),
        (f'{PY}RUN wget -O /usr/local/bin/tini https://example.org/x\nENTRYPOINT ["tini", "--"]\n', []),
        (f'{PY}ADD https://example.org/tini /sbin/tini\nENTRYPOINT ["/sbin/tini", "--"]\n', []),
        (f"{PY}RUN tar -C / -xzf x.tar.gz\n{CURL}", []),
        (f"{PY}RUN ./install\n{CURL}", []),
        (f"{PY}RUN cp tools/* /usr/bin/\n{CURL}", []),
        (f"{PY}COPY --from=builder/image /usr/bin /usr/bin\n{CURL}", []),
        (f"{A}RUN apk add curl\nFROM alpine:3.20\nCOPY --from=0 / /\n{CURL}", []),
        (f"{PY}RUN python -m venv /v && /v/bin/pip install lxml\n{VENV}", ["curl"]),
        (f"{PY}RUN pip install --prefix=/v lxml\n{VENV}", ["curl"]),
        ("FROM python:3.12-slim\nRUN pip install --prefix=/v flask\n" + VENV, ["curl"]),
        ("FROM example/tools:1\nRUN pip install --prefix=/v lxml\n" + VENV, []),
        (f"{PY}RUN pip install --prefix=/v lxml && cp /x/curl /v/bin\n{VENV}", []),
        (f"{PY}RUN pip install --prefix=/v lxml && ./configure && make install\n{VENV}", []),
        (f"{PY}COPY --from=some/image /v /v\n{VENV}", []),
        (f"{PY}FROM python:3.12-alpine3.20\nCOPY --from=0 /usr/local /usr/local\n{CURL}", ["curl"]),
        (f"{PY}ARG MORE\nRUN apk add $MORE\n{CURL}", []),
        (f"{PY}RUN apk add --repository https://example.org/x curl-x\n{CURL}", []),
        ("FROM nginx:alpine\n" + CURL, []),
        (f"FROM nginx:1.24-alpine3.17\nRUN {PIP_GIT}\n", ["git"]),
        (f"FROM docker:24-cli-alpine3.18\nRUN {PIP_GIT}\n", []),  # Docker's own image has it
        (f"{A}RUN {FETCH} | tar xz -C /usr/bin --strip 1 linux/helm && helm init\n{NO_PIP_RUN}", ["pip3"]),
        (f"{A}RUN {FETCH} -O x.tgz && tar xzf x.tgz linux/helm\n{NO_PIP_RUN}", ["pip3"]),
        (f"{A}RUN wget https://github.com/a/b/archive/v1.tar.gz && tar xzf v1.tar.gz\n{NO_PIP_RUN}", ["pip3"]),
        (f"{A}RUN wget https://h.example/b-1.tar.gz && tar xzf b-1.tar.gz\n{NO_PIP_RUN}", []),
        (f"FROM hassioaddons/base-amd64:8.0.1\n{NO_PIP_RUN}", ["pip3"]),
        (f"{A}RUN apk add python3 make git && {BUILT} && pip3 install six\n", ["pip3"]),
        (
            f"{A}RUN apk add python3 make git && wget https://h.example/Python-3.9.1.tgz && {BUILT} && pip3 install six\n",
            [],
        ),
        (f"{A}RUN apk add python3 no-such-thing && pip3 install six\n{CURL}", ["pip3"]),
        (f"{A}RUN apk add python3 no-such-pip && pip3 install six\n", []),
        (f"{A}RUN apk add make git && {BUILT}\nCMD python3 x\n", []),
        (f"{A}RUN {FETCH} | tar xz -C / usr/bin/pip3\n{NO_PIP_RUN}", []),
        (f"{A}RUN {FETCH} | tar xz -C / ./usr/\n{NO_PIP_RUN}", []),
        (f"{A}RUN {FETCH} | tar xz -C /usr/local\n{NO_PIP_RUN}", []),
        (f"{A}RUN {FETCH} -O x.tgz && tar xzf x.tgz\n{NO_PIP_RUN}", []),
        (f"{A}RUN {PIP_GONE}\n{START}", ["python3"]),
        (f"{A}RUN apk add python3 && {PIP_GONE}\n{START}", []),
        (f"{A}RUN {PIP_GONE}\nRUN apk add py3-six\n{START}", []),
        (f"{A}RUN apk add make && ./configure && make -j 2 install && {PIP_GONE}\n{START}", []),
        (f"FROM python:3.12-alpine3.20\nRUN {PIP_GONE}\n{START}", []),
        (f'{PY}CMD ["/opt/app/run"]\n', []),
        (f"{PY}CMD python app.py\n", []),
        (f'{PY}CMD ["$SHELL_OF_MINE"]\n', []),
        (f'{PY}SHELL ["/bin/bash", "-c"]\nCMD ["python3", "-V"]\n', []),
    ],
)
def test_programs(judge: Judge, text: str, programs: list[str]) -> None:
    assert names(judge(text)) == programs


@pytest.mark.parametrize(
    ("script", "more", "programs"),
    [
        (BASH, "", ["bash"]),
        (ENV_BASH, "", ["bash"]),
        ('#!/bin/sh\nexec "$@"\n', "", []),
        ("#!/usr/bin/env python3\n", "", []),
        ("#!/usr/bin/python3\n", "", ["python3"]),
        (BASH, "RUN apk add bash\n", []),
    ],
)
@pytest.mark.parametrize("start", ['ENTRYPOINT ["/run.sh"]\n', "CMD /run.sh\n", "RUN /run.sh\n"])
def test_the_first_line_of_a_script(judge: Judge, script: str, more: str, programs: list[str], start: str) -> None:
    report = judge(f"{PY}{more}COPY run.sh /run.sh\n{start}", {"run.sh": script})
    assert names(report) == programs


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("setup.py", "setup(name='z', entry_points={'console_scripts': ['proxy = z:main']})\n", []),
        ("setup.py", "setup(name='z', scripts=['bin/proxy'])\n", []),
        ("setup.cfg", "[options.entry_points]\nconsole_scripts =\n    proxy=z:main\n", []),
        ("pyproject.toml", '[project]\nname = "z"\nversion = "1"\n[project.scripts]\nproxy = "z:main"\n', []),
        ("pyproject.toml", '[tool.poetry.scripts]\nproxy = { callable = "z:main" }\n', []),
        ("setup.py", "setup(name='z', description='a proxy')\n", ["proxy"]),
        ("pyproject.toml", '[tool.uv.sources.z]\nproxy = "https://example.org"\n', ["proxy"]),
    ],
)
@pytest.mark.parametrize(
    "ran",
    [
        "RUN pip install .\n",
        f"RUN pip install --install-option=--prefix=/v -e .[x]\n{PY}COPY --from=0 /v /usr/local\n",
    ],
)
def test_programs_of_a_project_itself(judge: Judge, file: str, text: str, found: list[str], ran: str) -> None:
    files = {"setup.py": "from setuptools import setup\nsetup(name='z')\n", file: text}
    assert names(judge(f'{PY}WORKDIR /app\nCOPY . .\n{ran}ENTRYPOINT ["proxy"]\n', files)) == found


SET = "#!/bin/sh\nset -e\n"


@pytest.mark.parametrize(
    ("run", "script", "programs"),
    [
        ("RUN ./x.sh\n", f"{SET}git clone y\n", [("git", "error")]),
        ("RUN ./x.sh\n", "#!/bin/sh -eu\ncurl y && jq . y/z\n", [("curl", "error"), ("jq", "error")]),
        ("RUN sh -ex x.sh\n", "git clone y\n", [("git", "error")]),
        ("RUN sh x.sh\n", "#!/bin/sh -e\ngit clone y\n", [("git", "warning")]),
        ("RUN sh x.sh\n", "git clone y\ntrue\n", [("git", "warning")]),
        ("RUN sh -e x.sh\n", "set +e\ncurl y\nset -o errexit\njq . z\n", [("curl", "warning"), ("jq", "error")]),
        ("RUN sh x.sh\n", f"{SET}sh y.sh\n", [("curl", "warning")]),
        ("RUN echo a && ./x.sh x\n", f'{SET}f() {{ bash "$1"; }}\nf x\n', [("bash", "error")]),
        ("RUN ./x.sh\n", f"{SET}apk add --no-cache git\ngit clone y\n", []),
        ("RUN ./x.sh\n", f"{SET}apk add git\napk del git\njq . y\n", [("jq", "error")]),
        ("RUN ./x.sh\n", f"{SET}git clone y || true\n", []),
        ("RUN ./x.sh || true\n", f"{SET}git clone y\n", []),
        ("RUN ./x.sh\n", f"{SET}if [ -n $A ]; then git clone y; fi\n", []),
        ("RUN ./x.sh\n", f"{SET}if git clone y; then echo z; fi\n", []),
        ("RUN ./x.sh\n", f"{SET}. ./y.sh\ngit clone y\n", []),
        ("RUN . ./x.sh\n", f"{SET}git clone y\n", []),
        ("RUN ./x.sh\n", f"{SET}git() {{ wget y; }}\ngit clone y\n", []),
        ("RUN ./x.sh\n", f"{SET}export PATH=/opt/bin:$PATH\ngit clone y\n", []),
        ("RUN ./x.sh\n", f"{SET}wget -O /usr/bin/git http://y\ngit clone y\n", []),
        ("RUN ./x.sh\n", f"{SET}./unknown.sh\ngit clone y\n", []),
        ("RUN ./x.sh\n", f"{SET}exit 0\ngit clone y\n", []),
        ("RUN --mount=type=bind,target=/src ./x.sh\n", f"{SET}git clone y\n", []),
        ("RUN ./unknown && ./x.sh\n", f"{SET}git clone y\n", []),
        ("RUN apk add make && make all\n", "", []),
    ],
)
def test_what_a_script_starts(judge: Judge, run: str, script: str, programs: list[tuple[str, str]]) -> None:
    makefile = "all:\n\tapk add jq\n\t-git clone y\n"
    report = judge(f"{PY}COPY . /\n{run}", {"x.sh": script, "y.sh": "curl z\n", "Makefile": makefile})
    assert sorted((str(one.need).removeprefix("cmd:"), one.severity) for one in missing(report)) == programs


@pytest.mark.parametrize(
    ("script", "programs"),
    [
        ("set -e\nopenssl req\n", [("openssl", "error")]),
        ("openssl req\nexec jq\ngit x\n", [("openssl", "warning"), ("jq", "warning")]),
        ("curl -f x || exit 1\ncurl y || true\nif [ -f a ]; then git x; fi\n", [("curl", "warning"), ("git", "info")]),
        ('curl x || true\n[ -n "$X" ] && git x\nexit 0\njq x\n', [("git", "info")]),
        ('if [ -z "$X" ]; then exit 0; fi\njq x\n', [("jq", "info")]),
        (
            "a() { jq x; }\nb() { git x; }\nc() { exit; }\nif [ -f b ]; then b; fi\ncurl x\n",
            [("git", "info"), ("curl", "warning")],
        ),
        ("if command -v jq >/dev/null; then jq x; fi\nif [ -f /etc/debian_version ]; then apt-get update; fi\n", []),
        ("a() { exec jq x; }\na\ngit x\n", [("jq", "warning"), ("git", "info")]),
        (". /etc/x\njq x\n", []),
        ("jq() { cat; }\njq x\n", []),
        ("./jq x\nsed x\n", []),
        ("python manage.py compilemessages -l de\n", [("msgfmt", "warning")]),
    ],
)
@pytest.mark.parametrize("start", ['ENTRYPOINT ["/x.sh"]\n', "CMD sh /x.sh\n"])
def test_what_the_script_of_a_container_starts(
    judge: Judge, script: str, programs: list[tuple[str, str]], start: str
) -> None:
    report = judge(f"{PY}COPY x.sh /\n{start}", {"x.sh": f"#!/bin/sh\n{script}"})
    found = [(one.need.removeprefix("cmd:"), one.severity) for one in report.findings if one.code == "AD204"]
    assert found == sorted(programs)
    assert all(one.confidence == "likely" for one in report.findings)


@pytest.mark.parametrize(
    ("command", "packages"),
    [
        ("python manage.py compilemessages", ["gettext"]),
        ("django-admin makemessages -a", ["gettext"]),
        ("poetry run python -m django compilemessages", ["gettext"]),
        ("python manage.py migrate", []),
        ("apk add gettext && python manage.py compilemessages", []),
        ("python manage.py compilemessages || true", []),
    ],
)
def test_messages_of_django(judge: Judge, command: str, packages: list[str]) -> None:
    report = judge(f"{PY}COPY manage.py .\nRUN {command}\n", {"manage.py": ""}, select=["AD204"])
    assert [name for one in report.findings for name in one.packages] == packages


@pytest.mark.parametrize(
    ("script", "edited"),
    [
        (f"{SET}apk add --no-cache jq\ngit clone y\n", "x.sh"),
        (f"{SET}git clone y\napk add --no-cache jq\n", None),
        (f"{SET}git clone y\n", None),
    ],
)
def test_where_a_program_that_a_script_starts_is_added(judge: Judge, script: str, edited: str | None) -> None:
    (finding,) = missing(judge(f"{PY}COPY . /\nRUN ./x.sh\n", {"x.sh": script}))
    line = script.split("\n").index("git clone y") + 1
    assert finding.message.startswith("RUN starts git in ")
    assert finding.message.endswith(f"/x.sh:{line}, which is not in this stage: add git")
    assert any(one.detail.endswith(f"/x.sh:{line}: git clone y") for one in finding.evidence)
    assert finding.location.line == 3
    assert finding.fix is not None
    assert [one.path and one.path.rpartition("/")[2] for one in finding.fix.edits] == [edited]


CODE = {
    "main.py": "from app import web\nimport app.jobs\n",
    "app/__init__.py": "import subprocess\nsubprocess.run(['ffmpeg'])\n",
    "app/web.py": "from . import tools\nfrom .tools import pages\nimport os\nos.system('ls; git gc')\n",
    "app/tools.py": "import subprocess\ndef f(x):\n    cmd = f'curl {x} | pdfinfo -'\n    subprocess.run(cmd, shell=True)\n",
    "app/unused.py": "import os\nos.system('nmap')\n",
    "app/jobs.py": "import os\nif __name__ == '__main__':\n    os.system('convert')\n",
    "start.sh": '#!/bin/sh\nif [ "$X" ]; then\n  exec python3 -u main.py\nfi\nexec python3 main.py\n',
    "compose.yml": "services: {w: {build: ., command: python main.py}}\n",
}
ALL = ["curl", "ffmpeg", "git", "pdfinfo"]


@pytest.mark.parametrize(
    ("start", "programs"),
    [
        ('CMD ["python", "main.py"]', ALL),
        ("CMD python3 -u /srv/main.py --port 80", ALL),
        ('CMD ["python", "-m", "main"]', ALL),
        ('CMD ["uvicorn", "--port", "80", "main:app"]', ALL),
        ('ENTRYPOINT ["gunicorn", "app.web:create()"]', ALL),
        ('ENTRYPOINT ["./start.sh"]', ALL),
        ('ENTRYPOINT ["python", "-m", "app.jobs"]', ["convert", "ffmpeg"]),
        ('CMD ["python", "-c", "import main"]', []),
        ('CMD ["python", "other.py"]', []),
        ("RUN python main.py", []),
    ],
)
def test_what_python_code_starts(judge: Judge, start: str, programs: list[str]) -> None:
    report = judge(f"{PY}WORKDIR /srv\nCOPY . .\n{start}\n", CODE, select=["AD204"])
    assert sorted(one.need.removeprefix("cmd:") for one in report.findings if one.need) == programs
    assert {one.severity for one in report.findings} <= {"warning"}


@pytest.mark.parametrize(
    ("base", "packages", "started", "programs"),
    [
        ("alpine:3.18", "py3-pillow py3-cffi", "curl", ["curl"]),
        ("alpine:3.18", "nginx-mod-http-geoip2", "curl", []),
        ("alpine:3.20", "postgresql-dev", "curl", ["curl"]),  # with llvm16-linker-tools
        ("alpine:3.20", "postgresql-dev", "llvm-ar", []),
        ("alpine:3.18", "heirloom-doctools", "troff", []),
    ],
)
def test_packages_whose_files_the_index_does_not_tell(
    judge: Judge, base: str, packages: str, started: str, programs: list[str]
) -> None:
    """Those of py3-* are modules of Python; what others have, that were asked for, nobody knows."""
    assert names(judge(f"FROM {base}\nRUN apk add {packages}\nCMD {started} x\n")) == programs


@pytest.mark.parametrize(
    ("script", "programs"),
    [
        ("apk add --no-cache jq\njq .", []),
        ("which jq || apk add jq\njq .", []),
        ('[ -z "$PKGS" ] || apk add $PKGS\njq .', []),
        ("cd /packages && apk add *.apk\njq .", []),
        ("wget -O /usr/local/bin/jq http://h.example/jq && chmod +x /usr/local/bin/jq\njq .", []),
        ("wget -O - http://h.example/x.tgz | tar xz -C /usr/local\njq .", []),
        ("wget -O - http://h.example/install | sh\njq .", []),
        ("echo '#!/bin/sh' > /usr/bin/jq\njq .", []),
        ("npm install -g jq\njq .", []),
        (
            "apk add curl\necho jq\ntar cf $BACKUP /srv\nwget -q http://h.example/usr/bin\npython manage.py migrate\njq .",
            ["jq"],
        ),
        ("curl http://h.example/install | sh", ["curl"]),
    ],
)
def test_what_a_container_brings_when_it_starts(judge: Judge, script: str, programs: list[str]) -> None:
    text = f'{PY}COPY start.sh /\nENTRYPOINT ["sh", "/start.sh"]\n'
    assert names(judge(text, {"start.sh": f"{script}\n"})) == programs
    direct = script.replace("\n", " && ")
    assert names(judge(f"{PY}CMD {direct}\n")) == programs
    healthy = judge(f"{text}HEALTHCHECK CMD jq .\n", {"start.sh": script.partition("\njq .")[0]})
    assert names(healthy) == programs


@pytest.mark.parametrize(
    "text",
    [
        'ENTRYPOINT ["/start.sh"]\nCMD ["sh", "-c", "wget -O /usr/local/bin/jq x && jq ."]\n',
        'SHELL ["/bin/ash", "-c"]\nCMD wget -O /usr/local/bin/jq x && jq .\n',
    ],
)
def test_what_the_words_of_a_container_bring(judge: Judge, text: str) -> None:
    files = {"start.sh": 'exec "$@"\n'}
    assert names(judge(f"{PY}COPY --chmod=755 start.sh /\n{text}", files)) == []
    assert names(judge(f"{PY}COPY --chmod=755 start.sh /\n{text.replace('/usr/local/bin/jq', '/tmp/x')}", files)) == [
        "jq"
    ]


def test_where_python_code_starts_it(judge: Judge) -> None:
    report = judge(f'{PY}COPY . .\nCMD ["python", "main.py"]\n', CODE, select=["AD204"])
    said = next(one for one in report.findings if one.need == "cmd:pdfinfo")
    assert re.fullmatch(r"CMD starts pdfinfo in \S*app/tools.py:4, which is not in this stage: add \S+", said.message)
    assert said.packages == ("poppler-utils",)
    (cause,) = causes(report.findings)
    places = [(row.packages, re.sub(r"\(\S*/(\w+\.py:)", r"(\1", row.whom)) for row in cause.rows]
    assert places == [
        (("curl",), "curl (tools.py:4)"),
        (("ffmpeg",), "ffmpeg (__init__.py:2)"),
        (("git",), "git (web.py:4)"),
        (("poppler-utils",), "pdfinfo (tools.py:4)"),
    ]


def test_what_cmd_says_is_started_by_an_entrypoint_that_hands_over(judge: Judge) -> None:
    text = f'{PY}COPY run.sh /\nENTRYPOINT ["/run.sh"]\nCMD ["curl"]\n'
    assert names(judge(text, {"run.sh": '#!/bin/sh\nexec "$@"\n'})) == ["curl"]
    assert names(judge(text, {"run.sh": "#!/bin/sh\necho $1\n"})) == []


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pip install git+https://example.org/x.git", ["git"]),
        ("pip install git+https://example.org/x.git\nRUN python setup.py", ["git"]),  # too late to make one
        ("pip install -r r.txt", ["git"]),
        ("apk add git && pip install -r r.txt", []),
        ("pip install requests==2.32.3", []),
        ("pip install -r all.txt", ["git"]),  # which names r.txt
        ("pip install -r old.txt", ["git"]),
        ("pip install .", ["git"]),
        ("pip install ./poetry", ["git"]),
        ("cd poetry && poetry install", []),  # Poetry has a git of its own (dulwich)
        ("pip install poetry==1.1.11 && cd poetry && poetry install", ["git"]),
        ("pip install uv && cd uv && uv sync", ["git"]),
        ("pip install pipenv && cd pipenv && pipenv install", ["git"]),
        ("pip install pdm && cd pdm && pdm sync", ["git"]),
    ],
)
def test_pip_fetches_with_git(judge: Judge, command: str, expected: list[str]) -> None:
    wanted = "x @ git+https://example.org/x@v1"
    files = {
        "r.txt": f"{wanted}\n",
        "all.txt": "-r r.txt\n",
        "old.txt": "-e git://example.org/x#egg=x\n",
        "poetry/pyproject.toml": (
            '[tool.poetry]\nname = "y"\nversion = "1"\n[tool.poetry.dependencies]\n'
            'x = { git = "https://example.org/x.git" }\n[build-system]\nrequires = ["poetry-core"]\n'
        ),
        "uv/pyproject.toml": '[project]\nname = "y"\nversion = "1"\ndependencies = ["x"]\n',
        "uv/uv.lock": (
            'version = 1\n[[package]]\nname = "y"\nversion = "1"\nsource = { virtual = "." }\n'
            'dependencies = [{ name = "x" }]\n'
            '[[package]]\nname = "x"\nversion = "1"\nsource = { git = "https://example.org/x.git?rev=v1#0" }\n'
        ),
        "pipenv/Pipfile": "",
        "pipenv/Pipfile.lock": '{"default": {"x": {"git": "https://example.org/x.git", "ref": "0"}}}',
        "pdm/pyproject.toml": '[project]\nname = "y"\nversion = "1"\ndependencies = ["x"]\n',
        "pdm/pdm.lock": '[[package]]\nname = "x"\nversion = "1"\ngit = "https://example.org/x.git"\nrevision = "0"\n',
        "setup.py": f"from setuptools import setup\nsetup(name='y', install_requires=['{wanted}'])\n",
    }
    assert names(judge(f"{PY}COPY . .\nRUN {command}\n", files)) == expected


@pytest.mark.parametrize(
    ("text", "lock"),
    [
        ("RUN if [ -n $X ]; then pip install git+https://example.org/x.git; fi\n", ""),
        ("COPY r.txt .\nRUN pip install -r r.txt\n", 'source = { git = "https://example.org/x.git?rev=v1#0" }\n'),
    ],
)
def test_git_is_perhaps_asked(judge: Judge, text: str, lock: str) -> None:
    """In some cases only; or by a requirements file that is assumed to be exported from a lock file."""
    packages = f'version = 1\n[[package]]\nname = "x"\nversion = "1"\n{lock}' if lock else "version = 1\n"
    project = '[project]\nname = "y"\nversion = "1"\ndependencies = ["x"]\n'
    root = 'dependencies = [{ name = "x" }]\n' if lock else ""
    packages += f'[[package]]\nname = "y"\nversion = "1"\nsource = {{ virtual = "." }}\n{root}'
    (finding,) = (
        one
        for one in judge(f"{PY}{text}", {"uv.lock": packages, "pyproject.toml": project}).findings
        if one.code == "AD204"
    )
    assert (finding.severity, finding.confidence, finding.packages, finding.fix) == (
        "warning",
        "possible",
        ("git",),
        None,
    )


@pytest.mark.parametrize(
    ("stage", "files", "expected"),
    [
        ("RUN pip install .", {}, ["git"]),
        ("RUN apk add git && pip install .", {}, []),
        ("RUN pip install -e .[test]", {"pyproject.toml": "", "setup.py": "setup(use_scm_version=True)"}, ["git"]),
        ("ENV SETUPTOOLS_SCM_PRETEND_VERSION=1\nRUN pip install .", {}, []),
        ("RUN pip install .", {".dockerignore": ".git"}, []),  # git would be of no help
        ("RUN pip install .", {"pyproject.toml": '[tool.setuptools_scm]\nfallback_version = "0"'}, []),
        ("RUN pip install .", {"pyproject.toml": ""}, []),
    ],
)
def test_setuptools_scm_asks_git(judge: Judge, stage: str, files: dict[str, str], expected: list[str]) -> None:
    project = {".git/HEAD": "ref: refs/heads/main\n", "pyproject.toml": "[tool.setuptools_scm]\n"} | files
    assert names(judge(f"{PY}WORKDIR /app\nCOPY . .\n{stage}\n", project)) == expected


INSTALL = "COPY r.txt .\nRUN pip install -r r.txt\n"
FLASK = "flask==3.0.3\ngunicorn==22.0.0\n"
SITE = "/usr/local/lib/python3.12/site-packages"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{PY}{INSTALL}CMD gunicorn app:app\n", []),
        (f"{PY}RUN pip install flask==3.0.3\nCMD gunicorn app:app\n", ["gunicorn"]),
        (f"{PY}RUN pip install no-such-thing\nCMD gunicorn app:app\n", []),
        (f'{PY}{INSTALL}{PY}COPY --from=0 {SITE} {SITE}\nCMD ["gunicorn", "app:app"]\n', ["gunicorn"]),
        (f"{PY}{INSTALL}{PY}COPY --from=0 {SITE} {SITE}\nCMD python -m gunicorn app:app\n", []),
        (f'{PY}{INSTALL}{PY}COPY --from=0 /usr/local /usr/local\nCMD ["gunicorn", "app:app"]\n', []),
        (
            f"{PY}COPY r.txt .\nRUN pip wheel -w /w -r r.txt\n{PY}COPY --from=0 /w /w\nCOPY r.txt .\n"
            'RUN pip install --no-index -f /w -r r.txt\nCMD ["gunicorn", "app:app"]\n',
            [],
        ),
        (
            f"{PY}{INSTALL}{PY}COPY --from=0 {SITE} {SITE}\n"
            'COPY --from=0 /usr/local/bin/gunicorn /usr/local/bin/\nCMD ["gunicorn", "app:app"]\n',
            [],
        ),
    ],
)
def test_console_scripts(judge: Judge, text: str, expected: list[str]) -> None:
    report = judge(text, {"r.txt": FLASK})
    assert names(report) == expected
    assert all(finding.fix is None for finding in missing(report))


def test_the_package_joins_the_list_that_stays(mend: Callable[..., FixResult]) -> None:
    text = f"{PY}RUN apk add --no-cache --virtual .build gcc && apk del .build\nRUN apk add --no-cache libpq\n{CURL}"
    result = mend(text)
    assert b"RUN apk add --no-cache curl libpq\n" in result.new or b"RUN apk add --no-cache libpq curl\n" in result.new
    assert not names(result.left)


def test_git_joins_what_the_build_has(mend: Callable[..., FixResult]) -> None:
    run = "RUN apk add --virtual .build gcc musl-dev && pip install git+https://example.org/x && apk del .build\n"
    assert b"--virtual .build gcc git musl-dev" in mend(PY + run).new or b"gcc musl-dev git" in mend(PY + run).new


def test_another_distribution_s_package_manager_is_not_installed(judge: Judge) -> None:
    (finding,) = missing(judge(f"{PY}RUN apt-get update\n"))
    assert (finding.fix, finding.packages) == (None, ())
    assert finding.message.endswith("Alpine's package manager is apk")


def test_a_python_beside_the_image_s_own_is_no_remedy(judge: Judge) -> None:
    (finding,) = missing(judge(f'{PY}CMD ["/usr/bin/python3", "app.py"]\n'))
    assert (finding.fix, finding.packages) == (None, ())
    assert finding.message.endswith("the Python of this image is /usr/local/bin/python3")


def test_the_shell_of_the_stage_that_it_is_built_from(judge: Judge) -> None:
    report = judge(
        'FROM python:3.12-alpine3.20 AS a\nSHELL ["/bin/bash", "-c"]\nFROM a\nRUN echo hi\n', select=["AD204"]
    )
    assert [one.packages for one in report.findings] == [("bash",)]


@pytest.mark.parametrize("option", ["-r r.txt", "-rr.txt", "--requirement r.txt", "--requirement=r.txt"])
def test_a_requirements_file_that_asks_for_git(judge: Judge, option: str) -> None:
    text = f"FROM python:3.12-alpine3.20\nCOPY r.txt .\nRUN pip install {option}\n"
    report = judge(text, {"r.txt": "lz4 @ git+https://example.org/lz4\n"}, select=["AD204"])
    assert [one.packages for one in report.findings] == [("git",)]


def test_a_distribution_may_bring_what_a_package_of_its_name_does(judge: Judge) -> None:
    """shadowsocks has a program ssserver, and so has shadowsocks-rust-ssserver."""
    start = 'ENTRYPOINT ["ssserver"]\n'
    for asked, expected in (("shadowsocks", False), ("flask", True)):
        install = f"RUN apk add py3-pip && pip install --break-system-packages {asked}\n"
        report = judge(f"FROM alpine:3.22\n{install}{start}")
        assert ("AD204" in {one.code for one in report.findings}) is expected


def test_pip_is_not_brought_by_what_it_installs(judge: Judge) -> None:
    report = judge("FROM alpine:3.22\nRUN apk add python3 && pip3 install --upgrade pip\n")
    assert "AD204" in {one.code for one in report.findings}


@pytest.mark.parametrize(
    "lines",
    [
        'FROM python:3.7-alpine3.9\nRUN python setup.py install\nCMD ["jq"]\n',  # the project's own
        "FROM python:3.7-alpine3.9\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nRUN pybabel compile\n",
    ],
)
def test_what_python_may_have_brought_is_not_missing(judge: Judge, lines: str) -> None:
    assert "AD204" not in {one.code for one in judge(lines).findings}


MAKES = "FROM python:3.12-alpine3.20\nRUN apk add --no-cache make\nCOPY . .\nRUN make {target}\nCMD git gc\n"
MAKEFILE = """\
version: clean
\t@echo "x = 1" > version.py
clean:
\t-find . -name '*.pyc' -delete
tools: version
\tcargo install git-cliff
script:
\t./install.sh
again:
\t$(MAKE) tools
odd:
\t$(shell x)
git:
\tcp x /usr/bin/git
"""


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("version", True),
        ("", True),
        ("tools", False),
        ("script", False),
        ("again", False),
        ("odd", False),
        ("git", False),
        ("gone", False),
        ("-f other.mk version", False),
    ],
)
def test_what_a_plain_makefile_does_is_known(judge: Judge, target: str, told: bool) -> None:
    found = judge(MAKES.format(target=target), {"Makefile": MAKEFILE}).findings
    assert bool([one for one in found if one.code == "AD204" and "git" in one.packages]) is told
