"""The errors for files that are not what they claim to be: one clear line each."""

from __future__ import annotations

from dockerlint_alpine.system.patterns import lazy_pattern

_CONTROL = lazy_pattern(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Give the text without what could move a terminal's cursor or hide it; bytes that are no UTF-8 as ``\xNN``."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


class UnreadableError(Exception):
    """Base of what reading objects, archives and images can raise; ``str()`` is one line for the user.

    Names come from the files themselves: one with a line end or an escape sequence in it is shown, not obeyed.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class ArchiveError(UnreadableError):
    """A wheel, sdist, layer or image archive that is damaged, hostile or of an unknown form."""


class TooMuchError(ArchiveError):
    """An archive with more members, or more bytes, than are read."""
