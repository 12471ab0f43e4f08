"""From what was named on the command line to a plan. The engine is not asked here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlint_alpine.proof.verify.errors import PlanError
from dockerlint_alpine.proof.verify.model import LEVELS, Level
from dockerlint_alpine.proof.verify.run import Plan, Unit

if TYPE_CHECKING:
    from dockerlint_alpine.analysis import Doctor
    from dockerlint_alpine.discovery import Job
    from dockerlint_alpine.proof.verify.redact import Redactor

ALLOWED: Mapping[str, str] = {
    "bind": "bind mounts of folders outside the project",
    "privileged": "privileged, cap_add, devices, security_opt",
    "host-network": "the host's network, pid, ipc or user namespace",
    "socket": "the engine's own socket in a container",
    "external": "networks and volumes that are not the project's own",
    "pull": "pulling images",
    "remote": "an engine on another machine",
}
"""What is refused unless ``--allow`` names it."""

IMAGE_LEVELS: tuple[Level, ...] = ("loader", "import")


def project_name(place: Path) -> str:
    """The name of everything that runs for one checkout: the same each time, so that the next run finds what is left."""
    path = place.resolve()
    stem = (
        re.sub(r"[^a-z0-9]+", "-", path.parent.name.lower() if path.is_file() else path.name.lower()).strip("-")
        or "project"
    )
    return f"adv-{stem[:30]}-{hashlib.sha256(str(path).encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def hashed(path: Path) -> str:
    """The hash of a file as reports show it."""
    try:
        return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    except OSError:
        return "not readable"


def image_level(level: Level | None, what: str) -> Level:
    """The level for an image alone: it has no services to start. Raises :class:`PlanError`."""
    if level is not None and level not in IMAGE_LEVELS:
        raise PlanError(f"--level {level} needs a compose file: {what} has no services to start (at most: import)")
    return level or "import"


def plan_image(
    name: str, doctor: Doctor, *, level: Level | None, timeout: float, build_timeout: float, allowed: frozenset[str]
) -> Plan:
    """Prove an image of the engine."""
    unit = Unit(name, name, doctor)
    asked = image_level(level, f"image:{name}")
    return Plan(f"image:{name}", project_name(Path(name)), (unit,), asked, timeout, build_timeout, allowed)


def plan_dockerfile(
    job: Job,
    doctor: Doctor,
    redactor: Redactor,
    *,
    level: Level | None,
    timeout: float,
    build_timeout: float,
    allowed: frozenset[str],
) -> Plan:
    """Build an image from a Dockerfile and prove it."""
    project = project_name(job.path)
    unit = unit_of(job, doctor, project, job.path.name, redactor)
    asked = image_level(level, job.shown_as)
    inputs = {job.shown_as: hashed(job.path)}
    return Plan(job.shown_as, project, (unit,), asked, timeout, build_timeout, allowed, inputs=inputs)


def unit_of(job: Job, doctor: Doctor, project: str, name: str, redactor: Redactor) -> Unit:
    """One build as a unit; its arguments whose names look secret are learnt."""
    settings = doctor.settings
    redactor.learn_environment(dict(settings.build_args))
    tag = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._") or "image"
    return Unit(
        name=name,
        image=f"adv/{project}:{tag}",
        doctor=doctor,
        path=job.path,
        context=_context(job, doctor),
        target=settings.target,
        build_args=dict(settings.build_args),
        services=job.services,
    )


def _context(job: Job, doctor: Doctor) -> Path:
    """The build context: what was given, a compose file's, or the folder that the Dockerfile's COPY instructions fit."""
    given = doctor.settings.context
    if given is not None:
        return Path(given)
    from dockerlint_alpine.analysis import UnreadableError, read_dockerfile  # noqa: PLC0415 - after --help
    from dockerlint_alpine.stages import copy_sources, guess_root  # noqa: PLC0415
    from dockerlint_alpine.syntax import parse  # noqa: PLC0415

    try:
        return guess_root(job.path, copy_sources(parse(read_dockerfile(job.path))), set())
    except UnreadableError as error:
        raise PlanError(f"{job.shown_as}: {error}") from None


def level_of(text: str | None) -> Level | None:
    """A level by name or number (1 to 5). Raises :class:`PlanError`."""
    if text is None:
        return None
    if text.isdigit() and 1 <= int(text) <= len(LEVELS):
        return LEVELS[int(text) - 1]
    for level in LEVELS:
        if level == text:
            return level
    raise PlanError(f"--level {text}: choose from {', '.join(LEVELS)}")


def allowances(words: Sequence[str]) -> frozenset[str]:
    """The words of ``--allow``, one by one or with commas. Raises :class:`PlanError`."""
    found = [word.strip() for text in words for word in text.split(",") if word.strip()]
    for word in found:
        if word not in ALLOWED:
            raise PlanError(f"--allow {word}: choose from {', '.join(ALLOWED)}")
    return frozenset(found)


def described(plan: Plan, listed: Callable[[], Sequence[str]] = tuple) -> list[str]:
    """What would be built, started, probed, mounted and published: the lines of ``--plan``."""
    lines = [f"{plan.target}: level {plan.level}, at most {plan.timeout:.0f} s, {plan.build_timeout:.0f} s a build"]
    for unit in plan.units:
        if unit.path is None:
            lines.append(f"look at image {unit.image}")
            continue
        target = f", target {unit.target}" if unit.target else ""
        names = f", arguments {', '.join(unit.build_args)}" if unit.build_args else ""
        lines.append(
            f"build {unit.image} from {unit.path} (context {unit.context}{target}{names}): its RUN lines are executed"
        )
    lines.append("in each image, without network and without a way to write:")
    lines.append("  musl's loader on every extension module")
    if "import" in plan.phases:
        lines.append(
            "  import every extension module that the loader accepts (code of the installed distributions runs)"
        )
    return [*lines, *listed()]
