"""Parser directives (``# syntax=``, ``# escape=``, ``# check=``) at the top of a Dockerfile.

The rules are BuildKit's (frontend/dockerfile/parser/directives.go): directives stand before everything else, one a
line; the first line that is none ends them; each may be used once.
"""

from __future__ import annotations

from msgspec import Struct

from dockerlint_alpine.syntax.gotext import skip_space
from dockerlint_alpine.syntax.source import decode
from dockerlint_alpine.system.patterns import lazy_pattern

_DIRECTIVE = lazy_pattern(rb"([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+?)[\t\n\f\r ]*\Z")
_KNOWN = frozenset({"syntax", "escape", "check"})
_ESCAPE_TOKENS = ("\\", "`")


class Directive(Struct, frozen=True):
    """One parser directive: its name in lower case, its value, and its line (1-based)."""

    name: str
    value: str
    line: int


class DirectiveReader:
    """Reads the lines from the top of a file as long as they are directives; ``escape`` is the token in force."""

    __slots__ = ("directives", "done", "escape")

    def __init__(self) -> None:
        self.directives: list[Directive] = []
        self.escape = "\\"
        self.done = False

    def read(self, line: bytes, number: int) -> str | None:
        """Take one line (no line end, no leading white space); returns what is wrong with it, if anything."""
        match = _DIRECTIVE.match(line, skip_space(line, 1)) if line.startswith(b"#") else None
        name = match[1].decode("ascii").lower() if match else ""
        if match is None or name not in _KNOWN:
            self.done = True
            return None
        if any(directive.name == name for directive in self.directives):
            return f"only one {name} parser directive can be used"
        directive = Directive(name, decode(match[2]), number)
        self.directives.append(directive)
        if name == "escape":
            if directive.value not in _ESCAPE_TOKENS:
                return f"invalid escape token '{directive.value}': it must be ` or \\"
            self.escape = directive.value
        return None
