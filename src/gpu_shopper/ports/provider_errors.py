"""What the world answers when it does not do what we asked: one class per way in which the engine must react."""

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.launch import Blame


class ProviderError(Exception):
    """A cloud did not do what was asked."""


class Unavailable(ProviderError):
    """The cloud could not be asked, or did not answer. It says nothing about what it holds: wait, ask again."""


class RateLimited(Unavailable):
    """The cloud asks for patience. Nothing was done."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unauthorized(ProviderError):
    """The cloud does not accept our key: stop buying there, tell the operator, keep every obligation."""


class Refused(ProviderError):
    """The cloud certainly did not do it: nothing was bought."""

    blame = Blame.CLOUD


class OfferGone(Refused):
    """The offer is not on sale any more, or at another price."""

    blame = Blame.OFFER


class NoCapacity(Refused):
    """The cloud has none left of this kind."""

    blame = Blame.OFFER


class QuotaReached(Refused):
    """The account may not hold more, or has no money."""

    blame = Blame.ACCOUNT


class BadOrder(Refused):
    """The cloud calls the order malformed: our mistake."""

    blame = Blame.OURS


class Ambiguous(ProviderError):
    """The answer proves nothing: the instance may be there. Where the answer named one, `instance_id` has it."""

    def __init__(self, message: str, *, instance_id: InstanceId | None = None) -> None:
        super().__init__(message)
        self.instance_id = instance_id
