"""The menu: pages over HTTP with a few thousand and with a hundred thousand offers, and the query by itself.

No two queries are the same: GPU set, memory, price, reliability and region are drawn, with a fixed seed.
"""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from _floor import PAGE_BYTES
from _load import Request, closed_loop, open_loop, run
from _places import Place, Server, ask, place
from _table import Figure, options, percentile, show
from _wrk import CLIENTS, apart, find_wrk

from gpu_shopper.domain.conditions import EVERYTHING, Condition, condition_of
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer, Requirements
from gpu_shopper.domain.offer_fields import EFFECTIVE, Direction, Order
from gpu_shopper.domain.true_price import Costing, Need
from gpu_shopper.market.facets import FACETS
from gpu_shopper.market.holder import Market
from gpu_shopper.market.snapshot import OfferQuery
from gpu_shopper.testing.builders import NOON, an_offer

_CLOUDS = 5
_OFFERS = 100_000
_QUERIES = 200
_REFRESH_S = 2
_STEADY = 500
_GPUS = ("RTX 4090", "RTX 3090", "A100 80GB", "H100 SXM", "L40S", "RTX A6000", "A100 40GB", "L4")
_REGIONS = ("eu-north", "eu-west", "us-east", "us-west", "ap-south")
_VRAM = {"RTX 4090": 24, "RTX 3090": 24, "A100 80GB": 80, "H100 SXM": 80, "L40S": 48}


def _drawn(chance: random.Random) -> Requirements:
    return Requirements(
        gpu_types=frozenset(chance.sample(_GPUS, chance.randint(2, 4))),
        min_vram_gb=chance.choice((16, 24, 40)),
        max_price=HourlyRate(chance.randrange(500_000, 5_000_000)),
        min_reliability=round(chance.uniform(0.8, 0.97), 3),
    )


def _paths(chance: random.Random) -> Iterator[Request]:
    while True:
        wanted = _drawn(chance)
        assert wanted.max_price is not None
        asked = [("gpu_type", name) for name in sorted(wanted.gpu_types)]
        asked += [
            ("min_vram", str(wanted.min_vram_gb)),
            ("max_price", str(wanted.max_price.dollars)),
            ("min_reliability", str(wanted.min_reliability)),
        ]
        yield Request("GET", f"/api/v1/inventory?{urlencode(asked)}")


def _over_http(here: Place, *, offers: int, seconds: float) -> Iterator[Figure]:
    cloud = here.cloud(offers=offers)
    server: Server = here.server(here.data(), **cloud.settings)
    ready_s = server.await_ready()
    name = f"{_listed(server):,} offers, page of 50"
    with apart(server.process.pid, cloud.process.pid) as where:
        alone, _ = _asked(here, server, clients=1, seconds=seconds)
        many, how = _asked(here, server, clients=CLIENTS, seconds=seconds)
    how = f"real HTTP, unique queries, one worker; {how}; {where}"
    yield Figure(
        what=f"{name}, {CLIENTS} clients",
        value=many.rate,
        unit="/s",
        target=5000,
        more_is_better=True,
        how=how,
    )
    yield Figure(what="  p99", value=many.p99_ms, unit="ms", how="of as many at once")
    yield Figure(
        what="  the server's part of a request",
        value=many.cpu_ms * 1000,
        unit="µs",
        target=200,
        how="processor time of its process, all threads, by requests",
    )
    yield Figure(what=f"{name}, 1 client, p50", value=alone.p50_ms, unit="ms", how="as it is asked")
    yield Figure(what="  p99", value=alone.p99_ms, unit="ms", target=5)
    yield Figure(what="  ready after", value=ready_s, unit="s", how="the cloud's pages included")
    yield Figure(what="  memory", value=server.memory_mb(), unit="MB", target=250)
    server.process.kill()


