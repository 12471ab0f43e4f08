"""PEP 508 environment markers: the environment of a stage's interpreter and the evaluation of a marker in it.

``packaging`` reads and evaluates them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.utils import canonicalize_name

from dockerlint_alpine.python.model import PythonError, Target
from dockerlint_alpine.system.native import PYTHON_PARSER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

_MACHINES = {
    "linux/amd64": "x86_64",
    "linux/arm64": "aarch64",
    "linux/arm64/v8": "aarch64",
    "linux/arm/v7": "armv7l",
    "linux/arm/v6": "armv6l",
    "linux/arm": "armv7l",
    "linux/386": "i686",
    "linux/ppc64le": "ppc64le",
    "linux/s390x": "s390x",
    "linux/riscv64": "riscv64",
    "linux/loong64": "loongarch64",
}
LATEST_PATCH = 99
"""Stands for the patch number of an image tag that names only ``X.Y``: such a tag moves to the newest."""


class InvalidMarkerError(PythonError):
    """The text is no PEP 508 marker."""


def machine(platform: str) -> str:
    """Return what ``uname -m`` says on a Docker platform (``linux/arm/v7`` -> ``armv7l``); raises ``PythonError``."""
    parts = platform.split("/")
    for length in range(len(parts), 1, -1):
        if (found := _MACHINES.get("/".join(parts[:length]))) is not None:
            return found
    raise PythonError(f"unknown platform: {platform}")


def environment(target: Target) -> dict[str, str]:
    """Return the PEP 508 environment of ``target``. Kernel release and version are unknown and empty."""
    major, minor = target.python_version
    full = target.python if target.python.count(".") > 1 else f"{major}.{minor}.{LATEST_PATCH}"
    pypy = target.implementation == "pp"
    return {
        "implementation_name": "pypy" if pypy else "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": machine(target.platform),
        "platform_python_implementation": "PyPy" if pypy else "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": f"{major}.{minor}",
        "sys_platform": "linux",
    }


@lru_cache(maxsize=8192)
def _parsed(text: str) -> Marker:
    try:
        with PYTHON_PARSER:
            return Marker(text)
    except InvalidMarker as error:
        raise InvalidMarkerError(str(error).splitlines()[0]) from None
    except RecursionError:
        raise InvalidMarkerError("too many parentheses") from None


def check_marker(text: str) -> None:
    """Raise ``InvalidMarkerError`` unless ``text`` is a PEP 508 marker."""
    _parsed(text)


def applies(marker: str | None, values: Mapping[str, str], extras: Iterable[str] = ()) -> bool:
    """Tell whether a marker holds in the environment ``values`` for one of the wanted ``extras`` (or for none of them).

    pip: ``InstallRequirement.match_markers``. Raises ``InvalidMarkerError``.
    """
    if marker is None:
        return True
    wanted = [canonicalize_name(extra) for extra in extras or ("",)]
    return any(_holds(marker, {**values, "extra": extra}) for extra in wanted)


def lock_marker_holds(marker: str, values: Mapping[str, str], extras: Iterable[str], groups: Iterable[str]) -> bool:
    """Evaluate a marker of a lock file, which may ask ``'x' in extras`` and ``'y' in dependency_groups`` (PEP 751).

    Raises ``InvalidMarkerError``.
    """
    chosen = {"extras": extras, "dependency_groups": groups}
    sets = {name: frozenset(map(canonicalize_name, names)) for name, names in chosen.items()}
    return _holds(marker, {**values, **sets})


def _holds(marker: str, values: Mapping[str, str | AbstractSet[str]]) -> bool:
    try:
        return _parsed(marker).evaluate_prepared(values)
    except (UndefinedComparison, UndefinedEnvironmentName) as error:
        raise InvalidMarkerError(str(error).splitlines()[0]) from None
    except RecursionError:
        raise InvalidMarkerError("too many parentheses") from None
