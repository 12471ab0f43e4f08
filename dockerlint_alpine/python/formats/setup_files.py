"""The requirements of a setuptools project: ``setup.cfg`` and ``setup.py``."""

from __future__ import annotations

import configparser
import posixpath
import re
from typing import TYPE_CHECKING

from dockerlint_alpine.python.formats.requirements_file import logical_lines, read_requirements
from dockerlint_alpine.python.model import Origin, Problem, Requested, RequirementSet, normalise
from dockerlint_alpine.python.requirement import InvalidRequirementError, parse_pep508, with_marker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.python.model import FileReader
    from dockerlint_alpine.python.sources.setup_script import SetupScript


def read_setup(folder: str, files: FileReader, *, extras: Sequence[str] = ()) -> RequirementSet | None:
    """Return what ``setup.cfg`` and ``setup.py`` in ``folder`` require with ``extras``; ``None`` if neither is there.

    ``setup.py`` is read, never run; what it decides at run time is a problem with its line. Never raises for bad input.
    """
    wanted = frozenset(normalise(extra) for extra in extras)
    config, script = posixpath.join(folder, "setup.cfg"), posixpath.join(folder, "setup.py")
    found: RequirementSet | None = None
    if files.exists(config):
        found = _config(config, folder, files, wanted)
    if files.exists(script):
        read = _script(script, folder, files, wanted)
        found = read if found is None else found.joined(read)
    return found


def project_name(folder: str, files: FileReader) -> str | None:
    """Return the normalised name that ``setup.cfg`` gives the project, else ``setup.py`` where it is plain."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    name: str | None = ""
    try:
        parser.read_string(files.read(posixpath.join(folder, "setup.cfg")).decode("utf-8", "replace"))
        name = parser.get("metadata", "name", fallback="").strip()
    except (OSError, configparser.Error):
        pass
    if not name and files.exists(posixpath.join(folder, "setup.py")):
        name = _read(folder, files).name
    return normalise(name) if name and ":" not in name else None


def _config(path: str, folder: str, files: FileReader, extras: frozenset[str]) -> RequirementSet:
    shown = files.display(path)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        text = files.read(path).decode("utf-8", "replace")
        parser.read_string(text)
    except OSError as error:
        return RequirementSet(problems=(Problem(shown, None, f"{shown} can't be read: {error.strerror}"),))
    except configparser.Error as error:
        return RequirementSet(problems=(Problem(shown, None, f"{shown}: {str(error).splitlines()[0]}"),))
    values = [parser.get("options", "install_requires", fallback="")]
    if parser.has_section("options.extras_require"):
        section = parser["options.extras_require"]
        values += [section[key] for key in section if normalise(key) in extras]
    found = RequirementSet(files=(path,))
    lines = text.splitlines()
    for value in values:
        if (match := re.match(r"\s*file:\s*(.+)", value, re.DOTALL)) is not None:
            for name in re.split(r"[,\n]", match[1]):
                if name.strip():
                    target = posixpath.normpath(posixpath.join(folder, name.strip()))
                    found = found.joined(read_requirements(target, files, origin=Origin(shown)))
            continue
        entries = [line for _, line in logical_lines(value, {})]
        found = found.joined(_parsed([(entry, _line_of(entry, lines)) for entry in entries], shown))
    return found


def _line_of(text: str, lines: Sequence[str]) -> int | None:
    return next((number for number, line in enumerate(lines, start=1) if text in line), None)


def _parsed(entries: Iterable[tuple[str, int | None]], shown: str) -> RequirementSet:
    requested: list[Requested] = []
    problems: list[Problem] = []
    for text, line in entries:
        origin = Origin(shown, line)
        try:
            requested.append(parse_pep508(text, origin, chain=(str(origin),)))
        except InvalidRequirementError as error:
            problems.append(Problem(shown, line, str(error)))
    return RequirementSet(requested=tuple(requested), problems=tuple(problems))


def _read(folder: str, files: FileReader) -> SetupScript:
    """What ``setup.py`` says; nothing where it can't be read."""
    from dockerlint_alpine.python.sources.setup_of_pythons import read_setup_of_pythons
    from dockerlint_alpine.python.sources.setup_script import SetupScript, Unclear

    def read(relative: str) -> bytes | None:
        try:
            return files.read(posixpath.join(folder, relative))
        except OSError:
            return None

    data = read("setup.py")
    if data is None:
        return SetupScript(unclear=(Unclear(None, "it can't be read"),))
    return read_setup_of_pythons(data, read)


def _script(path: str, folder: str, files: FileReader, extras: frozenset[str]) -> RequirementSet:
    shown, script = files.display(path), _read(folder, files)
    entries = list(script.install_requires or ())
    conditions: list[tuple[str, int | None]] = []
    for key, listed in (script.extras_require or {}).items():
        extra, _, marker = key.partition(":")
        if not extra and marker:  # setuptools: ":python_version < '3'" is an environment marker for the base set
            conditions += [(with_marker(text, marker), line) for text, line in listed]
        elif normalise(extra) in extras:
            entries += [(with_marker(text, marker), line) for text, line in listed]
    found = _parsed([*entries, *conditions], shown)
    asked = {"", *extras, *(("*",) if extras else ())}
    doubts = tuple(Problem(shown, one.line, one.text) for one in script.unclear if normalise(one.extra) in asked)
    return RequirementSet(requested=found.requested, problems=(*found.problems, *doubts), files=(path,))
