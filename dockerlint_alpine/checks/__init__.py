"""All checks, one module per finding code."""

from __future__ import annotations

from dockerlint_alpine.checks import (
    ad0_suppressions,
    ad9_could_not_judge,
    ad101_missing_build_library,
    ad102_missing_build_tool,
    ad103_implicit_build_library,
    ad201_missing_runtime_library,
    ad202_removed_runtime_library,
    ad203_missing_dlopen_library,
    ad301_unknown_package,
    ad302_stale_pin,
    ad303_invisible_python_package,
    ad401_build_package_in_final_image,
    ad402_unneeded_build_package,
    ad501_glibc_binary,
    ad502_compiled_without_wheel,
)
from dockerlint_alpine.checks.base import Check, Subject

__all__ = ["CHECKS", "Check", "Subject", "check_by_topic"]

CHECKS: tuple[Check, ...] = (
    *ad0_suppressions.CHECKS,
    ad101_missing_build_library.CHECK,
    ad102_missing_build_tool.CHECK,
    ad103_implicit_build_library.CHECK,
    ad201_missing_runtime_library.CHECK,
    ad202_removed_runtime_library.CHECK,
    ad203_missing_dlopen_library.CHECK,
    ad301_unknown_package.CHECK,
    ad302_stale_pin.CHECK,
    ad303_invisible_python_package.CHECK,
    ad401_build_package_in_final_image.CHECK,
    ad402_unneeded_build_package.CHECK,
    ad501_glibc_binary.CHECK,
    ad502_compiled_without_wheel.CHECK,
    *ad9_could_not_judge.CHECKS,
)
"""In the order of their codes."""


def check_by_topic(topic: str) -> Check | None:
    """The check with this code or name; case does not count."""
    wanted = topic.lower()
    return next((check for check in CHECKS if wanted in {check.code.lower(), check.name}), None)
