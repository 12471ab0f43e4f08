"""Commands that may make a program: build it, install it, fetch it, or copy it to a folder of PATH."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.checks.starts import PLAIN_TOOLS, search_path
from dockerlint_alpine.python.forges import download
from dockerlint_alpine.stages import is_installer
from dockerlint_alpine.syntax.shell.model import SHELLS
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockerlint_alpine.checks.starts import Start
    from dockerlint_alpine.stages import Stage
    from dockerlint_alpine.syntax import ExpandedCommand

SYSTEM_FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin")
"""Where Alpine's packages have their programs."""

PYTHON_PROGRAM = lazy_pattern(r"(?:python|pip|pydoc|idle|2to3|easy_install|wheel|pyvenv|activate)[\d.]*(?:-config)?")
"""Programs that come with a Python, or with pip."""

BUILTINS = frozenset(
    """
    : . alias bg bind break builtin caller case cd command compgen complete continue declare dirs disown do done echo elif
    else enable esac eval exec exit export false fc fg fi for function getopts hash help history if in jobs kill let local
    logout mapfile popd printf pushd pwd read readarray readonly return set shift shopt source suspend test then time times
    trap true type typeset ulimit umask unalias unset until wait while { } ! [[ [
    """.split()
)
"""What a shell knows by itself, bash's words included: who names them in sh has another problem."""

_HARMLESS = PLAIN_TOOLS | {"django-admin", "strip", "xargs"}
"""Programs that make no program that their own words do not name. All others but installers may have brought anything."""

_BUILD_TOOLS = frozenset(
    "autogen.sh autoconf automake autoreconf bootstrap buildconf cmake configure gcc make meson ninja phpize".split()
)
_ASKS_GIT = frozenset("branch config describe diff log ls-files rev-list rev-parse show status symbolic-ref".split())
"""Commands of git that fetch nothing."""

_PYTHON_SOURCES = lazy_pattern(r"python\.org|\b[Pp]ython-[\d$]|cpython|pyenv|pypy|conda\b|get-pip|ensurepip")
_OF_OTHER_LANGUAGES = frozenset("composer gem git go helm kubectl mvn node npm php pnpm terraform yarn".split())
_ARCHIVE_URL = lazy_pattern(r"https?://[^\s'\"]{1,500}\.(?:tar\b|tgz|tbz|txz|zip)[^\s'\"]{0,500}")
ABOUT_PYTHON = lazy_pattern(r"py|pip|conda|\$|(?:^|/)(?:s?bin|usr|local|opt|\.)?/*\Z", re.IGNORECASE)
"""What may be of Python among the files of an archive, or be a folder with it."""

_OF_PATH = lazy_pattern(r"(?:^|[\s=\"'])/(?:usr|s?bin)(?![\w.-])")
"""A folder of PATH, or one that holds such."""

_COPYING = frozenset("cp curl install ln mv wget".split())
_PLACING = _COPYING | {"chmod", "tee"}
_UNPACKING = frozenset("tar unzip".split())
_EXTRACTS = lazy_pattern(r"-?[A-Za-z]*x[A-Za-z]*|--(?:extract|get)")
_PATTERN = lazy_pattern(r"[*?\[]")


def mention_of(start: Start) -> re.Pattern[str]:
    """Finds where a text names the program."""
    return re.compile(rf"(?<![\w.-]){re.escape(start.name)}(?![\w+-])")


def make(
    commands: Iterable[ExpandedCommand], start: Start, named: re.Pattern[str], stage: Stage, *, cloned: bool = False
) -> tuple[bool, bool]:
    """Whether commands may make the program, and whether a repository was fetched before or by them: that makes no program
    by itself, but what is installed from there may be anything."""
    for command in commands:
        if command.name == "git" and any(arg.text in _ASKS_GIT for arg in command.args[1:]):
            continue
        if (
            command.name == "git"
            and start.name != "git"
            and not named.search(" ".join(arg.text for arg in command.args))
        ):
            cloned = True
            if not PYTHON_PROGRAM.fullmatch(start.name) and not _stays_apart(command, start):
                return True, cloned
        elif may_make(command, start, named, stage) or (
            cloned and (is_installer(command.name) or PYTHON_PROGRAM.fullmatch(command.name))
        ):
            return True, cloned
    return False, cloned


