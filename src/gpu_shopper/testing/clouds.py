"""Clouds for the simulation: the sandbox's own model behind a network that loses, delays and dies.

Promises: the real adapter speaks to the real model; what was sent has its effect even if the sender dies meanwhile; every
change of the model is shown to whoever watches, at the moment at which it happens. Several clouds may run side by side,
each under its own name and with its own quirks.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer, NotSent
from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.providers.sandbox import MANIFEST
from gpu_shopper.providers.sandbox.adapter import SandboxProvider
from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.instances import Instance as HeldInstance
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.sandbox.messages import Effect, Json, ModelReply, ModelRequest
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.clock import VirtualClock
from gpu_shopper.testing.loop import VirtualLoop
from gpu_shopper.testing.model_door import ModelDoor
from gpu_shopper.testing.named_provider import NamedProvider
from gpu_shopper.testing.process import crash_point

ACCOUNT_KEY = "sim-key"
READ_LIES = frozenset({"get_false_404", "list_lag", "list_cut", "list_empty", "list_flaps"})
# A moment of the model is a large float; without this, a timer could come an instant too early for ever.
_EPSILON = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudProfile:
    """What kind of cloud it is, for one run."""

    name: ProviderName
    quirks: Quirks
    config: ModelConfig
    capabilities: Capabilities = MANIFEST.capabilities
    offers: int = 80
    latency_s: tuple[float, float] = (0.02, 0.4)
    rules: tuple[Json, ...] = ()


class Way(StrEnum):
    """Whether a cloud can be asked at all, and how it fails while it can't."""

    OPEN = "open"
    CUT = "cut"
    SAYS_503 = "answers 503"
    HANGS = "never answers"
    KEY_REFUSED = "refuses our key"
    REGION_OUT = "misses a region"


@dataclass(slots=True, kw_only=True)
class Network:
    """How the way to a cloud behaves just now: rates from 0 to 1, and whether it can be gone at all."""

    lose_request: float = 0.0
    lose_reply: float = 0.0
    slow: float = 0.0
    way: Way = Way.OPEN

    @property
    def shut(self) -> bool:
        """Whether nothing at all comes of what is sent there."""
        return self.way in {Way.CUT, Way.SAYS_503, Way.HANGS}

    def heal(self) -> None:
        """Lose and delay nothing from now on."""
        self.lose_request = self.lose_reply = self.slow = 0.0


class Watcher(Protocol):
    """Who sees all that happens at a cloud."""

    def asked(self, cloud: "SimCloud", request: ModelRequest) -> None:
        """See a request at the moment at which it takes effect, before it does."""
        ...

    def answered(self, cloud: "SimCloud", request: ModelRequest, reply: ModelReply) -> None:
        """See that a request has had its effect, whatever its sender is told."""
        ...

    def changed(self, cloud: "SimCloud", effects: list[Effect]) -> None:
        """See what a request or time has changed."""
        ...

    def told(
        self, cloud: "SimCloud", request: HttpRequest, reply: HttpReply | None, *, sent_at: float
    ) -> None:
        """See what a living house was told, or (None) that it waited in vain."""
        ...

    def struck(self, fault: str) -> None:
        """Count a fault."""
        ...


class _WatchedModel(CloudModel):
    def __init__(
        self, catalogue: Catalogue, chance: random.Random, config: ModelConfig, cloud: "SimCloud"
    ) -> None:
        super().__init__(catalogue, chance, config)
        self._cloud = cloud

    def handle(self, request: ModelRequest, *, now: float) -> ModelReply:
        self._cloud.watcher.asked(self._cloud, request)
        if request.method == "POST" and request.body is not None:
            self._cloud.orders[str(request.body.get("name"))] = dict(request.body)
        reply = super().handle(request, now=now)
        self._cloud.watcher.answered(self._cloud, request, reply)
        self._cloud.settle()
        return reply


