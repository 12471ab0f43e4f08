"""What a ``setup.py`` says where it asks which Python runs it: each requirement with the marker of those it is for."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerlint_alpine.python.requirement import with_marker
from dockerlint_alpine.python.sources.setup_evaluator import Trees
from dockerlint_alpine.python.sources.setup_py import read_setup_py
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dockerlint_alpine.python.sources.setup_script import SetupScript, Unclear

_Entries = tuple[tuple[str, int | None], ...]

_ASKS = lazy_pattern(rb"\bversion_info\b|\bsys\.version\b")
_PYTHONS = ((2, 7), *((3, minor) for minor in range(3, 17)))
"""The Pythons that a stage may have; the newest stands for all after it, the oldest for all before."""


def read_setup_of_pythons(
    data: bytes, read: Callable[[str], bytes | None], variables: Mapping[str, str] | None = None
) -> SetupScript:
    """:func:`read_setup_py` for any Python: requirements that only some ask for have a marker (PEP 508) of those."""
    trees = Trees()
    script = read_setup_py(data, read, variables, trees=trees)
    if not script.unclear or _ASKS.search(data) is None:
        return script
    read_by = [read_setup_py(data, read, variables, python, trees) for python in _PYTHONS]
    extras = dict.fromkeys(name for one in read_by for name in one.extras_require or ())
    unclear: dict[Unclear, None] = dict.fromkeys(text for one in read_by for text in one.unclear)
    return replace(
        script,
        install_requires=_joined([one.install_requires for one in read_by]),
        extras_require={
            name: _joined([(one.extras_require or {}).get(name) for one in read_by]) or () for name in extras
        },
        unclear=tuple(unclear),
        doubts=tuple(dict.fromkeys(doubt for one in read_by for doubt in one.doubts)),
    )


def _joined(stated: Sequence[_Entries | None]) -> _Entries | None:
    """The requirements that Python by Python are ``stated``, as one list."""
    if all(one is None for one in stated):
        return None
    asked_by: defaultdict[tuple[str, int | None], list[int]] = defaultdict(list)
    for number, entries in enumerate(stated):
        for entry in dict.fromkeys(entries or ()):
            asked_by[entry].append(number)
    return tuple((with_marker(text, _marker(numbers)), line) for (text, line), numbers in asked_by.items())


def _marker(numbers: Sequence[int]) -> str:
    """The marker of some of the Pythons; empty for all."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    last = len(_PYTHONS) - 1
    bounds = [
        [
            f"python_version {operator} '{_PYTHONS[at][0]}.{_PYTHONS[at][1]}'"
            for operator, at, told in ((">=", run[0], run[0] > 0), ("<", min(run[-1] + 1, last), run[-1] < last))
            if told
        ]
        for run in runs
    ]
    return "" if [] in bounds else " or ".join(" and ".join(one) for one in bounds)
