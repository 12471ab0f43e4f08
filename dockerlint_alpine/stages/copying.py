"""COPY and ADD: files of the context, of other stages and of images, and the distributions that come with them.

Rules as in the Dockerfile reference (COPY, ADD).
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.installers.uv_python import UV_IMAGE, UV_VERSION
from dockerlint_alpine.stages.context import PROJECT
from dockerlint_alpine.stages.copied_distributions import WILDCARD, distributions_copied, moved_path, spread
from dockerlint_alpine.stages.dockerignore import NOTHING_IGNORED, DockerIgnore, parse_dockerignore
from dockerlint_alpine.stages.elsewhere import detached, folder_files
from dockerlint_alpine.stages.files import Access, FromContext, FromStage, FromText, StageFiles, Unread, goes_into
from dockerlint_alpine.stages.heuristics import mentions_python
from dockerlint_alpine.stages.walk import Folder, Image, Unclear
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.installers.base import PythonHome
    from dockerlint_alpine.stages.model import Installed
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Dockerfile, Instruction

_REQUIREMENTS = lazy_pattern(r"\s(?:-r|--requirement)[ =]?([\w/][\w./-]*\.(?:txt|pip|in|lock|reqs?))(?=[\s;&|]|$)")
_STARTED = lazy_pattern(r"(?:^|[\s\"'])(?:\./)?([\w/][\w./-]*\.(?:sh|py))(?=[\s\"';&|]|$)")
_MAX_NAMED = 20
"""Requirement files, and scripts, that are looked for to tell what the context is."""
_INSTALLS_IT = lazy_pattern(
    r"\bpip3?\s+(?:install|wheel)\s(?:[^;&|]*\s)?\.(?:\[[^\]\s]*\])?\s*(?:[;&|]|$)|[\s&;]setup\.py\s+install\b"
    r"|\bpoetry\s+(?:-\S+\s+)*(?:install|export|build)\b|\b(?:uv|pdm)\s+(?:-\S+\s+)*(?:sync|install|export)\b"
)
_CHANGES_FOLDER = lazy_pattern(r"\b(?:cd|pushd)\s+[^/\s]")
_REMOTE = lazy_pattern(r"(?:[a-z][a-z0-9+.-]*://|git@)", re.IGNORECASE)
_ARCHIVE = lazy_pattern(r"\.(?:tar(?:\.(?:gz|bz2|xz|zst))?|tgz|tbz2?|txz)$", re.IGNORECASE)
"""Local archives that ADD unpacks."""

_VARIABLE = lazy_pattern(r"\$(?:\{(\w+)\}|(\w+))")
_MODE = lazy_pattern(r"[0-7]{3,4}")
_ROOT = frozenset({"0", "root"})
_SHOWN = 6
"""Names of distributions listed in one notice."""

_PYTHON_FOLDER = lazy_pattern(
    r"(?:site|dist)-packages|/lib/python|venv|virtualenv|wheel|install|\.local\b|/usr/local/?$|packages|deps|dependencies"
)
"""Folders that usually hold what an installer of Python packages wrote."""

_PACKAGES = lazy_pattern(r"(?:site|dist)-packages|/lib/python[\d.]*/?$|venv|virtualenv|wheel")
"""Folders that hold nothing else."""


class _Order(Struct, frozen=True):
    """One COPY or ADD, read: what goes where."""

    sources: tuple[str, ...]
    destination: str
    exclude: DockerIgnore
    parents: bool
    access: Access | None
    into: bool
    """Files keep their names below the destination."""

    def target(self, walk: StageWalk, source: str, *, is_dir: bool) -> str:
        """Where ``source`` ends up."""
        place = walk.place(self.destination)
        if self.parents:
            return posixpath.normpath(posixpath.join(place, _kept_parents(source)))
        return posixpath.join(place, posixpath.basename(source.rstrip("/"))) if self.into and not is_dir else place


def copy(walk: StageWalk, instruction: Instruction) -> None:
    """Carry out a COPY or ADD."""
    texts = [walk.text(word) for word in instruction.words()]
    if len(texts) < 2:
        return
    *sources, destination = texts
    heredocs = {document.name for document in instruction.heredocs}
    plain = tuple(source for source in sources if _heredoc_name(source) not in heredocs)
    excluded = [flag.value for flag in instruction.flags if flag.name == "exclude" and flag.value]
    order = _Order(
        sources=plain,
        destination=destination,
        exclude=parse_dockerignore("\n".join(excluded)) if excluded else NOTHING_IGNORED,
        parents=(flag := instruction.flag("parents")) is not None and flag.value in {None, "true"},
        into=goes_into(destination, len(sources), walk.files, walk.workdir),
        access=_access(walk, instruction),
    )
    origin = instruction.flag("from")
    if origin is not None and origin.value:
        for source in plain:
            _from_stage(walk, instruction, origin.value, source, order)
        return
    for source in plain:
        _from_context(walk, instruction, source, order)
    for document in instruction.heredocs:
        content = _filled_in(walk, document.source.text) if document.expand else document.source.text
        target = order.target(walk, document.name, is_dir=False)
        walk.files = walk.files.place(FromText(content.encode("utf-8", "surrogateescape"), target))


def _access(walk: StageWalk, instruction: Instruction) -> Access | None:
    """Who may read what a COPY or ADD brings, where its flags tell. Who is in a group is not known, nor whose number a name
    is: only what neither group nor others may read, and what belongs to root, is root's alone."""
    mode, owner = (instruction.flag(name) for name in ("chmod", "chown"))
    if mode is None and owner is None:
        return None
    bits, of = (walk.text(flag.source).partition("=")[2] if flag is not None else "root" for flag in (mode, owner))
    root_only = _MODE.fullmatch(bits) is not None and not int(bits, 8) & 0o044 and of.partition(":")[0] in _ROOT
    return Access(instruction, root_only)


