"""The odds, on the command line."""

import json
from typing import Any

from tests.unit.cli.machine import Machine
from tests.unit.client.fake_server import FakeServer, Routed, problem

HEALTH = ("GET", "/api/v1/offer-health")
AT = "2026-03-14T10:30:00Z"
ENTRY = {
    "scope": "machine", "key": "m1", "provider": "sandbox", "failures": 2, "successes": 1,
    "benefit": 1.0, "half_life_s": 21600.0, "weight": 1.25, "confidence": 0.4444,
    "suppressed_until": AT, "forgotten_at": AT, "last_at": AT, "last_reason": "no CUDA device",
    "next": "left alone until 10:30",
}  # fmt: skip
OFFER = {
    "offer_id": "sandbox:1", "available": True, "confidence": 0.8, "hours": 4.0,
    "parts": [{"part": "machine", "factor": 0.8, "because": "2 failed in the last day on m1"}],
    "price_per_hour": 0.5, "failed_starts": 0.25, "per_failed_start": 0.15,
    "bill": 2.0, "expected_cost": 2.0375, "suppressed_until": None, "next": "can be bought now",
}  # fmt: skip


def body(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"entries": [*entries], "count": len(entries), "freshness": {"sandbox": 1.0}, **more}


def test_what_is_remembered_is_listed_with_what_comes_next(
    server: FakeServer, machine: Machine
) -> None:
    server.answers[HEALTH] = 200, body(ENTRY)

    told = machine("offer-health")

    assert [
        "Of Name Cloud Failed Worked since Weight Confidence Last reason Next",
        "machine m1 sandbox 2 1 1.25 0.44 no CUDA device left alone until 10:30",
    ] == [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert [ENTRY] == json.loads(machine("offer-health", "-o", "json").stdout)


def test_where_nothing_failed_it_says_so(server: FakeServer, machine: Machine) -> None:
    server.answers[HEALTH] = 200, body()

    assert "nothing failed in the last day" in machine("offer-health").stderr


def test_an_offers_odds_are_explained_in_plain_words(server: FakeServer, machine: Machine) -> None:
    seen: list[tuple[str, str]] = []

    def answer(query: dict[str, list[str]]) -> Routed:
        seen.append((query["offer_id"][0], query["hours"][0]))
        return 200, body(offer=OFFER)

    server.answers[HEALTH] = answer

    told = machine("offer-health", "sandbox:1", "--hours", "4")

    assert ["machine", "0.8000", "2"] == told.stdout.splitlines()[1].split()[:3]
    assert "in 80% of cases it works at once" in told.stderr
    assert "4 h of work are expected to cost 2.0375 USD" in told.stderr
    assert "0.25 starts that fail at 0.1500 each" in told.stderr
    assert "can be bought now" in told.stderr
    assert [("sandbox:1", "4.0")] == seen


def test_an_offers_odds_can_be_read_by_programs(server: FakeServer, machine: Machine) -> None:
    server.answers[HEALTH] = 200, body(offer=OFFER)

    told = machine("offer-health", "sandbox:1", "-o", "json")

    assert (OFFER, "") == (json.loads(told.stdout), told.stderr)


def test_an_offer_that_nobody_lists_is_told(server: FakeServer, machine: Machine) -> None:
    server.answers[HEALTH] = problem(404, "not_found", "there is no offer 'x' now")

    told = machine("offer-health", "x")

    assert told.exit_code != 0
    assert "there is no offer" in told.stderr
