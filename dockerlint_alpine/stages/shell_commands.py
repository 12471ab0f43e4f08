"""What the commands of a RUN do to a stage: apk, installers of Python packages, venvs, copies, Python itself."""

from __future__ import annotations

import itertools
import posixpath
import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.apk import World
from dockerlint_alpine.installers.base import ExportCommand, InstallCommand, PythonHome, VenvCommand, is_python
from dockerlint_alpine.installers.registry import read_command, read_setting
from dockerlint_alpine.installers.venv import make_environment
from dockerlint_alpine.stages import shell_files
from dockerlint_alpine.stages.apk_commands import ApkCommand, Operand, read_apk_command
from dockerlint_alpine.stages.heuristics import script_installs
from dockerlint_alpine.stages.installing import Call
from dockerlint_alpine.stages.model import ApkStep, PythonStep
from dockerlint_alpine.stages.package_lists import PackageLists
from dockerlint_alpine.stages.packages import Packages, sort_operands
from dockerlint_alpine.syntax import expanded_commands
from dockerlint_alpine.syntax.shell.model import SHELLS
from dockerlint_alpine.system.paths import absolute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.stages.installing import Installer
    from dockerlint_alpine.stages.model import UnjudgedKind
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Arg, ExpandedCommand, Instruction, Script, Span

_REPOSITORIES_FILE = "/etc/apk/repositories"
_IMPORT = re.compile(r"(?:^|[;\n]|\bimport\b|,)\s*(?:import\s+|from\s+)?([A-Za-z_][\w.]*)")
_MAX_SCRIPT = 1 << 20


def walk_script(walk: StageWalk, instruction: Instruction, script: Script, installer: Installer) -> None:
    """Let every command of a script act on the stage, in order; ``installer`` carries out those of pip and the like."""
    reader = _ScriptWalk(walk, instruction, installer)
    for expanded in expanded_commands(script, walk.scope.names):
        reader.command(expanded)
    for problem in script.problems:
        walk.unjudged(
            "unknown-value", instruction, f"part of this RUN can't be read: {problem.message}", "shell syntax"
        )


