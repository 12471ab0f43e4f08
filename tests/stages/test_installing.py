from __future__ import annotations

from typing import ClassVar

import pytest

from dockerlint_alpine.stages import IncludeCycleError, StagesError
from tests.stages.support import installed, last, places, said, steps

PY = "python:3.11-alpine3.19"
SITE = "/usr/local/lib/python3.11/site-packages"
PIPX = "/root/.local/share/pipx/venvs"
FILES = {"requirements.txt": "lz4==4.4.5\n", "c.txt": "lz4==4.4.4\n", "other.txt": "six\n"}


@pytest.mark.parametrize(
    ("command", "location"),
    [
        ("pip install lz4==4.4.5", SITE),
        ("pip install -r requirements.txt", SITE),
        ("pip install -rrequirements.txt", SITE),
        ("pip install --requirement=requirements.txt --no-cache-dir", SITE),
        ("cd / && python3 -m pip install -r app/requirements.txt", SITE),
        ("pip3 install -q --prefix /install lz4", "/install/lib/python3.11/site-packages"),
        ("pip install --install-option=--prefix=/deps lz4", "/deps/lib/python3.11/site-packages"),
        ("PIP_PREFIX=/p pip install lz4", "/p/lib/python3.11/site-packages"),
        ("pip install -t deps lz4", "/app/deps"),
        ("pip install --root=/out lz4", f"/out{SITE}"),
        ("pip install --user lz4", "/root/.local/lib/python3.11/site-packages"),
        ("PIP_USER=1 pip install lz4", "/root/.local/lib/python3.11/site-packages"),
        ("PYTHONUSERBASE=/u pip install --user lz4", "/u/lib/python3.11/site-packages"),
        ("python -m venv /v && /v/bin/pip install lz4", "/v/lib/python3.11/site-packages"),
        ("python -m venv v && v/bin/python -m pip install lz4", "/app/v/lib/python3.11/site-packages"),
        ("python -m venv v && . v/bin/activate && pip install lz4", "/app/v/lib/python3.11/site-packages"),
        ("python -m venv /v && PATH=/v/bin:$PATH pip install lz4", "/v/lib/python3.11/site-packages"),
        ("/unseen/env/bin/pip install lz4", "/unseen/env/lib/python3.11/site-packages"),
        ("uv pip install --system lz4", SITE),
        ("UV_SYSTEM_PYTHON=1 uv pip install lz4", SITE),
        ("uv venv && uv pip install lz4", "/app/.venv/lib/python3.11/site-packages"),
        ("uv venv /v && VIRTUAL_ENV=/v uv pip install lz4", "/v/lib/python3.11/site-packages"),
        ("uv venv /v && uv pip install --python /v/bin/python lz4", "/v/lib/python3.11/site-packages"),
        ("uv venv /v && uv pip install --python=/v lz4", "/v/lib/python3.11/site-packages"),
        ("uv pip install --target /t lz4", "/t"),
        ("uv pip sync --system requirements.txt", SITE),
        ("uv tool install lz4", "/root/.local/share/uv/tools/lz4/lib/python3.11/site-packages"),
        ("pipx install lz4", "/root/.local/share/pipx/venvs/lz4/lib/python3.11/site-packages"),
        ("poetry run pip install lz4", "/root/.cache/pypoetry/virtualenvs/project/lib/python3.11/site-packages"),
        ("POETRY_VIRTUALENVS_CREATE=0 poetry run pip install lz4", SITE),
        ("PIPENV_VENV_IN_PROJECT=1 pipenv run pip install lz4", "/app/.venv/lib/python3.11/site-packages"),
        ("PIPENV_VENV_IN_PROJECT=yes-please pipenv run pip install lz4", "/app/.venv/lib/python3.11/site-packages"),
        (
            "PIPENV_VENV_IN_PROJECT=no pipenv run pip install lz4",
            "/root/.local/share/virtualenvs/project/lib/python3.11/site-packages",
        ),
        ("pdm run -p /app python -m pip install lz4", "/app/.venv/lib/python3.11/site-packages"),
        ("uv run --no-sync --group x pip install lz4", "/app/.venv/lib/python3.11/site-packages"),
        ("POETRY_VIRTUALENVS_CREATE=0 poetry run sh -c 'cd . && pip install lz4'", SITE),
        ("uv pip install --system -r - < requirements.txt", SITE),
        ("pip install -r /dev/stdin < requirements.txt", SITE),
        ("cat requirements.txt | grep lz4 | pip install -r /dev/stdin", SITE),
        ("pip install -r /dev/stdin <<EOF\nlz4==4.4.5\nEOF", SITE),
        ("cat requirements.txt | xargs -n 1 pip install", SITE),
        ("xargs pip install < requirements.txt", SITE),
        ("xargs -a requirements.txt -n1 pip install", SITE),
        ("grep -v nothing requirements.txt | xargs -I{} pip install {}", SITE),
        ("pip install $(cat requirements.txt)", SITE),
        ("pip install $(grep -h 4.4.5 requirements.txt c.txt)", SITE),
        ("pip install -r <(grep -v '^#' requirements.txt)", SITE),
        ("pip install -r <(cat c.txt requirements.txt | grep 4.4.5)", SITE),
        (
            "pipx install --pip-args='--no-cache-dir -q' --include-deps --force lz4",
            f"{PIPX}/lz4/lib/python3.11/site-packages",
        ),
        ("pipx --global install --suffix _a --python python3.11 lz4", f"{PIPX}/lz4_a/lib/python3.11/site-packages"),
        ("pipx install --preinstall lz4 six", f"{PIPX}/six/lib/python3.11/site-packages"),
        (
            "pipx install six && pipx inject --include-apps six lz4",
            f"{PIPX}/six/lib/python3.11/site-packages",
        ),
        (
            "pipx install six && pipx inject six -r requirements.txt",
            f"{PIPX}/six/lib/python3.11/site-packages",
        ),
        ("pipx install six && pipx runpip six install lz4", f"{PIPX}/six/lib/python3.11/site-packages"),
        (
            'for a in six rich; do pipx install "$a"; pipx runpip "$(echo "$a")" install lz4; done',
            f'{PIPX}/$(echo "$a")/lib/python3.11/site-packages',
        ),
        ("sh -c 'pip install lz4'", SITE),
        ("for f in other.txt requirements.txt; do pip install -r $f; done", SITE),
        ('for f in /*/req*.txt; do pip install -r "$f"; done', SITE),
        ("find / -maxdepth 2 -type f -name 'req*.txt' ! -name other.txt -print -exec pip install -U -r {} \\;", SITE),
        ("V=4.4.5; if [ -z ${X+x} ]; then L=lz4; else L=lz4==$X; fi && pip install $L", SITE),
        ("for d in . /app; do pip install -c other.txt -r $d/requirements.txt; done", SITE),
        ("(cd /tmp && true) && pip install -r requirements.txt", SITE),
    ],
)
def test_every_spelling_installs(run, command: str, location: str) -> None:
    timeline = run(f"FROM {PY}\nWORKDIR /app\nCOPY *.txt ./\nRUN {command}\n", FILES)
    assert places(timeline).get("lz4") == location
    assert not said(timeline)


