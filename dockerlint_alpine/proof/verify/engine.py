"""The container engine as a verification uses it: through the docker SDK, with a time limit for every call.

Everything that is made here carries the label ``alpine-doctor.verify`` with the id of the run, and nothing without that
label is ever removed.
"""

from __future__ import annotations

import contextlib
import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dockerlint_alpine.proof.verify.clock import Deadline, items_until
from dockerlint_alpine.proof.verify.errors import NotVerifiedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.elf.address import EngineAddress

LABEL = "alpine-doctor.verify"
PROJECT_LABEL = "alpine-doctor.project"
MAX_OUTPUT = 16 * 1024 * 1024
_CALL = 120
"""Seconds that one call to the engine may take where nothing else is said."""


class ImageInfo(Struct, frozen=True):
    """An image as the engine describes it. ``healthcheck`` is its ``Test``, ``()`` where it has none."""

    id: str
    arch: str
    environment: Mapping[str, str]
    user: str
    workdir: str
    command: tuple[str, ...]
    healthcheck: tuple[str, ...]
    digests: tuple[str, ...]


class Ran(Struct, frozen=True):
    """How a container that was run to its end has ended."""

    code: int
    output: bytes


class Surroundings(Struct, frozen=True):
    """How the container that is meant runs, where it is not as the image says: a compose service's own settings."""

    environment: Mapping[str, str] | None = None
    user: str | None = None
    workdir: str | None = None


