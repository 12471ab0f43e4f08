"""The main job: read a Dockerfile, run it on paper for each platform, let the checks look, collect what they say.

Nothing here prints or writes; :func:`fix` returns the new bytes.
"""

from __future__ import annotations

import os
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.checks import CHECKS, Check, Subject, check_of
from dockerlint_alpine.checks.carried import is_notice, settled
from dockerlint_alpine.checks.causes import told_once
from dockerlint_alpine.fixer.bases import share
from dockerlint_alpine.fixer.fix_loop import (
    Accept,
    Preference,
    Proposal,
    apply_fixes,
    may_be_undone,
    merged,
    without_useless,
)
from dockerlint_alpine.fixer.new_run import joined
from dockerlint_alpine.fixer.verify import UnfaithfulFixError, confirm
from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.model.findings import CODE_LETTERS, Finding, key_of, united
from dockerlint_alpine.model.reports import FileError, FileReport, Report
from dockerlint_alpine.run import suppress
from dockerlint_alpine.run.config import OPTIONS, ConfigError, Configuration, Settings, load
from dockerlint_alpine.run.jobs import Job, job_configuration
from dockerlint_alpine.run.reading import FragmentError, UnreadableError, read_dockerfile
from dockerlint_alpine.run.wheels import ElfWheels
from dockerlint_alpine.stages import (
    BuildContext,
    Installer,
    StagesError,
    WorldCache,
    build_timeline,
    copy_sources,
    guess_root,
    open_context,
)
from dockerlint_alpine.stages.context import MAX_FILE_SIZE
from dockerlint_alpine.syntax import Dockerfile, parse
from dockerlint_alpine.system.files import read_file
from dockerlint_alpine.system.platforms import USUAL
from dockerlint_alpine.system.plural import listed
from dockerlint_alpine.system.pulse import pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from dockerlint_alpine.apk.renewal import Wanted
    from dockerlint_alpine.python.index.questions import Question
    from dockerlint_alpine.python.resolve import Resolver
    from dockerlint_alpine.run.moves import Moves
    from dockerlint_alpine.stages import Timeline


__all__ = [
    "Doctor", "FixResult", "UnreadableError", "analyze", "configure", "fix", "fix_bytes", "read_dockerfile",
]  # fmt: skip


def _run_all(subject: Subject) -> Iterator[tuple[Check, Finding]]:
    """What every check says, until nobody waits for it any more."""
    for check in CHECKS:
        pulse()
        for finding in check.run(subject):
            pulse()
            yield check, finding


