"""One offer: what it is, what it costs in truth, its odds, what its like has cost, and what may stand in for it."""

from collections.abc import Iterable, Iterator
from typing import Final

from gpu_shopper.dashboard.asking import Refused
from gpu_shopper.dashboard.forms import NEED, kept, need_fields, need_of
from gpu_shopper.dashboard.frame import Page, Visit, refusal
from gpu_shopper.dashboard.links import Pairs, changed, first, page_of
from gpu_shopper.dashboard.markup import Content, Html, el
from gpu_shopper.dashboard.price_line import price_line
from gpu_shopper.dashboard.tables import (
    Column,
    age,
    looks_of,
    notes,
    offer_columns,
    place,
    rows_of,
    table,
)
from gpu_shopper.domain.offer import RetryScope
from gpu_shopper.wire.figures import money
from gpu_shopper.wire.history import PriceFamily, PriceHistory
from gpu_shopper.wire.offer_health import OddsOfOffer, OfferHealthList, PartOfOdds
from gpu_shopper.wire.offers import EffectivePrice, OfferBody, OfferPage

# What each choice is called, its value, and whether it is the one that is shown.
Choices = Iterable[tuple[str, str, bool]]

_INVENTORY: Final = "/api/v1/inventory"
_HISTORY: Final = f"{_INVENTORY}/history"
_ODDS: Final = "/api/v1/offer-health"
_AN_HOUR: Final = (("hours", "1"),)
_SPANS: Final = (("24 hours", "24"), ("7 days", "168"), ("30 days", "720"))
_CAPPED: Final = ("hours", "disk_gb")
_USUAL_SPAN: Final = "168"
_SCOPES: Final = (
    ("the same GPU", RetryScope.SAME_GPU),
    ("any with its memory", RetryScope.SAME_VRAM),
    ("any with as much memory in all", RetryScope.ANY),
)
_PARTS: Final = (
    ("use", "The hours at the list price"),
    ("unused", "Billed beyond them: start, minimum, begun increments"),
    ("disk", "Disk"),
    ("traffic", "Traffic"),
    ("exchange", "Exchange of currency"),
    ("rounding", "Rounding of the bill"),
)


async def offer_page(visit: Visit, offer_id: str) -> Page:
    """Show one offer.

    Raises:
        Refused: no cloud lists it now.
    """
    here = f"{_INVENTORY}/{offer_id}"
    need = need_of(visit.pairs) or _AN_HOUR
    offer = await visit.ask.get(here, OfferBody, need)
    content: list[Content] = [
        _facts(offer, visit),
        el("h2", "What it costs in truth"),
        _need_form(visit, offer, need),
        _bill(offer.effective_price),
        *await _odds(visit, offer, first(need, "hours") or "1"),
        *await _history(visit, offer),
        *await _alternatives(visit, offer),
    ]
    return Page(title=f"{offer.gpu_count} × {offer.gpu_type} at {offer.provider}", content=content)


def _facts(offer: OfferBody, visit: Visit) -> Html:
    facts: Iterable[tuple[str, Content]] = (
        ("Price", [el("strong", f"{money(offer.price_per_hour)} USD/h"), f", {money(offer.price_per_gpu_hour)} for each GPU"]),
        ("Per TFLOPS, per GB of VRAM", _per(offer)),
        ("Memory of each GPU", f"{offer.vram_gb} GB"),
        ("Note", notes(offer)),
        ("Place", place(offer)),
        ("vCPUs, RAM, disk", f"{offer.vcpus or '–'}, {offer.ram_gb or '–'} GB, {offer.disk_gb or '–'} GB"),
        ("Network in, out", f"{offer.inet_down_mbps or '–'}, {offer.inet_up_mbps or '–'} Mbps"),
        ("CUDA", offer.cuda_version or "–"),
        ("Longest rental", f"{offer.max_duration_hours} h" if offer.max_duration_hours else "no limit told"),
        ("Price of disk, traffic", f"{offer.storage_price_per_gb_month:g} USD/GB/month, {offer.traffic_price_per_gb:g} USD/GB"),
        ("Listed", f"{age(visit.now, offer.fetched_at)} ago"),
        ("Id", el("code", offer.id)),
    )  # fmt: skip
    return el("dl", ((el("dt", name), el("dd", told)) for name, told in facts if told))


def _per(offer: OfferBody) -> str:
    prices = (offer.price_per_tflops_hour, offer.price_per_gb_vram_hour)
    return ", ".join("–" if price is None else f"{price:g} USD/h" for price in prices)


def _need_form(visit: Visit, offer: OfferBody, need: Pairs) -> Html:
    hidden = kept(visit.pairs, but=NEED)
    return el(
        "form",
        need_fields(need),
        hidden,
        el("button", "Reckon"),
        class_="fields",
        action=page_of(offer.id),
    )


