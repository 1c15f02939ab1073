"""The token that Verda's API is used with: had for a client id and its secret, kept, and renewed in time."""

import asyncio
from typing import Annotated

import msgspec

from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.provider_errors import Unauthorized
from gpu_shopper.transport.answers import is_page, judge_read
from gpu_shopper.transport.calling import Call, Caller
from gpu_shopper.transport.decoding import decode, object_in

# Before a token ends, so that none ends on its way.
_EARLY_S = 60.0
_WHAT = "login"


class _Granted(msgspec.Struct, frozen=True, kw_only=True):
    access_token: Annotated[str, msgspec.Meta(min_length=1, max_length=20_000, pattern="^[!-~]+$")]
    expires_in: Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class Login:
    """One account's token. Whoever comes while one is being fetched waits for that one."""

    def __init__(self, caller: Caller, clock: Clock, *, client_id: str, secret: str) -> None:
        self._caller = caller
        self._clock = clock
        self._grant = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
        }
        self._token = ""
        self._ends_at = 0.0
        self._fetching = asyncio.Lock()

    async def token(self, *, stale: str = "") -> str:
        """Return a token that holds for a while yet, and is not the `stale` one.

        Raises:
            Unauthorized: the id or its secret is wrong. RateLimited, Unavailable: see `judge_read`.
        """
        async with self._fetching:
            if self._token in {"", stale} or self._clock.monotonic() >= self._ends_at:
                await self._fetch()
            return self._token

    async def _fetch(self) -> None:
        call = Call(
            method="POST", path="/v1/oauth2/token", body=self._grant, what=_WHAT, urgent=True
        )
        began_at = self._clock.monotonic()
        reply = await self._caller.ask(call)
        # Some say so by a 400: it is the words that are wrong then, and not the request.
        if reply.status in {400, 401, 403} and not is_page(reply) and object_in(reply.body):
            raise Unauthorized(f"{_WHAT}: the client id and secret are not accepted")
        judge_read(reply, what=_WHAT)
        granted = decode(reply, _Granted, what=_WHAT)
        self._token = granted.access_token
        self._ends_at = began_at + max(granted.expires_in - _EARLY_S, granted.expires_in / 2)
