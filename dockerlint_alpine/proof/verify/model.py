"""What a verification says: checks with their outcomes, services, causes, and the report that holds them. All frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.proof.verify.image_proof import ImageProof

Level: TypeAlias = Literal["build", "loader", "import", "start", "health", "probes"]
Status: TypeAlias = Literal["pass", "fail", "expected-fail", "unexpected-pass", "blocked", "not-verified"]

LEVELS: tuple[Level, ...] = ("loader", "import", "start", "health", "probes")
"""What ``--level`` takes, each with those before it."""

WORDS: Mapping[Status, str] = {
    "pass": "PASS",
    "fail": "FAIL",
    "expected-fail": "EXPECTED FAIL",
    "unexpected-pass": "UNEXPECTED PASS",
    "blocked": "BLOCKED",
    "not-verified": "NOT VERIFIED",
}


class Check(Struct, frozen=True):
    """One check of a run: what was checked, and its result.

    ``before`` is the status in the old state, where that was looked at too. ``blocked_by`` names the service that is red,
    and ``expected_block`` says that this service is expected to be.
    """

    name: str
    level: Level
    status: Status
    service: str | None = None
    detail: str = ""
    before: Status | None = None
    reason: str = ""
    seconds: float | None = None
    blocked_by: str | None = None
    expected_block: bool = False

    @property
    def bad(self) -> bool:
        """Whether it makes the run red."""
        return self.status in ("fail", "unexpected-pass")

    @property
    def open(self) -> bool:
        """Whether it has no verdict: it did not run, or was blocked by a service that is not expected to be red."""
        return self.status == "not-verified" or (self.status == "blocked" and not self.expected_block)


class CauseFound(Struct, frozen=True):
    """What ``diagnose`` makes of the text of something red: the cause, the packages, where they go."""

    where: str
    cause: str
    quote: str
    packages: tuple[str, ...] = ()
    advice: str = ""
    edit: str = ""


class ServiceResult(Struct, frozen=True):
    """How a service ended: ``state`` is ``running``, ``exited``, ``not started`` or ``blocked``.

    ``health`` is the engine's word. ``port`` is as the compose file publishes it, ``published`` where the run put it.
    ``log`` and ``health_log`` are kept of what is red and of what that waited for.
    """

    name: str
    image: str
    state: str
    health: str | None = None
    port: str | None = None
    published: str | None = None
    exit_code: int | None = None
    oom: bool = False
    seconds: float | None = None
    reason: str = ""
    title: str = ""
    log: tuple[str, ...] = ()
    health_log: tuple[str, ...] = ()


class FixStory(Struct, frozen=True):
    """What ``fix --verify`` did: ``kept`` the new bytes, or restored the old ones for ``reason``."""

    path: str
    diff: str
    titles: tuple[str, ...]
    reproduced: bool
    kept: bool
    reason: str = ""


class VerifyReport(Struct, frozen=True):
    """The report on one run. ``exit_code`` is that of the state machine, raised by what the checks say."""

    target: str
    run: str
    started: str
    seconds: float
    level: str
    exit_code: int
    engine: Mapping[str, str] = field(default_factory=dict)
    images: tuple[ImageProof, ...] = ()
    before: tuple[ImageProof, ...] = ()
    services: tuple[ServiceResult, ...] = ()
    checks: tuple[Check, ...] = ()
    causes: tuple[CauseFound, ...] = ()
    not_verified: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fix: FixStory | None = None
    kept: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Literal["green", "red", "not verified"]:
        """The word for the exit code."""
        return "green" if self.exit_code == 0 else "red" if self.exit_code == 1 else "not verified"


def exit_code_of(checks: tuple[Check, ...], code: int, *, not_verified: bool) -> int:
    """Hold the exit code of a run against its checks: 0 is left only where every one of them came to the expected end."""
    if any(check.bad for check in checks):
        return 1
    if code == 0 and (not_verified or not checks or any(check.open for check in checks)):
        return 3
    return code
