"""The state of services while they start, as a pure function of observations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.proof.verify.composed import Condition

Stage: TypeAlias = Literal["waiting", "starting", "up", "well", "ended", "red", "blocked"]

SETTLED: frozenset[Stage] = frozenset({"up", "well", "ended", "red", "blocked"})
"""Stages that wait for nothing more; ``up`` only for a service without a health check."""


class Watched(Struct, frozen=True):
    """What counts of a service here. ``patience``: seconds for its health check to succeed."""

    needs: Mapping[str, Condition]
    checked: bool
    one_shot: bool
    patience: float = 60.0


class Seen(Struct, frozen=True):
    """What the engine says of a service's container. ``health`` is empty where it has no check."""

    status: str
    exit_code: int | None = None
    health: str = ""
    oom: bool = False


class Standing(Struct, frozen=True):
    """Where a service stands, since which second, and why where it is red or blocked (``by`` that service)."""

    stage: Stage = "waiting"
    since: float = 0.0
    reason: str = ""
    by: str | None = None


def observe(watched: Watched, standing: Standing, seen: Seen | None, now: float, *, settle: float = 1.0) -> Standing:
    """Where a service that was started stands after a look at it. ``settle``: seconds that it must live to be up."""
    if standing.stage in ("waiting", "red", "blocked", "ended") or seen is None:
        return standing
    if seen.oom:
        return replace(standing, stage="red", reason=f"out of memory, killed (exit code {seen.exit_code})")
    if seen.status in ("exited", "dead", "removing"):
        if seen.exit_code == 0 and watched.one_shot:
            return replace(standing, stage="ended", reason="")
        if seen.exit_code == 0:
            return replace(standing, stage="red", reason="exited (0), but is not declared as one-shot: true")
        return replace(standing, stage="red", reason=f"exited ({seen.exit_code})")
    if seen.status not in ("running", "restarting") or watched.one_shot:
        return standing
    return _alive(watched, standing, seen, now, settle)


def _alive(watched: Watched, standing: Standing, seen: Seen, now: float, settle: float) -> Standing:
    if seen.health == "unhealthy":
        return replace(standing, stage="red", reason="unhealthy")
    if seen.health == "healthy":
        return replace(standing, stage="well")
    if not watched.checked:
        return replace(standing, stage="up" if now - standing.since >= settle else "starting")
    if standing.stage == "well":
        return standing
    if now - standing.since > watched.patience:
        return replace(standing, stage="red", reason=f"not healthy within {watched.patience:.0f} s")
    return replace(standing, stage="starting")


def release(
    watched: Mapping[str, Watched], standings: Mapping[str, Standing], now: float
) -> tuple[dict[str, Standing], list[str]]:
    """What waits and may start now, and what waits for something that is red, which it never will.

    Returns the new standings and the names to start.
    """
    new, start = dict(standings), list[str]()
    changed = True
    while changed:
        changed = False
        for name, one in watched.items():
            if new[name].stage != "waiting":
                continue
            bad = next((need for need in one.needs if new[need].stage in ("red", "blocked")), None)
            if bad is not None:
                cause = new[bad].by or bad
                new[name] = Standing("blocked", now, f"blocked by {cause}", cause)
                changed = True
            elif all(_met(how, new[need].stage) for need, how in one.needs.items()):
                new[name] = Standing("starting", now)
                start.append(name)
    return new, start


def _met(how: Condition, stage: Stage) -> bool:
    if how == "service_healthy":
        return stage == "well"
    if how == "service_completed_successfully":
        return stage == "ended"
    return stage in ("starting", "up", "well", "ended")


def finished(watched: Mapping[str, Watched], standings: Mapping[str, Standing]) -> bool:
    """Whether nothing is left to wait for."""
    return all(
        one.stage in SETTLED and not (one.stage == "up" and watched[name].checked) for name, one in standings.items()
    )
