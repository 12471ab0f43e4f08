"""Where the container engine listens: as the docker command line would find it, and where others put their sockets.

Order: what the caller names, ``DOCKER_HOST``, the current docker context (``DOCKER_CONTEXT``, else ``currentContext`` of
``config.json``; its address stands in ``contexts/meta/<sha256 of its name>/meta.json``), the default socket, and then the
sockets of Docker Desktop, Colima, Rancher Desktop, OrbStack, rootless Docker and Podman, the first that is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

DEFAULT = "unix:///var/run/docker.sock"
_MAX_CONFIG = 1024 * 1024


class EngineAddress(Struct, frozen=True):
    """A URL that the docker SDK accepts, and who named it, in a few words."""

    url: str
    said_by: str

    @property
    def remote(self) -> bool:
        """Whether it leads to another machine: everything but sockets, pipes and the loopback interface."""
        parts = urlsplit(self.url)
        if parts.scheme in ("unix", "npipe", "http+unix", ""):
            return False
        return not re.fullmatch(r"localhost|127(?:\.\d+){3}|::1", parts.hostname or "")


def find_engine(named: str | None, environment: Mapping[str, str], home: Path | None = None) -> EngineAddress:
    """Give the engine that a command reaches: ``named`` on the command line, else as above; nothing is asked yet."""
    if named:
        return EngineAddress(named if "://" in named else f"unix://{named}", "--engine")
    if environment.get("DOCKER_HOST"):
        return EngineAddress(environment["DOCKER_HOST"], "DOCKER_HOST")
    home = home if home is not None else Path(os.path.expanduser("~"))  # noqa: PTH111 - raises nothing without a home
    found = _of_context(environment, home)
    if found is not None:
        return found
    for path, owner in _sockets(environment, home):
        if _is_socket(path):
            return EngineAddress(f"unix://{path}", owner)
    return EngineAddress(DEFAULT, "the default socket")


def _of_context(environment: Mapping[str, str], home: Path) -> EngineAddress | None:
    folder = Path(environment.get("DOCKER_CONFIG") or home / ".docker")
    name = environment.get("DOCKER_CONTEXT") or _text(_document(folder / "config.json"), "currentContext")
    if not name or name == "default":
        return None
    meta = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
    endpoints = _document(meta).get("Endpoints")
    docker = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = _text(docker if isinstance(docker, dict) else {}, "Host")
    return EngineAddress(host, f"docker context {name}") if host else None


def _document(path: Path) -> dict[str, object]:
    try:
        if not stat.S_ISREG(path.stat().st_mode) or path.stat().st_size > _MAX_CONFIG:
            return {}
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _text(document: Mapping[str, object], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _sockets(environment: Mapping[str, str], home: Path) -> Iterator[tuple[Path, str]]:
    yield Path("/var/run/docker.sock"), "the default socket"
    yield home / ".docker/run/docker.sock", "Docker Desktop's socket"
    colima = Path(environment.get("COLIMA_HOME") or home / ".colima")
    yield colima / "default/docker.sock", "Colima's socket"
    yield colima / "docker.sock", "Colima's socket"
    yield home / ".rd/docker.sock", "Rancher Desktop's socket"
    yield home / ".orbstack/run/docker.sock", "OrbStack's socket"
    run = environment.get("XDG_RUNTIME_DIR")
    if run:
        yield Path(run) / "docker.sock", "rootless Docker's socket"
        yield Path(run) / "podman/podman.sock", "Podman's socket"
    yield Path("/run/podman/podman.sock"), "Podman's socket"


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
