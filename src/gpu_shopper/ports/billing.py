"""What some clouds can be asked beside the contract of all: what they themselves have charged for an instance."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One line of a cloud's own record of charges; `words` say what for, in the cloud's own words."""

    amount: Money
    words: str


@runtime_checkable
class TellsBills(Protocol):
    """A cloud whose API shows what it charged. Nothing is decided by it: such records come late, and are for people."""

    async def bills(self, instance_id: InstanceId, *, since: datetime) -> tuple[BillLine, ...]:
        """Return what the cloud has written down so far for an instance that was bought at `since`; empty if nothing yet.

        Raises:
            Unauthorized, RateLimited, Unavailable: it does not tell just now.
        """
        ...
