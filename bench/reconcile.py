"""Ten thousand running sessions at five clouds against complete listings: processor time, and how long the loop stands still.

In process, over a database file as a server has it; the clouds hand over their listings ready-made, so that what is
measured is ours: the census and what it writes, and then one pass over every session.
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from _books import Row, fill, open_book, vault_of
from _table import Figure, options, show

from gpu_shopper.bootstrap.boot_scripts import AgentBootScripts
from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.domain.ids import ProviderName, SessionId
from gpu_shopper.domain.instance import Instance, Listing
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.engine.cloud import Cloud
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.reconciler import Reconciler
from gpu_shopper.engine.sweeping import Sweeping
from gpu_shopper.market.holder import Market
from gpu_shopper.queries.health import HealthQueries
from gpu_shopper.runtime.chance import RealChance
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.runtime.metrics import PrometheusMeter
from gpu_shopper.runtime.notifying import LogAndWebhookNotifier
from gpu_shopper.runtime.probing import SshProbe
from gpu_shopper.runtime.wakeup import LocalWakeup
from gpu_shopper.stores.sqlite import SqliteBooks
from gpu_shopper.testing.builders import an_instance
from gpu_shopper.transport.door import AiohttpDoor

_CLOUDS = tuple(f"cloud-{number}" for number in range(5))
_FEW, _MANY = 2_000, 10_000
_PASSES_AT_ONCE = 32
_LOOK_S = 0.001


class ListedCloud:
    """A cloud that knows its listing by heart and counts how often it is asked for it."""

    capabilities = Capabilities()
    quirks = Quirks(requests_per_second=1000, burst=1000)

    def __init__(self, name: str, instances: Sequence[Instance]) -> None:
        self.name = ProviderName(name)
        self.asked = 0
        self._instances = tuple(instances)

    async def list_all(self) -> Listing:
        """See the port."""
        self.asked += 1
        return Listing(instances=self._instances, began_at=RealClock().now(), complete=True)

    async def balance(self) -> None:
        """See the port."""

    def __getattr__(self, call: str) -> Any:
        raise AssertionError(f"nothing here calls {call}")


@dataclass(slots=True)
class Spent:
    """What a piece of work took."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    stall_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class Measured:
    """What one book of so many sessions took."""

    count: int
    sweep: Spent
    again: Spent
    passes: Spent
    scrape: Spent
    listings: int


async def _spent(work: Awaitable[object]) -> Spent:
    """Await `work` while a second task looks how late it gets its turn."""
    spent = Spent()

    async def look() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_LOOK_S)
            spent.stall_s = max(spent.stall_s, time.perf_counter() - began - _LOOK_S)

    looking = asyncio.create_task(look())
    await asyncio.sleep(0.05)
    spent.stall_s, cpu, wall = 0.0, time.process_time(), time.perf_counter()
    await work
    spent.cpu_s, spent.wall_s = time.process_time() - cpu, time.perf_counter() - wall
    await asyncio.sleep(0.01)
    looking.cancel()
    return spent


def _desk(data: Path, books: SqliteBooks, clouds: Sequence[ListedCloud], deployment: Any) -> Desk:
    clock, meter, limits = RealClock(), PrometheusMeter(), Limits()
    vault = vault_of(data)
    scripts = AgentBootScripts({}, public_url="http://127.0.0.1:1", limits=limits)
    return Desk(
        books=books,
        clock=clock,
        chance=RealChance(),
        vault=vault,
        market=Market(),
        clouds={
            cloud.name: Cloud(cloud, clock=clock, meter=meter, label_key=vault.label_key)
            for cloud in clouds
        },
        probe=SshProbe(),
        boot_scripts=scripts,
        notifier=LogAndWebhookNotifier(meter, AiohttpDoor(), webhook_url=None),
        meter=meter,
        wakeup=LocalWakeup(),
        limits=limits,
        deployment=deployment.id,
        owner="bench",
    )


