from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine.apk import Constraint, Package
from dockerlint_alpine.knowledge.validate import disagreements, judged, validate

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge import Knowledge


@dataclass
class Found:
    package: Package


@dataclass
class Source:
    release: str
    repository: str
    arch: str
    derived: object = None


class Index:
    """Packages given as {name: (provides, depends)}."""

    repositories = ("main", "community")

    def __init__(self, packages: dict[str, tuple[str, str]]) -> None:
        self.provided = {name: provides.split() for name, (provides, _) in packages.items()}
        self.made = {
            name: Package(name, "4.4.5-r0", depends=tuple(Constraint.parse(item) for item in depends.split()))
            for name, (_, depends) in packages.items()
        }

    def package(self, name: str) -> Package | None:
        return self.made.get(name)

    def find(self, need: str) -> list[Found]:
        stem = need.rstrip("*")
        return [
            Found(self.made[name])
            for name, provides in self.provided.items()
            if name == need or any(item == need or ("*" in need and item.startswith(stem)) for item in provides)
        ]


class Indexes:
    def __init__(self, **releases: Index) -> None:
        self.made = {name.replace("r", "").replace("_", "."): index for name, index in releases.items()}

    def sources(self) -> list[Source]:
        return [
            Source(release, repository, "x86_64")
            for release, index in self.made.items()
            for repository in index.repositories
        ]

    def open(self, release: str, arch: str) -> Index:
        assert arch == "x86_64"
        return self.made[release]


LZ4 = {
    "lz4-dev": ("pc:liblz4", "lz4-libs"),
    "lz4-libs": ("so:liblz4.so.1", ""),
    "py3-lz4": ("", "so:liblz4.so.1 so:libc.musl-x86_64.so.1"),
}


@pytest.fixture
def rules(tmp_path: Path, shipped: Path) -> Path:
    (tmp_path / "distributions").mkdir()
    (tmp_path / "libraries").mkdir()
    shutil.copy(shipped / "languages.toml", tmp_path)
    shutil.copy(shipped / "libraries" / "lz4.toml", tmp_path / "libraries")
    shutil.copy(shipped / "distributions" / "lz4.toml", tmp_path / "distributions")
    return tmp_path


def said(rules: Path, **releases: Index) -> list[str]:
    return [str(problem) for problem in validate(rules, Indexes(**releases))]


def test_good_rules_have_no_problem(rules: Path) -> None:
    assert said(rules, r3_19=Index(LZ4)) == []
    assert disagreements(rules, Indexes(r3_19=Index(LZ4))) == ()


def test_a_need_that_a_release_lacks_is_a_problem_unless_the_entry_says_so(rules: Path) -> None:
    empty = Index({})
    assert said(rules, r3_12=empty, r3_19=Index(LZ4)) == [
        "rules/libraries/lz4.toml: Alpine 3.12 has none of pc:liblz4",
        "rules/libraries/lz4.toml: Alpine 3.12 has no so:liblz4.so.*",
    ]
    entry = rules / "libraries" / "lz4.toml"
    entry.write_text('since = "3.13"\n' + entry.read_text())
    assert said(rules, r3_12=empty, r3_19=Index(LZ4)) == []


def test_a_stand_in_proves_nothing(rules: Path) -> None:
    empty = Index({})
    empty.repositories = ("main",)
    assert said(rules, r3_20=empty) == []


def test_a_dev_package_must_bring_its_library(rules: Path) -> None:
    packages = {**LZ4, "lz4-dev": ("pc:liblz4", "")}
    assert said(rules, r3_19=Index(packages)) == [
        "rules/libraries/lz4.toml: in Alpine 3.19 lz4-dev does not depend on lz4-libs"
    ]
    packages = {**LZ4, "lz4-dev": ("pc:liblz4", "so:liblz4.so.1")}
    assert said(rules, r3_19=Index(packages)) == []


def test_what_alpine_links_must_be_in_the_rule_or_explained(rules: Path) -> None:
    packages = {**LZ4, "py3-lz4": ("", "so:libzstd.so.1")}
    assert said(rules, r3_19=Index(packages)) == [
        "rules/distributions/lz4.toml: apk: Alpine 3.19's py3-lz4 links so:libzstd.so.1, of which no build says anything"
    ]
    entry = rules / "distributions" / "lz4.toml"
    entry.write_text('apk-differs = "Alpine patches it"\n' + entry.read_text())
    assert said(rules, r3_19=Index(packages)) == []
    (found,) = disagreements(rules, Indexes(r3_19=Index(packages)))
    assert (found.distribution, found.apk, found.sonames, found.reason) == (
        "lz4", "py3-lz4", ("so:libzstd.so.1",), "Alpine patches it",
    )  # fmt: skip


def test_alpine_s_package_says_whether_it_is_c_plus_plus(rules: Path) -> None:
    linked = Index({**LZ4, "py3-lz4": ("", "so:libstdc++.so.6")})
    (problem,) = said(rules, r3_19=linked)
    assert problem.endswith("links so:libstdc++.so.6, and its build names no C++")
    entry = rules / "distributions" / "lz4.toml"
    text = entry.read_text()
    entry.write_text(text.replace('language = ["c"]', 'language = ["c++"]'))
    assert said(rules, r3_19=linked) == []
    plain = {**LZ4, "py3-lz4": ("", "so:libc.musl-x86_64.so.1")}
    (problem,) = said(rules, r3_19=Index(plain))
    assert "does not link so:libstdc++.so.6, and its build names C++" in problem
    # Alpine links a library of which the sdist has a copy: what pip compiles may be C++.
    assert said(rules, r3_19=Index({**LZ4, "py3-lz4": ("", "so:liblz4.so.1")})) == []


