"""What a RUN or ADD fetches from other repositories, and what is installed from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.python.forges import Remote
from dockerlint_alpine.python.resolve import NOBODY_ASKED, ResolverError
from dockerlint_alpine.run.analysis import Doctor, configure

from .support import Silent

Judged = Callable[..., FileReport]
URL = "https://git.example/o/app"
FORGE = "https://github.com/o/app"


class Forge(Silent):
    """Has one repository, ``o/app``; of the index it knows nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.asked: list[Remote] = []

    def repository(self, remote: Remote) -> Path:
        self.asked.append(remote)
        if self.folder is None:
            raise ResolverError(NOBODY_ASKED)
        if remote.path not in {"o/app", "o/lib"}:
            raise ResolverError("git says: no such repository")
        return self.folder / remote.path[2:]


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    """Judge a Dockerfile where the forge has ``app`` (needs lz4 4.4.5) and ``lib`` (needs app)."""
    app = '[project]\nname = "app"\nversion = "1"\ndependencies = ["lz4==4.4.5"]\n'
    library = f'[project]\nname = "lib"\nversion = "1"\ndependencies = ["app @ git+{URL}@v1"]\n'
    served: Mapping[str, str] = {
        "forge/app/requirements.txt": "lz4==4.4.5\n",
        "forge/app/pyproject.toml": app,
        "forge/app/sub/requirements.txt": "lz4==4.4.5\n",
        "forge/app/packages.txt": "gcc\n",
        "forge/lib/pyproject.toml": library,
    }
    for name, text in served.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    root = tmp_path / "project"
    root.mkdir()

    def judge(body: str, *, has: bool = True, forge: Forge | None = None) -> FileReport:
        (root / "Dockerfile").write_text(f"FROM python:3.11-alpine3.19\nWORKDIR /src\n{body}\n")
        resolver = forge or Forge(tmp_path / "forge" if has else None)
        doctor = Doctor(configure(context=root, select=["AD102", "AD9"]), resolver=resolver)
        return doctor.check_file(root / "Dockerfile")

    return judge


def missing(report: FileReport) -> dict[str, str]:
    """Package -> how sure it is."""
    return {name: one.confidence for one in report.findings if one.code == "AD102" for name in one.packages}


REQUIREMENTS = "pip install -r requirements.txt"


@pytest.mark.parametrize(
    "command",
    [
        f"git clone {URL}.git && cd app && {REQUIREMENTS}",
        f"git clone --depth 1 -b v1 {URL} . && {REQUIREMENTS}",
        f"git clone {URL} x && pip install ./x",
        f"git clone {URL} && git -C app checkout v2 && pip install ./app",
        f"git clone {URL} /a && mv /a /b && pip install /b",
        f"curl -sSLo r.txt {FORGE}/raw/main/requirements.txt && pip install -r r.txt",
        f"curl -L {FORGE}/raw/main/requirements.txt > r.txt && pip install -r r.txt",
        f"curl --fail -O {FORGE}/raw/main/sub/requirements.txt && {REQUIREMENTS}",
        f"wget -q {FORGE}/raw/main/requirements.txt && {REQUIREMENTS}",
        f"wget --output-document=r.txt {FORGE}/raw/main/requirements.txt && pip install -r r.txt",
        f"wget -P /w {FORGE}/raw/main/requirements.txt && pip install -r /w/requirements.txt",
        f"curl -L {FORGE}/archive/v1.tar.gz | tar xz && cd app-1 && {REQUIREMENTS}",
        f"curl -L {FORGE}/archive/v1.tar.gz | tar -xzC /x --strip-components=1 && pip install -r /x/requirements.txt",
        f"wget -qO- {FORGE}/archive/v1.tar.gz | tar xz --strip 1 && {REQUIREMENTS}",
        f"curl -o a.tgz -L {FORGE}/archive/v1.tar.gz && tar xf a.tgz -C /x --strip-components=1 && cd /x && {REQUIREMENTS}",
        f"wget {FORGE}/archive/main.zip && unzip -q main.zip -d /x && pip install /x/app-main",
        f"curl -L {FORGE}/raw/main/requirements.txt | pip install -r /dev/stdin",
        f"pip install -r {FORGE}/raw/v1/requirements.txt",
        f"pip install git+{URL}",
        f"pip install 'app @ git+{URL}.git@v1'",
        f"pip install app@{FORGE}/archive/main.zip",
        "pip install git+https://git.example/o/lib",
        f"pip install --no-deps -e git+{URL}@v1#egg=app && cd src/app && {REQUIREMENTS}",
        f"PIP_SRC=/opt pip install --no-deps -e git+{URL}#egg=app && pip install -r /opt/app/requirements.txt",
        f"pip install --no-deps --src /s -e git+{URL}#egg=app && cd /s/app && {REQUIREMENTS}",
        f"python -m venv /v && /v/bin/pip install --no-deps -e git+{URL}#egg=app && cd /v/src/app && {REQUIREMENTS}",
    ],
)
def test_what_is_fetched_is_read(judged: Judged, command: str) -> None:
    report = judged(f"RUN {command}")
    assert missing(report) == {"gcc": "likely", "musl-dev": "likely"}
    assert not [one.message for one in report.findings if one.code == "AD901"]


