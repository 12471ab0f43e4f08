"""Repositories of other projects that a build fetches files from, as git fetches them, kept in a folder.

Fetched is one commit without its history; of it, the files that say what is installed. Nothing is checked out, and nothing
of it is executed. The hosts are the user's choice, or a few that serve what is public: there nobody is logged in.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.python.resolve import NOBODY_ASKED, ResolverError
from dockerlint_alpine.system.child import ChildError, Limits, run
from dockerlint_alpine.system.git import GIT, TooManyFilesError, complaint, contents, environment, tree_entries
from dockerlint_alpine.system.layout import OTHERS_CODE, Entry, is_safe, lay_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.python.forges import Remote
    from dockerlint_alpine.python.index.kept import KeptAnswers

NOT_ALLOWED = "is not among your source-hosts"
"""Said of a host that nobody asks."""
_MAX_WANTED = 3000
"""Files of one repository whose contents are fetched, those near its top first."""
_MAX_NAMES = 20_000
"""Files of one repository that are there by name."""
_MAX_CONTENT = 64 * 1024**2
_LIMITS = (1 << 30, 256 * 1024**2)
"""Bytes of a file that git may write, and of what it may print."""
_INSTALLS = tuple(".txt .in .toml .lock .cfg .ini .sh .list".split())
"""Files of these names say what is installed."""
_SOURCES = tuple(".c .cc .cpp .h .hpp .pyx .build".split())
"""Sources of extensions, which say what a build links."""


class Fetched(Struct, frozen=True):
    """What was fetched: the ``day`` and the name of the folder with the files."""

    day: str
    folder: str


class Repositories(Struct):
    """Fetches repositories into ``folder`` (``None``: nothing is kept, so nothing is fetched) and knows what lies there.

    ``hosts`` are those that may be asked; ``own``: with the user's own configuration of git, else as anybody. ``as_of`` asks
    for the commit of that day; ``day`` (``YYYY-MM-DD``) is today, and what was fetched before ``oldest`` is fetched again.
    ``timeout`` are the seconds of one step. Without ``asks`` only what is kept counts.
    """

    folder: Path | None
    kept: KeptAnswers
    hosts: Sequence[str]
    own: bool
    day: str
    oldest: str
    as_of: str | None
    timeout: float
    asks: bool

    def files(self, remote: Remote) -> Path:
        """The folder with the files of a repository at a revision. Raises ``ResolverError`` with the reason for none."""
        if remote.host not in self.hosts:
            raise ResolverError(f"{remote.host} {NOT_ALLOWED}")
        if self.folder is None:
            raise ResolverError(NOBODY_ASKED)
        asked = ("repository", remote.url, remote.revision or "", self.as_of or "", str(self.own))
        found = self.kept.get(Fetched, *asked)
        old = found is None or (self.as_of is None and found.day < self.oldest)
        if found is None or old or not (self.folder / found.folder).is_dir():
            if not self.asks:
                raise ResolverError(NOBODY_ASKED)
            new = Fetched(self.day, self._fetched(remote, self.folder, asked))
            self.kept.put(new, *asked)
            if found is not None and found.folder != new.folder:
                shutil.rmtree(self.folder / found.folder, ignore_errors=True)
            found = new
        return self.folder / found.folder

    def _fetched(self, remote: Remote, folder: Path, asked: Sequence[str]) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as place:
            try:
                git = _Git(Path(place), remote.url, self.timeout, own=self.own)
                commit = git.commit(remote.revision or "HEAD", self.as_of)
                tree = Path(place, "tree")
                tree.mkdir()
                _write(git, commit, tree)
            except _GitError as error:
                raise ResolverError(f"git says: {error}") from None
            except ChildError as error:
                raise ResolverError(f"git {error}") from None
            except (TooManyFilesError, OSError) as error:
                raise ResolverError(f"it can't be kept: {error}") from None
            name = hashlib.sha256("\0".join((*asked, commit)).encode()).hexdigest()[:32]
            if not (folder / name).exists():
                shutil.move(tree, folder / name)
        return name


class _GitError(Exception):
    """What git says it could not do."""


class _Git:
    """A bare repository in ``folder`` that is filled from ``url``, commit by commit and blob by blob."""

    def __init__(self, folder: Path, url: str, timeout: float, *, own: bool) -> None:
        self._folder = folder
        self._url = url
        self._timeout = timeout
        self._variables = environment(own=own)
        # The user's own configuration may lead elsewhere (url.<base>.insteadOf).
        protocols = ("https", "http", "ssh", "file") if own else ("https",)
        if not own:  # nor a netrc, nor who would ask for a password
            home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "GIT_ASKPASS": ""}
            self._variables |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", **home}
        allowed = (word for name in protocols for word in ("-c", f"protocol.{name}.allow=always"))
        self._network = ("-c", "protocol.allow=never", *allowed, "-c", "credential.interactive=never")
        self._repository = folder / "repository.git"

    def _run(self, *arguments: str, network: bool = False, given: bytes = b"") -> bytes:
        way = self._network if network else ("-c", "protocol.allow=never")
        limits = Limits(self._timeout, memory=4 * 1024**3, file=_LIMITS[0], output=_LIMITS[1])
        command = [*GIT, *way, f"--git-dir={self._repository}", *arguments]
        done = run(command, limits=limits, folder=self._folder, variables=self._variables, given=given)
        if done.code:
            raise _GitError(complaint(done.stderr).removeprefix("fatal: "))
        return done.stdout

    def _fetch(self, *arguments: str) -> None:
        # Who says which commits are here is not sent the blobs of them.
        plain = ("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
        self._run(*plain, *arguments, network=True)

    def _begin(self, name: str) -> None:
        self._repository = self._folder / name
        self._run("init", "--quiet", "--bare", str(self._repository))
        self._run("remote", "add", "origin", self._url)

    def commit(self, revision: str, day: str | None) -> str:
        """Fetch one commit without its blobs: that of ``revision``, or the last one before it that ``day`` had."""
        self._begin("repository.git")
        self._fetch("--depth=1", "--filter=blob:none", "--", "origin", revision)
        if day is None:
            return self._commit_of()
        late = self._run("log", "-1", "--format=%cs", "FETCH_HEAD").decode().strip() > day
        if not late:
            return self._commit_of()
        self._begin("history.git")
        self._fetch("--filter=tree:0", "--", "origin", revision)
        found = self._run("rev-list", "-1", f"--before={day}T23:59:59Z", "FETCH_HEAD").decode().strip()
        if not found:
            raise _GitError(f"nothing of {revision} is as old as {day}")
        self._begin("then.git")
        self._fetch("--depth=1", "--filter=blob:none", "--", "origin", found)
        return found

    def _commit_of(self) -> str:
        return self._run("rev-parse", "--verify", "FETCH_HEAD^{commit}").decode().strip()

    def entries(self, commit: str) -> list[Entry]:
        """The files and links of a commit."""
        return list(tree_entries(self._run("ls-tree", "-r", "-z", "--full-tree", commit)))

    def bring(self, wanted: Iterable[Entry]) -> None:
        """Fetch contents, as a partial clone does before a checkout (git's promisor-remote.c)."""
        keys = list(dict.fromkeys(one.key for one in wanted))
        if keys:
            self._fetch("--no-write-fetch-head", "--filter=blob:none", "--", "origin", *keys)
        # From now on, what is not here is missing: nothing is fetched behind our back.
        self._repository.joinpath("config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")

    def read(self, wanted: Sequence[Entry]) -> Iterable[bytes | None]:
        """Contents that were brought."""
        asked = "".join(f"{one.key}\n" for one in wanted).encode()
        return contents(self._run("cat-file", "--batch", given=asked), len(wanted))


def _write(git: _Git, commit: str, root: Path) -> None:
    entries = [one for one in git.entries(commit) if is_safe(one.path)]
    entries.sort(key=lambda one: (one.path.count("/"), one.path))
    files = [one for one in entries if not one.link]
    links = [one for one in entries if one.link][:_MAX_WANTED]
    ranks = {one: rank for one in files if (rank := _rank(one.path))}
    wanted = sorted(ranks, key=ranks.__getitem__)[:_MAX_WANTED]
    git.bring([*wanted, *links])
    left = _MAX_CONTENT

    def read(asked: Sequence[Entry]) -> Iterable[bytes | None]:
        nonlocal left
        for data in git.read(asked):
            left -= len(data or b"")
            yield data if left > 0 else None

    lay_out(files[:_MAX_NAMES], wanted, links, read, root)


def _rank(path: str) -> int:
    """How early the content of a file is fetched; 0: it is not read."""
    *folders, name = path.lower().split("/")
    if not OTHERS_CODE.isdisjoint(folders):
        return 0
    if name.endswith(".py"):
        return 1 if name in {"setup.py", "__init__.py"} or len(folders) < 2 else 0
    if name.endswith(_INSTALLS) or "." not in name.lstrip("."):
        return 2
    return 3 if name.endswith(_SOURCES) else 0
