"""The builds that a compose file describes (the compose specification: ``build`` and its short form).

A compose file is a file of the project: it chooses among what the project holds, and what it names elsewhere is refused.
Variables of the environment are never read for it. ``${NAME}`` stands for itself, so that a message can name it and no
message can show what it holds; a default (``${NAME:-3.19}``) is taken. The ``.env`` beside the file tells where a build
lies and what its image is called, and nothing else: build arguments may be secrets.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.run.builds import Build, BuildFileError, Refused, made_by, outside
from dockerlint_alpine.system.dotenv import VARIABLE, chosen, read_dotenv
from dockerlint_alpine.system.files import lies_within, read_file
from dockerlint_alpine.system.services import ServiceStart, StartKey
from dockerlint_alpine.system.yaml_text import YamlError, load_yaml

MAX_SIZE = 1024 * 1024
"""Bytes of a compose file."""
_MAX_TEXT = 4096
"""Characters of a text that variables are filled into, and of the value of one: a name or a path is shorter."""


def read_builds(path: Path, project: Path, *, shown_as: str | None = None) -> tuple[list[Build], list[Refused]]:
    """The builds of the compose file at ``path`` (``shown_as`` in messages) whose context and Dockerfile lie in ``project``,
    and those refused.

    Raises BuildFileError, and OSError where the file can't be read.
    """
    data = read_file(path, limit=MAX_SIZE)
    try:
        node, document = load_yaml(data)
    except YamlError as error:
        raise BuildFileError(str(error)) from None
    shown = shown_as if shown_as is not None else str(path)
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict):
        raise BuildFileError("not a compose file: it has no services")
    builds: list[Build] = []
    refused: list[Refused] = []
    stated = read_dotenv(path.parent / ".env", within=project) if b"$" in data else {}
    known = {name: value for name, value in stated.items() if len(value) <= _MAX_TEXT}
    others: dict[str, list[ServiceStart]] = {}
    for name, service in services.items():
        if not isinstance(service, dict):
            continue
        starts = tuple(_starts(_Said(str(name), service, node, shown), path.parent, project))
        build = _build(path, str(name), service, frozenset(map(str, services)), known)
        if build is None:
            others.setdefault(interpolated(_scalar(service.get("image")), known), []).extend(starts)
            continue
        found = outside(build, project)
        if found is None:
            line = _line(node, str(name), "build", "dockerfile_inline") if build.text is not None else 1
            builds.append(replace(build, line=line, starts=starts))
        else:
            what, why = found
            refused.append(Refused(_line(node, str(name), "build", what), f"service {build.service}: {why}"))
    for at, build in enumerate(builds):  # services of an image that another one builds
        more = (one for image in build.images for one in others.pop(image, ()))
        builds[at] = replace(build, starts=(*build.starts, *more))
    return builds, refused


def _build(
    path: Path, name: str, service: Mapping[str, Any], services: frozenset[str], known: Mapping[str, str]
) -> Build | None:
    """``None`` where nothing of this machine is built: an image alone, or a context elsewhere."""
    given = service.get("build")
    if isinstance(given, str):
        given = {"context": given}
    if not isinstance(given, dict):
        return None
    context = interpolated(_scalar(given.get("context")) or ".", known)
    if "://" in context:
        return None
    folder = path.parent
    target = interpolated(_scalar(given.get("target")), known)
    inline = given.get("dockerfile_inline")
    text = interpolated(inline) if isinstance(inline, str) else None
    image = interpolated(_scalar(service.get("image")), known)
    tags: Iterable[Any] = found if isinstance(found := given.get("tags"), list) else ()
    platforms: Iterable[Any] = found if isinstance(found := given.get("platforms"), list) else [service.get("platform")]
    return Build(
        name,
        dockerfile=folder / context / interpolated(_scalar(given.get("dockerfile")) or "Dockerfile", known)
        if text is None
        else path,
        context=folder / context,
        folder=folder,
        build_args=dict(_args(given.get("args"))),
        target=target or None,
        contexts=tuple(_contexts(path, given.get("additional_contexts"), services)),
        images=(*filter(None, (image, *(interpolated(_scalar(tag), known) for tag in tags))), made_by(path, name)),
        platforms=tuple(filter(None, (interpolated(_scalar(one)) for one in platforms))),
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


def interpolated(text: str, known: Mapping[str, str] = MappingProxyType({})) -> str:
    """``text`` with its variables filled in by what is ``known``, else by their defaults; one without either becomes
    ``${NAME}``."""
    if len(text) > _MAX_TEXT:
        known = {}

    def value(match: re.Match[str]) -> str:
        found = None if match["sign"] == "+" and match["braced"] not in known else chosen(match, known)
        return f"${{{match['braced'] or match['plain']}}}" if found is None else found

    return VARIABLE.sub(value, text)


def _line(node: yaml.Node | None, service: str, *keys: str) -> int:
    """The line of a key of a service, else of the one above it, else the first; 1-based."""
    line = 0
    for key in ("services", service, *keys):
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        found = next(((name, value) for name, value in pairs if name.value == key), None)
        if found is None:
            break
        line, node = found[0].start_mark.line, found[1]
    return line + 1


_PROGRAM_FOLDERS = ("/bin", "/sbin", "/usr", "/opt", "/venv")


class _Said(Struct, frozen=True):
    """What a compose file, ``shown`` so in messages, says of a service."""

    service: str
    given: Mapping[str, Any]
    node: yaml.Node | None
    shown: str

    def start(self, key: StartKey, words: tuple[str, ...], *below: str) -> ServiceStart:
        """What one of its keys says, with the line that has it."""
        return ServiceStart(self.service, key, words, self.shown, _line(self.node, self.service, key, *below))


def _starts(said: _Said, folder: Path, project: Path) -> Iterator[ServiceStart]:
    """What a service starts, and with what. Where it brings a PATH or mounts something over programs, nobody can tell what
    is there. Its relative paths begin in ``folder``."""
    given = said.given
    with_it: tuple[StartKey, ...] = ("user", "working_dir")
    for name in with_it:
        if given.get(name) is not None:
            yield said.start(name, (interpolated(_scalar(given[name])),))
    if _changes_programs(given):
        return
    found: list[tuple[StartKey, tuple[str, ...], tuple[str, ...]]] = [
        ("entrypoint", _words(given.get("entrypoint")), ()),
        ("command", _words(given.get("command")), ()),
    ]
    health = given.get("healthcheck")
    if isinstance(health, dict) and health.get("disable") is not True:
        found.append(("healthcheck", _tested(health.get("test")), ("test",)))
    for key, words, below in found:
        if words:
            yield said.start(key, words, *below)
    for mount in _mounts(given, folder, project):
        yield said.start("volumes", mount)


def _mounts(given: Mapping[str, Any], base: Path, project: Path) -> Iterator[tuple[str, str, str]]:
    """The folders of the project that a service mounts, each with its place there and its name for the user (the compose
    specification: ``volumes``, bind mounts)."""
    volumes = given.get("volumes")
    for one in volumes if isinstance(volumes, list) else ():
        if isinstance(one, dict):
            source, target = (
                _scalar(one.get(key)) if one.get("type") == "bind" else "" for key in ("source", "target")
            )
        else:
            source, target = (*_scalar(one).split(":"), "")[:2]
        folder = base / interpolated(source)
        if source.startswith(".") and target.startswith("/") and lies_within(folder, project) and folder.is_dir():
            yield str(folder.resolve()), target, os.path.relpath(folder)


def _words(given: Any) -> tuple[str, ...]:
    """``command`` and ``entrypoint``: a list, or a text that compose splits as a shell does."""
    if isinstance(given, list):
        return tuple(interpolated(_scalar(word)) for word in given)
    try:
        return tuple(shlex.split(interpolated(_scalar(given))))
    except ValueError:  # an open quote
        return ()


def _tested(given: Any) -> tuple[str, ...]:
    """``healthcheck.test``: a text for the shell, or a list that begins with CMD, CMD-SHELL or NONE."""
    if not isinstance(given, list):
        return ("/bin/sh", "-c", interpolated(given)) if isinstance(given, str) and given.strip() else ()
    first, *words = (interpolated(_scalar(word)) for word in given) if given else ("",)
    if first == "CMD-SHELL":
        return ("/bin/sh", "-c", *words[:1])
    return tuple(words) if first == "CMD" else ()


def _changes_programs(given: Mapping[str, Any]) -> bool:
    environment = given.get("environment")
    names = environment if isinstance(environment, (dict, list)) else ()
    if any(_scalar(name).partition("=")[0] == "PATH" for name in names):
        return True
    volumes = given.get("volumes")
    return any(_mounted_on(one) for one in volumes) if isinstance(volumes, list) else False


def _mounted_on(volume: Any) -> bool:
    target = _scalar(volume.get("target")) if isinstance(volume, dict) else (_scalar(volume).split(":")[1:2] or [""])[0]
    return target == "/" or f"{target}/".startswith(tuple(f"{folder}/" for folder in _PROGRAM_FOLDERS))
