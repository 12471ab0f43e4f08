"""AD301: names that a release does not have, and everything that may bring a package from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.checks.package_names import DOCUMENT, KnownName
from dockerlint_alpine.checks.successors import _other_numbers
from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.run.analysis import Doctor, configure, fix_bytes

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.model.reports import FileReport
    from tests.conftest import Judge

HOMES = ("debian", "fedora", "program", "later")
COMPLETE = ("3.12", "3.17", "3.18", "3.19", "3.21")
"""Releases with both repositories embedded for x86_64."""


def unknown(report: FileReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == "AD301"]


@pytest.mark.parametrize(
    ("release", "name", "successor", "applicability"),
    [
        ("3.19", "build-essential", "build-base", "safe"),
        ("3.19", "libpq5", "libpq", "safe"),
        ("3.19", "python3-pip", "py3-pip", "safe"),
        ("3.19", "libgdal-dev", "gdal-dev", "safe"),
        ("3.19", "default-libmysqlclient-dev", "mariadb-connector-c-dev", "safe"),
        ("3.19", "netcat", "netcat-openbsd", "safe"),
        ("3.19", "dnsutils", "bind-tools", "safe"),
        ("3.19", "iputils-tracepaths", "iputils-tracepath", "display"),
        ("3.19", "postgres-dev", "postgresql-dev", "display"),
        ("3.19", "nosuch-package", None, None),
        ("3.12", "pip3", "py3-pip", "safe"),
        ("3.19", "dig", "bind-tools", "display"),
        ("3.19", "xmllint", "libxml2-utils", "display"),
        ("3.17", "iputils-ping", "iputils", "safe"),
        ("3.12", "libpq-dev", "postgresql-dev", "safe"),
        ("3.19", "openssl-devel", "openssl-dev", "safe"),
        ("3.19", "mariadb-client-libs", "mariadb-connector-c", "safe"),
        ("3.17", "nodejs-npm", "npm", "safe"),
        ("3.19", "proj4-dev", "proj-dev", "safe"),
        ("3.12", "python-dev", "python2-dev", "safe"),
        ("3.19", "python-dev", "python3-dev", "display"),
        ("3.19", "libssl1.1", "libssl3", "display"),
        ("3.19", "default-jre", "openjdk21-jre", "display"),
        ("3.18", "default-jre", "openjdk17-jre", "display"),
        ("3.19", "llvm11-dev", "llvm14-dev", "display"),
        ("3.19", "postgresql12-dev", "postgresql13-dev", "display"),
        ("3.21", "postgresql12-dev", "postgresql15-dev", "display"),
        ("3.21", "llvm11-dev", "llvm15-dev", "display"),
        ("3.19", "php7-curl", "php81-curl", "display"),
        ("3.12", "php81-curl", "php7-curl", "display"),
        ("3.19", "boost1.76-dev", "boost1.82-dev", "display"),
        ("3.19", "openjdk7-jre", "openjdk8-jre", "display"),
        ("3.19", "python3.9", "python3", "display"),
        ("3.19", "python3-cachetools", "py3-cachetools", "display"),
        ("3.19", "postgersql-dev", "postgresql-dev", "display"),
        ("3.19", "crul", "curl", "display"),
        ("3.19", "libexecinfo-dev", None, None),
        ("3.19", "apt-transport-https", None, None),
    ],
)
def test_the_successor(judge: Judge, release: str, name: str, successor: str | None, applicability: str | None) -> None:
    (finding,) = unknown(judge(f"FROM alpine:{release}\nRUN apk add --no-cache curl {name}\n"))
    assert finding.packages == ((successor,) if successor else ())
    assert (finding.fix.applicability if finding.fix else None) == applicability
    assert (finding.severity, finding.confidence, finding.need) == ("error", "certain", name)
    assert finding.message.startswith(f"Alpine {release} has no package {name}")
    assert (finding.location.line, finding.location.column) == (2, 29)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("libssl1.1", " any more; libssl3 takes its place"),
        ("libexecinfo-dev", " any more; musl has no backtrace(); nothing replaces it since 3.17"),
        ("libpq5", ", Debian's name: write libpq"),
    ],
)
def test_whose_name_it_is(judge: Judge, name: str, said: str) -> None:
    (finding,) = unknown(judge(f"FROM alpine:3.19\nRUN apk add {name}\n"))
    assert finding.message == f"Alpine 3.19 has no package {name}{said}"


def test_a_name_is_gone_after_its_last_release() -> None:
    name = KnownName("libssl1.1", "Alpine", until="3.18")
    assert [name.missing_from(one) for one in ("3.9", "3.18", "3.19", "edge")] == [False, False, True, True]


def test_of_other_numbers_the_next_newer_is_first() -> None:
    release = IndexStore().open("3.19")
    expected = ("llvm17-dev", "llvm16-dev", "llvm15-dev", "llvm14-dev")
    assert _other_numbers(release, "llvm", "llvm16.5-dev", "-dev") == expected
    assert _other_numbers(release, "llvm", "llvm-dev", "-dev") == ()


@pytest.mark.parametrize("release", COMPLETE)
def test_names_that_another_package_provides_are_known(judge: Judge, release: str) -> None:
    names = "py-pip mysql-dev postgresql-dev libc-dev pkgconfig udev so:libz.so.1 cmd:curl pc:zlib"
    assert not unknown(judge(f"FROM alpine:{release}\nRUN apk add {names}\n"))


def test_another_architecture_has_its_own_index(judge: Judge) -> None:
    (finding,) = unknown(judge("FROM alpine:3.22\nRUN apk add netcat gosu\n", platforms=("linux/arm64",)))
    assert (finding.packages, finding.confidence) == (("netcat-openbsd",), "certain")


@pytest.mark.parametrize(
    "lines",
    [
        "RUN apk add --repository=https://example.org/testing nosuch",
        "RUN apk add -X https://example.org/testing nosuch",
        "RUN apk add --repositories-file /tmp/repositories nosuch",
        "RUN apk add nosuch@testing",
        "RUN apk add --allow-untrusted ./nosuch-1.0-r0.apk /tmp/other.apk",
        "RUN echo https://example.org/testing >> /etc/apk/repositories && apk add nosuch",
        "RUN echo @testing https://example.org/testing | tee -a /etc/apk/repositories\nRUN apk add nosuch",
        "RUN sed -i 's/v3.19/edge/g' /etc/apk/repositories && apk add nosuch",
        "RUN sed -i 's#alpine/v3.19#alpine/edge#' /etc/apk/repositories && apk add nosuch",
        "RUN sed -i 's|dl-cdn.alpinelinux.org/alpine/v3.19|h.example/edge|' /etc/apk/repositories && apk add nosuch",
        "RUN cat <<EOF > /etc/apk/repositories\nhttps://example.org/main\nEOF\nRUN apk add nosuch",
        "COPY repositories /etc/apk/\nRUN apk add nosuch",
        "COPY files/ /\nRUN apk add nosuch",
        "COPY --from=acme/s6:1 / /\nRUN apk add nosuch",
        "RUN apk add $EXTRA nosuch",
        "RUN apk add nosuch || apk add curl",
        "RUN { apk add nosuch; } || true",
        "RUN if apk add nosuch; then echo yes; fi",
        "RUN apk add --virtual .nosuch curl && apk del .nosuch",
        "RUN apk add --virtual build-deps gcc && apk add build-deps",
        "RUN apk add '!nosuch'",
        'SHELL ["/bin/bash", "-c"]\nRUN apk add php82-{curl,gd}',
        "RUN ln -sf /bin/bash /bin/sh\nRUN apk add php82-{curl,gd}",
        "RUN apk del nosuch",
        "RUN apk --root /target add nosuch",
        "ONBUILD RUN apk add nosuch",
        'CMD ["apk", "add", "nosuch"]',
    ],
)
def test_what_may_come_from_elsewhere_is_not_judged(judge: Judge, lines: str) -> None:
    files = {"repositories": "x\n", "files/etc/apk/repositories": "x\n"}
    assert not unknown(judge(f"FROM alpine:3.19\n{lines}\n", files))


def test_repositories_of_the_stage_it_is_built_from_count(judge: Judge) -> None:
    text = (
        "FROM alpine:3.19 AS base\nRUN echo x >> /etc/apk/repositories\n"
        "FROM base\nRUN apk add nosuch\nFROM alpine:3.19\nRUN apk add nosuch\n"
    )
    assert [finding.stage.index for finding in unknown(judge(text)) if finding.stage] == [2]


@pytest.mark.parametrize(
    "command",
    [
        "sed -i 's/dl-cdn.alpinelinux.org/mirrors.example.org/g' /etc/apk/repositories",
        "sed -i 's|https://dl-cdn.alpinelinux.org|http://mirror.example.org|' /etc/apk/repositories",
        "sed -i s#dl-cdn.alpinelinux.org#mirrors.example.org# /etc/apk/repositories",
    ],
)
def test_a_mirror_has_the_same_packages(judge: Judge, command: str) -> None:
    (finding,) = unknown(judge(f"FROM alpine:3.19\nRUN {command} && apk add nosuch-package\n"))
    assert finding.need == "nosuch-package"


def test_a_branch_is_only_possible(judge: Judge) -> None:
    text = 'FROM alpine:3.19\nARG OLD\nRUN if [ -n "$OLD" ]; then apk add libpq5; fi\n'
    (finding,) = unknown(judge(text))
    assert (finding.severity, finding.confidence) == ("warning", "possible")
    assert finding.fix is not None
    assert finding.fix.applicability == "display"


def test_what_only_edge_testing_has_is_told_and_never_written(judge: Judge) -> None:
    (finding,) = unknown(judge("FROM alpine:3.19\nRUN apk add hardened-malloc\n"))
    assert finding.message.startswith(
        "Alpine 3.19 has no package hardened-malloc; only edge/testing has it (apk add --rep"
    )
    assert finding.evidence[1].detail.endswith(
        "of all repositories of Alpine, hardened-malloc is in edge/testing alone"
    )
    assert (finding.fix, finding.packages) == (None, ())
    there = "FROM alpine:3.19\nRUN apk add --repository=https://dl-cdn.alpinelinux.org/alpine/edge/testing hardened-malloc\n"
    assert not unknown(judge(there))


def test_an_assumed_release_is_only_likely(judge: Judge) -> None:
    (finding,) = unknown(judge("FROM node:20-alpine\nRUN apk add libpq5\n", alpine="3.19"))
    assert finding.confidence == "likely"


def test_without_the_whole_index_only_the_table_speaks(judge: Judge) -> None:
    """Alpine 3.16: community is not embedded."""
    (finding,) = unknown(judge("FROM alpine:3.16\nRUN apk add build-essential nosuch-package tini gosu libstdc++6\n"))
    assert (finding.need, finding.packages, finding.confidence) == ("build-essential", ("build-base",), "likely")


def test_a_capability_shows_the_version_that_is_there(judge: Judge) -> None:
    text = "FROM alpine:3.19\nRUN apk add so:libcrypto.so.1.1 cmd:nosuch\n"
    library, program = unknown(judge(text))
    assert library.message == "nothing in Alpine 3.19 provides so:libcrypto.so.1.1; libcrypto3 has so:libcrypto.so.3"
    assert (library.packages, program.packages, program.fix) == (("libcrypto3",), (), None)


def test_a_list_that_only_bash_would_spread(judge: Judge) -> None:
    text = "FROM {}\nRUN apk add php82-{{curl,gd}}\n"
    assert [one.need for one in unknown(judge(text.format("alpine:3.19")))] == ["php82-{curl,gd}"]
    assert not unknown(judge(text.format("acme/nginx:alpine-3.19")))


def test_the_evidence_names_index_table_and_successor(judge: Judge) -> None:
    (finding,) = unknown(judge("FROM alpine:3.19\nRUN apk add mariadb-client-libs\n"))
    absence, history, presence = (item.detail for item in finding.evidence)
    assert absence.startswith(
        "no package named mariadb-client-libs, and none that provides it, in 3.19 main x86_64 of 20"
    )
    assert history == "rules/package-names.toml: no Alpine after 3.8 has mariadb-client-libs"
    assert presence.startswith("mariadb-connector-c 3.")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RUN apk add --no-cache libpq5 curl\n", "RUN apk add --no-cache libpq curl\n"),
        (
            "RUN apk add curl \\\n    # the client\n    libpq5 \\\n    tini\n",
            "RUN apk add curl \\\n    # the client\n    libpq \\\n    tini\n",
        ),
        ('RUN ["apk", "add", "libpq5", "curl"]\n', 'RUN ["apk", "add", "libpq", "curl"]\n'),
        ('ENV DEPS="curl libpq5"\nRUN apk add $DEPS\n', 'ENV DEPS="curl libpq"\nRUN apk add $DEPS\n'),
        ("RUN DEPS=libpq5 && apk add $DEPS tini\n", "RUN DEPS=libpq && apk add $DEPS tini\n"),
        ("RUN <<EOF\napk add curl 'libpq5'\nEOF\n", "RUN <<EOF\napk add curl 'libpq'\nEOF\n"),
        ("RUN apk add build-base build-essential curl\n", "RUN apk add build-base curl\n"),
        ("RUN apk add \\\n  build-base \\\n  build-essential\n", "RUN apk add \\\n  build-base\n"),
        ("RUN apk add libpq5 && apk add libpq5\n", "RUN apk add libpq && apk add libpq\n"),
        ("RUN apk add libpq5\r\n", "RUN apk add libpq\r\n"),
    ],
)
def test_the_name_is_rewritten_in_place(mend, old: str, new: str) -> None:
    result = mend(f"FROM alpine:3.19\n{old}", select=["AD301"])
    assert result.new.decode() == f"FROM alpine:3.19\n{new}"
    assert not unknown(result.left)


@pytest.mark.parametrize(
    ("operand", "applicability", "text"),
    [("build-essential=12.9", "unsafe", "build-base"), ("build-essential>0.1", "unsafe", "build-base>0.1")],
)
def test_a_pin_of_another_name_is_not_safe(judge: Judge, operand: str, applicability: str, text: str) -> None:
    (finding,) = unknown(judge(f"FROM alpine:3.19\nRUN apk add '{operand}' curl\n"))
    assert finding.fix is not None
    assert (finding.fix.applicability, finding.fix.edits[0].text) == (applicability, text)


def test_a_name_put_together_from_parts_is_reported_and_left(judge: Judge) -> None:
    (finding,) = unknown(judge("FROM alpine:3.19\nARG V=7\nRUN apk add php${V}-curl tini\n"))
    assert (finding.need, finding.fix) == ("php7-curl", None)


def test_a_list_in_a_file_of_its_own(judge: Judge) -> None:
    files = {"packages.txt": "curl\nlibpq5\n"}
    (finding,) = unknown(judge("FROM alpine:3.19\nCOPY packages.txt .\nRUN xargs apk add < packages.txt\n", files))
    assert finding.fix is not None
    (edit,) = finding.fix.edits
    assert (edit.start, edit.end, edit.text, finding.location.line) == (5, 11, "libpq", 3)
    assert edit.path is not None
    assert edit.path.endswith("packages.txt")


def test_a_list_in_a_heredoc_that_is_copied(mend) -> None:
    text = "FROM alpine:3.19\nCOPY <<EOF /packages\ncurl\n{}\nEOF\nRUN xargs apk add < /packages\n"
    assert mend(text.format("libpq5"), select=["AD301"]).new.decode() == text.format("libpq")


def test_the_list_that_deletes_it_follows(mend) -> None:
    text = "FROM alpine:3.19\nRUN apk add curl {0} && curl x && apk del curl {0}\nRUN apk del {0}\n"
    result = mend(text.format("build-essential"), select=["AD301"])
    assert result.new.decode() == text.format("build-base")


def test_a_list_that_another_release_reads_too_is_only_shown(judge: Judge) -> None:
    text = (
        'ARG DEPS="curl libcap-utils"\nFROM alpine:3.12\nARG DEPS\nRUN apk add $DEPS\n'
        "FROM alpine:3.19\nARG DEPS\nRUN apk add $DEPS\n"
    )
    (finding,) = unknown(judge(text))
    assert finding.fix is not None
    assert (finding.packages, finding.fix.applicability) == (("libcap",), "safe")
    (finding,) = unknown(judge(text.replace("libcap-utils", "musl-fts-dev")))
    assert finding.fix is not None
    assert (finding.packages, finding.fix.applicability) == (("fts-dev",), "safe")
    (finding,) = unknown(judge(text.replace("libcap-utils", "sdl12-compat")))
    assert finding.fix is not None
    assert (finding.packages, finding.fix.applicability) == (("sdl",), "display")


# -- the table ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, dict[str, object]]]:
    knowledge = Knowledge.open()
    try:
        return knowledge.document(DOCUMENT)
    finally:
        knowledge.close()


@pytest.fixture(scope="module")
def indexes() -> list:
    store = IndexStore()
    return [store.open(release) for release in COMPLETE] + [store.open("3.22", "aarch64")]


def test_every_candidate_is_a_package_of_some_release(table, indexes) -> None:
    candidates = [
        name
        for entry in table["gone"]["names"].values()
        for name in (*entry.get("same", ()), *entry.get("instead", ()))
    ]
    for home in HOMES:
        for kind in ("same", "instead"):
            candidates.extend(name for names in table[home][kind].values() for name in names)
    assert len(candidates) > 900
    for index in indexes:
        index.catalog.load(candidates)
    later = {"font-ubuntu", "openbao"}  # 3.23 and later
    assert {n for n in candidates if not any(index.providers(n) for index in indexes)} <= later


def test_a_program_is_no_package_of_a_release_without_an_index(judge: Judge) -> None:
    (finding,) = unknown(judge("FROM alpine:3.13\nRUN apk add pip3 xmllint\n"))
    assert (finding.message, finding.confidence) == (
        "Alpine 3.13 has no package pip3, a program's name: write py3-pip",
        "likely",
    )


def test_a_name_that_is_gone_is_in_no_later_release(table, indexes) -> None:
    for index in indexes:
        release = tuple(int(part) for part in index.release.split("."))
        for name, entry in table["gone"]["names"].items():
            until = tuple(int(part) for part in entry["until"].split("."))
            assert release <= until or not index.providers(name), (name, index.release)


def test_a_foreign_name_is_in_no_release_unless_the_table_says_so(table, indexes) -> None:
    for home in ("debian", "fedora", "program"):
        also = set(table[home].get("also-alpine", ()))
        names = {name for kind in ("same", "instead", "nothing") for name in table[home].get(kind, ())} - also
        for index in indexes:
            index.catalog.load(names)
            assert not [name for name in names if index.providers(name)]
    assert table["later"]["also-alpine"] is True


def test_no_name_proposes_itself_and_none_is_listed_twice(table) -> None:
    listed = [
        (name, value)
        for home in HOMES
        for names in table[home].values()
        if isinstance(names, dict)
        for name, value in names.items()
    ]
    listed += [
        (name, [*entry.get("same", ()), *entry.get("instead", ())]) for name, entry in table["gone"]["names"].items()
    ]
    assert not [name for name, value in listed if isinstance(value, list) and name in value]
    debian = [set(table["debian"][kind]) for kind in ("same", "instead", "nothing")]
    assert sum(map(len, debian)) == len(set().union(*debian))


# -- properties -----------------------------------------------------------------------------------------------------

_SAME = [name for home in HOMES for name in Knowledge.open().document(DOCUMENT)[home]["same"]]
LAYOUTS = (
    "RUN apk add --no-cache {}\n",
    "RUN apk add \\\n    {}\n",
    'ENV DEPS="{}"\nRUN apk add $DEPS\n',
    "RUN <<EOF\napk add {}\nEOF\n",
)


@given(
    names=st.lists(st.sampled_from(_SAME), min_size=1, max_size=5, unique=True),
    release=st.sampled_from(COMPLETE),
    layout=st.sampled_from(LAYOUTS),
)
def test_fixing_leaves_nothing_safe_and_is_done_after_once(
    tmp_path: Path, names: list[str], release: str, layout: str
) -> None:
    separator = " \\\n    " if "\\\n" in layout else " "
    data = f"FROM alpine:{release}\n{layout.format(separator.join(names))}".encode()
    doctor = Doctor(configure(context=tmp_path, select=["AD301"]))
    once = fix_bytes(doctor, data, tmp_path / "Dockerfile")
    left = unknown(once.left)
    assert not [f for f in left if f.fix is not None and f.fix.applicability == "safe"]
    assert {f.need for f in left} <= set(names)
    assert fix_bytes(doctor, once.new, tmp_path / "Dockerfile").new == once.new


@given(name=st.from_regex(r"[A-Za-z0-9!.~<>=@:*][A-Za-z0-9_.+:~<>=@*-]{0,30}", fullmatch=True))
def test_any_operand_is_survived(tmp_path: Path, name: str) -> None:
    data = f"FROM alpine:3.19\nRUN apk add curl '{name}'\n".encode()
    Doctor(configure(context=tmp_path)).check_bytes(data, tmp_path / "Dockerfile")


@pytest.mark.parametrize(("release", "told"), [("3.20", True), ("3.22", True), ("3.13", False)])
def test_what_no_release_ever_had_is_missing_where_a_stand_in_answers(judge: Judge, release: str, told: bool) -> None:
    """The names of 3.18 and later are known; of 3.13 there is no index, and no table."""
    found = unknown(judge(f"FROM alpine:{release}\nRUN apk add nosuch-package py3-numpy\n"))
    assert [(one.need, one.confidence) for one in found] == [("nosuch-package", "likely")] * told


@pytest.mark.parametrize("release", [b"3.19", b"3.22"])
def test_a_name_with_a_byte_that_is_no_text_is_told(tmp_path: Path, release: bytes) -> None:
    data = b"FROM alpine:" + release + b"\nRUN apk add lz4\x85-devv\n"
    (finding,) = unknown(Doctor(configure(context=tmp_path)).check_bytes(data, tmp_path / "Dockerfile"))
    assert finding.need == "lz4\udc85-devv"
