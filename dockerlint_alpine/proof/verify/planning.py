"""From what was named on the command line to a plan. The engine is not asked here."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dockerlint_alpine.proof.verify.clock import seconds_of
from dockerlint_alpine.proof.verify.composed import Composed, chosen, isolated, read_model
from dockerlint_alpine.proof.verify.engine import Engine, Surroundings
from dockerlint_alpine.proof.verify.errors import NotVerifiedError, PlanError
from dockerlint_alpine.proof.verify.expectations import EXTENSION
from dockerlint_alpine.proof.verify.launching import ComposeLauncher, Launcher, SdkLauncher
from dockerlint_alpine.proof.verify.model import LEVELS, Level
from dockerlint_alpine.proof.verify.policy import refusals
from dockerlint_alpine.proof.verify.run import Plan, Request, Unit, shown
from dockerlint_alpine.proof.verify.stack import RunningStack, StackOrder
from dockerlint_alpine.proof.verify.subset import read_subset
from dockerlint_alpine.system.files import project_root, read_file
from dockerlint_alpine.system.yaml_text import YamlError, load_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dockerlint_alpine.proof.verify.compose_cli import Compose
    from dockerlint_alpine.proof.verify.evidence import Journal
    from dockerlint_alpine.proof.verify.redact import Redactor
    from dockerlint_alpine.run.analysis import Doctor
    from dockerlint_alpine.run.jobs import Job

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


def requested(given: Mapping[str, Any]) -> Request:
    """Read the options of the command line. Raises :class:`PlanError`."""
    return Request(
        level_of(given["level"]),
        seconds_of(given["timeout"], "--timeout"),
        seconds_of(given["build_timeout"], "--build-timeout"),
        allowances(given["allow"]),
    )


def plan_image(name: str, doctor: Doctor, request: Request) -> Plan:
    """Prove an image of the engine."""
    level = image_level(request.level, f"image:{name}")
    return Plan(f"image:{name}", project_name(Path(name)), (Unit(name, name, doctor),), level, request)


def plan_dockerfile(job: Job, doctor: Doctor, redactor: Redactor, request: Request) -> Plan:
    """Build an image from a Dockerfile and prove it."""
    project = project_name(job.path)
    unit = unit_of(job, doctor, project, job.path.name, redactor)
    level = image_level(request.level, job.shown_as)
    return Plan(job.shown_as, project, (unit,), level, request, inputs={job.shown_as: hashed(job.path)})


def unit_of(job: Job, doctor: Doctor, project: str, name: str, redactor: Redactor, *, tag: str | None = None) -> Unit:
    """One build as a unit; its arguments whose names look secret are learnt."""
    settings = doctor.settings
    asked = doctor.configuration.origins.get("platforms", "default") != "default"
    redactor.learn_environment(dict(settings.build_args))
    tag = re.sub(r"[^a-z0-9._-]+", "-", (tag or name).lower()).strip("-._") or "image"
    return Unit(
        name=name,
        image=f"adv/{project}:{tag}",
        doctor=doctor,
        path=job.path,
        context=_context(job, doctor),
        target=settings.target,
        build_args=dict(settings.build_args),
        platform=settings.platforms[0] if asked else None,
        services=job.services,
    )


def _context(job: Job, doctor: Doctor) -> Path:
    """The build context: what was given, a compose file's, or the folder that the Dockerfile's COPY instructions fit."""
    given = doctor.settings.context
    if given is not None:
        return Path(given)
    from dockerlint_alpine.run.analysis import UnreadableError, read_dockerfile
    from dockerlint_alpine.stages import copy_sources, guess_root
    from dockerlint_alpine.syntax import parse

    try:
        return guess_root(job.path, copy_sources(parse(read_dockerfile(job.path))), set())
    except UnreadableError as error:
        raise PlanError(f"{job.shown_as}: {error}") from None


def plan_compose(
    path: Path,
    services: Sequence[str],
    doctor_for: Callable[[Job], Doctor],
    redactor: Redactor,
    request: Request,
    *,
    compose: Compose | None,
    variables: Mapping[str, str],
    keep: bool,
    refuse: bool,
) -> tuple[Plan, list[str]]:
    """Prove the services of a compose file: the plan, and the lines that tell what would run.

    Raises :class:`PlanError` for what is wrong and :class:`NotVerifiedError` for what is refused (not where ``refuse`` is
    false: then the lines say so).
    """
    raw = read_yaml(path)
    document = compose.model(path, variables) if compose is not None else read_subset(path, raw, variables)
    composed = read_model(path, document, extensions(raw), escaped=compose is not None)
    active = [word for word in variables.get("COMPOSE_PROFILES", "").split(",") if word]
    names = tuple(chosen(composed, services, active))
    refused = refusals(document, names, project_root(path.resolve().parent), request.allowed)
    if refused and refuse:
        raise NotVerifiedError(f"{path}: {'; '.join(refused)}")
    for name in names:
        redactor.learn_environment(composed.services[name].environment)
    _learn_secrets(document, redactor)
    project, asked = project_name(path), request.level or "probes"
    units = _units(composed, names, project, doctor_for, redactor)
    images = {service: unit.image for unit in units for service in unit.services}
    order = StackOrder(composed, names, images, asked)

    def stack(engine: Engine, journal: Journal, labels: Mapping[str, str], run: str) -> RunningStack:
        alone = isolated(composed, names, project, labels, images)

        launcher: Launcher = SdkLauncher(engine, alone, labels)
        if compose is not None:
            launcher = ComposeLauncher(compose, alone, path.resolve().parent, engine.address.url)
        today = date.today()  # noqa: DTZ011 - the day where the user is
        return RunningStack(order, engine, launcher, journal, redactor, run, today=today, variables=variables)

    used = f"compose {compose.version}" if compose is not None else "the docker SDK (no compose)"
    hashes = {shown(unit.path): hashed(unit.path) for unit in units if unit.path is not None}
    plan = Plan(
        target=str(path),
        project=project,
        units=units,
        level=asked,
        request=request,
        keep=keep,
        stack=stack if asked not in IMAGE_LEVELS else None,
        needs=tuple(dict.fromkeys(composed.services[name].image or "" for name in names if name not in images)),
        inputs={str(path): hashed(path), **hashes, "services by": used},
    )
    lines = [f"services by {used}, as project {project}:"]
    for name in names:
        lines += _service_lines(composed, name, images.get(name))
    return plan, [*lines, *(f"refused: {one}" for one in refused)]


def _service_lines(composed: Composed, name: str, built: str | None) -> list[str]:
    service = composed.services[name]
    waits = "".join(f", after {need} ({how.removeprefix('service_')})" for need, how in service.needs.items())
    lines = [f"  start {name} ({built or service.image}){waits}"]
    ports = dict.fromkeys([*(port for port, _ in service.ports), *service.expectations.ports])
    lines += [f"    publish port {port} on a free port of 127.0.0.1" for port in ports]
    lines += [
        f"    mount {mount.get('source') or 'a new volume'} on {mount.get('target')} ({mount.get('type')})"
        for mount in composed.document["services"][name].get("volumes") or ()
    ]
    lines += [f"    ask: {probe.name}" for probe in service.expectations.probes]
    if service.expectations.failing is not None:
        lines.append(f"    expected to fail: {service.expectations.failing.reason}")
    return lines


def _units(
    composed: Composed, names: Sequence[str], project: str, doctor_for: Callable[[Job], Doctor], redactor: Redactor
) -> tuple[Unit, ...]:
    """One unit for each build; services that build the same share it."""
    from dockerlint_alpine.run.jobs import Job

    grouped: dict[tuple[object, ...], list[str]] = {}
    for name in names:
        build = composed.services[name].build
        if build is not None:
            args = tuple(sorted((build.get("args") or {}).items()))
            key = (build.get("context"), build.get("dockerfile"), build.get("target"), args)
            grouped.setdefault(key, []).append(name)
    units: list[Unit] = []
    for group in grouped.values():
        first = composed.services[group[0]]
        build = first.build or {}
        context = Path(str(build.get("context") or "."))
        if "://" in str(build.get("context")):
            raise NotVerifiedError(f"{composed.path}: services.{first.name}.build.context is not on this machine")
        dockerfile = context / str(build.get("dockerfile") or "Dockerfile")
        if not dockerfile.is_file():
            raise PlanError(f"{composed.path}: services.{first.name}.build: {dockerfile} is not there")
        args_given = {key: str(value) for key, value in (build.get("args") or {}).items() if value is not None}
        job = Job(dockerfile, shown(dockerfile), context, args_given, build.get("target"), tuple(group))
        around = Surroundings(first.environment, first.user, first.workdir)
        unit = unit_of(job, doctor_for(job), project, ", ".join(group), redactor, tag=group[0])
        given = composed.document["services"][group[0]].get("platform")
        units.append(replace(unit, around=around, platform=unit.platform or given))
    return tuple(units)


def _learn_secrets(document: Mapping[str, Any], redactor: Redactor) -> None:
    """The contents of secrets and configs are secret, whatever their names."""
    for kind in ("secrets", "configs"):
        for name, one in (document.get(kind) or {}).items():
            given = one or {}
            if given.get("content"):
                redactor.learn(name, str(given["content"]))
            if given.get("environment"):
                redactor.learn(name, os.environ.get(str(given["environment"]), ""))
            if given.get("file") and kind == "secrets":
                with suppress(OSError), Path(str(given["file"])).open("rb") as file:
                    redactor.learn(name, file.read(65536).decode("utf-8", "replace"))


_MAX_COMPOSE = 8 * 1024 * 1024


def read_yaml(path: Path) -> Any:
    """Read a compose file as written; tags of compose's own (``!reset``) count for nothing. Raises :class:`PlanError`."""
    try:
        _, document = load_yaml(read_file(path, limit=_MAX_COMPOSE))
    except YamlError as error:
        raise PlanError(f"{path}: {error}") from None
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror or error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("services"), dict):
        raise PlanError(f"{path}: not a compose file: it has no services")
    return document


def extensions(raw: Mapping[str, Any]) -> dict[str, Any]:
    """``x-alpine-doctor`` of each service, as written: its ``${NAME}`` are not compose's."""
    services = raw.get("services") or {}
    return {str(name): one[EXTENSION] for name, one in services.items() if isinstance(one, dict) and EXTENSION in one}


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
    whole, build = plan.request.timeout, plan.request.build_timeout
    lines = [f"{plan.target}: level {plan.level}, at most {whole:.0f} s, {build:.0f} s a build"]
    for unit in plan.units:
        if unit.path is None:
            lines.append(f"examine image {unit.image}")
            continue
        target = f", target {unit.target}" if unit.target else ""
        names = f", arguments {', '.join(unit.build_args)}" if unit.build_args else ""
        lines.append(
            f"build {unit.image} from {unit.path} (context {unit.context}{target}{names}): its RUN lines are executed"
        )
    lines.append("in each image, read-only and without network:")
    lines.append("  musl's loader on every extension module")
    if "import" in plan.phases:
        lines.append(
            "  import every extension module that the loader accepts (code of the installed distributions runs)"
        )
    return [*lines, *listed()]
