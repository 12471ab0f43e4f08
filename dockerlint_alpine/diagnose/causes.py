"""From matches to root causes: echoes and probes are dropped, duplicates are merged.

Within one step of the build the strongest matches count. A network failure overrules the missing packages that follow
from it; a binary for glibc overrules every other complaint about the same file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.diagnose.model import Cause, Moment
from dockerlint_alpine.diagnose.scan import PIP_FOLDER, Hit, Mark, Scan
from dockerlint_alpine.diagnose.steps import Step, same_command
from dockerlint_alpine.python.model import normalise
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.diagnose.lookup import Answer, Lookup
    from dockerlint_alpine.knowledge import Build, Knowledge

_STRENGTH = {"proof": 3, "probe": 2, "hint": 1, "echo": 0}
_NEAR = 20
"""Lines below a match that may show that something is being built."""

_REACH = 4000
"""Lines below a match in which a `Failed building wheel for X` still speaks of it."""

_SO_MODULE = lazy_pattern(r"(?:site|dist)-packages/(?P<module>[A-Za-z_]\w*)")
_SOURCE_FOLDER = lazy_pattern(
    r"(?:^|[\s\"'(])(?:\./)?(?:src/)?(?P<module>[A-Za-z_]\w+)/[\w./+-]*\.(?:c|cc|cpp|cxx|h|hpp|pyx):"
)


class Reading(Struct, frozen=True):
    """A match with its answer and the distribution it speaks of (a normalised name), ``version`` where known."""

    hit: Hit
    answer: Answer
    distribution: str | None
    version: str | None

    @property
    def strength(self) -> int:
        """3 for a proof down to 0 for an echo."""
        return _STRENGTH[self.hit.match.pattern.strength]

    @property
    def id(self) -> str:
        """The id of its pattern."""
        return self.hit.match.pattern.id


class Reader:
    """Turns a scan into causes."""

    def __init__(self, knowledge: Knowledge, lookup: Lookup, found: Scan) -> None:
        self._knowledge = knowledge
        self._lookup = lookup
        self._found = found
        self._answers: dict[tuple[str, ...], Answer] = {}
        self._failed = {step for failure in found.failures for step in found.steps if same_command(step, failure)}

    def causes(self) -> tuple[Cause, ...]:
        """The root causes in order of their lines; one that says what is missing where the log does not tell.

        None at all where the log is that of a build which went well.
        """
        hits = self._hits()
        if not hits and self._found.succeeded and not self._found.failures:
            return ()
        readings = [self._reading(hit) for hit in hits]
        kept = [reading for group in _by_step(self._of_failed_steps(readings)) for reading in self._root(group)]
        merged = _merged(kept)
        strongest = max((reading.strength for reading in merged), default=0)
        if strongest > 1:
            merged = [reading for reading in merged if reading.strength > 1 or self._insists(reading)]
        causes = tuple(self._cause(reading, merged[0]) for reading in merged)
        return causes or (self._untold(readings),)

    def _hits(self) -> list[Hit]:
        """The matches that may matter: not those of steps that ended well, nor those of a build that did as a whole."""
        found, failed = self._found, self._failed
        if found.succeeded and not found.failures:
            return [hit for hit in found.hits[found.settled :] if hit.match.pattern.strength != "echo"]
        return [hit for hit in found.hits if hit.step not in found.done or hit.step in failed or hit.running]

    def _of_failed_steps(self, readings: list[Reading]) -> list[Reading]:
        """Only what the failed steps said, where the engine tells which those are; steps that went on don't matter."""
        of_failed = [reading for reading in readings if reading.hit.step in self._failed]
        return of_failed if any(reading.strength for reading in of_failed) else readings

    # -- one match -----------------------------------------------------------------------------------------------

    def _reading(self, hit: Hit) -> Reading:
        key = (hit.match.pattern.id, *hit.match.groups.values())
        if key not in self._answers:
            self._answers[key] = self._lookup.answer(hit.match)
        name, version = self._distribution(hit)
        return Reading(hit, self._answers[key], name, version)

    def _distribution(self, hit: Hit) -> tuple[str | None, str | None]:
        """The distribution that a line speaks of: named in it, failed below it, or begun above it."""
        named = hit.match.group("dist")
        if named:
            return normalise(named), self._found.version_of(named)
        folder = PIP_FOLDER.search(hit.quote)
        if folder is not None:
            return normalise(folder["name"]), self._found.version_of(folder["name"])
        module = _SO_MODULE.search(hit.quote)
        if module is not None and hit.match.pattern.moment == "run":
            return self._by_import(module["module"])
        extension = self._answers[(hit.match.pattern.id, *hit.match.groups.values())].extension
        if extension is not None:
            return normalise(extension), self._found.version_of(extension)
        if hit.traceback is not None and self._runs(hit):
            return self._by_import(hit.traceback)
        if hit.match.pattern.moment == "apk":
            return None, None
        mark = self._mark(hit)
        if mark is not None:
            return normalise(mark.name), mark.version or self._found.version_of(mark.name)
        source = _SOURCE_FOLDER.search(hit.quote)
        return self._by_import(source["module"], sure=False) if source is not None else (None, None)

    def _mark(self, hit: Hit) -> Mark | None:
        same = [mark for mark in self._found.marks if mark.step is hit.step or mark.step is None or hit.step is None]
        below = [mark for mark in same if mark.failed and hit.line <= mark.line <= hit.line + _REACH]
        above = [mark for mark in same if mark.line <= hit.line]
        if below:
            return below[0]
        return above[-1] if above else next((mark for mark in same if mark.line > hit.line), None)

    def _by_import(self, module: str, *, sure: bool = True) -> tuple[str | None, str | None]:
        entry = self._knowledge.distribution_for_import(module) or self._knowledge.distribution(module)
        if entry is not None:
            return entry.name, self._found.version_of(entry.name)
        return (normalise(module.removesuffix("_")), None) if sure and not module.startswith("_") else (None, None)

    # -- the matches of one step ---------------------------------------------------------------------------------

    def _root(self, group: Sequence[Reading]) -> list[Reading]:
        readings = [reading for reading in group if reading.strength and reading.answer.known]
        # Probes for libraries that the rules know the distribution to do without are left out.
        readings = [reading for reading in readings if reading.strength == 3 or self._insists(reading) is not False]
        proofs = [reading for reading in readings if reading.strength == 3]
        strongest = max((reading.strength for reading in readings), default=0)
        kept = [
            reading
            for reading in readings
            if reading.strength == strongest
            or (self._counts_beside(reading, proofs) if proofs else self._insists(reading))
        ]
        return [one for one in kept if not any(_overrules(other, one) for other in kept if other is not one)]

    def _counts_beside(self, reading: Reading, proofs: Sequence[Reading]) -> bool:
        """A probe beside a proof counts where the rules say that the build insists on what it looked for.

        What speaks of the environment (``overrules``) counts whenever it stands above the first proof.
        """
        pattern = reading.hit.match.pattern
        if pattern.overrules & {proof.id for proof in proofs}:
            return True
        return reading.strength == 2 and self._insists(reading) is True

    def _insists(self, reading: Reading) -> bool | None:
        """Whether the rules say that the distribution can't be built without this; ``None`` where they say nothing."""
        if reading.strength == 3 or not reading.answer.packages:
            return None
        entry = self._knowledge.distribution(reading.distribution) if reading.distribution else None
        build = entry.build(reading.version) if entry is not None else None
        if entry is None or build is None:
            return None if reading.strength == 2 else False
        return self._build_insists(build, reading)

    def _build_insists(self, build: Build, reading: Reading) -> bool | None:
        wanted = set(reading.answer.packages)
        needs = [
            need for name in build.language if (language := self._knowledge.language(name)) for need in language.needs
        ]
        for link in build.libraries:
            library = self._knowledge.library(link.library)
            if library is None:
                continue
            names = {
                n for need in library.build_needs(self._lookup.release) for n in self._lookup.packages_for(need)[:1]
            }
            if wanted & names:
                return link.required and link.linkage == "always"
            if link.required and link.linkage == "always":
                needs.extend(link.needs)
        if any(wanted & set(self._lookup.packages_for(need)) for need in (*needs, *build.needs)):
            return True
        return None if reading.strength == 2 else False

    # -- causes --------------------------------------------------------------------------------------------------

    def _cause(self, reading: Reading, first: Reading) -> Cause:
        """The cause that a reading is; one that Python says came of an exception above it follows from the first."""
        chained = reading.hit.chained and reading is not first and reading.hit.step is first.hit.step
        hit, answer = reading.hit, reading.answer
        pattern = hit.match.pattern
        confidence = answer.confidence
        if pattern.strength != "proof" and confidence == "certain":
            confidence = "likely"
        return Cause(
            cause=hit.match.title,
            moment=self._moment(hit, answer),
            lasting=pattern.moment == "run" or self._runs(hit),
            outcome=answer.outcome,
            line=hit.line,
            quote=hit.quote,
            advice=answer.advice,
            confidence=confidence,
            distribution=reading.distribution,
            version=reading.version,
            need=answer.need,
            packages=answer.packages if answer.outcome == "package" else (),
            stage=hit.step.stage if hit.step is not None else None,
            replaces=answer.replaces,
            pin=answer.pin,
            follows=first.hit.line if chained else None,
            pattern=pattern.id,
            step=hit.step,
        )

    def _runs(self, hit: Hit) -> bool:
        """Whether the line is from a program that runs, not from one that installs or compiles."""
        moment = hit.match.pattern.moment
        if moment == "either":
            building = self._found.building
            return hit.running or (hit.step is None and not 0 < building <= hit.line + _NEAR)
        return moment == "run" and not PIP_FOLDER.search(hit.quote)

    def _moment(self, hit: Hit, answer: Answer) -> Moment:
        """What a step of a build says is said while building; a library that a setup.py opens is missing there, too."""
        pattern = hit.match.pattern
        if pattern.moment == "apk":
            return "apk"
        if hit.step is not None and not hit.running:
            return "build"
        if self._runs(hit):
            return "run"
        compiled = 0 < self._found.building <= hit.line + _NEAR
        if (answer.need or "").startswith("cmd:") and hit.step is None and hit.traceback and not compiled:
            return "run"
        return "build"

    def _untold(self, readings: Sequence[Reading]) -> Cause:
        """The answer where no line tells: which distribution failed, and what would have to be seen."""
        impossible = self._impossible(readings)
        if impossible is not None:
            return impossible
        unknown = next((reading for reading in readings if reading.strength and reading.answer.advice), None)
        echo = unknown or next((reading for reading in readings if not reading.strength), None)
        marks = [mark for mark in self._found.marks if mark.failed] or self._found.marks
        distribution = echo.distribution if echo is not None else None
        if distribution is None and marks:
            distribution = normalise(marks[-1].name)
        nothing = Cause(
            cause="this log contains no known failure",
            moment="build",
            outcome="unknown",
            line=marks[-1].line if marks else 1,
            quote="",
            advice="Show the log of the failing step from its first line to the error, with the traceback or the compiler's"
            " messages.",
            confidence="possible",
            distribution=distribution,
        )
        if echo is None:
            return nothing
        return replace(
            nothing,
            cause=f"{distribution or 'a build'} failed; the reason is not in this log",
            line=echo.hit.line,
            quote=echo.hit.quote,
            advice=echo.answer.advice or "Show the lines above.",
            stage=echo.hit.step.stage if echo.hit.step is not None else None,
            step=echo.hit.step,
        )

    def _impossible(self, readings: Sequence[Reading]) -> Cause | None:
        """A distribution of the log that the rules say can't work on Alpine."""
        for mark in self._found.marks:
            entry = self._knowledge.distribution(mark.name)
            found = entry.verdict_impossible(mark.version) if entry is not None else None
            if found is not None and mark.failed:
                quote = next((r.hit.quote for r in readings if r.hit.line == mark.line), "")
                return Cause(
                    cause=f"{normalise(mark.name)} does not work on Alpine: {found.reason}",
                    moment="build",
                    outcome="none",
                    line=mark.line,
                    quote=quote,
                    advice=found.advice,
                    confidence="likely",
                    distribution=normalise(mark.name),
                    step=mark.step,
                )
        return None


