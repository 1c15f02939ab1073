"""All offers at one moment, sorted and indexed once, when first asked for, so that a query only narrows and cuts.

A snapshot never changes: a query sees one market however long it takes, and needs no lock. What a filter asks of text
(region, country, CUDA version) is decided once per distinct value, not once per offer.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.offer import Offer, OfferQuery, OfferSort, Requirements, version

_ORDERS: Mapping[OfferSort, Callable[[Offer], tuple[float, str]]] = {
    OfferSort.PRICE: lambda offer: (offer.price.micros, offer.id),
    OfferSort.PRICE_PER_GPU: lambda offer: (offer.price_per_gpu.micros, offer.id),
    OfferSort.VRAM: lambda offer: (-offer.vram_gb, offer.id),
    OfferSort.RELIABILITY: lambda offer: (-offer.reliability, offer.id),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What one cloud sells, as last heard.

    `fetched_at` is None before its first answer. `error` says why the newest attempt to list failed, at `failed_at`;
    the offers are then those of the last good answer.
    """

    provider: ProviderName
    offers: Sequence[Offer] = ()
    fetched_at: datetime | None = None
    error: str | None = None
    failed_at: datetime | None = None
    rejected: int = 0

    @property
    def ok(self) -> bool:
        """Whether the newest attempt to list this cloud succeeded."""
        return self.fetched_at is not None and self.error is None

    def age(self, now: datetime) -> timedelta | None:
        """Return how old the offers are; None if there never were any."""
        # A clock that was set back does not make offers younger than new.
        return None if self.fetched_at is None else max(timedelta(0), now - self.fetched_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPage:
    """One page of an answer; `total` counts all offers that match."""

    offers: tuple[Offer, ...]
    total: int


class MarketSnapshot:
    """Every offer of every cloud at one moment. `generation` tells snapshots apart and only grows."""

    def __init__(self, listings: Iterable[Listing] = (), *, generation: int = 0) -> None:
        self.generation = generation
        self._listings = {
            listing.provider: listing
            for listing in sorted(listings, key=lambda listing: listing.provider)
        }
        self._by_id = {offer.id: offer for offer in self._all_listed()}
        # Two threads that come at once may both do the work; they come to the same.
        self._sorted: dict[OfferSort, tuple[Offer, ...]] = {}
        self._by_gpu: dict[OfferSort, dict[str, tuple[Offer, ...]]] = {}

    def _all_listed(self) -> Iterable[Offer]:
        for listing in self._listings.values():
            for offer in listing.offers:
                assert offer.provider == listing.provider, offer.id
                yield offer

    @property
    def ready(self) -> bool:
        """Whether any cloud has ever answered: until then an empty market means nothing."""
        return any(listing.fetched_at is not None for listing in self._listings.values())

    @property
    def complete(self) -> bool:
        """Whether every cloud has answered: until then, what is not on the market may be on sale."""
        return all(listing.fetched_at is not None for listing in self._listings.values())

    @property
    def providers(self) -> tuple[Listing, ...]:
        """What is known of each cloud, by name."""
        return tuple(self._listings.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, offer_id: OfferId) -> Offer | None:
        """Return the offer of that id; None if no cloud lists it."""
        return self._by_id.get(offer_id)

    def query(self, query: OfferQuery) -> OfferPage:
        """Return the page that `query` asks for; ties in its order are broken by id."""
        assert query.limit >= 0, query.limit
        assert query.offset >= 0, query.offset
        rows = self.matching(query.requirements, sort=query.sort)
        page = tuple(rows[query.offset : query.offset + query.limit])
        return OfferPage(offers=page, total=len(rows))

    def matching(
        self, wanted: Requirements, *, sort: OfferSort = OfferSort.PRICE
    ) -> Sequence[Offer]:
        """Return every offer that has what is wanted, in order: those for which `domain.offer.matches` holds."""
        rows = self._of_gpus(wanted.gpu_types, sort)
        if wanted.max_price is not None:
            cap = wanted.max_price.micros
            if sort is OfferSort.PRICE:
                rows = rows[: bisect_right(rows, cap, key=lambda offer: offer.price.micros)]
            else:
                rows = [offer for offer in rows if offer.price.micros <= cap]
        for narrow in (_by_amounts, _by_quality, self._by_place, self._by_software):
            rows = narrow(rows, wanted)
        return rows

    def _of_gpus(self, gpu_types: frozenset[str], sort: OfferSort) -> Sequence[Offer]:
        if not gpu_types:
            return self._rows(sort)
        by_gpu = self._groups(sort)
        groups = [by_gpu.get(gpu, ()) for gpu in sorted(gpu_types)]
        if len(groups) == 1:
            return groups[0]
        # The groups are sorted runs, which the sort merges rather than sorts.
        return sorted((offer for group in groups for offer in group), key=_ORDERS[sort])

    def _rows(self, sort: OfferSort) -> tuple[Offer, ...]:
        rows = self._sorted.get(sort)
        if rows is None:
            rows = self._sorted[sort] = tuple(sorted(self._by_id.values(), key=_ORDERS[sort]))
        return rows

    def _groups(self, sort: OfferSort) -> dict[str, tuple[Offer, ...]]:
        groups = self._by_gpu.get(sort)
        if groups is None:
            groups = self._by_gpu[sort] = _grouped(self._rows(sort))
        return groups

    @cached_property
    def _regions(self) -> set[str]:
        return {offer.region for offer in self._by_id.values()}

    @cached_property
    def _countries(self) -> set[str]:
        return {offer.country for offer in self._by_id.values()}

    @cached_property
    def _cuda_versions(self) -> set[str]:
        return {offer.cuda_version for offer in self._by_id.values()}

    def _by_place(self, rows: Sequence[Offer], wanted: Requirements) -> Sequence[Offer]:
        if wanted.providers:
            rows = [offer for offer in rows if offer.provider in wanted.providers]
        if wanted.regions:
            regions = {region for region in self._regions if region.lower() in wanted.regions}
            rows = [offer for offer in rows if offer.region in regions]
        if wanted.countries:
            countries = {name for name in self._countries if name.lower() in wanted.countries}
            rows = [offer for offer in rows if offer.country in countries]
        return rows

    def _by_software(self, rows: Sequence[Offer], wanted: Requirements) -> Sequence[Offer]:
        if wanted.min_cuda is None:
            return rows
        least = version(wanted.min_cuda)
        enough = {cuda for cuda in self._cuda_versions if version(cuda) >= least}
        return [offer for offer in rows if offer.cuda_version in enough]


def _grouped(rows: Iterable[Offer]) -> dict[str, tuple[Offer, ...]]:
    groups: dict[str, list[Offer]] = {}
    for offer in rows:
        groups.setdefault(offer.gpu_type, []).append(offer)
    return {gpu: tuple(offers) for gpu, offers in groups.items()}


# One plain pass per filter in use: several times faster than asking each offer about all of them.


def _by_amounts(rows: Sequence[Offer], wanted: Requirements) -> Sequence[Offer]:
    if (count := wanted.gpu_count) is not None:
        rows = [offer for offer in rows if offer.gpu_count == count]
    if (least := wanted.min_gpu_count) is not None:
        rows = [offer for offer in rows if offer.gpu_count >= least]
    if (least := wanted.min_vram_gb) is not None:
        rows = [offer for offer in rows if offer.vram_gb >= least]
    if (least := wanted.min_disk_gb) is not None:
        rows = [offer for offer in rows if offer.disk_gb >= least]
    if (least := wanted.min_ram_gb) is not None:
        rows = [offer for offer in rows if offer.ram_gb >= least]
    if (least := wanted.min_vcpus) is not None:
        rows = [offer for offer in rows if offer.vcpus >= least]
    if (least := wanted.min_inet_down_mbps) is not None:
        rows = [offer for offer in rows if offer.inet_down_mbps >= least]
    return rows


def _by_quality(rows: Sequence[Offer], wanted: Requirements) -> Sequence[Offer]:
    if (least := wanted.min_reliability) is not None:
        rows = [offer for offer in rows if offer.reliability >= least]
    if (least := wanted.min_availability_confidence) is not None:
        rows = [offer for offer in rows if offer.availability_confidence >= least]
    if (interruptible := wanted.interruptible) is not None:
        rows = [offer for offer in rows if offer.interruptible == interruptible]
    return rows
