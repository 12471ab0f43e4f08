"""What the commands of a RUN do to a stage: apk, installers of Python packages, venvs, copies, Python itself."""

from __future__ import annotations

import itertools
import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.apk import World
from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.installers.base import ExportCommand, InstallCommand, PythonHome, VenvCommand, is_python
from dockerlint_alpine.installers.registry import read_command, read_inside, read_setting
from dockerlint_alpine.installers.venv import make_environment
from dockerlint_alpine.knowledge.bases import PYTHON_LIST
from dockerlint_alpine.stages import shell_files
from dockerlint_alpine.stages.apk_commands import ApkCommand, Operand, read_apk_command
from dockerlint_alpine.stages.heuristics import script_installs
from dockerlint_alpine.stages.install_call import Call
from dockerlint_alpine.stages.model import ApkStep, PythonStep, ScriptCommand, Written
from dockerlint_alpine.stages.package_lists import PackageLists
from dockerlint_alpine.stages.packages import Packages, sort_operands
from dockerlint_alpine.stages.scripts import (
    MAX_DEPTH,
    MAX_SCRIPTS,
    MAX_SIZE,
    ScriptFile,
    Started,
    Within,
    changes_exit,
    one_line,
    parsed,
    started,
    variables_of,
)
from dockerlint_alpine.stages.walk import ENSUREPIP
from dockerlint_alpine.syntax import SourceText, expanded_commands, parse_script, unwrap
from dockerlint_alpine.system.options import OptionTable, scan
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.pulse import pulse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.stages.installing import Installer
    from dockerlint_alpine.stages.model import UnjudgedKind
    from dockerlint_alpine.stages.walk import Archive, StageWalk, Trigger
    from dockerlint_alpine.syntax import Arg, ExpandedCommand, Instruction, Script, Span

_REPOSITORIES_FILE = "/etc/apk/repositories"
_CALLS = rb"\b(?:sh|run|local|system|call|check_call|check_output|getoutput|Popen|shell)\(\s*"
_RUNS_PIP = lazy_pattern(
    rb"-m['\", ]+pip['\", ]+install\b|['\"]pip3?['\"], *['\"]install['\"]|" + _CALLS + rb"f?['\"]pip3? +install\b"
)
"""How a Python script starts pip, in one text or as a list of words."""
_PLAIN_PIP = lazy_pattern(
    _CALLS
    + rb"""(["'])(?P<text>(?:\S*python[\d.]*\s+-m\s+)?pip3?\s+install\s[^"'{}%\\\n]*)\1"""
    + rb"""|(?P<list>["']pip3?["']\s*,\s*["']install["'](?:\s*,\s*["'][^"'{}%\\\n]*["'])*)(?=\s*,?\s*(?:[\])]|\w+\s*=))"""
)
"""The same where all words are written out."""
_COMMENT = lazy_pattern(rb"(?m)^[ \t]*#[^\n]*")
_TASK_FILES = {
    "paver": "pavement.py",
    "invoke": "tasks.py",
    "inv": "tasks.py",
    "fab": "fabfile.py",
    "nox": "noxfile.py",
}
"""Programs that run functions of a Python file in the folder, by its documented name."""
_IMPORT = lazy_pattern(r"(?:^|[;\n]|\bimport\b|,)\s*(?:import\s+|from\s+)?([A-Za-z_][\w.]*)")
REDEFINES = frozenset({".", "alias", "eval", "source"})
"""Commands behind which a word may mean anything."""

_SMALL = 64 * 1024
"""Bytes of a script that is read although it does not look as if it installed anything: it may start one that does."""


def walk_script(
    walk: StageWalk, instruction: Instruction, script: Script, installer: Installer, trigger: Trigger | None = None
) -> None:
    """Let every command of a script act on the stage, in order; ``installer`` carries out those of pip and the like.

    Where the script is that of a ``trigger``, ``instruction`` stands for it in this file.
    """
    within = None
    if trigger is not None:
        file = ScriptFile("", trigger.shown, trigger.data)
        within = Within(file, (instruction.start, instruction.end), conditional=False, chain=())
    reader = _ScriptWalk(walk, instruction, installer, within=within)
    reader.script(script, walk.scope.names)
    for problem in script.problems:
        walk.unjudged(
            "unknown-value", instruction, f"part of this RUN can't be read: {problem.message}", "shell syntax"
        )


