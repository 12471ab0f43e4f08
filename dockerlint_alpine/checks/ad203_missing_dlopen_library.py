"""## What it does
Reports a library, program or data package that Python code opens at run time and that is missing from the stage:
python-magic opens `libmagic.so.1`, weasyprint opens Pango, pdf2image starts `pdftoppm`. If the wheel itself is
available (in a wheelhouse in the build context, or with `--wheels DIR`), its sources are searched for calls of `ctypes`
and `cffi` as well. Calls inside `try` with an `except` are ignored, because the code can do without the library.
In a stage that only builds, it reports what a RUN starts: `pyinstaller` needs `objdump`, `nuitka` a compiler.

## Why is this bad?
No ELF header mentions it, no wheel bundles it, and the build succeeds, but the first use fails with
`ImportError: failed to find libmagic` or `OSError: cannot load library 'libgobject-2.0-0'`.

## Example
```dockerfile
FROM python:3.11-alpine3.19
RUN pip install python-magic==0.4.27
```

## Use instead
```dockerfile
FROM python:3.11-alpine3.19
RUN apk add --no-cache libmagic
RUN pip install python-magic==0.4.27
```

## Not reported
Programs that a build tool starts, if the tool was merely copied along and is never started:
```dockerfile
FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache binutils
RUN pip install --prefix=/install pyinstaller==6.3.0
FROM python:3.11-alpine3.19
COPY --from=builder /install /usr/local
```

## Fix safety
Safe: the package is added to an `apk add` of the stage whose packages are not deleted later, or to a new one. If the build
context contains the application's sources and none of them imports the distribution, or only inside `try` with
`except ImportError`, the finding is a warning and the fix is unsafe, because the application may do without it. If only a
feature of the distribution needs it (USB devices), it is a note.

## References
- [ctypes](https://docs.python.org/3/library/ctypes.html#finding-shared-libraries): `find_library` and `CDLL`
- musl, ldso/dynlink.c: the search path of `dlopen`
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.application import application, call_of
from dockerlint_alpine.checks.base import Check, Subject, confidence_of, instruction_location, stage_label
from dockerlint_alpine.checks.run_moment import left_to_others
from dockerlint_alpine.checks.starts import starts
from dockerlint_alpine.knowledge import RuntimeNeed
from dockerlint_alpine.model.findings import Evidence, Severity
from dockerlint_alpine.stages import ApkStep, PythonStep, library_copied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence, Set

    from dockerlint_alpine.apk import World
    from dockerlint_alpine.checks.application import Application
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.stages import Installed, Moment, Stage
    from dockerlint_alpine.stages.wheels import WheelOpen


class _Lack(Struct, frozen=True):
    """One thing that a run-time need is short of: what to look for, what has it, and whether a branch may bring it.

    ``opened`` is the call in the wheel's own sources, where it says so and no rule does; ``called`` where the application
    calls for it.
    """

    item: Installed
    need: RuntimeNeed
    wanted: str
    package: str | None
    possible: bool
    for_lookup: bool
    opened: WheelOpen | None = None
    called: Evidence | None = None


class _Use:
    """What a stage makes of its distributions, looked up when the first question comes."""

    def __init__(self, subject: Subject, stage: Stage) -> None:
        self._subject = subject
        self._stage = stage

    @cached_property
    def application(self) -> Application:
        """What its application imports."""
        return application(self._stage.final)

    def called(self, names: tuple[str, ...]) -> Evidence | None:
        """Where it calls one of ``names``."""
        return call_of(self._stage.final, names) if names and self._stage.runs else None

    @cached_property
    def started(self) -> frozenset[str]:
        """The programs and modules that its instructions start."""
        modules = (step.modules for step in self._stage.steps if isinstance(step, PythonStep))
        programs = (start.name for start in starts(self._subject, self._stage))
        containers = (one.source.text for one in self._stage.instructions if one.keyword in {"CMD", "ENTRYPOINT"})
        words = (word for text in containers for word in re.findall(r"[\w.-]+", text))
        return frozenset((*programs, *words, *(name for names in modules for name in names)))

    def runs(self, item: Installed, need: RuntimeNeed) -> bool:
        """False where only some commands of a distribution have the need, and none of them is started here, nor are they
        installed here to be started by who uses the image. In a stage that only builds, a RUN has to start one."""
        if not self._stage.runs:
            return not self.started.isdisjoint(need.commands)
        if not need.commands or not self.started.isdisjoint((*need.commands, *item.imports)):
            return True
        return item.copied_from is None

    def doubt(self, item: Installed, need: RuntimeNeed) -> Evidence | None:
        """Why the application may well do without the distribution; ``None`` where nothing says so."""
        if need.commands:
            if not self.started.isdisjoint((*need.commands, *item.imports)):
                return None
            return Evidence("dockerfile", f"nothing in the Dockerfile starts {' or '.join(need.commands)}")
        app, chain = self.application, item.resolved.chain
        if item.imports and app.imports(item.imports) is not None:
            return None
        if len(chain) > 1 and (need.kind == "program" or need.feature):
            what = "starts the program" if need.kind == "program" else f"wants {need.feature}"
            return Evidence("requirement", f"{chain[-2]} asks for {chain[-1]}; whether it {what} isn't known")
        if len(chain) > 1 or not item.imports:
            return None
        name = item.imports[0].partition(".")[0]
        tried = app.tries(item.imports)
        if tried is not None:
            return Evidence("source", f"{tried} imports {name} and continues without it if that fails")
        if not app.complete:
            return None
        return Evidence("source", f"no Python file that is copied from the context ({app.files}) imports {name}")


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every run-time need of Python code that a running stage does not meet."""
    for stage in subject.alpine_stages():
        if stage.packages is None:
            continue
        use = _Use(subject, stage)
        present = {item.resolved.name for item in stage.installed if not item.as_wheel}
        for item in stage.installed:
            if item.as_wheel or item.from_base:
                continue
            distribution = subject.knowledge.distribution(item.resolved.name)
            needs = distribution.runtime_needs(item.resolved.version) if distribution is not None else ()
            for need in (*needs, *(item.built.runtime if item.built is not None else ())):
                if not (stage.runs or need.commands):
                    continue
                if not need.available(stage.packages.release, stage.packages.arch):
                    continue
                lacks = [one for one in _lacks(subject, stage, item, need) if use.runs(item, need)]
                called = use.called(need.calls) if lacks else None
                if not _wanted(item, need, present, called=called is not None):
                    continue
                if any(one.for_lookup for one in lacks) and use.called(need.loaded_by) is not None:
                    lacks = [one for one in lacks if not one.for_lookup]
                yield from (_finding(subject, stage, replace(one, called=called), use) for one in lacks)
            for opened in _unruled(item, needs) if stage.runs else ():
                wanted = _missing(subject, stage, opened.needs)
                if wanted is not None:
                    yield _finding(subject, stage, _lack(stage, item, _as_need(opened), wanted, opened=opened), use)


