"""How long things took is measured from the truth: what is told of a scripted world is what happened in it."""

from gpu_shopper.testing import distributions
from gpu_shopper.testing.distributions import add_up, lines
from gpu_shopper.testing.scenarios import Stage, play
from gpu_shopper.testing.sim_door import Way
from tests.sim.perform import perform, run


async def _lived(stage: Stage) -> None:
    session = await run(stage)
    await stage.wait(600)
    await stage.finish(session)
    await stage.until_state(session, "stopped")


def test_an_honest_world_is_quick_and_exact() -> None:
    figures = perform(_lived).outcome.figures

    assert 1 == len(figures[distributions.UNATTENDED])
    assert figures[distributions.UNATTENDED][0] < 2
    assert figures[distributions.RUNNING][0] < 60
    assert figures[distributions.COST_PERCENT][0] < 1
    assert [] == figures[distributions.ADOPTION] + figures[distributions.DUPLICATE]


def test_an_order_that_the_cloud_took_and_ignored_begins_a_new_stretch() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        stage.cloud.misbehave([{"kind": "ignore_destroy", "count": 3}])
        await stage.finish(session)
        await stage.until_state(session, "stopped")

    figures = perform(script).outcome.figures
    whole, longest = figures[distributions.UNATTENDED][0], figures[distributions.ANSWERED][0]

    assert whole > 25
    assert longest < whole - 5


def test_time_in_which_the_cloud_is_out_of_reach_is_not_ours() -> None:
    async def script(stage: Stage) -> None:
        session = await run(stage)
        stage.cloud.take(Way.CUT)
        stage.world.oracle.down("sandbox")
        await stage.finish(session)
        await stage.wait(900)
        stage.cloud.take(Way.OPEN)
        stage.world.oracle.up("sandbox")
        await stage.until_state(session, "stopped")

    figures = perform(script).outcome.figures

    assert figures[distributions.UNATTENDED][0] > 900
    assert figures[distributions.ANSWERED][0] < 330


def test_a_lost_reply_is_adopted_and_its_time_told() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("lose_create_reply")
        await _lived(stage)

    figures = perform(script).outcome.figures

    assert 1 == len(figures[distributions.ADOPTION])
    assert 0 < figures[distributions.ADOPTION][0] < 120


def test_two_instances_of_one_session_are_told_by_the_time_that_they_share() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("create_late", seconds=900, answer="504")
        await run(stage)
        await stage.until(lambda: len(stage.ledger()) == 2)
        await stage.wait(600)

    figures = perform(script).outcome.figures

    assert 1 == len(figures[distributions.DUPLICATE])
    assert figures[distributions.DUPLICATE][0] < 400


def test_what_was_lost_with_its_book_is_asked_for_again_when_it_is_taken_in_again() -> None:
    async def script(stage: Stage) -> None:
        stage.misbehave("slow_boot", seconds=200)
        session = await stage.request()
        await stage.until(lambda: bool(stage.ledger()))
        await stage.wait(150)
        life, memory = stage.world.house.life, stage.world.memory
        assert life is not None, "it lives"
        life.process.kill(because="the disk is gone")
        memory.lose()
        stage.world.oracle.rewound()
        await stage.until_state(session, "running")
        await stage.finish(session)

    (seconds,) = play(script).outcome.figures[distributions.RUNNING]

    assert seconds < 120


def test_figures_of_many_worlds_are_added_up() -> None:
    total: distributions.Figures = {}
    for seconds in range(100):
        add_up(total, {distributions.UNATTENDED: [float(seconds)]})

    assert ["unattended, s: 100 times, p50 50.0, p99 99.0, max 99.0"] == list(lines(total))
