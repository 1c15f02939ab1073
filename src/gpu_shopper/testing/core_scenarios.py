"""The core scenarios: what a session can go through, one each, from a request to rest.

Together they take every transaction of the engine and every call that it makes. Each shows a window, in which a crash is
tried at every effect; what lies outside is tried by another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.ids import SessionId
from gpu_shopper.domain.quirks import seconds
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.cloud_kinds import SANDBOX_QUIRKS
from gpu_shopper.testing.process import CrashPlan
from gpu_shopper.testing.scenarios import Played, Scene, Script, Stage, play
from gpu_shopper.testing.sim_door import Way

_ENDED = ("stopped", "failed")
_LOST_ORDER = ({"kind": "lose_request", "count": 1, "operations": ["create"]},)
# A cloud that is looked at less often, where the story is long.
_UNHURRIED = replace(SANDBOX_QUIRKS, observe_period=seconds(20))
# A cloud without start-up scripts, whose machines know no key for a while.
NO_SCRIPTS = Scene(
    quirks=replace(SANDBOX_QUIRKS, start_script_limit=0),
    config=ModelConfig(boot_s=(5.0, 5.0), stock=5, start_script_bytes=0),
    keys_late_s=10.0,
)
_OPERATOR = Caller(name="operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """One scenario, the scene that it plays in, and whether each single step in it is worth a crash."""

    script: Script
    scene: Scene = field(default_factory=Scene)
    each_step: bool = False

    def play(self, plans: Sequence[CrashPlan] = ()) -> Played:
        """Perform it, with these crashes in its first lives."""
        return play(self.script, scene=self.scene, plans=plans, thorough=False)


async def _running(stage: Stage, **changes: object) -> SessionId:
    session = await stage.request(**changes)
    await stage.until_state(session, "running", *_ENDED)
    return session


async def _until_second_attempt(stage: Stage, session: SessionId) -> None:
    """Wait for it; where a crash has kept the trouble away, the first attempt may be the one that runs."""
    await stage.until(
        lambda: len(stage.attempts(session)) > 1 or stage.state(session) in {"running", *_ENDED}
    )


async def _end(stage: Stage, session: SessionId) -> None:
    await stage.finish(session)
    await stage.until_state(session, *_ENDED)


async def create_and_finish(stage: Stage) -> None:
    """Rent, run, be done: create, destroy and settle as they should be."""
    stage.open_window()
    await _end(stage, await _running(stage))


async def adopt(stage: Stage) -> None:
    """The create's answer is lost: the instance is found by its label."""
    stage.open_window()
    stage.misbehave("lose_create_reply")
    session = await _running(stage)
    stage.close_window()
    await _end(stage, session)


async def refused(stage: Stage) -> None:
    """The first offer is sold out: the next one is bought."""
    stage.open_window()
    stage.misbehave("no_capacity")
    session = await _running(stage)
    stage.close_window()
    await _end(stage, session)


async def sold_out(stage: Stage) -> None:
    """Every offer is sold out: the session fails, and nothing was bought."""
    stage.open_window()
    stage.misbehave("no_capacity", count=None)
    session = await stage.request()
    await stage.until_state(session, *_ENDED)


async def not_as_sold(stage: Stage) -> None:
    """The first node has another GPU than was sold: it is destroyed, and another offer bought."""
    stage.open_window()
    stage.misbehave("wrong_gpu", admits=False)
    session = await stage.request()
    await _until_second_attempt(stage, session)
    stage.close_window()
    await stage.until_state(session, "running", *_ENDED)
    await _end(stage, session)


async def never_up(stage: Stage) -> None:
    """The first instance never comes up: it is given up, and another offer bought."""
    stage.misbehave("never_boot")
    session = await stage.request(startup_timeout=timedelta(minutes=30))
    await stage.until(lambda: len(stage.attempts(session)) == 1)
    await stage.wait(170)
    stage.open_window()
    await stage.until_state(session, "running", *_ENDED)
    stage.close_window()
    await _end(stage, session)


