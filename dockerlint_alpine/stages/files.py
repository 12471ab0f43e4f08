"""The files of a stage as far as the Dockerfile tells: what COPY, ADD and heredocs put where, and from which stage.

Paths inside the stage are absolute POSIX paths. A view is immutable: a copy makes a new one.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockerlint_alpine.stages.context import BuildContext


_KNOWN_FOLDERS = frozenset({"/", "/usr", "/usr/local", "/tmp", "/root", "/opt"})  # noqa: S108 - names, nothing is opened
"""Folders that every Alpine image has: a COPY to one of them goes into it."""


@dataclass(frozen=True, slots=True)
class FromContext:
    """``source`` (a path of the context, ``""`` for its root) lies at ``target``; folders take their content along."""

    source: str
    target: str
    is_dir: bool


@dataclass(frozen=True, slots=True)
class FromText:
    """A file written by a heredoc: COPY <<EOF /path."""

    content: bytes
    target: str


@dataclass(frozen=True, slots=True)
class FromStage:
    """``source`` in another stage (``files`` as they were at its end) lies at ``target``.

    ``files`` is ``None`` for an image that is no stage of this Dockerfile.
    """

    source: str
    target: str
    files: StageFiles | None
    stage: int | None
    image: str | None = None


Placement = FromContext | FromText | FromStage


@dataclass(frozen=True)
class StageFiles:
    """What lies where in a stage. ``placements`` are in order: a later one hides an earlier one."""

    context: BuildContext
    placements: tuple[Placement, ...] = ()
    directories: frozenset[str] = _KNOWN_FOLDERS

    def place(self, placement: Placement) -> StageFiles:
        """The view after one more file or folder was put in."""
        parents = {posixpath.dirname(placement.target)}
        if isinstance(placement, FromContext) and placement.is_dir:
            parents.add(placement.target)
        return replace(self, placements=(*self.placements, placement), directories=self.directories | parents)

    def with_directory(self, path: str) -> StageFiles:
        """The view with ``path`` known to be a folder (WORKDIR, mkdir)."""
        return replace(self, directories=self.directories | {path})

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises FileNotFoundError, or ContextFileError for what can't be read."""
        for placement in reversed(self.placements):
            match placement:
                case FromText(content=content, target=target) if target == path:
                    return content
                case FromContext() if (source := self._in_context(placement, path)) is not None:
                    if self.context.exists(source):
                        return self.context.read(source)
                case FromStage(files=files) if files is not None:
                    inner = _below(placement.source, placement.target, path)
                    if inner is not None and files.exists(inner):
                        return files.read(inner)
        raise FileNotFoundError(path)

    def exists(self, path: str) -> bool:
        """True when a known file or folder lies at ``path``."""
        return self.display(path) != path or any(
            isinstance(placement, FromText) and placement.target == path for placement in self.placements
        )

    def display(self, path: str) -> str:
        """The context file behind ``path`` as the user names it; ``path`` itself where it is none."""
        for placement in reversed(self.placements):
            match placement:
                case FromContext() if (source := self._in_context(placement, path)) is not None:
                    if self.context.exists(source):
                        return self.context.display(source)
                case FromStage(files=files) if files is not None:
                    inner = _below(placement.source, placement.target, path)
                    if inner is not None and files.exists(inner):
                        return files.display(inner)
        return path

    def glob(self, pattern: str) -> tuple[str, ...]:
        """Known paths that match a shell pattern in the last component, sorted."""
        folder, name = posixpath.split(pattern)
        return tuple(posixpath.join(folder, entry) for entry in self._entries(folder) if fnmatchcase(entry, name))

    def names(self, folder: str) -> tuple[str, ...]:
        """The names of what is known to lie in ``folder``, sorted. Raises NotADirectoryError where nothing is."""
        found = self._entries(folder)
        if not found and folder not in self.directories:
            raise NotADirectoryError(folder)
        return found

    def _entries(self, folder: str) -> tuple[str, ...]:
        found: set[str] = set()
        for placement in self.placements:
            if posixpath.dirname(placement.target) == folder:
                found.add(posixpath.basename(placement.target))
            match placement:
                case FromContext(is_dir=True) if (source := self._in_context(placement, folder)) is not None:
                    pattern = posixpath.join(source, "*")
                    found.update(posixpath.basename(path) for path in self.context.glob(pattern))
                case FromStage(files=files) if files is not None:
                    inner = _below(placement.source, placement.target, folder)
                    if inner is not None:
                        found.update(files._entries(inner))  # noqa: SLF001 - another view of the same class
        return tuple(sorted(found))

    def hidden_by_image(self, path: str) -> bool:
        """True when ``path`` may come from an image that we can't look into."""
        return any(
            isinstance(placement, FromStage)
            and placement.files is None
            and _below(placement.source, placement.target, path) is not None
            for placement in self.placements
        )

    def _in_context(self, placement: FromContext, path: str) -> str | None:
        if path == placement.target:
            return placement.source
        if not placement.is_dir:
            return None
        inner = _below(placement.source, placement.target, path)
        return inner.lstrip("/") if inner is not None else None


def _below(source: str, target: str, path: str) -> str | None:
    """``path`` below ``target``, seen from ``source``; ``None`` where it lies elsewhere."""
    if path == target:
        return source
    prefix = target if target.endswith("/") else f"{target}/"
    if not path.startswith(prefix):
        return None
    return posixpath.join(source, path[len(prefix) :])


def absolute(path: str, workdir: str) -> str:
    """``path`` made absolute against ``workdir`` and normalised."""
    return posixpath.normpath(posixpath.join(workdir, path)).replace("//", "/")


def copy_targets(sources: Iterable[tuple[str, bool]], destination: str, files: StageFiles, workdir: str) -> list[str]:
    """Where each ``(source, is_dir)`` of a COPY ends up, by Docker's rules: a folder's content goes into the
    destination, a file goes below it when it ends in ``/``, is a known folder, or several sources are given."""
    listed = list(sources)
    target = absolute(destination, workdir)
    into = destination.endswith(("/", "/.")) or destination in {".", ".."} or len(listed) > 1
    into = into or target in files.directories
    return [
        target if is_dir else posixpath.join(target, posixpath.basename(source)) if into else target
        for source, is_dir in listed
    ]
