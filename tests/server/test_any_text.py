"""Whatever is typed: questions have answers, and what is answered fits the text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from dockerlint_alpine.run.analysis import Doctor
from dockerlint_alpine.run.openers import Openers
from dockerlint_alpine.server import actions, definition, hover
from dockerlint_alpine.server.diagnostics import diagnostics
from dockerlint_alpine.server.documents import Document, Snapshot
from dockerlint_alpine.server.judging import Judge
from dockerlint_alpine.server.positions import encode
from tests.conftest import CHECKOUT

ROOT = CHECKOUT / "fixtures" / "netra-backend"
PLACE = ROOT / "docker" / "backend.alpine.Dockerfile"
TEXT = PLACE.read_text()
ENCODING = types.PositionEncodingKind.Utf16
SYNTAX = ["\r\n", "\\\n", "\n", '"', "'", "$(", "<<EOF\n", "# alpine-doctor: ignore[AD201]\n", " && ", "😀", "\ud800"]
WORDS = [
    "FROM ",
    "RUN apk add ",
    "RUN pip install lz4\n",
    "COPY --from=builder / /\n",
    "ARG X\n",
    "apk del gcc",
    "libpq=1 ",
]
PIECES = st.one_of(st.text(max_size=5), st.sampled_from([*SYNTAX, *WORDS]))


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(Openers(lambda _: None), {})


def opened(text: str) -> tuple[Document, Snapshot]:
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    document = Document(PLACE.as_uri(), PLACE, "dockerfile", 1, encode(text))
    return document, Snapshot({document.uri: document}, (ROOT,), ENCODING)


@given(st.integers(0, len(TEXT)), st.integers(0, 60), PIECES, st.floats(0, 1))
def test_every_question_has_an_answer(judge: Judge, start: int, size: int, piece: str, where: float) -> None:
    document, snapshot = opened(TEXT[:start] + piece + TEXT[start + size :])
    judgement = judge.judgement(document, snapshot)
    shown = diagnostics(judgement)
    positions = snapshot.positions_in(document)
    for one in shown:
        assert positions.offset(one.range.start) <= positions.offset(one.range.end)
        assert positions.range(positions.offset(one.range.start), positions.offset(one.range.end)) == one.range
    for offset in {start, int(where * len(document.data))}:
        text = hover.in_dockerfile(judgement, offset)
        assert text is None or text.strip()
        definition.from_dockerfile(judgement, offset)
    everything = types.Range(types.Position(0, 0), positions.position(len(document.data)))
    context = types.CodeActionContext([])
    for action in actions.actions(judgement, everything, context, actions.Client(resolves_edits=True)):
        assert action.kind in actions.KINDS
        assert (action.edit is None) == (action.kind == actions.FIX_ALL)


def test_the_answer_is_kept_while_nothing_changes(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    real = Doctor.timelines
    monkeypatch.setattr(Doctor, "timelines", lambda *given, **named: runs.append(1) or real(*given, **named))
    place, asked = tmp_path / "Dockerfile", tmp_path / "requirements.txt"
    asked.write_text("lz4==4.4.5\n")
    text = b"FROM python:3.11-alpine3.19\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"

    def judged(version: int, *others: Document) -> int:
        document = Document(place.as_uri(), place, "dockerfile", version, text)
        documents = {one.uri: one for one in (document, *others)}
        judgement = judge.judgement(document, Snapshot(documents, (tmp_path,), ENCODING))
        assert judgement.document.version == version
        return len(runs)

    assert judged(1) == 1
    assert judged(2) == 1
    asked.write_text("lz4==4.4.5\nredis==7.0.1\n")  # what it rests on has changed on disk
    assert judged(3) == 2
    unsaved = Document(asked.as_uri(), asked, "pip-requirements", 1, b"redis==7.0.1\n")
    assert judged(4, unsaved) == 3
    assert judged(5, unsaved) == 3
    (tmp_path / "alpine-doctor.toml").write_text('ignore = ["AD5"]\n')  # and so has the configuration
    assert judged(6, unsaved) == 4
