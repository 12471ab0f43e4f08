"""The cases that explain the product: the same lz4, and what decides whether its library is needed."""

from __future__ import annotations

import pytest

from tests.conftest import Judge, said

BASE = "python:3.11-alpine3.19"
BUILDER = """\
FROM {base} AS builder
RUN apk add --no-cache {packages}
RUN pip install --prefix=/install lz4==4.4.5
FROM {base}
RUN apk add --no-cache libpq
COPY --from=builder /install /usr/local
"""


def test_postgresql_dev_brings_lz4_dev_and_the_runtime_stage_lacks_lz4_libs(judge: Judge) -> None:
    report = judge(BUILDER.format(base=BASE, packages="gcc musl-dev postgresql-dev"))
    assert said(report) == {("AD103", ("lz4-dev",), 0), ("AD201", ("lz4-libs",), 1)}
    runtime = next(f for f in report.findings if f.code == "AD201")
    assert (runtime.need, runtime.severity, runtime.confidence) == ("so:liblz4.so.1", "error", "certain")
    assert runtime.location.line == 5
    assert any("postgresql-dev -> postgresql16-dev -> lz4-dev" in e.detail for e in runtime.evidence)
    assert report.unknown == 0


def test_postgresql_dev_of_alpine_3_16_pulls_no_lz4_dev(judge: Judge) -> None:
    assert not said(judge(BUILDER.format(base="python:3.11-alpine3.16", packages="gcc musl-dev postgresql-dev")))


def test_without_lz4_dev_the_bundled_copy_is_compiled_in(judge: Judge) -> None:
    assert not said(judge(BUILDER.format(base=BASE, packages="gcc musl-dev")))


def test_the_environment_switches_the_system_library_off(judge: Judge) -> None:
    text = BUILDER.format(base=BASE, packages="gcc musl-dev postgresql-dev").replace(
        "RUN pip", "ENV PYLZ4_USE_SYSTEM_LZ4=0\nRUN pip"
    )
    assert not said(judge(text))


VIRTUAL = """\
FROM python:3.11-alpine3.19
RUN apk add --no-cache --virtual .build-deps gcc musl-dev lz4-dev && pip install lz4==4.4.5 && apk del .build-deps
"""


def test_apk_del_takes_the_library_away(judge: Judge, mend) -> None:
    report = judge(VIRTUAL)
    assert said(report) == {("AD202", ("lz4-libs",), 0)}
    (finding,) = [one for one in report.findings if one.code == "AD202"]
    assert finding.message.endswith("which apk del .build-deps removes: add lz4-libs to a list that is not deleted")
    assert mend(VIRTUAL).new.decode() == VIRTUAL.replace("RUN apk", "RUN apk add --no-cache lz4-libs\nRUN apk", 1)


SLIM = """\
FROM python:3.11-alpine3.19
ARG SLIM
RUN apk add --no-cache gcc musl-dev lz4-dev lz4-libs
RUN pip install lz4==4.4.5
RUN if [ -n "$SLIM" ]; then apk del lz4-dev lz4-libs; fi
"""


def test_an_apk_del_in_a_branch_may_take_the_library_away(judge: Judge) -> None:
    (finding,) = [one for one in judge(SLIM).findings if one.code.startswith("AD2")]
    assert (finding.code, finding.confidence, finding.packages) == ("AD202", "possible", ("lz4-libs",))
    assert "may remove" in finding.message
    assert not said(judge(SLIM.replace("; then apk del lz4-dev lz4-libs", "; then apk del lz4-dev")), of="lz4")


def test_a_soname_is_a_package_too(judge: Judge) -> None:
    assert not said(judge(VIRTUAL.replace("RUN apk", "RUN apk add --no-cache so:liblz4.so.1\nRUN apk", 1)))


WHEELS = """\
FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc musl-dev lz4-dev
RUN pip wheel -w /wheels lz4==4.4.5
FROM python:3.11-alpine3.19
COPY --from=builder /wheels /wheels
RUN pip install --no-index --find-links=/wheels lz4==4.4.5
"""


@pytest.mark.parametrize(
    "install",
    ["--no-index --find-links=/wheels lz4==4.4.5", "--no-index --find-links=/wheels lz4", "/wheels/*.whl"],
)
def test_a_wheel_built_in_the_builder_links_what_was_there(judge: Judge, install: str) -> None:
    report = judge(WHEELS.replace("--no-index --find-links=/wheels lz4==4.4.5", install))
    assert said(report) == {("AD201", ("lz4-libs",), 1)}


def test_a_wheelhouse_mounted_for_one_run(judge: Judge) -> None:
    text = WHEELS.replace("COPY --from=builder /wheels /wheels\n", "").replace(
        "RUN pip install", "RUN --mount=type=bind,from=builder,source=/wheels,target=/wheels pip install"
    )
    assert said(judge(text)) == {("AD201", ("lz4-libs",), 1)}


