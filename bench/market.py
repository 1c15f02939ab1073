"""The market in process: one page of 50 as JSON with its total, without and with counts by GPU, cloud and country.

Beside it, on the same rows and in the same run: a look at every offer, polars and duckdb where they are installed, and
gpuhunt's own query (`pip install polars duckdb gpuhunt`, anywhere on the path). No two questions are the same.
"""

import gc
import importlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from _table import Figure, options, percentile, show

from gpu_shopper.bootstrap.memory import keep_blocks_apart, use_small_pages
from gpu_shopper.domain.conditions import All, Comparator, Compare, Condition, OneOf
from gpu_shopper.domain.gpu import MODELS
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.market.facets import FACETS
from gpu_shopper.market.pieces import at_once
from gpu_shopper.market.rows import body_of
from gpu_shopper.market.snapshot import Listing, MarketSnapshot, OfferQuery
from gpu_shopper.market.stock import Stock
from gpu_shopper.testing.builders import NOON

_SIZES = (10_000, 100_000, 1_000_000)
_PER_CLOUD = 20_000
_PAGE = 50
_GPUS = list(MODELS)[::4][:60]
_COUNTRIES = (
    "US",
    "DE",
    "FR",
    "SE",
    "NO",
    "FI",
    "GB",
    "JP",
    "SG",
    "IN",
    "CA",
    "NL",
    "PL",
    "ES",
    "IT",
    "AU",
    "BR",
    "KR",
    "TW",
    "IL",
)
_REGIONS = [f"region-{number}" for number in range(40)]
_RELIABILITY = [number / 15 for number in range(1, 16)]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every engine."""

    gpus: frozenset[str]
    vram: int
    micros: int
    reliability: float
    regions: frozenset[str]

    def condition(self) -> Condition:
        """Return it in our own words."""
        return All(
            (
                OneOf("gpu", frozenset(map(str.lower, self.gpus))),
                Compare("vram", Comparator.AT_LEAST, self.vram),
                Compare("price", Comparator.AT_MOST, self.micros),
                Compare("reliability", Comparator.AT_LEAST, self.reliability),
                OneOf("region", self.regions),
            )
        )


Ask = Callable[[Question, bool], tuple[int, Sequence[Any]]]


def _questions(chance: random.Random) -> Iterator[Question]:
    while True:
        yield Question(
            gpus=frozenset(chance.sample(_GPUS, chance.randint(1, 4))),
            vram=chance.choice((8, 16, 24, 40)),
            micros=chance.randrange(1_000_000, 10_000_000),
            reliability=chance.choice(_RELIABILITY),
            regions=frozenset(chance.sample(_REGIONS, chance.randint(3, 15))),
        )


def _offers(provider: str, count: int, chance: random.Random) -> Iterator[Offer]:
    likely = [1 / (number + 1) for number in range(len(_GPUS))]
    for number in range(count):
        region = chance.randrange(len(_REGIONS))
        gpu = chance.choices(_GPUS, likely)[0]
        yield Offer(
            id=OfferId(f"{provider}:o{number:06}"),
            provider=ProviderName(provider),
            provider_id=f"o{number:06}",
            machine_id=f"m{number // 4}",
            gpu_type=gpu,
            gpu_count=chance.choice((1, 1, 1, 2, 4, 8)),
            vram_gb=MODELS[gpu].memory_gb,
            price=HourlyRate(int(chance.lognormvariate(14.5, 0.9))),
            country=_COUNTRIES[region % len(_COUNTRIES)],
            region=_REGIONS[region],
            location=_REGIONS[region],
            reliability=chance.choice(_RELIABILITY),
            fetched_at=NOON,
            vcpus=chance.choice((8, 16, 32)),
            ram_gb=chance.choice((32, 64, 256)),
            disk_gb=chance.choice((100, 500, 2_000)),
            inet_down_mbps=1_000,
            inet_up_mbps=900,
        )


def _clouds(size: int) -> Iterator[tuple[str, Iterator[Offer]]]:
    chance = random.Random(size)
    for number in range(max(1, size // _PER_CLOUD)):
        name = f"cloud-{number:02}"
        yield name, _offers(name, min(size, _PER_CLOUD), chance)


def _ours(size: int) -> tuple[MarketSnapshot, float, float]:
    """Return the market, the CPU of one cloud's refresh, and the longest of its pieces, in milliseconds."""
    listings = []
    for name, offers in _clouds(size):
        stock = Stock(ProviderName(name), offers)
        assert stock.shelf
        listings.append(Listing(provider=ProviderName(name), stock=stock, fetched_at=NOON))
    market = MarketSnapshot(listings)
    at_once(market.preparing())
    name, offers = next(_clouds(size))
    again = Listing(
        provider=ProviderName(name), stock=Stock(ProviderName(name), offers), fetched_at=NOON
    )
    # As the server does before it begins: a full collection walks over all that is not frozen.
    gc.collect()
    gc.freeze()
    pieces, longest = market.replacing(again).preparing(), 0.0
    began, cpu = time.perf_counter(), time.process_time()
    for _ in pieces:
        longest = max(longest, time.perf_counter() - began)
        began = time.perf_counter()
    return market, (time.process_time() - cpu) * 1000, longest * 1000