@pytest.mark.parametrize(
    "body",
    [
        f"ADD {URL}.git#v1 /src\nRUN {REQUIREMENTS}",
        f"ADD {URL}.git#v1:sub /src\nRUN {REQUIREMENTS}",
        f"ADD {FORGE}/raw/main/requirements.txt ./\nRUN {REQUIREMENTS}",
        f"ADD {FORGE}/raw/main/requirements.txt /r.txt\nRUN pip install -r /r.txt",
        f"ADD {FORGE}/archive/v1.tar.gz /a.tgz\nRUN tar xzf /a.tgz --strip-components 1 && {REQUIREMENTS}",
    ],
)
def test_what_add_fetches_is_read(judged: Judged, body: str) -> None:
    assert missing(judged(body)) == {"gcc": "likely", "musl-dev": "likely"}


@pytest.mark.parametrize(
    "project",
    [
        f'[tool.poetry]\nname = "x"\nversion = "1"\n[tool.poetry.dependencies]\napp = {{git = "{URL}.git", tag = "v1"}}\n',
        f'[project]\nname = "x"\nversion = "1"\ndependencies = ["app @ git+{URL}@v1"]\n',
        '[project]\nname = "x"\nversion = "1"\ndependencies = ["app"]\n'
        f'[tool.uv.sources]\napp = {{git = "{URL}", tag = "v1"}}\n',
    ],
)
def test_a_project_names_repositories(judged: Judged, tmp_path: Path, project: str) -> None:
    (tmp_path / "project" / "pyproject.toml").write_text(project)
    tool = "poetry install --no-root" if "poetry" in project else "uv sync --no-install-project"
    forge = Forge(tmp_path / "forge")
    report = judged(f"COPY pyproject.toml ./\nRUN pip install poetry==2.1.0 uv==0.5.0\nRUN {tool}", forge=forge)
    assert {"gcc", "musl-dev"} <= set(missing(report))
    assert [(one.name, one.revision) for one in forge.asked][:1] == [("git.example/o/app", "v1")]


@pytest.mark.parametrize(
    "command",
    [
        f"V=$(date) && git clone -b $V {URL} . && {REQUIREMENTS}",
        f"V=$(date) && curl -L {FORGE}/archive/$V.tar.gz | tar xz --strip 1 && {REQUIREMENTS}",
        f"git clone {URL} . && git checkout $(git tag | tail -1) && {REQUIREMENTS}",
        f"git clone -b $(cat v) {URL} . && echo six >> requirements.txt && {REQUIREMENTS}",
        f"curl -L {FORGE}/releases/download/v1/app-src.tar.gz | tar xz --strip 1 && {REQUIREMENTS}",
    ],
)
def test_of_an_unknown_revision_it_is_possible(judged: Judged, command: str) -> None:
    assert missing(judged(f"RUN {command}")) == {"gcc": "possible", "musl-dev": "possible"}


