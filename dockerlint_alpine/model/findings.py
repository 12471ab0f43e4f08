"""What a check says: findings, their evidence and their fixes.

These types are the only thing that ``report/`` knows. All of them are frozen. Lines and columns are 1-based; a column
counts UTF-8 bytes and the end column is exclusive. Offsets are bytes from the start of the file, 0-based, end exclusive.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Severity: TypeAlias = Literal["error", "warning", "info"]
Confidence: TypeAlias = Literal["certain", "likely", "possible"]
Applicability: TypeAlias = Literal["safe", "unsafe", "display"]
EvidenceKind: TypeAlias = Literal["rule", "elf", "wheel", "index", "log", "dockerfile", "requirement", "source"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""Most severe first."""


class Location(Struct, frozen=True):
    """A range of the file: 1-based lines and byte columns, the end column exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Evidence(Struct, frozen=True):
    """One fact that a finding rests on: where it comes from and what it says, in one line of text."""

    kind: EvidenceKind
    detail: str


class StageRef(Struct, frozen=True):
    """The stage a finding speaks of; ``alpine`` and ``python`` are ``X.Y`` or ``None`` where unknown."""

    index: int
    name: str | None
    base: str
    alpine: str | None
    python: str | None


class DistributionRef(Struct, frozen=True):
    """The Python distribution behind a finding and how it got there.

    ``origin`` is the chain from the file that asks to the distribution itself, e.g.
    ``("requirements.txt:7", "clickhouse-connect", "lz4")``; for a direct requirement just ``("requirements.txt:7",)``.
    """

    name: str
    version: str | None
    origin: tuple[str, ...]


class TextEdit(Struct, frozen=True):
    """Replace the bytes ``start:end`` of the file by ``text`` (written as UTF-8).

    ``path`` is another file than the Dockerfile where the list is kept elsewhere (``apk add < packages.txt``).
    """

    start: int
    end: int
    text: str
    path: str | None = None


class Fix(Struct, frozen=True):
    """Edits that mend a finding, what they do in a few words, and how safe they are."""

    title: str
    applicability: Applicability
    edits: tuple[TextEdit, ...]


class Finding(Struct, frozen=True):
    """One thing to say. It cannot be built without evidence."""

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    message: str
    location: Location
    evidence: tuple[Evidence, ...]
    stage: StageRef | None = None
    platforms: tuple[str, ...] = ()
    distribution: DistributionRef | None = None
    need: str | None = None
    packages: tuple[str, ...] = ()
    fix: Fix | None = None

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError(f"{self.code}: a finding needs evidence")

    @property
    def could_not_judge(self) -> bool:
        """True for the AD9xx notices: they say what is unknown, not what is wrong."""
        return self.code.startswith("AD9")
