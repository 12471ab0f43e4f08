"""Online resolution with uv: ``uv pip compile`` answers, the index tells the files.

uv is run with ``--no-build``, so that no code of any distribution is executed. It resolves for all platforms at once
(``--universal``), so that one cached answer serves every architecture, and the index's file names give exact verdicts.
What ``--no-build`` would hide from uv is made up for here: releases that have only an sdist, which pip would compile, are
shown to uv as empty wheels with the metadata that their sdists state.
"""

from __future__ import annotations

import re
import socket
import sys
import tempfile
import time
import urllib.parse
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dockerlint_alpine.python.index.answers import (
    Answer,
    AnswerCache,
    joined,
    keep_resolution,
    kept_resolution,
    kept_source,
    lines_of,
    packed_release,
    packed_source,
    python_of,
    resolution_key,
    source_key,
)
from dockerlint_alpine.python.index.by_metadata import IndexFacts, resolve_by_metadata
from dockerlint_alpine.python.index.client import IndexAnswerError, IndexFile, SimpleIndex
from dockerlint_alpine.python.index.settings import (
    Credentials,
    foreign_address,
    index_urls,
    pip_configuration,
    wants_keyring,
)
from dockerlint_alpine.python.index.stubs import Stubs
from dockerlint_alpine.python.index.uv_program import find_uv
from dockerlint_alpine.python.model import Release, RequirementSet, Resolution, Target, normalise, redact
from dockerlint_alpine.python.origins import with_origins, without_origins
from dockerlint_alpine.python.requirement import archive_version
from dockerlint_alpine.python.resolve import NoAnswerError, ResolverError
from dockerlint_alpine.python.sources.sdist import SdistError, read_sdist
from dockerlint_alpine.python.tags import tag_of_wheel
from dockerlint_alpine.system.child import ChildError, ChildTimeoutError, Limits, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dockerlint_alpine.python.index.answers import Variables
    from dockerlint_alpine.python.model import IndexOptions
    from dockerlint_alpine.python.sources.source_facts import SourceFacts

MAX_SOURCES = 25
"""Runs of uv for one resolution: each reads the sdists of distributions without wheels that the last one met."""
MAX_SECONDS = 300.0
"""For one resolution with all runs of uv and all sdists that are read for it."""
MAX_CACHED = 1024**3
"""Bytes of one file that uv may write into its cache."""
OLDEST_UV = (3, 6)
"""The oldest Python that uv resolves for ("Python <3.6 is not supported", uv 0.13)."""
NO_UV = (
    "the program uv, which comes with alpine-doctor, is not there: install uv, or alpine-doctor with its dependencies"
)
_STOPS_UV = frozenset({"no-release", "conflict", "unknown"})
"""Kinds of what is open that uv fails at; unknown dependencies of an sdist are none."""
_KNOCK = 1.0
"""Seconds in which a connection to the index must stand when it is to be quick."""
_NO_WHEEL = re.compile(r"Wheels are required for `([^`]+)`")
_UNREACHABLE = re.compile(
    r"[Ff]ailed to fetch|error sending request|dns error|[Cc]onnection refused|[Cc]ould not connect|operation timed out"
    r"|[Nn]etwork is unreachable|tcp connect error"
)
_ANSWERED = re.compile(r"HTTP status (?:client|server) error")


