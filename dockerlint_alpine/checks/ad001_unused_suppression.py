"""## What it does
Reports an `# alpine-doctor: ignore[...]` comment that suppresses nothing.

## Why is this bad?
It would hide the next real finding of that code, and it tells readers about a problem that no longer exists.

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
Unsafe: the comment may still be needed for another platform, target or build argument.

## References
- [Settings](../configuration.md): suppressions, per-file ignores, `require-reason`
"""

from __future__ import annotations

from dockerlint_alpine.checks.base import Check, of_comments

CHECK = Check(
    "AD001",
    "unused-suppression",
    "warning",
    "an ignore comment suppresses nothing",
    __doc__ or "",
    of_comments,
    fix="unsafe",
    about_comment=True,
    unused_text=True,
)
