"""Bodies about the odds: what is remembered of launches, and the whole reckoning of one offer. Money in USD."""

from datetime import datetime

from msgspec import Struct


class HealthOfOffer(Struct, frozen=True, kw_only=True):
    """What is remembered against one offer, machine, place, kind of GPU or cloud; `key` is empty for a cloud itself.

    `failures` are those of the last day; `successes` launches that worked since the first of them, each of which halves
    what weighs so far. `weight` is what the failures still weigh: half of it is forgotten per `half_life_s`. `confidence`
    is `benefit` / (`benefit` + `weight`). `next` says in words when it is tried again, and when all is forgotten.
    """

    scope: str
    key: str
    provider: str
    failures: int
    successes: int
    benefit: float
    half_life_s: float
    weight: float
    confidence: float
    suppressed_until: datetime | None
    forgotten_at: datetime
    last_at: datetime
    last_reason: str
    next: str


class PartOfOdds(Struct, frozen=True, kw_only=True):
    """One of the factors that an offer's confidence is the product of, and where it comes from."""

    part: str
    factor: float
    because: str


class OddsOfOffer(Struct, frozen=True, kw_only=True):
    """The whole reckoning of one offer: `confidence` is the product of the parts, in ten-thousandths.

    Of the starts that fail before one works there are `failed_starts`, each of which costs `per_failed_start`.
    `expected_cost` is the `bill`, what `hours` cost in truth at `price_per_hour`, and what those cost.
    """

    offer_id: str
    available: bool
    parts: list[PartOfOdds]
    confidence: float
    hours: float
    price_per_hour: float
    bill: float
    failed_starts: float
    per_failed_start: float
    expected_cost: float
    suppressed_until: datetime | None
    next: str


class OfferHealthList(Struct, frozen=True, kw_only=True):
    """All that is remembered against offers, or only what concerns the one that was asked for, with its reckoning.

    `freshness` says how far each cloud's list is believed at its age.
    """

    entries: list[HealthOfOffer]
    count: int
    freshness: dict[str, float]
    offer: OddsOfOffer | None = None
