"""What a user sees in an editor, through a real client and a server in a process of its own."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.uris import to_fs_path

from tests.server.session import Editor, session

DOCKERFILE = "docker/backend.alpine.Dockerfile"
FIX_ALL = "source.fixAll.alpineDoctor"
ENCODINGS = [types.PositionEncodingKind.Utf8, types.PositionEncodingKind.Utf16, types.PositionEncodingKind.Utf32]
Project = Callable[[Mapping[str, str]], Path]

LACKING = """\
FROM python:3.11-alpine3.19
RUN apk add --no-cache --virtual .build gcc musl-dev lz4-dev && pip install lz4==4.4.5 && apk del .build
"""
TWO_STAGES = """\
FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache gcc musl-dev lz4-dev
COPY requirements.txt .
RUN pip install --prefix=/install -r requirements.txt
FROM python:3.11-alpine3.19
COPY --from=builder /install /usr/local
"""


def codes(found: object) -> list[object]:
    return [one.code for one in found]  # type: ignore[attr-defined]


def fixed(root: Path, *options: str) -> bytes:
    """What ``alpine-doctor fix`` makes of a copy."""
    copy = shutil.copytree(root, root.parent / "fixed")
    command = [sys.executable, "-m", "dockerlint_alpine", "fix", "--no-cache", *options, DOCKERFILE]
    subprocess.run(command, cwd=copy, check=False, capture_output=True)
    return (copy / DOCKERFILE).read_bytes()


async def fix_all(editor: Editor, uri: str) -> dict[str, str]:
    everything = types.Range(types.Position(0, 0), types.Position(0, 0))
    (action,) = await editor.actions(uri, everything, [FIX_ALL])
    if action.edit is None:
        action = await editor.resolved(action)
    assert action.edit is not None
    return editor.apply(action.edit)


async def test_diagnostics_come_with_code_cause_and_place(backend: Path) -> None:
    async with session(backend, options={"docs-url": "https://docs.example"}) as editor:
        uri = editor.open(DOCKERFILE)
        found = {one.code: one for one in await editor.diagnostics(uri)}
        assert set(found) == {"AD103", "AD201"}
        missing = found["AD201"]
        assert missing.severity == types.DiagnosticSeverity.Error
        assert missing.range == types.Range(types.Position(28, 4), types.Position(28, 22))
        assert missing.code_description == types.CodeDescription("https://docs.example/codes/AD201/")
        assert missing.message.splitlines() == [
            "lz4 4.4.5 links liblz4.so.1, which is not in stage 1: add lz4-libs",
            "requirements.txt:11 -> clickhouse-connect -> lz4 4.4.5",
            "fix: add lz4-libs to the apk add in line 29",
        ]
        asked, copied = missing.related_information or ()
        assert asked.location.uri == editor.uri("requirements.txt")
        assert asked.location.range == types.Range(types.Position(10, 0), types.Position(10, 26))
        assert copied.location.range == types.Range(types.Position(38, 0), types.Position(38, 39))
        assert copied.message == "compiled in stage 'builder', copied here by line 39"
        assert editor.log == []


async def test_typing_is_judged_and_an_unsaved_requirement_counts(backend: Path) -> None:
    async with session(backend) as editor:
        uri = editor.open(DOCKERFILE)
        assert "AD201" in codes(await editor.diagnostics(uri))
        text = editor.texts[uri]
        for letters in range(1, 9):  # every letter is a change; the last one decides
            editor.type(uri, text.replace("    tini \\\n", f"    tini \\\n    {'lz4-libs'[:letters]} \\\n"))
        assert codes(await editor.diagnostics(uri)) == ["AD103"]
        requirements = editor.open("requirements.txt", "pip-requirements")
        editor.type(requirements, editor.texts[requirements].replace("clickhouse-connect==0.10.0\n", ""))
        assert codes(await editor.next_diagnostics(uri)) == []
        editor.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(requirements))
        )
        assert codes(await editor.next_diagnostics(uri)) == ["AD103"]  # the file on disk counts again


async def test_a_folder_with_an_odd_name(netra: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(netra, tmp_path / "a b%20é#;?"))
    async with session(root) as editor:
        uri = editor.open(DOCKERFILE)
        for letters in range(1, 9):
            editor.type(uri, editor.texts[uri] + "#" * letters)
        (related,) = (await editor.diagnostics(uri))[0].related_information or ()
        assert Path(to_fs_path(related.location.uri) or "") == root / "requirements.txt"


async def test_a_closed_text_shows_nothing(backend: Path) -> None:
    async with session(backend) as editor:
        uri = editor.open(DOCKERFILE)
        await editor.diagnostics(uri)
        editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
        assert await editor.next_diagnostics(uri) == []


@pytest.mark.parametrize(("encoding", "resolves"), list(zip(ENCODINGS, [True, False, True], strict=True)))
async def test_fix_all_gives_the_bytes_of_fix(
    backend: Path, encoding: types.PositionEncodingKind, *, resolves: bool
) -> None:
    """With a byte order mark, Windows line ends, and wide characters in front of what is edited."""
    place = backend / DOCKERFILE
    text = place.read_text().replace("RUN apk add", "# 😀 é \u2028\x0c\nRUN : '😀é' && apk add").replace("\n", "\r\n")
    place.write_bytes(b"\xef\xbb\xbf" + text.encode())
    async with session(backend, encoding=encoding, resolves=resolves, versioned=resolves) as editor:
        assert editor.capabilities is not None
        assert editor.capabilities.position_encoding == encoding
        offered = editor.capabilities.code_action_provider
        assert isinstance(offered, types.CodeActionOptions)
        assert offered.resolve_provider
        assert FIX_ALL in (offered.code_action_kinds or ())
        uri = editor.open(DOCKERFILE)
        assert set(codes(await editor.diagnostics(uri))) == {"AD103", "AD201"}
        new = (await fix_all(editor, uri))[uri]
        assert b"\xef\xbb\xbf" + new.encode() == fixed(backend)
        assert new != editor.texts[uri]
        editor.type(uri, new)
        assert codes(await editor.diagnostics(uri)) == []
        assert await editor.actions(uri, types.Range(types.Position(0, 0), types.Position(99, 0))) == []


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_one_quick_fix_mends_one_finding(project: Project, encoding: types.PositionEncodingKind) -> None:
    """Behind wide characters on the same line, so that every encoding counts differently."""
    root = project({"Dockerfile": TWO_STAGES + "RUN echo '😀é' && apk add curl\n", "requirements.txt": "lz4==4.4.5\n"})
    async with session(root, encoding=encoding) as editor:
        uri = editor.open("Dockerfile")
        (finding,) = await editor.diagnostics(uri)
        assert finding.code == "AD201"
        found = await editor.actions(uri, finding.range, [types.CodeActionKind.QuickFix], [finding])
        preferred = [one for one in found if one.is_preferred]
        assert [one.kind for one in preferred] == [types.CodeActionKind.QuickFix]
        assert list(preferred[0].diagnostics or ()) == [finding]
        assert preferred[0].edit is not None
        new = editor.apply(preferred[0].edit)[uri]
        assert new.endswith("apk add curl lz4-libs\n")
        editor.type(uri, new)
        assert codes(await editor.diagnostics(uri)) == []


async def test_one_cause_is_one_diagnostic_with_one_fix_and_its_other_ways_out(project: Project) -> None:
    text = "FROM alpine:3.14\nRUN apk add --no-cache py3-pip && pip3 install lxml==4.9.3 psycopg2==2.9.9\n"
    root = project({"Dockerfile": text})
    async with session(root) as editor:
        uri = editor.open("Dockerfile")
        (cause,) = await editor.diagnostics(uri)
        assert cause.message.startswith("psycopg2 2.9.9 and lxml 4.9.3 are compiled here and 5 packages for that are")
        found = await editor.actions(uri, cause.range, [types.CodeActionKind.QuickFix], [cause])
        (preferred,) = (one for one in found if one.is_preferred)
        assert preferred.edit is not None
        new = editor.apply(preferred.edit)[uri]
        assert "py3-pip gcc libxslt-dev musl-dev postgresql-dev python3-dev &&" in new
        (upgrade,) = (one for one in found if one.title == "AD101: upgrade pip first in line 2 (unsafe)")
        assert upgrade.edit is not None
        assert "-U 'pip>=21.2' && pip3 install lxml" in editor.apply(upgrade.edit)[uri]


async def test_an_unsafe_fix_says_so_and_is_not_preferred(project: Project) -> None:
    root = project({"Dockerfile": "FROM alpine:3.19\nRUN apk add --no-cache curl=1.0.0-r0\n"})
    async with session(root) as editor:
        uri = editor.open("Dockerfile")
        (finding,) = await editor.diagnostics(uri)
        assert finding.code == "AD302"
        found = [one for one in await editor.actions(uri, finding.range) if one.title.endswith("(unsafe)")]
        assert [one.is_preferred for one in found] == [False]
        assert await editor.actions(uri, finding.range, [FIX_ALL]) == []
    async with session(root, options={"unsafe-fixes": True}) as editor:
        uri = editor.open("Dockerfile")
        await editor.diagnostics(uri)
        assert "curl=1.0.0-r0" not in (await fix_all(editor, uri))[uri]


async def test_a_list_in_another_file_is_edited_there(project: Project) -> None:
    dockerfile = TWO_STAGES.replace("COPY --from", "COPY packages.txt .\nRUN xargs apk add < packages.txt\nCOPY --from")
    root = project({"Dockerfile": dockerfile, "requirements.txt": "lz4==4.4.5\n", "packages.txt": "curl\ntini\n"})
    async with session(root) as editor:
        uri = editor.open("Dockerfile")
        (finding,) = await editor.diagnostics(uri)
        action = (await editor.actions(uri, finding.range, [types.CodeActionKind.QuickFix]))[0]
        assert action.edit is not None
        assert editor.apply(action.edit) == {editor.uri("packages.txt"): "curl\nlz4-libs\ntini\n"}
        # An open text counts in place of the file, and its version is named.
        packages = editor.open("packages.txt", "plaintext")
        editor.type(packages, "# 😀\ncurl\n")
        await editor.next_diagnostics(uri)
        assert await fix_all(editor, uri) == {packages: "# 😀\ncurl\nlz4-libs\n"}


async def test_a_comment_silences_a_finding(project: Project) -> None:
    root = project({"Dockerfile": LACKING})
    async with session(root) as editor:
        uri = editor.open("Dockerfile")
        (finding,) = await editor.diagnostics(uri)
        (action,) = [one for one in await editor.actions(uri, finding.range) if "ignore it" in one.title]
        assert action.edit is not None
        new = editor.apply(action.edit)[uri]
        assert f"\n# alpine-doctor: ignore[{finding.code}]\nRUN apk add" in new
        editor.type(uri, new)
        assert await editor.diagnostics(uri) == []
        page = await editor.hover(uri, editor.place(uri, str(finding.code)))
        assert page is not None
        assert page.startswith(f"**{finding.code} removed-runtime-library**")
        assert "## Why is this bad?" in page


async def test_hover_and_definition_of_a_package(backend: Path) -> None:
    async with session(backend) as editor:
        uri = editor.open(DOCKERFILE)
        place = editor.place(uri, "postgresql-dev")
        text = await editor.hover(uri, place)
        assert text is not None
        assert "postgresql16-dev-16" in text
        assert "main of Alpine 3.19" in text
        assert "**lz4 4.4.5** to be compiled (`lz4-dev`, through postgresql-dev → postgresql16-dev → lz4-dev)" in text
        assert "requirements.txt:11 → clickhouse-connect → lz4" in text
        assert "Pulls in " in text
        assert await editor.definition(uri, place) == [("requirements.txt", 11), ("requirements.txt", 9)]
        assert "No distribution here is known to need it" in (await editor.hover(uri, editor.place(uri, "tini")) or "")
        assert await editor.hover(uri, editor.place(uri, "WORKDIR")) is None
        # From the place of a finding where no package stands: to its cause.
        finding = editor.published[uri].diagnostics[0]
        assert await editor.definition(uri, finding.range.start) == [("requirements.txt", 11)]


async def test_hover_and_definition_of_a_requirement(backend: Path) -> None:
    async with session(backend) as editor:  # no Dockerfile is open: the workspace is asked
        uri = editor.open("requirements.txt", "pip-requirements")
        place = editor.place(uri, "clickhouse-connect")
        text = await editor.hover(uri, place)
        assert text is not None
        assert "clickhouse-connect 0.10.0: wheel `cp311-cp311-musllinux_1_2_x86_64`" in text
        assert "lz4 4.4.5: compiled: no wheel of lz4 4.4.5 fits" in text
        assert "links `liblz4.so.1` of lz4-dev, there through postgresql-dev → postgresql16-dev → lz4-dev" in text
        assert "AD201: lz4 4.4.5 links liblz4.so.1, which is not in stage 1: add lz4-libs" in text
        assert await editor.definition(uri, place) == [(DOCKERFILE, 21)]
        assert await editor.hover(uri, editor.place(uri, "# web")) is None


async def test_a_requirement_of_pyproject_and_one_in_the_dockerfile(project: Project) -> None:
    pyproject = '[project]\nname = "app"\nversion = "1"\ndependencies = [\n  "lz4==4.4.5",\n]\n'
    dockerfile = (
        "FROM python:3.11-alpine3.19\nRUN apk add gcc musl-dev lz4-dev\nCOPY . /app\nRUN pip install /app\n"
        "RUN pip install psycopg2==2.9.11\n"
    )
    root = project({"Dockerfile": dockerfile, "pyproject.toml": pyproject})
    async with session(root) as editor:
        uri = editor.open("pyproject.toml", "toml")
        place = editor.place(uri, "lz4==4.4.5")
        assert "links `liblz4.so.1` of lz4-dev" in (await editor.hover(uri, place) or "")
        assert await editor.definition(uri, place) == [("Dockerfile", 4)]
        uri = editor.open("Dockerfile")
        text = await editor.hover(uri, editor.place(uri, "psycopg2==2.9.11"))
        assert text is not None
        assert "AD101: " in text


async def test_options_come_from_files_and_from_the_editor(project: Project) -> None:
    root = project({"Dockerfile": LACKING, "alpine-doctor.toml": 'ignore = ["AD202"]\n'})
    async with session(root) as editor:
        uri = editor.open("Dockerfile")
        assert await editor.diagnostics(uri) == []
        # The file changes on disk and the editor tells of it.
        (root / "alpine-doctor.toml").write_text('[severity]\nAD202 = "info"\n')
        assert "**/*.{txt,in,toml,lock,cfg,dockerignore}" in editor.watchers
        event = types.FileEvent(editor.uri("alpine-doctor.toml"), types.FileChangeType.Changed)
        editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
        (finding,) = await editor.next_diagnostics(uri)
        assert finding.severity == types.DiagnosticSeverity.Information
        settings = {"alpine-doctor": {"ignore": ["AD202"]}}
        editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))
        assert await editor.next_diagnostics(uri) == []
    async with session(root, options={"platform": ["linux/amd64"]}) as editor:
        uri = editor.open("Dockerfile")
        (problem,) = await editor.diagnostics(uri)
        expected = "could not be checked: editor settings: unknown option `platform`; did you mean platforms?"
        assert problem.message == expected


async def test_a_file_that_a_dockerfile_rests_on_is_watched(project: Project) -> None:
    root = project({"Dockerfile": TWO_STAGES, "requirements.txt": "redis==7.0.1\n", "notes.txt": ""})
    async with session(root) as editor:
        uri = editor.open("Dockerfile")
        assert "AD201" not in codes(await editor.diagnostics(uri))
        (root / "requirements.txt").write_text("lz4==4.4.5\n")
        event = types.FileEvent(editor.uri("requirements.txt"), types.FileChangeType.Changed)
        editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
        assert codes(await editor.next_diagnostics(uri)) == ["AD201"]


async def test_a_service_of_a_compose_file_tells_how_it_is_built(project: Project) -> None:
    dockerfile = LACKING.replace("3.11-alpine3.19", "${TAG}").replace("FROM", "ARG TAG\nFROM")
    build = "{{ context: ., dockerfile: docker/Dockerfile, args: {{ TAG: {} }} }}"
    compose = f"services:\n  api:\n    build: {build}\n"
    root = project({"docker/Dockerfile": dockerfile, "compose.yaml": compose.format("3.11-alpine3.19")})
    async with session(root) as editor:
        uri = editor.open("docker/Dockerfile")
        assert codes(await editor.diagnostics(uri)) == ["AD202"]
        assert "${TAG}" in (await fix_all(editor, uri))[uri]
        (root / "compose.yaml").write_text(compose.format("3.11-slim"))
        event = types.FileEvent(editor.uri("compose.yaml"), types.FileChangeType.Changed)
        editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
        assert codes(await editor.next_diagnostics(uri)) == []


WORKFLOW = """\
jobs:
  image:
    steps:
      - uses: docker/build-push-action@v6
        with: {context: ., platforms: "linux/amd64,PLATFORM"}
