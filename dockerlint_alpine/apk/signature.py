"""Who signed an index.

The first gzip stream of APKINDEX.tar.gz holds members named ``.SIGN.RSA.KEY`` (PKCS #1 v1.5 over the SHA-1 of the
second stream as packed) or ``.SIGN.RSA256.KEY`` (SHA-256), KEY being the file name of the public key, as ``abuild-sign``
and ``apk mkndx`` write them. Names are only looked up among the trusted keys, never opened as paths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dockerlint_alpine.apk.apkindex import Stream, tar_members
from dockerlint_alpine.apk.errors import SignatureError

_HASHES = {".SIGN.RSA.": "SHA1", ".SIGN.RSA256.": "SHA256", ".SIGN.RSA512.": "SHA512"}
_MAX_SIGNATURE = 1024


def read_keys(folder: Path) -> dict[str, bytes]:
    """Public keys in PEM by file name, from the ``*.rsa.pub`` in ``folder``."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.rsa.pub"))}


def verify(streams: Sequence[Stream], keys: Mapping[str, bytes]) -> str:
    """Name of the key that vouches for the index.

    Args:
        streams: the gzip streams of the file; all after the first are covered by the signature.
        keys: trusted public keys in PEM by name.

    Raises:
        SignatureError: when no trusted key has signed it, or a signature by one does not fit.
        IndexFormatError: when the signature's archive is malformed.

    """
    if len(streams) != 2:
        raise SignatureError("the index is not signed" if len(streams) < 2 else "there is data after the index")
    strangers = []
    for name, signature in tar_members(streams[0].content):
        for prefix, algorithm in _HASHES.items():
            if name.startswith(prefix):
                key = name[len(prefix) :]
                if key not in keys:
                    strangers.append(key)
                elif _fits(keys[key], signature, streams[1].packed, algorithm):
                    return key
                else:
                    raise SignatureError(
                        f"the signature by {key} does not match the index, which was changed or damaged"
                    )
    if strangers:
        raise SignatureError(f"the index is signed by a key that is not trusted: {', '.join(strangers)[:200]}")
    raise SignatureError("the index is not signed")


def _fits(key: bytes, signature: bytes, data: bytes, algorithm: str) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        public = load_pem_public_key(key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureError(f"a trusted key cannot be read: {error}") from error
    if not isinstance(public, rsa.RSAPublicKey):
        raise SignatureError("a trusted key is not an RSA key")
    try:
        public.verify(signature[:_MAX_SIGNATURE], data, padding.PKCS1v15(), getattr(hashes, algorithm)())
    except InvalidSignature:
        return False
    return True
