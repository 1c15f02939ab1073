"""The cloud on a bad day: whatever it claims, its ledger tells the truth."""

import random

import pytest

from gpu_shopper.sandbox.misbehaviour import KINDS, OPERATIONS, RuleRefusedError
from tests.unit.sandbox.cloud import CATALOGUE, START, Cloud


def test_a_lost_create_reply_has_bought_all_the_same() -> None:
    cloud = Cloud()
    cloud.misbehave("lose_create_reply")

    assert cloud.create().lost
    assert 1 == len(cloud.alive())


def test_a_create_may_buy_and_answer_500() -> None:
    cloud = Cloud()
    cloud.misbehave("create_then_500")
    reply = cloud.create()

    assert (500, False) == (reply.status, reply.lost)
    assert 1 == len(cloud.alive())
    assert cloud.alive() == cloud.listed()


@pytest.mark.parametrize(("answer", "lost"), [("504", False), ("cut", True)])
def test_a_create_may_come_late(answer: str, lost: bool) -> None:
    cloud = Cloud()
    cloud.misbehave("create_late", params={"seconds": 30, "answer": answer}, count=1)
    reply = cloud.create()

    assert (504, lost) == (reply.status, reply.lost)
    assert [] == cloud.alive()

    cloud.wait(29.9)
    assert [] == cloud.alive()

    cloud.wait(0.2)
    (instance,) = cloud.alive()
    assert START + 30 == cloud.entry(instance).billed_from


def test_a_late_create_buys_nothing_if_the_offer_is_gone_by_then() -> None:
    cloud = Cloud()
    cloud.misbehave("create_late", params={"seconds": 30}, count=1)
    cloud.create()
    instance = cloud.created()
    cloud.wait(60)

    assert [instance] == cloud.alive()


def test_a_lost_request_has_done_nothing() -> None:
    cloud = Cloud()
    cloud.misbehave("lose_request", operations=["create"])

    assert cloud.create().lost
    assert [] == cloud.alive()
    assert not cloud.call("GET", "/v1/instances").lost


def test_an_answer_may_come_late() -> None:
    cloud = Cloud()
    cloud.misbehave("answer_late", params={"seconds": 12.5}, operations=["create"])
    reply = cloud.create()

    assert (201, 12.5) == (reply.status, reply.delay_s)
    assert 0 == cloud.call("GET", "/v1/offers").delay_s


def test_a_lagging_list_hides_the_new_and_shows_the_dead() -> None:
    cloud = Cloud()
    old = cloud.created(0)
    cloud.wait(100)
    cloud.misbehave("list_lag", params={"seconds": 30})
    new = cloud.created(1)
    cloud.destroy(old)

    assert [old] == cloud.listed()
    assert [new] == cloud.alive()
    assert "running" == cloud.call("GET", "/v1/instances").body["instances"][0]["status"]

    cloud.wait(31)

    assert [new] == cloud.listed()


def test_a_cut_list_looks_whole() -> None:
    cloud = Cloud()
    instances = [cloud.created(index) for index in range(4)]
    cloud.misbehave("list_cut", params={"share": 0.5})
    body = cloud.call("GET", "/v1/instances").body

    assert instances[:2] == [row["id"] for row in body["instances"]]
    assert (2, None) == (body["total"], body["next_cursor"])
    assert instances == cloud.alive()


def test_a_cut_list_lacks_at_least_one() -> None:
    cloud = Cloud()
    instance = cloud.created()
    cloud.misbehave("list_cut", params={"share": 0.01})

    assert [] == cloud.listed()
    assert [instance] == cloud.alive()


def test_an_empty_list_proves_nothing() -> None:
    cloud = Cloud()
    instance = cloud.created()
    cloud.misbehave("list_empty", count=1)

    assert [] == cloud.listed()
    assert [instance] == cloud.listed()


def test_a_404_may_be_false() -> None:
    cloud = Cloud()
    instance = cloud.created()
    cloud.misbehave("get_false_404")

    assert 404 == cloud.get(instance).status
    assert [instance] == cloud.alive()


def test_a_destroy_may_be_accepted_and_ignored() -> None:
    cloud = Cloud()
    instance = cloud.created()
    cloud.misbehave("ignore_destroy", count=1)

    assert 202 == cloud.destroy(instance).status
    cloud.wait(3600)
    assert [instance] == cloud.alive()
    assert 1 == cloud.entry(instance).destroy_calls

    cloud.destroy(instance)
    assert [] == cloud.alive()


