"""One request and its answer without any network: what is sent, what an answer means, and when to ask again.

Both clients share this, so that they cannot differ. A request is asked again only if that cannot do harm: it only
reads, says the same thing twice (DELETE), carries an Idempotency-Key that the server keeps, or was never sent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from gpu_shopper.client.errors import (
    ApiError,
    ServerUnreachable,
    ShopperError,
    UnexpectedAnswer,
    api_error,
)
from gpu_shopper.wire.problems import Problem

ROOT = "/api/v1"
# Together some seconds: a server that restarts is back by then.
PAUSES_S = (0.1, 0.3, 0.8, 2.0)
LONGEST_RETRY_AFTER_S = 10.0
LONGEST_ANSWER_BYTES = 64 * 1024 * 1024
USER_AGENT = "gpu-shopper-client"

_FINAL_CODES = frozenset({"no_offer", "offer_unavailable", "frozen", "storage"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One request. `repeatable` if asking twice is the same as asking once.

    `answer` is the type of the body, or what reads the answer as a whole. `held` names what the caller has already.
    """

    method: str
    path: str
    answer: "type[T] | Callable[[Answer], T]"
    body: bytes | None = None
    idempotency_key: str = ""
    repeatable: bool
    also: frozenset[int] = frozenset()
    held: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Server:
    """Where requests go to: the parts of its address."""

    scheme: str
    host: str
    port: int
    prefix: str
    url: str


def server_at(url: str) -> Server:
    """Take an address apart, or raise ShopperError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ShopperError(f"{url!r} is not the address of a server: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ShopperError(
            f"{url!r} is not the address of a server", hint="for instance http://127.0.0.1:8477"
        )
    return Server(
        parts.scheme,
        parts.hostname,
        port or (443 if parts.scheme == "https" else 80),
        parts.path.rstrip("/"),
        url.rstrip("/"),
    )


def headers_of(call: Call[T], token: str) -> dict[str, str]:
    """Return the headers of a request."""
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    if call.idempotency_key:
        headers["Idempotency-Key"] = call.idempotency_key
    if call.held:
        headers["If-None-Match"] = call.held
    return headers


def with_query(path: str, query: Mapping[str, object]) -> str:
    """Return the path with all parameters that are given; a list is repeated."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, list):
            pairs.extend((name, str(each)) for each in value)
        elif value is not None and value != "":
            pairs.append((name, str(value)))
    return f"{path}?{urlencode(pairs)}" if pairs else path


def read(call: Call[T], answer: Answer, server: Server) -> T:
    """Return what was answered, or raise what the server said."""
    if not 200 <= answer.status < 300 and answer.status not in call.also:
        raise _problem(answer, server)
    if call.answer is bytes:
        return answer.body  # type: ignore[return-value]
    try:
        if not isinstance(call.answer, type):
            return call.answer(answer)
        return msgspec.json.decode(answer.body, type=call.answer)
    except msgspec.DecodeError as error:
        raise UnexpectedAnswer(
            f"{server.url} answered {call.method} {call.path} with something else: {error}",
            hint="check the address, and that server and client are of the same version",
        ) from error


def unreachable(server: Server, error: Exception, *, sent: bool) -> ServerUnreachable:
    """Return the error for a request without an answer."""
    why = str(error) or type(error).__name__
    if sent:
        return ServerUnreachable(
            f"{server.url} did not answer: {why}",
            sent=True,
            hint="the request may have been heard: look before you ask again",
        )
    return ServerUnreachable(
        f"cannot reach {server.url}: {why}",
        sent=False,
        hint="start one with `gpu-shopper serve`, or give its address with GPU_SHOPPER_URL",
    )


class Tries:
    """The tries of one call: whoever asks hands in each error and waits as told."""

    def __init__(self, call: Call[T]) -> None:
        self._repeatable = call.repeatable
        self._count = 0
        self._maybe_heard = False

    def pause_after(self, error: ShopperError) -> float:
        """Return how long to wait before asking again; raise the error where that would do harm or no good."""
        if isinstance(error, ServerUnreachable):
            # An earlier try may have been heard, even where the last one found nobody.
            self._maybe_heard = error.sent = error.sent or self._maybe_heard
        if self._count >= len(PAUSES_S) or not self._may_ask_again(error):
            raise error
        pause_s = PAUSES_S[self._count]
        self._count += 1
        if isinstance(error, ApiError):
            return max(pause_s, error.retry_after_s or 0.0)
        return pause_s

    def _may_ask_again(self, error: ShopperError) -> bool:
        match error:
            case ServerUnreachable(sent=sent):
                return self._repeatable or not sent
            case ApiError():
                return self._repeatable and _passes(error)
            case _:
                return False


def _passes(error: ApiError) -> bool:
    if (error.retry_after_s or 0.0) > LONGEST_RETRY_AFTER_S or error.code in _FINAL_CODES:
        return False
    return error.status == 429 or error.status >= 500


def _problem(answer: Answer, server: Server) -> ApiError:
    try:
        problem = msgspec.json.decode(answer.body, type=Problem)
    except msgspec.DecodeError:
        # A proxy in between has its own way to say no.
        problem = Problem(
            type="about:blank", title="", status=answer.status, code="", instance="",
            detail=f"{server.url} answered with status {answer.status}",
            request_id=answer.headers.get("x-request-id", ""), retryable=False, error="",
        )  # fmt: skip
    seconds = answer.headers.get("retry-after", "")
    return api_error(problem, retry_after_s=float(seconds) if seconds.isdigit() else None)
