"""Wheel files that an earlier step made: laid out where it leaves them, and found by a later install."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.python.formats.project import name_of
from dockerlint_alpine.python.model import Resolution, Resolved, Target, Unresolved
from dockerlint_alpine.python.tags import supported_tags
from dockerlint_alpine.python.versions import same_version
from dockerlint_alpine.stages.files import FromStage, FromText
from dockerlint_alpine.stages.install_request import EXTRAS, InstallRequest, is_project

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dockerlint_alpine.stages.model import Installed
    from dockerlint_alpine.stages.walk import StageWalk


def handed_over(walk: StageWalk, request: InstallRequest) -> dict[str, Installed]:
    """The wheel files, by distribution, that earlier steps made and that lie where the install looks for files."""
    return {
        item.resolved.name: item
        for item in walk.installed
        if item.as_wheel and item.location in request.wheelhouses and _fits_here(walk, item)
    }


def of_made(found: Resolution, made: Mapping[str, Installed]) -> Resolution:
    """What an install without an index takes of the wheel files that earlier steps made: their versions, and with each
    what came along when it was made."""
    names = {one.name for one in found.distributions}
    taken: list[Resolved] = []
    wrong: list[Unresolved] = []
    for one in found.distributions:
        item = made.get(one.name)
        if item is None or one.url is not None:
            taken.append(one)
            continue
        version = item.resolved.version
        if one.version is None or version is None or same_version(one.version, version):
            taken.append(replace(one, version=version or one.version, artefact=item.resolved.artefact))
        else:
            reason = f"{one.name} {one.version} is asked for, and {item.wheel_file} is what lies there"
            wrong.append(Unresolved(one.name, one.chain, reason, "no-release"))
            taken.append(one)
    along = (item.resolved for name, item in made.items() if name not in names and names & set(item.resolved.chain))
    left = [one for one in found.unresolved if one.name not in made]
    everything = sorted((*taken, *along), key=lambda one: one.name)
    return replace(found, distributions=tuple(everything), unresolved=(*left, *wrong))


def ready_wheel(walk: StageWalk, resolved: Resolved, wheelhouses: Sequence[str]) -> Installed | None:
    """The wheel file of this release that an earlier step made and that lies in one of the wheelhouses."""
    for item in walk.installed:
        if (
            (item.wheel_file or "").endswith(".whl")
            and item.resolved.name == resolved.name
            and item.location in wheelhouses
            and _fits_here(walk, item)
            and (
                None in {item.resolved.version, resolved.version}
                or same_version(item.resolved.version or "", resolved.version or "")
            )
        ):
            return item
    return None


def _fits_here(walk: StageWalk, item: Installed) -> bool:
    """A wheel for manylinux is passed over on musl; ``linux_x86_64``, as built by hand, is taken on any C library."""
    return item.glibc is None or walk.glibc is not None or item.glibc.kind != "wheel"


def lay_out_wheels(walk: StageWalk, installed: Sequence[Installed], target: Target, *, built: bool) -> list[Installed]:
    """Make the files that ``pip wheel`` and ``pip download`` leave behind visible, by name: a later pip finds them there.

    Only what is ``built`` is a wheel in any case.
    """
    local = next(iter(supported_tags(replace(target, forced_platforms=()))))
    laid: list[Installed] = []
    for item in installed:
        stem = f"{item.resolved.name.replace('-', '_')}-{item.resolved.version or '0'}"
        source = not built and item.resolved.artefact.kind == "sdist"
        known = item.resolved.artefact.wheel_tag or ("py3-none-any" if item.resolved.artefact.kind == "pure" else local)
        name = f"{stem}.tar.gz" if source else f"{stem}-{known}.whl"
        if item.resolved.version is not None:
            walk.files = walk.files.place(FromText(b"", f"{item.location.rstrip('/')}/{name}"))
        laid.append(replace(item, wheel_file=name))
    return laid


def lay_out_projects(walk: StageWalk, paths: Iterable[str], place: str) -> None:
    """Let the wheel of a project, by its name, be the project itself: whoever installs it finds what it requires."""
    for path in paths:
        folder = EXTRAS.sub("", path)
        if is_project(walk.files, folder):
            name = (name_of(folder, walk.files) or posixpath.basename(folder)).replace("-", "_")
            target = f"{place.rstrip('/')}/{name}-0-py3-none-any.whl"
            walk.files = walk.files.place(FromStage(folder, target, walk.files))
