"""A simulated Hyperstack: machines in environments, keys in environments too, an address that comes late, and GETs that do things.

The key goes into a header of its own, names have 50 characters at most, and a machine that lets nobody in through port 22,
or whose ports are moved about, is up and cannot be reached. What its own client asks for was seen by running it;
`docs/clouds/hyperstack.md` says what is verified by what.
"""

import random
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import Json, Row
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.vendors.hyperstack_menu import (
    FLAVOR_OF,
    IMAGES,
    REGIONS,
    flavor_groups,
    goods,
    offer_id_of,
    parts_of,
    pricebook,
    stocks,
)
from gpu_shopper.testing.vendors.hyperstack_rooms import Rooms, page_of
from gpu_shopper.testing.vendors.hyperstack_words import ERRORS, STATUSES, error_body
from gpu_shopper.testing.vendors.vendor import (
    Handler,
    VendorCloud,
    VendorError,
    VendorReply,
    VendorRequest,
    with_own,
)

LONGEST_NAME = 50
USER_DATA_LIMIT = 49_151
MOST_LABELS = 10
ADDRESS_LATE_S = 3.0
_SHOWN_DELETING_S = 15.0
_SSH_PORT = 22
_NOBODY_ANSWERS = "127.0.0.1:9"


class Hyperstack(VendorCloud):
    """One account there. `address_late_s` is how late an address is attached; `holds_keys`: a key in use cannot be deleted."""

    name: ClassVar[str] = "hyperstack"

    def __init__(
        self, model: CloudModel, catalogue: Catalogue, *, key: str, chance: random.Random
    ) -> None:
        self._rooms = Rooms(self)
        super().__init__(model, key=key, chance=chance)
        self._catalogue = catalogue
        self.address_late_s = ADDRESS_LATE_S
        self.holds_keys = False

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """See there."""
        machine = "/v1/core/virtual-machines/{id}"
        return {
            ("GET", "/v1/core/flavors"): self._flavors,
            ("GET", "/v1/core/stocks"): self._stocks,
            ("GET", "/v1/core/regions"): self._regions,
            ("GET", "/v1/core/images"): self._images,
            ("GET", "/v1/pricebook"): self._pricebook,
            ("GET", "/v1/billing/user-credit/credit"): self._credit,
            ("GET", "/v1/core/virtual-machines"): self._list,
            ("POST", "/v1/core/virtual-machines"): self._create,
            ("GET", machine): self._show,
            ("DELETE", machine): self._destroy,
            ("GET", f"{machine}/stop"): self._stop,
            ("GET", f"{machine}/hibernate"): self._stop,
            ("PUT", f"{machine}/label"): self._relabel,
            **self._rooms.routes(),
        }

    def admits(self, request: VendorRequest) -> bool:
        """See there: the key has a header of its own."""
        return request.headers.get("api_key", "") == self.key

    def error(self, code: str, message: str) -> VendorReply:
        """See there."""
        status, reason, text = ERRORS[code]
        told = message if code in {"bad_request", "missing"} and message else text
        return VendorReply(status=status, body=error_body(reason, told))

    def leftovers(self) -> Mapping[str, int]:
        """See there."""
        return self._rooms.leftovers()

    def refused(self, code: str, message: str = "") -> VendorError:
        """Return an error that ends the handling of a request."""
        return VendorError(self.error(code, message))

    # The menu and the account.

    def _flavors(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        on_sale, delay_s = self._on_sale(now)
        wanted = request.query.get("region")
        groups = [each for each in flavor_groups(on_sale) if wanted in {None, each["region_name"]}]
        return _good({"data": groups}, delay_s)

    def _stocks(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        on_sale, delay_s = self._on_sale(now)
        return VendorReply(body={"stocks": stocks(on_sale)}, delay_s=delay_s)

    def _on_sale(self, now: float) -> tuple[set[str], float]:
        rows, delay_s = self.offers(now)
        return {str(row["id"]) for row in rows}, delay_s

    def _regions(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now, parts
        rows = [
            {
                "id": number,
                "name": name,
                "country": country,
                "description": name,
                "features": {"floating_ip": has_addresses},
                "green_status": "GREEN",
            }
            for number, (name, (country, has_addresses)) in enumerate(REGIONS.items(), start=1)
        ]
        return _good({"regions": rows})

    def _images(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now, parts
        wanted = request.query.get("region")
        groups = [
            {
                "region_name": region,
                "type": image.split()[0],
                "logo": "",
                "images": [{"id": number, "name": image, "region_name": region, "is_public": True}],
            }
            for region in REGIONS
            for number, image in enumerate(IMAGES, start=1)
            if wanted in {None, region}
        ]
        return _good({"images": groups})

    def _pricebook(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now, parts
        return VendorReply(body=pricebook())

    def _credit(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        said = self.act(now, "GET", "/v1/account")
        assert isinstance(said.body, dict), said
        data = {"credit": said.body["balance"], "threshold": 0.0, "can_create_instance": True}
        return _good({"data": data}, said.delay_s)

    # Machines.

    def _create(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        body = self.object_in(request)
        if body.get("count") != 1:
            raise self.refused("bad_request", "count: this simulator makes one machine at a time")
        order = self._order_of(body, now)
        row, delay_s = self.sell(now, order)
        if "id" not in row:
            return _good({"instances": []}, delay_s)
        return _good({"instances": [self.machine_row(row, now)]}, delay_s)

    def _order_of(self, body: Mapping[str, Json], now: float) -> Row:
        name = self.name_in(body)
        environment = self._rooms.environment(str(body.get("environment_name", "")))
        flavor, image = body.get("flavor_name"), body.get("image_name")
        if not isinstance(flavor, str) or flavor not in FLAVOR_OF:
            raise self.refused("missing", "Flavor not found")
        if image not in IMAGES:
            raise self.refused("missing", "Image not found")
        key = self._rooms.key_in(environment, str(body.get("key_name", "")))
        if any(self._tags_of(entry.id).get("name") == name for entry in self.model.alive(now)):
            raise self.refused("exists")
        labels = self._labels_in(body.get("labels"))
        on_start = body.get("user_data") or ""
        if not isinstance(on_start, str):
            raise self.refused("bad_request", "user_data must be text")
        reach = body.get("assign_floating_ip") is True
        moved = reach and body.get("enable_port_randomization", True) is not False
        opened = self._opens_ssh(body.get("security_rules"))
        tags = {
            "name": name,
            "environment": environment,
            "keypair": str(body["key_name"]),
            "image": str(image),
            "address": "no" if not reach else "yes" if opened and not moved else "closed",
            "moved": "yes" if moved else "no",
            **{f"label{number}": label for number, label in enumerate(labels) if number},
        }
        return {
            "offer_id": offer_id_of(flavor, self._rooms.region_of(environment)),
            # Its first label is what it is known by; a machine without one goes by its name.
            "name": labels[0] if labels else name,
            "image": str(image),
            "disk_gb": FLAVOR_OF[flavor].disk,
            "ssh_keys": [key],
            "tags": tags,
            "on_start": on_start,
        }

    def _labels_in(self, given: Json) -> list[str]:
        labels = [] if given is None else given
        if not isinstance(labels, list) or not all(isinstance(one, str) and one for one in labels):
            raise self.refused("bad_request", "labels must be a list of texts")
        if len(labels) > MOST_LABELS:
            raise self.refused("bad_request", "labels: 10 at most")
        return [str(one) for one in labels]

    def _opens_ssh(self, rules: Json) -> bool:
        given = rules if isinstance(rules, list) else []
        for rule in given:
            if not isinstance(rule, dict) or rule.get("protocol") not in {"tcp", "udp", "icmp"}:
                raise self.refused("bad_request", "security_rules: protocol")
        return any(
            rule["protocol"] == "tcp"
            and rule.get("direction") == "ingress"
            and _holds(rule, _SSH_PORT)
            for rule in given
        )

    def _list(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        rows, delay_s = self.instances(now)
        shown = [self.machine_row(row, now) for row in rows]
        wanted = request.query.get("search", "")
        found = [row for row in shown if wanted in str(row["name"]) or wanted == str(row["id"])]
        page = page_of(self, found, request.query)
        return _good({"instances": page.pop("rows"), **page}, delay_s)

    def _show(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        row, delay_s = self.instance(now, parts[0])
        if row is None:
            raise self.refused("not_found")
        return _good({"instance": self.machine_row(row, now)}, delay_s)

    def _destroy(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        there, delay_s = self.end(now, parts[0])
        if not there:
            raise self.refused("not_found")
        return _good({}, delay_s)

    def _stop(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        if not self.model.stop(parts[0], now=now):
            raise self.refused("not_found")
        return _good({})

    def _relabel(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        labels = self._labels_in(self.object_in(request).get("labels"))
        if not labels or not self.model.rename(parts[0], labels[0], now=now):
            raise self.refused("not_found")
        return _good({})

    def machine_row(self, row: Row, now: float) -> Row:
        """Return a machine as the API shows it."""
        tags = row.get("tags")
        told: Mapping[str, Json] = tags if isinstance(tags, dict) else {}
        flavor, _ = parts_of(str(row.get("offer_id", "")))
        status = STATUSES.get(str(row["status"]), str(row["status"]).upper())
        address, attached = self._address_of(row, told, now)
        label, name = str(row["name"]), str(told.get("name", row["name"]))[:LONGEST_NAME]
        born = row.get("created_at")
        more = [told[key] for key in sorted(told) if key.startswith("label")]
        return {
            "id": _number(row["id"]),
            "name": name,
            "status": status,
            "vm_state": status.lower(),
            "power_state": "RUNNING" if status == "ACTIVE" else "NOSTATE",
            "environment": self._rooms.shown(str(told.get("environment", ""))),
            "image": {"name": told.get("image", "")},
            "flavor": {
                **_figures(flavor),
                "name": flavor,
                "gpu": row.get("gpu_name", ""),
                "gpu_count": row.get("gpu_count", 0),
            },
            "keypair": {"name": told.get("keypair", "")},
            "labels": [one for one in (label, *more) if one],
            "floating_ip": address,
            "floating_ip_status": attached,
            "fixed_ip": "10.0.0.12",
            "port_randomization": told.get("moved") == "yes",
            "created_at": born.partition(".")[0] if isinstance(born, str) else None,
            "security_rules": [],
            "volume_attachments": [],
            "locked": False,
            "contract_id": None,
        }

    def _address_of(
        self, row: Row, told: Mapping[str, Json], now: float
    ) -> tuple[str | None, str | None]:
        host, port, born = row.get("ssh_host"), row.get("ssh_port"), row.get("created_at")
        if told.get("address", "yes") == "no":
            return None, None
        age = now - datetime.fromisoformat(born).timestamp() if isinstance(born, str) else 0.0
        if host is None or age < self.address_late_s:
            return None, "ATTACHING"
        if told.get("address") == "closed":
            return _NOBODY_ANSWERS, "ATTACHED"
        return (str(host) if port == _SSH_PORT else f"{host}:{port}"), "ATTACHED"

    # What its rooms need as well.

    def in_room(self, environment: str, now: float) -> list[Mapping[str, str]]:
        """Return what is noted of each machine that is alive in this environment."""
        noted = [self._tags_of(entry.id) for entry in self.model.alive(now)]
        return [tags for tags in noted if tags.get("environment") == environment]

    def _tags_of(self, instance_id: str) -> Mapping[str, str]:
        known = self.model.instance(instance_id)
        return {} if known is None else known.tags

    def object_in(self, request: VendorRequest) -> Mapping[str, Json]:
        """Return the body; one that is no object is refused."""
        if not isinstance(request.body, dict):
            raise self.refused("bad_request", "a JSON object is required")
        return request.body

    def name_in(self, body: Mapping[str, Json]) -> str:
        """Return the name in a body; one that is too long is refused."""
        name = body.get("name")
        if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
            raise self.refused("bad_request", "name: Longer than maximum length 50.")
        return name


def build(
    *, key: str, seed: int, offers: int, config: ModelConfig, chance: random.Random
) -> Hyperstack:
    """Return a simulated account; `config` says how its model behaves beside what is this vendor's own."""
    catalogue = Catalogue(seed=seed, goods=goods(seed=seed, size=offers), drifts=False)
    own = {
        "ssh_user": "ubuntu",
        "id_form": "{:d}",
        "id_bits": 31,
        "honours_expiry": False,
        # Stopped, a machine bills in full.
        "stopped_bill_percent": 100,
        "bills_leaving": False,
        "start_script_bytes": USER_DATA_LIMIT,
        "destroy_s": max(config.destroy_s, _SHOWN_DELETING_S),
    }
    model = CloudModel(catalogue, chance, with_own(config, own))
    return Hyperstack(model, catalogue, key=key, chance=chance)


def _good(body: Row, delay_s: float = 0.0) -> VendorReply:
    return VendorReply(body={"status": True, "message": "Success", **body}, delay_s=delay_s)


def _number(instance_id: Json) -> Json:
    """Return the number of a machine; a stranger's comes from another account, and may be written otherwise."""
    text = str(instance_id)
    return int(text) if text.isdigit() else 1 + int(text.replace("i-", "0x"), 0)


def _holds(rule: Mapping[str, Json], port: int) -> bool:
    low, high = rule.get("port_range_min"), rule.get("port_range_max")
    return isinstance(low, int) and isinstance(high, int) and low <= port <= high


def _figures(flavor: str) -> Row:
    known = FLAVOR_OF.get(flavor)
    if known is None:
        return {}
    return {"cpu": known.cpu, "ram": known.ram, "disk": known.disk, "ephemeral": known.ephemeral}
