"""Online resolution with uv: ``uv pip compile`` answers, the index tells the files.

uv is run with ``--no-build``, so that no code of any distribution is executed. It resolves for all platforms at once
(``--universal``), so that one cached answer serves every architecture, and the index's file names give exact verdicts.
What ``--no-build`` would hide from uv is made up for here: releases that have only an sdist, which pip would compile, are
shown to uv as empty wheels with the metadata that their sdists state.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockerlint_alpine.python.markers import InvalidMarkerError, applies, environment
from dockerlint_alpine.python.model import (
    Origin,
    Release,
    Requested,
    RequirementSet,
    Resolution,
    Resolved,
    Target,
    Unresolved,
    Verdict,
    normalise,
    redact,
)
from dockerlint_alpine.python.requirement import InvalidRequirementError, archive_version, parse_pep508
from dockerlint_alpine.python.resolve import ResolverError
from dockerlint_alpine.python.sdist import SdistError, SourceFacts, read_sdist
from dockerlint_alpine.python.simple_index import IndexAnswerError, IndexFile, SimpleIndex
from dockerlint_alpine.python.tags import tag_of_wheel
from dockerlint_alpine.python.verdict import choose, judge_file, releases_of_files
from dockerlint_alpine.python.versions import is_pre_release, sort_versions, specifiers

if TYPE_CHECKING:
    from dockerlint_alpine.python.model import IndexOptions

MAX_SOURCES = 25
"""Runs of uv for one resolution: each reads the sdists of distributions without wheels that the last one met."""
MAX_STUBS = 80
"""Sdist-only releases of one distribution that uv may choose from, the newest ones."""
_FORMAT = 1
_STUB_WHEEL = "Wheel-Version: 1.0\nGenerator: alpine-doctor\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_NO_WHEEL = re.compile(r"Wheels are required for `([^`]+)`")
_DEFAULT_INDEX = re.compile(r"by default: <(https?://[^>]+)>")


def find_uv() -> str | None:
    """Return the path of the uv program: that of the installed package ``uv``, else the one on ``PATH``."""
    try:
        from uv import find_uv_bin  # noqa: PLC0415 - an optional extra

        return os.fspath(find_uv_bin())
    except (ImportError, FileNotFoundError):
        import shutil  # noqa: PLC0415 - only without the package

        return shutil.which("uv")


def index_urls(options: IndexOptions, variables: Mapping[str, str], uv: str) -> list[str]:
    """Return the simple-index URLs that an installation asks: its own options, else pip's and uv's configuration.

    ``variables`` is the process environment. The built-in default is taken from the uv program's own help.
    """
    if options.no_index:
        return []
    configured = _configuration(variables)
    main = options.index_url or variables.get("PIP_INDEX_URL") or variables.get("UV_DEFAULT_INDEX")
    main = main or variables.get("UV_INDEX_URL") or configured.get("index-url") or _default_index(uv)
    extra = list(options.extra_index_urls)
    for name in ("PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
        extra += [url.rpartition("=")[2] if "=http" in url else url for url in variables.get(name, "").split()]
    extra += configured.get("extra-index-url", "").split()
    web = [url for url in [main, *extra] if url and url.startswith(("http://", "https://"))]
    return list(dict.fromkeys(web))


def _default_index(uv: str) -> str | None:
    try:
        done = subprocess.run([uv, "pip", "compile", "--help"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    match = _DEFAULT_INDEX.search(done.stdout)
    return match[1] if match else None


def _configuration(variables: Mapping[str, str]) -> dict[str, str]:
    """Read ``index-url`` and ``extra-index-url`` from pip's configuration files, global to user."""
    import configparser  # noqa: PLC0415 - online only

    home = Path(variables.get("HOME", "/"))
    config = Path(variables.get("XDG_CONFIG_HOME", home / ".config"))
    places = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), home / ".pip/pip.conf", config / "pip/pip.conf"]
    if named := variables.get("PIP_CONFIG_FILE"):
        places = [] if named == os.devnull else [*places, Path(named)]
    found: dict[str, str] = {}
    for place in places:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(place, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in ("global", "install"):
            for key in ("index-url", "extra-index-url"):
                value = parser.get(section, key, fallback="")
                if value:
                    found[key] = value
    return found


class UvResolver:
    """Resolves requirement sets with uv; the ``Resolver`` of ``dockerlint_alpine.python.resolve``.

    ``cache`` is a folder for answers (made when needed; ``None``: no cache). ``day`` (``YYYY-MM-DD``, handed in) is part
    of the cache key, so that answers age. ``cached_only`` asks nothing over the network. ``timeout`` are seconds for one
    run of uv. ``progress`` gets one line before each slow step. ``as_of`` leaves out later uploads.
    """

    def __init__(
        self,
        *,
        cache: Path | None,
        variables: Mapping[str, str],
        uv: str | None = None,
        timeout: float = 60.0,
        day: str = "",
        as_of: str | None = None,
        cached_only: bool = False,
        progress: Callable[[str], None] | None = None,
        index: Callable[[Sequence[str]], SimpleIndex] | None = None,
    ) -> None:
        """Take the folder, the process environment and the limits; raises ``ResolverError`` if there is no uv."""
        found = uv or find_uv()
        if found is None and not cached_only:
            raise ResolverError("the program uv is not installed (pip install 'alpine-doctor[online]')")
        self.uv = found or "uv"
        self.cache = cache
        self.variables = dict(variables)
        self.timeout = timeout
        self.day = day
        self.as_of = as_of
        self.cached_only = cached_only
        self.progress = progress or (lambda _: None)
        self._index = index or (lambda urls: SimpleIndex(urls, timeout=min(timeout, 20.0)))
        self.sources: dict[tuple[str, str], SourceFacts] = {}
        """What was read of sdists: (name, version) -> facts."""

    # -- the Resolver protocol --------------------------------------------------------------------------------------

    def resolve(self, wanted: RequirementSet, target: Target) -> Resolution:
        """Return the resolution of ``wanted`` on ``target``; raises ``ResolverError`` with the cause in one line."""
        python = ".".join(map(str, target.python_version))
        lines = _lines(wanted.requested)
        limits = _lines(wanted.constraints)
        answer = self._stored(self._key(wanted.options, lines, limits, python))
        if answer is None:
            if self.cached_only:
                raise ResolverError("no cached answer for these requirements")
            answer = self._ask(wanted.options, lines, limits, python)
            self._store(self._key(wanted.options, lines, limits, python), answer)
        return _Answer(answer, wanted, target, self.as_of).resolution()

    def source_facts(self, name: str, version: str, options: IndexOptions) -> SourceFacts:
        """Read the sdist of a release (in memory, never run); raises ``ResolverError``.

        Answers are cached like resolutions.
        """
        known = self.sources.get((name, version))
        if known is not None:
            return known
        key = _digest("sdist", name, version)
        stored = self._stored(key)
        if stored is not None:
            facts = _source_facts(stored)
        else:
            if self.cached_only:
                raise ResolverError(f"the sdist of {name} {version} is not cached")
            self.progress(f"reading the sdist of {name} {version}")
            facts = self._read_source(self._index(index_urls(options, self.variables, self.uv)), name, version)
            from dataclasses import asdict  # noqa: PLC0415 - online only

            self._store(key, asdict(facts))
        self.sources[name, version] = facts
        return facts

    # -- uv ---------------------------------------------------------------------------------------------------------

    def _ask(self, options: IndexOptions, lines: Sequence[str], limits: Sequence[str], python: str) -> dict[str, Any]:
        self.progress(f"resolving {len(lines)} requirement{'s' if len(lines) != 1 else ''} with uv")
        index = self._index(index_urls(options, self.variables, self.uv))
        with tempfile.TemporaryDirectory(prefix="alpine-doctor-") as scratch:
            folder = Path(scratch)
            stubs = _Stubs(folder / "stubs", index, self._read_source, self.as_of)
            for _ in range(MAX_SOURCES):
                problem = self._compile(folder, lines, limits, options, python)
                if problem is not None:
                    missing = [normalise(name) for name in _NO_WHEEL.findall(problem)]
                    if not [name for name in missing if stubs.add(name, above=None)]:
                        raise ResolverError(_explain(problem))
                    continue
                packages = _parse(folder / "pylock.toml", folder / "annotated.txt")
                self._add_releases(index, packages, stubs)
                if not stubs.extend(packages, options):
                    return {"format": _FORMAT, "packages": packages}
        raise ResolverError(f"more than {MAX_SOURCES} steps, one for each distribution without wheels")

    def _compile(
        self, folder: Path, lines: Sequence[str], limits: Sequence[str], options: IndexOptions, python: str
    ) -> str | None:
        """Run uv in ``folder``; return what it complains about, ``None`` for success."""
        (folder / "wanted.in").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / "limits.txt").write_text("\n".join(limits) + "\n", encoding="utf-8")
        command = [
            self.uv,
            "pip",
            "compile",
            "wanted.in",
            "--universal",
            "--no-build",
            "--no-header",
            "--quiet",
            "--upgrade",
        ]
        command += ["--no-config", "--python-version", python, "--constraints", "limits.txt", "--find-links", "stubs"]
        if options.no_index:
            command.append("--no-index")
        for link in options.find_links:
            if "://" in link:
                command += ["--find-links", link]
        if options.pre:
            command += ["--prerelease", "allow"]
        if self.as_of is not None:
            command += ["--exclude-newer", self.as_of]
        variables = self._environment(options)
        for output in (
            ["--format", "pylock.toml", "-o", "pylock.toml"],
            ["--annotation-style", "line", "-o", "annotated.txt"],
        ):
            try:
                done = subprocess.run(  # noqa: S603 - the program is uv, the arguments are ours
                    [*command, *output],
                    cwd=folder,
                    env=variables,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=self.timeout,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise ResolverError(f"uv did not answer within {self.timeout:g} seconds") from None
            except OSError as error:
                raise ResolverError(f"uv can't be started: {error.strerror}") from None
            if done.returncode != 0:
                return done.stderr or "uv failed without a message"
        return None

    def _environment(self, options: IndexOptions) -> dict[str, str]:
        """Hand index URLs over in the environment: arguments are visible to every process, and may hold credentials."""
        variables = {**self.variables, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
        configured = _configuration(variables)
        if main := options.index_url or variables.get("PIP_INDEX_URL") or configured.get("index-url"):
            variables.setdefault("UV_DEFAULT_INDEX", main)
            if options.index_url:
                variables["UV_DEFAULT_INDEX"] = options.index_url
        extra = [*options.extra_index_urls, *variables.get("PIP_EXTRA_INDEX_URL", "").split()]
        if extra:
            variables["UV_INDEX"] = " ".join([*extra, *variables.get("UV_INDEX", "").split()])
            # pip takes the best version of all indexes; uv's default stops at the first that has the name.
            variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
        return variables

    # -- what --no-build leaves out ---------------------------------------------------------------------------------

    def _read_source(self, index: SimpleIndex, name: str, version: str) -> SourceFacts:
        try:
            files = [one for one in index.files(name) if tag_of_wheel(one.name) is None and _is_version(one, version)]
            if not files:
                raise ResolverError(f"{name} {version} has no sdist")
            facts = read_sdist(index.download(files[0]), files[0].name)
        except (IndexAnswerError, SdistError) as error:
            raise ResolverError(f"{name} {version}: {error}") from None
        self.sources[name, version] = facts
        return facts

    def _add_releases(self, index: SimpleIndex, packages: Sequence[dict[str, Any]], stubs: _Stubs) -> None:
        """Give every distribution with native wheels, or none, its releases: uv's answer names no sdist."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - online only

        def ask(package: dict[str, Any]) -> list[Release]:
            try:
                return index.releases(package["name"])
            except IndexAnswerError:
                return []

        native = [one for one in packages if stubs.has(one["name"]) or not _is_pure(one["files"])]
        self.progress(f"asking the index for the files of {len(native)} distributions with native code")
        with ThreadPoolExecutor(max_workers=8) as pool:
            for package, releases in zip(native, pool.map(ask, native), strict=True):
                known = [
                    one for one in releases if one.upload_date is None or one.upload_date <= (self.as_of or "9999")
                ]
                package["releases"] = [_packed(one) for one in known]

    # -- the cache --------------------------------------------------------------------------------------------------

    def _key(self, options: IndexOptions, lines: Sequence[str], limits: Sequence[str], python: str) -> str:
        urls = [options.index_url or "", *options.extra_index_urls, *options.find_links]
        parts = [*map(redact, urls), str(options.no_index), str(options.pre), self.as_of or "", self.day, python]
        return _digest("resolution", *parts, "--", *lines, "--", *limits)

    def _stored(self, key: str) -> dict[str, Any] | None:
        if self.cache is None:
            return None
        try:
            found = json.loads((self.cache / f"{key}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _store(self, key: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer; a folder that can't be written costs only the speed of the next run."""
        if self.cache is None:
            return
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", dir=self.cache, delete=False, encoding="utf-8", suffix=".tmp"
            ) as part:
                json.dump(answer, part)
            Path(part.name).replace(self.cache / f"{key}.json")
        except OSError:
            return


def _source_facts(stored: Mapping[str, Any]) -> SourceFacts:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}
    return SourceFacts(**values)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join((str(_FORMAT), *parts)).encode()).hexdigest()[:32]


