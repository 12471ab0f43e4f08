"""Answers of the index as they are kept, and what one of them means for one interpreter and platform.

One answer serves every architecture: it lists each distribution with the files it has. It is one JSON file, named by a
digest of what was asked, without credentials; it tells the day on which it was given. Nothing here needs a network.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import ValidationError, convert, to_builtins
from msgspec.structs import replace

from dockerlint_alpine.python.markers import InvalidMarkerError, applies, environment
from dockerlint_alpine.python.model import (
    Origin,
    Release,
    Requested,
    RequirementSet,
    Resolution,
    Resolved,
    Target,
    Unresolved,
    Verdict,
    redact,
)
from dockerlint_alpine.python.origins import with_origins, without_origins
from dockerlint_alpine.python.sources.source_facts import SourceFacts, SourceNeed
from dockerlint_alpine.python.verdict import choose, judge_file, releases_of_files
from dockerlint_alpine.python.versions import specifiers

Variables: TypeAlias = "tuple[tuple[str, str], ...]"
"""Variables of a build's environment that its scripts look at, with their values."""

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.python.model import IndexOptions

FORMAT = 5
"""Of the answers; another one is asked again."""


class AnswerCache:
    """Answers in ``folder`` (made when needed; ``None``: nothing is kept).

    ``looked_at`` collects the files that answers were read from or not found in.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.looked_at: set[str] = set()

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the answer kept under ``key``; ``None`` where there is none that can be read."""
        if self.folder is None:
            return None
        place = self.folder / f"{key}.json"
        self.looked_at.add(str(place))
        try:
            found = json.loads(place.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and found.get("format") == FORMAT else None

    def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer; a folder that can't be written costs only the speed of the next run."""
        if self.folder is None:
            return
        self.looked_at.add(str(self.folder / f"{key}.json"))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", dir=self.folder, delete=False, encoding="utf-8", suffix=".tmp"
            ) as part:
                json.dump({"format": FORMAT, **answer}, part)
            Path(part.name).replace(self.folder / f"{key}.json")
        except OSError:
            return


def resolution_key(wanted: RequirementSet, target: Target, as_of: str | None) -> str:
    """Return the key of what ``wanted`` resolves to; only the Python of ``target`` matters, not its platform."""
    options = wanted.options
    formats = (options.no_binary, options.only_binary, options.pre_for)
    parts = [str(options.no_index), str(options.pre), str(options.prefer_binary), as_of or "", python_of(target)]
    parts += [",".join(sorted(names)) for names in formats]
    lines, limits = map(redact, lines_of(wanted.requested)), map(redact, lines_of(wanted.constraints))
    return _digest("resolution", *_places(options), *parts, "--", *lines, "--", *limits)


def kept_resolution(
    answers: AnswerCache,
    wanted: RequirementSet,
    target: Target,
    as_of: str | None,
    *,
    oldest: str,
    newest: str = "9999",
) -> Resolution | None:
    """Return the answer to ``wanted`` that is kept and was given on a day from ``oldest`` to ``newest``: one for every
    platform, else one that was put together for that of ``target``."""
    answer = answers.get(resolution_key(wanted, target, as_of))
    if answer is not None and oldest <= str(answer.get("day", "")) <= newest:
        return Answer(answer, wanted, target, as_of).resolution()
    answer = answers.get(_platform_key(wanted, target, as_of))
    if answer is None or not oldest <= str(answer.get("day", "")) <= newest:
        return None
    try:
        return with_origins(convert(answer["found"], Resolution), without_origins(wanted)[1])
    except (KeyError, IndexError, ValidationError):
        return None


def keep_resolution(
    answers: AnswerCache, wanted: RequirementSet, target: Target, as_of: str | None, *, day: str, found: Resolution
) -> None:
    """Keep an answer to ``wanted`` without its origins that holds for the platform of ``target`` alone."""
    answers.put(_platform_key(wanted, target, as_of), {"day": day, "found": to_builtins(found)})