PROJECT = (
    '[project]\nname = "acme-x"\nversion = "1"\ndependencies = ["lz4==4.4.5"]\n'
    '[project.optional-dependencies]\nprod = ["psycopg2==2.9.9"]\n'
)


BUILT = "pip install /x/*.whl"


@pytest.mark.parametrize(
    ("build", "out", "install", "found"),
    [
        ("poetry build", "dist", 'pip install "$(ls *.whl)[prod]"', {"lz4", "psycopg2"}),
        ("poetry build", "dist", "pip install ./acme_x-*.whl", {"lz4"}),
        ("poetry build", "dist", "pip install $(find /x -type f -name 'acme*.whl')", {"lz4"}),
        ("poetry build -f wheel --output out", "out", BUILT, {"lz4"}),
        ("python -m build --wheel", "dist", BUILT, {"lz4"}),
        ("pyproject-build -w -o /s/out .", "out", BUILT, {"lz4"}),
        ("uv build --wheel --out-dir=out", "out", BUILT, {"lz4"}),
        ("pdm build -d out", "out", BUILT, {"lz4"}),
        ("python setup.py sdist bdist_wheel", "dist", BUILT, {"lz4"}),
        ("pip wheel --no-deps -w out .", "out", BUILT, {"lz4"}),
        ("maturin build --release --manylinux off -o out", "out", BUILT, {"lz4"}),
        ("maturin build -m ./Cargo.toml --locked", "target/wheels", BUILT, {"lz4"}),
    ],
)
def test_a_wheel_of_the_project_brings_what_the_project_requires(
    run, build: str, out: str, install: str, found: set[str]
) -> None:
    text = (
        f"FROM {PY} AS b\nWORKDIR /s\nCOPY . .\nRUN {build}\nFROM {PY}\nWORKDIR /x\nCOPY --from=b /s/{out}/*.whl ./\n"
    )
    timeline = run(f"{text}RUN {install}\n", {"pyproject.toml": PROJECT})
    items = {item.resolved.name: item for item in last(timeline).installed}
    assert items.keys() == {"acme-x", *found}
    assert items["acme-x"].resolved.artefact.kind == "sdist"  # nothing that an index would be asked about
    assert not said(timeline)
    assert any(one.endswith("pyproject.toml:4") for one in items["lz4"].resolved.chain)