def _unruled(item: Installed, needs: Iterable[RuntimeNeed]) -> Iterator[WheelOpen]:
    """What the wheel's sources open and no rule speaks of; the same library is told once."""
    known = {name for need in needs for name in need.any}
    for opened in item.wheel.opens if item.wheel is not None else ():
        if not any(fnmatchcase(a, b) or fnmatchcase(b, a) for a in opened.needs for b in known):
            known.update(opened.needs)
            yield opened


def _as_need(opened: WheelOpen) -> RuntimeNeed:
    """The call as a rule would put it. Whether the line is ever run isn't known, so it is not an error."""
    return RuntimeNeed(kind="dlopen", any=opened.needs, severity="warning", note=opened.note)


def _wanted(item: Installed, need: RuntimeNeed, present: Set[str], *, called: bool) -> bool:
    extras = item.resolved.extras
    if (need.extra and need.extra not in extras and not called) or any(extra in extras for extra in need.unless_extra):
        return False
    return not any(name in present for name in need.unless_installed)


def _lacks(subject: Subject, stage: Stage, item: Installed, need: RuntimeNeed) -> Iterator[_Lack]:
    """The library itself, and what ``find_library`` of the official images' Python asks to find it: one lack a package."""
    named: set[str | None] = set()
    wanted = _missing(subject, stage, need.any)
    if wanted is not None:
        lack = _lack(stage, item, need, wanted)
        named.add(lack.package)
        yield lack
    # Others patch find_library, as Alpine itself does.
    official = stage.image is not None and stage.image.certain and not stage.image.patched_python
    if official and (stage.home is None or not stage.home.from_apk):
        library = subject.knowledge.library(need.library) if need.library else None
        for name in need.lookup_needs(library, stage.apk.release, stage.final.scope.env):
            if _missing(subject, stage, (name,)) is not None:
                lack = _lack(stage, item, need, name, for_lookup=True)
                if lack.package is None or lack.package not in named:
                    named.add(lack.package)
                    yield lack


