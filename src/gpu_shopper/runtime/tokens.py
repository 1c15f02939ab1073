"""How secrets of ours look: a prefix that scanners know, random letters, and a checksum.

`cgs_pat_` + letters of base62 + 6 letters of CRC-32. The checksum tells a typing error from a wrong
token without asking anybody; it protects nothing.
"""

import re
import zlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_BYTES = 20
_CHECKSUM_LETTERS = 6
_SHAPE = re.compile(r"cgs_[a-z]{3}_[0-9A-Za-z]{27,64}")


def base62(value: int, *, length: int) -> str:
    """Return `value` as `length` letters, most significant first."""
    assert 0 <= value < 62**length, length
    letters = []
    for _ in range(length):
        value, digit = divmod(value, 62)
        letters.append(ALPHABET[digit])
    return "".join(reversed(letters))


def from_base62(text: str) -> int:
    """Return the number that `base62` printed.

    Raises:
        ValueError: a letter is not of the alphabet.
    """
    value = 0
    for letter in text:
        value = value * 62 + ALPHABET.index(letter)
    return value


def letters_for(count: int) -> int:
    """Return how many letters hold any `count` bytes."""
    length = 0
    while 62**length < 1 << (8 * count):
        length += 1
    return length


def write_token(prefix: str, secret: bytes) -> str:
    """Print a secret under its prefix, with its checksum."""
    assert len(secret) >= SECRET_BYTES, f"{len(secret)} bytes can be guessed"
    length = letters_for(len(secret))
    body = f"{prefix}_{base62(int.from_bytes(secret, 'big'), length=length)}"
    return body + _checksum(body)


def token_is_wellformed(text: str) -> bool:
    """Return whether `text` can be a token at all; whether it is one, only the book knows."""
    if _SHAPE.fullmatch(text) is None:
        return False
    return _checksum(text[:-_CHECKSUM_LETTERS]) == text[-_CHECKSUM_LETTERS:]


def secret_of(token: str, *, prefix: str, count: int) -> bytes:
    """Return the bytes that `write_token` printed.

    Raises:
        ValueError: it is not such a token; the message does not repeat it.
    """
    length = letters_for(count)
    body = token.removeprefix(f"{prefix}_")[:-_CHECKSUM_LETTERS]
    if not token_is_wellformed(token) or not token.startswith(f"{prefix}_") or len(body) != length:
        message = f"not a secret that begins with {prefix}_, or it was changed"
        raise ValueError(message)
    value = from_base62(body)
    if value >= 1 << (8 * count):
        message = f"not {count} bytes"
        raise ValueError(message)
    return value.to_bytes(count, "big")


def _checksum(body: str) -> str:
    return base62(zlib.crc32(body.encode()), length=_CHECKSUM_LETTERS)
