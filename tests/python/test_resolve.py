from __future__ import annotations

import sys
from collections.abc import Sequence
from types import FrameType

import pytest
from msgspec.structs import replace

from dockerlint_alpine.python.formats.requirements_file import read_requirements
from dockerlint_alpine.python.model import (
    Packaged,
    PythonError,
    Release,
    Resolution,
    Target,
    Verdict,
)
from dockerlint_alpine.python.resolve import open_names, resolve

from .conftest import MemoryFacts, MemoryFiles

MUSL = ("cp311-cp311-musllinux_1_2_x86_64",)
PURE = ("py3-none-any",)


def ask(text: str, facts: MemoryFacts, target: Target | None = None, **options: object) -> Resolution:
    wanted = read_requirements("/app/requirements.txt", MemoryFiles({"/app/requirements.txt": text}))
    return resolve(wanted, target or Target("3.11", musl=(1, 2)), facts, **options)  # type: ignore[arg-type]


def short(found: Resolution) -> dict[str, tuple[str | None, str]]:
    return {one.name: (one.version, one.artefact.kind) for one in found.distributions}


FACTS = MemoryFacts(
    {
        "clickhouse-connect": [Release("0.8.18", wheels=MUSL), Release("0.9.0rc1", wheels=MUSL)],
        "lz4": [Release("4.4.5"), Release("4.3.3", wheels=MUSL)],
        "certifi": [Release("2026.1", wheels=PURE)],
        "psycopg": [Release("3.2", wheels=PURE)],
        "psycopg-c": [Release("3.2")],
        "psycopg-binary": [Release("3.2", wheels=MUSL)],
        "uvicorn": [Release("0.34", wheels=PURE)],
        "uvloop": [Release("0.21", wheels=MUSL)],
        "httptools": [Release("0.6")],
        "psycopg2": [Release("2.9.10", wheels=MUSL)],
        "parent": [Release("2.0", wheels=PURE), Release("1.0", wheels=PURE)],
        "loop-a": [Release("1.0", wheels=PURE)],
        "loop-b": [Release("1.0", wheels=PURE)],
    },
    {
        "clickhouse-connect": ["certifi", "lz4", "zstandard; extra == 'zs'"],
        "psycopg": [
            "psycopg-c == 3.2 ; implementation_name != 'pypy' and extra == 'c'",
            'psycopg-binary==3.2; implementation_name != "pypy" and extra == "binary"',
        ],
        "uvicorn": ["uvloop ; sys_platform != 'win32' and extra == 'standard'", "httptools ; extra == 'standard'"],
        "lz4": [],
        "certifi": [],
        "psycopg-c": [],
        "psycopg-binary": [],
        "uvloop": [],
        "httptools": [],
        "psycopg2": [],
        ("parent", "2.0"): ["lz4<4.4"],
        ("parent", "1.0"): ["lz4"],
        "loop-a": ["loop-b[x]"],
        "loop-b": ["loop-a ; extra == 'x'"],
    },
)


def test_clickhouse_connect_brings_lz4_and_says_how() -> None:
    found = ask("# nothing\nclickhouse-connect\n", FACTS)
    lz4 = next(one for one in found.distributions if one.name == "lz4")
    assert lz4.chain == ("requirements.txt:2", "clickhouse-connect", "lz4")
    assert (lz4.version, lz4.artefact.kind, lz4.artefact.source) == ("4.4.5", "sdist", "facts as of 2026-11-01")
    direct = next(one for one in found.distributions if one.name == "clickhouse-connect")
    assert direct.chain == ("requirements.txt:2",)
    assert found.unresolved == ()


def test_extras_choose_the_implementation() -> None:
    assert short(ask("psycopg[binary]\n", FACTS)) == {"psycopg": ("3.2", "wheel"), "psycopg-binary": ("3.2", "wheel")}
    assert short(ask("psycopg[c]\n", FACTS)) == {"psycopg": ("3.2", "wheel"), "psycopg-c": ("3.2", "sdist")}
    assert set(short(ask("uvicorn[standard]\n", FACTS))) == {"uvicorn", "uvloop", "httptools"}
    assert set(short(ask("uvicorn\n", FACTS))) == {"uvicorn"}


