"""What compose and bake files say of builds: the Dockerfile, and what it is built with. Both are files of the project: they
choose among what the project holds, and no variable of the environment is read for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.system.files import lies_within
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.system.services import ServiceStart


USES_OWN = r"\buses:[ \t]*[\"']?\./"
"""What a workflow uses of its own project: another workflow, or an action."""

GITLAB = lazy_pattern(r"(?i)\.gitlab-ci\.ya?ml\Z")
DEVCONTAINER = lazy_pattern(r"(?i)\.?devcontainer\.json\Z")
_STARTERS = frozenset("Makefile makefile GNUmakefile Jenkinsfile justfile Justfile build .travis.yml".split())
_WORKFLOW = lazy_pattern(r"(?is)(?:.*[/\\])?\.github[/\\]workflows[/\\][^/\\]+\Z")


def names_scripts(path: Path) -> bool:
    """Whether a file is called, and lies, as CI files and development containers do: builds that are no Dockerfiles."""
    name = path.name
    if not name.lower().endswith((".yml", ".yaml")):
        return DEVCONTAINER.match(name) is not None
    return bool(GITLAB.match(name) or _WORKFLOW.match(str(path.absolute())))


def may_name_builds(name: str) -> bool:
    """Whether a file is called as those are that start builds: Makefiles, scripts, pipelines."""
    return name.endswith((".sh", ".bash", ".mk")) or name in _STARTERS


class BuildFileError(Exception):
    """A file that tells of no builds; the text is one line for the user, without the path."""


class Build(Struct, frozen=True):
    """The build of one service or target. ``folder`` is where relative paths begin, ``starts`` what a service starts in
    place of what the Dockerfile says.

    ``contexts`` are named contexts (``--build-context NAME=VALUE``), ``target:`` and ``service:`` in them followed by the
    file and the name. ``images`` are the names that the result gets, the one that such a context has for it among them.
    ``text`` is the Dockerfile where it stands in the file itself, from ``line`` (1-based) on. ``image_made`` is false where
    only commands run, as in a job of CI: what they leave behind is nobody's image.
    """

    service: str
    dockerfile: Path
    context: Path
    folder: Path
    build_args: Mapping[str, str] = {}
    target: str | None = None
    contexts: tuple[tuple[str, str], ...] = ()
    images: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    starts: tuple[ServiceStart, ...] = ()
    text: str | None = None
    line: int = 1
    image_made: bool = True


class Refused(Struct, frozen=True):
    """A build that is not looked at: where the file asks for it (a line, 1-based), and why not."""

    line: int
    message: str


def outside(build: Build, project: Path) -> tuple[str, str] | None:
    """Which of a build's places lies outside the project, by the word that the file has for it, and what is said of it."""
    places = [("context", build.context)]
    if build.text is None:
        places.append(("dockerfile", build.dockerfile))
    found = next(((what, place) for what, place in places if not lies_within(place, project)), None)
    if found is None:
        return None
    what, place = found
    return what, f"its {what} {place} is outside the project {project}: skipped"


def made_by(path: Path, name: str) -> str:
    """How the result of a target or service is called among all files."""
    return f"target:{path.resolve()}#{name}"
