r"""## What it does
Reports a shared library that an extension needs at run time and that an `apk del` in the same stage removes.

## Why is this bad?
`apk del .build-deps` removes the -dev packages, and with them the libraries that were installed as their dependencies. The
extension that was compiled against them remains, and its first `import` fails with
`Error loading shared library liblz4.so.1: No such file or directory`.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache --virtual .build-deps gcc musl-dev lz4-dev \
    && pip install lz4==4.4.5 \
    && apk del .build-deps
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
Safe: the run-time package is added to a list that is not deleted, or to a new `apk add`.

## References
- apk(8): `del` also removes packages that nothing in the world depends on any more
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.ad201_missing_runtime_library import finding as missing_finding
from dockerlint_alpine.checks.base import Check, Subject, locate, stage_label, unique
from dockerlint_alpine.checks.run_moment import MissingObject, missing_objects
from dockerlint_alpine.model.findings import Evidence, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.stages import ApkStep, Stage


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every package that was there and is deleted before the stage ends."""
    for stage in subject.alpine_stages():
        for missing in missing_objects(subject, stage):
            if missing.removed_by is not None:
                yield _finding(subject, stage, missing, missing.removed_by)


def _finding(subject: Subject, stage: Stage, missing: MissingObject, removal: ApkStep) -> Finding:
    base = missing_finding(CHECK, subject, stage, missing)
    library = missing.needs[0].removeprefix("so:")
    names = " ".join(operand.text for operand in removal.command.operands)
    line = subject.dockerfile.line_of(removal.span[0])
    may = "may remove" if removal.conditional else "removes"
    advice = f": add {missing.package} to a list that is not deleted" if missing.package else ""
    gone = Evidence("dockerfile", f"line {line}: apk del {names} {may} it from {stage_label(stage)}")
    here = removal.stage == stage.index
    return replace(
        base,
        message=f"{evidence.named(missing.item)} links {library}, which apk del {names} {may}{advice}",
        location=locate(subject.dockerfile, removal.span) if here else base.location,
        evidence=unique((*base.evidence[:-1], gone)),
    )


CHECK = Check(
    "AD202",
    "removed-runtime-library",
    "error",
    "a needed library is removed by apk del",
    __doc__,
    run,
    fix="safe",
    purpose="runtime",
    image="linked",
    topic="load",
)
