"""A request as it came from the wire, read in one go: most of what is asked for is the menu, and that takes microseconds."""

from collections.abc import Mapping
from dataclasses import dataclass

from litestar.types import HTTPScope

from gpu_shopper.api.identity import Credentials

_KEY = "idempotency-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request without its body: who asks, what of, and under which key. `path` are the parts of it that have names."""

    shown: Credentials
    path: Mapping[str, str]
    query: bytes
    key: str | None


def asked_of(scope: HTTPScope, *, path: Mapping[str, str]) -> Asked:
    """Read a request."""
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    client = scope["client"]
    return Asked(
        shown=Credentials(
            peer=client[0] if client else None, method=scope["method"], headers=headers
        ),
        path=path,
        query=scope["query_string"],
        key=_first(scope, _KEY) if _KEY in headers else None,
    )


def _first(scope: HTTPScope, name: str) -> str:
    """Return the first of those headers of a name; whoever is asked for the sender takes the last."""
    wanted = name.encode()
    found = next(value for given, value in scope["headers"] if given.lower() == wanted)
    return found.decode("latin-1")
