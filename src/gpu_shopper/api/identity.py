"""Who is asking: by token, or, as long as no token was ever made, by being on this machine.

A server without tokens is open to this machine only. A page in a browser on this machine is not its user, so such a
request must also be addressed to a name of this machine and, where it changes something, come from no other page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from gpu_shopper.api.rooms import Rooms
from gpu_shopper.api.routes import Access
from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.errors import Forbidden, Unauthenticated
from gpu_shopper.domain.ids import ConsumerId

NOBODY = Caller(name="nobody", consumer_id=ConsumerId(""))
LOCAL = Caller(name="local")

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_FORWARDED = frozenset({"forwarded", "x-forwarded-for", "x-real-ip"})
_LONGEST_TOKEN = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request shows of its sender; names of headers are in lower case."""

    peer: str | None
    method: str
    headers: Mapping[str, str]


async def identify(rooms: Rooms, shown: Credentials, *, access: Access) -> tuple[Caller, str]:
    """Return the caller and the token that was shown.

    Raises:
        Unauthenticated: no valid token, where one is needed.
        Forbidden: the caller may not use this route.
    """
    if access is Access.OPEN or (access is Access.READER and rooms.public_docs):
        return NOBODY, ""
    if access is Access.AGENT:
        return NOBODY, _bearer_token(shown) or _missing_token()
    if access is Access.SCRAPER and "authorization" not in shown.headers and _is_direct(shown):
        _refuse_foreign_names(rooms, shown)
        return LOCAL, ""
    caller, token = await _caller(rooms, shown)
    if access in {Access.OPERATOR, Access.SCRAPER} and not caller.is_operator:
        raise Forbidden("this needs an admin token", hint="ask an operator")
    return caller, token


async def _caller(rooms: Rooms, shown: Credentials) -> tuple[Caller, str]:
    token = _bearer_token(shown)
    if token is not None:
        return await rooms.commands.tokens.authenticate(token), token
    if await rooms.commands.tokens.any_exist() or not _is_direct(shown):
        _missing_token()
    _refuse_foreign_names(rooms, shown)
    return LOCAL, ""


def _missing_token() -> str:
    hint = "send 'Authorization: Bearer TOKEN'; 'gpu-shopper token create' makes one"
    raise Unauthenticated("a token is needed here", hint=hint)


def _bearer_token(shown: Credentials) -> str | None:
    header = shown.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    token = token.strip()
    fits = 0 < len(token) <= _LONGEST_TOKEN and token.isascii() and token.isprintable()
    if scheme.lower() != "bearer" or not fits:
        raise Unauthenticated("the Authorization header is not 'Bearer TOKEN'")
    return token


def _is_direct(shown: Credentials) -> bool:
    """Return whether the peer is on this machine and speaks for itself: a proxy makes everybody look local."""
    headers = shown.headers
    return (
        shown.peer is not None
        and _FORWARDED.isdisjoint(headers)
        and _is_of_this_machine(shown.peer)
    )


# To read an address takes longer than all else that is asked about a sender.
@lru_cache(maxsize=256)
def _is_of_this_machine(peer: str) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


def _refuse_foreign_names(rooms: Rooms, shown: Credentials) -> None:
    name = _name_of(shown.headers.get("host", ""))
    # A name that somebody else's DNS points at this machine would make any page of theirs a caller.
    if name not in _LOCAL_HOSTS and name not in rooms.public_hosts:
        message = "this server has no tokens and answers only to a name of this machine"
        raise Forbidden(message, hint="ask http://127.0.0.1, or make a token")
    origin = shown.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != shown.headers.get("host"):
        raise Forbidden("a page of another site may not use this server", hint="make a token")


@lru_cache(maxsize=256)
def _name_of(host: str) -> str:
    name, separator, port = host.strip().lower().rpartition(":")
    return name if separator and port.isdigit() else host.strip().lower()
