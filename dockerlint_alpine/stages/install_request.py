"""What an installer's command line asks for, read with the stage's own view of files."""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.installers.base import Words
from dockerlint_alpine.python.formats.project import follow_repositories, name_of
from dockerlint_alpine.python.model import Origin, Requested, RequirementSet, normalise
from dockerlint_alpine.python.requirement import REPOSITORY
from dockerlint_alpine.python.sources.native import is_native
from dockerlint_alpine.stages.errors import IncludeCycleError
from dockerlint_alpine.stages.exports import OF_REQUIREMENTS
from dockerlint_alpine.stages.files import DOWNLOADED, FromStage, FromText
from dockerlint_alpine.stages.package_lists import PackageLists
from dockerlint_alpine.syntax import SourceText, expand_command, parse_script
from dockerlint_alpine.syntax.shell.words import Turns
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dockerlint_alpine.installers.base import ExportCommand, InstallCommand, Surroundings
    from dockerlint_alpine.python.model import FileReader, Target
    from dockerlint_alpine.stages.context import Fetched
    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.stages.model import Installed
    from dockerlint_alpine.stages.package_lists import Line
    from dockerlint_alpine.stages.scripts import ScriptFile
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Arg, Command, Instruction
    from dockerlint_alpine.syntax.shell.words import Word

_NAMED = lazy_pattern(r"([A-Za-z0-9][\w.-]*(?:\[[\w,.\s-]*\])?)\s*(?:[=<>!~]=|[<>@])")
_ABOUT_INDEXES = frozenset(
    "-i --index-url --extra-index-url --default-index --index --trusted-host --proxy --cert --timeout --retries"
    " --cache-dir --client-cert --log --progress-bar --keyring-provider".split()
)
"""Options whose value makes no difference to an answer that is given without the network."""
_VARIABLE = lazy_pattern(r"\$\{?([A-Za-z_]\w*)")
_OF_FILES = OF_REQUIREMENTS | {"-c", "--constraint"}
"""Options whose value is a file of requirements."""

_STANDARD_INPUT = frozenset({DOWNLOADED, "/dev/fd/0", "/proc/self/fd/0"})
_ENDLESS = "includes itself"
"""How ``dockerlint_alpine.python`` says that a requirements file includes itself, directly or through others."""


EXTRAS = lazy_pattern(r"\[[\w,.\s-]*\]\Z")
_ARCHIVE = lazy_pattern(r"(.*\.(?:whl|tar\.gz))(\[[\w,.\s-]*\])?", re.DOTALL)
_WHOLE = lazy_pattern(r"(?:\$\([\s\S]*\)|`[^`]*`)")
_LISTED = lazy_pattern(r"\$\([^()]*\)|`[^`]*`")


def is_project(files: FileReader, folder: str) -> bool:
    """True for a folder that pip can install."""
    return any(files.exists(f"{folder}/{name}") for name in ("pyproject.toml", "setup.py", "setup.cfg"))


def files_it_waits_for(
    command: Command | None, variables: Mapping[str, SourceText], folder: str, files: StageFiles
) -> frozenset[str]:
    """The files without which a command does not run, and which nothing brings: ``if [ -e FILE ]; then``."""
    guard = command.guard if command is not None else None
    words = [arg.text for arg in expand_command(guard, variables)] if guard is not None else []
    if words[:1] not in (["["], ["[["], ["test"]) or "!" in words:
        return frozenset()
    places = (absolute(path, folder) for test, path in pairwise(words) if test in {"-e", "-f", "-r", "-s"})
    return frozenset(place for place in places if not files.may_have(place))


