"""## What it does
Reports a build that links a library which is present only because another package pulls it in.

## Why is this bad?
Nobody asked for `lz4-dev`; `postgresql-dev` happens to depend on it, from Alpine 3.17 on. So whether the extension links
the system's library, and what it needs where it runs, changes with the next Alpine release or the next clean-up of the
list, and nobody will see why.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev postgresql-dev
RUN pip install lz4==4.4.5
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev postgresql-dev lz4-dev
RUN pip install lz4==4.4.5
```

## Fix safety
Safe: a package that is installed anyway is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.base import (
    Check,
    Subject,
    confidence_of,
    distribution_ref,
    locate,
    stage_label,
    stage_ref,
    unique,
)
from dockerlint_alpine.checks.build_moment import Compile, compiles
from dockerlint_alpine.findings import Finding
from dockerlint_alpine.fixer.placement import add_package
from dockerlint_alpine.stages import pulled_in_by

if TYPE_CHECKING:
    from dockerlint_alpine.stages import LibraryUse

CODE = "AD103"
NAME = "implicit-build-library"


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every linked library whose -dev package nobody asked for."""
    for made in compiles(subject):
        for use in made.built.uses:
            if use.presence == "present" and use.linked and use.package is not None:
                chain = pulled_in_by(made.step.moment.world, use.package)
                if len(chain) > 1 and not _same_source(made, chain):
                    yield _finding(subject, made, use, chain)


def _same_source(made: Compile, chain: tuple[str, ...]) -> bool:
    """True when the package asked for and the one used are built together (``postgresql-dev`` and ``libpq-dev``): whoever
    names the one means the other."""
    installed = made.step.moment.world.packages
    packages = [installed[name] for name in chain if name in installed]
    return bool(packages) and packages[0].origin == packages[-1].origin


def _finding(subject: Subject, made: Compile, use: LibraryUse, chain: tuple[str, ...]) -> Finding:
    stage, item = made.stage, made.item
    assert stage.packages is not None
    assert use.package is not None
    placed = None
    if not item.conditional:
        placed = add_package(subject.timeline, stage, use.package, "build", made.step.instruction)
    return Finding(
        code=CODE,
        name=NAME,
        severity="warning",
        confidence=confidence_of(subject, item, stage, made.step.moment, use.package),
        message=(
            f"{evidence.named(item)} links {use.library.name} only because {chain[0]} pulls in {use.package}"
            f" to {stage_label(stage)}: add {use.package}"
        ),
        location=locate(subject.dockerfile, made.step.span),
        evidence=unique(
            (
                evidence.requirement(item),
                evidence.wheel(item),
                evidence.linkage(item, use),
                evidence.presence(made.step.moment.world, use.package, stage.packages),
            )
        ),
        stage=stage_ref(stage),
        platforms=(subject.timeline.platform,),
        distribution=distribution_ref(item),
        need=use.need,
        packages=(use.package,),
        fix=placed[0] if placed is not None else None,
    )


CHECK = Check(CODE, NAME, "warning", "the build links a library that only another package pulls in", __doc__, run)
