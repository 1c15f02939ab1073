"""A fault is counted where it strikes: one that finds nobody to strike at has tried nothing."""

import asyncio
from dataclasses import replace

from gpu_shopper.testing.faults import TROUBLES
from gpu_shopper.testing.loop import current_loop, run_simulation
from gpu_shopper.testing.scenarios import Scene
from gpu_shopper.testing.world import World

# At a house that never was, and a cloud without an instance.
STRIKES_ALL_THE_SAME = {
    "clock_jump", "clock_drifts", "book_busy", "disk_full", "book_read_only", "disk_lies",
    "book_restored", "book_lost", "network_cut", "api_down", "key_revoked",
}  # fmt: skip


def test_what_finds_nobody_to_strike_at_is_not_counted() -> None:
    async def live() -> set[str]:
        often = dict.fromkeys(TROUBLES, 20.0) | {"clock_drifts": 1.0, "network_loses": 0.0}
        world = World(replace(Scene().profile(1), faults=often), current_loop())
        world.troubles.begin()
        await asyncio.sleep(24 * 3600)
        world.troubles.end()
        return {name for name, count in world.oracle.faults.items() if count}

    assert STRIKES_ALL_THE_SAME == run_simulation(live(), seed=1)
