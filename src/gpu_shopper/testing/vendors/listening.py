"""A simulated vendor over real HTTP on this machine, in a thread of its own: for clients that cannot be handed a door.

Its instances are the model's own and have no processes; what it was asked is kept, in order.
"""

import asyncio
import threading
import time
from types import TracebackType
from typing import Self

from aiohttp import web

from gpu_shopper.testing.vendors.door import answered, heard
from gpu_shopper.testing.vendors.vendor import VendorCloud, VendorRequest


class ListeningVendor:
    """Listens on a loopback port while it is entered. `heard` is what it was asked; `url` where it listens."""

    def __init__(self, vendor: VendorCloud) -> None:
        self.vendor = vendor
        self.heard: list[VendorRequest] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stop: asyncio.Event | None = None

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        if not self._up.wait(timeout=10):
            message = "the simulated vendor did not come up"
            raise RuntimeError(message)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._up.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked = await heard(request)
        self.heard.append(asked)
        return await answered(request, self.vendor.hear(asked, now=time.time()))
