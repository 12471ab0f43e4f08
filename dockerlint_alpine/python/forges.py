"""Addresses of repositories, and of what forges make of them: archives of a revision, and single files.

Only the text is looked at. Shapes: GitHub and its hosts for archives and files, GitLab (``/-/archive/``, ``/-/raw/``), Gitea
(``/archive/``, ``/raw/branch/``), Bitbucket (``/get/``); VCS URLs as pip (``git+https://``), BuildKit and git write them.
"""

from __future__ import annotations

import posixpath
from typing import Literal, TypeAlias
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.system.patterns import lazy_pattern

Kind: TypeAlias = Literal["repository", "archive", "file"]

ELSEWHERE = "/other repositories"
"""Below it, a reader shows repositories other than the Dockerfile's own."""

_GIT = lazy_pattern(r"(?:[a-z+]+://(?:[^@/]*@)?|[^@/:]*@)([\w.-]+)(?::\d+)?[/:]([\w./~-]+?)(?:\.git)?(?:@([^#]*))?")
_WEB = lazy_pattern(r"https?://(?:[^@/]*@)?(?P<host>[\w.-]+)(?::\d+)?/(?P<path>[^?#]*)")
_HOSTS = {
    "codeload.github.com": "github.com",
    "api.github.com": "github.com",
    "raw.githubusercontent.com": "github.com",
    "raw.github.com": "github.com",
}
_PACKED = r"\.(?:tar\.gz|tar\.bz2|tar\.xz|tgz|tar|zip)"
_REF = r"(?:refs/(?:heads|tags)/)?"
_ARCHIVES = lazy_pattern(
    "|".join(
        (
            rf"(?P<gitlab>.+)/-/archive/(?P<a>[^/]+)/[^/]+{_PACKED}",
            rf"(?P<forge>[^/]+/[^/]+)/(?:archive|get)/{_REF}(?P<b>.+?){_PACKED}",
            rf"(?P<packed>[^/]+/[^/]+)/(?:tarball|zipball|(?:legacy\.)?(?:tar\.gz|zip))/{_REF}(?P<c>.+)",
            r"(?P<latest>[^/]+/[^/]+)/(?:tarball|zipball)/?",
            rf"(?P<asset>[^/]+/[^/]+)/releases/download/(?P<d>[^/]+)/(?P<name>[^/]+){_PACKED}",
            rf"(?P<newest>[^/]+/[^/]+)/releases/latest/download/(?P<same>[^/]+){_PACKED}",
        )
    )
)
_FILES = lazy_pattern(
    "|".join(
        (
            r"(?P<gitlab>.+)/-/(?:raw|blob)/(?P<a>[^/]+)/(?P<x>.+)",
            r"(?P<gitea>[^/]+/[^/]+)/raw/(?:branch|tag|commit)/(?P<b>[^/]+)/(?P<y>.+)",
            rf"(?P<forge>[^/]+/[^/]+)/(?:raw|blob)/{_REF}(?P<c>[^/]+)/(?P<z>.+)",
        )
    )
)
_SOURCES = lazy_pattern(r"(?i)\b(?:src|sources?)\b")
_VERSION = lazy_pattern(r"(?:[-_.v\d]|\$\{?\w+\}?)*")
_VARIABLE = lazy_pattern(r"\$\{?\w+\}?")
_RAW = lazy_pattern(rf"(?P<repository>[^/]+/[^/]+)/{_REF}(?P<revision>[^/]+)/(?P<inner>.+)")


class Remote(Struct, frozen=True):
    """Something of a repository: ``host`` and ``path`` (``owner/name``) name it; ``revision`` is a branch, a tag or a
    commit, empty for its main branch, ``None`` where a variable hides it.

    ``inner`` is the file or folder that is meant, below the repository's top; ``top`` is the folder that an archive has on
    top, empty where that is not known. ``exact`` is false for an archive that somebody packed: it may hold other files than
    the revision it is attached to.
    """

    host: str
    path: str
    revision: str | None = ""
    kind: Kind = "repository"
    inner: str = ""
    top: str = ""
    exact: bool = True

    @property
    def name(self) -> str:
        """The repository for messages: ``github.com/owner/name``."""
        return f"{self.host}/{self.path}"

    @property
    def url(self) -> str:
        """Where git fetches it from, without a login."""
        return f"https://{self.name}.git"

    def at(self, revision: str) -> Remote:
        """The same at another revision, as it is written for git."""
        return replace(self, revision=_known(revision))

    @property
    def folder(self) -> str:
        """Where a reader shows it; ``inner`` not counted."""
        revision = "?" if self.revision is None else self.revision.replace("/", "%2F")
        return f"{ELSEWHERE}/{self.name}@{revision}"