def test_a_folder_may_be_called_after_the_revision(judged: Judged) -> None:
    fetched = f"ARG V\nRUN wget -qO- {FORGE}/archive/${{V}}.tar.gz | tar xz -C /"
    assert missing(judged(f"{fetched}\nWORKDIR /app-${{V}}\nRUN {REQUIREMENTS}")) == {
        "gcc": "possible",
        "musl-dev": "possible",
    }


@pytest.mark.parametrize(
    "command",
    [
        f"if [ -n $X ]; then git clone {URL} .; fi; {REQUIREMENTS}",
        f"curl -L {FORGE}/archive/v1.tar.gz | tar xz app-1/docs && cd app-1 && {REQUIREMENTS}",
        f"curl -L {FORGE}/archive/v1.tar.gz | tar tz && {REQUIREMENTS}",
        f"curl -L https://example.org/app.tar.gz | tar xz && {REQUIREMENTS}",
        f"git clone https://git.example/$(id)/app . && {REQUIREMENTS}",
    ],
)
def test_what_may_not_be_there_is_not_read(judged: Judged, command: str) -> None:
    report = judged(f"RUN {command}")
    assert not missing(report)
    assert [one.code for one in report.findings] == ["AD901"]


@pytest.mark.parametrize(
    ("command", "has", "reason"),
    [
        (f"git clone {URL} . && {REQUIREMENTS}", False, "line 3 fetches it from git.example/o/app (--online reads it)"),
        (
            f"git clone {URL} /opt/app && pip install -e /opt/app/part",
            False,
            "/part, can't be read: line 3 fetches it from",
        ),
        (f"wget {FORGE}/raw/v1/requirements.txt && {REQUIREMENTS}", False, "line 3 fetches it from github.com/o/app"),
        (f"pip install -r {FORGE}/raw/v1/r.txt", False, "it is fetched at build time (--online reads it)"),
        (f"git clone {URL}2 . && {REQUIREMENTS}", True, "git.example/o/app2: git says: no such repository"),
    ],
)
def test_what_was_not_fetched_is_told_with_the_reason(judged: Judged, command: str, has: bool, reason: str) -> None:
    (finding,) = judged(f"RUN {command}", has=has).findings
    assert finding.code == "AD901"
    assert reason in finding.message


def test_revisions_are_asked_for_as_they_are_written(judged: Judged, tmp_path: Path) -> None:
    forge = Forge(tmp_path / "forge")
    commands = (
        f"git clone -b v1 --single-branch {URL} a && git clone {URL} b && cd b && git checkout -q abc123 && "
        f"curl -L {FORGE}/archive/refs/tags/v2.tar.gz | tar xz"
    )
    judged(f"RUN {commands}", forge=forge)
    assert [(one.name, one.revision) for one in forge.asked] == [
        ("git.example/o/app", "v1"),
        ("git.example/o/app", ""),
        ("git.example/o/app", "abc123"),
        ("github.com/o/app", "v2"),
    ]


PROGRAMS = "curl wget tar bsdtar unzip git clone checkout"
OPTIONS = (
    "-o -O -P -C -d -b -L -sSLo -xzf xf x -f --strip-components --strip=² --strip-components=1 --output --output= --url"
)
REST = (
    f"-- - -C=x --directory . .. / /x > < | && ; '' \"$V\" $(x) `y` a.tgz ~ * {URL} {URL}.git {FORGE}/archive/v1.tar.gz"
)
WORDS = st.sampled_from(f"{PROGRAMS} {OPTIONS} {REST} {FORGE}/raw/main/x.txt {FORGE}/archive/$V.zip".split())


@given(st.lists(WORDS, max_size=12))
def test_no_command_line_is_too_odd(judged: Judged, words: list[str]) -> None:
    judged(f"RUN {' '.join(words)}")


def test_no_list_in_a_fetched_file_is_mended(judged: Judged) -> None:
    report = judged(f"RUN git clone {URL} . && apk add $(cat packages.txt) && {REQUIREMENTS}")
    assert set(missing(report)) == {"musl-dev"}
    assert {edit.path for one in report.findings if one.fix for edit in one.fix.edits if hasattr(edit, "path")} <= {
        None
    }