@pytest.mark.parametrize("install", ["pip install /x/*.whl", 'pip install "$(ls /x/*.whl)"', "pip install $(./which)"])
def test_wheels_that_nothing_known_makes_are_said(run, install: str) -> None:
    assert [kind for kind, _ in said(run(f"FROM {PY}\nRUN ./build && {install}\n"))] == ["unknown-value"]


def test_a_venv_in_path_and_env_is_used(run) -> None:
    text = (
        f'FROM {PY}\nENV VIRTUAL_ENV=/opt/venv\nRUN python3 -m venv $VIRTUAL_ENV\nENV PATH="$VIRTUAL_ENV/bin:$PATH"\n'
    )
    for command in ("pip install lz4", "uv pip install lz4", "python -m pip install lz4"):
        assert places(run(f"{text}RUN {command}\n"))["lz4"] == "/opt/venv/lib/python3.11/site-packages"
        text = text.replace("/bin:", "/bin/:")
        assert places(run(f"{text}RUN {command}\n"))["lz4"] == "/opt/venv/lib/python3.11/site-packages"


@pytest.mark.parametrize(
    ("image", "install", "compiled"),
    [
        ("python:3.9-alpine3.20", "python setup.py install", True),
        ("python:3.9-alpine3.20", "pip install .", False),
        ("python:3.9-alpine3.20", "pip install -U setuptools && python setup.py develop", False),
        ("python:3.11-alpine3.20", "python setup.py install", False),
    ],
)
def test_easy_install_of_old_setuptools_takes_no_musllinux_wheel(run, image: str, install: str, compiled: bool) -> None:
    setup = "from setuptools import setup\nsetup(name='x', install_requires=['lxml==5.3.0'])\n"
    timeline = run(f"FROM {image}\nCOPY setup.py .\nRUN {install}\n", {"setup.py": setup})
    assert (installed(timeline, "lxml").built is not None) is compiled


def test_a_relative_folder_in_path_is_below_the_folder_that_a_run_is_in(run) -> None:
    made = f"FROM {PY}\nENV PATH=v/bin:$PATH\nWORKDIR /app\nRUN python3 -m venv v\n"
    assert places(run(f"{made}RUN pip install lz4\n"))["lz4"] == "/app/v/lib/python3.11/site-packages"
    assert places(run(f"{made}WORKDIR /\nRUN pip install lz4\n"))["lz4"] == "/usr/local/lib/python3.11/site-packages"


def test_constraints_pins_and_lines(run) -> None:
    timeline = run(f"FROM {PY}\nCOPY . .\nRUN set -eux; \\\n  pip install \\\n  -c c.txt lz4\n", FILES)
    item = installed(timeline, "lz4")
    assert (item.resolved.version, item.pinned, item.resolved.chain) == ("4.4.4", True, ("Dockerfile:5",))


def test_what_a_wheel_fits_is_not_compiled(run) -> None:
    text = f"FROM {PY}\nRUN pip install psycopg2-binary==2.9.11 lz4==4.4.5\n"
    assert {item.resolved.name: item.built is None for item in last(run(text)).installed} == {
        "psycopg2-binary": True,
        "lz4": False,
    }
    forced = text.replace("install ", "install --no-binary psycopg2-binary ")
    assert installed(run(forced), "psycopg2-binary").built is not None


