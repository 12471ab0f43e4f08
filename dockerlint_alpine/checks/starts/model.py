"""One program that is started, and by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from dockerlint_alpine.stages import Moment
    from dockerlint_alpine.stages.model import ScriptCommand
    from dockerlint_alpine.syntax import Instruction, Span
    from dockerlint_alpine.system.services import ServiceStart


class Start(Struct, frozen=True):
    """One program that is started: as written, by what (``CMD``, ``HEALTHCHECK``, ``RUN``), and through which script.

    ``service``: it is a compose file that says so; ``instruction`` is then what it takes the place of, or the stage's FROM.
    """

    program: str
    by: str
    instruction: Instruction
    span: Span
    moment: Moment
    script: str | None = None
    service: ServiceStart | None = None
    ran: ScriptCommand | None = None
    """The command of a script that starts it, where that stands in one."""
    purpose: str | None = None
    """What an installer starts it for."""
    conditional: bool = False
    """The installer runs in some cases only, or what it installs is assumed."""

    @property
    def name(self) -> str:
        """The program without its folder."""
        return self.program.rpartition("/")[2]

    @property
    def while_building(self) -> bool:
        """True for what a RUN starts, or an installer that it runs."""
        return self.by == "RUN" or self.purpose is not None
