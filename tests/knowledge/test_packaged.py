"""What Alpine's and Debian's packages tell of distributions: on small records, and on all that is embedded."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine.apk.database import PackageRow, SnapshotInfo
from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.knowledge.packaged import distribution_names, packaged, python_modules, read_debian
from dockerlint_alpine.python.model import Packaged

if TYPE_CHECKING:
    from pathlib import Path


def snapshot(release: str) -> SnapshotInfo:
    return SnapshotInfo(0, release, "community", "x86_64", "2026-01-01", "", 0, frozenset())


def row(name: str, version: str, depends: str, provides: str = "") -> PackageRow:
    return PackageRow(name, version, depends, provides, None, None, None, None, None)


def told(*records: tuple[str, PackageRow], rules: tuple[str, ...] = (), **debian: Packaged) -> dict[str, Packaged]:
    return packaged([(record, snapshot(release)) for release, record in records], rules, debian)


FLASK = row("py3-flask", "3.0-r0", "python3 python3~3.12 py3-markupsafe>=2 !py3-old", "py3.12:flask=3.0-r0")
MARKUPSAFE = row("py3-markupsafe", "2.1-r0", "python3~3.12 so:libc.musl-x86_64.so.1", "py3.12:markupsafe=2.1-r0")


def test_a_package_without_objects_is_pure_and_tells_what_native_code_it_brings() -> None:
    assert told(("3.20", FLASK), ("3.20", MARKUPSAFE)) == {
        "flask": Packaged("py3-flask", "3.0-r0", "3.20", ("markupsafe",)),
        "pyflask": Packaged("py3-flask", "3.0-r0", "3.20", ("markupsafe",)),
        "python-flask": Packaged("py3-flask", "3.0-r0", "3.20", ("markupsafe",)),
    }


def test_native_code_behind_pure_packages_is_found() -> None:
    admin = row("py3-flask-admin", "1-r0", "python3 py3-flask")
    found = told(("3.20", FLASK), ("3.20", MARKUPSAFE), ("3.20", admin))
    assert found["flask-admin"].brings == ("markupsafe",)


def test_the_newest_release_is_told_and_tenths_are_numbers() -> None:
    found = told(("3.9", row("py3-x", "1-r0", "python3")), ("3.10", row("py3-x", "2-r0", "python3")))
    assert found["x"] == Packaged("py3-x", "2-r0", "3.10")


def test_one_release_with_an_object_is_enough_to_doubt() -> None:
    compiled = row("py3-x", "2-r0", "python3 so:libc.musl-x86_64.so.1")
    assert told(("3.20", row("py3-x", "1-r0", "python3")), ("3.21", compiled)) == {}


def test_what_depends_on_programs_or_libraries_by_name_is_not_called_pure() -> None:
    assert told(("3.20", row("py3-gitpython", "3-r0", "python3 git", "py3.12:git=3-r0"))) == {}
    assert "x" in told(("3.20", row("py3-x", "3-r0", "python3 /bin/sh tzdata ca-certificates")))


def test_packages_of_something_else_and_subpackages_are_left_out() -> None:
    assert told(("3.20", row("gtk", "1-r0", "python3")), ("3.20", row("py3-x-pyc", "1-r0", "python3"))) == {}


def test_a_package_of_exactly_that_name_has_the_last_word() -> None:
    short = row("py3-jwt", "2-r0", "python3", "py3.12:jwt=2-r0")
    assert told(("3.20", short))["pyjwt"].package == "py3-jwt"
    own = row("py3-pyjwt", "1-r0", "python3")
    assert told(("3.20", short), ("3.20", own))["pyjwt"].package == "py3-pyjwt"
    native = row("py3-pyjwt", "1-r0", "python3 so:libc.musl-x86_64.so.1")
    assert "pyjwt" not in told(("3.20", short), ("3.20", native))


def test_of_several_names_the_one_with_a_rule_is_meant() -> None:
    user = row("py3-x", "1-r0", "python3 py3-yaml")
    yaml = row("py3-yaml", "6-r0", "python3 so:libc.musl-x86_64.so.1", "py3.12:yaml=6-r0 py3.12:_yaml=6-r0")
    assert told(("3.20", user), ("3.20", yaml), rules=("pyyaml",))["x"].brings == ("pyyaml",)


def test_debian_tells_what_alpine_does_not_package_and_never_against_it() -> None:
    debian = Packaged("python3-x", "1", "sid, 2026-10-30", (), "Debian")
    assert told(x=debian) == {"x": debian}
    assert told(("3.20", row("py3-x", "2-r0", "python3")), x=debian)["x"].system == "Alpine"
    assert told(("3.20", row("py3-x", "2-r0", "python3 so:libc.musl-x86_64.so.1")), x=debian) == {}


def test_a_malformed_line_of_debian_s_facts_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "debian.tsv.gz"
    file.write_bytes(gzip.compress(b"x\tpython3-x\t1\tsid, 2026-10-30\tnumpy lxml\ny\n"))
    with pytest.raises(RuleError, match="not five columns: 'y'"):
        read_debian(file)


@pytest.mark.parametrize(
    ("package", "modules", "names"),
    [
        ("py3-dateutil", ["dateutil"], ["dateutil", "python-dateutil", "pydateutil"]),
        ("py3-beautifulsoup4", ["bs4"], ["beautifulsoup4", "bs4"]),
        ("py3-parsing", ["pyparsing"], ["pyparsing", "parsing"]),
        ("py3-python-jose", ["jose"], ["python-jose"]),
        ("celery", ["celery"], ["celery"]),
        ("docker-py", ["docker"], ["docker"]),
        ("ceph", ["ceph", "rados"], ["ceph"]),
        ("gtk", ["a", "b"], []),
    ],
)
def test_names_that_a_package_may_stand_for(package: str, modules: list[str], names: list[str]) -> None:
    assert list(distribution_names(package, modules)) == names


def test_only_importable_names_of_any_python_are_modules() -> None:
    tokens = ["py3.11:yaml=6.0.1-r1", "py3.12:_yaml", "cmd:yaml", "py3.12:x-1.egg-info=1-r0", "py3.12:nspkg.pth"]
    assert python_modules(tokens) == {"yaml", "_yaml"}


@pytest.fixture(scope="module")
def embedded() -> Knowledge:
    return Knowledge.open()


@pytest.mark.parametrize(
    "name",
    ["django", "flask", "gunicorn", "requests", "celery", "boto3", "pyjwt", "python-dateutil", "sqlalchemy-utils"],
)
def test_alpine_knows_what_everybody_installs(embedded: Knowledge, name: str) -> None:
    found = embedded.facts.packaged(name)
    assert found is not None
    assert found.release == "3.22"


@pytest.mark.parametrize(
    "name", ["numpy", "lxml", "psycopg2", "pyyaml", "lz4", "python-magic", "cryptography", "gevent"]
)
def test_what_is_compiled_or_opens_libraries_is_never_pure(embedded: Knowledge, name: str) -> None:
    assert embedded.facts.packaged(name) is None


def test_debian_knows_the_long_tail(embedded: Knowledge) -> None:
    found = embedded.facts.packaged("pyshark")
    assert found is not None
    assert (found.system, found.package) == ("Debian", "python3-pyshark")
    assert "lxml" in found.brings


def test_no_distribution_with_musl_wheels_is_called_pure(embedded: Knowledge) -> None:
    """A distribution with wheels for musl and none for everywhere has native code: an independent look at the same."""
    native = []
    for name in embedded.names("wheels"):
        tags = {tag for release in embedded.facts.releases(name)[:3] for tag in release.wheels}
        if any("musllinux" in tag for tag in tags) and not any(tag.endswith("-none-any") for tag in tags):
            native.append(name)
    assert len(native) > 30
    assert [name for name in native if embedded.facts.packaged(name) is not None] == []
