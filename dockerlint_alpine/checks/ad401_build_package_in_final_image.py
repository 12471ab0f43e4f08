r"""## What it does
Reports compilers and -dev packages that are left in the final image.

## Why is this bad?
They are needed to compile, not to run. They are often larger than the rest of the image, and each tool is one that an
intruder does not have to bring along. A second stage keeps them out. In a single stage, use a virtual package that the
same RUN installs, uses and deletes again; what an earlier layer contains stays in the image.

This is information: it never fails a run.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev lz4-dev \
    && pip install lz4==4.4.5
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache lz4-libs
RUN apk add --no-cache --virtual .build-deps gcc musl-dev lz4-dev \
    && pip install lz4==4.4.5 \
    && apk del .build-deps
```

## Fix safety
Unsafe: you may use the compilers in a running container, which the Dockerfile does not show. There is a fix if one RUN both
installs the packages and compiles, and everything in the stage is understood; otherwise a second stage is needed, which you
have to write.

## References
- [Docker: multi-stage builds](https://docs.docker.com/build/building/multi-stage/)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks.ad402_unneeded_build_package import unneeded
from dockerlint_alpine.checks.base import Check, Subject, exact_world, stage_label
from dockerlint_alpine.checks.build_usage import mentioned, programs_of, remaining, runtime_needs, usage
from dockerlint_alpine.checks.program_makers import PYTHON_PROGRAM
from dockerlint_alpine.checks.starts import starts
from dockerlint_alpine.fixer.lists import apk_steps
from dockerlint_alpine.fixer.removal import VIRTUAL_NAME, into_virtual
from dockerlint_alpine.model.findings import Evidence, Fix
from dockerlint_alpine.stages import InstallStep
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.apk import World
    from dockerlint_alpine.model.findings import Finding, TextEdit
    from dockerlint_alpine.stages import ApkStep, Stage


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every ``apk add`` whose build packages reach the final image."""
    final = max((stage.index for stage in subject.timeline.stages.values() if stage.runs), default=None)
    last = subject.timeline.stages.get(final) if final is not None else None
    if last is None or last.end is None or not last.installed or last.installs_at_start:
        return
    world, needed = last.end.world, _needed(subject, last, last.end.world)
    for stage in subject.timeline.lineage(last):
        surplus = {(id(step), name) for step, names, _ in unneeded(subject, stage) for name in names}
        for step, names in remaining(stage):
            left = tuple(
                name
                for name in names
                if (id(step), name) not in surplus and needed.isdisjoint(world.lost_without([name]))
            )
            if left:
                yield _finding(subject, stage, step, left)


def _needed(subject: Subject, last: Stage, world: World) -> frozenset[str]:
    """The packages with a program that the container starts (``make``), or that a distribution needs where it runs besides
    libraries (``find_library`` asks the compiler)."""
    apart = last.home is not None and not last.home.from_apk  # python is not Alpine's
    programs = (one.name for one in starts(subject, last) if not one.while_building)
    needs = [f"cmd:{name}" for name in programs if not (apart and PYTHON_PROGRAM.fullmatch(name))]
    for item in last.installed:
        needs += (need for need in runtime_needs(subject, item, last.alpine) if not need.startswith("so:"))
    found = map(world.provider, dict.fromkeys(needs))
    return frozenset(provider.name for provider in found if provider is not None)


def _finding(subject: Subject, stage: Stage, step: ApkStep, names: tuple[str, ...]) -> Finding:
    them = listed(names)
    stay = "stay" if len(names) > 1 else "stays"
    edits = _edits(subject, stage, step, names)
    fix = None
    if edits is not None:
        advice = f"delete {'them' if len(names) > 1 else 'it'} in the same RUN"
        fix = Fix(f"move {them} to {VIRTUAL_NAME}, deleted at the end of the RUN", "unsafe", edits)
    else:
        advice = "compile in a separate stage and COPY --from it"
    return CHECK.finding(
        f"{them} {stay} in the final image: {advice}",
        subject=subject,
        stage=stage,
        step=step,
        confidence="certain" if exact_world(subject, stage, stage.final) else "likely",
        evidence=(
            Evidence(
                "dockerfile",
                f"line {subject.dockerfile.line_of(step.span[0])} adds {them} to {stage_label(stage)}, "
                "and no apk del removes what it added",
            ),
        ),
        packages=names,
        fix=fix,
    )


def _edits(subject: Subject, stage: Stage, step: ApkStep, names: tuple[str, ...]) -> tuple[TextEdit, ...] | None:
    """The move to a virtual package, where all that compiles does so in the RUN of the ``apk add``, behind it."""
    if usage(subject, stage) is None or any(stage.index == one.parent for one in subject.timeline.stages.values()):
        return None
    if any(other.command.virtual == VIRTUAL_NAME for other in apk_steps(stage)):
        return None
    compiling = [
        one
        for one in stage.steps
        if isinstance(one, InstallStep)
        and any(item.built is not None and item.copied_from is None for item in one.installed)
    ]
    if any(one.instruction is not step.instruction or one.span < step.span for one in compiling):
        return None
    world = step.after.world
    lost = world.lost_without(names)
    if not compiling or mentioned(subject, stage, programs_of(world, lost)):
        return None
    return into_virtual(subject.timeline, step, names)


CHECK = Check(
    "AD401",
    "build-package-in-final-image",
    "info",
    "compilers or -dev packages left in the final image",
    __doc__,
    run,
    fix="unsafe",
    removes=True,
    image="left over",
)
