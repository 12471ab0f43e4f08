"""Names in Python code: as they are written, and what those that ask for the system stand for on Alpine."""

from __future__ import annotations

import libcst as cst

SYSTEM = {"sys.platform": "linux", "os.name": "posix", "platform.system()": "Linux"}
"""What the usual questions about the system answer on Alpine."""


def dotted(node: cst.CSTNode) -> str:
    """``a.b().c`` as written, without arguments; what is left of it for anything else at its root, ``""`` for that alone."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if isinstance(node, cst.Name):
        parts.append(node.value)
    elif isinstance(node, cst.Call):
        parts.append(f"{dotted(node.func)}()")
    return ".".join(reversed(parts))
