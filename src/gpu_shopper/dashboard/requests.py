"""A request as it came, and a reply as it goes out: as much of HTTP as pages need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from gpu_shopper.dashboard.asking import Receive, Scope, Send
from gpu_shopper.dashboard.style import HEADERS

COOKIE: Final = "gpu-shopper-visit"
_FORM: Final = "application/x-www-form-urlencoded"
_LONGEST_FORM: Final = 8 * 1024
_OWN_SITE: Final = "same-origin"
_HTML: Final = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; `headers` come on top of those that every page has."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What a browser asks."""

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    scheme: str

    @property
    def key(self) -> str:
        """What the browser was given when it signed in, empty if nothing."""
        for part in self.headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE:
                return value
        return ""

    @property
    def over_https(self) -> bool:
        """Whether the browser speaks https: a proxy may speak for it, and to believe that only makes the cookie stricter."""
        told = self.headers.get("x-forwarded-proto", "")
        origin = self.headers.get("origin", "")
        return "https" in (self.scheme, told.lower()) or origin.startswith("https://")

    @property
    def of_another_site(self) -> bool:
        """Whether a page of another site had the browser send this; what is no browser says nothing of sites."""
        site = self.headers.get("sec-fetch-site")
        if site is not None:
            return site != _OWN_SITE
        origin = self.headers.get("origin")
        return origin is not None and origin.partition("://")[2] != self.headers.get("host")


def request_of(scope: Scope) -> Request:
    """Read a request, without its body."""
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        headers={
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        },
        scheme=scope.get("scheme", "http"),
    )


async def fields_of(request: Request, receive: Receive) -> Mapping[str, str] | None:
    """Return the fields of the form that was sent; None for what is no form, or too long for one."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
        if len(body) > _LONGEST_FORM:
            return None
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return dict(parse_qsl(body.decode("latin-1"))) if declared == _FORM else None


async def deliver(reply: Reply, send: Send, *, bodiless: bool) -> None:
    """Send a reply."""
    headers = {
        "Content-Type": _HTML,
        "Content-Length": str(len(reply.body)),
        **HEADERS,
        **reply.headers,
    }
    written = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": written})
    body = b"" if bodiless else reply.body
    await send({"type": "http.response.body", "body": body, "more_body": False})


def redirect(target: str, **headers: str) -> Reply:
    """Return a reply that sends the browser on, with GET."""
    return Reply(303, headers={"Location": target, **headers})


def cookie(key: str, *, lasts_s: int, path: str, secure: bool) -> str:
    """Return a cookie that no script reads and no other site has sent along."""
    safe = "; Secure" if secure else ""
    return f"{COOKIE}={key}; Path={path}; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{safe}"
