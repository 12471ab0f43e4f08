"""What a stage uses its build packages for: shared by AD401 and AD402.

A package counts as unneeded only where everything in the stage is understood: every distribution is a wheel or has a
rule, every command is known to compile nothing, nobody copies files of Alpine's packages out of it. One thing that is
not understood, and nothing is said.
"""

from __future__ import annotations

import posixpath
import re
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.checks.base import exact_world
from dockerlint_alpine.checks.starts import PLAIN_TOOLS
from dockerlint_alpine.fixer.lists import apk_steps, build_names, deletions
from dockerlint_alpine.python.tags import lacks_musllinux
from dockerlint_alpine.stages import ApkStep, BuildFacts, InstallStep, is_installer, is_native, pulled_in_by
from dockerlint_alpine.stages.files import FromContext, FromStage
from dockerlint_alpine.syntax import expanded_commands, run_scripts
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockerlint_alpine.apk import World
    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.stages import Installed, Stage
    from dockerlint_alpine.syntax import ExpandedCommand, Instruction

_HARMLESS = PLAIN_TOOLS | frozenset(
    """
    . : [ [[ alias break cd command continue echo exit export false getent getopts git gpg gzip jq ldd local locale nproc
    popd printenv printf pushd pwd read return scanelf set sh sha1sum sha256sum sha512sum shift source tar test trap true
    tty type umask unalias unset unzip wait xz
    """.split()
)
"""Programs that compile nothing; installers are judged by what they install."""

_PYTHON = lazy_pattern(r"(?:.*/)?python[0-9.]*\Z")
_HARMLESS_MODULES = frozenset({"ensurepip", "compileall", "site", "json.tool"})
_DJANGO = (["check"], ["collectstatic"], ["compilemessages"], ["migrate"])
_OF_PACKAGES = ("/usr/", "/lib/", "/bin/", "/sbin/", "/etc/")
"""Folders whose files belong to Alpine's packages; ``/usr/local`` is nobody's."""

_LOCAL = lazy_pattern(r"\.{0,2}/|\.{1,2}\Z|-e\Z|--editable|file:|git\+|https?:")
_SCRIPT = lazy_pattern(r"\.(?:sh|bash|ash|mk)\Z|(?:^|/)(?:Makefile|Procfile)\Z")
_MAYBE_SCRIPT = lazy_pattern(r"(?:^|/)[^./]+\Z")
_MAX_SCRIPTS = 400
_MAX_SCRIPT_SIZE = 256 * 1024


class Usage(Struct, frozen=True):
    """What is known of a stage's build packages.

    ``builds`` are the compiles, ``wheels`` counts the distributions that compile nothing. ``roots`` are the packages,
    as the Dockerfile names them, that something compiled or installed there relies on.
    """

    builds: tuple[BuildFacts, ...]
    wheels: int
    roots: frozenset[str]


def remaining(stage: Stage) -> Iterator[tuple[ApkStep, tuple[str, ...]]]:
    """Every certain ``apk add`` of a stage with the build packages of it that are still there at the end."""
    if stage.end is None:
        return
    asked = stage.end.world.explicit
    for step in apk_steps(stage):
        if step.command.verb == "add" and not step.conditional and step.instruction in stage.instructions:
            names = tuple(name for name in build_names(step) if name in asked)
            if names and not deletions(stage, step, names):
                yield step, names


def usage(subject: Subject, stage: Stage) -> Usage | None:
    """What the packages of ``stage`` are used for, there and in the stages built from it; ``None`` where that is not
    known for certain."""
    family = [one for one in subject.timeline.stages.values() if stage in subject.timeline.lineage(one)]
    if not _understood(subject, family):
        return None
    builds: list[BuildFacts] = []
    wheels: dict[tuple[str, str], None] = {}
    roots: set[str] = set()
    for place in family:
        for step in place.steps:
            if not isinstance(step, InstallStep):
                continue
            for item in (*step.installed, *step.built_for):
                built = compiled_here(item, place)
                if built is None:
                    wheels[item.resolved.name, item.location] = None
                    continue
                builds.append(built)
                roots.update(_roots(step.moment.world, build_needs(built, headers=step.home.headers)))
    if not builds and not wheels:
        return None
    for place in family:
        if place.end is not None:
            needs = (need for item in place.installed for need in runtime_needs(subject, item, place.alpine))
            roots.update(_roots(place.end.world, needs))
    return Usage(tuple(builds), len(wheels), frozenset(roots))


