"""Which Dockerfiles to look at: named files, what lies below folders, and the builds of compose and bake files.

These know more than a folder: the context, the arguments and the target of a build. Below folders, what git
ignores is left out, and folders that hold other people's code or caches are not entered.
"""

from __future__ import annotations

import os
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from dockerlint_alpine.run.builds import USES_OWN, Build, may_name_builds, names_scripts
from dockerlint_alpine.run.jobs import Job, missing
from dockerlint_alpine.system.builds import Others
from dockerlint_alpine.system.files import PROJECT_MARKS, TEMPORARY, is_below, lies_within, project_root, read_file
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.platforms import APK_ARCH, USUAL, platform_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dockerlint_alpine.run.gitignore import WorkTree

DOCKERFILE_NAME = lazy_pattern(r"(?is)^(?:.*\.)?(?:docker|container)file(?:[.-].*)?\Z")
"""``Dockerfile``, ``Dockerfile.alpine``, ``backend.alpine.Dockerfile``, ``Dockerfile-alpine``, ``Containerfile``."""

_COMPOSE_NAME = lazy_pattern(r"(?is)^(?:docker-)?compose(?:[.-].*)?\.ya?ml\Z")
_STAGE_NAME = lazy_pattern(
    r"(?is)^(?:ci|dev|develop|development|docker|local|prod|production|stack|stage|staging|test|testing)(?:[.-]\w+)?\.ya?ml\Z"
)
"""What compose files are called beside that, as in cookiecutter-django, where they have services that are built."""
_SERVICES = lazy_pattern(rb"(?m)^services:[ \t]*(?:#.*)?\r?$")
_BUILD_KEY = lazy_pattern(rb"(?m)^[ \t]+build:")
_BAKE_NAME = lazy_pattern(r"(?is)^(?:.*[.-])?bake(?:[.-].*)?\.(?:hcl|json)\Z")
_HCL_NAME = lazy_pattern(r"(?is)^[^.].*(?<!\.lock)\.hcl\Z")
"""What ``bake -f`` may name, too, where it has targets (:data:`_TARGET`): below a folder alone."""
_TARGET = lazy_pattern(rb"(?m)^[ \t]*target[ \t]+[\"\w]")
_OF_SCRIPTS = (".", ".github/workflows", "build", "ci", "docker", "hack", "scripts", "tools")
"""Folders of a project for what starts its builds."""
_YAML = (".yml", ".yaml")
_OF_PLATFORMS = lazy_pattern(rb"--platform\b|\bplatforms?:|" + USES_OWN.encode())
_MAX_SIZE = 128 * 1024
_BAKE_OVERRIDE = lazy_pattern(r"(?is).*\.override\.(?:hcl|json)\Z")
"""What is laid over another bake file."""
_IGNORED_SUFFIXES = (
    ".dockerignore", ".md", ".rst", ".orig", ".rej", ".swp", "~", ".py", ".pyc", ".sh", ".json", ".lock", TEMPORARY,
)  # fmt: skip
_SKIPPED_FOLDERS = frozenset(
    {
        ".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox", ".mypy_cache",
        ".ruff_cache", ".pytest_cache", ".hypothesis", ".direnv", ".eggs", ".terraform", ".yarn", ".pnpm-store",
        "__pypackages__", "bower_components", "site-packages",
    }
)  # fmt: skip
_OLD_TEMPORARY = lazy_pattern(r"(?s)\..+\.[a-z0-9_]{8}\.tmp\Z")
"""What earlier versions of this program left behind when they were killed."""
_MARKS = frozenset({".git", ".gitignore"})
_MAX_FOLDERS = 4000
"""Folders of a project that are searched for what makes a base image."""


class DiscoveryError(Struct, frozen=True):
    """A path that leads to no Dockerfile: as the user named it, and one line on why.

    ``refused``: there may be one, and a file of the project may not ask for it. ``empty``: there is none in a folder, or
    where a compose file found there expects one, which is not a mistake of who asks.
    """

    path: str
    message: str
    refused: bool = False
    empty: bool = False


class Search(Struct, frozen=True):
    """How folders are searched. ``excludes`` says of a path (as :class:`Job` has it) that it is left out, and so is what
    is below it; ``step`` is called for every folder; ``everywhere`` applies all this to paths that were named, too.
    Without ``platforms`` those for which the project builds an image beside the usual one count for nothing.
    """

    excludes: Callable[[str], bool] = lambda _: False
    respect_gitignore: bool = True
    everywhere: bool = False
    platforms: bool = True
    step: Callable[[], None] = lambda: None


