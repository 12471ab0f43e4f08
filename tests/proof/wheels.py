"""Wheels made for tests: real zip files with real objects in them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    members: Mapping[str, bytes | str],
    *,
    tag: str = "cp311-cp311-linux_x86_64",
    requires: Sequence[str] = (),
) -> Path:
    """A wheel as ``pip wheel`` writes it, with METADATA, WHEEL and RECORD; gives its path."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {one}" for one in requires)]
    everything = {
        **members,
        f"{info}/METADATA": "\n".join(lines) + "\n\nText.\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n",
    }
    record = "".join(f"{member},,\n" for member in (*everything, f"{info}/RECORD"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in {**everything, f"{info}/RECORD": record}.items():
            archive.writestr(member, content)
    return path
