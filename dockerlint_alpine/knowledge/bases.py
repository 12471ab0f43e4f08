"""Base images: what a reference in FROM tells about Alpine, Python and the packages that are already there.

The facts are in ``rules/base-images.toml``. A reference is matched by repository (registry mirrors of official images
included) and by its tag; what was assumed on the way is said in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.json import decode
from msgspec.structs import replace

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.knowledge.image_tags import ImageTags
from dockerlint_alpine.knowledge.model import Entry, Evidence, Release, Text, Texts, Version, within
from dockerlint_alpine.knowledge.schema import read
from dockerlint_alpine.system.patterns import lazy_pattern

_REFERENCE = lazy_pattern(
    r"(?:(?P<host>(?:[^/@]*[.:][^/@]*|localhost))/)?(?P<path>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?\Z"
)
PYTHON_LIST = ".python-rundeps"
"""The virtual package of the official Python images that holds the libraries of CPython's own modules."""

_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
_OF_ARCHITECTURES = {
    "amd64": "linux/amd64", "arm32v5": "linux/arm/v5", "arm32v6": "linux/arm/v6", "arm32v7": "linux/arm/v7",
    "arm64v8": "linux/arm64", "i386": "linux/386", "ppc64le": "linux/ppc64le", "riscv64": "linux/riscv64",
    "s390x": "linux/s390x",
}  # fmt: skip
"""Docker Hub's namespaces with the official images of one architecture (docker-library/official-images, "Architectures
other than amd64?"), and the platform that each stands for."""

_ALPINE_IN_TAG = lazy_pattern(r"(?:^|[-_.])alpine(?:[-_]?v?(?P<alpine>3\.\d+|edge))?(?:\.\d+)*(?=$|[-_.])")
_RELEASE_IN_TAG = lazy_pattern(r"(?:^|[-_])v?(?P<alpine>3\.(?:\d|[123]\d))(?:\.\d+)*(?=$|[-_])")
"""The release in the tag of an image that is called after Alpine: ``alpine-s6:3.22-2.2.0.3``."""
_OTHER_IN_TAG = lazy_pattern(
    r"(?:^|[-_.])(?:jessie|stretch|buster|bullseye|bookworm|trixie|trusty|xenial|bionic|focal|jammy|noble|debian|ubuntu|"
    r"centos|fedora|rockylinux|almalinux|oraclelinux|amazonlinux|archlinux|opensuse|rhel|ubi|windowsservercore|nanoserver)"
    r"\d*(?:[.]\d+)*(?=$|[-_.])"
)
"""Another system's name in the tag: ``3.1-ubuntu20.04``, ``1.2-bookworm``."""
_PYTHON_IN_TAG = lazy_pattern(r"(?:^|[-_])(?:python|py)[-_]?(?P<python>[23]\.\d+)(?:\.\d+)*(?=$|[-_])")


class BaseImage(Struct, frozen=True):
    """What is known of the image that a stage starts from.

    ``image`` is the rule's repository name. ``alpine`` is ``X.Y``, ``edge`` or ``None`` when unknown; ``python`` is
    ``X.Y`` and ``python_version`` as much of the full version as is known; ``python_prefix`` is ``/usr/local``
    (compiled by the image) or ``/usr`` (apk's python3). ``world`` are apk constraints (names and ``so:`` names) that
    were added there; one that an index can't meet is to be skipped, not an error. ``pip_version`` is what the image
    shipped at least. ``assumed`` are sentences on what was taken for granted; ``certain`` is false when the name alone
    was the guide. ``platform`` is the only one of an image that is published for a single architecture (``arm64v8/python``).
    """

    reference: str
    image: str
    not_alpine: bool = False
    alpine: str | None = None
    python: str | None = None
    python_version: str | None = None
    python_prefix: str | None = None
    world: tuple[str, ...] = ()
    pip_version: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    assumed: tuple[str, ...] = ()
    certain: bool = True
    evidence: tuple[str, ...] = ()
    glibc: tuple[int, int] | None = None
    """(major, minor) of the C library of an image that is not Alpine, where its tag tells."""
    platform: str | None = None
    undated: bool = False
    """True where a digest says which image it is and the release is only the newest that its tag may mean: the digest may
    be of any day."""
    patched_python: bool = False
    """True where its own Python has Alpine's patch of ``ctypes.util.find_library``, which asks no compiler."""
    python_links: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """The ``so:`` needs of the Python in ``python_prefix``, each with the modules of the standard library that have it."""
    programs: frozenset[str] | None = None
    """The programs that belong to no package of apk, ``None`` where they are not known."""
    libraries: frozenset[str] = frozenset()
    """The file names of such libraries, as far as they are known."""