_PLAIN_SEARCH = Search()


def find_jobs(paths: Sequence[str], *, search: Search = _PLAIN_SEARCH) -> tuple[list[Job], list[DiscoveryError]]:
    """Everything there is to judge at ``paths`` (empty: below the current folder), without repeats.

    What is found, and not named, lies in the project that it was found in, once all links are followed.
    """
    if search.everywhere:
        kept = [path for path in paths if not _left_out(path, search)]
        if paths and not kept:
            return [], []
        paths = kept
    jobs: list[Job] = []
    errors: list[DiscoveryError] = []
    scripts = _Scripts()
    for name in paths or (".",):
        path = Path(name)
        try:
            if path.is_dir():
                found, problems = _in_folder(path, name, search, scripts)
            elif path.name == "Earthfile" and path.exists():
                found, problems = [], [DiscoveryError(name, "Earthfiles are not supported: name a Dockerfile")]
            elif _describes_builds(path) or (path.suffix in {".yml", ".yaml", ".hcl"} and path.exists()):
                found, problems = _in_build_file(path, name, project_root(path.parent))
                if not found and not problems:
                    problems = [DiscoveryError(name, _no_builds(path))]
            elif not path.exists():
                found, problems = [], [DiscoveryError(name, "no such file or folder")]
            else:
                found, problems = plain_jobs(path, name), []
        except OSError as error:
            found, problems = [], [DiscoveryError(name, error.strerror or str(error))]
        jobs.extend(found)
        errors.extend(problems)
    return _with_platforms(with_others(without_repeats(jobs), scripts, search), scripts, search), errors


def _no_builds(path: Path) -> str:
    if names_scripts(path):
        return "nothing in this file builds an Alpine image, or runs apk or pip in one"
    if _is_bake(path):
        return "no target of this bake file builds anything here"
    return "no service of this compose file has a build section"


def plain_jobs(path: Path, shown_as: str) -> list[Job]:
    """The builds of a Dockerfile that no compose file builds: one, or one for each base of Home Assistant's builder."""
    from dockerlint_alpine.run.home_assistant import read_bases

    bases = read_bases(path)
    return [Job(path, shown_as, build_args=args, platforms=(platform,)) for platform, args in bases] or [
        Job(path, shown_as)
    ]


def names_builds(path: str) -> bool:
    """Whether a path is called as Dockerfiles and compose files are."""
    return _is_candidate(os.path.basename(path))  # noqa: PTH119 - a name as the user wrote it


def _left_out(path: str, search: Search) -> bool:
    """Whether a search of the folders above would have passed over a path that was named."""
    from dockerlint_alpine.run.gitignore import ignored

    if search.excludes(path) or (search.respect_gitignore and ignored(path)):
        return True
    name = Path(path).name
    return Path(path).is_file() and DOCKERFILE_NAME.match(name) is not None and not _is_candidate(name)


class _Scripts(Struct):
    """Files that may start builds, each with what the user calls it, and the absolute paths of the folders that they were
    looked for in."""

    files: list[tuple[Path, str]] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)