"""


async def test_a_dockerfile_is_judged_as_workflows_build_it(project: Project) -> None:
    root = project(
        {
            ".github/workflows/image.yml": WORKFLOW.replace("PLATFORM", "linux/arm/v7"),
            "Dockerfile": "FROM python:3.12-alpine3.20\nRUN pip install orjson==3.10.0\n",
        }
    )
    async with session(root) as editor:
        uri = editor.open("Dockerfile")
        assert codes(await editor.diagnostics(uri)) == ["AD102"]
        (root / ".github/workflows/image.yml").write_text(WORKFLOW.replace("PLATFORM", "linux/arm64"))
        event = types.FileEvent(editor.uri(".github/workflows/image.yml"), types.FileChangeType.Changed)
        editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
        assert codes(await editor.next_diagnostics(uri)) == []


async def test_a_base_image_of_the_workspace_is_known(project: Project) -> None:
    base = "FROM python:3.11-alpine3.19\n"
    root = project(
        {
            ".git/HEAD": "",
            "Makefile": "base:\n\tdocker build -t acme/base:1 -f base/Dockerfile base\n",
            "base/Dockerfile": base,
            "app/Dockerfile": LACKING.replace(base.split()[1], "acme/base:1"),
        }
    )
    async with session(root) as editor:
        uri = editor.open("app/Dockerfile")
        assert codes(await editor.diagnostics(uri)) == ["AD202"]
        (root / "base/Dockerfile").write_text(f"{base}RUN apk add --no-cache lz4-libs\n")
        event = types.FileEvent(editor.uri("base/Dockerfile"), types.FileChangeType.Changed)
        editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
        assert codes(await editor.next_diagnostics(uri)) == []


async def test_what_a_project_s_file_may_not_say_is_shown_once(backend: Path) -> None:
    (backend / "alpine-doctor.toml").write_text('online = true\nignore = ["AD103"]\n')
    async with session(backend) as editor:
        uri = editor.open(DOCKERFILE)
        assert codes(await editor.diagnostics(uri)) == ["AD201"]
        editor.type(uri, editor.texts[uri] + "# more\n")
        await editor.diagnostics(uri)
        (line,) = editor.shown
        assert "alpine-doctor.toml:1: `online`" in line


async def test_two_folders_each_with_its_own_settings(project: Project) -> None:
    files = {"a/Dockerfile": LACKING, "a/alpine-doctor.toml": 'ignore = ["AD202"]\n', "b/Dockerfile": LACKING}
    root = project(files)
    async with session(root, folders=[root / "a", root / "b"]) as editor:
        first, second = editor.open("a/Dockerfile"), editor.open("b/Dockerfile")
        assert codes(await editor.diagnostics(first)) == []
        assert codes(await editor.diagnostics(second)) == ["AD202"]


NO_DOCKERFILES = [
    "",
    "\n\n",
    "RUN apk add curl\n",
    "FROM\n",
    "FROM alpine:3.19\nRUN apk add curl && \\",
    "FROM alpine:3.19\nRUN <<EOF\napk add",
    'FROM alpine:3.19\nRUN ["apk", "add"',
    "FROM a AS a\nFROM a\nCOPY --from=a",
    "FROM alpine:3.19\r\rRUN apk add \ud83d curl\u2028\x00\n",
    "FROM alpine:3.19\nRUN " + "(" * 3000,
    "\ufeffFROM alpine:3.19\n# alpine-doctor: ignore[AD2\n",
    "FROM python:3.11-alpine3.19\nRUN pip install 'lz4==' -r /dev/null -r missing.txt $(cat x) lz4[\n",
]


async def test_no_text_ends_the_session(project: Project) -> None:
    root = project({"Dockerfile": LACKING})
    async with session(root) as editor:
        uri = editor.open("Dockerfile")
        for text in NO_DOCKERFILES:
            editor.type(uri, text)
            await editor.diagnostics(uri)
            await editor.actions(uri, types.Range(types.Position(0, 0), types.Position(9999, 0)))
            for line, character in [(0, 0), (1, 12), (2, 5), (3, 999), (9999, 0)]:
                await editor.hover(uri, types.Position(line, character))
                await editor.definition(uri, types.Position(line, character))
            assert editor.log == []
        editor.type(uri, LACKING)
        assert codes(await editor.diagnostics(uri)) == ["AD202"]


async def test_what_can_not_be_judged_is_said(project: Project) -> None:
    root = project({"Dockerfile": ""})
    async with session(root) as editor:
        uri = editor.open("Dockerfile")
        assert await editor.diagnostics(uri) == []  # nothing is written yet
        editor.type(uri, "RUN apk add curl\n")
        (problem,) = await editor.diagnostics(uri)
        assert problem.message == "could not be checked: no FROM instruction: not a Dockerfile"


async def test_a_text_that_was_never_saved(project: Project) -> None:
    root = project({"README": ""})
    async with session(root) as editor:
        uri = editor.open_uri("untitled:Untitled-1", "dockerfile", LACKING)
        assert codes(await editor.diagnostics(uri)) == ["AD202"]
        other = editor.open_uri("git:/x/Dockerfile?ref=HEAD", "dockerfile", LACKING)
        assert await editor.hover(other, types.Position(0, 0)) is None
        assert other not in editor.published


async def test_a_request_that_fails_is_one_line_in_the_log(backend: Path) -> None:
    async with session(backend) as editor:
        uri = editor.open(DOCKERFILE)
        await editor.diagnostics(uri)
        changes = types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(1, editor.uri("never-opened")),
            [types.TextDocumentContentChangeWholeDocument("x")],
        )
        editor.client.text_document_did_change(changes)
        assert await editor.hover(uri, editor.place(uri, "libpq")) is not None
        (line,) = editor.log
        assert line.startswith("alpine-doctor: invalid message: ")
        assert "\n" not in line


async def test_a_handler_that_fails_is_one_line_and_the_server_lives_on(backend: Path) -> None:
    sabotage = "import dockerlint_alpine.server.hover as hover\ndef fail(*_): raise RecursionError('too\\ndeep')\n"
    sabotage += "hover.in_dockerfile = fail"
    async with session(backend, sabotage=sabotage) as editor:
        uri = editor.open(DOCKERFILE)
        place = editor.place(uri, "libpq")
        assert await editor.hover(uri, place) is None
        (line,) = editor.log
        assert line.startswith("alpine-doctor: internal error, please report it: RecursionError: too deep (")
        assert await editor.definition(uri, place) == [("requirements.txt", 9)]
        assert "AD201" in codes(await editor.diagnostics(uri))


async def test_a_check_that_fails_is_one_line_and_the_next_one_is_made(backend: Path) -> None:
    sabotage = "from dockerlint_alpine.server.judging import Judge\nreal = Judge.judgement\n"
    sabotage += "def judgement(self, document, snapshot):\n"
    sabotage += "    return 1 / 0 if b'FROM nothing' in document.data else real(self, document, snapshot)\n"
    sabotage += "Judge.judgement = judgement"
    async with session(backend, sabotage=sabotage) as editor:
        uri = editor.open(DOCKERFILE)
        before = await editor.diagnostics(uri)
        text = editor.texts[uri]
        editor.type(uri, "FROM nothing\n")
        while not editor.log:
            await asyncio.sleep(0.02)
        assert editor.log[0].startswith("alpine-doctor: internal error, please report it: ZeroDivisionError: ")
        editor.type(uri, text)
        assert await editor.diagnostics(uri) == before
