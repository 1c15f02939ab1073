"""The cloud model on a good day: selling, listing, ending, and billing to the microsecond."""

import json
import random
from fractions import Fraction

import msgspec
import pytest

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.messages import StartInstance, StopInstance
from gpu_shopper.sandbox.metering import Meter
from gpu_shopper.sandbox.misbehaviour import KINDS
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.sandbox.state import UnreadableSnapshotError
from tests.unit.sandbox.cloud import CATALOGUE, START, Cloud


def test_a_call_without_the_key_is_refused() -> None:
    cloud = Cloud()

    assert 401 == cloud.call("GET", "/v1/offers", key="other").status
    assert 401 == cloud.call("GET", "/v1/instances", key="").status
    assert 401 == cloud.call("DELETE", "/v1/self").status


def test_unknown_paths_and_methods_are_told_apart() -> None:
    cloud = Cloud()

    assert 404 == cloud.call("GET", "/v2/offers").status
    assert 404 == cloud.call("GET", "/v1/instances/a/b").status
    assert 405 == cloud.call("PUT", "/v1/instances").status


def test_the_market_is_paged_whole_and_without_repeats() -> None:
    cloud = Cloud()
    seen, query = [], {"limit": "700"}
    while True:
        body = cloud.call("GET", "/v1/offers", **query).body
        seen += [row["id"] for row in body["offers"]]
        if body["next_cursor"] is None:
            break
        query["cursor"] = body["next_cursor"]

    assert [offer.id for offer in CATALOGUE.offers] == seen
    assert 3000 == body["total"]


def test_an_offer_leaves_the_market_while_it_is_taken() -> None:
    cloud = Cloud()
    taken = CATALOGUE.offers[0].id
    instance = cloud.created(0)

    assert taken not in on_offer(cloud)
    assert "offer_gone" == cloud.create(0).body["error"]

    cloud.destroy(instance)

    assert taken in on_offer(cloud)


def test_an_instance_is_created_boots_runs_and_ends() -> None:
    cloud = Cloud()
    instance = cloud.created()

    assert "creating" == cloud.status(instance)
    assert cloud.get(instance).body["ssh_host"] is None

    cloud.wait(1.0)
    body = cloud.get(instance).body

    assert "running" == body["status"]
    assert body["ssh_port"] == 22
    assert body["host_key"].startswith("ssh-ed25519 AAAA")

    assert 202 == cloud.destroy(instance).status
    assert cloud.status(instance) is None
    assert 404 == cloud.destroy(instance).status
    assert ("destroyed", 1) == (
        cloud.entry(instance).end_reason,
        cloud.entry(instance).destroy_calls,
    )


def test_where_the_program_hosts_only_its_word_makes_an_instance_run_and_end() -> None:
    cloud = Cloud(hosts_itself=False)
    instance = cloud.created(ssh_keys=["ssh-ed25519 AAAAkey"], env={"A": "b"}, on_start="true")
    cloud.now += 2
    start = cloud.model.advance(cloud.now)[0]

    assert isinstance(start, StartInstance)
    assert ("true", {"A": "b"}) == (start.spec.on_start, start.spec.env)
    assert "booting" == cloud.status(instance)

    cloud.model.instance_ready(instance, ssh_host="h", ssh_port=9, host_key="k", now=cloud.now)
    assert "running" == cloud.status(instance)

    cloud.call("DELETE", f"/v1/instances/{instance}")
    assert [StopInstance(instance_id=instance, keep_disk=False)] == cloud.model.take_effects()
    assert "stopping" == cloud.status(instance)
    assert [instance] == cloud.alive()

    cloud.wait(60)
    cloud.model.instance_died(instance, now=cloud.now)
    assert cloud.status(instance) is None
    assert cloud.now == cloud.entry(instance).ended_at


def test_an_instance_that_is_ready_too_late_stays_ended() -> None:
    cloud = Cloud(hosts_itself=False)
    instance = cloud.created()
    cloud.wait(2)
    cloud.call("DELETE", f"/v1/instances/{instance}")

    cloud.model.instance_ready(instance, ssh_host="h", ssh_port=9, host_key="k", now=cloud.now)

    assert "stopping" == cloud.status(instance)


def test_a_machine_that_dies_by_itself_is_ended_at_that_moment() -> None:
    cloud = Cloud(hosts_itself=False)
    instance = cloud.created()
    cloud.wait(5)

    cloud.model.instance_died(instance, now=cloud.now)
    cloud.wait(100)

    assert (START + 5, "died") == (cloud.entry(instance).ended_at, cloud.entry(instance).end_reason)


def test_an_instance_is_billed_from_the_accepted_create_to_its_end() -> None:
    cloud = Cloud()
    instance = cloud.created()
    cloud.now += 1234.567891
    cloud.destroy(instance)
    cloud.wait(9999)
    entry = cloud.entry(instance)
    exact = Fraction(entry.price_per_hour_micros) * 1_234_567_891 / 3_600_000_000

    assert int(exact + Fraction(1, 2)) == entry.billed_micros
    assert START == entry.billed_from


