"""## What it does
Reports a value that is needed for the check but known only at build time: packages from a variable, from the output of
another command, from a file that the build creates, or from a script in a language other than shell.

## Why is this bad?
"No problems found" would sound like "nothing is missing". The summary counts what could not be checked, and `--strict` turns
it into a failure.

## Example
```dockerfile
FROM python:3.11-alpine3.19
ARG BUILD_PACKAGES
RUN apk add --no-cache $BUILD_PACKAGES
RUN pip install lz4==4.4.5
```

## Use instead
Specify the value that the build uses:
```dockerfile
FROM python:3.11-alpine3.19
ARG BUILD_PACKAGES
RUN apk add --no-cache $BUILD_PACKAGES
RUN pip install lz4==4.4.5
```
```sh
alpine-doctor check --build-arg "BUILD_PACKAGES=gcc musl-dev" Dockerfile
```
Or add a default to the file: `ARG BUILD_PACKAGES="gcc musl-dev"`.

## Fix safety
There is nothing to fix in the file.

## References
- [Troubleshooting](../troubleshooting.md): what to do in each case
- [Dockerfile reference: ARG](https://docs.docker.com/reference/dockerfile/#arg)
"""

from __future__ import annotations

from dockerlint_alpine.checks.unjudged import notices

CHECK = notices("AD905", "unknown-value", "a value is known only at build time", __doc__ or "")
