"""Judges one repository after the other in this process. What they have in common is found out once: worlds, resolutions
and base images are kept by what they were asked with, whichever repository asked."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.model.reports import FileError, FileReport, Report
from dockerlint_alpine.run.config import FILE_NAME, ConfigError, Configuration, load
from dockerlint_alpine.run.discovery import Search, find_jobs
from dockerlint_alpine.run.jobs import Job, by_file, read_job
from dockerlint_alpine.run.moves import When, compared
from dockerlint_alpine.run.reading import UnreadableError
from dockerlint_alpine.sweep.plan import FoundRow, Outcome, Plan, Task
from dockerlint_alpine.sweep.projects import Project, inside, opened
from dockerlint_alpine.sweep.sources import SourceError

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.run.analysis import Doctor

SLICE = 200
"""Dockerfiles that one task judges; those of a larger repository are shared out."""

_ITS_OWN = ("select", "ignore", "per_file_ignores", "severity", "build_args", "target", "alpine", "python", "exclude")
"""What a repository may say of itself: nothing of what is written, read elsewhere, or asked of a network."""


class Judge:
    """Rules and indexes, opened once, for any number of repositories. Not for several threads at once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._doctor = plan.open_doctor(plan.configuration)

    def judge(self, task: Task) -> Outcome:
        """Judge the repository of ``task``. Whatever it holds, the answer is an outcome."""
        start = time.perf_counter()
        try:
            with opened(task.source, self._plan.revision, self._plan.limits.bytes) as project, inside(project.root):
                found = self._judged(task, project)
        except SourceError as error:
            found = Outcome(task, "failed", str(error))
        except MemoryError:
            found = Outcome(task, "failed", f"more than {self._plan.limits.memory // 2**20} MiB of memory")
        except (OSError, ConfigError) as error:
            found = Outcome(task, "failed", getattr(error, "strerror", None) or str(error))
        except Exception as error:  # noqa: BLE001 - a mistake of ours costs this row and not the sweep
            found = Outcome(task, "failed", f"internal error, please report it: {type(error).__name__}: {error}")
        line = found.message.partition("\n")[0]
        return replace(found, message=line, seconds=time.perf_counter() - start)

    def _judged(self, task: Task, project: Project) -> Outcome:
        configuration = self._configuration()
        doctor = self._doctor.with_configuration(configuration)
        search = Search(
            excludes=configuration.excludes,
            respect_gitignore=configuration.settings.respect_gitignore,
            platforms=not configuration.names_platforms,
        )
        jobs, _ = find_jobs(["."], search=search)
        jobs = [job for job in jobs if not configuration.excludes(str(job.path))]
        if not jobs:
            return Outcome(task, "no-dockerfile", revision=project.revision)
        mine = jobs[task.first : task.first + SLICE]
        more = tuple(range(SLICE, len(jobs), SLICE)) if task.first == 0 else ()
        start = time.perf_counter()
        results = [self._report(doctor, job) for job in mine]
        judging = time.perf_counter() - start
        reports = [report for report, _ in results if isinstance(report, FileReport)]
        errors = [report for report, _ in results if isinstance(report, FileError)]
        return Outcome(
            task,
            "judged",
            message="; ".join(f"{error.path}: {error.message}" for error in errors[:3]),
            revision=project.revision,
            rows=tuple(row for report, found in results for row in _rows(report.path, found)),
            dockerfiles=len(mine),
            stages=sum(report.stages for report in reports),
            unknown=sum(report.unknown for report in reports),
            unreadable=len(errors),
            judging=judging,
            patch=b"".join(self._patches(doctor, mine)) if self._plan.fix else b"",
            sarif=_sarif(reports, errors, self._plan.version) if self._plan.sarif else "",
            more=more,
        )

    def _configuration(self) -> Configuration:
        """The user's settings, and what the repository at the current folder may add where the user said nothing."""
        given = self._plan.configuration
        root = Path.cwd()
        file = _own_file(root)
        if file is None:
            return replace(given, root=root)
        own = load(root, config=file, isolated=False)
        settings = given.settings
        taken = {
            name: getattr(own.settings, name)
            for name in _ITS_OWN
            if own.origins.get(name, "default") != "default" and given.origins.get(name, "default") == "default"
        }
        return Configuration(replace(settings, **taken), given.origins, file, root)

    @staticmethod
    def _report(doctor: Doctor, job: Job) -> tuple[FileReport | FileError, list[tuple[Finding, When]]]:
        """The report on a build as it is today, and its findings with those on other releases, if these are asked for."""
        try:
            own = doctor.for_job(job)
            data = read_job(job)
            if own.settings.moves:
                today, then = own.before_and_after(data, job.path, shown_as=job.shown_as)
                return today, compared(today, then)
            report = own.check_bytes(data, job.path, shown_as=job.shown_as)
        except UnreadableError as error:
            return FileError(job.shown_as, str(error)), []
        return report, [(finding, "today") for finding in report.findings]

    @staticmethod
    def _patches(doctor: Doctor, jobs: Sequence[Job]) -> Iterator[bytes]:
        """One unified diff for each Dockerfile that fixes change; nothing is written."""
        from dockerlint_alpine.report.diff import diff
        from dockerlint_alpine.run.analysis import ChangedLists, fix_builds

        lists = ChangedLists()
        for same in by_file(jobs):
            doctors = [doctor.for_job(job) for job in same]
            first = same[0]
            try:
                data = read_job(first)
                result = fix_builds(doctors, data, first.path, shown_as=first.shown_as, changed=lists.new)
            except UnreadableError:
                continue
            lists.take(result)
            yield diff(first.shown_as, data, result.new, color=False)
        for path, old in lists.old.items():
            yield diff(os.path.relpath(path), old, lists.new[path], color=False)


