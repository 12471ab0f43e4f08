"""Settings: what may be configured, where it is read from, and where each value came from.

The user's own configuration comes first, then the project's: of its folders the nearest wins that has
``alpine-doctor.toml`` or a ``pyproject.toml`` with ``[tool.alpine-doctor]``. Variables ``ALPINE_DOCTOR_OPTION`` of the
environment come next, and values given on the command line go on top. What a project's file may not decide (``trust.py``)
is refused, and the rest of the file holds. ``config.schema.json`` beside this module describes the files for editors.
"""

from __future__ import annotations

import os
import re
import sys
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.model.findings import SEVERITIES, Finding, Severity
from dockerlint_alpine.report import FORMATS
from dockerlint_alpine.run.codes import code_of, expanded
from dockerlint_alpine.run.trust import Option, admitted, flag, words
from dockerlint_alpine.system.builds import Others
from dockerlint_alpine.system.files import lies_within, project_root, read_file
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.platforms import APK_ARCH, USUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dockerlint_alpine.system.services import ServiceStart

    Reader: TypeAlias = Callable[[object], object]

PROGRAM = "alpine-doctor"
FILE_NAME = "alpine-doctor.toml"
MAX_SIZE = 4 * 1024 * 1024
"""Bytes of a configuration file."""
TABLE = "tool.alpine-doctor"
VARIABLES = "ALPINE_DOCTOR_"
COMMAND_LINE = "command line"
_MARK = b"alpine-doctor"
_NAMED = lazy_pattern(rb"""\btool["']?[ \t]*(?:[]=]|\.[ \t]*["']?alpine-doctor)""")
"""What a ``pyproject.toml`` with our table has in it, however the table is written; a dependency on us is not enough."""

Color: TypeAlias = Literal["auto", "always", "never"]
Table: TypeAlias = tuple[tuple[str, str], ...]


class ConfigError(Exception):
    """A configuration that cannot be used; the text is one line for the user."""


class Settings(Struct, frozen=True):
    """Every option, hashable and safe to hand to another process; tables are tuples of pairs.

    ``select``, ``ignore`` and the other places for codes take prefixes (``AD2``). ``output_format`` holds a format or
    ``format:file`` each. ``rules`` are folders with rules of the user's own, ``wheels`` folders
    of wheel files that every install may take, as with pip's ``--find-links``. ``exclude`` and the keys of
    ``per_file_ignores`` are patterns as in .gitignore, relative to the folder of the configuration. ``as_of`` is the day
    (``YYYY-MM-DD``) to answer for: younger releases on the index are left out. ``online``: ask the package index, or never;
    ``None``: use kept answers, and ask for what nothing else tells if the index answers quickly (not in CI). ``docs_url`` is
    where the pages on the codes are published. ``moves`` names the releases (``alpine``, ``python``) that base images are
    taken to be of, whatever FROM names. ``alpine_mirror`` is where Alpine's indexes are fetched from (``None``: Alpine's
    own), and ``alpine_index_days`` how old that of a supported release may be before it is. ``source_hosts`` are the hosts
    from which ``online`` fetches the repositories that a build clones or downloads, and ``image_hosts`` the registries whose
    base images it reads. ``starts`` is no option: what the services of a compose file start.
    """

    select: tuple[str, ...] = ("AD",)
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    severity: tuple[tuple[str, Severity], ...] = ()
    platforms: tuple[str, ...] = (USUAL,)
    build_args: Table = ()
    target: str | None = None
    context: str | None = None
    alpine: str | None = None
    python: str | None = None
    online: bool | None = None
    strict: bool = False
    exit_zero: bool = False
    output_format: tuple[str, ...] = ("text",)
    output_file: str | None = None
    color: Color = "auto"
    quiet: bool = False
    unsafe_fixes: bool = False
    require_reason: bool = False
    rules: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    respect_gitignore: bool = True
    force_exclude: bool = False
    docs_url: str | None = None
    as_of: str | None = None
    moves: Table = ()
    alpine_mirror: str | None = None
    alpine_index_days: int = 30
    source_hosts: tuple[str, ...] = ("github.com", "gitlab.com", "codeberg.org", "bitbucket.org")
    image_hosts: tuple[str, ...] = (
        "docker.io",
        "ghcr.io",
        "quay.io",
        "lscr.io",
        "gcr.io",
        "public.ecr.aws",
        "mcr.microsoft.com",
        "registry.gitlab.com",
    )
    starts: tuple[ServiceStart, ...] = ()


