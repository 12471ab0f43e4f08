"""Compares the findings for a stage with the image built from it.

The image is read, never run: packages from ``lib/apk/db/installed``, distributions from their ``dist-info``, and every
object loaded by the model of musl's loader (:mod:`dockerlint_alpine.elf.loader`). Both directions count: what a finding
says and the bytes deny, and what the bytes lack and no finding says.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.apk.package import VIRTUAL
from dockerlint_alpine.checks import CHECKS, check_of
from dockerlint_alpine.checks import Subject as Judged
from dockerlint_alpine.checks.base import instruction_location, stage_label, stage_ref
from dockerlint_alpine.elf.identity import Identity, identity_of
from dockerlint_alpine.elf.loader import DEFAULT_PATH, system_path
from dockerlint_alpine.elf.trees import normalise as normalised
from dockerlint_alpine.knowledge.packaged import distribution_names, python_modules
from dockerlint_alpine.model.comparison import Comparison, Difference, Doubt, Miss, Sides
from dockerlint_alpine.model.findings import Evidence, Finding
from dockerlint_alpine.python.model import normalise
from dockerlint_alpine.system.paths import PROGRAMS
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.elf.inspection import Inspection, NeedReport, ObjectReport
    from dockerlint_alpine.elf.targets import Subject
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.stages import Installed, Stage, Timeline

_SITE = lazy_pattern(r"/(?:site|dist)-packages/")
_WITH_THE_IMAGE = frozenset({"pip", "setuptools", "wheel"})
"""Distributions that base images bring and that no Dockerfile asks for."""

_SHARED = frozenset({"/", "/usr", "/usr/local", "/lib", "/usr/lib"})
"""Folders that hold more than distributions, should somebody install into them (``pip install --target``)."""

_SHOWN_OBJECTS = 3
_BUILD_ONLY = "it is about the build, which an image does not show"


class ImageMismatchError(Exception):
    """The image and the Dockerfile can't be compared; the text is one line for the user."""


def stage_of(timeline: Timeline, target: str | None) -> Stage:
    """Return the stage that the image is built from: ``target``, or the last one, as ``docker build`` takes it.

    Raises :class:`ImageMismatchError` for a stage without Alpine's packages.
    """
    stages = timeline.stages
    named = [stage for stage in stages.values() if target is not None and target.lower() == (stage.name or "").lower()]
    stage = named[0] if named else stages[int(target) if target is not None and target.isdigit() else max(stages)]
    if stage.packages is None or stage.end is None:
        raise ImageMismatchError(f"{stage_label(stage)} ({stage.base}) is not known to be Alpine: nothing to compare")
    return stage


def off_the_path(subject: Subject, library: str) -> str | None:
    """Where in the image a library lies that the loader does not find, if ENTRYPOINT or CMD may add that folder.

    ``None`` where it is nowhere, or where nothing that starts the container could set a search path: then the loader's
    word is the last one.
    """
    searched = DEFAULT_PATH.split(":")
    places = (path.rpartition("/") for path, node in subject.tree.nodes() if node.kind != "directory")
    found = min(
        (
            f"{folder}/{name}"
            for folder, _, name in places
            if name == library and folder not in searched and ".libs" not in folder
        ),
        default=None,
    )
    return found if found is not None and _may_set_paths(subject) else None


_SETS_PATHS = lazy_pattern(r"LD_LIBRARY_PATH|\.sh\b|(?:^|[;&|]\s*)(?:\.|source)\s")


def _may_set_paths(subject: Subject) -> bool:
    """Whether what starts the container speaks of search paths, or is a script, which may."""
    folders = subject.environment.get("PATH", PROGRAMS).split(":")
    for word in subject.start:
        if _SETS_PATHS.search(word):
            return True
        for place in (
            (word,) if word.startswith("/") else tuple(f"{folder}/{word}" for folder in folders if "/" not in word)
        ):
            node = subject.tree.lookup(place)
            script = node is not None and node.kind == "file" and node.facts is None and node.problem is None
            if script and ("entrypoint" in word or not _beside_python(subject, place)):
                return True
    return False


def _beside_python(subject: Subject, place: str) -> bool:
    """Whether a script lies where pip puts those of distributions, which set no search path."""
    folder = place.rpartition("/")[0]
    return any(subject.tree.lookup(f"{folder}/{name}") is not None for name in ("python", "python3", "pip"))


