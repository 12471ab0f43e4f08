"""What a build asks for before it starts: the requirements of ``[build-system]`` and ``setup_requires``, with their own.

They are installed into an environment of their own that is gone after the build, so what they link where they run does not
matter; but what no wheel fits is compiled, at that moment and in that stage.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.knowledge import Build
from dockerlint_alpine.python.model import Origin, RequirementSet
from dockerlint_alpine.python.requirement import InvalidRequirementError, parse_pep508, requirement_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dockerlint_alpine.python.model import IndexOptions, Requested, Resolution, Resolved
    from dockerlint_alpine.stages.files import StageFiles

MAX_DEPTH = 4
"""Builds within builds: what builds a build requirement of a build requirement ..."""
MAX_BUILDS = 60
"""Distributions whose build requirements are looked at for one command."""

_IMPLIED = {
    "scikit-build-core": ("cmake", "ninja"),
    "py-build-cmake": ("cmake", "ninja"),
    "meson-python": ("ninja",),
}
"""What backends add themselves where the program is not on PATH (their ``get_requires_for_build_wheel``)."""
PROGRAMS = {"cmake": "cmd:cmake", "ninja": "cmd:ninja"}
"""Distributions that are nothing but a program which Alpine has too: its package does for a build."""
_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


class Asking(Struct, frozen=True):
    """A build that asks for something: the ``chain`` that leads to what is built, its ``origin``, PEP 508 ``requires``."""

    chain: tuple[str, ...]
    origin: Origin
    requires: tuple[str, ...]


def compiled_for_builds(
    builds: Sequence[Asking],
    options: IndexOptions,
    resolve: Callable[[RequirementSet], Resolution],
    asked_by: Callable[[Resolved], tuple[str, ...]],
) -> Iterator[Resolved]:
    """Yield what is made from source for the environments of ``builds``, each once, with the chain that leads there.

    ``resolve`` tells what a set of requirements installs in an empty environment, ``asked_by`` what the build of a source
    distribution asks for.
    """
    waiting = [(build, 1) for build in builds]
    seen: set[tuple[str, str | None]] = set()
    looked_at = 0
    while waiting and looked_at < MAX_BUILDS:
        build, depth = waiting.pop(0)
        wanted = tuple(filter(None, (_parsed(text, build) for text in (*build.requires, *_implied(build.requires)))))
        if not wanted:
            continue
        looked_at += 1
        for one in resolve(RequirementSet(requested=wanted, options=options)).distributions:
            if one.artefact.kind != "sdist" or (one.name, one.version) in seen:
                continue
            seen.add((one.name, one.version))
            yield one
            if depth < MAX_DEPTH:
                waiting.append((Asking(way_to(one), one.origin, asked_by(one)), depth + 1))


def way_to(one: Resolved) -> tuple[str, ...]:
    """Return the chain that leads to a distribution, its own name at the end."""
    return one.chain if one.chain[-1:] == (one.name,) else (*one.chain, one.name)


def program_in_place_of(name: str) -> Build | None:
    """Return what a build takes that wants a program of which the distribution ``name`` is but a copy (cmake, ninja)."""
    return Build(language=(), needs=(PROGRAMS[name],), libraries=()) if name in PROGRAMS else None


def project_asks(folder: str, files: StageFiles) -> tuple[str, ...]:
    """Return what the build of a project folder asks for, as its own files state it."""
    tree: dict[str, bytes | None] = {}
    for name in _FILES:
        try:
            tree[name] = files.read(posixpath.join(folder, name))
        except (OSError, ValueError):
            continue
    if not tree:
        return ()
    from dockerlint_alpine.python.sources.source_facts import read_source  # its patterns take 2 ms to compile

    return read_source(tree).build_requires


def _implied(requires: tuple[str, ...]) -> tuple[str, ...]:
    named = {requirement_name(text) for text in requires}
    return tuple(name for backend in sorted(named) for name in _IMPLIED.get(backend, ()) if name not in named)


def _parsed(text: str, build: Asking) -> Requested | None:
    try:
        found = parse_pep508(text, build.origin)
    except InvalidRequirementError:
        return None
    return replace(found, chain=(*build.chain, "its build")) if found.name is not None else None
