"""The client: every route of the API as a method, and `session()`, which rents, waits, and always ends.

A request whose repetition does no harm is repeated while the server cannot be reached, for some seconds; a create
carries an Idempotency-Key, so that a lost reply neither loses a session nor makes a second one.
"""

from collections.abc import Iterator
from datetime import date
from typing import Unpack

from gpu_shopper.client import calls
from gpu_shopper.client.connection import exchange
from gpu_shopper.client.errors import ServerUnreachable, ShopperError
from gpu_shopper.client.exchange import (
    Call,
    T,
    Tries,
    headers_of,
    read,
    server_at,
)
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
from gpu_shopper.client.rented import RentedSession
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

DEFAULT_URL = "http://127.0.0.1:8477"
DEFAULT_CONSUMER = "default"


class Shopper:
    """Talks to one server. Threads may share it; it holds no connection open."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str = "",
        consumer: str = DEFAULT_CONSUMER,
        timeout_s: float = 30.0,
        surroundings: Surroundings = REAL,
    ) -> None:
        """Name the server, the token to show to it, and whom sessions are for unless they say otherwise."""
        self._server = server_at(url)
        self._token = token
        self._timeout_s = timeout_s
        self.consumer = consumer
        self.surroundings = surroundings

    def __repr__(self) -> str:
        return f"Shopper({self._server.url!r})"

    # Renting.

    def session(
        self, *, wait_s: float = 3600.0, key_file: str | None = None, **wish: Unpack[Wish]
    ) -> RentedSession:
        """Return a session to be used in a `with` block: rented when it is entered, ended when it is left.

        `key_file` is the private key for a `ssh_public_key` of your own; without both, a pair is made.
        """
        order = order_of(wish, consumer=self.consumer)
        return RentedSession(self, order, wait_s=wait_s, key_file=key_file)

    def create_session(
        self, order: SessionOrder | None = None, *, idempotency_key: str = "", **wish: Unpack[Wish]
    ) -> SessionCreated:
        """Ask for a session and return at once; it is for you to end it."""
        order = order or order_of(wish, consumer=self.consumer)
        key = idempotency_key or self.surroundings.draw_key()
        return self._ask(calls.create_session(order, key=key))

    def wait_until_running(self, session_id: str, *, wait_s: float = 3600.0) -> SessionBody:
        """Return the session once it runs.

        Raises:
            SessionFailed: it ended before that, or took longer than `wait_s`.
        """
        deadline = self.surroundings.monotonic() + wait_s
        for seen in self.watch(session_id, every_look=True):
            if check_usable(seen):
                return seen
            if self.surroundings.monotonic() > deadline:
                raise took_too_long(seen, wait_s)
        raise AssertionError(f"session {session_id} was watched past its end")

    def wait_until_ended(self, session_id: str) -> SessionBody:
        """Return the session once its absence is proved."""
        for seen in self.watch(session_id):
            if seen.status in FINAL:
                return seen
        raise AssertionError(f"the watch over session {session_id} ended before it did")

    def watch(self, session_id: str, *, every_look: bool = False) -> Iterator[SessionBody]:
        """Yield the session now, whenever something about it changes, and last when it has ended.

        With `every_look` it is yielded each time that it was looked at.
        """
        watch = Watch()
        while True:
            try:
                seen = self.get(session_id)
            except ServerUnreachable as error:
                watch.bear(error, now=self.surroundings.monotonic())
            else:
                if watch.is_news(seen) or every_look:
                    yield seen
                if seen.status in FINAL:
                    return
            self.surroundings.sleep(watch.pause_s)

    # Sessions.

    def get(self, session_id: str) -> SessionBody:
        """Return one session."""
        return self._ask(calls.session(session_id))

    def sessions(
        self,
        *,
        consumer_id: str | None = None,
        status: str | list[str] | None = None,
        provider: str | None = None,
    ) -> Iterator[SessionBody]:
        """Yield all sessions that match, newest first, page by page."""
        query: dict[str, object] = {
            "consumer_id": consumer_id,
            "status": status,
            "provider": provider,
        }
        while True:
            page = self._ask(calls.sessions(query))
            yield from page.sessions
            if not page.next_cursor:
                return
            query["cursor"] = page.next_cursor

    def done(self, session_id: str) -> SessionEnded:
        """Say that you are finished with a session."""
        return self._ask(calls.done(session_id))

    def extend(
        self, session_id: str, hours: int, *, override_hard_max: bool = False
    ) -> SessionExtended:
        """Prolong a session."""
        return self._ask(calls.extend(session_id, hours, override_hard_max=override_hard_max))

    def delete(self, session_id: str) -> SessionEnded:
        """End a session now; may be said any number of times."""
        return self._ask(calls.delete_session(session_id))

    def events(self, session_id: str) -> Iterator[EventBody]:
        """Yield a session's history, oldest first, page by page."""
        query: dict[str, object] = {}
        while True:
            page = self._ask(calls.events(session_id, query))
            yield from page.events
            if not page.next_cursor:
                return
            query["cursor"] = page.next_cursor

    def diagnostics(self, session_id: str) -> DiagnosticsBody:
        """Return what the engine knows of a session."""
        return self._ask(calls.diagnostics(session_id))

    # Offers and clouds.

    def inventory(self, **filters: Unpack[Filters]) -> OfferPage:
        """Return one page of the offers that match, and how each cloud's part stands."""
        return self._ask(calls.inventory(filters))

    def inventory_unless(self, held: str, **filters: Unpack[Filters]) -> calls.MenuEdition | None:
        """Return such a page and the name of its state; None while that is still `held`, which costs next to nothing."""
        return self._ask(calls.inventory_unless(held, filters))

    def offer(self, offer_id: str, **need: Unpack[NeedFilters]) -> OfferBody:
        """Return one offer, with what it costs in truth where a need is told."""
        return self._ask(calls.offer(offer_id, need))

    def alternatives(self, offer_id: str, **filters: Unpack[AlternativesFilters]) -> OfferPage:
        """Return what may stand in for an offer: what a retry would go through, the cheapest first."""
        return self._ask(calls.alternatives(offer_id, filters))

    def price_history(self, **filters: Unpack[HistoryFilters]) -> PriceHistory:
        """Return one page of what families of offers have cost, and whether now is a good time."""
        return self._ask(calls.price_history(filters))

    def fit(self, model: str | None = None, **filters: Unpack[FitFilters]) -> FitReply:
        """Return what a language model takes to be served, and the offers that have it, the cheapest first."""
        return self._ask(calls.fit({"model": model, **filters}))

    def providers(self) -> list[ProviderBody]:
        """Return all configured clouds."""
        return self._ask(calls.providers()).providers

    def offer_health(self) -> list[HealthOfOffer]:
        """Return what is remembered against offers."""
        return self._ask(calls.offer_health()).entries

    def offer_odds(self, offer_id: str, *, hours: float = 1.0) -> OddsOfOffer:
        """Return the whole reckoning of one offer: each part of its odds, and what work on it is expected to cost."""
        found = self._ask(calls.offer_health(offer_id, hours=hours)).offer
        assert found is not None, offer_id
        return found

    # Money.

    def cost(self, session_id: str) -> SessionCost:
        """Return what one session costs so far."""
        return self._ask(calls.session_cost(session_id))

    def costs(
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
        return self._ask(calls.costs(query))

    def cost_summary(self, *, consumer_id: str | None = None) -> CostSummary:
        """Return what this month cost."""
        return self._ask(calls.cost_summary(consumer_id))

    def hourly(self, **filters: Unpack[HourlyFilters]) -> Iterator[HourlyRecord]:
        """Yield hourly records by time, page by page."""
        query: dict[str, object] = {**filters}
        while True:
            page = self._ask(calls.hourly(query))
            yield from page.records
            if not page.next_cursor:
                return
            query["cursor"] = page.next_cursor

    # Operating.

    def health(self) -> Health:
        """Return how the server is, also while it is not ready."""
        return self._ask(calls.health())

    def notices(self, *, limit: int = 100) -> list[NoticeBody]:
        """Return what operators should know, newest first."""
        return self._ask(calls.notices(limit)).notices

    def sweep(self) -> None:
        """Ask for a look at every account now."""
        self._ask(calls.sweep())

    def orphans(self) -> OrphanReport:
        """Return what should end and has not been shown to be gone."""
        return self._ask(calls.orphans())

    def create_token(self, order: TokenOrder) -> TokenCreated:
        """Make a token; its secret is in this answer only."""
        return self._ask(calls.create_token(order))

    def tokens(self) -> list[TokenBody]:
        """Return all tokens, without their secrets."""
        return self._ask(calls.tokens()).tokens

    def revoke_token(self, token_id: str) -> None:
        """Make a token worthless at once."""
        self._ask(calls.revoke_token(token_id))

    def _ask(self, call: Call[T]) -> T:
        headers = headers_of(call, self._token)
        tries = Tries(call)
        while True:
            try:
                answer = exchange(self._server, call, headers, timeout_s=self._timeout_s)
                return read(call, answer, self._server)
            except ShopperError as error:
                pause_s = tries.pause_after(error)
            self.surroundings.sleep(pause_s)
