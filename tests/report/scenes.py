"""Realistic reports for the format tests: the netra case of the design and one finding of each other kind."""

from __future__ import annotations

from dockerlint_alpine.model.findings import (
    DistributionRef,
    Evidence,
    Finding,
    Fix,
    Location,
    StageRef,
    TextEdit,
    Traits,
)
from dockerlint_alpine.model.reports import FileError, FileReport, Report
from dockerlint_alpine.report import CodeDoc

NETRA_PATH = "docker/backend.alpine.Dockerfile"
NETRA = b"""\
FROM python:3.11-alpine3.19 AS builder

RUN apk add --no-cache \\
    gcc \\
    musl-dev \\
    libffi-dev \\
    postgresql-dev \\
    && rm -rf /var/cache/apk/*

COPY requirements.txt .

RUN pip install --prefix=/install -r requirements.txt

FROM python:3.11-alpine3.19

RUN apk add --no-cache \\
    libpq \\
    curl \\
    tini \\
    && rm -rf /var/cache/apk/*

COPY --from=builder /install /usr/local
"""
WHEEL = "no musllinux wheel fits CPython 3.11 on x86_64, so pip compiles the sdist (facts as of 2026-11-01)"
LINK = "its setup.py links the system liblz4 where pkg-config finds it"


def at(source: bytes, text: bytes, *, after: bytes = b"") -> Location:
    """Where the text stands (first time after ``after``)."""
    start = source.index(text, source.index(after) if after else 0)
    end = start + len(text)
    return Location(*_position(source, start), *_position(source, end))


def _position(source: bytes, offset: int) -> tuple[int, int]:
    return source.count(b"\n", 0, offset) + 1, offset - (source.rfind(b"\n", 0, offset) + 1) + 1


def insert(source: bytes, text: str, before: bytes, *, after: bytes = b"") -> TextEdit:
    offset = source.index(before, source.index(after) if after else 0)
    return TextEdit(offset, offset, text)


BUILDER = StageRef(0, "builder", "python:3.11-alpine3.19", "3.19", "3.11")
RUNTIME = StageRef(1, None, "python:3.11-alpine3.19", "3.19", "3.11")
NO_WHEEL = "no wheel fits Python 3.11 on musl 1.2 x86_64"
PULLED = "postgresql-dev -> postgresql16-dev -> lz4-dev"
LZ4 = DistributionRef("lz4", "4.4.5", ("requirements.txt:9", "clickhouse-connect", "lz4"), NO_WHEEL)


def missing_runtime_library(source: bytes = NETRA) -> Finding:
    return Finding(
        code="AD201",
        name="missing-runtime-library",
        severity="error",
        confidence="certain",
        message="lz4 4.4.5 links liblz4.so.1, which this stage does not have: import fails",
        location=at(source, b"RUN apk add --no-cache", after=b"FROM python:3.11-alpine3.19\n"),
        evidence=(
            Evidence("wheel", WHEEL, WHEEL),
            Evidence("rule", LINK, LINK),
            Evidence("index", f"lz4-dev is in stage builder: {PULLED}", PULLED),
            Evidence("index", "so:liblz4.so.1 is provided by lz4-libs 1.9.4-r5 in Alpine 3.19 main"),
        ),
        stage=RUNTIME,
        platforms=("linux/amd64",),
        distribution=LZ4,
        need="so:liblz4.so.1",
        packages=("lz4-libs",),
        fix=Fix(
            "add lz4-libs to the apk add of line 16",
            "safe",
            (insert(source, "    lz4-libs \\\n", b"    curl \\\n"),),
        ),
    )


def implicit_build_library(source: bytes = NETRA) -> Finding:
    return Finding(
        code="AD103",
        name="implicit-build-library",
        severity="warning",
        confidence="likely",
        message="lz4 4.4.5 links liblz4 only because postgresql-dev happens to pull in lz4-dev",
        location=at(source, b"postgresql-dev"),
        evidence=(
            Evidence("rule", LINK),
            Evidence("index", f"{PULLED} in Alpine 3.19; not in 3.16", PULLED),
        ),
        stage=BUILDER,
        platforms=("linux/amd64",),
        distribution=LZ4,
        need="pc:liblz4",
        packages=("lz4-dev",),
        fix=Fix(
            "add lz4-dev to the apk add of line 3",
            "safe",
            (insert(source, " \\\n    lz4-dev", b" \\\n    postgresql-dev"),),
        ),
    )


def compiled_without_wheel(source: bytes = NETRA) -> Finding:
    return Finding(
        code="AD502",
        name="compiled-without-wheel",
        severity="info",
        confidence="certain",
        message="lz4 4.4.5 has no musllinux wheel for CPython 3.11 and is compiled here",
        location=at(source, b"RUN pip install --prefix=/install -r requirements.txt"),
        evidence=(Evidence("wheel", WHEEL),),
        stage=BUILDER,
        platforms=("linux/amd64",),
        distribution=LZ4,
    )


def netra() -> FileReport:
    """The flagship: three findings about lz4 in the order of the file."""
    findings = (implicit_build_library(), compiled_without_wheel(), missing_runtime_library())
    return FileReport(NETRA_PATH, findings, NETRA, stages=2)


SINGLE_PATH = "Dockerfile.alpine"
SINGLE = (
    b"FROM python:3.11-alpine3.19\n"
    b"RUN apk add --no-cache --virtual .build-deps gcc musl-dev lz4-dev && pip install lz4 psycopg2 python-magic"
    b" && apk del .build-deps\n"
    b"COPY --from=registry.example/odd /x /x\n"
    b"RUN set -eux; \\\n\tapk add a; \\\n\tapk add b; \\\n\tapk add c; \\\n"
    b"\tapk add d; \\\n\tapk add e; \\\n\tapk add f\n"
)


