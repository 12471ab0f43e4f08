"""## What it does
Reports a wheel built for glibc (manylinux) that is installed in an Alpine stage: forced with `--platform`, given by URL, or
taken from a local file. If the file is available, its ELF headers decide, not its name.

It also reports

- such wheels, and compiled extensions, that `COPY --from` copies from a glibc stage (`python:3.12-slim`) to an Alpine stage.
  Pure Python can be copied, and so can distributions that fall back to Python without their extension (charset-normalizer,
  MarkupSafe);
- distributions that exist for glibc only: no wheel for musl, and no source that would compile there;
- distributions for which the index or a lock file has neither a source distribution nor a wheel that fits, so that the
  installer refuses them.

## Why is this bad?
On musl, pip never chooses such a wheel by itself. If forced, its extensions require `ld-linux-x86-64.so.2` and symbols that
musl does not have: `Error loading shared library ld-linux-x86-64.so.2` or `Error relocating ...: symbol not found`. No apk
package reliably fixes that; `gcompat` helps only for the simplest binaries.

## Example
```dockerfile
FROM python:3.12-alpine3.21
RUN pip install --platform manylinux2014_x86_64 --only-binary=:all: --target=/deps lz4==4.4.5
```

## Use instead
```dockerfile
FROM python:3.12-alpine3.21
RUN apk add --no-cache gcc musl-dev
RUN pip install --target=/deps lz4==4.4.5
```

## Fix safety
There is no fix: use a musllinux wheel, compile the distribution, or use a glibc base image.

## References
- [PEP 656](https://peps.python.org/pep-0656/): musllinux; [PEP 600](https://peps.python.org/pep-0600/): manylinux
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.base import Check, Subject, confidence_of, locate, stage_label
from dockerlint_alpine.model.findings import Evidence
from dockerlint_alpine.stages import InstallStep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.knowledge import Impossible
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.stages import Installed, Moment, Stage
    from dockerlint_alpine.syntax import Span


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every glibc wheel that an install step puts into an Alpine stage."""
    for stage in subject.alpine_stages():
        for step in stage.steps:
            if isinstance(step, InstallStep):
                hopeless = {item.resolved.name for item in step.installed if _never_installed(subject, stage, item)}
                for item in step.installed:
                    if not hopeless.isdisjoint(item.resolved.chain[1:-1]):
                        continue  # of what is never installed nothing is asked
                    if item.wheel is not None and item.wheel.glibc:
                        text = f"the wheel of {evidence.named(item)} was built for glibc; {stage_label(stage)} has musl"
                        told = Evidence("elf", f"{item.wheel.shown}: {item.wheel.glibc[0]}")
                        yield _finding(subject, stage, step.moment, step.span, item, f"{text}: it will not load", told)
                    elif item.resolved.artefact.kind == "glibc-wheel" and not _harmless(step, item):
                        text = f"{evidence.named(item)} comes as a wheel for glibc; {stage_label(stage)} has musl"
                        yield _finding(subject, stage, step.moment, step.span, item, f"{text}: it will not load", None)
                    elif item.glibc is None and (impossible := _impossible(subject, stage, step, item)):
                        yield impossible
                    elif item.resolved.artefact.refused:
                        text = (
                            f"{step.command.tool.name} refuses {evidence.named(item)}: {item.resolved.artefact.reason}"
                        )
                        yield _finding(subject, stage, step.moment, step.span, item, text, None)
        yield from _travelled(subject, stage)


def _never_installed(subject: Subject, stage: Stage, item: Installed) -> bool:
    return item.resolved.artefact.refused or _ruled_out(subject, stage, item) is not None


def _ruled_out(subject: Subject, stage: Stage, item: Installed) -> Impossible | None:
    """What a rule says of a distribution that can't work on Alpine, where no wheel fits, nor is there what helps it."""
    rule = subject.knowledge.distribution(item.resolved.name)
    if rule is None or item.resolved.artefact.kind == "wheel":
        return None
    verdict = rule.verdict_impossible(item.resolved.version)
    return None if verdict is None or any(map(stage.final.possible.has, verdict.unless)) else verdict


def _travelled(subject: Subject, stage: Stage) -> Iterator[Finding]:
    """What came from a stage with glibc by an instruction of this one."""
    for item in stage.installed:
        made = item.glibc
        if (
            made is None
            or item.as_wheel
            or made.kind not in {"wheel", "compiled"}
            or item.arrived not in stage.instructions
            or (made.kind == "wheel" and _does_without(subject, item))
        ):
            continue
        origin = stage_label(subject.timeline.stages[made.stage])
        how = "was compiled" if made.kind == "compiled" else "came as a wheel for glibc"
        text = (
            f"{evidence.named(item)} {how} in {origin} (FROM {made.base}) and is copied to {stage_label(stage)}, which has"
            " musl: it will not load; install it in an Alpine stage, or run on the same base"
        )
        place = Evidence("dockerfile", f"{origin} is FROM {made.base}, copied here by line {item.arrived.line}")
        moment = stage.final
        span = (item.arrived.start, item.arrived.end)
        yield _finding(subject, stage, moment, span, item, text, place)


def _does_without(subject: Subject, item: Installed) -> bool:
    """True for what falls back to Python where its extension is not found or does not load: it has a wheel for any platform
    beside the others, or installs without a compiler."""
    name, version = item.resolved.name, item.resolved.version
    rule = subject.knowledge.distribution(name)
    build = rule.build(version) if rule is not None else None
    if build is not None and build.optional_extension:
        return True
    return any(one.version == version and one.pure for one in subject.knowledge.facts.releases(name))


def _harmless(step: InstallStep, item: Installed) -> bool:
    """True for a wheel that ``--platform`` forces in and whose bytes hold nothing for glibc, whatever its name says."""
    return item.wheel is not None and bool(step.target.forced_platforms)


def _impossible(subject: Subject, stage: Stage, step: InstallStep, item: Installed) -> Finding | None:
    verdict = _ruled_out(subject, stage, item)
    if verdict is None:
        return None
    text = f"{evidence.named(item)} can't work on Alpine, no package helps: {verdict.reason}. {verdict.advice}"
    facts = verdict.evidence[0] if verdict.evidence else verdict.reason
    rests_on = Evidence("rule", f"{item.resolved.name}: {facts}")
    return _finding(subject, stage, step.moment, step.span, item, text, rests_on)


def _finding(
    subject: Subject, stage: Stage, moment: Moment, span: Span, item: Installed, message: str, why: Evidence | None
) -> Finding:
    return CHECK.finding(
        message,
        subject=subject,
        stage=stage,
        item=item,
        at=locate(subject.dockerfile, span),
        severity="error",
        confidence=confidence_of(subject, item, stage, moment),
        evidence=(evidence.requirement(item), evidence.wheel(item), why),
    )


CHECK = Check(
    "AD501",
    "glibc-binary",
    "error",
    "a glibc wheel is installed in a musl stage",
    __doc__,
    run,
    image="glibc",
    misses=("glibc",),
)