def _asking(market: MarketSnapshot) -> Ask:
    def ask(question: Question, counted: bool) -> tuple[int, Sequence[Any]]:
        page = market.query(
            OfferQuery(condition=question.condition(), facets=FACETS if counted else ())
        )
        b",".join(page.rows)
        return page.total, page.rows

    return ask


def _scanning(offers: Sequence[Offer]) -> Ask:
    def ask(question: Question, counted: bool) -> tuple[int, Sequence[Any]]:
        found = [
            offer
            for offer in offers
            if offer.gpu_type in question.gpus
            and offer.vram_gb >= question.vram
            and offer.price.micros <= question.micros
            and offer.reliability >= question.reliability
            and offer.region in question.regions
        ]
        found.sort(key=lambda offer: (offer.price.micros, offer.id))
        if counted:
            Counter(offer.provider for offer in found)
            Counter(offer.country for offer in found)
        return len(found), [msgspec.json.encode(body_of(offer)) for offer in found[:_PAGE]]

    return ask


def _frame(offers: Sequence[Offer]) -> dict[str, list[Any]]:
    return {
        "id": [offer.id for offer in offers],
        "provider": [offer.provider for offer in offers],
        "country": [offer.country for offer in offers],
        "gpu": [offer.gpu_type for offer in offers],
        "vram": [offer.vram_gb for offer in offers],
        "price": [offer.price.micros for offer in offers],
        "reliability": [offer.reliability for offer in offers],
        "region": [offer.region for offer in offers],
    }


def _polars(offers: Sequence[Offer]) -> Ask:
    pl = importlib.import_module("polars")
    frame = pl.DataFrame(_frame(offers))

    def ask(question: Question, counted: bool) -> tuple[int, Sequence[Any]]:
        found = (
            frame.lazy()
            .filter(
                pl.col("gpu").is_in(list(question.gpus))
                & (pl.col("vram") >= question.vram)
                & (pl.col("price") <= question.micros)
                & (pl.col("reliability") >= question.reliability)
                & pl.col("region").is_in(list(question.regions))
            )
            .collect()
        )
        if counted:
            found["provider"].value_counts()
            found["country"].value_counts()
        return len(found), found.sort("price", "id").head(_PAGE).to_dicts()

    return ask


def _duckdb(offers: Sequence[Offer]) -> Ask:
    duckdb, pl = importlib.import_module("duckdb"), importlib.import_module("polars")
    frame = pl.DataFrame(_frame(offers))
    book = duckdb.connect()
    book.register("frame", frame.to_arrow() if hasattr(duckdb, "arrow") else frame)
    book.execute("CREATE TABLE offers AS SELECT * FROM frame")

    def ask(question: Question, counted: bool) -> tuple[int, Sequence[Any]]:
        found = book.table("offers").filter(
            f"gpu IN {_listed(question.gpus)} AND vram >= {question.vram} AND price <= {question.micros}"
            f" AND reliability >= {question.reliability} AND region IN {_listed(question.regions)}"
        )
        ((total,),) = found.aggregate("count(*)").fetchall()
        if counted:
            for column in ("provider", "country"):
                found.aggregate(f"{column}, count(*)").fetchall()
        return total, found.order("price, id").limit(_PAGE).fetchall()

    return ask


def _listed(words: frozenset[str]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in sorted(words)) + ")"