def _in_folder(
    folder: Path, shown_as: str, search: Search, scripts: _Scripts
) -> tuple[list[Job], list[DiscoveryError]]:
    dockerfiles: list[tuple[Path, str]] = []
    composed: list[Job] = []
    refused: list[DiscoveryError] = []
    absent: dict[tuple[str, str], list[Job]] = {}
    passed_over: list[str] = []
    named = [os.path.abspath(folder)]  # noqa: PTH100 - links stay as they are
    scripts.folders.update(named)
    for name, shown in _walk(str(folder), "" if shown_as in {".", "./"} else shown_as.rstrip("/"), search, passed_over):
        path = Path(name)
        if may_name_builds(path.name):
            scripts.files.append((path, shown))
        elif path.is_symlink() and not lies_within(path, project := project_root(path.parent, named)):
            why = f"a link to a file outside the project {project}: skipped"
            refused.append(DiscoveryError(shown, why, refused=True))
        elif _HCL_NAME.match(path.name) and not _names_builds(path.name) and not _has_targets(path):
            continue  # Terraform's and others'
        elif _describes_builds(path):
            if names_scripts(path):
                scripts.files.append((path, shown))
            # A broken compose or bake file is not what was asked about here.
            found, problems = _in_build_file(path, shown, project_root(path.parent, named))
            composed += found
            for job in found:
                if (
                    job.text is None
                    and not job.path.exists()
                    and (path.suffix != ".hcl" or "bake" in path.name.lower())
                ):
                    absent.setdefault((job.shown_as, shown), []).append(job)
            refused += (problem for problem in problems if problem.refused)
        else:
            dockerfiles.append((path, shown))
    known = {os.path.realpath(job.path) for job in composed if job.text is None}
    plain = [
        replace(job, walked=True)
        for path, shown in dockerfiles
        if os.path.realpath(path) not in known
        for job in plain_jobs(path, shown)
    ]
    met = {os.path.realpath(path) for path, _ in dockerfiles}
    jobs = [
        *(job for job in composed if os.path.realpath(job.path) in met or _is_asked_for(job, folder, search)),
        *plain,
    ]
    if jobs or refused or absent:
        return jobs, [*refused, *(DiscoveryError(at[0], missing(*of), empty=True) for at, of in absent.items())]
    reason = "a folder without any Dockerfile"
    if passed_over:
        reason += f" ({passed_over[0]} and the like were skipped: see .gitignore and `exclude`)"
    return [], [DiscoveryError(shown_as, reason, empty=True)]


def _is_asked_for(job: Job, folder: Path, search: Search) -> bool:
    """Whether a build of a compose or bake file below ``folder`` is one that a search of it looks at, whatever its
    Dockerfile is called."""
    if job.text is not None:
        return True
    return job.path.is_file() and lies_within(job.path, folder) and not _left_out(str(job.path), search)


def _walk(folder: str, shown_as: str, search: Search, passed_over: list[str]) -> Iterator[tuple[str, str]]:
    """Dockerfiles and compose files below ``folder``, sorted; links to folders are not followed.

    ``passed_over`` gets what git ignores and what is excluded.
    """
    from dockerlint_alpine.run.gitignore import WorkTree

    tree = WorkTree.of(folder) if search.respect_gitignore else None
    todo: list[tuple[str, str, WorkTree | None]] = [(folder, shown_as, tree)]
    while todo:
        place, shown, tree = todo.pop()
        search.step()
        found = _entries(place, top=place is folder)
        if ".git" in found.marks and place is not folder:
            tree = WorkTree.of(place)  # a repository of its own: what the outer one ignores is not its business
        elif ".gitignore" in found.marks and place is not folder and tree is not None:
            tree = tree.with_files_of(place)
        start = f"{shown}/" if shown else ""
        for entry in found.files:
            if _passed_over(entry, tree, search, folder=False):
                passed_over.append(start + entry.name)
            else:
                yield entry.path, start + entry.name
        for entry in reversed(found.folders):
            if _passed_over(entry, tree, search, folder=True):
                passed_over.append(f"{start}{entry.name}/")
            else:
                todo.append((entry.path, start + entry.name, tree.below(entry.name) if tree is not None else None))


class _Entries(Struct, frozen=True):
    """Candidates and folders to enter, both sorted; ``marks`` are the names of git's that are there."""

    files: list[os.DirEntry[str]] = field(default_factory=list)
    folders: list[os.DirEntry[str]] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)


def _entries(folder: str, *, top: bool) -> _Entries:
    """What of a folder matters. A virtual environment, whatever its name, has nothing for us."""
    ends = (
        (".yml", ".yaml") if folder.endswith("workflows") else ("gitlab-ci.yml", "gitlab-ci.yaml", "devcontainer.json")
    )
    found = _Entries()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name in _MARKS:
                    found.marks.add(name)
                elif name == "pyvenv.cfg" and not top:
                    return _Entries()
                elif _is_folder(entry):
                    if name not in _SKIPPED_FOLDERS:
                        found.folders.append(entry)
                elif (
                    _is_candidate(name)
                    or may_name_builds(name)
                    or (name.endswith(".hcl") and _describes_builds(Path(name)))
                    or (name.endswith(ends) and names_scripts(Path(entry.path)))
                    or (name.endswith(_YAML) and _is_compose(Path(entry.path)))
                ) and _is_file(entry):
                    found.files.append(entry)
    except OSError:
        return found
    found.files.sort(key=attrgetter("name"))
    found.folders.sort(key=attrgetter("name"))
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def _passed_over(entry: os.DirEntry[str], tree: WorkTree | None, search: Search, *, folder: bool) -> bool:
    return (tree is not None and tree.ignores(entry.name, folder=folder)) or search.excludes(entry.path)