def test_a_marker_for_windows_is_ignored() -> None:
    assert short(ask("lz4 ; sys_platform == 'win32'\n", FACTS)) == {}


def test_no_binary_compiles() -> None:
    assert short(ask("--no-binary psycopg2\npsycopg2\n", FACTS)) == {"psycopg2": ("2.9.10", "sdist")}


def test_constraints_limit_without_asking() -> None:
    wanted = read_requirements(
        "/app/requirements.txt",
        MemoryFiles({"/app/requirements.txt": "-c c.txt\nlz4\n", "/app/c.txt": "lz4<4.4\nunrelated==1\n"}),
    )
    assert short(resolve(wanted, Target("3.11", musl=(1, 2)), FACTS)) == {"lz4": ("4.3.3", "wheel")}


def test_conflicting_constraints_are_named() -> None:
    found = ask("lz4==4.4.5\nlz4<4.4\n", FACTS)
    assert [(one.name, one.kind, one.reason) for one in found.unresolved] == [
        (
            "lz4",
            "conflict",
            "no version meets all of lz4==4.4.5 (requirements.txt:1) and lz4<4.4 (requirements.txt:2)",
        )
    ]
    assert short(found)["lz4"] == ("4.4.5", "sdist")  # what was asked for first
    ranges = ask("lz4<4.4\nlz4>=4.4\n", FACTS)
    assert [one.kind for one in ranges.unresolved] == ["conflict"]
    pins = ask("nobody==1\nnobody==2\n", FACTS)
    assert [one.kind for one in pins.unresolved] == ["conflict", "unknown"]


def test_a_conflict_below_makes_an_older_parent_win() -> None:
    assert short(ask("parent\nlz4==4.4.5\n", FACTS))["parent"] == ("1.0", "wheel")
    assert short(ask("parent\n", FACTS)) == {"parent": ("2.0", "wheel"), "lz4": ("4.3.3", "wheel")}
    pinned = ask("parent==2.0\nlz4==4.4.5\n", FACTS)
    assert [(one.name, one.kind) for one in pinned.unresolved] == [("lz4", "conflict")]
    assert short(pinned)["lz4"] == ("4.4.5", "sdist")


def test_versions_that_go_together_are_looked_for_as_pip_does() -> None:
    """Blaming the parents of one conflict in turn takes every release of ``free`` away and ends with the yanked one."""
    facts = MemoryFacts(
        {
            "old": [Release(version, wheels=PURE) for version in ("3", "2", "1")],
            "new": [Release("2", wheels=PURE), Release("1", wheels=PURE)],
            "free": [Release("3", wheels=PURE), Release("2", wheels=PURE, yanked=True), Release("1", wheels=PURE)],
            "child": [Release(version, wheels=PURE) for version in ("3", "2", "1")],
            "other": [Release("2", wheels=PURE), Release("1", wheels=PURE)],
        },
        {
            "other": [],
            "old": ["child<2", "free"],
            ("old", "1"): ["child", "free"],
            "new": ["child>=2", "free"],
            "free": ["child"],
            ("free", "3"): ["child>=2"],
            "child": [],
        },
    )
    found = ask("old\nnew\n", facts)
    assert short(found) == {
        "old": ("1", "wheel"), "new": ("2", "wheel"), "free": ("3", "wheel"), "child": ("3", "wheel"),
    }  # fmt: skip
    impossible = ask("old==3\nnew==2\n", facts)
    assert [(one.name, one.kind) for one in impossible.unresolved] == [("child", "conflict")]
    assert short(impossible)["free"] == ("3", "wheel")
    assert short(impossible)["child"] == ("1", "wheel")  # one of the two demands, and not unknown
    apart = ask("other==1\nother==2\nold\nnew\n", facts)  # the largest part goes together all the same
    assert [(one.name, one.kind) for one in apart.unresolved] == [("other", "conflict")]
    assert short(apart) == {**short(found), "other": ("1", "wheel")}


