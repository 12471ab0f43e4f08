"""What the rules say: native libraries, and what Python distributions do with them.

Everything here is a frozen value read from ``rules/*.toml`` (schema: ``schema.py``). Needs are strings in apk's own
vocabulary: ``so:liblz4.so.*``, ``pc:liblz4``, ``cmd:pg_config`` or a plain package name; ``*`` stands for any text.
Release numbers are Alpine's ``X.Y``. Version ranges are PEP 440 specifiers; the empty string means every version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.python.versions import specifiers

if TYPE_CHECKING:
    from collections.abc import Mapping

Linkage: TypeAlias = Literal["always", "system-if-present", "bundled", "dlopen"]
Detection: TypeAlias = Literal["pkg-config", "tool", "header", "linker"]
RuntimeKind: TypeAlias = Literal["dlopen", "program", "data"]
Severity: TypeAlias = Literal["error", "warning", "info"]
Confidence: TypeAlias = Literal["source", "packaging"]

LINKAGES: tuple[Linkage, ...] = ("always", "system-if-present", "bundled", "dlopen")
DETECTIONS: tuple[Detection, ...] = ("pkg-config", "tool", "header", "linker")
RUNTIME_KINDS: tuple[RuntimeKind, ...] = ("dlopen", "program", "data")
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
CONFIDENCES: tuple[Confidence, ...] = ("source", "packaging")


def covers(specifier: str, version: str) -> bool:
    """Whether a PEP 440 ``specifier`` (empty: all) holds for ``version``; an odd version never does."""
    return not specifier or specifiers(specifier).contains(version)


def _anywhere(arch: str | None, not_on: tuple[str, ...]) -> bool:
    return arch is None or arch not in not_on


def within(release: str, since: str | None, until: str | None) -> bool:
    """Tell whether Alpine ``release`` is between ``since`` and ``until``, both included; ``None``: no bound."""
    key = release_key(release)
    return (since is None or release_key(since) <= key) and (until is None or key <= release_key(until))


def _pinned(names: tuple[tuple[str, str], ...], release: str | None) -> str | None:
    """Return the name of the last entry whose first release is not after ``release``; the newest when it is unknown."""
    if release is None:
        return names[-1][1] if names else None
    found = None
    for first, name in names:
        if not first or release_key(first) <= release_key(release):
            found = name
    return found


class Library(Struct, frozen=True):
    """A native library, once, independent of Alpine's releases.

    ``sonames`` are patterns such as ``liblz4.so.*``; ``dev`` and ``runtime`` pin apk names as ``(first release,
    name)`` in ascending order where the index's ``pc:``/``cmd:``/``so:`` can't decide (first release ``""``: since
    ever). ``since``/``until`` are the first and last Alpine releases that have it, ``not_in`` gaps between them,
    ``not_on`` the architectures (apk's names) for which it is not built.
    ``static`` says why nothing is linked at run time. ``confidence``: ``source`` when upstream or the index was read,
    ``packaging`` when only packagers say so.
    """

    name: str
    summary: str
    url: str
    sonames: tuple[str, ...]
    pkg_config: tuple[str, ...]
    tools: tuple[str, ...]
    headers: tuple[str, ...]
    dev: tuple[tuple[str, str], ...]
    runtime: tuple[tuple[str, str], ...]
    static: str
    since: str | None
    until: str | None
    not_in: tuple[str, ...]
    not_on: tuple[str, ...]
    note: str
    confidence: Confidence
    evidence: tuple[str, ...]

    def available(self, release: str, arch: str | None = None) -> bool:
        """Tell whether Alpine ``release`` (``X.Y`` or ``edge``) has it at all, for ``arch`` (apk's name) if given."""
        if release in self.not_in or not _anywhere(arch, self.not_on):
            return False
        return within(release, self.since, self.until)

    def build_needs(self, release: str | None) -> tuple[str, ...]:
        """Needs of which any one means "its headers are here", best first: a pinned -dev name, ``pc:``, ``cmd:``."""
        pinned = _pinned(self.dev, release)
        return (
            *((pinned,) if pinned else ()),
            *(f"pc:{name}" for name in self.pkg_config),
            *(f"cmd:{name}" for name in self.tools),
        )

    def runtime_needs(self, release: str | None) -> tuple[str, ...]:
        """Needs that must all be met where a binary linked with it runs: a pinned name, else ``so:`` patterns.

        Only the first soname is what a plain user links; the others are companions of the same package. So the result
        has at most one element.
        """
        pinned = _pinned(self.runtime, release)
        if pinned is not None:
            return (pinned,)
        return tuple(f"so:{name}" for name in self.sonames[:1])


class Link(Struct, frozen=True):
    """What one build does with one library.

    ``library`` names a :class:`Library`. ``detect``: how the build finds it, any of these is enough; for ``tool`` it
    runs the program ``tool`` (empty: the library's first). ``required``: a missing library fails the build; otherwise
    ``optional`` names the feature that is then off, or a bundled copy is used (empty). ``unless_env``/``only_env``
    switch the system library off/on: the variable and the values that do so (``*``: any that is not empty).
    ``env_if_set``: when the variable is set at all, it must have one of these values. Case never matters in values.
    ``sonames`` replaces the library's own when the extension links another of its objects. ``minimum`` is the version
    that detection asks for. ``needs`` are further needs of the detection itself, such as ``cmd:pkg-config``.
    ``runtime`` is false where only headers or a static archive are taken.
    """

    library: str
    linkage: Linkage
    detect: tuple[Detection, ...] = ()
    required: bool = False
    optional: str = ""
    unless_env: tuple[tuple[str, tuple[str, ...]], ...] = ()
    only_env: tuple[tuple[str, tuple[str, ...]], ...] = ()
    env_if_set: tuple[tuple[str, tuple[str, ...]], ...] = ()
    tool: str = ""
    sonames: tuple[str, ...] = ()
    minimum: str = ""
    needs: tuple[str, ...] = ()
    runtime: bool = True
    note: str = ""
    evidence: tuple[str, ...] = ()

    def runtime_needs(self, library: Library, release: str | None) -> tuple[str, ...]:
        """Needs that must all be met where the built extension runs; ``library`` is the one that this link names."""
        if not self.runtime:
            return ()
        if self.sonames:
            return tuple(f"so:{name}" for name in self.sonames)
        return library.runtime_needs(release)

    def switched_on(self, env: Mapping[str, str]) -> bool:
        """Whether the environment of the build leaves the system library in play."""
        if any(_holds(env.get(name, ""), values) for name, values in self.unless_env):
            return False
        if any(name in env and not _holds(env[name], values) for name, values in self.env_if_set):
            return False
        return all(_holds(env.get(name, ""), values) for name, values in self.only_env)


def _holds(value: str, values: tuple[str, ...]) -> bool:
    return value.lower() in values or (value != "" and "*" in values)


class Build(Struct, frozen=True):
    """How the versions in ``versions`` are compiled from their sdist.

    ``language`` names entries of ``rules/languages.toml``; ``needs`` are further needs of every compile,
    ``libraries`` what is linked. ``minimums`` are (need, version): the provider of that need must be at least so new,
    such as ``("cmd:rustc", "1.83")``. ``optional_extension``: without a compiler the install still succeeds, in pure
    Python. ``fetches`` are tools that the build backend gets for itself where they are missing. ``requires`` are the
    distributions of ``[build-system]`` that may have to be compiled themselves. ``unless_env`` and ``only_env`` as in
    :class:`Link`: when they switch it off, nothing native is compiled.
    """

    versions: str = ""
    language: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    minimums: tuple[tuple[str, str], ...] = ()
    libraries: tuple[Link, ...] = ()
    optional_extension: bool = False
    fetches: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    unless_env: tuple[tuple[str, tuple[str, ...]], ...] = ()
    only_env: tuple[tuple[str, tuple[str, ...]], ...] = ()
    note: str = ""
    evidence: tuple[str, ...] = ()

    def covers(self, version: str) -> bool:
        """Whether this is how ``version`` is compiled."""
        return covers(self.versions, version)

    def switched_on(self, env: Mapping[str, str]) -> bool:
        """Whether the environment of the install leaves the native build in play."""
        if any(_holds(env.get(name, ""), values) for name, values in self.unless_env):
            return False
        return all(_holds(env.get(name, ""), values) for name, values in self.only_env)


class RuntimeNeed(Struct, frozen=True):
    """What Python code of the distribution opens or starts at run time, invisible to an ELF header.

    Any one of ``any`` meets it. ``library`` names its :class:`Library` (empty: none). ``feature`` names what does not
    work without it (empty: the import itself); ``extra``: only when that extra is installed; ``unless_installed``:
    not when one of these distributions is there too, ``unless_extra``: nor when one of these extras was asked for, which
    bring such a distribution. ``lookup`` is ``find_library`` when the only way is
    ``ctypes.util.find_library``. On musl a CPython of the official images (not apk's own, which is patched) then also
    needs ``cmd:objdump``, ``cmd:ld`` and the library's -dev package, because it asks the linker for ``libNAME.so``
    (CPython's ``Lib/ctypes/util.py``). Otherwise it is ``name``. ``commands``: only these commands of the distribution have
    the need (empty: whoever imports it).
    """

    kind: RuntimeKind
    any: tuple[str, ...]
    library: str = ""
    severity: Severity = "error"
    versions: str = ""
    feature: str = ""
    extra: str = ""
    unless_installed: tuple[str, ...] = ()
    unless_extra: tuple[str, ...] = ()
    lookup: Literal["name", "find_library"] = "name"
    since: str | None = None
    until: str | None = None
    not_on: tuple[str, ...] = ()
    note: str = ""
    evidence: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    def available(self, release: str, arch: str | None = None) -> bool:
        """Tell whether Alpine ``release`` (``X.Y`` or ``edge``) has a provider of it, for ``arch`` if given."""
        return _anywhere(arch, self.not_on) and within(release, self.since, self.until)

    def lookup_needs(self, library: Library | None, release: str | None) -> tuple[str, ...]:
        """Return what else must be there, all of it, for ``find_library`` to find it under the official images' CPython.

        ``library`` is the one that this need names. Empty when the name of the file is enough.
        """
        if self.lookup == "name":
            return ()
        return ("cmd:objdump", "cmd:ld", *(library.build_needs(release)[:1] if library is not None else ()))

    def covers(self, version: str) -> bool:
        """Whether ``version`` has this need."""
        return covers(self.versions, version)


class Impossible(Struct, frozen=True):
    """No apk package helps: why, and the way out. Nothing is said where one of ``unless`` (packages, or needs) is there."""

    versions: str
    reason: str
    advice: str
    evidence: tuple[str, ...]
    unless: tuple[str, ...] = ()

    def covers(self, version: str) -> bool:
        """Whether ``version`` is one that can't work."""
        return covers(self.versions, version)


class Distribution(Struct, frozen=True):
    """A Python distribution with something native about it; ``name`` is normalised (PEP 503).

    ``apk`` is Alpine's own package of it (``py3-lz4``), whose linked sonames must agree with the builds unless
    ``apk_differs`` says why they don't. ``proof`` are results of real builds, each in the form of ``proofs.py``.
    """

    name: str
    summary: str
    url: str
    imports: tuple[str, ...]
    builds: tuple[Build, ...]
    runtime: tuple[RuntimeNeed, ...]
    impossible: tuple[Impossible, ...]
    apk: str
    apk_differs: str
    note: str
    confidence: Confidence
    evidence: tuple[str, ...]
    proof: tuple[str, ...]

    def build(self, version: str | None, env: Mapping[str, str] | None = None) -> Build | None:
        """Return the first build whose range has ``version``; for an unknown version the first, which is the newest.

        One that ``env`` leaves in play goes before one that it switches off.
        """
        if version is None:
            return self.builds[0] if self.builds else None
        found = [build for build in self.builds if build.covers(version)]
        return next(
            (build for build in found if env is not None and build.switched_on(env)), found[0] if found else None
        )

    def runtime_needs(self, version: str | None) -> tuple[RuntimeNeed, ...]:
        """Return what ``version`` opens or starts at run time; everything known when it is unknown."""
        return tuple(need for need in self.runtime if version is None or need.covers(version))

    def verdict_impossible(self, version: str | None) -> Impossible | None:
        """Why ``version`` can't work on Alpine, if so; of an unknown version only what holds for all."""
        for entry in self.impossible:
            if not entry.versions or (version is not None and entry.covers(version)):
                return entry
        return None


class Language(Struct, frozen=True):
    """What compiling a language needs, and what its objects need where they run."""

    name: str
    needs: tuple[str, ...]
    runtime: tuple[str, ...]
    note: str
    evidence: tuple[str, ...]
