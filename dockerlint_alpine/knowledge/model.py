"""What the rules say: native libraries, and what Python distributions do with them.

Everything here is a frozen value read from ``rules/*.toml`` (schema: ``schema.py``). Needs are strings in apk's own
vocabulary: ``so:liblz4.so.*``, ``pc:liblz4``, ``cmd:pg_config`` or a plain package name; ``*`` stands for any text.
Release numbers are Alpine's ``X.Y``. Version ranges are PEP 440 specifiers; the empty string means every version.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Annotated, Literal, TypeAlias, get_args

from msgspec import Meta, Struct, field

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.python.versions import specifiers

FORMS = {
    r"^(?:(?:so|cmd|pc):)?[A-Za-z0-9_.+*-]+(?::[A-Za-z0-9_.+*-]+)?\Z": "a need such as 'cmd:cmake'",
    r"^[a-z0-9]+(?:[.+_-]+[a-z0-9+]+)*\Z": "a normalised name",
    r"^[A-Za-z0-9_.+-]+\.so(?:\.[0-9*][0-9A-Za-z.*]*)?\Z": "a soname pattern such as 'liblz4.so.*'",
    r"^\d+\.\d+\Z": "an Alpine release such as '3.19'",
    r"^(?:x86_64|x86|aarch64|armv7|armhf|ppc64le|s390x|riscv64|loongarch64)\Z": "an architecture such as 'armv7'",
    r"^(?:built|wheel) \S+.*: links .+ \[\d{4}-\d\d-\d\d\]\Z": "a proof as tools/prove_rules.py writes it",
    r"^\d+(?:\.\d+)*\Z": "a version such as '1.75'",
    r"^\d{4}-\d\d-\d\d\Z": "a date such as 2026-01-31",
}
"""What texts look like -> what they are, for messages."""
_NEED, _NAME, _SONAME, _RELEASE, _ARCH, _PROOF, _VERSION, _DAY = FORMS

Text: TypeAlias = Annotated[str, Meta(min_length=1)]
Texts: TypeAlias = tuple[Text, ...]
Needs: TypeAlias = tuple[Annotated[str, Meta(pattern=_NEED)], ...]
Names: TypeAlias = tuple[Annotated[str, Meta(pattern=_NAME)], ...]
Sonames: TypeAlias = tuple[Annotated[str, Meta(pattern=_SONAME)], ...]
Release: TypeAlias = Annotated[str, Meta(pattern=_RELEASE)]
Arches: TypeAlias = tuple[Annotated[str, Meta(pattern=_ARCH)], ...]
Version: TypeAlias = Annotated[str, Meta(pattern=_VERSION)]
Day: TypeAlias = Annotated[str, Meta(pattern=_DAY)]
Evidence: TypeAlias = Annotated[tuple[Text, ...], Meta(min_length=1)]
Switches: TypeAlias = Mapping[str, str | tuple[str, ...]]
"""Variables of the environment with the value, or the values, that count; ``*`` is any that is not empty."""
Pinned: TypeAlias = Text | Mapping[Release, Text]
"""An apk name, or the names from a first release on."""
Linkage: TypeAlias = Literal["always", "system-if-present", "bundled", "dlopen"]
Detection: TypeAlias = Literal["pkg-config", "tool", "header", "linker"]
Severity: TypeAlias = Literal["error", "warning", "info"]
Confidence: TypeAlias = Literal["source", "packaging"]
RuntimeKind: TypeAlias = Literal["dlopen", "program", "data"]
Lookup: TypeAlias = Literal["name", "find_library"]
CHOICES: Mapping[str, tuple[str, ...]] = {
    "linkage": get_args(Linkage),
    "detect": get_args(Detection),
    "severity": get_args(Severity),
    "confidence": get_args(Confidence),
    "kind": get_args(RuntimeKind),
    "lookup": get_args(Lookup),
}
"""Key -> the values that it may have."""


class Entry(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A table of ``rules/``; its fields are the keys."""


def covers(specifier: str, version: str) -> bool:
    """Whether a PEP 440 ``specifier`` (empty: all) holds for ``version``; an odd version never does."""
    return not specifier or specifiers(specifier).contains(version)


def _anywhere(arch: str | None, not_on: tuple[str, ...]) -> bool:
    return arch is None or arch not in not_on


def within(release: str, since: str | None, until: str | None) -> bool:
    """Tell whether Alpine ``release`` is between ``since`` and ``until``, both included; ``None``: no bound."""
    key = release_key(release)
    return (since is None or release_key(since) <= key) and (until is None or key <= release_key(until))


def _pinned(names: Pinned | None, release: str | None) -> str | None:
    """Return the name of the last entry whose first release is not after ``release``; the newest when it is unknown."""
    if names is None or isinstance(names, str):
        return names
    fit = [first for first in names if release is None or release_key(first) <= release_key(release)]
    return names[max(fit, key=release_key)] if fit else None


