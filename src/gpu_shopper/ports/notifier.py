"""The port to the operator: alerts that must arrive."""

from typing import Protocol

from gpu_shopper.ports.books import Notice


class NotDelivered(Exception):
    """The notice did not arrive; it will be tried again."""


class Notifier(Protocol):
    """Delivers notices: at least to the log, and to a webhook where one is set."""

    async def deliver(self, notice: Notice) -> None:
        """Deliver one notice.

        Raises:
            NotDelivered: it did not arrive.
        """
        ...
