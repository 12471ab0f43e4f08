"""Tar archives in memory, as many tests need them."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping


def tarred(
    files: Mapping[str, bytes | str],
    links: Mapping[str, str] | None = None,
    *,
    mode: int = 0o644,
    modes: Mapping[str, int] | None = None,
) -> bytes:
    """A tar of symbolic ``links`` (name -> target) and of ``files``, with this mode unless ``modes`` has another."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), (modes or {}).get(name, mode)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def packed(files: Mapping[str, bytes | str], *, level: int = 9) -> bytes:
    """The same, packed by gzip: the same bytes each time."""
    return gzip.compress(tarred(files), level, mtime=0)