def test_a_wheelhouse_brings_what_was_built_elsewhere(run) -> None:
    text = (
        f"FROM {PY} AS b\nRUN apk add gcc musl-dev lz4-dev\nRUN pip wheel -w /wheels lz4==4.4.5\n"
        f"FROM {PY}\nCOPY --from=b /wheels /wheels\n"
    )
    for command in (
        "pip install --no-index --find-links=/wheels lz4",
        "pip install --no-index -f /wheels lz4==4.4.5",
        "cd /wheels && pip install ./*.whl",
        "pip install /wheels/*",
        "pip install /wheels/lz4-4.4.5-cp311-cp311-linux_x86_64.whl",
        "PIP_FIND_LINKS=/wheels pip install --no-index lz4",
    ):
        timeline = run(f"{text}RUN {command}\n")
        found = [item for item in last(timeline).installed if not item.as_wheel]
        assert [(item.resolved.version, item.ready, item.copied_from) for item in found] == [("4.4.5", True, 0)], (
            command
        )
        assert found[0].built is not None
        assert not said(timeline)


def test_wheels_of_the_context(run) -> None:
    files = {"wheels/lz4-4.4.5-cp311-cp311-musllinux_1_2_x86_64.whl": "x"}
    text = f"FROM {PY}\nCOPY wheels /wheels\nRUN pip install /wheels/*.whl\n"
    assert installed(run(text, files), "lz4").resolved.artefact.kind == "wheel"


def test_conditional_installs_are_possible(run) -> None:
    text = f'FROM {PY}\nARG DEV\nRUN if [ -n "$DEV" ]; then pip install lz4==4.4.5; fi\n'
    assert installed(run(text), "lz4").conditional
    both = run(text + "RUN pip install lz4==4.4.5\n")
    assert not installed(both, "lz4").conditional


def test_what_is_there_is_not_installed_again(run) -> None:
    timeline = run(f"FROM {PY}\nRUN pip install lz4==4.4.5\nRUN pip install lz4\nRUN pip install 'lz4>=4'\n")
    assert [[item.resolved.name for item in step.installed] for step in steps(timeline)] == [["lz4"], [], []]
    older = f"FROM {PY}\nRUN pip install lz4==4.4.4\n"
    assert installed(run(f"{older}RUN pip install lz4\n"), "lz4").resolved.version == "4.4.4"
    assert installed(run(f"{older}RUN pip install -U 'lz4<4.4.6'\n"), "lz4").resolved.version != "4.4.4"
    assert len(last(run(f"{older}RUN pip install --prefix=/p --ignore-installed lz4==4.4.4\n")).installed) == 2


def test_uninstall(run) -> None:
    assert not places(run(f"FROM {PY}\nRUN pip install lz4==4.4.5\nRUN pip uninstall -y LZ4\n"))


class TestAlpinesOwnPython:
    HEAD = "FROM alpine:3.19\nRUN apk add python3 py3-pip py3-lz4\n"

    def test_home_and_versions_come_from_the_index(self, run) -> None:
        stage = last(run(self.HEAD + "RUN pip install --break-system-packages six==1.16.0\n"))
        assert stage.home is not None
        assert (stage.home.prefix, stage.home.version, stage.home.from_apk) == ("/usr", "3.11", True)
        assert stage.home.pip_version == "23.3.1"
        assert [item.location for item in stage.installed] == ["/usr/lib/python3.11/site-packages"]

    def test_packages_of_apk_satisfy_requirements(self, run) -> None:
        timeline = run(self.HEAD + "RUN pip install --break-system-packages lz4\n")
        assert not places(timeline)
        assert not said(timeline)

    def test_but_not_of_another_version_nor_in_a_venv_nor_for_another_python(self, run) -> None:
        assert "lz4" in places(run(self.HEAD + "RUN pip install lz4==4.4.5\n"))
        assert "lz4" in places(run(self.HEAD + "RUN python3 -m venv /v && /v/bin/pip install lz4\n"))
        assert "lz4" in places(run(f"FROM {PY}\nRUN apk add py3-lz4\nRUN pip install lz4\n"))

    def test_a_venv_that_sees_the_system(self, run) -> None:
        assert not places(run(self.HEAD + "RUN python3 -m venv --system-site-packages /v && /v/bin/pip install lz4\n"))

    def test_an_upgraded_pip_is_remembered(self, run) -> None:
        text = (
            "FROM alpine:3.14\nRUN apk add python3 py3-pip\nRUN pip3 install pip==21.3\nRUN pip3 install lz4==4.4.5\n"
        )
        before, after = steps(run(text))
        assert (before.target.pip_version, after.target.pip_version) == ("20.3.4", "21.3")


