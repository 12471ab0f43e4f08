"""AD203: what the pure Python form of a distribution opens, and what asks for another form."""

from __future__ import annotations

import pytest

from tests.conftest import Judge

STAGE = "FROM python:3.12-alpine3.21\nRUN pip install '{what}'\n"


@pytest.mark.parametrize("what", ["psycopg[c]==3.3.4", "psycopg[binary]==3.3.4", "psycopg[c,pool]==99.0"])
def test_an_extra_that_replaces_the_lookup_needs_no_lookup(judge: Judge, what: str) -> None:
    """Whatever is known of that version's dependencies."""
    assert "AD203" not in {finding.code for finding in judge(STAGE.format(what=what)).findings}


def test_a_package_is_proposed_once(judge: Judge) -> None:
    """``find_library`` asks for both objdump and ld: binutils has them."""
    found = [one for one in judge(STAGE.format(what="psycopg==3.3.4")).findings if one.code == "AD203"]
    assert sorted(one.packages for one in found) == [("binutils",), ("libpq-dev",)]
    assert [also.packages for one in found for also in one.brought] == [("libpq",)]


def test_only_the_official_images_are_known_to_search_with_compilers(judge: Judge) -> None:
    """Home Assistant builds its Python itself; Alpine's own has ``find_library`` patched."""
    lines = "RUN apk add eudev-libs && pip install pyudev==0.24.4\n"
    official = judge(f"FROM python:3.12-alpine3.20\n{lines}")
    assert {name for one in official.findings if one.code == "AD203" for name in one.packages} == {
        "binutils",
        "eudev-dev",
    }
    own = judge(f"FROM ghcr.io/home-assistant/base-python:3.14-alpine3.24\n{lines}")
    assert not [one for one in own.findings if one.code == "AD203"]


def test_a_variable_may_name_where_the_library_lies(judge: Judge) -> None:
    """Wand tries libMagickWand*.so below MAGICK_HOME before it asks ``find_library``; the -dev package has that name."""
    for more, wanted in (("", {"binutils"}), ("ENV MAGICK_HOME=/usr\n", set())):
        report = judge(f"FROM python:3.12-alpine3.20\n{more}RUN apk add imagemagick-dev && pip install Wand==0.6.13\n")
        assert {name for one in report.findings if one.code == "AD203" for name in one.packages} == wanted


def test_what_only_a_branch_brings_is_possible(judge: Judge) -> None:
    lines = 'ARG X\nRUN if [ -n "$X" ]; then apk add libmagic; fi\nRUN pip install python-magic==0.4.27\n'
    (found,) = judge(f"FROM python:3.12-alpine3.21\n{lines}").findings
    assert (found.severity, found.confidence, found.fix) == ("warning", "possible", None)
    assert found.message.endswith("opens libmagic.so.1 at run time; only a branch that may not run installs it")
    assert found.evidence[1].kind == "rule"


@pytest.mark.parametrize(
    ("what", "packages"), [("discord.py", set()), ("discord.py[voice]", {"binutils", "ffmpeg", "opus-dev"})]
)
def test_what_an_extra_opens_is_needed_with_the_extra(judge: Judge, what: str, packages: set[str]) -> None:
    findings = judge(STAGE.format(what=f"{what}==2.3.2")).findings
    assert {name for one in findings if one.code == "AD203" for name in one.packages} == packages


@pytest.mark.parametrize(
    ("source", "severity"),
    [
        ("FFmpegPCMAudio('a.mp3')", "warning"),
        ("PCMVolumeTransformer(source)", "warning"),
        ("FFmpegOpusAudio('a.mp3')", "info"),
    ],
)
def test_opus_is_for_who_plays_what_is_no_opus_yet(judge: Judge, source: str, severity: str) -> None:
    text = "FROM python:3.12-alpine3.20\nRUN pip install disnake[voice]==2.9.2\nCOPY bot.py /\nCMD python /bot.py\n"
    report = judge(text, {"bot.py": f"import disnake\nvoice.play(disnake.{source})\n"})
    assert {one.severity for one in report.findings if "opus-dev" in one.packages} == {severity}


def test_who_loads_it_by_a_name_does_not_look_it_up(judge: Judge) -> None:
    text = "FROM python:3.12-alpine3.20\nRUN pip install discord.py==2.3.2\nCOPY bot.py /\nCMD python /bot.py\n"
    plays = "import discord\nvoice.play(discord.PCMAudio(stream))\n"
    for more, packages in ("", {"opus-dev", "binutils"}), ("discord.opus.load_opus('libopus.so.0')\n", {"opus"}):
        report = judge(text, {"bot.py": plays + more})
        assert {name for one in report.findings if one.code == "AD203" for name in one.packages} == packages


