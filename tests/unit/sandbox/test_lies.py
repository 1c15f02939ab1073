"""What the cloud tells that is not so: after a purchase, in a listing, about an end."""

import pytest

from tests.unit.sandbox.cloud import Cloud


@pytest.mark.parametrize(
    ("body", "told"), [("no_id", False), ("not_json", "created"), ("empty", None)]
)
def test_a_purchase_may_be_answered_with_nothing_of_use(body: str, told: object) -> None:
    cloud = Cloud()
    cloud.misbehave("create_garbled", params={"body": body})
    reply = cloud.create()

    assert 201 == reply.status
    assert ("id" in reply.body if isinstance(reply.body, dict) else reply.body) == told
    assert 1 == len(cloud.alive())


def test_an_error_may_name_what_was_bought() -> None:
    cloud = Cloud()
    cloud.misbehave("create_error_with_id")
    reply = cloud.create()

    assert (500, [reply.body["id"]]) == (reply.status, cloud.alive())


def test_one_create_may_buy_two_under_one_name() -> None:
    cloud = Cloud()
    cloud.misbehave("bought_twice", count=1)
    told = cloud.created()

    assert [told] == cloud.alive()[:1]
    assert {"n0"} == {cloud.entry(each).name for each in cloud.alive()}
    assert 2 == len(cloud.alive())


@pytest.mark.parametrize(("keep", "shown"), [(0, ""), (1, "n")])
def test_a_name_may_be_lost_and_the_ledger_knows_it_all_the_same(keep: int, shown: str) -> None:
    cloud = Cloud()
    cloud.misbehave("label_lost", params={"keep": keep})
    instance = cloud.created()

    assert shown == cloud.get(instance).body["name"]
    assert [] == cloud.listed(name="n0")
    assert "n0" == cloud.entry(instance).name


def test_an_instance_may_start_stopped_and_bill_its_disk() -> None:
    cloud = Cloud()
    cloud.misbehave("starts_stopped")
    instance = cloud.created()
    cloud.wait(3601)

    entry = cloud.entry(instance)
    assert "stopped" == cloud.status(instance)
    assert 0 < entry.billed_micros < entry.price_per_hour_micros / 9
    cloud.destroy(instance)
    assert [] == cloud.alive()


def test_a_boot_may_take_long() -> None:
    cloud = Cloud()
    cloud.misbehave("slow_boot", params={"seconds": 2400})
    instance = cloud.created()
    cloud.wait(2400)
    assert "creating" == cloud.status(instance)

    cloud.wait(2)
    assert "running" == cloud.status(instance)


def test_what_is_reserved_cannot_be_ended_before_its_time() -> None:
    cloud = Cloud()
    cloud.misbehave("reserved", params={"seconds": 600})
    instance = cloud.created()
    assert (409, "reserved") == (
        cloud.destroy(instance).status,
        cloud.destroy(instance).body["error"],
    )

    cloud.wait(600)
    assert 202 == cloud.destroy(instance).status
    assert [] == cloud.alive()


def test_what_was_destroyed_may_come_back_and_is_billed_anew() -> None:
    cloud = Cloud()
    cloud.misbehave("resurrected", params={"seconds": 600}, count=1)
    instance = cloud.created()
    cloud.wait(100)
    cloud.destroy(instance)
    billed = cloud.entry(instance).billed_micros
    assert [] == cloud.alive()

    cloud.wait(600)
    assert "running" == cloud.status(instance)
    assert cloud.now == cloud.entry(instance).returned_at
    assert billed == cloud.entry(instance).billed_micros
    cloud.wait(100)
    cloud.destroy(instance)
    assert 2 * billed == pytest.approx(cloud.entry(instance).billed_micros, abs=1)


def test_a_row_may_stand_on_two_pages() -> None:
    cloud = Cloud()
    first, second = cloud.created(0), cloud.created(1)
    body = cloud.call("GET", "/v1/instances", limit="1").body
    assert [first] == [row["id"] for row in body["instances"]]

    cloud.misbehave("list_twice")
    assert [second, first, second] == cloud.listed()
    assert [first, second] == cloud.listed(limit="1", cursor=body["next_cursor"])


def test_rows_may_come_and_go_and_the_count_agrees() -> None:
    cloud = Cloud()
    for index in range(10):
        cloud.created(index)
    cloud.misbehave("list_flaps", params={"share": 0.5})
    bodies = [cloud.call("GET", "/v1/instances").body for _ in range(20)]

    assert all(body["total"] == len(body["instances"]) for body in bodies)
    assert 1 < len({len(body["instances"]) for body in bodies})


def test_other_accounts_rows_may_stand_among_ours() -> None:
    cloud = Cloud()
    instance = cloud.created()
    cloud.misbehave("list_foreign")
    body = cloud.call("GET", "/v1/instances").body

    assert 3 == body["total"] == len(body["instances"])
    assert [instance] == cloud.alive()
    foreign = next(row["id"] for row in body["instances"] if row["id"] != instance)
    assert 404 == cloud.destroy(foreign).status


def test_a_status_may_be_old_or_unheard_of() -> None:
    cloud = Cloud()
    instance = cloud.created()
    cloud.wait(2)
    assert "running" == cloud.status(instance)

    cloud.misbehave("stale_status")
    row = cloud.get(instance).body
    assert ("booting", None) == (row["status"], row["ssh_host"])

    cloud.misbehave("new_status")
    assert "migrating" == cloud.status(instance)


def test_a_price_may_change_its_form() -> None:
    cloud = Cloud()
    instance = cloud.created()
    cloud.misbehave("new_schema")

    assert isinstance(cloud.get(instance).body["price_per_hour"], dict)


def test_a_destroy_may_be_answered_with_a_404_and_nothing_happens() -> None:
    cloud = Cloud()
    instance = cloud.created()
    cloud.misbehave("destroy_false_404")

    assert 404 == cloud.destroy(instance).status
    assert [instance] == cloud.alive()


def test_the_key_may_be_refused_and_the_balance_be_gone() -> None:
    cloud = Cloud()
    cloud.misbehave("unauthorized")
    assert 401 == cloud.call("GET", "/v1/instances").status

    cloud.misbehave("no_balance")
    assert (402, []) == (cloud.create().status, cloud.alive())


def test_patience_may_be_asked_for_without_saying_how_much() -> None:
    cloud = Cloud()
    cloud.misbehave("rate_limited", params={"tells": False})
    reply = cloud.create()

    assert (429, None) == (reply.status, reply.retry_after_s)
