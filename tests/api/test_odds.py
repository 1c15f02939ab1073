"""The odds, explained through the API."""

from datetime import timedelta
from math import prod
from typing import Any

import pytest

from gpu_shopper.domain.ids import OfferId
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.offer_health import Outcome
from gpu_shopper.market.pieces import at_once
from gpu_shopper.transactions.health import offer_health
from tests.api.house import CLOUD, START, House, a_house

HEALTH = "/api/v1/offer-health"
OFFER = f"{CLOUD}:1"


def after(*outcomes: Outcome) -> House:
    house = a_house()
    for outcome in outcomes:
        house.write(lambda book, outcome=outcome: book.accounts.add_outcome(outcome))
    at_once(house.market.heed(house.read(lambda book: offer_health(book, now=house.clock.now()))))
    return house


def an_outcome(house: House, blame: Blame | None, *, minutes_ago: int = 0) -> Outcome:
    offer = house.market.snapshot.get(OfferId(OFFER))
    assert offer is not None
    return Outcome(
        provider=CLOUD, offer_id=offer.id, machine_id=offer.machine_id, location=offer.region,
        gpu_type=offer.gpu_type, blame=blame, at=START - timedelta(minutes=minutes_ago),
        reason="no CUDA device" if blame else "",
    )  # fmt: skip


def asked(house: House, query: str = "") -> Any:
    answer = house.browser().get(f"{HEALTH}?{query}")
    assert 200 == answer.status, answer.body
    return answer.json


def test_each_entry_says_what_its_numbers_come_from_and_what_comes_next() -> None:
    house = a_house()
    told = asked(
        after(
            an_outcome(house, Blame.MACHINE, minutes_ago=60),
            an_outcome(house, None, minutes_ago=30),
            an_outcome(house, Blame.MACHINE),
        )
    )

    machine, place, gpu = told["entries"]
    assert ["machine", "location", "gpu"] == [one["scope"] for one in told["entries"]]
    assert (2, 1, 1.0, 21_600.0) == tuple(
        machine[name] for name in ("failures", "successes", "benefit", "half_life_s")
    )
    for one in (machine, place, gpu):
        told_by = one["benefit"] / (one["benefit"] + one["weight"])
        assert one["confidence"] == pytest.approx(told_by, abs=1e-5)
        assert "no CUDA device" == one["last_reason"]
        assert "2026-03-15T09:30:00Z" == one["forgotten_at"]
    assert 1 + 0.5 * 0.5 ** (1 / 6) == pytest.approx(machine["weight"], abs=1e-6)
    assert "2026-03-14T10:30:00Z" == machine["suppressed_until"]
    assert machine["next"].startswith("left alone until 2026-03-14 10:30 UTC, then tried again")
    assert place["next"].startswith("tried at these odds; half is forgotten every 2 h")


def test_one_offers_odds_are_reckoned_part_by_part() -> None:
    house = after(an_outcome(a_house(), Blame.MACHINE, minutes_ago=30))

    told = asked(house, f"offer_id={OFFER}&hours=4")

    offer = told["offer"]
    factors = {part["part"]: part["factor"] for part in offer["parts"]}
    assert offer["confidence"] == pytest.approx(prod(factors.values()), abs=0.000_06)
    assert (1.0, 1.0, 1.0) == tuple(factors[name] for name in ("offer", "provider", "freshness"))
    assert all(factors[name] < 1 for name in ("machine", "location", "gpu"))
    wasted = offer["per_failed_start"] * offer["failed_starts"]
    assert offer["expected_cost"] == pytest.approx(offer["price_per_hour"] * 4 + wasted, abs=1e-5)
    assert any("no CUDA device" in part["because"] for part in offer["parts"])
    shown = house.browser().get(f"/api/v1/inventory/{OFFER}").json
    assert (offer["confidence"], True) == (shown["availability_confidence"], shown["available"])
    listed = house.browser().get("/api/v1/inventory").json["offers"]
    assert [offer["confidence"]] == [
        one["availability_confidence"] for one in listed if one["id"] == OFFER
    ]


def test_only_what_concerns_the_offer_is_told_with_it() -> None:
    house = a_house()
    elsewhere = Outcome(
        provider=CLOUD, offer_id=OfferId(f"{CLOUD}:x"), machine_id="x", location="elsewhere",
        gpu_type="T4", blame=Blame.MACHINE, at=START, reason="dead",
    )  # fmt: skip

    told = asked(after(elsewhere), f"offer_id={OFFER}")

    assert [] == told["entries"]
    assert 3 == asked(after(elsewhere))["count"]
    assert "nothing failed here in the last day" in {
        part["because"] for part in told["offer"]["parts"]
    }
    assert house.browser().get(f"{HEALTH}?offer_id=nobody:1").status == 404


def test_an_offer_that_was_bought_says_so_and_cannot_be_bought_again() -> None:
    house = a_house()
    offer = house.market.snapshot.get(OfferId(OFFER))
    assert offer is not None
    house.market.take(offer)

    told = asked(house, f"offer_id={OFFER}")["offer"]

    assert (False, True) == (told["available"], told["next"].startswith("not on sale now"))
    assert OFFER not in {
        one["id"] for one in house.browser().get("/api/v1/inventory").json["offers"]
    }
    assert house.browser().get(f"/api/v1/inventory/{OFFER}").json["available"] is False


def test_what_is_expected_is_the_number_by_which_offers_are_sorted() -> None:
    browser = a_house().browser()
    # That cloud bills whole hours.
    offer = browser.get(f"/api/v1/offer-health?offer_id={CLOUD}:1&hours=1.5").json["offer"]
    wasted = offer["failed_starts"] * offer["per_failed_start"]
    assert offer["bill"] == pytest.approx(offer["price_per_hour"] * 2)
    assert offer["expected_cost"] == pytest.approx(offer["bill"] + wasted, abs=1e-5)
    for bound, found in (
        (offer["expected_cost"] - 1e-5, False),
        (offer["expected_cost"] + 1e-5, True),
    ):
        query = f"hours=1.5&q=expected_cost%3C{bound:.6f}"
        listed = browser.get(f"/api/v1/inventory?{query}").json["offers"]
        assert found is (f"{CLOUD}:1" in [one["id"] for one in listed])


def test_offers_are_put_in_the_order_of_what_work_is_expected_to_cost() -> None:
    house = after(an_outcome(a_house(), Blame.MACHINE, minutes_ago=90))

    def ids(query: str) -> list[str]:
        listed = house.browser().get(f"/api/v1/inventory?{query}").json["offers"]
        return [one["provider_id"] for one in listed]

    assert ["1", "2", "3"] == ids("sort=price")
    assert ["2", "1", "3"] == ids("sort=expected_cost")
    assert ["1", "2", "3"] == ids("sort=expected_cost&hours=24")
