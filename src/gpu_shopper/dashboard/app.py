"""The dashboard as an ASGI application in front of the API: who looks, which page, and what to say when there is none.

A browser signs in with an API token and is given a key in a cookie. Whom the API serves without a token (its own machine,
as long as no token was ever made) need not sign in. Pages are only read: nothing but signing in and out takes POST.
"""

import traceback
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec

from gpu_shopper.dashboard.asking import AsgiApp, Asker, Receive, Refused, Scope, Send
from gpu_shopper.dashboard.fit_page import fit_page
from gpu_shopper.dashboard.frame import Page, Visit, problem_page, written
from gpu_shopper.dashboard.inventory_page import inventory_page
from gpu_shopper.dashboard.links import (
    FIT,
    INVENTORY,
    ROOT,
    SIGN_IN,
    SIGN_OUT,
    address,
    first,
    inside,
    pairs_of,
)
from gpu_shopper.dashboard.markup import el
from gpu_shopper.dashboard.offer_page import offer_page
from gpu_shopper.dashboard.requests import (
    Reply,
    Request,
    cookie,
    deliver,
    fields_of,
    redirect,
    request_of,
)
from gpu_shopper.dashboard.sign_in_page import sign_in_page
from gpu_shopper.dashboard.sign_ins import LASTS_S, SignIns
from gpu_shopper.ports.chance import Chance
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.meter import Meter
from gpu_shopper.ports.vault import Secret

_READING: Final = frozenset({"GET", "HEAD"})
# What any token may ask, and what costs next to nothing.
_ANYTHING: Final = "/api/v1/inventory"


class Dashboard:
    """Answers all below /dashboard."""

    def __init__(self, api: AsgiApp, *, clock: Clock, chance: Chance, meter: Meter) -> None:
        self._api = api
        self._clock = clock
        self._meter = meter
        self._sign_ins = SignIns(clock, chance)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = request_of(scope)
        try:
            reply = await self._answer(request, scope, receive)
        except Exception as error:  # noqa: BLE001 - the outermost frame of a page
            self._report(error)
            reply = self._shown(request, _OUR_FAULT, signed_in=False)
        await deliver(reply, send, bodiless=request.method == "HEAD")

    async def _answer(self, request: Request, scope: Scope, receive: Receive) -> Reply:
        if request.path in (SIGN_IN, SIGN_OUT) and request.method == "POST":
            if request.of_another_site:
                return self._shown(request, _FOREIGN, signed_in=False)
            if request.path == SIGN_OUT:
                return self._sign_out(request)
            return await self._sign_in(request, scope, receive)
        if request.method not in _READING or request.path == SIGN_OUT:
            allow = {SIGN_IN: "GET, HEAD, POST", SIGN_OUT: "POST"}.get(request.path, "GET, HEAD")
            return Reply(405, headers={"Allow": allow})
        if request.path in (ROOT, f"{ROOT}/"):
            return redirect(INVENTORY)
        if request.path == SIGN_IN:
            page = sign_in_page(target=inside(first(pairs_of(request.query), "next")))
            return self._shown(request, page, signed_in=False)
        return await self._read(request, scope)

    async def _read(self, request: Request, scope: Scope) -> Reply:
        token = self._sign_ins.token(request.key)
        asker = Asker(self._api, scope, None if token is None else token.text)
        visit = Visit(
            ask=asker,
            path=request.path,
            pairs=pairs_of(request.query),
            now=self._clock.now(),
            signed_in=token is not None,
            give_way=lambda: self._clock.sleep(0),
        )
        try:
            page = await _page(visit)
        except Refused as refused:
            if refused.problem.status == HTTPStatus.UNAUTHORIZED:
                self._sign_ins.end(request.key)
                here = address(quote(request.path), visit.pairs)
                return redirect(address(SIGN_IN, [("next", here)]))
            page = problem_page(refused.problem, retry_after=refused.retry_after)
        return self._shown(request, page, signed_in=visit.signed_in)

    async def _sign_in(self, request: Request, scope: Scope, receive: Receive) -> Reply:
        fields = await fields_of(request, receive) or {}
        token, target = fields.get("token", "").strip(), inside(fields.get("next", ""))
        asker = Asker(self._api, scope, token or "-")
        try:
            await asker.get(_ANYTHING, msgspec.Raw, [("limit", "1")])
        except Refused as refused:
            if refused.problem.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                page = sign_in_page(
                    target=target, refused=refused.problem.detail, status=refused.problem.status
                )
                return self._shown(request, page, signed_in=False)
        self._sign_ins.end(request.key)
        key = self._sign_ins.begin(Secret(token))
        kept = cookie(key, lasts_s=LASTS_S, path=ROOT, secure=request.over_https)
        return redirect(target, **{"Set-Cookie": kept})

    def _sign_out(self, request: Request) -> Reply:
        self._sign_ins.end(request.key)
        gone = cookie("", lasts_s=0, path=ROOT, secure=request.over_https)
        return redirect(SIGN_IN, **{"Set-Cookie": gone})

    def _shown(self, request: Request, page: Page, *, signed_in: bool) -> Reply:
        body = written(page, path=request.path, signed_in=signed_in)
        return Reply(page.status, body, page.headers)

    def _report(self, error: Exception) -> None:
        """Log a fault of ours: where it happened, and not its text, which may hold anything."""
        frames = traceback.extract_tb(error.__traceback__)
        place = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-4:]))
        self._meter.alarm("request_failed", error=type(error).__name__, place=place)


async def _page(visit: Visit) -> Page:
    """Return the page at a path.

    Raises:
        Refused: the API does not answer what it needs.
    """
    if visit.path == INVENTORY:
        return await inventory_page(visit)
    if visit.path == FIT:
        return await fit_page(visit)
    offer_id = visit.path.removeprefix(f"{INVENTORY}/")
    if offer_id and offer_id != visit.path:
        return await offer_page(visit, offer_id)
    return _NOT_FOUND


def _message(title: str, text: str, *, status: int) -> Page:
    return Page(title=title, content=el("p", text), status=status)


_NOT_FOUND: Final = _message(
    "No such page", "There is no page here: the inventory is a good place to start.", status=404
)
_FOREIGN: Final = _message(
    "Not allowed", "A page of another site may not sign you in or out.", status=403
)
_OUR_FAULT: Final = _message(
    "Internal error",
    "Something went wrong here that is not your fault; the server's log says where.",
    status=500,
)
