"""The order of a verification, under any way in which its phases can end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.proof.verify.machine import (
    IMAGE_PHASES,
    STACK_PHASES,
    Outcome,
    Phase,
    State,
    advance,
    begin,
    fixing,
)

OUTCOMES: st.SearchStrategy[list[Outcome]] = st.lists(
    st.sampled_from(["ok", "red", "not-verified", "interrupted"]), min_size=20, max_size=20
)
PHASES = st.sampled_from([IMAGE_PHASES, STACK_PHASES, fixing(IMAGE_PHASES), fixing(STACK_PHASES)])


def walk(phases: tuple[Phase, ...], outcomes: list[Outcome]) -> tuple[list[Phase], State, dict[Phase, Outcome]]:
    state, seen, ended = begin(phases), list[Phase](), dict[Phase, Outcome]()
    for outcome in outcomes:
        if state.phase == "done":
            break
        seen.append(state.phase)
        ended[state.phase] = outcome
        state = advance(state, outcome)
    return seen, state, ended


@given(PHASES, OUTCOMES)
def test_every_path_ends_in_collect_and_down(phases: tuple[Phase, ...], outcomes: list[Outcome]) -> None:
    seen, state, _ = walk(phases, outcomes)
    assert state.phase == "done"
    assert seen[-1] == "down"
    assert "collect" in seen
    assert len(seen) == len(set(seen))


@given(PHASES, OUTCOMES)
def test_zero_is_only_for_what_ran_and_was_well(phases: tuple[Phase, ...], outcomes: list[Outcome]) -> None:
    seen, state, ended = walk(phases, outcomes)
    if state.exit_code == 0:
        assert all(phase in seen for phase in phases)
        assert set(ended.values()) <= {"ok"}
    if "interrupted" in ended.values():
        assert state.exit_code == 3
    if set(ended.values()) == {"ok"}:
        assert state.exit_code == 0


@given(st.sampled_from([fixing(IMAGE_PHASES), fixing(STACK_PHASES)]), OUTCOMES)
def test_what_was_written_is_proven_or_restored(phases: tuple[Phase, ...], outcomes: list[Outcome]) -> None:
    seen, state, ended = walk(phases, outcomes)
    written = ended.get("edit") == "ok"
    unsettled = {"not-verified", "interrupted"} & {ended[phase] for phase in seen if phase not in ("down", "restore")}
    if written and (ended["collect"] != "ok" or unsettled):
        assert seen[-2:] == ["restore", "down"]
    if not written:
        assert "restore" not in seen
    assert state.restored == (ended.get("restore") == "ok")
    assert not (state.edited and state.restored)


@given(st.sampled_from([fixing(IMAGE_PHASES), fixing(STACK_PHASES)]), OUTCOMES)
def test_nothing_is_written_where_the_old_state_was_not_red_as_predicted(
    phases: tuple[Phase, ...], outcomes: list[Outcome]
) -> None:
    seen, state, ended = walk(phases, outcomes)
    if ended.get("baseline") != "ok":
        assert "edit" not in seen
        assert not state.edited


def test_red_does_not_stop_the_rest() -> None:
    seen, state, _ = walk(STACK_PHASES, ["ok", "red", "red", "ok", "red", "ok", "ok", "ok", *["ok"] * 20])
    assert seen == [*STACK_PHASES, "collect", "down"]
    assert state.exit_code == 1