def compare_with_image(
    timeline: Timeline,
    stage: Stage,
    findings: Sequence[Finding],
    subject: Subject,
    inspection: Inspection,
    knowledge: Knowledge,
) -> tuple[Comparison, tuple[Finding, ...]]:
    """Compare the findings on ``stage`` with the image that ``inspection`` describes.

    Returns the comparison and the findings, refuted ones too: proven ones have the bytes as evidence, and there is one more
    for everything certain that none of them speaks of.
    """
    image = BuiltImage(subject, inspection, stage)
    judge = _Judge(timeline, stage, image, knowledge)
    left: list[Finding] = []
    proven: list[Finding] = []
    refuted: list[Doubt] = []
    untested: list[Doubt] = []
    for finding in findings:
        verdict = judge.verdict(finding)
        if verdict.state == "proven":
            proof = Evidence("elf", f"{image.name}: {verdict.reason}")
            sure = "certain" if check_of(finding).image != "opened" else finding.confidence
            finding = replace(finding, evidence=(*finding.evidence, proof), confidence=sure)  # noqa: PLW2901 - now with proof
            proven.append(finding)
        elif verdict.state == "refuted":
            refuted.append(Doubt(finding, verdict.reason))
        elif not finding.could_not_judge:
            untested.append(Doubt(finding, verdict.reason))
        left.append(finding)
    here = [finding for finding in findings if finding.stage is not None and finding.stage.index == stage.index]
    missed = tuple(_misses(image, here))
    left += _as_findings(Judged(timeline, knowledge), stage, image, missed)
    comparison = Comparison(
        image=image.name,
        stage=stage_ref(stage),
        platform=stage.platform,
        facts=tuple(_facts(stage, inspection)),
        objects=sum(1 for one in inspection.objects if one.facts is not None),
        extensions=sum(1 for one in inspection.objects if one.facts is not None and image.in_python(one)),
        proven=tuple(proven),
        refuted=tuple(refuted),
        untested=tuple(untested),
        missed=missed,
        elsewhere=tuple(_elsewhere(image)),
        packages=_packages(stage, inspection),
        distributions=_distributions(stage, image),
        notes=inspection.notes,
    )
    return comparison, tuple(left)


class BuiltImage:
    """The image, with the questions that findings ask of it; ``stage`` is the one that it was built from, where known."""

    def __init__(self, subject: Subject, inspection: Inspection, stage: Stage | None = None) -> None:
        self.name = inspection.name.removeprefix("image:")
        self.inspection = inspection
        self.subject = subject
        self._installed = stage.installed if stage is not None else ()
        self.packages = {package.name for package in inspection.root.packages}
        self._provides = {
            re.split(r"[=<>~]", text, maxsplit=1)[0]
            for package in inspection.root.packages
            for text in package.provides
        }

    @cached_property
    def distributions(self) -> Mapping[str, str]:
        """Distributions by name with their versions: those that Python sees, not copies inside of others."""
        locations = {item.location for item in self._installed if not item.as_wheel}
        found: dict[str, str] = {}
        for one in self.inspection.root.distributions:
            folder = one.metadata.rpartition("/")[0]
            if folder in locations or re.search(r"/(?:site|dist)-packages$", folder):
                found.setdefault(one.name, one.version)
        return found

    def in_python(self, report: ObjectReport) -> bool:
        """Whether an object belongs to a distribution, or lies where they do."""
        if report.distribution is not None or _SITE.search(report.path):
            return True
        places = (item.location for item in self._installed if item.location not in _SHARED)
        return any(report.path.startswith(f"{place}/") for place in places)

    def owner(self, report: ObjectReport) -> str | None:
        """The distribution of an object: by RECORD, else by the folder it lies in below site-packages."""
        if report.distribution is not None:
            return report.distribution
        below = _SITE.split(report.path)[-1] if _SITE.search(report.path) else None
        first = re.split(r"[/.]", below, maxsplit=1)[0] if below else ""
        for item in self._installed:
            roots = {name.partition(".")[0] for name in item.imports} | {item.resolved.name.replace("-", "_")}
            if first and (first in roots):
                return item.resolved.name
        return normalise(first) if normalise(first) in self.distributions else None

    def objects_of(self, name: str) -> list[ObjectReport]:
        """The objects of a distribution."""
        return [report for report in self.inspection.objects if self.in_python(report) and self.owner(report) == name]

    def lacks(self, name: str) -> bool:
        """Whether a distribution is surely not there: others are told of by their metadata, and it is not among them."""
        return bool(self.distributions) and name not in self.distributions and not self.objects_of(name)

    @cached_property
    def identity(self) -> Identity | None:
        """Who the image runs as; ``None`` for root, and where it is not known."""
        return identity_of(self.subject.tree, self.subject.user)

    def denied(self, report: ObjectReport) -> bool:
        """Whether the user that the image runs as may not read an object."""
        node = self.subject.tree.lookup(report.path)
        return self.identity is not None and node is not None and not self.identity.may_read(node)

    def has(self, need: str) -> str | None:
        """What meets a need (``so:``, ``cmd:``, a package name) in the image, in a few words; ``None``: nothing does."""
        if any(fnmatchcase(name, need) for name in (*self.packages, *self._provides)):
            return f"an installed package provides {need}"
        kind, _, name = need.rpartition(":")
        if kind.startswith("so"):
            path = next((path for path in self._libraries if fnmatchcase(path.rpartition("/")[2], name)), None)
            return f"{path} is there" if path is not None else None
        return None

    @cached_property
    def _libraries(self) -> tuple[str, ...]:
        """Paths in the folders that the loader searches for everybody, files and links."""
        tree, arch = self.subject.tree, self.inspection.arch or ""
        search = f"{self.inspection.root.environment.get('LD_LIBRARY_PATH', '')}:{system_path(tree, arch)}"
        start = self.subject.workdir.rstrip("/")
        found = (
            folder if folder.startswith("/") else f"{start}/{folder}"
            for folder in re.split(r"[:\n]+", search)
            if folder
        )
        folders = {normalised(folder) for folder in found}
        return tuple(path for path, _ in tree.nodes() if path.rpartition("/")[0] in folders)