def _floor(here: Place, *, seconds: float) -> Iterator[Figure]:
    """What is left of a request when nothing is asked of the menu: what the figures above are to be held against."""
    server = here.floor()
    with apart(server.process.pid):
        found, how = _asked(here, server, clients=CLIENTS, seconds=seconds)
    yield Figure(
        what=f"an answer of {PAGE_BYTES:,} bytes that is ready, {CLIENTS} clients",
        value=found.rate,
        unit="/s",
        how=f"uvicorn with an application that does nothing; {how}",
    )
    yield Figure(what="  the server's part of a request", value=found.cpu_ms * 1000, unit="µs")
    server.process.kill()


def _while_refreshed(here: Place, *, offers: int, seconds: float) -> Iterator[Figure]:
    """Ask while the menu is replaced, over and over, by one with other prices."""
    cloud = here.cloud(offers=offers, prices_stand_s=1)
    server = here.server(here.data(), shop_period_s=str(_REFRESH_S), **cloud.settings)
    server.await_ready()
    name = f"{_listed(server):,} offers"
    chance = random.Random(3)
    with apart(server.process.pid, cloud.process.pid):
        run(closed_loop(server.url, _paths(chance), clients=1, seconds=1))
        paths = _paths(chance)
        count = round(_STEADY * max(seconds, 5 * _REFRESH_S))
        load = open_loop(server.url, lambda _: next(paths), rate=_STEADY, count=count)
        answers = run(load).expect(200)
    yield Figure(
        what=f"{name} while their cloud is refreshed, p99",
        value=answers.ms(0.99),
        unit="ms",
        target=5,
        how=f"{_STEADY}/s from the moment each is due; asked and replaced whole every {_REFRESH_S} s",
    )
    yield Figure(what="  p50", value=answers.ms(0.5), unit="ms")
    yield Figure(what="  longest", value=answers.ms(1), unit="ms")
    server.process.kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    rate: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float


def _asked(here: Place, server: Server, *, clients: int, seconds: float) -> tuple[_Found, str]:
    """Put a load on the server, after a short one that nobody counts; return what was seen, and who asked."""
    wrk = find_wrk(here.folder, _GPUS)
    if wrk is not None:
        wrk.load(server.url, clients=clients, seconds=1, seed=1)
        before = server.cpu_s()
        seen = wrk.load(server.url, clients=clients, seconds=seconds, seed=2)
        cpu_ms = (server.cpu_s() - before) * 1000 / seen.requests
        return _Found(
            rate=seen.rate,
            p50_ms=seen.p50_ms,
            p99_ms=seen.p99_ms,
            cpu_ms=cpu_ms,
        ), "asked by wrk"
    chance = random.Random(1)
    run(closed_loop(server.url, _paths(chance), clients=clients, seconds=1))
    before = server.cpu_s()
    load = closed_loop(server.url, _paths(chance), clients=clients, seconds=seconds)
    answers = run(load).expect(200)
    cpu_ms = (server.cpu_s() - before) * 1000 / len(answers.latencies_s)
    return _Found(
        rate=answers.rate,
        p50_ms=answers.ms(0.5),
        p99_ms=answers.ms(0.99),
        cpu_ms=cpu_ms,
    ), "asked by a Python client: wrk is not installed"


def _listed(server: Server) -> int:
    _, page = ask(server.url, "GET", "/api/v1/inventory?limit=1")
    return sum(source["offers"] for source in page["providers"])


def _synthetic(provider: str, count: int, chance: random.Random) -> list[Offer]:
    return [
        an_offer(
            f"o{number}",
            provider=ProviderName(provider),
            gpu_type=(gpu := chance.choice(_GPUS)),
            gpu_count=chance.choice((1, 1, 1, 2, 4, 8)),
            vram_gb=_VRAM.get(gpu, 48),
            price=HourlyRate(int(chance.lognormvariate(13.5, 0.9))),
            region=chance.choice(_REGIONS),
            reliability=chance.uniform(0.7, 1.0),
            storage_price_per_gb_month=chance.choice((0.0, 0.07, 0.1)),
            traffic_price_per_gb=chance.choice((0.0, 0.01)),
        )
        for number in range(count)
    ]