async def elsewhere(stage: Stage) -> None:
    """The order never arrives: nothing is found, and the session shops again."""
    stage.open_window()
    stage.cloud.misbehave(_LOST_ORDER)
    session = await stage.request()
    await _until_second_attempt(stage, session)
    stage.close_window()
    await stage.until_state(session, "running", *_ENDED)
    await _end(stage, session)


async def presumed(stage: Stage) -> None:
    """What was never found is presumed absent when its quarantine is over."""
    stage.cloud.misbehave(_LOST_ORDER)
    session = await _running(stage)
    await stage.wait(190)
    stage.open_window()
    await stage.until(lambda: any(row.state == "closed" for row in stage.attempts(session)))
    stage.close_window()
    await _end(stage, session)


async def late_arrival(stage: Stage) -> None:
    """What was presumed absent appears after all: it is destroyed, and what runs is left alone."""
    stage.misbehave("create_late", seconds=900, answer="504")
    session = await _running(stage, reservation_hours=2)
    await stage.wait(600)
    stage.open_window()
    await stage.until(lambda: len(stage.ledger()) > 1)
    await stage.until(lambda: len(stage.alive()) == 1)
    await stage.until(lambda: all(row.state != "closing" for row in stage.attempts(session)))
    stage.close_window()
    await _end(stage, session)


async def cancel(stage: Stage) -> None:
    """It is cancelled while nobody knows whether anything was bought."""
    stage.open_window()
    stage.misbehave("lose_create_reply")
    session = await stage.request()
    await stage.until(lambda: bool(stage.attempts(session)))
    await _end(stage, session)


async def destroy(stage: Stage) -> None:
    """The first destroy is ignored and the second one's answer lost."""
    session = await _running(stage)
    stage.cloud.misbehave(
        [
            {"kind": "ignore_destroy", "count": 1},
            {"kind": "lose_destroy_reply", "count": 1},
        ]
    )
    stage.open_window()
    await _end(stage, session)


async def cannot_destroy(stage: Stage) -> None:
    """A dozen destroys are ignored: the operator is told, and it goes on until it is gone."""
    session = await _running(stage)
    stage.cloud.misbehave(
        [
            {"kind": "ignore_destroy", "count": 12, "operations": ["destroy"]},
            {"kind": "ignore_destroy", "operations": ["self"]},
        ]
    )
    await stage.finish(session)
    await stage.until(lambda: stage.attempts(session)[0].destroy_tries >= 9)
    await stage.wait(235)
    stage.open_window()
    await stage.until(lambda: "destroy_failing" in stage.world.oracle.book.notices())
    stage.close_window()
    await stage.until_state(session, *_ENDED, limit=4 * 3600)


async def set_back(stage: Stage) -> None:
    """The clock is set back while an end is owed: what waits for the old time waits no longer."""
    session = await _running(stage)
    stage.cloud.misbehave([{"kind": "ignore_destroy", "operations": ["destroy", "self"]}])
    await stage.finish(session)
    await stage.wait(300)
    stage.open_window()
    stage.world.house.around.clock.jump(-3000)
    stage.world.oracle.clock_set(-3000)
    stage.behave()
    await stage.until_state(session, *_ENDED)


async def extend(stage: Stage) -> None:
    """The reservation is prolonged by an hour while it runs."""
    session = await _running(stage)
    stage.open_window()
    await stage.extend(session, 1)
    await stage.wait(120)
    stage.close_window()
    await _end(stage, session)


async def expiry(stage: Stage) -> None:
    """Nobody says that it is done: the end of the reservation ends it."""
    session = await _running(stage)
    await stage.wait(3540)
    stage.open_window()
    await stage.until_state(session, *_ENDED)


async def lost_host(stage: Stage) -> None:
    """The machine dies under it: the session ends as lost, once that is certain."""
    session = await _running(stage, reservation_hours=2)
    stage.cloud.lose_host(stage.ledger()[0].id)
    await stage.wait(540)
    stage.open_window()
    await stage.until_state(session, *_ENDED)


