"""Reads the wheel facts of one distribution from a Python index: ``alpine-doctor rules refresh``, for maintainers.

One name at a time. Requirements are what the index or the files of a version state (PEP 658, PEP 643), as resolving
reads them; nothing of them is run. No address of any index or file gets into the facts.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.knowledge.errors import KnowledgeError
from dockerlint_alpine.knowledge.facts import WheelRecord
from dockerlint_alpine.knowledge.folder import RuleFolder
from dockerlint_alpine.knowledge.toml import text as quoted
from dockerlint_alpine.knowledge.toml import texts
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from packaging.version import Version

    from dockerlint_alpine.python.index.client import SimpleIndex
    from dockerlint_alpine.python.model import Release
    from dockerlint_alpine.python.sources.source_facts import SourceFacts

_FOREIGN = lazy_pattern(r"-(?:win|macosx|ios|android|emscripten|pyodide|pyemscripten|wasi)[^-]*\Z")


def refresh(
    name: str,
    index: SimpleIndex,
    *,
    day: str,
    known: WheelRecord | None = None,
    versions: Iterable[str] = (),
    recent: int = 3,
) -> str:
    """Return the text of ``rules/wheels/NAME.toml`` as ``index`` has it on ``day`` (``YYYY-MM-DD``).

    Requirements are read of the ``recent`` newest versions and of ``versions``; those that ``known`` has are kept and
    not asked for again. Pre-releases and wheels of other systems are left out. Raises ``IndexAnswerError``, and
    ``RefreshError`` for an archive that can't be read.
    """
    found = {str(version): release for version, release in _final_releases(index.releases(name))}
    wanted = [version for version in found if not found[version].yanked][:recent]
    wanted += [version for version in versions if version in found and version not in wanted]
    requires: dict[str, tuple[str, ...]] = {}
    for version, release in found.items():
        stated = known.requires.get(version) if known is not None else None
        if stated is None and version in wanted:
            stated = _stated(index, name, release.version)
        if stated is not None:
            requires[version] = stated
    return _toml(name, day, found, requires)


def _final_releases(releases: Iterable[Release]) -> list[tuple[Version, Release]]:
    """The releases that are no pre-releases, the newest first."""
    from packaging.version import InvalidVersion, Version

    final = []
    for release in releases:
        with suppress(InvalidVersion):
            version = Version(release.version)
            if not version.is_prerelease:
                final.append((version, release))
    return sorted(final, key=lambda one: one[0], reverse=True)


def _stated(index: SimpleIndex, name: str, version: str) -> tuple[str, ...] | None:
    from dockerlint_alpine.python.index.facts import sdist_facts, stated_requires
    from dockerlint_alpine.python.resolve import ResolverError
    from dockerlint_alpine.system.unreadable import ArchiveError

    def static_facts(index: SimpleIndex, name: str, version: str) -> SourceFacts:
        facts = sdist_facts(index, name, version)
        return facts if facts.requires_static else replace(facts, requires=None)

    try:
        found = stated_requires(index, name, version, static_facts)
    except (ResolverError, ArchiveError) as error:
        raise RefreshError(f"{name} {version}: {error}") from None
    return None if found is None else tuple(found)


class RefreshError(KnowledgeError):
    """A file of the index that can't be read."""


class Refreshed(Struct, frozen=True):
    """One file of ``rules/wheels/`` after it was looked at; ``changed`` when it says something new."""

    name: str
    path: Path
    changed: bool


def refresh_rules(
    rules: Path, names: Iterable[str], index: SimpleIndex, *, day: str, recent: int = 3
) -> Iterator[Refreshed]:
    """Renew ``rules/wheels/NAME.toml`` for each of ``names``, one after the other, and yield each when it is done.

    The requirements that a file has are kept. A file whose facts are the same keeps its day too. Raises as
    :func:`refresh` does, and ``RuleError`` for a file that can't be read.
    """
    folder = RuleFolder(rules, "rules")
    for name in names:
        raw = folder.raw("wheels", name)
        known = None if raw is None else WheelRecord.parse(raw, folder.shown("wheels", name))
        text = refresh(name, index, day=day, known=known, recent=recent)
        path = rules / "wheels" / f"{name}.toml"
        changed = known is None or text != path.read_text(encoding="utf-8").replace(known.as_of, day, 1)
        if changed:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        yield Refreshed(name, path, changed)


def _toml(name: str, day: str, releases: Mapping[str, Release], requires: Mapping[str, tuple[str, ...]]) -> str:
    lines = [
        "# Written by `alpine-doctor rules refresh`; do not edit.",
        f"name = {quoted(name)}",
        f"as-of = {quoted(day)}",
        "",
        "[release]",
    ]
    for version, entry in releases.items():
        parts = [f"uploaded = {quoted(entry.upload_date)}"] if entry.upload_date else []
        if entry.requires_python:
            parts.append(f"python = {quoted(entry.requires_python)}")
        if not entry.sdist:
            parts.append("sdist = false")
        if entry.yanked:
            parts.append("yanked = true")
        lines.append(f"{quoted(version)} = {{ {', '.join(parts)} }}" if parts else f"{quoted(version)} = {{}}")
    tags = {
        version: kept
        for version, release in releases.items()
        if (kept := tuple(sorted(tag for tag in release.wheels if not _FOREIGN.search(tag))))
    }
    lines += _groups("wheels", "tags", tags)
    lines += _groups("requires", "lines", requires)
    return "\n".join(lines) + "\n"


def _groups(table: str, key: str, values: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return one array-of-tables entry for each distinct value with the versions that share it."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for version, value in values.items():
        groups.setdefault(value, []).append(version)
    lines = []
    for value, versions in groups.items():
        lines += ["", f"[[{table}]]", f"versions = {texts(versions)}", f"{key} = {texts(value)}"]
    return lines
