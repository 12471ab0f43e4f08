"""Help text in sections: related options are grouped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def section(title: str, options: Sequence[Callable[[Any], Any]]) -> Callable[[_Command], _Command]:
    """A decorator that adds ``options`` and lists them under ``title``."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
            parameters: list[Any] = command.__click_params__  # type: ignore[attr-defined]
            parameters[-1].section = title
        return command

    return decorate


class SectionedCommand(click.Command):
    """A command whose help lists options by section, in the order in which they were declared."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one list for each section; options without one come last."""
        sections: dict[str, list[tuple[str, str]]] = {}
        others: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                title = getattr(parameter, "section", None)
                (others if title is None else sections.setdefault(title, [])).append(record)
        for title, rows in [*sections.items(), ("Options", others)]:
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