class Doctor:
    """The knowledge and indexes that many files share: open it once, ask it often. Not for several threads at once."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        resolver: Resolver | None = None,
        store: IndexStore | None = None,
        knowledge: Knowledge | None = None,
        world_cache: WorldCache | None = None,
    ) -> None:
        self.configuration = configuration
        self.settings = configuration.settings
        self.resolver = resolver
        self.store = store if store is not None else IndexStore()
        self._knowledge = knowledge
        self._world_cache = world_cache if world_cache is not None else WorldCache()
        self._wheels = ElfWheels([Path(folder) for folder in self.settings.wheels])
        self.looked_at: set[str] = set()
        """What the last report rests on besides the Dockerfile: paths on disk, whether something is there or not."""

    def forget_questions(self) -> None:
        """Forget which questions and indexes were noted as open; the next answer notes its own."""
        if self.resolver is not None:
            self.resolver.looked_at.clear()
            self.resolver.open.clear()
        if self.store.renewer is not None:
            self.store.renewer.open.clear()

    @property
    def open_questions(self) -> tuple[dict[str, Question], frozenset[Wanted]]:
        """What was noted since then: questions for the Python index by their keys, and indexes of Alpine to be fetched."""
        renewer = self.store.renewer
        questions = dict(self.resolver.open) if self.resolver is not None else {}
        return questions, frozenset(renewer.open) if renewer is not None else frozenset()

    def for_job(self, job: Job) -> Doctor:
        """A doctor with the same knowledge and indexes, and the settings of a job."""
        changed = job_configuration(self.configuration, job)
        return self if changed is self.configuration else self.with_configuration(changed)

    def configured(self, settings: Settings) -> Doctor:
        """The same knowledge and indexes with other settings."""
        return self.with_configuration(replace(self.configuration, settings=settings))

    def with_configuration(self, configuration: Configuration) -> Doctor:
        """The same knowledge, indexes and answers for another configuration with the same rules."""
        return Doctor(
            configuration,
            resolver=self.resolver,
            store=self.store,
            knowledge=self.knowledge,
            world_cache=self._world_cache,
        )

    @cached_property
    def knowledge(self) -> Knowledge:
        """The rules, those of the user on top. Raises KnowledgeError."""
        return self._knowledge or Knowledge.open(extra=[Path(folder) for folder in self.settings.rules])

    def check_file(self, path: Path, *, shown_as: str | None = None) -> FileReport:
        """Judge the Dockerfile at ``path``, called ``shown_as`` in the report. Raises UnreadableError."""
        return self.check_bytes(read_dockerfile(path), path, shown_as=shown_as)

    def check_bytes(
        self, data: bytes, path: Path, *, shown_as: str | None = None, changed: Mapping[str, bytes] | None = None
    ) -> FileReport:
        """Judge ``data`` as if it were the Dockerfile at ``path`` (which need not exist). Raises UnreadableError.

        ``changed`` are files of the build context that are taken to have these bytes.
        """
        name = shown_as if shown_as is not None else str(path)
        if self.settings.moves:
            from dockerlint_alpine.run import moves

            today, then = self.before_and_after(data, path, shown_as=name, changed=changed)
            return moves.told(today, then, self.moves)
        report = self.report(name, self.timelines(data, path, shown_as=name, changed=changed))
        return self.settled(report, path, changed=changed)

    def settled(self, report: FileReport, path: Path, *, changed: Mapping[str, bytes] | None = None) -> FileReport:
        """``report`` on the Dockerfile at ``path`` without offers that would settle nothing.

        What is added may only be missing again where something is deleted: other files are not looked at twice.
        """
        if not any(may_be_undone(one, report.source) for one in report.findings):
            return report
        looked_at = self.looked_at
        known = dict(changed or {})
        judge = self._judge(path, report.path)

        def judged(data: bytes, texts: Mapping[str, bytes]) -> FileReport:
            return report if data == report.source and texts == known else judge(data, texts)

        read = _reader(dict(known))
        done = apply_fixes([judged], report.source, unsafe=False, read=read, others=changed)
        self.looked_at = looked_at | self.looked_at
        return without_useless(report, done.unsettled)

    def _judge(self, path: Path, name: str) -> Callable[[bytes, Mapping[str, bytes]], FileReport]:
        """Judges other bytes as the Dockerfile at ``path``, with these files in place of those on disk."""
        return lambda data, texts: self.report(name, self.timelines(data, path, shown_as=name, changed=texts))

    @property
    def moves(self) -> Moves:
        """The releases that Dockerfiles are taken to name (``--as``)."""
        from dockerlint_alpine.run.moves import Moves

        return Moves(**dict(self.settings.moves))

    def before_and_after(
        self, data: bytes, path: Path, *, shown_as: str, changed: Mapping[str, bytes] | None = None
    ) -> tuple[FileReport, FileReport]:
        """The report on ``data`` as it is, and on what it is with other releases. Raises UnreadableError."""
        from dockerlint_alpine.run import moves

        plain = self.configured(replace(self.settings, moves=()))
        today = plain.check_bytes(data, path, shown_as=shown_as, changed=changed)
        then = plain.check_bytes(moves.moved(data, self.moves), path, shown_as=shown_as, changed=changed)
        self.looked_at = plain.looked_at
        return today, then

    def report(self, name: str, timelines: Sequence[Timeline]) -> FileReport:
        """What the checks say of a Dockerfile that was run on paper; ``name`` is what it is called."""
        found = [self.found_in(timeline) for timeline in timelines]
        if self.store.cache is not None:
            self.looked_at.add(str(self.store.cache))
        return self.reported(name, timelines, _merge_platforms(found))

    def found_in(self, timeline: Timeline) -> list[Finding]:
        """All that the checks say of one run on paper, before comments and the configuration had their say."""
        subject = Subject(timeline, self.knowledge, self.settings.starts)
        return share(timeline, told_once(subject, settled(subject, _run_all(subject))))

    def reported(self, name: str, timelines: Sequence[Timeline], found: Sequence[Finding]) -> FileReport:
        """The report with what is left of ``found`` once comments and the configuration had their say."""
        dockerfile = timelines[0].dockerfile
        findings = self._wanted(name, found, dockerfile)
        return FileReport(
            path=name,
            findings=findings,
            source=dockerfile.data,
            stages=max(_count(timeline, "alpine") for timeline in timelines),
            not_alpine=max(_count(timeline, "other") for timeline in timelines),
            unknown=max(_unknown(timeline) for timeline in timelines) + sum(map(is_notice, findings)),
            notes=tuple(
                dict.fromkeys(
                    (*(note for timeline in timelines for note in timeline.notes), *self._on_platforms(findings))
                )
            ),
        )

    def _on_platforms(self, findings: Sequence[Finding]) -> Iterator[str]:
        """Why platforms are judged that nobody asked for, where only they have a finding."""
        by = self.configuration.others.platforms_by
        only = dict.fromkeys(one for finding in findings if USUAL not in finding.platforms for one in finding.platforms)
        if by and only and USUAL in self.settings.platforms:
            are, them = ("is", "it") if len(only) == 1 else ("are", "them")
            yield f"{listed(only)} {are} checked because {by} builds for {them} (--platform {USUAL} leaves {them} out)"

    def timelines(
        self, data: bytes, path: Path, *, shown_as: str, changed: Mapping[str, bytes] | None = None
    ) -> list[Timeline]:
        """Run ``data`` on paper as the Dockerfile at ``path``, once for each platform. Raises UnreadableError."""
        dockerfile = parse(data)
        if not any(instruction.keyword == "FROM" for instruction in dockerfile.instructions):
            raise FragmentError("no FROM instruction: not a Dockerfile")
        context = replace(self._context(dockerfile, path), changed=changed or {})
        return [self._timeline(dockerfile, platform, context, shown_as) for platform in self.settings.platforms]

    def _timeline(self, dockerfile: Dockerfile, platform: str, context: BuildContext, name: str) -> Timeline:
        facts = self.knowledge.facts
        installer = Installer(self.knowledge, facts, self.resolver, self.settings.as_of, self._wheels)
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
                world_cache=self._world_cache,
                others=self.configuration.others,
                services=self.settings.starts,
            )
        except StagesError as error:
            raise UnreadableError(str(error)) from None
        if installer.notes:
            timeline = replace(timeline, notes=(*timeline.notes, *dict.fromkeys(installer.notes)))
        return timeline

    def _context(self, dockerfile: Dockerfile, path: Path) -> BuildContext:
        given = self.settings.context
        self.looked_at = seen = {str(place) for place in self._wheels.places()}
        if by := self.configuration.others.platforms_by:
            seen.add(os.path.abspath(by))  # noqa: PTH100 - links stay as they are
        root = (
            Path(given)
            if given is not None
            else guess_root(path, copy_sources(dockerfile), seen, self.configuration.named)
        )
        return open_context(root, path, shown_as=_relative(root), looked_at=seen)

    def _wanted(self, name: str, findings: Sequence[Finding], dockerfile: Dockerfile) -> tuple[Finding, ...]:
        """What is left after comments in the file and the configuration had their say, in order of place."""
        lines = [(instruction.line, instruction.end_line) for instruction in dockerfile.instructions]
        require_reason = self.settings.require_reason
        kept, _, about = suppress.apply(findings, dockerfile.data, lines, require_reason=require_reason)
        listed = [finding for finding in (*kept, *about) if self._lists(finding)]
        return _sorted(joined(self.configuration.adjust(name, listed)))

    def _lists(self, finding: Finding) -> bool:
        """What there is nothing to do about is listed when somebody asked for its code, or for the fix that it has."""
        if not finding.traits.on_demand or (self.settings.unsafe_fixes and check_of(finding).fix == "unsafe"):
            return True
        return any(prefix != CODE_LETTERS and finding.code.startswith(prefix) for prefix in self.settings.select)


class FileChange(Struct, frozen=True):
    """Another file than the Dockerfile that a fix rewrites (``packages.txt``), as the user names it."""

    path: str
    old: bytes
    new: bytes


class FixResult(Struct, frozen=True):
    """What fixing did to one file: the bytes before and after, what was applied, and the report on what is left.

    ``others`` are the files that hold package lists for it and changed too.
    """

    path: Path
    old: bytes
    new: bytes
    applied: tuple[Finding, ...]
    left: FileReport
    others: tuple[FileChange, ...] = ()

    @property
    def changed(self) -> bool:
        """True when there is something to write."""
        return self.old != self.new or bool(self.others)


class ChangedLists:
    """Package lists in files of their own: what they held before, and hold after, the fixes of a run so far."""

    def __init__(self) -> None:
        self.old: dict[str, bytes] = {}
        self.new: dict[str, bytes] = {}

    def take(self, result: FixResult) -> None:
        """Remember what a fix did to them."""
        for change in result.others:
            self.old.setdefault(change.path, change.old)
            self.new[change.path] = change.new


def fix_bytes(doctor: Doctor, data: bytes, path: Path, *, shown_as: str | None = None) -> FixResult:
    """Apply every fix that ``doctor``'s options allow, until none is left. Raises UnreadableError."""
    return fix_builds([doctor], data, path, shown_as=shown_as)


