"""A proxy between two programs that can strike at one exact request: kill somebody and lose what was in flight.

It knows the requests by what they are for, not by their addresses. A strike names a row of them, and hits the last one when
the others have been seen in that order.
"""

import http.client
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any

PATIENCE_S = 30.0
# What belongs to one connection and not to a message.
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


class Asked(StrEnum):
    """What a request is for."""

    CREATE = "create"
    DESTROY = "destroy"
    READ = "read"
    FIND = "find"
    LIST = "list"
    OFFERS = "offers"
    HEARTBEAT = "heartbeat"
    OTHER = "other"


_PATTERNS = (
    (Asked.CREATE, r"POST /v1/instances"),
    (Asked.DESTROY, r"DELETE /v1/instances/[^?]+"),
    (Asked.READ, r"GET /v1/instances/[^?]+"),
    (Asked.FIND, r"GET /v1/instances\?.*name=.*"),
    (Asked.LIST, r"GET /v1/instances(\?.*)?"),
    (Asked.OFFERS, r"GET /v1/offers.*"),
    (Asked.HEARTBEAT, r"POST /api/v1/agent/heartbeat"),
)


def what_is_asked(method: str, path: str) -> Asked:
    """Return what a request is for."""
    line = f"{method} {path}"
    return next((asked for asked, form in _PATTERNS if re.fullmatch(form, line)), Asked.OTHER)


class Moment(StrEnum):
    """When, around the request, the victim dies."""

    UNSENT = "unsent"  # Nobody ever gets the request.
    DELAYED = "delayed"  # The request arrives only when `release` is called.
    UNANSWERED = "unanswered"  # The request is done, its answer is lost.
    ANSWERED = "answered"  # The answer is delivered, and then the victim dies.
    MEANWHILE = (
        "meanwhile"  # The blow falls while the request is under way; it is done and answered.
    )


@dataclass(kw_only=True)
class Strike:
    """One blow: at the last request of the row, at that moment."""

    row: tuple[Asked, ...]
    moment: Moment
    hit: Callable[[], None]
    seen: int = 0
    happened: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Let a delayed request go on."""
        self.released.set()


class Script:
    """What is to happen; several proxies may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._strike: Strike | None = None
        self.log: list[Asked] = []

    def arm(self, strike: Strike) -> Strike:
        """Prepare a blow; requests before this do not count."""
        with self._lock:
            self._strike = strike
        return strike

    def note(self, asked: Asked) -> Strike | None:
        """Note a request and return the strike if this is the one that it is for."""
        with self._lock:
            self.log.append(asked)
            strike = self._strike
            if strike is None or strike.row[strike.seen] is not asked:
                return None
            strike.seen += 1
            if strike.seen < len(strike.row):
                return None
            self._strike = None
            return strike


@dataclass(frozen=True, kw_only=True)
class _Message:
    status: int
    headers: Mapping[str, str]
    body: bytes


class _Listener(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


class Proxy:
    """Listens on loopback and hands requests on to `target`, which may change or be down."""

    def __init__(self, target: Callable[[], str], script: Script) -> None:
        self._target = target
        self._script = script
        self._server = _Listener(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # A peer that was killed leaves its connection open for nobody.
            timeout = PATIENCE_S

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                try:
                    proxy.pass_on(self, body)
                except OSError:
                    # Either side is gone: the other one sees a cut connection, as it would without us.
                    self.close_connection = True

            do_GET = do_POST = do_DELETE = do_PUT = _pass_on  # noqa: N815 - the library finds them by name

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler

    def pass_on(self, caller: BaseHTTPRequestHandler, body: bytes) -> None:
        """Hand one request on, and its answer back, unless a strike says otherwise."""
        strike = self._script.note(what_is_asked(caller.command, caller.path))
        if strike is None:
            answer(caller, self._forward(caller, body))
            return
        try:
            self._blow(strike, caller, body)
        finally:
            strike.happened.set()

    def _blow(self, strike: Strike, caller: BaseHTTPRequestHandler, body: bytes) -> None:
        caller.close_connection = True
        match strike.moment:
            case Moment.UNSENT:
                strike.hit()
            case Moment.DELAYED:
                strike.hit()
                strike.happened.set()
                assert strike.released.wait(PATIENCE_S)
                self._forward(caller, body)
            case Moment.UNANSWERED:
                self._forward(caller, body)
                strike.hit()
            case Moment.ANSWERED:
                answer(caller, self._forward(caller, body))
                strike.hit()
            case Moment.MEANWHILE:
                strike.hit()
                answer(caller, self._forward(caller, body))

    def _forward(self, caller: BaseHTTPRequestHandler, body: bytes) -> _Message:
        host, _, port = self._target().removeprefix("http://").partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)
        headers = {
            name: value for name, value in caller.headers.items() if name.lower() not in _HOP
        }
        try:
            connection.request(caller.command, caller.path, body or None, headers)
            reply = connection.getresponse()
            given = {name: text for name, text in reply.getheaders() if name.lower() not in _HOP}
            return _Message(status=reply.status, headers=given, body=reply.read())
        except http.client.HTTPException as error:
            raise ConnectionAbortedError(str(error)) from error
        finally:
            connection.close()


def answer(caller: BaseHTTPRequestHandler, message: _Message) -> None:
    """Give an answer to whoever asked."""
    caller.send_response_only(message.status)
    for name, value in message.headers.items():
        caller.send_header(name, value)
    caller.send_header("Content-Length", str(len(message.body)))
    caller.end_headers()
    caller.wfile.write(message.body)
    caller.wfile.flush()
