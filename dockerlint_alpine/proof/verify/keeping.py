"""The old bytes of files that a fix has changed but not yet proven: kept aside, so that even a killed run can be undone.

They lie in the user's cache folder, not in the project: a link there could lead anywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlint_alpine.fixer.write import WriteError, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockerlint_alpine.run.analysis import FixResult


class FixWriter:
    """Writes the fixes of several Dockerfiles, and takes them back.

    ``folder`` is where the old bytes are kept, in a folder for this run.
    """

    def __init__(self, results: Mapping[Path, FixResult], folder: Path) -> None:
        self.results = {path: result for path, result in results.items() if result.changed}
        self._folder = folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        self._written: list[tuple[Path, bytes, bytes]] = []

    def write(self) -> None:
        """Keep the old bytes, then write the new ones. Raises WriteError; what was written by then is taken back."""
        changes = [(path, result.old, result.new) for path, result in self.results.items() if result.old != result.new]
        changes += [(Path(o.path), o.old, o.new) for result in self.results.values() for o in result.others]
        self._keep(changes)
        try:
            for path, old, new in changes:
                self._written.append((path, old, new))  # first: an interruption may come between
                write_atomically(path, new, expected=old)
        except WriteError:
            self.restore()
            raise

    def _keep(self, changes: list[tuple[Path, bytes, bytes]]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        records = []
        for number, (path, old, new) in enumerate(changes):
            (self._folder / f"{number}.old").write_bytes(old)
            records.append(
                {"path": str(path.resolve()), "old": f"{number}.old", "new": hashlib.sha256(new).hexdigest()}
            )
        (self._folder / "files.json").write_text(json.dumps(records), "utf-8")

    def restore(self) -> None:
        """Write the old bytes again where the new ones stand; what somebody else has written since is left.

        Raises WriteError.
        """
        while self._written:
            path, old, new = self._written[-1]
            if path.read_bytes() == new:
                write_atomically(path, old, expected=new)
            self._written.pop()

    def settle(self) -> None:
        """Forget the copies: either state is whole by now."""
        _forget(self._folder)


def recover(folder: Path) -> Iterator[str]:
    """Put back what killed runs have left unproven, where the file has not changed since; a line for each."""
    for run in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            records = json.loads((run / "files.json").read_text("utf-8"))
            for record in records:
                path, old = Path(record["path"]), (run / record["old"]).read_bytes()
                now = path.read_bytes()
                if hashlib.sha256(now).hexdigest() == record["new"] and now != old:
                    write_atomically(path, old, expected=now)
                    yield f"restored {path}: its fix was never proven"
        except (OSError, ValueError, KeyError, TypeError) as error:
            yield f"left {run}: {error}"
            continue
        _forget(run)


def _forget(folder: Path) -> None:
    for path in folder.glob("*"):
        path.unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()
