"""The services of a compose file on the engine: starts them in order, watches events, probes them, reads failures' logs."""

from __future__ import annotations

import os
import queue
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.proof.verify.composed import SERVICE_LABEL, Composed, Health, Service, image_health
from dockerlint_alpine.proof.verify.engine import LABEL, Engine
from dockerlint_alpine.proof.verify.errors import NotVerifiedError
from dockerlint_alpine.proof.verify.expectations import Failing, Probe
from dockerlint_alpine.proof.verify.model import Check, Level, ServiceResult
from dockerlint_alpine.proof.verify.probing import ask
from dockerlint_alpine.proof.verify.supervise import Seen, Standing, Watched, finished, observe, release

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from dockerlint_alpine.proof.verify.clock import Deadline
    from dockerlint_alpine.proof.verify.evidence import Journal
    from dockerlint_alpine.proof.verify.launching import Launcher
    from dockerlint_alpine.proof.verify.machine import Outcome
    from dockerlint_alpine.proof.verify.redact import Redactor

_LOOK = 0.5
_LOG_LINES = 200
_SETTLE = 2.0
"""Seconds that a stack that is well must stay so: what dies right after its first health check is not well."""


class StackOrder(Struct, frozen=True):
    """What to start: the services in an order in which each stands behind what it needs, and their images."""

    composed: Composed
    names: tuple[str, ...]
    images: Mapping[str, str]
    level: Level


