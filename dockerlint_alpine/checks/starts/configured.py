"""Commands that a program starts because a file says so: supervisord's and circus's configuration, crontabs, Makefiles and
Procfiles.

The formats are those of supervisor's documentation ("Configuration File"), circus's ("Configuration"), busybox's crond
(miscutils/crond.c), GNU make and Heroku's Procfile.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from dockerlint_alpine.checks.starts.commands import option_value, read_text
from dockerlint_alpine.stages.makefiles import read_call, read_recipes
from dockerlint_alpine.stages.scripts import MAX_SIZE, ScriptFile
from dockerlint_alpine.system.options import OptionTable, scan
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.stages import Moment
    from dockerlint_alpine.syntax import Arg

_SUPERVISOR = ("supervisord.conf", "etc/supervisord.conf", "/etc/supervisord.conf", "/etc/supervisor/supervisord.conf")
_SUPERVISOR_OF_ALPINE = "/etc/supervisor.d/*.ini"
"""What the configuration includes that Alpine's package has (aports: community/supervisor)."""
_CRONTABS = ("/etc/crontabs", "/var/spool/cron/crontabs")
_PERIODIC = ("15min", "hourly", "daily", "weekly", "monthly")
"""Folders below /etc/periodic whose files root's crontab runs in Alpine (aports: main/alpine-baselayout, crontab)."""

_SECTION = lazy_pattern(r"[ \t]*\[([^\]]+)\]")
_SETTING = lazy_pattern(r"([\w.]+)[ \t]*[=:][ \t]*(.*)")
_TIMES = lazy_pattern(r"[ \t]*(?:(?:@\w+)[ \t]+|(?:[\w*/,-]+[ \t]+){5})(.+)")
_PROCESS = lazy_pattern(r"([\w-]+):[ \t]*(.+)")
_COMMENT = lazy_pattern(r"[ \t]+;.*")
_NAMED = lazy_pattern(r"%\((\w+)\)s|\$\(\w+\.(\w+)\)")
_MAX_LINE = 4096
_MAX_LINES = 200
_MAX_FILES = 50


class Line(Struct, frozen=True):
    """A command of the shell, or words as a shell would split them, in line ``number`` (1-based) of the file at ``place``,
    that runs in ``folder``."""

    text: str
    place: str
    number: int
    folder: str


def configured(args: Sequence[Arg], moment: Moment) -> Iterator[Line]:
    """The commands that a command of these words starts because a file of the stage says so."""
    name = args[0].text.rpartition("/")[2] if args else ""
    reader = _READERS.get(name)
    if reader is not None:
        yield from _first(reader(args, moment))


