"""The errors of this package: one base type, one clear line each."""

from __future__ import annotations

from dockerlint_alpine.system.unreadable import UnreadableError


class NotElfError(UnreadableError):
    """The bytes do not start with the ELF magic number."""


class MalformedElfError(UnreadableError):
    """The bytes claim to be ELF, but their headers can't be true."""


class TargetError(UnreadableError):
    """A target that does not exist, can't be opened or is nothing this package reads."""


class EngineError(UnreadableError):
    """The container engine can't be reached or does not have the image."""


class RegistryError(UnreadableError):
    """A registry that can't be reached, refuses, or does not have the image."""