def fix_builds(
    doctors: Sequence[Doctor],
    data: bytes,
    path: Path,
    *,
    shown_as: str | None = None,
    changed: Mapping[str, bytes] | None = None,
    accept: Accept | None = None,
    only_dockerfile: bool = False,
    prefer: Preference = "",
) -> FixResult:
    """Fix one Dockerfile for all its builds at once: each doctor has the context, arguments and target of one.

    ``changed`` are files that fixes of other Dockerfiles have changed already, ``accept`` is asked about each cause.
    With ``only_dockerfile`` lists in other files stay as they are; ``prefer`` says which way out of a compile to take.
    Raises UnreadableError.
    """
    before = dict(changed or {})
    old = data
    if any(doctor.settings.moves for doctor in doctors):
        doctors, data, accept = _moved(doctors, data, path, accept)

    name = shown_as if shown_as is not None else str(path)
    done = apply_fixes(
        [doctor._judge(path, name) for doctor in doctors],  # noqa: SLF001 - of the same module
        data,
        unsafe=any(doctor.settings.unsafe_fixes for doctor in doctors),
        read=_reader(before) if not only_dockerfile else lambda _: None,
        others=before,
        accept=accept,
        prefer=prefer,
    )
    # Unsafe fixes may take whole commands away; a safe one may not.
    if done.new != data and all(one.fix is not None and one.fix.applicability == "safe" for one in done.applied):
        try:
            confirm(parse(data), parse(done.new))
        except UnfaithfulFixError as error:
            raise UnreadableError(str(error)) from None
    others = [FileChange(name, before[name], new) for name, new in done.others.items() if before[name] != new]
    left = without_useless(merged(done.left), done.unsettled)
    return FixResult(path, old, done.new, done.applied, left, tuple(others))


