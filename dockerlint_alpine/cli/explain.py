"""``alpine-doctor explain``."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("topic")
@click.option("--arch", default="x86_64", show_default=True, help="apk's name of the architecture.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def explain(topic: str, arch: str, output_format: str) -> None:
    """Explain a code (AD201), a distribution (lz4), a library (liblz4.so.1, lz4.h) or an apk package (lz4-dev)."""
    from dockerlint_alpine.apk import ApkError, IndexStore  # noqa: PLC0415 - after --help
    from dockerlint_alpine.explain import explain as find  # noqa: PLC0415
    from dockerlint_alpine.explain import render  # noqa: PLC0415
    from dockerlint_alpine.knowledge import Knowledge, KnowledgeError  # noqa: PLC0415

    try:
        answer = find(topic, Knowledge.open(), IndexStore(), arch=arch)
    except (ApkError, KnowledgeError) as error:
        raise click.ClickException(str(error)) from None
    if answer is None:
        raise click.ClickException(f"nothing is known of {topic!r}: no code, distribution, library or apk package")
    click.echo(
        json.dumps(answer, indent=2, ensure_ascii=False) if output_format == "json" else render(answer),
        nl=output_format == "json",
    )
