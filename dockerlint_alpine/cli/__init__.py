"""The command line: one module per command, imported when it is called."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from inspect import cleandoc
from typing import Any, NoReturn

import click

from dockerlint_alpine.cli.examples import EXAMPLES
from dockerlint_alpine.model.about import __version__

COMMANDS: dict[str, tuple[str, str, str]] = {
    "check": ("dockerlint_alpine.cli.check", "check", "Report what Alpine stages are missing."),
    "fix": ("dockerlint_alpine.cli.fix", "fix", "Add the missing packages to the Dockerfiles."),
    "generate": ("dockerlint_alpine.cli.generate", "generate", "Print a Dockerfile for a requirements file."),
    "explain": ("dockerlint_alpine.cli.explain", "explain", "Explain a code, distribution, library or apk package."),
    "diagnose": ("dockerlint_alpine.cli.diagnose", "diagnose", "Diagnose a log: the cause, the packages, the fix."),
    "inspect": ("dockerlint_alpine.cli.inspect", "inspect_command", "Show what wheels, folders and images need."),
    "verify": ("dockerlint_alpine.cli.verify", "verify", "Prove the findings by building and running on an engine."),
    "index": ("dockerlint_alpine.cli.index", "index_group", "Query Alpine's package indexes."),
    "sweep": ("dockerlint_alpine.cli.sweep", "sweep_group", "Check many repositories, here or on a cluster."),
    "server": ("dockerlint_alpine.cli.server", "server", "Run the language server for editors."),
    "rules": (
        "dockerlint_alpine.cli.rules",
        "rules_group",
        "List, show, validate, draft, refresh and export the rules.",
    ),
    "config": ("dockerlint_alpine.cli.config", "config", "Show the settings and where each one comes from."),
    "cache": ("dockerlint_alpine.cli.cache", "cache_group", "Show where the cache is, or empty it."),
    "completion": ("dockerlint_alpine.cli.completion", "completion", "Print shell completion for commands and values."),
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
        return _readable(command, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a mistyped name is answered with the one that was probably meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = _meant(args)
            if not hint:
                raise
            raise click.UsageError(f"No such command {args[0]!r}{hint}", ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What it refuses may be named by a file: no such name steers the terminal."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            hint = _ELSEWHERE.get((error.ctx.info_name, error.option_name)) if error.ctx is not None else None
            if hint is None:
                raise
            raise click.UsageError(f"No such option: {error.option_name}; {hint}", error.ctx) from None
        except click.ClickException as error:
            from dockerlint_alpine.cli.terminal import safe_message

            said = error.format_message()
            safe = safe_message(said)
            if safe == said:
                raise
            if isinstance(error, click.UsageError):
                raise click.UsageError(safe, error.ctx) from None
            raise click.ClickException(safe) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete the name of a command from the table alone, and options as ever."""
        if not incomplete or incomplete[0].isalnum():
            from click.shell_completion import CompletionItem

            rows = ((name, line) for name, (_, _, line) in COMMANDS.items())
            return [CompletionItem(name, help=line) for name, line in rows if name.startswith(incomplete)]
        return super().shell_complete(ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


_ASKS_NOTHING = "Accepted by every command; this one never queries an index."


def _readable(command: click.Command, words: str) -> click.Command:
    r"""Give a command ``--online/--offline``, and its help examples.

    In docstrings ``\b``, the mark by which click leaves the lines of a paragraph alone, stands as two characters.
    """
    text = cleandoc(command.help or "").replace("\\b\n", "\b\n")
    if "Examples:" not in text and words in EXAMPLES:
        lines = "\n".join(f"  alpine-doctor {example}" for example in EXAMPLES[words])
        text = f"{text}\n\n\b\nExamples:\n{lines}"
    command.help = text
    if not isinstance(command, click.Group) and all(parameter.name != "online" for parameter in command.params):
        command.params.append(
            click.Option(["--online/--offline"], default=None, expose_value=False, help=_ASKS_NOTHING)
        )
    for name, inner in getattr(command, "commands", {}).items():
        _readable(inner, f"{words} {name}")
    return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 clean or all fixed, 1 findings remain, 2 the command was wrong or a file could not be read.",
)
@click.version_option(__version__, "-V", "--version", prog_name="alpine-doctor")
def app() -> None:
    """Find the apk packages that Python distributions lack in Alpine Dockerfiles, with proof, and put them in."""


_OTHER_WORDS = {
    "lint": "check", "scan": "check", "analyze": "check", "format": "fix", "lsp": "server", "why": "explain",
}  # fmt: skip
"""What other programs call it -> the command."""

_ELSEWHERE: dict[tuple[str | None, str], str] = {
    ("check", "--fix"): "`alpine-doctor fix` writes the fixes, `alpine-doctor fix --diff` prints them",
    ("check", "--diff"): "`alpine-doctor fix --diff` prints the fixes as a patch",
    ("check", "--unsafe-fixes"): "`alpine-doctor fix --unsafe-fixes` applies them",
    ("fix", "--check"): "`alpine-doctor check` reports and writes nothing",
}
"""A command and an option that it has not -> what does it."""


def _meant(args: Sequence[str]) -> str:
    """The end of the message on a command that there is none of: what was probably meant, else nothing."""
    from dockerlint_alpine.run.suggest import did_you_mean

    word = args[0]
    if word == "help":
        topic = f"{args[1]} " if len(args) > 1 and args[1] in COMMANDS else ""
        return f"; say `alpine-doctor {topic}--help`"
    if word in _OTHER_WORDS:
        return f"; did you mean {_OTHER_WORDS[word]}?"
    if os.path.exists(word):  # noqa: PTH110 - nothing is imported for it
        return f"; to check it: alpine-doctor check {shlex.join(args)}"
    return did_you_mean(word, COMMANDS)


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What standard output says when its disk is full or gone."""


def main() -> None:
    """Run the program; a broken pipe ends it quietly."""
    for stream in (sys.stdout, sys.stderr):
        # Paths and Dockerfiles may hold bytes that are no UTF-8.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app(prog_name="alpine-doctor")
    except BrokenPipeError:
        _leave(1)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _no_room(error)
    except SystemExit as end:
        if isinstance(end.code, str):
            raise
        _leave(end.code or 0)


def _leave(code: int) -> NoReturn:
    """End the process without taking its objects apart, which would take a sixth of a check (mypy does the same)."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:  # nobody reads on; that is their right
            code = code or 1
        except OSError as error:
            _no_room(error)
    os._exit(code)


def _no_room(error: OSError) -> NoReturn:
    with suppress(OSError):
        os.write(2, f"alpine-doctor: standard output: {error.strerror}\n".encode())
    os._exit(2)
