"""Builds that a Makefile, a shell script or a CI file of the project starts: which image comes from which Dockerfile.

Their text is material: ``docker build -t NAME -f FILE CONTEXT`` and the like, and steps of docker/build-push-action. Nothing
is run. A variable has a value where the file gives it just one; any other part stays open (``${NAME}``), and where the file
or folder that is built depends on it, on those of the project that fit.

Sources: "docker buildx build" and "podman build" (options), the action's README (``context``, ``file``, ``tags``,
``build-args``, ``target``), docker/metadata-action (``images``), GitHub's "Workflow syntax" (``strategy.matrix``, ``env``).
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any

import yaml
from msgspec.structs import replace

from dockerlint_alpine.run.builds import Build
from dockerlint_alpine.system.files import lies_within, read_file
from dockerlint_alpine.system.patterns import lazy_pattern

_MAX_SIZE = 256 * 1024
_MAX_BUILDS = 200
"""Bytes of a file that is looked into, and builds that are taken from one."""
_MAX_VARIANTS = 64
_MAX_DEPTH = 8

_STARTS = lazy_pattern(
    rb"\b(?:docker|podman|nerdctl)[ \t]+(?:(?:buildx|image|builder)[ \t]+)?build\b|\bbuildah[ \t]+(?:bud|build)\b"
    rb"|docker/build-push-action@"
)
_COMMAND = lazy_pattern(
    r"(?:\b(?:docker|podman|nerdctl)[ \t]+(?:(?:buildx|image|builder)[ \t]+)?build|\bbuildah[ \t]+(?:bud|build))(?=[ \t])"
)
_CONTINUED = lazy_pattern(r"\\\r?\n[ \t]*")
_ASSIGNED = lazy_pattern(
    r"(?m)^[ \t]*(?:-[ \t]+)?(?:(?:export|local|readonly|override)[ \t]+)*"
    r"(?:(?P<name>[A-Za-z_]\w*)[ \t]*(?::{0,2}=|\?=|(?<=\w)=)|(?P<key>[A-Z_][A-Z0-9_]*):(?=[ \t]))[ \t]*(?P<value>[^\r\n]*)"
)
_LOOP = lazy_pattern(r"\bfor[ \t]+([A-Za-z_]\w*)[ \t]+in\b|\bread[ \t]+(?:-\w+[ \t]+)*([A-Za-z_]\w*)")
_CHANGES_FOLDER = lazy_pattern(r"\b(?:cd|pushd)[ \t]|working-directory:|\bdir\(")
_GOES_TO = lazy_pattern(r"(?:^|[;&({@\t ])cd[ \t]+(?P<to>[\w./-]+)[ \t]*(?:&&|;)[ \t]*\Z")
_EXPRESSION = lazy_pattern(r"\$\{\{[ \t]*(?P<name>[\w.-]*)(?P<rest>[^}]*)\}\}")
_OF_MAKE = lazy_pattern(r"\$\(([A-Za-z_][\w-]*)\)")
_SUBSTITUTION = lazy_pattern(r"\$\([^()]*\)|`[^`]*`|\$\{[^{}]*[^\w{}.:=-][^{}]*\}")
_BARE = lazy_pattern(r"\$([A-Za-z_]\w*|[0-9@*])")
_VARIABLE = lazy_pattern(r"\$\{(?P<name>[\w.?-]+?)(?::?[-=](?P<default>[^{}]*))?\}")
_HOLE = "${?}"
_HERE = frozenset("PWD CURDIR pwd CI_PROJECT_DIR GITHUB_WORKSPACE github.workspace".split())
"""Variables that name the folder that is worked in."""
_FLAGS = frozenset(
    "-q --quiet --pull --push --load --no-cache --rm --force-rm --squash --compress --debug --layers -D --check".split()
)
"""Options of a build without a value; any other one whose value is not joined to it takes the next word."""


def named_builds(files: Iterable[tuple[Path, Path]], dockerfiles: Collection[Path]) -> list[Build]:
    """The builds that ``files`` (each with its project) start. ``dockerfiles`` are those of the projects, among which an
    open name chooses; files of any other name are built where one is named in full. What can't be read tells nothing."""
    found: dict[tuple[str, str | None], list[Build]] = {}
    for path, project in files:
        try:
            data = read_file(path, limit=_MAX_SIZE)
        except OSError:
            continue
        if _STARTS.search(data) is None:
            continue
        text = data.decode("utf-8", "replace")
        for build in islice(_File(path, project, text, dockerfiles).builds(), _MAX_BUILDS):
            if build.images:
                found.setdefault((os.path.realpath(build.dockerfile), build.target), []).append(build)
    return [one for builds in found.values() for one in _told_apart(builds)]


