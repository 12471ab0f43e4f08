"""## What it does
Reports a `pip install` (or `uv pip install --system`) into Alpine's own Python, which is refused since Alpine 3.19. So is
`python3 -m ensurepip`, which only ever installs there.

## Why is this bad?
The build fails with `error: externally-managed-environment`. Alpine's `python3` contains a file `EXTERNALLY-MANAGED`, which
tells pip that apk manages its site-packages.

## Example
```dockerfile
FROM alpine:3.19
RUN apk add --no-cache python3 py3-pip
RUN pip install requests==2.32.3
```

## Use instead
If Alpine has the package in a suitable version, use that:
```dockerfile
FROM alpine:3.19
RUN apk add --no-cache python3 py3-requests
```
Otherwise use a virtual environment; with `--system-site-packages` it also sees Alpine's packages:
```dockerfile
FROM alpine:3.19
RUN apk add --no-cache python3 py3-pip
RUN python3 -m venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH"
RUN pip install requests==2.32.3
```
Or use an image with its own Python:
```dockerfile
FROM python:3.11-alpine3.19
RUN pip install requests==2.32.3
```
In a single-purpose image you may also override the check; apk then no longer manages the files that pip overwrites:
```dockerfile
FROM alpine:3.19
RUN apk add --no-cache python3 py3-pip
RUN pip install --break-system-packages requests==2.32.3
```

## Not reported
Releases before Alpine 3.19, and stages that remove the file or override the check with a variable or a configuration file:
```dockerfile
FROM alpine:3.18
RUN apk add --no-cache python3 py3-pip && pip install requests==2.32.3
```
```dockerfile
FROM alpine:3.19
ENV PIP_BREAK_SYSTEM_PACKAGES=1
RUN apk add --no-cache python3 py3-pip && pip install requests==2.32.3
```
```dockerfile
FROM alpine:3.19
RUN apk add --no-cache python3 py3-pip && rm /usr/lib/python3*/EXTERNALLY-MANAGED
RUN pip install requests==2.32.3
```

## Fix safety
Unsafe: it creates a virtual environment before the first `pip install` and puts it first in `PATH`. Programs started
with the full path of Alpine's own Python do not see it.

## References
- [PEP 668](https://peps.python.org/pep-0668/): marking Python base environments as "externally managed"
- pip, `commands/install.py`: `--target`, `--prefix` and `--root` are not checked
- CPython, `ensurepip/__init__.py`: pip's variables and configuration files do not count
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.checks.apk_operands import failure_is_handled
from dockerlint_alpine.checks.base import Check, Subject
from dockerlint_alpine.model.findings import Evidence, Fix, TextEdit
from dockerlint_alpine.python.options import PIP_CONFIGURATION
from dockerlint_alpine.stages import InstallStep, PythonStep
from dockerlint_alpine.stages.walk import ENSUREPIP
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.model.findings import Confidence, Finding
    from dockerlint_alpine.stages import Stage

_SINCE = "3.19"
_ALLOWED = lazy_pattern(
    r"\bEXTERNALLY|break[-_]system[-_]packages|PIP_(?:TARGET|PREFIX|ROOT|CONFIG_FILE)\b", re.IGNORECASE
)
"""What lets pip go on, or install elsewhere: wherever it stands, nothing is said."""

_ELSEWHERE = lazy_pattern(r"(?:--(?:target|prefix|root|python|dry-run|no-system)\b|-t\Z)")
_CONFIGURATION = (*PIP_CONFIGURATION, "/etc/uv/uv.toml")
_WITH_PIP = frozenset({"py3-pip", "py3-setuptools", "py3-wheel"})
_VENV = "/opt/venv"
_SHOWN = 3


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every install into a Python that belongs to apk."""
    for stage in subject.alpine_stages():
        if stage.alpine is None or release_key(stage.alpine) < release_key(_SINCE) or _allowed(subject, stage):
            continue
        refused = [step for step in stage.steps if isinstance(step, InstallStep) and _is_refused(subject, step)]
        fix = _venv(subject, stage, refused)
        for step in refused:
            yield _finding(subject, stage, step, fix)
        for one in stage.steps:
            if isinstance(one, PythonStep) and _is_ensurepip(subject, one):
                yield _has_no_pip(subject, stage, one)


def _allowed(subject: Subject, stage: Stage) -> bool:
    """True where anything in the stage, or the ones it is built from, may have lifted the ban."""
    data = subject.dockerfile.data
    for place in subject.timeline.lineage(stage):
        for instruction in place.instructions:
            if _ALLOWED.search(data[instruction.start : instruction.end].decode("utf-8", "replace")):
                return True
    if any(map(_ALLOWED.search, (*stage.scripts, *stage.final.scope.names))):
        return True
    files = stage.final.files
    return any(files.exists(path) or files.may_have(path) for path in _CONFIGURATION)


def _is_refused(subject: Subject, step: InstallStep) -> bool:
    command, home = step.command, step.home
    if command.tool.name not in {"pip", "uv"} or command.action not in {"install", "sync-files"}:
        return False
    if not home.from_apk or home.is_venv or not step.moment.world.has("cmd:python3"):
        return False
    if command.tool.name == "pip" and not step.moment.world.has("cmd:pip3"):
        return False  # there is no pip, or it is not apk's
    if re.search(rb"\bsetup\.py\b", subject.dockerfile.data[slice(*step.span)]):
        return False  # setuptools installs where it likes
    if any(_ELSEWHERE.match(arg.text) for arg in command.args):
        return False
    return not failure_is_handled(subject, step.span)


