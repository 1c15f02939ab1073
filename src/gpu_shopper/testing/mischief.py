"""What callers do wrong at the front door, by the profile's rates: storms of one key, forged heartbeats, nonsense.

Each act is counted, and says what must not come of it; what the answers give away is asked by `front_checks`.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from gpu_shopper.client.async_shopper import AsyncShopper
from gpu_shopper.client.errors import ShopperError, Unauthenticated
from gpu_shopper.client.orders import order_of
from gpu_shopper.testing.accounts import ADMIN
from gpu_shopper.testing.asgi import Answered, Asked
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.consumers import Consumers
from gpu_shopper.testing.front_door import Unanswered
from gpu_shopper.testing.nodes import HEARTBEAT_PATH, Nodes
from gpu_shopper.testing.oracle import Oracle
from gpu_shopper.testing.profiles import WorldProfile
from gpu_shopper.wire.offers import OfferPage
from gpu_shopper.wire.sessions import SessionCreated

COPIES: Final = 100
_JSON: Final = "application/json"
_SESSIONS: Final = "/api/v1/sessions"
_DEEP: Final = b"[" * 30_000
# Method, path, declared type and body; each is refused, and by no fault of ours.
NONSENSE: Final = (
    ("POST", _SESSIONS, _JSON, b"{"),
    ("POST", _SESSIONS, _JSON, b"\xff\xfe\x00"),
    ("POST", _SESSIONS, _JSON, _DEEP),
    ("POST", _SESSIONS, _JSON, b'{"consumer_id": "a", "unknown": 1}'),
    ("POST", _SESSIONS, _JSON, b'{"reservation_hours": 1' + b"0" * 400 + b"}"),
    ("POST", _SESSIONS, _JSON, b'{"max_price_per_hour": 1e999, "workload_type": "training"}'),
    ("POST", _SESSIONS, _JSON, b" " * 70_000),
    ("POST", _SESSIONS, "text/plain", b"{}"),
    ("POST", _SESSIONS + "/ses_none/extend", _JSON, b'{"additional_hours": -1}'),
    ("GET", _SESSIONS + "?limit=99999999999999999999", "", b""),
    ("GET", _SESSIONS + "?cursor=%00%ff", "", b""),
    ("GET", _SESSIONS + "/..%2f..%2fetc", "", b""),
    ("GET", "/api/v1/costs?start_date=0000-99-99", "", b""),
    ("PATCH", _SESSIONS, _JSON, b"{}"),
    ("POST", HEARTBEAT_PATH, _JSON, b'{"label": 5}'),
    ("POST", "/api/v1/tokens", _JSON, b'{"kind": "admin"}'),
)


class Mischief:
    """Strikes until it is told to stop."""

    def __init__(
        self,
        profile: WorldProfile,
        consumers: Consumers,
        nodes: Nodes,
        oracle: Oracle,
        *,
        chance: SeededChance,
    ) -> None:
        self._profile = profile
        self._accounts = consumers.accounts
        self._door = consumers.accounts.door
        self._consumers = consumers
        self._nodes = nodes
        self._oracle = oracle
        self._chance = chance
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Let everything strike at its rate, in times per hour, or per request on the way to the door."""
        profile, wire = self._profile, self._door.wire
        wire.loses = profile.rate("front_loses")
        wire.slow = profile.rate("front_slow")
        wire.hangs_up = profile.rate("front_hangs_up")
        wire.doubles = profile.rate("front_doubles")
        acts: dict[str, Callable[[], Awaitable[None]]] = {
            "key_storm": self._storm,
            "token_revoked": self.revoke,
            "heartbeat_forged": self._forge,
            "nonsense": self._talk_nonsense,
        }
        for name, act in acts.items():
            rate = profile.rate(name)
            if rate > 0:
                task = self._oracle.loop.spawn(self._strike(rate, act), name=name)
                self._tasks.append(task)

    def end(self) -> None:
        """Strike no more."""
        self._door.wire.heal()
        for task in self._tasks:
            task.cancel()

    async def _strike(self, rate: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            draw = max(1e-9, self._chance.uniform())
            await asyncio.sleep(-math.log(draw) * 3600 / rate)
            await act()

    async def _storm(self) -> None:
        """F73: a client that asks a hundred times at once with one key gets one session."""
        name = self._somebody()
        page = await self._accounts.insist(name, lambda shopper: shopper.inventory(limit=20))
        if not isinstance(page, OfferPage) or not page.offers:
            return
        self._oracle.struck("key_storm")
        order = order_of({"offer": page.offers[0].id, "workload": "batch"}, consumer=name)
        key, shopper = f"storm-{self._chance.draw_bits(64):x}", self._accounts.of(name)
        asks = [shopper.create_session(order, idempotency_key=key) for _ in range(COPIES)]
        book = self._oracle.rewound_at
        answers = await asyncio.gather(*asks, return_exceptions=True)
        made = {answer.session.id for answer in answers if isinstance(answer, SessionCreated)}
        if len(made) > 1 and book == self._oracle.rewound_at:
            self._oracle.violate("S12", f"a storm of one key made {sorted(made)}")
        for session in sorted(made):
            self._consumers.sessions[session] = name
        await asyncio.sleep(1800 * self._chance.uniform())
        for session in sorted(made):
            await self._accounts.insist(name, lambda shopper: shopper.delete(session))  # noqa: B023

    async def revoke(self) -> None:
        """F76: a consumer is shut out while sessions of its live; what it shows is worth nothing at once."""
        name = self._somebody()
        account, book = self._accounts.by_name[name], self._oracle.rewound_at

        async def shut_out(shopper: AsyncShopper) -> bool:
            await shopper.revoke_token(account.token_id)
            return True

        if await self._accounts.insist(ADMIN, shut_out) is not True:
            # Refused, or never answered by a house that was away for too long: then nothing was promised.
            return
        self._oracle.struck("token_revoked")
        try:
            await account.shopper.costs(consumer_id=name)
        except (Unauthenticated, ShopperError):
            return
        if book == self._oracle.rewound_at:
            self._oracle.violate("S13", f"a revoked token of {name} was served")

    async def _forge(self) -> None:
        """F66: a report under another's token, or under none of ours, is not heard."""
        tokens = Counter(node.token for node in self._nodes.alive())
        # A double has the same token and a boot of its own: what it says is not forged.
        alive = [node for node in self._nodes.alive() if tokens[node.token] == 1]
        if not alive:
            return
        self._oracle.struck("heartbeat_forged")
        node = alive[self._chance.below(len(alive))]
        other = alive[self._chance.below(len(alive))]
        consumer = self._accounts.by_name[self._somebody()]
        report = node.heartbeat()
        forged = [
            (consumer.token, report),
            ("cgs_agt_" + "0" * 33, report),
            (node.token, replace(report, label=report.label[:-1] + "_")),
            (node.token, replace(report, counter=0)),
        ]
        if other is not node:
            forged.append((other.token, report))
        for token, heartbeat in forged:
            body = heartbeat.to_json().encode()
            answered = await self._post(HEARTBEAT_PATH, token=token, body=body)
            if answered is not None and answered.status < 400:
                self._oracle.violate("S15", f"a forged heartbeat for {heartbeat.label} was heard")

    async def _talk_nonsense(self) -> None:
        self._oracle.struck("nonsense")
        method, path, media_type, body = NONSENSE[self._chance.below(len(NONSENSE))]
        token = self._accounts.by_name[self._somebody()].token
        answered = await self._post(path, token=token, body=body, method=method, kind=media_type)
        if answered is None or answered.status == 503:
            return
        is_problem = answered.headers.get("content-type") == "application/problem+json"
        if not (400 <= answered.status < 500 and is_problem):
            self._oracle.violate("front", f"{method} {path} {body[:40]!r}: {answered.status}")

    async def _post(
        self, path: str, *, token: str, body: bytes, method: str = "POST", kind: str = _JSON
    ) -> Answered | None:
        headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": kind} if kind else {})
        try:
            return await self._door.ask(Asked(method=method, path=path, headers=headers, body=body))
        except Unanswered:
            return None

    def _somebody(self) -> str:
        names = self._profile.demand.names()
        return names[self._chance.below(len(names))]
