"""What all adapters share: an account's numbers, the way to its cloud, and how an instance is known by its label.

A subclass is a `CloudProvider` that holds what is different about its cloud; nothing derives from a subclass.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from gpu_shopper.domain.ids import InstanceId, ProviderName
from gpu_shopper.domain.instance import Instance, InstanceStatus, Listing
from gpu_shopper.domain.label import Label, is_cut_of
from gpu_shopper.domain.money import HourlyRate, Money
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import Unavailable
from gpu_shopper.providers.manifest import Access
from gpu_shopper.transport.answers import Dialect
from gpu_shopper.transport.calling import Caller
from gpu_shopper.transport.listing import Page, list_whole

T = TypeVar("T")


class Account(ABC):
    """One account at a cloud."""

    provider: ProviderName
    # Whether an instance bears its label a second time, and whether a name may be cut short there.
    has_mark = False
    cuts_names = False

    def __init__(self, access: Access) -> None:
        self._settings = access.settings
        self._door = access.door
        self._clock = access.clock
        self._capabilities = access.capabilities
        self._quirks = access.quirks

    @property
    def name(self) -> ProviderName:
        """The name that stands in offers and rows."""
        return self.provider

    @property
    def capabilities(self) -> Capabilities:
        """What this cloud can do."""
        return self._capabilities

    @property
    def quirks(self) -> Quirks:
        """How it behaves in time."""
        return self._quirks

    @abstractmethod
    async def list_all(self) -> Listing:
        """Return every instance of the account, ours or not; a listing with a missing part says so."""

    async def find(self, label: Label) -> Instance | None:
        """Return the instance with this label; None only if a complete listing lacks it."""
        return found_in(await self.list_all(), label, may_be_cut=self.cuts_names)

    async def balance(self) -> Money | None:
        """Return None: this cloud does not tell."""
        return None

    async def aclose(self) -> None:  # noqa: B027  not abstract: most have nothing else
        """Nothing to close: the door is not ours."""

    def _caller(
        self, dialect: Dialect, *, headers: Mapping[str, str] | None = None, without: str = ""
    ) -> Caller:
        """Return the way to the cloud, with the key as a bearer unless `headers` say otherwise, to `url` `without` that end."""
        if headers is None:
            headers = {"authorization": f"Bearer {self._settings['key']}"}
        return Caller(
            self._door,
            self._clock,
            url=self._settings["url"].rstrip("/").removesuffix(without),
            headers=headers,
            quirks=self._quirks,
            dialect=dialect,
        )

    def _bought(
        self, instance_id: str, order: LaunchOrder, *, rate: HourlyRate | None = None
    ) -> Instance:
        """Return what was just bought, as far as that is known."""
        return Instance(
            id=InstanceId(instance_id),
            provider=self.provider,
            label=order.label,
            mark=order.label if self.has_mark else "",
            status=InstanceStatus.BOOTING,
            rate=rate,
        )

    async def _whole(
        self,
        fetch: Callable[[str | None], Awaitable[Page]],
        kind: type[T],
        make: Callable[[T], Instance | None],
    ) -> Listing:
        """Return what all pages hold; see `list_whole`."""
        began_at = self._clock.now()
        return await list_whole(fetch, kind=kind, make=make, began_at=began_at)

    async def _whole_at_once(
        self,
        fetch: Callable[[], Awaitable[Sequence[msgspec.Raw]]],
        kind: type[T],
        make: Callable[[T], Instance | None],
    ) -> Listing:
        """Return what a list without pages holds."""

        async def page(cursor: str | None) -> Page:
            del cursor
            return Page(rows=await fetch())

        return await self._whole(page, kind, make)


def seen(
    row: T | None, make: Callable[[T], Instance | None], *, instance_id: str
) -> Instance | None:
    """Return what an instance's row says, None for no row.

    Raises:
        Unavailable: it makes no sense.
    """
    try:
        return None if row is None else make(row)
    except ValueError as error:
        message = f"instance {instance_id}: the answer makes no sense: {error}"
        raise Unavailable(message) from error


def found_in(listing: Listing, label: Label, *, may_be_cut: bool = False) -> Instance | None:
    """Return the instance with this label, as its own or else as its mark; None only if a complete listing lacks it.

    `may_be_cut`: a name counts as well that the cloud has cut short.

    Raises:
        Unavailable: it is not there, and the listing is not complete.
    """
    named = [one for one in listing.instances if one.label == label]
    marked = [one for one in listing.instances if one.mark == label]
    cut = [one for one in listing.instances if may_be_cut and is_cut_of(one.label, label)]
    found = next(iter((*named, *marked, *cut)), None)
    if found is None and not listing.complete:
        raise Unavailable(f"find {label}: {listing.trouble}")
    return found
