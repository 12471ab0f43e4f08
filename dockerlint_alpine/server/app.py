"""The server itself: passes requests to the thread that runs the checks, and sends the answers back.

The event loop reads the protocol and never judges; one worker thread judges and never sends. A handler that fails
becomes one line in the editor's log, and the server lives on.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from dockerlint_alpine.model.about import __version__
from dockerlint_alpine.report.options import PROGRAM
from dockerlint_alpine.server import actions, completion, definition, hover
from dockerlint_alpine.server.diagnostics import diagnostics
from dockerlint_alpine.server.documents import Document, Snapshot, path_of, place_of
from dockerlint_alpine.server.framing import INVALID_PARAMS, Incoming, Outgoing
from dockerlint_alpine.server.judging import Judge, Judgement
from dockerlint_alpine.server.positions import encode
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.pulse import GivenUpError, may_be_given_up, pulse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from dockerlint_alpine.run.openers import Openers

PAUSE = 0.1
"""Seconds without a change after which a text is judged."""

_SETTINGS = lazy_pattern(r".*\.toml|.*compose.*\.ya?ml")
"""Files that may say how to judge, also texts that do not rest on them yet: settings, rules, builds."""

_WATCHED = (
    "**/*.{txt,in,toml,lock,cfg,dockerignore}",
    "**/{Pipfile,setup.py,.dockerignore}",
    "**/*{ocker,ontainer}file*",
    "**/*compose*.{yml,yaml}",
    "**/.github/workflows/*.{yml,yaml}",
)
"""What a report may rest on: requirement, lock and project files, package lists, settings; other Dockerfiles; and what
builds images."""

_SECTION = PROGRAM
_Answer = TypeVar("_Answer")


class Server(LanguageServer):
    """One session with one editor."""

    def __init__(self, openers: Openers, environment: Mapping[str, str], *, pause: float = PAUSE) -> None:
        super().__init__(PROGRAM, __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self._judge = Judge(openers, environment)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge")
        self._pause = pause
        self._pending: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._said: set[str] = set()
        self._rests_on: dict[str, Callable[[frozenset[str]], bool]] = {}
        self._was_shut_down = False
        self._incoming: Incoming | None = None
        self._outdated: dict[str, Event] = {}
        """By text: set when there is a newer one."""
        self._completed: dict[str, completion.Place | None] = {}
        """By text: where the last completion was asked for."""

    # -- open texts ---------------------------------------------------------------------------------------------------

    def _snapshot(self) -> Snapshot:
        """All open texts as they are now."""
        folders = tuple(path for one in self.workspace.folders.values() if (path := path_of(one.uri)) is not None)
        root = path_of(self.workspace.root_uri) if self.workspace.root_uri else None
        if not folders and root is not None:
            folders = (root,)
        documents: dict[str, Document] = {}
        for text in self.workspace.text_documents.values():
            place = place_of(text.uri, folders)
            if place is not None:
                path, saved = place
                language = text.language_id or ""
                documents[text.uri] = Document(text.uri, path, language, text.version, encode(text.source), saved)
        return Snapshot(documents, folders, self.workspace.position_encoding or types.PositionEncodingKind.Utf16)

    async def _judged(self, question: Callable[..., _Answer], *given: Any) -> _Answer:
        """The answer of the thread that judges."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, question, *given)

    async def _judged_unless_outdated(self, question: Callable[..., _Answer], uri: str, *given: Any) -> _Answer | None:
        """The same about one text: given up, and ``None``, as soon as there is a newer one."""
        outdated = self._outdated.setdefault(uri, Event())

        def asked() -> _Answer | None:
            try:
                with may_be_given_up(outdated):
                    pulse()
                    return question(*given)
            except GivenUpError:
                return None

        return await self._judged(asked)

    def _give_up(self, uri: str) -> None:
        """Whatever is being worked out about a text is outdated."""
        event = self._outdated.pop(uri, None)
        if event is not None:
            event.set()

    def _start(self, task: Awaitable[None]) -> None:
        """Do something beside the protocol; if it fails, say so in the log."""
        running = asyncio.ensure_future(self._logged(task))
        self._tasks.add(running)  # asyncio itself would forget it
        running.add_done_callback(self._tasks.discard)

    async def _logged(self, task: Awaitable[None]) -> None:
        try:
            await task
        except Exception as error:  # noqa: BLE001 - the server lives on
            self.log_failure(error)

    # -- diagnostics --------------------------------------------------------------------------------------------------

    def _check_soon(self, uris: Iterable[str], pause: float | None = None) -> None:
        """Judge these texts after ``pause`` seconds, unless a newer wish comes first; a judgement that runs is outdated."""
        for uri in uris:
            self._give_up(uri)
            earlier = self._pending.pop(uri, None)
            if earlier is not None:
                earlier.cancel()
            wait = self._pause if pause is None else pause
            self._pending[uri] = asyncio.ensure_future(self._logged(self._check(uri, wait)))

    async def _check(self, uri: str, pause: float) -> None:
        await asyncio.sleep(pause)
        snapshot = self._snapshot()
        document = snapshot.documents.get(uri)
        if document is None or not document.is_dockerfile:
            return
        answer = await self._judged_unless_outdated(self._diagnostics, uri, document, snapshot)
        if answer is None:
            return
        found, rests_on, refused = answer
        for line in refused:
            if line not in self._said:
                self._said.add(line)
                self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, line))
        now = self._snapshot().documents.get(uri)
        if now is not None:
            self._rests_on[uri] = rests_on
            if now.version == document.version:  # a newer text is judged by a later call
                self._publish(uri, document.version, found)

    def _diagnostics(
        self, document: Document, snapshot: Snapshot
    ) -> tuple[list[types.Diagnostic], Callable[[frozenset[str]], bool], tuple[str, ...]]:
        judgement = self._judge.judgement(document, snapshot)
        return diagnostics(judgement), judgement.rests_on, judgement.refused

    def _publish(self, uri: str, version: int | None, found: list[types.Diagnostic]) -> None:
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, version))

    def _touched(self, paths: Iterable[Path]) -> None:
        """Judge the open Dockerfiles anew that rest on these files."""
        changed = frozenset(map(str, paths))
        self._check_soon([uri for uri, rests_on in self._rests_on.items() if rests_on(changed)])

    def _check_all(self) -> None:
        """Judge every open Dockerfile anew."""
        self._check_soon([uri for uri, one in self._snapshot().documents.items() if one.is_dockerfile])

    # -- notifications ------------------------------------------------------------------------------------------------

    def initialize(self, params: types.InitializeParams) -> None:
        """The editor says what it can and wants."""
        self._configure(params.initialization_options)

    def initialized(self, _: types.InitializedParams) -> None:
        """The session begins: rules and indexes are opened while the user looks at the editor."""
        self._watch_files()
        self._start(self._judged(self._judge.warm_up))

    def asked_to_shut_down(self, _: None) -> None:
        """The session ends; ``exit`` follows."""
        self._was_shut_down = True

    def did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """The editor has opened a file."""
        self._check_soon([params.text_document.uri], pause=0)
        self._touched(_paths(params.text_document.uri))

    def did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """The user has typed; a change in a requirement file concerns the Dockerfiles that install it."""
        self._check_soon([params.text_document.uri])
        self._touched(_paths(params.text_document.uri))

    def did_save(self, params: types.DidSaveTextDocumentParams) -> None:
        """The editor has saved a file."""
        self._changed_on_disk(_paths(params.text_document.uri))

    def did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """The editor has closed a file: its diagnostics are removed, and its content on disk counts again."""
        uri = params.text_document.uri
        self._give_up(uri)
        pending = self._pending.pop(uri, None)
        if pending is not None:
            pending.cancel()
        if self._rests_on.pop(uri, None) is not None or pending is not None:
            self._publish(uri, None, [])
        self._completed.pop(uri, None)
        self._start(self._judged(self._judge.drop, uri))
        self._touched(_paths(uri))

    def did_change_files(self, params: types.DidChangeWatchedFilesParams) -> None:
        """Files have changed on disk, outside of the editor."""
        self._changed_on_disk([path for event in params.changes for path in _paths(event.uri)])

    def did_change_configuration(self, params: types.DidChangeConfigurationParams) -> None:
        """The user has changed the editor's settings; only those of this program count."""
        if isinstance(params.settings, dict) and _SECTION in params.settings:
            self._configure(params.settings)
            self._check_all()

    def did_change_folders(self, _: types.DidChangeWorkspaceFoldersParams) -> None:
        """Folders were added to the workspace, or removed from it."""
        self._check_all()

    def _changed_on_disk(self, paths: list[Path]) -> None:
        if any(_SETTINGS.fullmatch(path.name) for path in paths):
            self._start(self._judged(self._judge.forget))
            self._check_all()
        else:
            self._touched(paths)

    def _configure(self, options: object) -> None:
        """Use the editor's options: a table, or a table with ours in a section of its own."""
        if isinstance(options, dict):
            given = options.get(_SECTION, options)
            if isinstance(given, dict):
                self._start(self._judged(self._judge.configure, dict(given)))

    # -- questions ----------------------------------------------------------------------------------------------------

    async def hover(self, params: types.HoverParams) -> types.Hover | None:
        """Explain what the pointer is on."""
        text = await self._asked(
            params,
            lambda *given: hover.in_dockerfile(*self._at(*given)),
            lambda *given: hover.in_requirements(*self._in_requirements(*given)),
        )
        if text is None:
            return None
        wanted = self.client_capabilities.text_document and self.client_capabilities.text_document.hover
        formats = (wanted.content_format if wanted else None) or [types.MarkupKind.Markdown]
        kind = types.MarkupKind.Markdown if types.MarkupKind.Markdown in formats else types.MarkupKind.PlainText
        return types.Hover(types.MarkupContent(kind, text))

    async def definition(self, params: types.DefinitionParams) -> list[types.Location] | None:
        """Give the requirements behind a package or finding, and for a requirement the RUN that installs it."""
        return await self._asked(
            params,
            lambda *given: definition.from_dockerfile(*self._at(*given)),
            lambda *given: list(definition.from_requirements(*self._in_requirements(*given))),
        )

    def _at(self, document: Document, snapshot: Snapshot, params: Any) -> tuple[Judgement, int]:
        """The judgement of a Dockerfile and the byte offset that is asked about."""
        return self._judge.judgement(document, snapshot), snapshot.positions_in(document).offset(params.position)

    def _in_requirements(self, document: Document, snapshot: Snapshot, params: Any) -> tuple[list[Judgement], str, int]:
        """The judgements that a requirement file is for, its path, and the line that is asked about."""
        users = self._judge.users_of(document, snapshot)
        return users, str(document.path), _line(document, snapshot, params.position)

    async def _asked(
        self, params: Any, in_dockerfile: Callable[..., _Answer], elsewhere: Callable[..., _Answer] | None = None
    ) -> _Answer | None:
        """What a question makes of the open text that ``params`` names; ``None`` where it is not for such a text."""
        snapshot = self._snapshot()
        document = snapshot.documents.get(params.text_document.uri)
        question = in_dockerfile if document is not None and document.is_dockerfile else elsewhere
        if document is None or question is None:
            return None
        return await self._judged_unless_outdated(question, document.uri, document, snapshot, params)

    async def completion(self, params: types.CompletionParams) -> types.CompletionList | None:
        """Give the completions at the cursor."""
        return await self._asked(params, self._complete)

    def _complete(
        self, document: Document, snapshot: Snapshot, params: types.CompletionParams
    ) -> types.CompletionList | None:
        judgement, offset = self._at(document, snapshot, params)
        self._completed[document.uri] = completion.place_at(judgement, offset)
        return completion.complete(judgement, offset)

    async def resolve_completion(self, item: types.CompletionItem) -> types.CompletionItem:
        """Add the description of a package to a completion, once the user selects it."""
        uri = item.data.get("uri") if isinstance(item.data, dict) else None
        place = self._completed.get(str(uri))
        return await self._judged(completion.documented, item, place)

    async def code_actions(self, params: types.CodeActionParams) -> list[types.CodeAction] | None:
        """Give the code actions for a range."""
        return await self._asked(params, self._actions)

    def _actions(
        self, document: Document, snapshot: Snapshot, params: types.CodeActionParams
    ) -> list[types.CodeAction]:
        client, judgement = self._client(), self._judge.judgement(document, snapshot)
        found = actions.actions(judgement, params.range, params.context, client)
        if not client.resolves_edits:
            for action in found:
                if action.kind == actions.FIX_ALL:
                    action.edit = actions.fix_all(judgement, self._judge.fixed(judgement), client)
        return found

    async def resolve_action(self, action: types.CodeAction) -> types.CodeAction:
        """The edits of an action that was offered without them."""
        snapshot = self._snapshot()
        uri = action.data.get("uri") if isinstance(action.data, dict) else None
        document = snapshot.documents.get(str(uri))
        if action.kind == actions.FIX_ALL and document is not None:
            action.edit = await self._judged_unless_outdated(self._fix_all, document.uri, document, snapshot)
        return action

    def _fix_all(self, document: Document, snapshot: Snapshot) -> types.WorkspaceEdit | None:
        judgement = self._judge.judgement(document, snapshot)
        return actions.fix_all(judgement, self._judge.fixed(judgement), self._client())

    def _client(self) -> actions.Client:
        workspace, text = self.client_capabilities.workspace, self.client_capabilities.text_document
        edit = workspace.workspace_edit if workspace else None
        action = text.code_action if text else None
        resolves = action.resolve_support.properties if action and action.resolve_support else ()
        return actions.Client(versioned_edits=bool(edit and edit.document_changes), resolves_edits="edit" in resolves)

    # -- the session --------------------------------------------------------------------------------------------------

    def _watch_files(self) -> None:
        """Ask the editor to tell when files change on disk, where it can."""
        workspace = self.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace else None
        if watching is None or not watching.dynamic_registration:
            return
        watchers = [types.FileSystemWatcher(pattern) for pattern in _WATCHED]
        options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
        method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
        registration = types.Registration("watched-files", method, options)
        self._start(self.client_register_capability_async(types.RegistrationParams([registration])))

    def log_failure(self, error: BaseException, what: str = "internal error, please report it") -> None:
        """One line about what went wrong inside, where the editor shows the log of servers."""
        frames = traceback.extract_tb(error.__traceback__)
        where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
        text = " ".join(f"{type(error).__name__}: {error}".split())
        message = f"{PROGRAM}: {what}: {text}{where}"
        self.window_log_message(types.LogMessageParams(types.MessageType.Error, message))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """What pygls could not read or find a handler for: a line in the log in place of a window."""
        self.log_failure(error, "invalid message")
        if source is JsonRpcException and self._incoming is not None and self._incoming.last_id is not None:
            reason = "invalid parameters"
            self._outgoing.refuse(self._incoming.last_id, INVALID_PARAMS, reason)

    def run(self, stdin: BinaryIO, stdout: BinaryIO) -> int:
        """Serve until the editor leaves. Returns the exit code that the protocol asks for."""
        self._outgoing = Outgoing(stdout)
        self._incoming = Incoming(stdin, self._outgoing, lambda name: name in types.METHOD_TO_TYPES, print_line)
        try:
            self.start_io(self._incoming, self._outgoing)  # type: ignore[arg-type]  # what of a stream is used
        finally:
            for event in self._outdated.values():
                event.set()
            self._worker.shutdown(wait=False, cancel_futures=True)
        return 0 if self._was_shut_down else 1


