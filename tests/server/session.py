"""A real session: the server as a process of its own, pygls' client in front of it, and an editor's view of texts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from dockerlint_alpine.server.positions import Positions, decode, encode
from tests.program import stand_in

PATIENCE = 60
"""Seconds until a test gives up on an answer."""


class Editor:
    """An editor with open texts. Everything that the server sends is kept."""

    def __init__(self, root: Path, encoding: types.PositionEncodingKind) -> None:
        self.root = root
        self.encoding = encoding
        self.client = LanguageClient("an-editor", "1")
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.published: dict[str, types.PublishDiagnosticsParams] = {}
        self.log: list[str] = []
        self.shown: list[str] = []
        self.watchers: list[str] = []
        self.capabilities: types.ServerCapabilities | None = None
        self._news = asyncio.Condition()
        client = self.client

        @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        async def published(params: types.PublishDiagnosticsParams) -> None:
            async with self._news:
                self.published[params.uri] = params
                self._news.notify_all()

        @client.feature(types.WINDOW_LOG_MESSAGE)
        def logged(params: types.LogMessageParams) -> None:
            self.log.append(params.message)

        @client.feature(types.WINDOW_SHOW_MESSAGE)
        def shown(params: types.ShowMessageParams) -> None:
            self.shown.append(params.message)

        @client.feature(types.CLIENT_REGISTER_CAPABILITY)
        def registered(params: types.RegistrationParams) -> None:
            for one in params.registrations:
                self.watchers += [watcher["globPattern"] for watcher in one.register_options["watchers"]]

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def open(self, name: str, language: str = "dockerfile", text: str | None = None) -> str:
        """Open a file as it is on disk, without its byte order mark as editors do, or with another text."""
        uri = self.uri(name)
        if text is None:
            text = decode((self.root / name).read_bytes().removeprefix(b"\xef\xbb\xbf"))
        return self.open_uri(uri, language, text)

    def open_uri(self, uri: str, language: str, text: str) -> str:
        self.texts[uri], self.versions[uri] = text, 1
        item = types.TextDocumentItem(uri, language, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def type(self, uri: str, text: str) -> None:
        """Replace the text."""
        self.texts[uri] = text
        self.versions[uri] += 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.versions[uri], uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    async def diagnostics(self, uri: str) -> list[types.Diagnostic]:
        """What is shown for the present version of a text, once the server has said so."""
        async with self._news:
            await asyncio.wait_for(self._news.wait_for(lambda: self._is_current(uri)), PATIENCE)
        return list(self.published[uri].diagnostics)

    async def next_diagnostics(self, uri: str) -> list[types.Diagnostic]:
        """What is shown after the next news about a text."""
        before = self.published.get(uri)
        async with self._news:
            await asyncio.wait_for(self._news.wait_for(lambda: self.published.get(uri) is not before), PATIENCE)
        return list(self.published[uri].diagnostics)

    def _is_current(self, uri: str) -> bool:
        return uri in self.published and self.published[uri].version == self.versions[uri]

    def positions(self, uri: str) -> Positions:
        return Positions(encode(self.texts[uri]), self.encoding)

    def place(self, uri: str, needle: str, occurrence: int = 0) -> types.Position:
        """The position in the middle of a word of the text."""
        at = -1
        for _ in range(occurrence + 1):
            at = self.texts[uri].index(needle, at + 1)
        return self.positions(uri).position(len(encode(self.texts[uri][: at + len(needle) // 2])))

    async def hover(self, uri: str, position: types.Position) -> str | None:
        params = types.HoverParams(types.TextDocumentIdentifier(uri), position)
        found = await asyncio.wait_for(self.client.text_document_hover_async(params), PATIENCE)
        return found.contents.value if found is not None else None

    async def completion(self, uri: str, position: types.Position) -> list[types.CompletionItem]:
        params = types.CompletionParams(types.TextDocumentIdentifier(uri), position)
        found = await asyncio.wait_for(self.client.text_document_completion_async(params), PATIENCE)
        return list(found.items) if isinstance(found, types.CompletionList) else list(found or ())

    async def documentation(self, item: types.CompletionItem) -> str:
        resolved = await asyncio.wait_for(self.client.completion_item_resolve_async(item), PATIENCE)
        assert isinstance(resolved.documentation, types.MarkupContent)
        return resolved.documentation.value

    async def definition(self, uri: str, position: types.Position) -> list[tuple[str, int]]:
        """Files below the root and 1-based lines."""
        params = types.DefinitionParams(types.TextDocumentIdentifier(uri), position)
        found = await asyncio.wait_for(self.client.text_document_definition_async(params), PATIENCE)
        return [(one.uri.removeprefix(self.uri("")).lstrip("/"), one.range.start.line + 1) for one in found or ()]

    async def actions(
        self,
        uri: str,
        place: types.Range,
        only: Sequence[str] | None = None,
        about: Sequence[types.Diagnostic] = (),
    ) -> list[types.CodeAction]:
        context = types.CodeActionContext(list(about), only=list(only) if only is not None else None)
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), place, context)
        return list(await asyncio.wait_for(self.client.text_document_code_action_async(params), PATIENCE) or ())

    async def resolved(self, action: types.CodeAction) -> types.CodeAction:
        return await asyncio.wait_for(self.client.code_action_resolve_async(action), PATIENCE)

    def apply(self, edit: types.WorkspaceEdit) -> dict[str, str]:
        """The texts after an edit, by URI, as LSP says edits are applied: all ranges mean the text before."""
        changes = dict(edit.changes or {})
        for one in edit.document_changes or ():
            assert one.text_document.version == self.versions.get(one.text_document.uri)
            changes[one.text_document.uri] = one.edits
        return {uri: self._applied(uri, edits) for uri, edits in changes.items()}

    def _applied(self, uri: str, edits: Sequence[types.TextEdit]) -> str:
        if uri not in self.texts:
            self.texts[uri] = decode(Path(uri.removeprefix("file://")).read_bytes().removeprefix(b"\xef\xbb\xbf"))
        positions = self.positions(uri)
        places = [(positions.offset(one.range.start), positions.offset(one.range.end), one.new_text) for one in edits]
        data = positions.data
        new, cursor = bytearray(), 0
        for start, end, text in sorted(places, key=lambda place: place[:2]):
            assert start >= cursor, "edits must not overlap"
            new += data[cursor:start] + encode(text)
            cursor = end
        return decode(bytes(new + data[cursor:]))


@asynccontextmanager
async def session(
    root: Path,
    *,
    encoding: types.PositionEncodingKind = types.PositionEncodingKind.Utf16,
    options: Mapping[str, object] | None = None,
    folders: Sequence[Path] | None = None,
    versioned: bool = True,
    resolves: bool = True,
    sabotage: str = "",
) -> AsyncIterator[Editor]:
    """An initialised server in ``root``; at the end it is shut down, and must have left in peace.

    ``sabotage`` is Python that runs in its process before it starts.
    """
    editor = Editor(root, encoding)
    command = stand_in("server")
    if sabotage:
        start = "from dockerlint_alpine.cli import main\nsys.argv = ['alpine-doctor', 'server']\nmain()"
        command = [sys.executable, "-c", f"import sys\n{sabotage}\n{start}"]
    await editor.client.start_io(*command, cwd=root)
    answer = await editor.client.initialize_async(
        types.InitializeParams(
            capabilities=types.ClientCapabilities(
                general=types.GeneralClientCapabilities(position_encodings=[encoding]),
                workspace=types.WorkspaceClientCapabilities(
                    workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=versioned),
                    did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
                ),
                text_document=types.TextDocumentClientCapabilities(
                    code_action=types.CodeActionClientCapabilities(
                        resolve_support=types.ClientCodeActionResolveOptions(["edit"]) if resolves else None
                    ),
                    hover=types.HoverClientCapabilities(content_format=[types.MarkupKind.Markdown]),
                ),
            ),
            root_uri=root.as_uri(),
            workspace_folders=[types.WorkspaceFolder(one.as_uri(), one.name) for one in folders or [root]],
            initialization_options=dict(options) if options is not None else None,
        )
    )
    editor.capabilities = answer.capabilities
    editor.client.initialized(types.InitializedParams())
    yield editor
    await asyncio.wait_for(editor.client.shutdown_async(None), PATIENCE)
    editor.client.exit(None)
    process = editor.client._server
    assert process is not None
    await asyncio.wait_for(process.wait(), PATIENCE)
    await editor.client.stop()
    assert process.returncode == 0
