"""What the author of a script says is to happen when a command fails."""

from __future__ import annotations

from dockerlint_alpine.system.patterns import lazy_pattern

_HANDLED = lazy_pattern(rb"[\s\\`;)}]*(?:\|\||then\b)")
_GIVES_UP = lazy_pattern(rb"[\s\\]*\|\|\s*(?:\{\s*)?(?:exit|false|kill|return)\b")


def is_handled(data: bytes, behind: int) -> bool:
    """True for a command that ends at the offset ``behind`` if anything is said (``||``, ``if ...; then``)."""
    return _HANDLED.match(data, behind) is not None


def goes_on(data: bytes, behind: int) -> bool:
    """The same, without what only says that the failure is meant (``|| exit 1``)."""
    return is_handled(data, behind) and not _GIVES_UP.match(data, behind)
