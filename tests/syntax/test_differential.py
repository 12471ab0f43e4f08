"""BuildKit's own parser is the oracle (the PyPI package ``dockerfile``, which embeds BuildKit 0.12.5).

Left out are the four things in which the BuildKit of today differs from that release, which this parser follows:
blanks between ``<<`` and the name, ``# check=`` in front of ``# escape=``, text behind a JSON array, and the escape
token within a flag.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import dockerfile
import pytest
from hypothesis import assume, example, given

from dockerlint_alpine.syntax import Instruction, parse

from .fragments import SOUP, dockerfiles


class Seen(NamedTuple):
    keyword: str
    sub: str | None
    json: bool
    original: str
    lines: tuple[int, int]
    flags: tuple[str, ...]
    value: tuple[str, ...]
    heredocs: tuple[tuple[str, int, str], ...]


_KNOWN = {name.upper() for name in dockerfile.all_cmds()}


def _upper(keyword: str) -> str:
    return keyword.upper() if keyword.isascii() else keyword


def oracle(text: str) -> list[Seen] | None:
    """What BuildKit reads, ``None`` when it refuses the file."""
    try:
        commands = dockerfile.parse_string(text)
    except dockerfile.GoParseError:
        return None
    return [
        Seen(
            _upper(command.cmd or ""),
            command.sub_cmd and _upper(command.sub_cmd),
            command.json,
            command.original or "",
            (command.start_line, command.end_line),
            tuple(command.flags),
            tuple(command.value),
            tuple((doc.name, doc.file_descriptor, doc.content) for doc in command.heredocs),
        )
        for command in commands
    ]


def _values(node: Instruction) -> tuple[str, ...]:
    if node.keyword not in _KNOWN or (node.keyword == "ONBUILD" and node.onbuild is None and node.value):
        return ("",)  # the oracle ignores what it doesn't know
    return tuple(word.text for word in node.words())


def ours(text: str) -> list[Seen]:
    data = text.encode()
    parsed = parse(data)
    assert bytes(parsed) == data
    seen = []
    for instruction in parsed.instructions:
        inner = instruction.onbuild
        heredocs = () if inner else instruction.heredocs
        bodies = "".join(doc.content + doc.name + "\n" for doc in heredocs)
        seen.append(
            Seen(
                instruction.keyword,
                inner and inner.keyword,
                (inner or instruction).json is not None,
                instruction.logical_line.text + ("\n" + bodies if heredocs else ""),
                (instruction.line, instruction.end_line),
                tuple(instruction.flags),
                _values(inner or instruction),
                tuple((doc.name, doc.fd, doc.content) for doc in heredocs),
            )
        )
    return seen


def agree(text: str) -> None:
    expected = oracle(text)
    if expected is None:
        assert any(problem.severity == "error" for problem in parse(text.encode()).problems)
    else:
        assert ours(text) == expected


HAND_WRITTEN = [
    'FROM a\nRUN --mount=type=cache foo \\\n # c\n\n bar <<EOF\nhi\nEOF\nCOPY --from=x ["a","b"]\n',
    "# foo=bar\n# escape=`\nRUN a `\n b\n",
    "#escape=`\nRUN a `\n b `` \nRUN c\n",
    "  # escape=`\nRUN a `\n b\n",
    "#   syntax = x\n# ESCAPE = `\nRUN a `\n b\n",
    "\n# escape=`\nRUN a `\n b\n",
    "RUN\nRUN \nLABEL\nENV\nEXPOSE \nONBUILD\n",
    "FOO a b\nbar\n",
    "RUN a \\",
    "RUN a \\\\\n b",
    "RUN a \\\\\\\n b",
    "RUN x \\ \t\n y",
    "RUN x \\\r\n y",
    "RUN x\\\v\n y",
    "RUN x\\\n",
    "RUN\\\n x\\\n y",
    "R\\\nUN x",
    "RUN -- x",
    "RUN --\\\n a",
    "RUN --x='a b' c",
    "RUN --flag",
    "RUN --a=b\\",
    "RUN --x\\ y z",
    "RUN --é=ü x",
    "RUN --à x",
    'RUN --a "--b c" d',
    'RUN ["a"',
    "RUN [ ]",
    "RUN []",
    'RUN [ "a" , "b\\u0041\\ud83d\\ude00" ]  ',
    'RUN ["a", "\\ud83d"]',
    "RUN ['a']",
    'RUN ["\t"]',
    "RUN [null]",
    "COPY [1]",
    'COPY ["a b", "c"]',
    'RUN [["a"]]',
    'RUN ["a",]',
    "RUN [NaN]",
    'VOLUME ["/a"]',
    "VOLUME /a   /b",
    "VOLUME",
    "COPY a  b\tc ",
    "COPY",
    "EXPOSE 80  90",
    "STOPSIGNAL  a b ",
    "USER <<E\nE\n",
    'HEALTHCHECK --interval=5s CMD ["a"]',
    "HEALTHCHECK NONE",
    "HEALTHCHECK CMD a  b",
    "HEALTHCHECK",
    "ONBUILD ONBUILD RUN a",
    "ONBUILD RUN <<E\na\nE\nRUN z\n",
    'ONBUILD COPY --from=a ["<<E", "b"]\n',
    "onbuild env a=b",
    "ENV a",
    "ENV a=b c",
    "ENV a 'b  c' d",
    "ENV a=b\\ c d='e f' g=\"h i\"",
    "ENV a=b \\\n# c\n  d=e",
    "ENV a=b\\",
    'ENV a="b',
    "ENV a='b\\",
    'ENV a="b\\',
    "ENV a='b' c='\\' d=e",
    'LABEL a= b=""',
    "ARG a b=c 'd'",
    "ARG a=b\\\\",
    "ENV  a   b  ",
    "ENV a=\u2003b=c",
    '# escape=`\nENV a=`" b="c`"d" e=f``\n',
    "RUN <<E\n",
    "RUN <<A <<-B x\nq\nA\n\tz\n\tB\n",
    "RUN <<E\r\na\r\nE\r\nRUN b\r\n",
    "RUN <<<E\nRUN b",
    "RUN cat <<'E F' x\n1\nE F\nRUN z",
    "RUN <<E '\na\nE",
    'RUN <<"E\nE',
    'RUN <<E""\n\nE',
    "RUN a <<E \\\n b\n1\nE\nRUN z",
    "RUN '<<E'\nRUN b",
    "RUN 3<<E 4<<-F\n1\nE\n\t2\n\tF\n",
    "COPY <<a.txt <<b.txt /d/\nx\na.txt\ny\nb.txt\n",
    "RUN <<eo'f'\nx\neof\n",
    "RUN <<eo\\'f\nx\neo'f\n",
    "RUN <<$E\n$E\n",
    "RUN <<\n",
    "RUN <<-\nRUN x\n",
    "RUN x<<E\nE\nRUN y<<E\nE\n",
    "RUN ${a<<E}\nE\n",
    "RUN a<<E$(b<<F)\nx\n",
    "RUN <<E\n# c\n\n \\\nE\n# d\nRUN x\n",
    "ENV x <<E\nE\n",
    "run <<E\nE\n",
    "RUN --mount=a <<E\nb\nE",
    "\ufeffFROM a",
    "\ufeff# escape=`\nRUN a `\n b",
    "\ufeff\nFROM a",
    "\\\nFROM a",
    "#a\n\\\n#b\nFROM a",
    "FROM a\n\\\n\nRUN b",
    "RUN a\\\n#c\\\nb",
    "RUN a\\\n#c\\",
    "RUN a\\\n   #c\n\n\n  b\n",
    "RUN a \\\n\n\nRUN b\n",
    "\u00a0RUN\u00a0a",
    "RUN\u00a0a b\u00a0",
    "RUN a\x85",
    "RUN a\u2003",
    "RUN \u2003a",
    "RUN a\\\n\u2003# c\nb",
    "\u2003# c\nRUN b",
    "RUN a\\\n\u2003\nb",
    "RUN a\\\u00a0\nUSER b",
    "RUN a\r\r\nRUN b\r",
    "RUN a\rb\nRUN\rc",
    "RUN a\fb\vc",
    "FROM a AS b\n\n\n",
    "",
    "\n\n",
    "# only\n",
    "\\\n\\\n",
    '\u017fhell ["a"]',
    "RUN \x1ca\x1c",
    "LABEL a=\x1cb c=d",
]


@pytest.mark.parametrize("text", HAND_WRITTEN)
def test_hand_written(text: str) -> None:
    agree(text)


@given(dockerfiles())
@example("# escape=`\nFROM a\nRUN --mount=x`\n' ``\n")
def test_generated_files(text: str) -> None:
    parsed = parse(text.encode())
    flags = [flag for one in parsed.instructions for flag in (*one.flags, *(one.onbuild.flags if one.onbuild else ()))]
    # The oracle's BuildKit escapes in flags with a backslash; since then the directive's escape counts there too.
    assume(parsed.escape == "\\" or not any({"\\", "`"} & set(flag.source.text) for flag in flags))
    agree(text)


_NEWER = re.compile(r"<<-?\s|\]\s*\S|\x00|#\s*check|--.*\\[\s\S]*`|`[\s\S]*--")


@given(SOUP)
def test_soup(text: str) -> None:
    assume(not _NEWER.search(text))
    agree(text)


def test_what_newer_buildkits_do() -> None:
    """Read in BuildKit's parser.go of August 2026; the oracle is older."""
    (run,) = parse(b"RUN << EOF\nx\nEOF\n").instructions
    assert [doc.name for doc in run.heredocs] == ["EOF"]
    (run,) = parse(b"# check=skip=all\n# escape=`\nRUN a `\n b\n").instructions
    assert run.value == "a  b"
    (run,) = parse(b'RUN ["a"] b').instructions
    assert run.json is None
    (run,) = parse(b"# escape=`\nRUN --a=\\b` c d").instructions
    assert run.flags == ("--a=\\b c",)
