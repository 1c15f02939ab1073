"""Signs of life: how many a second one worker takes, durably, and what 10,000 agents at one per 30 s cost of a core."""

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from _books import Row, filled
from _load import Answers, Request, closed_loop, open_loop, run
from _places import NO_LISTINGS, Server, place
from _table import Figure, options, show

from gpu_shopper.domain.lifecycle import State
from gpu_shopper.testing.builders import a_heartbeat

_NODES = 1000
_FLEET_RATE = 10_000 / 30


@dataclass(slots=True)
class Fleet:
    """Agents that report in turn, each with its own token and a counter that only grows."""

    rows: Sequence[Row]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def report(self, _: int = 0) -> Request:
        """Return the next report of the next agent."""
        number = next(self.numbers)
        row = self.rows[number % len(self.rows)]
        body = replace(
            a_heartbeat(row.attempt.label), boot_id="boot-1", counter=2 + number // len(self.rows)
        )
        bearer = (("authorization", f"Bearer {row.token}"),)
        return Request("POST", "/api/v1/agent/heartbeat", body.to_json().encode(), bearer)

    def reports(self) -> Iterator[Request]:
        """Return them one after the other."""
        while True:
            yield self.report()


def _spent(server: Server, fleet: Fleet, *, seconds: float) -> tuple[Answers, float]:
    """Return the answers at the fleet's rate, and the server's share of one core meanwhile."""
    before, began = server.cpu_s(), time.monotonic()
    count = int(_FLEET_RATE * seconds)
    answers = run(open_loop(server.url, fleet.report, rate=_FLEET_RATE, count=count)).expect(200)
    return answers, (server.cpu_s() - before) / (time.monotonic() - began) * 100


def main() -> None:
    asked = options(__doc__, seconds=8.0)
    with place() as here:
        data = here.data()
        fleet = Fleet(filled(data, count=_NODES, state=State.RUNNING))
        cloud = here.cloud(offers=1)
        cloud.misbehave(*NO_LISTINGS)
        server = here.server(data, **cloud.settings)
        server.await_ready()
        run(closed_loop(server.url, fleet.reports(), clients=4, seconds=1)).expect(200)
        alone = run(closed_loop(server.url, fleet.reports(), clients=1, seconds=2)).expect(200)
        many = run(closed_loop(server.url, fleet.reports(), clients=32, seconds=asked.seconds / 2))
        many.expect(200)
        steady, share = _spent(server, fleet, seconds=asked.seconds)
    how = f"{_NODES:,} running sessions, real HTTP, each report committed before its answer"
    figures = [
        Figure(what="10,000 agents, one report per 30 s", value=share, unit="% of a core", target=50, how=f"{_FLEET_RATE:.0f}/s for {asked.seconds:g} s"),
        Figure(what="  answered after, p50", value=steady.ms(0.5), unit="ms"),
        Figure(what="  p99", value=steady.ms(0.99), unit="ms", how="from the moment it was due"),
        Figure(what="reports, 32 at a time", value=many.rate, unit="/s", target=_FLEET_RATE, more_is_better=True, how=how),
        Figure(what="report, 1 at a time, p50", value=alone.ms(0.5), unit="ms"),
    ]  # fmt: skip
    show(figures, markdown=asked.markdown)


if __name__ == "__main__":
    main()