def test_a_destroy_may_only_stop_and_go_on_billing_the_disk() -> None:
    cloud = Cloud()
    instance = cloud.created()
    cloud.wait(3600)
    cloud.misbehave("stop_instead_of_destroy", count=1)

    assert 202 == cloud.destroy(instance).status
    assert "stopped" == cloud.status(instance)
    assert [instance] == cloud.listed()

    cloud.wait(3600)
    entry = cloud.entry(instance)

    assert entry.alive
    assert entry.price_per_hour_micros * 11 // 10 == entry.billed_micros

    cloud.destroy(instance)
    assert [] == cloud.alive()


def test_a_destroy_may_be_slow_and_bills_until_it_is_done() -> None:
    cloud = Cloud()
    instance = cloud.created()
    cloud.wait(10)
    cloud.misbehave("slow_destroy", params={"seconds": 300})
    cloud.destroy(instance)
    cloud.wait(299)

    assert "stopping" == cloud.status(instance)
    assert [instance] == cloud.alive()

    cloud.wait(2)

    assert START + 310 == cloud.entry(instance).ended_at


def test_a_lost_destroy_reply_has_destroyed_all_the_same() -> None:
    cloud = Cloud()
    instance = cloud.created()
    cloud.misbehave("lose_destroy_reply")

    assert cloud.destroy(instance).lost
    assert [] == cloud.alive()


@pytest.mark.parametrize("admits", [False, True])
def test_another_gpu_may_be_handed_over_than_was_sold(admits: bool) -> None:
    cloud = Cloud()
    cloud.misbehave("wrong_gpu", params={"gpu_name": "RTX 3060", "gpu_count": 3, "admits": admits})
    shown = cloud.create().body
    (entry,) = cloud.model.alive(cloud.now)

    assert ("RTX 3060", 3) == (entry.gpu_name, entry.gpu_count)
    assert admits == (("RTX 3060", 3) == (shown["gpu_name"], shown["gpu_count"]))


@pytest.mark.parametrize("index", range(5))
def test_the_cloud_may_choose_the_wrong_gpu_itself(index: int) -> None:
    cloud = Cloud()
    cloud.misbehave("wrong_gpu")
    entry = cloud.entry(cloud.created(index))
    sold = CATALOGUE.gpu_model_of(index)

    assert entry.gpu_name not in sold.spellings
    assert CATALOGUE.offers[index].gpu_count == entry.gpu_count


@pytest.mark.parametrize("admits", [False, True])
def test_another_price_may_be_billed_than_was_offered(admits: bool) -> None:
    honest = Cloud().create().body["price_per_hour"]
    cloud = Cloud()
    cloud.misbehave("wrong_price", params={"factor": 3, "admits": admits})
    shown = cloud.create().body["price_per_hour"]
    (entry,) = cloud.model.alive(cloud.now)

    assert round(honest * 3e6) == entry.price_per_hour_micros
    assert shown == (entry.price_per_hour_micros / 1e6 if admits else honest)


def test_an_instance_may_never_boot_and_is_billed() -> None:
    cloud = Cloud()
    cloud.misbehave("never_boot")
    instance = cloud.created()
    cloud.wait(3600)

    assert "booting" == cloud.status(instance)
    assert cloud.entry(instance).price_per_hour_micros == cloud.entry(instance).billed_micros

    cloud.destroy(instance)
    assert [] == cloud.alive()


def test_a_boot_may_fail_and_is_billed() -> None:
    cloud = Cloud()
    cloud.misbehave("boot_fails")
    instance = cloud.created()
    cloud.wait(10)

    assert "error" == cloud.status(instance)
    assert [instance] == cloud.alive()


def test_an_instance_may_be_preempted() -> None:
    cloud = Cloud()
    cloud.misbehave("preempt", params={"seconds": 60})
    instance = cloud.created()
    cloud.wait(61)

    assert cloud.status(instance) is None
    assert (START + 60, "preempted") == (
        cloud.entry(instance).ended_at,
        cloud.entry(instance).end_reason,
    )


def test_there_may_be_no_capacity() -> None:
    cloud = Cloud()
    cloud.misbehave("no_capacity")

    assert "no_capacity" == cloud.create().body["error"]
    assert [] == cloud.alive()


def test_too_many_requests_are_told_when_to_come_again() -> None:
    cloud = Cloud()
    cloud.misbehave("rate_limited", params={"retry_after": 7})
    reply = cloud.create()

    assert (429, 7) == (reply.status, reply.retry_after_s)
    assert [] == cloud.alive()


