"""Colour and links for terminals that want them; plain text for everyone else."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

RED: Final = "31"
GREEN: Final = "32"
YELLOW: Final = "33"
BLUE: Final = "34"
CYAN: Final = "36"
BOLD: Final = "1"
DIM: Final = "2"

SEVERITY_COLORS: Final = {"error": RED, "warning": YELLOW, "info": CYAN}


class Paint(Struct, frozen=True):
    """Wraps text in escape sequences, or does nothing. The text must be printable already."""

    color: bool = False
    hyperlinks: bool = False

    def __call__(self, text: str, *styles: str) -> str:
        """Return the text in these styles (SGR numbers)."""
        return f"\x1b[{';'.join(styles)}m{text}\x1b[0m" if self.color and text else text

    def link(self, text: str, url: str | None) -> str:
        """Return the text as an OSC 8 link where there is an address and the terminal can do it."""
        return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\" if self.hyperlinks and url else text