class _Verdict(Struct, frozen=True):
    state: str
    reason: str


class _Judge:
    """What the image says to each finding."""

    def __init__(self, timeline: Timeline, stage: Stage, image: BuiltImage, knowledge: Knowledge) -> None:
        self._timeline = timeline
        self._stage = stage
        self._image = image
        self._knowledge = knowledge

    def verdict(self, finding: Finding) -> _Verdict:
        """Proven, refuted or untested, and why in one line."""
        if finding.stage is None or finding.stage.index != self._stage.index:
            return _Verdict("untested", "it is about another stage than the one the image is built from")
        if finding.traits.at_start:
            return _Verdict("untested", "it is about what a container installs when it starts")
        evidence = check_of(finding).image
        if evidence == "left over":
            return self._left_over(finding)
        if evidence == "none" and check_of(finding).stops_build and finding.severity == "error":
            name = finding.distribution.name if finding.distribution is not None else ""
            if name and self._image.lacks(name):
                return _Verdict("refuted", f"the image was built, and {name} is not in it: nothing compiled it")
        if evidence == "none" or finding.distribution is None:
            return _Verdict("untested", _BUILD_ONLY)
        name = finding.distribution.name
        if self._image.lacks(name):
            return _Verdict("refuted", f"{name} is not installed in the image")
        if name not in self._image.distributions and not self._image.objects_of(name):
            return _Verdict("untested", f"{name} is not seen in the image, which lists no distributions")
        if evidence == "opened":
            return self._opened(finding, name)
        return self._glibc(name) if evidence == "glibc" else self._linked(finding, name)

    def _left_over(self, finding: Finding) -> _Verdict:
        there = [name for name in finding.packages if name in self._image.packages]
        if there:
            return _Verdict("proven", f"its apk database lists {', '.join(there)}")
        return _Verdict("refuted", f"its apk database does not list {', '.join(finding.packages) or 'them'}")

    def _linked(self, finding: Finding, name: str) -> _Verdict:
        library = (finding.need or "").removeprefix("so:")
        end = self._stage.final
        if end.world.has(finding.need or "") and end.lasting.has(finding.need or ""):
            return _Verdict("untested", "it is about a RUN step in the middle of the build")
        objects = self._image.objects_of(name)
        if not objects:
            return _Verdict("refuted", f"{name} has no shared objects there")
        for report in objects:
            for need in report.needs:
                if need.lacking and (need.name == library or _from(need, finding.packages)):
                    place = off_the_path(self._image.subject, need.name)
                    if place is not None:
                        return _Verdict("untested", f"{place} is there: ENTRYPOINT or CMD may name its folder")
                    return _Verdict("proven", f"{report.path} needs {need.name}, and musl's loader finds it nowhere")
        for report in objects:
            found = next((need for need in report.needs if need.name == library), None)
            if found is not None:
                return _Verdict("refuted", f"{report.path} needs {library} and finds {found.path or 'it'}")
        return _Verdict("refuted", _none_of(objects, f"does not need {library}", f"needs {library}"))

    def _opened(self, finding: Finding, name: str) -> _Verdict:
        wanted = {finding.need or "", *finding.packages, *self._alternatives(finding, name)} - {""}
        for need in sorted(wanted):
            found = self._image.has(need)
            if found is not None:
                return _Verdict("refuted", found)
        return _Verdict("proven", f"no package and no folder of the loader's has {' or '.join(sorted(wanted))}")

    def _alternatives(self, finding: Finding, name: str) -> Iterator[str]:
        rule = self._knowledge.distribution(name)
        version = finding.distribution.version if finding.distribution is not None else None
        for need in rule.runtime_needs(version) if rule is not None else ():
            if any(fnmatchcase(finding.need or "", one) for one in need.any):
                yield from need.any

    def _glibc(self, name: str) -> _Verdict:
        objects = self._image.objects_of(name)
        for report in objects:
            if report.libc.kind == "glibc":
                return _Verdict("proven", f"{report.path}: {'; '.join(report.libc.reasons[:2])}")
        return _Verdict("refuted", _none_of(objects, "was not built for glibc", "was built for glibc"))


