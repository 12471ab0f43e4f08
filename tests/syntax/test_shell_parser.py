"""Commands of a script and what decides whether they run."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.syntax import Command, Script, SourceText, expanded_commands, parse, parse_script, run_scripts

BASH = shutil.which("bash") or ""


def script_of(text: str) -> Script:
    data = text.encode()
    return parse_script(SourceText.from_bytes(data, 0, len(data)))


def seen(text: str) -> list[tuple[str, ...]]:
    """Each command: its words, then what is special about it."""
    return [tuple(word.text for word in command.words) for command in script_of(text).commands]


def maybe(text: str) -> dict[str, bool]:
    return {command.name: command.conditional for command in script_of(text).commands}


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("set -eux; a b && c || d | e & f", ["set -eux", "a b", "c", "d", "e", "f"]),
        ("(cd x && make) && { a; b; }", ["cd x", "make", "a", "b"]),
        ("if [ -f x ]; then a; elif b; then c; else d; fi; e", ["[ -f x ]", "a", "b", "c", "d", "e"]),
        ("for p in a b; do x $p; done; y", ["x $p", "y"]),
        ("for p\ndo\nx\ndone", ["x"]),
        ("while read l; do x; done < f; until a; do b; done", ["read l", "x", "a", "b"]),
        ("case $A in a|b) x;; (c) y; z ;; *) ;; esac; w", ["x", "y", "z", "w"]),
        ("f() { a; }; function g { b; }; function h() (c)\nf", ["a", "b", "c", "f"]),
        ("a # comment; b\nc#d e", ["a", "c#d e"]),
        ("a \\\n  b \\\n&& c", ["a b", "c"]),
        ("[[ a && b || c ]] && d; ((x > 1)) && e", ["[[ a && b || c ]]", "d", "((x > 1))", "e"]),
        ("! a && time b", ["a", "b"]),
        ("for ((i=0; i<3; i++)); do a; done", ["a"]),
        ("cat <(a b) >(c)", ["cat <(a b) >(c)"]),
        ("X=1 Y='2 3' a Z=4 >f 2>&1 </dev/null &>g", ["a Z=4"]),
        ("a\r\nb c \\\r\n d\r\n", ["a", "b c d"]),
        ("if a; then b; fi | c > d; e", ["a", "b", "c", "e"]),
        ("echo if then done; a", ["echo if then done", "a"]),
        ("a;b&&c||d|e", ["a", "b", "c", "d", "e"]),
        ("", []),
        ("\n;;\n", []),
        ("A=$(case x in y) echo a;; esac) b", ["b"]),
        ("(((a)))", ["(((a)))"]),
        ("((a); b)", ["a", "b"]),
    ],
)
def test_commands(text: str, commands: list[str]) -> None:
    assert [" ".join(words) for words in seen(text)] == commands


def test_assignments_and_redirects() -> None:
    (command,) = script_of("X=1 Y+='2 3' A=(a b) cmd >f 2>>g <<<h 3<&1").commands
    assert [(one.name, one.value.text, one.append) for one in command.assignments] == [
        ("X", "1", False), ("Y", "'2 3'", True), ("A", "(a b)", False)
    ]  # fmt: skip
    assert [(one.op, one.fd, one.target.text) for one in command.redirects] == [
        (">", None, "f"), (">>", 2, "g"), ("<<<", None, "h"), ("<&", 3, "1")
    ]  # fmt: skip


def test_here_documents() -> None:
    script = script_of("cat <<A <<-'B C' && x\n1 $V\nA\n\t2\n\tB C\ny\n")
    first, second, third = script.commands
    assert [(one.body and one.body.text, one.expand) for one in first.redirects] == [("1 $V\n", True), ("2\n", False)]
    assert (second.name, third.name) == ("x", "y")
    assert script.problems == ()
    assert "unterminated" in script_of("cat <<A\nx").problems[0].message


@pytest.mark.parametrize(
    ("text", "conditional"),
    [
        ("a && b", {"a": False, "b": False}),
        ("a || b", {"a": False, "b": True}),
        ("a || b && c", {"a": False, "b": True, "c": False}),
        ("[ x ] && b && c", {"[": False, "b": True, "c": True}),
        ("[ x ] && b || c", {"[": False, "b": True, "c": True}),
        ("a && command -v b", {"a": False, "command": False}),
        ("command -v b && c", {"command": False, "c": True}),
        ("grep -q x f && b; c", {"grep": False, "b": True, "c": False}),
        ("apk info -e x && b", {"apk": False, "b": True}),
        ("apk add x && b", {"apk": False, "b": False}),
        ("if a; then b; else c; fi; d", {"a": False, "b": True, "c": True, "d": False}),
        ("while a; do b; done", {"a": False, "b": True}),
        ("case x in y) a;; esac; b", {"a": True, "b": False}),
        ("for p in a b; do c; done", {"c": False}),
        ("for p in $A; do c; done", {"c": True}),
        ("f() { a; }; b", {"a": True, "b": False}),
        ("(a; { b; })", {"a": False, "b": False}),
    ],
)
def test_what_may_not_run(text: str, conditional: dict[str, bool]) -> None:
    assert maybe(text) == conditional


@pytest.mark.parametrize(
    ("run", "certain"),
    [
        ("a && b | grep x && c && { d; }", ["a", "b", "c", "d", "grep"]),
        ("x; a && grep b c && d;", ["a", "d", "grep", "x"]),
        ("a && grep b c && if e; then f; fi && (g)", ["a", "e", "g", "grep"]),
        ("[ -n x ] && b && grep c d && e", ["["]),
        ("a && grep b c && d; e", ["a", "e", "grep"]),
        ("a && grep b c && d || e", ["a", "grep"]),
        ("a && grep b c && d &", ["a", "grep"]),
    ],
)
def test_a_run_goes_through_its_last_list(run: str, certain: list[str]) -> None:
    (script,) = run_scripts(parse(f"FROM a\nRUN {run}\n".encode()).instructions[1])
    assert sorted(one.name for one in script.commands if not one.conditional) == certain


def test_circumstances() -> None:
    one, two, three, four = script_of("a | (b; c) & ! [ x ]").commands
    assert (one.piped_to, two.piped_from) == (two, one)
    assert [command.subshell for command in (one, two, three, four)] == [0, 1, 1, 0]
    assert [command.background for command in (one, two, three, four)] == [True, True, True, False]
    assert [command.joined_by for command in (one, two, three, four)] == ["", "|", ";", "&"]
    assert four.negated
    (test, guarded) = script_of("if [ a ]; then b; fi").commands
    assert guarded.guard is test


def test_places_through_continuations_with_comments() -> None:
    data = b"RUN set -e; \\\n  # why\n  apk add \\\n   gcc && \\\n\n   x"
    (script,) = run_scripts(parse(data).instructions[0])
    assert [data[slice(*(command.span or ()))] for command in script.commands] == [
        b"set -e", b"apk add \\\n   gcc", b"x"
    ]  # fmt: skip
    gcc = script.commands[1].words[2]
    assert gcc.span == (data.index(b"gcc"), data.index(b"gcc") + 3)


COMMANDS = st.sampled_from(
    ["c1", "c2 'a b'", 'c3 "x  y" z', "c4 a\\ b", "c5 \\\n d", "c6 >/dev/null", "X=1 c7", "c8 `# n`", "c9 'é'"]
)


@st.composite
def scripts(draw: st.DrawFn, depth: int = 3) -> str:
    """Scripts in which every command runs when every command succeeds."""
    if depth == 0:
        return draw(COMMANDS)
    inner = scripts(depth - 1)
    kind = draw(
        st.sampled_from(["one", "and", "seq", "lines", "brace", "sub", "if", "case", "comment", "heredoc", "func"])
    )
    if kind in ("and", "seq", "lines"):
        joint = {
            "and": draw(st.sampled_from([" && ", "&&\n"])),
            "seq": "; ",
            "lines": draw(st.sampled_from(["\n", " # no; c0\n"])),
        }
        return joint[kind].join(draw(st.lists(inner, min_size=2, max_size=3)))
    templates = {
        "one": "%s", "brace": "{ %s\n}", "sub": "( %s )", "if": "if %s\nthen %s\nelse c0\nfi", "comment": "%s\n# c0 'x\nc1",
        "case": "case a in b|c) c0;; *) %s\n;; esac", "heredoc": "c1 <<E\nc0 'x\nE\n%s", "func": "f() { c0; }\n%s",
    }  # fmt: skip
    template = templates[kind]
    return template % tuple(draw(inner) for _ in range(template.count("%s")))


@pytest.mark.skipif(not BASH, reason="needs bash")
@given(scripts())
def test_against_bash(text: str) -> None:
    """What bash runs, in order, is what is found and was not said to be conditional, plus taken branches."""
    prelude = "command_not_found_handle() { printf '%s\\0' \"$@\" $'\\n' >&9; }; PATH=/nowhere\n"
    done = subprocess.run(
        [BASH, "-c", f"exec 9>&1 >/dev/null\n{prelude}{text}\n"],
        capture_output=True, check=False, timeout=20, env={"LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    if b"syntax error" in done.stderr or b"unexpected EOF" in done.stderr:
        return
    ran = [line.split("\0")[:-1] for line in done.stdout.decode().split("\n\0")[:-1]]
    script = script_of(text)
    assert script.problems == ()
    found = [[arg.text for arg in command.args] for command in expanded_commands(script, {})]
    assert [command for command in found if command != ["c0"]] == ran


@given(
    st.lists(
        st.sampled_from(
            ["if", "then", "else", "fi", "for", "in", "do", "done", "case", "esac", "{", "}", "(", ")", ";", ";;", "&&",
             "||", "|", "&", "\n", "a", "$(", "`", "'", '"', "${", "}", "<<E", "E", "<", ">", "[[", "]]", "((", "))", "!",
             "f()", "function", "#", "\\", "A=", "A=(", " ", "<(", "$'", "while", "\r\n"]
        ),
        max_size=25,
    ),
    st.sampled_from(["", " "]),
)  # fmt: skip
def test_never_raises_and_places_fit(tokens: list[str], joint: str) -> None:
    text = joint.join(tokens)
    data = text.encode()
    script = script_of(text)

    def fits(command: Command) -> None:
        assert command.span is not None
        start, end = command.span
        assert data[start:end].decode() == command.source.text
        for word in command.words:
            assert word.span is not None
            assert start <= word.span[0] <= word.span[1] <= end

    behind = 0
    for command in script.commands:
        fits(command)
        assert command.span is not None
        assert command.span[0] >= behind
        behind = command.span[1]
    expanded_commands(script, {})


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000, "$(" * 10_000, "{ " * 10_000, "if a; then " * 4_000, "f() " * 10_000, "`\"" * 10_000, "${a:-" * 10_000,
     "[ a ] && b || " * 4_000, "case a in b) " * 4_000, "((a\n" * 4_000, "a $(b $(c)); " * 1_000, "cat <<E\n" * 4_000,
     "A=( " * 4_000, "! " * 10_000, "'a'\"b\"" * 10_000]
)  # fmt: skip
def test_hostile_scripts_end(text: str) -> None:
    expanded_commands(script_of(text), {})


def test_a_script_beyond_all_measure_is_said_to_be_unread() -> None:
    script = script_of("a " * 1_000_001)
    assert script.commands == ()
    assert "too long" in script.problems[0].message
