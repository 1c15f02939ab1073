"""Each way of misbehaving, put into force at the real sandbox program, strikes there once, and the program lives on."""

import contextlib
import http.client
import itertools
import json
import urllib.error
from typing import Any

from gpu_shopper.sandbox.misbehaviour import KINDS, OPERATIONS
from tests.e2e.sandbox_rig import Sandbox, sandbox

__all__ = ["sandbox"]

# What is slow by its nature is made quick: how slow is another test's business.
QUICK = {"seconds": 0.2}
_NAMES = itertools.count()


def rule(kind: str) -> dict[str, Any]:
    return {"kind": kind, "count": 1, "params": QUICK if "seconds" in KINDS[kind].params else {}}


def struck(sandbox: Sandbox, kind: str) -> int:
    rules = sandbox.control("GET", "misbehaviour")[1]["rules"]
    return sum(row["struck"] for row in rules if row["kind"] == kind)


def ask(sandbox: Sandbox, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Ask once, and take whatever comes: an answer, no answer, or one that is none."""
    with contextlib.suppress(
        http.client.HTTPException, urllib.error.URLError, json.JSONDecodeError, ConnectionError
    ):
        return sandbox.call(method, path, body)
    return 0, None


def walk(sandbox: Sandbox, operation: str, offer: str, held: str) -> None:
    """Do one thing that a customer does."""
    name = f"n{next(_NAMES)}"
    order = {"offer_id": offer, "name": name, "image": "any", "disk_gb": 10}
    steps = {
        "offers": ("GET", "/v1/offers", None),
        "create": ("POST", "/v1/instances", order),
        "list": ("GET", "/v1/instances", None),
        "get": ("GET", f"/v1/instances/{held}", None),
        "destroy": ("DELETE", f"/v1/instances/{held}", None),
        "account": ("GET", "/v1/account", None),
    }
    ask(sandbox, *steps[operation])


def test_each_strikes_once_and_then_the_cloud_is_honest_again(sandbox: Sandbox) -> None:
    offers = sandbox.call("GET", "/v1/offers?limit=200")[1]["offers"]
    taken = {""}
    for kind in KINDS:
        held = sandbox.create(name=f"held for {kind}")
        taken |= {row["offer_id"] for row in sandbox.control("GET", "ledger")[1]["entries"]}
        free = next(offer["id"] for offer in offers if offer["id"] not in taken)
        assert 200 == sandbox.control("PUT", "misbehaviour", {"rules": [rule(kind)]})[0], kind
        operation = next(one for one in OPERATIONS if one in KINDS[kind].usual)

        walk(sandbox, operation, free, held["id"])

        assert 1 == struck(sandbox, kind), kind
        walk(sandbox, operation, free, held["id"])
        assert 1 == struck(sandbox, kind), kind
        assert 200 == sandbox.control("DELETE", "misbehaviour")[0]
        status, listed = sandbox.call("GET", "/v1/instances")
        assert 200 == status, kind
        for row in listed["instances"]:
            sandbox.call("DELETE", f"/v1/instances/{row['id']}")
