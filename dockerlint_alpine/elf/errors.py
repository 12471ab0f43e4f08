"""The errors of this package: one base type, one clear line each."""

from __future__ import annotations


class ElfError(Exception):
    """Base of everything that reading objects, archives and images can raise; ``str()`` is one line for the user."""


class NotElfError(ElfError):
    """The bytes do not start with the ELF magic number."""


class MalformedElfError(ElfError):
    """The bytes claim to be ELF, but their headers can't be true."""


class ArchiveError(ElfError):
    """A wheel, layer or image archive that is damaged, hostile or of an unknown form."""


class TargetError(ElfError):
    """A target that does not exist, can't be opened or is nothing this package reads."""


class EngineError(ElfError):
    """The container engine can't be reached or does not have the image."""
