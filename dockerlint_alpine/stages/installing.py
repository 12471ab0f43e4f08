"""Simulates an installer's command: what it requests, what that resolves to, and how each part is built."""

from __future__ import annotations

import posixpath
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.installers.base import SETUP, ExportCommand, PythonHome, project_folder
from dockerlint_alpine.installers.registry import read_command
from dockerlint_alpine.python.formats.project import follow_folders
from dockerlint_alpine.python.model import Resolution, Resolved, Target
from dockerlint_alpine.python.options import PIP_CONFIGURATION
from dockerlint_alpine.python.requirement import comes_from_repository
from dockerlint_alpine.python.resolve import (
    ResolverError,
    answers_itself,
    open_names,
    resolve,
)
from dockerlint_alpine.python.tags import backtracks, musl_of_alpine
from dockerlint_alpine.python.versions import sort_versions
from dockerlint_alpine.stages.compiles import SourceBuilds
from dockerlint_alpine.stages.errors import StagesError
from dockerlint_alpine.stages.exports import absent_exports
from dockerlint_alpine.stages.files import FromText
from dockerlint_alpine.stages.install_doubts import Doubts, note_hidden, note_problems
from dockerlint_alpine.stages.install_request import (
    ArgumentReader,
    InstallRequest,
    read_install_request,
    requirements_text,
)
from dockerlint_alpine.stages.linkage import build_facts, known_build
from dockerlint_alpine.stages.made_wheels import (
    handed_over,
    lay_out_projects,
    lay_out_wheels,
    of_made,
    ready_wheel,
)
from dockerlint_alpine.stages.model import GlibcMade, Installed, InstallStep
from dockerlint_alpine.stages.own_builds import is_own_build
from dockerlint_alpine.stages.present import found_installed, not_there_yet, uninstall
from dockerlint_alpine.stages.wheels import WheelError
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.installers.base import InstallCommand, Words
    from dockerlint_alpine.knowledge import Knowledge
    from dockerlint_alpine.python.model import Facts, RequirementSet
    from dockerlint_alpine.python.resolve import Resolver
    from dockerlint_alpine.stages.install_call import Call
    from dockerlint_alpine.stages.linkage import BuildFacts, SourceRule
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.stages.wheelhouse import Wheelhouse, WheelReader
    from dockerlint_alpine.stages.wheels import WheelFacts
    from dockerlint_alpine.syntax import Arg

_OTHER_INDEXES = ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_FIND_LINKS")
_NAMES_INDEX = lazy_pattern(rb"(?m)^[ \t]*(?:extra-index-url|find-links)[ \t]*[=:]\s*[^\s#;]*://")
_OTHER_WHEELS = "another index that is named may have one"


_MAX_NAMED = 4
"""Repositories that name each other, one after the other."""

_PROJECT = "project."
"""How a setting of a stage begins that tells of which folder a distribution at a place was installed."""

_TOOLS_OF_AN_AGE = frozenset({"poetry", "uv"})
"""Tools whose version decides what they do; the stage's settings have it as ``uv.version``."""

_NEWEST_PIP = "26"
"""Stands for a pip of which only that it was upgraded is known: it is newer than 21.2, the first that knows musl."""


