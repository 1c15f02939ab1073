"""What the cloud tells instead of what is so, where a rule says that it lies: about a purchase, a row, a page."""

import math
from collections.abc import Callable
from dataclasses import replace

from gpu_shopper.sandbox import instances as status
from gpu_shopper.sandbox import misbehaviour as op
from gpu_shopper.sandbox.instances import Instance
from gpu_shopper.sandbox.messages import ModelReply, Row
from gpu_shopper.sandbox.misbehaviour import Misbehaviour, Rule

_FOREIGN_ROWS = 2
_ADDRESS = {"ssh_host": None, "ssh_port": None, "host_key": None}


def garbled_purchase(rules: Misbehaviour, reply: ModelReply) -> ModelReply:
    """Return what is answered to a purchase that was made: a body that says nothing, or an error that names it."""
    assert isinstance(reply.body, dict), reply
    rule = rules.strikes("create_garbled", op.CREATE)
    if rule is not None:
        without = {name: value for name, value in reply.body.items() if name != "id"}
        bodies = {"no_id": without, "not_json": "created", "empty": None}
        return replace(reply, body=bodies[str(rule.params["body"])])
    if rules.strikes("create_error_with_id", op.CREATE) is not None:
        said = {"error": "internal", "message": "something went wrong", "id": reply.body["id"]}
        return replace(reply, status=500, body=said)
    return reply


def garbled_menu(rule: Rule, body: Row) -> Row | str:
    """Return what a page of offers is made into: no list, one with rows that say nothing, or an empty one."""
    rows = body["offers"]
    assert isinstance(rows, list), rows
    kept = rows[: len(rows) - math.ceil(len(rows) * rule.number("share"))]
    spoilt = [row | {"price_per_hour": {"amount": "?"}} for row in rows[len(kept) :]]
    bodies: dict[str, Row | str] = {
        "not_json": "offers",
        "rows": body | {"offers": [*kept, *spoilt]},
        "empty": {"offers": [], "next_cursor": None, "total": 0},
    }
    return bodies[str(rule.params["body"])]


def retold(rules: Misbehaviour, operation: str) -> Callable[[Instance], Row]:
    """Return how this call shows an instance: as it is, as it was, or in words that nobody knows."""
    if rules.strikes("stale_status", operation) is not None:
        return _as_it_was
    if rules.strikes("new_status", operation) is not None:
        return lambda instance: instance.view() | {"status": "migrating", "zone": {"rack": 7}}
    if rules.strikes("new_schema", operation) is not None:
        return lambda instance: instance.view() | {"price_per_hour": {"amount": 1, "unit": "?"}}
    return Instance.view


def with_more(rules: Misbehaviour, body: Row, *, before: Row | None) -> None:
    """Add rows to a page that do not belong there: one that stands there twice, or another account's."""
    rows = body["instances"]
    assert isinstance(rows, list), rows
    again = before or (rows[-1] if rows else None)
    if again is not None and rules.strikes("list_twice", op.LIST) is not None:
        rows.insert(0, again)
    if body["next_cursor"] is None and rules.strikes("list_foreign", op.LIST) is not None:
        rows += [_foreign(number) for number in range(_FOREIGN_ROWS)]
        body["total"] = int(str(body["total"])) + _FOREIGN_ROWS


def _as_it_was(instance: Instance) -> Row:
    row = instance.view()
    if row["status"] == status.RUNNING:
        return row | {"status": status.BOOTING} | _ADDRESS
    if row["status"] in {status.STOPPING, status.STOPPED, status.ERROR}:
        return row | {"status": status.RUNNING}
    return row


def _foreign(number: int) -> Row:
    """Return an instance of somebody else, with a name that looks like one of ours and is not."""
    return {
        "id": f"i-{number:016x}",
        "name": f"gs1-{'c' * 16}-{'d' * 16}-ab-abcdef-{'aeimqu'[number % 6] * 10}",
        "status": status.RUNNING,
        "gpu_name": "RTX 4090",
        "gpu_count": 1,
        "gpu_memory_mib": 24564,
        "price_per_hour": 0.5,
    }
