"""AD401 and AD402: what nothing needs is said with its reason, and nothing is said where anything is not understood."""

from __future__ import annotations

import pytest

from tests.conftest import Judge

WHEELS = (
    "FROM python:3.12-alpine3.21\nRUN apk add --no-cache gcc musl-dev\n{more}RUN pip install cryptography==46.0.3\n"
)


def test_all_wheels_need_no_compiler(judge: Judge) -> None:
    (finding,) = judge(WHEELS.format(more="")).findings
    assert (finding.code, finding.severity, finding.packages) == ("AD402", "info", ("gcc", "musl-dev"))
    assert "have wheels that fit" in finding.message
    assert finding.fix is not None
    assert finding.fix.applicability == "unsafe"
    assert {evidence.kind for evidence in finding.evidence} == {"wheel", "dockerfile"}


@pytest.mark.parametrize(
    "python",
    ["-c 'import ssl'", "-m pip check", "-V", "-m venv /v", "manage.py collectstatic --noinput"],
)
def test_what_python_is_asked_for_compiles_nothing(judge: Judge, python: str) -> None:
    assert [one.code for one in judge(WHEELS.format(more=f"RUN python {python}\n")).findings] == ["AD402"]


@pytest.mark.parametrize(
    ("code", "compiled", "opens", "idle"),
    [
        ("AD402", "", "pyudev==0.24.4", ("musl-dev",)),
        ("AD402", "", "python-magic==0.4.27", ("gcc", "musl-dev")),
        ("AD401", "lz4==4.4.5", "pyudev==0.24.4", ("musl-dev",)),
        ("AD401", "lz4==4.4.5", "python-magic==0.4.27", ("gcc", "musl-dev")),
    ],
)
def test_the_compiler_that_find_library_asks_stays(
    judge: Judge, code: str, compiled: str, opens: str, idle: tuple[str, ...]
) -> None:
    """``ctypes.util.find_library`` starts gcc or objdump; python-magic opens its library by name."""
    text = f"FROM python:3.12-alpine3.21\nRUN apk add --no-cache gcc musl-dev\nRUN pip install {compiled} {opens}\n"
    (found,) = judge(text, select=[code]).findings
    assert found.packages == idle
    assert found.message.startswith("musl-dev " if len(idle) == 1 else "gcc and musl-dev ")


@pytest.mark.parametrize(
    "more",
    [
        "RUN make -C /src\n",
        "RUN wget -O- https://example.org/install.sh | sh\n",
        "RUN ./configure && echo done\n",
        "RUN npm ci\n",
        "RUN gcc -o /hello hello.c\n",
        "RUN find / -name '*.c' -exec gcc {} \\;\n",
        "RUN python setup.py build_ext\n",
        "RUN python -m\n",
        "RUN python -m unittest\n",
        "RUN <<EOF python3\nimport os\nEOF\n",
        "ARG WHAT\nRUN apk add --no-cache $WHAT\n",
        "RUN pip install nobody-knows-this-one\n",
        "RUN pip install -r missing.txt\n",
        "ONBUILD RUN pip install .\n",
        'CMD ["gcc", "--version"]\n',
    ],
)
def test_nothing_is_said_where_something_may_use_it(judge: Judge, more: str) -> None:
    assert "AD402" not in {finding.code for finding in judge(WHEELS.format(more=more)).findings}


@pytest.mark.parametrize(
    "other",
    [
        "torch==2.1.0",  # no wheel fits, and there is no source
        "bcrypt==4.2.9",  # a version that nobody has recorded, between two that have wheels
    ],
)
def test_what_is_not_sure_to_be_a_wheel_may_use_the_compiler(judge: Judge, other: str) -> None:
    report = judge(WHEELS.format(more=f"RUN pip install --no-deps {other}\n"))
    assert "AD402" not in {one.code for one in report.findings}


def test_a_script_that_calls_the_compiler_keeps_it(judge: Judge) -> None:
    text = WHEELS.format(more="COPY . .\n") + 'CMD ["./start.sh"]\n'
    quiet = {"start.sh": "#!/bin/sh\nexec python -m app\n"}
    assert "AD402" in {finding.code for finding in judge(text, quiet).findings}
    busy = {"start.sh": "#!/bin/sh\ngcc -shared -o /tmp/x.so x.c\nexec python -m app\n"}
    assert "AD402" not in {finding.code for finding in judge(text, busy).findings}


@pytest.mark.parametrize(
    ("start", "left"),
    [
        ('ENTRYPOINT ["make"]', []),
        ("CMD make -C /srv run", []),
        ('CMD ["python", "-m", "app"]', [("build-base",)]),
    ],
)
def test_what_the_container_starts_is_no_build_package(judge: Judge, start: str, left: list[tuple[str, ...]]) -> None:
    text = f"FROM python:3.12-alpine3.20\nRUN apk add build-base && pip install netifaces==0.11.0\n{start}\n"
    assert [one.packages for one in judge(text, select=["AD401"]).findings] == left


def test_a_project_with_extensions_is_not_judged(judge: Judge) -> None:
    text = WHEELS.format(more="COPY . .\nRUN pip install .\n")
    setup = 'from setuptools import Extension, setup\nsetup(name="x", ext_modules=[Extension("x", ["x.c"])])\n'
    assert "AD402" not in {finding.code for finding in judge(text, {"setup.py": setup}).findings}


