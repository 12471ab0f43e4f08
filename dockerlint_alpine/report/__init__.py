"""From findings to what people and programs read: one module per format, each imported when used.

Every format module has one function, ``render(report, options) -> str``, and is a pure function of what it is given.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from dockerlint_alpine.report.options import CodeDoc, RenderOptions, ReportError, UnknownFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.model.reports import Report

__all__ = ["FORMATS", "CodeDoc", "RenderOptions", "ReportError", "UnknownFormatError", "render"]

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        name: f"dockerlint_alpine.report.{name}"
        for name in (
            "text",
            "concise",
            "json",
            "sarif",
            "github",
            "gitlab",
            "junit",
            "checkstyle",
            "rdjson",
            "markdown",
        )
    }
)
"""The output formats by name, in the order that help lists them, with the module that renders each."""


def render(report: Report, format: str, *, options: RenderOptions) -> str:  # noqa: A002 - the option's own name
    """Render the report in one of ``FORMATS``, ending in a newline unless it is empty.

    The text may hold any Unicode character but no lone surrogate, so it can be written as UTF-8.

    Raises:
        UnknownFormatError: there is no such format.

    """
    if format not in FORMATS:
        raise UnknownFormatError(format, tuple(FORMATS))
    from importlib import import_module

    module = import_module(FORMATS[format])
    text: str = module.render(report, options)
    return text
