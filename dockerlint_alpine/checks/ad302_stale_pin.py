"""## What it does
Reports a version that `apk add` requires but the release's index no longer has: `curl=8.5.0-r0` when it is 8.14.1 by now,
`nodejs~18` when it is 20.

## Why is this bad?
Alpine keeps only the latest version of each package, so an exact pin breaks the build at the next security update:
`ERROR: unable to select packages: curl-8.14.1-r2: breaks: world[curl=8.5.0-r0]`. `=~8.14` accepts updates of 8.14 and
nothing else.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache curl=8.5.0-r0 libpq
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache curl=~8.14 libpq
```

## Fix safety
Unsafe: it installs a different version from the one in the file. If all packages of the file are pinned exactly, the
fix writes the current version; otherwise it pins with `=~`. A pin that is newer than the available index is not
reported. If a release is known only from APKBUILDs, or from an index dated before its end of support, the version is
the one of that day; the branch has moved on since, so the fix does not pin exactly to it.

## References
- apk-world(5): the operators `=`, `~`, `=~`, `<`, `>` of a dependency
- [Alpine's releases](https://alpinelinux.org/releases/): how long a branch gets fixes
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.apk import Constraint, compare
from dockerlint_alpine.apk.releases import supported_until
from dockerlint_alpine.apk.version import GREATER
from dockerlint_alpine.checks.apk_operands import Asked, asked_for, replace_operand
from dockerlint_alpine.checks.base import Check, Subject
from dockerlint_alpine.model.findings import Evidence, Fix
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.apk import IndexSource, Package
    from dockerlint_alpine.model.findings import Applicability, Confidence, Finding

_EXACT = "="
_OPERATOR = lazy_pattern(r"[<>=~]+")
_NUMBERS = lazy_pattern(r"\d+(?:\.\d+)*")


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every version that the release certainly does not have any more."""
    listed = asked_for(subject)
    for asked in listed:
        if not _OPERATOR.search(asked.operand.text):
            continue
        present = asked.index.standing_for(asked.name)
        source = _source(asked, present) if present is not None else None
        if present is None or source is None or _is_later(source, subject.timeline.as_of):
            continue
        if asked.constraint is None or _is_stale(asked, asked.constraint):
            yield _finding(subject, asked, present, source, exact=_pins_all_exactly(listed))


def _source(asked: Asked, package: Package) -> IndexSource | None:
    """The index that the version is from; ``None`` where another release stands in, which has other versions."""
    index = asked.index
    return next(
        (s for s in index.sources if s.repository == package.repository and s.release == index.release),
        None,
    )


def _is_stale(asked: Asked, constraint: Constraint) -> bool:
    """True when no version at hand fits and all of them are past the one asked for.

    The index only ever moves forward, so a version that it is past does not come back; one that it has not reached yet
    may have come since. A name that is provided without a version never meets one (to apk-tools 3 it is older than all).
    """
    providers = asked.index.catalog.entry(asked.name).providers
    provided = [version for _, version in providers]
    wanted, dialect = constraint.version, asked.index.behaviour.dialect
    if wanted is None or any(constraint.matches(version, dialect=dialect) for version in provided):
        return False
    own = [version for package, version in providers if package.name == asked.name]  # others count their own versions
    return all(version is None or _is_past(version, wanted, constraint.op) for version in own or provided)


def _is_past(version: str, wanted: str, operator: str) -> bool:
    if operator.startswith(">"):
        return False
    return operator.startswith("<") or compare(version, wanted) == GREATER


def _pins_all_exactly(listed: Sequence[Asked]) -> bool:
    """True when the author pins every package of the file to one exact version, and there is more than one."""
    operators = [asked.constraint.op for asked in listed if asked.constraint is not None]
    return len(operators) > 1 and all(operator == _EXACT for operator in operators)


def _finding(subject: Subject, asked: Asked, present: Package, source: IndexSource, *, exact: bool) -> Finding:
    sure = _confidence(asked, source)
    release = asked.index.release
    has = f"Alpine {release} has {present.name} {present.version}"
    day = f"is what {source.release} {source.repository} {source.arch} has on {source.date}"
    if _has_moved_on(source):
        has = f"Alpine {release} had {present.name} {present.version} on {source.date} and has moved on since"
    if source.derived is not None:
        day = f"is what {source.release} {source.repository} had by {source.derived}"
    if asked.constraint is None:
        text = f"apk recognises no version in {asked.operand.text}; {has}"
    elif present.name != asked.name and not present.provided(asked.name)[0].version:
        text = f"{asked.operand.text} is not available: {present.name} provides {asked.name} without a version"
    else:
        text = f"{asked.operand.text} is not available: {has}"
    return CHECK.finding(
        text,
        subject=subject,
        stage=asked.stage,
        at=asked.location(subject),
        step=asked.step,
        confidence=sure,
        evidence=(
            Evidence(
                "index",
                f"{present.name} {present.version} {day}; Alpine deletes older versions",
            ),
        ),
        need=asked.operand.text,
        packages=(present.name,),
        fix=_fix(subject, asked, present, exact=exact and not _has_moved_on(source)),
    )


def _is_later(source: IndexSource, day: str | None) -> bool:
    """True for an index of a day after the one that is judged for: what it is past was there then, perhaps."""
    return day is not None and source.date > day


def _has_moved_on(source: IndexSource) -> bool:
    """True for an index that came with this program and is of a day before the release's end: versions come and go."""
    until = supported_until(source.release)
    return source.derived is not None or (source.kind == "embedded" and (until is None or source.date[:7] < until))


def _confidence(asked: Asked, source: IndexSource) -> Confidence:
    image = asked.stage.image
    if asked.step.conditional or (image is not None and image.undated):
        return "possible"
    return "certain" if source.kind != "stand-in" and image is not None and image.certain else "likely"


def _fix(subject: Subject, asked: Asked, present: Package, *, exact: bool) -> Fix | None:
    """Pin the present version, as exactly as the author did. An upper bound was meant: there is nothing to write."""
    operator = asked.constraint.op if asked.constraint is not None else _EXACT
    if operator.startswith("<"):
        return None
    new = f"{present.name}={present.version}" if exact else _fuzzy(asked, present)
    edit = replace_operand(subject, asked.step, asked.operand, new)
    if edit is None:
        return None
    applicability: Applicability = "display" if asked.step.conditional else "unsafe"
    return Fix(f"write {new} for {asked.operand.text}", applicability, (edit,))


def _fuzzy(asked: Asked, present: Package) -> str:
    """``curl=~8.14``: as many parts of the version as the author's own fuzzy pin has, else two."""
    match = _OPERATOR.search(asked.operand.text)
    operator, parts = "=~", 2
    if match is not None and "~" in match[0] and asked.constraint is not None:
        operator, parts = match[0], len(_parts(asked.constraint.version or ""))
    pinned = f"{present.name}{operator}{'.'.join(_parts(present.version)[:parts])}"
    return pinned if Constraint.parse(pinned).matches(present.version) else f"{present.name}={present.version}"


def _parts(version: str) -> list[str]:
    """The numbers that a version starts with: ``8.14.1-r2`` -> 8, 14, 1."""
    match = _NUMBERS.match(version)
    return match[0].split(".") if match is not None else []


CHECK = Check(
    "AD302",
    "stale-pin",
    "error",
    "a pinned version that the release no longer has",
    __doc__,
    run,
    fix="unsafe",
    names_only=True,
    stops_build=True,
)
