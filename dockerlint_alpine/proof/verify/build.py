"""Builds an image from a Dockerfile: with the docker command line where it has BuildKit, else through the SDK.

A build runs the RUN lines of the Dockerfile. It pulls nothing unless that was allowed: which images it starts from is known
beforehand, from the Dockerfile run on paper. A log line that comes within the time is kept; at the deadline the build is
ended, command line and all.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from dockerlint_alpine.proof.verify.clock import Deadline, items_until
from dockerlint_alpine.proof.verify.errors import NotVerifiedError
from dockerlint_alpine.syntax import Dockerfile, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.proof.verify.engine import Engine
    from dockerlint_alpine.stages import Timeline

MAX_LOG_LINES = 20_000
_NAME = ".alpine-doctor.Dockerfile"
"""What the Dockerfile is called in the context that goes to the engine; the same each time, for the engine's cache."""


class BuildOrder(Struct, frozen=True):
    """What to build: ``data`` are the bytes of the Dockerfile (they need not be on disk), ``tag`` names the image.

    ``ignore`` is the ``.dockerignore`` that BuildKit would take.
    """

    data: bytes
    context: Path
    tag: str
    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    platform: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    ignore: Path | None = None


class Built(Struct, frozen=True):
    """How a build ended: ``ok``, and its log. ``how`` names the builder."""

    ok: bool
    log: tuple[str, ...]
    how: str


def base_images(timeline: Timeline) -> tuple[str, ...]:
    """The images that a build needs to have at hand: of FROM, and of ``COPY --from=IMAGE`` and ``--mount=from=``."""
    from dockerlint_alpine.stages.graph import from_references

    stages = timeline.stages
    own = {(stage.name or "").lower() for stage in stages.values()} | {str(index) for index in stages}
    found = [stage.base for _, stage in sorted(stages.items()) if stage.parent is None]
    for _, stage in sorted(stages.items()):
        found += [reference for reference in from_references(stage.instructions) if reference.lower() not in own]
    return tuple(dict.fromkeys(name for name in found if name and name != "scratch" and "$" not in name))


def needs_buildkit(dockerfile: Dockerfile) -> str | None:
    """What of the file the classic builder does not know, in a few words; ``None``: nothing."""
    for instruction in dockerfile.instructions:
        if instruction.heredocs:
            return f"a here-document (line {instruction.line})"
        for flag in instruction.flags:
            if flag.name not in ("from", "chown", "platform", "interval", "timeout", "start-period", "retries"):
                return f"{instruction.keyword} --{flag.name} (line {instruction.line})"
    return None


def ensure_images(engine: Engine, names: Sequence[str], *, pull: bool) -> list[str]:
    """Make sure that these images are there. Raises :class:`NotVerifiedError` where one is not and ``pull`` is false.

    Returns what was pulled.
    """
    pulled: list[str] = []
    for name in names:
        if engine.has_image(name):
            continue
        if not pull:
            raise NotVerifiedError(f"image {name} is not in the engine, and nothing is pulled without --allow pull")
        with engine.talking(f"pull of {name}"):
            engine.client.images.pull(name)
        pulled.append(name)
    return pulled


def build(engine: Engine, order: BuildOrder, deadline: Deadline) -> Built:
    """Build the image. Raises :class:`NotVerifiedError` at the deadline, and where no builder can build it."""
    dockerfile = parse(order.data)
    if not engine.podman and _has_buildx():
        return _with_cli(engine, order, deadline)
    beyond = None if engine.podman else needs_buildkit(dockerfile)
    if beyond is not None:
        raise NotVerifiedError(f"the Dockerfile needs BuildKit for {beyond}: install docker's buildx plugin")
    return _with_sdk(engine, order, deadline)


def _has_buildx() -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        done = subprocess.run(["docker", "buildx", "version"], capture_output=True, timeout=20, check=False)  # noqa: S607 - the user's own
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _with_sdk(engine: Engine, order: BuildOrder, deadline: Deadline) -> Built:
    from docker.utils.build import tar

    try:
        text = order.data.decode("utf-8")
    except UnicodeDecodeError:
        raise NotVerifiedError("the Dockerfile is not UTF-8: the SDK can't hand it to the engine") from None
    with engine.talking("build context"):
        archive = tar(order.context, exclude=_dockerignore(order.context), dockerfile=(_NAME, text), gzip=False)
    options = {
        "fileobj": archive,
        "custom_context": True,
        "dockerfile": _NAME,
        "tag": order.tag,
        "target": order.target or "",
        "buildargs": dict(order.build_args),
        "labels": dict(order.labels),
        "platform": order.platform,
        "pull": False,
    }
    log = _taken(engine.build(options, deadline))
    failed = bool(log) and log[-1].startswith("error: ")
    return Built(not failed, tuple(log), "classic builder")


def _dockerignore(context: Path) -> list[str]:
    with suppress(OSError, UnicodeDecodeError):
        lines = (context / ".dockerignore").read_text("utf-8").splitlines()
        return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return []


def _with_cli(engine: Engine, order: BuildOrder, deadline: Deadline) -> Built:
    with tempfile.TemporaryDirectory(prefix="alpine-doctor-") as folder:
        file = Path(folder) / "Dockerfile"
        file.write_bytes(order.data)
        if order.ignore is not None and order.ignore.is_file():
            (Path(folder) / "Dockerfile.dockerignore").write_bytes(order.ignore.read_bytes())
        command = ["docker", "build", "--progress=plain", "--file", str(file), "--tag", order.tag]
        command += ["--load"] + (["--target", order.target] if order.target else [])
        command += ["--platform", order.platform] if order.platform else []
        command += [word for name, value in order.labels.items() for word in ("--label", f"{name}={value}")]
        # Values go by the environment, never on a command line that others can read.
        command += [word for name in order.build_args for word in ("--build-arg", name)]
        environment = {**os.environ, **order.build_args, "DOCKER_HOST": engine.address.url, "DOCKER_BUILDKIT": "1"}
        environment.pop("DOCKER_CONTEXT", None)
        code, log = run_program([*command, str(order.context)], environment, deadline)
    return Built(code == 0, tuple(log), "BuildKit")


def run_program(command: Sequence[str], environment: Mapping[str, str], deadline: Deadline) -> tuple[int, list[str]]:
    """Run a program in a process group of its own: its exit code and the lines of both its outputs.

    Raises :class:`NotVerifiedError` at the deadline, when the group is ended, and where there is no such program.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - words, no shell
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise NotVerifiedError(f"{command[0]}: {error.strerror or error}") from None
    assert process.stdout is not None
    out = process.stdout
    try:
        log = _taken(
            line.decode("utf-8", "replace").rstrip("\r\n") for line in items_until(deadline, "the build", lambda: out)
        )
        return process.wait(max(1.0, deadline.left)), log
    except subprocess.TimeoutExpired:
        raise NotVerifiedError("the build did not finish in time") from None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return


def _taken(lines: Iterator[str]) -> list[str]:
    """All lines, the middle left out of an endless log."""
    kept: list[str] = []
    for line in lines:
        kept.append(line)
        if len(kept) > MAX_LOG_LINES:
            del kept[MAX_LOG_LINES // 2]
    return kept
