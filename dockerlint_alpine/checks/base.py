"""What every check is made of: its code, its page, and the function that looks at the facts.

A check is one module of this folder, called by its code and name (``ad101_missing_build_library``), with a ``CHECK`` in it.
It reads a :class:`Subject` and yields findings, which :meth:`Check.finding` builds. Its page is the docstring of the module,
with the headings of ``HEADINGS``. Every example is executed by the tests, and so is what to use instead and what is left
alone: each ```` ```dockerfile ```` block is a Dockerfile, blocks with a ``title`` are other files beside it, and a
```` ```sh ```` block is the command, where it takes more than ``alpine-doctor check``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from dockerlint_alpine.fixer.placement import add_package
from dockerlint_alpine.model.about import DOCS_URL
from dockerlint_alpine.model.findings import (
    Confidence,
    DistributionRef,
    Evidence,
    Finding,
    Fix,
    Location,
    Severity,
    StageRef,
    Topic,
    Traits,
)
from dockerlint_alpine.stages.model import InstallStep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dockerlint_alpine.apk import Package
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.model.comparison import MissKind
    from dockerlint_alpine.model.findings import Purpose
    from dockerlint_alpine.stages import Installed, Moment, Stage, Timeline, UnjudgedKind
    from dockerlint_alpine.stages.model import Step, Written
    from dockerlint_alpine.syntax import Dockerfile, Instruction, Span
    from dockerlint_alpine.system.services import ServiceStart

FixKind: TypeAlias = Literal["safe", "safe or shown", "unsafe", "unsafe or shown", "shown", "none"]

ImageEvidence: TypeAlias = Literal["none", "left over", "linked", "opened", "glibc"]

HEADINGS = ("What it does", "Why is this bad?", "Example", "Use instead", "Fix safety", "References")
"""The sections of every page, in this order."""

_SHOWN_TEXT = 80
"""Characters of a command that are shown."""

SILENT = "Not reported"
"""A section that a page may have before the one on the fix: more Dockerfiles in which the check finds nothing."""


_Found = TypeVar("_Found")


class Subject(Struct, frozen=True):
    """What a check looks at: one Dockerfile on one platform, the rules, and what services start that are built from it.

    ``shared`` keeps what more than one check asks for, under keys of whoever works it out.
    """

    timeline: Timeline
    knowledge: Knowledge
    services: tuple[ServiceStart, ...] = ()
    shared: dict[object, Any] = field(default_factory=dict)

    @property
    def dockerfile(self) -> Dockerfile:
        """The parsed file."""
        return self.timeline.dockerfile

    def once(self, key: tuple[object, ...], find: Callable[[], _Found]) -> _Found:
        """What ``find`` finds, kept under ``key`` for the checks that ask for it later."""
        try:
            found: _Found = self.shared[key]
        except KeyError:
            found = self.shared[key] = find()
        return found

    def alpine_stages(self) -> Sequence[Stage]:
        """The stages whose packages are known, in file order."""
        stages = self.timeline.stages
        return [one for _, one in sorted(stages.items()) if one.packages is not None and one.end is not None]


class Check(Struct, frozen=True):
    """One finding code; ``severity`` is that of a certain finding, ``fix`` what there is for the example of the page.

    ``purpose`` is what a package is for that the fix adds, ``removes`` is true where the fix takes packages away. ``image``
    says what of a built image speaks for or against a finding (:mod:`dockerlint_alpine.proof.image`), ``misses`` which
    kinds of what an image lacks are findings of this code. ``stops_build``: an error of this code ends the build. ``kind``
    is what a walk could not see where the check is about that. ``on_demand``: some findings are listed only for who asks
    for the code, or for the fix. ``since`` is the first version of this program that has the code.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    page: str
    run: Callable[[Subject], Iterable[Finding]]
    fix: FixKind = "none"
    purpose: Purpose | None = None
    removes: bool = False
    image: ImageEvidence = "none"
    misses: tuple[MissKind, ...] = ()
    stops_build: bool = False
    could_not_judge: bool = False
    kind: UnjudgedKind | None = None
    about_comment: bool = False
    unused_text: bool = False
    on_demand: bool = False
    since: str = "0.1.0"
    topic: Topic = ""
    """What brings its findings about, where several of one instruction are told as one cause."""

    names_only: bool = False
    """True where a finding rests on names and versions of packages alone, not on what they need or bring."""

    @property
    def url(self) -> str:
        """Where the page is, relative to ``DOCS_URL``."""
        return f"codes/{self.code}/"

    @property
    def published(self) -> str:
        """The page as it can be read anywhere: its links to other pages of the documentation made absolute."""
        return re.sub(r"\]\(\.\./([\w-]+)\.md(#[\w-]+)?\)", rf"]({DOCS_URL}\1/\2)", self.page.strip())

    @property
    def description(self) -> str:
        """The first paragraph of the page, on one line."""
        return " ".join(self.page.partition("\n")[2].partition("\n\n")[0].split())

    @property
    def foresees_failure(self) -> bool:
        """True where a certain finding is a build or a start that fails for lack of a package."""
        return self.severity == "error" and self.purpose is not None

    def finding(
        self,
        message: str,
        *,
        evidence: Iterable[Evidence | None],
        at: Location | None = None,
        step: Step | None = None,
        subject: Subject | None = None,
        stage: Stage | None = None,
        item: Installed | None = None,
        confidence: Confidence = "certain",
        severity: Severity | None = None,
        need: str | None = None,
        packages: Iterable[str | None] = (),
        fix: Fix | None = None,
        on_demand: bool = False,
        items: Iterable[Installed] = (),
    ) -> Finding:
        """A finding of this code: what is its own is given, the rest is filled in.

        It stands ``at`` a place, or at the command of a ``step``. ``item`` is the distribution that it is about, ``items``
        are all of them where there are several. An error of which it is only possible that it is one is a warning unless
        ``severity`` says otherwise, and a safe fix of it is unsafe. An error of what a container installs when it starts is
        a warning, as it may be started with another command. ``packages`` and ``evidence`` may have gaps and repeats.
        """
        if at is None:
            assert step is not None
            assert subject is not None
            at = locate(subject.dockerfile, step.span)
        possible = confidence == "possible"
        if severity is None:
            severity = "warning" if possible and self.severity == "error" else self.severity
        at_start = _at_start(step, item)
        if at_start is not None and severity == "error":
            severity = "warning"
        if possible and fix is not None and fix.applicability == "safe":
            fix = replace(fix, applicability="unsafe")
        return Finding(
            code=self.code,
            name=self.name,
            severity=severity,
            confidence=confidence,
            message=message,
            location=at,
            evidence=unique((*evidence, at_start, in_script(step.written if step is not None else None))),
            stage=stage_ref(stage) if stage is not None else None,
            # FROM --platform, and an image for one architecture alone, have their own.
            platforms=(stage.platform if stage is not None else subject.timeline.platform,)
            if subject is not None
            else (),
            distribution=distribution_ref(item) if item is not None else None,
            need=need,
            packages=tuple(package for package in packages if package),
            fix=fix,
            traits=self._traits(on_demand=on_demand, at_start=at_start is not None),
            distributions=tuple(map(distribution_ref, items or ((item,) if item is not None else ()))),
        )

    def _traits(self, *, on_demand: bool, at_start: bool) -> Traits:
        """What others have to know of the code. What is superfluous goes last: what lacks may be why it is there."""
        return Traits(
            purpose=self.purpose,
            phase=1 if self.removes else 0,
            on_all_platforms=self.removes,
            could_not_judge=self.could_not_judge,
            about_comment=self.about_comment,
            unused_text=self.unused_text,
            on_demand=on_demand,
            at_start=at_start,
            topic=self.topic,
        )

    def add(
        self, subject: Subject, stage: Stage, package: str | None, before: Instruction | None
    ) -> tuple[Fix | None, Instruction | None]:
        """The fix that adds ``package`` to ``stage`` before an instruction (``None``: its end is early enough), and the
        instruction that the fix touches; nothing where there is no package or no place."""
        assert self.purpose is not None
        placed = add_package(subject.timeline, stage, package, self.purpose, before) if package is not None else None
        return placed or (None, None)