class Configuration(Struct, frozen=True):
    """Settings, the origin of each by field name (``default``, a file, a variable's name or ``command line``), and the
    folder they are for.

    ``path`` is the project's file that was read, ``root`` its folder, or the current one without a file. ``user_path`` is
    the user's own file. ``refused`` has a line for everything in the project's file that was not for it to decide.
    ``named`` are the folders that the user asked about: what lies in one of them is one project, if nothing else tells.
    """

    settings: Settings
    origins: Mapping[str, str]
    path: Path | None
    root: Path
    user_path: Path | None = None
    refused: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()
    others: Others = Others()
    """What the build that is judged may rest on besides its own Dockerfile."""

    @property
    def names_platforms(self) -> bool:
        """Whether somebody said which platforms count: then those that the project builds for don't."""
        return self.origins.get("platforms", "default") != "default"

    def selects(self, finding: Finding, path: str) -> bool:
        """Whether a finding in this file is wanted: the longest prefix decides, ``ignore`` on a tie.

        What could not be checked is left out only where it is ignored by name: to select other codes is not a wish
        to be told that all is well.
        """
        code = finding.code
        ignored = _longest(code, self.settings.ignore)
        wanted = 0 if finding.could_not_judge else _longest(code, self.settings.select)
        if ignored > 0 and ignored >= wanted:
            return False
        if wanted < 0:
            return False
        relative = self.relative(path)
        return not any(
            _longest(code, codes) >= 0 and matches(pattern, relative)
            for pattern, codes in self.settings.per_file_ignores
        )

    def excludes(self, path: str) -> bool:
        """Whether this file or a folder that it is in is left out by ``exclude``."""
        relative = self.relative(path)
        return any(matches(pattern, relative) for pattern in self.settings.exclude)

    def adjust(self, path: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Keep the findings of a file that are wanted, with the severities that were asked for."""
        return tuple(self._with_severity(finding) for finding in findings if self.selects(finding, path))

    def relative(self, path: str) -> str:
        """Name a file relative to ``root``, with ``/`` between the parts."""
        return os.path.relpath(os.path.abspath(path), self.root).replace(os.sep, "/")  # noqa: PTH100 - keeps symlinks

    def _with_severity(self, finding: Finding) -> Finding:
        prefix, severity = max(
            ((prefix, severity) for prefix, severity in self.settings.severity if finding.code.startswith(prefix)),
            key=lambda pair: len(pair[0]),
            default=("", finding.severity),
        )
        return replace(finding, severity=severity) if prefix else finding


def load(
    start: Path,
    *,
    overrides: Mapping[str, object] | None = None,
    said_by: str = COMMAND_LINE,
    config: Path | None = None,
    isolated: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Configuration:
    """Read the configuration for a folder.

    ``config`` names the file to read in place of a search; ``isolated`` reads none, not even the user's own. A file that is
    named and lies in the project is the project's all the same. ``overrides`` are values by field
    name as ``said_by`` has them, ``None`` where it has none; they replace a value, except that tables
    (``build_args``, ``severity``, ``per_file_ignores``) are added to entry by entry. ``environment`` may hold
    ``ALPINE_DOCTOR_SELECT`` and the like, for every option that is no table; lists are separated by commas. It also says
    where the user's own configuration is; without it, none is read.

    Raises:
        ConfigError: a file cannot be read, or holds what is no option or no value of one; an override is neither.

    """
    path = None if isolated else config or find(start)
    own = None if isolated else user_file(environment or {})
    project = project_root(start)
    values: dict[str, object] = {}
    origins = dict.fromkeys(OPTIONS, "default")
    refused: list[str] = []
    if own is not None and lies_within(own, project):
        refused.append(f"{own}: not read as your own configuration, because it is inside the project {project}")
        own = None
    for file in (own, path):
        if file is None:
            continue
        table = _table(file, anywhere=file is own or file is config)
        if table is None:
            raise ConfigError(f"{file}: no [{TABLE}] in this file")
        told = _read_options(table, file)
        if file is path and (file is not config or lies_within(file, project)):
            told, not_for_it = _admitted(told, file, project)
            refused += not_for_it
        _take(values, told)
        origins |= dict.fromkeys(told, str(file))
    for name, variable in _set_variables(environment or {}):
        try:
            values[name] = OPTIONS[name].read(_from_variable(name, (environment or {})[variable]))
        except ValueError as error:
            raise ConfigError(f"{variable}: {error}") from None
        origins[name] = variable
    for name, value in (overrides or {}).items():
        if value is None:
            continue
        if name not in OPTIONS:
            raise ConfigError(f"{said_by}: unknown option `{_kebab(name)}`{_did_you_mean(_kebab(name))}")
        try:
            given = OPTIONS[name].read(value)
        except ValueError as error:
            where = flag(name) if said_by == COMMAND_LINE else f"{said_by}: `{_kebab(name)}`"
            raise ConfigError(f"{where}: {error}") from None
        _take(values, {name: given})
        origins[name] = said_by
    settings = Settings(**values)  # type: ignore[arg-type]  # each value comes from the reader of its field
    root = path.absolute().parent if path else Path.cwd()
    return Configuration(settings, MappingProxyType(origins), path, root, own, tuple(refused))


def _take(values: dict[str, object], more: Mapping[str, object]) -> None:
    """Put ``more`` over ``values``; tables are added to entry by entry."""
    for name, value in more.items():
        if OPTIONS[name].table and name in values:
            merged = dict(cast("Table", values[name])) | dict(cast("Table", value))
            values[name] = tuple(merged.items())
        else:
            values[name] = value


def user_file(environment: Mapping[str, str]) -> Path | None:
    """The user's own configuration: ``alpine-doctor/alpine-doctor.toml`` in the platform's folder for configuration (on
    Linux ``XDG_CONFIG_HOME``, else ``~/.config``); ``None`` where there is none."""
    base = environment.get("XDG_CONFIG_HOME", "").strip()
    home = environment.get("HOME", "")
    if base.startswith("/"):
        folder = base
    elif sys.platform.startswith("linux"):
        folder = f"{home}/.config" if home else ""
    else:
        from platformdirs import user_config_dir

        folder = user_config_dir() if environment else ""
    place = os.path.join(folder, PROGRAM, FILE_NAME) if folder else ""  # noqa: PTH118 - no object on the way of every run
    return Path(place) if place and os.path.isfile(place) else None  # noqa: PTH113


def _admitted(told: Mapping[str, object], path: Path, project: Path) -> tuple[dict[str, object], list[str]]:
    """What of a project's file counts, and a line for each setting that does not, or not in full."""
    kept: dict[str, object] = {}
    refused: list[str] = []
    for name, value in told.items():
        option = OPTIONS[name]
        if option.project == "yes":
            kept[name] = value
            continue
        found, reason = admitted(option, value, project)
        if found is not None:
            kept[name] = found
        if reason:
            line = _line_of(path, _kebab(name))
            refused.append(f"{path}:{line}: `{_kebab(name)}` {reason}: ignored (use {words(name, option)})")
    return kept, refused


def _line_of(path: Path, key: str) -> int:
    """The line of an option in a file, 1-based; the first where it is written in an unusual way."""
    text = read_file(path, limit=MAX_SIZE).decode("utf-8", "replace")
    ours = path.name != "pyproject.toml"
    spelled = re.compile(rf"""\s*(?:[\w."'-]+\.)?["']?{re.escape(key)}["']?\s*(?:=|\.|$)""")
    for number, line in enumerate(text.split("\n"), start=1):
        if line.lstrip().startswith("["):
            header = line.strip().strip("[] ").replace('"', "").replace("'", "").replace(" ", "")
            ours = header == TABLE or (header == key if path.name != "pyproject.toml" else header == f"{TABLE}.{key}")
        if ours and (spelled.match(line) or line.strip().strip("[]").endswith(f".{key}")):
            return number
    return 1


def find(start: Path) -> Path | None:
    """Find the nearest configuration file at or above a folder.

    Raises:
        ConfigError: a ``pyproject.toml`` on the way seems to have the table and cannot be read.

    """
    folder = start.absolute()
    for parent in (folder, *folder.parents):
        own = parent / FILE_NAME
        if own.is_file():
            return own
        project = parent / "pyproject.toml"
        if project.is_file() and _table(project) is not None:
            return project
    return None


def as_dict(settings: Settings) -> dict[str, object]:
    """Write settings as the file would have them (for JSON or TOML), every option by its name there."""
    return {_kebab(name): _plain(name, getattr(settings, name)) for name in OPTIONS}


@lru_cache(maxsize=512)
def _pattern(pattern: str) -> re.Pattern[str]:
    anchored = "/" in pattern.rstrip("/")
    from dockerlint_alpine.run.gitignore import translated

    found = translated(pattern.strip("/"))
    if found is None:
        raise ValueError(f"{pattern!r} is not a pattern")
    return re.compile(f"{'' if anchored else '(?:.*/)?'}(?:{found.pattern})(?:/.*)?", re.DOTALL)


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern as in .gitignore covers a relative path with ``/`` between its parts.

    A pattern without an inner ``/`` matches a name at any depth; one that matches a folder covers what is below it.
    """
    return _pattern(pattern).fullmatch(path) is not None


def _longest(code: str, prefixes: Iterable[str]) -> int:
    """Return the length of the longest of these prefixes that the code has, -1 where it has none."""
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=-1)


def _table(path: Path, *, anywhere: bool = False) -> Mapping[str, object] | None:
    """Read the options of a file; ``None`` for a ``pyproject.toml`` that has no table of ours.

    Unless it may lie ``anywhere``, it is not a link that leads out of the project.
    """
    try:
        data = read_file(path, limit=MAX_SIZE, within=None if anywhere else project_root(path.parent))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    project = path.name == "pyproject.toml"
    if project and not (_MARK in data and _NAMED.search(data)):  # spares most projects the TOML parser
        return None
    from dockerlint_alpine.system.toml import TomlError, load_toml

    try:
        document: object = load_toml(data)
    except TomlError as error:
        raise ConfigError(f"{path}: {error}") from None
    for key in TABLE.split(".") if project else ():
        if not isinstance(document, dict) or key not in document:
            return None
        document = document[key]
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: {TABLE} must be a table")
    return document


def _read_options(table: Mapping[str, object], path: Path) -> dict[str, object]:
    """Each option through the reader of its field; paths become relative to where we are, not to the file."""
    values: dict[str, object] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in OPTIONS or "_" in key:
            raise ConfigError(f"{path}: unknown option `{key}`{_did_you_mean(key)}")
        try:
            values[name] = _located(name, OPTIONS[name].read(value), path.parent)
        except ValueError as error:
            raise ConfigError(f"{path}: `{key}`: {error}") from None
    return values


def _set_variables(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """The fields that a variable of the environment sets, with its name; an empty one sets nothing."""
    if not any(key.startswith(VARIABLES) for key in environment):
        return []
    names = {name: VARIABLES + name.upper() for name, option in OPTIONS.items() if not option.table}
    return [(name, variable) for name, variable in names.items() if environment.get(variable)]


def _from_variable(name: str, text: str) -> object:
    """What TOML would have for the text of a variable: a flag, a list of what stands between commas, or the text."""
    if OPTIONS[name].read is _flag:
        return {"1": True, "true": True, "0": False, "false": False}.get(text.lower(), text)
    if OPTIONS[name].read is _days:
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else text
    if isinstance(getattr(_DEFAULTS, name), tuple):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _located(name: str, value: object, folder: Path) -> object:
    """Make the paths of an option those seen from the current folder."""
    if name in {"context", "output_file"}:
        return str(folder / str(value))
    if name in {"rules", "wheels"}:
        return tuple(str(folder / place) for place in cast("tuple[str, ...]", value))
    if name == "output_format":
        split = (one.partition(":") for one in cast("tuple[str, ...]", value))
        return tuple(f"{format_}:{folder / file}" if file else format_ for format_, _, file in split)
    return value


def _did_you_mean(key: str) -> str:
    from dockerlint_alpine.run.suggest import did_you_mean

    return did_you_mean(key, map(_kebab, OPTIONS))


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def _plain(name: str, value: object) -> object:
    if not isinstance(value, tuple):
        return value
    if OPTIONS[name].table:
        return {key: list(one) if isinstance(one, tuple) else one for key, one in value}
    return list(value)


# The readers: each takes what TOML or the command line has and returns what the field holds, or raises ValueError.


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"must be a string, not {value!r}")
    return value


def _any_text(value: object) -> str:
    """Read a text that may be empty, as a build argument may."""
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {value!r}")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")
    return value


def _days(value: object) -> int:
    """Read a number of days."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 100_000:
        raise ValueError(f"must be a number of days, not {value!r}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"must be a list, not {value!r}")
    return tuple(map(_text, value))


def _list_of(check: Callable[[str], str]) -> Reader:
    return lambda value: tuple(map(check, _texts(value)))


def _table_of(check: Callable[[str], str], read: Reader) -> Reader:
    def table(value: object) -> tuple[tuple[str, object], ...]:
        if not isinstance(value, dict):
            raise ValueError(f"must be a table, not {value!r}")
        return tuple((check(_text(key)), read(one)) for key, one in value.items())

    return table


def _choice(*names: str) -> Reader:
    def choice(value: object) -> str:
        if value not in names:
            raise ValueError(f"must be one of {', '.join(names)}, not {value!r}")
        return str(value)

    return choice


def _shaped(shape: str, example: str) -> Callable[[object], str]:
    """Read a text of a given shape. A bare 3.20 in TOML is the number 3.2, hence the example with quotes."""
    pattern = re.compile(shape)

    def shaped(value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f'must be a string such as "{example}", not {value!r}')
        return value

    return shaped


def _formats(value: object) -> tuple[str, ...]:
    """One format or several, each with ``:file`` behind it or not."""
    given = _texts([value] if isinstance(value, str) else value)
    for one in given:
        _choice(*FORMATS)(one.partition(":")[0])
    if not given:
        raise ValueError("must name a format")
    return given


def _glob(value: str) -> str:
    _pattern(value)
    return value


def _codes(value: object) -> tuple[str, ...]:
    """Codes, beginnings of codes and names of checks; ``ALL`` also lists what is only information."""
    return tuple(code for word in _texts(value) for code in expanded(word))


def _platform(value: object) -> str:
    if value not in APK_ARCH:
        raise ValueError(f"{value!r}: choose from {', '.join(APK_ARCH)}")
    return str(value)


def _day(value: object) -> str:
    day = _shaped(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "2026-01-31")(value)
    try:
        date.fromisoformat(day)
    except ValueError as error:
        raise ValueError(f"{day!r}: {error}") from None
    return day


def _releases(value: object) -> object:
    """The releases to move to."""
    moves = _table_of(str, _text)(value)
    for name, release in cast("Table", moves):
        fits = re.fullmatch(r"[0-9]+\.[0-9]+", release) or (name, release) == ("alpine", "edge")
        if name not in {"alpine", "python"} or not fits:
            raise ValueError(f"{name}={release}: expected alpine=X.Y or python=X.Y")
    return moves


OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "select": Option(_codes, "yes"),
        "ignore": Option(_codes, "yes"),
        "per_file_ignores": Option(_table_of(_glob, _codes), "yes", table=True, on_command_line=False),
        "severity": Option(_table_of(code_of, _choice(*SEVERITIES)), "yes", table=True, on_command_line=False),
        "platforms": Option(_list_of(_platform), "yes"),
        "build_args": Option(_table_of(_shaped(r"[A-Za-z_][A-Za-z0-9_]*", "VERSION"), _any_text), "yes", table=True),
        "target": Option(_text, "yes"),
        "context": Option(_text, "inside"),
        "alpine": Option(_shaped(r"[0-9]+\.[0-9]+|edge", "3.20"), "yes"),
        "python": Option(_shaped(r"[0-9]+\.[0-9]+", "3.12"), "yes"),
        "online": Option(_flag, "false"),
        "strict": Option(_flag, "yes"),
        "exit_zero": Option(_flag, "yes"),
        "output_format": Option(_formats, "no file"),
        "output_file": Option(_text, "no"),
        "color": Option(_choice("auto", "always", "never"), "yes"),
        "quiet": Option(_flag, "yes"),
        "unsafe_fixes": Option(_flag, "yes"),
        "require_reason": Option(_flag, "yes", on_command_line=False),
        "rules": Option(_texts, "inside", on_command_line=False),
        "wheels": Option(_texts, "inside"),
        "exclude": Option(_list_of(_glob), "yes", on_command_line=False),
        "respect_gitignore": Option(_flag, "yes"),
        "force_exclude": Option(_flag, "yes"),
        "docs_url": Option(_shaped(r"https?://[^ ]+", "https://example.org/docs"), "no", on_command_line=False),
        "as_of": Option(_day, "yes"),
        "alpine_mirror": Option(
            _shaped(r"https?://[^ ]+", "https://mirror.example/alpine"), "no", on_command_line=False
        ),
        "alpine_index_days": Option(_days, "no", on_command_line=False),
        "source_hosts": Option(_list_of(_shaped(r"[A-Za-z0-9.-]+", "git.example.org")), "no", on_command_line=False),
        "image_hosts": Option(
            _list_of(_shaped(r"[A-Za-z0-9.-]+(:[0-9]+)?", "registry.example.org")), "no", on_command_line=False
        ),
        "moves": Option(_releases, "yes", table=True),
    }
)
"""The fields of :class:`Settings` that a file, a variable or the command line may set, each with its reader and with what
a project's file may decide of it."""

_DEFAULTS = Settings()