def _none_of(objects: Sequence[ObjectReport], does_not: str, does: str) -> str:
    if len(objects) == 1:
        return f"its only shared object there, {objects[0].path}, {does_not}"
    return f"none of its {len(objects)} shared objects there {does}"


def _from(need: NeedReport, packages: Sequence[str]) -> bool:
    return any(provider.package in packages for provider in need.providers[:1])


# What no finding speaks of.


def _misses(image: BuiltImage, findings: Sequence[Finding]) -> Iterator[Miss]:
    """What the loader will refuse in Python distributions; each thing once for each distribution."""
    told: set[tuple[str | None, str]] = set()
    for miss in _lacks(image, python=True):
        key = (miss.distribution, miss.what)
        if key not in told and not any(_speaks_of(finding, miss) for finding in findings):
            told.add(key)
            yield miss
    yield from _opens(image, findings, told)


def _lacks(image: BuiltImage, *, python: bool) -> Iterator[Miss]:
    for report in image.inspection.objects:
        if report.facts is None or image.in_python(report) is not python:
            continue
        owner = image.owner(report) if python else None
        if python and image.denied(report):
            said = f"can't be loaded: USER {image.subject.user} may not read it"
            yield Miss("library", report.path, owner, report.path.rpartition("/")[2], said)
            continue
        if report.libc.kind == "glibc":
            yield Miss(
                "glibc", report.path, owner, "glibc", f"was built for glibc: {'; '.join(report.libc.reasons[:2])}"
            )
            continue
        for need in report.needs:
            if need.lacking:
                said = need.advice or need.how or "musl's loader finds it nowhere"
                packages = tuple(provider.package for provider in need.providers[:1])
                yield Miss("library", report.path, owner, need.name, f"needs {need.name}: {said}", packages)
        groups: dict[str, list[str]] = {}
        for symbol in report.unresolved:
            groups.setdefault(symbol.remedy.advice, []).append(symbol.shown)
        for advice, symbols in groups.items():
            named = listed(symbols, _SHOWN_OBJECTS + 1)
            yield Miss("symbol", report.path, owner, named, f"symbol not found: {named}: {advice}")


def _opens(image: BuiltImage, findings: Sequence[Finding], told: set[tuple[str | None, str]]) -> Iterator[Miss]:
    for report in image.inspection.opens:
        opened = report.opens
        if report.status != "missing" or opened.optional or not _SITE.search(opened.path):
            continue
        first = re.split(r"[/.]", _SITE.split(opened.path)[-1], maxsplit=1)[0]
        owner = normalise(first) if normalise(first) in image.distributions else None
        names = " or ".join(need.removeprefix("so:") for need in opened.needs)
        packages = tuple(provider.package for provider in report.providers[:1])
        miss = Miss(
            "open",
            opened.path,
            owner,
            names,
            f"line {opened.line} calls {opened.call} for {names}, not there",
            packages,
        )
        spoken = any(_speaks_of(finding, miss) for finding in findings)
        if not spoken and (owner, names) not in told:
            told.add((owner, names))
            yield miss


def _elsewhere(image: BuiltImage) -> Iterator[Miss]:
    told: set[tuple[str, str]] = set()
    for miss in _lacks(image, python=False):
        if (miss.path, miss.what) not in told:
            told.add((miss.path, miss.what))
            yield miss


def _speaks_of(finding: Finding, miss: Miss) -> bool:
    if finding.distribution is None or finding.distribution.name != miss.distribution:
        return False
    evidence = check_of(finding).image
    if miss.kind == "glibc" or evidence == "glibc":
        return evidence == "glibc"
    if evidence not in {"linked", "opened"}:
        return False
    return finding.need == f"so:{miss.what}" or bool(set(finding.packages) & set(miss.packages))


