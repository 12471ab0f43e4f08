"""The order in which apk-tools walks its table of names.

apk keeps names in a hash table of 20,000 buckets (src/database.c) and walks it bucket by bucket when it notes which
names depend on which. That order decides ties in the solver, so it is part of the answer. The hash is MurmurHash3
(x86, 32 bits, by Austin Appleby, public domain) with the seed 5381.
"""

from __future__ import annotations

from functools import lru_cache

_SEED = 5381
_BUCKETS = 20_000
_M = 0xFFFFFFFF


@lru_cache(maxsize=65536)
def bucket(name: str) -> int:
    """The bucket of ``name``."""
    return _murmur3(name.encode("utf-8", "surrogateescape")) % _BUCKETS


def _murmur3(data: bytes) -> int:
    h = _SEED
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * 0xCC9E2D51 & _M
        k = (k << 15 | k >> 17) * 0x1B873593 & _M
        h ^= k
        h = ((h << 13 & _M | h >> 19) * 5 + 0xE6546B64) & _M
    if whole < len(data):
        k = int.from_bytes(data[whole:], "little") * 0xCC9E2D51 & _M
        h ^= (k << 15 & _M | k >> 17) * 0x1B873593 & _M
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & _M
    h = (h ^ h >> 13) * 0xC2B2AE35 & _M
    return h ^ h >> 16