class _ScriptWalk(Struct, eq=False):
    """One script: keeps the folder that ``cd`` chose and the venv that was activated.

    ``within`` is the file that it stands in, where that is not the Dockerfile; ``entered`` are the files that the same
    instruction has started so far.
    """

    walk: StageWalk
    instruction: Instruction
    installer: Installer
    start: str | None = None
    active: PythonHome | None = None
    within: Within | None = None
    entered: list[str] = []
    _folders: dict[tuple[int, ...], str] = {}
    _line: int | None = None
    _piped: Archive | None = None
    """The archive that the last download wrote to a pipe."""

    _over: bool = False
    """True behind an ``exit`` in a branch, and in a script that the shell can't read either: a command may not run."""

    _exits: bool = False
    """True while the first failure ends the script."""

    _plain: bool = True
    """True where the words of its commands mean what they say."""

    def script(self, script: Script, variables: Mapping[str, SourceText], *, exits: bool = True) -> None:
        """Carry out the commands of a script that starts with these variables."""
        self._exits = exits
        self._over = self._over or bool(script.problems)
        self._plain = self._plain and not any(one.name in REDEFINES for one in script.commands)
        for expanded in expanded_commands(script, variables):
            pulse()
            if self._ends(expanded):
                return
            self.command(expanded)

    @property
    def folder(self) -> str:
        """The folder at the end of the script."""
        return self._folders.get((0,), self.start or self.walk.workdir)

    def _ends(self, expanded: ExpandedCommand) -> bool:
        """Whether the script is over for certain; that it may be is remembered. Who ends it with an error ends the build."""
        if expanded.name != "exit" or expanded.nesting or expanded.command.subshell:
            return False
        success = [arg.text for arg in expanded.args[1:2]] in ([], ["0"])
        self._over = self._over or (expanded.conditional and success)
        return success and not expanded.conditional

    def command(self, expanded: ExpandedCommand) -> None:
        """Carry out one command."""
        args = expanded.args
        if not args or expanded.substitution:
            return
        expanded = self._placed(expanded)
        folder = self._folder(expanded)
        self._watch_repositories(expanded)
        self._remember(expanded)
        if expanded.command.redirects or expanded.name in {"tee", "sed"}:
            shell_files.watch_writes(self.walk, self.instruction, expanded, folder)
        match expanded.name:
            case "apk":
                self._apk(expanded, args, folder)
            case "xargs" | "find":
                (self._xargs if expanded.name == "xargs" else self._find)(expanded, args, folder)
            case "cd" | "pushd":
                if len(args) > 1 and args[1].known:
                    self._folders[self._place(expanded)] = absolute(args[1].text, folder)
            case "." | "source" | "make" | "gmake":
                self._script_of(expanded, args, folder)
            case "cp" | "mv" | "ln":
                shell_files.copy(self.walk, self.instruction, args, folder)
            case "git" | "curl" | "wget" | "tar" | "bsdtar" | "unzip" if not expanded.conditional:
                self._download(expanded, args, folder)
            case "mkdir":
                shell_files.make_folders(self.walk, args, folder)
            case "adduser" | "useradd":
                self._add_user(args)
            case _:
                self._python(expanded, args, folder)

    def _download(self, expanded: ExpandedCommand, args: Sequence[Arg], folder: str) -> None:
        """What is fetched from a repository, or unpacked."""
        from dockerlint_alpine.stages import downloads

        match expanded.name:
            case "git":
                downloads.git(self.walk, self.instruction, args, folder)
            case "curl" | "wget":
                saved = _redirected_to(expanded)
                self._piped = downloads.fetch(self.walk, self.instruction, args, folder, saved)
            case _:
                piped = self._piped if expanded.command.piped_from is not None else None
                downloads.unpack(self.walk, self.instruction, args, folder, piped)

    def _placed(self, expanded: ExpandedCommand) -> ExpandedCommand:
        """The command with the doubts of the script that it stands in; its line is remembered."""
        if self.within is not None and expanded.command.span is not None:
            self._line = self.within.file.line_of(expanded.command.span[0])
        doubtful = self._over or (self.within is not None and self.within.conditional)
        return replace(expanded, conditional=True) if doubtful else expanded

    def _remember(self, expanded: ExpandedCommand) -> None:
        """Keep what a script runs, for who asks whether it is there."""
        walk, command = self.walk, expanded.command
        if expanded.name == "set" and not expanded.conditional:
            exits = changes_exit(expanded.args[1:])
            self._exits = self._exits if exits is None else exits
        written = self._written(expanded)
        if self.within is None or written is None or walk.packages is None or command.span is None:
            return
        path, own = expanded.variables.get("PATH"), walk.scope.names.get("PATH")
        same_path = path is None or own is None or path.text == own.text
        walk.ran.append(
            ScriptCommand(
                self.instruction,
                self.within.span,
                written,
                self.within.file.data,
                expanded,
                walk.moment,
                len(walk.steps),
                plain=self._plain and same_path,
                exits=self._exits,
            )
        )

    # -- where a command runs --------------------------------------------------------------------------------------

    @staticmethod
    def _place(expanded: ExpandedCommand) -> tuple[int, ...]:
        """The script and the subshells that a command runs in: a ``cd`` there is forgotten behind them."""
        scopes = expanded.command.scopes
        return (expanded.nesting, *(scope.number for scope in scopes if scope.kind == "subshell"))

    def _folder(self, expanded: ExpandedCommand) -> str:
        place = self._place(expanded)
        while len(place) > 1 and place not in self._folders:
            place = place[:-1]
        nesting = place[0]
        while place not in self._folders and nesting > 0:
            nesting -= 1
            place = (nesting,)
        return self._folders.get(place, self.start or self.walk.workdir)

    def _span(self, expanded: ExpandedCommand) -> Span:
        """Where the command is written in the Dockerfile: what is in a script counts as the command that starts it, and
        what a variable holds as its instruction."""
        if self.within is not None:
            return self.within.span
        return expanded.command.span or (self.instruction.start, self.instruction.end)

    def _written(self, expanded: ExpandedCommand) -> Written | None:
        """Where in a script the command is written."""
        if self.within is None:
            return None
        return Written(self.within.file.shown, self._line or 1, one_line(expanded.command))

    def _unjudged(self, kind: UnjudgedKind, message: str, evidence: str) -> None:
        where = f"{self.within.file.shown}:{self._line or 1}: " if self.within is not None else ""
        self.walk.unjudged(kind, self.instruction, where + message, evidence)

    # -- apk -------------------------------------------------------------------------------------------------------

    def _apk(
        self,
        expanded: ExpandedCommand,
        args: Sequence[Arg],
        folder: str,
        piped: Sequence[Operand] | None = None,
        scanned: Sequence[str] = (),
    ) -> None:
        """An apk command. ``piped`` are operands that ``xargs`` brings; in the folders ``scanned`` lies what links the
        libraries that are added."""
        lists = PackageLists(self.walk.files, folder, expanded.variables)
        listed = list(piped if piped is not None else lists.redirected(expanded.command) or ())
        kept: list[Arg] = []
        for arg in args:
            operands, folders = lists.substituted(arg), lists.scanned(arg)
            if operands is not None:
                listed.extend(operands)
            elif folders is not None:
                scanned = (*scanned, *folders)
            else:
                kept.append(arg)
        command = read_apk_command(kept, listed)
        if command is not None and self.within is not None:
            shown = self.within.file.shown
            # What a variable brings from the Dockerfile or the command line stands in no file that is at hand.
            operands = [
                replace(one, path=shown) if one.path is None and one.span is not None else one
                for one in command.operands
            ]
            command = replace(command, operands=tuple(operands))
        if command is not None and command.verb == "none":
            meant = {"install": "add", "remove": "del", "uninstall": "del", "delete": "del"}.get(command.word)
            advice = f": write apk {meant}" if meant is not None else ""
            self._unjudged(
                "unknown-value", f"apk has no command {command.word} and fails{advice}", f"apk {command.word}"
            )
        elif command is not None and command.verb not in {"update", "other"} and self.walk.packages is not None:
            self._run_apk(expanded, command, scanned)

    def _run_apk(self, expanded: ExpandedCommand, command: ApkCommand, scanned: Sequence[str]) -> None:
        walk = self.walk
        if command.root is not None:
            self._fill_root(command, conditional=expanded.conditional)
            return
        before = walk.moment
        if command.verb == "add":
            here = walk.packages
            conditional = self._replace_list(command, conditional=expanded.conditional)
            self._add(command, conditional=conditional)
            if scanned and here is not None:
                self._keep_linked(scanned, here, command, conditional=conditional)
        elif command.verb == "del":
            self._delete(command, conditional=expanded.conditional)
        walk.remember_repositories(command.other_repositories)
        walk.steps.append(
            ApkStep(
                stage=walk.node.index,
                instruction=self.instruction,
                span=self._span(expanded),
                command=command,
                conditional=expanded.conditional,
                before=before,
                after=walk.moment,
                written=self._written(expanded),
            )
        )
        self._report_hidden(command)

    def _add(self, command: ApkCommand, *, conditional: bool) -> None:
        walk = self.walk
        assert walk.packages is not None
        assert walk.index is not None
        operands = sort_operands(walk.index, [operand.text for operand in command.operands])
        walk.packages = walk.packages.add(operands.known, _virtual_name(command), conditional=conditional)
        walk.foreign = tuple(dict.fromkeys((*walk.foreign, *operands.foreign)))
        walk.unknown = tuple(dict.fromkeys((*walk.unknown, *command.unknown)))
        for text in operands.refused:
            self._unjudged("unknown-value", f"{text!r} is not a package name that apk add accepts", "apk add")

    def _replace_list(self, command: ApkCommand, *, conditional: bool) -> bool:
        """``apk add --virtual .python-rundeps``: the image has a list of that name, of which nothing is left. Virtual
        packages have the time for a version (apk-tools ``src/add.c``). Up to Alpine 3.9 it was "0": whether the new list
        or the image's own stays is not known. Return whether what is added may not come."""
        walk = self.walk
        if command.virtual != PYTHON_LIST or walk.image is None or walk.packages is None or walk.index is None:
            return conditional
        libraries = [need for need, _ in walk.image.python_links]
        if not libraries or release_key(walk.index.release) < (3, 10):
            return conditional or bool(libraries)
        walk.packages = walk.packages.delete(libraries, conditional=conditional)
        return conditional

    def _keep_linked(self, folders: Sequence[str], before: Packages, command: ApkCommand, *, conditional: bool) -> None:
        """``apk add $(scanelf --needed ... FOLDER)``: the libraries that what lies there links are asked for by their names,
        so that they stay. Which they are is known of distributions; all others that are here may be among them."""
        walk = self.walk
        assert walk.packages is not None
        here = before.possible
        items = [one for one in walk.installed if any(one.location.startswith(folder) for folder in folders)]
        linked = {need for one in items for need, _ in one.objects if before.world.has(need)}
        # A package with programs too (python3) is hardly there for its library.
        kinds = {one.name: {provide.name[:3] for provide in one.provides} for one in here.packages.values()}
        libraries = [name for name, kind in kinds.items() if "so:" in kind and "cmd" not in kind]
        name = _virtual_name(command)
        walk.packages = walk.packages.add(sorted(linked), name, conditional=conditional)
        walk.packages = walk.packages.add(sorted(libraries), name, conditional=True)

    def _delete(self, command: ApkCommand, *, conditional: bool) -> None:
        walk = self.walk
        assert walk.packages is not None
        # The name of a virtual list may be a variable that nobody knows: written the same way, it is the same list.
        hidden = [name for name in command.hidden if name in walk.packages.possible.explicit]
        names = [*(operand.text for operand in command.operands), *hidden]
        usable = [name for name in names if name and not re.search(r"[\s=<>~]", name)]
        walk.packages = walk.packages.delete(usable, conditional=conditional)

    def _fill_root(self, command: ApkCommand, *, conditional: bool) -> None:
        """``apk add --root DIR``: packages of a file system that is copied elsewhere later."""
        walk = self.walk
        assert walk.index is not None
        if command.verb != "add" or command.root is None:
            return
        index, place = walk.index, absolute(command.root, walk.workdir)
        empty = walk.build.world_cache.recall((index, "empty"), lambda: World.of(index))
        packages = walk.roots.get(place) or Packages(walk.build.world_cache, empty, empty, empty)
        known = sort_operands(index, [operand.text for operand in command.operands]).known
        walk.roots[place] = packages.add(known, _virtual_name(command), conditional=conditional)

    def _report_hidden(self, command: ApkCommand) -> None:
        if command.unknown:
            names = ", ".join(name if name.startswith(("$", "`")) else f"${name}" for name in command.unknown)
            what = f"apk {command.verb} takes packages from {names}, known only at build time"
            what += self.walk.how_to_give(command.unknown)
            self._unjudged("unknown-value", what, f"apk {command.verb}")

    def _xargs(self, expanded: ExpandedCommand, args: Sequence[Arg], folder: str) -> None:
        """``xargs [options] apk add ...``: the operands come from a file or the command before the pipe."""
        for start in range(1, len(args)):
            if args[start].text.rsplit("/", 1)[-1] == "apk":
                self._xargs_apk(expanded, args, start, folder)
                return
            if isinstance(read_command(args[start:]), InstallCommand):
                self._xargs_pip(expanded, args, start, folder)
                return

    def _xargs_apk(self, expanded: ExpandedCommand, args: Sequence[Arg], start: int, folder: str) -> None:
        lists = PackageLists(self.walk.files, folder, expanded.variables)
        piped = lists.handed_over(expanded.command, args[1:start])
        scanned = lists.scanned_before(expanded.command) if piped is None else None
        if piped is None and scanned is None:
            self.walk.unknown = (*self.walk.unknown, "xargs")
            message = "what xargs passes to apk is known only at build time"
            self._unjudged("unknown-value", message, "xargs apk")
            return
        place = _replaced(args[1:start])
        self._apk(expanded, [arg for arg in args[start:] if arg.text != place], folder, piped or (), scanned or ())

    def _xargs_pip(self, expanded: ExpandedCommand, args: Sequence[Arg], start: int, folder: str) -> None:
        """``cat requirements.txt | xargs pip install``: its lines, a whole file as ``-r requirements.txt``."""
        lists = PackageLists(self.walk.files, folder, expanded.variables)
        lines = lists.read_lines(expanded.command, args[1:start])
        piped = lists.handed_over(expanded.command, args[1:start])
        if piped is None:
            self._unjudged("unknown-value", "what xargs passes to pip is known only at build time", "xargs pip")
            return
        place = _replaced(args[1:start])
        whole = lists.whole(lines) if lines is not None else None
        words = [one.arg or _literal(one.text, args[0]) for one in piped]
        added = words if whole is None else [_literal("-r", args[0]), _literal(whole, args[0])]
        self._python(expanded, (*(arg for arg in args[start:] if arg.text != place), *added), folder)

    def _find(self, expanded: ExpandedCommand, args: Sequence[Arg], folder: str) -> None:
        """``find . -name requirements.txt -exec pip install -r {} +``: what it runs, once for each file that it finds."""
        texts = [arg.text for arg in args]
        start = next((at for at, text in enumerate(texts) if text in {"-exec", "-execdir"}), len(args)) + 1
        end = next((at for at in range(start, len(args)) if texts[at] in {";", "+"}), len(args))
        if not isinstance(read_command(args[start:end]), InstallCommand):
            return
        from dockerlint_alpine.stages.package_lists import found_by

        found = found_by(self.walk.files, texts[1 : start - 1], folder)
        if not found or texts[start - 1] == "-execdir":
            self._unjudged("unknown-value", "what find passes to pip is known only at build time", "find pip")
        for one in found or ():
            words = [_literal(arg.text.replace("{}", one), arg) if "{}" in arg.text else arg for arg in args[start:end]]
            self._python(expanded, words, folder)

    def _watch_repositories(self, expanded: ExpandedCommand) -> None:
        """A line added to /etc/apk/repositories: packages may come from where we can't look."""
        targets = [arg.text for redirect in expanded.command.redirects for arg in redirect.target.expand({})]
        edits = expanded.name in {"sed", "tee", "cp", "mv"}
        if _REPOSITORIES_FILE in targets or (edits and any(a.text == _REPOSITORIES_FILE for a in expanded.args)):
            by = f" by {self.within.file.shown}" if self.within is not None else ""
            self.walk.remember_repositories([_REPOSITORIES_FILE + by])

    # -- Python ----------------------------------------------------------------------------------------------------

    def _python(self, expanded: ExpandedCommand, args: Sequence[Arg], folder: str) -> None:
        command, inside = read_command(args), read_inside(args)
        if isinstance(command, VenvCommand):
            make_environment(command, self._call(expanded, folder).place())
        elif isinstance(command, ExportCommand):
            self.installer.export(self._call(expanded, folder), command, _redirected_to(expanded))
        elif command is not None:
            self.installer.install(self._call(expanded, folder), command)
        if inside is not None:
            self._inside(expanded, *inside, folder)
        elif command is not None:
            pass
        elif (setting := read_setting(args)) is not None:
            self.walk.settings.update([setting])
        elif is_python(args[0].text):
            self._python_code(expanded, args, folder)
            script = next((arg for arg in args[1:] if not arg.text.startswith("-")), None)
            if script is not None and script.known:
                self._python_file(expanded, absolute(script.text, folder), folder)
        elif args[0].text in _TASK_FILES:
            self._python_file(expanded, absolute(_TASK_FILES[args[0].text], folder), folder)
        else:
            self._start(expanded, args, folder)

    def _python_file(self, expanded: ExpandedCommand, place: str, folder: str) -> None:
        """What a Python script has pip install in so many words may be installed: whether it comes there is not known."""
        file = self._file(place)
        data = _COMMENT.sub(lambda match: b" " * len(match[0]), file.data) if file is not None else b""
        if file is None or not _RUNS_PIP.search(data):
            return
        commands = bytearray(re.sub(rb"[^\n]", b" ", data))  # at their places, so that lines stay what they are
        plain = list(_PLAIN_PIP.finditer(data))
        for match in plain:
            kind, words = ("text", match["text"]) if match["text"] else ("list", match["list"].replace(b",", b" "))
            commands[match.start(kind) : match.end(kind) + 1] = words + b";"
        if plain and self._may_enter(file):
            reader = self._reader(replace(expanded, conditional=True), file, folder)
            reader.script(parsed(replace(file, data=bytes(commands)), None), expanded.variables, exits=False)
        if len(plain) < len(_RUNS_PIP.findall(data)):
            self._not_read(file)

    def _call(self, expanded: ExpandedCommand, folder: str) -> Call:
        return Call(
            walk=self.walk,
            instruction=self.instruction,
            span=self._span(expanded),
            variables={**expanded.variables, **dict(expanded.environment)},
            folder=folder,
            active=self.active,
            conditional=expanded.conditional,
            file=self.within.file if self.within is not None else None,
            written=self._written(expanded),
            command=expanded.command,
        )

    def _inside(self, expanded: ExpandedCommand, command: InstallCommand, args: Sequence[Arg], folder: str) -> None:
        """``poetry run pip install ...``: what a tool runs finds its environment first."""
        if not args or self.walk.packages is None:
            return
        options = command.tool.options(command, [arg.text for arg in command.args])
        outside = self.active
        self.active = command.tool.home(command, options, self._call(expanded, folder).place()) or outside
        inner = unwrap(tuple(args), expanded.command.redirects)
        if inner.script is None:
            self._python(expanded, inner.args, folder)
        else:
            for one in expanded_commands(parse_script(inner.script), expanded.variables):
                conditional = one.conditional or expanded.conditional
                self.command(replace(one, conditional=conditional, nesting=expanded.nesting + 1))
        self.active = outside

    def _python_code(self, expanded: ExpandedCommand, args: Sequence[Arg], folder: str) -> None:
        modules: tuple[str, ...] = ()
        for option, value in itertools.pairwise(args):
            if option.text == "-c" and value.known:
                modules = tuple(dict.fromkeys(_IMPORT.findall(value.text)))
            elif option.text == "-m" and value.known:
                modules = (value.text,)
                if value.text == ENSUREPIP:
                    self.walk.settings[ENSUREPIP] = ""
        if modules and self.walk.packages is not None:
            self.walk.steps.append(
                PythonStep(
                    stage=self.walk.node.index,
                    instruction=self.instruction,
                    span=self._span(expanded),
                    modules=modules,
                    home=self._call(expanded, folder).place().interpreter(args[0].text),
                    conditional=expanded.conditional,
                    moment=self.walk.moment,
                    installed=tuple(self.walk.installed),
                    written=self._written(expanded),
                )
            )

    # -- scripts of the context ------------------------------------------------------------------------------------

    def _script_of(self, expanded: ExpandedCommand, args: Sequence[Arg], folder: str) -> None:
        """``. venv/bin/activate``, a script of the context, or a Makefile."""
        if expanded.name in {"make", "gmake"}:
            self._make(expanded, args, folder)
        elif len(args) > 1 and args[1].text.endswith("/bin/activate"):
            prefix = posixpath.dirname(posixpath.dirname(absolute(args[1].text, folder)))
            self.active = self.walk.homes.get(prefix, self.active)
        else:
            self._start(expanded, args, folder)

    def _start(self, expanded: ExpandedCommand, args: Sequence[Arg], folder: str) -> None:
        """A script of the context: its commands are carried out as those of the RUN are."""
        given = started(expanded, args, folder, self.walk.files)
        if given is None:
            return
        file = self._file(given.place)
        if file is None or b"\0" in file.data[:1024]:
            return
        text = file.data.decode("utf-8", "replace")
        self.walk.scripts.append(text)
        installs = script_installs(text)
        wanted = (installs or len(file.data) <= _SMALL) and self._may_enter(file)
        script = parsed(file, given.shell) if wanted else None
        if script is None or script.opaque:
            if installs:
                self._not_read(file)
            return
        if self.within is not None and self.walk.ran:
            self.walk.ran.pop()  # it is what it runs
        reader = self._reader(expanded, file, folder)
        reader._plain = self._plain and not given.same_shell  # noqa: SLF001 - one of its own kind
        exits = self._exits if given.same_shell else given.exits or (given.shell is None and file.exits)
        reader.script(script, variables_of(expanded, given), exits=exits)
        if installs and script.problems:
            problem = script.problems[0]
            message = f"{file.shown}:{problem.line}: part of this script can't be read: {problem.message}"
            self._unjudged("unknown-value", message, "shell syntax")
        if given.same_shell:
            self._folders[self._place(expanded)] = reader.folder
            self.active = reader.active

    def _make(self, expanded: ExpandedCommand, args: Sequence[Arg], folder: str) -> None:
        """``make TARGET``: the recipes of a plain Makefile are carried out, each line in a shell of its own."""
        from dockerlint_alpine.stages.makefiles import read_call, read_recipes

        call = read_call(args, folder)
        places = call.places() if call is not None else ()
        file = next((found for place in places if (found := self._file(place)) is not None), None)
        if call is None or file is None:
            return
        text = file.data.decode("utf-8", "replace")
        installs = script_installs(text)
        outer = variables_of(expanded, Started(file.place, same_shell=True))
        recipes = read_recipes(file, call, outer) if self._may_enter(file) else None
        if installs:
            self.walk.scripts.append(text)
        if recipes is None:
            if installs:
                self._not_read(file)
            return
        scripts = [parse_script(source) for source in recipes]
        span = expanded.command.span
        if self.within is None and span is not None and not any(one.problems for one in scripts):
            self.walk.recipes[span] = tuple(one for script in scripts for one in expanded_commands(script, outer))
        for script in scripts if installs else ():
            reader = self._reader(expanded, file, call.folder)
            reader._plain = False  # noqa: SLF001 - one of its own kind; make goes on where a line says so
            reader.script(script, outer)

    def _file(self, place: str) -> ScriptFile | None:
        data = self.walk.files.content(place)
        return ScriptFile(place, self.walk.files.display(place), data) if data is not None else None

    def _may_enter(self, file: ScriptFile) -> bool:
        chain = self.within.chain if self.within is not None else ()
        self.entered.append(file.place)
        return (
            len(file.data) <= MAX_SIZE
            and file.place not in chain
            and len(chain) < MAX_DEPTH
            and len(self.entered) <= MAX_SCRIPTS
            and self.walk.files.context.scripts.spend(len(file.data))
        )

    def _reader(self, expanded: ExpandedCommand, file: ScriptFile, folder: str) -> _ScriptWalk:
        chain = self.within.chain if self.within is not None else ()
        within = Within(file, self._span(expanded), expanded.conditional, (*chain, file.place))
        return _ScriptWalk(self.walk, self.instruction, self.installer, folder, self.active, within, self.entered)

    def _not_read(self, file: ScriptFile) -> None:
        message = f"{file.shown} installs packages but can't be analysed: move its commands into a RUN"
        self._unjudged("unknown-value", message, file.shown)

    def _add_user(self, args: Sequence[Arg]) -> None:
        """``adduser -h DIR -u 1000 NAME``: where HOME is for a USER."""
        words = scan([arg.text for arg in args[1:]], _USER_OPTIONS)[0]
        values = {word.option: word.value for word in words if "$" not in word.value}
        names = [word.value for word in words if word.option is None]
        if names:
            name = names[0] if args[0].text == "adduser" else names[-1]
            home = values.get("--home") or f"/home/{name}"
            for key in (name, values.get("--uid") or name):
                self.walk.users[key] = home


