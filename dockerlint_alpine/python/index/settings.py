"""Which indexes an installation uses, and with which credentials: options, environment and configuration of pip and uv.

Credentials come from, in pip's order: the URL, an index of the same host that has them, uv's ``UV_INDEX_NAME_USERNAME`` and
``_PASSWORD``, netrc, and, where ``UV_KEYRING_PROVIDER`` or ``PIP_KEYRING_PROVIDER`` asks for it, the program ``keyring``.
They are never part of a message or of what is kept.
"""

from __future__ import annotations

import netrc
import os
import re
import urllib.parse
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from dockerlint_alpine.python.model import IndexOptions
from dockerlint_alpine.system import child
from dockerlint_alpine.system.child import ChildError, Limits
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.web import split_login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dockerlint_alpine.system.child import Finished

Login: TypeAlias = tuple[str, str]
"""User and password."""

_DEFAULT_INDEX = lazy_pattern(r"by default: <(https?://[^>]+)>")
_NAMED_URL = lazy_pattern(r"(?:([A-Za-z0-9._-]+)=)?(https?://\S+)")
_PIP_CONFIGURED = ("index-url", "extra-index-url", "keyring-provider")
_NOTHING_SAID = IndexOptions()
_MIRRORS = frozenset(
    """mirror.baidu.com mirror.nju.edu.cn mirror.sjtu.edu.cn mirrors.163.com mirrors.aliyun.com mirrors.bfsu.edu.cn
    mirrors.cloud.tencent.com mirrors.huaweicloud.com mirrors.pku.edu.cn mirrors.sustech.edu.cn mirrors.tencent.com
    mirrors.tuna.tsinghua.edu.cn mirrors.ustc.edu.cn mirrors.zju.edu.cn pypi.douban.com pypi.doubanio.com
    pypi.hustunique.com pypi.mirrors.ustc.edu.cn pypi.python.org pypi.tuna.tsinghua.edu.cn repo.huaweicloud.com""".split()
)
"""Hosts of public mirrors of the Python Package Index (their own help pages), and its own former one."""
_KEYRING_TIMEOUT = 20.0
"""Seconds that the keyring may take: it may have to be unlocked."""
_HELP_TIMEOUT = 20.0
"""Seconds that uv may take to say what its options are."""


