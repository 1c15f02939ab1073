"""Memory estimates against what is published and was measured, and what must hold of any model."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.conditions import holds
from gpu_shopper.domain.errors import Invalid
from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.known_models import KNOWN_MODELS
from gpu_shopper.domain.model_fit import (
    GIB,
    LLAMA_CPP,
    VLLM,
    Load,
    Runtime,
    Split,
    estimate,
    kv_bytes_per_token,
    least_vram_gb,
    runtime_for,
    split_over,
    usable_bytes,
    weight_bytes,
    with_room_for,
)
from gpu_shopper.domain.model_shape import ModelShape, StatedShape, shape_by_hand
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.quantisation import KV_BITS, QUANTS, kv_bits, read_quant

LLAMA_8B = KNOWN_MODELS["Llama 3.1 8B"]
LLAMA_70B = KNOWN_MODELS["Llama 3.1 70B"]


def a_load(quant: str = "bf16", **changed) -> Load:
    load = Load(
        quant=read_quant(quant),
        kv_bits=16,
        context=8192,
        sequences=1,
        runtime=runtime_for(read_quant(quant), None),
    )
    return replace(load, **changed)


def an_offer(gpu: str = "RTX 4090", vram_gb: int = 24, **changed) -> Offer:
    offer = Offer(
        id=OfferId("cumulus:1"),
        provider=ProviderName("cumulus"),
        provider_id="1",
        machine_id="1",
        gpu_type=gpu,
        gpu_count=1,
        vram_gb=vram_gb,
        price=rate("1"),
        country="DE",
        region="eu",
        location="",
        reliability=1.0,
        fetched_at=datetime(2026, 3, 14, tzinfo=UTC),
    )
    return replace(offer, **changed)


def usable(offer: Offer, runtime: Runtime = VLLM) -> int:
    return usable_bytes(
        offer.gpu_type, vram_gb=offer.vram_gb, gpu_fraction=offer.gpu_fraction, runtime=runtime
    )


# Published checkpoints, in GB of 10⁹ bytes, and how far the estimate may be from them. DeepSeek's holds a 62nd layer
# that only drafts (14 billion parameters), which no runtime loads unasked.
@pytest.mark.parametrize(
    ("model", "quant", "published_gb", "tolerance"),
    [
        ("Llama 3.1 8B", "bf16", 16.06, 0.001),
        ("Llama 3.1 70B", "bf16", 141.1, 0.001),
        ("Llama 3.1 70B", "awq", 39.8, 0.005),
        ("Llama 3.1 70B", "q4_k_m", 42.5, 0.02),
        ("Llama 3.1 8B", "q4_k_m", 4.92, 0.005),
        ("Llama 3.1 8B", "q8_0", 8.54, 0.005),
        ("Mixtral 8x7B", "bf16", 93.4, 0.001),
        ("DeepSeek V3", "fp8", 689, 0.03),
        ("GPT-OSS 120B", "mxfp4", 65.2, 0.005),
        ("GPT-OSS 20B", "mxfp4", 13.76, 0.005),
        ("Qwen2.5 72B", "awq", 41.5, 0.01),
        ("Kimi K2", "fp8", 1029, 0.005),
        ("Gemma 3 27B", "bf16", 54.9, 0.002),
    ],
)
def test_weights_are_as_large_as_the_published_files(
    model: str, quant: str, published_gb: float, tolerance: float
) -> None:
    estimated = weight_bytes(KNOWN_MODELS[model], read_quant(quant)) / 1e9

    assert pytest.approx(published_gb, rel=tolerance) == estimated


@pytest.mark.parametrize(
    ("model", "kib"),
    [
        ("Llama 3.1 70B", 320),
        ("Llama 3.1 8B", 128),
        ("Llama 2 7B", 512),
        ("DeepSeek V3", 68.625),
        ("Qwen3 Next 80B A3B", 24),
    ],
)
def test_a_token_takes_what_the_heads_say(model: str, kib: float) -> None:
    assert kib * 1024 == kv_bytes_per_token(KNOWN_MODELS[model], 16)


def test_a_start_of_vllm_took_what_is_estimated() -> None:
    # What vLLM printed in December 2024 for Llama 3 8B on a GPU that shows 79.22 GiB, whole and over two.
    whole = estimate(KNOWN_MODELS["Llama 3 8B"], a_load(), 1).memory
    halves = estimate(KNOWN_MODELS["Llama 3 8B"], a_load(), 2).memory

    assert pytest.approx(14.96, abs=0.01) == whole.weights / GIB
    assert pytest.approx(7.48, abs=0.01) == halves.weights / GIB
    assert pytest.approx(1.26, rel=0.05) == whole.activations / GIB
    assert pytest.approx(1.26, rel=0.05) == halves.activations / GIB
    assert pytest.approx(1.79, rel=0.05) == whole.overhead / GIB


@pytest.mark.parametrize(
    ("gpu", "vram_gb", "shown_gib"),
    [
        # As drivers show them to PyTorch.
        ("RTX 4090", 24, 23.58),
        ("A10G", 24, 22.07),
        ("T4", 16, 14.56),
        ("L40S", 48, 44.40),
    ],
)
def test_no_more_is_expected_of_a_gpu_than_it_shows(
    gpu: str, vram_gb: int, shown_gib: float
) -> None:
    expected = usable(an_offer(gpu, vram_gb)) / VLLM.share / GIB

    assert shown_gib * 0.97 <= expected <= shown_gib + 0.005


def test_of_a_part_of_a_gpu_and_of_an_unknown_one_the_least_is_expected() -> None:
    whole = usable(an_offer())

    assert usable(an_offer(gpu_fraction=0.5)) < whole
    assert usable(an_offer("RTX 9999")) < whole
    assert 0 == usable(an_offer(vram_gb=0))


def test_a_window_keeps_a_long_text_small() -> None:
    gemma = KNOWN_MODELS["Gemma 3 27B"]
    short, long = (
        estimate(gemma, a_load(context=length), 1).memory.kv_cache for length in (1024, 65536)
    )
    # 10 of its 62 layers keep every token; the others a window, and a step of 8,192 tokens while it is under way.
    token_in_layer = 2 * 16 * 128 * 2

    assert 62 * 1024 * token_in_layer == short
    assert (10 * 65536 + 52 * (1024 + 8192)) * token_in_layer == long


def test_a_linear_layer_keeps_as_much_of_any_text() -> None:
    qwen = KNOWN_MODELS["Qwen3 Next 80B A3B"]
    cache = [estimate(qwen, a_load(context=size), 1).memory.kv_cache for size in (16, 32, 48)]

    assert cache[1] - cache[0] == cache[2] - cache[1] == 16 * 24 * 1024
    assert 36 * 548864 * 4 == cache[0] - 16 * 24 * 1024


def test_a_mixture_in_mxfp4_packs_its_experts_alone() -> None:
    shape = KNOWN_MODELS["GPT-OSS 120B"]

    assert weight_bytes(shape, read_quant("nvfp4")) < weight_bytes(shape, read_quant("fp8"))
    packed = shape.expert_params * 4.25 / 8
    assert packed + (shape.params - shape.expert_params) * 2 == weight_bytes(
        shape, read_quant("mxfp4")
    )


@pytest.mark.parametrize(
    ("model", "gpus", "expected"),
    [
        ("Llama 3.1 70B", 8, Split(tensor=8, pipeline=1)),
        ("Llama 3.1 70B", 16, Split(tensor=16, pipeline=1)),
        # 64 heads divide by no 3, so three take a third of the layers each; six pair up.
        ("Llama 3.1 70B", 3, Split(tensor=1, pipeline=3)),
        ("Llama 3.1 70B", 6, Split(tensor=2, pipeline=3)),
        # 10 key-value heads divide by no 4, though 40 heads would.
        ("Phi 4", 4, Split(tensor=2, pipeline=2)),
        ("Qwen2.5 7B", 8, Split(tensor=4, pipeline=2)),
    ],
)
def test_heads_decide_how_a_model_is_split(model: str, gpus: int, expected: Split) -> None:
    assert expected == split_over(KNOWN_MODELS[model], gpus, VLLM)


def test_llama_cpp_gives_each_gpu_some_of_the_layers() -> None:
    assert Split(tensor=1, pipeline=4) == split_over(LLAMA_70B, 4, LLAMA_CPP)


def test_beyond_one_head_a_gpu_the_cache_shrinks_no_further() -> None:
    caches = [estimate(LLAMA_70B, a_load(), count).memory.kv_cache for count in (8, 16)]

    assert caches[0] == caches[1]


def test_a_latent_cache_lies_whole_on_every_gpu() -> None:
    shape, load = KNOWN_MODELS["DeepSeek V3"], a_load("fp8")

    assert estimate(shape, load, 1).memory.kv_cache == estimate(shape, load, 8).memory.kv_cache


@pytest.mark.parametrize(
    ("quant", "runtime", "expected"),
    [("awq", None, VLLM), ("q4_k_m", None, LLAMA_CPP), ("bf16", "llama.cpp", LLAMA_CPP)],
)
def test_a_runtime_goes_with_its_weights(quant: str, runtime: str | None, expected) -> None:
    assert expected is runtime_for(read_quant(quant), runtime)


@pytest.mark.parametrize("refused", [("awq", "llama.cpp"), ("awq", "magic")])
def test_a_runtime_that_cannot_is_refused(refused: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as error:
        runtime_for(read_quant(refused[0]), refused[1])

    assert "runtime" == error.value.path


def test_an_unknown_quantisation_is_refused_with_the_nearest() -> None:
    with pytest.raises(Invalid) as weights:
        read_quant("q4_k")
    with pytest.raises(Invalid) as cache:
        kv_bits("int3")

    assert "did you mean q4_k_" in weights.value.hint
    assert ("kv_quant", "known are fp16, fp8, q8_0, q4_0") == (
        cache.value.path, cache.value.hint,
    )  # fmt: skip


def test_the_least_size_is_the_least_that_suffices() -> None:
    need = estimate(LLAMA_8B, a_load(), 1).memory.total
    least = least_vram_gb(need, VLLM)

    assert usable(an_offer(vram_gb=least - 1)) < need
    assert need <= usable(an_offer(vram_gb=least))


def test_a_shape_by_hand_comes_near_the_model_that_it_describes() -> None:
    stated = StatedShape(params=70_554_000_000, layers=80, kv_heads=8, head_dim=128)
    by_hand, known = (
        estimate(shape, a_load("awq", context=32768), 2).memory.total
        for shape in (shape_by_hand(stated), LLAMA_70B)
    )

    assert pytest.approx(known, rel=0.03) == by_hand
    assert 4 == len(shape_by_hand(stated).assumed)


@pytest.mark.parametrize(
    "stated",
    [
        StatedShape(params=10**9, layers=16, kv_heads=3, head_dim=64, heads=32),
        StatedShape(params=10**9, layers=16, kv_heads=8, head_dim=64, hidden=8192, vocab=10**6),
        StatedShape(params=10**6, layers=9999, kv_heads=1000, head_dim=1000),
    ],
)
def test_a_shape_that_contradicts_itself_is_refused(stated: StatedShape) -> None:
    with pytest.raises(Invalid):
        shape_by_hand(stated)


SHAPES = st.sampled_from(sorted(KNOWN_MODELS.values(), key=lambda shape: shape.name))
COUNTS = st.integers(1, 16)
LOADS = st.builds(
    a_load,
    st.sampled_from(sorted(QUANTS)),
    context=st.integers(1, 300_000),
    sequences=st.integers(1, 300),
    kv_bits=st.sampled_from(sorted(KV_BITS.values())),
)


@given(
    SHAPES,
    LOADS,
    COUNTS,
    st.sampled_from(["RTX 4090", "H100 SXM", "L40S", "nobody's"]),
    st.integers(0, 300),
    st.sampled_from([0.5, 1]),
)
def test_what_the_market_is_asked_is_what_fits(
    shape: ModelShape, load: Load, gpus: int, gpu: str, vram_gb: int, fraction: float
) -> None:
    found = estimate(shape, load, gpus)
    offer = an_offer(gpu, vram_gb, gpu_count=gpus, gpu_fraction=fraction)
    condition = with_room_for(found, load.runtime)

    assert (found.memory.total <= usable(offer, load.runtime)) == holds(offer, condition)
    assert not holds(replace(offer, gpu_count=gpus + 1, vram_gb=10**6), condition)
    assert holds(replace(offer, vram_gb=10**6), condition)


@given(SHAPES, LOADS, COUNTS, st.integers(0, 100_000), st.integers(0, 100))
def test_more_text_never_takes_less(
    shape: ModelShape, load: Load, gpus: int, tokens: int, texts: int
) -> None:
    more = replace(load, context=load.context + tokens, sequences=load.sequences + texts)

    before, after = (estimate(shape, each, gpus).memory for each in (load, more))
    assert before.total <= after.total
    assert before.kv_cache <= after.kv_cache


@given(SHAPES, LOADS, COUNTS, st.sampled_from(sorted(QUANTS)), st.sampled_from([4.5, 8, 8.5, 16]))
def test_more_bits_never_take_less(
    shape: ModelShape, load: Load, gpus: int, quant: str, bits: float
) -> None:
    other = replace(load, quant=read_quant(quant), kv_bits=bits)
    # Of what packs the same weights, more bits are more; a wider packing may save more than fewer bits do.
    if load.quant.scope is other.quant.scope:
        fewer, more = sorted((load, other), key=lambda each: each.quant.bits)
        assert (
            estimate(shape, fewer, gpus).memory.weights
            <= estimate(shape, more, gpus).memory.weights
        )
    fewer, more = sorted((load, other), key=lambda each: each.kv_bits)
    assert (
        estimate(shape, fewer, gpus).memory.kv_cache <= estimate(shape, more, gpus).memory.kv_cache
    )


@given(SHAPES, LOADS, st.sampled_from([1, 2, 4, 8, 16, 32]))
def test_twice_the_gpus_never_hold_more_each(shape: ModelShape, load: Load, gpus: int) -> None:
    once, twice = (estimate(shape, load, count).memory for count in (gpus, 2 * gpus))

    # What a peer costs in buffers is the one price of another GPU.
    assert twice.total - twice.overhead <= once.total - once.overhead
    assert once.overhead <= twice.overhead <= once.overhead + load.runtime.peer_bytes


@given(SHAPES, LOADS, st.integers(1, 64))
def test_all_gpus_together_hold_the_whole_model(shape: ModelShape, load: Load, gpus: int) -> None:
    found = estimate(shape, load, gpus)

    assert gpus == found.split.tensor * found.split.pipeline
    assert weight_bytes(shape, load.quant) - gpus <= gpus * found.memory.weights


@given(
    st.integers(10**6, 10**13), st.integers(1, 200), st.integers(1, 128), st.integers(1, 512), LOADS
)
def test_any_shape_by_hand_is_estimated_or_refused(
    params: int, layers: int, kv_heads: int, head_dim: int, load: Load
) -> None:
    stated = StatedShape(params=params, layers=layers, kv_heads=kv_heads, head_dim=head_dim)
    try:
        shape = shape_by_hand(stated)
    except Invalid:
        return

    memory = estimate(shape, load, 1).memory
    assert 0 <= memory.weights <= 2 * params + 2
    assert min(memory.kv_cache, memory.activations, memory.overhead) > 0
