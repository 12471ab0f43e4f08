from __future__ import annotations

import pytest

from dockerlint_alpine.stages.apk_commands import ApkCommand, Operand, read_apk_command
from dockerlint_alpine.syntax import SourceText, expanded_commands, parse_script


def read(text: str, piped: tuple[Operand, ...] = ()) -> ApkCommand | None:
    (command,) = [one for one in expanded_commands(parse_script(SourceText.literal(text)), {}) if not one.substitution]
    return read_apk_command(command.args, piped)


def names(command: ApkCommand | None) -> list[str]:
    assert command is not None
    return [operand.text for operand in command.operands]


@pytest.mark.parametrize(
    "text",
    [
        "apk add --no-cache -t .deps a b",
        "apk --no-cache add --virtual .deps a b",
        "apk add --virtual=.deps a b",
        "apk add -t.deps a b",
        "apk add -Ut .deps a b",
        "apk add a b --virtual .deps",
        "apk -U --repository http://x/y -X http://z add -t .deps a b",
        "apk add --progress-fd 3 --wait 5 --arch x86_64 --keys-dir /k -t .deps a b",
    ],
)
def test_options_stand_anywhere(text: str) -> None:
    command = read(text)
    assert names(command) == ["a", "b"]
    assert command is not None
    assert (command.verb, command.virtual, command.root) == ("add", ".deps", None)


def test_root_and_repositories() -> None:
    command = read("apk add -p /rootfs --initdb -X http://a -X http://b c d@edge e@testing=1.2")
    assert command is not None
    assert command.root == "/rootfs"
    assert command.repositories == ("http://a", "http://b")
    assert command.other_repositories == ("http://a", "http://b", "@edge", "@testing")


@pytest.mark.parametrize(
    ("text", "verb"),
    [("apk del x", "del"), ("apk fix", "fix"), ("apk upgrade --available", "upgrade"), ("apk update", "update")],
)
def test_verbs(text: str, verb: str) -> None:
    command = read(text)
    assert command is not None
    assert command.verb == verb


def test_no_sub_command_is_no_command() -> None:
    assert read("apk --version") is None
    for text, verb in (("info -e gcc", "other"), ("mkndx x", "other"), ("remove gcc", "none"), ("$X gcc", "other")):
        command = read(f"apk {text}")
        assert command is not None
        assert command.verb == verb


def test_of_a_pin_with_an_unknown_version_the_name_is_known() -> None:
    command = read('apk add "python3=$V" py3-pip~=${W} $REST "lib$X"')
    assert names(command) == ["python3", "py3-pip"]
    assert command is not None
    assert command.unknown == ("REST", "X")
    assert command.hidden == ("$REST", "lib$X")


def test_options_and_piped_operands() -> None:
    command = read("apk add -u gcc", (Operand("make"),))
    assert names(command) == ["gcc", "make"]


def test_the_first_word_that_names_a_sub_command_is_it() -> None:
    """``apk --virtual add gcc`` adds gcc, under the name ``add`` (apk.c of apk-tools 2.14: ``deduce_applet``)."""
    command = read("apk --no-cache --virtual add gcc musl-dev")
    assert command is not None
    assert (command.verb, command.virtual, names(command)) == ("add", "add", ["gcc", "musl-dev"])
