"""One cloud's 20,000 offers refreshed through the real adapter: processor time, and how long the loop was held up.

The cloud's pages lie ready as bytes, a thousand rows each, so that nothing but our own work is measured. A ticker on the
same loop looks how much work was done between its turns: in wall time, which on a shared machine counts whatever else
runs there, and in processor time of the loop's thread, which does not.
"""

import asyncio
import gc
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import uvloop
from _books import open_book, vault_of
from _table import Figure, options, percentile, show

from gpu_shopper.bootstrap.boot_scripts import AgentBootScripts
from gpu_shopper.bootstrap.memory import collect_seldom, keep_blocks_apart, use_small_pages
from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.engine.cloud import Cloud
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.shopping import Shopping
from gpu_shopper.market.holder import Market
from gpu_shopper.market.snapshot import OfferQuery
from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.providers.manifest import Access
from gpu_shopper.providers.sandbox import MANIFEST
from gpu_shopper.providers.sandbox.adapter import SandboxProvider
from gpu_shopper.providers.sandbox.mapping import PROVIDER
from gpu_shopper.runtime.chance import RealChance
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.runtime.metrics import PrometheusMeter
from gpu_shopper.runtime.notifying import LogAndWebhookNotifier
from gpu_shopper.runtime.probing import SshProbe
from gpu_shopper.runtime.wakeup import LocalWakeup
from gpu_shopper.sandbox.catalogue import Catalogue
from gpu_shopper.sandbox.messages import Row
from gpu_shopper.stores.menu_files import MenuFiles
from gpu_shopper.stores.sqlite import SqliteBooks
from gpu_shopper.transport.door import AiohttpDoor

_OFFERS = 20_000
_PAGE = 1_000
_ROUNDS = 15
_EVERY_ROW = "all with other prices"
_CHANGED = {"none changed": 0.0, "one in twenty changed": 0.05, _EVERY_ROW: 1.0}


class Pages:
    """A door behind which the pages of a menu lie ready; of every listing, a share of the rows have other prices than in the last."""

    def __init__(self, share: float) -> None:
        catalogue, chance = Catalogue(seed=1, size=_OFFERS), random.Random(1)
        before, after = catalogue.rows(0), catalogue.rows(1)
        mixed = [
            new if chance.random() < share else old for old, new in zip(before, after, strict=True)
        ]
        self._states = [_pages(before), _pages(mixed)]
        self._asked = 0
        self._state = 0
        self._still = False

    async def request(self, request: HttpRequest) -> HttpReply:
        """Hand over a page."""
        _, _, cursor = request.url.partition("cursor=")
        if not cursor and not self._still:
            self._state = 1 - self._state
            self._asked += 1
        etag = f'"{self._asked}"'
        if request.headers.get("if-none-match") == etag:
            return HttpReply(status=304, headers={"etag": etag}, body=b"")
        return HttpReply(
            status=200, headers={"etag": etag}, body=self._states[self._state][int(cursor or 0)]
        )

    def stand_still(self) -> None:
        """Answer all further questions as the last one."""
        self._still = True

    async def aclose(self) -> None:
        """Nothing is held."""


def _pages(rows: Sequence[Row]) -> list[bytes]:
    starts = range(0, len(rows), _PAGE)
    return [
        msgspec.json.encode(
            {
                "offers": rows[start : start + _PAGE],
                "next_cursor": str(number + 1) if start + _PAGE < len(rows) else None,
                "total": len(rows),
            }
        )
        for number, start in enumerate(starts)
    ]


@dataclass(slots=True)
class Round:
    """What one refresh took, in milliseconds; stalls are the longest that another task waited for its turn."""

    cpu: float = 0.0
    wall: float = 0.0
    stall: float = 0.0
    work: float = 0.0


async def _refreshed(shopping: Shopping) -> Round:
    """Refresh twice: alone, for what it costs; and beside a task that takes every turn it gets, for how long it waits."""
    cpu, wall = time.process_time(), time.perf_counter()
    await shopping.refresh(PROVIDER)
    found = Round(cpu=(time.process_time() - cpu) * 1000, wall=(time.perf_counter() - wall) * 1000)
    gc.collect()

    async def take_turns() -> None:
        while True:
            wall, work = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0)
            found.stall = max(found.stall, (time.perf_counter() - wall) * 1000)
            found.work = max(found.work, (time.thread_time() - work) * 1000)

    waiting = asyncio.create_task(take_turns())
    await shopping.refresh(PROVIDER)
    # What was made on the way is let go in a turn as well.
    await asyncio.sleep(0)
    waiting.cancel()
    return found


