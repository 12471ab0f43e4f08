"""Conditions that the platform decides: ``[ "$TARGETARCH" = arm64 ]``, ``case $(uname -m) in armv7*)``.

Others are left open, even where a variable has a value: who builds may give it another one. Only what a branch assigns is
taken from the build that gives none (``if [ -z ${VERSION+x} ]; then NAME=a; else NAME=a==$VERSION; fi``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from dockerlint_alpine.syntax.shell.model import Command, Matched, Scope, Tested
from dockerlint_alpine.syntax.shell.words import Variables, Word, names_in
from dockerlint_alpine.syntax.source import SourceText
from dockerlint_alpine.system.patterns import lazy_pattern

_PLATFORM = (
    *(f"{prefix}{name}" for prefix in ("TARGET", "BUILD") for name in ("PLATFORM", "OS", "ARCH", "VARIANT")),
    *("$(uname -m)", "$(apk --print-arch)", "$(arch)"),
)
"""The variables that hold what the platform is (BuildKit, "Automatic platform ARGs in the global scope"), and commands that
print it."""

Facts = dict[str, SourceText]
"""Variables, and commands as ``$(uname -m)``, whose values follow from the platform alone."""

Reading = Callable[[Word], SourceText | None]
"""The value of a word, where it is known."""

TESTS = {"[": "]", "[[": "]]", "test": ""}
"""Commands that test, and how they end."""

_GLOB = lazy_pattern(r"[*?\[\\]")


def facts_in(variables: Mapping[str, SourceText]) -> Facts:
    """Those among ``variables``."""
    found = {}
    for name in _PLATFORM:
        value = variables.get(name)
        if value is not None and value.known:
            found[name] = value
    return found


def fact(word: Word, facts: Facts) -> SourceText | None:
    """The value of a word that the platform alone decides, else ``None``."""
    names = names_in(word.text)
    if names is None or not names <= facts.keys():
        return None
    value = word.value(facts)
    return value if value.known else None


def usual(word: Word, variables: Variables) -> SourceText | None:
    """The value of a word in a build that gives no values of its own, else ``None``."""
    value = word.value(variables)
    return value if value.known else None


def outcome(command: Command, read: Reading) -> bool | None:
    """Whether a test succeeds (POSIX ``test``, bash's ``[[``); ``None`` where a word of it has no known value."""
    words = list(command.words)
    closing = TESTS.get(command.name)
    if closing is None or (closing and (len(words) < 2 or words.pop().text != closing)):
        return None
    if not any("$" in word.text or "`" in word.text for word in words):
        return None  # a test of nothing stands for one that its author has in mind
    values = [read(word) for word in words[1:]]
    texts = [value.text for value in values if value is not None]
    if len(texts) != len(values):
        return None
    wanted = True
    while texts[:1] == ["!"]:
        texts, words, wanted = texts[1:], words[1:], not wanted
    match texts:
        case ["-z", text]:
            found = not text
        case ["-n", text] | [text]:
            found = bool(text)
        case [left, "=" | "==" | "!=" as operator, right]:
            pattern = right if closing == "]]" and _is_plain(words[3]) else None
            found = (fnmatchcase(left, pattern) if pattern is not None else left == right) == (operator != "!=")
        case _:
            return None
    return found == wanted


def runs(
    scopes: Sequence[Scope], decided: dict[int, bool | None], decide: Callable[[Scope], bool | None]
) -> bool | None:
    """Whether a command in these branches runs. What is ``decided`` of a branch where it begins, by its number, holds to
    its end."""
    found: bool | None = True
    for scope in scopes:
        if scope.kind == "branch":
            if scope.number not in decided:
                decided[scope.number] = decide(scope)
            if decided[scope.number] is False:
                return False
            found = found and decided[scope.number]
    return found


def holds(scope: Scope, read: Reading, outcomes: Mapping[int, bool | None]) -> bool | None:
    """Whether a branch is entered, with the ``outcomes`` of earlier tests by their ``id``."""
    found: bool | None = bool(scope.conditions) or None
    for condition in scope.conditions:
        if isinstance(condition, Tested):
            result = outcomes.get(id(condition.test))
            is_so = None if result is None else result == condition.wanted
        else:
            is_so = _matches(condition, read)
        if is_so is False:
            return False
        found = found and is_so
    return found


def _matches(condition: Matched, read: Reading) -> bool | None:
    subject = read(condition.subject)
    if subject is None:
        return None
    for words, wanted in ((condition.earlier, False), (condition.patterns, True)):
        for word in words:
            value = read(word)
            if value is None or (not _is_plain(word) and _GLOB.search(value.text)):
                return None
            if fnmatchcase(subject.text, value.text):
                return wanted
    return False


def _is_plain(word: Word) -> bool:
    """Whether nothing in a word is quoted: then it is a pattern as a whole."""
    return not any(char in word.text for char in "'\"\\")