def _missing(subject: Subject, stage: Stage, names: Sequence[str]) -> str | None:
    """The first of ``names`` that the release has, where the stage has none of them; ``None`` where it has one."""
    end = stage.final
    if any(end.world.has(name) and end.lasting.has(name) for name in names):
        return None
    if not stage.runs and any(world.has(name) for name in names for world in _worlds(stage, end)):
        return None
    if any(name.startswith("so:") and library_copied(subject.timeline, stage, end, name) == "yes" for name in names):
        return None
    return next((name for name in names if stage.apk.find(name)), names[0])


def _worlds(stage: Stage, end: Moment) -> Iterator[World]:
    """What the stage may have at some time."""
    yield end.possible
    yield from (step.before.possible for step in stage.steps if isinstance(step, ApkStep))


def _lack(
    stage: Stage,
    item: Installed,
    need: RuntimeNeed,
    wanted: str,
    *,
    for_lookup: bool = False,
    opened: WheelOpen | None = None,
) -> _Lack:
    best = stage.apk.best(wanted)
    capability = best.capability if best is not None else wanted
    package = best.package.name if best is not None else None
    return _Lack(item, need, capability, package, stage.final.possible.has(wanted), for_lookup, opened)


def _finding(subject: Subject, stage: Stage, lack: _Lack, use: _Use) -> Finding:
    item, need, package = lack.item, lack.need, lack.package
    sure = "possible" if lack.possible else confidence_of(subject, item, stage, stage.final, package)
    if lack.opened is not None and sure == "certain":
        sure = "likely"  # a source says what it may open, not that it will
    fix, anchor = CHECK.add(subject, stage, package if not lack.possible and not item.conditional else None, None)
    doubt = (left_to_others(subject) or use.doubt(item, need)) if need.severity == "error" else None
    # What only switches a feature on is shown, not written: the author may not use it.
    if fix is not None and (need.feature or need.severity != "error" or doubt is not None):
        fix = replace(fix, applicability="unsafe")
    return CHECK.finding(
        _message(stage, lack),
        subject=subject,
        stage=stage,
        item=item,
        at=instruction_location(subject.dockerfile, anchor or item.arrived),
        severity=_severity(lack, doubted=doubt is not None, possible=sure == "possible"),
        confidence=sure,
        evidence=(
            evidence.requirement(item),
            _told(lack),
            lack.called,
            evidence.provider(stage.apk, lack.wanted, package) if package else None,
            evidence.absence(stage, lack.wanted),
            doubt,
        ),
        need=lack.wanted,
        packages=(package,),
        fix=fix,
    )


def _severity(lack: _Lack, *, doubted: bool, possible: bool) -> Severity:
    """That of the rule: more where the application calls for it, less where it may well do without."""
    severity = lack.need.severity
    if severity == "info" and lack.called is not None:
        return "warning"
    if severity == "error" and doubted and lack.need.feature:
        return "info"
    return "warning" if severity == "error" and (doubted or possible) else severity


def _told(lack: _Lack) -> Evidence:
    item, opened = lack.item, lack.opened
    if opened is None or item.wheel is None:
        by_rule = item.built is None or lack.need not in item.built.runtime
        said = f"{item.resolved.name} {_verb(lack)} {evidence.need_name(lack.wanted)}{evidence.because(lack.need.evidence)}"
        return Evidence("rule" if by_rule else "source", said)
    names = " or ".join(need.removeprefix("so:") for need in opened.needs)
    note = f"; {opened.note}" if opened.note else ""
    return Evidence("source", f"{opened.place} in {item.wheel.shown} calls {opened.call} for {names}{note}")


def _verb(lack: _Lack) -> str:
    if lack.for_lookup:
        return "looks its library up with ctypes.util.find_library, which here asks for"
    return {"dlopen": "opens", "program": "starts", "data": "uses"}[lack.need.kind]


def _message(stage: Stage, lack: _Lack) -> str:
    purpose = f" for {lack.need.feature}" if lack.need.feature else ""
    what = f"{evidence.named(lack.item)} {_verb(lack)} {evidence.need_name(lack.wanted)} at run time{purpose}"
    if lack.possible:
        return f"{what}; only a branch that may not run installs it"
    if lack.package is None:
        return f"{what}, which {evidence.nobody(stage.apk)}"
    return f"{what}; it is not in {stage_label(stage)}: add {lack.package}"


CHECK = Check(
    "AD203",
    "missing-dlopen-library",
    "error",
    "a library that Python code opens at run time is not there",
    __doc__,
    run,
    fix="safe",
    purpose="runtime",
    image="opened",
    topic="load",
)
