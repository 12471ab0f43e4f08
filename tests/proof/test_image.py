"""The verdict on a Dockerfile held against an image: proven, refuted, missed, and both sides by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dockerlint_alpine.report
from dockerlint_alpine.elf.images import open_image_file
from dockerlint_alpine.model.comparison import Comparison
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.proof.check_image import check_image
from dockerlint_alpine.run.analysis import Doctor, UnreadableError, configure
from tests.cli.test_check_and_fix import run
from tests.elf.building import compile_object, elf_bytes
from tests.proof.images import SITE, apk_database, as_image, distribution, image_files, predicted_packages, write_tar

SCHEMA = json.loads((Path(dockerlint_alpine.report.__file__).parent / "schema.json").read_text())
EXTENSION = "lz4/_version.cpython-311-x86_64-linux-musl.so"
LZ4 = """\
FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc musl-dev postgresql-dev lz4-dev
RUN pip install --prefix=/install lz4==4.4.5
FROM python:3.11-alpine3.19
RUN apk add --no-cache libpq
COPY --from=builder /install /usr/local
"""
BARE = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache libpq\n"
PLAIN = elf_bytes(needed=[b"libc.musl-x86_64.so.1"])


class Bench:
    """Judges a Dockerfile beside an image of these files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self, dockerfile: str, *distributions: Mapping[str, bytes]) -> dict[str, bytes]:
        """An image with exactly the packages that the Dockerfile amounts to on paper."""
        return image_files(predicted_packages(dockerfile, self.folder), *distributions)

    def __call__(
        self,
        dockerfile: str,
        files: Mapping[str, bytes],
        *,
        config: Mapping[str, object] | None = None,
        modes: Mapping[str, int] | None = None,
        **options: object,
    ) -> tuple[FileReport, Comparison]:
        path = self.folder / "Dockerfile"
        path.write_text(dockerfile)
        tar = write_tar(self.folder / "image.tar", files, modes=modes)
        subject = open_image_file(tar if config is None else as_image(tar, config))
        doctor = Doctor(configure(context=self.folder, **options))
        report = check_image(doctor, path.read_bytes(), path, subject, shown_as="Dockerfile")
        assert report.image is not None
        return report, report.image


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def codes(report: FileReport) -> list[str]:
    return [finding.code for finding in report.findings]


def test_the_image_proves_what_was_predicted(bench: Bench, lz4_object: bytes) -> None:
    report, image = bench(LZ4, bench.files(LZ4, distribution("lz4", "4.4.5", {EXTENSION: lz4_object})))
    assert codes(report) == ["AD201"]
    assert report.findings[0].confidence == "certain"
    proof = report.findings[0].evidence[-1]
    assert proof.kind == "elf"
    assert proof.detail.endswith(f"{EXTENSION} needs liblz4.so.1, and musl's loader finds it nowhere")
    assert [finding.code for finding in image.proven] == ["AD201"]
    assert image.holds
    assert image.same_content
    assert not image.refuted
    assert not image.missed
    assert [(fact.name, fact.predicted, fact.found) for fact in image.facts] == [
        ("Alpine", "3.19", "3.19"),
        ("Python", "3.11", "3.11"),
        ("architecture", "x86_64", "x86_64"),
    ]


def test_a_finding_that_the_bytes_deny_is_taken_out(bench: Bench) -> None:
    report, image = bench(LZ4, bench.files(LZ4, distribution("lz4", "4.4.5", {EXTENSION: PLAIN})))
    assert codes(report) == []
    (doubt,) = image.refuted
    assert doubt.finding.code == "AD201"
    assert doubt.reason.endswith(f"{EXTENSION}, does not need liblz4.so.1")
    assert not image.holds


def test_a_library_that_came_another_way_refutes_it_too(bench: Bench, lz4_object: bytes) -> None:
    files = bench.files(LZ4, distribution("lz4", "4.4.5", {EXTENSION: lz4_object}))
    files["usr/lib/liblz4.so.1"] = elf_bytes(soname=b"liblz4.so.1")
    report, image = bench(LZ4, files)
    assert codes(report) == []
    assert image.refuted[0].reason.endswith("needs liblz4.so.1 and finds /usr/lib/liblz4.so.1")


def test_what_is_not_installed_is_neither_proven_nor_refuted(bench: Bench) -> None:
    report, image = bench(LZ4, bench.files(LZ4))
    assert codes(report) == ["AD201"]
    assert [doubt.reason for doubt in image.untested] == ["lz4 is not seen in the image, which lists no distributions"]
    assert [one.name for one in image.distributions.absent] == ["lz4"]
    assert image.holds
    assert not image.same_content


