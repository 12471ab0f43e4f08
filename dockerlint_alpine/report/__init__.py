"""From findings to what people and programs read.

Every module of ``formats/`` is an output format. It has one function, ``render(report, options) -> str``, which is a pure
function of what it is given, and is imported when it is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dockerlint_alpine.report.options import CodeDoc, RenderOptions, ReportError, UnknownFormatError

if TYPE_CHECKING:
    from dockerlint_alpine.model.reports import Report

__all__ = ["FORMATS", "CodeDoc", "RenderOptions", "ReportError", "UnknownFormatError", "render"]

with os.scandir(f"{__path__[0]}/formats") as _modules:
    FORMATS = tuple(sorted(one.name[:-3] for one in _modules if one.name.endswith(".py") and one.name[0] != "_"))
"""The output formats, in the order that help lists them."""


def render(report: Report, format: str, *, options: RenderOptions) -> str:  # noqa: A002 - the option's own name
    """Render the report in one of ``FORMATS``, ending in a newline unless it is empty.

    The text may hold any Unicode character but no lone surrogate, so it can be written as UTF-8.

    Raises:
        UnknownFormatError: there is no such format.

    """
    if format not in FORMATS:
        raise UnknownFormatError(format, FORMATS)
    from importlib import import_module

    text: str = import_module(f"{__name__}.formats.{format}").render(report, options)
    return text