async def _measure(data: Path, count: int) -> Measured:
    books = open_book(data)
    try:
        rows = await fill(
            books, vault_of(data), count=count, state=State.RUNNING, providers=_CLOUDS
        )
        clouds = [ListedCloud(name, _instances(rows, name)) for name in _CLOUDS]
        ids = [row.session.id for row in rows]
        # A server does not hold these, and collecting garbage would walk over all of them.
        del rows
        gc.collect()
        deployment = await books.read(lambda book: book.deployment())
        desk = _desk(data, books, clouds, deployment)
        sweeping = Sweeping(desk)

        async def sweep() -> None:
            await asyncio.gather(*(sweeping.sweep(cloud.name) for cloud in clouds))

        first, second = await _spent(sweep()), await _spent(sweep())
        listings = max(cloud.asked for cloud in clouds)
        passes = await _spent(_pass_over(desk, ids))
        health = HealthQueries(books, desk.market, desk.clock, providers=list(desk.clouds))
        scrape = await _spent(health.readings())
        return Measured(
            count=count,
            sweep=first,
            again=second,
            passes=passes,
            scrape=scrape,
            listings=listings,
        )
    finally:
        await books.aclose()


async def _pass_over(desk: Desk, sessions: Sequence[SessionId]) -> None:
    """Give every session one pass, as many at once as a server does by default."""
    reconciler = Reconciler(desk, guard=_unguarded)
    left = iter(sessions)

    async def worker() -> None:
        for session_id in left:
            await reconciler.reconcile(session_id)

    await asyncio.gather(*(worker() for _ in range(_PASSES_AT_ONCE)))


async def _unguarded(_name: str, work: Awaitable[None]) -> bool:
    await work
    return True


def _instances(rows: Sequence[Row], provider: str) -> list[Instance]:
    return [
        an_instance(row.attempt, billed_from=row.attempt.billed_from)
        for row in rows
        if row.attempt.provider == provider
    ]


def _figures(few: Measured, many: Measured) -> Iterator[Figure]:
    name = f"{many.count:,} sessions at {len(_CLOUDS)} clouds"
    growth = many.again.cpu_s / few.again.cpu_s / (many.count / few.count)
    yield Figure(
        what=f"sweep of {name}",
        value=many.again.cpu_s,
        unit="s of CPU",
        target=2,
        how="all five at once; the second sweep, as all later ones",
    )
    yield Figure(what="  the first sweep", value=many.sweep.cpu_s, unit="s of CPU", target=2)
    yield Figure(what="  wall time", value=many.again.wall_s, unit="s")
    yield Figure(
        what="  longest stall of the loop", value=many.again.stall_s * 1000, unit="ms", target=20
    )
    yield Figure(
        what="  listings per account and sweep", value=many.listings / 2, unit="", target=1
    )
    yield Figure(
        what="  growth, 1 is linear",
        value=growth,
        unit="×",
        how=f"CPU for {many.count:,} over that for {few.count:,}, each per session",
    )
    yield Figure(
        what=f"one pass over each of {many.count:,}",
        value=many.passes.cpu_s,
        unit="s of CPU",
        how="running, heard from: claim, facts, step, release",
    )
    yield Figure(
        what="  longest stall of the loop", value=many.passes.stall_s * 1000, unit="ms", target=20
    )
    yield Figure(what="  passes", value=many.count / many.passes.wall_s, unit="/s")

    yield Figure(
        what=f"gauges of /metrics, {many.count:,} open",
        value=many.scrape.wall_s * 1000,
        unit="ms",
        how="read from the book at every scrape",
    )
    yield Figure(
        what="  longest stall of the loop", value=many.scrape.stall_s * 1000, unit="ms", target=20
    )


def main() -> None:
    asked = options(__doc__)
    with TemporaryDirectory(prefix="gpu-shopper-bench-") as few, TemporaryDirectory() as many:
        measured = [
            uvloop.run(_measure(Path(few), _FEW)),
            uvloop.run(_measure(Path(many), _MANY)),
        ]
    show(list(_figures(*measured)), markdown=asked.markdown)


if __name__ == "__main__":
    main()
