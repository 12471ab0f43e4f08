"""Creates and starts services of an isolated document: through compose, or through the SDK for the supported subset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from dockerlint_alpine.proof.verify.clock import Deadline, seconds_of
from dockerlint_alpine.proof.verify.composed import SERVICE_LABEL
from dockerlint_alpine.proof.verify.errors import NotVerifiedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dockerlint_alpine.proof.verify.compose_cli import Compose
    from dockerlint_alpine.proof.verify.engine import Engine


class Launcher(Protocol):
    """Starts services; ``None`` for each that was started, else what was said against it."""

    def start(self, names: Sequence[str], deadline: Deadline) -> Mapping[str, str | None]:
        """Create and start these services, and nothing that they depend on."""


class ComposeLauncher:
    """Starts services through compose."""

    def __init__(self, compose: Compose, document: Mapping[str, Any], folder: Path, host: str) -> None:
        self._compose = compose
        self._document = document
        self._folder = folder
        self._host = host

    def start(self, names: Sequence[str], deadline: Deadline) -> Mapping[str, str | None]:
        """See :class:`Launcher`; services that are released together are started together."""
        code, lines = self._compose.start(self._document, self._folder, names, self._host, deadline)
        if code == 0:
            return dict.fromkeys(names)
        if len(names) > 1:  # whose fault it is shows when each is started by itself
            return {name: self.start([name], deadline)[name] for name in names}
        errors = [line for line in lines if "rror" in line] or lines[-1:]
        return {names[0]: " ".join(" ".join(errors).split())[-400:] or f"compose up ended with {code}"}


class SdkLauncher:
    """Starts services through the docker SDK.

    It knows default and named networks with the service's name as alias, named volumes, binds and tmpfs.
    """

    def __init__(self, engine: Engine, document: Mapping[str, Any], labels: Mapping[str, str]) -> None:
        self._engine = engine
        self._document = document
        self._labels = dict(labels)
        self._networks: dict[str, str] = {}
        self._volumes: set[str] = set()

    def start(self, names: Sequence[str], deadline: Deadline) -> Mapping[str, str | None]:
        """See :class:`Launcher`."""
        found: dict[str, str | None] = {}
        for name in names:
            if deadline.over:
                raise NotVerifiedError(f"start of {name} did not finish in time")
            try:
                self._start(name, self._document["services"][name])
                found[name] = None
            except NotVerifiedError as error:
                found[name] = str(error)
        return found

    def _start(self, name: str, one: Mapping[str, Any]) -> None:
        api = self._engine.client.api
        with self._engine.talking(name):
            networks = {key: self._network(key) for key in one.get("networks") or {"default": None}}
            mounts, binds = self._mounts(one)
            ports: dict[int | str, Any] = {int(port["target"]): ("127.0.0.1", None) for port in one.get("ports") or ()}
            host = api.create_host_config(
                binds=binds,
                port_bindings=ports,
                tmpfs=dict.fromkeys(_listed(one.get("tmpfs")), "") or None,
                init=one.get("init"),
                mounts=mounts,
                restart_policy={"Name": "no"},
            )
            first, *others = networks.items()
            settings = (one.get("networks") or {}).get(first[0]) or {}
            endpoint = api.create_endpoint_config(aliases=[name, *settings.get("aliases", ())])
            made = api.create_container(
                one["image"],
                command=one.get("command"),
                entrypoint=one.get("entrypoint"),
                environment=one.get("environment") or {},
                user=str(one["user"]) if one.get("user") is not None else None,
                working_dir=one.get("working_dir"),
                labels={**one.get("labels", {}), **self._labels, SERVICE_LABEL: name},
                name=f"{self._document['name']}-{name}-1",
                hostname=None,
                ports=list(ports),
                healthcheck=_health(one.get("healthcheck"), name),
                host_config=host,
                networking_config=api.create_networking_config({first[1]: endpoint}),  # type: ignore[arg-type]  # the stubs are wrong
            )
            for key, network in others:
                aliases = ((one.get("networks") or {}).get(key) or {}).get("aliases", ())
                api.connect_container_to_network(made["Id"], network, aliases=[name, *aliases])
            api.start(made["Id"])

    def _network(self, key: str) -> str:
        if key not in self._networks:
            settings = (self._document.get("networks") or {}).get(key) or {}
            if settings.get("external"):
                self._networks[key] = str(settings.get("name") or key)
            else:
                name = str(settings.get("name") or f"{self._document['name']}_{key}")
                self._engine.client.api.create_network(
                    name,
                    driver="bridge",
                    internal=bool(settings.get("internal")),
                    labels=self._labels,
                    check_duplicate=True,
                )
                self._networks[key] = name
        return self._networks[key]

    def _mounts(self, one: Mapping[str, Any]) -> tuple[list[Any], list[str]]:
        """Mounts and binds; the folder of a bind is made where it is not there, as by compose's short form."""
        from docker.types import Mount

        mounts: list[Any] = []
        binds: list[str] = []
        for given in one.get("volumes") or ():
            read_only = bool(given.get("read_only"))
            if given["type"] == "bind":
                binds.append(f"{given['source']}:{given['target']}:{'ro' if read_only else 'rw'}")
            elif given["type"] == "tmpfs":
                mounts.append(Mount(given["target"], None, type="tmpfs"))
            else:
                mounts.append(
                    Mount(given["target"], self._volume(given.get("source")), type="volume", read_only=read_only)
                )
        return mounts, binds

    def _volume(self, key: str | None) -> str | None:
        if key is None:
            return None
        settings = (self._document.get("volumes") or {}).get(key) or {}
        name = str(settings.get("name") or (key if settings.get("external") else f"{self._document['name']}_{key}"))
        if not settings.get("external") and key not in self._volumes:
            self._engine.client.api.create_volume(name, labels=self._labels)
            self._volumes.add(key)
        return name


def _listed(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())


def _health(given: Any, name: str) -> dict[str, Any] | None:
    """A health check as the engine takes it: nanoseconds."""
    if not given:
        return None
    if given.get("disable"):
        return {"test": ["NONE"]}
    found: dict[str, Any] = {"test": list(given.get("test") or ())}
    for key in ("interval", "timeout", "start_period"):
        if given.get(key) is not None:
            found[key] = int(seconds_of(given[key], f"{name}.healthcheck.{key}") * 10**9)
    if given.get("retries") is not None:
        found["retries"] = int(given["retries"])
    return found
