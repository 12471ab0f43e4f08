from __future__ import annotations

from dockerlint_alpine.run.suggest import did_you_mean, near


def test_the_nearest_name_comes_first_and_case_does_not_count() -> None:
    assert near("LZ04", ["lz4", "lzo", "Lz04x"])[0] == "Lz04x"


def test_the_end_of_a_message() -> None:
    assert did_you_mean("chekc", ["check", "fix"]) == "; did you mean check?"
    assert did_you_mean("aaaa", ["check", "fix"]) == ""
    assert did_you_mean("aaaa", ["check"], otherwise="; there is only check") == "; there is only check"
    assert did_you_mean("lz", ["lz4", "lzo"]) == "; did you mean lzo or lz4?"
