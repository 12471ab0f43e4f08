"""How the solver of apk-tools changed over time, and which one a release of Alpine ships.

Read in src/solver.c and src/package.c of apk-tools 2.10.8, 2.12.7, 2.12.9, 2.12.14, 2.14.4, 2.14.6, 2.14.9, 2.14.10 (no
different) and 3.0.0 to 3.0.6; compared with the programs themselves in tests/apk/test_apk_facts.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from dockerlint_alpine.apk.version import Dialect

Order: TypeAlias = Literal[
    "requirers-priority-chain", "flags-priority-chain", "requirers-flags-priority-chain", "depth", "queues"
]
"""By what the next name to decide is taken: whether something requires it, whether the command line names it, whether
only its own package provides it, how long its chain of dependencies is; or how deep it was discovered (``depth``, and
``queues`` with what can be decided at once before all others)."""

Removal: TypeAlias = Literal["avoid", "neutral"]
"""What it means to a choice that ``apk del`` names a package: others are preferred (``avoid``), or it no longer counts for
it that it is installed (``neutral``)."""


class Behaviour(Struct, frozen=True):
    """The solver of one range of apk-tools versions.

    ``tools`` is the version that was read and compared with. ``virtual_triggers``: ``install_if`` also fires on names
    that a package provides. ``lone_virtual``: the only provider of an unversioned name is taken although it has no
    ``provider_priority``. ``sound_triggers``: a package that cannot be installed is not triggered.
    ``discover_provides``: a discovered package's other names are discovered with it. ``exact_triggers``: the conditions of
    ``install_if`` are discovered, decided and kept like dependencies, negative ones too. ``dialect``: how versions compare.
    """

    tools: str
    order: Order
    virtual_triggers: bool = True
    lone_virtual: bool = False
    sound_triggers: bool = False
    discover_provides: bool = False
    exact_triggers: bool = False
    removal: Removal | None = None
    dialect: Dialect = 2


TOOLS_2_12 = Behaviour("2.12.9", "requirers-priority-chain", virtual_triggers=False, lone_virtual=True)
TOOLS_2_14_4 = Behaviour("2.14.4", "flags-priority-chain")
TOOLS_2_14_6 = Behaviour("2.14.6", "requirers-flags-priority-chain", sound_triggers=True, removal="avoid")
TOOLS_2_14_9 = Behaviour("2.14.9", "depth", sound_triggers=True, discover_provides=True, removal="avoid")
TOOLS_3_0 = Behaviour(
    "3.0.6", "queues", sound_triggers=True, discover_provides=True, exact_triggers=True, removal="neutral", dialect=3
)

BEHAVIOURS = {one.tools: one for one in (TOOLS_2_12, TOOLS_2_14_4, TOOLS_2_14_6, TOOLS_2_14_9, TOOLS_3_0)}
"""By the version of apk-tools."""

_SHIPPED = {21: TOOLS_2_14_6, 22: TOOLS_2_14_9}


def behaviour_of(release: str) -> Behaviour:
    """The solver that answers for ``release`` (``3.19``, ``edge``): that of the apk-tools in its images.

    Package databases of root file systems say which: 2.12.9 in 3.16, 2.12.14 (no different from 2.14.4 here) in 3.17, 2.14.4
    in 3.18 to 3.20, 2.14.6 in 3.21, 2.14.9 in 3.22, and 3.0 in 3.23 and later.
    """
    if release == "edge":
        return TOOLS_3_0
    minor = int(release.partition(".")[2])
    if minor <= 16:
        return TOOLS_2_12
    return TOOLS_2_14_4 if minor <= 20 else _SHIPPED.get(minor, TOOLS_3_0)
