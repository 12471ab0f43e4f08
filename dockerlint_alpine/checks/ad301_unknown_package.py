"""## What it does
Reports a package in `apk add` that nothing in this Alpine release provides, for this architecture and its repositories: a
package that was removed or renamed, a name from Debian or Fedora, the name of another version or of a program, a typo, or a
package that only edge/testing has.

## Why is this bad?
The build fails with `ERROR: unable to select packages: python-dev (no such package)`, often only after the base image has
moved to the next Alpine release.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache build-essential libffi-dev
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache build-base libffi-dev
```

## Fix safety
Safe if it is the same package under its name in this release. Otherwise (another version, a replacement, a similar name) the
fix is only shown. Packages that may come from a `--repository`, a tagged or changed `/etc/apk/repositories`, or a variable
without a value are never reported.

## References
- [Alpine's packages](https://pkgs.alpinelinux.org/packages), by release, repository and architecture
- apk-repositories(5): repositories and tags
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks.apk_operands import (
    Asked,
    all_repositories,
    asked_for,
    complete,
    names_complete,
    replace_operand,
)
from dockerlint_alpine.checks.base import Check, Subject
from dockerlint_alpine.checks.package_names import PROGRAM, TESTING, PackageNames
from dockerlint_alpine.fixer.lists import apk_steps
from dockerlint_alpine.model.findings import Evidence, Fix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.apk import Index
    from dockerlint_alpine.checks.package_names import KnownName
    from dockerlint_alpine.checks.successors import Successors
    from dockerlint_alpine.model.findings import Applicability, Finding

RULES = "rules/package-names.toml"


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every operand of an ``apk add`` that no package of the release provides."""
    for asked in asked_for(subject):
        if asked.index.providers(asked.name):
            continue
        known = PackageNames.of(subject.knowledge).find(asked.name)
        if not _is_known_to_be_missing(asked, known):
            continue
        if ":" in asked.name:
            yield _capability(subject, asked)
        else:
            from dockerlint_alpine.checks.successors import successors

            found = successors(asked.index, asked.name, known, whole=names_complete(asked.index))
            yield _finding(subject, asked, found)


def _is_known_to_be_missing(asked: Asked, known: KnownName | None) -> bool:
    """What the release's names say, and the tables where they are not available: what no release ever had, this one has not.
    What packages bring besides their names (``so:``, ``pc:``, ``cmd:``) only Alpine's own indexes tell."""
    if ":" in asked.name:
        return complete(asked.index)
    if names_complete(asked.index) or (known is not None and known.missing_from(asked.index.release)):
        return True
    return all_repositories(asked.index) and not asked.index.heard_of(asked.name)


def _finding(subject: Subject, asked: Asked, found: Successors) -> Finding:
    fix = _fix(subject, asked, found)
    better = (found.certain,) if found.certain is not None else found.shown[:1]
    return CHECK.finding(
        f"Alpine {asked.index.release} has no package {asked.name}{_advice(asked, found)}",
        subject=subject,
        stage=asked.stage,
        at=asked.location(subject),
        step=asked.step,
        confidence=asked.confidence,
        evidence=(
            _absence(asked),
            _history(found.known),
            *(_presence(asked.index, name) for name in (found.certain, *found.shown) if name is not None),
        ),
        need=asked.name,
        packages=better,
        fix=fix,
    )


def _capability(subject: Subject, asked: Asked) -> Finding:
    """For ``so:``, ``pc:`` and ``cmd:`` operands, which have no table: another version of the library is shown."""
    from dockerlint_alpine.checks.successors import capability_elsewhere

    elsewhere = capability_elsewhere(asked.index, asked.name)
    advice, fix = "", None
    if elsewhere is not None:
        advice = f"; {elsewhere[1]} has {elsewhere[0]}"
        fix = _rewrite(subject, asked, elsewhere[0], "display")
    return CHECK.finding(
        f"nothing in Alpine {asked.index.release} provides {asked.name}{advice}",
        subject=subject,
        stage=asked.stage,
        at=asked.location(subject),
        step=asked.step,
        confidence=asked.confidence,
        evidence=(_absence(asked), _presence(asked.index, elsewhere[1]) if elsewhere is not None else None),
        need=asked.name,
        packages=(elsewhere[1],) if elsewhere is not None else (),
        fix=fix,
    )


