"""Which of Alpine's indexes are missing or too old, and fetching them: the policy behind a run that may use the network."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from dockerlint_alpine.apk.update import Policy, Update, update

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from dockerlint_alpine.apk.index import IndexSource

Wanted: TypeAlias = tuple[str, str, str]
"""Release, repository, architecture."""
Fetch: TypeAlias = "Callable[[], Update]"
MAX_AGE = 30
"""Days after which the index of a supported release is fetched anew, unless a setting says otherwise."""
_SUPPORTED_UNTIL = dict(
    pair.split("=")
    for pair in (
        "3.10=2021-05-01 3.11=2021-11-01 3.12=2022-05-01 3.13=2022-11-01 3.14=2023-05-01 3.15=2023-11-01 3.16=2024-05-23"
        " 3.17=2024-11-22 3.18=2025-05-09 3.19=2025-11-01 3.20=2026-04-01 3.21=2026-11-01 3.22=2027-05-01 3.23=2027-11-01"
    ).split()
)
"""The last day of each release (the project's page of releases); of later ones it is not known yet."""


class Renewal(Struct, frozen=True):
    """How a run keeps indexes fresh: ``today`` (``YYYY-MM-DD``), and the ``days`` that an index may be old."""

    today: str
    days: int = MAX_AGE

    def due(self, sources: Sequence[IndexSource], release: str, arch: str, repositories: Sequence[str]) -> list[Wanted]:
        """Return what is to be fetched for one release: what ``sources`` has not, or not as new as it should be.

        The index of a release that has ended does not change any more.
        """
        own = {
            one.repository: one
            for one in sources
            if (one.release, one.arch) == (release, arch) and one.kind in {"embedded", "cached"}
        }
        until = min(self.today, _SUPPORTED_UNTIL.get(release, self.today))
        limit = (date.fromisoformat(until) - timedelta(days=self.days)).isoformat()
        missing = [one for one in repositories if one not in own or (own[one].fetched or own[one].date) < limit]
        return [(release, repository, arch) for repository in missing]


def fetching(
    sources: Sequence[IndexSource],
    keys: Mapping[str, bytes],
    cache: Path,
    wanted: Wanted,
    mirror: str,
    policy: Policy | None = None,
) -> Fetch:
    """Return the work of bringing one index into ``cache``: verified with ``keys``, and never an older one than that among
    ``sources``. The work may be done in another thread; it raises ``ApkError`` or ``OSError``."""
    newest = [one.date for one in sources if (one.release, one.repository, one.arch) == wanted and not one.derived]
    day = max(newest, default="")
    return lambda: update(cache, *wanted, keys=keys, mirror=mirror, newest=day, policy=policy)


def quick(seconds: float) -> Policy:
    """A policy of one attempt that takes at most this long."""
    return Policy(attempts=1, wait=seconds, total=seconds)


class Renewer(Struct):
    """Tells an :class:`IndexStore` when an index is due, and fetches it at once or leaves that for later.

    What is due and was not fetched is ``open``. ``fetch`` brings what is due, as far as it can; without it nothing is
    fetched. ``failed`` has what was tried in this run: it is not tried again.
    """

    renewal: Renewal
    failed: set[Wanted]
    fetch: Callable[[list[Wanted]], None] | None = None
    open: set[Wanted] = set()

    def renew(self, sources: Sequence[IndexSource], release: str, arch: str, repositories: Sequence[str]) -> bool:
        """See to the indexes of a release; tell whether there is anything new."""
        due = [one for one in self.renewal.due(sources, release, arch, repositories) if one not in self.failed]
        if not due:
            return False
        if self.fetch is None:
            self.open.update(due)
            return False
        self.fetch(due)
        self.failed.update(due)
        return True


def name_of(wanted: Wanted) -> str:
    """What an index is called in messages and keys."""
    return f"Alpine {' '.join(wanted)}"
