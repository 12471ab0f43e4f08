"""Bake files: targets as ``docker buildx bake --print`` resolves them, as far as that stands in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.run.bake import read_builds
from dockerlint_alpine.run.builds import Build, BuildFileError
from dockerlint_alpine.run.discovery import find_jobs
from dockerlint_alpine.run.hcl import Evaluator, Unknown, read_hcl

Project = Callable[[Mapping[str, str]], Path]

FILE = """\
// a comment
variable "TAG" { default = "1.0" }
variable "REGISTRY" {}
variable "ALPINE" {
  default = "3.19" # the oldest
}
function "image" {
  params = [name, tag]
  result = ["${REGISTRY}acme/${name}:${tag}", equal(tag, "1.0") ? "acme/${name}:latest" : ""]
}
group "default" { targets = ["app", "py"] }
target "_common" {
  args = { ALPINE = ALPINE, KEEP = "yes" }
  platforms = ["linux/arm64", "linux/arm/v7"]
}
target "base" {
  context = "base"
  tags = compact(image("base", TAG))
}
target "app" {
  inherits = ["_common"]
  dockerfile = "docker/app.Dockerfile"
  target = "run"
  args = {
    ALPINE = "edge"
    COUNT = 1 + 2 * 3
    OFF = !true
    NONE = null
    WHO = REGISTRY
  }
  contexts = {
    base = "target:base", "alpine:3.19" = "docker-image://alpine:3.20"
    src = "src"
  }
}
target "py" {
  name = "py-${replace(v.python, ".", "-")}-${os}"
  matrix = { v = [{ python = "3.11" }, { python = "3.12" }], os = ["a"] }
  args = { PYTHON = v.python, LIST = join(" ", [for one in ["gcc", "make"] : upper(one) if one != "make"]) }
}
target "inline" {
  dockerfile-inline = <<-EOT
    FROM alpine:${ALPINE}
    RUN echo $${HOME} ${REGISTRY}
  EOT
}
"""


def builds(root: Path, text: str, name: str = "docker-bake.hcl") -> dict[str, Build]:
    (root / name).write_text(text)
    found, refused = read_builds(root / name, root)
    assert not refused
    return {one.service: one for one in found}


def test_targets(tmp_path: Path) -> None:
    found = builds(tmp_path, FILE)
    assert list(found) == ["base", "app", "py-3-11-a", "py-3-12-a", "inline"]
    app = found["app"]
    assert app.dockerfile == tmp_path / "docker" / "app.Dockerfile"
    assert app.build_args == {
        "ALPINE": "edge", "KEEP": "yes", "COUNT": "7", "OFF": "false", "WHO": "${REGISTRY}"
    }  # fmt: skip
    assert (app.target, app.platforms) == ("run", ("linux/arm64", "linux/arm/v7"))
    assert app.contexts == (
        ("base", f"target:{tmp_path}/docker-bake.hcl#base"),
        ("alpine:3.19", "docker-image://alpine:3.20"),
        ("src", "src"),
    )
    assert found["base"].images[:2] == ("${REGISTRY}acme/base:1.0", "acme/base:latest")
    assert found["py-3-12-a"].build_args == {"PYTHON": "3.12", "LIST": "GCC"}
    assert found["inline"].text == "FROM alpine:3.19\nRUN echo ${HOME} ${REGISTRY}\n"
    assert FILE.splitlines()[found["inline"].line - 1] == 'target "inline" {'


def test_the_same_as_json(tmp_path: Path) -> None:
    text = """{"variable": {"TAG": {"default": "3.19"}}, "group": {"default": {"targets": ["a"]}},
      "target": {"b": {"args": {"X": "${TAG}", "Y": "$${TAG}"}},
                 "a": {"inherits": ["b"], "context": "x", "args": {"Z": "${upper("q")}"}, "tags": ["a:${TAG}"]}}}"""
    found = builds(tmp_path, text.replace('upper("q")', 'upper(\\"q\\")'), "docker-bake.json")
    assert list(found) == ["a"]
    assert found["a"].build_args == {"X": "3.19", "Y": "${TAG}", "Z": "Q"}
    assert found["a"].images[0] == "a:3.19"


def test_an_override_is_laid_over(tmp_path: Path) -> None:
    (tmp_path / "docker-bake.override.hcl").write_text(
        'target "base" { target = "x" }\nvariable "TAG" { default = "2" }\n'
    )
    found = builds(tmp_path, FILE)
    assert found["base"].target == "x"
    assert found["base"].images[0] == "${REGISTRY}acme/base:2"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('"a${1}b"', "a1b"),
        ('"$${A} %%{B} \\n\\"\\u0041"', '${A} %{B} \n"A'),
        ("[1, true, null]", [1, True, None]),
        ("{a = 1, \"b\" : 2, (X) = 3}", {"a": 1, "b": 2, "x": 3}),
        ("X == \"x\" && !(1 > 2) ? [X][0] : 5", "x"),
        ("{ for k, v in {a = \"b\"} : v => k }", {"b": "a"}),
        ("{a = {b = [7]}}.a.b[0]", 7),
        ('split(",", "a,b")', ["a", "b"]),
        ("f(1, 2, 3)", [1, [2, 3]]),
        ('lookup({a = 1}, "b", 2)', 2),
        ('format("%s-%d", "a", 1)', "a-1"),
        ('replace("a.b", ".", "-")', "a-b"),
        ('contains(["a"], "a")', True),
        ('trimprefix("v1", "v")', "1"),
        ("<<E\na${X}\nE\n", "ax\n"),
    ],
)  # fmt: skip
def test_expressions(expression: str, value: object) -> None:
    text = f'X = "x"\nfunction "f" {{\n params = [a]\n variadic_params = b\n result = [a, b]\n}}\nY = {expression}\n'
    attributes, blocks = read_hcl(text.encode())
    assert Evaluator(attributes, blocks).variable("Y", {}) == value


@pytest.mark.parametrize(
    "expression",
    [
        *("timestamp()", "N", '"a${N}"', "N == 1", "N ? 1 : 2", "R", "[1][5]", "{}.a", '1 + "a"', "f(1)"),
        '"%{ if N }a%{ endif }"',
    ],
)
def test_what_only_a_build_knows(expression: str) -> None:
    text = f'variable "N" {{}}\nR = R\nfunction "f" {{\n params = [a]\n result = f(a)\n}}\nY = {expression}\n'
    attributes, blocks = read_hcl(text.encode())
    value = Evaluator(attributes, blocks).variable("Y", {})
    assert isinstance(value, Unknown)
    assert "${" in value or "%{" in value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('target "a" {', "not a readable bake file"),
        ('group "a" { targets = [] }\n', "it has no targets"),
        ('target "a" { inherits = ["b"] }\ntarget "b" { inherits = ["a"] }\n', "in a circle"),
        ('target "a" { matrix = { x = [' + "1," * 30 + "], y = [" + "1," * 30 + "] } }\n", "a matrix of 900 targets"),
        ("x = " + "[" * 500, "nests too deeply"),
        ("\xff", "not"),
    ],
)
def test_what_is_no_bake_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "docker-bake.hcl").write_bytes(text.encode("latin-1"))
    with pytest.raises(BuildFileError, match=message):
        read_builds(tmp_path / "docker-bake.hcl", tmp_path)


def test_a_search_finds_what_targets_build(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(
        {"docker-bake.hcl": FILE, "docker/app.Dockerfile": "FROM a\n", "base/Dockerfile": "FROM b\n", ".git/x": ""}
    )
    monkeypatch.chdir(root)
    jobs, errors = find_jobs([])
    assert [(error.path, error.message, error.empty) for error in errors] == [
        ("Dockerfile", "no such file, and docker-bake.hcl builds py-3-11-a and py-3-12-a from it", True)
    ]
    assert [(job.shown_as, job.services, job.platforms) for job in jobs] == [
        ("base/Dockerfile", ("base",), ()),
        ("docker/app.Dockerfile", ("app",), ("linux/arm64", "linux/arm/v7")),
        ("docker-bake.hcl#inline", ("inline",), ()),
    ]
    assert [other.shown for other in jobs[1].others.builds] == ["base/Dockerfile"]
    named, _ = find_jobs(["docker-bake.hcl"])
    assert {job.shown_as for job in named} > {job.shown_as for job in jobs}


def test_nothing_outside_the_project_is_built(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'target "a" { context = "../other" }\ntarget "b" {\n contexts = { c = "../secret" }\n}\n'
    root = project(
        {"p/docker-bake.hcl": text, "p/.git/x": "", "p/Dockerfile": "FROM a\n", "other/Dockerfile": "FROM x\n"}
    )
    monkeypatch.chdir(root / "p")
    jobs, errors = find_jobs(["docker-bake.hcl"])
    assert [error.path for error in errors] == ["docker-bake.hcl:1"]
    assert "is outside the project" in errors[0].message
    assert [job.others.contexts for job in jobs] == [(("c", "other:c"),)]
