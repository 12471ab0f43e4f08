"""## What it does
Reports that packages are installed on an unknown base image, whose name reveals neither its Alpine release nor its Python,
or that Python packages are copied from an unknown image.

## Why is this bad?
"No problems found" would sound like "nothing is missing". The summary counts what could not be checked, and `--strict` turns
it into a failure.

## Example
```dockerfile
FROM registry.example/team/base:7
RUN apk add --no-cache gcc musl-dev
RUN pip install lz4==4.4.5
```

## Use instead
Specify what is in it:
```dockerfile
FROM registry.example/team/base:7
RUN apk add --no-cache gcc musl-dev
RUN pip install lz4==4.4.5
```
```sh
alpine-doctor check --alpine 3.19 --python 3.11 Dockerfile
```
Or put it into the configuration: `alpine = "3.19"`, `python = "3.11"`. With `--online`, the image is
[read from its registry](../package-index.md#base-images). If another Dockerfile of the project builds the base
image, check the folder that contains both: the base image is then [looked up there](../what-is-read.md).

## Fix safety
There is nothing to fix in the file.

## References
- [Troubleshooting](../troubleshooting.md): what to do in each case
"""

from __future__ import annotations

from dockerlint_alpine.checks.unjudged import notices

CHECK = notices("AD902", "unknown-base-image", "the base image or its Python is not known", __doc__ or "")