def of_comments(_: Subject) -> Iterable[Finding]:
    """What the checks of comments find here: nothing. ``run/suppress`` makes their findings, once it knows all others."""
    return ()


def locate(dockerfile: Dockerfile, span: Span) -> Location:
    """The 1-based lines and byte columns of a span of the file."""
    line, column = dockerfile.position(span[0])
    end_line, end_column = dockerfile.position(span[1])
    return Location(line, column, end_line, end_column)


def _at_start(step: Step | None, item: Installed | None) -> Evidence | None:
    """That a container installs something when it starts, and not the build; ``None`` for anything else."""
    said = item.at_start if item is not None else step.at_start if isinstance(step, InstallStep) else ""
    return Evidence("dockerfile", said, said) if said else None


def in_script(written: Written | None) -> Evidence | None:
    """Where a script has a command; ``None`` for one that stands in the Dockerfile."""
    if written is None:
        return None
    text = written.text if len(written.text) <= _SHOWN_TEXT else f"{written.text[:_SHOWN_TEXT]}..."
    return Evidence("dockerfile", f"{written.path}:{written.line}: {text}")


def instruction_location(dockerfile: Dockerfile, instruction: Instruction) -> Location:
    """An instruction from its keyword to its end."""
    return locate(dockerfile, (instruction.start, instruction.end))


