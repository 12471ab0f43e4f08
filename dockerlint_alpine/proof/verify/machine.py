"""The order of a verification as a pure function: from a state and how its phase ended to the next state.

Whatever happens, every path goes through ``collect`` and ``down``, and a file that was written is either proven or restored.
A red phase does not stop the others: what still can be seen is evidence. What can't be continued (no engine, a deadline, an
interruption) goes straight to ``collect``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

Phase: TypeAlias = Literal[
    "plan", "baseline", "edit", "build", "loader", "import", "start", "probes", "collect", "restore", "down", "done"
]
Outcome: TypeAlias = Literal["ok", "red", "not-verified", "interrupted"]

ENDING: tuple[Phase, ...] = ("collect", "restore", "down", "done")
IMAGE_PHASES: tuple[Phase, ...] = ("plan", "build", "loader", "import")
STACK_PHASES: tuple[Phase, ...] = (*IMAGE_PHASES, "start", "probes")


class State(Struct, frozen=True):
    """Where a run is: the phase that is due, those that follow, and what is known by now.

    ``reproduced``: the old state was red as predicted (``None``: nobody asked). ``edited``: the new bytes are on disk.
    ``restored``: the old ones are again.
    """

    phase: Phase
    todo: tuple[Phase, ...]
    red: bool = False
    unverified: bool = False
    interrupted: bool = False
    reproduced: bool | None = None
    edited: bool = False
    restored: bool = False

    @property
    def exit_code(self) -> int:
        """1 red, 3 where anything that was asked for did not run, 0 only where everything did and was as expected."""
        if self.red and not self.interrupted:
            return 1
        return 3 if self.unverified or self.interrupted or self.phase != "done" else 0


def begin(phases: tuple[Phase, ...]) -> State:
    """The state before the first of these phases."""
    return State(phases[0], phases[1:])


def fixing(phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
    """The same phases with the old state proven first, and the edit behind it."""
    return ("plan", "baseline", "edit", *phases[1:])


def advance(state: State, outcome: Outcome) -> State:
    """The state after the phase that was due ended like this."""
    if outcome == "interrupted":
        state = replace(state, interrupted=True)
    if outcome == "not-verified":
        state = replace(state, unverified=True)
    match state.phase:
        case "done":
            return state
        case "collect":
            # ``red`` here: what was written is not better than what was there.
            unproven = outcome != "ok" or state.unverified or state.interrupted
            return replace(
                state, red=state.red or outcome == "red", phase="restore" if state.edited and unproven else "down"
            )
        case "restore":
            return replace(
                state, phase="down", edited=outcome != "ok", restored=outcome == "ok", red=state.red or outcome == "red"
            )
        case "down":
            return replace(state, phase="done", todo=(), red=state.red or outcome == "red")
        case "baseline":
            state = replace(state, reproduced=outcome == "ok", red=state.red or outcome == "red")
            return _next(state) if outcome == "ok" else _collect(state)
        case "edit":
            state = replace(state, edited=outcome == "ok", red=state.red or outcome == "red")
            return _next(state) if outcome == "ok" else _collect(state)
    if outcome == "red":
        return _next(replace(state, red=True))
    return _next(state) if outcome == "ok" else _collect(state)


def _next(state: State) -> State:
    return replace(state, phase=state.todo[0], todo=state.todo[1:]) if state.todo else _collect(state)


def _collect(state: State) -> State:
    return replace(state, phase="collect", todo=())
