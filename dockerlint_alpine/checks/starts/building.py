"""What a build starts: its RUN instructions, the scripts that they run, and the git that installers call."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from dockerlint_alpine.checks.starts.commands import is_handled, programs_of, read_text, started_by, with_script
from dockerlint_alpine.checks.starts.entry_points import PROJECT_FILES
from dockerlint_alpine.checks.starts.model import Start
from dockerlint_alpine.stages import ApkStep, InstallStep
from dockerlint_alpine.syntax import Mount, run_scripts
from dockerlint_alpine.syntax.shell.failure import goes_on
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.stages import Moment, Stage
    from dockerlint_alpine.syntax import Instruction, Span

_SCM = lazy_pattern(r"(?m)(?:^[ \t]*|[,(]\s*)(?:\[tool\.setuptools_scm\]|use_scm_version\s*=(?!\s*False))")
_VERSION_ELSEWHERE = lazy_pattern(r"fallback_version|fallback_root|search_parent_directories|\broot\b[\s\"']*[=:]")


def of_run(subject: Subject, stage: Stage, instruction: Instruction, shell: tuple[str, ...]) -> Iterator[Start]:
    """What a RUN starts for certain."""
    if _mounts(instruction):
        return
    for program, span in programs_of(subject, instruction, shell, run_scripts(instruction, shell), stage):
        moment = _moment_at(stage, span)
        if moment is not None:
            yield from with_script(Start(program, "RUN", instruction, span, moment), stage)


def _mounts(instruction: Instruction) -> bool:
    """True where files are bound in: what is mounted may hold anything."""
    return any(flag.name == "mount" and Mount.parse(flag).type == "bind" for flag in instruction.flags)


def of_scripts(subject: Subject, stage: Stage) -> Iterator[Start]:
    """What scripts of the context start that a RUN runs, and RUNs of ONBUILD."""
    for ran in stage.ran:
        expanded, behind = ran.expanded, (ran.expanded.command.span or (0, 0))[1]
        if expanded.conditional or not ran.plain or _mounts(ran.instruction) or is_handled(subject, ran.span):
            continue
        if goes_on(ran.data, behind):
            continue
        for program in started_by(expanded):
            start = Start(program, "RUN", ran.instruction, ran.span, ran.moment, ran=ran)
            yield from with_script(start, stage)


def _moment_at(stage: Stage, span: Span) -> Moment | None:
    """The stage as it is when the command at ``span`` starts: behind the last command of apk before it, and without what a
    script does that it runs."""
    found = stage.start
    for step in stage.steps:
        if isinstance(step, ApkStep) and step.span[0] <= span[0] - (step.written is not None):
            found = step.after
    return found


def git_of_pip(stage: Stage) -> Iterator[Start]:
    """The git that installers call for ``git+https://`` requirements, whoever states them, and for a version of its own."""
    for step in stage.steps:
        if not isinstance(step, InstallStep) or not _calls_git(step):
            continue
        words = [arg.text for arg in step.command.args if arg.known]
        if any(url.startswith(("git+", "git:")) for url in step.urls):
            purpose = "fetches a requirement with git"
        elif any(_asks_git(word.partition("[")[0], step.moment) for word in words if word.startswith((".", "/"))):
            purpose = "builds a project that takes its version from git (setuptools_scm)"
        else:
            continue
        yield Start(
            "git",
            step.command.tool.name,
            step.instruction,
            step.span,
            step.moment,
            purpose=purpose,
            conditional=step.conditional,
        )


def _calls_git(step: InstallStep) -> bool:
    """Whether the tool fetches repositories by the program: Poetry since 1.2 has dulwich for it (its changelog)."""
    tool = step.command.tool.name
    return tool in {"pip", "uv", "pipenv", "pdm"} or (tool == "poetry" and bool(step.target.no_musllinux))


def _asks_git(word: str, moment: Moment) -> bool:
    """True where ``word`` is a project in a git repository whose build fails without git: setuptools_scm finds the version
    by it alone (its README: PRETEND_VERSION, fallback_version and what an sdist or archive says come first)."""
    folder = absolute(word, moment.workdir)

    def text(name: str) -> str:
        return read_text(moment, posixpath.join(folder, name))

    stated = "".join(map(text, PROJECT_FILES))
    if not _SCM.search(stated) or _VERSION_ELSEWHERE.search(stated) or not text(".git/HEAD"):
        return False
    if any(name.startswith("SETUPTOOLS_SCM_PRETEND_VERSION") for name in moment.scope.names):
        return False
    return not text("PKG-INFO") and not text(".git_archival.txt")
