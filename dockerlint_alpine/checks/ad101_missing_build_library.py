"""## What it does
Reports a distribution that is compiled in a stage without the headers, pkg-config file or config tool of a library that
its build requires.

## Why is this bad?
No wheel fits, so pip compiles the sdist, and the build fails: `fatal error: ffi.h: No such file or directory`,
`pg_config executable not found`, `Package libxml-2.0 was not found`.

Some builds go on without a library, and the module that uses it is missing at run time: Pillow without freetype raises
`ImportError: The _imagingft C module is not installed` in `ImageFont.truetype`. That is a warning, if a source in the build
context makes such a call, or a distribution that does is installed (captcha, wordcloud).

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev
RUN pip install psycopg2==2.9.11
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev libpq-dev
RUN pip install psycopg2==2.9.11
```

## Fix safety
Safe: the -dev package is added to the `apk add` with the build packages, or to a new one before the step. Packages that
another added package pulls in anyway are omitted: `openldap-dev` depends on `cyrus-sasl-dev`.

If a wheel would avoid the compile, the report suggests that first, as "better": a pip that supports musl, an older
version that the requirement allows, another version, or another tag of the base image. These suggestions are based on
recorded facts, never on guesses. `alpine-doctor fix --prefer wheel` applies the best one. It changes a version if the
requirement is a plain `name==version` in the Dockerfile or a requirements file, and a tag in every FROM that has the
old one if everything has wheels then. `fix -i` asks first; `check --show-fix` also shows a separate build stage as an
edit.

## References
- [pip: source distributions](https://pip.pypa.io/en/stable/reference/build-system/): how pip compiles what has no wheel
- [PEP 725](https://peps.python.org/pep-0725/): the proposal to declare such needs in `pyproject.toml`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.application import call_of
from dockerlint_alpine.checks.base import Check, Subject, confidence_of
from dockerlint_alpine.checks.build_moment import Compile, compiles
from dockerlint_alpine.checks.toolchain import mismatches
from dockerlint_alpine.model.findings import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.stages import LibraryUse


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every library that a build insists on and does not find, or does without and somebody
    calls for."""
    for made in compiles(subject):
        if made.built.rule is not None and made.built.rule.optional_extension:
            continue
        if mismatches(subject, made):
            continue  # no package helps: AD504
        for use in made.built.uses:
            if _lacks(use):
                yield _finding(subject, made, use)
            elif (use.link.calls or use.link.used_by) and use.presence == "absent":
                wanted = _wanted(subject, made, use)
                if wanted is not None:
                    yield _finding(subject, made, use, wanted)


def _wanted(subject: Subject, made: Compile, use: LibraryUse) -> Evidence | None:
    """Who calls what is missing without the library, in a stage that has what is compiled here: the application, or another
    distribution."""
    for stage in subject.timeline.stages.values():
        if stage.end is None or not any(one.built is made.built for one in stage.installed):
            continue
        user = next((one for one in stage.installed if one.resolved.name in use.link.used_by), None)
        if user is not None:
            return Evidence("rule", said := f"{evidence.named(user)} uses {use.link.optional}", said)
        called = call_of(stage.end, use.link.calls) if use.link.calls else None
        if called is not None:
            return called
    return None


def _lacks(use: LibraryUse) -> bool:
    return use.link.required and use.link.linkage == "always" and use.presence in {"absent", "possible"}


def _finding(subject: Subject, made: Compile, use: LibraryUse, wanted: Evidence | None = None) -> Finding:
    stage, item = made.stage, made.item
    certain = use.presence == "absent"
    sure = confidence_of(subject, item, stage, made.step.moment, use.package) if certain else "possible"
    package = use.package if certain and not item.conditional else None
    fix, _ = CHECK.add(subject, stage, package, made.step.instruction)
    through = f" ({use.need})" if use.need != use.library.name else ""
    what = f"{evidence.named(item)} is compiled here and needs {use.library.name}{through}"
    if wanted is not None:
        what += f" for {use.link.optional}" if use.link.optional != use.library.name else ""
    return CHECK.finding(
        what + evidence.lacking(stage, use.package, perhaps=not certain),
        subject=subject,
        stage=stage,
        item=item,
        step=made.step,
        severity="warning" if wanted is not None else None,
        confidence=sure,
        evidence=(
            evidence.requirement(item),
            evidence.wheel(item),
            evidence.linkage(item, use),
            wanted,
            evidence.provider(stage.apk, use.need, use.package) if use.package else None,
        ),
        need=use.need,
        packages=(use.package,),
        fix=fix,
    )


CHECK = Check(
    "AD101",
    "missing-build-library",
    "error",
    "a distribution is compiled and a library's headers are missing",
    __doc__,
    run,
    fix="safe",
    purpose="build",
    stops_build=True,
    topic="compile",
)
