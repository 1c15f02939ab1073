"""What bears our label and has no attempt of its own: a cloud's second instance of one order, or an overdue orphan.

It is nobody's from the moment at which it is seen, and an obligation like any other: it is destroyed until it is proved
to be gone, by complete listings that began after the last destroy was answered, and a direct read at last.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from gpu_shopper.domain.alerting import alert_after
from gpu_shopper.domain.ids import InstanceId, ProviderName, SessionId
from gpu_shopper.domain.instance import Instance
from gpu_shopper.domain.launch import pause_after
from gpu_shopper.domain.money import HourlyRate, Money, charge_between
from gpu_shopper.domain.quirks import Quirks

LISTINGS_AT_LEAST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Surplus:
    """One such instance. `session_id` is that of the order it was made of, if the book knows it.

    `billed_from` is the cloud's word, or when it was first seen; `gone_at` when a listing first lacked it.
    """

    provider: ProviderName
    instance_id: InstanceId
    label: str
    because: str
    since: datetime
    billed_from: datetime
    session_id: SessionId | None = None
    rate: HourlyRate | None = None
    destroy_tries: int = 0
    destroy_called_at: datetime | None = None
    destroy_answered_at: datetime | None = None
    alerted_at: datetime | None = None
    gone_listings: int = 0
    listing_at: datetime | None = None
    gone_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def cost(self) -> Money | None:
        """What it cost us until it was gone, as far as the cloud tells; nobody else pays for it."""
        if self.rate is None or self.gone_at is None:
            return None
        begin = self.billed_from
        return charge_between(self.rate, origin=begin, begin=begin, end=max(begin, self.gone_at))


def surplus_of(
    instance: Instance, *, because: str, session_id: SessionId | None, at: datetime
) -> Surplus:
    """Return the obligation that begins with the first sight of `instance`."""
    return Surplus(
        provider=instance.provider,
        instance_id=instance.id,
        label=instance.label,
        because=because,
        since=at,
        billed_from=min(instance.billed_from or at, at),
        session_id=session_id,
        rate=instance.rate,
    )


def still_there(surplus: Surplus, *, at: datetime, told: datetime | None = None) -> Surplus:
    """Return the obligation after a sight of its instance: what spoke of absence is void, and a closed one is open again.

    Where the cloud has told that it bills from after its end, it came back, and its cost is of that life alone.
    """
    there = replace(surplus, gone_listings=0, listing_at=None, gone_at=None)
    if surplus.closed_at is None:
        return there
    ended_at, begin = surplus.gone_at, surplus.billed_from
    if told is not None and ended_at is not None and told > ended_at:
        begin = told
    return replace(
        there,
        billed_from=begin,
        closed_at=None,
        since=at,
        destroy_tries=0,
        destroy_called_at=None,
        destroy_answered_at=None,
        alerted_at=None,
    )


def not_listed(surplus: Surplus, *, began_at: datetime, quirks: Quirks) -> Surplus:
    """Return the obligation after a complete listing that lacks its instance, if it began late enough to say anything."""
    answered, last = surplus.destroy_answered_at, surplus.listing_at
    if answered is None or began_at <= answered:
        return surplus
    # One of the future is of before the clock was set back.
    if last is not None and abs(began_at - last) < quirks.absence_listing_spacing:
        return surplus
    return replace(
        surplus,
        gone_listings=surplus.gone_listings + 1,
        listing_at=began_at,
        gone_at=surplus.gone_at or began_at,
    )


def proved_gone(surplus: Surplus, quirks: Quirks) -> bool:
    """Return whether enough listings lack it; a direct read has to agree."""
    return surplus.gone_listings >= max(LISTINGS_AT_LEAST, quirks.absence_listings)


def destroy_due(surplus: Surplus, now: datetime) -> bool:
    """Return whether it is to be destroyed now: at once, then as often as any other, until it is proved to be gone."""
    called, answered = surplus.destroy_called_at, surplus.destroy_answered_at
    if called is None or set_back_since(surplus, now):
        # Nobody waits until the clock has caught up.
        return True
    if answered is None or answered < called:
        # We went down in the call: perhaps before it was sent.
        return True
    pause = pause_after(
        surplus.destroy_tries, since=surplus.since, now=now, key=surplus.instance_id
    )
    return now - called >= pause


def set_back_since(surplus: Surplus, now: datetime) -> bool:
    """Return whether the clock was set back since the last destroy, so that its proof has to begin anew."""
    called = surplus.destroy_called_at
    return called is not None and called > now


def destroy_called(surplus: Surplus, *, at: datetime) -> Surplus:
    """Return the obligation with one more try."""
    return replace(surplus, destroy_called_at=at, destroy_tries=surplus.destroy_tries + 1)


def surplus_alert_due(surplus: Surplus, now: datetime) -> bool:
    """Return whether an operator must be told (again) that it cannot be destroyed."""
    return alert_after(surplus.destroy_tries, alerted_at=surplus.alerted_at, now=now)
