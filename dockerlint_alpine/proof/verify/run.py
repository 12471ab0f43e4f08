"""Drives a verification: performs the steps of the state machine and records their results."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from dockerlint_alpine.proof.image import ImageMismatchError, stage_of
from dockerlint_alpine.proof.verify import machine
from dockerlint_alpine.proof.verify.build import BuildOrder, Built, base_images, build, ensure_images
from dockerlint_alpine.proof.verify.claims import Claim, fails, stops_build
from dockerlint_alpine.proof.verify.clock import Deadline
from dockerlint_alpine.proof.verify.engine import LABEL, PROJECT_LABEL, Container, Engine, Surroundings, label_filter
from dockerlint_alpine.proof.verify.errors import NotVerifiedError, PlanError, VerifyError
from dockerlint_alpine.proof.verify.evidence import Journal
from dockerlint_alpine.proof.verify.image_proof import ImageProof, Judged, prove_image
from dockerlint_alpine.proof.verify.model import (
    CauseFound,
    Check,
    FixStory,
    Level,
    ServiceResult,
    Status,
    VerifyReport,
    exit_code_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dockerlint_alpine.apk import Index
    from dockerlint_alpine.elf.targets import Subject
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.proof.verify.keeping import FixWriter
    from dockerlint_alpine.proof.verify.redact import Redactor
    from dockerlint_alpine.proof.verify.stack import RunningStack
    from dockerlint_alpine.run.analysis import Doctor


class Unit(Struct, frozen=True):
    """One image to prove: of the engine, or built from a Dockerfile first. ``doctor`` judges with the settings of its build.

    ``services`` are those of a compose file that run it, ``around`` how the first of them changes what the image says.
    """

    name: str
    image: str
    doctor: Doctor
    path: Path | None = None
    context: Path | None = None
    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    platform: str | None = None
    services: tuple[str, ...] = ()
    around: Surroundings = Surroundings()

    @property
    def service(self) -> str | None:
        """The service that the checks of the image are reported for."""
        return self.services[0] if self.services else None


class Request(Struct, frozen=True):
    """What the options ask for: the last level (``None``: as far as it goes), the seconds for the whole run and for one
    build, and the words of ``--allow``."""

    level: Level | None
    timeout: float
    build_timeout: float
    allowed: frozenset[str]


class Plan(Struct, frozen=True):
    """What is to be done. ``project`` is the name that everything made in the engine goes by; ``keep`` leaves the services
    up; ``needs`` are images that services run as they are."""

    target: str
    project: str
    units: tuple[Unit, ...]
    level: Level
    request: Request
    keep: bool = False
    stack: Callable[[Engine, Journal, Mapping[str, str], str], RunningStack] | None = None
    needs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def phases(self) -> tuple[machine.Phase, ...]:
        """The phases that lead to the level."""
        phases = machine.STACK_PHASES if self.stack is not None else machine.IMAGE_PHASES
        last: machine.Phase = "start" if self.level == "health" else self.level
        return phases[: phases.index(last) + 1] if last in phases else phases


class Run:
    """One verification. :meth:`go` returns the report; nothing that it made is left in the engine then, but what ``keep``
    asks for. ``stopping`` says whether somebody has asked to end."""

    def __init__(
        self,
        plan: Plan,
        connect: Callable[[], Engine],
        redactor: Redactor,
        say: Callable[[str], None],
        *,
        writer: FixWriter | None = None,
        index: Callable[[Subject], Index | None] = lambda _: None,
        on_phase: Callable[[machine.Phase | None], None] = lambda _: None,
    ) -> None:
        self.id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        self.plan = plan
        self.redactor = redactor
        self.journal = Journal(redactor, say)
        self._connect = connect
        self._writer = writer
        self._index = index
        self._on_phase = on_phase
        self._engine: Engine | None = None
        self._stack: RunningStack | None = None
        self._deadline = Deadline.after(plan.request.timeout)
        self._judged: dict[str, Judged | None] = {}
        self._proofs: dict[str, ImageProof] = {}
        self._before: dict[str, ImageProof] = {}
        self._broken: dict[str, str] = {}
        self._checks: list[Check] = []
        self._before_checks: list[Check] = []
        self._causes: list[CauseFound] = []
        self._not_verified: list[str] = []
        self._services: list[ServiceResult] = []
        self._bytes: dict[Path, bytes] = {}
        self._failure: BaseException | None = None
        self._why_restored = ""
        self._restore_failed = False

    @property
    def labels(self) -> dict[str, str]:
        """The labels of everything that this run makes in the engine."""
        return {LABEL: self.id, PROJECT_LABEL: self.plan.project}

    def go(self) -> VerifyReport:
        """Run the phases to their end. Raises :class:`PlanError` where what was asked for is wrong."""
        started = datetime.now(UTC).isoformat(timespec="seconds")
        phases = self.plan.phases
        state = machine.begin(machine.fixing(phases) if self._writer is not None and self._writer.results else phases)
        while state.phase != "done":
            before = time.monotonic()
            try:
                outcome = self._do(state)
            except KeyboardInterrupt:  # it came as the phase ended
                outcome = "interrupted"
            self.journal.add(state.phase, "phase", outcome, detail={"seconds": round(time.monotonic() - before, 3)})
            state = machine.advance(state, outcome)
        facts: Mapping[str, str] = {}
        if self._engine is not None:
            facts = self._engine.facts if not self._failure else {}
            self._engine.close()
        if self._failure is not None:
            raise self._failure
        return self._report(state, started, facts)

    def _do(self, state: machine.State) -> machine.Outcome:
        if state.phase not in machine.ENDING and self._deadline.over:
            return self._unverified(f"{state.phase}: the time limit of {self.plan.request.timeout:.0f} s was exceeded")
        try:
            self._on_phase(state.phase)
            return getattr(self, f"_{state.phase}")(state)  # type: ignore[no-any-return]
        except PlanError as error:
            self._failure = error
            return "not-verified"
        except VerifyError as error:
            return self._unverified(f"{state.phase}: {error}")
        except KeyboardInterrupt:
            self._not_verified.append(f"{state.phase}: interrupted")
            return "interrupted"
        except Exception as error:  # noqa: BLE001 - what was made must be removed first; it is raised again after that
            self._failure = self._failure or error
            return "not-verified"
        finally:
            self._on_phase(None)

    def _unverified(self, why: str) -> machine.Outcome:
        self._not_verified.append(why)
        self.journal.add("run", "not-verified", detail=why)
        return "not-verified"

    @property
    def engine(self) -> Engine:
        """The engine; connected in the first phase."""
        assert self._engine is not None
        return self._engine

    # The phases.

    def _plan(self, _: machine.State) -> machine.Outcome:
        self._engine = self._connect()
        self.journal.add("plan", "engine", detail=self.engine.facts)
        for unit in self.plan.units:
            self._judged[unit.name] = self._judge(unit, None)
        if self.plan.stack is not None:
            self._stack = self.plan.stack(self.engine, self.journal, self.labels, self.id)
        return "ok"

    def _judge(self, unit: Unit, data: bytes | None) -> Judged | None:
        if unit.path is None:
            return None
        from dockerlint_alpine.run.analysis import UnreadableError, read_dockerfile

        name = shown(unit.path)
        try:
            data = read_dockerfile(unit.path) if data is None else data
            self._bytes[unit.path] = data
            doctor = self._for_engine(unit)
            (timeline,) = doctor.timelines(data, unit.path, shown_as=name)
            report = doctor.report(name, [timeline])
            try:
                stage = stage_of(timeline, unit.target)
            except ImageMismatchError as error:
                self.journal.add("plan", "not-alpine", service=unit.name, detail=str(error))
                return None
        except UnreadableError as error:
            raise PlanError(f"{name}: {error}") from None
        return Judged(name, timeline, stage, report.findings)

    def _for_engine(self, unit: Unit) -> Doctor:
        """The doctor for the platform of the engine, where nobody asked for another."""
        platform = unit.platform or self.engine.facts["platform"]
        return unit.doctor.configured(replace(unit.doctor.settings, platforms=(platform,)))

    def _baseline(self, _: machine.State) -> machine.Outcome:
        """Build the old state of what is to be fixed; it must be red for the predicted reason."""
        assert self._writer is not None
        reproduced = True
        for unit in self._changed_units():
            predicted = [one for one in self._findings(unit) if fails(one)]
            built = self._build_unit(unit, self._writer.results[unit.path].old, f"{unit.image}-before")  # type: ignore[index]
            if not built.ok:
                causes = self._causes_in(unit, f"build of {unit.name}", built.log)
                packages = {name for cause in causes for name in cause.packages}
                confirmed = [one for one in predicted if stops_build(one) and set(one.packages) & packages]
                proof = ImageProof(
                    unit.image, "", unit.services, shown(unit.path), claims=tuple(_of_build(predicted, packages))
                )
                self._before_checks.append(_build_check(unit, built, causes))
            else:
                proof = self._prove(unit, f"{unit.image}-before", importing=False)
                confirmed = [claim.finding for claim in proof.claims if claim.verdict == "confirmed"]
                self._before_checks += _image_checks(unit, proof)
            self._before[unit.name] = proof
            if predicted and not confirmed:
                reproduced = False
                self._why_restored = "the predicted error did not appear in the old state"
            for claim in proof.claims:
                self.journal.add(
                    "baseline", "claim", claim.verdict, service=unit.name, detail=f"{claim.finding.code} {claim.reason}"
                )
        return "ok" if reproduced else "red"

    def _changed_units(self) -> Iterator[Unit]:
        """A unit of each build of the Dockerfiles that the fix changes."""
        results = self._writer.results if self._writer is not None else {}
        yield from (unit for unit in self.plan.units if unit.path in results)

    def _edit(self, _: machine.State) -> machine.Outcome:
        assert self._writer is not None
        self.journal.tell("writing the fix")
        try:
            self._writer.write()
            for unit in self._changed_units():
                self._judged[unit.name] = self._judge(unit, None)
        except OSError as error:
            return self._unverified(f"edit: {error}")
        except BaseException:  # interrupted: what was written by then is not left
            self._writer.restore()
            raise
        return "ok"

    def _build(self, _: machine.State) -> machine.Outcome:
        red = False
        ensure_images(self.engine, self.plan.needs, pull="pull" in self.plan.request.allowed)
        for unit in self.plan.units:
            if unit.path is None:
                ensure_images(self.engine, [unit.image], pull="pull" in self.plan.request.allowed)
                continue
            built = self._build_unit(unit, None, unit.image)
            causes = [] if built.ok else self._causes_in(unit, f"build of {unit.name}", built.log)
            self._checks.append(_build_check(unit, built, causes))
            self._causes += causes
            if not built.ok:
                red = True
                self._broken.update(dict.fromkeys(unit.services or (unit.name,), f"{unit.name} could not be built"))
                packages = {name for cause in causes for name in cause.packages}
                claims = tuple(_of_build(self._findings(unit), packages))
                self._proofs[unit.name] = ImageProof(unit.image, "", unit.services, shown(unit.path), claims=claims)
        return "red" if red else "ok"

    def _build_unit(self, unit: Unit, data: bytes | None, tag: str) -> Built:
        assert unit.path is not None
        assert unit.context is not None
        data = data if data is not None else self._bytes[unit.path]
        judged = self._judged[unit.name]
        if judged is not None:
            ensure_images(self.engine, base_images(judged.timeline), pull="pull" in self.plan.request.allowed)
        self.journal.tell(f"building {unit.name} ({shown(unit.path)}): its RUN lines are executed")
        labels = {**self.labels, "alpine-doctor.unit": unit.name}
        beside = unit.path.with_name(f"{unit.path.name}.dockerignore")
        ignore = beside if beside.is_file() else unit.context / ".dockerignore"
        order = BuildOrder(data, unit.context, tag, unit.target, unit.build_args, unit.platform, labels, ignore=ignore)
        begun = time.monotonic()
        try:
            built = build(self.engine, order, self._deadline.sooner(self.plan.request.build_timeout))
        except NotVerifiedError as error:
            self._checks.append(Check(f"build {unit.name}", "build", "not-verified", unit.service, str(error)))
            raise
        took = round(time.monotonic() - begun, 1)
        self.journal.add(
            "build", "build", "ok" if built.ok else "red", service=unit.name, detail={"seconds": took, "how": built.how}
        )
        for line in built.log[-400:]:
            self.journal.add("build", "log", service=unit.name, detail=line)
        return built

    def _causes_in(self, unit: Unit, where: str, log: Sequence[str]) -> list[CauseFound]:
        from dockerlint_alpine.proof.verify.causes import causes_of

        data = self._bytes.get(unit.path) if unit.path else None
        return causes_of(where, log, unit.doctor, unit.path, data)

    def _loader(self, _: machine.State) -> machine.Outcome:
        red = False
        for unit in self.plan.units:
            if unit.name in self._proofs:  # not built
                continue
            proof = self._prove(unit, unit.image, importing="import" in self.plan.phases)
            self._proofs[unit.name] = proof
            checks = _image_checks(unit, proof)
            self._checks += checks
            self._not_verified += proof.not_verified
            red = red or any(check.bad for check in checks)
            for one in proof.loaded:
                lines = [one.path, *(fault.line for fault in one.faults)]
                self.journal.add("loader", "object", "red" if one.faults else "ok", service=unit.name, detail=lines)
            for imported in proof.imported:
                said = f"{imported.module} {imported.text}".strip()
                self.journal.add("import", "module", imported.kind, service=unit.name, detail=said)
        return "red" if red else "ok"

    def _prove(self, unit: Unit, image: str, *, importing: bool) -> ImageProof:
        return prove_image(
            Container(self.engine, image, self.labels, self._deadline, unit.around),
            self._judged.get(unit.name),
            importing=importing,
            index=self._index,
            services=unit.services,
            say=self.journal.tell,
        )

    def _import(self, _: machine.State) -> machine.Outcome:
        """Done with the loader's level, in the same look at the image; its verdict counts here."""
        return "red" if any(one.red for proof in self._proofs.values() for one in proof.imported) else "ok"

    def _start(self, _: machine.State) -> machine.Outcome:
        assert self._stack is not None
        checks, outcome = self._stack.start(self._deadline, self._broken)
        self._checks += checks
        return outcome

    def _probes(self, _: machine.State) -> machine.Outcome:
        assert self._stack is not None
        checks, outcome = self._stack.probe(self._deadline)
        self._checks += checks
        return outcome

    def _collect(self, state: machine.State) -> machine.Outcome:
        if self._stack is not None:
            self._services = self._stack.collect()
            by_service = {name: unit for unit in self.plan.units for name in unit.services}
            for result in self._services:
                log, unit = [*result.log, *result.health_log], by_service.get(result.name)
                if log and unit is not None and result.reason:
                    self._causes += self._causes_in(unit, f"service {result.name}", log)
        if not state.edited:
            return "ok"
        self._why_restored = self._worse()
        return "red" if self._why_restored else "ok"

    def _worse(self) -> str:
        """Why the new state is not better than the old one; empty where it is."""
        for unit in self._changed_units():
            new = self._proofs.get(unit.name)
            if new is None or not new.id:
                return f"{unit.name} was not built"
            old_faults = {fault.what for one in self._before[unit.name].loaded for fault in one.faults}
            confirmed = {claim.finding.need for claim in self._before[unit.name].claims if claim.verdict == "confirmed"}
            for one in new.loaded:
                for fault in one.faults:
                    if f"so:{fault.what}" in confirmed or fault.what not in old_faults:
                        return f"{one.path}: {fault.line}"
        before = {(check.name, check.service): check.status for check in self._before_checks}
        for check in self._checks:
            if check.bad and before.get((check.name, check.service)) == "pass":
                return f"{check.name} passed before: {check.detail}"
            if check.bad and check.level in ("start", "health", "probes"):
                return f"{check.service or check.name}: {check.detail}"
        return ""

    def _restore(self, state: machine.State) -> machine.Outcome:
        assert self._writer is not None
        self.journal.tell("restoring the old file")
        if not self._why_restored:
            self._why_restored = "interrupted" if state.interrupted else (self._not_verified or ["not verified"])[-1]
        try:
            self._writer.restore()
        except OSError as error:
            self._restore_failed = True
            self._unverified(f"restore: {error}; `alpine-doctor verify --clean` tries again")
            return "red"
        return "ok"

    def _down(self, state: machine.State) -> machine.Outcome:
        if self._writer is not None and not self._restore_failed:
            self._writer.settle()
        if self._engine is None:
            return "ok"
        if self._stack is not None and not self.plan.keep:
            self._stack.down()
        if self.plan.keep and self._stack is not None and not state.interrupted:
            return "ok"
        for line in self.engine.remove(label_filter(self.id)):
            self.journal.add("down", "removed", detail=line)
        return "ok"

    # The report.

    def _findings(self, unit: Unit) -> tuple[Finding, ...]:
        judged = self._judged.get(unit.name)
        return judged.findings if judged is not None else ()

    def _report(self, state: machine.State, started: str, facts: Mapping[str, str]) -> VerifyReport:
        before = {(check.name, check.service): check.status for check in self._before_checks}
        checks = tuple(replace(check, before=before.get((check.name, check.service))) for check in self._checks)
        missing = tuple(dict.fromkeys(self._not_verified))
        code = 3 if state.interrupted else exit_code_of(checks, state.exit_code, not_verified=bool(missing))
        return VerifyReport(
            target=self.plan.target,
            run=self.id,
            started=started,
            seconds=round(self.journal.seconds, 1),
            level=self.plan.level,
            exit_code=code,
            engine=facts,
            images=tuple(self._proofs.values()),
            before=tuple(self._before.values()),
            services=tuple(self._services),
            checks=checks,
            causes=tuple(dict.fromkeys(self._causes)),
            not_verified=missing,
            notes=self.plan.notes,
            fix=self._fix_story(state),
            kept=self._left_up(state),
            inputs=self.plan.inputs,
        )

    def _left_up(self, state: machine.State) -> str:
        up = self.plan.keep and self._stack is not None and not state.interrupted
        return f"alpine-doctor verify --clean  # removes run {self.id}" if up else ""

    def _fix_story(self, state: machine.State) -> FixStory | None:
        if self._writer is None:
            return None
        from dockerlint_alpine.report.diff import diff

        texts, titles, names = list[str](), list[str](), list[str]()
        for path, result in self._writer.results.items():
            names.append(shown(path))
            texts.append(diff(shown(path), result.old, result.new).decode("utf-8", "replace"))
            texts += [diff(other.path, other.old, other.new).decode("utf-8", "replace") for other in result.others]
            titles += [f"{one.code} {one.fix.title if one.fix is not None else one.message}" for one in result.applied]
        kept = state.edited and not state.restored
        reason = "" if kept else self._why_restored
        return FixStory(", ".join(names), "".join(texts), tuple(titles), bool(state.reproduced), kept, reason)


