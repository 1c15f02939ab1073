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