class Engine:
    """A connection. Raises :class:`NotVerifiedError` where the engine does not answer."""

    def __init__(self, address: EngineAddress) -> None:
        import docker
        from docker.utils import kwargs_from_env

        self.address = address
        options: dict[str, Any] = {"base_url": address.url, "timeout": _CALL, "version": "auto"}
        if address.said_by == "DOCKER_HOST":
            options = {**kwargs_from_env(), **options}
        with self.talking(f"engine {address.url} ({address.said_by})"):
            self.client = docker.DockerClient(**options)

    @contextlib.contextmanager
    def talking(self, what: str) -> Iterator[None]:
        """Turn what the SDK raises into one line."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            yield
        except (DockerException, RequestException, OSError) as error:
            if isinstance(error, (InterruptedError, ConnectionAbortedError)):
                raise
            raise NotVerifiedError(f"{what}: {' '.join(str(error).split())[:400]}") from None

    @cached_property
    def facts(self) -> dict[str, str]:
        """Name, version, API version, system and architecture: what a report says of the engine."""
        with self.talking("engine"):
            version = self.client.version()
        components = version.get("Components") or [{}]
        return {
            "name": str(components[0].get("Name", "Engine")),
            "version": str(version.get("Version", "")),
            "api": str(version.get("ApiVersion", "")),
            "platform": f"{version.get('Os', '')}/{version.get('Arch', '')}",
        }

    @property
    def podman(self) -> bool:
        """Whether Podman answers: its timers for health checks may never fire."""
        return "podman" in self.facts["name"].lower()

    def close(self) -> None:
        """End the connection."""
        self.client.close()

    # Images.

    def image(self, name: str) -> ImageInfo:
        """Describe an image. Raises :class:`NotVerifiedError` where it is not there."""
        with self.talking(f"image {name}"):
            found = self.client.images.get(name).attrs
        config = found.get("Config") or {}
        pairs = (text.partition("=") for text in config.get("Env") or ())
        return ImageInfo(
            id=found["Id"],
            arch=str(found.get("Architecture", "")),
            environment={name: value for name, _, value in pairs},
            user=config.get("User") or "",
            workdir=config.get("WorkingDir") or "/",
            command=tuple(config.get("Cmd") or ()),
            healthcheck=tuple((config.get("Healthcheck") or {}).get("Test") or ()),
            digests=tuple(found.get("RepoDigests") or ()),
        )

    def has_image(self, name: str) -> bool:
        """Whether an image of this name is there, without a pull."""
        from docker.errors import ImageNotFound

        with self.talking(f"image {name}"):
            try:
                self.client.images.get(name)
            except ImageNotFound:
                return False
        return True

    def build(self, options: Mapping[str, Any], deadline: Deadline) -> Iterator[str]:
        """Build through the SDK (the classic builder): lines of its log; the last is ``error: ...`` where it failed.

        ``options`` are those of ``APIClient.build``. Raises :class:`NotVerifiedError` at the deadline.
        """
        with self.talking("build"):
            for event in items_until(
                deadline, "the build", lambda: self.client.api.build(decode=True, rm=True, forcerm=True, **options)
            ):
                if "stream" in event:
                    yield from str(event["stream"]).splitlines()
                if "error" in event:
                    yield f"error: {' '.join(str(event['error']).split())}"

    # What a run leaves behind.

    def remove(self, filters: Mapping[str, Any]) -> list[str]:
        """Remove containers, networks, volumes and images with these labels; what was removed, one line each."""
        from docker.errors import APIError, NotFound

        api, gone = self.client.api, list[str]()
        with self.talking("removal"):
            for one in api.containers(all=True, filters=dict(filters)):
                with contextlib.suppress(NotFound):
                    api.remove_container(one["Id"], force=True, v=True)
                    gone.append(f"container {(one.get('Names') or [one['Id'][:12]])[0].lstrip('/')}")
            for one in api.networks(filters=dict(filters)):
                with contextlib.suppress(NotFound):
                    api.remove_network(one["Id"])
                    gone.append(f"network {one['Name']}")
            for one in (api.volumes(filters=dict(filters)) or {}).get("Volumes") or ():
                with contextlib.suppress(NotFound):
                    api.remove_volume(one["Name"], force=True)
                    gone.append(f"volume {one['Name']}")
            for one in api.images(filters={**filters}):
                names = [tag for tag in one.get("RepoTags") or () if tag.startswith("adv/")]
                for name in names or [one["Id"]]:
                    with contextlib.suppress(NotFound, APIError):  # a user's own container or tag may rest on it
                        api.remove_image(name, force=False, noprune=False)
                        gone.append(f"image {name}")
        return gone


class Container(Struct, frozen=True):
    """How the commands that a level asks are run in an image: one container for each, without network and without a way
    to write, as the image says (USER, WORKDIR, ENV) or as ``around`` does."""

    engine: Engine
    image: str
    labels: Mapping[str, str]
    deadline: Deadline
    around: Surroundings

    def run(self, entrypoint: Sequence[str], command: Sequence[str]) -> Ran:
        """Run a command to its end, and remove the container.

        No network, a read-only root, no new privileges. The default capabilities stay: without them root could not read
        what it can read in the container that is meant. Raises :class:`NotVerifiedError` at the deadline, and where the
        container can't be started.
        """
        api = self.engine.client.api
        with self.engine.talking(f"a container of {self.image}"):
            host = api.create_host_config(
                network_mode="none",
                read_only=True,
                security_opt=["no-new-privileges"],
                pids_limit=512,
                auto_remove=False,
            )
            made = api.create_container(
                self.image,
                command=list(command),
                entrypoint=list(entrypoint),
                labels=dict(self.labels),
                host_config=host,
                environment=dict(self.around.environment or {}),
                user=self.around.user,
                working_dir=self.around.workdir,
                healthcheck={"test": ["NONE"]},
                stdin_open=False,
            )
            try:
                api.start(made["Id"])
                ended = self._wait(made["Id"])
                output = bytearray()
                for chunk in api.logs(made["Id"], stream=True, follow=False):
                    output += chunk[: MAX_OUTPUT - len(output)]
                return Ran(int(ended.get("StatusCode", 255)), bytes(output))
            finally:
                api.remove_container(made["Id"], force=True, v=True)

    def _wait(self, container: str) -> Mapping[str, Any]:
        from requests.exceptions import ConnectionError as Broken
        from requests.exceptions import Timeout

        try:
            ended: Mapping[str, Any] = self.engine.client.api.wait(
                container, timeout=max(1, math.ceil(self.deadline.left))
            )
        except (Timeout, Broken):
            if self.deadline.over:
                raise NotVerifiedError(f"a container of {self.image} did not finish in time") from None
            raise
        return ended


def label_filter(run: str | None = None) -> dict[str, Any]:
    """The filter for what one run, or all runs, have made."""
    return {"label": [f"{LABEL}={run}" if run is not None else LABEL]}
