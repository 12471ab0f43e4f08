"""Reads the tables of ``rules/*.toml`` into the types of ``model.py`` and says exactly what is wrong with one.

Every function here takes a mapping as ``tomllib`` gives it and the name of the file for errors; each raises
:class:`~dockerlint_alpine.knowledge.errors.RuleError`. The compiled database keeps the mappings as they are, so this is
also how one entry is read at run time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import ValidationError, convert

from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.knowledge.model import CHOICES, FORMS, Distribution, Language, Library
from dockerlint_alpine.python.model import normalise
from dockerlint_alpine.system.files import read_file
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.toml import TomlError, load_toml

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping
    from pathlib import Path

_Kind = TypeVar("_Kind")
_MAX_SIZE = 4 * 1024 * 1024
_PLACE = lazy_pattern(r" - at (?:`key` in )?`\$\.?(.*)`$")


def read_toml(path: Path, shown: str, within: Path | None = None) -> dict[str, Any]:
    """Return the TOML file ``path``, called ``shown`` in errors; ``within`` is the folder that it must lie in."""
    try:
        return load_toml(read_file(path, limit=_MAX_SIZE, within=within))
    except OSError as error:
        raise RuleError(shown, "", error.strerror or "can't be read") from error
    except TomlError as error:
        raise RuleError(shown, "", f"not TOML: {error}") from error


def read(kind: type[_Kind], raw: object, file: str) -> _Kind:
    """Return ``raw`` as a ``kind``."""
    try:
        return convert(raw, kind)
    except ValidationError as error:
        place = _PLACE.search(str(error))
        raise RuleError(
            file, place[1] if place is not None else "", _in_words(_PLACE.sub("", str(error)), place)
        ) from None


def _in_words(message: str, place: re.Match[str] | None) -> str:
    """What msgspec says, in the words of a TOML file; one of a few values is told which there are."""
    for pattern, what in FORMS.items():
        message = message.replace(f"`str` matching regex {pattern!r}", what)
    if (wrong := message.removeprefix("Invalid enum value ")) != message and place is not None:
        choices = CHOICES.get(place[1].rpartition(".")[2].partition("[")[0], ())
        return f"{wrong} is not one of {', '.join(choices)}"
    return message.replace("Object missing required field", "missing key").replace(
        "Object contains unknown field", "unknown key"
    )


def library(raw: Mapping[str, Any], file: str) -> Library:
    """Return a file of ``rules/libraries/``."""
    entry = read(Library, raw, file)
    if not (entry.pkg_config or entry.tools or entry.dev or entry.sonames or entry.runtime):
        raise RuleError(file, "", "says neither pkg-config, tools, dev, runtime nor sonames: no index could find it")
    return entry


def distribution(raw: Mapping[str, Any], file: str) -> Distribution:
    """Return a file of ``rules/distributions/``."""
    entry = read(Distribution, raw, file)
    if entry.name != normalise(entry.name):
        raise RuleError(file, "name", f"{entry.name!r} is not normalised: {normalise(entry.name)!r}")
    if not (entry.builds or entry.runtime or entry.impossible):
        raise RuleError(file, "", "says nothing: no build, runtime or impossible table")
    for number, build in enumerate(entry.builds):
        if not build.evidence and not (build.libraries and all(link.evidence for link in build.libraries)):
            raise RuleError(file, f"build[{number}].evidence", "missing")
    for number, need in enumerate(entry.runtime):
        if not need.evidence:
            raise RuleError(file, f"runtime[{number}].evidence", "missing")
    return entry


def languages(raw: Mapping[str, Any], file: str) -> tuple[Language, ...]:
    """Return the file ``rules/languages.toml``."""
    return read(dict[str, tuple[Language, ...]], raw, file).get("language", ())


def check_specifiers(entry: Distribution, file: str) -> None:
    """Raise for the first version range of ``entry`` that is not PEP 440; costs an import, so only maintainers pay."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    ranges = [
        *((f"build[{index}].versions", build.versions) for index, build in enumerate(entry.builds)),
        *((f"runtime[{index}].versions", need.versions) for index, need in enumerate(entry.runtime)),
        *((f"impossible[{index}].versions", item.versions) for index, item in enumerate(entry.impossible)),
    ]
    for key, text in ranges:
        try:
            SpecifierSet(text)
        except InvalidSpecifier as error:
            raise RuleError(file, key, f"{text!r} is not a version range such as '>=2.0,<3'") from error
