"""Programs that run another program: ``env``, ``exec``, ``sudo``, ``sh -c`` and their kin."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.syntax.shell.model import SHELLS, Redirect
from dockerlint_alpine.syntax.source import SourceText
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.syntax.shell.words import Arg

_ASSIGNMENT = lazy_pattern(r"([A-Za-z_][A-Za-z0-9_]*)=")
_SHELL_NAMES = SHELLS - {"busybox"}


class _Wrapper(Struct, frozen=True):
    """How a wrapper's own arguments look: options that take a value, and operands before the program."""

    valued: frozenset[str] = frozenset()
    operands: int = 0
    assignments: bool = False


_WRAPPERS = {
    "builtin": _Wrapper(),
    "busybox": _Wrapper(),
    "catatonit": _Wrapper(),
    "chronic": _Wrapper(),
    "command": _Wrapper(),
    "ddtrace-run": _Wrapper(),
    "doas": _Wrapper(frozenset({"-u", "-C"})),
    "dumb-init": _Wrapper(),
    "env": _Wrapper(frozenset({"-u", "--unset", "-C", "--chdir"}), assignments=True),
    "exec": _Wrapper(frozenset({"-a"})),
    "gosu": _Wrapper(operands=1),
    "ionice": _Wrapper(frozenset({"-c", "-n", "-p"})),
    "newrelic-admin": _Wrapper(operands=1),
    "nice": _Wrapper(frozenset({"-n", "--adjustment"})),
    "nohup": _Wrapper(),
    "opentelemetry-instrument": _Wrapper(
        frozenset({"--traces_exporter", "--metrics_exporter", "--logs_exporter", "--service_name"})
    ),
    "runuser": _Wrapper(frozenset({"-u", "-g", "-G"})),
    "s6-setuidgid": _Wrapper(operands=1),
    "setsid": _Wrapper(),
    "stdbuf": _Wrapper(frozenset({"-i", "-o", "-e"})),
    "su-exec": _Wrapper(operands=1),
    "sudo": _Wrapper(frozenset({"-u", "-g", "-h", "-p", "-C", "-D", "-R", "-T", "-U"}), assignments=True),
    "time": _Wrapper(frozenset({"-f", "-o"})),
    "timeout": _Wrapper(frozenset({"-s", "-k", "--signal", "--kill-after"}), operands=1),
    "tini": _Wrapper(frozenset({"-e", "-p"})),
    "with-contenv": _Wrapper(),
    "xvfb-run": _Wrapper(frozenset({"-e", "-f", "-n", "-p", "-s", "-w", "--server-args", "--server-num"})),
}


class Unwrapped(Struct, frozen=True):
    """A command without its wrappers.

    ``script`` is the text of a nested script when the command is a shell that is given one; ``same_shell`` when that
    script runs in the same shell (``eval``), so that its assignments stay.
    """

    args: tuple[Arg, ...]
    wrappers: tuple[str, ...] = ()
    environment: tuple[tuple[str, SourceText], ...] = ()
    script: SourceText | None = None
    same_shell: bool = False


def unwrap(args: tuple[Arg, ...], redirects: Sequence[Redirect] = ()) -> Unwrapped:
    """Take the wrappers off a command. ``redirects`` tell whether a shell reads a here-document."""
    wrappers: list[str] = []
    environment: list[tuple[str, SourceText]] = []
    while args:
        name = args[0].text.rpartition("/")[2]
        wrapper = _WRAPPERS.get(name)
        if wrapper is None:
            break
        rest = _behind(wrapper, args[1:], environment)
        if not rest or (name == "command" and args[1].text in ("-v", "-V")):
            break
        wrappers.append(name)
        args = rest
    script, same_shell = _nested(args, redirects)
    return Unwrapped(args, tuple(wrappers), tuple(environment), script, same_shell)


def _behind(wrapper: _Wrapper, args: tuple[Arg, ...], environment: list[tuple[str, SourceText]]) -> tuple[Arg, ...]:
    """The arguments behind a wrapper's own; what ``env`` sets is added to ``environment``."""
    index, operands = 0, wrapper.operands
    while index < len(args):
        text = args[index].text
        assignment = _ASSIGNMENT.match(text) if wrapper.assignments else None
        if text == "--":
            return args[index + 1 + operands :]
        if len(text) > 1 and text.startswith("-"):
            index += 2 if text in wrapper.valued else 1
        elif assignment is not None:
            source = args[index].source
            environment.append((assignment[1], source.slice(assignment.end(), len(source))))
            index += 1
        elif operands:
            operands -= 1
            index += 1
        else:
            break
    return args[index:]


def _nested(args: tuple[Arg, ...], redirects: Sequence[Redirect]) -> tuple[SourceText | None, bool]:
    """The script that a command is given to run, and whether it runs in the same shell."""
    if not args:
        return None, False
    name = args[0].text.rpartition("/")[2]
    if name == "eval" and len(args) > 1:
        parts = [part for arg in args[1:] for part in (SourceText.literal(" "), arg.source)]
        return SourceText.concat(parts[1:]), True
    if name == "su":
        return _option_value(args, ("-c", "--command")), False
    if name not in _SHELL_NAMES:
        return None, False
    return _shell_script(args[1:], redirects), False


def _option_value(args: tuple[Arg, ...], names: tuple[str, ...]) -> SourceText | None:
    for option, value in pairwise(args):
        if option.text in names:
            return value.source
    return None


def _shell_script(args: tuple[Arg, ...], redirects: Sequence[Redirect]) -> SourceText | None:
    """``sh -c SCRIPT``, ``bash -euxo pipefail -c SCRIPT``, ``sh -s <<EOF``, ``sh <<EOF``."""
    index, command, standard_input = 0, False, False
    while index < len(args):
        text = args[index].text
        if len(text) < 2 or text[0] not in "-+" or text == "--":
            break
        if not text.startswith("--"):
            command = command or "c" in text
            standard_input = standard_input or "s" in text
            index += 1 if text[-1] in "oO" else 0
        index += 1
    if command:
        return args[index].source if index < len(args) else None
    if index < len(args) and not standard_input:
        return None
    return next((redirect.body for redirect in redirects if redirect.op in ("<<", "<<-")), None)
