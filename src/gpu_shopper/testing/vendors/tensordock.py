"""A simulated TensorDock: machines out of parts, errors with a status of 200, a list that looks otherwise each year.

Written from its documents and from what others tell of it: no client of the vendor's is there to be run against it.
The key of an order is not installed, files of cloud-init are not decoded, ports are given as it pleases the host, and the
address comes late. `docs/clouds/tensordock.md` says what is verified by what.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import Json, Row
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.vendors.tensordock_menu import (
    LEAST_DISK_GB,
    RAM_STEP_GB,
    VCPU_STEP,
    Lot,
    goods,
    location_rows,
    lots,
    offer_id_of,
    usual,
)
from gpu_shopper.testing.vendors.tensordock_words import ERRORS, STATUSES, error_body, fault
from gpu_shopper.testing.vendors.vendor import (
    Handler,
    VendorCloud,
    VendorError,
    VendorReply,
    VendorRequest,
    with_own,
)

IMAGES = ("ubuntu2404", "ubuntu2404_ml_everything", "ubuntu2404_ml_pytorch", "ubuntu2204", "ubuntu2004", "debian12")  # fmt: skip
ADDRESS_LATE_S = 3.0
_ROOT = "/api/v2"
_SSH_PORT = 22
_FIRST_PORT = 20_000
_SCRIPT_LIMIT = 65_536
# Each kind of machine is there more than once: the menu lists the most that go into one.
_STOCK = 4


class Tensordock(VendorCloud):
    """One organisation there. `address_late_s` is how late an address is told; `list_shape` one of the wrappings of its list.

    `keeps_ports`: its hosts give the ports that were asked for, where nobody has to log in by them.
    """

    name: ClassVar[str] = "tensordock"

    def __init__(
        self, model: CloudModel, every: Sequence[Lot], *, key: str, chance: random.Random
    ) -> None:
        super().__init__(model, key=key, chance=chance)
        self._lots = {(lot.location.id, lot.kind.v0_name): lot for lot in every}
        self.address_late_s = ADDRESS_LATE_S
        self.list_shape = "documented"
        self.keeps_ports = False

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """See there."""
        machine = "/instances/{id}"
        known = {
            ("GET", "/locations"): self._locations,
            ("GET", "/instances"): self._list,
            ("POST", "/instances"): self._create,
            ("GET", machine): self._show,
            ("DELETE", machine): self._delete,
            ("POST", f"{machine}/stop"): self._stop,
        }
        # By its real paths, for who knows its host alone; and by those below an address that ends with the version.
        return {
            (method, root + path): handler
            for root in (_ROOT, "")
            for (method, path), handler in known.items()
        }

    def error(self, code: str, message: str) -> VendorReply:
        """See there."""
        status, told, text = ERRORS[code]
        text = message if code == "bad_request" and message else text
        return VendorReply(status=status, body=error_body(told, text))

    def naming(self, instance_id: str) -> Row:
        """See there."""
        return {"data": {"id": instance_id}}

    # The menu.

    def _locations(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        rows, delay_s = self.offers(now)
        on_sale = {str(row["id"]) for row in rows}
        listed = location_rows(list(self._lots.values()), on_sale)
        return VendorReply(body={"data": {"locations": listed}}, delay_s=delay_s)

    # Machines.

    def _create(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        row, delay_s = self.sell(now, self._order_of(request))
        told = {"type": "virtualmachine", "name": row.get("name"), "status": "running"}
        named = {"id": row["id"]} if "id" in row else {}
        return VendorReply(body={"data": {**told, **named}}, delay_s=delay_s)

    def _order_of(self, request: VendorRequest) -> Row:
        data = _object(_object(request.body).get("data"))
        asked = _object(data.get("attributes"))
        if data.get("type") != "virtualmachine" or asked.get("type") != "virtualmachine":
            raise _faulty("data.type", "Invalid literal value, expected virtualmachine")
        name, image, key = asked.get("name"), asked.get("image"), asked.get("ssh_key")
        if not isinstance(name, str) or not name:
            raise _faulty("data.attributes.name", "Required")
        if image not in IMAGES:
            raise _faulty("data.attributes.image", "Invalid enum value")
        if (key is None) == (asked.get("ssh_key_id") is None):
            raise _faulty("data.attributes.ssh_key", "Provide exactly one of ssh_key, ssh_key_id")
        lot, shape, count = self._parts_of(asked)
        self._reach_of(asked, lot)
        return {
            "offer_id": offer_id_of(lot.location.id, lot.kind.v0_name, count),
            "name": name,
            "image": image,
            "disk_gb": shape["disk_gb"],
            # The key that it asks for is not installed.
            "ssh_keys": [],
            "tags": {
                "location": lot.location.id,
                "gpu": lot.kind.v0_name,
                "reach": "address" if asked.get("useDedicatedIp") else "ports",
                "ports": ",".join(f"{here}:{there}" for here, there in _ports(asked).items())
                or "none",
                **{part: str(figure) for part, figure in shape.items()},
            },
            "on_start": _commands(asked.get("cloud_init")),
        }

    def _parts_of(self, asked: Mapping[str, Json]) -> tuple[Lot, dict[str, int], int]:
        """Return what is ordered: from which lot, with what beside how many GPUs."""
        wanted = _object(asked.get("resources"))
        shape = {
            "vcpus": _whole(wanted, "vcpu_count", least=VCPU_STEP, step=VCPU_STEP),
            "ram_gb": _whole(wanted, "ram_gb", least=RAM_STEP_GB, step=RAM_STEP_GB),
            "disk_gb": _whole(wanted, "storage_gb", least=LEAST_DISK_GB, step=1),
        }
        gpus = _object(wanted.get("gpus"))
        if len(gpus) != 1:
            raise _faulty("data.attributes.resources.gpus", "At least one GPU is required")
        ((v0_name, number),) = gpus.items()
        lot = self._lots.get((str(asked.get("location_id")), v0_name))
        count = _whole(_object(number), "count", least=1, step=1)
        if lot is None or count > lot.most:
            raise self._refused("no_capacity")
        if any(shape[part] > getattr(lot, part) for part in shape):
            raise self._refused("no_capacity")
        return lot, shape, count

    def _reach_of(self, asked: Mapping[str, Json], lot: Lot) -> None:
        if asked.get("useDedicatedIp"):
            if not lot.dedicated:
                raise self._refused("no_address")
        elif _SSH_PORT not in _ports(asked) or not lot.forwards:
            raise self._refused("ssh_port")

    def _list(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        rows, delay_s = self.instances(now)
        if self.list_shape == "flat":
            flat: Json = [self._machine(row, now) for row in rows]
            return VendorReply(body={"data": flat}, delay_s=delay_s)
        shown = [
            {
                "type": "VM",
                "id": row["id"],
                "attributes": {"name": row["name"], "status": _status(row)},
            }
            for row in rows
        ]
        if self.list_shape == "enveloped":
            data = {"type": "list", "id": "instances", "attributes": {"instances": shown}}
            return VendorReply(body={"data": data}, delay_s=delay_s)
        return VendorReply(body={"data": {"instances": shown}}, delay_s=delay_s)

    def _show(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        row, delay_s = self.instance(now, parts[0])
        if row is None:
            raise self._refused("not_found")
        # One machine comes without the envelope that everything else has.
        return VendorReply(body=self._machine(row, now), delay_s=delay_s)

    def _delete(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        there, delay_s = self.end(now, parts[0])
        if not there:
            raise self._refused("not_found")
        attributes = {"message": "Instance deleted successfully"}
        body = {"data": {"type": "success", "attributes": attributes}}
        return VendorReply(body=body, delay_s=delay_s)

    def _stop(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        if not self.model.stop(parts[0], now=now):
            raise self._refused("not_found")
        data = {"type": "instance", "id": parts[0], "attributes": {"status": "stopping"}}
        return VendorReply(body={"data": data})

    def _machine(self, row: Row, now: float) -> Row:
        """Return a machine as the API shows one by itself."""
        tags = row.get("tags")
        told: Mapping[str, Json] = tags if isinstance(tags, dict) else {}
        address, forwards = self._reached_at(row, told, now)
        v0_name, count = str(row.get("gpu_name") or ""), row.get("gpu_count")
        return {
            "type": "instance",
            "id": row["id"],
            "name": row["name"],
            "status": _status(row),
            "ipAddress": address,
            "portForwards": forwards,
            "resources": {
                "vcpu_count": int(str(told.get("vcpus", 0))),
                "ram_gb": int(str(told.get("ram_gb", 0))),
                "storage_gb": int(str(told.get("disk_gb", 0))),
                "gpus": {v0_name: {"count": count, "v0Name": v0_name}} if count else {},
            },
            "rateHourly": self._rate_of(row, told),
        }

    def _rate_of(self, row: Row, told: Mapping[str, Json]) -> Json:
        """Return what a machine costs: the model's price, and what was ordered beyond the usual."""
        base, count = row.get("price_per_hour"), row.get("gpu_count")
        lot = self._lots.get((str(told.get("location")), str(told.get("gpu"))))
        if lot is None or not isinstance(base, int | float) or not isinstance(count, int):
            return base
        shape = {part: int(str(told[part])) for part in ("vcpus", "ram_gb", "disk_gb")}
        beyond = lot.hourly(count=0, **shape) - lot.hourly(count=0, **usual(lot, count))
        return round(base + beyond, 6)

    def _reached_at(self, row: Row, told: Mapping[str, Json], now: float) -> tuple[str, list[Row]]:
        host, port, born = row.get("ssh_host"), row.get("ssh_port"), row.get("created_at")
        age = now - datetime.fromisoformat(born).timestamp() if isinstance(born, str) else 0.0
        if host is None or age < self.address_late_s:
            return "", []
        if told.get("reach") == "address":
            # On this machine every instance has a port of its own; there it would be 22.
            return (str(host) if port == _SSH_PORT else f"{host}:{port}"), []
        pairs = (each.partition(":") for each in str(told.get("ports", "")).split(","))
        asked = {int(here): int(there) for here, _, there in pairs if there}
        given = {
            here: there if self.keeps_ports else _FIRST_PORT + 100 + number
            for number, (here, there) in enumerate(asked.items())
        }
        if not self.keeps_ports:
            given[_SSH_PORT] = port if isinstance(port, int) else 0
        forwards: list[Row] = [
            {"internal_port": here, "external_port": there} for here, there in given.items()
        ]
        return str(host), forwards

    def _refused(self, code: str) -> VendorError:
        return VendorError(self.error(code, ""))


