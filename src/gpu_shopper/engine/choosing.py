"""Choosing what to buy next for a session: within its cap, on its terms, where buying is safe now."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gpu_shopper.domain.conditions import condition_of, joined
from gpu_shopper.domain.errors import NothingMatches
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.money import Money
from gpu_shopper.domain.offer import Offer, Requirements
from gpu_shopper.domain.offer_health import OfferHealth
from gpu_shopper.domain.plan import Facts, tries
from gpu_shopper.domain.ranking import Excluded, choose, comparable_to, fit_to_buy, lasting
from gpu_shopper.domain.session import Session
from gpu_shopper.domain.true_price import capped_price, serves, true_price
from gpu_shopper.engine.desk import Desk
from gpu_shopper.ports.books import AccountState, Book
from gpu_shopper.transactions.health import offer_health

SWEEP_FRESH_FOR = timedelta(minutes=16)
# A create that would wait longer for its turn is not begun yet.
LONGEST_LINE_S = 2.0


class Chooser:
    """Picks the next offer of a session."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def choose(self, facts: Facts) -> Offer | None:
        """Return the offer to buy; None if the clouds that may have one cannot be bought from right now.

        Raises:
            NothingMatches: no offer is left that the request allows.
        """
        desk = self._desk
        now = desk.clock.now()
        health, (safe, unseen) = await desk.books.read(
            lambda book: (offer_health(book, now=now), self._weigh(book, now))
        )
        health = replace(health, freshness=desk.market.snapshot.health.freshness)
        if next(self._candidates(facts), None) is None:
            if not desk.market.snapshot.complete:
                # We have just started: what has not been listed yet may have what was asked for.
                return None
            raise NothingMatches(_why_none(facts))

        def buyable() -> Iterator[Offer]:
            for offer in self._candidates(facts):
                # A cloud whose account runs dry may stop the instance, or take it away.
                left = safe.get(offer.provider)
                if offer.provider in safe and (left is None or self._bill(facts, offer) <= left):
                    yield offer

        if next(buyable(), None) is None:
            self._doubt(safe)
            desk.sweep_wishes.want(unseen)
            return None
        offer = self._pick(facts, buyable, health)
        # What stands in line has been written down as sent: were we killed now, it would be looked for in vain.
        return None if desk.clouds[offer.provider].launch_wait > LONGEST_LINE_S else offer

    def _doubt(self, safe: Mapping[ProviderName, Money | None]) -> None:
        """Let each cloud that tells what is left be asked again: it may be too little, and somebody may have paid in since."""
        for name, left in safe.items():
            if left is not None:
                self._desk.clouds[name].doubt_balance()

    def _pick(
        self, facts: Facts, buyable: Callable[[], Iterator[Offer]], health: OfferHealth
    ) -> Offer:
        request = facts.session.request
        if request.offer_id and not tries(facts.attempts):
            asked_for = next((offer for offer in buyable() if offer.id == request.offer_id), None)
            if asked_for is not None:
                return asked_for
        # Others of ours may be buying at this moment: run after another one, where there is another.
        free = next(self._free(buyable()), None) is not None
        return choose(
            self._free(buyable()) if free else buyable(),
            hours=request.need.hours,
            draw=self._desk.chance.uniform(),
            health=health,
            bill=lambda offer: self._bill(facts, offer).micros,
        )

    def _bill(self, facts: Facts, offer: Offer) -> Money:
        """Return what an offer costs in truth for the hours and the disk that the session asks for."""
        terms = self._desk.clouds[offer.provider].quirks.billing
        return true_price(offer, terms, facts.session.request.need).total

    def _free(self, offers: Iterable[Offer]) -> Iterator[Offer]:
        return (offer for offer in offers if not self._desk.market.is_taken(offer))

    def _candidates(self, facts: Facts) -> Iterator[Offer]:
        """Yield what the request allows, the cheapest first: read from the market only as far as it is asked for."""
        session = facts.session
        tried = _excluded(facts.attempts)
        for offer in self._on_sale(facts):
            if (
                not tried.covers(offer)
                and self._within(session, offer)
                and self._able(session, offer)
            ):
                yield offer

    def _on_sale(self, facts: Facts) -> Iterable[Offer]:
        request, snapshot = facts.session.request, self._desk.market.snapshot
        first = next((one.offer for one in facts.attempts if not one.put_off), None)
        if request.offer_id and first is None:
            offer = snapshot.get(request.offer_id)
            return () if offer is None else (offer,)
        terms = joined(
            condition_of(_terms(facts.session)), *fit_to_buy(), lasting(request.reservation_hours)
        )
        if request.offer_id and first is not None:
            cap = request.price_cap
            assert cap is not None, facts.session.id
            terms = joined(terms, comparable_to(first, request.retry_scope, cap=cap))
        return snapshot.matching(terms)

    def _able(self, session: Session, offer: Offer) -> bool:
        """What a cloud cannot do is never silently dropped: it is not bought there."""
        cloud = self._desk.clouds[offer.provider]
        return cloud.capabilities.lacking(session.request.workload) is None

    def _within(self, session: Session, offer: Offer) -> bool:
        """Return whether the offer lasts long enough, has the disk, and costs no more than the cap, all that is sure to be billed."""
        cap, need = session.request.price_cap, session.request.need
        if not offer.available or not serves(offer, need):
            return False
        terms = self._desk.clouds[offer.provider].quirks.billing
        return cap is None or capped_price(offer, terms, need).per_hour <= cap

    def _weigh(
        self, book: Book, now: datetime
    ) -> tuple[dict[ProviderName, Money | None], list[ProviderName]]:
        """Return the clouds to buy from now, each with the money that is left there, where it tells; and those not seen lately.

        Buy only where we can see what we hold: a cloud that cannot be swept could not be cleaned up either.
        """
        safe, unseen = {}, []
        for name, cloud in self._desk.clouds.items():
            sweep = book.accounts.last_sweep(name, complete=True)
            # One of the future was made before the clock was set back: how old it is, nobody can tell.
            if sweep is None or abs(now - sweep.began_at) > SWEEP_FRESH_FOR:
                unseen.append(name)
            elif cloud.answers and _trusted(book.accounts.state(name)):
                safe[name] = sweep.balance
        return safe, unseen


def _trusted(state: AccountState) -> bool:
    return state.frozen_since is None and state.unauthorized_since is None


def _terms(session: Session) -> Requirements:
    request = session.request
    wanted = request.requirements
    ceilings = [price for price in (wanted.max_price, request.price_cap) if price is not None]
    return replace(wanted, max_price=min(ceilings, default=None))


def _excluded(attempts: tuple[LaunchAttempt, ...]) -> Excluded:
    tried = [attempt for attempt in attempts if not attempt.put_off]
    return Excluded(
        offers=frozenset(attempt.offer.id for attempt in tried),
        machines=frozenset(
            (attempt.provider, attempt.offer.machine_id)
            for attempt in tried
            if attempt.offer.machine_id
        ),
    )


def _why_none(facts: Facts) -> str:
    request = facts.session.request
    cap = f" within {request.price_cap}" if request.price_cap else ""
    if not facts.attempts and request.offer_id:
        return f"offer {request.offer_id} is not on sale any more{cap}"
    if facts.attempts:
        return f"no comparable offer is left{cap} after {len(facts.attempts)} attempts"
    return f"no offer matches{cap}"
