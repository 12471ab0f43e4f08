"""What a container does when it starts: the ENTRYPOINT and CMD of its image, and what they install.

Files may be mounted by then, and variables given: only commands that run in any case count, and nothing is said of what is
not known of them.

Sources: Dockerfile reference ("Understand how CMD and ENTRYPOINT interact"); s6-overlay's README (``/etc/cont-init.d``,
``/etc/services.d``, ``/etc/s6-overlay/s6-rc.d``), which linuxserver.io's and Home Assistant's images start.
"""

from __future__ import annotations

import json
import posixpath
import shlex
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.stages import shell_commands
from dockerlint_alpine.stages.context import BuildContext
from dockerlint_alpine.stages.errors import IncludeCycleError
from dockerlint_alpine.stages.files import FromContext, FromStage, StageFiles
from dockerlint_alpine.stages.model import Container, InstallStep
from dockerlint_alpine.stages.walk import StageWalk
from dockerlint_alpine.syntax import SourceText, expanded_commands, parse, parse_script, run_scripts
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.services import by_service

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dockerlint_alpine.stages.installing import Installer
    from dockerlint_alpine.syntax import Dockerfile, Instruction, Script
    from dockerlint_alpine.system.services import ServiceStart, StartKey

_S6_FOLDERS = ("/etc/cont-init.d", "/etc/services.d", "/etc/s6-overlay/s6-rc.d")
_S6_SCRIPTS = frozenset({"run", "up"})
_MAX_SERVICES = 50
_REPLACING = frozenset({"entrypoint", "command"})


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


def seen_by(tolds: Iterable[ServiceStart], files: StageFiles, workdir: str) -> tuple[StageFiles, str]:
    """What the container of a service finds in place of ``files``, with the folders of the project that it mounts, and of
    ``workdir``."""
    build = files.context
    for told in tolds:
        if told.key == "working_dir":
            workdir = absolute(told.words[0], workdir)
        elif told.key == "volumes":
            folder, target, shown = told.words
            # Its limits are those of the build, however many folders are mounted.
            context = BuildContext(
                Path(folder), shown_as=shown, looked_at=build.looked_at, steps=build.steps, scripts=build.scripts
            )
            inside = StageFiles(context, (FromContext("", "/", is_dir=True),))
            files = files.place(FromStage("/", absolute(target, "/"), inside))
    return files, workdir


def as_dockerfile(told: ServiceStart) -> Dockerfile:
    """A Dockerfile of one instruction that says the same: compose hands words over as the exec form does."""
    return parse(f"CMD {json.dumps(told.words)}".encode())


def install_at_start(
    walk: StageWalk, stages: Sequence[Sequence[Instruction]], services: Iterable[ServiceStart], installer: Installer
) -> None:
    """Let the container of a stage install what it does when it starts, and those of ``services``; ``stages`` have the
    instructions of those that it is built from, the first one first, and its own."""
    start = image_start(stages)
    _install(walk, installer, start, (), "the container")
    for tolds in by_service(services):
        given = {told.key: told for told in tolds}
        said = given.get("command") or given.get("entrypoint") or given.get("volumes")
        if said is not None:
            _install(
                walk,
                installer,
                _in_place_of(start, walk, given),
                tolds,
                f"{said.service} ({said.place})",
            )


def _install(
    walk: StageWalk,
    installer: Installer,
    start: ImageStart,
    tolds: Sequence[ServiceStart],
    who: str,
) -> None:
    """Let one container install what its commands do in any case."""
    container, known, broken = StageWalk(walk.node, walk.build), set(walk.build.unjudged), False
    container.inherit(walk)
    container.scope = replace(walk.scope, args={}).on(walk.platform)
    container.files, container.workdir = seen_by(tolds, walk.files, walk.workdir)
    try:
        for instruction, scripts in _started(start, walk):
            for script in scripts:
                shell_commands.walk_script(container, instruction, script, installer)
    except IncludeCycleError:  # the image is built all the same
        broken = True
    notices = [one for one in walk.build.unjudged if one not in known]
    for notice in notices:
        if notice.kind != "unresolved-requirement":
            del walk.build.unjudged[notice]
    installs = [one for one in container.steps if isinstance(one, InstallStep)]
    unclear = (container.unknown, container.foreign, container.repositories)
    opaque = unclear != (walk.unknown, walk.foreign, walk.repositories)
    own = (run_scripts(one, walk.shell) for one in (start.entrypoint, start.command) if one is not None)
    ran = [one for scripts in own for script in scripts for one in expanded_commands(script, container.scope.names)]
    ran += (one.expanded for one in container.ran)
    walk.containers.append(Container(tuple(ran), bool(broken or installs or notices), opaque))
    if walk.packages is not None and container.packages is not None:  # what it adds may be there when it is needed
        walk.packages = replace(walk.packages, possible=container.packages.possible)
    certain = [_said_by(who, one) for one in installs if not one.conditional]
    if certain:
        walk.packages = container.packages
        walk.steps += certain
        walk.install(item for one in certain for item in one.installed)


def _said_by(who: str, step: InstallStep) -> InstallStep:
    """The step with the words that tell of it."""
    where = f" ({step.written.path}:{step.written.line})" if step.written is not None else ""
    said = f"{who} installs it when it starts{where}"
    return replace(step, at_start=said, installed=tuple(replace(one, at_start=said) for one in step.installed))


def _in_place_of(start: ImageStart, walk: StageWalk, given: Mapping[StartKey, ServiceStart]) -> ImageStart:
    """What a service starts in place of what the image does; a new entrypoint drops the image's CMD."""
    place = start.entrypoint or start.command or walk.node.from_instruction
    said = {key: as_dockerfile(told).instructions[0].at(place) for key, told in given.items() if key in _REPLACING}
    command = None if "entrypoint" in said else start.command
    return ImageStart(said.get("entrypoint", start.entrypoint), said.get("command", command), None)


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
