# ruff: noqa: E501 - the lines are test data
from __future__ import annotations

import logging
import posixpath
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, reject
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from pip._internal.exceptions import PipError
from pip._internal.index.collector import LinkCollector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.release_control import ReleaseControl
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.network.session import PipSession
from pip._internal.req.constructors import install_req_from_parsed_requirement
from pip._internal.req.req_file import parse_requirements
from pip._internal.vcs import is_url
from pip_requirements_parser import RequirementsFile  # type: ignore[import-untyped]

from dockerlint_alpine.python.formats.requirements_file import (
    MAX_FILES,
    decode,
    logical_lines,
    read_requirements,
)
from dockerlint_alpine.python.model import IndexOptions, Origin, Requested, RequirementSet, normalise
from tests.python.conftest import MemoryFiles


def read(text: str | bytes, others: Mapping[str, str | bytes] | None = None, **options: object) -> RequirementSet:
    files = MemoryFiles({"/app/requirements.txt": text, **(others or {})})
    return read_requirements("/app/requirements.txt", files, **options)  # type: ignore[arg-type]


def messages(found: RequirementSet) -> list[tuple[str, int | None, str]]:
    return [(problem.path, problem.line, problem.message) for problem in found.problems]


# -- the format, piece by piece -------------------------------------------------------------------------------------


def test_a_file_with_everything() -> None:
    found = read(
        "# comment\n"
        "\n"
        "lz4==4.4.5  # pinned\n"
        "Psycopg[C,pool] >= 3.1, <4 ; python_version >= '3.8'\n"
        "cryptography \\\n"
        "    ==42.0.0 \\\n"
        "    --hash=sha256:aaa \\\n"
        "    --hash sha256:bbb\n"
        "foo @ https://user:secret@host.example/foo-1.2.tar.gz#sha256=1\n"
        "git+https://host.example/bar.git@main#egg=Bar.Baz[x]==1.0&subdirectory=y\n"
        "https://host.example/qux-2.0-cp311-cp311-manylinux_2_28_x86_64.whl\n"
    )
    assert [(one.name, one.specifier, one.extras, one.marker, one.origin.line) for one in found.requested] == [
        ("lz4", "==4.4.5", (), None, 3),
        ("psycopg", ">=3.1,<4", ("c", "pool"), 'python_version >= "3.8"', 4),
        ("cryptography", "==42.0.0", (), None, 5),
        ("foo", "", (), None, 9),
        ("bar-baz", "", ("x",), None, 10),
        ("qux", "==2.0", (), None, 11),
    ]
    assert found.requested[2].hashes == ("sha256:aaa", "sha256:bbb")
    assert found.requested[3].artefacts == ("foo-1.2.tar.gz",)
    assert found.requested[5].artefacts == ("qux-2.0-cp311-cp311-manylinux_2_28_x86_64.whl",)
    assert found.problems == ()
    assert "secret" not in repr(found)
    assert "secret" not in found.requested[3].shown


def test_nested_files_are_relative_to_their_file_and_keep_their_chain() -> None:
    found = read(
        "-r req/base.txt\n--constraint=req/limits.txt\nfoo\n",
        {"/app/req/base.txt": "-rmore.txt\nbar==1\n", "/app/req/more.txt": "\nbaz\n", "/app/req/limits.txt": "baz<3\n"},
    )
    assert [(one.name, one.chain) for one in found.requested] == [
        ("baz", ("requirements.txt:1", "req/base.txt:1", "req/more.txt:2")),
        ("bar", ("requirements.txt:1", "req/base.txt:2")),
        ("foo", ("requirements.txt:3",)),
    ]
    assert [(one.name, one.specifier, one.origin) for one in found.constraints] == [
        ("baz", "<3", Origin("req/limits.txt", 1))
    ]
    assert found.files == ("/app/requirements.txt", "/app/req/base.txt", "/app/req/more.txt", "/app/req/limits.txt")


def test_a_cycle_is_a_problem_and_the_rest_is_read() -> None:
    found = read("-r a.txt\nfoo\n", {"/app/a.txt": "-r requirements.txt\nbar\n"})
    assert [one.name for one in found.requested] == ["bar", "foo"]
    assert messages(found) == [("a.txt", 1, "requirements.txt includes itself")]


