"""Writes synthetic repositories: the shapes of the fixtures and tests, mixed anew for each.

    python benchmarks/generate_repositories.py FOLDER [--count 2000] [--seed 7] [--bare 0.0]

Each is a folder of its own: a service with one or several Dockerfiles (one or two stages, virtual packages, pins, names
that are gone, apk del), a requirements file, a pyproject or a lock, sources beside it, sometimes a compose file; one in
eight has no Dockerfile. ``--bare`` is the share that are bare git repositories (needs git). The same seed writes the same
bytes.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from check_against_hadolint import BASES, DISTRIBUTIONS, PACKAGES, RUNTIME, generated

OTHER_BASES = ["alpine:3.18", "alpine:3.20", "python:3.12-slim", "node:20-alpine", "golang:1.22-alpine", "debian:12"]
LOCKED = {
    "lz4": "4.4.5",
    "redis": "5.0.8",
    "requests": "2.32.3",
    "psycopg2": "2.9.11",
    "lxml": "5.3.0",
    "httpx": "0.27.2",
}


def from_requirements(chance: random.Random) -> str:
    """Two stages and a requirements file, as the fixture of the README has them."""
    base, build = chance.choice(BASES), chance.sample(PACKAGES, chance.randint(2, 6))
    run = " \\\n    ".join(chance.sample(RUNTIME, chance.randint(1, 4)))
    return (
        f"ARG BASE={base}\nFROM ${{BASE}} AS builder\nRUN apk add --no-cache \\\n    " + " \\\n    ".join(build) + "\n"
        "WORKDIR /build\nCOPY requirements.txt .\nRUN pip install --prefix=/install -r requirements.txt\n\n"
        f"FROM ${{BASE}}\nRUN apk add --no-cache \\\n    {run}\nCOPY --from=builder /install /usr/local\n"
        'COPY app app\nUSER nobody\nHEALTHCHECK CMD curl -f http://localhost:8000/ || exit 1\nCMD ["python", "-m", "app"]\n'
    )


def from_alpine(chance: random.Random) -> str:
    """Alpine's own Python, pins and names that may be gone."""
    names = chance.sample(["py3-pip", "py3-numpy", "python3-dev", "py3-lxml", "nginx", "supervisor", "mysql-client"], 3)
    pin = chance.choice(["curl=8.5.0-r0", "git", "openssl=3.1.4-r5", "bash", "jpeg-dev"])
    return (
        f"FROM {chance.choice(OTHER_BASES[:2])}\nRUN apk add --no-cache python3 {' '.join(names)} {pin}\nCOPY . /srv\n"
    )


def other(chance: random.Random) -> str:
    """No Python, or no Alpine."""
    return f'FROM {chance.choice(OTHER_BASES[2:])}\nWORKDIR /src\nCOPY . .\nRUN make\nCMD ["./serve"]\n'


def files(chance: random.Random) -> Mapping[str, str]:
    """One repository, path by path."""
    found = {"README.md": "# service\n", "app/__init__.py": "", "app/__main__.py": "import app\nprint(app)\n"}
    found |= {
        f"app/module{number}.py": "VALUE = 1\n" * chance.randint(1, 80) for number in range(chance.randint(2, 30))
    }
    if chance.random() < 0.125:
        return found
    wanted = chance.sample(DISTRIBUTIONS, chance.randint(2, 9))
    found["requirements.txt"] = "\n".join(wanted) + "\n"
    if chance.random() < 0.3:
        quoted = ", ".join(f'"{one}"' for one in wanted)
        found["pyproject.toml"] = f'[project]\nname = "service"\nversion = "1"\ndependencies = [{quoted}]\n'
    if chance.random() < 0.2:
        names = chance.sample(sorted(LOCKED), 3)
        found["uv.lock"] = 'version = 1\nrequires-python = ">=3.11"\n' + "".join(
            f'\n[[package]]\nname = "{name}"\nversion = "{LOCKED[name]}"\nsource = {{ registry = "https://example.org/" }}\n'
            for name in names
        )
    for number in range(chance.choice([1, 1, 1, 2, 4])):
        shape = chance.choices([generated, from_requirements, from_alpine, other], [4, 4, 1, 2])[0]
        found["Dockerfile" if not number else f"docker/service{number}.Dockerfile"] = shape(chance)
    if chance.random() < 0.25:
        found["docker-compose.yml"] = "services:\n  web:\n    build:\n      context: .\n    command: python -m app\n"
    return found


def write(folder: Path, number: int, seed: int, *, bare: bool) -> None:
    """Write repository ``number`` to ``folder``."""
    chance = random.Random(seed * 1_000_003 + number)
    place = folder / f"repository{number:06}"
    for name, text in files(chance).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    (place / ".git").mkdir(exist_ok=True)
    if bare:
        _as_bare(place)


def _as_bare(place: Path) -> None:
    (place / ".git").rmdir()
    git = [
        "git",
        "-C",
        str(place),
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.org",
        "-c",
        "init.defaultBranch=main",
    ]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], check=True)
    (place / ".git").rename(place.with_suffix(".git"))
    shutil.rmtree(place)


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--bare", type=float, default=0.0)
    options = parser.parse_args()
    for number in range(options.count):
        write(options.folder, number, options.seed, bare=number < options.bare * options.count)


if __name__ == "__main__":
    main()