class TestProjects:
    LOCK = (
        '[[package]]\nname = "lz4"\nversion = "4.4.5"\noptional = false\npython-versions = "*"\n'
        'groups = ["main"]\nfiles = [{file = "lz4-4.4.5.tar.gz", hash = "sha256:0"}]\n\n'
        '[metadata]\nlock-version = "2.1"\npython-versions = "*"\ncontent-hash = "0"\n'
    )
    PROJECT = '[tool.poetry]\nname = "x"\nversion = "1"\n[tool.poetry.dependencies]\npython = "*"\nlz4 = "*"\n'
    POETRY: ClassVar[dict[str, str]] = {"pyproject.toml": PROJECT, "poetry.lock": LOCK}
    UV: ClassVar[dict[str, str]] = {
        "pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["lz4"]\n',
        "uv.lock": (
            'version = 1\nrequires-python = ">=3.8"\n[[package]]\nname = "lz4"\nversion = "4.4.5"\n'
            'source = { registry = "https://example.org/simple" }\n'
            'sdist = { url = "https://example.org/lz4-4.4.5.tar.gz" }\n'
            '[[package]]\nname = "x"\nversion = "1"\nsource = { virtual = "." }\ndependencies = [{ name = "lz4" }]\n'
        ),
    }
    PIPENV: ClassVar[dict[str, str]] = {
        "Pipfile": "[packages]\nlz4 = '*'\n",
        "Pipfile.lock": '{"_meta": {}, "default": {"lz4": {"version": "==4.4.5"}}, "develop": {}}',
    }

    @pytest.mark.parametrize(
        ("setup", "command", "location"),
        [
            ("", "poetry install --no-root", "/root/.cache/pypoetry/virtualenvs/project/lib/python3.11/site-packages"),
            ("RUN poetry config virtualenvs.create false", "poetry install --no-root", SITE),
            ("ENV POETRY_VIRTUALENVS_CREATE=false", "poetry install --no-root", SITE),
            (
                "",
                "poetry bundle venv --python /usr/local/bin/python3 --only=main /w",
                "/w/lib/python3.11/site-packages",
            ),
            (
                "ENV POETRY_VIRTUALENVS_IN_PROJECT=1",
                "poetry install --no-root",
                "/app/.venv/lib/python3.11/site-packages",
            ),
            (
                "RUN poetry config virtualenvs.in-project true",
                "poetry install",
                "/app/.venv/lib/python3.11/site-packages",
            ),
            (
                "RUN python -m venv /v",
                ". /v/bin/activate && poetry install --no-root",
                "/v/lib/python3.11/site-packages",
            ),
            ("", "poetry export -o r.txt && pip install -r r.txt", SITE),
            ("", "poetry export > r.txt && pip install -r r.txt", SITE),
            ("", "poetry export --without-hashes | pip install -r /dev/stdin", SITE),
            ("", "pip install -r <(poetry export)", SITE),
        ],
    )
    def test_poetry(self, run, setup: str, command: str, location: str) -> None:
        timeline = run(f"FROM {PY}\n{setup}\nWORKDIR /app\nCOPY . .\nRUN {command}\n", self.POETRY)
        item = installed(timeline, "lz4")
        assert (item.location, item.resolved.version, item.pinned) == (location, "4.4.5", True)

    @pytest.mark.parametrize(
        ("setup", "command", "location"),
        [
            ("", "uv sync --frozen --no-dev", "/app/.venv/lib/python3.11/site-packages"),
            ("ENV UV_PROJECT_ENVIRONMENT=/usr/local", "uv sync --frozen", SITE),
            ("ENV UV_PROJECT_ENVIRONMENT=/v", "uv sync", "/v/lib/python3.11/site-packages"),
            ("", "cd / && uv sync --directory /app", "/app/.venv/lib/python3.11/site-packages"),
            ("", "uv export --frozen -o r.txt && uv pip install --system -r r.txt", SITE),
        ],
    )
    def test_uv(self, run, setup: str, command: str, location: str) -> None:
        timeline = run(f"FROM {PY}\n{setup}\nWORKDIR /app\nCOPY . .\nRUN {command}\n", self.UV)
        assert installed(timeline, "lz4").location == location

    @pytest.mark.parametrize(
        ("setup", "command", "location"),
        [
            ("", "pipenv install --system --deploy", SITE),
            ("", "pipenv sync --system", SITE),
            ("ENV PIPENV_VENV_IN_PROJECT=1", "pipenv install --deploy", "/app/.venv/lib/python3.11/site-packages"),
            ("", "pipenv sync", "/root/.local/share/virtualenvs/project/lib/python3.11/site-packages"),
            ("", "pipenv requirements > r.txt && pip install -r r.txt", SITE),
        ],
    )
    def test_pipenv(self, run, setup: str, command: str, location: str) -> None:
        timeline = run(f"FROM {PY}\n{setup}\nWORKDIR /app\nCOPY . .\nRUN {command}\n", self.PIPENV)
        assert installed(timeline, "lz4").location == location

    def test_pdm(self, run) -> None:
        files = {
            "pyproject.toml": self.UV["pyproject.toml"],
            "pdm.lock": (
                '[metadata]\ngroups = ["default"]\nlock_version = "4.5.0"\n[[package]]\nname = "lz4"\nversion = "4.4.5"\n'
                'groups = ["default"]\nfiles = [{file = "lz4-4.4.5.tar.gz", hash = "sha256:0"}]\n'
            ),
        }
        text = f"FROM {PY}\nWORKDIR /app\nCOPY . .\n"
        assert installed(run(text + "RUN pdm sync --prod\n", files), "lz4").location.startswith("/app/.venv/")
        plain = text + "RUN pdm config python.use_venv false && pdm install\n"
        assert installed(run(plain, files), "lz4").location == SITE

    def test_a_second_run_of_a_lock_installs_nothing_new(self, run) -> None:
        text = f"FROM {PY}\nWORKDIR /app\nCOPY . .\nRUN uv sync --no-install-project\nRUN uv sync\n"
        first, second = steps(run(text, self.UV))
        assert "lz4" in {item.resolved.name for item in first.installed}
        assert "lz4" not in {item.resolved.name for item in second.installed}

    def test_a_project_folder_and_its_extras(self, run) -> None:
        files = {"pyproject.toml": self.UV["pyproject.toml"] + '[project.optional-dependencies]\nx = ["six==1.16.0"]\n'}
        text = f"FROM {PY}\nWORKDIR /app\nCOPY . .\nRUN pip install {{}}\n"
        assert {"lz4", "x"} <= places(run(text.format("."), files)).keys()
        assert {"lz4", "x", "six"} <= places(run(text.format("-e .[x]"), files)).keys()


