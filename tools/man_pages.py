"""Write the man pages of all commands into a folder: ``python tools/man_pages.py FOLDER``. Needs click-man."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from click_man.core import generate_man_page

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the pages are about this checkout

from dockerlint_alpine.cli import app
from dockerlint_alpine.model.about import __version__


def contexts(command: click.Command, parent: click.Context | None, name: str) -> Iterator[click.Context]:
    """A command and all below it."""
    context = click.Context(command, info_name=name, parent=parent)
    yield context
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None and not found.hidden:
                yield from contexts(found, context, inner)


def write(folder: Path) -> int:
    """Write one page a command; gives their number."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {one.command_path.replace(" ", "-"): one for one in contexts(app, None, "alpine-doctor")}
    for name, context in pages.items():
        (folder / f"{name}.1").write_text(generate_man_page(context, __version__), encoding="utf-8")
    return len(pages)


if __name__ == "__main__":
    click.echo(f"{write(Path(sys.argv[1]))} pages in {sys.argv[1]}")