def shown(path: Path | None) -> str:
    """A path as the user would name it."""
    if path is None:
        return ""
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except (ValueError, OSError):
        return str(path)


def _of_build(findings: Sequence[Finding], packages: set[str]) -> Iterator[Claim]:
    """What a build that stopped says of the findings."""
    for finding in findings:
        lacking = sorted(set(finding.packages) & packages)
        if finding.could_not_judge:
            continue
        if stops_build(finding) and lacking:
            yield Claim(finding, "confirmed", "build", f"the build fails without {', '.join(lacking)}")
        else:
            yield Claim(finding, "not-reached", None, "the build did not complete")


def _build_check(unit: Unit, built: Built, causes: Sequence[CauseFound]) -> Check:
    status: Status = "pass" if built.ok else "fail"
    last = next((line for line in reversed(built.log) if line.strip()), "")
    detail = built.how if built.ok else (causes[0].cause if causes else last)
    return Check(f"build {unit.name}", "build", status, unit.service, detail)


def _image_checks(unit: Unit, proof: ImageProof) -> list[Check]:
    """The checks that one look at an image makes: the loader on each distribution, and the imports."""
    service = unit.service
    if "loader" not in proof.levels:
        why = proof.not_verified[0] if proof.not_verified else "the loader was not run"
        return [Check(f"loader: {unit.name}", "loader", "not-verified", service, why)]
    faults = [fault for one in proof.loaded for fault in one.faults]
    unsettled = bool(proof.not_verified) and not faults and "import" not in proof.levels
    red: Status = "fail" if faults else "not-verified" if unsettled else "pass"
    said = faults[0].line if faults else f"{len(proof.loaded)} extension modules load"
    checks = [Check(f"loader: {unit.name}", "loader", red, service, said)]
    if "import" in proof.levels:
        bad = [one for one in proof.imported if one.red]
        others = sum(1 for one in proof.imported if one.kind in ("dependency", "error"))
        said = (
            f"{bad[0].module}: {bad[0].text}"
            if bad
            else f"{sum(1 for one in proof.imported if one.kind == 'imported')} of {len(proof.imported)} modules imported"
        )
        said += f", {others} failed for other reasons" if others and not bad else ""
        checks.append(Check(f"import: {unit.name}", "import", "fail" if bad else "pass", service, said))
    return checks
