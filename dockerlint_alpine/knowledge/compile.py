"""Packs ``rules/`` into one SQLite file: ``python -m dockerlint_alpine.knowledge.data_build`` and the wheel build call it.

Only the standard library and ``packaging`` may be imported here. The same rules always give the same digest.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING

from msgspec import to_builtins

from dockerlint_alpine.apk.database import Database
from dockerlint_alpine.knowledge import image_tags, locks, schema
from dockerlint_alpine.knowledge.bases import BaseImages, by_repository
from dockerlint_alpine.knowledge.errors import RuleError
from dockerlint_alpine.knowledge.facts import WheelRecord
from dockerlint_alpine.knowledge.folder import KINDS, RuleFolder, capabilities, libraries_of
from dockerlint_alpine.knowledge.packaged import DEBIAN, packaged, read_debian
from dockerlint_alpine.knowledge.store import SCHEMA_VERSION
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dockerlint_alpine.knowledge.model import Distribution, Library

DOCUMENTS = ("base-images", "languages", "errors", "package-names", "programs", "toolchains")
"""The single files of ``rules/``."""
_TAG_ENTRY = lazy_pattern(r"(\d{4}-\d\d-\d\d)=(?:(?:\d+\.\d+\.\d+(?:[abrc]+\d+)?/)?\d+\.\d+)?")

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (kind TEXT, name TEXT, json TEXT NOT NULL, PRIMARY KEY (kind, name));
CREATE TABLE lock (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE shared (data BLOB NOT NULL);
CREATE TABLE image_tag (tag TEXT PRIMARY KEY, history TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tags (id INTEGER PRIMARY KEY, tags TEXT NOT NULL);
CREATE TABLE capability (need TEXT PRIMARY KEY, library TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE import (module TEXT PRIMARY KEY, distribution TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE uses (library TEXT, distribution TEXT, PRIMARY KEY (library, distribution)) WITHOUT ROWID;
"""


def build(rules: Path, out: Path, indexes: Path | None = None) -> None:
    """Compile the folder ``rules`` to the file ``out``, replacing it; raises ``RuleError`` for the first bad rule.

    ``indexes`` is the database of Alpine's indexes; without it nothing is told about distributions by their packages.
    """
    folder = RuleFolder(rules, "rules")
    libraries = {library.name: library for library in folder.libraries()}
    distributions = list(folder.entries())
    check_references(distributions, libraries)
    entries = [
        *_entries(folder),
        *(_packaged(indexes, rules, {entry.name for entry in distributions}) if indexes else ()),
    ]
    tags, locked = _locks(rules / locks.FILE, folder)
    moved = dict(_image_tags(rules / image_tags.FILE))
    meta = _meta([*entries, *(("lock", name, text) for name, text in locked), ("image-tags", "", _packed(moved))])
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f"{out.name}.new")
    draft.unlink(missing_ok=True)
    connection = sqlite3.connect(draft)
    try:
        with connection:
            connection.executescript(_TABLES)
            connection.executemany("INSERT INTO entry VALUES (?, ?, ?)", entries)
            connection.executemany("INSERT INTO capability VALUES (?, ?)", _capabilities(libraries.values()).items())
            connection.executemany("INSERT INTO import VALUES (?, ?)", _imports(distributions).items())
            connection.executemany("INSERT INTO uses VALUES (?, ?)", _uses(distributions))
            shared = locks.dictionary(locked)
            connection.execute("INSERT INTO shared VALUES (?)", (shared,))
            rows = ((name, locks.packed(text, shared)) for name, text in locked)
            connection.executemany("INSERT INTO lock VALUES (?, ?)", rows)
            connection.executemany("INSERT INTO tags VALUES (?, ?)", enumerate(tags))
            connection.executemany("INSERT INTO image_tag VALUES (?, ?)", moved.items())
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        connection.execute("VACUUM")
    finally:
        connection.close()
    draft.replace(out)


