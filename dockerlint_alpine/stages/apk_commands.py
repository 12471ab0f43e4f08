"""What an ``apk`` command line asks for: packages added or deleted, virtual lists, extra repositories.

Options as ``apk(8)`` and ``apk-add(8)`` of apk-tools 2.14 list them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from dockerlint_alpine.system.options import OptionTable, scan
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.syntax import Arg, Span

_OPTIONS = OptionTable.build(
    "--repository -X, --root -p, --virtual -t, --arch, --keys-dir, --repositories-file, --wait, --cache-dir,"
    "--cache-max-age, --progress-fd, --timeout",
    others="flag",
)
_PINNED = lazy_pattern(r"([A-Za-z0-9][\w.+:-]*)[=<>~@]")

ApkVerb = Literal["add", "del", "fix", "upgrade", "update", "other", "none"]
"""``none`` is what apk has no command for, and ends with an error."""
_OTHERS = frozenset(
    "adbdump adbgen adbsign audit cache convdb convndx dot extract fetch help index info list manifest mkndx mkpkg policy"
    " query search stats verify version".split()
)
"""Commands of apk-tools 2 and 3 that change no packages."""


class Operand(Struct, frozen=True):
    """One package of a list: its text as apk sees it and where it is written.

    ``span`` are byte offsets in the Dockerfile, or in ``path`` where the list is kept in a file of its own; ``None``
    where the text comes from outside (``--build-arg``). ``arg`` is the shell word it came from, if it has one.
    """

    text: str
    span: Span | None = None
    path: str | None = None
    arg: Arg | None = None


class ApkCommand(Struct, frozen=True):
    """One ``apk`` call. ``unknown`` names the variables that hide operands from us, ``hidden`` are these as written;
    ``word`` is the verb as written."""

    verb: ApkVerb
    operands: tuple[Operand, ...] = ()
    virtual: str | None = None
    repositories: tuple[str, ...] = ()
    root: str | None = None
    unknown: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    word: str = ""

    @property
    def other_repositories(self) -> tuple[str, ...]:
        """Where packages of this command may come from besides the release's own repositories: URLs and tags."""
        tags = (operand.text.partition("@")[2] for operand in self.operands)
        return (*self.repositories, *(f"@{re.split('[=<>~]', tag)[0]}" for tag in tags if tag))


def read_apk_command(args: Sequence[Arg], piped: Iterable[Operand] = ()) -> ApkCommand | None:
    """Read the arguments of ``apk`` (program name first); ``piped`` are operands that ``xargs`` or ``<`` brings.

    Returns ``None`` when the words name no sub-command.
    """
    operands: list[Operand] = []
    values: dict[str, list[str]] = {}
    unknown: list[str] = []
    hidden: list[str] = []
    verb: str | None = None
    for word in scan([arg.text for arg in args[1:]], _OPTIONS)[0]:
        arg = args[1 + word.index]
        text = arg.text
        if not arg.known and (verb is None or _PINNED.match(text) is None):
            unknown.extend(arg.unknown)
            hidden.append(text)
        elif word.option is not None:
            values.setdefault(word.option, []).append(word.value)
            if verb is None and word.value in {"add", "del"} and not text.endswith(word.value):
                # `apk --virtual add gcc`: apk.c, deduce_applet takes the first that names a sub-command
                verb = word.value
        elif verb is None:
            verb = text
        else:
            # Of python3=$VERSION the name is known: that is what counts.
            named = _PINNED.match(text) if not arg.known else None
            operands.append(Operand(named[1] if named is not None else text, arg.span, None, arg))
    if verb is None:
        return None
    kind = _verb(verb)
    return ApkCommand(
        verb="other" if kind == "none" and unknown else kind,
        operands=(*operands, *piped),
        virtual=_last(values.get("--virtual")),
        repositories=tuple(values.get("--repository", ())),
        root=_last(values.get("--root")),
        unknown=tuple(dict.fromkeys(unknown)),
        hidden=tuple(hidden),
        word=verb,
    )


def _verb(word: str) -> ApkVerb:
    match word:
        case "add" | "del" | "fix" | "upgrade" | "update":
            return word
        case _:
            return "other" if word in _OTHERS or not word.isalpha() else "none"


def _last(values: list[str] | None) -> str | None:
    return values[-1] if values else None
