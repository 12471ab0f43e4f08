"""A Dockerfile and an image on a real engine: built, its loader asked, its modules imported; red, green and not verified."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.proof.verify.conftest import Command, leftovers
from tests.proof.verify.stand_ins import PYTHON, SITE, TAG, Parts, put

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine

DOCKERFILE = "docker/backend.alpine.Dockerfile"
LINE = "Error loading shared library liblz4.so.1: No such file or directory"


def document(doctor: Command, *args: str, code: int) -> dict[str, Any]:
    done = doctor("verify", *args, "--output-format", "json")
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return json.loads(done.stdout)


def test_the_predicted_error_is_confirmed_by_the_loader(doctor: Command, loaded: DockerClient) -> None:
    found = document(doctor, DOCKERFILE, code=1)
    assert found["verdict"] == "red"
    assert [(check["level"], check["status"]) for check in found["checks"]] == [
        ("build", "pass"),
        ("loader", "fail"),
        ("import", "pass"),
    ]
    (image,) = found["images"]
    (fault,) = image["faults"]
    assert (fault["kind"], fault["what"]) == ("missing", "liblz4.so.1")
    assert fault["line"].startswith(LINE)
    claim = next(claim for claim in image["claims"] if claim["code"] == "AD201")
    assert (claim["verdict"], claim["level"]) == ("confirmed", "loader")
    assert LINE in claim["reason"]
    assert image["missed"] == []
    assert leftovers(loaded) == []


def test_the_mended_dockerfile_is_green(doctor: Command, project: Path) -> None:
    assert doctor("fix", DOCKERFILE).returncode == 0
    found = document(doctor, DOCKERFILE, code=0)
    assert found["verdict"] == "green"
    assert found["images"][0]["extensions"] == found["images"][0]["imported"] == 2
    done = doctor("verify", DOCKERFILE, "--level", "loader")
    assert b"GREEN: 2 PASS" in done.stdout


def test_what_no_finding_says_is_missed_with_its_package(doctor: Command, project: Path) -> None:
    """The wheel in the image is not the one that the rules know."""
    (project / "requirements.txt").write_text("uvicorn==0.38.0\n")
    (image,) = document(doctor, DOCKERFILE, code=1)["images"]
    (miss,) = image["missed"]
    assert (miss["distribution"], miss["what"], miss["packages"]) == ("lz4", "liblz4.so.1", ["lz4-libs"])
    assert "add lz4-libs to the apk add in line" in miss["edit"]


def test_a_finding_that_reality_refutes(doctor: Command, project: Path) -> None:
    """lz4 is said to be there, and is not: somebody takes it away."""
    path = project / DOCKERFILE
    text = path.read_text().replace(
        "USER netra", f"RUN rm -r /usr/local/{SITE}/lz4 /usr/local/{SITE}/lz4-4.4.5.dist-info\nUSER netra"
    )
    path.write_text(text)
    (image,) = document(doctor, DOCKERFILE, code=0)["images"]
    claim = next(claim for claim in image["claims"] if claim["code"] == "AD201")
    assert (claim["verdict"], claim["reason"]) == ("refuted", "lz4 is not installed in the image")


def test_a_library_that_the_user_may_not_read(doctor: Command, project: Path) -> None:
    path = project / DOCKERFILE
    text = path.read_text().replace("    tini \\", "    tini lz4-libs \\")
    path.write_text(text.replace("USER netra", "RUN chmod 600 /usr/lib/liblz4.so.1\nUSER netra"))
    (image,) = document(doctor, DOCKERFILE, code=1)["images"]
    assert [(fault["kind"], fault["what"]) for fault in image["faults"]] == [("permission", "liblz4.so.1")]


def test_a_build_that_fails_ends_with_the_package(doctor: Command, project: Path) -> None:
    path = project / DOCKERFILE
    path.write_text(path.read_text().replace("    libpq \\", "    libpq libpqq \\"))
    found = document(doctor, DOCKERFILE, code=1)
    assert [(check["level"], check["status"]) for check in found["checks"]] == [("build", "fail")]
    claims = {claim["code"]: claim["verdict"] for claim in found["images"][0]["claims"]}
    assert claims["AD201"] == "not-reached"
    assert "libpqq" in found["causes"][0]["cause"]


def test_an_image_without_a_shell(doctor: Command, loaded: DockerClient, musl_loader: Path, parts: Parts) -> None:
    files = {f"usr/local/{SITE}/lz4/_version.{TAG}": parts.lz4, "usr/local/lib/libpython3.11.so.1.0": parts.libpython}
    put(loaded, musl_loader, "adv-test:bare", {**files, "usr/lib/liblz4.so.1": parts.liblz4}, shell=False)
    assert document(doctor, "image:adv-test:bare", "--level", "loader", code=0)["images"][0]["extensions"] == 1
    put(loaded, musl_loader, "adv-test:bare", files, shell=False)
    assert (
        document(doctor, "image:adv-test:bare", "--level", "loader", code=1)["images"][0]["faults"][0]["what"]
        == "liblz4.so.1"
    )


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("image:nothing-of-this-name:1",), 3, b"not in the engine, and nothing is pulled without --allow pull"),
        ((DOCKERFILE, "--engine", "unix:///nowhere/docker.sock"), 3, b"engine unix:///nowhere/docker.sock"),
        ((DOCKERFILE, "--level", "probes"), 2, b"needs a compose file"),
        ((DOCKERFILE, "--level", "moon"), 2, b"choose from loader, import, start, health, probes"),
        ((DOCKERFILE, "--timeout", "soon"), 2, b"not a duration"),
        ((DOCKERFILE, "--allow", "everything"), 2, b"choose from bind"),
        (("no-such.Dockerfile",), 2, b"no such file"),
        ((f"image:{PYTHON}", "extra"), 2, b"SERVICE arguments require a compose file"),
    ],
)
def test_what_was_not_verified_or_wrong_is_said_in_one_line(
    doctor: Command, args: tuple[str, ...], code: int, said: bytes
) -> None:
    done = doctor("verify", *args)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr


def test_an_engine_elsewhere_is_refused_unless_it_is_named(doctor: Command) -> None:
    done = doctor("verify", DOCKERFILE, DOCKER_HOST="tcp://192.0.2.1:2375")
    assert done.returncode == 3
    assert b"is another machine: name it with --engine" in done.stdout + done.stderr
