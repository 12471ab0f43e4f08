"""## What it does
Reports invalid syntax in the Dockerfile: an unknown instruction, an unterminated heredoc, an instruction without its
arguments. The rest of the file is still checked. A template (`{{`, `{%`, `<%` in the place of an instruction) is reported
once.

## Why is this bad?
BuildKit rejects the file, and what the broken part would have installed is unknown.

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
There is no fix: only the author knows what was meant.

## References
- [Dockerfile reference](https://docs.docker.com/reference/dockerfile/)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks.base import Check, Subject
from dockerlint_alpine.model.findings import Evidence, Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.model.findings import Finding


def run(subject: Subject) -> Iterator[Finding]:
    """Yield what the parser could make nothing of."""
    for problem in subject.dockerfile.errors:
        yield CHECK.finding(
            problem.message,
            subject=subject,
            at=Location(problem.line, 1, problem.line, 1),
            evidence=(Evidence("dockerfile", f"line {problem.line}: {problem.message}"),),
        )


CHECK = Check(
    "AD904",
    "syntax-error",
    "info",
    "a part of the Dockerfile has invalid syntax",
    __doc__ or "",
    run,
    could_not_judge=True,
)
