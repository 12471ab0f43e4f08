"""## What it does
Reports a requirements file that the Dockerfile installs but that can't be read: it is not in the build context, or it
is not a requirements file.

## Why is this bad?
"No problems found" would sound like "nothing is missing". The summary counts what could not be checked, and `--strict` turns
it into a failure.

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
A compose file already contains that information: `alpine-doctor check docker-compose.yml`.

## Fix safety
There is nothing to fix in the file.

## References
- [Troubleshooting](../troubleshooting.md): what to do in each case
"""

from __future__ import annotations

from dockerlint_alpine.checks.unjudged import notices

CHECK = notices("AD901", "unreadable-requirements", "a requirements file can't be read or found", __doc__ or "")
