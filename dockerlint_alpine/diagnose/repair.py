"""Puts what a log proves, and what the rules foresee after it, into the Dockerfile: the same edits as ``fix`` makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.checks import CHECKS
from dockerlint_alpine.diagnose.locate import Place, cause_place, failed_place
from dockerlint_alpine.diagnose.systems import abroad
from dockerlint_alpine.fixer.placement import add_package
from dockerlint_alpine.stages import ApkStep, Moment, Stage, Timeline
from dockerlint_alpine.syntax import Edit, LayoutError, apply_edits, list_layout
from dockerlint_alpine.system.platforms import APK_ARCH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from dockerlint_alpine.diagnose.model import Cause, Diagnosis
    from dockerlint_alpine.diagnose.scan import Scan
    from dockerlint_alpine.model.findings import Finding, Purpose
    from dockerlint_alpine.run.analysis import Doctor

FORESEEN_CODES = tuple(check.code for check in CHECKS if check.foresees_failure)
"""The checks whose findings are the next failures."""


class Applied(Struct, frozen=True):
    """One change: what it does, the package, and whether the log proves it or the rules foresee it."""

    title: str
    package: str
    foreseen: bool


class Repair(Struct, frozen=True):
    """A diagnosis held against a Dockerfile: its causes with their stages, and the bytes before and after.

    ``notes`` say what was not written and why; ``complete`` is true where every cause is gone from the new bytes.
    """

    diagnosis: Diagnosis
    old: bytes
    new: bytes
    applied: tuple[Applied, ...]
    notes: tuple[str, ...]
    complete: bool

    @property
    def changed(self) -> bool:
        """True when there is something to write."""
        return self.old != self.new


class DockerfileRepair:
    """One Dockerfile and the log of its build. ``doctor`` brings rules, indexes and options.

    What the Dockerfile does not tell of its base (the release, the Python) is taken from the log.
    """

    def __init__(self, doctor: Doctor, data: bytes, path: Path, found: Scan, shown_as: str) -> None:
        settings = doctor.settings
        self.platform = settings.platforms[0]
        settings = replace(
            settings,
            alpine=settings.alpine or found.release,
            python=settings.python or found.python,
            platforms=(self.platform,),
        )
        self._doctor = doctor.configured(settings)
        self._path = path
        self._found = found
        self._shown_as = shown_as
        self._data = data
        self._timeline = self._read(data)

    @property
    def arch(self) -> str:
        """The architecture of the platform that is looked at, in apk's words."""
        return str(APK_ARCH.get(self.platform, "x86_64"))

    def release(self) -> tuple[str | None, str]:
        """The Alpine release of the failing stage (else of the stage that runs), and who says so.

        What the failing step itself fetched goes first: a tag may have moved since. ``None``: the log may tell.
        """
        for stage in self._stages():
            if self._found.release is not None and len(set(self._found.releases.values())) == 1:
                return self._found.release, "the log fetches its index"
            if stage.alpine is not None:
                return stage.alpine, f"{self._shown_as}: {stage.base}"
        return None, ""

    def python(self) -> str | None:
        """The Python (``X.Y``) of the failing stage, else of the one that runs, where its base image tells it."""
        homes = (stage.home for stage in self._stages() if stage.home is not None)
        return next((home.version for home in homes if home.version), None)

    def _stages(self) -> list[Stage]:
        """The failing stage, where it is known, then those that run."""
        place = failed_place(self._timeline, self._found, None)
        running = [stage for _, stage in sorted(self._timeline.stages.items(), reverse=True) if stage.runs]
        return [place.stage, *running] if place is not None else running

    def repair(self, diagnosis: Diagnosis) -> Repair:
        """Place the causes, add what they prove, then what the rules and the checks foresee."""
        failed = failed_place(self._timeline, self._found, diagnosis.failed)
        places = [cause_place(self._timeline, cause, failed) for cause in diagnosis.causes]
        pairs = zip(diagnosis.causes, places, strict=True)
        diagnosis = replace(diagnosis, causes=tuple(self._in_stage(cause, place) for cause, place in pairs))
        work = _Work(self._data)
        for cause, place in zip(diagnosis.causes, places, strict=True):
            self._write_cause(work, cause, place)
        complete = not work.notes and all(cause.packages or cause.pin for cause in diagnosis.causes)
        findings: tuple[Finding, ...] = ()
        if diagnosis.verdict == "packages":
            findings = self._write_foreseen(work, diagnosis, places)
        causes = _with_stages(diagnosis.causes, places, findings, work.along)
        return Repair(
            replace(diagnosis, causes=causes), self._data, work.data, tuple(work.applied), tuple(work.notes), complete
        )

    def _write_cause(self, work: _Work, cause: Cause, place: Place | None) -> None:
        """Write what the log proves for one cause, or note why that can't be done."""
        if cause.pin is not None and cause.need is not None:
            work.edited(_replace_operand(self._read(work.data), work.data, _plain(cause.need), cause.pin), cause.pin)
            return
        step: tuple[bytes, str] | str | None
        for package in cause.packages:
            if cause.replaces is not None:
                step = _replace_operand(self._read(work.data), work.data, cause.replaces, package)
            elif place is None:
                step = f"{package}: {self._shown_as} has no stage that is known to be Alpine"
            else:
                purpose: Purpose = "runtime" if cause.lasting else "build"
                step = self._add(work, place, package, purpose)
            work.edited(step, package)

    def _write_foreseen(self, work: _Work, diagnosis: Diagnosis, places: Sequence[Place | None]) -> tuple[Finding, ...]:
        """Write what will be missing next: what the checks find in the Dockerfile, then what only the rules know.

        What can't be placed is not a note: nothing has failed for it yet.
        """
        findings, new = self._checked(work.data)
        if new != work.data:
            work.data = new
            work.applied += [
                Applied(f.fix.title, f.packages[0], foreseen=True) for f in findings if f.fix and f.packages
            ]
        found = {package for finding in findings for package in finding.packages}
        for cause, place in zip(diagnosis.causes, places, strict=True):
            for package in cause.foreseen:
                if package in found:
                    continue
                runs = package in cause.foreseen_to_run
                where = _running(self._timeline, place) if runs else place
                step = self._add(work, where, package, "runtime" if runs else "build") if where is not None else None
                if isinstance(step, tuple):
                    work.edited(step, package, foreseen=True)
                elif step is None and where is not None:
                    work.along.add(package)
        return findings

    def _read(self, data: bytes) -> Timeline:
        """Run ``data`` on paper for the platform. Raises UnreadableError."""
        (timeline,) = self._doctor.timelines(data, self._path, shown_as=self._shown_as)
        return timeline

    def _add(self, work: _Work, place: Place, package: str, purpose: Purpose) -> tuple[bytes, str] | str | None:
        """The bytes with ``package`` added and what was done, why nothing was, or ``None`` where it comes along."""
        timeline = self._read(work.data)
        stage = timeline.stages[place.stage.index]
        if stage.packages is None:
            alpine = "not Alpine" if stage.kind == "other" else "not known to be Alpine"
            return f"{package}: the base of stage {stage_text(stage)} ({stage.base}) is {alpine}"
        ordinal = _ordinal(place)
        before = stage.instructions[ordinal] if ordinal is not None else None
        moment = _moment_at(stage, ordinal)
        if moment is not None and moment.world.has(package):
            if work.data != self._data:
                return None
            return f"{package} is already in the stage: the log is from another Dockerfile, or from before it was added"
        placed = add_package(timeline, stage, package, purpose, before)
        if placed is None:
            return f"{package}: no place for it was found in stage {stage_text(stage)}"
        fix, _ = placed
        return apply_edits(work.data, [Edit(edit.start, edit.end, edit.text) for edit in fix.edits]), fix.title

    def _checked(self, data: bytes) -> tuple[tuple[Finding, ...], bytes]:
        """What the checks still find in ``data``, mended as ``fix`` mends it."""
        from dockerlint_alpine.run.analysis import fix_bytes

        settings = replace(self._doctor.settings, select=FORESEEN_CODES, ignore=())
        doctor = self._doctor.configured(settings)
        result = fix_bytes(doctor, data, self._path, shown_as=self._shown_as)
        return result.applied, result.new

    def _in_stage(self, cause: Cause, place: Place | None) -> Cause:
        """The cause as it is in its stage: apk's packages are of no use in one that is not Alpine.

        What the log says of Alpine goes first: it may be of another build than the Dockerfile is now.
        """
        on_alpine = self._found.release is not None or any(sign.system.alpine for sign in self._found.signs)
        if place is None or place.stage.kind != "other" or on_alpine:
            return cause
        return abroad(cause, "another system", f"stage {stage_text(place.stage)} is FROM {place.stage.base}")