def test_a_program_that_only_a_dependency_may_start_is_a_warning(judge: Judge) -> None:
    """prefect draws with graphviz when it is asked to; graphviz alone is asked for to be used."""
    for requirement, severity in (("prefect", "warning"), ("graphviz", "error")):
        report = judge(f"FROM python:3.13-alpine3.22\nRUN pip install {requirement}\n")
        (finding,) = (one for one in report.findings if one.need == "cmd:dot")
        assert (finding.severity, finding.fix and finding.fix.applicability) == (
            severity, "safe" if severity == "error" else "unsafe",
        )  # fmt: skip


def test_a_feature_is_a_note_for_who_brings_it_along(judge: Judge) -> None:
    """python-escpos asks for pyusb, and prints to files and the network without it."""
    for requirement, severity in (("adafruit-blinka", "info"), ("pyusb", "error")):
        report = judge(f"FROM python:3.12-alpine3.21\nRUN pip install {requirement}\n")
        assert {one.severity for one in report.findings if one.code == "AD203"} == {severity}


def test_what_only_switches_a_feature_on_is_shown_and_not_written(judge: Judge) -> None:
    report = judge("FROM python:3.12-alpine3.20\nRUN pip install pyusb==1.2.1 python-magic==0.4.27\n", select=["AD203"])
    fixes = {one.packages: one.fix.applicability for one in report.findings if one.fix is not None}
    assert fixes == {("libusb-dev",): "unsafe", ("binutils",): "unsafe", ("libmagic",): "safe"}


@pytest.mark.parametrize(("more", "expected"), [("", True), (" s3cmd", False)])
def test_who_does_without_a_library_needs_none(judge: Judge, more: str, expected: bool) -> None:
    """s3cmd catches that python-magic finds no libmagic."""
    report = judge(f"FROM python:3.12-alpine3.21\nRUN pip install python-magic==0.4.27{more}\n")
    assert ("AD203" in {one.code for one in report.findings}) is expected


@pytest.mark.parametrize(
    ("lines", "confidence"),
    [
        ("RUN apk add enchant2\n", "likely"),
        ("RUN apk add --repository https://example.org/testing unheard-of\n", "possible"),
        ("RUN apk add --repository https://example.org/edge jq@edge\n", "possible"),
    ],
)
def test_what_packages_of_another_repository_bring_is_not_known(judge: Judge, lines: str, confidence: str) -> None:
    report = judge(f"FROM python:3.12-alpine3.21\n{lines}RUN pip install python-magic\n")
    found = {one.confidence for one in report.findings if one.code == "AD203"}
    assert found == {confidence}


@pytest.mark.parametrize(
    ("lines", "packages"),
    [
        ("RUN python3 -m nuitka app.py", {"gcc"}),
        ("RUN apk add gcc && python3 -m nuitka app.py && apk del gcc", set()),
        ("RUN apk add clang && nuitka app.py", set()),
        ("RUN echo nothing starts it", set()),
    ],
)
def test_what_a_run_starts_in_a_stage_that_only_builds(judge: Judge, lines: str, packages: set[str]) -> None:
    builder = f"FROM python:3.12-alpine3.21 AS b\nRUN pip install nuitka==2.0\n{lines}\n"
    report = judge(f"{builder}FROM alpine:3.21\nCOPY --from=b /d /\n", select=["AD203"])
    errors = [one for one in report.findings if one.severity == "error"]
    assert {name for one in errors for name in one.packages} == packages


BOT = 'FROM python:3.11-alpine3.19\nRUN pip install discord.py=={what}\nCOPY . /app\nCMD ["python", "/app/bot.py"]\n'
PLAYS = "import discord\n\n\ndef play(voice):\n    voice.play(discord.FFmpegPCMAudio('a.mp3'))\n"


@pytest.mark.parametrize(
    ("what", "source", "severity"),
    [
        ("2.3.2", PLAYS, "warning"),
        ("2.3.2", "import discord\n", None),
        ("2.3.2", PLAYS.replace("    voice", "    try:\n        voice") + "    except Exception:\n        pass\n", None),
        ("2.3.2 PyNaCl", "from discord import FFmpegOpusAudio as A\nA.from_probe('a')\n", "warning"),
    ],
)  # fmt: skip
def test_what_the_application_calls_for(judge: Judge, what: str, source: str, severity: str | None) -> None:
    report = judge(BOT.format(what=what), {"bot.py": source})
    found = [one for one in report.findings if one.code == "AD203" and "ffmpeg" in one.packages]
    assert [one.severity for one in found] == ([severity] if severity else [])
    for one in found:
        assert any(" calls discord.FFmpeg" in each.gist for each in one.evidence)