def test_what_is_not_known_is_listed_and_never_guessed() -> None:
    found = ask("mystery>=1\nlz4==9.9\nclickhouse-connect[zs]\n", FACTS)
    assert short(found)["mystery"] == (None, "unknown")
    assert short(found)["lz4"] == ("9.9", "sdist")  # as all that are recorded: possible, and told as unknown
    assert next(one for one in found.distributions if one.name == "lz4").artefact.confidence == "possible"
    assert {(one.name, one.kind) for one in found.unresolved} == {
        ("mystery", "unknown"),
        ("lz4", "unknown"),
        ("zstandard", "unknown"),
    }
    assert next(one for one in found.unresolved if one.name == "zstandard").chain == (
        "requirements.txt:3",
        "clickhouse-connect",
        "zstandard",
    )
    silent = ask("known\n", MemoryFacts({"known": [Release("1.0")]}))
    assert [(one.name, one.kind) for one in silent.unresolved] == [("known", "dependencies")]


def test_circles_end() -> None:
    assert set(short(ask("loop-a\n", FACTS))) == {"loop-a", "loop-b"}


def test_urls_vcs_and_nameless_requirements() -> None:
    found = ask(
        "https://u:pw@h.example/foo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl\n"
        "bar @ git+https://u:pw@h.example/bar.git\n"
        "git+https://u:pw@h.example/unnamed.git\n",
        FACTS,
    )
    assert short(found) == {"foo": ("1.0", "glibc-wheel"), "bar": (None, "sdist")}
    assert [one.name for one in found.unresolved if one.kind == "unknown"] == [
        "git+https://****@h.example/bar.git",
        "git+https://****@h.example/unnamed.git",
    ]
    assert "pw" not in repr(found)


def test_a_wheelhouse_answers_for_a_pin_and_alone_without_an_index() -> None:
    files = {"/app/requirements.txt": "-f wheels\nnew==1.0\n", f"/app/wheels/new-1.0-{MUSL[0]}.whl": ""}
    target = Target("3.11", musl=(1, 2))
    found = resolve(read_requirements("/app/requirements.txt", MemoryFiles(files)), target, FACTS)
    assert [(one.artefact.kind, one.artefact.source) for one in found.distributions] == [("wheel", "wheelhouse")]
    files["/app/requirements.txt"] = "--no-index\n-f wheels\nnew\nlz4\n"
    found = resolve(read_requirements("/app/requirements.txt", MemoryFiles(files)), target, FACTS)
    assert short(found)["new"] == ("1.0", "wheel")
    assert short(found)["lz4"][1] in {"unknown", "none"}


def test_what_apk_installed_satisfies() -> None:
    found = ask("lz4\n", FACTS, installed={"lz4": "4.3.2"})
    assert short(found) == {"lz4": ("4.3.2", "installed")}
    assert short(ask("lz4>=4.4\n", FACTS, installed={"lz4": "4.3.2"})) == {"lz4": ("4.4.5", "sdist")}


def test_a_release_that_brings_what_refuses_it_is_not_taken() -> None:
    """pip goes back to the release before it; round after round both would be seen in turn."""
    releases = {"a": [Release("2.0", wheels=PURE), Release("1.0", wheels=PURE)], "b": [Release("1.0", wheels=PURE)]}
    facts = MemoryFacts(releases, {("a", "2.0"): ["b"], ("a", "1.0"): ["c"], "b": ["a<2"], "c": []})
    found = ask("a\n", facts)
    assert {one.name: one.version for one in found.distributions} == {"a": "1.0", "c": None}
    assert not found.notes


def test_as_of_and_no_deps_and_hashes() -> None:
    dated = MemoryFacts({"foo": [Release("2.0", "2026-01-01"), Release("1.0", "2025-01-01")]}, {"foo": ["lz4"]})
    found = ask("foo\n", dated, as_of="2025-06-01")
    assert short(found)["foo"] == ("1.0", "sdist")
    assert found.distributions[0].artefact.source == "facts as of 2025-06-01"
    assert set(short(ask("foo\n", dated, no_deps=True))) == {"foo"}
    assert set(short(ask("--require-hashes\nfoo==1.0 --hash=sha256:00\n", dated))) == {"foo"}