def stage_ref(stage: Stage) -> StageRef:
    """The stage as findings name it."""
    python = stage.home.version if stage.home is not None else None
    return StageRef(stage.index, stage.name, stage.base, stage.alpine, python)


def stage_label(stage: Stage) -> str:
    """The stage in a sentence: ``stage 'builder'`` or ``stage 2``; a lone stage is just ``this stage``."""
    if stage.name is not None:
        return f"stage {stage.name!r}"
    return f"stage {stage.index}" if stage.index else "this stage"


def distribution_ref(item: Installed) -> DistributionRef:
    """The distribution as findings name it."""
    artefact, compiled = item.resolved.artefact, ""
    if item.built is not None:
        compiled = artefact.shared or artefact.reason
    return DistributionRef(item.resolved.name, item.resolved.version, item.resolved.chain, compiled)


def confidence_of(
    subject: Subject, item: Installed, stage: Stage, moment: Moment, package: str | None = None
) -> Confidence:
    """How sure a finding on ``item`` in ``stage`` can be: certain only where nothing was assumed on the way.

    Assumed are: a version that is not pinned, a package whose record another release's index stands in for (of those that
    are there at ``moment``, and ``package``, which the finding proposes), a base image known by its name alone, a rule
    that rests on the word of packagers (a wheel's own bytes need no rule), a build that only its sources' text tells of, and
    that it is compiled at all, where its neighbours or a rule alone say so.
    """
    told = item.resolved.artefact.confidence if item.wheel is None else "certain"
    elsewhere = moment.foreign and moment.repositories  # what packages of another repository bring along is not known
    if item.conditional or moment.unknown or elsewhere or (stage.image is not None and stage.image.alpine is None):
        return "possible"
    if told == "possible":
        return "possible"
    rule = subject.knowledge.distribution(item.resolved.name)
    read = item.wheel is not None or (
        (rule is None or rule.confidence == "source") and (item.built is None or item.built.source is None)
    )
    exact = exact_world(subject, stage, moment, package) and _exact_build(subject, item)
    known_image = stage.image is None or stage.image.certain
    return "certain" if exact and item.pinned and known_image and read and told == "certain" else "likely"


def exact_world(subject: Subject, stage: Stage, moment: Moment, package: str | None = None) -> bool:
    """True where the release's own indexes tell what ``stage`` has at ``moment``, and what ``package`` is.

    One repository may be stood in for while all that matters comes from the other. What the base image holds is known from
    the image. A name that a stand-in does not know may be in what it stands in for.
    """
    index = stage.packages
    if index is None or index.exact:
        return index is not None
    proposed = index.packages(package)[:1] if package is not None else ()
    return not moment.foreign and index.vouches_for((*added_packages(subject, stage, moment), *proposed))


def added_packages(subject: Subject, stage: Stage, moment: Moment) -> Iterator[Package]:
    """What is, or may be, in ``stage`` at ``moment`` besides what its base image holds."""
    first = subject.timeline.lineage(stage)[-1].start
    given = first.world.packages if first is not None else {}
    return (found for name, found in moment.possible.packages.items() if name not in given)


def _exact_build(subject: Subject, item: Installed) -> bool:
    """The same of the stage that the distribution was compiled in; true for one that was not."""
    made_in = subject.timeline.stages.get(item.built.stage) if item.built is not None else None
    return made_in is None or made_in.end is None or exact_world(subject, made_in, made_in.end)


def unique(evidence: Iterable[Evidence | None]) -> tuple[Evidence, ...]:
    """The evidence in order, without repeats and gaps."""
    return tuple(dict.fromkeys(item for item in evidence if item is not None))
