"""Asking each configured cloud whether our key works there, and what it lets us see: for people, before anything is rented."""

import asyncio
from dataclasses import dataclass

from gpu_shopper.bootstrap.clouds import configured, connect
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.quirks import Capabilities
from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.ports.provider_errors import ProviderError, Unauthorized
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.settings import Settings
from gpu_shopper.transport.door import AiohttpDoor

LIMIT_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCheck:
    """What one account answered. `accepted` is None where the cloud could not be asked."""

    name: ProviderName
    accepted: bool | None
    found: str
    advice: str = ""


async def check_accounts(settings: Settings) -> tuple[AccountCheck, ...]:
    """Ask every configured cloud at once, each within `LIMIT_S`; nothing is changed anywhere.

    Raises:
        Refusal: a cloud is not installed, or lacks a setting.
    """
    manifests = configured(settings.providers)
    door = AiohttpDoor()
    try:
        clouds = connect(manifests, settings.providers, door=door, clock=RealClock())
        checks = (_check(cloud, _source(settings, name)) for name, cloud in clouds.items())
        return tuple(await asyncio.gather(*checks))
    finally:
        await door.aclose()


async def _check(cloud: CloudProvider, source: str) -> AccountCheck:
    try:
        async with asyncio.timeout(LIMIT_S):
            listing = await cloud.list_all()
            left = await cloud.balance()
    except Unauthorized as error:
        advice = f"the key from {source} is wrong, or may not list instances"
        return AccountCheck(name=cloud.name, accepted=False, found=str(error), advice=advice)
    except (ProviderError, TimeoutError) as error:
        found = str(error) or f"no answer within {LIMIT_S:g} s"
        advice = "try again; is its address right?"
        return AccountCheck(name=cloud.name, accepted=None, found=found, advice=advice)
    number = len(listing.instances)
    said = [f"key from {source} accepted", f"{number} instance{'s' if number != 1 else ''} there"]
    if not listing.complete:
        said.append(f"its list is incomplete: {listing.trouble}")
    said.append("it tells no balance" if left is None else f"balance {left}")
    said.extend(_lacks(cloud.capabilities))
    return AccountCheck(name=cloud.name, accepted=True, found="; ".join(said))


def _lacks(capabilities: Capabilities) -> list[str]:
    """Return what cannot be had there, in words."""
    lacking = {
        "no image of your own": not capabilities.custom_image,
        "no disk size of your own": not capabilities.custom_disk,
        "left alone, its agent ends the work and not the bill": not (
            capabilities.agent_ends_bill or capabilities.native_ttl
        ),
    }
    return [words for words, is_so in lacking.items() if is_so]


def _source(settings: Settings, name: ProviderName) -> str:
    """Return who gave the key, by whatever name that cloud calls it."""
    own = f"providers.{name}."
    given = (by for what, by in settings.sources.items() if what.startswith(own) and "key" in what)
    return next(given, "the settings")
