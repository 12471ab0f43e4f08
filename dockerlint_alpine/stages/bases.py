"""Where a stage starts: the base image's release, packages, Python and environment."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.apk import UnknownReleaseError
from dockerlint_alpine.stages import read_images
from dockerlint_alpine.stages.elsewhere import adopt
from dockerlint_alpine.stages.heuristics import adds_packages, mentions_packages, uses_other_system
from dockerlint_alpine.stages.packages import Packages
from dockerlint_alpine.stages.walk import Folder, Image, StageWalk, Unclear
from dockerlint_alpine.system.paths import PROGRAMS
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.platforms import APK_ARCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.apk import Index
    from dockerlint_alpine.knowledge import BaseImage
    from dockerlint_alpine.knowledge.image_contents import ImageContents

_REGISTRY = lazy_pattern(r"\$\{?(\w+)\}?/?([^/].*)\Z", re.DOTALL)
"""A FROM that begins with a variable."""
_WHERE_SET = lazy_pattern(r"\$\{\w+:?\+(?:[^{}$]|\$\{?\w+\}?)*\}")
"""What is there only where a variable has a value: ``${REGISTRY:+/}``."""

_PLACEHOLDER = lazy_pattern(r"\{\{|<%")
"""Of Go's and Jinja's templates, and of ERB."""

_IMAGE_NAME = lazy_pattern(
    r"(?:(?:[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::\d+)?/)?"
    r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@[a-zA-Z][\w.+:-]*)?\Z"
)
"""The grammar in package reference of github.com/distribution/reference, a digest taken as it is."""

_PYTHON_TAG = lazy_pattern(r"(?:\A|/)[\w.-]*python[\w.-]*:(?:[a-z]+-?)?([23]\.\d+)(?:\D|\Z)")
"""A tag that begins with the version of a Python."""

_ROOT_FILES = lazy_pattern(r"alpine-minirootfs-v?(\d+\.\d+)[\w.-]*\.tar")
_VARIABLE = lazy_pattern(r"\$(?:\{(\w+)\}|(\w+))")

_SAME_DAYS = 31
"""Days that an index may be away from the day that is asked about without a word."""


def enter(walk: StageWalk) -> None:
    """Put the stage where its FROM says that it starts."""
    node, build = walk.node, walk.build
    if node.parent is not None:
        parent = build.stage(node.parent) if walk.whole else None
        walk.inherit(parent or build.stages[node.parent])
        return
    named = build.elsewhere.context(node.base)
    image = build.knowledge.base_image(named.reference) if isinstance(named, Image) else _image(walk)
    reference = named.reference if isinstance(named, Image) else node.base
    found = _from_elsewhere(walk, named, reference, image)
    contents, unread = None, ""
    if found is None or (isinstance(found, Unclear) and named is not found):
        contents, unread = read_images.read(walk, reference, image)
    if found is not None and contents is None:
        _start_at(walk, found, guessed=named is None)
        return
    if contents is not None:
        image = read_images.base_image(contents, reference, build.as_of)
    walk.image = image
    if image is not None and image.platform is not None and node.platform is None:
        walk.platform = image.platform
    release = build.alpine or (image.alpine if image is not None else None)
    if (image is not None and image.not_alpine and not _is_alpine_after_all(walk, image)) or (
        release is None and uses_other_system(node.instructions)
    ):
        walk.kind = "other"
    elif release is None:
        walk.kind = "unknown"
        _report_unknown(walk, unread)
    else:
        _open_release(walk, release, contents)
    if image is not None and walk.kind == "alpine":
        build.notes.extend(
            image.assumed if contents is None else (*image.assumed, read_images.note(contents, reference))
        )
    _environment(walk)
    if contents is not None:
        read_images.settle(walk, contents)


def _from_elsewhere(
    walk: StageWalk, named: StageWalk | Image | Folder | Unclear | None, reference: str, image: BaseImage | None
) -> StageWalk | Folder | Unclear | None:
    """The build of the project that tells where the stage starts: one that a named context says, or one that makes an image
    of which nothing else is known. Where two may, it is unclear."""
    build = walk.build
    if build.alpine is not None:
        return None
    found = None if isinstance(named, Image) else named
    if found is None and (image is None or (image.alpine is None and not image.not_alpine)):
        found = build.elsewhere.image(reference)
    if not isinstance(found, StageWalk) or named is not None:
        return found
    instructions = walk.node.instructions
    if (found.kind == "other" and any(map(adds_packages, instructions))) or (
        found.kind == "alpine" and uses_other_system(instructions)
    ):
        return None  # its own commands say that it is another image of that name
    return found if build.elsewhere.is_of_its_day(reference) else _of_another_python(reference, found) or found


def _start_at(walk: StageWalk, found: StageWalk | Folder | Unclear, *, guessed: bool) -> None:
    """Start where another build ends; where that is not known, say so."""
    node, build = walk.node, walk.build
    if isinstance(found, (Folder, Unclear)):
        reason = found.reason if isinstance(found, Unclear) else f"{node.base} is a folder, {found.path}"
        walk.kind, walk.unclear = "unknown", reason
        if any(map(mentions_packages, node.instructions)):
            walk.unjudged("unknown-base-image", node.from_instruction, reason, f"FROM {node.base}")
        _environment(walk)
        return
    if walk.whole:
        found = found.build.stage(found.node.index) or found
    adopt(walk, found, guessed=guessed)
    shown = found.build.shown_as
    if walk.kind == "unknown":
        why = found.unclear or "and the base image of that is not known: give its Alpine release with --alpine X.Y"
        walk.unclear = f"{node.base} is built by {shown}, {why}"
        if any(map(mentions_packages, (*(one.instruction for one in walk.triggers), *node.instructions))):
            walk.unjudged("unknown-base-image", node.from_instruction, walk.unclear, f"FROM {node.base}")
    elif walk.kind == "alpine":
        build.notes.append(f"{node.base} is assumed to be the image that {shown} builds")
        if guessed and walk.image is not None and not build.elsewhere.is_of_its_day(node.base):
            walk.image = replace(walk.image, undated=True)


def _of_another_python(reference: str, found: StageWalk) -> Unclear | None:
    """That an image is not what its Dockerfile builds now: its tag names another Python (``acme/python3:3.10.11.4``)."""
    tag = _PYTHON_TAG.search(reference)
    version = found.home.version if found.home is not None else None
    if tag is None or version is None or version == tag[1]:
        return None
    return Unclear(
        f"{reference} is of another day: {found.build.shown_as} has Python {version} now."
        " Give its Alpine release with --alpine X.Y"
    )


def _image(walk: StageWalk) -> BaseImage | None:
    """What the rules know of the image. Where a variable without a value stands for the registry alone
    (``FROM $MIRROR/python:3.11-alpine3.19``) it is assumed to be the official image of that name, and where the FROM says
    what it adds to the name if there is a value (``alpine${VERSION:+:$VERSION}``), that there is none."""
    node = walk.node
    if not node.base:
        return None
    if node.base.lower() == "scratch":
        release = _unpacked(walk)
        return walk.build.knowledge.base_image(f"alpine:{release}" if release else node.base, walk.build.as_of)
    if not node.unknown:
        return walk.build.knowledge.base_image(node.base, walk.build.as_of)
    bare = _WHERE_SET.sub("", node.from_instruction.words()[0].text)
    if "$" not in bare and bare[-1:] not in {"", ":", "/", "@"}:
        found = walk.build.knowledge.base_image(node.base, walk.build.as_of)
        if found is None or found.not_alpine:
            return found
        names = " and ".join(f"${name}" for name in dict.fromkeys(node.unknown))
        note = f"{names} {'has' if len(set(node.unknown)) == 1 else 'have'} no value here: {node.base} is assumed"
        return replace(found, assumed=(*found.assumed, note), certain=False)
    written = _REGISTRY.match(bare)
    if written is None or set(node.unknown) != {written[1]} or written[1] in written[2]:
        return None
    found = walk.build.knowledge.base_image(node.base.lstrip("/"), walk.build.as_of)
    if found is None or found.not_alpine or "/" in found.image or not found.evidence:
        return found if found is not None and found.not_alpine else None
    note = f"${written[1]} has no value here: {node.base.lstrip('/')} is assumed to be the official image"
    return replace(found, assumed=(*found.assumed, note), certain=False)


def _unpacked(walk: StageWalk) -> str | None:
    """The release of Alpine whose root file system an ADD unpacks (``alpine-minirootfs-3.19.1-x86_64.tar.gz``): it is what
    the official image of that release is made of."""
    args: dict[str, str] = {}

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        given = walk.scope.given.get(name) if name in args else None
        return given.text if given is not None else args.get(name, "")

    for instruction in walk.node.instructions:
        if instruction.keyword == "ARG":
            args.update((name, text) for name, _, text in (word.text.partition("=") for word in instruction.words()))
        elif instruction.keyword == "ADD" and "://" not in instruction.value:
            match = _ROOT_FILES.search(_VARIABLE.sub(value, instruction.value))
            return match[1] if match is not None else None
    return None


def _is_alpine_after_all(walk: StageWalk, image: BaseImage) -> bool:
    """True where ``apk add`` is run on what was taken for another system: somebody puts an Alpine together (FROM scratch,
    ADD a root file system), or a company's ``python`` is not a mirror of the official one."""
    guessed = walk.node.base.lower() == "scratch" or not image.certain
    return guessed and any(map(adds_packages, walk.node.instructions))


