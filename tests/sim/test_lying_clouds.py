"""What the house has to do about a cloud that cannot end, ends falsely, sells twice or forgets whose something is."""

import json
from dataclasses import replace

import pytest

from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.testing.scenarios import Scene, Stage
from tests.sim.perform import perform, run

# A cloud with one place for a mark, and no more.
UNTAGGED = Scene(config=ModelConfig(boot_s=(5.0, 5.0), stock=5, shows_tags=False))


def test_what_cannot_be_ended_yet_is_ended_when_it_can() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("reserved", seconds=3 * 3600)
        session = await run(stage)
        await stage.finish(session)
        await stage.until_state(session, "stopped", limit=4 * 3600)

        assert "destroy_failing" in stage.world.oracle.book.notices()

    perform(script)


@pytest.mark.parametrize("pushes", [True, False])
def test_what_comes_back_after_its_end_is_ended_again_and_not_billed_for_the_time_between(
    pushes: bool,
) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        stage.misbehave("resurrected", seconds=7200)
        await stage.finish(session)
        await stage.until_state(session, "stopped")
        await stage.until(lambda: bool(stage.alive()), limit=3 * 3600)
        await stage.until(lambda: not stage.alive(), limit=900)

        await stage.at_rest()

        assert "late_arrival" in stage.events(session)
        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        assert said == pytest.approx(stage.ledger()[0].billed_micros, rel=0.05)

    perform(script, Scene(pushes=pushes))


def test_the_double_of_a_create_is_ended_and_the_one_that_was_told_of_runs() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("bought_twice")
        session = await run(stage)
        await stage.until(lambda: len(stage.alive()) == 1, limit=600)

        assert 2 == len(stage.ledger())
        assert "running" == stage.state(session)
        assert stage.attempts(session)[0].instance_id == stage.alive()[0].id

    perform(script)


def test_a_session_is_over_although_a_double_of_its_instance_cannot_be_ended() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        first = stage.ledger()[0]
        stage.misbehave("ignore_destroy", count=None)
        stage.cloud.double(first.name)
        await stage.until(lambda: bool(stage.world.oracle.book.open_surplus()), limit=400)
        stage.cloud.lose_host(first.id)
        await stage.finish(session)
        await stage.until_state(session, "stopped", limit=900)

        (double,) = stage.alive()
        assert double.id != first.id
        stage.behave()
        await stage.until(lambda: not stage.alive())

    perform(script)


def test_an_order_that_came_too_soon_is_sent_again_and_not_a_whole_pause_later() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        ignored: dict[str, object] = {"kind": "ignore_destroy"}
        stage.cloud.misbehave([ignored])
        stage.world.nodes.cuts.append(lambda node: True)
        await stage.finish(session)
        heard = stage.world.oracle.facts["sandbox"].destroys.setdefault(stage.ledger()[0].id, [])
        # The pauses between tries are as long as they get.
        await stage.until(lambda: len(heard) == 8)
        busy = {"kind": "rate_limited", "count": 1, "operations": ["destroy"]}
        stage.cloud.misbehave([busy, ignored])
        await stage.until(lambda: len(heard) == 9)

        assert heard[-1] - heard[-2] < 320
        stage.behave()

    perform(script)


@pytest.mark.parametrize("was_seen_lately", [True, False])
def test_patience_with_reads_holds_up_no_end(*, was_seen_lately: bool) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        patience = {"retry_after": 3600.0, "tells": True}
        stage.cloud.misbehave(
            [{"kind": "rate_limited", "operations": ["get", "list"], "params": patience}]
        )
        if not was_seen_lately:
            stage.world.nodes.cuts.append(lambda node: True)
        await stage.wait(400)
        stage.world.nodes.cuts.append(lambda node: True)
        await stage.finish(session)
        await stage.until(lambda: not stage.alive(), limit=360)
        stage.behave()

    perform(script)


def test_one_false_listing_holds_up_the_end_of_no_double_while_no_other_comes() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=3)
        first, ignored = stage.ledger()[0], {"kind": "ignore_destroy"}
        stage.cloud.misbehave([ignored])
        stage.cloud.double(first.name)
        (double,) = (one for one in stage.alive() if one.id != first.id)
        stage.world.nodes.cuts.append(lambda node: node.instance_id == double.id)
        oracle = stage.world.oracle
        asked = oracle.facts["sandbox"].destroys
        # The pauses between tries are as long as they get.
        await stage.until(lambda: len(asked.get(double.id, ())) == 8)
        lies = oracle.witness.of("sandbox", double.id).false_listings
        stage.cloud.misbehave([ignored, {"kind": "list_empty", "count": 1}])
        await stage.until(lambda: bool(lies))
        stage.cloud.misbehave([ignored, {"kind": "down", "operations": ["list"]}])
        await stage.wait(400)

        assert asked[double.id][-1] > lies[-1]
        stage.behave()
        await stage.finish(session)

    perform(script)


