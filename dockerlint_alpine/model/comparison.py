"""A built image compared with the findings for its Dockerfile: what its files confirm, refute, or show unexpectedly.

Like findings, these types are all that ``report/`` knows. All of them are frozen.
"""

from collections.abc import Collection, Iterable
from typing import Literal, Self, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.model.findings import Finding, StageRef

MissKind: TypeAlias = Literal["library", "symbol", "glibc", "open"]


class Doubt(Struct, frozen=True):
    """A finding and, in one line, what the image shows instead, or why an image can't show it."""

    finding: Finding
    reason: str


class Miss(Struct, frozen=True):
    """Something of the image that will not work and that the static verdict does not speak of.

    ``path`` is the object or source in the image, ``distribution`` its owner where there is one. ``what`` is a library,
    symbols, or why it was built for glibc; ``detail`` says in one line what the loader makes of it. ``packages`` would bring
    it. Kind ``open`` (a source opens it at run time) is likely, all others are certain.
    """

    kind: MissKind
    path: str
    distribution: str | None
    what: str
    detail: str
    packages: tuple[str, ...] = ()


class Difference(Struct, frozen=True):
    """One thing by name: its version on paper and in the image, ``None`` where it is not there."""

    name: str
    predicted: str | None
    found: str | None


class Sides(Struct, frozen=True):
    """Names on paper beside names in the image.

    ``agreed`` counts names on both sides; ``versions`` are those of them with different versions. ``absent`` are only
    predicted, ``unforeseen`` only found.
    """

    agreed: int
    versions: tuple[Difference, ...] = ()
    absent: tuple[Difference, ...] = ()
    unforeseen: tuple[Difference, ...] = ()

    @property
    def same_names(self) -> bool:
        """Whether every name is on both sides."""
        return not self.absent and not self.unforeseen


class Comparison(Struct, frozen=True):
    """The verdict on one stage held against the image built from it.

    ``facts`` compare Alpine's release, Python's version and the architecture. ``objects`` counts the shared objects and
    programs that were loaded by the model of musl's loader, ``extensions`` those of Python distributions among them.
    ``proven`` findings are in the report too, with the bytes as evidence; ``refuted`` ones are not; of ``untested`` ones
    an image says nothing. ``missed`` are found in Python distributions, ``elsewhere`` in other files,
    which no check judges.
    """

    image: str
    stage: StageRef
    platform: str
    facts: tuple[Difference, ...]
    objects: int
    extensions: int
    proven: tuple[Finding, ...]
    refuted: tuple[Doubt, ...]
    untested: tuple[Doubt, ...]
    missed: tuple[Miss, ...]
    elsewhere: tuple[Miss, ...]
    packages: Sides
    distributions: Sides
    notes: tuple[str, ...] = ()

    def limited(self, listed: Collection[Finding]) -> Self:
        """The same about findings that are listed at all: what is suppressed or not selected is nobody's concern."""
        keys = {_key(finding) for finding in listed}
        return replace(
            self,
            proven=tuple(one for one in self.proven if _key(one) in keys),
            refuted=tuple(one for one in self.refuted if _key(one.finding) in keys),
            untested=tuple(one for one in self.untested if _key(one.finding) in keys),
        )

    def left(self, listed: Iterable[Finding]) -> tuple[Finding, ...]:
        """These findings without the refuted ones."""
        wrong = {_key(doubt.finding) for doubt in self.refuted}
        return tuple(finding for finding in listed if _key(finding) not in wrong)

    @property
    def holds(self) -> bool:
        """Whether the image refutes no finding and shows nothing certain that the verdict missed."""
        return not self.refuted and all(miss.kind == "open" for miss in self.missed)

    @property
    def same_content(self) -> bool:
        """Whether packages and distributions have the predicted names, on the predicted system."""
        return (
            self.packages.same_names
            and self.distributions.same_names
            and all(one.predicted in {None, one.found} for one in self.facts)
        )


def _key(finding: Finding) -> tuple[object, ...]:
    """What stays the same when a severity is configured."""
    return finding.code, finding.location, finding.message
