"""URLs as text."""

from __future__ import annotations

from dockerlint_alpine.system.patterns import lazy_pattern

_LOGIN = lazy_pattern(r"(?<=://)[^/@\s]*@")


def redact(text: str) -> str:
    """Return ``text`` with the user information of every URL in it replaced by ``****``."""
    return _LOGIN.sub("****@", text)