def test_broken_files_and_contradictions_are_all_listed(rules: Path) -> None:
    (rules / "libraries" / "other.toml").write_text('name = "other"\nsonames = ["liblz4.so.*"]\nevidence = ["x"]\n')
    (rules / "libraries" / "bad.toml").write_text("name =")
    (rules / "distributions" / "x.toml").write_text(
        'name = "x"\nimports = ["lz4"]\n[[build]]\nlanguage = ["cobol"]\n'
        '[[build.library]]\nuse = "nothing"\nlinkage = "always"\nevidence = ["x"]\n'
    )
    problems = said(rules, r3_19=Index({**LZ4, "x": ("so:liblz4.so.1", "")}))
    assert any(item.startswith("rules/libraries/bad.toml: not TOML") for item in problems)
    assert "rules/libraries/other.toml: so:liblz4 is also claimed by the library lz4" in problems
    assert "rules/distributions/x.toml: imports: 'lz4' is also claimed by lz4" in problems
    assert "rules/distributions/x.toml: build[0].language: 'cobol' is not in rules/languages.toml" in problems
    assert any("uses the library 'nothing'" in item for item in problems)


def test_a_release_without_a_full_index_is_not_judged_and_x86_64_is_preferred() -> None:
    indexes = Indexes(r3_12=Index(LZ4), r3_19=Index(LZ4), r3_20=Index(LZ4))
    indexes.made["3.20"].repositories = ("main",)
    assert list(judged(indexes)) == ["3.12", "3.19"]
    rows = [Source("3.14", repository, arch) for arch in ("armv7", "aarch64") for repository in ("main", "community")]
    indexes.sources = lambda: rows
    assert judged(indexes) == {"3.14": "aarch64"}
    rows += [Source("3.14", "main", "x86_64"), Source("3.14", "community", "x86_64")]
    assert judged(indexes) == {"3.14": "x86_64"}


def test_an_architecture_that_lacks_a_library_is_no_problem_where_the_entry_says_so(rules: Path) -> None:
    entry = rules / "libraries" / "lz4.toml"
    entry.write_text('not-on = ["x86_64"]\n' + entry.read_text())
    assert said(rules, r3_19=Index({})) == []


def test_a_proof_that_contradicts_the_rule_is_a_problem(rules: Path) -> None:
    entry = rules / "distributions" / "lz4.toml"
    text = re.sub(r"^proof = \[.*?\]\n", "", entry.read_text(), flags=re.MULTILINE | re.DOTALL)
    for proof, problem in (
        ("built 4.4.5 with lz4: links liblz4.so.1 [2026-11-23]", None),
        ("built 4.4.5: links nothing but libc [2026-11-23]", None),
        ("built 4.4.5 with lz4, PYLZ4_USE_SYSTEM_LZ4=0: links nothing but libc [2026-11-23]", None),
        ("built 4.4.5 with lz4: links nothing but libc [2026-11-23]", "4.4.5 does not link liblz4 with lz4 at hand"),
        (
            "built 4.4.5: links liblz4.so.1 [2026-11-23]",
            "4.4.5 links liblz4, of which the rule says nothing in this case",
        ),
        ("built 1.1: links nothing but libc [2026-11-23]", "the rule says nothing of the build of 1.1"),
    ):
        entry.write_text(f'proof = ["{proof}"]\n{text}')
        expected = [] if problem is None else [f"rules/distributions/lz4.toml: proof[0]: {problem}"]
        assert said(rules, r3_19=Index(LZ4)) == expected, proof


def test_a_user_s_folder_may_speak_of_built_in_libraries_and_languages(tmp_path: Path, knowledge: Knowledge) -> None:
    (tmp_path / "distributions").mkdir()
    (tmp_path / "distributions" / "acme.toml").write_text(
        'name = "acme"\n[[build]]\nlanguage = ["c"]\n[[build.library]]\nuse = "lz4"\nlinkage = "always"\nevidence = ["x"]\n'
    )
    indexes = Indexes(r3_19=Index(LZ4))
    assert validate(tmp_path, indexes, knowledge) == ()
    alone = [str(problem) for problem in validate(tmp_path, indexes)]
    assert any("uses the library 'lz4'" in line for line in alone)
    assert any("'c' is not in rules/languages.toml" in line for line in alone)


def test_what_alpine_links_by_a_switch_or_unbundled_is_a_disagreement_with_its_reason(rules: Path) -> None:
    entry = rules / "distributions" / "lz4.toml"
    text = re.sub(r"^proof = \[.*?\]\n", "", entry.read_text(), flags=re.MULTILINE | re.DOTALL)
    for changed, reason in (
        (text.replace('linkage = "system-if-present"', 'linkage = "bundled"'), "pip compiles the copy in the sdist"),
        (text.replace("env-if-set", "only-env"), "pip links it only with PYLZ4_USE_SYSTEM_LZ4=1"),
    ):
        entry.write_text(changed)
        (found,) = disagreements(rules, Indexes(r3_19=Index(LZ4)))
        assert (found.sonames, found.reason) == (("so:liblz4.so.1",), reason)
