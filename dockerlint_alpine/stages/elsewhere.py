"""Images that other Dockerfiles of the same project build, and the named contexts of a build.

Which of several builds an image comes from is never guessed: two that make the same name are none.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.stages.context import BuildContext
from dockerlint_alpine.stages.files import FromContext, FromStage, StageFiles
from dockerlint_alpine.stages.graph import triggers
from dockerlint_alpine.stages.walk import Folder, Image, Trigger, Unclear
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dockerlint_alpine.stages.model import Installed
    from dockerlint_alpine.stages.walk import Elsewhere, StageWalk
    from dockerlint_alpine.syntax import Instruction
    from dockerlint_alpine.system.builds import OtherBuild, Others

_MAX_DEPTH = 6
_MAX_BUILDS = 24
"""Builds that rest on one another, and those that one Dockerfile rests on in all."""

_REFERENCE = lazy_pattern(r"(?P<path>[^@]*?)(?::(?P<tag>[^/:@]*))?(?:@.*)?\Z", re.DOTALL)
_HUB = lazy_pattern(r"\A(?:(?:index\.)?docker\.io/)(?:library/)?")


class OtherBuilds:
    """Finds the ends of other builds. ``walk`` runs one of them on paper; ``chain`` are those that are being run."""

    def __init__(
        self,
        others: Others,
        platform: str,
        walk: Callable[[OtherBuild, str, Elsewhere], StageWalk | Unclear],
        chain: tuple[OtherBuild, ...] = (),
        known: dict[OtherBuild, StageWalk | Unclear] | None = None,
    ) -> None:
        self._contexts = {_familiar(name): value for name, value in others.contexts}
        self._builds = others.builds
        self._platform = platform
        self._walk = walk
        self._chain = chain
        self._known = known if known is not None else {}
        self._others = others

    def context(self, name: str) -> StageWalk | Image | Folder | Unclear | None:
        """What a named context of the build puts in the place of an image or a stage."""
        value = self._contexts.get(_familiar(name))
        if value is None:
            return None
        kind, mark, rest = value.partition(":")
        if kind == "docker-image":
            return Image(rest.removeprefix("//"))
        if kind == "folder":
            return Folder(rest)
        if kind == "target" and mark:
            found = [build for build in self._builds if value in build.names]
            return self._end(found[0]) if found else Unclear(f"{name} is the context {value}, which is not known")
        return Unclear(f"{name} is the context {value}, which is not available here")

    def image(self, reference: str) -> StageWalk | Unclear | None:
        """The end of the build that makes an image; ``None`` where no other build is known to."""
        own = self._chain[-1] if self._chain else None
        found = self._that_make(reference)
        path, tag = _split(reference)
        if not found and "/" in reference:
            # What a variable without a value left of a tag still names: cytopia/ansible:${VERSION}-tools
            wanted = {path.rpartition("/")[2].lower(), tag.lower().strip("-._")} - {"", "latest"}
            found = [build for build in self._builds if build.folder and build.folder.lower() in wanted]
        found = [build for build in found if own is None or build.path != own.path]
        place = f"/{path.rpartition('/')[2]}/{tag}".lower()  # python/3/Dockerfile makes acme/python:3
        found = [
            build for build in found if tag and posixpath.dirname(f"/{build.path}").lower().endswith(place)
        ] or found
        if len({(build.path, build.target, build.build_args) for build in found}) > 1:
            places = list(dict.fromkeys(build.shown for build in found))
            how = f"may be built by {' or '.join(places)}" if places[1:] else f"is built by {places[0]} in several ways"
            return Unclear(f"{reference} {how}: give its Alpine release with --alpine X.Y")
        return self._end(found[0]) if found else None

    def is_of_its_day(self, reference: str) -> bool:
        """Whether the image is what its build makes now: some file says that this is its name, or its tag has no number. A
        numbered tag of which only the folder is known may be of any day."""
        return not re.search(r"\d", _split(reference)[1]) or bool(self._that_make(reference))

    def _that_make(self, reference: str) -> list[OtherBuild]:
        return [build for build in self._builds if any(_same(name, reference) for name in build.names)]

    def shown(self, walk: StageWalk) -> str:
        """The Dockerfile that a walk which was found here is of."""
        return walk.build.shown_as

    def _end(self, build: OtherBuild) -> StageWalk | Unclear:
        if build in self._chain:
            names = " -> ".join(one.shown for one in (*self._chain[self._chain.index(build) :], build))
            return Unclear(f"the images are built from each other in a circle: {names}")
        if len(self._chain) >= _MAX_DEPTH or len(self._known) >= _MAX_BUILDS:
            return Unclear(f"{build.shown} is nested too deeply")
        if build not in self._known:
            inner = OtherBuilds(
                replace(self._others, contexts=build.contexts),
                self._platform,
                self._walk,
                (*self._chain, build),
                self._known,
            )
            found = self._walk(build, self._platform, inner)
            self._known[build] = found
        return self._known[build]


def _split(reference: str) -> tuple[str, str]:
    """Path and tag of a reference, the digest left out."""
    match = _REFERENCE.match(reference)
    return (match["path"], match["tag"] or "") if match is not None else (reference, "")


def _familiar(reference: str) -> str:
    """A reference as Docker shows it: without the hub's name, and without ``:latest``."""
    path, tag = _split(_HUB.sub("", reference))
    return path.lower() if tag in {"", "latest"} else f"{path.lower()}:{tag}"


