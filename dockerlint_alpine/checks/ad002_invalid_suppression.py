r"""## What it does
Reports an `# alpine-doctor: ignore[...]` comment that can't be parsed: it names no code, or an unknown one. With
`require-reason`, it also reports a comment without a reason.

## Why is this bad?
It silences nothing, although its author believes it does. And if there is no reason, nobody will dare to remove it.

## Example
```dockerfile
FROM python:3.11-alpine3.19
# alpine-doctor: ignore[missing-lz4] lz4 comes with the volume
RUN apk add --no-cache gcc musl-dev lz4-dev \
    && pip install lz4==4.4.5 \
    && apk del lz4-dev
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
# alpine-doctor: ignore[AD202] lz4 comes with the volume
RUN apk add --no-cache gcc musl-dev lz4-dev \
    && pip install lz4==4.4.5 \
    && apk del lz4-dev
```

## Fix safety
There is no fix: only the author knows which code was meant.

## References
- [Settings](../configuration.md): suppressions, per-file ignores, `require-reason`
"""

from __future__ import annotations

from dockerlint_alpine.checks.base import Check, of_comments

CHECK = Check(
    "AD002",
    "invalid-suppression",
    "warning",
    "an ignore comment is malformed or lacks its reason",
    __doc__ or "",
    of_comments,
    about_comment=True,
)
