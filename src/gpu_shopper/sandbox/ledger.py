"""The cloud's own account of every instance that ever was: the oracle for cost and for orphans."""

import msgspec

from gpu_shopper.sandbox.instances import Instance
from gpu_shopper.sandbox.messages import Row


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The truth about one instance, whatever the API has said about it.

    Times are unix seconds, money is whole micro-dollars. `gpu_name` and `gpu_count` are what was
    really handed over; `returned_at` is when it last lived again after an end; `price_per_hour_micros` is what is really billed while it is not stopped.
    """

    id: str
    name: str
    offer_id: str
    host_id: str
    region: str
    gpu_name: str
    gpu_count: int
    price_per_hour_micros: int
    created_at: float
    billed_from: float
    returned_at: float | None
    ended_at: float | None
    end_reason: str | None
    billed_micros: int
    alive: bool
    status: str
    destroy_calls: int

    def as_row(self) -> Row:
        """Return the entry as JSON-able data."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


def entry_of(instance: Instance, *, now: float) -> LedgerEntry:
    """Write down one instance as it stands."""
    return LedgerEntry(
        id=instance.id,
        name=instance.name,
        offer_id=instance.offer_id,
        host_id=instance.host_id,
        region=instance.region,
        gpu_name=instance.spec.gpus.model,
        gpu_count=instance.spec.gpus.count,
        price_per_hour_micros=instance.price_micros,
        created_at=instance.created_at,
        billed_from=instance.created_at,
        returned_at=instance.returned_at,
        ended_at=instance.ended_at,
        end_reason=None if instance.alive else instance.end_reason,
        billed_micros=instance.meter.total_micros(now=now),
        alive=instance.alive,
        status=instance.status,
        destroy_calls=instance.destroy_calls,
    )
