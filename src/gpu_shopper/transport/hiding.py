"""A door that hides an account's secrets in what clouds answer.

Errors carry the cloud's own words to sessions, events, replies and terminals, and a cloud may repeat a key that it does
not like. Nobody behind this door can pass on what never comes through it.
"""

from collections.abc import Collection
from dataclasses import replace
from urllib.parse import quote

from gpu_shopper.ports.http import HttpDoor, HttpReply, HttpRequest

HIDDEN = b"[hidden]"
# Anything shorter stands in answers by chance, and is no key of a real account.
SHORTEST = 8


class HidingDoor:
    """Another door, lent; `secrets` are hidden in each body that comes through, however JSON and URLs write them."""

    def __init__(self, door: HttpDoor, secrets: Collection[str]) -> None:
        self._door = door
        forms = {
            form.encode()
            for secret in secrets
            if len(secret) >= SHORTEST
            for form in (secret, secret.replace("/", "\\/"), quote(secret, safe=""))
        }
        # A secret may hold another one: the longest is to be hidden first.
        self._forms = sorted(forms, key=len, reverse=True)

    async def request(self, request: HttpRequest) -> HttpReply:
        """Pass it on and return the answer without secrets.

        Raises:
            NotSent, NoAnswer: as the other door does.
        """
        reply = await self._door.request(request)
        body = reply.body
        for form in self._forms:
            if form in body:
                body = body.replace(form, HIDDEN)
        return reply if body is reply.body else replace(reply, body=body)

    async def aclose(self) -> None:
        """Nothing to close: the door is not ours."""
