"""A simulated Verda: tokens that end, ids as bare text, machines that may not be ended yet, and volumes that stay.

What its own client asks for was seen by running it; `docs/clouds/verda.md` says what is verified by what.
"""

import random
import re
from collections.abc import Mapping
from typing import ClassVar

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.instances import Instance
from gpu_shopper.sandbox.messages import Json, Row
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.vendors.vendor import (
    Handler,
    VendorError,
    VendorReply,
    VendorRequest,
    with_own,
)
from gpu_shopper.testing.vendors.verda_menu import (
    LOCATIONS,
    Kind,
    disk_price,
    goods,
    kinds,
    offer_id,
)
from gpu_shopper.testing.vendors.verda_shop import WithShop
from gpu_shopper.testing.vendors.verda_store import DELETE, KEEP, TRASH, Volume
from gpu_shopper.testing.vendors.verda_things import told

# A machine that never gets ready can be ended after all, after so long.
PROVISIONING_S = 900.0
LEAST_DISK_GB = 50
# How an error of the model's is worded: status, code, message.
ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "unauthorized_request", "Unauthorized"),
    "rate_limited": (429, "too_many_requests", "Too many requests"),
    "unavailable": (503, "service_unavailable", "Service unavailable"),
    "region_unavailable": (503, "service_unavailable", "Location unavailable"),
    "internal": (500, "server_error", "Something went wrong"),
    "timeout": (504, "server_error", "Timeout"),
    "reserved": (403, "forbidden_action", "Can't discontinue a provisioning instance"),
    "offer_gone": (400, "invalid_request", "Instance type is not available at this location"),
    "no_capacity": (400, "invalid_request", "Not enough resources for this instance type"),
    "insufficient_balance": (402, "insufficient_funds", "Insufficient funds"),
}
STATUSES: Mapping[str, str] = {
    "creating": "ordered",
    "booting": "provisioning",
    "stopping": "deleting",
    "stopped": "offline",
}
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


