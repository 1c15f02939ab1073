"""What the house needs from a cloud."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from gpu_shopper.domain.ids import InstanceId, ProviderName
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import HourlyRate, Money
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.quirks import Capabilities, Quirks

# Called by an adapter once an order to end was taken, where it has more to do before it returns: a bill may end with it.
ORDER_TAKEN: Final[ContextVar[Callable[[], None] | None]] = ContextVar("order_taken", default=None)
# Set by whoever fetches a menu, and handed down to every request that is made for it: no adapter can forget it.
_AT_LEISURE: Final[ContextVar[bool]] = ContextVar("at_leisure", default=False)


@contextmanager
def at_leisure() -> Iterator[None]:
    """Let each request that is made in here, and by tasks begun in here, let all others pass."""
    mark = _AT_LEISURE.set(True)
    try:
        yield
    finally:
        _AT_LEISURE.reset(mark)


def is_at_leisure() -> bool:
    """Return whether what is asked now may wait for all else."""
    return _AT_LEISURE.get()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOrder:
    """Everything that a create call carries. `label` and `ends_by` are in it from birth.

    `on_start` is the whole start-up script, the agent's bootstrap included; empty where it is larger than the cloud takes,
    and then the first of `ssh_public_keys` (OpenSSH lines) is our own, by which it is brought. All of them must be
    authorised; but where it is brought, a cloud that takes one key only is given the first, and the script lets the others in.
    """

    offer: Offer
    label: Label
    ends_by: datetime
    price_cap: HourlyRate
    image: str | None
    disk_gb: int | None
    ssh_public_keys: tuple[str, ...]
    env: Mapping[str, str]
    on_start: str
    exposed_ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferListing:
    """The whole menu of one cloud. `rejected` counts rows that could not be read, with an example of why.

    What was handed over before (see `OFFERS_READ`) is not among them. `revision` is the cloud's own name for this state of its menu, empty where it has none.
    """

    offers: tuple[Offer, ...]
    rejected: int = 0
    example: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """The menu is as it was at the revision that was asked about."""


class AskedRows(Protocol):
    """Some rows of a menu, of which those in `unknown` have to be read; the others are as they were, and taken over."""

    @property
    def unknown(self) -> Sequence[int]:
        """Their numbers."""
        ...

    def take(self, offers: Sequence[Offer], rows: Sequence[int]) -> None:
        """Take the offers of such rows, each with the number of its own; called once."""
        ...


class OfferSink(Protocol):
    """Takes a menu row by row while it is read, so that nobody need hold all of it, nor read again what is as it was."""

    def ask(self, prints: Sequence[int]) -> AskedRows:
        """Say which rows have to be read, by their prints: hashes of what the cloud said and of all else that follows into an offer."""
        ...


# Where it is set, `list_offers` may hand offers over as it reads them; what it returns is then the rest.
OFFERS_READ: Final[ContextVar[OfferSink | None]] = ContextVar("offers_read", default=None)


class CloudProvider(Protocol):
    """One account at one cloud. Every method may raise Unavailable, RateLimited or Unauthorized."""

    @property
    def name(self) -> ProviderName:
        """The name that stands in offers and rows."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this cloud can do."""
        ...

    @property
    def quirks(self) -> Quirks:
        """How it behaves in time."""
        ...

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """Return all that is on sale now, all pages; a page that fails fails the whole.

        `known` is the revision of an earlier listing: a cloud that can tell may answer that nothing has changed since.
        Without it, it lists. A listing of many rows is read in pieces, so that it holds up nobody on the same loop.
        """
        ...

    async def launch(self, order: LaunchOrder) -> Instance:
        """Buy once. Never retried inside.

        Raises:
            Refused: nothing was bought, for certain.
            Ambiguous: that is not certain. Unavailable is not raised here unless nothing was sent.
        """
        ...

    async def find(self, label: Label) -> Instance | None:
        """Return the instance with this label, looked for on all pages; None only if a complete listing lacks it."""
        ...

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """Return the instance; None only if the cloud itself says that it holds no such instance."""
        ...

    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not; a listing with a missing part says so."""
        ...

    async def destroy(self, instance_id: InstanceId) -> None:
        """Ask for the end of an instance, storage included. Returning means that the cloud took the order.

        May be called any number of times; an instance that is not there is no error.
        """
        ...

    async def balance(self) -> Money | None:
        """Return the money left on the account, where the cloud tells."""
        ...

    async def aclose(self) -> None:
        """Close connections; may be called twice."""
        ...
