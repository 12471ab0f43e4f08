"""pip: ``pip install``, ``wheel``, ``download`` and ``uninstall``, ``python setup.py install``, and what makes a wheel of a
project: ``python -m build``, ``python setup.py bdist_wheel``, ``uv build``, ``poetry build``, ``pdm build`` and ``maturin
build``.

The arguments of ``uv pip install`` are the same but for a few, so they are read here, too.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from dockerlint_alpine.installers.base import (
    SETUP,
    TRUE,
    Arguments,
    InstallCommand,
    Installer,
    given_options,
    is_python,
    is_set,
    split_verb,
    user_folder,
)
from dockerlint_alpine.python.formats.project import follow_folders
from dockerlint_alpine.python.formats.requirements_file import Collector
from dockerlint_alpine.python.model import IndexOptions, Origin, RequirementSet, Target
from dockerlint_alpine.python.options import FORMER_FLAGS, SHARED_FLAGS, SHARED_VALUES, OptionState
from dockerlint_alpine.python.requirement import is_url
from dockerlint_alpine.syntax import Arg, SourceText
from dockerlint_alpine.syntax import Word as ShellWord
from dockerlint_alpine.system.options import OptionTable, Word, scan
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.installers.base import (
        Command,
        Invocation,
        Options,
        PythonHome,
        Surroundings,
        Words,
    )
    from dockerlint_alpine.python.model import FileReader

OPTIONS = OptionTable.build(
    SHARED_VALUES
    + """
    --wheel-dir -w, --dest -d --destination-dir --destination-directory, --abi,
    --build-constraint --build-constraints -b, --cache-dir, --cert, --client-cert, --color, --config-file, --directory,
    --exclude-newer, --excludes, --exists-action, --extra, --group, --implementation, --index-strategy,
    --keyring-provider, --link-mode, --log --log-file --local-log, --overrides, --platform --python-platform, --prefix,
    --prerelease, --progress-bar, --project, --proxy, --python -p, --python-version, --refresh-package,
    --reinstall-package, --report, --requirements-from-script, --resolution, --resume-retries, --retries, --root,
    --root-user-action, --src --source --source-dir --source-directory, --target -t, --timeout --default-timeout,
    --torch-backend, --upgrade-package -P, --upgrade-strategy, --uploaded-prior-to, --use-deprecated
    """,
    SHARED_FLAGS
    + FORMER_FLAGS
    + """
    --all-extras, --break-system-packages, --check-build-dependencies, --compile --compile-bytecode, --debug,
    --disable-pip-version-check, --dry-run, --exact, --force-reinstall --reinstall, --ignore-installed -I,
    --ignore-requires-python, --isolated, --managed-python, --no-build, --no-break-system-packages,
    --no-build-isolation, --no-cache-dir --no-cache -n, --no-clean, --no-color, --no-compile, --no-config,
    --no-deps --no-dependencies, --no-editable, --no-input, --no-managed-python, --no-progress, --no-python-downloads,
    --no-python-version-warning, --no-sources, --no-use-pep517, --no-user, --no-warn-conflicts,
    --no-warn-script-location, --offline, --only-deps --only-dependencies, --quiet -q, --refresh,
    --require-virtualenv --require-venv, --strict, --system, --system-certs --native-tls, --upgrade -U, --use-pep517,
    --user, --verbose -v
    """,
)
"""``pip install`` of every age and ``uv pip install``."""

BEFORE_VERB = frozenset(
    "--python --log --proxy --retries --timeout --cert --client-cert --cache-dir --trusted-host".split()
)
"""Options that take a value and may stand between ``pip`` and its sub-command."""

_METADATA = frozenset({"pyproject.toml", "setup.py", "setup.cfg"})
"""What ``-r`` of ``uv pip install`` reads as a project's metadata."""

_PYLOCK = lazy_pattern(r"pylock\.(?:[^.]+\.)?toml")
_WITH_EXTRAS = lazy_pattern(r"(.+)\[([^\]]*)\]")