def _filled_in(walk: StageWalk, text: str) -> str:
    """The body of a heredoc with the plain variables in it filled in; quotes stay (BuildKit: ``RawQuotes``)."""
    return _VARIABLE.sub(lambda match: walk.scope.text(match[1] or match[2]) or "", text)


def _heredoc_name(source: str) -> str:
    match = re.match(r"[0-9]*<<-?(.*)", source)
    return match[1].strip("\"'") if match is not None else ""


def _from_context(walk: StageWalk, instruction: Instruction, source: str, order: _Order) -> None:
    if _REMOTE.match(source):
        name = source.rstrip("/").split("?")[0]
        from dockerlint_alpine.stages.downloads import add

        if add(walk, instruction, source, order.target(walk, "", is_dir=True), into=order.into):
            return
        reason = f"it is fetched from the network in line {instruction.line}"
        walk.files = walk.files.place(
            Unread(order.target(walk, name, is_dir=False), reason, below=name.endswith(".git"))
        )
        return
    if instruction.keyword == "ADD" and _ARCHIVE.search(source):
        reason = f"line {instruction.line} unpacks {source}, which is not read"
        walk.files = walk.files.place(Unread(walk.place(order.destination), reason, below=True))
        return
    context = walk.build.context
    wanted = posixpath.normpath(source.lstrip("/")) if source.strip("./") else ""
    found = (wanted,) if wanted == "" else context.glob(wanted)
    for path in found:
        is_dir = context.is_dir(path)
        named = source if order.parents and not WILDCARD.search(source) else path
        target = order.target(walk, named, is_dir=is_dir)
        walk.files = walk.files.place(FromContext(path, target, is_dir, order.exclude, order.access))
    if not found and not WILDCARD.search(wanted):
        # What is not there is remembered where it should be: whoever reads it, or something in it, is told why.
        target = order.target(walk, source, is_dir=source.endswith("/"))
        walk.files = walk.files.place(FromContext(wanted, target, is_dir=True, access=order.access))


