from __future__ import annotations

import pytest

from dockerlint_alpine.stages import ApkStep, PythonStep
from tests.stages.support import end, last, places, said

A = "alpine:3.19"
FILES = {"packages.txt": "# build\ngcc\nmusl-dev  lz4-dev # why\n\n", "one.txt": "lz4-libs\n"}


def apk_steps(timeline) -> list[ApkStep]:
    return [step for step in last(timeline).steps if isinstance(step, ApkStep)]


@pytest.mark.parametrize(
    "command",
    [
        "apk add < packages.txt",
        "xargs apk add < packages.txt",
        "xargs -a packages.txt apk add --no-cache",
        "xargs --arg-file=packages.txt apk add",
        "cat packages.txt | xargs apk add",
        "cat *.txt | xargs apk add",
        "cat packages.txt | xargs -I{} apk add --no-cache {}",
        "cat packages.txt | xargs -I % apk add %",
        "cut -d'#' -f1 packages.txt | xargs apk add",
        "apk add $(paste -sd' ' packages.txt)",
        "cat /packages.txt | sort | uniq | xargs apk add --no-cache",
        "grep -v '^#' packages.txt | xargs apk add",
        "sed 's/#.*//' packages.txt | xargs -r apk add",
        "apk add $(cat packages.txt)",
        "apk add `cat packages.txt`",
        "apk add $(grep -v '^#' packages.txt)",
        "apk add $(grep -vE '^(#|$)' packages.txt | xargs)",
        "apk add $(cat packages.txt | tr '\\n' ' ')",
        "apk add $(cat packages.txt one.txt | grep -v libs)",
        "grep -E '^(gcc|musl)' packages.txt | xargs apk add lz4-dev",
        "apk add gcc $(grep -e lz4 packages.txt | grep -vi '^GCC')",
        "apk add gcc lz4-dev $(echo musl-dev)",
        "echo gcc musl-dev lz4-dev | xargs apk add",
        "PKGS='gcc musl-dev lz4-dev' && apk add $PKGS",
        "for p in gcc musl-dev lz4-dev; do apk add $p; done",
        "apk add gcc musl-dev so:liblz4.so.1 lz4-dev",
        "sh -c 'apk add gcc musl-dev lz4-dev'",
        "apk add -t .deps gcc musl-dev lz4-dev && apk del nothing",
        "apk add gcc musl-dev lz4-dev=0-r0 nosuch",
    ],
)
def test_lists_of_packages(run, command: str) -> None:
    moment = end(run(f"FROM {A}\nCOPY *.txt /\nRUN {command}\n", FILES))
    assert not {"%", "{}"} & set(moment.foreign)
    assert all(moment.possible.has(need) for need in ("cmd:gcc", "musl-dev", "pc:liblz4"))


@pytest.mark.parametrize("command", ["grep -v lz4 packages.txt | xargs apk add", "apk add $(grep gcc packages.txt)"])
def test_lines_that_grep_leaves_out_are_not_added(run, command: str) -> None:
    moment = end(run(f"FROM {A}\nCOPY *.txt /\nRUN {command}\n", FILES))
    assert moment.world.has("cmd:gcc")
    assert not moment.possible.has("pc:liblz4")
    assert not moment.unknown


SCANELF = "scanelf --needed --nobanner --format '%n#p' --recursive /usr/local | tr ',' '\\n' | sort -u"
AS_NEEDS = """awk 'system("[ -e /usr/local/lib/" $1 " ]") == 0 { next } { print "so:" $1 }'"""
RUNDEPS = [
    f"apk add --no-cache --virtual .rundeps $({SCANELF} | {AS_NEEDS})",
    f'runDeps="$({SCANELF} | {AS_NEEDS})" && apk add --virtual .rundeps $runDeps',
    f"find /usr/local -type f -exec {SCANELF.replace('--recursive /usr/local', '{} +')} | {AS_NEEDS} | xargs -rt apk add",
]


@pytest.mark.parametrize("command", RUNDEPS)
def test_libraries_that_scanelf_finds_stay(run, command: str) -> None:
    build = "apk add --virtual .build gcc musl-dev postgresql-dev && pip install psycopg2==2.9.9"
    timeline = run(f"FROM python:3.11-alpine3.19\nRUN {build} && {command} && apk del .build\n")
    moment = end(timeline)
    assert moment.world.has("so:libpq.so.5"), "psycopg2 links it"
    assert not moment.world.has("so:libicuuc.so.74")
    assert moment.possible.has("so:libicuuc.so.74"), "what else links what is not known"
    assert not moment.possible.has("cmd:gcc")
    assert not moment.unknown
    assert not said(timeline)


