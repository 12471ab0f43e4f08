"""Wheels read by :mod:`dockerlint_alpine.elf` for the stages that install them.

Only what is asked for is read, and once: a fix asks for the same wheels round after round.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dockerlint_alpine.elf.inspection import Inspection, ObjectReport
    from dockerlint_alpine.elf.targets import Subject
    from dockerlint_alpine.stages.wheels import WheelFacts

_ARCHES = {"armv7": ("armhf",), "armhf": ("armhf",)}
"""apk's architectures -> those of ELF objects, where they differ."""


class ElfWheels:
    """A :class:`~dockerlint_alpine.stages.wheels.WheelReader`: wheels of this machine, and folders that the user named."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)
        self._read: dict[tuple[str, str, int, int], WheelFacts] = {}

    @property
    def names_any(self) -> bool:
        """See :class:`~dockerlint_alpine.stages.wheels.WheelReader`."""
        return bool(self._folders)

    def places(self) -> Iterator[Path]:
        """Yield the folders that the user named and the wheels in them: what an answer rests on."""
        yield from self._folders
        for folder in self._folders:
            if folder.is_dir():
                yield from folder.glob("*.whl")

    def named(self) -> Mapping[str, Path]:
        """See :class:`~dockerlint_alpine.stages.wheels.WheelReader`; of files with one name the first folder's is taken."""
        found: dict[str, Path] = {}
        for folder in self._folders:
            try:
                names = sorted(name for name in os.listdir(folder) if name.endswith(".whl"))  # noqa: PTH208 - names only
            except OSError as error:
                from dockerlint_alpine.stages.wheels import WheelError

                raise WheelError(f"--wheels {folder}: {error.strerror or error}") from None
            for name in names:
                found.setdefault(name, folder / name)
        return found

    def read(self, path: Path, shown: str, arch: str) -> WheelFacts:
        """See :class:`~dockerlint_alpine.stages.wheels.WheelReader`."""
        from dockerlint_alpine.elf.inspection import inspect
        from dockerlint_alpine.elf.wheels import open_wheel
        from dockerlint_alpine.python.sources.dlopen import scan_sources
        from dockerlint_alpine.stages.wheels import WheelError
        from dockerlint_alpine.system.unreadable import UnreadableError

        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise WheelError(f"{shown}: it is not a regular file")
            key = (str(path), arch, status.st_size, status.st_mtime_ns)
            if key not in self._read:
                subject = open_wheel(path)
                self._read[key] = _facts(subject, inspect(subject, scan=scan_sources), shown, arch)
            return self._read[key]
        except UnreadableError as error:
            raise WheelError(str(error).replace(str(path), shown, 1)) from None
        except OSError as error:
            raise WheelError(f"{shown}: {error.strerror or error}") from None


def _facts(subject: Subject, inspection: Inspection, shown: str, arch: str) -> WheelFacts:
    from dockerlint_alpine.stages.wheels import WheelFacts, WheelLink, WheelOpen

    wanted = _ARCHES.get(arch, (arch,))
    objects = [one for one in inspection.objects if one.facts is not None and one.facts.arch in wanted]
    return WheelFacts(
        shown=shown,
        links=tuple(
            WheelLink(f"so:{need.name}", one.path)
            for one in objects
            for need in one.needs
            if need.status in ("external", "missing")
        ),
        opens=tuple(
            WheelOpen(
                report.opens.needs, f"{report.opens.path}:{report.opens.line}", report.opens.call, report.opens.note
            )
            for report in inspection.opens
            if report.status == "external" and report.opens.needs and not report.opens.optional
        ),
        glibc=_glibc(objects),
        requires=_requires(subject),
        problems=tuple(
            f"{one.path}: {one.problems[0]}" for one in inspection.objects if one.facts is None and one.problems
        ),
    )


def _glibc(objects: Sequence[ObjectReport]) -> tuple[str, ...]:
    """Why nothing of it will load on musl: what Python imports was built for glibc, or all that there is.

    A helper for glibc beside objects for musl is a choice that the package makes when it runs.
    """
    made = [one for one in objects if one.libc.kind == "glibc"]
    imported = [one for one in made if one.facts is not None and one.facts.is_extension]
    if not made or (len(made) < len(objects) and not imported):
        return ()
    return tuple(f"{one.path} {_verbs(one.libc.reasons)}" for one in imported or made)


def _verbs(reasons: Sequence[str]) -> str:
    """``it needs libc.so.6; it requires symbols of GLIBC_2.14`` as what the object does."""
    return " and ".join(
        reason.removeprefix("it ").replace("its interpreter is", "is started by") for reason in reasons[:2]
    )


def _requires(subject: Subject) -> tuple[str, ...]:
    """``Requires-Dist`` of the wheel's METADATA (core metadata specification)."""
    for path, node in subject.tree.nodes():
        if path.endswith(".dist-info/METADATA") and path.count("/") == 2 and node.content is not None:
            from dockerlint_alpine.python.requirement import requires_of

            return requires_of(node.content)
    return ()