def _report_unknown(walk: StageWalk, unread: str) -> None:
    """Say so only where it matters: a stage that installs nothing needs no verdict. ``unread``: why it was not read."""
    node = walk.node
    if not any(map(mentions_packages, node.instructions)):
        return
    if node.unknown and walk.image is None:
        names = " and ".join(f"${name}" for name in node.unknown)
        given = " ".join(f"--build-arg {name}=..." for name in node.unknown)
        have = "has" if len(node.unknown) == 1 else "have"
        message = f"the base image depends on {names}, which {have} no value here: give it with {given}"
    elif _PLACEHOLDER.search(node.base):
        if walk.build.dockerfile.errors:
            return  # they say that it is a template
        message = f"FROM {node.base} is a placeholder: this is a template; check the generated Dockerfile"
    elif "${" in node.base:
        message = f"the base image depends on {node.base}, an environment variable: give its value with --build-arg"
    elif walk.image is not None and not walk.image.not_alpine:
        message = f"the Alpine release of {node.base} is not known{unread}: give it with --alpine X.Y"
    elif not _IMAGE_NAME.match(node.base):
        message = f"{node.base} is not a name that an image can have: no engine can build this stage"
    else:
        message = f"base image {node.base} is not known{unread}: give its Alpine release with --alpine X.Y"
    walk.unjudged("unknown-base-image", node.from_instruction, message, f"FROM {node.base or '(nothing)'}")