def _is_candidate(name: str) -> bool:
    lowered = name.lower()
    if "erfile" not in lowered and "compose" not in lowered and "bake" not in lowered:
        return False  # nearly all files: no expression is asked
    if _names_builds(name):
        return True
    if lowered.endswith(_IGNORED_SUFFIXES) or _OLD_TEMPORARY.match(name):
        return False
    return DOCKERFILE_NAME.match(name) is not None


def _names_builds(name: str) -> bool:
    """Whether a file is called as those are that describe builds; what is laid over another one is not a file of its own."""
    if _COMPOSE_NAME.match(name):
        return True
    return _BAKE_NAME.match(name) is not None and not _BAKE_OVERRIDE.match(name)


def _describes_builds(path: Path) -> bool:
    name = path.name
    other = _HCL_NAME.match(name) is not None and not _BAKE_OVERRIDE.match(name)
    return other or _names_builds(name) or names_scripts(path) or _is_compose(path)


def _is_compose(path: Path) -> bool:
    """Whether a file that is called after a stage of development is a compose file with something to build."""
    if not _STAGE_NAME.match(path.name):
        return False
    try:
        data = read_file(path, limit=_MAX_SIZE)
    except OSError:
        return False
    return _SERVICES.search(data) is not None and _BUILD_KEY.search(data) is not None


def _has_targets(path: Path) -> bool:
    try:
        return _TARGET.search(read_file(path, limit=_MAX_SIZE)) is not None
    except OSError:
        return False


def _is_bake(path: Path) -> bool:
    return path.suffix.lower() in {".hcl", ".json"}


def _in_build_file(path: Path, shown_as: str, project: Path) -> tuple[list[Job], list[DiscoveryError]]:
    """The builds of a compose or bake file, and why there are none, or which of them lie outside the project."""
    from dockerlint_alpine.run.builds import BuildFileError

    try:
        if names_scripts(path):
            from dockerlint_alpine.run.scripted import read_scripts

            builds, refused = read_scripts(path, project)
        elif _is_bake(path):
            from dockerlint_alpine.run.bake import read_builds as read_bake

            builds, refused = read_bake(path, project)
        else:
            from dockerlint_alpine.run.compose import read_builds

            builds, refused = read_builds(path, project, shown_as=shown_as)
    except BuildFileError as error:
        return [], [DiscoveryError(shown_as, str(error))]
    except OSError as error:
        return [], [DiscoveryError(shown_as, error.strerror or str(error))]
    jobs = [_job(build, shown_as, project) for build in builds]
    return jobs, [DiscoveryError(f"{shown_as}:{one.line}", one.message, refused=True) for one in refused]


def _job(build: Build, shown_as: str, project: Path) -> Job:
    dockerfile = build.dockerfile
    if not os.path.isabs(shown_as) and dockerfile.is_relative_to(Path.cwd()):  # noqa: PTH117 - named from here
        dockerfile = dockerfile.relative_to(Path.cwd())
    shown = os.path.relpath(dockerfile) if not dockerfile.is_absolute() else str(dockerfile)
    text = None
    if build.text is not None:  # its lines are those of the file
        shown = f"{shown_as}#{build.service}" if build.image_made else shown_as
        text = b"\n" * build.line + build.text.encode("utf-8", "surrogateescape")
    return Job(
        path=dockerfile,
        shown_as=shown,
        context=build.context,
        build_args=build.build_args,
        target=build.target,
        services=(build.service,),
        starts=build.starts,
        platforms=_platforms(build.platforms),
        text=text,
        images=build.images,
        image_made=build.image_made,
        named_by=shown_as,
        others=Others(contexts=tuple(_contexts(build, project)), platforms_by=shown_as if build.platforms else ""),
    )


def _platforms(given: Iterable[str]) -> tuple[str, ...]:
    """The platforms that Alpine has of those that a build is for, the usual one first; empty where it is for that alone."""
    known = dict.fromkeys(one for one in map(platform_of, given) if one in APK_ARCH)
    return tuple(sorted(known, key=USUAL.__ne__)) if [*known] != [USUAL] else ()