def _is_version(file: IndexFile, version: str) -> bool:
    known = archive_version(file.name)
    return known is not None and known[1] == version


def _is_pure(files: Sequence[str]) -> bool:
    return any(name.endswith("-none-any.whl") for name in files)


class _Stubs:
    """Empty wheels that stand for sdist-only releases, so that uv can resolve them without building anything.

    Each holds only metadata: what the sdist of the release states, where it states it.
    """

    def __init__(
        self,
        folder: Path,
        index: SimpleIndex,
        read: Callable[[SimpleIndex, str, str], SourceFacts],
        as_of: str | None,
    ) -> None:
        folder.mkdir()
        self.folder = folder
        self.index = index
        self.read = read
        self.as_of = as_of
        self.names: dict[str, dict[str, SourceFacts | None]] = {}

    def has(self, name: str) -> bool:
        return name in self.names

    def add(self, name: str, above: str | None) -> bool:
        """Write the stubs of the sdist-only releases of ``name`` (newer than ``above``); tell whether there are any.

        All have the requirements of the newest until :meth:`extend` reads that of the chosen one.
        """
        if name in self.names:
            return False
        try:
            releases = {one.version: one for one in self.index.releases(name) if one.sdist and not one.wheels}
        except IndexAnswerError as error:
            raise ResolverError(f"{name}: {error}") from None
        kept = [
            key for key, one in releases.items() if not one.yanked and (one.upload_date or "") <= (self.as_of or "9999")
        ]
        ordered = [key for key in sort_versions(kept) if not is_pre_release(key)] or sort_versions(kept)
        if above is not None:
            both = sort_versions([*ordered, above])
            ordered = both[both.index(above) + 1 :]
        self.names[name] = {}
        if not ordered:
            return False
        facts = self.read(self.index, name, ordered[-1])
        for version in ordered[-MAX_STUBS:]:
            self.write(name, releases[version], facts)
            self.names[name][version] = facts if version == ordered[-1] else None
        return True

    def extend(self, packages: Sequence[dict[str, Any]], options: IndexOptions) -> bool:
        """Make the stubs true for what uv chose and complete for what pip would have preferred.

        Tell whether uv has to be asked again. Adds the doubts about dependencies to ``packages``.
        """
        again = False
        for package in packages:
            name, version = package["name"], package["version"]
            known = self.names.get(name)
            if known is None and "releases" in package and not options.prefer_binary and options.allows(name)[1]:
                again = self.add(name, above=version) or again
            elif known and version in known:
                facts = known[version]
                if facts is None:
                    facts = known[version] = self.read(self.index, name, version)
                    release = next(_unpacked(one) for one in package["releases"] if one[0] == version)
                    again = self.write(name, release, facts) or again
                if facts.requires is None:
                    package["doubt"] = f"the dependencies of {name} {version} are known only to its build"
        return again

    def write(self, name: str, release: Release, facts: SourceFacts) -> bool:
        """Write one stub; tell whether its metadata is new."""
        import zipfile  # noqa: PLC0415 - online only

        stem = f"{name.replace('-', '_')}-{release.version.replace('-', '_')}"
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {release.version}"]
        lines += [f"Requires-Python: {release.requires_python}"] if release.requires_python else []
        lines += [f"Requires-Dist: {text}" for text in facts.requires or () if _parsed(text) is not None]
        lines += [f"Provides-Extra: {extra}" for extra in dict.fromkeys(_EXTRA.findall(" ".join(facts.requires or ())))]
        text = "\n".join(lines) + "\n"
        path = self.folder / f"{stem}-py3-none-any.whl"
        old = path.read_bytes() if path.exists() else b""
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in (("METADATA", text), ("WHEEL", _STUB_WHEEL), ("RECORD", "")):
                archive.writestr(zipfile.ZipInfo(f"{stem}.dist-info/{member}"), content)
        return path.read_bytes() != old