def build(
    *, key: str, seed: int, offers: int, config: ModelConfig, chance: random.Random
) -> Tensordock:
    """Return a simulated account; `config` says how its model behaves beside what is this vendor's own."""
    every = lots(seed=seed)
    catalogue = Catalogue(seed=seed, goods=goods(every, size=offers), drifts=False)
    own = {
        "ssh_user": "user",
        "id_form": "5c9f81a3-7d20-4e16-b8c4-{:012x}",
        "id_bits": 48,
        "honours_expiry": False,
        "stock": max(config.stock, _STOCK),
        "start_script_bytes": _SCRIPT_LIMIT,
    }
    model = CloudModel(catalogue, chance, with_own(config, own))
    return Tensordock(model, every, key=key, chance=chance)


def _status(row: Row) -> str:
    return STATUSES.get(str(row["status"]), str(row["status"]))


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _whole(given: Mapping[str, Json], name: str, *, least: int, step: int) -> int:
    value = given.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < least or value % step:
        raise _faulty(name, f"Must be {least} or more, in steps of {step}")
    return value


def _ports(asked: Mapping[str, Json]) -> dict[int, int]:
    """Return which port of a machine each asks for at its host."""
    given = asked.get("port_forwards")
    rows = [_object(row) for row in given] if isinstance(given, list) else []
    return {
        _whole(row, "internal_port", least=1, step=1): _whole(row, "external_port", least=1, step=1)
        for row in rows
    }


def _commands(given: Json) -> str:
    """Return what the first boot runs; files are written before their folders are there, and so not at all."""
    commands = _object(given).get("runcmd") or []
    if not isinstance(commands, list) or not all(isinstance(one, str) for one in commands):
        raise _faulty("data.attributes.cloud_init.runcmd", "Expected an array of strings")
    return "\n".join(["#!/bin/sh", *map(str, commands), ""])


def _faulty(path: str, message: str) -> VendorError:
    return VendorError(VendorReply(status=400, body=[fault(path, message)]))
