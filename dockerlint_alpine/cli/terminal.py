"""The terminal's capabilities, and messages besides the report."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import click

from dockerlint_alpine.report.display import printable

if TYPE_CHECKING:
    from dockerlint_alpine.model.reports import FileError

_ABLE = frozenset({"iTerm.app", "WezTerm", "vscode", "Hyper", "ghostty", "Tabby", "rio", "mintty"})
"""Values of TERM_PROGRAM whose terminals follow OSC 8 (https://github.com/Alhadis/OSC8-Adoption)."""

_VTE_WITH_LINKS = 5000
_NARROWEST = 60
_said: set[str] = set()


def warn(text: str) -> None:
    """Say one line on standard error, once in a run. Names in it may come from anywhere: nothing in it can steer a
    terminal."""
    if text not in _said:
        _said.add(text)
        click.echo(f"alpine-doctor: {printable(text)}", err=True)


def warn_of(problems: Iterable[FileError]) -> None:
    """Say which files could not be read, or written, and why."""
    for problem in problems:
        warn(f"{problem.path}: {problem.message}")


class Refusing:
    """A context in which errors of these ``kinds`` become usage errors: one line for the user, and exit code 2."""

    def __init__(self, *kinds: type[Exception]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Raise click.UsageError in place of an error of these kinds."""
        if isinstance(error, self._kinds):
            raise click.UsageError(str(error)) from None


def safe_message(text: str) -> str:
    """A message of several lines without anything that a terminal could obey."""
    return "\n".join(map(printable, text.split("\n")))


def text_width(*, most: int, to_file: bool = False) -> int:
    """The cells that a line of text may take on standard output: those of the terminal, within reason; without a terminal
    no line is broken, as whoever searches or wraps the text knows better where."""
    if to_file or not sys.stdout.isatty():
        return sys.maxsize
    return max(_NARROWEST, min(os.get_terminal_size().columns, most))


def follows_links(environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Whether to write OSC 8 links. FORCE_HYPERLINK decides where it is set (0 is no); unknown terminals get none."""
    forced = environment.get("FORCE_HYPERLINK")
    if forced is not None:
        return forced not in {"", "0", "false"}
    if not terminal or environment.get("TERM") == "dumb" or environment.get("CI"):
        return False
    if environment.get("TERM_PROGRAM") in _ABLE or environment.get("TERM", "") in {"xterm-kitty", "alacritty", "foot"}:
        return True
    if any(environment.get(name) for name in ("WT_SESSION", "KONSOLE_VERSION", "DOMTERM", "KITTY_WINDOW_ID")):
        return True
    vte = environment.get("VTE_VERSION", "")
    return vte.isdigit() and int(vte) >= _VTE_WITH_LINKS