class Pip(Installer):
    """pip itself, and ``python setup.py install``, which does what ``pip install .`` does."""

    name = "pip"
    programs = lazy_pattern(r"pip(?:\d+(?:\.\d+)?)?|setup\.py|build|pyproject-build|maturin")
    mention = r"\bpip[\d.]*\s+(?:-\S+\s+)*(?:install|wheel)"
    runs_pip = True

    def recognise(self, invocation: Invocation) -> Command | None:
        """Read ``pip VERB`` or ``python setup.py VERB``."""
        if invocation.script is not None or invocation.name == "setup.py":
            return self._setup(invocation)
        if invocation.name in {"build", "pyproject-build"}:
            # A program that is called build is somebody's script.
            module = invocation.name != "build" or is_python(invocation.program)
            return read_build("python3", invocation.args) if module else None
        if invocation.name == "maturin":
            return _read_maturin(invocation.args)
        return read_pip(self, invocation.program, invocation.args)

    def _setup(self, invocation: Invocation) -> Command | None:
        if invocation.script is None or not invocation.args or not is_python(invocation.program):
            return None
        verbs = [arg.text for arg in invocation.args]
        folder = invocation.script.text.rpartition("/")[0] or "."
        if "bdist_wheel" in verbs:
            behind = invocation.args[verbs.index("bdist_wheel") + 1 :]
            return read_build(invocation.program, (*behind, replace(invocation.script, text=folder)))
        verb = verbs[0]
        if verb not in {"install", "develop"}:
            return None
        word = replace(invocation.script, text=folder)
        return InstallCommand(self, "install", invocation.program, f"{SETUP} {verb}", (word,))

    def options(self, command: InstallCommand, words: Sequence[str]) -> Options:
        """See the protocol."""
        del command
        return given_options(words, OPTIONS)

    def home(self, command: InstallCommand, options: Options, place: Surroundings) -> PythonHome | None:
        """The Python that this pip belongs to, or the one of ``--python``."""
        named = (options.get("--python") or ("",))[-1]
        if named.startswith("/"):
            return place.environment(named) or place.interpreter(named) or place.interpreter("python3")
        return place.interpreter(command.program)

    def destination(self, command: InstallCommand, options: Options, home: PythonHome, place: Surroundings) -> str:
        """See the protocol."""
        return pip_destination(command, options, home, place)

    def request(self, command: InstallCommand, words: Words, place: Surroundings, target: Target | None) -> Arguments:
        """See the protocol."""
        del command
        return read_words(words, place, target)


def read_pip(tool: Installer, program: str, args: Sequence[Arg]) -> InstallCommand | None:
    """Read the words behind ``pip`` or ``uv pip``."""
    verb, words = split_verb(args, BEFORE_VERB)
    match verb:
        case "install" | "wheel" | "download" | "uninstall":
            return InstallCommand(tool, verb, program, verb, words)
        case _:
            return None


_BUILD_OPTIONS = OptionTable.build(
    "--outdir -o --out-dir --output --dist-dir -d --dest, --format -f, --config-setting -C --config-settings,"
    "--config-json, --installer, --dependency-constraints, --build-constraints, --index, --default-index, --index-url,"
    "--package, --directory, --project, --python -p, --local-version -L",
    "--sdist -s, --wheel -w",
    others="flag",
)
_MATURIN_OPTIONS = OptionTable.build(
    "--out -o, --manifest-path -m, --interpreter -i, --manylinux --compatibility --auditwheel, --target, --features -F,"
    "--bindings -b, --jobs -j, --profile, --config, --color, --target-dir, --cargo-extra-args, --rustc-extra-args",
    "",
    others="flag",
)


def read_build(program: str, words: Sequence[Arg], *, isolated: bool = True) -> InstallCommand | None:
    """Read the words behind ``python -m build`` and its kin: what ``pip wheel --no-deps -w DIR .`` does, or, where it is not
    ``isolated``, with ``--no-build-isolation``.

    ``None`` where only an sdist is made, or a word that matters is not known.
    """
    output, folder, formats = "", ".", set()
    known = [arg.text if arg.known or arg.text.startswith("-") else "" for arg in words]
    for word in scan(known, _BUILD_OPTIONS)[0]:
        match word.option:
            case "--outdir":
                output = word.value
            case "--format":
                formats.add(word.value)
            case "--sdist" | "--wheel":
                formats.add(word.option[2:])
            case None:
                if not word.value:
                    return None
                folder = word.value
    if formats == {"sdist"}:
        return None
    options = () if isolated else ("--no-build-isolation",)
    return _wheel_of(program, folder, output or f"{folder.rstrip('/')}/dist", options)


def _read_maturin(words: Sequence[Arg]) -> InstallCommand | None:
    """``maturin build``, which makes a wheel of the project whose Cargo.toml it is given."""
    if [arg.text for arg in words[:1]] != ["build"] or not all(arg.known for arg in words):
        return None
    given = {word.option: word.value for word in scan([arg.text for arg in words[1:]], _MATURIN_OPTIONS)[0]}
    folder = posixpath.dirname(given.get("--manifest-path", "")) or "."
    return _wheel_of("python3", folder, given.get("--out") or f"{folder}/target/wheels")


