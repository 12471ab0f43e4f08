"""``alpine-doctor server`` before the first message: what is imported, what is missing, what ends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

INITIALIZE = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}'
)


def python(code: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, input=stdin, capture_output=True, timeout=60, check=False
    )


def serve(cwd: Path, *messages: bytes, before: str = "") -> subprocess.CompletedProcess[bytes]:
    code = (
        f"import sys; {before}\nfrom dockerlint_alpine.cli import main; sys.argv = ['alpine-doctor', 'server']; main()"
    )
    framed = b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(message), message) for message in messages)
    return python(code, cwd, framed)


@pytest.mark.parametrize("missing", ["pygls", "lsprotocol"])
def test_without_the_extra_one_line_says_how_to_get_it(tmp_path: Path, missing: str) -> None:
    done = serve(tmp_path, before=f"sys.modules[{missing!r}] = None")
    assert done.returncode == 2
    assert done.stderr == b"alpine-doctor: the server needs pygls: pip install 'alpine-doctor[lsp]'\n"
    assert done.stdout == b""


def test_other_commands_do_not_import_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['alpine-doctor', '--help']\nfrom dockerlint_alpine.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "import dockerlint_alpine.cli.check, dockerlint_alpine.cli.server\n"
        "assert not {'pygls', 'lsprotocol', 'dockerlint_alpine.server'} & set(sys.modules)"
    )
    done = python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"server" in done.stdout


def test_an_editor_that_dies_ends_it(tmp_path: Path) -> None:
    done = serve(tmp_path, INITIALIZE)
    assert done.returncode == 1  # no shutdown was asked for
    assert done.stdout.startswith(b"Content-Length: ")
    assert done.stderr == b""


def test_what_is_no_protocol_is_a_line_each(tmp_path: Path) -> None:
    shutdown, leave = b'{"jsonrpc":"2.0","id":2,"method":"shutdown"}', b'{"jsonrpc":"2.0","method":"exit"}'
    done = serve(tmp_path, b"{", INITIALIZE, b'{"jsonrpc":"2.0","id":3,"method":"no/such"}', shutdown, leave)
    assert done.returncode == 0
    assert b'"id":1' in done.stdout.replace(b'": ', b'":')
    assert b"Traceback" not in done.stderr
    assert all(line.startswith(b"alpine-doctor: ") for line in done.stderr.splitlines())


def test_nothing_but_the_protocol_reaches_standard_output(tmp_path: Path) -> None:
    """Not even what a library prints while a request is served."""
    noise = "import dockerlint_alpine.server.app as app; old = app.Server.initialize\n"
    noise += "def initialize(self, params):\n    print('noise', flush=True)\n    old(self, params)\n"
    noise += "app.Server.initialize = initialize"
    done = serve(tmp_path, INITIALIZE, before=noise)
    assert b"noise" in done.stderr
    assert b"noise" not in done.stdout
