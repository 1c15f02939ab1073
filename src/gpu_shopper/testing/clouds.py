"""Clouds for the simulation: the sandbox's own model behind a network that loses, delays and dies.

Promises: the real adapter speaks to the real model; what was sent has its effect even if the sender dies meanwhile; every
change of the model is shown to whoever watches, at the moment at which it happens. Several clouds may run side by side,
each under its own name and with its own quirks.
"""

import asyncio
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, replace
from math import inf
from typing import Protocol

import msgspec

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.providers.manifest import Access
from gpu_shopper.providers.sandbox import MANIFEST
from gpu_shopper.providers.sandbox.adapter import SandboxProvider
from gpu_shopper.sandbox.catalogue import Catalogue, Goods
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.desk import error
from gpu_shopper.sandbox.gpu_models import GPU_MODELS, GpuModel
from gpu_shopper.sandbox.instances import Instance as HeldInstance
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.sandbox.messages import Effect, Json, ModelReply, ModelRequest
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.clock import VirtualClock
from gpu_shopper.testing.loop import VirtualLoop
from gpu_shopper.testing.model_door import ModelDoor
from gpu_shopper.testing.sim_door import Network, SimDoor, Way

ACCOUNT_KEY = "sim-key"
READ_LIES = frozenset({"get_false_404", "list_lag", "list_cut", "list_empty", "list_flaps"})
# A moment of the model is a large float; without this, a timer could come an instant too early for ever.
_EPSILON = 1e-5
# What a cloud is told to be asked by is a little more than what it insists on.
_SPACING = 0.96


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudProfile:
    """What kind of cloud it is, for one run. Where it `names_itself`, a node knows by what id it is listed.

    It sells its `goods`, at prices that stay; without any, so many drawn `offers` of its `models`.
    """

    name: ProviderName
    quirks: Quirks
    config: ModelConfig
    capabilities: Capabilities = MANIFEST.capabilities
    offers: int = 80
    models: tuple[GpuModel, ...] = GPU_MODELS
    goods: tuple[Goods, ...] = ()
    latency_s: tuple[float, float] = (0.02, 0.4)
    rules: tuple[Json, ...] = ()
    names_itself: bool = True


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
        reply = self._cloud.too_soon(request, now=now) or super().handle(request, now=now)
        self._cloud.watcher.answered(self._cloud, request, reply)
        self._cloud.settle()
        return reply


def _catalogue(profile: CloudProfile, *, seed: int) -> Catalogue:
    if profile.goods:
        return Catalogue(seed=seed, goods=profile.goods, drifts=False)
    drawn = Catalogue(seed=seed, size=profile.offers, models=profile.models)
    if profile.capabilities.interruptible:
        return drawn
    firm = [
        Goods(
            offer=msgspec.structs.replace(offer, interruptible=False),
            model=drawn.gpu_model_of(index),
            price_micros=drawn.price_micros(index, 0),
        )
        for index, offer in enumerate(drawn.offers)
    ]
    return Catalogue(seed=seed, goods=firm)


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
        self.catalogue = _catalogue(profile, seed=chance.draw_bits(16))
        config = replace(profile.config, account_key=ACCOUNT_KEY, hosts_itself=True)
        self.model: CloudModel = _WatchedModel(self.catalogue, draws, config, self)
        self.door = ModelDoor(self.model, self.clock)
        self._struck_before: Counter[str] = Counter()
        self.troubled_at: list[float] = []
        self.orders: dict[str, dict[str, object]] = {}
        self._launched_at = -inf
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
        access = Access(
            settings={"url": "http://cloud.test", "key": ACCOUNT_KEY},
            door=door,
            clock=clock,
            capabilities=self.profile.capabilities,
            quirks=self.profile.quirks,
        )
        return SandboxProvider(access, name=self.name)

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

    def too_soon(self, request: ModelRequest, *, now: float) -> ModelReply | None:
        """Refuse a launch that comes sooner after the last one than this cloud takes them; None if it takes it."""
        if request.method != "POST":
            return None
        due_at = self._launched_at + self.profile.quirks.launch_spacing.total_seconds() * _SPACING
        if now < due_at:
            self.struck("launched_too_soon")
            return replace(
                error(429, "rate_limited", "too many launches"), retry_after_s=due_at - now
            )
        self._launched_at = now
        return None

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

    def those_alive(self, which: Callable[[HeldInstance], bool]) -> list[LedgerEntry]:
        """Return the truth about those of them that are asked for."""
        return self.model.alive(self.now(), which=which)

    def instance(self, instance_id: str) -> HeldInstance | None:
        """Return the record of one instance."""
        return self.model.instance(instance_id)

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

    @property
    def misdeeds(self) -> int:
        """How often any misdeed has struck."""
        return self.model._state.rules.strikes_so_far

    def draw(self) -> float:
        """Draw a number from 0 to 1."""
        return self._chance.uniform()

    def strikes(self, rate: float) -> bool:
        """Draw whether something strikes that has this rate."""
        return self._chance.uniform() < rate

    def latency(self) -> float:
        """Draw how long one way takes, in seconds."""
        low, high = self.profile.latency_s
        return low + (high - low) * self._chance.uniform()

    def struck(self, fault: str) -> None:
        """Count a fault of the way here."""
        self.watcher.struck(fault)

    def told(self, request: HttpRequest, reply: HttpReply | None, *, sent_at: float) -> None:
        """Let the watcher see what a living house was told, or (None) that it waited in vain."""
        self.watcher.told(self, request, reply, sent_at=sent_at)

    def note_trouble(self) -> None:
        """Note that an exchange went wrong just now."""
        self.troubled_at.append(self._loop.time())

    def may_lie(self) -> bool:
        """Tell whether what is read of this cloud may be false just now."""
        return any(row["kind"] in READ_LIES for row in self.model.misbehaviour())

    def troubled(self, begin: float, end: float) -> bool:
        """Tell whether any exchange went wrong in that time."""
        first = bisect_left(self.troubled_at, begin)
        return first < len(self.troubled_at) and self.troubled_at[first] <= end

    def _request(self, method: str, path: str, body: dict[str, object] | None) -> ModelRequest:
        return ModelRequest(method=method, path=path, query={}, body=body, key=ACCOUNT_KEY)
