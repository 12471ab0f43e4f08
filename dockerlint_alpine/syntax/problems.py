"""What is wrong with the text itself. Nothing in this package raises for bad input; it records."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class SyntaxProblem(Struct, frozen=True):
    """One thing that BuildKit (or a shell) refuses or warns about.

    ``line`` is 1-based, counted in the file; 0 where the text is not in the file. ``severity`` is ``error`` where the
    build would stop.
    """

    line: int
    message: str
    severity: Literal["error", "warning"] = "error"
