"""Compose as a program: found, asked for its model, and used to create and start services.

It is given the whole isolated document on standard input, so that no override can leave anything of the user's own in, and
nothing that it holds is written to a disk. ``up --wait`` is not used: its exit code fails for a service that ends with 0,
and it hangs where a dependency dies (docker/compose#10042); what becomes of a service is watched instead.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dockerlint_alpine.proof.verify.errors import NotVerifiedError, PlanError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dockerlint_alpine.proof.verify.clock import Deadline

_ASK = 60


class Compose(Struct, frozen=True):
    """The words that start it, and its version."""

    words: tuple[str, ...]
    version: str

    def model(self, path: Path, variables: Mapping[str, str]) -> dict[str, Any]:
        """Give the normalised document of a compose file, all profiles included. Raises :class:`PlanError`."""
        command = [*self.words, "-f", str(path), "--profile", "*", "config", "--format", "json"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_ASK, check=False, env=dict(variables))  # noqa: S603 - words, no shell
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotVerifiedError(f"{self.words[0]}: {error}") from None
        if done.returncode != 0:
            said = " ".join(done.stderr.decode("utf-8", "replace").split())[-400:]
            raise PlanError(f"{path}: {said or 'compose refuses it'}")
        try:
            document = json.loads(done.stdout)
        except ValueError as error:
            raise NotVerifiedError(f"{self.words[0]} config: not JSON: {error}") from None
        if not isinstance(document, dict):
            raise NotVerifiedError(f"{self.words[0]} config: no model")
        return document

    def start(
        self, document: Mapping[str, Any], folder: Path, names: Sequence[str], host: str, deadline: Deadline
    ) -> tuple[int, list[str]]:
        """Create and start these services, not what they depend on: exit code and output.

        Raises :class:`NotVerifiedError` at the deadline.
        """
        project = str(document["name"])
        command = [*self.words, "--project-name", project, "--project-directory", str(folder), "-f", "-"]
        command += ["up", "--detach", "--no-deps", "--no-build", "--quiet-pull", *names]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("COMPOSE_")}
        environment |= {"DOCKER_HOST": host, "COMPOSE_ANSI": "never", "COMPOSE_PROGRESS": "plain"}
        environment.pop("DOCKER_CONTEXT", None)
        try:
            done = subprocess.run(  # noqa: S603 - words, no shell
                command,
                input=json.dumps(document, default=str).encode(),
                capture_output=True,
                timeout=max(1.0, deadline.left),
                check=False,
                env=environment,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise NotVerifiedError(f"start of {', '.join(names)} did not finish in time") from None
        except OSError as error:
            raise NotVerifiedError(f"{self.words[0]}: {error.strerror or error}") from None
        lines = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace").splitlines()
        return done.returncode, [line for line in lines if line.strip()]


def find_compose(choice: str) -> Compose | None:
    """Find compose 2 or later: ``auto`` looks for ``docker compose`` and ``docker-compose``, ``none`` for nothing.

    Anything else is taken for the words that start it.
    Raises :class:`PlanError` for words that are no such compose.
    """
    if choice == "none":
        return None
    if choice != "auto":
        words = tuple(shlex.split(choice))
        if not words or "podman-compose" in words[0]:
            raise PlanError(f"--compose {choice}: Compose 2 or later is needed (podman-compose is not)")
        found = _version(words)
        if found is None:
            raise PlanError(f"--compose {choice}: no compose 2 or later")
        return found
    for words in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(words[0]) is not None:
            found = _version(words)
            if found is not None:
                return found
    return None


def _version(words: tuple[str, ...]) -> Compose | None:
    try:
        done = subprocess.run([*words, "version", "--short"], capture_output=True, timeout=_ASK, check=False)  # noqa: S603 - as above
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(rb"v?(\d+)\.\d+\S*", done.stdout)
    if done.returncode != 0 or match is None or int(match[1]) < 2:
        return None
    return Compose(words, match[0].decode().removeprefix("v"))
