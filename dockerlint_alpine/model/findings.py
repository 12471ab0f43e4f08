"""What a check says: findings, their evidence and their fixes.

These types are the only thing that ``report/`` knows. All of them are frozen. Lines and columns are 1-based; a column
counts UTF-8 bytes and the end column is exclusive. Offsets are bytes from the start of the file, 0-based, end exclusive.
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

Severity: TypeAlias = Literal["error", "warning", "info"]
Confidence: TypeAlias = Literal["certain", "likely", "possible"]
CONFIDENCES: tuple[Confidence, ...] = ("certain", "likely", "possible")
Applicability: TypeAlias = Literal["safe", "unsafe", "display"]
Purpose: TypeAlias = Literal["build", "runtime"]
EvidenceKind: TypeAlias = Literal[
    "rule", "elf", "wheel", "index", "log", "dockerfile", "requirement", "source", "compose"
]

CODE_LETTERS = "AD"
"""What every code begins with; three digits follow."""

CODE_PREFIX = rf"{CODE_LETTERS}[0-9]{{0,3}}"
"""A code, or the beginning of one, as a regular expression."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""Most severe first."""


class Location(Struct, frozen=True):
    """A range of the file: 1-based lines and byte columns, the end column exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Evidence(Struct, frozen=True):
    """One fact that a finding rests on: where it comes from and what it says, in one line of text.

    ``gist`` says it in few words, for a reader who wants the reason and not the proof; empty where it is proof alone.
    """

    kind: EvidenceKind
    detail: str
    gist: str = ""


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
    ``compiled`` says why it is compiled, in words that name no distribution, as several may share the reason
    (``no wheel fits Python 3.11 on musl 1.2 x86_64``); empty where it is not.
    """

    name: str
    version: str | None
    origin: tuple[str, ...]
    compiled: str = ""

    @property
    def shown(self) -> str:
        """``lz4 4.4.5``, or the name alone where no version is known."""
        return f"{self.name} {self.version}" if self.version else self.name


class TextEdit(Struct, frozen=True):
    """Replace the bytes ``start:end`` of the file by ``text`` (written as UTF-8).

    ``path`` is another file than the Dockerfile where the list is kept elsewhere (``apk add < packages.txt``).
    """

    start: int
    end: int
    text: str
    path: str | None = None


class Fix(Struct, frozen=True):
    """Edits that mend a finding, what they do in a few words, and how safe they are.

    ``adds`` are the packages that go to ``where`` (``the apk add in line 3``, ``a new RUN apk add before line 2``), for a
    sentence about several fixes at once; empty where the fix does something else. ``lasts``: they are still there at the
    end of the stage.
    """

    title: str
    applicability: Applicability
    edits: tuple[TextEdit, ...]
    adds: tuple[str, ...] = ()
    where: str = ""
    lasts: bool = True


RemedyKind: TypeAlias = Literal["pip", "prefer-binary", "version", "base", "stage"]


class Remedy(Struct, frozen=True):
    """One way out of a cause, by facts alone: what to do, and what that spares (``8 of 9 distributions``).

    ``fix`` is there where the program can write it. ``distributions`` are those (by name) that need no compiler then.
    """

    kind: RemedyKind
    title: str
    saves: str = ""
    distributions: tuple[str, ...] = ()
    fix: Fix | None = None

    @property
    def told(self) -> str:
        """The title, with what is saved this way."""
        return f"{self.title} ({self.saves})" if self.saves else self.title


class Brought(Struct, frozen=True):
    """Something that was missing, too, and comes along with the packages of a finding: told there, and nowhere else."""

    code: str
    need: str | None
    packages: tuple[str, ...]
    distributions: tuple[DistributionRef, ...]


Topic: TypeAlias = Literal["", "compile", "implicit", "load", "start"]
"""What brings findings about, where several of one instruction may be one cause: that something is compiled there, that a
build links what only another package brings, that what is loaded, or started, is not in the stage."""


class Traits(Struct, frozen=True):
    """What the rest of the program has to know of a code, so that nobody but ``checks/`` compares with one.

    ``purpose`` is what a package that its fix adds is for. Fixes of an earlier ``phase`` are made before those of a later
    one. ``on_all_platforms``: it only holds where every platform that is judged agrees. ``could_not_judge``: it says what is
    unknown, not what is wrong. ``about_comment``: it is about an ``ignore`` comment, so none is written for it.
    ``unused_text``: what it marks has no effect and may be shown faded. ``on_demand``: it is listed for who asks for it.
    ``at_start``: it is about what a container installs when it starts, which its image does not have. ``topic``: findings of
    one instruction with the same one are told together.
    """

    purpose: Purpose | None = None
    phase: int = 0
    on_all_platforms: bool = False
    could_not_judge: bool = False
    about_comment: bool = False
    unused_text: bool = False
    on_demand: bool = False
    at_start: bool = False
    topic: Topic = ""


class Finding(Struct, frozen=True):
    """One thing to say. It cannot be built without evidence.

    ``distributions`` are all that it is about (``distribution`` is the first of them), ``brought`` what else its packages
    mend, ``remedies`` the ways out, the best first, where there are others than its fix.
    """

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
    traits: Traits = Traits()
    distributions: tuple[DistributionRef, ...] = ()
    brought: tuple[Brought, ...] = ()
    remedies: tuple[Remedy, ...] = ()

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError(f"{self.code}: a finding needs evidence")

    @property
    def could_not_judge(self) -> bool:
        """True for notices that say what is unknown, not what is wrong."""
        return self.traits.could_not_judge

    @property
    def stops_compile(self) -> bool:
        """True where something is compiled and lacks what that takes: not for what is only information about a compile."""
        return self.traits.topic == "compile" and self.severity != "info"

    @property
    def essence(self) -> tuple[object, ...]:
        """What two findings, of two platforms or two builds of a Dockerfile, have in common that say the same."""
        item = self.distribution
        what = (item.name, item.version, item.origin) if item is not None else None
        return self.code, self.severity, self.location, self.need, self.packages, what, self.message


Key: TypeAlias = tuple[object, ...]


def key_of(finding: Finding) -> Key:
    """What stays the same of a finding while the text around it changes."""
    stage = finding.stage.index if finding.stage is not None else None
    name = finding.distribution.name if finding.distribution is not None else None
    return finding.code, finding.need, finding.packages, stage, name


def united(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for all that say the same, on the platforms of all of them, and as sure as the least sure."""
    same: dict[tuple[object, ...], Finding] = {}
    for one in findings:
        essence = one.essence
        kept = same.setdefault(essence, one)
        if kept is not one:
            platforms = tuple(dict.fromkeys((*kept.platforms, *one.platforms)))
            confidence = max(kept.confidence, one.confidence, key=CONFIDENCES.index)
            same[essence] = replace(kept, platforms=platforms, confidence=confidence)
    return list(same.values())
