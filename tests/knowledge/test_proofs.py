from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dockerlint_alpine.knowledge.proofs import Proof, stem
from tools.prove_rules import with_proofs

names = st.from_regex(r"[a-z][a-z0-9+.-]{0,12}", fullmatch=True)
sonames = st.from_regex(r"lib[a-z]{1,8}\.so\.[0-9]{1,2}", fullmatch=True)
proofs = st.builds(
    Proof,
    kind=st.sampled_from(["build", "wheel"]),
    source=names,
    libraries=st.lists(names, max_size=3, unique=True).map(tuple),
    env=st.lists(st.tuples(st.from_regex(r"[A-Z_]{1,9}", fullmatch=True), names), max_size=2).map(tuple),
    links=st.lists(sonames, max_size=3, unique=True).map(tuple),
    carries=st.lists(sonames, max_size=2, unique=True).map(tuple),
    date=st.just("2026-11-23"),
)

ENTRY = """\
name = "lz4"
evidence = [
  "kept",
]

[[build]]
language = ["c"]
evidence = ["e"]
"""


@given(proofs)
def test_the_stable_form_is_read_back(proof: Proof) -> None:
    assert Proof.parse(str(proof)) == proof


@pytest.mark.parametrize(
    "text", ["", "built", "built 1: links x", "guessed 1: links x [2026-11-23]", "built 1 links x"]
)
def test_other_texts_are_no_proof(text: str) -> None:
    assert Proof.parse(text) is None


@given(st.lists(proofs, min_size=1, max_size=4))
def test_writing_changes_nothing_but_the_proofs(found: list[Proof]) -> None:
    text = with_proofs(ENTRY, found)
    table = tomllib.loads(text)
    assert {Proof.parse(item).case for item in table.pop("proof")} == {proof.case for proof in found}
    assert table == tomllib.loads(ENTRY)
    assert with_proofs(text, found) == text
    assert text.endswith(ENTRY[ENTRY.index("[[build]]") :])


def test_the_same_result_keeps_its_day_and_another_one_replaces_it() -> None:
    proof = Proof.parse("built 4.4.5 with lz4: links liblz4.so.1 [2026-01-01]")
    text = with_proofs(ENTRY, [proof])
    assert with_proofs(text, [replace(proof, date="2026-02-02")]) == text
    newer = replace(proof, source="4.5.0", date="2026-02-02")
    assert tomllib.loads(with_proofs(text, [newer]))["proof"] == [str(newer)]
    without = replace(proof, libraries=(), links=())
    assert tomllib.loads(with_proofs(text, [without]))["proof"] == [str(proof), str(without)]


@pytest.mark.parametrize(
    ("soname", "expected"),
    [
        ("liblz4.so.1", "liblz4"),
        ("libldap-2.5.so.0", "libldap"),
        ("libyaml-0.so.2", "libyaml"),
        ("libscipy_openblas64_.so", "libopenblas"),
        ("libgit2.so.*", "libgit2"),
    ],
)
def test_sonames_are_compared_without_their_versions(soname: str, expected: str) -> None:
    assert stem(soname) == expected
