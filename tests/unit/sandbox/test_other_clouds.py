"""What the model can be told to be, so that it is like other clouds."""

from tests.unit.sandbox.cloud import Cloud


def test_a_cloud_without_native_expiry_forgets_the_end_that_it_was_told() -> None:
    cloud = Cloud(honours_expiry=False)
    instance = cloud.created(expires_at="2027-01-15T08:01:00Z")

    cloud.wait(7200)

    assert "running" == cloud.status(instance)


def test_where_the_name_is_a_token_the_second_order_is_shown_what_the_first_bought() -> None:
    cloud = Cloud(name_is_token=True)
    first = cloud.created(0, name="once")

    again = cloud.create(1, name="once")

    assert (201, first) == (again.status, again.body["id"])
    assert [first] == [entry.id for entry in cloud.model.ledger(cloud.now)]


def test_where_booting_is_free_the_meter_runs_from_when_it_is_ready() -> None:
    cloud = Cloud(bills_boot=False, boot_s=(30.0, 30.0))
    early, whole = cloud.created(0), cloud.created(1)
    cloud.wait(29)
    cloud.destroy(early)
    cloud.wait(3601)
    cloud.destroy(whole)
    cloud.wait(60)

    assert 0 == cloud.entry(early).billed_micros
    entry = cloud.entry(whole)
    assert entry.price_per_hour_micros == entry.billed_micros


def test_a_least_time_and_begun_steps_are_billed_whole() -> None:
    cloud = Cloud(least_billed_s=3600.0, billing_step_s=600.0, boot_s=(30.0, 30.0))
    short, long, running = cloud.created(0), cloud.created(1), cloud.created(2)
    cloud.wait(60)
    cloud.destroy(short)
    cloud.wait(3600)
    cloud.destroy(long)
    cloud.wait(60)

    assert cloud.entry(short).price_per_hour_micros == cloud.entry(short).billed_micros
    entry = cloud.entry(long)
    assert entry.billed_micros == round(entry.price_per_hour_micros * 4200 / 3600)
    # What still stands has its running bill; nothing is rounded up before its end.
    entry = cloud.entry(running)
    assert entry.billed_micros < entry.price_per_hour_micros * 3780 / 3600
