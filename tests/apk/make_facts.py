"""Makes facts/*.json: what the real apk answers on the index snapshots of rules/alpine. Needs root, for chroot.

    python tests/apk/make_facts.py alpine-minirootfs-3.19.4-x86_64.tar.gz 3.19 --arch x86_64 --count 60 > facts.json

The root file system is Alpine's own (branch v3.19 of alpinelinux/docker-alpine); only its ``apk`` is run, with
``--simulate --no-network``, against an empty root whose repositories are the snapshots. Package sets are drawn at random
from the index and from names that Dockerfiles use. The committed facts were made on 2026-11-23 with apk-tools 2.10.8 (3.12),
2.12.7 (3.14, 3.15), 2.12.9 (3.16), 2.12.14 (3.17) and 2.14.4 (3.18 and later).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from dockerlint_alpine.apk.apkindex import Record, read_index, split_streams  # noqa: E402

USUAL = """
gcc g++ musl-dev build-base linux-headers make cmake cargo rust python3 python3-dev py3-pip libffi-dev openssl-dev
postgresql-dev libpq-dev libpq mariadb-dev mariadb-connector-c-dev mysql-dev jpeg-dev zlib-dev libxml2-dev libxslt-dev
unixodbc-dev freetype-dev openldap-dev gdal-dev geos-dev hdf5-dev openblas-dev lz4-dev lz4-libs snappy-dev curl bash git
tini docs openrc mandoc busybox alpine-base so:libpq.so.5 so:libz.so.1 so:libstdc++.so.6 cmd:pg_config /bin/sh pc:libpq
""".split()
LINE = re.compile(r"^\(\d+/\d+\) (\w+) (\S+) \((.*)\)$", re.MULTILINE)


def records(snapshots: Path, release: str, arch: str, repositories: list[str]) -> list[Record]:
    found: list[Record] = []
    for repository in repositories:
        data = (snapshots / f"v{release}-{repository}-{arch}.APKINDEX.tar.gz").read_bytes()
        found.extend(read_index(split_streams(data)).records)
    return found


def draw(rng: random.Random, known: list[Record]) -> list[str]:
    """One set: mostly names and what packages provide, now and then a pin, a conflict or a name that does not exist."""
    words = []
    for _ in range(rng.choice([1, 1, 2, 3, 4, 6, 8, 12, 20, 40])):
        record, kind = rng.choice(known), rng.random()
        provides = record.provides.split()
        if kind < 0.5:
            words.append(record.name)
        elif kind < 0.7:
            words.append(rng.choice(USUAL))
        elif kind < 0.87:
            words.append(rng.choice(provides).partition("=")[0] if provides else record.name)
        elif kind < 0.94:
            words.append(record.name + rng.choice(["=", ">=", "<=", "~", "=~", ">", "<"]) + record.version)
        elif kind < 0.97:
            words.append(f"!{record.name}")
        else:
            words.append(f"nosuch-{record.name}")
    return list(dict.fromkeys(words))


def lay_out(root: Path, archive: Path, snapshots: Path, release: str, arch: str, repositories: list[str]) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(root, filter="fully_trusted")
    for repository in repositories:
        folder = root / "repo" / repository / arch
        folder.mkdir(parents=True)
        shutil.copy(snapshots / f"v{release}-{repository}-{arch}.APKINDEX.tar.gz", folder / "APKINDEX.tar.gz")
    empty = root / "empty"
    for folder in ("etc/apk", "lib/apk/db", "var/cache/apk", "proc"):
        (empty / folder).mkdir(parents=True)
    shutil.copytree(snapshots / "keys", empty / "etc/apk/keys")
    for name in ("etc/apk/world", "lib/apk/db/installed", "lib/apk/db/triggers"):
        (empty / name).touch()
    (empty / "etc/apk/arch").write_text(f"{arch}\n")
    (empty / "etc/apk/repositories").write_text("".join(f"/repo/{name}\n" for name in repositories))


def ask(root: Path, words: list[str]) -> dict[str, object]:
    command = [
        "chroot",
        str(root),
        "/sbin/apk",
        "--root",
        "/empty",
        "--no-network",
        "--no-progress",
        "--simulate",
        "add",
    ]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        return {"add": words, "fails": True}
    lines = sorted(f"{name} {version}" for _, name, version in LINE.findall(done.stdout))
    if len(lines) <= 30:
        return {"add": words, "answer": lines}
    return {"add": words, "count": len(lines), "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rootfs", type=Path)
    parser.add_argument("release")
    parser.add_argument("--arch", default="x86_64")
    parser.add_argument("--repositories", default="main,community")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", default="1")
    given = parser.parse_args()
    snapshots, repositories = CHECKOUT / "rules" / "alpine", given.repositories.split(",")
    known = records(snapshots, given.release, given.arch, repositories)
    rng = random.Random(f"{given.seed}-{given.release}-{given.arch}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lay_out(root, given.rootfs, snapshots, given.release, given.arch, repositories)
        version = subprocess.run(
            ["chroot", folder, "/sbin/apk", "--version"], capture_output=True, text=True, check=True
        )
        sets = [ask(root, draw(rng, known)) for _ in range(given.count)]
    tools = version.stdout.split()[1].rstrip(",")
    facts = {
        "release": given.release,
        "arch": given.arch,
        "repositories": repositories,
        "apk_tools": tools,
        "sets": sets,
    }
    json.dump(facts, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
