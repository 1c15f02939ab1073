"""How long a server takes until it has offers to show, and how much memory it holds."""

import time

from _places import Place, Server, place
from _table import Figure, options, percentile, show

_RUNS = 5


def _fresh(here: Place) -> float:
    """Start on an empty folder, the embedded sandbox with it."""
    server = here.server(here.data())
    took = server.await_ready()
    server.end()
    return took


def _again(here: Place) -> list[float]:
    """Start on a folder whose sandbox cloud runs already, as after a crash."""
    data = here.data()
    server = here.server(data)
    server.await_ready()
    took = []
    for _ in range(_RUNS):
        server.process.kill()
        server.process.wait()
        server = here.server(data)
        took.append(server.await_ready())
    return took


def _memory(here: Place, *, offers: int) -> tuple[Server, float]:
    server = here.server(here.data(), **here.cloud(offers=offers).settings)
    server.await_ready()
    time.sleep(2)  # Until what the start needed is given back.
    return server, server.memory_mb()


def main() -> None:
    asked = options(__doc__)
    with place() as here:
        fresh = [_fresh(here) for _ in range(_RUNS)]
        again = _again(here)
        idle, idle_mb = _memory(here, offers=1)
        before, began = idle.cpu_s(), time.monotonic()
        time.sleep(max(10.0, asked.seconds))
        idle_cpu = (idle.cpu_s() - before) / (time.monotonic() - began) * 100
        _, filled_mb = _memory(here, offers=3000)
    how = f"median of {_RUNS}, until /ready is 200"
    figures = [
        Figure(what="server ready, sandbox started with it", value=percentile(fresh, 0.5), unit="s", target=1.5, how=how),
        Figure(what="server ready, sandbox runs already", value=percentile(again, 0.5), unit="s", target=1.5, how=f"{how}; after kill -9"),
        Figure(what="memory, idle", value=idle_mb, unit="MB", target=120, how="1 offer"),
        Figure(what="memory, 3,000 offers", value=filled_mb, unit="MB", target=250, how="the target is for 170,000"),
        Figure(what="processor, idle", value=idle_cpu, unit="% of a core", how="the fast sweeps after a start included"),
    ]  # fmt: skip
    show(figures, markdown=asked.markdown)


if __name__ == "__main__":
    main()
