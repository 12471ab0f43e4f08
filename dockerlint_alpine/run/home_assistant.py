"""``build.yaml`` and ``build.json`` of Home Assistant's builder: the base image of each architecture, and build arguments.

home-assistant/builder reads them beside the Dockerfile (``build_from``, ``args``; developers.home-assistant.io: app
configuration, "build").
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dockerlint_alpine.system.files import read_file

_NAMES = ("build.yaml", "build.yml", "build.json")
_MAX_SIZE = 64 * 1024
_PLATFORMS = {
    "amd64": "linux/amd64",
    "aarch64": "linux/arm64",
    "armv7": "linux/arm/v7",
    "armhf": "linux/arm/v6",
    "i386": "linux/386",
}
"""Home Assistant's architectures and Docker's platforms (home-assistant/builder: ``--arch``)."""


def read_bases(folder: Path) -> list[tuple[str, Mapping[str, str]]]:
    """Docker platform and build arguments of each build that a folder's file speaks of; none where there is no such file.

    What can't be read says nothing: it is the builder's file, not what was asked about.
    """
    top = os.path.join(folder, "")  # noqa: PTH118 - asked of every folder with a Dockerfile
    place = next(filter(os.path.isfile, (top + name for name in _NAMES)), None)
    if place is None:
        return []
    from dockerlint_alpine.system.yaml_text import YamlError, load_yaml

    try:
        _, found = load_yaml(read_file(place, limit=_MAX_SIZE, within=folder))
    except (OSError, YamlError):
        return []
    bases = found.get("build_from") if isinstance(found, dict) else None
    if not isinstance(bases, dict):
        return []
    given = found.get("args")
    args = {str(name): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    return [
        (_PLATFORMS[arch], {**args, "BUILD_FROM": base, "BUILD_ARCH": str(arch)})
        for arch, base in bases.items()
        if arch in _PLATFORMS and isinstance(base, str)
    ]
