"""The scripts of RUN and the commands that run in the end."""

from __future__ import annotations

import pytest

from dockerlint_alpine.syntax import (
    ExpandedCommand,
    SourceText,
    expand,
    expanded_commands,
    key_values,
    parse,
    run_scripts,
)


def commands(text: str, shell: tuple[str, ...] | None = None) -> list[ExpandedCommand]:
    """All commands of a Dockerfile's RUN instructions, with the ENV and ARG before them."""
    parsed = parse(text.encode())
    scope: dict[str, SourceText] = {}
    found: list[ExpandedCommand] = []
    for instruction in parsed.instructions:
        for pair in key_values(instruction):
            if pair.value is not None:
                scope[pair.key] = expand(pair.value, scope).source
        if instruction.keyword == "RUN":
            for script in run_scripts(instruction, shell):
                found.extend(expanded_commands(script, scope))
    return found


def texts(text: str) -> list[str]:
    return [" ".join(arg.text for arg in command.args) for command in commands(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ENV DEPS="gcc musl-dev"\nRUN apk add $DEPS', ["apk add gcc musl-dev"]),
        ("RUN DEPS='a b'; apk add $DEPS; export X=c && apk add $X$DEPS", ["apk add a b", "export X=c", "apk add ca b"]),
        ('RUN ["apk", "add", "$X"]', ["apk add $X"]),
        ('RUN ["sh", "-c", "apk add a && b"]', ["apk add a", "b"]),
        ("RUN bash -euxo pipefail -c 'apk add a; b'", ["apk add a", "b"]),
        ("RUN sh -c \"apk add a\" && c", ["apk add a", "c"]),
        ("RUN su app -c 'pip install x'", ["pip install x"]),
        ("RUN eval 'X=1 && a $X'; b $X", ["a 1", "b 1"]),
        ("RUN env -u Z A=b exec nohup pip install x", ["pip install x"]),
        ("RUN sudo -u root -E apk add a; timeout -k 1 5 b; nice -n 5 time c", ["apk add a", "b", "c"]),
        ("RUN command -v apk; command apk add", ["command -v apk", "apk add"]),
        ("RUN gosu app:app pip x; su-exec app pip y; tini -- pip z", ["pip x", "pip y", "pip z"]),
        ("RUN newrelic-admin run-program gunicorn a; ddtrace-run -d celery b", ["gunicorn a", "celery b"]),
        ("RUN opentelemetry-instrument --traces_exporter none xvfb-run -a -s '-x 1' python c", ["python c"]),
        ("RUN <<E\nset -e\napk add \\\n a\nE\n", ["set -e", "apk add a"]),
        ("RUN <<-E\n\tapk add \\\n\t\ta\n\tE\n", ["apk add a"]),
        ("RUN <<E\n#!/bin/bash -e\napk add a\nE\n", ["apk add a"]),
        ("RUN <<E\n#!/usr/bin/env python3\nimport x\nE\n", []),
        ("RUN sh -e <<E && b\napk add a\nE\n", ["apk add a", "b"]),
        ("RUN bash -s -- x <<'E'\napk add a\nE\n", ["apk add a"]),
        ("RUN python3 <<E\nimport x\nE\n", ["python3"]),
        ("RUN cat <<A > f && apk add a\nx && y\nA\n", ["cat", "apk add a"]),
        ("RUN for p in a b; do apk add $p; done", ["apk add a b"]),
        ('RUN for p in a b; do apk add "$p"; done', ["apk add a b"]),
        ('RUN for p in a b; do apk add "${p}-dev" lib$p; done', ["apk add a-dev b-dev liba libb"]),
        ('RUN for p in a b; do for q in 1 2; do x "$p$q"; done; done', ["x a1 a2 b1 b2"]),
        ("RUN for p in a b; do L=\"$L$p,\"; done; x $p", ["x a b"]),
        ("RUN set -- a b && apk add \"$@\"", ["set -- a b", "apk add a b"]),
        ("RUN A=(x y); A+=(z); apk add \"${A[@]}\"", ["apk add x y z"]),
        ("RUN A=' a b ' set -x && apk add $A; B=c true; x $B", ["set -x", "apk add a b", "true", "x $B"]),
        ("RUN A=a; [ t ] && A=\"$A b\"; apk add $A", ["[ t ]", "apk add a ${A}"]),
        ("RUN A=a; [ t ] && A=\"${A}b\"; apk add $A", ["[ t ]", "apk add ${A}"]),
        ("RUN A=a; unset A; apk add $A b", ["unset A", "apk add b"]),
        ("RUN x \"$(a | b)\" `c`", ["a", "b", "c", "x $(a | b) `c`"]),
        ("RUN A=$(a) && b", ["a", "b"]),
        ("RUN FOO=1 $CMD a", ["$CMD a"]),
        ("RUN", []),
        ("RUN []", []),
    ],
)  # fmt: skip
def test_commands(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


@pytest.mark.parametrize(
    ("script", "known"),
    [
        ("A=1; x $A", True),
        ("if y; then A=1; else A=2; fi; x $A", False),
        ("if y; then A=1; x $A; fi", True),
        ("[ y ] && A=1; x $A", False),
        ("y || A=1; x $A", False),
        ("(A=1; y); x $A", False),
        ("A=1; (A=2; y); x $A", True),
        ("read A; x $A", False),
        ("A=$(y); x $A", False),
        ("A=$(y); x ${A:-d}", False),
        ("x ${A:-d}", True),
        ("A=\"b $(y)\"; x $A", False),
        ("while y; do A=1; done; x $A", False),
        ("f() { A=1; }; x $A", False),
        ("case y in z) A=1;; esac; x $A", False),
        ("export A=1; x $A", True),
        ("A=1 y; x $A", False),
    ],
)  # fmt: skip
def test_what_a_branch_assigns_is_not_certain_behind_it(script: str, known: bool) -> None:
    last = commands("RUN " + script)[-1]
    assert last.name == "x"
    assert all(arg.known for arg in last.args) == known


def test_partly_known_values_keep_what_is_known() -> None:
    (command,) = [one for one in commands('RUN A="gcc $(y) make" && apk add $A') if one.name == "apk"]
    assert [(arg.text, arg.known) for arg in command.args[2:]] == [("gcc", True), ("$(y)", False), ("make", True)]


def test_places_of_variables() -> None:
    text = 'ENV DEPS="gcc \\\n  musl-dev"\nRUN apk add $DEPS'
    (command,) = commands(text)
    assert [text[slice(*(arg.span or ()))] for arg in command.args] == ["apk", "add", "gcc", "musl-dev"]
    nested = commands("RUN sh -c 'D=\"x y\"; apk add $D z'")[0]
    assert [arg.span for arg in nested.args] == [(20, 23), (24, 27), (14, 15), (16, 17), (31, 32)]


def test_conditions_reach_into_nested_scripts() -> None:
    found = commands("RUN [ x ] && sh -c 'apk add a' ; sh -c 'b || c'")
    assert [(one.name, one.conditional, one.nesting) for one in found] == [
        ("[", False, 0), ("apk", True, 1), ("b", False, 1), ("c", True, 1)
    ]  # fmt: skip


def test_environment_and_wrappers() -> None:
    (command,) = commands("RUN A=1 env B='2 3' /usr/bin/pip install x")
    assert (command.name, command.wrappers) == ("pip", ("env",))
    assert [(name, value.text) for name, value in command.environment] == [("A", "1"), ("B", "2 3")]
    (nested,) = commands("RUN A=1 sh -c 'x $A'")
    assert nested.args[1].text == "1"


def test_another_shell_is_not_parsed() -> None:
    instruction = parse(b"RUN Get-Item x; y").instructions[0]
    (script,) = run_scripts(instruction, ("C:\\\\pwsh.exe", "-Command"))
    assert script.opaque
    assert script.interpreter == "pwsh"
    assert script.commands == ()
    (script,) = run_scripts(instruction, ("/bin/bash", "-o", "pipefail", "-c"))
    assert [command.name for command in script.commands] == ["Get-Item", "y"]


def test_nested_scripts_end() -> None:
    deep = "x"
    for _ in range(30):
        deep = f'eval "{deep}"'.replace("\\", "")
    assert len(commands("RUN " + deep)) <= 1
    assert commands("RUN " + "a $(" * 40 + "b" + ")" * 40)


def test_onbuild() -> None:
    inner = parse(b"ONBUILD RUN --mount=type=cache,target=/x <<E\napk add a\nE\n").instructions[0].onbuild
    assert inner is not None
    (script,) = run_scripts(inner)
    assert [word.text for word in script.commands[0].words] == ["apk", "add", "a"]


def test_a_function_runs_where_it_is_called() -> None:
    found = commands("RUN f() { X=1; apk add $1 $@; if q; then r; fi; }; f a b && x $X $1; if y; then f c; fi")
    assert [(" ".join(arg.text for arg in one.args), one.conditional) for one in found] == [
        ("apk add a a b", False), ("q", False), ("r", True), ("x 1 $1", False),
        ("y", False), ("apk add c c", True), ("q", True), ("r", True),
    ]  # fmt: skip
    assert [(one.name, one.conditional) for one in commands("RUN f() { a; }; b")] == [("a", True), ("b", False)]


def test_a_function_that_is_called_by_a_variable_has_arguments_of_its_own() -> None:
    """Those of the script are not its arguments."""
    script = "g() { A=dev; f_dev() { pip install $1; }; f_$A y; z $1; }; g x"
    assert [(" ".join(arg.text for arg in one.args), one.conditional) for one in commands(f"RUN {script}")] == [
        ("pip install ${1}", True), ("f_dev y", False), ("z x", False),
    ]  # fmt: skip
    outside = commands("RUN A=dev; f_dev() { pip install $1; }; f_$A y; z $1")
    assert [[arg.text for arg in one.args if not arg.known] for one in outside] == [["${1}"], [], ["$1"]]


def test_functions_that_call_each_other_end() -> None:
    assert [one.name for one in commands("RUN f() { g; }; g() { f; a; }; f")] == ["f", "a"]
    many = "".join(f"f{n}() {{ f{n + 1}; f{n + 1}; f{n + 1}; f{n + 1}; }}; " for n in range(60))
    assert len(commands(f"RUN {many} f60() {{ a; }}; f0")) < 100_000