class Installer(Struct, eq=False, dict=True):
    """Knows the rules and the index, and who reads wheels; walks ask it to install into their stage."""

    knowledge: Knowledge
    facts: Facts
    resolver: Resolver | None = None
    as_of: str | None = None
    wheels: WheelReader | None = None
    notes: list[str] = []
    _refusal: str = ""
    """Why the index was not asked about the last command, or gave no answer."""

    @cached_property
    def sources(self) -> SourceBuilds:
        """What is read of the sources that are compiled."""
        return SourceBuilds(self.knowledge, self.facts, self.resolver)

    def install(self, call: Call, command: InstallCommand) -> None:
        """Let ``command`` install into the stage; what can't be judged is noted there."""
        walk = call.walk
        if walk.glibc is None and (walk.packages is None or walk.index is None):
            return
        words = self._reader(call).words(command)
        for said, path, place_of_lock, written in absent_exports(walk, words.texts, call.folder):
            self.export(replace(call, folder=place_of_lock), written, path)
            call.unjudged("unreadable-requirements", said, command.program)
            call = replace(call, conditional=True)
        options = command.tool.options(command, words.texts)
        folder = project_folder(call.folder, options) if command.action == "project" else call.folder
        home = command.tool.home(command, options, call.place(folder))
        if command.action == "uninstall":
            uninstall(walk, home, words.texts, conditional=call.conditional)
            return
        note_hidden(call, command, words.hidden)
        target = self._target(call, home, command, options) if home is not None and home.version is not None else None
        request = read_install_request(command, words, call.place(), target)
        request = self._with_repositories(call, command, words, request, target)
        if request.fetched == "guessed":
            call = replace(call, conditional=True)
        note_problems(call, command, request)
        if home is None or home.version is None:
            message = (
                f"the Python for which {command.program} installs is not known: give its version with --python X.Y"
            )
            call.unjudged("unknown-base-image", message, f"FROM {walk.node.base}")
            return
        if command.tool.runs_pip:
            _check_out(call, request, home)
        target = self._target(call, home, command, request.options)
        place = command.tool.destination(command, request.options, home, call.place(folder))
        request = _with_projects_there(walk, request, place)
        present, of_apk = found_installed(walk, home, command, request)
        wheelhouse = self._wheelhouse(call, request)
        self._refusal = ""
        resolution = self._resolution(walk, request, target, present, wheelhouse)
        if not (self._online and resolution.everywhere) and _has_other_wheels(call, request):
            resolution = replace(resolution, distributions=tuple(map(_perhaps_a_wheel, resolution.distributions)))
        fresh = [one for one in resolution.distributions if one.artefact.kind != "installed"]
        installed = not_there_yet(
            walk, [self._installed(call, one, place, request, command, wheelhouse) for one in fresh]
        )
        doubts = Doubts(call, request, self._online, self._refusal, self.facts.as_of, self.sources)
        doubts.note(resolution, present, installed, conflicts_stop=backtracks(target.pip_version))
        if command.makes_wheels:
            installed = lay_out_wheels(walk, installed, target, built=command.action != "download")
        if command.action == "wheel":
            lay_out_projects(walk, (absolute(text, call.folder) for text in words.texts), place)
        _upgrade_pip(walk, home, resolution, self.knowledge.base_images.last_pip(home.version))
        walk.settings.update(
            (f"{one.name}.version", one.version)
            for one in resolution.distributions
            if one.name in _TOOLS_OF_AN_AGE and one.version
        )
        walk.install(installed)
        walk.settings.update((f"{_PROJECT}{place}/{name}", path) for name, path in request.projects.items())
        if walk.glibc is not None:
            return
        step = InstallStep(
            stage=walk.node.index,
            instruction=call.instruction,
            span=call.span,
            command=command,
            conditional=call.conditional,
            moment=walk.moment,
            home=home,
            target=target,
            installed=tuple(installed),
            written=call.written,
            built_for=tuple(self._built_for(call, installed, request, target)),
            found=tuple(
                (one, of_apk[one.name])
                for one in resolution.distributions
                if one.artefact.kind == "installed" and one.name in of_apk
            ),
            urls=tuple(_urls(resolution)),
        )
        walk.steps.append(step)

    def _with_repositories(
        self, call: Call, command: InstallCommand, words: Words, request: InstallRequest, target: Target | None
    ) -> InstallRequest:
        """The request with what the repositories ask for that it names, and those that these name."""
        walk = call.walk
        for _ in range(_MAX_NAMED):
            asked = request.requirements
            urls = [one.url for one in asked.requested if one.url]
            urls += [one.url for one in asked.problems if one.url]
            if not urls:
                break
            from dockerlint_alpine.stages.downloads import bring, show_repository

            own = any(map(comes_from_repository, asked.requested)) and show_repository(walk)
            if not bring(walk, urls) and not own:
                break
            request = read_install_request(command, words, call.place(), target)
        shares = {walk.files.fetched(path) for path in request.requirements.files}
        fetched = next((share for share in ("guessed", "as told") if share in shares), "")
        return replace(request, fetched=fetched) if fetched else request

    def export(self, call: Call, command: ExportCommand, redirected: str | None) -> None:
        """A lock file is turned into a requirements file, which a later command may read."""
        output = command.output or redirected
        text = self._exported(call, command) if output is not None else None
        if output is not None and text is not None:
            call.walk.files = call.walk.files.place(FromText(text.encode(), absolute(output, call.folder)))

    def _exported(self, call: Call, command: ExportCommand) -> str | None:
        """What an export writes; ``None`` where that can't be told."""
        words, place = self._reader(call).words(command), call.place()
        home = place.interpreter("python3")
        target = Target(home.version, call.walk.platform) if home is not None and home.version is not None else None
        return requirements_text(command.tool.export(command, words, place, target))

    def _reader(self, call: Call) -> ArgumentReader:
        def exported(args: Sequence[Arg]) -> str | None:
            command = read_command(args)
            writes = isinstance(command, ExportCommand) and command.output is None
            return self._exported(call, command) if isinstance(command, ExportCommand) and writes else None

        return ArgumentReader(
            call.walk, call.instruction, call.folder, call.variables, call.file, call.command, exported
        )

    def _target(
        self, call: Call, home: PythonHome, command: InstallCommand, options: Mapping[str, tuple[str, ...]]
    ) -> Target:
        walk, place = call.walk, call.place()
        return Target(
            python=home.version or "3",
            platform=walk.platform,
            musl=musl_of_alpine(walk.index.release) if walk.index is not None else None,
            glibc=walk.glibc,
            pip_version=home.pip_version if command.tool.runs_pip else None,
            forced_platforms=options.get("--platform", ()) if command.tool.runs_pip else (),
            no_musllinux=command.tool.no_musllinux(place)
            if command.in_project
            else _of_easy_install(walk, home, command),
        )

    def _wheelhouse(self, call: Call, request: InstallRequest) -> Wheelhouse | None:
        """The wheel files whose bytes can be read, ``None`` where there is none."""
        local = request.wheelhouses or any((one.path or "").endswith(".whl") for one in request.requirements.requested)
        if self.wheels is None or call.walk.index is None or not (local or self.wheels.names_any):
            return None
        from dockerlint_alpine.stages.wheelhouse import open_wheelhouse

        try:
            wheelhouse = open_wheelhouse(call.walk.files, request, call.walk.index.arch, self.wheels)
        except WheelError as error:
            raise StagesError(str(error)) from None
        return wheelhouse if wheelhouse.files else None

    def _resolution(
        self,
        walk: StageWalk,
        request: InstallRequest,
        target: Target,
        present: Mapping[str, str],
        wheelhouse: Wheelhouse | None,
        *,
        tell: bool = True,
    ) -> Resolution:
        no_deps, resolver = "--no-deps" in request.options, self.resolver
        requirements, facts = request.requirements, self.facts
        made = handed_over(walk, request)
        if requirements.options.asks_nobody or (requirements.options.no_index and made):
            resolver = None  # all that is installed lies in folders
        if wheelhouse is not None:
            from dockerlint_alpine.stages.wheelhouse import WheelhouseFacts

            known = dict.fromkeys((*requirements.wheelhouse, *wheelhouse.named))
            requirements, facts = replace(requirements, wheelhouse=tuple(known)), WheelhouseFacts(facts, wheelhouse)
        asks = resolver is not None and not answers_itself(requirements)
        found: Resolution | None = None
        if not (asks and self._online):
            found = walk.build.world_cache.resolution(
                requirements, target, facts, installed=present, as_of=self.as_of, no_deps=no_deps
            )
        if resolver is not None and asks and (found is None or open_names(found)):
            try:
                found = resolver.resolve(requirements, target, facts, installed=present, no_deps=no_deps)
                self._refusal = resolver.refusal
                if wheelhouse is not None:  # the index knows nothing of local files
                    judged = tuple(wheelhouse.judged(one, request, target) for one in found.distributions)
                    found = replace(found, distributions=judged)
            except ResolverError as error:
                self._refusal = str(error)
                if self._online:
                    self.notes.append(f"resolved without the index: {error}")
        if found is None:
            found = resolve(requirements, target, facts, installed=present, as_of=self.as_of, no_deps=no_deps)
        if requirements.options.no_index and made:
            found = of_made(found, made)
        self.notes.extend(found.notes if tell else ())
        return found

    @property
    def _online(self) -> bool:
        """Whether somebody asked for the index by name."""
        return self.resolver is not None and not self.resolver.fills_gaps

    # -- how each distribution is made -----------------------------------------------------------------------------

    def _installed(
        self,
        call: Call,
        resolved: Resolved,
        place: str,
        request: InstallRequest,
        command: InstallCommand,
        wheelhouse: Wheelhouse | None,
    ) -> Installed:
        walk = call.walk
        distribution = self.knowledge.distribution(resolved.name)
        ready = ready_wheel(walk, resolved, request.wheelhouses)
        built = ready.built if ready is not None else None
        glibc = ready.glibc if ready is not None else None
        wheel, settled = ready.wheel if ready is not None else None, False
        if ready is None and wheelhouse is not None:
            wheel, settled = self._bytes(call, resolved, request, wheelhouse)
        if walk.glibc is not None:
            glibc = self._made_on_glibc(call, resolved, request)
        elif ready is None and resolved.artefact.kind == "sdist" and command.action != "download":
            built = self._built(call, resolved, request)
        return Installed(
            resolved=resolved
            if ready is None
            else replace(resolved, version=resolved.version or ready.resolved.version),
            location=place,
            built=built,
            conditional=call.conditional,
            arrived=call.instruction,
            ready=ready is not None,
            copied_from=ready.copied_from if ready is not None else None,
            imports=distribution.imports if distribution is not None else (),
            pinned=settled or resolved.name in request.pinned,
            wheel=wheel,
            glibc=glibc,
        )

    def _built(
        self, call: Call, resolved: Resolved, request: InstallRequest, read: SourceRule | None = None
    ) -> BuildFacts:
        """What compiling it here takes: by ``read``, else by what its sources say."""
        walk = call.walk
        assert walk.packages is not None
        return build_facts(
            resolved,
            walk.node.index,
            self.knowledge,
            walk.packages.world,
            walk.packages.possible,
            call.env,
            read=read or self.sources.rule(walk, resolved, request, call.env),
            own=partial(is_own_build, walk, call.instruction),
        )

    def _bytes(
        self, call: Call, resolved: Resolved, request: InstallRequest, wheelhouse: Wheelhouse
    ) -> tuple[WheelFacts | None, bool]:
        """What the bytes of the wheel that is installed say, and whether no index can offer another version of it."""
        file = wheelhouse.chosen(resolved)
        if file is None:
            return None, False
        try:
            facts = wheelhouse.read(file)
        except WheelError as error:
            call.unjudged("unreadable-requirements", str(error), f"the wheel of {resolved.name} that pip takes")
            return None, False
        for problem in facts.problems:
            source = f"the wheel of {resolved.name} that pip takes"
            call.unjudged("unreadable-requirements", f"{facts.shown}: {problem}", source)
        return facts, file.named or request.requirements.options.no_index

    def _made_on_glibc(self, call: Call, resolved: Resolved, request: InstallRequest) -> GlibcMade:
        """What a stage with glibc makes of it: only pure Python runs on musl, too."""
        artefact, node = resolved.artefact, call.walk.node
        kind: Literal["wheel", "compiled", "pure", "unknown"] = "unknown"
        if artefact.kind == "pure":
            kind = "pure"
        elif artefact.kind in {"wheel", "glibc-wheel"}:
            kind = "pure" if (artefact.wheel_tag or "").endswith("-any") else "wheel"
        elif artefact.kind == "sdist":
            rule = known_build(resolved, self.knowledge)
            if rule is not None:
                native = rule.switched_on(call.env) and not rule.optional_extension
                kind = "compiled" if native else "unknown" if rule.optional_extension else "pure"
            elif self.sources.is_pure(call.walk, resolved, request):
                kind = "pure"
            elif self.sources.compiles(call.walk, resolved, request):
                kind = "compiled"
        return GlibcMade(node.base, node.index, kind)

    def _built_for(
        self, call: Call, installed: Sequence[Installed], request: InstallRequest, target: Target
    ) -> Iterator[Installed]:
        """What is compiled for the throw-away environments in which ``installed`` are built."""
        made = [one for one in installed if one.built is not None and not one.ready]
        if not made or _keeps_environment(call, request):
            return
        from dockerlint_alpine.stages.build_requirements import (
            Asking,
            compiled_for_builds,
            program_in_place_of,
            way_to,
        )
        from dockerlint_alpine.stages.linkage import SourceRule

        walk = call.walk
        assert walk.packages is not None
        assert walk.index is not None
        builds = [
            Asking(
                way_to(one.resolved),
                one.resolved.origin,
                self.sources.asks(walk.files, one.resolved, request),
            )
            for one in made
        ]
        options = replace(request.requirements.options, no_index=False, require_hashes=False)
        here = {(one.resolved.name, one.resolved.version) for one in made}  # told for itself, at the same moment
        for one in compiled_for_builds(
            builds,
            options,
            lambda wanted: self._of_empty(walk, wanted, target),
            lambda resolved: self.sources.asks(walk.files, resolved, request),
        ):
            if (one.name, one.version) in here:
                continue
            program = program_in_place_of(one.name)
            read = SourceRule(program, {}, f"{one.name} {one.version}") if program is not None else None
            built = self._built(call, one, request, read)
            if built.rule is not None:
                yield Installed(one, "", built, call.conditional, call.instruction)

    def _of_empty(self, walk: StageWalk, wanted: RequirementSet, target: Target) -> Resolution:
        """What ``wanted`` installs into an empty environment."""
        plain = InstallRequest(wanted, {}, ())
        return self._resolution(walk, plain, target, {}, None, tell=False)


