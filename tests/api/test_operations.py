"""What operators ask: tokens, clouds, sweeps, orphans, notices, health and metrics."""

import pytest

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.launch import AttemptState
from gpu_shopper.domain.surplus import Surplus
from gpu_shopper.ports.books import AccountState, Notice, SweepRecord
from tests.api.house import CLOUD, OTHER_CLOUD, START, a_house
from tests.api.rows import a_running_session, a_session, an_attempt, put
from tests.unit.stores.arrange import MINUTE, STOPPING


def a_sweep(**changed) -> SweepRecord:
    times = {"began_at": START, "ended_at": START}
    return SweepRecord(**{"provider": CLOUD, "complete": True} | times | changed)


def an_orphan(house):
    session = a_session(1, **STOPPING)
    unwanted = {"state": AttemptState.CLOSING, "wanted": False, "closing_since": START}
    put(house, session, an_attempt(session, **unwanted, absence=an_attempt(session).absence))
    return session


def test_a_tokens_secret_is_shown_once() -> None:
    browser = a_house().browser()
    made = browser.post("/api/v1/tokens", {"kind": "admin", "name": "ci"})
    admin = browser.__class__(browser.app, {"Authorization": f"Bearer {made.json['secret']}"})

    listed = admin.get("/api/v1/tokens")

    assert (201, "no-store") == (made.status, made.headers["cache-control"])
    assert [made.json["token"]] == listed.json["tokens"]
    assert made.json["secret"].encode() not in listed.body


@pytest.mark.parametrize(
    "order",
    [
        {"kind": "consumer"},
        {"kind": "admin", "consumer_id": "alice"},
        {"kind": "root"},
        {"kind": "admin", "expires_in_days": 0},
        {"kind": "admin", "expires_in_days": 9999},
        {"kind": "admin", "name": "x" * 200},
    ],
)
def test_a_token_that_makes_no_sense_is_refused(order: dict) -> None:
    answer = a_house().browser().post("/api/v1/tokens", order)

    assert (400, True) == (answer.status, bool(answer.json["errors"]))


def test_a_token_lasts_ninety_days_unless_said_otherwise() -> None:
    made = a_house().browser().post("/api/v1/tokens", {"kind": "admin"}).json["token"]
    other = a_house().browser().post("/api/v1/tokens", {"kind": "admin", "expires_in_days": None})

    assert ("2026-06-12T09:30:00Z", None) == (made["expires_at"], other.json["token"]["expires_at"])


def test_a_sweep_is_asked_for_and_not_waited_for() -> None:
    house = a_house()

    assert 202 == house.browser().post("/api/v1/operations/sweep").status
    assert [START] == house.sweeps


def test_orphans_are_what_should_end_and_is_not_proved_to_be_gone() -> None:
    house = a_house()
    an_orphan(house)
    a_running_session(house, 2)
    house.write(lambda book: book.accounts.add_sweep(a_sweep(instances=5, strays=3)))

    report = house.browser().get("/api/v1/operations/orphans").json

    assert [("i-1", "unwanted")] == [(one["instance_id"], one["kind"]) for one in report["orphans"]]
    assert (5, 3, False, True) == (
        report["instances"], report["strays"], report["complete"], report["dry_run"],
    )  # fmt: skip
    assert [f"{OTHER_CLOUD}: not looked at yet"] == report["troubles"]


def a_double(house, *, minutes: int, tries: int, **changed) -> Surplus:
    instance = InstanceId(f"i-double-{minutes}")
    seen = START - minutes * MINUTE
    double = Surplus(
        provider=OTHER_CLOUD, instance_id=instance, label="gs1-1-1", because="a double",
        since=seen, billed_from=seen, destroy_tries=tries, **changed,
    )  # fmt: skip
    house.write(lambda book: book.surplus.save(double))
    return double


def test_orphans_are_doubles_and_what_cannot_be_read_as_well() -> None:
    house = a_house()
    a_double(house, minutes=3, tries=2)
    a_double(house, minutes=2, tries=1, gone_listings=2, gone_at=START, closed_at=START)
    a_running_session(house, 2)
    house.write(lambda book: book._connection.raw.execute("UPDATE attempts SET absence = '{'"))

    report = house.browser().get("/api/v1/operations/orphans").json

    assert [
        ("i-double-3", "surplus", "destroying it (asked 2 times)"),
        ("i-1", "unreadable", "left alone until its row can be read"),
    ] == [(one["instance_id"], one["kind"], one["action"]) for one in report["orphans"]]


def test_notices_are_listed_newest_first() -> None:
    house = a_house()
    for number in range(3):
        notice = Notice(
            id=f"n{number}", at=house.clock.now(), kind="orphan", text="look", details={"n": "1"}
        )
        house.write(lambda book, notice=notice: book.notices.add(notice))
        house.clock.forward(minutes=1)

    found = house.browser().get("/api/v1/notices?limit=2").json

    assert ["n2", "n1"] == [notice["id"] for notice in found["notices"]]


