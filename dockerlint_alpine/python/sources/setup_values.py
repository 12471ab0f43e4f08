"""What the values of a ``setup.py`` may be, and what its operators and methods make of them. None of this runs anything."""

from __future__ import annotations

import posixpath
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any, Final

import libcst as cst
from msgspec import Struct

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_ITEMS = 5_000
MAX_TEXT = 1_000_000

_ORDER: Final[Mapping[type, Callable[[Any, Any], bool]]] = {
    cst.LessThan: lt,
    cst.LessThanEqual: le,
    cst.GreaterThan: gt,
    cst.GreaterThanEqual: ge,
}
_TEMPLATE = lazy_pattern(r"(?:[^{}]|\{\w*\})*")
"""``str.format`` without attributes and widths: neither can reach or fill anything."""
_WIDTH = lazy_pattern(r"%[^a-zA-Z%]*(?:\*|\d{3})")


class Unknown:
    """A value that only running the script would tell."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = Unknown()


class Text(str):
    """A string that remembers the line of the script where it stands."""

    __slots__ = ("line",)
    line: int | None


class Perhaps(Struct, frozen=True):
    """Stands in a list for what may be put there."""

    line: int | None
    text: str


class File:
    """The result of ``open(...)`` on a project file."""

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def lines(self) -> list[str]:
        """Its lines with their ends, as ``readlines`` and a loop give them."""
        return self.text.splitlines(keepends=True)


class Function:
    """A function; ``module`` are the names of the file that it stands in, where that is not the script."""

    def __init__(self, node: cst.FunctionDef, module: dict[str, Any] | None) -> None:
        self.node = node
        self.module = module


class Dotted:
    """A name that is not a value of the script: ``os.path.join``, ``setuptools.setup``."""

    def __init__(self, path: str) -> None:
        self.path = path

    def is_named_as(self, other: Any) -> bool:
        """Whether it is the same function of another module: ``pip.req.parse_requirements``, later ``pip._internal.req``."""
        return isinstance(other, Dotted) and other.path.rpartition(".")[2] == self.path.rpartition(".")[2]


def added(left: Any, right: Any) -> Any:
    """``left + right`` of strings or lists; what is unknown stays a part of a list."""
    if isinstance(left, str) and isinstance(right, str):
        return str(left) + str(right) if len(left) + len(right) <= MAX_TEXT else UNKNOWN
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return [*left, *right] if len(left) + len(right) <= MAX_ITEMS else UNKNOWN
    if isinstance(left, list):
        return [*left, UNKNOWN]
    return [UNKNOWN, *right] if isinstance(right, list) else UNKNOWN


def converted(name: str, arguments: Sequence[Any], keywords: Mapping[str, Any] | None) -> Any:
    """What ``int("1")``, ``bool(x)`` and ``dict(table, key=x)`` are; ``keywords`` is ``None`` where not all are known."""
    if name == "dict":
        base = arguments[0] if arguments else {}
        return {**base, **keywords} if keywords is not None and isinstance(base, dict) else UNKNOWN
    if len(arguments) != 1:
        return UNKNOWN
    first = arguments[0]
    if name == "int" and isinstance(first, str) and first.isascii() and first.isdecimal() and len(first) < 10:
        return int(first)
    return bool(first) if name == "bool" and is_plain(first) else UNKNOWN


def is_plain(value: Any) -> bool:
    """Whether it is a value as the script would have it."""
    return isinstance(value, (str, int, float, list, tuple, dict, type(None)))


def same_line(value: Any, source: Any) -> Any:
    """A string that is made of ``source`` stands where that does; any other value is left as it is."""
    if isinstance(value, str) and not isinstance(value, Text):
        found = Text(value)
        found.line = getattr(source, "line", None)
        return found
    return value


def lists(value: Any) -> list[list[Any]]:
    """The lists that are in a list."""
    return [one for one in value if isinstance(one, list)] if isinstance(value, list) else []


def strings(value: Any) -> tuple[str, ...]:
    """The strings that are in a list."""
    return tuple(str(one) for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def compared(left: Any, operator: cst.BaseCompOp, right: Any) -> Any:
    """Whether two values compare so."""
    if not is_plain(left) or not is_plain(right):
        return UNKNOWN
    match operator:
        case cst.Equal():
            return left == right
        case cst.NotEqual():
            return left != right
        case cst.Is() if right is None:
            return left is None
        case cst.IsNot() if right is None:
            return left is not None
        case cst.In() | cst.NotIn() if isinstance(right, (list, tuple, dict)) or (
            isinstance(right, str) and isinstance(left, str)
        ):
            # A list can't be looked up in a dict, where Python would stop and we go on.
            there = left in (right if isinstance(right, str) else list(right))
            return there == isinstance(operator, cst.In)
        case cst.LessThan() | cst.LessThanEqual() | cst.GreaterThan() | cst.GreaterThanEqual():
            try:
                return _ORDER[type(operator)](left, right)
            except TypeError:  # not of one kind, or it depends on what is not known
                return UNKNOWN
        case _:
            return UNKNOWN


def filled(template: str, given: Any) -> Any:
    """``template % given``."""
    arguments = tuple(given) if isinstance(given, list) else (given,)
    if _WIDTH.search(template) or not all(isinstance(one, (str, int)) for one in arguments):
        return UNKNOWN
    try:
        return str(template) % arguments
    except (TypeError, ValueError):
        return UNKNOWN


def of_table(base: dict[Any, Any], name: str, arguments: Sequence[Any]) -> Any:
    """What a method of a table gives that leaves it as it is."""
    if name == "get" and arguments and isinstance(arguments[0], str):
        return base.get(arguments[0], arguments[1] if len(arguments) > 1 else None)
    views = {
        "copy": dict(base),
        "values": list(base.values()),
        "keys": list(base),
        "items": [list(item) for item in base.items()],
    }
    return views.get(name, UNKNOWN)


def of_text(base: str, name: str, arguments: Sequence[Any]) -> Any:
    """What a method of a string gives, or of a path, which is a string here."""
    if name in {"resolve", "absolute", "as_posix", "__str__", "decode", "encode"}:
        return base
    if name == "with_name" and len(arguments) == 1 and isinstance(arguments[0], str):
        return posixpath.join(posixpath.dirname(base), arguments[0])
    if name == "joinpath":
        return posixpath.join(base, *arguments) if all(isinstance(one, str) for one in arguments) else UNKNOWN
    if name == "join" and arguments and isinstance(arguments[0], list):
        return base.join(arguments[0]) if all(isinstance(one, str) for one in arguments[0]) else UNKNOWN
    known = {
        "strip", "lstrip", "rstrip", "split", "splitlines", "lower", "upper", "startswith", "endswith", "replace",
        "partition", "rsplit", "rpartition", "title", "find", "isspace",
    }  # fmt: skip
    if name == "format" and _TEMPLATE.fullmatch(base):
        known.add(name)
    if name not in known or not all(isinstance(one, (str, int, type(None))) for one in arguments):
        return UNKNOWN
    try:
        result = getattr(str(base), name)(*arguments)
    except (TypeError, ValueError, IndexError, KeyError):
        return UNKNOWN
    if isinstance(result, str) and len(result) > MAX_TEXT:
        return UNKNOWN
    return [same_line(one, base) for one in result] if isinstance(result, (list, tuple)) else same_line(result, base)
