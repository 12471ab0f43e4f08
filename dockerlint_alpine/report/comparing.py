"""The comparison with a built image, as text: confirmed, missed and refuted findings, and all differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.report.display import hanging, printable, wrap
from dockerlint_alpine.report.paint import BOLD, DIM, GREEN, RED, YELLOW, Paint
from dockerlint_alpine.system.plural import listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.model.comparison import Comparison, Difference, Miss, Sides

_LABEL = 14
_SHOWN = 12
"""Entries of one list that are told; the rest is counted. JSON has them all."""


def lines(comparison: Comparison, paint: Paint, width: int) -> list[str]:
    """Return the comparison as a block of lines no wider than ``width`` cells, the verdict last."""
    return list(_Writer(paint, width).block(comparison))


def sentence(one: Comparison) -> str:
    """Say in one sentence whether the image bears the findings out."""
    if one.holds and one.same_content:
        return "The prediction holds: the image agrees with it in everything that it shows."
    if one.holds:
        return "The findings hold; the content of the image differs from the prediction."
    missed = sum(1 for miss in one.missed if miss.kind != "open")
    counted = ((missed, "problem", "missed"), (len(one.refuted), "finding", "refuted"))
    told = " and ".join(f"{plural(number, noun)} {verb}" for number, noun, verb in counted if number)
    return f"The findings do not hold: {told}."


class _Writer:
    def __init__(self, paint: Paint, width: int) -> None:
        self._paint = paint
        self._width = width

    def block(self, one: Comparison) -> Iterator[str]:
        stage = f"stage {one.stage.index}{f' ({one.stage.name})' if one.stage.name else ''}, {one.stage.base}"
        title = f"Image {printable(one.image)} compared with {printable(stage)}, {one.platform}"
        yield from (self._paint(line, BOLD) for line in wrap(title, self._width))
        yield from self._system(one)
        yield from self._row("objects", self._objects(one))
        yield from self._row("packages", _sides(one.packages), *self._lists(one.packages))
        yield from self._row("distributions", _sides(one.distributions), *self._lists(one.distributions))
        counts = (f"{len(one.proven)} confirmed", f"{len(one.refuted)} refuted")
        yield from self._row("findings", f"{', '.join(counts)}, {len(one.untested)} that an image can't show")
        yield from self._proven(one)
        yield from self._refuted(one)
        yield from self._missed(one)
        yield from self._elsewhere(one.elsewhere)
        for note in one.notes[:_SHOWN]:
            yield from self._row("note", note)
        yield self._paint(sentence(one), GREEN if one.holds else RED, BOLD)

    def _system(self, one: Comparison) -> Iterator[str]:
        wrong = [fact for fact in one.facts if fact.predicted not in {None, fact.found}]
        names = ", ".join(_fact(fact) for fact in one.facts)
        if not wrong:
            yield from self._row("system", f"{names}: as predicted")
            return
        yield from self._row("system", names)
        for fact in wrong:
            yield self._mark(f"{fact.name} {fact.predicted} was predicted", RED)

    @staticmethod
    def _objects(one: Comparison) -> str:
        return f"{one.objects} loaded as musl's loader would, {one.extensions} of them in Python distributions"

    def _lists(self, sides: Sides) -> Iterator[tuple[str, str]]:
        if sides.unforeseen:
            yield "+", f"not predicted: {_listed(sides.unforeseen)}"
        if sides.absent:
            yield "-", f"predicted, but absent: {_listed(sides.absent)}"
        if sides.versions:
            shown = (f"{one.name} {one.found} (predicted {one.predicted})" for one in sides.versions)
            yield "~", f"other versions: {listed(shown, _SHOWN + 1)}"

    def _proven(self, one: Comparison) -> Iterator[str]:
        for finding in one.proven[:_SHOWN]:
            proof = next(evidence.detail for evidence in reversed(finding.evidence) if evidence.kind == "elf")
            yield from self._entry("=", f"{finding.code} {finding.message}", proof.partition(": ")[2], GREEN)
        yield from self._more(len(one.proven))

    def _refuted(self, one: Comparison) -> Iterator[str]:
        if one.refuted:
            yield from self._row("refuted", plural(len(one.refuted), "finding"))
        for doubt in one.refuted[:_SHOWN]:
            yield from self._entry("x", f"{doubt.finding.code} {doubt.finding.message}", doubt.reason, RED)
        yield from self._more(len(one.refuted))

    def _missed(self, one: Comparison) -> Iterator[str]:
        certain = [miss for miss in one.missed if miss.kind != "open"]
        likely = [miss for miss in one.missed if miss.kind == "open"]
        yield from self._row("missed", plural(len(certain), "problem") if certain else "nothing")
        yield from self._misses(certain, RED)
        if likely:
            yield from self._row("may lack", f"{plural(len(likely), 'library')} that sources open at run time (likely)")
            yield from self._misses(likely, YELLOW)

    def _elsewhere(self, misses: Sequence[Miss]) -> Iterator[str]:
        if misses:
            yield from self._row(
                "elsewhere", f"{plural(len(misses), 'problem')} outside Python distributions, not checked"
            )
            yield from self._misses(misses, DIM)

    def _misses(self, misses: Sequence[Miss], color: str) -> Iterator[str]:
        for miss in misses[:_SHOWN]:
            package = f" [apk add {' '.join(miss.packages)}]" if miss.packages else ""
            who = f"{miss.distribution}: {miss.path}" if miss.distribution else miss.path
            yield from self._entry("!", who, f"{miss.detail}{package}", color)
        yield from self._more(len(misses))

    # One line or a few of them.

    def _row(self, label: str, text: str, *details: tuple[str, str]) -> Iterator[str]:
        inner = _LABEL + 4
        yield from hanging(f"  {self._paint(label.ljust(_LABEL), DIM)}  ", text, self._width, inner)
        for sign, detail in details:
            yield from hanging(f"{' ' * inner}{self._paint(sign, YELLOW)} ", detail, self._width, inner + 2)

    def _entry(self, sign: str, head: str, reason: str, color: str) -> Iterator[str]:
        yield from hanging(f"    {self._paint(sign, color, BOLD)} ", head, self._width, 6)
        yield from hanging(f"      {self._paint('->', DIM)} ", reason, self._width, 9)

    def _mark(self, text: str, color: str) -> str:
        return f"{' ' * (_LABEL + 4)}{self._paint('!', color, BOLD)} {printable(text)}"

    @staticmethod
    def _more(count: int) -> Iterator[str]:
        if count > _SHOWN:
            yield f"      ... and {count - _SHOWN} more"


def _fact(fact: Difference) -> str:
    if fact.found is None:
        return f"no {fact.name}"
    return fact.found if fact.name == "architecture" else f"{fact.name} {fact.found}"


def _sides(sides: Sides) -> str:
    if sides.same_names:
        return f"{sides.agreed} as predicted" if sides.agreed else "none, as predicted"
    parts = [f"{sides.agreed} as predicted"]
    if sides.unforeseen:
        parts.append(f"{len(sides.unforeseen)} not predicted")
    if sides.absent:
        parts.append(f"{len(sides.absent)} absent")
    return ", ".join(parts)


def _listed(differences: Sequence[Difference]) -> str:
    names = (f"{one.name} {one.found or one.predicted or ''}".strip() for one in differences)
    return listed(names, _SHOWN + 1)
