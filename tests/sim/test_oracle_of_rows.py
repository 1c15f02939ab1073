"""The oracle can fail, once more: what is done to the book behind the house's back, and what the house leaves undone."""

import asyncio

import pytest

from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import ModelRequest
from gpu_shopper.testing import bounds, checks
from gpu_shopper.testing.clouds import ACCOUNT_KEY
from gpu_shopper.testing.scenarios import Scene, Script, Stage, play
from gpu_shopper.testing.sim_door import Way


def violated(script: Script, scene: Scene | None = None) -> set[str]:
    """Play a script that does wrong, and return what the oracle calls it."""
    return {violation.check for violation in play(script, scene=scene).outcome.violations}


async def _running(stage: Stage) -> str:
    session = await stage.request()
    await stage.until_state(session, "running")
    return session


async def _stopped(stage: Stage) -> str:
    session = await _running(stage)
    await stage.finish(session)
    await stage.until_state(session, "stopped")
    return session


def _tamper(stage: Stage, *statements: str) -> None:
    """Change the book behind the house's back, and let the oracle see it."""
    raw = stage.world.memory.desk.raw
    named = raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (trigger,) in named:
        raw.execute(f"DROP TRIGGER {trigger}")
    raw.execute("PRAGMA ignore_check_constraints = ON")
    for statement in statements:
        raw.execute(statement)
    stage.world.oracle.committed()


def _freeze(stage: Stage) -> None:
    """Stop the house without a word: to the oracle it is up, and does nothing."""
    life = stage.world.house.life
    assert life is not None, "it lives"
    life.process.pause()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE attempts SET state = 'closed', proof = 'proved', wanted = 0", "S2"),
        ("UPDATE sessions SET epoch = epoch - 1", "S9"),
        ("UPDATE sessions SET stop_reason = 'lost', stop_actor = 'engine'", "S5"),
    ],
)
def test_a_running_session_whose_rows_are_changed(statement: str, expected: str) -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        await stage.wait(60)
        _tamper(stage, statement)

    assert expected in violated(script)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE attempts SET state = 'bound', wanted = 1", "S7"),
        ("UPDATE sessions SET state = 'failed'", "S7"),
        ("UPDATE sessions SET stop_reason = 'idle'", "S7"),
        ("UPDATE attempts SET state = 'closing', next_action_at = NULL", "L12"),
        (
            "INSERT INTO notices (id, at, kind, text, details, tries, delivered_at) VALUES ('n', 1, 'k', 't', '{}', 1, 1)",
            "L9",
        ),
    ],
)
def test_a_session_that_is_over_and_whose_rows_are_changed(statement: str, expected: str) -> None:
    async def script(stage: Stage) -> None:
        await _stopped(stage)
        _freeze(stage)
        _tamper(stage, statement)
        for check in checks.AT_REST:
            check(stage.world.oracle)

    assert expected in violated(script)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE attempts SET state = 'closing', wanted = 0, next_action_at = NULL", "L5"),
        ("UPDATE sessions SET next_action_at = NULL", "L5"),
        (
            "UPDATE attempts SET state = 'closing', wanted = 0, destroy_tries = 11, alerted_at = NULL",
            "L8",
        ),
        (
            "INSERT INTO notices (id, at, kind, text, details, tries) VALUES ('n', 1, 'k', 't', '{}', 1)",
            "L9",
        ),
    ],
)
def test_a_row_that_nobody_will_look_at(statement: str, expected: str) -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        _freeze(stage)
        _tamper(stage, statement)
        stage.world.tick()

    assert expected in violated(script)


@pytest.mark.parametrize("gone", [False, True])
def test_what_is_given_up_as_gone_is_asked_for_by_its_id_not_by_the_name_it_shares(
    gone: bool,
) -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        await stage.wait(60)
        _freeze(stage)
        [held] = stage.alive()
        stage.cloud.double(held.name)
        if gone:
            stage.cloud.lose_host(held.id)
        _tamper(
            stage,
            "UPDATE attempts SET state = 'closing', wanted = 0, unwanted_because = 'lost'",
        )

    assert ("S5" not in violated(script)) is gone


def test_a_stopped_instance_that_passes_for_gone() -> None:
    async def script(stage: Stage) -> None:
        session = await _running(stage)
        stage.misbehave("stop_instead_of_destroy", count=None)
        await stage.finish(session)
        await stage.until(lambda: stage.ledger()[0].status == "stopped")
        stage.behave()
        _tamper(stage, "UPDATE attempts SET state = 'closed', proof = 'proved'")

    assert "S8" in violated(script)


