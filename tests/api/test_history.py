"""What offers have cost, through the API."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from gpu_shopper.domain.money import rate
from gpu_shopper.domain.price_history import Tally
from gpu_shopper.queries.history import MOST_RUNS
from tests.api.house import CLOUD, OTHER_CLOUD, START, House, a_house, an_offer

HISTORY = "/api/v1/inventory/history"
HOUR = timedelta(hours=1)
THIS_HOUR = START.replace(minute=0)


def record(book, *, provider, prices, hour) -> None:
    book.prices.record(provider, prices, hour=hour)


def kept(house: House, prices: list[float], *, provider=CLOUD, **family: Any) -> House:
    """Keep one price an hour, of which the last is this hour's."""
    for number, price in enumerate(prices):
        tally = Tally()
        tally.add([an_offer(1, provider=provider, price=rate(price), **family)])
        tally.add([an_offer(2, provider=provider, price=rate(price + 1), **family)])
        hour = THIS_HOUR - (len(prices) - 1 - number) * HOUR
        told = tally.prices()
        house.write(partial(record, provider=provider, prices=told, hour=hour))
    return house


def asked(house: House, query: str = "") -> Any:
    answer = house.browser().get(f"{HISTORY}?{query}")
    assert 200 == answer.status, answer.body
    return answer.json


def test_a_family_is_told_by_runs_of_hours_with_what_they_mean() -> None:
    answer = asked(kept(a_house(), [2.0] * 30 + [1.5]))

    (family,) = answer["families"]
    assert {
        "provider": CLOUD, "gpu_type": "RTX 4090", "gpu_count": 1, "gpu_fraction": 1.0,
        "interruptible": False, "country": "DE",
    } == {name: family[name] for name in list(family)[:6]}  # fmt: skip
    assert [
        {"at": "2026-03-13T03:00:00Z", "hours": 30, "lowest": 2.0, "median": 2.5, "offers": 2},
        {"at": "2026-03-14T09:00:00Z", "hours": 1, "lowest": 1.5, "median": 2.0, "offers": 2},
    ] == family["points"]
    assert {
        "now": 1.5, "lowest": 1.5, "median": 2.0, "highest": 2.0, "percentile": 1.6, "hours": 31,
        "verdict": "good",
        "says": "1.5000 USD/h now, 25 % below the median of 31 hours, 2.0000 USD/h: a good time to rent",
    } == family["summary"]  # fmt: skip


def test_only_so_many_hours_are_told() -> None:
    answer = asked(kept(a_house(), [2.0] * 30 + [1.5]), "hours=3")

    (family,) = answer["families"]
    assert "2026-03-14T07:00:00Z" == answer["since"]
    assert [2, 1] == [point["hours"] for point in family["points"]]
    assert "unknown" == family["summary"]["verdict"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["H100 SXM", "RTX 4090", "RTX 4090", "RTX 4090"]),
        ("gpu_type=h100", ["H100 SXM"]),
        ("gpu_type=h100&gpu_type=rtx4090&gpu_count=8", ["H100 SXM"]),
        ("provider=nimbus", ["RTX 4090"]),
        ("country=us", ["RTX 4090"]),
        ("interruptible=true", ["RTX 4090"]),
        ("interruptible=false&country=DE&provider=cumulus", ["H100 SXM"]),
        ("gpu_type=l4", []),
    ],
)
def test_families_can_be_narrowed(query: str, expected: list[str]) -> None:
    house = a_house()
    kept(house, [1], gpu_type="H100 SXM", gpu_count=8)
    house = kept(house, [1], provider=OTHER_CLOUD)
    kept_too = ({"country": "US"}, {"interruptible": True, "country": "FR"})
    # One listing of an hour is kept, so that families of one cloud are told together.
    for number, more in enumerate(kept_too, start=1):
        kept(house, [1] * (number + 1), **more)

    assert expected == [family["gpu_type"] for family in asked(house, query)["families"]]


def test_pages_join_without_gap_or_repeat() -> None:
    house = a_house()
    for number in range(1, 8):
        kept(house, [1], gpu_count=number, gpu_type=f"Strange\n{number % 2}")

    seen, query = [], "limit=2"
    while True:
        page = asked(house, query)
        seen += [(family["gpu_type"], family["gpu_count"]) for family in page["families"]]
        assert page["count"] == len(page["families"])
        if "next_cursor" not in page or page["next_cursor"] is None:
            break
        query = f"limit=2&cursor={page['next_cursor']}"

    assert sorted(seen) == seen
    assert 7 == len(set(seen)) == len(seen)


def test_a_page_ends_before_it_holds_too_many_points() -> None:
    house, hours, families = a_house(), 700, 8
    for number in range(hours):
        tally = Tally()
        tally.add(
            an_offer(count, gpu_count=count, price=rate(1 + number % 2))
            for count in range(1, families + 1)
        )
        hour = THIS_HOUR - (hours - 1 - number) * HOUR
        house.write(partial(record, provider=CLOUD, prices=tally.prices(), hour=hour))

    first = asked(house, "hours=720")
    rest = asked(house, f"hours=720&cursor={first['next_cursor']}")

    assert (MOST_RUNS // hours, families - MOST_RUNS // hours) == (first["count"], rest["count"])
    assert None is rest["next_cursor"]
    assert {hours} == {len(one["points"]) for one in first["families"] + rest["families"]}


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("hours=0", "hours"),
        ("hours=721", "hours"),
        ("limit=101", "limit"),
        ("gpu_type=zx9", "gpu_type[0]"),
        ("cursor=abc", "cursor"),
        ("cursor=cHJpY2VzCnt9", "cursor"),
        ("day=1", "day"),
        ("gpu_count=0", "gpu_count"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(query: str, path: str) -> None:
    answer = a_house().browser().get(f"{HISTORY}?{query}")

    assert 400 == answer.status
    assert path == answer.json["errors"][0]["path"]


def test_before_anything_was_kept_there_is_nothing_to_tell() -> None:
    answer = asked(a_house())

    assert ([], 0) == (answer["families"], answer["count"])
