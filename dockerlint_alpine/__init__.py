"""alpine-doctor: finds the apk packages that a Python image on Alpine is missing, before the build, with evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.model.about import DOCS_URL, __version__

__all__ = ["DOCS_URL", "FixResult", "Report", "Settings", "__version__", "analyze", "fix"]

_EXPORTS = {
    "FixResult": "dockerlint_alpine.run.analysis",
    "Settings": "dockerlint_alpine.run.config",
    "Report": "dockerlint_alpine.model.reports",
    "analyze": "dockerlint_alpine.run.analysis",
    "fix": "dockerlint_alpine.run.analysis",
}

if TYPE_CHECKING:
    from dockerlint_alpine.model.reports import Report
    from dockerlint_alpine.run.analysis import FixResult, analyze, fix
    from dockerlint_alpine.run.config import Settings


def __getattr__(name: str) -> object:
    """Import the library only when it is asked for: ``--version`` needs none of it (PEP 562)."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_EXPORTS[name]), name)
