"""How the solver of apk-tools changed over time, and which one a release of Alpine ships.

Read in src/solver.c of apk-tools 2.10.8, 2.12.7, 2.12.9, 2.12.14, 2.14.4, 2.14.6, 2.14.9 and 3.0.6.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from dockerlint_alpine.records import dataclass

Order: TypeAlias = Literal[
    "requirers-priority-chain", "flags-priority-chain", "requirers-flags-priority-chain", "depth"
]
"""By what the next name to decide is taken: whether something requires it, whether the command line names it, whether
only its own package provides it, how long its chain of dependencies is; or how deep it was discovered."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The solver of one range of apk-tools versions.

    ``tools`` is the version that was read and compared with. ``virtual_triggers``: ``install_if`` also fires on names
    that a package provides. ``lone_virtual``: the only provider of an unversioned name is taken although it has no
    ``provider_priority``. ``sound_triggers``: a package that cannot be installed is not triggered.
    ``discover_provides``: a discovered package's other names are discovered with it.
    """

    tools: str
    order: Order
    virtual_triggers: bool = True
    lone_virtual: bool = False
    sound_triggers: bool = False
    discover_provides: bool = False


TOOLS_2_12 = Behaviour("2.12.9", "requirers-priority-chain", virtual_triggers=False, lone_virtual=True)
TOOLS_2_14_4 = Behaviour("2.14.4", "flags-priority-chain")
TOOLS_2_14_6 = Behaviour("2.14.6", "requirers-flags-priority-chain", sound_triggers=True)
TOOLS_2_14_9 = Behaviour("2.14.9", "depth", sound_triggers=True, discover_provides=True)


BEHAVIOURS = {one.tools: one for one in (TOOLS_2_12, TOOLS_2_14_4, TOOLS_2_14_6, TOOLS_2_14_9)}
"""By the version of apk-tools."""


def behaviour_of(release: str) -> Behaviour:
    """The solver that answers for ``release`` (``3.19``, ``edge``).

    Up to 3.20 it is the one that the release ships. From 3.21 on it is still that of 2.14.4, the newest that Alpine has
    published in a root file system to compare with; 2.14.6 and 2.14.9, which 3.21 and 3.22 ship, decide in another order,
    which changed the answer in 1 and in 4 of 210 random sets, all of them of desktop packages.
    """
    if release != "edge" and int(release.partition(".")[2]) <= 16:
        return TOOLS_2_12
    return TOOLS_2_14_4
