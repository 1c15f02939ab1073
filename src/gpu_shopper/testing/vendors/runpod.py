"""A simulated RunPod: kinds of GPU in pools, pods that call themselves running at once, and a no without a code.

Its pods are containers with SSH where they were asked for it. It knows no volumes, no clusters and no spot, and a pod that
was stopped is never started again: its GPUs are gone. `docs/clouds/runpod.md` says what is verified by what.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import msgspec

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import Json, Row
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.vendors.runpod_bill import billed
from gpu_shopper.testing.vendors.runpod_menu import (
    DISK_PRICE,
    MONTH_HOURS,
    Question,
    Shelf,
    goods,
    numbers,
)
from gpu_shopper.testing.vendors.runpod_quota import Quota
from gpu_shopper.testing.vendors.runpod_words import (
    ACTIONS,
    ERRORS,
    NONE_LEFT,
    STATUSES,
    ActionWish,
    KeysWish,
    PodChange,
    PodWish,
    problem,
    read_body,
    read_question,
    refused,
)
from gpu_shopper.testing.vendors.vendor import (
    Handler,
    VendorCloud,
    VendorReply,
    VendorRequest,
    with_own,
)

PAGE = 1000
_SSH = "22/tcp"
_LEAST_KEY = 16
_CHANGEABLE = {"name", "args", "ports"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extras:
    """What of an order the model does not keep."""

    ports: list[str] = field(default_factory=lambda: [_SSH])
    args: str = ""
    mounts: Row = field(default_factory=dict)


class Runpod(VendorCloud):
    """One account there.

    `spend_cap` is what all its pods may cost an hour together, in dollars; `lost_deletes` is how many more destroys are
    done and answered with a 500; `page` how many pods a page of the list holds.
    """

    name: ClassVar[str] = "runpod"

    def __init__(
        self, model: CloudModel, catalogue: Catalogue, *, key: str, chance: random.Random
    ) -> None:
        super().__init__(model, key=key, chance=chance)
        self.quota = Quota()
        self.spend_cap = 80.0
        self.lost_deletes = 0
        self.page = PAGE
        self.keys: list[str] = []
        self._shelf = Shelf(catalogue)
        self._extras: dict[str, _Extras] = {}
        self._none_told = 0

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """See there."""
        return {
            ("GET", "/v2/catalog/gpus"): self._gpus,
            ("GET", "/v2/catalog/gpus/{id}"): self._gpu,
            ("GET", "/v2/pods"): self._list,
            ("POST", "/v2/pods"): self._create,
            ("GET", "/v2/pods/{id}"): self._show,
            ("PATCH", "/v2/pods/{id}"): self._change,
            ("DELETE", "/v2/pods/{id}"): self._destroy,
            ("POST", "/v2/pods/{id}/action"): self._act,
            ("GET", "/v2/account/ssh-keys"): self._list_keys,
            ("PUT", "/v2/account/ssh-keys"): self._replace_keys,
            ("GET", "/v2/billing/pods"): self._billed,
        }

    def error(self, code: str, message: str) -> VendorReply:
        """See there."""
        if code in {"offer_gone", "no_capacity"}:
            self._none_told += 1
            return problem(400, NONE_LEFT[self._none_told % len(NONE_LEFT)])
        status, detail = ERRORS.get(code, (400, message))
        return problem(status, detail)

    def hear(self, request: VendorRequest, *, now: float) -> VendorReply:
        """See there; every answer tells what is left of the account's requests."""
        wait = self.quota.spend(now)
        if wait is None:
            said = super().hear(request, now=now)
        else:
            said = problem(429, ERRORS["rate_limited"][1])
            said = replace(said, headers={**said.headers, "retry-after": str(wait)})
        return replace(said, headers={**self.quota.headers(now), **said.headers})

    def leftovers(self) -> Mapping[str, int]:
        """See there."""
        return {"ssh_keys": len(self.keys)}

    def _route(self, request: VendorRequest) -> tuple[Handler | None, tuple[str, ...]]:
        handler, parts = super()._route(request)
        known = [method for method, path, _ in self._routes if path.fullmatch(request.path)]
        if handler is None and known:
            return _not_allowed, tuple(known)
        return handler, parts

    # The catalogue.

    def _gpus(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        question = read_question(request.query)
        in_stock, delay_s = self._in_stock(now)
        rows = [self._shelf.row(gpu, question, in_stock) for gpu in self._shelf.kinds()]
        if question.countries:
            rows = [row for row in rows if row.get("availability") != "NONE"]
        return VendorReply(body={"gpus": rows}, delay_s=delay_s)

    def _gpu(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        question = read_question(request.query)
        if parts[0] not in self._shelf.kinds():
            raise refused(404, "gpu type not found")
        in_stock, delay_s = self._in_stock(now)
        return VendorReply(body=self._shelf.row(parts[0], question, in_stock), delay_s=delay_s)

    def _in_stock(self, now: float) -> tuple[frozenset[str], float]:
        rows, delay_s = self.offers(now)
        return frozenset(str(row.get("id")) for row in rows), delay_s

    def _billed(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        return VendorReply(body=billed(request.query, self.model.ledger(now), now=now))

    # Pods.

    def _create(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        wish = read_body(request.body, PodWish)
        pools = self._pools_for(wish)
        order = self._order_of(wish)
        said = None
        for offer_id in pools:
            body = {**order, "offer_id": offer_id}
            # Of the last one it is told why not.
            passes = frozenset({"offer_gone"}) if offer_id != pools[-1] else frozenset[str]()
            said = self.act(now, "POST", "/v1/instances", body=body, passes=passes)
            if said.status < 400:
                break
        assert said is not None, wish
        row = said.body if isinstance(said.body, dict) else {}
        if "id" not in row:
            return VendorReply(status=201, body={}, delay_s=said.delay_s)
        mounts = msgspec.to_builtins(wish.mounts)
        mounts = {kind: mount for kind, mount in mounts.items() if mount}
        self._extras[str(row["id"])] = _Extras(ports=wish.ports, args=wish.args, mounts=mounts)
        return VendorReply(status=201, body=self._pod(row, now), delay_s=said.delay_s)

    def _pools_for(self, wish: PodWish) -> list[str]:
        """Return the pools out of which the pod may come.

        Raises:
            VendorError: it breaks a rule, or there are none.
        """
        gpu = wish.gpu
        if (gpu is msgspec.UNSET) == (wish.cpu is msgspec.UNSET):
            raise refused(400, "exactly one of gpu and cpu must be set")
        if wish.template_id is not msgspec.UNSET:
            raise refused(404, "template not found")
        if wish.image is msgspec.UNSET:
            raise refused(422, "Request validation failed.", "$: missing property 'image'")
        if wish.mounts.network:
            raise refused(404, "network volume not found")
        if not isinstance(gpu, msgspec.Struct):
            raise refused(400, NONE_LEFT[0])
        floor = gpu.min_cuda_version
        if gpu.allowed_cuda_versions and floor is not msgspec.UNSET:
            raise refused(400, "allowedCudaVersions and minCudaVersion exclude each other")
        cuda = Question(
            cuda=frozenset(gpu.allowed_cuda_versions),
            least_cuda=numbers(floor) if isinstance(floor, str) else (),
        )
        pools = self._shelf.fitting(
            gpu.id, cloud=wish.cloud, count=gpu.count, centers=wish.data_center_ids, cuda=cuda
        )
        if not pools or self._spends() >= self.spend_cap:
            raise refused(400, NONE_LEFT[0])
        return pools

    def _spends(self) -> float:
        return sum(one.price_micros for one in self.model.hosted()) / 1_000_000

    def _order_of(self, wish: PodWish) -> Row:
        env = dict(wish.env)
        if wish.start_ssh and self.keys:
            env.setdefault("PUBLIC_KEY", "\n".join(self.keys))
        keys = [line.strip() for line in env.get("PUBLIC_KEY", "").splitlines()]
        kept = wish.mounts.persistent
        return {
            "name": wish.name,
            "image": wish.image,
            "disk_gb": wish.disk + (kept.size if isinstance(kept, msgspec.Struct) else 0),
            "ssh_keys": [key for key in keys if len(key) >= _LEAST_KEY],
            "env": env,
        }

    def _list(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del parts
        cursor = request.query.get("cursor", "0")
        limit = request.query.get("limit", str(self.page))
        clusters = request.query.get("includeClusterPods", "false")
        if clusters not in {"true", "false"} or not cursor.isdecimal() or not limit.isdecimal():
            raise refused(422, "Request validation failed.", "$: includeClusterPods, limit, cursor")
        rows, delay_s = self.instances(now)
        first, most = int(cursor), min(max(1, int(limit)), self.page)
        more = len(rows) > first + most
        body: dict[str, Json] = {
            "pods": [self._pod(row, now) for row in rows[first : first + most]]
        }
        if more or first:
            body["pagination"] = {
                "nextCursor": str(first + most) if more else None,
                "hasNextPage": more,
            }
        return VendorReply(body=body, delay_s=delay_s)

    def _show(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        row, delay_s = self.instance(now, parts[0])
        if row is None:
            raise refused(404, "pod not found")
        return VendorReply(body=self._pod(row, now), delay_s=delay_s)

    def _destroy(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request
        there, delay_s = self.end(now, parts[0])
        if not there:
            raise refused(404, "pod not found")
        if self.lost_deletes:
            self.lost_deletes -= 1
            return self.error("internal", "")
        return VendorReply(status=204, delay_s=delay_s)

    def _act(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        action = read_body(request.body, ActionWish).action
        if action == "terminate":
            return self._destroy(request, now, parts)
        row, _ = self.instance(now, parts[0])
        if row is None:
            raise refused(404, "pod not found")
        if action not in ACTIONS.get(STATUSES.get(str(row["status"]), ""), ()):
            raise refused(409, f"{action} is not valid for the current status")
        if action == "start":
            raise refused(
                400, "There are not enough free GPUs on the host machine to start this pod."
            )
        if action == "stop":
            self.model.stop(parts[0], now=now)
        return self._show(request, now, parts)

    def _change(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        wish = msgspec.to_builtins(read_body(request.body, PodChange))
        if self.instance(now, parts[0])[0] is None:
            raise refused(404, "pod not found")
        if set(wish) - _CHANGEABLE:
            raise refused(400, f"only {', '.join(sorted(_CHANGEABLE))} can be changed here")
        if "name" in wish:
            self.model.rename(parts[0], wish.pop("name"), now=now)
        extras = self._extras.get(parts[0], _Extras())
        self._extras[parts[0]] = replace(extras, **wish)
        return self._show(request, now, parts)

    def _pod(self, row: Row, now: float) -> Row:
        pod_id, told = str(row["id"]), str(row["status"])
        sold, extras = self.model.instance(pod_id), self._extras.get(pod_id, _Extras())
        status = STATUSES.get(told, told)
        pool = self._shelf.pools.get(str(row.get("offer_id")))
        disk, price, born = row.get("disk_gb"), row.get("price_per_hour"), row.get("created_at")
        disk_gb = disk if isinstance(disk, int) else 0
        bare = price - disk_gb * DISK_PRICE / MONTH_HOURS if isinstance(price, float) else price
        return {
            "id": pod_id,
            "name": row["name"],
            "status": status,
            "actions": ACTIONS.get(status, []),
            "image": "" if sold is None else sold.spec.image,
            "args": extras.args,
            "disk": disk_gb,
            "mounts": extras.mounts,
            "ports": extras.ports,
            "env": {} if sold is None else dict(sold.spec.env),
            "registry": None,
            "gpu": {"id": row.get("gpu_name"), "count": row.get("gpu_count")},
            "cloud": "SECURE" if pool is None else pool.cloud,
            "dataCenterId": None if pool is None else pool.center,
            "cudaVersion": None if pool is None else pool.cuda,
            "ssh": _ways_in(row, extras.ports),
            "template": None,
            "cost": bare if status in {"RUNNING", "PROVISIONING"} else 0.0,
            "locked": False,
            "globalNetworking": {"enabled": False},
            "runtime": _runtime(row, extras.ports) if told == "running" else None,
            "createdAt": born,
            "startedAt": None if told == "creating" else born,
        }

    # Keys.

    def _list_keys(self, request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
        del request, now, parts
        return VendorReply(body={"keys": list(self.keys)})

    def _replace_keys(
        self, request: VendorRequest, now: float, parts: tuple[str, ...]
    ) -> VendorReply:
        self.keys = read_body(request.body, KeysWish).keys
        return self._list_keys(request, now, parts)


def build(
    *, key: str, seed: int, offers: int, config: ModelConfig, chance: random.Random
) -> Runpod:
    """Return a simulated account; `config` says how its model behaves beside what is this vendor's own."""
    catalogue = Catalogue(seed=seed, goods=goods(seed=seed, size=offers), drifts=False)
    own = {
        "ssh_user": "root",
        "id_form": "{:014x}",
        "id_bits": 56,
        "honours_expiry": False,
        "stock": 4,
        "stopped_bill_percent": 0,
    }
    model = CloudModel(catalogue, chance, with_own(config, own))
    return Runpod(model, catalogue, key=key, chance=chance)


def _not_allowed(request: VendorRequest, now: float, parts: tuple[str, ...]) -> VendorReply:
    del request, now
    said = problem(405, "The requested method is not allowed for this path.")
    return replace(said, headers={**said.headers, "allow": ", ".join(parts)})


def _ways_in(row: Row, ports: list[str]) -> Row:
    """Return the ways in by SSH: the proxy's is there long before the pod is, the direct one only with its port."""
    if row["status"] == "creating":
        return {"proxy": None, "direct": None}
    name = f"{row['id']}-64411eb2"
    proxy = {"host": "ssh.runpod.io", "port": 22, "username": name, "command": f"ssh {name}@ssh.runpod.io"}  # fmt: skip
    host, port = row.get("ssh_host"), row.get("ssh_port")
    if row["status"] != "running" or _SSH not in ports or not host:
        return {"proxy": proxy, "direct": None}
    command = f"ssh root@{host} -p {port}"
    return {
        "proxy": proxy,
        "direct": {"host": host, "port": port, "username": "root", "command": command},
    }


def _runtime(row: Row, ports: list[str]) -> Row:
    """Return what a pod that is up tells of itself."""
    shown = []
    for text in ports:
        inside, _, kind = text.partition("/")
        if inside.isdecimal() and kind:
            public = row.get("ssh_port") if text == _SSH else None
            shown.append(
                {"private": int(inside), "public": public, "type": kind, "ip": row.get("ssh_host")}
            )
    count = row.get("gpu_count")
    gpus = [{"util": 0, "memoryUtil": 0} for _ in range(count if isinstance(count, int) else 0)]
    return {"uptime": 1, "gpus": gpus, "cpu": {"util": 0}, "memory": {"util": 0}, "ports": shown}
