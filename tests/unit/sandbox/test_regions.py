"""A cloud that has lost one of its regions, or all of them."""

from tests.unit.sandbox.cloud import Cloud


def test_a_region_may_be_down_while_the_others_are_not() -> None:
    cloud = Cloud()
    made = [cloud.created(index) for index in range(6)]
    regions = {each: cloud.entry(each).region for each in made}
    here, there = made[0], next(each for each in made if regions[each] != regions[made[0]])
    cloud.misbehave("region_down", params={"region": regions[here]})

    assert [503, 503] == [cloud.get(here).status, cloud.destroy(here).status]
    assert made == cloud.listed()
    assert 200 == cloud.get(there).status
    assert 202 == cloud.destroy(there).status
    assert 0 == cloud.entry(here).destroy_calls


def test_all_regions_may_be_down_at_once() -> None:
    cloud = Cloud()
    instances = [cloud.created(index) for index in range(3)]
    cloud.misbehave("region_down")

    assert [503] * 3 == [cloud.get(instance).status for instance in instances]
    assert 503 == cloud.create(3).status
    assert [503] * 3 == [cloud.destroy(instance).status for instance in instances]
