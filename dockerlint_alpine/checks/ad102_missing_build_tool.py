"""## What it does
Reports a distribution that is compiled in a stage without the tools for it: a compiler, `musl-dev`, `make`, `cmake`,
Rust, `linux-headers`, the headers of Alpine's own Python.

## Why is this bad?
No wheel fits, so pip compiles the sdist, and the build fails: `error: command 'gcc' failed: No such file or directory`,
`can't find Rust compiler`, `fatal error: limits.h: No such file or directory`.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN pip install lz4==4.4.5
```

A tool that the Dockerfile brings itself is none that is missing: a Rust of rustup's, a program that is linked or copied to a
place that it names.

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
RUN pip install lz4==4.4.5
```

## Fix safety
Safe: the package is added to the `apk add` with the build packages, or to a new one before the step. Everything that a stage
is missing is considered together, and only a smallest set is added: `g++` depends on `gcc` and `musl-dev`, and so does
`cargo`.

If a wheel would avoid the compile, the report suggests that first: see AD101.

## References
- [Extending Python](https://docs.python.org/3/extending/building.html): what building a C extension calls
- [PEP 656](https://peps.python.org/pep-0656/): the musllinux platform tag, without which pip compiles
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.base import Check, Subject, confidence_of
from dockerlint_alpine.checks.build_moment import Compile, compiles
from dockerlint_alpine.checks.toolchain import brought, fetches, mismatches
from dockerlint_alpine.model.findings import Evidence
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.stages import InstallStep


class _Lack(Struct):
    """One tool that one step lacks, and everything that wants it."""

    need: str
    step: InstallStep
    wanted_by: list[Compile] = field(default_factory=list)


def run(subject: Subject) -> Iterator[Finding]:
    """Yield one finding per step and tool, however many distributions want it."""
    lacks: dict[tuple[int, int, str], _Lack] = {}
    for made in compiles(subject):
        if made.built.rule is None or made.built.rule.optional_extension or mismatches(subject, made):
            continue
        for need in _needs(made):
            if made.step.moment.world.has(need) or fetches(subject, made, need):
                continue
            if not brought(subject, made, need):
                key = (made.stage.index, made.step.span[0], need)
                lacks.setdefault(key, _Lack(need, made.step)).wanted_by.append(made)
    for lack in lacks.values():
        yield _finding(subject, lack)


def _needs(made: Compile) -> tuple[str, ...]:
    """The tools of the build; Alpine's own Python keeps its headers in a package of their own."""
    headers = made.step.home.headers
    if headers is None or not any(one.headers for one in made.built.languages):
        return made.built.tools
    return (*made.built.tools, headers)


def _finding(subject: Subject, lack: _Lack) -> Finding:
    first = lack.wanted_by[0]
    stage, item, moment = first.stage, first.item, lack.step.moment
    package = stage.apk.best_name(lack.need)
    certain = not moment.possible.has(lack.need)
    sure = confidence_of(subject, item, stage, moment, package) if certain else "possible"
    fix, _ = CHECK.add(subject, stage, package if certain and not item.conditional else None, lack.step.instruction)
    tool = evidence.need_name(lack.need)
    wanting = list(dict.fromkeys(evidence.named(made.item) for made in lack.wanted_by))
    are, need = ("are", "need") if len(wanting) > 1 else ("is", "needs")
    return CHECK.finding(
        f"{listed(wanting, 2)} {are} compiled here and {need} {tool}{evidence.lacking(stage, package, perhaps=not certain)}",
        subject=subject,
        stage=stage,
        item=item,
        step=lack.step,
        confidence=sure,
        evidence=(
            *(evidence.requirement(made.item) for made in lack.wanted_by),
            evidence.wheel(item),
            evidence.sources(item),
            _why(first, lack.need),
            evidence.provider(stage.apk, lack.need, package) if package else None,
        ),
        need=lack.need,
        packages=(package,),
        fix=fix,
        items=tuple(made.item for made in lack.wanted_by),
    )


def _why(made: Compile, need: str) -> Evidence:
    """Which rule, or whose sources, ask for the tool."""
    if need == made.step.home.headers:
        return Evidence("rule", f"Alpine's own Python keeps Python.h in {need}")
    for language in made.built.languages:
        if need in language.needs:
            facts = f" ({language.evidence[0]})" if language.evidence else ""
            return Evidence("rule", f"compiling {language.name} takes {need}{facts}")
    reason = dict(made.built.reasons).get(need)
    if reason is not None:
        return Evidence("source", reason)
    assert made.built.rule is not None
    facts = f" ({made.built.rule.evidence[0]})" if made.built.rule.evidence else ""
    return Evidence("rule", f"the build of {made.item.resolved.name} takes {need}{facts}")


CHECK = Check(
    "AD102",
    "missing-build-tool",
    "error",
    "a distribution is compiled without the tools for it",
    __doc__,
    run,
    fix="safe",
    purpose="build",
    stops_build=True,
    topic="compile",
)