def _reader(before: dict[str, bytes]) -> Callable[[str], bytes | None]:
    """Reads other files that fixes may change; what they held is kept in ``before``, and ``None`` stands for no file."""

    def read(other: str) -> bytes | None:
        if other not in before:
            try:
                before[other] = read_file(other, limit=MAX_FILE_SIZE)
            except OSError:
                return None
        return before[other]

    return read


def _moved(
    doctors: Sequence[Doctor], data: bytes, path: Path, accept: Accept | None
) -> tuple[list[Doctor], bytes, Accept]:
    """Set the fixing of a Dockerfile up for other releases: pins are loosened and names replaced although that is not safe
    where nothing else changes; what takes packages away still needs ``--unsafe-fixes``, unless only the move asks for it."""
    from dockerlint_alpine.run import moves

    plain = [doctor.configured(replace(doctor.settings, moves=())) for doctor in doctors]
    before = {key_of(one) for doctor in plain for one in doctor.check_bytes(data, path).findings}

    def allowed(proposal: Proposal) -> bool | Proposal:
        takes_away = [one for one in proposal.findings if one.traits.on_all_platforms]
        wanted = all(key_of(one) not in before for one in takes_away)
        unsafe = any(doctor.settings.unsafe_fixes for doctor in doctors)
        return (unsafe or wanted) and (True if accept is None else accept(proposal))

    bold = [doctor.configured(replace(doctor.settings, unsafe_fixes=True)) for doctor in plain]
    return bold, moves.moved(data, doctors[0].moves), allowed


def configure(**settings: object) -> Configuration:
    """A configuration from :class:`Settings` by field name, no file read; lists and dictionaries are taken as they are.

    Raises ConfigError for what is no option or no value of one.
    """
    given = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    unknown = sorted(given.keys() - OPTIONS.keys())
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


def _relative(root: Path) -> str:
    """The context as the user would name it: relative to where they are, when that is shorter."""
    relative = os.path.relpath(root)
    return str(root) if relative.startswith("..") and root.is_absolute() else relative


def _count(timeline: Timeline, kind: str) -> int:
    return sum(1 for stage in timeline.stages.values() if stage.kind == kind)


def _unknown(timeline: Timeline) -> int:
    return len(timeline.dockerfile.errors) + sum(notice.things for notice in timeline.unjudged)


def _merge_platforms(found: Sequence[Collection[Finding]]) -> list[Finding]:
    """One finding for all platforms that say the same, of those on each platform. A package is only called superfluous
    where all of them agree: the list is the same for all of them."""
    agree = Counter(essence for findings in found for essence in {one.essence for one in findings})
    together = united(one for findings in found for one in findings)
    return [one for one in together if not one.traits.on_all_platforms or agree[one.essence] == len(found)]


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: (f.location.line, f.location.column, f.code, f.need or "", f.message)))