def test_operands_know_the_file_they_stand_in(run) -> None:
    timeline = run(f"FROM {A}\nCOPY packages.txt /x/\nWORKDIR /x\nRUN xargs apk add < packages.txt\n", FILES)
    (step,) = apk_steps(timeline)
    found = [(operand.text, operand.path, operand.span) for operand in step.command.operands]
    assert found == [
        ("gcc", "packages.txt", (8, 11)),
        ("musl-dev", "packages.txt", (12, 20)),
        ("lz4-dev", "packages.txt", (22, 29)),
    ]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("apk add $PKGS", "apk add takes packages from $PKGS, known only at build time"),
        ("apk add $(./list)", "apk add takes packages from $(./list), known only at build time"),
        ("./list | xargs apk add", "what xargs passes to apk is known only at build time"),
        ("grep -A1 '(a*)*b' packages.txt | xargs apk add", "what xargs passes to apk is known only at build time"),
        (
            "grep '\\(a*\\)*\\(b*\\)*c' packages.txt | xargs apk add",
            "what xargs passes to apk is known only at build time",
        ),
        ("apk add 'a b'", "'a b' is not a package name that apk add accepts"),
        ("xargs pip install < nowhere.txt", "what xargs passes to pip is known only at build time"),
        ("find . -newer x -exec pip install -r {} +", "what find passes to pip is known only at build time"),
        ("find . -name '*.cfg' -exec pip install -r {} +", "what find passes to pip is known only at build time"),
        ("apk remove gcc", "apk has no command remove and fails: write apk del"),
        ("apk frobnicate", "apk has no command frobnicate and fails"),
    ],
)
def test_what_hides_packages_is_said(run, command: str, message: str) -> None:
    timeline = run(f"FROM {A}\nCOPY *.txt /\nRUN {command}\n", FILES)
    assert ("unknown-value", message) in said(timeline)


def test_a_variable_keeps_the_packages_beside_it(run) -> None:
    moment = end(run(f"FROM {A}\nARG X\nRUN apk add lz4-libs $X python3=$V\n"))
    assert moment.world.has("so:liblz4.so.1")
    assert moment.world.has("cmd:python3")
    assert moment.unknown == ("X",)


def test_virtual_lists_are_deleted_by_name_known_or_not(run) -> None:
    for name in (".deps", "$DEPS"):
        moment = end(run(f"FROM {A}\nRUN apk add --virtual {name} lz4-dev && apk del {name}\n"))
        assert not moment.world.has("pc:liblz4")


@pytest.mark.parametrize(
    "command",
    [
        'if [ -n "$X" ]; then apk add lz4-libs; fi',
        '[ -n "$X" ] && apk add lz4-libs',
        "false || apk add lz4-libs",
        "case $X in a) apk add lz4-libs;; esac",
    ],
)
def test_branches_are_possible(run, command: str) -> None:
    moment = end(run(f"FROM {A}\nARG X\nRUN {command}\n"))
    assert not moment.world.has("so:liblz4.so.1")
    assert moment.possible.has("so:liblz4.so.1")


def test_foreign_packages_and_repositories(run) -> None:
    text = (
        f"FROM {A}\nRUN apk add nosuch /tmp/x.apk\nRUN apk add -X http://x/testing curl@edge\n"
        "RUN echo http://y >> /etc/apk/repositories\n"
    )
    moment = end(run(text))
    assert moment.foreign == ("nosuch", "/tmp/x.apk", "curl")
    assert moment.repositories == ("http://x/testing", "@edge", "/etc/apk/repositories")
    assert moment.world.has("cmd:curl")


def test_every_apk_step_has_its_moments(run) -> None:
    timeline = run(
        f"FROM {A}\nRUN apk update && apk add lz4-libs && apk fix && apk upgrade && apk del lz4-libs && apk info\n"
    )
    found = apk_steps(timeline)
    assert [step.command.verb for step in found] == ["add", "fix", "upgrade", "del"]
    assert [step.after.world.has("lz4-libs") for step in found] == [True, True, True, False]
    text = timeline.dockerfile.data[found[0].span[0] : found[0].span[1]]
    assert text == b"apk add lz4-libs"


def test_folders_are_left_with_their_subshell(run) -> None:
    files = {"a/r.txt": "lz4==4.4.5\n", "r.txt": "six==1.16.0\n"}
    text = "FROM python:3.11-alpine3.19\nWORKDIR /w\nCOPY . .\nRUN {}\n"
    assert set(places(run(text.format("(cd a && pip install -r r.txt) && pip install -r r.txt"), files))) == {
        "lz4",
        "six",
    }
    assert set(places(run(text.format("cd a && sh -c 'pip install -r r.txt'"), files))) == {"lz4"}
    assert set(places(run(text.format("cd a\nRUN pip install -r r.txt"), files))) == {"six"}


def test_python_that_runs_while_building(run) -> None:
    text = (
        "FROM python:3.11-alpine3.19\nRUN pip install lz4==4.4.5\n"
        "RUN python -c 'import os; import lz4.frame' && python3 -m nltk.downloader all && python manage.py x\n"
    )
    found = [step for step in last(run(text)).steps if isinstance(step, PythonStep)]
    assert [
        set(step.modules) >= wanted
        for step, wanted in zip(found, [{"os", "lz4.frame"}, {"nltk.downloader"}], strict=True)
    ]
    assert [item.resolved.name for item in found[0].installed] == ["lz4"]


def test_users_and_their_homes(run) -> None:
    head = "FROM python:3.11-alpine3.19\nRUN adduser -D -h /srv/app -u 1000 app\n"
    for user in ("app", "1000", "app:app"):
        assert places(run(f"{head}USER {user}\nRUN pip install --user lz4\n"))["lz4"].startswith("/srv/app/.local/")
    assert places(run(f"{head}USER other\nRUN pip install --user lz4\n"))["lz4"].startswith("/home/other/.local/")
    assert places(run(f"{head}ENV HOME=/h\nUSER app\nRUN pip install --user lz4\n"))["lz4"].startswith("/h/.local/")


def test_shell_text_that_makes_no_sense_is_said(run) -> None:
    assert any(code == "unknown-value" for code, _ in said(run(f"FROM {A}\nRUN if true; then apk add curl\n")))
