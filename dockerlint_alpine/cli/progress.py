"""A progress bar for what takes a while: many files of a folder, the layers and objects of an image."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from typing import Self

_SHOW_FROM = 2000
"""Steps; fewer are done before anybody looks."""


class Bar:
    """A progress bar on standard error for targets that take a while, if somebody watches."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None
        self._total: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._finish()

    def update(self, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` steps are done."""
        if total is None or total < _SHOW_FROM or not sys.stderr.isatty():
            return
        if total != self._total:
            self._finish()
            self._total = total
            self._bar = click.progressbar(length=total, label=self._label, file=sys.stderr)
        if self._bar is not None:
            self._bar.update(done - self._bar.pos)
            if done >= total:
                self._finish()

    def _finish(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None
