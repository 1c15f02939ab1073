"""What can be done without a server: the first token, backup, restore, migrations, and a sweep by labels alone."""

from datetime import timedelta
from pathlib import Path

from gpu_shopper.bootstrap.app import KEY_FILE
from gpu_shopper.bootstrap.clouds import configured, connect
from gpu_shopper.commands.desk import Desk
from gpu_shopper.commands.tokens import TokenCommands
from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.domain.errors import Invalid
from gpu_shopper.domain.ids import ConsumerId, DeploymentId
from gpu_shopper.domain.instance import Instance
from gpu_shopper.domain.label import LabelFacts, label_to_go_by, read_label
from gpu_shopper.market.holder import Market
from gpu_shopper.ports.books import TokenKind, TokenRecord
from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.ports.provider_errors import ProviderError
from gpu_shopper.ports.vault import Secret
from gpu_shopper.runtime.chance import RealChance
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.runtime.key_file import load_or_create_key
from gpu_shopper.runtime.metrics import PrometheusMeter
from gpu_shopper.runtime.vault import DeploymentVault
from gpu_shopper.runtime.wakeup import LocalWakeup
from gpu_shopper.settings import Settings
from gpu_shopper.stores.backup import backup, restore
from gpu_shopper.stores.sqlite import open_books
from gpu_shopper.transport.door import AiohttpDoor
from gpu_shopper.wire.operations import OrphanBody, OrphanReport

OPERATOR = Caller(name="local")


async def create_token_offline(
    settings: Settings,
    *,
    kind: TokenKind,
    consumer: str | None,
    name: str,
    lifetime: timedelta | None,
) -> tuple[TokenRecord, Secret]:
    """Make a token straight in the book; no server may be running on it."""
    clock, chance = RealClock(), RealChance()
    vault = DeploymentVault(load_or_create_key(settings.data_dir / KEY_FILE, chance), chance)
    books = open_books(settings.database, clock=clock, deployment=vault.deployment)
    try:
        desk = Desk(
            books=books,
            clock=clock,
            chance=chance,
            vault=vault,
            market=Market(),
            wakeup=LocalWakeup(),
            meter=PrometheusMeter(),
            capabilities={},
            quirks={},
            limits=Limits(),
        )
        return await TokenCommands(desk).create(
            kind=kind,
            consumer_id=ConsumerId(consumer) if consumer else None,
            name=name,
            lifetime=lifetime,
            by=OPERATOR,
        )
    finally:
        await books.aclose()


def backup_database(settings: Settings, target: Path) -> None:
    """Copy the database while it is in use, and check the copy."""
    backup(settings.database, target)


def restore_database(settings: Settings, source: Path, *, replace: bool) -> Path | None:
    """Put a backup in place of the database; return where the old one was put aside.

    What the clouds hold beyond the backup is taken in by the first sweep.
    """
    return restore(source, settings.database, replace=replace)


async def migrate_database(settings: Settings) -> None:
    """Bring the database to this version's schema, with a backup first."""
    clock, chance = RealClock(), RealChance()
    vault = DeploymentVault(load_or_create_key(settings.data_dir / KEY_FILE, chance), chance)
    books = open_books(settings.database, clock=clock, deployment=vault.deployment)
    await books.aclose()


async def sweep_without_server(
    settings: Settings, *, deployment: str | None, execute: bool
) -> OrphanReport:
    """Look at every configured account with nothing but its key and the deployment's key.

    For the day on which server and book are gone: an instance whose genuine label is overdue is an orphan. With
    `deployment`, all that bear that deployment's label are. Nothing without a genuine label is ever touched.
    """
    key_file = settings.data_dir / KEY_FILE
    if not key_file.exists():
        message = f"there is no deployment key {key_file}"
        raise Invalid(message, hint="labels cannot be told from forgeries without it")
    clock, chance, door = RealClock(), RealChance(), AiohttpDoor()
    vault = DeploymentVault(load_or_create_key(key_file, chance), chance)
    manifests = configured(settings.providers)
    clouds = connect(manifests, settings.providers, door=door, clock=clock)
    sweep = _LabelSweep(vault.label_key, deployment, execute=execute, clock=clock)
    try:
        for cloud in clouds.values():
            await sweep.look_at(cloud)
    finally:
        await door.aclose()
    return sweep.report()


class _LabelSweep:
    def __init__(
        self, key: bytes, deployment: str | None, *, execute: bool, clock: RealClock
    ) -> None:
        self._key = key
        self._deployment = DeploymentId(deployment) if deployment else None
        self._execute = execute
        self._clock = clock
        self._orphans: list[OrphanBody] = []
        self._troubles: list[str] = []
        self._strays = 0
        self._instances = 0

    async def look_at(self, cloud: CloudProvider) -> None:
        try:
            listing = await cloud.list_all()
        except ProviderError as error:
            self._troubles.append(f"{cloud.name}: {error}")
            return
        if not listing.complete:
            self._troubles.append(f"{cloud.name}: incomplete listing: {listing.trouble}")
        self._instances += len(listing.instances)
        for instance in listing.instances:
            label = label_to_go_by(instance.label, instance.mark, key=self._key)
            facts = read_label(label, key=self._key)
            if facts is None:
                self._strays += 1
            elif self._is_orphan(facts):
                self._orphans.append(await self._end(cloud, instance))

    def _is_orphan(self, facts: LabelFacts) -> bool:
        overdue = self._clock.now() >= facts.expires_at
        return overdue or facts.deployment == self._deployment

    async def _end(self, cloud: CloudProvider, instance: Instance) -> OrphanBody:
        action = "would be destroyed"
        if self._execute:
            try:
                await cloud.destroy(instance.id)
            except ProviderError as error:
                action = f"destroy failed: {error}"
            else:
                action = "destroy asked for; run again to see that it is gone"
        return OrphanBody(
            provider=cloud.name,
            instance_id=instance.id,
            label=instance.label,
            kind="overdue" if self._deployment is None else "of this deployment",
            action=action,
        )

    def report(self) -> OrphanReport:
        return OrphanReport(
            orphans=self._orphans,
            count=len(self._orphans),
            strays=self._strays,
            instances=self._instances,
            complete=not self._troubles,
            dry_run=not self._execute,
            troubles=self._troubles,
        )
