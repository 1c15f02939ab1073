"""The table of models: each line's figures agree with each other, and names are understood or refused."""

import pytest

from gpu_shopper.domain.errors import UnknownModel
from gpu_shopper.domain.known_models import KNOWN_MODELS, read_model
from gpu_shopper.domain.model_shape import Latent, LinearHybrid, ModelShape, SlidingWindow
from gpu_shopper.domain.quantisation import QUANTS

# What only counting needs: DeepSeek squeezes queries, too, but for the small one.
UNSQUEEZED = {"DeepSeek V2 Lite"}
SQUEEZED_TO, ROPE, LATENT, HALF_HEAD = 1536, 64, 512, 128


def attention_params(shape: ModelShape) -> int:
    hidden, heads = shape.hidden, shape.heads
    queries = hidden * heads * shape.head_dim
    match shape.attention:
        case Latent():
            if shape.name not in UNSQUEEZED:
                queries = (hidden + heads * shape.head_dim) * SQUEEZED_TO
            values = hidden * (LATENT + ROPE) + LATENT * heads * 2 * HALF_HEAD
            return shape.layers * (queries + values + heads * HALF_HEAD * hidden)
        case LinearHybrid(full_layers=full):
            # Its queries come with a gate as large; a linear layer has 16 and 32 heads of 128.
            gated = 3 * queries + 2 * hidden * shape.kv_heads * shape.head_dim
            linear = hidden * (2 * 16 * 128 + 2 * 32 * 128 + 64) + 32 * 128 * hidden
            return full * gated + (shape.layers - full) * linear
        case _:
            return shape.layers * 2 * queries + shape.key_value_params


def counted_params(shape: ModelShape, *, experts_of_a_token: bool = False) -> int:
    outside = attention_params(shape) + shape.embeddings * shape.embedding_params + shape.beside
    mixed, experts, dense = 0, 0, shape.layers
    if (mix := shape.experts) is not None:
        taken = mix.per_token if experts_of_a_token else mix.count
        experts = 3 * shape.hidden * (taken * mix.feed_forward + mix.shared)
        mixed = mix.layers
        experts += shape.hidden * mix.count
        dense -= mix.layers
    return outside + mixed * experts + dense * 3 * shape.hidden * shape.feed_forward


@pytest.mark.parametrize("shape", KNOWN_MODELS.values(), ids=lambda shape: shape.name)
def test_the_figures_of_a_model_add_up_to_its_parameters(shape: ModelShape) -> None:
    # Norms and biases are left out: they are less than a thousandth.
    assert pytest.approx(shape.params, rel=0.001) == counted_params(shape)


@pytest.mark.parametrize(
    "shape",
    [shape for shape in KNOWN_MODELS.values() if shape.experts],
    ids=lambda shape: shape.name,
)
def test_the_experts_of_a_token_add_up_to_the_active_parameters(shape: ModelShape) -> None:
    # Publishers round, and some do not count embeddings.
    counted = counted_params(shape, experts_of_a_token=True)
    without = counted - shape.embeddings * shape.embedding_params

    assert shape.active_params is not None
    assert without * 0.92 <= shape.active_params <= counted * 1.07


@pytest.mark.parametrize("shape", KNOWN_MODELS.values(), ids=lambda shape: shape.name)
def test_a_model_makes_sense(shape: ModelShape) -> None:
    assert 0 == shape.heads % shape.kv_heads
    assert shape.native in QUANTS
    assert ": config.json" in shape.source
    assert shape.source[-4:].isdigit() or "20" in shape.source
    if isinstance(shape.attention, SlidingWindow | LinearHybrid):
        assert 0 <= shape.attention.full_layers < shape.layers
    if shape.experts is not None:
        assert shape.experts.layers <= shape.layers


@pytest.mark.parametrize("shape", KNOWN_MODELS.values(), ids=lambda shape: shape.name)
def test_a_model_answers_to_its_names(shape: ModelShape) -> None:
    for name in (shape.name, *shape.aliases):
        assert shape is read_model(name).shape
        assert shape is read_model(name.lower().replace(" ", "-")).shape
        assert shape is read_model(f"somebody/{name.replace(' ', '-')}-Instruct").shape


@pytest.mark.parametrize(
    ("text", "model", "quant"),
    [
        ("meta-llama/Llama-3.1-70B-Instruct", "Llama 3.1 70B", None),
        ("meta-llama/Meta-Llama-3.1-8B", "Llama 3.1 8B", None),
        ("llama3.1:70b", "Llama 3.1 70B", None),
        ("Llama 3.1 70B", "Llama 3.1 70B", None),
        ("llama3.1:70b-instruct-q4_K_M", "Llama 3.1 70B", "q4_k_m"),
        ("unsloth/Llama-3.3-70B-Instruct-bnb-4bit", "Llama 3.3 70B", "nf4"),
        ("Qwen/Qwen2.5-Coder-32B-Instruct-GPTQ-Int4", "Qwen2.5 32B", "gptq"),
        ("Qwen/Qwen2.5-32B-Instruct-GPTQ-Int8", "Qwen2.5 32B", "int8"),
        ("hugging-quants/Meta-Llama-3.1-70B-Instruct-AWQ-INT4", "Llama 3.1 70B", "awq"),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "Qwen3 235B A22B 2507", "fp8"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "Mistral 7B v0.3", None),
        ("google/gemma-3-27b-it", "Gemma 3 27B", None),
        ("openai/gpt-oss-120b", "GPT-OSS 120B", None),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "DeepSeek R1 Distill Qwen 32B", None),
        ("CohereForAI/c4ai-command-r-plus", "Command R+", None),
        ("command r+", "Command R+", None),
    ],
)
def test_names_are_understood_as_hubs_and_people_write_them(
    text: str, model: str, quant: str | None
) -> None:
    named = read_model(text)

    assert (model, quant) == (named.shape.name, named.quant)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("llama-3.1-71b", "Llama 3.1 70B"),
        ("qwen3-31b", "Qwen3 32B"),
        # Another model than the one without the word: never guessed.
        ("Llama-3.1-70B-Vision", "Llama 3.1 70B"),
        ("awq", ""),
        ("/", ""),
        ("x" * 500, ""),
        ("llama-3.1-8b" + " " * 500, "Llama 3.1 8B"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_and_a_way_out(text: str, nearest: str) -> None:
    with pytest.raises(UnknownModel) as error:
        read_model(text)

    assert "params, layers, kv_heads, head_dim" in error.value.hint
    assert (nearest in error.value.nearest) if nearest else (() == error.value.nearest)
