"""One requirement, as a line of a requirements file or an argument of ``pip install`` states it.

PEP 508 text, which ``packaging.requirements`` reads, or what pip accepts besides: URLs, VCS URLs, archives and project
folders (pip: ``req.constructors.parse_req_from_line`` and ``parse_editable``).
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec.structs import replace
from packaging.requirements import InvalidRequirement, Requirement

from dockerlint_alpine.python.markers import InvalidMarkerError, check_marker
from dockerlint_alpine.python.model import Origin, PythonError, Requested, normalise
from dockerlint_alpine.system.addresses import redact
from dockerlint_alpine.system.native import PYTHON_PARSER
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.python.model import FileReader

MAX_REQUIREMENT = 64 * 1024
"""Characters of one requirement, its hashes left out."""
_OF_REPOSITORY = lazy_pattern(r"git\+|https?://[^?#]*/(?:-/)?(?:archive|tarball|zipball|(?:legacy\.)?(?:tar\.gz|zip))/")
REPOSITORY = "/this repository"
"""Where a reader shows the repository that a Dockerfile lies in, to those requirements that are fetched from it."""
_IDENTIFIER = lazy_pattern(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_SCHEME = lazy_pattern(r"([A-Za-z][A-Za-z0-9+.-]*):")
_EXTRAS = lazy_pattern(r"(.+)\[([^\]]+)\]")
_ARCHIVES = tuple(".whl .zip .tar.gz .tgz .tar .tar.bz2 .tbz .tar.xz .txz .tlz .tar.lz .tar.lzma".split())
_VCS = frozenset({"git", "hg", "svn", "bzr"})
_PLAIN_SCHEMES = frozenset({"http", "https", "file", "ftp", "ssh", "sftp"}) | _VCS


class InvalidRequirementError(PythonError):
    """The text is not a requirement; the message says why, in one line."""


def is_url(text: str) -> bool:
    """Tell whether pip takes ``text`` for a URL or VCS URL."""
    match = _SCHEME.match(text)
    if match is None:
        return False
    scheme = match[1].lower()
    return scheme in _PLAIN_SCHEMES or scheme.partition("+")[0] in _VCS


def is_archive(name: str) -> bool:
    """Tell whether a file name is an archive that pip installs (wheel or source)."""
    return name.lower().endswith(_ARCHIVES)


def comes_from_repository(one: Requested) -> bool:
    """Tell whether this requirement names a repository, fetched by git or as the archive that a forge makes of it."""
    return one.name is not None and one.url is not None and _OF_REPOSITORY.match(one.url) is not None


def git_url(entry: Mapping[str, object]) -> str | None:
    """The URL of a repository as pip writes it (``git+https://host/x@rev#subdirectory=y``), of how tables and locks of
    Poetry, uv, PDM and Pipenv name one (``git``, ``rev``, ``ref``, ``tag``, ``branch``, ``subdirectory``, and PDM's
    ``revision``); ``None`` for none."""
    text = entry.get("git")
    if not isinstance(text, str) or not text:
        return None
    if text.startswith("git+"):
        return text
    address, _, commit = text.partition("#")  # uv.lock has it there
    address, _, _ = address.partition("?")
    url = f"git+{address}" if "://" in address else f"git+ssh://{address.replace(':', '/', 1)}"
    revision = next(
        (one for key in ("revision", "rev", "ref", "tag", "branch") if isinstance(one := entry.get(key), str)), commit
    )
    inner = entry.get("subdirectory")
    return url + (f"@{revision}" if revision else "") + (f"#subdirectory={inner}" if isinstance(inner, str) else "")


def is_folder(files: FileReader, path: str) -> bool:
    """Tell whether ``path`` is a folder in the reader's view."""
    try:
        files.names(path)
    except OSError:
        return False
    return True


def parse_pep508(text: str, origin: Origin, *, chain: tuple[str, ...] = ()) -> Requested:
    """Read PEP 508 text; raises ``InvalidRequirementError`` where ``packaging`` refuses it."""
    try:
        parsed = _parsed(text)
    except InvalidRequirement as error:
        raise InvalidRequirementError(f"not a requirement: {redact(text)!r}: {_first_line(error)}") from None
    return Requested(
        text=text.strip(),
        name=normalise(parsed.name),
        origin=origin,
        extras=tuple(sorted(normalise(extra) for extra in parsed.extras)),
        specifier=",".join(sorted(map(str, parsed.specifier), key=_as_read)),
        marker=str(parsed.marker) if parsed.marker else None,
        url=parsed.url,
        chain=chain,
        artefacts=_artefact(parsed.url) if parsed.url else None,
    )


def requirement_name(text: str) -> str:
    """Return the normalised name of a PEP 508 text, as far as its beginning tells."""
    return normalise(re.split(r"[^\w.-]", text.strip(), maxsplit=1)[0])


def with_marker(text: str, marker: str) -> str:
    """Return a PEP 508 text that holds only where ``marker`` does, too; ``""`` changes nothing."""
    if not marker:
        return text
    requirement, semicolon, own = text.partition(" ;" if "://" in text else ";")
    return f"{requirement.strip()} ; ({own.strip()}) and ({marker})" if semicolon else f"{text} ; {marker}"


def _as_read(clause: str) -> int:
    """The order in which people write clauses, which ``packaging`` does not keep: from the pin to the upper bound."""
    return ("=", "~", ">", "!", "<").index(clause[0])


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Requirement:
    """Read PEP 508 text. Raises InvalidRequirement, also for what is too long or too deep to have been written by hand."""
    if len(text) > MAX_REQUIREMENT:
        raise InvalidRequirement(f"it has {len(text)} characters")
    try:
        with PYTHON_PARSER:
            return Requirement(text)
    except RecursionError:
        raise InvalidRequirement("too many parentheses") from None
    except InvalidRequirement:
        raise
    except ValueError:  # a number with thousands of digits
        raise InvalidRequirement("a number in it is too long") from None


def _first_line(error: Exception) -> str:
    return redact(str(error).partition("\n")[0])


def _artefact(location: str) -> tuple[str, ...] | None:
    """Return the archive name at the end of a URL or path, as the only artefact; VCS URLs and folders have none."""
    name = posixpath.basename(location.partition("#")[0].partition("?")[0]).replace("%2B", "+").replace("%2b", "+")
    vcs = (match := _SCHEME.match(location)) is not None and match[1].partition("+")[0].lower() in _VCS
    return (name,) if is_archive(name) and not vcs else None


def requires_of(metadata: bytes) -> tuple[str, ...]:
    """Return the ``Requires-Dist`` of a wheel's METADATA (core metadata specification), each on one line."""
    from email.parser import HeaderParser

    headers = HeaderParser().parsestr(metadata.decode("utf-8", "replace"))
    return tuple(" ".join(str(value).split()) for value in headers.get_all("Requires-Dist", ()))


def archive_version(name: str) -> tuple[str, str] | None:
    """Return (normalised distribution, version) of a wheel or sdist file name, ``None`` if it tells neither."""
    if name.endswith(".whl"):
        parts = name[:-4].split("-")
        return (normalise(parts[0]), parts[1].replace("_", "-")) if len(parts) in {5, 6} else None
    for suffix in _ARCHIVES:
        if name.lower().endswith(suffix):
            stem, dash, version = name[: -len(suffix)].rpartition("-")
            return (normalise(stem), version) if dash and stem and version[:1].isdigit() else None
    return None


def _fragment(url: str, key: str) -> str | None:
    for part in url.partition("#")[2].split("&"):
        name, equals, value = part.partition("=")
        if equals and name == key:
            return value
    return None


_DOWNLOAD = lazy_pattern(r"(?:https?|ftp)://", re.IGNORECASE)
"""An archive to download, which pip (``parse_editable``) takes for no editable one."""


def parse_argument(
    text: str,
    files: FileReader,
    *,
    cwd: str,
    origin: Origin,
    editable: bool = False,
    hashes: tuple[str, ...] = (),
    chain: tuple[str, ...] = (),
) -> Requested:
    """Read one requirement as pip does from a command line or a requirements file.

    Relative paths are relative to ``cwd``. Raises ``InvalidRequirementError``.
    """
    body, marker = text.strip(), None
    separator = "; " if is_url(body) else ";"
    if not editable and separator in body:
        body, _, after = body.partition(separator)
        body, marker = body.strip(), after.strip() or None
    found = _located(body, files, cwd, origin, chain)
    if editable and (
        _DOWNLOAD.match(body.partition(" @ ")[2].strip() or body) or (found is None and " @ " not in body)
    ):
        if _looks_like_path(body) or files.exists(_path(body, cwd)):
            raise _nothing_at(_path(body, cwd), files)
        raise InvalidRequirementError(f"{redact(text)!r} is neither a project folder nor a VCS URL")
    if found is None:
        try:
            # As for pip (parse_req_from_line), there need be no marker behind the semicolon.
            found = parse_pep508(text if marker is not None else body, origin, chain=chain)
        except InvalidRequirementError:
            if not _looks_like_path(body):
                raise
            raise _nothing_at(_path(body, cwd), files) from None
        marker = found.marker
        if found.url is not None and found.url.startswith("file:"):
            there = _from_url(found.url, files, origin, chain)
            found = replace(found, url=None, path=there.path, artefacts=there.artefacts)
    if marker is not None:
        try:
            check_marker(marker)
        except InvalidMarkerError as error:
            raise InvalidRequirementError(f"not a requirement: {redact(text)!r}: {_first_line(error)}") from None
    return Requested(
        text=text.strip(),
        name=found.name,
        origin=origin,
        extras=found.extras,
        specifier=found.specifier,
        marker=marker,
        url=found.url,
        path=found.path,
        editable=editable,
        hashes=hashes,
        chain=chain,
        artefacts=found.artefacts,
    )


def _looks_like_path(text: str) -> bool:
    return "/" in text or text.startswith(".")


def _path(written: str, cwd: str) -> str:
    return posixpath.normpath(posixpath.join(cwd, written))


def _nothing_at(path: str, files: FileReader) -> InvalidRequirementError:
    """That there is nothing to install at a path, and why."""
    why = "is neither an archive nor a project"
    try:
        files.read(path)
    except FileNotFoundError:
        why = "does not exist: no COPY or ADD creates it"
    except OSError as error:
        why = f"can't be read: {error.strerror or error}"
    return InvalidRequirementError(f"what is to be installed, {redact(path)}, {why}")


def _located(body: str, files: FileReader, cwd: str, origin: Origin, chain: tuple[str, ...]) -> Requested | None:
    """Return the requirement for a URL, archive or folder; ``None`` if ``body`` is PEP 508 text."""
    if is_url(body):
        return _from_url(body, files, origin, chain)
    bare, extras = _split_extras(body)
    if not _looks_like_path(bare) and not is_archive(bare):
        return None
    if "@" in body and not _looks_like_path(body.partition("@")[0]):
        return None
    path = _path(bare, cwd)
    if is_archive(bare):
        if not files.exists(path):
            raise InvalidRequirementError(f"{bare}: no such file")
        return _from_archive(path, body, extras, origin, chain)
    if is_folder(files, path):
        return Requested(text=body, name=None, origin=origin, extras=extras, path=path, chain=chain)
    return None


def _split_extras(text: str) -> tuple[str, tuple[str, ...]]:
    match = _EXTRAS.fullmatch(text)
    if match is None:
        return text, ()
    return match[1], tuple(sorted(normalise(extra.strip()) for extra in match[2].split(",") if extra.strip()))


def _from_archive(path: str, text: str, extras: tuple[str, ...], origin: Origin, chain: tuple[str, ...]) -> Requested:
    known = archive_version(posixpath.basename(path))
    return Requested(
        text=text,
        name=known[0] if known else None,
        origin=origin,
        extras=extras,
        specifier=f"=={known[1]}" if known else "",
        path=path,
        chain=chain,
        artefacts=(posixpath.basename(path),),
    )


def _from_url(url: str, files: FileReader, origin: Origin, chain: tuple[str, ...]) -> Requested:
    egg, _, _ = (_fragment(url, "egg") or "").partition("==")  # before pip 25 it could name a version, too
    name, extras = _split_extras(egg) if egg else (None, ())
    if name is not None and _IDENTIFIER.fullmatch(name) is None:
        raise InvalidRequirementError(f"{redact(url)}: {name!r} is not a distribution name")
    if url.startswith("file:"):
        from urllib.parse import unquote

        bare, listed = _split_extras(url.partition("#")[0])
        path = posixpath.normpath("/" + unquote(bare[len("file:") :]).lstrip("/"))
        if is_archive(path):
            return _from_archive(path, url, extras, origin, chain)
        if is_folder(files, path):
            return Requested(
                text=url, name=name and normalise(name), origin=origin, extras=extras or listed, path=path, chain=chain
            )
        raise _nothing_at(path, files)
    artefacts = _artefact(url)
    known = archive_version(artefacts[0]) if artefacts else None
    if known and (name is None or (artefacts and artefacts[0].endswith(".whl"))):
        name = known[0]
    return Requested(
        text=url,
        name=normalise(name) if name else None,
        origin=origin,
        extras=extras,
        specifier=f"=={known[1]}" if known else "",
        url=url,
        chain=chain,
        artefacts=artefacts,
    )