class TestWhatIsNotKnown:
    def test_no_file(self, run) -> None:
        timeline = run(f"FROM {PY}\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n")
        ((code, message),) = said(timeline)
        assert code == "unreadable-requirements"
        assert "requirements.txt can't be read: it is not in the build context" in message

    def test_a_broken_file_is_named_once(self, run) -> None:
        ((_, message),) = said(run(f"FROM {PY}\nCOPY . .\nRUN pdm sync\n", {"pdm.lock": "", "pyproject.toml": "[[["}))
        assert message.startswith("pyproject.toml is not valid TOML: ")

    def test_files_made_while_building(self, run) -> None:
        for command in ("date > r.txt && pip install -r r.txt", "cat <<E > r.txt && pip install -r r.txt\nlz4\nE"):
            ((code, message),) = said(run(f"FROM {PY}\nRUN <<END\n{command}\nEND\n"))
            assert code == "unreadable-requirements"
            assert message.endswith("line 2 writes it at build time")

    @pytest.mark.parametrize(
        "commands",
        [
            "RUN echo lz4==4.4.5 >> requirements.txt",
            "RUN echo lz4 > requirements.txt\nRUN printf '%s\\n' six==1.16.0 >> requirements.txt",
            "RUN printf 'lz4\\nsix==1.16.0\\n' > requirements.txt",
        ],
    )
    def test_what_echo_writes_is_read(self, run, commands: str) -> None:
        timeline = run(
            f"FROM {PY}\nCOPY . .\n{commands}\nRUN pip install -r requirements.txt\n",
            {"requirements.txt": "six==1.16.0\n"},
        )
        assert said(timeline) == []
        assert {"lz4", "six"} <= places(timeline).keys()

    @pytest.mark.parametrize(
        "command", ["echo $(cat x) > r.txt", "[ -e x ] && echo lz4 > r.txt", "echo -e 'lz4\\t' > r.txt"]
    )
    def test_what_may_be_written_is_not(self, run, command: str) -> None:
        ((code, _),) = said(run(f"FROM {PY}\nRUN {command}\nRUN pip install -r r.txt\n"))
        assert code == "unreadable-requirements"

    def test_a_file_that_is_changed_before_it_is_read(self, run) -> None:
        for command in ("sed -i 'y/ab/cd/' requirements.txt", "date >> requirements.txt"):
            timeline = run(f"FROM {PY}\nCOPY . .\nRUN {command}\nRUN pip install -r requirements.txt\n", FILES)
            assert said(timeline) == [
                (
                    "unknown-value",
                    "requirements.txt is changed in line 3 before it is read; the file in the context was checked",
                )
            ]
            assert "lz4" in places(timeline)

    @pytest.mark.parametrize(
        ("guard", "told"), [("-e more.txt", False), ("-f /more.txt", False), ("! -f more.txt", True), ('-n "$X"', True)]
    )
    def test_a_file_that_is_asked_for_first_need_not_be_there(self, run, guard: str, told: bool) -> None:
        text = f"FROM {PY}\nRUN if [ {guard} ]; then pip install -r more.txt; fi\n"
        assert bool(said(run(text))) is told
        assert not said(run(text.replace("RUN", "COPY r.txt more.txt\nRUN"), {"r.txt": "six\n"}))

    def test_what_sed_makes_of_a_file(self, run) -> None:
        """Whose lines are still those of the file of the context."""
        files = {"requirements.txt": "psycopg2-binary>=2\nlz4==4.4.4  # x\n"}
        sed = (
            "RUN sed -Ei '/^psycopg2-binary.+/d; s/ +#.*//' requirements.txt && sed -i s/4.4.4/4.4.5/ requirements.txt"
        )
        timeline = run(f"FROM {PY}\nCOPY . .\n{sed}\nRUN pip install -r requirements.txt\n", files)
        assert (said(timeline), [*places(timeline)]) == ([], ["lz4"])
        (found,) = timeline.stages[0].installed
        assert (found.resolved.version, found.resolved.chain[0]) == ("4.4.5", "requirements.txt:2")

    @pytest.mark.parametrize(
        ("arguments", "hidden"),
        [
            ("$WHAT", "$WHAT"),
            ("-r $FILE lz4", "$FILE"),
            ("-r <(echo lz4) lz4", "<(echo lz4)"),
            ("$(cat r.txt)", "$(cat r.txt)"),
        ],
    )
    def test_arguments(self, run, arguments: str, hidden: str) -> None:
        timeline = run(f'FROM {PY}\nSHELL ["/bin/bash", "-c"]\nRUN pip install {arguments}\n')
        assert said(timeline) == [("unknown-value", f"pip takes requirements from {hidden}, known only at build time")]
        assert ("lz4" in places(timeline)) is ("lz4" in arguments.split())

    @pytest.mark.parametrize(
        "arguments",
        [
            "lz4==$V",
            "--index-url $URL lz4",
            "-i https://$U@x lz4",
            "--extra-index-url=https://$T@x/simple lz4",
            '"lz4>=${V}"',
        ],
    )
    def test_what_makes_no_difference_is_not_said(self, run, arguments: str) -> None:
        timeline = run(f"FROM {PY}\nRUN pip install {arguments}\n")
        assert not said(timeline)
        assert not installed(timeline, "lz4").pinned

    def test_a_circle_of_requirement_files_ends_it_all(self, run) -> None:
        with pytest.raises(IncludeCycleError, match=r"include each other in a circle: b\.txt:1") as raised:
            run(f"FROM {PY}\nCOPY . .\nRUN pip install -r a.txt\n", {"a.txt": "-r b.txt\n", "b.txt": "-r a.txt\n"})
        assert isinstance(raised.value, StagesError)

    def test_no_python(self, run) -> None:
        assert said(run("FROM alpine:3.19\nRUN ./x && pip install lz4\n")) == [
            ("unknown-base-image", "the Python for which pip installs is not known: give its version with --python X.Y")
        ]

    def test_a_pip_that_is_missing_is_that_of_alpine(self, run) -> None:
        timeline = run("FROM alpine:3.19\nRUN pip install lz4\n")
        assert (said(timeline), places(timeline)["lz4"]) == ([], "/usr/lib/python3.11/site-packages")

    def test_unknown_distributions_are_counted_once(self, run) -> None:
        text = (
            f"FROM {PY}\nRUN pip wheel -w /w no-such-thing-1 no-such-thing-2\nRUN pip install -f /w no-such-thing-1\n"
        )
        timeline = run(text)
        assert [(notice.kind, notice.things) for notice in timeline.unjudged] == [("unresolved-requirement", 2)]
        assert "no-such-thing-1 and no-such-thing-2 are not known offline" in timeline.unjudged[0].message

    def test_what_is_compiled_without_a_rule(self, run) -> None:
        lock = TestProjects.LOCK.replace("lz4", "no-rule-for-this")
        files = {"pyproject.toml": TestProjects.PROJECT.replace("lz4", "no-rule-for-this"), "poetry.lock": lock}
        timeline = run(f"FROM {PY}\nCOPY . .\nRUN poetry install --no-root\n", files)
        assert said(timeline) == [
            (
                "unresolved-requirement",
                "no-rule-for-this is compiled, and what the build needs is not known: --online reads the sources",
            )
        ]

    def test_a_project_of_the_context_is_pure_unless_its_files_say_otherwise(self, run) -> None:
        text = f"FROM {PY}\nCOPY . .\nRUN pip install .\n"
        setup = "from setuptools import setup, Extension\nsetup(name='x'{})\n"
        assert not said(run(text, {"setup.py": setup.format(""), "setup.cfg": "[metadata]\nname = x\n"}))
        native = run(text, {"setup.py": setup.format(", ext_modules=[Extension('x', ['x.c'])]")})
        assert [code for code, _ in said(native)] == ["unresolved-requirement"]

    def test_a_second_run_of_a_lock_says_nothing_twice(self, run) -> None:
        lock = TestProjects.LOCK.replace("lz4", "no-rule-for-this")
        files = {"pyproject.toml": TestProjects.PROJECT.replace("lz4", "no-rule-for-this"), "poetry.lock": lock}
        text = f"FROM {PY}\nCOPY . .\nRUN poetry install --no-root\nRUN poetry install --no-root\n"
        assert len(said(run(text, files))) == 1