def test_a_meter_rounds_half_up_once_however_often_it_is_read() -> None:
    meter = Meter()
    meter.run(rate_micros=3_600, now=0.0)

    assert [0, 1, 1, 2] == [meter.total_micros(now=now) for now in (0.49, 0.5, 1.49, 1.5)]

    meter.stop(now=1.25)
    meter.run(rate_micros=3_600, now=2.0)

    assert 2 == meter.total_micros(now=2.25)


def test_a_clock_that_is_set_back_un_bills_nothing() -> None:
    meter = Meter()
    meter.run(rate_micros=3_600_000, now=100.0)
    meter.stop(now=110.0)
    meter.run(rate_micros=3_600_000, now=110.0)

    assert 10_000 == meter.total_micros(now=90.0)


def test_the_listing_comes_in_pages_of_25() -> None:
    cloud = Cloud()
    instances = [cloud.created(index) for index in range(60)]
    first = cloud.call("GET", "/v1/instances").body
    second = cloud.call("GET", "/v1/instances", cursor=first["next_cursor"]).body
    third = cloud.call("GET", "/v1/instances", cursor=second["next_cursor"]).body
    pages = [[row["id"] for row in page["instances"]] for page in (first, second, third)]

    assert [25, 25, 10] == [len(page) for page in pages]
    assert instances == [each for page in pages for each in page]
    assert third["next_cursor"] is None
    assert 60 == third["total"]


def test_a_cursor_holds_when_instances_vanish_between_pages() -> None:
    cloud = Cloud()
    instances = [cloud.created(index) for index in range(30)]
    cursor = cloud.call("GET", "/v1/instances").body["next_cursor"]
    for instance in instances[:10]:
        cloud.destroy(instance)

    assert instances[25:] == cloud.listed(cursor=cursor)


def test_the_listing_can_be_asked_for_a_name_and_names_are_not_unique() -> None:
    cloud = Cloud()
    twins = [cloud.created(index, name="twin") for index in (0, 1)]
    cloud.created(2, name="other")

    assert twins == cloud.listed(name="twin")
    assert [] == cloud.listed(name="twi")


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "26"}, {"limit": "x"}, {"cursor": "zz"}, {"page": "2"}]
)
def test_a_query_that_is_not_understood_is_refused(query: dict[str, str]) -> None:
    assert 400 == Cloud().call("GET", "/v1/instances", **query).status


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"disk_gb": -1},
        {"disk_gb": 10.5},
        {"disk_gb": 99_999},
        {"surprise": 1},
        {"ssh_keys": "ssh-ed25519 AAAA"},
        {"ssh_keys": ["ssh-ed25519 AAAA\nssh-ed25519 BBBB"]},
        {"env": {"1A": "x"}},
        {"tags": {"": "x"}},
        {"tags": {"a": 1}},
        {"tags": {f"t{number}": "x" for number in range(21)}},
        {"env": {"PATH": "/x"}},
        {"env": {"SANDBOX_API": "x"}},
        {"expires_at": "tomorrow"},
        {"expires_at": "2030-01-01T00:00:00"},
        {"expires_at": "2001-01-01T00:00:00Z"},
        {"max_price_per_hour": 0},
    ],
)
def test_an_order_that_is_not_understood_buys_nothing(wrong: dict[str, object]) -> None:
    cloud = Cloud()
    reply = cloud.create(**wrong)

    assert (400, "bad_request") == (reply.status, reply.body["error"])
    assert [] == cloud.alive()


def test_an_order_below_the_price_is_told_that_the_price_changed() -> None:
    cloud = Cloud()

    assert "price_changed" == cloud.create(max_price_per_hour=0.000001).body["error"]
    assert "offer_gone" == cloud.create(offer_id="no-such-offer").body["error"]
    assert [] == cloud.alive()


def test_an_empty_account_buys_nothing() -> None:
    assert 402 == Cloud(balance_micros=10).create().status


def test_the_balance_falls_by_what_is_billed() -> None:
    cloud = Cloud(balance_micros=50_000_000)
    instance = cloud.created()
    cloud.wait(3600)
    left = cloud.call("GET", "/v1/account").body["balance"]

    assert left == (50_000_000 - cloud.entry(instance).billed_micros) / 1_000_000


def test_an_expiry_ends_the_instance_without_anybody_asking() -> None:
    cloud = Cloud()
    instance = cloud.created(expires_at="2027-01-15T08:01:00Z")
    ends = cloud.model.instance(instance).expires_at
    cloud.now = ends + 500
    cloud.wait(0)

    assert (ends, "expired") == (cloud.entry(instance).ended_at, cloud.entry(instance).end_reason)