def _with_platforms(jobs: list[Job], scripts: _Scripts, search: Search) -> list[Job]:
    """The same builds for all platforms for which pipelines, and scripts where these usually lie or beside the Dockerfile,
    build them."""
    if not search.platforms:
        return [replace(job, platforms=()) if USUAL in job.platforms else job for job in jobs]
    plain = {id(job): job for job in jobs if job.image_made and job.text is None and not job.platforms}
    beside: dict[str, list[Path]] = {}
    for path, _ in scripts.files:
        beside.setdefault(os.path.abspath(path.parent), []).append(path)  # noqa: PTH100 - links stay as they are
    if not beside and all(_lies_below(job.path, scripts.folders) for job in plain.values()):
        return jobs  # whatever there is was met on the way
    projects = {folder: project_root(folder) for folder in dict.fromkeys(job.path.parent for job in plain.values())}
    places: dict[str, Path] = {}
    for project in dict.fromkeys(projects.values()):
        there = {".", *_names(project)}
        usual = (project / name for name in _OF_SCRIPTS if name.partition("/")[0] in there)
        places |= dict.fromkeys(map(os.path.normpath, usual), project)
    for folder, project in projects.items():
        places.setdefault(os.path.abspath(folder), project)  # noqa: PTH100 - see above
    files = [
        (path, project)
        for place, project in places.items()
        for path in (beside.get(place, ()) if _lies_below(place, scripts.folders) else _starters(place))
        if _speaks_of_platforms(path, project)
    ]
    if not files:
        return jobs
    from dockerlint_alpine.run.image_builds import named_platforms

    found = named_platforms(files, list(dict.fromkeys(job.path for job in plain.values())))
    return [_for_all(job, found.get(os.path.realpath(job.path), {})) if id(job) in plain else job for job in jobs]


def _lies_below(path: str | Path, folders: Iterable[str]) -> bool:
    place = os.path.abspath(path)  # noqa: PTH100 - links stay as they are
    return any(is_below(place, folder) for folder in folders)


def _for_all(job: Job, named: Mapping[str, Path]) -> Job:
    platforms = _platforms((USUAL, *named))
    if not platforms:
        return job
    first = next(path for written, path in named.items() if platform_of(written) in platforms[1:])
    return replace(job, platforms=platforms, others=replace(job.others, platforms_by=os.path.relpath(first)))


