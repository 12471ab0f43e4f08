"""A second opinion before anything is written: an independent parser must see the same file but for the package lists.

Our own syntax layer made the edits, so it can't be the judge of them. dockerfile-parse reads both versions; where it is
known to be wrong (heredocs, a byte order mark, bytes that are no UTF-8, blank lines or escape directives it overlooks) it
is not asked.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, cast

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockerlint_alpine.syntax import Dockerfile

_APK = lazy_pattern(r"\bapk\b")
_LISTS = frozenset({"RUN", "ENV", "ARG", "USER"})
"""Instructions that can hold a list of packages, or that let a RUN of its own run as root."""


class UnfaithfulFixError(Exception):
    """The fixed text is more than the old text with other packages; nothing may be written. One line for the user."""


def confirm(old: Dockerfile, new: Dockerfile) -> None:
    """Raise UnfaithfulFixError unless ``new`` is ``old`` with other package lists, as dockerfile-parse sees them."""
    if not (_within_its_reach(old) and _within_its_reach(new)):
        return
    before, after = _instructions(old.data), _instructions(new.data)
    if _others(before) != _others(after):
        raise UnfaithfulFixError("the fix would change more than package lists; the file is left alone")


def _within_its_reach(dockerfile: Dockerfile) -> bool:
    """Whether dockerfile-parse reads this file as BuildKit does (its gaps are listed in its issues and our tests)."""
    if dockerfile.has_bom or dockerfile.escape != "\\" or dockerfile.problems:
        return False
    if any(instruction.heredocs or instruction.keyword == "ONBUILD" for instruction in dockerfile.instructions):
        return False
    try:
        text = dockerfile.data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return [name for name, _ in _instructions(dockerfile.data)] == [i.keyword for i in dockerfile.instructions] and (
        "\x0c" not in text
    )


def _instructions(data: bytes) -> list[tuple[str, str]]:
    from dockerfile_parse import DockerfileParser

    file = cast("IO[str]", io.BytesIO(data))  # it reads bytes, whatever its annotations say
    structure = DockerfileParser(fileobj=file).structure
    return [(item["instruction"], item["value"]) for item in structure if item["instruction"] != "COMMENT"]


def _others(instructions: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Everything that can't hold a package list, word by word; RUNs without apk are among it."""
    return [
        (name, value)
        for name, value in instructions
        if name not in _LISTS or (name == "RUN" and not _APK.search(value))
    ]
