"""``alpine-doctor server``."""

from __future__ import annotations

import os
import sys

import click


@click.command()
def server() -> None:
    r"""Serve an editor over standard input and output: the Language Server Protocol.

    An editor starts this. It needs the extra: pip install 'alpine-doctor[lsp]'. Options come from the same files as for
    the other commands, and from the editor's initialization options by the same names.

    \b
    Neovim:
      vim.lsp.config("alpine_doctor", { cmd = { "alpine-doctor", "server" }, filetypes = { "dockerfile" } })
      vim.lsp.enable("alpine_doctor")
    """
    try:
        from dockerlint_alpine.server.app import serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {"pygls", "lsprotocol", "cattrs", "attrs", "attr"}:
            raise
        click.echo("alpine-doctor: the server needs pygls: pip install 'alpine-doctor[lsp]'", err=True)
        sys.exit(2)
    from functools import partial

    from dockerlint_alpine.cli.online import open_resolver, open_store
    from dockerlint_alpine.run.openers import Openers

    if sys.stdin.isatty():
        click.echo("alpine-doctor: waiting for an editor's messages on standard input; Ctrl-D ends it", err=True)
    # The protocol alone may write to standard output: whatever else does goes to standard error.
    protocol = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    ways = Openers(partial(open_resolver, quick=False), partial(open_store, quick=False))
    sys.exit(serve(ways, os.environ, sys.stdin.buffer, protocol))
