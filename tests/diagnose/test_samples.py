"""Every kind of failure, in the words of the tools that print it; see samples.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from .conftest import Ask

SAMPLES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("samples.toml").read_text("utf-8"))["sample"]


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["name"] for sample in SAMPLES])
def test_sample(sample: dict[str, Any], ask: Ask) -> None:
    diagnosis = ask(sample["log"], sample.get("alpine"))
    assert diagnosis.verdict == sample["verdict"]
    assert set(diagnosis.packages) == set(sample.get("packages", ()))
    for cause in diagnosis.causes:
        assert cause.packages or cause.advice
        assert (cause.outcome == "package") == bool(cause.packages)
        assert cause.line >= 1
    if not diagnosis.causes:
        return
    first = diagnosis.causes[0]
    said = " ".join(f"{cause.cause}. {cause.advice}" for cause in diagnosis.causes)
    for words in sample.get("says", ()):
        assert re.search(words, said)
    if "distribution" in sample:
        assert sample["distribution"] in {cause.distribution for cause in diagnosis.causes}
    for key in ("moment", "stage", "line", "quote"):
        if key in sample:
            assert getattr(first, key) == sample[key]
    assert set(sample.get("foreseen", ())) <= set(diagnosis.foreseen)
    assert not set(diagnosis.packages) & set(diagnosis.foreseen)


WRAPPERS = {
    "BuildKit": lambda n, line: f"#12 {n}.123 {line}",
    "BuildKit's summary": lambda n, line: f"{n}.123 {line}",
    "GitHub Actions": lambda n, line: f"2024-05-01T10:11:{n:02}.1234567Z {line}",
    "GitLab": lambda n, line: f"2024-05-01T10:11:{n:02}.123456Z 01O {line}",
    "compose": lambda n, line: f"web-1  | {line}",
    "colours and CRLF": lambda n, line: f"\x1b[31m{line}\x1b[0m\r",
    "Kubernetes": lambda n, line: f"2025-03-01T10:00:{n:02}.123456789Z stderr F {line}",
    "the journal": lambda n, line: f"Nov 28 08:35:{n:02} host1 podman[4711]: {line}",
    "pipenv": lambda n, line: f"[pipenv.exceptions.InstallError]: {line}",
    "Cloud Build": lambda n, line: f'Step #0 - "build": {line}',
    "indented quote": lambda n, line: f">     {line}",
}
PROVING = [sample for sample in SAMPLES if sample["verdict"] == "packages" and "stage" not in sample]


@pytest.mark.parametrize(("wrapper", "first"), [(wrapper, n % 3) for n, wrapper in enumerate(WRAPPERS)])
def test_wrappers_change_no_answer(wrapper: str, first: int, ask: Ask) -> None:
    """Each with a third of the samples, so that each sample meets three or four."""
    wrong = []
    for sample in PROVING[first::3]:
        lines = enumerate(sample["log"].strip("\n").split("\n"))
        log = "\n".join(WRAPPERS[wrapper](n, line) for n, line in lines)
        packages = ask(log, sample.get("alpine")).packages
        if set(packages) != set(sample["packages"]):
            wrong.append((sample["name"], packages))
    assert not wrong


def test_escaped_line_ends_change_no_answer(ask: Ask) -> None:
    wrong = []
    for sample in PROVING:
        log = '{"msg": "' + sample["log"].strip("\n").replace('"', '\\"').replace("\n", "\\n") + '"}'
        packages = ask(log, sample.get("alpine")).packages
        if set(packages) != set(sample["packages"]):
            wrong.append((sample["name"], packages))
    assert not wrong


LINES = [line for sample in SAMPLES for line in sample["log"].splitlines()]


@given(st.lists(st.sampled_from(LINES), max_size=30), st.integers(0, 400), st.binary(max_size=30))
def test_any_mixture_of_lines_gets_an_answer(ask: Ask, lines: list[str], cut: int, noise: bytes) -> None:
    log = "\n".join(lines).encode()[cut:] + noise
    diagnosis = ask(log)
    assert bool(diagnosis.causes) == (diagnosis.verdict != "no-failure")
    assert not set(diagnosis.packages) & set(diagnosis.foreseen)
    assert (diagnosis.verdict == "packages") == bool(diagnosis.packages)
    assert all(1 <= cause.line <= log.count(b"\n") + 1 for cause in diagnosis.causes)
