"""What BuildKit asks of an instruction's arguments (frontend/dockerfile/instructions/parse.go, the parser's share)."""

from __future__ import annotations

from dockerlint_alpine.syntax.instruction import Instruction, assignment_words

_AT_LEAST_ONE = frozenset({"ARG", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "SHELL", "VOLUME"})
_EXACTLY_ONE = frozenset({"MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"})
_NOT_IN_ONBUILD = frozenset({"FROM", "MAINTAINER", "ONBUILD"})


def argument_problem(instruction: Instruction, *, in_onbuild: bool) -> str | None:
    """Why BuildKit would refuse this instruction, in one line, or ``None``."""
    keyword = instruction.keyword
    if in_onbuild and keyword in _NOT_IN_ONBUILD:
        return f"{keyword} isn't allowed as an ONBUILD trigger"
    if not instruction.source:
        return _missing(keyword)
    check = _CHECKS.get(keyword)
    return check(instruction) if check else None


def _missing(keyword: str) -> str | None:
    if keyword in _AT_LEAST_ONE:
        return f"{keyword} requires at least one argument"
    if keyword in _EXACTLY_ONE:
        return f"{keyword} requires exactly one argument"
    if keyword in ("ADD", "COPY"):
        return f"{keyword} requires at least two arguments"
    return "FROM requires either one or three arguments" if keyword == "FROM" else None


def _bad_from(instruction: Instruction) -> str | None:
    words = instruction.words()
    if len(words) == 1 or (len(words) == 3 and words[1].text.lower() == "as"):
        return None
    return "FROM requires either one or three arguments"


def _bad_copy(instruction: Instruction) -> str | None:
    if len(instruction.words()) >= 2:
        return None
    return f"{instruction.keyword} requires at least two arguments, but only one was provided"


def _bad_shell(instruction: Instruction) -> str | None:
    return None if instruction.json else "SHELL requires the arguments to be in JSON form"


def _bad_pairs(instruction: Instruction) -> str | None:
    words = assignment_words(instruction.source, instruction.escape)
    if not words:
        return f"{instruction.keyword} requires at least one argument"
    if "=" not in words[0].text:
        return None if len(instruction.value.split(None, 1)) == 2 else f"{instruction.keyword} must have two arguments"
    broken = next((word for word in words if "=" not in word.text), None)
    if broken is None:
        return None
    return f'Syntax error - can\'t find = in "{broken}". Must be of the form: name=value'


_CHECKS = {
    "ADD": _bad_copy,
    "COPY": _bad_copy,
    "ENV": _bad_pairs,
    "FROM": _bad_from,
    "LABEL": _bad_pairs,
    "SHELL": _bad_shell,
}