def _desk(data: Path, books: SqliteBooks, door: Pages, deployment: str) -> Desk:
    clock, meter, limits, vault = RealClock(), PrometheusMeter(), Limits(), vault_of(data)
    access = Access(
        settings={"url": "http://cloud.test", "key": "k"},
        door=door,
        clock=clock,
        capabilities=MANIFEST.capabilities,
        quirks=MANIFEST.quirks,
    )
    cloud = Cloud(SandboxProvider(access), clock=clock, meter=meter, label_key=vault.label_key)
    return Desk(
        books=books,
        clock=clock,
        chance=RealChance(),
        vault=vault,
        market=Market([PROVIDER]),
        clouds={PROVIDER: cloud},
        probe=SshProbe(),
        boot_scripts=AgentBootScripts({}, public_url=None, limits=limits),
        notifier=LogAndWebhookNotifier(meter, AiohttpDoor(), webhook_url=None),
        meter=meter,
        wakeup=LocalWakeup(),
        limits=limits,
        deployment=deployment,
        owner="bench",
        menus=MenuFiles(data / "menus"),
    )


async def _measure(data: Path, share: float) -> tuple[Round, list[Round], Round]:
    books = open_book(data)
    try:
        deployment = await books.read(lambda book: book.deployment())
        door = Pages(share)
        desk = _desk(data, books, door, deployment.id)
        shopping = Shopping(desk)
        collect_seldom()
        keep_blocks_apart()
        use_small_pages()
        first = await _refreshed(shopping)
        assert len(desk.market.snapshot) > _OFFERS * 0.99, len(desk.market.snapshot)
        assert desk.market.snapshot.query(OfferQuery()).total
        rounds = []
        for _ in range(_ROUNDS):
            # A cloud is asked no faster than it says.
            await asyncio.sleep(0.2)
            gc.collect()
            rounds.append(await _refreshed(shopping))
        door.stand_still()
        began = time.process_time()
        await shopping.refresh(PROVIDER)
        return first, rounds, Round(cpu=(time.process_time() - began) * 1000)
    finally:
        await books.aclose()


def _figures(found: Mapping[str, tuple[Round, list[Round], Round]]) -> Iterator[Figure]:
    for what, (_, rounds, _) in found.items():
        yield from _of_rounds(what, rounds)
    first, _, unchanged = found[_EVERY_ROW]
    yield Figure(
        what="first listing after the start",
        value=first.cpu,
        unit="ms of CPU",
        how="reads the names of GPUs for the first time, writes down the prices of the hour",
    )
    yield Figure(what="  longest stall", value=first.work, unit="ms", target=5)
    yield Figure(
        what="a cloud that says that nothing has changed", value=unchanged.cpu, unit="ms of CPU"
    )


def _of_rounds(changed: str, rounds: list[Round]) -> Iterator[Figure]:
    def middle(values: list[float]) -> float:
        return percentile(values, 0.5)

    yield Figure(
        what=f"refresh of one cloud's {_OFFERS:,} offers, {changed}",
        value=middle([one.cpu for one in rounds]),
        unit="ms of CPU",
        target=60,
        how=f"decoding and mapping included; the middle of {len(rounds)}",
    )
    yield Figure(
        what="  longest stall of the loop",
        value=middle([one.work for one in rounds]),
        unit="ms",
        target=5,
        how="processor time of its thread between two turns of another task; the middle of all rounds",
    )
    yield Figure(
        what="  worst of all rounds", value=max(one.work for one in rounds), unit="ms", target=5
    )
    yield Figure(
        what="  the same by the wall clock",
        value=middle([one.stall for one in rounds]),
        unit="ms",
        target=5,
        how="counts what else runs on the machine",
    )
    yield Figure(
        what="  until it is on sale", value=middle([one.wall for one in rounds]), unit="ms"
    )


def main() -> None:
    asked = options(__doc__)
    found = {}
    for what, share in _CHANGED.items():
        with TemporaryDirectory() as folder:
            found[what] = uvloop.run(_measure(Path(folder), share))
    show(list(_figures(found)), markdown=asked.markdown)


if __name__ == "__main__":
    main()
