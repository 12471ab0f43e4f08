"""What the commands of a RUN do to a stage: apk, installers of Python packages, venvs, copies, Python itself."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dockerlint_alpine.stages.apk_commands import ApkCommand, Operand, read_apk_command
from dockerlint_alpine.stages.files import absolute
from dockerlint_alpine.stages.installers import (
    InstallCommand,
    VenvCommand,
    is_python,
    read_install_command,
)
from dockerlint_alpine.stages.model import ApkStep, PythonHome, PythonStep
from dockerlint_alpine.stages.travel import travelling, travelling_homes
from dockerlint_alpine.syntax import expanded_commands, parse_script

if TYPE_CHECKING:
    from dockerlint_alpine.stages.timeline import StageWalk
    from dockerlint_alpine.syntax import Arg, ExpandedCommand, Instruction, Script, Span

_MENTIONS = re.compile(
    r"\b(?:apk\s+(?:\S+\s+)*?add|pip\d*\s+(?:install|wheel)|uv\s+(?:pip|sync)|poetry\s+install|pipenv)\b"
)
_REPOSITORIES_FILE = "/etc/apk/repositories"
_IMPORT = re.compile(r"(?:^|[;\n]|\bimport\b|,)\s*(?:import\s+|from\s+)?([A-Za-z_][\w.]*)")


def mentions_packages(instruction: Instruction) -> bool:
    """True when a RUN looks as if it installed apk or Python packages: only then a stage wants a verdict."""
    return instruction.keyword == "RUN" and _MENTIONS.search(instruction.value) is not None


def walk_script(walk: StageWalk, instruction: Instruction, script: Script) -> None:
    """Let every command of a script act on the stage, in order."""
    reader = _ScriptWalk(walk, instruction)
    for expanded in expanded_commands(script, walk.scope.names):
        reader.command(expanded)
    for problem in script.problems:
        walk.unjudged("AD905", instruction, f"part of this RUN can't be read: {problem.message}", "shell syntax")


def _span(expanded: ExpandedCommand, instruction: Instruction) -> Span:
    """Where the command is written; a command that a variable holds counts as its instruction."""
    return expanded.command.span or (instruction.start, instruction.end)


class _ScriptWalk:
    """One script: keeps the folder that ``cd`` chose and the venv that was activated."""

    def __init__(self, walk: StageWalk, instruction: Instruction) -> None:
        self.walk = walk
        self.instruction = instruction
        self.folder = walk.workdir
        self.active: PythonHome | None = None

    def command(self, expanded: ExpandedCommand) -> None:
        args = expanded.args
        if not args or expanded.substitution:
            return
        name = expanded.name
        self._watch_repositories(expanded)
        match name:
            case "apk":
                self._apk(expanded, args, ())
            case "xargs":
                self._xargs(expanded, args)
            case "cd" | "pushd":
                self.folder = absolute(args[1].text, self.folder) if len(args) > 1 and args[1].known else self.folder
            case "." | "source":
                self._activate(args)
            case "cp" | "mv":
                self._copy(args)
            case "mkdir":
                self._make_folders(args)
            case "poetry" if len(args) > 3 and args[1].text == "config":
                self._configure_poetry(args)
            case _:
                self._python(expanded, args)

    def _make_folders(self, args: Sequence[Arg]) -> None:
        for arg in args[1:]:
            if arg.known and not arg.text.startswith("-"):
                self.walk.files = self.walk.files.with_directory(absolute(arg.text, self.folder))

    def _configure_poetry(self, args: Sequence[Arg]) -> None:
        words = [arg.text for arg in args[2:] if not arg.text.startswith("-")]
        if len(words) >= 2:
            self.walk.settings[f"poetry.{words[0]}"] = words[1]

    # -- apk ---------------------------------------------------------------------------------------------------

    def _apk(self, expanded: ExpandedCommand, args: Sequence[Arg], piped: Sequence[Operand]) -> None:
        walk = self.walk
        piped = [*piped, *self._from_redirect(expanded)]
        args = self._without_file_lists(args, piped)
        command = read_apk_command(args, piped)
        if command is None or walk.packages is None or command.root is not None:
            return
        before = walk.moment
        if command.verb == "add":
            self._add(command, conditional=expanded.conditional)
        elif command.verb == "del":
            names = [operand.text for operand in command.operands]
            walk.packages = walk.packages.delete(names, conditional=expanded.conditional)
        else:
            return
        walk.steps.append(
            ApkStep(
                walk.node.index,
                self.instruction,
                _span(expanded, self.instruction),
                command,
                expanded.conditional,
                before,
                walk.moment,
            )
        )
        if command.unknown:
            hidden = ", ".join(f"${name}" for name in command.unknown)
            walk.unjudged(
                "AD905",
                self.instruction,
                f"packages of this apk {command.verb} come from {hidden}, whose value isn't known here",
                f"apk {command.verb} {hidden}",
            )

    def _add(self, command: ApkCommand, *, conditional: bool) -> None:
        walk = self.walk
        assert walk.packages is not None
        assert walk.index is not None
        known, foreign = [], []
        for operand in command.operands:
            name = re.split(r"[=<>~@]", operand.text, maxsplit=1)[0]
            is_file = operand.text.endswith(".apk") or "/" in operand.text
            if not is_file and (name.startswith("!") or walk.index.providers(name)):
                known.append(operand.text.partition("@")[0])
            else:
                foreign.append(name)
        walk.packages = walk.packages.add(known, command.virtual, conditional=conditional)
        walk.foreign = tuple(dict.fromkeys((*walk.foreign, *foreign)))
        walk.unknown = tuple(dict.fromkeys((*walk.unknown, *command.unknown)))

    def _xargs(self, expanded: ExpandedCommand, args: Sequence[Arg]) -> None:
        """``xargs [options] apk add ...``: the operands come from a file or the command before the pipe."""
        inner = next((i for i, arg in enumerate(args) if arg.text.rsplit("/", 1)[-1] == "apk"), None)
        if inner is None:
            return
        piped = self._from_redirect(expanded) or self._from_pipe(expanded)
        if piped is None:
            self.walk.unknown = (*self.walk.unknown, "xargs")
            self.walk.unjudged(
                "AD905", self.instruction, "the packages that xargs hands to apk aren't known", "xargs apk add"
            )
            return
        self._apk_words(expanded, args[inner:], piped)

    def _apk_words(self, expanded: ExpandedCommand, args: Sequence[Arg], piped: Sequence[Operand]) -> None:
        without_redirects = replace(expanded, command=replace(expanded.command, redirects=()))
        self._apk(without_redirects, args, piped)

    def _from_redirect(self, expanded: ExpandedCommand) -> list[Operand]:
        found: list[Operand] = []
        for redirect in expanded.command.redirects:
            if redirect.op == "<":
                for arg in redirect.target.expand(expanded.variables):
                    found.extend(self._operands_in(arg.text) or ())
        return found

    def _from_pipe(self, expanded: ExpandedCommand) -> list[Operand] | None:
        """``cat FILE | xargs``, ``grep -v '^#' FILE | xargs`` and ``echo a b | xargs``; ``None`` for anything else."""
        source = expanded.command.piped_from
        if source is None or not source.words:
            return None
        words = [arg for word in source.words for arg in word.expand(expanded.variables)]
        match words[0].text:
            case "echo" | "printf":
                return [Operand(arg.text, arg.span, None, arg) for arg in words[1:] if not arg.text.startswith("-")]
            case "cat" | "grep" | "sed" | "awk":
                files = [operands for arg in words[1:] if (operands := self._operands_in(arg.text)) is not None]
                return [operand for operands in files for operand in operands] if files else None
            case _:
                return None

    def _without_file_lists(self, args: Sequence[Arg], piped: list[Operand]) -> list[Arg]:
        """Resolve ``$(cat FILE)``: its words join ``piped``, the argument goes."""
        kept: list[Arg] = []
        for arg in args:
            operands = self._substituted(arg)
            if operands is None:
                kept.append(arg)
            else:
                piped.extend(operands)
        return kept

    def _substituted(self, arg: Arg) -> list[Operand] | None:
        if arg.known or len(arg.substitutions) != 1:
            return None
        commands = parse_script(arg.substitutions[0]).commands
        if len(commands) != 1:
            return None
        words = commands[0].words
        texts = [part.text for word in words for part in word.expand(self.walk.scope.names)]
        if len(texts) < 2 or texts[0] not in {"cat", "grep", "sed", "awk", "xargs"}:
            return None
        return next((found for text in texts[1:] if (found := self._operands_in(text)) is not None), None)

    def _operands_in(self, path: str) -> list[Operand] | None:
        """The package names listed in a file of the stage, ``None`` where it can't be read."""
        place = absolute(path, self.folder)
        try:
            data = self.walk.files.read(place)
        except OSError:
            return None
        shown = self.walk.files.display(place)
        found: list[Operand] = []
        offset = 0
        for line in data.splitlines(keepends=True):
            code = line.partition(b"#")[0]
            for match in re.finditer(rb"\S+", code):
                span = (offset + match.start(), offset + match.end())
                found.append(Operand(match[0].decode("utf-8", "replace"), span, shown))
            offset += len(line)
        return found

    def _watch_repositories(self, expanded: ExpandedCommand) -> None:
        """A line added to /etc/apk/repositories: packages may come from where we can't look."""
        targets = [arg.text for redirect in expanded.command.redirects for arg in redirect.target.expand({})]
        edits = expanded.args[0].text in {"sed", "tee", "cp", "mv"}
        if _REPOSITORIES_FILE in targets or (edits and any(a.text == _REPOSITORIES_FILE for a in expanded.args)):
            self.walk.foreign = tuple(dict.fromkeys((*self.walk.foreign, _REPOSITORIES_FILE)))

    # -- Python ------------------------------------------------------------------------------------------------

    def _python(self, expanded: ExpandedCommand, args: Sequence[Arg]) -> None:
        walk = self.walk
        command = read_install_command(args)
        installer = walk.builder.installer
        if isinstance(command, VenvCommand):
            base = installer.home_for(walk, command.program, expanded.variables, self.active)
            if command.directory is not None and base is not None:
                prefix = absolute(command.directory, self.folder)
                walk.homes[prefix] = replace(base, prefix=prefix, is_venv=True)
        elif isinstance(command, InstallCommand):
            installer.install(
                walk,
                self.instruction,
                _span(expanded, self.instruction),
                command,
                variables={**expanded.variables, **dict(expanded.environment)},
                folder=self.folder,
                active=self.active,
                conditional=expanded.conditional,
            )
        elif is_python(args[0].text):
            self._python_code(expanded, args)

    def _python_code(self, expanded: ExpandedCommand, args: Sequence[Arg]) -> None:
        code = next((args[i + 1] for i, arg in enumerate(args[:-1]) if arg.text == "-c"), None)
        if code is None or not code.known or self.walk.packages is None:
            return
        modules = tuple(dict.fromkeys(_IMPORT.findall(code.text)))
        if modules:
            self.walk.steps.append(
                PythonStep(
                    self.walk.node.index,
                    self.instruction,
                    _span(expanded, self.instruction),
                    modules,
                    expanded.conditional,
                    self.walk.moment,
                    tuple(self.walk.installed),
                )
            )

    def _activate(self, args: Sequence[Arg]) -> None:
        if len(args) > 1 and args[1].text.endswith("/bin/activate"):
            prefix = posixpath.dirname(posixpath.dirname(absolute(args[1].text, self.folder)))
            self.active = self.walk.homes.get(prefix, self.active)

    def _copy(self, args: Sequence[Arg]) -> None:
        """``cp -r SRC... DST`` and ``mv`` carry distributions along inside the stage."""
        places = [arg.text for arg in args[1:] if arg.known and not arg.text.startswith("-")]
        if len(places) < 2:
            return
        walk = self.walk
        *sources, target = (absolute(place, self.folder) for place in places)
        for place, source in zip(places, sources, strict=False):
            into = not place.endswith("/.")
            moved = travelling(walk.installed, source, target, self.instruction, copied_from=None, into=into)
            walk.installed = [*walk.installed, *(item for item in moved if item not in walk.installed)]
            for home in travelling_homes(walk.homes.values(), source, target, into=into):
                walk.homes[home.prefix] = home