def joined(first: Resolution, second: Resolution) -> Resolution:
    """Return two answers as one: of a distribution that both have, what the ``first`` says."""
    known = {one.name for one in first.distributions}
    told = known | {one.name for one in first.unresolved}
    distributions = (*first.distributions, *(one for one in second.distributions if one.name not in known))
    unresolved = (*first.unresolved, *(one for one in second.unresolved if one.name not in told))
    notes = tuple(dict.fromkeys((*first.notes, *second.notes)))
    return Resolution(tuple(sorted(distributions, key=lambda one: one.name)), unresolved, notes)


def _platform_key(wanted: RequirementSet, target: Target, as_of: str | None) -> str:
    each = [redact(one.text) for one in (*wanted.requested, *wanted.constraints)]  # their order is that of the origins
    return _digest("parts", resolution_key(wanted, target, as_of), repr(target), *each)


def source_key(name: str, version: str, options: IndexOptions, variables: Variables = ()) -> str:
    """Return the key of what the sdist of a release says in an environment."""
    return _digest("sdist", name, version, *_places(options), "--", *(part for pair in variables for part in pair))


def python_of(target: Target) -> str:
    """Return the interpreter as ``X.Y``."""
    return ".".join(map(str, target.python_version))


def _places(options: IndexOptions) -> list[str]:
    locked_at = (options.locked_at,) if options.locked_at is not None else ()
    places = (options.index_url or "", *options.extra_index_urls, *options.find_links, *locked_at)
    return [redact(url) for url in places]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join((str(FORMAT), *parts)).encode("utf-8", "replace")).hexdigest()[:32]


def source_facts_of(stored: Mapping[str, Any]) -> SourceFacts:
    """Return facts as :func:`packed_source` wrote them; raises ``TypeError`` for anything else."""
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in stored.items() if key != "format"
    }
    values["needs"] = tuple(SourceNeed(*one) for one in values.get("needs", ()))
    return SourceFacts(**values)  # type: ignore[arg-type]  # by the name of its field


def kept_source(answers: AnswerCache, key: str) -> SourceFacts | None:
    """Return the facts on an sdist that are kept under ``key``."""
    stored = answers.get(key)
    try:
        return source_facts_of(stored) if stored is not None else None
    except TypeError:
        return None


def packed_source(facts: SourceFacts) -> dict[str, Any]:
    """Return facts as JSON holds them."""
    values = {name: getattr(facts, name) for name in facts.__struct_fields__}
    return {**values, "needs": [[need.kind, need.name, need.where, need.required] for need in facts.needs]}


def packed_release(release: Release) -> list[Any]:
    """Return a release as JSON holds it, with the wheels that may concern Linux."""
    tags = [tag for tag in release.wheels if "linux" in tag or tag.endswith("-any")]
    return [release.version, release.upload_date, release.yanked, release.requires_python, tags, release.sdist]


def unpacked_release(packed: Sequence[Any]) -> Release:
    """Return the release that :func:`packed_release` wrote."""
    version, date, yanked, python, tags, sdist = packed
    return Release(version, date, yanked, python, tuple(tags), sdist)


def lines_of(requested: Sequence[Requested]) -> list[str]:
    """Return what uv is asked: named requirements; folders and VCS without a name are left to the caller."""
    found = []
    for one in requested:
        if (
            one.path is not None
            or one.name is None
            or (one.url is not None and not (one.artefacts or ("",))[0].endswith(".whl"))
        ):
            continue
        extras = f"[{','.join(one.extras)}]" if one.extras else ""
        body = f"{one.name}{extras} @ {one.url}" if one.url is not None else f"{one.name}{extras}{one.specifier}"
        found.append(f"{body} ; {one.marker}" if one.marker else body)
    return list(dict.fromkeys(found))


