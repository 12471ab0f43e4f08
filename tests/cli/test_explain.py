"""``alpine-doctor explain``: every kind of topic as text and JSON, and topics that nothing has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dockerlint_alpine.cli import app


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", "--isolated", *arguments])


@pytest.mark.parametrize(
    ("topic", "kind", "said"),
    [
        ("AD201", "code", "AD201 missing-runtime-library"),
        ("missing-runtime-library", "code", "AD201 missing-runtime-library"),
        ("lz4", "distribution", "lz4 - Python distribution"),
        ("Pillow", "distribution", "pillow - Python distribution"),
        ("cv2", "distribution", "opencv-python - Python distribution"),
        ("liblz4.so.1", "library", "lz4 - native library"),
        ("so:liblz4.so.1", "library", "lz4 - native library"),
        ("lz4.h", "library", "lz4 - native library"),
        ("pc:liblz4", "library", "lz4 - native library"),
        ("liblz4", "library", "lz4 - native library"),
        ("pg_config", "library", "libpq - native library"),
        ("cmd:pg_config", "library", "libpq - native library"),
        ("lz4-dev", "package", "lz4-dev - apk package"),
        ("busybox", "package", "busybox - apk package"),
    ],
)
def test_every_kind_of_topic(topic: str, kind: str, said: str) -> None:
    text = explain(topic, "--alpine", "3.21")
    assert text.exit_code == 0, text.output
    assert text.output.splitlines()[0].startswith(said)
    answer = json.loads(explain(topic, "--output-format", "json").output)
    assert (answer["version"], answer["topic"], answer["kind"]) == (1, topic, kind)


@pytest.mark.parametrize(
    ("topic", "near"),
    [("lzz4", "lz4"), ("psycop2", "psycopg2"), ("AD2O1", "AD201"), ("postgresql16-dve", "postgresql16-dev")],
)
def test_an_unknown_topic_is_exit_code_2_with_what_may_be_meant(topic: str, near: str) -> None:
    result = explain(topic)
    assert result.exit_code == 2
    assert f"nothing is known about '{topic}'" in result.stderr
    assert "did you mean" in result.stderr
    assert near in result.stderr
    assert result.stdout == ""


def test_a_topic_like_nothing_else_gets_a_way_on() -> None:
    result = explain("qqqqqqqqqqqqqqqq")
    assert result.exit_code == 2
    assert "`alpine-doctor rules list` lists what is known" in result.stderr


@pytest.mark.parametrize(
    "options", [["--alpine", "9.99"], ["--alpine", "x"], ["--arch", "vax"], ["--config", "nosuch"]]
)
def test_bad_options_are_exit_code_2_and_one_line(options: list[str]) -> None:
    result = explain("lz4", *options)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("Error: ")


def test_colour_only_where_it_is_wanted() -> None:
    assert "\x1b[" not in explain("lz4").output
    assert "\x1b[1mlz4\x1b[0m" in explain("lz4", "--color", "always").output


def test_a_user_s_own_rules_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "own" / "distributions"
    folder.mkdir(parents=True)
    (folder / "acme-native.toml").write_text(
        'name = "acme-native"\nsummary = "Ours"\n[[build]]\nlanguage = ["c"]\n'
        '[[build.library]]\nuse = "lz4"\nlinkage = "always"\nevidence = ["our build"]\n'
    )
    (tmp_path / "pyproject.toml").write_text('[tool.alpine-doctor]\nrules = ["own"]\n')
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["explain", "acme-native", "--alpine", "3.21"])
    assert result.exit_code == 0, result.output
    assert "RUN apk add --no-cache gcc musl-dev lz4-dev" in result.output
    assert "RUN apk add --no-cache lz4-libs" in result.output
    users = CliRunner().invoke(app, ["explain", "liblz4.so.1"]).output
    assert "acme-native" in users
    assert explain("acme-native").exit_code == 2
    (folder / "acme-native.toml").write_text("name =")
    broken = CliRunner().invoke(app, ["explain", "acme-native"])
    assert broken.exit_code == 2
    assert "acme-native.toml: not TOML" in broken.stderr