def programs_of(world: World, packages: Iterable[str]) -> frozenset[str]:
    """The programs that these packages bring."""
    found = [world.packages[name].programs for name in packages if name in world.packages]
    return frozenset(chain.from_iterable(found))


def mentioned(subject: Subject, stage: Stage, programs: frozenset[str]) -> bool:
    """True when a command of the stage or of one built from it, or a script that was copied there, names a program."""
    family = [one for one in subject.timeline.stages.values() if stage in subject.timeline.lineage(one)]
    if not programs:
        return False
    for place in family:
        for instruction in place.instructions:
            text = instruction.value.encode("utf-8", "surrogateescape")
            if instruction.keyword in {"CMD", "ENTRYPOINT", "HEALTHCHECK"} and _holds_one(text, programs):
                return True
            if instruction.keyword == "RUN" and any(
                _names(command, programs) for command in _commands(place, instruction)
            ):
                return True
        scripts = _scripts(place)
        if scripts is None or any(_holds_one(data, programs) for data in scripts):
            return True
    return False


def _holds_one(text: bytes, programs: frozenset[str]) -> bool:
    """Whether a program stands in ``text`` as a word, with a path before it or not. Few do, so that few are looked for with
    an expression: one for all of them takes longer to compile than a Dockerfile to judge."""
    there = [re.escape(name) for program in programs if (name := program.encode()) in text]
    if not there:
        return False
    return re.search(rb"(?<![\w./-])(?:[\w./-]*/)?(?:" + b"|".join(there) + rb")(?![\w.-])", text) is not None


# -- is everything understood? ------------------------------------------------------------------------------------


def _understood(subject: Subject, family: list[Stage]) -> bool:
    indexes = {stage.index for stage in family}
    timeline = subject.timeline
    if any(notice.stage in indexes for notice in timeline.unjudged) or any(stage.installs_at_start for stage in family):
        return False
    if any(problem.severity == "error" for problem in subject.dockerfile.problems):
        return False
    return all(_stage_understood(subject, stage) for stage in family) and not _files_taken(subject, indexes)


def _stage_understood(subject: Subject, stage: Stage) -> bool:
    if stage.end is None or stage.end.unknown or not exact_world(subject, stage, stage.end):
        return False
    for step in stage.steps:
        if isinstance(step, InstallStep) and not _install_understood(step):
            return False
    return all(
        _harmless(command)
        for instruction in stage.instructions
        if instruction.keyword in {"RUN", "ONBUILD"}
        for command in _commands(stage, instruction)
    )


def _install_understood(step: InstallStep) -> bool:
    native = any(item.built is not None and item.built.languages for item in step.installed)
    if native and not step.built_for and lacks_musllinux(step.target) is not None:
        return False  # what its build asks for (cffi, greenlet, numpy) is compiled, too, and no rule tells what that is
    for item in (*step.installed, *step.built_for):
        kind = item.resolved.artefact.kind
        if item.built is None and kind not in {"wheel", "installed"}:
            return False
        if item.resolved.artefact.confidence != "certain":
            return False
        if item.built is not None and (item.built.rule is None or item.built.source is not None):
            return False
    local = step.command.action == "project" or any(_LOCAL.match(arg.text) for arg in step.command.args)
    return not local or _pure_project(step)


def _pure_project(step: InstallStep) -> bool:
    """True when the project in the folder of the command says nothing of extensions."""
    return is_native(step.moment.files, step.moment.workdir) is False


def _commands(stage: Stage, instruction: Instruction) -> Iterator[ExpandedCommand | None]:
    """The commands of a RUN; ``None`` for what can't be read."""
    if instruction.keyword == "ONBUILD":
        yield None
        return
    for script in run_scripts(instruction):
        if script.opaque or script.problems:
            yield None
        yield from expanded_commands(script, stage.final.scope.names)


def _harmless(command: ExpandedCommand | None) -> bool:
    if command is None or not command.args or not command.args[0].known:
        return False
    words = [arg.text for arg in command.args]
    name = words[0].rpartition("/")[2]
    if _PYTHON.match(words[0]):
        return _harmless_python(words[1:])
    if name in {"sh", ".", "source"}:
        return name != "sh" and len(words) > 1 and words[1].endswith("/bin/activate")
    if name == "find":
        return not any(word in {"-exec", "-execdir", "-ok"} for word in words) or not set(words) & {"sh", "bash", "ash"}
    if name == "xargs":
        return any(word in _HARMLESS for word in words[1:]) and not set(words) & {"sh", "bash", "ash"}
    return name in _HARMLESS or is_installer(name)


