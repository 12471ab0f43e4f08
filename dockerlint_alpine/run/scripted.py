"""Builds that are no Dockerfiles: jobs of GitHub workflows and GitLab pipelines that run in an Alpine image, and development
containers. What they do is told as a Dockerfile whose lines and columns are those of the file, so that every finding has
its place there; nobody rewrites these files.

GitHub: "Workflow syntax", ``jobs.<id>.container`` and ``steps[*].run``; GitLab: "CI/CD YAML syntax", ``image``,
``before_script`` and ``script``; containers.dev: "devcontainer.json reference".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from msgspec import Struct

from dockerlint_alpine.run.builds import DEVCONTAINER, GITLAB, Build, BuildFileError, Refused, outside
from dockerlint_alpine.run.compose import MAX_SIZE
from dockerlint_alpine.system.files import read_file
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.yaml_text import YamlError, load_nodes

_ALPINE = lazy_pattern(r"(?i)alpine")
_EXPRESSION = lazy_pattern(r"\$\{\{.*?\}\}")
_GOES_ON = lazy_pattern(r"(?:\\|&&|\|\||\||\{|\(|\b(?:then|do|else|in)|;;|;)\s*\Z")
"""How a line ends that the next one belongs to, or that is ended already."""
_GITLAB_WORDS = frozenset("default include stages variables workflow spec image services cache".split())
_COMMANDS = ("onCreateCommand", "updateContentCommand", "postCreateCommand")

Nodes: TypeAlias = dict[str, yaml.Node]


def read_scripts(path: Path, project: Path) -> tuple[list[Build], list[Refused]]:
    """What runs in an Alpine image of the jobs at ``path``, a file of ``project``, and builds that may not be looked at.

    Raises BuildFileError, and OSError where the file can't be read.
    """
    data = read_file(path, limit=MAX_SIZE)
    if DEVCONTAINER.match(path.name):
        return _devcontainer(path, project, data)
    if not _ALPINE.search(data.decode("utf-8", "replace")):
        return [], []
    try:
        root = _mapping(load_nodes(data))
    except YamlError as error:
        raise BuildFileError(str(error)) from None
    text = _Text(data)
    jobs = _gitlab(root) if GITLAB.match(path.name) else _github(root)
    found = []
    for name, image, steps in jobs:
        dockerfile = text.dockerfile(image, steps)
        if dockerfile is not None:
            found.append(Build(name, path, project, project, text=dockerfile, line=0, image_made=False))
    return found, []


class _Step(Struct, frozen=True):
    """A script with the place of its text, or (``node`` is where) the files of the project arriving."""

    node: yaml.Node
    is_script: bool = True


_Job: TypeAlias = tuple[str, yaml.ScalarNode, list[_Step]]


def _github(root: Nodes) -> Iterator[_Job]:
    for name, node in _mapping(root.get("jobs")).items():
        job = _mapping(node)
        image = _image(job.get("container"), "image")
        if image is None:
            continue
        steps = []
        for one in _items(job.get("steps")):
            step = _mapping(one)
            uses = step.get("uses")
            if isinstance(step.get("run"), yaml.ScalarNode) and not _changes_folder(step) and not _changes_folder(job):
                steps.append(_Step(step["run"]))
            elif isinstance(uses, yaml.ScalarNode) and uses.value.startswith("actions/checkout@"):
                steps.append(_Step(uses, is_script=False))
        yield name, image, steps


def _changes_folder(step: Nodes) -> bool:
    """Whether another folder or shell is asked for: then nothing is said of what it runs."""
    run = _mapping(_mapping(step.get("defaults")).get("run"))
    return bool({"working-directory", "shell"} & {*step, *run})


def _gitlab(root: Nodes) -> Iterator[_Job]:
    default = _mapping(root.get("default"))
    for name, node in root.items():
        job = _mapping(node)
        if name in _GITLAB_WORDS or name.startswith(".") or "script" not in job or "extends" in job:
            continue
        given = job.get("image") or default.get("image") or root.get("image")
        image = _image(given, "name")
        if image is None:
            continue
        before = job.get("before_script") or default.get("before_script") or root.get("before_script")
        scripts = [_Step(one) for part in (before, job["script"]) for one in _scripts(part)]
        yield name, image, [_Step(image, is_script=False), *scripts]


def _image(node: yaml.Node | None, key: str) -> yaml.ScalarNode | None:
    """The scalar that names an image of Alpine's kind; ``None`` for another, or one that an expression makes up."""
    node = _mapping(node).get(key) if isinstance(node, yaml.MappingNode) else node
    if not isinstance(node, yaml.ScalarNode) or not _ALPINE.search(node.value) or "$" in node.value:
        return None
    return node


def _mapping(node: yaml.Node | None) -> Nodes:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _items(node: yaml.Node | None) -> Iterable[yaml.Node]:
    return node.value if isinstance(node, yaml.SequenceNode) else ()


