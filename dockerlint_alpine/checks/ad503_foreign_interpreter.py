"""## What it does
Reports distributions, a virtual environment or a whole Python copied to a stage where they can't run, because the
Python there has another version or another location, or because the copied files were built for glibc or a newer musl.

## Why is this bad?
Python 3.13 never searches `lib/python3.12/site-packages`, so the first import fails with `ModuleNotFoundError`. A virtual
environment links to the Python that created it: `exec: "/venv/bin/python": no such file or directory`. A Python from a newer
Alpine requires symbols that an older musl does not have: `pwritev2: symbol not found`.

## Example
```dockerfile
FROM python:3.12-alpine3.20 AS builder
RUN pip install --prefix=/install requests==2.32.3
FROM python:3.13-alpine3.20
COPY --from=builder /install /usr/local
CMD ["python", "-m", "http.server"]
```
A virtual environment without its Python:
```dockerfile
FROM python:3.12-alpine3.20 AS builder
RUN python -m venv /venv && /venv/bin/pip install requests==2.32.3
FROM alpine:3.20
COPY --from=builder /venv /venv
ENV PATH="/venv/bin:$PATH"
CMD ["python", "-m", "http.server"]
```
A whole Python from an image that is not Alpine:
```dockerfile
FROM alpine:3.20
COPY --from=python:3.12-slim /usr/local /usr/local
CMD ["python3", "-m", "http.server"]
```

## Use instead
```dockerfile
FROM python:3.12-alpine3.20 AS builder
RUN pip install --prefix=/install requests==2.32.3
FROM python:3.12-alpine3.20
COPY --from=builder /install /usr/local
CMD ["python", "-m", "http.server"]
```

## Not reported
Pure Python runs wherever it is found, and so does a virtual environment if the stage has the same Python:
```dockerfile
FROM python:3.12-alpine3.20 AS builder
RUN pip install --target /deps requests==2.32.3
FROM alpine:3.20
RUN apk add --no-cache python3
COPY --from=builder /deps /deps
ENV PYTHONPATH=/deps
CMD ["python3", "-m", "http.server"]
```
```dockerfile
FROM python:3.12-alpine3.20 AS builder
RUN python -m venv /venv && /venv/bin/pip install requests==2.32.3
FROM python:3.12-alpine3.21
COPY --from=builder /venv /venv
CMD ["/venv/bin/python", "-m", "http.server"]
```

## Fix safety
There is no fix: only the author knows which of the two Pythons was meant.

## References
- [site](https://docs.python.org/3/library/site.html): where Python looks for packages
- [venv](https://docs.python.org/3/library/venv.html): an environment is not portable
- [musl 1.2.5](https://musl.libc.org/releases.html): the release that added preadv2 and pwritev2
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.base import Check, Subject, instruction_location, stage_label
from dockerlint_alpine.checks.copied_python import (
    IMAGE_PREFIX,
    copied_packages,
    copied_pythons,
    made_by,
    pythons_of,
    site_of,
    unfit,
)
from dockerlint_alpine.checks.starts import search_path, starts
from dockerlint_alpine.model.findings import Evidence
from dockerlint_alpine.python.tags import musl_of_alpine
from dockerlint_alpine.stages.files import FromStage
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.checks.copied_python import CopiedPackage, CopiedPython
    from dockerlint_alpine.model.findings import Confidence, Finding
    from dockerlint_alpine.stages import Installed, InstallStep, Stage

_SHOWN = 3


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for everything that a COPY brings to a Python which it is not for."""
    for stage in subject.alpine_stages():
        if not stage.runs:
            continue
        brought = list(copied_pythons(subject, stage))
        yield from (_whole(subject, stage, one, why) for one in brought if (why := unfit(stage, one)) is not None)
        groups: dict[tuple[str, int], list[Installed]] = {}
        for item in stage.installed:
            if item.copied_from is not None and not item.as_wheel and not item.conditional:
                groups.setdefault((item.location, item.arrived.start), []).append(item)
        for items in groups.values():
            yield from _group(subject, stage, items, brought)
        yield from _of_alpine(subject, stage, brought)


# -- a whole Python ---------------------------------------------------------------------------------------------------


