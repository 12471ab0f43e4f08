"""Options that every command has."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from dockerlint_alpine.cli import app


def leaves(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from leaves(inner, (*words, name))


@pytest.mark.parametrize(("words", "command"), list(leaves(app, ())))
def test_every_command_accepts_online_and_offline(words: tuple[str, ...], command: click.Command) -> None:
    options = [one for parameter in command.params for one in (*parameter.opts, *parameter.secondary_opts)]
    assert options.count("--online") == options.count("--offline") == 1, words
