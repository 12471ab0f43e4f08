"""Which builds of a search may depend on which others: the build that makes an image named in a Dockerfile.

A name comes from a compose file's ``image``, from the tags of a bake file or, where none says one, from the folder or file
name of a Dockerfile. Only the text is looked at here; whether it is so is found out when the build is run on paper.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.run.jobs import Job, read_job
from dockerlint_alpine.run.reading import UnreadableError
from dockerlint_alpine.system.builds import OtherBuild
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.platforms import USUAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MAX_OTHERS = 24
"""Builds that one build may rest on, near ones first."""

_NAMING = lazy_pattern(rb"(?im)^[ \t]*(?:FROM|ARG)[ \t].*$|\bfrom=\S+")
_FROM = lazy_pattern(rb"(?im)^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(?P<image>\S+)(?:[ \t]+AS[ \t]+(?P<name>\S+))?")
_VARIANT = lazy_pattern(r"(?i)(?:\A|/)(?P<version>\d+\.[\w.]+)/(?P<variant>[\w.-]+)/dockerfile\Z")
_WORDS_END = lazy_pattern(r"[/${}]+")
_OPEN = lazy_pattern(rb"(?im)^[ \t]*ARG[ \t]+(\w+)[ \t]*$")
_WORD = lazy_pattern(rb"(?P<before>[/:]|\}[-._]?)?(?P<word>[\w][\w.-]*)")
_FILE = lazy_pattern(
    r"(?is)(?:(?:docker|container)file(?:[.-](?P<behind>[\w.-]+))?|(?P<before>[\w.-]+)\.(?:docker|container)file)\Z"
)


_EVERYBODYS = lazy_pattern(
    rb"(?i)(?:docker\.io/)?(?:library/)?(?:scratch|alpine|python|debian|ubuntu|node|golang|rust|ruby|php|nginx|busybox|pypy)"
    rb"(?:[:@].*)?\Z"
)
"""References that are the hub's own images, whatever else a project builds."""


def asks_for_others(job: Job) -> bool:
    """Whether a FROM of a build names an image that is none of those that everybody has: the project may build it."""
    try:
        data = read_job(job)
    except UnreadableError:
        return False
    found = list(_FROM.finditer(data))
    stages = {match["name"].lower() for match in found if match["name"]}
    unknown = _open_in(data)
    return any(
        (match["image"].lower() not in stages and not _EVERYBODYS.match(match["image"]))
        or any(name in match["image"].decode("utf-8", "surrogateescape") for name in unknown)
        for match in found
    )


def wanted_words(jobs: Iterable[Job]) -> set[str]:
    """The words of which a file that starts builds must have one, to tell anything: names of images that a FROM asks for and
    that are not everybody's, and build arguments without a value."""
    found = {name for job in jobs for name in open_arguments(job)}
    for path, _ in (start for job in jobs for start in _starts(job)):
        if not _EVERYBODYS.match(path.encode("utf-8", "surrogateescape")):
            found.add(_WORDS_END.split(path)[-1])
    return found - {""}


def open_arguments(job: Job) -> list[str]:
    """The build arguments to which a Dockerfile gives no value."""
    try:
        data = read_job(job)
    except UnreadableError:
        return []
    return _open_in(data)


def _open_in(data: bytes) -> list[str]:
    return [match[1].decode() for match in _OPEN.finditer(data)]


def related(jobs: Sequence[Job], beside: Sequence[Job] = ()) -> list[Job]:
    """The same builds, each with the others that make what it, or they, may name; ``beside`` are others that
    are not judged."""
    own, jobs = len(jobs), [*jobs, *beside]
    builds = _with_variants(_with_bases([_other(job) for job in jobs], jobs), jobs)
    by_name: dict[str, list[int]] = {}
    by_folder: dict[str, list[int]] = {}
    for number, build in enumerate(builds):
        for name in build.names:
            by_name.setdefault(_last(name), []).append(number)
        if build.folder:
            by_folder.setdefault(build.folder.lower(), []).append(number)
    named = [_named(job, by_name, by_folder) for job in jobs]
    near = [list(one) for one in named]
    bases = {
        os.path.realpath(builds[base].path)
        for number, one in enumerate(named)
        for base, starts in one.items()
        if starts and base != number
    }
    found: list[Job] = []
    for number, job in enumerate(jobs[:own]):
        others = _closure(number, near, builds)
        based = bool(bases) and os.path.realpath(builds[number].path) in bases
        more = others or based
        found.append(replace(job, others=replace(job.others, builds=others, rest_on_it=based)) if more else job)
    return found


def _other(job: Job) -> OtherBuild:
    match = _FILE.match(job.path.name)
    named = (match["behind"] or match["before"]) if match is not None else None
    folder = "" if job.images and not all(map(_is_target, job.images)) else named
    if folder is None and match is not None:
        folder = os.path.basename(os.path.abspath(job.path.parent))  # noqa: PTH100, PTH119 - links stay as they are
    return OtherBuild(
        path=str(job.path),
        shown=job.shown_as,
        names=job.images,
        folder=folder
        if folder is not None and (not job.platforms or USUAL in job.platforms) and job.text is None
        else "",
        context=str(job.context) if job.context is not None else None,
        build_args=tuple(job.build_args.items()),
        target=job.target,
        contexts=job.others.contexts,
        text=job.text,
    )