def _told_apart(builds: Sequence[Build]) -> Iterable[Build]:
    """The builds of one Dockerfile, each under its own names. Where two have a name in common, or the same arguments, they
    are one, with the arguments that all of them have."""
    apart: list[Build] = []
    for build in builds:
        for number, other in enumerate(apart):
            if build.build_args == other.build_args or set(build.images) & set(other.images):
                common = dict(build.build_args.items() & other.build_args.items())
                names = tuple(dict.fromkeys((*other.images, *build.images)))
                apart[number] = replace(other, build_args=common, images=names)
                break
        else:
            apart.append(build)
    return apart


class _File:
    """One file that starts builds."""

    def __init__(self, path: Path, project: Path, text: str, dockerfiles: Collection[Path]) -> None:
        self._path = path
        self._project = project
        self._dockerfiles = dockerfiles
        self._text = _CONTINUED.sub(" ", text)
        self._goes_elsewhere = _CHANGES_FOLDER.search(text) is not None
        self._variables = _assigned(self._text)

    def builds(self) -> Iterator[Build]:
        """All builds of which the Dockerfile is in the project, each once for every file that an open name may be."""
        if "docker/build-push-action@" in self._text:
            yield from self._actions()
        for line in self._text.split("\n"):
            for match in _COMMAND.finditer(line):
                before = line[: match.start()]
                if not before.lstrip().startswith(("#", "//")) and not re.search(r"\becho\b", before):
                    yield from self._command(line[match.end() :], before)

    def _command(self, rest: str, before: str) -> Iterator[Build]:
        words = _words(rest)
        given: dict[str, list[str]] = {}
        context = None
        following = iter(words)
        for word in following:
            if word in {";", "&", "|", ")", "}"} or set(word) <= set(";&|()<>"):
                break
            option, equals, value = word.partition("=")
            if not word.startswith("-"):
                context = word if context is None else context
            elif option in _FLAGS:
                continue
            elif re.match(r"-[tf].", word) and not word.startswith("--"):
                given.setdefault(word[:2], []).append(word[2:])
            else:
                given.setdefault(option, []).append(value if equals else next(following, ""))
        if context is None or context == "-":
            return
        moved = _GOES_TO.search(before)
        folders = [moved["to"]] if moved is not None else []
        if moved is None and self._goes_elsewhere and not _says_where(context, given):
            return
        yield from self._made(
            context,
            [*given.get("-f", ()), *given.get("--file", ())],
            [*given.get("-t", ()), *given.get("--tag", ())],
            given.get("--build-arg", ()),
            given["--target"][-1] if "--target" in given else None,
            self._variables,
            folders,
        )

    def _made(
        self,
        context: str,
        files: Sequence[str],
        tags: Sequence[str],
        args: Iterable[str],
        target: str | None,
        variables: Mapping[str, str],
        folders: Sequence[str] = (),
    ) -> Iterator[Build]:
        told = {match["name"] for match in _VARIABLE.finditer("".join(_opened(tag, variables) for tag in tags))}
        places = list(self._places(context, files[-1] if files else None, variables, folders))
        for dockerfile, place, more in places:
            if places[1:] and not more.keys() <= told:
                continue  # which of them it is, the name does not tell
            known = {**variables, **more}
            names = [_filled(tag, known) for tag in tags]
            pairs = [_filled(arg, known).partition("=") for arg in args]
            yield Build(
                self._path.name,
                dockerfile=dockerfile,
                context=place,
                folder=place,
                build_args={name: value for name, equals, value in pairs if equals and "${" not in value + name},
                target=_plain(target, known),
                images=tuple(dict.fromkeys(name for name in names if name and not name.startswith("${?}"))),
            )

    def _places(
        self, context: str, file: str | None, variables: Mapping[str, str], folders: Sequence[str]
    ) -> Iterator[tuple[Path, Path, Mapping[str, str]]]:
        """Dockerfiles and contexts that are meant, with the values that open parts of their names have for them. Variables
        that the file gives a value may get another one from who calls it: where no such file is there, that is tried."""
        starts = [self._project / one for one in folders] or [self._path.parent, self._project]
        for written in (file, os.path.join(context, file or "Dockerfile")):  # noqa: PTH118 - of open parts, too
            if written is None:
                continue
            names = list(dict.fromkeys(match["name"] for match in _VARIABLE.finditer(_opened(written, variables))))
            for left_open in ([], *([name] for name in names)):
                known = {name: value for name, value in variables.items() if name not in left_open}
                wanted = _filled(written, known)
                for start in starts:
                    found = list(self._fitting(start, wanted))
                    if not found:
                        continue
                    for dockerfile, more in found:
                        place = start / os.path.normpath(_filled(context, {**known, **more}))
                        inside = "${" not in str(place) and lies_within(place, self._project)
                        yield dockerfile, place if inside else dockerfile.parent, more
                    return

    def _fitting(self, start: Path, wanted: str) -> Iterator[tuple[Path, Mapping[str, str]]]:
        if "://" in wanted or wanted.startswith("~"):
            return
        place = Path(os.path.normpath(start / wanted))
        if "${" not in wanted:
            if place.is_file() and lies_within(place, self._project):
                yield place, {}
            return
        pattern, names = _pattern(str(place))
        for one in self._dockerfiles:
            match = re.fullmatch(pattern, os.path.abspath(one))  # noqa: PTH100 - links stay as they are
            if match is not None:
                yield one, dict(zip(names, match.groups(), strict=True))

    # -- docker/build-push-action -------------------------------------------------------------------------------------

    def _actions(self) -> Iterator[Build]:
        try:
            document: Any = yaml.load(self._text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        except (yaml.YAMLError, ValueError, RecursionError):
            return
        root = _mapping(document)
        for job in _mapping(root.get("jobs")).values():
            steps = [_mapping(step) for step in _list(_mapping(job).get("steps"))]
            outer = {**_texts(root.get("env")), **_texts(_mapping(job).get("env"))}
            images = {str(step.get("id")): _lines(_mapping(step.get("with")).get("images")) for step in steps}
            for variant in _variants(_mapping(_mapping(_mapping(job).get("strategy")).get("matrix"))):
                for step in steps:
                    if str(step.get("uses")).startswith("docker/build-push-action@"):
                        variables = {**outer, **{f"env.{name}": value for name, value in outer.items()}, **variant}
                        yield from self._action(_mapping(step.get("with")), variables, images)

    def _action(
        self, given: Mapping[str, Any], variables: Mapping[str, str], images: Mapping[str, Sequence[str]]
    ) -> Iterator[Build]:
        context = str(given.get("context") or ".")
        if context.startswith("{{") or "://" in context:
            return
        tags: list[str] = []
        for tag in _lines(given.get("tags")):
            made = re.match(r"\$\{\{\s*steps\.([\w-]+)\.outputs\.tags\s*\}\}", tag)
            tags += [f"{image}:{_HOLE}" for image in images.get(made[1], ())] if made is not None else [tag]
        file = given.get("file")
        yield from self._made(
            _unwritten(context),
            [_unwritten(str(file))] if file else (),
            [_unwritten(tag) for tag in tags],
            [_unwritten(arg) for arg in _lines(given.get("build-args"), commas=False)],
            _unwritten(str(given["target"])) if given.get("target") else None,
            variables,
            ["."],
        )


def _says_where(context: str, given: Mapping[str, Sequence[str]]) -> bool:
    """Whether a build names a folder or file that is looked for from any place. ``.`` is another one behind each ``cd``."""
    return context.strip("./") != "" or any("/" in one for key in ("-f", "--file") for one in given.get(key, ()))


def _assigned(text: str) -> dict[str, str]:
    """The variables to which a text gives one value and no other."""
    found: dict[str, set[str]] = {}
    for match in _ASSIGNED.finditer(text):
        value = match["value"].strip()
        quote = value[:1] if value[:1] in {"'", '"'} else ""
        value = value[1:].partition(quote)[0] if quote else re.sub(r"[ \t]+#.*|[ \t]*;.*", "", value)
        found.setdefault(match["name"] or match["key"], set()).add(_unwritten(value))
    for match in _LOOP.finditer(text):
        found.setdefault(match[1] or match[2], set()).update(("", _HOLE))
    return {name: values.pop() for name, values in found.items() if len(values) == 1}


def _unwritten(text: str) -> str:
    """A text with all that is put in when it is used as ``${NAME}``, ``${NAME:-default}`` or, of commands, ``${?}``."""
    text = _EXPRESSION.sub(
        lambda one: f"${{{one['name']}}}" if one["name"] and not one["rest"].strip() else _HOLE, text
    )
    text = _OF_MAKE.sub(r"${\1}", text.replace("$$", "$"))
    for _ in range(4):
        text, count = _SUBSTITUTION.subn(lambda one: one[0] if one[0] == _HOLE else _HOLE, text)
        if not count:
            break
    return _BARE.sub(r"${\1}", text)


def _words(text: str) -> list[str]:
    """The words of a command, as far as its quotes are closed."""
    lexer = shlex.shlex(_unwritten(text), posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    found: list[str] = []
    try:
        for word in lexer:
            found.append(word)
            if set(word) <= set(";&|()<>"):
                break
    except ValueError:
        return found
    return found


def _opened(text: str, variables: Mapping[str, str], depth: int = 0) -> str:
    """``text`` with the names of all variables that its value comes from behind it."""
    names = [match["name"] for match in _VARIABLE.finditer(text)]
    inner = [
        _opened(variables[name], variables, depth + 1) for name in names if name in variables and depth < _MAX_DEPTH
    ]
    return "".join((*(f"${{{name}}}" for name in names), *inner))[:4096]


def _filled(text: str, variables: Mapping[str, str], depth: int = 0) -> str:
    """``text`` with what is known put in; the rest is left as ``${NAME}``."""

    def value(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if name in _HERE:
            return "."
        known = variables.get(name, default if default is not None else None)
        if known is None or depth > _MAX_DEPTH:
            return f"${{{name}}}"
        return _filled(known, variables, depth + 1)[:1024]

    return _VARIABLE.sub(value, text) if "$" in text else text


def _plain(text: str | None, variables: Mapping[str, str]) -> str | None:
    filled = _filled(text, variables) if text else ""
    return filled if filled and "${" not in filled else None


def _pattern(text: str) -> tuple[str, list[str]]:
    """An expression for the paths that ``text`` may be, and the names of its groups: each variable is one part of a path,
    the same each time."""
    names: list[str] = []
    parts: list[str] = []
    behind = 0
    for match in _VARIABLE.finditer(text):
        parts.append(re.escape(text[behind : match.start()]))
        if match["name"] in names and match["name"] != "?":
            parts.append(f"(?:\\{names.index(match['name']) + 1})")
        else:
            names.append(match["name"])
            parts.append("([^/]+)")
        behind = match.end()
    return "".join((*parts, re.escape(text[behind:]))), names


def _variants(matrix: Mapping[str, Any]) -> list[dict[str, str]]:
    """The values of ``matrix.NAME`` of each job of a matrix, those of ``include`` laid over where they add to one."""
    lists = {key: _list(value) for key, value in matrix.items() if key not in {"include", "exclude"}}
    lists = {key: values for key, values in lists.items() if values}
    combined = islice(product(*lists.values()), _MAX_VARIANTS) if lists else ()
    found = [_named(dict(zip(lists, values, strict=True))) for values in combined]
    for one in _list(matrix.get("include"))[:_MAX_VARIANTS]:
        more = _named(_mapping(one))
        fitting = [variant for variant in found if all(variant.get(key, value) == value for key, value in more.items())]
        for variant in fitting:
            variant.update(more)
        if not fitting:
            found.append(more)
    return found or [{}]


def _named(values: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= {f"matrix.{key}.{inner}": text for inner, text in _texts(value).items()}
        else:
            found |= {f"matrix.{name}": text for name, text in _texts({key: value}).items()}
    return found


def _mapping(value: object) -> dict[str, Any]:
    return {str(key): one for key, one in value.items()} if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> dict[str, str]:
    return {key: _unwritten(str(one)) for key, one in _mapping(value).items() if isinstance(one, (str, int, float))}


def _lines(value: object, *, commas: bool = True) -> list[str]:
    """The items of an action's list: a line each, or with ``commas`` between them."""
    text = "\n".join(map(str, value)) if isinstance(value, list) else str(value or "")
    return [one.strip() for one in re.split(r"[\n,]" if commas else r"\n", text) if one.strip()]
