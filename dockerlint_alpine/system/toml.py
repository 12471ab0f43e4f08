"""Untrusted TOML: ``tomllib``, protected from inputs that take hours or exhaust the stack."""

from __future__ import annotations

from typing import Any

from dockerlint_alpine.system.patterns import lazy_pattern

_PART = r"(?:[\w-]++|\"[^\"\n]*+\"|'[^'\n]*+')"
_MAX_PARTS = 200
_CHAIN = lazy_pattern(rf"(?<![\w.\"'-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{_MAX_PARTS},}}")
"""A dotted key of so many parts: tomllib takes time that grows with the square of their number (64 kB: a minute)."""


class TomlError(ValueError):
    """Text that is no TOML, or none that anybody wrote; ``str()`` is one line."""


def load_toml(data: bytes) -> dict[str, Any]:
    """The document of a TOML file. Raises TomlError."""
    import tomllib

    try:
        text = data.decode("utf-8")
        for number, line in enumerate(text.split("\n"), start=1):
            if line.count(".") >= _MAX_PARTS and _CHAIN.search(line):
                raise TomlError(f"a key of more than {_MAX_PARTS} parts (at line {number})")
        return tomllib.loads(text)
    except RecursionError:
        raise TomlError("it is nested too deeply") from None
    except ValueError as error:  # tomllib's own, a byte that is not UTF-8, a number of 5,000 digits
        raise TomlError(str(error)) from None
