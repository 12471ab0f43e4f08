"""Open texts as one moment has them, and the way between URIs and paths."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from pygls.uris import from_fs_path, to_fs_path, uri_scheme

from dockerlint_alpine.run.discovery import DOCKERFILE_NAME
from dockerlint_alpine.server.positions import Positions
from dockerlint_alpine.stages.context import MAX_FILE_SIZE
from dockerlint_alpine.system.files import read_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lsprotocol.types import PositionEncodingKind

_LANGUAGES = frozenset({"dockerfile", "docker", "containerfile"})
"""What editors call the language: VS Code and Neovim ``dockerfile``, Helix too, others by the name of the file."""

_SCHEMES = frozenset({"file", "untitled"})
"""Texts that a user writes. Others are views of something, such as the old side of a diff."""


class Document(Struct, frozen=True):
    """An open text. ``path`` is absolute; for one that has never been saved it is where it would be judged."""

    uri: str
    path: Path
    language: str
    version: int | None
    data: bytes
    saved: bool = True
    """False for a text without a file (``untitled:``)."""

    @property
    def is_dockerfile(self) -> bool:
        """Whether to judge it: by the editor's word, else by its name."""
        return self.language in _LANGUAGES or (
            self.language in {"", "plaintext"} and DOCKERFILE_NAME.match(self.path.name) is not None
        )


class Snapshot(Struct, frozen=True, dict=True):
    """All open texts at one moment, by URI, the folders of the workspace, and what positions count.

    It is handed to the thread that judges, which sees nothing of what is typed meanwhile.
    """

    documents: Mapping[str, Document]
    folders: tuple[Path, ...]
    encoding: PositionEncodingKind | str

    @cached_property
    def _by_path(self) -> dict[str, Document]:
        return {str(one.path): one for one in self.documents.values() if one.saved}

    def changed_without(self, document: Document) -> dict[str, bytes]:
        """The bytes of all other open files, by each name that a report may have for them: absolute, and seen from the
        current folder (see ``analysis``: a context is named in one of these ways)."""
        found: dict[str, bytes] = {}
        for path, other in self._by_path.items():
            if other.uri != document.uri:
                found[path] = found[os.path.relpath(path)] = other.data
        return found

    def folder_of(self, path: Path) -> Path | None:
        """The innermost folder of the workspace that ``path`` is in."""
        inside = [folder for folder in self.folders if path.is_relative_to(folder)]
        return max(inside, key=lambda folder: len(folder.parts), default=None)

    def find(self, name: str) -> Document | None:
        """The open text of a file, named absolutely or as seen from the current folder."""
        return self._by_path.get(os.path.abspath(name))  # noqa: PTH100 - keeps symlinks, as editors do

    def uri(self, name: str) -> str:
        """The URI of a file: as the editor calls it where it is open."""
        document = self.find(name)
        return document.uri if document is not None else from_fs_path(os.path.abspath(name)) or ""  # noqa: PTH100

    def version(self, name: str) -> int | None:
        """The version of an open text; ``None`` for a file that is not open."""
        document = self.find(name)
        return document.version if document is not None else None

    def positions(self, name: str) -> Positions | None:
        """The positions in a file as the editor shows it; ``None`` where it can't be read."""
        document = self.find(name)
        if document is not None:
            return self.positions_in(document)
        try:
            return Positions(read_file(name, limit=MAX_FILE_SIZE), self.encoding, on_disk=True)
        except OSError:
            return None

    def positions_in(self, document: Document) -> Positions:
        """The positions in an open text."""
        return Positions(document.data, self.encoding)


def path_of(uri: str) -> Path | None:
    """The absolute path of a ``file:`` URI, without ``.`` and ``..``; ``None`` for other URIs."""
    path = to_fs_path(uri)
    return Path(os.path.abspath(path)) if path else None  # noqa: PTH100 - keeps symlinks, as editors do


def place_of(uri: str, folders: tuple[Path, ...]) -> tuple[Path, bool] | None:
    """Where a text is (absolute), and whether that is a file; ``None`` for what no user writes.

    A text that was never saved is judged as a Dockerfile of the first folder.
    """
    if uri_scheme(uri) not in _SCHEMES:
        return None
    path = path_of(uri)
    if path is not None:
        return path, True
    return (folders[0] if folders else Path.cwd()) / "Dockerfile", False
