"""Base images that no rule knows: read from their registry, if somebody may ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.installers.base import PythonHome
from dockerlint_alpine.knowledge.bases import Reference
from dockerlint_alpine.python.model import Origin, Resolved, Verdict
from dockerlint_alpine.python.resolve import NOBODY_ASKED, ResolverError
from dockerlint_alpine.stages.heuristics import mentions_packages
from dockerlint_alpine.stages.model import Installed
from dockerlint_alpine.stages.packages import Packages
from dockerlint_alpine.stages.walk import Trigger
from dockerlint_alpine.syntax import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.apk import Index
    from dockerlint_alpine.knowledge import BaseImage
    from dockerlint_alpine.knowledge.image_contents import ImageContents
    from dockerlint_alpine.stages.walk import StageWalk

_IN_IMAGE = Verdict("installed", "it is in the base image", "image")


def read(walk: StageWalk, reference: str, image: BaseImage | None) -> tuple[ImageContents | None, str]:
    """What the image of ``reference`` holds, or why that is not known, in words that follow its name. ``image`` is what
    rules tell: an image is read where that is nothing, or a guess."""
    build, node = walk.build, walk.node
    if build.contents is None or build.alpine is not None or node.unknown or not _is_worth_it(reference, image):
        return None, ""
    if not any(mentions_packages(one) for place in build.graph.nodes for one in place.instructions):
        return None, ""
    try:
        found = build.contents(reference, walk.platform)
        emptied = found.alpine and not found.packages
        return (None, " (its package database was removed)") if emptied else (found, "")
    except ResolverError as error:
        return None, " (--online reads it)" if str(error) == NOBODY_ASKED else f" ({error})"


def _is_worth_it(reference: str, image: BaseImage | None) -> bool:
    parsed = Reference.parse(reference)
    if parsed is None or any(char in reference for char in "${}"):
        return False
    if image is None:
        return True
    guessed = not image.evidence or image.alpine is None or image.undated or bool(parsed.host and not image.certain)
    return guessed and not image.not_alpine


def base_image(contents: ImageContents, reference: str, as_of: str | None) -> BaseImage:
    """What was read as rules would tell it; an image that was built after the day that is asked about may be another."""
    found = contents.base_image(reference)
    if as_of is None or "" < contents.created <= as_of:
        return found
    built = f"on {contents.created}" if contents.created else "on an unknown day"
    note = f"{reference} is taken as it was built {built}: what it was on {as_of} is not known"
    return replace(found, certain=False, undated=True, assumed=(note,))


def note(contents: ImageContents, reference: str) -> str:
    """What is said of an image that was read."""
    pythons = dict.fromkeys(f"Python {one.version} in {one.prefix}" for one in contents.pythons)
    found = ", ".join((f"Alpine {contents.alpine}", *pythons))
    return f"{reference} is judged by what its registry has ({contents.digest[:19]}): {found}"


def packages(walk: StageWalk, index: Index, contents: ImageContents) -> Packages:
    """The packages of an image: what was asked for, by the lists that it has, and what is there besides. Those that the
    release has not come from elsewhere."""
    index.catalog.load((*contents.packages, *contents.world))  # at once, not one by one
    known = [name for name in contents.packages if index.packages(name)]
    walk.foreign = tuple(name for name in contents.packages if not index.packages(name))
    found = _with_lists(Packages.of(walk.build.world_cache, index, contents.world), contents, index)
    rest = [name for name in known if name not in found.world.packages]
    if rest:
        needs = (*contents.world, *rest)
        found = _with_lists(Packages.of(walk.build.world_cache, index, needs), contents, index)
    return found


def _with_lists(found: Packages, contents: ImageContents, index: Index) -> Packages:
    for name, needs in contents.virtual:
        found = found.add([need for need in needs if index.at_hand(need) is not None], name, conditional=False)
    return found


def settle(walk: StageWalk, contents: ImageContents) -> None:
    """Put into the stage what the image's configuration says, and its Pythons with what they have."""
    if contents.user:
        walk.become(contents.user.partition(":")[0])
    walk.workdir = contents.workdir or "/"
    walk.shell = contents.shell or walk.shell
    for one in contents.pythons:
        if one.prefix != "/usr" and (walk.home is None or walk.home.prefix != one.prefix):
            walk.homes[one.prefix] = PythonHome(
                one.prefix,
                one.version,
                from_apk=one.home == "/usr",
                is_venv=bool(one.home),
                sees_system=one.sees_system,
                pip_version=one.pip or None,
            )
    walk.install(_installed(walk, contents))
    if contents.onbuild:
        data = "\n".join(("FROM scratch", *contents.onbuild)).encode("utf-8", "replace")
        shown = f"{walk.node.base} (ONBUILD)"
        walk.triggers = tuple(Trigger(one, shown, data) for one in parse(data).instructions[1:])


def _installed(walk: StageWalk, contents: ImageContents) -> Iterator[Installed]:
    origin = Origin("Dockerfile", walk.node.from_instruction.line)
    for name, version, folder in contents.distributions:
        resolved = Resolved(name, version, (), (f"FROM {walk.node.base}", name), origin, _IN_IMAGE)
        yield Installed(resolved, folder, None, conditional=False, arrived=walk.node.from_instruction, from_base=True)