def test_a_cloud_is_shown_with_what_it_can_do_and_which_layers_hold() -> None:
    house = a_house()
    house.write(lambda book: book.accounts.add_sweep(a_sweep(instances=2, orphans=1)))
    frozen = AccountState(
        provider=CLOUD, frozen_since=START, frozen_because="half of it is missing"
    )
    house.write(lambda book: book.accounts.save_state(frozen))
    a_running_session(house)

    first, second = house.browser().get("/api/v1/providers").json["providers"]

    assert {"native_ttl": True, "agent_ends_work": True, "agent_ends_bill": False, "sweep": True} == (
        first["safety_layers"]
    )  # fmt: skip
    assert (CLOUD, 3, 2, 1, 1, "half of it is missing") == (
        first["name"], first["offers"], first["instances_seen"], first["orphans_seen"],
        first["open_obligations"], first["frozen_because"],
    )  # fmt: skip
    assert (OTHER_CLOUD, False, None) == (
        second["name"], second["safety_layers"]["sweep"], second["last_sweep_at"],
    )  # fmt: skip


def test_a_cloud_says_how_it_bills() -> None:
    first, second = a_house().browser().get("/api/v1/providers").json["providers"]

    plain = {
        "minimum_s": 0.0, "increment_s": 1.0, "billed_start_s": 0.0, "included_disk_gb": 0,
        "currency": "USD", "usd_per_unit": 1.0, "exchange_fee": 0.0, "smallest_charge": 0.0,
        "stopped_share": 1.0, "volume_price_per_gb_month": None, "destroy_ends_billing": False,
    }  # fmt: skip
    assert plain == second["billing"]
    assert plain | {"increment_s": 3600.0, "destroy_ends_billing": True} == first["billing"]


def test_a_sweep_that_is_old_protects_nobody() -> None:
    house = a_house()
    house.write(lambda book: book.accounts.add_sweep(a_sweep()))
    house.clock.forward(minutes=16)

    assert (
        False
        is house.browser().get("/api/v1/providers").json["providers"][0]["safety_layers"]["sweep"]
    )


def test_metrics_are_what_the_book_says_at_that_moment() -> None:
    house = a_house()
    an_orphan(house)
    a_running_session(house, 2)
    house.write(lambda book: book.accounts.add_sweep(a_sweep()))
    house.clock.forward(seconds=90)

    lines = house.browser().get("/metrics").body.decode().splitlines()

    expected = {
        'gpu_shopper_sessions{state="running"} 1.0',
        'gpu_shopper_sessions{state="stopping"} 1.0',
        'gpu_shopper_sessions{state="failed"} 0.0',
        "gpu_shopper_open_obligations 2.0",
        "gpu_shopper_unattended 1.0",
        "gpu_shopper_unattended_seconds 90.0",
        "gpu_shopper_overdue_seconds 90.0",
        "gpu_shopper_destroy_tries 4.0",
        f'gpu_shopper_sweep_age_seconds{{provider="{CLOUD}"}} 90.0',
        f'gpu_shopper_market_age_seconds{{provider="{CLOUD}"}} 90.0',
    }
    assert set() == expected - set(lines)


def test_what_has_no_attempt_counts_as_owed() -> None:
    house = a_house()
    an_orphan(house)
    a_double(house, minutes=3, tries=7)
    a_double(house, minutes=1, tries=0)
    a_double(house, minutes=9, tries=9, gone_listings=2, gone_at=START, closed_at=START)

    lines = house.browser().get("/metrics").body.decode().splitlines()

    expected = {
        "gpu_shopper_open_obligations 3.0",
        "gpu_shopper_unattended 3.0",
        "gpu_shopper_unattended_seconds 180.0",
        "gpu_shopper_destroy_tries 7.0",
    }
    assert set() == expected - set(lines)
    clouds = house.browser().get("/api/v1/providers").json["providers"]
    assert {CLOUD: 1, OTHER_CLOUD: 2} == {one["name"]: one["open_obligations"] for one in clouds}


def test_what_was_never_swept_has_no_age() -> None:
    assert b"sweep_age_seconds{" not in a_house().browser().get("/metrics").body


def test_readiness_waits_for_the_market_and_health_does_not() -> None:
    browser = a_house(listed=False).browser()

    assert (503, "starting") == (browser.get("/ready").status, browser.get("/ready").json["status"])
    assert 200 == browser.get("/health").status


def test_a_server_whose_engine_is_dead_says_so() -> None:
    answer = a_house(engine_alive=lambda: False).browser().get("/health")

    assert (503, "stopped") == (answer.status, answer.json["services"]["lifecycle"])


def test_the_first_token_is_an_operators_for_else_nobody_could_make_another() -> None:
    house = a_house()

    answer = house.browser().post("/api/v1/tokens", {"kind": "consumer", "consumer_id": "alice"})

    assert 400 == answer.status
    assert [] == house.read(lambda book: book.tokens.list())
