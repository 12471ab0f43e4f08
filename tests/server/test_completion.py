"""What an editor offers while a Dockerfile is typed, through a real client."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from tests.server.session import Editor, session
from tests.server.test_session import Project

HEAD = "FROM python:3.11-alpine3.19\n"
MARK = "|"


async def offered(editor: Editor, text: str, name: str = "Dockerfile") -> list[types.CompletionItem]:
    """What is offered at the mark in a text, with what each would make of it checked to be the whole word."""
    before, _, after = text.partition(MARK)
    uri = editor.uri(name)
    if uri in editor.texts:
        editor.type(uri, before + after)
    else:
        editor.open(name, text=before + after)
    position = types.Position(before.count("\n"), len(before.rpartition("\n")[2]))
    return await editor.completion(uri, position)


def labels(items: list[types.CompletionItem]) -> list[str]:
    return [item.label for item in sorted(items, key=lambda item: item.sort_text or "")]


async def test_packages_versions_and_codes(project: Project) -> None:
    root = project({"Dockerfile": HEAD})
    async with session(root) as editor:
        found = await offered(editor, f"{HEAD}RUN apk add --no-cache curl lz4-l|\n")
        assert labels(found) == ["lz4-libs"]
        (item,) = found
        assert item.detail == "1.9.4-r5 main"
        edit = item.text_edit
        assert isinstance(edit, types.TextEdit)
        assert (edit.range.start.character, edit.new_text) == (28, "lz4-libs")
        told = await editor.documentation((await offered(editor, f"{HEAD}RUN apk add postgresql-de|"))[0])
        assert told.startswith("**postgresql-dev**: postgresql16-dev 16.")
        libpq = await editor.documentation((await offered(editor, f"{HEAD}RUN apk add libpq-d|"))[0])
        assert "Headers of libpq; for psycopg" in libpq
        assert "lz4-dev" in told.partition("Brings ")[2]
        pins = labels(await offered(editor, f"{HEAD}RUN apk add lz4-libs=|"))
        assert pins == ["lz4-libs~1.9", "lz4-libs=1.9.4-r5"]
        assert labels(await offered(editor, f"{HEAD}RUN apk add lz4-libs~|")) == ["lz4-libs~1.9"]
        codes = labels(await offered(editor, f"{HEAD}# alpine-doctor: ignore[AD101, |\nRUN pip install lz4\n"))
        assert {"AD201", "AD904"} <= set(codes)


async def test_what_a_distribution_lacks_comes_first(project: Project) -> None:
    text = f"{HEAD}RUN apk add --no-cache gcc musl-dev |\nRUN pip install psycopg2==2.9.9\n"
    root = project({"Dockerfile": HEAD})
    async with session(root) as editor:
        found = await offered(editor, text)
        assert labels(found)[0] == "libpq-dev"
        assert "psycopg2 2.9.9" in (found[0].detail or "")
        assert labels(await offered(editor, text.replace("|", "\\\n    li|")))[0] == "libpq-dev"
        gone = await offered(editor, f"{HEAD}RUN apk add gcc && apk del |\n")
        assert "gcc" in labels(gone)


@pytest.mark.parametrize(
    "text",
    [
        "FROM debian:12\nRUN apt-get install lz4|",
        f"{HEAD}RUN apk add --no-c|",
        f"{HEAD}RUN echo lz4|",
        f"{HEAD}ENV A=lz4|",
        "FROM $UNKNOWN\nRUN apk add lz4-|",
        "|",
        f"{HEAD}RUN apk add lz4-nosuch=|",
        f"{HEAD}# ignore[AD|",
    ],
)
async def test_where_there_is_nothing_to_offer(text: str, project: Project, tmp_path: Path) -> None:
    root = project({"Dockerfile": HEAD})
    async with session(root) as editor:
        assert await offered(editor, text) == []