def _wheel_of(program: str, folder: str, output: str, options: Sequence[str] = ()) -> InstallCommand:
    wanted = ("--no-deps", *options, "--wheel-dir", output, folder)
    literal = (SourceText.literal(text) for text in wanted)
    made = tuple(Arg(text, source, None, ShellWord(source, None)) for text, source in zip(wanted, literal, strict=True))
    return InstallCommand(TOOL, "wheel", program, "wheel", made)


def pip_destination(command: InstallCommand, options: Options, home: PythonHome, place: Surroundings) -> str:
    """Return where ``pip install``, ``wheel`` or ``download`` puts what it makes."""
    variables, folder = place.variables, place.folder

    # What pip before 23.1 hands to `setup.py install`.
    handed = dict(text.split("=", 1) for text in options.get("--install-option", ()) if "=" in text)

    def given(option: str) -> str:
        value = (options.get(option) or (handed.get(option, ""),))[-1]
        return value or variables.get(f"PIP_{option[2:].upper().replace('-', '_')}", "")

    if command.action == "wheel":
        return absolute(given("--wheel-dir") or ".", folder)
    if command.action == "download":
        return absolute(given("--dest") or ".", folder)
    inner = f"lib/python{home.version or '3'}/site-packages"
    if target := given("--target"):
        return absolute(target, folder)
    if prefix := given("--prefix"):
        return posixpath.join(absolute(prefix, folder), inner)
    if root := given("--root"):
        return posixpath.join(absolute(root, folder), home.site_packages.lstrip("/"))
    if "--user" in options or is_set(variables, "PIP_USER"):
        base = variables.get("PYTHONUSERBASE") or f"{user_folder(variables)}/.local"
        return posixpath.join(base, inner)
    return home.site_packages


def read_words(words: Words, place: Surroundings, target: Target | None) -> Arguments:
    """Read the known words of a command that takes pip's arguments."""
    return read_arguments(
        words.texts,
        place.files,
        cwd=place.folder,
        origins=words.places,
        environment=place.variables,
        target=target,
    )


def read_arguments(
    args: Sequence[str],
    files: FileReader,
    *,
    cwd: str,
    origins: Sequence[Origin],
    environment: Mapping[str, str] | None = None,
    target: Target | None = None,
) -> Arguments:
    """Read the arguments behind ``pip install`` (or ``uv pip install``).

    ``target`` serves the markers of a ``pylock.toml``; without one, CPython 3.12 on Alpine x86_64 does.
    ``origins`` has one place per argument. ``environment`` holds ``PIP_*`` settings and what ``${NAME}`` in files may
    use. Never raises for bad input: what makes no sense is in ``requirements.problems``.
    """
    environment = environment or {}
    words, complaints = scan(args, OPTIONS)
    collector = Collector(files, cwd, environment, environment_options(environment))
    place = origins[0] if origins else Origin("")
    for complaint in complaints:
        collector.problem(place, complaint)
    collector.state.find_links = [collector.link(link) for link in collector.state.find_links]
    given: dict[str, list[str]] = {}
    for word in words:
        if word.option is not None:
            given.setdefault(word.option, []).append(word.value)
            value = collector.link(word.value) if word.option == "--find-links" else word.value
            _command_option(collector.state, word.option, value)
    for word in words:
        _operand(collector, word, origins[word.index])
    for constraint in environment.get("PIP_CONSTRAINT", "").split():
        collector.file(absolute(constraint, cwd), constraint=True, chain=(), stack=(), at=place)
    found = collector.finish()
    found = follow_folders(found, files, no_deps="--no-deps" in given)
    found = _metadata(found, given, files, cwd)
    found = _groups(found, given.get("--group", ()), files, cwd)
    found = _locks(found, given, files, cwd, target, place)
    return Arguments(found, {name: tuple(values) for name, values in given.items()})


def _command_option(state: OptionState, option: str, value: str) -> None:
    """On a command line, unlike in a file, ``-i`` leaves the extra indexes alone."""
    if option == "--index-url":
        state.index_urls = [value]
    else:
        state.apply(option, value)


def _operand(collector: Collector, word: Word, origin: Origin) -> None:
    match word.option:
        case None:
            collector.requirement(word.value, origin)
        case "--editable":
            collector.requirement(word.value, origin, editable=True)
        case "--requirement" if posixpath.basename(word.value) in _METADATA or _is_pylock(
            _without_extras(word.value)[0]
        ):
            pass
        case "--requirement" | "--constraint":
            path = word.value if is_url(word.value) else absolute(word.value, collector.cwd)
            collector.file(path, constraint=word.option == "--constraint", chain=(), stack=(), at=origin)


