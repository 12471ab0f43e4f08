"""Libraries that code opens at run time: plain data, from who reads the sources to who looks the libraries up."""

from __future__ import annotations

from msgspec import Struct


class RuntimeOpen(Struct, frozen=True):
    """One call that opens a library: the file and 1-based line, the function as written, and the candidate names.

    Any one of ``names`` is enough. ``needs`` are the same in apk's vocabulary (``so:libmagic.so.1``;
    ``so:libmagic.so.*`` where only ``find_library("magic")`` is known). ``optional``: inside a ``try``, so the program
    may go on without. ``note`` explains what is particular on Alpine. The confidence of all of them is ``likely``,
    never certain.
    """

    path: str
    line: int
    call: str
    names: tuple[str, ...]
    needs: tuple[str, ...]
    optional: bool
    note: str = ""
