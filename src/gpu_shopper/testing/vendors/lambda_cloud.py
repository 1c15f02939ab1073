"""A simulated Lambda Cloud: virtual machines at a price list, one launch in twelve seconds, exactly one kept key per launch.

An instance is active some time before its address is known, is shown as terminating for a while after it was told to end,
and tells no time of birth. What a client asks for was seen by running one; `docs/clouds/lambda.md` says what is verified by
what.
"""

import random
import re
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

import asyncssh

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import Json, Row
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.vendors.lambda_menu import (
    KIND_OF,
    KINDS,
    NO_GPU,
    REGIONS,
    offer_id_of,
    parts_of,
)
from gpu_shopper.testing.vendors.lambda_menu import goods as goods_of
from gpu_shopper.testing.vendors.lambda_words import ERRORS, STATUSES, error_body
from gpu_shopper.testing.vendors.vendor import (
    Handler,
    VendorCloud,
    VendorError,
    VendorReply,
    VendorRequest,
    with_own,
)

NAME = "lambda"
USER_DATA_LIMIT = 1_000_000
LAUNCH_SPACING_S = 12.0
_SHOWN_TERMINATING_S = 20.0
_ADDRESS_LATE_S = 3.0
_TAG_KEY = re.compile(r"[a-z][a-z0-9-:]+")
_PUBLIC_KEY = re.compile(r"(ssh-|ecdsa-|sk-)\S+ \S+( .*)?")
_FAMILIES = ("lambda-stack-24-04", "lambda-stack-22-04", "ubuntu-24-04", "ubuntu-lts")
_SSH_PORT = 22


