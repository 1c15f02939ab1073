"""The token that Verda's API is used with: had for a client id and its secret, kept, and renewed in time."""

import asyncio
from typing import Annotated

import msgspec

from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.provider_errors import Unauthorized, Unavailable
from gpu_shopper.transport.answers import is_page, judge_read
from gpu_shopper.transport.calling import Call, Caller
from gpu_shopper.transport.decoding import decode, object_in

# So long before a token ends there shall be a new one; until shortly before, the old one serves where none is to be had.
_EARLY_S = 60.0
_LATE_S = 5.0
_PATIENCE_S = 10.0
_WHAT = "login"


class _Granted(msgspec.Struct, frozen=True, kw_only=True):
    access_token: Annotated[str, msgspec.Meta(min_length=1, max_length=20_000, pattern="^[!-~]+$")]
    expires_in: Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class Login:
    """One account's token. Whoever comes while one is being fetched waits for that one, unless the old one still holds."""

    def __init__(self, caller: Caller, clock: Clock, *, client_id: str, secret: str) -> None:
        self._caller = caller
        self._clock = clock
        self._grant = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
        }
        self._token = ""
        self._renewed_from = 0.0
        self._ends_at = 0.0
        self._fetching = asyncio.Lock()

    async def token(self, *, stale: str = "") -> str:
        """Return a token that holds for a while yet, and is not the `stale` one.

        Raises:
            Unauthorized: the id or its secret is wrong. RateLimited, Unavailable: see `judge_read`.
        """
        if self._fetching.locked() and self._holds(stale):
            return self._token
        async with self._fetching:
            if not self._holds(stale) or self._clock.monotonic() >= self._renewed_from:
                try:
                    await self._fetch()
                except Unavailable:
                    if not self._holds(stale):
                        raise
            return self._token

    def _holds(self, stale: str) -> bool:
        return self._token not in {"", stale} and self._clock.monotonic() < self._ends_at

    async def _fetch(self) -> None:
        call = Call(
            method="POST",
            path="/v1/oauth2/token",
            body=self._grant,
            what=_WHAT,
            urgent=True,
            patience=_PATIENCE_S,
        )
        began_at = self._clock.monotonic()
        reply = await self._caller.ask(call)
        # Some say so by a 400: it is the words that are wrong then, and not the request.
        if reply.status in {400, 401, 403} and not is_page(reply) and object_in(reply.body):
            raise Unauthorized(f"{_WHAT}: the client id and secret are not accepted")
        judge_read(reply, what=_WHAT)
        granted = decode(reply, _Granted, what=_WHAT)
        self._token = granted.access_token
        whole = granted.expires_in
        self._renewed_from = began_at + max(whole - _EARLY_S, whole / 2)
        self._ends_at = began_at + max(whole - _LATE_S, whole / 2)
