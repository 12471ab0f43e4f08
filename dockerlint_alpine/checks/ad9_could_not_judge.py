"""## What it does
Says what could not be judged, and why: a requirement file that is not in the build context (AD901), a base image or an
interpreter that is not known (AD902), a distribution that the embedded data doesn't know or that does not resolve
(AD903), a part of the Dockerfile that no parser accepts (AD904), a value that is known only while building (AD905).

## Why is this bad?
"No findings" would sound like "nothing is missing". What was not looked at is counted in the summary, and `--strict`
turns it into a failure.

## Example
```dockerfile
FROM python:3.11-alpine3.19
COPY requirements.txt .
RUN pip install -r requirements.txt
```
with no `requirements.txt` in the build context.

## Use instead
Give what is missing: `--context DIR`, `--build-arg NAME=VALUE`, `--alpine X.Y`, `--python X.Y`. `--online` asks the package
index for distributions that the embedded data doesn't know, and reads the sources of those that no rule covers; without it
the index is asked only if it answers quickly, and not in CI.

## Fix safety
There is nothing to fix in the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from dockerlint_alpine.checks.base import Check, Subject, locate, stage_ref
from dockerlint_alpine.findings import Evidence, Finding, Location

NAMES = {
    "AD901": "unreadable-requirements",
    "AD902": "unknown-base-image",
    "AD903": "unresolved-requirement",
    "AD904": "syntax-error",
    "AD905": "unknown-value",
}
SUMMARIES = {
    "AD901": "a requirement file can't be read or found",
    "AD902": "the base image or its Python is not known",
    "AD903": "a distribution is not known, or does not resolve",
    "AD904": "a part of the Dockerfile is no valid syntax",
    "AD905": "a value is known only while the image is built",
}


def run(subject: Subject, code: str) -> Iterator[Finding]:
    """Yield the notices of one AD9xx code."""
    for notice in subject.timeline.unjudged:
        if notice.code == code:
            stage = subject.timeline.stages.get(notice.stage)
            yield Finding(
                code=code,
                name=NAMES[code],
                severity="info",
                confidence="certain",
                message=notice.message,
                location=locate(subject.dockerfile, notice.span),
                evidence=(Evidence("dockerfile", notice.evidence),),
                stage=stage_ref(stage) if stage is not None else None,
                platforms=(subject.timeline.platform,),
            )
    if code == "AD904":
        yield from _syntax(subject)


def _syntax(subject: Subject) -> Iterator[Finding]:
    for problem in subject.dockerfile.problems:
        if problem.severity == "error":
            yield Finding(
                code="AD904",
                name=NAMES["AD904"],
                severity="info",
                confidence="certain",
                message=problem.message,
                location=Location(problem.line, 1, problem.line, 1),
                evidence=(Evidence("dockerfile", f"line {problem.line}: {problem.message}"),),
                platforms=(subject.timeline.platform,),
            )


def _check(code: str) -> Check:
    def run_code(subject: Subject) -> Iterator[Finding]:
        return run(subject, code)

    return Check(code, NAMES[code], "info", SUMMARIES[code], __doc__ or "", run_code)


CHECKS = tuple(_check(code) for code in NAMES)