def test_as_of_a_day_a_release_without_one_counts_only_where_a_newer_one_was_out() -> None:
    lock = "poetry.lock of a/b, 2026-11"
    releases = [Release("3.0", "2024-01-01"), Release("2.0", source=lock), Release("1.0", "2020-01-01")]
    facts = MemoryFacts({"foo": [*releases, Release("0.5", source=lock)], "bar": releases[1:2]}, {"foo": [], "bar": []})
    assert short(ask("foo\n", facts, as_of="2024-06-01"))["foo"][0] == "3.0"
    assert short(ask("foo<3\n", facts, as_of="2024-06-01"))["foo"][0] == "2.0"
    assert short(ask("foo\n", facts, as_of="2021-01-01"))["foo"][0] == "1.0"
    assert short(ask("foo<1\n", facts, as_of="2021-01-01"))["foo"][0] == "0.5"
    assert short(ask("bar==2.0\n", facts, as_of="2021-01-01"))["bar"] == ("2.0", "sdist")
    (one,) = ask("bar\n", facts, as_of="2021-01-01").unresolved
    assert one.reason == "of no release of bar that is recorded is it known that it was out on 2021-01-01"


@pytest.mark.parametrize(
    ("wheels", "later", "expected"),
    [
        (("cp311-cp311-musllinux_1_1_x86_64",), "2025-01-01", "possible"),  # 2.0 may have been out, and has a wheel
        (("cp311-cp311-manylinux_2_17_x86_64",), "2025-01-01", "certain"),
        (("cp311-cp311-musllinux_1_1_x86_64",), None, "possible"),
    ],
)
def test_a_newer_release_without_a_day_may_spare_the_compile(
    wheels: tuple[str, ...], later: str | None, expected: str
) -> None:
    newest = [Release("3.0", later, wheels=wheels)] if later is not None else []
    lock = "uv.lock of a/b, 2026-11"
    facts = MemoryFacts(
        {"foo": [*newest, Release("2.0", wheels=wheels, source=lock), Release("1.0", "2020-01-01")]}, {"foo": []}
    )
    (one,) = ask("foo\n", facts, as_of="2024-06-01").distributions
    assert (one.version, one.artefact.kind, one.artefact.confidence) == ("1.0", "sdist", expected)


def test_what_is_yanked_today_may_have_been_there_on_that_day() -> None:
    facts = MemoryFacts({"foo": [Release("1.0", "2020-01-01", yanked=True)]}, {"foo": []})
    assert short(ask("foo\n", facts, as_of="2021-01-01"))["foo"] == ("1.0", "sdist")
    assert short(ask("foo\n", facts))["foo"][1] == "none"


def test_an_extra_of_what_is_there_brings_its_own() -> None:
    releases = {"foo": [Release("1.0")], "deep": [Release("2.0")]}
    present = {"foo": "1.0"}
    known = MemoryFacts(releases, {"foo": ["deep; extra == 'x'"], "deep": []})
    assert short(ask("foo[x]==1.0\n", known, installed=present)) == {
        "foo": ("1.0", "installed"),
        "deep": ("2.0", "sdist"),
    }
    (one,) = ask("foo[x]==1.0\n", MemoryFacts(releases), installed=present).unresolved
    assert (one.name, one.kind) == ("foo", "company")
    assert ask("foo==1.0\n", MemoryFacts(releases), installed=present).unresolved == ()


def test_an_impossible_target_is_an_error_in_words() -> None:
    with pytest.raises(PythonError, match="unknown platform: plan9/mips"):
        ask("lz4\n", FACTS, Target("3.11", "plan9/mips"))


def test_work_grows_with_the_number_of_lines_not_its_square() -> None:
    def calls(count: int) -> int:
        text = "".join(f"pkg-{number}==1.{number} ; python_version >= '3.8'\n" for number in range(count))
        facts = MemoryFacts({f"pkg-{number}": [Release(f"1.{number}")] for number in range(count)})
        made = 0

        def count_call(frame: FrameType, event: str, argument: object) -> None:
            nonlocal made
            made += event in {"call", "c_call"}

        sys.setprofile(count_call)
        try:
            found = ask(text, facts)
        finally:
            sys.setprofile(None)
        assert len(found.distributions) == count
        return made

    calls(800)  # fills what is remembered between calls
    assert calls(800) < 10 * calls(100)  # linear is 8, quadratic 64


PACKAGED = MemoryFacts(
    {"hiredis": [Release("3.0", wheels=MUSL)], "numpy": [Release("2.0")]},
    {"numpy": []},
    packaged={
        "django": Packaged("py3-django", "4.2-r0", "3.22"),
        "redis": Packaged("py3-redis", "6-r0", "3.22", ("hiredis",)),
        "charts": Packaged("py3-charts", "1-r0", "3.22", ("numpy",)),
        "deep": Packaged("py3-deep", "1-r0", "3.22", ("nobody-knows",)),
    },
)