_USER_OPTIONS = OptionTable.build(
    "--home -h -d --home-dir, --uid -u, --gid -g, --gecos -c --comment, --shell -s, --ingroup -G --groups, --skel -k",
    others="flag",
)


def _replaced(options: Sequence[Arg]) -> str | None:
    """The word that ``xargs -I {}`` replaces by what it reads (POSIX and findutils: -I, -i, --replace)."""
    for position, arg in enumerate(options):
        text = arg.text
        if text == "-I":
            return options[position + 1].text if position + 1 < len(options) else None
        if text.startswith("--replace="):
            return text.partition("=")[2]
        if text.startswith(("-I", "-i")) or text == "--replace":
            return text[2:] if text[2:] and not text.startswith("--") else "{}"
    return None


def _virtual_name(command: ApkCommand) -> str | None:
    name = command.virtual
    return None if name is None or not name.strip() or re.search(r"[\s=<>~]", name) else name


def _redirected_to(expanded: ExpandedCommand) -> str | None:
    targets = [
        arg.text
        for redirect in expanded.command.redirects
        if redirect.op in {">", ">|"} and redirect.fd in {None, 1}
        for arg in redirect.target.expand(expanded.variables)
        if arg.known
    ]
    return targets[-1] if targets else None


def _literal(text: str, like: Arg) -> Arg:
    """A word that stands nowhere in the Dockerfile."""
    return replace(like, text=text, source=SourceText.literal(text), span=None, value=None, unknown=(), glob=False)
