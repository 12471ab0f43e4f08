"""## What it does
Says that a requirement file which the Dockerfile installs can't be read: it is not in the build context, or it is no
requirement file.

## Why is this bad?
"No findings" would sound like "nothing is missing". What was not looked at is counted in the summary, and `--strict`
turns it into a failure.

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
There is nothing to fix in the file.

## References
- [Troubleshooting](../troubleshooting.md): what to give it, case by case
"""

from __future__ import annotations

from dockerlint_alpine.checks.unjudged import notices

CHECK = notices("AD901", "unreadable-requirements", "a requirement file can't be read or found", __doc__ or "")
