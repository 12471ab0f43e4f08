"""What is known about a topic: the facts, and their text."""

from __future__ import annotations

from typing import Any

import pytest

from dockerlint_alpine.answers.explain import explain, known_topics
from dockerlint_alpine.answers.explain_text import grouped, render, sentence, wheels_sentence
from dockerlint_alpine.apk import IndexStore, UnknownReleaseError
from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.run.suggest import near


@pytest.fixture(scope="module")
def ask(knowledge: Knowledge, store: IndexStore) -> Any:
    def asked(topic: str, **options: str) -> dict[str, Any]:
        answer = explain(topic, knowledge, store, **options)
        assert answer is not None, topic
        return answer

    return asked


def test_lz4_as_the_case_needs_it(ask: Any) -> None:
    facts = ask("lz4", alpine="3.19")["distribution"]
    assert facts["wheels"]["verdict"] == "glibc"
    assert facts["dockerfile"]["build"] == "RUN apk add --no-cache gcc musl-dev"
    assert "run" not in facts["dockerfile"]
    assert facts["dockerfile"]["options"] == [{"library": "lz4", "for": "", "build": ["lz4-dev"], "run": ["lz4-libs"]}]
    (link,) = facts["builds"][0]["libraries"]
    assert (link["build-package"], link["runtime-packages"]) == ("lz4-dev", ["lz4-libs"])
    assert link["switches"] == [
        "when PYLZ4_USE_SYSTEM_LZ4 is set, only with PYLZ4_USE_SYSTEM_LZ4=1 or PYLZ4_USE_SYSTEM_LZ4=true"
    ]


def test_what_can_compile_it(ask: Any) -> None:
    limits = [(one["versions"], one["takes"]) for one in ask("uwsgi")["distribution"]["limits"]]
    assert (">=2.0.17.1,<=2.0.28", "GCC before 15") in limits
    assert ("==2.0.20", "Python up to 3.10") in limits
    assert any(one["takes"].startswith("Rust ") for one in ask("cryptography")["distribution"]["limits"])
    assert "What can compile it" in render(ask("uwsgi"))
    assert "What can compile it" not in render(ask("lz4"))


def test_names_follow_the_release(ask: Any) -> None:
    rows = {row["alpine"]: row for row in ask("psycopg2")["distribution"]["releases"]}
    assert rows["3.12"]["build"] == ["gcc", "musl-dev", "postgresql-dev"]
    assert rows["3.19"]["build"] == ["gcc", "musl-dev", "libpq-dev"]
    assert rows["3.19"]["run"] == ["libpq"]
    assert "postgresql-dev" in ask("psycopg2", alpine="3.12")["distribution"]["dockerfile"]["build"]


def test_the_objects_are_those_that_the_dev_package_brings(ask: Any) -> None:
    rows = {row["alpine"]: row for row in ask("cryptography")["distribution"]["releases"]}
    assert rows["3.12"]["run"] == ["libgcc", "libssl1.1", "libcrypto1.1"]
    assert rows["3.19"]["run"] == ["libgcc", "libssl3", "libcrypto3"]


def test_find_library_brings_what_it_asks_on_musl(ask: Any) -> None:
    words = ask("pyzbar", alpine="3.21")["distribution"]["dockerfile"]["run"].split()
    assert {"libzbar", "zbar-dev", "binutils"} <= set(words)


def test_long_names_and_detections_read_well(ask: Any) -> None:
    text = render(ask("pillow"))
    assert "  libjpeg-turbo  linked always" in text
    assert "linked when its headers are installed, otherwise webp is off" in text
    assert "linked when pkg-config finds it (>= 1.7.5), otherwise its own copy is compiled" in " ".join(
        render(ask("lz4")).split()
    )


def test_the_languages_bring_their_packages(ask: Any) -> None:
    lines = ask("greenlet", alpine="3.21")["distribution"]["dockerfile"]
    assert lines["build"] == "RUN apk add --no-cache gcc g++ musl-dev"
    assert lines["run"] == "RUN apk add --no-cache libstdc++ libgcc"
    rust = ask("cryptography", alpine="3.21")["distribution"]
    assert {"cargo", "rust", "openssl-dev"} <= set(rust["dockerfile"]["build"].split())


def test_what_is_opened_at_run_time_is_in_the_lines(ask: Any) -> None:
    facts = ask("weasyprint", alpine="3.21")["distribution"]
    words = facts["dockerfile"]["run"].split()
    assert {"pango", "fontconfig"} <= set(words)
    assert "cairo" not in words  # only versions before 53
    assert "opens so:libpango-1.0.so.0" in render(ask("weasyprint"))


def test_what_no_package_helps_is_said_first(ask: Any) -> None:
    text = render(ask("tensorflow"))
    assert "no package helps" in text
    assert "glibc" in text