def print_line(text: str) -> None:
    """One line for whoever reads the server's standard error."""
    sys.stderr.write(f"{PROGRAM}: {text}\n")


def _line(document: Document, snapshot: Snapshot, position: types.Position) -> int:
    r"""The 1-based line, counted by ``\n`` as readers of files do, of the requirement at a position: of one that goes on
    over several lines, the first."""
    before = document.data[: snapshot.positions_in(document).offset(position)].split(b"\n")[:-1]
    while before and before[-1].rstrip(b"\r").endswith(b"\\"):
        before.pop()
    return len(before) + 1


def make_server(openers: Openers, environment: Mapping[str, str], *, pause: float = PAUSE) -> Server:
    """A server with all its handlers. ``openers`` are called once for each build; ``environment`` may set
    options, as for the other commands."""
    server = Server(openers, environment, pause=pause)
    notifications: dict[str, Callable[[Any], None]] = {
        types.INITIALIZE: server.initialize,
        types.INITIALIZED: server.initialized,
        types.SHUTDOWN: server.asked_to_shut_down,
        types.TEXT_DOCUMENT_DID_OPEN: server.did_open,
        types.TEXT_DOCUMENT_DID_CHANGE: server.did_change,
        types.TEXT_DOCUMENT_DID_SAVE: server.did_save,
        types.TEXT_DOCUMENT_DID_CLOSE: server.did_close,
        types.WORKSPACE_DID_CHANGE_WATCHED_FILES: server.did_change_files,
        types.WORKSPACE_DID_CHANGE_CONFIGURATION: server.did_change_configuration,
        types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: server.did_change_folders,
    }
    requests: dict[str, Callable[[Any], Awaitable[object]]] = {
        types.TEXT_DOCUMENT_HOVER: server.hover,
        types.TEXT_DOCUMENT_DEFINITION: server.definition,
        types.TEXT_DOCUMENT_CODE_ACTION: server.code_actions,
        types.CODE_ACTION_RESOLVE: server.resolve_action,
        types.TEXT_DOCUMENT_COMPLETION: server.completion,
        types.COMPLETION_ITEM_RESOLVE: server.resolve_completion,
    }
    options: dict[str, Any] = {
        types.TEXT_DOCUMENT_CODE_ACTION: types.CodeActionOptions(list(actions.KINDS), resolve_provider=True),
        types.TEXT_DOCUMENT_COMPLETION: types.CompletionOptions(list(completion.TRIGGERS), resolve_provider=True),
    }
    for method, handler in notifications.items():
        server.feature(method)(_notified(server, handler))
    for method, answer in requests.items():
        server.feature(method, options.get(method))(_answered(server, answer))
    return server


