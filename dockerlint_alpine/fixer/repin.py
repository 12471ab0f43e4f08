"""Changes the version of a requirement that is a plain pin, in the Dockerfile itself or in a requirements file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerlint_alpine.fixer.textlist import context_bytes
from dockerlint_alpine.model.findings import TextEdit

if TYPE_CHECKING:
    from dockerlint_alpine.stages.model import Installed, InstallStep, Timeline

_FILES = (".txt", ".in")


def repinned(timeline: Timeline, step: InstallStep, item: Installed, version: str) -> TextEdit | None:
    """The edit that asks for ``version`` in place of the one that is pinned; ``None`` where ``item`` comes along with
    another distribution, is locked, has a hash, or is not pinned by ``==`` at one place."""
    resolved = item.resolved
    if not resolved.chain or resolved.chain[-1] != str(resolved.origin) or resolved.version is None:
        return None
    dockerfile, origin = timeline.dockerfile, resolved.origin
    data = context_bytes(step.moment.files.context, origin.path)
    path: str | None = origin.path
    if data is None or data == dockerfile.data:
        if step.written is not None or origin.line is None:
            return None
        data, path, (start, end) = dockerfile.data, None, step.span
    elif origin.line is None or not origin.path.endswith(_FILES):
        return None
    else:
        lines = data.split(b"\n")[: origin.line]
        start, end = sum(len(line) + 1 for line in lines[:-1]), sum(len(line) + 1 for line in lines) - 1
        if data[start:end].rstrip().endswith(b"\\") or b"--hash" in data[start:end]:
            return None
    name = re.escape(resolved.name).replace(r"\-", "[-_.]+")
    pin = rf"(?i)(?<![\w./-]){name}(?:\[[^\]\n]*\])?[ \t]*===?[ \t]*({re.escape(resolved.version)})(?![\w.*+!-])"
    found = list(re.finditer(pin.encode(), data[start:end]))
    if len(found) != 1:
        return None
    return TextEdit(start + found[0].start(1), start + found[0].end(1), version, path)
