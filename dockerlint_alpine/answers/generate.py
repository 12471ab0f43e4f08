"""Writes a Dockerfile for a requirements file: two stages where something is compiled, one where all have wheels.

The packages are not looked up in a table. A Dockerfile without any is judged and fixed like everybody else's, and what
went in is written down with the reason.
"""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from dockerlint_alpine.checks import Subject, evidence
from dockerlint_alpine.checks.build_moment import compiles
from dockerlint_alpine.run.analysis import Doctor, UnreadableError, fix_bytes
from dockerlint_alpine.stages import Installed, Stage, pulled_in_by
from dockerlint_alpine.stages.context import MAX_FILE_SIZE
from dockerlint_alpine.system.files import project_root, read_file
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.apk import IndexStore, World
    from dockerlint_alpine.model.reports import FileReport

DEFAULT_PYTHON = "3.13"
"""The Python of a Dockerfile whose author names none."""

PROJECT = "pyproject.toml"
_STARTS = ("main.py", "app.py", "manage.py")
_BUILDER = 0
_SHOWN = 4


class Generated(Struct, frozen=True):
    """The text of the Dockerfile, and what ``check`` says of it."""

    text: str
    report: FileReport


class _Project(Struct, frozen=True):
    """What is to be installed: the build context, the files to copy first and the argument for pip."""

    root: Path
    files: tuple[str, ...]
    argument: str


def newest_release(store: IndexStore, arch: str = "x86_64") -> str:
    """The newest Alpine release whose own index is at hand for ``arch``."""
    return next(release for release in reversed(store.releases()) if release != "edge" and store.at_hand(release, arch))


def generate(doctor: Doctor, requirements: Path, *, python: str, alpine: str) -> Generated:
    """Write a Dockerfile that installs ``requirements`` (a requirements file or a ``pyproject.toml``).

    ``python`` and ``alpine`` are ``X.Y``. The build context is the current folder when the file lies below it, else the
    file's own folder. Raises UnreadableError when the file can't be read.
    """
    project = _project(requirements)
    settings = replace(
        doctor.settings,
        select=("AD",),
        ignore=(),
        per_file_ignores=(),
        severity=(),
        target=None,
        context=str(project.root),
        alpine=None,
        python=None,
        unsafe_fixes=False,
        build_args=(),
    )
    judge = doctor.configured(settings)
    path = project.root / "Dockerfile"
    base = f"python:{python}-alpine{alpine}"
    plan = _Plan(base, project)
    two = _judged(judge, plan, path, stages=2)
    found = two if two.compiled else _judged(judge, plan, path, stages=1)
    text = plan.text(found)
    return Generated(text, judge.check_bytes(text.encode(), path, shown_as="Dockerfile"))


def _project(requirements: Path) -> _Project:
    """Which files the installation reads, as the build context has them."""
    if not requirements.is_file():
        why = "is a folder: name a requirements file" if requirements.is_dir() else "no such file"
        raise UnreadableError(why)
    here = Path.cwd()
    absolute = Path(os.path.abspath(requirements))  # noqa: PTH100 - links stay as the builder sees them
    root = here if absolute.is_relative_to(here) else absolute.parent
    name = absolute.relative_to(root).as_posix()
    if absolute.name == PROJECT:
        return _Project(root, (), "." if name == PROJECT else posixpath.dirname(name))
    return _Project(root, tuple(_included(root, name)), name)


def _included(root: Path, name: str) -> Iterator[str]:
    """The file and what it includes with ``-r`` and ``-c``, below ``root``."""
    from dockerlint_alpine.python.formats.requirements_file import read_requirements

    reader = _Recorder(root)
    read_requirements(name, reader, cwd="", environment={})
    yield from sorted(reader.seen)


class _Recorder(Struct):
    """Files below a folder, and which of them were read."""

    root: Path
    seen: set[str] = field(default_factory=set)

    def read(self, path: str) -> bytes:
        """The bytes of a file; it is noted where it lies below the folder."""
        data = read_file(self.root / path, limit=MAX_FILE_SIZE, within=project_root(self.root))
        name = posixpath.normpath(path)
        if not name.startswith(("/", "..")):
            self.seen.add(name)
        return data

    def exists(self, path: str) -> bool:
        """True for a file or a folder."""
        return (self.root / path).exists()

    def names(self, folder: str) -> Sequence[str]:
        """What lies in a folder. Raises OSError."""
        return sorted(entry.name for entry in (self.root / folder).iterdir())

    def display(self, path: str) -> str:
        """Paths are shown as they are."""
        return path


class _Judgement(Struct, frozen=True):
    """What a Dockerfile without packages turned out to need: package to reasons for each stage, and what compiles."""

    stages: int
    compiled: tuple[str, ...]
    needed: tuple[dict[str, list[str]], ...]


