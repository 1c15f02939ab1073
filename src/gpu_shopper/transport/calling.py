"""How an adapter sends its account's requests: to its address, with its key, at its pace, each one once.

A call of the port may take several requests: pages, a key, a volume. The engine paces calls; here the requests of each
are spaced too, so that sixty pages of a menu are not asked for at once, and whatever else is asked passes those that wait.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.token_bucket import TokenBucket
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpDoor, HttpReply, HttpRequest
from gpu_shopper.ports.provider import ORDER_TAKEN, is_at_leisure
from gpu_shopper.ports.provider_errors import Ambiguous, RateLimited, Unavailable
from gpu_shopper.transport.answers import (
    Dialect,
    ask,
    instance_in,
    judge_destroy,
    judge_launch,
    judge_read,
    order,
    says_gone,
)
from gpu_shopper.transport.decoding import decode

T = TypeVar("T")

# So long, in seconds, an order to end may be held up by a look at what it could name as well.
GLANCE_S = 5.0
# And so long a page of a menu lets others pass.
LONGEST_LULL_S = 30.0
_LEAST_PAUSE_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request in the cloud's own words. `what` names it in errors; a query's None is left out; `body` becomes JSON, `form` a form.

    An urgent one, a destroy, waits for nobody. `patience` is how long an answer is waited for, in seconds, where that is less
    than the account's calls may take.
    """

    path: str
    what: str
    method: str = "GET"
    query: Mapping[str, str | int | None] = field(default_factory=dict)
    body: object = None
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    urgent: bool = False
    patience: float | None = None


class Caller:
    """One account's way to its cloud. `headers` go with every request; secrets belong there, never into a path."""

    def __init__(
        self,
        door: HttpDoor,
        clock: Clock,
        *,
        url: str,
        headers: Mapping[str, str],
        quirks: Quirks,
        dialect: Dialect,
    ) -> None:
        self._door = door
        self._clock = clock
        self._url = url.rstrip("/")
        self._headers = {"accept": "application/json", **headers}
        self._timeout = quirks.call_deadline.total_seconds()
        self._bucket = TokenBucket(
            rate=quirks.requests_per_second, burst=quirks.burst, now=clock.monotonic()
        )
        self.dialect = dialect

    async def read(self, call: Call) -> HttpReply:
        """Send what may be sent again; pass a 2xx.

        Raises:
            Unauthorized, RateLimited, Unavailable: see `judge_read`.
        """
        reply = await self.ask(call)
        judge_read(reply, what=call.what, dialect=self.dialect)
        return reply

    async def ask(self, call: Call) -> HttpReply:
        """Send what may be sent again, and return any answer; what is asked at leisure, a page of a menu, lets others pass.

        Raises:
            Unavailable: there is none.
        """
        if is_at_leisure() and not call.urgent:
            await self._lull()
        await self._turn(urgent=call.urgent)
        return await ask(self._door, self._request(call), what=call.what)

    async def show(self, call: Call, kind: type[T]) -> T:
        """Return what a read tells.

        Raises:
            Unauthorized, RateLimited, Unavailable: see `judge_read`; also where the answer is something else.
        """
        return decode(await self.read(call), kind, what=call.what)

    async def one(self, call: Call, kind: type[T], is_it: Callable[[T], bool]) -> T | None:
        """Return the one thing that was asked for, None if the cloud says that there is none.

        Raises:
            Unauthorized, RateLimited, Unavailable: as for `show`; also where the answer is about another one.
        """
        reply = await self.ask(call)
        if says_gone(reply, self.dialect):
            return None
        judge_read(reply, what=call.what, dialect=self.dialect)
        found = decode(reply, kind, what=call.what)
        if not is_it(found):
            raise Unavailable(f"{call.what}: the answer is about another one")
        return found

    async def buy(self, call: Call, kind: type[T]) -> T:
        """Send a create, once; return what it is answered with.

        Raises:
            Refused, Unavailable, Unauthorized: for certain not. Ambiguous: perhaps.
        """
        return self.bought(await self.order(call), kind, what=call.what)

    def bought(self, reply: HttpReply, kind: type[T], *, what: str) -> T:
        """Return what a create was answered with; see `buy` for what is raised."""
        judge_launch(reply, self.dialect, what=what)
        try:
            return decode(reply, kind, what=what)
        except Unavailable as error:
            named = instance_in(reply, self.dialect)
            raise Ambiguous(str(error), instance_id=named) from error

    async def end(self, call: Call) -> None:
        """Send an order to end something; that it is not there is no error.

        Raises:
            Unauthorized, RateLimited, Unavailable: see `judge_read`.
        """
        judge_destroy(await self.ask(call), self.dialect, what=call.what)

    async def order(self, call: Call) -> HttpReply:
        """Send a create, once, ahead of those in line: the engine has given it its turn already.

        Raises:
            Unavailable: it certainly never left.
            Ambiguous: it may have arrived.
        """
        await self._turn(urgent=True)
        return await order(self._door, self._request(call), what=call.what)

    async def _lull(self) -> None:
        """Wait until nobody stands in line, within reason: pages of a menu shall not hold up a look at what bills."""
        until = self._clock.monotonic() + LONGEST_LULL_S
        while (delay := self._bucket.wait(now := self._clock.monotonic())) > 0 and now < until:
            await self._clock.sleep(max(delay, _LEAST_PAUSE_S))

    async def _turn(self, *, urgent: bool) -> None:
        delay = self._bucket.take(self._clock.monotonic(), urgent=urgent)
        if delay > 0:
            await self._clock.sleep(delay)

    def _request(self, call: Call) -> HttpRequest:
        given = {name: str(value) for name, value in call.query.items() if value is not None}
        body, kind = _body_of(call)
        typed = {"content-type": kind} if body else {}
        return HttpRequest(
            method=call.method,
            url=self._url + (f"{call.path}?{urlencode(given)}" if given else call.path),
            headers={**self._headers, **typed, **call.headers},
            body=body,
            timeout=min(self._timeout, call.patience or self._timeout),
            urgent=call.urgent,
        )


@contextmanager
def clearing_away() -> Iterator[None]:
    """Do what follows an order to end that was taken, and tell so: where it is put off, no other end shall wait for it.

    Raises:
        Unavailable: not all is cleared away; call again.
    """
    tell = ORDER_TAKEN.get()
    if tell is not None:
        tell()
    try:
        yield
    except RateLimited as error:
        raise Unavailable(f"told to end, and not cleared away yet: {error}") from error


def _body_of(call: Call) -> tuple[bytes, str]:
    if call.form:
        return urlencode(call.form).encode(), "application/x-www-form-urlencoded"
    body = b"" if call.body is None else msgspec.json.encode(call.body)
    return body, "application/json"
