"""All offers at one moment, indexed once, when first asked for, so that a question only narrows and cuts.

A snapshot never changes: a question sees one market however long it takes, and needs no lock.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial

import numpy as np
from msgspec import json

from gpu_shopper.domain.conditions import EVERYTHING, All, Condition, Flag, OneOf
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_fields import CHEAPEST_FIRST, Order
from gpu_shopper.market.bitmaps import Words, bits_at, rows_of, without
from gpu_shopper.market.effective import Costing, Effective
from gpu_shopper.market.facets import Counts, Facets
from gpu_shopper.market.index import Index, indexing
from gpu_shopper.market.masks import Masks
from gpu_shopper.market.pieces import Pieces, at_once
from gpu_shopper.market.rows import ending, id_of, offer_of
from gpu_shopper.market.selecting import Place, Selection
from gpu_shopper.market.shelf import Stock

# What an engine reads at a time: it seldom wants more than the first few.
_READ = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What one cloud sells, as last heard.

    `fetched_at` is None before its first answer. `error` says why the newest attempt to list failed, at `failed_at`;
    the offers are then those of the last good answer. Where that came before the start, they are `kept`: the cloud itself
    has not been heard yet.
    """

    provider: ProviderName
    stock: Stock
    fetched_at: datetime | None = None
    error: str | None = None
    failed_at: datetime | None = None
    rejected: int = 0
    kept: bool = False

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

    With a `costing`, each row says what it costs for that need, and can be sorted by it.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPage:
    """One page of an answer, with offers as JSON.

    `total` counts all that match; `last` is the row behind which the next page begins, None where there is none.
    """

    rows: tuple[bytes, ...]
    total: int
    last: Place | None = None
    facets: Mapping[str, Counts] = field(default_factory=dict)


class MarketSnapshot:
    """Every offer of every cloud at one moment. `generation` tells snapshots apart and only grows."""

    def __init__(self, listings: Iterable[Listing] = (), *, generation: int = 0) -> None:
        self.generation = generation
        self._listings = tuple(sorted(listings, key=lambda listing: f"{listing.provider}:"))
        self._index: Index | None = None
        self._answers: tuple[Masks, Facets] | None = None

    def replacing(self, listing: Listing) -> "MarketSnapshot":
        """Return the market with one cloud's listing in place of its last one."""
        others = [other for other in self._listings if other.provider != listing.provider]
        new = MarketSnapshot([*others, listing], generation=self.generation + 1)
        if [one.stock for one in new.providers] == [one.stock for one in self._listings]:
            # What is on sale is the same; only what is known of the cloud changed.
            new._index, new._answers = self._index, self._answers
        return new

    def indexing(self) -> Pieces[Index]:
        """Lay out all offers in pieces, so that the first question need not."""
        for listing in self._listings:
            yield from listing.stock.stocking()
        shelves = [listing.stock.shelf for listing in self._listings]
        # Two threads that come at once may both do the work; they come to the same.
        self._index = yield from indexing(shelves)
        return self._index

    @property
    def index(self) -> Index:
        """All offers, laid out."""
        return self._index or at_once(self.indexing())

    @property
    def _asked(self) -> tuple[Masks, Facets]:
        if self._answers is None:
            masks = Masks(self.index)
            self._answers = masks, Facets(masks)
        return self._answers

    @cached_property
    def _effective(self) -> Effective:
        return Effective(self.index)

    @cached_property
    def _endings(self) -> dict[tuple[int, float], bytes]:
        """What closes a row, by its cloud and its confidence: both are few."""
        return {}

    @cached_property
    def _fetched(self) -> tuple[bytes, ...]:
        return tuple(json.encode(listing.fetched_at) for listing in self._listings)

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
        position = next(self._positions(offer_id), None)
        return None if position is None else self._offer(position)

    def query(self, query: OfferQuery) -> OfferPage:
        """Return the page that `query` asks for: exactly those offers for which its condition holds."""
        assert query.limit >= 0, query.limit
        assert query.offset >= 0, query.offset
        masks, facets = self._asked
        counts: dict[str, Counts] = {}
        if query.facets:
            words, but = facets.split(query.condition)
            counts = {name: facets.counts(name, but[name]) for name in query.facets}
        else:
            words = masks.of(query.condition)
        costing = query.costing
        costs = None if costing is None else partial(self._effective.totals, costing)
        chosen = Selection(masks, self._without(words, query.without), query.orders, costs)
        # One more than is wanted tells whether there is another page.
        found = chosen.first(query.limit + 1, skip=query.offset, after=query.after)
        page = found[: query.limit]
        return OfferPage(
            rows=self._bodies(page) if costing is None else self._costed(page, costing),
            total=chosen.total,
            last=chosen.place(page[-1]) if page and len(found) > len(page) else None,
            facets=counts,
        )

    def _without(self, words: Words, offers: Iterable[OfferId]) -> Words:
        found = [position for offer_id in offers for position in self._positions(offer_id)]
        if not found:
            return words
        return without(words, np.array(found))

    def _positions(self, offer_id: OfferId) -> Iterator[int]:
        for position in self.index.find(offer_id):
            _, row = self.index.row(position)
            if id_of(row) == offer_id:
                yield position

    def odd_ones(self, provider: ProviderName) -> frozenset[OfferId]:
        """Return which offers of a cloud are odd about their price."""
        masks, _ = self._asked
        odd = All((OneOf("provider", frozenset({provider.lower()})), Flag("odd")))
        rows = (self.index.row(int(position))[1] for position in rows_of(masks.of(odd)))
        return frozenset(OfferId(id_of(row)) for row in rows)

    def matching(self, condition: Condition) -> Iterator[Offer]:
        """Yield every offer for which `condition` holds, the cheapest first, what is odd last."""
        masks, _ = self._asked
        chosen = Selection(masks, masks.of(condition), (CHEAPEST_FIRST,))
        seen, most = 0, _READ
        while found := chosen.first(most, skip=seen):
            yield from map(self._offer, found)
            seen, most = seen + len(found), most * 2

    def _bodies(self, positions: Sequence[int]) -> tuple[bytes, ...]:
        """Return the rows as they go out, with what changes while their clouds say nothing new."""
        if not positions:
            return ()
        at, endings = np.asarray(positions), self._endings
        odd = bits_at(self.index.flags["odd"], at).tolist()
        confidences = self.index.numbers["confidence"][at].tolist()
        bodies = []
        for (number, row), position, marked, confidence in zip(
            self.index.rows(at), positions, odd, confidences, strict=True
        ):
            if marked:
                bodies.append(row + self._ending(number, confidence, self.index.marks_at(position)))
                continue
            end = endings.get((number, confidence))
            if end is None:
                end = endings[number, confidence] = self._ending(number, confidence, ())
            bodies.append(row + end)
        return tuple(bodies)

    def _costed(self, positions: Sequence[int], costing: Costing) -> tuple[bytes, ...]:
        """Return the rows with what each costs."""
        bodies = self._bodies(positions)
        ends = self._effective.endings(costing, positions)
        return tuple(body[:-1] + end for body, end in zip(bodies, ends, strict=True))

    def _ending(self, number: int, confidence: float, marks: tuple[str, ...]) -> bytes:
        return ending(marks=marks, confidence=confidence, fetched_at=self._fetched[number])

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
        return float(self.index.numbers["confidence"][position])
