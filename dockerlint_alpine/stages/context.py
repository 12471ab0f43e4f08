"""The build context: the folder that ``COPY`` takes its files from, read with care and nothing executed."""

from __future__ import annotations

import errno
import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct, field

from dockerlint_alpine.stages.dockerignore import NOTHING_IGNORED, DockerIgnore, component, parse_dockerignore
from dockerlint_alpine.system import globs
from dockerlint_alpine.system.files import MAX_SIZE, is_below, lies_within, project_root, read_file
from dockerlint_alpine.system.patterns import Steps, lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

MAX_FILE_SIZE = MAX_SIZE
"""Bytes; a larger file of the context is refused rather than read."""

_MAX_LEVELS_UP = 4
_MAX_ENDS = 8


class ContextFileError(OSError):
    """A file that is there but can't be read; ``strerror`` is the reason, in words that follow "can't be read:"."""

    def __init__(self, reason: str) -> None:
        """Say why the file can't be read."""
        super().__init__(errno.EIO, reason)


NOT_IN_CONTEXT = "it is not in the build context"
"""Why a file can't be read that another context may have."""


Fetched: TypeAlias = Literal["", "as told", "guessed"]
"""Whether something is of a repository that the build fetches: at the revision that is asked for, or at one that was
guessed."""


class BuildContext(Struct, frozen=True, eq=False, dict=True):
    """A folder on disk as the builder sees it. Paths are POSIX, relative to the root, without ``./``.

    ``looked_at`` collects the paths on disk that answers rest on, whether something is there or not. ``fetched``: it stands
    for a repository that the build fetches. ``changed`` are files with other bytes than those on disk, by the path that the
    user would name: as they will be once fixes are written.
    """

    root: Path
    ignore: DockerIgnore = NOTHING_IGNORED
    shown_as: str = ""
    looked_at: set[str] = field(default_factory=set)
    fetched: Fetched = ""
    changed: Mapping[str, bytes] = field(default_factory=dict)
    steps: Steps = field(default_factory=Steps)
    """What is left for expressions of ``grep`` and ``sed`` in the build."""

    scripts: Steps = field(default_factory=lambda: Steps(1 << 20))
    """How many bytes of scripts may still be followed in the build."""

    @cached_property
    def _real_root(self) -> str:
        return os.path.realpath(self.root)

    def display(self, path: str) -> str:
        """``path`` as the user would name it: below the folder the context was given as; ``.`` for that itself."""
        if not path:
            return self.shown_as or "."
        return f"{self.shown_as}/{path}" if self.shown_as not in {"", "."} else path

    def find(self, path: str) -> Path | None:
        """The file or folder on disk for ``path``, or ``None`` when the builder would not see it."""
        if self.ignore.excludes(path):
            return None
        place = self.root / path
        self.looked_at.add(str(place))
        try:
            # A link that leaves the context dangles inside the builder.
            inside = is_below(os.path.realpath(place), self._real_root)
        except (OSError, ValueError):
            return None
        return place if inside and os.path.exists(place) else None  # noqa: PTH110 - many are asked for

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises FileNotFoundError, or ContextFileError for what is no readable file."""
        new = self.changed.get(self.display(path))
        if new is not None:
            return new
        place = self.find(path)
        if place is None:
            raise FileNotFoundError(errno.ENOENT, self.why_missing(path), path)
        try:
            return read_file(place, limit=MAX_FILE_SIZE, within=self.root)
        except OSError as error:
            raise ContextFileError(error.strerror or str(error)) from None

    def why_missing(self, path: str) -> str:
        """Why the builder finds nothing at ``path``, in words that follow "can't be read:"."""
        if self.ignore.excludes(path) and BuildContext(self.root).exists(path):
            return ".dockerignore excludes it from the build context"
        shown = f" {self.shown_as}" if self.shown_as not in {"", "."} else ""
        return f"{NOT_IN_CONTEXT}{shown}"

    def is_dir(self, path: str) -> bool:
        """True when ``path`` is a folder that the builder sees."""
        place = self.find(path) if path not in {"", "."} else self.root
        return place is not None and place.is_dir()

    def exists(self, path: str) -> bool:
        """True when the builder sees something at ``path``."""
        return path in {"", "."} or self.find(path) is not None

    def glob(self, pattern: str) -> tuple[str, ...]:
        """Paths that match a COPY source with Go's wildcards, sorted; a plain path matches itself if it exists."""
        parts = [part for part in pattern.split("/") if part not in {"", "."}]
        found = [""]
        for part in parts:
            found = [path for prefix in found for path in self._children(prefix, part)]
        return tuple(sorted(found))

    def _children(self, prefix: str, part: str) -> Iterable[str]:
        if part == "**":
            yield prefix
            for child in self._children(prefix, "*"):
                if self.is_dir(child):
                    yield from self._children(child, "**")
            return
        below = f"{prefix}/" if prefix else ""
        if not re.search(r"[*?\[\\]", part):
            if self.exists(below + part):
                yield below + part
            return
        self.looked_at.add(str(self.root / prefix))
        try:
            matches = re.compile(globs.expression(component(part)) + r"\Z", re.DOTALL).match
            names = [entry.name for entry in (self.root / prefix).iterdir()]
        except (OSError, re.error):
            return
        yield from (below + name for name in names if matches(name) and self.exists(below + name))


