"""What native files need at run time, compared with what the stage has: shared by AD201 and AD202."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from dockerlint_alpine.model.findings import Evidence
from dockerlint_alpine.stages import ApkStep, Installed, LibraryUse, Moment, PythonStep, closed_by, library_copied
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.knowledge import Language
    from dockerlint_alpine.stages import Stage, Timeline
    from dockerlint_alpine.stages.wheels import WheelLink
    from dockerlint_alpine.syntax import Instruction


_ROOT = frozenset({"root", "0"})
_REOPENS = lazy_pattern(r"\b(?:chmod|chown|chgrp|setfacl|addgroup|usermod)\b")


def left_to_others(subject: Subject) -> Evidence | None:
    """Why what only shows where an image runs is not an error of this Dockerfile: others start from its image."""
    if not subject.timeline.is_base:
        return None
    return Evidence(
        "dockerfile", "another Dockerfile of the project starts from this image and may add what it is missing"
    )


class MissingObject(Struct, frozen=True):
    """A package that an installed distribution needs and that is not (or perhaps not) there.

    ``needs`` are the ``so:`` names it would bring, the first is the one to name. ``state`` is ``possible`` when a branch
    may bring it. ``removed_by`` is the ``apk del`` that took it away, ``step`` the RUN that already starts Python.
    """

    item: Installed
    cause: LibraryUse | Language | WheelLink
    needs: tuple[str, ...]
    package: str | None
    state: Literal["missing", "possible"]
    removed_by: ApkStep | None
    moment: Moment
    step: PythonStep | None = None


def missing_objects(subject: Subject, stage: Stage) -> tuple[MissingObject, ...]:
    """Every package that lacks at the end of a stage that runs, and at each RUN that imports what needs it."""
    return subject.once((missing_objects, stage.index), lambda: tuple(_missing_objects(subject, stage)))


def _missing_objects(subject: Subject, stage: Stage) -> Iterator[MissingObject]:
    seen: set[tuple[str, str]] = set()
    for step in stage.steps:
        if isinstance(step, PythonStep):
            imported = [item for item in step.installed if _imported(item, step.modules)]
            for missing in _missing(subject, stage, imported, step.moment, step):
                seen.add((missing.item.resolved.name, missing.needs[0]))
                yield missing
    if stage.runs and stage.end is not None:
        live = [item for item in stage.installed if not item.as_wheel]
        for missing in _missing(subject, stage, live, stage.end, None):
            if (missing.item.resolved.name, missing.needs[0]) not in seen:
                yield missing


def closed_objects(subject: Subject, stage: Stage) -> Iterator[tuple[Installed, str, Instruction]]:
    """Every ``so:`` need at the end of a stage that only a copied file meets, which the user of the stage may not read, and
    the COPY that makes it so. Nothing where a later RUN of the file may change modes, owners or groups, or a service of a
    compose file runs the image as root.
    """
    end = stage.end
    as_root = any(one.key == "user" and one.words[0].partition(":")[0] in _ROOT for one in subject.services)
    if end is None or not stage.runs or as_root:
        return
    told: set[str] = set()
    for item in stage.installed:
        for need, cause in item.objects if not item.as_wheel else ():
            if need in told or end.world.has(need) or end.possible.has(need) or _never_linked(item, cause):
                continue
            access = closed_by(subject.timeline, stage, end, need)
            if access is not None and not _reopened(subject, stage, access.instruction):
                told.add(need)
                yield item, need, access.instruction


def _reopened(subject: Subject, stage: Stage, copy: Instruction) -> bool:
    """Whether something that runs behind a COPY may let others read what it brought."""
    instructions = subject.dockerfile.instructions
    if not any(one is copy for one in instructions):
        return True  # of another Dockerfile
    later = (one.value for one in instructions if one.keyword == "RUN" and one.start > copy.start)
    return any(_REOPENS.search(text) for text in (*later, *stage.scripts))


def _imported(item: Installed, modules: Iterable[str]) -> bool:
    names = {*item.imports, item.resolved.name.replace("-", "_")}
    return any(module == name or module.startswith(f"{name}.") for module in modules for name in names)


def _missing(
    subject: Subject, stage: Stage, items: Iterable[Installed], moment: Moment, step: PythonStep | None
) -> Iterator[MissingObject]:
    for item in items:
        grouped: dict[str, tuple[LibraryUse | Language | WheelLink, list[str], Literal["missing", "possible"]]] = {}
        for need, cause in item.objects:
            state = state_of(subject.timeline, stage, moment, need)
            if state is None or _never_linked(item, cause):
                continue
            package = package_for(stage, need)
            _, needs, _ = grouped.setdefault(package or need, (cause, [], state))
            needs.append(need)
        for key, (cause, needs, state) in grouped.items():
            yield MissingObject(
                item=item,
                cause=cause,
                needs=tuple(needs),
                package=key if package_for(stage, needs[0]) else None,
                state=state,
                removed_by=removal(subject.timeline, stage, needs[0]),
                moment=moment,
                step=step,
            )


def does_without(item: Installed) -> bool:
    """True for what runs in pure Python where its extension was not built or is not loaded."""
    return item.built is not None and item.built.rule is not None and item.built.rule.optional_extension


def _never_linked(item: Installed, cause: object) -> bool:
    """True for a library that a build does without, extension and all, when it does not find it."""
    return isinstance(cause, LibraryUse) and cause.presence == "absent" and does_without(item)


def state_of(timeline: Timeline, stage: Stage, moment: Moment, need: str) -> Literal["missing", "possible"] | None:
    """``None`` where the need is met for certain, ``possible`` where it may be."""
    if stage.image is not None and need.removeprefix("so:") in stage.image.libraries:
        return None
    if moment.world.has(need) and moment.lasting.has(need):
        return None
    copied = library_copied(timeline, stage, moment, need)
    if copied == "yes":
        return None
    if copied == "maybe" or moment.possible.has(need) or moment.world.has(need):
        return "possible"
    return "missing"


def package_for(stage: Stage, need: str) -> str | None:
    """The package of the stage's release that is the best to bring ``need``."""
    return stage.apk.best_name(need)


def removal(timeline: Timeline, stage: Stage, need: str) -> ApkStep | None:
    """The last ``apk del`` in this stage or the ones it is built from that took the provider of ``need`` away."""
    for place in timeline.lineage(stage):
        for step in reversed(place.steps):
            if isinstance(step, ApkStep) and step.command.verb == "del":
                had, has = step.before.world.has(need), step.after.world.has(need)
                if had and (not has or not step.after.lasting.has(need)):
                    return step
    return None
