from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.knowledge.proofs import Proof
from dockerlint_alpine.knowledge.validate import disagreements, judged, validate

if TYPE_CHECKING:
    from pathlib import Path

    from dockerlint_alpine.knowledge import Knowledge


def test_the_rules_agree_with_alpine_s_indexes(shipped: Path, store: IndexStore) -> None:
    releases = judged(store)
    assert {"3.12", "3.17", "3.18", "3.19", "3.21", "3.22"} <= releases.keys()
    assert [str(problem) for problem in validate(shipped, store)] == []


def test_every_disagreement_with_alpine_s_own_packages_has_its_reason(shipped: Path, store: IndexStore) -> None:
    found = disagreements(shipped, store)
    assert {item.distribution for item in found} >= {"httptools", "hiredis"}
    assert [item for item in found if not item.reason] == []


def test_enough_is_proven_by_building(knowledge: Knowledge) -> None:
    entries = [knowledge.distribution(name) for name in knowledge.names("distribution")]
    proven = {entry.name: [Proof.parse(text) for text in entry.proof] for entry in entries if entry.proof}
    assert all(None not in proofs for proofs in proven.values())
    assert len(proven) >= 25
    assert sum(any(proof.kind == "build" for proof in proofs) for proofs in proven.values()) >= 25
    assert {proof.links for proof in proven["lz4"]} == {("liblz4.so.1",), ()}


def test_the_rules_are_broad(knowledge: Knowledge) -> None:
    assert len(knowledge.names("distribution")) >= 300
    assert len(knowledge.names("library")) >= 180


@pytest.mark.parametrize(
    "name",
    """lz4 psycopg2 psycopg cryptography cffi lxml pillow mysqlclient pyodbc pymssql python-ldap gevent greenlet uvloop
    httptools aiohttp pyyaml pyzmq grpcio numpy pandas scipy bcrypt argon2-cffi pynacl pycurl xmlsec zstandard
    python-snappy brotli h5py shapely confluent-kafka python-magic weasyprint pyzbar clickhouse-driver
    clickhouse-connect uwsgi psutil orjson netifaces""".split(),
)
def test_what_people_ask_for_first_is_read_from_its_sdist_and_has_wheel_facts(knowledge: Knowledge, name: str) -> None:
    entry = knowledge.distribution(name)
    assert entry is not None
    assert entry.confidence == "source"
    assert knowledge.facts.releases(name)
    assert all(build.evidence or all(link.evidence for link in build.libraries) for build in entry.builds)


def test_every_python_image_names_packages_that_exist(knowledge: Knowledge, store: IndexStore) -> None:
    for release in ("3.17", "3.18", "3.19", "3.21"):
        world = knowledge.base_image(f"python:3.12-alpine{release}").world
        assert [need for need in world if not store.open(release).find(need)] == []


def test_what_a_library_is_holds_for_every_release(knowledge: Knowledge) -> None:
    """A summary taken from one release's index names that release's version (libpq: "version 17" is untrue on 3.19)."""
    version = re.compile(r"(?i)\bversion (\d+)")
    for name in knowledge.names("library"):
        library = knowledge.library(name)
        assert library is not None
        said = version.search(library.summary)
        assert said is None or said[1] in name, (name, library.summary)
