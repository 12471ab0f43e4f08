"""Where a shell word, a quoted string or a substitution ends. Only positions here, no meaning.

Everything is iterative: no input makes it recurse, and each character is looked at a bounded number of times.
"""

from __future__ import annotations

from dockerlint_alpine.system.patterns import lazy_pattern

_PLAIN = lazy_pattern(r"[^ \t\n\r;&|<>()'\"\\$`]+")
_SINGLE = lazy_pattern(r"'[^']*+(?:'|\Z)")
_ANSI = lazy_pattern(r"\$'(?:\\[\s\S]|[^'\\])*+(?:'|\Z)")
_PARAMETER = lazy_pattern(r"\$(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])?")
_CONTINUATION = lazy_pattern(r"\\\r?\n")

_QUOTED = r"'[^']*+(?:'|\Z)|\$'(?:\\[\s\S]|[^'\\])*+(?:'|\Z)"
_IN_COMMAND = lazy_pattern(
    rf"\\[\s\S]|{_QUOTED}|(?<=[\s;&|()])#[^\n]*+|\$[({{]|[\"`()]|(?<![\w$./-])(?:case|esac)(?![\w./-])"
)
_IN_BRACES = lazy_pattern(rf"\\[\s\S]|{_QUOTED}|\$[({{]|[\"`}}]")
_IN_QUOTED_BRACES = lazy_pattern(r"\\[\s\S]|\$[({]|[\"`}]")
_IN_QUOTES = lazy_pattern(r"\\[\s\S]|\$[({]|[\"`]")
_IN_BACKTICKS = lazy_pattern(r"\\[\s\S]|`")

_COMMAND, _CASE, _BRACES, _QUOTED_BRACES, _QUOTES, _BACKTICKS = ")", "esac", "}", "q}", '"', "`"
_PATTERNS = {
    _COMMAND: _IN_COMMAND,
    _CASE: _IN_COMMAND,
    _BRACES: _IN_BRACES,
    _QUOTED_BRACES: _IN_QUOTED_BRACES,
    _QUOTES: _IN_QUOTES,
    _BACKTICKS: _IN_BACKTICKS,
}


def nested_end(text: str, position: int, *, quoted: bool = False) -> int:
    """The index behind what opens at ``position`` (one of ``( { " ` ``); -1 when it is never closed.

    ``quoted`` says that an opening brace stands within double quotes.
    """
    end = _nested_end(text, position, quoted=quoted, cases=True)
    return _nested_end(text, position, quoted=quoted, cases=False) if end < 0 and "case" in text else end


def _nested_end(text: str, position: int, *, quoted: bool, cases: bool) -> int:
    opening = text[position]
    stack = [_BRACES if opening == "{" else _COMMAND if opening == "(" else opening]
    if quoted and opening == "{":
        stack = [_QUOTED_BRACES]
    position += 1
    while stack:
        match = _PATTERNS[stack[-1]].search(text, position)
        if match is None:
            return -1
        position = match.end()
        _step(stack, match[0], cases=cases)
    return position


def _step(stack: list[str], token: str, *, cases: bool) -> None:
    """Change the stack of open things by one token."""
    top = stack[-1]
    if token == top or (token == "}" and top == _QUOTED_BRACES):  # noqa: S105
        stack.pop()
    elif token == "$(" or (token == "(" and top == _COMMAND):  # noqa: S105
        stack.append(_COMMAND)
    elif token == "${":  # noqa: S105
        stack.append(_QUOTED_BRACES if top in (_QUOTES, _QUOTED_BRACES) else _BRACES)
    elif token in ('"', "`"):
        stack.append(token)
    elif token == "case" and cases:  # noqa: S105
        stack.append(_CASE)


def dollar_end(text: str, position: int, *, quoted: bool = False) -> int:
    """The index behind the expansion that the ``$`` at ``position`` begins; -1 when it is never closed."""
    following = text[position + 1 : position + 2]
    if following in ("(", "{"):
        return nested_end(text, position + 1, quoted=quoted)
    if following == "'" and not quoted:
        match = _ANSI.match(text, position)
        return match.end() if match else position + 1
    match = _PARAMETER.match(text, position)
    return match.end() if match else position + 1


def word_end(text: str, position: int) -> tuple[int, bool]:
    """The index behind the word at ``position``, and whether all its quotes and substitutions are closed.

    A line continuation within the word belongs to it, one at its end does not.
    """
    solid, size = position, len(text)
    while position < size:
        match = _PLAIN.match(text, position)
        if match is not None:
            solid = position = match.end()
            continue
        continuation = _CONTINUATION.match(text, position)
        if continuation is not None:
            position = continuation.end()
            continue
        end = _special_end(text, position)
        if end == position:
            break
        if end < 0:
            return size, False
        solid = position = end
    return solid, True


def _special_end(text: str, position: int) -> int:
    """Behind the quote, escape or expansion at ``position``; the position itself where the word ends."""
    character = text[position]
    if character == "\\":
        return min(position + 2, len(text))
    if character == "'":
        match = _SINGLE.match(text, position)
        end = match.end() if match else position
        return end if end - position > 1 and text[end - 1] == "'" else -1
    if character in '"`':
        return nested_end(text, position)
    if character == "$":
        return dollar_end(text, position)
    if character == "\r" and position + 1 < len(text) and text[position + 1] != "\n":
        return position + 1
    return position
