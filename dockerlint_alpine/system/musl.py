"""What musl itself does, for all who ask: whether a library's name means the C library."""

from __future__ import annotations

from dockerlint_alpine.system.patterns import lazy_pattern

_RESERVED = lazy_pattern(r"lib(?:c|pthread|rt|m|dl|util|xnet)\.")


def is_libc_itself(name: str) -> bool:
    """Whether musl's loader takes this DT_NEEDED name for itself, whatever files there are.

    ``load_library`` in dynlink.c: names that start with ``lib`` and one of ``c. pthread. rt. m. dl. util. xnet.``, so
    that glibc's ``libc.so.6`` and ``libpthread.so.0`` are "found" as well; and the loader's own name.
    """
    return _RESERVED.match(name) is not None or name.startswith("ld-musl-")
