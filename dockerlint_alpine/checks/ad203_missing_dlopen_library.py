"""## What it does
Reports a library, program or data package that Python code opens at run time and that is not in the stage: python-magic
opens `libmagic.so.1`, weasyprint opens Pango, pdf2image starts `pdftoppm`.

## Why is this bad?
No ELF header says so, no wheel brings it along, the build passes: the first use fails with
`ImportError: failed to find libmagic` or `OSError: cannot load library 'libgobject-2.0-0'`.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN pip install python-magic==0.4.27
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache libmagic
RUN pip install python-magic==0.4.27
```

## Fix safety
Safe: the package is added to an `apk add` of the stage that survives, or to a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.base import (
    Check,
    Subject,
    confidence_of,
    distribution_ref,
    instruction_location,
    stage_label,
    stage_ref,
    unique,
)
from dockerlint_alpine.findings import Evidence, Finding
from dockerlint_alpine.fixer.placement import add_package
from dockerlint_alpine.stages import library_copied

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge import RuntimeNeed
    from dockerlint_alpine.stages import Installed, Stage

CODE = "AD203"
NAME = "missing-dlopen-library"


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every run-time need of Python code that a running stage does not meet."""
    for stage in subject.alpine_stages():
        if not stage.runs:
            continue
        for item in stage.installed:
            distribution = subject.knowledge.distribution(item.resolved.name)
            if distribution is None or item.as_wheel:
                continue
            for need in distribution.runtime_needs(item.resolved.version):
                if _wanted(item, need) and not _met(subject, stage, need):
                    yield _finding(subject, stage, item, need)


def _wanted(item: Installed, need: RuntimeNeed) -> bool:
    return not need.extra or need.extra in item.resolved.extras


def _met(subject: Subject, stage: Stage, need: RuntimeNeed) -> bool:
    end = stage.end
    assert end is not None
    if any(end.world.has(name) and end.lasting.has(name) for name in need.any):
        return True
    return any(name.startswith("so:") and library_copied(subject.timeline, end, name) == "yes" for name in need.any)


def _finding(subject: Subject, stage: Stage, item: Installed, need: RuntimeNeed) -> Finding:
    assert stage.packages is not None
    assert stage.end is not None
    found = next(((name, p[0]) for name in need.any if (p := stage.packages.find(name))), None)
    wanted = found[1].capability if found is not None else need.any[0]
    package = found[1].package.name if found is not None else None
    possible = any(stage.end.possible.has(name) for name in need.any)
    sure = "possible" if possible else confidence_of(item, stage, stage.end)
    placed = None
    if package is not None and not possible and not item.conditional:
        placed = add_package(subject.timeline, stage, package, "runtime", None)
    fix = placed[0] if placed is not None else None
    # What only switches a feature on is shown, not written: the author may not use it.
    if fix is not None and (need.feature or need.severity != "error" or sure == "possible"):
        fix = replace(fix, applicability="unsafe")
    anchor = placed[1] if placed is not None else item.arrived
    verb = {"dlopen": "opens", "program": "starts", "data": "uses"}[need.kind]
    what = wanted.partition(":")[2] or wanted
    purpose = f" for {need.feature}" if need.feature else ""
    if possible:
        text = f"{evidence.named(item)} {verb} {what}{purpose}, which only a branch that may not run brings"
    elif package is None:
        text = f"{evidence.named(item)} {verb} {what}{purpose}, which no package of Alpine {stage.alpine} provides"
    else:
        text = f"{evidence.named(item)} {verb} {what} at run time{purpose}; it is not in {stage_label(stage)}: add {package}"
    return Finding(
        code=CODE,
        name=NAME,
        severity="warning" if sure == "possible" and need.severity == "error" else need.severity,
        confidence=sure,
        message=text,
        location=instruction_location(subject.dockerfile, anchor),
        evidence=unique(
            (
                evidence.requirement(item),
                Evidence("rule", f"{item.resolved.name} {verb} {what}{_because(need.evidence)}"),
                evidence.provider(stage.packages, wanted, package) if package else None,
                evidence.absence(stage, wanted),
            )
        ),
        stage=stage_ref(stage),
        platforms=(subject.timeline.platform,),
        distribution=distribution_ref(item),
        need=wanted,
        packages=(package,) if package else (),
        fix=fix,
    )


def _because(facts: tuple[str, ...]) -> str:
    return f" ({facts[0]})" if facts else ""


CHECK = Check(CODE, NAME, "error", "a library that Python code opens at run time is not there", __doc__, run)
