"""Consumers: threads with the real client that rent, use, end, forget and ask again, and note all that they are told."""

import hashlib
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from gpu_shopper.client import Shopper
from gpu_shopper.client.errors import ApiError, ServerUnreachable, ShopperError
from gpu_shopper.client.orders import Wish, order_of
from gpu_shopper.testing.torture.checker import ENDING, FINAL
from gpu_shopper.testing.torture.history import Call, Journal, Op
from gpu_shopper.wire.sessions import SessionBody, SessionOrder

# Longer than any pause of a program, shorter than a test's patience.
_TIMEOUT_S = 10.0
# Often too short: it hangs up on a server that goes on with what it was asked.
HASTY_S = 0.02
_LOOKS = 15


class Witness:
    """The real client of one consumer; every call is noted before it is made and when it is over."""

    def __init__(
        self, url: str, consumer: str, journal: Journal, *, timeout_s: float = _TIMEOUT_S
    ) -> None:
        """Take the address of the server, where to write, and how long to wait for an answer."""
        self._shopper = Shopper(url, consumer=consumer, timeout_s=timeout_s)
        self._journal = journal
        self.consumer = consumer

    def create(self, order: SessionOrder, *, key: str) -> Call:
        """Ask for a session."""
        digest = hashlib.sha256(msgspec.json.encode(order)).hexdigest()[:16]
        call = self._begin("create", key=key, digest=digest)
        return self._tell(
            call, lambda: self._shopper.create_session(order, idempotency_key=key).session
        )

    def get(self, session: str) -> Call:
        """Look at a session."""
        call = self._begin("get", session=session)
        return self._tell(call, lambda: self._shopper.get(session))

    def done(self, session: str) -> Call:
        """Say that a session is no longer needed."""
        call = self._begin("done", session=session)
        return self._tell(call, lambda: self._shopper.done(session).session)

    def delete(self, session: str) -> Call:
        """End a session."""
        call = self._begin("delete", session=session)
        return self._tell(call, lambda: self._shopper.delete(session).session)

    def extend(self, session: str) -> Call:
        """Prolong a session by an hour."""
        call = self._begin("extend", session=session)
        return self._tell(call, lambda: self._shopper.extend(session, 1))

    def list(self) -> Call:
        """Look at all of this consumer's sessions."""
        call = self._begin("list")

        def seen() -> dict[str, str]:
            found = self._shopper.sessions(consumer_id=self.consumer)
            return {session.id: session.status for session in found}

        return self._tell(call, seen)

    def _begin(self, op: Op, *, session: str = "", key: str = "", digest: str = "") -> Call:
        return self._journal.begin(
            op, consumer=self.consumer, session=session, key=key, digest=digest
        )

    def _tell(self, call: Call, act: Callable[[], object]) -> Call:
        try:
            call = _heard(call, act())
        except ServerUnreachable as error:
            call = replace(call, outcome="unknown" if error.sent else "unsent")
        except ApiError as error:
            call = replace(call, outcome="refused", code=error.code)
        except ShopperError as error:
            call = replace(call, outcome="garbled", code=type(error).__name__)
        return self._journal.end(replace(call, ended_s=self._journal.now()))


def _heard(call: Call, answer: object) -> Call:
    match answer:
        case SessionBody():
            usable = bool(answer.running_at and answer.ssh_host and answer.ssh_port)
            return replace(
                call, outcome="ok", session=answer.id, status=answer.status, usable=usable
            )
        case dict():
            return replace(call, outcome="ok", seen=answer)
        case _:
            return replace(call, outcome="ok")


@dataclass(slots=True)
class Consumer:
    """Rents one session after the other until told to stop."""

    witness: Witness
    hasty: Witness
    chance: random.Random
    offers: list[str]
    stop: threading.Event
    left: list[str] = field(default_factory=list)

    def live(self) -> None:
        """Rent until told to stop; the body of a thread."""
        while not self.stop.is_set():
            self._rent_once()
            self._pause(0.1, 1.0)

    def _rent_once(self) -> None:
        order = order_of(self._wish(), consumer=self.witness.consumer)
        key = f"{self.witness.consumer}-{self.chance.getrandbits(64):016x}"
        first = self.hasty if self.chance.random() < 0.15 else self.witness
        made = first.create(order, key=key)
        while made.outcome in {"unknown", "unsent"} and not self.stop.is_set():
            if self.chance.random() < 0.1:
                return
            made = self.witness.create(order, key=key)
        if made.outcome != "ok":
            return
        self._ask_again(order, key)
        self._use(made.session)

    def _wish(self) -> Wish:
        wish: Wish = {"workload": "batch", "hours": 1, "max_retries": 12, "retry_scope": "any"}
        # Dear, so that a wrong second shows in the bill.
        wish["max_price"] = 60.0
        if self.chance.random() < 0.7:
            wish["offer"] = self.chance.choice(self.offers)
        else:
            wish["gpu"], wish["gpus"] = "H100 SXM", 8
        return wish

    def _ask_again(self, order: SessionOrder, key: str) -> None:
        drawn = self.chance.random()
        if drawn < 0.2:
            self.witness.create(order, key=key)
        elif drawn < 0.3:
            self.witness.create(msgspec.structs.replace(order, reservation_hours=2), key=key)

    def _use(self, session: str) -> None:
        drawn = self.chance.random()
        if drawn < 0.2:
            self._end(session)
        elif drawn < 0.35:
            self._pause(0.1, 4.0)
            self._end(session)
        elif drawn < 0.5:
            # Walks away; whoever runs this ends it later.
            self.left.append(session)
        else:
            self._use_properly(session)
        if self.chance.random() < 0.15:
            self.witness.list()
        if len(self.left) > 2:
            self._end(self.left.pop(0))

    def _use_properly(self, session: str) -> None:
        for _ in range(_LOOKS):
            seen = self.witness.get(session)
            if seen.status == "running" or seen.status in ENDING or self.stop.is_set():
                break
            self._pause(0.2, 0.8)
        if self.chance.random() < 0.1:
            self.witness.extend(session)
        self._pause(0.2, 3.0)
        self._end(session)
        for _ in range(self.chance.randrange(4)):
            self._pause(0.2, 2.0)
            if self.witness.get(session).status in FINAL:
                break

    def _end(self, session: str) -> None:
        """Say that it is over until that is heard."""
        while True:
            who = self.hasty if self.chance.random() < 0.1 else self.witness
            call = (who.done if self.chance.random() < 0.5 else who.delete)(session)
            # A second `done` for what has ended is refused, which is an answer as good.
            if call.outcome == "ok" or call.code in {"already_ended", "not_found"}:
                return
            if self.stop.is_set():
                self.left.append(session)
                return
            self._pause(0.2, 0.6)

    def _pause(self, least_s: float, most_s: float) -> None:
        self.stop.wait(self.chance.uniform(least_s, most_s))
