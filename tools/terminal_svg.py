"""Draws what the program prints on a terminal as SVG: ``python tools/terminal_svg.py`` writes ``docs/images/`` anew.

The text is the program's own, colours included; a test fails when a picture is out of date. No font is embedded: every
line is stretched to its number of cells, so the columns meet in whatever monospaced font the reader has.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parent.parent
IMAGES = CHECKOUT / "docs" / "images"
PICTURES = {
    "check.svg": "alpine-doctor check docker/backend.alpine.Dockerfile",
}
"""Picture -> the command, run in the fixture project."""

CELLS = 100
CELL, LINE, PAD, BAR = 8.4, 19, 16, 34
BACKGROUND, FOREGROUND = "#1d2129", "#d7dae0"
COLORS = {"31": "#ff7b72", "32": "#7ee787", "33": "#f2cc60", "34": "#79b8ff", "36": "#56d4dd"}
DIM = "#8b93a1"
STYLE = (
    f"text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:{FOREGROUND};"
    "white-space:pre}.b{font-weight:700}"
)
_SEQUENCE = re.compile(r"\x1b\[([\d;]*)m|\x1b\]8;;[^\x1b]*\x1b\\")


def printed(command: str) -> str:
    """What a command prints to a terminal of ``CELLS`` cells, colours included."""
    program, *arguments = command.split()
    assert program == "alpine-doctor"
    environment = {**os.environ, "FORCE_COLOR": "1", "FORCE_HYPERLINK": "0", "NO_COLOR": ""}
    screen, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 0, CELLS, 0, 0))
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "dockerlint_alpine", *arguments, "--color", "always"],
        cwd=CHECKOUT / "fixtures" / "netra-backend",
        env=environment,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
    ) as running:
        os.close(terminal)
        text = b"".join(iter(lambda: _read(screen), b""))
    os.close(screen)
    if running.returncode not in {0, 1}:
        raise SystemExit(f"{command}: {running.returncode}")
    return text.decode().replace("\r\n", "\n")


def _read(screen: int) -> bytes:
    """What comes next on a terminal; nothing once its program has ended (EIO on Linux)."""
    try:
        return os.read(screen, 65536)
    except OSError:
        return b""


def draw(command: str, text: str) -> str:
    """The picture of a command and its text."""
    lines = [f"\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m", "", *text.rstrip("\n").split("\n")]
    width = round(PAD * 2 + CELL * max(len(_SEQUENCE.sub("", line)) for line in lines))
    height = BAR + LINE * len(lines) + PAD
    body = [
        f'<text x="{PAD}" y="{BAR + LINE * (index + 1) - 5}" xml:space="preserve" '
        f'textLength="{CELL * len(_SEQUENCE.sub("", line)):.1f}">{"".join(_spans(line))}</text>'
        for index, line in enumerate(lines)
        if _SEQUENCE.sub("", line).strip()
    ]
    dots = [
        f'<circle cx="{20 + 18 * index}" cy="18" r="5.5" fill="{color}"/>'
        for index, color in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{_escape(command)}">'
    )
    frame = f'<rect width="{width}" height="{height}" rx="9" fill="{BACKGROUND}"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", frame, *dots, *body, "</svg>"]) + "\n"


def _spans(line: str) -> Iterator[str]:
    """The pieces of a line in their colours, as SVG."""
    styles: set[str] = set()
    cursor = 0
    for match in [*_SEQUENCE.finditer(line), None]:
        piece = line[cursor : match.start() if match else len(line)]
        if piece:
            fill = next((COLORS[style] for style in sorted(styles) if style in COLORS), DIM if "2" in styles else "")
            attributes = (' class="b"' if "1" in styles else "") + (f' fill="{fill}"' if fill else "")
            yield f"<tspan{attributes}>{_escape(piece)}</tspan>" if attributes else _escape(piece)
        if match is None:
            return
        cursor = match.end()
        if match[1] is not None:
            codes = match[1].split(";") if match[1] else ["0"]
            styles = set() if "0" in codes else styles | set(codes)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def main() -> None:
    """Write all pictures."""
    IMAGES.mkdir(exist_ok=True)
    for name, command in PICTURES.items():
        (IMAGES / name).write_text(draw(command, printed(command)), encoding="utf-8")


if __name__ == "__main__":
    main()