def test_a_library_tells_its_users_by_what_it_is_to_them(ask: Any) -> None:
    answer = ask("libpq.so.5")
    users = {user["name"]: user for user in answer["library"]["users"]}
    assert users["psycopg2"]["required"]
    assert users["psycopg"]["linkage"] == "dlopen"
    text = render(answer)
    assert "require it to build: " in text
    assert "open it at run time: " in text
    assert "RUN apk add --no-cache libpq-dev" in text


def test_a_package_tells_what_it_is_and_where_it_ends(ask: Any) -> None:
    facts = ask("lz4-dev")["package"]
    assert [(item["library"], item["role"]) for item in facts["libraries"]] == [("lz4", "build")]
    assert "lz4" in facts["libraries"][0]["users"]
    assert [item["role"] for item in ask("lz4-libs")["package"]["libraries"]] == ["run"]
    gone = ask("py-pip")["package"] if explainable("py-pip") else None
    assert gone is None or gone["gone"]
    assert ask("postgresql12-client")["package"]["gone"]


def explainable(name: str) -> bool:
    return explain(name, Knowledge.open(), IndexStore()) is not None


def test_one_name_for_several_things_is_told_with_a_pointer(ask: Any) -> None:
    answer = ask("lz4")
    assert {"distribution", "library", "package"} <= answer.keys()
    assert "See also: `explain liblz4.so`" in render(answer)
    assert ask("liblz4.so")["kind"] == "library"


def test_every_entry_can_be_explained_and_rendered(ask: Any, knowledge: Knowledge) -> None:
    for name in (*knowledge.names("distribution")[::9], *knowledge.names("library")[::9]):
        text = render(ask(name), width=72)
        assert "None" not in text.split("Evidence")[0].split(), name
        long = [line for line in text.splitlines() if len(line) > 72 and " " in line.strip()]
        assert [line for line in long if not line.strip().startswith(("RUN ", "http")) and " - " not in line] == [], (
            name
        )


def test_proofs_and_unread_sources_are_told(ask: Any, knowledge: Knowledge) -> None:
    proven = next(name for name in knowledge.names("distribution") if knowledge.distribution(name).proof)
    assert f"- {knowledge.distribution(proven).proof[0].split(':')[0]}" in render(ask(proven))
    unread = next(
        name for name in knowledge.names("distribution") if knowledge.distribution(name).confidence == "packaging"
    )
    assert "this project has not read the sdist yet" in render(ask(unread))


def test_nothing_and_what_looks_like_it(knowledge: Knowledge, store: IndexStore) -> None:
    assert explain("no-such-thing-at-all", knowledge, store) is None
    assert explain("", knowledge, store) is None
    assert "psycopg2" in near("psycopg-2", known_topics("psycopg-2", knowledge, store))
    assert near("", known_topics("", knowledge, store)) == []


def test_an_unknown_release_is_an_error(knowledge: Knowledge, store: IndexStore) -> None:
    with pytest.raises(UnknownReleaseError):
        explain("lz4", knowledge, store, alpine="9.99")


@pytest.mark.parametrize(
    ("name", "verdict"), [("lz4", "glibc"), ("cryptography", "musl"), ("psycopg2", "none"), ("nosuch", "unknown")]
)
def test_wheel_facts(ask: Any, knowledge: Knowledge, name: str, verdict: str) -> None:
    from dockerlint_alpine.answers.explain import wheel_facts

    facts = wheel_facts(name, knowledge, "x86_64")
    assert facts["verdict"] == verdict
    said = wheels_sentence(facts)
    if verdict == "musl":
        assert "3.11+" in facts["pythons"]
        assert {"x86_64", "aarch64"} <= set(facts["arches"])
        assert said.startswith(f"for musl since {facts['since']}; newest {facts['newest']} for CPython ")
    assert ("pip compiles it" in said) == (verdict in {"glibc", "none"})


def test_releases_with_the_same_names_share_a_line() -> None:
    rows = [{"alpine": f"3.{n}", "build": "a" if n < 14 else "b", "run": None} for n in (12, 13, 14, 15)]
    assert [label for label, _ in grouped(rows)] == ["3.12-3.13", "3.14-3.15"]
    assert grouped(rows[:1])[0][0] == "3.12"
    assert [sentence("a"), sentence("a.")] == ["a.", "a."]


def test_a_pure_distribution_without_a_rule_is_told_by_alpines_package(ask: Any) -> None:
    answer = ask("Flask")
    assert answer["kind"] == "pure"
    assert answer["pure"]["apk"]["name"] == "py3-flask"
    text = render(answer)
    assert "pure Python: it needs no apk package" in text
    assert "may bring   markupsafe" in text


def test_recorded_pure_wheels_are_told_too(ask: Any) -> None:
    assert "pure Python ones since" in render(ask("certifi"))
