"""Choosing what to buy next for a session: within its cap, on its terms, where buying is safe now."""

from dataclasses import replace
from datetime import datetime, timedelta

from gpu_shopper.domain.errors import NothingMatches
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.money import Money, charge
from gpu_shopper.domain.offer import Offer, Requirements
from gpu_shopper.domain.offer_health import OfferHealth
from gpu_shopper.domain.plan import Facts, tries
from gpu_shopper.domain.ranking import Excluded, choose, comparable
from gpu_shopper.domain.session import Session
from gpu_shopper.engine.desk import Desk
from gpu_shopper.ports.books import AccountState, Book, SweepRecord
from gpu_shopper.transactions.health import offer_health

SWEEP_FRESH_FOR = timedelta(minutes=16)


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
        health, safe = await desk.books.read(
            lambda book: (offer_health(book, now=now), self._safe(book, now))
        )
        candidates = self._candidates(facts)
        if not candidates:
            if not desk.market.snapshot.complete:
                # We have just started: what has not been listed yet may have what was asked for.
                return None
            raise NothingMatches(_why_none(facts))
        hours = facts.session.request.reservation_hours
        buyable = [
            offer
            for offer in candidates
            if offer.provider in safe and _affordable(offer, hours, safe[offer.provider])
        ]
        if not buyable:
            return None
        return self._pick(facts, buyable, health)

    def _pick(self, facts: Facts, buyable: list[Offer], health: OfferHealth) -> Offer:
        request = facts.session.request
        # Others of ours may be buying at this moment: run after another one, where there is another.
        free = [offer for offer in buyable if not self._desk.market.is_taken(offer)]
        asked_for = next((offer for offer in buyable if offer.id == request.offer_id), None)
        if asked_for is not None and not tries(facts.attempts):
            return asked_for
        hours = float(request.reservation_hours)
        return choose(free or buyable, hours=hours, draw=self._desk.chance.uniform(), health=health)

    def _candidates(self, facts: Facts) -> list[Offer]:
        session = facts.session
        snapshot = self._desk.market.snapshot
        tried = _excluded(facts.attempts)
        first = next((one.offer for one in facts.attempts if not one.put_off), None)
        if session.request.offer_id and first is None:
            offer = snapshot.get(session.request.offer_id)
            offers = [offer] if offer is not None and offer.available else []
        else:
            offers = [
                offer for offer in snapshot.matching(_terms(session)) if not tried.covers(offer)
            ]
        if session.request.offer_id and first is not None:
            cap = session.request.price_cap
            assert cap is not None, session.id
            scope = session.request.retry_scope
            offers = list(comparable(first, offers, scope, cap=cap, excluded=tried))
        return [offer for offer in offers if _within(session, offer) and self._able(session, offer)]

    def _able(self, session: Session, offer: Offer) -> bool:
        """What a cloud cannot do is never silently dropped: it is not bought there."""
        cloud = self._desk.clouds[offer.provider]
        return cloud.capabilities.lacking(session.request.workload) is None

    def _safe(self, book: Book, now: datetime) -> dict[ProviderName, Money | None]:
        """Return the clouds to buy from now, each with the money that is left there, where it tells."""
        safe = {}
        for name, cloud in self._desk.clouds.items():
            sweep = book.accounts.last_sweep(name, complete=True)
            if sweep and cloud.answers and _may_buy(book.accounts.state(name), sweep, now):
                safe[name] = sweep.balance
        return safe


def _affordable(offer: Offer, hours: int, left: Money | None) -> bool:
    """A cloud whose account runs dry may stop the instance, or take it away."""
    return left is None or charge(offer.price, timedelta(hours=hours)) <= left


def _may_buy(state: AccountState, sweep: SweepRecord, now: datetime) -> bool:
    """Buy only where we can see what we hold: a cloud that cannot be swept could not be cleaned up either."""
    if state.frozen_since is not None or state.unauthorized_since is not None:
        return False
    return now - sweep.began_at <= SWEEP_FRESH_FOR


def _terms(session: Session) -> Requirements:
    request = session.request
    wanted = request.requirements
    ceilings = [price for price in (wanted.max_price, request.price_cap) if price is not None]
    return replace(wanted, max_price=min(ceilings, default=None))


def _within(session: Session, offer: Offer) -> bool:
    request = session.request
    lasts = offer.max_duration_hours == 0 or offer.max_duration_hours >= request.reservation_hours
    disk = request.workload.disk_gb
    fits = disk is None or offer.disk_gb == 0 or offer.disk_gb >= disk
    return (
        lasts
        and fits
        and offer.available
        and (request.price_cap is None or offer.price <= request.price_cap)
    )


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
