"""What an ``apk`` command line asks for: packages added or deleted, virtual lists, extra repositories.

Options as ``apk(8)`` and ``apk-add(8)`` of apk-tools 2.14 list them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.syntax import Arg, Span

_WITH_VALUE = {
    "-X": "repository",
    "--repository": "repository",
    "-p": "root",
    "--root": "root",
    "-t": "virtual",
    "--virtual": "virtual",
    "--arch": "arch",
    "--keys-dir": "keys-dir",
    "--repositories-file": "repositories-file",
    "--wait": "wait",
    "--cache-dir": "cache-dir",
    "--cache-max-age": "cache-max-age",
    "--progress-fd": "progress-fd",
    "--timeout": "timeout",
}
_SHORT_WITH_VALUE = "Xpt"
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
    pending: str | None = None
    for arg in args[1:]:
        text = arg.text
        if pending:
            values.setdefault(pending, []).append(text)
            pending = None
            if verb is None and text in {"add", "del"}:
                verb = text  # `apk --virtual add gcc`: apk.c, deduce_applet takes the first that names a sub-command
        elif not arg.known and (verb is None or _PINNED.match(text) is None):
            unknown.extend(arg.unknown)
            hidden.append(text)
        elif text.startswith("--"):
            name, equals, value = text.partition("=")
            if name in _WITH_VALUE and equals:
                values.setdefault(_WITH_VALUE[name], []).append(value)
            else:
                pending = _WITH_VALUE.get(name)
        elif text.startswith("-") and len(text) > 1:
            pending = _short_options(text, values)
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
        virtual=_last(values.get("virtual")),
        repositories=tuple(values.get("repository", ())),
        root=_last(values.get("root")),
        unknown=tuple(dict.fromkeys(unknown)),
        hidden=tuple(hidden),
        word=verb,
    )


def _short_options(text: str, values: dict[str, list[str]]) -> str | None:
    """Read a cluster such as ``-Ut .deps``; returns the option that still wants a value."""
    for position, letter in enumerate(text[1:], start=1):
        if letter in _SHORT_WITH_VALUE:
            name = _WITH_VALUE[f"-{letter}"]
            rest = text[position + 1 :]
            if not rest:
                return name
            values.setdefault(name, []).append(rest)
            return None
    return None


def _verb(word: str) -> ApkVerb:
    match word:
        case "add" | "del" | "fix" | "upgrade" | "update":
            return word
        case _:
            return "other" if word in _OTHERS or not word.isalpha() else "none"


def _last(values: list[str] | None) -> str | None:
    return values[-1] if values else None
