"""## What it does
Reports an `# alpine-doctor: ignore[...]` comment that suppresses nothing (AD001), or that can't be understood or lacks
the reason that `require-reason` asks for (AD002).

## Why is this bad?
A comment that suppresses nothing hides the next real finding of that code, and tells readers of a problem that is gone.

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
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dockerlint_alpine.checks.base import Check, Subject

if TYPE_CHECKING:
    from dockerlint_alpine.findings import Finding


def run(_: Subject) -> Iterable[Finding]:
    """Yield nothing: ``suppress`` makes these findings, once it knows what all other checks found."""
    return ()


CHECKS = (
    Check("AD001", "unused-suppression", "warning", "an ignore comment suppresses nothing", __doc__, run),
    Check(
        "AD002", "invalid-suppression", "warning", "an ignore comment is malformed or lacks its reason", __doc__, run
    ),
)