def may_make(command: ExpandedCommand, start: Start, named: re.Pattern[str], stage: Stage | None) -> bool:
    """Whether a command of ``stage``, or of a build that is not at hand (``None``), may make the program."""
    if command.name in {"apk", start.name} or command.name in BUILTINS:
        return False
    apart = stage is not None and PYTHON_PROGRAM.fullmatch(start.name) is not None and _makes_no_python(command, stage)
    if (_is_opaque(command) and not apart) or any(named.search(arg.text) for arg in command.args):
        return True
    if PYTHON_PROGRAM.fullmatch(command.name) and any(arg.text.endswith("setup.py") for arg in command.args):
        return True  # the project's own programs
    if PYTHON_PROGRAM.fullmatch(start.name) and (PYTHON_PROGRAM.fullmatch(command.name) or is_installer(command.name)):
        return True  # ensurepip, get-pip.py, venv, pip install pip
    if not command.command.redirects:
        return False
    variables = stage.end.scope.names if stage is not None and stage.end is not None else {}
    redirected = (arg for one in command.command.redirects for arg in one.target.expand(variables))
    return any(named.search(arg.text) for arg in redirected)


class Brought(Struct, frozen=True):
    """What the commands of a container may bring, most of which serve what it is there for: the ``words`` of those that
    fetch, install or copy something, a line each; the commands whose output a shell runs (``piped``); and whether an
    archive is unpacked to a folder of PATH, which may hold ``anything``."""

    words: str
    piped: tuple[str, ...]
    anything: bool

    @classmethod
    def by(cls, commands: Iterable[ExpandedCommand]) -> Brought:
        """What these commands may bring."""
        lines: list[str] = []
        piped: list[str] = []
        anything = False
        for command in commands:
            words = [arg.text for arg in command.args[1:]]
            before = command.command.piped_from
            if command.name in _UNPACKING and (command.name != "tar" or any(map(_EXTRACTS.fullmatch, words))):
                anything |= any(map(_OF_PATH.search, words)) or not all(arg.known for arg in command.args)
            elif command.name in SHELLS and before is not None:  # curl ... | sh
                piped.append(before.source.text)
            elif command.name in _PLACING or command.name in _OF_OTHER_LANGUAGES or is_installer(command.name):
                lines += words
            lines += [arg.text for one in command.command.redirects for arg in one.target.expand(command.variables)]
        return cls("\n".join(lines), tuple(dict.fromkeys(piped)), anything)

    def may_hold(self, named: re.Pattern[str]) -> bool:
        """Whether a program may be among it that a text names like this. What fetches is not fetched."""
        fetched = any(named.search(text) is None for text in self.piped)
        return self.anything or fetched or named.search(self.words) is not None


def _stays_apart(command: ExpandedCommand, start: Start) -> bool:
    """True for a git that writes to no folder of PATH."""
    plain = {*SYSTEM_FOLDERS, "/usr/local/bin", "/usr/local/sbin"}
    places = (start.instruction.value, start.moment.workdir, *(arg.text for arg in command.args))
    known = all(arg.known for arg in command.args[1:2])
    return known and set(search_path(start.moment)) <= plain and not any(map(_OF_PATH.search, places))


def _makes_no_python(command: ExpandedCommand, stage: Stage) -> bool:
    """True for tools of other languages, for builds where Python is Alpine's and no other one's sources are spoken of, and
    for a tar that is told which files to take out, none of them of Python, or that has sources of a repository alone."""
    if command.name in _BUILD_TOOLS:
        ran = (one.value for one in stage.instructions if one.keyword == "RUN")
        return stage.home is not None and stage.home.from_apk and not any(map(_PYTHON_SOURCES.search, ran))
    if command.name != "tar" or len(command.args) < 2:
        return command.name in _OF_OTHER_LANGUAGES
    from dockerlint_alpine.stages.downloads import read_tar

    members = read_tar([arg.text for arg in command.args[1:]])[3]
    if members:
        return not any(map(ABOUT_PYTHON.search, members))
    urls = [url for one in stage.instructions if one.keyword == "RUN" for url in _ARCHIVE_URL.findall(one.value)]
    return bool(urls) and all((found := download(url)) is not None and bool(found.top) for url in urls)


def _is_opaque(command: ExpandedCommand) -> bool:
    """True for a command that may make programs that it doesn't name."""
    name, folder = command.name, command.args[0].text.rpartition("/")[0]
    if folder and folder not in (*SYSTEM_FOLDERS, "/usr/local/bin") and not PYTHON_PROGRAM.fullmatch(name):
        return True
    if name not in _HARMLESS and not is_installer(name) and not PYTHON_PROGRAM.fullmatch(name):
        return True
    if name in {"find", "xargs"}:
        return name == "xargs" or any(arg.text.startswith(("-exec", "-ok")) or not arg.known for arg in command.args)
    if name in _COPYING:
        return any(_PATTERN.search(arg.text) or not arg.known for arg in command.args)
    return False
