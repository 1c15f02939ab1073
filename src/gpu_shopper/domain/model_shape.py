"""The shape of a language model: what decides how much memory it takes, as its `config.json` states it.

Counts are of parameters, heads, layers and tokens; nothing here knows of bits or GPUs.
"""

from dataclasses import dataclass, replace
from math import sqrt

from gpu_shopper.domain.errors import Invalid

_HIDDEN_STEP = 128
_VOCAB = 128_000
_FEED_FORWARD_TIMES = 3.5
_LAYER_TIMES = 12


@dataclass(frozen=True, slots=True)
class FullAttention:
    """Every layer keeps keys and values of every token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlidingWindow:
    """Layers keep the last `window` tokens only, but for `full_layers`, which keep all."""

    window: int
    full_layers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Latent:
    """Every layer keeps one vector of `width` numbers a token, in place of keys and values, whatever its heads."""

    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearHybrid:
    """`full_layers` keep every token; each other layer keeps a state of `state` numbers, however long the text."""

    full_layers: int
    state: int


Attention = FullAttention | SlidingWindow | Latent | LinearHybrid


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts:
    """A mixture of experts: `layers` of the model have `count` of them, of which a token takes `per_token`.

    `shared` is the feed-forward width that every token takes beside them.
    """

    count: int
    per_token: int
    feed_forward: int
    layers: int
    shared: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """One model. `params` counts all, `active_params` those that one token goes through.

    `beside` are parameters beside the language model (an eye), `native` is the quantisation that it is published in,
    `tied` says that input and output share one embedding. `assumed` says in words what nobody stated.
    """

    name: str
    params: int
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    feed_forward: int
    vocab: int
    active_params: int | None = None
    max_context: int | None = None
    attention: Attention = FullAttention()
    experts: Experts | None = None
    tied: bool = False
    beside: int = 0
    native: str = "bf16"
    source: str = ""
    aliases: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def embedding_params(self) -> int:
        """Parameters of one matrix between words and numbers."""
        return self.vocab * self.hidden

    @property
    def embeddings(self) -> int:
        """How many such matrices it has."""
        return 1 if self.tied else 2

    @property
    def expert_params(self) -> int:
        """Parameters of the experts that only some tokens take."""
        if self.experts is None:
            return 0
        each = 3 * self.hidden * self.experts.feed_forward
        return self.experts.layers * self.experts.count * each

    @property
    def key_value_params(self) -> int:
        """Parameters that make keys and values; none of their own where these are latent."""
        if isinstance(self.attention, Latent):
            return 0
        return 2 * self.layers * self.hidden * self.kv_heads * self.head_dim

    @property
    def step_width(self) -> int:
        """Numbers that one token takes between the two ends of a feed-forward."""
        if self.experts is None:
            return 3 * self.feed_forward
        routed = self.experts.per_token * (3 * self.experts.feed_forward + self.hidden)
        return max(3 * self.feed_forward, routed + 3 * self.experts.shared)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedShape:
    """A model that somebody describes by hand; None for what they leave to us."""

    params: int
    layers: int
    kv_heads: int
    head_dim: int
    hidden: int | None = None
    heads: int | None = None
    vocab: int | None = None


def shape_by_hand(stated: StatedShape) -> ModelShape:
    """Return the shape that is stated, filled up with what such models usually have, each assumption in words.

    Raises:
        Invalid: the numbers contradict each other.
    """
    assumed: list[str] = []
    hidden = stated.hidden
    if hidden is None:
        # Attention and feed-forward of usual proportions make about 12 × hidden² a layer.
        width = sqrt(stated.params / (_LAYER_TIMES * stated.layers))
        hidden = max(1, round(width / _HIDDEN_STEP)) * _HIDDEN_STEP
        assumed.append(f"hidden size {hidden}, from the parameters of a layer")
    heads = stated.heads
    if heads is None:
        heads = max(1, round(hidden / stated.head_dim / stated.kv_heads)) * stated.kv_heads
        assumed.append(f"{heads} attention heads, from hidden size and head size")
    vocab = stated.vocab
    if vocab is None:
        # A small model has no room for a large vocabulary beside its layers.
        vocab = min(_VOCAB, stated.params // (4 * hidden))
        assumed.append(f"{vocab} words, each with its own input and output vector")
    if heads % stated.kv_heads:
        message = f"{heads} heads cannot share {stated.kv_heads} key-value heads evenly"
        raise Invalid(message, path="kv_heads")
    if 2 * vocab * hidden > stated.params:
        raise Invalid("the vocabulary alone has more parameters than the model", path="params")
    shape = ModelShape(
        name="stated by hand",
        params=stated.params,
        layers=stated.layers,
        hidden=hidden,
        heads=heads,
        kv_heads=stated.kv_heads,
        head_dim=stated.head_dim,
        feed_forward=round(hidden * _FEED_FORWARD_TIMES),
        vocab=vocab,
        source="stated by hand",
    )
    if shape.key_value_params + 2 * vocab * hidden > stated.params:
        message = "keys and values alone have more parameters than the model"
        raise Invalid(message, path="params")
    assumed.append("every layer attends to the whole text, and all parameters are active")
    return replace(shape, assumed=tuple(assumed))
