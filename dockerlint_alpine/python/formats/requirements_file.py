"""Requirements files, as pip reads them.

The format is pip's ("Requirements File Format" of its documentation; ``pip._internal.req.req_file``). The package
``pip-requirements-parser`` reads it too, but importing it costs 55 ms, half of what a whole warm check may take, so it
serves as an oracle in the tests, as does pip itself.
"""

from __future__ import annotations

import codecs
import posixpath
from typing import TYPE_CHECKING

from dockerlint_alpine.python.model import IndexOptions, Origin, Problem, Requested, RequirementSet
from dockerlint_alpine.python.options import FILE_OPTIONS, OptionState
from dockerlint_alpine.python.requirement import InvalidRequirementError, is_archive, is_url, parse_argument
from dockerlint_alpine.system.addresses import redact
from dockerlint_alpine.system.options import Word, scan
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.python.model import FileReader

MAX_DEPTH = 60
"""Files that include one another at a time."""
MAX_FILES = 500
"""Files that one installation may include; more is taken for a bomb of nested includes."""

_COMMENT = lazy_pattern(r"(?:^|\s+)#.*$")
_VARIABLE = lazy_pattern(r"\$\{([A-Z0-9_]+)\}")
_CODING = lazy_pattern(rb"coding[:=]\s*([-\w.]+)")
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


class Collector:
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
            from dockerlint_alpine.python.forges import download

            remote = download(path)
            place = posixpath.join(remote.folder, remote.inner) if remote is not None else path
            if not self.files.exists(place):
                url = redact(path)
                self.problems.append(Problem(at.path, at.line, f"{url} was not read: it is fetched at build time", url))
                return
            path = place
        if path in stack:
            self.problem(at, f"{self.files.display(path)} includes itself")
            return
        if len(stack) >= MAX_DEPTH:
            self.problem(
                at, f"files include each other more than {MAX_DEPTH} deep; {self.files.display(path)} was not read"
            )
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
        """Read one logical line."""
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
        """Take one requirement; one that is none becomes a problem."""
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
        """Note something that could not be read."""
        self.problems.append(Problem(origin.path, origin.line, message))

    def finish(self) -> RequirementSet:
        """Return what was read."""
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
        """Return the archives in local ``--find-links`` folders."""
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
    origin: Origin | None = None,
) -> RequirementSet:
    """Read a requirements file and what it includes.

    ``cwd`` is the folder in which pip runs (default: that of the file); ``environment`` serves ``${NAME}``. ``origin`` is
    where the file itself is named (for the problem that it can't be read). What the project folders among the requirements
    ask for is for :func:`~dockerlint_alpine.python.formats.project.follow_folders`. Never raises for bad input: what can't
    be read is in ``problems``.
    """
    folder = posixpath.dirname(path)
    collector = Collector(files, cwd if cwd is not None else folder, environment or {}, IndexOptions())
    collector.file(path, constraint=False, chain=(), stack=(), at=origin or Origin(files.display(path)))
    return collector.finish()
