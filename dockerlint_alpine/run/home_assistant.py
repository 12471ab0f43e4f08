"""Home Assistant's add-ons (apps): the base image of each architecture, and build arguments.

home-assistant/builder and the Supervisor read ``build.yaml`` or ``build.json`` beside the Dockerfile (``build_from``,
``args``; developers.home-assistant.io: app configuration, "build"). To an app without such a file the Supervisor gives its
own base image as ``BUILD_FROM``, the newest one (supervisor/addons/build.py: ``base_image``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dockerlint_alpine.system.files import read_file
from dockerlint_alpine.system.patterns import lazy_pattern

_NAMES = ("build.yaml", "build.yml", "build.json")
_CONFIGURATIONS = ("config.yaml", "config.yml", "config.json")
_ASKS_FOR_BASE = lazy_pattern(rb"(?im)^[ \t]*ARG[ \t]+BUILD_FROM[ \t]*\r?$")
_MAX_SIZE = 64 * 1024
_PLATFORMS = {
    "amd64": "linux/amd64",
    "aarch64": "linux/arm64",
    "armv7": "linux/arm/v7",
    "armhf": "linux/arm/v6",
    "i386": "linux/386",
}
"""Home Assistant's architectures and Docker's platforms (home-assistant/builder: ``--arch``)."""


def read_bases(dockerfile: Path) -> list[tuple[str, Mapping[str, str]]]:
    """Docker platform and build arguments of each build that a file beside the Dockerfile speaks of; none where there is no
    such file.

    What can't be read says nothing: it is the builder's file, not what was asked about.
    """
    found = _read(dockerfile.parent, _NAMES)
    if found is None:
        return _of_the_supervisor(dockerfile)
    bases, given = found.get("build_from"), found.get("args")
    if not isinstance(bases, dict):
        return []
    args = {str(name): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    return [
        (_PLATFORMS[arch], {**args, "BUILD_FROM": base, "BUILD_ARCH": str(arch)})
        for arch, base in bases.items()
        if arch in _PLATFORMS and isinstance(base, str)
    ]


def _of_the_supervisor(dockerfile: Path) -> list[tuple[str, Mapping[str, str]]]:
    """The builds of an app whose Dockerfile wants ``BUILD_FROM`` and has no value of its own."""
    found = _read(dockerfile.parent, _CONFIGURATIONS)
    if not found or "slug" not in found:
        return []
    try:
        asked = _ASKS_FOR_BASE.search(read_file(dockerfile, limit=_MAX_SIZE))
    except OSError:
        return []
    told = found.get("arch", list(_PLATFORMS))
    if asked is None or not isinstance(told, list):
        return []
    archs = dict.fromkeys(arch for arch in told if isinstance(arch, str) and arch in _PLATFORMS)
    return [
        (_PLATFORMS[arch], {"BUILD_FROM": f"ghcr.io/home-assistant/{arch}-base:latest", "BUILD_ARCH": arch})
        for arch in archs
    ]


def _read(folder: Path, names: tuple[str, ...]) -> Mapping[str, object] | None:
    """The first of these files that a folder has, empty where it is not a table; ``None`` where it has none."""
    top = os.path.join(folder, "")  # noqa: PTH118 - asked of every folder with a Dockerfile
    place = next(filter(os.path.isfile, (top + name for name in names)), None)
    if place is None:
        return None
    from dockerlint_alpine.system.yaml_text import YamlError, load_yaml

    try:
        _, found = load_yaml(read_file(place, limit=_MAX_SIZE, within=folder))
    except (OSError, YamlError):
        return {}
    return found if isinstance(found, dict) else {}
