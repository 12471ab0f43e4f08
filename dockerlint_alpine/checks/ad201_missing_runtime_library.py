"""## What it does
Reports a compiled extension whose shared libraries are not in the stage where it runs. Where the wheel itself is at hand
(a wheelhouse in the build context, or `--wheels DIR`), its bytes say what it links; otherwise the rules and the packages
of the build do.

## Why is this bad?
The image builds. The first `import` then dies with
`ImportError: Error loading shared library liblz4.so.1: No such file or directory`: musl's loader finds no package that
has the library. An extension links what it found where it was *compiled*; `COPY --from` carries the extension into the
next stage, but not the library.

## Example
```dockerfile
FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc musl-dev postgresql-dev
RUN pip install --prefix=/install lz4==4.4.5
FROM python:3.11-alpine3.19
RUN apk add --no-cache libpq
COPY --from=builder /install /usr/local
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc musl-dev postgresql-dev lz4-dev
RUN pip install --prefix=/install lz4==4.4.5
FROM python:3.11-alpine3.19
RUN apk add --no-cache libpq lz4-libs
COPY --from=builder /install /usr/local
```

## Fix safety
Safe: a package is added to an `apk add` of the stage that survives, or to a new one.

## References
- musl, ldso/dynlink.c: the search path of the loader
- [PEP 656](https://peps.python.org/pep-0656/): what a musllinux wheel may link
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.base import (
    Check,
    Subject,
    confidence_of,
    instruction_location,
    stage_label,
    unique,
)
from dockerlint_alpine.checks.run_moment import MissingObject, missing_objects
from dockerlint_alpine.stages import InstallStep, LibraryUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.model.findings import Evidence, Finding
    from dockerlint_alpine.stages import Installed, Moment, Stage


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every package that an extension needs at run time and the stage never had."""
    for stage in subject.alpine_stages():
        for missing in missing_objects(subject, stage):
            if missing.removed_by is None:
                yield finding(CHECK, subject, stage, missing)


def finding(check: Check, subject: Subject, stage: Stage, missing: MissingObject) -> Finding:
    """The finding of ``check`` for one missing package."""
    item, need = missing.item, missing.needs[0]
    assert stage.packages is not None
    library = need.removeprefix("so:")
    before = missing.step.instruction if missing.step is not None else None
    wanted = missing.package if missing.state == "missing" and not item.conditional else None
    fix, anchor = check.add(subject, stage, wanted, before)
    sure = confidence_of(subject, item, stage, missing.moment, missing.package)
    if missing.state != "missing":
        sure = "possible"
    if missing.state == "possible":
        text = f"{evidence.named(item)} links {library}, which only a branch that may not run brings to {stage_label(stage)}"
    elif missing.package is None:
        text = f"{evidence.named(item)} links {library}, which {evidence.nobody(stage.packages)}"
    else:
        text = f"{evidence.named(item)} links {library}, which is not in {stage_label(stage)}: add {missing.package}"
    return check.finding(
        text,
        subject=subject,
        stage=stage,
        item=item,
        at=instruction_location(subject.dockerfile, anchor or before or item.arrived),
        confidence=sure,
        evidence=chain(subject, stage, missing),
        need=need,
        packages=(missing.package,),
        fix=fix,
    )


def chain(subject: Subject, stage: Stage, missing: MissingObject) -> tuple[Evidence, ...]:
    """Requirement, no wheel, linkage, how the library came to the build, who provides it, that it is not here."""
    item, cause, need = missing.item, missing.cause, missing.needs[0]
    assert stage.packages is not None
    pulled = None
    if isinstance(cause, LibraryUse) and cause.package and cause.presence == "present" and item.built is not None:
        build_stage = subject.timeline.stages.get(item.built.stage)  # none for one of another Dockerfile
        moment = build_moment(build_stage, item) if build_stage is not None else None
        if build_stage is not None and moment is not None and build_stage.packages is not None:
            pulled = evidence.presence(moment.world, cause.package, build_stage.packages)
    return unique(
        (
            evidence.requirement(item),
            evidence.wheel(item),
            evidence.linkage(item, cause),
            pulled,
            evidence.compiled_in(subject, item),
            evidence.provider(stage.packages, need, missing.package) if missing.package else None,
            evidence.absence(stage, need),
        )
    )


def build_moment(stage: Stage, item: Installed) -> Moment | None:
    """The moment at which ``item`` was compiled in ``stage``."""
    for step in stage.steps:
        if isinstance(step, InstallStep) and any(other.built is item.built for other in step.installed):
            return step.moment
    return None


CHECK = Check(
    "AD201",
    "missing-runtime-library",
    "error",
    "an extension links a library that is not in the stage where it runs",
    __doc__,
    run,
    fix="safe",
    purpose="runtime",
    image="linked",
    misses=("library", "symbol"),
)
