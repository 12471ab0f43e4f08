"""What matters of one repository, laid out in a folder to be judged.

A folder is judged where it is. Of a repository without a work tree (or at another revision), of a bundle, an archive and a
URL, the names are read first; only if a Dockerfile or compose file is among them are the files written that a judgement may
read, to a folder that lives as long as it does. Nothing is checked out, no hook, filter or helper of the repository runs,
and no path or link leads out of the folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.run.discovery import names_builds
from dockerlint_alpine.sweep.plan import MEBIBYTE
from dockerlint_alpine.sweep.sources import SourceError
from dockerlint_alpine.system.files import MAX_SIZE, read_file
from dockerlint_alpine.system.git import (
    GIT,
    MAX_FILES,
    TooManyFilesError,
    complaint,
    contents,
    environment,
    tree_entries,
)
from dockerlint_alpine.system.layout import OTHERS_CODE, Entry, is_safe, lay_out
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.tarread import TarReader, Unpacked
from dockerlint_alpine.system.unreadable import ArchiveError

if TYPE_CHECKING:
    from dockerlint_alpine.sweep.sources import Source

MAX_UNPACKED = 16 * 1024**3
"""Bytes that an archive may unpack to; what does not matter is passed over, but has to be unpacked too."""
_COMMIT = lazy_pattern(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SMALL = 64 * 1024
"""Bytes up to which any file is laid out: a script that is copied may have any name."""
_LARGE = 8 * 1024 * 1024
"""Bytes up to which a file that says what is installed is laid out."""
_SAYS_WHAT_IS_INSTALLED = tuple(".txt .in .toml .lock .cfg .ini .json .yml .yaml .sh .py .list".split())
_NOT_READ = tuple(
    ".png .jpg .jpeg .gif .ico .svg .webp .woff .woff2 .ttf .pdf .mp4 .zip .gz .jar .go .js .mjs .ts .tsx .jsx .vue .java"
    " .kt .c .cc .cpp .h .hpp .rs .cs .md .rst .adoc .html .css .scss .xml .po .proto .tf .snap .csv .sql".split()
)
"""No shell starts these, and no installer reads them: they are there, and that is all."""
_ROOT = "tree"
"""What every repository's top folder is called: some Dockerfiles are known by the folder that they lie in."""
_PREFIX = "alpine-doctor-sweep-"
_MEMORY = "/dev/shm"  # noqa: S108 - only folders of random names and of one's own are made there
"""Linux's file system in memory."""
_IN_MEMORY = 128 * 1024 * 1024
"""Bytes of one repository that are held in memory, at most."""
_PAGE, _NAME = 4096, 1024
"""Bytes that the content of a file may take besides its own, and those of a file without any."""


class Project(Struct, frozen=True):
    """Where the files of a repository are, and which commit they are of (empty: none is known)."""

    root: Path
    revision: str


class _Tree(Struct, frozen=True):
    """What there is of a repository: files, those among them whose content matters, links, and how contents are read."""

    files: Sequence[Entry]
    wanted: Sequence[Entry]
    links: Sequence[Entry]
    read: Callable[[Sequence[Entry]], Iterable[bytes | None]]

    @classmethod
    def of(
        cls, entries: Iterable[Entry], read: Callable[[Sequence[Entry]], Iterable[bytes | None]], limit: int
    ) -> _Tree:
        """Nothing, unless there is something to judge. Raises SourceError where more than ``limit`` bytes matter."""
        safe = [entry for entry in entries if is_safe(entry.path)]
        if not any(names_builds(entry.path) for entry in safe):
            return cls((), (), (), read)
        files = [entry for entry in safe if not entry.link]
        wanted = [entry for entry in files if _matters(entry)]
        if sum(entry.size for entry in wanted) > limit:
            raise SourceError(_too_much(limit))
        return cls(files, wanted, [entry for entry in safe if entry.link], read)


