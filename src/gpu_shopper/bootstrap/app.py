"""The whole service in one process: books, engine and API over one set of settings."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from gpu_shopper.api.rooms import Rooms
from gpu_shopper.bootstrap.boot_scripts import AgentBootScripts
from gpu_shopper.bootstrap.clouds import configured, connect
from gpu_shopper.bootstrap.memory import tidy
from gpu_shopper.bootstrap.rooms import rooms_over
from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.domain.errors import Refusal
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.engine.cloud import Cloud
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.schedule import Engine, Periods
from gpu_shopper.market.holder import Market
from gpu_shopper.ports.books import Book, Books
from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.providers.manifest import Manifest
from gpu_shopper.runtime.chance import RealChance
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.runtime.key_file import load_or_create_key
from gpu_shopper.runtime.metrics import PrometheusMeter
from gpu_shopper.runtime.notifying import LogAndWebhookNotifier
from gpu_shopper.runtime.probing import SshProbe
from gpu_shopper.runtime.vault import DeploymentVault
from gpu_shopper.runtime.wakeup import LocalWakeup
from gpu_shopper.settings import Settings
from gpu_shopper.stores.menu_files import MenuFiles
from gpu_shopper.stores.sqlite import open_books
from gpu_shopper.transport.door import AiohttpDoor

KEY_FILE = "deployment.key"
MENUS = "menus"


class StartRefused(Refusal):
    """The service must not start like this."""

    code = "start_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The service, put together. `start` begins, `stop` leaves every session as it is; `accounts` are its ways to its clouds."""

    rooms: Rooms
    engine: Engine
    books: Books
    door: AiohttpDoor
    accounts: Mapping[ProviderName, CloudProvider]
    deployment: str

    def start(self) -> None:
        """Let the engine begin."""
        self.engine.start()

    async def stop(self) -> None:
        """Stop in order: no new work, answers in flight written down, book closed."""
        await self.engine.stop()
        await self.door.aclose()
        await self.books.aclose()


async def build(
    settings: Settings,
    *,
    providers: Mapping[str, Mapping[str, str]],
    public_url: str | None,
) -> App:
    """Open the book, connect the clouds, put the rooms together. Nothing is asked of any cloud yet.

    Raises:
        Refusal: the book or the key cannot be used, a cloud is misconfigured, or one is missing that we still owe.
    """
    clock, chance = RealClock(), RealChance()
    manifests = configured(providers)
    vault = DeploymentVault(load_or_create_key(settings.data_dir / KEY_FILE, chance), chance)
    books = open_books(settings.database, clock=clock, deployment=vault.deployment)
    try:
        await _refuse_forgotten_clouds(books, manifests)
        deployment = await books.read(lambda book: book.deployment())
    except BaseException:
        await books.aclose()
        raise
    meter, door, wakeup = PrometheusMeter(), AiohttpDoor(), LocalWakeup()
    limits = _limits(settings)
    connected = connect(manifests, providers, door=door, clock=clock)
    clouds = {
        name: Cloud(provider, clock=clock, meter=meter, label_key=vault.label_key)
        for name, provider in connected.items()
    }
    market = Market(clouds)
    desk = Desk(
        books=books,
        clock=clock,
        chance=chance,
        vault=vault,
        market=market,
        clouds=clouds,
        probe=SshProbe(),
        boot_scripts=AgentBootScripts(manifests, public_url=public_url, limits=limits),
        notifier=LogAndWebhookNotifier(meter, door, webhook_url=settings.alert_webhook or None),
        meter=meter,
        wakeup=wakeup,
        limits=limits,
        deployment=deployment.id,
        owner=f"{os.getpid()}-{chance.draw_bits(40):x}",
        menus=MenuFiles(settings.data_dir / MENUS),
        tidy=tidy,
    )
    engine = Engine(desk, periods=_periods(settings), concurrency=settings.reconcile_concurrency)
    return App(
        rooms=rooms_over(desk, engine, render_metrics=meter.render, public_url=public_url),
        engine=engine,
        books=books,
        door=door,
        accounts=connected,
        deployment=deployment.id,
    )


def _periods(settings: Settings) -> Periods:
    return Periods(
        shop=settings.shop_period_s,
        sweep=settings.sweep_period_s,
        accrue=settings.accrue_period_s,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        silence=timedelta(minutes=settings.silence_minutes),
        heartbeat=timedelta(seconds=settings.heartbeat_seconds),
        lease=timedelta(minutes=settings.lease_minutes),
    )


async def _refuse_forgotten_clouds(
    books: Books, manifests: Mapping[ProviderName, Manifest]
) -> None:
    """Refuse to start without a cloud at which something of ours may still run: nobody could end it."""

    def read(book: Book) -> list[ProviderName]:
        surplus = [one.provider for one in book.surplus.all_open()]
        return [*book.launches.open().providers, *surplus]

    owed = await books.read(read)
    missing = sorted(set(owed) - set(manifests))
    if missing:
        count = sum(provider in missing for provider in owed)
        message = f"{count} open obligations at {', '.join(missing)}, which is not configured"
        raise StartRefused(message, hint="configure that cloud again until nothing is left there")
