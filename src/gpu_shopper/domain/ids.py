"""Typed ids with prefixes: made from a draw, parsed, printed.

An id is a prefix that names its kind and 80 random bits in lower-case base32, so that it fits inside the
label of an instance whole and can be told from any other kind of id at a glance.
"""

from typing import NewType

DeploymentId = NewType("DeploymentId", str)
SessionId = NewType("SessionId", str)
AttemptId = NewType("AttemptId", str)
TokenId = NewType("TokenId", str)
EventId = NewType("EventId", str)
ConsumerId = NewType("ConsumerId", str)
OfferId = NewType("OfferId", str)
ProviderName = NewType("ProviderName", str)
InstanceId = NewType("InstanceId", str)

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
BITS = 80
LENGTH = BITS // 5


def base32(value: int, *, length: int) -> str:
    """Return `value` as `length` lower-case base32 letters, most significant first."""
    assert 0 <= value < 1 << (5 * length), value
    # Two at a time: every request has an id.
    pairs = [_PAIRS[value >> shift & 1023] for shift in range(5 * length - 10, -1, -10)]
    return "".join(pairs) if length % 2 == 0 else "".join(pairs) + ALPHABET[value & 31]


def from_base32(text: str) -> int:
    """Return the number that `base32` printed.

    Raises:
        ValueError: a letter is not of the alphabet.
    """
    value = 0
    for letter in text:
        value = value << 5 | ALPHABET.index(letter)
    return value


def _make(prefix: str, bits: int) -> str:
    return f"{prefix}_{base32(bits, length=LENGTH)}"


def is_id(text: str, *, prefix: str) -> bool:
    """Return whether `text` is a well-formed id of the kind that `prefix` names."""
    head, _, tail = text.partition("_")
    return head == prefix and len(tail) == LENGTH and all(letter in ALPHABET for letter in tail)


def deployment_id(bits: int) -> DeploymentId:
    """Make a deployment id from 80 random bits."""
    return DeploymentId(_make("dep", bits))


def session_id(bits: int) -> SessionId:
    """Make a session id from 80 random bits."""
    return SessionId(_make("ses", bits))


def attempt_id(bits: int) -> AttemptId:
    """Make an attempt id from 80 random bits."""
    return AttemptId(_make("att", bits))


def token_id(bits: int) -> TokenId:
    """Make a token id from 80 random bits."""
    return TokenId(_make("tok", bits))


def event_id(bits: int) -> EventId:
    """Make an event id from 80 random bits."""
    return EventId(_make("evt", bits))


def body_of(identifier: str) -> str:
    """Return the random part of an id, without its prefix."""
    return identifier.partition("_")[2]