def _fix(subject: Subject, asked: Asked, found: Successors) -> Fix | None:
    """The new name, with the version that was asked for if it has that version."""
    if found.certain is None:
        return _rewrite(subject, asked, found.shown[0], "display") if found.shown else None
    constraint = asked.constraint
    if constraint is None or constraint.version is None:
        alone = _wanted_everywhere(subject, asked, found.certain)
        return _rewrite(subject, asked, found.certain, "safe" if alone and not asked.step.conditional else "display")
    package = asked.index.package(found.certain)
    if package is not None and constraint.matches(package.version):
        written = asked.operand.text[len(asked.name) :]
        return _rewrite(subject, asked, f"{found.certain}{written}", "unsafe")
    return _rewrite(subject, asked, found.certain, "unsafe")


def _wanted_everywhere(subject: Subject, asked: Asked, new: str) -> bool:
    """True unless the list is used by another stage, too, whose release does not have the new name."""
    place = (asked.operand.path, asked.operand.span)
    return all(
        stage.packages is None or stage.packages.providers(new)
        for stage in subject.timeline.stages.values()
        for step in apk_steps(stage)
        for operand in step.command.operands
        if (operand.path, operand.span) == place
    )


def _rewrite(subject: Subject, asked: Asked, new: str, applicability: Applicability) -> Fix | None:
    """The operand under its new name, also where the stage deletes it again."""
    edit = replace_operand(subject, asked.step, asked.operand, new)
    if edit is None:
        return None
    deleted = [
        replace_operand(subject, step, operand, new)
        for step in apk_steps(asked.stage)
        if step.command.verb == "del" and step.span > asked.step.span
        for operand in step.command.operands
        if operand.text == asked.name
    ]
    edits = dict.fromkeys([edit, *(other for other in deleted if other is not None)])
    return Fix(f"write {new} for {asked.operand.text}", applicability, tuple(edits))


def _advice(asked: Asked, found: Successors) -> str:
    """The rest of the sentence: whose name it is, and what to write."""
    known = found.known
    whose = ""
    if known is not None and known.home == TESTING:
        whose = ""
    elif known is not None and known.until is None:
        whose = f", {known.home}'s name"
    elif known is not None and known.missing_from(asked.index.release):
        whose = " any more"
    if found.certain is not None:
        return f"{whose}: write {found.certain}"
    if found.shown:
        choice = " or ".join(found.shown)
        if known is not None and known.home == PROGRAM:
            return f"{whose}: {choice} {'has' if len(found.shown) == 1 else 'have'} it"
        return (
            f"{whose}; {choice} {'takes' if len(found.shown) == 1 else 'take'} its place"
            if known
            else f"; perhaps {choice}"
        )
    return f"{whose}; {known.note}" if known is not None and known.note else whose


def _absence(asked: Asked) -> Evidence:
    """Which indexes were asked, and of what day they are."""
    index = asked.index
    asked_of = ", ".join(
        f"{source.release} {source.repository} {source.arch} of {source.date}"
        if source.derived is None
        else f"{source.release} {source.repository} by {source.derived}"
        for source in index.sources
    )
    stand_in = "" if names_complete(index) else f"; not all of Alpine {index.release} {index.arch} is available"
    return Evidence("index", f"no package named {asked.name}, and none that provides it, in {asked_of}{stand_in}")


def _history(known: KnownName | None) -> Evidence | None:
    if known is None:
        return None
    if known.home == PROGRAM:
        listed = f"{RULES}: no release has a package {known.name}"
        return Evidence("rule", listed) if known.same or known.instead else None
    if known.until is not None:
        note = f"; {known.note}" if known.note else ""
        return Evidence("rule", f"{RULES}: no Alpine after {known.until} has {known.name}{note}")
    if known.home == TESTING:
        return Evidence("rule", f"{RULES}: of all repositories of Alpine, {known.name} is in {TESTING} alone")
    note = f": {known.note}" if known.note else ""
    return Evidence("rule", f"{RULES}: {known.name} is a name of {known.home}{note}")


def _presence(index: Index, name: str) -> Evidence:
    """Where the proposed package is."""
    provider = index.standing_for(name)
    assert provider is not None
    through = "" if provider.name == name else f" provides {name}"
    return Evidence(
        "index", f"{provider.name} {provider.version}{through} in Alpine {index.release} {provider.repository}"
    )


CHECK = Check(
    "AD301",
    "unknown-package",
    "error",
    "no such package in this release of Alpine",
    __doc__,
    run,
    fix="safe or shown",
    names_only=True,
    stops_build=True,
)
