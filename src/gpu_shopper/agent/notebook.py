"""The agent's own folder: what is written there, whole or not at all, and read back with suspicion."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Optional

from gpu_shopper.agent.config import AgentConfig
from gpu_shopper.agent.deadman import Life
from gpu_shopper.wire.agent import BodyError, FieldReader, Orders, parse_object

CONFIG = "config.json"
STATE = "state.json"
HEARTBEAT = "heartbeat.json"
ORDERS = "orders.json"
ENDED = "ended.json"
DRAINING = "draining"
ON_DRAIN = "on_drain"
BOOT_ID = "boot_id"
WORKLOAD_PID = "workload.pid"
WORKLOAD_EXIT = "workload.exit"
# Part of the workload's command line, so that a number that now belongs to another process is not taken for it.
WORKLOAD_SCRIPT = "gpu-shopper/workload.sh"


class StoredOrders:
    """Orders that `report` left for the daemon, with the clock and boot of their arrival."""

    def __init__(self, orders: Orders, boot_id: str, clock: float) -> None:
        """Keep the three together."""
        self.orders = orders
        self.boot_id = boot_id
        self.clock = clock


class Notebook:
    """Reads and writes the files of one agent's folder."""

    def __init__(self, place: Path) -> None:
        """Use the folder, which need not exist yet."""
        self.place = place

    def write(self, name: str, text: str) -> Optional[str]:
        """Replace a file as one act; return what went wrong, if anything did.

        A full disk must not stop the dead-man switch, so nothing is raised.
        """
        target = self.place / name
        draft = self.place / ("%s.%d.new" % (name, os.getpid()))
        try:
            with draft.open("w", encoding="utf-8") as out:
                draft.chmod(0o600)
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(target)
        except OSError as error:
            return "can't write %s: %s" % (target, error)
        return None

    def read(self, name: str, limit: int = 64 * 1024) -> Optional[str]:
        """Return the start of a file, or None where there is none that can be read."""
        try:
            with (self.place / name).open("rb") as source:
                return source.read(limit).decode("utf-8", "replace")
        except OSError:
            return None

    def config(self) -> AgentConfig:
        """Return what this agent was born with, or raise BodyError."""
        text = self.read(CONFIG)
        if text is None:
            raise BodyError("", "there is no %s" % (self.place / CONFIG))
        return AgentConfig.from_json(text)

    def life(self, label: str) -> Optional[Life]:
        """Return the saved life, unless there is none, it is damaged, or it belongs to another attempt.

        A folder may come with a disk or image that an earlier attempt used.
        """
        try:
            life = Life.from_record(parse_object(self.read(STATE) or ""))
        except BodyError:
            return None
        return life if life.label == label else None

    def save_life(self, life: Life) -> Optional[str]:
        """Save the life; return what went wrong, if anything did."""
        return self.write(STATE, json.dumps(life.to_record()))

    def save_orders(self, label: str, stored: StoredOrders) -> Optional[str]:
        """Leave orders for the daemon."""
        record = {
            "label": label,
            "boot_id": stored.boot_id,
            "clock": stored.clock,
            "orders": json.loads(stored.orders.to_json()),
        }
        return self.write(ORDERS, json.dumps(record))

    def orders(self, label: str) -> Optional[StoredOrders]:
        """Return the orders that were left, if they are for this label."""
        try:
            read = parse_object(self.read(ORDERS) or "")
            mine = read.text("label", r"[a-z0-9-]{1,60}") == label
            boot_id = read.text("boot_id", r"[A-Za-z0-9-]{1,64}")
            clock = read.number("clock", 0, 1e12)
            orders = Orders.read(FieldReader(read.raw("orders"), "orders"))
        except BodyError:
            return None
        return StoredOrders(orders, boot_id, clock) if mine else None

    def orders_mark(self) -> Optional[tuple[int, int]]:
        """Return something that changes whenever orders are left."""
        try:
            seen = (self.place / ORDERS).stat()
        except OSError:
            return None
        return (seen.st_ino, seen.st_mtime_ns)
