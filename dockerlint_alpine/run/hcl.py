"""HCL, as far as its values stand in the file: blocks, and expressions that are worked out without running anything.

The grammar is python-hcl2's, which is imported when a file is read. The meaning is that of HCL's native syntax
specification and of the functions that ``docker buildx bake`` offers. What only a build knows (a variable without a
default, a function that is not known here) stands as :class:`Unknown`, written ``${NAME}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, TypeAlias

from msgspec import Struct, field

from dockerlint_alpine.run.builds import BuildFileError
from dockerlint_alpine.system.patterns import lazy_pattern

Value: TypeAlias = Any
"""``None``, a truth value, number or text, and lists and mappings of them."""

MAX_SIZE = 128 * 1024
"""Bytes of a file."""

_MAX_STEPS = 50_000
"""Parts of expressions that are worked out for one file."""
_MAX_DEPTH = 48
_MAX_TEXT = 64 * 1024
_MAX_ITEMS = 4096
_MAX_NESTING = 200
_BLANKS = lazy_pattern(rb"[ \t\r\n]{400}")
"""White space that a pattern of the grammar would be slow on, and nobody writes."""


class Unknown(str):
    """Text that holds something which only a build knows, written ``${NAME}`` there."""

    __slots__ = ()


class Block(Struct):
    """A block with its labels: ``target "app" { ... }``; attributes by name, and the line (1-based) it begins in."""

    kind: str
    labels: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    line: int = 1


class _Function(Struct, frozen=True):
    params: tuple[str, ...]
    variadic: str | None
    result: Any


def read_hcl(data: bytes) -> tuple[dict[str, Any], list[Block]]:
    """The attributes at the top of a file, and its blocks. Raises BuildFileError."""
    text = _text(data)
    depth = 0
    for bracket in re.finditer(r"[\[({]|[\])}]", text):
        depth = depth + 1 if bracket[0] in "[({" else max(0, depth - 1)
        if depth > _MAX_NESTING:
            raise BuildFileError("not a readable bake file: it nests too deeply")
    body = _parsed(text if text.endswith("\n") else f"{text}\n").children[0]
    attributes, blocks = _body(body)
    return attributes, blocks


def read_hcl_json(data: bytes) -> tuple[dict[str, Any], list[Block]]:
    """Read a file in HCL's JSON form, whose texts are templates, as :func:`read_hcl` does. Raises BuildFileError."""
    try:
        document = json.loads(_text(data))
    except (ValueError, RecursionError):
        raise BuildFileError("not a readable JSON file") from None
    if not isinstance(document, dict):
        raise BuildFileError("not a bake file: it has no targets")
    attributes: dict[str, Any] = {}
    blocks: list[Block] = []
    for kind, named in document.items():
        if kind not in {"variable", "function", "group", "target"}:
            attributes[kind] = _Json(named)
            continue
        for one in named if isinstance(named, list) else [named]:
            for label, body in one.items() if isinstance(one, dict) else ():
                for each in body if isinstance(body, list) else [body]:
                    if isinstance(each, dict):
                        inner = {name: _Json(value) for name, value in each.items()}
                        blocks.append(Block(kind, (label,), inner))
    return attributes, blocks


class _Json(Struct, frozen=True):
    """A value of a JSON file, not yet worked out."""

    value: Any


def _text(data: bytes) -> str:
    if _BLANKS.search(data):
        raise BuildFileError("not a readable bake file: it has hundreds of blanks in a row")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BuildFileError("not a readable bake file: it is not UTF-8") from None


def _parsed(text: str) -> Any:
    import hcl2
    from lark.exceptions import LarkError

    try:
        return hcl2.parses_to_tree(text)
    except LarkError as error:
        line = getattr(error, "line", -1)
        where = f" (line {line})" if isinstance(line, int) and line > 0 else ""
        raise BuildFileError(f"not a readable bake file{where}") from None
    except (RecursionError, ValueError, AssertionError):
        raise BuildFileError("not a readable bake file") from None


