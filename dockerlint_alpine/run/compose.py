"""The builds that a compose file describes (the compose specification: ``build`` and its short form).

A compose file is a file of the project: it chooses among what the project holds, and what it names elsewhere is refused.
Variables of the environment are never read for it. ``${NAME}`` stands for itself, so that a message can name it and no
message can show what it holds; a default (``${NAME:-3.19}``) is taken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml
from msgspec.structs import replace
from yaml.constructor import ConstructorError

from dockerlint_alpine.run.builds import Build, BuildFileError, Refused, made_by, outside
from dockerlint_alpine.system.files import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MAX_SIZE = 1024 * 1024
"""Bytes of a compose file."""

_MAX_MERGED = 100_000
"""Keys that ``<<`` brings to all mappings of a file together: merged lists of merged lists grow without end."""
_MAX_NUMBER = 100
"""Characters of a number: numbers to the base of 60 take time that grows with the square."""
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|\{(?P<braced>[A-Za-z_]\w*)(?:(?P<how>:?[-?+])(?P<word>[^}]*))?\}|(?P<plain>[A-Za-z_]\w*))"
)


def read_builds(path: Path, project: Path) -> tuple[list[Build], list[Refused]]:
    """The builds of the compose file at ``path`` whose context and Dockerfile lie in ``project``, and those refused.

    Raises BuildFileError, and OSError where the file can't be read.
    """
    data = read_file(path, limit=MAX_SIZE)
    document = _load(data)
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict):
        raise BuildFileError("not a compose file: it has no services")
    builds: list[Build] = []
    refused: list[Refused] = []
    for name, service in services.items():
        build = _build(path, str(name), service, frozenset(map(str, services))) if isinstance(service, dict) else None
        if build is None:
            continue
        found = outside(build, project)
        if found is None:
            inline = build.text is not None
            builds.append(replace(build, line=_line(data, str(name), "dockerfile_inline")) if inline else build)
        else:
            what, place = found
            message = f"service {build.service}: its {what} {place} lies outside the project {project}"
            refused.append(Refused(_line(data, str(name), what), f"{message}: not looked at"))
    return builds, refused


class _Loader(yaml.SafeLoader):
    """YAML without the ways to make much of little."""

    merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Bring in what ``<<`` names. This is called for each mapping that is merged before it is taken in."""
        super().flatten_mapping(node)
        self.merged += len(node.value)
        if self.merged > _MAX_MERGED:
            raise ConstructorError(None, None, "too much is merged", node.start_mark)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        """The text of a scalar."""
        value = super().construct_scalar(node)
        if len(str(value)) > _MAX_NUMBER and node.tag in _NUMBERS:
            raise ConstructorError(None, None, "a number is too long", node.start_mark)
        return value


def _load(data: bytes) -> Any:
    try:
        return yaml.load(data, _Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError, OverflowError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" (line {line + 1})" if line is not None else ""
        raise BuildFileError(f"not a readable YAML file{where}") from None


def _build(path: Path, name: str, service: Any, services: frozenset[str]) -> Build | None:
    """``None`` where nothing of this machine is built: an image alone, or a context elsewhere."""
    given = service.get("build")
    if isinstance(given, str):
        given = {"context": given}
    if not isinstance(given, dict):
        return None
    context = interpolated(_scalar(given.get("context")) or ".")
    if "://" in context:
        return None
    folder = path.parent
    target = interpolated(_scalar(given.get("target")))
    inline = given.get("dockerfile_inline")
    text = interpolated(inline) if isinstance(inline, str) else None
    image = interpolated(_scalar(service.get("image")))
    tags: Iterable[Any] = found if isinstance(found := given.get("tags"), list) else ()
    return Build(
        name,
        dockerfile=folder / context / interpolated(_scalar(given.get("dockerfile")) or "Dockerfile")
        if text is None
        else path,
        context=folder / context,
        folder=folder,
        build_args=dict(_args(given.get("args"))),
        target=target or None,
        contexts=tuple(_contexts(path, given.get("additional_contexts"), services)),
        images=(*filter(None, (image, *(interpolated(_scalar(tag)) for tag in tags))), made_by(path, name)),
        text=text,
    )


def _contexts(path: Path, given: Any, services: frozenset[str]) -> Iterator[tuple[str, str]]:
    """``additional_contexts``: folders, images, and what other services build."""
    for name, value in _args(given):
        made = value.removeprefix("service:")
        yield name, made_by(path, made) if made != value and made in services else value


def _args(given: Any) -> Iterator[tuple[str, str]]:
    """``args`` as a map or a list of ``NAME=VALUE``; a bare name, which the environment may set, is left to the
    Dockerfile's own default."""
    pairs: Iterable[tuple[str, Any]] = ()
    if isinstance(given, dict):
        pairs = given.items()
    elif isinstance(given, list):
        split = (_scalar(item).partition("=") for item in given)
        pairs = [(name, value if equals else None) for name, equals, value in split]
    for name, value in pairs:
        if value is not None:
            yield _scalar(name), interpolated(_scalar(value))


def _scalar(value: Any) -> str:
    """A value as compose reads it; what is no single value is none (nested aliases would be written out in full)."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (str, int, float)) else ""


def interpolated(text: str) -> str:
    """``text`` with the defaults of its variables filled in; a variable without one becomes ``${NAME}``."""

    def value(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        if match["how"] in {"-", ":-"}:
            return match["word"]
        return f"${{{match['braced'] or match['plain']}}}"

    return _VARIABLE.sub(value, text)


def _line(data: bytes, service: str, what: str) -> int:
    """The line of the ``context`` or ``dockerfile`` of a service, else of the service, else the first."""
    node = yaml.compose(data, Loader=_Loader)
    line = 0
    for key in ("services", service, "build", what):
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        found = next(((name, value) for name, value in pairs if name.value == key), None)
        if found is None:
            break
        line, node = found[0].start_mark.line, found[1]
    return line + 1
