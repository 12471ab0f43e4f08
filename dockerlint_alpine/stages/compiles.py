"""Tells what is built from source and needs nothing for it, because it is pure Python."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.python import Facts
    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.stages.model import Installed

_NATIVE = {
    "setup.py": re.compile(rb"ext_modules|\bExtension\(|cythonize|cffi_modules|rust_extensions|CMakeExtension"),
    "pyproject.toml": re.compile(
        rb"(?:requires|build-backend)\s*=[^\]]*?(?:maturin|scikit.build|mesonpy|meson-python|setuptools.rust|cython|cffi)",
        re.IGNORECASE,
    ),
    "setup.cfg": re.compile(rb"ext_modules"),
}
"""What build files of a project say when something native is compiled."""


def needs_no_rule(
    item: Installed, knowledge: Knowledge, facts: Facts, files: StageFiles, projects: Mapping[str, str]
) -> bool:
    """True for a distribution that is known to be pure Python: by a rule without a build, by a wheel of any of its
    versions that fits everywhere, or, for a folder of the context, because nothing in it is about a compiler."""
    name = item.resolved.name
    distribution = knowledge.distribution(name)
    if distribution is not None:
        return not distribution.builds
    if name in projects:
        return not _is_native(files, projects[name])
    return any(tag.endswith("-none-any") for release in facts.releases(name) for tag in release.wheels)


def _is_native(files: StageFiles, folder: str) -> bool:
    for name, pattern in _NATIVE.items():
        try:
            if pattern.search(files.read(posixpath.join(folder, name))):
                return True
        except OSError:
            continue
    return False
