"""Reads the compiled rules (``data/rules.sqlite``) and, over them, a user's own rule folders.

One entry is one row of JSON, the TOML table as it was written, so a look-up costs a B-tree step and a few records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar, cast

from msgspec import convert
from msgspec.json import decode

from dockerlint_alpine.knowledge import schema
from dockerlint_alpine.knowledge.bases import BaseImage, BaseImages
from dockerlint_alpine.knowledge.errors import MissingDataError
from dockerlint_alpine.knowledge.facts import WheelFacts, WheelRecord
from dockerlint_alpine.knowledge.folder import KINDS, RuleFolder, libraries_of
from dockerlint_alpine.knowledge.image_tags import ImageTags
from dockerlint_alpine.knowledge.locks import LockRecord, unpacked
from dockerlint_alpine.knowledge.model import Distribution, Language, Library
from dockerlint_alpine.python.model import Packaged, normalise

SCHEMA_VERSION = "5"
_BASES = 1024
"""Base images are kept by name, so many at most."""
_Entry = TypeVar("_Entry")
_JSON = "SELECT json FROM entry WHERE kind = ? AND name = ?"
_BUILD_HINT = "run `python -m dockerlint_alpine.knowledge.data_build` in a source checkout, or install the package"


class Knowledge:
    """Everything the rules say. Not safe for several threads at once; open one per thread."""

    def __init__(self, connection: sqlite3.Connection, overlays: Sequence[RuleFolder]) -> None:
        self._connection = connection
        self._overlays = tuple(overlays)
        self._bases: dict[tuple[str, str | None], BaseImage | None] = {}
        self._cache: dict[tuple[str, str], object] = {}
        self._distributions: dict[str, Distribution | None] = {}

    @classmethod
    def open(cls, data: Path | None = None, extra: Sequence[Path] = ()) -> Knowledge:
        """Open ``rules.sqlite`` in the folder ``data`` (default: the package's) under the rule folders ``extra``.

        A later folder wins over an earlier one, and any of them over the compiled rules, entry by entry. Raises
        ``MissingDataError`` when there are no compiled rules; a broken entry of a folder raises ``RuleError`` when it
        is first needed.
        """
        path = (data or Path(__file__).resolve().parent.parent / "data") / "rules.sqlite"
        if not path.is_file():
            raise MissingDataError(f"{path}: the compiled rules are missing; {_BUILD_HINT}")
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        except sqlite3.DatabaseError as error:
            connection.close()
            raise MissingDataError(f"{path}: not the compiled rules ({error}); {_BUILD_HINT}") from error
        if row is None or row[0] != SCHEMA_VERSION:
            connection.close()
            raise MissingDataError(f"{path}: compiled by another version of this program; {_BUILD_HINT}")
        return cls(connection, [RuleFolder(folder) for folder in reversed(extra)])

    def close(self) -> None:
        """Close the database; the object is of no use afterwards."""
        self._connection.close()

    def distribution(self, name: str) -> Distribution | None:
        """Return the entry of a distribution by any spelling of its name, ``None`` if the rules don't know it."""
        try:
            return self._distributions[name]
        except KeyError:
            packed = partial(decode, type=Distribution)
            found = self._entry("distribution", normalise(name), schema.distribution, packed)
            self._distributions[name] = found
            return found

    def library(self, name: str) -> Library | None:
        """Return the entry of a library by its name in ``rules/libraries/``."""
        return self._entry("library", name, schema.library, partial(decode, type=Library))

    def language(self, name: str) -> Language | None:
        """Return what compiling ``name`` (``c``, ``c++``, ``rust``, ``fortran``) needs."""
        return self._languages.get(name)

    def library_for(self, need: str) -> Library | None:
        """Return the library that has ``so:liblz4.so.1``, ``pc:liblz4``, ``cmd:pg_config`` or the header ``lz4.h``."""
        key = _capability_key(need)
        for overlay in self._overlays:
            if key in overlay.by_capability:
                return self.library(overlay.by_capability[key])
        name = self._value("SELECT library FROM capability WHERE need = ?", key)
        return self.library(name) if name is not None else None

    def library_for_folder(self, folder: str) -> Library | None:
        """Return the library that all known headers of a folder (``libxml``) belong to, ``None`` if there is no such one."""
        names = {name for overlay in self._overlays for name in overlay.header_folder(folder)}
        start, end = f"header:{folder}/", f"header:{folder}0"  # "0" follows "/"
        query = "SELECT DISTINCT library FROM capability WHERE need >= ? AND need < ?"
        names.update(row[0] for row in self._connection.execute(query, (start, end)))
        return self.library(names.pop()) if len(names) == 1 else None

    def distribution_for_import(self, module: str) -> Distribution | None:
        """Return the distribution of a dotted module name, by ever shorter prefixes (``lz4.frame``, then ``lz4``)."""
        parts = module.split(".")
        for length in range(len(parts), 0, -1):
            name = self._imported(".".join(parts[:length]))
            if name is not None:
                return self.distribution(name)
        return None

    def _imported(self, module: str) -> str | None:
        for overlay in self._overlays:
            if module in overlay.by_import:
                return overlay.by_import[module]
        name: str | None = self._value("SELECT distribution FROM import WHERE module = ?", module)
        return name

    def users_of(self, library: str) -> tuple[str, ...]:
        """Names of the distributions whose rules speak of ``library``, sorted."""
        rows = self._connection.execute("SELECT distribution FROM uses WHERE library = ?", (library,))
        names = {row[0] for row in rows}
        for overlay in reversed(self._overlays):
            for entry in overlay.entries():
                names.discard(entry.name)
                if library in libraries_of(entry):
                    names.add(entry.name)
        return tuple(sorted(names))

    def names(self, kind: str) -> tuple[str, ...]:
        """All names of one kind (``distribution``, ``library``, ``wheels``), sorted."""
        found = {row[0] for row in self._connection.execute("SELECT name FROM entry WHERE kind = ?", (kind,))}
        for overlay in self._overlays:
            found.update(overlay.names(kind))
        return tuple(sorted(found))

    def raw(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return an entry (``distribution``, ``library``, ``wheels``) as written, a user's folder first.

        ``name`` is the entry's own; ``None`` when there is none. Raises ``RuleError`` for a broken file.
        """
        for overlay in self._overlays:
            raw = overlay.raw(kind, name)
            if raw is not None:
                return raw
        return self._row(kind, name)

    @staticmethod
    def normalise(name: str) -> str:
        """Return the name under which a distribution is filed (PEP 503)."""
        return normalise(name)

    def source(self, kind: str, name: str) -> str:
        """Where an entry is from, for evidence: ``rules/distributions/lz4.toml`` or a path below a user's folder."""
        for overlay in self._overlays:
            if name in overlay.names(kind):
                return overlay.shown(kind, name)
        return f"rules/{KINDS[kind]}/{name}.toml"

    def base_image(self, reference: str, day: str | None = None) -> BaseImage | None:
        """Return what the image ``reference`` of a FROM is, ``None`` if nothing is known about it.

        With a ``day`` (``YYYY-MM-DD``) a tag of an official image that moves is what it was then.
        """
        key = (reference, day)
        if key not in self._bases:
            if len(self._bases) >= _BASES:
                self._bases.clear()
            self._bases[key] = self._base_image(reference, day)
        return self._bases[key]

    def _base_image(self, reference: str, day: str | None) -> BaseImage | None:
        for images in (*self._own_images, self.base_images):
            found = images.match(reference, day)
            if found is not None:
                return found
        return None

    @cached_property
    def _own_images(self) -> tuple[BaseImages, ...]:
        """The rules on base images of the user's folders; the images that they rest on may be built in."""
        found = ((overlay, overlay.document("base-images")) for overlay in self._overlays)
        return tuple(
            BaseImages(raw, overlay.shown_document("base-images"), beyond=self.base_images)
            for overlay, raw in found
            if raw is not None
        )

    @cached_property
    def base_images(self) -> BaseImages:
        """The compiled rules on base images."""
        history = partial(self._value, "SELECT history FROM image_tag WHERE tag = ?")
        packed = partial(self._value, _JSON, "image")
        return BaseImages(self.document("base-images"), tags=ImageTags(history), packed=packed)

    @cached_property
    def errors(self) -> Mapping[str, Any]:
        """The table of ``rules/errors.toml`` as written; empty when there is none."""
        return self.document("errors")

    @cached_property
    def python_packages(self) -> Mapping[str, str]:
        """The distribution of each of Alpine's Python packages whose name does not tell it (``py3-icu``: ``pyicu``)."""
        names: Mapping[str, str] = self.document("package-names").get("python", {}).get("names", {})
        return names

    @cached_property
    def facts(self) -> WheelFacts:
        """Which releases and wheels distributions have; implements the ``Facts`` of ``dockerlint_alpine.python``."""
        return WheelFacts(
            self._meta("facts-as-of"), self._wheel_record, self._pure_by_package, self._lock_record, self._has_build
        )

    @cached_property
    def version(self) -> str:
        """A digest of the compiled rules, for cache keys."""
        return self._meta("digest")

    def document(self, name: str) -> dict[str, Any]:
        """Return a single-file table (``base-images``, ``languages``, ``errors``) as written, or an empty one."""
        return self._row("document", name) or {}

    def _wheel_record(self, name: str) -> WheelRecord | None:
        return self._entry("wheels", name, WheelRecord.parse, WheelRecord.packed)

    def _lock_record(self, name: str) -> LockRecord | None:
        key = ("lock", name)
        if key not in self._cache:
            data = self._value("SELECT data FROM lock WHERE name = ?", name)
            self._cache[key] = unpacked(data, self._shared, self._tags) if data is not None else None
        return cast("LockRecord | None", self._cache[key])

    @cached_property
    def _shared(self) -> bytes:
        """What the rows of locks are packed with."""
        return bytes(self._value("SELECT data FROM shared"))

    def _tags(self, number: int) -> tuple[str, ...]:
        key = ("tags", str(number))
        if key not in self._cache:
            self._cache[key] = tuple(self._value("SELECT tags FROM tags WHERE id = ?", number).split())
        return cast("tuple[str, ...]", self._cache[key])

    def _has_build(self, name: str, version: str | None) -> bool:
        rule = self.distribution(name)
        build = rule.build(version) if rule is not None else None
        return build is not None and not build.optional_extension

    def _pure_by_package(self, name: str) -> Packaged | None:
        """What compiles something has a rule that tells how: that knows more than a package does."""
        rule = self.distribution(name)
        if rule is not None and rule.builds:
            return None
        row = self._row("packaged", name)
        return None if row is None else convert(row, Packaged)

    @cached_property
    def _languages(self) -> dict[str, Language]:
        return {item.name: item for item in schema.languages(self.document("languages"), "rules/languages.toml")}

    def _meta(self, key: str) -> str:
        return self._value("SELECT value FROM meta WHERE key = ?", key) or ""

    def _entry(
        self, kind: str, name: str, parse: Callable[[Mapping[str, Any], str], _Entry], packed: Callable[[str], _Entry]
    ) -> _Entry | None:
        """An entry by its kind and name: ``parse`` reads the table of a user's folder, ``packed`` the JSON of what was
        validated before it was compiled."""
        key = (kind, name)
        if key not in self._cache:
            for overlay in self._overlays:
                raw = overlay.raw(kind, name)
                if raw is not None:
                    self._cache[key] = parse(raw, overlay.shown(kind, name))
                    break
            else:
                text = self._value(_JSON, kind, name)
                self._cache[key] = None if text is None else packed(text)
        return cast("_Entry | None", self._cache[key])

    def _row(self, kind: str, name: str) -> dict[str, Any] | None:
        text = self._value(_JSON, kind, name)
        return None if text is None else decode(text, type=dict[str, Any])

    def _value(self, query: str, *given: object) -> Any:
        """The first column of the first row, ``None`` where there is no row."""
        row = self._connection.execute(query, given).fetchone()
        return row[0] if row else None


def _capability_key(need: str) -> str:
    """Return the key under which :func:`~dockerlint_alpine.knowledge.folder.capabilities` files a need."""
    if need.startswith("so:") or ".so" in need:
        name = need.removeprefix("so:")
        return f"so:{name[: name.find('.so')]}" if ".so" in name else f"so:{name}"
    if need.startswith(("pc:", "cmd:")):
        return need
    return f"header:{need}"