class ArgumentReader(Struct, eq=False, dict=True):
    """Turns the shell words of one command into arguments that ``dockerlint_alpine.python`` can read."""

    walk: StageWalk
    instruction: Instruction
    folder: str
    variables: Mapping[str, SourceText]
    file: ScriptFile | None = None
    command: Command | None = None
    exported: Callable[[Sequence[Arg]], str | None] = lambda _: None
    _option: str = ""

    @cached_property
    def _lists(self) -> PackageLists:
        return PackageLists(self.walk.files, self.folder, self.variables)

    def words(self, command: InstallCommand | ExportCommand) -> Words:
        """The known words of ``command``; what hides something that matters is listed."""
        words = Words()
        before: Word | None = None
        for arg in command.args:
            place = self._place(arg)
            option = words.texts[-1] if words.texts else ""
            # for f in a.txt b.txt; do pip install -r "$f"; done: each round has the option.
            in_turn = any(isinstance(self.variables.get(name), Turns) for name in _VARIABLE.findall(arg.word.text))
            if arg.word is not before:
                self._option = option if in_turn and option in _OF_FILES else ""
            elif self._option:
                words.add(self._option, place)
            before = arg.word
            if in_turn and not arg.glob and re.search(r"[*?[]", arg.text):
                arg = replace(arg, glob=True)  # noqa: PLW2901 - the loop's list is not quoted
            if arg.text.startswith("<("):
                self._made_file(words, arg, place)
            elif arg.text in _STANDARD_INPUT or (arg.text == "-" and option in _OF_FILES):
                self._piped(words, arg, place)
            elif arg.known:
                self._known(words, arg, place)
            elif self._printed(words, arg, place):
                pass
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

    def _made_file(self, words: Words, arg: Arg, place: Origin) -> None:
        """``-r <(grep -v x FILE)``: the shell makes a file of what is printed."""
        script = SourceText.literal(arg.text[2:-1]) if arg.text.endswith(")") else None
        text = _joined(self._lists.printed_by(script)) if script is not None else None
        if text is None and script is not None:
            commands = parse_script(script).commands
            text = self._output_of(commands[0]) if len(commands) == 1 else None
        self._kept(words, arg.text, text, place)

    def _piped(self, words: Words, arg: Arg, place: Origin) -> None:
        """``-r /dev/stdin``: of a here-document, a file, or what ``cat``, an export or a download writes before the pipe."""
        command, text = self.command, None
        if command is not None:
            text = next(
                (one.body.text for one in command.redirects if one.body is not None and one.op[:2] == "<<"), None
            )
            text = text if text is not None else _joined(self._lists.read_lines(command, ()))
            before = command.piped_from
            if text is None and before is not None and self.walk.files.exists(DOWNLOADED):
                words.add(DOWNLOADED, place)
                return
            text = self._output_of(before) if text is None and before is not None else text
        self._kept(words, arg.text, text, place)

    def _output_of(self, command: Command) -> str | None:
        """What an export of a lock file prints that nothing is piped to."""
        return None if command.piped_from is not None else self.exported(expand_command(command, self.variables))

    def _kept(self, words: Words, shown: str, text: str | None, place: Origin) -> None:
        """Put what a command reads into a file of the stage; where it is not known, ``shown`` is what hides it."""
        if text is None:
            words.hidden.append(shown)
            self._drop_option(words)
            return
        shown = "/dev/stdin" if shown == "-" else shown
        path = f"/dev/fd/{63 - len(self.walk.files.placements) % 32}" if shown.startswith("<(") else shown
        self.walk.files = self.walk.files.place(FromText(text.encode("utf-8", "surrogateescape"), path))
        words.add(path, place)

    def _printed(self, words: Words, arg: Arg, place: Origin) -> bool:
        """Add what ``$(cat FILE)`` or ``$(ls *.whl)`` stands for; false where that can't be told."""
        if len(arg.substitutions) != 1:
            return False
        patterns = self._lists.paths_printed_by(arg.substitutions[0])
        if patterns:
            for pattern in patterns:
                text = _LISTED.sub(lambda _, pattern=pattern: pattern, arg.text, count=1)  # type: ignore[misc]
                self._known(words, replace(arg, text=text, unknown=(), glob=True), place)
            return True
        if not _WHOLE.fullmatch(arg.text):
            return False
        lines = self._lists.printed_by(arg.substitutions[0])
        if lines is None:
            in_turn = self._printed_in_turn(arg.substitutions[0])
            for text in in_turn:
                words.add(text, place)
            return bool(in_turn)
        whole = self._lists.whole(lines)
        if whole is not None:
            words.add("-r", place)
            words.add(whole, place)
        for line in lines if whole is None else ():
            for word in line.words:
                words.add(word.text, Origin(line.shown, line.number))
        return True

    def _printed_in_turn(self, script: SourceText) -> list[str]:
        """The words that ``for f in $(ls *.txt); do echo "-r $f"; done`` prints; none for another script."""
        commands = parse_script(SourceText.literal(script.text)).commands
        loops = commands[0].loops if commands else ()
        if len(loops) != 1 or any(one.name not in {"tr", "xargs"} for one in commands[1:]):
            return []
        values: list[str] = []
        for arg in (arg for word in loops[0].words or () for arg in word.expand(self.variables)):
            listed = self._lists.paths_printed_by(arg.substitutions[0]) if len(arg.substitutions) == 1 else []
            for pattern in listed or ([arg.text] if arg.known else []):
                values += self.walk.files.glob(absolute(pattern, self.folder)) or (pattern,)
        found: list[str] = []
        for value in values:
            args = expand_command(commands[0], {**self.variables, loops[0].name: SourceText.literal(value)})
            if args[0].text != "echo" or not all(one.known for one in args):
                return []
            found += " ".join(one.text for one in args[1:] if one.text not in {"-n", "-e"}).split()
        return found

    def _place(self, arg: Arg) -> Origin:
        build = self.walk.build
        if self.file is not None:
            return Origin(self.file.shown, self.file.line_of(arg.span[0]) if arg.span is not None else None)
        line = self.instruction.line if arg.span is None else build.dockerfile.line_of(arg.span[0])
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
        archive = _ARCHIVE.fullmatch(text)
        bare, extras = (archive[1], archive[2] or "") if archive is not None else (text, "")
        if text.startswith("-") or not (archive is not None or (arg.glob and "/" in text)):
            words.add(text, place)
            return
        pattern = absolute(bare, self.folder)
        folder, _, name = pattern.rpartition("/")
        files = self.walk.files
        paths = list(files.glob(pattern)) if arg.glob else [pattern] if is_project(files, pattern) else []
        projects = [path for path in paths if is_project(files, path) and path.endswith(".whl")]
        own = {normalise(posixpath.basename(path).partition("-")[0]) for path in projects}
        made = [item for item in self.walk.installed if item.location == (folder or "/") and _fits(item, name)]
        for item in made:
            version = item.resolved.version
            if version is None and item.resolved.name in own:
                continue  # the files of the project say what it asks for, and no index is asked about it
            wanted = f"{item.resolved.name}{extras}"
            words.add(f"{wanted}=={version}" if version else wanted, place)
            words.wheelhouses.append(item.location)
        for path in projects:
            known = f"/.project{path}"
            self.walk.files = self.walk.files.place(FromStage(path, known.removesuffix(".whl"), files))
            words.add(known.removesuffix(".whl") + extras, place)
            words.wheelhouses.append(folder or "/")
        if made or projects:
            return
        if not arg.glob:
            words.add(text, place)
        elif not paths and archive is not None and bare.endswith(".whl"):
            project = self._own_project(name)
            if project is None:
                words.hidden.append(text)
            else:
                words.add(project + extras, place)
        elif not paths and EXTRAS.search(text):
            words.add(text, place)  # the shell leaves a pattern as it is that matches nothing: ./src[db] names extras
        for number, path in enumerate(paths if arg.glob else ()):
            if number and self._option:
                words.add(self._option, place)
            words.add(path, place)

    def _own_project(self, pattern: str) -> str | None:
        """The project of the repository whose wheels a pattern names (``my_app-*.whl``) that no step makes: they are built
        before the image is, and are not in the repository. One with an extension may be built for anything."""
        stem = normalise(pattern.partition("-")[0])
        if not re.fullmatch(r"[a-z0-9-]+", stem):
            return None
        from dockerlint_alpine.stages.downloads import show_repository

        show_repository(self.walk)
        files = self.walk.files
        if name_of(REPOSITORY, files) != stem or is_native(files, REPOSITORY):
            return None
        return REPOSITORY


