"""How many whole worlds a second the simulator lives through on one core, and how much faster than real time."""

import importlib.util
import time
from collections.abc import Callable
from typing import Any

from _table import Figure, options, show

_WORLD = "gpu_shopper.testing.world"
_HOURS = 24.0
_DAY_S = 86_400.0


def main() -> None:
    asked = options(__doc__, seconds=20.0)
    if importlib.util.find_spec(_WORLD) is None:
        print(f"{_WORLD} is not there: nothing to measure")
        return
    from gpu_shopper.testing.collecting import collected_seldom  # noqa: PLC0415 - it may not be there
    from gpu_shopper.testing.world import run_seed  # noqa: PLC0415

    with collected_seldom():
        figures = _measure(run_seed, asked.seconds)
    show(figures, markdown=asked.markdown)


def _measure(run_seed: Callable[..., Any], seconds: float) -> list[Figure]:
    run_seed(0, hours=0.1)  # Modules, statements, decoders.
    seeds, simulated_s, sessions, failed = 0, 0.0, 0, 0
    began, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        outcome = run_seed(seeds + 1, hours=_HOURS)
        seeds += 1
        simulated_s += outcome.simulated_s
        sessions += sum(outcome.states.values())
        failed += not outcome.ok
    cpu_s = time.process_time() - cpu
    how = (
        f"seeds 1 to {seeds}: {_HOURS:g} busy hours each, then until all is at rest; processor time"
    )
    return [
        Figure(what="worlds", value=seeds / cpu_s, unit="/s/core", target=2, more_is_better=True, how=how),
        Figure(what="  simulated time of each", value=simulated_s / seeds / _DAY_S, unit="days"),
        Figure(what="  faster than real time", value=simulated_s / cpu_s, unit="×", target=100_000, more_is_better=True),
        Figure(what="  sessions", value=sessions / cpu_s, unit="/s"),
        Figure(what="  worlds with a broken invariant", value=failed, unit=""),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