def _has_no_pip(subject: Subject, stage: Stage, step: PythonStep) -> Finding:
    known = stage.image is not None and stage.image.certain and stage.image.evidence
    return CHECK.finding(
        f"ensurepip refuses to install into Alpine {stage.alpine}'s own Python (externally managed):"
        " apk add py3-pip, or make a venv, which has pip",
        subject=subject,
        stage=stage,
        step=step,
        confidence="likely" if known else "possible",
        evidence=(
            Evidence("rule", f"PEP 668: python3 of Alpine {_SINCE} and later is marked so"),
            Evidence(
                "rule",
                "ensurepip/__init__.py of CPython: runs pip install without the variables and files that pip obeys",
            ),
        ),
    )


def _is_ensurepip(subject: Subject, step: PythonStep) -> bool:
    """True where Alpine's own Python is told to install pip. ensurepip ignores pip's variables and configuration files."""
    own = step.home is not None and step.home.from_apk and not step.home.is_venv
    elsewhere = b"--root" in subject.dockerfile.data[slice(*step.span)]
    asked = step.modules == (ENSUREPIP,) and not step.conditional and not elsewhere
    return own and asked and not failure_is_handled(subject, step.span)


def _finding(subject: Subject, stage: Stage, step: InstallStep, fix: Fix | None) -> Finding:
    python = step.moment.world.provider("cmd:python3")
    assert python is not None
    uncertain = step.conditional or step.moment.unknown or (stage.image is not None and not stage.image.certain)
    known = stage.image is not None and stage.image.evidence  # else its PATH may lead to an environment
    other_day = stage.image is not None and stage.image.undated
    sure: Confidence = (
        "possible" if step.conditional or other_day or not known else "likely" if uncertain else "certain"
    )
    return CHECK.finding(
        f"{step.command.tool.name} refuses to install into Alpine {stage.alpine}'s own Python (externally managed):"
        f" {_advice(stage, step)}",
        subject=subject,
        stage=stage,
        step=step,
        confidence=sure,
        evidence=(
            Evidence("dockerfile", f"{step.command.program} installs into {step.home.site_packages}, which is apk's"),
            Evidence(
                "rule",
                f"PEP 668: python3 of Alpine {_SINCE} and later is marked so; here it is {python.version}",
            ),
        ),
        fix=fix,
    )


def _advice(stage: Stage, step: InstallStep) -> str:
    """What fits here: apk's packages where it has all that is asked for, else an environment of one's own."""
    asked = list(dict.fromkeys(item.resolved.name for item in step.installed if len(item.resolved.chain) == 1))
    if asked == ["pip"]:
        return "py3-pip is upgraded by apk; a venv has its own pip"
    packaged = [f"py3-{name}" for name in asked if stage.apk.package(f"py3-{name}") is not None]
    if asked and len(packaged) == len(asked) <= _SHOWN:
        return f"apk add {' '.join(packaged)}, or install into a venv"
    if step.home.version is not None and len(step.installed) > _SHOWN and stage.alpine != "edge":
        return f"install into a venv, or start FROM python:{step.home.version}-alpine{stage.alpine}"
    return "install into a venv"


def _venv(subject: Subject, stage: Stage, refused: list[InstallStep]) -> Fix | None:
    """A venv before the first of the installs, first in PATH from then on, where nothing in the stage stands against it."""
    if not refused or any(stage.index == one.parent for one in subject.timeline.stages.values()):
        return None
    first = refused[0]
    own = [one for one in stage.instructions if subject.dockerfile.instruction_at(one.start) is one]
    if first.conditional or first.instruction not in own or first.instruction.json is not None:
        return None
    programs = {step.command.program for step in refused}
    if not programs <= {"pip", "pip3", "python", "python3"}:
        return None
    data, (start, _) = subject.dockerfile.data, first.span
    text = b"\n".join(data[one.start : one.end] for one in own)
    if re.search(rb"/usr/bin/(?:env\s+)?(?:python|pip)|\bPATH=", text, re.IGNORECASE):
        return None
    if not data.startswith(first.command.program.encode(), start) or "<<" in first.instruction.value:
        return None
    if any(one.keyword == "USER" and one.start < refused[-1].instruction.start for one in own):
        return None  # who may not write to /opt; a user who comes later reads the environment
    seen = any(name.startswith("py3-") and name not in _WITH_PIP for name in first.moment.world.explicit)
    options = "--system-site-packages " if seen else ""
    # A shell remembers where it found python3, and would go on with that one.
    forget = "hash -r && " if first.command.program.startswith("python") else ""
    edits = (
        TextEdit(first.instruction.start, first.instruction.start, f'ENV PATH="{_VENV}/bin:$PATH"{_newline(data)}'),
        TextEdit(start, start, f"python3 -m venv {options}{_VENV} && {forget}"),
    )
    return Fix(f"install into a virtual environment in {_VENV}", "unsafe", edits)


def _newline(data: bytes) -> str:
    return "\r\n" if b"\r\n" in data else "\n"


CHECK = Check(
    "AD304",
    "externally-managed",
    "error",
    "pip installs into Alpine's own Python, which refuses it",
    __doc__,
    run,
    fix="unsafe",
    stops_build=True,
)
