"""The program around the model, without instances: that it ends when it is told to."""

import asyncio
import random
from pathlib import Path

import pytest

from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.sandbox.program import Program
from gpu_shopper.sandbox.supervisor import Supervisor


class Kept:
    """A store that writes nothing down."""

    def save(self, state: bytes) -> None:
        assert state


@pytest.mark.parametrize("turns", range(8))
def test_it_ends_however_soon_after_a_change_it_is_told_to(tmp_path: Path, turns: int) -> None:
    async def live_and_end() -> None:
        model = CloudModel(Catalogue(seed=1, size=1), random.Random(1), ModelConfig())
        program = Program(model, Kept(), Supervisor(tmp_path, api="http://127.0.0.1:1"))
        await program.open()
        # The keeper of time sleeps.
        for _ in range(20):
            await asyncio.sleep(0)
        await program.commit()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await program.close()

    asyncio.run(live_and_end())
