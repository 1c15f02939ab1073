"""What a language model takes to be served, and which offers have it."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct, convert

from gpu_shopper.api.menu_query import Names
from gpu_shopper.api.routes import Ask, Reply, Route
from gpu_shopper.api.session_orders import gpu_names
from gpu_shopper.domain import errors
from gpu_shopper.domain.conditions import condition_of
from gpu_shopper.domain.known_models import read_model
from gpu_shopper.domain.model_fit import (
    Load,
    Memory,
    kv_bytes_per_token,
    runtime_for,
    weight_bytes,
)
from gpu_shopper.domain.model_shape import ModelShape, StatedShape, shape_by_hand
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Requirements
from gpu_shopper.domain.quantisation import PLAIN_BITS, Quant, kv_bits, read_quant
from gpu_shopper.queries.fit import FitQuestion, Fitting, OnGpus
from gpu_shopper.wire.fit import (
    FitLoad,
    FitMemory,
    FitModel,
    FitReply,
    FitSplit,
    FittingOffer,
)
from gpu_shopper.wire.offers import MarketSource
from gpu_shopper.wire.sessions import Dollars, ShortText

_TIMES = {"k": 2**10, "m": 2**20}
_PARAM_TIMES = {"m": 10**6, "b": 10**9, "t": 10**12}
_MOST_TOKENS = 100_000_000
_MOST_PARAMS = 100 * 10**12
_DEFAULT_CONTEXT = 8192

Tokens = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,3})?[kKmM]?$(?!\n)")]
ParamCount = Annotated[str, Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,6})?[mMbBtT]?$(?!\n)")]
Width = Annotated[int, Meta(ge=1, le=1_000_000)]


class FitQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A known model, or another one by its shape; how it is served; which offers come into question.

    Tokens may be written `32k` (1,024 each), parameters `32b` (10⁹ each).
    """

    model: ShortText | None = None
    params: ParamCount | None = None
    layers: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    kv_heads: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    head_dim: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    hidden: Width | None = None
    heads: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    vocab: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    quant: ShortText | None = None
    kv_quant: ShortText = "fp16"
    context: Tokens | None = None
    sequences: Annotated[int, Meta(ge=1, le=100_000)] = 1
    runtime: ShortText | None = None
    max_price: Dollars | None = None
    gpu_type: Names = []
    provider: Names = []
    interruptible: bool | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 20


async def fit_model(ask: Ask[FitQuery, None]) -> Reply:
    """Estimate what a model takes on each number of GPUs, and list the offers that have it, the cheapest first."""
    given = ask.query
    shape, quant_name = _shape(given)
    load = _load(given, shape, quant_name)
    question = FitQuestion(
        shape=shape,
        load=load,
        condition=condition_of(_requirements(given)),
        limit=given.limit,
    )
    queries = ask.rooms.queries
    found = queries.fit.fit(question)
    return Reply(
        FitReply(
            model=_model(shape),
            load=_load_body(load, given.kv_quant),
            weights_bytes=weight_bytes(shape, load.quant),
            kv_cache_bytes_per_token=kv_bytes_per_token(shape, load.kv_bits),
            splits=[_split(each) for each in found.on_gpus],
            assumptions=_assumptions(shape, load),
            offers=[_fitting(each) for each in found.offers],
            count=len(found.offers),
            total=found.total,
            providers=convert(queries.offers.sources(), list[MarketSource], from_attributes=True),
        )
    )


def _shape(given: FitQuery) -> tuple[ModelShape, str | None]:
    """Return the shape, and the quantisation that the name of the model has a word for."""
    if (given.model is None) == (given.params is None):
        message = "give either model, or params with layers, kv_heads and head_dim"
        raise errors.Invalid(message, path="model")
    if given.model is not None:
        _refuse_shape_beside_model(given)
        named = read_model(given.model)
        return named.shape, named.quant
    if given.params is None or given.layers is None:
        raise _missing("layers")
    if given.kv_heads is None:
        raise _missing("kv_heads")
    if given.head_dim is None:
        raise _missing("head_dim")
    stated = StatedShape(
        params=_amount(given.params, _PARAM_TIMES, most=_MOST_PARAMS, path="params"),
        layers=given.layers,
        kv_heads=given.kv_heads,
        head_dim=given.head_dim,
        hidden=given.hidden,
        heads=given.heads,
        vocab=given.vocab,
    )
    return shape_by_hand(stated), None


