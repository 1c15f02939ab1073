"""The ways to a simulated vendor: an HTTP door without a network, as the model's own leads to the model, and real HTTP."""

import asyncio
from urllib.parse import unquote

import msgspec
from aiohttp import web

from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer, NotSent
from gpu_shopper.testing.model_door import Faults, NoFaults, target_of
from gpu_shopper.testing.vendors.vendor import VendorCloud, VendorReply, VendorRequest


class VendorDoor:
    """The door to one vendor. `clock` is the vendor's; `heard` is what got as far as the vendor, in order."""

    def __init__(self, vendor: VendorCloud, clock: Clock, *, faults: Faults | None = None) -> None:
        self._vendor = vendor
        self._clock = clock
        self.faults: Faults = faults or NoFaults()
        self.heard: list[VendorRequest] = []
        self._closed = False

    async def request(self, request: HttpRequest) -> HttpReply:
        """Do what the request says and return the answer.

        Raises:
            NotSent: a fault before anything happened, or the door is closed.
            NoAnswer: the vendor or a fault lost the answer, or it comes later than the caller waits.
        """
        if self._closed:
            raise NotSent(f"{request.method}: the door is closed")
        request = await self.faults.before_effect(request)
        asked = vendor_request(request)
        self.heard.append(asked)
        said = self._vendor.hear(asked, now=self._clock.now().timestamp())
        if said.delay_s:
            await self._clock.sleep(min(said.delay_s, request.timeout))
        if said.lost or said.delay_s >= request.timeout:
            raise NoAnswer(f"{request.method}: the answer was lost")
        return await self.faults.after_effect(request, http_reply(said))

    async def aclose(self) -> None:
        """Answer nothing any more; may be called twice."""
        self._closed = True


def vendor_request(request: HttpRequest) -> VendorRequest:
    """Return a request as vendors hear it."""
    target = target_of(request.url)
    return VendorRequest(
        method=request.method,
        path=unquote(target.path),
        query=target.query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=json_in(request.body),
        raw=request.body,
    )


async def heard(request: web.Request) -> VendorRequest:
    """Return a request over real HTTP as vendors hear it."""
    raw = await request.read()
    return VendorRequest(
        method=request.method,
        path=request.path,
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=json_in(raw),
        raw=raw,
    )


async def answered(request: web.Request, said: VendorReply) -> web.StreamResponse:
    """Return what a vendor says over real HTTP, when it comes; one that is lost breaks the connection."""
    await asyncio.sleep(said.delay_s)
    if said.lost and request.transport is not None:
        request.transport.abort()
    # Exactly the type, without a charset: some of the vendors' own clients compare it whole.
    reply = http_reply(said)
    return web.Response(status=reply.status, body=reply.body or None, headers=reply.headers)


def json_in(body: bytes) -> object:
    """Return what a body says as JSON; None where it is none."""
    try:
        return msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return None


def http_reply(said: VendorReply) -> HttpReply:
    """Return what a vendor says as it goes over the wire."""
    body, kind = _wire_body(said)
    headers = {**kind, **{name.lower(): value for name, value in said.headers.items()}}
    return HttpReply(status=said.status, headers=headers, body=body)


def _wire_body(said: VendorReply) -> tuple[bytes, dict[str, str]]:
    """Return the body's bytes, and the header that says what they are, if there are any."""
    if said.body is None:
        return b"", {}
    if isinstance(said.body, bytes):
        return said.body, {"content-type": "text/plain"}
    return msgspec.json.encode(said.body), {"content-type": "application/json"}