def open_context(
    root: Path, dockerfile: Path, *, shown_as: str = "", looked_at: set[str] | None = None
) -> BuildContext:
    """The context at ``root`` for this Dockerfile, with ``NAME.dockerignore`` or ``.dockerignore`` honoured."""
    seen = looked_at if looked_at is not None else set()
    for place in (dockerfile.with_name(f"{dockerfile.name}.dockerignore"), root / ".dockerignore"):
        seen.add(str(place))
        if not os.path.lexists(place):  # as mostly: where the project ends need not be found out then
            continue
        try:
            data = read_file(place, limit=MAX_FILE_SIZE, within=project_root(place.parent))
        except OSError:
            continue
        return BuildContext(root, parse_dockerignore(data.decode("utf-8", "surrogateescape")), shown_as, seen)
    return BuildContext(root, NOTHING_IGNORED, shown_as, seen)


PROJECT = "pyproject.toml or setup.py"
"""Stands among the sources of a Dockerfile that copies all of its context and installs it."""


def guess_root(
    dockerfile: Path, sources: Sequence[str], looked_at: set[str] | None = None, named: Collection[str] = ()
) -> Path:
    """The folder that is most likely the context: the nearest, from the Dockerfile's own folder up to the top of the
    project, that holds most of the COPY sources (``docker build -f docker/x.Dockerfile .`` is the usual call).

    ``named`` are the folders that the user asked about, absolute, see :func:`project_root`.
    """
    home = dockerfile.parent
    seen = looked_at if looked_at is not None else set()
    wanted = [source for source in sources if source.strip("./")]
    best, best_score = home, _score(home, wanted, seen)
    for folder in _upwards(home, named) if wanted else ():
        score = _score(folder, wanted, seen)
        if score > best_score:
            best, best_score = folder, score
    if best_score == 0 and len(wanted) < len(sources) and _only_builds(home):
        # COPY . of a folder that holds Dockerfiles alone: the project that they build lies above.
        return next((folder for folder in _upwards(home, named) if _is_project(folder, seen)), home)
    return best


_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile")
_BUILD_FILE = lazy_pattern(
    r"(?i)(?:.*\.)?(?:docker|container)file.*|.*compose.*\.ya?ml|\.dockerignore|.*\.sh|\..*|readme.*"
)


def _only_builds(folder: Path) -> bool:
    """True for a folder with nothing in it but Dockerfiles and what belongs to them."""
    try:
        with os.scandir(folder) as entries:
            return all(_BUILD_FILE.fullmatch(entry.name) for entry in entries)
    except OSError:
        return False


def _is_project(folder: Path, looked_at: set[str]) -> bool:
    places = [os.path.join(folder, name) for name in _PROJECT_FILES]  # noqa: PTH118 - many are asked for
    looked_at.update(places)
    return any(map(os.path.isfile, places))


def _upwards(home: Path, named: Collection[str]) -> Iterable[Path]:
    """The folders above ``home`` that belong to the same project, nearest first."""
    root, start = project_root(home, named), home.absolute()
    above = start.parents[:_MAX_LEVELS_UP]
    if os.path.realpath(start) == str(start):  # as mostly: no link on the way, hence none on the way to those above
        return [folder for folder in above if folder == root or folder.is_relative_to(root)]
    return [folder for folder in above if lies_within(folder, root)]


def _score(root: Path, sources: Sequence[str], looked_at: set[str]) -> int:
    context = BuildContext(root, looked_at=looked_at)
    return sum(1 for source in sources if any(map(context.glob, _in_context(source))))


def _in_context(source: str) -> Iterable[str]:
    """What a source may be called in the context: of a path in the image, any end."""
    if source == PROJECT:
        return ("pyproject.toml", "setup.py")
    if not source.startswith("/"):
        return (source,)
    parts = source.split("/")
    return ["/".join(parts[number:]) for number in range(1, len(parts))[:_MAX_ENDS]]
