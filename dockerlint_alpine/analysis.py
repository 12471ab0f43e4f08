"""The main job: read a Dockerfile, run it on paper for each platform, let the checks look, collect what they say.

Nothing here prints or writes; :func:`fix` returns the new bytes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlint_alpine import suppress
from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.checks import CHECKS, Subject
from dockerlint_alpine.checks.ad502_compiled_without_wheel import worth_a_line
from dockerlint_alpine.config import ConfigError, Configuration, Settings, load
from dockerlint_alpine.findings import FileError, FileReport, Finding, Fix, Report
from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.stages import (
    BuildContext,
    Installer,
    StageGraphError,
    build_timeline,
    copy_sources,
    guess_root,
    open_context,
)
from dockerlint_alpine.syntax import Edit, apply_edits, parse

if TYPE_CHECKING:
    from dockerlint_alpine.python import Resolver
    from dockerlint_alpine.stages import Timeline
    from dockerlint_alpine.syntax import Dockerfile

MAX_DOCKERFILE_SIZE = 4 * 1024 * 1024
"""Bytes. A larger file is refused: it is no Dockerfile that anybody wrote."""

_MAX_FIX_ROUNDS = 400
"""One package of each list goes in per round; more rounds than this means that edits don't help."""


class UnreadableError(Exception):
    """A Dockerfile that can't be judged at all; the text is one line for the user, without the path."""


