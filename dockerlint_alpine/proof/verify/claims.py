"""The findings of ``check`` compared with the results of the loader, the imports and the build.

``confirmed``: reality shows what the finding says. ``refuted``: reality shows the contrary. ``not-reached``: nothing that
ran could show it. What reality shows and no finding says is *missed*.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.checks import check_of
from dockerlint_alpine.elf.trees import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.proof.image import BuiltImage
    from dockerlint_alpine.proof.verify.import_level import Imported
    from dockerlint_alpine.proof.verify.loader_level import FaultKind, Loaded, LoaderFault
    from dockerlint_alpine.stages import Stage

Verdict: TypeAlias = Literal["confirmed", "refuted", "not-reached"]
Reached: TypeAlias = Literal["build", "bytes", "loader", "import", "start"]


class Claim(Struct, frozen=True):
    """A finding and what became of it: the level that decided, and why in one line (the loader's own where there is one)."""

    finding: Finding
    verdict: Verdict
    level: Reached | None
    reason: str


class Missed(Struct, frozen=True):
    """What reality shows and no finding says. ``line`` is the loader's (or Python's) own; ``packages`` would bring it, and
    ``edit`` says where they go."""

    kind: FaultKind | Literal["crash"]
    path: str
    distribution: str | None
    what: str
    line: str
    packages: tuple[str, ...] = ()
    edit: str = ""


_MISSED_BY_IMPORT: dict[str, FaultKind | Literal["crash"]] = {
    "library": "missing",
    "symbol": "symbol",
    "crash": "crash",
}


class Reality:
    """What was seen of one image. ``loaded`` and ``imported`` are ``None`` where that level was not reached; ``find`` gives
    the packages of the image's release for a need, preferred first; ``stage`` is the one that the image was built from."""

    def __init__(
        self,
        image: BuiltImage,
        loaded: Sequence[Loaded] | None,
        imported: Sequence[Imported] | None,
        find: Callable[[str], Sequence[str]],
        stage: Stage | None = None,
    ) -> None:
        self._stage = stage
        self.image = image
        self.loaded = loaded
        self.imported = imported
        self._find = find
        reports = {report.path: report for report in image.inspection.objects}
        self._owners = {path: image.owner(report) for path, report in reports.items()}

    def owner(self, path: str) -> str | None:
        """The distribution of an object."""
        return self._owners.get(path)

    def faults(self) -> Iterator[tuple[str, LoaderFault]]:
        """All faults of the loader with the object that was loaded."""
        for one in self.loaded or ():
            for fault in one.faults:
                yield one.path, fault

    def packages(self, fault: LoaderFault) -> tuple[str, ...]:
        """The package that brings what the loader did not find."""
        if fault.kind == "missing":
            return tuple(self._find(f"so:{fault.what.rpartition('/')[2]}")[:1])
        if fault.kind == "symbol":
            for report in self.image.inspection.objects:
                for symbol in report.unresolved:
                    if symbol.name == fault.what and symbol.providers:
                        return (symbol.providers[0].package,)
        return ()

    def claim(self, finding: Finding) -> Claim:
        """Hold one finding against what was seen."""
        check = check_of(finding)
        if finding.traits.at_start:
            return Claim(finding, "not-reached", None, "it is about what a container installs when it starts")
        if check.stops_build:
            if finding.severity != "error":
                return Claim(finding, "not-reached", None, "it does not say that the build stops")
            return Claim(finding, "refuted", "build", "the build completed")  # as there is an image
        program = (finding.need or "").startswith("cmd:") and check.purpose == "runtime"
        if check.image not in ("linked", "opened", "glibc") and not program:
            return Claim(finding, "not-reached", None, "no level that ran shows it")
        stage = self._stage
        if stage is None or finding.stage is None or finding.stage.index != stage.index:
            return Claim(finding, "not-reached", None, "it is about another stage than the image's")
        if program:
            return Claim(finding, *self._started((finding.need or "").removeprefix("cmd:")))
        if finding.distribution is None:
            return Claim(finding, "not-reached", None, "it names no distribution")
        end, need = stage.end, finding.need or ""
        if check.image == "linked" and end is not None and end.world.has(need) and end.lasting.has(need):
            return Claim(finding, "refuted", "build", "it is about a RUN step, and the build completed")
        name = finding.distribution.name
        if name not in self.image.distributions and not self.image.objects_of(name):
            return Claim(finding, "refuted", "bytes", f"{name} is not installed in the image")
        if check.image == "opened":
            return Claim(finding, *self._opened(finding, name))
        if self.loaded is None:
            return Claim(finding, "not-reached", None, "the loader was not run")
        return Claim(finding, *self._linked(finding, name, glibc=check.image == "glibc"))

    def _started(self, name: str) -> tuple[Verdict, Reached | None, str]:
        """A program that is started: what the shell would find along PATH."""
        tree, path = self.image.subject.tree, self.image.subject.environment.get("PATH", "/usr/bin:/bin")
        places = [name] if name.startswith("/") else [f"{folder}/{name}" for folder in path.split(":") if folder]
        for place in places:
            found = opened(tree, place)
            if found is not None and found.node.kind == "file":
                return "refuted", "bytes", f"{place} is there"
        return "confirmed", "bytes", f"no folder of PATH has {name}"

    def _linked(self, finding: Finding, name: str, *, glibc: bool) -> tuple[Verdict, Reached | None, str]:
        library = (finding.need or "").removeprefix("so:")
        own = {report.path for report in self.image.objects_of(name)}
        asked = [one for one in self.loaded or () if one.path in own]
        if not asked:
            return "refuted", "bytes", f"{name} has no extension modules there"
        faults = [(one.path, fault) for one in asked for fault in one.faults]
        for path, fault in faults:
            if glibc or fnmatchcase(fault.what, library) or set(self.packages(fault)) & set(finding.packages):
                return "confirmed", "loader", f"{path}: {fault.line}"
        if glibc:
            return "refuted", "loader", f"musl's loader loads all {len(asked)} extension modules of {name}"
        if faults:
            return "not-reached", "loader", f"another fault comes first: {faults[0][1].line}"
        said = f"musl's loader loads all {len(asked)} extension modules of {name} with all they need"
        return "refuted", "loader", said

    def _opened(self, finding: Finding, name: str) -> tuple[Verdict, Reached | None, str]:
        """What Python code opens at run time the loader never sees; an import may."""
        wanted = [need.rpartition(":")[2] for need in (finding.need or "",) if need]
        for one in self.imported or ():
            if self.owner(one.path) == name and any(_names(one.text, library) for library in wanted):
                return "confirmed", "import", f"import {one.module}: {one.text}"
        return "not-reached", None, "the library is opened when the code that wants it runs"

    def missed(self, findings: Sequence[Finding]) -> list[Missed]:
        """What no finding says, each thing once for each distribution."""
        found: dict[tuple[str | None, str], Missed] = {}
        for miss in self._all_missed(findings):
            found.setdefault((miss.distribution, miss.what), miss)
        return list(found.values())

    def _all_missed(self, findings: Sequence[Finding]) -> Iterator[Missed]:
        for path, fault in self.faults():
            owner, packages = self.owner(path), self.packages(fault)
            if not any(_speaks_of(finding, owner, fault.what, packages) for finding in findings):
                yield Missed(fault.kind, path, owner, fault.what, fault.line, packages)
        for one in self.imported or ():
            owner = self.owner(one.path)
            if one.red and not any(_speaks_of(finding, owner, one.what, ()) for finding in findings):
                packages = tuple(self._find(f"so:{one.what}")[:1]) if one.kind == "library" else ()
                kind = _MISSED_BY_IMPORT[one.kind]
                yield Missed(kind, one.path, owner, one.what, f"import {one.module}: {one.text}", packages)


def _names(text: str, library: str) -> bool:
    """Whether an error speaks of a library: by its file name, or by what ``find_library`` calls it."""
    stem = re.sub(r"^lib|\.so.*$|\*", "", library)
    return bool(text) and (
        library.strip("*") in text
        or (len(stem) > 2 and re.search(rf"(?<!\w)(?:lib)?{re.escape(stem)}(?!\w)", text) is not None)
    )


def _speaks_of(finding: Finding, owner: str | None, what: str, packages: Sequence[str]) -> bool:
    if finding.distribution is None or finding.distribution.name != owner:
        return False
    evidence = check_of(finding).image
    if evidence == "glibc":
        return True
    if evidence not in ("linked", "opened"):
        return False
    need = (finding.need or "").removeprefix("so:")
    return fnmatchcase(what, need) or bool(set(finding.packages) & set(packages))


def fails(finding: Finding) -> bool:
    """Whether a finding predicts a failure that an engine can show: of the build, or of an extension that is loaded."""
    check = check_of(finding)
    return finding.severity == "error" and (check.stops_build or check.image in ("linked", "opened", "glibc"))


def stops_build(finding: Finding) -> bool:
    """Whether a finding predicts that the build stops."""
    return finding.severity == "error" and check_of(finding).stops_build
