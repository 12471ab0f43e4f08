"""``alpine-doctor completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_ALPINE_DOCTOR_COMPLETE"
_WHERE = {
    "bash": 'eval "$(alpine-doctor completion bash)"   in ~/.bashrc',
    "zsh": 'eval "$(alpine-doctor completion zsh)"   in ~/.zshrc, behind compinit',
    "fish": "alpine-doctor completion fish > ~/.config/fish/completions/alpine-doctor.fish",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(tuple(_WHERE)))
def completion(shell: str) -> None:
    r"""Print the script that makes a shell complete commands, options, codes, formats, platforms and stages.

    \b
    Examples:
      eval "$(alpine-doctor completion bash)"     (in ~/.bashrc)
      eval "$(alpine-doctor completion zsh)"      (in ~/.zshrc, behind compinit)
      alpine-doctor completion fish | source     (in ~/.config/fish/config.fish)
    """
    from dockerlint_alpine.cli import app

    made = get_completion_class(shell)
    assert made is not None  # click's own three
    script = made(app, {}, "alpine-doctor", _VARIABLE)
    text = made.source_template % script.source_vars()  # source() would start bash to ask for its version
    click.echo(f"# {_WHERE[shell]}\n{text}")