def test_what_an_image_lacks_that_tells_of_others_is_refuted(bench: Bench) -> None:
    other = distribution("six", "1.17.0", {})
    report, image = bench(LZ4, bench.files(LZ4, other))
    assert codes(report) == []
    assert [doubt.reason for doubt in image.refuted] == ["lz4 is not installed in the image"]
    assert not image.holds


def test_what_a_container_installs_when_it_starts_is_not_in_its_image(bench: Bench) -> None:
    text = "FROM python:3.11-alpine3.19\nCMD pip install python-magic==0.4.27 psycopg2==2.9.9\n"
    report, image = bench(text, bench.files(text, distribution("six", "1.17.0", {})))
    assert sorted({*codes(report)}) == ["AD101", "AD102", "AD203"]
    assert {doubt.reason for doubt in image.untested} == {"it is about what a container installs when it starts"}
    assert list(image.distributions.absent) == []
    assert image.holds


def test_a_build_that_was_never_needed_is_refuted_by_the_image(bench: Bench) -> None:
    text = "FROM python:3.11-alpine3.19\nRUN pip install --no-binary :all: lz4==4.4.5\n"
    report, image = bench(text, bench.files(text, distribution("six", "1.17.0", {})))
    assert "AD102" not in codes(report)
    assert "the image was built, and lz4 is not in it: nothing compiled it" in [d.reason for d in image.refuted]
    assert not image.holds


