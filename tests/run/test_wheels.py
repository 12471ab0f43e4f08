"""Wheels at hand: their own bytes in place of rules, taken as pip takes them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dockerlint_alpine.model.findings import Finding
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.python.model import RequirementSet, Resolution, Resolved, Target, Verdict
from dockerlint_alpine.run.analysis import Doctor, configure
from dockerlint_alpine.run.reading import UnreadableError
from dockerlint_alpine.run.wheels import ElfWheels
from dockerlint_alpine.stages.wheels import WheelError
from tests.cli.test_check_and_fix import run
from tests.conftest import Judge, said
from tests.elf.building import compile_object, elf_bytes
from tests.proof.wheels import make_wheel
from tests.stages.support import Silent

BASE = "FROM python:3.11-alpine3.19\n"
PINNED = f"{BASE}RUN pip install lz4==4.4.5\n"
EXTENSION = "lz4/_version.cpython-311-x86_64-linux-musl.so"


def one(report: FileReport, code: str) -> Finding:
    (found,) = [finding for finding in report.findings if finding.code == code]
    return found


def test_a_named_wheel_is_taken_and_its_bytes_say_what_it_links(
    judge: Judge, tmp_path: Path, lz4_object: bytes
) -> None:
    assert said(judge(PINNED)) == {("AD102", ("gcc",), 0), ("AD102", ("musl-dev",), 0)}
    path = make_wheel(tmp_path / "out", "lz4", "4.4.5", {EXTENSION: lz4_object})
    report = judge(PINNED, wheels=[str(path.parent)])
    assert said(report) == {("AD201", ("lz4-libs",), 0)}
    found = one(report, "AD201")
    assert (found.confidence, found.need, found.severity) == ("certain", "so:liblz4.so.1", "error")
    told = next(evidence for evidence in found.evidence if evidence.kind == "elf")
    assert told.detail == f"{EXTENSION} in {path} names liblz4.so.1, which the wheel does not bundle"
    assert not any(evidence.kind == "rule" for evidence in found.evidence)


@pytest.mark.parametrize(
    "install",
    [
        "--no-index --find-links /wheels lz4",
        "--no-index --find-links=/wheels -r r.txt",
        "/wheels/*.whl",
        "/wheels/{name}",
    ],
)
def test_a_wheelhouse_of_the_context(judge: Judge, tmp_path: Path, lz4_object: bytes, install: str) -> None:
    path = make_wheel(tmp_path / "wheels", "lz4", "4.4.5", {EXTENSION: lz4_object})
    text = f"{BASE}COPY wheels/ /wheels/\nCOPY r.txt .\nRUN pip install {install.format(name=path.name)}\n"
    report = judge(text, {"r.txt": "lz4\n"})
    assert said(report) == {("AD201", ("lz4-libs",), 0)}
    assert one(report, "AD201").confidence == "certain"
    assert report.unknown == 0


def test_it_goes_with_the_files_from_stage_to_stage(judge: Judge, tmp_path: Path, lz4_object: bytes) -> None:
    make_wheel(tmp_path / "wheels", "lz4", "4.4.5", {EXTENSION: lz4_object})
    text = f"""{BASE[:-1]} AS builder
