"""From the log of a failed build or run to the cause, the packages and the step that needs them.

:func:`diagnose` reads a log; ``repair.py`` finds the place in a Dockerfile and makes the edits. What logs look like is
data, in ``rules/errors.toml``; see ``patterns.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.diagnose.errors import DiagnoseError, PatternError
from dockerlint_alpine.diagnose.model import Cause, Diagnosis, Moment, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockerlint_alpine.apk import IndexStore
    from dockerlint_alpine.diagnose.reading import Source
    from dockerlint_alpine.diagnose.scan import Scan
    from dockerlint_alpine.diagnose.steps import Step
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.python.resolve import Resolver

__all__ = [
    "Cause", "DiagnoseError", "Diagnosis", "Moment", "PatternError", "Verdict", "diagnose", "diagnose_scan",
    "read_log",
]  # fmt: skip


def read_log(source: Source, knowledge: Knowledge, progress: Callable[[int], object] | None = None) -> Scan:
    """Go over a log once, in bounded memory; ``progress`` is told the bytes read so far. Raises PatternError."""
    from dockerlint_alpine.diagnose.patterns import PatternSet
    from dockerlint_alpine.diagnose.scan import scan

    return scan(source, PatternSet.parse(knowledge.errors), progress)


def diagnose(
    source: Source,
    knowledge: Knowledge,
    store: IndexStore,
    *,
    alpine: str | None = None,
    progress: Callable[[int], object] | None = None,
) -> Diagnosis:
    """Diagnose a log read from an open binary file.

    ``alpine`` (``X.Y``) overrules the release that the log tells. Raises PatternError for broken rules and ApkError
    for damaged indexes; no log makes it raise.
    """
    found = read_log(source, knowledge, progress)
    return diagnose_scan(found, knowledge, store, alpine=alpine, said_by="as asked" if alpine else "")


def diagnose_scan(
    found: Scan,
    knowledge: Knowledge,
    store: IndexStore,
    *,
    alpine: str | None = None,
    said_by: str = "",
    arch: str = "x86_64",
    python: str | None = None,
    resolver: Resolver | None = None,
) -> Diagnosis:
    """Diagnose what :func:`read_log` has found; ``said_by`` says who named the release ``alpine``.

    ``arch`` (apk's word) and ``python`` (``X.Y``) stand in for what the log does not tell. ``resolver`` is asked for what
    the embedded facts on wheels leave open; ``None``: nothing is asked.
    """
    from dockerlint_alpine.diagnose.causes import Reader
    from dockerlint_alpine.diagnose.foresee import Foresight
    from dockerlint_alpine.diagnose.lookup import Lookup
    from dockerlint_alpine.diagnose.releases import Releases
    from dockerlint_alpine.diagnose.steps import same_command
    from dockerlint_alpine.diagnose.systems import Systems
    from dockerlint_alpine.diagnose.ways import WaysOut

    failed = next((s for f in reversed(found.failures) for s in found.steps if same_command(s, f)), None)
    release, source = (alpine, said_by) if alpine else _release_of(found, knowledge, failed)
    releases = Releases.choose(store, release, source, arch)
    lookup = Lookup(knowledge, releases, found.patterns)
    lookup.python_home, told = _python_of(found, knowledge)
    lookup.python = told or python
    causes = Reader(knowledge, lookup, found).causes()
    causes = Foresight(knowledge, lookup, releases, found).complete(causes)
    ways = WaysOut(
        knowledge.facts,
        found.patterns,
        resolver,
        release=releases.release,
        python=lookup.python,
        arch=found.arch or arch,
    )
    if alpine is None:
        systems = Systems(knowledge, found)
        causes = tuple(systems.doubted(systems.located(cause) or ways.completed(cause)) for cause in causes)
    else:
        causes = tuple(map(ways.completed, causes))
    first = causes[0].step if causes else None
    return Diagnosis(causes, releases.release, releases.note, failed or first)


def _release_of(found: Scan, knowledge: Knowledge, failed: Step | None) -> tuple[str | None, str]:
    """The release that the log names: in an address of apk's, or as the tag of a base image.

    What the failed stage says goes first: another stage may well be of another release.
    """
    stage = found.stage_of(failed)
    if failed is not None and stage in found.releases:
        return found.releases[stage], "the log fetches its index"
    own = knowledge.base_image(stage[1]) if stage[1] is not None else None
    if own is not None and own.alpine is not None and not own.assumed:
        return own.alpine, f"the log's base image {stage[1]}"
    if found.release is not None:
        return found.release, "the log fetches its index"
    reference = stage[1] or found.image
    image = knowledge.base_image(reference) if reference is not None else None
    if image is not None and image.alpine is not None:
        assumed = f"; {image.assumed[-1]}" if image.assumed else ""
        return image.alpine, f"the log's base image {reference}{assumed}"
    return None, ""


def _python_of(found: Scan, knowledge: Knowledge) -> tuple[str | None, str | None]:
    """Whose Python the log runs: ``/usr/local`` or ``/usr``, and its version ``X.Y``, where it tells."""
    if found.python_home is not None:
        return found.python_home, found.python
    image = knowledge.base_image(found.image) if found.image else None
    python = found.python or (image.python if image is not None else None)
    # node-gyp runs whatever python3 there is; Node's images have none, so it is apk's.
    return ("/usr" if found.node_gyp else None), python
