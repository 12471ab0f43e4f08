"""The main job: read a Dockerfile, run it on paper for each platform, let the checks look, collect what they say.

Nothing here prints or writes; :func:`fix` returns the new bytes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.checks import CHECKS, Subject
from dockerlint_alpine.checks.ad502_compiled_without_wheel import worth_a_line
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


@dataclass(frozen=True)
class Options:
    """How to judge. ``select`` and ``ignore`` are codes or their beginnings; ``select`` empty means every code.

    ``platforms`` are Docker's (``linux/arm64``). ``context`` overrules the guess of the build context. ``alpine`` and
    ``python`` (``X.Y``) overrule what base images tell. ``as_of`` (``YYYY-MM-DD``) leaves out younger releases.
    """

    platforms: tuple[str, ...] = ("linux/amd64",)
    build_args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    context: Path | None = None
    alpine: str | None = None
    python: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    as_of: str | None = None
    rules: tuple[Path, ...] = ()
    unsafe_fixes: bool = False


class Doctor:
    """The knowledge and indexes that many files share: open it once, ask it often. Not for several threads at once."""

    def __init__(
        self,
        options: Options = Options(),  # noqa: B008 - frozen
        *,
        resolver: Resolver | None = None,
        store: IndexStore | None = None,
    ) -> None:
        self.options = options
        self.resolver = resolver
        self.store = store if store is not None else IndexStore()

    @cached_property
    def knowledge(self) -> Knowledge:
        """The rules, those of the user on top. Raises KnowledgeError."""
        return Knowledge.open(extra=self.options.rules)

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
        timelines = [self._timeline(dockerfile, platform, context, name) for platform in self.options.platforms]
        for timeline in timelines:
            subject = Subject(timeline, self.knowledge)
            for check in CHECKS:
                if self._selected(check.code):
                    found.extend(check.run(subject))
        findings = _sorted(_merge_platforms(self._listed(found)))
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
        installer = Installer(self.knowledge, self.knowledge.facts, self.resolver, self.options.as_of)
        try:
            timeline = build_timeline(
                dockerfile,
                platform,
                context=context,
                knowledge=self.knowledge,
                store=self.store,
                installer=installer,
                build_args=self.options.build_args,
                target=self.options.target,
                alpine=self.options.alpine,
                python=self.options.python,
                shown_as=name,
            )
        except StageGraphError as error:
            raise UnreadableError(str(error)) from None
        if installer.notes:
            timeline = replace(timeline, notes=(*timeline.notes, *dict.fromkeys(installer.notes)))
        return timeline

    def _context(self, dockerfile: Dockerfile, path: Path) -> BuildContext:
        root = self.options.context or guess_root(path, copy_sources(dockerfile))
        return open_context(root, path, shown_as=_relative(root))

    def _selected(self, code: str) -> bool:
        """The longest match decides between ``select`` and ``ignore``, as in ruff."""
        wanted = max((len(prefix) for prefix in self.options.select if _covers(prefix, code)), default=-1)
        refused = max((len(prefix) for prefix in self.options.ignore if _covers(prefix, code)), default=-1)
        if self.options.select and wanted < 0:
            return False
        return refused < 0 or wanted > refused

    def _listed(self, findings: Iterable[Finding]) -> list[Finding]:
        """AD502 is listed where it helps, or when somebody asked for it."""
        asked = any(_covers(prefix, "AD502") for prefix in self.options.select)
        return [finding for finding in findings if finding.code != "AD502" or asked or worth_a_line(finding)]


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
        chosen = _compatible(report.findings, doctor.options)
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


def _compatible(findings: Sequence[Finding], options: Options) -> list[tuple[Finding, Fix]]:
    """Fixes that may be applied together: no two of them touch the same place."""
    chosen: list[tuple[Finding, Fix]] = []
    taken: list[tuple[int, int]] = []
    for finding in findings:
        fix = finding.fix
        if fix is None or not fix.edits or any(edit.path is not None for edit in fix.edits):
            continue
        if fix.applicability != "safe" and not (options.unsafe_fixes and fix.applicability == "unsafe"):
            continue
        spans = [(edit.start, edit.end) for edit in fix.edits]
        if any(start <= end2 and start2 <= end for start, end in spans for start2, end2 in taken):
            continue
        taken.extend(spans)
        chosen.append((finding, fix))
    return chosen


def analyze(path: str | Path, options: Options = Options(), **changes: object) -> Report:  # noqa: B008 - frozen
    """Judge one Dockerfile; ``changes`` overrule single fields of ``options``. What can't be read is in ``errors``."""
    doctor = Doctor(replace(options, **changes))  # type: ignore[arg-type]
    try:
        return Report((doctor.check_file(Path(path)),))
    except UnreadableError as error:
        return Report((), (FileError(str(path), str(error)),))


def fix(path: str | Path, options: Options = Options(), **changes: object) -> FixResult:  # noqa: B008 - frozen
    """Work out the fixed bytes of one Dockerfile; nothing is written. Raises UnreadableError."""
    doctor = Doctor(replace(options, **changes))  # type: ignore[arg-type]
    place = Path(path)
    return fix_bytes(doctor, read_dockerfile(place), place)


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


def _covers(prefix: str, code: str) -> bool:
    return prefix.upper() == "ALL" or code.startswith(prefix.upper())


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