def test_a_bomb_of_includes_is_cut_off() -> None:
    others = {f"/app/{level}.txt": f"-r {level + 1}.txt\n-r {level + 1}.txt\n" for level in range(30)}
    found = read("-r 0.txt\n", others | {"/app/30.txt": "foo\n"})
    assert any(f"more than {MAX_FILES} files" in message for _, _, message in messages(found))


def test_what_cannot_be_read_is_said() -> None:
    found = read("-r missing.txt\n-c https://user:pw@host.example/c.txt\n./absent\n==1.0\n--bogus\nfoo --hash 'sha\n")
    assert messages(found) == [
        ("requirements.txt", 1, "requirements file missing.txt can't be read: No such file or directory"),
        ("requirements.txt", 2, "https://****@host.example/c.txt was not read: it is fetched at build time"),
        ("requirements.txt", 3, "what is to be installed, /app/absent, does not exist: no COPY or ADD creates it"),
        ("requirements.txt", 4, messages(found)[3][2]),
        ("requirements.txt", 5, "no such option: --bogus"),
        ("requirements.txt", 6, "options can't be split: no closing quotation"),
    ]
    assert messages(read_requirements("/app/none.txt", MemoryFiles({}), origin=Origin("Dockerfile", 4)))[0][:2] == (
        "Dockerfile",
        4,
    )


def test_index_options() -> None:
    found = read(
        "-i https://first.example/simple\n"
        "--extra-index-url https://dropped.example/simple\n"
        "--index-url=https://second.example/simple\n"
        "--extra-index-url https://extra.example/simple\n"
        "-f wheels\n--find-links https://host.example/links\n"
        "--no-binary psycopg2,Foo_Bar --only-binary :none:\n"
        "--only-binary foo-bar\n--prefer-binary\n--pre\n--require-hashes\n",
        {"/app/wheels/lz4-4.4.5-cp311-cp311-musllinux_1_2_x86_64.whl": b"", "/app/wheels/notes.txt": ""},
    )
    assert found.options == IndexOptions(
        index_url="https://second.example/simple",
        extra_index_urls=("https://extra.example/simple",),
        find_links=("/app/wheels", "https://host.example/links"),
        no_binary=frozenset({"psycopg2"}),
        only_binary=frozenset({"foo-bar"}),
        prefer_binary=True,
        pre=True,
        require_hashes=True,
    )
    assert found.wheelhouse == ("lz4-4.4.5-cp311-cp311-musllinux_1_2_x86_64.whl",)
    assert "second.example" not in repr(found.options)


def test_environment_variables_are_replaced_where_they_are_known() -> None:
    found = read("foo==${FOO_VERSION}\nbar==1.${unset}0\n${MISSING}\n", environment={"FOO_VERSION": "1.2"})
    assert found.requested[0].specifier == "==1.2"
    assert [problem.line for problem in found.problems] == [2, 3]


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"\xef\xbb\xbffoo\n", ["foo"]),
        ("foo\n".encode("utf-16"), ["foo"]),
        (b"# -*- coding: latin-1 -*-\n# caf\xe9\nfoo\n", ["foo"]),
        (b"foo\r\nbar\r\n", ["foo", "bar"]),
        (b"foo", ["foo"]),
        (b"", []),
    ],
)
def test_encodings_and_line_ends(data: bytes, names: list[str]) -> None:
    found = read(data)
    assert [one.name for one in found.requested] == names
    assert found.problems == ()


def test_bytes_that_are_no_text_are_a_problem() -> None:
    assert messages(read(b"# caf\xe9\nfoo\n")) == [("requirements.txt", None, "the file is not valid utf-8")]
    assert messages(read(b"# coding: nonsense\nfoo\n")) == [
        ("requirements.txt", None, "the file is not valid nonsense")
    ]