def _by_step(readings: Iterable[Reading]) -> Iterator[list[Reading]]:
    """The readings of each step, in order of the first."""
    groups: dict[Step | None, list[Reading]] = {}
    for reading in readings:
        groups.setdefault(reading.hit.step, []).append(reading)
    yield from groups.values()


def _overrules(cause: Reading, effect: Reading) -> bool:
    """Whether one is a consequence of the other; where both speak of a file, of the same one."""
    overruled = cause.hit.match.pattern.overrules
    if effect.id not in overruled and not ("*" in overruled and effect.id != cause.id):
        return False
    mine, other = cause.hit.match.group("object"), effect.hit.match.group("object")
    return not mine or not other or mine == other


def _merged(readings: Iterable[Reading]) -> list[Reading]:
    """One reading for all that name the same need or the same packages; the first line is quoted."""
    found: dict[object, Reading] = {}
    for reading in sorted(readings, key=lambda r: (r.hit.line, -r.strength)):
        answer = reading.answer
        key: object = answer.packages or (answer.outcome, _kind(reading))
        first = found.get(key)
        if first is None:
            found[key] = reading
        elif first.distribution is None and reading.distribution is not None:
            found[key] = replace(first, distribution=reading.distribution, version=reading.version)
    return sorted(found.values(), key=lambda r: r.hit.line)


def _kind(reading: Reading) -> object:
    """Answers without packages are the same when they give the same advice, or say the same of one distribution."""
    if reading.id in {"symbol", "undefined-reference", "source-error", "no-distribution"}:
        return reading.id, reading.distribution
    return reading.id, reading.answer.advice, reading.answer.need
