"""Empty wheels that stand for releases without wheels for this Python, so that uv resolves them and builds nothing."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Any

from dockerlint_alpine.python.index.answers import unpacked_release
from dockerlint_alpine.python.index.client import IndexAnswerError, SimpleIndex
from dockerlint_alpine.python.model import Origin, Release, Requested
from dockerlint_alpine.python.requirement import InvalidRequirementError, parse_pep508
from dockerlint_alpine.python.resolve import ResolverError
from dockerlint_alpine.python.tags import expand_tag
from dockerlint_alpine.python.versions import is_pre_release, sort_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dockerlint_alpine.python.model import IndexOptions
    from dockerlint_alpine.python.sources.source_facts import SourceFacts

MAX_STUBS = 80
"""Sdist-only releases of one distribution that uv may choose from, the newest ones."""
_STUB_WHEEL = "Wheel-Version: 1.0\nGenerator: alpine-doctor\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


class Stubs:
    """Empty wheels that stand for releases of which only the sdist is of use, so that uv resolves them without building.

    Each holds only metadata: what the sdist of the release states, where it states it.
    """

    def __init__(
        self,
        folder: Path,
        index: SimpleIndex,
        read: Callable[[SimpleIndex, str, str], SourceFacts],
        as_of: str | None,
        python: str,
    ) -> None:
        folder.mkdir()
        self.folder = folder
        self.index = index
        self.read = read
        self.as_of = as_of
        self.python = python
        self.names: dict[str, dict[str, SourceFacts | None]] = {}

    def has(self, name: str) -> bool:
        """Tell whether releases of ``name`` were looked for."""
        return name in self.names

    def add(self, name: str, above: str | None) -> bool:
        """Write the stubs of the sdist-only releases of ``name`` (newer than ``above``); tell whether there are any.

        All have the requirements of the newest until :meth:`extend` reads that of the chosen one.
        """
        if name in self.names:
            return False
        try:
            found = self.index.releases(name)
        except IndexAnswerError as error:
            raise ResolverError(f"{name}: {error}") from None
        releases = {one.version: one for one in found if one.sdist and not _has_wheel_for(one, self.python)}
        kept = [
            key for key, one in releases.items() if not one.yanked and (one.upload_date or "") <= (self.as_of or "9999")
        ]
        ordered = [key for key in sort_versions(kept) if not is_pre_release(key)] or sort_versions(kept)
        if above is not None:
            both = sort_versions([*ordered, above])
            ordered = both[both.index(above) + 1 :]
        self.names[name] = {}
        if not ordered:
            return False
        facts = self.read(self.index, name, ordered[-1])
        for version in ordered[-MAX_STUBS:]:
            self.write(name, releases[version], facts)
            self.names[name][version] = facts if version == ordered[-1] else None
        return True

    def extend(self, packages: Sequence[dict[str, Any]], options: IndexOptions) -> bool:
        """Make the stubs true for what uv chose and complete for what pip would have preferred.

        Tell whether uv has to be asked again. Adds the doubts about dependencies to ``packages``.
        """
        again = False
        for package in packages:
            name, version = package["name"], package["version"]
            known = self.names.get(name)
            if known is None and "releases" in package and not options.prefer_binary and options.allows(name)[1]:
                again = self.add(name, above=version) or again
            elif known and version in known:
                facts = known[version]
                if facts is None:
                    facts = known[version] = self.read(self.index, name, version)
                    release = next(unpacked_release(one) for one in package["releases"] if one[0] == version)
                    again = self.write(name, release, facts) or again
                if facts.requires is None:
                    package["doubt"] = f"the dependencies of {name} {version} are known only to its build"
        return again

    def write(self, name: str, release: Release, facts: SourceFacts) -> bool:
        """Write one stub; tell whether its metadata is new."""
        stem = f"{name.replace('-', '_')}-{release.version.replace('-', '_')}"
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {release.version}"]
        lines += [f"Requires-Python: {release.requires_python}"] if release.requires_python else []
        lines += [f"Requires-Dist: {text}" for text in facts.requires or () if _parsed(text) is not None]
        lines += [f"Provides-Extra: {extra}" for extra in dict.fromkeys(_EXTRA.findall(" ".join(facts.requires or ())))]
        text = "\n".join(lines) + "\n"
        path = self.folder / f"{stem}-py3-none-any.whl"
        old = path.read_bytes() if path.exists() else b""
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in (("METADATA", text), ("WHEEL", _STUB_WHEEL), ("RECORD", "")):
                archive.writestr(zipfile.ZipInfo(f"{stem}.dist-info/{member}"), content)
        return path.read_bytes() != old


def _has_wheel_for(release: Release, python: str) -> bool:
    """Tell whether some wheel is for this Python (``X.Y``), whatever its platform: uv asks for no more."""
    minor = int(python.partition(".")[2])
    for compressed in release.wheels:
        for tag in expand_tag(compressed):
            interpreter, abi, _ = tag.split("-", 2)
            digits = interpreter.removeprefix("cp3")
            same = digits.isdigit() and int(digits) == minor and abi != f"cp3{minor}t"
            if (
                interpreter in {"py3", f"py3{minor}"}
                or same
                or (abi == "abi3" and digits.isdigit() and int(digits) <= minor)
            ):
                return True
    return False


def _parsed(line: str) -> Requested | None:
    try:
        return parse_pep508(line, Origin(""))
    except InvalidRequirementError:
        return None
