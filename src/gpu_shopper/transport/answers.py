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
    Unauthorized,
    Unavailable,
)
from gpu_shopper.transport.decoding import object_in

NOT_MODIFIED = 304
DEFAULT_RETRY_AFTER = 5.0
LONGEST_RETRY_AFTER = 3600.0
_LONGEST_ID = 200
_CODE = re.compile(r"[A-Za-z0-9_.:/-]{1,60}")
_REFUSALS: Mapping[int, type[ProviderError]] = {
    400: BadOrder,
    401: Unauthorized,
    402: QuotaReached,
    403: Unauthorized,
    422: BadOrder,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Where a cloud puts things in its bodies, and which of its words are a plain no to a create.

    Fields may lie deeper: `error.code`, `data.0.id`. `codes` are compared whole, `phrases` (lower-case) are looked for in
    what it tells, in their order, where its code says nothing; `gone_codes` and `gone_phrases` likewise for a thing that
    is not there. `statuses` are refusals by the bare status, beside the usual ones.
    """

    codes: Mapping[str, type[ProviderError]] = field(default_factory=dict)
    phrases: Mapping[str, type[ProviderError]] = field(default_factory=dict)
    statuses: Mapping[int, type[ProviderError]] = field(default_factory=dict)
    gone_codes: frozenset[str] = frozenset({"not_found"})
    gone_phrases: tuple[str, ...] = ()
    code_fields: tuple[str, ...] = ("error", "code")
    text_fields: tuple[str, ...] = ("error", "code", "message")
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


def judge_read(
    reply: HttpReply, *, what: str, conditional: bool = False, dialect: Dialect | None = None
) -> None:
    """Pass a 2xx, and a 304 if it was asked for.

    Raises:
        Unauthorized: the cloud itself says so; a page of somebody in between does not count.
        RateLimited: 429.
        Unavailable: anything else.
    """
    if reply.status // 100 == 2 or (conditional and reply.status == NOT_MODIFIED):
        return
    if (reply.status in {401, 403} and not is_page(reply)) or _refuses_key(reply, dialect):
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


def judge_error_body(reply: HttpReply, dialect: Dialect, *, what: str) -> NoReturn:
    """Raise what an answer to a create means that is an error in all but its status.

    Raises:
        Refused, Unauthorized, RateLimited: the cloud's own words say so, and nothing in the answer names an instance.
        Ambiguous: anything else.
    """
    said, named = object_in(reply.body), instance_in(reply, dialect)
    meaning = None if said is None else _meaning(said, dialect)
    if said is None or named is not None or meaning is None:
        raise Ambiguous(f"{what}: answered {_status(reply)} with an error", instance_id=named)
    _refuse(reply, said, dialect, what)


def _refuse(reply: HttpReply, said: Mapping[str, object], dialect: Dialect, what: str) -> NoReturn:
    text = f"{what}: {_told(said, dialect)}"
    if reply.status == 429:
        raise RateLimited(text, retry_after=retry_after(reply))
    reason = (
        _meaning(said, dialect) or dialect.statuses.get(reply.status) or _REFUSALS.get(reply.status)
    )
    if reason is None:
        # A status of the 4xx that nobody has explained, such as a timeout in front of the cloud, is no plain no.
        raise Ambiguous(f"{what}: answered {reply.status} {_code_in(said, dialect)}")
    if reason is RateLimited:
        raise RateLimited(text, retry_after=retry_after(reply))
    raise reason(text)


def _meaning(said: Mapping[str, object], dialect: Dialect) -> type[ProviderError] | None:
    """Return what the cloud's own code means, else what its words do."""
    known = dialect.codes.get(_code_in(said, dialect))
    if known is not None or not dialect.phrases:
        return known
    text = _texts(said, dialect).lower()
    return next((kind for phrase, kind in dialect.phrases.items() if phrase in text), None)


def _refuses_key(reply: HttpReply, dialect: Dialect | None) -> bool:
    """Return whether the cloud says in other words than its status that it does not accept the key."""
    if dialect is None or reply.status // 100 != 4 or reply.status == 429:
        return False
    said = object_in(reply.body)
    return said is not None and _meaning(said, dialect) is Unauthorized


def judge_destroy(reply: HttpReply, dialect: Dialect, *, what: str) -> None:
    """Pass a 2xx, and the cloud's own word that there is no such instance.

    Raises:
        Unauthorized, RateLimited, Unavailable: as for a read.
    """
    if not says_gone(reply, dialect):
        judge_read(reply, what=what, dialect=dialect)


def says_gone(reply: HttpReply, dialect: Dialect) -> bool:
    """Return whether the cloud itself says that it holds no such thing; a bare 404 may be anybody's."""
    said = object_in(reply.body)
    if said is None or reply.status not in {404, 410}:
        return False
    if _code_in(said, dialect) in dialect.gone_codes:
        return True
    text = _texts(said, dialect).lower()
    return any(phrase in text for phrase in dialect.gone_phrases)


def instance_in(reply: HttpReply, dialect: Dialect) -> InstanceId | None:
    """Return the instance that an answer names, even one that is an error or makes no other sense."""
    said = object_in(reply.body) or {}
    for name in dialect.id_fields:
        value = _dig(said, name)
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
        value = _dig(said, name)
        if isinstance(value, str) and _CODE.fullmatch(value):
            return value
    return ""


def _dig(said: object, path: str) -> object:
    """Return what lies at `a.b.0.c`, None if nothing does."""
    for name in path.split("."):
        if isinstance(said, Mapping):
            said = said.get(name)
        elif isinstance(said, list) and name.isdigit() and int(name) < len(said):
            said = said[int(name)]
        else:
            return None
    return said


def _texts(said: Mapping[str, object], dialect: Dialect) -> str:
    found = [_dig(said, name) for name in dialect.text_fields]
    return ": ".join(text for text in found if isinstance(text, str))


def _told(said: Mapping[str, object], dialect: Dialect) -> str:
    """Return the cloud's own reason, unless it repeats a secret of the order."""
    told = _texts(said, dialect)[:200]
    secret = "cgs_" in told or "PRIVATE KEY" in told
    return "refused" if secret or not told.isprintable() else told or "refused"
