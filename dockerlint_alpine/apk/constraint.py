"""What a package needs or provides, in apk's notation: ``[!]name[@tag][op version]`` and ``name[=version]``.

The notation and its quirks follow apk_blob_pull_dep() and apk_dep_is_provided() of apk-tools 2.14 (src/package.c).
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from dockerlint_alpine.apk.errors import ConstraintError
from dockerlint_alpine.apk.version import ANY, CHECKSUM, EQUAL, FUZZY, GREATER, LESS, Dialect, compare, is_valid
from dockerlint_alpine.system.patterns import lazy_pattern

_TOKEN = lazy_pattern(r"(!?)([^<=>~]*)(?:([<=>~]+)(.*))?", re.DOTALL)
_BITS = {"<": LESS, ">": GREATER, "=": EQUAL, "~": EQUAL | FUZZY}
_OPERATORS = {
    ANY: "",
    LESS: "<",
    LESS | EQUAL: "<=",
    LESS | EQUAL | FUZZY: "<~",
    EQUAL | FUZZY: "~",
    EQUAL: "=",
    GREATER | EQUAL: ">=",
    GREATER | EQUAL | FUZZY: ">~",
    GREATER: ">",
    CHECKSUM: "><",
}


class Constraint(Struct, frozen=True):
    """One dependency, ``install_if`` condition or world entry.

    ``version`` is ``None`` where any version will do, ``conflict`` is the leading ``!``, ``tag`` the repository tag
    without its ``@``. ``mask`` holds the operator as bits of :mod:`.version`.
    """

    name: str
    version: str | None = None
    mask: int = ANY
    conflict: bool = False
    tag: str | None = None

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Read ``text`` as apk does.

        Raises:
            ConstraintError: for an empty name, white space, or a version that is none.

        """
        return _parse(text)

    @property
    def op(self) -> str:
        """The operator as apk prints it (``=~`` becomes ``~``); empty without a version."""
        return "" if self.version is None else _OPERATORS.get(self.mask, "?")

    def matches(self, version: str | None, *, dialect: Dialect = 2) -> bool:
        """True if a provider of this name with ``version`` (``None``: provided without one) is what is asked for.

        A leading ``!`` is not considered; a checksum (``><``) matches no version. To apk-tools 3 a name that is provided
        without a version is older than every version.
        """
        if self.mask == ANY:
            return True
        if self.mask == CHECKSUM or self.version is None:
            return False
        if version is None:
            return dialect == 3 and bool(self.mask & LESS)
        return bool(compare(version, self.version, fuzzy=bool(self.mask & FUZZY), dialect=dialect) & self.mask)

    def __str__(self) -> str:
        tag = f"@{self.tag}" if self.tag else ""
        return f"{'!' if self.conflict else ''}{self.name}{tag}{self.op}{self.version or ''}"


@lru_cache(maxsize=65536)
def _parse(text: str) -> Constraint:
    found = _TOKEN.fullmatch(text)
    if found is None or not text or any(char in text for char in " \t\r\n"):
        raise ConstraintError(f"'{text}' is not a valid dependency, format is name(@tag)([<>~=]version)")
    bang, name, operator, version = found.groups()
    name, _, tag = name.partition("@")
    mask = ANY
    if operator:
        mask = 0
        for char in operator:
            mask |= _BITS[char]
    if not name or (operator and mask != CHECKSUM and not (version and is_valid(version))):
        raise ConstraintError(f"'{text}' is not a valid dependency, format is name(@tag)([<>~=]version)")
    return Constraint(name, version if operator else None, mask, bool(bang), tag or None)


class Provide(Struct, frozen=True):
    """A name that a package provides besides its own; ``version`` is ``None`` where it is provided without one."""

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}={self.version}"
