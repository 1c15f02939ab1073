"""Any story that two consumers can have with the API, while the house dies and the cloud misbehaves; it shrinks.

The real client, API, commands and engine run over a book in memory and a simulated cloud. What each was told is kept, and
every later answer has to agree with it. The oracle and the front door's record ask their invariants of every commit and
every answer besides: S4, S5, S7, S12 to S16, and that no answer is a fault of ours.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from gpu_shopper.client.async_shopper import AsyncShopper
from gpu_shopper.client.errors import ApiError, Conflict, NotFound
from gpu_shopper.testing import front_checks
from gpu_shopper.testing.asgi import Asked
from gpu_shopper.testing.front_door import Unanswered
from gpu_shopper.testing.loop import EPOCH, VirtualLoop
from gpu_shopper.testing.process import CrashPlan
from gpu_shopper.testing.scenarios import Scene
from gpu_shopper.testing.world import World
from gpu_shopper.wire.sessions import (
    RequirementsBody,
    SessionBody,
    SessionCreated,
    SessionEnded,
    SessionExtended,
    SessionOrder,
)

T = TypeVar("T")
NAMES = ("alice", "bob")
_KEY_LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFillerFillerFillerFillerFillerFiller someone"
_RANKS = {"pending": 0, "provisioning": 0, "running": 1, "stopping": 2, "stopped": 3, "failed": 3}
_MISDEEDS = (
    "lose_create_reply",
    "create_then_500",
    "no_capacity",
    "never_boot",
    "wrong_gpu",
    "down",
    "ignore_destroy",
    "lose_destroy_reply",
    "list_empty",
    "get_false_404",
)
_SOLD_OUT = frozenset({"no_offer", "not_ready"})
CONSUMERS = st.sampled_from(NAMES)


class Stories(RuleBasedStateMachine):
    """What may be asked, and what may happen, in any order."""

    sessions = Bundle("sessions")

    @initialize(seed=st.integers(0, 50), pushes=st.booleans())
    def open_shop(self, seed: int, pushes: bool) -> None:
        self.loop = VirtualLoop(seed=seed, start=EPOCH)
        self.owners: dict[str, str] = {}
        self.keys: dict[tuple[str, str], tuple[int, str]] = {}
        self.ranks: dict[str, int] = {}
        self.live(self._open(seed, pushes))

    async def _open(self, seed: int, pushes: bool) -> None:
        self.world = world = World(Scene(pushes=pushes, beat_s=90.0).profile(seed), self.loop)
        world.troubles.usual_absence_s = 2.0
        await world.accounts.open(list(NAMES))
        world.open_house()
        await world.ready()
        world.plant_strays()
        self.supervisor = self.loop.spawn(world.supervise(), name="supervisor")
        await world.run_until(5.0)
        page = await world.accounts.of("alice").inventory(limit=100)
        kinds = [offer.gpu_type for offer in page.offers if offer.gpu_count == 1]
        self.kind = max(sorted(set(kinds)), key=kinds.count)

    def live(self, story: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(story)

    def ask(self, name: str, call: Callable[[AsyncShopper], Awaitable[T]]) -> T | ApiError | None:
        return self.live(self.world.accounts.insist(name, call))

    # ── what consumers do ──────────────────────────────────────────────────────────────────────────

    @rule(target=sessions, name=CONSUMERS, key=st.sampled_from("xyz"), hours=st.integers(1, 2))
    def create(self, name: str, key: str, hours: int) -> object:
        order = SessionOrder(
            consumer_id=name,
            workload_type="training",
            reservation_hours=hours,
            requirements=RequirementsBody(gpu_types=[self.kind]),
            ssh_public_key=_KEY_LINE,
        )
        answer = self.ask(name, lambda shopper: shopper.create_session(order, idempotency_key=key))
        known = self.keys.get((name, key))
        if known is not None and known[0] != hours:
            assert isinstance(answer, ApiError), answer
            assert "idempotency_key_reused" == answer.code
            return multiple()
        if not isinstance(answer, SessionCreated):
            # A cloud that is asked in vain may leave the market empty; nothing else may keep them from buying.
            assert known is None, (known, answer)
            assert answer is None or answer.code in _SOLD_OUT, answer
            return multiple()
        session = answer.session.id
        assert known is None or known[1] == session
        self.keys[name, key] = (hours, session)
        self.owners[session] = name
        return session if known is None else multiple()

    @rule(name=CONSUMERS, session=sessions)
    def get(self, name: str, session: str) -> None:
        answer = self.ask(name, lambda shopper: shopper.get(session))
        self._compare(name, session, answer)

    @rule(name=CONSUMERS)
    def list_all(self, name: str) -> None:
        async def every(shopper: AsyncShopper) -> set[str]:
            return {one.id async for one in shopper.sessions(status=sorted(_RANKS))}

        told = self.ask(name, every)

        assert {session for session, owner in self.owners.items() if owner == name} == told

    @rule(name=CONSUMERS, session=sessions, hours=st.integers(1, 12))
    def extend(self, name: str, session: str, hours: int) -> None:
        answer = self.ask(name, lambda shopper: shopper.extend(session, hours))
        if isinstance(answer, SessionExtended):
            assert (name, session) == (self.owners[session], answer.session_id)
            assert self.ranks.get(session, 0) < 2, "what was told to be ending is not prolonged"
        else:
            self._compare(name, session, answer)

    @rule(name=CONSUMERS, session=sessions)
    def done(self, name: str, session: str) -> None:
        answer = self.ask(name, lambda shopper: shopper.done(session))
        if isinstance(answer, Conflict) and self.owners[session] == name:
            # It had ended before, or it was this request that was heard and its answer lost.
            answer = self.ask(name, lambda shopper: shopper.delete(session))
        self._ended(name, session, answer)

    @rule(name=CONSUMERS, session=consumes(sessions))
    def delete(self, name: str, session: str) -> None:
        answer = self.ask(name, lambda shopper: shopper.delete(session))
        self._ended(name, session, answer)

    def _ended(self, name: str, session: str, answer: object) -> None:
        if self.owners[session] == name:
            assert isinstance(answer, SessionEnded), answer
            self._compare(name, session, self.ask(name, lambda shopper: shopper.get(session)))
            assert self.ranks[session] >= 2
        else:
            assert isinstance(answer, NotFound), answer

    def _compare(self, name: str, session: str, answer: object) -> None:
        """What is another's is not there; what is one's own never goes back on its way to the end."""
        if self.owners[session] != name:
            assert isinstance(answer, NotFound), answer
        elif isinstance(answer, SessionBody):
            rank, before = _RANKS[answer.status], self.ranks.get(session, 0)
            assert rank >= before, (session, answer.status)
            self.ranks[session] = rank
        else:
            assert isinstance(answer, ApiError), answer
            assert not isinstance(answer, NotFound)

    # ── what else happens ──────────────────────────────────────────────────────────────────────────

    @rule(token=st.sampled_from(("", "gsa_forged", "alice")))
    def forge_a_heartbeat(self, token: str) -> None:
        shown = self.world.accounts.by_name["alice"].token if token == "alice" else token
        asked = Asked(
            method="POST",
            path="/api/v1/agent/heartbeat",
            headers={"authorization": f"Bearer {shown}", "content-type": "application/json"},
            body=b"{}",
        )
        try:
            answered = self.live(self.world.door.ask(asked))
        except Unanswered:
            return
        assert 400 <= answered.status < 500

    @rule(rate=st.sampled_from((0.0, 0.3)))
    def replay_heartbeats(self, rate: float) -> None:
        self.world.habits.replay = rate

    @rule(minutes=st.sampled_from((1, 3, 20, 70)))
    def wait(self, minutes: int) -> None:
        self.live(self.world.run_until(self.loop.time() + 60 * minutes))

    @rule(effects=st.integers(1, 12), before=st.booleans())
    def crash(self, effects: int, before: bool) -> None:
        life = self.world.house.life
        if life is not None and life.process.alive:
            when = "before" if before else "after"
            life.process.plan = CrashPlan(at_effect=life.process.effects + effects, when=when)

    @rule(kind=st.sampled_from(_MISDEEDS), count=st.integers(1, 4))
    def misbehave(self, kind: str, count: int) -> None:
        self._cloud().misbehave([{"kind": kind, "count": count}])

    @rule(loses=st.sampled_from((0.0, 0.2)))
    def lose_requests(self, loses: float) -> None:
        self.world.door.wire.loses = loses

    @rule()
    def heal(self) -> None:
        self._cloud().behave()
        self.world.door.wire.heal()

    def _cloud(self):
        return next(iter(self.world.clouds.values()))

    # ── what always holds ──────────────────────────────────────────────────────────────────────────

    @invariant()
    def nothing_is_violated(self) -> None:
        if hasattr(self, "world"):
            assert [] == self.world.oracle.violations

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if not self.world.oracle.violations:
                self.live(self._close())
            assert [] == self.world.oracle.violations
        finally:
            self.world.supervising = False
            self.supervisor.cancel()
            self.loop.wind_up()

    async def _close(self) -> None:
        world = self.world
        self.heal()
        world.troubles.heal()
        world.habits.heal()
        for session, name in self.owners.items():
            answer = await world.accounts.insist(name, lambda shopper, s=session: shopper.delete(s))
            assert isinstance(answer, SessionEnded), answer
        end = self.loop.time() + 16 * 3600
        while self.loop.time() < end and not (world.house.up and world.at_rest()):
            await world.run_until(self.loop.time() + 60)
            if world.oracle.violations:
                return
        assert world.at_rest()
        world.final_checks()
        for check in front_checks.AT_REST:
            check(world.record)


Stories.TestCase.settings = settings(stateful_step_count=25)
TestStories = Stories.TestCase