class SimCloud:
    """One cloud: model, network, provider, and the truth."""

    def __init__(
        self, profile: CloudProfile, loop: VirtualLoop, *, chance: SeededChance, watcher: Watcher
    ) -> None:
        self.profile = profile
        self.name = profile.name
        self.watcher = watcher
        self.network = Network()
        self._loop = loop
        self._chance = chance
        self.clock = VirtualClock(loop)
        draws = random.Random(chance.fork("model").draw_bits(64))
        self.catalogue = Catalogue(seed=chance.draw_bits(16), size=profile.offers)
        config = replace(profile.config, account_key=ACCOUNT_KEY, hosts_itself=True)
        self.model: CloudModel = _WatchedModel(self.catalogue, draws, config, self)
        self._door = ModelDoor(self.model, self.clock)
        self._struck_before: Counter[str] = Counter()
        self.troubled_at: list[float] = []
        self.orders: dict[str, dict[str, object]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None

    def now(self) -> float:
        """Return the true time as the model counts it."""
        return self._loop.start.timestamp() + self._loop.time()

    def true_time(self) -> float:
        """Return the true time, in seconds since the start."""
        return self._loop.time()

    def provider(self, clock: Clock) -> CloudProvider:
        """Connect the real adapter for one life of a house."""
        door = SimDoor(self, self._loop)
        plain = SandboxProvider(
            {"url": "http://cloud.test", "key": ACCOUNT_KEY},
            door,
            clock,
            capabilities=self.profile.capabilities,
            quirks=self.profile.quirks,
        )
        return NamedProvider(plain, name=self.name)

    def plant(self, name: str, *, number: int = 0) -> str | None:
        """Rent an instance past the house, as a stranger with the same account does; return its id."""
        offer = self.model.handle(self._request("GET", "v1/offers", None), now=self.now()).body
        if not isinstance(offer, dict):
            return None
        rows = offer["offers"]
        assert isinstance(rows, list), rows
        body = {
            "offer_id": rows[number % len(rows)]["id"],
            "name": name,
            "image": "x",
            "disk_gb": 1,
        }
        said = self.model.handle(self._request("POST", "v1/instances", body), now=self.now())
        made = [one.id for one in self.model.hosted() if one.name == name]
        made += [one.id for one in self.alive() if one.name == name]
        return made[0] if said.status in {201, 500} and made else None

    def double(self, name: str) -> None:
        """Make a second instance out of an order, as a cloud does that took it twice: nobody sent it again."""
        request = self._request("POST", "v1/instances", self.orders[name])
        CloudModel.handle(self.model, request, now=self.now())
        self.settle()

    def end_itself(self, instance_key: str) -> bool:
        """End an instance by its own key, as its agent does; tell whether the cloud heard it."""
        request = replace(self._request("DELETE", "v1/self", None), key=instance_key)
        if self.network.shut or not self.profile.capabilities.node_can_end_itself:
            return False
        said = self.model.handle(request, now=self.now())
        return not said.lost and said.status < 300

    def lose_host(self, instance_id: str) -> None:
        """Let the machine under an instance die."""
        self.model.kill(instance_id, now=self.now())
        self.settle()

    def ledger(self) -> list[LedgerEntry]:
        """Return the truth about every instance that ever was."""
        return self.model.ledger(self.now())

    def alive(self) -> list[LedgerEntry]:
        """Return the truth about what is held and billed."""
        return self.model.alive(self.now())

    def instance(self, instance_id: str) -> HeldInstance | None:
        """Return the record of one instance."""
        return self.model.instance(instance_id)

    def _misdeeds(self) -> int:
        return self.model._state.rules.strikes_so_far

    def is_on_its_way(self, label: str) -> bool:
        """Tell whether a create with this label is still on its way through the cloud."""
        return any(order.get("name") == label for order in self.model._state.parked_orders.values())

    def creates_to_come(self) -> bool:
        """Tell whether a create, or a return from an end, is still to come."""
        state = self.model._state
        return bool(state.parked_orders) or any(
            task == "return" for _, _, task, _ in state.agenda.entries()
        )

    @property
    def struck_rules(self) -> Counter[str]:
        """How often each misdeed has struck."""
        now = {str(row["kind"]): int(str(row["struck"])) for row in self.model.misbehaviour()}
        return self._struck_before + Counter(now)

    def misbehave(self, rules: Sequence[Json]) -> None:
        """Misbehave so from now on."""
        self._struck_before = self.struck_rules
        self.model.misbehave(rules)

    def behave(self) -> None:
        """Misbehave no more; the network works."""
        self.take(Way.OPEN)
        self.misbehave([])
        self.network.heal()

    def take(self, way: Way) -> None:
        """Be asked in this way from now on; all that another way did is over."""
        if self.network.way is Way.REGION_OUT:
            rules = self.model.misbehaviour()
            self.misbehave([rule for rule in rules if rule["kind"] != "region_down"])
        self.network.way = way
        state = self.model._state
        key = "another" if way is Way.KEY_REFUSED else ACCOUNT_KEY
        state.config = replace(state.config, account_key=key)

    def lose_region(self, region: str) -> None:
        """Know nothing of what stands in a region, until another way is taken."""
        self.take(Way.REGION_OUT)
        lost: Json = {"kind": "region_down", "params": {"region": region}}
        self.misbehave([*self.model.misbehaviour(), lost])

    def held(self) -> list[HeldInstance]:
        """Return the records of what is held and billed, to be read only."""
        return self.model._state.park.living()

    def settle(self) -> None:
        """Show what has changed, and wake up when the model next does something by itself."""
        self.watcher.changed(self, self.model.take_effects())
        at = self.model.next_event_at()
        if at == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, at
        if at is not None:
            when = at - self._loop.start.timestamp() + _EPSILON
            self._timer = self._loop.call_at(
                max(when, self._loop.time()), self._wake, context=Context()
            )

    def _wake(self) -> None:
        self._timer = self._timer_at = None
        effects = self.model.advance(self.now())
        if effects:
            self.watcher.changed(self, effects)
        self.settle()

    async def exchange(self, request: HttpRequest) -> HttpReply:
        """Carry one request there and its answer back, with whatever the network does to them."""
        misdeeds = self._misdeeds()
        try:
            reply = await self._carry(request)
        except (NotSent, NoAnswer):
            self.troubled_at.append(self._loop.time())
            raise
        if self._misdeeds() > misdeeds:
            self.troubled_at.append(self._loop.time())
        return reply

    def may_lie(self) -> bool:
        """Tell whether what is read of this cloud may be false just now."""
        return any(row["kind"] in READ_LIES for row in self.model.misbehaviour())

    def troubled(self, begin: float, end: float) -> bool:
        """Tell whether any exchange went wrong in that time."""
        return any(begin <= at <= end for at in self.troubled_at)

    async def _carry(self, request: HttpRequest) -> HttpReply:
        network, chance = self.network, self._chance
        low, high = self.profile.latency_s
        if network.way is Way.CUT:
            raise NotSent("connection refused")
        if network.way is Way.HANGS:
            await asyncio.sleep(request.timeout)
            raise NoAnswer(f"no answer in {request.timeout} s")
        await asyncio.sleep(low + (high - low) * chance.uniform())
        if self._is_cut(Way.SAYS_503):
            self.troubled_at.append(self._loop.time())
            return HttpReply(status=503, headers={}, body=b"the service is down for maintenance")
        if self._is_cut(Way.CUT) or chance.uniform() < network.lose_request:
            self.watcher.struck("request_lost")
            raise NoAnswer("the request was lost")
        if chance.uniform() < network.slow:
            self.watcher.struck("request_slow")
            self.troubled_at.append(self._loop.time())
            await asyncio.sleep(90.0 * chance.uniform())
        reply = await self._door.request(request)
        await asyncio.sleep(low + (high - low) * chance.uniform())
        if self._is_cut(Way.CUT) or chance.uniform() < network.lose_reply:
            self.watcher.struck("reply_lost")
            raise NoAnswer("the reply was lost")
        return reply

    def _is_cut(self, way: Way) -> bool:
        return self.network.way is way

    def _request(self, method: str, path: str, body: dict[str, object] | None) -> ModelRequest:
        return ModelRequest(method=method, path=path, query={}, body=body, key=ACCOUNT_KEY)


class SimDoor:
    """The way from one house to one cloud. What was sent goes on, whatever becomes of the sender."""

    def __init__(self, cloud: SimCloud, loop: VirtualLoop) -> None:
        self._cloud = cloud
        self._loop = loop

    async def request(self, request: HttpRequest) -> HttpReply:
        """See the port."""
        with crash_point(f"{request.method} {request.url}"):
            answer: asyncio.Future[HttpReply] = self._loop.create_future()
            task = self._loop.spawn(self._cloud.exchange(request))
            task.add_done_callback(lambda done: _deliver(done, answer), context=Context())
            sent_at, reply = self._loop.time(), None
            try:
                async with asyncio.timeout(request.timeout):
                    reply = await answer
            except TimeoutError:
                raise NoAnswer(f"{request.method}: no answer in {request.timeout} s") from None
            finally:
                self._cloud.watcher.told(self._cloud, request, reply, sent_at=sent_at)
            return reply

    async def aclose(self) -> None:
        """Nothing is held."""


def _deliver(done: "asyncio.Task[HttpReply]", answer: "asyncio.Future[HttpReply]") -> None:
    error = None if done.cancelled() else done.exception()
    if done.cancelled() or answer.done():
        return
    if error is None:
        answer.set_result(done.result())
    else:
        answer.set_exception(error)
        # Looked at in the world's name, as a sender that died will not.
        answer.exception()
