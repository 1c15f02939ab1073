"""What the house has to do about each way in which a cloud can go wrong, one by one.

Every scenario ends at rest, with every invariant asked: nothing of ours lives, strangers' instances still do, each interval
is charged once, and what we say it cost is what the cloud's meter says.
"""

import json

import pytest

from gpu_shopper.domain.errors import NothingMatches
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.testing.cloud_kinds import WARY_QUIRKS
from gpu_shopper.testing.scenarios import Scene, Stage
from tests.sim.perform import perform, run

# ── the create call ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("misdeed", ["lose_create_reply", "create_then_500"])
def test_an_instance_whose_answer_was_lost_is_found_by_its_label(misdeed: str) -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave(misdeed)
        session = await run(stage)

        assert 1 == len(stage.attempts(session))
        assert 1 == len(stage.ledger())
        assert "attempt_unknown" in stage.events(session)

    perform(script)


@pytest.mark.parametrize("answer", ["504", "cut"])
def test_a_create_that_takes_effect_late_is_adopted(answer: str) -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("create_late", seconds=12, answer=answer)
        session = await run(stage)

        assert 1 == len(stage.attempts(session))
        assert 1 == len(stage.ledger())

    perform(script)


def test_an_instance_that_arrives_after_its_attempt_was_closed_is_destroyed() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("create_late", seconds=900, answer="504")
        session = await run(stage)
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


def test_nothing_is_presumed_absent_without_a_look_after_its_quarantine() -> None:
    """A house that was away when the quarantine ended looks once more before it presumes."""

    async def script(stage: Stage) -> None:
        stage.misbehave("create_late", seconds=200, answer="504")
        session = await stage.request(auto_retry=False)
        await stage.until(lambda: [row.looks >= 5 for row in stage.attempts(session)] == [True])
        await stage.leave_house(1200)
        await stage.until(lambda: stage.state(session) in {"stopped", "failed"})

        assert ["proved"] == [row.proof for row in stage.attempts(session)]
        assert "late_arrival" not in stage.events(session)

    perform(script, Scene(pushes=False))


def test_a_create_that_was_refused_costs_nothing_and_the_next_offer_is_bought() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("no_capacity")
        session = await run(stage)

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
        session = await run(stage)

        first, second = stage.attempts(session)
        assert json.loads(first.offer)["id"] != json.loads(second.offer)["id"]
        assert "not_as_sold" in stage.events(session)
        assert _blames(stage) == [(json.loads(first.offer)["id"], "offer")]

    perform(script)


def test_an_instance_dearer_than_the_cap_is_destroyed_and_the_next_offer_bought() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("wrong_price", factor=50, admits=True)
        session = await run(stage)

        assert 2 == len(stage.attempts(session))
        assert "not_as_sold" in stage.events(session)

    perform(script)


@pytest.mark.parametrize("misdeed", ["never_boot", "boot_fails"])
def test_an_instance_that_never_comes_up_is_destroyed_and_the_next_offer_bought(
    misdeed: str,
) -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave(misdeed)
        session = await run(stage)

        first, second = stage.attempts(session)
        assert json.loads(first.offer)["machine_id"] != json.loads(second.offer)["machine_id"]
        assert _blames(stage) == [(json.loads(first.offer)["id"], "machine")]

    perform(script)


# ── reading ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pushes", [True, False])
def test_a_heartbeat_vetoes_what_the_cloud_says(pushes: bool) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        stage.cloud.misbehave([{"kind": "list_empty"}, {"kind": "get_false_404"}])
        await stage.wait(2700)

        assert "running" == stage.state(session)
        assert 0 == stage.ledger()[0].destroy_calls

    perform(script, Scene(pushes=pushes))


@pytest.mark.parametrize("misdeed", ["list_cut", "list_empty", "list_lag"])
def test_a_listing_that_lies_ends_nothing(misdeed: str) -> None:
    async def script(stage: Stage) -> None:
        sessions = [await run(stage) for _ in range(3)]
        stage.misbehave(misdeed, count=None)
        await stage.wait(1800)

        assert ["running"] * 3 == [stage.state(session) for session in sessions]

    perform(script)


def test_mass_absence_freezes_what_is_inferred_and_nothing_else() -> None:
    async def script(stage: Stage) -> None:
        sessions = [await run(stage) for _ in range(4)]
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
        session = await run(stage)
        stage.cloud.lose_host(stage.ledger()[0].id)
        await stage.until_state(session, "failed")

        assert stage.reason(session) in {"lost", "silent"}

    perform(script)


def test_a_preempted_session_fails() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("preempt", seconds=600)
        session = await run(stage)
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
        session = await run(stage)
        stage.misbehave(misdeed, **params)
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        assert [] == stage.alive()
        assert "proved" == stage.attempts(session)[0].proof

    perform(script)


def test_a_destroy_that_never_works_is_retried_and_told_of() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
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
        session = await run(stage)
        stage.cloud.misbehave(
            [{"kind": "ignore_destroy", "count": 1}, {"kind": "get_false_404", "count": 1}]
        )
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        assert stage.ledger()[0].destroy_calls >= 2

    perform(script, Scene(quirks=WARY_QUIRKS) if quirks == "wary" else Scene())


@pytest.mark.parametrize("quirks", ["sandbox", "wary"])
def test_a_listing_that_lags_behind_a_proved_end_is_not_billed(quirks: str) -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        await stage.wait(1500)
        await stage.finish(session)
        await stage.until_state(session, "stopped")
        before = stage.world.oracle.book.charges()
        await stage.wait(200)
        stage.misbehave("list_lag", count=1, seconds=700)
        await stage.until(lambda: "late_arrival" in stage.events(session), limit=400)
        await stage.until(lambda: stage.attempts(session)[0].proof == "proved", limit=900)

        assert before == stage.world.oracle.book.charges()

    perform(script, Scene(quirks=WARY_QUIRKS) if quirks == "wary" else Scene())


def test_a_destroy_that_takes_its_time_is_billed_until_it_is_gone() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        stage.misbehave("slow_destroy", seconds=500)
        await stage.finish(session)
        await stage.until_state(session, "stopped")

        entry = stage.ledger()[0]
        said = sum(amount for *_, amount in stage.world.oracle.book.charges())
        assert entry.billed_micros * 0.99 <= said <= entry.billed_micros * 1.02

    perform(script)


def _blames(stage: Stage) -> list[tuple[str, str]]:
    query = "SELECT offer_id, blame FROM outcomes WHERE blame IS NOT NULL"
    return stage.world.memory.desk.raw.execute(query).fetchall()