def _same(name: str, reference: str) -> bool:
    """Whether a name that a build gives its image is the one that a FROM asks for. What a variable hides may be anything."""
    if "${" not in name:
        return _familiar(name) == _familiar(reference)
    path, tag = _split(_HUB.sub("", reference))
    literal = re.split(r"\$\{[^}]*\}", _HUB.sub("", name))
    wanted = f"{path}:{tag or 'latest'}"
    pattern = ".*".join(map(re.escape, literal))
    own = literal[-1] if "/" in literal[-1] else "".join(literal).rpartition("/")[2]
    named = re.match(r"[\w.-]{3,}", own.rpartition("/")[2])
    return (
        named is not None
        and re.fullmatch(pattern if ":" in name.rpartition("/")[2] else f"{pattern}:.*", wanted) is not None
    )


def adopt(walk: StageWalk, other: StageWalk, *, guessed: bool) -> None:
    """Start where another build ends. Its variables are known by their values, of its instructions ONBUILD's are left."""
    environment = {name: value.text for name, value in other.scope.env.items() if value.known}
    walk.platform, walk.scope = other.platform, walk.scope.stage(None, environment)
    walk.workdir, walk.shell, walk.user = other.workdir, other.shell, other.user
    walk.image, walk.kind, walk.index, walk.packages = other.image, other.kind, other.index, other.packages
    if guessed and walk.image is not None:
        walk.image = replace(walk.image, certain=False)
    walk.scripts = [*other.scripts, other.build.dockerfile.data.decode("utf-8", "replace")]
    # Its packages are this stage's own, from now on.
    whole = FromStage("/", "/", other.files, builds=tuple(walk.scripts))
    walk.files = replace(StageFiles(walk.build.context), directories=other.files.directories).place(whole)
    walk.home, walk.homes = other.home, dict(other.homes)
    walk.settings, walk.users = dict(other.settings), dict(other.users)
    walk.foreign, walk.unknown = other.foreign, other.unknown
    walk.remember_repositories(f"{name} by {other.build.shown_as}" for name in other.repositories)
    walk.installed = list(detached(other.installed, walk.node.from_instruction, other, based=True))
    shown, data = other.build.shown_as, other.build.dockerfile.data
    walk.triggers = tuple(Trigger(one, shown, data) for one in triggers(other.node))


def detached(
    installed: list[Installed], arrived: Instruction, other: StageWalk, *, based: bool = False
) -> Iterator[Installed]:
    """Distributions of another build as something that ``arrived`` brings.

    ``based``: the whole image is where this build starts. What is missing there already is said about that Dockerfile.
    """
    world = other.packages.world if other.packages is not None else None
    for item in installed:
        built, wheel = item.built, item.wheel
        if based and world is not None and not all(world.has(need) for need, _ in item.objects):
            built = wheel = None
        yield replace(
            item,
            built=replace(built, stage=-1) if built is not None else None,
            wheel=wheel,
            arrived=arrived,
            copied_from=None,
            glibc=None,
            from_base=based,
        )


def folder_files(path: str, looked_at: set[str], shown_as: str | None = None) -> StageFiles:
    """A folder of the project as the files of a named context."""
    context = BuildContext(Path(path), shown_as=path if shown_as is None else shown_as, looked_at=looked_at)
    return StageFiles(context).place(FromContext("", "/", is_dir=True))
