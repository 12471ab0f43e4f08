"""Finds the upstream versions at which Debian ships the sonames of Alpine's libraries: `rules/alpine/debian-sonames.tsv.gz`.

For maintainers, on a machine with apt and lz4cat; the inputs are those of `debian_pure.py`, of one suite for amd64.

    python tools/debian_sonames.py LISTS SUITE
"""

from __future__ import annotations

import argparse
import gzip
import io
import re
from pathlib import Path

from debian_pure import lines_of, release_of

from dockerlint_alpine.apk.build import read_snapshot

ALPINE = Path(__file__).resolve().parent.parent / "rules" / "alpine"
_FILE = re.compile(r"(?:usr/)?lib/x86_64-linux-gnu/(lib[^/\s]+\.so\.[^/\s]+)\s+(\S+)\s*\Z")


def upstream(version: str) -> str:
    """The numbers of upstream's version in Debian's: ``1:11.8.9+ds-4`` -> ``11.8.9``."""
    return re.split(r"[-+~]", version.rpartition(":")[2])[0]


def main() -> None:
    """Write the file from what apt has fetched."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", type=Path, help="apt's folder of lists")
    parser.add_argument("suite")
    given = parser.parse_args()
    stem, day = release_of(given.lists, given.suite)
    snapshots = [read_snapshot(path) for path in ALPINE.glob("v3.22-*.APKINDEX.tar.gz")]
    wanted = {
        token.partition("=")[0].removeprefix("so:")
        for snapshot in snapshots
        for record in snapshot.index.records
        for token in record.provides.split()
        if token.startswith("so:")
    }
    versions: dict[str, str] = {}
    name = ""
    for line in lines_of(given.lists / f"{stem}main_binary-amd64_Packages.lz4"):
        key, _, value = line.partition(": ")
        name = value.strip() if key == "Package" else name
        if key == "Version":
            versions[name] = upstream(value.strip())
    found: dict[tuple[str, str], str] = {}
    for line in lines_of(given.lists / f"{stem}main_Contents-amd64.lz4"):
        match = _FILE.match(line)
        if match is not None and match[1] in wanted:
            for owner in match[2].split(","):
                package = owner.rpartition("/")[2]
                found[match[1], package] = versions.get(package, "")
    text = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=text, mode="wb", mtime=0) as packed:
        packed.write(f"# sonames of Alpine 3.22 that Debian {given.suite} ships (its Release file: {day})\n".encode())
        packed.write(b"soname\tversion\tpackage\n")
        for (soname, package), version in sorted(found.items()):
            if re.match(r"\d", version):
                packed.write(f"so:{soname}\t{version}\t{package}\n".encode())
    out = ALPINE / "debian-sonames.tsv.gz"
    out.write_bytes(text.getvalue())
    print(f"{out}: {len(found)} sonames, {len(text.getvalue())} bytes")  # noqa: T201 - a tool's output


if __name__ == "__main__":
    main()
