"""An operator's webhook as the real notifier meets it: it answers, or errs, sends elsewhere, hangs, or loses its answer."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer, NotSent
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.process import crash_point

_SLOW_S: Final = 12.0
_SAYS: Final[Mapping[str, int]] = {"500": 500, "410": 410, "redirect": 302}
# The last two have taken the notice.
WAYS: Final = (*_SAYS, "refused", "timeout", "answer lost", "slow")


def _nobody(request: HttpRequest) -> None:
    pass


class SimWebhook:
    """Fails at its rate, each time in one of the `WAYS`; what arrived is kept by id and counted by kind."""

    def __init__(self, chance: SeededChance) -> None:
        self._chance = chance
        self.failing = 0.0
        self.failed: Counter[str] = Counter()
        self.delivered: Counter[str] = Counter()
        self.arrived: set[str] = set()
        # Whoever reads what is sent, arrived or not.
        self.heard: Callable[[HttpRequest], None] = _nobody

    async def request(self, request: HttpRequest) -> HttpReply:
        """See the port."""
        self.heard(request)
        with crash_point("deliver"):
            if self._chance.uniform() < self.failing:
                return await self._fail(request, WAYS[self._chance.below(len(WAYS))])
            return self._take(request)

    async def aclose(self) -> None:
        """Nothing is held."""

    async def _fail(self, request: HttpRequest, way: str) -> HttpReply:
        self.failed[way] += 1
        if way in _SAYS:
            return HttpReply(status=_SAYS[way], headers={"location": "https://a.test"}, body=b"")
        if way == "refused":
            raise NotSent("connection refused")
        if way == "timeout":
            await asyncio.sleep(request.timeout)
            raise NoAnswer("no answer in time")
        reply = self._take(request)
        if way == "answer lost":
            raise NoAnswer("the answer was lost")
        await asyncio.sleep(_SLOW_S)
        return reply

    def _take(self, request: HttpRequest) -> HttpReply:
        body = msgspec.json.decode(request.body or b"{}", type=dict[str, object])
        self.delivered[str(body["kind"])] += 1
        self.arrived.add(str(body["id"]))
        return HttpReply(status=204, headers={}, body=b"")
