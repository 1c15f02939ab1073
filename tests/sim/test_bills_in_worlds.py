"""What is billed where the cloud's answers, or its doubles, say something else than the truth."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from gpu_shopper.domain.ids import SessionId
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.bills import known_end
from gpu_shopper.testing.cloud_kinds import KINDS, SANDBOX_QUIRKS
from gpu_shopper.testing.scenarios import Scene, Stage, play
from gpu_shopper.testing.sim_door import Way
from tests.sim.perform import perform, run

# A cloud with one place for a mark, whose nodes do not know by what id they are listed.
NAMELESS = Scene(
    config=ModelConfig(boot_s=(5.0, 5.0), stock=5, shows_tags=False), names_itself=False
)


def test_a_double_that_speaks_after_the_end_is_not_billed_as_the_one_that_ended() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        await stage.finish(session)
        await stage.until_state(session, "stopped")
        await stage.wait(1800)
        stage.misbehave("list_empty", count=None)
        first = stage.ledger()[0]
        stage.cloud.double(first.name)
        await stage.until(lambda: "late_arrival" in stage.events(session), limit=120)
        await stage.until(lambda: not stage.alive(), limit=300)
        stage.behave()
        await stage.at_rest()

        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        assert said == pytest.approx(first.billed_micros, rel=0.01)

    perform(script, Scene(names_itself=False))


def test_a_double_that_was_heard_before_does_not_prolong_the_bill_of_what_was_read_to_be_gone() -> (
    None
):
    async def script(stage: Stage) -> None:
        session = await run(stage)
        # Sweeps are five minutes apart by then, so that none has seen the double.
        await stage.wait(1200)
        first, nodes = stage.ledger()[0], stage.world.nodes
        stage.cloud.double(first.name)
        host, before = nodes.of(first.id), _boot(stage, session)
        assert host is not None
        host.lose_power()
        await stage.until(lambda: _boot(stage, session) != before)
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        late_by = (said - stage.ledger()[0].billed_micros) / first.price_per_hour_micros * 3600
        assert late_by == pytest.approx(0, abs=5)
        await stage.until(lambda: not stage.alive(), limit=600)

    perform(script, Scene(names_itself=False))


def test_a_listing_that_lags_prolongs_no_bill_of_what_direct_reads_did_not_find() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=4)
        entry, life = stage.ledger()[0], stage.world.house.life
        assert life is not None, "it lives"
        await stage.wait(600)
        stage.cloud.lose_host(entry.id)
        life.engine.sweep_soon()
        told = stage.world.oracle.witness.of("sandbox", entry.id)
        await stage.until(lambda: False in dict(told.reads).values(), limit=120)
        shown_at = told.shown_at
        await stage.wait(240)
        stage.misbehave("list_lag", count=None, seconds=400)
        life.engine.sweep_soon()
        await stage.until(lambda: told.shown_at > shown_at, limit=120)
        stage.behave()
        await stage.until_state(session, "failed", limit=7200)

        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        # It was heard last up to 45 s before its end.
        assert abs(said - stage.ledger()[0].billed_micros) < 60 * entry.price_per_hour_micros / 3600

    perform(script)


def test_what_comes_back_before_its_end_was_proved_is_billed_for_both_of_its_lives() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        await stage.wait(900)
        stage.cloud.misbehave(
            [
                {"kind": "resurrected", "count": 1, "params": {"seconds": 120}},
                {"kind": "down", "operations": ["list"]},
            ]
        )
        await stage.finish(session)
        await stage.wait(300)
        stage.behave()
        await stage.until_state(session, "stopped")
        await stage.at_rest()

        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        assert "late_arrival" not in stage.events(session)
        assert said == pytest.approx(stage.ledger()[0].billed_micros, rel=0.02)

    perform(script)


def test_the_hours_before_an_instance_came_back_are_not_billed_while_it_cannot_be_ended() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        stage.misbehave("resurrected", seconds=7200)
        await stage.finish(session)
        await stage.until_state(session, "stopped")
        await stage.until(lambda: bool(stage.alive()), limit=3 * 3600)
        stage.misbehave("ignore_destroy", count=None)
        # Long enough for the full hours to be written.
        await stage.wait(1500)
        stage.behave()
        await stage.at_rest()

        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        assert said == pytest.approx(stage.ledger()[0].billed_micros, rel=0.05)

    perform(script)


def test_what_is_found_gone_by_the_look_before_the_next_destroy_is_billed_until_it_was_gone() -> (
    None
):
    async def script(stage: Stage) -> None:
        session = await run(stage)
        # A node that hears of its end would end itself.
        stage.world.nodes.cuts.append(lambda node: True)
        stage.misbehave("slow_destroy", count=None, seconds=32)
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        (entry,), charges = stage.ledger(), stage.world.oracle.book.charges()
        said = sum(amount for *_, amount in charges)
        assert said >= entry.billed_micros
        assert said - entry.billed_micros < 30 * entry.price_per_hour_micros / 3600

    perform(script, Scene(quirks=KINDS["slow"].quirks))


def test_what_was_given_up_before_its_price_was_read_back_is_billed_as_its_cloud_shows() -> None:
    async def script(stage: Stage) -> None:
        stage.cloud.misbehave(
            [
                {"kind": "create_error_with_id", "count": 1},
                {"kind": "wrong_price", "count": 1, "params": {"admits": True}},
                {"kind": "reserved", "count": 1, "params": {"seconds": 1800}},
            ]
        )
        session = await stage.request()
        await stage.until_state(session, "running", "failed")
        await stage.until(lambda: not stage.ledger()[0].alive, limit=3600)
        await stage.finish(session)

    perform(script)


def test_an_order_that_waits_in_line_is_not_billed_before_it_is_sent() -> None:
    async def script(stage: Stage) -> None:
        life, loop = stage.world.house.life, stage.world.loop
        assert life is not None, "it lives"
        # Sweeps are five minutes apart by then, and one that failed is repeated after a minute.
        await stage.wait(1200)
        patience = {"kind": "rate_limited", "count": 1, "params": {"retry_after": 50}}
        stage.cloud.misbehave(
            [patience | {"operations": ["list"]}, {"kind": "create_error_with_id", "count": 1}]
        )
        life.engine.sweep_soon()
        await stage.wait(1)
        session, asked_at = await stage.request(), loop.time()
        await stage.until(lambda: bool(stage.ledger()), limit=60)
        first = stage.ledger()[0]
        assert first.created_at - loop.start.timestamp() - asked_at > 30
        await stage.finish(session)
        await stage.until_state(session, "stopped", "failed")

        (bought,) = (one for one in stage.attempts(session) if one.instance_id == first.id)
        charges = stage.world.oracle.book.charges()
        said = sum(amount for attempt, *_, amount in charges if attempt == bought.id)
        assert said < 15 * first.price_per_hour_micros / 3600

    perform(script)


def test_the_clouds_first_word_of_when_it_bills_replaces_what_was_reckoned() -> None:
    async def script(stage: Stage) -> None:
        await stage.wait(1200)
        once: dict[str, object] = {"count": 1}
        stage.cloud.misbehave(
            [once | {"kind": "create_error_with_id"}, once | {"kind": "destroy_false_404"}]
        )
        stage.cloud.network.slow = 1.0
        session, asked_at = await stage.request(), stage.world.loop.time()
        await stage.wait(1)
        stage.cloud.network.heal()
        await stage.until(lambda: bool(stage.ledger()), limit=100)
        first = stage.ledger()[0]
        on_its_way_s = first.created_at - stage.world.loop.start.timestamp() - asked_at
        assert on_its_way_s > 15
        await stage.until(lambda: stage.ledger()[0].ended_at is not None, limit=300)
        await stage.finish(session)
        await stage.until_state(session, "stopped", "failed")

        (bought,) = (one for one in stage.attempts(session) if one.instance_id == first.id)
        charges = stage.world.oracle.book.charges()
        said = sum(amount for attempt, *_, amount in charges if attempt == bought.id)
        late_by = (said - stage.ledger()[0].billed_micros) / first.price_per_hour_micros * 3600
        assert late_by == pytest.approx(0, abs=2)

    perform(script, Scene(quirks=replace(SANDBOX_QUIRKS, call_deadline=timedelta(seconds=90))))


@pytest.mark.parametrize(("tampered_by", "expected"), [(0, set()), (2_000_000, {"S11"})])
def test_what_a_double_without_a_name_says_is_no_fault_of_the_bill_and_covers_no_other(
    tampered_by: int, expected: set[str]
) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=4)
        stage.misbehave("label_lost")
        first = stage.ledger()[0]
        stage.cloud.double(first.name)
        await stage.wait(900)
        stage.cloud.lose_host(first.id)
        await stage.until_state(session, "stopped", "failed", limit=5 * 3600)
        await stage.at_rest()
        raw = stage.world.memory.desk.raw
        raw.execute("DROP TRIGGER cost_entries_no_update")
        raw.execute("UPDATE cost_entries SET amount = amount + ?", (tampered_by,))
        assert "expired" == stage.reason(session)

    violations = play(script, scene=NAMELESS).outcome.violations
    assert expected == {violation.check for violation in violations}


def test_a_double_without_a_name_is_believed_until_a_read_comes_after_what_it_said_last() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=4)
        stage.misbehave("label_lost")
        first = stage.ledger()[0]
        stage.cloud.double(first.name)
        await stage.wait(900)
        stage.cloud.lose_host(first.id)
        await stage.wait(900)
        (held,) = stage.attempts(session)
        await stage.until(lambda: stage.attempts(session)[0].heard != held.heard)
        await stage.finish(session)
        await stage.until(lambda: "destroy_called" in stage.events(session))
        await stage.wait(1)
        stage.cloud.take(Way.CUT)
        stage.world.oracle.down("sandbox")
        await stage.wait(300)
        stage.cloud.take(Way.OPEN)
        stage.world.oracle.up("sandbox")
        await stage.until_state(session, "stopped")

        assert stage.world.oracle.exercised["untraceable"]

    perform(script, NAMELESS)


def test_what_a_listing_shows_just_before_its_destroy_is_billed_until_then() -> None:
    async def script(stage: Stage) -> None:
        session, life = await run(stage), stage.world.house.life
        assert life is not None, "it lives"
        # Sweeps are five minutes apart by then.
        await stage.wait(1200)
        stage.world.nodes.cuts.append(lambda node: True)
        witnessed = stage.world.oracle.witness.of("sandbox", stage.ledger()[0].id)
        silent = {"kind": "answer_late", "operations": ["get"], "params": {"seconds": 60}}
        stage.cloud.misbehave([silent, {"kind": "list_empty", "count": 1}])
        life.engine.sweep_soon()
        await stage.until(lambda: bool(witnessed.false_listings))
        stage.cloud.misbehave([silent, {"kind": "down", "operations": ["list"]}])
        await stage.wait(200)
        await stage.finish(session)
        # It is being looked at before it is told to end.
        await stage.wait(5)
        stage.cloud.misbehave([silent])
        life.engine.sweep_soon()
        await stage.until(lambda: stage.ledger()[0].ended_at is not None, limit=120)
        stage.behave()
        await stage.until_state(session, "stopped")

        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        entry = stage.ledger()[0]
        late_by = (said - entry.billed_micros) / entry.price_per_hour_micros * 3600
        assert late_by == pytest.approx(0, abs=2)

    perform(script)


@pytest.mark.parametrize("answered", [True, False])
def test_an_order_that_was_never_answered_may_have_ended_it_at_any_time_since_it_was_sent(
    answered: bool,
) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        await stage.wait(600)
        await stage.finish(session)
        await stage.until_state(session, "stopped")
        oracle, entry = stage.world.oracle, stage.ledger()[0]
        assert entry.ended_at is not None
        end = entry.ended_at - stage.world.loop.start.timestamp()
        oracle.witness.of("sandbox", entry.id).destroys[:] = [(end - 2, answered)]
        [row] = oracle.book.attempts()

        known = known_end(oracle, stage.cloud, row, entry, end=end)
        assert known.alive_at == pytest.approx(end if answered else end - 2)

    perform(script)


@pytest.mark.parametrize(("shut_s", "known_to_the_second"), [(600, False), (120, True)])
def test_when_an_order_took_effect_is_nobodys_to_know_where_nobody_could_look_for_long(
    shut_s: int, known_to_the_second: bool
) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        oracle, entry = stage.world.oracle, stage.ledger()[0]
        # A node that hears of its end would end itself.
        stage.world.nodes.cuts.append(lambda node: True)
        stage.misbehave("slow_destroy", count=None, seconds=90)
        await stage.finish(session)
        witnessed = oracle.witness.of("sandbox", entry.id)
        await stage.until(lambda: len(witnessed.destroys) == 3)
        ordered_at = witnessed.destroys[-1][0]
        await stage.until(lambda: max(at for at, _ in witnessed.reads) > ordered_at)
        # Longer than it takes to write down what was seen.
        await stage.wait(6)
        await stage.world.troubles.book.close("book_read_only", shut_s)
        await stage.until_state(session, "stopped")
        await stage.at_rest()

        (row,), entry = oracle.book.attempts(), stage.ledger()[0]
        assert entry.ended_at is not None
        end = entry.ended_at - stage.world.loop.start.timestamp()
        known = known_end(oracle, stage.cloud, row, entry, end=end)
        written_until = min(oracle.commit_faults_at) - 5
        seen_at = max(at for at, there in witnessed.reads if there and at < written_until)
        assert known.alive_at == pytest.approx(end if known_to_the_second else seen_at)

    perform(script)


def _boot(stage: Stage, session: SessionId) -> str:
    """Return the boot that was heard last."""
    (held,) = stage.attempts(session)
    return str(json.loads(held.heard or "")["boot_id"])
