"""Reading the memory of failures as it stands now."""

from datetime import datetime

from gpu_shopper.domain.ids import OfferId
from gpu_shopper.domain.offer_health import REMEMBERED, OfferFailure, OfferHealth, read_health
from gpu_shopper.ports.books import Book


def offer_health(book: Book, *, now: datetime) -> OfferHealth:
    """Return what speaks against offers, machines and kinds of GPU at `now`."""
    failures = [
        OfferFailure(
            provider=record.provider,
            offer_id=OfferId(record.offer_id),
            machine_id=record.machine_id,
            gpu_type=record.gpu_type,
            blame=record.blame,
            at=record.at,
            reason=record.reason,
        )
        for record in book.accounts.failures(since=now - REMEMBERED)
    ]
    return read_health(failures, now=now)
