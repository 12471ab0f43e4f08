"""The wheel files that an install may take besides those of an index, and what their bytes say.

Reading bytes is not a stage's business: whoever can is handed in as a :class:`WheelReader`.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.python.requirement import archive_version
from dockerlint_alpine.python.tags import tag_of_wheel
from dockerlint_alpine.python.verdict import choose, releases_of_files
from dockerlint_alpine.python.versions import same_version
from dockerlint_alpine.stages.wheels import WheelError, WheelFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from dockerlint_alpine.python.model import Facts, Packaged, Release, Resolved, Target
    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.stages.install_request import InstallRequest


class WheelReader(Protocol):
    """Reads wheel files of this machine, and knows those that the user named for every install."""

    @property
    def names_any(self) -> bool:
        """Whether the user named any folder."""
        ...

    def named(self) -> Mapping[str, Path]:
        """Return the wheel files that the user named, by file name. Raises :class:`WheelError` for a lost folder."""
        ...

    def read(self, path: Path, shown: str, arch: str) -> WheelFacts:
        """Return what the bytes at ``path`` say of their objects for ``arch`` (apk's name).

        Raises :class:`WheelError`.
        """
        ...


class WheelFile(Struct, frozen=True):
    """One wheel on disk. ``named``: by the user for every install, not found by the build's own means.

    ``changed`` is when its bytes last did, in nanoseconds: answers about the old ones are none about the new.
    """

    filename: str
    path: Path
    shown: str
    named: bool = False
    changed: int = 0


class Wheelhouse(Struct, frozen=True):
    """The wheel files that one install may take, in the order in which pip meets them, and who can read them."""

    files: tuple[WheelFile, ...]
    arch: str
    reader: WheelReader

    @property
    def named(self) -> tuple[str, ...]:
        """The names of the files that the user named."""
        return tuple(file.filename for file in self.files if file.named)

    def of(self, name: str, version: str | None) -> Iterator[WheelFile]:
        """Yield the files of one release (``name`` normalised)."""
        for file in self.files:
            known = archive_version(file.filename)
            if known is not None and known[0] == name and (version is None or same_version(known[1], version)):
                yield file

    def chosen(self, resolved: Resolved) -> WheelFile | None:
        """Return the file that is installed for ``resolved``; ``None`` where it comes from elsewhere."""
        if resolved.artefact.kind not in {"wheel", "glibc-wheel"} or resolved.url is not None:
            return None
        tag = resolved.artefact.wheel_tag
        return next(
            (file for file in self.of(resolved.name, resolved.version) if tag_of_wheel(file.filename) == tag), None
        )

    def read(self, file: WheelFile) -> WheelFacts:
        """Return what the bytes of a file say. Raises :class:`WheelError`."""
        return self.reader.read(file.path, file.shown, self.arch)

    def judged(self, resolved: Resolved, request: InstallRequest, target: Target) -> Resolved:
        """Return ``resolved`` with a wheel of this wheelhouse in place of the source archive of the same version.

        For answers of an index that was asked without knowing the wheelhouse; a lock file allows only the files it lists.
        """
        if request.requirements.locked or resolved.artefact.kind not in {"sdist", "none"} or resolved.version is None:
            return resolved
        releases = releases_of_files(
            [file.filename for file in self.of(resolved.name, resolved.version)], resolved.name
        )
        if not releases:
            return resolved
        options = request.requirements.options
        choice = choose(resolved.name, "", releases, target, options, source="wheelhouse")
        return replace(resolved, artefact=choice.verdict) if choice.verdict.kind == "wheel" else resolved


class WheelhouseFacts(Struct, frozen=True):
    """Facts of an index, and what the METADATA of the wheels in a wheelhouse adds: the requirements of those releases."""

    facts: Facts
    wheelhouse: Wheelhouse

    @property
    def as_of(self) -> str:
        """See :class:`dockerlint_alpine.python.Facts`."""
        return self.facts.as_of

    def releases(self, name: str) -> Sequence[Release]:
        """See :class:`dockerlint_alpine.python.Facts`."""
        return self.facts.releases(name)

    def requires(self, name: str, version: str) -> Sequence[str] | None:
        """See :class:`dockerlint_alpine.python.Facts`."""
        for file in self.wheelhouse.of(name, version):
            try:
                return self.wheelhouse.read(file).requires
            except WheelError:
                continue
        return self.facts.requires(name, version)

    def nearest_requires(self, name: str, version: str) -> Sequence[str] | None:
        """See :class:`dockerlint_alpine.python.Facts`."""
        return self.facts.nearest_requires(name, version)

    def pins(self, name: str) -> Sequence[str]:
        """See :class:`dockerlint_alpine.python.Facts`."""
        return self.facts.pins(name)

    def compiled(self, name: str, version: str | None) -> bool:
        """See :class:`dockerlint_alpine.python.Facts`."""
        return self.facts.compiled(name, version)

    def packaged(self, name: str) -> Packaged | None:
        """See :class:`dockerlint_alpine.python.Facts`."""
        return self.facts.packaged(name)


def open_wheelhouse(files: StageFiles, request: InstallRequest, arch: str, reader: WheelReader) -> Wheelhouse:
    """Return the wheelhouse of one install: its local ``--find-links`` folders, wheels by path, and what the user named.

    Raises :class:`WheelError` where a folder that the user named can't be listed.
    """
    places = [*_listed(files, request.wheelhouses), *_by_path(request)]
    found: dict[str, WheelFile] = {}
    for place in places:
        name = posixpath.basename(place)
        disk = files.on_disk(place) if name not in found else None
        if disk is not None:
            found[name] = WheelFile(name, disk, files.display(place), changed=_changed(disk))
    for name, path in reader.named().items():
        found.setdefault(name, WheelFile(name, path, str(path), named=True, changed=_changed(path)))
    return Wheelhouse(tuple(found.values()), arch, reader)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0  # gone meanwhile: reading it says so


def _listed(files: StageFiles, folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        try:
            names = files.names(folder)
        except OSError:
            names = (posixpath.basename(folder),) if folder.endswith(".whl") else ()
            folder = posixpath.dirname(folder)  # noqa: PLW2901 - --find-links may name a file
        yield from (posixpath.join(folder, name) for name in names if name.endswith(".whl"))


def _by_path(request: InstallRequest) -> Iterator[str]:
    for one in request.requirements.requested:
        if one.path is not None and one.path.endswith(".whl"):
            yield one.path