def _judged(doctor: Doctor, plan: _Plan, path: Path, *, stages: int) -> _Judgement:
    bare = plan.text(_Judgement(stages, (), tuple({} for _ in range(stages))))
    fixed = fix_bytes(doctor, bare.encode(), path, shown_as="Dockerfile")
    needed: tuple[dict[str, list[str]], ...] = tuple({} for _ in range(stages))
    asked: tuple[set[str], ...] = tuple(set() for _ in range(stages))
    compiled: dict[str, None] = {}
    for timeline in doctor.timelines(fixed.new, path, shown_as="Dockerfile"):
        subject = Subject(timeline, doctor.knowledge)
        for made in compiles(subject):
            if made.built.rule is None or not (made.built.languages or made.built.uses or made.built.tools):
                continue
            name = made.item.resolved.name
            compiled[name] = None
            for need in made.built.tools:
                _note(needed[made.stage.index], made.step.moment.world, need, f"to compile {name}")
            for use in made.built.uses:
                if use.presence == "present":
                    need = use.package or use.need
                    _note(needed[made.stage.index], made.step.moment.world, need, f"{name} links {use.library.name}")
        last = timeline.stages[max(timeline.stages)]
        for item in last.installed:
            for need, reason in _at_run_time(subject, item):
                if last.end is not None:
                    _note(needed[-1], last.end.world, need, reason)
        for index, stage in timeline.stages.items():
            asked[index].update(_asked(stage))
    named = tuple({name: why.get(name, []) for name in names} for names, why in zip(asked, needed, strict=True))
    return _Judgement(stages, tuple(compiled), named)


def _at_run_time(subject: Subject, item: Installed) -> Iterator[tuple[str, str]]:
    name = item.resolved.name
    for need, _ in item.objects:
        yield need, f"{name} links {evidence.need_name(need)}"
    distribution = subject.knowledge.distribution(name)
    verbs = {"dlopen": "opens", "program": "starts", "data": "uses"}
    for one in distribution.runtime_needs(item.resolved.version) if distribution is not None else ():
        for need in one.any:
            yield need, f"{name} {verbs[one.kind]} {evidence.need_name(need)}"


def _note(needed: dict[str, list[str]], world: World, need: str, reason: str) -> None:
    """Write the reason down for the package, as the Dockerfile names it, that meets the need."""
    provider = world.provider(need)
    chain = pulled_in_by(world, provider.name) if provider is not None else ()
    if chain and reason not in (reasons := needed.setdefault(chain[0], [])):
        reasons.append(reason)


def _asked(stage: Stage) -> frozenset[str]:
    """The packages that the Dockerfile itself names in a stage."""
    if stage.start is None or stage.end is None:
        return frozenset()
    return stage.end.world.explicit - stage.start.world.explicit


class _Plan(Struct, frozen=True):
    """The Dockerfile but for its packages."""

    base: str
    project: _Project

    def text(self, found: _Judgement) -> str:
        """The whole Dockerfile, one stage or two."""
        parts = ["# syntax=docker/dockerfile:1"]
        if found.stages == 2:
            parts.append(f"{_compiled(found.compiled)}FROM {self.base} AS builder")
            parts += _run(found.needed[_BUILDER])
            parts += ["WORKDIR /app", self._install("--prefix=/install ")]
            parts.append(f"# what runs\nFROM {self.base}")
            parts += _run(found.needed[-1])
            parts += ["WORKDIR /app", "COPY --from=builder /install /usr/local\nCOPY . ."]
        else:
            parts.append(f"FROM {self.base}")
            parts += _run(found.needed[-1])
            parts += ["WORKDIR /app", self._install("")]
            parts += [] if self.project.argument == "." else ["COPY . ."]
        parts += ["RUN adduser -D -H app\nUSER app", self._start()]
        return "\n\n".join(parts) + "\n"

    def _install(self, prefix: str) -> str:
        install = f"RUN pip install --no-cache-dir {prefix}"
        if not self.project.files:
            return f"COPY . .\n{install}{self._folder()}"
        copies = [f"COPY {' '.join(names)} {folder}" for folder, names in _by_folder(self.project.files).items()]
        return "\n".join((*copies, f"{install}-r {self.project.argument}"))

    def _folder(self) -> str:
        return "." if self.project.argument == "." else f"./{self.project.argument}"

    def _start(self) -> str:
        for name in _STARTS:
            if (self.project.root / name).is_file():
                arguments = ', "runserver", "0.0.0.0:8000"' if name == "manage.py" else ""
                return f'CMD ["python", "{name}"{arguments}]'
        return '# CMD ["python", "-m", "your_application"]'


def _by_folder(files: Sequence[str]) -> dict[str, list[str]]:
    """The files of each folder, by where they go: pip finds what they include at the same relative places."""
    found: dict[str, list[str]] = {}
    for name in files:
        folder = posixpath.dirname(name)
        found.setdefault(f"{folder}/" if folder else "./", []).append(name)
    return found


def _compiled(names: Sequence[str]) -> str:
    if not names:
        return ""
    verb = "has" if len(names) == 1 else "have"
    return f"# compiles what has no wheel for this Python and musl: {listed(names, _SHOWN)} {verb} none\n"


def _run(needed: dict[str, list[str]]) -> list[str]:
    """The instruction that adds these packages, those with one reason together below it; nothing for none."""
    groups: dict[str, list[str]] = {}
    for package in sorted(needed):
        groups.setdefault(_reason(needed[package]), []).append(package)
    if not groups:
        return []
    lines = ["RUN apk add --no-cache \\"]
    for reason, packages in sorted(groups.items(), key=lambda group: group[1]):
        lines += [f"    # {reason}"] if reason else []
        lines += [f"    {package} \\" for package in packages]
    lines[-1] = lines[-1].removesuffix(" \\")
    return ["\n".join(lines)]


def _reason(reasons: Sequence[str]) -> str:
    compiling = [reason.removeprefix("to compile ") for reason in reasons if reason.startswith("to compile ")]
    others = [reason for reason in reasons if not reason.startswith("to compile ")]
    shown = [f"to compile {listed(compiling, _SHOWN)}"] if compiling else []
    return "; ".join((*shown, *others[:_SHOWN]))
