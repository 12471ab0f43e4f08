"""What a container does when it starts: the ENTRYPOINT and CMD of its image, and what they install.

Files may be mounted by then, and variables given: only commands that run in any case count, and nothing is said of what is
not known of them.

Sources: Dockerfile reference ("Understand how CMD and ENTRYPOINT interact"); s6-overlay's README (``/etc/cont-init.d``,
``/etc/services.d``, ``/etc/s6-overlay/s6-rc.d``), which linuxserver.io's and Home Assistant's images start.
"""

from __future__ import annotations

import posixpath
import shlex
from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.stages import shell_commands
from dockerlint_alpine.stages.model import InstallStep
from dockerlint_alpine.stages.walk import StageWalk
from dockerlint_alpine.syntax import SourceText, parse_script, run_scripts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.stages.installing import Installer
    from dockerlint_alpine.syntax import Instruction, Script

_S6_FOLDERS = ("/etc/cont-init.d", "/etc/services.d", "/etc/s6-overlay/s6-rc.d")
_S6_SCRIPTS = frozenset({"run", "up"})
_MAX_SERVICES = 50


class ImageStart(Struct, frozen=True):
    """The instructions that say what a container starts, as far as an image has them."""

    entrypoint: Instruction | None
    command: Instruction | None
    healthcheck: Instruction | None


def image_start(stages: Iterable[Sequence[Instruction]]) -> ImageStart:
    """What the instructions of ``stages`` come to, each built from the one before; an ENTRYPOINT drops the CMD of those."""
    entrypoint: Instruction | None = None
    command: Instruction | None = None
    healthcheck: Instruction | None = None
    for instructions in stages:
        own = {instruction.keyword: instruction for instruction in instructions}
        if "ENTRYPOINT" in own and "CMD" not in own:
            command = None
        entrypoint = own.get("ENTRYPOINT", entrypoint)
        command = own.get("CMD", command)
        healthcheck = own.get("HEALTHCHECK", healthcheck)
    if entrypoint is not None and entrypoint.json is not None and not entrypoint.json:
        entrypoint = None  # ENTRYPOINT []
    if healthcheck is not None and healthcheck.source.text.strip().upper() == "NONE":
        healthcheck = None
    return ImageStart(entrypoint, command, healthcheck)


def with_arguments(scripts: tuple[Script, ...], command: Instruction | None) -> tuple[Script, ...]:
    """The script of an ENTRYPOINT with the words behind it that a CMD has, both in the exec form."""
    if command is None or not command.json or not scripts:
        return scripts
    (script,), (more,) = scripts, run_scripts(command)
    words = (*script.commands[0].words, *more.commands[0].words)
    return (replace(script, commands=(replace(script.commands[0], words=words),)),)


def install_at_start(walk: StageWalk, stages: Sequence[Sequence[Instruction]], installer: Installer) -> None:
    """Let the container of a stage install what it does when it starts; ``stages`` have the instructions of those that it is
    built from, the first one first, and its own."""
    container, known = StageWalk(walk.node, walk.build), set(walk.build.unjudged)
    container.inherit(walk)
    container.scope = replace(walk.scope, args={}).on(walk.platform)
    start = image_start(stages)
    for instruction, scripts in _started(start, container):
        for script in scripts:
            shell_commands.walk_script(container, instruction, script, installer)
    notices = [one for one in walk.build.unjudged if one not in known]
    for notice in notices:
        if notice.kind != "unresolved-requirement":
            del walk.build.unjudged[notice]
    installs = [one for one in container.steps if isinstance(one, InstallStep)]
    walk.installs_at_start = bool(installs or notices)
    certain = [one for one in installs if not one.conditional]
    if certain:
        walk.packages = container.packages
        walk.steps += (replace(one, at_start=True) for one in certain)
        walk.install(item for one in certain for item in one.installed)


def _started(start: ImageStart, walk: StageWalk) -> Iterator[tuple[Instruction, tuple[Script, ...]]]:
    entrypoint, command = start.entrypoint, start.command
    if entrypoint is not None:
        yield entrypoint, with_arguments(run_scripts(entrypoint, walk.shell), command if entrypoint.json else None)
    elif command is not None:
        yield command, run_scripts(command, walk.shell)
    services: defaultdict[Instruction, list[str]] = defaultdict(list)
    for place in s6_scripts(walk.files):
        services[_bringing(place, walk)].append(shlex.quote(place))
    for instruction, places in services.items():
        yield instruction, (parse_script(SourceText.literal("\n".join(places))),)


def _bringing(place: str, walk: StageWalk) -> Instruction:
    """The last COPY to the folder of a file, else FROM."""
    for one in reversed(walk.node.instructions):
        if one.keyword in {"COPY", "ADD"} and place.startswith(walk.place(one.words()[-1].text).rstrip("/")):
            return one
    return walk.node.from_instruction


def s6_scripts(files: StageFiles) -> Iterator[str]:
    """The scripts that s6-overlay starts, where a build lays any."""
    for folder in _S6_FOLDERS:
        for name in sorted(_names(files, folder))[:_MAX_SERVICES]:
            place = posixpath.join(folder, name)
            inside = _S6_SCRIPTS.intersection(_names(files, place))
            if folder == _S6_FOLDERS[0]:
                yield place
            yield from (posixpath.join(place, one) for one in sorted(inside))


def _names(files: StageFiles, folder: str) -> Sequence[str]:
    try:
        return list(files.names(folder))
    except OSError:
        return ()
