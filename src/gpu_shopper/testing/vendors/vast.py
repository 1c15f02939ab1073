"""A simulated Vast.ai: asks that are bought once, a search that shows 64, and errors in several dresses.

Its instances are containers; a bid that is too low is answered with an error and leaves a stopped instance that bills
its disk. What its own clients ask for was seen by running them; `docs/clouds/vast.md` says what is verified by what.
"""

import json
import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import Json, Row
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.vendors.vast_menu import (
    MONTH_HOURS,
    Asks,
    BadSearchError,
    goods,
    hardware,
    search,
)
from gpu_shopper.testing.vendors.vast_words import ERRORS, GONE, STATUSES
from gpu_shopper.testing.vendors.vendor import (
    Handler,
    VendorCloud,
    VendorError,
    VendorReply,
    VendorRequest,
    with_own,
)

PAGE = 25
_DEFAULT_DISK_GB = 8.0
_LONGEST_LABEL = 256


class Vast(VendorCloud):
    """One account there."""

    name: ClassVar[str] = "vast"

    def __init__(
        self,
        model: CloudModel,
        catalogue: Catalogue,
        *,
        key: str,
        chance: random.Random,
    ) -> None:
        super().__init__(model, key=key, chance=chance)
        self._catalogue = catalogue
        self._asks = Asks(catalogue)
        self._keys: dict[int, str] = {}
        self._gone_told = 0

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """See there."""
        return {
            ("GET", "/api/v0/gpu_names/unique"): self._gpu_names,
            ("GET", "/api/v0/users/current"): self._user,
            ("POST", "/api/v0/bundles"): self._bundles,
            ("GET", "/api/v0/bundles"): self._bundles,
            ("PUT", "/api/v0/search/asks"): self._bundles,
            ("PUT", "/api/v0/asks/{id}"): self._create,
            ("GET", "/api/v1/instances"): self._page,
            ("GET", "/api/v0/instances"): self._old_list,
            ("GET", "/api/v0/instances/{id}"): self._show,
            ("DELETE", "/api/v0/instances/{id}"): self._destroy,
            ("PUT", "/api/v0/instances/{id}"): self._change,
            ("GET", "/api/v0/ssh"): self._list_keys,
            ("POST", "/api/v0/ssh"): self._add_key,
            ("DELETE", "/api/v0/ssh/{id}"): self._drop_key,
            ("POST", "/api/v0/instances/{id}/ssh"): self._attach_key,
            ("GET", "/api/v0/charges"): self._charges,
        }

    def open_paths(self) -> Sequence[str]:
        """See there: every run of the vendor's own client begins with it, without a key."""
        return ("/api/v0/gpu_names/unique",)

    def admits(self, request: VendorRequest) -> bool:
        """See there: the key may stand in the query as well; whoever only searches needs none."""
        if request.path.startswith("/api/v0/bundles") and "authorization" not in request.headers:
            return request.query.get("api_key", self.key) == self.key
        return super().admits(request) or request.query.get("api_key") == self.key

    def error(self, code: str, message: str) -> VendorReply:
        """See there."""
        if code in {"offer_gone", "no_capacity"}:
            self._gone_told += 1
            status, body = GONE[self._gone_told % len(GONE)]
            return VendorReply(status=status, body=dict(body))
        if code == "rate_limited":
            text = "API requests too frequent endpoint threshold=2.0"
            return VendorReply(status=429, body={"detail": text})
        status, name, text = ERRORS.get(code, (400, "invalid_args", message))
        told = message if code == "bad_request" and message else text
        return VendorReply(status=status, body={"success": False, "error": name, "msg": told})

    def naming(self, instance_id: str) -> Row:
        """See there."""
        return {"new_contract": int(instance_id)}

    def leftovers(self) -> Mapping[str, int]:
        """See there."""
        return {"ssh_keys": len(self._keys)}

    # The menu and the account.

    def _gpu_names(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now, parts
        names = {offer.gpu_name for offer in self._catalogue.offers}
        return VendorReply(body={"success": True, "gpu_names": sorted(names)})

    def _user(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        said = self.act(now, "GET", "/v1/account")
        assert isinstance(said.body, dict), said
        left = said.body["balance"]
        body = {
            "id": 4711, "username": "shopper", "email": "shopper@example.invalid", "credit": left,
            "balance": 0.0, "can_pay": True,
        }  # fmt: skip
        return VendorReply(body=body, delay_s=said.delay_s)

    def _bundles(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        query = self._query_of(request)
        disk = query.get("allocated_storage", 5.0)
        if isinstance(disk, bool) or not isinstance(disk, int | float):
            raise self._refused("allocated_storage must be a number")
        rows, delay_s = self.offers(now)
        try:
            found = search([self._asks.row(row, disk_gb=disk) for row in rows], query)
        except BadSearchError as error:
            raise self._refused(str(error)) from error
        return VendorReply(body={"offers": found}, delay_s=delay_s)

    def _query_of(self, request: VendorRequest) -> Mapping[str, Json]:
        given = request.body
        if request.method == "GET":
            given = _json_or(request.query.get("q", "{}"))
        elif isinstance(given, dict) and "q" in given:
            given = given["q"]
        if not isinstance(given, dict):
            raise self._refused("the search must be an object")
        return given

    # Instances.

    def _create(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        body = request.body
        offer_id = self._asks.offer_id(int(parts[0])) if parts[0].isdigit() else None
        if not isinstance(body, dict):
            raise self._refused("a JSON object is required")
        if offer_id is None:
            raise VendorError(self.error("offer_gone", ""))
        price, is_bid = body.get("price"), self._asks.is_bid(offer_id)
        if (price is None) == is_bid:
            raise VendorError(VendorReply(status=400, body={"success": False, "error": "invalid_price", "msg": "price"}))  # fmt: skip
        order = self._order_of(body, offer_id)
        row, delay_s = self.sell(now, order)
        if "id" not in row:
            return VendorReply(body={"success": True}, delay_s=delay_s)
        contract = int(str(row["id"]))
        if is_bid and isinstance(price, int | float) and price < self._least_bid(row, order):
            self.model.stop(str(contract), now=now)
            failed = {"success": False, "error": "bid_too_low", "new_contract": contract}
            return VendorReply(status=400, body=failed, delay_s=delay_s)
        return VendorReply(body={"success": True, "new_contract": contract}, delay_s=delay_s)

    def _least_bid(self, row: Row, order: Row) -> float:
        disk, price = order["disk_gb"], row["price_per_hour"]
        assert isinstance(disk, int), order
        assert isinstance(price, float), row
        return price - disk * self._storage_cost(row) / MONTH_HOURS - 1e-6

    def _storage_cost(self, row: Row) -> float:
        index = self._catalogue.index_of(str(row.get("offer_id", "")))
        return 0.0 if index is None else self._catalogue.offers[index].storage_price_per_gb_month

    def _order_of(self, body: Mapping[str, Json], offer_id: str) -> Row:
        image, label = body.get("image"), body.get("label")
        env = body.get("env") or {}
        disk = body.get("disk", _DEFAULT_DISK_GB)
        if not isinstance(image, str) or not image:
            raise self._refused("image is required")
        if not isinstance(env, dict) or not isinstance(disk, int | float):
            raise self._refused("env must be an object, disk a number")
        plain = {name: str(value) for name, value in env.items() if not name.startswith("-")}
        onstart = body.get("onstart")
        return {
            "offer_id": offer_id,
            "name": (label if isinstance(label, str) and label else "-")[:_LONGEST_LABEL],
            "image": image,
            "disk_gb": max(1, round(disk)),
            "ssh_keys": list(self._keys.values()),
            "env": plain,
            "on_start": onstart if isinstance(onstart, str) else "",
        }

    def _page(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        filters = _json_or(request.query.get("select_filters", "{}"))
        limit = request.query.get("limit", str(PAGE))
        token = request.query.get("after_token", "0")
        if not isinstance(filters, dict) or not limit.isdigit() or not token.isdigit():
            raise self._refused("select_filters, limit or after_token")
        rows, delay_s = self.instances(now)
        shown = [row for row in map(self._instance_row, rows) if _selected(row, filters)]
        first, most = int(token), min(int(limit), PAGE)
        page, rest = shown[first : first + most], shown[first + most :]
        body = {
            "success": True,
            "instances": page,
            "next_token": str(first + most) if rest else None,
            "total_instances": len(shown),
            "label_counts": {},
        }
        return VendorReply(body=body, delay_s=delay_s)

    def _old_list(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        rows, delay_s = self.instances(now)
        return VendorReply(body={"instances": [*map(self._instance_row, rows)]}, delay_s=delay_s)

    def _show(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        row, delay_s = self.instance(now, parts[0])
        shown = None if row is None else self._instance_row(row)
        return VendorReply(body={"instances": shown}, delay_s=delay_s)

    def _destroy(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        there, delay_s = self.end(now, parts[0])
        if not there:
            raise VendorError(self.error("not_found", ""))
        return VendorReply(body={"success": True}, delay_s=delay_s)

    def _change(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        body = request.body if isinstance(request.body, dict) else {}
        done = True
        if body.get("state") == "stopped":
            done = self.model.stop(parts[0], now=now)
        if isinstance(label := body.get("label"), str):
            done = self.model.rename(parts[0], label, now=now)
        if not done:
            raise VendorError(self.error("not_found", ""))
        return VendorReply(body={"success": True})

    def _instance_row(self, row: Row) -> Row:
        index = self._catalogue.index_of(str(row.get("offer_id", "")))
        sold = self.model.instance(str(row["id"]))
        status, price = str(row["status"]), row.get("price_per_hour")
        disk, storage = row.get("disk_gb"), self._storage_cost(row)
        disk_price = disk * storage / MONTH_HOURS if isinstance(disk, int) else 0.0
        running, ended = status == "running", status in {"stopping", "stopped"}
        intended = "stopped" if ended else "running"
        port = row.get("ssh_port")
        created = row.get("created_at")
        born = datetime.fromisoformat(created).timestamp() if isinstance(created, str) else None
        return {
            **({} if index is None else hardware(self._catalogue, index)),
            "id": number_of(str(row["id"])),
            "label": None if row["name"] == "-" else row["name"],
            "gpu_name": row.get("gpu_name"),
            "num_gpus": row.get("gpu_count"),
            "gpu_ram": row.get("gpu_memory_mib"),
            "actual_status": STATUSES.get(status, status),
            "intended_status": intended,
            "cur_state": "running" if running else intended,
            "next_state": intended,
            "status_msg": "OCI runtime create failed: no such device"
            if status == "error"
            else None,
            "dph_total": price,
            "dph_base": price - disk_price if isinstance(price, float) else price,
            "storage_cost": storage,
            "storage_total_cost": disk_price,
            "disk_space": disk,
            "image_uuid": "" if sold is None else sold.spec.image,
            "extra_env": [] if sold is None else [list(pair) for pair in sold.spec.env.items()],
            "image_runtype": "ssh",
            "start_date": born,
            "ssh_host": row.get("ssh_host"),
            "ssh_port": port,
            "public_ipaddr": row.get("ssh_host"),
            "ports": {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(port)}]} if port else {},  # noqa: S104
            "machine_dir_ssh_port": port,
        }

    # Keys and money.

    def _list_keys(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now, parts
        return VendorReply(body=[_key_row(number, key) for number, key in self._keys.items()])

    def _add_key(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now, parts
        number = max(self._keys, default=0) + 1
        self._keys[number] = self._key_in(request)
        row = _key_row(number, self._keys[number])
        return VendorReply(body={"success": True, "key": row | {"public_key": row["key"]}})

    def _drop_key(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now
        gone = self._keys.pop(int(parts[0]), None) if parts[0].isdigit() else None
        if gone is None:
            raise VendorError(VendorReply(status=404, body={"success": False, "error": "no_such_key", "msg": "key"}))  # fmt: skip
        return VendorReply(body={"success": True})

    def _attach_key(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        if not self.model.admit_key(parts[0], self._key_in(request), now=now):
            raise VendorError(self.error("not_found", ""))
        return VendorReply(body={"success": True, "msg": "SSH key added to instance."})

    def _key_in(self, request: VendorRequest) -> str:
        key = request.body.get("ssh_key") if isinstance(request.body, dict) else None
        if not isinstance(key, str) or not key.startswith(("ssh-", "ecdsa-", "sk-")):
            raise self._refused("ssh_key")
        return key.strip()

    def _charges(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        rows = [
            {
                "type": "instance",
                "source": f"instance-{entry.id}",
                "description": f"Instance {entry.id} Charges",
                "amount": entry.billed_micros / 1_000_000,
                "start": entry.billed_from,
                "end": entry.ended_at or now,
                "metadata": {"label": entry.name},
            }
            for entry in self.model.ledger(now)
        ]
        body = {"results": rows, "count": len(rows), "total": len(rows), "next_token": None}
        return VendorReply(body=body)

    def _refused(self, message: str) -> VendorError:
        return VendorError(self.error("bad_request", message))


def build(*, key: str, seed: int, offers: int, config: ModelConfig, chance: random.Random) -> Vast:
    """Return a simulated account; `config` says how its model behaves beside what is this vendor's own."""
    catalogue = Catalogue(seed=seed, goods=goods(seed=seed, size=offers))
    own = {"ssh_user": "root", "id_form": "{:d}", "id_bits": 40, "honours_expiry": False}
    own["start_script_bytes"] = 4048
    model = CloudModel(catalogue, chance, with_own(config, own))
    return Vast(model, catalogue, key=key, chance=chance)


def number_of(instance_id: str) -> int:
    """Return the number of an instance; a stranger's comes from another account, and may be written otherwise."""
    return (
        int(instance_id) if instance_id.isdigit() else 1 + int(instance_id.replace("i-", "0x"), 0)
    )


def _selected(row: Row, filters: Mapping[str, Json]) -> bool:
    for field, condition in filters.items():
        wanted = condition.get("in", [condition.get("eq")]) if isinstance(condition, dict) else []
        if isinstance(wanted, list) and row.get(field) not in wanted:
            return False
    return True


def _key_row(number: int, key: str) -> Row:
    born = "2026-01-01T00:00:00Z"
    return {"id": number, "user_id": 4711, "key": key, "created_at": born, "deleted_at": None}


def _json_or(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return None
