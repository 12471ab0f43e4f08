"""Makes facts/*.json: what the real apk answers on the index snapshots of rules/alpine.

    python tests/apk/make_facts.py 3.19 rootfs/ --arch x86_64 --count 60 > facts.json

The second argument is an unpacked root file system of Alpine (branch v3.19 of alpinelinux/docker-alpine, or any image's),
whose ``apk`` is started through its own loader, or an ``apk`` program that runs here as it is. It only simulates, without a
network, in a root made for the question whose repositories are the snapshots. Package sets are drawn at random from the
index and from names that Dockerfiles use; what a question takes as installed is what the same apk answered before.

The committed facts were made on 2026-11-23 with apk-tools 2.10.8 (3.12), 2.12.7 (3.14, 3.15), 2.12.9 (3.16), 2.12.14 (3.17)
and 2.14.4 (3.18 and later); those whose file name ends in the version of apk-tools on 2026-11-27, with 2.14.6 of a 3.21
image, 3.0.3-r1 of a 3.23 image, and 2.14.9 and 3.0.6 compiled from their tags.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]

USUAL = """
gcc g++ musl-dev build-base linux-headers make cmake cargo rust python3 python3-dev py3-pip libffi-dev openssl-dev
postgresql-dev libpq-dev libpq mariadb-dev mariadb-connector-c-dev mysql-dev jpeg-dev zlib-dev libxml2-dev libxslt-dev
unixodbc-dev freetype-dev openldap-dev gdal-dev geos-dev hdf5-dev openblas-dev lz4-dev lz4-libs snappy-dev curl bash git
tini docs openrc mandoc busybox alpine-base so:libpq.so.5 so:libz.so.1 so:libstdc++.so.6 cmd:pg_config /bin/sh pc:libpq
""".split()
BASE = ["alpine-baselayout", "alpine-keys", "apk-tools", "busybox", "libc-utils"]
BUILD = ".build-deps"
LINE = re.compile(r"^\(\s*\d+/\d+\) (\w+) (\S+) \((.*)\)$", re.MULTILINE)
BLOCK = re.compile(r"^  (\S.*):\n((?:    .*\n?)+)", re.MULTILINE)
LABEL = re.compile(r"^    (\S[^:]*): (.*)")


@dataclass(frozen=True)
class Record:
    """A package of the snapshots; ``text`` is its record as the index, and apk's database of what is installed, hold it."""

    name: str
    version: str
    text: str
    provides: list[str] = field(default_factory=list)


def records(snapshots: Path, release: str, arch: str, repositories: list[str]) -> list[Record]:
    found: list[Record] = []
    for repository in repositories:
        data = (snapshots / f"v{release}-{repository}-{arch}.APKINDEX.tar.gz").read_bytes()
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            member = tar.extractfile("APKINDEX")
            assert member is not None
            text = member.read().decode()
        for record in text.strip().split("\n\n"):
            lines = {line[0]: line[2:] for line in record.splitlines()}
            found.append(Record(lines["P"], lines["V"], record, lines.get("p", "").split()))
    return found


def draw(rng: random.Random, known: list[Record], count: int) -> list[str]:
    """One set: mostly names and what packages provide, now and then a pin, a conflict or a name that does not exist."""
    words = []
    for _ in range(count):
        record, kind = rng.choice(known), rng.random()
        provides = record.provides
        if kind < 0.5:
            words.append(record.name)
        elif kind < 0.7:
            words.append(rng.choice(USUAL))
        elif kind < 0.83:
            words.append(rng.choice(provides).partition("=")[0] if provides else record.name)
        elif kind < 0.86:
            words.append(rng.choice(USUAL) + rng.choice([">1", ">=0", "~1", "<9", "=2"]))
        elif kind < 0.94:
            words.append(
                record.name + rng.choice(["=", ">=", "<=", "~", "=~", "~=", ">", "<"]) + pin(rng, record.version)
            )
        elif kind < 0.96:
            words.append(f"!{record.name}")
        elif kind < 0.97:
            words.append(f"{record.name}@edge")
        elif kind < 0.98:
            words.append(f"nosuch-{record.name}")
        else:
            words.append(rng.choice([one for one in known if "\ni:" in one.text]).name)
    return list(dict.fromkeys(words))


def pin(rng: random.Random, version: str) -> str:
    """A version as people pin it: all of it, without the revision, or its first two parts."""
    plain = version.partition("-r")[0]
    return rng.choice([version, version, plain, ".".join(plain.split(".")[:2])])


