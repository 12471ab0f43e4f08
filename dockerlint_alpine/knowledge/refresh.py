"""Takes the wheel facts of one distribution from a Python index: ``alpine-doctor rules refresh``, for maintainers.

Speaks the JSON form of the simple API (PEP 691, PEP 700) through a fetch function that is handed in, one name at a
time. Requirements come from metadata files (PEP 658) or, where an index has none, from the smallest archive of the
version: a wheel, or an sdist whose metadata is static (PEP 643). Archives are read in memory, with caps, and nothing
of them is run. No address of any index or file gets into the facts.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from dockerlint_alpine.knowledge.errors import KnowledgeError
from dockerlint_alpine.knowledge.facts import WheelRecord
from dockerlint_alpine.knowledge.folder import RuleFolder
from dockerlint_alpine.knowledge.toml import text as quoted
from dockerlint_alpine.knowledge.toml import texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from packaging.version import Version

ACCEPT = "application/vnd.pypi.simple.v1+json"
_MAX_ARCHIVE = 40_000_000
_MAX_METADATA = 2_000_000
_FOREIGN = re.compile(r"-(?:win|macosx|ios|android|emscripten|pyodide|pyemscripten|wasi)[^-]*\Z")


class RefreshError(KnowledgeError):
    """An index that does not answer as the simple API says."""


class Fetch(Protocol):
    """Gets one URL; raises ``OSError`` when that fails."""

    def __call__(self, url: str, accept: str) -> bytes:
        """Return the body of ``url``, asked for with the header ``Accept: accept`` (empty: none)."""


class _Files(Struct):
    """What one version has on the index."""

    uploaded: str = ""
    python: str = ""
    sdist: bool = False
    yanked: bool = True
    tags: list[str] = field(default_factory=list)
    metadata: str = ""
    archives: list[tuple[int, str, str]] = field(default_factory=list)


def refresh(
    name: str,
    index_url: str,
    fetch: Fetch,
    *,
    day: str,
    known: WheelRecord | None = None,
    versions: Iterable[str] = (),
    recent: int = 3,
) -> str:
    """Return the text of ``rules/wheels/NAME.toml`` as the index at ``index_url`` has it on ``day`` (``YYYY-MM-DD``).

    Requirements are read of the ``recent`` newest versions and of ``versions``; those that ``known`` has are kept and
    not asked for again. Pre-releases are left out. Raises ``RefreshError`` for an answer that can't be understood, and
    whatever ``fetch`` raises.
    """
    from packaging.version import Version

    page = f"{index_url.rstrip('/')}/{name}/"
    files = _collect(page, fetch(page, ACCEPT))
    newest = sorted(files, key=Version, reverse=True)
    wanted = [version for version in newest if not files[version].yanked][:recent]
    wanted += [version for version in versions if version in files and version not in wanted]
    requires: dict[str, tuple[str, ...]] = {}
    for version in newest:
        kept = known.requires.get(version) if known is not None else None
        if kept is not None:
            requires[version] = kept
        elif version in wanted:
            found = _fetched_requires(files[version], fetch)
            if found is not None:
                requires[version] = found
    return _toml(name, day, {version: files[version] for version in newest}, requires)


class Refreshed(Struct, frozen=True):
    """One file of ``rules/wheels/`` after it was looked at; ``changed`` when it says something new."""

    name: str
    path: Path
    changed: bool


def refresh_rules(
    rules: Path, names: Iterable[str], index_url: str, fetch: Fetch, *, day: str, recent: int = 3
) -> Iterator[Refreshed]:
    """Renew ``rules/wheels/NAME.toml`` for each of ``names``, one after the other, and yield each when it is done.

    The requirements that a file has are kept. A file whose facts are the same keeps its day too. Raises as
    :func:`refresh` does, and ``RuleError`` for a file that can't be read.
    """
    folder = RuleFolder(rules, "rules")
    for name in names:
        raw = folder.raw("wheels", name)
        known = None if raw is None else WheelRecord.parse(raw, folder.shown("wheels", name))
        text = refresh(name, index_url, fetch, day=day, known=known, recent=recent)
        path = rules / "wheels" / f"{name}.toml"
        changed = known is None or text != path.read_text(encoding="utf-8").replace(known.as_of, day, 1)
        if changed:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        yield Refreshed(name, path, changed)


def _collect(page: str, body: bytes) -> dict[str, _Files]:
    from urllib.parse import urljoin

    from packaging.utils import (
        InvalidSdistFilename,
        InvalidWheelFilename,
        parse_sdist_filename,
        parse_wheel_filename,
    )

    try:
        entries = json.loads(body)["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise RefreshError(f"{page}: not an answer of the JSON simple API") from error
    found: dict[str, _Files] = {}
    for entry in entries:
        filename = str(entry.get("filename", ""))
        try:
            parse = parse_wheel_filename if filename.endswith(".whl") else parse_sdist_filename
            version = parse(filename)[1]
        except (InvalidSdistFilename, InvalidWheelFilename):
            continue
        if not version.is_prerelease:
            _add(found, version, filename, {**entry, "url": urljoin(page, str(entry.get("url", "")))})
    return found


def _add(found: dict[str, _Files], version: Version, filename: str, entry: Mapping[str, Any]) -> None:
    files = found.setdefault(str(version), _Files())
    uploaded = str(entry.get("upload-time") or "")[:10]
    files.uploaded = min(files.uploaded or uploaded, uploaded or files.uploaded)
    files.python = files.python or str(entry.get("requires-python") or "")
    files.yanked = files.yanked and bool(entry.get("yanked"))
    size = entry.get("size")
    if isinstance(size, int) and size <= _MAX_ARCHIVE and filename.endswith((".whl", ".tar.gz")):
        files.archives.append((size, filename, str(entry["url"])))
    if not filename.endswith(".whl"):
        files.sdist = True
        return
    tags = "-".join(filename[: -len(".whl")].rsplit("-", 3)[1:])
    if not _FOREIGN.search(tags):
        files.tags.append(tags)
    if entry.get("core-metadata") or entry.get("data-dist-info-metadata"):
        files.metadata = files.metadata or f"{entry['url']}.metadata"


def _fetched_requires(files: _Files, fetch: Fetch) -> tuple[str, ...] | None:
    if files.metadata:
        return _fields(fetch(files.metadata, ""))[0]
    for _, filename, url in sorted(files.archives)[:2]:
        found = _archived_requires(filename, fetch(url, ""))
        if found is not None:
            return found
    return None


def _archived_requires(filename: str, body: bytes) -> tuple[str, ...] | None:
    """Read the requirements out of an archive; ``None`` where it does not tell them for certain."""
    import io
    import tarfile
    import zipfile

    try:
        if filename.endswith(".whl"):
            with zipfile.ZipFile(io.BytesIO(body)) as wheel:
                name = next(name for name in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
                with wheel.open(name) as member:
                    return _fields(member.read(_MAX_METADATA))[0]
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as sdist:
            for info in sdist:
                stream = sdist.extractfile(info) if re.fullmatch(r"[^/]+/PKG-INFO", info.name) else None
                if stream is not None:
                    requires, static = _fields(stream.read(_MAX_METADATA))
                    return requires if static else None
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, StopIteration, zlib.error) as error:
        raise RefreshError(f"{filename}: not a readable archive ({error})") from error
    return None


def _fields(metadata: bytes) -> tuple[tuple[str, ...], bool]:
    """Return the ``Requires-Dist`` fields of a METADATA or PKG-INFO file, and whether a build can't change them."""
    header = metadata.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n", 1)[0]
    version = re.search(r"^Metadata-Version: *(\d+)\.(\d+)", header, re.MULTILINE)
    dynamic = re.search(r"^Dynamic: *Requires-Dist *$", header, re.MULTILINE | re.IGNORECASE)
    static = version is not None and (int(version[1]), int(version[2])) >= (2, 2) and dynamic is None
    return tuple(re.findall(r"^Requires-Dist: *(.+?) *$", header, re.MULTILINE)), static


def _toml(name: str, day: str, files: Mapping[str, _Files], requires: Mapping[str, tuple[str, ...]]) -> str:
    lines = [
        "# Written by `alpine-doctor rules refresh`; do not edit.",
        f"name = {quoted(name)}",
        f"as-of = {quoted(day)}",
        "",
        "[release]",
    ]
    for version, entry in files.items():
        parts = [f"uploaded = {quoted(entry.uploaded)}"] if entry.uploaded else []
        if entry.python:
            parts.append(f"python = {quoted(entry.python)}")
        if not entry.sdist:
            parts.append("sdist = false")
        if entry.yanked:
            parts.append("yanked = true")
        lines.append(f"{quoted(version)} = {{ {', '.join(parts)} }}" if parts else f"{quoted(version)} = {{}}")
    tags = {version: tuple(sorted(entry.tags)) for version, entry in files.items() if entry.tags}
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
