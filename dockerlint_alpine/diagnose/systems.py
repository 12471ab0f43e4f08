"""Tells where a failure happened: on Alpine, or on another system, whose packages are not apk's.

People show whatever log they have. One from Debian names the same headers, and what Alpine calls their packages is of no
use there; the answer has to say so. The base image of the failing step tells, else what only that system prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from dockerlint_alpine.diagnose.model import Cause
    from dockerlint_alpine.diagnose.scan import Scan, Sign
    from dockerlint_alpine.diagnose.steps import Step
    from dockerlint_alpine.knowledge import BaseImage, Knowledge

_DOUBT = (
    "musl's loader words this differently (Error loading shared library): if the log is from another system, Alpine's "
    "packages do not help there."
)


class Systems:
    """Answers for the steps of one log."""

    def __init__(self, knowledge: Knowledge, found: Scan) -> None:
        self._knowledge = knowledge
        self._found = found

    def located(self, cause: Cause) -> Cause | None:
        """The cause as it is on the system that it is from, without packages; ``None`` where that is Alpine."""
        elsewhere = self._elsewhere(cause.step)
        return None if elsewhere is None else abroad(cause, *elsewhere)

    def doubted(self, cause: Cause) -> Cause:
        """Return the cause, with a doubt where its words are unusual on Alpine."""
        if cause.packages and any(s.system.doubt and s.line == cause.line for s in self._found.signs):
            return replace(cause, confidence="possible", advice=f"{_DOUBT} {cause.advice}".strip())
        return cause

    def _elsewhere(self, step: Step | None) -> tuple[str, str] | None:
        """A system that is not Alpine, and what in the log says so."""
        signs = [sign for sign in self._found.signs if not sign.system.doubt]
        here = [sign for sign in signs if sign.step == step]
        base = self._base(step)
        if any(sign.system.alpine for sign in here) or (base is not None and not base.not_alpine):
            return None
        if base is not None:
            return "another system", f"its base image is {_tagged(base)}"
        if self._speaks_of_alpine(signs):
            return None
        run = self._run() if step is None else None
        if run is not None:
            return "another system", f"its image is {_tagged(run)}"
        if not here:
            return None
        return here[0].system.name, f"line {here[0].line}: {_short(here[0])}"

    def _base(self, step: Step | None) -> BaseImage | None:
        image = self._found.bases.get(step) if step is not None else None
        return self._knowledge.base_image(image) if image is not None else None

    def _run(self) -> BaseImage | None:
        """The image that the log runs, where it is known and is not Alpine."""
        known = [image for name in self._found.run if (image := self._knowledge.base_image(name)) is not None]
        return known[0] if known and all(image.not_alpine for image in known) else None

    def _speaks_of_alpine(self, signs: list[Sign]) -> bool:
        """Whether anything in the log is from Alpine: then a sign alone does not tell what the failing part ran on."""
        image = self._knowledge.base_image(self._found.image) if self._found.image is not None else None
        return (
            self._found.release is not None
            or (image is not None and not image.not_alpine)
            or any(sign.system.alpine for sign in signs)
        )


def abroad(cause: Cause, system: str, evidence: str) -> Cause:
    """Return the cause as it is on a system that is not Alpine, as ``evidence`` says: no package of apk's mends it."""
    where = f"This is from {system}, not from Alpine ({evidence})"
    if cause.packages:
        text = f"{where}: install it with that system's packages. On Alpine it is in {' '.join(cause.packages)}."
        return replace(cause, outcome="none", packages=(), foreseen=(), replaces=None, advice=text)
    return replace(cause, foreseen=(), advice=f"{cause.advice} {where}.")


def _tagged(image: BaseImage) -> str:
    return image.reference.partition("@")[0]


def _short(sign: Sign) -> str:
    return sign.quote if len(sign.quote) <= 60 else f"{sign.quote[:57]}..."
