"""## What it does
Reports a compiled extension whose shared libraries are missing from the stage where it runs. If the wheel itself is
available (in a wheelhouse in the build context, or with `--wheels DIR`), its ELF headers determine what it links;
otherwise the rules and the packages of the build do. A Python that is copied as a whole (`COPY
--from=python:3.12-alpine3.20 /usr/local /usr/local`) needs the libraries of its own modules. That is an error if a
source in the build context imports a module whose library is missing, otherwise a single warning for all modules.

## Why is this bad?
The image builds, but the first `import` fails with
`ImportError: Error loading shared library liblz4.so.1: No such file or directory`, because musl's loader does not find the
library. An extension links the library that was present when it was *compiled*. `COPY --from` copies the extension into the
next stage, but not the library.

## Example
```dockerfile
FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc musl-dev postgresql-dev
RUN pip install --prefix=/install lz4==4.4.5
FROM python:3.11-alpine3.19
RUN apk add --no-cache libpq
COPY --from=builder /install /usr/local
```

A copied library that only root can read, in an image that runs as another user:
```dockerfile
FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc musl-dev lz4-dev
RUN pip install --prefix=/install lz4==4.4.5
FROM python:3.11-alpine3.19
COPY --from=builder /install /usr/local
COPY --from=builder --chmod=600 /usr/lib/liblz4.so.1 /usr/lib/
USER 1000
```

Extensions from Alpine's own packages, copied without the dependencies of these packages:
```dockerfile
FROM alpine:3.20 AS builder
RUN apk add --no-cache python3 py3-lxml
FROM alpine:3.20
RUN apk add --no-cache python3
COPY --from=builder /usr/lib/python3.12/site-packages /usr/lib/python3.12/site-packages
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc musl-dev postgresql-dev lz4-dev
RUN pip install --prefix=/install lz4==4.4.5
FROM python:3.11-alpine3.19
RUN apk add --no-cache libpq lz4-libs
COPY --from=builder /install /usr/local
```

If the library is copied, with a mode that lets everybody read it:
```dockerfile
FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc musl-dev lz4-dev
RUN pip install --prefix=/install lz4==4.4.5
FROM python:3.11-alpine3.19
COPY --from=builder /install /usr/local
COPY --from=builder --chmod=755 /usr/lib/liblz4.so.1 /usr/lib/
USER 1000
```

## Fix safety
Safe: a package is added to an `apk add` of the stage whose packages are not deleted later, or to a new one. A change of mode
is only shown, never applied. For a module of a copied Python that no source in the build context imports, the finding is a
warning and its fix is unsafe, because nothing may ever import it.

## References
- musl, ldso/dynlink.c: the search path of the loader
- [PEP 656](https://peps.python.org/pep-0656/): what a musllinux wheel may link
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.application import application
from dockerlint_alpine.checks.base import (
    Check,
    Subject,
    confidence_of,
    exact_world,
    instruction_location,
    stage_label,
    unique,
)
from dockerlint_alpine.checks.copied_python import copied_packages, copied_pythons, pythons_of, unfit
from dockerlint_alpine.checks.package_names import PackageNames
from dockerlint_alpine.checks.run_moment import (
    MissingObject,
    closed_objects,
    does_without,
    left_to_others,
    missing_objects,
    package_for,
    state_of,
)
from dockerlint_alpine.model.findings import Evidence, Fix, TextEdit
from dockerlint_alpine.stages import InstallStep, LibraryUse
from dockerlint_alpine.system.musl import is_libc_itself

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.stages import Installed, Moment, Stage
    from dockerlint_alpine.syntax import Instruction


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every package that an extension needs at run time and the stage never had."""
    for stage in subject.alpine_stages():
        for missing in missing_objects(subject, stage):
            if missing.removed_by is None:
                yield finding(CHECK, subject, stage, missing)
        for item, need, copy in closed_objects(subject, stage):
            yield _closed(subject, stage, item, need, copy)
        if stage.runs:
            for link in (*_of_pythons(subject, stage), *_of_packages(subject, stage)):
                yield _copied(subject, stage, link)


