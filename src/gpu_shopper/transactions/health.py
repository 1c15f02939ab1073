"""Reading the memory of launches as it stands now."""

from datetime import datetime

from gpu_shopper.domain.offer_health import REMEMBERED, OfferHealth, read_health
from gpu_shopper.ports.books import Book


def offer_health(book: Book, *, now: datetime) -> OfferHealth:
    """Return what speaks against offers, machines, places, kinds of GPU and clouds at `now`."""
    return read_health(book.accounts.outcomes(since=now - REMEMBERED), now=now)
