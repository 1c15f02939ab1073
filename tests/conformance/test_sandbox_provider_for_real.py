"""The real adapter, door and probe against the real sandbox program: a purchase from menu to absence."""

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gpu_shopper.domain.instance import Instance, InstanceStatus
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.provider import CloudProvider, LaunchOrder
from gpu_shopper.ports.provider_errors import Unauthorized
from gpu_shopper.providers.sandbox import MANIFEST
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.runtime.probing import SshProbe
from gpu_shopper.runtime.vault import DeploymentVault
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.transport.door import AiohttpDoor

KEY, CONTROL = "account-key", "control-key"
PATIENCE_S = 15.0
LABEL = Label("gs1-for-real")
VAULT = DeploymentVault(b"k" * 32, SeededChance(1))


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    program = subprocess.Popen(
        [
            sys.executable, "-m", "gpu_shopper.sandbox", "--state-dir", str(tmp_path / "cloud"), "--key", KEY,
            "--boot-seconds", "0.1", "--offers", "200", "--control-key", CONTROL,
        ],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    address = program.stdout.readline().strip()
    yield address
    # Whatever a failed test left running ends here too.
    shutdown = urllib.request.Request(  # noqa: S310
        f"{address}/control/shutdown", method="POST", headers={"X-Control-Key": CONTROL}
    )
    with urllib.request.urlopen(shutdown, timeout=PATIENCE_S) as reply:  # noqa: S310
        assert json.load(reply) == {"left": 0}
    program.stdout.close()
    assert program.wait(PATIENCE_S) == 0


async def until(
    look: Callable[[], Awaitable[Instance | None]], good: Callable[[Instance | None], bool]
) -> Instance | None:
    async with asyncio.timeout(PATIENCE_S):
        while not good(seen := await look()):
            await RealClock().sleep(0.05)
    return seen


async def buy(cloud: CloudProvider, clock: RealClock) -> Instance:
    offer = (await cloud.list_offers()).offers[0]
    return await cloud.launch(
        LaunchOrder(
            offer=offer, label=LABEL, ends_by=clock.now() + timedelta(hours=1), price_cap=offer.price,
            image=None, disk_gb=None, ssh_public_keys=(VAULT.probe_key(LABEL).public,), env={}, on_start="",
        )
    )  # fmt: skip


def test_a_purchase_from_menu_to_absence(url: str) -> None:
    async def main() -> tuple[bytes, str, Instance]:
        door, clock = AiohttpDoor(), RealClock()
        cloud = MANIFEST.connect({"url": url, "key": KEY}, door, clock)
        try:
            bought = await buy(cloud, clock)
            assert await cloud.find(LABEL) is not None
            running = await until(
                lambda: cloud.observe(bought.id),
                lambda seen: seen is not None and seen.status is InstanceStatus.RUNNING,
            )
            # The key of this login is bound to nothing here, so any command is answered.
            probe = SshProbe(command="cat")
            report, seen_key = await probe.read_report(
                running.endpoint,
                key=VAULT.probe_key(LABEL),
                host_key=running.host_key,
                orders=b"hello",
                timeout=10,
            )
            await cloud.destroy(bought.id)
            await until(lambda: cloud.observe(bought.id), lambda seen: seen is None)
            listing = await cloud.list_all()
            assert (True, ()) == (listing.complete, listing.instances)
            return report, seen_key, running
        finally:
            await door.aclose()

    report, seen_key, running = asyncio.run(main())

    assert report == b"hello"
    assert running.host_key.split()[:2] == seen_key.split()
    assert running.rate is not None
    assert running.ends_by is not None


def test_a_wrong_key_is_told(url: str) -> None:
    async def main() -> None:
        door = AiohttpDoor()
        try:
            await MANIFEST.connect({"url": url, "key": "wrong"}, door, RealClock()).list_all()
        finally:
            await door.aclose()

    with pytest.raises(Unauthorized):
        asyncio.run(main())
