"""Findings that a change introduces: those that a git revision does not have, or not for the same reasons."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from dockerlint_alpine.model.reports import FileError, FileReport, Report, with_findings
from dockerlint_alpine.run.discovery import Search, find_jobs
from dockerlint_alpine.sweep.projects import inside, opened
from dockerlint_alpine.sweep.sources import Source, SourceError
from dockerlint_alpine.syntax import parse
from dockerlint_alpine.system.files import project_root
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.run.jobs import Job

    Judged: TypeAlias = Callable[[Sequence[Job]], Iterable[FileReport | FileError]]

_LIMIT = 512 * 1024 * 1024
"""Bytes of the files of a revision that may matter."""
_NUMBERS = lazy_pattern(r":\d+\b|\b(?:lines?|stage) \d+")

Grounds: TypeAlias = tuple[object, ...]


def without_older(report: Report, paths: Sequence[str], revision: str, judged: Judged) -> Report:
    """The report without what stood on the same grounds at ``revision`` of the repository of the first of ``paths``.

    The grounds of a finding are its instruction, the requirement with its version and origin, and its evidence; numbers
    of lines do not count. ``paths`` are those that the report is on (none: the current folder), ``judged`` judges builds
    in the folder that is the current one then. Only files with findings are judged again. Raises SourceError where there
    is no such revision.
    """
    first = Path(paths[0] if paths else ".")
    top = project_root(first if first.is_dir() else first.parent)
    if not revision:
        raise SourceError("expected a commit, branch or tag")
    if not (top / ".git").exists():
        raise SourceError(f"{first} is not in a git repository")
    wanted = {_within(file.path, top) for file in report.files if file.findings}
    older: dict[str, Counter[Grounds]] = {}
    with opened(Source(str(top), "folder", str(top)), revision, _LIMIT) as project:
        here = _within(".", top)
        folder = project.root / here
        if here.startswith("..") or not folder.is_dir():
            folder = project.root
        if wanted:
            there = [os.path.relpath(project.root / _within(path, top), folder) for path in paths]
            with inside(folder):
                jobs, _ = find_jobs([path for path in there if os.path.lexists(path)] or (), search=Search())
                chosen = [job for job in jobs if _within(str(job.path), project.root) in wanted]
                for file in judged(chosen) if there or not paths else ():
                    if isinstance(file, FileReport):
                        met = older.setdefault(_within(file.path, project.root), Counter())
                        met |= Counter(grounds(file, project.root))
    return replace(report, files=tuple(_newer(file, top, older.get(_within(file.path, top))) for file in report.files))


def _newer(file: FileReport, top: Path, older: Counter[Grounds] | None) -> FileReport:
    """The report with the findings whose grounds are new; of several with the same grounds, those there are more of."""
    if not older:
        return file
    left = Counter(older)
    kept: list[Finding] = []
    for finding, ground in zip(file.findings, grounds(file, top), strict=True):
        if left[ground]:
            left[ground] -= 1
        else:
            kept.append(finding)
    return with_findings(file, kept)


def grounds(file: FileReport, top: Path) -> list[Grounds]:
    """What each finding of a report rests on; ``top`` is the folder of the repository, as files are named from there."""

    def plain(text: str) -> str:
        text = text.replace(file.path, name)
        for prefix in prefixes:
            text = text.replace(prefix, "")
        return _NUMBERS.sub("", text)

    name, prefixes = _within(file.path, top), (f"{top}/", f"{os.path.relpath(top)}/")
    instructions = parse(file.source).instructions
    texts = {line: one.value for one in instructions for line in range(one.line, one.end_line + 1)}
    return [
        (
            finding.code,
            finding.need,
            finding.packages,
            finding.severity,
            plain(finding.message),
            finding.stage and (finding.stage.name, finding.stage.base, finding.stage.alpine, finding.stage.python),
            finding.distribution and (finding.distribution.version, *map(plain, finding.distribution.origin)),
            texts.get(finding.location.line, ""),
            tuple(plain(evidence.detail) for evidence in finding.evidence),
        )
        for finding in file.findings
    ]


def _within(path: str, top: Path) -> str:
    """A path as the repository names it."""
    return os.path.relpath(os.path.realpath(path), os.path.realpath(top))
