"""Reads the tables of ``rules/*.toml`` into the types of ``model.py`` and says exactly what is wrong with one.

Every function here takes a mapping as ``tomllib`` gives it and the name of the file for errors; each raises
:class:`~dockerlint_alpine.knowledge.errors.RuleError`. The compiled database keeps the mappings as they are, so this is
also how one entry is read at run time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.knowledge.model import (
    CONFIDENCES,
    DETECTIONS,
    LINKAGES,
    RUNTIME_KINDS,
    SEVERITIES,
    Build,
    Distribution,
    Impossible,
    Language,
    Library,
    Link,
    RuntimeNeed,
)
from dockerlint_alpine.python.model import normalise
from dockerlint_alpine.system.files import read_file
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.toml import TomlError, load_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

Switches = tuple[tuple[str, tuple[str, ...]], ...]
_Choice = TypeVar("_Choice", bound=str)
_NAME = lazy_pattern(r"[a-z0-9]+(?:[.+_-]+[a-z0-9+]+)*\Z")
_NEED = lazy_pattern(r"(?:(?:so|cmd|pc):)?[A-Za-z0-9_.+*-]+(?::[A-Za-z0-9_.+*-]+)?\Z")
_RELEASE = lazy_pattern(r"\d+\.\d+\Z")
_ARCH = lazy_pattern(r"(?:x86_64|x86|aarch64|armv7|armhf|ppc64le|s390x|riscv64|loongarch64)\Z")
_MAX_SIZE = 4 * 1024 * 1024
_PROOF = lazy_pattern(r"(?:built|wheel) \S+.*: links .+ \[\d{4}-\d\d-\d\d\]\Z")
_SONAME = lazy_pattern(r"[A-Za-z0-9_.+-]+\.so(?:\.[0-9*][0-9A-Za-z.*]*)?\Z")


def read_toml(path: Path, shown: str, within: Path | None = None) -> dict[str, Any]:
    """Return the TOML file ``path``, called ``shown`` in errors; ``within`` is the folder that it must lie in."""
    try:
        return load_toml(read_file(path, limit=_MAX_SIZE, within=within))
    except OSError as error:
        raise RuleError(shown, "", error.strerror or "can't be read") from error
    except TomlError as error:
        raise RuleError(shown, "", f"not TOML: {error}") from error


class Table:
    """One TOML table under a key path; hands out checked values and, at the end, complains of keys nobody asked for."""

    def __init__(self, raw: object, file: str, key: str = "") -> None:
        if not isinstance(raw, dict):
            raise RuleError(file, key, "must be a table")
        self._raw: Mapping[str, Any] = raw
        self._file = file
        self._key = key
        self._seen: set[str] = set()

    def error(self, key: str, message: str) -> RuleError:
        """Return an error at ``key`` of this table (empty: at the table)."""
        path = ".".join(part for part in (self._key, key) if part)
        return RuleError(self._file, path, message)

    def _take(self, key: str) -> object:
        self._seen.add(key)
        return self._raw.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """Return A string; without a ``default`` it must be there and not be empty."""
        value = self._take(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (default is None and not value):
            raise self.error(key, "missing" if value is None else f"must be a string, not {value!r}")
        return value

    def texts(self, key: str, pattern: re.Pattern[str] | None = None, what: str = "") -> tuple[str, ...]:
        """Return A list of strings, empty when absent, each of the form ``pattern`` when given."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.error(key, "must be a list of strings")
        for index, item in enumerate(value):
            if not isinstance(item, str) or not item or (pattern is not None and not pattern.match(item)):
                raise self.error(f"{key}[{index}]", f"{item!r} is not {what or 'a text'}")
        return tuple(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return A boolean."""
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.error(key, f"must be true or false, not {value!r}")
        return value

    def choice(self, key: str, options: Sequence[_Choice], default: _Choice | None = None) -> _Choice:
        """One of ``options``."""
        value = self._take(key)
        if value is None and default is not None:
            return default
        if value not in options:
            raise self.error(key, "missing" if value is None else f"{value!r} is not one of {', '.join(options)}")
        return cast("_Choice", value)

    def release(self, key: str) -> str | None:
        """Return an Alpine release ``X.Y`` or nothing."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, str) or not _RELEASE.match(value):
            raise self.error(key, f"{value!r} is not an Alpine release such as '3.19'")
        return value

    def tables(self, key: str) -> Iterator[Table]:
        """Return the tables of an array of tables, none when absent."""
        value = self._take(key)
        if value is None:
            return
        if not isinstance(value, list):
            raise self.error(key, "must be an array of tables")
        path = f"{self._key}.{key}" if self._key else key
        for index, item in enumerate(value):
            yield Table(item, self._file, f"{path}[{index}]")

    def mapping(self, key: str) -> dict[str, Any]:
        """Return A table whose keys are free."""
        value = self._take(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.error(key, "must be a table")
        return value

    def switches(self, key: str) -> Switches:
        """``{ VARIABLE = "value" }`` or ``{ VARIABLE = ["0", "off"] }``."""
        found = []
        for name, value in self.mapping(key).items():
            values = [value] if isinstance(value, str) else value
            if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
                raise self.error(f"{key}.{name}", "must be a string or a list of strings")
            found.append((name, tuple(item.lower() for item in values)))
        return tuple(found)

    def pinned(self, key: str) -> tuple[tuple[str, str], ...]:
        """Return an apk name, or ``{ "3.12" = "a", "3.17" = "b" }``: the name from that release on."""
        value = self._raw.get(key)
        if isinstance(value, str) and value:
            self._seen.add(key)
            return (("", value),)
        found = []
        for first, name in self.mapping(key).items():
            if not _RELEASE.match(first) or not isinstance(name, str) or not name:
                raise self.error(f"{key}.{first}", "must be an Alpine release = an apk package name")
            found.append((first, name))
        return tuple(sorted(found, key=lambda item: release_key(item[0])))

    def specifier(self, key: str) -> str:
        """Return A PEP 440 version specifier, empty for all; its grammar is checked by :func:`check_specifier`."""
        return self.text(key, "")

    def done(self) -> None:
        """Complain of the first key that was not asked for."""
        for key in self._raw:
            if key not in self._seen:
                raise self.error(key, f"unknown key; known are {', '.join(sorted(self._seen))}")


def library(raw: Mapping[str, Any], file: str) -> Library:
    """Return A file of ``rules/libraries/``."""
    table = Table(raw, file)
    entry = Library(
        name=table.text("name"),
        summary=table.text("summary", ""),
        url=table.text("url", ""),
        sonames=table.texts("sonames", _SONAME, "a soname pattern such as 'liblz4.so.*'"),
        pkg_config=table.texts("pkg-config"),
        tools=table.texts("tools"),
        headers=table.texts("headers"),
        dev=table.pinned("dev"),
        runtime=table.pinned("runtime"),
        static=table.text("static", ""),
        since=table.release("since"),
        until=table.release("until"),
        not_in=table.texts("not-in", _RELEASE, "an Alpine release such as '3.19'"),
        not_on=table.texts("not-on", _ARCH, "an architecture such as 'armv7'"),
        note=table.text("note", ""),
        confidence=table.choice("confidence", CONFIDENCES, "source"),
        evidence=table.texts("evidence"),
    )
    table.done()
    if not entry.evidence:
        raise RuleError(file, "evidence", "missing")
    if not (entry.pkg_config or entry.tools or entry.dev or entry.sonames or entry.runtime):
        raise RuleError(file, "", "says neither pkg-config, tools, dev, runtime nor sonames: no index could find it")
    return entry


def distribution(raw: Mapping[str, Any], file: str) -> Distribution:
    """Return A file of ``rules/distributions/``."""
    table = Table(raw, file)
    entry = Distribution(
        name=table.text("name"),
        summary=table.text("summary", ""),
        url=table.text("url", ""),
        imports=table.texts("imports"),
        builds=tuple(_build(build) for build in table.tables("build")),
        runtime=tuple(_runtime(need) for need in table.tables("runtime")),
        impossible=tuple(_impossible(entry) for entry in table.tables("impossible")),
        apk=table.text("apk", ""),
        apk_differs=table.text("apk-differs", ""),
        note=table.text("note", ""),
        confidence=table.choice("confidence", CONFIDENCES, "source"),
        evidence=table.texts("evidence"),
        proof=table.texts("proof", _PROOF, "a proof as tools/prove_rules.py writes it"),
    )
    table.done()
    if entry.name != normalise(entry.name):
        raise RuleError(file, "name", f"{entry.name!r} is not normalised: {normalise(entry.name)!r}")
    if not (entry.builds or entry.runtime or entry.impossible):
        raise RuleError(file, "", "says nothing: no build, runtime or impossible table")
    return entry


def _build(table: Table) -> Build:
    build = Build(
        versions=table.specifier("versions"),
        language=table.texts("language", _NAME, "a language"),
        needs=table.texts("needs", _NEED, "a need such as 'cmd:cmake'"),
        minimums=tuple((name, values[0]) for name, values in table.switches("minimum")),
        libraries=tuple(_link(link) for link in table.tables("library")),
        optional_extension=table.flag("optional-extension", default=False),
        fetches=table.texts("fetches", _NEED, "a need such as 'cmd:cargo'"),
        requires=table.texts("requires", _NAME, "a normalised name"),
        unless_env=table.switches("unless-env"),
        only_env=table.switches("only-env"),
        note=table.text("note", ""),
        evidence=table.texts("evidence"),
    )
    table.done()
    if not build.evidence and not all(link.evidence for link in build.libraries):
        raise table.error("evidence", "missing")
    if not build.evidence and not build.libraries:
        raise table.error("evidence", "missing")
    return build


def _link(table: Table) -> Link:
    linkage = table.choice("linkage", LINKAGES)
    optional = table.text("optional", "")
    detect = table.texts("detect") or ("linker",)
    for name in detect:
        if name not in DETECTIONS:
            raise table.error("detect", f"{name!r} is not one of {', '.join(DETECTIONS)}")
    link = Link(
        library=table.text("use"),
        linkage=linkage,
        detect=cast("Any", detect),
        required=table.flag("required", default=linkage == "always" and not optional),
        optional=optional,
        unless_env=table.switches("unless-env"),
        only_env=table.switches("only-env"),
        env_if_set=table.switches("env-if-set"),
        tool=table.text("tool", ""),
        sonames=table.texts("sonames", _SONAME, "a soname pattern such as 'liblz4.so.*'"),
        minimum=table.text("minimum", ""),
        needs=table.texts("needs", _NEED, "a need such as 'cmd:pkg-config'"),
        runtime=table.flag("runtime", default=True),
        note=table.text("note", ""),
        evidence=table.texts("evidence"),
    )
    table.done()
    if link.required and link.optional:
        raise table.error("required", "a required library can't be optional too")
    return link


def _runtime(table: Table) -> RuntimeNeed:
    lookups: tuple[Literal["name", "find_library"], ...] = ("name", "find_library")
    need = RuntimeNeed(
        kind=table.choice("kind", RUNTIME_KINDS),
        any=table.texts("any", _NEED, "a need such as 'so:libmagic.so.1'"),
        library=table.text("use", ""),
        severity=table.choice("severity", SEVERITIES, "error"),
        versions=table.specifier("versions"),
        feature=table.text("feature", ""),
        extra=table.text("extra", ""),
        unless_installed=table.texts("unless-installed", _NAME, "a normalised name"),
        unless_extra=table.texts("unless-extra", _NAME, "a normalised name"),
        lookup=table.choice("lookup", lookups, "name"),
        since=table.release("since"),
        until=table.release("until"),
        not_on=table.texts("not-on", _ARCH, "an architecture such as 'armv7'"),
        note=table.text("note", ""),
        evidence=table.texts("evidence"),
        commands=table.texts("commands"),
    )
    table.done()
    if not need.any:
        raise table.error("any", "missing")
    if not need.evidence:
        raise table.error("evidence", "missing")
    return need


def _impossible(table: Table) -> Impossible:
    entry = Impossible(
        versions=table.specifier("versions"),
        unless=table.texts("unless", _NEED, "a need such as 'gcompat'"),
        reason=table.text("reason"),
        advice=table.text("advice"),
        evidence=table.texts("evidence"),
    )
    table.done()
    if not entry.evidence:
        raise table.error("evidence", "missing")
    return entry


def languages(raw: Mapping[str, Any], file: str) -> tuple[Language, ...]:
    """Return the file ``rules/languages.toml``."""
    table = Table(raw, file)
    found = []
    for item in table.tables("language"):
        found.append(
            Language(
                name=item.text("name"),
                needs=item.texts("needs", _NEED, "a need such as 'cmd:gcc'"),
                runtime=item.texts("runtime", _NEED, "a need such as 'so:libstdc++.so.6'"),
                note=item.text("note", ""),
                evidence=item.texts("evidence"),
            )
        )
        item.done()
    table.done()
    return tuple(found)


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