def _joined(lines: Sequence[Line] | None) -> str | None:
    return None if lines is None else "".join(f"{line.text}\n" for line in lines)


def _fits(item: Installed, pattern: str) -> bool:
    return item.wheel_file is not None and fnmatchcase(item.wheel_file, pattern)


def _shown(arg: Arg) -> Iterator[str]:
    for name in arg.unknown:
        yield name if name.startswith(("$", "`", "<")) else f"${name}"


class InstallRequest(Struct, frozen=True, dict=True):
    """What one command asks for. ``wheelhouses`` are local folders of wheel files that it may take from. ``fetched``: some
    of it stands in a repository that the build fetches, which may say something else tomorrow."""

    requirements: RequirementSet
    options: Mapping[str, tuple[str, ...]]
    wheelhouses: tuple[str, ...]
    fetched: Fetched = ""

    @cached_property
    def pinned(self) -> frozenset[str]:
        """Distributions whose version is fixed: by ``==`` or because a lock file says everything."""
        if self.fetched:
            return frozenset()
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
    asked = follow_repositories(found.requirements, place.files) if command.action == "project" else found.requirements
    links = (absolute(link, place.folder) for link in asked.options.find_links if "://" not in link)
    return InstallRequest(asked, found.options, tuple(dict.fromkeys((*links, *words.wheelhouses))))


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
