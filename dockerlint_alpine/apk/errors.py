"""Errors of this package. Each message is one clear line that can be shown to a user as it is."""

from __future__ import annotations


class ApkError(Exception):
    """Base of every error that this package raises on purpose."""


class UnknownReleaseError(ApkError):
    """No index, and no neighbour that could stand in, for a release, architecture or repository."""


class ConstraintError(ApkError, ValueError):
    """A package argument that apk would refuse: ``name(@tag)([<>~=]version)``."""


class IndexFormatError(ApkError):
    """An APKINDEX (or a database built from one) that is truncated, malformed or larger than any real one."""


class SignatureError(ApkError):
    """An index that no trusted key vouches for."""


class DownloadError(ApkError):
    """A mirror that did not answer, or answered with something else than an index."""
