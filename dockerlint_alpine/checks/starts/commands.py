"""The programs that commands start: those of a script, the interpreter that a script's first line names, and where they are
looked for."""

from __future__ import annotations

import itertools
import posixpath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.stages.shell_commands import REDEFINES
from dockerlint_alpine.syntax import expand_command, expanded_commands
from dockerlint_alpine.syntax.script import DEFAULT_SHELL
from dockerlint_alpine.syntax.shell.failure import goes_on
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.checks.starts.model import Start
    from dockerlint_alpine.stages import Moment, Stage
    from dockerlint_alpine.syntax import ExpandedCommand, Instruction, Script, Span

PLAIN_TOOLS = frozenset(
    """
    addgroup adduser apk awk basename bc cat chgrp chmod chown cmp comm cp curl cut date dc delgroup deluser df diff dirname
    dos2unix du egrep env expr fgrep find fold free getopt grep groupadd groups gunzip head hexdump hostname iconv id install
    kill ln ls md5sum mkdir mktemp mv nproc od openssl passwd paste ps pwd readlink realpath rev rm rmdir sed seq setcap
    sha1sum sha256sum sha512sum shuf sleep sort stat stty sync tac tail tee touch tr tty uname uniq update-ca-certificates
    uptime useradd usermod wc wget which whoami xxd yes
    """.split()
)
"""Programs that compile nothing, and make no program that their own words do not name."""

_SHEBANG = lazy_pattern(rb"#!\s*(/\S+)(?:[ \t]+([^\r\n]*?))?[ \t]*\n")
_DJANGO = frozenset({"manage.py", "django-admin", "django-admin.py"})
_MESSAGES = {"compilemessages": "msgfmt", "makemessages": "xgettext"}
"""Commands of Django that end with an error without a program (django/core/management/commands: find_command)."""
_MAX_SCRIPT = 1 << 18


def search_path(moment: Moment) -> tuple[str, ...]:
    """The folders of PATH; one that is relative is below the folder that a program is started in (POSIX: PATH)."""
    path = moment.scope.names.get("PATH")
    folders = path.text.split(":") if path is not None else ()
    return tuple(absolute(folder, moment.workdir) for folder in folders if folder[:1] not in {"", "$"})


def read_text(moment: Moment, path: str) -> str:
    """Return the start of a file of the stage, or nothing where it is not there or can't be read."""
    return (moment.files.content(path) or b"")[:_MAX_SCRIPT].decode("utf-8", "replace")


def programs_of(
    subject: Subject, instruction: Instruction, shell: tuple[str, ...], scripts: Iterable[Script], stage: Stage
) -> Iterator[tuple[str, Span]]:
    """The programs of scripts that run for certain, each once, with their places."""
    found: dict[tuple[str, Span], None] = {}
    whole = (instruction.start, instruction.end)
    if instruction.json is None and shell[0] != DEFAULT_SHELL[0]:
        found[shell[0], whole] = None
    for script in scripts:
        names = {command.function for command in script.commands if command.function is not None}
        variables = stage.end.scope.names if stage.end is not None else {}
        words: list[tuple[str, Span | None, bool]] = []
        for command in itertools.takewhile(lambda one: one.name not in REDEFINES, script.commands):
            args = expand_command(command, variables) if command.words else ()
            words += [(arg.text, command.span, command.conditional) for arg in args[:1] if arg.known]
        commands = expanded_commands(script, variables)
        for expanded in itertools.takewhile(lambda one: one.name not in REDEFINES, commands):
            skipped = expanded.conditional or expanded.substitution
            words += [(text, expanded.command.span, skipped) for text in started_by(expanded)]
        for text, span, skipped in words:
            place = span or whole
            if not skipped and text not in names and not is_handled(subject, place):
                found[text, place] = None
    yield from found


def started_by(expanded: ExpandedCommand) -> tuple[str, ...]:
    """The programs that a command starts, with those that its arguments have it start."""
    words = [arg.text for arg in expanded.args]
    started = (*expanded.wrappers, *(arg.text for arg in expanded.args[:1] if arg.known))
    if words[:3] == ["python3", "-m", "pip"]:
        started += ("pip3",)  # what has the module has the program
    if {"-m", "django"} <= {*words} or any(one.rpartition("/")[2] in _DJANGO for one in words):
        started += tuple(program for word, program in _MESSAGES.items() if word in words)
    return started


def option_value(words: Sequence[str], *options: str) -> str:
    """The value of the first of the options that is among the words, else nothing."""
    for option in options:
        for at, word in enumerate(words):
            if word == option and at + 1 < len(words):
                return words[at + 1]
            if word.startswith(f"{option}=") and option.startswith("--"):
                return word[len(option) + 1 :]
    return ""


def is_handled(subject: Subject, span: Span) -> bool:
    """Whether the Dockerfile goes on where the command at ``span`` fails."""
    return goes_on(subject.dockerfile.data, span[1])


def with_script(start: Start, stage: Stage) -> Iterator[Start]:
    """The program, or the interpreter that the first line of a script of the context names."""
    # The files of the stage are those at its end: a script is not replaced by another.
    end = start.moment if start.service is not None else stage.final
    text = script_text(start.program, end)
    shebang = _SHEBANG.match(text) if text is not None else None
    if shebang is None:
        yield start
        return
    interpreter = shebang[1].decode("utf-8", "replace")
    words = (shebang[2] or b"").decode("utf-8", "replace").split()
    words = [word for word in words if not word.startswith("-") and "=" not in word]
    if interpreter.rpartition("/")[2] == "env" and words:
        interpreter = words[0]
    shown = end.files.display(_script_place(start.program, end) or start.program)
    yield replace(start, program=interpreter, script=shown)


def script_text(program: str, moment: Moment) -> bytes | None:
    """The start of the script of the context that is started under this name."""
    place = _script_place(program, moment)
    data = moment.files.content(place) if place is not None else None
    return data[:_MAX_SCRIPT] if data is not None else None


def _script_place(program: str, moment: Moment) -> str | None:
    """Where a script of the context lies that is started under this name."""
    if "/" in program:
        return absolute(program, moment.workdir)
    for folder in search_path(moment):
        place = posixpath.join(folder, program)
        if moment.files.exists(place):
            return place
    return None
