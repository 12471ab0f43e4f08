"""A compose file as a model: the normalised document, and what a verification wants to know of each service.

``docker compose config --format json`` gives the document where there is a compose; :mod:`.subset` gives the same shape for
the part of the specification that is supported without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.proof.verify.clock import seconds_of
from dockerlint_alpine.proof.verify.errors import PlanError
from dockerlint_alpine.proof.verify.expectations import EXTENSION, Expectations, read_expectations
from dockerlint_alpine.system.patterns import lazy_pattern

Condition: TypeAlias = Literal["service_started", "service_healthy", "service_completed_successfully"]
Document: TypeAlias = dict[str, Any]

_SERVICE_KIND = lazy_pattern(r"service:(.+)")
_URL = lazy_pattern(
    r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(?P<port>\d+))?(?P<path>/[^\s'\"|;&)]*)?"
)
_WELL_KNOWN = {
    5432: "PostgreSQL",
    3306: "MySQL",
    6379: "Redis",
    8123: "ClickHouse",
    27017: "MongoDB",
    5672: "RabbitMQ",
    9092: "Kafka",
    9200: "Elasticsearch",
    11211: "memcached",
}


class Health(Struct, frozen=True):
    """A health check: the command as ``Test`` has it, and its times in seconds."""

    test: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0

    @property
    def patience(self) -> float:
        """Seconds after which a service that is not healthy never will be, by its own numbers, and ten more."""
        return self.start_period + self.retries * (self.interval + self.timeout) + 10

    @property
    def url(self) -> tuple[int, str] | None:
        """Port and path of the address that the command asks, where it asks one."""
        match = _URL.search(" ".join(self.test))
        return (int(match["port"] or 80), match["path"] or "/") if match else None


class Service(Struct, frozen=True):
    """One service. ``needs`` are those it waits for, and how; ``ports`` pairs container ports with what is published."""

    name: str
    image: str | None
    build: Mapping[str, Any] | None
    needs: Mapping[str, Condition]
    ports: tuple[tuple[int, str], ...]
    health: Health | None
    profiles: tuple[str, ...]
    environment: Mapping[str, str]
    user: str | None
    workdir: str | None
    expectations: Expectations
    waited_to_end: bool = False

    @property
    def one_shot(self) -> bool:
        """Whether the service has done its work when it exits with 0."""
        said = self.expectations.one_shot
        return said if said is not None else self.waited_to_end

    @property
    def title(self) -> str:
        """What it is called in a table, by its well-known port; for naming only."""
        return next((_WELL_KNOWN[port] for port, _ in self.ports if port in _WELL_KNOWN), "")


class Composed(Struct, frozen=True):
    """A compose file. ``document`` is as compose prints and reads it, or as it is written where there is no compose."""

    path: Path
    document: Document
    services: Mapping[str, Service]

    def order(self, names: Sequence[str]) -> list[str]:
        """These services and all they need, each behind what it needs. Raises :class:`PlanError` for a circle."""
        done: dict[str, None] = {}
        path: list[str] = []

        def visit(name: str) -> None:
            if name in done:
                return
            if name in path:
                raise PlanError(
                    f"{self.path}: services wait for each other: {' -> '.join([*path[path.index(name) :], name])}"
                )
            if name not in self.services:
                raise PlanError(f"{self.path}: no service {name!r} (available: {', '.join(self.services)})")
            path.append(name)
            for needed in self.services[name].needs:
                visit(needed)
            path.pop()
            done[name] = None

        for name in names:
            visit(name)
        return list(done)


def read_model(path: Path, document: Document, extensions: Mapping[str, Any], *, escaped: bool) -> Composed:
    """Make the model of a normalised document. ``extensions`` are the services' ``x-alpine-doctor`` as written.

    Raises :class:`PlanError` for what can't be right.
    """
    services = document.get("services")
    if not isinstance(services, dict) or not services:
        raise PlanError(f"{path}: it has no services")
    plain = _unescaped(services) if escaped else services
    waited = {
        name for one in plain.values() for name, how in _needs(one).items() if how == "service_completed_successfully"
    }
    found = {
        name: _service(path, name, one, extensions.get(name), waited_to_end=name in waited)
        for name, one in plain.items()
    }
    return Composed(path, document, found)


def _service(path: Path, name: str, one: Document, extension: Any, *, waited_to_end: bool) -> Service:
    where = f"{path}: services.{name}"
    return Service(
        name=name,
        image=one.get("image"),
        build=one.get("build"),
        needs=_needs(one),
        ports=tuple(_ports(one)),
        health=_health(one.get("healthcheck"), f"{where}.healthcheck"),
        profiles=tuple(one.get("profiles") or ()),
        environment={key: "" if value is None else str(value) for key, value in (one.get("environment") or {}).items()},
        user=str(one["user"]) if one.get("user") is not None else None,
        workdir=one.get("working_dir"),
        expectations=read_expectations(extension, f"{where}.{EXTENSION}"),
        waited_to_end=waited_to_end,
    )


def _needs(one: Document) -> dict[str, Condition]:
    """Declared and implied: who shares another service's network, processes or volumes needs it started."""
    found: dict[str, Condition] = {}
    for key in ("network_mode", "pid", "ipc"):
        match = _SERVICE_KIND.fullmatch(str(one.get(key) or ""))
        if match:
            found[match[1]] = "service_started"
    for link in one.get("links") or ():
        found[str(link).partition(":")[0]] = "service_started"
    for source in one.get("volumes_from") or ():
        if not str(source).startswith("container:"):
            found[str(source).partition(":")[0]] = "service_started"
    for name, how in (one.get("depends_on") or {}).items():
        found[name] = (how or {}).get("condition", "service_started")
    return found


