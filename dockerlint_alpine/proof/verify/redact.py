"""Redacts secrets, by value, in everything that is printed or written; this is the only place that does.

Values are learnt from where they are given (environment, build arguments, secrets, captures of probes) by the look of
their names; known shapes (bearer tokens, JWTs, userinfo of URLs) are taken out wherever they stand. The URL-encoded and
base64 forms of a value go too: a masked value that is merely encoded is not a secret (azure-pipelines-tasks#14293).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from dockerlint_alpine.system.patterns import lazy_pattern

_SECRET_NAME = lazy_pattern(
    r"(?i)(?:^|[^a-z])(?:pass|passwd|passphrase|pwd|pw|secret|token|credential|credentials|cookie|session|dsn|auth|bearer|"
    r"jwt|key|salt|signature|private|cert|sas)(?:$|[^a-z])|password|passwd|secret|token|apikey|api[_-]?key|credential|"
    r"private[_-]?key|connection[_-]?string"
)
_WITH_USERINFO = lazy_pattern(r"(?P<head>\b[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<user>[^\s:/@'\"]*):(?P<secret>[^\s@/'\"]+)@")
_BEARER = lazy_pattern(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}")
_JWT = lazy_pattern(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*")
_SHORT = 6
_NOT_SECRET = frozenset({"", "true", "false", "yes", "no", "none", "null", "on", "off", "0", "1"})


def looks_secret(name: str) -> bool:
    """Whether a variable of this name holds what nobody else should read."""
    return _SECRET_NAME.search(re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)) is not None


class Redactor:
    """Knows the secrets of a run and takes them out of text."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def learn(self, name: str, value: str) -> None:
        """Remember a value as secret, whatever its name; lines of a longer one (a key file) each count."""
        for part in {value, value.strip(), *(line.strip() for line in value.splitlines())}:
            if part.lower() in _NOT_SECRET or (part != value.strip() and len(part) < _SHORT):
                continue
            for form in _forms(part):
                self._names.setdefault(form, name)
        self._pattern = None

    def learn_environment(self, variables: Mapping[str, str]) -> None:
        """Remember the values whose names look secret, and passwords within URLs under any name.

        A short one that stands under a plain name, too (a user called as the password is), is a word like any other.
        """
        plain = {value for name, value in variables.items() if not looks_secret(name)}
        for name, value in variables.items():
            found = [match["secret"] for match in _WITH_USERINFO.finditer(value) if match["secret"] != match["user"]]
            for one in [*found, value] if looks_secret(name) else found:
                if len(one) >= _SHORT or one not in plain:
                    self.learn(name, one)

    def text(self, text: str) -> str:
        """Give the text with every secret replaced by ``[NAME]``."""
        pattern = self._compiled()
        if pattern is not None:
            text = pattern.sub(lambda found: f"[{self._names[found[0]]}]", text)
        text = _WITH_USERINFO.sub(r"\g<head>\g<user>:[password]@", text)
        text = _JWT.sub("[token]", text)
        return _BEARER.sub(r"\1 [token]", text)

    def bytes(self, data: bytes) -> bytes:
        """Give bytes with every secret replaced, whatever their encoding."""
        return self.text(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def value(self, value: Any) -> Any:
        """The same for what becomes JSON: all texts in it, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(one) for one in value]
        return value

    def names(self) -> dict[str, str]:
        """The names behind which secrets were learnt, with a hash of each name's values: what may be recorded of them."""
        by_name: dict[str, list[str]] = {}
        for form, name in self._names.items():
            by_name.setdefault(name, []).append(form)
        return {
            name: hashlib.sha256("\0".join(sorted(forms)).encode("utf-8", "surrogateescape")).hexdigest()[:12]
            for name, forms in sorted(by_name.items())
        }

    def _compiled(self) -> re.Pattern[str] | None:
        if self._pattern is None and self._names:
            longest_first = sorted(self._names, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(_matching, longest_first)))
        return self._pattern


def _matching(form: str) -> str:
    """A short value only as a word of its own: it may be part of any name."""
    return rf"(?<![\w./-]){re.escape(form)}(?![\w./-])" if len(form) < _SHORT else re.escape(form)


def _forms(value: str) -> Iterator[str]:
    yield value
    if len(value) < _SHORT:
        return
    yield from (quote(value, safe=""), quote_plus(value), quote(value), json.dumps(value)[1:-1])
    raw = value.encode("utf-8", "surrogateescape")
    # Within a longer text, base64 begins at one of three offsets; what is the same whatever stands around is matched.
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw).decode()
        start, end = (0, 2, 3)[offset], (len(raw) + offset) % 3
        inner = encoded.rstrip("=")[start : (-1 if end else None)]
        if len(inner) >= 8:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
    yield raw.hex()