def single() -> FileReport:
    """One stage with a finding of every other kind: build library, tool, removed, dlopen, could not judge."""
    stage = StageRef(0, None, "python:3.11-alpine3.19", "3.19", "3.11")
    both = ("linux/amd64", "linux/arm64")
    findings = (
        Finding(
            code="AD101",
            name="missing-build-library",
            severity="error",
            confidence="certain",
            message="psycopg2 2.9.11 needs pg_config to build",
            location=at(SINGLE, b"psycopg2"),
            evidence=(Evidence("rule", "setup.py runs pg_config"), Evidence("index", "cmd:pg_config: libpq-dev")),
            stage=stage,
            platforms=both,
            distribution=DistributionRef("psycopg2", "2.9.11", (f"{SINGLE_PATH}:2",)),
            need="cmd:pg_config",
            packages=("libpq-dev",),
            fix=Fix("add libpq-dev to .build-deps", "safe", (insert(SINGLE, " libpq-dev", b" && pip"),)),
        ),
        Finding(
            code="AD202",
            name="removed-runtime-library",
            severity="error",
            confidence="certain",
            message="apk del .build-deps takes liblz4.so.1 away, which lz4 links",
            location=at(SINGLE, b"apk del .build-deps"),
            evidence=(Evidence("index", "lz4-libs comes with lz4-dev only"),),
            stage=stage,
            platforms=both,
            distribution=DistributionRef("lz4", None, (f"{SINGLE_PATH}:2",)),
            need="so:liblz4.so.1",
            packages=("lz4-libs",),
            fix=Fix(
                "add lz4-libs in an apk add of its own", "safe", (insert(SINGLE, "apk add lz4-libs && ", b"apk add"),)
            ),
        ),
        Finding(
            code="AD203",
            name="missing-dlopen-library",
            severity="warning",
            confidence="possible",
            message="python-magic opens libmagic.so.1 at run time",
            location=at(SINGLE, b"python-magic"),
            evidence=(Evidence("rule", "magic/loader.py calls ctypes.CDLL"),),
            stage=stage,
            platforms=both,
            distribution=DistributionRef("python-magic", None, ()),
            need="so:libmagic.so.1",
            packages=("libmagic",),
            fix=Fix("list libmagic in packages.txt", "safe", (TextEdit(0, 0, "libmagic\n", "docker/packages.txt"),)),
        ),
        Finding(
            code="AD901",
            traits=Traits(could_not_judge=True),
            name="could-not-judge",
            severity="info",
            confidence="certain",
            message="nothing is known about the image registry.example/odd",
            location=at(SINGLE, b"COPY --from=registry.example/odd /x /x"),
            evidence=(Evidence("dockerfile", "no rule in base-images.toml"),),
            stage=stage,
        ),
        Finding(
            code="AD102",
            name="missing-build-tool",
            severity="error",
            confidence="certain",
            message="nothing here compiles Rust",
            location=at(SINGLE, SINGLE[SINGLE.index(b"RUN set") : -1]),
            evidence=(Evidence("source", "pyproject.toml asks for maturin"),),
            stage=stage,
            need="cmd:cargo",
            packages=("cargo", "rust"),
            fix=Fix("pin the whole list anew", "unsafe", (insert(SINGLE, "cargo ", b"a; \\"),)),
        ),
    )
    notes = ("Alpine 3.19 answers for edge: no index of edge is at hand",)
    return FileReport(SINGLE_PATH, findings, SINGLE, stages=1, not_alpine=2, unknown=3, notes=notes)


ODD_PATH = "odd dir/D\xe9\udcff,1%:\tockerfile"
ODD = (
    b"\xef\xbb\xbfFROM python:3.11-alpine\r\n"
    b'RUN\techo "\xff\xe4\xbd\xa0\xe5\xa5\xbd \x1b[31m" && apk\tadd caf\xc3\xa9\xf0\x9f\x98\x80 # `|@a\r\n'
    b"RUN true"
)


def odd() -> FileReport:
    """Everything that can break a format: a BOM, CRLF, tabs, wide characters, bytes that are no text, markup."""
    finding = Finding(
        code="AD301",
        name="unknown-package",
        severity="error",
        confidence="certain",
        message="no package \u201ccaf\xe9\U0001f600\u201d \x1b[2J\n::error::%0A"
        "|`*]]> <b>&@user #12 \udcfe \u202eevil, a:b",
        location=at(ODD, "café😀".encode()),
        evidence=(Evidence("index", "line\r\nbreak \x00 and <tag attr=\"1\"> 'q'"),),
        stage=StageRef(0, "st|age", "python:3.11-alpine", None, None),
        packages=("cafe",),
        fix=Fix(
            "write `cafe`",
            "safe",
            (TextEdit(ODD.index("café".encode()), ODD.index(b" #"), "cafe"),),
        ),
    )
    return FileReport(ODD_PATH, (finding, finding), ODD, stages=1)


CLEAN = FileReport("clean/Dockerfile", (), b"FROM scratch\n", stages=0, not_alpine=1)
UNREADABLE = FileError("gone/Dockerfile", "no such file")


def everything() -> Report:
    return Report((netra(), single(), odd(), CLEAN), (UNREADABLE,))


def code_doc(code: str) -> CodeDoc:
    return CodeDoc(
        code, f"name-of-{code}", f"What {code} says.", f"## What it does\n\n{code}.", "warning", f"codes/{code}"
    )
