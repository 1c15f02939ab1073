"""A simulated vendor as a program on this machine: its API over HTTP, and a real process with real SSH per instance.

The sandbox's program does the work; only its face is the vendor's. `/control/…` is as at the sandbox.
"""

import asyncio
import importlib
import pkgutil
import random
import secrets
import signal
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from aiohttp import web

from gpu_shopper.bootstrap.clouds import built_in
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.sandbox.__main__ import listen
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.program import Program
from gpu_shopper.sandbox.server import Face
from gpu_shopper.sandbox.store import StateDir
from gpu_shopper.sandbox.supervisor import Supervisor
from gpu_shopper.testing import vendors
from gpu_shopper.testing.drawn_clouds import SECOND, whole_step_s
from gpu_shopper.testing.vendors.door import answered, heard
from gpu_shopper.testing.vendors.vendor import VendorCloud

_END_LIMIT_S = 30.0
_GOODBYE_S = 2.0


class VendorFace(Face):
    """Turns HTTP into the vendor's calls and back."""

    def __init__(
        self, program: Program, vendor: VendorCloud, *, control_key: str, stop: asyncio.Event
    ) -> None:
        super().__init__(program, control_key=control_key, stop=stop)
        self._vendor = vendor

    def _beside(self) -> Mapping[str, Any]:
        return {"leftovers": dict(self._vendor.leftovers())}

    async def _customer(self, request: web.Request) -> web.StreamResponse:
        asked = await heard(request)
        said = await self._program.perform(lambda now: self._vendor.hear(asked, now=now))
        return await answered(request, said)


def simulated() -> list[str]:
    """Return the names of the vendors that can be simulated."""
    return sorted(_modules())


def _modules() -> dict[str, ModuleType]:
    """Return each vendor's module by the vendor's name, which is the module's own unless that says otherwise."""
    found = (
        importlib.import_module(f"{vendors.__name__}.{module.name}")
        for module in pkgutil.iter_modules(vendors.__path__)
    )
    return {
        getattr(module, "NAME", module.__name__.rpartition(".")[2]): module
        for module in found
        if hasattr(module, "build")
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a vendor is to be simulated; the defaults are the command's."""

    vendor: str
    port: int = 0
    key: str = "simulated-key"
    state_dir: str | None = None
    control_key: str | None = None
    seed: int = 1
    offers: int = 300
    boot_seconds: float = 1.0
    pace: float | None = None


def build_vendor(options: Options) -> VendorCloud:
    """Return a fresh account at a vendor."""
    boot = options.boot_seconds
    # Ids and keys are drawn from this, so it is not the market's seed.
    chance = random.Random(secrets.randbits(256))
    terms = built_in()[ProviderName(options.vendor)].quirks.billing
    config = ModelConfig(
        boot_s=(boot * 0.8, boot * 1.2),
        least_billed_s=terms.minimum / SECOND,
        billing_step_s=whole_step_s(terms),
    )
    vendor = _modules()[options.vendor].build(
        key=options.key, seed=options.seed, offers=options.offers, config=config, chance=chance
    )
    assert isinstance(vendor, VendorCloud), options.vendor
    vendor.pace = options.pace
    return vendor


def run(options: Options) -> None:
    """Serve one vendor until told to end, then end every instance."""
    with ExitStack() as kept:
        folder = options.state_dir or kept.enter_context(tempfile.TemporaryDirectory())
        asyncio.run(serve(options, StateDir(Path(folder))))


async def serve(options: Options, store: StateDir) -> None:
    """Serve until SIGTERM or SIGINT. The first line on stdout is the address."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    door = listen(options.port, store.root / "port")
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    vendor = build_vendor(options)
    program = Program(vendor.model, store, Supervisor(store.instances, api=url))
    control_key = options.control_key or secrets.token_hex(16)
    face = VendorFace(program, vendor, control_key=control_key, stop=stop)
    runner = web.AppRunner(face.application(), access_log=None, shutdown_timeout=_GOODBYE_S)
    await program.open()
    await runner.setup()
    await web.SockSite(runner, door).start()
    print(url, flush=True)  # noqa: T201  the one line that callers wait for
    await stop.wait()
    await program.end_everything(within_s=_END_LIMIT_S)
    await runner.cleanup()
    await program.close()
