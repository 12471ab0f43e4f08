"""The Python file of the build context that a command runs: a script, a module, a server's application, or what the project
names for a program of its own."""

from __future__ import annotations

import posixpath
import re
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.checks.starts.commands import option_value, read_text, search_path
from dockerlint_alpine.stages import InstallStep
from dockerlint_alpine.system.options import OptionTable, scan
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.stages import Moment, Stage

PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
"""What states the programs of a project, and where its version comes from."""

_PYTHON = lazy_pattern(r"python(?:[23](?:\.\d+)?)?\Z")
_PYTHON_LINE = lazy_pattern(rb"#![^\n]*\bpython")
_APPLICATION = lazy_pattern(r"([A-Za-z_][\w.]*)(?::[A-Za-z_][\w.]*(?:\(.*\))?)?\Z")
_UWSGI = lazy_pattern(r"(?m)^[ \t]*(chdir|file|ini|module|wsgi|wsgi-file)[ \t]*=[ \t]*([^\s%$]+)[ \t]*\r?$")
_UV = OptionTable.build(
    "--project, --directory, --with, --with-editable, --with-requirements, --python -p, --extra, --no-extra, --group, "
    "--only-group, --no-group, --env-file, --package, --index, --index-url -i, --extra-index-url",
    others="flag",
)
"""The options of ``uv run`` that take a value (its --help)."""
_RUNNERS = {**dict.fromkeys(("pdm", "pipenv", "poetry", "rye"), OptionTable.build("", others="flag")), "uv": _UV}
"""Installers that run a command in the project's environment: ``poetry run COMMAND``."""

_SERVERS = frozenset("daphne gunicorn hypercorn uvicorn waitress-serve".split())
_OF_FILES = frozenset("chainlit fastapi jurigged streamlit watchfiles watchmedo".split())
"""Programs that run the file of Python that is among their arguments."""

_MAX_COMMANDS = 4
"""Commands that run commands: ``uv run python -m flask run``."""


class EntryPoint(Struct, frozen=True):
    """``files`` hold the module that is run, the last, and the packages around it; ``is_main``: it is ``__main__``.

    ``roots`` are the folders that it imports from, and ``moment`` knows what is in them.
    """

    files: tuple[str, ...]
    is_main: bool
    roots: tuple[str, ...]
    moment: Moment


class StatedProgram(Struct, frozen=True):
    """A program of a project: the ``module`` or ``script`` that it says is run, else both empty, and the stage with the
    project in the current folder."""

    module: str
    script: str
    moment: Moment


class Projects(Struct, frozen=True, dict=True):
    """The projects that stages may install, and the programs that they state (console_scripts, [project.scripts])."""

    stages: tuple[Stage, ...]

    @cached_property
    def _texts(self) -> tuple[tuple[str, str, Moment], ...]:
        """What the files of each project say, its folder, and the stage when it is installed."""
        found: dict[tuple[str, str], Moment] = {}
        for step in (step for stage in self.stages for step in stage.steps if isinstance(step, InstallStep)):
            words = [arg.text.partition("[")[0] for arg in step.command.args if arg.known]
            workdir = step.moment.workdir
            for folder in (workdir, *(absolute(word, workdir) for word in words if word[:1] in {".", "/"})):
                for name in PROJECT_FILES:
                    found.setdefault((folder, read_text(step.moment, f"{folder}/{name}")), step.moment)
        return tuple((folder, text, moment) for (folder, text), moment in found.items() if text)

    @cached_property
    def moments(self) -> tuple[Moment, ...]:
        """The stage with each project in the current folder."""
        return tuple({folder: replace(moment, workdir=folder) for folder, _, moment in self._texts}.values())

    def program(self, name: str) -> StatedProgram | None:
        """What a project says of its program of this name."""
        candidates = [one for one in self._texts if name and name in one[1]]
        if not candidates:
            return None
        plain = re.escape(name)
        pattern = re.compile(
            rf"""(?<![\w.-]){plain}["']?\s*=\s*(?:["']?(?P<module>[\w.]+)\s*:\s*\w|\{{\s*(?:reference|callable)\b)"""
            rf"""|["'](?P<script>[\w./-]{{0,200}}/{plain})["']|/{plain}["']"""
        )
        for folder, text, moment in candidates:
            found = pattern.search(text)
            if found is not None:
                return StatedProgram(found["module"] or "", found["script"] or "", replace(moment, workdir=folder))
        return None


def entry_point(words: Sequence[str], moment: Moment, projects: Projects) -> EntryPoint | None:
    """The code of the context that a command of these words runs, a program of one of the ``projects`` among it."""
    words = list(words)
    for _ in range(_MAX_COMMANDS):
        if not words:
            break
        name, rest = words[0].rpartition("/")[2], words[1:]
        if _PYTHON.match(name):
            while rest and rest[0].startswith("-") and rest[0] not in {"-c", "-m", "-"}:
                del rest[: 2 if rest[0] in {"-W", "-X"} else 1]
            if rest[:1] != ["-m"]:
                return _of_script(rest[0], moment) if rest else None
            names = (f"{rest[1]}.__main__", rest[1]) if rest[1:] else ()
            found = next(filter(None, (_of_module(one, moment, projects) for one in names)), None)
            if found is not None:
                return found
            words = rest[1:]  # python -m gunicorn app:app
        elif rest[:1] == ["run"] and name in _RUNNERS:
            behind = next((one.index for one in scan(rest[1:], _RUNNERS[name])[0] if one.option is None), len(rest))
            words = rest[1 + behind :]
        else:
            return _of_server(name, rest, moment, projects) or _of_file(words[0], moment) or _of_project(name, projects)
    return None


