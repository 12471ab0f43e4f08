"""``alpine-doctor rules``: list, show, validate, new, refresh, export."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dockerlint_alpine.cli import app
from dockerlint_alpine.knowledge import Knowledge
from tests.archives import packed
from tests.python.index.local_index import LocalIndex, serve

RULES = Path(__file__).resolve().parents[2] / "rules"


def rules(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["rules", *arguments])


def sdist(name: str, version: str, files: dict[str, str]) -> bytes:
    files = {"PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", **files}
    return packed({f"{name}-{version}/{path}": text for path, text in files.items()})


ACME = sdist(
    "acme",
    "1.0",
    {
        "setup.py": "from setuptools import setup, Extension\n"
        "setup(ext_modules=[Extension('acme', ['acme.c'], libraries=['pq', 'nosuchlib'])])\n",
        "acme.c": "#include <Python.h>\n#include <libpq-fe.h>\n",
    },
)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a rules folder of its own."""
    folder = tmp_path / "own"
    (folder / "distributions").mkdir(parents=True)
    (folder / "distributions" / "lz4.toml").write_text(
        'name = "lz4"\n[[build]]\nlanguage = ["rust"]\nevidence = ["our fork"]\n'
    )
    (tmp_path / "alpine-doctor.toml").write_text('rules = ["own"]\n')
    monkeypatch.chdir(tmp_path)
    return folder


def test_list_names_every_entry_of_a_kind() -> None:
    names = rules("list", "--isolated").output.split()
    assert len(names) >= 300
    assert names == sorted(names)
    assert "libpq" in rules("list", "--kind", "library", "--isolated").output.split()
    answer = json.loads(rules("list", "--output-format", "json", "--isolated").output)
    assert {"name": "lz4", "source": "rules/distributions/lz4.toml"} in answer["rules"]


def test_show_prints_the_entry_as_written_and_where_it_is_from() -> None:
    text = rules("show", "LZ4", "--isolated", "--kind", "distribution").output
    assert text.startswith("# rules/distributions/lz4.toml\n")
    assert tomllib.loads(text) == Knowledge.open().raw("distribution", "lz4")
    both = json.loads(rules("show", "lz4", "--output-format", "json", "--isolated").output)
    assert [one["kind"] for one in both["rules"]] == ["distribution", "library"]
    assert tomllib.loads(rules("show", "lz4", "--kind", "wheels", "--isolated").output)["as-of"]


def test_show_of_nothing_is_exit_code_2_with_what_may_be_meant() -> None:
    result = rules("show", "psycop2", "--isolated")
    assert result.exit_code == 2
    assert "did you mean psycopg2" in result.stderr


def test_a_user_s_folder_is_over_the_built_in_rules(own: Path) -> None:
    text = rules("show", "lz4", "--kind", "distribution").output
    assert text.startswith("# ")
    assert "own/distributions/lz4.toml" in text.splitlines()[0]
    assert tomllib.loads(text)["build"][0]["language"] == ["rust"]
    assert "rust" not in rules("show", "lz4", "--kind", "distribution", "--isolated").output
    (own / "distributions" / "lz4.toml").write_text("name =")
    broken = rules("show", "lz4")
    assert broken.exit_code == 2
    assert "not TOML" in broken.stderr


def test_a_configuration_that_names_no_folder_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alpine-doctor.toml").write_text("rules = 3\n")
    monkeypatch.chdir(tmp_path)
    result = rules("list")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("Error: ")


def test_validate_passes_the_shipped_rules() -> None:
    result = rules("validate", str(RULES))
    assert result.exit_code == 0, result.output
    assert result.output.startswith("all rules are valid: ")
    for release in ("3.12", "3.17", "3.18", "3.19", "3.21", "3.22"):
        assert f"{release} " in result.output


def test_validate_tells_each_problem_and_is_exit_code_1(own: Path) -> None:
    assert rules("validate", "own").exit_code == 0
    (own / "libraries").mkdir()
    (own / "libraries" / "acme.toml").write_text('name = "acme"\npkg-config = ["acme-nosuch"]\nevidence = ["x"]\n')
    (own / "distributions" / "bad.toml").write_text('name = "bad"\nimport = ["x"]\n')
    result = rules("validate", "own")
    assert result.exit_code == 1
    assert "rules/libraries/acme.toml: Alpine 3.19 has none of pc:acme-nosuch" in result.stdout
    assert "rules/distributions/bad.toml: unknown key `import`" in result.stdout
    answer = json.loads(rules("validate", "own", "--output-format", "json").stdout)
    assert {problem["file"] for problem in answer["problems"]} == {
        "rules/libraries/acme.toml",
        "rules/distributions/bad.toml",
    }
    assert {"alpine": "3.19", "arch": "x86_64"} in answer["releases"]


