"""A whole service for one command alone: in this process, on a thread of its own, over a book of its own.

It is the service itself, not a play of it: what it rents is on disk before the cloud hears of it, and whoever opens the
same folder again goes on with it, however the process ended. Nobody else can open the folder meanwhile.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import uvicorn

from gpu_shopper.bootstrap.app import App, build
from gpu_shopper.bootstrap.clouds import installed
from gpu_shopper.bootstrap.serving import hide, listen, server_over, url_of
from gpu_shopper.domain.hearing import GpuSeen, NodeReport, Verdict, judge
from gpu_shopper.domain.ids import InstanceId, ProviderName, SessionId
from gpu_shopper.domain.offer import Offer
from gpu_shopper.ports.billing import BillLine, TellsBills
from gpu_shopper.ports.books import Book
from gpu_shopper.ports.provider_errors import ProviderError
from gpu_shopper.runtime.logging import LogFormat, set_up_logging
from gpu_shopper.runtime.redaction import Redactor
from gpu_shopper.settings import Settings

T = TypeVar("T")
LOG = "service.log"
_ASK_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirBill:
    """What a cloud has written down for an instance. `told` is False where its API tells no such thing.

    `where` is the place in its console where people find it; `trouble` why it could not be asked just now.
    """

    told: bool
    where: str
    lines: tuple[BillLine, ...] = ()
    trouble: str = ""


@dataclass(slots=True)
class OwnService:
    """A running service: `url` is its API; the rest is what no API tells."""

    url: str
    _app: App
    _loop: asyncio.AbstractEventLoop
    _server: uvicorn.Server

    def stop(self) -> None:
        """Ask it to end; sessions stay as they are."""
        self._server.should_exit = True

    def verdict(self, session_id: str, gpus: tuple[GpuSeen, ...]) -> Verdict:
        """Return whether these GPUs are those of the offer that the session's instance was bought as."""
        report = NodeReport(
            boot_id="", counter=1, gpus=gpus, idle_seconds=0.0, host_key=None, instance_id=None
        )
        return judge(self._ask(self._offer(SessionId(session_id))), report)

    def their_bill(self, provider: str, instance_id: str, *, since: datetime) -> TheirBill:
        """Ask the cloud what it has charged for an instance."""
        return self._ask(self._bill(ProviderName(provider), InstanceId(instance_id), since))

    def _ask(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_ASK_LIMIT_S)

    async def _offer(self, session_id: SessionId) -> Offer:
        def read(book: Book) -> Offer:
            return book.launches.of_session(session_id)[-1].offer

        return await self._app.books.read(read)

    async def _bill(
        self, provider: ProviderName, instance_id: InstanceId, since: datetime
    ) -> TheirBill:
        # The account that rents is asked, so that all its requests keep to one pace.
        cloud, where = self._app.accounts[provider], installed()[provider].bill_page
        if not isinstance(cloud, TellsBills):
            return TheirBill(told=False, where=where)
        try:
            lines = await cloud.bills(instance_id, since=since)
        except ProviderError as error:
            return TheirBill(told=True, where=where, trouble=str(error))
        return TheirBill(told=True, where=where, lines=lines)


@contextmanager
def own_service(settings: Settings) -> Iterator[OwnService]:
    """Run the service over the book in `settings.data_dir` while the block lasts; sessions outlive it.

    Its log goes to a file in that folder. Nodes are read over SSH, since nobody reaches it from outside.

    Raises:
        Refusal: it must not or cannot start, say because another process has the folder.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    started: Future[OwnService] = Future()
    with ThreadPoolExecutor(1, thread_name_prefix="service") as thread:
        ended = thread.submit(asyncio.run, _serve(settings, started))
        try:
            either: tuple[Future[Any], ...] = (started, ended)
            wait(either, return_when=FIRST_COMPLETED)
            if not started.done():
                ended.result()
            yield started.result()
        finally:
            # Also where it is interrupted while it starts: the thread is waited for, and must end.
            started.add_done_callback(lambda there: there.result().stop())
    ended.result()


async def _serve(settings: Settings, started: "Future[OwnService]") -> None:
    redactor = Redactor()
    hide(settings.providers, redactor)
    with (settings.data_dir / LOG).open("a", encoding="utf-8") as log:
        form, level = LogFormat(settings.log_format), settings.log_level
        set_up_logging(redactor, form=form, level=level, stream=log)
        with listen("127.0.0.1", 0) as listener:
            app = await build(settings, providers=settings.providers, public_url=None)
            try:
                app.start()
                server = server_over(app)
                loop = asyncio.get_running_loop()
                service = OwnService(url_of(listener), app, loop, server)
                started.set_result(service)
                await server.serve(sockets=[listener])
            finally:
                await app.stop()
