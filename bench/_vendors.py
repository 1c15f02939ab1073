"""All simulated vendors, answering as late as they are told: their models in this process, each at an address of its own."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from _places import KEY
from aiohttp import web

from gpu_shopper.bootstrap.clouds import installed
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.testing.vendors.door import http_reply, json_in
from gpu_shopper.testing.vendors.program import Options, build_vendor, simulated
from gpu_shopper.testing.vendors.vendor import VendorCloud, VendorRequest


@dataclass(kw_only=True)
class Vendor:
    """One of them. `late_s` is how late each answer comes; while it `hangs`, none does."""

    name: str
    cloud: VendorCloud
    late_s: float
    hangs: bool = False
    port: int = 0
    asked: int = 0
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def settings(self) -> dict[str, str]:
        """What connects a server with it."""
        manifest = installed()[ProviderName(self.name)]
        needed = {spec.name: KEY for spec in manifest.settings if spec.required}
        told = {**needed, "url": f"http://127.0.0.1:{self.port}"}
        return {f"provider_{manifest.name}_{name}": value for name, value in told.items()}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        raw = await request.read()
        self.asked += 1
        if self.hangs:
            await self.let_go.wait()
        await asyncio.sleep(self.late_s)
        said = self.cloud.hear(
            VendorRequest(
                method=request.method, path=request.path, query=dict(request.query),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=json_in(raw), raw=raw,
            ),
            now=time.time(),
        )  # fmt: skip
        reply = http_reply(said)
        return web.Response(status=reply.status, body=reply.body or None, headers=reply.headers)


@contextlib.contextmanager
def vendors(*, earliest_s: float, latest_s: float, offers: int) -> Iterator[list[Vendor]]:
    """Lend all of them, the first answering after `earliest_s`, the last after `latest_s`, the others evenly between."""
    names = simulated()
    step = (latest_s - earliest_s) / max(1, len(names) - 1)
    all_of = [
        Vendor(
            name=name,
            cloud=build_vendor(Options(vendor=name, key=KEY, offers=offers)),
            late_s=earliest_s + step * place,
        )
        for place, name in enumerate(names)
    ]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def there(what: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(what, loop).result(30)

    runners = []
    try:
        for vendor in all_of:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", vendor.answer)
            runners.append(web.AppRunner(app, access_log=None, shutdown_timeout=0.1))
            there(_listen(runners[-1], vendor))
        yield all_of
    finally:
        for vendor in all_of:
            loop.call_soon_threadsafe(vendor.let_go.set)
        # What hung is let go of, and has time to find nobody there.
        there(asyncio.sleep(2 * latest_s))
        for runner in runners:
            there(runner.cleanup())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _listen(runner: web.AppRunner, vendor: Vendor) -> None:
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    vendor.port = runner.addresses[0][1]