class Doctor:
    """The knowledge and indexes that many files share: open it once, ask it often. Not for several threads at once."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        resolver: Resolver | None = None,
        store: IndexStore | None = None,
        knowledge: Knowledge | None = None,
    ) -> None:
        self.configuration = configuration
        self.settings = configuration.settings
        self.resolver = resolver
        self.store = store if store is not None else IndexStore()
        self._knowledge = knowledge

    def configured(self, settings: Settings) -> Doctor:
        """The same knowledge and indexes with other settings."""
        configuration = replace(self.configuration, settings=settings)
        return Doctor(configuration, resolver=self.resolver, store=self.store, knowledge=self.knowledge)

    @cached_property
    def knowledge(self) -> Knowledge:
        """The rules, those of the user on top. Raises KnowledgeError."""
        return self._knowledge or Knowledge.open(extra=[Path(folder) for folder in self.settings.rules])

    def check_file(self, path: Path, *, shown_as: str | None = None) -> FileReport:
        """Judge the Dockerfile at ``path``, called ``shown_as`` in the report. Raises UnreadableError."""
        return self.check_bytes(read_dockerfile(path), path, shown_as=shown_as)

    def check_bytes(self, data: bytes, path: Path, *, shown_as: str | None = None) -> FileReport:
        """Judge ``data`` as if it were the Dockerfile at ``path`` (which need not exist). Raises UnreadableError."""
        name = shown_as if shown_as is not None else str(path)
        dockerfile = parse(data)
        if not any(instruction.keyword == "FROM" for instruction in dockerfile.instructions):
            raise UnreadableError("no FROM instruction: not a Dockerfile")
        context = self._context(dockerfile, path)
        found: list[Finding] = []
        timelines = [self._timeline(dockerfile, platform, context, name) for platform in self.settings.platforms]
        for timeline in timelines:
            subject = Subject(timeline, self.knowledge)
            for check in CHECKS:
                found.extend(check.run(subject))
        findings = self._wanted(name, _merge_platforms(found), dockerfile)
        return FileReport(
            path=name,
            findings=findings,
            source=data,
            stages=max(_count(timeline, "alpine") for timeline in timelines),
            not_alpine=max(_count(timeline, "other") for timeline in timelines),
            unknown=max(_unknown(timeline) for timeline in timelines),
            notes=tuple(dict.fromkeys(note for timeline in timelines for note in timeline.notes)),
        )

    def _timeline(self, dockerfile: Dockerfile, platform: str, context: BuildContext, name: str) -> Timeline:
        installer = Installer(self.knowledge, self.knowledge.facts, self.resolver, self.settings.as_of)
        try:
            timeline = build_timeline(
                dockerfile,
                platform,
                context=context,
                knowledge=self.knowledge,
                store=self.store,
                installer=installer,
                build_args=dict(self.settings.build_args),
                target=self.settings.target,
                alpine=self.settings.alpine,
                python=self.settings.python,
                shown_as=name,
            )
        except StageGraphError as error:
            raise UnreadableError(str(error)) from None
        if installer.notes:
            timeline = replace(timeline, notes=(*timeline.notes, *dict.fromkeys(installer.notes)))
        return timeline

    def _context(self, dockerfile: Dockerfile, path: Path) -> BuildContext:
        given = self.settings.context
        root = Path(given) if given is not None else guess_root(path, copy_sources(dockerfile))
        return open_context(root, path, shown_as=_relative(root))

    def _wanted(self, name: str, findings: Sequence[Finding], dockerfile: Dockerfile) -> tuple[Finding, ...]:
        """What is left after comments in the file and the configuration had their say, in order of place."""
        lines = [(instruction.line, instruction.end_line) for instruction in dockerfile.instructions]
        require_reason = self.settings.require_reason
        kept, _, about = suppress.apply(findings, dockerfile.data, lines, require_reason=require_reason)
        listed = [finding for finding in (*kept, *about) if finding.code != "AD502" or self._lists_502(finding)]
        return _sorted(self.configuration.adjust(name, listed))

    def _lists_502(self, finding: Finding) -> bool:
        """AD502 is listed where there is something to do about it, or when somebody asked for it."""
        asked = any(prefix != "AD" and "AD502".startswith(prefix) for prefix in self.settings.select)
        return asked or worth_a_line(finding)


@dataclass(frozen=True, slots=True)
class FixResult:
    """What fixing did to one file: the bytes before and after, what was applied, and the report on what is left."""

    path: Path
    old: bytes
    new: bytes
    applied: tuple[Finding, ...]
    left: FileReport

    @property
    def changed(self) -> bool:
        """True when there is something to write."""
        return self.old != self.new


def fix_bytes(doctor: Doctor, data: bytes, path: Path, *, shown_as: str | None = None) -> FixResult:
    """Apply every fix that ``doctor``'s options allow, until none is left. Raises UnreadableError.

    Each round takes the fixes that don't touch the same place and judges the result anew, so a fix is never applied to
    text that it was not made for.
    """
    applied: dict[tuple[str, str | None, tuple[str, ...], int | None], Finding] = {}
    new = data
    report = doctor.check_bytes(new, path, shown_as=shown_as)
    for _ in range(_MAX_FIX_ROUNDS):
        chosen = _compatible(report.findings, unsafe=doctor.settings.unsafe_fixes)
        if not chosen:
            break
        edits = [Edit(edit.start, edit.end, edit.text) for _, fix in chosen for edit in fix.edits]
        changed = apply_edits(new, edits)
        if changed == new:
            break
        new = changed
        for finding, _ in chosen:
            stage = finding.stage.index if finding.stage is not None else None
            applied.setdefault((finding.code, finding.need, finding.packages, stage), finding)
        report = doctor.check_bytes(new, path, shown_as=shown_as)
    return FixResult(path, data, new, tuple(applied.values()), report)


def _compatible(findings: Sequence[Finding], *, unsafe: bool) -> list[tuple[Finding, Fix]]:
    """Fixes that may be applied together: no two of them touch the same place."""
    chosen: list[tuple[Finding, Fix]] = []
    taken: list[tuple[int, int]] = []
    for finding in findings:
        fix = finding.fix
        if fix is None or not fix.edits or any(edit.path is not None for edit in fix.edits):
            continue
        if fix.applicability != "safe" and not (unsafe and fix.applicability == "unsafe"):
            continue
        spans = [(edit.start, edit.end) for edit in fix.edits]
        if any(start <= end2 and start2 <= end for start, end in spans for start2, end2 in taken):
            continue
        taken.extend(spans)
        chosen.append((finding, fix))
    return chosen


def configure(**settings: object) -> Configuration:
    """A configuration from :class:`Settings` by field name, no file read; lists and dictionaries are taken as they are.

    Raises ConfigError for what is no option or no value of one.
    """
    given = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    unknown = sorted(given.keys() - {field.name for field in fields(Settings)})
    if unknown:
        raise ConfigError(f"unknown option {unknown[0]!r}")
    return load(Path(), overrides=given, isolated=True)


def analyze(path: str | Path, **settings: object) -> Report:
    """Judge one Dockerfile with these settings (see :class:`Settings`). What can't be read is in ``errors``.

    Raises ConfigError for a wrong setting and KnowledgeError when the rules can't be read.
    """
    try:
        return Report((Doctor(configure(**settings)).check_file(Path(path)),))
    except UnreadableError as error:
        return Report((), (FileError(str(path), str(error)),))


def fix(path: str | Path, **settings: object) -> FixResult:
    """Work out the fixed bytes of one Dockerfile; nothing is written.

    Raises UnreadableError, ConfigError for a wrong setting and KnowledgeError when the rules can't be read.
    """
    place = Path(path)
    return fix_bytes(Doctor(configure(**settings)), read_dockerfile(place), place)


def read_dockerfile(path: Path) -> bytes:
    """The bytes of a Dockerfile. Raises UnreadableError for anything that is no readable, reasonable text file."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableError("is a folder, not a Dockerfile")
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("is not a regular file")
        if status.st_size > MAX_DOCKERFILE_SIZE:
            raise UnreadableError(f"is larger than {MAX_DOCKERFILE_SIZE // 2**20} MiB: not a Dockerfile")
        data = path.read_bytes()
    except UnreadableError:
        raise
    except (OSError, ValueError) as error:
        raise UnreadableError(getattr(error, "strerror", None) or str(error)) from None
    if b"\0" in data[:8192]:
        raise UnreadableError("is a binary file, not a Dockerfile")
    return data


def _relative(root: Path) -> str:
    """The context as the user would name it: relative to where they are, when that is shorter."""
    relative = os.path.relpath(root)
    return str(root) if relative.startswith("..") and root.is_absolute() else relative


def _count(timeline: Timeline, kind: str) -> int:
    return sum(1 for stage in timeline.stages.values() if stage.kind == kind)


def _unknown(timeline: Timeline) -> int:
    broken = sum(1 for problem in timeline.dockerfile.problems if problem.severity == "error")
    return broken + sum(notice.things for notice in timeline.unjudged)


def _merge_platforms(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for all platforms that say the same."""
    merged: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        key = (finding.code, finding.location, finding.need, finding.packages, finding.distribution, finding.message)
        first = merged.get(key)
        if first is None:
            merged[key] = finding
        else:
            platforms = tuple(dict.fromkeys((*first.platforms, *finding.platforms)))
            merged[key] = replace(first, platforms=platforms)
    return list(merged.values())


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: (f.location.line, f.location.column, f.code, f.need or "", f.message)))