async def restored(stage: Stage) -> None:
    """The book is restored from before the order: what it has forgotten is taken in and ended by order."""
    memory, oracle = stage.world.memory, stage.world.oracle
    image = memory.image()
    session = await _running(stage, reservation_hours=2)
    life = stage.world.house.life
    assert life is not None, "the house was opened"
    stage.world.troubles.stay_away(30)
    life.process.kill(because="restored")
    memory.restore(image)
    oracle.rewound()
    await stage.until(lambda: stage.world.house.up and stage.world.house.life is not life)
    stage.open_window()
    await stage.until(lambda: stage.state(session) == "running")
    stage.close_window()
    await stage.world.consumers.insist(lambda now: now.sessions.end(session, by=_OPERATOR))
    await stage.until(lambda: not stage.alive())


async def doubled(stage: Stage) -> None:
    """The cloud makes two instances of one order: the one that nobody was told of is destroyed by its id."""
    session = await _running(stage)
    stage.cloud.double(stage.ledger()[0].name)
    stage.open_window()
    book = stage.world.oracle.book
    await stage.until(lambda: bool(book.surplus()) and not any(one.open for one in book.surplus()))
    stage.close_window()
    await _end(stage, session)


async def outage(stage: Stage) -> None:
    """The cloud answers nothing for a while, when the session is to end."""
    session = await _running(stage)
    stage.cloud.misbehave(
        [
            {"kind": "down", "count": 3, "operations": ["get", "destroy"]},
            {"kind": "down", "operations": ["list"]},
        ]
    )
    stage.open_window()
    await stage.finish(session)
    await stage.wait(45)
    stage.behave()
    await stage.until_state(session, *_ENDED)


async def locked_out(stage: Stage) -> None:
    """The cloud refuses our key when the session is to end, and takes it again later."""
    session = await _running(stage)
    stage.open_window()
    stage.cloud.take(Way.KEY_REFUSED)
    await stage.finish(session)
    await stage.wait(25)
    stage.cloud.take(Way.OPEN)
    await stage.until_state(session, *_ENDED)


async def brought(stage: Stage) -> None:
    """The cloud takes no start-up script: the house logs in as soon as it is let in, and brings the agent."""
    stage.open_window()
    session = await _running(stage)
    stage.close_window()
    await _end(stage, session)


async def read_by_us(stage: Stage) -> None:
    """The node cannot reach the house, so the house logs in to read it; a listing lies meanwhile."""
    session = await _running(stage)
    stage.open_window()
    stage.cloud.misbehave([{"kind": "list_empty", "count": 4}, {"kind": "get_false_404"}])
    await stage.wait(150)
    stage.behave()
    stage.close_window()
    await _end(stage, session)


CORE: dict[str, Core] = {
    "create": Core(script=create_and_finish, each_step=True),
    "adopt": Core(script=adopt, each_step=True),
    "destroy": Core(script=destroy, each_step=True),
    "refused": Core(script=refused),
    "sold_out": Core(script=sold_out),
    "not_as_sold": Core(script=not_as_sold),
    "never_up": Core(script=never_up, scene=Scene(quirks=_UNHURRIED)),
    "elsewhere": Core(script=elsewhere),
    "presumed": Core(script=presumed),
    "late_arrival": Core(script=late_arrival, scene=Scene(pushes=False, beat_s=150.0)),
    "cancel": Core(script=cancel),
    "cannot_destroy": Core(script=cannot_destroy, scene=Scene(quirks=_UNHURRIED)),
    "set_back": Core(script=set_back),
    "extend": Core(script=extend),
    "expiry": Core(script=expiry, scene=Scene(beat_s=150.0)),
    "lost_host": Core(script=lost_host, scene=Scene(beat_s=150.0)),
    "restored": Core(script=restored),
    "doubled": Core(script=doubled),
    "outage": Core(script=outage),
    "locked_out": Core(script=locked_out),
    "brought": Core(script=brought, scene=NO_SCRIPTS),
    "read_by_us": Core(script=read_by_us, scene=Scene(pushes=False)),
}