@pytest.mark.parametrize("names_itself", [True, False])
def test_a_double_with_another_gpu_does_not_end_the_one_that_is_as_sold(
    names_itself: bool,
) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=6)
        [first] = stage.ledger()
        # From here on five minutes pass between two sweeps, unless one is asked for.
        await stage.wait(1200)
        stage.misbehave("wrong_gpu", admits=False)
        stage.cloud.double(first.name)
        await stage.until(lambda: len(stage.alive()) == 1, limit=600)
        await stage.wait(1200)

        assert [first.id] == [entry.id for entry in stage.alive()]
        assert "running" == stage.state(session)

    perform(script, Scene(names_itself=names_itself))


def test_a_double_does_not_speak_for_the_one_that_is_held_and_is_ended_once_it_speaks() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=2)
        # Sweeps are five minutes apart by then.
        await stage.wait(1200)
        held = stage.attempts(session)[0]
        stage.cloud.double(held.label)
        double = next(one.id for one in stage.alive() if one.id != held.instance_id)
        nodes, host = stage.world.nodes, stage.world.nodes.of(str(held.instance_id))
        assert host is not None
        host.lose_power()
        await stage.until(lambda: nodes.of(double) is not None, limit=60)

        await stage.until(lambda: not _entry(stage, double).alive, limit=30)
        said = json.loads(stage.attempts(session)[0].heard or "{}")
        assert held.instance_id == said["instance_id"]
        host.power_up()
        await stage.wait(120)
        assert "running" == stage.state(session)

    perform(script)


def test_a_double_that_cannot_be_ended_is_told_of_and_proved_gone_at_last() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=6)
        first, book = stage.ledger()[0], stage.world.oracle.book
        stage.misbehave("ignore_destroy", count=None)
        stage.cloud.double(first.name)
        await stage.until(lambda: "destroy_failing" in book.notices(), limit=5400)
        [owed] = book.surplus()
        assert (10, True) == (owed.destroy_tries, owed.open)
        stage.behave()
        await stage.until(lambda: not book.surplus()[0].open, limit=900)

        assert [first.id] == [entry.id for entry in stage.alive()]
        assert "running" == stage.state(session)
        assert {"duplicate_destroyed", "duplicate_gone"} <= set(stage.events(session))
        gone = next(row for row in book.events(session) if row[2] == "duplicate_gone")
        double = next(entry for entry in stage.ledger() if entry.id != first.id)
        said = float(json.loads(gone[4])["cost"].split()[0])
        assert said == pytest.approx(double.billed_micros / 1e6, abs=0.01)

    # Its own agent is muted, so that the house alone can end it.
    perform(script, Scene(pushes=False))


def test_a_node_of_what_was_presumed_absent_has_its_account_listed_at_once() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("create_late", seconds=900, answer="504")
        session = await run(stage, reservation_hours=2)
        await stage.until(lambda: len(stage.ledger()) > 1, limit=1800)
        late = max(stage.ledger(), key=lambda entry: entry.created_at)
        stage.cloud.misbehave([{"kind": "ignore_destroy", "operations": ["self"]}])
        # Sweeps are five minutes apart by now.
        await stage.until(lambda: not _entry(stage, late.id).alive, limit=60)

        assert "heard_unseen" in stage.world.oracle.book.notices()
        assert "destroyed" == _entry(stage, late.id).end_reason
        assert "running" == stage.state(session)

    perform(script)


def test_an_instance_whose_label_was_lost_is_held_and_ended_by_its_id() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("label_lost", keep=20)
        session = await run(stage)
        await stage.wait(1800)
        assert "running" == stage.state(session)
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        assert [] == stage.alive()

    perform(script, UNTAGGED)


def test_an_instance_whose_label_was_lost_is_ended_again_when_it_comes_back() -> None:
    async def script(stage: Stage) -> None:
        stage.cloud.misbehave(
            [
                {"kind": "label_lost", "count": 1, "params": {"keep": 20}},
                {"kind": "resurrected", "count": 1, "params": {"seconds": 1800}},
            ]
        )
        session = await run(stage)
        unmarked = stage.ledger()[0]
        await stage.until(lambda: _entry(stage, unmarked.id).returned_at is not None, limit=3600)
        await stage.until(lambda: not _entry(stage, unmarked.id).alive, limit=900)

        assert "late_arrival" in stage.events(session)
        assert "running" == stage.state(session)

    perform(script, replace(UNTAGGED, pushes=False))


def test_an_instance_without_label_and_id_ends_itself() -> None:
    async def script(stage: Stage) -> None:
        stage.cloud.misbehave(
            [{"kind": "label_lost", "count": 1}, {"kind": "lose_create_reply", "count": 1}]
        )
        session = await run(stage)
        first = stage.attempts(session)[0]
        lost = next(one for one in stage.ledger() if one.name == first.label)
        await stage.until(lambda: not _entry(stage, lost.id).alive)

        assert "running" == stage.state(session)
        assert "self_ended" == _entry(stage, lost.id).end_reason

    perform(script, UNTAGGED)


