"""A simulated Prime Intellect: pods of clouds behind it, one SSH key for each, and a history of what they cost.

A pod that is over is shown as terminated for a minute and not found from then on; its name stands in the history for
good. What its own client asks for was seen by running it; `docs/clouds/prime.md` says what is verified by what.
"""

import random
import re
from collections.abc import Mapping
from typing import ClassVar

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.instances import rfc3339
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.sandbox.messages import Json, Row
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.vendors.prime_menu import DISK_STEP_GB, Behind, Market, goods
from gpu_shopper.testing.vendors.prime_words import ERRORS, STATUSES
from gpu_shopper.testing.vendors.vendor import (
    Handler,
    VendorCloud,
    VendorError,
    VendorReply,
    VendorRequest,
    with_own,
)

PAGE = 100
_SHOWN_AFTER_S = 60.0
_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")


class Prime(VendorCloud):
    """One account there."""

    name: ClassVar[str] = "prime"

    def __init__(
        self,
        model: CloudModel,
        catalogue: Catalogue,
        *,
        key: str,
        chance: random.Random,
    ) -> None:
        super().__init__(model, key=key, chance=chance)
        self._market = Market(catalogue)
        self._keys: dict[str, Row] = {}
        # Most that a listing shows at once, whatever it is asked for.
        self.page = PAGE

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """See there."""
        return {
            ("GET", "/api/v1/availability/gpus"): self._menu,
            ("GET", "/api/v1/availability/multi-node"): self._clusters,
            ("GET", "/api/v1/availability/gpu-summary"): self._summary,
            ("POST", "/api/v1/pods"): self._create,
            ("GET", "/api/v1/pods"): self._page,
            ("GET", "/api/v1/pods/status"): self._status,
            ("GET", "/api/v1/pods/history"): self._history,
            ("GET", "/api/v1/pods/{id}"): self._show,
            ("DELETE", "/api/v1/pods/{id}"): self._destroy,
            ("GET", "/api/v1/ssh_keys"): self._list_keys,
            ("POST", "/api/v1/ssh_keys"): self._add_key,
            ("DELETE", "/api/v1/ssh_keys/{id}"): self._drop_key,
            ("GET", "/api/v1/billing/wallet"): self._wallet,
        }

    def error(self, code: str, message: str) -> VendorReply:
        """See there."""
        if code == "bad_request":
            wrong = {"loc": ["body"], "msg": message or "invalid", "type": "value_error"}
            return VendorReply(status=422, body={"detail": [wrong]})
        status, text = ERRORS[code]
        return VendorReply(status=status, body={"detail": text})

    def leftovers(self) -> Mapping[str, int]:
        """See there."""
        return {"ssh_keys": len(self._keys)}

    # The menu and the account.

    def _menu(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        number, most = _number(request, "page", 1), _number(request, "page_size", PAGE)
        if number < 1 or not 1 <= most <= PAGE:
            raise self._refused("page_size: at most 100")
        rows, delay_s = self.offers(now)
        shown = [row for row in self._market.rows(rows) if _is_asked_for(row, request.query)]
        first = (number - 1) * most
        body: Row = {"items": shown[first : first + most], "totalCount": len(shown)}
        return VendorReply(body=body, delay_s=delay_s)

    def _clusters(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now, parts
        return VendorReply(body={"items": [], "totalCount": 0})

    def _summary(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, parts
        rows, delay_s = self.offers(now)
        kinds = sorted({str(row["gpuType"]) for row in self._market.rows(rows)})
        return VendorReply(body={kind: {"count": 1} for kind in kinds}, delay_s=delay_s)

    def _wallet(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        said = self.act(now, "GET", "/v1/account")
        assert isinstance(said.body, dict), said
        bills = [
            {
                "id": f"bill-{entry.id}",
                "created_at": rfc3339(entry.billed_from),
                "updated_at": rfc3339(now),
                "amount_usd": entry.billed_micros / 1_000_000,
                "currency": "USD",
                "resource_type": "pod",
                "resource_id": entry.id,
            }
            for entry in self.model.ledger(now)
        ]
        body = {
            "wallet_id": "wallet-1",
            "team_id": request.query.get("teamId"),
            "balance_usd": said.body["balance"],
            "currency": "USD",
            "total_billings": len(bills),
            "recent_billings": bills[: _number(request, "limit", 20)],
        }
        return VendorReply(body=body, delay_s=said.delay_s)

    # Pods.

    def _create(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        body = request.body if isinstance(request.body, dict) else {}
        pod = body.get("pod")
        if not isinstance(pod, dict):
            raise self._refused("pod: field required")
        if not isinstance(pod.get("name"), str) or not _NAME.fullmatch(pod["name"]):
            raise self._refused("name: letters, digits and dashes only")
        rows, _ = self.offers(now)
        behind = self._market.named(body, rows)
        if behind is None:
            raise VendorError(self.error("offer_gone", ""))
        sold, delay_s = self.sell(now, self._order_of(pod, behind))
        if "id" not in sold:
            return VendorReply(body={}, delay_s=delay_s)
        return VendorReply(body=self._pod_row(sold), delay_s=delay_s)

    def _order_of(self, pod: Mapping[str, Json], behind: Behind) -> Row:
        row = behind.row
        images = row["images"]
        assert isinstance(images, list), row
        if pod.get("image") is not None and pod["image"] not in images:
            raise self._refused(f"image: one of {', '.join(images)}")
        for field, resource in (("vcpus", "vcpu"), ("memory", "memory")):
            said, spec = pod.get(field), row[resource]
            if said is not None and isinstance(spec, dict) and said != spec["defaultCount"]:
                raise self._refused(f"{field}: must be {spec['defaultCount']}")
        given, most = pod.get("envVars") or [], pod.get("maxPrice")
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise self._refused("envVars: must be a list of keys and values")
        dearest = {"max_price_per_hour": most} if isinstance(most, int | float) else {}
        return {
            "offer_id": behind.offer_id,
            "name": pod["name"],
            "image": pod.get("image") or images[0],
            "disk_gb": self._disk_of(pod.get("diskSize"), row["disk"]),
            "ssh_keys": self._keys_of(pod.get("sshKeyId")),
            "env": {str(one.get("key")): str(one.get("value")) for one in given},
            **dearest,
        }

    def _disk_of(self, wanted: Json, disk: Json) -> int:
        assert isinstance(disk, dict), disk
        least, most, default = disk["minCount"], disk["maxCount"], disk["defaultCount"]
        size = default if wanted is None else wanted
        fits = size == default
        if isinstance(size, int) and isinstance(least, int) and isinstance(most, int):
            fits = least <= size <= most and (size - least) % DISK_STEP_GB == 0
        if not fits or not isinstance(size, int):
            raise self._refused("diskSize: no such size")
        return size

    def _keys_of(self, key_id: Json) -> list[Json]:
        """Return the one key that a pod gets: that which is named, else the account's first."""
        if key_id is None:
            return [row["publicKey"] for row in self._keys.values() if row["isPrimary"]]
        row = self._keys.get(str(key_id))
        if row is None:
            raise VendorError(VendorReply(status=404, body={"detail": "SSH key not found"}))
        return [row["publicKey"]]

    def _page(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        rows, delay_s = self.instances(now)
        return self._slice(request, [self._pod_row(row) for row in rows], delay_s=delay_s)

    def _show(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        row, delay_s = self.instance(now, parts[0])
        if row is not None:
            return VendorReply(body=self._pod_row(row), delay_s=delay_s)
        over = next((one for one in self._over(now) if one.id == parts[0]), None)
        if over is None or now - (over.ended_at or now) > _SHOWN_AFTER_S:
            raise VendorError(self.error("not_found", ""))
        last = self._past_row(over) | {"status": "TERMINATED", "installationStatus": None}
        return VendorReply(body=last, delay_s=delay_s)

    def _status(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        row, delay_s = self.instance(now, request.query.get("pod_ids", "-"))
        if row is None:
            return VendorReply(body={"data": []}, delay_s=delay_s)
        pod = self._pod_row(row)
        told = (
            "providerType", "status", "sshConnection", "priceHr", "primePortMapping", "ip",
            "installationFailure", "installationProgress",
        )  # fmt: skip
        shown = {"podId": pod["id"], **{name: pod[name] for name in told}}
        return VendorReply(body={"data": [shown]}, delay_s=delay_s)

    def _history(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        over = sorted(self._over(now), key=lambda one: one.ended_at or now, reverse=True)
        return self._slice(request, [self._past_row(one) for one in over])

    def _destroy(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        there, delay_s = self.end(now, parts[0])
        if not there:
            raise VendorError(self.error("not_found", ""))
        return VendorReply(body={"status": "deleted"}, delay_s=delay_s)

    def _over(self, now: float) -> list[LedgerEntry]:
        return [entry for entry in self.model.ledger(now) if not entry.alive]

    def _past_row(self, entry: LedgerEntry) -> Row:
        return {
            "id": entry.id,
            "name": entry.name,
            "type": "HOSTED",
            "createdAt": rfc3339(entry.created_at),
            "terminatedAt": None if entry.ended_at is None else rfc3339(entry.ended_at),
            "gpuCount": entry.gpu_count,
            "priceHr": entry.price_per_hour_micros / 1_000_000,
            "userId": "user-1",
            "teamId": None,
            "totalBilledPrice": entry.billed_micros / 1_000_000,
            **self._market.hardware(entry.offer_id),
        }

    def _pod_row(self, row: Row) -> Row:
        shown = str(row["status"])
        status, installation, progress = STATUSES.get(shown, (shown.upper(), None, None))
        price, port, host = row.get("price_per_hour"), row.get("ssh_port"), row.get("ssh_host")
        pod_id = str(row["id"])
        sold = self.model.instance(pod_id)
        login = f"root@{host} -p {port}" if host and port else None
        # One text, or a list with a text for each node: the clouds behind differ.
        several = pod_id[-1:] in "01234567"
        mapping = [
            {"internal": "22", "external": str(port), "protocol": "TCP", "usedBy": "SSH", "description": None}
        ]  # fmt: skip
        return {
            **self._market.hardware(str(row.get("offer_id", ""))),
            "id": pod_id,
            "name": row["name"],
            "gpuName": self._gpu_name(row),
            "gpuCount": row.get("gpu_count"),
            "status": status,
            "createdAt": row.get("created_at"),
            "updatedAt": row.get("created_at"),
            "installationStatus": installation,
            "installationFailure": "driver failed" if shown == "error" else None,
            "installationProgress": progress,
            "sshConnection": [login] if several else login,
            "ip": [host] if several else host,
            "primePortMapping": mapping if port else None,
            "priceHr": price,
            "stoppedPriceHr": price / 10 if isinstance(price, float) else None,
            "provisioningPriceHr": price,
            "resources": {"disk": str(row.get("disk_gb"))},
            "environmentType": "" if sold is None else sold.spec.image,
            "type": "HOSTED",
            "userId": "user-1",
            "walletId": "wallet-1",
            "teamId": None,
            "attachedResources": None,
        }

    def _gpu_name(self, row: Row) -> Json:
        """Return the GPU as the menu called it; where the machine has another than was sold, as the machine calls it."""
        if not self._market.is_as_sold(row):
            return row.get("gpu_name")
        return self._market.hardware(str(row.get("offer_id", "")))["gpuName"]

    # Keys.

    def _list_keys(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del now, parts
        return self._slice(request, list(self._keys.values()))

    def _add_key(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        body = request.body if isinstance(request.body, dict) else {}
        name, text = body.get("name"), body.get("publicKey")
        if not isinstance(name, str) or not isinstance(text, str) or not text.startswith("ssh-"):
            raise self._refused("publicKey: not an SSH key")
        if any(row["publicKey"] == text for row in self._keys.values()):
            raise VendorError(VendorReply(status=400, body={"detail": "SSH key already exists"}))
        key_id = f"key{self.chance.getrandbits(64):016x}"
        self._keys[key_id] = {
            "id": key_id,
            "userId": "user-1",
            "name": name,
            "publicKey": text,
            "isPrimary": not self._keys,
            "isUserKey": True,
            "createdAt": rfc3339(now),
            "updatedAt": rfc3339(now),
        }
        return VendorReply(body=self._keys[key_id])

    def _drop_key(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now
        if self._keys.pop(parts[0], None) is None:
            raise VendorError(VendorReply(status=404, body={"detail": "SSH key not found"}))
        return VendorReply(body={"status": "deleted"})

    def _slice(
        self, request: VendorRequest, rows: list[Row], *, delay_s: float = 0.0
    ) -> VendorReply:
        offset, limit = _number(request, "offset", 0), _number(request, "limit", PAGE)
        page = rows[offset : offset + min(limit, self.page)]
        body: Row = {"total_count": len(rows), "offset": offset, "limit": limit, "data": page}
        return VendorReply(body=body, delay_s=delay_s)

    def _refused(self, message: str) -> VendorError:
        return VendorError(self.error("bad_request", message))


def build(*, key: str, seed: int, offers: int, config: ModelConfig, chance: random.Random) -> Prime:
    """Return a simulated account; `config` says how its model behaves beside what is this vendor's own."""
    catalogue = Catalogue(seed=seed, goods=goods(seed=seed, size=offers))
    own = {
        "ssh_user": "root", "id_form": "{:032x}", "id_bits": 128, "honours_expiry": False,
        "start_script_bytes": 0,
    }  # fmt: skip
    model = CloudModel(catalogue, chance, with_own(config, own))
    return Prime(model, catalogue, key=key, chance=chance)


def _number(request: VendorRequest, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdigit() else default


def _is_asked_for(row: Row, query: Mapping[str, str]) -> bool:
    names = {
        "gpu_type": "gpuType",
        "gpu_count": "gpuCount",
        "socket": "socket",
        "cloud_id": "cloudId",
    }
    return all(str(row[names[name]]) == value for name, value in query.items() if name in names)
