"""`gpu-shopper live-smoke`: what it chooses and refuses, and that whatever happens after the order, the end is asked for."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from gpu_shopper.bootstrap.own_service import TheirBill
from gpu_shopper.cli.keys import KeyRing
from gpu_shopper.cli.smoke_check import Found, NotProvedGone, Plan, Smoke, SmokeRefused
from gpu_shopper.client import Shopper, Surroundings
from gpu_shopper.client.remote import CompletedRun
from gpu_shopper.domain.hearing import GpuSeen, Verdict
from gpu_shopper.domain.money import money
from gpu_shopper.ports.billing import BillLine
from tests.unit.cli.machine import Machine
from tests.unit.cli.test_operating import cloud
from tests.unit.client.fake_server import KEY, FakeServer, offer_body, session_body

SHOWN = "NVIDIA GeForce RTX 4090, 24564, GPU-1, 0, 1, 550.54\n"


class House:
    """Knows what was sold, and what the cloud has written down at each look."""

    def __init__(self) -> None:
        self.sold = "NVIDIA GeForce RTX 4090"
        self.bills = [TheirBill(told=False, where="its console")]

    def verdict(self, session_id: str, gpus: tuple[GpuSeen, ...]) -> Verdict:
        if not gpus:
            return Verdict.NOT_READABLE
        fits = {gpu.name for gpu in gpus} == {self.sold}
        return Verdict.AS_SOLD if fits else Verdict.NOT_AS_SOLD

    def their_bill(self, provider: str, instance_id: str, *, since: datetime) -> TheirBill:
        return self.bills.pop(0) if len(self.bills) > 1 else self.bills[0]


class Bench:
    """A smoke test over a server that says what it is told to; time passes when somebody sleeps."""

    def __init__(self, server: FakeServer, folder: Path) -> None:
        self.server = server
        self.house = House()
        self.said: list[str] = []
        self.shown = [SHOWN]
        self.passed_s = 0.0
        self.pace = 1.0
        self.on_sleep: Callable[[], None] = lambda: None
        surroundings = Surroundings(
            monotonic=lambda: self.passed_s, sleep=self._sleep, draw_key=self._draw_key
        )
        self.keys = folder / "keys"
        self._drawn = 0
        self.smoke = Smoke(
            Shopper(server.url, consumer="me", surroundings=surroundings), self.house,
            KeyRing(self.keys), say=self.said.append, tell=lambda _: None, run=self._run,
        )  # fmt: skip

    def _draw_key(self) -> str:
        self._drawn += 1
        return f"key-{self._drawn}"

    def _sleep(self, seconds: float) -> None:
        self.passed_s += seconds * self.pace
        self.on_sleep()

    def _run(self, login: object, command: str, *, timeout_s: float) -> CompletedRun:
        output = self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]
        return CompletedRun(exit_code=0 if output else 9, stdout=output, stderr="")

    @property
    def asked_to_end(self) -> list[str]:
        return [path for method, path in self.server.asked if method == "DELETE"]


@pytest.fixture
def bench(server: FakeServer, tmp_path: Path) -> Iterator[Bench]:
    clouds = {"providers": [cloud(open_obligations=0)], "count": 1}
    server.answers["GET", "/api/v1/providers"] = (200, clouds)
    server.offers = [offer("dear", 0.4), offer("cheap", 0.1), offer("odd", 0.01, marks=["cheap"])]
    return Bench(server, tmp_path)


def offer(name: str, total: float, **more: object) -> dict:
    parts = dict.fromkeys(("use", "unused", "disk", "traffic", "exchange", "rounding"), 0.0)
    effective = {**parts, "total": total, "per_gpu_hour": total}
    return offer_body(name, effective_price=effective, effective_price_per_hour=total, **more)


def plans_of(bench: Bench, cap: float = 0.5) -> list[Plan]:
    return bench.smoke.plans(cap=cap)


def test_the_cheapest_at_worst_is_taken_and_an_odd_one_never(bench: Bench) -> None:
    assert ["cheap", "dear"] == [plan.offer.id for plan in plans_of(bench)]


def test_a_cap_that_the_cheapest_may_exceed_is_refused_with_its_price(bench: Bench) -> None:
    with pytest.raises(SmokeRefused, match=r"cheap, may cost up to 0\.1000 USD") as refused:
        plans_of(bench, cap=0.09)

    assert "--max-usd 0.11" in refused.value.hint


def test_without_an_offer_that_suits_nothing_begins(bench: Bench) -> None:
    bench.server.offers = [offer_body("no price"), offer("odd", 0.01, marks=["cheap"])]

    with pytest.raises(SmokeRefused, match="no offer"):
        plans_of(bench)


def test_a_refused_key_is_told_and_a_menu_that_never_comes_is_not_waited_for_for_ever(
    bench: Bench,
) -> None:
    bench.pace = 100.0
    clouds = [cloud(last_complete_sweep_at=None, last_error="down")]
    bench.server.answers["GET", "/api/v1/providers"] = (200, {"providers": clouds, "count": 1})
    with pytest.raises(SmokeRefused, match="down"):
        plans_of(bench)

    clouds[0]["unauthorized_since"] = clouds[0]["last_sweep_at"]
    with pytest.raises(SmokeRefused, match="refuses our key"):
        plans_of(bench)


def test_what_ran_is_looked_at_ended_proved_and_billed_by_both(bench: Bench) -> None:
    found = Found()
    waiting = TheirBill(told=True, where="its console")
    line = BillLine(amount=money("0.02"), words="an hour")
    bench.house.bills = [waiting, TheirBill(told=True, where="", lines=(line, line))]
    bench.server.answers["GET", "/api/v1/costs"] = (
        200, {"session_id": "ses_1", "total_cost": 0.041, "currency": "USD", "settled": True},
    )  # fmt: skip

    bench.smoke.rent(plans_of(bench), found)
    bench.smoke.end_all()
    bench.smoke.prove(found)
    (charged,) = bench.smoke.charged(session_id=found.session_id, patient=True)

    assert (True, True, True, "") == (found.ran, found.as_sold, found.gone, found.error)
    assert ["NVIDIA GeForce RTX 4090, 24564 MiB"] == found.gpus
    order = bench.server.bodies[0]
    assert ("cheap", 0.4, False) == (
        order["offer_id"], order["max_price_per_hour"], order["auto_retry"]
    )  # fmt: skip
    assert (0.041, 0.04, "") == (charged.ours, charged.theirs, charged.remark)
    assert [] == bench.server.running()
    assert [] == list(bench.keys.glob("*.key"))


def test_another_gpu_than_the_one_sold_is_told_and_a_driver_gets_time(bench: Bench) -> None:
    found = Found()
    bench.shown = ["", SHOWN.replace("4090", "3060")]

    bench.smoke.rent(plans_of(bench), found)

    assert (True, False) == (found.ran, found.as_sold)
    assert "sold was 1 × RTX 4090; there is NVIDIA GeForce RTX 3060" in found.error


def test_a_gpu_that_never_can_be_read_is_not_as_sold(bench: Bench) -> None:
    found = Found()
    bench.shown = [""]

    bench.smoke.rent(plans_of(bench), found)

    assert (True, False) == (found.ran, found.as_sold)
    assert "there is no GPU" in found.error


def attempt_of(**more: object) -> dict:
    (attempt,) = session_body()["attempts"]
    return attempt | more


@pytest.mark.parametrize(
    ("state", "instance_id", "orders"), [("rejected", None, 2), ("closed", "i-1", 1)]
)
def test_the_next_offer_is_tried_only_where_nothing_was_bought(
    bench: Bench, state: str, instance_id: str | None, orders: int
) -> None:
    gone = session_body("ses_1", status="failed", error="offer_gone")
    gone["attempts"] = [attempt_of(state=state, instance_id=instance_id)]
    bench.server.answers["GET", "/api/v1/sessions/ses_1"] = (200, gone)
    found = Found()

    bench.smoke.rent(plans_of(bench), found)

    assert orders == bench.server.times("POST", "/api/v1/sessions")
    assert (orders == 2) is found.ran


def interrupt(times: int) -> Callable[[], None]:
    left = [KeyboardInterrupt()] * times

    def strike() -> None:
        if left:
            raise left.pop()

    return strike


def test_ctrl_c_at_any_time_ends_what_was_rented(bench: Bench) -> None:
    bench.server.journey = ["provisioning"] * 5
    bench.server.ending = ["stopping", "stopping", "stopped"]
    bench.on_sleep = interrupt(1)

    with pytest.raises(KeyboardInterrupt):
        bench.smoke.rent(plans_of(bench), Found())
    bench.on_sleep = interrupt(1)
    bench.smoke.end_all()

    assert [] == bench.server.running()
    assert any("Ctrl-C once more" in line for line in bench.said)


def test_a_second_ctrl_c_leaves_it_to_the_next_run_which_finds_it(bench: Bench) -> None:
    bench.smoke.rent(plans_of(bench), Found())
    bench.on_sleep = interrupt(2)
    bench.server.ending = ["stopping", "stopping", "stopped"]

    with pytest.raises(NotProvedGone, match="interrupted") as left:
        bench.smoke.end_all()
    assert "run the same command again" in left.value.hint
    assert bench.smoke.unfinished()

    bench.smoke.end_all()
    assert [] == bench.server.running()
    assert not bench.smoke.unfinished()


def test_what_does_not_go_is_not_said_to_be_gone(bench: Bench) -> None:
    bench.smoke.rent(plans_of(bench), Found())
    stuck = session_body("ses_1", status="stopping")
    bench.server.answers["GET", "/api/v1/sessions/ses_1"] = (200, stuck)
    bench.pace = 600.0

    with pytest.raises(NotProvedGone, match="still stopping"):
        bench.smoke.end_all()

    assert ["/api/v1/sessions/ses_1"] == bench.asked_to_end


def test_an_open_obligation_alone_is_unfinished_too(bench: Bench) -> None:
    bench.pace = 600.0
    owing = {"providers": [cloud(open_obligations=1)], "count": 1}
    bench.server.answers["GET", "/api/v1/providers"] = (200, owing)

    assert bench.smoke.unfinished()
    with pytest.raises(NotProvedGone, match="the book still holds something open"):
        bench.smoke.end_all()


@pytest.mark.parametrize(
    ("bill", "said"),
    [
        (TheirBill(told=False, where="Billing"), "its API tells no charges; in its console: Billing"),
        (TheirBill(told=True, where="Billing"), "it has written down nothing yet; in its console: Billing"),
        (TheirBill(told=True, where="", trouble="503"), "it could not be asked: 503"),
    ],
)  # fmt: skip
def test_a_bill_that_is_not_there_is_told_plainly(bench: Bench, bill: TheirBill, said: str) -> None:
    bench.server.sessions["ses_1"] = session_body("ses_1", status="stopped")
    bench.house.bills = [bill]
    bench.server.answers["GET", "/api/v1/costs"] = (
        200, {"session_id": "ses_1", "total_cost": 0.041, "currency": "USD", "settled": True},
    )  # fmt: skip

    (charged,) = bench.smoke.charged(patient=False)

    assert (None, said) == (charged.theirs, charged.remark)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("vast",), 2, "--max-usd"),
        (("vast", "--max-usd", "0"), 2, "more than 0"),
        (("vast", "--max-usd", "nan"), 2, "more than 0"),
        (("vast", "--max-usd", "1e9"), 2, "at most 100"),
        (("nowhere", "--max-usd", "1"), 4, "not installed"),
        (("vast", "--max-usd", "1"), 4, "VAST_API_KEY"),
    ],
)
def test_nonsense_is_refused_before_anything_is_asked(
    machine: Machine, words: tuple[str, ...], code: int, said: str
) -> None:
    refused = machine("live-smoke", *words)

    assert code == refused.exit_code
    assert said in refused.stderr
    assert not (machine.data / "live-smoke").exists()


def test_the_private_key_of_a_run_is_kept_for_the_next_one(bench: Bench) -> None:
    bench.smoke.rent(plans_of(bench), Found())

    (kept,) = bench.keys.glob("*.key")
    assert KEY == kept.read_text()
