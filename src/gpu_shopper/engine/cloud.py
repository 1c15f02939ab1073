"""One account at one cloud as the engine asks it: paced, bounded in time, counted, and with one listing for all."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from gpu_shopper.domain.ids import InstanceId, ProviderName
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.label import Label, label_to_go_by
from gpu_shopper.domain.money import Money
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.engine.pacing import Pacer
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.meter import Meter
from gpu_shopper.ports.provider import (
    ORDER_TAKEN,
    CloudProvider,
    LaunchOrder,
    OfferListing,
    Unchanged,
    at_leisure,
)
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    ProviderError,
    RateLimited,
    Unavailable,
)

T = TypeVar("T")

READ_LIMIT = timedelta(seconds=30)
OUTAGE = timedelta(seconds=60)
LIST_LIMIT = timedelta(seconds=180)
# Less than two regular sweeps are apart, so that each of those asks.
BALANCE_LASTS = timedelta(seconds=240)
# Where nothing of ours runs, nobody but its owner changes it, and it is a call for little: each third of those asks.
IDLE_BALANCE_LASTS = timedelta(seconds=840)


class Cloud:
    """A provider with its pace. Errors are those of the port; a call that takes too long is Unavailable.

    An instance whose label was lost, and whose second mark was not, comes back under the label that was lost.
    """

    def __init__(
        self, provider: CloudProvider, *, clock: Clock, meter: Meter, label_key: bytes
    ) -> None:
        quirks = provider.quirks
        self._provider = provider
        self._clock = clock
        self._meter = meter
        self._label_key = label_key
        self._pacer = Pacer(rate=quirks.requests_per_second, burst=quirks.burst, clock=clock)
        spacing = quirks.launch_spacing.total_seconds()
        # Creates have a line of their own: looks at many machines that boot fill the other one for as long as they boot.
        self._launches = (
            Pacer(rate=1 / spacing, burst=1, clock=clock)
            if spacing
            else Pacer(rate=quirks.requests_per_second / 2, burst=quirks.burst, clock=clock)
        )
        self._listing: Listing | None = None
        self._listing_lock = asyncio.Lock()
        self._balance: tuple[Money | None, float] | None = None
        self._unreached_since: datetime | None = None
        self._reached_again_at: datetime | None = None

    @property
    def name(self) -> ProviderName:
        """The provider's name."""
        return self._provider.name

    @property
    def quirks(self) -> Quirks:
        """The provider's numbers."""
        return self._provider.quirks

    @property
    def capabilities(self) -> Capabilities:
        """What the provider can do."""
        return self._provider.capabilities

    @property
    def answers(self) -> bool:
        """Whether the cloud has lately answered at all."""
        return not self._pacer.circuit_open

    @property
    def launch_wait(self) -> float:
        """How long a create would stand in line if it came now, in seconds."""
        return max(self._launches.wait, self._pacer.patience)

    def line_up(self) -> float:
        """Take a turn for a create, and return when it comes, by the monotonic clock.

        Taken before anything is written down or waited for: whoever decides at the same moment sees the longer line. What is
        not a create waits until its debt is paid.
        """
        self._pacer.take(urgent=True)
        patience, turn = self._pacer.patience, self._launches.take(urgent=False)
        return self._clock.monotonic() + max(patience, turn)

    @property
    def read_wait(self) -> float:
        """How long a read would stand in line if it came now, in seconds."""
        return self._pacer.wait

    def deaf_until(self, now: datetime) -> datetime | None:
        """Return until when we may have been cut off from this cloud, and so from its nodes; None if never.

        A machine without a network hears no node either: that is our silence, and not theirs.
        """
        return self._reached_again_at if self._unreached_since is None else now

    async def list_offers(self, *, known: str = "") -> OfferListing | Unchanged:
        """See the port. All else passes it; and patience that is asked for here is had with the menu alone."""
        with at_leisure():
            return await self._ask(
                "list_offers", lambda: self._provider.list_offers(known=known), limit=LIST_LIMIT
            )

    async def launch(
        self, make_order: Callable[[], LaunchOrder], *, turn_at: float | None = None
    ) -> Instance:
        """See the port; an answer that comes too late is Ambiguous. `turn_at` is the turn that was taken, if one was.

        The deadline starts when our turn has come, and the order is made only then: what it says of time is true when
        it is sent. Where `make_order` raises, nothing is sent.
        """
        left = (self.line_up() if turn_at is None else turn_at) - self._clock.monotonic()
        if left > 0:
            await self._clock.sleep(left)
        order = make_order()
        self._meter.count("provider_calls_total", provider=self.name, call="launch")
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(self.quirks.call_deadline.total_seconds()):
                instance = await self._provider.launch(order)
        except TimeoutError:
            self._note("launch", "Ambiguous")
            message = f"{self.name} did not answer the create call in time"
            raise Ambiguous(message) from None
        except ProviderError as error:
            self._blame("launch", error)
            raise
        finally:
            self.doubt_balance()  # It is less now, or too little.
        self._took("launch", started)
        self._reached()
        return self._recognised(instance)

    async def find(self, label: Label) -> Instance | None:
        """See the port."""
        found = await self._ask("find", lambda: self._provider.find(label), limit=LIST_LIMIT)
        return None if found is None else self._recognised(found)

    async def observe(self, instance_id: InstanceId) -> Instance | None:
        """See the port."""
        seen = await self._ask(
            "observe", lambda: self._provider.observe(instance_id), limit=READ_LIMIT
        )
        return None if seen is None else self._recognised(seen)

    async def destroy(self, instance_id: InstanceId) -> datetime:
        """See the port; never waits in line. Return when the order was taken, which clearing away may have followed."""
        taken: list[datetime] = []
        told = ORDER_TAKEN.set(lambda: taken.append(self._clock.now()))
        try:
            await self._ask(
                "destroy",
                lambda: self._provider.destroy(instance_id),
                limit=READ_LIMIT,
                urgent=True,
            )
        finally:
            ORDER_TAKEN.reset(told)
        return taken[0] if taken else self._clock.now()

    async def balance(self, *, lasts: timedelta = BALANCE_LASTS) -> Money | None:
        """Return what was left on the account at most that long ago: frequent sweeps needn't ask each time."""
        now = self._clock.monotonic()
        if self._balance is None or now - self._balance[1] > lasts.total_seconds():
            left = await self._ask("balance", self._provider.balance, limit=READ_LIMIT)
            self._balance = (left, now)
        return self._balance[0]

    def doubt_balance(self) -> None:
        """Ask for the balance anew at the next opportunity: something hangs on it."""
        self._balance = None

    async def listing_begun_after(self, moment: datetime) -> Listing:
        """Return a listing of the whole account that began after `moment`; many who wait share one.

        Raises:
            Unavailable: the account could not be listed in full.
        """
        async with self._listing_lock:
            known, now = self._listing, self._clock.now()
            # After the clock was set back, a listing that seems to be of the future is an old one.
            if known is not None and moment < known.began_at <= now:
                return known
            listing = await self._ask("list_all", self._provider.list_all, limit=LIST_LIMIT)
            if not listing.complete:
                message = f"{self.name} gave an incomplete listing: {listing.trouble}"
                raise Unavailable(message)
            ours = tuple(map(self._recognised, listing.instances))
            self._listing = replace(listing, instances=ours)
            return self._listing

    async def aclose(self) -> None:
        """Close connections."""
        await self._provider.aclose()

    async def _ask(
        self, what: str, call: Callable[[], Awaitable[T]], *, limit: timedelta, urgent: bool = False
    ) -> T:
        await self._pacer.turn(urgent=urgent)
        self._meter.count("provider_calls_total", provider=self.name, call=what)
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(limit.total_seconds()):
                answer = await call()
        except TimeoutError:
            self._unreached()
            self._note(what, "Unavailable")
            message = f"{self.name} did not answer {what} within {limit.total_seconds():.0f} s"
            raise Unavailable(message) from None
        except ProviderError as error:
            self._blame(what, error)
            raise
        self._took(what, started)
        self._reached()
        return answer

    def _recognised(self, instance: Instance) -> Instance:
        label = label_to_go_by(instance.label, instance.mark, key=self._label_key)
        return instance if label == instance.label else replace(instance, label=label)

    def _took(self, what: str, started: float) -> None:
        seconds = self._clock.monotonic() - started
        self._meter.timed("provider_call_seconds", seconds, provider=self.name, call=what)

    def _reached(self) -> None:
        now, since = self._clock.now(), self._unreached_since
        if since is not None and now - since > OUTAGE:
            self._reached_again_at = now
        self._unreached_since = None
        self._pacer.succeeded()

    def _unreached(self) -> None:
        self._unreached_since = self._unreached_since or self._clock.now()
        self._pacer.failed()

    def _blame(self, what: str, error: ProviderError) -> None:
        self._note(what, type(error).__name__)
        if isinstance(error, RateLimited):
            if what != "list_offers":
                self._pacer.hold(error.retry_after, urgent=what == "destroy")
        elif isinstance(error, Unavailable):
            self._unreached()

    def _note(self, what: str, kind: str) -> None:
        self._meter.count("provider_errors_total", provider=self.name, kind=kind)
        self._meter.event("provider_error", provider=self.name, call=what, kind=kind)
