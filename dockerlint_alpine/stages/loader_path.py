"""Where musl's loader searches in a stage: its own folders or those of its path file, and ``LD_LIBRARY_PATH``.

Rules as in musl, ldso/dynlink.c: ``/etc/ld-musl-ARCH.path`` takes the place of ``/lib:/usr/local/lib:/usr/lib``; its entries
are set apart by line ends or colons. ``LD_LIBRARY_PATH`` is searched before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.syntax import expand_command, run_scripts
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.stages.model import Moment, Stage, Timeline

DEFAULT = ("/lib", "/usr/local/lib", "/usr/lib")
_PATH_FILE = "/etc/ld-musl-*.path"
_VARIABLE = "LD_LIBRARY_PATH"
_ASSIGNED = lazy_pattern(rf"""\b{_VARIABLE}=(?:"([^"\n]*)"|'([^'\n]*)'|([^\s"';&|]*))""")
_ITSELF = lazy_pattern(rf"\$(?:{_VARIABLE}\b|\{{{_VARIABLE}(?::?[-+][^}}]*)?\}})")
_MAX_PATH_FILE = 1 << 16
_MAX_SCRIPT = 1 << 18


class LoaderPath(Struct, frozen=True):
    """The folders that are searched. ``open``: there may be others, which only a build or a run knows."""

    folders: tuple[str, ...]
    open: bool


def loader_path(timeline: Timeline, stage: Stage, moment: Moment) -> LoaderPath:
    """What the loader searches at ``moment``; at the end of a stage also what its ENTRYPOINT or CMD set."""
    folders, is_open = _own_folders(moment)
    value = moment.scope.names.get(_VARIABLE)
    texts = [value.text if value is not None else ""]
    is_open = is_open or (value is not None and not value.known)
    if moment is stage.end:
        for text in _started_texts(timeline, stage, moment):
            texts += (match[1] or match[2] or match[3] or "" for match in _ASSIGNED.finditer(text))
    for text in texts:
        for entry in re.split(r"[:\n]", _ITSELF.sub("", text)):
            if "$" in entry or "`" in entry:
                is_open = True
            elif entry:
                folders.append(absolute(entry, moment.workdir))
    return LoaderPath(tuple(dict.fromkeys(folder.rstrip("/") or "/" for folder in folders)), is_open)


def _own_folders(moment: Moment) -> tuple[list[str], bool]:
    found = moment.files.glob(_PATH_FILE)
    if not found:
        return list(DEFAULT), False
    data = moment.files.content(found[-1])
    if data is None:
        return list(DEFAULT), True
    text = data[:_MAX_PATH_FILE].decode("utf-8", "surrogateescape")
    return [entry for entry in re.split(r"[:\n]", text) if entry.startswith("/")], False


def _started_texts(timeline: Timeline, stage: Stage, end: Moment) -> Iterator[str]:
    """What ENTRYPOINT and CMD say, and the scripts of the context that their words name."""
    for place in timeline.lineage(stage):
        for instruction in place.instructions:
            if instruction.keyword not in {"ENTRYPOINT", "CMD"}:
                continue
            words = instruction.json if instruction.json is not None else (instruction.source,)
            yield from (word.text for word in words)
            for script in run_scripts(instruction):
                for command in script.commands:
                    for arg in expand_command(command, end.scope.names):
                        yield from _script(arg.text, end)


def _script(word: str, end: Moment) -> Iterator[str]:
    data = end.files.content(absolute(word, end.workdir)) if not word.startswith("-") else None
    if data is not None:
        yield data[:_MAX_SCRIPT].decode("utf-8", "replace")
