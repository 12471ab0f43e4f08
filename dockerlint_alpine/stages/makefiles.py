"""The recipes that ``make TARGET`` runs, as far as a Makefile is plain: rules with names, variables, lines of shell.

The rules are those of GNU make ("Rule Syntax", "Recipe Syntax", "How Make Reads a Makefile"). Functions, patterns, included
files and what stands in a conditional are not followed: a target that rests on them is not known.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.stages.scripts import ScriptFile, detached
from dockerlint_alpine.syntax.source import EMPTY, MAX_VALUE, SourceText
from dockerlint_alpine.system.options import OptionTable, scan
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.syntax import Arg

_NAMES = ("GNUmakefile", "makefile", "Makefile")
_OPTIONS = OptionTable.build(
    "--directory -C, --file -f --makefile, --include-dir -I, --old-file -o, --what-if -W", others="flag"
)
_MAX_RECIPES = 500
"""Lines of recipes of one call: prerequisites of prerequisites are each made once, and still may be many."""
_MAX_DEPTH = 20

_ASSIGNMENT = lazy_pattern(r"[ ]*(?:export[ \t]+|override[ \t]+)*([\w.-]+)[ \t]*(:{0,3}=|\?=|\+=|!=)[ \t]*")
_RULE = lazy_pattern(r"([^\t#:=][^#:=]*)::?(?!=)(?P<rest>[^\n]*)")
_OPENS = lazy_pattern(r"[ ]*(?:ifn?eq|ifn?def|define)\b")
_CLOSES = lazy_pattern(r"[ ]*(?:endif|endef)\b")
_REFERENCE = lazy_pattern(r"\$(?:(?P<dollar>\$)|(?P<call>\(shell\s+)|[({](?P<long>[\w.-]+)[)}]|(?P<short>[\w@<^?*+%]))")


class Call(Struct, frozen=True):
    """One call of make: where it runs, which file it reads (``None``: the usual one), its targets and variables."""

    folder: str
    file: str | None
    targets: tuple[str, ...]
    variables: Mapping[str, SourceText]

    def places(self) -> tuple[str, ...]:
        """The files that may be the Makefile, the first that exists counts."""
        return tuple(absolute(name, self.folder) for name in ((self.file,) if self.file is not None else _NAMES))


def read_call(args: Sequence[Arg], folder: str) -> Call | None:
    """Read the words of ``make``; ``None`` where one that matters is not known."""
    file: str | None = None
    targets: list[str] = []
    variables: dict[str, SourceText] = {}
    for word in scan([arg.text for arg in args[1:]], _OPTIONS)[0]:
        arg = args[1 + word.index]
        name, equals, _ = word.value.partition("=")
        if word.option == "--directory":
            folder = absolute(word.value, folder)
        elif word.option == "--file":
            file = word.value
        elif word.option is not None:
            continue
        elif equals:
            variables[name.rstrip(":")] = detached(arg.source.slice(len(name) + 1, len(arg.source)))
        elif not arg.known:
            return None
        else:
            targets.append(arg.text)
    return Call(folder, file, tuple(targets), variables)


def read_recipes(file: ScriptFile, call: Call, environment: Mapping[str, SourceText]) -> tuple[SourceText, ...] | None:
    """The lines of shell that the call runs, prerequisites first; ``None`` where the file does not plainly say.

    Variables of the ``environment`` count where the file assigns none.
    """
    makefile = _Makefile(file, call, environment)
    makefile.read()
    targets = call.targets or ((makefile.first,) if makefile.first is not None else ())
    if not targets or makefile.one_shell:
        return None
    for target in targets:
        if not makefile.make(target, 0):
            return None
    return tuple(makefile.made)


class _Rule(Struct):
    prerequisites: list[str]
    recipe: list[SourceText]
    known: bool = True


class _Makefile:
    def __init__(self, file: ScriptFile, call: Call, environment: Mapping[str, SourceText]) -> None:
        self.source = SourceText.from_bytes(file.data, 0, len(file.data))
        self.given = call.variables
        self.variables: dict[str, SourceText] = {**environment, "MAKE": SourceText.literal("make"), **call.variables}
        self.assigned: set[str] = set()
        self.rules: dict[str, _Rule] = {}
        self.first: str | None = None
        self.one_shell = False
        self.made: list[SourceText] = []
        self.done: set[str] = set()
        self._values: dict[tuple[str, str], SourceText] = {}

    def read(self) -> None:
        """Take in all lines of the file."""
        current: list[_Rule] = []
        inside = 0
        for line in self._lines():
            text = line.text
            if text.startswith("\t") and current:
                for rule in current:
                    rule.recipe.append(line.slice(1, len(line)))
                    rule.known = rule.known and not inside
                continue
            if not text.strip() or text.lstrip().startswith("#"):
                continue
            if _OPENS.match(text):
                inside += 1
            elif _CLOSES.match(text):
                inside = max(0, inside - 1)
            elif (match := _ASSIGNMENT.match(text)) is not None:
                self._assign(match[1], match[2], line.slice(match.end(), len(line)), certain=not inside)
                current = []
            elif (match := _RULE.match(text)) is not None:
                current = self._rule(match[1], match["rest"], line, certain=not inside)

    def _lines(self) -> Iterator[SourceText]:
        """Logical lines; of a recipe the continuation stays, as the shell reads it."""
        text, position = self.source.text, 0
        while position < len(text):
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
            while text[max(position, end - 1) : end] == "\\" and end < len(text):
                following = text.find("\n", end + 1)
                end = len(text) if following < 0 else following
            yield self.source.slice(position, end)
            position = end + 1

    def _assign(self, name: str, operator: str, value: SourceText, *, certain: bool) -> None:
        if name == ".ONESHELL" or name in self.given:
            return
        if operator == "?=" and name in self.variables:
            return
        certain = certain and operator != "!="
        value = _unfolded(value) if certain else SourceText.literal("${" + name + "}").opaque()
        if operator == "+=" and name in self.assigned:
            value = SourceText.concat((self.variables[name], SourceText.literal(" "), value))
        elif operator.endswith(":="):
            value = self._expanded(value, "", 0)
        self.variables[name] = value.kept(name)
        self.assigned.add(name)
        self._values.clear()

    def _rule(self, targets: str, rest: str, line: SourceText, *, certain: bool) -> list[_Rule]:
        if ".ONESHELL" in targets.split():
            self.one_shell = True
        if _ASSIGNMENT.match(rest.lstrip()):
            return []  # a variable of this target alone
        wanted, semicolon, _ = rest.partition(";")
        names = self._expanded(SourceText.literal(targets), "", 0).text.split()
        prerequisites = self._expanded(SourceText.literal(wanted.partition("#")[0]), "", 0).text.split()
        current: list[_Rule] = []
        for name in names:
            if self.first is None and not name.startswith(".") and "%" not in name:
                self.first = name
            rule = self.rules.setdefault(name, _Rule([], []))
            rule.prerequisites.extend(prerequisites)
            rule.known = rule.known and certain
            if semicolon:
                rule.recipe.append(line.slice(line.text.index(";") + 1, len(line)))
            current.append(rule)
        return current

    def make(self, target: str, depth: int) -> bool:
        """Collect the recipes of a target. False where the file does not tell them."""
        rule = self.rules.get(target)
        if rule is None or not rule.known or depth > _MAX_DEPTH:
            return False
        if target in self.done:
            return True
        self.done.add(target)
        for name in rule.prerequisites:
            if name in self.rules and not self.make(name, depth + 1):
                return False
        for line in rule.recipe:
            if len(self.made) >= _MAX_RECIPES:
                return False
            stripped = line.text.lstrip(" \t@+-")
            self.made.append(self._expanded(line.slice(len(line.text) - len(stripped), len(line)), target, 0))
        return True

    def _expanded(self, source: SourceText, target: str, depth: int) -> SourceText:
        """``source`` with the variables of make filled in, and ``$$`` as the ``$`` that the shell gets. A name without a
        value is left to the shell: it may be the environment's."""
        parts: list[SourceText] = []
        behind = size = 0
        for match in _REFERENCE.finditer(source.text):
            name = match["long"] or match["short"]
            parts.append(source.slice(behind, match.start()))
            behind = match.end()
            if match["dollar"]:
                value = source.slice(match.start(), match.start() + 1)
            elif match["call"]:  # $(shell CMD): what it prints, as of $(CMD)
                value = SourceText.literal("$(")
            elif name == "@":
                value = SourceText.literal(target)
            elif name in self.variables and depth < _MAX_DEPTH and size <= MAX_VALUE:
                value = self._value(name, target, depth)
            else:
                value = SourceText.literal("${" + name + "}") if name.isidentifier() else EMPTY
            size += len(value)
            parts.append(value)
        return SourceText.concat((*parts, source.slice(behind, len(source)))) if parts else source

    def _value(self, name: str, target: str, depth: int) -> SourceText:
        """The value of a variable, each worked out once: one that holds two others twice makes many of few."""
        key = name, target
        if key not in self._values:
            self._values[key] = SourceText.literal("${" + name + "}")  # of one that holds itself
            self._values[key] = self._expanded(self.variables[name], target, depth + 1).kept(name)
        return self._values[key]


def _unfolded(value: SourceText) -> SourceText:
    """A value without its comment, and with a blank for each continuation (GNU make: "Splitting Long Lines")."""
    parts: list[SourceText] = []
    behind = 0
    comment = re.search(r"(?<!\\)#", value.text)
    end = comment.start() if comment is not None else len(value)
    for match in re.finditer(r"[ \t]*\\\r?\n[ \t]*", value.text[:end]):
        parts += (value.slice(behind, match.start()), SourceText.literal(" "))
        behind = match.end()
    return SourceText.concat((*parts, value.slice(behind, end))).strip()