def _closed(subject: Subject, stage: Stage, item: Installed, need: str, copy: Instruction) -> Finding:
    """The finding on a library that is there, but not for the user that runs Python. The mode is what has to change: a
    package does not help where the copy lies in its place."""
    library, user, flag = need.removeprefix("so:"), stage.final.user, copy.flag("chmod")
    assert flag is not None
    assert flag.span is not None
    start, end = flag.span
    mode = "--chmod=755"
    return CHECK.finding(
        f"{evidence.named(item)} links {library}, which is in {stage_label(stage)}, but USER {user} can't read it: {mode}",
        subject=subject,
        stage=stage,
        item=item,
        at=instruction_location(subject.dockerfile, copy),
        confidence=confidence_of(subject, item, stage, stage.final),
        evidence=(
            evidence.requirement(item),
            Evidence("dockerfile", f"line {copy.line} copies it with {flag}: only root can read it"),
            Evidence("rule", "musl skips files that it can't open: 'No such file or directory' or 'Permission denied'"),
        ),
        need=need,
        fix=Fix(f"write {mode} for {flag}", "display", (TextEdit(start, end, mode),)),
    )


class _Link(Struct, frozen=True):
    """What files link that a COPY brings and nobody installed here: ``who`` they are of, and why that is known.

    ``packages`` bring it; ``sure`` where nothing was concluded from names."""

    who: str
    need: str
    packages: tuple[str, ...]
    instruction: Instruction
    evidence: tuple[Evidence, ...]
    severity: Literal["error", "warning"]
    sure: bool


def _of_pythons(subject: Subject, stage: Stage) -> Iterator[_Link]:
    """The modules of the standard library in a copied Python whose libraries are not here: those that the application
    imports each for itself, the others as one."""
    for python in copied_pythons(subject, stage):
        if unfit(stage, python) is not None:
            continue
        # An image's /usr/local/lib holds Python's own library and none of these.
        bare = replace(stage.final, files=stage.final.files.without([python.placement]))
        without, app = replace(stage, end=bare), application(stage.final)
        unused: list[tuple[str, str, str]] = []
        told: set[str] = set()
        who = f"the Python that is copied to {python.prefix}"
        for need, modules in python.image.python_links:
            if state_of(subject.timeline, without, bare, need) != "missing":
                continue
            package, used = package_for(stage, need) or "", app.imports(modules)
            why = Evidence("rule", f"{python.image.reference}: {' and '.join(modules)} of its Python links {need[3:]}")
            if used is None:
                unused.append((need, package, modules[0]))
            elif (package or need) not in told:
                told.add(package or need)
                said = (why, Evidence("source", f"{used} imports {' or '.join(modules)}"))
                yield _Link(who, need, (package,), python.instruction, said, "error", python.image.certain)
        rest = [one for one in unused if (one[1] or one[0]) not in told]
        if rest:
            lacks = ", ".join(f"{module} ({need[3:]})" for need, _, module in rest)
            facts = (Evidence("rule", f"{python.image.reference}: its Python has {lacks}"),)
            packages = tuple(dict.fromkeys(package for _, package, _ in rest))
            yield _Link(who, rest[0][0], packages, python.instruction, facts, "warning", python.image.certain)


def _of_packages(subject: Subject, stage: Stage) -> Iterator[_Link]:
    """Extensions of Alpine's own Python packages, copied without the libraries that their packages depend on."""
    pythons = pythons_of(stage, list(copied_pythons(subject, stage)))
    for copied in copied_packages(subject, stage):
        if copied.python not in pythons:
            continue
        rule = subject.knowledge.distribution(PackageNames.of(subject.knowledge).distribution(copied.package.name))
        build = rule.build(None) if rule is not None else None
        package, origin = copied.package, subject.timeline.stages[copied.stage]
        told: set[str] = set()
        for constraint in package.depends:
            need = constraint.name
            if not need.startswith("so:") or is_libc_itself(need.removeprefix("so:")):
                continue
            brings = package_for(stage, need) or need
            if brings in told or state_of(subject.timeline, stage, stage.final, need) != "missing":
                continue
            told.add(brings)
            facts = (Evidence("index", f"{package.name} {evidence.in_release(origin.apk, package)} depends on {need}"),)
            who = f"{package.name} {package.version}, copied to {copied.location},"
            optional = build is not None and build.optional_extension
            severity: Literal["error", "warning"] = "warning" if optional else "error"
            found = package_for(stage, need) or ""
            yield _Link(who, need, (found,), copied.instruction, facts, severity, sure=False)