@pytest.mark.parametrize(("kind", "status"), [("down", 503), ("html_error", 502)])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_cloud_that_is_down_does_nothing(kind: str, status: int, operation: str) -> None:
    cloud = Cloud()
    instance = cloud.created()
    key = cloud.model.instance(instance).spec.instance_key
    cloud.misbehave(kind, operations=[operation])
    calls = {
        "offers": lambda: cloud.call("GET", "/v1/offers"),
        "create": lambda: cloud.create(1),
        "list": lambda: cloud.call("GET", "/v1/instances"),
        "get": lambda: cloud.get(instance),
        "destroy": lambda: cloud.destroy(instance),
        "self": lambda: cloud.call("DELETE", "/v1/self", key=key),
        "account": lambda: cloud.call("GET", "/v1/account"),
    }
    reply = calls[operation]()

    assert status == reply.status
    assert (kind == "html_error") == isinstance(reply.body, str)
    assert [instance] == cloud.alive()


def test_a_rule_strikes_as_often_as_its_rate_and_count_say() -> None:
    cloud = Cloud()
    cloud.misbehave("down", rate=0.3)
    down = sum(cloud.call("GET", "/v1/account").status == 503 for _ in range(1000))

    assert 240 < down < 360
    assert down == cloud.model.misbehaviour()[0]["struck"]

    cloud.misbehave("down", count=2)
    statuses = [cloud.call("GET", "/v1/account").status for _ in range(4)]

    assert [503, 503, 200, 200] == statuses


def test_dropping_the_rules_makes_the_cloud_behave() -> None:
    cloud = Cloud()
    cloud.misbehave("down")
    cloud.model.behave()

    assert 200 == cloud.call("GET", "/v1/account").status
    assert [] == cloud.model.misbehaviour()


@pytest.mark.parametrize(
    "rule",
    [
        "down",
        {"kind": "explode"},
        {"kind": "down", "chance": 1},
        {"kind": "down", "rate": 1.1},
        {"kind": "down", "rate": float("nan")},
        {"kind": "down", "rate": True},
        {"kind": "down", "count": -1},
        {"kind": "down", "params": {"seconds": 1}},
        {"kind": "answer_late", "params": {"seconds": "1"}},
        {"kind": "answer_late", "params": {"seconds": -1}},
        {"kind": "create_late", "params": {"answer": "200"}},
        {"kind": "wrong_gpu", "params": {"gpu_name": "Voodoo 2"}},
        {"kind": "list_cut", "operations": ["create"]},
        {"kind": "down", "operations": []},
    ],
)
def test_a_rule_that_is_not_known_is_refused_and_changes_nothing(rule: object) -> None:
    cloud = Cloud()
    cloud.misbehave("list_empty")
    before = cloud.model.misbehaviour()
    with pytest.raises(RuleRefusedError):
        cloud.model.misbehave([{"kind": "down"}, rule])

    assert before == cloud.model.misbehaviour()


def test_rules_as_shown_can_be_put_back() -> None:
    cloud = Cloud()
    cloud.model.misbehave([{"kind": kind, "rate": 0.5} for kind in KINDS])
    shown = cloud.model.misbehaviour()
    cloud.model.misbehave(shown)

    assert shown == cloud.model.misbehaviour()


@pytest.mark.parametrize("seed", range(60))
def test_under_any_mix_of_misbehaviour_the_ledger_adds_up(seed: int) -> None:
    """What is alive is billed and can be ended; what has ended is billed no more."""
    walk = random.Random(seed)
    cloud = Cloud(seed=seed, destroy_s=2.0, listing_lag_s=walk.choice((0.0, 20.0)))
    cloud.model.misbehave([{"kind": kind, "rate": walk.random() * 0.6} for kind in KINDS])
    for _ in range(150):
        cloud.now += walk.expovariate(0.1)
        living = cloud.alive()
        if living and walk.random() < 0.5:
            cloud.destroy(walk.choice(living))
        else:
            cloud.create(walk.randrange(50))
    cloud.model.behave()
    cloud.wait(3600)
    before = {entry.id: entry for entry in cloud.model.ledger(cloud.now)}
    for instance in cloud.alive():
        assert 202 == cloud.destroy(instance).status
    cloud.wait(3600)
    after = cloud.model.ledger(cloud.now)

    assert [] == cloud.alive()
    for entry in after:
        known = before[entry.id]
        hours = (entry.ended_at - entry.billed_from) / 3600
        assert entry.billed_micros <= entry.price_per_hour_micros * hours + 1
        assert known.alive or known.billed_micros == entry.billed_micros
    balance = cloud.call("GET", "/v1/account").body["balance"]
    assert cloud.config.balance_micros - sum(e.billed_micros for e in after) == round(balance * 1e6)