def _own_file(root: Path) -> Path | None:
    """The configuration file of a repository: a file in its top folder, no link."""
    own = root / FILE_NAME
    if own.is_file() and not own.is_symlink():
        return own
    project = root / "pyproject.toml"
    if project.is_file() and not project.is_symlink() and b"alpine-doctor" in project.read_bytes():
        try:
            load(root, config=project)
        except ConfigError as error:
            if "no [" in str(error):
                return None
            raise
        return project
    return None


def cause_of(finding: Finding) -> str:
    """A short text that is identical for identical problems: what is said of which distribution, need and package,
    in whichever file, stage and version."""
    distribution = finding.distribution.name if finding.distribution is not None else ""
    parts = (finding.code, distribution, finding.need or "", " ".join(sorted(finding.packages)))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _rows(path: str, found: Iterable[tuple[Finding, When]]) -> Iterator[FoundRow]:
    for finding, when in found:
        stage, distribution = finding.stage, finding.distribution
        yield FoundRow(
            file=path,
            line=finding.location.line,
            code=finding.code,
            name=finding.name,
            severity=finding.severity,
            confidence=finding.confidence,
            package=" ".join(finding.packages),
            distribution=distribution.name if distribution is not None else "",
            version=(distribution.version or "") if distribution is not None else "",
            need=finding.need or "",
            alpine=(stage.alpine or "") if stage is not None else "",
            python=(stage.python or "") if stage is not None else "",
            base=stage.base if stage is not None else "",
            platform=" ".join(finding.platforms),
            cause=cause_of(finding),
            fix=finding.fix.applicability if finding.fix is not None else "",
            when=when,
            message=finding.message,
        )


def _sarif(reports: Sequence[FileReport], errors: Sequence[FileError], version: str) -> str:
    from dockerlint_alpine.report import RenderOptions, render
    from dockerlint_alpine.run.codes import code_doc

    options = RenderOptions(file_root=os.getcwd(), version=version, code_docs=code_doc)  # noqa: PTH109
    return render(Report(tuple(reports), tuple(errors)), "sarif", options=options)


def merged(outcomes: Iterable[Outcome]) -> Outcome:
    """Join the outcomes of the slices of one repository."""
    first, *others = sorted(outcomes, key=lambda one: one.task.first)
    for one in others:
        first = replace(
            first,
            status=first.status if one.status in {"judged", "no-dockerfile"} else one.status,
            message="; ".join(filter(None, (first.message, one.message))),
            rows=first.rows + one.rows,
            dockerfiles=first.dockerfiles + one.dockerfiles,
            stages=first.stages + one.stages,
            unknown=first.unknown + one.unknown,
            unreadable=first.unreadable + one.unreadable,
            seconds=first.seconds + one.seconds,
            judging=first.judging + one.judging,
            patch=first.patch + one.patch,
        )
    return replace(first, more=())
