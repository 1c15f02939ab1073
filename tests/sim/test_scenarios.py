"""What the house has to do about each way in which a cloud, a node or a clock can go wrong, one by one.

Every scenario ends at rest, with every invariant asked: nothing of ours lives, strangers' instances still do, each interval
is charged once, and what we say it cost is what the cloud's meter says.
"""

import asyncio
import json

import pytest

from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.errors import NothingMatches
from gpu_shopper.domain.ids import ConsumerId
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.testing.profiles import WARY_QUIRKS
from gpu_shopper.testing.scenarios import Played, Scene, Script, Stage, play

_OPERATOR = Caller(name="operator")


def perform(script: Script, scene: Scene | None = None) -> Played:
    """Play a script; every invariant must hold."""
    played = play(script, scene=scene)

    assert [] == played.outcome.violations
    return played


async def _run(stage: Stage, **changes: object) -> str:
    session = await stage.request(**changes)
    await stage.until_state(session, "running", "failed", "stopped")
    assert "running" == stage.state(session), stage.events(session)
    return session


# ── the create call ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("misdeed", ["lose_create_reply", "create_then_500"])
def test_an_instance_whose_answer_was_lost_is_found_by_its_label(misdeed: str) -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave(misdeed)
        session = await _run(stage)

        assert 1 == len(stage.attempts(session))
        assert 1 == len(stage.ledger())
        assert "attempt_unknown" in stage.events(session)

    perform(script)


@pytest.mark.parametrize("answer", ["504", "cut"])
def test_a_create_that_takes_effect_late_is_adopted(answer: str) -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("create_late", seconds=12, answer=answer)
        session = await _run(stage)

        assert 1 == len(stage.attempts(session))
        assert 1 == len(stage.ledger())

    perform(script)


def test_an_instance_that_arrives_after_its_attempt_was_closed_is_destroyed() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("create_late", seconds=900, answer="504")
        session = await _run(stage)
        first = stage.attempts(session)[0]
        assert 2 == stage.attempts(session)[-1].number
        await stage.until(lambda: len(stage.ledger()) == 2)
        assert "presumed" == stage.attempts(session)[0].proof
        await stage.until(lambda: stage.attempts(session)[0].proof == "proved", limit=400)

        late = next(entry for entry in stage.ledger() if entry.name == first.label)
        assert not late.alive
        assert "late_arrival" in stage.events(session)
        assert "running" == stage.state(session)
        assert "late_arrival" in stage.world.oracle.book.notices()

    # A node that pushes would be told to stop with its first heartbeat, and be gone before the sweep.
    perform(script, Scene(pushes=False))


def test_a_create_that_was_refused_costs_nothing_and_the_next_offer_is_bought() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("no_capacity")
        session = await _run(stage)

        first, second = stage.attempts(session)
        assert "rejected" == first.state
        assert json.loads(first.offer)["id"] != json.loads(second.offer)["id"]
        assert 1 == len(stage.ledger())

    perform(script)


def test_delete_during_create_leaves_nothing() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("lose_create_reply")
        session = await stage.request()
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        assert [] == stage.alive()

    perform(script)


def test_nothing_is_bought_above_the_price_cap() -> None:
    async def script(stage: Stage) -> None:
        refused = await stage.try_request(price_cap=HourlyRate(1))

        assert isinstance(refused, NothingMatches)
        assert [] == stage.ledger()

    perform(script)


# ── what was granted ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("admits", [False, True])
def test_a_gpu_that_is_not_as_sold_is_destroyed_and_the_next_offer_bought(admits: bool) -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("wrong_gpu", admits=admits)
        session = await _run(stage)

        first, second = stage.attempts(session)
        assert json.loads(first.offer)["id"] != json.loads(second.offer)["id"]
        assert "not_as_sold" in stage.events(session)
        assert _blames(stage) == [(json.loads(first.offer)["id"], "offer")]

    perform(script)


def test_an_instance_dearer_than_the_cap_is_destroyed_and_the_next_offer_bought() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("wrong_price", factor=50, admits=True)
        session = await _run(stage)

        assert 2 == len(stage.attempts(session))
        assert "not_as_sold" in stage.events(session)

    perform(script)


@pytest.mark.parametrize("misdeed", ["never_boot", "boot_fails"])
def test_an_instance_that_never_comes_up_is_destroyed_and_the_next_offer_bought(
    misdeed: str,
) -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave(misdeed)
        session = await _run(stage)

        first, second = stage.attempts(session)
        assert json.loads(first.offer)["machine_id"] != json.loads(second.offer)["machine_id"]
        assert _blames(stage) == [(json.loads(first.offer)["id"], "machine")]

    perform(script)


