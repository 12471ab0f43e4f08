"""JSON and XML as strict readers accept them, whatever bytes a path or a message holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerlint_alpine.report.display import scrub

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write (section 2.2, Char)."""

_CONTENT = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("\r"): "&#13;"}
_ATTRIBUTE = {**_CONTENT, ord('"'): "&quot;", ord("\t"): "&#9;", ord("\n"): "&#10;"}


def json_text(value: object) -> str:
    """Return the value as JSON; lone surrogates, which strict readers refuse, become U+FFFD."""
    import json

    return scrub(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def xml_content(text: str) -> str:
    """Escape text for between tags; what XML can't hold becomes U+FFFD."""
    return _NOT_XML.sub("\ufffd", text).translate(_CONTENT)


def xml_tag(name: str, attributes: Mapping[str, object]) -> str:
    """Write the inside of a tag: its name and its attributes, escaped."""
    values = ((key, _NOT_XML.sub("\ufffd", str(value)).translate(_ATTRIBUTE)) for key, value in attributes.items())
    return " ".join((name, *(f'{key}="{value}"' for key, value in values)))
