"""Bodies about what a language model takes to be served. Memory in bytes, but for the size of GPUs: GB as sold."""

from msgspec import Struct

from gpu_shopper.wire.offers import MarketSource, OfferBody


class FitModel(Struct, frozen=True, kw_only=True):
    """The model, as its source has it. `active_params` are those that one token goes through."""

    name: str
    params: int
    active_params: int | None
    layers: int
    max_context: int | None
    source: str


class FitLoad(Struct, frozen=True, kw_only=True):
    """How the model is served. `context` counts the tokens of each of `sequences` texts at a time."""

    quant: str
    bits_per_weight: float
    kv_quant: str
    context: int
    sequences: int
    runtime: str


class FitMemory(Struct, frozen=True, kw_only=True):
    """What the fullest GPU must hold, part by part."""

    weights_bytes: int
    kv_cache_bytes: int
    activations_bytes: int
    overhead_bytes: int
    total_bytes: int


class FitSplit(Struct, frozen=True, kw_only=True):
    """The same model on so many GPUs.

    `min_vram_gb` is the least size of each, where the driver shows nearly all of it; `offers` counts those that fit.
    """

    gpu_count: int
    tensor_parallel: int
    pipeline_parallel: int
    per_gpu: FitMemory
    min_vram_gb: int
    offers: int
    cheapest_price_per_hour: float | None


class FittingOffer(Struct, frozen=True, kw_only=True):
    """An offer on which the model fits: of each GPU it needs `needed_bytes` and may use `usable_bytes`."""

    offer: OfferBody
    tensor_parallel: int
    pipeline_parallel: int
    needed_bytes: int
    usable_bytes: int


class FitReply(Struct, frozen=True, kw_only=True):
    """What a model takes, and who has it, the cheapest first; `total` counts all offers that fit."""

    model: FitModel
    load: FitLoad
    weights_bytes: int
    kv_cache_bytes_per_token: int
    splits: list[FitSplit]
    assumptions: list[str]
    offers: list[FittingOffer]
    count: int
    total: int
    providers: list[MarketSource]