def _open_release(walk: StageWalk, release: str, contents: ImageContents | None) -> None:
    build = walk.build
    arch = APK_ARCH.get(walk.platform)
    if arch is None:
        walk.kind = "unknown"
        message = f"Alpine has no packages for the platform {walk.platform}"
        walk.unjudged("unknown-base-image", walk.node.from_instruction, message, f"platform {walk.platform}")
        return
    try:
        walk.index = build.store.open(release, arch)
    except UnknownReleaseError as error:
        walk.kind = "unknown"
        walk.unjudged("unknown-base-image", walk.node.from_instruction, str(error), f"FROM {walk.node.base}")
        return
    if build.as_of is not None:
        build.notes.extend(_of_another_day(walk.index, build.as_of))
    if contents is not None:
        walk.packages = read_images.packages(walk, walk.index, contents)
    else:
        needs = walk.image.world if walk.image is not None else ()
        walk.packages = Packages.of(build.world_cache, walk.index, needs)


def _of_another_day(index: Index, day: str) -> Iterator[str]:
    """What is said where packages are not those of the day that is asked about."""
    wanted = date.fromisoformat(day)
    for source in index.sources:
        if abs((date.fromisoformat(source.date) - wanted).days) > _SAME_DAYS:
            yield (
                f"the packages of Alpine {index.release} {source.repository} are those of {source.date}, the available"
                f" index nearest to {day}"
            )


def _environment(walk: StageWalk) -> None:
    image, build = walk.image, walk.build
    env = {"PATH": PROGRAMS, "HOME": "/root"}
    if image is not None:
        env.update((name, value.replace("$PATH", PROGRAMS)) for name, value in image.environment)
        walk.home = walk.image_python(image.python_prefix, image.python, image.pip_version)
    elif build.python is not None:
        walk.home = walk.image_python("/usr/local", build.python, None)
    walk.scope = walk.scope.stage(None, env)
