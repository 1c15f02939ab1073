"""One cloud's offers: as they came, until somebody asks about them; then as a shelf, and as a shelf alone."""

from collections.abc import Iterable

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.offer import Offer
from gpu_shopper.market.gathering import PIECE
from gpu_shopper.market.pieces import Pieces, at_once
from gpu_shopper.market.shelf import Shelf
from gpu_shopper.market.stocking import stocking


class Stock:
    """What one cloud sells, with what is listed twice but once. It is made of offers, or of a shelf that there is already."""

    def __init__(
        self, provider: ProviderName, offers: Iterable[Offer] = (), *, shelf: Shelf | None = None
    ) -> None:
        self._provider = provider
        # What is listed twice is one offer, as it was listed last.
        self._offers = tuple({offer.id: offer for offer in offers}.values())
        assert all(offer.provider == provider for offer in self._offers), provider
        self._count = len(self._offers) if shelf is None else len(shelf)
        self._shelf = shelf

    def __len__(self) -> int:
        return self._count

    @property
    def made(self) -> Shelf | None:
        """The shelf, if somebody has asked for it."""
        return self._shelf

    @property
    def shelf(self) -> Shelf:
        """The offers on their shelf."""
        return self._shelf or at_once(self.stocking())

    def stocking(self) -> Pieces[Shelf]:
        """Put the offers on their shelf in pieces."""
        if self._shelf is None:
            self._shelf = yield from stocking(self._provider, self._offers)
            # An offer takes as much space as its row and its columns together; to let go of many at once takes long.
            offers, self._offers = [*self._offers], ()
            while offers:
                del offers[-PIECE:]
                yield
        return self._shelf
