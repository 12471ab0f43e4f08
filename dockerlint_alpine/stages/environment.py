"""ARG and ENV: what each name stands for at one point of the Dockerfile.

Scoping as in the Dockerfile reference: an ARG before the first FROM is seen by FROM lines only, a stage takes it over
with ``ARG NAME``; ENV wins over ARG; a stage built ``FROM`` another inherits both. What the platform gives is an ARG of
that kind, so that a value in the file takes its place (BuildKit, dockerfile2llb/convert.go: buildMetaArgs, dispatchArg).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from dockerlint_alpine.syntax import SourceText, expand, key_values
from dockerlint_alpine.system.platforms import APK_ARCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.syntax import Expanded, Instruction

MAX_NAMES = 4096
"""Variables of one Dockerfile."""
PREDEFINED = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
"""Build arguments every stage may use without declaring them."""


def _platform_args(platform: str) -> dict[str, SourceText]:
    """The predefined platform ARGs of BuildKit for a build on and for ``platform`` (``linux/arm/v7``)."""
    system, _, rest = platform.partition("/")
    arch, _, variant = rest.partition("/")
    values = {"PLATFORM": platform, "OS": system, "ARCH": arch, "VARIANT": variant}
    return {
        f"{prefix}{name}": SourceText.literal(value) for prefix in ("TARGET", "BUILD") for name, value in values.items()
    }


def _platform_commands(platform: str) -> dict[str, SourceText]:
    """What commands print that ask for the machine: not on 32 bits of x86 and ARM v6, where that is the builder's."""
    arch = APK_ARCH.get(platform)
    if arch is None or arch in {"x86", "armhf"}:
        return {}
    uname = "armv7l" if arch == "armv7" else arch
    values = {"$(apk --print-arch)": arch, "$(uname -m)": uname, "$(arch)": uname}
    return {command: SourceText.literal(value) for command, value in values.items()}


def _keep(values: dict[str, SourceText], name: str, value: Expanded) -> None:
    """Give a name a value, within limits: beyond some thousand names nothing is kept, so that they count as unknown."""
    if name in values or len(values) < MAX_NAMES:
        values[name] = value.source.kept(name)


class Scope(Struct, frozen=True, dict=True):
    """Names and values at one point. ``given`` are the values of ``--build-arg``."""

    given: Mapping[str, SourceText] = field(default_factory=dict)
    global_args: Mapping[str, SourceText] = field(default_factory=dict)
    args: Mapping[str, SourceText] = field(default_factory=dict)
    env: Mapping[str, SourceText] = field(default_factory=dict)
    open: frozenset[str] = frozenset()
    """Build arguments of the stage that have no value here: only who builds knows it."""

    @classmethod
    def at_start(cls, platform: str, build_args: Mapping[str, str]) -> Scope:
        """The scope before the first instruction of a build for ``platform`` with these values of ``--build-arg``."""
        given = {name: SourceText.literal(value) for name, value in build_args.items()}
        return cls(given, {name: given.get(name, value) for name, value in _platform_args(platform).items()})

    @cached_property
    def names(self) -> Mapping[str, SourceText]:
        """Every name that expansion sees, and commands as ``$(uname -m)``; ENV hides ARG."""
        return {**self.args, **self.env}

    def on(self, platform: str) -> Scope:
        """The same in a stage for ``platform``, where commands tell what it is."""
        return replace(self, args={**self.args, **_platform_commands(platform)})

    def text(self, name: str) -> str | None:
        """The value of one name as plain text, or ``None`` where it has none."""
        value = self.env.get(name, self.args.get(name))
        return None if value is None else value.text

    def global_arg(self, instruction: Instruction, escape: str) -> Scope:
        """After an ``ARG`` before the first FROM."""
        values = dict(self.global_args)
        for pair in key_values(instruction):
            if pair.key in self.given:
                values[pair.key] = self.given[pair.key]
            elif pair.value is not None:
                _keep(values, pair.key, expand(pair.value, values, escape=escape))
        return Scope(self.given, values, self.args, self.env)

    def arg(self, instruction: Instruction, escape: str) -> Scope:
        """After an ``ARG`` inside a stage."""
        values, without = dict(self.args), set(self.open)
        for pair in key_values(instruction):
            if pair.key in self.given:
                values[pair.key] = self.given[pair.key]
            elif pair.value is not None:
                _keep(values, pair.key, expand(pair.value, {**values, **self.env}, escape=escape))
            elif pair.key in self.global_args:
                values[pair.key] = self.global_args[pair.key]
            else:
                without.add(pair.key)
        return Scope(self.given, self.global_args, values, self.env, frozenset(without - values.keys()))

    def environment(self, instruction: Instruction, escape: str) -> Scope:
        """After an ``ENV``; all values of one instruction see the names before it."""
        names = self.names
        values = dict(self.env)
        for pair in key_values(instruction):
            if pair.value is not None:
                found = expand(pair.value, names, escape=escape)
                if not found.text and not self.open.isdisjoint(found.unknown):
                    values.pop(pair.key, None)  # nothing but a value that only the build has
                else:
                    _keep(values, pair.key, found)
        return Scope(self.given, self.global_args, self.args, values, self.open)

    def stage(self, inherited: Scope | None, env: Mapping[str, str]) -> Scope:
        """The scope at the start of a stage: its parent stage's, or the base image's ``env``."""
        if inherited is not None:
            return Scope(self.given, self.global_args, inherited.args, inherited.env, inherited.open)
        predefined = {name: self.given[name] for name in PREDEFINED if name in self.given}
        literal = {name: SourceText.literal(value) for name, value in env.items()}
        return Scope(self.given, self.global_args, predefined, literal)