def _with_bases(builds: list[OtherBuild], jobs: Sequence[Job]) -> list[OtherBuild]:
    """The same builds, the base of a family with the name of the family: where Dockerfiles of a folder start from each other
    under one name (``FROM acme/app:$V-tools`` beside ``Dockerfile-tools``), the one that does not is what ``FROM
    acme/app:$V``
    names."""
    folders: dict[str, list[int]] = {}
    for number, build in enumerate(builds):
        if build.text is None:
            folders.setdefault(os.path.dirname(build.path), []).append(number)  # noqa: PTH120 - as it is written
    for numbers in folders.values():
        starts = {number: _starts(jobs[number]) for number in numbers} if len(numbers) > 2 else {}
        suffixes = {builds[number].folder.lower() for number in starts} - {""}
        families = {
            path
            for pairs in starts.values()
            for path, tag in pairs
            if "/" in path and "$" not in path and re.sub(r".*[}]", "", tag).strip("-._").lower() in suffixes
        }
        for path in sorted(families):
            roots = {builds[number].path for number, pairs in starts.items() if path not in dict(pairs)}
            if len(roots) == 1:
                at = next(number for number in numbers if builds[number].path in roots)
                builds[at] = replace(builds[at], names=(*builds[at].names, path))
    return builds


def _with_variants(builds: list[OtherBuild], jobs: Sequence[Job]) -> list[OtherBuild]:
    """The same builds, those that lie as official images do with the names that others have for them:
    ``1.2/slim/Dockerfile`` builds ``acme/app:1.2.3-slim``, if no other folder may."""
    variants: dict[str, list[tuple[str, int]]] = {}
    for number, build in enumerate(builds):
        match = _VARIANT.search(build.path.replace(os.sep, "/")) if build.text is None and not build.names else None
        if match is not None:
            variants.setdefault(match["variant"].lower(), []).append((f"{match['version']}.", number))
    if not variants:
        return builds
    for path, tag in dict.fromkeys(start for job in jobs for start in _starts(job)):
        version, _, variant = tag.lower().rpartition("-")
        fitting = [number for outer, number in variants.get(variant, ()) if f"{version}.".startswith(outer)]
        if "/" in path and len(fitting) == 1:
            build = builds[fitting[0]]
            builds[fitting[0]] = replace(build, names=(*build.names, f"{path}:{tag}"))
    return builds


def _starts(job: Job) -> list[tuple[str, str]]:
    """Path and tag of each image that a Dockerfile starts from."""
    try:
        found = [match["image"].decode("utf-8", "surrogateescape") for match in _FROM.finditer(read_job(job))]
    except UnreadableError:
        return []
    return [(path, tag) for path, _, tag in (one.partition(":") for one in found)]


def _is_target(name: str) -> bool:
    """Whether a name is the one that a named context has for a target."""
    return name.startswith("target:")


def _last(name: str) -> str:
    """The part of an image's name that is looked for: the last of its path, without the tag."""
    if _is_target(name):
        return name
    path = re.sub(r"\$\{[^}]*\}", "/", name).rstrip("/")
    return path.rpartition("/")[2].partition(":")[0].lower() if path.rpartition("/")[2][:1] != ":" else path


def _named(job: Job, by_name: dict[str, list[int]], by_folder: dict[str, list[int]]) -> dict[int, bool]:
    """The builds that may make what a Dockerfile, its arguments or its contexts name, and whether a FROM names it."""
    try:
        data = read_job(job)
    except UnreadableError:
        return {}
    found: dict[int, bool] = {}
    starts = [match["image"] for match in _FROM.finditer(data)]
    for name, value in job.others.contexts:
        is_start = name.encode("utf-8", "surrogateescape") in starts
        found.update((number, is_start or found.get(number, False)) for number in by_name.get(value, ()))
    texts = [match[0] for match in _NAMING.finditer(data)]
    texts += [value.encode("utf-8", "surrogateescape") for value in job.build_args.values()]
    texts += [value.encode("utf-8", "surrogateescape") for _, value in job.others.contexts]
    for is_start, some in ((False, texts), (True, starts)):
        for before, word in _words(some):
            numbers = (*by_name.get(word, ()), *(by_folder.get(word, ()) if before else ()))
            found.update((number, is_start or found.get(number, False)) for number in numbers)
    stages = {match["name"].lower() for match in _FROM.finditer(data) if match["name"]}
    for start in {start.lower() for start in starts} - stages:
        # A bare name that nobody publishes, as scripts give it to what a folder of that name builds. Which build that is,
        # is not known well enough to go on from its end.
        found.update(dict.fromkeys(by_folder.get(start.decode("utf-8", "surrogateescape"), ()), True))
    return found


def _words(texts: Iterable[bytes]) -> Iterator[tuple[bool, str]]:
    for text in texts:
        for match in _WORD.finditer(text):
            yield match["before"] is not None, match["word"].decode("utf-8", "surrogateescape").lower()


def _closure(start: int, near: Sequence[Sequence[int]], builds: Sequence[OtherBuild]) -> tuple[OtherBuild, ...]:
    """The builds that one may rest on, those that these may rest on behind them; itself only where they do. An image of its
    own name that a Dockerfile starts from is one that somebody published."""
    found: dict[int, None] = {}
    own = os.path.realpath(builds[start].path) if near[start] else ""
    pending = [
        number
        for number in near[start]
        if number != start
        and (os.path.realpath(builds[number].path) != own or any(map(_is_target, builds[number].names)))
    ]
    while pending and len(found) < _MAX_OTHERS:
        number = pending.pop(0)
        if number not in found:
            found[number] = None
            pending.extend(near[number])
    return tuple(builds[number] for number in found)
