"""What a check says: findings, their evidence and fixes, and the report that collects them.

These types are the only thing that ``report/`` knows. All of them are frozen. Lines and columns are 1-based; a column
counts UTF-8 bytes and the end column is exclusive. Offsets are bytes from the start of the file, 0-based, end exclusive.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from dockerlint_alpine.model.comparison import Comparison

from dataclasses import dataclass

Severity: TypeAlias = Literal["error", "warning", "info"]
Confidence: TypeAlias = Literal["certain", "likely", "possible"]
Applicability: TypeAlias = Literal["safe", "unsafe", "display"]
Purpose: TypeAlias = Literal["build", "runtime"]
EvidenceKind: TypeAlias = Literal["rule", "elf", "wheel", "index", "log", "dockerfile", "requirement", "source"]

CODE_LETTERS = "AD"
"""What every code begins with; three digits follow."""

CODE_PREFIX = rf"{CODE_LETTERS}[0-9]{{0,3}}"
"""A code, or the beginning of one, as a regular expression."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""Most severe first."""


@dataclass(frozen=True, slots=True)
class Location:
    """A range of the file: 1-based lines and byte columns, the end column exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact that a finding rests on: where it comes from and what it says, in one line of text."""

    kind: EvidenceKind
    detail: str


@dataclass(frozen=True, slots=True)
class StageRef:
    """The stage a finding speaks of; ``alpine`` and ``python`` are ``X.Y`` or ``None`` where unknown."""

    index: int
    name: str | None
    base: str
    alpine: str | None
    python: str | None


@dataclass(frozen=True, slots=True)
class DistributionRef:
    """The Python distribution behind a finding and how it got there.

    ``origin`` is the chain from the file that asks to the distribution itself, e.g.
    ``("requirements.txt:7", "clickhouse-connect", "lz4")``; for a direct requirement just ``("requirements.txt:7",)``.
    """

    name: str
    version: str | None
    origin: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextEdit:
    """Replace the bytes ``start:end`` of the file by ``text`` (written as UTF-8).

    ``path`` is another file than the Dockerfile where the list is kept elsewhere (``apk add < packages.txt``).
    """

    start: int
    end: int
    text: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that mend a finding, what they do in a few words, and how safe they are."""

    title: str
    applicability: Applicability
    edits: tuple[TextEdit, ...]


@dataclass(frozen=True, slots=True)
class Traits:
    """What the rest of the program has to know of a code, so that nobody but ``checks/`` compares with one.

    ``purpose`` is what a package that its fix adds is for. Fixes of an earlier ``phase`` are made before those of a later
    one. ``on_all_platforms``: it only holds where every platform that is judged agrees. ``could_not_judge``: it says what is
    unknown, not what is wrong. ``about_comment``: it is about an ``ignore`` comment, so none is written for it.
    ``unused_text``: what it marks has no effect and may be shown faded. ``on_demand``: it is listed for who asks for it.
    """

    purpose: Purpose | None = None
    phase: int = 0
    on_all_platforms: bool = False
    could_not_judge: bool = False
    about_comment: bool = False
    unused_text: bool = False
    on_demand: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
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
    traits: Traits = field(default=Traits(), repr=False)

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError(f"{self.code}: a finding needs evidence")

    @property
    def could_not_judge(self) -> bool:
        """True for notices that say what is unknown, not what is wrong."""
        return self.traits.could_not_judge


@dataclass(frozen=True, slots=True)
class FileReport:
    """The findings of one Dockerfile, in order of location; ``source`` is its bytes, for excerpts and columns.

    ``stages`` counts the Alpine stages judged, ``not_alpine`` the others; ``unknown`` counts the single things that
    could not be judged (a notice may stand for several). ``image`` is the comparison with a built image, where one was
    asked for.
    """

    path: str
    findings: tuple[Finding, ...]
    source: bytes = field(default=b"", repr=False)
    stages: int = 0
    not_alpine: int = 0
    unknown: int = 0
    notes: tuple[str, ...] = ()
    image: Comparison | None = None


@dataclass(frozen=True, slots=True)
class FileError:
    """A file that could not be read at all: one clear line, exit code 2."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one run found, file by file in the order asked for."""

    files: tuple[FileReport, ...]
    errors: tuple[FileError, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings of all files, in order."""
        return tuple(finding for file in self.files for finding in file.findings)

    def count(self, severity: Severity) -> int:
        """Findings of this severity, the could-not-judge notices left out."""
        return sum(1 for f in self.findings if f.severity == severity and not f.could_not_judge)

    @property
    def fixable(self) -> int:
        """Findings with a safe fix."""
        return sum(1 for f in self.findings if f.fix is not None and f.fix.applicability == "safe")

    @property
    def unknown(self) -> int:
        """Things that could not be judged, over all files."""
        return sum(file.unknown for file in self.files)
