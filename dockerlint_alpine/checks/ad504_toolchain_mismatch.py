r"""## What it does
Reports a distribution whose compile fails whatever packages are installed: this version does not
accept the release's Rust, GCC or CMake, because they are too old or too new; its bindings or its own C code don't
support this Python; or its build uses the newest Cython or setuptools from the index, which rejects it.

## Why is this bad?
The build fails, and no package helps: `rustc 1.60.0 is not supported`, `the configured Python interpreter version (3.13) is
newer than PyO3's maximum supported version (3.12)`, `Compatibility with CMake < 3.5 has been removed from CMake`.

## Example
```dockerfile
FROM python:3.10-alpine3.16
RUN apk add --no-cache gcc musl-dev cargo libffi-dev openssl-dev
RUN pip install --no-binary cryptography cryptography==43.0.1
```

C code that Cython generated for an older Python:
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
RUN pip install aiohttp==3.8.1
```
C code that GCC 15 compiles as C23 (GCC 14, since Alpine 3.21, turned some warnings into errors):
```dockerfile
FROM python:3.12-alpine3.23
RUN apk add --no-cache gcc musl-dev linux-headers
RUN pip install uWSGI==2.0.28
```
A build that uses the newest Cython, whatever that is:
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
RUN pip install --no-binary pyyaml PyYAML==6.0
```

## Use instead
A version that has a wheel here:
```dockerfile
FROM python:3.10-alpine3.16
RUN pip install cryptography==43.0.1
```
Or a base image whose tools are new enough:
```dockerfile
FROM python:3.12-alpine3.20
RUN apk add --no-cache gcc musl-dev cargo libffi-dev openssl-dev
RUN pip install --no-binary cryptography cryptography==43.0.1
```
Or the older C standard:
```dockerfile
FROM python:3.12-alpine3.23
RUN apk add --no-cache gcc musl-dev linux-headers
RUN CFLAGS=-std=gnu17 pip install uWSGI==2.0.28
```
Or an older build tool:
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
RUN echo 'cython<3' > /constraints.txt
RUN PIP_CONSTRAINT=/constraints.txt pip install --no-binary pyyaml PyYAML==6.0
```

## Not reported
A tool that is installed from elsewhere:
```dockerfile
FROM python:3.10-alpine3.16
RUN apk add --no-cache gcc musl-dev curl libffi-dev openssl-dev
RUN curl -sSf https://sh.rustup.rs | sh -s -- -y \
    && . "$HOME/.cargo/env" \
    && pip install --no-binary cryptography cryptography==43.0.1
```

## Fix safety
There is no safe fix: only the author knows which remedy is right. The message lists them in order: a newer pip, another
version, another base image. `alpine-doctor fix --prefer wheel` applies the first one that provides a wheel and can be
applied, and so does `fix --unsafe-fixes`, because no package helps; `fix -i` asks.

## References
- [Cargo: rust-version](https://doc.rust-lang.org/cargo/reference/rust-version.html)
- [PyO3's changelog](https://pyo3.rs/main/changelog.html): which release accepts which Python; checked since 0.20.3
- Porting to [GCC 14](https://gcc.gnu.org/gcc-14/porting_to.html) and [GCC 15](https://gcc.gnu.org/gcc-15/porting_to.html)
- [CMake 4.0](https://cmake.org/cmake/help/latest/release/4.0.html): compatibility with versions before 3.5 is removed
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.base import Check, Subject, confidence_of
from dockerlint_alpine.checks.build_moment import Compile, compiles
from dockerlint_alpine.checks.toolchain import Mismatch, mismatches, toolchains
from dockerlint_alpine.knowledge.toolchains import PACKAGES, TITLES
from dockerlint_alpine.model.findings import Evidence
from dockerlint_alpine.python.tags import knows_musllinux

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge.toolchains import Toolchains
    from dockerlint_alpine.model.findings import Finding

_SWITCHES = {"14": "-fpermissive", "15": "-std=gnu17"}
"""What makes a newer GCC take the C that an older one took, by the first version that does not."""


def run(subject: Subject) -> Iterator[Finding]:
    """Yield one finding for every compile that no package can help."""
    for made in compiles(subject):
        found = mismatches(subject, made)
        if found:
            yield _finding(subject, made, found)


def _finding(subject: Subject, made: Compile, found: tuple[Mismatch, ...]) -> Finding:
    item = made.item
    causes = " and ".join(_cause(made, one) for one in found)
    ways = "; ".join(_ways(subject, made, found))
    return CHECK.finding(
        f"{evidence.named(item)} is compiled here and {causes}, no package helps: {ways}",
        subject=subject,
        stage=made.stage,
        item=item,
        step=made.step,
        confidence=confidence_of(subject, item, made.stage, made.step.moment),
        evidence=(
            evidence.requirement(item),
            evidence.wheel(item),
            *(Evidence("rule", fact, _cause(made, one)) for one in found for fact in one.demand.evidence[:1]),
            *(
                Evidence(
                    "index", f"Alpine {made.stage.alpine} has {'at most ' * one.at_most}{TITLES[one.tool]} {one.has}"
                )
                for one in found
                if one.tool in PACKAGES and one.tool != "python"
            ),
        ),
    )


def _cause(made: Compile, one: Mismatch) -> str:
    name, asked = TITLES[one.tool], one.demand.version
    if one.tool == "python":
        return f"can be compiled for Python {asked} at most, not {one.has}"
    if not one.has:
        return f"its build uses the newest {name}, but {name} {asked} and later reject it"
    if one.tool == "gcc" and one.too_new:
        return f"its C code is rejected by {name} {asked} and later; Alpine {made.stage.alpine} has {one.has}"
    if one.too_new:
        return f"its build files are rejected by {name} {asked} and later; Alpine {made.stage.alpine} has {one.has}"
    return f"needs {name} {asked} or newer; Alpine {made.stage.alpine} has {'at most ' * one.at_most}{one.has}"


def _ways(subject: Subject, made: Compile, found: tuple[Mismatch, ...]) -> Iterator[str]:
    """What helps, the least change first."""
    artefact, home, release = made.item.resolved.artefact, made.step.home, made.stage.alpine
    if home.pip_version is not None and not knows_musllinux(home.pip_version):
        yield f"upgrade pip first (pip {home.pip_version} does not support musllinux wheels)"
    later = artefact.nearest_with_wheel
    has_later = later is not None and _is_later(later, made.item.resolved.version)
    if has_later:
        yield f"use {made.item.resolved.name} {later}, which has a wheel that fits"
    too_new = [one for one in found if one.too_new]
    if too_new and not has_later:
        yield "use a later version"
    for one in found:
        yield from _ways_of(toolchains(subject.knowledge), one, release)
    if not too_new:
        yield "or an older version"


def _ways_of(table: Toolchains, one: Mismatch, release: str | None) -> Iterator[str]:
    tool, asked = one.tool, one.demand.version
    if tool == "python":
        yield f"use a Python up to {asked}"
    elif not one.has:
        yield f"constrain the build to {tool}<{asked} (PIP_CONSTRAINT; PIP_BUILD_CONSTRAINT from pip 25.3 on)"
    elif tool == "cmake" and one.too_new:
        yield "set CMAKE_POLICY_VERSION_MINIMUM=3.5"
    elif release is not None and one.too_new:
        if asked in _SWITCHES:
            yield f"set CFLAGS={_SWITCHES[asked]}"
        sooner = table.last_before(tool, asked, before=release)
        if sooner is not None:
            yield f"use Alpine {sooner} or earlier"
    elif release is not None:
        newer = table.first_with(tool, asked, after=release)
        if newer is not None:
            yield f"use Alpine {newer} or later"


def _is_later(version: str, other: str | None) -> bool:
    try:
        return other is not None and Version(version) > Version(other)
    except InvalidVersion:
        return False


CHECK = Check(
    "AD504",
    "toolchain-mismatch",
    "error",
    "this version can't be compiled with the release's tools or this Python",
    __doc__,
    run,
    topic="compile",
)
