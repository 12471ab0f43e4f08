"""The bytes of one object in an archive: in memory if small, otherwise in an unnamed temporary file.

What an archive claims and what it unpacks to are a stranger's words: two gigabytes of zeros fit into two megabytes. So a
large object costs neither memory nor, where it is zeros, disk; and one at a time is unpacked.
"""

from __future__ import annotations

import mmap
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

IN_MEMORY = 16 * 1024 * 1024
"""Bytes of an object that is kept in memory."""
_large = threading.Lock()


@contextmanager
def spooled(chunks: Iterator[bytes], size: int) -> Iterator[bytes | mmap.mmap]:
    """Give the bytes of ``chunks`` as one buffer for as long as the context lasts; ``size`` is how many to expect.

    Raises what ``chunks`` raises, and ``OSError`` where the temporary file can't be written.
    """
    if size <= IN_MEMORY:
        yield b"".join(chunks)
        return
    with _large, tempfile.TemporaryFile() as file:
        end = 0
        for chunk in chunks:
            if chunk.count(0) == len(chunk):
                file.seek(len(chunk), 1)  # a hole
            else:
                file.write(chunk)
            end += len(chunk)
        file.truncate(end)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data
