"""## What it does
Says that packages are installed on a base image which is not known: its name tells neither the Alpine release nor the
Python in it. So does a COPY of Python packages from an image that is not known.

## Why is this bad?
"No findings" would sound like "nothing is missing". What was not looked at is counted in the summary, and `--strict`
turns it into a failure.

## Example
```dockerfile
FROM registry.example/team/base:7
RUN apk add --no-cache gcc musl-dev
RUN pip install lz4==4.4.5
```

## Use instead
Say what is in it:
```dockerfile
FROM registry.example/team/base:7
RUN apk add --no-cache gcc musl-dev
RUN pip install lz4==4.4.5
```
```sh
alpine-doctor check --alpine 3.19 --python 3.11 Dockerfile
```
Or keep it in the configuration: `alpine = "3.19"`, `python = "3.11"`. Where another Dockerfile of the project builds the
base, let the search find both: it is [looked up there](../what-is-read.md).

## Fix safety
There is nothing to fix in the file.

## References
- [Troubleshooting](../troubleshooting.md): what to give it, case by case
"""

from __future__ import annotations

from dockerlint_alpine.checks.unjudged import notices

CHECK = notices("AD902", "unknown-base-image", "the base image or its Python is not known", __doc__ or "")