def test_files_copied_out_of_the_stage_keep_their_packages(judge: Judge) -> None:
    text = (
        "FROM python:3.12-alpine3.21 AS builder\nRUN apk add --no-cache libffi-dev\n"
        "RUN pip install --prefix=/install cryptography==46.0.3\n"
        "FROM python:3.12-alpine3.21\nCOPY --from=builder /install /usr/local\n"
    )
    assert "AD402" in {finding.code for finding in judge(text).findings}
    copied = text + "COPY --from=builder /usr/lib /usr/lib\n"
    assert "AD402" not in {finding.code for finding in judge(copied).findings}


def test_what_another_stage_compiles_with_is_needed(judge: Judge) -> None:
    text = (
        "FROM python:3.12-alpine3.21 AS base\nRUN apk add --no-cache gcc musl-dev\nRUN pip install cryptography==46.0.3\n"
        "FROM base AS builder\nRUN pip install --prefix=/install psutil lz4==4.4.5\n"
    )
    assert "AD402" not in {finding.code for finding in judge(text).findings}


def test_a_builder_with_one_too_many_is_only_told_when_asked(judge: Judge) -> None:
    text = (
        "FROM python:3.11-alpine3.19 AS builder\nRUN apk add --no-cache gcc musl-dev libffi-dev\n"
        "RUN pip install --prefix=/install lz4==4.4.5\n"
        "FROM python:3.11-alpine3.19\nCOPY --from=builder /install /usr/local\n"
    )
    assert not judge(text).findings
    (finding,) = judge(text, select=["AD402"]).findings
    assert finding.packages == ("libffi-dev",)
    assert finding.confidence == "likely"
    assert any("lz4" in evidence.detail and "cmd:gcc" in evidence.detail for evidence in finding.evidence)
    assert judge(text, unsafe_fixes=True).findings == (finding,)


def test_all_platforms_must_agree(judge: Judge) -> None:
    text = "FROM python:3.9-alpine3.17\nRUN apk add --no-cache gcc musl-dev\nRUN pip install lxml==4.9.1\n"
    both = {finding.code for finding in judge(text, platforms=("linux/amd64", "linux/386")).findings}
    assert "AD402" not in both


def test_compilers_left_in_a_single_stage(judge: Judge) -> None:
    text = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev\nRUN pip install lz4==4.4.5\n"
    (finding,) = judge(text).findings
    assert (finding.code, finding.severity, finding.fix) == ("AD401", "info", None)
    assert "in a separate stage" in finding.message


def test_one_run_can_delete_what_it_adds(judge: Judge) -> None:
    text = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev && pip install lz4==4.4.5\n"
    (finding,) = judge(text).findings
    assert finding.fix is not None
    assert finding.fix.applicability == "unsafe"


ON = "FROM python:3.11-alpine3.19"


@pytest.mark.parametrize(
    "lines",
    [
        (ON, "RUN apk add --no-cache -t .b gcc musl-dev && pip install lz4==4.4.5 && apk del .b"),
        (ON, "RUN apk add --no-cache gcc musl-dev && pip install lz4==4.4.5 && apk del gcc musl-dev"),
        ("FROM alpine:3.19", "RUN apk add --no-cache build-base", "RUN make"),
        (
            *(f"{ON} AS b", "RUN apk add --no-cache gcc musl-dev", "RUN pip install --prefix=/i lz4==4.4.5"),
            *(ON, "COPY --from=b /i /usr/local"),
        ),
    ],
)
def test_what_does_not_reach_the_image_is_not_reported(judge: Judge, lines: tuple[str, ...]) -> None:
    assert "AD401" not in {finding.code for finding in judge("\n".join(lines) + "\n").findings}


@pytest.mark.parametrize(("pip", "codes"), [("", {"AD401", "AD402"}), ("RUN pip install pip==20.1\n", {"AD401"})])
def test_what_the_build_of_a_build_asks_for_is_compiled_by_an_old_pip(judge: Judge, pip: str, codes: set[str]) -> None:
    """No rule tells what a build asks for; cffi, say, which pip 20 compiles as well, and that takes libffi-dev."""
    text = f"FROM python:3.12-alpine3.21\n{pip}RUN apk add build-base libffi-dev && pip install --no-deps lz4==4.4.5\n"
    assert {one.code for one in judge(text).findings} - {"AD502"} == codes


def test_what_is_deleted_again_does_not_stay(judge: Judge) -> None:
    text = (
        "FROM python:3.12-alpine3.21\nRUN apk add -t .b build-base libffi-dev && pip install lz4==4.4.5 && apk del .b\n"
    )
    (found,) = judge(text, select=["AD402"]).findings
    assert found.message == "libffi-dev is not needed: nothing that is compiled in this stage uses it"


def test_a_list_may_name_what_a_package_provides(judge: Judge) -> None:
    """musl-dev provides libc-dev, and libjpeg-turbo-dev jpeg-dev."""
    text = "FROM python:3.12-alpine3.21\nRUN apk add -t .b gcc libc-dev && pip install lz4==4.4.5 && apk del .b\n"
    assert not judge(text, select=["AD402", "AD102"]).findings
