"""Every route of the API as one call: its path, its body and the type of its answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import msgspec
from msgspec import Struct

from gpu_shopper.client.exchange import ROOT, Answer, Call, T, with_query
from gpu_shopper.wire.costs import CostSummary, HourlyPage, SessionCost
from gpu_shopper.wire.fit import FitReply
from gpu_shopper.wire.history import PriceHistory
from gpu_shopper.wire.offer_health import OfferHealthList
from gpu_shopper.wire.offers import OfferBody, OfferPage, ProviderList
from gpu_shopper.wire.operations import (
    Accepted,
    Health,
    NoticeList,
    OrphanReport,
    TokenCreated,
    TokenList,
    TokenOrder,
)
from gpu_shopper.wire.sessions import (
    DiagnosticsBody,
    EventPage,
    ExtendOrder,
    SessionBody,
    SessionCreated,
    SessionEnded,
    SessionExtended,
    SessionOrder,
    SessionPage,
)

_NOT_MODIFIED = 304


def _get(path: str, answer: type[T], **query: object) -> Call[T]:
    return Call(method="GET", path=with_query(ROOT + path, query), answer=answer, repeatable=True)


def _post(
    path: str,
    answer: type[T],
    body: Struct | None = None,
    *,
    key: str = "",
    repeatable: bool = False,
) -> Call[T]:
    encoded = b"{}" if body is None else msgspec.json.encode(body)
    return Call(
        method="POST", path=ROOT + path, answer=answer, body=encoded, idempotency_key=key,
        repeatable=repeatable,
    )  # fmt: skip


def inventory(filters: Mapping[str, object]) -> Call[OfferPage]:
    return _get("/inventory", OfferPage, **filters)


@dataclass(frozen=True, slots=True)
class MenuEdition:
    """A page of the menu, and the name of the state that it is in."""

    page: OfferPage
    name: str


def inventory_unless(held: str, filters: Mapping[str, object]) -> Call[MenuEdition | None]:
    path = with_query(f"{ROOT}/inventory", filters)
    return Call(
        method="GET",
        path=path,
        answer=_edition,
        repeatable=True,
        also=frozenset({_NOT_MODIFIED}),
        held=held,
    )


def _edition(answer: Answer) -> MenuEdition | None:
    if answer.status == _NOT_MODIFIED:
        return None
    page = msgspec.json.decode(answer.body, type=OfferPage)
    return MenuEdition(page, answer.headers.get("etag", ""))


def offer(offer_id: str, need: Mapping[str, object]) -> Call[OfferBody]:
    return _get(f"/inventory/{quoted(offer_id)}", OfferBody, **need)


def alternatives(offer_id: str, query: Mapping[str, object]) -> Call[OfferPage]:
    return _get(f"/inventory/{quoted(offer_id)}/alternatives", OfferPage, **query)


def price_history(query: Mapping[str, object]) -> Call[PriceHistory]:
    return _get("/inventory/history", PriceHistory, **query)


def fit(query: Mapping[str, object]) -> Call[FitReply]:
    return _get("/fit", FitReply, **query)


def create_session(order: SessionOrder, *, key: str) -> Call[SessionCreated]:
    return _post("/sessions", SessionCreated, order, key=key, repeatable=True)


def sessions(query: Mapping[str, object]) -> Call[SessionPage]:
    return _get("/sessions", SessionPage, **query)


def session(session_id: str) -> Call[SessionBody]:
    return _get(f"/sessions/{quoted(session_id)}", SessionBody)


def events(session_id: str, query: Mapping[str, object]) -> Call[EventPage]:
    return _get(f"/sessions/{quoted(session_id)}/events", EventPage, **query)


def diagnostics(session_id: str) -> Call[DiagnosticsBody]:
    return _get(f"/sessions/{quoted(session_id)}/diagnostics", DiagnosticsBody)


def done(session_id: str) -> Call[SessionEnded]:
    return _post(f"/sessions/{quoted(session_id)}/done", SessionEnded)


def extend(session_id: str, hours: int, *, override_hard_max: bool) -> Call[SessionExtended]:
    # Never asked twice: the second one would prolong, and cost, once more.
    order = ExtendOrder(additional_hours=hours, override_hard_max=override_hard_max)
    return _post(f"/sessions/{quoted(session_id)}/extend", SessionExtended, order)


def delete_session(session_id: str) -> Call[SessionEnded]:
    return Call(
        method="DELETE", path=f"{ROOT}/sessions/{quoted(session_id)}", answer=SessionEnded,
        repeatable=True,
    )  # fmt: skip


def session_cost(session_id: str) -> Call[SessionCost]:
    return _get("/costs", SessionCost, session_id=session_id)


def costs(query: Mapping[str, object]) -> Call[CostSummary]:
    return _get("/costs", CostSummary, **query)


def cost_summary(consumer_id: str | None) -> Call[CostSummary]:
    return _get("/costs/summary", CostSummary, consumer_id=consumer_id)


def hourly(query: Mapping[str, object]) -> Call[HourlyPage]:
    return _get("/costs/hourly", HourlyPage, **query)


def providers() -> Call[ProviderList]:
    return _get("/providers", ProviderList)


def offer_health(offer_id: str | None = None, *, hours: float = 1.0) -> Call[OfferHealthList]:
    asked: dict[str, object] = {} if offer_id is None else {"offer_id": offer_id, "hours": hours}
    return _get("/offer-health", OfferHealthList, **asked)


def create_token(order: TokenOrder) -> Call[TokenCreated]:
    return _post("/tokens", TokenCreated, order)


def tokens() -> Call[TokenList]:
    return _get("/tokens", TokenList)


def revoke_token(token_id: str) -> Call[Accepted]:
    return Call(
        method="DELETE", path=f"{ROOT}/tokens/{quoted(token_id)}", answer=Accepted, repeatable=True
    )


def notices(limit: int) -> Call[NoticeList]:
    return _get("/notices", NoticeList, limit=limit)


def sweep() -> Call[Accepted]:
    return _post("/operations/sweep", Accepted, repeatable=True)


def orphans() -> Call[OrphanReport]:
    return _get("/operations/orphans", OrphanReport)


def health() -> Call[Health]:
    # A server that is not ready yet says so with 503 and the same body.
    return Call(method="GET", path="/health", answer=Health, repeatable=True, also=frozenset({503}))


def day(given: date | str | None) -> str | None:
    return given.isoformat() if isinstance(given, date) else given


def quoted(part: str) -> str:
    """Return a part of a path in which nothing can lead elsewhere."""
    from urllib.parse import quote

    return quote(part, safe="") or "-"
