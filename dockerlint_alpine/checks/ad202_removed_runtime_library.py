r"""## What it does
Reports a shared library that an extension needs at run time and that an `apk del` in the same stage removes. Also reports
libraries of an official Python image that are lost when `apk add --virtual .python-rundeps` replaces the image's own list of
that name, and Python packages of apk that an installer has counted on.

## Why is this bad?
`apk del .build-deps` removes the -dev packages, and with them the libraries that were installed as their dependencies. The
extension that was compiled against them remains, and its first `import` fails with
`Error loading shared library liblz4.so.1: No such file or directory`.

`.python-rundeps` keeps the libraries of CPython's own modules (ctypes, sqlite3, bz2) in the image. A new list of that name
replaces it as a whole.

pip installs nothing that is there already, and Alpine's `py3-pip` brings other distributions along (in 3.17 packaging, six
and setuptools). When `apk del` takes it away, or when only what pip installed is copied to another stage, they are gone.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache --virtual .build-deps gcc musl-dev lz4-dev \
    && pip install lz4==4.4.5 \
    && apk del .build-deps
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache lz4-libs
RUN apk add --no-cache --virtual .build-deps gcc musl-dev lz4-dev \
    && pip install lz4==4.4.5 \
    && apk del .build-deps
```

## Fix safety
Safe: the run-time package is added to a list that is not deleted, or to a new `apk add`.

## References
- apk(8): `del` also removes packages that nothing in the world depends on any more
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeGuard

from msgspec.structs import replace

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.ad201_missing_runtime_library import finding as missing_finding
from dockerlint_alpine.checks.application import application
from dockerlint_alpine.checks.base import Check, Subject, instruction_location, locate, stage_label, unique
from dockerlint_alpine.checks.found_in_apk import Lost, lost_distributions
from dockerlint_alpine.checks.run_moment import MissingObject, missing_objects, package_for, state_of
from dockerlint_alpine.knowledge.bases import PYTHON_LIST
from dockerlint_alpine.model.findings import Evidence, Finding
from dockerlint_alpine.stages import ApkStep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.stages import Stage

_OFTEN_UNUSED = frozenset({"setuptools", "wheel"})
"""What many distributions require and only their builds use."""


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every package that was there and is deleted before the stage ends."""
    for stage in subject.alpine_stages():
        for missing in missing_objects(subject, stage):
            if missing.removed_by is not None:
                yield _finding(subject, stage, missing, missing.removed_by)
        yield from _of_own_python(subject, stage)
        yield from (_of_distribution(subject, stage, lost) for lost in lost_distributions(subject, stage))


def _of_distribution(subject: Subject, stage: Stage, lost: Lost) -> Finding:
    """A Python distribution of apk that an installer counted on."""
    tool, name, label = lost.step.command.tool.name, lost.resolved.name, stage_label(stage)
    removal, gone, where = lost.removal, f"{label} has none", ""
    if removal is not None:
        gone, where = f"{_takes(removal, perhaps=lost.step.conditional)} it", " to a list that is not deleted"
    asks = f"{evidence.named(lost.item)} requires" if lost.item is not None else f"{lost.resolved.chain[0]} asks for"
    fix, anchor = CHECK.add(subject, stage, lost.package, None)
    at = locate(subject.dockerfile, removal.span) if removal is not None and removal.stage == stage.index else None
    return CHECK.finding(
        f"{asks} {name}; {tool} found that in {lost.package}, and {gone}: add {lost.package}{where}",
        subject=subject,
        stage=stage,
        at=at or instruction_location(subject.dockerfile, anchor or stage.from_instruction),
        severity="info" if name in _OFTEN_UNUSED else "warning",
        confidence="possible" if lost.step.conditional or (removal is not None and removal.conditional) else "likely",
        item=lost.item,
        evidence=(
            Evidence("requirement", " -> ".join(lost.resolved.chain)),
            Evidence("index", f"{lost.package} was there when {tool} ran: it installs nothing that is there already"),
            Evidence("dockerfile", f"{label} has no {lost.package} in the end"),
        ),
        need=lost.package,
        packages=(lost.package,),
        fix=fix,
    )


def _of_own_python(subject: Subject, stage: Stage) -> Iterator[Finding]:
    """The modules of the image's Python whose libraries a list of the same name as the image's has replaced: those that the
    application imports, and the others."""
    image = subject.timeline.lineage(stage)[-1].image
    lists = [one for place in reversed(subject.timeline.lineage(stage)) for one in place.steps if _is_python_list(one)]
    if image is None or not lists or stage.end is None or not stage.runs:
        return
    step, app = lists[0], application(stage.end)
    gone: dict[tuple[bool, Literal["missing", "possible"]], list[tuple[str, str]]] = {}
    for need, modules in image.python_links:
        state = state_of(subject.timeline, stage, stage.end, need)
        if step.before.world.has(need) and state is not None:
            gone.setdefault((app.imports(modules) is not None, state), []).append((need, modules[0]))
    for (used, how), found in gone.items():
        missing = how == "missing"
        may = "takes" if missing else "may take"
        packages = tuple(dict.fromkeys(package_for(stage, need) or "" for need, _ in found))
        library = found[0][0].removeprefix("so:") + (" and more" if len(found) > 1 else "")
        lost = ", ".join(f"{module} ({need[3:]})" for need, module in found)
        line = subject.dockerfile.line_of(step.span[0])
        wanted = packages[0] if len(packages) == 1 and missing else None
        fix, anchor = CHECK.add(subject, stage, wanted, None)
        yield CHECK.finding(
            f"the Python of {image.reference} links {library}, which apk add --virtual {PYTHON_LIST} {may} away:"
            f" add {' '.join(filter(None, packages))} to a list that stays",
            subject=subject,
            stage=stage,
            at=instruction_location(subject.dockerfile, anchor or step.instruction),
            severity="error" if used and missing else "warning",
            confidence="likely" if missing else "possible",
            evidence=(
                Evidence("dockerfile", f"line {line}: {PYTHON_LIST} is a list of the image, and replaced as a whole"),
                Evidence("rule", f"{image.reference}: its Python has {lost}"),
            ),
            need=found[0][0],
            packages=packages,
            fix=fix,
        )


def _is_python_list(step: object) -> TypeGuard[ApkStep]:
    return isinstance(step, ApkStep) and step.command.verb == "add" and step.command.virtual == PYTHON_LIST


def _finding(subject: Subject, stage: Stage, missing: MissingObject, removal: ApkStep) -> Finding:
    base = missing_finding(CHECK, subject, stage, missing)
    library = missing.needs[0].removeprefix("so:")
    line = subject.dockerfile.line_of(removal.span[0])
    advice = f": add {missing.package} to a list that is not deleted" if missing.package else ""
    gone = Evidence("dockerfile", f"line {line}: {_takes(removal)} it from {stage_label(stage)}")
    here = removal.stage == stage.index
    return replace(
        base,
        message=f"{evidence.named(missing.item)} links {library}, which {_takes(removal)}{advice}",
        location=locate(subject.dockerfile, removal.span) if here else base.location,
        evidence=unique((*base.evidence[:-1], gone)),
    )


def _takes(removal: ApkStep, *, perhaps: bool = False) -> str:
    names = " ".join(operand.text for operand in removal.command.operands)
    return f"apk del {names} {'may remove' if removal.conditional or perhaps else 'removes'}"


CHECK = Check(
    "AD202",
    "removed-runtime-library",
    "error",
    "a needed library is removed by apk del",
    __doc__,
    run,
    fix="safe",
    purpose="runtime",
    image="linked",
    topic="load",
)
