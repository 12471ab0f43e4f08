"""JSON and XML as strict readers accept them, whatever bytes a path or a message holds."""

from __future__ import annotations

from collections.abc import Mapping

from dockerlint_alpine.report.display import UNSAFE, scrub
from dockerlint_alpine.system.patterns import lazy_pattern

_NOT_XML = lazy_pattern("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write (section 2.2, Char)."""

_KEPT = {"\n": "\n", "\x7f": "\\u007f"}
_CONTENT = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("\r"): "&#13;"}
_ATTRIBUTE = {**_CONTENT, ord('"'): "&quot;", ord("\t"): "&#9;", ord("\n"): "&#10;"}


def json_text(value: object) -> str:
    """Return the value as JSON; lone surrogates, which strict readers refuse, become U+FFFD, and what could steer a
    terminal stands as an escape of JSON's own: it is the same text to a program."""
    import json

    text = scrub(json.dumps(value, indent=2, ensure_ascii=False))
    if not text.isascii() or "\x7f" in text:
        text = UNSAFE.sub(
            lambda match: json.dumps(match[0])[1:-1] if match[0] not in "\n\x7f" else _KEPT[match[0]], text
        )
    return text + "\n"


def xml_content(text: str) -> str:
    """Escape text for between tags; what XML can't hold becomes U+FFFD, and what could steer a terminal is a reference."""
    return _referred(_NOT_XML.sub("\ufffd", text).translate(_CONTENT))


def _referred(text: str) -> str:
    return UNSAFE.sub(lambda match: match[0] if match[0] in "\t\n" else f"&#{ord(match[0])};", text)


def xml_tag(name: str, attributes: Mapping[str, object]) -> str:
    """Write the inside of a tag: its name and its attributes, escaped."""
    written = ((key, _NOT_XML.sub("\ufffd", str(value)).translate(_ATTRIBUTE)) for key, value in attributes.items())
    values = ((key, _referred(value)) for key, value in written)
    return " ".join((name, *(f'{key}="{value}"' for key, value in values)))
