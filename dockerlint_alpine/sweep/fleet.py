"""A sweep on a Dask cluster (the ``fleet`` extra): the same plan, the same outcomes, on any number of machines.

A task is a repository or a slice of one. It is judged in a child of the Dask worker, so that one that hangs or dies costs
its row and not the worker. Dask hands the tasks of a lost worker to another; one that takes several workers with it is told.
Workers find rules and indexes in their own installation, which must be of the version that plans the sweep.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dockerlint_alpine.sweep.child import BrokenInstallationError, Child, ended
from dockerlint_alpine.sweep.local import Slices

if TYPE_CHECKING:
    from dockerlint_alpine.sweep.plan import Outcome, Plan, Task

_AHEAD = 8
"""Tasks that are handed to Dask for each thread at a time: enough to keep it busy, few enough to be stopped soon."""
_PATIENCE = 20.0
"""Seconds until a scheduler that does not answer is given up."""


class FleetError(Exception):
    """A cluster that can't be used; the text is one line."""


def sweep(plan: Plan, tasks: Iterable[Task], address: str) -> Iterator[Outcome]:
    """Judge all ``tasks`` on the cluster at ``address``, or on ``local:N``: N processes of this machine.

    Outcomes come as they are ready, one a repository. Raises FleetError and BrokenInstallationError.
    """
    with connected(address) as client:
        yield from sweep_on(client, plan, tasks)


def sweep_on(client: Any, plan: Plan, tasks: Iterable[Task]) -> Iterator[Outcome]:
    """As :func:`sweep`, with a client that is connected."""
    import distributed

    threads = _checked(client, plan.version)
    kept = client.scatter(plan, broadcast=True)
    waiting = iter(tasks)
    whole = Slices()
    running: dict[str, Task] = {}

    def submit(task: Task) -> Any:
        future = client.submit(judge, kept, task, key=f"sweep-{task.number}-{task.first}", pure=False, retries=1)
        running[future.key] = task
        return future

    line = distributed.as_completed([submit(task) for task in islice(waiting, threads * _AHEAD)])
    for future in line:
        task = running.pop(future.key)
        outcome = _outcome(future, task)
        future.release()
        for more in (*(replace(task, first=first) for first in outcome.more), *islice(waiting, 1)):
            line.add(submit(more))
        found = whole.add(outcome)
        if found is not None:
            yield found


def judge(plan: Plan, task: Task) -> Outcome | str:
    """Runs on a worker: judge ``task`` in the child of this thread. A text tells why nothing can be judged there."""
    from dockerlint_alpine.model.about import __version__

    if __version__ != plan.version:
        return f"a worker has alpine-doctor {__version__}, this is {plan.version}"
    child: Child | None = getattr(_children, "child", None)
    if child is None or getattr(_children, "plan", None) != plan:
        if child is not None:
            child.stop()
        child = _children.child = Child(plan)
        _children.plan = plan
    for _ in range(2):
        child.give(task)
        if not child.connection.poll(plan.limits.seconds):
            return child.give_up()
        try:
            outcome = child.outcome()
        except BrokenInstallationError as error:
            return str(error)
        if outcome is not None:
            return outcome
    return ended(task)


_children = threading.local()
"""The child of each thread of a worker, kept from task to task with all it has found out."""


def _outcome(future: Any, task: Task) -> Outcome:
    try:
        answer = future.result()
    except Exception as error:  # noqa: BLE001 - whatever a cluster makes of a task
        return replace(
            ended(task), message=f"the cluster gave up on it: {type(error).__name__}: {error}".partition("\n")[0]
        )
    if isinstance(answer, str):
        raise BrokenInstallationError(answer)
    found: Outcome = answer
    return found


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A Dask client of the cluster at ``address``, closed in the end with what was started for it. Raises FleetError."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise FleetError("--cluster needs Dask: pip install 'alpine-doctor[fleet]'") from None

    kind, _, number = address.partition(":")
    if kind == "local":
        if not number.isdecimal() or not int(number):
            raise FleetError(f"--cluster {address}: expected local:N, for N processes")
        try:
            cluster = LocalCluster(
                n_workers=int(number), threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
            )
        except (OSError, RuntimeError) as error:
            raise FleetError(
                f"--cluster {address}: no cluster can be started here: {error}".partition("\n")[0]
            ) from None
        with cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(address, timeout=_PATIENCE)
    except (OSError, ValueError, TimeoutError) as error:
        raise FleetError(f"--cluster {address}: {error}".partition("\n")[0]) from None
    with client:
        yield client


def _checked(client: Any, version: str) -> int:
    """The number of threads of the cluster. Raises FleetError where a worker lacks this program, or has another version."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    if not workers:
        raise FleetError("the cluster has no workers")
    for place, found in client.run(_version).items():
        if found != version:
            raise FleetError(f"worker {place} has alpine-doctor {found or 'not installed'}, this is {version}")
    return sum(worker["nthreads"] for worker in workers.values())


def _version() -> str:
    try:
        from dockerlint_alpine.model.about import __version__
    except ImportError:
        return ""
    return __version__
