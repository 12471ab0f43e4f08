"""Which Python uv uses: the requested version, from the stage or from uv's standalone builds.

uv prefers what it installed itself, then what PATH has, and downloads what neither has (uv: "Python versions"). On musl the
standalone builds are linked with the C library dynamically since March 2025 (astral-sh/python-build-standalone#541), so that
wheels for musllinux fit and extensions load; before, they could load none. They carry the headers and their own copies of
OpenSSL, libffi and the like, and nothing of Tk that a stage would have to add. There are builds for x86_64 and, since August
2025, aarch64 (#569), for no other machine with musl (#229).
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from dockerlint_alpine.installers.base import PythonHome, is_set, user_folder
from dockerlint_alpine.python.versions import InvalidSpecifierError, specifiers
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Container

    from dockerlint_alpine.installers.base import Surroundings

INSTALLED, PINNED, UV_VERSION = "uv.python.installed", "uv.python.pinned", "uv.version"
"""What ``uv python install`` and ``uv python pin`` leave behind, and what tells uv's version, as settings of the stage."""
UV_IMAGE = lazy_pattern(r"(?:.*/)?astral-sh/uv:(\d+(?:\.\d+)*)(?:[-@].*)?")
"""uv's own images, with its version."""
_MUSL_BUILDS = frozenset({"linux/amd64", "linux/arm64", "linux/arm64/v8"})
_VERSION = lazy_pattern(r"(?:c?python)?[@-]?(\d+\.\d+)(?:\.\d+)?(?:-.*)?")
"""``3.12``, ``3.12.4``, ``python3.12``, ``cpython@3.12``, ``cpython-3.12.4-linux-x86_64-musl``."""
_ANY = lazy_pattern(r"(?:c?python)?[@-]?3?")
"""``3``, ``python3``, ``cpython``."""
_MINORS = tuple(f"3.{minor}" for minor in range(8, 16))
_LISTED = (("0.9", "3.14"), ("0.4.20", "3.13"), ("0.1.40", "3.12"))
"""The first uv that takes a Python where any will do, newest first (uv's changelog)."""


def version_of(request: str, newest: str | None = None) -> str | None:
    """Return the minor version (``X.Y``) that a request for a Python comes to: of those that it leaves the newest, up to
    ``newest``, the newest that there is; ``None`` where it leaves more than one and that is not told."""
    found = _VERSION.fullmatch(request.strip())
    if found is not None:
        return found[1]
    fitting = [minor for minor in _MINORS if _admits(request, minor)]
    if newest in _MINORS:
        there = _MINORS[: _MINORS.index(newest) + 1]
        return next((minor for minor in reversed(there) if minor in fitting), None)
    return fitting[0] if len(fitting) == 1 else None


def python_for(
    place: Surroundings, request: str | None, options: Container[str] = (), *, of_project: bool
) -> PythonHome | None:
    """Return the interpreter that uv takes in ``place``; ``None`` where that can't be told.

    ``request`` is ``--python``; ``of_project``: without one, ``.python-version`` and ``requires-python`` count, too.
    """
    asked = request or place.variables.get("UV_PYTHON") or None
    if asked is None and of_project:
        asked = place.settings.get(PINNED) or _pinned_by_file(place) or _required(place)
    if asked is not None and "/" in asked:
        return place.environment(asked) or place.interpreter(asked)
    preference = place.variables.get("UV_PYTHON_PREFERENCE", "")
    managed = "--managed-python" in options or is_set(place.variables, "UV_MANAGED_PYTHON")
    managed = managed or preference == "only-managed"
    system = "--no-managed-python" in options or is_set(place.variables, "UV_NO_MANAGED_PYTHON")
    system = system or preference == "only-system"
    installed = place.settings.get(INSTALLED)
    if installed is not None and not system and (asked is None or _admits(asked, installed)):
        return _standalone(place, installed)
    there = place.interpreter("python3", activated=False)
    if there is not None and not managed and (asked is None or (there.version and _admits(asked, there.version))):
        return there
    downloads = place.variables.get("UV_PYTHON_DOWNLOADS", "")
    if system or "--no-python-downloads" in options or downloads in {"never", "manual"}:
        return None
    version = version_of(asked or "3", _newest(place))
    return _standalone(place, version) if version is not None else None


def _newest(place: Surroundings) -> str | None:
    """The newest Python that the stage's uv downloads: what is not asked for in one version is that. Every uv has its own
    list; one whose version is not told is taken to be as new as the day."""
    newest, uv = place.newest_python, place.settings.get(UV_VERSION)
    if newest in _MINORS and uv is not None:
        listed = next((python for since, python in _LISTED if specifiers(f">={since}").contains(uv)), None)
        return min(newest, listed, key=_MINORS.index) if listed is not None else None
    return newest


def _standalone(place: Surroundings, version: str) -> PythonHome | None:
    """Uv's own build of a version, where there is one for the machine."""
    if place.on_musl and place.platform not in _MUSL_BUILDS:
        return None
    folder = place.variables.get("UV_PYTHON_INSTALL_DIR")
    folder = folder or posixpath.join(user_folder(place.variables), ".local/share/uv/python")
    home = PythonHome(posixpath.join(folder, f"cpython-{version}"), version)
    place.remember(home)
    return home


def _admits(request: str, minor: str) -> bool:
    """Whether a request may be met by some release of a minor version."""
    if _ANY.fullmatch(request.strip()):
        return minor.startswith("3.")
    found = _VERSION.fullmatch(request.strip())
    if found is not None:
        return found[1] == minor
    try:
        wanted = specifiers(request.strip())
    except InvalidSpecifierError:
        return False
    return any(wanted.contains(f"{minor}.{patch}") for patch in range(30))


def _pinned_by_file(place: Surroundings) -> str | None:
    """The first line of the nearest ``.python-version``."""
    folder = place.folder
    while True:
        try:
            text = place.files.read(posixpath.join(folder, ".python-version")).decode("utf-8", "replace")
        except (OSError, ValueError):
            text = ""
        lines = (line.strip() for line in text.splitlines())
        found = next((line for line in lines if line and not line.startswith("#")), None)
        if found is not None or folder in {"/", ""}:
            return found
        folder = posixpath.dirname(folder)


def _required(place: Surroundings) -> str | None:
    """``requires-python`` of the project."""
    from dockerlint_alpine.system.toml import TomlError, load_toml

    try:
        document = load_toml(place.files.read(posixpath.join(place.folder, "pyproject.toml")))
    except (OSError, ValueError, TomlError):
        return None
    project = document.get("project")
    found = project.get("requires-python") if isinstance(project, dict) else None
    return found if isinstance(found, str) else None