class Apk:
    """A program and the root in which it answers."""

    def __init__(self, program: Path, root: Path, arch: str) -> None:
        self.command = [str(program.resolve())]
        if program.is_dir():
            libraries = ":".join(str(program / folder) for folder in ("lib", "usr/lib"))
            loader = next(program.glob("lib/ld-musl-*.so.1"))
            self.command = [str(loader), "--library-path", libraries, str(program / "sbin/apk")]
        self.root = root
        for folder in ("etc/apk", "lib/apk/db", "var/cache/apk", "proc"):
            (root / folder).mkdir(parents=True)
        (root / "lib/apk/db/triggers").touch()
        (root / "etc/apk/arch").write_text(f"{arch}\n")
        self.set_up({}, [])

    def version(self) -> str:
        done = subprocess.run([*self.command, "--version"], capture_output=True, text=True, check=True)
        return done.stdout.split()[1].rstrip(",")

    def set_up(self, installed: dict[str, str], world: list[str]) -> None:
        """Make the root one where ``installed`` (records by name) is there and ``world`` was asked for."""
        (self.root / "lib/apk/db/installed").write_text("".join(f"{text}\n\n" for text in installed.values()))
        (self.root / "etc/apk/world").write_text("".join(f"{word}\n" for word in world))

    def ask(self, *words: str) -> tuple[list[str] | None, dict[str, dict[str, list[str]]]]:
        """The changes that ``apk WORDS`` would make, ``None`` with the blocks of its error where it fails."""
        options = ["--root", str(self.root), "--no-network", "--no-progress", "--simulate"]
        done = subprocess.run([*self.command, *options, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            return None, problems(done.stdout + done.stderr)
        lines = []
        for action, name, version in LINE.findall(done.stdout):
            if name != BUILD:
                lines.append(f"-{name} {version}" if action == "Purging" else f"{name} {version}")
        return sorted(lines), {}


def problems(text: str) -> dict[str, dict[str, list[str]]]:
    """The blocks below ``unable to select packages``: subject, then words by label."""
    found: dict[str, dict[str, list[str]]] = {}
    for subject, body in BLOCK.findall(text):
        labels: dict[str, list[str]] = {}
        current: list[str] = []
        for line in body.splitlines():
            match = LABEL.match(line)
            if match:
                current = labels.setdefault(match[1], [])
            current.extend((match[2] if match else line).split())
        found[subject] = {label: sorted(words) for label, words in labels.items()}
    return found


def answered(fact: dict[str, Any], answer: list[str] | None, blocks: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
    if answer is None:
        return {**fact, "fails": True, **({"problems": blocks} if blocks else {})}
    if len(answer) <= 30:
        return {**fact, "answer": answer}
    return {**fact, "count": len(answer), "sha256": hashlib.sha256("\n".join(answer).encode()).hexdigest()}


def virtual_record(depends: list[str]) -> str:
    digest = base64.b64encode(hashlib.sha1(BUILD.encode()).digest()).decode()
    return f"C:Q1{digest}\nP:{BUILD}\nV:0\nA:noarch\nS:0\nI:0\nT:virtual meta package\nD:{' '.join(depends)}"


def question(rng: random.Random, apk: Apk, known: list[Record]) -> dict[str, Any]:
    """One fact: an addition to an empty root or to one where something is, or a removal."""
    by_spec = {f"{record.name} {record.version}": record.text for record in known}
    kind = rng.random()
    fact: dict[str, Any] = {}
    installed: dict[str, str] = {}
    if kind >= 0.6:
        world = [*BASE] if rng.random() < 0.5 else []
        world += [word for word in draw(rng, known, rng.choice([1, 2, 4, 8])) if word not in world]
        apk.set_up({}, [])
        there, _ = apk.ask("add", *world)
        if there is None:
            return question(rng, apk, known)
        fact["world"] = world
        installed = {line.partition(" ")[0]: by_spec[line] for line in there}
    apk.set_up(installed, fact.get("world", []))
    if kind < 0.8 or (kind >= 0.9 and not fact):
        fact["add"] = draw(rng, known, rng.choice([1, 1, 2, 3, 4, 6, 8, 12, 20, 40]))
        return answered(fact, *apk.ask("add", *fact["add"]))
    if kind < 0.9:
        fact["del"] = rng.sample(fact["world"], rng.randint(1, max(1, len(fact["world"]) // 2)))
        fact["del"] = [re.split("[@<>=~]", word.lstrip("!"))[0] for word in fact["del"]]
        return answered(fact, *apk.ask("del", *fact["del"]))
    built = [word for word in draw(rng, known, rng.choice([1, 2, 4])) if "@" not in word]
    virtual = ["add", "--virtual", BUILD, *built]
    answer, blocks = apk.ask(*virtual)
    if answer is None or kind < 0.95:
        return answered({**fact, "virtual": built}, answer, blocks)
    for line in answer:
        installed.pop(line.partition(" ")[0].lstrip("-"), None)
        if not line.startswith("-"):
            installed[line.partition(" ")[0]] = by_spec[line]
    apk.set_up({**installed, BUILD: virtual_record(built)}, [*fact["world"], f"{BUILD}=0"])
    return answered({**fact, "virtual": built, "del": [BUILD]}, *apk.ask("del", BUILD))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release")
    parser.add_argument("apk", type=Path)
    parser.add_argument("--arch", default="x86_64")
    parser.add_argument("--repositories", default="main,community")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", default="1")
    given = parser.parse_args()
    snapshots, repositories = CHECKOUT / "rules" / "alpine", given.repositories.split(",")
    known = records(snapshots, given.release, given.arch, repositories)
    rng = random.Random(f"{given.seed}-{given.release}-{given.arch}")
    with tempfile.TemporaryDirectory() as folder:
        apk = Apk(given.apk, Path(folder) / "root", given.arch)
        shutil.copytree(snapshots / "keys", apk.root / "etc/apk/keys")
        lines = []
        for repository in repositories:
            place = Path(folder) / repository / given.arch
            place.mkdir(parents=True)
            shutil.copy(
                snapshots / f"v{given.release}-{repository}-{given.arch}.APKINDEX.tar.gz", place / "APKINDEX.tar.gz"
            )
            lines.append(f"{place.parent}\n")
        (apk.root / "etc/apk/repositories").write_text("".join(lines))
        sets = [json.dumps(question(rng, apk, known), separators=(",", ":")) for _ in range(given.count)]
        head = {"release": given.release, "arch": given.arch, "repositories": repositories, "apk_tools": apk.version()}
    sys.stdout.write(json.dumps(head, separators=(",", ":"))[:-1] + ',"sets":[\n' + ",\n".join(sets) + "\n]}\n")


if __name__ == "__main__":
    main()