class UvResolver:
    """Resolves requirement sets with uv, and reads sdists of the index.

    ``cache`` is a folder for answers (made when needed; ``None``: no cache). ``day`` (``YYYY-MM-DD``, handed in) is today:
    an answer of another day is asked again. ``timeout`` are seconds for one run of uv. ``progress`` gets one line before
    each slow step. ``as_of`` leaves out later uploads. ``quick``: an index that can't be reached at once is not waited for.
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
        quick: bool = False,
        progress: Callable[[str], None] | None = None,
        index: Callable[[Sequence[str], Sequence[str]], SimpleIndex] | None = None,
    ) -> None:
        """Take the folder, the process environment and the limits; raises ``ResolverError`` if there is no uv."""
        found = uv or find_uv()
        if found is None:
            raise ResolverError(NO_UV)
        self.uv = found
        self.answers = AnswerCache(cache)
        self.variables = dict(variables)
        self.timeout = timeout
        self.day = day
        self.as_of = as_of
        self.quick = quick
        self.progress = progress or (lambda _: None)
        self._index = index or self._simple_index
        self._silent: NoAnswerError | None = None
        self.sources: dict[tuple[str, str], SourceFacts] = {}
        """What was read of sdists: (name, version) -> facts."""

    def recall(self, wanted: RequirementSet, target: Target) -> Resolution | None:
        """Return today's answer if it is kept."""
        return kept_resolution(self.answers, wanted, target, self.as_of, oldest=self.day, newest=self.day)

    def resolve(self, wanted: RequirementSet, target: Target) -> Resolution:
        """Return the resolution of ``wanted`` on ``target``; raises ``ResolverError`` with the cause in one line.

        What uv can't resolve as a whole is resolved in parts, and by the index's metadata what is left.
        """
        known = self.recall(wanted, target)
        if known is not None:
            return known
        self._check_silence()
        self._refuse_foreign(wanted.options, [one.url or "" for one in (*wanted.requested, *wanted.constraints)])
        deadline = time.monotonic() + (self.timeout if self.quick else MAX_SECONDS)
        try:
            index = self._open_index(wanted.options)
            return self._resolved(index, wanted, target, deadline)
        except NoAnswerError as error:
            self._silent = error
            raise

    def _resolved(self, index: SimpleIndex, wanted: RequirementSet, target: Target, deadline: float) -> Resolution:
        if target.python_version < OLDEST_UV:
            return self._in_parts(index, wanted, target, deadline)
        try:
            answer = self._ask(index, wanted, python_of(target), deadline)
        except ResolverError as error:
            if isinstance(error, NoAnswerError) and self.quick:
                raise
            return self._in_parts(index, wanted, target, deadline)
        answer["day"] = self.day
        self.answers.put(resolution_key(wanted, target, self.as_of), answer)
        return Answer(answer, wanted, target, self.as_of).resolution()

    def _in_parts(self, index: SimpleIndex, wanted: RequirementSet, target: Target, deadline: float) -> Resolution:
        """The largest part that uv can resolve as a whole, and the rest by the index's metadata; in haste all by that."""
        facts = IndexFacts(index, self._read_source, self.day)
        self.progress("resolving one by one, by the index's metadata")
        plain, origins = without_origins(wanted)
        found = resolve_by_metadata(plain, target, facts, as_of=self.as_of, deadline=deadline)
        stopped = {name for one in found.unresolved if one.kind in _STOPS_UV for name in (one.name, *one.chain)}
        rest = tuple(one for one in plain.requested if one.name not in stopped)
        if target.python_version >= OLDEST_UV and 0 < len(rest) < len(plain.requested) and not self.quick:
            part = replace(plain, requested=rest)
            with suppress(ResolverError):
                answer = self._ask(index, part, python_of(target), deadline)
                found = joined(Answer({**answer, "day": self.day}, part, target, self.as_of).resolution(), found)
        if not facts.late:
            keep_resolution(self.answers, wanted, target, self.as_of, day=self.day, found=found)
        return with_origins(found, origins)

    def source_facts(self, name: str, version: str, options: IndexOptions, variables: Variables = ()) -> SourceFacts:
        """Read the sdist of a release (in memory, never run); raises ``ResolverError``.

        A release never changes, so what was read once is kept for good.
        """
        key = source_key(name, version, options, variables)
        facts = kept_source(self.answers, key)
        if facts is not None:
            return facts
        facts = self.sources.get((name, version)) if options.locked_at is None and not variables else None
        if facts is None:
            self._check_silence()
            self.progress(f"reading the sdist of {name} {version}")
            facts = self._read_source(self._open_index(options), name, version, variables)
        self.answers.put(key, packed_source(facts))
        return facts

    def _check_silence(self) -> None:
        """An index that did not answer once costs no second wait in the same run."""
        if self._silent is not None:
            raise NoAnswerError(str(self._silent))

    def _refuse_foreign(self, options: IndexOptions, urls: Sequence[str] = ()) -> None:
        """Raise ``ResolverError`` where the project's files say whom to ask and the user's own configuration does not."""
        if options.no_index and not any(urls):
            return
        address = foreign_address(options, urls, self.variables, self.uv)
        if address is not None:
            raise ResolverError(
                f"the project names {redact(address)}, which your own configuration of pip or uv does not: it is not asked"
                " (PIP_EXTRA_INDEX_URL or UV_INDEX allows it)"
            )

    def _open_index(self, options: IndexOptions) -> SimpleIndex:
        self._refuse_foreign(options)
        urls = index_urls(options, self.variables, self.uv)
        if options.locked_at is not None and not options.no_index:
            known = [url for url in urls if url.rstrip("/") == options.locked_at.rstrip("/")]
            if self.quick and not known:
                raise ResolverError(
                    "its lock file names an index that is not configured here: no other is asked for it"
                )
            urls = known or [options.locked_at]
        if self.quick and urls and not _proxied(self.variables):
            _knock(urls[0], min(self.timeout, _KNOCK))
        return self._index(urls, [link for link in options.find_links if "://" in link])

    def _simple_index(self, urls: Sequence[str], links: Sequence[str]) -> SimpleIndex:
        credentials = Credentials(self.variables, [*urls, *links])
        seconds = min(self.timeout, 20.0)
        return SimpleIndex(urls, timeout=seconds, credentials=credentials, total=self.timeout, links=links)

    # -- uv ---------------------------------------------------------------------------------------------------------

    def _ask(self, index: SimpleIndex, wanted: RequirementSet, python: str, deadline: float) -> dict[str, Any]:
        lines, limits = lines_of(wanted.requested), lines_of(wanted.constraints)
        options = replace(wanted.options, find_links=tuple(index.answering_links()))
        self.progress(f"resolving {len(lines)} requirement{'s' if len(lines) != 1 else ''} with uv")
        with tempfile.TemporaryDirectory(prefix="alpine-doctor-") as scratch:
            folder = Path(scratch)
            stubs = Stubs(folder / "stubs", index, self._read_source, self.as_of, python)
            for _ in range(MAX_SOURCES):
                problem = self._compile(folder, lines, limits, options, python, deadline)
                if problem is not None:
                    missing = [normalise(name) for name in _NO_WHEEL.findall(problem)]
                    if not [name for name in missing if stubs.add(name, above=None)]:
                        raise _failure(problem)
                    continue
                packages = _parse(folder / "pylock.toml", folder / "annotated.txt")
                self._add_releases(index, packages, stubs)
                if not stubs.extend(packages, options):
                    return {"packages": packages, "notes": list(index.silent.values())}
        raise ResolverError(f"more than {MAX_SOURCES} steps, one for each distribution without wheels")

    def _compile(
        self,
        folder: Path,
        lines: Sequence[str],
        limits: Sequence[str],
        options: IndexOptions,
        python: str,
        deadline: float,
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
        # Nothing is built, so any Python does: this one, or uv would look for ``python`` everywhere (1 s among pyenv's shims).
        command += ["--python", sys.executable]
        if options.no_index:
            command.append("--no-index")
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
                seconds = min(self.timeout, deadline - time.monotonic())
                if seconds <= 0:
                    raise NoAnswerError("the index takes too long")
                done = run(
                    [*command, *output], limits=Limits(seconds, file=MAX_CACHED), folder=folder, variables=variables
                )
            except ChildTimeoutError:
                raise NoAnswerError(f"uv did not answer within {seconds:g} seconds") from None
            except ChildError as error:
                raise ResolverError(f"uv {error}") from None
            if done.code < 0:
                raise ResolverError(f"uv was ended by signal {-done.code}: what the index sends takes too much")
            if done.code:
                return done.stderr.decode("utf-8", "replace") or "uv failed without a message"
        return None

    def _environment(self, options: IndexOptions) -> dict[str, str]:
        """Hand index URLs over in the environment: arguments are visible to every process, and may hold credentials."""
        variables = {**self.variables, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
        configured = pip_configuration(variables)
        if main := options.index_url or variables.get("PIP_INDEX_URL") or configured.get("index-url"):
            variables.setdefault("UV_DEFAULT_INDEX", main)
            if options.index_url:
                variables["UV_DEFAULT_INDEX"] = options.index_url
        extra = [*options.extra_index_urls, *variables.get("PIP_EXTRA_INDEX_URL", "").split()]
        if extra:
            variables["UV_INDEX"] = " ".join([*extra, *variables.get("UV_INDEX", "").split()])
            # pip takes the best version of all indexes; uv's default stops at the first that has the name.
            variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
        links = [link for link in options.find_links if "://" in link]
        if links:
            variables["UV_FIND_LINKS"] = ",".join([*links, *filter(None, [variables.get("UV_FIND_LINKS")])])
        if self.quick:
            variables["UV_HTTP_RETRIES"] = "0"
        if wants_keyring(variables):
            variables["UV_KEYRING_PROVIDER"] = "subprocess"
        return variables

    # -- what --no-build leaves out ---------------------------------------------------------------------------------

    def _read_source(self, index: SimpleIndex, name: str, version: str, variables: Variables = ()) -> SourceFacts:
        try:
            files = [one for one in index.files(name) if tag_of_wheel(one.name) is None and _is_version(one, version)]
            if not files:
                raise ResolverError(f"{name} {version} has no sdist")
            facts = read_sdist(index.download(files[0]), files[0].name, dict(variables))
        except (IndexAnswerError, SdistError) as error:
            raise ResolverError(f"{name} {version}: {error}") from None
        if not variables:
            self.sources[name, version] = facts
        return facts

    def _add_releases(self, index: SimpleIndex, packages: Sequence[dict[str, Any]], stubs: Stubs) -> None:
        """Give every distribution with native wheels, or none, its releases: uv's answer names no sdist."""
        from concurrent.futures import ThreadPoolExecutor

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
                package["releases"] = [packed_release(one) for one in known]


def _proxied(variables: Mapping[str, str]) -> bool:
    return any(
        variables.get(name)
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    )


def _knock(url: str, seconds: float) -> None:
    """Raise ``NoAnswerError`` where nobody listens at the index: uv would try it again and again."""
    parts = urllib.parse.urlsplit(url)
    try:
        port = parts.port or (80 if parts.scheme == "http" else 443)
        socket.create_connection((parts.hostname or "", port), timeout=seconds).close()
    except (OSError, ValueError) as error:
        raise NoAnswerError(f"{parts.hostname} can't be reached: {error}") from None


def _is_version(file: IndexFile, version: str) -> bool:
    known = archive_version(file.name)
    return known is not None and known[1] == version


def _is_pure(files: Sequence[str]) -> bool:
    return any(name.endswith("-none-any.whl") for name in files)


def _failure(problem: str) -> ResolverError:
    """Tell an index that is not there from one that has no answer."""
    unreachable = _UNREACHABLE.search(problem) is not None and _ANSWERED.search(problem) is None
    return NoAnswerError(_explain(problem)) if unreachable else ResolverError(_explain(problem))


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
    import tomllib

    from dockerlint_alpine.python.formats.pylock import archives, file_name

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