def test_a_row_that_is_written_under_an_older_epoch() -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        _freeze(stage)
        take = "UPDATE sessions SET epoch = epoch + 1"

        async def late_writer() -> None:
            _tamper(stage, take)
            await asyncio.sleep(2)
            # What another has taken since is written by this one all the same.
            _tamper(stage, "UPDATE attempts SET state = 'closing', wanted = 0")

        async def successor() -> None:
            await asyncio.sleep(1)
            _tamper(stage, take)

        await asyncio.gather(late_writer(), successor())

    assert "S9" in violated(script)


def test_a_session_that_runs_unheard() -> None:
    async def script(stage: Stage) -> None:
        session = await stage.request()
        await stage.until_state(session, "provisioning")
        _freeze(stage)
        _tamper(stage, "UPDATE sessions SET state = 'running', running_at = created_at")

    assert "S15" in violated(script)


def test_an_end_that_is_inferred_while_the_account_is_frozen() -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        _freeze(stage)
        _tamper(
            stage,
            "INSERT INTO accounts (provider, frozen_since, frozen_because) VALUES ('sandbox', 1, '')"
            " ON CONFLICT DO UPDATE SET frozen_since = 1",
            "UPDATE sessions SET state = 'stopping', stop_reason = 'lost', stop_actor = 'engine'",
        )

    assert "S17" in violated(script)


def test_an_instance_that_is_given_up_before_it_ran_while_the_account_is_frozen() -> None:
    async def script(stage: Stage) -> None:
        session = await stage.request()
        await stage.until_state(session, "provisioning")
        _freeze(stage)
        _tamper(
            stage,
            "INSERT INTO accounts (provider, frozen_since, frozen_because) VALUES ('sandbox', 1, '')"
            " ON CONFLICT DO UPDATE SET frozen_since = 1",
            "UPDATE attempts SET state = 'closing', wanted = 0,"
            " unwanted_because = 'sandbox holds no such instance any more'",
        )

    assert "S17" in violated(script)


def test_a_destroy_without_a_reason_in_the_book() -> None:
    async def script(stage: Stage) -> None:
        session = await _running(stage)
        stage.misbehave("ignore_destroy", count=None)
        await stage.finish(session)
        await stage.until(lambda: stage.ledger()[0].destroy_calls > 0)
        _tamper(stage, "UPDATE attempts SET unwanted_because = NULL")
        await stage.until(lambda: stage.ledger()[0].destroy_calls > 1)

    assert "S19" in violated(script)


def test_a_restart_that_changes_what_was_at_rest() -> None:
    async def script(stage: Stage) -> None:
        session = await _stopped(stage)

        async def vandal() -> None:
            await asyncio.sleep(60)
            raw = stage.world.memory.desk.raw
            raw.execute("UPDATE sessions SET epoch = epoch + 1 WHERE id = ?", (session,))

        done = stage.world.loop.spawn(vandal())
        await stage.world.s20_recovering_twice_changes_nothing()
        await done

    assert "S20" in violated(script)


# ── a house that is up, and does nothing ──────────────────────────────────────────────────────────


async def _seen_by(stage: Stage, seconds: float, *asked: bounds.Bound) -> None:
    """Let time pass, and ask these bounds alone each minute."""
    end = stage.world.loop.time() + seconds
    while stage.world.loop.time() < end and not stage.world.oracle.violations:
        await asyncio.sleep(60)
        for check in asked:
            check(stage.world.oracle)


def test_a_closed_label_that_shows_up_and_is_left_alone() -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        _freeze(stage)
        _tamper(stage, "UPDATE attempts SET state = 'closed', proof = 'presumed', wanted = 0")
        await _seen_by(stage, 600, bounds.s2_what_reappears_is_reopened)

    assert "S2" in violated(script)


@pytest.mark.parametrize(
    ("looks", "lied_at", "fooled"), [(3, 900, True), (2, 900, False), (3, 100, False)]
)
def test_what_was_presumed_absent_after_enough_looks_was_hidden_from_the_last(
    looks: int, lied_at: float, fooled: bool
) -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        _freeze(stage)
        told = stage.world.oracle.witness.of("sandbox", stage.ledger()[0].id)
        told.false_listings.append(lied_at)
        _tamper(stage, "UPDATE attempts SET state = 'closed', proof = 'presumed', wanted = 0")
        counted = f"UPDATE attempts SET looks = {looks}"  # noqa: S608 - a number of our own
        _tamper(stage, counted, "UPDATE attempts SET state = 'closing', proof = NULL")

    said = [each.message for each in play(script).outcome.violations if each.check == "S2"]
    assert fooled == (not any("presumed absent" in message for message in said))


