"""## What it does
Says that a distribution, or this version of it, is in no rule and not among the facts that come with the program, or that
the requirements do not resolve.

## Why is this bad?
"No findings" would sound like "nothing is missing". What was not looked at is counted in the summary, and `--strict`
turns it into a failure.

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
There is nothing to fix in the file.

## References
- [Troubleshooting](../troubleshooting.md): what to give it, case by case
- [Adding a library or distribution](../contributing-rules.md), for a project's own rules too
"""

from __future__ import annotations

from dockerlint_alpine.checks.unjudged import notices

CHECK = notices("AD903", "unresolved-requirement", "a distribution is not known, or does not resolve", __doc__ or "")
