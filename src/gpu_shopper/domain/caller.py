"""Who is asking, and what they may see."""

from dataclasses import dataclass

from gpu_shopper.domain.ids import ConsumerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller. `consumer_id` None means an operator, who sees and may do everything."""

    name: str
    consumer_id: ConsumerId | None = None

    @property
    def is_operator(self) -> bool:
        """The caller speaks for the deployment itself, not for one consumer."""
        return self.consumer_id is None

    def may_see(self, consumer_id: ConsumerId) -> bool:
        """Return whether things of `consumer_id` exist for this caller."""
        return self.consumer_id is None or self.consumer_id == consumer_id
