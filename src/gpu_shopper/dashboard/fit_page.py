"""What a language model takes to be served, part by part, and the offers that have room for it."""

from collections.abc import Iterator
from typing import Final

from gpu_shopper.dashboard.asking import Refused
from gpu_shopper.dashboard.forms import choice_field, kept, number_field, text_field
from gpu_shopper.dashboard.frame import Page, Visit, again, refusal
from gpu_shopper.dashboard.links import FIT, Pairs, first, page_of
from gpu_shopper.dashboard.markup import Content, Html, el
from gpu_shopper.dashboard.tables import Column, looks_of, rows_of, table
from gpu_shopper.domain.known_models import KNOWN_MODELS
from gpu_shopper.domain.quantisation import KV_BITS, QUANTS
from gpu_shopper.wire.figures import gib, money, way_of
from gpu_shopper.wire.fit import FitReply, FitSplit, FittingOffer

_API: Final = "/api/v1/fit"
_TITLE: Final = "What fits my model"
_FIELDS: Final = ("model", "quant", "kv_quant", "context", "sequences", "max_price")
_AS_MADE: Final = ("", "as made")
_USUAL_CACHE: Final = "fp16"

_SPLITS: tuple[Column[FitSplit], ...] = (
    Column("GPUs", lambda split: split.gpu_count, looks="right"),
    Column("Split", way_of),
    Column("Weights GiB", lambda split: gib(split.per_gpu.weights_bytes), looks="right"),
    Column("KV cache GiB", lambda split: gib(split.per_gpu.kv_cache_bytes), looks="right"),
    Column("Activations GiB", lambda split: gib(split.per_gpu.activations_bytes), looks="right"),
    Column("Overhead GiB", lambda split: gib(split.per_gpu.overhead_bytes), looks="right"),
    Column("Per GPU GiB", lambda split: gib(split.per_gpu.total_bytes), looks="right price"),
    Column("VRAM from GB", lambda split: split.min_vram_gb, looks="right"),
    Column("Offers", lambda split: split.offers, looks="right"),
    Column("From USD/h", lambda split: money(split.cheapest_price_per_hour), looks="right price"),
)  # fmt: skip
_OFFERS: tuple[Column[FittingOffer], ...] = (
    Column("GPU", lambda one: el("a", one.offer.gpu_type, href=page_of(one.offer.id)), looks="name"),
    Column("GPUs", lambda one: one.offer.gpu_count, looks="right"),
    Column("VRAM GB", lambda one: one.offer.vram_gb, looks="right"),
    Column("USD/h", lambda one: money(one.offer.price_per_hour), looks="right price"),
    Column("Split", way_of),
    Column("Needs GiB", lambda one: gib(one.needed_bytes), looks="right"),
    Column("Has GiB", lambda one: gib(one.usable_bytes), looks="right"),
    Column("Region", lambda one: one.offer.region),
    Column("Reliable", lambda one: f"{one.offer.reliability:.3f}", looks="right"),
    Column("Cloud", lambda one: one.offer.provider),
)  # fmt: skip


async def fit_page(visit: Visit) -> Page:
    """Show what a model needs, once one is named."""
    form = _form(visit.pairs)
    if not (first(visit.pairs, "model") or first(visit.pairs, "params")):
        asks = "Name a model, and see what it takes on each number of GPUs, and who has that."
        return Page(title=_TITLE, content=[el("p", asks), form])
    try:
        reply = await visit.ask.get(_API, FitReply, visit.pairs)
    except Refused as refused:
        problem = refused.problem
        if problem.status in {401, 403}:
            raise
        headers = again(problem, refused.retry_after)
        return Page(
            title=_TITLE, content=[form, refusal(problem)], status=problem.status, headers=headers
        )
    return Page(title=_TITLE, content=[form, *_told(reply)])


def _form(pairs: Pairs) -> Html:
    model = el(
        "input", name="model", value=first(pairs, "model"), list="models", placeholder="llama-3.1-70b",
        autocomplete="off", autocapitalize="off", spellcheck="false",
    )  # fmt: skip
    known = el("datalist", (el("option", value=name) for name in sorted(KNOWN_MODELS)), id="models")
    fields = (
        el("label", "Model", model, class_="wide"),
        choice_field(pairs, "quant", "Weights", [_AS_MADE, *((name, name) for name in QUANTS)]),
        choice_field(
            pairs,
            "kv_quant",
            "Cache",
            [("", _USUAL_CACHE), *((name, name) for name in KV_BITS if name != _USUAL_CACHE)],
        ),
        text_field(pairs, "context", "Context", example="32k"),
        number_field(pairs, "sequences", "Texts at a time"),
        number_field(pairs, "max_price", "Most USD/h", step="any"),
    )
    return el(
        "form",
        fields,
        known,
        kept(pairs, but=_FIELDS),
        el("button", "Reckon"),
        class_="fields",
        action=FIT,
    )


def _told(reply: FitReply) -> Iterator[Content]:
    load, model = reply.load, reply.model
    billions = f"{model.params / 1e9:.4g} billion parameters"
    texts = f"{load.sequences} × {load.context} tokens"
    yield el(
        "p", el("strong", model.name), f": {billions} in {load.quant}, {texts}, {load.runtime}."
    )
    cache = f"{reply.kv_cache_bytes_per_token / 1024:.4g} KiB"
    yield el("p", f"Weights {gib(reply.weights_bytes)} GiB; cache {cache} a token.")
    yield el("h2", "On so many GPUs, each holds")
    yield table(rows_of(reply.splits, _SPLITS), _SPLITS, looks="offers splits")
    assumed = (el("li", assumption) for assumption in reply.assumptions)
    yield el("details", el("summary", "What is assumed"), el("ul", assumed))
    yield el("h2", "Who has it")
    if not reply.offers:
        yield el("p", "No offer has room for it now.")
        return
    shown = f"{reply.count} of {reply.total:,} offers, the cheapest first"
    rows = rows_of(reply.offers, _OFFERS, lambda one: looks_of(one.offer))
    yield table(rows, _OFFERS, caption=shown, looks="offers")
