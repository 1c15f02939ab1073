"""What a cloud cannot do is refused by its name before money is spent; what was not asked for is never in the way."""

from dataclasses import replace

import pytest

from gpu_shopper.domain.quirks import Capabilities
from gpu_shopper.domain.workload import LaunchMode, StoragePolicy, Workload, WorkloadType

PLAIN = Workload(kind=WorkloadType.BATCH)
NONE = Capabilities(custom_image=False, custom_disk=False, on_start=False)
ALL = Capabilities(exposed_ports=True, entrypoint_mode=True, preserve_storage=True)
# The field of a request, what is asked there, and the capability that it needs.
ASKED = [
    ("docker_image", {"image": "python:3"}, "custom_image"),
    ("disk_gb", {"disk_gb": 100}, "custom_disk"),
    ("on_start_cmd", {"on_start": "true"}, "on_start"),
    ("exposed_ports", {"exposed_ports": (80,)}, "exposed_ports"),
    ("launch_mode", {"launch_mode": LaunchMode.ENTRYPOINT}, "entrypoint_mode"),
    ("storage_policy", {"storage_policy": StoragePolicy.PRESERVE}, "preserve_storage"),
]


@pytest.mark.parametrize(("field", "asked", "needed"), ASKED)
def test_what_a_cloud_lacks_is_named_by_the_field_that_asked_for_it(
    field: str, asked: dict[str, object], needed: str
) -> None:
    workload = replace(PLAIN, **asked)

    assert field == NONE.lacking(workload)
    assert field == replace(ALL, **{needed: False}).lacking(workload)
    assert replace(NONE, **{needed: True}).lacking(workload) is None


def test_whoever_asks_for_nothing_special_is_served_by_every_cloud() -> None:
    assert NONE.lacking(PLAIN) is None