class _Work:
    """The bytes on their way, and what was done and left on it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.applied: list[Applied] = []
        self.along: set[str] = set()
        """What was foreseen and comes along with what is there by then."""
        self.notes: list[str] = []

    def edited(self, step: tuple[bytes, str] | str | None, package: str, *, foreseen: bool = False) -> None:
        """Take over one step: new bytes with what was done, a reason why not, or nothing to do."""
        if isinstance(step, str):
            self.notes.append(step)
        elif step is not None:
            self.data, title = step
            self.applied.append(Applied(title, package, foreseen))


def _running(timeline: Timeline, place: Place | None) -> Place | None:
    """The end of the stage whose image runs: the stage of ``place`` itself where it does, else the last one."""
    if place is not None and place.stage.runs:
        return Place(place.stage, None)
    last = [stage for _, stage in sorted(timeline.stages.items()) if stage.runs]
    return Place(last[-1], None) if last else None


def stage_text(stage: Stage) -> str:
    """A stage as ``--target`` takes it: its name, or its number where it has none."""
    return stage.name if stage.name is not None else str(stage.index)


def _ordinal(place: Place) -> int | None:
    """The position of the instruction in its stage: edits before it move its offsets, not its position."""
    if place.instruction is None:
        return None
    return next((n for n, item in enumerate(place.stage.instructions) if item is place.instruction), None)


def _moment_at(stage: Stage, ordinal: int | None) -> Moment | None:
    """The stage as it is when the instruction runs: after the last step before it."""
    if ordinal is None:
        return stage.end
    start = stage.instructions[ordinal].start
    earlier = [step for step in stage.steps if isinstance(step, ApkStep) and step.instruction.start < start]
    return earlier[-1].after if earlier else stage.start


def _replace_operand(timeline: Timeline, data: bytes, name: str, new: str) -> tuple[bytes, str] | str:
    """The bytes with what the first ``apk add`` writes for ``name``, pin included, replaced by ``new``."""
    for stage in timeline.stages.values():
        for step in stage.steps:
            if not isinstance(step, ApkStep) or step.command.verb != "add":
                continue
            written = [
                item.text for item in step.command.operands if item.arg is not None and _plain(item.text) == name
            ]
            if written:
                args = [operand.arg for operand in step.command.operands if operand.arg is not None]
                try:
                    edit = list_layout(timeline.dockerfile, args).replace(written[0], new)
                except LayoutError:
                    continue
                line = timeline.dockerfile.line_of(step.span[0])
                return apply_edits(data, [edit]), f"replace {written[0]} by {new} in the apk add in line {line}"
    return f"{name}: no apk add of the Dockerfile names it"


def _plain(operand: str) -> str:
    for mark in "=<>~@":
        operand = operand.partition(mark)[0]
    return operand


def _with_stages(
    causes: tuple[Cause, ...], places: Sequence[Place | None], findings: tuple[Finding, ...], along: AbstractSet[str]
) -> tuple[Cause, ...]:
    """The causes with the stage each belongs in, and with what the checks foresee beside what the rules do.

    What comes ``along`` with it is left out.
    """
    taken = {package for cause in causes for package in (*cause.packages, *cause.foreseen)}
    completed = []
    for position, (cause, place) in enumerate(zip(causes, places, strict=True)):
        mine = [f for f in findings if _about(f, cause) or (position == len(causes) - 1)]
        names = [name for f in mine for name in f.packages if name not in taken]
        taken.update(names)
        known = [name for name in cause.foreseen if name not in along]
        foreseen = tuple(dict.fromkeys((*known, *names))) if cause.outcome != "none" else ()
        stage = stage_text(place.stage) if place is not None else cause.stage
        completed.append(replace(cause, stage=stage, foreseen=foreseen))
    return tuple(completed)


def _about(finding: Finding, cause: Cause) -> bool:
    return finding.distribution is not None and finding.distribution.name == cause.distribution
