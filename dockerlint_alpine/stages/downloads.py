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
from dockerlint_alpine.system.options import OptionTable, scan
from dockerlint_alpine.system.paths import absolute
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockerlint_alpine.python.model import Requested
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Arg, Instruction

_MAIN_BRANCHES = frozenset({"", "main", "master", "trunk", "dev", "devel", "develop"})
_URL = lazy_pattern(r"(?m)^\s*url\s*=\s*(\S+)")
_GIT = OptionTable.build(
    "--branch -b, -C, --config -c, --origin -o, --upload-pack -u, --reference, --depth, --jobs -j, --filter, --template",
    others="flag",
)
_LONG = (
    "--header,--user-agent,--data,--cookie,--retry,--retry-delay,--retry-max-time,--connect-timeout,--max-time,--request,"
    "--proxy,--user,--write-out,--referer,--cacert,--cert,--key,--form,--tlsv1,--ciphers,--resolve,--limit-rate,--url"
)
_DOWNLOADERS = {
    "curl": OptionTable.build(
        f"--output -o, --output-dir, {_LONG}, {','.join(f'-{one}' for one in 'AbcCdeEFhHKmPQrtTuUwxXyYz')}",
        "--remote-name -O --remote-name-all",
        others="flag",
    ),
    "wget": OptionTable.build(
        f"--output -O --output-document, --output-dir -P --directory-prefix, {_LONG},"
        f"{','.join(f'-{one}' for one in 'aeotTwQUBiDARXIl')}",
        others="flag",
    ),
}
"""The options of curl(1) and wget(1) whose value follows."""
_TAR = OptionTable.build(
    "--file -f, --directory -C, --strip-components --strip --strip-path, -b, -F, -H, -I, -K, -L, -N, -T, -V, -X",
    "--extract -x --get",
    others="flag",
)
_UNZIP = OptionTable.build("-d", others="flag")
_NO_FILE = frozenset({None, "-", "/dev/stdout"})


def git(walk: StageWalk, instruction: Instruction, args: Sequence[Arg], folder: str) -> None:
    """``git clone URL [DIR]``, and ``git checkout REVISION`` in what was cloned."""
    words = [arg.text for arg in args[1:]]
    plain: list[str] = []
    branch = ""
    for word in scan(words, _GIT)[0]:
        if word.option is None:
            plain.append(word.value)
        elif word.option == "-C" and not plain:
            folder = absolute(word.value, folder)
        elif word.option == "--branch":
            branch = word.value or "$"
    if plain[:1] in (["checkout"], ["switch"], ["reset"]):
        cloned = walk.clones.get(folder)
        if cloned is not None:
            behind = words[words.index(plain[0]) + 1 :]
            revision = next((word for word in reversed(behind) if not word.startswith("-")), "$")
            walk.files = walk.files.without([cloned[1]])
            _clone(walk, instruction, cloned[0].at(revision), folder)
        return
    remote = repository(plain[1].partition("#")[0]) if plain[:1] == ["clone"] and plain[1:] else None
    if remote is None or any("$" in word for word in plain):
        return
    if branch:
        remote = remote.at(branch)
    base = posixpath.basename(plain[1].rstrip("/")).removesuffix(".git")
    _clone(walk, instruction, remote, absolute(plain[2] if len(plain) > 2 else base, folder))


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
    file, target, strip, plain = _unzip(words) if name == "unzip" else read_tar(words)
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
    config = (walk.files.content(f"{REPOSITORY}/.git/config") or b"").decode("utf-8", "replace")
    remotes = {found.name.lower() for url in _URL.findall(config) if (found := repository(url)) is not None}
    own = remote.name.lower() in remotes
    return own or name_of(REPOSITORY, walk.files) == normalise(posixpath.basename(remote.path))


def _downloads(name: str, words: Sequence[str]) -> tuple[list[str], list[str | None], str]:
    """The URLs of a ``curl`` or ``wget``, where each is saved (``None``: standard output; empty: by its own name), and the
    folder for that."""
    urls: list[str] = []
    outputs: list[str | None] = []
    into = "."
    for word in scan(words, _DOWNLOADERS[name])[0]:
        match word.option:
            case None if "://" in word.value:
                urls.append(word.value)
            case "--url":
                urls.append(word.value)
            case "--output":
                outputs.append(word.value or None)
            case "--output-dir":
                into = word.value
            case "--remote-name":
                outputs.append("")
    return urls, outputs, into


def read_tar(words: Sequence[str]) -> tuple[str | None, str, int, list[str]]:
    """The archive of ``tar -x`` (``-`` for standard input, ``None`` where none is unpacked), the folder it is unpacked to,
    how many folders are stripped, and the members that are asked for."""
    if words and not words[0].startswith("-"):  # tar xzf FILE: the values follow behind all letters
        rest = iter(words[1:])
        letters = [
            f"-{letter}{next(rest, '') if _TAR.takes_value(_TAR.name(f'-{letter}')) else ''}" for letter in words[0]
        ]
        words = [*letters, *rest]
    found = scan(words, _TAR)[0]
    given = {word.option: word.value for word in found}
    strip = {"0": 0, "1": 1}.get(given.get("--strip-components", "0"), 99)
    file = given.get("--file", "-") if "--extract" in given else None
    return file, given.get("--directory", "."), strip, [word.value for word in found if word.option is None]


def _unzip(words: Sequence[str]) -> tuple[str | None, str, int, list[str]]:
    found = scan(words, _UNZIP)[0]
    target = next((word.value for word in found if word.option == "-d"), ".")
    plain = [word.value for word in found if word.option is None]
    return plain[0] if plain else None, target, 0, plain[1:]