def _packed(release: Release) -> list[Any]:
    """Return a release as JSON holds it, with the wheels that may concern Linux."""
    tags = [tag for tag in release.wheels if "linux" in tag or tag.endswith("-any")]
    return [release.version, release.upload_date, release.yanked, release.requires_python, tags, release.sdist]


def _unpacked(packed: Sequence[Any]) -> Release:
    version, date, yanked, python, tags, sdist = packed
    return Release(version, date, yanked, python, tuple(tags), sdist)


def _lines(requested: Sequence[Requested]) -> list[str]:
    """Return what uv is asked: named requirements; folders and VCS without a name are left to the caller."""
    found = []
    for one in requested:
        if (
            one.path is not None
            or one.name is None
            or (one.url is not None and not (one.artefacts or ("",))[0].endswith(".whl"))
        ):
            continue
        extras = f"[{','.join(one.extras)}]" if one.extras else ""
        body = f"{one.name}{extras} @ {one.url}" if one.url is not None else f"{one.name}{extras}{one.specifier}"
        found.append(f"{body} ; {one.marker}" if one.marker else body)
    return list(dict.fromkeys(found))


def _parsed(line: str) -> Requested | None:
    try:
        return parse_pep508(line, Origin(""))
    except InvalidRequirementError:
        return None


