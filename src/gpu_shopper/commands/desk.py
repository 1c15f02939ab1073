"""What every command has at hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.market.holder import Market
from gpu_shopper.ports.books import Books
from gpu_shopper.ports.chance import Chance
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.meter import Meter
from gpu_shopper.ports.vault import Vault
from gpu_shopper.ports.wakeup import Wakeup


def _nobody(provider: ProviderName) -> None:
    """Nobody sweeps here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The ports that commands write through; `capabilities` say what each configured cloud can do, `quirks` how it behaves and bills.

    `sweep_soon` asks whoever lists accounts to list this one now.
    """

    books: Books
    clock: Clock
    chance: Chance
    vault: Vault
    market: Market
    wakeup: Wakeup
    meter: Meter
    capabilities: Mapping[ProviderName, Capabilities]
    quirks: Mapping[ProviderName, Quirks]
    limits: Limits
    sweep_soon: Callable[[ProviderName], None] = _nobody
