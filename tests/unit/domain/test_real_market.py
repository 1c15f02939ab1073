"""The rows of some forty clouds come through: each GPU known, each place found, what is odd marked.

The rows are not part of the project. They lie beside its folder, or where MARKET_ROWS says.
"""

import csv
import gzip
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gpu_shopper.domain.gpu import MODELS
from gpu_shopper.domain.gpu_reading import GpuRead, read_row
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.odd_prices import odd_prices
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.places import read_place
from gpu_shopper.testing.builders import an_offer

_BESIDE = Path(__file__).parents[4] / "shared" / "data" / "market-gpu-offers.csv.gz"
ROWS = Path(os.environ.get("MARKET_ROWS", _BESIDE))

pytestmark = pytest.mark.skipif(not ROWS.exists(), reason=f"no rows of the market at {ROWS}")


@dataclass(frozen=True)
class Row:
    cells: dict[str, str]
    gpu: GpuRead

    @property
    def asked(self) -> str:
        return f"{self.cells['gpu_name']} × {self.cells['gpu_count']}, {self.cells['gpu_memory_gib'] or 'no'} GB"


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with gzip.open(ROWS, "rt", encoding="utf-8") as file:
        return [Row(cells, _read(cells)) for cells in csv.DictReader(file)]


def _read(cells: dict[str, str]) -> GpuRead:
    memory = cells["gpu_memory_gib"]
    return read_row(
        cells["gpu_name"],
        cells["gpu_count"],
        float(memory) if memory else None,
        cells["gpu_vendor"],
    )


def test_every_gpu_is_known(rows: list[Row]) -> None:
    unknown = Counter(row.asked for row in rows if not row.gpu.known)

    assert (1675, {}) == (len(rows), unknown)
    assert all(row.gpu.gpu_type in MODELS for row in rows)


def test_what_the_rows_say_wrongly_of_memory_is_noted(rows: list[Row]) -> None:
    noted = Counter(
        f"{row.asked}: {row.gpu.gpu_type}, {row.gpu.vram_gb} GB"
        for row in rows
        if row.gpu.note and "leaves open" not in row.gpu.note
    )

    assert {
        "3080Ti × 4, 9 GB: RTX 3080 Ti, 12 GB": 1,
        "A100 × 4, 20 GB: A100 80GB, 80 GB": 1,
        "A100 × 8, 10 GB: A100 80GB, 80 GB": 2,
        "A4000 × 8, 8 GB: RTX A4000, 16 GB": 2,
        "A5000 × 4, 18 GB: RTX A5000, 24 GB": 1,
        "H100 × 2, 40 GB: H100 PCIe, 80 GB": 1,
        "H100 × 4, 20 GB: H100 PCIe, 80 GB": 1,
        "H100 × 8, 10 GB: H100 PCIe, 80 GB": 2,
    } == noted


def test_what_the_rows_leave_open_is_read_as_the_least(rows: list[Row]) -> None:
    left_open = Counter(
        f"{row.cells['gpu_name']}: {row.gpu.gpu_type}"
        for row in rows
        if "leaves open" in row.gpu.note
    )

    assert {"A100: A100 40GB": 3, "H100: H100 PCIe": 29, "V100: V100 16GB": 4} == left_open


def test_parts_of_gpus_keep_their_share_of_the_memory(rows: list[Row]) -> None:
    parts = Counter(
        (row.gpu.gpu_type, row.gpu.gpu_fraction, row.gpu.vram_gb)
        for row in rows
        if row.gpu.gpu_fraction < 1
    )

    assert {
        ("RTX PRO 6000", 0.125, 12): 20,
        ("RTX PRO 6000", 0.25, 24): 20,
        ("RTX PRO 6000", 0.5, 48): 20,
    } == parts


def test_every_place_that_is_given_is_in_a_country(rows: list[Row]) -> None:
    given = {row.cells["zone"] or row.cells["region"] for row in rows} - {""}

    assert set() == {text for text in given if not read_place(text).country}
    assert 29 == len({read_place(text).country for text in given})


def test_a_wrong_price_among_real_ones_is_found_and_no_right_one_is_marked(rows: list[Row]) -> None:
    offers = [offer for number, row in enumerate(rows) for offer in _offers(row, number)]
    spot = [offer for offer in offers if offer.interruptible]
    dear = replace(spot[0], price=HourlyRate(spot[0].price.micros * 1000))

    assert (1669, 1155, {}) == (len(offers) - len(spot), len(spot), odd_prices(offers))
    assert {dear.id: ("spot_above", "far_above")} == odd_prices(
        [dear if offer.id == dear.id else offer for offer in offers]
    )


def _offers(row: Row, number: int) -> list[Offer]:
    kinds = {"on-demand": row.cells["price_usd_hr"], "spot": row.cells["spot_price_usd_hr"]}
    return [
        an_offer(
            f"{number}-{kind}",
            id=OfferId(f"{number}-{kind}"),
            provider=ProviderName(row.cells["provider"]),
            machine_id=row.cells["instance_type"],
            region=row.cells["zone"] or row.cells["region"],
            gpu_type=row.gpu.gpu_type,
            gpu_count=row.gpu.gpu_count,
            gpu_fraction=row.gpu.gpu_fraction,
            vram_gb=row.gpu.vram_gb,
            price=rate(price),
            interruptible=kind == "spot",
        )
        for kind, price in kinds.items()
        if price
    ]