def _has_other_wheels(call: Call, request: InstallRequest) -> bool:
    """Whether an index beside the usual one is named, or a page of links: either may have wheels that this one lacks."""
    options = request.requirements.options
    named = [*options.extra_index_urls, *options.find_links, *(call.env.get(name, "") for name in _OTHER_INDEXES)]
    if any("://" in place for place in named):
        return True
    files = (
        call.walk.files.content(path) for path in (call.env.get("PIP_CONFIG_FILE", ""), *PIP_CONFIGURATION) if path
    )
    return any(_NAMES_INDEX.search(data) for data in files if data is not None)


def _perhaps_a_wheel(one: Resolved) -> Resolved:
    """What would be compiled, or refused, if the other index has no wheel of it."""
    artefact = one.artefact
    if artefact.kind == "none":
        return replace(one, artefact=replace(artefact, kind="unknown"))
    if artefact.kind != "sdist" or artefact.reason.endswith(_OTHER_WHEELS):
        return one
    return replace(one, artefact=replace(artefact, confidence="possible", reason=f"{artefact.reason}; {_OTHER_WHEELS}"))


def _keeps_environment(call: Call, request: InstallRequest) -> bool:
    """True when the build sees what is installed, and build requirements are not installed for it."""
    if {"--no-build-isolation", "--no-use-pep517"} & request.options.keys():
        return True
    # pip reads PIP_NO_BUILD_ISOLATION with its sense turned round: false switches the isolation off.
    return call.env.get("PIP_NO_BUILD_ISOLATION", "").lower() in {"0", "false", "no", "off"}


