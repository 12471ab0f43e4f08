"""All checks, one module per finding code: adding a file adds a code."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, cast

from dockerlint_alpine.checks.base import Check, Subject

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Finding

__all__ = ["CHECKS", "Check", "Subject", "check_by_topic", "check_of"]


def _found() -> tuple[Check, ...]:
    """The check of every module in this folder that is called by a code."""
    names = (module.name for module in iter_modules(__path__))
    checks = (import_module(f"{__name__}.{name}").CHECK for name in names if name[2:5].isdecimal())
    return tuple(sorted((cast("Check", check) for check in checks), key=lambda check: check.code))


CHECKS: tuple[Check, ...] = _found()
"""In the order of their codes."""

_BY_CODE = {check.code: check for check in CHECKS}


def check_of(finding: Finding) -> Check:
    """The check that made a finding."""
    return _BY_CODE[finding.code]


def check_by_topic(topic: str) -> Check | None:
    """The check with this code or name; case does not count."""
    wanted = topic.lower()
    return next((check for check in CHECKS if wanted in {check.code.lower(), check.name}), None)
