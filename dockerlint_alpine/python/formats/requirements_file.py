"""Requirements files and the arguments of ``pip install``, as pip reads them.

The format is pip's ("Requirements File Format" of its documentation; ``pip._internal.req.req_file``). The package
``pip-requirements-parser`` reads it too, but importing it costs 55 ms, half of what a whole warm check may take, so it
serves as an oracle in the tests, as does pip itself.
"""

from __future__ import annotations

import codecs
import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from dockerlint_alpine.python.model import IndexOptions, Origin, Problem, Requested, RequirementSet, Target, redact
from dockerlint_alpine.python.options import (
    FILE_OPTIONS,
    INSTALL_OPTIONS,
    OptionState,
    Word,
    environment_options,
    scan,
)
from dockerlint_alpine.python.requirement import InvalidRequirementError, is_archive, is_url, parse_argument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.python.model import FileReader

MAX_FILES = 500
"""Files that one installation may include; more is taken for a bomb of nested includes."""

_METADATA = frozenset({"pyproject.toml", "setup.py", "setup.cfg"})
_PYLOCK = re.compile(r"pylock\.(?:[^.]+\.)?toml")
_WITH_EXTRAS = re.compile(r"(.+)\[([^\]]*)\]")
"""What ``-r`` of ``uv pip install`` reads as a project's metadata."""

_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(data: bytes) -> tuple[str, str | None]:
    """Return the text of a requirements file and, where bytes are not in its encoding, a message.

    A BOM or a PEP 263 comment in the first two lines names the encoding; the default is UTF-8.
    """
    encoding = "utf-8"
    for bom, name in _BOMS:
        if data.startswith(bom):
            data, encoding = data[len(bom) :], name
            break
    else:
        for line in data.split(b"\n")[:2]:
            match = _CODING.search(line) if line.startswith(b"#") else None
            if match is not None:
                encoding = match[1].decode("ascii", "replace")
                break
    try:
        return data.decode(encoding), None
    except (UnicodeDecodeError, LookupError):
        return data.decode("utf-8", "replace"), f"the file is not valid {encoding}"


