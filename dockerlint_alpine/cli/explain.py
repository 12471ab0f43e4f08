"""``alpine-doctor explain``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from dockerlint_alpine.cli.spelling import CONFIG, ISOLATED, alpine_option, completed, format_option, platform_option
from dockerlint_alpine.cli.terminal import Refusing

if TYPE_CHECKING:
    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.knowledge import Knowledge


@click.command()
@click.argument("topic", shell_complete=completed("topics"))
@alpine_option("The release that the Dockerfile lines are for (default: the newest).")
@platform_option("The platform that the packages are for.")
@format_option("text", "json")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
@CONFIG
@ISOLATED
def explain(
    topic: str, alpine: str | None, arch: str, output_format: str, color: str, config: str | None, isolated: bool
) -> None:
    """Explain a code (AD201), a distribution (lz4), a library (liblz4.so.1, lz4.h) or an apk package (lz4-dev)."""
    from dockerlint_alpine.answers.explain import explain as find
    from dockerlint_alpine.apk import ApkError, IndexStore
    from dockerlint_alpine.cli.rules import open_knowledge
    from dockerlint_alpine.knowledge import KnowledgeError

    knowledge, store = open_knowledge(config, isolated=isolated), IndexStore()
    with Refusing(ApkError, KnowledgeError):
        release = alpine.removeprefix("v") if alpine else None
        answer = find(topic, knowledge, store, arch=arch, alpine=release)
        if answer is None:
            raise click.UsageError(_unknown(topic, knowledge, store, arch))
    if output_format == "json":
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        click.echo(_text(answer, color), nl=False, color=True)


def _text(answer: dict[str, object], color: str) -> str:
    from dockerlint_alpine.answers.explain_text import render
    from dockerlint_alpine.cli.common import wants_color
    from dockerlint_alpine.cli.terminal import text_width

    width = text_width(most=100)
    if wants_color(color, sys.stdout.isatty()):
        return render(answer, width=width, bold=lambda text: click.style(text, bold=True))
    return render(answer, width=width)


def _unknown(topic: str, knowledge: Knowledge, store: IndexStore, arch: str) -> str:
    from dockerlint_alpine.answers.explain import known_topics
    from dockerlint_alpine.run.suggest import did_you_mean

    known = known_topics(topic, knowledge, store, arch=arch)
    hint = did_you_mean(topic, known, otherwise="; `alpine-doctor rules list` lists what is known")
    return f"nothing is known about {topic!r}: no code, distribution, module, library or apk package{hint}"
