"""What an installer's command line asks for, read with the stage's own view of files."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.installers.base import Words
from dockerlint_alpine.python.model import Origin, Requested, RequirementSet
from dockerlint_alpine.stages.errors import IncludeCycleError
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockerlint_alpine.installers.base import ExportCommand, InstallCommand, Surroundings
    from dockerlint_alpine.python.model import Target
    from dockerlint_alpine.stages.model import Installed
    from dockerlint_alpine.stages.scripts import ScriptFile
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Arg, Instruction

_NAMED = lazy_pattern(r"([A-Za-z0-9][\w.-]*(?:\[[\w,.\s-]*\])?)\s*(?:[=<>!~]=|[<>@])")
_ABOUT_INDEXES = frozenset(
    "-i --index-url --extra-index-url --default-index --index --trusted-host --proxy --cert --timeout --retries"
    " --cache-dir --client-cert --log --progress-bar --keyring-provider".split()
)
"""Options whose value makes no difference to an answer that is given without the network."""

_ENDLESS = "includes itself"
"""How ``dockerlint_alpine.python`` says that a requirements file includes itself, directly or through others."""


_EXTRAS = lazy_pattern(r"\[[\w,.\s-]*\]\Z")


class ArgumentReader:
    """Turns the shell words of one command into arguments that ``dockerlint_alpine.python`` can read."""

    def __init__(self, walk: StageWalk, instruction: Instruction, folder: str, file: ScriptFile | None = None) -> None:
        self._walk = walk
        self._instruction = instruction
        self._folder = folder
        self._file = file

    def words(self, command: InstallCommand | ExportCommand) -> Words:
        """The known words of ``command``; what hides something that matters is listed."""
        words = Words()
        for arg in command.args:
            place = self._place(arg)
            option = words.texts[-1] if words.texts else ""
            if arg.text.startswith("<("):
                words.hidden.append(arg.text)
                self._drop_option(words)
            elif arg.known:
                self._known(words, arg, place)
            elif option in _ABOUT_INDEXES:
                self._drop_option(words)
            elif arg.text.partition("=")[0] not in _ABOUT_INDEXES:
                named = _NAMED.match(arg.text)
                if named is not None:
                    words.add(named[1], place)
                else:
                    words.hidden.extend(_shown(arg))
                    self._drop_option(words)
        return words

    def _place(self, arg: Arg) -> Origin:
        build = self._walk.build
        if self._file is not None:
            return Origin(self._file.shown, self._file.line_of(arg.span[0]) if arg.span is not None else None)
        line = self._instruction.line if arg.span is None else build.dockerfile.line_of(arg.span[0])
        return Origin(build.shown_as, line)

    @staticmethod
    def _drop_option(words: Words) -> None:
        """Take out the option whose value is not known."""
        if words.texts and words.texts[-1].startswith("-") and "=" not in words.texts[-1]:
            words.texts.pop()
            words.places.pop()

    def _known(self, words: Words, arg: Arg, place: Origin) -> None:
        """Wheel files that an earlier step made stand for their distributions; other patterns for their files."""
        text = arg.text
        if text.startswith("-") or not (text.endswith(".whl") or (arg.glob and "/" in text)):
            words.add(text, place)
            return
        pattern = absolute(text, self._folder)
        folder, _, name = pattern.rpartition("/")
        made = [item for item in self._walk.installed if item.location == (folder or "/") and _fits(item, name)]
        for item in made:
            version = item.resolved.version
            words.add(f"{item.resolved.name}=={version}" if version else item.resolved.name, place)
            words.wheelhouses.append(item.location)
        if not made and not arg.glob:
            words.add(text, place)
        elif not made:
            paths = list(self._walk.files.glob(pattern))
            if not paths and _EXTRAS.search(text):
                paths = [text]  # the shell leaves a pattern as it is that matches nothing: ./src[db] names extras
            for path in paths:
                words.add(path, place)


def _fits(item: Installed, pattern: str) -> bool:
    return item.wheel_file is not None and fnmatchcase(item.wheel_file, pattern)


def _shown(arg: Arg) -> Iterator[str]:
    for name in arg.unknown:
        yield name if name.startswith(("$", "`", "<")) else f"${name}"


class InstallRequest(Struct, frozen=True, dict=True):
    """What one command asks for. ``wheelhouses`` are local folders of wheel files that it may take from."""

    requirements: RequirementSet
    options: Mapping[str, tuple[str, ...]]
    wheelhouses: tuple[str, ...]

    @cached_property
    def pinned(self) -> frozenset[str]:
        """Distributions whose version is fixed: by ``==`` or because a lock file says everything."""
        named = [*self.requirements.requested, *self.requirements.constraints]
        return frozenset(
            one.name
            for one in named
            if one.name is not None
            and (self.requirements.locked or (one.specifier.startswith("==") and "*" not in one.specifier))
        )

    @cached_property
    def projects(self) -> dict[str, str]:
        """Project folders of the context that are installed themselves: name -> folder."""
        return {
            one.name: one.path
            for one in self.requirements.requested
            if one.name is not None and one.path is not None and one.artefacts is None
        }


def read_install_request(
    command: InstallCommand, words: Words, place: Surroundings, target: Target | None
) -> InstallRequest:
    """Read the files that ``command`` names. ``target`` serves the markers of lock files.

    Raises IncludeCycleError for requirement files that include each other in a circle.
    """
    found = command.tool.request(command, words, place, target)
    for problem in found.requirements.problems:
        if problem.message.endswith(_ENDLESS):
            raise IncludeCycleError(f"requirement files include each other in a circle: {problem.path}:{problem.line}")
    links = (absolute(link, place.folder) for link in found.requirements.options.find_links if "://" not in link)
    return InstallRequest(found.requirements, found.options, tuple(dict.fromkeys((*links, *words.wheelhouses))))


def requirements_text(found: RequirementSet) -> str | None:
    """The requirements file that an export writes, ``None`` where the lock file can't be read."""
    if not found.requested:
        return None
    return "".join(f"{line}\n" for line in map(_line, found.requested) if line)


def _line(one: Requested) -> str:
    if one.name is None or one.path is not None:
        return ""
    extras = f"[{','.join(one.extras)}]" if one.extras else ""
    what = f"{one.name}{extras} @ {one.url}" if one.url is not None else f"{one.name}{extras}{one.specifier}"
    return f"{what} ; {one.marker}" if one.marker is not None else what