def test_validate_of_what_holds_no_rules_is_exit_code_2(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nosuch"):
        result = rules("validate", str(folder))
        assert result.exit_code == 2
        assert result.stderr.splitlines()[-1].startswith("Error: ")


def test_new_drafts_from_a_source_archive(tmp_path: Path) -> None:
    archive = tmp_path / "acme-1.0.tar.gz"
    archive.write_bytes(ACME)
    result = rules("new", "Acme", "--sdist", str(archive), "--offline")
    assert result.exit_code == 0, result.output
    assert "# No library of the rules is known for: acme 1.0 links -lnosuchlib" in result.stdout
    entry = tomllib.loads(result.stdout)
    assert (entry["name"], entry["confidence"]) == ("acme", "packaging")
    (build,) = entry["build"]
    assert build["language"] == ["c"]
    (link,) = build["library"]
    assert (link["use"], link["linkage"]) == ("libpq", "always")
    assert any("libpq-fe.h" in fact for fact in link["evidence"])


def test_a_draft_is_valid_and_never_replaces_a_file(tmp_path: Path) -> None:
    archive = tmp_path / "acme-1.0.tar.gz"
    archive.write_bytes(ACME)
    arguments = ("new", "acme", "--sdist", str(archive), "--offline", "--rules", str(tmp_path / "own"))
    written = rules(*arguments)
    assert written.exit_code == 0, written.output
    assert rules("validate", str(tmp_path / "own")).exit_code == 0
    again = rules(*arguments)
    assert again.exit_code == 2
    assert "already exists" in again.stderr


def test_new_takes_what_alpine_s_own_package_links() -> None:
    entry = tomllib.loads(rules("new", "psycopg2", "--offline").stdout)
    assert entry["apk"] == "py3-psycopg2"
    assert [link["use"] for link in entry["build"][0]["library"]] == ["libpq"]


@pytest.mark.parametrize("content", [b"", b"no archive", ACME[:100]], ids=["empty", "text", "cut"])
def test_new_of_a_damaged_archive_is_one_line(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "acme-1.0.tar.gz"
    archive.write_bytes(content)
    result = rules("new", "acme", "--sdist", str(archive), "--offline")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("Error: acme-1.0.tar.gz")


def test_new_of_a_name_that_nobody_knows_says_so() -> None:
    result = rules("new", "nobody-knows-this", "--offline")
    assert result.exit_code == 2
    assert "nothing native was found in anything" in result.stderr


def test_new_and_refresh_ask_the_configured_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = LocalIndex(files={"acme": {"acme-1.0.tar.gz": (ACME, None, {"upload-time": "2026-01-02T03:04:05Z"})}})
    with serve(index):
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        drafted = rules("new", "acme")
        first = rules("refresh", "Acme", "--rules", str(tmp_path))
        second = rules("refresh", "acme", "--rules", str(tmp_path))
    assert drafted.exit_code == 0, drafted.output
    assert tomllib.loads(drafted.stdout)["build"][0]["library"][0]["use"] == "libpq"
    assert first.output == f"{tmp_path}/wheels/acme.toml: renewed\n"
    assert second.output == f"{tmp_path}/wheels/acme.toml: nothing new\n"
    written = (tmp_path / "wheels" / "acme.toml").read_text()
    assert tomllib.loads(written)["release"] == {"1.0": {"uploaded": "2026-01-02"}}
    assert "127.0.0.1" not in written
    assert {path for path, _ in index.requests} == {"/simple/acme/", "/files/acme/acme-1.0.tar.gz"}


def test_an_index_that_does_not_answer_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for arguments in (("new", "acme"), ("refresh", "acme", "--rules", str(tmp_path))):
        result = rules(*arguments)
        assert result.exit_code == 2
        assert "secret" not in result.output
        assert result.stderr.splitlines()[-1].startswith("Error: 127.0.0.1:9 did not answer: Connection refused")


def test_export_is_the_alpine_mapping(tmp_path: Path) -> None:
    mapping = json.loads(rules("export", "--format", "pep804", "--alpine", "3.21", "--isolated").output)
    assert mapping["name"] == "Alpine Linux"
    registry = tmp_path / "registry.json"
    registry.write_text('{"definitions": [{"id": "dep:generic/zlib"}]}')
    only = json.loads(rules("export", "--registry", str(registry), "--isolated").output)
    assert [entry["id"] for entry in only["mappings"]] == ["dep:generic/zlib"]
    registry.write_text("[]")
    assert rules("export", "--registry", str(registry), "--isolated").exit_code == 2
    assert rules("export", "--alpine", "9.99", "--isolated").exit_code == 2