class _ScriptWalk:
    """One script: keeps the folder that ``cd`` chose and the venv that was activated."""

    def __init__(self, walk: StageWalk, instruction: Instruction, installer: Installer) -> None:
        self.walk = walk
        self.instruction = instruction
        self.installer = installer
        self.active: PythonHome | None = None
        self._folders: dict[tuple[int, ...], str] = {}

    def command(self, expanded: ExpandedCommand) -> None:
        """Carry out one command."""
        args = expanded.args
        if not args or expanded.substitution:
            return
        folder = self._folder(expanded)
        self._watch_repositories(expanded)
        if expanded.command.redirects or expanded.name in {"tee", "sed"}:
            shell_files.watch_writes(self.walk, self.instruction, expanded, folder)
        match expanded.name:
            case "apk":
                self._apk(expanded, args, folder)
            case "xargs":
                self._xargs(expanded, args, folder)
            case "cd" | "pushd":
                if len(args) > 1 and args[1].known:
                    self._folders[self._place(expanded)] = absolute(args[1].text, folder)
            case "." | "source":
                self._source(args, folder)
            case "cp" | "mv" | "ln":
                shell_files.copy(self.walk, self.instruction, args, folder)
            case "mkdir":
                shell_files.make_folders(self.walk, args, folder)
            case "adduser" | "useradd":
                self._add_user(args)
            case _:
                self._python(expanded, args, folder)

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
        return self._folders.get(place, self.walk.workdir)

    def _span(self, expanded: ExpandedCommand) -> Span:
        """Where the command is written; a command that a variable holds counts as its instruction."""
        return expanded.command.span or (self.instruction.start, self.instruction.end)

    def _unjudged(self, kind: UnjudgedKind, message: str, evidence: str) -> None:
        self.walk.unjudged(kind, self.instruction, message, evidence)

    # -- apk -------------------------------------------------------------------------------------------------------

    def _apk(
        self, expanded: ExpandedCommand, args: Sequence[Arg], folder: str, piped: Sequence[Operand] | None = None
    ) -> None:
        lists = PackageLists(self.walk.files, folder, expanded.variables)
        listed = list(piped if piped is not None else lists.redirected(expanded.command) or ())
        kept: list[Arg] = []
        for arg in args:
            operands = lists.substituted(arg)
            if operands is None:
                kept.append(arg)
            else:
                listed.extend(operands)
        command = read_apk_command(kept, listed)
        if command is not None and command.verb not in {"update", "other"} and self.walk.packages is not None:
            self._run_apk(expanded, command)

    def _run_apk(self, expanded: ExpandedCommand, command: ApkCommand) -> None:
        walk = self.walk
        if command.root is not None:
            self._fill_root(command, conditional=expanded.conditional)
            return
        before = walk.moment
        if command.verb == "add":
            self._add(command, conditional=expanded.conditional)
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
            self._unjudged("unknown-value", f"{text!r} is no package name that apk add accepts", "apk add")

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
            what = f"packages of this apk {command.verb} come from {names}, which is known only while building"
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
        piped = lists.redirected(expanded.command) or lists.piped(expanded.command)
        for position, arg in enumerate(args[1:start], start=1):
            if arg.text in {"-a", "--arg-file"} and position + 1 < start:
                piped = lists.listed(args[position + 1].text)
            elif arg.text.startswith("--arg-file="):
                piped = lists.listed(arg.text.partition("=")[2])
        if piped is None:
            self.walk.unknown = (*self.walk.unknown, "xargs")
            self._unjudged(
                "unknown-value", "the packages that xargs hands to apk are known only while building", "xargs apk"
            )
            return
        self._apk(expanded, args[start:], folder, piped)

    def _xargs_pip(self, expanded: ExpandedCommand, args: Sequence[Arg], start: int, folder: str) -> None:
        """``cat requirements.txt | xargs pip install``: what ``-r requirements.txt`` does."""
        lists = PackageLists(self.walk.files, folder, expanded.variables)
        piped = lists.redirected(expanded.command) or lists.piped(expanded.command)
        paths = {operand.path for operand in piped or ()}
        if piped is None or len(paths) != 1:
            self._unjudged("unknown-value", "what xargs hands to pip is known only while building", "xargs pip")
            return
        if None in paths:
            added = [operand.arg for operand in piped if operand.arg is not None]
        else:
            files = self.walk.files
            source = next(arg for arg in _words_before(expanded) if files.display(absolute(arg.text, folder)) in paths)
            added = [replace(source, text="-r"), source]
        self._python(expanded, (*args[start:], *added), folder)

    def _watch_repositories(self, expanded: ExpandedCommand) -> None:
        """A line added to /etc/apk/repositories: packages may come from where we can't look."""
        targets = [arg.text for redirect in expanded.command.redirects for arg in redirect.target.expand({})]
        edits = expanded.name in {"sed", "tee", "cp", "mv"}
        if _REPOSITORIES_FILE in targets or (edits and any(a.text == _REPOSITORIES_FILE for a in expanded.args)):
            self.walk.remember_repositories([_REPOSITORIES_FILE])

    # -- Python ----------------------------------------------------------------------------------------------------

    def _python(self, expanded: ExpandedCommand, args: Sequence[Arg], folder: str) -> None:
        walk = self.walk
        command = read_command(args)
        if command is not None:
            call = Call(
                walk=walk,
                instruction=self.instruction,
                span=self._span(expanded),
                variables={**expanded.variables, **dict(expanded.environment)},
                folder=folder,
                active=self.active,
                conditional=expanded.conditional,
            )
            if isinstance(command, VenvCommand):
                make_environment(command, call.place())
            elif isinstance(command, ExportCommand):
                self.installer.export(call, command, _redirected_to(expanded))
            else:
                self.installer.install(call, command)
        elif (setting := read_setting(args)) is not None:
            walk.settings.update([setting])
        elif is_python(args[0].text):
            self._python_code(expanded, args)
        else:
            self._own_script(args, folder)

    def _python_code(self, expanded: ExpandedCommand, args: Sequence[Arg]) -> None:
        modules: tuple[str, ...] = ()
        for option, value in itertools.pairwise(args):
            if option.text == "-c" and value.known:
                modules = tuple(dict.fromkeys(_IMPORT.findall(value.text)))
            elif option.text == "-m" and value.known:
                modules = (value.text,)
        if modules and self.walk.packages is not None:
            self.walk.steps.append(
                PythonStep(
                    stage=self.walk.node.index,
                    instruction=self.instruction,
                    span=self._span(expanded),
                    modules=modules,
                    conditional=expanded.conditional,
                    moment=self.walk.moment,
                    installed=tuple(self.walk.installed),
                )
            )

    def _source(self, args: Sequence[Arg], folder: str) -> None:
        """``. venv/bin/activate``, or a script of the context."""
        if len(args) > 1 and args[1].text.endswith("/bin/activate"):
            prefix = posixpath.dirname(posixpath.dirname(absolute(args[1].text, folder)))
            self.active = self.walk.homes.get(prefix, self.active)
        else:
            self._own_script(args, folder)

    def _own_script(self, args: Sequence[Arg], folder: str) -> None:
        """A script of the context that installs packages: it is not read, and that is said."""
        name = args[0].text.rsplit("/", 1)[-1]
        operands = [arg for arg in args if not arg.text.startswith("-")]
        script = operands[1:2] if name in SHELLS or name in {".", "source"} else operands[:1]
        if not script or not script[0].known or ("/" not in script[0].text and script == operands[:1]):
            return
        place = absolute(script[0].text, folder)
        try:
            text = self.walk.files.read(place)[:_MAX_SCRIPT].decode("utf-8", "replace")
        except OSError:
            return
        if script_installs(text):
            shown = self.walk.files.display(place)
            self._unjudged(
                "unknown-value", f"{shown} installs packages and isn't looked into: put its commands in a RUN", shown
            )

    def _add_user(self, args: Sequence[Arg]) -> None:
        """``adduser -h DIR -u 1000 NAME``: where HOME is for a USER."""
        values = {option.text: value.text for option, value in itertools.pairwise(args) if value.known}
        names = [arg.text for arg in args[1:] if not arg.text.startswith("-") and arg.text not in _values_of(values)]
        if names:
            name = names[0] if args[0].text == "adduser" else names[-1]
            home = values.get("-h") or values.get("-d") or values.get("--home") or f"/home/{name}"
            for key in (name, values.get("-u") or values.get("--uid") or name):
                self.walk.users[key] = home


_USER_VALUES = frozenset("-h -g -s -G -u -k -d -c --home --gecos --shell --ingroup --uid --gid".split())


def _values_of(values: dict[str, str]) -> set[str]:
    return {value for option, value in values.items() if option in _USER_VALUES}


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


def _words_before(expanded: ExpandedCommand) -> list[Arg]:
    """The words of the commands before the pipe, and the targets of ``<``."""
    found: list[Arg] = []
    command = expanded.command
    words = [redirect.target for redirect in command.redirects if redirect.op == "<"]
    while command.piped_from is not None:
        command = command.piped_from
        words.extend((*command.words[1:], *(redirect.target for redirect in command.redirects)))
    for word in words:
        found.extend(word.expand(expanded.variables))
    return found
