"""AD901 to AD905: what could not be judged, and why. "No findings" alone would sound like "nothing is missing"."""

from __future__ import annotations

from collections.abc import Iterator

from dockerlint_alpine.checks.base import Check, Subject, locate, stage_ref
from dockerlint_alpine.model.findings import Evidence, Finding, Location

_COUNTED = """\
"No findings" would sound like "nothing is missing". What was not looked at is counted in the summary, and `--strict`
turns it into a failure."""
_NO_FIX = """There is nothing to fix in the file."""
_REFERENCES = """- [Troubleshooting](../troubleshooting.md): what to give it, case by case"""

_UNREADABLE = f"""## What it does
Says that a requirement file which the Dockerfile installs can't be read: it is not in the build context, or it is no
requirement file.

## Why is this bad?
{_COUNTED}

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
COPY requirements.txt .
RUN pip install -r requirements.txt
```
```text title="backend/requirements.txt"
lz4==4.4.5
```

## Use instead
Say where the build context is:
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
COPY requirements.txt .
RUN pip install -r requirements.txt
```
```text title="backend/requirements.txt"
lz4==4.4.5
```
```sh
alpine-doctor check --context backend Dockerfile
```
A compose file says so by itself: `alpine-doctor check docker-compose.yml`.

## Fix safety
{_NO_FIX}

## References
{_REFERENCES}
"""

_UNKNOWN_IMAGE = f"""## What it does
Says that packages are installed on a base image which is not known: its name tells neither the Alpine release nor the
Python in it.

## Why is this bad?
{_COUNTED}

## Example
```dockerfile
FROM registry.example/team/base:7
RUN apk add --no-cache gcc musl-dev
RUN pip install lz4==4.4.5
```

## Use instead
Say what is in it:
```dockerfile
FROM registry.example/team/base:7
RUN apk add --no-cache gcc musl-dev
RUN pip install lz4==4.4.5
```
```sh
alpine-doctor check --alpine 3.19 --python 3.11 Dockerfile
```
Or keep it in the configuration: `alpine = "3.19"`, `python = "3.11"`.

## Fix safety
{_NO_FIX}

## References
{_REFERENCES}
"""

_UNRESOLVED = f"""## What it does
Says that a distribution, or this version of it, is in no rule and not among the facts that come with the program, or that
the requirements do not resolve.

## Why is this bad?
{_COUNTED}

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
RUN pip install lz4==4.5.0
```

## Use instead
Ask the Python index with `--online`: it knows every version, and resolves what is not pinned. Or take a version that is
known offline:
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
RUN pip install lz4==4.4.5
```

## Fix safety
{_NO_FIX}

## References
{_REFERENCES}
- [Adding a library or distribution](../contributing-rules.md), for a project's own rules too
"""

_SYNTAX = """## What it does
Says that a part of the Dockerfile is no valid syntax: an unknown instruction, a heredoc without its end, an instruction
without its arguments. The rest of the file is judged all the same.

## Why is this bad?
BuildKit refuses the file, and what the broken part would have installed is not known.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUM apk add --no-cache gcc musl-dev
RUN pip install lz4==4.4.5
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
RUN pip install lz4==4.4.5
```

## Fix safety
There is no fix: what was meant is the author's to say.

## References
- [Dockerfile reference](https://docs.docker.com/reference/dockerfile/)
"""

_UNKNOWN_VALUE = f"""## What it does
Says that a value on which the verdict depends is known only while building: packages from a variable, from the output of
another command, from a file that the build makes.

## Why is this bad?
{_COUNTED}

## Example
```dockerfile
FROM python:3.11-alpine3.19
ARG BUILD_PACKAGES
RUN apk add --no-cache $BUILD_PACKAGES
RUN pip install lz4==4.4.5
```

## Use instead
Give the value that the build gets:
```dockerfile
FROM python:3.11-alpine3.19
ARG BUILD_PACKAGES
RUN apk add --no-cache $BUILD_PACKAGES
RUN pip install lz4==4.4.5
```
```sh
alpine-doctor check --build-arg "BUILD_PACKAGES=gcc musl-dev" Dockerfile
```
Or write the default into the file: `ARG BUILD_PACKAGES="gcc musl-dev"`.

## Fix safety
{_NO_FIX}

## References
{_REFERENCES}
- [Dockerfile reference: ARG](https://docs.docker.com/reference/dockerfile/#arg)
"""

_CODES = {
    "AD901": ("unreadable-requirements", "a requirement file can't be read or found", _UNREADABLE),
    "AD902": ("unknown-base-image", "the base image or its Python is not known", _UNKNOWN_IMAGE),
    "AD903": ("unresolved-requirement", "a distribution is not known, or does not resolve", _UNRESOLVED),
    "AD904": ("syntax-error", "a part of the Dockerfile is no valid syntax", _SYNTAX),
    "AD905": ("unknown-value", "a value is known only while the image is built", _UNKNOWN_VALUE),
}
"""Code -> name, summary, page."""


def run(subject: Subject, code: str) -> Iterator[Finding]:
    """Yield the notices of one AD9xx code."""
    for notice in subject.timeline.unjudged:
        if notice.code == code:
            stage = subject.timeline.stages.get(notice.stage)
            yield Finding(
                code=code,
                name=_CODES[code][0],
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
                name=_CODES["AD904"][0],
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

    name, summary, page = _CODES[code]
    return Check(code, name, "info", summary, page, run_code)


CHECKS = tuple(_check(code) for code in _CODES)