def _refuse_shape_beside_model(given: FitQuery) -> None:
    for name in ("layers", "kv_heads", "head_dim", "hidden", "heads", "vocab"):
        if getattr(given, name) is not None:
            raise errors.Invalid("goes with params, not with the name of a model", path=name)


def _missing(name: str) -> errors.Invalid:
    return errors.Invalid("is required with params", path=name)


def _load(given: FitQuery, shape: ModelShape, named: str | None) -> Load:
    quant = read_quant(given.quant or named or shape.native)
    longest = shape.max_context
    context = min(_DEFAULT_CONTEXT, longest or _DEFAULT_CONTEXT)
    if given.context is not None:
        context = _amount(given.context, _TIMES, most=_MOST_TOKENS, path="context")
    if longest is not None and context > longest:
        message = f"{shape.name} reads at most {longest} tokens"
        raise errors.Invalid(message, path="context")
    return Load(
        quant=quant,
        kv_bits=kv_bits(given.kv_quant),
        context=context,
        sequences=given.sequences,
        runtime=runtime_for(quant, given.runtime),
    )


def _amount(text: str, times: dict[str, int], *, most: int, path: str) -> int:
    unit = times.get(text[-1].lower(), 1)
    number = text if text[-1].isdigit() else text[:-1]
    amount = int(Decimal(number) * unit)
    if not 1 <= amount <= most:
        raise errors.Invalid(f"must be between 1 and {most}", path=path)
    return amount


def _requirements(given: FitQuery) -> Requirements:
    return Requirements(
        gpu_types=gpu_names(given.gpu_type, path="gpu_type"),
        max_price=None if given.max_price is None else rate(given.max_price),
        providers=frozenset(given.provider),
        interruptible=given.interruptible,
    )


def _assumptions(shape: ModelShape, load: Load) -> list[str]:
    runtime, quant = load.runtime, load.quant
    words = [
        _weights_in_words(shape, quant),
        f"cache: {load.sequences} × {load.context} tokens, all of them kept at once",
        f"{runtime.name} may use {runtime.share:.0%} of the memory that a GPU shows",
        f"activations: steps of {runtime.step_tokens} tokens",
        "a GPU shows 98 % of its size as sold where it has HBM or is a GeForce, else 91 %",
        *shape.assumed,
    ]
    if not runtime.splits_tensors:
        words.append("several GPUs share the layers, one after the other")
    return words


def _weights_in_words(shape: ModelShape, quant: Quant) -> str:
    if quant.bits >= PLAIN_BITS:
        return f"weights: all in {PLAIN_BITS} bits"
    scope = quant.scope_in(mixed=shape.experts is not None)
    return f"weights: {scope} in {quant.bits:g} bits ({quant.means}), the rest in {PLAIN_BITS}"


def _model(shape: ModelShape) -> FitModel:
    return FitModel(
        name=shape.name,
        params=shape.params,
        active_params=shape.active_params,
        layers=shape.layers,
        max_context=shape.max_context,
        source=shape.source,
    )


def _load_body(load: Load, kv_quant: str) -> FitLoad:
    return FitLoad(
        quant=load.quant.name,
        bits_per_weight=load.quant.bits,
        kv_quant=kv_quant.lower(),
        context=load.context,
        sequences=load.sequences,
        runtime=load.runtime.name,
    )


def _memory(memory: Memory) -> FitMemory:
    return FitMemory(
        weights_bytes=memory.weights,
        kv_cache_bytes=memory.kv_cache,
        activations_bytes=memory.activations,
        overhead_bytes=memory.overhead,
        total_bytes=memory.total,
    )


def _split(found: OnGpus) -> FitSplit:
    split = found.estimate.split
    return FitSplit(
        gpu_count=found.estimate.gpu_count,
        tensor_parallel=split.tensor,
        pipeline_parallel=split.pipeline,
        per_gpu=_memory(found.estimate.memory),
        min_vram_gb=found.min_vram_gb,
        offers=found.offers,
        cheapest_price_per_hour=None if found.cheapest is None else found.cheapest.price_per_hour,
    )


def _fitting(found: Fitting) -> FittingOffer:
    split = found.estimate.split
    return FittingOffer(
        offer=found.offer,
        tensor_parallel=split.tensor,
        pipeline_parallel=split.pipeline,
        needed_bytes=found.estimate.memory.total,
        usable_bytes=found.usable,
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/fit",
        answer=fit_model,
        query=FitQuery,
        reply=FitReply,
        tag="inventory",
        refuses=(errors.UnknownModel, errors.UnknownGpu, errors.MarketNotReady),
    ),
)