def test_what_alpine_packages_without_objects_is_pure_in_any_version() -> None:
    found = ask("django==1.11\nredis\n", PACKAGED)
    assert short(found) == {"django": ("1.11", "pure"), "redis": (None, "pure")}
    django = found.distributions[0].artefact
    assert django.source == "Alpine 3.22"
    assert "py3-django 4.2-r0" in django.reason
    assert found.unresolved == ()
    assert len(found.notes) == 1


def test_what_an_extra_adds_is_doubted() -> None:
    found = ask("django[argon2]", PACKAGED)
    assert len(found.distributions) == 1
    reason = "django[argon2] adds what is not recorded"
    assert [(one.kind, one.reason.partition(";")[0]) for one in found.unresolved] == [("company", reason)]


@pytest.mark.parametrize("line", ["charts", "deep"])
def test_what_alpine_s_package_depends_on_is_no_requirement(line: str) -> None:
    """It is Alpine's choice, and says nothing of what pip installs."""
    found = ask(line, PACKAGED)
    assert [one.name for one in found.distributions] == [line]
    assert not found.unresolved


def test_what_may_bring_native_code_by_its_package_is_not_told_clean() -> None:
    """Where the package brings what would be compiled, what the distribution requires is not known."""
    facts = MemoryFacts(
        {"numpy": [Release("2.0")], "hiredis": [Release("3.0", wheels=MUSL)]},
        packaged={
            "charts": Packaged("python3-charts", "1", "sid", ("numpy",), "Debian"),
            "redis": Packaged("py3-redis", "6-r0", "3.22", ("hiredis",)),
        },
        compiled={"numpy", "hiredis"},
    )
    (unknown,) = ask("charts", facts).unresolved
    assert (unknown.name, unknown.kind) == ("charts", "dependencies")
    assert "Debian's package brings native code" in unknown.reason
    for text in ("charts\nnumpy\n", "redis"):
        assert not [one for one in ask(text, facts).unresolved if one.name in {"charts", "redis"}]


def test_company_that_is_judged_anyway_is_no_doubt() -> None:
    assert ask("charts\nnumpy\n", PACKAGED).unresolved == ()
    assert ask("charts", PACKAGED, no_deps=True).unresolved == ()


@pytest.mark.parametrize(
    ("release", "kind"),
    [
        (Release("1"), "pure"),  # an sdist is compiled all the same; there is nothing in it to compile
        (Release("1", wheels=("cp38-cp38-manylinux1_x86_64",)), "sdist"),
        (Release("1", wheels=("py3-none-any",)), "wheel"),
    ],
)
def test_recorded_wheels_know_more_than_a_package(release: Release, kind: str) -> None:
    facts = MemoryFacts({"x": [release]}, {"x": []}, packaged={"x": Packaged("py3-x", "1-r0", "3.22")})
    assert short(ask("x", facts)) == {"x": ("1", kind)}


def test_a_folder_is_no_matter_of_a_package() -> None:
    facts = MemoryFacts({}, {}, packaged={"x": Packaged("py3-x", "1-r0", "3.22")})
    assert short(ask("x @ https://example.org/x-1.tar.gz", facts)) == {"x": (None, "sdist")}


def test_a_package_of_debian_makes_it_likely() -> None:
    facts = MemoryFacts({}, {}, packaged={"x": Packaged("python3-x", "1", "sid, 2026-10-30", (), "Debian")})
    found = ask("x==2", facts)
    verdict = found.distributions[0].artefact
    assert (verdict.kind, verdict.confidence, verdict.source) == ("pure", "likely", "Debian sid, 2026-10-30")
    assert found.notes == ("distributions that Debian packages as pure Python are assumed to be pure Python",)


NEIGHBOURS = MemoryFacts(
    {
        "old": [Release("1")],
        "alone": [Release("1")],
        "heavy": [Release("1")],
        "hiredis": [Release("3.0", wheels=MUSL)],
        "numpy": [Release("2.0")],
    },
    {
        ("old", "nearest"): ["hiredis", "numpy; extra == 'fast'"],
        ("alone", "nearest"): [],
        ("heavy", "nearest"): ["numpy"],
    },
)