def test_local_archives_and_folders() -> None:
    files: dict[str, str | bytes] = {
        "/app/dist/foo-1.0-py3-none-any.whl": b"",
        "/app/dist/bar-2.0.tar.gz": b"",
        "/app/lib/readme": "",
    }
    found = read(
        "./dist/foo-1.0-py3-none-any.whl\ndist/bar-2.0.tar.gz\nfile:///app/dist/bar-2.0.tar.gz\n./lib[x]\n-e ./lib\n"
        "Own-Lib[y] @ file:///app/lib\nbar @ file:///app/dist/bar-2.0.tar.gz\n",
        files,
    )
    assert [(one.name, one.specifier, one.path, one.extras, one.editable) for one in found.requested] == [
        ("foo", "==1.0", "/app/dist/foo-1.0-py3-none-any.whl", (), False),
        ("bar", "==2.0", "/app/dist/bar-2.0.tar.gz", (), False),
        ("bar", "==2.0", "/app/dist/bar-2.0.tar.gz", (), False),
        (None, "", "/app/lib", ("x",), False),
        (None, "", "/app/lib", (), True),
        ("own-lib", "", "/app/lib", ("y",), False),
        ("bar", "", "/app/dist/bar-2.0.tar.gz", (), False),
    ]
    assert [problem.message for problem in read("a @ file:///app/no\n", files).problems] == [
        "what is to be installed, /app/no, does not exist: no COPY or ADD creates it"
    ]


# -- against pip and pip-requirements-parser ------------------------------------------------------------------------

requirement = st.sampled_from(
    [
        "foo", "Foo_Bar==1.0", "foo [a, B]>=1,<2", "foo~=1.4", "foo==1.*", "foo>=1.*", "foo ; os_name=='posix'", "foo;extra=='x'",
        "foo>=1 ; bogus", "foo<=1.7;", "foo ; ", "foo @ https://h.example/foo-1.zip", "foo@https://h.example/x ; os_name == 'nt'", "foo==1.0+local.1",
        "https://h.example/foo-1.0.tar.gz#egg=foo", "https://h.example/foo-1.0-py3-none-any.whl; os_name == 'posix'",
        "git+ssh://git@h.example/foo.git#egg=foo", "foo bar", "foo==", "= 1", "foo[", "foo]", "foo===odd", "foo>=1,", "foo (>=1)",
        "foo>=1 <2", "foo!=1.0,>=0.9a1", "-foo", "foo--bar", "fo\u00f6", "foo==1 --hash=sha256:ab --hash sha256:cd", "foo --config-settings x=y",
        "foo # comment", "foo#nocomment", "foo\t#tab", "${HOME_X}foo", "foo==${V}", "\u2028foo", "-e git+https://h.example/x#egg=foo",
    ]
)  # fmt: skip
option = st.sampled_from(
    [
        "-i https://a.example/simple", "--index-url=https://b.example/simple", "--extra-index-url https://c.example/s", "--no-index",
        "--no-binary foo,Bar_x", "--no-binary=:all:", "--only-binary :all:,foo", "--only-binary :none:", "--no-binary :all:,:none:,x", "--pre",
        "--prefer-binary", "--require-hashes", "--trusted-host h.example", "--pref", "--no", "--index-url", "--prefer-binary=1", "--pre --prefer-binary",
        "-f https://l.example/x -f https://l.example/y", "--extra https://e.example -i https://f.example", "--extra https://d.example", "--no-binary 'a,b'", "--all-releases foo", "--pypi-url https://p.example",
    ]
)  # fmt: skip
glue = st.sampled_from(["\n", "\n", "\n", "\r\n", " \\\n", "\\\n", "\n\n", "\n# c \\\n", "\n  # c\n", " \\\n# c\n"])
lines = st.lists(st.tuples(st.one_of(requirement, requirement, option), glue), max_size=6)


def sdist_url(one: Requested) -> bool:
    return one.artefacts is not None and not one.artefacts[0].endswith(".whl")