COPY wheels /wheels
RUN pip wheel --no-index --find-links /wheels -w /made lz4
{BASE}COPY --from=builder /made /made
RUN pip install --no-index --find-links /made lz4
"""
    report = judge(text)
    assert said(report) == {("AD201", ("lz4-libs",), 1)}
    assert any(evidence.kind == "elf" for evidence in one(report, "AD201").evidence)


def test_what_the_wheel_bundles_is_no_need(judge: Judge, tmp_path: Path, musl_gcc: str) -> None:
    library = compile_object(musl_gcc, tmp_path / "b/liblz4-1a2b.so.1", soname="liblz4-1a2b.so.1")
    source = "int PyInit_x(void) { return 1; }"
    ext = compile_object(musl_gcc, tmp_path / "b/x.so", source, needed=[library], rpath="$ORIGIN/../lz4.libs")
    members = {EXTENSION: ext.read_bytes(), "lz4.libs/liblz4-1a2b.so.1": library.read_bytes()}
    path = make_wheel(tmp_path / "out", "lz4", "4.4.5", members)
    assert not judge(PINNED, wheels=[str(path.parent)]).findings


@pytest.mark.parametrize(
    "tag", ["cp312-cp312-linux_x86_64", "cp311-cp311-linux_aarch64", "cp311-cp311-manylinux2014_x86_64"]
)
def test_a_wheel_that_does_not_fit_is_not_taken(judge: Judge, tmp_path: Path, lz4_object: bytes, tag: str) -> None:
    path = make_wheel(tmp_path / "out", "lz4", "4.4.5", {EXTENSION: lz4_object}, tag=tag)
    assert said(judge(PINNED, wheels=[str(path.parent)])) == said(judge(PINNED))


def test_the_answer_for_others_is_unaffected(judge: Judge, tmp_path: Path, lz4_object: bytes) -> None:
    path = make_wheel(tmp_path / "out", "lz4", "4.4.5", {EXTENSION: lz4_object})
    text = f"{BASE}RUN pip install python-magic==0.4.27 uvloop==0.16.0\n"
    assert judge(text, wheels=[str(path.parent)]).findings == judge(text).findings


def test_another_version_than_the_one_asked_for_is_not_taken(judge: Judge, tmp_path: Path, lz4_object: bytes) -> None:
    older = make_wheel(tmp_path / "older", "lz4", "4.3.0", {EXTENSION: lz4_object})
    assert said(judge(PINNED, wheels=[str(older.parent)])) == said(judge(PINNED))
    later = make_wheel(tmp_path / "later", "lz4", "4.9.0", {EXTENSION: lz4_object})
    report = judge(PINNED, wheels=[str(later.parent)])
    assert said(report) == {*said(judge(PINNED)), ("AD502", (), 0)}
    assert one(report, "AD502").message.endswith("version 4.9.0 has a wheel")


def test_an_unknown_distribution_is_known_by_its_wheel_and_its_requirements(
    judge: Judge, tmp_path: Path, lz4_object: bytes
) -> None:
    text = f"{BASE}RUN pip install our-own-thing==1.0\n"
    assert judge(text).unknown == 1
    requires = ["lz4==4.4.5", "pywin32; sys_platform == 'win32'"]
    path = make_wheel(tmp_path / "out", "our-own-thing", "1.0", {"x.py": ""}, tag="py3-none-any", requires=requires)
    make_wheel(tmp_path / "out", "lz4", "4.4.5", {EXTENSION: lz4_object})
    report = judge(text, wheels=[str(path.parent)])
    assert said(report) == {("AD201", ("lz4-libs",), 0)}
    distribution = one(report, "AD201").distribution
    assert distribution is not None
    assert distribution.origin[1:] == ("our-own-thing", "lz4")
    assert report.unknown == 0


def test_an_unpinned_wheel_that_an_index_may_outdo_is_likely(judge: Judge, tmp_path: Path, lz4_object: bytes) -> None:
    make_wheel(tmp_path / "wheels", "lz4", "99.0", {EXTENSION: lz4_object})
    text = f"{BASE}COPY wheels /wheels\nRUN pip install --find-links /wheels lz4\n"
    assert one(judge(text), "AD201").confidence == "likely"


def test_the_bytes_decide_on_glibc_whatever_the_name_says(judge: Judge, tmp_path: Path) -> None:
    glibc = elf_bytes(needed=[b"libc.so.6", b"libpthread.so.0", b"liblz4.so.1"])
    path = make_wheel(tmp_path / "out", "lz4", "4.4.5", {EXTENSION: glibc})
    report = judge(PINNED, wheels=[str(path.parent)])
    assert said(report) == {("AD501", (), 0)}
    found = one(report, "AD501")
    assert found.confidence == "certain"
    assert next(e.detail for e in found.evidence if e.kind == "elf") == f"{path}: {EXTENSION} needs libc.so.6"


def test_a_forced_manylinux_wheel_without_anything_of_glibc_is_harmless(judge: Judge, tmp_path: Path) -> None:
    path = make_wheel(tmp_path / "w", "lz4", "4.4.5", {"lz4/__init__.py": ""}, tag="cp311-cp311-manylinux2014_x86_64")
    forced = "--platform manylinux2014_x86_64 --only-binary=:all: --target=/deps lz4==4.4.5"
    text = f"{BASE}RUN pip install {forced}\n"
    assert said(judge(text, wheels=[str(path.parent)])) == set()
    make_wheel(
        tmp_path / "w",
        "lz4",
        "4.4.5",
        {EXTENSION: elf_bytes(needed=[b"libc.so.6"])},
        tag="cp311-cp311-manylinux2014_x86_64",
    )
    assert said(judge(text, wheels=[str(path.parent)])) == {("AD501", (), 0)}


def test_a_real_manylinux_wheel_by_path(judge: Judge, tmp_path: Path, wheel: Callable[[str, str], Path]) -> None:
    path = wheel("psycopg2-binary", "glibc")
    (tmp_path / "w").mkdir()
    shutil.copy(path, tmp_path / "w")
    report = judge(f"{BASE}COPY w/ /w/\nRUN pip install /w/{path.name}\n")
    found = one(report, "AD501")
    assert any(e.kind == "elf" and "GLIBC" in e.detail for e in found.evidence)


def test_a_real_musllinux_wheel_needs_what_auditwheel_leaves_to_the_system(
    judge: Judge, tmp_path: Path, wheel: Callable[[str, str], Path]
) -> None:
    path = wheel("pillow", "musl")
    shutil.copy(path, tmp_path)
    bare = "FROM alpine:3.19\nRUN apk add --no-cache python3 py3-pip\n"
    text = (
        f"{bare}RUN apk del zlib || true\nRUN pip install --break-system-packages pillow=={path.name.split('-')[1]}\n"
    )
    report = judge(text, wheels=[str(tmp_path)])
    assert not [f for f in report.findings if f.code == "AD501"]
    facts = ElfWheels().read(path, "p.whl", "x86_64")
    assert {link.need for link in facts.links} <= {"so:libz.so.1"}
    assert not facts.glibc


def test_sources_of_the_wheel_tell_what_they_open(judge: Judge, tmp_path: Path) -> None:
    source = """import ctypes