def repository(url: str) -> Remote | None:
    """The repository that git is told to clone, or pip (``git+https://host/owner/name@rev#subdirectory=x``) or ADD
    (``https://host/owner/name.git#ref:folder``) to fetch; ``None`` for what is no such URL or hides which one."""
    plain, _, fragment = url.partition("#")
    match = _GIT.fullmatch(plain.rstrip("/"))
    if match is None or "$" in match[1] + match[2] or "/" not in match[2]:
        return None
    revision, inner = match[3] or "", ""
    if fragment:
        parts = dict(part.partition("=")[::2] for part in fragment.split("&"))
        inner = parts.get("subdirectory", "")
        if "=" not in fragment:  # as BuildKit has it
            revision, _, inner = fragment.partition(":")
    return _remote(match[1], match[2], _known(revision), inner=_inside(unquote(inner)))


def download(url: str) -> Remote | None:
    """The file or archive of a repository that ``url`` downloads; ``None`` for any other URL, and one that hides which."""
    match = _WEB.match(url)
    if match is None:
        return None
    host, path = match["host"].lower(), unquote(match["path"]).strip("/")
    raw = host.startswith("raw.github")
    if host == "api.github.com":
        path = path.removeprefix("repos/")
    found = (_RAW if raw else _FILES).fullmatch(path)
    if found is not None:
        named, revision, inner = (group for group in found.groups() if group is not None)
        return _remote(_HOSTS.get(host, host), named, _known(revision), "file", _inside(inner))
    packed = _ARCHIVES.fullmatch(path) if not raw else None
    if packed is None:
        return None
    named, *rest = (group for group in packed.groups() if group is not None)
    revision = "" if packed["latest"] else "$" if packed["newest"] else rest[0]
    top = ""
    asset = packed["name"] or packed["same"]
    if asset and not _holds_sources(asset, posixpath.basename(named)):
        return None
    if (packed["forge"] and host != "bitbucket.org") or packed["gitlab"]:
        number = host == "github.com" and revision[:1] == "v" and revision[1:2].isdigit()
        top = f"{posixpath.basename(named)}-{(revision[1:] if number else revision).replace('/', '-')}"
    elif packed["asset"]:
        top = packed["name"]
    return _remote(_HOSTS.get(host, host), named, _known(revision), "archive", top=top, exact=not asset)


def _holds_sources(asset: str, project: str) -> bool:
    """Whether an archive that was uploaded to a release is called as those of sources are: ``app-1.2``, ``App-1.2-src``."""
    rest = asset[len(project) :] if asset.lower().startswith(project.lower()) else asset
    return _SOURCES.search(asset) is not None or (rest != asset and _VERSION.fullmatch(rest) is not None)


def required(url: str) -> Remote | None:
    """The repository that the URL of a requirement names, as pip fetches it: an archive, or by git; ``None`` for neither."""
    return download(url) or repository(url)


def _remote(
    host: str,
    path: str,
    revision: str | None,
    kind: Kind = "repository",
    inner: str | None = "",
    top: str = "",
    *,
    exact: bool = True,
) -> Remote | None:
    if inner is None or "$" in path + inner or any(part in {"", ".", ".."} for part in path.split("/")):
        return None
    top = _VARIABLE.sub("", top)  # as a WORKDIR has it that names the same folder
    return Remote(host.lower(), path, revision, kind, inner, "" if "$" in top or "`" in top else top, exact)


def _known(revision: str) -> str | None:
    """A revision as git takes it; ``None`` where something hides it, or what is written is none (gitrevisions(7))."""
    hidden = revision.startswith("-") or any(char in "$`(){}*?[\\^~: " or not char.isprintable() for char in revision)
    return None if hidden else "" if revision == "HEAD" else revision


def _inside(path: str) -> str | None:
    """A path below the top of a repository, ``None`` for one that leads out of it."""
    inner = posixpath.normpath(path) if path else ""
    return None if inner.startswith(("/", "..")) else "" if inner == "." else inner
