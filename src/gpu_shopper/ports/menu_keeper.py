"""The port to where the last good menus outlive the process. What is lost there costs nothing but a moment at the start."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gpu_shopper.domain.ids import ProviderName


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMenu:
    """One cloud's offers as they were encoded, one row each. `shape` names the form of the rows, which only its maker reads."""

    provider: ProviderName
    fetched_at: datetime
    shape: str
    rows: Sequence[bytes]


class MenuLost(Exception):
    """A menu could not be kept, or what was kept cannot be read: the next listing makes up for it."""


class MenuKeeper(Protocol):
    """Keeps the newest menu of each cloud."""

    async def keep(self, menu: KeptMenu) -> None:
        """Keep this one in place of its cloud's last; that one stays whole until this one is.

        Raises:
            MenuLost: see there.
        """
        ...

    async def kept(self, provider: ProviderName) -> KeptMenu | None:
        """Return what was kept of this cloud last, None if there is nothing.

        Raises:
            MenuLost: it is damaged, or another program's.
        """
        ...
