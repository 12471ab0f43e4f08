"""AD001 and AD002: what is wrong with the ``# alpine-doctor: ignore[...]`` comments themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dockerlint_alpine.checks.base import Check, Subject

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Finding

_UNUSED = """## What it does
Reports an `# alpine-doctor: ignore[...]` comment that suppresses nothing.

## Why is this bad?
It hides the next real finding of that code, and tells readers of a problem that is gone.

## Example
```dockerfile
FROM python:3.11-alpine3.19
# alpine-doctor: ignore[AD201] copied by hand below
RUN apk add --no-cache curl
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache curl
```

## Fix safety
Unsafe: another platform, target or build argument may still need the comment.

## References
- [Settings](../configuration.md): suppressions, per-file ignores, `require-reason`
"""

_INVALID = """## What it does
Reports an `# alpine-doctor: ignore[...]` comment that can't be understood: it names no code, or what it names is none. With
`require-reason`, also one that gives no reason.

## Why is this bad?
It silences nothing, though whoever wrote it believes so. Without a reason nobody will dare to take it out again.

## Example
```dockerfile
FROM python:3.11-alpine3.19
# alpine-doctor: ignore[missing-lz4] lz4 comes with the volume
RUN apk add --no-cache gcc musl-dev lz4-dev \\
    && pip install lz4==4.4.5 \\
    && apk del lz4-dev
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
# alpine-doctor: ignore[AD202] lz4 comes with the volume
RUN apk add --no-cache gcc musl-dev lz4-dev \\
    && pip install lz4==4.4.5 \\
    && apk del lz4-dev
```

## Fix safety
There is no fix: which code was meant is the author's to say.

## References
- [Settings](../configuration.md): suppressions, per-file ignores, `require-reason`
"""


def run(_: Subject) -> Iterable[Finding]:
    """Yield nothing: ``suppress`` makes these findings, once it knows what all other checks found."""
    return ()


CHECKS = (
    Check("AD001", "unused-suppression", "warning", "an ignore comment suppresses nothing", _UNUSED, run, fix="unsafe"),
    Check(
        "AD002", "invalid-suppression", "warning", "an ignore comment is malformed or lacks its reason", _INVALID, run
    ),
)