def _names(folder: str | Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone
    except OSError:
        return []


def _starters(folder: str) -> list[Path]:
    """The files of a folder that may start builds, in order."""
    paths = (Path(folder, name) for name in sorted(_names(folder)) if may_name_builds(name) or name.endswith(_YAML))
    return [path for path in paths if may_name_builds(path.name) or names_scripts(path)]


def _speaks_of_platforms(path: Path, project: Path) -> bool:
    try:
        return _OF_PLATFORMS.search(read_file(path, limit=_MAX_SIZE, within=project)) is not None
    except OSError:
        return False


def _contexts(build: Build, project: Path) -> Iterable[tuple[str, str]]:
    """The named contexts of a build; a folder is one of the project, or none that is known."""
    for name, value in build.contexts:
        if value.startswith(("docker-image:", "target:")):
            yield name, value
            continue
        place = build.folder / value
        yield name, f"folder:{place}" if "://" not in value and lies_within(place, project) else f"other:{name}"


def with_others(jobs: list[Job], scripts: _Scripts, search: Search) -> list[Job]:
    """The same builds, each with those others that it may rest on: what makes an image of a name that it mentions. Where a
    FROM asks for what everybody's images don't tell, the whole project is searched for them, and so are files that start
    builds; Dockerfiles of which only these tell are judged with the others."""
    from dockerlint_alpine.run.siblings import asks_for_others, related

    asking = [job for job in jobs if job.image_made and asks_for_others(job)]
    if not asking:
        return related(jobs) if len(jobs) > 1 else jobs
    searched = set(scripts.folders)
    beside: list[Job] = []
    known = {os.path.realpath(job.path) for job in jobs}
    for project in dict.fromkeys(project_root(job.path.parent) for job in asking):
        if str(project) in searched or not any(os.path.lexists(project / mark) for mark in PROJECT_MARKS):
            continue
        shown = os.path.relpath(project) if project == Path.cwd() or project in Path.cwd().parents else str(project)
        try:
            found, _ = _in_folder(Path(shown), shown, replace(search, step=_Limit(search.step)), scripts)
        except _TooManyFoldersError:
            continue
        beside += [job for job in found if os.path.realpath(job.path) not in known]
        described = _by_path(job for job in found if job.others.contexts)
        jobs = [_with_contexts(job, described) for job in jobs]
    named = _named_by_scripts([*jobs, *beside], scripts)
    started = _by_path(named)
    jobs = [_with_arguments(job, started) for job in jobs]
    judged = {os.path.realpath(job.path) for job in (*jobs, *beside)}
    more = [job for job in named if searched and os.path.realpath(job.path) not in judged]
    return related([*jobs, *more], [*beside, *(job for job in named if job not in more)])


def _by_path(jobs: Iterable[Job]) -> dict[str, list[Job]]:
    found: dict[str, list[Job]] = {}
    for job in jobs:
        found.setdefault(os.path.realpath(job.path), []).append(job)
    return found


def _with_contexts(job: Job, described: Mapping[str, Sequence[Job]]) -> Job:
    """A build that nothing is said of, with the named contexts that a compose or bake file gives its Dockerfile."""
    if job.others.contexts or job.named_by:
        return job
    given = {one.others.contexts for one in described.get(os.path.realpath(job.path), ())}
    # Those that name builds of the same file say more than the names of images do.
    given = {one for one in given if all(value.startswith("target:") for _, value in one)} or given
    return replace(job, others=replace(job.others, contexts=given.pop())) if len(given) == 1 else job


def _with_arguments(job: Job, started: Mapping[str, Sequence[Job]]) -> Job:
    """A build that nothing is said of, with the arguments that its Dockerfile leaves open and to which scripts and pipelines
    give one value."""
    if job.build_args or job.named_by:
        return job
    from dockerlint_alpine.run.siblings import open_arguments

    builds = [one.build_args for one in started.get(os.path.realpath(job.path), ())]
    values = {name: {one.get(name) for one in builds} for name in open_arguments(job)} if builds else {}
    known = {name: value for name, some in values.items() if len(some) == 1 and (value := some.pop()) is not None}
    return replace(job, build_args=known) if known else job


class _Limit:
    """Ends a search that nobody asked for after many folders."""

    def __init__(self, step: Callable[[], None]) -> None:
        self._step = step
        self._left = _MAX_FOLDERS

    def __call__(self) -> None:
        self._step()
        self._left -= 1
        if self._left < 0:
            raise _TooManyFoldersError


class _TooManyFoldersError(Exception):
    """A project has more folders than are searched without being asked to."""


def _named_by_scripts(jobs: Sequence[Job], scripts: _Scripts) -> list[Job]:
    """The builds that Makefiles, scripts and pipelines start, without the names that compose and bake files give."""
    from dockerlint_alpine.run.image_builds import named_builds
    from dockerlint_alpine.run.siblings import wanted_words

    files = [(path, project_root(path.parent, scripts.folders)) for path, _ in scripts.files]
    given = {name for job in jobs for name in job.images}
    found: list[Job] = []
    dockerfiles = list(dict.fromkeys(job.path for job in jobs if job.text is None))
    for build in named_builds(files, dockerfiles, wanted_words(jobs)):
        names = tuple(name for name in build.images if name not in given)
        if names:
            found.append(replace(_job(replace(build, images=names), "", build.folder), walked=True))
    return found


def without_repeats(jobs: Iterable[Job]) -> list[Job]:
    """The same build asked for twice (two services, a file and its folder) is judged once, as it was first named, with what
    all of them start."""
    found: dict[tuple[object, ...], Job] = {}
    for job in jobs:
        context = os.path.realpath(job.context) if job.context is not None else None
        args = tuple(sorted(job.build_args.items()))
        key = (os.path.realpath(job.path), context, args, job.target, job.platforms, job.text, job.others)
        first = found.setdefault(key, job)
        if first is not job and (job.images or job.starts):  # the same image under more names, started in more ways
            starts = tuple(dict.fromkeys((*first.starts, *job.starts)))
            found[key] = replace(first, images=(*first.images, *job.images), starts=starts)
    return list(found.values())