def _metadata(found: RequirementSet, given: Mapping[str, Sequence[str]], files: FileReader, cwd: str) -> RequirementSet:
    """Add what ``uv pip install -r pyproject.toml`` asks for: the project's dependencies, not the project.

    uv's documentation of ``uv pip install -r``: pyproject.toml, setup.py and setup.cfg are read as such, ``--extra`` and
    ``--all-extras`` choose among their extras. pip would take the file for requirements and fail.
    """
    for path in given.get("--requirement", ()):
        if posixpath.basename(path) in _METADATA:
            from dockerlint_alpine.python.formats.pyproject import read_metadata

            everything = "--all-extras" in given
            extras = given.get("--extra", ())
            found = read_metadata(absolute(path, cwd), files, extras=extras, all_extras=everything).joined(found)
    return found


class _Lock(Struct):
    """What of one lock file is asked for."""

    extras: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    default_groups: bool = False


def _is_pylock(path: str) -> bool:
    """Whether pip and uv read ``-r PATH`` as a lock file, by its name (PEP 751)."""
    return _PYLOCK.fullmatch(posixpath.basename(path)) is not None


def _without_extras(path: str) -> tuple[str, list[str]]:
    """``pylock.toml[web,db]`` in its two parts."""
    match = _WITH_EXTRAS.fullmatch(path)
    return (path, []) if match is None else (match[1], [extra.strip() for extra in match[2].split(",")])


def _locks(
    found: RequirementSet,
    given: Mapping[str, Sequence[str]],
    files: FileReader,
    cwd: str,
    target: Target | None,
    origin: Origin,
) -> RequirementSet:
    """Add what ``-r pylock.toml`` and ``--group pylock.toml:NAME`` select. Where nothing else is asked for, that is all.

    pip: ``_collect_requirement_sources`` in ``cli/req_command.py``; uv has ``--extra`` for the extras.
    """
    locks: dict[str, _Lock] = {}
    for value in given.get("--requirement", ()):
        path, extras = _without_extras(value)
        if _is_pylock(path) and not is_url(path):
            lock = locks.setdefault(path, _Lock())
            lock.extras.update(extras, given.get("--extra", ()))
            lock.default_groups = True
    for value in given.get("--group", ()):
        source, _, group = value.rpartition(":")
        path, extras = _without_extras(source)
        if _is_pylock(path):
            lock = locks.setdefault(path, _Lock())
            lock.extras.update(extras)
            lock.groups.add(group)
    for path, lock in locks.items():
        from dockerlint_alpine.python.formats.pylock import read_pylock
        from dockerlint_alpine.python.markers import environment as marker_environment

        locked = read_pylock(
            absolute(path, cwd),
            files,
            marker_environment(target or Target("3.12", musl=(1, 2))),
            extras=sorted(lock.extras),
            groups=sorted(lock.groups),
            default_groups=lock.default_groups,
            origin=origin,
        )
        found = replace(locked.joined(found), locked=found.locked or not found.requested)
    return found


def _groups(found: RequirementSet, groups: Sequence[str], files: FileReader, cwd: str) -> RequirementSet:
    """Add PEP 735 groups: ``--group [PATH:]NAME``."""
    for group in groups:
        if _is_pylock(group.rpartition(":")[0]):
            continue
        from dockerlint_alpine.python.formats.pyproject import read_pyproject

        path, _, name = group.rpartition(":")
        added = read_pyproject(absolute(path or "pyproject.toml", cwd), files, groups=(name,), project=False)
        found = replace(
            found,
            requested=found.requested + added.requested,
            problems=found.problems + added.problems,
            files=tuple(dict.fromkeys(found.files + added.files)),
        )
    return found


_ENVIRONMENT = (
    ("INDEX_URL", "--index-url"),
    ("EXTRA_INDEX_URL", "--extra-index-url"),
    ("FIND_LINKS", "--find-links"),
    ("NO_BINARY", "--no-binary"),
    ("ONLY_BINARY", "--only-binary"),
    ("ALL_RELEASES", "--all-releases"),
)
_ENVIRONMENT_FLAGS = (
    ("NO_INDEX", "--no-index"),
    ("PREFER_BINARY", "--prefer-binary"),
    ("PRE", "--pre"),
    ("REQUIRE_HASHES", "--require-hashes"),
)


def environment_options(environment: Mapping[str, str]) -> IndexOptions:
    """Return what ``PIP_*`` variables (pip: "Environment Variables" of its configuration) say, before any argument."""
    state = OptionState()
    for suffix, option in _ENVIRONMENT:
        value = environment.get(f"PIP_{suffix}", "")
        many = option in {"--extra-index-url", "--find-links"}
        for item in value.split() if many else [value] if value else []:
            state.apply(option, item)
    for suffix, option in _ENVIRONMENT_FLAGS:
        if environment.get(f"PIP_{suffix}", "").strip().lower() in TRUE:
            state.apply(option, "")
    return state.finish()


TOOL = Pip()
