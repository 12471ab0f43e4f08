"""What the judgement of a Dockerfile needs to know of an image that was read."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from dockerlint_alpine.elf.installed import distributions_of, packages_of, world_of
from dockerlint_alpine.knowledge.image_contents import ImageContents, ImagePython
from dockerlint_alpine.system.paths import PROGRAMS
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.platforms import APK_ARCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.elf.installed import InstalledDistribution, InstalledPackage
    from dockerlint_alpine.elf.registry import RegistryImage
    from dockerlint_alpine.elf.targets import Subject

_PYTHON = lazy_pattern(r"(?P<prefix>(?:/.*)?)/bin/python(?P<version>[23]\.\d+)")
_SITE = lazy_pattern(r"(?P<prefix>.*)/lib/python[\d.]+/(?:site|dist)-packages")
_PLATFORMS = {arch: platform for platform, arch in reversed(APK_ARCH.items())}
_MAX_NAMES = 20_000
"""Programs, libraries and distributions of one image, each."""


def contents_of(digest: str, image: RegistryImage, *, alone: bool) -> ImageContents:
    """Return what an image holds; ``alone``: it is there for its own platform only."""
    subject = image.subject
    packages = packages_of(subject.tree)
    asked = [name for one in world_of(subject.tree) if (name := re.split("[=<>~@]", one)[0]) and name[0] != "!"]
    # apk writes no origin for what "apk add --virtual" makes (apk-tools: src/app_add.c), and one for all that was built.
    virtual = {one.name: one.depends for one in packages if not one.origin and one.name in asked}
    provided = {re.split("[=<>~]", text)[0] for one in packages for text in one.provides}
    distributions = distributions_of(subject.tree)
    pythons = tuple(_pythons(subject, distributions))
    return ImageContents(
        digest,
        created=image.created,
        platform=_PLATFORMS.get(subject.arch or "", "") if alone else "",
        alpine=subject.alpine or "",
        world=tuple(name for name in asked if name not in virtual),
        virtual=tuple(virtual.items()),
        packages=tuple(one.name for one in packages if one.name not in virtual),
        pythons=pythons,
        distributions=tuple(_installed(distributions, packages, provided))[:_MAX_NAMES],
        programs=_programs(subject, provided),
        libraries=_libraries(subject, provided),
        environment=tuple({**_allowed(subject, pythons), **subject.environment}.items()),
        user=subject.user,
        workdir=subject.workdir,
        shell=image.shell,
        onbuild=image.onbuild,
    )


def _pythons(subject: Subject, distributions: Sequence[InstalledDistribution]) -> Iterator[ImagePython]:
    """The interpreters that have a name with their version, the official images' own first."""
    pips = {posixpath.dirname(one.metadata): one.version for one in distributions if one.name == "pip"}
    found = (match for path, _ in subject.tree.nodes() if (match := _PYTHON.fullmatch(path)) is not None)
    for match in sorted(found, key=lambda match: (match["prefix"] != "/usr/local", match["prefix"])):
        prefix, version = match["prefix"] or "/", match["version"]
        node = subject.tree.lookup(posixpath.join(prefix, "pyvenv.cfg"))
        said = dict(_settings(node.content)) if node is not None and node.content is not None else {}
        yield ImagePython(
            prefix,
            version,
            pip=pips.get(f"{prefix.rstrip('/')}/lib/python{version}/site-packages", ""),
            home=posixpath.dirname(said.get("home", "")),
            sees_system=said.get("include-system-site-packages") == "true",
        )


def _allowed(subject: Subject, pythons: Sequence[ImagePython]) -> dict[str, str]:
    """What stands for a marker that the image has taken away (PEP 668: EXTERNALLY-MANAGED), where apk's own Python is."""
    versions = [one.version for one in pythons if one.prefix == "/usr"]
    marks = [subject.tree.lookup(f"/usr/lib/python{one}/EXTERNALLY-MANAGED") for one in versions]
    return {"PIP_BREAK_SYSTEM_PACKAGES": "1"} if marks and not any(marks) else {}


def _settings(content: bytes) -> Iterator[tuple[str, str]]:
    for line in content.decode("utf-8", "replace").splitlines():
        name, equals, value = line.partition("=")
        if equals:
            yield name.strip().lower(), value.strip()


def _installed(
    distributions: Sequence[InstalledDistribution], packages: Sequence[InstalledPackage], provided: set[str]
) -> Iterator[tuple[str, str, str]]:
    """Distributions that Python sees and that no package of apk brought."""
    own = {one.name.removeprefix("py3-") for one in packages if one.name.startswith("py3-")}
    own |= {text.partition(":")[2] for text in provided if re.match(r"py3\.\d+:", text)}
    for one in distributions:
        folder = posixpath.dirname(one.metadata)
        place = _SITE.fullmatch(folder)
        if place is not None and not (place["prefix"] == "/usr" and one.name in own):
            yield one.name, one.version, folder


def _programs(subject: Subject, provided: set[str]) -> frozenset[str]:
    """The names of programs in the folders of PATH, and of those that may become part of it, that no package says it has."""
    folders = {folder for folder in subject.environment.get("PATH", PROGRAMS).split(":") if folder.startswith("/")}
    found = set()
    for path, node in subject.tree.nodes():
        folder, _, name = path.rpartition("/")
        apart = folder in folders or folder.endswith(("/bin", "/sbin"))
        if apart and f"cmd:{name}" not in provided and (node.target or "").rpartition("/")[2] != "busybox":
            found.add(name)
    return frozenset(sorted(found)[:_MAX_NAMES])


def _libraries(subject: Subject, provided: set[str]) -> frozenset[str]:
    """The names of libraries in the folders that musl's loader looks in (ldso/dynlink.c) of which no package tells."""
    folders = {"/lib", "/usr/local/lib", "/usr/lib"}
    for path, node in subject.tree.nodes():
        if path.startswith("/etc/ld-musl-") and node.content is not None:
            folders |= set(re.split(r"[:\n]", node.content.decode("utf-8", "replace").strip()))
    names = (path.rpartition("/") for path, _ in subject.tree.nodes() if ".so" in path)
    found = {name for folder, _, name in names if folder in folders and f"so:{name}" not in provided}
    return frozenset(sorted(found)[:_MAX_NAMES])