@contextmanager
def opened(source: Source, revision: str | None, limit: int) -> Iterator[Project]:
    """Lay ``source`` out at ``revision`` (``None``: what its HEAD names, or the files as they are).

    ``limit`` is the number of bytes that may matter. Raises SourceError, and OSError where the folder can't be written.
    """
    place = Path(source.place)
    if source.kind == "folder" and (revision is None or not (place / ".git").exists()):
        if not place.is_dir():
            raise SourceError(
                "no such folder" if not place.exists() else "neither a folder, a bundle nor a tar archive"
            )
        yield Project(place, head_commit(place))
        return
    with ExitStack() as stack:
        commit = ""
        if source.kind == "archive":
            tree = _archive(place, limit)
        else:
            repository = place
            if source.kind in {"url", "bundle"}:
                repository = Path(stack.enter_context(_folder(None))) / "repository.git"
                revision = _fetched(source, revision, repository)
            commit = _commit(repository, revision)
            tree = _tree(repository, commit, limit)
        yield Project(Path(stack.enter_context(_laid_out(tree)), _ROOT), commit)


def _folder(place: str | None) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=place, ignore_cleanup_errors=True)


def clean_up_after(process: int) -> None:
    """Remove the folders that a process has left which was ended while it worked."""
    for place in (tempfile.gettempdir(), _MEMORY):
        for left in Path(place).glob(f"{_PREFIX}{process}-*"):
            shutil.rmtree(left, ignore_errors=True)


def _laid_out(tree: _Tree) -> tempfile.TemporaryDirectory[str]:
    """The files of ``tree``, in memory where there is room, as a small file on a disk takes as long as to judge it."""
    size = sum(entry.size + _PAGE for entry in tree.wanted) + _NAME * len(tree.files)
    for place in (_MEMORY, None) if _has_room(size) else (None,):
        folder = _folder(place)
        try:
            root = Path(folder.name, _ROOT)
            root.mkdir()
            lay_out(tree.files, tree.wanted, tree.links, tree.read, root)
        except BaseException as error:
            folder.cleanup()
            if place is None or not isinstance(error, OSError):
                raise
        else:
            return folder
    raise AssertionError


def _has_room(size: int) -> bool:
    """Whether the folder in memory takes ``size`` bytes, and has more to spare. Who names a TMPDIR wants files there."""
    try:
        status = os.statvfs(_MEMORY)
    except (AttributeError, OSError):
        return False
    mine = "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK | os.X_OK)
    return mine and size <= _IN_MEMORY and 4 * size <= status.f_bavail * status.f_frsize