def _from_stage(walk: StageWalk, instruction: Instruction, reference: str, source: str, order: _Order) -> None:
    target = walk.place(order.destination)
    if order.parents:
        target = order.target(walk, source, is_dir=True)
    slash = "/" if order.into and not target.endswith("/") and not order.parents else ""
    bring(walk, instruction, reference, absolute(source, "/"), target + slash)


def bring(walk: StageWalk, instruction: Instruction, reference: str, source: str, target: str) -> None:
    """Put ``source`` of another stage or image at ``target``; with the distributions and interpreters in it.

    A ``target`` that ends in ``/`` is a folder, into which a file goes under its own name.
    """
    index = walk.build.graph.find(reference)
    other = walk.build.stage(index) if index is not None else None
    folder = target.rstrip("/") or "/"
    if other is None and _bring_from_elsewhere(walk, instruction, reference, source, target):
        return
    if other is None:
        walk.files = walk.files.place(
            FromStage(source, folder, None, image=reference, access=_access(walk, instruction))
        )
        _bring_image_python(walk, reference, source, folder)
        if walk.kind == "alpine" and _PACKAGES.search(source) and walk.build.knowledge.base_image(reference) is None:
            message = (
                f"the content of {source} in {reference} is not known: check it together with that image's Dockerfile"
            )
            walk.unjudged("unknown-base-image", instruction, message, f"COPY --from={reference}")
        if (uv := UV_IMAGE.fullmatch(reference)) is not None:
            walk.settings[UV_VERSION] = uv[1]
        return
    packages = other.packages.world if other.packages is not None else None
    access = _access(walk, instruction)
    for inner, place in spread(other.files, source, target):
        walk.files = walk.files.place(FromStage(inner, place, other.files, packages, stage=index, access=access))
    for root, filled in other.roots.items():
        below = moved_path(source, root, "/", into=False)
        if below is not None:
            nothing_else = StageFiles(walk.build.context)
            walk.files = walk.files.place(
                FromStage(below, folder, nothing_else, filled.world, stage=index, access=access)
            )
    brought = distributions_copied(other.installed, source, target, instruction, copied_from=index)
    if other.kind == "other":
        walk.install(brought)
        for home in other.homes.values():
            _bring_home(walk, home, source, folder)
        _report_other(walk, instruction, other, source, brought)
        return
    _adopt_root(walk, other, source, folder)
    walk.install(brought)
    for home in (*other.homes.values(), *((other.home,) if other.home is not None else ())):
        _bring_home(walk, home, source, folder)


def _bring_from_elsewhere(walk: StageWalk, instruction: Instruction, reference: str, source: str, target: str) -> bool:
    """Whether another build of the project, or a folder that a named context stands for, is what is copied from."""
    found = walk.build.elsewhere.context(reference)
    if found is None and walk.build.knowledge.base_image(reference) is None:
        found = walk.build.elsewhere.image(reference)
    if isinstance(found, Folder):
        files = folder_files(found.path, walk.build.context.looked_at)
        for inner, place in spread(files, source, target):
            walk.files = walk.files.place(FromStage(inner, place, files, access=_access(walk, instruction)))
        return True
    if found is None or isinstance(found, (Image, Unclear)) or found.kind != "alpine":
        return False
    packages = found.packages.world if found.packages is not None else None
    for inner, place in spread(found.files, source, target):
        access = _access(walk, instruction)
        walk.files = walk.files.place(FromStage(inner, place, found.files, packages, access=access))
    brought = list(detached(found.installed, instruction, found))
    walk.install(distributions_copied(brought, source, target, instruction, copied_from=None))
    for home in (*found.homes.values(), *((found.home,) if found.home is not None else ())):
        _bring_home(walk, home, source, target.rstrip("/") or "/")
    return True


def _bring_home(walk: StageWalk, home: PythonHome, source: str, target: str) -> None:
    prefix = moved_path(home.prefix, source, target, into=False)
    if prefix is None:
        return
    if home.is_venv or walk.home is None:
        walk.homes[prefix] = replace(home, prefix=prefix)


