"""The way from a house to a simulated cloud: it takes time, loses, delays and is cut.

Promises: what was sent goes on, whatever becomes of its sender; all of it happens in the world's name, and costs three
turns of the loop where nothing goes wrong.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer, NotSent
from gpu_shopper.testing.loop import VirtualLoop
from gpu_shopper.testing.model_door import ModelDoor, http_reply
from gpu_shopper.testing.process import crash_point

SLOWEST_S = 90.0
_MAINTENANCE = b"the service is down for maintenance"


class Way(StrEnum):
    """Whether a cloud can be asked at all, and how it fails while it can't."""

    OPEN = "open"
    CUT = "cut"
    SAYS_503 = "answers 503"
    HANGS = "never answers"
    KEY_REFUSED = "refuses our key"
    REGION_OUT = "misses a region"


@dataclass(slots=True, kw_only=True)
class Network:
    """How the way to a cloud behaves just now: rates from 0 to 1, and whether it can be gone at all."""

    lose_request: float = 0.0
    lose_reply: float = 0.0
    slow: float = 0.0
    way: Way = Way.OPEN

    @property
    def shut(self) -> bool:
        """Whether nothing at all comes of what is sent there."""
        return self.way in {Way.CUT, Way.SAYS_503, Way.HANGS}

    def heal(self) -> None:
        """Lose and delay nothing from now on."""
        self.lose_request = self.lose_reply = self.slow = 0.0


class FarEnd(Protocol):
    """The cloud at the other end of the way."""

    network: Network
    door: ModelDoor

    @property
    def misdeeds(self) -> int:
        """How often the cloud has done something wrong so far."""
        ...

    def latency(self) -> float:
        """Draw how long one way takes, in seconds."""
        ...

    def draw(self) -> float:
        """Draw a number from 0 to 1."""
        ...

    def strikes(self, rate: float) -> bool:
        """Draw whether something of this rate happens now."""
        ...

    def note_trouble(self) -> None:
        """Remember that something went wrong just now."""
        ...

    def struck(self, fault: str) -> None:
        """Count a fault of the way."""
        ...

    def told(self, request: HttpRequest, reply: HttpReply | None, *, sent_at: float) -> None:
        """See what a living house was told, or (None) that it waited in vain."""
        ...


class SimDoor:
    """The door of one house to one cloud."""

    def __init__(self, cloud: FarEnd, loop: VirtualLoop) -> None:
        self._cloud = cloud
        self._loop = loop

    async def request(self, request: HttpRequest) -> HttpReply:
        """See the port."""
        with crash_point(f"{request.method} {request.url}"):
            answer: asyncio.Future[HttpReply] = self._loop.create_future()
            sent_at, reply = self._loop.time(), None
            Exchange(self._cloud, self._loop, request, answer).begin()
            try:
                reply = await answer
            finally:
                self._cloud.told(request, reply, sent_at=sent_at)
            return reply

    async def aclose(self) -> None:
        """Nothing is held."""


class Exchange:
    """One request on its way there, and its answer on its way back, timer by timer."""

    def __init__(
        self,
        cloud: FarEnd,
        loop: VirtualLoop,
        request: HttpRequest,
        answer: "asyncio.Future[HttpReply]",
    ) -> None:
        self._cloud = cloud
        self._loop = loop
        self._request = request
        self._answer = answer
        self._deadline = loop.time() + request.timeout
        self._is_late = False
        self._misdeeds = cloud.misdeeds

    def begin(self) -> None:
        """Send it."""
        way, timeout = self._cloud.network.way, self._request.timeout
        if way is Way.CUT:
            self._after(0.0, lambda: self._fail(NotSent("connection refused")))
        elif way is Way.HANGS:
            self._after(timeout, lambda: self._fail(NoAnswer(f"no answer in {timeout} s")))
        else:
            self._after(self._cloud.latency(), self._arrive)

    def _arrive(self) -> None:
        cloud, network = self._cloud, self._cloud.network
        if network.way is Way.SAYS_503:
            cloud.note_trouble()
            self._answer_with(HttpReply(status=503, headers={}, body=_MAINTENANCE))
        elif network.way is Way.CUT or cloud.strikes(network.lose_request):
            cloud.struck("request_lost")
            self._fail(NoAnswer("the request was lost"))
        elif cloud.strikes(network.slow):
            cloud.struck("request_slow")
            cloud.note_trouble()
            self._after(SLOWEST_S * cloud.draw(), self._take_effect)
        else:
            self._take_effect()

    def _take_effect(self) -> None:
        cloud, timeout = self._cloud, self._request.timeout
        said = cloud.door.hear(self._request)
        if said.lost or said.delay_s >= timeout:
            lost = NoAnswer(f"{self._request.method}: the answer was lost")
            self._after(min(said.delay_s, timeout), lambda: self._fail(lost))
        else:
            reply = http_reply(said)
            self._after(said.delay_s + cloud.latency(), lambda: self._come_back(reply))

    def _come_back(self, reply: HttpReply) -> None:
        cloud, network = self._cloud, self._cloud.network
        if network.way is Way.CUT or cloud.strikes(network.lose_reply):
            cloud.struck("reply_lost")
            self._fail(NoAnswer("the reply was lost"))
            return
        if cloud.misdeeds > self._misdeeds:
            cloud.note_trouble()
        self._answer_with(reply)

    def _answer_with(self, reply: HttpReply) -> None:
        if not self._answer.done():
            self._answer.set_result(reply)

    def _fail(self, error: NotSent | NoAnswer) -> None:
        self._cloud.note_trouble()
        self._tell(error)

    def _tell(self, error: NotSent | NoAnswer) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)
            # Looked at in the world's name, as a sender that died will not.
            self._answer.exception()

    def _after(self, seconds: float, step: Callable[[], None]) -> None:
        loop, when = self._loop, self._loop.time() + seconds
        # Only one who is to wait in vain needs to be told so.
        if when >= self._deadline and not self._is_late:
            self._is_late = True
            in_vain = NoAnswer(f"{self._request.method}: no answer in {self._request.timeout} s")
            loop.call_at(self._deadline, lambda: self._tell(in_vain), context=Context())
        loop.call_at(when, step, context=Context())