class inside:  # noqa: N801 - used as a function
    """Work in a folder: what a report names is then relative to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._before = os.getcwd()  # noqa: PTH109
        os.chdir(self._folder)

    def __exit__(self, *_: object) -> None:
        os.chdir(self._before)


def head_commit(folder: Path) -> str:
    """The commit that is checked out in ``folder``, read from the files of git; empty where they don't tell.

    Those files are the repository's: what they name is read as far as it is a file, and is no answer unless it is a hash.
    """
    git = folder / ".git"
    try:
        if git.is_file():
            git = folder / _text(git).partition("gitdir:")[2].strip()
        head = _text(git / "HEAD")
        name = head.removeprefix("ref:").strip()
        if name == head:
            return _commit_in(head)
        common = git / _text(git / "commondir") if (git / "commondir").is_file() else git
        for place in (git / name, common / name):
            if place.is_file():
                return _commit_in(_text(place))
        packed = _text(common / "packed-refs").splitlines()
        return next((_commit_in(line.split()[0]) for line in packed if line.endswith(f" {name}")), "")
    except (OSError, ValueError, UnicodeError):
        return ""


def _text(path: Path) -> str:
    return read_file(path, limit=MAX_SIZE).decode("utf-8").strip()


def _commit_in(text: str) -> str:
    return text if _COMMIT.fullmatch(text) else ""


# -- git -----------------------------------------------------------------------------------------------------------


def _git(arguments: Sequence[str], *, given: bytes = b"", network: bool = False) -> bytes:
    """What git prints. Raises SourceError with the first line of what it says."""
    asked = () if network else ("-c", "protocol.allow=never")
    try:
        done = subprocess.run(  # noqa: S603 - git; a revision and paths stand behind what ends options
            [*GIT, *asked, *arguments], input=given, capture_output=True, env=environment(own=network), check=False
        )
    except OSError as error:
        raise SourceError(f"git can't be run: {error.strerror or error}") from None
    if done.returncode:
        raise SourceError(complaint(done.stderr))
    return done.stdout


def _fetched(source: Source, revision: str | None, repository: Path) -> str:
    """Fetch what is asked for of a URL or a bundle into a new repository, and return its commit."""
    _git(["init", "--quiet", "--bare", str(repository)])
    at = f"--git-dir={repository}"
    if source.kind == "url":
        wanted = revision or "HEAD"
        if wanted.startswith("-"):
            raise SourceError(f"{wanted} is not a revision")
        _git([at, "fetch", "--quiet", "--depth=1", "--no-tags", "--", source.place, wanted], network=True)
        return "FETCH_HEAD"
    _git(
        [at, "-c", "protocol.file.allow=always", "fetch", "--quiet", "--", source.place, "+refs/*:refs/*"], network=True
    )
    if revision is not None:
        return revision
    heads = _git(["bundle", "list-heads", source.place], network=True).decode("utf-8", "replace").split()
    if not heads:
        raise SourceError("a bundle without a branch")
    by_name = dict(zip(heads[1::2], heads[::2], strict=True))
    usual = ("HEAD", "refs/heads/main", "refs/heads/master")
    return next((by_name[name] for name in usual if name in by_name), heads[0])


def _commit(repository: Path, revision: str | None) -> str:
    wanted = f"{revision or 'HEAD'}^{{commit}}"
    try:
        found = _git(["-C", str(repository), "rev-parse", "--verify", "--quiet", "--end-of-options", wanted])
    except SourceError:
        raise SourceError(f"no commit {revision}" if revision else "no commit to check: HEAD leads nowhere") from None
    return found.decode().strip()


def _tree(repository: Path, commit: str, limit: int) -> _Tree:
    listed = _git(["-C", str(repository), "ls-tree", "-r", "-z", "--long", "--full-tree", commit])

    def read(wanted: Sequence[Entry]) -> Iterator[bytes | None]:
        asked = "".join(f"{entry.key}\n" for entry in wanted).encode()
        return contents(_git(["-C", str(repository), "cat-file", "--batch"], given=asked), len(wanted))

    try:
        return _Tree.of(tree_entries(listed), read, limit)
    except TooManyFilesError as error:
        raise SourceError(str(error)) from None


# -- archives ------------------------------------------------------------------------------------------------------


def _archive(place: Path, limit: int) -> _Tree:
    entries: list[Entry] = []
    contents: dict[str, bytes] = {}
    total = 0
    try:
        with place.open("rb") as file:
            archive = TarReader(Unpacked(file, MAX_UNPACKED))
            for member in archive:
                if len(entries) >= MAX_FILES:
                    raise SourceError(str(TooManyFilesError()))
                if member.kind not in {"file", "symlink"}:
                    continue
                link = member.kind == "symlink"
                entry = Entry(member.path.removeprefix("./"), member.size, str(len(entries)), link=link)
                entries.append(entry)
                if entry.link:
                    contents[entry.key] = os.fsencode(member.link)
                elif _matters(entry):
                    total += entry.size
                    if total > limit:
                        raise SourceError(_too_much(limit))
                    contents[entry.key] = archive.read(entry.size)
    except (ArchiveError, OSError) as error:
        raise SourceError(f"not a readable archive: {error}") from None
    tops = {entry.path.partition("/")[0] for entry in entries}
    if len(tops) == 1 and all("/" in entry.path for entry in entries):  # as archives of a release have it
        entries = [Entry(one.path.partition("/")[2], one.size, one.key, one.link) for one in entries]
    return _Tree.of(entries, lambda wanted: (contents.get(entry.key, b"") for entry in wanted), limit)


# -- both ----------------------------------------------------------------------------------------------------------


def _matters(entry: Entry) -> bool:
    """Whether the content of a file may be read by a judgement."""
    if names_builds(entry.path):
        return entry.size <= _LARGE
    *folders, name = entry.path.lower().split("/")
    if name.endswith(_NOT_READ) or not OTHERS_CODE.isdisjoint(folders):
        return False
    says = name.endswith(_SAYS_WHAT_IS_INSTALLED) or "." not in name.lstrip(".")
    return entry.size <= (_LARGE if says else _SMALL)


def _too_much(limit: int) -> str:
    shown = f"{limit // MEBIBYTE:,} MiB" if limit >= MEBIBYTE else f"{limit:,} bytes"
    return f"more than {shown} of files that matter"