def _ports(one: Document) -> Iterator[tuple[int, str]]:
    for port in one.get("ports") or ():
        if port.get("protocol", "tcp") == "tcp" and str(port.get("target", "")).isdigit():
            yield int(port["target"]), str(port.get("published") or "")


def _health(given: Any, where: str) -> Health | None:
    if not isinstance(given, dict) or given.get("disable"):
        return None
    test = given.get("test")
    words = ("CMD-SHELL", test) if isinstance(test, str) else tuple(map(str, test or ()))
    if not words or words[0] == "NONE":
        return None
    times: dict[str, Any] = {
        name: seconds_of(given[name], f"{where}.{name}")
        for name in ("interval", "timeout", "start_period")
        if given.get(name) is not None
    }
    retries = given.get("retries")
    return Health(words, **times, **({"retries": int(retries)} if retries is not None else {}))


def image_health(test: Sequence[str]) -> Health | None:
    """The health check of an image's own, with the engine's default times."""
    return Health(tuple(test)) if test and test[0] != "NONE" else None


def _unescaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, dict):
        return {key: _unescaped(one) for key, one in value.items()}
    return [_unescaped(one) for one in value] if isinstance(value, list) else value


def isolated(
    composed: Composed, names: Sequence[str], project: str, labels: Mapping[str, str], images: Mapping[str, str]
) -> Document:
    """The document that is really run: only these services, under names, labels, ports and volumes of the run's own.

    Ports of the project and of its probes are published on the loopback interface, each where the engine finds room; nothing
    restarts (a loop of restarts looks like running); nothing is built, pulled or named as the user's own containers are.
    ``images`` are the images of services that were built.
    """
    document: Document = {"name": project, "services": {}}
    for name in names:
        one = dict(composed.document["services"][name])
        for key in ("build", "container_name", "profiles", "depends_on", "develop", EXTENSION):
            one.pop(key, None)
        deploy = dict(one.get("deploy") or {})
        deploy.pop("restart_policy", None)
        if deploy:
            one["deploy"] = deploy
        service = composed.services[name]
        ports = dict.fromkeys([*(port for port, _ in service.ports), *service.expectations.ports])
        if not str(one.get("network_mode") or "").startswith(("service:", "container:", "host", "none")):
            one["ports"] = [
                {"mode": "ingress", "target": port, "protocol": "tcp", "host_ip": "127.0.0.1"} for port in ports
            ]
        one |= {"restart": "no", "pull_policy": "never", "image": images.get(name) or one.get("image")}
        one["labels"] = {**_as_map(one.get("labels")), **labels, SERVICE_LABEL: name}
        document["services"][name] = one
    for kind in ("networks", "volumes"):
        for key, one in (composed.document.get(kind) or {}).items():
            settings = dict(one or {})
            if not settings.get("external"):
                settings |= {"name": f"{project}_{key}", "labels": {**_as_map(settings.get("labels")), **labels}}
            document.setdefault(kind, {})[key] = settings
    for kind in ("secrets", "configs"):
        if composed.document.get(kind):
            document[kind] = composed.document[kind]
    return document


SERVICE_LABEL = "alpine-doctor.service"


def _as_map(labels: Any) -> dict[str, str]:
    if isinstance(labels, list):
        return {text.partition("=")[0]: text.partition("=")[2] for text in map(str, labels)}
    return dict(labels or {})


def chosen(composed: Composed, names: Sequence[str], active_profiles: Sequence[str]) -> list[str]:
    """The services to run: those named, or all without a profile (or with an active one), each with what it needs."""
    wanted = list(names) or [
        name
        for name, one in composed.services.items()
        if not one.profiles or set(one.profiles) & set(active_profiles) or "*" in active_profiles
    ]
    if not wanted:
        raise PlanError(f"{composed.path}: every service has a profile: name the services to verify")
    return composed.order(wanted)