def _with_projects_there(walk: StageWalk, request: InstallRequest, place: str) -> InstallRequest:
    """``pip install -e FOLDER`` and then ``pip install NAME[extra]``: what is installed meets the name, whatever its
    version, and what the extra takes its own files say."""
    if {"--upgrade", "--force-reinstall", "--ignore-installed"} & request.options.keys():
        return request
    found = request.requirements
    folders = {
        one.name: folder
        for one in found.requested
        if one.path is None
        and one.url is None
        and not one.specifier
        and (folder := walk.settings.get(f"{_PROJECT}{place}/{one.name}")) is not None
    }
    if not folders or found.locked:
        return request
    requested = tuple(replace(one, path=folders.get(one.name, one.path)) for one in found.requested)
    followed = follow_folders(replace(found, requested=requested), walk.files, no_deps="--no-deps" in request.options)
    return InstallRequest(followed, request.options, request.wheelhouses)


def _of_easy_install(walk: StageWalk, home: PythonHome, command: InstallCommand) -> str:
    """Why ``setup.py install`` compiles what it requires although there is a musllinux wheel; empty where it does not.

    Setuptools has a ``packaging.tags`` that knows these since 59.8 (21.2 in ``setuptools/_vendor``). The official images
    have 57.5.0 up to Python 3.8 and 58.1.0 for 3.9 (PYTHON_SETUPTOOLS_VERSION of docker-library/python), which pip replaces
    where it is told to, not where something else requires any setuptools.
    """
    official = walk.image is not None and walk.image.image == "python" and home.prefix == walk.image.python_prefix
    if not (official and command.verb.startswith(SETUP) and home.version in {"3.6", "3.7", "3.8", "3.9"}):
        return ""
    if any(one.resolved.name == "setuptools" and len(one.resolved.chain) == 1 for one in walk.installed):
        return ""
    return f"setup.py {command.verb.partition(' ')[2]} of the setuptools in this image takes no musllinux wheels (59.8 does)"


