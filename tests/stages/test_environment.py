from __future__ import annotations

import pytest

from dockerlint_alpine.stages.environment import Scope
from dockerlint_alpine.syntax import SourceText, parse


def scope_after(text: str, scope: Scope | None = None) -> Scope:
    found = scope or Scope.at_start("linux/arm64", {})
    for instruction in parse(text.encode()).instructions:
        if instruction.keyword == "ARG":
            found = found.arg(instruction, "\\")
        elif instruction.keyword == "ENV":
            found = found.environment(instruction, "\\")
    return found


def test_env_hides_arg_and_sees_the_names_before_it() -> None:
    scope = scope_after("ARG V=1\nENV V=2 W=$V\nARG V=3\n")
    assert (scope.text("V"), scope.text("W")) == ("2", "1")


def test_an_argument_needs_a_declaration_in_the_stage() -> None:
    head = Scope.at_start("linux/amd64", {}).global_arg(parse(b"ARG V=1\nFROM a\n").instructions[0], "\\")
    assert head.text("V") is None
    assert scope_after("ARG V\n", head).text("V") == "1"
    assert scope_after("ARG V=2\n", head).text("V") == "2"


def test_build_args_win_over_defaults_where_declared() -> None:
    given = Scope(given={"V": SourceText.literal("9")})
    assert scope_after("ARG V=1\n", given).text("V") == "9"
    assert scope_after("ENV X=$V\n", given).text("X") == ""


def test_the_platform_is_known() -> None:
    scope = scope_after("ARG TARGETARCH\nARG TARGETVARIANT\nENV A=$TARGETARCH\n", Scope.at_start("linux/arm/v7", {}))
    assert (scope.text("A"), scope.text("TARGETVARIANT")) == ("arm", "v7")


@pytest.mark.parametrize(
    ("head", "stage", "build_args", "expected"),
    [
        ("", "ARG TARGETARCH=amd64", {}, "amd64"),
        ("ARG TARGETARCH=amd64", "ARG TARGETARCH", {}, "amd64"),
        ("ARG TARGETARCH", "ARG TARGETARCH", {}, "arm64"),
        ("ARG TARGETARCH=amd64", "ARG TARGETARCH=386", {"TARGETARCH": "s390x"}, "s390x"),
        ("", "ARG TARGETARCH", {"TARGETARCH": "s390x"}, "s390x"),
    ],
)
def test_a_value_in_the_file_takes_the_place_of_the_platforms(
    head: str, stage: str, build_args: dict[str, str], expected: str
) -> None:
    """As in BuildKit, though authors often mean a fallback by it (docker/buildx#510)."""
    scope = Scope.at_start("linux/arm64", build_args)
    for instruction in parse(f"{head}\nFROM a\n".encode()).instructions[:-1]:
        scope = scope.global_arg(instruction, "\\")
    assert scope_after(f"{stage}\n", scope).text("TARGETARCH") == expected


def test_a_stage_inherits_its_parents_names() -> None:
    parent = scope_after("ARG A=1\nENV E=2\n")
    child = Scope().stage(parent, {})
    assert (child.text("A"), child.text("E")) == ("1", "2")
    assert Scope().stage(None, {"PATH": "/bin"}).text("PATH") == "/bin"
