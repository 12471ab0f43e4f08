"""What is refused unless ``--allow`` permits it: access to anything but the containers of the verification itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_SOCKETS = ("docker.sock", "podman.sock", "containerd.sock", "crio.sock", "buildkitd.sock")
_OFF: tuple[object, ...] = (None, "", False, [], {})


def refusals(document: Mapping[str, Any], names: Sequence[str], root: Path, allowed: frozenset[str]) -> list[str]:
    """What of these services is refused, one line each with its path in the file and the word that would allow it."""
    found: list[str] = []
    for name in names:
        for word, where, what in _reaches(document["services"][name], f"services.{name}", root):
            if word not in allowed:
                remedy = f": --allow {word} would run it" if word else ""
                found.append(f"{where} {what} is refused{remedy}")
    for kind in ("networks", "volumes", "secrets", "configs"):
        for key, given in (document.get(kind) or {}).items():
            one, named = given or {}, f"{kind}.{key}"
            if one.get("external") and "external" not in allowed:
                found.append(
                    f"{named} is not the project's own (external) and is refused: --allow external would use it"
                )
            device = (one.get("driver_opts") or {}).get("device")
            if device and "bind" not in allowed and _outside(str(device), root):
                found.append(f"{named}.driver_opts.device {device} is refused: --allow bind would run it")
            file = one.get("file")
            if file and "bind" not in allowed and _outside(str(file), root):
                found.append(f"{named}.file {file} is outside the project and is refused: --allow bind would use it")
    return found


_PRIVILEGES = (
    "privileged", "cap_add", "devices", "security_opt", "device_cgroup_rules", "cgroup_parent", "gpus", "runtime",
    "credential_spec",
)  # fmt: skip


def _reaches(one: Mapping[str, Any], where: str, root: Path) -> Iterator[tuple[str, str, str]]:
    """The word of ``--allow`` (none: nothing allows it), the path in the file and what it says."""
    for key in _PRIVILEGES:
        if one.get(key) not in _OFF:
            yield "privileged", f"{where}.{key}", ""
    for key in ("network_mode", "pid", "ipc", "userns_mode", "uts", "cgroup"):
        value = str(one.get(key) or "")
        if value == "host" or value.startswith("container:"):
            yield "host-network", f"{where}.{key}", value
    for source in one.get("volumes_from") or ():
        if str(source).startswith("container:"):
            yield "bind", f"{where}.volumes_from", str(source)
    for link in one.get("external_links") or ():
        yield "external", f"{where}.external_links", str(link)
    yield from _mounted(one, where, root)
    if one.get("use_api_socket"):
        yield "socket", f"{where}.use_api_socket", ""
    if one.get("provider"):
        yield "", f"{where}.provider", "(a program of this machine)"
    yield from _built(one.get("build") or {}, f"{where}.build", root)


def _mounted(one: Mapping[str, Any], where: str, root: Path) -> Iterator[tuple[str, str, str]]:
    for number, mount in enumerate(one.get("volumes") or ()):
        source = str(mount.get("source") or "")
        if mount.get("type") != "bind":
            continue
        if source.endswith(_SOCKETS) or os.path.realpath(source).endswith(_SOCKETS):
            yield "socket", f"{where}.volumes[{number}]", source
        elif _outside(source, root):
            yield "bind", f"{where}.volumes[{number}]", f"{source} (outside the project)"


def _built(build: Mapping[str, Any], where: str, root: Path) -> Iterator[tuple[str, str, str]]:
    if build.get("privileged") or build.get("entitlements"):
        yield "privileged", where, ""
    if str(build.get("network") or "") == "host":
        yield "host-network", f"{where}.network", "host"
    for key in ("ssh", "secrets", "additional_contexts", "dockerfile_inline"):
        if build.get(key):
            yield "", f"{where}.{key}", ""
    if build.get("context") and "://" not in str(build["context"]) and _outside(str(build["context"]), root):
        yield "bind", f"{where}.context", f"{build['context']} (outside the project)"


def _outside(path: str, root: Path) -> bool:
    """Whether a path, links followed, leads out of the project."""
    real, top = os.path.realpath(path), os.path.realpath(root)
    return real != top and not real.startswith(top.rstrip("/") + "/")
