"""## What it does
Reports a `py3-*` package from Alpine in an image with its own Python in `/usr/local`, such as the official `python` images.

## Why is this bad?
`apk add py3-lxml` installs lxml into `/usr/lib/python3.11`, for Alpine's own Python. The image's Python does not look there,
so `import lxml` fails, or pip compiles lxml nevertheless.

## Example
```dockerfile
FROM python:3.12-alpine3.19
RUN apk add --no-cache libpq py3-lxml
CMD ["python3", "app.py"]
```

## Use instead
```dockerfile
FROM python:3.12-alpine3.19
RUN apk add --no-cache libpq
RUN pip install lxml
CMD ["python3", "app.py"]
```

## Fix safety
Unsafe where the image's Python has the distribution anyway (its own pip, or what pip installs): the package is taken out.
Otherwise only shown: which version pip should install is the author's choice. Nothing is reported if the Dockerfile uses
Alpine's own Python (`/usr/bin/python3`, `PYTHONPATH=/usr/lib/python3.11/...`), a program from the package, or an apk package
that runs on Alpine's Python.

## References
- [The official image](https://hub.docker.com/_/python): Python is compiled into `/usr/local`
- [site](https://docs.python.org/3/library/site.html): where Python looks for packages
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerlint_alpine.checks.apk_operands import Asked, asked_for, remove_operand
from dockerlint_alpine.checks.base import Check, Subject
from dockerlint_alpine.checks.copied_python import IMAGE_PREFIX
from dockerlint_alpine.checks.package_names import PackageNames
from dockerlint_alpine.model.findings import Evidence, Fix
from dockerlint_alpine.stages import ApkStep, InstallStep
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.apk import Package
    from dockerlint_alpine.model.findings import Confidence, Finding
    from dockerlint_alpine.stages import Stage

_MODULES = lazy_pattern(r"py3?-(?!.*-(?:dev|doc|pyc|lang|bash-completion|zsh-completion|fish-completion)$)")
_APK_PYTHON_USED = lazy_pattern(
    r"/usr/bin/(?:env\s+-S\s+)?(?:python|pip)|/usr/lib/python3|\b(?:rm|mv)\b[^\n]*/usr/local/bin/(?:python|pip)|--system-site-packages"
)
_WITH_PIP = {"pip": (4, 0), "setuptools": (3, 12), "wheel": (3, 12)}
"""What official images install beside their Python, each before which one (docker-library/python: versions.json)."""
_SHADOWED = lazy_pattern(r"(?:python|pip|pydoc|idle|2to3|easy_install|wheel)[\d.]*(?:-[\d.]+)?")
"""Programs that the image has in /usr/local/bin, where they are found first."""


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every ``py3-*`` package that the image's Python does not see."""
    used: dict[int, bool] = {}
    text = subject.dockerfile.data.decode("utf-8", "replace")
    for asked in asked_for(subject):
        package = _module_package(asked)
        if package is None or not _has_its_own_python(asked.stage):
            continue
        index = asked.stage.index
        if index not in used:
            used[index] = _uses_apk_python(subject, asked.stage, text)
        if not used[index] and not _program_used(package, text):
            yield _finding(subject, asked, package, PackageNames.of(subject.knowledge).distribution(package.name))


def _module_package(asked: Asked) -> Package | None:
    """The package of Python modules that the operand stands for."""
    if not _MODULES.match(asked.name):
        return None
    package = asked.index.standing_for(asked.name)
    return package if package is not None and _MODULES.match(package.name) else None


def _has_its_own_python(stage: Stage) -> bool:
    home = stage.home
    return home is not None and home.prefix == IMAGE_PREFIX and not home.from_apk


def _uses_apk_python(subject: Subject, stage: Stage, text: str) -> bool:
    """True when Alpine's Python has work to do in the stage: named by its path, first in PATH, or run by a package."""
    if _APK_PYTHON_USED.search(text) or _is_first_in_path(stage):
        return True
    return any(
        _runs_on_python(stage, operand.text)
        for place in subject.timeline.lineage(stage)
        for step in place.steps
        if isinstance(step, ApkStep) and step.command.verb == "add"
        for operand in step.command.operands
    )


def _is_first_in_path(stage: Stage) -> bool:
    path = stage.final.scope.names.get("PATH")
    folders = path.text.split(":") if path is not None else []
    own = f"{IMAGE_PREFIX}/bin"
    return "/usr/bin" in folders and (own not in folders or folders.index("/usr/bin") < folders.index(own))