FOUND_BY_COMMAND = {
    "an environment in CMD": {"Cmd": ["sh", "-c", "LD_LIBRARY_PATH=/opt/lib exec python -m app"]},
    "an entrypoint script": {"Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["python"]},
}


@pytest.mark.parametrize(
    "config", [*FOUND_BY_COMMAND.values(), {"Cmd": ["python", "-m", "app"]}], ids=[*FOUND_BY_COMMAND, "nothing"]
)
def test_a_library_off_the_path_that_the_command_may_name(
    bench: Bench, lz4_object: bytes, config: dict[str, object]
) -> None:
    files = bench.files(LZ4, distribution("lz4", "4.4.5", {EXTENSION: lz4_object}))
    files |= {"opt/lib/liblz4.so.1": PLAIN, "docker-entrypoint.sh": b"#!/bin/sh\n. /env\n" + b"#" * 60}
    _, image = bench(LZ4, files, config=config)
    if len(config) == 1 and config["Cmd"][0] == "python":  # type: ignore[index]
        assert [finding.code for finding in image.proven] == ["AD201"]
        return
    assert not image.proven
    assert [d.reason for d in image.untested] == [
        "/opt/lib/liblz4.so.1 is there: ENTRYPOINT or CMD may name its folder"
    ]


def test_a_relative_search_path_counts_from_the_working_directory(bench: Bench, lz4_object: bytes) -> None:
    files = bench.files(LZ4, distribution("lz4", "4.4.5", {EXTENSION: lz4_object}))
    files["app/libs/liblz4.so.1"] = PLAIN
    config = {"Env": ["LD_LIBRARY_PATH=libs"], "WorkingDir": "/app"}
    _, image = bench(LZ4, files, config=config)
    assert [d.reason for d in image.refuted] == [
        f"/{SITE}/{EXTENSION} needs liblz4.so.1 and finds /app/libs/liblz4.so.1"
    ]
    _, image = bench(LZ4, files, config={**config, "WorkingDir": "/srv"})
    assert [finding.code for finding in image.proven] == ["AD201"]


@pytest.mark.parametrize(
    ("user", "mode", "fails"),
    [("app", 0o600, True), ("app", 0o644, False), ("", 0o600, False), ("1000:0", 0o640, False)],
)
def test_a_library_that_the_user_may_not_read(
    bench: Bench, lz4_object: bytes, user: str, mode: int, fails: bool
) -> None:
    files = bench.files(BARE, distribution("lz4", "4.4.5", {EXTENSION: lz4_object}))
    files |= {"usr/lib/liblz4.so.1": PLAIN, "etc/passwd": b"root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n"}
    report, image = bench(BARE, files, config={"User": user}, modes={"usr/lib/liblz4.so.1": mode})
    assert image.holds is not fails
    if fails:
        (miss,) = image.missed
        assert miss.detail.endswith("/usr/lib/liblz4.so.1 is there, but USER app may not read it")
        assert miss.packages == ()
        assert "add" not in report.findings[0].message


def test_a_missing_library_that_nobody_foresaw_is_a_finding_with_its_package(bench: Bench, lz4_object: bytes) -> None:
    files = bench.files(
        BARE, distribution("surprise", "1.0", {"surprise/x.so": lz4_object, "surprise/y.so": lz4_object})
    )
    report, image = bench(BARE, files)
    (miss,) = image.missed
    assert (miss.kind, miss.distribution, miss.what, miss.packages) == (
        "library",
        "surprise",
        "liblz4.so.1",
        ("lz4-libs",),
    )
    (found,) = report.findings
    assert (found.code, found.severity, found.confidence, found.packages) == (
        "AD201",
        "error",
        "certain",
        ("lz4-libs",),
    )
    assert found.message == "surprise links liblz4.so.1, which is not in the image: add lz4-libs"
    assert [evidence.kind for evidence in found.evidence] == ["elf"]
    assert found.fix is not None
    assert found.fix.applicability == "display"
    assert not image.holds
    assert [(one.name, one.found) for one in image.distributions.unforeseen] == [("surprise", "1.0")]


def test_symbols_and_glibc_that_nobody_foresaw(bench: Bench, musl_gcc: str, tmp_path: Path) -> None:
    source = """extern void _ZSt9terminatev(void); extern int __memcpy_chk(void); extern int only_here(void);
int PyInit_x(void) { _ZSt9terminatev(); return __memcpy_chk() + only_here(); }"""
    torn = compile_object(musl_gcc, tmp_path / "x.so", source).read_bytes()
    glibc = elf_bytes(needed=[b"libc.so.6", b"liblz4.so.1"])
    files = bench.files(
        BARE, distribution("torn", "1", {"torn/x.so": torn}), distribution("old", "1", {"old/g.so": glibc})
    )
    report, image = bench(BARE, files)
    assert {(miss.distribution, miss.kind) for miss in image.missed} == {("torn", "symbol"), ("old", "glibc")}
    told = " / ".join(miss.detail for miss in image.missed)
    assert "libstdc++.so.6" in told
    assert "gcompat" in told
    assert "no library in the set defines it" in told
    assert sorted(codes(report)) == ["AD201", "AD201", "AD201", "AD501"]


def test_both_sides_of_packages_and_distributions(bench: Bench) -> None:
    packages = predicted_packages(BARE, bench.folder)
    there = {**packages, "libpq": "99-r0", "vim": "9.1-r0", ".made-up": "2024"}
    del there["tzdata"]
    text = f'{BARE}RUN [ -n "$EXTRA" ] && pip install idna==3.7\nRUN pip install six==1.16.0\n'
    files = image_files(there, distribution("six", "1.17.0", {}), distribution("pip", "24.0", {}))
    nested = "usr/local/lib/python3.11/site-packages/setuptools/_vendor/jaraco-1.0.dist-info/METADATA"
    files[nested] = b"Name: jaraco\nVersion: 1.0\n\n"
    _, image = bench(text, files)
    assert [(one.name, one.found) for one in image.packages.unforeseen] == [("vim", "9.1-r0")]
    assert [one.name for one in image.packages.absent] == ["tzdata"]
    assert [(one.name, one.found) for one in image.packages.versions] == [("libpq", "99-r0")]
    assert [(one.name, one.predicted, one.found) for one in image.distributions.versions] == [
        ("six", "1.16.0", "1.17.0")
    ]
    assert image.distributions.same_names
    assert image.holds


def test_build_packages_left_in_the_image(bench: Bench) -> None:
    text = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev\nRUN pip install lz4==4.4.5\n"
    report, image = bench(text, bench.files(text, distribution("lz4", "4.4.5", {EXTENSION: PLAIN})))
    (left,) = [finding for finding in image.proven if finding.code == "AD401"]
    assert left.evidence[-1].detail == f"{image.image}: its apk database lists {', '.join(left.packages)}"
    slim = image_files({"musl": "1"}, distribution("lz4", "4.4.5", {EXTENSION: PLAIN}))
    report, image = bench(text, slim)
    assert "AD401" not in codes(report)
    assert [doubt.finding.code for doubt in image.refuted] == ["AD401"]


def test_libraries_opened_at_run_time(bench: Bench) -> None:
    text = "FROM python:3.11-alpine3.19\nRUN pip install python-magic==0.4.27\n"
    magic = distribution("python-magic", "0.4.27", {})
    report, image = bench(text, bench.files(text, magic))
    proven = [finding for finding in image.proven if finding.need and "magic" in finding.need]
    assert proven
    assert all(finding.code == "AD203" for finding in proven)
    with_it = bench.files(text, magic)
    with_it["usr/lib/libmagic.so.1"] = elf_bytes(soname=b"libmagic.so.1")
    report, image = bench(text, with_it)
    assert "/usr/lib/libmagic.so.1 is there" in [doubt.reason for doubt in image.refuted]
    provided = bench.files(text, magic)
    provided["lib/apk/db/installed"] = apk_database({"libmagic": "5"}, {"libmagic": "so:libmagic.so.1=1.0.0"})
    report, image = bench(text, provided)
    assert "an installed package provides libmagic" in " ".join(doubt.reason for doubt in image.refuted)
    opener = distribution("opener", "1.0", {"opener/__init__.py": b'import ctypes\nctypes.CDLL("libsodium.so.26")\n'})
    report, image = bench(BARE, bench.files(BARE, opener))
    (miss,) = image.missed
    assert (miss.kind, miss.what, miss.packages) == ("open", "libsodium.so.26", ("libsodium",))
    assert image.holds, "what may be opened is likely, not certain"
    assert codes(report) == []


def test_a_glibc_wheel_is_proven_or_refuted_by_its_objects(bench: Bench) -> None:
    forced = "--platform manylinux2014_x86_64 --only-binary=:all: --target=/deps lz4==4.4.5"
    text = f"FROM python:3.11-alpine3.19\nRUN pip install {forced}\n"
    glibc = distribution("lz4", "4.4.5", {EXTENSION: elf_bytes(needed=[b"libc.so.6"])}, site="deps")
    _, image = bench(text, bench.files(text, glibc))
    assert [finding.code for finding in image.proven] == ["AD501"]
    musl = distribution("lz4", "4.4.5", {EXTENSION: PLAIN}, site="deps")
    _, image = bench(text, bench.files(text, musl))
    assert [doubt.finding.code for doubt in image.refuted] == ["AD501"]


def test_what_is_suppressed_or_not_selected_is_nobodys_concern(bench: Bench) -> None:
    files = bench.files(LZ4, distribution("lz4", "4.4.5", {EXTENSION: PLAIN}))
    assert bench(LZ4, files, ignore=["AD201"])[1].holds
    silenced = LZ4.replace(
        "RUN apk add --no-cache libpq", "# alpine-doctor: ignore[AD201] known\nRUN apk add --no-cache libpq"
    )
    report, image = bench(silenced, files)
    assert image.holds
    assert codes(report) == []


def test_the_target_and_the_last_stage(bench: Bench, lz4_object: bytes) -> None:
    two = f"{LZ4}FROM python:3.11-alpine3.19 AS other\n"
    lz4 = distribution("lz4", "4.4.5", {EXTENSION: lz4_object})
    _, image = bench(two, bench.files(BARE, lz4))
    assert image.stage.name == "other"
    assert [miss.what for miss in image.missed] == ["liblz4.so.1"]
    _, image = bench(LZ4, bench.files(LZ4, lz4), target="1")
    assert image.stage.index == 1
    assert [finding.code for finding in image.proven] == ["AD201"]


def test_other_files_are_told_apart(bench: Bench, lz4_object: bytes) -> None:
    files = bench.files(BARE)
    files["opt/tool/x.so"] = lz4_object
    report, image = bench(BARE, files)
    assert [miss.path for miss in image.elsewhere] == ["/opt/tool/x.so"]
    assert image.holds
    assert codes(report) == []


def test_another_system_than_predicted(bench: Bench) -> None:
    _, image = bench(BARE, {**bench.files(BARE), "etc/alpine-release": b"3.20.1\n"})
    assert (image.facts[0].predicted, image.facts[0].found) == ("3.19", "3.20")
    assert not image.same_content
    _, image = bench(
        "FROM alpine:edge\nRUN true\n", {**bench.files(BARE), "etc/alpine-release": b"3.21.0_alpha20240923\n"}
    )
    assert image.facts[0].found == "edge"


def test_nothing_to_compare_is_one_clear_line(bench: Bench) -> None:
    with pytest.raises(UnreadableError, match=r"debian:12\) is not known to be Alpine: nothing to compare"):
        bench("FROM debian:12\nRUN true\n", bench.files(BARE))


# The command.


@pytest.fixture
def built(project: Callable[[Mapping[str, str]], Path], bench: Bench, lz4_object: bytes) -> Path:
    """A project with two saved images: one as predicted, one that denies the finding."""
    root = project({"Dockerfile": LZ4, "other/Dockerfile": BARE})
    write_tar(root / "good.tar", bench.files(LZ4, distribution("lz4", "4.4.5", {EXTENSION: lz4_object})))
    write_tar(root / "wrong.tar", bench.files(LZ4, distribution("lz4", "4.4.5", {EXTENSION: PLAIN})))
    plain = bench.files(BARE)
    write_tar(root / "plain.tar", plain)
    write_tar(
        root / "more.tar", {**plain, "lib/apk/db/installed": plain["lib/apk/db/installed"] + apk_database({"vim": "9"})}
    )
    return root


def check(root: Path, *args: str):
    return run("check", *args, cwd=root)


def test_exit_codes(built: Path) -> None:
    assert check(built, "Dockerfile", "--image", "good.tar").returncode == 1, "the finding remains"
    assert check(built, "Dockerfile", "--image", "wrong.tar").returncode == 1, "the finding was wrong"
    assert check(built, "Dockerfile", "--image", "wrong.tar", "--exit-zero").returncode == 0
    assert check(built, "other/Dockerfile", "--image", "plain.tar").returncode == 0
    assert check(built, "other/Dockerfile", "--image", "more.tar").returncode == 0
    assert check(built, "other/Dockerfile", "--image", "more.tar", "--strict").returncode == 1


def test_the_json_obeys_the_schema(built: Path) -> None:
    for image in ("good.tar", "wrong.tar"):
        document = json.loads(check(built, "Dockerfile", "--image", image, "--output-format", "json").stdout)
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
        (file,) = document["files"]
        assert file["image"]["holds"] == (image == "good.tar")
        assert file["image"]["name"] == image
    assert file["image"]["refuted"][0]["finding"]["code"] == "AD201"


def test_the_text_reads_from_top_to_bottom(built: Path) -> None:
    text = check(built, "Dockerfile", "--image", "wrong.tar").stdout.decode()
    wanted = [
        "Image wrong.tar compared with stage 1, python:3.11-alpine3.19, linux/amd64",
        "  system          Alpine 3.19, Python 3.11, x86_64: as predicted",
        "  distributions   1 as predicted",
        "  findings        0 confirmed, 1 refuted, 0 that an image can't show",
        "  refuted         1 finding",
        "    x AD201 lz4 4.4.5 links liblz4.so.1, which is not in stage 1: add lz4-libs",
        "  missed          nothing",
        "The findings do not hold: 1 finding refuted.",
        "No problems found in 1 Dockerfile with 2 Alpine stages.",
    ]
    places = [text.index(line) for line in wanted]
    assert places == sorted(places)
    concise = check(built, "Dockerfile", "--image", "wrong.tar", "--output-format", "concise")
    assert concise.stderr.decode() == "alpine-doctor: wrong.tar: The findings do not hold: 1 finding refuted.\n"
    good = check(built, "Dockerfile", "--image", "good.tar").stdout.decode()
    assert "The prediction holds: the image agrees with it in everything that it shows." in good


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--image", "plain.tar"], "--image applies to one Dockerfile; name it (found: "),
        (["Dockerfile", "--image", "Dockerfile"], "--image Dockerfile: not an ELF object, a wheel or an image archive"),
        (["Dockerfile", "--image", "broken.tar"], "--image broken.tar"),
        (["lost/Dockerfile", "--image", "plain.tar"], "lost/Dockerfile"),
        (["-", "--image", "plain.tar"], "not standard input"),
        (["Dockerfile", "--image", "plain.tar", "--target", "nowhere"], "no stage is called 'nowhere'"),
    ],
)
def test_bad_input_is_one_clear_line(built: Path, args: list[str], message: str) -> None:
    (built / "broken.tar").write_bytes((built / "plain.tar").read_bytes()[:1300])
    done = check(built, *args)
    assert done.returncode == 2
    said = done.stdout + done.stderr
    assert message in said.decode()
    assert b"Traceback" not in said


@given(st.binary(max_size=200), st.binary(max_size=100), st.binary(max_size=60))
def test_no_content_of_an_image_breaks_the_comparison(
    bench: Bench, database: bytes, metadata: bytes, record: bytes
) -> None:
    files = image_files({"musl": "1"}, distribution("lz4", "4.4.5", {EXTENSION: PLAIN}))
    files["lib/apk/db/installed"] = b"P:musl\nV:1\nA:x86_64\n" + database
    files[f"{SITE}/odd-1.dist-info/METADATA"] = b"Name: odd\nVersion: " + metadata
    files[f"{SITE}/odd-1.dist-info/RECORD"] = record + b".so,,\n"
    report, image = bench(LZ4, files)
    assert image.refuted
    assert "AD201" not in codes(report)
