"""Worlds in which something is done wrong, so that the oracle has to see it."""

from gpu_shopper.testing.scenarios import Scene, Script, Stage, play


def violated(script: Script, scene: Scene | None = None) -> set[str]:
    """Play a script that does wrong, and return what the oracle calls it."""
    return {violation.check for violation in play(script, scene=scene).outcome.violations}


async def running(stage: Stage) -> str:
    session = await stage.request()
    await stage.until_state(session, "running")
    return session


def freeze(stage: Stage) -> None:
    """Stop the house without a word: to the oracle it is up, and does nothing."""
    life = stage.world.house.life
    assert life is not None, "it lives"
    life.process.pause()


def tamper(stage: Stage, *statements: str) -> None:
    """Change the book behind the house's back, and let the oracle see it."""
    raw = stage.world.memory.desk.raw
    named = raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (trigger,) in named:
        raw.execute(f"DROP TRIGGER {trigger}")
    raw.execute("PRAGMA ignore_check_constraints = ON")
    for statement in statements:
        raw.execute(statement)
    stage.world.oracle.committed()
