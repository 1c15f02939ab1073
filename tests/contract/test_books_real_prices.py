"""Years of one cloud's real prices go through the book, and come out as a look at the raw rows would tell them.

The rows are not part of the project. They lie beside its folder, or where PRICE_HISTORY says. Each day on which any price
changed stands for an hour.
"""

import csv
import gzip
import os
from bisect import bisect_right
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median

import pytest

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.money import micros_from_dollars, rate
from gpu_shopper.domain.places import read_place
from gpu_shopper.domain.price_history import HOUR, Family, Tally
from gpu_shopper.ports.books import PriceFilter
from gpu_shopper.testing.builders import an_offer
from tests.unit.stores import shelves

_BESIDE = Path(__file__).parents[3] / "shared" / "data" / "gcp-gpu-price-history.csv.gz"
ROWS = Path(os.environ.get("PRICE_HISTORY", _BESIDE))
FIRST = datetime(2022, 1, 1, tzinfo=UTC)
CLOUD = ProviderName("gcp")
FAMILIES = 60
# The machine type of each family of machines says how many GPUs it has, by this or by its last part.
GPUS = {
    "a2-highgpu": "A100 40GB", "a2-megagpu": "A100 40GB", "a2-ultragpu": "A100 80GB",
    "a3-highgpu": "H100 SXM", "a3-megagpu": "H100 SXM", "g2-standard": "L4",
    "g4-standard": "RTX PRO 6000",
}  # fmt: skip
G2 = {"4": 1, "8": 1, "12": 1, "16": 1, "32": 1, "24": 2, "48": 4, "96": 8}
G4 = {"6": 0.125, "12": 0.25, "24": 0.5, "48": 1, "96": 2, "192": 4, "384": 8}

pytestmark = pytest.mark.skipif(not ROWS.exists(), reason=f"no history of prices at {ROWS}")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(ROWS, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def shelf(tmp_path):
    with shelves.opened("file", tmp_path) as found:
        yield found


def family_of(row: dict[str, str], *, interruptible: bool) -> Family:
    name, _, size = row["instance_type"].rpartition("-")
    count = {"g2-standard": G2, "g4-standard": G4}.get(name, {}).get(size)
    gpus = float(size.removesuffix("g")) if count is None else count
    return Family(
        gpu_type=GPUS[name],
        provider=CLOUD,
        gpu_count=max(1, int(gpus)),
        gpu_fraction=min(1.0, gpus),
        interruptible=interruptible,
        country=read_place(row["region"]).country,
    )


def offer_of(row: dict[str, str], *, price: str, interruptible: bool):
    family = family_of(row, interruptible=interruptible)
    return an_offer(
        f"{row['instance_type']}-{row['region']}-{interruptible}",
        provider=CLOUD,
        gpu_type=family.gpu_type,
        gpu_count=family.gpu_count,
        gpu_fraction=family.gpu_fraction,
        interruptible=interruptible,
        country=family.country,
        price=rate(price),
    )


KINDS = {"price_usd_hr": False, "spot_price_usd_hr": True}


def test_the_book_tells_what_the_rows_say(rows, shelf) -> None:
    days = sorted({row["date"] for row in rows})
    changes = defaultdict(list)
    for row in rows:
        changes[row["date"]].append(row)
    on_sale = {}
    for number, day in enumerate(days):
        for row in changes[day]:
            for column, interruptible in KINDS.items():
                key = row["instance_type"], row["region"], interruptible
                on_sale.pop(key, None)
                if row[column]:
                    on_sale[key] = offer_of(row, price=row[column], interruptible=interruptible)
        tally = Tally()
        tally.add(on_sale.values())
        prices, hour = tally.prices(), FIRST + number * HOUR
        shelf.write(lambda book, told=prices, at=hour: book.prices.record(CLOUD, told, hour=at))

    found = shelf.read(lambda book: book.prices.history(PriceFilter(since=FIRST, limit=10_000)))

    assert (16_970, len(on_sale) > 1_000) == (len(rows), True)
    chosen = Random(1).sample(list(found), FAMILIES)
    assert set(GPUS.values()) == {one.family.gpu_type for one in chosen}
    for one in chosen:
        told = {
            run.since + number * HOUR: (run.price.lowest.micros, run.price.median.micros, run.price.offers)
            for run in one.runs
            for number in range(run.hours)
        }  # fmt: skip
        assert plainly(rows, one.family, days) == told
    runs = shelf.sql("SELECT count(*) FROM price_runs")[0][0]
    hours = sum(run.hours for one in found for run in one.runs)
    assert runs * 3 < hours


def plainly(rows, family: Family, days: list[str]) -> dict[datetime, tuple[int, int, int]]:
    """Return what a family cost on each day: for each series, the last row up to that day."""
    column = "spot_price_usd_hr" if family.interruptible else "price_usd_hr"
    series = defaultdict(list)
    for row in rows:
        if family_of(row, interruptible=family.interruptible) == family:
            series[row["instance_type"], row["region"]].append((row["date"], row[column]))
    found = {}
    for number, day in enumerate(days):
        prices = []
        for told in series.values():
            place = bisect_right([date for date, _ in told], day)
            if place and told[place - 1][1]:
                prices.append(micros_from_dollars(told[place - 1][1]))
        if prices:
            middle = int(median(prices) + 0.5)
            found[FIRST + number * HOUR] = min(prices), middle, len(prices)
    return found
