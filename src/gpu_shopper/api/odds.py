"""The odds, explained: what is remembered of launches, and the whole reckoning of one offer."""

from typing import Annotated

from msgspec import Meta, Struct

from gpu_shopper.api.menu_query import KIND
from gpu_shopper.api.routes import Ask, Reply, Route
from gpu_shopper.domain import errors
from gpu_shopper.domain.ids import OfferId
from gpu_shopper.domain.money import MICROS
from gpu_shopper.domain.offer_health import RULES
from gpu_shopper.queries.odds import Reckoning, RememberedMark
from gpu_shopper.wire.offer_health import (
    HealthOfOffer,
    OddsOfOffer,
    OfferHealthList,
    PartOfOdds,
)

_MOST_HOURS = 8_760


class OfferHealthQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose odds to explain: everything that is remembered, or one offer for so many hours of work."""

    offer_id: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    hours: Annotated[float, Meta(gt=0, le=_MOST_HOURS)] = 1.0


async def list_offer_health(ask: Ask[OfferHealthQuery, None]) -> Reply:
    """Tell what past launches say of offers, machines, places, kinds of GPU and clouds, and explain one offer's odds."""
    given, queries = ask.query, ask.rooms.queries.odds
    if given.offer_id is None:
        view = await queries.all()
    else:
        view = await queries.of(OfferId(given.offer_id), hours=given.hours)
    return Reply(
        OfferHealthList(
            entries=[_entry(mark) for mark in view.marks],
            count=len(view.marks),
            freshness={name: round(fresh, 6) for name, fresh in sorted(view.freshness.items())},
            offer=None if view.offer is None else _offer(view.offer),
        )
    )


def _entry(remembered: RememberedMark) -> HealthOfOffer:
    key, mark = remembered.key, remembered.mark
    rule = RULES[key.scope]
    return HealthOfOffer(
        scope=key.scope,
        key=key.name,
        provider=key.provider,
        failures=mark.failures,
        successes=mark.successes,
        benefit=rule.benefit,
        half_life_s=rule.half_life.total_seconds(),
        weight=round(mark.weight, 6),
        confidence=round(mark.confidence, 6),
        suppressed_until=mark.suppressed_until,
        forgotten_at=mark.forgotten_at,
        last_at=mark.last_at,
        last_reason=mark.last_reason,
        next=remembered.next,
    )


def _offer(reckoning: Reckoning) -> OddsOfOffer:
    expected = reckoning.expected
    return OddsOfOffer(
        offer_id=reckoning.offer.id,
        available=reckoning.available,
        parts=[
            PartOfOdds(part=one.part, factor=round(one.factor, 6), because=one.because)
            for one in reckoning.parts
        ],
        confidence=reckoning.confidence,
        hours=expected.hours,
        price_per_hour=reckoning.offer.price.micros / MICROS,
        bill=_dollars(expected.bill),
        failed_starts=round(expected.failed_starts, 6),
        per_failed_start=_dollars(expected.per_failed_start),
        expected_cost=_dollars(expected.total),
        suppressed_until=reckoning.suppressed_until,
        next=reckoning.next,
    )


def _dollars(micros: float) -> float:
    return round(micros) / MICROS


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/offer-health",
        answer=list_offer_health,
        query=OfferHealthQuery,
        reply=OfferHealthList,
        tag=KIND,
        refuses=(errors.NotFound,),
    ),
)