def _first(lines: Iterator[Line]) -> Iterator[Line]:
    for _, line in zip(range(_MAX_LINES), lines, strict=False):
        yield line


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a file that somebody may have written, each with its number (1-based)."""
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if len(line) <= _MAX_LINE)


# -- supervisord, circusd ---------------------------------------------------------------------------------------------


class _Setting(Struct, frozen=True):
    section: str
    key: str
    value: str
    number: int


def _settings(text: str) -> Iterator[_Setting]:
    section, last = "", None
    for number, line in _lines(text):
        head = _SECTION.match(line)
        if head is not None:
            section = head[1].strip()
        elif line[:1] in {" ", "\t"} and last is not None and line.strip() and len(last.value) < _MAX_LINE:
            last = _Setting(section, last.key, f"{last.value} {line.strip()}", last.number)
            yield last
        elif (found := _SETTING.match(line)) is not None:
            last = _Setting(section, found[1], _COMMENT.sub("", found[2]).strip(), number)
            yield last


def _supervisord(args: Sequence[Arg], moment: Moment) -> Iterator[Line]:
    given = option_value([arg.text for arg in args], "-c", "--configuration")
    names = (given,) if given else _SUPERVISOR
    places = [place for one in names if moment.files.exists(place := absolute(one, moment.workdir))][:1]
    places = places or list(moment.files.glob(_SUPERVISOR_OF_ALPINE))[:_MAX_FILES]
    for place in places:  # which grows
        yield from _programs(place, moment, places)


def _programs(place: str, moment: Moment, places: list[str]) -> Iterator[Line]:
    """The programs of one file, all that is said of each; the files that it includes are added to ``places``."""
    by_section: dict[str, dict[str, _Setting]] = {}
    for one in _settings(read_text(moment, place)):
        by_section.setdefault(one.section, {})[one.key] = one
    for section, values in by_section.items():
        if section == "include" and "files" in values:
            for pattern in values["files"].value.split():
                path = absolute(pattern, posixpath.dirname(place))
                places += [one for one in moment.files.glob(path) if one not in places][: _MAX_FILES - len(places)]
        command = values.get("command") or values.get("cmd")
        if command is None or not section.startswith(("program:", "eventlistener:", "watcher:")):
            continue
        said = values.get("directory") or values.get("working_dir")
        text = " ".join((command.value, *([values["args"].value] if "args" in values else ())))
        folder = absolute(said.value, moment.workdir) if said is not None else moment.workdir
        yield Line(_NAMED.sub(_variable, text).replace("%%", "%"), place, command.number, folder)


def _variable(match: re.Match[str]) -> str:
    """``%(ENV_NAME)s`` and ``$(circus.env.name)`` as a shell would have it."""
    return f"${{{(match[1] or match[2]).removeprefix('ENV_')}}}"


def _circusd(args: Sequence[Arg], moment: Moment) -> Iterator[Line]:
    for arg in args[1:]:
        if arg.known and arg.text.endswith((".ini", ".cfg", ".conf")):
            place = absolute(arg.text, moment.workdir)
            yield from _programs(place, moment, [place])


# -- cron -------------------------------------------------------------------------------------------------------------


def _crond(args: Sequence[Arg], moment: Moment) -> Iterator[Line]:
    given = option_value([arg.text for arg in args], "-c")
    for folder in (given,) if given else _CRONTABS:
        yield from _of_crontabs(moment.files.glob(posixpath.join(absolute(folder, moment.workdir), "*")), moment)
    for period in _PERIODIC:
        for place in moment.files.glob(f"/etc/periodic/{period}/*"):
            if "." not in posixpath.basename(place):  # run-parts leaves such names out
                yield Line(place, f"{_CRONTABS[0]}/root", 1, "/")


def _crontab(args: Sequence[Arg], moment: Moment) -> Iterator[Line]:
    """``crontab FILE``, and ``supercronic FILE``."""
    files = [arg.text for arg in args[1:] if arg.known and not arg.text.startswith("-")]
    yield from _of_crontabs([absolute(one, moment.workdir) for one in files[-1:]], moment)


def _of_crontabs(places: Sequence[str], moment: Moment) -> Iterator[Line]:
    for place in places[:_MAX_FILES]:
        for number, line in _lines(read_text(moment, place)):
            found = _TIMES.match(line) if not line.lstrip().startswith("#") else None
            if found is not None:
                yield Line(found[1].strip(), place, number, "/")


# -- make, honcho -----------------------------------------------------------------------------------------------------


def _make(args: Sequence[Arg], moment: Moment) -> Iterator[Line]:
    call = read_call(args, moment.workdir)
    place = next((one for one in call.places() if moment.files.exists(one)), None) if call is not None else None
    data = moment.files.content(place) if place is not None else None
    if call is None or place is None or data is None or len(data) > MAX_SIZE:
        return
    file = ScriptFile(place, moment.files.display(place), data)
    for line in read_recipes(file, call, moment.scope.names) or ():
        yield Line(line.text, place, file.line_of(line.offset(0) or 0) if line else 1, call.folder)


def _honcho(args: Sequence[Arg], moment: Moment) -> Iterator[Line]:
    """``honcho [-f PROCFILE] start [PROCESS...]``."""
    words = scan([arg.text for arg in args[1:]], _HONCHO)[0]
    operands = [one.value for one in words if one.option is None]
    if operands[:1] != ["start"]:
        return
    folder = next((absolute(one.value, moment.workdir) for one in words if one.option == "--app-root"), moment.workdir)
    place = absolute(next((one.value for one in words if one.option == "--procfile"), "Procfile"), folder)
    for number, line in _lines(read_text(moment, place)):
        found = _PROCESS.match(line)
        if found is not None and found[1] in (operands[1:] or [found[1]]):
            yield Line(found[2], place, number, folder)


_HONCHO = OptionTable.build("--procfile -f, --app-root -d, --env -e, --port -p, --concurrency -c", others="flag")


_Reader: TypeAlias = Callable[[Sequence["Arg"], "Moment"], Iterator[Line]]
_READERS: dict[str, _Reader] = {
    "circusd": _circusd,
    "crond": _crond,
    "crontab": _crontab,
    "honcho": _honcho,
    "make": _make,
    "supercronic": _crontab,
    "supervisord": _supervisord,
}