@pytest.mark.parametrize(
    ("line", "open_question"), [("old", False), ("old[fast]", True), ("alone", False), ("heavy", True)]
)
def test_dependencies_that_are_not_recorded_matter_where_a_neighbours_would(line: str, open_question: bool) -> None:
    found = ask(line, NEIGHBOURS)
    assert len(found.distributions) == 1  # a neighbour's dependencies are never taken for its own
    assert [one.kind for one in found.unresolved] == (["dependencies"] if open_question else [])
    assert bool(found.notes) != open_question
    assert open_names(found) == {line.partition("[")[0]}  # that of a neighbour is no answer where an index can be asked


def test_what_is_installed_already_raises_no_question() -> None:
    found = ask("heavy", NEIGHBOURS, installed={"heavy": "1"})
    assert short(found) == {"heavy": ("1", "installed")}
    assert (found.unresolved, found.notes) == ((), ())


# -- what lock files tell ------------------------------------------------------------------------------------------------


ON_GLIBC = "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"
ON_MUSL = "cp311-cp311-musllinux_1_2_x86_64"


def lock(version: str, *wheels: str, requires_python: str | None = None, wheels_known: bool = True) -> Release:
    source = "uv.lock of a/b, 2026-11"
    return Release(version, None, False, requires_python, wheels, True, True, wheels_known, source)  # noqa: FBT003


def verdict(line: str, facts: MemoryFacts) -> Verdict:
    (found,) = ask(line, facts).distributions
    return found.artefact


@pytest.mark.parametrize(
    ("release", "kind", "confidence"),
    [
        (lock("1.0", ON_GLIBC, ON_MUSL), "wheel", "certain"),
        (lock("1.0", "py3-none-any"), "wheel", "certain"),
        (lock("1.0", ON_GLIBC), "sdist", "likely"),
        (lock("1.0", "cp311-abi3-manylinux_2_28_x86_64"), "sdist", "likely"),
        (lock("1.0", "cp312-cp312-manylinux_2_17_x86_64"), "unknown", "certain"),
        (lock("1.0", "cp311-cp311-manylinux_2_17_aarch64"), "unknown", "certain"),
        (lock("1.0"), "unknown", "certain"),
        (lock("1.0", wheels_known=False), "unknown", "certain"),
        (Release("1.0", wheels=(ON_GLIBC,), source="poetry.lock of a/b, 2026-11"), "sdist", "certain"),
    ],
)
def test_what_a_lock_lists_is_a_fact_and_what_it_lacks_is_not(release: Release, kind: str, confidence: str) -> None:
    found = verdict("x==1.0", MemoryFacts({"x": [release]}, {"x": []}))
    assert (found.kind, found.confidence) == (kind, confidence)
    if kind != "unknown":
        assert found.source == release.source


@pytest.mark.parametrize(
    ("below", "above", "kind", "confidence"),
    [
        (("py3-none-any",), ("py3-none-any",), "pure", "likely"),
        ((ON_GLIBC, ON_MUSL), (ON_MUSL,), "wheel", "likely"),
        ((ON_GLIBC,), (ON_GLIBC,), "sdist", "likely"),
        ((ON_GLIBC,), (ON_MUSL,), "unknown", "certain"),
        (("py3-none-any",), (ON_GLIBC,), "unknown", "certain"),
        ((ON_GLIBC,), None, "sdist", "possible"),
        ((ON_MUSL,), None, "unknown", "certain"),
        (("py3-none-any",), None, "pure", "likely"),
    ],
)
def test_neighbours_bound_a_release_that_no_row_has(
    below: tuple[str, ...], above: tuple[str, ...] | None, kind: str, confidence: str
) -> None:
    releases = [lock("1.0", *below), *([lock("3.0", *above)] if above else [])]
    found = verdict("x==2.0", MemoryFacts({"x": releases}, {("x", "nearest"): []}))
    assert (found.kind, found.confidence) == (kind, confidence)


