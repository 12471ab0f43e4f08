"""What containers of the image start: ENTRYPOINT, CMD and HEALTHCHECK, and the services of compose files in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.checks.starts.commands import programs_of, script_text, with_script
from dockerlint_alpine.checks.starts.following import HANDS_OVER, Follower
from dockerlint_alpine.checks.starts.model import Start
from dockerlint_alpine.stages.container_start import (
    ImageStart,
    as_dockerfile,
    image_start,
    s6_scripts,
    seen_by,
    with_arguments,
)
from dockerlint_alpine.syntax import SourceText, expand_command, parse_script, run_scripts, unwrap
from dockerlint_alpine.syntax.script import DEFAULT_SHELL
from dockerlint_alpine.system.services import by_service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.stages import Moment, Stage
    from dockerlint_alpine.syntax import Instruction, Script
    from dockerlint_alpine.system.services import ServiceStart, StartKey


class Containers(Struct, frozen=True):
    """The containers of one stage, whose commands all go through one follower."""

    subject: Subject
    stage: Stage
    follower: Follower

    def of_image(self, shell: tuple[str, ...]) -> Iterator[Start]:
        """What the image itself starts."""
        image = _image_start(self.subject, self.stage)
        entrypoint, command = image.entrypoint, image.command
        hands_over = entrypoint is None or _hands_over(entrypoint, self.stage.final)
        for instruction in (image.healthcheck, entrypoint):
            if instruction is not None:
                takes_it = instruction is entrypoint and entrypoint.json and not hands_over
                yield from self._instruction(instruction, shell, command if takes_it else None)
        if command is not None and hands_over:
            yield from self._instruction(command, shell, None)
        place = self.stage.from_instruction
        start = Start("", "s6-overlay", place, (place.start, place.end), self.stage.final)
        services = map(SourceText.literal, s6_scripts(self.stage.final.files))
        yield from self.follower.follow(start, map(parse_script, services))

    def of_services(self) -> Iterator[Start]:
        """What services of compose files start, in place of what the image would: they are built from its last stage."""
        for tolds in by_service(self.subject.services):
            yield from self._of_service({told.key: told for told in tolds}, _moment_of(tolds, self.stage.final))

    def _of_service(self, given: Mapping[StartKey, ServiceStart], moment: Moment) -> Iterator[Start]:
        own = _image_start(self.subject, self.stage)
        entrypoint = as_dockerfile(given["entrypoint"]).instructions[0] if "entrypoint" in given else own.entrypoint
        if "entrypoint" in given:
            yield from self._service(given["entrypoint"], own.entrypoint, moment)
        if "healthcheck" in given:
            yield from self._service(given["healthcheck"], own.healthcheck, moment)
        if "command" in given:
            if entrypoint is None or entrypoint.json is not None:
                yield from self._service(given["command"], own.command, moment, entrypoint)
        elif "volumes" in given and "entrypoint" not in given:
            yield from self._mounted(given["volumes"], moment, own.entrypoint, own.command)

    def _instruction(
        self, instruction: Instruction, shell: tuple[str, ...], command: Instruction | None
    ) -> Iterator[Start]:
        """What an instruction starts, which gets the words of ``command`` as its arguments."""
        scripts = _scripts(instruction, shell)
        start = Start("", instruction.keyword, instruction, (instruction.start, instruction.end), self.stage.final)
        for program, span in programs_of(self.subject, instruction, shell, scripts, self.stage):
            yield from with_script(replace(start, program=program, span=span), self.stage)
        yield from self.follower.follow(start, with_arguments(scripts, command))

    def _service(
        self, told: ServiceStart, replaced: Instruction | None, moment: Moment, entrypoint: Instruction | None = None
    ) -> Iterator[Start]:
        """What a service starts, in place of an instruction, or as the arguments of ``entrypoint``."""
        place = replaced if replaced is not None else self.stage.from_instruction
        start = Start("", told.key, place, (place.start, place.end), moment, service=told)
        written = as_dockerfile(told)
        (instruction,) = written.instructions
        scripts = run_scripts(instruction)
        if entrypoint is not None and not _hands_over(entrypoint, moment):
            yield from self.follower.follow(start, with_arguments(run_scripts(entrypoint), instruction))
            return
        as_if = replace(self.subject, timeline=replace(self.subject.timeline, dockerfile=written))
        for program, _ in programs_of(as_if, instruction, DEFAULT_SHELL, scripts, self.stage):
            yield from with_script(replace(start, program=program), self.stage)
        yield from self.follower.follow(start, scripts)

    def _mounted(
        self, told: ServiceStart, moment: Moment, entrypoint: Instruction | None, command: Instruction | None
    ) -> Iterator[Start]:
        """What the image's own instructions lead to where a service mounts folders and says nothing of what it starts."""
        instruction, arguments = (entrypoint, command) if entrypoint is not None else (command, None)
        if instruction is not None:
            start = Start(
                "", instruction.keyword, instruction, (instruction.start, instruction.end), moment, service=told
            )
            yield from self.follower.follow(start, with_arguments(run_scripts(instruction), arguments))


def _moment_of(tolds: Sequence[ServiceStart], moment: Moment) -> Moment:
    """The image as the container of a service sees it."""
    files, workdir = seen_by(tolds, moment.files, moment.workdir)
    return replace(moment, files=files, workdir=workdir)


def _scripts(instruction: Instruction, shell: tuple[str, ...]) -> tuple[Script, ...]:
    if instruction.keyword != "HEALTHCHECK" or instruction.json is not None:
        return run_scripts(instruction, shell)
    source = instruction.source
    return (parse_script(source.slice(3, len(source))),) if source.text[:3].upper() == "CMD" else ()


def _image_start(subject: Subject, stage: Stage) -> ImageStart:
    return image_start([one.instructions for one in reversed(subject.timeline.lineage(stage))])


def _hands_over(entrypoint: Instruction, end: Moment) -> bool:
    """True where what CMD says is started: behind ``tini --`` alone, or by a script that ends with ``exec "$@"``."""
    if entrypoint.json is None:
        return False
    args = expand_command(run_scripts(entrypoint)[0].commands[0], {})
    bare = [arg.text for arg in args if not arg.text.startswith("-")]
    if len(bare) == 1 and bare[0].rpartition("/")[2] in {"tini", "dumb-init", "env", "catatonit"}:
        return True
    args = unwrap(args).args
    if not args or len(args) > 1:
        return False
    text = script_text(args[0].text, end)
    return text is not None and HANDS_OVER.search(text.decode("utf-8", "replace")) is not None
