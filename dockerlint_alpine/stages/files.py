"""The files of a stage as far as the Dockerfile tells: what COPY, ADD, heredocs and cp put where, and from which stage.

Paths inside the stage are absolute POSIX paths. A view is immutable: a copy makes a new one.
"""

from __future__ import annotations

import errno
import posixpath
import re
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.stages.context import BuildContext, ContextFileError, Fetched
from dockerlint_alpine.stages.dockerignore import NOTHING_IGNORED, DockerIgnore
from dockerlint_alpine.system.paths import absolute

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dockerlint_alpine.apk import World
    from dockerlint_alpine.syntax import Instruction


_KNOWN_FOLDERS = frozenset({"/", "/usr", "/usr/local", "/tmp", "/root", "/opt", "/etc", "/home", "/srv", "/var"})  # noqa: S108 - names, nothing is opened
"""Folders that every Alpine image has: a COPY to one of them goes into it."""

DOWNLOADED = "/dev/stdin"
"""Where the next command of a pipe finds what a download writes."""

_MAX_DEPTH = 60
"""Copies of copies that are followed; behind them lies what nobody has written by hand."""


class Access(Struct, frozen=True):
    """What ``--chmod`` and ``--chown`` of ``instruction`` make of the files that it copies: ``root_only`` where for certain
    nobody but root may read them."""

    instruction: Instruction
    root_only: bool


class FromContext(Struct, frozen=True):
    """``source`` (a path of the context, ``""`` for its root) lies at ``target``; folders take their content along.

    ``exclude`` are the paths below the source that ``COPY --exclude`` leaves out. The source need not exist.
    """

    source: str
    target: str
    is_dir: bool
    exclude: DockerIgnore = NOTHING_IGNORED
    access: Access | None = None


class FromText(Struct, frozen=True):
    """A file whose content the Dockerfile itself tells: COPY <<EOF /path. ``fetched``: behind what a repository has;
    ``shown`` is the file, as the user names it, whose lines these are."""

    content: bytes
    target: str
    fetched: Fetched = ""
    shown: str = ""


class FromStage(Struct, frozen=True):
    """``source`` in another stage, or at another place of this one, lies at ``target``.

    ``files`` and ``packages`` are the other place's as they were then; ``files`` is ``None`` for an image that is no
    stage of this Dockerfile. ``stage`` is its number, ``image`` its reference.
    """

    source: str
    target: str
    files: StageFiles | None
    packages: World | None = None
    stage: int | None = None
    image: str | None = None
    access: Access | None = None
    """``None`` where the files are as they were there."""

    builds: tuple[str, ...] = ()
    """For all that the base image has, where the project builds that: the Dockerfiles and scripts that do."""


class Unread(Struct, frozen=True):
    """Something at ``target`` that only a build knows; ``reason`` says why, in words that follow "can't be read:".

    ``below`` is true when it may be a folder with anything in it.
    """

    target: str
    reason: str
    below: bool = False


Placement: TypeAlias = FromContext | FromText | FromStage | Unread


