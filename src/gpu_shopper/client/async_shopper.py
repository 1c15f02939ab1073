"""The client for asynchronous programs: the same calls, rules and errors as `Shopper`, over aiohttp."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import date
from typing import Self, Unpack

from gpu_shopper.client import calls
from gpu_shopper.client.async_connection import AiohttpConnection, AsyncConnection
from gpu_shopper.client.async_rented import AsyncRentedSession
from gpu_shopper.client.errors import ServerUnreachable, ShopperError
from gpu_shopper.client.exchange import Call, T, Tries, headers_of, read, server_at
from gpu_shopper.client.orders import (
    AlternativesFilters,
    Filters,
    FitFilters,
    HistoryFilters,
    HourlyFilters,
    NeedFilters,
    Wish,
    order_of,
)
from gpu_shopper.client.shopper import DEFAULT_CONSUMER, DEFAULT_URL
from gpu_shopper.client.surroundings import REAL, Surroundings
from gpu_shopper.client.watching import FINAL, Watch, check_usable, took_too_long
from gpu_shopper.wire.costs import CostSummary, HourlyRecord, SessionCost
from gpu_shopper.wire.fit import FitReply
from gpu_shopper.wire.history import PriceHistory
from gpu_shopper.wire.offer_health import HealthOfOffer, OddsOfOffer
from gpu_shopper.wire.offers import OfferBody, OfferPage, ProviderBody
from gpu_shopper.wire.operations import (
    Health,
    NoticeBody,
    OrphanReport,
    TokenBody,
    TokenCreated,
    TokenOrder,
)
from gpu_shopper.wire.sessions import (
    DiagnosticsBody,
    EventBody,
    SessionBody,
    SessionCreated,
    SessionEnded,
    SessionExtended,
    SessionOrder,
)


class AsyncShopper:
    """Talks to one server; connections are kept until `close`, or the end of its `async with` block."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str = "",
        consumer: str = DEFAULT_CONSUMER,
        timeout_s: float = 30.0,
        surroundings: Surroundings = REAL,
        connection: AsyncConnection | None = None,
    ) -> None:
        """Name the server, the token to show to it, and whom sessions are for unless they say otherwise.

        `connection` is the way there, if not over aiohttp.
        """
        self._server = server_at(url)
        self._token = token
        self._timeout_s = timeout_s
        self.consumer = consumer
        self.surroundings = surroundings
        self._connection = connection or AiohttpConnection()

    def __repr__(self) -> str:
        return f"AsyncShopper({self._server.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        await self._connection.close()

    # Renting.

    def session(
        self, *, wait_s: float = 3600.0, key_file: str | None = None, **wish: Unpack[Wish]
    ) -> AsyncRentedSession:
        """Return a session to be used in an `async with` block: rented when it is entered, ended when it is left.

        `key_file` is the private key for a `ssh_public_key` of your own; without both, a pair is made.
        """
        order = order_of(wish, consumer=self.consumer)
        return AsyncRentedSession(self, order, wait_s=wait_s, key_file=key_file)

    async def create_session(
        self, order: SessionOrder | None = None, *, idempotency_key: str = "", **wish: Unpack[Wish]
    ) -> SessionCreated:
        """Ask for a session and return at once; it is for you to end it."""
        order = order or order_of(wish, consumer=self.consumer)
        key = idempotency_key or self.surroundings.draw_key()
        return await self._ask(calls.create_session(order, key=key))

    async def wait_until_running(self, session_id: str, *, wait_s: float = 3600.0) -> SessionBody:
        """Return the session once it runs.

        Raises:
            SessionFailed: it ended before that, or took longer than `wait_s`.
        """
        deadline = self.surroundings.monotonic() + wait_s
        async with aclosing(self.watch(session_id, every_look=True)) as looks:
            async for seen in looks:
                if check_usable(seen):
                    return seen
                if self.surroundings.monotonic() > deadline:
                    raise took_too_long(seen, wait_s)
        raise AssertionError(f"session {session_id} was watched past its end")

    async def wait_until_ended(self, session_id: str) -> SessionBody:
        """Return the session once its absence is proved."""
        async for seen in self.watch(session_id):
            if seen.status in FINAL:
                return seen
        raise AssertionError(f"the watch over session {session_id} ended before it did")

    async def watch(
        self, session_id: str, *, every_look: bool = False
    ) -> AsyncGenerator[SessionBody, None]:
        """Yield the session now, whenever something about it changes, and last when it has ended.

        With `every_look` it is yielded each time that it was looked at.
        """
        watch = Watch()
        while True:
            try:
                seen = await self.get(session_id)
            except ServerUnreachable as error:
                watch.bear(error, now=self.surroundings.monotonic())
            else:
                if watch.is_news(seen) or every_look:
                    yield seen
                if seen.status in FINAL:
                    return
            await self.surroundings.sleep_async(watch.pause_s)

    # Sessions.

    async def get(self, session_id: str) -> SessionBody:
        """Return one session."""
        return await self._ask(calls.session(session_id))

    async def sessions(
        self,
        *,
        consumer_id: str | None = None,
        status: str | list[str] | None = None,
        provider: str | None = None,
    ) -> AsyncGenerator[SessionBody, None]:
        """Yield all sessions that match, newest first, page by page."""
        query: dict[str, object] = {
            "consumer_id": consumer_id,
            "status": status,
            "provider": provider,
        }
        while True:
            page = await self._ask(calls.sessions(query))
            for each in page.sessions:
                yield each
            if not page.next_cursor:
                return
            query["cursor"] = page.next_cursor

    async def done(self, session_id: str) -> SessionEnded:
        """Say that you are finished with a session."""
        return await self._ask(calls.done(session_id))

    async def extend(
        self, session_id: str, hours: int, *, override_hard_max: bool = False
    ) -> SessionExtended:
        """Prolong a session."""
        return await self._ask(calls.extend(session_id, hours, override_hard_max=override_hard_max))

    async def delete(self, session_id: str) -> SessionEnded:
        """End a session now; may be said any number of times."""
        return await self._ask(calls.delete_session(session_id))

    async def events(self, session_id: str) -> AsyncGenerator[EventBody, None]:
        """Yield a session's history, oldest first, page by page."""
        query: dict[str, object] = {}
        while True:
            page = await self._ask(calls.events(session_id, query))
            for each in page.events:
                yield each
            if not page.next_cursor:
                return
            query["cursor"] = page.next_cursor

    async def diagnostics(self, session_id: str) -> DiagnosticsBody:
        """Return what the engine knows of a session."""
        return await self._ask(calls.diagnostics(session_id))

    # Offers and clouds.

    async def inventory(self, **filters: Unpack[Filters]) -> OfferPage:
        """Return one page of the offers that match, and how each cloud's part stands."""
        return await self._ask(calls.inventory(filters))

    async def inventory_unless(
        self, held: str, **filters: Unpack[Filters]
    ) -> calls.MenuEdition | None:
        """Return such a page and the name of its state; None while that is still `held`, which costs next to nothing."""
        return await self._ask(calls.inventory_unless(held, filters))

    async def offer(self, offer_id: str, **need: Unpack[NeedFilters]) -> OfferBody:
        """Return one offer, with what it costs in truth where a need is told."""
        return await self._ask(calls.offer(offer_id, need))

    async def alternatives(
        self, offer_id: str, **filters: Unpack[AlternativesFilters]
    ) -> OfferPage:
        """Return what may stand in for an offer: what a retry would go through, the cheapest first."""
        return await self._ask(calls.alternatives(offer_id, filters))

    async def price_history(self, **filters: Unpack[HistoryFilters]) -> PriceHistory:
        """Return one page of what families of offers have cost, and whether now is a good time."""
        return await self._ask(calls.price_history(filters))

    async def fit(self, model: str | None = None, **filters: Unpack[FitFilters]) -> FitReply:
        """Return what a language model takes to be served, and the offers that have it, the cheapest first."""
        return await self._ask(calls.fit({"model": model, **filters}))

    async def providers(self) -> list[ProviderBody]:
        """Return all configured clouds."""
        return (await self._ask(calls.providers())).providers

    async def offer_health(self) -> list[HealthOfOffer]:
        """Return what is remembered against offers."""
        return (await self._ask(calls.offer_health())).entries

    async def offer_odds(self, offer_id: str, *, hours: float = 1.0) -> OddsOfOffer:
        """Return the whole reckoning of one offer: each part of its odds, and what work on it is expected to cost."""
        found = (await self._ask(calls.offer_health(offer_id, hours=hours))).offer
        assert found is not None, offer_id
        return found

    # Money.

    async def cost(self, session_id: str) -> SessionCost:
        """Return what one session costs so far."""
        return await self._ask(calls.session_cost(session_id))

    async def costs(
        self,
        *,
        consumer_id: str | None = None,
        period: str | None = None,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
    ) -> CostSummary:
        """Return what a period cost: `daily`, `monthly`, or from one day to another."""
        query = {
            "consumer_id": consumer_id, "period": period,
            "start_date": calls.day(start_date), "end_date": calls.day(end_date),
        }  # fmt: skip
        return await self._ask(calls.costs(query))

    async def cost_summary(self, *, consumer_id: str | None = None) -> CostSummary:
        """Return what this month cost."""
        return await self._ask(calls.cost_summary(consumer_id))

    async def hourly(self, **filters: Unpack[HourlyFilters]) -> AsyncGenerator[HourlyRecord, None]:
        """Yield hourly records by time, page by page."""
        query: dict[str, object] = {**filters}
        while True:
            page = await self._ask(calls.hourly(query))
            for each in page.records:
                yield each
            if not page.next_cursor:
                return
            query["cursor"] = page.next_cursor

    # Operating.

    async def health(self) -> Health:
        """Return how the server is, also while it is not ready."""
        return await self._ask(calls.health())

    async def notices(self, *, limit: int = 100) -> list[NoticeBody]:
        """Return what operators should know, newest first."""
        return (await self._ask(calls.notices(limit))).notices

    async def sweep(self) -> None:
        """Ask for a look at every account now."""
        await self._ask(calls.sweep())

    async def orphans(self) -> OrphanReport:
        """Return what should end and has not been shown to be gone."""
        return await self._ask(calls.orphans())

    async def create_token(self, order: TokenOrder) -> TokenCreated:
        """Make a token; its secret is in this answer only."""
        return await self._ask(calls.create_token(order))

    async def tokens(self) -> list[TokenBody]:
        """Return all tokens, without their secrets."""
        return (await self._ask(calls.tokens())).tokens

    async def revoke_token(self, token_id: str) -> None:
        """Make a token worthless at once."""
        await self._ask(calls.revoke_token(token_id))

    async def _ask(self, call: Call[T]) -> T:
        headers = headers_of(call, self._token)
        tries = Tries(call)
        while True:
            try:
                answer = await self._connection.exchange(
                    self._server, call, headers, timeout_s=self._timeout_s
                )
                return read(call, answer, self._server)
            except ShopperError as error:
                pause_s = tries.pause_after(error)
            await self.surroundings.sleep_async(pause_s)