def check_references(distributions: Iterable[Distribution], libraries: dict[str, Library]) -> None:
    """Raise ``RuleError`` for a distribution that names a library without an entry, or a range that is not PEP 440."""
    for entry in distributions:
        file = f"rules/distributions/{entry.name}.toml"
        schema.check_specifiers(entry, file)
        for name in sorted(libraries_of(entry)):
            if name not in libraries:
                raise RuleError(file, "", f"uses the library {name!r}, which has no rules/libraries/{name}.toml")


def _entries(folder: RuleFolder) -> Iterator[tuple[str, str, str]]:
    for kind in KINDS:
        for name in folder.names(kind):
            raw = folder.raw(kind, name)
            if kind == "wheels" and raw is not None:
                WheelRecord.parse(raw, folder.shown(kind, name))
            yield kind, name, _packed(raw)
    for name in DOCUMENTS:
        raw = folder.document(name)
        if raw is None:
            continue
        if name == "base-images":
            BaseImages(raw).check("rules/base-images.toml")
            images = by_repository(raw.pop("image", ()))
            yield from (("image", repository, _packed(images[repository])) for repository in sorted(images))
        elif name == "languages":
            schema.languages(raw, "rules/languages.toml")
        yield "document", name, _packed(raw)


def _locks(path: Path, folder: RuleFolder) -> tuple[list[str], list[tuple[str, str]]]:
    """The tag sets and rows of what lock files say, without what the records of ``folder`` know better."""
    if not path.exists():
        return [], []
    names = folder.names("wheels")
    records = {name: WheelRecord.packed(_packed(raw)) for name in names if (raw := folder.raw("wheels", name))}

    def known(name: str, version: str) -> bool:
        record = records.get(name)
        if record is None:
            return False
        return version in record.requires and version in record.releases.versions

    tags, rows = locks.read_locks(path, known)
    return tags, list(rows)


def _image_tags(path: Path) -> Iterator[tuple[str, str]]:
    """The rows of the file: ``image:tag`` and its entries; raises ``RuleError`` for one that can't be read."""
    if not path.exists():
        return
    for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
        if not line.startswith("#"):
            name, _, entries = line.partition("\t")
            found = [_TAG_ENTRY.fullmatch(entry) for entry in entries.split(" ")]
            days = [one[1] for one in found if one is not None]
            if ":" not in name or None in found or days != sorted(days):
                raise RuleError(
                    f"rules/{path.name}", name, "must be DAY=[PYTHON/]ALPINE entries in the order of their days"
                )
            yield name, entries


def _packaged(indexes: Path, rules: Path, ruled: set[str]) -> Iterator[tuple[str, str, str]]:
    database = Database(indexes)
    debian = read_debian(rules / DEBIAN) if (rules / DEBIAN).exists() else {}
    try:
        for name, entry in packaged(database.records(), ruled, debian).items():
            yield "packaged", name, _packed(to_builtins(entry))
    finally:
        database.close()


def _packed(raw: object) -> str:
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":"))


def _meta(entries: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    digest = hashlib.sha256()
    days = set()
    for kind, name, text in entries:
        digest.update(f"{kind}\0{name}\0{text}\0".encode())
        if kind == "wheels":
            days.add(json.loads(text)["as-of"])
    return {"schema": SCHEMA_VERSION, "digest": digest.hexdigest(), "facts-as-of": min(days, default="")}


def _capabilities(libraries: Iterable[Library]) -> dict[str, str]:
    """Look-up key -> library; the first in order of name where two have the same (``validate`` reports those)."""
    found: dict[str, str] = {}
    for library in libraries:
        for key in capabilities(library):
            found.setdefault(key, library.name)
    return found


def _imports(distributions: Iterable[Distribution]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in distributions:
        for module in entry.imports:
            found.setdefault(module, entry.name)
    return found


def _uses(distributions: Iterable[Distribution]) -> Iterator[tuple[str, str]]:
    for entry in distributions:
        for library in sorted(libraries_of(entry)):
            yield library, entry.name
