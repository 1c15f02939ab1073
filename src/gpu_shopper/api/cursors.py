"""Where the next page begins, as an opaque text: the caller hands it back and reads nothing in it."""

import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

from gpu_shopper.domain.errors import Invalid

_SEPARATOR = "\n"


def write_cursor(*parts: str) -> str:
    """Print the cursor of a place."""
    return urlsafe_b64encode(_SEPARATOR.join(parts).encode()).decode().rstrip("=")


def read_cursor(cursor: str, *, kind: str, parts: int) -> tuple[str, ...]:
    """Return the parts of a cursor whose first one is `kind`.

    Raises:
        Invalid: it is no cursor, or another list's.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = urlsafe_b64decode(padded.encode()).decode().split(_SEPARATOR)
    except ValueError:
        found = []
    if len(found) != parts + 1 or found[0] != kind:
        raise no_cursor()
    return tuple(found[1:])


def moment(text: str) -> datetime:
    """Return the moment in a cursor.

    Raises:
        Invalid: there is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise no_cursor() from None
    if at.tzinfo is None:
        raise no_cursor()
    return at


def count(text: str) -> int:
    """Return the number in a cursor.

    Raises:
        Invalid: there is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise no_cursor()
    return int(text)


def number(text: str) -> float:
    """Return the amount in a cursor.

    Raises:
        Invalid: there is none.
    """
    try:
        value = float(text)
    except ValueError:
        raise no_cursor() from None
    if math.isnan(value):
        raise no_cursor()
    return value


def no_cursor() -> Invalid:
    """Return the refusal of what is not a cursor."""
    hint = "use the next_cursor of the page before, with the same filters"
    return Invalid("this is not a cursor of this list", path="cursor", hint=hint)
