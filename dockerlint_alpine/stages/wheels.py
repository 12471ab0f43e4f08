"""What a wheel's files need, in terms of a stage."""

from __future__ import annotations

from msgspec import Struct


class WheelError(Exception):
    """A wheel file that can't be read; the text is one line for the user, the file's name in it."""


class WheelLink(Struct, frozen=True):
    """A library that an object of a wheel names in DT_NEEDED and that the wheel does not bring along.

    ``need`` is apk's word for it (``so:liblz4.so.1``), ``path`` the object's place in the wheel.
    """

    need: str
    path: str


class WheelOpen(Struct, frozen=True):
    """A library that a source of a wheel opens at run time, outside of any ``try``, and that is not in the wheel.

    Any one of ``needs`` is enough; they may hold ``*``. ``place`` is ``FILE:LINE`` in the wheel, ``call`` the function as
    written, ``note`` what is particular on Alpine.
    """

    needs: tuple[str, ...]
    place: str
    call: str
    note: str = ""


class WheelFacts(Struct, frozen=True):
    """What one wheel's bytes say; ``shown`` is the file as the user would name it.

    ``glibc`` are the reasons, one line each, why an object of it was built for glibc; empty where none was. ``requires``
    are the PEP 508 requirements of its METADATA. ``problems`` are one line each: objects that could not be read.
    """

    shown: str
    links: tuple[WheelLink, ...] = ()
    opens: tuple[WheelOpen, ...] = ()
    glibc: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def objects(self) -> tuple[tuple[str, WheelLink], ...]:
        """Every ``so:`` need that the installed files have, with the first object that has it.

        Nothing of a glibc wheel loads on musl, so it needs nothing that a package could bring.
        """
        if self.glibc:
            return ()
        found: dict[str, WheelLink] = {}
        for link in self.links:
            found.setdefault(link.need, link)
        return tuple(found.items())
