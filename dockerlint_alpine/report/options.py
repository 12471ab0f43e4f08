"""Rendering options of the formats, and the errors of this package."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.report.paths import portable

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockerlint_alpine.model.findings import Severity

PROGRAM = "alpine-doctor"


class ReportError(Exception):
    """The base of this package's errors; the text is one line for the user."""


class UnknownFormatError(ReportError):
    """An output format was asked for that does not exist."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"unknown output format {name!r}; choose from {', '.join(known)}")


class CodeDoc(Struct, frozen=True):
    """What is known about a code itself, for formats that carry documentation with the findings.

    ``summary`` is one line, ``description`` a paragraph, ``markdown`` the whole page; ``url`` is absolute or relative to
    ``RenderOptions.docs_url``.
    """

    code: str
    name: str
    summary: str
    markdown: str = ""
    severity: Severity = "warning"
    url: str | None = None
    description: str = ""


class RenderOptions(Struct, frozen=True):
    """How to render; each format uses what applies to it.

    ``width`` is the room in terminal cells for ``text``; where there is no terminal, no line is broken. ``docs_url`` is the
    address under which the code pages are published (``https://example.org/docs/``). ``show_fix_hint`` adds the commands
    that fix and explain. ``text`` shows ``limit`` causes (0: all) and names ``command``, which made the report, for the
    rest; with ``proof`` each step that leads to a finding, with ``brief`` one line a cause, with ``show_fix`` what each way
    out writes. ``quiet`` leaves out all but findings and what could not be checked or read. ``host_root`` is the folder
    from which the format's host counts paths, ``file_root`` the one that paths of the report are relative to.
    """

    color: bool = False
    hyperlinks: bool = False
    version: str = "0"
    width: int = sys.maxsize
    code_docs: Callable[[str], CodeDoc] | None = None
    docs_url: str | None = None
    file_root: str | None = None
    show_fix_hint: bool = True
    proof: bool = False
    brief: bool = False
    show_fix: bool = False
    limit: int = 20
    command: str = ""
    quiet: bool = False
    host_root: str | None = None

    def code_url(self, code: str) -> str | None:
        """Return a code's page: absolute where published, else as ``CodeDoc.url`` has it, or ``None``."""
        url = self.code_docs(code).url if self.code_docs else None
        if is_absolute(url) or self.docs_url is None:
            return url
        return f"{self.docs_url.rstrip('/')}/{url or f'codes/{code}/'}"

    def link(self, code: str) -> str | None:
        """Return a code's page where it has an absolute address, which a reader anywhere can follow."""
        url = self.code_url(code)
        return url if is_absolute(url) else None

    def host_path(self, path: str) -> str:
        """Return a path of the report as the host names it: relative to ``host_root`` where it lies below that."""
        if not (self.host_root and self.file_root):
            return portable(path)
        found = os.path.relpath(os.path.join(self.file_root, path), self.host_root)  # noqa: PTH118
        return portable(path if found.startswith("..") else found)

    def file_url(self, path: str) -> str | None:
        """Return the ``file:`` address of a path of the report, where its folder is known (RFC 8089)."""
        if self.file_root is None or not self.hyperlinks:
            return None
        from pathlib import Path

        place = Path(self.file_root, path)
        return place.as_uri() if place.is_absolute() else None


def is_absolute(url: str | None) -> bool:
    """Whether it names a scheme and an authority; only such an address works outside the repository."""
    return url is not None and "://" in url
