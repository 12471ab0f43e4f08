"""## What it does
Reports compilers and -dev packages that no build in the stage uses: every distribution has a wheel that fits, or its build
does not use them.

## Why is this bad?
They cost time in every build and, in a final image, also space and attack surface. Many were needed years ago, before the
distributions had musllinux wheels, and remained because nobody dared to remove them.

This is information: it never fails a run. In a stage that compiles something and is discarded afterwards, an unneeded
package costs little; there it is reported only if this code is selected explicitly, or with `--unsafe-fixes`.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev libffi-dev curl
RUN pip install cryptography==46.0.3
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache curl
RUN pip install cryptography==46.0.3
```

## Fix safety
Unsafe: it removes packages. The finding is not a guess (it considers the commands, scripts and all distributions of the
stage), but the Dockerfile does not show what you do by hand in a container.

## References
- [PEP 656](https://peps.python.org/pep-0656/): the musllinux platform tag
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks.base import Check, Subject, stage_label
from dockerlint_alpine.checks.build_usage import mentioned, programs_of, usage
from dockerlint_alpine.fixer.lists import apk_steps, build_names
from dockerlint_alpine.fixer.removal import remove_packages
from dockerlint_alpine.model.findings import Evidence, Fix
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.apk import World
    from dockerlint_alpine.checks.build_usage import Usage
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.stages import ApkStep, Stage

_SHOWN = 6


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every ``apk add`` with build packages that nothing uses."""
    for stage in subject.alpine_stages():
        yield from (_finding(subject, stage, step, names, used) for step, names, used in unneeded(subject, stage))


def unneeded(subject: Subject, stage: Stage) -> tuple[tuple[ApkStep, tuple[str, ...], Usage], ...]:
    """Every ``apk add`` of a stage with the build packages of it that certainly nothing uses, and what uses others."""
    return subject.once((unneeded, stage.index), lambda: tuple(_unneeded(subject, stage)))


def _unneeded(subject: Subject, stage: Stage) -> Iterator[tuple[ApkStep, tuple[str, ...], Usage]]:
    steps = [step for step in apk_steps(stage) if step.command.verb == "add" and build_names(step)]
    used = usage(subject, stage) if steps else None
    if used is None:
        return
    for step in steps:
        if step.conditional or step.instruction not in stage.instructions:
            continue
        world, asked = step.after.world, build_names(step)
        names = tuple(name for name in asked if name not in used.roots)
        # A compiler or make that is called by hand may use anything else of the list.
        if not names or mentioned(subject, stage, programs_of(world, world.lost_without(asked))):
            continue
        names = tuple(name for name in names if not _opened(subject, stage, world, name))
        if names:
            yield step, names, used


def _opened(subject: Subject, stage: Stage, world: World, name: str) -> bool:
    """True when a library comes along with a -dev package, and code that we know nothing of may open it."""
    if not name.endswith("-dev") or not _unknown_code(subject, stage):
        return False
    along = world.lost_without([name]) - _COMPILER_PARTS
    return any(one.name.startswith("so:") for package in along for one in world.packages[package].provides)


_COMPILER_PARTS = frozenset(
    """
    gcc g++ binutils libgcc libstdc++ libgomp libatomic libquadmath libgphobos isl isl25 isl26 mpc1 mpfr4 gmp
    jansson libctf libbz2 pkgconf zstd-libs
    """.split()
)
"""Packages that come along with gcc and -dev packages; wheels carry what they need of these (PEP 656)."""


def _unknown_code(subject: Subject, stage: Stage) -> bool:
    """True when something runs from this stage of which no rule says what libraries it opens."""
    return any(
        subject.knowledge.distribution(item.resolved.name) is None
        for place in subject.timeline.stages.values()
        if place.runs and stage in subject.timeline.lineage(place)
        for item in place.installed
    )


def _finding(subject: Subject, stage: Stage, step: ApkStep, names: tuple[str, ...], used: Usage) -> Finding:
    them = listed(names)
    verb = "are" if len(names) > 1 else "is"
    where = stage_label(stage)
    if not used.builds:
        why = "its only distribution has a wheel that fits"
        if used.wheels != 1:
            why = f"all {used.wheels} distributions have wheels that fit"
        text = f"{them} {verb} not needed: nothing is compiled in {where}, {why}"
    else:
        text = (
            f"{them} {verb} not needed: nothing that is compiled in {where} uses {'them' if len(names) > 1 else 'it'}"
        )
        if stage.runs and stage.end is not None and stage.end.world.explicit.issuperset(names):
            text += f", and {'they stay' if len(names) > 1 else 'it stays'} in the final image"
    edits = remove_packages(subject.timeline, stage, step, names)
    fix = Fix(f"remove {them}", "unsafe", edits) if edits else None
    return CHECK.finding(
        text,
        subject=subject,
        stage=stage,
        step=step,
        confidence="likely" if used.builds else "certain",
        evidence=_evidence(subject, names, used),
        packages=names,
        fix=fix,
        # Worth a line where the packages cost something: in a final image, or where all compiling could go.
        on_demand=bool(used.builds) and not stage.runs,
    )


def _evidence(subject: Subject, names: tuple[str, ...], used: Usage) -> Iterator[Evidence]:
    platform = subject.timeline.platform
    if used.wheels:
        yield Evidence("wheel", f"{used.wheels} distributions come as wheels on {platform} and compile nothing")
    for built in used.builds[:_SHOWN]:
        linked = [use.package or use.need for use in built.uses if use.presence == "present"]
        uses = ", ".join(dict.fromkeys((*built.tools, *linked)))
        yield Evidence("rule", f"the build of {built.resolved.name} uses {uses}")
    yield Evidence("dockerfile", f"no command or script of the stage names a program of {', '.join(names)}")


CHECK = Check(
    "AD402",
    "unneeded-build-package",
    "info",
    "a build package that nothing in the stage is compiled with",
    __doc__,
    run,
    fix="unsafe",
    removes=True,
    on_demand=True,
)
