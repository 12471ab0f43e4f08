"""Puts what a log proves, and what the rules foresee after it, into the Dockerfile: the same edits as ``fix`` makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlint_alpine.checks import CHECKS
from dockerlint_alpine.diagnose.locate import Place, cause_place, failed_place
from dockerlint_alpine.diagnose.systems import Elsewhere, abroad
from dockerlint_alpine.fixer.placement import add_package
from dockerlint_alpine.stages import (
    APK_ARCH,
    ApkStep,
    Installer,
    StageGraphError,
    build_timeline,
    copy_sources,
    guess_root,
    open_context,
)
from dockerlint_alpine.syntax import Edit, LayoutError, apply_edits, list_layout, parse

if TYPE_CHECKING:
    from dockerlint_alpine.diagnose.model import Cause, Diagnosis
    from dockerlint_alpine.diagnose.scan import Scan
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.run.analysis import Doctor
    from dockerlint_alpine.stages import Moment, Stage, Timeline

FORESEEN_CODES = tuple(check.code for check in CHECKS if check.foresees_failure)
"""The checks whose findings are the next failures."""


@dataclass(frozen=True, slots=True)
class Applied:
    """One change: what it does, the package, and whether the log proves it or the rules foresee it."""

    title: str
    package: str
    foreseen: bool


@dataclass(frozen=True, slots=True)
class Repair:
    """A diagnosis held against a Dockerfile: its causes with their stages, and the bytes before and after.

    ``notes`` say what was not written and why.
    """

    diagnosis: Diagnosis
    old: bytes
    new: bytes
    applied: tuple[Applied, ...]
    notes: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """True when there is something to write."""
        return self.old != self.new


class Surgery:
    """One Dockerfile and the log of its build. ``doctor`` brings rules, indexes and options."""

    def __init__(self, doctor: Doctor, data: bytes, path: Path, found: Scan, shown_as: str) -> None:
        self._doctor = doctor
        self._path = path
        self._found = found
        self._shown_as = shown_as
        self._data = data
        self._timeline = self._read(data)

    @property
    def platform(self) -> str:
        """The platform that is looked at: the first asked for."""
        return self._doctor.settings.platforms[0]

    @property
    def arch(self) -> str:
        """The same in apk's words."""
        return str(APK_ARCH.get(self.platform, "x86_64"))

    def release(self) -> tuple[str | None, str]:
        """The Alpine release of the failing stage (else of the stage that runs), and who says so."""
        place = failed_place(self._timeline, self._found, None)
        stages = [place.stage] if place is not None else []
        stages += [stage for _, stage in sorted(self._timeline.stages.items(), reverse=True) if stage.runs]
        for stage in stages:
            if stage.alpine is not None:
                return stage.alpine, f"{self._shown_as}: {stage.base}"
        return None, ""

    def repair(self, diagnosis: Diagnosis) -> Repair:
        """Place the causes, add what they prove, then what the rules foresee. Raises UnknownStepError."""
        failed = failed_place(self._timeline, self._found, diagnosis.failed)
        places = [cause_place(self._timeline, cause, failed) for cause in diagnosis.causes]
        causes = tuple(_in_stage(cause, place.stage) for cause, place in zip(diagnosis.causes, places, strict=True))
        diagnosis = replace(diagnosis, causes=causes)
        new, applied, notes = self._data, list[Applied](), list[str]()
        for cause, place in zip(diagnosis.causes, places, strict=True):
            for package in cause.packages:
                step = self._add(new, cause, place, package)
                if isinstance(step, str):
                    notes.append(step)
                else:
                    new, title = step
                    applied.append(Applied(title, package, foreseen=False))
        findings: tuple[Finding, ...] = ()
        if diagnosis.verdict != "no-package-helps":
            findings, new = self._foreseen(new)
            applied += [Applied(f.fix.title, f.packages[0], foreseen=True) for f in findings if f.fix and f.packages]
        causes = _with_stages(diagnosis.causes, places, findings)
        return Repair(replace(diagnosis, causes=causes), self._data, new, tuple(applied), tuple(notes))

    def _read(self, data: bytes) -> Timeline:
        from dockerlint_alpine.run.analysis import UnreadableError  # noqa: PLC0415 - a cycle at import only

        settings = self._doctor.settings
        dockerfile = parse(data)
        if not any(instruction.keyword == "FROM" for instruction in dockerfile.instructions):
            raise UnreadableError("no FROM instruction: not a Dockerfile")
        given = settings.context
        root = Path(given) if given is not None else guess_root(self._path, copy_sources(dockerfile))
        knowledge = self._doctor.knowledge
        try:
            return build_timeline(
                dockerfile,
                self.platform,
                context=open_context(root, self._path, shown_as=str(root)),
                knowledge=knowledge,
                store=self._doctor.store,
                installer=Installer(knowledge, knowledge.facts, self._doctor.resolver, settings.as_of),
                build_args=dict(settings.build_args),
                target=settings.target,
                alpine=settings.alpine,
                python=settings.python,
                shown_as=self._shown_as,
            )
        except StageGraphError as error:
            raise UnreadableError(str(error)) from None

    def _add(self, data: bytes, cause: Cause, place: Place, package: str) -> tuple[bytes, str] | str:
        """The bytes with ``package`` added for ``cause`` and what was done, or why nothing was."""
        timeline = self._read(data)
        stage = timeline.stages[place.stage.index]
        if cause.replaces is not None:
            return _replace_name(timeline, data, cause.replaces, package)
        if stage.packages is None:
            return f"{package}: stage {stage_text(stage)} is not Alpine, nothing is written"
        ordinal = _ordinal(place)
        before = stage.instructions[ordinal] if ordinal is not None else None
        moment = _moment_at(stage, ordinal)
        if moment is not None and moment.world.has(package):
            return f"{package} is in the stage already: the log is from another Dockerfile, or from before it was added"
        placed = add_package(timeline, stage, package, "runtime" if cause.moment == "run" else "build", before)
        if placed is None:
            return f"{package}: no place for it was found in stage {stage_text(stage)}"
        fix, _ = placed
        return apply_edits(data, [Edit(edit.start, edit.end, edit.text) for edit in fix.edits]), fix.title

    def _foreseen(self, data: bytes) -> tuple[tuple[Finding, ...], bytes]:
        """What the checks still find in ``data``, mended as ``fix`` mends it."""
        from dockerlint_alpine.run.analysis import fix_bytes  # noqa: PLC0415 - a cycle at import only

        settings = replace(self._doctor.settings, select=FORESEEN_CODES, ignore=(), platforms=(self.platform,))
        doctor = self._doctor.configured(settings)
        result = fix_bytes(doctor, data, self._path, shown_as=self._shown_as)
        return result.applied, result.new


