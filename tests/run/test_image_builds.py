"""Builds that Makefiles, scripts and pipelines start: which image comes from which Dockerfile."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dockerlint_alpine.cli import app
from dockerlint_alpine.run.discovery import Search, find_jobs
from dockerlint_alpine.run.image_builds import named_builds

FILES = {
    "docker/Dockerfile": "FROM alpine:3.19\n",
    "docker/Dockerfile-tools": "FROM acme/app:1\n",
    "docker/Dockerfile-aws": "FROM acme/app:1-tools\n",
    "docker/builder": "FROM alpine:3.19\n",
    "one/Dockerfile": "FROM alpine:3.19\n",
    "two/Dockerfile": "FROM alpine:3.19\n",
}
MAKE = """\
DIR = docker/
FILE = Dockerfile
IMAGE ?= acme/app
FLAVOUR = base

_builder:
\tdocker build $(NO_CACHE) -t acme/app-builder -f ${DIR}/builder ${DIR}
build:
\t@if [ "$(FLAVOUR)" = "base" ]; then \\
\t\tdocker build --label "a"="$$(date --rfc-3339=s)" --build-arg VERSION=$(ANSIBLE) --build-arg X=1 \\
\t\t\t-t $(IMAGE):$(ANSIBLE) -f $(DIR)/$(FILE) $(DIR); \\
\telse \\
\t\tdocker build -t $(IMAGE):$(ANSIBLE)-$(FLAVOUR) -f $(DIR)/$(FILE)-$(FLAVOUR) $(DIR); \\
\tfi
\t@echo "docker build -t no one"
"""
SHELL = """\
#!/bin/sh
ns=acme
for d in */; do
  docker buildx build --push --platform linux/amd64 -t "$ns/$d:${TAG:-latest}" ./$d || exit 1
done
# docker build -t acme/commented one
docker build -t acme/stdin - < one/Dockerfile
docker build -t acme/gone nowhere && docker build -tacme/last one
"""
MATRIX = """\
on: push
env: {REGISTRY: ghcr.io}
jobs:
  build:
    strategy:
      matrix:
        image: [one, two]
        include:
          - {image: one, version: "3.12"}
          - {image: two, version: "3.13"}
    steps:
      - id: meta
        uses: docker/metadata-action@v5
        with: {images: "acme/${{ matrix.image }}"}
      - uses: docker/build-push-action@v6
        with:
          context: ${{ matrix.image }}
          build-args: |
            PYTHON=${{ matrix.version }}
            SECRET=${{ secrets.X }}
          tags: |
            ${{ env.REGISTRY }}/acme/${{ matrix.image }}:${{ matrix.version }}
      - uses: docker/build-push-action@v6
        with: {context: ./docker, file: docker/Dockerfile, tags: "${{ steps.meta.outputs.tags }}"}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    _write(tmp_path, FILES)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def _named(root: Path, name: str, text: str) -> dict[str, list[tuple[str, ...]]]:
    _write(root, {name: text})
    found: dict[str, list[tuple[str, ...]]] = {}
    for one in named_builds([(root / name, root)], [root / file for file in FILES if "Dockerfile" in file], ["acme"]):
        found.setdefault(one.dockerfile.relative_to(root).as_posix(), []).append(
            (*one.images, *(f"{key}={value}" for key, value in one.build_args.items()))
        )
    return found


def test_a_makefile_with_variables_that_who_calls_it_changes(root: Path) -> None:
    assert _named(root, "Makefile", MAKE) == {
        "docker/builder": [("acme/app-builder",)],
        "docker/Dockerfile": [("acme/app:${ANSIBLE}", "X=1")],
        "docker/Dockerfile-tools": [("acme/app:${ANSIBLE}-tools",)],
        "docker/Dockerfile-aws": [("acme/app:${ANSIBLE}-aws",)],
    }


ARRAY = """\
#!/bin/bash
REF=$(
  cd "$OTHER"
  git rev-parse HEAD
)
FILE="${FILE-docker/builder}"
ARGS=(
  # the file (and more)
  --pull -f "${FILE}"
)
for tag in a b; do
  ARGS+=( -t "acme/builder:${tag}" )
done
ARGS+=(--build-arg "FROM=alpine:3.18")
$DRY docker buildx \\
  --builder "$NAME" \\
  build "${ARGS[@]}" docker
docker build "${NONE[@]}" -t acme/none one
"""


def test_arguments_in_an_array_of_bash(root: Path) -> None:
    assert _named(root, "build.sh", ARRAY) == {
        "docker/builder": [("acme/builder:${tag}", "FROM=alpine:3.18")],
        "one/Dockerfile": [("acme/none",)],
    }