def _of_server(name: str, rest: Sequence[str], moment: Moment, projects: Projects) -> EntryPoint | None:
    """What a program of a distribution runs that is made to run the code of others."""
    folder = option_value(rest, "--chdir", "--directory", "--app-dir")
    if folder:
        moment = replace(moment, workdir=absolute(folder, moment.workdir))
    if name in _SERVERS:
        candidates = sorted((one for one in map(_APPLICATION.match, rest) if one), key=lambda one: ":" not in one[0])
        names = [one[1] for one in candidates]
    elif name == "celery":
        named = option_value(rest, "-A", "--app").partition(":")[0]
        names = [f"{named}.celery", named] if named else []
    elif name == "flask":
        given = moment.scope.names.get("FLASK_APP")
        named = option_value(rest, "--app", "-A") or (given.text if given is not None else "")
        named = named.partition(":")[0]
        if named.endswith(".py"):
            return _of_file(named, moment, is_main=False)
        names = [named] if named else ["wsgi", "app"]  # flask/cli.py: ScriptInfo.load_app
    elif name == "uwsgi":
        return _of_uwsgi(rest, moment, projects)
    elif name in _OF_FILES:
        found = (_of_file(word, moment) for word in rest if word.endswith(".py"))
        return next(filter(None, found), None)
    else:
        return None
    return next(filter(None, (_of_module(one, moment, projects, is_main=False) for one in names)), None)


def _of_uwsgi(rest: Sequence[str], moment: Moment, projects: Projects) -> EntryPoint | None:
    """The application of uWSGI, from its options or its .ini file (its documentation: "Configuring uWSGI")."""
    given = {
        "chdir": option_value(rest, "--chdir"),
        "module": option_value(rest, "--module", "-w", "--wsgi"),
        "file": option_value(rest, "--wsgi-file", "--file"),
    }
    ini = option_value(rest, "--ini") or next((word for word in rest if word.endswith(".ini")), "")
    if ini:
        for key, value in _UWSGI.findall(read_text(moment, absolute(ini, moment.workdir))):
            name = {"wsgi": "module", "wsgi-file": "file"}.get(key, key)
            given[name] = given.get(name) or value
    moment = replace(moment, workdir=absolute(given["chdir"], moment.workdir)) if given["chdir"] else moment
    if given["file"]:
        return _of_file(given["file"], moment, is_main=False)
    module = given["module"].partition(":")[0]
    return _of_module(module, moment, projects, is_main=False) if module else None


def _of_project(name: str, projects: Projects) -> EntryPoint | None:
    stated = projects.program(name)
    if stated is None:
        return None
    if stated.script:
        return _of_file(stated.script, stated.moment)
    return _of_module(stated.module, stated.moment, projects, is_main=False) if stated.module else None


def _of_script(written: str, moment: Moment) -> EntryPoint | None:
    """What ``python PATH`` runs: a file, or ``__main__.py`` of a folder."""
    path = absolute(written, moment.workdir)
    found = next((one for one in (path, f"{path}/__main__.py") if moment.files.content(one) is not None), None)
    return _at(found, moment) if found is not None else None


def _of_file(written: str, moment: Moment, *, is_main: bool = True) -> EntryPoint | None:
    """A file of Python: by its name, or by its first line where it is started as a program."""
    path = absolute(written, moment.workdir)
    if "/" not in written and not moment.files.exists(path):
        path = next((one for folder in search_path(moment) if moment.files.exists(one := f"{folder}/{written}")), path)
    data = moment.files.content(path)
    if data is None or not (path.endswith(".py") or _PYTHON_LINE.match(data)):
        return None
    return _at(path, moment, is_main=is_main)


def _at(path: str, moment: Moment, *, is_main: bool = True) -> EntryPoint:
    return EntryPoint((path,), is_main, (posixpath.dirname(path), *_roots(moment)), moment)


def _of_module(name: str, moment: Moment, projects: Projects, *, is_main: bool = True) -> EntryPoint | None:
    """A module where the command runs, else of a project that is installed: its own files may be gone by then."""
    for place in (moment, *projects.moments):
        roots = _roots(place)
        files = files_of(name, roots, place)
        if files:
            return EntryPoint(tuple(files), is_main, roots, place)
    return None


def files_of(name: str, roots: Iterable[str], moment: Moment) -> list[str]:
    """The files of a module below the first folder that has it, those of the packages around it first."""
    for root in roots:
        base = posixpath.join(root, *name.split("."))
        own = next(
            (one for one in (f"{base}.py", f"{base}/__init__.py") if moment.files.content(one) is not None), None
        )
        if own is None:
            continue
        around = [own]
        for _ in range(name.count(".")):
            base = posixpath.dirname(base)
            if moment.files.content(init := f"{base}/__init__.py") is not None:
                around.insert(0, init)
        return around
    return []


def _roots(moment: Moment) -> tuple[str, ...]:
    """The folders that modules are looked for in: where the command runs, ``src`` or ``lib`` below that as projects have it,
    and PYTHONPATH."""
    given = moment.scope.names.get("PYTHONPATH")
    paths = given.text.split(":") if given is not None else []
    own = (moment.workdir, *(posixpath.join(moment.workdir, one) for one in ("src", "lib")))
    return (*own, *(absolute(one, moment.workdir) for one in paths if one and "$" not in one))