def _copied(subject: Subject, stage: Stage, link: _Link) -> Finding:
    package, several = link.packages[0], len(link.packages) > 1
    fix, anchor = CHECK.add(subject, stage, package if package and not several else None, None)
    if fix is not None and link.severity != "error":
        fix = replace(fix, applicability="unsafe")
    known = stage.image is None or stage.image.certain
    certain = link.sure and known and all(exact_world(subject, stage, stage.final, one) for one in link.packages)
    library = link.need.removeprefix("so:")
    text = f"{link.who} links {library}{evidence.lacking(stage, package or None)}"
    if several:
        absent = f"{library} and more that {stage_label(stage)} lacks"
        text = f"{link.who} links {absent}: add {' '.join(one for one in link.packages if one)}"
    return CHECK.finding(
        text,
        subject=subject,
        stage=stage,
        at=instruction_location(subject.dockerfile, anchor or link.instruction),
        severity=link.severity,
        confidence="certain" if certain else "likely",
        evidence=(
            Evidence("dockerfile", f"line {link.instruction.line} copies it"),
            *link.evidence,
            evidence.provider(stage.apk, link.need, package) if package else None,
            evidence.absence(stage, link.need),
        ),
        need=link.need,
        packages=link.packages,
        fix=fix,
    )


def finding(check: Check, subject: Subject, stage: Stage, missing: MissingObject) -> Finding:
    """The finding of ``check`` for one missing package."""
    item, need = missing.item, missing.needs[0]
    library = need.removeprefix("so:")
    before = missing.step.instruction if missing.step is not None else None
    wanted = missing.package if missing.state == "missing" and not item.conditional else None
    fix, anchor = check.add(subject, stage, wanted, before)
    others = left_to_others(subject) if missing.step is None else None
    reasons = chain(subject, stage, missing)
    if others is not None and fix is not None:
        fix = replace(fix, applicability="unsafe")
    sure = confidence_of(subject, item, stage, missing.moment, missing.package)
    if missing.state != "missing":
        sure = "possible"
    lacking = evidence.lacking(stage, missing.package, perhaps=missing.state == "possible")
    return check.finding(
        f"{evidence.named(item)} links {library}{lacking}",
        subject=subject,
        stage=stage,
        item=item,
        at=instruction_location(subject.dockerfile, anchor or before or item.arrived),
        confidence=sure,
        severity="warning" if others is not None or does_without(item) else None,
        evidence=(*reasons[:-1], others, reasons[-1]),
        need=need,
        packages=(missing.package,),
        fix=fix,
    )


def chain(subject: Subject, stage: Stage, missing: MissingObject) -> tuple[Evidence, ...]:
    """Requirement, no wheel, linkage, how the library came to the build, who provides it, that it is not here."""
    item, cause, need = missing.item, missing.cause, missing.needs[0]
    pulled = None
    if isinstance(cause, LibraryUse) and cause.package and cause.presence == "present" and item.built is not None:
        build_stage = subject.timeline.stages.get(item.built.stage)  # none for one of another Dockerfile
        moment = build_moment(build_stage, item) if build_stage is not None else None
        if build_stage is not None and moment is not None and build_stage.packages is not None:
            pulled = evidence.presence(moment.world, cause.package, build_stage.packages)
    return unique(
        (
            evidence.requirement(item),
            evidence.wheel(item),
            evidence.linkage(item, cause),
            pulled,
            evidence.compiled_in(subject, item),
            evidence.provider(stage.apk, need, missing.package) if missing.package else None,
            evidence.absence(stage, need),
        )
    )


def build_moment(stage: Stage, item: Installed) -> Moment | None:
    """The moment at which ``item`` was compiled in ``stage``."""
    for step in stage.steps:
        if isinstance(step, InstallStep) and any(other.built is item.built for other in step.installed):
            return step.moment
    return None


CHECK = Check(
    "AD201",
    "missing-runtime-library",
    "error",
    "an extension links a library that is not in the stage where it runs",
    __doc__,
    run,
    fix="safe or shown",
    purpose="runtime",
    image="linked",
    misses=("library", "symbol"),
    topic="load",
)
