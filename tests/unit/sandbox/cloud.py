"""A cloud model to talk to in tests: a market of one seed, a hand on the clock, short calls."""

import random
from typing import Any

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.sandbox.messages import ModelReply, ModelRequest
from gpu_shopper.sandbox.model import CloudModel

START = 1_800_000_000.0
CATALOGUE = Catalogue(seed=7)


class Cloud:
    """One model, and the moment it is at."""

    def __init__(self, *, seed: int = 1, **config: Any) -> None:
        settings = {"hosts_itself": True, "boot_s": (1.0, 1.0), **config}
        self.config = ModelConfig(**settings)
        self.model = CloudModel(CATALOGUE, random.Random(seed), self.config)
        self.now = START

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.model.advance(self.now)

    def call(
        self, method: str, path: str, body: Any = None, *, key: str = "sandbox", **query: str
    ) -> ModelReply:
        request = ModelRequest(method=method, path=path, query=query, body=body, key=key)
        return self.model.handle(request, now=self.now)

    def order(self, index: int = 0, **more: Any) -> dict[str, Any]:
        offer_id = CATALOGUE.offers[index].id
        return {"offer_id": offer_id, "name": f"n{index}", "image": "any", "disk_gb": 10, **more}

    def create(self, index: int = 0, **more: Any) -> ModelReply:
        return self.call("POST", "/v1/instances", self.order(index, **more))

    def created(self, index: int = 0, **more: Any) -> str:
        reply = self.create(index, **more)
        assert reply.status == 201, reply
        return reply.body["id"]

    def get(self, instance_id: str) -> ModelReply:
        return self.call("GET", f"/v1/instances/{instance_id}")

    def status(self, instance_id: str) -> str | None:
        reply = self.get(instance_id)
        return reply.body["status"] if reply.status == 200 else None

    def destroy(self, instance_id: str) -> ModelReply:
        reply = self.call("DELETE", f"/v1/instances/{instance_id}")
        self.wait(0)
        return reply

    def listed(self, **query: str) -> list[str]:
        body = self.call("GET", "/v1/instances", **query).body
        return [row["id"] for row in body["instances"]]

    def entry(self, instance_id: str) -> LedgerEntry:
        return next(entry for entry in self.model.ledger(self.now) if entry.id == instance_id)

    def alive(self) -> list[str]:
        return [entry.id for entry in self.model.alive(self.now)]

    def misbehave(self, kind: str, **rule: Any) -> None:
        self.model.misbehave([{"kind": kind, **rule}])
