"""PEP 508 environment markers: the environment of a stage's interpreter and the evaluation of a marker in it.

As in :mod:`~dockerlint_alpine.python.versions`, the plain majority is evaluated here and the rest by ``packaging``
(``packaging.markers`` costs about 25 ms to import); tests hold both to the same answers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from dockerlint_alpine.python.model import PythonError, Target, normalise
from dockerlint_alpine.python.versions import InvalidSpecifierError, specifiers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_Node: TypeAlias = "tuple[str, str, str] | tuple[str, list[_Node]]"

_TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<text>'[^'\\]*'|\"[^\"\\]*\")"
    r"|(?P<op>===|==|!=|<=|>=|~=|<|>|not\s+in\b|in\b)|(?P<word>[A-Za-z_][A-Za-z0-9_]*))"
)
_PLAIN_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*(?:\.\*)?")
_VERSIONS = frozenset({"python_version", "python_full_version"})
_TEXTS = frozenset(
    {
        "os_name",
        "sys_platform",
        "platform_machine",
        "platform_python_implementation",
        "platform_system",
        "implementation_name",
        "extra",
    }
)
_MACHINES = {
    "linux/amd64": "x86_64",
    "linux/arm64": "aarch64",
    "linux/arm64/v8": "aarch64",
    "linux/arm/v7": "armv7l",
    "linux/arm/v6": "armv6l",
    "linux/arm": "armv7l",
    "linux/386": "i686",
    "linux/ppc64le": "ppc64le",
    "linux/s390x": "s390x",
    "linux/riscv64": "riscv64",
    "linux/loong64": "loongarch64",
}
LATEST_PATCH = 99
"""Stands for the patch number of an image tag that names only ``X.Y``: such a tag moves to the newest."""


class InvalidMarkerError(PythonError):
    """The text is no PEP 508 marker."""


def machine(platform: str) -> str:
    """Return what ``uname -m`` says on a Docker platform (``linux/arm/v7`` -> ``armv7l``); raises ``PythonError``."""
    parts = platform.split("/")
    for length in range(len(parts), 1, -1):
        if (found := _MACHINES.get("/".join(parts[:length]))) is not None:
            return found
    raise PythonError(f"unknown platform: {platform}")


def environment(target: Target) -> dict[str, str]:
    """Return the PEP 508 environment of ``target``. Kernel release and version are unknown and empty."""
    major, minor = target.python_version
    full = target.python if target.python.count(".") > 1 else f"{major}.{minor}.{LATEST_PATCH}"
    pypy = target.implementation == "pp"
    return {
        "implementation_name": "pypy" if pypy else "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": machine(target.platform),
        "platform_python_implementation": "PyPy" if pypy else "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": f"{major}.{minor}",
        "sys_platform": "linux",
    }


class _NotPlainError(Exception):
    """The marker uses more than the plain subset."""


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _NotPlainError
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


class _Parser:
    """Recursive descent over ``or`` < ``and`` < comparison, as PEP 508's grammar has it."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0

    def parse(self) -> _Node:
        node = self.operands("or")
        if self.at != len(self.tokens):
            raise _NotPlainError
        return node

    def next(self, kind: str) -> str:
        if self.at >= len(self.tokens) or self.tokens[self.at][0] != kind:
            raise _NotPlainError
        self.at += 1
        return self.tokens[self.at - 1][1]

    def operands(self, word: str) -> _Node:
        nodes: list[_Node] = []
        while True:
            nodes.append(self.operands("and") if word == "or" else self.comparison())
            if self.at >= len(self.tokens) or self.tokens[self.at] != ("word", word):
                return nodes[0] if len(nodes) == 1 else (word, nodes)
            self.at += 1

    def comparison(self) -> _Node:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "open":
            self.at += 1
            node = self.operands("or")
            self.next("close")
            return node
        return self.checked(self.next("word"), " ".join(self.next("op").split()), self.next("text")[1:-1])

    @staticmethod
    def checked(variable: str, operator: str, value: str) -> _Node:
        """Keep to comparisons whose meaning needs no look into ``packaging``."""
        if variable in _VERSIONS:
            if operator in {"in", "not in", "==="} or _PLAIN_VERSION.fullmatch(value) is None:
                raise _NotPlainError
            try:
                specifiers(operator + value)
            except InvalidSpecifierError:
                raise _NotPlainError from None
        elif variable not in _TEXTS or operator not in {"==", "!=", "in", "not in"}:
            raise _NotPlainError
        elif variable == "extra":
            if operator not in {"==", "!="}:
                raise _NotPlainError
            value = normalise(value)
        return variable, operator, value


@lru_cache(maxsize=8192)
def _plain(text: str) -> _Node | None:
    try:
        return _Parser(text).parse()
    except _NotPlainError:
        return None


def is_plain_marker(text: str) -> bool:
    """Tell whether a marker is valid and needs no ``packaging`` to be evaluated."""
    return _plain(text) is not None


def _holds(node: _Node, values: Mapping[str, str]) -> bool:
    if len(node) == 2:
        word, nodes = node
        return any(_holds(one, values) for one in nodes) if word == "or" else all(_holds(one, values) for one in nodes)
    variable, operator, value = node
    own = values[variable]
    if variable in _VERSIONS:
        return specifiers(operator + value).contains(own)
    if operator in {"==", "!="}:
        return (own == value) == (operator == "==")
    return (own in value) == (operator == "in")


def check_marker(text: str) -> None:
    """Raise ``InvalidMarkerError`` unless ``text`` is a PEP 508 marker."""
    if _plain(text) is None:
        from packaging.markers import InvalidMarker, Marker

        try:
            Marker(text)
        except InvalidMarker as error:
            raise InvalidMarkerError(str(error).splitlines()[0]) from None


def applies(marker: str | None, values: Mapping[str, str], extras: Iterable[str] = ()) -> bool:
    """Tell whether a marker holds in the environment ``values`` for one of the wanted ``extras`` (or for none of them).

    pip: ``InstallRequirement.match_markers``. Raises ``InvalidMarkerError``.
    """
    if marker is None:
        return True
    node = _plain(marker)
    wanted = [normalise(extra) for extra in extras] or [""]
    if node is not None:
        return any(_holds(node, {**values, "extra": extra}) for extra in wanted)
    from packaging.markers import InvalidMarker, Marker, UndefinedComparison

    try:
        parsed = Marker(marker)
        return any(parsed.evaluate({**values, "extra": extra}) for extra in wanted)
    except (InvalidMarker, UndefinedComparison) as error:
        raise InvalidMarkerError(str(error).splitlines()[0]) from None
