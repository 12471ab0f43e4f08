"""The digest is hashlib's BLAKE2b, which loads nothing of OpenSSL."""

from __future__ import annotations

import hashlib
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.system.digest import digest


@given(st.binary(max_size=300))
def test_it_is_blake2b(data: bytes) -> None:
    assert digest(data) == hashlib.blake2b(data, digest_size=32).hexdigest()


def test_it_loads_no_openssl() -> None:
    code = "import sys; from dockerlint_alpine.system.digest import digest; print('_hashlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