library = ctypes.CDLL("libsodium.so.26")
try:
    other = ctypes.CDLL("libmagic.so.1")
except OSError:
    other = None
"""
    path = make_wheel(tmp_path / "out", "opener", "1.0", {"opener/__init__.py": source}, tag="py3-none-any")
    report = judge(f"{BASE}RUN pip install opener==1.0\n", wheels=[str(path.parent)])
    found = one(report, "AD203")
    assert (found.confidence, found.packages, found.severity) == ("likely", ("libsodium",), "warning")
    told = next(e.detail for e in found.evidence if e.kind == "source")
    assert told == f"opener/__init__.py:2 in {path} calls ctypes.CDLL for libsodium.so.26"
    with_it = f"{BASE}RUN apk add --no-cache libsodium\nRUN pip install opener==1.0\n"
    assert not judge(with_it, wheels=[str(path.parent)]).findings


def test_a_rule_that_knows_the_library_speaks_for_the_sources(judge: Judge, tmp_path: Path) -> None:
    source = 'import ctypes\nlibrary = ctypes.CDLL("libmagic.so.1")\n'
    path = make_wheel(tmp_path / "out", "python-magic", "0.4.27", {"magic/__init__.py": source}, tag="py3-none-any")
    text = f"{BASE}RUN pip install python-magic==0.4.27\n"
    assert said(judge(text, wheels=[str(path.parent)])) == said(judge(text))


def test_a_damaged_wheel_is_told_and_the_verdict_rests_on_its_name(judge: Judge, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w/lz4-4.4.5-cp311-cp311-linux_x86_64.whl").write_bytes(b"PK\x03\x04 and no more")
    report = judge(PINNED, wheels=[str(tmp_path / "w")])
    assert [f.code for f in report.findings] == ["AD901"]
    assert "lz4-4.4.5-cp311-cp311-linux_x86_64.whl" in report.findings[0].message
    assert report.unknown == 1


def test_a_lost_folder_is_one_clear_line(judge: Judge, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"--wheels .*gone: No such file or directory"):
        judge(PINNED, wheels=[str(tmp_path / "gone")])
    with pytest.raises(WheelError):
        ElfWheels([tmp_path / "gone"]).named()


def test_fixing_with_wheels_mends_what_the_bytes_miss(mend, tmp_path: Path, lz4_object: bytes) -> None:
    path = make_wheel(tmp_path / "out", "lz4", "4.4.5", {EXTENSION: lz4_object})
    done = mend(PINNED, wheels=[str(path.parent)])
    assert done.new.decode() == f"{BASE}RUN apk add --no-cache lz4-libs\nRUN pip install lz4==4.4.5\n"
    assert not done.left.findings


def test_the_command_line_and_its_cache_see_a_changed_wheel(
    project: Callable[[Mapping[str, str]], Path], lz4_object: bytes
) -> None:
    root = project({"Dockerfile": PINNED})
    make_wheel(root / "w", "lz4", "4.4.5", {EXTENSION: lz4_object})

    def codes() -> list[str]:
        done = run("check", "--wheels", "w", "--output-format", "json", "Dockerfile", cwd=root)
        return [f["code"] for file in json.loads(done.stdout)["files"] for f in file["findings"]]

    assert codes() == codes() == ["AD201"]
    make_wheel(root / "w", "lz4", "4.4.5", {"lz4/__init__.py": ""})
    assert codes() == []
    make_wheel(root / "w", "lz4", "4.4.5", {EXTENSION: elf_bytes(needed=[b"libc.so.6"])})
    assert codes() == ["AD501"]
    assert run("check", "--wheels", "nowhere", "Dockerfile", cwd=root).returncode == 2


def test_folders_of_wheels_in_the_configuration(
    project: Callable[[Mapping[str, str]], Path], lz4_object: bytes
) -> None:
    root = project({"Dockerfile": PINNED, "alpine-doctor.toml": 'wheels = ["w"]\n'})
    make_wheel(root / "w", "lz4", "4.4.5", {EXTENSION: lz4_object})
    assert b"AD201" in run("check", "Dockerfile", cwd=root).stdout


def test_pip_itself_takes_the_wheels_that_we_say_it_takes(tmp_path: Path, lz4_object: bytes) -> None:
    """pip's own choice among a house of wheels, beside ours."""
    house = tmp_path / "house"
    tags = ["cp311-cp311-musllinux_1_2_x86_64", "cp311-abi3-musllinux_1_1_x86_64", "py3-none-any"]
    for tag in tags:
        make_wheel(house, "thing", "1.0", {"thing.so": lz4_object}, tag=tag)
    make_wheel(house, "thing", "2.0", {"thing.so": lz4_object}, tag="cp312-cp312-musllinux_1_2_x86_64")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-index", "--find-links", str(house)]
    command += ["--only-binary=:all:", "--python-version", "3.11", "-d", str(tmp_path / "got")]
    command += ["--platform", "musllinux_1_2_x86_64", "--platform", "musllinux_1_1_x86_64", "thing"]
    subprocess.run(command, check=True)
    (theirs,) = [path.name for path in (tmp_path / "got").iterdir()]
    (tmp_path / "Dockerfile").write_text(f"{BASE}COPY house /house\nRUN pip install --no-index -f /house thing\n")
    doctor = Doctor(configure(context=tmp_path))
    data = (tmp_path / "Dockerfile").read_bytes()
    (timeline,) = doctor.timelines(data, tmp_path / "Dockerfile", shown_as="Dockerfile")
    (item,) = timeline.stages[0].installed
    assert item.wheel is not None
    assert Path(item.wheel.shown).name == theirs


