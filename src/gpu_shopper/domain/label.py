"""The label that an instance carries from birth, inside the create call.

It names the deployment, the session, the attempt and the latest moment that can be honoured without an operator, and
carries a short MAC over them: with the deployment's key alone, and no database, anyone can say "ours" and "overdue".
Lower-case letters, digits and dashes, 58 characters, so that it fits every cloud's name, label, hostname or tag.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NewType

from gpu_shopper.domain.ids import (
    LENGTH,
    DeploymentId,
    SessionId,
    base32,
    body_of,
    from_base32,
    is_id,
)

Label = NewType("Label", str)

PREFIX = "gs1"
MAX_LENGTH = 60
_NUMBER_LETTERS = 2
_EXPIRY_LETTERS = 6
_MAC_LETTERS = 10
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_PARTS = 6
# Prefix, deployment, session and number, with the dashes between: what says which attempt's a label is.
_ENOUGH = len(PREFIX) + 2 * (1 + LENGTH) + 1 + _NUMBER_LETTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFacts:
    """What a label says: all of it is covered by the MAC."""

    deployment: DeploymentId
    session: SessionId
    number: int
    expires_at: datetime


def write_label(facts: LabelFacts, *, key: bytes) -> Label:
    """Print the label; the expiry is rounded up to a whole minute."""
    assert is_id(facts.deployment, prefix="dep"), facts.deployment
    assert is_id(facts.session, prefix="ses"), facts.session
    minutes = -((_EPOCH - facts.expires_at) // _MINUTE)
    body = "-".join(
        (
            PREFIX,
            body_of(facts.deployment),
            body_of(facts.session),
            base32(facts.number, length=_NUMBER_LETTERS),
            base32(minutes, length=_EXPIRY_LETTERS),
        )
    )
    label = f"{body}-{_mac(body, key)}"
    assert len(label) <= MAX_LENGTH, label
    return Label(label)


# The same labels come back with every listing of an account.
@lru_cache(maxsize=16_384)
def read_label(text: str, *, key: bytes) -> LabelFacts | None:
    """Return what a genuine label of this deployment's key says; None for anything else.

    Nothing is ours by prefix or by likeness: the whole label and its MAC must fit.
    """
    parts = text.split("-")
    # A stray's text may be anything, half a surrogate pair included, which cannot even be encoded.
    if not text.isascii() or len(parts) != _PARTS or parts[0] != PREFIX:
        return None
    body, _, mac = text.rpartition("-")
    if not hmac.compare_digest(mac.encode(), _mac(body, key).encode()):
        return None
    return unproved_facts(text)


def unproved_facts(text: str) -> LabelFacts | None:
    """Return what a text in the form of a label says, whoever wrote it: it proves nothing, and nothing may be ended by it."""
    parts = text.split("-")
    if not text.isascii() or len(parts) != _PARTS or parts[0] != PREFIX:
        return None
    try:
        number, minutes = from_base32(parts[3]), from_base32(parts[4])
        expires_at = _EPOCH + minutes * _MINUTE
    except (ValueError, OverflowError):
        return None
    return LabelFacts(
        deployment=DeploymentId(f"dep_{parts[1]}"),
        session=SessionId(f"ses_{parts[2]}"),
        number=number,
        expires_at=expires_at,
    )


def label_to_go_by(label: str, mark: str, *, key: bytes) -> str:
    """Return the second mark where it alone is a genuine label of this deployment's key, else the label as it stands."""
    if not mark or mark == label or read_label(mark, key=key) is None:
        return label
    return label if read_label(label, key=key) is not None else mark


def may_be_cut(text: str, *, deployment: DeploymentId) -> bool:
    """Return whether `text` may be what a cloud left of a label of ours, and would still say of which attempt.

    Without its MAC it proves nothing by itself: only the book can say that such a label was written.
    """
    ours = f"{PREFIX}-{body_of(deployment)}-"
    return _ENOUGH <= len(text) < MAX_LENGTH and text.startswith(ours)


def is_cut_of(text: str, label: Label) -> bool:
    """Return whether `text` is the beginning of `label`, and enough of it to name deployment, session and attempt."""
    return _ENOUGH <= len(text) < len(label) and label.startswith(text)


def names_another(text: str, label: Label) -> bool:
    """Return whether `text` is, or was, a label of ours or of another deployment, and certainly not `label`."""
    return text.startswith(f"{PREFIX}-") and not label.startswith(text)


def _mac(body: str, key: bytes) -> str:
    digest = hmac.new(key, b"label:" + body.encode(), hashlib.sha256).digest()
    return base32(int.from_bytes(digest, "big") >> (256 - 5 * _MAC_LETTERS), length=_MAC_LETTERS)
