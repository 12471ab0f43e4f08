"""The records of a diagnosis: causes, the packages that fix them, and the overall verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:
    from dockerlint_alpine.diagnose.steps import Step
    from dockerlint_alpine.model.findings import Confidence

Moment: TypeAlias = Literal["build", "run", "apk"]
Verdict: TypeAlias = Literal["packages", "no-package-helps", "not-enough-information", "no-failure"]
Outcome: TypeAlias = Literal["package", "none", "unknown"]


class Cause(Struct, frozen=True):
    """One root cause.

    ``cause`` says in a few words what failed, ``need`` in apk's vocabulary (or a header's name) what is missing.
    ``packages`` is what the log itself proves, in one release; ``foreseen`` what the rules expect to be missing next, and
    ``foreseen_to_run`` those of them that the stage which runs needs. ``version`` is that of ``distribution``, where the
    log tells it. ``line`` is the 1-based line of the log and ``quote`` its text without wrappers. ``stage`` is the name of
    a stage, or its number where it has none. ``outcome`` says what kind of answer this is: ``none`` means that no apk
    package helps. ``lasting`` is true where the need is one of what runs, even if a step of the build ran it.
    ``replaces`` is the name in an ``apk add`` that the first package stands for, ``pin`` what to write in place of a pin
    that can't be met. ``follows`` is the line of the cause that this one only comes of. ``step`` is the step of the log
    that the line is from.
    """

    cause: str
    moment: Moment
    outcome: Outcome
    line: int
    quote: str
    advice: str
    confidence: Confidence
    distribution: str | None = None
    version: str | None = None
    need: str | None = None
    packages: tuple[str, ...] = ()
    foreseen: tuple[str, ...] = ()
    stage: str | None = None
    replaces: str | None = None
    pattern: str = ""
    step: Step | None = None
    lasting: bool = False
    follows: int | None = None
    pin: str | None = None
    foreseen_to_run: frozenset[str] = frozenset()


class Diagnosis(Struct, frozen=True):
    """The answer to a log.

    ``release`` is the Alpine release whose index named the packages and ``release_note`` how it was found out.
    ``failed`` is the step that broke the build, ``None`` where the log shows none.
    """

    causes: tuple[Cause, ...]
    release: str | None
    release_note: str
    failed: Step | None = field(default=None)

    @property
    def verdict(self) -> Verdict:
        """Packages where any cause names one; else that none helps; else that the log does not tell.

        ``no-failure`` where there is no cause: the log is that of a build that went well.
        """
        if not self.causes:
            return "no-failure"
        outcomes = {cause.outcome for cause in self.causes}
        if "package" in outcomes:
            return "packages"
        return "no-package-helps" if "none" in outcomes else "not-enough-information"

    @property
    def packages(self) -> tuple[str, ...]:
        """Every package that the log proves, without repeats."""
        return tuple(dict.fromkeys(name for cause in self.causes for name in cause.packages))

    @property
    def foreseen(self) -> tuple[str, ...]:
        """Every package that the rules foresee and the log does not prove, without repeats."""
        proven = set(self.packages)
        return tuple(dict.fromkeys(n for cause in self.causes for n in cause.foreseen if n not in proven))
