"""Guesses from its text whether a RUN installs packages, for stages whose packages are unknown."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from dockerlint_alpine.installers.registry import mention_of_any
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockerlint_alpine.syntax import Instruction

_APK = lazy_pattern(r"\bapk\s+(?:\S+\s+)*?add\b")


@cache
def _python() -> re.Pattern[str]:
    return re.compile(mention_of_any())


_OTHER = lazy_pattern(
    r"(?:^|[;&|\s])(?:apt-get|apt|microdnf|dnf|yum|pacman|emerge|zypper|tdnf)\s+(?:-\S+\s+)*(?:install|update|upgrade|-S)"
)


def uses_other_system(instructions: Iterable[Instruction]) -> bool:
    """True where packages of another system are installed and apk is never called: that is no Alpine."""
    texts = [_text(one) for one in instructions if one.keyword == "RUN"]
    return any(map(_OTHER.search, texts)) and not any(re.search(r"\bapk\s", text) for text in texts)


def adds_packages(instruction: Instruction) -> bool:
    """True when a RUN looks as if it called ``apk add``."""
    return instruction.keyword == "RUN" and _APK.search(_text(instruction)) is not None


def mentions_python(instruction: Instruction) -> bool:
    """True when a RUN looks as if it installed Python packages."""
    return instruction.keyword == "RUN" and _python().search(_text(instruction)) is not None


def mentions_packages(instruction: Instruction) -> bool:
    """True when a RUN looks as if it installed apk or Python packages: only then a stage wants a verdict."""
    return adds_packages(instruction) or mentions_python(instruction)


def script_installs(text: str) -> bool:
    """True when a shell script looks as if it installed packages."""
    return _APK.search(text) is not None or _python().search(text) is not None


def _text(instruction: Instruction) -> str:
    return "\n".join([instruction.value, *(document.content for document in instruction.heredocs)])
