"""## What it does
Says that a value on which the verdict depends is known only while building: packages from a variable, from the output of
another command, from a file that the build makes, from a script in another language than shell.

## Why is this bad?
"No findings" would sound like "nothing is missing". What was not looked at is counted in the summary, and `--strict`
turns it into a failure.

## Example
```dockerfile
FROM python:3.11-alpine3.19
ARG BUILD_PACKAGES
RUN apk add --no-cache $BUILD_PACKAGES
RUN pip install lz4==4.4.5
```

## Use instead
Give the value that the build gets:
```dockerfile
FROM python:3.11-alpine3.19
ARG BUILD_PACKAGES
RUN apk add --no-cache $BUILD_PACKAGES
RUN pip install lz4==4.4.5
```
```sh
alpine-doctor check --build-arg "BUILD_PACKAGES=gcc musl-dev" Dockerfile
```
Or write the default into the file: `ARG BUILD_PACKAGES="gcc musl-dev"`.

## Fix safety
There is nothing to fix in the file.

## References
- [Troubleshooting](../troubleshooting.md): what to give it, case by case
- [Dockerfile reference: ARG](https://docs.docker.com/reference/dockerfile/#arg)
"""

from __future__ import annotations

from dockerlint_alpine.checks.unjudged import notices

CHECK = notices("AD905", "unknown-value", "a value is known only while the image is built", __doc__ or "")
