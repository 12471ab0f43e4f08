"""Programs that a Dockerfile starts, each with its location and the contents of the stage at that moment.

Only what is certain to be started counts: not what a branch may skip, not what stands behind ``||``, nothing in a script
that defines functions of that name, and nothing behind another script that it reads.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.checks.python_starts import programs_of_python
from dockerlint_alpine.python.options import FILE_OPTIONS
from dockerlint_alpine.stages import ApkStep, InstallStep
from dockerlint_alpine.stages.model import ScriptCommand, Written
from dockerlint_alpine.stages.scripts import MAX_SIZE, ScriptFile, changes_exit, one_line, parsed, started
from dockerlint_alpine.stages.shell_commands import REDEFINES
from dockerlint_alpine.syntax import Mount, expand_command, expanded_commands, parse, parse_script, run_scripts, unwrap
from dockerlint_alpine.syntax.script import DEFAULT_SHELL
from dockerlint_alpine.syntax.shell.failure import goes_on
from dockerlint_alpine.system.options import scan
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.model.services import ServiceStart
    from dockerlint_alpine.stages import Moment, Stage
    from dockerlint_alpine.stages.scripts import Started
    from dockerlint_alpine.syntax import Dockerfile, ExpandedCommand, Instruction, Script, Span

PLAIN_TOOLS = frozenset(
    """
    addgroup adduser apk awk basename bc cat chgrp chmod chown cmp comm cp curl cut date dc delgroup deluser df diff dirname
    dos2unix du egrep env expr fgrep find fold free getopt grep groupadd groups gunzip head hexdump hostname iconv id install
    kill ln ls md5sum mkdir mktemp mv nproc od openssl passwd paste ps pwd readlink realpath rev rm rmdir sed seq setcap
    sha1sum sha256sum sha512sum shuf sleep sort stat stty sync tac tail tee touch tr tty uname uniq update-ca-certificates
    uptime useradd usermod wc wget which whoami xxd yes
    """.split()
)
"""Programs that compile nothing, and make no program that their own words do not name."""

_HANDS_OVER = lazy_pattern(r"""\bexec\b[^\n#]*["']?\$[@*]""")
"""An entrypoint that becomes what CMD says: ``exec "$@"``."""

_SHEBANG = lazy_pattern(rb"#!\s*(/\S+)(?:[ \t]+([^\r\n]*?))?[ \t]*\n")
_GIT = lazy_pattern(r"(?m)^[ \t]*(?:-e[ \t]+|--editable[= \t]+)?[^#;\n]*?\b(?:git\+(?:https?|ssh|git)|git)://[^;\n]*$")
_SCM = lazy_pattern(r"(?m)(?:^[ \t]*|[,(]\s*)(?:\[tool\.setuptools_scm\]|use_scm_version\s*=(?!\s*False))")
_VERSION_ELSEWHERE = lazy_pattern(r"fallback_version|fallback_root|search_parent_directories|\broot\b[\s\"']*[=:]")
_DJANGO = frozenset({"manage.py", "django-admin", "django-admin.py"})
_MESSAGES = {"compilemessages": "msgfmt", "makemessages": "xgettext"}
"""Commands of Django that end with an error without a program (django/core/management/commands: find_command)."""
_MAX_SCRIPT = 1 << 18
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
"""What states the programs of a project, and where its version comes from."""


class Start(Struct, frozen=True):
    """One program that is started: as written, by what (``CMD``, ``HEALTHCHECK``, ``RUN``), and through which script.

    ``service``: it is a compose file that says so; ``instruction`` is then what it takes the place of, or the stage's FROM.
    """

    program: str
    by: str
    instruction: Instruction
    span: Span
    moment: Moment
    script: str | None = None
    service: ServiceStart | None = None
    ran: ScriptCommand | None = None
    """The command of a script that starts it, where that stands in one."""
    purpose: str | None = None
    """What an installer starts it for."""

    @property
    def name(self) -> str:
        """The program without its folder."""
        return self.program.rpartition("/")[2]

    @property
    def while_building(self) -> bool:
        """True for what a RUN starts, or an installer that it runs."""
        return self.by == "RUN" or self.purpose is not None


def starts(subject: Subject, stage: Stage) -> tuple[Start, ...]:
    """Everything that the instructions of ``stage`` start for certain: by RUN, and where it runs by CMD and its kin."""
    return subject.once((starts, stage.index), lambda: tuple(_starts(subject, stage)))


def _starts(subject: Subject, stage: Stage) -> Iterator[Start]:
    shell = _shell_before(subject, stage)
    for instruction in stage.instructions:
        if instruction.keyword == "SHELL" and instruction.json:
            shell = tuple(word.text for word in instruction.json)
        elif instruction.keyword == "RUN":
            yield from _of_run(subject, stage, instruction, shell)
    yield from _of_scripts(subject, stage)
    yield from _git_of_pip(stage)
    if stage.runs and stage.end is not None:
        yield from _of_container(subject, stage, shell)
        if stage.index == max(one.index for one in subject.timeline.stages.values() if one.runs):
            yield from _of_services(subject, stage)


def search_path(moment: Moment) -> tuple[str, ...]:
    """The folders of PATH; one that is relative is below the folder that a program is started in (POSIX: PATH)."""
    path = moment.scope.names.get("PATH")
    folders = path.text.split(":") if path is not None else ()
    return tuple(absolute(folder, moment.workdir) for folder in folders if folder[:1] not in {"", "$"})


def _shell_before(subject: Subject, stage: Stage) -> tuple[str, ...]:
    shell: tuple[str, ...] = DEFAULT_SHELL
    for place in reversed(subject.timeline.lineage(stage)[1:]):
        for instruction in place.instructions:
            if instruction.keyword == "SHELL" and instruction.json:
                shell = tuple(word.text for word in instruction.json)
    return shell


# -- while it is built ------------------------------------------------------------------------------------------------


def _of_run(subject: Subject, stage: Stage, instruction: Instruction, shell: tuple[str, ...]) -> Iterator[Start]:
    if _mounts(instruction):
        return
    for program, span in _programs(subject, instruction, shell, run_scripts(instruction, shell), stage):
        moment = _moment_at(stage, span)
        if moment is not None:
            yield from _with_script(Start(program, "RUN", instruction, span, moment), stage)


def _mounts(instruction: Instruction) -> bool:
    """True where files are bound in: what is mounted may hold anything."""
    return any(flag.name == "mount" and Mount.parse(flag).type == "bind" for flag in instruction.flags)


def _of_scripts(subject: Subject, stage: Stage) -> Iterator[Start]:
    """What scripts of the context start that a RUN runs, and RUNs of ONBUILD."""
    for ran in stage.ran:
        expanded, behind = ran.expanded, (ran.expanded.command.span or (0, 0))[1]
        if expanded.conditional or not ran.plain or _mounts(ran.instruction) or _is_handled(subject, ran.span):
            continue
        if goes_on(ran.data, behind):
            continue
        for program in _started_by(expanded):
            start = Start(program, "RUN", ran.instruction, ran.span, ran.moment, ran=ran)
            yield from _with_script(start, stage)


def _moment_at(stage: Stage, span: Span) -> Moment | None:
    """The stage as it is when the command at ``span`` starts: behind the last command of apk before it, and without what a
    script does that it runs."""
    found = stage.start
    for step in stage.steps:
        if isinstance(step, ApkStep) and step.span[0] <= span[0] - (step.written is not None):
            found = step.after
    return found


def _git_of_pip(stage: Stage) -> Iterator[Start]:
    """The git that installers call for ``git+https://`` requirements, on the command line or in a file that it names."""
    for step in stage.steps:
        if not isinstance(step, InstallStep) or step.conditional or not _calls_git(step):
            continue
        words = [arg.text for arg in step.command.args if arg.known]
        texts = [*(word for word in words if not word.startswith("-")), *_requirement_files(words, step.moment)]
        texts += [one.resolved.url for one in step.installed if one.resolved.url is not None and not one.ready]
        if any(_GIT.search(text) for text in texts):
            purpose = "fetches a requirement with git"
        elif any(_asks_git(word.partition("[")[0], step.moment) for word in words if word.startswith((".", "/"))):
            purpose = "builds a project that takes its version from git (setuptools_scm)"
        else:
            continue
        yield Start("git", step.command.tool.name, step.instruction, step.span, step.moment, purpose=purpose)


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


def read_text(moment: Moment, path: str) -> str:
    """Return the start of a file of the stage, or nothing where it is not there or can't be read."""
    return (moment.files.content(path) or b"")[:_MAX_SCRIPT].decode("utf-8", "replace")


def _requirement_files(words: Sequence[str], moment: Moment) -> Iterator[str]:
    for word in scan(words, FILE_OPTIONS)[0]:
        if word.option == "--requirement":
            yield read_text(moment, absolute(word.value, moment.workdir))


# -- where it runs ----------------------------------------------------------------------------------------------------


def _of_container(subject: Subject, stage: Stage, shell: tuple[str, ...]) -> Iterator[Start]:
    entrypoint, command, healthcheck = _effective(subject, stage)
    end = stage.final
    if healthcheck is not None:
        yield from _started(subject, stage, healthcheck, shell, "HEALTHCHECK")
    handed_over = entrypoint is None
    if entrypoint is not None:
        yield from _started(subject, stage, entrypoint, shell, "ENTRYPOINT")
        handed_over = entrypoint.json is not None and _hands_over(entrypoint, end)
    if command is not None and handed_over:
        yield from _started(subject, stage, command, shell, "CMD")


def _of_services(subject: Subject, stage: Stage) -> Iterator[Start]:
    """What services of compose files start, in place of what the image would: they are built from its last stage."""
    by_service: dict[tuple[str, str], dict[str, ServiceStart]] = {}
    for told in subject.services:
        by_service.setdefault((told.path, told.service), {})[told.key] = told
    entrypoint, command, healthcheck = _effective(subject, stage)
    end = stage.final
    for given in by_service.values():
        for key, replaced in (("entrypoint", entrypoint), ("healthcheck", healthcheck)):
            if key in given:
                yield from _of_service(subject, stage, given[key], replaced)
        if "command" not in given:
            continue
        before = _as_instruction(given["entrypoint"]).instructions[0] if "entrypoint" in given else entrypoint
        if before is None or (before.json is not None and _hands_over(before, end)):
            yield from _of_service(subject, stage, given["command"], command)


def _of_service(subject: Subject, stage: Stage, told: ServiceStart, replaced: Instruction | None) -> Iterator[Start]:
    written = _as_instruction(told)
    (instruction,) = written.instructions
    as_if = replace(subject, timeline=replace(subject.timeline, dockerfile=written))
    place = replaced if replaced is not None else stage.from_instruction
    scripts = run_scripts(instruction)
    start = Start("", told.key, place, (place.start, place.end), stage.final, service=told)
    for program, _ in _programs(as_if, instruction, DEFAULT_SHELL, scripts, stage):
        yield from _with_script(replace(start, program=program), stage)
    yield from _of_commands(start, scripts, stage)


def _as_instruction(told: ServiceStart) -> Dockerfile:
    """A Dockerfile that says the same: compose hands words over as the exec form does."""
    from json import dumps

    return parse(f"CMD {dumps(told.words)}".encode())


def _effective(subject: Subject, stage: Stage) -> tuple[Instruction | None, Instruction | None, Instruction | None]:
    """ENTRYPOINT, CMD and HEALTHCHECK as the image has them; a new ENTRYPOINT drops the CMD of the stages before."""
    entrypoint: Instruction | None = None
    command: Instruction | None = None
    healthcheck: Instruction | None = None
    for place in reversed(subject.timeline.lineage(stage)):
        own = {instruction.keyword: instruction for instruction in place.instructions}
        if "ENTRYPOINT" in own and "CMD" not in own:
            command = None
        entrypoint = own.get("ENTRYPOINT", entrypoint)
        command = own.get("CMD", command)
        healthcheck = own.get("HEALTHCHECK", healthcheck)
    if entrypoint is not None and entrypoint.json is not None and not entrypoint.json:
        entrypoint = None  # ENTRYPOINT []
    if healthcheck is not None and healthcheck.source.text.strip().upper() == "NONE":
        healthcheck = None
    return entrypoint, command, healthcheck


def _started(
    subject: Subject, stage: Stage, instruction: Instruction, shell: tuple[str, ...], by: str
) -> Iterator[Start]:
    if by == "HEALTHCHECK" and instruction.json is None:
        source = instruction.source
        if source.text[:3].upper() != "CMD":
            return
        scripts: tuple[Script, ...] = (parse_script(source.slice(3, len(source))),)
    else:
        scripts = run_scripts(instruction, shell)
    for program, span in _programs(subject, instruction, shell, scripts, stage):
        yield from _with_script(Start(program, by, instruction, span, stage.final), stage)
    yield from _of_commands(
        Start("", by, instruction, (instruction.start, instruction.end), stage.final), scripts, stage
    )


def _of_commands(start: Start, scripts: Iterable[Script], stage: Stage) -> Iterator[Start]:
    """What the shell scripts and the Python code of the context start that commands run for certain."""
    end = stage.final
    for expanded in (one for script in scripts for one in expanded_commands(script, end.scope.names)):
        if expanded.conditional or not expanded.args:
            continue
        span = start.span if start.service is not None else expanded.command.span or start.span
        given = started(expanded, expanded.args, end.workdir, end.files)
        if given is not None:
            yield from _of_entry(replace(start, span=span), given, stage)
        else:
            yield from _of_code(replace(start, span=span), expanded, stage)


def _of_entry(start: Start, given: Started, stage: Stage) -> Iterator[Start]:
    """What a shell script of the context starts that the container runs, up to where it ends or becomes something else."""
    files = start.moment.files
    data = files.content(given.place) or b""
    if len(data) > MAX_SIZE or b"\0" in data[:1024]:
        return
    file = ScriptFile(given.place, files.display(given.place), data)
    script = parsed(file, given.shell)
    if (
        script.opaque
        or script.problems
        or any(one.name == "PATH" for cmd in script.commands for one in cmd.assignments)
    ):
        return
    exits, reached = file.exits or given.exits, True
    for expanded in expanded_commands(script, start.moment.scope.names):
        span = expanded.command.span or (0, 0)
        if expanded.name == "set" and not expanded.conditional:
            said = changes_exit(expanded.args[1:])
            exits = exits if said is None else said
        certain = reached and not (expanded.conditional or expanded.substitution)
        called = _is_called(expanded, script)
        if not goes_on(data, span[1]) and (certain or (called and not _is_looked_for(expanded.name, data))):
            ran = ScriptCommand(
                start.instruction,
                start.span,
                Written(file.shown, file.line_of(span[0]), one_line(expanded.command)),
                data,
                expanded,
                start.moment,
                len(stage.steps),
                plain=True,
                exits=exits,
                certain=certain,
            )
            yield from (replace(start, program=one, ran=ran) for one in _started_by(expanded) if "/" not in one)
        yield from _of_code(start, expanded, stage)
        if expanded.name in REDEFINES:
            return
        if expanded.name in {"exit", "return"} or "exec" in expanded.wrappers:
            if not expanded.conditional and expanded.command.function is None:
                return
            # The rest runs where nothing fails: || exit 1
            reached = reached and (not called or expanded.command.joined_by == "||")


def _is_called(expanded: ExpandedCommand, script: Script) -> bool:
    """Whether a command is in no function that nothing calls."""
    function = expanded.command.function
    return function is None or any(one.name == function for one in script.commands)


def _is_looked_for(program: str, data: bytes) -> bool:
    """Whether a script asks if it has a program."""
    name = re.escape(program.encode("utf-8", "surrogateescape"))
    return re.search(rb"\b(?:command\s+-[vV]|which|type|hash)\b[^\n;&|]{0,200}\b" + name + rb"\b", data) is not None


def _of_code(start: Start, expanded: ExpandedCommand, stage: Stage) -> Iterator[Start]:
    """What Python code of the context may start that a command runs."""
    words = [arg.text for arg in itertools.takewhile(lambda one: one.known, expanded.args)]
    for called in programs_of_python(words, start.moment):
        ran = ScriptCommand(
            start.instruction,
            start.span,
            called.written,
            b"",
            expanded,
            start.moment,
            len(stage.steps),
            plain=True,
            exits=False,
        )
        yield replace(start, program=called.program, ran=ran)


def _hands_over(entrypoint: Instruction, end: Moment) -> bool:
    """True where what CMD says is started: behind ``tini --`` alone, or by a script that ends with ``exec "$@"``."""
    (script,) = run_scripts(entrypoint)
    (command,) = script.commands
    args = expand_command(command, {})
    bare = [arg.text for arg in args if not arg.text.startswith("-")]
    if len(bare) == 1 and bare[0].rpartition("/")[2] in {"tini", "dumb-init", "env", "catatonit"}:
        return True
    args = unwrap(args).args
    if not args or len(args) > 1:
        return False
    text = _script_text(args[0].text, end)
    return text is not None and _HANDS_OVER.search(text.decode("utf-8", "replace")) is not None


# -- both -------------------------------------------------------------------------------------------------------------


def _programs(
    subject: Subject, instruction: Instruction, shell: tuple[str, ...], scripts: Iterable[Script], stage: Stage
) -> Iterator[tuple[str, Span]]:
    """The programs of scripts that run for certain, each once, with their places."""
    found: dict[tuple[str, Span], None] = {}
    whole = (instruction.start, instruction.end)
    if instruction.json is None and shell[0] != DEFAULT_SHELL[0]:
        found[shell[0], whole] = None
    for script in scripts:
        names = {command.function for command in script.commands if command.function is not None}
        variables = stage.end.scope.names if stage.end is not None else {}
        words: list[tuple[str, Span | None, bool]] = []
        for command in itertools.takewhile(lambda one: one.name not in REDEFINES, script.commands):
            args = expand_command(command, variables) if command.words else ()
            words += [(arg.text, command.span, command.conditional) for arg in args[:1] if arg.known]
        commands = expanded_commands(script, variables)
        for expanded in itertools.takewhile(lambda one: one.name not in REDEFINES, commands):
            skipped = expanded.conditional or expanded.substitution
            words += [(text, expanded.command.span, skipped) for text in _started_by(expanded)]
        for text, span, skipped in words:
            place = span or whole
            if not skipped and text not in names and not _is_handled(subject, place):
                found[text, place] = None
    yield from found


def _started_by(expanded: ExpandedCommand) -> tuple[str, ...]:
    """The programs that a command starts, with those that its arguments have it start."""
    words = [arg.text for arg in expanded.args]
    started = (*expanded.wrappers, *(arg.text for arg in expanded.args[:1] if arg.known))
    if words[:3] == ["python3", "-m", "pip"]:
        started += ("pip3",)  # what has the module has the program
    if {"-m", "django"} <= {*words} or any(one.rpartition("/")[2] in _DJANGO for one in words):
        started += tuple(program for word, program in _MESSAGES.items() if word in words)
    return started


def _is_handled(subject: Subject, span: Span) -> bool:
    return goes_on(subject.dockerfile.data, span[1])


def _with_script(start: Start, stage: Stage) -> Iterator[Start]:
    """The program, or the interpreter that the first line of a script of the context names."""
    end = stage.final  # the files of the stage are those at its end: a script is not replaced by another
    text = _script_text(start.program, end)
    shebang = _SHEBANG.match(text) if text is not None else None
    if shebang is None:
        yield start
        return
    interpreter = shebang[1].decode("utf-8", "replace")
    words = (shebang[2] or b"").decode("utf-8", "replace").split()
    words = [word for word in words if not word.startswith("-") and "=" not in word]
    if interpreter.rpartition("/")[2] == "env" and words:
        interpreter = words[0]
    shown = end.files.display(_script_place(start.program, end) or start.program)
    yield replace(start, program=interpreter, script=shown)


def _script_text(program: str, moment: Moment) -> bytes | None:
    place = _script_place(program, moment)
    data = moment.files.content(place) if place is not None else None
    return data[:_MAX_SCRIPT] if data is not None else None


def _script_place(program: str, moment: Moment) -> str | None:
    """Where a script of the context lies that is started under this name."""
    if "/" in program:
        return absolute(program, moment.workdir)
    for folder in search_path(moment):
        place = posixpath.join(folder, program)
        if moment.files.exists(place):
            return place
    return None