def _as_findings(judged: Judged, stage: Stage, image: BuiltImage, missed: Sequence[Miss]) -> Iterator[Finding]:
    """A finding for everything certain that was missed, so that it is in every format; what is likely stays a remark."""
    installed = {item.resolved.name: item for item in stage.installed if not item.as_wheel}
    for miss in missed:
        if miss.kind == "open":
            continue
        item = installed.get(miss.distribution or "")
        yield _as_finding(judged, stage, image, miss, item)


def _as_finding(judged: Judged, stage: Stage, image: BuiltImage, miss: Miss, item: Installed | None) -> Finding:
    check = next(check for check in CHECKS if miss.kind in check.misses)
    who = miss.distribution or miss.path.rpartition("/")[2]
    library = miss.kind == "library"
    package = miss.packages[0] if library and miss.packages else None
    fix, anchor = check.add(judged, stage, package, None) if package is not None else (None, None)
    # Shown and not written: a fix is judged again without the image, and then nothing asks for it.
    fix = replace(fix, applicability="display") if fix is not None else None
    unreadable = "may not read it" in miss.detail
    text = {
        "library": f"{who} will not load in the image: {miss.detail}"
        if unreadable
        else f"{who} links {miss.what}, which is not in the image{f': add {package}' if package else ''}",
        "symbol": f"{who} will not load in the image: symbol not found: {miss.what}",
        "glibc": f"{who} was built for glibc; the image has musl: it will not load",
    }[miss.kind]
    return check.finding(
        text,
        subject=judged,
        stage=stage,
        item=item,
        at=instruction_location(
            judged.dockerfile, anchor or (item.arrived if item is not None else stage.from_instruction)
        ),
        evidence=(Evidence("elf", f"{image.name}: {miss.path} {miss.detail}"),),
        need=f"so:{miss.what}" if library else None,
        packages=(package,),
        fix=fix,
    )


# Both sides by name.


def _facts(stage: Stage, inspection: Inspection) -> Iterator[Difference]:
    root = inspection.root
    yield Difference("Alpine", stage.alpine, root.alpine)
    python = stage.home.version if stage.home is not None else None
    found = python if python in root.pythons else ", ".join(root.pythons) or None
    if python is not None or found is not None:
        yield Difference("Python", python, found)
    yield Difference("architecture", stage.apk.arch, inspection.arch)


def _packages(stage: Stage, inspection: Inspection) -> Sides:
    """Package names; those that ``apk add --virtual`` makes up are no packages."""
    found = {one.name: one.version for one in inspection.root.packages if not one.name.startswith(".")}
    sure = {name: one.version for name, one in stage.final.world.packages.items() if not _made_up(name, one.repository)}
    maybe_added = stage.final.possible.packages.keys() - sure.keys()
    maybe_gone = sure.keys() - stage.final.lasting.packages.keys()
    return _sides(sure, found, optional={*maybe_added, *maybe_gone})


def _made_up(name: str, repository: str) -> bool:
    return name.startswith(".") or repository == VIRTUAL


def _distributions(stage: Stage, image: BuiltImage) -> Sides:
    sure: dict[str, str | None] = {}
    optional = set(_WITH_THE_IMAGE)
    for item in stage.installed:
        if item.as_wheel or item.at_start:
            continue
        if item.conditional:
            optional.add(item.resolved.name)
        else:
            sure[item.resolved.name] = item.resolved.version
    for package in stage.final.world.packages.values():
        modules = python_modules(provide.name for provide in package.provides)
        names = list(distribution_names(package.name, modules)) if modules else []
        if names:
            name = next((name for name in names if name in image.distributions), names[0])
            sure.setdefault(name, package.version.partition("-r")[0])
    return _sides(sure, image.distributions, optional=optional)


def _sides(predicted: Mapping[str, str | None], found: Mapping[str, str], *, optional: set[str]) -> Sides:
    """Names and versions of both sides; what is ``optional`` may be on either."""
    both = predicted.keys() & found.keys()
    return Sides(
        agreed=len(both) + sum(1 for name in found if name in optional and name not in predicted),
        versions=tuple(
            Difference(name, predicted[name], found[name])
            for name in sorted(both)
            if predicted[name] is not None and predicted[name] != found[name]
        ),
        absent=tuple(
            Difference(name, predicted[name], None) for name in sorted(predicted.keys() - found.keys() - optional)
        ),
        unforeseen=tuple(
            Difference(name, None, found[name]) for name in sorted(found.keys() - predicted.keys() - optional)
        ),
    )