def test_what_is_possible_only_is_told_as_unknown_too() -> None:
    found = ask("x==2.0", MemoryFacts({"x": [lock("1.0", ON_GLIBC)]}, {("x", "nearest"): []}))
    assert [(one.name, one.kind) for one in found.unresolved] == [("x", "unknown")]
    facts = MemoryFacts({"x": [lock("1.0", ON_GLIBC), lock("3.0", ON_GLIBC)]}, {("x", "nearest"): []})
    assert verdict("x==2.0", facts).kind == "sdist"
    assert verdict("--only-binary :all:\nx==2.0", facts).kind == "unknown"


def test_a_rule_is_heard_without_a_record() -> None:
    facts = MemoryFacts({}, {}, compiled=["x"])
    plain = ask("x==1.0", facts)
    assert [(one.artefact.kind, one.artefact.confidence) for one in plain.distributions] == [("sdist", "possible")]
    assert [(one.name, one.kind) for one in plain.unresolved] == [("x", "unknown")]
    forced = verdict("--no-binary :all:\nx==1.0", facts)
    assert (forced.kind, forced.confidence, forced.source) == ("sdist", "certain", "requirement")
    assert verdict("--only-binary :all:\nx==1.0", facts).kind == "unknown"
    assert verdict("y==1.0", facts).kind == "unknown"


def test_a_pip_that_knows_no_wheel_for_musl_compiles_what_has_native_code() -> None:
    target = Target("3.9", "linux/amd64", musl=(1, 2), pip_version="20.3.4")
    (found,) = ask("x==1.0", MemoryFacts({}, {}, compiled=["x"]), target=target).distributions
    assert (found.artefact.kind, found.artefact.confidence) == ("sdist", "likely")
    assert "20.3.4" in found.artefact.reason


def test_a_child_of_which_one_exact_version_is_asked_for_is_not_the_newest() -> None:
    """pydantic and pydantic-core: where the lock does not tell the version, all that are recorded must agree."""
    requires = {"parent": ["core"], ("parent", "pins"): ["core"], "core": []}
    mixed = MemoryFacts(
        {"parent": [lock("1.0", "py3-none-any")], "core": [lock("2", ON_MUSL), lock("1", ON_GLIBC)]}, requires
    )
    found = ask("parent==1.0", mixed)
    assert short(found) == {"parent": ("1.0", "wheel"), "core": (None, "unknown")}
    alike = MemoryFacts(
        {"parent": [lock("1.0", "py3-none-any")], "core": [lock("2", ON_MUSL), lock("1", ON_MUSL)]}, requires
    )
    (core,) = [one for one in ask("parent==1.0", alike).distributions if one.name == "core"]
    assert (core.version, core.artefact.kind, core.artefact.confidence) == (None, "wheel", "likely")


@pytest.mark.parametrize(
    ("older", "expected"),
    [
        (["core==2"], (None, "wheel")),
        (["core==1"], (None, "unknown")),
        (["core>=1"], ("3", "wheel")),
        (["core"], (None, "unknown")),
        (["corella==2"], (None, "unknown")),
        (['core==2 ; extra == "x"'], (None, "unknown")),
    ],
)
def test_what_an_older_release_says_bounds_the_exact_version(
    older: list[str], expected: tuple[str | None, str]
) -> None:
    """The last release that a lock tells more of than names: what it pins is not newer than what this one pins, and where
    it pins nothing, only an old one did."""
    core = [lock("3", ON_MUSL), lock("2", ON_MUSL), lock("1", ON_GLIBC)]
    releases = {"parent": [lock("2.0", "py3-none-any"), lock("1.0", "py3-none-any")], "core": core}

    class Facts(MemoryFacts):
        def requires(self, name: str, version: str) -> Sequence[str] | None:
            return older if (name, version) == ("parent", "1.0") else super().requires(name, version)

    facts = Facts(releases, {"parent": ["core"], ("parent", "pins"): ["core"], "core": [], "corella": []})
    assert short(ask("parent==2.0", facts))["core"] == expected


def test_the_child_of_a_neighbour_is_harmless_only_in_every_version() -> None:
    """The nearest recorded release pins another version of the child than this one does."""
    releases = {"parent": [Release("1.0", wheels=("py3-none-any",))], "core": [lock("2", ON_MUSL), lock("1", ON_GLIBC)]}
    facts = MemoryFacts(releases, {("parent", "nearest"): ["core==2"]})
    assert [(one.name, one.kind) for one in ask("parent==1.0", facts).unresolved] == [("parent", "dependencies")]
    releases["core"] = [lock("2", ON_MUSL), lock("1", ON_MUSL)]
    assert not ask("parent==1.0", MemoryFacts(releases, {("parent", "nearest"): ["core==2"]})).unresolved


