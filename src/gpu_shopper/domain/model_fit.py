"""How much GPU memory a model takes to be served, part by part. docs/guides/fit.md has the formula in words.

Everything is in bytes. A card's size is in GB as sold, which are GiB (2³⁰ bytes) before what is kept back: a card of
80 GB shows at most 80 GiB, never 80 × 10⁹ bytes.
"""

import re
from dataclasses import dataclass
from math import ceil
from typing import assert_never

from gpu_shopper.domain.conditions import (
    All,
    AnyOf,
    Comparator,
    Compare,
    Condition,
    Flag,
    Not,
    OneOf,
)
from gpu_shopper.domain.errors import Invalid
from gpu_shopper.domain.gpu import MODELS, GpuModel
from gpu_shopper.domain.model_shape import (
    FullAttention,
    Latent,
    LinearHybrid,
    ModelShape,
    SlidingWindow,
)
from gpu_shopper.domain.quantisation import PLAIN_BITS, Quant, Scope

GIB = 1024**3
# Tokens that a runtime hands out at once.
_BLOCK = 16
_STATE_BYTES = 4
_ROWS_OF_HIDDEN = 4

# What the driver shows of a card, of GiB as sold: HBM and GeForce boards show 98.3 % and more. On other boards error
# correction may take a sixteenth, and the rest of the loss comes on top: a T4 shows 91 %.
_SHOWN_AT_BEST = 0.98
_SHOWN_AT_WORST = 0.91
_GEFORCE = re.compile(r"(RTX|GTX) \d{3,4}( Ti)?( Super)?( D)?( \d+GB)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A program that serves models: what it takes beside weights and cache, and how it splits over GPUs.

    `share` of the memory shown is its to use; `step_tokens` go through the model at once. For `logit_rows` at least
    it keeps `logit_bytes` for each word of the vocabulary.
    """

    name: str
    share: float
    step_tokens: int
    logit_rows: int
    logit_bytes: int
    base_bytes: int
    peer_bytes: int
    splits_tensors: bool


VLLM = Runtime(
    name="vllm",
    share=0.9,
    step_tokens=8192,
    logit_rows=256,
    # Its sampler holds about ten copies of the 32-bit logits at its peak.
    logit_bytes=40,
    base_bytes=round(1.8 * GIB),
    peer_bytes=round(0.5 * GIB),
    splits_tensors=True,
)
LLAMA_CPP = Runtime(
    name="llama.cpp",
    share=0.95,
    step_tokens=512,
    logit_rows=512,
    logit_bytes=4,
    base_bytes=round(0.5 * GIB),
    peer_bytes=0,
    splits_tensors=False,
)
RUNTIMES = {runtime.name: runtime for runtime in (VLLM, LLAMA_CPP)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is to be served: how weights and cache are kept, how long each text is, how many at a time."""

    quant: Quant
    kv_bits: float
    context: int
    sequences: int
    runtime: Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How a model lies on GPUs: each layer over `tensor` of them, the layers over `pipeline` groups of these."""

    tensor: int
    pipeline: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The memory of the fullest GPU, part by part."""

    weights: int
    kv_cache: int
    activations: int
    overhead: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.kv_cache + self.activations + self.overhead


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What one GPU of `gpu_count` must hold, and how the model lies on them."""

    gpu_count: int
    split: Split
    memory: Memory


def runtime_for(quant: Quant, name: str | None) -> Runtime:
    """Return the runtime that is named, or the usual one for such weights.

    Raises:
        Invalid: no runtime is called so, or it cannot read such weights.
    """
    if name is None:
        return LLAMA_CPP if quant.gguf else VLLM
    runtime = RUNTIMES.get(name.lower())
    if runtime is None:
        hint = f"known are {', '.join(RUNTIMES)}"
        raise Invalid(f"unknown runtime {name!r}", path="runtime", hint=hint)
    if runtime is LLAMA_CPP and not quant.gguf and quant.bits < PLAIN_BITS:
        message = f"llama.cpp reads no {quant.name} weights"
        raise Invalid(message, path="runtime", hint="choose one of its own, such as q4_k_m")
    return runtime


def split_over(shape: ModelShape, gpu_count: int, runtime: Runtime) -> Split:
    """Return how a model lies on that many GPUs.

    Its tensors go over as many GPUs as divide its heads evenly, the layers over what remains.
    """
    tensor = 1
    if runtime.splits_tensors:
        tensor = max(n for n in range(1, gpu_count + 1) if gpu_count % n == 0 and _even(shape, n))
    return Split(tensor=tensor, pipeline=gpu_count // tensor)


def _even(shape: ModelShape, gpus: int) -> bool:
    if shape.heads % gpus:
        return False
    latent = isinstance(shape.attention, Latent)
    return latent or shape.kv_heads % gpus == 0 or gpus % shape.kv_heads == 0


def estimate(shape: ModelShape, load: Load, gpu_count: int) -> Estimate:
    """Return what the fullest of `gpu_count` GPUs must hold."""
    split = split_over(shape, gpu_count, load.runtime)
    runtime = load.runtime
    memory = Memory(
        weights=_weights(shape, load.quant, split),
        kv_cache=_kv_cache(shape, load, split),
        activations=_activations(shape, load, split),
        overhead=runtime.base_bytes + (runtime.peer_bytes if gpu_count > 1 else 0),
    )
    return Estimate(gpu_count=gpu_count, split=split, memory=memory)


def weight_bytes(shape: ModelShape, quant: Quant) -> int:
    """Return the size of all weights: about that of their files."""
    packed = _packed_params(shape, quant)
    return ceil((packed * quant.bits + (shape.params - packed) * PLAIN_BITS) / 8)


def kv_bytes_per_token(shape: ModelShape, bits: float) -> int:
    """Return what one more token takes in the cache of all layers, as long as no window is full."""
    keeping = shape.layers
    if isinstance(shape.attention, LinearHybrid):
        keeping = shape.attention.full_layers
    return ceil(keeping * _token_in_layer(shape, 1) * bits / 8)


def usable_bytes(gpu_type: str, *, vram_gb: int, gpu_fraction: float, runtime: Runtime) -> int:
    """Return what a runtime may use of a GPU of that model and size; nothing where its size is not known."""
    # Of a part of a GPU, and of a GPU that nobody knows, the least is expected.
    roomy = gpu_fraction >= 1 and gpu_type.lower() in _ROOMY
    return _usable(vram_gb, _SHOWN_AT_BEST if roomy else _SHOWN_AT_WORST, runtime)


def least_vram_gb(need: int, runtime: Runtime) -> int:
    """Return the smallest size as sold of which a GPU may hold `need`; boards that show less need a larger one."""
    return _least_size(need, _SHOWN_AT_BEST, runtime)


def with_room_for(found: Estimate, runtime: Runtime) -> Condition:
    """Return what an offer must fulfil to have room: its number of GPUs, and of each as much as is estimated."""
    need = found.memory.total
    worst = Compare("vram", Comparator.AT_LEAST, _least_size(need, _SHOWN_AT_WORST, runtime))
    best = Compare("vram", Comparator.AT_LEAST, _least_size(need, _SHOWN_AT_BEST, runtime))
    roomy = All((best, OneOf("gpu", _ROOMY), Not(Flag("partial"))))
    return All((Compare("count", Comparator.EQUAL, found.gpu_count), AnyOf((worst, roomy))))


def _usable(vram_gb: int, shown: float, runtime: Runtime) -> int:
    return int(vram_gb * GIB * shown * runtime.share)


def _least_size(need: int, shown: float, runtime: Runtime) -> int:
    size = max(1, int(need / (GIB * shown * runtime.share)))
    while _usable(size, shown, runtime) < need:
        size += 1
    return size


def _is_roomy(model: GpuModel) -> bool:
    return model.memory_type.startswith("HBM") or _GEFORCE.fullmatch(model.name) is not None


_ROOMY = frozenset(model.name.lower() for model in MODELS.values() if _is_roomy(model))


def _packed_params(shape: ModelShape, quant: Quant) -> int:
    match quant.scope_in(mixed=shape.experts is not None):
        case Scope.EXPERTS:
            return shape.expert_params
        case Scope.ALL:
            return shape.params - shape.beside
        case Scope.LINEARS:
            return shape.params - shape.beside - shape.embeddings * shape.embedding_params


def _weights(shape: ModelShape, quant: Quant, split: Split) -> int:
    everything = weight_bytes(shape, quant)
    plain = PLAIN_BITS / 8
    embedding_bits = quant.bits if quant.scope is Scope.ALL else PLAIN_BITS
    embedding = shape.embedding_params * embedding_bits / 8
    beside = shape.beside * plain
    layers = everything - shape.embeddings * embedding - beside
    # Beyond one key-value head a GPU, each keeps a head of its own, the same one as its neighbour.
    scope = quant.scope_in(mixed=shape.experts is not None)
    key_value_bits = PLAIN_BITS if scope is Scope.EXPERTS else quant.bits
    key_value = min(layers, shape.key_value_params * key_value_bits / 8)
    share = 1 / split.tensor
    layers = (layers - key_value) * share + key_value * max(share, 1 / shape.kv_heads)
    if split.pipeline == 1:
        return ceil(layers + (shape.embeddings * embedding + beside) * share)
    # The first group holds one matrix of embeddings and what is beside, the last one the other.
    stage = ceil(shape.layers / split.pipeline) / shape.layers
    return ceil(layers * stage + (embedding + beside) * share)


def _token_in_layer(shape: ModelShape, tensor: int) -> int:
    """Return how many numbers one token leaves in one layer on each GPU."""
    if isinstance(shape.attention, Latent):
        return shape.attention.width
    return 2 * ceil(shape.kv_heads / tensor) * shape.head_dim


def _kv_cache(shape: ModelShape, load: Load, split: Split) -> int:
    length = ceil(load.context / _BLOCK) * _BLOCK
    held = length * load.sequences
    states = 0.0
    match shape.attention:
        case FullAttention() | Latent():
            token_layers = _stage(shape.layers, split) * held
        case SlidingWindow(window=window, full_layers=full):
            kept = min(length, window)
            # While a step is under way, its own tokens are kept beside the window.
            step = min(load.runtime.step_tokens, (length - kept) * load.sequences)
            windowed = _stage(shape.layers - full, split)
            token_layers = _stage(full, split) * held + windowed * (kept * load.sequences + step)
        case LinearHybrid(full_layers=full, state=state):
            token_layers = _stage(full, split) * held
            linear = _stage(shape.layers - full, split)
            states = linear * state * load.sequences * _STATE_BYTES / split.tensor
        case _:
            assert_never(shape.attention)
    numbers = token_layers * _token_in_layer(shape, split.tensor)
    return ceil(numbers * load.kv_bits / 8 + states)


def _stage(layers: int, split: Split) -> int:
    return ceil(layers / split.pipeline)


def _activations(shape: ModelShape, load: Load, split: Split) -> int:
    runtime = load.runtime
    tokens = min(runtime.step_tokens, load.context * load.sequences)
    heads = (shape.heads + 2 * shape.kv_heads) * shape.head_dim
    width = _ROWS_OF_HIDDEN * shape.hidden + (heads + shape.step_width) / split.tensor
    forward = tokens * width * PLAIN_BITS / 8
    rows = max(runtime.logit_rows, load.sequences)
    return ceil(max(forward, rows * shape.vocab * runtime.logit_bytes))
