"""Options with one spelling in several commands; older spellings still work but are not shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def completed(kind: str) -> Callable[..., Any]:
    """Completes the values of an option; what knows them is imported only then."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> Any:
        from dockerlint_alpine.cli import completing

        return completing.complete(kind, ctx, incomplete)

    return complete


class Option(click.Option):
    """An option with ``aliases``: other spellings that neither help nor completion names.

    An alias with a value (``{"--json": "json"}``) takes none on the command line and stands for the option with it.
    """

    def __init__(self, *args: Any, aliases: dict[str, str | None], **more: Any) -> None:
        super().__init__(*args, **more)
        self.aliases = aliases

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Tell the parser of the option, and of its other spellings."""
        super().add_to_parser(parser, ctx)
        kind = "append" if self.multiple else "store"
        for alias, value in self.aliases.items():
            more = {"action": kind} if value is None else {"action": f"{kind}_const", "const": value}
            parser.add_option(obj=self, opts=[alias], dest=self.name, **more)


def _architectures(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """What apk calls the platform that was named (``linux/arm64``), or apk's own name as it is."""
    if not value:
        return value
    from dockerlint_alpine.apk.store import STABLE_ARCHES
    from dockerlint_alpine.system.platforms import APK_ARCH

    given = (value,) if isinstance(value, str) else value
    arches = tuple(APK_ARCH.get(one, one) for one in given)
    for name, arch in zip(given, arches, strict=True):
        if arch not in STABLE_ARCHES:
            raise click.BadParameter(f"{name!r}: choose from {', '.join(APK_ARCH)}", ctx, param)
    return arches[0] if isinstance(value, str) else arches


def platform_option(help_text: str, name: str = "arch", **more: Any) -> Callable[[_Command], _Command]:
    """``--platform linux/amd64`` for commands that ask indexes; ``--arch x86_64`` is understood as well."""
    settings = {"default": "linux/amd64", "show_default": True, **more}
    return click.option(
        "--platform",
        name,
        cls=Option,
        aliases={"--arch": None},
        callback=_architectures,
        metavar="OS/ARCH",
        shell_complete=completed("platforms"),
        help=help_text,
        **settings,
    )


def platforms_option(help_text: str) -> Callable[[_Command], _Command]:
    """``--platform linux/amd64`` for commands that look at builds, which may be for several."""
    return click.option(
        "--platform",
        "platforms",
        multiple=True,
        metavar="OS/ARCH",
        shell_complete=completed("platforms"),
        help=help_text,
    )


def alpine_option(help_text: str, *names: str, **more: Any) -> Callable[[_Command], _Command]:
    """``--alpine X.Y``; ``names`` are the parameter's, where that is not ``alpine``."""
    return click.option("--alpine", *names, metavar="X.Y", shell_complete=completed("releases"), help=help_text, **more)


def python_option(help_text: str) -> Callable[[_Command], _Command]:
    """``--python X.Y``."""
    return click.option("--python", metavar="X.Y", shell_complete=completed("pythons"), help=help_text)


def target_option(help_text: str) -> Callable[[_Command], _Command]:
    """``--target STAGE``."""
    return click.option("--target", metavar="STAGE", shell_complete=completed("stages"), help=help_text)


def format_option(
    *formats: str, aliases: dict[str, str | None] | None = None, name: str = "output_format"
) -> Callable[[_Command], _Command]:
    """``--output-format`` for commands whose answer has few formats; the first is the default."""
    return click.option(
        "--output-format",
        name,
        cls=Option,
        aliases=aliases or {},
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="Output format.",
    )


BUILD_ARGS = click.option(
    "--build-arg", "build_args", multiple=True, metavar="K=V", help="A value for an ARG; repeatable."
)
CONTEXT = click.option("--context", type=click.Path(file_okay=False, exists=True), help="The build context.")
ALPINE = alpine_option("The Alpine release, if the base image does not determine it.")
PYTHON = python_option("The Python version, if the base image does not determine it.")
CONFIG = click.option("--config", type=click.Path(dir_okay=False, exists=True), help="The configuration file to use.")
ISOLATED = click.option("--isolated", is_flag=True, help="Read no configuration file.")
OUTPUT_FILE = click.option(
    "--output-file", type=click.Path(dir_okay=False), help="Write to this file instead of standard output."
)