def test_an_extra_that_the_lock_s_project_did_not_ask_for() -> None:
    facts = MemoryFacts({"x": [lock("1.0", "py3-none-any")]}, {"x": ['lz4 ; extra == "lz4"'], "lz4": []})
    assert [(one.name, one.kind) for one in ask("x[db]==1.0", facts).unresolved] == [("x", "company")]


def test_an_older_release_that_no_lock_lists_may_admit_this_python() -> None:
    new = [lock("9", "py3-none-any", requires_python=">=3.12"), lock("8", "py3-none-any", requires_python=">=3.12")]
    assert verdict("x", MemoryFacts({"x": new}, {})).kind == "pure"
    native = [lock("9", ON_MUSL, requires_python=">=3.12")]
    assert verdict("x", MemoryFacts({"x": native}, {})).kind == "unknown"
    assert verdict("x==9", MemoryFacts({"x": native}, {})).kind == "none"


def test_what_came_after_the_end_of_a_python_does_not_admit_it() -> None:
    """uv's locks leave Requires-Python out: nothing of 2026 is taken for Python 3.6, unless a file asks for it."""
    new, old = replace(lock("36", "py3-none-any"), upload_date="2026-05-20"), Release("35", "2026-01-16", wheels=MUSL)
    facts = MemoryFacts({"x": [new, old]}, {})
    target = Target("3.6", musl=(1, 2))
    assert [short(ask(line, facts, target))["x"][0] for line in ("x", "x==36")] == ["35", "36"]
    assert short(ask("x", facts))["x"][0] == "36"


def test_a_release_of_a_free_parent_does_not_contradict_a_pin() -> None:
    """All that is recorded of the parent is older than the version that a file asks for: there is a newer one."""
    releases = {"child": [Release("2", wheels=MUSL)], "parent": [Release("1", wheels=("py3-none-any",))]}
    facts = MemoryFacts(releases, {"parent": ["child<2"], "child": []})
    assert not ask("child==2\nparent\n", facts).unresolved
    assert [one.kind for one in ask("child==2\nparent==1\n", facts).unresolved] == ["conflict"]


def test_exact_pins_of_what_a_dump_of_2023_lists_are_out_of_date() -> None:
    old = Release("1", wheels=("py3-none-any",), partial=True)
    child = [Release("9", wheels=MUSL), Release("1", wheels=("cp38-cp38-manylinux1_x86_64",))]
    facts = MemoryFacts({"parent": [old], "child": child}, {"parent": ["child==1"], "child": []})
    assert [one.reason for one in ask("parent", facts).unresolved] == [
        "parent asks for one exact version of child, which is not recorded"
    ]
    assert short(ask("parent==1", facts))["child"] == ("1", "sdist")


def test_upper_bounds_of_what_a_dump_of_2023_lists_are_out_of_date() -> None:
    """A bot's framework asked for aiohttp<3.9 then; its releases of today take what has wheels for this Python."""
    old, dated = (Release("1", upload_date=day, wheels=("py3-none-any",), partial=True) for day in (None, "2026-11-01"))
    child = [Release("3", wheels=MUSL), Release("2"), Release("1", wheels=MUSL)]
    requires = {"parent": ["child>=2,<3"], "child": []}
    facts = MemoryFacts({"parent": [old], "child": child}, requires)
    assert short(ask("parent", facts))["child"] == ("3", "wheel")
    assert short(ask("parent==1", facts))["child"] == ("2", "sdist")
    assert short(ask("parent", MemoryFacts({"parent": [dated], "child": child}, requires)))["child"] == ("2", "sdist")


def test_sdists_of_what_was_always_pure_are_pure_where_the_version_is_open() -> None:
    pure = ("py3-none-any",)
    releases = {"web": [Release("1", wheels=pure)], "star": [Release("2", wheels=pure), Release("1")]}
    facts = MemoryFacts(releases, {"web": ["star"], ("web", "pins"): ["star"], "star": []})
    found = ask("web", facts)
    assert not found.unresolved
    assert short(found)["star"] == (None, "wheel")
