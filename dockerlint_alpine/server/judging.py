"""Checks open Dockerfiles with all unsaved texts, and caches the answer until an input changes.

All of this runs in one thread: a doctor, its indexes and its rules are not for several.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.apk import ApkError
from dockerlint_alpine.checks import Subject
from dockerlint_alpine.fixer.fix_loop import merged
from dockerlint_alpine.knowledge import KnowledgeError
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.run.analysis import Doctor, FixResult, UnreadableError, fix_builds
from dockerlint_alpine.run.cache import state_of
from dockerlint_alpine.run.config import ConfigError, Configuration, load
from dockerlint_alpine.run.discovery import Search, find_jobs
from dockerlint_alpine.run.doctors import Doctors
from dockerlint_alpine.run.jobs import Job, job_configuration
from dockerlint_alpine.run.reading import read_dockerfile
from dockerlint_alpine.server.documents import Document, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.run.openers import Openers
    from dockerlint_alpine.server.positions import Positions

OPTIONS_BY = "editor settings"
"""What messages call the options that the editor sends."""

_BUILD_FILES = ("*compose*.y*ml", "*bake*.hcl", "*bake*.json")
"""What says how a Dockerfile is built, beside it or above."""

_NEAREST = 12
"""Dockerfiles of a workspace that are asked about a requirement file, the nearest first."""


class Judgement(Struct, frozen=True):
    """What is known of one Dockerfile as it stands in the editor.

    ``subjects`` are what checks see: the Dockerfile run on paper, once for each build (see ``Judge``) and platform.
    ``doctors`` has one for each build. ``problems`` say, in one line each, why something could not be checked at all.
    ``refused`` are settings of the project's files that those may not make, one line each.
    ``looked_at`` are the absolute paths that it rests on, whether something is there or not.
    """

    document: Document
    snapshot: Snapshot
    report: FileReport
    subjects: tuple[Subject, ...] = ()
    doctors: tuple[Doctor, ...] = ()
    looked_at: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def uri(self, name: str) -> str:
        """The URI of a file that the report names: the Dockerfile itself or another."""
        return self.document.uri if name == self.report.path else self.snapshot.uri(name)

    def version(self, name: str) -> int | None:
        """The version of such a file's open text; ``None`` for one that is not open."""
        return self.document.version if name == self.report.path else self.snapshot.version(name)

    def positions(self, name: str) -> Positions | None:
        """The positions in such a file as the editor shows it; ``None`` where it can't be read."""
        own = name == self.report.path
        return self.snapshot.positions_in(self.document) if own else self.snapshot.positions(name)

    def rests_on(self, paths: frozenset[str]) -> bool:
        """Whether one of these files (absolute), or the folder it is in, was looked at."""
        return any(path in self.looked_at or os.path.dirname(path) in self.looked_at for path in paths)  # noqa: PTH120