class Answer:
    """Turns the packages of an answer into a resolution for one target."""

    def __init__(self, answer: Mapping[str, Any], wanted: RequirementSet, target: Target, as_of: str | None) -> None:
        self.wanted = wanted
        self.target = target
        self.as_of = as_of
        self.day = str(answer.get("day", ""))
        self.notes = answer.get("notes", [])
        self.values = environment(target)
        kept = [one for one in answer.get("packages", []) if self.holds(one.get("marker"))]
        self.packages: dict[str, Mapping[str, Any]] = {str(one["name"]): one for one in kept}

    def holds(self, marker: str | None) -> bool:
        """Tell whether a marker lets a package in; one that can't be read does."""
        try:
            return applies(marker, self.values)
        except InvalidMarkerError:
            return True

    def resolution(self) -> Resolution:
        """Return what is installed, what could not be told, and each distribution's way from the files."""
        direct = {one.name: one for one in reversed(self.wanted.requested) if one.name and self.holds(one.marker)}
        chains = self.chains({name: one for name, one in direct.items() if name in self.packages})
        found: list[Resolved] = []
        unresolved: list[Unresolved] = []
        for name in sorted(self.packages):
            package, (chain, origin) = self.packages[name], chains.get(name, ((name,), Origin("")))
            own = direct.get(name)
            verdict = self.verdict(package)
            extras = own.extras if own is not None else ()
            found.append(
                Resolved(name, package["version"] or None, extras, chain, origin, verdict, own.url if own else None)
            )
            if verdict.kind == "none":
                unresolved.append(Unresolved(name, chain, verdict.reason, "no-release"))
            elif package.get("doubt"):
                unresolved.append(Unresolved(name, chain, package["doubt"], "dependencies"))
        for own in self.wanted.requested:
            if self.holds(own.marker) and (own.name is None or own.name not in self.packages):
                self.outside(own, found, unresolved)
        notes = tuple(str(note) for note in self.notes)
        return Resolution(tuple(sorted(found, key=lambda one: one.name)), tuple(unresolved), notes)

    def outside(self, own: Requested, found: list[Resolved], unresolved: list[Unresolved]) -> None:
        """Add what uv was not asked: folders, archives and VCS sources."""
        what = own.name or own.path or own.shown
        if own.artefacts:
            verdict = judge_file(own.artefacts[0], self.target)
        else:
            place = f"the folder {own.path}" if own.path is not None else own.shown
            verdict = Verdict("sdist", f"built from {place}", "requirement")
        if own.name is not None:
            version = specifiers(own.specifier).pin
            found.append(Resolved(own.name, version, own.extras, own.chain, own.origin, verdict, own.url))
        if own.name is None or own.path is None:
            unresolved.append(Unresolved(what, own.chain, "only building it tells its dependencies", "dependencies"))

    def chains(self, direct: Mapping[str, Requested]) -> dict[str, tuple[tuple[str, ...], Origin]]:
        """Return for each package the shortest way from a requirement of the files."""
        children: dict[str, list[str]] = {}
        for name, package in self.packages.items():
            for parent in package["via"]:
                children.setdefault(parent, []).append(name)
        found = {name: (one.chain, one.origin) for name, one in direct.items()}
        bases = {name: (*one.chain, name) for name, one in direct.items()}
        queue = list(direct)
        for parent in queue:
            for child in children.get(parent, ()):
                if child not in found:
                    bases[child] = (*bases[parent], child)
                    found[child] = (bases[child], found[parent][1])
                    queue.append(child)
        return found

    def verdict(self, package: Mapping[str, Any]) -> Verdict:
        """Return the verdict on one package of the answer."""
        name, version = package["name"], package["version"]
        releases = [unpacked_release(one) for one in package.get("releases", ())] or releases_of_files(
            package["files"], name
        )
        wanted = f"=={version}" if version else ""
        day = self.as_of or self.day
        source = f"index as of {day}" if day else "index"
        verdict = choose(name, wanted, releases, self.target, self.wanted.options, source=source).verdict
        return replace(verdict, source=source)
