"""## What it does
Reports distributions that are compiled because no wheel fits this Python, this musl version and this architecture, and
names a version that has a wheel, if there is one.

## Why is this bad?
It is not wrong, but it is slow and requires compilers. Often a neighbouring version has a musllinux wheel.

This is information: it never fails a run. Unless this code is selected explicitly, it is reported only if another
version has a wheel.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
RUN pip install uvloop==0.16.0
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN pip install uvloop==0.17.0
```

## Fix safety
There is no fix: choosing another version is up to the author. If something is missing for the compile, `alpine-doctor
fix --prefer wheel` changes the version, provided that the requirement is a plain `name==version` in the Dockerfile or a
requirements file.

## References
- [PEP 656](https://peps.python.org/pep-0656/): the musllinux platform tag
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.base import Check, Subject, confidence_of
from dockerlint_alpine.checks.build_moment import Compile, compiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.model.findings import Finding


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every distribution that is compiled although it is not pure Python."""
    for made in compiles(subject):
        if made.built.rule is not None and not made.passing and (made.built.languages or made.built.uses):
            yield _finding(subject, made)


def _finding(subject: Subject, made: Compile) -> Finding:
    item = made.item
    nearest = item.resolved.artefact.nearest_with_wheel
    way_out = f"; version {nearest} has a wheel" if nearest else ""
    return CHECK.finding(
        f"{evidence.named(item)} is compiled: {item.resolved.artefact.reason}{way_out}",
        subject=subject,
        stage=made.stage,
        item=item,
        step=made.step,
        confidence=confidence_of(subject, item, made.stage, made.step.moment),
        evidence=(evidence.requirement(item), evidence.wheel(item)),
        need=f"{item.resolved.name} {nearest}" if nearest else None,
        on_demand=not nearest,  # with another version that has a wheel there is something to do about it
    )


CHECK = Check(
    "AD502",
    "compiled-without-wheel",
    "info",
    "no wheel fits, so it will be compiled",
    __doc__,
    run,
    on_demand=True,
    topic="compile",
)
