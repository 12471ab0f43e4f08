"""Which release has a wheel: the embedded facts, the index under the policy of ``check``, and what it would tell."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from dockerlint_alpine.diagnose import Cause, diagnose_scan, read_log
from dockerlint_alpine.python.model import Origin, RequirementSet, Resolution, Resolved, Target, Verdict
from dockerlint_alpine.python.resolve import NoAnswerError

if TYPE_CHECKING:
    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.knowledge import Knowledge

PYO3 = "error: the configured Python interpreter version ({}) is newer than PyO3's maximum supported version (3.12)\n"
BUILDING = "Collecting {}=={}\n{}ERROR: Failed building wheel for {}\n"


class Index:
    """An index that knows one answer, and remembers what it was asked."""

    fills_gaps = True
    refusal = ""
    open: dict[str, object] = {}  # noqa: RUF012 - as the protocol has it
    looked_at: set[str] = set()  # noqa: RUF012 - as the protocol has it

    def __init__(self, verdict: Verdict | None) -> None:
        self.verdict = verdict
        self.asked: list[tuple[str, Target]] = []

    def resolve(self, wanted: RequirementSet, target: Target, *_: object, **__: object) -> Resolution:
        (one,) = wanted.requested
        self.asked.append((one.text, target))
        if self.verdict is None:
            raise NoAnswerError("no answer within 3 seconds")
        assert one.name is not None
        found = Resolved(one.name, one.specifier.removeprefix("=="), (), (), Origin("x"), self.verdict)
        return Resolution((found,))

    def source_facts(self, *_: object) -> None:
        raise AssertionError("nobody asks for sdists")


@pytest.fixture
def cause(knowledge: Knowledge, store: IndexStore):
    def run(log: str, index: Index | None = None, **told: str) -> Cause:
        found = read_log(io.BytesIO(log.encode()), knowledge)
        diagnosis = diagnose_scan(found, knowledge, store, resolver=index, **told)
        return diagnosis.causes[0]

    return run


def log_of(name: str, version: str, python: str) -> str:
    return BUILDING.format(name, version, PYO3.format(python), name)


def test_the_facts_name_a_release_and_an_older_python(cause) -> None:
    advice = cause(log_of("pydantic-core", "2.33.2", "3.14")).advice
    assert "has a wheel for Python 3.14 on musl 1.2 x86_64" in advice
    assert "For Python 3.13, 2.33.2 itself has a wheel" in advice


def test_a_later_release_never_an_older_one(cause, knowledge: Knowledge) -> None:
    advice = cause(log_of("orjson", "3.9.15", "3.13")).advice
    named = advice.partition("orjson ")[2].partition(" has a wheel")[0]
    order = [release.version for release in knowledge.facts.releases("orjson")]
    assert order.index(named) < order.index("3.9.15")


def test_the_platform_of_the_log(cause) -> None:
    log = "creating build/temp.linux-aarch64-cpython-313\n" + log_of("orjson", "3.9.15", "3.13")
    assert "musl 1.2 aarch64" in cause(log).advice


def test_a_release_that_has_a_wheel_means_an_old_pip(cause) -> None:
    rust = "error: can't find Rust compiler\n"
    found = cause("Using CPython 3.12.4\n" + BUILDING.format("cryptography", "42.0.5", rust, "cryptography"))
    assert set(found.packages) == {"cargo", "rust"}
    assert "Upgrade pip first" in found.advice


def test_offline_it_is_said_what_the_index_would_tell(cause) -> None:
    assert "--online asks the package index" in cause(log_of("never-heard-of-it", "1.0", "3.14")).advice


def test_the_index_is_asked_for_what_the_facts_leave_open(cause) -> None:
    index = Index(Verdict("sdist", "no wheel", "index", nearest_with_wheel="1.2"))
    advice = cause(log_of("never-heard-of-it", "1.0", "3.14"), index).advice
    assert [asked[0] for asked in index.asked] == ["never-heard-of-it==1.0"]
    assert index.asked[0][1].python == "3.14"
    assert "never-heard-of-it 1.2 has a wheel for Python 3.14" in advice
    older = Index(Verdict("sdist", "no wheel", "index", nearest_with_wheel="0.9"))
    assert "0.9" not in cause(log_of("never-heard-of-it", "1.0", "3.14"), older).advice


def test_what_the_facts_know_is_not_asked(cause) -> None:
    index = Index(None)
    cause(log_of("pydantic-core", "2.33.2", "3.14"), index)
    assert not index.asked


def test_an_index_that_does_not_answer_costs_only_the_sentence(cause) -> None:
    advice = cause(log_of("never-heard-of-it", "1.0", "3.14"), Index(None)).advice
    assert "PyO3" in advice
    assert "--online" in advice


def test_another_system_gets_no_wheel_of_musl(cause) -> None:
    log = "x86_64-linux-gnu-gcc -pthread -c x.c\n" + log_of("pydantic-core", "2.33.2", "3.14")
    assert "musl" not in cause(log).advice


def test_a_log_that_does_not_tell_its_python(cause) -> None:
    log = BUILDING.format("lz4", "4.4.5", "src/x.c:1:1: error: 'bool' cannot be defined via 'typedef'\n", "lz4")
    assert "for Python" not in cause(log).advice
    assert "for Python 3.12" in cause(log, python="3.12").advice