def _bill(price: EffectivePrice | None) -> Html:
    if price is None:
        return el(
            "p", "It cannot be had for so long, or with so much disk, as far as its cloud tells."
        )
    parts = [(words, getattr(price, name)) for name, words in _PARTS]
    rows = [_amount(words, amount) for words, amount in parts]
    whole = el(
        "tr",
        el("th", "In all", scope="row"),
        el("td", f"{money(price.total)} USD", class_="right"),
        class_="total",
    )
    each = _amount("An hour of one GPU", price.per_gpu_hour)
    return el("div", el("table", el("tbody", rows, whole, each), class_="small"), class_="wrap")


def _amount(words: str, amount: float) -> Html:
    return el("tr", el("th", words, scope="row"), el("td", f"{money(amount)} USD", class_="right"))


async def _odds(visit: Visit, offer: OfferBody, hours: str) -> list[Content]:
    title = el("h2", "The odds that it is there and works")
    asked = [("offer_id", offer.id), ("hours", hours)]
    try:
        found = (await visit.ask.get(_ODDS, OfferHealthList, asked)).offer
    except Refused as refused:
        return [title, refusal(refused.problem)]
    assert found is not None, offer.id
    columns: tuple[Column[PartOfOdds], ...] = (
        Column("Part", lambda part: part.part.replace("_", " ")),
        Column("Factor", lambda part: f"{part.factor:.4f}", looks="right"),
        Column("Because", lambda part: part.because),
    )
    return [
        title,
        el("p", _reckoned(found)),
        table(rows_of(found.parts, columns), columns, looks="small"),
    ]


def _reckoned(found: OddsOfOffer) -> Iterator[Content]:
    yield el("strong", f"{found.confidence:.4f}")
    hours = "An hour of work is" if found.hours == 1 else f"{found.hours:g} hours of work are"
    yield f": {found.next}. {hours} expected to cost {money(found.expected_cost)} USD, the starts that fail included: "
    yield f"{found.failed_starts:.2f} of them, {money(found.per_failed_start)} each."


async def _history(visit: Visit, offer: OfferBody) -> list[Content]:
    """Return what its family has cost: the same cloud, GPU, number, kind and country."""
    title = el("h2", "What its like has cost")
    told = first(visit.pairs, "history")
    hours = told if told in dict(_SPANS).values() else _USUAL_SPAN
    asked = [
        ("gpu_type", offer.gpu_type),
        ("provider", offer.provider),
        ("gpu_count", str(offer.gpu_count)),
        ("interruptible", "true" if offer.interruptible else "false"),
        ("hours", hours),
        ("limit", "100"),
    ]
    if offer.country:
        asked.append(("country", offer.country))
    try:
        history = await visit.ask.get(_HISTORY, PriceHistory, asked)
    except Refused as refused:
        # Most likely a GPU that nobody knows: nothing that whoever looks at the page could mend.
        return [title, el("p", f"Not told: {refused.problem.detail}.", class_="soft")]
    spans = [(words, span, span == hours) for words, span in _SPANS]
    links = _choices(visit, offer, "history", spans)
    family = next((one for one in history.families if _is_of(offer, one)), None)
    if family is None:
        nothing = "No price is known yet: they are written down once an hour while the server runs."
        return [title, links, el("p", nothing, class_="soft")]
    return [title, links, price_line(family, since=history.since, hours=int(hours))]


def _is_of(offer: OfferBody, family: PriceFamily) -> bool:
    return (family.country, family.gpu_fraction) == (offer.country, offer.gpu_fraction)


async def _alternatives(visit: Visit, offer: OfferBody) -> list[Content]:
    title = el("h2", "What may stand in for it")
    scope = first(visit.pairs, "scope") or RetryScope.SAME_GPU
    scopes = [(words, one.value, one.value == scope) for words, one in _SCOPES]
    links = _choices(visit, offer, "scope", scopes)
    # Who says what it is for is told what others cost in truth; traffic is no part of what a retry may cost.
    need = [pair for pair in need_of(visit.pairs) if pair[0] in _CAPPED]
    asked = [("scope", scope), *need]
    try:
        found = await visit.ask.get(f"{_INVENTORY}/{offer.id}/alternatives", OfferPage, asked)
    except Refused as refused:
        return [title, links, refusal(refused.problem)]
    if not found.offers:
        return [title, links, el("p", "Nothing may stand in for it now.", class_="soft")]
    columns = offer_columns(now=visit.now, need=need_of(visit.pairs), costed=bool(need))
    shown = f"{found.count} of {found.total:,}, at most a tenth dearer, what would be bought first comes first"
    rows = rows_of(found.offers, columns, looks_of)
    return [title, links, table(rows, columns, caption=shown, looks="offers")]


def _choices(visit: Visit, offer: OfferBody, name: str, choices: Choices) -> Html:
    links = (
        el(
            "a",
            words,
            href=page_of(offer.id, changed(visit.pairs, **{name: value})),
            aria_current="true" if picked else None,
        )
        for words, value, picked in choices
    )
    return el("ul", (el("li", link) for link in links), class_="chips")