def index_urls(options: IndexOptions, variables: Mapping[str, str], uv: str) -> list[str]:
    """Return the simple-index URLs that an installation asks: its own options, else pip's and uv's configuration.

    ``variables`` is the process environment. The built-in default is taken from the uv program's own help.
    """
    if options.no_index:
        return []
    configured = pip_configuration(variables)
    main = options.index_url or variables.get("PIP_INDEX_URL") or _url_of(variables.get("UV_DEFAULT_INDEX"))
    main = main or variables.get("UV_INDEX_URL") or configured.get("index-url") or _default_index(uv)
    extra = list(options.extra_index_urls)
    for name in ("PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
        extra += [match[2] for match in _NAMED_URL.finditer(variables.get(name, ""))]
    extra += configured.get("extra-index-url", "").split()
    web = [url for url in [main, *extra] if url and url.startswith(("http://", "https://"))]
    return list(dict.fromkeys(web))


def foreign_address(options: IndexOptions, urls: Iterable[str], variables: Mapping[str, str], uv: str) -> str | None:
    """Return an address that the project chose and the user's own configuration does not know, without its login.

    ``options`` are those of the project's files, ``urls`` what its requirements name. The user knows the indexes and link
    pages of the configuration of pip and uv, and uv's default; a requirement's URL may lead to the host of one of them. To
    look at a project must not make this machine call wherever the project says.
    """
    own = [*index_urls(_NOTHING_SAID, variables, uv), *filter(None, [_default_index(uv)])]
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        own += [match[2] for match in _NAMED_URL.finditer(variables.get(name, "").replace(",", " "))]
    known = {_place(url) for url in own}
    hosts = {urllib.parse.urlsplit(place).netloc for place in known}
    for url in filter(None, (options.index_url, *options.extra_index_urls, *options.link_pages, options.locked_at)):
        if _place(url) not in known:
            return _place(url)
    return next((_place(url) for url in urls if "://" in url and _host(url) not in hosts | {""}), None)


def without_mirrors(options: IndexOptions) -> IndexOptions:
    """Return ``options`` without the public mirrors among the indexes: they have what the default index has, and that is
    asked instead."""

    def other(url: str | None) -> str | None:
        place = _place(url) if url is not None else ""
        return None if place.endswith("/simple") and _host(place) in _MIRRORS else url

    return replace(
        options,
        index_url=other(options.index_url),
        extra_index_urls=tuple(url for url in options.extra_index_urls if other(url) is not None),
        locked_at=other(options.locked_at),
    )


def known_alone(options: IndexOptions, variables: Mapping[str, str], uv: str) -> tuple[IndexOptions, tuple[str, ...]]:
    """Return ``options`` without the extra indexes and link pages that the user's configuration does not know, and those.

    pip asks the main index for every name in any case; where an extra one is ``exclusive``, its names may be private.
    """

    def foreign(url: str) -> bool:
        return "://" in url and foreign_address(IndexOptions(find_links=(url,)), (), variables, uv) is not None

    left_out = [url for url in (*options.extra_index_urls, *options.find_links) if foreign(url)]
    if options.exclusive:
        left_out = [url for url in left_out if url not in options.extra_index_urls]
    known = replace(
        options,
        extra_index_urls=tuple(url for url in options.extra_index_urls if url not in left_out),
        find_links=tuple(url for url in options.find_links if url not in left_out),
    )
    return known, tuple(map(_place, left_out))


def _host(url: str) -> str:
    """The host of a URL, empty for a file of this machine; version control systems stand before a ``+``."""
    try:
        return urllib.parse.urlsplit(_place(url).rpartition("+")[2]).netloc
    except ValueError:
        return "?"


def _place(url: str) -> str:
    try:
        return split_login(url)[0].rstrip("/")
    except ValueError:  # no URL that anything could be asked at
        return "an invalid address"


def _url_of(value: str | None) -> str | None:
    match = _NAMED_URL.match(value or "")
    return match[2] if match is not None else value


@lru_cache(maxsize=4)
def _default_index(uv: str) -> str | None:
    try:
        done = child.run([uv, "pip", "compile", "--help"], limits=Limits(_HELP_TIMEOUT))
    except ChildError:
        return None
    match = _DEFAULT_INDEX.search(done.stdout.decode("utf-8", "replace"))
    return match[1] if match else None


def pip_configuration(variables: Mapping[str, str]) -> dict[str, str]:
    """Read what matters here from pip's configuration files, global to user."""
    import configparser

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
            for key in _PIP_CONFIGURED:
                value = parser.get(section, key, fallback="")
                if value:
                    found[key] = value
    return found


def wants_keyring(variables: Mapping[str, str]) -> bool:
    """Tell whether the user told uv or pip to ask the keyring. pip's "auto" asks it only where it may prompt."""
    chosen = variables.get("UV_KEYRING_PROVIDER") or variables.get("PIP_KEYRING_PROVIDER")
    chosen = chosen or pip_configuration(variables).get("keyring-provider")
    return chosen in {"subprocess", "import"}


class Credentials:
    """Finds the login for a URL. ``variables`` is the process environment, ``indexes`` the URLs of the indexes in use.

    ``run`` starts the program ``keyring`` (like :func:`dockerlint_alpine.system.child.run`).
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        indexes: Iterable[str] = (),
        *,
        run: Callable[..., Finished] = child.run,
    ) -> None:
        self._variables = variables
        self._indexes = tuple(indexes)
        self._run = run
        self._asked: dict[str, Login | None] = {}

    def known(self, url: str) -> Login | None:
        """Return the login that is at hand for ``url``; the keyring is not asked."""
        _, user, password = split_login(url)
        if user is not None and password is not None:
            return user, password
        return self._of_index(url, user) or self._of_netrc(url, user) or ((user, "") if user is not None else None)

    def from_keyring(self, url: str) -> Login | None:
        """Return the login that the keyring has for the index of ``url``, if the user wants it to be asked."""
        if not self._keyring_wanted:
            return None
        bare, user, _ = split_login(url)
        index = next((one for one in self._indexes if bare.startswith(split_login(one)[0])), None)
        if index is not None and user is None:
            user = split_login(index)[1]
        host = urllib.parse.urlsplit(bare).netloc
        if host not in self._asked:
            services = dict.fromkeys((split_login(index)[0] if index is not None else host, host))
            found = (self._ask_keyring(service, user) for service in services)
            self._asked[host] = next((login for login in found if login is not None), None)
        return self._asked[host]

    @cached_property
    def _keyring_wanted(self) -> bool:
        return wants_keyring(self._variables)

    def _of_index(self, url: str, user: str | None) -> Login | None:
        host = urllib.parse.urlsplit(split_login(url)[0]).netloc
        for index in (*self._indexes, *(one for one, _ in self._named)):
            bare, known, password = split_login(index)
            same = urllib.parse.urlsplit(bare).netloc == host
            if same and known is not None and password is not None and user in {None, known}:
                return known, password
        for index, name in self._named:
            if urllib.parse.urlsplit(split_login(index)[0]).netloc == host:
                known = self._variables.get(f"UV_INDEX_{name}_USERNAME")
                password = self._variables.get(f"UV_INDEX_{name}_PASSWORD")
                if (known or password) and user in {None, known}:
                    return known or "", password or ""
        return None

    @cached_property
    def _named(self) -> list[tuple[str, str]]:
        """Indexes that uv knows by name: (URL, the name as it stands in variables)."""
        given = " ".join(self._variables.get(variable, "") for variable in ("UV_INDEX", "UV_DEFAULT_INDEX"))
        named = (match for match in _NAMED_URL.finditer(given) if match[1])
        return [(match[2], re.sub(r"[^A-Za-z0-9]", "_", match[1]).upper()) for match in named]

    def _of_netrc(self, url: str, user: str | None) -> Login | None:
        place = self._variables.get("NETRC")
        home = Path(self._variables.get("HOME") or Path.home())
        for path in (Path(place),) if place else (home / ".netrc", home / "_netrc"):
            try:
                found = netrc.netrc(path).authenticators(urllib.parse.urlsplit(url).hostname or "")
            except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
                continue
            if found is not None and user in {None, found[0]}:
                return found[0] or "", found[2] or ""
        return None

    def _ask_keyring(self, service: str, user: str | None) -> Login | None:
        """``keyring get SERVICE USER`` as pip's and uv's "subprocess" provider; without a user, both are asked for."""
        import shutil

        program = shutil.which("keyring", path=self._variables.get("PATH"))
        if program is None:
            return None
        command = [program, "get", service, user] if user else [program, "--mode", "creds", "get", service]
        try:
            done = self._run(
                command,
                limits=Limits(_KEYRING_TIMEOUT),
                variables={**self._variables, "PYTHONIOENCODING": "utf-8"},
            )
        except ChildError:
            return None
        lines = done.stdout.decode("utf-8", "replace").splitlines() if done.code == 0 else []
        if user:
            return (user, lines[0]) if lines else None
        return (lines[0], lines[1]) if len(lines) > 1 else None