class RunningStack:
    """The services of a compose file while they are verified."""

    def __init__(
        self,
        order: StackOrder,
        engine: Engine,
        launcher: Launcher,
        journal: Journal,
        redactor: Redactor,
        run: str,
        *,
        today: date,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._order = order
        self._engine = engine
        self._launcher = launcher
        self._journal = journal
        self._redactor = redactor
        self._run = run
        self._today = today
        self._variables = os.environ if variables is None else variables
        self._services = {name: order.composed.services[name] for name in order.names}
        self._health: dict[str, Health | None] = {}
        self._watched: dict[str, Watched] = {}
        self._standings: dict[str, Standing] = dict.fromkeys(order.names, Standing())
        self._containers: dict[str, str] = {}
        self._took: dict[str, float] = {}
        self._health_logs: dict[str, list[str]] = {}
        self._failed_as_expected: set[str] = set()
        self._begun = time.monotonic()
        self._wake: queue.Queue[str] = queue.Queue()

    # Start and watch.

    def start(self, deadline: Deadline, broken: Mapping[str, str]) -> tuple[list[Check], Outcome]:
        """Start every service when what it needs is met, until nothing is left to wait for."""
        self._prepare(broken)
        self._listen()
        try:
            while not finished(self._watched, self._standings):
                self._release(deadline)
                self._look()
                if deadline.over:
                    return self._start_checks(timed_out=True), "not-verified"
                if not finished(self._watched, self._standings):
                    self._wait()
            end = time.monotonic() + min(_SETTLE, deadline.left)
            while time.monotonic() < end:
                self._wait()
                self._look()
        except KeyboardInterrupt:
            self._journal.add("start", "interrupted")
            raise
        checks = self._start_checks(timed_out=False)
        return checks, "red" if any(check.bad for check in checks) else "ok"

    def _prepare(self, broken: Mapping[str, str]) -> None:
        health_matters = self._order.level != "start"
        waited = {
            need for one in self._services.values() for need, how in one.needs.items() if how == "service_healthy"
        }
        for name, service in self._services.items():
            health = service.health
            raw = self._order.composed.document["services"][name].get("healthcheck") or {}
            if health is None and not raw.get("disable") and name not in broken:
                image = self._order.images.get(name) or service.image
                health = image_health(self._engine.image(image).healthcheck) if image else None
            self._health[name] = health
            checked = health is not None and (health_matters or name in waited)
            self._watched[name] = Watched(service.needs, checked, service.one_shot, health.patience if health else 60.0)
            if name in broken:
                self._standings[name] = Standing("red", 0.0, broken[name])

    def _release(self, deadline: Deadline) -> None:
        self._standings, names = release(self._watched, self._standings, self._now)
        if not names:
            return
        self._journal.tell(f"starting {', '.join(names)}")
        for name, error in self._launcher.start(names, deadline).items():
            self._journal.add("start", "started", "red" if error else "ok", service=name, detail=error or "")
            if error:
                self._standings[name] = Standing("red", self._now, f"could not be started: {error}")
            else:
                self._standings[name] = Standing("starting", self._now)

    @property
    def _now(self) -> float:
        return time.monotonic() - self._begun

    def _listen(self) -> None:
        """Wake up for every event of the run's containers: dying, memory, health."""
        from docker import DockerClient

        def listen() -> None:
            with suppress(Exception):
                client = DockerClient(base_url=self._engine.address.url, timeout=86_400)
                for event in client.events(decode=True, filters={"label": f"{LABEL}={self._run}"}):
                    attributes = (event.get("Actor") or {}).get("Attributes") or {}
                    action = str(event.get("Action", ""))
                    if action.startswith(("die", "oom", "health_status", "start", "kill")):
                        name = attributes.get(SERVICE_LABEL)
                        self._journal.add("events", action, str(attributes.get("exitCode", "")), service=name)
                        self._wake.put(action)

        threading.Thread(target=listen, daemon=True).start()

    def _wait(self) -> None:
        with suppress(queue.Empty):
            self._wake.get(timeout=_LOOK)
            while True:
                self._wake.get_nowait()

    def _look(self) -> None:
        """One look at every container that should run; where the engine has yet to ask, the health command is run here."""
        for name, standing in list(self._standings.items()):
            if standing.stage in ("waiting", "red", "blocked", "ended"):
                continue
            seen = self._seen(name)
            waits = standing.stage != "well" and self._watched[name].checked
            if waits and seen is not None and seen.status == "running" and seen.health in ("starting", ""):
                seen = self._ask_health(name, seen)
            new = observe(self._watched[name], standing, seen, self._now)
            if new.stage != standing.stage:
                self._journal.add("start", "state", new.stage, service=name, detail=new.reason)
                self._took[name] = self._now - standing.since
            self._standings[name] = new

    def _inspected(self, name: str) -> dict[str, Any] | None:
        from docker.errors import NotFound

        api = self._engine.client.api
        with self._engine.talking(name):
            if name not in self._containers:
                labels = [f"{LABEL}={self._run}", f"{SERVICE_LABEL}={name}"]
                listed = api.containers(all=True, filters={"label": labels})
                if not listed:
                    return None
                self._containers[name] = listed[0]["Id"]
            try:
                found: dict[str, Any] = api.inspect_container(self._containers[name])
            except NotFound:
                return {"State": {"Status": "dead", "ExitCode": None}}
            return found

    def _seen(self, name: str) -> Seen | None:
        found = self._inspected(name)
        if found is None:
            return None
        state = found.get("State") or {}
        health = state.get("Health") or {}
        logs = [str(one.get("Output", "")).strip() for one in health.get("Log") or ()]
        if logs and logs[-1]:
            self._health_logs[name] = logs[-1].splitlines()
        status, well = str(state.get("Status", "")), str(health.get("Status", ""))
        return Seen(status, state.get("ExitCode"), well, bool(state.get("OOMKilled")))

    def _ask_health(self, name: str, seen: Seen) -> Seen:
        """Run the service's own health command; where it succeeds the service is healthy, whatever the engine's interval."""
        health = self._health[name]
        if health is None:
            return seen
        words = ["/bin/sh", "-c", health.test[1]] if health.test[0] == "CMD-SHELL" else list(health.test[1:])
        code, output = self._execute(name, words)
        if output.strip():
            self._health_logs[name] = output.strip().splitlines()[-20:]
        return replace(seen, health="healthy") if code == 0 else seen

    def _execute(self, name: str, words: Sequence[str]) -> tuple[int, str]:
        """Run a command in a service's container: exit code and output; 126 where there is no container that runs."""
        api = self._engine.client.api
        try:
            with self._engine.talking(name):
                made = api.exec_create(self._containers[name], list(words))
                output = api.exec_start(made["Id"])
                code = api.exec_inspect(made["Id"]).get("ExitCode")
        except (KeyError, NotVerifiedError) as error:  # it may have died just now; the next look tells
            return 126, str(error)
        text = output.decode("utf-8", "replace") if isinstance(output, bytes) else ""
        return (int(code) if code is not None else 126), text

    # Checks.

    def _start_checks(self, *, timed_out: bool) -> list[Check]:
        checks: list[Check] = []
        for name in self._services:
            standing, took = self._standings[name], self._took.get(name)
            if standing.stage == "blocked":
                checks.append(self._blocked("up", "start", name, standing.by or ""))
                continue
            if standing.stage in ("waiting", "starting"):
                detail = "was still starting when time ran out" if timed_out else "is still starting"
                checks.append(Check("up", "start", "not-verified", name, detail, seconds=took))
                continue
            red = standing.stage == "red"
            sick = red and (standing.reason == "unhealthy" or standing.reason.startswith("not healthy"))
            said = "ended with 0" if standing.stage == "ended" else "running"
            up = sick or not red
            checks.append(self._judged("up", "start", name, said if up else standing.reason, took, ok=up))
            if sick or (self._watched[name].checked and standing.stage == "well"):
                health = self._sick(name, standing) if sick else "its health check succeeds"
                checks.append(self._judged("healthy", "health", name, health, took, ok=not sick))
        return checks if self._order.level == "probes" else [*checks, *self._unexpected()]

    def _sick(self, name: str, standing: Standing) -> str:
        said = " ".join(self._health_logs.get(name, ())[-3:])
        return f"{standing.reason}: {said}" if said else standing.reason

    def _judged(
        self,
        title: str,
        level: Level,
        name: str,
        detail: str,
        took: float | None,
        *,
        ok: bool,
        own: Failing | None = None,
    ) -> Check:
        """A check beside what is expected to fail: ``own`` is the check's own note, else the service's counts.

        The check with a note of its own must fail; of a service with one, any check (see :meth:`_unexpected`).
        """
        failing = own or self._services[name].expectations.failing
        if failing is None or (ok and own is None) or failing.over(self._today):
            if failing is not None and not ok:
                detail = f"{detail} (the expected failure ended on {failing.until})"
            return Check(title, level, "pass" if ok else "fail", name, detail, seconds=took)
        if own is None:
            self._failed_as_expected.add(name)
        return Check(
            title, level, "unexpected-pass" if ok else "expected-fail", name, detail, None, failing.reason, took
        )

    def _unexpected(self) -> list[Check]:
        """Services that are expected to fail and did not: strictly, so that such a note can't rot."""
        found: list[Check] = []
        for name, service in self._services.items():
            failing = service.expectations.failing
            stuck = self._standings[name].stage in ("blocked", "waiting", "starting")
            if failing is None or failing.over(self._today) or name in self._failed_as_expected or stuck:
                continue
            detail = "it succeeded, although it is expected to fail"
            found.append(
                Check("expected to fail", self._order.level, "unexpected-pass", name, detail, reason=failing.reason)
            )
        return found

    def _blocked(self, title: str, level: Level, name: str, by: str) -> Check:
        return Check(
            title, level, "blocked", name, f"blocked by {by}", blocked_by=by, expected_block=self._expected_red(by)
        )

    def _expected_red(self, name: str) -> bool:
        service = self._services.get(name)
        failing = service.expectations.failing if service is not None else None
        return failing is not None and not failing.over(self._today)

    # Probes.

    def probe(self, deadline: Deadline) -> tuple[list[Check], Outcome]:
        """Ask every service, those first whose answers others are made of; then see who is still alive."""
        values = {name: value for name, value in self._variables.items() if name.startswith("ADV_")}
        self._redactor.learn_environment(values)
        todo = [(name, one) for name, service in self._services.items() for one in self._probes_of(name, service)]
        sources = {capture: name for name, one in todo for capture in one.captures}
        checks: list[Check] = []
        while todo:
            ready = [pair for pair in todo if all(want in values for want in pair[1].wants)]
            if not ready:
                checks += [self._without_value(name, one, sources, values) for name, one in todo]
                break
            for pair in ready:
                todo.remove(pair)
                check, captured = self._ask(*pair, values, deadline)
                checks.append(check)
                for capture, value in captured.items():
                    self._redactor.learn(capture, value)
                    values[capture] = value
        checks += [*self._still_up(), *self._unexpected()]
        return checks, "red" if any(check.bad for check in checks) else "ok"

    def _probes_of(self, name: str, service: Service) -> list[Probe]:
        """The declared probes; without any, each published port accepts a connection, and the health check's address answers
        from outside, too."""
        if service.expectations.probes:
            return list(service.expectations.probes)
        if service.one_shot:
            return []
        health = self._health.get(name)
        url = health.url if health is not None else None
        found = [Probe("tcp", f"tcp :{port}", port) for port, _ in service.ports if url is None or port != url[0]]
        if url is not None and url[0] in dict(service.ports):
            found.insert(0, Probe("http", f"http :{url[0]}{url[1]}", url[0], url[1], "http"))
        return found

    def _without_value(self, name: str, probe: Probe, sources: Mapping[str, str], values: Mapping[str, str]) -> Check:
        want = next(want for want in probe.wants if want not in values)
        if want in sources:
            return self._blocked(probe.name, "probes", name, self._standings[sources[want]].by or sources[want])
        what = "a variable of the environment" if want.startswith("ADV_") else "a capture, and no ADV_ variable"
        return Check(probe.name, "probes", "not-verified", name, f"${{{want}}} is not set: it is {what}")

    def _ask(
        self, name: str, probe: Probe, values: Mapping[str, str], deadline: Deadline
    ) -> tuple[Check, Mapping[str, str]]:
        standing = self._standings[name]
        if standing.stage in ("red", "blocked", "waiting"):
            return self._blocked(probe.name, "probes", name, standing.by or name), {}
        if deadline.over:
            return Check(probe.name, "probes", "not-verified", name, "time ran out"), {}
        place = self._place(name, probe.port)
        answer = ask(probe, place, lambda words: self._execute(name, words), values, deadline)
        check = self._judged(probe.name, "probes", name, answer.detail, answer.seconds, ok=answer.ok, own=probe.failing)
        told = {"probe": probe.name, "answer": answer.detail, "tries": answer.tries}
        self._journal.add("probes", probe.kind, check.status, service=name, detail=told)
        return check, answer.captured if answer.ok else {}

    def _place(self, name: str, port: int) -> tuple[str, int] | None:
        found = self._inspected(name)
        published = (((found or {}).get("NetworkSettings") or {}).get("Ports") or {}).get(f"{port}/tcp")
        address = self._engine.address
        host = urlsplit(address.url).hostname if address.remote else None
        return (host or "127.0.0.1", int(published[0]["HostPort"])) if published else None

    def _still_up(self) -> list[Check]:
        """Services that were well and are not any more."""
        before = dict(self._standings)
        time.sleep(_LOOK * 2)  # the engine learns of an end after the commands in the container do
        self._look()
        return [
            self._judged("still up", "start", name, f"died after it was healthy: {now.reason}", None, ok=False)
            for name, now in self._standings.items()
            if now.stage == "red" and before[name].stage != "red"
        ]

    # What is left to read.

    def collect(self) -> list[ServiceResult]:
        """Every service as it stands, with the log of each that is red and of what that waited for."""
        wanted = {name for name, one in self._standings.items() if one.stage in ("red", "starting")}
        wanted |= {need for name in wanted for need in self._services[name].needs}
        return [self._result(name, service, logs=name in wanted) for name, service in self._services.items()]

    def _result(self, name: str, service: Service, *, logs: bool) -> ServiceResult:
        standing = self._standings[name]
        found: dict[str, Any] = {}
        with suppress(Exception):  # what can't be read any more is told as unknown; the removal comes next
            found = self._inspected(name) or {}
        state = found.get("State") or {}
        status = str(state.get("Status") or "")
        shown = {"blocked": "blocked", "waiting": "not started"}.get(standing.stage) or status or "not started"
        health = "healthy" if standing.stage == "well" else (state.get("Health") or {}).get("Status")
        ports = ", ".join(
            f"{published or '-'}:{port}" if published != str(port) else published for port, published in service.ports
        )
        bindings = ((found.get("NetworkSettings") or {}).get("Ports") or {}).values()
        places = (f"{bound[0]['HostIp']}:{bound[0]['HostPort']}" for bound in bindings if bound)
        return ServiceResult(
            name=name,
            image=service.image or self._order.images.get(name) or "",
            state=shown,
            health=None if health == "none" else health,
            port=ports or None,
            published=", ".join(places) or None,
            exit_code=state.get("ExitCode") if status == "exited" else None,
            oom=bool(state.get("OOMKilled")),
            seconds=round(self._took[name], 1) if name in self._took else None,
            reason=standing.reason if standing.stage == "red" else "",
            title=service.title,
            log=tuple(self._log(name)) if logs else (),
            health_log=tuple(self._health_logs.get(name, ())) if logs and standing.stage == "red" else (),
        )

    def _log(self, name: str) -> list[str]:
        if name not in self._containers:
            return []
        with suppress(Exception):  # as above
            data = self._engine.client.api.logs(self._containers[name], tail=_LOG_LINES)
            return bytes(data).decode("utf-8", "replace").splitlines()
        return []

    def down(self) -> None:
        """Stop at once what runs: nothing of it is of use any more."""
        for container in self._containers.values():
            with suppress(Exception):  # removed with everything else that has the label
                self._engine.client.api.kill(container)