def _runs_on_python(stage: Stage, operand: str) -> bool:
    """True for an apk package that is a Python program or embeds Python: supervisor, ansible, uwsgi-python3."""
    name = re.split(r"[=<>~@]", operand, maxsplit=1)[0]
    if name.startswith(("py3-", "py-", "python")) or name.endswith("-dev"):
        return False
    package = stage.apk.package(name)
    return package is not None and any(_is_python(constraint.name) for constraint in package.depends)


def _is_python(need: str) -> bool:
    return need == "python3" or need.startswith(("so:libpython3", "py3-"))


def _programs(package: Package) -> tuple[str, ...]:
    """The programs of a package that the image does not hide behind its own."""
    listed = (way.name.removeprefix("cmd:") for way in package.provides if way.name.startswith("cmd:"))
    return tuple(name for name in listed if not _SHADOWED.fullmatch(name))


def _program_used(package: Package, text: str) -> bool:
    """True when the Dockerfile names a program of the package: it starts with Alpine's Python and works."""
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in _programs(package))


def _finding(subject: Subject, asked: Asked, package: Package, distribution: str) -> Finding:
    superfluous = _has_its_own(asked.stage, distribution)
    fate = (
        f"has its own {distribution}: remove it" if superfluous else f"can't import it: install {distribution} with pip"
    )
    return CHECK.finding(
        f"{package.name} is for Alpine's own Python{_apk_python(asked)}; the Python in {IMAGE_PREFIX} {fate}",
        subject=subject,
        stage=asked.stage,
        at=asked.location(subject),
        step=asked.step,
        confidence=_confidence(asked, package),
        evidence=(
            Evidence("dockerfile", f"{asked.stage.base} has its Python in {IMAGE_PREFIX}"),
            Evidence("index", _dependency(asked, package)),
        ),
        need=asked.name,
        packages=(package.name,),
        fix=_fix(subject, asked, None if superfluous else distribution),
    )


def _has_its_own(stage: Stage, distribution: str) -> bool:
    """True when the image's Python has the distribution in the end, whatever apk adds; and the pip that installs into it."""
    home = stage.home
    assert home is not None
    if tuple(map(int, (home.version or "9").split("."))) < _WITH_PIP.get(distribution, ()):
        return home.pip_version is not None or any(
            isinstance(step, InstallStep) and step.home.prefix == home.prefix and step.command.tool.runs_pip
            for step in stage.steps
        )
    return any(
        one.resolved.name == distribution and one.location == home.site_packages and not one.conditional
        for one in stage.installed
    )


def _confidence(asked: Asked, package: Package) -> Confidence:
    """A package with programs may be there for those, whoever starts them."""
    return "possible" if _programs(package) else asked.confidence


def _apk_python(asked: Asked) -> str:
    """The minor version of the release's python3, with a blank before it; empty where the index has none."""
    python = asked.index.package("python3")
    match = re.match(r"\d+\.\d+", python.version) if python is not None else None
    return f" {match[0]}" if match is not None else ""


def _dependency(asked: Asked, package: Package) -> str:
    """What ties the package to Alpine's Python: its dependency, or the modules that the index lists for that Python."""
    ties = [str(constraint) for constraint in package.depends if _is_python(constraint.name)]
    modules = [way.name for way in package.provides if re.match(r"py3\.\d+:", way.name)]
    whose = f"{package.name} {package.version} of Alpine {asked.index.release} {package.repository}"
    if ties:
        return f"{whose} depends on {ties[-1]}"
    return f"{whose} provides {modules[0]}" if modules else f"{whose} is built for python3{_apk_python(asked)}"


def _fix(subject: Subject, asked: Asked, distribution: str | None) -> Fix | None:
    """The fix takes the package out; what pip is to install in its place, if anything, is left to the author."""
    edit = remove_operand(subject, asked.step, asked.operand)
    if edit is None:
        return None
    title = f"remove {asked.operand.text} from the apk add"
    if distribution is None:
        return Fix(title, "unsafe", (edit,))
    return Fix(f"{title} and pip install {distribution}", "display", (edit,))


CHECK = Check(
    "AD303",
    "invisible-python-package",
    "warning",
    "a Python package of apk that the image's Python does not see",
    __doc__,
    run,
    fix="unsafe or shown",
    names_only=True,
)
