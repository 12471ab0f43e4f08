"""The known codes, and the expansion of codes, prefixes and names that users write."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlint_alpine.model.findings import CODE_LETTERS

if TYPE_CHECKING:
    from dockerlint_alpine.report import CodeDoc

EVERY = "ALL"
"""Every code, those too that are only listed for who asks for them."""

_CHECKS = Path(__file__).parent.parent / "checks"


@lru_cache(maxsize=1)
def names_by_code() -> dict[str, str]:
    """Code -> the check's name, from the names of the modules: to import them all takes longer than a cached check."""
    stems = (path.stem for path in sorted(_CHECKS.glob(f"{CODE_LETTERS.lower()}[0-9][0-9][0-9]_*.py")))
    return {stem[:5].upper(): stem[6:].replace("_", "-") for stem in stems}


def expanded(word: str) -> tuple[str, ...]:
    """The codes, or beginnings of codes, that a word stands for: a code, its beginning, a check's name, or ``ALL``.

    Raises ValueError for a word that stands for none.
    """
    if word == EVERY:
        from dockerlint_alpine.checks import CHECKS

        return (CODE_LETTERS, *(check.code for check in CHECKS if check.on_demand))
    return (code_of(word),)


def code_of(word: str) -> str:
    """The code or beginning of codes that a word other than ``ALL`` stands for. Raises ValueError for any other."""
    known = names_by_code()
    code = next((code for code, name in known.items() if name == word), word.upper())
    if not code.startswith(CODE_LETTERS) or not any(one.startswith(code) for one in known):
        from dockerlint_alpine.run.suggest import did_you_mean

        raise ValueError(f"unknown code or prefix: {word}{did_you_mean(word, [*known.values(), *known])}")
    return code


def code_doc(code: str) -> CodeDoc:
    """What a format that carries documentation says of a code."""
    from dockerlint_alpine.checks import check_by_topic
    from dockerlint_alpine.report import CodeDoc

    check = check_by_topic(code)
    if check is None:
        return CodeDoc(code, code.lower(), code)
    return CodeDoc(check.code, check.name, check.summary, check.published, check.severity, check.url, check.description)
