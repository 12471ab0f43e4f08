"""The builds that a bake file describes (``docker-bake.hcl`` and ``docker-bake.json``; docker/buildx: bake reference).

Targets inherit, are multiplied by a matrix and name one another. Variables have their defaults: the environment is not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dockerlint_alpine.run.builds import Build, BuildFileError, Refused, made_by, outside
from dockerlint_alpine.run.hcl import MAX_SIZE, Block, Evaluator, Unknown, combinations, read_hcl, read_hcl_json
from dockerlint_alpine.system.files import read_file

_MAX_TARGETS = 256
_MAX_INHERITED = 16
_MERGED = ("args", "contexts")
"""Attributes of which a target adds to what it inherits; all others replace it (bake: ``Target.Merge``)."""


def read_builds(path: Path, project: Path) -> tuple[list[Build], list[Refused]]:
    """The builds of the bake file at ``path`` whose context and Dockerfile lie in ``project``, and those refused.

    ``NAME.override.hcl`` and ``NAME.override.json`` beside it are laid over it. Raises BuildFileError, and OSError where the
    file can't be read.
    """
    attributes, blocks = _read(path)
    for suffix in (".hcl", ".json"):
        other = path.with_name(f"{path.stem}.override{suffix}")
        if other != path and other.is_file():
            more, over = _read(other)
            attributes.update(more)
            blocks.extend(over)
    if not any(block.kind == "target" for block in blocks):
        raise BuildFileError("not a bake file: it has no targets")
    targets = _Targets(Evaluator(attributes, blocks), blocks).all()
    builds: list[Build] = []
    refused: list[Refused] = []
    for name in _built(targets, blocks):
        line, target = targets[name]
        build = _build(path, project, name, target, line, targets)
        if build is None:
            continue
        found = outside(build, project)
        if found is None:
            builds.append(build)
        else:
            refused.append(Refused(line, f"target {name}: {found[1]}"))
    return builds, refused


def _read(path: Path) -> tuple[dict[str, Any], list[Block]]:
    data = read_file(path, limit=MAX_SIZE)
    return read_hcl_json(data) if path.suffix == ".json" else read_hcl(data)


class _Targets:
    """All targets of a file by name, with what they inherit, each with the line of its block."""

    def __init__(self, evaluator: Evaluator, blocks: Iterable[Block]) -> None:
        self._evaluator = evaluator
        self._merged: dict[str, tuple[int, dict[str, Any]]] = {}
        self._blocks: dict[str, list[Block]] = {}
        for block in blocks:
            if block.kind == "target" and block.labels:
                self._blocks.setdefault(block.labels[0], []).append(block)

    def all(self) -> dict[str, tuple[int, dict[str, Any]]]:
        """Every target, those of a matrix under their own names. Raises BuildFileError."""
        for name in self._blocks:
            for one, target in self._variants(name):
                self._merged[one] = (self._blocks[name][0].line, target)
                if len(self._merged) > _MAX_TARGETS:
                    raise BuildFileError(f"not a readable bake file: more than {_MAX_TARGETS} targets")
        return self._merged

    def _variants(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        matrix = next(
            (block.attributes["matrix"] for block in self._blocks[name] if "matrix" in block.attributes), None
        )
        if matrix is None:
            yield name, self._own(name, {}, ())
            return
        values = self._evaluator.value(matrix)
        lists = (
            {key: value for key, value in values.items() if isinstance(value, list)} if isinstance(values, dict) else {}
        )
        for local in combinations(lists, _MAX_TARGETS) if lists else ():
            own = self._own(name, local, ())
            called = own.get("name")
            label = "-".join(str(value) for value in local.values() if isinstance(value, (str, int, float)))
            yield called if isinstance(called, str) and "${" not in called else f"{name}-{label}", own

    def _own(self, name: str, local: Mapping[str, Any], chain: tuple[str, ...]) -> dict[str, Any]:
        """The attributes of a target, worked out, over those it inherits, the later over the earlier."""
        found: dict[str, Any] = {}
        if name in chain or len(chain) > _MAX_INHERITED:
            raise BuildFileError(f"target {chain[0]}: it inherits in a circle, or too deeply")
        for block in self._blocks.get(name, ()):
            own = {
                key: self._evaluator.value(value, local) for key, value in block.attributes.items() if key != "matrix"
            }
            for parent in _texts(own.get("inherits")):
                _lay_over(found, self._own(parent, local, (*chain, name)) if parent in self._blocks else {})
            _lay_over(found, own)
        found.setdefault("inherits", [])
        return found


def _lay_over(found: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if key in _MERGED and isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = {**found[key], **value}
        else:
            found[key] = value


def _built(targets: Mapping[str, tuple[int, dict[str, Any]]], blocks: Iterable[Block]) -> list[str]:
    """The targets that somebody builds: not those that others inherit from, unless a group or a target asks for them."""
    inherited = {parent for _, target in targets.values() for parent in _texts(target.get("inherits"))}
    asked: set[str] = set()
    evaluator = Evaluator({}, ())
    for block in blocks:
        if block.kind == "group":
            asked.update(_texts(evaluator.value(block.attributes.get("targets"))))
    for _, target in targets.values():
        values = target.get("contexts")
        for value in values.values() if isinstance(values, dict) else ():
            asked.add(str(value).removeprefix("target:"))
    return [name for name in targets if name not in inherited or name in asked]


def _build(
    path: Path, project: Path, name: str, target: Mapping[str, Any], line: int, targets: Mapping[str, object]
) -> Build | None:
    """``None`` where nothing of this machine is built, or nobody knows what."""
    context = _text(target.get("context")) or "."
    dockerfile = (_text(target.get("dockerfile")) or "Dockerfile").removeprefix("cwd://")
    context = context.removeprefix("cwd://")
    if (
        "://" in context
        or "://" in dockerfile
        or "${" in context + dockerfile
        or context.startswith(("target:", "git@"))
    ):
        return None
    inline = _text(target.get("dockerfile-inline"))
    folder = _folder(path, project, Path(context) / dockerfile if inline is None else Path(context))
    return Build(
        name,
        dockerfile=folder / context / dockerfile if inline is None else path,
        context=folder / context,
        folder=folder,
        build_args={key: text for key, value in _pairs(target.get("args")) if (text := _text(value)) is not None},
        target=_text(target.get("target")) or None,
        contexts=tuple(_contexts(path, target, targets)),
        images=(*_texts(target.get("tags")), made_by(path, name)),
        platforms=tuple(one for one in _texts(target.get("platforms")) if "${" not in one),
        text=inline,
        line=line,
    )


def _folder(path: Path, project: Path, wanted: Path) -> Path:
    """The folder that relative paths begin at: where bake is called, most likely the file's own folder or the project's."""
    places = (path.parent, project)
    return next((place for place in places if (place / wanted).exists()), path.parent)


def _contexts(path: Path, target: Mapping[str, Any], targets: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in _pairs(target.get("contexts")):
        text = _text(value)
        if text is None:
            continue
        made = text.removeprefix("target:")
        yield key, made_by(path, made) if made != text and made in targets else text


def _pairs(value: Any) -> Iterable[tuple[str, Any]]:
    return value.items() if isinstance(value, dict) else ()


def _texts(value: Any) -> list[str]:
    """The texts of a list; what only a build knows of it is left out."""
    if not isinstance(value, list):
        return []
    return [one for one in value if isinstance(one, str)]


def _text(value: Any) -> str | None:
    """A single value as a build gets it."""
    if value is None or isinstance(value, (list, dict)):
        return None
    if isinstance(value, Unknown):
        return str(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