def test_a_loop_of_a_script(root: Path) -> None:
    assert _named(root, "build.sh", SHELL) == {
        "docker/Dockerfile": [("acme/docker:latest",)],
        "one/Dockerfile": [("acme/one:latest", "acme/last")],
        "two/Dockerfile": [("acme/two:latest",)],
    }


def test_the_matrix_of_a_workflow(root: Path) -> None:
    assert _named(root, ".github/workflows/x.yml", MATRIX) == {
        "one/Dockerfile": [("ghcr.io/acme/one:3.12", "PYTHON=3.12")],
        "two/Dockerfile": [("ghcr.io/acme/two:3.13", "PYTHON=3.13")],
        "docker/Dockerfile": [("acme/one:${?}", "acme/two:${?}")],
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cd docker && docker build -t acme/x .\n", ["docker/Dockerfile"]),
        ("cd $1\ndocker build -t acme/x .\n", []),  # whose Dockerfile "." is, is not known
        ("cd ../..\ndocker build -t acme/x -f docker/builder .\n", ["docker/builder"]),
        ("docker build -t acme/x -f ../../etc/passwd .\n", []),
        ("docker build -t acme/x $DIR\n", []),  # any folder would fit
        ("docker build -t 'acme/x -f docker/builder .\n", []),
        ("docker build -t acme/x https://example.org/x.git\n", []),
    ],
)
def test_what_is_built_where(root: Path, text: str, found: list[str]) -> None:
    assert sorted(_named(root, "x.sh", text)) == found


def test_a_file_of_another_name_is_judged_and_a_single_file_finds_its_base(root: Path) -> None:
    _write(root, {"Makefile": MAKE, "docker/Dockerfile": "FROM acme/app-builder\n"})
    jobs, errors = find_jobs([])
    assert not errors
    assert "docker/builder" in [job.shown_as for job in jobs]
    (job,), _ = find_jobs(["docker/Dockerfile"])
    assert [(one.path, one.names) for one in job.others.builds] == [("docker/builder", ("acme/app-builder",))]
    (plain,), _ = find_jobs(["one/Dockerfile"])
    assert not plain.others.builds


def test_contexts_of_a_bake_file_count_for_a_dockerfile_that_is_named_alone(root: Path) -> None:
    bake = (
        'target "b" { context = "one" }\ntarget "x" {\n context = "docker"\n contexts = {\n  base = "target:b"\n }\n}\n'
    )
    _write(root, {"ci/images.hcl": bake, "docker/Dockerfile": "FROM base\n"})
    (job,), _ = find_jobs(["docker/Dockerfile"])
    assert [one.path for one in job.others.builds] == ["one/Dockerfile"]
    assert job.others.contexts[0][0] == "base"


def test_the_base_of_a_family_is_the_one_that_does_not_start_from_it(root: Path) -> None:
    files = {
        "f/Dockerfile-root": "FROM alpine:3.19\n",
        "f/Dockerfile-tools": "ARG V\nFROM acme/family:${V}\n",
        "f/Dockerfile-aws": "ARG V\nFROM acme/family:${V}-tools\n",
    }
    _write(root, files)
    jobs = {job.shown_as: job for job in find_jobs([])[0]}
    assert {one.path: one.names for one in jobs["f/Dockerfile-tools"].others.builds} == {
        "f/Dockerfile-root": ("acme/family",)
    }
    _write(root, {"f/Dockerfile-other": "FROM alpine:3.19\n"})  # two that may be it
    assert not find_jobs(["f/Dockerfile-tools"])[0][0].others.builds


def test_arguments_without_a_value_have_the_one_that_all_builds_give(root: Path) -> None:
    text = "ARG ALPINE\nARG PYTHON\nARG OTHER=1\nFROM python:$PYTHON-alpine$ALPINE\n"
    script = (
        "A=3.19\nfor p in 3.11 3.12; do docker build --build-arg ALPINE=$A --build-arg PYTHON=$p -t x/y one; done\n"
    )
    _write(
        root,
        {
            "one/Dockerfile": text,
            "x.sh": script + "docker build -t x/z --build-arg ALPINE=3.19 --build-arg OTHER=2 one\n",
        },
    )
    (job,), _ = find_jobs(["one/Dockerfile"])
    assert job.build_args == {"ALPINE": "3.19"}


def test_an_image_of_its_own_name_is_one_that_somebody_published(root: Path) -> None:
    _write(root, {"docs/Dockerfile": "FROM acme/docs\n", "Makefile": "build:\n\tdocker build -t acme/docs docs\n"})
    (job,), _ = find_jobs(["docs/Dockerfile"])
    assert not job.others.builds