class FromIndex(Silent):
    """An index that answers without knowing of any wheelhouse, nor of sources."""

    fills_gaps = False

    def resolve(  # type: ignore[override]
        self, wanted: RequirementSet, target: Target, *_: object, **__: object
    ) -> Resolution:
        return Resolution(
            tuple(
                Resolved(one.name or "", "4.4.5", (), one.chain, one.origin, Verdict("sdist", "no wheel fits", "index"))
                for one in wanted.requested
            )
        )


def test_an_online_answer_takes_the_wheel_at_hand_in_place_of_the_same_source(
    tmp_path: Path, lz4_object: bytes
) -> None:
    make_wheel(tmp_path / "w", "lz4", "4.4.5", {EXTENSION: lz4_object})
    (tmp_path / "Dockerfile").write_text(PINNED)

    def codes(**options: object) -> list[str]:
        doctor = Doctor(configure(context=tmp_path, **options), resolver=FromIndex())
        return [finding.code for finding in doctor.check_file(tmp_path / "Dockerfile").findings]

    assert codes() == ["AD102", "AD102"]
    assert codes(wheels=[str(tmp_path / "w")]) == ["AD201"]


def test_a_lock_file_takes_only_what_it_lists(judge: Judge, tmp_path: Path, lz4_object: bytes) -> None:
    project = '[project]\nname = "app"\nversion = "0.1.0"\nrequires-python = ">=3.11"\ndependencies = ["lz4"]\n'
    lock = """version = 1
requires-python = ">=3.11"
[[package]]
name = "app"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "lz4" }]
[[package]]
name = "lz4"
version = "4.4.5"
source = { registry = "https://example.org/simple" }
sdist = { url = "https://example.org/lz4-4.4.5.tar.gz", hash = "sha256:00", size = 1 }
"""
    path = make_wheel(tmp_path / "w", "lz4", "4.4.5", {EXTENSION: lz4_object})
    text = f"{BASE}COPY pyproject.toml uv.lock ./\nRUN uv sync --frozen\n"
    report = judge(text, {"pyproject.toml": project, "uv.lock": lock}, wheels=[str(path.parent)])
    assert {finding.code for finding in report.findings} == {"AD102"}