def _gpuhunt(offers: Sequence[Offer]) -> Ask:
    """It knows no reliability and no sets of regions, sorts nothing and encodes nothing: it is asked for less."""
    catalog = importlib.import_module("gpuhunt._internal.catalog")
    models = importlib.import_module("gpuhunt._internal.models")
    clouds = catalog.OFFLINE_PROVIDERS
    items: dict[str, list[Any]] = {name: [] for name in clouds}
    for number, offer in enumerate(offers):
        name = clouds[number % len(clouds)]
        items[name].append(
            models.CatalogItem(
                provider=name, instance_name=offer.id, location=offer.region,
                price=offer.price.dollars, cpu=offer.vcpus, memory=float(offer.ram_gb),
                gpu_vendor=models.AcceleratorVendor.NVIDIA, gpu_count=offer.gpu_count,
                gpu_name=offer.gpu_type, gpu_memory=float(offer.vram_gb),
                spot=offer.interruptible, disk_size=float(offer.disk_gb),
            )
        )  # fmt: skip
    hunt = catalog.Catalog(balance_resources=False, auto_reload=False)
    hunt.loaded_at = time.monotonic()
    for name, listed in items.items():
        hunt.catalog[name] = catalog.ProviderCatalog(version="made up", items=listed)

    def ask(question: Question, counted: bool) -> tuple[int, Sequence[Any]]:
        del counted
        found = hunt.query(
            gpu_name=sorted(question.gpus),
            min_gpu_memory=question.vram,
            max_price=question.micros / 1_000_000,
        )
        return len(found), found[:_PAGE]

    return ask


_PEERS: dict[str, tuple[Callable[[Sequence[Offer]], Ask], int]] = {
    "a look at every offer": (_scanning, 1_000_000),
    "polars": (_polars, 1_000_000),
    "duckdb": (_duckdb, 1_000_000),
    "gpuhunt": (_gpuhunt, 100_000),
}


def _measured(ask: Ask, *, counted: bool, seconds: float) -> list[float]:
    """Return how long each question took, in milliseconds; the first ones make what is kept."""
    chance = random.Random(7)
    questions = _questions(chance)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(taken) < 7:
        question = next(questions)
        began = time.perf_counter()
        ask(question, counted)
        taken.append((time.perf_counter() - began) * 1000)
    return taken[len(taken) // 10 :]


def _figures(size: int, seconds: float) -> Iterator[Figure]:
    market, refresh, longest = _ours(size)
    ask = _asking(market)
    targets = {100_000: 0.2, 1_000_000: 1.0}
    for counted in (False, True):
        taken = _measured(ask, counted=counted, seconds=seconds)
        words = "with counts" if counted else "without counts"
        yield Figure(
            what=f"{size:,} offers, {words}, p50",
            value=percentile(taken, 0.5),
            unit="ms",
            target=targets.get(size),
            how=f"{len(taken):,} questions",
        )
        yield Figure(what="  p99", value=percentile(taken, 0.99), unit="ms")
    yield Figure(
        what="  refresh of one cloud's 20,000",
        value=refresh,
        unit="ms",
        target=60,
        how="processor time",
    )
    yield Figure(what="  longest stall of it", value=longest, unit="ms", target=5)
    index = market.index
    kept = sum(shelf.rows.nbytes for shelf in index.shelves)
    columns = sum(c.nbytes for shelf in index.shelves for c in shelf.numbers.values())
    yield Figure(what="  rows", value=kept / size, unit="B per offer")
    yield Figure(what="  columns of numbers", value=columns / size, unit="B per offer")
    offers = [offer for _, listed in _clouds(size) for offer in listed]
    for name, (make, most) in _PEERS.items():
        if size <= most:
            yield from _peer(name, make, offers, ask, seconds=seconds)


def _peer(
    name: str,
    make: Callable[[Sequence[Offer]], Ask],
    offers: Sequence[Offer],
    ours: Ask,
    *,
    seconds: float,
) -> Iterator[Figure]:
    try:
        theirs = make(offers)
    except ImportError as error:
        print(f"{name}: not measured: {error}")
        return
    if name != "gpuhunt":
        for question, _ in zip(_questions(random.Random(3)), range(5), strict=False):
            assert ours(question, False)[0] == theirs(question, False)[0], (name, question)
    # Turn about, so that both meet the same noise.
    mine, others = [], []
    for _ in range(3):
        mine += _measured(ours, counted=True, seconds=seconds / 6)
        others += _measured(theirs, counted=True, seconds=seconds / 6)
    value = percentile(others, 0.5)
    how = f"{value / percentile(mine, 0.5):,.0f} times as long"
    yield Figure(what=f"  {name}, p50", value=value, unit="ms", how=how)


def main() -> None:
    asked = options(__doc__, seconds=6.0)
    # As the server has it.
    keep_blocks_apart()
    use_small_pages()
    figures = [figure for size in _SIZES for figure in _figures(size, asked.seconds)]
    show(figures, markdown=asked.markdown)


if __name__ == "__main__":
    main()