# ── reading ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pushes", [True, False])
def test_a_heartbeat_vetoes_what_the_cloud_says(pushes: bool) -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage)
        stage.cloud.misbehave([{"kind": "list_empty"}, {"kind": "get_false_404"}])
        await stage.wait(2700)

        assert "running" == stage.state(session)
        assert 0 == stage.ledger()[0].destroy_calls

    perform(script, Scene(pushes=pushes))


@pytest.mark.parametrize("misdeed", ["list_cut", "list_empty", "list_lag"])
def test_a_listing_that_lies_ends_nothing(misdeed: str) -> None:
    async def script(stage: Stage) -> None:
        sessions = [await _run(stage) for _ in range(3)]
        stage.misbehave(misdeed, count=None)
        await stage.wait(1800)

        assert ["running"] * 3 == [stage.state(session) for session in sessions]

    perform(script)


def test_mass_absence_freezes_what_is_inferred_and_nothing_else() -> None:
    async def script(stage: Stage) -> None:
        sessions = [await _run(stage) for _ in range(4)]
        stage.misbehave("list_empty", count=None)
        await stage.until(lambda: stage.world.oracle.book.frozen("sandbox"), limit=900)
        assert "account_frozen" in stage.world.oracle.book.notices()
        await stage.finish(sessions[0])
        await stage.until_state(sessions[0], "stopped")

        assert ["running"] * 3 == [stage.state(session) for session in sessions[1:]]
        stage.behave()
        await stage.until(lambda: not stage.world.oracle.book.frozen("sandbox"), limit=900)

    perform(script)


def test_a_lost_host_ends_the_session_as_lost_or_silent() -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage)
        stage.cloud.lose_host(stage.ledger()[0].id)
        await stage.until_state(session, "failed")

        assert stage.reason(session) in {"lost", "silent"}

    perform(script)


def test_a_preempted_session_fails() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("preempt", seconds=600)
        session = await _run(stage)
        await stage.until_state(session, "failed")

        assert stage.reason(session) in {"lost", "silent", "preempted"}

    perform(script)


# ── destroying ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("misdeed", "params"),
    [
        ("ignore_destroy", {}),
        ("stop_instead_of_destroy", {}),
        ("slow_destroy", {"seconds": 90}),
        ("lose_destroy_reply", {}),
    ],
)
def test_a_destroy_that_did_not_do_it_is_not_believed(misdeed: str, params: dict) -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage)
        stage.misbehave(misdeed, **params)
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        assert [] == stage.alive()
        assert "proved" == stage.attempts(session)[0].proof

    perform(script)


def test_a_destroy_that_never_works_is_retried_and_told_of() -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage)
        never = {"kind": "ignore_destroy", "operations": ["self"]}
        stage.cloud.misbehave(
            [{"kind": "ignore_destroy", "count": 14, "operations": ["destroy"]}, never]
        )
        await stage.finish(session)
        await stage.until_state(session, "stopped", limit=3 * 3600)

        assert stage.ledger()[0].destroy_calls > 14
        assert "destroy_failing" in stage.world.oracle.book.notices()

    perform(script)


@pytest.mark.parametrize("quirks", ["sandbox", "wary"])
def test_one_false_404_proves_no_absence(quirks: str) -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage)
        stage.cloud.misbehave(
            [{"kind": "ignore_destroy", "count": 1}, {"kind": "get_false_404", "count": 1}]
        )
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        assert stage.ledger()[0].destroy_calls >= 2

    perform(script, Scene(quirks=WARY_QUIRKS) if quirks == "wary" else Scene())


# ── the way there ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("misdeed", ["lose_request", "down", "html_error", "rate_limited"])
def test_a_cloud_that_does_not_answer_for_a_while_loses_nothing(misdeed: str) -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave(misdeed, count=12)
        session = await stage.request()
        await stage.until_state(session, "running", "failed")
        stage.misbehave(misdeed, count=12)
        if stage.state(session) == "running":
            await stage.finish(session)
        await stage.until_state(session, "stopped", "failed")

        assert [] == stage.alive()

    perform(script)


def test_an_answer_that_comes_too_late_is_no_answer() -> None:
    async def script(stage: Stage) -> None:
        stage.cloud.misbehave(
            [
                {
                    "kind": "answer_late",
                    "count": 1,
                    "operations": ["create"],
                    "params": {"seconds": 50},
                }
            ]
        )
        session = await _run(stage)

        assert 1 == len(stage.ledger())
        assert 1 == len(stage.attempts(session))

    perform(script)


def test_a_deadline_that_passes_during_an_outage_is_kept_right_after_it() -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage)
        await stage.wait(3000)
        stage.cloud.network.cut = True
        stage.world.oracle.down("sandbox")
        await stage.wait(1800)
        assert "stopping" == stage.state(session)
        stage.cloud.network.cut = False
        stage.world.oracle.up("sandbox")
        await stage.until(lambda: not stage.alive(), limit=600)

        assert "expired" == stage.reason(session)

    perform(script)


