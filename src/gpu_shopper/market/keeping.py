"""What of the market outlives the process: a cloud's rows as they were encoded, and offers made of them again."""

from datetime import datetime
from typing import Final
from zlib import crc32

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.offer import Offer
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.rows import offer_of
from gpu_shopper.market.stock import Stock
from gpu_shopper.ports.menu_keeper import KeptMenu, MenuLost
from gpu_shopper.wire.offers import OfferFacts

# Rows of another program, which knew other fields, are not read.
SHAPE: Final = f"{crc32(' '.join(OfferFacts.__struct_fields__).encode()):08x}"
# So many rows are read before others are let in: about a millisecond's work.
_PIECE: Final = 100


def keeping(provider: ProviderName, stock: Stock, *, fetched_at: datetime) -> Pieces[KeptMenu]:
    """Return what to keep of a cloud's offers, in pieces: they may have to be encoded first."""
    shelf = yield from stock.stocking()
    return KeptMenu(provider=provider, fetched_at=fetched_at, shape=SHAPE, rows=shelf.rows)


def offers_in(menu: KeptMenu) -> Pieces[list[Offer]]:
    """Return the offers of a menu that was kept, in pieces.

    Raises:
        MenuLost: it is not ours, or not all of it can be read.
    """
    if menu.shape != SHAPE:
        raise MenuLost(f"the menu of {menu.provider} has another shape than ours")
    offers: list[Offer] = []
    for start in range(0, len(menu.rows), _PIECE):
        try:
            offers += [
                offer_of(row, confidence=1.0, fetched_at=menu.fetched_at, marks=())
                for row in menu.rows[start : start + _PIECE]
            ]
        except ValueError as error:
            raise MenuLost(f"a row of the menu of {menu.provider} cannot be read") from error
        yield
    if any(offer.provider != menu.provider for offer in offers):
        raise MenuLost(f"the menu of {menu.provider} has rows of another cloud")
    return offers
