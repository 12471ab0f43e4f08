"""What a build fetches from repositories: ``git clone``, ``curl``, ``wget``, ADD of a URL, and what ``tar`` and ``unzip``
make of it.

The repository that the Dockerfile lies in is at hand; others are asked for by the resolver. What can't be had is there and
can't be read, with the reason.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.python.forges import Remote, download, repository, required
from dockerlint_alpine.python.formats.project import name_of
from dockerlint_alpine.python.model import normalise
from dockerlint_alpine.python.requirement import REPOSITORY
from dockerlint_alpine.python.resolve import NOBODY_ASKED, ResolverError
from dockerlint_alpine.stages.context import BuildContext
from dockerlint_alpine.stages.elsewhere import folder_files
from dockerlint_alpine.stages.files import DOWNLOADED, FromContext, FromStage, StageFiles, Unread
from dockerlint_alpine.stages.walk import Archive
from dockerlint_alpine.system.addresses import redact
from dockerlint_alpine.system.files import project_root
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.python.model import Requested
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Arg, Instruction

_MAIN_BRANCHES = frozenset({"", "main", "master", "trunk", "dev", "devel", "develop"})
_URL = lazy_pattern(r"(?m)^\s*url\s*=\s*(\S+)")
_CLONE_VALUES = frozenset(
    "-o --origin -u --upload-pack --reference --depth -c --config -j --jobs --filter --template".split()
)
"""Options of ``git clone`` whose value is a word of its own."""
_CURL_VALUES = frozenset("AbcCdeEFhHKmPQrtTuUwxXyYz")
"""One-letter options of curl(1) whose value follows; ``-o`` apart."""
_CURL_LONG = frozenset(
    "--header --user-agent --data --cookie --retry --retry-delay --retry-max-time --connect-timeout --max-time --request"
    " --proxy --user --write-out --referer --cacert --cert --key --form --tlsv1 --ciphers --resolve --limit-rate".split()
)
_WGET_VALUES = frozenset("aeotTwQUBiDARXIl")
"""One-letter options of wget(1) whose value follows; ``-O`` and ``-P`` apart."""
_TAR_VALUES = frozenset("bCfFHIKLNTVX")
_NO_FILE = frozenset({None, "-", "/dev/stdout"})


def git(walk: StageWalk, instruction: Instruction, args: Sequence[Arg], folder: str) -> None:
    """``git clone URL [DIR]``, and ``git checkout REVISION`` in what was cloned."""
    words = [arg.text for arg in args[1:]]
    while words[:1] == ["-C"] or words[:1] == ["-c"]:
        folder = absolute(words[1], folder) if words[0] == "-C" and len(words) > 1 else folder
        words = words[2:]
    if words[:1] in (["checkout"], ["switch"], ["reset"]):
        cloned = walk.clones.get(folder)
        if cloned is not None:
            revision = next((word for word in reversed(words[1:]) if not word.startswith("-")), "$")
            walk.files = walk.files.without([cloned[1]])
            _clone(walk, instruction, cloned[0].at(revision), folder)
        return
    if words[:1] != ["clone"]:
        return
    plain: list[str] = []
    branch, rest = "", iter(words[1:])
    for word in rest:
        name, _, value = word.partition("=")
        if name in {"-b", "--branch"}:
            branch = value or next(rest, "$")
        elif name in _CLONE_VALUES and not value:
            next(rest, None)
        elif not word.startswith("-"):
            plain.append(word)
    remote = repository(plain[0].partition("#")[0]) if plain else None
    if remote is None or any("$" in word for word in plain):
        return
    if branch:
        remote = remote.at(branch)
    base = posixpath.basename(plain[0].rstrip("/")).removesuffix(".git")
    _clone(walk, instruction, remote, absolute(plain[1] if len(plain) > 1 else base, folder))


def _clone(walk: StageWalk, instruction: Instruction, remote: Remote, target: str) -> None:
    _place(walk, instruction, remote, _files_of(walk, remote), target)
    walk.clones[target] = remote, walk.files.placements[-1]


def fetch(
    walk: StageWalk, instruction: Instruction, args: Sequence[Arg], folder: str, redirected: str | None
) -> Archive | None:
    """``curl`` and ``wget``: files of a repository and archives of it lie where they are saved, be it by a redirection; an
    archive that goes to standard output is returned."""
    name = posixpath.basename(args[0].text)
    urls, outputs, into = _downloads(name, [arg.text for arg in args[1:]])
    piped = None
    for number, url in enumerate(urls):
        remote = download(url)
        if remote is None:
            continue
        given = outputs[number] if number < len(outputs) else "" if name == "wget" else None
        given = redirected if given in _NO_FILE else given
        if given is None and remote.kind == "archive":
            piped = Archive(remote, _files_of(walk, remote))
            continue
        given = given if given is not None else DOWNLOADED
        if given == "/dev/null":
            continue
        own = posixpath.basename(url.partition("?")[0].rstrip("/"))
        _save(walk, instruction, remote, absolute(given or own, absolute(into, folder)))
    return piped


def add(walk: StageWalk, instruction: Instruction, url: str, target: str, *, into: bool) -> bool:
    """``ADD URL TARGET``; tell whether the URL is that of a repository or a file of one."""
    plain = url.partition("#")[0].partition("?")[0].rstrip("/")
    remote = repository(url) if plain.endswith(".git") else download(url)
    if remote is None:
        return False
    if remote.kind == "repository":
        _place(walk, instruction, remote, _files_of(walk, remote), target, inner=remote.inner)
    else:
        _save(walk, instruction, remote, posixpath.join(target, posixpath.basename(plain)) if into else target)
    return True


def unpack(walk: StageWalk, instruction: Instruction, args: Sequence[Arg], folder: str, piped: Archive | None) -> None:
    """``tar -x`` and ``unzip`` of an archive of a repository."""
    name = posixpath.basename(args[0].text)
    words = [arg.text for arg in args[1:]]
    file, target, strip, plain = _unzip(words) if name == "unzip" else _untar(words)
    if file is None or plain or not all(arg.known for arg in args):
        return
    archive = piped if file in _NO_FILE else walk.archives.get(absolute(file, folder))
    place = absolute(target, folder)
    if archive is None or strip > 1:
        return
    if not strip:
        if not archive.remote.top:
            return
        place = posixpath.join(place, archive.remote.top)
    _place(walk, instruction, archive.remote, archive.files, place)


def bring(walk: StageWalk, urls: Iterable[str]) -> bool:
    """Let the stage's files have the repositories that URLs of requirements, and of files of them, name; tell whether any is
    new."""
    new = False
    for url in urls:
        remote = required(url)
        if remote is None or walk.files.exists(remote.folder):
            continue
        files = _files_of(walk, remote)
        if isinstance(files, StageFiles):
            walk.files = walk.files.place(FromStage("/", remote.folder, files))
            new = True
        else:
            walk.unfetched[redact(url)] = files
    return new


def check_out(walk: StageWalk, instruction: Instruction, requested: Iterable[Requested], folder: str) -> None:
    """Put the repositories of requirements into ``folder``, each by the name of its distribution."""
    for one in requested:
        remote = repository(one.url or "")
        if remote is not None and one.name is not None:
            _place(walk, instruction, remote, _files_of(walk, remote), posixpath.join(folder, one.name))


def show_repository(walk: StageWalk) -> bool:
    """Let the stage's files have the repository that the Dockerfile lies in, for what git would fetch from it; tell whether
    that is new."""
    if walk.files.exists(REPOSITORY):
        return False
    files = folder_files(str(project_root(walk.build.context.root)), walk.build.context.looked_at, shown_as="")
    walk.files = walk.files.place(FromStage("/", REPOSITORY, files))
    return True


def _save(walk: StageWalk, instruction: Instruction, remote: Remote, target: str) -> None:
    if remote.kind == "archive":
        walk.archives[target] = Archive(remote, _files_of(walk, remote))
    else:
        _place(walk, instruction, remote, _files_of(walk, remote), target, inner=remote.inner)


def _place(
    walk: StageWalk, instruction: Instruction, remote: Remote, files: StageFiles | str, target: str, *, inner: str = ""
) -> None:
    if isinstance(files, StageFiles):
        walk.files = walk.files.place(FromStage(posixpath.join("/", inner), target, files))
        if remote.kind != "file":
            walk.files = walk.files.with_directory(target)
    else:
        reason = f"line {instruction.line} fetches it from {remote.name}{files}"
        walk.files = walk.files.place(Unread(target, reason, below=remote.kind != "file"))


def _files_of(walk: StageWalk, remote: Remote) -> StageFiles | str:
    """The files of a repository, or why they are not known, in words that follow its name."""
    if _is_own(walk, remote):
        files = replace(walk.files, placements=tuple(one for one in walk.files.placements if one.target == REPOSITORY))
        return StageFiles(walk.build.context).place(FromStage(REPOSITORY, "/", files))
    if walk.build.repository is None:
        return ""
    try:
        folder = walk.build.repository(remote)
    except ResolverError as error:
        return " (--online reads it)" if str(error) == NOBODY_ASKED else f": {error}"
    sure = remote.exact and remote.revision is not None
    context = BuildContext(
        folder, shown_as=remote.name, looked_at=walk.build.context.looked_at, fetched="as told" if sure else "guessed"
    )
    return StageFiles(context).place(FromContext("", "/", is_dir=True))


def _is_own(walk: StageWalk, remote: Remote) -> bool:
    """Whether a repository is the one that the Dockerfile lies in, as its remotes tell or the name of its project, at a
    revision that the files may be of."""
    if remote.revision not in _MAIN_BRANCHES:
        return False
    show_repository(walk)
    try:
        config = walk.files.read(f"{REPOSITORY}/.git/config").decode("utf-8", "replace")
    except OSError:
        config = ""
    remotes = {found.name.lower() for url in _URL.findall(config) if (found := repository(url)) is not None}
    own = remote.name.lower() in remotes
    return own or name_of(REPOSITORY, walk.files) == normalise(posixpath.basename(remote.path))


def _downloads(name: str, words: Sequence[str]) -> tuple[list[str], list[str | None], str]:
    """The URLs of a ``curl`` or ``wget``, where each is saved (``None``: standard output; empty: by its own name), and the
    folder for that."""
    urls: list[str] = []
    outputs: list[str | None] = []
    into, rest = ".", iter(words)
    for word in rest:
        if "://" in word and not word.startswith("-"):
            urls.append(word)
        for option, value in _options(word, rest, name):
            match _MEANINGS.get(option) or _MEANINGS.get(f"{name} {option}"):
                case "url":
                    urls.append(value)
                case "output":
                    outputs.append(value or None)
                case "folder":
                    into = value
                case "own name":
                    outputs.append("")
    return urls, outputs, into


_MEANINGS = {
    "--url": "url",
    "--output": "output",
    "--output-document": "output",
    "curl o": "output",
    "wget O": "output",
    "--output-dir": "folder",
    "--directory-prefix": "folder",
    "wget P": "folder",
    "--remote-name": "own name",
    "--remote-name-all": "own name",
    "curl O": "own name",
}
"""What options of curl(1) and wget(1) mean for what is downloaded to where."""


def _options(word: str, rest: Iterator[str], name: str) -> Iterator[tuple[str, str]]:
    """The options of one word (``-sSLo``, ``--output=x``), each with its value, which may be the next word of ``rest``."""
    if word.startswith("--"):
        option, equals, value = word.partition("=")
        takes = option in _CURL_LONG or _MEANINGS.get(option) in {"url", "output", "folder"}
        yield option, value if equals or not takes else next(rest, "")
    elif word.startswith("-"):
        for letter, follows in _letters(word[1:], name):
            yield letter, (follows or next(rest, "")) if letter in _valued(name) else ""


def _valued(name: str) -> frozenset[str]:
    return _CURL_VALUES | {"o"} if name == "curl" else _WGET_VALUES | {"O", "P"}


def _letters(cluster: str, name: str) -> Iterator[tuple[str, str]]:
    """The letters of ``-sSLo`` one by one; what follows one that takes a value is that value."""
    for position, letter in enumerate(cluster):
        if letter in _valued(name):
            yield letter, cluster[position + 1 :]
            return
        yield letter, ""


def _untar(words: Sequence[str]) -> tuple[str | None, str, int, list[str]]:
    """The archive of ``tar -x`` (``-`` for standard input, ``None`` where none is unpacked), the folder it is unpacked to,
    how many folders are stripped, and the members that are asked for."""
    file, target, strip, plain = "-", ".", 0, list[str]()
    unpacks, rest = False, iter(words)
    for number, word in enumerate(rest):
        option, _, value = word.partition("=")
        if option.startswith("--strip"):
            value = value or next(rest, "")
            strip = int(value) if value in {"0", "1"} else 99
        elif option in {"--file", "--directory"}:
            value = value or next(rest, "-")
            file, target = (value, target) if option == "--file" else (file, value)
        elif word in {"--extract", "--get"}:
            unpacks = True
        elif word.startswith("--"):
            continue
        elif word.startswith("-") or not number:
            letters = word.removeprefix("-")
            for position, letter in enumerate(letters):
                unpacks = unpacks or letter == "x"
                if letter in _TAR_VALUES:
                    joined = letters[position + 1 :] if word.startswith("-") else ""
                    value = joined or next(rest, "")
                    file = value if letter == "f" else file
                    target = value if letter == "C" else target
                    if joined:
                        break
        else:
            plain.append(word)
    return file if unpacks else None, target, strip, plain


def _unzip(words: Sequence[str]) -> tuple[str | None, str, int, list[str]]:
    target, plain, rest = ".", list[str](), iter(words)
    for word in rest:
        if word == "-d":
            target = next(rest, ".")
        elif not word.startswith("-"):
            plain.append(word)
    return plain[0] if plain else None, target, 0, plain[1:]