def test_one_doctor_sees_a_wheel_that_changes(tmp_path: Path, lz4_object: bytes) -> None:
    """A server asks the same doctor again and again."""
    text = f"{BASE}COPY w /w\nRUN pip install --no-index --find-links /w our-thing\n"
    (tmp_path / "Dockerfile").write_text(text)
    doctor = Doctor(configure(context=tmp_path))
    for requires, expected in (([], []), (["lz4==4.4.5"], ["AD201"]), ([], [])):
        make_wheel(tmp_path / "w", "our-thing", "1.0", {"x.py": ""}, tag="py3-none-any", requires=requires)
        make_wheel(tmp_path / "w", "lz4", "4.4.5", {EXTENSION: lz4_object})
        assert [finding.code for finding in doctor.check_file(tmp_path / "Dockerfile").findings] == expected


@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6)
)
@example([(0.875, b"\n")])  # a line end in the name of a member
def test_a_mutated_wheel_gives_facts_or_one_line(
    tmp_path: Path, lz4_object: bytes, changes: list[tuple[float, bytes]]
) -> None:
    whole = make_wheel(tmp_path / "seed", "lz4", "4.4.5", {EXTENSION: lz4_object}, requires=["six"]).read_bytes()
    damaged = bytearray(whole)
    for where, value in changes:
        at = int(where * len(damaged))
        damaged[at : at + len(value)] = value
    path = tmp_path / "lz4-4.4.5-cp311-cp311-linux_x86_64.whl"
    path.write_bytes(damaged)
    try:
        facts = ElfWheels().read(path, "shown.whl", "x86_64")
    except WheelError as error:
        said_of_it = str(error)
    else:
        said_of_it = "shown.whl"
        assert all(link.need.startswith("so:") for link in facts.links)
    assert "shown.whl" in said_of_it
    assert "\n" not in said_of_it