def _parts(tree: Any) -> list[Any]:
    """The children of a node that mean something: no brackets, commas, comments or line ends."""
    return [child for child in tree.children if hasattr(child, "data") and child.data != "new_line_or_comment"]


def _body(body: Any) -> tuple[dict[str, Any], list[Block]]:
    attributes: dict[str, Any] = {}
    blocks: list[Block] = []
    for part in _parts(body):
        if part.data == "attribute":
            name, value = _parts(part)[:2]
            attributes[_name(name)] = value
        elif part.data == "block":
            kind, *labels, inner = _parts(part)
            own, _ = _body(inner)
            blocks.append(Block(_name(kind), tuple(map(_name, labels)), own, part.meta.line))
    return attributes, blocks


def _name(tree: Any) -> str:
    """A name or a quoted label."""
    if tree.data == "string":
        return "".join(str(part.children[0]) for part in _parts(tree) if not hasattr(part.children[0], "data"))
    return str(tree.children[0])


class Evaluator:
    """Works out expressions of one file. ``variables`` and ``functions`` are its blocks of these kinds, by name.

    Raises BuildFileError where a file is too much work.
    """

    def __init__(self, attributes: Mapping[str, Any], blocks: Sequence[Block]) -> None:
        self._expressions: dict[str, Any] = dict(attributes)
        self._functions: dict[str, _Function] = {}
        self._values: dict[str, Value] = {}
        self._steps = self._depth = 0
        for block in blocks:
            name = block.labels[0] if block.labels else ""
            if block.kind == "variable":
                self._expressions[name] = block.attributes.get("default")
            elif block.kind == "function" and "result" in block.attributes:
                self._functions[name] = _Function(
                    self._names(block.attributes.get("params")),
                    next(iter(self._names(block.attributes.get("variadic_params"))), None),
                    block.attributes["result"],
                )

    def value(self, expression: Any, local: Mapping[str, Value] | None = None) -> Value:
        """The value of an expression, ``local`` names before those of the file."""
        self._steps += 1
        if self._steps > _MAX_STEPS:
            raise BuildFileError("not a readable bake file: it is too complex")
        if self._depth >= _MAX_DEPTH:
            return Unknown("${...}")
        self._depth += 1
        try:
            return _limited(self._value(expression, local or {}))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, re.error):
            return Unknown("${...}")
        finally:
            self._depth -= 1

    def _names(self, expression: Any) -> tuple[str, ...]:
        """The identifiers of ``params = [a, b]``."""
        if isinstance(expression, _Json):
            return tuple(str(one) for one in expression.value) if isinstance(expression.value, list) else ()
        found: list[str] = []
        pending = [expression] if expression is not None else []
        while pending:
            tree = pending.pop()
            if tree.data == "identifier":
                found.append(_name(tree))
            else:
                pending.extend(reversed(_parts(tree)))
        return tuple(found)

    def _value(self, expression: Any, local: Mapping[str, Value]) -> Value:
        if expression is None:
            return None
        if isinstance(expression, _Json):
            return self._of_json(expression.value, local)
        kind = str(expression.data)
        if kind in {"expr_term", "interpolation", "template_string"}:
            return self._value(_parts(expression)[0], local)
        method = getattr(self, f"_{kind}", None)
        return method(expression, local) if method is not None else Unknown("${...}")

    def _of_json(self, value: Any, local: Mapping[str, Value]) -> Value:
        if isinstance(value, str):
            return self.template(value, local)
        if isinstance(value, list):
            return [self.value(_Json(one), local) for one in value[:_MAX_ITEMS]]
        if isinstance(value, dict):
            return {name: self.value(_Json(one), local) for name, one in list(value.items())[:_MAX_ITEMS]}
        return value

    # -- literals --------------------------------------------------------------------------------------------------

    def _literal_value(self, tree: Any, _: Mapping[str, Value]) -> Value:
        return {"true": True, "false": False}.get(str(tree.children[0]))

    def _int_lit(self, tree: Any, _: Mapping[str, Value]) -> Value:
        return int(str(tree.children[0])[:40])

    def _float_lit(self, tree: Any, _: Mapping[str, Value]) -> Value:
        return float(str(tree.children[0])[:40])

    def _string(self, tree: Any, local: Mapping[str, Value]) -> Value:
        parts: list[Value] = []
        for part in _parts(tree):
            child = part.children[0]
            if hasattr(child, "data"):
                parts.append(self.value(child, local) if child.data == "interpolation" else Unknown("%{...}"))
            elif child.type == "STRING_CHARS":
                parts.append(_unescaped(str(child)))
            else:
                parts.append(str(child)[1:])  # $${ and %%{
        return _joined(parts)

    def _heredoc_template(self, tree: Any, local: Mapping[str, Value]) -> Value:
        return self.template(_heredoc_text(tree), local)

    def _heredoc_template_trim(self, tree: Any, local: Mapping[str, Value]) -> Value:
        lines = _heredoc_text(tree).splitlines(keepends=True)
        indents = [len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()]
        cut = min(indents, default=0)
        return self.template("".join(line[cut:] if line.strip() else line.lstrip(" \t") for line in lines), local)

    def template(self, text: str, local: Mapping[str, Value]) -> Value:
        """A text whose ``${...}`` are expressions."""
        parts: list[Value] = []
        position = 0
        while (start := text.find("${", position)) >= 0:
            if text[start - 1 : start] == "$":
                parts.append(text[position : start - 1] + "${")
                position = start + 2
                continue
            end = _closing(text, start + 2)
            if end < 0:
                break
            parts.append(text[position:start])
            self._steps += 50
            inner = _parsed(f"x = {text[start + 2 : end]}\n").children[0]
            parts.append(self.value(_body(inner)[0].get("x"), local))
            position = end + 1
        parts.append(text[position:].replace("%%{", "%{"))
        return _joined([part for part in parts if part != ""] or [""])

    def _tuple(self, tree: Any, local: Mapping[str, Value]) -> Value:
        return [self.value(part, local) for part in _parts(tree)]

    def _object(self, tree: Any, local: Mapping[str, Value]) -> Value:
        found: dict[str, Value] = {}
        for element in _parts(tree):
            key, value = _parts(element)[:2]
            found[self._key(_parts(key)[0], local)] = self.value(value, local)
        return found

    def _key(self, tree: Any, local: Mapping[str, Value]) -> str:
        """A name stands for itself; anything else is worked out."""
        inner = tree
        while inner.data == "expr_term" and len(inner.children) == 1:
            inner = inner.children[0]
        return _name(inner) if inner.data in {"identifier", "keyword"} else _shown(self.value(tree, local))

    # -- names and operators ---------------------------------------------------------------------------------------

    def _identifier(self, tree: Any, local: Mapping[str, Value]) -> Value:
        return self.variable(_name(tree), local)

    def variable(self, name: str, local: Mapping[str, Value]) -> Value:
        """The value of a name; a variable of the file without a default is the environment's to say."""
        if name in local:
            return local[name]
        if name not in self._values:
            self._values[name] = Unknown("${" + name + "}")  # of one that rests on itself
            if self._expressions.get(name) is not None:
                self._values[name] = self.value(self._expressions[name])
        return self._values[name]

    def _conditional(self, tree: Any, local: Mapping[str, Value]) -> Value:
        test, one, other = _parts(tree)[:3]
        chosen = self.value(test, local)
        if isinstance(chosen, Unknown) or not isinstance(chosen, bool):
            return Unknown("${...}")
        return self.value(one if chosen else other, local)

    def _unary_op(self, tree: Any, local: Mapping[str, Value]) -> Value:
        value = self.value(_parts(tree)[0], local)
        if isinstance(value, Unknown):
            return value
        return not value if str(tree.children[0]) == "!" else -value

    def _binary_op(self, tree: Any, local: Mapping[str, Value]) -> Value:
        left, term = _parts(tree)[:2]
        operator, right = _parts(term)[:2]
        sign = str(operator.children[-1]).strip()
        values = self.value(left, local), self.value(right, local)
        if any(isinstance(value, Unknown) for value in values):
            return Unknown("${...}")
        return _OPERATORS[sign](*values)

    def _index_expr_term(self, tree: Any, local: Mapping[str, Value]) -> Value:
        of, index = _parts(tree)[:2]
        at = self.value(_parts(index)[0], local) if index.data == "braces_index" else int(str(index.children[-1]))
        return self.value(of, local)[at]

    def _get_attr_expr_term(self, tree: Any, local: Mapping[str, Value]) -> Value:
        of, name = _parts(tree)[:2]
        return self.value(of, local)[_name(_parts(name)[0])]

    # -- loops and functions ---------------------------------------------------------------------------------------

    def _rounds(self, intro: Any, condition: Any, local: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
        *names, source = _parts(intro)
        values = self.value(source, local)
        pairs = values.items() if isinstance(values, dict) else enumerate(values)
        for key, value in list(pairs)[:_MAX_ITEMS]:
            inner = {**local, _name(names[-1]): value}
            if len(names) > 1:
                inner[_name(names[0])] = key
            if condition is None or self.value(_parts(condition)[-1], inner) is True:
                yield inner

    def _for_tuple_expr(self, tree: Any, local: Mapping[str, Value]) -> Value:
        intro, expression, *condition = _parts(tree)
        return [self.value(expression, inner) for inner in self._rounds(intro, next(iter(condition), None), local)]

    def _for_object_expr(self, tree: Any, local: Mapping[str, Value]) -> Value:
        intro, key, expression, *condition = _parts(tree)
        rounds = self._rounds(intro, next(iter(condition), None), local)
        return {_shown(self.value(key, inner)): self.value(expression, inner) for inner in rounds}

    def _function_call(self, tree: Any, local: Mapping[str, Value]) -> Value:
        name, *rest = _parts(tree)
        called = _name(name)
        args = [self.value(part, local) for part in _parts(rest[0])] if rest else []
        own = self._functions.get(called)
        if own is not None:
            inner: dict[str, Value] = dict(zip(own.params, args, strict=False))
            if own.variadic is not None:
                inner[own.variadic] = args[len(own.params) :]
            return self.value(own.result, inner)
        function = _FUNCTIONS.get(called)
        if function is None or any(isinstance(arg, Unknown) for arg in args if called not in _TAKE_UNKNOWN):
            return Unknown("${" + called + "()}")
        return function(*args)


def combinations(matrix: Mapping[str, Sequence[Value]], limit: int) -> list[dict[str, Value]]:
    """Every choice of one value for each name, in order; at most ``limit``. Raises BuildFileError for more."""
    count = 1
    for values in matrix.values():
        count *= len(values)
    if count > limit:
        raise BuildFileError(f"not a readable bake file: a matrix of {count} targets")
    return [dict(zip(matrix, chosen, strict=True)) for chosen in product(*matrix.values())]


def _limited(value: Value) -> Value:
    if isinstance(value, str) and len(value) > _MAX_TEXT:
        return Unknown("${...}")
    if isinstance(value, (list, dict)) and len(value) > _MAX_ITEMS:
        return Unknown("${...}")
    return value


def _heredoc_text(tree: Any) -> str:
    lines = str(tree.children[0]).rstrip("\r\n").splitlines(keepends=True)
    return "".join(lines[1:-1])


def _closing(text: str, position: int) -> int:
    """Where the ``}`` of an interpolation is that begins before ``position``; -1 where there is none."""
    depth, quoted = 0, False
    for index in range(position, min(len(text), position + 4096)):
        character = text[index]
        if character == '"' and text[index - 1] != "\\":
            quoted = not quoted
        elif quoted:
            continue
        elif character == "{":
            depth += 1
        elif character == "}":
            if not depth:
                return index
            depth -= 1
    return -1


_ESCAPE = lazy_pattern(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t"}


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else _SIMPLE.get(match[2], match[2]), text)


def _joined(parts: Sequence[Value]) -> Value:
    """A template of these parts; one interpolation alone keeps its kind."""
    if len(parts) == 1:
        return parts[0]
    text = "".join(map(_shown, parts))
    return Unknown(text) if any(isinstance(part, Unknown) for part in parts) else text


def _shown(value: Value) -> str:
    """A value as a template writes it. Raises ValueError for what is no single one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError("no single value")


def _flat(values: Sequence[Value]) -> list[Value]:
    found: list[Value] = []
    for value in values:
        found.extend(_flat(value) if isinstance(value, list) else [value])
    return found


def _format(text: str, *args: Value) -> str:
    left = iter(args)
    return re.sub(r"%(?:[sdvq]|%)", lambda match: "%" if match[0] == "%%" else _shown(next(left)), text)


def _merged(*mappings: Mapping[str, Value]) -> Mapping[str, Value]:
    return {name: value for mapping in mappings for name, value in mapping.items()}


_OPERATORS: Mapping[str, Callable[[Value, Value], Value]] = {
    "==": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "&&": lambda one, other: one and other,
    "||": lambda one, other: one or other,
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other if abs(one) < _FAR and abs(other) < _FAR else None,
    "/": lambda one, other: one / other,
    "%": lambda one, other: one % other,
}
_FAR = 1 << 64

_TAKE_UNKNOWN = frozenset({"concat", "compact", "distinct", "flatten", "join", "merge"})
"""Functions that only move what they are given."""

_FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "and": lambda one, other: one and other,
    "or": lambda one, other: one or other,
    "not": lambda one: not one,
    "equal": lambda one, other: one == other,
    "notequal": lambda one, other: one != other,
    "coalesce": lambda *args: next((one for one in args if one not in {None, ""}), None),
    "compact": lambda values: [one for one in values if one not in {None, ""}],
    "concat": lambda *lists: [one for values in lists for one in values],
    "contains": lambda values, one: one in values,
    "distinct": lambda values: list(dict.fromkeys(values)),
    "element": lambda values, at: values[at % len(values)],
    "flatten": _flat,
    "format": _format,
    "formatlist": lambda text, values: [_format(text, one) for one in values],
    "join": lambda mark, values: _joined([part for one in values for part in (mark, one)][1:] or [""]),
    "keys": sorted,
    "length": len,
    "lookup": lambda mapping, name, *default: mapping.get(name, *default),
    "lower": lambda text: text.lower(),
    "merge": _merged,
    "replace": lambda text, old, new: text.replace(old, new) if len(text) * len(new) < _MAX_TEXT * 64 else None,
    "reverse": lambda values: values[::-1],
    "sort": sorted,
    "split": lambda mark, text: text.split(mark),
    "strlen": len,
    "substr": lambda text, start, length: text[start : start + length if length >= 0 else None],
    "title": lambda text: re.sub(r"(?<!\S)\S", lambda match: match[0].upper(), text),
    "trim": lambda text, characters: text.strip(characters),
    "trimprefix": lambda text, prefix: text.removeprefix(prefix),
    "trimspace": lambda text: text.strip(),
    "trimsuffix": lambda text, suffix: text.removesuffix(suffix),
    "try": lambda *args: args[0],
    "upper": lambda text: text.upper(),
    "values": lambda mapping: [mapping[name] for name in sorted(mapping)],
}
"""Functions of bake's standard library (docker/buildx: bake/hclparser/stdlib.go) that say the same everywhere."""
