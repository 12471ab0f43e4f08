"""The digest that names cached entries.

``hashlib`` loads OpenSSL, which takes as long as reading a report from the cache; BLAKE2 is in Python itself.
"""

from __future__ import annotations

try:
    from _blake2 import blake2b  # hashlib's own
except ImportError:
    from hashlib import blake2b


def digest(data: bytes) -> str:
    """64 hexadecimal digits that no other bytes have."""
    return blake2b(data, digest_size=32).hexdigest()
