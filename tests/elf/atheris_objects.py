"""Coverage-guided fuzzing of the readers with atheris; not part of the test run.

``python tests/elf/atheris_objects.py [CORPUS FOLDER] -max_total_time=60`` (``pip install atheris``). Any exception but an
:class:`UnreadableError` is a find.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports():
    from dockerlint_alpine.elf.inspection import inspect
    from dockerlint_alpine.elf.layers import merge
    from dockerlint_alpine.elf.render import to_text
    from dockerlint_alpine.elf.targets import Subject
    from dockerlint_alpine.elf.trees import MemoryTree, object_node
    from dockerlint_alpine.elf.wheels import read_wheel
    from dockerlint_alpine.python.sources.dlopen import scan_sources
    from dockerlint_alpine.system.unreadable import UnreadableError

import io


class Stream(io.BytesIO):
    """A tar stream in memory."""

    def skip(self, size: int, /) -> int:
        """Pass over bytes."""
        return len(self.read(size))


def one_input(data: bytes) -> None:
    """The first byte chooses the reader."""
    kind, rest = data[:1], data[1:]
    try:
        if kind == b"z":
            to_text(inspect(read_wheel(rest, "x.whl"), scan=scan_sources))
        elif kind == b"t":
            merge(iter([Stream(rest)]))
        else:
            tree = MemoryTree({"/x.so": object_node(rest, len(rest))})
            to_text(inspect(Subject("x", "wheel", tree, ("/x.so",))))
    except UnreadableError:
        pass


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
