"""What all simulated vendors share: a vendor's words come in, the sandbox's model does the deed, a vendor's words go out.

Sans I/O, like the model: a call is answered at a moment that is handed in. Because every deed goes through the model,
every rule of misbehaviour works at every vendor, and the model's ledger is the truth about what was held and billed.
What a vendor keeps beside instances (keys, scripts, volumes) is its simulator's own, and told by `leftovers`.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from gpu_shopper.domain.token_bucket import TokenBucket
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import Json, ModelReply, ModelRequest, Row
from gpu_shopper.sandbox.model import CloudModel

ACCOUNT_KEY = "the-models-own"
# A page of the model's that holds whatever an account may have.
WHOLE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorRequest:
    """One request: a path without its query, header names in lower case, a body as JSON (None where it is none)."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorReply:
    """One answer: a body as JSON, as bytes that are sent as they are, or None for none at all. See `ModelReply` for the rest."""

    status: int = 200
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    lost: bool = False


class VendorError(Exception):
    """Ends the handling of a request with this answer."""

    def __init__(self, reply: VendorReply) -> None:
        super().__init__(reply.status)
        self.reply = reply


Handler = Callable[[VendorRequest, float, tuple[str, ...]], VendorReply]


class VendorCloud:
    """One vendor with one account. A subclass says its routes, how it words errors, and who may ask.

    `pace` is how many requests a second it bears before it asks for patience; None bears all.
    """

    name: ClassVar[str]

    def __init__(self, model: CloudModel, *, key: str, chance: random.Random) -> None:
        self.model = model
        self.key = key
        self.chance = chance
        self.pace: float | None = None
        self._bucket: TokenBucket | None = None
        self._routes = [
            (method, re.compile(re.sub(r"\{\w+\}", "([^/]+)", path) + "/?"), handler)
            for (method, path), handler in self.routes().items()
        ]

    # What a subclass says.

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """Return what answers which method and path; `{…}` stands for one part of a path."""
        raise NotImplementedError

    def admits(self, request: VendorRequest) -> bool:
        """Return whether the request bears the account's key."""
        return request.headers.get("authorization", "") == f"Bearer {self.key}"

    def error(self, code: str, message: str) -> VendorReply:
        """Return an error of the model's, by its code, in the vendor's words.

        The codes: unauthorized, rate_limited, unavailable, region_unavailable, internal, timeout, not_found, reserved,
        bad_request, offer_gone, price_changed, no_capacity, insufficient_balance.
        """
        raise NotImplementedError

    def open_paths(self) -> Sequence[str]:
        """Return the paths that need no key."""
        return ()

    def leftovers(self) -> Mapping[str, int]:
        """Return what is left of things beside instances that somebody made here, by kind, and would have to clear away."""
        return {}

    # What all do.

    def hear(self, request: VendorRequest, *, now: float) -> VendorReply:
        """Answer one request."""
        handler, parts = self._route(request)
        if request.path.rstrip("/") not in self.open_paths() and not self.admits(request):
            return self.error("unauthorized", "no such key")
        if not self._bears(now):
            return self.error("rate_limited", "too many requests")
        if handler is None:
            return self.error("not_found", f"no such path: {request.path}")
        try:
            return handler(request, now, parts)
        except VendorError as refused:
            return refused.reply

    def act(
        self,
        now: float,
        method: str,
        path: str,
        *,
        body: Mapping[str, Json] | None = None,
        passes: frozenset[str] = frozenset(),
    ) -> ModelReply:
        """Let the model do something; return its answer if it did it, or erred with a code in `passes`.

        Raises:
            VendorError: it did not, or its answer does not come through.
        """
        asked = ModelRequest(method=method, path=path, query={}, body=body, key=ACCOUNT_KEY)
        said = self.model.handle(asked, now=now)
        if said.lost:
            raise VendorError(VendorReply(lost=True, delay_s=said.delay_s))
        if isinstance(said.body, str):
            page = {"content-type": "text/html"}
            raise VendorError(
                VendorReply(
                    status=said.status, body=said.body.encode(), headers=page, delay_s=said.delay_s
                )
            )
        if said.status < 400:
            return said
        code = code_of(said)
        if code in passes:
            return said
        raise VendorError(self._worded(said, code))

    def offers(self, now: float) -> tuple[list[Row], float]:
        """Return all that is on sale now, as the model's rows, and how late the answer comes."""
        said = self.act(now, "GET", "/v1/offers")
        return rows_in(said, "offers"), said.delay_s

    def instances(self, now: float) -> tuple[list[Row], float]:
        """Return all that the account shows just now, as the model's rows, and how late the answer comes."""
        said = self.act(now, "GET", "/v1/instances")
        return rows_in(said, "instances"), said.delay_s

    def instance(self, now: float, instance_id: str) -> tuple[Row | None, float]:
        """Return one instance as the model shows it, None if there is none."""
        said = self.act(now, "GET", f"/v1/instances/{instance_id}", passes=frozenset({"not_found"}))
        found = said.body if said.status < 400 and isinstance(said.body, dict) else None
        return found, said.delay_s

    def sell(self, now: float, order: Mapping[str, Json]) -> tuple[Row, float]:
        """Buy for the caller; return the instance.

        Raises:
            VendorError: nothing was bought, or the answer about it does not come through.
        """
        said = self.act(now, "POST", "/v1/instances", body=order)
        return (said.body if isinstance(said.body, dict) else {}), said.delay_s

    def end(self, now: float, instance_id: str) -> tuple[bool, float]:
        """End an instance for the caller; return whether there was one."""
        said = self.act(
            now, "DELETE", f"/v1/instances/{instance_id}", passes=frozenset({"not_found"})
        )
        return said.status < 400, said.delay_s

    def _worded(self, said: ModelReply, code: str) -> VendorReply:
        assert isinstance(said.body, dict), said
        worded = self.error(code, str(said.body.get("message", "")))
        bought = said.body.get("id")
        if isinstance(bought, str) and isinstance(worded.body, dict):
            worded = VendorReply(
                status=worded.status,
                body=worded.body | self.naming(bought),
                headers=worded.headers,
            )
        headers = dict(worded.headers)
        if said.retry_after_s is not None:
            headers["retry-after"] = f"{said.retry_after_s:g}"
        return VendorReply(
            status=worded.status, body=worded.body, headers=headers, delay_s=said.delay_s
        )

    def naming(self, instance_id: str) -> Row:
        """Return what an error says that names what was bought all the same."""
        return {"id": instance_id}

    def _route(self, request: VendorRequest) -> tuple[Handler | None, tuple[str, ...]]:
        for method, pattern, handler in self._routes:
            matched = pattern.fullmatch(request.path) if method == request.method else None
            if matched is not None:
                return handler, matched.groups()
        return None, ()

    def _bears(self, now: float) -> bool:
        if self.pace is None:
            return True
        if self._bucket is None:
            self._bucket = TokenBucket(rate=self.pace, burst=max(1, round(self.pace)), now=now)
        if self._bucket.take(now) == 0:
            return True
        self._bucket.give_back()
        return False


def code_of(said: ModelReply) -> str:
    """Return the code of an error of the model's."""
    return str(said.body.get("error", "")) if isinstance(said.body, dict) else ""


def rows_in(said: ModelReply, key: str) -> list[Row]:
    """Return the rows of a listing of the model's; of one that is none, none."""
    rows = said.body.get(key) if isinstance(said.body, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def with_own(config: ModelConfig, own: Mapping[str, object]) -> ModelConfig:
    """Return the settings with those that are a vendor's own; a page holds all, since vendors page by themselves."""
    always = {"account_key": ACCOUNT_KEY, "page_size_instances": WHOLE, "page_size_offers": WHOLE}
    return replace(config, **{**always, **own})  # type: ignore[arg-type]