def _bring_image_python(walk: StageWalk, reference: str, source: str, target: str) -> None:
    """``COPY --from=python:3.11-alpine /usr/local /usr/local`` brings that image's Python."""
    image = walk.build.knowledge.base_image(reference, walk.build.as_of)
    if image is not None and not image.not_alpine:
        home = walk.image_python(image.python_prefix, image.python, image.pip_version)
        if home is not None:
            _bring_home(walk, home, source, target)


def _adopt_root(walk: StageWalk, other: StageWalk, source: str, target: str) -> None:
    """A whole root file system copied to an empty stage makes it an Alpine stage."""
    if target != "/" or walk.kind != "other" or walk.node.base.lower() != "scratch":
        return
    packages = other.packages if source == "/" else other.roots.get(source)
    if packages is None:
        return
    walk.kind, walk.index, walk.packages = "alpine", other.index, packages
    walk.image = other.image
    walk.start = walk.moment
    if source == "/":
        walk.home = other.home


def _report_other(
    walk: StageWalk, instruction: Instruction, other: StageWalk, source: str, brought: Sequence[Installed]
) -> None:
    """Python packages that were installed on glibc: nothing of what is known of musl holds for them.

    Those that ``brought`` tells enough of are judged by themselves; this is for the rest.
    """
    if walk.kind != "alpine" or not _PYTHON_FOLDER.search(source):
        return
    where = f"stage {other.node.name!r}" if other.node.name else f"stage {other.node.index}"
    evidence = f"{where} is FROM {other.node.base}"
    fate = f"made for {other.node.base}, not for Alpine: install {{}} in an Alpine stage"
    open_ones = [item.resolved.name for item in brought if item.glibc is not None and item.glibc.kind == "unknown"]
    if open_ones:
        names = f"{', '.join(open_ones[:_SHOWN])}{' and more' if len(open_ones) > _SHOWN else ''}"
        verb, them = ("are", "them") if len(open_ones) > 1 else ("is", "it")
        message = f"{names} of {where} {verb} {fate.format(them)}"
        walk.unjudged("unknown-base-image", instruction, message, evidence, len(open_ones))
    elif other.doubts or (not brought and any(map(mentions_python, other.node.instructions))):
        unread = "".join(f"; {doubt.message}" for doubt in other.doubts[:1])
        message = f"what {where} installs is {fate.format('it')}"
        walk.unjudged("unknown-base-image", instruction, message, evidence + unread)


def _kept_parents(source: str) -> str:
    """The part of a source path that ``--parents`` keeps: all of it, or what follows ``/./``."""
    _, pivot, rest = source.partition("/./")
    return (rest if pivot else source).lstrip("/")


def copy_sources(dockerfile: Dockerfile) -> tuple[str, ...]:
    """The context paths that COPY and ADD name, as written: they tell which folder the context is. Where the whole context
    is copied, the requirement files that a RUN reads tell (from ``/`` on where it names them so), and that it installs what
    is there, or else the scripts that are started."""
    found: list[str] = []
    for instruction in dockerfile.instructions:
        if instruction.keyword in {"COPY", "ADD"} and instruction.flag("from") is None:
            words: Sequence[str] = [word.text for word in instruction.words()]
            found.extend(word.lstrip("/") for word in words[:-1] if "$" not in word and not _REMOTE.match(word))
    if any(not source.strip("./") for source in found):
        runs = [one.value for one in dockerfile.instructions if one.keyword == "RUN"]
        found.extend([name for text in runs for name in _REQUIREMENTS.findall(text)][:_MAX_NAMED])
        if any(_INSTALLS_IT.search(text) and not _CHANGES_FOLDER.search(text) for text in runs):
            found.append(PROJECT)
        if not any(source.strip("./") for source in found):
            starts = [one.value for one in dockerfile.instructions if one.keyword in {"CMD", "ENTRYPOINT"}]
            found.extend([name for text in starts for name in _STARTED.findall(text)][:_MAX_NAMED])
    return tuple(source for source in found if not source.startswith("<<"))