def test_folders_as_official_images_have_them(root: Path) -> None:
    base, app = "FROM alpine:3.19\n", "FROM acme/app:1.2.3-slim\n"
    _write(root, {"1.2/slim/Dockerfile": base, "1.20/slim/Dockerfile": base, "1.2/full/Dockerfile": app})
    (job,), _ = find_jobs(["1.2/full/Dockerfile"])
    assert [(one.path, one.names) for one in job.others.builds] == [("1.2/slim/Dockerfile", ("acme/app:1.2.3-slim",))]
    _write(root, {"old/1.2/slim/Dockerfile": base})  # two that may be it
    assert not find_jobs(["1.2/full/Dockerfile"])[0][0].others.builds


BUILD = "docker build -t acme/x "
CHOICE = f"""{{uses: docker/build-push-action@v1, with: {{file: "${{{{ {"'a'" * 5000} }}}}"}}}}, """
HOSTILE = {
    "chain": "".join(f"A{one}=${{A{one + 1}}}${{A{one + 1}}}\n" for one in range(8000)) + f"{BUILD}$A0 one\n" * 90,
    "braces": BUILD + "${" + "a-" * 100_000,
    "substitutions": BUILD + "$(" * 100_000,
    "open": f"{BUILD}-f {'$A$B$C$D' * 2000}/Dockerfile one\n",
    "many": f"{BUILD}one\n" * 9000,
    "arrays": "A=(" * 9000 + "B=(" + "x " * 50_000 + ")\n" + f"C=(x)\n{BUILD}one ${{B[@]}}\n" * 2000,
    "yaml": "uses: docker/build-push-action@v1\nacme: " + "[" * 50_000,
    "choice": f"acme: 1\njobs: {{a: {{strategy: {{matrix: {{a: [{'1, ' * 99}]}}}}, steps: [{CHOICE * 10}]}}}}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_takes_long(root: Path, text: str) -> None:
    start = time.process_time()
    assert set(_named(root, "x.sh", text)) <= {"one/Dockerfile"}
    assert time.process_time() - start < 5


ACTION = """\
on: push
env: {MORE: "linux/386,linux/unknown"}
jobs:
  build:
    strategy: {matrix: {include: [{platform: linux/arm64}, {platform: "${{ inputs.other }}"}]}}
    steps:
      - uses: docker/build-push-action@v6
        with: {context: one, platforms: "linux/amd64, linux/arm/v7\\n${{ matrix.platform }},${{ env.MORE }}"}
"""
ARM = ("linux/amd64", "linux/arm64")
CHOSEN = ACTION.replace(
    "context: one", "context: ., file: \"${{ matrix.x && './two/Dockerfile' || './one/Dockerfile' }}\""
)
WRITTEN = """\
jobs:
  build:
    steps:
      - id: chosen
        run: |
          if [ "$X" ]; then echo "ALL=linux/amd64,linux/arm/v7" >> $GITHUB_ENV
          else echo ALL=linux/386 >> "${GITHUB_ENV}"; fi
          echo "for-arm=linux/arm64" >> $GITHUB_OUTPUT; echo "::set-output name=old::linux/s390x"
          echo "OTHER=$(uname -m)" >> $GITHUB_ENV
      - uses: docker/build-push-action@v6
        with:
          context: one
          platforms: ${{ env.ALL }},${{ steps.chosen.outputs.for-arm }},${{steps.chosen.outputs.old}},${{ env.OTHER }}
"""
NAMED = ACTION.replace("context: one", 'context: "${{ github.workflow }}"')
IN_ORDER = ("linux/amd64", "linux/arm/v7", "linux/arm64", "linux/386")


@pytest.mark.parametrize(
    ("name", "text", "platforms"),
    [
        (".github/workflows/release.yml", ACTION, IN_ORDER),
        (
            ".github/workflows/a.yml",
            WRITTEN,
            ("linux/amd64", "linux/arm/v7", "linux/386", "linux/arm64", "linux/s390x"),
        ),
        (
            "Makefile",
            "P = linux/arm64,amd64\nall:\n\tdocker buildx build --platform=$(P) one\n",
            ("linux/amd64", "linux/arm64"),
        ),
        ("one/build.sh", "docker buildx build --platform linux/s390x .\n", ("linux/amd64", "linux/s390x")),
        (".github/workflows/a.yaml", f"name: one\n{NAMED}", IN_ORDER),
        (".github/workflows/a.yaml", f"name: two\n{NAMED}", ()),
        (".github/workflows/a.yaml", CHOSEN, IN_ORDER),
        (".github/workflows/a.yaml", ACTION.replace("context: one", "context: ., file: \"${{ join('a', 'b') }}\""), ()),
        (
            "scripts/all.sh",
            "docker buildx build --platform linux/arm64 -f one/Dockerfile .\n",
            ("linux/amd64", "linux/arm64"),
        ),
        ("build.sh", "docker buildx build --platform linux/amd64 one\n", ()),
        ("build.sh", "docker buildx build --platform linux/arm64 two\n", ()),
        ("build.sh", "docker buildx build --platform $ANY one\n", ()),
        ("deep/down/build.sh", "docker buildx build --platform linux/arm64 ../../one\n", ()),
        ("build.txt", "docker buildx build --platform linux/arm64 one\n", ()),
    ],
)
@pytest.mark.parametrize("named", [["one/Dockerfile"], []])
def test_for_which_platforms(root: Path, name: str, text: str, platforms: tuple[str, ...], named: list[str]) -> None:
    _write(root, {name: text})
    (job,) = (one for one in find_jobs(named)[0] if one.shown_as == "one/Dockerfile")
    assert (job.platforms, job.others.platforms_by) == (platforms, name if platforms else "")
    (plain,) = (one for one in find_jobs(named, search=Search(platforms=False))[0] if one.shown_as == "one/Dockerfile")
    assert plain.platforms == ()


CALLER = """\
on: push
jobs:
  images:
    strategy: {matrix: {name: [one, two], include: [{name: one, file: one/Dockerfile}, {name: two, file: two/Dockerfile}]}}
    uses: ./.github/workflows/build.yml
    with: {DOCKER-FILE: "${{ matrix.file }}"}
"""
REUSABLE = """\
on:
  workflow_call:
    inputs: {DOCKER-FILE: {type: string}, for: {default: "linux/arm/v7"}}
jobs:
  build:
    steps:
      - uses: ./.github/actions/build
        with: {file: "${{ inputs.DOCKER-FILE }}", platforms: "${{ inputs.for }},linux/386"}
"""
COMPOSITE = """\
inputs: {file: {required: true}, platforms: {}}
runs:
  using: composite
  steps:
    - uses: docker/build-push-action@v6
      with: {context: ., file: "${{ inputs.file }}", platforms: "${{ inputs.platforms }}"}
"""
USED = {".github/workflows/build.yml": REUSABLE, ".github/actions/build/action.yml": COMPOSITE}


@pytest.mark.parametrize(
    ("files", "platforms"),
    [
        ({}, ("linux/amd64", "linux/arm/v7", "linux/386")),
        ({".github/workflows/all.yml": CALLER + "      for: linux/s390x\n"}, ()),
        (
            {".github/workflows/all.yml": CALLER.replace('}"}', '}", for: linux/s390x}')},
            ("linux/amd64", "linux/s390x", "linux/386"),
        ),
        ({".github/workflows/build.yml": REUSABLE.replace("./.github", "./../.github")}, ()),
        ({".github/actions/build/action.yml": "runs: ["}, ()),
        ({".github/actions/build/action.yml": "runs: {steps: [{uses: ./.github/actions/build}]}"}, ()),
        ({".github/workflows/all.yml": CALLER.replace("one/Dockerfile", "gone/Dockerfile")}, ()),
    ],
)
def test_workflows_and_actions_of_the_project_that_a_workflow_uses(
    root: Path, files: dict[str, str], platforms: tuple[str, ...]
) -> None:
    _write(root, {".github/workflows/all.yml": CALLER, **USED, **files})
    (job,) = find_jobs(["one/Dockerfile"])[0]
    assert job.platforms == platforms


def test_workflows_that_use_each_other_end(root: Path) -> None:
    matrix = f"{{matrix: {{a: [{'1, ' * 64}], b: [{'1, ' * 64}]}}}}"
    call = f"strategy: {matrix}, uses: ./.github/workflows/a.yml"
    jobs = ", ".join(f"j{number}: {{{call}}}" for number in range(200))
    text = f"on: workflow_call\njobs: {{{jobs}}}\n"
    _write(root, {".github/workflows/a.yml": text})
    start = time.process_time()
    find_jobs(["one/Dockerfile"])
    assert time.process_time() - start < 5


def test_what_is_built_for_more_platforms_is_judged_on_them(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = "FROM python:3.12-alpine3.19\nRUN pip install cffi==1.16.0\n"
    compose = "services: {a: {build: {context: one, platforms: [linux/arm64, linux/amd64]}}}\n"
    _write(root, {"one/Dockerfile": text, "two/compose.yml": compose.replace("one", "../one")})
    _write(root, {".github/workflows/x.yml": ACTION.replace("one", "docker"), "docker/Dockerfile": text})
    for path, by in (("docker/Dockerfile", ".github/workflows/x.yml"), ("two/compose.yml", "two/compose.yml")):
        for options, only in (((), True), (("--platform", "linux/amd64"), False)):
            with pytest.raises(SystemExit) as ended:
                app(["check", "--offline", "--no-cache", *options, path])
            said = capfd.readouterr().out
            assert (ended.value.code, "libffi-dev" in said) == ((1, True) if only else (0, False))
            assert (f" checked because {by} builds for " in said) is only
