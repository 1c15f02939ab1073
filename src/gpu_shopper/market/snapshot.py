"""All offers at one moment, indexed once, when first asked for, so that a question only narrows and cuts.

A snapshot never changes: a question sees one market however long it takes, and needs no lock.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
from msgspec import json

from gpu_shopper.domain.conditions import EVERYTHING, Condition
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_fields import CHEAPEST_FIRST, LIKELY_CHEAPEST_FIRST, Order
from gpu_shopper.domain.offer_health import OfferHealth
from gpu_shopper.domain.true_price import Costing
from gpu_shopper.market.bitmaps import Words, bit_at, bits_at, without
from gpu_shopper.market.bodies import Bodies
from gpu_shopper.market.costs import Costs
from gpu_shopper.market.effective import Effective
from gpu_shopper.market.facets import Counts, Facets
from gpu_shopper.market.index import Index, indexing
from gpu_shopper.market.masks import Masks
from gpu_shopper.market.outlook import gone, reckoning
from gpu_shopper.market.pieces import Pieces, at_once
from gpu_shopper.market.rows import offer_of
from gpu_shopper.market.selecting import Place, Selection
from gpu_shopper.market.stock import Stock

# What an engine reads at a time: it seldom wants more than the first few.
_READ = 32
_NOTHING_KNOWN = OfferHealth()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What one cloud sells, as last heard.

    `fetched_at` is None before its first answer. `error` says why the newest attempt to list failed, at `failed_at`;
    the offers are then those of the last good answer. Where that answer was that nothing has changed, they were listed at
    `renewed_from`. Where that came before the start, they are `kept`: the cloud itself
    has not been heard yet.
    """

    provider: ProviderName
    stock: Stock
    fetched_at: datetime | None = None
    error: str | None = None
    failed_at: datetime | None = None
    rejected: int = 0
    kept: bool = False
    renewed_from: datetime | None = None

    @property
    def listed_at(self) -> datetime | None:
        """When the cloud listed these offers: earlier than `fetched_at` where it has said since that they are the same."""
        return self.renewed_from or self.fetched_at

    @property
    def ok(self) -> bool:
        """Whether the newest attempt to list this cloud succeeded."""
        return self.fetched_at is not None and self.error is None

    def age(self, now: datetime) -> timedelta | None:
        """Return how old the offers are; None if there never were any."""
        # A clock that was set back does not make offers younger than new.
        return None if self.fetched_at is None else max(timedelta(0), now - self.fetched_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferQuery:
    """One question to the market: what to fulfil, in which order, which part of it, and what to count by.

    With a `costing`, each row says what it costs for that need, and conditions and orders can be about it; and where there
    is a `cap`, none is above it, as caps are held against prices.

    `without` are offers to leave out; they are not counted in the total, but in facets.
    """

    condition: Condition = EVERYTHING
    orders: tuple[Order, ...] = (CHEAPEST_FIRST,)
    limit: int = 50
    offset: int = 0
    after: Place | None = None
    facets: tuple[str, ...] = ()
    without: tuple[OfferId, ...] = ()
    costing: Costing | None = None
    cap: HourlyRate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPage:
    """One page of an answer, with offers as JSON.

    `total` counts all that match; `last` is the row behind which the next page begins, None where there is none.
    """

    rows: tuple[bytes, ...]
    total: int
    last: Place | None = None
    facets: Mapping[str, Counts] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Made:
    """What has been made of a snapshot's offers so far: made once, when first asked for or in pieces before.

    `older_masks` are those of the market before: most of what they keep can still be used.
    """

    index: Index | None = None
    masks: Masks | None = None
    older_masks: Masks | None = None
    effective: Effective | None = None


class MarketSnapshot:
    """Every offer of every cloud at one moment. `generation` tells snapshots apart and only grows."""

    def __init__(
        self,
        listings: Iterable[Listing] = (),
        *,
        generation: int = 0,
        health: OfferHealth = _NOTHING_KNOWN,
        taken: frozenset[OfferId] = frozenset(),
    ) -> None:
        self.generation = generation
        self.health = health
        self.taken = taken
        self._listings = tuple(sorted(listings, key=lambda listing: f"{listing.provider}:"))
        self.made = Made()

    def replacing(self, listing: Listing) -> "MarketSnapshot":
        """Return the market with one cloud's listing in place of its last one.

        What was taken from a cloud is forgotten when it was heard anew.
        """
        others = [other for other in self._listings if other.provider != listing.provider]
        known = {one.provider: one.listed_at for one in self._listings}
        taken = self.taken
        if known.get(listing.provider) != listing.listed_at:
            own = f"{listing.provider}:"
            taken = frozenset(one for one in taken if not one.startswith(own))
        return self._next(listings=[*others, listing], taken=taken)

    def heeding(self, health: OfferHealth) -> "MarketSnapshot":
        """Return the same market with what is known of its odds now."""
        return self._next(health=health)

    def taking(self, offer_id: OfferId) -> "MarketSnapshot":
        """Return the market without an offer that was bought: not shown any more, until its cloud lists anew."""
        return self._next(taken=self.taken | {offer_id})

    def giving_back(self, offer_id: OfferId) -> "MarketSnapshot":
        """Return the market with an offer that was taken, and not bought after all."""
        return self._next(taken=self.taken - {offer_id})

    def _next(
        self,
        *,
        listings: Iterable[Listing] | None = None,
        health: OfferHealth | None = None,
        taken: frozenset[OfferId] | None = None,
    ) -> "MarketSnapshot":
        """Return the snapshot after this one, with something else in it."""
        new = MarketSnapshot(
            self._listings if listings is None else listings,
            generation=self.generation + 1,
            health=self.health if health is None else health,
            taken=self.taken if taken is None else taken,
        )
        new.use(self)
        return new

    def use(self, other: "MarketSnapshot") -> None:
        """Use what `other` has made, as far as it is the same here."""
        made, older = other.made, other.made.masks or other.made.older_masks
        if [one.stock for one in other.providers] != [one.stock for one in self._listings]:
            self.made.older_masks = self.made.older_masks or older
            return
        self.made = Made(
            index=made.index,
            masks=made.masks if other.health is self.health else None,
            older_masks=older or self.made.older_masks,
            effective=made.effective,
        )

    def preparing(self) -> Pieces[None]:
        """Lay out all offers and reckon their odds in pieces, so that the first question need not."""
        made = self.made
        if made.index is None:
            for listing in self._listings:
                yield from listing.stock.stocking()
            shelves = [listing.stock.shelf for listing in self._listings]
            # Two threads that come at once may both do the work; they come to the same.
            made.index = yield from indexing(shelves)
        if made.masks is None:
            older = None if made.older_masks is None else made.older_masks.outlook
            outlook = yield from reckoning(made.index, self.health, older)
            made.masks = Masks(made.index, outlook, made.older_masks)
            # They hold on to shelves of before.
            made.older_masks = None

    @property
    def prepared(self) -> bool:
        """Whether questions can be answered at once."""
        return self.made.masks is not None

    @property
    def masks(self) -> Masks:
        """All offers, laid out under what is known of their odds."""
        if self.made.masks is None:
            at_once(self.preparing())
        assert self.made.masks is not None
        return self.made.masks

    @property
    def index(self) -> Index:
        """All offers, laid out."""
        return self.made.index or self.masks.index

    @cached_property
    def _gone(self) -> Words | None:
        heard = {one.provider: one.listed_at for one in self._listings if one.listed_at}
        failed = {
            key: mark
            for key, mark in self.health.marks.items()
            if key.provider in heard and mark.last_at > heard[key.provider]
        }
        return gone(self.index, self.taken, failed)

    @property
    def _effective(self) -> Effective:
        if self.made.effective is None:
            self.made.effective = Effective(self.index)
        return self.made.effective

    @cached_property
    def _bodies(self) -> Bodies:
        fetched = [json.encode(listing.fetched_at) for listing in self._listings]
        return Bodies(self.index, self.masks.outlook, fetched)

    @property
    def ready(self) -> bool:
        """Whether any cloud has ever answered, or its menu was kept: until then an empty market means nothing."""
        return any(listing.fetched_at is not None for listing in self._listings)

    @property
    def complete(self) -> bool:
        """Whether every cloud has answered since the start: until then, what is not on the market may be on sale."""
        return all(
            listing.fetched_at is not None and not listing.kept for listing in self._listings
        )

    @property
    def providers(self) -> tuple[Listing, ...]:
        """What is known of each cloud, by name."""
        return self._listings

    def __len__(self) -> int:
        return sum(len(listing.stock) for listing in self._listings)

    def get(self, offer_id: OfferId) -> Offer | None:
        """Return the offer of that id; None if no cloud lists it."""
        position = self.index.find(offer_id)
        return None if position is None else self._offer(position)

    def query(self, query: OfferQuery) -> OfferPage:
        """Return the page that `query` asks for: exactly those offers for which its condition holds."""
        return at_once(self.querying(query))

    def querying(self, query: OfferQuery) -> Pieces[OfferPage]:
        """Return the same, in pieces where many rows have to be looked at one by one."""
        assert query.limit >= 0, query.limit
        assert query.offset >= 0, query.offset
        masks, costing = self.masks, query.costing
        costs = None if costing is None else Costs(masks, self._effective, costing)
        if costs is not None:
            masks = yield from costs.finding(query.condition, query.facets)
        counts: dict[str, Counts] = {}
        if query.facets:
            facets = Facets(masks)
            words, but = facets.split(query.condition)
            counts = {name: facets.counts(name, self._on_sale(but[name])) for name in query.facets}
        else:
            words = masks.of(query.condition)
        words = self._without(self._on_sale(words), query.without)
        if costs is not None:
            if query.cap is not None:
                words = yield from costs.within(words, query.cap)
            yield from costs.sorting(words, query.orders)
        chosen = Selection(masks, words, query.orders, costs.column if costs else None)
        # One more than is wanted tells whether there is another page.
        found = yield from chosen.finding(query.limit + 1, skip=query.offset, after=query.after)
        page = found[: query.limit]
        return OfferPage(
            rows=self._bodies.at(page) if costing is None else self._costed(page, costing),
            total=chosen.total,
            last=chosen.place(page[-1]) if page and len(found) > len(page) else None,
            facets=counts,
        )

    def choosing(
        self,
        condition: Condition,
        costing: Costing,
        *,
        cap: HourlyRate | None = None,
        most: int = 1,
        gone: bool = False,
    ) -> Pieces[tuple[Offer, ...]]:
        """Return the first offers by the order in which they are bought for the need of `costing`, none above `cap`.

        What has `gone` is among them where that is asked for. None has our own odds in it.
        """
        costs, words = Costs(self.masks, self._effective, costing), self.masks.of(condition)
        words = words if gone else self._on_sale(words)
        if cap is not None:
            words = yield from costs.within(words, cap)
        yield from costs.sorting(words, (LIKELY_CHEAPEST_FIRST,))
        chosen = Selection(self.masks, words, (LIKELY_CHEAPEST_FIRST,), costs.column)
        found = yield from chosen.finding(most)
        return tuple(map(self._offer, found))

    def has_gone(self, offer_id: OfferId) -> bool:
        """Return whether an offer that is listed was bought, or failed, since its cloud listed it."""
        words = self._gone
        at = None if words is None else self.index.find(offer_id)
        return words is not None and at is not None and bit_at(words, at)

    def _on_sale(self, words: Words) -> Words:
        return words if self._gone is None else words & ~self._gone

    def _without(self, words: Words, offers: Iterable[OfferId]) -> Words:
        found = [at for offer_id in offers if (at := self.index.find(offer_id)) is not None]
        if not found:
            return words
        return without(words, np.array(found))

    def offers_of(self, provider: ProviderName) -> Iterator[Offer]:
        """Yield every offer of a cloud, each as it was listed."""
        for listing in self._listings:
            if listing.provider == provider and listing.fetched_at is not None:
                for row in listing.stock.shelf.rows:
                    yield offer_of(row, marks=(), confidence=1.0, fetched_at=listing.fetched_at)

    def odd_ones(self, provider: ProviderName) -> frozenset[OfferId]:
        """Return which offers of a cloud are odd about their price."""
        index = self.index
        for number, listing in enumerate(self._listings):
            if listing.provider == provider:
                rows = index.rows_of_shelf(number)
                odd = rows[bits_at(index.odd, rows)]
                return frozenset(OfferId(index.id_at(at)) for at in odd.tolist())
        return frozenset()

    def matching(self, condition: Condition) -> Iterator[Offer]:
        """Yield every offer for which `condition` holds, the cheapest first, what is odd last.

        What has gone is among them, and none has our own odds in it: for whoever weighs both himself.
        """
        chosen = Selection(self.masks, self.masks.of(condition), (CHEAPEST_FIRST,))
        seen, most = 0, _READ
        while found := chosen.first(most, skip=seen):
            yield from map(self._offer, found)
            seen, most = seen + len(found), most * 2

    def _costed(self, positions: Sequence[int], costing: Costing) -> tuple[bytes, ...]:
        """Return the rows with what each costs."""
        bodies = self._bodies.at(positions)
        ends = self._effective.endings(costing, positions)
        return tuple(body[:-1] + end for body, end in zip(bodies, ends, strict=True))

    def _offer(self, position: int) -> Offer:
        number, row = self.index.row(position)
        fetched_at = self._listings[number].fetched_at
        assert fetched_at is not None, self._listings[number].provider
        return offer_of(
            row,
            marks=self.index.marks_at(position),
            confidence=self._confidence(position),
            fetched_at=fetched_at,
        )

    def _confidence(self, position: int) -> float:
        return float(self.index.number("confidence")[position])
