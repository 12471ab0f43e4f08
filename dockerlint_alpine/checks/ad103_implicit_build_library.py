"""## What it does
Reports a build that links a library that is installed only because another package pulls it in.

## Why is this bad?
Nobody asked for `lz4-dev`; `postgresql-dev` happens to depend on it since Alpine 3.17. So the next Alpine release, or the
next clean-up of the package list, may change whether the extension links the system's library, and hence what it needs at
run time, for no apparent reason.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev postgresql-dev
RUN pip install lz4==4.4.5
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev postgresql-dev lz4-dev
RUN pip install lz4==4.4.5
```

## Fix safety
Safe: it names a package that is installed anyway. If the library merely enables an optional feature of the distribution, the
finding is information and the fix is unsafe, because you may not use that feature.

## References
- [pkg-config](https://people.freedesktop.org/~dbn/pkg-config-guide.html): how a build finds a library
- apk(8): `add` installs packages together with their dependencies
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.apk.package import VIRTUAL
from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.base import Check, Subject, confidence_of, stage_label
from dockerlint_alpine.checks.build_moment import Compile, compiles
from dockerlint_alpine.stages import pulled_in_by
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.apk import Package, World
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.stages import LibraryUse


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every linked library whose -dev package nobody asked for."""
    for made in compiles(subject):
        for use in made.built.uses:
            if use.presence == "present" and use.linked and use.package is not None and not made.passing:
                world = made.step.moment.world
                chain = pulled_in_by(world, use.package)
                if len(chain) > 1:
                    roots = _roots(world, use.package) or ((chain[0], chain[0]),)
                    if not any(_meant(subject, made, use, (first, use.package)) for _, first in roots):
                        yield _finding(subject, made, use, [name for name, _ in roots])


def _roots(world: World, package: str) -> tuple[tuple[str, str], ...]:
    """Everything that is asked for and pulls ``package`` in: the name as it was asked for and the package that it is."""
    found, pending = {package}, [package]
    while pending:
        pulled = world.packages.get(pending.pop())
        if pulled is None:
            continue
        names = {pulled.name, *(provide.name for provide in pulled.provides)}
        for other in world.packages.values():
            if other.name not in found and any(one.name in names and not one.conflict for one in other.depends):
                found.add(other.name)
                pending.append(other.name)
    asked_names: list[str] = []
    for name in world.explicit:
        listed = world.packages.get(name)
        if listed is not None and listed.repository == VIRTUAL:
            asked_names.extend(one.name for one in listed.depends)
        else:
            asked_names.append(name)
    asked = ((name, world.packages.get(name) or world.provider(name)) for name in sorted(set(asked_names)))
    return tuple((name, one.name) for name, one in asked if one is not None and one.name in found - {package})


def _meant(subject: Subject, made: Compile, use: LibraryUse, chain: tuple[str, ...]) -> bool:
    """True when whoever asked for the first package of the chain meant the last: there is no accident in it.

    They are built together (``postgresql-dev`` and ``libpq-dev``), the first is but another name for the last
    (``jpeg-dev``), the same build links a library of the first as well (python-ldap: ``openldap-dev``, which depends on
    ``cyrus-sasl-dev``), or the build could not do without the last and nothing else compiled in this stage has a use for
    the first (``mariadb-dev`` for mysqlclient).
    """
    installed = made.step.moment.world.packages
    packages = [installed[name] for name in chain if name in installed]
    if not packages:
        return False
    first, last = packages[0], packages[-1]
    if first.origin == last.origin:
        return True
    names = {last.name, *(provide.name for provide in last.provides)}
    if not any(depends.name in names for depends in first.depends):
        return False
    if _is_alias(first) or _uses(made, first):
        return True
    others = (other for other in compiles(subject) if other.stage is made.stage)
    return use.link.required and use.link.runtime and not any(_uses(other, first) for other in others)


def _is_alias(package: Package) -> bool:
    """True for a package that brings nothing but one other."""
    return len(package.depends) == 1 and not any(":" in provide.name for provide in package.provides)


def _uses(made: Compile, package: Package) -> bool:
    """True when the build finds one of its libraries or tools in ``package`` or in what is built with it."""
    installed = made.step.moment.world.packages
    found = (installed.get(use.package) for use in made.built.uses if use.package is not None)
    return any(one is not None and one.origin == package.origin for one in found)


def _finding(subject: Subject, made: Compile, use: LibraryUse, roots: Sequence[str]) -> Finding:
    stage, item = made.stage, made.item
    assert use.package is not None
    fix, _ = CHECK.add(subject, stage, use.package if not item.conditional else None, made.step.instruction)
    optional = use.link.optional
    # What only switches a feature on is shown, not written: the author may not use it.
    if fix is not None and optional:
        fix = replace(fix, applicability="unsafe")
    purpose = f" for {optional}" if optional else ""
    verb = "links" if use.link.runtime and not use.library.static else "finds"
    who = f"{listed(roots)} {'pulls' if len(roots) == 1 else 'pull'} in"
    return CHECK.finding(
        f"{evidence.named(item)} {verb} {use.library.name}{purpose} only because"
        f" {who} {use.package} to {stage_label(stage)}: add {use.package}",
        subject=subject,
        stage=stage,
        item=item,
        step=made.step,
        severity="info" if optional else "warning",
        confidence=confidence_of(subject, item, stage, made.step.moment, use.package),
        evidence=(
            evidence.requirement(item),
            evidence.wheel(item),
            evidence.linkage(item, use),
            evidence.presence(made.step.moment.world, use.package, stage.apk),
        ),
        need=use.need,
        packages=(use.package,),
        fix=fix,
    )


CHECK = Check(
    "AD103",
    "implicit-build-library",
    "warning",
    "the build links a library that only another package pulls in",
    __doc__,
    run,
    fix="safe",
    purpose="build",
    topic="implicit",
)
