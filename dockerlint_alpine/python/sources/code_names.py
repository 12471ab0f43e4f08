"""Names and literals in Python code: as they are written, and what names that ask for the system stand for on Alpine."""

from __future__ import annotations

from typing import TypeAlias

import libcst as cst

from dockerlint_alpine.system.native import PYTHON_PARSER

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


Literal: TypeAlias = "cst.SimpleString | cst.ConcatenatedString | cst.Integer | cst.Float"


def literal(node: Literal) -> str | bytes | int | float | None:
    """The value of a string or a number; ``None`` of a string that is made of others at run time."""
    with PYTHON_PARSER:
        return node.evaluated_value
