"""## What it does
Reports a distribution that no rule covers, or a version that is not among the embedded facts, or requirements that can't be
resolved.

## Why is this bad?
"No problems found" would sound like "nothing is missing". The summary counts what could not be checked, and `--strict` turns
it into a failure.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
RUN pip install lz4==4.5.0
```

## Use instead
Query the Python package index with `--online`: it knows every version, so that unpinned requirements can be resolved. Or use
a version that is known offline:
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
RUN pip install lz4==4.4.5
```

## Fix safety
There is nothing to fix in the file.

## References
- [Troubleshooting](../troubleshooting.md): what to do in each case
- [Adding a library or distribution](../contributing-rules.md), for a project's own rules too
"""

from __future__ import annotations

from dockerlint_alpine.checks.unjudged import notices

CHECK = notices("AD903", "unresolved-requirement", "a distribution is not known, or does not resolve", __doc__ or "")
