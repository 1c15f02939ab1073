"""What the park of instances keeps, and what it forgets."""

import json

from tests.unit.sandbox.cloud import Cloud

A_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJl3dIeudNqd0DPOoHWzQWlIYk1qCBdQWTFq5aQXuL2d"


def test_what_was_handed_to_an_instance_is_forgotten_when_it_has_ended() -> None:
    cloud = Cloud()
    handed_over = {"on_start": "echo a-script", "env": {"A": "a-secret"}, "ssh_keys": [A_KEY]}
    instance = cloud.created(**handed_over)
    cloud.wait(1.0)
    assert "a-script" in json.dumps(cloud.model.snapshot())

    cloud.destroy(instance)

    kept = json.dumps(cloud.model.snapshot())
    assert [] == [word for word in ("a-script", "a-secret", A_KEY) if word in kept]
    assert "destroyed" == cloud.entry(instance).end_reason
