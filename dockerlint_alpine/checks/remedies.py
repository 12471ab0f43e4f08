"""Remedies for a compile that the facts support, the best first. None of them is a guess.

A wheel spares the compile, so what leads to one comes before the packages for compiling: a pip that knows the wheels that
there are, an older version that the requirement allows, another version, another tag of the base image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.checks.base import locate
from dockerlint_alpine.checks.build_moment import Compile
from dockerlint_alpine.checks.toolchain import mismatches, toolchains
from dockerlint_alpine.fixer.build_stage import pip_words
from dockerlint_alpine.fixer.repin import repinned
from dockerlint_alpine.model.findings import Fix, Remedy, TextEdit
from dockerlint_alpine.python.tags import knows_musllinux
from dockerlint_alpine.python.verdict import choose
from dockerlint_alpine.stages import InstallStep
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.knowledge import BaseImage
    from dockerlint_alpine.model.findings import Finding, Location
    from dockerlint_alpine.stages import Installed, Stage

_OFFICIAL = lazy_pattern(r"python:(?P<python>3\.(?P<minor>\d+))(?:\.\d+)?-alpine(?P<alpine>3\.\d+)")
_NAMED = 4


class _Group(Struct, frozen=True):
    """What is compiled at one step of a stage with something missing, and the findings about it."""

    stage: Stage
    step: InstallStep
    items: tuple[Installed, ...]
    findings: tuple[Finding, ...]


def with_remedies(subject: Subject, found: Iterable[Finding]) -> Iterator[Finding]:
    """The findings, those of a compile with the ways out of it."""
    listed = list(found)
    places: dict[tuple[int, Location], list[Finding]] = {}
    for one in listed:
        if one.stops_compile and one.stage is not None:
            places.setdefault((one.stage.index, one.location), []).append(one)
    ways = {place: _ways(subject, place, together) for place, together in places.items()}
    for one in listed:
        remedies = ways.get((one.stage.index, one.location)) if one.stage is not None else None
        yield replace(one, remedies=remedies) if remedies and one.stops_compile else one


def _ways(subject: Subject, place: tuple[int, Location], findings: Sequence[Finding]) -> tuple[Remedy, ...]:
    stage = subject.timeline.stages[place[0]]
    steps = (one for one in stage.steps if isinstance(one, InstallStep))
    step = next((one for one in steps if locate(subject.dockerfile, one.span) == place[1]), None)
    if step is None:
        return ()
    names = {about.name for one in findings for about in one.distributions}
    names |= {about.name for one in findings for also in one.brought for about in also.distributions}
    items = tuple(one for one in step.installed if one.resolved.name in names and one.built is not None)
    group = _Group(stage, step, items, tuple(findings))
    found = (
        _newer_pip(subject, group),
        _older_version(subject, group),
        _other_version(subject, group),
        _base(subject, group),
    )
    return tuple(one for one in found if one is not None)


def _newer_pip(subject: Subject, group: _Group) -> Remedy | None:
    """A pip that takes musllinux wheels, where there are such: pip 21.2, for Python 3.6 and later."""
    home = group.step.home
    if home.pip_version is None or knows_musllinux(home.pip_version) or not group.step.command.tool.runs_pip:
        return None
    if home.version is None or release_key(home.version) < release_key("3.6"):
        return None
    spared = [one for one in group.items if one.resolved.artefact.newer_pip is not None]
    if not spared:
        return None
    word = pip_words(subject.dockerfile, group.step)
    command = f"{word or 'pip'} install -U 'pip>=21.2'"
    fix = None
    if word is not None:
        start = group.step.span[0]
        edit = TextEdit(start, start, f"{word} install --no-cache-dir -U 'pip>=21.2' && ")
        fix = Fix(f"upgrade pip first in line {_line(subject, group.step)}", "unsafe", (edit,))
    return Remedy("pip", f"{command} first", _saved(group, spared), _names(spared), fix)


def _older_version(subject: Subject, group: _Group) -> Remedy | None:
    """The newest version that the requirement allows and that has a wheel: ``--prefer-binary`` takes it."""
    if not group.step.command.tool.runs_pip or not knows_musllinux(group.step.home.pip_version):
        return None
    spared = [one for one in group.items if one.resolved.artefact.allowed_with_wheel is not None]
    if not spared:
        return None
    shown = _listed([f"{one.resolved.name} {one.resolved.artefact.allowed_with_wheel}" for one in spared])
    word = pip_words(subject.dockerfile, group.step)
    fix = None
    if word is not None:
        data, start = subject.dockerfile.data, group.step.span[0]
        end = data.index(b"install", start + len(word.encode())) + len(b"install")
        fix = Fix(
            f"prefer wheels in line {_line(subject, group.step)}", "unsafe", (TextEdit(end, end, " --prefer-binary"),)
        )
    have = "which has a wheel" if len(spared) == 1 else "which have wheels"
    title = f"pip install --prefer-binary takes {shown}, {have}"
    return Remedy("prefer-binary", title, _saved(group, spared), _names(spared), fix)


def _other_version(subject: Subject, group: _Group) -> Remedy | None:
    """Versions that the requirement does not allow as it is, and that have wheels; written where all of them are plain
    pins."""
    spared = [
        one
        for one in group.items
        if one.resolved.artefact.nearest_with_wheel is not None
        and one.resolved.artefact.allowed_with_wheel is None
        and one.resolved.artefact.newer_pip is None
    ]
    if not spared:
        return None
    shown = _listed([f"{one.resolved.name} {one.resolved.artefact.nearest_with_wheel}" for one in spared])
    have = "which has a wheel that fits" if len(spared) == 1 else "which have wheels that fit"
    edits = [
        edit
        for one in spared
        if one.resolved.artefact.confidence == "certain"
        and (edit := repinned(subject.timeline, group.step, one, one.resolved.artefact.nearest_with_wheel or ""))
    ]
    fix = None
    if len(edits) == len(spared):
        places = _listed([str(place) for place in dict.fromkeys(one.resolved.origin for one in spared)])
        fix = Fix(f"use {shown} in {places}", "unsafe", tuple(dict.fromkeys(edits)))
    return Remedy("version", f"use {shown}, {have}", _saved(group, spared), _names(spared), fix)


def _base(subject: Subject, group: _Group) -> Remedy | None:
    return _other_python(subject, group) or _newer_alpine(subject, group)


def _newer_alpine(subject: Subject, group: _Group) -> Remedy | None:
    """The first release whose tools are new enough for everything that no package of this one helps."""
    table, release = toolchains(subject.knowledge), group.stage.alpine
    if release is None:
        return None
    first: list[str] = []
    stuck: list[Installed] = []
    for item in group.items:
        assert item.built is not None
        wrong = mismatches(subject, Compile(group.stage, group.step, item, item.built))
        for one in wrong:
            newer = None if one.too_new else table.first_with(one.tool, one.demand.version, after=release)
            if newer is None:
                return None
            first.append(newer)
        stuck += [item] if wrong else []
    known = set(_names(stuck))
    if not first or any(
        about.name not in known for one in group.findings if not one.packages for about in one.distributions
    ):
        return None  # what a build brings along may be stuck, too, and of that nothing is known on another release
    title = f"use Alpine {max(first, key=release_key)} or later, whose tools are new enough"
    return Remedy("base", title, f"{_listed([one.resolved.name for one in stuck])} can be compiled then", ())


def _other_python(subject: Subject, group: _Group) -> Remedy | None:
    """A tag of the same image and release with a Python for which everything comes as a wheel, by what is recorded."""
    image = _OFFICIAL.fullmatch(group.stage.base)
    if image is None or not all(one.resolved.artefact.shared.startswith("no wheel fits") for one in group.items):
        return None
    here = int(image["minor"])
    for minor in (here - 1, here - 2, here + 1):
        tag = f"python:3.{minor}-alpine{image['alpine']}"
        known = subject.knowledge.base_image(tag)
        if known is not None and known.certain and _all_wheels(subject, group.step, known):
            fix = _moved(subject, group.stage.base, tag, known)
            return Remedy("base", f"FROM {tag}", _saved(group, group.items), _names(group.items), fix)
    return None


def _moved(subject: Subject, base: str, tag: str, other: BaseImage) -> Fix | None:
    """The edits that build every stage on ``base`` from ``tag``; ``None`` where a stage has a Python of another image, which
    would no longer be the same, where not all have wheels then, or the tag comes from a variable."""
    edits: list[TextEdit] = []
    data = subject.dockerfile.data
    for stage in subject.timeline.stages.values():
        steps = [one for one in stage.steps if isinstance(one, InstallStep)]
        if stage.parent is None and stage.base != base and (steps or _OFFICIAL.fullmatch(stage.base)):
            return None
        if not all(_all_wheels(subject, step, other) for step in steps):
            return None
        if stage.parent is None and stage.base == base:
            opening = stage.from_instruction
            at = data.find(base.encode(), opening.start, opening.end)
            if at < 0:
                return None
            edits.append(TextEdit(at, at + len(base), tag))
    lines = _listed([str(subject.dockerfile.line_of(edit.start)) for edit in edits])
    return Fix(f"write FROM {tag} in line{'s' * (len(edits) > 1)} {lines}", "unsafe", tuple(edits))


def _all_wheels(subject: Subject, step: InstallStep, other: BaseImage) -> bool:
    """Whether in an official image for another Python what is compiled has a wheel, and what has one now keeps it, of the
    very same versions and of those that are for the other Python alone."""
    here, pip = step.target, step.target.pip_version
    if pip is not None and not knows_musllinux(pip):
        pip = other.pip_version  # a newer one was installed here, and will be there
    there = replace(here, python=other.python or here.python, pip_version=pip)
    for item in step.installed:
        resolved = item.resolved
        if resolved.artefact.kind in {"pure", "installed"} or (resolved.artefact.wheel_tag or "").endswith("-none-any"):
            continue
        if resolved.version is None:
            return False
        releases = subject.knowledge.facts.releases(resolved.name)
        taken = [f"=={resolved.version}"]
        newest = choose(resolved.name, f">={resolved.version}", releases, there).version
        if newest is not None and choose(resolved.name, f"=={newest}", releases, here).version is None:
            taken.append(f"=={newest}")
        verdicts = [choose(resolved.name, one, releases, there).verdict for one in taken]
        if any(one.kind != "wheel" or one.confidence != "certain" for one in verdicts):
            return False
    return True


def _saved(group: _Group, spared: Sequence[Installed]) -> str:
    """What a wheel for these leaves to compile, with the packages for that."""
    gone = set(_names(spared))
    built = [one for one in group.step.installed if one.built is not None and one.built.languages and not one.ready]
    others = not set(_names(built)) <= set(_names(group.items))
    if len(spared) == len(group.items):
        return "nothing is missing then" if others else "nothing is compiled then"
    rest = [one.resolved.name for one in group.items if one.resolved.name not in gone]
    wanted: set[str] = set()
    for one in group.findings:
        if any(about.name in rest for about in one.distributions):
            wanted.update(one.packages)
        for also in one.brought:
            if also.code == one.code and any(about.name in rest for about in also.distributions):
                wanted.update(also.packages)
    packages = f": {' '.join(sorted(wanted))}" if wanted else ""
    verb = ("lacks" if len(rest) == 1 else "lack") if others else ("is" if len(rest) == 1 else "are")
    return f"then only {_listed(rest)} {verb} {'anything' if others else 'compiled'}{packages}"


def _line(subject: Subject, step: InstallStep) -> int:
    return subject.dockerfile.line_of(step.span[0])


def _names(items: Iterable[Installed]) -> tuple[str, ...]:
    return tuple(one.resolved.name for one in items)


def _listed(names: Iterable[str]) -> str:
    return listed(names, _NAMED)
