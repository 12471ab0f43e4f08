"""What one run found: the findings of each file, and what could not be read.

Like findings, these types are all that ``report/`` knows. All of them are frozen.
"""

from collections.abc import Iterable, Sequence
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.model.comparison import Comparison
from dockerlint_alpine.model.findings import Finding, Severity


class FileReport(Struct, frozen=True):
    """The findings of one Dockerfile, in order of location; ``source`` is its bytes, for excerpts and columns.

    ``stages`` counts the Alpine stages judged, ``not_alpine`` the others; ``unknown`` counts the single things that
    could not be checked (a notice may stand for several). ``image`` is the comparison with a built image, where one was
    asked for.
    """

    path: str
    findings: tuple[Finding, ...]
    source: bytes = b""
    stages: int = 0
    not_alpine: int = 0
    unknown: int = 0
    notes: tuple[str, ...] = ()
    image: Comparison | None = None


def with_findings(file: FileReport, findings: Sequence[Finding]) -> FileReport:
    """The report with only these of its findings; what of the others could not be checked is no longer counted."""
    gone = sum(one.could_not_judge for one in file.findings) - sum(one.could_not_judge for one in findings)
    return replace(file, findings=tuple(findings), unknown=max(0, file.unknown - gone))


class FileError(Struct, frozen=True):
    """A file that could not be read at all, or not be written: one clear line, exit code 2.

    ``remark``: nobody asked for it by name, and it is no Dockerfile; that is worth a line and no error.
    """

    path: str
    message: str
    writing: bool = False
    remark: bool = False


class Report(Struct, frozen=True):
    """Everything one run found, file by file in the order asked for.

    ``remarks`` are on what turned out to be no Dockerfile; ``left_out`` says of which known findings nothing is told, and
    why.
    """

    files: tuple[FileReport, ...]
    errors: tuple[FileError, ...] = ()
    remarks: tuple[FileError, ...] = ()
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, files: Iterable[FileReport], problems: Iterable[FileError]) -> Self:
        """The report on these files, with what went wrong as errors or as remarks."""
        listed = list(problems)
        remarks = tuple(one for one in listed if one.remark)
        return cls(tuple(files), tuple(one for one in listed if not one.remark), remarks)

    @property
    def notes(self) -> tuple[str, ...]:
        """The remarks, a line each."""
        return tuple(f"{one.path}: {one.message}" for one in self.remarks)

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
        """Things that could not be checked, over all files."""
        return sum(file.unknown for file in self.files)
