"""A cloud that stands trial for its adapter: it can be told to misbehave, and its truth can be seen."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.ports.provider import CloudProvider, LaunchOrder
from gpu_shopper.ports.provider_errors import ProviderError


class Misdeed(StrEnum):
    """What a cloud, or the way to it, may be told to do to the calls that follow, until it is told to behave."""

    LOSES_REQUESTS = "loses_requests"
    LOSES_CREATE_REPLIES = "loses_create_replies"
    CREATES_AND_SAYS_ERROR = "creates_and_says_error"
    IS_DOWN = "is_down"
    SHOWS_PAGES = "shows_pages"
    CANNOT_BE_REACHED = "cannot_be_reached"
    ASKS_FOR_PATIENCE = "asks_for_patience"
    REFUSES_KEY = "refuses_key"
    HAS_NO_CAPACITY = "has_no_capacity"
    IGNORES_DESTROY = "ignores_destroy"
    SENDS_BAD_ROWS = "sends_bad_rows"
    DROPS_ROWS = "drops_rows"
    FAILS_LATER_PAGES = "fails_later_pages"
    HANGS_ON_READS = "hangs_on_reads"
    FAILS_READS = "fails_reads"
    ASKS_FOR_PATIENCE_WITH_READS = "asks_for_patience_with_reads"


SILENCES = (
    Misdeed.LOSES_REQUESTS,
    Misdeed.IS_DOWN,
    Misdeed.SHOWS_PAGES,
    Misdeed.CANNOT_BE_REACHED,
)
# It does what it is told, and shows nothing.
BLINDNESSES = (
    Misdeed.HANGS_ON_READS,
    Misdeed.FAILS_READS,
    Misdeed.ASKS_FOR_PATIENCE_WITH_READS,
)


class NotTried(Exception):
    """This cloud cannot be told to do that."""


class CloudUnderTest(Protocol):
    """A fresh cloud with an empty account, and the truth about it."""

    @property
    def provider(self) -> CloudProvider:
        """The adapter."""
        ...

    @property
    def page_size(self) -> int:
        """How many instances one page of the listing holds."""
        ...

    def order(self, number: int) -> LaunchOrder:
        """Return an order for the `number`th offer, with a label of its own."""
        ...

    def misbehave(self, misdeed: Misdeed) -> None:
        """Do this to every call from now on.

        Raises:
            NotTried: see there.
        """
        ...

    def behave(self) -> None:
        """Stop all misdeeds."""
        ...

    def held(self) -> frozenset[InstanceId]:
        """Return what the cloud really holds."""
        ...

    def leftovers(self) -> Mapping[str, int]:
        """Return what is left beside instances that the adapter made, by kind."""
        ...

    def restart(self) -> None:
        """Let the adapter be a new one, which remembers nothing."""
        ...

    async def pass_time(self, seconds: float) -> None:
        """Let the cloud's time go on."""
        ...

    async def cut_off(
        self, act: Callable[[], Awaitable[object]], *, seconds: float
    ) -> ProviderError | None:
        """Do this for so long at most by the cloud's clock, then break it off as the engine does; return its error."""
        ...

    async def in_a_crowd(
        self, crowd: Sequence[Callable[[], Awaitable[object]]], act: Callable[[], Awaitable[object]]
    ) -> Sequence[bool]:
        """Begin all of the `crowd` with a new adapter; do `act` once nobody moves without time going on; then break them off.

        Return which of the requests that the cloud was sent from then on were those of `act`, in order, up to its last.
        """
        ...


Check = Callable[[CloudUnderTest], Awaitable[None]]


def ways(cloud: CloudUnderTest, misdeeds: Sequence[Misdeed]) -> list[Misdeed]:
    """Return those of these misdeeds that this cloud can be told to do.

    Raises:
        NotTried: it is none of them.
    """
    willing = []
    for misdeed in misdeeds:
        try:
            cloud.misbehave(misdeed)
        except NotTried:
            continue
        cloud.behave()
        willing.append(misdeed)
    if not willing:
        raise NotTried
    return willing


async def raises(
    expected: type[ProviderError], act: Callable[[], Awaitable[object]], why: str
) -> ProviderError:
    """Return the error that `act` raises; another class, or none, breaks the contract."""
    try:
        given = await act()
    except expected as error:
        return error
    except ProviderError as error:
        message = f"{why}: {type(error).__name__} where {expected.__name__} was due"
        raise AssertionError(message) from error
    message = f"{why}: {given!r} where {expected.__name__} was due"
    raise AssertionError(message)