def test_an_instance_can_end_itself_with_its_own_key_only() -> None:
    cloud = Cloud()
    first, second = cloud.created(0), cloud.created(1)
    key = cloud.model.instance(first).spec.instance_key

    assert 401 == cloud.call("GET", "/v1/instances", key=key).status
    assert 202 == cloud.call("DELETE", "/v1/self", key=key).status

    cloud.wait(1)

    assert [second] == cloud.alive()
    assert "self_ended" == cloud.entry(first).end_reason
    assert 401 == cloud.call("DELETE", "/v1/self", key=key).status


def test_losing_the_host_ends_the_instance() -> None:
    cloud = Cloud()
    instance = cloud.created()

    assert cloud.model.kill(instance, now=cloud.now)
    cloud.wait(0)

    assert "host_lost" == cloud.entry(instance).end_reason
    assert not cloud.model.kill(instance, now=cloud.now)


def test_prices_drift_but_not_those_of_what_is_rented() -> None:
    cloud = Cloud()
    instance = cloud.created()
    before, paid = prices(cloud), cloud.get(instance).body["price_per_hour"]
    cloud.model.drift()

    assert before != prices(cloud)
    assert paid == cloud.get(instance).body["price_per_hour"]


def test_the_same_seed_makes_the_same_market_on_any_day() -> None:
    again = Catalogue(seed=7)

    assert CATALOGUE.offers == again.offers
    assert CATALOGUE.rows(123) == again.rows(123)
    assert Catalogue(seed=8).offers != again.offers


def test_the_market_is_of_the_size_and_shape_of_a_real_one() -> None:
    offers = CATALOGUE.offers
    models = {CATALOGUE.gpu_model_of(index).driver_name for index in range(len(offers))}
    per_gpu = [CATALOGUE.price_micros(i, 0) / o.gpu_count / 1e6 for i, o in enumerate(offers)]

    assert 3000 == len({offer.id for offer in offers})
    assert 30 <= len(models)
    assert 12 == len({offer.host_id for offer in offers})
    assert {1, 2, 4, 8} == {offer.gpu_count for offer in offers}
    assert 0.02 < min(per_gpu)
    assert max(per_gpu) < 8


def test_a_model_restored_from_its_snapshot_goes_on_exactly_as_the_first() -> None:
    for seed in range(40):
        first = Cloud(seed=seed, boot_s=(1.0, 50.0), destroy_s=3.0)
        walk = random.Random(seed)
        for _ in range(60):
            _stroll(first, walk)
        second = Cloud(seed=999, boot_s=(1.0, 50.0), destroy_s=3.0)
        second.now = first.now
        second.model.restore(json.loads(json.dumps(first.model.snapshot())))
        second_walk = random.Random()
        second_walk.setstate(walk.getstate())
        seen = [
            [_stroll(cloud, way) for _ in range(60)]
            for cloud, way in ((first, walk), (second, second_walk))
        ]

        assert seen[0] == seen[1]
        assert first.model.ledger(first.now) == second.model.ledger(second.now)
        assert msgspec.to_builtins(first.model.snapshot()) == second.model.snapshot()


def test_restoring_hands_out_again_what_may_not_have_been_done() -> None:
    cloud = Cloud(hosts_itself=False)
    booting, stopping = cloud.created(0), cloud.created(1)
    cloud.wait(2)
    cloud.call("DELETE", f"/v1/instances/{stopping}")
    cloud.model.take_effects()
    later = CloudModel(CATALOGUE, random.Random(), cloud.config)
    later.restore(cloud.model.snapshot())
    start, stop = later.take_effects()

    assert isinstance(start, StartInstance)
    assert booting == start.instance_id
    assert StopInstance(instance_id=stopping, keep_disk=False) == stop


def test_a_snapshot_that_is_not_understood_changes_nothing() -> None:
    cloud = Cloud()
    instance = cloud.created()
    with pytest.raises(UnreadableSnapshotError):
        cloud.model.restore({"format": 99})

    assert [instance] == cloud.alive()


def prices(cloud: Cloud) -> list[float]:
    body = cloud.call("GET", "/v1/offers").body
    return [row["price_per_hour"] for row in body["offers"]]


def on_offer(cloud: Cloud) -> set[str]:
    return {row["id"] for row in cloud.call("GET", "/v1/offers").body["offers"]}


def _stroll(cloud: Cloud, walk: random.Random) -> object:
    """Do one thing by chance; return what was seen."""
    cloud.now += walk.choice((0.0, 0.5, 7.0, 200.0))
    living = [entry.id for entry in cloud.model.alive(cloud.now)]
    choice = walk.randrange(6)
    if choice == 0:
        kinds = walk.sample(sorted(KINDS), 4)
        cloud.model.misbehave([{"kind": kind, "rate": 0.5} for kind in kinds])
        return kinds
    if choice == 1 and living:
        return cloud.call("DELETE", f"/v1/instances/{walk.choice(living)}")
    if choice == 2 and living:
        return cloud.get(walk.choice(living))
    if choice == 3:
        return cloud.call("GET", "/v1/instances")
    return cloud.create(walk.randrange(40))