class Verda(WithShop):
    """One account there. `provisioning_s`: for how long a machine that is being made ready may not be ended."""

    name: ClassVar[str] = "verda"

    def __init__(
        self,
        model: CloudModel,
        catalogue: Catalogue,
        kinds_: Mapping[str, Kind],
        *,
        key: str,
        chance: random.Random,
    ) -> None:
        super().__init__(model, catalogue, kinds_, key=key, chance=chance)
        self.provisioning_s = PROVISIONING_S
        self._gone_told = 0

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """See there."""
        return {
            **self.routes_of_shop(),
            ("POST", "/v1/instances"): self._create,
            ("GET", "/v1/instances"): self._list,
            ("GET", "/v1/instances/{id}"): self._show,
            ("PUT", "/v1/instances"): self._act_on_instances,
            **self.routes_of_things(),
        }

    def error(self, code: str, message: str) -> VendorReply:
        """See there."""
        if code == "not_found":
            self._gone_told += 1
            status, name = ((400, "invalid_request"), (404, "not_found"))[self._gone_told % 2]
            if message.startswith("no such path"):
                return told(404, "not_found", message)
            return told(status, name, "Invalid instance id")
        known = ERRORS.get(code)
        return told(*known) if known else told(400, "invalid_request", message)

    def leftovers(self) -> Mapping[str, int]:
        """See there."""
        return self.store.left()

    # Instances.

    def _create(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        if not isinstance(request.body, dict):
            raise self.refused("a JSON object is required")
        row, delay_s = self.sell(now, self._order_of(request.body))
        text = str(row["id"]).encode() if "id" in row else b""
        return VendorReply(status=202, body=text, delay_s=delay_s)

    def _order_of(self, body: Mapping[str, Json]) -> Row:
        kind = self.kinds.get(str(body.get("instance_type")))
        location, image = str(body.get("location_code")), body.get("image")
        host_name, label = body.get("hostname"), body.get("description")
        volume = body.get("os_volume") or {}
        if kind is None:
            raise self.refused("Invalid instance type")
        if location not in LOCATIONS:
            raise self.refused("Invalid location code")
        if not kind.starts_with(str(image)):
            raise self.refused("Operating system is not valid for this instance type")
        if not isinstance(host_name, str) or not _HOST_NAME.fullmatch(host_name):
            raise self.refused("hostname must be a valid host name")
        if not isinstance(label, str) or not label or not isinstance(volume, dict):
            raise self.refused("description is required, os_volume must be an object")
        size, on_spot = volume.get("size", LEAST_DISK_GB), volume.get("on_spot_discontinue") or KEEP
        if (
            not isinstance(size, int)
            or size < LEAST_DISK_GB
            or on_spot not in {KEEP, TRASH, DELETE}
        ):
            raise self.refused("os_volume is invalid")
        self.store.ordered[label] = (str(volume.get("name", "OS")), str(on_spot))
        return {
            "offer_id": offer_id(kind.name, location, is_spot=body.get("is_spot") is True),
            "name": label,
            "tags": {"hostname": host_name},
            "image": image,
            "disk_gb": size,
            "ssh_keys": self._keys_of(body),
            "env": {},
            "on_start": self._script_of(body),
        }

    def _keys_of(self, body: Mapping[str, Json]) -> list[Json]:
        wanted = body.get("ssh_key_ids") or []
        if not isinstance(wanted, list) or not all(one in self.store.keys for one in wanted):
            raise self.refused("Invalid SSH key id")
        return [self.store.keys[one]["key"] for one in wanted]

    def _script_of(self, body: Mapping[str, Json]) -> Json:
        wanted = body.get("startup_script_id")
        if wanted is None:
            return ""
        script = self.store.scripts.get(str(wanted))
        if script is None:
            raise self.refused("Invalid startup script id")
        return script["script"]

    def _list(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        rows, delay_s = self.instances(now)
        shown = [self._instance_row(row) for row in rows]
        wanted = request.query.get("status")
        kept = [row for row in shown if wanted is None or row["status"] == wanted]
        return VendorReply(body=kept, delay_s=delay_s)

    def _show(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        row, delay_s = self.instance(now, parts[0])
        known = self.model.instance(parts[0])
        if row is not None:
            return VendorReply(body=self._instance_row(row), delay_s=delay_s)
        if known is None or known.alive:
            raise VendorError(self.error("not_found", ""))
        # What has ended is still shown to who asks for it by its id.
        ended = self._instance_row(known.view()) | {"status": "discontinued", "ip": None}
        return VendorReply(body=ended, delay_s=delay_s)

    def _instance_row(self, row: Row) -> Row:
        index = self.catalogue.index_of(str(row.get("offer_id", "")))
        kind = (
            None if index is None else self.kinds[self.catalogue.offers[index].id.partition("@")[0]]
        )
        volume = self.store.volume_of(str(row["id"]))
        known = self.model.instance(str(row["id"]))
        disk_gb, price, count = row.get("disk_gb"), row.get("price_per_hour"), row.get("gpu_count")
        memory = row.get("gpu_memory_mib")
        gb = round(memory / 1024) if isinstance(memory, int) else 0
        many = count if isinstance(count, int) else 0
        if isinstance(price, float) and isinstance(disk_gb, int):
            price = round(price - disk_price(disk_gb), 6)
        host, port, tags = row.get("ssh_host"), row.get("ssh_port"), row.get("tags")
        status = str(row["status"])
        return {
            "id": row["id"],
            "instance_type": "" if kind is None else kind.name,
            "status": STATUSES.get(status, status),
            "description": row["name"],
            "hostname": tags.get("hostname", "") if isinstance(tags, dict) else "",
            "price_per_hour": price,
            "created_at": row.get("billed_from"),
            # A machine has an address of its own; those on this one share it.
            "ip": None if host is None else host if port == 22 else f"{host}:{port}",
            "location": row.get("region"),
            "is_spot": "-spot" in str(row.get("offer_id", "")),
            "os_volume_id": _volume_id(known, volume),
            "image": "" if known is None else known.spec.image,
            "ssh_key_ids": [],
            "startup_script_id": None,
            "contract": "PAY_AS_YOU_GO",
            "pricing": "FIXED_PRICE",
            "cpu": {"description": "", "number_of_cores": 0 if kind is None else kind.cores},
            "gpu": {"description": f"{many}x {row.get('gpu_name')}", "number_of_gpus": many},
            "memory": {"description": "", "size_in_gigabytes": 120},
            "gpu_memory": {"description": "", "size_in_gigabytes": gb * many},
            "storage": {"description": f"{disk_gb}GB NVMe", "size_in_gigabytes": disk_gb},
        }

    def _act_on_instances(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        del parts
        body = request.body if isinstance(request.body, dict) else {}
        action, ids = body.get("action"), self.ids_in(body, "id")
        if action == "delete":
            return self._delete(now, ids, body)
        if action != "shutdown":
            raise self.refused("Invalid action")
        if not all(self.model.stop(one, now=now) for one in ids):
            raise VendorError(self.error("not_found", ""))
        return VendorReply(status=202)

    def _delete(self, now: float, ids: list[str], body: Mapping[str, Json]) -> VendorReply:
        given = body.get("volume_ids")
        volume_ids = [] if given is None else self.ids_in(body, "volume_ids")
        outcomes, delay_s = [], 0.0
        for one in ids:
            try:
                delay_s = self._delete_one(now, one, volume_ids, body)
            except VendorError as refused:
                said = refused.reply.body
                if len(ids) == 1 or refused.reply.lost or not isinstance(said, dict):
                    raise
                outcomes.append({"instanceId": one, "action": "delete", "status": "error", "error": said["message"]})  # fmt: skip
            else:
                outcomes.append({"instanceId": one, "action": "delete", "status": "success"})
        if any(one["status"] == "error" for one in outcomes):
            return VendorReply(status=207, body=outcomes, delay_s=delay_s)
        return VendorReply(status=202, delay_s=delay_s)

    def _delete_one(
        self, now: float, instance_id: str, volume_ids: list[str], body: Mapping[str, Json]
    ) -> float:
        known = self.model.instance(instance_id)
        if known is not None and not known.alive:
            gone = told(403, "forbidden_action", "Can't discontinue a discontinued instance")
            raise VendorError(gone)
        early = known is not None and known.status in {"creating", "booting"}
        if early and known is not None and now < known.created_at + self.provisioning_s:
            raise VendorError(self.error("reserved", ""))
        volume = self.store.volume_of(instance_id)
        if volume is not None:
            # An order that names no volumes leaves them all.
            for_good = DELETE if body.get("delete_permanently") is True else TRASH
            volume.fate = for_good if volume.id in volume_ids else KEEP
        there, delay_s = self.end(now, instance_id)
        if not there:
            raise VendorError(self.error("not_found", ""))
        return delay_s


def _volume_id(known: Instance | None, volume: Volume | None) -> str | None:
    """Return the volume that is shown: none before the machine is up."""
    early = known is not None and known.status in {"creating", "booting"}
    return None if early or volume is None else volume.id


def build(*, key: str, seed: int, offers: int, config: ModelConfig, chance: random.Random) -> Verda:
    """Return a simulated account; `config` says how its model behaves beside what is this vendor's own."""
    sold = kinds(seed=seed)
    catalogue = Catalogue(seed=seed, goods=goods(sold, seed=seed, size=offers), drifts=False)
    own = {
        "ssh_user": "root",
        "id_form": "{:032x}",
        "id_bits": 128,
        "honours_expiry": False,
        "stopped_bill_percent": 100,
        "stock": 4,
    }
    model = CloudModel(catalogue, chance, with_own(config, own))
    return Verda(model, catalogue, sold, key=key, chance=chance)
