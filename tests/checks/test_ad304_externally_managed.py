"""AD304: pip in a Python that belongs to apk, and everything that makes it go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.model.reports import FileReport
    from dockerlint_alpine.run.analysis import FixResult
    from tests.conftest import Judge

APK = "RUN apk add --no-cache python3 py3-pip\n"
VENV = "RUN apk add python3 && python3 -m venv /v"
PIP = "RUN pip install requests==2.32.3\n"


def refused(report: FileReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == "AD304"]


@pytest.mark.parametrize(
    "text",
    [
        f"FROM alpine:3.19\n{APK}{PIP}",
        f"FROM alpine:3.20\n{APK}RUN python3 -m pip install --user requests==2.32.3\n",
        f"FROM alpine:3.20\n{APK}RUN pip3 install --no-cache-dir --upgrade pip\n",
        "FROM alpine:3.21\nRUN apk add python3 py3-pip uv && uv pip install --system requests==2.32.3\n",
        f"FROM alpine:3.20 AS base\n{APK}FROM base\n{PIP}",
        f"FROM python:3.12-alpine3.20\n{APK}RUN /usr/bin/pip3 install requests==2.32.3\n",
    ],
)
def test_what_pip_refuses(judge: Judge, text: str) -> None:
    (finding,) = refused(judge(text))
    assert (finding.severity, finding.confidence) == ("error", "certain")


@pytest.mark.parametrize(
    "text",
    [
        f"FROM alpine:3.18\n{APK}{PIP}",
        f"FROM alpine:3.20\n{APK}RUN python3 setup.py install\n",
        "FROM alpine:3.20\nRUN apk add python3 py2-pip && pip install requests==2.32.3\n",
        "FROM ghcr.io/linuxserver/baseimage-alpine:riscv64-3.22\nRUN apk add python3 py3-pip\n"
        "RUN python3 -m venv /lsiopy && pip install requests==2.32.3\n",
        f"FROM alpine:3.19\n{APK}RUN python3 -m venv /v && /v/bin/pip install requests==2.32.3\n",
        f"FROM alpine:3.19\n{APK}RUN python3 -m venv /v && . /v/bin/activate && pip install requests==2.32.3\n",
        f"FROM alpine:3.19\nENV PIP_BREAK_SYSTEM_PACKAGES=1\n{APK}{PIP}",
        f"FROM alpine:3.19\n{APK}RUN PIP_BREAK_SYSTEM_PACKAGES=1 pip install requests==2.32.3\n",
        f"FROM alpine:3.19\n{APK}RUN pip install --break-system-packages requests==2.32.3\n",
        f"FROM alpine:3.19\n{APK}RUN pip config set global.break-system-packages true\n{PIP}",
        f"FROM alpine:3.19\n{APK}RUN rm /usr/lib/python3*/EXTERNALLY-MANAGED\n{PIP}",
        f"FROM alpine:3.19\n{APK}RUN rm -f /usr/lib/python3.*/EXTERNALLY*\n{PIP}",
        f"FROM alpine:3.19\n{APK}COPY pip.conf /etc/pip.conf\n{PIP}",
        f"FROM alpine:3.19\n{APK}RUN pip install --target /deps requests==2.32.3\n",
        f"FROM alpine:3.19\n{APK}RUN pip install --prefix=/deps requests==2.32.3\n",
        f"FROM alpine:3.19\n{APK}RUN pip install requests==2.32.3 || apk add py3-requests\n",
        f"FROM alpine:3.19\n{APK}RUN pip wheel -w /w requests==2.32.3\n",
        f"FROM python:3.12-alpine3.20\n{PIP}",
        f"FROM python:3.12-alpine3.20\n{APK}{PIP}",
        "FROM alpine:3.20\nRUN apk add pipx && pipx install httpie\n",
    ],
)
def test_what_it_accepts(judge: Judge, text: str) -> None:
    report = judge(text, {"pip.conf": "[global]\nbreak-system-packages = true\n"})
    assert not refused(report)


@pytest.mark.parametrize(
    ("requirements", "advice"),
    [
        ("requests==2.32.3", "apk add py3-requests, or install into a venv"),
        ("no-such-distribution==1.0", "install into a venv"),
        ("--upgrade pip", "py3-pip is upgraded by apk; a venv has its own pip"),
    ],
)
def test_the_way_out_that_fits(judge: Judge, requirements: str, advice: str) -> None:
    (finding,) = refused(judge(f"FROM alpine:3.19\n{APK}RUN pip install {requirements}\n"))
    assert finding.message.endswith(f": {advice}")


def test_an_image_of_which_nothing_is_known_may_have_an_environment(judge: Judge) -> None:
    (finding,) = refused(judge(f"FROM example/alpine-tools:3.22\n{APK}{PIP}"))
    assert (finding.severity, finding.confidence) == ("warning", "possible")


def test_an_image_for_python_is_named_where_much_is_installed(judge: Judge) -> None:
    text = f"FROM alpine:3.19\n{APK}COPY r.txt .\nRUN pip install -r r.txt\n"
    (finding,) = refused(judge(text, {"r.txt": "flask==3.0.3\ngunicorn==22.0.0\nrequests==2.32.3\nlz4==4.4.5\n"}))
    assert "start FROM python:3.11-alpine3.19" in finding.message


def test_the_venv_serves_every_install_of_the_stage(mend: Callable[..., FixResult]) -> None:
    apk = "RUN apk add python3 py3-pip \\\n && "
    text = f"FROM alpine:3.19\n{apk}pip install flask==3.0.3\nRUN pip3 install requests==2.32.3\n"
    result = mend(text, unsafe_fixes=True, select=["AD304"])
    assert result.new.decode() == (
        f'FROM alpine:3.19\nENV PATH="/opt/venv/bin:$PATH"\n{apk}python3 -m venv /opt/venv && pip install flask==3.0.3\n'
        "RUN pip3 install requests==2.32.3\n"
    )
    assert not refused(result.left)
    assert not mend(text, select=["AD304"]).changed, "it is not safe"


def test_a_shell_forgets_the_python_that_made_the_venv(mend: Callable[..., FixResult]) -> None:
    """``python3`` was found in /usr/bin before there was another; a user who comes later reads the environment."""
    text = 'FROM alpine:3.19\nRUN apk add py3-pip && python3 -m pip install flask==3.0.3\nUSER nobody\nCMD ["flask"]\n'
    new = mend(text, unsafe_fixes=True, select=["AD304"]).new.decode()
    assert "apk add py3-pip && python3 -m venv /opt/venv && hash -r && python3 -m pip install flask" in new
    assert new.index("ENV PATH") < new.index("RUN apk") < new.index("USER nobody")


def test_the_venv_sees_what_apk_installed(mend: Callable[..., FixResult]) -> None:
    text = "FROM alpine:3.19\r\nRUN apk add py3-pip py3-numpy\r\nRUN pip install requests==2.32.3\r\n"
    new = mend(text, unsafe_fixes=True, select=["AD304"]).new
    assert b'ENV PATH="/opt/venv/bin:$PATH"\r\nRUN python3 -m venv --system-site-packages /opt/venv && pip' in new


@pytest.mark.parametrize(
    "text",
    [
        f"FROM alpine:3.19\n{APK}USER nobody\n{PIP}",
        f"FROM alpine:3.19\n{APK}{PIP}USER nobody\nRUN pip install flask==3.0.3\n",
        f'FROM alpine:3.19\n{APK}{PIP}CMD ["/usr/bin/python3", "a.py"]\n',
        f'FROM alpine:3.19\n{APK}RUN ["pip", "install", "requests==2.32.3"]\n',
        f'FROM alpine:3.19\n{APK}RUN if [ -n "$X" ]; then pip install requests==2.32.3; fi\n',
    ],
)
def test_no_fix_is_offered_where_something_may_not_see_the_venv(judge: Judge, text: str) -> None:
    assert [finding.fix for finding in refused(judge(text))] in ([None], [None, None])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("FROM alpine:3.20\nRUN apk add python3 && python3 -m ensurepip --upgrade && pip3 install six\n", True),
        ("FROM alpine:3.18\nRUN apk add python3 && python3 -m ensurepip && pip3 install six\n", False),
        ("FROM python:3.12-alpine3.20\nRUN python3 -m ensurepip && pip3 install six\n", False),
        (
            "FROM alpine:3.20\nRUN apk add python3 && rm /usr/lib/python3*/EXTERNALLY-MANAGED && python3 -m ensurepip\n",
            False,
        ),
        ("FROM alpine:3.20\nRUN apk add python3 && python3 -m venv /v && /v/bin/python3 -m ensurepip\n", False),
        ("FROM alpine:3.20\nRUN apk add python3 && (python3 -m ensurepip || true)\n", False),
        (
            "FROM alpine:3.21\nRUN apk add python3 && python3 -m venv /v && . /v/bin/activate && python3 -m ensurepip\n",
            False,
        ),
        (
            "FROM alpine:3.21\nENV PATH=/v/bin:$PATH\nRUN apk add python3 && python3 -m venv /v && python3 -m ensurepip\n",
            False,
        ),
    ],
)
def test_ensurepip_is_refused_as_well(judge: Judge, text: str, told: bool) -> None:
    """Tried with CPython 3.11: neither PIP_BREAK_SYSTEM_PACKAGES nor a configuration file helps."""
    assert [one.message.partition(" ")[0] for one in refused(judge(text))] == (["ensurepip"] if told else [])