def _explain(problem: str) -> str:
    """Return uv's cause in one line, without credentials."""
    text = redact(" ".join(problem.split()))
    for start in ("cause: ", "error: "):
        if start in text:
            text = text.split(start)[-1]
            break
    text = text.partition(" hint: ")[0].replace("you require", "the requirements ask for")
    return text[:400] or "uv failed without a message"


def _parse(lock: Path, annotated: Path) -> list[dict[str, Any]]:
    """Return the packages of uv's lock with their parents, which only its other format names."""
    import tomllib  # noqa: PLC0415 - online only

    from dockerlint_alpine.python.pylock import archives, file_name  # noqa: PLC0415 - online only

    try:
        packages = tomllib.loads(lock.read_text(encoding="utf-8")).get("packages", [])
        notes = annotated.read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise ResolverError("uv gave no readable answer") from None
    parents: dict[str, list[str]] = {}
    for line in notes.splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)[^#]*#\s*via\s+(.*)", line)
        if match is not None:
            names = [part.strip() for part in match[2].split(",")]
            direct = any(part.startswith("-") for part in names)
            parents[normalise(match[1])] = (
                [] if direct else [normalise(re.split(r"[^\w.-]", part)[0]) for part in names]
            )
    found = []
    for one in packages:
        name = normalise(str(one.get("name", "")))
        archive = one.get("archive")
        files = archives(one) or ((file_name(archive) or "",) if isinstance(archive, dict) else ())
        marker = one.get("marker")
        version = str(one.get("version", ""))
        found.append(
            {"name": name, "version": version, "marker": marker, "files": list(files), "via": parents.get(name, [])}
        )
    return found


class _Answer:
    """Turns the packages of an answer into a resolution for one target."""

    def __init__(self, answer: Mapping[str, Any], wanted: RequirementSet, target: Target, as_of: str | None) -> None:
        self.wanted = wanted
        self.target = target
        self.as_of = as_of
        self.values = environment(target)
        kept = [one for one in answer.get("packages", []) if self.holds(one.get("marker"))]
        self.packages: dict[str, Mapping[str, Any]] = {str(one["name"]): one for one in kept}

    def holds(self, marker: str | None) -> bool:
        try:
            return applies(marker, self.values)
        except InvalidMarkerError:
            return True

    def resolution(self) -> Resolution:
        direct = {one.name: one for one in reversed(self.wanted.requested) if one.name and self.holds(one.marker)}
        chains = self.chains({name: one for name, one in direct.items() if name in self.packages})
        found: list[Resolved] = []
        unresolved: list[Unresolved] = []
        for name in sorted(self.packages):
            package, (chain, origin) = self.packages[name], chains.get(name, ((name,), Origin("")))
            own = direct.get(name)
            verdict = self.verdict(package)
            extras = own.extras if own is not None else ()
            found.append(
                Resolved(name, package["version"] or None, extras, chain, origin, verdict, own.url if own else None)
            )
            if verdict.kind == "none":
                unresolved.append(Unresolved(name, chain, verdict.reason, "no-release"))
            if package.get("doubt"):
                unresolved.append(Unresolved(name, chain, package["doubt"], "dependencies"))
        for own in self.wanted.requested:
            if self.holds(own.marker) and (own.name is None or own.name not in self.packages):
                self.outside(own, found, unresolved)
        return Resolution(tuple(sorted(found, key=lambda one: one.name)), tuple(unresolved))

    def outside(self, own: Requested, found: list[Resolved], unresolved: list[Unresolved]) -> None:
        """Add what uv was not asked: folders, archives and VCS sources."""
        what = own.name or own.path or own.shown
        if own.artefacts:
            verdict = judge_file(own.artefacts[0], self.target)
        else:
            place = f"the folder {own.path}" if own.path is not None else own.shown
            verdict = Verdict("sdist", f"built from {place}", "requirement")
        if own.name is not None:
            version = specifiers(own.specifier).pin
            found.append(Resolved(own.name, version, own.extras, own.chain, own.origin, verdict, own.url))
        if own.name is None or own.path is None:
            unresolved.append(Unresolved(what, own.chain, "only building it tells its dependencies", "dependencies"))

    def chains(self, direct: Mapping[str, Requested]) -> dict[str, tuple[tuple[str, ...], Origin]]:
        """Return for each package the shortest way from a requirement of the files."""
        children: dict[str, list[str]] = {}
        for name, package in self.packages.items():
            for parent in package["via"]:
                children.setdefault(parent, []).append(name)
        found = {name: (one.chain, one.origin) for name, one in direct.items()}
        bases = {name: (*one.chain, name) for name, one in direct.items()}
        queue = list(direct)
        for parent in queue:
            for child in children.get(parent, ()):
                if child not in found:
                    bases[child] = (*bases[parent], child)
                    found[child] = (bases[child], found[parent][1])
                    queue.append(child)
        return found

    def verdict(self, package: Mapping[str, Any]) -> Verdict:
        name, version = package["name"], package["version"]
        releases = [_unpacked(one) for one in package.get("releases", ())] or releases_of_files(package["files"], name)
        wanted = f"=={version}" if version else ""
        verdict = choose(name, wanted, releases, self.target, self.wanted.options, source="index").verdict
        return replace(verdict, source=f"index as of {self.as_of}" if self.as_of else "index")