def _whole(subject: Subject, stage: Stage, python: CopiedPython, why: str) -> Finding:
    return CHECK.finding(
        f"the Python that is copied to {python.prefix} {why}: it will not start",
        subject=subject,
        stage=stage,
        at=instruction_location(subject.dockerfile, python.instruction),
        confidence="certain" if python.image.certain and (stage.image is None or stage.image.certain) else "likely",
        evidence=(
            Evidence("dockerfile", f"line {python.instruction.line} copies it out of {python.image.reference}"),
            Evidence("rule", f"{python.image.image}: {(python.image.evidence or ('its tag says so',))[0]}"),
        ),
    )


# -- what was installed elsewhere -------------------------------------------------------------------------------------


def _group(subject: Subject, stage: Stage, items: list[Installed], brought: list[CopiedPython]) -> Iterator[Finding]:
    """The distributions that one COPY brings to one folder."""
    first = items[0]
    step = made_by(subject, first)
    pythons = pythons_of(stage, brought)
    if step is None or step.home.version is None or not pythons:
        if step is not None and not pythons:
            yield from _without_python(subject, stage, items, step)
        return
    site = site_of(first.location)
    made_for = step.home.version
    here = " and ".join(sorted(pythons))
    unseen = site is not None and site[1] not in pythons and not _is_on_path(stage, first.location)
    if site is not None and unseen and not _may_bring_python(stage, f"{site[0]}/bin/python{site[1]}"):
        text = f"{_named(items)} in {first.location}, where Python {here} of {stage_label(stage)} does not look"
        yield _finding(subject, stage, items, step, text)
        return
    yield from _without_python(subject, stage, items, step)
    native = [item for item in items if _is_for(subject, item, made_for)] if made_for not in pythons else []
    if native:
        text = f"{_named(native)} here with extensions for Python {made_for}, which Python {here} does not load"
        yield _finding(subject, stage, native, step, text)
    yield from _of_newer_musl(subject, stage, items, step)


def _of_newer_musl(subject: Subject, stage: Stage, items: list[Installed], step: InstallStep) -> Iterator[Finding]:
    """Wheels that the pip of a newer release took (PEP 656: the tag names the least musl)."""
    has = musl_of_alpine(stage.alpine) if stage.alpine is not None else None
    newer = [item for item in items if has is not None and _least_musl(item) > has]
    if newer and has is not None:
        asked, here = (".".join(map(str, pair)) for pair in (max(map(_least_musl, newer)), has))
        text = f"{_named(newer)} here as a wheel for musl {asked}; {stage_label(stage)} has musl {here}"
        yield _finding(subject, stage, newer, step, text, sure="possible")


def _least_musl(item: Installed) -> tuple[int, int]:
    tag = re.search(r"musllinux_(\d+)_(\d+)", item.resolved.artefact.wheel_tag or "")
    return (int(tag[1]), int(tag[2])) if tag is not None else (0, 0)


def _of_alpine(subject: Subject, stage: Stage, brought: list[CopiedPython]) -> Iterator[Finding]:
    """Packages of Alpine's own Python that are copied to where the Python of the stage does not look."""
    pythons = pythons_of(stage, brought)
    by_copy: dict[tuple[int, str], list[CopiedPackage]] = {}
    for copied in copied_packages(subject, stage):
        by_copy.setdefault((copied.instruction.start, copied.location), []).append(copied)
    for (_, location), group in by_copy.items():
        first, site = group[0], site_of(location)
        origin = subject.timeline.stages[first.stage]
        asked = [one for one in group if origin.end is not None and one.package.name in origin.end.world.explicit]
        if not asked or site is None or not pythons or site[1] in pythons or _is_on_path(stage, location):
            continue
        if _may_bring_python(stage, f"{site[0]}/bin/python{site[1]}"):
            continue
        names = _listed([f"{one.package.name} {one.package.version}" for one in asked])
        here = " and ".join(sorted(pythons))
        yield CHECK.finding(
            f"{names} in {location}, where Python {here} of {stage_label(stage)} does not look",
            subject=subject,
            stage=stage,
            at=instruction_location(subject.dockerfile, first.instruction),
            confidence="certain" if origin.packages is not None and origin.packages.exact else "likely",
            evidence=(
                Evidence("index", f"Alpine {origin.alpine} has {names.rpartition(' ')[0]} for Python {first.python}"),
                Evidence("dockerfile", f"line {first.instruction.line} brings {location} out of {stage_label(origin)}"),
            ),
        )


