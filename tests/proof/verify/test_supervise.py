"""What becomes of services, under any order in which the engine shows things."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.proof.verify.supervise import Seen, Standing, Watched, finished, observe, release

RUNNING = Seen("running")
CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")


def watched(checked: bool = False, one_shot: bool = False, **needs: str) -> Watched:
    return Watched(needs, checked, one_shot, 30.0)  # type: ignore[arg-type]


def test_each_end() -> None:
    started = Standing("starting", 0.0)
    plain, checked, job = watched(), watched(checked=True), watched(one_shot=True)
    assert observe(plain, started, RUNNING, 0.5).stage == "starting"
    assert observe(plain, started, RUNNING, 2.0).stage == "up"
    assert observe(plain, Standing("up"), Seen("exited", 1), 3.0).reason == "exited (1)"
    assert "one-shot: true" in observe(plain, started, Seen("exited", 0), 3.0).reason
    assert observe(job, started, Seen("exited", 0), 3.0).stage == "ended"
    assert observe(job, started, Seen("exited", 3), 3.0).reason == "exited (3)"
    assert observe(checked, started, Seen("running", health="healthy"), 3.0).stage == "well"
    assert observe(checked, started, Seen("running", health="unhealthy"), 3.0).reason == "unhealthy"
    assert observe(checked, started, Seen("running", health="starting"), 31.0).reason == "not healthy within 30 s"
    assert observe(checked, Standing("well"), Seen("exited", 137, oom=True), 3.0).reason.startswith(
        "out of memory, killed"
    )


def test_who_waits_for_something_red_is_blocked_by_it() -> None:
    services = {
        "db": watched(checked=True),
        "api": watched(db="service_healthy"),
        "web": watched(api="service_started"),
    }
    new, start = release(services, dict.fromkeys(services, Standing()), 0.0)
    assert start == ["db"]
    new["db"] = Standing("red", 1.0, "unhealthy")
    new, start = release(services, new, 2.0)
    assert start == []
    assert [(new[name].stage, new[name].by) for name in ("api", "web")] == [("blocked", "db"), ("blocked", "db")]
    assert finished(services, new)


@st.composite
def stacks(draw: st.DrawFn) -> dict[str, Watched]:
    names = [f"s{number}" for number in range(draw(st.integers(1, 6)))]
    found = {}
    for number, name in enumerate(names):
        needs = (
            {need: draw(st.sampled_from(CONDITIONS)) for need in draw(st.sets(st.sampled_from(names[:number])))}
            if number
            else {}
        )
        found[name] = watched(draw(st.booleans()), draw(st.booleans()), **needs)
    return found


@given(stacks(), st.data())
def test_every_stack_comes_to_an_end(services: dict[str, Watched], data: st.DataObject) -> None:
    """Whatever containers do, once each has shown its last state nothing is left waiting, and order was kept."""
    standings = dict.fromkeys(services, Standing())
    last = {
        name: data.draw(
            st.sampled_from(
                [
                    Seen("running"),
                    Seen("running", health="healthy"),
                    Seen("running", health="unhealthy"),
                    Seen("exited", 0),
                    Seen("exited", 2),
                ]
            )
        )
        for name in services
    }
    started: list[str] = []
    now = 0.0
    for _ in range(len(services) + 2):
        standings, start = release(services, standings, now)
        for name in start:
            assert all(standings[need].stage not in ("waiting", "red", "blocked") for need in services[name].needs)
        started += start
        now += 100.0
        for name, one in services.items():
            standings[name] = observe(one, standings[name], last[name], now)
    assert len(started) == len(set(started))
    for name, one in services.items():
        waits_for_job = any(
            (how == "service_completed_successfully" and standings[need].stage in ("starting", "up", "well"))
            or (how == "service_healthy" and standings[need].stage in ("up", "ended", "starting"))
            for need, how in one.needs.items()
        )
        unsettled = standings[name].stage in ("waiting", "starting")
        upstream = any(standings[need].stage in ("waiting", "starting") for need in one.needs)
        assert not unsettled or waits_for_job or upstream or one.one_shot
