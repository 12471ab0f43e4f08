"""Remedies for a failed compile that the facts support: a release with a wheel, a Python for which this release has one.

What the embedded facts don't tell, the package index is asked for under the same policy as in ``check``; where it is not
asked, the answer says what it would tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.knowledge import WheelFacts
from dockerlint_alpine.python.model import Origin, PythonError, Release, Requested, RequirementSet, Target
from dockerlint_alpine.python.resolve import Resolver, ResolverError
from dockerlint_alpine.python.tags import musl_of_alpine
from dockerlint_alpine.python.verdict import choose, describe
from dockerlint_alpine.python.versions import is_pre_release, sort_versions
from dockerlint_alpine.system.platforms import APK_ARCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.diagnose.model import Cause
    from dockerlint_alpine.diagnose.patterns import PatternSet

PLATFORMS = {arch: platform for platform, arch in reversed(APK_ARCH.items())}
"""Alpine's names of processors in Docker's words; of two names for one, the first."""

OLDEST_PYTHON = 8
"""Minor version of the oldest Python 3 that is worth going back to."""


class WaysOut:
    """Answers for the Python and the platform of one log.

    ``python`` is ``X.Y`` and ``arch`` one of apk's names; ``None`` where the log does not tell: nothing is said without a
    Python, and x86_64 is assumed. ``resolver`` is ``None`` offline.
    """

    def __init__(
        self,
        facts: WheelFacts,
        patterns: PatternSet,
        resolver: Resolver | None,
        *,
        release: str,
        python: str | None,
        arch: str | None,
    ) -> None:
        self._facts = facts
        self._patterns = patterns
        self._resolver = resolver
        platform, musl = PLATFORMS.get(arch or "x86_64", "linux/amd64"), musl_of_alpine(release) or (1, 2)
        self._target = Target(python, platform, musl=musl) if python is not None else None

    def completed(self, cause: Cause) -> Cause:
        """Return the cause with what the facts say of its distribution; itself where they have no part in it.

        That is where the pattern says so (``wheel``), and where a package is missing to compile a known release.
        """
        pattern = self._patterns.by_id(cause.pattern)
        compiles = cause.outcome == "package" and cause.moment == "build" and not cause.lasting
        if self._target is None or cause.distribution is None or pattern is None:
            return cause
        if not pattern.wheel and not (compiles and cause.version is not None):
            return cause
        said = self._say(cause.distribution, cause.version, self._target, asks=pattern.wheel)
        return replace(cause, advice=f"{cause.advice} {said}".strip()) if said else cause

    def _say(self, name: str, version: str | None, target: Target, *, asks: bool) -> str:
        releases = list(self._facts.releases(name))
        if version is not None and all(release.version != version for release in releases):
            online = self._online(name, version, target)
            if online is not None:
                return online
            return self._patterns.advice("way-ask", name=f"{name} {version}") if asks else ""
        if not releases:
            return self._patterns.advice("way-ask", name=name) if asks else ""
        shown = f"{name} {version}" if version is not None else f"The newest {name}"
        if version is not None and _fitting(releases, target, [version]):
            return self._patterns.advice("way-has", name=shown, target=describe(target))
        later = [r.version for r in releases if version is None or _is_later(r.version, version)]
        newer = _fitting(releases, target, later)
        older_python = self._older_python(releases, target, version)
        if newer:
            nearest = newer[0] if version is not None else newer[-1]
            said = self._patterns.advice("way-release", name=name, version=nearest, target=describe(target))
            return f"{said} {older_python}".strip()
        if older_python:
            return older_python
        return self._patterns.advice("way-none", name=name, target=describe(target), day=self._facts.as_of)

    def _older_python(self, releases: Sequence[Release], target: Target, version: str | None) -> str:
        """The newest older Python for which this very release has a wheel."""
        if version is None:
            return ""
        for minor in range(target.python_version[1] - 1, OLDEST_PYTHON - 1, -1):
            older = replace(target, python=f"3.{minor}")
            if _fitting(releases, older, [version]):
                return self._patterns.advice("way-python", version=version, python=older.python)
        return ""

    def _online(self, name: str, version: str, target: Target) -> str | None:
        """What the index says of a release that the embedded facts don't have; ``None`` where it is not asked."""
        if self._resolver is None:
            return None
        origin = Origin("the log", None)
        wanted = RequirementSet((Requested(f"{name}=={version}", name, origin, specifier=f"=={version}"),))
        nothing = WheelFacts(self._facts.as_of, lambda _: None)
        try:
            found = self._resolver.resolve(wanted, target, nothing, no_deps=True, afresh=True)
        except (ResolverError, PythonError):
            return None
        verdict = next((one.artefact for one in found.distributions if one.name == name), None)
        if verdict is None:
            return None
        if verdict.kind == "wheel":
            return self._patterns.advice("way-has", name=f"{name} {version}", target=describe(target))
        nearest = verdict.nearest_with_wheel
        if nearest is not None and _is_later(nearest, version):
            return self._patterns.advice("way-release", name=name, version=nearest, target=describe(target))
        return ""


def _fitting(releases: Sequence[Release], target: Target, versions: Iterable[str]) -> list[str]:
    """Those of ``versions`` that have a wheel for the target and are no pre-releases, oldest first."""
    wanted = set(versions)
    found = []
    for release in releases:
        if release.version in wanted and not release.yanked and not is_pre_release(release.version):
            try:
                choice = choose("x", f"=={release.version}", [release], target)
            except PythonError:
                continue
            if choice.verdict.kind == "wheel":
                found.append(release.version)
    return sort_versions(found)


def _is_later(version: str, than: str) -> bool:
    return version != than and sort_versions([version, than])[-1] == version
