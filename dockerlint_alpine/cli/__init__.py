"""The command line: one module per command, imported when it is called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from dockerlint_alpine import __version__

COMMANDS: dict[str, tuple[str, str, str]] = {
    "check": ("dockerlint_alpine.cli.check", "check", "Report what Alpine stages lack."),
    "fix": ("dockerlint_alpine.cli.fix", "fix", "Put the missing packages into the Dockerfiles."),
    "generate": ("dockerlint_alpine.cli.generate", "generate", "Print a Dockerfile for a requirements file."),
    "explain": ("dockerlint_alpine.cli.explain", "explain", "Explain a code, distribution, library or apk package."),
    "diagnose": ("dockerlint_alpine.cli.diagnose", "diagnose", "From a log to the cause, the packages and the fix."),
    "inspect": ("dockerlint_alpine.cli.inspect", "inspect_command", "Say what wheels, folders and images need."),
    "index": ("dockerlint_alpine.cli.index", "index_group", "Ask Alpine's package indexes."),
    "server": ("dockerlint_alpine.cli.server", "server", "Serve an editor (Language Server Protocol)."),
    "rules": (
        "dockerlint_alpine.cli.rules",
        "rules_group",
        "List, show, validate, draft, refresh and export the rules.",
    ),
}
"""Name -> module, attribute, help line: so that ``--help`` imports no command."""


class LazyGroup(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 clean or all fixed, 1 findings remain, 2 the command was wrong or a file could not be read.",
)
@click.version_option(__version__, prog_name="alpine-doctor")
def app() -> None:
    """Find the apk packages that Python distributions lack in Alpine Dockerfiles, with proof, and put them in."""


def main() -> None:
    """Run the program; a broken pipe ends it quietly."""
    for stream in (sys.stdout, sys.stderr):
        # Paths and Dockerfiles may hold bytes that are no UTF-8.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app(prog_name="alpine-doctor")
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
