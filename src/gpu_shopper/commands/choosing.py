"""Checking a request against the market before anything is written: is it on sale, allowed, possible."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from gpu_shopper.domain.conditions import Condition, OneOf, condition_of, joined
from gpu_shopper.domain.deadlines import time_to_start
from gpu_shopper.domain.errors import (
    Invalid,
    NothingMatches,
    OfferUnavailable,
    PriceAboveCap,
    Unsupported,
)
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.money import ZERO, HourlyRate
from gpu_shopper.domain.offer import Offer, Requirements
from gpu_shopper.domain.offer_health import OfferHealth
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.domain.ranking import fit_to_buy, lasting, roomy
from gpu_shopper.domain.session import SessionRequest
from gpu_shopper.domain.true_price import Costing, TruePrice
from gpu_shopper.domain.workload import Workload
from gpu_shopper.market.holder import Market
from gpu_shopper.market.pieces import in_turns
from gpu_shopper.market.silence import not_ready
from gpu_shopper.ports.clock import Clock

# Of an offer that was seen and chosen, and of a kind of offer: a retry then needs room among its likes.
CAP_PERCENT_OF_OFFER = 110
CAP_PERCENT_OF_KIND = 150

Abilities = dict[ProviderName, Capabilities]
_PLAIN = Quirks()
# Of so many, the best ones first, one is nearly always free.
_FEW: Final = 32


async def checked(
    request: SessionRequest,
    *,
    market: Market,
    capabilities: Abilities,
    quirks: Mapping[ProviderName, Quirks],
    health: OfferHealth,
    clock: Clock,
) -> SessionRequest:
    """Return the request with its absolute price cap, and its requirements filled in.

    A cap that nobody named follows from the offer that was chosen, or that the engine would buy at this moment: from all that
    is sure to be billed for it, as caps are held against prices. What may be taken away at any time is rented only on the
    consumer's word. Who names no time to start in gives the clouds the time that they need: a machine that is slow by nature is
    not ended for it.

    Raises:
        Refusal: nothing on the market can serve it; nothing was written.
    """
    snapshot = market.snapshot
    if not any(listing.fetched_at is not None for listing in snapshot.providers):
        raise not_ready(snapshot.providers)
    request = replace(request, price_cap=_lowest_cap(request))
    costing = Costing(request.need, tuple((name, one.billing) for name, one in quirks.items()))
    if request.offer_id:
        offer, percent = _chosen(request, market), CAP_PERCENT_OF_OFFER
        wanted = _like(offer)
    else:
        wanted = _firm_unless_asked(request.requirements)
        asked = replace(request, requirements=wanted)
        stalls = _Stalls(market=market, health=health, clock=clock, costing=costing)
        offer, percent = await _to_be_bought(asked, stalls, capabilities), CAP_PERCENT_OF_KIND
    _refuse_unsupported(request.workload, offer, capabilities)
    price = costing.capped(offer)
    cap = request.price_cap or HourlyRate(price.per_hour.micros * percent // 100)
    if price.per_hour > cap:
        raise PriceAboveCap(
            f"offer {offer.id} costs {_spelled(price, request)}, above the cap of {cap}",
            hint=f"raise max_price_per_hour to {price.per_hour.dollars:.6g} or choose another offer",
        )
    hours = request.reservation_hours
    if 0 < offer.max_duration_hours < hours:
        message = f"offer {offer.id} lasts {offer.max_duration_hours} h, less than the {hours} h asked for"
        raise Unsupported(message, hint="ask for fewer hours or choose another offer")
    return replace(
        request,
        price_cap=cap,
        requirements=wanted,
        startup_timeout=request.startup_timeout or _time_to_start(request, capabilities, quirks),
    )


def _lowest_cap(request: SessionRequest) -> HourlyRate | None:
    caps = [cap for cap in (request.price_cap, request.requirements.max_price) if cap is not None]
    return min(caps, default=None)


def _spelled(price: TruePrice, request: SessionRequest) -> str:
    """Return a price in words, with all that makes it more than the one on the list."""
    parts = {
        f"{request.workload.disk_gb} GB of disk": price.disk,
        f"what is billed beyond {request.reservation_hours} h": price.unused,
        "its cloud's fees": price.exchange + price.rounding,
    }
    more = " and ".join(what for what, amount in parts.items() if amount != ZERO)
    return f"{price.per_hour} with {more}" if more else str(price.per_hour)


def _time_to_start(
    request: SessionRequest, capabilities: Abilities, quirks: Mapping[ProviderName, Quirks]
) -> timedelta:
    """Return how long the slowest cloud may take that may come to serve the request: it is asked of no other one."""
    named = {name.lower() for name in request.requirements.providers}
    return time_to_start(
        quirks.get(name, _PLAIN).boot_grace
        for name, can in capabilities.items()
        if can.lacking(request.workload) is None and (not named or name.lower() in named)
    )


def _firm_unless_asked(wanted: Requirements) -> Requirements:
    return replace(wanted, interruptible=False) if wanted.interruptible is None else wanted


def _chosen(request: SessionRequest, market: Market) -> Offer:
    offer_id, snapshot = OfferId(request.offer_id or ""), market.snapshot
    offer = snapshot.get(offer_id)
    if offer is None or not offer.available or snapshot.has_gone(offer_id):
        message = f"offer {request.offer_id} is not on sale any more"
        raise OfferUnavailable(
            message, hint="look at the inventory again", offer_id=request.offer_id
        )
    return offer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stalls:
    """The market, as it looks to one request."""

    market: Market
    health: OfferHealth
    clock: Clock
    costing: Costing

    async def best(
        self, condition: Condition, *, cap: HourlyRate | None, gone: bool = False
    ) -> Offer | None:
        """Return what the engine would buy first of what fulfils `condition`; it passes over what is taken or left alone."""
        snapshot, most = self.market.snapshot, _FEW
        while True:
            found = await in_turns(
                snapshot.choosing(condition, self.costing, cap=cap, most=most, gone=gone),
                self.clock,
            )
            free = next(filter(self._is_free, found), None)
            if free is not None or len(found) < most:
                return free or next(iter(found), None)
            most *= _FEW

    def _is_free(self, offer: Offer) -> bool:
        return not self.market.is_taken(offer) and self.health.suppressed_until(offer) is None


async def _to_be_bought(request: SessionRequest, stalls: _Stalls, capabilities: Abilities) -> Offer:
    """Return the offer that would be bought now; where no cloud can do it, the one to be named in the refusal."""
    wanted, cap = request.requirements, request.price_cap
    fitting = joined(
        condition_of(replace(wanted, max_price=None)),
        *fit_to_buy(),
        lasting(request.reservation_hours),
        roomy(request.workload.disk_gb or 0),
    )
    able = {name for name, can in capabilities.items() if can.lacking(request.workload) is None}
    served = joined(fitting, OneOf("provider", frozenset(map(str.lower, able))))
    for condition, gone in ((served, False), (served, True), (fitting, True)):
        offer = await stalls.best(condition, cap=cap, gone=gone)
        if offer is not None:
            return offer
    _refuse_what_none_sells(wanted, capabilities)
    dearer = None if cap is None else await stalls.best(fitting, cap=None, gone=True)
    if dearer is not None:
        price = stalls.costing.capped(dearer)
        raise NothingMatches(
            f"no offer on the market matches within {cap}: {dearer.id} would cost {_spelled(price, request)}",
            hint=f"raise max_price_per_hour to {price.per_hour.dollars:.6g}, or ask for more kinds of GPU or interruptible ones",
        )
    raise NothingMatches(
        "no offer on the market matches the request",
        hint="ask for more kinds of GPU, less memory, fewer hours, less disk, or interruptible ones",
    )


def _like(offer: Offer) -> Requirements:
    """Return the least that another offer must have to stand in for this one; the retry scope narrows it further."""
    return Requirements(
        min_gpu_count=offer.gpu_count,
        interruptible=None if offer.interruptible else False,
    )


def _refuse_what_none_sells(wanted: Requirements, capabilities: Abilities) -> None:
    """Refuse a wish for offers of a kind that none of the clouds in question ever sells: there is no sense in trying again."""
    names = {name.lower() for name in wanted.providers}
    named = {name: can for name, can in capabilities.items() if name in names}
    asked = named if wanted.providers else capabilities
    if wanted.interruptible and asked and not any(can.interruptible for can in asked.values()):
        message = f"{', '.join(sorted(asked))} cannot honour interruptible"
        raise Unsupported(
            message,
            hint="leave interruptible out or choose another cloud",
            field="requirements.interruptible",
        )


def _refuse_unsupported(workload: Workload, offer: Offer, capabilities: Abilities) -> None:
    field = capabilities[offer.provider].lacking(workload)
    if field is not None:
        message = f"{offer.provider} cannot honour {field}"
        raise Unsupported(message, hint=f"leave {field} out or choose another cloud", field=field)
    if workload.disk_gb is not None and 0 < offer.disk_gb < workload.disk_gb:
        message = f"offer {offer.id} has {offer.disk_gb} GB of disk, less than the {workload.disk_gb} GB asked for"
        raise Unsupported(
            message, hint="ask for less disk or choose another offer", field="disk_gb"
        )


def refuse_bad_keys(request: SessionRequest) -> None:
    """Refuse public keys that are not one OpenSSH line.

    Raises:
        Invalid: the key is malformed; a private key is refused without being repeated.
    """
    for line in request.ssh_public_keys:
        words = line.split()
        fits = (
            len(words) >= 2
            and "\n" not in line.strip()
            and words[0].startswith(("ssh-", "ecdsa-", "sk-"))
        )
        if not fits or "PRIVATE" in line:
            raise Invalid(
                "ssh_public_key is not one OpenSSH public key line",
                path="$.ssh_public_key",
                hint="send the content of the .pub file",
            )
