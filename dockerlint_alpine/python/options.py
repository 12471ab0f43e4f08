"""Options about indexes and formats, as pip, its requirements files and the project installers write them.

The table here is that of pip 26's requirements files, with the options of older pips; the tables of commands stand with
their tools in ``installers``.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.python.model import IndexOptions, normalise
from dockerlint_alpine.system.options import OptionTable

SHARED_VALUES = """
    --index-url -i --pypi-url --default-index, --extra-index-url --index, --constraint -c --constraints,
    --requirement -r --requirements, --editable -e, --find-links -f, --no-binary, --only-binary, --all-releases,
    --only-final, --trusted-host --allow-insecure-host, --use-feature, --config-settings -C --config-setting,
    --global-option, --install-option, --build-option
"""
SHARED_FLAGS = """
    --no-index, --prefer-binary, --require-hashes, --no-require-hashes --no-verify-hashes, --pre
"""

FORMER_FLAGS = """
    --process-dependency-links, --always-unzip -Z, --use-wheel, --no-use-wheel
"""
"""What older pips understood: ``--process-dependency-links`` until 19.0 (its NEWS)."""

PIP_CONFIGURATION = (
    "/etc/pip.conf",
    "/etc/xdg/pip/pip.conf",
    "/root/.pip/pip.conf",
    "/root/.config/pip/pip.conf",
)
"""Where pip that root runs looks for its configuration (pip: Configuration, "Location")."""

FILE_OPTIONS = OptionTable.build(
    SHARED_VALUES + "--hash\n",
    SHARED_FLAGS + FORMER_FLAGS,
)
"""What may stand in a requirements file: pip's ``SUPPORTED_OPTIONS`` and what older pips accepted."""


def split_names(value: str, target: set[str], other: set[str]) -> None:
    """Apply one ``--no-binary``/``--only-binary`` value to its set and to the opposite one.

    pip: ``FormatControl.handle_mutual_excludes``.
    """
    names = [name.strip() for name in value.split(",")]
    while ":all:" in names:
        other.clear()
        target.clear()
        target.add(":all:")
        del names[: names.index(":all:") + 1]
        if ":none:" not in names:
            return
    for name in names:
        if name == ":none:":
            target.clear()
        elif name:
            other.discard(normalise(name))
            target.add(normalise(name))


class OptionState(Struct):
    """The index options while files and arguments are read; later ones win as in pip's finder."""

    index_urls: list[str] | None = None
    extra_index_urls: list[str] = []
    find_links: list[str] = []
    no_index: bool = False
    no_binary: set[str] = set()
    only_binary: set[str] = set()
    prefer_binary: bool = False
    all_releases: set[str] = set()
    only_final: set[str] = set()
    require_hashes: bool = False

    def apply(self, option: str, value: str) -> None:
        """Take one option by its canonical name; options that don't concern indexes or formats change nothing."""
        match option:
            case "--index-url":
                self.index_urls, self.extra_index_urls = [value], []
            case "--extra-index-url":
                self.extra_index_urls.append(value)
            case "--find-links":
                self.find_links.append(value)
            case "--no-index":
                self.no_index = True
            case "--no-binary":
                split_names(value, self.no_binary, self.only_binary)
            case "--only-binary":
                split_names(value, self.only_binary, self.no_binary)
            case "--install-option":  # "disabling all use of wheels", while pip had it (before 23.1)
                split_names(":all:", self.no_binary, self.only_binary)
            case "--no-build":
                split_names(":all:", self.only_binary, self.no_binary)
            case "--all-releases":
                split_names(value, self.all_releases, self.only_final)
            case "--only-final":
                split_names(value, self.only_final, self.all_releases)
            case _:
                self._flag(option, value)

    def _flag(self, option: str, value: str) -> None:
        match option:
            case "--prefer-binary":
                self.prefer_binary = True
            case "--pre":
                self.all_releases.add(":all:")
            case "--prerelease" if value == "allow":
                self.all_releases.add(":all:")
            case "--require-hashes":
                self.require_hashes = True
            case "--no-require-hashes":
                self.require_hashes = False

    @classmethod
    def start(cls, options: IndexOptions) -> OptionState:
        """Return a state that continues from ``options``."""
        state = cls()
        state.index_urls = [options.index_url] if options.index_url else None
        state.extra_index_urls = list(options.extra_index_urls)
        state.find_links = list(options.find_links)
        state.no_index = options.no_index
        state.no_binary = set(options.no_binary)
        state.only_binary = set(options.only_binary)
        state.prefer_binary = options.prefer_binary
        state.all_releases = ({":all:"} if options.pre else set()) | options.pre_for
        state.require_hashes = options.require_hashes
        return state

    def finish(self) -> IndexOptions:
        """Return what the options amount to."""
        base = IndexOptions(
            find_links=tuple(dict.fromkeys(self.find_links)),
            no_index=self.no_index,
            no_binary=frozenset(self.no_binary),
            only_binary=frozenset(self.only_binary),
            prefer_binary=self.prefer_binary,
            pre=":all:" in self.all_releases,
            pre_for=frozenset(self.all_releases - {":all:"}),
            require_hashes=self.require_hashes,
        )
        if self.no_index:
            return base
        return replace(
            base,
            index_url=self.index_urls[0] if self.index_urls else None,
            extra_index_urls=tuple(dict.fromkeys(self.extra_index_urls)),
        )
