"""Which release and which file of it pip takes: a wheel, or an sdist that is compiled.

The order is that of pip's ``CandidateEvaluator``: a version that is not yanked, with ``--prefer-binary`` one that has a
wheel, then the newest version, and of its files the wheel with the best tag, else the sdist. So the newest version wins
even if it has only an sdist.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.python.markers import environment, machine
from dockerlint_alpine.python.model import (
    NO_FILE,
    ArtefactKind,
    IndexOptions,
    Release,
    Releases,
    Target,
    Verdict,
    by_version,
    versions_of,
)
from dockerlint_alpine.python.requirement import archive_version
from dockerlint_alpine.python.tags import expand_tag, lacks_musllinux, libc_of_tag, supported_tags, tag_of_wheel
from dockerlint_alpine.python.versions import (
    InvalidSpecifierError,
    is_pre_release,
    is_version,
    latest_first,
    place_among,
    sort_versions,
    specifiers,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


NO_MATCH = "no known release matches "
"""How a verdict begins where the requirement admits nothing that is recorded."""
Confidence: TypeAlias = Literal["certain", "likely", "possible"]
_CERTAIN: Confidence = "certain"


class Choice(Struct, frozen=True):
    """The version pip takes (``None``: it takes none, or it can't be told) and the verdict on its file."""

    version: str | None
    verdict: Verdict


def describe(target: Target) -> str:
    """Return the target in the words of a message: ``Python 3.11 on musl 1.2 x86_64``."""
    libc = "an unknown C library"
    if target.musl is not None:
        libc = f"musl {target.musl[0]}.{target.musl[1]}"
    elif target.glibc is not None:
        libc = f"glibc {target.glibc[0]}.{target.glibc[1]}"
    python = {"cp": "Python", "pp": "PyPy"}.get(target.implementation, target.implementation)
    threads = " (free-threaded)" if target.free_threaded else ""
    return f"{python} {target.python}{threads} on {libc} {machine(target.platform)}"


def releases_of_files(names: Iterable[str], distribution: str) -> list[Release]:
    """Return the releases of ``distribution`` that a list of wheel and sdist file names amounts to."""
    wheels: dict[str, list[str]] = {}
    sources = set()
    for filename in names:
        known = archive_version(filename)
        if known is None or known[0] != distribution:
            continue
        tag = tag_of_wheel(filename)
        wheels.setdefault(known[1], []).extend([tag] if tag else [])
        if tag is None:
            sources.add(known[1])
    return [Release(version, wheels=tuple(tags), sdist=version in sources) for version, tags in wheels.items()]


def newest_first(releases: Iterable[Release]) -> tuple[Release, ...]:
    """Return one release of each version, newest first; what is no version by PEP 440 comes last."""
    found = {release.version: release for release in releases}
    return tuple(map(found.__getitem__, latest_first(found)))


def merged(releases: Releases, more: Sequence[Release]) -> Releases:
    """Return ``releases`` with ``more`` (newest first, and of other versions) in their places."""
    versions, places = list(releases.versions), list(range(len(releases)))
    for number, release in enumerate(more, start=1):
        at = place_among(release.version, versions)
        versions.insert(at, release.version)
        places.insert(at, -number)
    return Releases(versions, lambda at: releases[places[at]] if places[at] >= 0 else more[-places[at] - 1])


def merge_releases(index: Sequence[Release], local: Sequence[Release]) -> list[Release]:
    """Return the union of an index's releases and those of local files; a version in both has the files of both.

    Local files come first, so that of two with the same tag the local one is taken (pip: ``find_all_candidates``).
    """
    merged = dict(by_version(index))
    for release in local:
        known = merged.get(release.version)
        merged[release.version] = (
            release
            if known is None
            else replace(known, wheels=release.wheels + known.wheels, sdist=known.sdist or release.sdist, yanked=False)
        )
    return list(merged.values())


_ENDS = {
    "2.7": "2020-01-01",
    "3.4": "2019-03-18",
    "3.5": "2020-09-30",
    "3.6": "2021-12-23",
    "3.7": "2023-06-27",
    "3.8": "2024-10-07",
}
"""The last day of each Python that is out of support: devguide.python.org/versions."""


def _by_a_newer_installer(target: Target) -> Target:
    return replace(target, pip_version=None, no_musllinux="")


class _Chooser:
    """One choice: the candidates of one distribution on one target."""

    def __init__(self, name: str, specifier: str, target: Target, options: IndexOptions, source: str) -> None:
        self.name = name
        self.specifier = specifiers(specifier)
        self.target = target
        self.options = options
        self.source = source
        self.wheels_allowed, self.sdists_allowed = options.allows(name)
        self.python = environment(target)["python_full_version"]
        self.end = _ENDS.get(".".join(self.python.split(".")[:2]), "9")
        self.ranks = supported_tags(target)

    def best_wheel(self, release: Release) -> str | None:
        """Return the wheel tag pip prefers in a release, ``None`` if none fits or wheels are not allowed."""
        if not self.wheels_allowed:
            return None
        best: tuple[int, str] | None = None
        for tag in release.wheels:
            for plain in expand_tag(tag):
                rank = self.ranks.get(plain)
                if rank is not None and (best is None or rank < best[0]):
                    best = (rank, tag)
        return best[1] if best else None

    def fits_python(self, release: Release) -> bool:
        """Tell whether the release admits this Python. An invalid ``Requires-Python`` is ignored, as pip does.

        A lock of uv leaves it out: what came after the end of a Python is not taken for it.
        """
        if release.partial and not self.specifier.pinned and (release.upload_date or "") > self.end:
            return False
        if release.requires_python is None:
            return True
        try:
            return specifiers(release.requires_python).contains(self.python)
        except InvalidSpecifierError:
            return True

    def admitted(self, known: Sequence[Release], *, pre: bool | None) -> Iterator[Release]:
        """Yield those of ``known`` that the requirement admits: pre-releases alone, or final ones alone, or either."""
        for at, version in enumerate(versions_of(known)):
            if pre is not None and is_pre_release(version) is not pre:
                continue
            if self.specifier.contains(version) and is_version(version):
                yield known[at]

    def choose(self, known: Sequence[Release]) -> Choice:
        """The choice among ``known``, newest first. Most often one of the first is it, and the others stay unread."""
        admitted: list[Release] = []
        either = self.options.allows_pre(self.name) or self.specifier.names_pre_release
        for pre in (None,) if either else (False, True):  # the groups that pip tries one after the other
            found = self.newest(known, pre=pre)
            if found is not None:
                return self.told(found, known)
            releases = list(self.admitted(known, pre=pre))
            admitted.extend(releases)
            any_file = self.first(release for release in releases if self.fits_python(release))
            if any_file is not None:  # only yanked files: pip looks no further, not at pre-releases either
                return self.told(any_file, known) if self.specifier.pinned else self.nothing(admitted)
        return self.nothing(admitted)

    def newest(self, known: Sequence[Release], *, pre: bool | None) -> Release | None:
        """The first of ``known`` in a group that an installer takes without a second thought."""
        return next(self.usable(known, pre=pre), None)

    def usable(self, known: Sequence[Release], *, pre: bool | None) -> Iterator[Release]:
        """All of them, one after the other as those before are left out."""
        fitting = (release for release in self.admitted(known, pre=pre) if self.fits_python(release))
        return self.with_files(release for release in fitting if not release.yanked)

    def first(self, releases: Iterable[Release]) -> Release | None:
        """The first release with an allowed file."""
        return next(self.with_files(releases), None)

    def with_files(self, releases: Iterable[Release]) -> Iterator[Release]:
        """Yield the releases with an allowed file; with ``--prefer-binary`` those with a wheel before the others."""
        if self.options.prefer_binary:
            sources = []
            for release in releases:
                if self.best_wheel(release) is not None:
                    yield release
                else:
                    sources.append(release)
            releases = sources
        for release in releases:
            if (release.sdist and self.sdists_allowed) or self.best_wheel(release) is not None:
                yield release

    def told(self, found: Release, known: Sequence[Release]) -> Choice:
        yanked = " (yanked)" if found.yanked else ""
        tag = self.best_wheel(found)
        if tag is not None:
            glibc = self.target.musl is not None and libc_of_tag(tag) == "glibc"
            reason = (
                f"{tag} {'is a glibc wheel, forced by --platform' if glibc else 'fits'} {describe(self.target)}{yanked}"
            )
            source = found.source or self.source
            return Choice(found.version, Verdict("glibc-wheel" if glibc else "wheel", reason, source, tag))
        recorded = by_version(known)
        nearest = self.nearest(found.version, recorded) if self.wheels_allowed else None
        why, shared, newer_pip = self.why_source(found)
        reason, confidence = why + yanked, _CERTAIN
        if found.partial and self.wheels_allowed and not reason.startswith("pip "):
            beside = self.kept_beside(found)
            if beside is None:
                return self.between(found.version, recorded)
            reason = f"{self.name} {found.version} has {beside}, and no wheel for musl was listed beside it"
            confidence, shared = "likely", "wheels for glibc and none for musl"
        allowed = self.allowed(found.version, recorded) if self.wheels_allowed else None
        verdict = Verdict("sdist", reason, found.source or self.source, None, nearest, confidence)
        return Choice(found.version, replace(verdict, shared=shared, newer_pip=newer_pip, allowed_with_wheel=allowed))

    def kept_beside(self, release: Release) -> str | None:
        """Return a wheel for glibc that the lock of a partial release kept, for this Python and machine.

        Locks leave out what their project's Python or machines can't use, and no marker tells musl from glibc: where such
        a wheel is listed and none for musl is, there is none (README of the facts: so in 91,371 of 91,406 cases).
        """
        if self.target.musl is None:
            return None
        ranks = supported_tags(_by_a_newer_installer(self.target))
        accepted = {_but_libc(tag) for tag in ranks if "-musllinux_" in tag}
        for tag in release.wheels:
            if libc_of_tag(tag) == "glibc" and any(_but_libc(plain) in accepted for plain in expand_tag(tag)):
                return tag
        return None

    def between(self, version: str, recorded: Mapping[str, Release]) -> Choice:
        """The choice for a release that is not recorded, or of whose wheels too little is: its neighbours bound it.

        Pure Python before and after is pure Python; wheels that fit, or compiling, on both sides are likely here too. After
        all that are recorded, or before them, a distribution that was always pure still is; one that was compiled may be.
        """
        finals = [one for one in recorded if one != version and not is_pre_release(one)]
        ordered = sort_versions([*finals, version])
        unknown = Verdict("unknown", f"{self.name} {version} is not among the recorded releases", self.source)
        if version not in ordered:
            return Choice(version, unknown)
        at = ordered.index(version)
        below = self.first_told(recorded[one] for one in reversed(ordered[:at]))
        above = self.first_told(recorded[one] for one in ordered[at + 1 :])
        near = above or below
        if near is None:
            return Choice(version, unknown)
        kinds = {told[0] for told in (below, above) if told is not None}
        shown = " and ".join(told[1].version for told in (below, above) if told is not None)
        source = near[1].source or self.source
        always = all(one.pure for one in recorded.values() if one.wheels_known)
        if kinds == {"pure"} and (always or (below and above)):
            return Choice(version, Verdict("pure", f"{self.name} {shown} are pure Python", source, confidence="likely"))
        if below and above and kinds == {"wheel"}:
            reason = f"{self.name} {shown} have wheels that fit {describe(self.target)}"
            return Choice(version, Verdict("wheel", reason, source, self.best_wheel(near[1]), confidence="likely"))
        if kinds == {"sdist"} and self.sdists_allowed:
            reason = f"{self.name} {version} is not recorded; of {shown} no wheel fits {describe(self.target)}"
            confidence: Confidence = "likely" if below and above else "possible"
            shared = f"not recorded, and no wheel of its neighbours fits {describe(self.target)}"
            return Choice(version, Verdict("sdist", reason, source, confidence=confidence, shared=shared))
        return Choice(version, unknown)

    def first_told(self, releases: Iterable[Release]) -> tuple[str, Release] | None:
        """Return the first release of which it is known what pip takes, and what that is."""
        for release in releases:
            if release.yanked:
                continue
            if release.pure:
                return "pure", release
            if self.best_wheel(release) is not None:
                return "wheel", release
            if release.wheels_known and (not release.partial or self.kept_beside(release) is not None):
                return "sdist", release
        return None

    def why_source(self, release: Release) -> tuple[str, str, str | None]:
        """Return why a release is compiled, the same in words for several, and the wheel that a newer pip would take."""
        if not self.wheels_allowed:
            return f"--no-binary asks for the source of {self.name}", "--no-binary asks for the source", None
        if not release.wheels:
            return f"{self.name} {release.version} has no wheels for Linux", "no wheels for Linux", None
        why = lacks_musllinux(self.target) if self.target.musl is not None else None
        if why is not None:
            modern = _Chooser(self.name, "", _by_a_newer_installer(self.target), self.options, self.source)
            if (tag := modern.best_wheel(release)) is not None:
                return f"{why}; {tag} would fit", why, tag
        here = describe(self.target)
        return f"no wheel of {self.name} {release.version} fits {here}", f"no wheel fits {here}", None

    def nearest(self, version: str, recorded: Mapping[str, Release]) -> str | None:
        """Return the nearest later version that has a fitting wheel, else the nearest earlier one that the requirement
        allows: what is older than asked for is not advice, be it a placeholder or a fossil."""
        finals = [one for one in recorded if one == version or not is_pre_release(one)]
        ordered = sort_versions(finals)
        if version not in ordered:
            return None
        at = ordered.index(version)
        earlier = (one for one in reversed(ordered[:at]) if self.specifier.contains(one))
        for one in (*ordered[at + 1 :], *earlier):
            release = recorded[one]
            if not release.yanked and self.fits_python(release) and self.best_wheel(release) is not None:
                return release.version
        return None

    def allowed(self, version: str, recorded: Mapping[str, Release]) -> str | None:
        """Return the newest version before ``version`` that the requirement allows and that has a fitting wheel."""
        if self.specifier.pin is not None:
            return None
        ordered = sort_versions([*(one for one in recorded if not is_pre_release(one)), version])
        for one in reversed(ordered[: ordered.index(version)]):
            release = recorded[one]
            fits = self.specifier.contains(one) and not release.yanked and self.fits_python(release)
            if fits and self.best_wheel(release) is not None:
                return one
        return None

    def not_listed(self, admitted: Sequence[Release], wanted: str) -> Choice:
        """Locks do not list every release: an older one may admit this Python. What was always pure Python is so there."""
        source = admitted[0].source or self.source
        known = [release for release in admitted if release.wheels_known]
        if known and all(release.pure for release in known) and self.wheels_allowed:
            reason = f"every recorded release of {self.name} is pure Python"
            return Choice(None, Verdict("pure", reason, source, confidence="likely"))
        return Choice(None, Verdict("unknown", f"no recorded release of {wanted} admits Python {self.python}", source))

    def nothing(self, admitted: Sequence[Release]) -> Choice:
        """Say why no release can be taken."""
        wanted = f"{self.name}{self.specifier.text}"
        if not admitted:
            kind: ArtefactKind = "unknown" if self.source.startswith("facts") else "none"
            return Choice(self.specifier.pin, Verdict(kind, f"{NO_MATCH}{wanted}", self.source))
        fitting = [release for release in admitted if self.fits_python(release)]
        if not fitting and self.specifier.pin is None and any(release.source for release in admitted):
            return self.not_listed(admitted, wanted)
        if not fitting:
            needs = admitted[0].requires_python
            return Choice(
                None, Verdict("none", f"{wanted} needs Python {needs}, this is {self.target.python}", self.source)
            )
        if all(release.yanked for release in fitting):
            return Choice(None, Verdict("none", f"every release that matches {wanted} is yanked", self.source))
        if not self.sdists_allowed:
            reason = f"only wheels are allowed (--only-binary), and none of {wanted} fits {describe(self.target)}"
        elif not self.wheels_allowed:
            reason = f"only sources are allowed (--no-binary), and {wanted} has none"
        else:
            reason = f"{wanted} {NO_FILE} {describe(self.target)}"
        nearest = next((one for one in fitting if one.wheels), fitting[0]).version
        return Choice(self.specifier.pin or nearest, Verdict("none", reason, self.source))


def _but_libc(tag: str) -> tuple[str, str]:
    """A plain tag for Linux without the C library and its version: ``cp312-cp312``, ``x86_64``."""
    python, _, platform = tag.rpartition("-")
    return python, re.sub(r"(?:manylinux\d+|(?:many|musl)linux_\d+_\d+|linux)_", "", platform)


def final_versions(
    name: str,
    specifier: str,
    releases: Sequence[Release],
    target: Target,
    options: IndexOptions,
    as_of: str | None = None,
) -> Iterator[str]:
    """Yield the versions that :func:`choose` takes of ``releases``, newest first, as those before are left out, while these
    are final ones that nobody has withdrawn; nothing where that has to be asked there."""
    if as_of is not None:
        if any(one.upload_date is None for one in releases):
            return
        releases = [one for one in releases if (one.upload_date or "") <= as_of]
    if options.allows_pre(name) or specifiers(specifier).names_pre_release:
        return
    yield from (one.version for one in _Chooser(name, specifier, target, options, "").usable(releases, pre=False))


def choose(
    name: str,
    specifier: str,
    releases: Sequence[Release],
    target: Target,
    options: IndexOptions | None = None,
    *,
    source: str = "index",
    as_of: str | None = None,
    ordered: bool = False,
) -> Choice:
    """Return the release and file that pip takes of the distribution ``name`` (normalised).

    ``specifier`` is PEP 440 text, ``""`` for any; ``as_of`` (``YYYY-MM-DD``) leaves out what was uploaded later, and what a
    lock recorded without a day and may have been. Releases that are ``ordered`` come newest first, as facts have them.
    Raises ``PythonError`` for an invalid specifier or target.
    """
    if not ordered:
        releases = newest_first(releases)
    chooser = _Chooser(name, specifier, target, options or IndexOptions(), source)
    if as_of is None:
        return chooser.choose(releases)
    out = list(releases) if chooser.specifier.pinned else list(_known_to_be_out(releases, as_of))
    out = [one for one in out if one.upload_date is None or one.upload_date <= as_of]
    choice = chooser.choose(out)
    if choice.verdict.kind == "none":  # nobody knows when a release was yanked: on that day it may have been there
        choice = chooser.choose([replace(one, yanked=False) for one in out])
    undated = any(one.upload_date is None and one not in out for one in releases)
    if choice.verdict.kind in {"none", "unknown"} and undated:
        reason = f"of no release of {name} that is recorded is it known that it was out on {as_of}"
        return Choice(None, Verdict("unknown", reason, source))
    if choice.verdict.kind == "sdist" and undated and not chooser.specifier.pinned:
        among = {one.version for one in (*out, *_perhaps_out(releases, as_of))}
        perhaps = chooser.choose([one for one in releases if one.version in among])
        if perhaps.verdict.kind == "wheel":  # a newer release that may have been out has a file that fits
            return replace(choice, verdict=replace(choice.verdict, confidence="possible"))
    return choice


def _perhaps_out(releases: Sequence[Release], as_of: str) -> list[Release]:
    """Those without a day that are older than the first release of ``releases``, newest first, that came later."""
    later = [place for place, one in enumerate(releases) if one.upload_date is not None and one.upload_date > as_of]
    return [one for one in releases[max(later, default=-1) + 1 :] if one.upload_date is None]


def _known_to_be_out(releases: Sequence[Release], as_of: str) -> Iterator[Release]:
    """Of ``releases``, newest first, all but those that a lock recorded without a day, where no newer one was out then."""
    out = False
    for one in releases:
        out = out or (one.upload_date is not None and one.upload_date <= as_of)
        if one.upload_date is not None or one.source is None or out:
            yield one


def unrecorded(
    name: str,
    version: str,
    releases: Sequence[Release],
    target: Target,
    options: IndexOptions | None = None,
    *,
    source: str = "index",
) -> Choice:
    """Return what pip takes of ``version``, which is not among ``releases``, as far as those tell."""
    chooser = _Chooser(name, "", target, options or IndexOptions(), source)
    if not chooser.wheels_allowed:
        shared = "--no-binary asks for the source"
        return Choice(version, Verdict("sdist", f"{shared} of {name}", "requirement", shared=shared))
    return chooser.between(version, by_version(releases))


def judge_file(filename: str, target: Target) -> Verdict:
    """Return the verdict on one given archive: a URL, a local file or the only artefact of a lock file."""
    tag, source = tag_of_wheel(filename), "requirement"
    if tag is None:
        return Verdict("sdist", f"{filename} is a source archive", source)
    ranks = supported_tags(target)
    if any(plain in ranks for plain in expand_tag(tag)):
        return Verdict("wheel", f"{tag} fits {describe(target)}", source, tag)
    if target.musl is not None and libc_of_tag(tag) == "glibc":
        return Verdict(
            "glibc-wheel", f"{filename} is built for glibc; pip refuses it on {describe(target)}", source, tag
        )
    return Verdict("none", f"{filename} is not a supported wheel for {describe(target)}", source, tag)