# ── the house itself ───────────────────────────────────────────────────────────────────────────────


def test_sigterm_leaves_sessions_as_they_are() -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage)
        stage.world.troubles.stay_away(120)
        await stage.world.house.stop()
        await stage.wait(600)

        assert "running" == stage.state(session)
        assert 1 == len(stage.attempts(session))
        assert 0 == stage.ledger()[0].destroy_calls

    perform(script)


@pytest.mark.parametrize("pushes", [True, False])
def test_our_own_absence_is_not_held_against_the_nodes(pushes: bool) -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage, reservation_hours=3)
        await stage.leave_house(1500)
        await stage.wait(1200)

        assert "running" == stage.state(session)
        assert stage.ledger()[0].alive

    perform(script, Scene(pushes=pushes))


def test_a_house_that_was_paused_asks_before_it_concludes_silence() -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage, reservation_hours=3)
        life = stage.world.house.life
        assert life is not None
        life.process.pause()
        stage.world.oracle.down("house")
        await stage.wait(1500)
        life.process.resume()
        stage.world.oracle.up("house")
        await stage.wait(1200)

        assert "running" == stage.state(session)

    perform(script)


def test_nodes_end_themselves_when_the_house_never_comes_back() -> None:
    async def script(stage: Stage) -> None:
        await _run(stage, reservation_hours=12)
        stage.world.troubles.stay_away(7200)
        life = stage.world.house.life
        assert life is not None
        life.process.kill(because="for ever")
        await stage.wait(35 * 60)

        assert [] == stage.alive()

    perform(script)


def test_a_node_that_falls_silent_ends_the_session() -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage)
        node = stage.world.nodes.of(stage.ledger()[0].id)
        assert node is not None
        node.mute = True
        await stage.until_state(session, "failed", limit=1200)

        assert "silent" == stage.reason(session)

    perform(script)


def test_a_clock_that_is_set_forward_silences_nobody() -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage, reservation_hours=6)
        stage.world.house.around.clock.jump(3600)
        stage.world.oracle.clock_set(3600)
        await stage.wait(1800)

        assert "running" == stage.state(session)
        await stage.finish(session)

    perform(script)


def test_a_clock_that_is_set_back_leaks_nothing_and_charges_nothing_twice() -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage)
        await stage.wait(1800)
        stage.world.house.around.clock.jump(-3000)
        stage.world.oracle.clock_set(-3000)
        await stage.wait(600)
        await stage.finish(session)
        await stage.until_state(session, "stopped", limit=120)

        assert [] == stage.alive()

    perform(script)


def test_an_instance_that_a_restored_book_has_forgotten_is_taken_in_and_ended_by_order() -> None:
    async def script(stage: Stage) -> None:
        memory, oracle = stage.world.memory, stage.world.oracle
        image = memory.image()
        session = await _run(stage)
        life = stage.world.house.life
        assert life is not None
        stage.world.troubles.stay_away(30)
        life.process.kill(because="restored")
        memory.restore(image)
        oracle.rewound()
        await stage.until(lambda: oracle.book.session(session) is not None, limit=900)
        await stage.wait(120)
        assert stage.ledger()[0].alive
        assert "orphan" in oracle.book.notices()
        await stage.world.consumers.insist(lambda now: now.sessions.end(session, by=_OPERATOR))
        await stage.until(lambda: not stage.alive())

        assert ConsumerId("recovered") == memory.desk.book.sessions.get(session).consumer_id

    perform(script)


def test_instances_of_strangers_are_never_touched() -> None:
    async def script(stage: Stage) -> None:
        await _run(stage)
        await stage.leave_house(60)
        await stage.wait(1200)

        strays = stage.world.oracle.facts["sandbox"].strays
        assert 4 == len(strays)
        assert {0} == {e.destroy_calls for e in stage.cloud.alive() if e.id in strays}

    perform(script, Scene(strays=4))


def test_an_extension_in_the_last_moment_counts() -> None:
    async def script(stage: Stage) -> None:
        session = await _run(stage)
        row = stage.world.oracle.book.session(session)
        assert row is not None
        assert row.running_at is not None
        ends = row.running_at / 1e6 - stage.world.loop.start.timestamp() + 3600
        await asyncio.sleep(ends - stage.world.loop.time() - 0.2)
        await stage.extend(session, 1)
        await stage.wait(600)

        assert "running" == stage.state(session)

    perform(script)


def _blames(stage: Stage) -> list[tuple[str, str]]:
    query = "SELECT offer_id, blame FROM failures"
    return stage.world.memory.desk.raw.execute(query).fetchall()