def test_an_outage_after_which_nobody_looks() -> None:
    async def script(stage: Stage) -> None:
        session = await _running(stage)
        stage.cloud.take(Way.CUT)
        stage.world.oracle.down("sandbox")
        await stage.finish(session)
        await stage.wait(300)
        _freeze(stage)
        stage.world.oracle.up("sandbox")
        await _seen_by(stage, 900, bounds.l2_outages_end_with_a_destroy)

    assert "L2" in violated(script)


def test_a_node_that_outlives_a_house_that_is_away_for_ever() -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        entry = stage.ledger()[0]
        node = stage.world.nodes.of(entry.id)
        assert node is not None
        stage.cloud.misbehave([{"kind": "lose_request", "operations": ["self"]}])
        _freeze(stage)
        stage.world.oracle.down("house")
        await _seen_by(stage, 2400, bounds.l3_nothing_outlives_us_for_long)

    assert "L3" in violated(script)


def test_an_unknown_that_nobody_resolves() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("lose_create_reply")
        session = await stage.request()
        await stage.until(lambda: bool(stage.attempts(session)))
        _freeze(stage)
        await _seen_by(stage, 4000, bounds.l4_unknowns_resolve)

    assert "L4" in violated(script)


def test_what_may_be_ours_and_nobody_is_told_of() -> None:
    async def script(stage: Stage) -> None:
        kinds = ("label_lost", "lose_create_reply", "never_boot")
        stage.cloud.misbehave([{"kind": kind, "count": 1} for kind in kinds])
        session = await stage.request()
        await stage.until(lambda: bool(stage.attempts(session)) and len(stage.cloud.ledger()) > 1)
        _freeze(stage)
        await _seen_by(stage, 4000, bounds.l8_what_may_be_ours_is_told)

    untagged = Scene(config=ModelConfig(boot_s=(5.0, 5.0), stock=5, shows_tags=False))
    assert "L8" in violated(script, untagged)


def test_a_session_that_is_overdue() -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        _freeze(stage)
        await _seen_by(stage, 1800, bounds.l5_nothing_is_without_a_future)

    assert "L5" in violated(script)


def test_a_request_that_neither_runs_nor_fails() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("never_boot")
        await stage.request()
        _freeze(stage)
        await _seen_by(stage, 3000, bounds.l6_requests_end_or_run)

    assert "L6" in violated(script)


def test_a_destroy_that_is_not_tried_again() -> None:
    async def script(stage: Stage) -> None:
        session = await _running(stage)
        stage.cloud.misbehave([{"kind": "ignore_destroy"}])
        node = stage.world.nodes.of(stage.ledger()[0].id)
        assert node is not None
        await stage.finish(session)
        await stage.until(lambda: stage.ledger()[0].destroy_calls > 0)
        _freeze(stage)
        stage.world.nodes.stop(stage.ledger()[0].id)
        await _seen_by(stage, 2400, bounds.l1_unwanted_instances_die)

    assert "L7" in violated(script)


@pytest.mark.parametrize("looks", [True, False])
def test_a_double_that_every_listing_hides_is_held_against_a_house_that_does_not_look(
    looks: bool,
) -> None:
    async def script(stage: Stage) -> None:
        await stage.request(reservation_hours=4)
        await stage.until(lambda: len(stage.alive()) == 1)
        await stage.wait(300)
        stage.misbehave("list_empty", count=None)
        stage.cloud.double(stage.ledger()[0].name)
        if not looks:
            _freeze(stage)
        await _seen_by(stage, 2400, bounds.l1_unwanted_instances_die)
        stage.behave()

    violations = violated(script, Scene(names_itself=False))
    assert violations == set() if looks else "L1" in violations


def test_a_double_that_is_left_without_a_row() -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        await stage.wait(300)
        _freeze(stage)
        stage.cloud.double(stage.ledger()[0].name)
        await stage.wait(560)

    assert "S1" in violated(script)


def test_a_double_that_is_destroyed_without_a_row() -> None:
    async def script(stage: Stage) -> None:
        await _running(stage)
        first = stage.ledger()[0]
        _freeze(stage)
        stage.cloud.double(first.name)
        double = next(entry for entry in stage.ledger() if entry.id != first.id)
        cloud = stage.cloud
        cloud.model.handle(
            ModelRequest(
                method="DELETE",
                path=f"v1/instances/{double.id}",
                query={},
                body=None,
                key=ACCOUNT_KEY,
            ),
            now=cloud.now(),
        )
        await stage.wait(60)

    assert "S19" in violated(script)