@pytest.mark.parametrize("keep", [0, 20, 57])
def test_an_instance_without_label_and_id_is_found_by_its_second_mark(keep: int) -> None:
    async def script(stage: Stage) -> None:
        stage.cloud.misbehave(
            [
                {"kind": "label_lost", "count": 1, "params": {"keep": keep}},
                {"kind": "lose_create_reply", "count": 1},
            ]
        )
        session = await run(stage)
        [only] = stage.ledger()
        assert only.id == stage.attempts(session)[0].instance_id
        await stage.wait(900)
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        assert [] == stage.alive()

    perform(script)


def _cut_and_unanswered(stage: Stage, *more: str, keep: int) -> None:
    cut = {"kind": "label_lost", "count": 1, "params": {"keep": keep}}
    others = [{"kind": kind, "count": 1} for kind in ("lose_create_reply", *more)]
    stage.cloud.misbehave([cut, *others])


@pytest.mark.parametrize("keep", [40, 50])
def test_an_instance_with_enough_of_its_label_and_no_id_is_found_and_ended(keep: int) -> None:
    async def script(stage: Stage) -> None:
        _cut_and_unanswered(stage, keep=keep)
        session = await run(stage)
        first = stage.attempts(session)[0]
        lost = next(one for one in stage.ledger() if one.name == first.label)
        await stage.until(lambda: not _entry(stage, lost.id).alive, limit=900)
        await stage.until(lambda: stage.attempts(session)[0].state == "closed", limit=900)

        assert lost.id == stage.attempts(session)[0].instance_id
        assert "proved" == stage.attempts(session)[0].proof
        assert "destroyed" == _entry(stage, lost.id).end_reason
        assert "running" == stage.state(session)
        assert "suspect" not in stage.world.oracle.book.notices()

    # Its own agent is muted, so that the house alone can end it.
    perform(script, replace(UNTAGGED, pushes=False))


def test_what_was_presumed_absent_is_found_by_what_is_left_of_its_label() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("create_late", seconds=900, answer="504")
        session = await run(stage, reservation_hours=2)
        # What was ordered is only bought when it takes effect.
        stage.misbehave("label_lost", keep=50)
        await stage.until(lambda: len(stage.ledger()) > 1, limit=1800)
        assert "closed" == stage.attempts(session)[0].state
        late = max(stage.ledger(), key=lambda entry: entry.created_at)
        await stage.until(lambda: not _entry(stage, late.id).alive, limit=900)

        assert "late_arrival" in stage.world.oracle.book.notices()
        assert "destroyed" == _entry(stage, late.id).end_reason
        assert "running" == stage.state(session)

    perform(script, replace(UNTAGGED, pushes=False))


@pytest.mark.parametrize("keep", [0, 39])
def test_what_may_be_ours_and_cannot_be_traced_is_told_and_left_alone(keep: int) -> None:
    async def script(stage: Stage) -> None:
        # No agent of its own will end it.
        _cut_and_unanswered(stage, "never_boot", keep=keep)
        session = await run(stage)
        first = stage.attempts(session)[0]
        lost = next(one for one in stage.ledger() if one.name == first.label)
        await stage.until(
            lambda: stage.world.oracle.book.has_notice(f"suspect:sandbox:{lost.id}"), limit=900
        )
        await stage.wait(3600)

        assert 1 == stage.world.oracle.book.notices().count("suspect")
        assert "presumed" == stage.attempts(session)[0].proof
        assert _entry(stage, lost.id).alive
        assert 0 == _entry(stage, lost.id).destroy_calls
        assert stage.world.oracle.exercised["L8 suspect"]
        # By hand at the cloud, as the notice says.
        stage.cloud.lose_host(lost.id)

    perform(script, UNTAGGED)


def test_a_strangers_instance_with_a_name_like_ours_is_never_touched() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage, reservation_hours=6)
        label = stage.attempts(session)[0].label
        _, deployment, *rest = label.split("-")
        elsewhere = "-".join(("gs1", deployment[::-1], *rest))
        names = [
            "web-1",
            "gs1",
            label[:20],
            label[:39],
            elsewhere,
            elsewhere[:45],
            label[:50] + "x",
        ]
        strangers = {stage.cloud.plant(name) for name in names}
        await stage.wait(3600)

        assert len(names) == len(strangers - {None})
        assert strangers <= {entry.id for entry in stage.cloud.alive()}
        assert not any(entry.destroy_calls for entry in stage.ledger() if entry.id in strangers)
        assert "suspect" not in stage.world.oracle.book.notices()

    perform(script, UNTAGGED)


def _entry(stage: Stage, instance_id: str) -> LedgerEntry:
    return next(entry for entry in stage.ledger() if entry.id == instance_id)
