"""Tells from its build files alone whether a project compiles something: a cheap look before the careful one."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockerlint_alpine.python.model import FileReader

_NATIVE = {
    "setup.py": re.compile(rb"ext_modules|\bExtension\(|cythonize|cffi_modules|rust_extensions|CMakeExtension"),
    "pyproject.toml": re.compile(
        rb"(?:requires|build-backend)\s*=[^\]]*?(?:maturin|scikit.build|mesonpy|meson-python|setuptools.rust|cython|cffi)"
        rb"|ext-modules|tool\.poetry\.build|^\[external\]",
        re.IGNORECASE | re.MULTILINE,
    ),
    "setup.cfg": re.compile(rb"ext_modules"),
}
"""What build files of a project say when something native is compiled."""


def is_native(files: FileReader, folder: str) -> bool:
    """True for a project folder whose build files speak of something to compile."""
    for name, pattern in _NATIVE.items():
        try:
            if pattern.search(files.read(posixpath.join(folder, name))):
                return True
        except OSError:
            continue
    return False