def _may_bring_python(stage: Stage, path: str) -> bool:
    """True where an interpreter may have been copied to ``path``; one that installed into another prefix is not in that."""
    return any(
        not isinstance(placement, FromStage) or inner.rpartition("/")[0] in {"/usr/bin", f"{IMAGE_PREFIX}/bin"}
        for placement, inner in stage.final.files.sources(path)
    )


def _is_on_path(stage: Stage, location: str) -> bool:
    path = stage.final.scope.names.get("PYTHONPATH")
    return path is not None and (not path.known or location in path.text.split(":"))


def _is_for(subject: Subject, item: Installed, version: str) -> bool:
    """True for files that only this Python loads: a wheel with its tag, and what C, C++ or Cython was compiled to. What may
    do without its extensions, or of which no rule says that it can't, is left alone."""
    tag = item.resolved.artefact.wheel_tag
    rule = subject.knowledge.distribution(item.resolved.name)
    build = rule.build(item.resolved.version) if rule is not None else None
    if build is None or build.optional_extension:
        return False
    if item.built is None:
        interpreter = f"cp{version.replace('.', '')}"
        return tag is not None and tag.startswith(f"{interpreter}-{interpreter}")
    names = {language.name for language in item.built.languages}
    return bool(names) and names <= {"c", "c++", "cython", "fortran"}


def _without_python(subject: Subject, stage: Stage, items: list[Installed], step: InstallStep) -> Iterator[Finding]:
    """A virtual environment that is started and whose Python is not there."""
    site = site_of(items[0].location)
    if site is None or not step.home.is_venv or site[0] in {"/usr", IMAGE_PREFIX}:
        return
    base = "/usr" if step.home.from_apk else IMAGE_PREFIX
    there = stage.final.possible.has("cmd:python3") if base == "/usr" else False
    home = stage.home
    there = (
        there
        or (home is not None and home.prefix == base and not home.from_apk)
        or (stage.final.files.may_have(f"{base}/bin/python3"))
    )
    data = subject.dockerfile.data
    if there or step.command.tool.name != "pip" or b"--copies" in data or b"virtualenv" in data:
        return
    started = f"{site[0]}/bin" in search_path(stage.final) or any(
        start.program.startswith(f"{site[0]}/bin/") for start in starts(subject, stage)
    )
    if started:
        text = f"the virtual environment in {site[0]} is a link to {base}/bin/python3, which is not in {stage_label(stage)}"
        yield _finding(subject, stage, items, step, text)


def _named(items: list[Installed]) -> str:
    """The distributions as the subject of a sentence, with its verb."""
    return _listed([evidence.named(item) for item in items])


def _listed(names: list[str]) -> str:
    return f"{listed(names, _SHOWN + 1)} {'are' if len(names) > 1 else 'is'}"


def _finding(
    subject: Subject,
    stage: Stage,
    items: list[Installed],
    step: InstallStep,
    text: str,
    sure: Confidence = "certain",
) -> Finding:
    first = items[0]
    assert first.copied_from is not None
    origin = subject.timeline.stages[step.stage]
    known = all(place.image is None or place.image.certain for place in (stage, origin))
    return CHECK.finding(
        text,
        subject=subject,
        stage=stage,
        item=first,
        at=instruction_location(subject.dockerfile, first.arrived),
        confidence=sure if known or sure != "certain" else "likely",
        evidence=(
            evidence.requirement(first),
            Evidence("dockerfile", f"installed in {stage_label(origin)} by Python {step.home.version}"),
            Evidence("dockerfile", f"line {first.arrived.line} brings it to {first.location}"),
        ),
    )


CHECK = Check(
    "AD503",
    "foreign-interpreter",
    "error",
    "files for another Python, another libc or a newer Alpine are copied here",
    __doc__,
    run,
)
