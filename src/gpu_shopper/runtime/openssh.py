"""Ed25519 pairs in OpenSSH's own form, byte for byte the same for the same seed.

Libraries put a random check number and no comment into the private file; a pair that is derived anew
after each crash must come out the same.
"""

import base64
import struct

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gpu_shopper.ports.vault import KeyPair, Secret

SEED_BYTES = 32
_KIND = b"ssh-ed25519"
_MAGIC = b"openssh-key-v1\x00"
_BLOCK = 8
_LINE = 70


def pair_of(seed: bytes, *, comment: str) -> KeyPair:
    """Return the pair that belongs to 32 secret bytes."""
    assert len(seed) == SEED_BYTES, len(seed)
    assert comment.isascii(), comment
    assert comment.isprintable(), comment
    public = (
        Ed25519PrivateKey.from_private_bytes(seed)
        .public_key()
        .public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    )
    blob = _text(_KIND) + _text(public)
    line = f"{_KIND.decode()} {base64.b64encode(blob).decode()} {comment}".rstrip()
    return KeyPair(private=Secret(_private_file(seed, public, comment)), public=line)


def _private_file(seed: bytes, public: bytes, comment: str) -> str:
    # Readers compare the two check numbers to notice a wrong passphrase; without one, any number will do.
    check = public[:4]
    inner = (
        check
        + check
        + _text(_KIND)
        + _text(public)
        + _text(seed + public)
        + _text(comment.encode())
    )
    inner += bytes(range(1, 1 + -len(inner) % _BLOCK))
    whole = (
        _MAGIC
        + _text(b"none")
        + _text(b"none")
        + _text(b"")
        + struct.pack(">I", 1)
        + _text(_text(_KIND) + _text(public))
        + _text(inner)
    )
    letters = base64.b64encode(whole).decode()
    lines = [letters[start : start + _LINE] for start in range(0, len(letters), _LINE)]
    return "\n".join(
        ("-----BEGIN OPENSSH PRIVATE KEY-----", *lines, "-----END OPENSSH PRIVATE KEY-----", "")
    )


def _text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value
