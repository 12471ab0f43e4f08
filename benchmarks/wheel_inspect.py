"""How fast wheels are read, beside ``auditwheel show`` and its library, on the same musllinux wheels.

``python benchmarks/wheel_inspect.py [--rounds 5] [FOLDER OF WHEELS]``: without a folder, the wheels are downloaded through
pip to a temporary one. Prints one line a wheel: milliseconds (the best of all rounds) in one process and as a whole one.
"""

from __future__ import annotations

import argparse
import compileall
import logging
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import dockerlint_alpine

if TYPE_CHECKING:
    from collections.abc import Callable

WHEELS = ("pyyaml", "zstandard", "psycopg2-binary", "pillow", "numpy")
INSPECT = "from dockerlint_alpine.cli.inspect import inspect_command; inspect_command()"
SHOW = "from auditwheel.main import main; raise SystemExit(main())"


def download(folder: Path) -> None:
    """Fetch one musllinux wheel for CPython 3.11 of each distribution that has one."""
    for name in WHEELS:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", str(folder)]
        command += [
            "--python-version",
            "3.11",
            "--platform",
            "musllinux_1_2_x86_64",
            "--platform",
            "musllinux_1_1_x86_64",
        ]
        subprocess.run([*command, name], check=False, capture_output=True)


def best(rounds: int, job: Callable[[], object]) -> float:
    """The best time of a job in milliseconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def ours(wheel: Path, *, sources: bool) -> set[str]:
    """The external libraries as we read them."""
    from dockerlint_alpine.elf.inspection import inspect
    from dockerlint_alpine.elf.wheels import open_wheel

    return set(inspect(open_wheel(wheel, sources=sources)).externals)


def theirs(wheel: Path) -> set[str]:
    """The external libraries as auditwheel's library reads them."""
    from auditwheel.wheel_abi import get_wheel_elfdata

    get_wheel_elfdata.cache_clear()
    trees = get_wheel_elfdata(None, None, wheel, frozenset(), None).full_elftree.values()
    names = {name for tree in trees for name in tree.needed}
    names |= {name for tree in trees for library in tree.libraries.values() for name in library.needed}
    inside = {Path(name).name for name in _names(wheel)}
    return {name for name in names - inside if not name.startswith(("libc.musl", "ld-musl"))}


def _names(wheel: Path) -> list[str]:
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def process(code: str, *arguments: str) -> Callable[[], object]:
    """A job that runs code in a fresh Python."""
    return lambda: subprocess.run([sys.executable, "-c", code, *arguments], check=False, capture_output=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    # pip compiles what it installs; a checkout must not be compared uncompiled (PYTHONDONTWRITEBYTECODE).
    compileall.compile_dir(str(Path(dockerlint_alpine.__file__).parent), quiet=1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if options.folder is None:
            download(folder)
        head = f"{'wheel':34} {'ours':>7} {'+dlopen':>8} {'auditwheel':>10} {'ratio':>6}"
        print(f"{head} | process {'ours':>6} {'auditw.':>7} {'ratio':>6}  same libraries")
        for wheel in sorted(folder.glob("*.whl")):
            print(measure(wheel, options.rounds))


def measure(wheel: Path, rounds: int) -> str:
    """One line for one wheel."""
    mine = best(rounds, lambda: ours(wheel, sources=False))
    scanned = best(rounds, lambda: ours(wheel, sources=True))
    other = best(rounds, lambda: theirs(wheel))
    my_process = best(rounds, process(INSPECT, "--no-dlopen", str(wheel)))
    other_process = best(rounds, process(SHOW, "show", str(wheel)))
    same = "yes" if ours(wheel, sources=False) == theirs(wheel) else "NO"
    name = "-".join(wheel.name.split("-")[:2])
    return (
        f"{name:34} {mine:7.1f} {scanned:8.1f} {other:10.1f} {other / mine:6.1f} |"
        f"         {my_process:6.0f} {other_process:7.0f} {other_process / my_process:6.1f}  {same}"
    )


if __name__ == "__main__":
    main()
