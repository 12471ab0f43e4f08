from __future__ import annotations

import pytest

from dockerlint_alpine.python.sources.native import is_native, speaks_of_extensions
from tests.python.conftest import MemoryFiles


@pytest.mark.parametrize(
    ("name", "text", "native"),
    [
        ("setup.py", "setup(ext_modules=[Extension('x', ['x.c'])])", True),
        ("setup.py", "setup(ext_modules=cythonize('x.pyx'))", True),
        ("setup.py", "setup(cffi_modules=['build.py:ffi'])", True),
        ("setup.py", "setup(rust_extensions=[RustExtension('x')])", True),
        ("setup.py", "setup(cmdclass={'build_ext': Build})", True),
        ("setup.py", "setup(name='x', packages=['x'])", False),
        ("setup.cfg", "[options]\next_modules = x", True),
        ("pyproject.toml", '[build-system]\nrequires = ["setuptools", "Cython>=3"]', True),
        ("pyproject.toml", '[build-system]\nbuild-backend = "maturin"', True),
        ("pyproject.toml", '[build-system]\nrequires = [\n  "scikit-build-core",\n  "pybind11",\n]', True),
        ("pyproject.toml", '[[tool.setuptools.ext-modules]]\nname = "x"', True),
        ("pyproject.toml", '[project]\ndependencies = ["cython", "cffi"]', False),
        ("pyproject.toml", '[build-system]\nrequires = ["hatchling"]', False),
    ],
)
def test_what_build_files_say(name: str, text: str, *, native: bool) -> None:
    assert speaks_of_extensions(name, text.encode()) is native
    assert is_native(MemoryFiles({f"/app/{name}": text}), "/app") is native


def test_one_file_is_enough_and_without_any_nobody_knows() -> None:
    files = MemoryFiles({"/app/pyproject.toml": "[project]", "/app/setup.py": "setup(ext_modules=x)"})
    assert is_native(files, "/app") is True
    assert is_native(files, "/elsewhere") is None