class Reference(Struct, frozen=True):
    """A parsed image reference; ``path`` is in lower case and without Docker Hub's ``library/``, or the namespace of one
    architecture, which is in ``platform``."""

    host: str
    path: str
    tag: str
    digest: str
    platform: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference | None:
        """Split ``[HOST/]PATH[:TAG][@DIGEST]``; ``None`` for what is no reference (an unexpanded variable)."""
        match = _REFERENCE.match(text.strip())
        if match is None or "$" in text or any(character.isspace() for character in text.strip()):
            return None
        host = (match["host"] or "").lower()
        path = match["path"].lower()
        if host in _HUB:
            host = ""
        if not host:
            path = path.removeprefix("library/")
        namespace, slash, image = path.partition("/")
        platform = _OF_ARCHITECTURES.get(namespace) if not host and slash and "/" not in image else None
        return cls(host, image if platform else path, match["tag"] or "", match["digest"] or "", platform)

    @property
    def repository(self) -> str:
        """Its name on the registry."""
        return self.path if self.host or "/" in self.path else f"library/{self.path}"


class _Needs(Entry, frozen=True):
    """Needs of a base world: on Alpine ``since`` to ``until``, for Python ``python_from`` up to before ``python_before``."""

    needs: Texts
    since: Release | None = None
    until: Release | None = None
    python_from: str = ""
    python_before: str = ""

    def holds(self, alpine: str, python: str | None) -> bool:
        if not within(alpine, self.since, self.until):
            return False
        if python is None:
            return True
        version, before = _numbers(python), self.python_before
        return _numbers(self.python_from) <= version and (not before or version < _numbers(before))


class _Tag(Struct, frozen=True):
    """One Alpine release under one Python minor: the first and last patch version that was published on it."""

    alpine: str
    first: str
    last: str

    def has(self, version: str) -> bool:
        return _numbers(self.first) <= _numbers(version) <= _numbers(self.last)


class _Change(Entry, frozen=True):
    """What holds from one version of an image on; what is not said stays. An empty ``base`` is one that is not known."""

    base: str | None = None
    system: str | None = None
    adds: Texts | None = None
    environment: Mapping[str, str] | None = None

    def on(self, image: _Image) -> _Image:
        told = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        if "base" in told:
            told.setdefault("system", "")
        return replace(image, **told)


