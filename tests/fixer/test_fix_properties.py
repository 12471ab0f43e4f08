"""What holds for every fix of every shape: idempotence, a clean check afterwards, and no byte touched but packages."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dockerlint_alpine.analysis import Doctor, configure, fix_bytes
from dockerlint_alpine.syntax import parse

DOCTOR = Doctor(configure())
NOWHERE = Path("/nonexistent/Dockerfile")


@dataclass(frozen=True)
class Shape:
    """How an author writes a list of packages."""

    eol: str
    indent: str
    layout: str
    tail: str
    sort: bool
    lower: bool
    final_newline: bool

    def packages(self, names: list[str]) -> str:
        listed = sorted(names) if self.sort else names
        if self.layout == "inline":
            return " " + " ".join(listed) + (f" {self.tail}" if self.tail else "")
        rest = f" \\{self.eol}{self.indent}".join(["", *listed])
        if not self.tail:
            return rest
        return f"{rest} \\{self.eol}{self.indent}{self.tail}" if self.layout == "lines" else f"{rest} {self.tail}"

    def file(self, lines: list[str]) -> bytes:
        text = self.eol.join(lines) + (self.eol if self.final_newline else "")
        return text.encode()


SHAPES = st.builds(
    Shape,
    eol=st.sampled_from(["\n", "\r\n"]),
    indent=st.sampled_from(["    ", "\t", "  ", "      "]),
    layout=st.sampled_from(["inline", "lines", "lines-tail-inline"]),
    tail=st.sampled_from(["", "&& rm -rf /var/cache/apk/*", "; true", "&& echo done"]),
    sort=st.booleans(),
    lower=st.booleans(),
    final_newline=st.booleans(),
)
BUILD = st.lists(st.sampled_from(["postgresql-dev", "libffi-dev", "make", "git", "openssl-dev"]), min_size=1, unique=True)
RUN = st.lists(st.sampled_from(["curl", "tini", "bash", "jq", "libxslt"]), min_size=1, unique=True)
WANTED = st.lists(
    st.sampled_from(["lz4==4.4.5", "psycopg2==2.9.11", "python-magic==0.4.27", "cryptography==46.0.3", "lxml==5.0.0"]),
    min_size=1,
    unique=True,
)


@st.composite
def dockerfiles(draw: st.DrawFn) -> bytes:
    """Two stages with lists in one shape, or one stage with a virtual list."""
    shape = draw(SHAPES)
    build, run, wanted = draw(BUILD), draw(RUN), " ".join(draw(WANTED))
    from_, do = ("from", "run") if shape.lower else ("FROM", "RUN")
    base = draw(st.sampled_from(["python:3.11-alpine3.19", "python:3.12-alpine3.21", "python:3.10-alpine3.17"]))
    if draw(st.booleans()):
        lines = [
            f"{from_} {base} AS builder",
            f"{do} apk add --no-cache{shape.packages(build)}",
            f"{do} pip install --prefix=/install {wanted}",
            "",
            "# what runs",
            f"{from_} {base}",
            f"{do} apk add --no-cache{shape.packages(run)}",
            "COPY --from=builder /install /usr/local",
        ]
    else:
        lines = [
            f"{from_} {base}",
            f"{do} apk add --no-cache{shape.packages(run)}",
            f"{do} apk add --no-cache --virtual .build-deps{shape.packages(build)}",
            f"{do} pip install {wanted} && apk del .build-deps",
        ]
    return shape.file(lines)


def inserted(old: bytes, new: bytes) -> list[bytes]:
    """The pieces that ``new`` has on top of ``old``; fails if anything was taken away."""
    pieces = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            assert i1 == i2, f"{old[i1:i2]!r} is gone"
            pieces.append(new[j1:j2])
    return pieces


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dockerfiles())
def test_a_fix_only_inserts_and_a_second_one_changes_nothing(data: bytes) -> None:
    first = fix_bytes(DOCTOR, data, NOWHERE)
    inserted(data, first.new)
    second = fix_bytes(DOCTOR, first.new, NOWHERE)
    assert second.new == first.new
    assert not [f for f in first.left.findings if f.fix is not None and f.fix.applicability == "safe"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dockerfiles())
def test_what_is_not_a_package_list_parses_as_before(data: bytes) -> None:
    new = fix_bytes(DOCTOR, data, NOWHERE).new
    before, after = parse(data), parse(new)
    assert not after.problems
    added = [i for i in after.instructions if i.value.startswith("apk add --no-cache ") and i.value.count(" ") <= 12]
    kept = [i for i in after.instructions if i.keyword != "RUN" or "apk add" not in i.value]
    assert [i.value for i in kept] == [i.value for i in before.instructions if i.keyword != "RUN" or "apk add" not in i.value]
    assert len(after.instructions) - len(before.instructions) <= len(added)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dockerfiles())
def test_line_ends_and_the_end_of_the_file_are_kept(data: bytes) -> None:
    new = fix_bytes(DOCTOR, data, NOWHERE).new
    assert (b"\r\n" in data) == (b"\r\n" in new)
    if b"\r\n" in data:
        assert new.count(b"\n") == new.count(b"\r\n")
    assert new.endswith(b"\n") == data.endswith(b"\n")
