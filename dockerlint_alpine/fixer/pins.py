"""Pins a new package the way its author pins the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dockerlint_alpine.apk import Constraint, ConstraintError, Index
from dockerlint_alpine.system.patterns import lazy_pattern

_PIN = lazy_pattern(r"[^=<>~@]+(?P<operator>=~|~=|=|~)(?P<version>[0-9][^@]*)\Z")
_REVISION = lazy_pattern(r"-r[0-9]+\Z")


def pinned_like(others: Sequence[str], index: Index, name: str) -> str:
    """``name``, pinned when most of the operands ``others`` are, to the version of the release.

    ``=`` takes the whole version, ``=~``, ``~=`` and ``~`` as many parts of it as the others show. Without the
    release's own index nothing is pinned.
    """
    found = [match for other in others if (match := _PIN.match(other.strip("\"'"))) is not None]
    package = index.package(name)
    if len(found) * 2 <= len(others) or package is None or not index.vouches_for((package,)):
        return name
    operator, parts = Counter((match["operator"], _parts(match["version"])) for match in found).most_common(1)[0][0]
    version = package.version if operator == "=" or not parts else _shortened(package.version, parts)
    text = f"{name}{operator}{version}"
    try:
        return text if Constraint.parse(text).matches(package.version) else name
    except ConstraintError:
        return name


def _parts(version: str) -> int:
    """How many parts of a version are given; 0 when the revision of the package (``-r5``) is too."""
    return 0 if _REVISION.search(version) else len(version.split("."))


def _shortened(version: str, parts: int) -> str:
    return ".".join(_REVISION.sub("", version).split(".")[:parts])
