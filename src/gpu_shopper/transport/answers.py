"""From HTTP answers to what they mean: one table for reads, one for buying, one for destroying.

The same status says different things. A read that fails says nothing; a create that fails has three
meanings, and only the cloud's own plain word makes it a no: everything else may have bought.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import NoReturn

from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.ports.http import HttpDoor, HttpReply, HttpRequest, NoAnswer, NotSent
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    ProviderError,
    QuotaReached,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.transport.decoding import object_in

NOT_MODIFIED = 304
DEFAULT_RETRY_AFTER = 5.0
LONGEST_RETRY_AFTER = 3600.0
_LONGEST_ID = 200
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,60}")
_REFUSALS: Mapping[int, type[ProviderError]] = {
    400: BadOrder,
    401: Unauthorized,
    402: QuotaReached,
    403: Unauthorized,
    422: BadOrder,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Where a cloud puts things in its bodies, and which of its codes are a plain no to a create."""

    codes: Mapping[str, type[Refused]] = field(default_factory=dict)
    gone_codes: frozenset[str] = frozenset({"not_found"})
    code_fields: tuple[str, ...] = ("error", "code")
    id_fields: tuple[str, ...] = ("id", "instance_id")


async def ask(door: HttpDoor, request: HttpRequest, *, what: str) -> HttpReply:
    """Send something that may be sent again.

    Raises:
        Unavailable: there is no answer.
    """
    try:
        return await door.request(request)
    except (NotSent, NoAnswer) as error:
        raise Unavailable(f"{what}: {error}") from error


async def order(door: HttpDoor, request: HttpRequest, *, what: str) -> HttpReply:
    """Send a create, once.

    Raises:
        Unavailable: it certainly never left.
        Ambiguous: it may have arrived.
    """
    try:
        return await door.request(request)
    except NotSent as error:
        raise Unavailable(f"{what}: {error}") from error
    except NoAnswer as error:
        raise Ambiguous(f"{what}: {error}") from error


def judge_read(reply: HttpReply, *, what: str, conditional: bool = False) -> None:
    """Pass a 2xx, and a 304 if it was asked for.

    Raises:
        Unauthorized: the cloud itself says so; a page of somebody in between does not count.
        RateLimited: 429.
        Unavailable: anything else.
    """
    if reply.status // 100 == 2 or (conditional and reply.status == NOT_MODIFIED):
        return
    if reply.status in {401, 403} and not is_page(reply):
        raise Unauthorized(f"{what}: the key is not accepted ({reply.status})")
    if reply.status == 429:
        raise RateLimited(f"{what}: too many requests", retry_after=retry_after(reply))
    raise Unavailable(f"{what}: answered {_status(reply)}")


def judge_launch(reply: HttpReply, dialect: Dialect, *, what: str) -> None:
    """Pass a 2xx: what it says has still to be read, and counts as unknown until it was.

    Raises:
        Refused, Unauthorized, RateLimited: the cloud's own plain no, and nothing in the answer names an instance.
        Ambiguous: anything else.
    """
    if reply.status // 100 == 2:
        return
    said = object_in(reply.body)
    named = instance_in(reply, dialect)
    if named is not None or said is None or reply.status // 100 != 4:
        raise Ambiguous(f"{what}: answered {_status(reply)}", instance_id=named)
    _refuse(reply, said, dialect, what)


def _refuse(reply: HttpReply, said: Mapping[str, object], dialect: Dialect, what: str) -> NoReturn:
    code = _code_in(said, dialect)
    text = f"{what}: {_told(said)}"
    if reply.status == 429:
        raise RateLimited(text, retry_after=retry_after(reply))
    reason = dialect.codes.get(code) or _REFUSALS.get(reply.status)
    if reason is None:
        # A status of the 4xx that nobody has explained, such as a timeout in front of the cloud, is no plain no.
        raise Ambiguous(f"{what}: answered {reply.status} {code}")
    raise reason(text)


def judge_destroy(reply: HttpReply, dialect: Dialect, *, what: str) -> None:
    """Pass a 2xx, and the cloud's own word that there is no such instance.

    Raises:
        Unauthorized, RateLimited, Unavailable: as for a read.
    """
    if not says_gone(reply, dialect):
        judge_read(reply, what=what)


def says_gone(reply: HttpReply, dialect: Dialect) -> bool:
    """Return whether the cloud itself says that it holds no such thing; a bare 404 may be anybody's."""
    said = object_in(reply.body)
    return (
        reply.status in {404, 410}
        and said is not None
        and _code_in(said, dialect) in dialect.gone_codes
    )


def instance_in(reply: HttpReply, dialect: Dialect) -> InstanceId | None:
    """Return the instance that an answer names, even one that is an error or makes no other sense."""
    said = object_in(reply.body) or {}
    for name in dialect.id_fields:
        value = said.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return InstanceId(str(value))
        if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isprintable():
            return InstanceId(value)
    return None


def is_page(reply: HttpReply) -> bool:
    """Return whether the answer is a page for people, so from something in front of the API."""
    return "html" in reply.headers.get("content-type", "") or reply.body.lstrip()[:1] == b"<"


def retry_after(reply: HttpReply) -> float:
    """Return for how many seconds the cloud asks for patience, within reason."""
    text = reply.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        # Against the cloud's own clock: ours may differ.
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(reply.headers.get("date", ""))
    except (TypeError, ValueError):
        return DEFAULT_RETRY_AFTER
    return min(max(wait.total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def _status(reply: HttpReply) -> str:
    return f"{reply.status} with a web page" if is_page(reply) else str(reply.status)


def _code_in(said: Mapping[str, object], dialect: Dialect) -> str:
    for name in dialect.code_fields:
        value = said.get(name)
        if isinstance(value, str) and _CODE.fullmatch(value):
            return value
    return ""


def _told(said: Mapping[str, object]) -> str:
    """Return the cloud's own reason, unless it repeats a secret of the order."""
    texts = [said.get(name) for name in ("error", "code", "message")]
    told = ": ".join(text for text in texts if isinstance(text, str))[:200]
    secret = "cgs_" in told or "PRIVATE KEY" in told
    return "refused" if secret or not told.isprintable() else told or "refused"