def _in_stage(cause: Cause, stage: Stage) -> Cause:
    """The cause as it is in its stage: apk's packages are of no use in one that is not Alpine."""
    if stage.kind != "other":
        return cause
    return abroad(cause, Elsewhere("another system", f"stage {stage_text(stage)} is FROM {stage.base}"))


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


def _replace_name(timeline: Timeline, data: bytes, old: str, new: str) -> tuple[bytes, str] | str:
    """The bytes with the name in the first ``apk add`` that has it changed, its pin dropped."""
    for stage in timeline.stages.values():
        for step in stage.steps:
            if not isinstance(step, ApkStep) or step.command.verb != "add":
                continue
            names = [item.text for item in step.command.operands if item.arg is not None and _plain(item.text) == old]
            if names:
                args = [operand.arg for operand in step.command.operands if operand.arg is not None]
                try:
                    edit = list_layout(timeline.dockerfile, args).replace(names[0], new)
                except LayoutError:
                    continue
                line = timeline.dockerfile.line_of(step.span[0])
                return apply_edits(data, [edit]), f"replace {old} by {new} in the apk add in line {line}"
    return f"{old}: no apk add of the Dockerfile names it"


def _plain(operand: str) -> str:
    for mark in "=<>~@":
        operand = operand.partition(mark)[0]
    return operand


def _with_stages(causes: tuple[Cause, ...], places: list[Place], findings: tuple[Finding, ...]) -> tuple[Cause, ...]:
    """The causes with the stage each belongs in, and with what the checks foresee in place of the bare rules."""
    taken = {package for cause in causes for package in cause.packages}
    completed = []
    for position, (cause, place) in enumerate(zip(causes, places, strict=True)):
        mine = [f for f in findings if _about(f, cause) or (position == len(causes) - 1)]
        names = [name for f in mine for name in f.packages if name not in taken]
        taken.update(names)
        foreseen = tuple(dict.fromkeys(names)) if cause.outcome != "none" else ()
        completed.append(replace(cause, stage=stage_text(place.stage), foreseen=foreseen))
    return tuple(completed)


def _about(finding: Finding, cause: Cause) -> bool:
    return finding.distribution is not None and finding.distribution.name == cause.distribution
