"""What an account at the simulated Verda holds beside instances: volumes, SSH keys, start-up scripts.

A volume outlives its instance, unless the order to end that names it, or it was made to go with a spot machine that is
taken away. What is deleted goes to a trash first, unless it is said to be for good.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from gpu_shopper.sandbox.instances import Instance, rfc3339
from gpu_shopper.sandbox.messages import Row
from gpu_shopper.testing.vendors.verda_menu import disk_price

KEEP, TRASH, DELETE = "keep_detached", "move_to_trash", "delete_permanently"


@dataclass(slots=True, kw_only=True)
class Volume:
    """One volume. `fate` is what becomes of it when its instance ends by an order, `on_spot` when that is taken away."""

    id: str
    name: str
    size: int
    location: str
    made_at: float
    made_for: str
    instance_id: str | None
    on_spot: str = KEEP
    fate: str = KEEP
    where: str = KEEP

    def row(self) -> Row:
        """Return it as the vendor shows it."""
        status = "attached" if self.instance_id else "detached"
        if self.where != KEEP:
            status = "deleted"
        return {
            "id": self.id, "name": self.name, "status": status, "size": self.size, "type": "NVMe",
            "is_os_volume": True, "created_at": rfc3339(self.made_at), "target": "vda",
            "location": self.location, "instance_id": self.instance_id, "ssh_key_ids": [],
            "instances": [], "contract": "PAY_AS_YOU_GO",
            "base_hourly_cost": disk_price(self.size), "monthly_price": self.size * 0.2,
            "currency": "usd", "long_term": None,
        }  # fmt: skip


@dataclass(slots=True)
class Store:
    """All of it."""

    chance: random.Random
    volumes: dict[str, Volume] = field(default_factory=dict)
    keys: dict[str, Row] = field(default_factory=dict)
    scripts: dict[str, Row] = field(default_factory=dict)
    # What an order said of its volume, until the instance is there: it may come late, or twice.
    ordered: dict[str, tuple[str, str]] = field(default_factory=dict)

    def new_id(self) -> str:
        """Return an id in the vendor's form."""
        text = f"{self.chance.getrandbits(128):032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def volume_of(self, instance_id: str) -> Volume | None:
        """Return the volume that was made for an instance, be it attached or not."""
        return next((one for one in self.volumes.values() if one.made_for == instance_id), None)

    def settle(self, instances: Mapping[str, Instance], known: set[str]) -> None:
        """Give each new instance its volume, and let go of the volumes of those that have ended."""
        for instance in instances.values():
            if instance.id in known:
                continue
            known.add(instance.id)
            name, on_spot = self.ordered.get(instance.spec.name, (instance.spec.name, KEEP))
            made = Volume(
                id=self.new_id(),
                name=name,
                size=instance.spec.disk_gb,
                location=instance.region,
                made_at=instance.created_at,
                made_for=instance.id,
                instance_id=instance.id,
                on_spot=on_spot,
            )
            self.volumes[made.id] = made
        for volume in self.volumes.values():
            owner = instances.get(volume.instance_id or "")
            if owner is not None and not owner.alive:
                volume.instance_id = None
                taken_away = owner.end_reason == "preempted"
                volume.where = volume.on_spot if taken_away else volume.fate

    def left(self) -> dict[str, int]:
        """Return how many of each kind are left of what somebody made."""
        volumes = self.volumes.values()
        return {
            "ssh_keys": len(self.keys),
            "scripts": len(self.scripts),
            "volumes": sum(one.instance_id is None and one.where == KEEP for one in volumes),
            "volumes_in_trash": sum(one.where == TRASH for one in volumes),
        }
