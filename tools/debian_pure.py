"""Finds the distributions that Debian ships as pure Python, and writes `rules/debian.tsv.gz`.

For maintainers, on a machine with apt and lz4cat. The inputs are the files that `apt-get update` fetches with the targets
`Contents-deb` and `Packages` for the architectures amd64 and all: which package holds which `NAME-VERSION.dist-info` and
which extension module, and what it depends on. A distribution is taken when every suite that has it ships it as
`Architecture: all`, nothing of the same source package holds an extension module, and no shared library is among
the dependencies: what opens one at run time is no matter of course on musl.

    python tools/debian_pure.py LISTS SUITE... --versions names.tsv

`--versions` has a name and its newest version on the Python index in each line: a name that is not there, or whose version
in Debian is a major release ahead, is another project of the same name.
"""

from __future__ import annotations

import argparse
import gzip
import io
import re
import subprocess
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

OUT = Path(__file__).resolve().parent.parent / "rules" / "debian.tsv.gz"
_FILE = re.compile(
    r"usr/lib/python3(?:\.\d+)?/dist-packages/(?:(?P<stem>[^/\s]+)\.(?:dist|egg)-info[/\s]|\S*\.so[.\s])"
)
_STEM = re.compile(r"(?P<name>.+?)-(?P<version>\d[^-]*)(?:-py\d.*)?")
_LIBRARY = re.compile(r"lib(?!js-|reoffice|python3-)")


class Package(Struct):
    """A binary package of one suite: what it holds for Python, and the names in its Depends field."""

    name: str
    source: str
    everywhere: bool
    depends: tuple[str, ...]
    holds: set[tuple[str, str]] = field(default_factory=set)
    compiled: bool = False


class Suite(Struct):
    """A suite, with the day of its Release file, and its Python packages by name."""

    name: str
    day: str
    packages: dict[str, Package]


def read_suite(lists: Path, name: str) -> Suite:
    """Read what apt fetched of a suite. Raises OSError, and ValueError where a file is not there."""
    stem, day = release_of(lists, name)
    packages = {one.name: one for one in _packages(lines_of(lists / f"{stem}main_binary-amd64_Packages.lz4"))}
    for arch in ("all", "amd64"):
        for line in lines_of(lists / f"{stem}main_Contents-{arch}.lz4"):
            found = _FILE.match(line)
            if found is None:
                continue
            for owner in line.split()[-1].split(","):
                package = packages.get(owner.rpartition("/")[2])
                if package is None:
                    continue
                if found["stem"] is None:
                    package.compiled = True
                elif (named := _STEM.fullmatch(found["stem"])) is not None:
                    package.holds.add((canonicalize_name(named["name"]), re.sub(r"[+~].*", "", named["version"])))
    return Suite(name, day, packages)


def pure(suites: Iterable[Suite], newest: Mapping[str, str]) -> dict[str, tuple[str, str, str, tuple[str, ...]]]:
    """Name -> package, version, suite and day, and the distributions with native code that the package depends on, directly
    or not; a later suite wins over an earlier one."""
    found: dict[str, tuple[str, str, str, tuple[str, ...]]] = {}
    doubted: set[str] = set()
    for suite in suites:
        native = {one.source for one in suite.packages.values() if one.compiled}
        for package in suite.packages.values():
            opens = any(map(_LIBRARY.match, package.depends))
            for name, version in package.holds:
                if package.source in native or not package.everywhere or opens or _is_other(version, newest.get(name)):
                    doubted.add(name)
                else:
                    found[name] = (package.name, version, f"{suite.name}, {suite.day}", _brings(package, suite, native))
    return {name: entry for name, entry in sorted(found.items()) if name not in doubted}


def _is_other(version: str, newest: str | None) -> bool:
    if newest is None:
        return True
    try:
        return Version(version).major > Version(newest).major
    except InvalidVersion:
        return True


def _brings(package: Package, suite: Suite, native: set[str]) -> tuple[str, ...]:
    brought: set[str] = set()
    seen, queue = {package.name}, [package]
    while queue:
        for name in queue.pop().depends:
            other = suite.packages.get(name)
            if other is None or name in seen or not other.holds:
                continue
            seen.add(name)
            if other.source in native:
                brought |= {held for held, _ in other.holds}
            else:
                queue.append(other)
    return tuple(sorted(brought))


def _packages(lines: Iterable[str]) -> Iterator[Package]:
    fields: dict[str, str] = {}
    for line in lines:
        if line.strip():
            key, colon, value = line.partition(": ")
            if colon and not line.startswith(" "):
                fields[key] = value.strip()
            continue
        depends = tuple(re.split(r"[ :(]", one.strip())[0] for one in fields.get("Depends", "").split(","))
        source = fields.get("Source", fields["Package"]).split()[0]
        yield Package(fields["Package"], source, fields["Architecture"] == "all", depends)
        fields = {}


def release_of(lists: Path, suite: str) -> tuple[str, str]:
    """How apt's files of a suite begin, and the day of its Release file (``YYYY-MM-DD``). Raises as :func:`read_suite`."""
    stem = next(lists.glob(f"*_dists_{suite}_InRelease")).name.removesuffix("InRelease")
    date = re.search(r"^Date: (.+)", (lists / f"{stem}InRelease").read_text("utf-8", "replace"), re.M)
    if date is None:
        raise ValueError(f"{stem}InRelease: no date")
    return stem, parsedate_to_datetime(date[1]).date().isoformat()


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a file that apt keeps packed. Raises ValueError where it can't be read."""
    process = subprocess.Popen(["lz4cat", path], stdout=subprocess.PIPE, text=True, errors="replace")  # noqa: S603, S607 - a maintainer's
    assert process.stdout is not None
    yield from process.stdout
    if process.wait():
        raise ValueError(f"{path}: can't be read")


def main() -> None:
    """Write the file from what apt has fetched."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", type=Path, help="apt's folder of lists")
    parser.add_argument("suites", nargs="+", help="oldest first")
    parser.add_argument("--versions", type=Path, required=True)
    given = parser.parse_args()
    rows = (line.split("\t")[:2] for line in given.versions.read_text("utf-8").splitlines())
    newest = {canonicalize_name(row[0]): row[1] for row in rows if len(row) == 2}
    entries = pure((read_suite(given.lists, name) for name in given.suites), newest)
    text = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=text, mode="wb", mtime=0) as packed:
        for name, (package, version, suite, brought) in entries.items():
            packed.write(f"{name}\t{package}\t{version}\t{suite}\t{' '.join(brought)}\n".encode())
    OUT.write_bytes(text.getvalue())
    print(f"{OUT}: {len(entries)} distributions, {len(text.getvalue())} bytes")  # noqa: T201 - a tool's output


if __name__ == "__main__":
    main()