def switch_values(values: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the values of one switch, in lower case: case never matters."""
    return tuple(one.lower() for one in ((values,) if isinstance(values, str) else values))


class Library(Entry, frozen=True):
    """A native library, once, independent of Alpine's releases.

    ``sonames`` are patterns such as ``liblz4.so.*``; ``dev`` and ``runtime`` pin apk names where the index's
    ``pc:``/``cmd:``/``so:`` can't decide. ``since``/``until`` are the first and last Alpine releases that have it,
    ``not_in`` gaps between them, ``not_on`` the architectures (apk's names) for which it is not built.
    ``static`` says why nothing is linked at run time. ``confidence``: ``source`` when upstream or the index was read,
    ``packaging`` when only packagers say so.
    """

    name: Text
    evidence: Evidence
    summary: str = ""
    url: str = ""
    sonames: Sonames = ()
    pkg_config: Texts = ()
    tools: Texts = ()
    headers: Texts = ()
    dev: Pinned | None = None
    runtime: Pinned | None = None
    static: str = ""
    since: Release | None = None
    until: Release | None = None
    not_in: tuple[Release, ...] = ()
    not_on: Arches = ()
    note: str = ""
    confidence: Confidence = "source"

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


class Link(Entry, frozen=True):
    """What one build does with one library.

    ``library`` names a :class:`Library`. ``detect``: how the build finds it, any of these is enough; for ``tool`` it
    runs the program ``tool`` (empty: the library's first). ``required``: a missing library fails the build; otherwise
    ``optional`` names the feature that is then off, or a bundled copy is used (empty). ``unless_env``/``only_env``
    switch the system library off/on: the variable and the values that do so (``*``: any that is not empty).
    ``env_if_set``: when the variable is set at all, it must have one of these values. Case never matters in values.
    ``sonames`` replaces the library's own when the extension links another of its objects. ``minimum`` is the version
    that detection asks for. ``needs`` are further needs of the detection itself, such as ``cmd:pkg-config``.
    ``runtime`` is false where only headers or a static archive are taken. ``calls``: what Python code calls that uses the
    ``optional`` feature (``PIL.ImageFont.truetype``); ``used_by``: distributions (normalised) that do.
    """

    library: Text = field(name="use")
    linkage: Linkage
    detect: Annotated[tuple[Detection, ...], Meta(min_length=1)] = ("linker",)
    must: bool | None = field(name="required", default=None)
    optional: str = ""
    calls: Texts = ()
    used_by: Names = ()
    unless_env: Switches = {}
    only_env: Switches = {}
    env_if_set: Switches = {}
    tool: str = ""
    sonames: Sonames = ()
    minimum: str = ""
    needs: Needs = ()
    runtime: bool = True
    note: str = ""
    evidence: Texts = ()

    def __post_init__(self) -> None:
        """Refuse what is required and optional, and users of no feature."""
        if self.must and self.optional:
            raise ValueError("a required library can't be optional too")
        if (self.calls or self.used_by) and not self.optional:
            raise ValueError("'calls' and 'used-by' are of a feature: name it with 'optional'")

    @property
    def required(self) -> bool:
        """Whether a missing library fails the build; where the rule does not say, linkage and ``optional`` tell."""
        return self.must if self.must is not None else self.linkage == "always" and not self.optional

    def runtime_needs(self, library: Library, release: str | None) -> tuple[str, ...]:
        """Needs that must all be met where the built extension runs; ``library`` is the one that this link names."""
        if not self.runtime:
            return ()
        if self.sonames:
            return tuple(f"so:{name}" for name in self.sonames)
        return library.runtime_needs(release)

    def switched_on(self, env: Mapping[str, str]) -> bool:
        """Whether the environment of the build leaves the system library in play."""
        if any(name in env and not _holds(env[name], values) for name, values in self.env_if_set.items()):
            return False
        return _left_on(env, self.unless_env, self.only_env)


def _left_on(env: Mapping[str, str], unless: Switches, only: Switches) -> bool:
    if any(_holds(env.get(name, ""), values) for name, values in unless.items()):
        return False
    return all(_holds(env.get(name, ""), values) for name, values in only.items())


def _holds(value: str, values: str | tuple[str, ...]) -> bool:
    known = switch_values(values)
    return value.lower() in known or (value != "" and "*" in known)


class Build(Entry, frozen=True):
    """How the versions in ``versions`` are compiled from their sdist.

    ``language`` names entries of ``rules/languages.toml``; ``needs`` are further needs of every compile,
    ``libraries`` what is linked. ``minimums`` is need -> version: the provider must be at least so new, such as
    ``cmd:rustc`` of 1.83. ``optional_extension``: without a compiler the install still succeeds, in pure
    Python. ``fetches`` are tools that the build backend gets for itself where they are missing. ``requires`` are the
    distributions of ``[build-system]`` that may have to be compiled themselves. ``unless_env`` and ``only_env`` as in
    :class:`Link`: when they switch it off, nothing native is compiled.
    """

    versions: str = ""
    language: Names = ()
    needs: Needs = ()
    minimums: Mapping[str, Text] = field(name="minimum", default_factory=dict)
    libraries: tuple[Link, ...] = field(name="library", default=())
    optional_extension: bool = False
    fetches: Needs = ()
    requires: Names = ()
    unless_env: Switches = {}
    only_env: Switches = {}
    note: str = ""
    evidence: Texts = ()

    def covers(self, version: str) -> bool:
        """Whether this is how ``version`` is compiled."""
        return covers(self.versions, version)

    def switched_on(self, env: Mapping[str, str]) -> bool:
        """Whether the environment of the install leaves the native build in play."""
        return _left_on(env, self.unless_env, self.only_env)


class RuntimeNeed(Entry, frozen=True):
    """What Python code of the distribution opens or starts at run time, invisible to an ELF header.

    Any one of ``any`` meets it. ``library`` names its :class:`Library` (empty: none). ``feature`` names what does not
    work without it (empty: the import itself); ``extra``: only when that extra is installed; ``calls``: what Python code
    calls (``discord.FFmpegPCMAudio``) that uses the feature, whatever extras there are; ``unless_installed``:
    not when one of these distributions is there too, ``unless_extra``: nor when one of these extras was asked for, which
    bring such a distribution. ``lookup`` is ``find_library`` when the only way is
    ``ctypes.util.find_library``. On musl a CPython of the official images (not apk's own, which is patched) then also
    needs ``cmd:objdump``, ``cmd:ld`` and the library's -dev package, because it asks the linker for ``libNAME.so``
    (CPython's ``Lib/ctypes/util.py``). Otherwise it is ``name``. ``lookup_env`` is the variable that names the folder above
    the ``lib`` where ``libNAME.so`` is tried first: where it is set, that file is enough. ``loaded_by``: what Python code
    calls to open the library by a name of its own, so that it isn't looked up. ``commands``: only these commands of the
    distribution have the need (empty: whoever imports it).
    """

    kind: RuntimeKind
    any: Annotated[Needs, Meta(min_length=1)]
    library: str = field(name="use", default="")
    severity: Severity = "error"
    versions: str = ""
    feature: str = ""
    extra: str = ""
    calls: Texts = ()
    unless_installed: Names = ()
    unless_extra: Names = ()
    lookup: Lookup = "name"
    lookup_env: str = ""
    loaded_by: Texts = ()
    since: Release | None = None
    until: Release | None = None
    not_on: Arches = ()
    note: str = ""
    evidence: Texts = ()
    commands: Texts = ()

    def available(self, release: str, arch: str | None = None) -> bool:
        """Tell whether Alpine ``release`` (``X.Y`` or ``edge``) has a provider of it, for ``arch`` if given."""
        return _anywhere(arch, self.not_on) and within(release, self.since, self.until)

    def lookup_needs(self, library: Library | None, release: str | None, env: Container[str] = ()) -> tuple[str, ...]:
        """Return what else must be there, all of it, for ``find_library`` to find it under the official images' CPython.

        ``library`` is the one that this need names, ``env`` has the variables that are set. Empty when the name of the file
        is enough.
        """
        if self.lookup == "name":
            return ()
        asked = () if self.lookup_env in env else ("cmd:objdump", "cmd:ld")
        return (*asked, *(library.build_needs(release)[:1] if library is not None else ()))

    def covers(self, version: str) -> bool:
        """Whether ``version`` has this need."""
        return covers(self.versions, version)


class Impossible(Entry, frozen=True):
    """No apk package helps: why, and the way out. Nothing is said where one of ``unless`` (packages, or needs) is there."""

    reason: Text
    advice: Text
    evidence: Evidence
    versions: str = ""
    unless: Needs = ()

    def covers(self, version: str) -> bool:
        """Whether ``version`` is one that can't work."""
        return covers(self.versions, version)


class Distribution(Entry, frozen=True):
    """A Python distribution with something native about it; ``name`` is normalised (PEP 503).

    ``apk`` is Alpine's own package of it (``py3-lz4``), whose linked sonames must agree with the builds unless
    ``apk_differs`` says why they don't. ``proof`` are results of real builds, each in the form of ``proofs.py``.
    """

    name: Text
    summary: str = ""
    url: str = ""
    imports: Texts = ()
    builds: tuple[Build, ...] = field(name="build", default=())
    runtime: tuple[RuntimeNeed, ...] = ()
    impossible: tuple[Impossible, ...] = ()
    apk: str = ""
    apk_differs: str = ""
    note: str = ""
    confidence: Confidence = "source"
    evidence: Texts = ()
    proof: tuple[Annotated[str, Meta(pattern=_PROOF)], ...] = ()

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


class Language(Entry, frozen=True):
    """What compiling a language needs, and what its objects need where they run. ``headers``: with those of Python."""

    name: Text
    needs: Needs = ()
    runtime: Needs = ()
    headers: bool = True
    note: str = ""
    evidence: Texts = ()
