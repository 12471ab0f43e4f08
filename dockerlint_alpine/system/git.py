"""git, started so that nothing of a repository runs: no hook, filter, helper or monitor; and what it prints, read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dockerlint_alpine.system.layout import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

GIT = (
    "git",
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "safe.directory=*", "-c", "gc.auto=0"),
    *("-c", "protocol.ext.allow=never", "-c", "submodule.recurse=false", "-c", "core.alternateRefsCommand="),
)
"""How a command begins. Whether it may use a network, and by which protocols, ``protocol.allow`` says besides."""
MAX_FILES = 400_000


class TooManyFilesError(Exception):
    """A tree of more than :data:`MAX_FILES` files."""

    def __init__(self) -> None:
        """Say how many are too many."""
        super().__init__(f"more than {MAX_FILES} files")


_WHOM_TO_TRUST = frozenset({"GIT_SSL_CAINFO", "GIT_SSL_CAPATH"})
"""Variables of git that name certificates of this machine."""


def environment(*, own: bool) -> dict[str, str]:
    """The variables that git is started with; ``own``: those of git that the user has set (``GIT_...``) count. Which
    certificates are trusted is the machine's own affair."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if own or not name.startswith("GIT_") or name in _WHOM_TO_TRUST
    }
    return kept | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }


def complaint(said: bytes) -> str:
    """The line of git's standard error that tells why it failed."""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return next((line for line in lines if line.startswith("fatal:")), lines[-1] if lines else "git failed")


def tree_entries(listed: bytes) -> Iterator[Entry]:
    """The files and links of ``git ls-tree -r -z --full-tree``, their sizes with ``--long`` (else 0); keys are object names.

    Raises :class:`TooManyFilesError`.
    """
    for number, line in enumerate(listed.split(b"\0")):
        if number >= MAX_FILES:
            raise TooManyFilesError
        described, tab, name = line.partition(b"\t")
        if not tab:
            continue
        mode, kind, key, *size = described.decode("ascii").split()
        if kind == "blob":
            # The size of an object that is missing is BAD; it only matters if the object does.
            known = int(size[0]) if size and size[0].isdigit() else 0
            yield Entry(os.fsdecode(name), known, key, link=mode == "120000")


def contents(printed: bytes, count: int) -> Iterator[bytes | None]:
    """The objects that ``git cat-file --batch`` printed; ``None`` for one that is missing, as in a snapshot or a partial
    clone."""
    at = 0
    for _ in range(count):
        line_end = printed.index(b"\n", at)
        size = printed[at:line_end].rpartition(b" ")[2]
        start = line_end + 1
        if not size.isdigit():
            yield None
            at = start
            continue
        yield printed[start : start + int(size)]
        at = start + int(size) + 1
