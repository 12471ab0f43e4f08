"""Alpine's package world: indexes, versions, and the solver of apk-tools. Imports nothing else of this project."""

from __future__ import annotations

from dockerlint_alpine.apk.constraint import Constraint, Provide
from dockerlint_alpine.apk.errors import (
    ApkError,
    ConstraintError,
    DownloadError,
    IndexFormatError,
    SignatureError,
    UnknownReleaseError,
)
from dockerlint_alpine.apk.index import Index, IndexSource, Provider
from dockerlint_alpine.apk.outcome import Problem
from dockerlint_alpine.apk.package import Package
from dockerlint_alpine.apk.store import IndexStore
from dockerlint_alpine.apk.version import Version, compare
from dockerlint_alpine.apk.world import PackageChange, Solution, World, solve

__all__ = [
    "ApkError", "Constraint", "ConstraintError", "DownloadError", "Index", "IndexFormatError", "IndexSource",
    "IndexStore", "Package", "PackageChange", "Problem", "Provide", "Provider", "SignatureError", "Solution",
    "UnknownReleaseError", "Version", "World", "compare", "solve",
]  # fmt: skip
