"""What is said while no cloud has answered: that it may be a matter of seconds, or which clouds refuse, and why."""

from collections.abc import Iterable

from gpu_shopper.domain.errors import MarketNotReady
from gpu_shopper.market.snapshot import Listing

_LONGEST_REASON = 200


def not_ready(listings: Iterable[Listing]) -> MarketNotReady:
    """Return the refusal of whoever asks before any cloud has answered since the start."""
    troubles = [
        f"{one.provider}: {one.error[:_LONGEST_REASON]}"
        for one in listings
        if one.error is not None
    ]
    message = "; ".join(["no cloud has answered yet since the start", *troubles])
    hint = "`gpu-shopper doctor` says what is wrong" if troubles else "try again in a few seconds"
    return MarketNotReady(message, hint=hint)