def logical_lines(text: str, environment: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield (1-based number of the first physical line, content) of the lines that say something.

    Lines that end in a backslash are joined, comments dropped and ``${NAME}`` replaced where ``environment`` has a
    value, in pip's order.
    """
    for number, joined in _joined(text):
        line = _COMMENT.sub("", joined).strip()
        if "${" in line:
            line = _VARIABLE.sub(lambda match: environment.get(match[1]) or match[0], line)
        if line:
            yield number, line


def _joined(text: str) -> Iterator[tuple[int, str]]:
    parts: list[str] = []
    first = 0
    for number, raw in enumerate(text.splitlines(), start=1):
        comment = _COMMENT.match(raw) is not None
        if raw.endswith("\\") and not comment:
            first = first if parts else number
            parts.append(raw.strip("\\"))
            continue
        line = f" {raw}" if comment else raw
        yield (first, "".join(parts) + line) if parts else (number, line)
        parts = []
    if parts:
        yield first, "".join(parts)


def _split_options(line: str) -> tuple[str, list[str]]:
    """Separate the requirement of a line from the options behind it; raises ``ValueError`` for an open quote."""
    tokens = line.split(" ")
    at = next((index for index, token in enumerate(tokens) if token.startswith("-")), len(tokens))
    options = " ".join(tokens[at:])
    if not any(character in options for character in "'\"\\"):
        return " ".join(tokens[:at]), options.split()
    import shlex

    return " ".join(tokens[:at]), shlex.split(options)


class _Collector:
    """What has been read so far, in the order in which pip would meet it."""

    def __init__(self, files: FileReader, cwd: str, environment: Mapping[str, str], options: IndexOptions) -> None:
        self.files = files
        self.cwd = cwd
        self.environment = environment
        self.state = OptionState.start(options)
        self.requested: list[Requested] = []
        self.constraints: list[Requested] = []
        self.problems: list[Problem] = []
        self.read: list[str] = []

    def file(self, path: str, *, constraint: bool, chain: tuple[str, ...], stack: tuple[str, ...], at: Origin) -> None:
        """Read one file; ``at`` is the place that includes it and ``stack`` the files that are being read."""
        if is_url(path):
            self.problem(at, f"{redact(path)} is fetched from the network and was not read")
            return
        if path in stack:
            self.problem(at, f"{self.files.display(path)} includes itself")
            return
        if len(self.read) >= MAX_FILES:
            self.problem(at, f"more than {MAX_FILES} files are included; the rest was not read")
            return
        try:
            data = self.files.read(path)
        except OSError as error:
            kind = "constraints" if constraint else "requirements"
            self.problem(
                at, f"{kind} file {self.files.display(path)} can't be read: {error.strerror or 'no such file'}"
            )
            return
        self.read.append(path)
        text, complaint = decode(data)
        shown = self.files.display(path)
        if complaint:
            self.problems.append(Problem(shown, None, complaint))
        for number, line in logical_lines(text, self.environment):
            self.line(line, Origin(shown, number), path, constraint=constraint, chain=chain, stack=(*stack, path))

    def line(
        self, line: str, origin: Origin, path: str, *, constraint: bool, chain: tuple[str, ...], stack: tuple[str, ...]
    ) -> None:
        try:
            text, rest = _split_options(line)
        except ValueError as error:
            self.problem(origin, f"options can't be split: {str(error).lower()}")
            return
        words, complaints = scan(rest, FILE_OPTIONS)
        for complaint in complaints:
            self.problem(origin, complaint)
        if complaints:
            return
        editable = next((word.value for word in words if word.option == "--editable"), None)
        if text or editable is not None:
            self.formats(words)
            hashes = tuple(word.value for word in words if word.option == "--hash")
            self.requirement(
                text or editable or "",
                origin,
                constraint=constraint,
                # pip (ParsedLine.is_editable): an -e makes whatever stands on its line editable.
                editable=editable is not None,
                hashes=hashes,
                chain=chain,
            )
            return
        self.options(words, origin, path, chain=chain, stack=stack)

    def formats(self, words: Sequence[Word]) -> None:
        """Apply the format options behind a requirement: pip keeps one format control, so they hold for all."""
        for word in words:
            if word.option in {"--no-binary", "--only-binary", "--all-releases", "--only-final"}:
                self.state.apply(word.option, word.value)

    def options(
        self, words: Sequence[Word], origin: Origin, path: str, *, chain: tuple[str, ...], stack: tuple[str, ...]
    ) -> None:
        """Apply a line of options as pip does.

        It follows only the first ``-r`` (else ``-c``) of a line and drops everything else on it, takes only the first
        ``-f`` and sees ``-i`` before the extra indexes.
        """
        for wanted in ("--requirement", "--constraint"):
            nested = next((word.value for word in words if word.option == wanted), None)
            if nested is not None:
                target = (
                    nested if is_url(nested) else posixpath.normpath(posixpath.join(posixpath.dirname(path), nested))
                )
                self.file(
                    target, constraint=wanted == "--constraint", chain=(*chain, str(origin)), stack=stack, at=origin
                )
                return
        given = [(word.option, word.value) for word in words if word.option is not None]
        links = [value for option, value in given if option == "--find-links"]
        for option, value in sorted(given, key=lambda one: one[0] != "--index-url"):
            if option != "--find-links":
                self.state.apply(option, value)
        if links:
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), links[0]))
            inside = not is_url(links[0]) and self.files.exists(beside)
            self.state.apply("--find-links", beside if inside else self.link(links[0]))

    def link(self, value: str) -> str:
        """Return a ``--find-links`` value with its path relative to the working directory made absolute."""
        if value.startswith("file://"):
            return value[len("file://") :]
        return value if is_url(value) else posixpath.normpath(posixpath.join(self.cwd, value))

    def requirement(
        self,
        text: str,
        origin: Origin,
        *,
        constraint: bool = False,
        editable: bool = False,
        hashes: tuple[str, ...] = (),
        chain: tuple[str, ...] = (),
    ) -> None:
        try:
            found = parse_argument(
                text,
                self.files,
                cwd=self.cwd,
                origin=origin,
                editable=editable,
                hashes=hashes,
                chain=(*chain, str(origin)),
            )
        except InvalidRequirementError as error:
            self.problem(origin, str(error))
            return
        (self.constraints if constraint else self.requested).append(found)

    def problem(self, origin: Origin, message: str) -> None:
        self.problems.append(Problem(origin.path, origin.line, message))

    def finish(self) -> RequirementSet:
        options = self.state.finish()
        return RequirementSet(
            requested=tuple(self.requested),
            constraints=tuple(self.constraints),
            options=options,
            problems=tuple(self.problems),
            wheelhouse=self.wheelhouse(options.find_links),
            files=tuple(dict.fromkeys(self.read)),
        )

    def wheelhouse(self, links: Sequence[str]) -> tuple[str, ...]:
        found: list[str] = []
        for link in links:
            if is_url(link):
                continue
            try:
                found.extend(name for name in self.files.names(link) if is_archive(name))
            except OSError:
                if is_archive(link):
                    found.append(posixpath.basename(link))
        return tuple(dict.fromkeys(found))


def read_requirements(
    path: str,
    files: FileReader,
    *,
    cwd: str | None = None,
    environment: Mapping[str, str] | None = None,
    constraint: bool = False,
    options: IndexOptions | None = None,
    origin: Origin | None = None,
    follow: bool = True,
) -> RequirementSet:
    """Read a requirements file and what it includes.

    ``cwd`` is the folder in which pip runs (default: that of the file); ``environment`` serves ``${NAME}``; ``options``
    are what the command line said before. ``origin`` is where the file itself is named (for the problem that it can't
    be read). With ``follow``, the requirements of local project folders are read too. Never raises for bad input:
    what can't be read is in ``problems``.
    """
    folder = posixpath.dirname(path)
    collector = _Collector(files, cwd if cwd is not None else folder, environment or {}, options or IndexOptions())
    collector.file(path, constraint=constraint, chain=(), stack=(), at=origin or Origin(files.display(path)))
    found = collector.finish()
    return _followed(found, files) if follow else found


class InstallArguments(Struct, frozen=True):
    """The arguments of one ``pip install``: what it asks for and every option by its canonical long name.

    ``options`` has all values of each option in order, ``("",)`` for a flag: ``--target``, ``--prefix``, ``--user`` ...
    """

    requirements: RequirementSet
    options: Mapping[str, tuple[str, ...]]

    def value(self, option: str) -> str | None:
        """Return the last value of an option, ``None`` if it was not given."""
        values = self.options.get(option)
        return values[-1] if values else None

    def flag(self, option: str) -> bool:
        """Tell whether an option was given."""
        return option in self.options


def read_install_arguments(
    args: Sequence[str],
    files: FileReader,
    *,
    cwd: str,
    origins: Sequence[Origin],
    environment: Mapping[str, str] | None = None,
    target: Target | None = None,
    follow: bool = True,
) -> InstallArguments:
    """Read the arguments behind ``pip install`` (or ``uv pip install``).

    ``target`` serves the markers of a ``pylock.toml``; without one, CPython 3.12 on Alpine x86_64 does.
    ``origins`` has one place per argument. ``environment`` holds ``PIP_*`` settings and what ``${NAME}`` in files may
    use. Never raises for bad input: what makes no sense is in ``requirements.problems``.
    """
    environment = environment or {}
    words, complaints = scan(args, INSTALL_OPTIONS)
    collector = _Collector(files, cwd, environment, environment_options(environment))
    place = origins[0] if origins else Origin("")
    for complaint in complaints:
        collector.problem(place, complaint)
    collector.state.find_links = [collector.link(link) for link in collector.state.find_links]
    given: dict[str, list[str]] = {}
    for word in words:
        if word.option is not None:
            given.setdefault(word.option, []).append(word.value)
            value = collector.link(word.value) if word.option == "--find-links" else word.value
            _command_option(collector.state, word.option, value)
    for word in words:
        _operand(collector, word, origins[word.index])
    for constraint in environment.get("PIP_CONSTRAINT", "").split():
        collector.file(_absolute(constraint, cwd), constraint=True, chain=(), stack=(), at=place)
    found = collector.finish()
    if follow:
        found = _followed(found, files)
        found = _metadata(found, given, files, cwd)
        found = _groups(found, given.get("--group", ()), files, cwd)
    found = _locks(found, given, files, cwd, target, place)
    return InstallArguments(found, {name: tuple(values) for name, values in given.items()})


def _command_option(state: OptionState, option: str, value: str) -> None:
    """On a command line, unlike in a file, ``-i`` leaves the extra indexes alone."""
    if option == "--index-url":
        state.index_urls = [value]
    else:
        state.apply(option, value)


def _operand(collector: _Collector, word: Word, origin: Origin) -> None:
    match word.option:
        case None:
            collector.requirement(word.value, origin)
        case "--editable":
            collector.requirement(word.value, origin, editable=True)
        case "--requirement" if posixpath.basename(word.value) in _METADATA or _is_pylock(
            _without_extras(word.value)[0]
        ):
            pass
        case "--requirement" | "--constraint":
            path = word.value if is_url(word.value) else _absolute(word.value, collector.cwd)
            collector.file(path, constraint=word.option == "--constraint", chain=(), stack=(), at=origin)


def _absolute(path: str, cwd: str) -> str:
    return posixpath.normpath(posixpath.join(cwd, path))


def _followed(found: RequirementSet, files: FileReader) -> RequirementSet:
    """Add what the project folders among the requirements ask for themselves."""
    if not any(one.path is not None and one.artefacts is None for one in found.requested):
        return found
    from dockerlint_alpine.python.formats.project import follow_folders

    return follow_folders(found, files)


def _metadata(found: RequirementSet, given: Mapping[str, Sequence[str]], files: FileReader, cwd: str) -> RequirementSet:
    """Add what ``uv pip install -r pyproject.toml`` asks for: the project's dependencies, not the project.

    uv's documentation of ``uv pip install -r``: pyproject.toml, setup.py and setup.cfg are read as such, ``--extra`` and
    ``--all-extras`` choose among their extras. pip would take the file for requirements and fail.
    """
    for path in given.get("--requirement", ()):
        if posixpath.basename(path) in _METADATA:
            from dockerlint_alpine.python.formats.pyproject import read_metadata

            everything = "--all-extras" in given
            extras = given.get("--extra", ())
            found = read_metadata(_absolute(path, cwd), files, extras=extras, all_extras=everything).joined(found)
    return found


class _Lock(Struct):
    """What of one lock file is asked for."""

    extras: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    default_groups: bool = False


def _is_pylock(path: str) -> bool:
    """Whether pip and uv read ``-r PATH`` as a lock file, by its name (PEP 751)."""
    return _PYLOCK.fullmatch(posixpath.basename(path)) is not None


def _without_extras(path: str) -> tuple[str, list[str]]:
    """``pylock.toml[web,db]`` in its two parts."""
    match = _WITH_EXTRAS.fullmatch(path)
    return (path, []) if match is None else (match[1], [extra.strip() for extra in match[2].split(",")])


def _locks(
    found: RequirementSet,
    given: Mapping[str, Sequence[str]],
    files: FileReader,
    cwd: str,
    target: Target | None,
    origin: Origin,
) -> RequirementSet:
    """Add what ``-r pylock.toml`` and ``--group pylock.toml:NAME`` select. Where nothing else is asked for, that is all.

    pip: ``_collect_requirement_sources`` in ``cli/req_command.py``; uv has ``--extra`` for the extras.
    """
    locks: dict[str, _Lock] = {}
    for value in given.get("--requirement", ()):
        path, extras = _without_extras(value)
        if _is_pylock(path) and not is_url(path):
            lock = locks.setdefault(path, _Lock())
            lock.extras.update(extras, given.get("--extra", ()))
            lock.default_groups = True
    for value in given.get("--group", ()):
        source, _, group = value.rpartition(":")
        path, extras = _without_extras(source)
        if _is_pylock(path):
            lock = locks.setdefault(path, _Lock())
            lock.extras.update(extras)
            lock.groups.add(group)
    for path, lock in locks.items():
        from dockerlint_alpine.python.formats.pylock import read_pylock
        from dockerlint_alpine.python.markers import environment as marker_environment

        locked = read_pylock(
            _absolute(path, cwd),
            files,
            marker_environment(target or Target("3.12", musl=(1, 2))),
            extras=sorted(lock.extras),
            groups=sorted(lock.groups),
            default_groups=lock.default_groups,
            origin=origin,
        )
        found = replace(locked.joined(found), locked=found.locked or not found.requested)
    return found


def _groups(found: RequirementSet, groups: Sequence[str], files: FileReader, cwd: str) -> RequirementSet:
    """Add PEP 735 groups: ``--group [PATH:]NAME``."""
    for group in groups:
        if _is_pylock(group.rpartition(":")[0]):
            continue
        from dockerlint_alpine.python.formats.pyproject import read_pyproject

        path, _, name = group.rpartition(":")
        added = read_pyproject(_absolute(path or "pyproject.toml", cwd), files, groups=(name,), project=False)
        found = replace(
            found,
            requested=found.requested + added.requested,
            problems=found.problems + added.problems,
            files=tuple(dict.fromkeys(found.files + added.files)),
        )
    return found
