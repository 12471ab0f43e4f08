"""Dataclasses whose methods are written when they are first needed.

:func:`dataclasses.dataclass` compiles up to eight functions for each class while its module is imported, half a
millisecond a class. A check imports a hundred and forty of them, uses a third, and took more time for this than for the
Dockerfile. Here a class gets its fields at once (:func:`dataclasses.fields`, ``replace``, ``asdict`` work as ever),
its ``__init__`` is compiled when there are many objects, and the other methods are shared. This module knows nothing of
what we do and stands beside the standard library: every layer may import it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, TypeVar, cast, dataclass_transform, overload

_T = TypeVar("_T")
_ABSENT = object()
_BY_HAND = 25
"""Objects; compiling an ``__init__`` takes as long as filling that many of them by hand takes longer."""


@overload
def dataclass(cls: type[_T], /) -> type[_T]: ...
@overload
def dataclass(*, frozen: bool = ..., slots: bool = ..., eq: bool = ...) -> Callable[[type[_T]], type[_T]]: ...
@dataclass_transform(field_specifiers=(dataclasses.field,))
def dataclass(
    cls: type[_T] | None = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True
) -> type[_T] | Callable[[type[_T]], type[_T]]:
    """Make a class a dataclass, as :func:`dataclasses.dataclass` does with the same arguments.

    Keyword-only fields and ``InitVar`` are not supported: nothing here needs them.
    """

    def made(named: type[_T]) -> type[_T]:
        return cast("type[_T]", _record(named, frozen=frozen, slots=slots, eq=eq))

    return made if cls is None else made(cls)


def _record(cls: Any, *, frozen: bool, slots: bool, eq: bool) -> Any:
    if cls.__doc__ is None:
        cls.__doc__ = ""  # or the standard library writes a signature there, which takes longer than all the rest
    own = vars(cls)
    cls = dataclasses.dataclass(cls, init=False, repr=False, eq=False, slots=slots)
    methods: dict[str, Any] = {"__init__": _first_init(cls, frozen=frozen), "__repr__": _repr}
    if eq:
        methods |= _comparison(cls)
        if not frozen:
            methods["__hash__"] = None
    if frozen:
        methods |= _frozen(cls)
        if slots:
            methods |= {"__getstate__": _get_state, "__setstate__": _set_state}
    for name, method in methods.items():
        if name not in own or (name == "__hash__" and own[name] is None):
            setattr(cls, name, method)
    return cls


def _first_init(cls: Any, *, frozen: bool) -> Callable[..., None]:
    """An ``__init__`` that fills the first objects field by field, and puts the compiled one in its place after them."""
    left = _BY_HAND

    def __init__(self: Any, *values: Any, **named: Any) -> None:  # noqa: N807 - what tracebacks show
        nonlocal left
        left -= 1
        if left < 0 or not _filled(self, cls, values, named):
            cls.__init__ = init = _init(cls, frozen=frozen)
            init(self, *values, **named)

    return __init__


def _filled(self: Any, cls: Any, values: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """Set every field; false where the arguments are wrong, for the compiled function to say how."""
    given = iter(values)
    used = 0
    for field in cls.__dataclass_fields__.values():
        value = next(given, _ABSENT) if field.init else _ABSENT
        if value is _ABSENT and field.init and field.name in named:
            value = named[field.name]
            used += 1
        if value is _ABSENT:
            if field.default is not dataclasses.MISSING:
                value = field.default
            elif field.default_factory is not dataclasses.MISSING:
                value = field.default_factory()
            else:
                return False
        object.__setattr__(self, field.name, value)
    if used != len(named) or next(given, _ABSENT) is not _ABSENT:
        return False
    if hasattr(cls, "__post_init__"):
        self.__post_init__()
    return True


def _init(cls: Any, *, frozen: bool) -> Callable[..., None]:
    names: dict[str, Any] = {"_set": object.__setattr__, "_missing": dataclasses.MISSING}
    parameters, body = ["self"], []
    for field in dataclasses.fields(cls):
        name = field.name
        value = name
        if field.default_factory is not dataclasses.MISSING:
            names[f"_new_{name}"] = field.default_factory
            value = f"_new_{name}() if {name} is _missing else {name}" if field.init else f"_new_{name}()"
            parameters += [f"{name}=_missing"] if field.init else []
        elif field.default is not dataclasses.MISSING:
            names[f"_default_{name}"] = field.default
            value = name if field.init else f"_default_{name}"
            parameters += [f"{name}=_default_{name}"] if field.init else []
        else:
            parameters.append(name)
        if not frozen:
            body.append(f"self.{name} = {value}")
        elif name in getattr(cls, "__slots__", ()):
            names[f"_set_{name}"] = getattr(cls, name).__set__  # no look-up of the name at all
            body.append(f"_set_{name}(self, {value})")
        else:
            body.append(f"_set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    text = f"def __init__({', '.join(parameters)}):\n " + "\n ".join(body or ["pass"])
    exec(text, names)  # noqa: S102 - as dataclasses does; the names are the class's own
    init: Callable[..., None] = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _comparison(cls: Any) -> dict[str, Callable[..., Any]]:
    """``__eq__`` and ``__hash__`` over the fields that count; objects of other classes are never equal."""
    names = [field.name for field in dataclasses.fields(cls) if field.compare]
    values: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def __eq__(self: Any, other: object) -> Any:  # noqa: N807
        if self is other:
            return True
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def _frozen(cls: Any) -> dict[str, Callable[..., None]]:
    def refuse(self: Any, name: str) -> None:
        if type(self) is cls or name in cls.__dataclass_fields__:
            raise dataclasses.FrozenInstanceError(f"cannot change field {name!r}")

    def __setattr__(self: Any, name: str, value: object) -> None:  # noqa: N807
        refuse(self, name)
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        refuse(self, name)
        super(cls, self).__delattr__(name)

    return {"__setattr__": __setattr__, "__delattr__": __delattr__}


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