@pytest.mark.parametrize(
    ("release", "package", "version"),
    [
        ("3.12", "py3-lxml", "lxml"),
        ("3.12", "py3-curl", "pycurl"),
        ("3.15", "py3-lxml", "lxml==4.6.5"),
        ("3.19", "py3-lxml", "lxml"),
    ],
)
def test_what_apk_brought_to_its_own_python_is_installed(run, release: str, package: str, version: str) -> None:
    """By the index's lists (3.14 and later; some with the package's revision), else by the package's name."""
    timeline = run(f"FROM alpine:{release}\nRUN apk add python3 py3-pip {package}\nRUN pip3 install {version}\n")
    assert [item.resolved.name for item in timeline.stages[0].installed] == []


@pytest.mark.parametrize(
    ("package", "requirement"),
    [("py3-yaml", "pyyaml"), ("py3-dateutil", "python-dateutil"), ("py3-openssl", "pyOpenSSL"), ("py3-lxml", "lxml")],
)
def test_packages_of_alpine_satisfy_by_the_name_on_the_index(run, package: str, requirement: str) -> None:
    """The index lists modules (``py3.11:yaml``); pip asks for distributions."""
    timeline = run(f"FROM alpine:3.19\nRUN apk add python3 py3-pip {package}\nRUN pip3 install {requirement}\n")
    assert not timeline.unjudged
    assert [step.installed for step in steps(timeline)] == [()]


@pytest.mark.parametrize("python", ["3.6-alpine3.13", "3.12-alpine3.21"])
def test_what_pip_wheel_leaves_fits_the_python_that_made_it(run, python: str) -> None:
    """Up to Python 3.7 a wheel of the machine is ``cp36-cp36m-linux_x86_64``."""
    timeline = run(f"FROM python:{python}\nWORKDIR /w\nRUN pip wheel lz4==3.1.10\nRUN pip install -f /w lz4==3.1.10\n")
    (found,) = [one for one in last(timeline).installed if not one.as_wheel and one.resolved.name == "lz4"]
    assert (found.ready, found.resolved.artefact.kind) == (True, "wheel")