class StageFiles(Struct, frozen=True, eq=False, dict=True):
    """What lies where in a stage. ``placements`` are in order: a later one hides an earlier one."""

    context: BuildContext
    placements: tuple[Placement, ...] = ()
    directories: frozenset[str] = _KNOWN_FOLDERS
    depth: int = 0

    @cached_property
    def _places(self) -> dict[str, tuple[Placement | None, str]]:
        return {}

    @cached_property
    def _listed(self) -> dict[str, tuple[str, ...]]:
        return {}

    def place(self, placement: Placement) -> StageFiles:
        """The view after one more file or folder was put in."""
        depth = self.depth
        if isinstance(placement, FromStage) and placement.files is not None:
            depth = max(depth, placement.files.depth + 1)
            if depth > _MAX_DEPTH:
                placement, depth = Unread(placement.target, "it was copied too many times", below=True), self.depth
        parents = {posixpath.dirname(placement.target)}
        if isinstance(placement, FromContext) and placement.is_dir and self.context.is_dir(placement.source):
            parents.add(placement.target)
        return replace(
            self, placements=(*self.placements, placement), directories=self.directories | parents, depth=depth
        )

    def without(self, placements: Iterable[Placement]) -> StageFiles:
        """The view after these were taken out again (a mount that ends)."""
        gone = {id(placement) for placement in placements}
        return replace(self, placements=tuple(one for one in self.placements if id(one) not in gone))

    def with_directory(self, path: str) -> StageFiles:
        """The view with ``path`` known to be a folder (WORKDIR, mkdir)."""
        return replace(self, directories=self.directories | {path})

    # -- one path ------------------------------------------------------------------------------------------------

    def read(self, path: str) -> bytes:
        """The bytes of a file.

        Raises FileNotFoundError, or ContextFileError for what is there and can't be read; ``strerror`` says why.
        """
        placement, inner = self._located(path)
        match placement:
            case FromText(content=content):
                return content
            case Unread(reason=reason):
                raise ContextFileError(reason)
            case FromContext():
                return self.context.read(inner)
            case FromStage(files=None, image=image):
                raise ContextFileError(f"it comes from the image {image}")
            case FromStage(files=files) if files is not None:
                return files.read(inner)
        raise FileNotFoundError(errno.ENOENT, self._why_missing(path), path)

    def content(self, path: str) -> bytes | None:
        """The bytes of a file; ``None`` where it is not there or can't be read."""
        try:
            return self.read(path)
        except (OSError, ValueError):  # the latter for a name that no file may have
            return None

    def on_disk(self, path: str) -> Path | None:
        """The file of the context that lies at ``path``, for what is too large to be read; ``None`` for all others."""
        placement, inner = self._located(path)
        match placement:
            case FromContext():
                return self.context.find(inner)
            case FromStage(files=files) if files is not None:
                return files.on_disk(inner)
        return None

    def fetched(self, path: str) -> Fetched:
        """Whether the file at ``path`` is of a repository that the build fetches."""
        placement, inner = self._located(path)
        match placement:
            case FromText(fetched=fetched):
                return fetched
            case FromContext():
                return self.context.fetched
            case FromStage(files=files) if files is not None:
                return files.fetched(inner)
        return ""

    def exists(self, path: str) -> bool:
        """True when a known file or folder lies at ``path``."""
        placement, _ = self._located(path)
        match placement:
            case None | FromStage(files=None):
                return False
            case Unread(target=target):
                return target == path
            case _:
                return True

    def may_have(self, path: str) -> bool:
        """True when something that was copied may have brought a file to ``path``, whether it is known or not: a folder of
        another stage, an image, an archive. What a RUN of this stage makes is not looked at."""
        return next(self.sources(path), None) is not None

    def sources(self, path: str) -> Iterator[tuple[Placement, str]]:
        """What may have brought a file to ``path``, the last first, each with the path as it is called there. A COPY of what
        the context does not have, yet, may bring anything."""
        for placement, inner in self._covering(path):
            from_context = isinstance(placement, FromContext) and self.context.exists(placement.source)
            if not from_context or self.context.exists(inner):
                yield placement, inner

    def display(self, path: str) -> str:
        """The context file behind ``path`` as the user names it; ``path`` itself where it is none."""
        placement, inner = self._located(path)
        match placement:
            case FromContext():
                return self.context.display(inner)
            case FromText(shown=shown) if shown:
                return shown
            case FromStage(files=files) if files is not None:
                return files.display(inner)
        expected = self._expected(path)
        return path if expected is None or placement is not None else self.context.display(expected)

    def _located(self, path: str) -> tuple[Placement | None, str]:
        """The placement that has ``path`` and the path as its source knows it; ``(None, path)`` where none has."""
        if path not in self._places:
            self._places[path] = next(filter(self._holds, self._covering(path)), (None, path))
        return self._places[path]

    def _holds(self, covering: tuple[Placement, str]) -> bool:
        """True when a placement that may have a path (as its source knows it) has it."""
        placement, inner = covering
        match placement:
            case FromContext():
                return self.context.exists(inner)
            case FromStage(files=files) if files is not None:
                return files._located(inner)[0] is not None  # noqa: SLF001 - another view of the same class
            case _:
                return True

    def absent(self, path: str) -> str | None:
        """The path in the context that was copied to ``path`` last, although it is not there."""
        for placement, inner in self._covering(path):
            if self._holds((placement, inner)):
                return None
            if isinstance(placement, FromContext) and not self.context.exists(placement.source):
                return inner
        return self._expected(path)

    def _expected(self, path: str) -> str | None:
        """The path in the context that should lie at ``path`` and isn't there."""
        for placement, inner in self._covering(path):
            if isinstance(placement, FromContext):
                return inner
        return None

    def _why_missing(self, path: str) -> str:
        expected = self._expected(path)
        if expected is not None:
            return self.context.why_missing(expected)
        return "no COPY or ADD creates it, and files that a RUN creates are not known"

    def _covering(self, path: str) -> Iterator[tuple[Placement, str]]:
        """The placements that may have ``path``, the last first, each with the path as its source knows it."""
        for placement in reversed(self.placements):
            match placement:
                case FromText(target=target):
                    if target == path:
                        yield placement, path
                case Unread(target=target, below=below):
                    if target == path or (below and _below("/", target, path) is not None):
                        yield placement, path
                case FromContext():
                    inner = self._in_context(placement, path)
                    if inner is not None:
                        yield placement, inner
                case FromStage(source=source, target=target):
                    inner = _below(source, target, path)
                    if inner is not None:
                        yield placement, inner

    def _in_context(self, placement: FromContext, path: str) -> str | None:
        if path == placement.target:
            return placement.source
        if not placement.is_dir:
            return None
        below = _below("", placement.target, path)
        if below is None or placement.exclude.excludes(below):
            return None
        return posixpath.join(placement.source, below)

    # -- folders -------------------------------------------------------------------------------------------------

    def glob(self, pattern: str) -> tuple[str, ...]:
        """Known paths that match a shell pattern, sorted."""
        folder, name = posixpath.split(pattern)
        folders = self.glob(folder) if re.search(r"[*?[]", folder) else (folder,)
        return tuple(
            posixpath.join(one, entry) for one in folders for entry in self._entries(one) if fnmatchcase(entry, name)
        )

    def names(self, folder: str) -> tuple[str, ...]:
        """The names of what is known to lie in ``folder``, sorted. Raises NotADirectoryError where nothing is."""
        found = self._entries(folder)
        if not found and folder not in self.directories:
            raise NotADirectoryError(errno.ENOTDIR, "no such folder", folder)
        return found

    def _entries(self, folder: str) -> tuple[str, ...]:
        if folder not in self._listed:
            self._listed[folder] = ()
            self._listed[folder] = tuple(sorted(set(self._found_in(folder))))
        return self._listed[folder]

    def _found_in(self, folder: str) -> Iterator[str]:
        for placement in self.placements:
            inner = _below("/", folder, placement.target)
            if inner not in {None, "/"}:
                yield str(inner).split("/")[1]
            match placement:
                case FromContext(is_dir=True) if (source := self._in_context(placement, folder)) is not None:
                    for path in self.context.glob(posixpath.join(source, "*")):
                        if not placement.exclude.excludes(posixpath.relpath(path, placement.source or ".")):
                            yield posixpath.basename(path)
                case FromStage(source=source, target=target, files=files) if files is not None:
                    inner = _below(source, target, folder)
                    if inner is not None:
                        yield from files._entries(inner)  # noqa: SLF001 - another view of the same class


def _below(source: str, target: str, path: str) -> str | None:
    """``path`` below ``target``, seen from ``source``; ``None`` where it lies elsewhere."""
    if path == target:
        return source
    prefix = target if target.endswith("/") else f"{target}/"
    if not path.startswith(prefix):
        return None
    return posixpath.join(source, path[len(prefix) :])


def goes_into(destination: str, count: int, files: StageFiles, workdir: str) -> bool:
    """True when a file that is copied to ``destination`` keeps its name there, by Docker's rules: the destination ends
    in ``/``, is a known folder, or several sources are given."""
    return (
        destination.endswith(("/", "/."))
        or destination in {".", ".."}
        or count > 1
        or absolute(destination, workdir) in files.directories
    )