class _Image(Entry, frozen=True):
    """One rule: repositories and a tag pattern, and what they mean."""

    tag: Text
    evidence: Evidence
    repositories: Texts = ()
    """Names, and ``FOLDER/*`` for all that lie below a folder; what an exact name says goes first."""
    base: str = ""
    versions: Mapping[Version, str | _Change] = {}
    """What holds from a version on, in their order; a text is the base. The tag's group ``version`` decides, and of its
    group ``series`` (``9.5``), or without either, the newest version that is told of; none is told of before the first."""
    alpine: str = ""
    adds: Texts = ()
    python: str = ""
    python_prefix: str = ""
    system: str = ""
    glibc: str = ""
    official: bool = False
    patched_python: bool = False
    environment: Mapping[str, str] = {}
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse an image of which nothing is said."""
        if not self.base and not self.system and not self.versions:
            raise ValueError("base is missing (or system = a system that is not Alpine)")
        order = [_numbers(version) for version in self.versions]
        if order != sorted(order):
            raise ValueError("versions must be in their order")

    def of(self, version: str, series: str) -> tuple[_Image, bool]:
        """What is told of a version, or of the newest of a ``series`` (empty: of all), and whether that is settled."""
        wanted = _numbers(version or series)
        known = [since for since in self.versions if _numbers(since)[: None if version else len(wanted)] <= wanted]
        while known and not version and self.versions[known[-1]] == "" and _numbers(known[-1]) > wanted:
            known.pop()
        image = self if known else _Change(base="").on(self)
        for since in known:
            change = self.versions[since]
            image = (_Change(base=change) if isinstance(change, str) else change).on(image)
        return image, bool(version) or not known or _numbers(known[-1]) <= wanted


class _Document(Entry, frozen=True):
    as_of: str = ""
    default_alpine: str = ""
    default_python: str = ""
    mirrors: Texts = ()
    rootfs: tuple[_Needs, ...] = ()
    python: tuple[_Needs, ...] = ()
    python_modules: Mapping[str, str] = {}
    python_tags: Mapping[str, Mapping[str, tuple[str, str]]] = {}
    python_pip: Mapping[str, Mapping[str, str]] = {}
    last_pip: Mapping[str, str] = {}
    python_environment: Mapping[str, str] = {}
    python_evidence: Texts = ()
    rootfs_evidence: Texts = ()
    image: tuple[_Image, ...] = ()


_MAX_DEPTH = 20
"""Images that start from one another."""
_GROUP = lazy_pattern(r"\{(\w+)\}")
_WHOLE = {"alpine": "alpine:{alpine}", "python": "python:{python}-alpine{alpine}"}
"""What the names of the official images stand for where they are not among the rules themselves."""


def by_repository(images: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The ``[[image]]`` tables of the file by each of their repositories, in order."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for image in images:
        for repository in image.get("repositories", ()):
            found.setdefault(repository, []).append(image)
    return found


class BaseImages:
    """The rules of ``base-images.toml``, ready to match; raises ``RuleError`` for a file that breaks the schema.

    ``packed`` gives the JSON of the ``[[image]]`` tables of one repository, where ``raw`` was compiled without them.
    ``beyond`` are the built-in rules, on whose images those of a user's own may rest."""

    def __init__(
        self,
        raw: Mapping[str, Any],
        file: str = "rules/base-images.toml",
        tags: ImageTags | None = None,
        packed: Callable[[str], str | None] | None = None,
        beyond: BaseImages | None = None,
    ) -> None:
        told = self._told = read(_Document, raw, file)
        self._moving = tags or ImageTags()
        self._packed = packed
        self._beyond = beyond
        self._depth = 0
        self._images: dict[str, tuple[_Image, ...]] = {}
        for image in told.image:
            for repository in image.repositories:
                self._images[repository] = (*self._images.get(repository, ()), image)
        self._modules = {need: tuple(names.split()) for need, names in told.python_modules.items()}
        self._tags = {
            minor: tuple(_Tag(alpine, *span) for alpine, span in spans.items())
            for minor, spans in told.python_tags.items()
        }

    def check(self, file: str) -> None:
        """Raise ``RuleError`` for the first tag pattern that is no regular expression, or the first base of a version that
        no rule knows; only maintainers pay for it."""
        for index, image in enumerate(self._told.image):
            try:
                groups = re.compile(image.tag).groupindex
            except re.error as error:
                raise RuleError(file, f"image[{index}].tag", f"not a regular expression: {error}") from error
            if image.versions and "version" not in groups:
                raise RuleError(
                    file, f"image[{index}].tag", "has no group (?P<version>...), which versions are told by"
                )
            for version, change in image.versions.items():
                base = change if isinstance(change, str) else change.base
                if base and "{" not in base and self._start(base, None) is None:
                    raise RuleError(file, f"image[{index}].versions.{version}", f"the base {base} is not known")

    @property
    def world_needs(self) -> tuple[tuple[str, str | None, str | None], ...]:
        """Every need of a base world as (need, since, until), for validation against the indexes."""
        every = (*self._told.rootfs, *self._told.python)
        return tuple((need, item.since, item.until) for item in every for need in item.needs)

    def match(self, reference: str, day: str | None = None) -> BaseImage | None:
        """Return what ``reference`` stands for (on ``day``, ``YYYY-MM-DD``), ``None`` when nothing is known about it."""
        if reference.strip().lower() == "scratch":
            return BaseImage(reference, "scratch", not_alpine=True)
        parsed = Reference.parse(reference)
        if parsed is None:
            return None
        if parsed.digest and not parsed.tag and self._ambiguous(parsed):
            return None
        found = self._by_rule(reference, parsed, None if parsed.digest else day)
        if found is None and self._beyond is None:  # what a name alone tells comes after all rules
            found = self._by_tag(reference, parsed)
        if found is not None and parsed.digest and not parsed.tag and not found.not_alpine:
            note = f"{reference} is pinned by digest without a tag: {_releases(found)} is taken from the default tag"
            found = replace(found, assumed=(*found.assumed, note), certain=False)
        if found is not None and parsed.digest and found.assumed and found.alpine is not None:
            found = replace(found, undated=True)
        return replace(found, platform=parsed.platform) if found is not None and parsed.platform else found

    def _of(self, path: str) -> tuple[_Image, ...]:
        """The rules for one repository, those of its own name before those of the folders that it lies in."""
        folders = ["/".join(path.split("/")[:length]) for length in range(path.count("/"), 0, -1)]
        return tuple(image for name in (path, *(f"{folder}/*" for folder in folders)) for image in self._named(name))

    def _named(self, name: str) -> tuple[_Image, ...]:
        if name not in self._images:
            text = self._packed(name) if self._packed is not None else None
            self._images[name] = decode(text, type=tuple[_Image, ...]) if text is not None else ()
        return self._images[name]

    def _ambiguous(self, parsed: Reference) -> bool:
        """Whether only the tag, which is not there, would tell an Alpine image from another of the same repository."""
        return len({bool(image.system) for image in self._of(parsed.path)}) == 2

    def _by_rule(self, reference: str, parsed: Reference, day: str | None) -> BaseImage | None:
        for path, mirrored in _paths(parsed):
            for image in self._of(path):
                if mirrored and not image.official:
                    continue
                match = re.fullmatch(image.tag, parsed.tag or "latest")
                if match is None:
                    continue
                found = self._image(reference, image, path, parsed.tag, match, day)
                if mirrored and parsed.host not in self._told.mirrors:
                    note = f"{reference} is assumed to be a mirror of the official image {path}"
                    found = replace(found, assumed=(*found.assumed, note), certain=False)
                return found
        return None

    def _image(
        self, reference: str, rule: _Image, path: str, tag: str, match: re.Match[str], day: str | None
    ) -> BaseImage:
        groups = {key: value for key, value in match.groupdict().items() if value}
        image, settled = rule, True
        if rule.versions:
            image, settled = rule.of(groups.get("version", ""), groups.get("series", ""))
        if image.system:
            found = BaseImage(
                reference, path, not_alpine=True, python_prefix=image.python_prefix or None, evidence=image.evidence
            )
            if not image.glibc:
                return found
            major, minor = _numbers(image.glibc)
            return replace(found, glibc=(major, minor), python=groups.get("python"))
        if image.base == "python" and self._beyond is None:
            found = self._official_python(reference, tag, groups, day)
        elif image.base == "alpine" and self._beyond is None:
            dated = groups.get("edge", "")
            if dated:
                day = f"{dated[:4]}-{dated[4:6]}-{dated[6:]}"
            named = groups.get("alpine") or ("edge" if dated else image.alpine)
            found = self._alpine(
                reference, path, tag, named, day, recorded=path if image.official else image.repositories[0]
            )
        else:
            found = self._on_another(reference, image, tag, groups, day, settled=settled)
        notes = (image.note,) if image.note else ()
        return replace(
            found,
            image=path,
            world=(*found.world, *image.adds),
            environment=(*found.environment, *image.environment.items()),
            python=image.python or found.python,
            python_prefix=image.python_prefix or found.python_prefix,
            patched_python=image.patched_python,
            assumed=(*found.assumed, *notes),
            evidence=(*image.evidence, *found.evidence),
        )

    def _on_another(
        self, reference: str, image: _Image, tag: str, groups: Mapping[str, str], day: str | None, *, settled: bool
    ) -> BaseImage:
        """An image that starts from another, which its tag names, its version or what is recorded of the tag."""
        base, why = image.base, "" if settled else f"the newest on {self._told.as_of}"
        then = None if "alpine" in groups else self._moving.on(image.repositories[0], tag, day)
        if then is not None and then.alpine:
            base = f"python:{then.python}-alpine{then.alpine}" if then.python else f"alpine:{then.alpine}"
            why = (
                f"its first, which came after {day}" if not then.there else "" if day else "where it was last published"
            )
        values = {"alpine": image.alpine, "python": image.python, **groups}
        whole = _GROUP.sub(lambda group: values.get(group[1], ""), _WHOLE.get(base, base))
        inner = self._start(whole.rstrip(":"), day)
        found = replace(inner or BaseImage(reference, reference), reference=reference)
        if not why or found.alpine is None:
            return found
        note = f"{reference} names no release: {_releases(found)} is assumed, {why}"
        return replace(found, assumed=(*found.assumed, note), certain=False)

    def _start(self, reference: str, day: str | None) -> BaseImage | None:
        """What an image that others start from is, ``None`` where the rules go round in a circle."""
        if self._depth == _MAX_DEPTH:
            return None
        self._depth += 1
        try:
            found = self.match(reference, day)
        finally:
            self._depth -= 1
        return found or (self._beyond.match(reference, day) if self._beyond is not None else None)

    def _alpine(self, reference: str, path: str, tag: str, named: str, day: str | None, *, recorded: str) -> BaseImage:
        alpine, notes = (named, ()) if named else self._release_of_tag(path, tag, day, recorded)
        then = self._moving.after("alpine", "latest", day) if named == "edge" and day is not None else None
        if then is not None and then.alpine:
            alpine = then.alpine
            notes = (f"edge of {day} is taken for Alpine {alpine}, which was released next",)
        return BaseImage(
            reference,
            path,
            alpine=alpine or None,
            world=_world(self._told.rootfs, alpine or self._told.default_alpine),
            assumed=notes,
            certain=not notes,
            evidence=self._told.rootfs_evidence,
        )

    def _release_of_tag(self, path: str, tag: str, day: str | None, recorded: str) -> tuple[str, tuple[str, ...]]:
        """The Alpine release of a tag that names none, empty where it is not known, and what was assumed; under which name
        the image's history is ``recorded``."""
        shown = _shown(path, tag)
        then = self._moving.on(recorded, tag, day)
        if then is not None and not then.there:
            return then.alpine, (_not_there(shown, day),)
        if then is None or (day is None and then.alpine == self._told.default_alpine):
            return self._told.default_alpine, (
                f"{shown} names no Alpine release: {self._told.default_alpine} is assumed, the newest on {self._told.as_of}",
            )
        if not then.alpine:
            return "", (f"{shown} names no Alpine release: which one it uses is not recorded",)
        if day is not None:
            return then.alpine, ()
        note = f"{shown} names no Alpine release: {then.alpine} is assumed, where it was last published"
        return then.alpine, (note,)

    def _official_python(self, reference: str, tag: str, groups: Mapping[str, str], day: str | None) -> BaseImage:
        shown, newest = _shown("python", tag), f"the newest on {self._told.as_of}"
        notes = []
        then = self._moving.on("python", tag, day) if day is not None else None
        if then is not None and not then.there:
            notes.append(_not_there(shown, day))
        if then is not None:
            groups = {"python": then.python, "alpine": then.alpine}
        version = groups.get("python", "").removesuffix("-rc")
        if version == "2":
            version = "2.7"  # no other was ever built on Alpine
        minor = ".".join(version.split(".")[:2])
        if version != groups.get("python", "") and any(
            item.first == f"{minor}.0" for item in self._tags.get(minor, ())
        ):
            version = f"{minor}.0"  # the tag has stood still since then
        unnamed = minor.count(".") == 0
        if unnamed:
            minor = self._newest_python(groups.get("alpine", ""))
        known = self._tags.get(minor, ())
        full = version if version.count(".") == 2 else ""
        alpine = groups.get("alpine", "")
        if not alpine:
            alpine, why = self._alpine_of_python(tag, known, full or minor)
            if unnamed:
                why = f"Python {minor} on Alpine {alpine} is assumed, {newest}"
            notes.append(f"{shown} names {'no Python minor and ' if unnamed else ''}no Alpine release: {why}")
        elif unnamed:
            notes.append(f"{shown} names no Python minor: {minor} is assumed, {newest}")
        published = next((item for item in known if item.alpine == alpine), None)
        if published is None and known:
            notes.append(f"no tag of python {minor} on Alpine {alpine} was known on {self._told.as_of}")
        version = full or (published.last if published else minor)
        world = alpine or self._told.default_alpine
        return BaseImage(
            reference,
            "python",
            alpine=alpine or None,
            python=minor,
            python_version=version,
            python_prefix="/usr/local",
            world=_world((*self._told.rootfs, *self._told.python), world, version),
            python_links=tuple(self._links(world, version)),
            pip_version=self._pip(minor, version),
            environment=tuple(self._told.python_environment.items()),
            assumed=tuple(notes),
            certain=not notes,
            evidence=self._told.python_evidence,
        )

    def _links(self, alpine: str, version: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        for need in dict.fromkeys(_world(self._told.python, alpine, version)):
            if need.startswith("so:"):
                library = need.removeprefix("so:").partition(".so.")[0]
                yield need, self._modules.get(library, ())

    def last_pip(self, python: str) -> str | None:
        """The last pip for this Python (``X.Y`` or longer), ``None`` where the newest of all still is."""
        return self._told.last_pip.get(".".join(python.split(".")[:2]))

    def _pip(self, minor: str, version: str) -> str | None:
        """Return the pip of the last Python version up to ``version`` for which it is recorded."""
        fitting = [first for first in self._told.python_pip.get(minor, ()) if _numbers(first) <= _numbers(version)]
        return self._told.python_pip[minor][max(fitting, key=_numbers)] if fitting else None

    def _newest_python(self, alpine: str) -> str:
        """Return the newest released Python minor, of those that were published on ``alpine`` if that is known."""
        released = [minor for minor in self._tags if release_key(minor) <= release_key(self._told.default_python)]
        fitting = [minor for minor in released if any(item.alpine == alpine for item in self._tags[minor])]
        return max(fitting, key=release_key, default=self._told.default_python)

    def _alpine_of_python(self, tag: str, known: tuple[_Tag, ...], version: str) -> tuple[str, str]:
        """The newest Alpine release that ``version`` was published on, empty where it is not known, and why."""
        fitting = [item.alpine for item in known if version.count(".") < 2 or item.has(version)]
        if not fitting and (last := self._moving.on("python", tag, None)) is not None:
            return last.alpine, f"{last.alpine} is assumed, where it was last published"
        if not fitting and release_key(version) < release_key(self._told.default_python):
            return "", "which one it uses is not recorded"
        alpine = max(fitting, key=release_key, default=self._told.default_alpine)
        return alpine, f"{alpine} is assumed, the newest with Python {version} on {self._told.as_of}"

    def _by_tag(self, reference: str, parsed: Reference) -> BaseImage | None:
        """Return the last resort: an unknown repository whose tag or name says ``alpine``, or another system's name."""
        match = _ALPINE_IN_TAG.search(parsed.tag.lower())
        name = parsed.path.rsplit("/", 1)[-1]
        if match is None and _OTHER_IN_TAG.search(parsed.tag.lower()):
            return BaseImage(reference, parsed.path, not_alpine=True, certain=False)
        if match is None and not re.search(r"(?:^|[-_])alpine(?:$|[-_])", name):
            return None
        if match is None or match["alpine"] is None:
            match = _RELEASE_IN_TAG.search(parsed.tag.lower()) if "alpine" in name and "python" not in name else match
        alpine = match["alpine"] if match is not None else None
        python = _PYTHON_IN_TAG.search(parsed.tag.lower()) or _PYTHON_IN_TAG.search(f"{name}-{parsed.tag}".lower())
        release = f"Alpine {alpine}" if alpine else "some release of Alpine"
        return BaseImage(
            reference,
            parsed.path,
            alpine=alpine,
            python=python["python"] if python else None,
            # Only a Python of its own is named in the tag: Alpine's comes with the release.
            python_prefix="/usr/local" if python else None,
            world=_world(self._told.rootfs, alpine or self._told.default_alpine),
            assumed=(
                f"{reference} is not a known image: {release} is read from its name; what else it contains is unknown",
            ),
            certain=False,
        )


def _paths(parsed: Reference) -> Iterator[tuple[str, bool]]:
    """Yield the names under which a rule may know the image, and whether that takes it for an official one's mirror."""
    yield (f"{parsed.host}/{parsed.path}" if parsed.host else parsed.path), False
    yield parsed.path, bool(parsed.host)
    if parsed.host:
        parts = parsed.path.split("/")
        for index in range(1, len(parts)):
            yield "/".join(parts[index:]), True


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers at the start of a Python version; a pre-release counts as the version that it leads to."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[a-z]", version, maxsplit=1)[0]))


def _shown(path: str, tag: str) -> str:
    return f"{path}:{tag}" if tag else path


def _not_there(shown: str, day: str | None) -> str:
    return f"{shown} did not exist on {day}, as far as recorded: its first recorded content is assumed"


def _releases(found: BaseImage) -> str:
    parts = [f"Alpine {found.alpine}"] if found.alpine else []
    if found.python:
        parts.append(f"Python {found.python}")
    return " with ".join(parts) or "its release"


def _world(needs: Iterable[_Needs], alpine: str, python: str | None = None) -> tuple[str, ...]:
    """What is in a base world on this Alpine, for this Python."""
    return tuple(need for item in needs if item.holds(alpine, python) for need in item.needs)