class Judge:
    """Opens rules and indexes at the first question. ``environment`` may set options.

    A Dockerfile that services of compose files build, in its folder or one above it up to the workspace's, is judged as
    each of them builds it, as ``alpine-doctor check`` does for a folder; any other as if it was named to that.
    """

    def __init__(self, openers: Openers, environment: Mapping[str, str]) -> None:
        self._doctors = Doctors(openers)
        self._environment = environment
        self._options: Mapping[str, object] = {}
        self._known: dict[str, tuple[object, Judgement]] = {}
        self._found: dict[tuple[Path, Search], tuple[frozenset[str], object, list[Job]]] = {}

    def configure(self, options: Mapping[str, object]) -> None:
        """Use these options, by name as in the file, on top of those in files from now on."""
        self._options = options
        self.forget()

    def forget(self) -> None:
        """Read configuration and rules anew at the next question."""
        self._known.clear()
        self._found.clear()
        self._doctors.forget()

    def warm_up(self) -> None:
        """Open the rules, so that the first text is not the one to wait."""
        self._doctors.warm_up()

    def judgement(self, document: Document, snapshot: Snapshot) -> Judgement:
        """Judge a Dockerfile. Never raises for what a user wrote: that is among the ``problems``."""
        nothing = Judgement(document, snapshot, FileReport(_shown_as(document.path), (), source=document.data))
        if not document.data.strip():
            return nothing
        try:
            configuration = self._configuration(document.path)
        except ConfigError as error:
            return replace(nothing, problems=(str(error),))
        nothing = replace(nothing, refused=configuration.refused)
        if configuration.excludes(str(document.path)):
            return nothing
        search = Search(platforms=not configuration.names_platforms)
        jobs = self._jobs(document.path, snapshot.folder_of(document.path), search)
        changed = snapshot.changed_without(document)
        key = (document.data, snapshot.encoding, changed, jobs, configuration)
        known = self._known.get(document.uri)
        if known is not None and known[0] == (key, _states(known[1].looked_at)):
            return replace(known[1], document=document, snapshot=snapshot)
        try:
            doctors = [self._doctors.doctor(job_configuration(configuration, job)) for job in jobs]
        except KnowledgeError as error:
            return replace(nothing, problems=(str(error),))
        judgement = _judged(nothing, doctors, changed)
        if not judgement.problems:
            self._known[document.uri] = ((key, _states(judgement.looked_at)), judgement)
        return judgement

    def drop(self, uri: str) -> None:
        """Forget a text that was closed."""
        self._known.pop(uri, None)

    def fixed(self, judgement: Judgement) -> FixResult | None:
        """What ``alpine-doctor fix`` makes of the open texts; ``None`` where it can't be told."""
        document = judgement.document
        if not judgement.doctors:
            return None
        try:
            return fix_builds(
                judgement.doctors,
                document.data,
                document.path,
                shown_as=judgement.report.path,
                changed=judgement.snapshot.changed_without(document),
            )
        except UnreadableError:
            return None

    def users_of(self, file: Document, snapshot: Snapshot) -> list[Judgement]:
        """The Dockerfiles that rest on a file: the open ones, and the nearest others in its folder of the workspace."""
        dockerfiles = [one for one in snapshot.documents.values() if one.is_dockerfile]
        folder = snapshot.folder_of(file.path)
        if folder is not None:
            known = {one.path for one in dockerfiles}
            dockerfiles += [one for one in self._in_workspace(folder, near=file.path) if one.path not in known]
        paths = frozenset({str(file.path)})
        judged = (self.judgement(one, snapshot) for one in dockerfiles)
        return [one for one in judged if one.rests_on(paths)]

    def _in_workspace(self, folder: Path, *, near: Path) -> list[Document]:
        jobs, _ = find_jobs([str(folder)])
        paths = {Path(os.path.abspath(job.path)) for job in jobs}  # noqa: PTH100 - keeps symlinks
        found: list[Document] = []
        for path in sorted(paths, key=lambda path: (-len(os.path.commonpath([path, near])), path))[:_NEAREST]:
            try:
                found.append(Document(path.as_uri(), path, "dockerfile", None, read_dockerfile(path)))
            except UnreadableError:
                continue
        return found

    def _configuration(self, path: Path) -> Configuration:
        """The configuration nearest to a file, with the editor's options on top. Raises ConfigError."""
        overrides = {name.replace("-", "_"): value for name, value in self._options.items()}
        return load(path.parent, overrides=overrides, said_by=OPTIONS_BY, environment=self._environment)

    def _jobs(self, path: Path, folder: Path | None, search: Search) -> list[Job]:
        """How compose and bake files build a Dockerfile; where none of them does, as if it was named to ``check``."""
        above = [one for one in path.parents if folder is not None and one.is_relative_to(folder)]
        files = (
            file
            for place in above or path.parents[:1]
            for file in sorted(one for pattern in _BUILD_FILES for one in place.glob(pattern))
        )
        found = [job for file in files for job in self._builds(file, path, search)]
        return found or self._builds(path, path, search) or [Job(path, str(path))]

    def _builds(self, file: Path, dockerfile: Path, search: Search) -> list[Job]:
        """The builds of a Dockerfile that a file leads to; it is searched again when it has changed, or what tells the
        platforms has."""
        known = self._found.get((file, search))
        if known is None or known[1] != _states(known[0]):
            jobs, _ = find_jobs([str(file)], search=search)
            rests_on = frozenset({str(file), *(job.others.platforms_by for job in jobs if job.others.platforms_by)})
            known = self._found[file, search] = (rests_on, _states(rests_on), jobs)
        own = str(dockerfile)
        return [job for job in known[2] if os.path.abspath(job.path) == own]  # noqa: PTH100 - keeps symlinks, as editors do


def _judged(nothing: Judgement, doctors: Sequence[Doctor], changed: Mapping[str, bytes]) -> Judgement:
    """What the doctors of all builds say; ``nothing`` is what is known before."""
    document, name = nothing.document, nothing.report.path
    reports: list[FileReport] = []
    subjects: list[Subject] = []
    judged: list[Doctor] = []
    problems: list[str] = []
    for doctor in doctors:
        try:
            timelines = doctor.timelines(document.data, document.path, shown_as=name, changed=changed)
            report = doctor.report(name, timelines)
            reports.append(doctor.settled(report, document.path, changed=changed))
        except (UnreadableError, ApkError) as error:
            problems.append(str(error))
            continue
        subjects += (Subject(timeline, doctor.knowledge) for timeline in timelines)
        judged.append(doctor)
    return replace(
        nothing,
        report=merged(reports) if reports else nothing.report,
        subjects=tuple(subjects),
        doctors=tuple(judged),
        looked_at=frozenset(os.path.abspath(path) for doctor in judged for path in doctor.looked_at),  # noqa: PTH100
        problems=tuple(dict.fromkeys(problems)),
    )


def _shown_as(path: Path) -> str:
    """A path as reports name it: seen from the current folder where it is below, else absolute."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _states(paths: frozenset[str]) -> Sequence[object]:
    return [state_of(path) for path in sorted(paths)]