class LambdaCloud(VendorCloud):
    """One account there. `launch_spacing_s` is how long it wants between launches; `address_late_s` how late an address comes.

    `refuses_known_keys` says whether a key may be kept under one name only, which nobody has documented.
    """

    name: ClassVar[str] = NAME

    def __init__(
        self, model: CloudModel, catalogue: Catalogue, *, key: str, chance: random.Random
    ) -> None:
        super().__init__(model, key=key, chance=chance)
        self._catalogue = catalogue
        self.launch_spacing_s = LAUNCH_SPACING_S
        self.address_late_s = _ADDRESS_LATE_S
        self.refuses_known_keys = False
        self._launched_at: float | None = None
        # By id: name and public key.
        self._keys: dict[str, tuple[str, str]] = {}
        self._key_of: dict[str, str] = {}

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """See there."""
        return {
            ("GET", "/api/v1/instance-types"): self._types,
            ("GET", "/api/v1/regions"): self._regions,
            ("GET", "/api/v1/images"): self._images,
            ("GET", "/api/v1/file-systems"): self._file_systems,
            ("GET", "/api/v1/instances"): self._list,
            ("GET", "/api/v1/instances/{id}"): self._show,
            ("POST", "/api/v1/instances/{id}"): self._change,
            ("POST", "/api/v1/instance-operations/launch"): self._launch,
            ("POST", "/api/v1/instance-operations/terminate"): self._terminate,
            ("POST", "/api/v1/instance-operations/restart"): self._restart,
            ("GET", "/api/v1/ssh-keys"): self._list_keys,
            ("POST", "/api/v1/ssh-keys"): self._add_key,
            ("DELETE", "/api/v1/ssh-keys/{id}"): self._drop_key,
        }

    def error(self, code: str, message: str) -> VendorReply:
        """See there."""
        if code == "not_found" and message.startswith("no such path"):
            code = "no_path"
        status, name, text = ERRORS[code]
        told = message if code in {"bad_request", "no_resource"} and message else text
        return VendorReply(status=status, body=error_body(name, told))

    def naming(self, instance_id: str) -> Row:
        """See there: errors name nothing here."""
        del instance_id
        return {}

    def leftovers(self) -> Mapping[str, int]:
        """See there."""
        return {"ssh_keys": len(self._keys)}

    # The menu.

    def _types(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        rows, delay_s = self.offers(now)
        regions: dict[str, list[Row]] = {kind.name: [] for kind in KINDS}
        for row in rows:
            kind, region = parts_of(str(row["id"]))
            regions[kind].append(_region(region))
        regions[NO_GPU.name] = [*map(_region, REGIONS)]
        on_sale = {
            kind.name: {
                "instance_type": kind.row(),
                "regions_with_capacity_available": regions[kind.name],
            }
            for kind in (*KINDS, NO_GPU)
        }
        return _data(on_sale, delay_s)

    def _regions(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now, parts
        return _data([*map(_region, REGIONS)])

    def _images(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now, parts
        born = "2026-01-01T00:00:00Z"
        rows = [
            {
                "id": f"{number:032x}",
                "created_time": born,
                "updated_time": born,
                "name": family,
                "description": family,
                "family": family,
                "version": "1",
                "architecture": "x86_64",
                "region": _region(region),
            }
            for number, family in enumerate(_FAMILIES, start=1)
            for region in REGIONS
        ]
        return _data(rows)

    def _file_systems(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        del request, now, parts
        return _data([])

    # Instances.

    def _launch(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        last = self._launched_at
        if last is not None and now - last < self.launch_spacing_s:
            raise VendorError(self.error("rate_limited", ""))
        order, key_name = self._order_of(_object(self, request))
        self._launched_at = now
        row, delay_s = self.sell(now, order)
        if "id" not in row:
            return _data({"instance_ids": []}, delay_s)
        self._key_of[str(row["id"])] = key_name
        return _data({"instance_ids": [row["id"]]}, delay_s)

    def _order_of(self, body: Mapping[str, Json]) -> tuple[Row, str]:
        kind, region = body.get("instance_type_name"), body.get("region_name")
        if not isinstance(kind, str) or not isinstance(region, str):
            raise self._refused("region_name and instance_type_name are required")
        if kind not in KIND_OF or region not in REGIONS:
            text = "Instance type or region does not exist."
            raise VendorError(self.error("no_resource", text))
        key_name, public_key = self._key_in(body.get("ssh_key_names"))
        name, user_data = body.get("name", ""), body.get("user_data", "")
        if not isinstance(name, str) or len(name) > 64:
            raise self._refused("name must have 64 characters or fewer")
        if not isinstance(user_data, str) or len(user_data.encode()) > USER_DATA_LIMIT:
            raise self._refused("user_data must be plain text of 1MB at most")
        self._check_image(body.get("image"))
        order: Row = {
            "offer_id": offer_id_of(kind, region),
            "name": name or "-",
            "image": "lambda-stack",
            "disk_gb": KIND_OF[kind].storage_gib,
            "ssh_keys": [public_key],
            "tags": self._tags_in(body.get("tags", [])),
            "on_start": user_data,
        }
        return order, key_name

    def _key_in(self, names: Json) -> tuple[str, str]:
        if not isinstance(names, list) or len(names) != 1:
            raise self._refused("Exactly one SSH key must be specified")
        found = [(name, key) for name, key in self._keys.values() if name == names[0]]
        if not found:
            raise VendorError(self.error("no_resource", "SSH key does not exist."))
        if len(found) > 1:
            # Two keys of one name can come about, and no launch can name either of them.
            raise VendorError(self.error("unknown", ""))
        return found[0]

    def _tags_in(self, given: Json) -> dict[str, str]:
        tags: dict[str, str] = {}
        for tag in given if isinstance(given, list) else [None]:
            key, value = (tag.get("key"), tag.get("value")) if isinstance(tag, dict) else ("", "")
            if not isinstance(key, str) or not _TAG_KEY.fullmatch(key) or len(key) > 55:
                raise self._refused("tags: key")
            if not isinstance(value, str) or len(value) > 128:
                raise self._refused("tags: value")
            tags[key] = value
        return tags

    def _check_image(self, image: Json) -> None:
        if image is None:
            return
        if not isinstance(image, dict) or not {"id", "family"} & set(image):
            raise self._refused("image must have an id or a family")
        known = {*_FAMILIES, *(f"{number:032x}" for number in range(1, len(_FAMILIES) + 1))}
        if image.get("id", image.get("family")) not in known:
            raise VendorError(self.error("no_resource", "Image does not exist."))

    def _list(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        rows, delay_s = self.instances(now)
        return _data([self._instance_row(row, now) for row in rows], delay_s)

    def _show(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        row, delay_s = self.instance(now, parts[0])
        if row is None:
            raise VendorError(self.error("not_found", ""))
        return _data(self._instance_row(row, now), delay_s)

    def _change(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        name = _object(self, request).get("name")
        if isinstance(name, str) and not self.model.rename(parts[0], name, now=now):
            raise VendorError(self.error("not_found", ""))
        return self._show(request, now, parts)

    def _terminate(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        rows, delay_s = self._named_in(request, now)
        shown = []
        for row in rows:
            there, late_s = self.end(now, str(row["id"]))
            delay_s = max(delay_s, late_s)
            if not there:
                raise VendorError(self.error("not_found", ""))
            shown.append(self._instance_row(row, now) | {"status": "terminating"})
        return _data({"terminated_instances": shown}, delay_s)

    def _restart(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        rows, delay_s = self._named_in(request, now)
        return _data({"restarted_instances": [self._instance_row(row, now) for row in rows]}, delay_s)  # fmt: skip

    def _named_in(self, request: VendorRequest, now: float) -> tuple[list[Row], float]:
        ids = _object(self, request).get("instance_ids")
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise self._refused("instance_ids must be a list of ids")
        rows, delay_s = [], 0.0
        for one in ids:
            row, late_s = self.instance(now, str(one))
            delay_s = max(delay_s, late_s)
            if row is None:
                raise VendorError(self.error("not_found", ""))
            rows.append(row)
        return rows, delay_s

    def _instance_row(self, row: Row, now: float) -> Row:
        kind, region = parts_of(str(row["offer_id"]))
        status = STATUSES.get(str(row["status"]), str(row["status"]))
        host, port = row.get("ssh_host"), row.get("ssh_port")
        born = datetime.fromisoformat(str(row["created_at"])).timestamp()
        shows_address = isinstance(host, str) and now - born >= self.address_late_s
        key_name = self._key_of.get(str(row["id"]))
        address = f"{host}" if port == _SSH_PORT else f"{host}:{port}"
        price = row.get("price_per_hour")
        kind_row = _kind_row(kind, row)
        if isinstance(price, int | float):
            kind_row["price_cents_per_hour"] = round(price * 100)
        tags = row.get("tags")
        return {
            "id": row["id"],
            **({} if row["name"] == "-" else {"name": row["name"]}),
            **({"ip": address, "private_ip": "10.0.0.2"} if shows_address else {}),
            "status": status,
            "ssh_key_names": [] if key_name is None else [key_name],
            "file_system_names": [],
            "region": _region(region),
            "instance_type": kind_row,
            "hostname": f"{str(row['id'])[:12]}.lambda.invalid",
            "actions": _actions(status),
            "tags": [
                {"key": name, "value": value}
                for name, value in (tags if isinstance(tags, dict) else {}).items()
            ],
        }

    # Keys.

    def _list_keys(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now, parts
        rows = [
            {"id": key_id, "name": name, "public_key": key}
            for key_id, (name, key) in self._keys.items()
        ]
        return _data(rows)

    def _add_key(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now, parts
        body = _object(self, request)
        name, public_key = body.get("name"), body.get("public_key")
        if not isinstance(name, str) or not 1 <= len(name) <= 64:
            raise self._refused("name must have 1 to 64 characters")
        if any(known == name for known, _ in self._keys.values()):
            raise self._refused("Key name must be unique")
        private: Row = {}
        if "public_key" not in body:
            made = asyncssh.generate_private_key("ssh-ed25519")
            public_key = made.export_public_key().decode().strip()
            private = {"private_key": made.export_private_key().decode()}
        if not isinstance(public_key, str) or not _PUBLIC_KEY.fullmatch(public_key.strip()):
            raise self._refused("public_key is no SSH key")
        known = {key.split()[1] for _, key in self._keys.values()}
        if self.refuses_known_keys and public_key.split()[1] in known:
            raise VendorError(self.error("bad_request", "Public key must be unique"))
        key_id = f"{self.chance.getrandbits(128):032x}"
        self._keys[key_id] = (name, public_key.strip())
        return _data({"id": key_id, "name": name, "public_key": public_key.strip(), **private})

    def _drop_key(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now
        if self._keys.pop(parts[0], None) is None:
            raise VendorError(self.error("no_path", ""))
        return _data({})

    def _refused(self, message: str) -> VendorError:
        return VendorError(self.error("bad_request", message))


def build(
    *, key: str, seed: int, offers: int, config: ModelConfig, chance: random.Random
) -> LambdaCloud:
    """Return a simulated account; `config` says how its model behaves beside what is this vendor's own."""
    catalogue = Catalogue(seed=seed, goods=goods_of(seed=seed, size=offers), drifts=False)
    own = {
        "ssh_user": "ubuntu",
        "id_form": "{:032x}",
        "id_bits": 128,
        "honours_expiry": False,
        "bills_boot": False,
        "bills_leaving": False,
        "destroy_s": max(config.destroy_s, _SHOWN_TERMINATING_S),
    }
    model = CloudModel(catalogue, chance, with_own(config, own))
    return LambdaCloud(model, catalogue, key=key, chance=chance)


def _data(body: Json, delay_s: float = 0.0) -> VendorReply:
    return VendorReply(body={"data": body}, delay_s=delay_s)


def _object(vendor: LambdaCloud, request: VendorRequest) -> Mapping[str, Json]:
    if not isinstance(request.body, dict):
        raise VendorError(vendor.error("bad_request", ""))
    return request.body


def _region(name: str) -> Row:
    return {"name": name, "description": REGIONS.get(name, name)}


def _kind_row(kind: str, row: Row) -> Row:
    """Return the kind of an instance as it shows it: with the GPUs that it claims to have."""
    if kind not in KIND_OF:
        return NO_GPU.row()
    shown = KIND_OF[kind].row()
    specs = shown["specs"]
    assert isinstance(specs, dict), shown
    specs["gpus"] = row.get("gpu_count", specs["gpus"])
    shown["gpu_description"] = row.get("gpu_name", shown["gpu_description"])
    return shown


def _actions(status: str) -> Row:
    possible = status in {"active", "unhealthy"}
    reason = {"booting": "vm-has-not-launched", "terminating": "vm-is-terminating"}.get(
        status, "vm-action-in-progress"
    )
    blocked = {"available": False, "reason_code": reason, "reason_description": reason}
    usual: Row = {"available": True} if possible else blocked
    names = ("migrate", "rebuild", "restart", "cold_reboot")
    ends: Row = blocked if status == "terminating" else {"available": True}
    return {**{name: dict(usual) for name in names}, "terminate": ends}
