"""Builds of the same project that one build may rest on: plain data, from who finds them to who walks through them."""

from __future__ import annotations

from msgspec import Struct


class OtherBuild(Struct, frozen=True):
    """A build of another Dockerfile.

    ``path`` is the Dockerfile, or the file that has it as ``text``; ``shown`` what it is called. ``names`` are the images
    that it makes, and what named contexts call it; ``folder`` is the name that an image may have after it, where no file
    says one. ``context``, ``build_args``, ``target`` and ``contexts`` are what it is built with.
    """

    path: str
    shown: str
    names: tuple[str, ...] = ()
    folder: str = ""
    context: str | None = None
    build_args: tuple[tuple[str, str], ...] = ()
    target: str | None = None
    contexts: tuple[tuple[str, str], ...] = ()
    text: bytes | None = None


class Others(Struct, frozen=True):
    """The named contexts of a build (``docker-image://REFERENCE``, ``target:NAME``, ``folder:PATH``), and the other builds
    that it and they may rest on. ``rest_on_it``: another build of the same search may start from its image.
    ``platforms_by`` is the file of the project that says for which platforms it is built."""

    contexts: tuple[tuple[str, str], ...] = ()
    builds: tuple[OtherBuild, ...] = ()
    rest_on_it: bool = False
    platforms_by: str = ""
