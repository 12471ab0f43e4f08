from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dockerlint_alpine.knowledge import Knowledge, KnowledgeError, MissingDataError, RuleError
from dockerlint_alpine.knowledge.compile import build

OWN = """
name = "lz4"
imports = ["lz4"]
[[build]]
language = ["rust"]
evidence = ["our fork"]
"""


def test_lz4_as_the_case_needs_it(knowledge: Knowledge) -> None:
    entry = knowledge.distribution("LZ4")
    (link,) = entry.build("4.4.5").libraries
    library = knowledge.library(link.library)
    assert link.linkage == "system-if-present"
    assert link.detect == ("pkg-config",)
    assert not link.required
    assert link.switched_on({})
    assert not link.switched_on({"PYLZ4_USE_SYSTEM_LZ4": "0"})
    assert library.build_needs("3.19") == ("pc:liblz4",)
    assert link.runtime_needs(library, "3.19") == ("so:liblz4.so.*",)


@pytest.mark.parametrize(
    ("need", "library"),
    [
        ("so:liblz4.so.1", "lz4"), ("liblz4.so.1", "lz4"), ("liblz4.so", "lz4"), ("pc:liblz4", "lz4"), ("lz4.h", "lz4"),
        ("cmd:pg_config", "libpq"), ("libpq-fe.h", "libpq"), ("so:libssl.so.1.1", "openssl"), ("ffi.h", "libffi"),
        ("so:libicui18n.so.74", "icu"), ("linux/ethtool.h", "linux-headers"), ("libxml/parser.h", "libxml2"),
    ],
)  # fmt: skip
def test_a_capability_leads_to_its_library(knowledge: Knowledge, need: str, library: str) -> None:
    found = knowledge.library_for(need)
    assert found is not None
    assert found.name == library


def test_what_nobody_has_is_none(knowledge: Knowledge) -> None:
    assert knowledge.distribution("no-such-thing") is None
    assert knowledge.library("no-such-thing") is None
    assert knowledge.library_for("so:libnosuch.so.1") is None
    assert knowledge.distribution_for_import("nosuch.module") is None
    assert knowledge.language("cobol") is None
    assert knowledge.facts.releases("no-such-thing") == ()


def test_an_import_leads_to_its_distribution(knowledge: Knowledge) -> None:
    assert knowledge.distribution_for_import("lz4.frame").name == "lz4"
    assert knowledge.distribution_for_import("PIL._imaging").name == "pillow"
    assert knowledge.distribution_for_import("MySQLdb").name == "mysqlclient"


def test_who_needs_a_library(knowledge: Knowledge) -> None:
    assert {"psycopg2", "psycopg-c", "psycopg"} <= set(knowledge.users_of("libpq"))


def test_every_language_of_a_rule_is_described(knowledge: Knowledge) -> None:
    assert "cmd:g++" in knowledge.language("c++").needs
    assert knowledge.language("c").needs == ("cmd:gcc", "musl-dev")
    assert knowledge.language("rust").runtime == ("so:libgcc_s.so.1",)


def test_missing_rules_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"rules\.sqlite: the compiled rules are missing; run `python -m"):
        Knowledge.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be read as a header of one"])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rules.sqlite").write_bytes(content)
    with pytest.raises(MissingDataError):
        Knowledge.open(tmp_path)


def test_a_relative_folder_will_do(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.parent)
    assert Knowledge.open(Path(data.name)).distribution("lz4") is not None


def test_a_folder_of_the_user_overrides_and_adds(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    (folder / "distributions").mkdir(parents=True)
    (folder / "libraries").mkdir()
    (folder / "distributions" / "lz4.toml").write_text(OWN)
    (folder / "distributions" / "acme-native.toml").write_text(
        'name = "acme-native"\nimports = ["acme"]\n[[build]]\nlanguage = ["c"]\n'
        '[[build.library]]\nuse = "acme"\nlinkage = "always"\nevidence = ["x"]\n'
    )
    (folder / "libraries" / "acme.toml").write_text('name = "acme"\nsonames = ["libacme.so.*"]\nevidence = ["x"]\n')
    with_own = Knowledge.open(data, [folder])
    assert with_own.distribution("lz4").build("4.4.5").language == ("rust",)
    assert with_own.distribution("acme_native") is not None
    assert with_own.library_for("libacme.so.3").name == "acme"
    assert with_own.distribution_for_import("acme.sub").name == "acme-native"
    assert with_own.users_of("acme") == ("acme-native",)
    assert "lz4" not in with_own.users_of("lz4")
    assert with_own.source("distribution", "lz4") == f"{folder}/distributions/lz4.toml"
    assert with_own.source("distribution", "psycopg2") == "rules/distributions/psycopg2.toml"
    assert "acme-native" in with_own.names("distribution")
    assert with_own.distribution("psycopg2") is not None


def test_a_later_folder_wins(data: Path, tmp_path: Path) -> None:
    for name, language in (("a", "c"), ("b", "fortran")):
        (tmp_path / name / "distributions").mkdir(parents=True)
        text = OWN.replace('"rust"', f'"{language}"')
        (tmp_path / name / "distributions" / "lz4.toml").write_text(text)
    found = Knowledge.open(data, [tmp_path / "a", tmp_path / "b"])
    assert found.distribution("lz4").build("1").language == ("fortran",)


def test_a_broken_entry_of_the_user_names_its_file(data: Path, tmp_path: Path) -> None:
    (tmp_path / "distributions").mkdir()
    (tmp_path / "distributions" / "lz4.toml").write_text("name = lz4")
    with pytest.raises(RuleError, match=r"distributions/lz4\.toml: not TOML"):
        Knowledge.open(data, [tmp_path]).distribution("lz4")
    (tmp_path / "distributions" / "lz4.toml").write_text('name = "other"')
    with pytest.raises(RuleError, match="name: must be 'lz4', the name of the file"):
        Knowledge.open(data, [tmp_path]).distribution("lz4")


def test_compiling_is_reproducible_and_keeps_the_old_file_on_errors(tmp_path: Path, shipped: Path) -> None:
    rules = tmp_path / "rules"
    (rules / "distributions").mkdir(parents=True)
    (rules / "libraries").mkdir()
    for name in ("lz4", "zstd"):
        shutil.copy(shipped / "libraries" / f"{name}.toml", rules / "libraries")
    shutil.copy(shipped / "distributions" / "lz4.toml", rules / "distributions")
    out = tmp_path / "rules.sqlite"
    build(rules, out)
    first = Knowledge.open(tmp_path).version
    build(rules, out)
    assert Knowledge.open(tmp_path).version == first
    shutil.copy(shipped / "distributions" / "psycopg2.toml", rules / "distributions")
    with pytest.raises(KnowledgeError, match=r"uses the library 'libpq', which has no rules/libraries/libpq\.toml"):
        build(rules, out)
    assert Knowledge.open(tmp_path).version == first


def test_importing_it_pulls_in_nothing_heavy() -> None:
    heavy = "urllib.request http asyncio libcst docker elftools tomllib email click"
    code = (
        f"import sys, dockerlint_alpine.knowledge\nprint([name for name in {heavy.split()!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
