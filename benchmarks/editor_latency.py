"""Times `alpine-doctor server` as an editor sees it: from a change to its diagnostics, hover, and the start.

    python benchmarks/editor_latency.py [DOCKERFILE] [--runs 30]

Each change is one letter more in a comment at the end; the pause that the server waits for more changes (its constant
PAUSE) is part of what an editor waits for, and is shown. Default: the fixture.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from shutil import copytree

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from dockerlint_alpine.server.app import PAUSE

FIXTURE = Path(__file__).resolve().parent.parent / "fixtures" / "netra-backend"
NEEDLE = "postgresql-dev"


class Session:
    """A client that knows when diagnostics for a version came."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.uri = path.as_uri()
        self.client = LanguageClient("benchmark", "1")
        self.arrived: dict[int, float] = {}
        self.news = asyncio.Event()

        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params: types.PublishDiagnosticsParams) -> None:
            self.arrived[params.version or 0] = time.perf_counter()
            self.news.set()

    async def start(self, folder: Path) -> tuple[float, float]:
        """Seconds until the server has answered, and until the first diagnostics are there."""
        begin = time.perf_counter()
        await self.client.start_io(sys.executable, "-m", "dockerlint_alpine", "server", cwd=folder)
        capabilities = types.ClientCapabilities()
        await self.client.initialize_async(types.InitializeParams(capabilities=capabilities, root_uri=folder.as_uri()))
        answered = time.perf_counter()
        self.client.initialized(types.InitializedParams())
        item = types.TextDocumentItem(self.uri, "dockerfile", 1, self.path.read_text())
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return answered - begin, await self.wait_for(1) - begin

    async def wait_for(self, version: int) -> float:
        """The time at which the diagnostics of a version came."""
        while version not in self.arrived:
            self.news.clear()
            await self.news.wait()
        return self.arrived[version]

    async def change(self, version: int) -> float:
        """Seconds from a change to its diagnostics."""
        change = types.TextDocumentContentChangeWholeDocument(self.path.read_text() + "# " + "x" * version + "\n")
        document = types.VersionedTextDocumentIdentifier(version, self.uri)
        begin = time.perf_counter()
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))
        return await self.wait_for(version) - begin

    async def hover(self, position: types.Position) -> float:
        """Seconds from a question to its answer."""
        begin = time.perf_counter()
        await self.client.text_document_hover_async(types.HoverParams(types.TextDocumentIdentifier(self.uri), position))
        return time.perf_counter() - begin

    async def stop(self) -> None:
        """End the session."""
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()


async def measure(path: Path, folder: Path, runs: int) -> None:
    """Measure and print."""
    session = Session(path)
    answered, first = await session.start(folder)
    changes = [await session.change(version) for version in range(2, runs + 2)]
    lines = path.read_text().splitlines()
    line = next((number for number, text in enumerate(lines) if NEEDLE in text), 0)
    position = types.Position(line, max(lines[line].find(NEEDLE), 0) + 1)
    hovers = [await session.hover(position) for _ in range(runs)]
    await session.stop()
    print(f"start to answer {answered:.2f} s, to the first diagnostics {first:.2f} s")
    print(f"change to diagnostics: {told(changes)} (the pause is {PAUSE * 1000:.0f} ms of it)")
    print(f"hover on a package: {told(hovers)}")


def told(times: list[float]) -> str:
    """The median and the slowest, in milliseconds."""
    return f"median {statistics.median(times) * 1000:.0f} ms, slowest {max(times) * 1000:.0f} ms of {len(times)}"


def main() -> None:
    """Run on a copy of the fixture, or on the Dockerfile that is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dockerfile", nargs="?", type=Path)
    parser.add_argument("--runs", type=int, default=30)
    options = parser.parse_args()
    if options.dockerfile is not None:
        path = options.dockerfile.absolute()
        asyncio.run(measure(path, path.parent, options.runs))
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(copytree(FIXTURE, Path(folder) / "netra"))
        asyncio.run(measure(copy / "docker" / "backend.alpine.Dockerfile", copy, options.runs))


if __name__ == "__main__":
    main()
