"""From the bytes of an answer to typed values. What a cloud sends is hostile until it was parsed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from gpu_shopper.ports.http import HttpReply
from gpu_shopper.ports.provider_errors import Unavailable

T = TypeVar("T")
_LONGEST_REASON = 200
# One for each kind of body: to make one takes longer than to read a row with it.
_DECODERS: dict[Any, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Generic[T]):
    """What could be read of a list; a bad row costs one row. `example` says what was wrong with the first one."""

    good: tuple[T, ...]
    rejected: int = 0
    example: str = ""


def decode(reply: HttpReply, kind: type[T], *, what: str) -> T:
    """Return the body as `kind`; fields that it does not name are passed over.

    Raises:
        Unavailable: the body is something else; the message does not repeat it.
    """
    try:
        value: T = _decoder(kind).decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unavailable(f"{what}: the answer cannot be read ({_reason(error)})") from error
    return value


def decode_rows(rows: Iterable[msgspec.Raw], kind: type[T]) -> Rows[T]:
    """Read each row by itself."""
    good: list[T] = []
    rejected, example = 0, ""
    for row, reason in decode_each(rows, kind):
        if row is None:
            rejected += 1
            example = example or reason
        else:
            good.append(row)
    return Rows(good=tuple(good), rejected=rejected, example=example)


def decode_each(rows: Iterable[msgspec.Raw], kind: type[T]) -> Iterator[tuple[T | None, str]]:
    """Yield each row, or None and why it cannot be read."""
    read = _decoder(kind).decode
    for row in rows:
        try:
            found: T = read(row)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            yield None, _reason(error)
        else:
            yield found, ""


def _decoder(kind: Any) -> Any:
    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(kind)
    return _DECODERS[kind]


def object_in(body: bytes) -> dict[str, object] | None:
    """Return the JSON object that the body is, None if it is anything else."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _reason(error: Exception) -> str:
    return str(error)[:_LONGEST_REASON]
