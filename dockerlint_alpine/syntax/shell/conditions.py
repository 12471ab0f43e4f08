"""Conditions that the platform decides: ``[ "$TARGETARCH" = arm64 ]``, ``case $(uname -m) in armv7*)``.

Others are left open, even where a variable has a value: who builds may give it another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from dockerlint_alpine.syntax.shell.model import Command, Matched, Scope, Tested
from dockerlint_alpine.syntax.shell.words import Word, names_in
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


def outcome(command: Command, facts: Facts) -> bool | None:
    """Whether a test succeeds (POSIX ``test``, bash's ``[[``); ``None`` where that is not for the platform to decide."""
    words = list(command.words)
    closing = {"[": "]", "[[": "]]", "test": ""}.get(command.name)
    if closing is None or (closing and (len(words) < 2 or words.pop().text != closing)):
        return None
    if not any("$" in word.text or "`" in word.text for word in words):
        return None  # a test of nothing stands for one that its author has in mind
    values = [fact(word, facts) for word in words[1:]]
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
    scopes: Sequence[Scope], facts: Facts, outcomes: Mapping[int, bool | None], decided: dict[int, bool | None]
) -> bool | None:
    """Whether a command in these branches runs, with the ``outcomes`` of earlier tests by their ``id``. What is ``decided``
    of a branch where it begins, by its number, holds to its end."""
    found: bool | None = True
    for scope in scopes:
        if scope.kind == "branch":
            if scope.number not in decided:
                decided[scope.number] = _decided(scope, facts, outcomes)
            if decided[scope.number] is False:
                return False
            found = found and decided[scope.number]
    return found


def _decided(scope: Scope, facts: Facts, outcomes: Mapping[int, bool | None]) -> bool | None:
    found: bool | None = bool(scope.conditions) or None
    for condition in scope.conditions:
        if isinstance(condition, Tested):
            result = outcomes.get(id(condition.test))
            holds = None if result is None else result == condition.wanted
        else:
            holds = _matches(condition, facts)
        if holds is False:
            return False
        found = found and holds
    return found


def _matches(condition: Matched, facts: Facts) -> bool | None:
    subject = fact(condition.subject, facts)
    if subject is None:
        return None
    for words, wanted in ((condition.earlier, False), (condition.patterns, True)):
        for word in words:
            value = fact(word, facts)
            if value is None or (not _is_plain(word) and _GLOB.search(value.text)):
                return None
            if fnmatchcase(subject.text, value.text):
                return wanted
    return False


def _is_plain(word: Word) -> bool:
    """Whether nothing in a word is quoted: then it is a pattern as a whole."""
    return not any(char in word.text for char in "'\"\\")