def _notified(server: Server, handler: Callable[[Any], None]) -> Callable[[Any], None]:
    """A handler whose failure is a line in the log."""

    def notified(params: Any) -> None:
        try:
            handler(params)
        except Exception as error:  # noqa: BLE001 - the server lives on
            server.log_failure(error)

    return notified


def _answered(server: Server, handler: Callable[[Any], Awaitable[object]]) -> Callable[[Any], Awaitable[object]]:
    """The same for a request, which then is answered with nothing."""

    async def answered(params: Any) -> object:
        try:
            return await handler(params)
        except Exception as error:  # noqa: BLE001 - the server lives on
            server.log_failure(error)
            return None

    return answered


def _paths(uri: str) -> list[Path]:
    path = path_of(uri)
    return [path] if path is not None else []


class _OneLine(logging.Formatter):
    """A record in one line, an exception by its name and text."""

    def format(self, record: logging.LogRecord) -> str:
        # pygls writes some tracebacks into the text itself: what counts is in front of them and in their last line.
        head, traced, rest = record.getMessage().partition("Traceback (most recent call last):")
        text = f"{head.strip()}: {rest.strip().splitlines()[-1]}" if traced and rest.strip() else head
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}: {record.exc_info[1]!r}"
        return f"{PROGRAM}: {' '.join(text.split())[:1000]}"


def log_to(stream: Any) -> None:
    """Write pygls' warnings to a text stream, one line each."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_OneLine())
    for name in ("pygls", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.WARNING)


def serve(openers: Openers, environment: Mapping[str, str], stdin: BinaryIO, stdout: BinaryIO) -> int:
    """Speak the protocol on two streams until the editor leaves. Returns the exit code."""
    log_to(sys.stderr)
    return make_server(openers, environment).run(stdin, stdout)
