"""Builds that a Makefile, a shell script or a CI file of the project starts: which image comes from which Dockerfile, and
for which platforms.

Their text is material: ``docker build -t NAME -f FILE CONTEXT`` and the like, and steps of docker/build-push-action. Nothing
is run. A variable has a value where the file gives it just one; any other part stays open (``${NAME}``), and where the file
or folder that is built depends on it, on those of the project that fit.

Sources: "docker buildx build" and "podman build" (options), the action's README (``context``, ``file``, ``tags``,
``build-args``, ``target``, ``platforms``), docker/metadata-action (``images``), GitHub's "Workflow syntax"
(``strategy.matrix``, ``env``), "Reusing workflows" (``workflow_call``) and "Metadata syntax" of composite actions.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, reduce
from itertools import islice, product, takewhile
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from dockerlint_alpine.run.builds import USES_OWN, Build
from dockerlint_alpine.syntax import SourceText, parse_script
from dockerlint_alpine.syntax.shell.scan import word_end
from dockerlint_alpine.system.files import lies_within, read_file
from dockerlint_alpine.system.options import OptionTable, scan
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.yaml_text import YamlError, load_yaml

_MAX_SIZE = 256 * 1024
_MAX_BUILDS = 100
_MAX_LINE = 16 * 1024
"""Bytes of a file that is looked into, builds that are taken from one, and characters of one command."""
_MAX_LINES = 50
"""Commands into which the elements of an array are put."""
_MAX_VARIANTS = 64
_MAX_VALUE = 1024
_MAX_DEPTH = 20
_MAX_OPEN = 3
_MAX_TRIES = 5000
_MAX_CALLS = 3
"""Characters of the value of a variable, variables that hold each other, open parts of the name of a file, builds of one
file of which the Dockerfile is looked for, and workflows and actions that use one another."""

_STARTS = lazy_pattern(
    rb"\b(?:docker|podman|nerdctl)(?:[ \t]|\\\r?\n)+(?:(?:buildx|image|builder)\b"
    rb"[^\n]{0,80}(?:\\\r?\n[^\n]{0,80}){0,3}?)?\bbuild\b"
    rb"|\bbuildah[ \t]+(?:bud|build)\b|docker/build-push-action@|" + USES_OWN.encode()
)
_OWN = lazy_pattern(USES_OWN)
_COMMAND = lazy_pattern(
    r"(?:\b(?:docker|podman|nerdctl)[ \t]+(?:(?:buildx|image|builder)[ \t]+(?:--[\w-]{1,40}[= ]\S{1,200}[ \t]+){0,3})?build"
    r"|\bbuildah[ \t]+(?:bud|build))(?=[ \t])"
)
_ARRAY = lazy_pattern(r"""\b([A-Za-z_]\w*)\+?=\(((?:[^()"']|"[^"]*"|'[^']*'){0,4000})\)""")
_WHOLE_ARRAY = lazy_pattern(r"\"?\$\{([A-Za-z_]\w*)\[@\]\}\"?")
_CONTINUED = lazy_pattern(r"\\\r?\n[ \t]*")
_ASSIGNED = lazy_pattern(
    r"(?m)^[ \t]*(?:-[ \t]+)?(?:(?:export|local|readonly|override)[ \t]+)*"
    r"(?:(?P<name>[A-Za-z_]\w*)[ \t]*(?::{0,2}=|\?=|(?<=\w)=)|(?P<key>[A-Z_][A-Z0-9_]*):(?=[ \t]))[ \t]*(?P<value>[^\r\n]*)"
)
_LOOP = lazy_pattern(r"\bfor[ \t]+([A-Za-z_]\w*)[ \t]+in\b|\bread[ \t]+(?:-\w+[ \t]+)*([A-Za-z_]\w*)")
_CHANGES_FOLDER = lazy_pattern(r"\b(?:cd|pushd)[ \t]|working-directory:|\bdir\(")
_IN_SUBSHELL = lazy_pattern(r"\(\s{0,20}(?:\$\w{1,40}[ \t]+)?(?:cd|pushd)[ \t]")
"""Whose folder nobody else has."""
_GOES_TO = lazy_pattern(r"(?:^|[;&({@\t ])cd[ \t]+(?P<to>[\w./-]+)[ \t]*(?:&&|;)[ \t]*\Z")
_EXPRESSION = lazy_pattern(r"\$\{\{([^{}]*)\}\}")
_SUBSTITUTION = lazy_pattern(r"\$\(([^()]*)\)|`[^`]*`|\$\{([^{}]*)\}")
_BARE = lazy_pattern(r"\$([A-Za-z_]\w*|[0-9@*])")
_WRITTEN = lazy_pattern(
    r"""\becho[ \t]+["']?(?:(?P<name>[\w-]{1,100})=(?P<value>[\w/.,:-]{1,1000})["']?[ \t]*>>[ \t]*["']?\$\{?"""
    r"""GITHUB_(?P<file>ENV|OUTPUT)\b|::set-output name=(?P<output>[\w-]{1,100})::(?P<said>[\w/.,:-]{1,1000}))"""
)
_QUOTED = lazy_pattern(r"'([^'${}]+)'")
_NAME = lazy_pattern(r"[\w.]+")
_PARAMETER = lazy_pattern(r"(\w+)(?::?[-=](.*))?")
_VARIABLE = lazy_pattern(r"\$\{(?P<name>[\w.?]+)(?:-(?P<default>[^${}]*))?\}")
"""What is put in, as :func:`_unwritten` writes it: ``${NAME}``, ``${NAME-default}``, and ``${?}`` for what is not known."""
_HOLE = "${?}"
_WORKFLOW = "github.workflow"
"""The name of the workflow that runs, also in those that it uses."""
_HERE = frozenset("PWD CURDIR pwd CI_PROJECT_DIR GITHUB_WORKSPACE github.workspace".split())
"""Variables that name the folder that is worked in."""
_OPTIONS = OptionTable.build(
    "--file -f, --tag -t, --build-arg, --target",
    "--quiet -q, --pull, --push, --load, --no-cache, --rm, --force-rm, --squash, --compress, --debug -D, --layers, --check",
    others="value",
)


def named_builds(
    files: Iterable[tuple[Path, Path]], dockerfiles: Collection[Path], words: Collection[str]
) -> list[Build]:
    """The builds that ``files`` (each with its project) start. ``dockerfiles`` are those of the projects, among which an
    open name chooses; files of any other name are built where one is named in full. What can't be read tells nothing, nor
    does a file without any of the ``words``."""
    found: dict[tuple[str, str | None], list[Build]] = {}
    for _, build in _builds(files, dockerfiles, words):
        if build.images:
            found.setdefault((os.path.realpath(build.dockerfile), build.target), []).append(build)
    return [one for builds in found.values() for one in _told_apart(builds)]


def named_platforms(files: Iterable[tuple[Path, Path]], dockerfiles: Collection[Path]) -> dict[str, dict[str, Path]]:
    """The platforms for which ``files`` (each with its project) build each Dockerfile (by its real path), as they write
    them, each with the first file that does."""
    found: dict[str, dict[str, Path]] = {}
    for path, build in _builds(files, dockerfiles, ("platform",)):
        for platform in build.platforms:
            found.setdefault(os.path.realpath(build.dockerfile), {}).setdefault(platform, path)
    return found


def _builds(
    files: Iterable[tuple[Path, Path]], dockerfiles: Collection[Path], words: Collection[str]
) -> Iterator[tuple[Path, Build]]:
    known = [(os.path.abspath(path), path) for path in dockerfiles]  # noqa: PTH100 - links stay as they are
    for path, project in files:
        try:
            data = read_file(path, limit=_MAX_SIZE)
        except OSError:
            continue
        if _STARTS.search(data) is None:
            continue
        text = data.decode("utf-8", "replace")
        if any(word in text for word in words) or _OWN.search(text):  # what is used may have the word
            yield from ((path, build) for build in islice(_File(path, project, text, known).builds(), _MAX_BUILDS))


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

    def __init__(self, path: Path, project: Path, text: str, dockerfiles: Sequence[tuple[str, Path]]) -> None:
        self._path = path
        self._project = project
        self._dockerfiles = dockerfiles
        self._text = _with_arrays(_CONTINUED.sub(" ", text))
        self._goes_elsewhere = _CHANGES_FOLDER.search(_IN_SUBSHELL.sub("(", text)) is not None
        self._variables = _Values(_assigned(self._text))
        self._tries = _MAX_TRIES
        self._read: dict[str, Mapping[str, Any]] = {}
        """The other workflows and actions of the project that were read, by name."""

    def builds(self) -> Iterator[Build]:
        """All builds of which the Dockerfile is in the project, each once for every file that an open name may be."""
        if "docker/build-push-action@" in self._text or _OWN.search(self._text):
            yield from self._actions()
        for line in self._text.split("\n"):
            for match in islice(_COMMAND.finditer(line), _MAX_BUILDS):
                before = line[max(0, match.start() - _MAX_LINE) : match.start()]
                if not before.lstrip().startswith(("#", "//")) and not re.search(r"\becho\b", before):
                    yield from self._command(line[match.end() : match.end() + _MAX_LINE], before)

    def _command(self, rest: str, before: str) -> Iterator[Build]:
        given: dict[str | None, list[str]] = {}
        for word in scan(_words(rest, self._variables), _OPTIONS)[0]:
            given.setdefault(word.option, []).append(word.value)
        context = given.get(None, ["-"])[0]
        if context == "-":
            return
        moved = _GOES_TO.search(before)
        folders = [moved["to"]] if moved is not None else []
        if moved is None and self._goes_elsewhere and not _says_where(context, given.get("--file", ())):
            return
        yield from self._made(
            context,
            given.get("--file", ()),
            given.get("--tag", ()),
            given.get("--build-arg", ()),
            given["--target"][-1] if "--target" in given else None,
            given.get("--platform", ()),
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
        platforms: Iterable[str],
        variables: _Values,
        folders: Sequence[str] = (),
    ) -> Iterator[Build]:
        self._tries -= 1
        if self._tries < 0:
            return
        told = variables.names(*tags).keys()
        places = list(self._places(context, files[-1] if files else None, variables, folders))
        for dockerfile, place, more in places:
            if places[1:] and not more.keys() <= told:
                continue  # which of them it is, the name does not tell
            known = variables.given(more)
            names = [known.fill(tag) for tag in tags]
            pairs = [known.fill(arg).partition("=") for arg in args]
            yield Build(
                self._path.name,
                dockerfile=dockerfile,
                context=place,
                folder=place,
                build_args={name: value for name, equals, value in pairs if equals and "${" not in value + name},
                target=_plain(target, known),
                images=tuple(dict.fromkeys(name for name in names if name and not name.startswith("${?}"))),
                platforms=tuple(
                    one for text in platforms for one in _lines(known.fill(text)) if "${" not in one and "?" not in more
                ),
            )

    def _places(
        self, context: str, file: str | None, variables: _Values, folders: Sequence[str]
    ) -> Iterator[tuple[Path, Path, Mapping[str, str]]]:
        """Dockerfiles and contexts that are meant, with the values that open parts of their names have for them. Variables
        that the file gives a value may get another one from who calls it: where no such file is there, that is tried."""
        starts = [self._project / one for one in folders] or [self._path.parent, self._project]
        for written in (file, os.path.join(context, file or "Dockerfile")):  # noqa: PTH118 - of open parts, too
            if written is None:
                continue
            for left_open in ("", *variables.names(written)):
                known = variables.given({}, left_open)
                wanted = known.fill(written)
                for start in starts:
                    found = list(self._fitting(start, wanted))
                    if not found:
                        continue
                    for dockerfile, more in found:
                        place = start / os.path.normpath(known.given(more).fill(context))
                        inside = "${" not in str(place) and lies_within(place, self._project)
                        yield dockerfile, place if inside else dockerfile.parent, more
                    return

    def _fitting(self, start: Path, wanted: str) -> Iterator[tuple[Path, Mapping[str, str]]]:
        if "://" in wanted or wanted.startswith("~"):
            return
        place = Path(os.path.normpath(start / wanted))
        if "${" not in wanted:
            with suppress(OSError):  # a name that is too long for one
                if place.is_file() and lies_within(place, self._project):
                    yield place, {}
            return
        pattern, names = _pattern(str(place))
        for path, one in self._dockerfiles if len(names) <= _MAX_OPEN else ():
            match = re.fullmatch(pattern, path)
            if match is not None:
                yield one, dict(zip(names, match.groups(), strict=True))

    # -- docker/build-push-action -------------------------------------------------------------------------------------

    def _actions(self) -> Iterator[Build]:
        workflow = _document(self._text.encode("utf-8", "replace"))
        name = _text(workflow.get("name")) or f".github/workflows/{self._path.name}"
        yield from self._jobs(workflow, {_WORKFLOW: _unwritten(name)}, 0)

    def _jobs(self, workflow: Mapping[str, Any], inputs: Mapping[str, str], depth: int) -> Iterator[Build]:
        """What the jobs of a workflow build, which was called with these ``inputs``."""
        for job in map(_mapping, _mapping(workflow.get("jobs")).values()):
            steps = [_mapping(step) for step in _list(job.get("steps"))]
            outer = {**_texts(workflow.get("env")), **_texts(job.get("env"))}
            outer |= {f"env.{key}": one for key, one in outer.items()} | _written_by(steps) | dict(inputs)
            for variant in _variants(_mapping(_mapping(job.get("strategy")).get("matrix"))):
                values = _Values({**outer, **variant})
                yield from self._steps(steps, values, depth)
                called, given = self._called(job, values, depth)
                yield from self._jobs(called, {**given, _WORKFLOW: inputs[_WORKFLOW]}, depth + 1)

    def _steps(self, steps: Sequence[Mapping[str, Any]], values: _Values, depth: int) -> Iterator[Build]:
        images = {_text(step.get("id")): _lines(_mapping(step.get("with")).get("images")) for step in steps}
        for step in steps:
            if _text(step.get("uses")).startswith("docker/build-push-action@"):
                yield from self._action(_mapping(step.get("with")), values, images)
            else:
                called, given = self._called(step, values, depth)
                inner = [_mapping(one) for one in _list(_mapping(called.get("runs")).get("steps"))]
                yield from self._steps(inner, values.given(given), depth + 1)

    def _called(
        self, caller: Mapping[str, Any], values: _Values, depth: int
    ) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """The workflow or the action of the project that a job or a step uses, and the inputs that it gets."""
        uses = _text(caller.get("uses"))
        self._tries -= uses.startswith("./")
        if not uses.startswith("./") or depth >= _MAX_CALLS or self._tries < 0:
            return {}, {}
        names = (uses,) if uses.endswith((".yml", ".yaml")) else (f"{uses}/action.yml", f"{uses}/action.yaml")
        called = next(filter(None, map(self._used, names)), {})
        told = _mapping(_mapping(called.get("on", called.get("True"))).get("workflow_call"))
        stated = _mapping((told or called).get("inputs"))
        inputs = _texts({name: _mapping(one).get("default") for name, one in stated.items()})
        inputs |= {name: values.fill(text) for name, text in _texts(caller.get("with")).items()}
        return called, {f"inputs.{name}": text for name, text in inputs.items()}

    def _used(self, name: str) -> Mapping[str, Any]:
        if name not in self._read:
            try:
                self._read[name] = _document(read_file(self._project / name, limit=_MAX_SIZE, within=self._project))
            except OSError:
                self._read[name] = {}
        return self._read[name]

    def _action(
        self, given: Mapping[str, Any], variables: _Values, images: Mapping[str, Sequence[str]]
    ) -> Iterator[Build]:
        context = _text(given.get("context")) or "."
        if context.startswith("{{") or "://" in context:
            return
        tags: list[str] = []
        for tag in _lines(given.get("tags")):
            made = re.match(r"\$\{\{\s*steps\.([\w-]+)\.outputs\.tags\s*\}\}", tag)
            tags += [f"{image}:{_HOLE}" for image in images.get(made[1], ())] if made is not None else [tag]
        file, target = _text(given.get("file")), _text(given.get("target"))
        platforms = [_unwritten(one) for one in _lines(given.get("platforms"))]
        yield from self._made(
            _unwritten(context),
            [_unwritten(file)] if file else (),
            [_unwritten(tag) for tag in tags],
            [_unwritten(arg) for arg in _lines(given.get("build-args"), commas=False)],
            _unwritten(target) if target else None,
            platforms,
            variables,
            ["."],
        )
        # ${{ A && 'this/Dockerfile' || 'that/one' }}
        for one in _QUOTED.findall(file) if file.startswith("${{") else ():
            yield from self._made(_unwritten(context), [one], (), (), None, platforms, variables, ["."])


def _with_arrays(text: str) -> str:
    """A script of bash with all that is put into an array where its elements are the words of a command."""
    if "[@]}" not in text:
        return text
    found: dict[str, str] = {}
    code = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))
    for match in _ARRAY.finditer(code):
        elements = match[2].replace("\n", " ")
        found[match[1]] = f"{found.get(match[1], '')} {elements}"[:_MAX_LINE]
    left = _MAX_LINES

    def elements_of(match: re.Match[str]) -> str:
        nonlocal left
        left -= 1
        return found.get(match[1], "") if left >= 0 else match[0]

    return _WHOLE_ARRAY.sub(elements_of, text)


def _document(data: bytes) -> Mapping[str, Any]:
    try:
        return _mapping(load_yaml(data)[1])
    except YamlError:
        return {}


def _written_by(steps: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The variables and outputs that steps write by echo (GitHub's documentation: "Workflow commands"), each with its only
    value; of platforms all that are named."""
    found: dict[str, dict[str, None]] = {}
    for step in steps:
        for match in _WRITTEN.finditer(_text(step.get("run"))):
            name = match["name"] or match["output"]
            key = f"env.{name}" if match["file"] == "ENV" else f"steps.{_text(step.get('id'))}.outputs.{name}"
            found.setdefault(key.replace("-", "_"), {})[match["value"] or match["said"]] = None
    return {
        key: ",".join(values) for key, values in found.items() if len(values) == 1 or all("/" in one for one in values)
    }


def _says_where(context: str, files: Iterable[str]) -> bool:
    """Whether a build names a folder or file that is looked for from any place. ``.`` is another one behind each ``cd``."""
    return context.strip("./") != "" or any("/" in one for one in files)


def _assigned(text: str) -> dict[str, str]:
    """The variables to which a text gives one value and no other."""
    found: dict[str, set[str]] = {}
    for match in _ASSIGNED.finditer(text):
        value = match["value"].strip()
        quote = value[:1] if value[:1] in {"'", '"'} else ""
        value = value[1:].partition(quote)[0] if quote else re.sub(r"[ \t]+#.*|[ \t]*;.*", "", value)
        name, value = match["name"] or match["key"], _unwritten(value[:_MAX_VALUE])
        itself = _VARIABLE.fullmatch(value)  # NAME="${NAME-default}"
        if itself is not None and itself["name"] == name and itself["default"] is not None:
            value = itself["default"]
        found.setdefault(name, set()).add(value)
    for match in _LOOP.finditer(text):
        found.setdefault(match[1] or match[2], set()).update(("", _HOLE))
    return {name: values.pop() for name, values in found.items() if len(values) == 1}


def _unwritten(text: str) -> str:
    """A text with all that is put in when it is used as ``${NAME}``, ``${NAME-default}`` or, of commands, ``${?}``."""

    def expression(found: re.Match[str]) -> str:
        name = found[1].strip().replace("-", "_")
        return f"${{{name}}}" if _NAME.fullmatch(name) else _HOLE

    def substitution(found: re.Match[str]) -> str:
        if found[1] is not None:  # a variable of make, or a command
            return f"${{{found[1]}}}" if _NAME.fullmatch(found[1]) else _HOLE
        match = _PARAMETER.fullmatch(found[2]) if found[2] is not None else None
        if match is None:
            return found[0] if found[2] is not None and _NAME.fullmatch(found[2]) else _HOLE
        return f"${{{match[1]}}}" if match[2] is None else f"${{{match[1]}-{match[2]}}}"

    text = _SUBSTITUTION.sub(substitution, _EXPRESSION.sub(expression, text).replace("$$", "$"))
    return _BARE.sub(r"${\1}", text)


def _words(text: str, variables: _Values) -> list[str]:
    """The words of a command as far as their quotes are closed, its variables left as ``${NAME}``."""
    command = parse_script(SourceText.literal(f"build {_unwritten(text)}")).commands[0]
    closed = takewhile(lambda word: word_end(word.text, 0)[1], command.words[1:])
    args = (arg for word in closed for arg in word.expand(variables.left_open))
    return [reduce(_without, arg.unknown, arg.text) for arg in args]


def _without(text: str, unknown: str) -> str:
    return text.replace(unknown, _HOLE) if unknown.startswith(("$(", "`")) else text


class _Values:
    """The variables of a file, each worked out once; what has no value is left as ``${NAME}``."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._filled: dict[str, str] = {}
        self._depth = 0

    @cached_property
    def left_open(self) -> dict[str, SourceText]:
        """The variables that have a value, each as it is written."""
        return {name: SourceText.literal(f"${{{name}}}") for name in self._values}

    def given(self, more: Mapping[str, str], without: str = "") -> _Values:
        """The same with more values, and ``without`` one."""
        return _Values({name: value for name, value in {**self._values, **more}.items() if name != without})

    def fill(self, text: str) -> str:
        """``text`` with what is known put in."""
        return _VARIABLE.sub(self._value, text)[:_MAX_LINE] if "$" in text else text

    def _value(self, match: re.Match[str]) -> str:
        name = match["name"]
        if name in _HERE:
            return "."
        if name not in self._filled:
            known = self._values.get(name, match["default"])
            self._filled[name] = f"${{{name}}}"  # of one that holds itself
            if known is not None and self._depth < _MAX_DEPTH:
                self._depth += 1
                self._filled[name] = self.fill(known)[:_MAX_VALUE]
                self._depth -= 1
        return self._filled[name]

    def names(self, *texts: str) -> dict[str, None]:
        """The names of all variables that the texts come from, in order."""
        found: dict[str, None] = {}
        pending = list(texts)
        while pending and len(found) < _MAX_DEPTH:
            for match in _VARIABLE.finditer(pending.pop(0)):
                if match["name"] not in found:
                    found[match["name"]] = None
                    pending.append(self._values.get(match["name"], ""))
        return found


def _plain(text: str | None, variables: _Values) -> str | None:
    filled = variables.fill(text) if text else ""
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
            found |= {f"matrix.{key.replace('-', '_')}.{inner}": text for inner, text in _texts(value).items()}
        else:
            found |= {f"matrix.{name}": text for name, text in _texts({key: value}).items()}
    return found


def _mapping(value: object) -> dict[str, Any]:
    return {str(key): one for key, one in value.items()} if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> dict[str, str]:
    return {key.replace("-", "_"): _unwritten(text) for key, one in _mapping(value).items() if (text := _text(one))}


def _text(value: object) -> str:
    """A scalar as it is put in; empty for what is none."""
    return str(value)[:_MAX_VALUE] if isinstance(value, (str, int, float)) else ""


def _lines(value: object, *, commas: bool = True) -> list[str]:
    """The items of an action's list: a line each, or with ``commas`` between them."""
    text = "\n".join(map(_text, value)) if isinstance(value, list) else value if isinstance(value, str) else ""
    return [one.strip() for one in re.split(r"[\n,]" if commas else r"\n", text) if one.strip()]