def _harmless_python(words: list[str]) -> bool:
    for index, word in enumerate(words):
        if word == "-c" or word in {"--version", "-V"}:
            return True
        if word == "-m":
            module = words[index + 1] if index + 1 < len(words) else ""
            return module in _HARMLESS_MODULES or is_installer(module)
        if not word.startswith("-"):
            return word.endswith("manage.py") and words[index + 1 : index + 2] in _DJANGO
    return False


def _files_taken(subject: Subject, indexes: set[int]) -> bool:
    """True when a stage copies files out of these that may belong to a package of theirs."""
    for stage in subject.timeline.stages.values():
        for placement in stage.end.files.placements if stage.end is not None else ():
            if isinstance(placement, FromStage) and placement.stage in indexes and stage.index not in indexes:
                source = posixpath.normpath(placement.source) + "/"
                if source == "//" or (source.startswith(_OF_PACKAGES) and not source.startswith("/usr/local/")):
                    return True
    return False


# -- what is used -------------------------------------------------------------------------------------------------


def compiled_here(item: Installed, stage: Stage) -> BuildFacts | None:
    """How an item is compiled in this stage; ``None`` for a wheel, also one that another step has made, and for what is
    pure Python."""
    built = item.built
    if built is None or item.copied_from is not None or built.stage != stage.index:
        return None
    return built if built.languages or built.uses or built.tools else None


def build_needs(built: BuildFacts, *, headers: str | None) -> Iterator[str]:
    """What compiling a distribution finds and uses; ``headers``: the package with its Python's own."""
    yield from built.tools
    for use in built.uses:
        if use.presence in {"present", "possible"}:
            yield use.package or use.need
        yield from use.link.needs
    if headers is not None:
        yield headers


def runtime_needs(subject: Subject, item: Installed, release: str | None) -> Iterator[str]:
    """What a distribution needs when it runs on an Alpine ``release``, any of several choices and what ``find_library`` asks
    included."""
    yield from (need for need, _ in item.objects)
    distribution = subject.knowledge.distribution(item.resolved.name)
    for need in distribution.runtime_needs(item.resolved.version) if distribution is not None else ():
        yield from need.any
        if need.lookup != "name":
            library = subject.knowledge.library(need.library) if need.library else None
            yield from (*need.lookup_needs(library, release), "cmd:gcc")


def _roots(world: World, needs: Iterable[str]) -> Iterator[str]:
    """The names in the Dockerfile that bring what these needs find."""
    for need in dict.fromkeys(needs):
        provider = world.provider(need)
        chain = pulled_in_by(world, provider.name) if provider is not None else ()
        if chain:
            yield chain[0]


# -- what is mentioned --------------------------------------------------------------------------------------------


def _names(command: ExpandedCommand | None, programs: frozenset[str]) -> bool:
    """True when a word of the command is one of the programs; ``apk``'s own words are packages."""
    if command is None:
        return True
    if command.name == "apk" or any(arg.text == "apk" for arg in command.args):
        return False
    return any(arg.text.rpartition("/")[2] in programs for arg in command.args)


def _scripts(stage: Stage) -> list[bytes] | None:
    """The shell scripts that lie in the stage, as far as they come from the build context; ``None`` for too many."""
    context = stage.final.files.context
    found: list[bytes] = []
    placed = [one for one in stage.final.files.placements if isinstance(one, FromContext)]
    pending = [(one.source, one.is_dir) for one in placed]
    seen: set[str] = set()
    while pending:
        path, is_dir = pending.pop()
        if path in seen or posixpath.basename(path).startswith(".git"):
            continue
        seen.add(path)
        if len(seen) > _MAX_SCRIPTS:
            return None
        if is_dir:
            children = context.glob(posixpath.join(path, "*") if path else "*")
            pending.extend((child, context.is_dir(child)) for child in children)
        elif (sure := _SCRIPT.search(path)) or _MAYBE_SCRIPT.search(path):
            try:
                data = context.read(path)
            except OSError:
                continue
            if len(data) <= _MAX_SCRIPT_SIZE and (sure or data.startswith(b"#!")):
                found.append(data)
    return found
