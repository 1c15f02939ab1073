"""AWS's Signature Version 4: a request with the headers that prove who sent it, made from a secret that is never sent.

The method, path, query, a digest of the body and the named headers are signed with a key that holds for one day, region
and service. See AWS's page "Signature Version 4 signing process".
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

from gpu_shopper.ports.http import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"
# Whoever carries the request may write these otherwise, so they are not signed.
_UNSIGNED = frozenset({"connection", "expect", "user-agent", "x-amzn-trace-id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An access key; `session_token` comes with one that holds for some hours."""

    key_id: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def signed(
    request: HttpRequest, credentials: Credentials, *, region: str, service: str, now: datetime
) -> HttpRequest:
    """Return the request with its date and signature; `now` is in UTC."""
    at = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers["host"] = urlsplit(request.url).netloc
    headers["x-amz-date"] = at
    if credentials.session_token:
        headers["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(set(headers) - _UNSIGNED))
    whole = canonical(request, headers)
    digest = hashlib.sha256(whole.encode()).hexdigest()
    signature = _hmac(
        _key_of(credentials.secret_key, scope), f"{ALGORITHM}\n{at}\n{scope}\n{digest}"
    ).hex()
    headers["authorization"] = (
        f"{ALGORITHM} Credential={credentials.key_id}/{scope}, SignedHeaders={names},"
        f" Signature={signature}"
    )
    return replace(request, headers=headers)


def canonical(request: HttpRequest, headers: Mapping[str, str]) -> str:
    """Return what is signed of a request; header names are in lower case."""
    url = urlsplit(request.url)
    query = sorted(
        (quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED))
        for name, value in parse_qsl(url.query, keep_blank_values=True)
    )
    names = sorted(set(headers) - _UNSIGNED)
    lines = (f"{name}:{' '.join(headers[name].split())}\n" for name in names)
    return "\n".join(
        (
            request.method.upper(),
            quote(url.path or "/", safe="/~"),
            "&".join(f"{name}={value}" for name, value in query),
            "".join(lines),
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def _key_of(secret_key: str, scope: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
