"""What the house has to do about networks, nodes, clocks, its own deaths and a restored book, one by one."""

import asyncio

import pytest

from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.ids import ConsumerId
from gpu_shopper.testing.cloud_kinds import WARY_QUIRKS
from gpu_shopper.testing.scenarios import CONSUMER, Scene, Stage
from gpu_shopper.testing.sim_door import Way
from tests.sim.perform import perform, run

_OPERATOR = Caller(name="operator")


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
        session = await run(stage)

        assert 1 == len(stage.ledger())
        assert 1 == len(stage.attempts(session))

    perform(script)


def test_a_deadline_that_passes_during_an_outage_is_kept_right_after_it() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        await stage.wait(3000)
        stage.cloud.take(Way.CUT)
        stage.world.oracle.down("sandbox")
        await stage.wait(1800)
        assert "stopping" == stage.state(session)
        stage.cloud.take(Way.OPEN)
        stage.world.oracle.up("sandbox")
        await stage.until(lambda: not stage.alive(), limit=600)

        assert "expired" == stage.reason(session)

    perform(script)


# ── the house itself ───────────────────────────────────────────────────────────────────────────────


def test_sigterm_leaves_sessions_as_they_are() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        stage.world.troubles.stay_away(120)
        await stage.world.house.stop()
        await stage.wait(600)

        assert "running" == stage.state(session)
        assert 1 == len(stage.attempts(session))
        assert 0 == stage.ledger()[0].destroy_calls

    perform(script)


def test_a_house_that_died_before_it_bought_shops_once_it_has_seen_the_market() -> None:
    async def script(stage: Stage) -> None:
        session = await stage.request()
        await stage.leave_house(5)
        await stage.until_state(session, "running", "failed", "stopped")

        assert "running" == stage.state(session), stage.events(session)

    perform(script)


@pytest.mark.parametrize("pushes", [True, False])
def test_our_own_absence_is_not_held_against_the_nodes(pushes: bool) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=3)
        await stage.leave_house(1500)
        await stage.wait(1200)

        assert "running" == stage.state(session)
        assert stage.ledger()[0].alive

    perform(script, Scene(pushes=pushes))


def test_a_house_that_was_paused_asks_before_it_concludes_silence() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=3)
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
        await run(stage, reservation_hours=12)
        stage.world.troubles.stay_away(7200)
        life = stage.world.house.life
        assert life is not None
        life.process.kill(because="for ever")
        await stage.wait(35 * 60)

        assert [] == stage.alive()

    perform(script)


def test_a_node_that_falls_silent_ends_the_session() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        node = stage.world.nodes.of(stage.ledger()[0].id)
        assert node is not None
        node.mute = True
        await stage.until_state(session, "failed", limit=1200)

        assert "silent" == stage.reason(session)

    perform(script)


def test_an_instance_that_a_restored_book_has_forgotten_is_taken_in_and_ended_by_order() -> None:
    async def script(stage: Stage) -> None:
        memory, oracle = stage.world.memory, stage.world.oracle
        image = memory.image()
        session = await run(stage)
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


def test_a_book_that_could_not_be_written_is_not_held_against_the_nodes() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=3)
        troubles = stage.world.troubles.book
        stage.world.loop.spawn(troubles.close("disk_full", 1200.0))
        await stage.wait(1800)

        assert "running" == stage.state(session)
        assert 0 == stage.ledger()[0].destroy_calls

    perform(script)


def test_a_book_that_refuses_long_before_a_pass_meets_it_is_not_held_against_the_nodes() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=3)
        (held,) = stage.attempts(session)
        await stage.until(lambda: stage.attempts(session)[0].heard != held.heard)
        troubles = stage.world.troubles.book
        stage.world.loop.spawn(troubles.close("disk_full", 178.0))
        stage.world.nodes.cuts.append(lambda node: True)
        await stage.until_state(session, "stopped", "failed")

        assert "silent" == stage.reason(session)

    perform(script, Scene(quirks=WARY_QUIRKS))


