"""A TOML file with the lines of what it says. ``tomllib`` reads it; it keeps no positions, so lines are looked up."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dockerlint_alpine.python.model import Origin, PythonError
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.toml import TomlError, load_toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.python.model import FileReader

_HEADER = lazy_pattern(r"\s*\[\[?\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?$")


class SourceError(PythonError):
    """A file that can't be read or is not what its name promises; the text names it."""


_KEPT = 2 * 1024 * 1024
"""Characters of a text that is kept for the next stage, platform or repository that has the same."""


def _parsed(text: str) -> tuple[Mapping[str, Any], Sequence[str]]:
    return load_toml(text.encode("utf-8")), text.split("\n")


_parsed_again = lru_cache(maxsize=8)(_parsed)


class TomlSource:
    """One TOML file: ``data`` as ``tomllib`` gives it (shared: not to be changed), ``path`` as the user names it."""

    def __init__(self, path: str, files: FileReader) -> None:
        """Read ``path``; raises ``SourceError`` if it can't be read or is no TOML."""
        self.path = files.display(path)
        try:
            text = files.read(path).decode("utf-8-sig").replace("\r\n", "\n")
            self.data, self.lines = (_parsed_again if len(text) <= _KEPT else _parsed)(text)
        except OSError as error:
            raise SourceError(f"{self.path} can't be read: {error.strerror or 'no such file'}") from None
        except (TomlError, UnicodeDecodeError) as error:
            raise SourceError(f"{self.path} is not valid TOML: {str(error).splitlines()[0]}") from None
        self._headers: dict[str, list[int]] | None = None

    def table(self, *keys: str) -> Mapping[str, Any]:
        """Return the table at a path of keys; an empty one where there is none or something else."""
        found: object = self.data
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def tables(self, *keys: str) -> list[Mapping[str, Any]]:
        """Return the array of tables at a path of keys; empty where there is none."""
        found: object = self.data
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def header(self, name: str, occurrence: int = 0) -> int | None:
        """Return the 1-based line of the header ``[name]`` or of the n-th ``[[name]]`` (0-based)."""
        if self._headers is None:
            self._headers = {}
            for number, line in enumerate(self.lines, start=1):
                if "[" in line and (match := _HEADER.match(line)) is not None:
                    plain = match[1].replace('"', "").replace("'", "").replace(" ", "")
                    self._headers.setdefault(plain, []).append(number)
        found = self._headers.get(name, ())
        return found[occurrence] if occurrence < len(found) else None

    def value(self, text: str, header: str) -> Origin:
        """Return the place of the string ``text`` after a header; without a line if it is written with escapes."""
        start = (self.header(header) or 1) - 1
        written = (f'"{text}"', f"'{text}'")
        for number in range(start, len(self.lines)):
            line = self.lines[number]
            if text in line and any(one in line for one in written):
                return Origin(self.path, number + 1)
        return Origin(self.path)

    def key(self, name: str, header: str) -> Origin:
        """Return the place of the key ``name`` of a table; of a sub-table header where that is how it is written."""
        nested = self.header(f"{header}.{name}")
        if nested is not None:
            return Origin(self.path, nested)
        start = self.header(header)
        pattern = re.compile(rf"\s*[\"']?{re.escape(name)}[\"']?\s*[.=]")
        for number in range(start or 0, len(self.lines)):
            if pattern.match(self.lines[number]):
                return Origin(self.path, number + 1)
            if _HEADER.match(self.lines[number]):
                break
        return Origin(self.path, start)


def texts(value: object) -> list[str]:
    """Return the strings of a list (or the one string); anything else is left out."""
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
