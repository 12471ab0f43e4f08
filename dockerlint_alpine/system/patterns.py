"""Regular expressions that are compiled when they are first used.

The modules of a check hold some 250 expressions, of which it uses a hundred; compiling all of them took a tenth of it.
"""

from __future__ import annotations

import re
from typing import AnyStr, Generic, cast

from msgspec import Struct


class _LazyPattern(Generic[AnyStr]):
    """Has no attribute of a pattern but ``pattern``; the first that is asked for compiles, and stays here."""

    def __init__(self, expression: AnyStr, flags: int) -> None:
        self.pattern: AnyStr = expression
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        value: object = getattr(re.compile(self.pattern, self._flags), name)
        setattr(self, name, value)
        return value


def lazy_pattern(expression: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What ``re.compile`` gives, for the constants of a module: compiled at its first use.

    An expression that is wrong raises ``re.error`` only then; ``re.sub(pattern, ...)`` takes no such pattern, its own
    ``pattern.sub(...)`` does.
    """
    return cast("re.Pattern[AnyStr]", _LazyPattern(expression, flags))


_REPEATS = lazy_pattern(r"[*+{?]")


def repetitions(expression: str) -> int:
    """How many repetitions an expression has."""
    return len(_REPEATS.findall(expression.replace("(?:", "(")))


class Steps(Struct, eq=False):
    """How many steps the expressions of a stranger may still take: half a second."""

    left: int = 20_000_000

    def takes(self, expression: str, length: int) -> bool:
        """Whether there are enough left for a search in so many characters, and take them: Python takes some
        ``length ** (1 + repetitions)``, as each repetition may begin and end at every place."""
        return self.spend((length + 1) ** (1 + repetitions(expression)))

    def spend(self, cost: int) -> bool:
        """Whether as many are left, and take them."""
        if cost > self.left:
            return False
        self.left -= cost
        return True