def _urls(resolution: Resolution) -> Iterator[str]:
    yield from (one.url for one in resolution.distributions if one.url and one.artefact.kind != "installed")
    yield from (one.name for one in resolution.unresolved if "://" in one.name)


def _check_out(call: Call, request: InstallRequest, home: PythonHome) -> None:
    """``pip install -e git+URL#egg=NAME`` leaves the repository in ``src/NAME`` (pip install, ``--src``)."""
    editable = [one for one in request.requirements.requested if one.editable and one.url]
    if not editable:
        return
    from dockerlint_alpine.stages.downloads import check_out

    given = request.options.get("--src", ())[-1:] or (call.env.get("PIP_SRC", ""),)
    folder = given[0] or posixpath.join(home.prefix if home.is_venv else call.folder, "src")
    check_out(call.walk, call.instruction, editable, absolute(folder, call.folder))


def _upgrade_pip(walk: StageWalk, home: PythonHome, resolution: Resolution, last: str | None) -> None:
    """``pip install -U pip``: from here on this interpreter's pip is that version, at most the ``last`` for its Python.

    Where no version is known, it is the newest of its day, and the newest knows every tag.
    """
    pip = next((item for item in resolution.distributions if item.name == "pip"), None)
    if pip is None or pip.artefact.kind == "installed":
        return
    version = pip.version or last or _NEWEST_PIP
    if last is not None and sort_versions((version, last))[-1] == version:
        version = last
    upgraded = replace(home, pip_version=version)
    if home.prefix in walk.homes:
        walk.homes[home.prefix] = upgraded
    elif walk.home is not None and walk.home.prefix == home.prefix:
        walk.home = upgraded
    else:
        walk.settings[f"pip.{home.prefix}"] = version
