"""Playing a scenario in a test: every invariant must hold at its end."""

from gpu_shopper.testing.scenarios import Played, Scene, Script, Stage, play


def perform(script: Script, scene: Scene | None = None) -> Played:
    played = play(script, scene=scene)

    assert [] == played.outcome.violations
    return played


async def run(stage: Stage, **changes: object) -> str:
    session = await stage.request(**changes)
    await stage.until_state(session, "running", "failed", "stopped")
    assert "running" == stage.state(session), stage.events(session)
    return session