def _in_process() -> Iterator[Figure]:
    chance, market = random.Random(2), Market()
    listings = {
        f"cloud-{number}": _synthetic(f"cloud-{number}", _OFFERS // _CLOUDS, chance)
        for number in range(_CLOUDS)
    }
    refreshes = []
    for name, listing in (*listings.items(), *listings.items()):
        began = time.process_time()
        market.replace(ProviderName(name), listing, at=NOON)
        assert market.snapshot.index
        refreshes.append((time.process_time() - began) * 1000)
    queries = [
        OfferQuery(condition=condition_of(_drawn(chance)), facets=FACETS) for _ in range(_QUERIES)
    ]
    asked = [_timed_ms(market, query) for query in queries]
    how = f"in process, {len(market.snapshot):,} made-up offers of {_CLOUDS} clouds"
    yield Figure(
        what="100,000 offers, query + JSON of 50 + facets, p50",
        value=percentile(asked, 0.5),
        unit="ms",
        target=0.2,
        how=how,
    )
    yield Figure(what="  p99", value=percentile(asked, 0.99), unit="ms", target=5)
    yield from _by_true_price(market, [query.condition for query in queries])
    yield Figure(
        what="refresh of one cloud's 20,000 offers",
        value=percentile(refreshes[_CLOUDS:], 0.5),
        unit="ms",
        target=60,
        how="processor time in the event loop, decoding not included",
    )


def _by_true_price(market: Market, conditions: Sequence[Condition]) -> Iterator[Figure]:
    """Sort by what offers cost for a need that nobody has asked about before."""
    order = (Order(EFFECTIVE, Direction.LOWEST),)

    def asking(condition: Condition, number: int) -> OfferQuery:
        need = Need(hours=1 + abs(number) / 7, disk_gb=number % 300, traffic_gb=number % 1_000)
        return OfferQuery(condition=condition, orders=order, costing=Costing(need))

    few = [_timed_ms(market, asking(one, number)) for number, one in enumerate(conditions)]
    everything = [_timed_ms(market, asking(EVERYTHING, number)) for number in range(40)]
    how = "in process, a new need each time"
    yield Figure(what="the same by true price, p50", value=percentile(few, 0.5), unit="ms", how=how)
    yield Figure(
        what="  all 100,000 by true price, p50",
        value=percentile(everything, 0.5),
        unit="ms",
        how=how,
    )
    steps = [
        step for number in range(20) for step in _steps_ms(market, asking(EVERYTHING, -1 - number))
    ]
    yield Figure(what="  its longest step on the loop", value=max(steps), unit="ms", target=5)


def _steps_ms(market: Market, query: OfferQuery) -> Iterator[float]:
    """Yield how long each piece of an answer takes: others are served in between."""
    pieces, done = market.snapshot.querying(query), object()
    while True:
        began = time.perf_counter()
        last = next(pieces, done)
        yield (time.perf_counter() - began) * 1000
        if last is done:
            return


def _timed_ms(market: Market, query: OfferQuery) -> float:
    began = time.perf_counter()
    b",".join(market.snapshot.query(query).rows)
    return (time.perf_counter() - began) * 1000


def main() -> None:
    asked = options(__doc__, seconds=4.0)
    with place() as here:
        figures = list(_over_http(here, offers=3000, seconds=asked.seconds))
        figures += _over_http(here, offers=_OFFERS, seconds=asked.seconds)
        figures += _floor(here, seconds=asked.seconds)
        figures += _while_refreshed(here, offers=_OFFERS // _CLOUDS, seconds=asked.seconds)
    figures += _in_process()
    show(figures, markdown=asked.markdown)


if __name__ == "__main__":
    main()
