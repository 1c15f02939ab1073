"""SSH keys that an account keeps, where a launch has to name one: made for it alone, under its label, and dropped with it.

So no two launches share one, and whose it is can be told.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from gpu_shopper.domain.label import PREFIX, unproved_facts
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import Ambiguous, BadOrder, ProviderError

# A key whose session may have lasted until now is left alone for a while.
_KEY_OUTLIVES = timedelta(days=1)


class Key(Protocol):
    """A key as an account shows it."""

    @property
    def name(self) -> str | None:
        """What it is called."""
        ...

    @property
    def public_key(self) -> str | None:
        """Its OpenSSH line."""
        ...


K = TypeVar("K", bound=Key)


async def key_for(
    order: LaunchOrder,
    *,
    add: Callable[[str], Awaitable[K]],
    known: Callable[[], Awaitable[Iterable[K]]],
) -> K:
    """Return a key for this launch alone; where the cloud takes no second one of the same text, that which it has.

    Raises:
        BadOrder: the order has none, or the cloud does not take it.
    """
    if not order.ssh_public_keys:
        raise BadOrder(f"create {order.label}: a launch needs an SSH key")
    public = order.ssh_public_keys[0].strip()
    try:
        return await add(public)
    except BadOrder:
        for key in await known():
            if _same(key.public_key or "", public):
                return key
        raise


@asynccontextmanager
async def dropped_if_refused(drop: Callable[[], Awaitable[None]] | None) -> AsyncIterator[None]:
    """Drop the key of a launch that is refused meanwhile; None: it is not this launch's own."""
    try:
        yield
    except Ambiguous:
        # It may be there, and need its key.
        raise
    except ProviderError:
        if drop is not None:
            with suppress(ProviderError):
                await drop()
        raise


def keys_left(keys: Iterable[K], *, own: Collection[str], label: str, now: datetime) -> list[K]:
    """Return the keys that an instance which is ended leaves behind, of all that the account keeps; never anybody else's.

    With its `own` go those of earlier attempts of its session, and of sessions of the same deployment that are over for a
    day: whoever made those did not get round to it.
    """
    ours = [key for key in keys if (key.name or "").startswith(f"{PREFIX}-")]
    return [key for key in ours if key.name in own or _is_left_of(key.name or "", label, now=now)]


def _same(one: str, other: str) -> bool:
    """Compare two OpenSSH lines without their comments."""
    return one.split()[:2] == other.split()[:2]


def _is_left_of(name: str, label: str, *, now: datetime) -> bool:
    mine, its = unproved_facts(label), unproved_facts(name)
    if mine is None or its is None or its.deployment != mine.deployment:
        return False
    if its.session == mine.session:
        return its.number < mine.number
    return its.expires_at + _KEY_OUTLIVES < now