def test_what_runs_when_the_whole_book_is_lost_is_taken_in_by_the_next() -> None:
    async def script(stage: Stage) -> None:
        memory, oracle = stage.world.memory, stage.world.oracle
        session = await run(stage)
        life = stage.world.house.life
        assert life is not None
        stage.world.troubles.stay_away(30)
        life.process.kill(because="the disk is gone")
        memory.lose()
        oracle.rewound()
        await stage.until(lambda: oracle.book.session(session) is not None, limit=900)
        await stage.until_state(session, "running", limit=300)
        assert 0 == stage.ledger()[0].destroy_calls
        await stage.world.consumers.insist(lambda now: now.sessions.end(session, by=_OPERATOR))
        await stage.until(lambda: not stage.alive())

        assert "orphan" in oracle.book.notices()

    perform(script)


def test_instances_of_strangers_are_never_touched() -> None:
    async def script(stage: Stage) -> None:
        await run(stage)
        await stage.leave_house(60)
        await stage.wait(1200)

        strays = stage.world.oracle.facts["sandbox"].strays
        assert 4 == len(strays)
        assert {0} == {e.destroy_calls for e in stage.cloud.alive() if e.id in strays}

    perform(script, Scene(strays=4))


def test_an_extension_in_the_last_moment_counts() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        row = stage.world.oracle.book.session(session)
        assert row is not None
        assert row.running_at is not None
        ends = row.running_at / 1e6 - stage.world.loop.start.timestamp() + 3600
        await asyncio.sleep(ends - stage.world.loop.time() - 0.2)
        await stage.extend(session, 1)
        await stage.wait(600)

        assert "running" == stage.state(session)

    perform(script)


def test_a_node_that_speaks_after_its_end_was_proved_is_destroyed_although_no_listing_shows_it() -> (
    None
):
    async def script(stage: Stage) -> None:
        session = await run(stage)
        node = stage.world.nodes.of(stage.ledger()[0].id)
        assert node is not None
        never = {"kind": "ignore_destroy", "operations": ["self"]}
        once = {"kind": "ignore_destroy", "operations": ["destroy"], "count": 1}
        stage.cloud.misbehave([once, never, {"kind": "list_empty"}, {"kind": "get_false_404"}])
        await stage.finish(session)
        await stage.until_state(session, "stopped")
        assert 1 == len(stage.alive())
        await asyncio.sleep(60)
        orders = await stage.world.house.ask(
            lambda life: life.heartbeats.report(node.token, node.heartbeat())
        )
        await stage.until(lambda: not stage.alive(), limit=60)

        assert "stop" == orders.order
        assert "late_arrival" in stage.events(session)
        await stage.until(lambda: stage.attempts(session)[0].proof == "proved", limit=120)

    # A node that reports by itself would be told to stop, and say no more.
    perform(script, Scene(pushes=False))


def test_a_node_that_ended_itself_while_the_house_was_away_is_billed_to_the_end_of_its_lease() -> (
    None
):
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=12)
        await stage.wait(600)
        await stage.leave_house(3000)
        await stage.until_state(session, "failed", "stopped")

        entry = stage.ledger()[0]
        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        assert "self_ended" == entry.end_reason
        assert entry.billed_micros * 0.95 < said <= entry.billed_micros * 1.01

    perform(script)


@pytest.mark.parametrize("after_s", [0, 2, 4, 6, 8, 10])
def test_a_stop_while_the_offer_is_being_chosen_wins(after_s: int) -> None:
    """With a book that takes two seconds for everything, each delay meets another step on the way to the create."""

    async def script(stage: Stage) -> None:
        life = stage.world.house.life
        assert life is not None
        await stage.offers()
        session, pause = await stage.request(), life.books.hooks.pause

        async def slowly() -> None:
            await asyncio.sleep(2)
            await pause()

        life.books.hooks.pause = slowly
        await stage.wait(after_s)
        await stage.world.consumers.insist(lambda now: now.sessions.end(session, by=CONSUMER))
        life.books.hooks.pause = pause
        await stage.until_state(session, "stopped", "failed")

        assert "cancelled" == stage.reason(session)
        assert [] == stage.alive()

    perform(script)
