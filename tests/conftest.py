"""What all tests share: a project folder to write into, and the doctor that judges it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.run.analysis import Doctor, FixResult, configure, fix_bytes

CHECKOUT = Path(__file__).resolve().parent.parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a shell's background job; the programs under test inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

if (
    sys.dont_write_bytecode
):  # hundreds of processes would each compile the program anew: kept, but not beside the sources
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(CHECKOUT / ".pytest_cache" / "bytecode")

# What takes long on a slow machine is no fault, and where fixtures give a folder, each example writes it anew.
_LATITUDE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile("few", deadline=None, max_examples=20, suppress_health_check=_LATITUDE)
settings.register_profile("many", settings.get_profile("few"), max_examples=300)
settings.load_profile("few")


def pytest_xdist_auto_num_workers() -> int:
    """One more for ``-n auto`` than there are processors: many tests wait for programs that they start."""
    return (os.cpu_count() or 1) + 1


def pytest_itemcollected(item: pytest.Item) -> None:
    """``-m property --hypothesis-profile many`` looks for rarer examples; CI does."""
    if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        item.add_marker("property")


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the user's cache, or asks an index on its own: in CI nothing does."""
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("ALPINE_DOCTOR_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def netra() -> Path:
    """The fixture project of the README."""
    return CHECKOUT / "fixtures" / "netra-backend"


@pytest.fixture
def backend(netra: Path, tmp_path: Path) -> Path:
    """A copy of it that may be changed."""
    return Path(shutil.copytree(netra, tmp_path / "netra"))


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    """The rules that are packed with the program."""
    return Knowledge.open()


@pytest.fixture(scope="session")
def store() -> IndexStore:
    """The indexes that are packed with it, opened once."""
    return IndexStore()


@pytest.fixture
def project(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Write files into a fresh folder and return it."""

    def write(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode("utf-8", "surrogateescape"))
        return tmp_path

    return write


Judge = Callable[..., FileReport]


@pytest.fixture
def judge(project: Callable[[Mapping[str, str]], Path]) -> Judge:
    """Judge a Dockerfile given as text, with other files of its context and analysis options."""

    def run(dockerfile: str, files: Mapping[str, str] | None = None, **options: object) -> FileReport:
        root = project({"Dockerfile": dockerfile, **(files or {})})
        return Doctor(configure(context=root, **options)).check_file(root / "Dockerfile")

    return run


Mend = Callable[..., FixResult]


@pytest.fixture
def mend(project: Callable[[Mapping[str, str]], Path]) -> Mend:
    """Fix a Dockerfile given as text."""

    def run(dockerfile: str, files: Mapping[str, str] | None = None, **options: object) -> FixResult:
        root = project({"Dockerfile": dockerfile, **(files or {})})
        doctor = Doctor(configure(context=root, **options))
        return fix_bytes(doctor, dockerfile.encode("utf-8", "surrogateescape"), root / "Dockerfile")

    return run


def said(report: FileReport, *, of: str | None = None) -> set[tuple[str, tuple[str, ...], int | None]]:
    """(code, packages, stage) of every finding, or of those about one distribution."""
    return {
        (f.code, f.packages, f.stage.index if f.stage else None)
        for f in report.findings
        if of is None or (f.distribution is not None and f.distribution.name == of)
    }
