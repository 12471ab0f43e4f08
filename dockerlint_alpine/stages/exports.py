"""Requirement files that are not in the context because they are exported from a lock file before the build."""

from __future__ import annotations

import itertools
import posixpath
from typing import TYPE_CHECKING

from dockerlint_alpine.installers.base import ExportCommand
from dockerlint_alpine.installers.registry import read_command
from dockerlint_alpine.stages.files import FromContext
from dockerlint_alpine.syntax import SourceText, expand_command, parse_script
from dockerlint_alpine.system.paths import absolute

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.stages.walk import StageWalk

OF_REQUIREMENTS = frozenset({"-r", "--requirement", "--requirements"})
"""Options whose value is a file of requirements."""
_EXPORTS = {
    "poetry.lock": "poetry export",
    "uv.lock": "uv export",
    "pdm.lock": "pdm export",
    "Pipfile.lock": "pipenv requirements",
}
"""How each tool writes what its lock file has."""


def absent_exports(walk: StageWalk, texts: Sequence[str], folder: str) -> Iterator[tuple[str, str, str, ExportCommand]]:
    """The requirement files among the words of a command that a COPY should bring and the context does not have, where a
    lock file lies in their place: what is said of each, its path, the folder in which the lock file is seen from now on, and
    the command that would write it."""
    for option, text in itertools.pairwise(texts):
        if option not in OF_REQUIREMENTS:
            continue
        path = absolute(text, folder)
        expected = walk.files.absent(path)
        if expected is None:
            continue
        place = posixpath.dirname(expected)
        lock = next((name for name in _EXPORTS if walk.files.context.exists(posixpath.join(place, name))), None)
        if lock is None:
            continue
        seen = f"/.locked/{place}".rstrip("/")
        walk.files = walk.files.place(FromContext(place, seen, is_dir=True))
        command = read_command(expand_command(parse_script(SourceText.literal(_EXPORTS[lock])).commands[0], {}))
        assert isinstance(command, ExportCommand)
        shown = walk.files.context.display(expected)
        yield f"{shown} is not in the build context: it is assumed to be exported from {lock}", path, seen, command