@pytest.mark.parametrize(
    "copied",
    [
        "COPY --from=builder /usr/lib/liblz4.so.1* /usr/lib/",
        "COPY --from=builder /usr/lib /usr/lib",
        "COPY --from=builder /usr/lib/liblz4.so.1 /opt/lib/\nENV LD_LIBRARY_PATH=/opt/lib",
    ],
)
def test_a_library_copied_by_hand_is_there(judge: Judge, copied: str) -> None:
    text = BUILDER.format(base=BASE, packages="gcc musl-dev lz4-dev") + copied + "\n"
    assert not said(judge(text))


def test_a_library_copied_to_where_no_loader_looks_is_not_there(judge: Judge) -> None:
    text = BUILDER.format(base=BASE, packages="gcc musl-dev lz4-dev")
    report = judge(text + "COPY --from=builder /usr/lib/liblz4.so.1 /opt/lib/\n")
    assert said(report) == {("AD201", ("lz4-libs",), 1)}


def test_the_lz4_program_of_3_19_is_linked_statically(judge: Judge) -> None:
    text = BUILDER.format(base=BASE, packages="gcc musl-dev lz4-dev").replace("libpq", "libpq lz4")
    assert said(judge(text)) == {("AD201", ("lz4-libs",), 1)}


def test_no_compiler_at_all(judge: Judge) -> None:
    text = "FROM python:3.11-alpine3.19\nRUN pip install lz4==4.4.5 cryptography==46.0.3\n"
    report = judge(text)
    assert said(report) == {("AD102", ("gcc",), 0), ("AD102", ("musl-dev",), 0)}
    assert {f.location.line for f in report.findings} == {2}
    assert {f.distribution.name for f in report.findings if f.distribution} == {"lz4"}


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_distributions_with_musllinux_wheels_need_nothing(judge: Judge, platform: str) -> None:
    text = "FROM python:3.12-alpine3.21\nRUN pip install psycopg2-binary cryptography numpy\n"
    report = judge(text, platforms=(platform,))
    assert not said(report)
    assert report.unknown == 0


def test_python_magic_opens_libmagic(judge: Judge) -> None:
    report = judge("FROM python:3.11-alpine3.19\nRUN pip install python-magic==0.4.27\n")
    assert said(report) == {("AD203", ("libmagic",), 0)}


def test_a_debian_stage_is_counted_and_left_alone(judge: Judge) -> None:
    report = judge("FROM python:3.11-slim\nRUN pip install lz4==4.4.5\n")
    assert not report.findings
    assert (report.stages, report.not_alpine, report.unknown) == (0, 1, 0)


def test_a_missing_requirement_file_is_said_and_the_rest_still_judged(judge: Judge) -> None:
    text = (
        "FROM python:3.11-alpine3.19\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
        "RUN pip install lz4==4.4.5\n"
    )
    report = judge(text)
    assert {f.code for f in report.findings} == {"AD901", "AD102"}
    assert report.unknown == 1


def test_packages_of_a_branch_are_possible(judge: Judge) -> None:
    text = BUILDER.format(base=BASE, packages="gcc musl-dev lz4-dev").replace(
        "RUN apk add --no-cache libpq", 'ARG LZ4\nRUN if [ -n "$LZ4" ]; then apk add --no-cache lz4-libs; fi'
    )
    (finding,) = judge(text).findings
    assert (finding.code, finding.confidence, finding.severity, finding.fix) == ("AD201", "possible", "warning", None)


CLOSED = BUILDER.format(base=BASE, packages="gcc musl-dev lz4-dev").replace("libpq", "tini") + (
    "COPY --from=builder --chmod={} /usr/lib/liblz4.so.1 /usr/lib/\n{}"
)


@pytest.mark.parametrize("user", ["app", "1000"])
def test_a_library_that_the_user_may_not_read(judge: Judge, mend, user: str) -> None:
    """Run with musl's own loader: it passes over what it may not open, and the import dies as if nothing were there."""
    text = CLOSED.format("0600", f"USER {user}\n")
    (finding,) = [one for one in judge(text).findings if one.severity == "error"]
    assert (finding.code, finding.location.line, finding.packages) == ("AD201", 7, ())
    assert f"is in stage 1, but USER {user} can't read it" in finding.message
    assert finding.fix is not None
    assert finding.fix.applicability == "display"
    assert mend(text).new.decode() == text
    (edit,) = finding.fix.edits
    assert not said(judge(text[: edit.start] + edit.text + text[edit.end :]))


@pytest.mark.parametrize(
    ("mode", "then"),
    [
        ("755", "USER app\n"),
        ("600", ""),
        ("600 --chown=app", "USER app\n"),
        ("600", "RUN chmod a+r /usr/lib/liblz4.so.1\nUSER app\n"),
    ],
)
def test_a_library_that_the_user_may_read_or_perhaps(judge: Judge, mode: str, then: str) -> None:
    assert not said(judge(CLOSED.format(mode, then)))
