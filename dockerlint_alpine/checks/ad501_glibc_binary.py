"""## What it does
Reports a wheel built for glibc (manylinux) that is installed in an Alpine stage: forced by `--platform`, named by URL, or
taken from a local file. Reports also a distribution that exists for glibc only: no wheel for musl, and no source that
would compile there.

## Why is this bad?
pip never chooses such a wheel by itself on musl. Forced in, its extensions ask for `ld-linux-x86-64.so.2` and symbols
that musl does not have: `Error loading shared library ld-linux-x86-64.so.2` or `Error relocating ...: symbol not found`.
No apk package mends that for certain; `gcompat` helps only the simplest binaries.

## Example
```dockerfile
FROM python:3.12-alpine3.21
RUN pip install --platform manylinux2014_x86_64 --only-binary=:all: --target=/deps lz4==4.4.5
```

## Use instead
```dockerfile
FROM python:3.12-alpine3.21
RUN apk add --no-cache gcc musl-dev
RUN pip install --target=/deps lz4==4.4.5
```

## Fix safety
There is no fix: take a musllinux wheel, compile, or use a glibc base image.

## References
- [PEP 656](https://peps.python.org/pep-0656/): musllinux; [PEP 600](https://peps.python.org/pep-0600/): manylinux
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
from dockerlint_alpine.findings import Evidence, Finding
from dockerlint_alpine.stages import InstallStep

if TYPE_CHECKING:
    from dockerlint_alpine.stages import Installed, Stage

CODE = "AD501"
NAME = "glibc-binary"


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every glibc wheel that an install step puts into an Alpine stage."""
    for stage in subject.alpine_stages():
        for step in stage.steps:
            if isinstance(step, InstallStep):
                for item in step.installed:
                    if item.resolved.artefact.kind == "glibc-wheel":
                        text = f"{evidence.named(item)} comes as a wheel for glibc; {stage_label(stage)} has musl"
                        yield _finding(subject, stage, step, item, f"{text}: it will not load", None)
                    else:
                        yield from _impossible(subject, stage, step, item)


def _impossible(subject: Subject, stage: Stage, step: InstallStep, item: Installed) -> Iterator[Finding]:
    rule = subject.knowledge.distribution(item.resolved.name)
    verdict = rule.verdict_impossible(item.resolved.version) if rule is not None else None
    if verdict is not None and item.resolved.artefact.kind != "wheel":
        text = f"{evidence.named(item)} can't work on Alpine, no package helps: {verdict.reason}; {verdict.advice}"
        facts = verdict.evidence[0] if verdict.evidence else verdict.reason
        yield _finding(subject, stage, step, item, text, Evidence("rule", f"{item.resolved.name}: {facts}"))


def _finding(
    subject: Subject, stage: Stage, step: InstallStep, item: Installed, message: str, rule: Evidence | None
) -> Finding:
    return Finding(
        code=CODE,
        name=NAME,
        severity="error",
        confidence=confidence_of(subject, item, stage, step.moment),
        message=message,
        location=locate(subject.dockerfile, step.span),
        evidence=unique((evidence.requirement(item), evidence.wheel(item), rule)),
        stage=stage_ref(stage),
        platforms=(subject.timeline.platform,),
        distribution=distribution_ref(item),
    )


CHECK = Check(CODE, NAME, "error", "a glibc wheel is installed in a musl stage", __doc__, run)
