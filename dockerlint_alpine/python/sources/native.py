"""Determines from the build files alone whether a project compiles something: a cheap test before the thorough one."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.python.model import FileReader

_MARKS = {
    "setup.py": lazy_pattern(rb"ext_modules|Extension\(|cythonize|cffi_modules|rust_extensions|build_ext"),
    "pyproject.toml": lazy_pattern(
        rb"(?:requires|build-backend)\s*=[^\]]*?"
        rb"(?:maturin|scikit.build|mesonpy|meson-python|setuptools.rust|cython|cffi|pybind11|nanobind)"
        rb"|ext-modules|tool\.poetry\.build|^\[external\]",
        re.IGNORECASE | re.MULTILINE,
    ),
    "setup.cfg": lazy_pattern(rb"ext_modules"),
}
"""What build files of a project say when something native is compiled."""


def speaks_of_extensions(name: str, data: bytes) -> bool:
    """Tell whether the build file ``name`` (``setup.py``) speaks of something to compile."""
    return _MARKS[name].search(data) is not None


def is_native(files: FileReader, folder: str) -> bool | None:
    """Tell whether the build files in ``folder`` speak of something to compile; ``None`` where none can be read."""
    told: bool | None = None
    for name in _MARKS:
        try:
            data = files.read(posixpath.join(folder, name))
        except OSError:
            continue
        if speaks_of_extensions(name, data):
            return True
        told = False
    return told
