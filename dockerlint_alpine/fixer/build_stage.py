"""Moves a compile to a separate build stage: its wheels are copied, its compilers are not.

What comes out is the skeleton, without any package: the fixes of the checks put those where they belong, and tell whether it
holds. Offered for what is plain alone: one ``pip install`` of a stage that runs and adds no build packages itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.fixer.lists import apk_steps, is_build_package, package_of
from dockerlint_alpine.fixer.new_run import user_at_start
from dockerlint_alpine.syntax import Dockerfile, Edit, apply_edits
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.stages.model import InstallStep, Stage, Timeline

_PIP = lazy_pattern(rb"(?:[\w./-]*python[\d.]*[ \t]+-m[ \t]+)?[\w./-]*pip[\d.]*(?=[ \t]+install\b)")
_COMMAND_STARTS = lazy_pattern(rb"(?i)(?:^run(?:[ \t]+--\S+)*|&&|;)[ \t]*(?:\\\r?\n[ \t]*)*\Z")
_FROM = lazy_pattern(rb"(?is)(from(?:[ \t]+--\S+)*[ \t]+\S+)(?:[ \t]+as[ \t]+\S+)?[ \t]*\Z")
_KEPT = frozenset({"ARG", "ENV", "WORKDIR", "COPY", "ADD", "SHELL"})
_FOR_BOTH = frozenset(
    "-r --requirement -c --constraint --no-cache-dir -q --quiet -i --index-url --extra-index-url --trusted-host --pre"
    " --prefer-binary --require-hashes --no-deps --disable-pip-version-check --no-build-isolation --progress-bar".split()
)
"""Options of ``pip install`` that mean the same to ``pip wheel`` and do not keep a wheel from being taken."""

_WHEELS = "/wheels"


def pip_words(dockerfile: Dockerfile, step: InstallStep) -> str | None:
    """The words that start pip (``pip3``, ``python -m pip``) at a step that is one command of a shell's list in the
    Dockerfile, as they are written; ``None`` for any other step."""
    if step.written is not None or step.conditional:
        return None
    data, (start, end) = dockerfile.data, step.span
    word = _PIP.match(data, start, end)
    if word is None or _COMMAND_STARTS.search(data[step.instruction.start : start]) is None:
        return None
    return word[0].decode("ascii", "replace")


def separated(timeline: Timeline, stage: Stage, step: InstallStep) -> bytes | None:
    """The Dockerfile with the compile of ``step`` in a stage of its own, still without the packages for it; ``None``
    where that would be more than moving it."""
    dockerfile = timeline.dockerfile
    words = pip_words(dockerfile, step)
    if words is None or not _is_plain(timeline, stage, step):
        return None
    data, eol = dockerfile.data, dockerfile.eol
    opening = _FROM.match(data, stage.from_instruction.start, stage.from_instruction.end)
    if opening is None:
        return None
    name = _free_name(timeline)
    behind = data.index(b"install", step.span[0] + len(words)) + len(b"install")
    asked = data[behind : step.span[1]].decode("utf-8", "surrogateescape")
    cache = "" if "--no-cache-dir" in asked else " --no-cache-dir"
    lines = [f"{opening[1].decode('utf-8', 'surrogateescape')} AS {name}"]
    kept = (one for one in stage.instructions if one.start < step.instruction.start and one.keyword in _KEPT)
    lines += (data[one.start : one.end].decode("utf-8", "surrogateescape").rstrip("\r\n") for one in kept)
    lines += [f"RUN {words} wheel{cache} --wheel-dir {_WHEELS}{asked}", "", ""]
    edits = (
        Edit(stage.from_instruction.start, stage.from_instruction.start, eol.join(lines)),
        Edit(step.instruction.start, step.instruction.start, f"COPY --from={name} {_WHEELS} {_WHEELS}{eol}"),
        Edit(behind, behind, f" --no-index --find-links {_WHEELS}"),
    )
    return apply_edits(data, edits)


def _is_plain(timeline: Timeline, stage: Stage, step: InstallStep) -> bool:
    if not stage.runs or stage.parent is not None or step.at_start or step.instruction not in stage.instructions:
        return False
    if step.home.from_apk or step.home.is_venv:  # what brings that Python is more than can be moved
        return False
    for one in apk_steps(stage):
        if one.command.verb == "del" or any(is_build_package(package_of(each)) for each in one.command.operands):
            return False
    before = (one for one in stage.instructions if one.start < step.instruction.start)
    if user_at_start(timeline, stage) != "root" or any(one.keyword == "USER" for one in before):
        return False
    return all(
        argument.known and (not argument.text.startswith("-") or argument.text.partition("=")[0] in _FOR_BOTH)
        for argument in step.command.args
    )


def _free_name(timeline: Timeline) -> str:
    taken = {stage.name for stage in timeline.stages.values()}
    return next(name for name in ("wheels", *(f"wheels{number}" for number in range(2, 99))) if name not in taken)