def pip_view(path: Path) -> tuple[list[tuple[object, ...]], dict[str, Any]] | None:
    """What pip makes of the file: its requirements and its finder's options; None if pip gives up."""

    session = PipSession()
    scope = SearchScope.create(find_links=[], index_urls=[], no_index=False)
    finder = PackageFinder.create(
        LinkCollector(session, scope), SelectionPreferences(allow_yanked=False, release_control=ReleaseControl())
    )
    found: list[tuple[object, ...]] = []
    try:
        for parsed in parse_requirements(str(path), session, finder=finder):
            made = install_req_from_parsed_requirement(parsed)
            assert parsed.line_source is not None
            found.append(
                (
                    int(parsed.line_source.split()[1]),
                    made.req and normalise(made.req.name),
                    made.req and {str(one) for one in made.req.specifier},
                    made.req and {extra.lower() for extra in {*made.req.extras, *made.extras}},
                    str(made.markers) if made.markers else None,
                    made.editable,
                    tuple(f"{kind}:{value}" for kind, values in made.hash_options.items() for value in values),
                )
            )
    except PipError:
        return None
    except ValueError:  # pip crashes on a host such as `h.example[`: it says nothing of the file
        reject()
    control = finder.format_control
    return found, {
        "urls": finder.index_urls,
        "no_binary": control.no_binary,
        "only_binary": control.only_binary,
        "prefer_binary": finder._candidate_prefs.prefer_binary,
        "links": finder.find_links,
        "pre": set(finder.release_control.all_releases) if finder.release_control else set(),
    }


@given(lines)
@example([("foo", " \\\n"), ("-e git+https://h.example/x#egg=foo", "\n")])
@example([("-foo", "\\\n"), ("foo@https://h.example/x ; os_name == 'nt'", "\n")])  # -f with what is no URL
@example([("https://h.example/foo-1.0.tar.gz#egg=foo", " \\\n"), ("-e git+https://h.example/x#egg=foo", "\n")])
def test_a_file_means_what_pip_makes_of_it(parts: list[tuple[str, str]]) -> None:

    logging.disable(logging.CRITICAL)
    text = "".join(line + end for line, end in parts)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text(text, newline="")
        expected = pip_view(path)
    found = read(text)
    if expected is None:
        assert found.problems, text
        return
    if any(message.endswith(("no such file", "no such folder")) for *_, message in messages(found)):
        return  # pip only warns of it here, and fails once it opens the file
    assert messages(found) == []
    requested, options = expected
    assert [
        (
            one.origin.line,
            one.name,
            # we also read the version in the name of an sdist behind a URL, which pip ignores
            {str(clause) for clause in SpecifierSet(one.specifier)} if not sdist_url(one) else set(),
            set(one.extras),
            str(Marker(one.marker)) if one.marker else None,
            one.editable,
            one.hashes,
        )
        for one in found.requested
    ] == requested
    mine = found.options
    assert mine.no_binary == options["no_binary"] - {""}
    assert mine.only_binary == options["only_binary"] - {""}
    assert mine.prefer_binary == options["prefer_binary"]
    links = [link if is_url(link) else posixpath.normpath(f"/app/{link}") for link in options["links"]]
    assert list(mine.find_links) == list(dict.fromkeys(links))
    assert ({":all:"} if mine.pre else set()) | mine.pre_for == options["pre"]
    urls = [mine.index_url] if mine.index_url else []
    assert [*urls, *mine.extra_index_urls] == list(dict.fromkeys(options["urls"]))


@given(lines)
def test_lines_are_those_of_pip_requirements_parser(parts: list[tuple[str, str]]) -> None:

    text = "".join(line + end for line, end in parts)
    if "\u2028" in text:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text(text, newline="")
        parsed = RequirementsFile.from_file(str(path))
    theirs = {(one.line_number, one.name and normalise(one.name)) for one in parsed.requirements if one.line_number}
    mine = {(one.origin.line, one.name) for one in read(text).requested}
    assert {line for line, _ in mine} <= {line for line, _ in theirs} | {
        one.line_number for one in parsed.invalid_lines
    }
    for line, name in theirs & {(line, name) for line, name in theirs if name}:
        assert (line, name) in mine or any(problem.line == line for problem in read(text).problems)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    found = read(data)
    assert all("\n" not in problem.message for problem in found.problems)
    text, _ = decode(data)
    assert all(line.strip() == line and line for _, line in logical_lines(text, {}))
