"""The steps of a build as engines announce them, and the one that failed.

BuildKit: ``#12 [builder 4/6] RUN pip install ...`` and ``ERROR: process "/bin/sh -c ..." did not complete``; classic
Docker: ``Step 4/9 : RUN ...`` and ``The command '/bin/sh -c ...' returned a non-zero code``; Podman and Buildah:
``[1/2] STEP 4/5: RUN ...``; Kaniko: ``INFO[0012] RUN ...``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.diagnose.wrappers import Unwrapped

Engine: TypeAlias = Literal["buildkit", "docker", "podman", "kaniko"]

STEP_LITERALS = (
    b"RUN ", b"COPY ", b"ADD ", b"FROM ", b"WORKDIR ", b"Step ", b"STEP ", b"did not complete", b"non-zero code",
    b"executor failed", b">>> ",
)  # fmt: skip
"""A line that announces or ends a step has one of these."""

_KEYWORDS = r"(?:RUN|COPY|ADD|FROM|WORKDIR|CMD|ENTRYPOINT|ENV|ARG|USER|LABEL|SHELL|EXPOSE|VOLUME|ONBUILD)"
_BUILDKIT = lazy_pattern(
    rf"(?:ERROR |CACHED )?\[(?P<names>(?:[\w./:@-]+ +)*)(?P<number>\d+)/(?P<total>\d+)\] (?P<text>{_KEYWORDS}\b.*)"
)
_DOCKER = lazy_pattern(rf"Step (?P<number>\d+)(?:/(?P<total>\d+))? ?: (?P<text>{_KEYWORDS}\b.*)", re.I)
_PODMAN = lazy_pattern(
    rf"(?:\[(?P<stage>\d+)/\d+\] )?STEP (?P<number>\d+)(?:/(?P<total>\d+))?: (?P<text>{_KEYWORDS}\b.*)"
)
_KANIKO = lazy_pattern(rf"(?P<text>{_KEYWORDS} .*)")
_FAILED_COMMAND = lazy_pattern(
    r"""process "(?P<process>.*)" did not complete successfully"""
    r"""|executor failed running \[(?P<executor>.*)\]"""
    r"""|The command '(?P<command>.*)' returned a non-zero code"""
    r"""|building at STEP "(?P<step>.*)": while running runtime"""
)
_SHELL = lazy_pattern(r"^(?:/bin/(?:ba|a)?sh|/bin/ash|sh|bash) -\w*c ")
_MARKED_LINE = lazy_pattern(r"\s*(?P<line>\d+) \| >>> ")
_PLATFORM = lazy_pattern(r"(?:linux|windows|darwin)/[\w/]+\Z")


class Step(Struct, frozen=True):
    """One step as the log names it.

    ``stage`` is BuildKit's stage name or podman's 0-based stage number as text, ``number`` the step's number as its
    engine counts, ``text`` the instruction, perhaps with variables expanded. ``line`` is the line of the log.
    """

    engine: Engine
    number: int | None
    total: int | None
    stage: str | None
    text: str
    line: int
    vertex: str | None = None

    @property
    def keyword(self) -> str:
        """The instruction's keyword in upper case."""
        return self.text.partition(" ")[0].upper()


class FailedCommand(Struct, frozen=True):
    """The engine's last word on a failed step: the shell command, without the shell."""

    text: str
    line: int


def read_step(line: Unwrapped, number: int) -> Step | None:
    """Return the step that a line (1-based ``number``) announces."""
    text = line.text.strip()
    if text.startswith(("[", "ERROR [", "CACHED [")):
        match = _BUILDKIT.match(text)
        if match is not None:
            return _step("buildkit", match, _stage_of(match["names"]), number, line.vertex)
        match = _PODMAN.match(text)
        if match is not None:
            return _step("podman", match, _podman_stage(match), number, None)
    elif text.startswith(("Step ", "STEP ")):
        match = _PODMAN.match(text)
        if match is not None:
            return _step("podman", match, _podman_stage(match), number, None)
        match = _DOCKER.match(text)
        if match is not None:
            return _step("docker", match, None, number, None)
    elif line.kaniko:
        match = _KANIKO.match(text)
        if match is not None:
            return Step("kaniko", None, None, None, match["text"], number)
    return None


def _step(engine: Engine, match: re.Match[str], stage: str | None, line: int, vertex: str | None) -> Step:
    text = match["text"].strip()
    if engine == "buildkit":
        text = re.sub(r"(?::|\s+\d+\.\d+s)$", "", text)
    total = match["total"]
    return Step(engine, int(match["number"]), int(total) if total else None, stage, text, line, vertex)


def _stage_of(names: str) -> str | None:
    """The last word before ``4/6`` that is no platform: a stage, or a compose service in front of it."""
    words = [word for word in names.split() if not _PLATFORM.match(word)]
    return words[-1] if words else None


def _podman_stage(match: re.Match[str]) -> str | None:
    return str(int(match["stage"]) - 1) if match["stage"] else None


def read_failure(line: Unwrapped, number: int) -> FailedCommand | None:
    """Return the command that the engine says has failed."""
    match = _FAILED_COMMAND.search(line.text)
    if match is None:
        return None
    text = next(value for value in match.groups() if value is not None)
    return FailedCommand(_SHELL.sub("", text.removeprefix("RUN ").strip()).strip(), number)


def read_marked_line(line: Unwrapped) -> int | None:
    """Return the line of the Dockerfile that BuildKit marks with ``>>>`` below an error."""
    match = _MARKED_LINE.match(line.text)
    return int(match["line"]) if match is not None else None


def same_command(step: Step, failure: FailedCommand) -> bool:
    """Whether the engine's last word is on this step; white space, continuations and quotes don't count."""
    return _bare(step.text.removeprefix("RUN ")) == _bare(failure.text)


def _bare(text: str) -> str:
    text = re.sub(r"^(?:--\w+=\S+ )+", "", text.strip())
    return re.sub(r"[\s\\\"']+", "", text)