def _scripts(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """The scalars of a script, which may hold lists of lists."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield from _scripts(one) if not isinstance(one, yaml.ScalarNode) else (one,)


class _Text:
    """The lines of a file, of which some become those of a Dockerfile, each at its line and column."""

    def __init__(self, data: bytes) -> None:
        self._lines = data.decode("utf-8", "surrogateescape").split("\n")

    def dockerfile(self, image: yaml.ScalarNode, steps: Iterable[_Step]) -> str | None:
        """What a job does; ``None`` where its parts don't follow each other in the file, or a script is not a plain one."""
        lines: dict[int, str] = {}
        at = image.start_mark.line
        lines[at] = f"FROM {image.value}"
        ran = False
        for step in steps:
            start = step.node.start_mark.line
            if not step.is_script:
                # The files of the project are there from now on; where no line is free, they are not looked into.
                free = start if start > at else at + 1
                if free == start or not self._line(free).strip():
                    lines[free], at = "COPY . /", free
                continue
            script = self._script(step.node)
            if script is None:
                continue
            if min(script) <= at:
                return None
            lines |= script
            at, ran = max(script), True
        if not ran:
            return None
        return "\n".join(lines.get(number, "") for number in range(at + 1)) + "\n"

    def _line(self, number: int) -> str:
        return self._lines[number].rstrip("\r") if number < len(self._lines) else ""

    def _script(self, node: yaml.Node) -> dict[int, str] | None:
        """The lines of a script as a RUN; ``None`` where its text is not what stands in the file."""
        assert isinstance(node, yaml.ScalarNode)
        first, last = node.start_mark.line, node.end_mark.line
        if node.style == "|":
            rows = [(number, self._line(number)) for number in range(first + 1, last + (node.end_mark.column > 0))]
            rows = [(number, line) for number, line in rows if line.strip()]
            column = min((len(line) - len(line.lstrip(" ")) for _, line in rows), default=0)
        elif not node.style and first == last:
            rows, column = [(first, self._line(first)[: node.end_mark.column])], node.start_mark.column
        else:
            return None  # folded or quoted: what is run differs from what is written
        if not rows or column < 4 or any(" #" in line and not line.lstrip().startswith("#") for _, line in rows):
            return None
        rows = [(number, line) for number, line in rows if not line.lstrip().startswith("#")]
        script: dict[int, str] = {}
        for index, (number, line) in enumerate(rows):
            text = _EXPRESSION.sub(lambda found: "$" + "X" * (len(found[0]) - 1), line)
            head = " " * (column - 4) + "RUN " if index == 0 else " " * column
            text = head + text[column:]
            if index + 1 < len(rows) and not text.rstrip().endswith("\\"):
                text += " \\" if _GOES_ON.search(text) else "; \\"
            script[number] = text
        return script


# -- development containers ------------------------------------------------------------------------------------------


def _devcontainer(path: Path, project: Path, data: bytes) -> tuple[list[Build], list[Refused]]:
    """The build of a development container, or what its commands do in an image of Alpine's kind."""
    plain = _without_comments(data.decode("utf-8", "replace"))
    try:
        document: Any = json.loads(plain)
    except (ValueError, RecursionError) as error:
        raise BuildFileError(f"not a readable devcontainer.json: {error}") from None
    if not isinstance(document, dict):
        raise BuildFileError("not a readable devcontainer.json: it is no object")
    given = document.get("build")
    build: Mapping[str, Any] = given if isinstance(given, dict) else {}
    dockerfile = build.get("dockerfile") or document.get("dockerFile")
    folder = path.parent
    if isinstance(dockerfile, str) and "$" not in dockerfile:
        context = build.get("context") or document.get("context") or "."
        args = build.get("args")
        target = build.get("target")
        made = Build(
            "devcontainer",
            dockerfile=folder / dockerfile,
            context=folder / (context if isinstance(context, str) and "$" not in context else "."),
            folder=folder,
            build_args={str(key): str(value) for key, value in args.items()} if isinstance(args, dict) else {},
            target=target if isinstance(target, str) else None,
        )
        found = outside(made, project)
        return ([made], []) if found is None else ([], [Refused(1, found[1])])
    text = _commands(plain, document)
    return ([Build("devcontainer", path, project, project, text=text, line=0, image_made=False)] if text else []), []


def _commands(plain: str, document: Mapping[str, Any]) -> str | None:
    image = document.get("image")
    if not isinstance(image, str) or not _ALPINE.search(image):
        return None
    found = []
    for key in _COMMANDS:
        command = document.get(key)
        if isinstance(command, str) and "\\" not in json.dumps(command, ensure_ascii=False):
            place = re.search(rf'"{key}"\s*:\s*"', plain)
            if place is not None:
                found.append((place.end(), command))
    where = re.search(r'"image"\s*:', plain)
    lines: dict[int, str] = {}
    if where is not None:
        lines[plain.count("\n", 0, where.start())] = f"FROM {image}"
    for start, command in sorted(found):
        line = plain.count("\n", 0, start)
        column = start - (plain.rfind("\n", 0, start) + 1)
        if not lines or line <= max(lines) or column < 4:
            return None
        lines[line] = " " * (column - 4) + f"RUN {command}"
    if len(lines) < 2:
        return None
    return "\n".join(lines.get(number, "") for number in range(max(lines) + 1)) + "\n"


# A comment is read to its end before a comma is taken for the last: // {}
_TOKEN = lazy_pattern(
    r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=(?:\s|//[^\n]*\n|/\*(?:(?!\*/).)*\*/)*[}\]])', re.DOTALL
)


def _without_comments(text: str) -> str:
    """JSON with comments and trailing commas as JSON, every character in its place."""

    def blank(found: re.Match[str]) -> str:
        return found[0] if found[0].startswith('"') else re.sub(r"[^\n]", " ", found[0])

    return _TOKEN.sub(blank, text)
